"""The base of the optimizers: parameters in groups, a state for each parameter, a step, and all of it saved."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, overload

import numpy as np

from minigrad.autograd.anomaly import AnomalyError, nan_is_refused
from minigrad.grad_mode import run_in_mode
from minigrad.hooks import RemovableHandle
from minigrad.optim.flat import Flat
from minigrad.optim.rules import State
from minigrad.optim.settings import (
    FLAGS,
    INTEGERS,
    OF_SCHEDULERS,
    RANGES,
    SWITCHES,
    Range,
    check_kind,
    check_range,
    plain,
    plain_group,
    refuse_switches,
)
from minigrad.output.absent import no_attribute
from minigrad.output.words import class_name, in_brackets, printable
from minigrad.tensors.creation import tensor, zeros_like
from minigrad.tensors.tensor import Tensor

R = TypeVar("R")


class Optimizer:
    """The base: parameters in groups, each group with its own settings, and a state for each parameter.

    A subclass writes `update`: the rule for one parameter. `step` applies it to all parameters that have a gradient,
    after what every rule may have: with the setting "maximize" the gradient changes its sign, and "weight_decay" adds
    weight_decay * x to it, or, if the setting "decoupled_weight_decay" is on, first shrinks x by lr * weight_decay * x
    (Loshchilov and Hutter, 2019).

    Args:
        params: tensors that require gradients, or (name, tensor) pairs as from `model.named_parameters()`; or groups:
            dictionaries {"params": [...], "lr": …} with settings of their own.
        defaults: the settings of groups that do not give theirs.
        switches: foreach, fused, capturable and differentiable of PyTorch, all of them off.

    Raises:
        ValueError: if there are no parameters, one is given twice, one is not a leaf, or a setting is out of its range.
        TypeError: if a parameter is not a tensor, a setting is not a number, or a group has an unknown setting.
        NotImplementedError: if a switch is on.

    >>> from minigrad import optim, tensor
    >>> class SignDescent(optim.Optimizer):
    ...     def update(self, x, dx, state, group):
    ...         return x - group["lr"] * np.sign(dx), state
    >>> w = tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = SignDescent([w], {"lr": 0.5})
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.tolist()
    [0.5, -1.5]

    A subclass in PyTorch's way writes `step`. The state of a parameter is its own dictionary, empty at first:

    >>> from minigrad import no_grad, zeros_like
    >>> class HeavyBall(optim.Optimizer):
    ...     def __init__(self, params, lr=0.1):
    ...         super().__init__(params, {"lr": lr})
    ...     @no_grad()
    ...     def step(self, closure=None):
    ...         for group in self.param_groups:
    ...             for p in group["params"]:
    ...                 state = self.state[p]
    ...                 if not state:
    ...                     state["v"] = zeros_like(p)
    ...                 state["v"].mul_(0.9).add_(p.grad)
    ...                 p.add_(state["v"], alpha=-group["lr"])
    >>> optimizer = HeavyBall([w])
    >>> optimizer.step()
    >>> optimizer.state_dict()["state"]
    {0: {'v': tensor([ 2., -4.])}}
    """

    names: ClassVar[dict[str, str]] = {}
    """PyTorch's names, which `state_dict()` has, for what the rule calls m, v, cache, …"""
    numbers: ClassVar[dict[str, Callable[[Any], Any]]] = {"t": int}
    """Scalar entries of a parameter's state, with their types."""
    elementwise: ClassVar[bool] = False
    """True if the rule treats each number on its own: then it is called on vectors of many parameters, see `flat`. A
    subclass that overrides the rule must say so again."""
    ranges: ClassVar[dict[str, Range]] = RANGES
    """The values that settings may have."""
    has_stepped = False
    """True after a step, in this run or in the one whose state was loaded: a scheduler's steps come after it."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "elementwise" not in vars(cls) and not {"update", "_apply", "rule"}.isdisjoint(vars(cls)):
            cls.elementwise = False

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:  # called only for what is not an ordinary attribute
            raise no_attribute(f"{class_name(self)!r} object", name, lambda: dir(type(self)))

    def __init__(
        self, params: Iterable[Any], defaults: dict[str, Any], switches: dict[str, bool | None] | None = None
    ) -> None:
        who = class_name(self)
        refuse_switches(who, switches or {}, sorted(defaults))
        if isinstance(params, Tensor):
            raise TypeError("params must be a list of tensors or of groups, got one tensor: put it into a list.")
        if hasattr(params, "parameters"):
            raise TypeError(f"params must be the tensors of the module, got the module: {who}(model.parameters(), …).")
        if callable(params):
            raise TypeError(f"params must be tensors, got a function: call it, {who}(model.parameters(), …).")
        _refuse_sets(params)
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._state: dict[Any, State] = defaultdict(dict)  # as PyTorch's: a step of one's own reads self.state[p]
        self._flat: Flat | None = None
        self._pre_hooks: list[Any] = []
        self._post_hooks: list[Any] = []
        params = list(params)
        if not params:
            raise ValueError(f"{who} got no parameters to train: an empty list, or a used-up iterator?")
        for group in params if isinstance(params[0], dict) else [{"params": params}]:
            self.add_param_group(group)

    def __repr__(self) -> str:
        groups = [{k: v for k, v in g.items() if k != "params"} for g in self.param_groups]
        return f"{class_name(self)}({', '.join(map(repr, groups))})"

    # ---- groups -----------------------------------------------------------------------------------------------

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters: {"params": [...]} and the settings that differ from the defaults.

        >>> from minigrad import nn, optim
        >>> body, head = nn.Linear(2, 3), nn.Linear(3, 1)
        >>> optimizer = optim.SGD(body.parameters(), lr=0.1)
        >>> optimizer.add_param_group({"params": head.parameters(), "lr": 0.01})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 0.01]
        """
        who = class_name(self)
        if not isinstance(group, dict) or "params" not in group:
            raise TypeError(f'{who}: a group must be {{"params": [...]}} and settings, got {printable(repr(group))}.')
        _refuse_sets(group["params"])
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        if not params and isinstance(group["params"], Iterator):
            raise ValueError(f"{who}: params of a group is a used-up iterator; make it a list(...) first.")
        if params and all(_is_named(p) for p in params):  # model.named_parameters()
            group = {**group, "param_names": [name for name, _ in params]}
            params = [p for _, p in params]
        known = {*self._all_params()}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{who} trains tensors; parameter {i} is {class_name(p)}: {printable(repr(p))}.")
            if not p.is_leaf:
                raise ValueError(f"{who} trains leaves; parameter {i}, of shape {p.shape}, is a result of {p.grad_fn}.")
            if p in known:
                raise ValueError(f"{who}: parameter {i}{_name(p)} of shape {p.shape} is given twice.")
            known.add(p)
        settings = {name: plain(s) for name, s in {**self.defaults, **group}.items() if name != "params"}
        group = {"params": params, **settings}
        self.check(group)
        self.param_groups.append(group)

    def check(self, group: dict[str, Any]) -> None:
        """Raise if a group has settings that this optimizer does not have, or values out of their range."""
        who = class_name(self)
        if self._has_own_step():  # in PyTorch's way: its settings are its own
            return
        if unknown := group.keys() - self.defaults.keys() - {"params", "param_names"} - OF_SCHEDULERS:
            raise TypeError(f"{who} has no setting {sorted(unknown)}; it has {sorted(self.defaults)}.")
        for name in self.defaults:
            if name in self.ranges:
                check_range(who, name, group[name], self.ranges[name])
            if name in FLAGS | INTEGERS:
                check_kind(who, name, group[name])

    def _has_own_step(self) -> bool:
        """Whether a subclass writes `step`, as those of PyTorch do, instead of `update`."""
        return type(self).step is not Optimizer.step and type(self).update is Optimizer.update

    def _all_params(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    # ---- a step -----------------------------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Remove the gradients of all parameters, or set them to 0; otherwise the next backward pass adds to them."""
        for p in self._all_params():
            p.grad = None if set_to_none or p.grad is None else zeros_like(p.grad)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], R]) -> R: ...
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        If anything raises on the way, even KeyboardInterrupt, each parameter and its state are either both updated or
        both as before. Threads may train one model, each with its own optimizer: the backward pass of one accepts
        that the steps of the others have moved the parameters since its forward pass (Hogwild).

        Args:
            closure: called first; computes the loss and the gradients, and returns the loss.

        Returns:
            What the closure returned.

        Raises:
            AnomalyError: under `detect_anomaly`, if a gradient has nan; no parameter is changed. Otherwise nan in
                a gradient makes the parameter nan, as in PyTorch.
        """
        for hook in tuple(self._pre_hooks):
            hook(self, (closure,), {})
        loss = self._step(closure)
        self.has_stepped = True
        for hook in tuple(self._post_hooks):
            hook(self, (closure,), {})
        return loss

    def _step(self, closure: Callable[[], Any] | None) -> Any:
        loss = None
        if closure is not None:
            loss = run_in_mode(True, closure)
        self._refuse_nan()
        rows = [
            (i, p, p._array, g._array)
            for i, group in enumerate(self.param_groups)
            for p in group["params"]
            if (g := p.grad) is not None
        ]
        rules = [functools.partial(self._apply, group=plain_group(group)) for group in self.param_groups]
        flat = self._flat
        if flat is None or not flat.fits(rows):
            flat = self._flat = Flat(rows, self.state, self.elementwise, self._is_traceable())
            training = {p for _, p, _, _ in rows}
            self._state = defaultdict(dict, {p: s for p, s in self._state.items() if p not in training})
        flat.step(rows, rules)
        return loss

    def _apply(self, x: Any, dx: Any, state: State, group: dict[str, Any]) -> tuple[Any, State]:
        """Apply the rule, after what all rules have in common."""
        if group.get("maximize"):
            dx = -dx
        if decay := group.get("weight_decay"):
            if group.get("decoupled_weight_decay"):
                x = (1 - group["lr"] * decay) * x
            else:
                dx = dx + decay * x
        return self.update(x, dx, state, group)

    def update(self, x: Any, dx: Any, state: State, group: dict[str, Any]) -> tuple[Any, State]:
        """Return the new x and the new state: the rule, with the settings of the group.

        x, dx and the arrays of the state belong to the caller: compute new arrays, do not write into these. The state
        is empty before the first step.
        """
        raise NotImplementedError(f"{class_name(self)} has no update(x, dx, state, group).")

    def _is_traceable(self) -> bool:
        """Whether stand-ins may go through the rule: an elementwise one of this library, not one of a user's."""
        functions = [getattr(self, name, self._apply) for name in ("update", "_apply", "rule")]
        return self.elementwise and all([str(f.__module__).startswith("minigrad.") for f in functions])

    def _refuse_nan(self) -> None:
        if not nan_is_refused():
            return
        for i, p in enumerate(self._all_params()):
            if p.grad is not None and np.isnan(p.grad._array).any():
                raise AnomalyError(
                    f"{class_name(self)}: the gradient of parameter {i}{_name(p)} of shape {p.shape} has nan; no "
                    "parameter was changed. If the backward pass did not raise, the nan was made after it, or before "
                    "anomalies were detected."
                )

    @property
    def state(self) -> dict[Any, State]:
        """The state of each parameter, under the lecture's names: {p: {"t": 3, "m": …, "v": …}}.

        May be changed between steps. A step does not write into a state that was read before: read it again.
        """
        if self._flat is not None:
            self._state.update(self._flat.parameter_states())
            self._flat = None
        return self._state

    @state.setter
    def state(self, value: dict[Any, State]) -> None:
        self._state, self._flat = value, None

    # ---- saving and loading -----------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return all that another optimizer needs to go on from here, in PyTorch's form and with its names.

        {"state": {0: {"exp_avg": …}, …}, "param_groups": [{"lr": …, "params": [0, …]}, …]}: parameters are numbered
        through all groups. Tensors are copies; the number of steps is an int.
        """
        number, states = {p: i for i, p in enumerate(self._all_params())}, self.state
        return {
            "state": {
                i: {self.names.get(name, name): _saved(s) for name, s in states[p].items()}
                for p, i in number.items()
                if states.get(p)
            },
            "param_groups": [{**group, "params": [number[p] for p in group["params"]]} for group in self.param_groups],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict()` returned, here or in PyTorch.

        The parameters stay those of this optimizer; the settings become the saved ones. The state is copied, in the
        dtypes of the parameters.

        Raises:
            ValueError: if the number of groups or parameters or a shape differs, or the state is another optimizer's.
            TypeError: if a setting is unknown here.
        """
        groups = state_dict["param_groups"]
        ours, theirs = ([len(g["params"]) for g in some] for some in (self.param_groups, groups))
        if ours != theirs:
            raise ValueError(
                f"{class_name(self)}: the saved groups have {theirs} parameters, the optimizer's have {ours}."
            )
        new_groups = []
        for group, stored in zip(self.param_groups, groups, strict=True):
            off = {"param_names", *(name for name in SWITCHES if not stored.get(name))}
            new_groups.append({**group, **{k: v for k, v in stored.items() if k not in off}, "params": group["params"]})
            self.check(new_groups[-1])
        parameter = {
            i: p for g, stored in zip(self.param_groups, groups) for i, p in zip(stored["params"], g["params"])
        }
        state = {}
        for i, stored in state_dict["state"].items():
            p = parameter[i]
            state[p] = {
                name: self._restored(p, name, value)
                for name, value in ((self._name_here(their_name), v) for their_name, v in stored.items())
                if name is not None and value is not None
            }
        self.__setstate__({"param_groups": new_groups, "state": defaultdict(dict, state)})
        self.has_stepped = True

    def _name_here(self, name: str) -> str | None:
        """Return the rule's name for an entry of a saved state; None for an entry to leave out."""
        here = {theirs: ours for ours, theirs in self.names.items()}
        if here and name not in here:
            raise ValueError(
                f"{class_name(self)} has a state of {sorted(here)}, got {name!r}: is it another optimizer's state?"
            )
        return here.get(name, name)

    def _restored(self, p: Tensor, name: str, value: Any) -> Any:
        """Return an entry of a saved state as the rule has it."""
        if self._has_own_step():
            return _copied(p, value)
        if name in self.numbers:
            return self.numbers[name](value)
        array = np.array(np.asarray(value), dtype=p.dtype)
        if self.elementwise and array.shape != p.shape:
            raise ValueError(
                f"{class_name(self)}: the saved {self.names.get(name, name)!r} has shape {array.shape}, its "
                f"parameter has {p.shape}: is the order of the parameters the same?"
            )
        return array

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_state": self.state, "_flat": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over attributes. PyTorch's optimizers override it, to add settings that older states do not have."""
        for name, value in state.items():
            setattr(self, name, value)

    # ---- hooks ------------------------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) before each step."""
        return RemovableHandle(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) after each step."""
        return RemovableHandle(self._post_hooks, hook)


def _refuse_sets(params: Any) -> None:
    if isinstance(params, set | frozenset):
        raise TypeError(
            "params must have an order, in which the state is saved, got a set, which has none: give a list."
        )


def _is_named(p: Any) -> bool:
    return isinstance(p, tuple) and len(p) == 2 and isinstance(p[0], str)


def _copied(p: Tensor, value: Any) -> Any:
    """Return an entry of the state of an optimizer in PyTorch's way: a tensor in the dtype of its parameter."""
    if isinstance(value, Tensor):
        return value.detach().clone().to(p.dtype if value.ndim and value.dtype.kind == "f" else value.dtype)
    if isinstance(value, dict):
        return {k: _copied(p, v) for k, v in value.items()}
    return type(value)([_copied(p, v) for v in value]) if type(value) in (list, tuple) else value


def _name(p: Tensor) -> str:
    return in_brackets(p.name)


def _saved(s: Any) -> Any:
    if isinstance(s, list):
        return [_saved(part) for part in s]
    if isinstance(s, Tensor):
        return s.detach().clone()
    return tensor(np.array(s)) if isinstance(s, np.ndarray | np.generic) else s
