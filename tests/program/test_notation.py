"""Displayed formulas are correct: evaluated, they give the results and gradients of the primitives."""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np
import pytest

from minigrad.primitives import activations, elementwise, linalg, norms, softmax, special, variance
from minigrad.primitives import losses as loss
from minigrad.primitives import normalization as norm
from minigrad.primitives.primitive import Elementwise, Primitive
from minigrad.program.notation import contribution, formula

rng = np.random.default_rng(0)
NAMES: dict[str, Any] = {
    **vars(np),
    **{"sum": np.sum, "max": np.maximum, "abs": np.abs, "min": np.minimum, "pi": math.pi, "floor": np.floor},
    **{
        "erf": np.vectorize(math.erf),
        "erfc": np.vectorize(math.erfc),
        "erfinv": lambda x: special.erfinv(x),
        "inv": np.linalg.inv,
        "det": np.linalg.det,
    },
    **{"solve": np.linalg.solve, "log": np.log, "softmax": lambda x: np.exp(x) / np.exp(x).sum()},
    **{"onehot": lambda target: np.arange(4) == target, "sigmoid": lambda x: 1 / (1 + np.exp(-x))},
    **{"softplus": lambda x: np.log1p(np.exp(x))},
}


def evaluated(text: str, names: dict[str, Any]) -> Any:
    """Evaluate a formula, which may define one of its letters after ", where"."""
    text, _, meaning = text.partition(", where ")
    if meaning:
        letter, _, value = meaning.partition(" = ")
        names = {**names, letter: evaluated(value, names)}
    return eval(compile(ast.parse(text, mode="eval"), "text", "eval"), {**NAMES, **names})


ELEMENTWISE = [
    primitive
    for module in (elementwise, activations)
    for primitive in vars(module).values()
    if isinstance(primitive, Elementwise)
]


@pytest.mark.parametrize("primitive", ELEMENTWISE, ids=lambda primitive: primitive.name)
def test_elementwise(primitive: Elementwise) -> None:
    low = 1.1 if primitive.name == "acosh" else 0.1
    names: dict[str, Any] = {name: low + rng.random(8) * 0.8 for name in primitive.inputs}
    if "condition" in names:
        names["condition"] = names["condition"] > 0.5
    if "low" in names:
        names["low"], names["high"] = 0.3, 0.6
    y = primitive.forward(*names.values())
    np.testing.assert_allclose(evaluated(formula(primitive), names), y, rtol=1e-6)
    names |= {"y": y, "g": rng.standard_normal(8)}
    for name in primitive.partials:
        vjp = primitive.vjps[name]
        needs = vjp.__code__.co_varnames[: vjp.__code__.co_argcount]
        expected = np.broadcast_to(vjp(*(names[n] for n in needs)), 8)
        shown = evaluated(contribution(primitive, name), names)
        np.testing.assert_allclose(np.broadcast_to(shown, 8), expected, rtol=1e-6)


A, B, X = rng.standard_normal((3, 3)), rng.standard_normal((3, 2)), rng.standard_normal(4)
AXIS: dict[str, Any] = {"axis": 0, "keepdims": False}
OTHERS: list[tuple[Primitive, tuple[Any, ...], dict[str, Any]]] = [
    (linalg.matmul, (A, B), {}),
    (linalg.linear, (A, B.T, rng.standard_normal(2)), {}),
    (linalg.inv, (A,), {}),
    (linalg.solve, (A, B), {}),
    (linalg.det, (A,), {}),
    (linalg.logabsdet, (A,), {}),
    (loss.softmax, (X,), {"axis": 0}),
    (loss.cross_entropy, (X,), {"target": np.array(2)}),
    (loss.binary_cross_entropy, (np.array(0.3), np.array(0.8)), {}),
    (norm.rms_normalize, (X,), {"axis": 0, "eps": 0.1}),
    (softmax.logsumexp, (X,), AXIS),
    (softmax.log_softmax, (X,), {"axis": 0}),
    (variance.var, (X,), {**AXIS, "less": 1}),
    (variance.std, (X,), {**AXIS, "less": 1}),
    (norms.norm, (X,), AXIS),
    *((primitive, (X,), {}) for primitive in (special.erf, special.erfc, special.gelu, special.sinc)),
    *((primitive, (X,), {}) for primitive in (special.ndtr, special.normal_pdf)),
    (special.erfinv, (np.tanh(X),), {}),
]


@pytest.mark.parametrize("case", OTHERS, ids=lambda case: case[0].name)
def test_other_primitives(case: Any) -> None:
    primitive, operands, parameters = case
    y = np.asarray(primitive.forward(*operands, **parameters))
    names = {**dict(zip(primitive.inputs, operands)), **parameters, "n": 4, "y": y}
    np.testing.assert_allclose(evaluated(formula(primitive), names), y, rtol=1e-9)
    names["g"] = g = rng.standard_normal(y.shape)
    for name in set(primitive.vjps) - {"bias"}:  # its contribution is summed over the examples by whoever adds it up
        shown = evaluated(contribution(primitive, name), names)
        numeric = np.zeros_like(names[name])
        for i in np.ndindex(numeric.shape):
            sides = []
            for h in (1e-6, -1e-6):
                moved = {**names, name: np.array(names[name])}
                moved[name][i] += h
                sides.append((g * primitive.forward(*(moved[n] for n in primitive.inputs), **parameters)).sum())
            numeric[i] = (sides[0] - sides[1]) / 2e-6
        np.testing.assert_allclose(shown, numeric, rtol=1e-5, atol=1e-7)
