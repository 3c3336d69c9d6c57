"""Every kernel computes what the readable form beside it computes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad.tensors.tensor  # noqa: F401 (registers the kernels)
from minigrad import primitives
from minigrad.primitives import convolution as conv
from minigrad.primitives import elementwise as ew
from minigrad.primitives import indexing, layout, linalg, losses, pooling, recurrent, reductions, softmax, special
from minigrad.primitives import normalization as norm
from minigrad.primitives.kernels import rows as blocks_of_rows
from minigrad.primitives.primitive import Primitive

Trial = tuple[list[Any], dict[str, Any]]  # operands and parameters
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Source:
    """Draws sizes with hypothesis, and arrays of these from a seed."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 99)))
        self.dtype = draw(st.sampled_from([np.float32, np.float64]))

    def size(self, low: int = 1, high: int = 4) -> int:
        return int(self.draw(st.integers(low, high)))

    def of(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def array(self, *shape: int) -> Any:
        return self.rng.standard_normal(shape).astype(self.dtype)

    def shape(self, low: int = 1, high: int = 3) -> tuple[int, ...]:
        return tuple(self.size() for _ in range(self.size(low, high)))


def power(s: Source) -> Trial:
    return [abs(s.array(*s.shape())), s.of(3, 3.0, 2, 0.5, s.array(1) * 0 + 3)], {}


def one_array(s: Source) -> Trial:
    """Sometimes larger than a block, and than where `where` has no branches."""
    x = s.array(s.of(5, 1500, 33000)) if s.of(True, False) else s.array(*s.shape(0))
    return [x * s.of(1, 20)], {}


def with_nan(s: Source) -> Trial:
    (x,), _ = one_array(s)
    return [np.where(s.rng.random(x.shape) < 0.2, s.of(np.nan, np.inf, -np.inf, 0.0), x).astype(x.dtype)], {}


def probabilities(s: Source) -> Trial:
    return [np.tanh(s.array(*s.shape(0))).astype(s.dtype)], {}


def rows(s: Source) -> Trial:
    x = s.array(*s.shape()) * s.of(1, 300) + s.of(0, 200)  # with 200 the exponential of a float32 is infinite
    return [x], {"axis": s.size(-x.ndim, x.ndim - 1)}


def classes(s: Source) -> Trial:
    scores = s.array(*s.shape())
    return [scores], {"target": s.rng.integers(0, scores.shape[-1], scores.shape[:-1])}


def matrices(s: Source) -> Trial:
    n, m, k = s.size(), s.size(), s.size()
    batch = s.shape(0, 2)
    a = s.of(s.array(k), s.array(n, k), s.array(*batch, n, k))
    return [a, s.of(s.array(k), s.array(k, m), s.array(*batch, k, m))], {}


def layer(s: Source) -> Trial:
    n, m = s.size(), s.size()
    return [s.array(*s.shape(0), n), s.array(m, n), s.array(m)], {}


def standardized(s: Source) -> Trial:
    x = s.array(*s.shape(2, 3)) + s.of(0, 100)
    axis, eps = s.of((0,), (1,), (0, 1)), s.of(1e-5, 0.1)
    mean, var = norm.moments(x, axis)
    return [x], {"axis": axis, "eps": eps, "given": (mean, (var + eps) ** -0.5)}


def layer_norm(s: Source) -> Trial:
    shape = s.shape(1, 2)
    return [s.array(*s.shape(0, 2), *shape), s.array(*shape), s.array(*shape)], {"eps": s.of(1e-5, 0.1)}


def geometry(s: Source, groups: int, ndim: int) -> tuple[conv.Geometry, tuple[int, int, int]]:
    """Where the windows are, and the numbers of images, input channels and output channels."""
    each = [(s.size(), s.size(1, 3), s.size(0, 2), s.size(1, 2), s.size(1, 4)) for _ in range(ndim)]
    small, stride, padding, dilation, kernel = map(tuple, zip(*each))
    extra = [s.size(0, step - 1) for step in stride]
    large = tuple(
        max(1, step * (n - 1) + d * (k - 1) + 1 - 2 * p + more)
        for n, step, p, d, k, more in zip(small, stride, padding, dilation, kernel, extra)
    )
    small = tuple(
        (n + 2 * p - d * (k - 1) - 1) // step + 1 for n, step, p, d, k in zip(large, stride, padding, dilation, kernel)
    )
    groups = s.size(1, 2)
    return conv.Geometry(large, small, kernel, stride, padding, dilation, groups), (
        s.size(),
        s.size() * groups,
        s.size() * groups,
    )


def convolution(s: Source) -> Trial:
    where, (n, c, o) = geometry(s, s.size(1, 2), s.size(1, 3))
    weight = s.array(o, c // where.groups, *where.kernel)
    return [s.array(n, c, *where.large), weight, s.of(None, s.array(o))], {"geometry": where}


def transposed_convolution(s: Source) -> Trial:
    where, (n, c, o) = geometry(s, s.size(1, 2), s.size(1, 3))
    weight = s.array(o, c // where.groups, *where.kernel)
    return [s.array(n, o, *where.small), weight, s.of(None, s.array(c))], {"geometry": where}


def images_and_gradients(s: Source) -> Trial:
    where, (n, c, o) = geometry(s, s.size(1, 2), s.size(1, 3))
    return [s.array(n, o, *where.small), s.array(n, c, *where.large)], {"geometry": where}


def images(s: Source) -> Trial:
    where, (n, c, _) = geometry(s, 1, 2)
    return [s.array(n, c, *where.large)], {"geometry": where}


def columns(s: Source) -> Trial:
    where, (n, c, _) = geometry(s, 1, 2)
    return [s.array(n, c * int(np.prod(where.kernel)), int(np.prod(where.small)))], {"geometry": where}


def written(s: Source) -> Trial:
    """What is read at an index, and put back."""
    x = s.array(*s.shape(2, 3))
    some = s.rng.integers(-x.shape[0], x.shape[0], s.shape(0, 2))
    more = s.rng.integers(0, x.shape[1], some.shape)
    index = s.of(
        0, slice(None), some, (some, more), (slice(None), more), (some, slice(0, 1)), (some, 0), x > 0, (..., more * 0)
    )
    return [x[index]], {"index": index, "shape": x.shape}


def diagonals(s: Source) -> Trial:
    shape = s.shape(2, 3)
    axes = s.of((0, 1), (1, 0), (-2, -1), (-1, 0))
    parameters = {"offset": s.size(-2, 2), "axes": axes}
    return [s.array(*np.diagonal(np.zeros(shape), parameters["offset"], *axes).shape)], {"shape": shape, **parameters}


def windows(s: Source) -> pooling.Windows:
    size, length, step = s.size(1, 9), s.size(1, 4), s.size(1, 2)
    starts = s.of(tuple(range(-1, size, s.size(1, 3))), tuple(sorted(s.rng.integers(-2, size, s.size()).tolist())))

    def of(starts: tuple[int, ...]) -> pooling.Windows:
        return pooling.Windows(size, starts, tuple(start + length * step for start in starts), step)

    return of(tuple(start for start in starts if [*of((start,)).places()[0]]) or (0,))  # no window is empty


def pooled(s: Source) -> Trial:
    places = tuple(windows(s) for _ in range(s.size(1, 3)))
    front = s.shape(0, 2)
    return [s.array(*front, *(w.size for w in places), *s.shape(0, 1))], {"axis": len(front), "windows": places}


def regular(s: Source) -> pooling.Windows:
    """Windows of one length, none of them cut off: they overlap, touch, or leave gaps."""
    step, length, n, first = s.size(1, 2), s.size(1, 3), s.size(), s.size(0, 1)
    reach = (length - 1) * step + 1
    stride = max(1, reach + s.size(-1, 1))
    starts = tuple(range(first, first + n * stride, stride))
    return pooling.Windows(starts[-1] + reach + s.size(0, 1), starts, tuple(p + length * step for p in starts), step)


def largest(s: Source) -> Trial:
    kind = s.of(windows, regular)
    places = tuple(kind(s) for _ in range(s.size(1, 3)))
    x = np.round(s.array(*s.shape(0, 2), *(w.size for w in places)))  # so that there are ties
    if s.of(True, False):
        x = np.where(s.rng.random(x.shape) < 0.2, np.nan, x).astype(x.dtype)
    return [x], {"windows": places}


def cells(gates: int, states: int, bias: bool = False) -> Callable[[Source], Trial]:
    def trial(s: Source) -> Trial:
        time, n, size = s.size(), s.size(), s.size()
        hs = [s.array(n, size) for _ in range(states)]
        more = [s.array(gates * size)] if bias else []
        return [s.array(time, n, gates * size), *hs, s.array(gates * size, size), *more], {}

    return trial


def plain_cells(s: Source) -> Trial:
    return cells(1, 1)(s)[0], {"relu": s.of(True, False)}


def reduced(s: Source) -> Trial:
    x = s.array(*s.shape(0))
    return [x], {"axis": s.of(None, *range(-x.ndim, x.ndim), *[(0, -1)][: x.ndim > 1]), "keepdims": s.of(True, False)}


def squares(s: Source) -> Trial:
    n = s.size()
    return [s.array(*s.shape(0, 2), n, n)], {}


TRIALS: dict[Primitive, Callable[[Source], Trial]] = {
    **{ew.pow: power, ew.sigmoid: one_array, ew.relu: with_nan, ew.abs: one_array},
    **{
        special.erf: one_array,
        special.erfc: one_array,
        special.ndtr: one_array,
        special.gelu: one_array,
        special.erfinv: probabilities,
    },
    **{reductions.sum: reduced, reductions.mean: reduced},
    **{softmax.softmax: rows, softmax.log_softmax: rows, losses.cross_entropy: classes},
    **{linalg.matmul: matrices, linalg.linear: layer, linalg.cofactor: squares},
    **{norm.standardize: standardized, norm.layer_norm: layer_norm},
    **{conv.conv: convolution, conv.conv_transpose: transposed_convolution, conv.conv_weight: images_and_gradients},
    **{conv.unfold: images, conv.fold: columns},
    **{indexing.place: written, layout.on_diagonal: diagonals},
    **{pooling.sum_pool: pooled, pooling.max_pool: largest, pooling.argmax_pool: largest},
    **{recurrent.lstm: cells(4, 2), recurrent.gru: cells(3, 1, bias=True), recurrent.rnn: plain_cells},
}


def test_every_kernel_has_inputs_to_be_tried_on() -> None:
    names = [f"{primitives.__name__}.{module.name}" for module in pkgutil.iter_modules(primitives.__path__)]
    modules = map(importlib.import_module, names)
    known = {p for module in modules for p in vars(module).values() if isinstance(p, Primitive)}
    assert {p for p in known if p.has_kernel} == set(TRIALS)


@pytest.mark.parametrize("primitive", TRIALS, ids=lambda p: p.name)
@given(data=st.data())
@settings(max_examples=60)
@pytest.mark.slow
def test_a_kernel_computes_what_the_readable_form_does(primitive: Primitive, data: Any) -> None:
    s = Source(data.draw)
    operands, parameters = TRIALS[primitive](s)
    with np.errstate(all="ignore"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks_of_rows, "BLOCK", s.of(blocks_of_rows.BLOCK, 5))
        patch.setattr(blocks_of_rows, "FEW", s.of(blocks_of_rows.FEW, 0))
        compare(primitive, s, operands, parameters)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_cross_entropy_of_many_examples_keeps_the_digits_of_small_and_large_losses(dtype: Any) -> None:
    """The right score is the largest, in the middle, or far below; the exponentials of all are finite."""
    scores = np.random.default_rng(0).standard_normal((blocks_of_rows.FEW, 3)) * 0.1 + [60, 45, -60]
    for own in range(3):
        target = np.full(len(scores), own)
        found, *_ = losses.cross_entropy.run(scores.astype(dtype), target=target)
        wanted = losses.cross_entropy.forward(scores.astype(dtype).astype(np.float64), target=target)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=4 * np.finfo(dtype).eps)
        assert found.min() >= 0


def compare(primitive: Primitive, s: Source, operands: list[Any], parameters: dict[str, Any]) -> None:
    before = [np.copy(o) for o in operands if isinstance(o, np.ndarray)]
    y = np.asarray(primitive.forward(*operands, **parameters))
    found = primitive.run(*operands, **parameters)
    found, kept = (found[0], found[1:]) if primitive.keeps else (found, ())
    assert_same(found, y, s)
    needed = tuple([True] * len(primitive.inputs))
    plan = primitive.plan(needed)
    values = (tuple(operands),) if primitive.variadic else tuple(operands)
    saved = plan.select((y, *values, *[parameters[p] for p in primitive.parameters], *kept)) if plan.saved else ()
    g = s.array(*y.shape)
    readable, fast = ([*contributions(calls, g, saved)] for calls in (plan.calls, plan.array_calls))
    for mine, its, x in zip(fast, readable, operands):
        if mine is not None and its is not None and isinstance(x, np.ndarray):
            assert_same(summed(mine, x.shape), summed(its, x.shape), s)
    for array, copy in zip([o for o in operands if isinstance(o, np.ndarray)], before):
        np.testing.assert_array_equal(array, copy)  # a kernel writes into nothing that it was given


def contributions(calls: Any, g: Any, saved: Any) -> Any:
    if calls.together is not None:
        function, positions = calls.together
        return function(g.copy(), *[saved[i] for i in positions])
    return [None if call is None else call[0](g.copy(), *[saved[i] for i in call[1]]) for call in calls.each]


def summed(c: Any, shape: tuple[int, ...]) -> Any:
    """Broadcasting undone, as nodes do."""
    c = np.asarray(c, np.float64)
    c = c.sum(axis=tuple(range(c.ndim - len(shape)))) if c.ndim > len(shape) else c
    return c.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1 and c.shape[i] > 1), keepdims=True)


def assert_same(found: Any, wanted: Any, s: Source) -> None:
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    tolerance = 3e-4 if s.dtype == np.float32 else 1e-9
    scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1) if wanted.dtype.kind == "f" else 1
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("height", [-20, 0, 3, 20, 60, 80, 300])
@pytest.mark.parametrize("margin", [0, 2, 12, 16, 40, 90])
def test_the_cross_entropy_of_sure_predictions_keeps_its_digits(height: float, margin: float) -> None:
    """An error of float32's precision, relative to 1 or to the loss, for scores far from 0 as for scores near 0."""
    rng = np.random.default_rng(0)
    scores, target = rng.standard_normal((500, 10)) + height, rng.integers(10, size=500)
    scores[np.arange(500), target] += margin
    scores[::50, target[::50]] -= 2 * margin  # some are sure and wrong
    scores = scores.astype(np.float32)
    found, *kept = losses.cross_entropy.run(scores, target=target)
    exact = losses.cross_entropy.forward(scores.astype(np.float64), target=target)
    assert (abs(found - exact) <= 4e-7 * (1 + exact)).all() and (found >= 0).all()
    g = np.ones(500, np.float32)
    plan = losses.cross_entropy.full_plan
    call = plan.array_calls.each[0]
    assert call is not None
    values = (found, scores, target, *kept)
    (dscores,) = [call[0](g, *[plan.select(values)[i] for i in call[1]])]
    p = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(500), target] -= 1
    assert abs(dscores - p).max() < 1e-6
