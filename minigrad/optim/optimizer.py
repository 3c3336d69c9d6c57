"""The base of the optimisers: groups of parameters with their settings, and a state per parameter."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from numbers import Real
from typing import Any, ClassVar, NamedTuple, TypeVar, overload

import numpy as np

from minigrad.autograd.anomaly import nan_is_refused
from minigrad.grad_mode import enable_grad
from minigrad.hooks import RemovableHandle
from minigrad.optim.flat import Flat
from minigrad.optim.rules import State
from minigrad.tensors.creation import tensor, zeros_like
from minigrad.tensors.tensor import Tensor

R = TypeVar("R")


class Range(NamedTuple):
    """What values a setting may have: numbers in [least, below)."""

    usual: str
    below: float = math.inf
    least: float = 0
    numbers: int = 1


FRACTION = Range("0.5, 0.9 or 0.99", 1)
RANGES = {
    "lr": Range("0.1 to 1e-4"),
    "momentum": FRACTION._replace(below=math.inf),
    "dampening": Range("0"),
    "mu": FRACTION,
    "alpha": Range("0.9 to 0.99", 1),
    "betas": Range("(0.9, 0.999)", 1, numbers=2),
    "eps": Range("1e-10 to 1e-6"),
    "weight_decay": Range("0 to 0.1"),
    "lr_decay": Range("0"),
    "initial_accumulator_value": Range("0 to 0.1"),
}
"""Of the settings that several optimisers have. One that means something else by a name has `ranges` of its own."""

_SWITCHES = {
    "foreach": "there is one implementation",
    "fused": "there is one implementation",
    "capturable": "there are no graphs of a GPU to be captured",
    "differentiable": "a step is not recorded",
}
"""Keywords of PyTorch that must be off here, and why."""

_OF_SCHEDULERS = {"initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum"}


class Optimizer:
    """The base: parameters in groups, each with its own settings, and a state per parameter.

    A subclass has `update`, the rule for one parameter; `step` applies it to all. What every rule may have is done
    here: with "maximize" the gradient is turned round; "weight_decay" adds that share of x to it, or, if the group
    says "decoupled_weight_decay", shrinks x itself (Loshchilov and Hutter, 2019).

    Args:
        params: tensors that require gradients, or dictionaries {"params": [...], "lr": …} with settings of their own.
        defaults: the settings of groups that do not give theirs.
        switches: foreach, fused, capturable and differentiable of PyTorch, all of them off.

    Raises:
        ValueError: for no parameters, one given twice, a setting that makes no sense, or a tensor that is no leaf.
        TypeError: for what is not a tensor, a setting that is not a number, or a group's unknown setting.
        NotImplementedError: for a switch that is on.
    """

    names: ClassVar[dict[str, str]] = {}
    """PyTorch's names for what the rule calls m, v, cache, …: those in `state_dict()`."""
    numbers: ClassVar[dict[str, Callable[[Any], Any]]] = {"t": int}
    """What in the state is one number for the whole parameter, and its type."""
    elementwise: ClassVar[bool] = False
    """Whether the rule treats each number of a parameter alike and on its own; then it is applied to many parameters at
    once. A subclass with another rule must say so again."""
    ranges: ClassVar[dict[str, Range]] = RANGES
    has_stepped = False
    """Whether step() was called, in this run or in the one whose state was loaded: the schedulers' steps come after."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "elementwise" not in vars(cls) and not {"update", "_apply", "rule"}.isdisjoint(vars(cls)):
            cls.elementwise = False

    def __init__(
        self, params: Iterable[Any], defaults: dict[str, Any], switches: dict[str, bool | None] | None = None
    ) -> None:
        for name, on in (switches or {}).items():
            if name not in _SWITCHES:
                raise TypeError(f"{type(self).__name__} has no setting {name!r}; it has {sorted(defaults)}")
            if on:
                raise NotImplementedError(f"{type(self).__name__}: {name}={on} is not supported: {_SWITCHES[name]}")
        if isinstance(params, Tensor):
            raise TypeError("params is a list of tensors, or of groups: put the one tensor into a list")
        if hasattr(params, "parameters"):
            raise TypeError(f"params are the tensors of a module: {type(self).__name__}(model.parameters(), …)")
        _refuse_sets(params)
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._state: dict[Tensor, State] = {}
        self._flat: Flat | None = None
        self._pre_hooks: list[Any] = []
        self._post_hooks: list[Any] = []
        params = list(params)
        if not params:
            raise ValueError(f"{type(self).__name__} got no parameters to learn: an empty list, or a used-up iterator?")
        for group in params if isinstance(params[0], dict) else [{"params": params}]:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Take on more parameters: {"params": [...], and settings}."""
        if not isinstance(group, dict) or "params" not in group:
            raise TypeError(f'{type(self).__name__}: a group is {{"params": [...], and settings}}; got {group!r}')
        _refuse_sets(group["params"])
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        if not params and isinstance(group["params"], Iterator):
            raise ValueError(
                f"{type(self).__name__}: params of a group is a used-up iterator: make it a list(...) first"
            )
        known = {p for g in self.param_groups for p in g["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{type(self).__name__} learns tensors; parameter {i} is {type(p).__name__}: {p!r}")
            if not p.is_leaf:
                raise ValueError(
                    f"parameter {i}, of shape {p.shape}, is a result of {p.grad_fn}; only leaves are learnt"
                )
            if p in known:
                raise ValueError(f"parameter {i}{f' ({p.name})' if p.name else ''} of shape {p.shape} is given twice")
            known.add(p)
        group = {**_plain({**self.defaults, **group}), "params": params}
        self.check(group)
        self.param_groups.append(group)

    def check(self, group: dict[str, Any]) -> None:
        """Raise if a group has settings that the optimiser has not, or values that make no sense."""
        unknown = group.keys() - self.defaults.keys() - {"params"} - _OF_SCHEDULERS
        if unknown:
            raise TypeError(f"{type(self).__name__} has no setting {sorted(unknown)}; it has {sorted(self.defaults)}")
        for name in [name for name in self.defaults if name in self.ranges]:
            value, (usual, below, least, count) = group[name], self.ranges[name]
            numbers = value if count > 1 and isinstance(value, list | tuple) else (value,)
            if not all(isinstance(n, Real) for n in numbers) or len(numbers) != count:
                kind = "a number" if count == 1 else f"{'two' if count == 2 else count} numbers"
                raise TypeError(f"{type(self).__name__}: {name} is {kind}, got {value!r}; usual is {usual}")
            if not all(least <= n < below for n in numbers):
                raise ValueError(
                    f"{type(self).__name__}: {name}={value} is out of [{least}, {below}); usual is {usual}"
                )

    @property
    def state(self) -> dict[Any, State]:
        """The state of each parameter, such as {"t": 3, "m": …, "v": …}. After a step, read it anew."""
        if self._flat is not None:
            self._state.update(self._flat.parameter_states())
            self._flat = None
        return self._state

    @state.setter
    def state(self, value: dict[Any, State]) -> None:
        self._state, self._flat = value, None

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; else the next backward adds to them."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None if set_to_none or p.grad is None else zeros_like(p.grad)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], R]) -> R: ...
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient, by the rule.

        A nan in a gradient makes the parameter nan, as in PyTorch; under `detect_anomaly` it raises, and nothing is
        changed.

        Args:
            closure: computes the loss and its gradients anew; called first, and its loss returned.
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
            with enable_grad():
                loss = closure()
        self._look_for_nan()
        rows = [
            (i, p, p._array, g._array)
            for i, group in enumerate(self.param_groups)
            for p in group["params"]
            if (g := p.grad) is not None
        ]
        rules = [functools.partial(self._apply, group=_plain_settings(group)) for group in self.param_groups]
        if self._flat is None or not self._flat.fits(rows):
            self._flat = Flat(rows, self.state, self.elementwise)
            learning = {p for _, p, _, _ in rows}
            self._state = {p: s for p, s in self._state.items() if p not in learning}
        self._flat.step(rows, rules)
        return loss

    def _look_for_nan(self) -> None:
        if not nan_is_refused():
            return
        for i, p in enumerate(self._all_params()):
            if p.grad is not None and np.isnan(p.grad._array).any():
                raise FloatingPointError(
                    f"{type(self).__name__}: the gradient of parameter {i}{f' ({p.name})' if p.name else ''} of shape "
                    f"{p.shape} has nan; no parameter was changed. If the backward pass did not raise, it was made "
                    "after it, or before anomalies were detected"
                )

    def update(self, x: Any, dx: Any, state: State, group: dict[str, Any]) -> tuple[Any, State]:
        """The rule, with the group's settings: the new x and the new state."""
        raise NotImplementedError

    def _apply(self, x: Any, dx: Any, state: State, group: dict[str, Any]) -> tuple[Any, State]:
        if group.get("maximize"):
            dx = -dx
        if decay := group.get("weight_decay"):
            if group.get("decoupled_weight_decay"):
                x = (1 - group["lr"] * decay) * x
            else:
                dx = dx + decay * x
        return self.update(x, dx, state, group)

    # ---- what is saved ----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """All that a fresh optimiser needs to go on from here, in PyTorch's form and with its names.

        {"state": {0: {"exp_avg": …}, …}, "param_groups": [{"lr": …, "params": [0, …]}, …]}: a parameter is named by its
        position, counted through all groups. Tensors are copies; the number of steps is an int.
        """
        position, states = {p: i for i, p in enumerate(self._all_params())}, self.state
        return {
            "state": {
                i: {self.names.get(name, name): _saved(s) for name, s in states[p].items()}
                for p, i in position.items()
                if states.get(p)
            },
            "param_groups": [
                {**group, "params": [position[p] for p in group["params"]]} for group in self.param_groups
            ],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict()` gave, here or in PyTorch.

        The parameters stay those of this optimiser, the settings become those of the saved one. The state is copied,
        in the dtypes of the parameters.

        Raises:
            ValueError: for other numbers of groups or parameters, other shapes, or the state of another optimiser.
            TypeError: for settings that this optimiser does not have.
        """
        who, groups = type(self).__name__, state_dict["param_groups"]
        ours, theirs = ([len(g["params"]) for g in all_groups] for all_groups in (self.param_groups, groups))
        if ours != theirs:
            raise ValueError(f"{who}: the saved groups have {theirs} parameters, these have {ours}")
        new_groups = []
        for group, stored in zip(self.param_groups, groups, strict=True):
            off = {name for name in (*_SWITCHES, "param_names") if name == "param_names" or not stored.get(name)}
            new_groups.append({**group, **{k: v for k, v in stored.items() if k not in off}, "params": group["params"]})
            self.check(new_groups[-1])
        position = {i: p for g, theirs in zip(self.param_groups, groups) for i, p in zip(theirs["params"], g["params"])}
        state = {}
        for i, stored in state_dict["state"].items():
            p = position[i]
            state[p] = {
                name: self._restored(p, name, value)
                for name, value in ((self._name_here(their_name), v) for their_name, v in stored.items())
                if name is not None and value is not None
            }
        self.param_groups, self.state, self.has_stepped = new_groups, state, True

    def _name_here(self, name: str) -> str | None:
        here = {theirs: ours for ours, theirs in self.names.items()}
        if here and name not in here:
            raise ValueError(
                f"{type(self).__name__} keeps {sorted(here)}, not {name!r}: is this the state of another optimiser?"
            )
        return here.get(name, name)

    def _restored(self, p: Tensor, name: str, value: Any) -> Any:
        if name in self.numbers:
            return self.numbers[name](value)
        array = np.array(np.asarray(value), dtype=p.dtype)
        if self.elementwise and array.shape != p.shape:
            raise ValueError(
                f"{type(self).__name__}: the saved {self.names.get(name, name)!r} has shape {array.shape}, "
                f"and its parameter {p.shape}: is the order of the parameters the same?"
            )
        return array

    def _all_params(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    # ---- hooks ------------------------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Have hook(optimizer, args, kwargs) called before each step."""
        return RemovableHandle(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Have hook(optimizer, args, kwargs) called after each step."""
        return RemovableHandle(self._post_hooks, hook)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_state": self.state, "_flat": None}

    def __repr__(self) -> str:
        groups = [{k: v for k, v in g.items() if k != "params"} for g in self.param_groups]
        return f"{type(self).__name__}({', '.join(map(repr, groups))})"


def _refuse_sets(params: Any) -> None:
    if isinstance(params, set | frozenset):
        raise TypeError(
            "params is a set, which has no order, and the state is saved in the parameters' order: give a list"
        )


_PYTHONS = {float, int, bool, list, tuple, str, type(None)}


def _plain(setting: Any) -> Any:
    """NumPy's numbers in it as Python's: a float64 would make float64 of all that it meets."""
    if isinstance(setting, np.generic):
        return setting.item()
    if isinstance(setting, dict):
        return {name: _plain(s) for name, s in setting.items()}
    return tuple(map(_plain, setting)) if isinstance(setting, tuple) else setting


def _plain_settings(group: dict[str, Any]) -> dict[str, Any]:
    return group if _PYTHONS.issuperset(map(type, group.values())) else _plain(group)


def _saved(s: Any) -> Any:
    if isinstance(s, list):
        return [_saved(part) for part in s]
    return tensor(np.array(s)) if isinstance(s, np.ndarray | np.generic) else s
