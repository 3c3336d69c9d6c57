"""Muon: momentum whose steps are made orthogonal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from minigrad.optim import rules
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.settings import RANGES, Range

_SIZES: dict[str | None, Callable[[int, int], float]] = {
    None: lambda rows, columns: math.sqrt(max(1, rows / columns)),
    "original": lambda rows, columns: math.sqrt(max(1, rows / columns)),
    "match_rms_adamw": lambda rows, columns: 0.2 * math.sqrt(max(rows, columns)),
}
"""adjust_lr_fn: the factor of the learning rate, from the numbers of rows and columns."""


class Muon(Optimizer):
    """Muon, for the matrices of hidden layers: momentum whose steps move all directions by the same length.

        x = (1 - lr * weight_decay) * x
        v = momentum * v + (1 - momentum) * dx
        x = x - lr * orthogonal(v)              (with nesterov: of momentum * v + (1 - momentum) * dx)

    Without `orthogonal` a few directions make up most of a step. Give vectors, embeddings and the last layer to another
    optimizer, such as AdamW. PyTorch computes `orthogonal` in bfloat16; here it is in the dtype of the parameters, so
    that the runs of the two agree to two digits or so.

    Args:
        params: matrices that require gradients, or groups {"params": [...], "lr": …}.
        lr: the length of a step in each direction, times the factor that adjust_lr_fn chooses (default 1e-3).
        weight_decay: how much x shrinks, times lr (default 0.1).
        momentum: how much of the mean gradient v remains in each step (default 0.95).
        nesterov: look ahead by one more step of the mean (default True).
        ns_coefficients, eps, ns_steps: of `orthogonal`.
        adjust_lr_fn: "original" multiplies lr by sqrt(max(1, rows / columns)); "match_rms_adamw" by
            0.2 * sqrt(max(rows, columns)), for the learning rates of AdamW (default None: "original").

    State: v, which is "momentum_buffer" in `state_dict()`.

    Raises:
        ValueError: if a parameter is not a matrix, adjust_lr_fn is unknown, or a setting is out of its range.

    >>> from minigrad import optim, tensor
    >>> W = tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    >>> W.grad = tensor([[100.0, 0.0], [0.0, 1.0]])
    >>> optim.Muon([W], lr=0.1, weight_decay=0.0).step()  # both directions move by about 0.1
    >>> [round(value, 1) for value in W.diagonal().tolist()]
    [0.9, 0.9]

    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """

    names: ClassVar = {"v": "momentum_buffer"}
    ranges: ClassVar = RANGES | {
        "momentum": Range("0.95"),
        "ns_coefficients": Range("(3.4445, -4.775, 2.0315)", least=-math.inf, numbers=3),
        "ns_steps": Range("5", 100),
    }

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        settings: dict[str, Any] = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov}
        settings |= {"ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps}
        super().__init__(params, {**settings, "adjust_lr_fn": adjust_lr_fn})

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        if group["adjust_lr_fn"] not in _SIZES:
            raise ValueError(f"Muon: adjust_lr_fn must be one of {list(_SIZES)}, got {group['adjust_lr_fn']!r}.")
        for p in group["params"]:
            if p.ndim != 2:
                raise ValueError(f"Muon trains matrices, got a parameter of shape {p.shape}: give it to AdamW.")

    def _apply(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
        longer = _SIZES[group["adjust_lr_fn"]](*x.shape)
        x = (1 - group["lr"] * group["weight_decay"]) * x
        newton_schulz = (group[name] for name in ("ns_coefficients", "ns_steps", "eps"))
        return muon(x, dx, state, longer * group["lr"], group["momentum"], group["nesterov"], *newton_schulz)


def muon(
    x: Any,
    dx: Any,
    state: rules.State,
    learning_rate: float,
    mu: float = 0.95,
    nesterov: bool = True,
    coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
    steps: int = 5,
    epsilon: float = 1e-7,
) -> tuple[Any, rules.State]:
    """Return the new x and state: a step of momentum, made orthogonal. v is a leaking mean of gradients."""
    v = mu * state.get("v", 0.0) + (1 - mu) * dx
    step = mu * v + (1 - mu) * dx if nesterov else v
    x = x + -learning_rate * orthogonal(step, coefficients, steps, epsilon)
    return x, {"v": v}


def orthogonal(
    matrix: Any,
    coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
    steps: int = 5,
    epsilon: float = 1e-7,
) -> Any:
    """Return about U @ V.T for a matrix U @ S @ V.T: all singular values become about 1.

    Each step takes a singular value s to a * s + b * s**3 + c * s**5, with products of matrices only.
    Source: the Newton-Schulz iteration (Higham, "Functions of matrices", 2008), with coefficients of Muon's author
    that bring small values up fast and leave them between 0.7 and 1.2.

    >>> bool(np.allclose(np.linalg.svd(orthogonal(np.diag([5.0, 0.1])))[1], 1, atol=0.35))
    True
    """
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    X = matrix.T if tall else matrix
    X = X / max(float(np.linalg.norm(X)), epsilon)  # so that no singular value is above 1
    for _ in range(steps):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X.T if tall else X
