"""minigrad against PyTorch where derivatives are glued together: at kinks, ties, zeros and nan; and constants.

Derivatives of order 1 to 4 are compared. Where nothing depends on the input any more, PyTorch may say so by raising;
that counts as 0. `tests/primitives/test_high_derivatives.py` compares smooth functions with mpmath.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from cases import each
from ops import OPS, Op

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore::RuntimeWarning")]

Program = Callable[[Any, Any], Any]  # of the library and x
nan, inf = float("nan"), float("inf")
BOTH = (minigrad, torch)


def numpy(t: Any) -> np.ndarray:
    t = t.detach()
    return np.array(t.numpy(force=True) if isinstance(t, torch.Tensor) else t.numpy())


def derivatives(m: Any, program: Program, array: Any, orders: int = 4) -> list[np.ndarray]:
    """The value, and the derivatives: each is the gradient of a random projection of the one before it."""
    rng = np.random.default_rng(1)
    x = m.tensor(np.array(array, np.float64), requires_grad=True)
    y = program(m, x)
    found = [numpy(y)]
    for _ in range(orders):
        u = m.tensor(rng.uniform(0.5, 1.5, found[-1].shape))
        g = m.autograd.grad((y * u).sum(), [x], create_graph=True, allow_unused=True)[0] if y.requires_grad else None
        y = m.zeros_like(x).detach() if g is None else g
        found.append(numpy(y))
    return found


def assert_same(found: list[np.ndarray], wanted: list[np.ndarray], nan_there: bool = False) -> None:
    """The same numbers, nan equal to nan; with `nan_there`, finite ones where PyTorch has nan."""
    for order, (f, w) in enumerate(zip(found, wanted, strict=True)):
        if nan_there:
            assert np.isfinite(f[np.isnan(w)]).all(), f"order {order}: {f}"
            w = np.where(np.isnan(w), f, w)
        np.testing.assert_allclose(f, w, rtol=1e-7, atol=1e-7, err_msg=f"order {order}")


def method(name: str, *args: Any, **keywords: Any) -> Program:
    return lambda m, x: getattr(x, name)(*args, **keywords)


def functional(name: str, *args: Any, **keywords: Any) -> Program:
    return lambda m, x: getattr(m.nn.functional, name)(x, *args, **keywords)


def with_number(name: str, c: float, swapped: bool = False) -> Program:
    def program(m: Any, x: Any) -> Any:
        other = m.zeros_like(x.detach()) + c
        return getattr(other, name)(x) if swapped else getattr(x, name)(other)

    return program


def loss(name: str, target: float, **keywords: Any) -> Program:
    return lambda m, x: getattr(m.nn.functional, name)(
        x, m.zeros_like(x.detach()) + target, reduction="none", **keywords
    )


# ---- one number at a time: kinks and joints ----------------------------------------------------------------------

POINTS = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 6.0, 1e-4, -1e-4]
JOINTS: dict[str, Program] = {
    **{
        n: method(n) for n in ("relu", "abs", "sign", "floor", "ceil", "trunc", "round", "frac", "square", "nan_to_num")
    },
    **{
        n: functional(n)
        for n in (
            *("relu6", "leaky_relu", "elu", "celu", "selu", "hardtanh", "hardshrink", "softshrink", "hardswish"),
            *("softsign", "tanhshrink", "rrelu", "gelu", "silu", "mish", "softplus", "logsigmoid"),
        )
    },
    "leaky_relu 0": functional("leaky_relu", 0.0),
    "leaky_relu below 0": functional("leaky_relu", -0.5),
    "elu alpha": functional("elu", 0.5),
    "celu alpha": functional("celu", 2.0),
    "celu negative alpha": functional("celu", -0.5),
    "softplus threshold": functional("softplus", 2.0, 2.0),
    "softplus threshold 0": functional("softplus", 1.0, 0.0),
    "threshold": functional("threshold", 1.0, -2.0),
    "hardshrink 0": functional("hardshrink", 0.0),
    "softshrink 0": functional("softshrink", 0.0),
    "hardtanh of 0 and 1": functional("hardtanh", 0.0, 1.0),
    "hardtanh of equals": functional("hardtanh", 1.0, 1.0),
    "hardsigmoid": lambda m, x: m.nn.functional.relu6(x + 3) / 6 if m is torch else m.nn.functional.hardsigmoid(x),
    **{f"pow {p}": lambda m, x, p=p: x**p for p in (0, 1, 2, 3, 4, 0.0, 2.0)},
    **{f"clamp to [{a}, {b}]": method("clamp", a, b) for a, b in ((-1, 1), (0, None), (None, 0), (1, 1), (1, -1))},
    **{
        f"{n} {c}": with_number(n, c)
        for n in ("maximum", "minimum", "fmax", "fmin", "hypot", "remainder", "fmod", "xlogy")
        for c in (1.0, -1.0, 2.0)
    },
    **{f"{n} 0": with_number(n, 0.0) for n in ("maximum", "minimum", "fmax", "fmin", "logaddexp", "xlogy", "clamp")},
    **{f"{n} of {c} by x": with_number(n, c, True) for n in ("maximum", "fmin", "copysign") for c in (0.0, 1.0)},
    **{f"copysign {c}": lambda m, x, c=c: x[2:10].copysign(m.tensor(c, dtype=m.float64)) for c in (1.0, -1.0)},
    "maximum of x and x": lambda m, x: x.maximum(x),
    "where": lambda m, x: m.where(x > 0, x * x, x),
    **{
        f"{n} of {t}": loss(n, t)
        for n in ("l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss")
        for t in (0.0, 1.0, -1.0)
    },
    "smooth_l1_loss beta": loss("smooth_l1_loss", 0.0, beta=2.0),
    "smooth_l1_loss beta 0": loss("smooth_l1_loss", 0.0, beta=0.0),
    "huber_loss delta": loss("huber_loss", 1.0, delta=2.0),
    **{f"hinge_embedding_loss of {t}": loss("hinge_embedding_loss", t) for t in (1.0, -1.0)},
    **{f"soft_margin_loss of {t}": loss("soft_margin_loss", t) for t in (1.0, -1.0)},
    **{
        f"binary_cross_entropy_with_logits of {t}": loss("binary_cross_entropy_with_logits", t) for t in (0.0, 0.5, 1.0)
    },
    "margin_ranking_loss": lambda m, x: m.nn.functional.margin_ranking_loss(
        x, m.ones_like(x.detach()), m.ones_like(x.detach()), margin=1.0, reduction="none"
    ),
}


@each("name", JOINTS)
def test_joints(name: str) -> None:
    found, wanted = (derivatives(m, JOINTS[name], POINTS) for m in BOTH)
    assert_same(found, wanted)


# ---- several numbers: ties and zeros -----------------------------------------------------------------------------

TIES = (
    [1.0, 1.0, 0.0, -1.0],
    [0.0, 0.0, 0.0, 0.0],
    [-2.0, 1.0, -2.0, 1.0],
    [0.0, 2.0, 0.0, 3.0],
    [1.0, 0.0, 3.0, -2.0],
)
SEVERAL: dict[str, Program] = {
    **{n: method(n) for n in ("max", "min", "amax", "amin", "prod", "var", "median", "sum", "mean", "nansum")},
    **{f"{n} along": lambda m, x, n=n: getattr(x, n)(0)[0] for n in ("max", "min", "sort", "cummax", "cummin", "mode")},
    **{f"{n} along": method(n, 0) for n in ("amax", "amin", "prod", "cumsum", "cumprod", "logsumexp")},
    **{f"{n} along": method(n, 0) for n in ("softmax", "log_softmax")},
    "quantile": method("quantile", 0.5),
    "norm of order 1": method("norm", 1),
    "norm of order inf": method("norm", inf),
    "norm of order -inf": method("norm", -inf),
    "dist": lambda m, x: x.dist(m.ones_like(x.detach()) * 0.5),
    "max of a product": lambda m, x: (x * x).max() * x.min(),
    "max_pool1d": lambda m, x: m.nn.functional.max_pool1d(x.reshape(1, 1, 4), 2, 1),
    "avg_pool1d": lambda m, x: m.nn.functional.avg_pool1d(x.reshape(1, 1, 4), 2, 1),
    "lp_pool1d": lambda m, x: m.nn.functional.lp_pool1d(x.reshape(1, 1, 4) + 3, 3.0, 2),
    "cross_entropy": lambda m, x: m.nn.functional.cross_entropy(x.reshape(2, 2), m.tensor([0, 1]), reduction="none"),
    "cosine_similarity": lambda m, x: m.nn.functional.cosine_similarity(x.reshape(2, 2) + 3, x.reshape(2, 2) * 2 + 1),
    "glu": lambda m, x: m.nn.functional.glu(x),
    "matrix_power": lambda m, x: m.linalg.matrix_power(x.reshape(2, 2), 3),
    "det": lambda m, x: (x.reshape(2, 2) + m.eye(2, dtype=m.float64) * 4).det(),
    "norm": method("norm"),
    "norm along": lambda m, x: x.reshape(2, 2).norm(dim=1),
    "std": lambda m, x: x.reshape(2, 2).std(1),
    "normalize": lambda m, x: m.nn.functional.normalize(x.reshape(2, 2), dim=1),
    "atan2": lambda m, x: x[:2].atan2(x[2:]),
    "hypot": lambda m, x: x[:2].hypot(x[2:]),
}
# where PyTorch has nan, the gradient here is 0, or at most what it is beside 0
NAN_THERE_AT_0 = {"norm", "norm along", "std", "normalize", "atan2", "dist"}


@pytest.mark.parametrize("name", SEVERAL)
@each("array", TIES, ids=str)
def test_ties_and_zeros(name: str, array: list[float]) -> None:
    found, wanted = (derivatives(m, SEVERAL[name], array) for m in BOTH)
    assert_same(found, wanted, name in NAN_THERE_AT_0)


def standardized(x: Any, dims: Any, eps: float) -> Any:
    d = x - x.mean(dims, keepdim=True)
    return d / ((d * d).mean(dims, keepdim=True) + eps).sqrt()


NORMS: dict[str, tuple[Program, Program]] = {
    "layer_norm": (lambda m, x: m.nn.functional.layer_norm(x, (4,), eps=0.1), lambda m, x: standardized(x, 1, 0.1)),
    "batch_norm": (
        lambda m, x: m.nn.functional.batch_norm(x, None, None, training=True, eps=0.1),
        lambda m, x: standardized(x, 0, 0.1),
    ),
    "instance_norm": (
        lambda m, x: m.nn.functional.instance_norm(x.unsqueeze(0), eps=0.1)[0],
        lambda m, x: standardized(x, 1, 0.1),
    ),
    "group_norm": (
        lambda m, x: m.nn.functional.group_norm(x, 2, eps=0.1),
        lambda m, x: standardized(x.reshape(3, 2, 2), 2, 0.1).reshape(3, 4),
    ),
}


@pytest.mark.parametrize("name", NORMS)
def test_normalization(name: str) -> None:
    """Composed from its parts: PyTorch's own layers lose terms of the third derivative."""
    here, there = NORMS[name]
    for array in (np.ones((3, 4)), np.random.default_rng(0).standard_normal((3, 4))):
        assert_same(derivatives(minigrad, here, array), derivatives(torch, there, array))


@pytest.mark.parametrize(
    "name",
    ["relu", "relu6", "hardtanh", "leaky_relu", "hardshrink", "softshrink", "hardsigmoid", "threshold", "max_pool1d"],
)
def test_what_is_piecewise_linear_has_a_second_derivative_of_0(name: str) -> None:
    def second(m: Any) -> np.ndarray:
        x = m.tensor(np.array([[[0.0, 1.0, -2.0, 5.0]]]), requires_grad=True)
        more = {"threshold": (0.0, 1.0), "max_pool1d": (2,)}.get(name, ())
        y = getattr(m.nn.functional, name)(x, *more)
        (g,) = m.autograd.grad(y.sum(), [x], create_graph=True)
        return numpy(m.autograd.grad(g.sum(), [x])[0])

    assert not second(minigrad).any()
    if name != "hardsigmoid":  # PyTorch has no second derivative of it
        assert not second(torch).any()


def test_a_relu_network_has_a_hessian() -> None:
    def hessian(m: Any) -> np.ndarray:
        rng = np.random.default_rng(0)
        w, v = m.tensor(rng.standard_normal((3, 4))), m.tensor(rng.standard_normal(4))
        x = m.tensor(rng.standard_normal(3), requires_grad=True)
        (g,) = m.autograd.grad(((x @ w).relu() * v).sum(), [x], create_graph=True)
        rows = [m.autograd.grad(g[i], [x], retain_graph=True)[0] for i in range(3)]
        return numpy(m.stack(rows))

    np.testing.assert_array_equal(hessian(minigrad), hessian(torch))


# ---- nan ---------------------------------------------------------------------------------------------------------

OTHERWISE_AT_NAN = {
    "documented in docs/pytorch.md": (
        *("conv1d", "conv2d", "conv2d of an even kernel", "conv3d", "conv_transpose1d", "conv_transpose2d"),
        *("conv_transpose3d", "interpolate trilinear", "interpolate bilinear", "interpolate bicubic", "float_power"),
        *("interpolate linear", "interpolate area", "interpolate nearest", "grid_sample"),
    ),
    "LAPACK decides how far nan spreads": (
        *("inverse", "slogdet logabsdet", "logdet", "cholesky", "cholesky upper", "eigh values", "eigh vectors"),
        *("solve_triangular", "solve_triangular of ones", "qr Q", "qr R", "qr sign", "solve", "lstsq", "pinv", "svd"),
        *(
            "svdvals",
            "matrix_norm",
            "linalg.norm",
            "inv",
            "solve_ex",
            "cholesky_solve",
            "matrix_rank",
            "det",
            "slogdet sign",
        ),
    ),
    "the row's torch is composed from other functions": ("hardsigmoid",),
    "as NumPy, nan is the greatest": ("searchsorted", "searchsorted sorter", "bucketize", "mode values"),
    "PyTorch passes the gradient of a result that is True or False": (
        *("logical_and_", "logical_or_", "logical_xor_", "logical_not_"),
        *("eq_", "ne_", "lt_", "le_", "gt_", "ge_"),
    ),
    "the mean of no number, the integral of one point": ("nanmean", "nanmean without nan", "trapezoid", "trapz"),
    "a masked score does not meet the nan": ("scaled_dot_product_attention",),
    "by prod, amax and amin no gradient passes through a nan; PyTorch's is nan": ("scatter_reduce", "scatter_reduce_"),
}
DIFFERENT = {name for names in OTHERWISE_AT_NAN.values() for name in names}
WITH_FLOATS = [op for op in OPS if op.torch and op.name not in DIFFERENT]


def value_and_gradients(m: Any, op: Op, arrays: list[np.ndarray], keywords: Any) -> list[np.ndarray]:
    xs = [m.tensor(a.copy(), requires_grad=a.dtype.kind == "f") for a in arrays]
    y = (op.torch if m is torch else op.call)(m, *xs, **keywords)  # type: ignore[misc]
    if not op.grad or not y.requires_grad:
        return [numpy(y)]
    u = m.tensor(np.random.default_rng(1).standard_normal(tuple(y.shape)), dtype=y.dtype)
    leaves = [x for x in xs if x.requires_grad]
    found = m.autograd.grad(y, leaves, u, allow_unused=True)
    return [numpy(y), *(np.zeros(tuple(x.shape)) if g is None else numpy(g) for x, g in zip(leaves, found))]


PRODUCTS: dict[str, Program] = {
    "prod": method("prod"),
    "prod along": method("prod", 0),
    "prod of rows": lambda m, x: m.stack([x, x + 1.0]).prod(1),
    "cumprod": method("cumprod", 0),
    "cumprod of rows": lambda m, x: m.stack([x, x + 1.0]).cumprod(1),
    "cumprod of columns": lambda m, x: m.stack([x, x + 2.0, x * 2]).cumprod(0),
    "logcumsumexp": method("logcumsumexp", 0),
    "cumsum": method("cumsum", 0),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_nan_beside_zeros_in_scans(name: str) -> None:
    for size in range(1, 5):
        for array in product([nan, 0.0, 2.0, -1.0], repeat=size):
            found, wanted = (value_and_gradient(m, PRODUCTS[name], np.array(array)) for m in BOTH)
            for a, b in zip(found, wanted):
                np.testing.assert_allclose(a, b, 1e-12, 0, err_msg=str(array))


def value_and_gradient(m: Any, program: Program, array: np.ndarray) -> list[np.ndarray]:
    x = m.tensor(array, requires_grad=True)
    y = program(m, x)
    u = m.tensor(10.0 ** np.arange(y.numel()).reshape(tuple(y.shape)))
    return [numpy(y), numpy(m.autograd.grad(y, [x], u)[0])]


@pytest.mark.parametrize("op", WITH_FLOATS, ids=lambda op: op.name.replace("\n", ""))
@pytest.mark.slow
def test_nan_goes_where_it_goes_in_torch(op: Op) -> None:
    for shapes, keywords in op.cases:
        arrays = op.inputs(shapes)
        for i, a in enumerate(arrays):
            if a.dtype.kind != "f" or not a.size:
                continue
            for place in {0, a.size - 1}:
                changed = [b.copy() for b in arrays]
                changed[i].flat[place] = nan
                try:
                    wanted = value_and_gradients(torch, op, changed, keywords)
                except RuntimeError:
                    continue  # PyTorch refuses it
                found = value_and_gradients(minigrad, op, changed, keywords)
                for f, w in zip(found, wanted, strict=True):
                    np.testing.assert_allclose(
                        f, w, rtol=1e-5, atol=1e-6, err_msg=f"nan in input {i} at {place}, {shapes}, {keywords}"
                    )


NAN_POINTS = [nan, 1.0, nan, -2.0, 0.5, nan]
AT_NAN: dict[str, Program] = {
    **JOINTS,
    **SEVERAL,
    "hardsigmoid": functional("hardsigmoid"),
    "l1_loss": lambda m, x: m.nn.functional.l1_loss(x, m.zeros_like(x.detach())),
    "norm of order 2": method("norm", 2),
    "norm of order 3": method("norm", 3),
    "heaviside": lambda m, x: x.detach().heaviside(m.ones_like(x.detach())),
    "clamp by nan": lambda m, x: m.zeros_like(x.detach()).clamp(min=x),
    "prelu": lambda m, x: m.nn.functional.prelu(x, m.tensor([0.25], dtype=m.float64)),
    "threshold 0": functional("threshold", 0.0, 0.0),
    "triplet_margin_loss": lambda m, x: m.nn.functional.triplet_margin_loss(x, x * 2 + 1, x * 3 + 2),
}
NOT_AT_NAN = {"cross_entropy", "det", "matrix_power", "cosine_similarity", "quantile", "mode along"}


@each("name", [name for name in AT_NAN if name not in NOT_AT_NAN])
def test_the_gradient_at_nan(name: str) -> None:
    points = [[nan, 1.0, 2.0, 0.5], [1.0, nan, nan, -1.0]] if name in SEVERAL else [NAN_POINTS]
    for array in points:
        found, wanted = (derivatives(m, AT_NAN[name], array, 1) for m in BOTH)
        assert_same(found, wanted)


def test_a_nan_weight_of_prelu_stays_where_the_weight_is_used() -> None:
    def gradients(m: Any) -> list[np.ndarray]:
        x = m.tensor([[1.0, -1.0], [2.0, 0.0]], requires_grad=True)
        w = m.tensor([nan, 0.5], requires_grad=True)
        return [numpy(g) for g in m.autograd.grad(m.nn.functional.prelu(x, w).sum(), [x, w])]

    for f, w in zip(gradients(minigrad), gradients(torch)):
        np.testing.assert_array_equal(f, w)


# ---- constants ---------------------------------------------------------------------------------------------------

CONSTANTS: dict[str, Program] = {
    "norm of order 0": method("norm", 0),
    "norm of order 0 along": method("norm", 0, dim=1),
    "vector_norm of order 0": lambda m, x: m.linalg.vector_norm(x, 0),
    "dist of order 0": lambda m, x: x.dist(m.ones_like(x.detach()), 0),
    "cdist of order 0": lambda m, x: m.cdist(x, m.zeros(2, 3, dtype=m.float64), p=0),
    "pairwise_distance of order 0": lambda m, x: m.nn.functional.pairwise_distance(x, m.ones_like(x.detach()), p=0),
    "matrix_power 0": lambda m, x: m.linalg.matrix_power(x, 0),
    "matrix_power 0 of a batch": lambda m, x: m.linalg.matrix_power(m.stack([x, x]), 0),
    "sign of slogdet": lambda m, x: m.slogdet(x)[0],
    "pow 0": lambda m, x: x**0,
    "base 0": lambda m, x: 0**x,
    "base 1": lambda m, x: 1**x,
    "times 0": lambda m, x: x * 0,
    **{n: method(n) for n in ("sign", "floor", "ceil", "trunc", "round")},
    "clamp to one number": method("clamp", 1, 1),
    "clamp by bounds the wrong way round": method("clamp", 1, -1),
    "dropout 1": lambda m, x: m.nn.functional.dropout(x, 1.0),
    "alpha_dropout 1": lambda m, x: m.nn.functional.alpha_dropout(x, 1.0, training=True),
    "sum of none": lambda m, x: x[:0].sum(),
    "prod of none": lambda m, x: x[:0].prod(),
    "norm of none": lambda m, x: x[:0].norm(),
    "no elements": lambda m, x: x[:0],
    "masked_select of none": lambda m, x: x.masked_select(x > 100),
    "masked_fill of all": lambda m, x: x.masked_fill(x < 100, 0.0),
    "softmax of one": lambda m, x: x[:, :1].softmax(1),
    "zero_": lambda m, x: x.clone().zero_(),
    "fill_": lambda m, x: x.clone().fill_(2.0),
    "eq_": lambda m, x: x.clone().eq_(1.0),
    "index_fill": lambda m, x: x.index_fill(0, m.tensor([0, 1, 2]), 0.0),
    "pad by less than nothing": lambda m, x: m.nn.functional.pad(x, (-3, 0)),
    "triu far out": method("triu", 5),
    "diff to nothing": method("diff", 5),
    "repeat 0": method("repeat", 0, 1),
    "relu below": lambda m, x: (x - 100).relu(),
    "threshold": functional("threshold", 100.0, 0.0),
    "std of one": lambda m, x: x[:1, :1].std(),
    "layer_norm of one": lambda m, x: m.nn.functional.layer_norm(x[:, :1], (1,)),
    "margin of x and x": lambda m, x: m.nn.functional.margin_ranking_loss(x, x, m.ones_like(x.detach())),
    "addcmul by 0": lambda m, x: m.zeros(3, 3, dtype=m.float64).addcmul(x, x, value=0),
    "add of 0 times": lambda m, x: m.zeros(3, 3, dtype=m.float64).add(x, alpha=0),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@each("name", CONSTANTS)
def test_a_constant_has_a_gradient_of_0(name: str) -> None:
    """`backward` does not raise, as it does not in PyTorch; there the gradient may be None, which means 0."""
    array = np.array([[0.5, -1.0, 2.0], [1.0, 3.0, -0.5], [0.0, 2.0, 1.0]])

    def result(m: Any) -> tuple[np.ndarray, bool, np.ndarray]:
        x = m.tensor(array.copy(), requires_grad=True)
        y = CONSTANTS[name](m, x)
        if y.requires_grad:
            y.sum().backward()
        return numpy(y), y.requires_grad, np.zeros_like(array) if x.grad is None else numpy(x.grad)

    found, wanted = result(minigrad), result(torch)
    np.testing.assert_allclose(found[0], wanted[0])
    assert found[1] == wanted[1], f"requires_grad: {found[1]}, in PyTorch {wanted[1]}"
    np.testing.assert_allclose(found[2], wanted[2])


# ---- max_unpool where windows overlap ----------------------------------------------------------------------------


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_max_unpool_assigns_where_windows_overlap(ndim: int) -> None:
    rng = np.random.default_rng(ndim)
    image = rng.permutation(5**ndim).astype(float).reshape(1, 1, *[5] * ndim)

    def run(m: Any) -> list[np.ndarray]:
        f = m.nn.functional
        x = m.tensor(image.copy(), requires_grad=True)
        y, where = getattr(f, f"max_pool{ndim}d")(x, 3, 1, return_indices=True)
        y = y.detach().requires_grad_()
        out = getattr(f, f"max_unpool{ndim}d")(y, where, 3, 1)
        out.retain_grad()
        (out * m.tensor(rng_of(out))).sum().backward()
        return [numpy(out), numpy(y.grad)]

    def rng_of(out: Any) -> np.ndarray:
        return np.random.default_rng(0).standard_normal(tuple(out.shape))

    for f, w in zip(run(minigrad), run(torch)):
        np.testing.assert_allclose(f, w)
    y = minigrad.nn.functional.max_unpool1d(minigrad.tensor([[[5.0, 5.0]]]), minigrad.tensor([[[1, 1]]]), 2, 1)
    assert y.tolist() == [[[0.0, 5.0, 0.0]]]
