"""Optimisers in PyTorch's manner: each holds parameters and applies one of `rules` to them in `step()`.

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

The names of PyTorch have PyTorch's defaults and convention of momentum; the lecture's own are Momentum and Nesterov
(velocity with the learning rate in it) and AdamIncomplete.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

from minigrad import guard
from minigrad.creation import zeros_like
from minigrad.optim import rules
from minigrad.tensors import Tensor

_BELOW = {
    **dict.fromkeys(("lr", "eps", "weight_decay", "momentum"), math.inf),
    **dict.fromkeys(("mu", "alpha", "betas"), 1),
}
"""The settings that are at least 0, and what they stay below."""


class Optimizer:
    """The base: parameters in groups, each with its own settings, and a state per parameter.

    Args:
        params: tensors that require gradients, or dictionaries {"params": [...], "lr": …} with settings of their own.
        defaults: the settings of groups that do not give theirs.

    Raises:
        ValueError: for no parameters, one given twice, a setting that makes no sense, or a tensor that is no leaf.
        TypeError: for what is not a tensor, a setting that is not a number, or a group's unknown setting.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError("params is a list of tensors, or of groups: put the one tensor into a list")
        if hasattr(params, "parameters"):
            raise TypeError(f"params are the tensors of a module: {type(self).__name__}(model.parameters(), …)")
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, rules.State] = {}
        params = list(params)
        if not params:
            raise ValueError(f"{type(self).__name__} got no parameters to learn: an empty list, or a used-up iterator?")
        for group in params if isinstance(params[0], dict) else [{"params": params}]:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Take on more parameters: {"params": [...], and settings}."""
        if not isinstance(group, dict) or "params" not in group:
            raise TypeError(f'{type(self).__name__}: a group is {{"params": [...], and settings}}; got {group!r}')
        unknown = group.keys() - self.defaults.keys() - {"params", "initial_lr"}  # the latter is the schedulers'
        if unknown:
            raise TypeError(f"{type(self).__name__} has no setting {sorted(unknown)}; it has {sorted(self.defaults)}")
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
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
        group = {**self.defaults, **group, "params": params}
        for name in group.keys() & _BELOW.keys():
            numbers = group[name] if name == "betas" and isinstance(group[name], list | tuple) else (group[name],)
            if not all(isinstance(n, Real) for n in numbers) or len(numbers) != 1 + (name == "betas"):
                kind = "two numbers" if name == "betas" else "a number"
                raise TypeError(f"{type(self).__name__}: {name} is {kind}, got {group[name]!r}")
            if not all(0 <= n < _BELOW[name] for n in numbers):
                raise ValueError(f"{type(self).__name__}: {name}={group[name]} is out of [0, {_BELOW[name]})")
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; else the next backward adds to them."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None if set_to_none or p.grad is None else zeros_like(p.grad)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient, by the rule.

        Args:
            closure: computes the loss and its gradients anew; called first, and its loss returned.
        """
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                x, dx = p._array, p.grad._array
                if group["weight_decay"]:
                    dx = dx + group["weight_decay"] * x
                new, self.state[p] = self.update(x, dx, self.state.get(p, {}), group)
                x[...] = new
                guard.wrote(x)
        return loss

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        """The rule, with the group's settings."""
        raise NotImplementedError

    def __repr__(self) -> str:
        groups = [{k: v for k, v in g.items() if k != "params"} for g in self.param_groups]
        return f"{type(self).__name__}({', '.join(map(repr, groups))})"


class SGD(Optimizer):
    """Gradient descent; with `momentum` in PyTorch's convention, where the velocity does not contain the learning rate.

    The lecture's convention is `Momentum`: the same steps while lr is constant, others when it decays.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
    ) -> None:
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(f"SGD: nesterov needs momentum > 0 and no dampening, got {momentum} and {dampening}")
        settings = {"lr": lr, "momentum": momentum, "dampening": dampening, "nesterov": nesterov}
        super().__init__(params, {**settings, "weight_decay": weight_decay})

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        if not group["momentum"]:
            return rules.sgd(x, dx, state, group["lr"])
        return rules.momentum_pytorch(
            x, dx, state, group["lr"], group["momentum"], group["dampening"], group["nesterov"]
        )


class Momentum(Optimizer):
    """Momentum as in the lecture: v = mu * v - lr * dx; x += v."""

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, mu: float = 0.9, weight_decay: float = 0) -> None:
        super().__init__(params, {"lr": lr, "mu": mu, "weight_decay": weight_decay})

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.momentum(x, dx, state, group["lr"], group["mu"])


class Nesterov(Momentum):
    """Nesterov momentum as in the lecture. The parameters stand at the looked-ahead point, theta + mu * v.

    theta is in the state, so a parameter that is changed from outside goes back to its course with the next step.
    """

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.nesterov(x, dx, state, group["lr"], group["mu"])


class Adagrad(Optimizer):
    """AdaGrad; eps as in PyTorch (the lecture's is 1e-7)."""

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, *, weight_decay: float = 0, eps: float = 1e-10) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "eps": eps})

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.adagrad(x, dx, state, group["lr"], group["eps"])


class RMSprop(Optimizer):
    """RMSProp; alpha is the lecture's decay_rate; eps as in PyTorch (the lecture's is 1e-7)."""

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0
    ) -> None:
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay})

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.rmsprop(x, dx, state, group["lr"], group["alpha"], group["eps"])


class Adam(Optimizer):
    """Adam with bias correction; eps as in PyTorch (the lecture's is 1e-7)."""

    rule: Callable[..., tuple[Any, rules.State]] = staticmethod(rules.adam)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return self.rule(x, dx, state, group["lr"], *group["betas"], group["eps"])


class AdamIncomplete(Adam):
    """Adam without bias correction, to see what the correction is for."""

    rule = staticmethod(rules.adam_incomplete)
