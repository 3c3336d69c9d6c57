"""minigrad against PyTorch: values, dtypes, gradients, and what is refused, over the table of operations and beyond it.

A program is a line or two that both libraries run as it stands, with `m` the library and `x`, `w` leaves. Where
PyTorch would go wrong, or cannot, minigrad may refuse, and the other way round: the tables say where.
"""

from __future__ import annotations

import itertools
import operator
from typing import Any

import numpy as np
import pytest
from cases import each, each_case
from ops import OPS, Op

import minigrad
from minigrad.tensors.methods import Logic, Pointwise
from minigrad.tensors.methods.in_place import InPlace

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

inf, nan = float("inf"), float("nan")
DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")
WITH_TORCH = [op for op in OPS if op.torch]
BOTH = (minigrad, torch)


def tensor(m: Any, array: Any, requires_grad: bool = False) -> Any:
    """A tensor of library m."""
    return m.tensor(np.array(array), requires_grad=requires_grad)


def numpy(t: Any) -> np.ndarray | None:
    """The elements of a tensor of either library."""
    if t is None:
        return None
    t = t.detach()
    return np.array(t.numpy(force=True) if isinstance(t, torch.Tensor) else t.numpy())


def grad(m: Any, *args: Any, **options: Any) -> Any:
    return (torch.autograd if m is torch else minigrad).grad(*args, **options)


def assert_same(found: Any, wanted: Any, what: str, loosely: bool = False) -> None:
    """The same shapes, dtypes and numbers; nan equals nan."""
    for f, w in zip(found, wanted, strict=True):
        assert (f is None) == (w is None), f"{what}: {f} is not {w}"
        if f is not None:
            assert (f.shape, f.dtype) == (w.shape, w.dtype), f"{what}: {f.dtype} {f.shape} is not {w.dtype} {w.shape}"
            tolerance = 1e-4 if f.dtype == np.float32 or loosely else 1e-8
            scale = np.abs(w[np.isfinite(w)]).max(initial=1)
            np.testing.assert_allclose(f, w, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


# ---- the table ---------------------------------------------------------------------------------------------------


def results(m: Any, op: Op, shapes: Any, keywords: Any, dtype: str) -> tuple[list[Any], list[Any], list[Any]]:
    """The value; the gradients by the inputs; a random projection of these differentiated again, also by u."""
    rng = np.random.default_rng(1)
    xs = [tensor(m, a, requires_grad=a.dtype.kind == "f") for a in op.inputs(shapes, dtype)]
    y = (op.torch if m is torch else op.call)(m, *xs, **keywords)
    value = numpy(y)
    if not op.grad:
        return [value], [], []
    wanted = [x for x in xs if x.requires_grad]
    u = tensor(m, rng.standard_normal(value.shape).astype(value.dtype), requires_grad=True)
    first = grad(m, y, wanted, u, create_graph=True)
    projected = sum((g * tensor(m, rng.standard_normal(tuple(g.shape)).astype(dtype))).sum() for g in first)
    second: Any = [None] * (len(wanted) + 1)
    if projected.requires_grad:
        second = grad(m, projected, [*wanted, u], allow_unused=True)
    second = [np.zeros(tuple(x.shape), numpy(x).dtype) if g is None else numpy(g) for g, x in zip(second, [*wanted, u])]
    return [value], list(map(numpy, first)), second


@each_case(WITH_TORCH)
@each("dtype", ["float64", "float32"])
def test_values_and_derivatives(op: Op, shapes: Any, keywords: Any, dtype: str) -> None:
    ours, theirs = (results(m, op, shapes, keywords, dtype) for m in BOTH)
    for what, found, wanted in zip(("value", "first derivative", "second derivative"), ours, theirs):
        assert_same(found, wanted, what, loosely=op.name == "float")


# ---- names -------------------------------------------------------------------------------------------------------


def test_names_are_pytorchs() -> None:
    """PyTorch has every name, and what is one method under several names is one there as well."""
    assert {name for name in vars(InPlace) if name.endswith("_") and name[0] != "_"} <= set(dir(torch.Tensor))
    names = [name for name in (*vars(Pointwise), *vars(Logic)) if not name.startswith("_")]
    assert set(names) <= set(dir(torch))
    same: dict[Any, list[str]] = {}
    for name in names:
        same.setdefault(getattr(minigrad, name), []).append(name)
    x = torch.tensor([0.25, 0.75, 1.0])
    for aliases in same.values():
        function, *others = (getattr(torch, name) for name in aliases)
        for other in others:
            try:
                pair = function(x), other(x)
            except (TypeError, RuntimeError):
                pair = function(x, 1 - x), other(x, 1 - x)
            assert_same([numpy(pair[0])], [numpy(pair[1])], str(aliases))


# ---- dtypes ------------------------------------------------------------------------------------------------------

REFUSED = {
    ("clamp below", "bool"): "booleans have no bounds",
    ("masked_fill", "bool"): "2 is no boolean",
    ("masked_fill_", "bool"): "likewise",
    ("add alpha", "bool"): "three times True is no boolean",
    ("add_ alpha", "bool"): "likewise",
    **{(f"avg_pool{n}d", "int64"): "means are floats" for n in (1, 2, 3)},
    ("local_response_norm", "int64"): "likewise",
    **{(f"interpolate {mode}", "uint8"): "which neighbours mix to a float" for mode in ("bilinear", "bicubic")},
}
"""What PyTorch answers and minigrad refuses: (row, dtype of the tensor)."""
DIFFERENT = {
    ("all", "uint8"): "a boolean; uint8 in PyTorch",
    ("any", "uint8"): "likewise",
}
"""Where the answers have different dtypes."""


@pytest.mark.parametrize("op", WITH_TORCH, ids=lambda op: op.name)
def test_dtypes_meet_as_in_torch(op: Op) -> None:
    """All pairs of dtypes; what PyTorch cannot compute is not compared."""
    compared, refused, different = 0, set(), set()
    for shapes, keywords in op.cases:
        if any(0 in shape for shape in shapes):  # PyTorch's dtypes of nothing are at times others
            continue
        pairs = itertools.product(DTYPES, repeat=min(len(shapes), 2))
        for pair in [(d,) for d in DTYPES[-2:]] if op.only_floats else pairs:
            dtypes = [*pair, *pair[-1:] * (len(shapes) - len(pair))]
            arrays = op.inputs(shapes, dtypes)
            try:
                wanted = op.torch(torch, *(tensor(torch, a) for a in arrays), **keywords)
            except (RuntimeError, IndexError):
                continue
            compared += 1
            row = op.name, dtypes[-1]
            try:
                with np.errstate(all="ignore"):  # 1 / 0, and integers too large for float32
                    found = op.call(minigrad, *(tensor(minigrad, a) for a in arrays), **keywords)
            except TypeError:
                assert row in REFUSED, f"{dtypes} {shapes}"
                refused.add(row)
                continue
            if row in DIFFERENT:
                assert found.dtype != numpy(wanted).dtype
                different.add(row)
            else:
                assert_same([numpy(found)], [numpy(wanted)], f"{dtypes} {shapes} {keywords}")
    assert compared
    assert refused == {row for row in REFUSED if row[0] == op.name}
    assert different == {row for row in DIFFERENT if row[0] == op.name}


OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "le", "gt", "ge", "eq", "ne")
OPERATORS += ("and_", "or_", "xor", "lshift", "rshift", "matmul")


@pytest.mark.parametrize("name", OPERATORS)
@each("number", [3, 2.5, True, False, 0])
def test_python_numbers_adapt_to_tensors(name: str, number: Any) -> None:
    """Every dtype, 0-d and not, with the number on either side."""
    compute = getattr(operator, name)
    for dtype, array in itertools.product(DTYPES, (2, [1, 2, 3], [[1], [0]])):
        a = np.array(array).astype(dtype)
        for swap in (False, True):
            operands = [(number, tensor(m, a)) if swap else (tensor(m, a), number) for m in BOTH]
            try:
                wanted = compute(*operands[1])
            except (RuntimeError, TypeError):  # in PyTorch booleans have no -, and so on
                continue
            if name == "pow" and dtype == "bool" and isinstance(number, bool):
                continue  # int8 in NumPy
            with np.errstate(all="ignore"):
                found = compute(*operands[0])
            assert_same([numpy(found)], [numpy(wanted)], f"{dtype} {array} {number} {swap}")


@each("name", ["add", "sub", "mul", "truediv", "pow", "matmul"])
@each("dtypes", itertools.product(["float32", "float64"], repeat=2), ids="-".join)
def test_gradients_have_the_dtype_of_their_tensor(name: str, dtypes: Any) -> None:
    for shapes in ([(3,), (3,)], [(), (3,)], [(3,), ()], [(), ()]):
        if name == "matmul" and (() in shapes or dtypes[0] != dtypes[1]):
            continue
        answers = []
        for m in BOTH:
            xs = [tensor(m, np.full(s, 1.5, d), requires_grad=True) for s, d in zip(shapes, dtypes)]
            y = getattr(operator, name)(*xs)
            answers.append([numpy(y), *map(numpy, grad(m, y.sum(), xs))])
        assert_same(*answers, f"{shapes}", loosely=dtypes[0] != dtypes[1])


CREATION = """
m.tensor(2)
m.tensor(2.0)
m.tensor(True)
m.tensor([1, 2.5])
m.tensor([[True, False]])
m.tensor([])
m.tensor([True, 2])
m.tensor(np.ones(2))
m.tensor(np.float64(2))
m.tensor([[1, 2], [3, 4]])
m.tensor([1, 2], dtype=m.float64)
m.tensor([1.7, -1.7], dtype=m.int64)
m.tensor(np.ones(2, np.uint8))
m.zeros(2, 3)
m.zeros((2, 3))
m.zeros(2, dtype=m.int64)
m.ones(2)
m.ones(())
m.full((2,), 3.0)
m.full((2, 2), 3)
m.full((2,), True)
m.arange(4)
m.arange(1, 4)
m.arange(0, 1, 0.25)
m.arange(3.0)
m.linspace(0, 1, 5)
m.linspace(-1, 1, 3, dtype=m.float64)
m.zeros_like(x)
m.ones_like(x)
m.ones_like(x, dtype=m.int64)
m.from_numpy(np.arange(3))
m.as_tensor([1.0])
m.as_tensor(x, dtype=m.float32)
m.where(x > 1, 1.0, 0.0)
m.where(x > 1, 1, 0)
m.where(x > 1, x, 0)
m.cat([x, m.tensor([1, 2])])
m.stack([x.float(), x])
x.to(m.int32)
x.to(m.tensor(1.0))
x.long()
(x > 1).float()
"""


@each("text", lines(CREATION))
def test_making_tensors(text: str) -> None:
    answers = [eval(text, {"m": m, "np": np, "x": tensor(m, [0.5, 1.5, 2.5])}) for m in BOTH]
    assert_same([numpy(answers[0])], [numpy(answers[1])], text)


# ---- corners -----------------------------------------------------------------------------------------------------

ODD = [-1.0, 0.0, -0.0, 1.0, inf, -inf]
TIES = [[1.0, 3.0, 3.0, 2.0], [5.0, 5.0, 5.0, 5.0]]
NANS = [[1.0, nan, 3.0], [1.0, 2.0, 3.0]]
LOGITS = (
    [[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1000.0], [1000.0, 1000.0, 1000.0]],
    *([[-inf, 0.0, 1.0], [-inf, -inf, 2.0]], [[-inf, -inf, -inf], [0.0, 1.0, 2.0]], [[1e30, 0.0, -1e30]]),
    *([[inf, 0.0, 1.0], [inf, inf, -inf]], [[nan, 0.0, 1.0], [0.0, 1.0, 2.0]]),
)
CORNERS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    *[(f"x.{name}()", (ODD,)) for name in ("relu", "abs", "sign", "tanh", "sigmoid", "exp", "floor", "square")],
    # without -0.0, where PyTorch's derivative is -inf or inf, depending on the position and the processor
    ("x.logit()", ([-1000.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 1000.0],)),
    *[(f"x.{name}()", ([-1000.0, 1000.0, 1e-12, nan],)) for name in ("tanh", "sigmoid", "exp", "expm1", "sqrt", "log")],
    *[(f"x.{name}()", ([0.0, -1.0, 4.0, inf],)) for name in ("sqrt", "log", "log1p")],
    *[(f"x.{name}()", (TIES,)) for name in ("max", "min", "amax", "amin", "argmax", "argmin", "std", "var")],
    *[(f"x.{name}(dim=1)", (TIES,)) for name in ("amax", "amin", "argmax", "argmin", "std", "var")],
    *[
        (f"x.{name}(dim={d}).{part}", (TIES,))
        for name in ("max", "min")
        for d in (0, 1)
        for part in ("values", "indices")
    ],
    *[(f"x.{name}(dim=1)", (NANS,)) for name in ("amax", "amin", "argmax", "argmin", "sum", "mean", "std")],
    *[(f"x.{name}(dim=1).values", (NANS,)) for name in ("max", "min")],
    *[(f"x.{name}(dim=1)", (rows,)) for name in ("softmax", "log_softmax", "logsumexp") for rows in LOGITS],
    *[
        (f"m.nn.functional.cross_entropy(x, x.detach().{name}(1), reduction='none')", (rows,))
        for name in ("argmax", "argmin")
        for rows in LOGITS
    ],
    *[(f"x.{name}(y)", ([1.0, 2.0, 3.0, inf], [2.0, 2.0, 1.0, inf])) for name in ("maximum", "minimum")],
    *[(f"x.detach().{name}(y.detach())", ([nan, 2.0], [1.0, nan])) for name in ("maximum", "minimum")],
    ("x.detach().relu() + x.detach().abs()", ([nan],)),
    *[
        (f"x.clamp({bounds})", ([0.0, 1.0, 0.5, -1.0, 2.0, nan, inf, -inf],))
        for bounds in ("0., 1.", "min=0.", "1., 0.")
    ],
    *[
        (f"x.{name}()", ([-1000.0, -2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 1000.0, inf, -inf, nan],))
        for name in (
            *("exp2", "log2", "log10", "rsqrt", "reciprocal", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh"),
            *("acosh", "atanh", "sinc", "trunc", "round", "frac", "erf", "erfc", "erfinv", "nan_to_num"),
        )
    ],
    *[
        (f"x.{name}(y)", ([0.0, 0.0, -0.0, 5.0, -5.0, 5.0, inf, 1.0], [0.0, -1.0, 1.0, -3.0, 3.0, 0.0, 2.0, inf]))
        for name in ("atan2", "remainder", "fmod", "hypot", "xlogy", "logaddexp")
    ],
    *[
        (f"x.{name}(y)", ([nan, 1.0, 2.0, nan, 3.0], [1.0, nan, 2.0, nan, 2.0]))
        for name in ("fmax", "fmin", "maximum", "minimum", "xlogy", "copysign")
    ],
    *[
        (f"x.div(y, rounding_mode='{mode}')", ([5.0, -5.0, 7.0, inf, 1.0], [3.0, 3.0, -0.5, 2.0, inf]))
        for mode in ("floor", "trunc")
    ],
    ("x.clamp(y, y + 1)", ([0.0, 1.0, 2.0], [0.0, 0.0, 0.0])),
    ("x.clamp(y, y - 1)", ([0.0, 1.0, 2.0, 0.5], [1.0, 1.0, 1.0, 1.0])),
    ("x ** y", ([0.0, 0.0, 0.0, 0.0, 2.0, -2.0, -2.0, 1.0], [0.0, 1.0, 2.0, 3.0, 0.0, 2.0, 3.0, 0.0])),
    ("x ** y", ([0.0, -2.0, 0.0, inf, 2.0, nan, 1.0], [-1.0, 0.5, -2.0, 2.0, 1000.0, 0.0, nan])),
    *[(f"x ** {n}", ([0.0, 4.0, -1.0, inf, nan],)) for n in (0, 1, 2, 3, -1, 0.5)],
    *[(f"({n}) ** x", ([0.0, 4.0, 1.0, 0.5],)) for n in (0, 1, -2.0)],
    ("x / y", ([1.0, 0.0, inf, -1.0, 0.0], [0.0, 0.0, inf, 0.0, 5.0])),
    ("x * y", ([0.0, 0.0, inf], [inf, nan, 0.0])),
    ("m.where(x > 0, x, y)", ([0.0, nan, inf], [inf, nan, 0.0])),
    ("m.where(x > 0, x, 1.0).log()", ([0.0, -1.0, 2.0],)),
    *[(f"x.{name}()", ([2.0],)) for name in ("var", "std")],
    ("x.var(unbiased=False)", ([2.0],)),
    *[(f"x.{text}", (np.zeros((0, 3)),)) for text in ("sum(0)", "sum()", "mean()", "mean(0)", "logsumexp(0)", "all()")],
)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@each("text, inputs", CORNERS, ids=[f"{text} {inputs}"[:70] for text, inputs in CORNERS])
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore:var:UserWarning", "ignore:std:UserWarning")
def test_corners(text: str, inputs: Any, dtype: str) -> None:
    """Ties, kinks, infinities and nan."""
    answers = []
    for m in BOTH:
        xs = [tensor(m, np.array(i, dtype), requires_grad=True) for i in inputs]
        y = eval(text, {"m": m, **dict(zip("xy", xs))})
        value = numpy(y)
        u = np.random.default_rng(0).uniform(0.5, 1, value.shape)
        gradients = grad(m, y, xs, tensor(m, u.astype(dtype)), allow_unused=True) if y.requires_grad else ()
        answers.append([value, *map(numpy, gradients)])
    assert_same(*answers, text)


# ---- writing in place, and views ---------------------------------------------------------------------------------

PROGRAMS = """
z = x * 2; z[0] *= 3; out = z
z = x * 2; z[0, 1] *= 3; out = z
z = x * 2; v = z[0]; v *= 3; out = z
z = x * 2; v = z[0]; v *= 3; out = v
z = x * 2; v = z[0]; v *= 3; out = z[0] * v
z = x * 2; v = z[0, 0]; v.mul_(3); out = z
z = x * 2; v = z[0]; s = v[1:]; s += w[1:]; out = z
z = x * 2; v = z[0]; s = v[1:]; s += w[1:]; out = v
z = x * 2; v = z[0]; s = v[1:]; z *= 3; out = s
z = x * 2; v = z[0]; s = v[1:]; v *= 3; out = s
z = x * 2; v = z[0]; s = v[1:]; s *= 3; v += 1; z *= w; out = s * s
z = x * 2; v = z[0]; s = v[1:]; t = s[1:]; z *= w; t *= 2; z += 1; out = s * 3
z = x * 2; v = z[0]; z += w; out = v
z = x * 2; v = z.T; z += w; out = v
z = x * 2; v = z.T; v[1] = 0; out = z
z = x * 2; v = z.mT; v += 1; out = z
z = x * 2; v = z.reshape(-1); v[1] = w[0]; out = z
z = x * 2; v = z.reshape(3, 4); v += 1; out = z
z = x * 2; v = z.view(4, 3); v[1] = w[0]; out = z
z = x * 2; v = z[:, 1:3].transpose(0, 1); v[0] = w[:3]; out = z
z = x * 2; v = z.permute(1, 0); v *= w.reshape(4, 1); out = z
z = x * 2; v = z.unsqueeze(0); v.mul_(w); out = z
z = x * 2; v = z.squeeze(); v.mul_(w); out = z
z = x * 2; v = z.flatten(); v.mul_(2); out = z
z = x * 2; v = z[::2]; v += 1; out = z
z = x * 2; v = z[..., None]; v *= 2; out = z
z = x.T * 2; v = z.reshape(-1); v += 1; out = z
z = x.clone().T; v = z.reshape(-1); v += 1; out = z
z = x * 2; a, b = z[0], z[0]; a *= 2; out = b
z = x * 2; a, b = z[0], z[:, 0]; a *= 2; b += 1; a *= w; out = z
z = x * 2; a, b = z[0], z[1:]; a *= 2; out = b
z = x * 2; v = z[1]; z = z * 2; v += 1; out = z + v.sum()
z = x * 2; v = z[0]; v = v * 2; v += 1; out = z.sum() + v
z = x * 2; v = z.to(z.dtype); v += 1; out = z
z = x * 2; y = z[0] * 2; v = z[0]; v += 1; out = y
z = x.clone(); v = z[0]; del z; v += 1; out = v
z = x * 2; z[0] = z[1]; out = z
z = x * 2; z[0], z[1] = z[1].clone(), z[0].clone(); out = z
z = x * 2; z[[0, 2]] = w; out = z
z = x * 2; z[z > 0] = 0; out = z
z = x * 2; z[z > 0] *= 5; out = z
z = x * 2; z[:, [0, 1]] += w[:2]; out = z
z = x * 2; z.add_(w).mul_(w); out = z
z = x * 2; z.sub_(1).div_(2); out = z
z = x * 2; z.mul_(z.clone()); out = z
z = x * 2; z.pow_(2); out = z
z = x * 2; z /= w; out = z
z = x * 2; z -= z.mean(); out = z
z = x * 2; z -= z; out = z
z = x * 2; z.sin_().mul_(w).tanh_(); out = z * x
z = x * 2; v = z[0]; v.exp_(); out = z
z = x * 2; v = z[0]; v.sin_(); z.square_(); out = v
z = x * 2; z[1:].clamp_(-1, 1); out = z
z = x * 2; z.T.relu_(); out = z
z = x * 2; z.masked_fill_(x > 0, w[0]); out = z
z = x * 2; z.lerp_(w, 0.3); out = z
z = x * 2; z.addcmul_(w, x, value=3); out = z
z = x * 2; z.sub_(w, alpha=2); out = z
z = x * 2; z.div_(w, rounding_mode="floor"); out = z + x
z = x * 2; z.eq_(w.detach()); out = z + x
z = x * 2; z.gt_(0); out = z
z = x * 2; v = z[0]; v.lt_(w.detach()); out = z
z = x * 2; z.round_(); out = z
z = x * 2; y = z + 1; z.cos_(); out = y
z = x * 2; z %= 1.5; out = z
z = m.tensor([5, 6, 7, 8]); z //= 2; z %= 3; z <<= 2; out = z * w
z = m.tensor([5, 6, 7, 8]); z.clamp_(6, 7).neg_(); out = z * w
z = m.tensor([5.0, 6, 7, 8]); z.exp2_().log2_().sub_(1); out = z * w
z = m.zeros(3, 4, dtype=x.dtype); z.atan2_(x.cos()); out = z
z = m.zeros(3, 4, dtype=x.dtype); z.add_(w, alpha=2); out = z
with m.no_grad(): x.neg_(); x.clamp_(-1, 1)| out = x * x
z = x * 2; z.copy_(w); out = z * x
z = x * 2; z.copy_(x); out = z
z = x * 2; z[1].copy_(w); out = z
z = x * 2; z[1].fill_(7); out = z
z = x * 2; z.fill_(7); out = z * x
z = x * 2; z.zero_(); out = z + x
z = x * 2; z[1].zero_(); out = z * z
z = (x * 2).float(); z += w; out = z
z = x.detach().clone(); z[0] = 1; out = z * x
z = x.clone(); z[0] = 1; out = z * x
z = m.zeros(3, 4, dtype=x.dtype); z[0] = w; out = z * x
z = m.zeros(3, 4, dtype=x.dtype); z += x; out = z
z = m.zeros(3, 4, dtype=x.dtype); z[0] += w; z[0] += w; out = z
z = m.zeros(3, 4, dtype=x.dtype); v = z[0]; v += w; out = z
z = m.zeros(3, 4, dtype=x.dtype); v = z[0]; z += x; out = v
z = m.zeros(4, dtype=x.dtype)| for i in range(4): z[i] = w[i].exp() * x[0, i]| out = z
z = m.zeros(4, dtype=x.dtype)| for i in range(4): z[i] += w[i] * i| out = z
z = m.zeros(4, dtype=x.dtype); z[0] = w[0]| for i in range(1, 4): z[i] = z[i - 1].clone() * w[i]| out = z
z = m.zeros(3, 4, dtype=x.dtype); h = w| for i in range(3): h = (h * x[i]).tanh(); z[i] = h| out = z
z = m.zeros(4)| for i, r in enumerate(x): z[i] = r.sum()| out = z
z = m.tensor([1, 2, 3, 4]); z += 2; out = z * w
z = x * 2; y = z.tanh(); z[0] = 0; out = y
z = x * 2; y = z.exp(); z += 1; out = y
z = x * 2; y = z + 1; z[0] = 5; out = y * z
z = x * 2; y = z.sum(0); z.zero_(); out = y
z = x * 2; y = z.max(1).values; z *= 2; out = y
z = x * 2; y = z[[0, 1]]; z += 1; out = y
z = x * 2; y = z.clone(); z += 1; out = y + z
z = x * 2; y = m.where(z > 0, z, 0.); z += 1; out = y
z = x * 2; y = m.cat([z, z]); z += 1; out = y
z = x * 2; z.detach().zero_(); out = z
z = x * 2; z.data.mul_(2); out = z * z
z = x * 2| with m.no_grad(): z[0] = 0| out = z
z = (x * 2)[None].expand(2, 3, 4).clone(); z += 1; out = z
x.detach()[0] = 5; out = x * x
y = x + x| with m.no_grad(): x[0] = 5| out = y
with m.no_grad(): x -= 1| out = x * x
"""
"""What both answer alike."""

BOTH_REFUSE = """
z = x * 2; z[0] = z[0] * z[0]; out = z
z = x * 2; z.mul_(z); out = z
z = x * 2; z *= z[0]; out = z
z = x * 2; y = z.tanh(); y[0] = 0; out = y
z = x * 2; y = z.exp(); y += 1; out = y
z = x * 2; y = z.sigmoid(); y[0] = 0; out = y
z = x * 2; y = z.abs().sqrt(); y -= 1; out = y
z = x * 2; y = z.softmax(1); y[0] = 0; out = y
z = x * 2; y = z.log_softmax(1); y *= 2; out = y
z = x * 2; y = z.logsumexp(1); y *= 2; out = y
z = x * 2; y = z.amax(1); y *= 2; out = y
z = x * 2; y = z.amax(1); z *= 2; out = y
z = x * 2; y = z * w; z[0] = 5; out = y
z = x * 2; y = z @ w; z.zero_(); out = y
z = x * 2; y = w / z; z += 1; out = y
z = x * 2; y = z ** 2; z += 1; out = y
z = x * 2; y = z ** 3; z += 1; out = y
z = x * 2; y = z.square(); z += 1; out = y
z = x * 2; y = z.clamp(0., 1.); z += 1; out = y
z = x * 2; y = z.maximum(w); z += 1; out = y
z = x * 2; c = z > 0; y = m.where(c, z, 0.); c[0] = True; out = y
z = x * 2; y = z[0] * w; v = z[1]; v += 1; out = y
z = x * 2; y = z * z; z.detach().zero_(); out = y
z = x * 2; y = z * z| with m.no_grad(): z[0] = 0| out = y
z = x * 2; y = z * z| with m.no_grad(): z[0][1:] += 1| out = y
z = x * 2; y = z * z; v = z[1]| with m.no_grad(): v += 1| out = y
z = x * 2| with m.no_grad(): v = z[0]| v *= 3; out = z
z = m.zeros(3, 4, dtype=x.dtype); y = z * x; z[0] = 1; out = y
z = m.zeros(4, dtype=x.dtype); z[0] = w[0]| for i in range(1, 4): z[i] = z[i - 1] * w[i]| out = z
y = x * x; x.detach()[0] = 5; out = y
y = x * x| with m.no_grad(): x[0] = 5| out = y
x += 1; out = x
x[0] = 1; out = x
x[0] += 1; out = x
v = x[0]; v *= 2; out = x
v = x.T; v[0] = 2; out = x
x.zero_(); out = x
z = x.expand(2, 3, 4); z += 1; out = z
z = (x * 2).expand(2, 3, 4); z += 1; out = z
z = x * 2; y = z.sin(); z.sin_(); out = y
z = x * 2; y = z.exp_(); y += 1; v = z.log(); z.zero_(); out = v
x.exp_(); out = x
x.clamp_(0, 1); out = x
x[0].neg_(); out = x
x.masked_fill_(x > 0, 0); out = x
z = m.tensor([1, 2, 3, 4]); z.exp_(); out = z * w
z = m.tensor([1, 2, 3, 4]); z /= 2; out = z * w
z = m.tensor([True]); z += 1; out = z * w
z = m.tensor([1, 2, 3, 4]); z //= 0; out = z * w
z = m.tensor([1, 2, 3, 4]) % m.tensor(0); out = z * w
z = x.masked_fill(w, 0); out = z
z = x.masked_fill(x > 0, w); out = z
z = x.div(w, rounding_mode="up"); out = z
z = x - (x > 0); out = z
z = m.tensor([1, 2]).add(1, alpha=0.5); out = z * w
z = m.tensor([1, 2]).addcdiv(m.tensor([1, 2]), m.tensor([1, 2])); out = z
z = x.lerp(w.float(), 0.5); out = z
z = x << 1; out = z
z = m.tensor([1, 2]).round(decimals=1); out = z
z = x * 2; z += m.zeros(2, 3, 4, dtype=x.dtype); out = z
z = m.tensor([1, 2, 3, 4]); z += w; out = z
z = m.tensor([1, 2, 3, 4]); z[0] = w[0]; out = z
z = m.tensor([1, 2, 3, 4]); z *= 2.5; out = z * w
z = x * 2; z.requires_grad_(False); out = z
out = x * 2; out.backward()
out = (x * 2).sum(); out.backward(); out.backward()
z = x * 2; z.sum().backward(retain_graph=True); z.sum().backward(); out = z
out = (x * 2).sum().detach(); out.backward()
out = (x > 0).sum(); out.backward()
with m.no_grad(): out = (x * 2).sum()
m.tensor([1, 2]).requires_grad_(); out = x
m.tensor([1, 2], requires_grad=True); out = x
(x > 0).requires_grad_(); out = x
x.item(); out = x
bool(x); out = x
float(x); out = x
x.numpy(); out = x
(x * 2).numpy(); out = x
x.backward(w); out = x
(x * 2).backward(w); out = x
x.grad = w.detach(); out = x
x.grad = 1.0; out = x
(x * 2).detach().retain_grad(); out = x
x + m.zeros(5); out = x
x @ x; out = x
x @ 2; out = x
x.reshape(5, 2); out = x
x.reshape(-1, -1); out = x
x.expand(3, 5); out = x
x.permute(0, 0); out = x
x.sum(2); out = x
x.sum((0, 0)); out = x
x.unsqueeze(4); out = x
x.flatten(1, 0); out = x
x[3]; out = x
x[0, 0, 0]; out = x
x[[0, 3]]; out = x
x[m.tensor([0.5])]; out = x
x[x[0] > 0]; out = x
len(x.sum()); out = x
list(x.sum()); out = x
m.cat([x, w]); out = x
m.cat([]); out = x
m.stack([x, w]); out = x
m.stack([]); out = x
m.tensor([[1.0], [1.0, 2.0]]); out = x
m.tensor("a"); out = x
m.tensor([1, 2]) ** -1; out = x
m.tensor([1, 2]).mean(); out = x
m.zeros(0).max(); out = x
m.zeros(0, 3).amax(0); out = x
m.zeros(0).argmax(); out = x
x.clamp(); out = x
~x; out = x
x & x; out = x
x.t().unsqueeze(0).t(); out = x
"""
"""What both refuse, now or in the backward pass."""

MINIGRAD_REFUSES = """
z = x * 2; y = z * z; z.data.zero_(); out = y
y = x * x; x.data[0] = 5; out = y
y = (x * w).sum(); x.data -= 1; out = y
z = x * 2; y = z.relu(); z *= 2; out = y
"""
"""Writes through .data that make PyTorch's gradient wrong; and what minigrad keeps and PyTorch does not."""

TORCH_REFUSES = """
z = x * 2; z[:2] = z[1:]; out = z                      ~ z = x * 2; out = m.stack([z[1], z[2], z[2]])
z = x * 2; z.exp_().log_(); out = z                    ~ z = x * 2; out = z
z = x * 2; v = z[0]; v.sigmoid_(); z *= 3; out = v     ~ out = (x[0] * 2).sigmoid() * 3
z = x * 2; y = z.relu(); y *= 2; out = y               ~ out = (x * 2).relu() * 2
z = x * 2; r = list(z); r[0] += w; out = z             ~ z = x * 2; out = m.stack([z[0] + w, z[1], z[2]])
z = x * 2| with m.no_grad(): v = z[0]| z *= 3; out = v * w ~ out = x[0] * 6 * w
z = x * 2; y = z[::-1]; y[0] = w; out = z              ~ z = x * 2; out = m.stack([z[0], z[1], w])
"""
"""Rightly answered by minigrad; behind ~ PyTorch's way to the same."""


def run(m: Any, program: str) -> list[Any] | Exception:
    """The value and the gradients of x and w after the program, or what it raised."""
    rng = np.random.default_rng(0)
    x, w = (tensor(m, rng.standard_normal(shape), requires_grad=True) for shape in ((3, 4), (4,)))
    names = {"m": m, "x": x, "w": w}
    try:
        exec("\n".join(line.strip() for line in program.split("|")), names)
        out: Any = names["out"]
        value = numpy(out)
        (out * tensor(m, np.random.default_rng(1).standard_normal(value.shape))).sum().backward()
    except Exception as error:
        return error
    return [value, *(numpy(leaf.grad) for leaf in (x, w))]


def answer(m: Any, program: str) -> list[Any]:
    out = run(m, program)
    if isinstance(out, Exception):
        raise out
    return out


@each("program", lines(PROGRAMS))
def test_both_answer_alike(program: str) -> None:
    assert_same(answer(minigrad, program), answer(torch, program), program)


@each("program", lines(BOTH_REFUSE))
@pytest.mark.filterwarnings("ignore:The use of `x.T`")
def test_both_refuse(program: str) -> None:
    assert isinstance(run(torch, program), Exception)
    assert isinstance(run(minigrad, program), Exception)


@each("program", lines(MINIGRAD_REFUSES))
def test_only_minigrad_refuses(program: str) -> None:
    assert not isinstance(run(torch, program), Exception)
    with pytest.raises(RuntimeError, match="was changed in place after it was used"):
        answer(minigrad, program)


@each("program", lines(TORCH_REFUSES))
def test_only_torch_refuses(program: str) -> None:
    program, _, otherwise = program.partition("~")
    assert isinstance(run(torch, program), Exception)
    assert_same(answer(minigrad, program), answer(torch, otherwise), program)


# ---- what a tensor knows of itself -------------------------------------------------------------------------------

STATES = """
x
x * 2
x.detach()
(x * 2).detach()
x.data
x > 0
x.argmax()
x.clone()
x[0]
x.float()
x.long()
x.to(x.dtype)
x.detach().requires_grad_()
x.detach().requires_grad_() * 2
(x * 2).requires_grad_()
c
c * 2
c * x
c + m.tensor([True])
m.zeros(3)
m.zeros(3, requires_grad=True)
m.tensor(x.detach(), requires_grad=True)
m.where(c > 0, c, x)
x.max(1).indices
x.sum().backward()
(x * c).sum().backward()
(x[0] * 2).sum().backward() or (x[1].sum() * 3).backward()
(x * x).sum().backward(inputs=[x])
(x * x).backward(c)
m.tensor([1.0], requires_grad=True).backward()
"""


@each("text", lines(STATES))
@pytest.mark.filterwarnings("ignore:To copy construct:UserWarning", "ignore:The .grad attribute:UserWarning")
def test_states(text: str) -> None:
    """requires_grad, is_leaf, whether there is a grad_fn, and the .grad of x after the expression."""
    answers = []
    for m in BOTH:
        x = tensor(m, np.arange(12.0).reshape(3, 4) - 6, requires_grad=True)
        c = tensor(m, np.ones((3, 4)))
        t = eval(text, {"m": m, "x": x, "c": c})
        state = () if t is None else (t.requires_grad, t.is_leaf, t.grad_fn is None, tuple(t.shape))
        answers.append((*state, c.grad is None, x.grad is None, None if x.grad is None else x.grad.tolist()))
    assert answers[0] == answers[1]


def test_gradients_add_up_until_they_are_reset() -> None:
    answers = []
    for m in BOTH:
        x, unused = (tensor(m, [1.0, 2.0], requires_grad=True) for _ in range(2))
        seen = [unused.grad]
        for _ in range(2):
            y = (x * x).sum()
            y.backward(retain_graph=True)
            y.backward()
            seen.append(numpy(x.grad).tolist())
        x.grad.zero_()
        seen.append(x.grad.tolist())
        x.grad = None
        (x * 3).sum().backward()
        seen.append(x.grad.tolist())
        h = x * 2
        h.retain_grad()
        (h * h).sum().backward()
        seen += [h.grad.tolist(), h.is_leaf, h.grad.requires_grad, unused.grad]
        answers.append(seen)
    assert answers[0] == answers[1]
