"""More optimizers with a step size for each number of a parameter; `optimizers` has the best known ones."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from minigrad.optim import rules
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.settings import FRACTION, RANGES, Range


class Adadelta(Optimizer):
    """Adadelta: RMSProp whose steps have the size of the last ones, in the units of x.

        cache = rho * cache + (1 - rho) * dx**2
        step = sqrt(steps + eps) / sqrt(cache + eps) * dx
        steps = rho * steps + (1 - rho) * step**2
        x = x - lr * step

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate, which the paper does not have (default 1).
        rho: the lecture's decay_rate (default 0.9; usual values are 0.9 to 0.99).
        eps: where the first steps come from, as steps starts at 0 (default 1e-6).
        weight_decay: adds weight_decay * x to dx (default 0).
        maximize: go up instead of down (default False).
        switches: foreach, capturable and differentiable of PyTorch, which must be off.

    State: cache, steps, which are "square_avg" and "acc_delta" in `state_dict()`.

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Adadelta([x])
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> round(x.item(), 4)  # a step of sqrt(1e-6 / 0.4) * 2: it begins slowly
    0.9968

    Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012.
    """

    elementwise = True
    names: ClassVar = {"t": "step", "cache": "square_avg", "steps": "acc_delta"}
    ranges: ClassVar = RANGES | {"lr": Range("1"), "rho": FRACTION}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        **switches: bool | None,
    ) -> None:
        settings = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings, switches)

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.adadelta(x, dx, state, group["lr"], group["rho"], group["eps"])


class Adamax(Optimizer):
    """AdaMax: Adam with a leaking maximum of abs(dx) instead of the root of a mean of squares.

        m = beta1 * m + (1 - beta1) * dx
        u = max(beta2 * u, abs(dx) + eps)
        x = x - lr * m / (1 - beta1**t) / u

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate (default 2e-3).
        betas: how much of m and u remains in each step (default (0.9, 0.999)).
        eps: against a division by 0 (default 1e-8).
        weight_decay: adds weight_decay * x to dx (default 0).
        maximize: go up instead of down (default False).
        switches: foreach, capturable and differentiable of PyTorch, which must be off.

    State: t, m, u, which are "step", "exp_avg" and "exp_inf" in `state_dict()`.

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0, 100.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> optim.Adamax([x], lr=0.1).step()
    >>> [round(value, 4) for value in x.tolist()]
    [0.9, 99.9]

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2014, section 7.1.
    """

    elementwise = True
    names: ClassVar = {"t": "step", "m": "exp_avg", "u": "exp_inf"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        **switches: bool | None,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings, switches)

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        beta1, beta2 = group["betas"]
        return rules.adamax(x, dx, state, group["lr"], beta1, beta2, group["eps"])


class NAdam(Optimizer):
    """NAdam: Adam with Nesterov momentum, and a mu that grows with t.

        mu_t = beta1 * (1 - 0.5 * 0.96**(t * momentum_decay))
        m = beta1 * m + (1 - beta1) * dx
        v = beta2 * v + (1 - beta2) * dx**2
        mb = mu_(t+1) * m / (1 - mu_1 * … * mu_(t+1)) + (1 - mu_t) * dx / (1 - mu_1 * … * mu_t)
        vb = v / (1 - beta2**t)
        x = x - lr * mb / (sqrt(vb) + eps)

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate (default 2e-3).
        betas: beta1 and beta2, how much of m and v remains in each step (default (0.9, 0.999)).
        eps: against a division by 0 (default 1e-8).
        weight_decay: adds weight_decay * x to dx (default 0).
        momentum_decay: how fast mu grows (default 4e-3).
        decoupled_weight_decay: let weight_decay shrink x itself, as `AdamW` does (default False).
        maximize: go up instead of down (default False).
        switches: foreach, capturable and differentiable of PyTorch, which must be off.

    State: t, mu_product, m, v, which are "step", "mu_product", "exp_avg" and "exp_avg_sq" in `state_dict()`.

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> optimizer = optim.NAdam([x], lr=0.1)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     (x * x).sum().backward()
    ...     optimizer.step()
    >>> round(x.item(), 4), round(optimizer.state[x]["mu_product"], 4)
    (0.82, 0.2026)

    Source: Dozat, "Incorporating Nesterov momentum into Adam", 2016.
    """

    elementwise = True
    names: ClassVar = {"t": "step", "mu_product": "mu_product", "m": "exp_avg", "v": "exp_avg_sq"}
    numbers: ClassVar = {"t": int, "mu_product": float}
    ranges: ClassVar = RANGES | {"momentum_decay": Range("0.004")}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **switches: bool | None,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        settings |= {"momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, settings, switches)

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        beta1, beta2 = group["betas"]
        return rules.nadam(x, dx, state, group["lr"], beta1, beta2, group["eps"], group["momentum_decay"])


class RAdam(Optimizer):
    """RAdam: Adam that makes plain momentum's steps until v has seen enough gradients.

        m, v, mb as in `Adam`
        rho = 2 / (1 - beta2) - 1 - 2 * t * beta2**t / (1 - beta2**t)
        x = x - lr * mb                                              (while rho <= 5)
        x = x - lr * mb * r * sqrt(1 - beta2**t) / (sqrt(v) + eps)   (later)

    rho is how many gradients v averages over: with few, v varies too much to divide by it. r corrects for what remains
    of that, and goes to 1.

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate (default 1e-3).
        betas: beta1 and beta2, how much of m and v remains in each step (default (0.9, 0.999)).
        eps: against a division by 0 (default 1e-8).
        weight_decay: adds weight_decay * x to dx (default 0).
        decoupled_weight_decay: let weight_decay shrink x itself, as `AdamW` does (default False).
        maximize: go up instead of down (default False).
        switches: foreach, capturable and differentiable of PyTorch, which must be off.

    State: t, m, v, which are "step", "exp_avg" and "exp_avg_sq" in `state_dict()`.

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0, 100.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> optim.RAdam([x], lr=0.1).step()
    >>> [round(value, 4) for value in x.tolist()]  # gradient descent, not steps of 0.1
    [0.8, 80.0]

    Source: Liu et al., "On the variance of the adaptive learning rate and beyond", 2020.
    """

    elementwise = True
    names: ClassVar = {"t": "step", "m": "exp_avg", "v": "exp_avg_sq"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **switches: bool | None,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings | {"decoupled_weight_decay": decoupled_weight_decay}, switches)

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        beta1, beta2 = group["betas"]
        return rules.radam(x, dx, state, group["lr"], beta1, beta2, group["eps"])


class ASGD(Optimizer):
    """Averaged gradient descent: a decaying learning rate, and the mean of all x from step t0 on.

        x = (1 - lambd * eta) * x - eta * dx
        ax = ax + mu * (x - ax)
        eta = lr / (1 + lambd * lr * t)**alpha
        mu = 1 / max(1, t - t0)

    The mean of a parameter p, which is less noisy than p, is `optimizer.state[p]["ax"]`.

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the learning rate (default 1e-2).
        lambd: how fast the rate decays, and a weight decay (default 1e-4).
        alpha: the power of the decay (default 0.75).
        t0: the step from which the mean is taken (default 1e6; until then ax is x).
        weight_decay: adds weight_decay * x to dx (default 0).
        maximize: go up instead of down (default False).
        switches: foreach, capturable and differentiable of PyTorch, which must be off.

    State: t, eta, mu, ax; t is "step" in `state_dict()`.

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> optimizer = optim.ASGD([x], lr=0.9, lambd=0.0, t0=1)
    >>> for _ in range(4):
    ...     optimizer.zero_grad()
    ...     (x * x).sum().backward()
    ...     optimizer.step()
    >>> round(x.item(), 4), round(optimizer.state[x]["ax"].item(), 4)  # x jumps from side to side of the minimum
    (0.4096, -0.0512)

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
    """

    elementwise = True
    names: ClassVar = {"t": "step", "eta": "eta", "mu": "mu", "ax": "ax"}
    numbers: ClassVar = {"t": int, "eta": float, "mu": float}
    ranges: ClassVar = RANGES | {"lambd": Range("1e-4"), "alpha": Range("0.75"), "t0": Range("1e6")}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        **switches: bool | None,
    ) -> None:
        settings = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0}
        super().__init__(params, {**settings, "weight_decay": weight_decay, "maximize": maximize}, switches)

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.asgd(x, dx, state, group["lr"], group["lambd"], group["alpha"], group["t0"])


class Rprop(Optimizer):
    """Rprop: only the sign of the gradient counts; each number has its own step size.

        step = grow * step      where dx has the sign it had in the last step
        step = shrink * step    where the sign has changed: the minimum was passed, and dx is set to 0
        x = x - sign(dx) * step

    For full batches: noise changes signs.

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the first step size (default 1e-2).
        etas: shrink and grow (default (0.5, 1.2)).
        step_sizes: the smallest and the largest step size (default (1e-6, 50)).
        maximize: go up instead of down (default False).
        switches: foreach, capturable and differentiable of PyTorch, which must be off.

    State: dx of the last step, step, which are "prev" and "step_size" in `state_dict()`.

    Raises:
        ValueError: if etas are not one number below 1 and one above, or step_sizes are not in order.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = optim.Rprop([x], lr=0.1)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     (x * x).sum().backward()
    ...     optimizer.step()
    >>> [round(value, 4) for value in x.tolist()]  # steps of 0.1, 0.12, 0.144
    [0.636, 99.636]

    Source: Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning", 1993.
    """

    elementwise = True
    names: ClassVar = {"t": "step", "dx": "prev", "step": "step_size"}
    ranges: ClassVar = RANGES | {"etas": Range("(0.5, 1.2)", numbers=2), "step_sizes": Range("(1e-6, 50)", numbers=2)}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        maximize: bool = False,
        **switches: bool | None,
    ) -> None:
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize}, switches)

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        shrink, grow = group["etas"]
        if not 0 < shrink < 1 < grow:
            raise ValueError(
                f"Rprop: etas must be one number below 1 and one above, got {group['etas']}; usual is (0.5, 1.2)."
            )
        least, most = group["step_sizes"]
        if not least <= most:
            raise ValueError(
                f"Rprop: step_sizes must be the least and the most, got {least} and {most}; usual is (1e-6, 50)."
            )

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.rprop(x, dx, state, group["lr"], *group["etas"], *group["step_sizes"])


class Lion(Optimizer):
    """Lion: every number moves by the learning rate, in the direction of the sign of a momentum.

        x = x - lr * sign(beta1 * m + (1 - beta1) * dx)
        m = beta2 * m + (1 - beta2) * dx

    Weight decay is decoupled: x = (1 - lr * weight_decay) * x first. The learning rate is usually a third to a tenth of
    AdamW's, weight_decay as many times larger.

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the length of every step (default 1e-4; usual values are 1e-4 to 1e-5).
        betas: the weight of m in the step, and how much of m remains (default (0.9, 0.99)).
        weight_decay: how much x shrinks, times lr (default 0; usual values are 0 to 1).
        maximize: go up instead of down (default False).

    State: m, which is "exp_avg" in `state_dict()`.

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([1.0, -100.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> optim.Lion([x], lr=0.5).step()
    >>> x.tolist()
    [0.5, -99.5]

    Source: Chen et al., "Symbolic discovery of optimization algorithms", 2023.
    """

    elementwise = True
    names: ClassVar = {"m": "exp_avg"}
    ranges: ClassVar = RANGES | {
        "lr": Range("1e-4 to 1e-5"),
        "betas": RANGES["betas"]._replace(usual="(0.9, 0.99)"),
        "weight_decay": Range("0 to 1"),
    }

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings | {"decoupled_weight_decay": True})

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.lion(x, dx, state, group["lr"], *group["betas"])


class LAMB(Optimizer):
    """LAMB: Adam for very large batches, where the step of each parameter is in proportion to its size.

        mb, vb as in `Adam`
        step = mb / (sqrt(vb) + eps) + weight_decay * x
        x = x - lr * norm(x) / norm(step) * step          (norm(x) / norm(step) is 1 if one of them is 0)

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the length of the step, relative to that of x (default 1e-3).
        betas: beta1 and beta2, how much of m and v remains in each step (default (0.9, 0.999)).
        eps: against a division by 0 (default 1e-6).
        weight_decay: part of the step, before its length is set (default 0.01).
        maximize: go up instead of down (default False).

    State: t, m, v, which are "step", "exp_avg" and "exp_avg_sq" in `state_dict()`.

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> x = tensor([3.0, 4.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> optim.LAMB([x], lr=0.1, weight_decay=0.0).step()
    >>> [round(value, 4) for value in x.tolist()]  # a step of length 0.5, a tenth of x's
    [2.6464, 3.6464]

    Source: You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", 2020.
    """

    names: ClassVar = {"t": "step", "m": "exp_avg", "v": "exp_avg_sq"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.01,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings)

    def _apply(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        dx = -dx if group["maximize"] else dx
        beta1, beta2 = group["betas"]
        return rules.lamb(x, dx, state, group["lr"], beta1, beta2, group["eps"], group["weight_decay"])


class Adafactor(Optimizer):
    """Adafactor, for large matrices: of v only the means of its rows and columns are kept, and no momentum.

        beta2 = 1 - t**beta2_decay
        rows    = beta2 * rows    + (1 - beta2) * mean of dx**2 along each row
        columns = beta2 * columns + (1 - beta2) * mean of dx**2 along each column
        v = rows * columns / mean(rows)                   (vectors keep a whole v)
        step = dx / sqrt(v)
        x = (1 - lr * weight_decay) * x - max(eps2, rms(x)) * min(lr, 1 / sqrt(t)) / max(1, rms(step) / d) * step

    The steps are relative to the size of x, and are cut down where their root mean square is above d.

    Args:
        params: tensors that require gradients, or groups {"params": [...], "lr": …}.
        lr: the largest relative step (default 1e-2).
        beta2_decay: the power of t by which beta2 goes to 1 (default -0.8).
        eps: the least size of a gradient (None: that of rounding) and of a parameter (default (None, 1e-3)).
        d: the largest root mean square of a step (default 1).
        weight_decay: how much x shrinks, times lr (default 0).
        maximize: go up instead of down (default False).
        switches: foreach of PyTorch, which must be off.

    State: t; rows and columns, or v. In `state_dict()`: "step", "row_var", "col_var", "variance".

    Raises:
        ValueError: if a setting is out of its range.

    >>> from minigrad import ones, optim
    >>> W = ones(300, 200, requires_grad=True)
    >>> W.sum().backward()
    >>> optimizer = optim.Adafactor([W])
    >>> optimizer.step()
    >>> round(W[0, 0].item(), 4), optimizer.state[W]["rows"].shape, optimizer.state[W]["columns"].shape
    (0.99, (300, 1), (1, 200))

    Source: Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018.
    """

    names: ClassVar = {"t": "step", "rows": "row_var", "columns": "col_var", "v": "variance"}
    ranges: ClassVar = {
        "lr": RANGES["lr"],
        "d": Range("1", least=1),
        "weight_decay": RANGES["weight_decay"],
    }

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **switches: bool | None,
    ) -> None:
        settings = {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d}
        super().__init__(params, {**settings, "weight_decay": weight_decay, "maximize": maximize}, switches)

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        if not isinstance(decay := group["beta2_decay"], Real):
            raise TypeError(f"Adafactor: beta2_decay must be a number, got {decay!r}; usual is -0.8.")
        if not decay <= 0:
            raise ValueError(f"Adafactor: beta2_decay must not be above 0, got {decay}; usual is -0.8.")
        if not isinstance(group["eps"], list | tuple) or len(group["eps"]) != 2:
            raise TypeError(f"Adafactor: eps must be two numbers, got {group['eps']!r}; usual is (None, 1e-3).")
        eps1, eps2 = group["eps"]
        if not (eps1 is None or eps1 >= 0) or not eps2 >= 0:
            raise ValueError(
                f"Adafactor: eps must be two numbers from 0 up, got {group['eps']}; usual is (None, 1e-3)."
            )

    def _apply(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        eps1, eps2 = group["eps"]
        eps1 = float(np.finfo(x.dtype).eps) if eps1 is None else eps1
        dx = -dx if group["maximize"] else dx
        settings = (group[name] for name in ("d", "weight_decay"))  # the size of x counts before it decays
        return rules.adafactor(x, dx, state, group["lr"], group["beta2_decay"], eps1, eps2, *settings)
