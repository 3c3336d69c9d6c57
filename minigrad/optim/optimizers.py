"""Optimisers in PyTorch's manner: each holds parameters and applies one of `rules` to them in `step()`.

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

The names of PyTorch have PyTorch's defaults and convention of momentum; the lecture's own are Momentum and Nesterov
(velocity with the learning rate in it) and AdamIncomplete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from minigrad.optim import rules
from minigrad.optim.optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent; with `momentum` in PyTorch's convention, where the velocity does not contain the learning rate.

    The lecture's convention is `Momentum`: the same steps while lr is constant, others when it decays.
    """

    elementwise = True
    names: ClassVar = {"v": "momentum_buffer"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        **switches: bool | None,
    ) -> None:
        settings = {"lr": lr, "momentum": momentum, "dampening": dampening, "nesterov": nesterov}
        super().__init__(params, {**settings, "weight_decay": weight_decay, "maximize": maximize}, switches)

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        momentum, dampening = group["momentum"], group["dampening"]
        if group["nesterov"] and (momentum <= 0 or dampening != 0):
            raise ValueError(
                f"SGD: nesterov needs momentum > 0, usually 0.9, and no dampening; got {momentum} and {dampening}"
            )

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        if not group["momentum"]:
            return rules.sgd(x, dx, state, group["lr"])
        return rules.momentum_pytorch(
            x, dx, state, group["lr"], group["momentum"], group["dampening"], group["nesterov"]
        )


class Momentum(Optimizer):
    """Momentum as in the lecture: v = mu * v - lr * dx; x += v."""

    elementwise = True
    names: ClassVar = {"v": "v"}

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, mu: float = 0.9, weight_decay: float = 0) -> None:
        super().__init__(params, {"lr": lr, "mu": mu, "weight_decay": weight_decay})

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.momentum(x, dx, state, group["lr"], group["mu"])


class Nesterov(Momentum):
    """Nesterov momentum as in the lecture. The parameters stand at the looked-ahead point, theta + mu * v.

    theta is in the state, so a parameter that is changed from outside goes back to its course with the next step.
    """

    elementwise = True
    names: ClassVar = {"v": "v", "theta": "theta"}

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.nesterov(x, dx, state, group["lr"], group["mu"])


class Adagrad(Optimizer):
    """AdaGrad; eps as in PyTorch (the lecture's is 1e-7).

    The rate decays as lr / (1 + lr_decay * t), with t = 0 in the first step, and the sum begins at
    initial_accumulator_value.
    """

    elementwise = True
    names: ClassVar = {"t": "step", "cache": "sum"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        **switches: bool | None,
    ) -> None:
        settings = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "initial_accumulator_value": initial_accumulator_value}
        super().__init__(params, {**settings, "weight_decay": weight_decay, "maximize": maximize}, switches)

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        t = state.get("t", 0)
        cache = state["cache"] if "cache" in state else np.full_like(x, group["initial_accumulator_value"])
        learning_rate = group["lr"] / (1 + group["lr_decay"] * t)
        x, state = rules.adagrad(x, dx, {"cache": cache}, learning_rate, group["eps"])
        return x, {**state, "t": t + 1}


class RMSprop(Optimizer):
    """RMSProp; alpha is the lecture's decay_rate; eps as in PyTorch (the lecture's is 1e-7).

    centered divides by the deviation of dx from its mean instead; momentum gathers the scaled gradients in a velocity.
    """

    elementwise = True
    names: ClassVar = {"t": "step", "cache": "square_avg", "mean": "grad_avg", "v": "momentum_buffer"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
        **switches: bool | None,
    ) -> None:
        settings = {"lr": lr, "alpha": alpha, "eps": eps, "momentum": momentum, "centered": centered}
        super().__init__(params, {**settings, "weight_decay": weight_decay, "maximize": maximize}, switches)

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        if not group["momentum"] and not group["centered"]:
            return rules.rmsprop(x, dx, state, group["lr"], group["alpha"], group["eps"])
        return rules.rmsprop_momentum(
            x, dx, state, group["lr"], group["alpha"], group["eps"], group["momentum"], group["centered"]
        )


class Adam(Optimizer):
    """Adam with bias correction; eps as in PyTorch (the lecture's is 1e-7).

    amsgrad divides by the largest v so far. weight_decay is added to the gradient, or, if decoupled_weight_decay,
    taken from the parameters themselves: `AdamW`.
    """

    elementwise = True
    names: ClassVar = {"t": "step", "m": "exp_avg", "v": "exp_avg_sq", "v_max": "max_exp_avg_sq"}
    rule: Callable[..., tuple[Any, rules.State]] = staticmethod(rules.adam)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        **switches: bool | None,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        settings |= {"maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, settings, switches)

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        rule: Callable[..., tuple[Any, rules.State]] = rules.amsgrad if group["amsgrad"] else self.rule
        return rule(x, dx, state, group["lr"], *group["betas"], group["eps"])


class AdamW(Adam):
    """Adam whose weight decay is decoupled from the gradient: x itself shrinks (Loshchilov and Hutter, 2019).

    In Adam, what weight decay adds to the gradient is divided by sqrt(v) like the rest of it: numbers with large
    gradients hardly decay.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        **switches: bool | None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True, **switches
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True  # also when Adam went before


class AdamIncomplete(Adam):
    """Adam without bias correction, to see what the correction is for."""

    elementwise = True
    rule = staticmethod(rules.adam_incomplete)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)
