"""One activation instead of another, however the reference writes them: recognized by their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from minigrad.primitives import special
from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.forward.mistakes.sites import REDUCED, Site
from minigrad.teach.tape import MOVING

STEPS = 9
"""The number of operations of which an activation may consist."""
Function = Callable[[Any], Any]


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any, axis: int | None) -> Any:
    """Return the softmax along an axis."""
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def _inverted(axis: int, x: Any) -> Any:
    return softmax(-x, axis)


def _elu(x: Any, alpha: float = 1.0, scale: float = 1.0) -> Any:
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _tanh_gelu(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _leaky(x: Any, slope: float) -> Any:
    return np.where(x > 0, x, slope * x)


SLOPES = (0.01, 0.1, 0.2, 0.3)
ACTIVATIONS: dict[str, Function] = {
    "ReLU": lambda x: np.maximum(x, 0), "tanh": np.tanh, "sigmoid": _sigmoid,
    **{f"leaky ReLU with the slope {s:g}": partial(_leaky, slope=s) for s in SLOPES},
    "ReLU6 (cut off at 6)": lambda x: np.clip(x, 0, 6), "ELU": _elu,
    "SELU": lambda x: _elu(x, 1.6732632423543772, 1.0507009873554805),
    "GELU": lambda x: x * 0.5 * (1 + special.erf.forward(x / math.sqrt(2))), "GELU by tanh": _tanh_gelu,
    "GELU by a sigmoid (1.702)": lambda x: x * _sigmoid(1.702 * x), "swish (x * sigmoid(x))": lambda x: x * _sigmoid(x),
    "softplus": lambda x: np.logaddexp(0, x), "Mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "softsign": lambda x: x / (1 + np.abs(x)), "arctan": np.arctan, "hard tanh (clip)": lambda x: np.clip(x, -1, 1),
    "hard sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6, "hard swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "logarithm of the sigmoid": lambda x: -np.logaddexp(0, -x),
}  # fmt: skip
"""Activations, as functions of one argument."""
_PIECEWISE = ("ReLU", "leaky", "ELU", "SELU", "softsign", "hard")
RELATED: dict[str, Function] = {
    "minimum with 0": lambda x: np.minimum(x, 0), "maximum with the negative": lambda x: np.maximum(-x, 0),
    "sigmoid of the negative": lambda x: _sigmoid(-x), "sine": np.sin, "exponential": np.exp,
    "absolute value": np.abs, "mask (1 where it is > 0)": lambda x: (x > 0) * 1.0,
    "sign (1 or -1)": np.sign, "square": np.square, "maximum with 1": lambda x: np.maximum(x, 1),
}  # fmt: skip
"""What may stand for an activation, but is none."""
_COSTS = {"leaky": -0.03, "minimum": -0.06, "mask": 0.15, "absolute": 0.2, "square": 0.2, "sine": 0.1, "sign": 0.15,
          "maximum": 0.0, "sigmoid of": 0.02, "exponential": 0.02}  # fmt: skip


@mistake("other-activation", "operation", "{detail}", assumes=1.03)
def _other_activation(site: Site) -> Iterator[Variant]:
    known = site.reference.activations
    if site.k not in known:  # a site is asked several times
        known[site.k] = [*_others(site)]
    yield from known[site.k]


def _others(site: Site) -> Iterator[Variant]:
    if site.op.kind in (*REDUCED, *MOVING, "matmul", "input") or not site.op.value.size:
        return
    for right, q, negative in _recognized(site):
        name, through = site.words.name(q), site.words.through(site.k)
        name = name.replace("`-", "`", 1) if negative else name
        x = -site.tape.ops[q].value if negative else site.tape.ops[q].value

        def of(f: Function, q: int = q, negative: bool = negative) -> Any:
            return lambda v: f(-v[q] if negative else v[q])

        others = {**ACTIVATIONS, **RELATED}
        if x.ndim:
            others |= {f"softmax over axis {axis}": partial(softmax, axis=axis) for axis in range(x.ndim)}
        if right.startswith("softmax"):
            del others["exponential"]
            others |= {
                "softmax over all axes": partial(softmax, axis=None),
                "softmax of the negative": partial(_inverted, int(right[-1])),
            }
        if right != "ReLU":
            del others["maximum with 1"]
        for said, f in others.items():
            if said != right and np.ptp(f(x)) and not np.allclose(f(x), x):
                cost = next((c for start, c in _COSTS.items() if said.startswith(start)), 0.0)
                if right != "ReLU" and said.startswith(("minimum", "maximum with the")):
                    cost = 0.2
                text = f"the {said} of {name} is taken instead of the {right} {through}"
                yield Variant(of(f), text, cost, f"{said} {site.k - q}")
        yield Variant(of(lambda x: x), f"the {right} {through} is missing: {name} stays as it is", -0.02,
                      f"missing {site.k - q}")  # fmt: skip


def _recognized(site: Site) -> Iterator[tuple[str, int, bool]]:
    """Yield (activation, position of its argument, whether the argument's sign is inside) for the value of a site."""
    y = site.op.value
    if site.op.kind not in ("relu", "tanh", "sigmoid") and (y.size < 4 or not np.ptp(y)):
        return  # a few numbers may agree by chance
    known: dict[str, Function] = {**ACTIVATIONS}
    if site.op.kind == "div" and y.ndim:
        known |= {
            f"softmax over axis {axis}": partial(softmax, axis=axis) for axis in range(y.ndim) if y.shape[axis] > 1
        }
    for q in _arguments(site):
        x = site.tape.ops[q].value
        one_sign = not float(x.min()) < 0 < float(x.max())
        first = x.ravel()[:1]
        for negative in (False, True) if site.op.kind == "div" and site.tape.ops[q].kind == "matmul" else (False,):
            for name, f in known.items():
                if one_sign and name.startswith(_PIECEWISE):
                    continue  # each piece alone agrees with other functions
                if not name.startswith("softmax") and not np.isclose(f(-first if negative else first)[0], y.flat[0]):
                    continue
                if np.allclose(f(-x if negative else x), y, rtol=1e-7, atol=1e-12) and not np.allclose(x, y):
                    yield name, q, negative


def _arguments(site: Site) -> Iterator[int]:
    """Yield the values of the same shape of which a value is computed elementwise, the nearest first."""
    shape = site.op.value.shape
    seen, front = {site.k}, [site.k]
    for _ in range(STEPS):
        front = sorted({s for k in front for s in site.tape.ops[k].sources if s is not None} - seen, reverse=True)
        front = [k for k in front if site.tape.ops[k].value.shape == shape]
        seen |= {*front}
        yield from front
        front = [k for k in front if site.tape.ops[k].kind not in (*REDUCED, *MOVING, "matmul", "input")]
