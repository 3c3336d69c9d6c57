"""NumPy's functions and arrays with tensors: the same lines give the same numbers, as Tensors with gradients."""

from __future__ import annotations

import math
import operator
import re
from typing import Any

import numpy as np
import pytest
from cases import each
from ops import OPS, Op

import minigrad
from minigrad import Tensor, tensor
from minigrad.tensors import numpy_protocols as protocols

T = np.array([[0.5, 1.5, -2.5], [3.0, 0.25, 1.0]], np.float32)
A = np.array([[1.0, -2.0, 0.5], [0.25, 4.0, 2.0]], np.float32)

SAME_IN_NUMPY = """
np.exp(t)
np.log(t * t)
np.expm1(t)
np.log1p(t * t)
np.sqrt(np.abs(t))
np.square(t)
np.sin(t)
np.cos(t)
np.tanh(t)
np.absolute(t)
np.negative(t)
np.sign(t)
np.floor(t)
np.ceil(t)
np.exp2(t)
np.log2(t * t)
np.log10(t * t)
np.tan(t)
np.arcsin(np.tanh(t))
np.arccos(np.tanh(t))
np.arctan(t)
np.arctan2(t, a)
np.arctan2(a, t)
np.arctan2(1.0, t)
np.hypot(t, a)
np.hypot(3, t)
np.sinh(t)
np.cosh(t)
np.arcsinh(t)
np.arccosh(1 + t * t)
np.arctanh(np.tanh(t))
np.deg2rad(t)
np.rad2deg(t)
np.radians(t)
np.degrees(t)
np.reciprocal(t)
np.positive(t)
np.rint(t)
np.round(t)
np.round(t, 1)
np.round(t, decimals=-1)
np.trunc(t)
np.sinc(t)
np.nan_to_num(t)
np.floor_divide(t, a)
np.floor_divide(1, t)
np.remainder(t, 2)
np.remainder(a, t)
np.mod(t, a)
np.fmod(t, a)
np.fmod(a, t)
np.fmod(2.5, t)
np.fmax(t, a)
np.fmax(a, t)
np.fmin(0, t)
np.copysign(t, a)
np.copysign(1.0, t)
np.heaviside(t, 0.5)
np.heaviside(a, t)
np.ldexp(t, 2)
np.ldexp(t, np.arange(3))
np.logaddexp(t, a)
np.logaddexp(0, t)
np.signbit(t)
np.logical_xor(t > 0, a > 0)
np.left_shift(t.astype(int), 2)
np.right_shift(8, np.abs(t.astype(int)))
np.gcd(t.astype(int), 6)
np.lcm(4, t.astype(int))
5 // t
t // a
t % a
a % t
t.astype(int) // 2
3 % np.square(t.astype(int) + 7)
abs(t)
np.add(t, 1)
np.add(a, t)
np.subtract(1, t)
np.subtract(t, a)
np.multiply(t, t)
np.divide(1, t)
np.divide(t, a)
np.power(t, 2)
np.power(a * a, t)
np.power(2, t)
np.maximum(0, t)
np.maximum(t, a)
np.maximum(a, t)
np.minimum(t, 0.5)
np.minimum(a, t)
a + t
t + a
a - t
t - a
a * t
t * a
a / t
t / a
(a * a) ** t
(t * t) ** a
2.0 - t
2 / t
2**t
1.0 / (1.0 + np.exp(-t))
np.float32(2) / t
np.matmul(t, a.T)
a.T @ t
t @ a.T
t @ a[0]
a[0] @ t.T
np.dot(t, a.T)
np.dot(a.T, t)
np.dot(t[0], a[0])
np.dot(np.float32(2), t)
np.inner(t, a)
np.outer(a, t)
np.vdot(t, a)
np.tensordot(t, a)
np.tensordot(a, t, axes=([1], [1]))
np.einsum('ij,kj->ik', a, t)
np.prod(t)
np.prod(t, axis=1)
np.cumsum(t)
np.cumsum(t, axis=0)
np.cumprod(t, 1)
np.linalg.norm(t)
np.linalg.norm(t, axis=1)
np.linalg.norm(t, 1, axis=(0, 1), keepdims=True)
np.linalg.norm(t, 'nuc')
np.linalg.inv(t[:, :2])
np.linalg.det(t[:, :2])
np.linalg.slogdet(t[:, :2])[1]
np.linalg.solve(t[:, :2], a)
np.linalg.solve(a[:, :2], t)
np.linalg.solve(np.stack([a[:, :2], t[:, :2]]), t[:, :2])
np.linalg.cholesky(np.eye(3, dtype=np.float32) + t.T @ t)
np.linalg.eigvalsh(t @ t.T)
np.linalg.eigh(t @ t.T)[0]
np.linalg.matrix_power(t[:, :2], -1)
np.linalg.qr(t.T)[1]
np.linalg.svd(t, full_matrices=False)[1]
np.linalg.svdvals(t)
np.linalg.pinv(t)
np.linalg.matrix_power(t[:, :2], 3)
np.linalg.multi_dot([a, t.T, a])
np.trace(t)
np.kron(a, t)
np.cross(a, t)
np.diff(t)
np.diff(t, 2, axis=1)
np.trapezoid(t)
np.trapezoid(a, t, axis=0)
np.count_nonzero(t, axis=0)
np.nansum(t)
np.nanmean(t, axis=1, keepdims=True)
np.quantile(t, 0.25, axis=1)
np.sum(t)
np.sum(t, axis=0)
np.sum(t, 1)
np.sum(t, axis=(0, 1), keepdims=True)
np.sum(t, axis=-1, keepdims=True)
np.mean(t)
np.mean(t, axis=1, keepdims=True)
np.var(t)
np.var(t, axis=0, ddof=1)
np.std(t, axis=1)
np.std(t, axis=0, ddof=1, keepdims=True)
np.max(t)
np.max(t, axis=1)
np.max(t, axis=(0, 1), keepdims=True)
np.min(t, axis=0)
np.amax(t, axis=0)
np.amin(t, axis=1, keepdims=True)
np.argmax(t)
np.argmax(t, axis=1)
np.argmin(t, axis=0)
np.all(t > 0)
np.any(t > 0, axis=0)
np.where(t > 0, t, 0)
np.where(t > 0, t, a)
np.where(a > 0, t, a)
np.where(a > 0, 0.5, t)
np.where(a, t, 0)
np.where([True, False, True], t, a)
np.clip(t, 0, 1)
np.clip(t, a_min=-1, a_max=None)
np.clip(t, min=0)
np.clip(t, a - 1, a + 1)
np.concatenate([t, a])
np.concatenate([a, t], axis=1)
np.concatenate((t, t, t), axis=-1)
np.stack([t, t])
np.stack([a, t], axis=-1)
np.reshape(t, (3, 2))
np.reshape(t, -1)
np.ravel(t)
np.transpose(t)
np.transpose(t, (1, 0))
np.swapaxes(t, 0, 1)
np.squeeze(np.expand_dims(t, 0))
np.expand_dims(t, (0, 2))
np.broadcast_to(t, (2, 2, 3))
np.copy(t)
np.transpose(t, axes=(1, 0))
np.matrix_transpose(t)
np.moveaxis(t, 0, -1)
np.moveaxis(t, source=0, destination=1)
np.flip(t)
np.flip(t, axis=1)
np.flip(t, (0, 1))
np.fliplr(t)
np.flipud(t)
np.rot90(t)
np.rot90(t, k=-1, axes=(1, 0))
np.roll(t, 1)
np.roll(t, shift=1, axis=1)
np.roll(t, (1, 2), axis=(0, 1))
np.tile(t, 2)
np.tile(t, (2, 1, 2))
np.repeat(t, 2)
np.repeat(t, [1, 2], axis=0)
np.split(t, 3, axis=1)[1]
np.split(t, [1], axis=1)[1]
np.array_split(t, 2, axis=1)[0]
np.hstack([t, a])
np.vstack((a, t))
np.dstack([t, t])
np.column_stack([t, a[:, 0]])
np.atleast_1d(t[0, 0])
np.atleast_2d(t[0])
np.atleast_3d(t)
np.broadcast_arrays(t, a[0])[0]
np.meshgrid(t[0], a[0])[0]
np.meshgrid(t[0], t[1], indexing="ij")[1]
np.diag(t[0])
np.diag(t, k=1)
np.diagflat(t, 1)
np.diagonal(t)
np.diagonal(t, 1, axis1=1, axis2=0)
np.tril(t)
np.triu(t, k=1)
np.sort(t)
np.sort(t, axis=0)
np.sort(t, axis=None)
np.argsort(t, axis=0)
np.argsort(t, axis=None)
np.take(t, [0, -1])
np.take(t, np.array([[0, 1]]), axis=1)
np.take(t, 0, axis=-1)
np.take_along_axis(t, np.argsort(t, axis=1), axis=1)
np.take_along_axis(t, np.array([[0], [2]]), 1)
np.nonzero(t > 1)[1]
np.flatnonzero(t > 1)
np.argwhere(t > 1)
np.searchsorted(np.sort(t[0]), a)
np.searchsorted(np.sort(a[0]), t, side="right")
np.bincount((t * t).astype(np.int64)[0], minlength=9)
np.isin(t, a)
np.isin(a, t, invert=True)
t.T @ a
t.reshape(3, 2)
t.sum(axis=1, keepdims=True)
t.mean(axis=0)
t.max()
t.argmax(axis=1)
t.astype(np.float64)
t[a > 0]
t[np.array([1, 0]), np.array([2, 0])]
t[:, ::-1]
np.isnan(t / (t - 0.5) * 0)
np.isfinite(t)
np.isinf(1 / (t - 0.5))
t > a
a > t
a >= t
a < t
a <= t
a == t
a != t
np.greater(1, t)
np.less_equal(t, 1)
np.equal(t, 1.5)
np.not_equal(a, t)
np.less(1, t)
np.greater_equal(a, t)
np.bitwise_and(a > 0, t > 0)
np.bitwise_or(t > 0, a > 0)
np.bitwise_xor(t > 0, a > 0)
(a > 0) & (t > 0)
(t > 0) | (a > 0)
(a > 0) ^ (t > 0)
~(t > 0)
np.logical_and(a > 0, t > 0)
np.logical_or(t > 0, a > 0)
np.logical_not(t > 0)
np.logical_not(np.floor(t))
np.invert(t > 0)
np.fabs(t)
np.conjugate(t)
np.logaddexp2(t, a)
np.cbrt(t)
np.modf(t)[0]
np.divmod(t, a)[1]
np.vecdot(t, a)
np.matvec(t, a[0])
np.vecmat(a[:, 0], t)
np.append(t, a)
np.append(t, a, axis=0)
np.average(t, axis=0)
np.average(t, axis=1, weights=a[0])
np.around(t, 1)
np.block([[t, a], [a, t]])
np.broadcast_arrays(t, a[0], 1)[0]
np.compress([True, False, True], t, axis=1)
np.concatenate([t, a], axis=None)
np.convolve(t[0], a[1])
np.convolve(a[1, :2], t[0], "same")
np.convolve(t[0], a[1, :2], "valid")
np.correlate(t[0], a[1], "full")
np.correlate(a[1, :2], t[0])
np.cov(t)
np.cov(t, a, bias=True)
np.corrcoef(t)
np.delete(t, 1, axis=1)
np.ediff1d(t)
np.extract(a > 0, t)
np.fix(t)
np.gradient(t[0])
np.gradient(t, 2.0, axis=1)
np.gradient(t[0], np.array([0.0, 1.0, 3.0], np.float32))
np.gradient(t)[0]
np.hsplit(t, 3)[1]
np.hsplit(t[0], [1])[1]
np.vsplit(t, 2)[0]
np.dsplit(t[None], 3)[2]
np.insert(t, 1, a[0, 0])
np.insert(t, 1, t[:, 0], axis=1)
np.linspace(t[0, 0], 2, 4)
np.median(t)
np.median(t, axis=1, keepdims=True)
np.nanmedian(t, axis=0)
np.nancumsum(t, axis=1)
np.nancumprod(t, axis=1)
np.nanmax(t, axis=1)
np.nanmin(t)
np.nanprod(t, axis=0)
np.nanvar(t, axis=1)
np.nanstd(t, ddof=1)
np.percentile(t, 30, axis=1)
np.nanpercentile(t, 30)
np.nanquantile(t, 0.3)
np.pad(t, 1)
np.pad(t, ((0, 1), (2, 0)), constant_values=2.0)
np.pad(t, 1, "edge")
np.pad(t, 1, mode="reflect")
np.partition(t, 1)
np.polyval(t[0], a)
np.polyval(a[0], t)
np.ptp(t, axis=1)
np.real(t)
np.real_if_close(t)
np.resize(t, (3, 5))
np.roll(t, 1, axis=(0, 1))
np.roll(t, (1, 2), axis=1)
np.rollaxis(t, 1)
np.select([a > 1, a < 0], [t, 2 * t])
np.split(t, np.array([1, 2]), 1)[1]
np.unique(t)
np.unique(t, return_index=True)[0]
np.unwrap(3 * t)
np.vander(t[0])
np.vander(t[0], 2, increasing=True)
np.where(t > 0)[1]
np.fft.fftshift(t)
np.fft.ifftshift(t)
np.linalg.cond(t[:, :2])
np.linalg.diagonal(t)
np.linalg.cross(t, a)
np.linalg.matmul(t, a.T)
np.linalg.matrix_norm(t)
np.linalg.matrix_transpose(t)
np.linalg.outer(t[0], a[0])
np.linalg.tensordot(t, a)
np.linalg.trace(t[:, :2])
np.linalg.vecdot(t, a)
np.linalg.vector_norm(t)
np.linalg.vector_norm(t, axis=1)
np.astype(t, np.float64)
np.cumulative_prod(t[0])
np.cumulative_sum(t[0])
np.unstack(t)[1]
np.sum(t, axis=1, where=a > 0)
np.sum(t, 0, initial=2)
np.prod(t, initial=3.0)
np.max(t, axis=1, initial=9.0)
np.min(t, where=a > 0, initial=1)
np.mean(t, axis=0, where=a > -3)
np.reshape(t, (3, 2), order="F")
np.ravel(t, order="F")
np.add.reduce(t)
np.add.reduce(t, axis=1, keepdims=True)
np.multiply.reduce(t)
np.maximum.reduce(t, axis=1)
np.minimum.reduce(t)
np.logical_and.reduce(t > 0)
np.logical_or.reduce(t > 2, axis=1)
np.add.accumulate(t)
np.multiply.accumulate(t, axis=1)
np.subtract.outer(t, a[0])
np.multiply.outer(a, t[0])
np.interp(t, np.array([-1.0, 0.5, 2.0], np.float32), a[0]).astype(np.float32)
np.interp(a, np.array([-1.0, 0.5, 2.0], np.float32), t[0], left=9, right=8).astype(np.float32)
np.linspace(0, t[0], 3)
np.linspace(t, a, 4, endpoint=False)
np.logspace(0, t[0], 3)
np.choose([0, 1, 0], [t[0], t[1]])
np.polyadd(t[0], a[0, :2])
np.polysub(a[0, :2], t[0])
np.polymul(t[0], a[0])
np.polyder(t[0]).astype(np.float32)
np.polyint(t[0], k=2).astype(np.float32)
np.trim_zeros(t[0] * (a[0] > 0))
np.apply_along_axis(np.sum, 1, t)
np.apply_along_axis(np.cumsum, 0, t)
np.apply_over_axes(np.sum, t, [0])
np.bincount([0, 1, 1], weights=t[0]).astype(np.float32)
np.linalg.svd(t, compute_uv=False)
np.linalg.lstsq(t.T, a.T, rcond=None)[0]
np.linalg.lstsq(t.T, a[0], rcond=None)[1]
np.linalg.tensorinv(np.outer(t[0], a[0])[:2, :2].reshape(2, 2, 1) + np.eye(2, dtype=np.float32)[..., None], 1)
np.linalg.tensorsolve(t[:, :2], a[0, :2])
np.vstack([t, a], dtype=None)
np.einsum(t, [0, 1], a, [2, 1], [0, 2])
t - t.max(axis=1, keepdims=True)
t.min(axis=(0, 1))
np.shape(t)
np.ndim(t)
np.size(t)
np.size(t, 1)
np.zeros_like(t)
np.ones_like(t, dtype=np.int64)
np.allclose(t, t)
np.array_equal(t, a)
np.isclose(t, a)
np.random.default_rng(0).permutation(t.shape[0])
"""
VALUES_ONLY = ("np.shape", "np.ndim", "np.size", "np.zeros_like", "np.ones_like", "np.allclose", "np.array_equal")
VALUES_ONLY += ("np.isclose", "np.random")


if np.lib.NumpyVersion(np.__version__) < "2.1.0":  # where NumPy itself refuses it: np.clip has no `min`
    SAME_IN_NUMPY = SAME_IN_NUMPY.replace("np.clip(t, min=0)\n", "")


def known(text: str) -> bool:
    """False for a function that this version of NumPy does not have."""
    name = re.match(r"np\.([\w.]+)", text)
    try:
        return name is None or bool(operator.attrgetter(name[1])(np))
    except AttributeError:
        return False


@each("text", filter(known, SAME_IN_NUMPY.strip().splitlines()))
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
def test_numpys_lines_give_numpys_numbers(text: str) -> None:
    """The same shape, dtype (float32 stays) and numbers; a Tensor, with a gradient unless the answer has none."""
    t = Tensor(T, requires_grad=True)
    found = eval(text, {"np": np, "t": t, "a": A})
    wanted = eval(text, {"np": np, "t": T, "a": A})
    if text.startswith(VALUES_ONLY):
        assert type(found) is type(wanted) and np.array_equal(found, wanted)
        return
    assert isinstance(found, Tensor)
    if text.startswith(("np.cov", "np.corrcoef", "np.vander")):  # in NumPy always of float64
        wanted = wanted.astype(np.float32)
    assert (found.shape, found.dtype) == (np.shape(wanted), wanted.dtype)
    np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=1e-6)
    assert found.requires_grad == (found.dtype.kind == "f")
    if found.requires_grad:
        (gradient,) = minigrad.grad(found.sum(), [t])
        assert (gradient.shape, gradient.dtype) == (t.shape, t.dtype)


@each("text", [line for line in filter(known, SAME_IN_NUMPY.strip().splitlines()) if "float32" not in line])
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
def test_gradients_are_those_of_differences(text: str) -> None:
    """In float64, a little beside the numbers at which a function has a step."""
    x = T.astype(np.float64) + np.arange(6).reshape(2, 3) / 97 + 0.003
    a = A.astype(np.float64) - np.arange(6).reshape(2, 3) / 89 - 0.001
    t = Tensor(x, requires_grad=True)
    y = eval(text, {"np": np, "t": t, "a": a})
    if not isinstance(y, Tensor) or not y.requires_grad:
        return
    weights = np.cos(np.arange(y.numel())).reshape(y.shape)
    (gradient,) = minigrad.grad((y * weights).sum(), [t])

    def loss(x: np.ndarray) -> float:
        return float((np.asarray(eval(text, {"np": np, "t": x, "a": a})) * weights).sum())

    wanted = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[i] = 1e-6
        wanted[i] = (loss(x + step) - loss(x - step)) / 2e-6
    np.testing.assert_allclose(gradient.numpy(), wanted, rtol=1e-4, atol=1e-5)


def test_every_function_with_a_rule_is_tried() -> None:
    ours = {*protocols.COMPOSITIONS, *protocols.UFUNCS}
    names = {protocols._called(f) for f in [*protocols._METHODS, *protocols._FUNCTIONS]} | ours
    names -= {"float_power"}  # float64 in NumPy
    assert {name for name in names if f"np.{name}(" not in SAME_IN_NUMPY} == set()


@each("op", [op for op in OPS if op.grad and op.name not in ("double", "float_power")])
def test_float32_stays_float32(op: Op) -> None:
    for shapes, keywords in op.cases:
        xs = [Tensor(a, requires_grad=a.dtype.kind == "f") for a in op.inputs(shapes, "float32")]
        y = op.call(minigrad, *xs, **keywords)
        wanted = [x for x in xs if x.requires_grad]
        gradients = minigrad.grad(y, wanted, np.ones(y.shape, np.float32), create_graph=True)
        assert {y.dtype, *(g.dtype for g in gradients)} == {np.dtype("float32")}, (shapes, keywords)


NUMBERS = (2, 2.5, True, np.float64(2.5), np.float32(2.5), np.int64(2), np.uint8(2), np.bool_(True))


@each("name", ["add", "sub", "mul", "truediv", "pow"])
@each("number", NUMBERS, ids=lambda n: f"{type(n).__name__}({n})")
def test_numbers_of_any_kind_leave_the_dtype_alone(name: str, number: Any) -> None:
    compute = getattr(operator, name)
    if name == "sub" and isinstance(number, bool | np.bool_):
        with pytest.raises(TypeError, match="sub: not of bool"):  # as in PyTorch
            compute(tensor([1.0, 2.0]), number)
        return
    for t in (tensor([1.0, 2.0]), tensor(2.0), tensor([1, 2]).float()):
        for answer, wanted in (
            (compute(t, number), compute(t.numpy().astype(float), float(number))),
            (compute(number, t), compute(float(number), t.numpy().astype(float))),
        ):
            assert isinstance(answer, Tensor)
            assert answer.dtype == np.float32
            np.testing.assert_allclose(answer.numpy(), wanted, rtol=1e-6)
    for function in (np.maximum, np.minimum):
        assert function(tensor([1.0, 3.0]), number).dtype == function(number, tensor([1.0, 3.0])).dtype == np.float32


NO_RULE = {
    "np.fft.fft(t)": "np.fft.fft(t.detach().numpy())",
    "np.linalg.eigvals(t)": "np.linalg.eigvalsh",
    "np.save('x', t)": "minigrad.save",
    "np.nextafter(a, t)": "np.nextafter",
    "np.histogram(t)": "np.histogram(t.detach().numpy())",
    "np.put(t, 0, 1)": "t[index] = values",
    "np.maximum.accumulate(t)": "np.maximum.accumulate",
    "np.add.at(a, 0, t)": "np.add.at",
    "np.exp(t, where=a > 0)": "where",
    "np.clip(a, t, 1)": "first argument",
    "np.concatenate([t, [1.0]])": "list",
    "np.array(['b']) * t": "multiply",
    "np.array([None]) + t": "add",
    "np.array([1j]) - t": "subtract",
    "t + None": "NoneType",
    "t * 1j": "complex",
    "t + [1, 2, 3]": "list",
    "t < 'b'": "str",
}


@each("text", NO_RULE)
def test_what_has_no_rule_says_so_and_names_what_has_one(text: str) -> None:
    with pytest.raises(TypeError) as error:
        eval(text, {"np": np, "t": Tensor(T, requires_grad=True), "a": A.copy()})
    assert NO_RULE[text] in str(error.value)


@pytest.mark.parametrize("text", [f"np.{f}(t)" for f in ("spacing", "linalg.eigvals", "fft.rfft", "i0")])
def test_what_the_error_proposes_for_the_values_runs(text: str) -> None:
    t = Tensor(np.eye(3) + 1, requires_grad=True)
    with pytest.raises(TypeError) as error:
        eval(text, {"np": np, "t": t})
    proposed = str(error.value).rsplit(": ", 1)[1].rstrip(".")
    np.testing.assert_equal(eval(proposed, {"np": np, "t": t}), eval(text, {"np": np, "t": np.eye(3) + 1}))


WITHOUT_GRADIENT = """
np.histogram(t)
np.fft.fft(t)
np.add.reduce(t)
np.multiply.outer(t, t)
np.maximum.accumulate(t)
np.add(t, t, dtype=np.float64)
np.sum(t, where=a > 0)
np.mean(t, dtype=np.float64)
np.interp(t[0], np.arange(3.0), t[1])
np.polyfit(t[0], a[0], 1)
np.apply_along_axis(np.sum, 0, t)
np.ix_(t[0].astype(int))
np.lexsort((t[0], t[1]))
np.median(t, overwrite_input=True)
np.concatenate([t[0], [1.0]])
np.ma.masked_where(t > 0, t).filled(0)
np.ma.masked_invalid(t).mask
np.random.default_rng(0).permutation(t)
np.random.default_rng(0).choice(t[0])
np.union1d(t, a)
np.digitize(t, [0.0, 1.0])
np.trim_zeros(t[0])
np.angle(t)
"""


@each("text", WITHOUT_GRADIENT.strip().splitlines())
def test_functions_without_derivative_compute_where_no_gradient_is_lost(text: str) -> None:
    wanted = eval(text, {"np": np, "t": T, "a": A})
    for t in (Tensor(T), Tensor(T, requires_grad=True).detach()):
        found = eval(text, {"np": np, "t": t, "a": A})
        for x, y in zip(*[v if isinstance(v, tuple) else (v,) for v in (found, wanted)]):
            np.testing.assert_allclose(x, y, rtol=1e-6)
    with minigrad.no_grad():
        np.histogram(Tensor(T, requires_grad=True))


def test_a_tensor_is_saved_by_numpy(tmp_path: Any) -> None:
    np.save(tmp_path / "t.npy", Tensor(T))
    np.savetxt(tmp_path / "t.txt", Tensor(T))
    assert np.array_equal(np.load(tmp_path / "t.npy"), T) and np.allclose(np.loadtxt(tmp_path / "t.txt"), T)


def test_numpys_writing_functions_are_noticed() -> None:
    """np.fill_diagonal and others write into the tensor's memory: never a gradient that is silently wrong."""
    w, x = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), tensor([[1.0, 2.0], [3.0, 4.0]])
    loss = (w * x).sum()
    np.fill_diagonal(x, 0)
    with pytest.raises(RuntimeError):
        loss.backward()


def test_max_with_axis_is_numpys_and_with_dim_pytorchs() -> None:
    t = tensor([[1.0, 5.0], [3.0, 2.0]])
    assert t.max(axis=1).tolist() == [5.0, 3.0] and t.min(axis=0).tolist() == [1.0, 2.0]
    values, indices = t.max(dim=1)
    assert values.tolist() == [5.0, 3.0] and indices.tolist() == [1, 0]
    values, indices = minigrad.max(t, axis=1)  # a function of PyTorch's: axis is another name of dim
    assert values.tolist() == [5.0, 3.0] and indices.tolist() == [1, 0]


def test_writing_a_tensor_into_an_array() -> None:
    """Fine for the values of what has no gradient; else the gradient would be lost."""
    t = Tensor(T, requires_grad=True)
    a = A.copy()
    a += t.detach()
    assert type(a) is np.ndarray and np.array_equal(a, A + T)
    out = np.zeros_like(A)
    assert np.add(A, t.detach(), out=out) is out and np.array_equal(out, A + T)
    b = np.zeros_like(A)
    b[...] = t.detach()
    assert np.array_equal(b, T)
    for write in ("a += t", "a -= t", "a *= t", "a /= t", "np.add(a, t, out=a)", "np.exp(t, out=a)"):
        with pytest.raises(TypeError, match="lose the gradient"):
            exec(write, {"np": np, "a": a, "t": t})
    for write in ("a[0] = t[0]", "a[...] = t", "a[:, 1] = t[:, 0]"):
        with pytest.raises(RuntimeError, match="requires a gradient"):
            exec(write, {"a": a, "t": t})
    with pytest.raises(TypeError, match=r"t\[\.\.\.\] ="):
        np.exp(t.detach(), out=t.detach())
    assert np.array_equal(a, A + T)
    with pytest.warns(UserWarning, match="no gradient flows"):
        a[0, 0] = t.sum()  # NumPy calls float(t)
    assert a[0, 0] == T.sum()


@pytest.mark.parametrize(
    "text", ["[t, t]", "t", "[[t, t], [t, t]]", "[t[0], t[1]]", "[t.sum(), 2.0]", "[t.sum(), t.mean()]"]
)
def test_never_an_array_of_objects(text: str) -> None:
    """The values as numbers where no gradient is lost; an error where it would be."""
    plain = np.array(eval(text, {"t": T}), np.float64)
    array = np.array(eval(text, {"t": Tensor(T)}))
    assert array.dtype.kind == "f" and np.allclose(array, plain)
    with pytest.raises(RuntimeError, match="requires a gradient"):
        np.array(eval(text, {"t": Tensor(T, requires_grad=True)}))


def test_numbers_go_where_numbers_go() -> None:
    t = tensor(4.0)
    assert math.sqrt(t) == 2.0 and float(t) == 4.0 and int(t) == 4 and f"{t:.2f}" == "4.00"
    assert [10, 20, 30][tensor(1)] == 20 and list(range(5))[tensor(1) : tensor(3)] == [1, 2]
    assert sum([t, t]) == 8.0 and max(tensor(1.0), t) is t
    assert (t == None) is False and (t != "b") is True  # noqa: E711
