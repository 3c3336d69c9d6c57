"""More optimisers with a step size for each number of a parameter; `optimizers` has the best known ones."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from minigrad.optim import rules
from minigrad.optim.optimizer import FRACTION, RANGES, Optimizer, Range


class Adadelta(Optimizer):
    """Adadelta; rho is the lecture's decay_rate."""

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
    """AdaMax."""

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
    """NAdam: Adam with Nesterov momentum."""

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
    """RAdam: Adam whose first steps are those of momentum."""

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
    """Averaged gradient descent. The mean of a parameter p is `optimizer.state[p]["ax"]`; t0 is where it begins."""

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
    """Rprop, for full batches. etas shrink and grow the step sizes, which begin at lr and stay within step_sizes."""

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
            raise ValueError(f"Rprop: etas={group['etas']} are one below 1 and one above; usual is (0.5, 1.2)")
        least, most = group["step_sizes"]
        if not least <= most:
            raise ValueError(f"Rprop: step_sizes={group['step_sizes']} are least and most; usual is (1e-6, 50)")

    def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        return rules.rprop(x, dx, state, group["lr"], *group["etas"], *group["step_sizes"])


class Lion(Optimizer):
    """Lion, with decoupled weight decay. Its learning rate is usually a third to a tenth of AdamW's, weight_decay as
    many times larger.
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
    """LAMB: Adam for very large batches, where each parameter's step is in proportion to its size.

    weight_decay is part of the step, before its length is set.
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
    """Adafactor, for large matrices: Adam's memory of a whole v is saved, and so is the momentum.

    eps are the least size of a gradient (None: that of rounding) and of a parameter. weight_decay is decoupled.
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
            raise TypeError(f"Adafactor: beta2_decay is a number, got {decay!r}; usual is -0.8")
        if not decay <= 0:
            raise ValueError(f"Adafactor: beta2_decay={decay} is above 0; usual is -0.8")
        if not isinstance(group["eps"], list | tuple) or len(group["eps"]) != 2:
            raise TypeError(f"Adafactor: eps is two numbers, got {group['eps']!r}")
        eps1, eps2 = group["eps"]
        if not (eps1 is None or eps1 >= 0) or not eps2 >= 0:
            raise ValueError(f"Adafactor: eps={group['eps']} are two numbers from 0 up; usual is (None, 1e-3)")

    def _apply(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        eps1, eps2 = group["eps"]
        eps1 = float(np.finfo(x.dtype).eps) if eps1 is None else eps1
        dx = -dx if group["maximize"] else dx
        settings = (group[name] for name in ("d", "weight_decay"))  # the size of x counts before it decays
        return rules.adafactor(x, dx, state, group["lr"], group["beta2_decay"], eps1, eps2, *settings)
