"""Causes in the learner's own functions: a backward pass that is not the derivative of the forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.gradients import grads
from minigrad.output.words import class_name
from minigrad.teach.causes.cause import Seen, certain
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import nodes_of
from minigrad.tensors.rng import fork_rng
from minigrad.tensors.tensor import Tensor

STEP, WRONG = 1e-6, 0.05
"""The step of the difference quotients, and the part by which a derivative must differ from them."""


@certain("wrong backward", "the backward pass of a Function differs from difference quotients of its forward pass",
         "{name}.backward() does not give the derivative of {name}.forward(): it gives {what}, as difference quotients "
         "show. Check it alone: minigrad.autograd.gradcheck({name}.apply, x)")  # fmt: skip
def wrong_backward(scene: Scene) -> Seen:
    """Look for a backward pass that is wrong, and not meant to be so, as in a straight-through estimator."""
    if not scene.values or scene.output is None or len(scene.samples) > 3:
        return None
    seen = set()
    for node in nodes_of(scene.loss or scene.output):
        function: Any = getattr(node, "function", None)
        if function is None or function in seen:
            continue
        seen.add(function)
        try:
            ratio = _ratio(function, node, scene.values)
        except Exception:
            continue  # it could not be called with other numbers
        if ratio is not None:
            name = class_name(function) if not isinstance(function, type) else function.__name__
            times = f"{ratio:.3g} times it" if ratio else "other numbers"
            return {"name": name, "what": "minus the derivative" if abs(ratio + 1) < WRONG else times}
    return None


def _ratio(function: Any, node: Any, values: Any) -> float | None:
    """Return the derivative by backward() as a multiple of the right one, None if it is right or meant to be other."""
    rng, given = np.random.default_rng(0), []
    for i, source in enumerate(node.inputs):
        constant = node.constants.get(i)
        known = values.get(source, getattr(source, "value", None)) if source is not None else constant
        array = getattr(known, "_array", getattr(known, "value", known))
        if source is not None and array is None:
            return None
        as_floats = isinstance(array, np.ndarray) and array.dtype.kind == "f"
        given.append(Tensor(array.astype(np.float64), requires_grad=source is not None) if as_floats else array)
    inputs = [t for t in given if isinstance(t, Tensor) and t.requires_grad]

    def result(shift: float) -> Any:
        moved = iter(directions)
        shifted = [
            Tensor(t._array + shift * next(moved)) if isinstance(t, Tensor) and t.requires_grad else t for t in given
        ]
        with fork_rng():
            return function.apply(*shifted)

    pairs = []
    for _ in range(3):
        directions = [rng.standard_normal(t.shape) for t in inputs]
        with fork_rng():
            out = function.apply(*given)
        if not isinstance(out, Tensor) or not np.array_equal(out._array, result(0.0)._array):
            return None  # of several results, or of random ones
        g = rng.standard_normal(out.shape)
        quotient = (result(STEP)._array - result(-STEP)._array) / (2 * STEP)
        found = grads(out, inputs, [Tensor(g)], allow_unused=True)
        by_hand = sum(float(np.sum(c._array * d)) for c, d in zip(found, directions) if c is not None)
        pairs.append((by_hand, float(np.sum(quotient * g))))
        if len(inputs) == 1 and _is_multiple(out._array, inputs[0]._array):
            return None  # a gradient that is reversed or clipped on purpose
    sizes = [max(abs(a), abs(b)) for a, b in pairs]
    meant = all(abs(b) < WRONG * size for (_, b), size in zip(pairs, sizes))  # a staircase
    if meant or not all(abs(a - b) > WRONG * size for (a, b), size in zip(pairs, sizes)):
        return None
    multiples = [a / b for a, b in pairs if b]
    return multiples[0] if multiples and np.ptp(multiples) < WRONG else 0.0


def _is_multiple(y: np.ndarray, x: np.ndarray) -> bool:
    """Return whether y is a number times x."""
    if y.shape != x.shape:
        return False
    a = float(np.sum(x * y)) / (float(np.sum(x * x)) or 1.0)
    return bool(np.allclose(y, a * x))
