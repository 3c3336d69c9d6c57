"""The best known optimizers, in PyTorch's manner: each holds parameters and applies one of `rules` in `step()`.

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
    """Gradient descent, with momentum in PyTorch's convention.

        x = x - lr * dx

    With momentum, a velocity v gathers the gradients, and the current learning rate scales all of it:

        v = momentum * v + (1 - dampening) * dx   (v = dx in the first step)
        x = x - lr * v
        x = x - lr * (dx + momentum * v)          (with nesterov)

    The lecture's convention is `Momentum`, where v contains the learning rate: the same steps while lr is constant,
    others when it decays.

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate (default 1e-3; usual values are 0.1 to 1e-3).
        momentum: how much of v remains in each step (default 0: no momentum; usual values are 0.5, 0.9 and 0.99).
        dampening: what the gradient loses on its way into v (default 0).
        weight_decay: adds weight_decay * x to dx (default 0; usual values are 0 to 0.1).
        nesterov: look ahead by one more momentum step (default False).
        maximize: go up instead of down (default False).
        switches: foreach, fused and differentiable of PyTorch, which must be off.

    State: v, which is "momentum_buffer" in `state_dict()`; with momentum only.

    Raises:
        ValueError: if a setting is out of its range, or nesterov is on without momentum or with dampening.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> optimizer = optim.SGD([x], lr=0.1, momentum=0.5)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     (x * x).sum().backward()
    ...     optimizer.step()
    >>> round(x.item(), 4)
    0.302

    Source: CS231n, "Parameter updates"; Sutskever et al., "On the importance of initialization and momentum in deep
    learning", 2013.
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
                f"SGD: nesterov needs momentum > 0, usually 0.9, and dampening 0, got {momentum} and {dampening}."
            )

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        if not group["momentum"]:
            return rules.sgd(x, dx, state, group["lr"])
        return rules.momentum_pytorch(
            x, dx, state, group["lr"], group["momentum"], group["dampening"], group["nesterov"]
        )


class Momentum(Optimizer):
    """Momentum as in the lecture: a ball that rolls down the loss surface.

        v = mu * v - lr * dx
        x = x + v

    v contains the learning rate. PyTorch's convention is `SGD`, where it does not.

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate (default 1e-2).
        mu: how much of v remains in each step (default 0.9; usual values are 0.5, 0.9 and 0.99).
        weight_decay: adds weight_decay * x to dx (default 0).

    State: v.

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Momentum([x], lr=0.1, mu=0.5)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     (x * x).sum().backward()
    ...     optimizer.step()
    >>> round(x.item(), 4), round(optimizer.state[x]["v"].item(), 4)
    (0.302, -0.238)

    Source: CS231n, "Parameter updates".
    """

    elementwise = True
    names: ClassVar = {"v": "v"}

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, mu: float = 0.9, weight_decay: float = 0) -> None:
        super().__init__(params, {"lr": lr, "mu": mu, "weight_decay": weight_decay})

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.momentum(x, dx, state, group["lr"], group["mu"])


class Nesterov(Momentum):
    """Nesterov momentum as in the lecture: the gradient is taken where the momentum step will lead.

        v = mu * v - lr * dx          (dx at theta + mu * v)
        theta = theta + v
        x = theta + mu * v

    The parameters x are therefore the looked-ahead point; theta, the point of the formula, is in the state. A parameter
    that is changed from outside returns to its course with the next step.

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate (default 1e-2).
        mu: how much of v remains in each step (default 0.9; usual values are 0.5, 0.9 and 0.99).
        weight_decay: adds weight_decay * x to dx (default 0).

    State: v, theta.

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Nesterov([x], lr=0.1, mu=0.5)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> round(x.item(), 4), round(optimizer.state[x]["theta"].item(), 4)
    (0.7, 0.8)

    Source: CS231n, "Parameter updates"; Nesterov, "A method for solving the convex programming problem with
    convergence rate O(1/k^2)", 1983.
    """

    elementwise = True
    names: ClassVar = {"v": "v", "theta": "theta"}

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.nesterov(x, dx, state, group["lr"], group["mu"])


class Adagrad(Optimizer):
    """AdaGrad: each number has its own learning rate, which shrinks with the squares of its gradients.

        cache = cache + dx**2
        x = x - lr / (1 + lr_decay * t) * dx / (sqrt(cache) + eps)     (t = 0 in the first step)

    The sum only grows, so the steps shrink towards 0.

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate (default 1e-2).
        lr_decay: how fast the learning rate decays in addition (default 0).
        weight_decay: adds weight_decay * x to dx (default 0).
        initial_accumulator_value: what cache starts from (default 0; usual values are 0 to 0.1).
        eps: against a division by 0 (default 1e-10, as in PyTorch; the lecture's is 1e-7).
        maximize: go up instead of down (default False).
        switches: foreach, fused and differentiable of PyTorch, which must be off.

    State: t, cache, which are "step" and "sum" in `state_dict()`.

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = optim.Adagrad([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()  # the first step has length lr, whatever the gradient
    >>> [round(value, 4) for value in x.tolist()]
    [0.9, 99.9]

    Source: Duchi et al., "Adaptive subgradient methods for online learning and stochastic optimization", 2011.
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
    """RMSProp: AdaGrad with a leaking mean of squares instead of a sum, so that the steps do not die.

        cache = alpha * cache + (1 - alpha) * dx**2
        x = x - lr * dx / (sqrt(cache) + eps)

    If centered, the deviation of dx from its leaking mean takes the place of sqrt(cache). With momentum, a velocity
    gathers the scaled gradients:

        v = momentum * v + dx / (sqrt(cache) + eps)
        x = x - lr * v

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate (default 1e-2; usual values are 1e-2 to 1e-4).
        alpha: the lecture's decay_rate (default 0.99; usual values are 0.9 to 0.99).
        eps: against a division by 0 (default 1e-8, as in PyTorch; the lecture's is 1e-7).
        weight_decay: adds weight_decay * x to dx (default 0).
        momentum: how much of v remains in each step (default 0: no momentum).
        centered: divide by the deviation of dx from its mean (default False).
        maximize: go up instead of down (default False).
        switches: foreach, capturable and differentiable of PyTorch, which must be off.

    State: cache; if centered mean, with momentum v. In `state_dict()`: "square_avg", "grad_avg", "momentum_buffer".

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = optim.RMSprop([x], lr=0.01)
    >>> (x * x).sum().backward()
    >>> optimizer.step()  # cache has a hundredth of dx**2, so the first step is ten times lr
    >>> [round(value, 4) for value in x.tolist()]
    [0.9, 99.9]

    Source: Tieleman and Hinton, lecture 6.5 of "Neural networks for machine learning", 2012; centered and momentum:
    Graves, "Generating sequences with recurrent neural networks", 2013.
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
    """Adam: momentum and RMSProp together, with a correction for their start at 0.

        m = beta1 * m + (1 - beta1) * dx
        v = beta2 * v + (1 - beta2) * dx**2
        mb = m / (1 - beta1**t)               (t = 1 in the first step)
        vb = v / (1 - beta2**t)
        x = x - lr * mb / (sqrt(vb) + eps)

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate (default 1e-3; usual values are 1e-3 to 1e-4).
        betas: beta1 and beta2, how much of m and v remains in each step (default (0.9, 0.999)).
        eps: against a division by 0 (default 1e-8, as in PyTorch; the lecture's is 1e-7).
        weight_decay: adds weight_decay * x to dx (default 0).
        amsgrad: divide by the largest v so far (default False).
        maximize: go up instead of down (default False).
        decoupled_weight_decay: let weight_decay shrink x itself, as `AdamW` does (default False).
        switches: foreach, fused, capturable and differentiable of PyTorch, which must be off.

    State: t, m, v; with amsgrad v_max. In `state_dict()`: "step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq".

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = optim.Adam([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()  # the first step has length lr, whatever the gradient
    >>> [round(value, 4) for value in x.tolist()]
    [0.9, 99.9]

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2014; amsgrad: Reddi et al., "On the
    convergence of Adam and beyond", 2018.
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
    """Adam with decoupled weight decay: the weights themselves shrink.

        x = (1 - lr * weight_decay) * x, then the step of `Adam`

    In Adam, what weight decay adds to the gradient is divided by sqrt(v) like the rest of it, so that numbers with
    large gradients hardly decay.

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate (default 1e-3; usual values are 1e-3 to 1e-4).
        betas: beta1 and beta2, how much of m and v remains in each step (default (0.9, 0.999)).
        eps: against a division by 0 (default 1e-8).
        weight_decay: how much x shrinks, times lr (default 1e-2; usual values are 1e-2 to 0.1).
        amsgrad: divide by the largest v so far (default False).
        maximize: go up instead of down (default False).
        switches: foreach, fused, capturable and differentiable of PyTorch, which must be off.

    State: as `Adam`.

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> x.grad = tensor([0.0])
    >>> optimizer = optim.AdamW([x], lr=0.1, weight_decay=0.5)
    >>> optimizer.step()  # no gradient, only decay: x times 1 - 0.1 * 0.5
    >>> round(x.item(), 4)
    0.95

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
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
    """Adam without bias correction, to see what the correction is for.

        m = beta1 * m + (1 - beta1) * dx
        v = beta2 * v + (1 - beta2) * dx**2
        x = x - lr * m / (sqrt(v) + eps)

    The first steps are too long: m has (1 - beta1) of the gradient, sqrt(v) only sqrt(1 - beta2) of it.

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate (default 1e-3).
        betas: beta1 and beta2, how much of m and v remains in each step (default (0.9, 0.999)).
        eps: against a division by 0 (default 1e-8; the lecture's is 1e-7).
        weight_decay: adds weight_decay * x to dx (default 0).

    State: m, v.

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> optim.AdamIncomplete([x], lr=0.1).step()
    >>> round(x.item(), 4)  # a step of 0.1 * 0.1 / sqrt(0.001); Adam's is 0.1
    0.6838

    Source: CS231n, "Parameter updates".
    """

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
