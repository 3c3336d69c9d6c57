"""gradcheck: right gradients pass, wrong ones are caught, and the classic mistakes are called by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ops import OPS, Op

import minigrad
from minigrad import nn, tensor
from minigrad.autograd import Function
from minigrad.primitives.primitive import Primitive
from minigrad.teach.gradcheck import GradcheckError, gradcheck, gradcheck_report, gradgradcheck
from minigrad.teach.gradient_check import check_gradient
from minigrad.teach.gradient_report import verdict

RNG = np.random.default_rng(0)
X, W, B, D = (RNG.standard_normal(shape) for shape in ((32, 4), (4, 3), (3,), (32, 3)))
S, U = RNG.standard_normal((4, 4)), RNG.standard_normal((4, 4))
K = RNG.standard_normal((3, 3))
DW, DB = X.T @ D, D.sum(0)


def scores(w: np.ndarray) -> np.ndarray:
    return X @ w + B


def shifted(b: np.ndarray) -> np.ndarray:
    return X @ W + b


def correlated(k: np.ndarray) -> np.ndarray:
    return np.array([[(S[i : i + 3, j : j + 3] * k).sum() for j in range(2)] for i in range(2)])


DK = sum(S[i : i + 3, j : j + 3] * U[i, j] for i in range(2) for j in range(2))
LAST = np.eye(4)[3][:, None]
MISTAKES: list[tuple[str, Callable[[np.ndarray], Any], np.ndarray, np.ndarray, Any]] = [
    ("a constant factor of 32, the size of dimension 0 of f(x), the batch: is the 1/N of", scores, W, DW * 32, D),
    ("a constant factor of 1/32, the size of dimension 0 of f(x), the batch: is it divided", scores, W, DW / 32, D),
    ("wrong sign", scores, W, -DW, D),
    ("a constant factor of 7: if there are 7 examples, the 1/N of a mean is missing", scores, W, 7 * DW, D),
    ("a constant factor of -2", scores, W, -2 * DW, D),
    ("a constant factor of 1.37", scores, W, 1.37 * DW, D),
    ("a constant factor of 1/2: the 2 of a square, or an input used twice", np.square, S, U * S, U),
    ("the transpose of the right answer", scores, W, DW.T, D),
    ("the transpose of the right answer", lambda s: np.sin(s), S, (np.cos(S) * U).T, U),
    ("right, but not summed over dimension 0: the size of dimension 0 of f(x), the batch", shifted, B, D, D),
    ("the right numbers in the wrong shape: reshape to (3,)", shifted, B, DB[:, None], D),
    ("the contribution of the last example alone", shifted, B, D[-1], D),
    ("the contribution of the first example alone", scores, W, np.outer(X[0], D[0]), D),
    ("for an upstream gradient of ones", scores, W, X.T @ np.ones_like(D), D),
    ("0 everywhere: no gradient arrives", scores, W, 0 * DW, D),
    ("off by 0.1 times the input itself", scores, W, DW + 0.1 * W, D),
    ("off by the constant 0.25 everywhere", scores, W, DW + 0.25, D),
    ("the contribution of `x` through `0.1 * x`", lambda x: np.maximum(x, 0.1 * x), X, (X > 0) * 1.0, np.ones_like(X)),
    ("is wrong: it is computed as `-1`", np.abs, X, -np.ones_like(X), np.ones_like(X)),
    ("flipped along dimensions 0 and 1", correlated, K, DK[::-1, ::-1], U[:2, :2]),
    ("wrong only at index 3 of dimension 0: the border", np.sin, S, np.cos(S) * U + LAST * U, U),
    ("right only at index 1 of dimension 1", np.sin, S, np.cos(S) * U * [1.5, 1, 0.5, 3], U),
]


@pytest.mark.parametrize(("pattern", "f", "x", "dx", "upstream"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_classic_mistakes_are_recognised(pattern: str, f: Any, x: Any, dx: Any, upstream: Any) -> None:
    with np.errstate(invalid="ignore"):
        report = check_gradient(f, x, dx, upstream)
    assert not report and "WRONG" in str(report)
    assert report.findings[0].pattern is not None and pattern in report.findings[0].pattern


@pytest.mark.parametrize(
    ("f", "x", "dx", "upstream"),
    [
        (scores, W, DW, D),
        (shifted, B, DB, D),
        (lambda x: float((x**2).sum()), X, 2 * X, None),
        (correlated, K, DK, U[:2, :2]),
        (lambda x: np.maximum(x, 0), X, (X > 0) * 1.0, np.ones_like(X)),
        (lambda x: 1e6 * np.sin(x), S, 1e6 * np.cos(S) * U, U),
        (lambda x: 1e-6 * np.sin(x), S, 1e-6 * np.cos(S) * U, U),
        (lambda x: np.sin(1000 * x), S, 1000 * np.cos(1000 * S) * U, U),  # where 1e-2 is a large step
        (lambda x: x**3 + 1e5, S, 3 * S**2 * U, U),  # where 1e-8 is too small a one
        (lambda x: x * 1, np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3))),
    ],
)
def test_right_gradients_pass(f: Any, x: Any, dx: Any, upstream: Any) -> None:
    report = check_gradient(f, x, dx, upstream)
    assert report and "WRONG" not in str(report), report


def test_a_kink_is_recognised_as_such() -> None:
    at = np.array([0.0, 1.0, -1.0, 0.0])
    ones = np.ones(4)
    for slope in (0.0, 0.25, 1.0):
        report = check_gradient(lambda x: np.maximum(x, 0), at, np.where(at == 0, slope, at > 0), ones)
        assert report.ok and report.findings[0].kinks == 2 and "at a kink" in str(report)
    report = check_gradient(lambda x: np.maximum(x, 0), at, np.where(at == 0, 1.5, at > 0), ones)
    assert not report.ok and report.findings[0].wrong == 2
    assert gradcheck(lambda x: x.relu() + x.abs(), tensor(at, requires_grad=True))
    near = tensor(at + 1e-7, requires_grad=True)  # closer to the kink than the step
    assert gradcheck(lambda x: x.relu(), near)


def test_an_error_names_index_values_and_relative_error() -> None:
    dx = np.cos(S) * U
    dx[1, 2] += 0.5
    text = str(check_gradient(np.sin, S, dx, U, name="dS"))
    assert text.startswith("dS, float64 of shape (4, 4): WRONG in 1 of 16 elements")
    row = text.splitlines()[-1].split()
    assert row[:2] == ["[1,", "2]"]
    assert float(row[2]) == pytest.approx(dx[1, 2], rel=1e-5) and float(row[3]) == pytest.approx(
        dx[1, 2] - 0.5, rel=1e-5
    )
    assert float(row[4]) == pytest.approx(0.5 / max(abs(dx[1, 2]), abs(dx[1, 2] - 0.5)), rel=0.1)


def test_the_scale_of_the_course() -> None:
    assert [verdict(e) for e in (0, 1e-7, 2e-7, 1e-4, 1e-3, 1e-2, 0.1)] == [
        *("fine", "fine", "all right", "all right", "suspicious", "suspicious", "wrong")
    ]


# ---- of functions of tensors -----------------------------------------------------------------------------------


def _softmax(x: Any) -> Any:
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


bad_softmax = Primitive("bad_softmax", _softmax, x=lambda g, y: g * y * (1 - y))
# its first derivative is right, but built so that the second is not
bad_second = Primitive(
    "bad_second", lambda x: x**3, x=lambda g, x: g * 3 * (x.detach() if hasattr(x, "detach") else x) * x
)


def test_a_small_change_is_not_lost_beside_a_large_output() -> None:
    x = tensor([1.0, -1.0, 2.0], dtype="float64", requires_grad=True)
    assert gradcheck_report(lambda x: (50 * x).exp(), x)  # from e^-50 to e^100
    big = np.array([1e12, 1.0])
    assert check_gradient(lambda x: x * big, np.ones(2), big * 0.5, np.full(2, 0.5))


def test_no_pattern_is_seen_in_a_mistake_that_is_small_beside_the_rest() -> None:
    dx = np.array([1.0, 1e9])
    report = check_gradient(lambda x: x * dx, np.ones(2), dx + [0.5, 0.0], np.ones(2))
    assert not report and report.findings[0].pattern is None


def test_a_random_upstream_gradient_finds_what_ones_would_hide() -> None:
    x = tensor(S, requires_grad=True)
    with pytest.raises(GradcheckError, match=r"input 0, float64 of shape \(4, 4\): WRONG") as caught:
        gradcheck(lambda x: bad_softmax(x), x)
    assert caught.value.report is not None and not caught.value.report.ok
    assert gradcheck(lambda x: bad_softmax(x), x, raise_exception=False) is False
    hides = Primitive("hides", lambda x: x - x.mean(), x=lambda g: g - g.mean() * 0)
    ones = np.ones((4, 4))
    assert gradcheck_report(lambda x: hides(x), x, grad_outputs=[ones]).ok is False
    constant = Primitive("constant", bad_softmax.forward, x=lambda g, y: y * (g * 0))
    assert gradcheck_report(lambda x: constant(x), x, grad_outputs=[ones]).ok  # the gradient of a sum of probabilities
    assert not gradcheck_report(lambda x: constant(x), x).ok


DIFFERENTIABLE = [op for op in OPS if op.grad and op.name != "float"]
OPERATIONS = [  # a third: tests/primitives/test_gradients.py differentiates every operation
    pytest.param(op, id=op.name, marks=pytest.mark.exhaustive if i % 3 else ()) for i, op in enumerate(DIFFERENTIABLE)
]


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.slow
def test_every_operation_passes(op: Op) -> None:
    shapes, keywords = max(op.cases[:4], key=lambda case: sum(map(np.prod, case[0])))
    xs = [minigrad.Tensor(a, requires_grad=a.dtype.kind == "f") for a in op.inputs(shapes)]
    assert gradcheck(lambda *xs: op.call(minigrad, *xs, **keywords), xs)


def test_second_derivatives_are_checked_too() -> None:
    x = tensor([0.5, -1.5], dtype="float64", requires_grad=True)
    assert gradgradcheck(lambda x: x.tanh() * x, x)
    assert gradcheck(lambda x: bad_second(x), x)
    with pytest.raises(GradcheckError, match="input 0"):
        gradgradcheck(lambda x: bad_second(x), x)
    w = tensor(2.0, dtype="float64", requires_grad=True)
    assert gradgradcheck(lambda x, y, w: (x * w, (y * x).sum()), [x, tensor([1.0, 2.0], dtype="float64"), w])


def test_a_model_is_checked_by_its_parameters_and_left_as_it_was() -> None:
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    before = [p.tolist() for p in model.parameters()]
    loss = nn.CrossEntropyLoss()
    targets = tensor(RNG.integers(0, 3, 32))
    assert gradcheck(lambda *_: loss(model(tensor(X)), targets), list(model.parameters()))
    assert [p.tolist() for p in model.parameters()] == before
    assert all(p.grad is None for p in model.parameters())
    report = gradcheck_report(lambda *_: loss(model(tensor(X)).detach(), tensor([0] * 32)), list(model.parameters()))
    assert "input 3 (2.bias)" in str(report) and "no gradient arrives here" in str(report)


def test_float32_is_advised_against_but_right() -> None:
    x = tensor(S.astype(np.float32), requires_grad=True)
    report = gradcheck_report(lambda x: (x @ x).tanh(), x)
    assert report.ok and "use float64" in str(report)
    assert not gradcheck_report(lambda x: bad_softmax(x), x).ok


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gradcheck(lambda x: x, tensor([1.0])), ValueError, "none of the inputs requires a gradient"),
        (lambda: gradcheck(lambda x: x, 3), TypeError, "inputs must be a tensor, or several in a list, got int"),
        (lambda: gradcheck(None, tensor([1.0])), TypeError, "func must be a function, got NoneType"),
        (lambda: check_gradient(None, np.ones(3), np.ones(3)), TypeError, "f must be a function, got NoneType"),
        (lambda: gradcheck(lambda x: x, tensor([1.0], requires_grad=True) * 2), ValueError, "input 0 is a result"),
        (lambda: gradcheck(lambda x: 3, tensor([1.0], requires_grad=True)), TypeError, "return tensors, got int"),
        (lambda: gradcheck(lambda x: x > 0, tensor([1.0], requires_grad=True)), ValueError, "returns no floats"),
        (
            lambda: gradcheck(lambda x: nn.functional.dropout(x), minigrad.ones(99, requires_grad=True)),
            GradcheckError,
            "a different result when it is called again.*dropout",
        ),
        (
            lambda: gradcheck(lambda x: x, tensor([1.0]).expand(3).requires_grad_()),
            ValueError,
            "elements of input 0 share memory",
        ),
        (lambda: check_gradient(np.sin, S, U), ValueError, r"f returns an array of shape \(4, 4\); pass the upstream"),
        (lambda: check_gradient(np.sin, S, U, B), ValueError, r"upstream has shape \(3,\), the value of f \(4, 4\)"),
    ],
)
def test_what_cannot_be_checked_is_told(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# ---- the cause of a wrong Function lies in what its forward computes -----------------------------------------------


class Affine(Function):
    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return x @ w.T + b

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w, g.T @ x, g.mean(0)


class Swish(Function):
    @staticmethod
    def forward(x):
        s = x.sigmoid()
        return x * s

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x.sigmoid()


class ProductAndSum(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b, a + b

    @staticmethod
    def backward(ctx, product, total):
        a, b = ctx.saved_tensors
        return product * b + total, product * a


def leaf(*shape):
    return minigrad.tensor(np.random.default_rng(0).standard_normal(shape), requires_grad=True)


def test_the_cause_in_a_function_is_named_with_its_node() -> None:
    bias = gradcheck_report(Affine.apply, [leaf(5, 3), leaf(2, 3), leaf(2)]).findings
    assert [f.ok for f in bias] == [True, True, False] and bias[2].diagnosis.mistake == "wrong sum"
    assert "`b` is broadcast" in bias[2].pattern and "averaged over axis 0" in bias[2].pattern
    swish = gradcheck_report(lambda x, w: Swish.apply(x @ w).sum(), [leaf(3, 4), leaf(4, 2)]).findings
    assert all("through `s`" in f.pattern and "missing" in f.pattern for f in swish)
    several = gradcheck_report(ProductAndSum.apply, [leaf(3), leaf(3)]).findings
    assert several[0].ok and "`b` through `a + b`" in several[1].pattern
    x = leaf(3, 4)
    Swish.apply(x).sum().backward()  # outside of the diagnosis, a Function is one node again
    assert np.allclose(x.grad.numpy(), x.detach().sigmoid().numpy())
