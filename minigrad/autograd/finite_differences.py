"""Gradients by finite differences, and one element of a gradient examined closely. The numbers of a gradient check.

The derivative of a number L with respect to an element of x is, for a small h, close to (L(x + h) - L(x - h)) / 2h.
Here L is the sum of a function's outputs times random weights, the upstream gradient. An upstream gradient of ones
would hide some mistakes: the gradient of the sum of a softmax is 0. The differences of the terms of L are computed
first and then summed, so that a small change is not lost beside a large output that has nothing to do with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.autograd.gradients import grad
from minigrad.grad_mode import enable_grad, no_grad
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

STEPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
"""The steps of the sweep, relative to |x| where that is above 1."""


@dataclass
class Element:
    """One element of a gradient: the computed value and the numerical one.

    `slopes` are the one-sided derivatives from the left and from the right; where they differ, x is at a kink.
    """

    index: tuple[int, ...]
    analytic: float
    numeric: float
    slopes: tuple[float, float] | None = None
    is_kink: bool = False

    @property
    def error(self) -> float:
        """The relative error."""
        size = max(abs(self.analytic), abs(self.numeric))
        return abs(self.analytic - self.numeric) / size if size else 0.0


def difference_quotients(
    loss: Callable[[], Any], x: np.ndarray, i: tuple[int, ...], h: float
) -> tuple[float, float, float]:
    """Return the (central, left, right) difference quotients of the loss with respect to x[i].

    The loss is a number, or an array of terms whose sum is meant. x is restored afterwards.
    """
    middle = x[i]
    step = h * max(1.0, abs(float(middle)))
    try:
        x[i] = middle + step
        above, up = loss(), float(x[i]) - float(middle)  # the step that was made, after rounding
        x[i] = middle - step
        below, down = loss(), float(middle) - float(x[i])
    finally:
        x[i] = middle
    if not up or not down:
        return np.nan, np.nan, np.nan
    here = loss()
    central, left, right = (float(np.sum(change)) for change in (above - below, here - below, above - here))
    return central / (up + down), left / down, right / up


def numerical_gradient(loss: Callable[[], Any], x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    """Return the gradient of `loss()` with respect to each element of x, by central differences.

    The loss reads x, which is perturbed in place, and returns a number, or an array of terms whose sum is meant.

    >>> x = np.array([1.0, 2.0])
    >>> numerical_gradient(lambda: (x ** 2).sum(), x).round(6).tolist()
    [2.0, 4.0]
    """
    out = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        middle = x[i]
        step = h * max(1.0, abs(float(middle)))
        try:
            x[i] = middle + step
            above, high = loss(), float(x[i])
            x[i] = middle - step
            below, low = loss(), float(x[i])
        finally:
            x[i] = middle
        out[i] = np.sum(above - below) / (high - low)
    return out


def examine_element(
    loss: Callable[[], Any],
    x: np.ndarray,
    i: tuple[int, ...],
    analytic: float,
    numeric: float,
    off: Callable[[float, float], Any],
) -> Element:
    """Examine one element with steps of all sizes, and recognize kinks.

    A wrong derivative disagrees at every step. A right one is hidden by curvature at large steps and by rounding at
    small ones, and agrees in between.
    """
    fine = np.finfo(x.dtype).eps
    tried = {h: difference_quotients(loss, x, i, h) for h in STEPS if h > 100 * fine}
    # at a kink the two slopes differ by the same amount at every step, elsewhere in proportion to the step
    small, large = (1e-6, 1e-4) if x.itemsize == 8 else (1e-3, 1e-2)
    _, left, right = tried[small]
    gap, size = abs(right - left), max(abs(left), abs(right))
    rounding = 20 * fine * np.sum(np.abs(loss())) / small
    if gap > 1e-3 * size + rounding and gap > 0.5 * abs(tried[large][2] - tried[large][1]):
        between = min(left, right) - 1e-3 * size <= analytic <= max(left, right) + 1e-3 * size
        return Element(i, analytic, numeric, (left, right), between)
    agreeing = [central for central, *_ in tried.values() if not off(analytic, central)]
    return Element(i, analytic, agreeing[0] if agreeing else numeric, (left, right))


class WeightedOutputs:
    """A function of tensors with random weights for its outputs: one number to differentiate."""

    def __init__(self, func: Callable[..., Any], inputs: Sequence[Any], upstream: Any = None) -> None:
        self.func, self.inputs = func, inputs
        outputs = self.outputs()
        rng = np.random.default_rng(0)
        self.weights = [rng.standard_normal(o.shape).astype(o.dtype) for o in outputs]
        if upstream is not None:
            self.weights = [np.asarray(u.detach().numpy() if isinstance(u, Tensor) else u) for u in upstream]

    def outputs(self) -> list[Tensor]:
        """Return the outputs that have gradients."""
        out = self.func(*self.inputs)
        several = out if isinstance(out, tuple | list) else (out,)
        for o in several:
            if not isinstance(o, Tensor):
                raise TypeError(f"gradcheck: the function must return tensors, got {type(o).__name__}")
        several = [o for o in several if o.dtype.kind == "f"]
        if not several:
            raise ValueError("gradcheck: the function returns no floats, so there is nothing to differentiate")
        return several

    def loss(self, weights: Sequence[np.ndarray] | None = None) -> np.ndarray:
        """Return all outputs times their weights as one vector, whose sum is meant."""
        with no_grad():
            outputs = self.outputs()
        return np.concatenate(
            [(w.astype(float) * o._array.astype(float)).ravel() for w, o in zip(weights or self.weights, outputs)]
        )

    def gradients(self, wanted: list[Tensor]) -> Any:
        """Return the gradients that the engine computes."""
        with enable_grad():
            outputs = self.outputs()
            reached = [(o, as_tensor(w)) for o, w in zip(outputs, self.weights) if o.requires_grad]
            if not reached:
                return (None,) * len(wanted)
            return grad([o for o, _ in reached], wanted, [w for _, w in reached], allow_unused=True)
