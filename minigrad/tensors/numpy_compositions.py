"""NumPy's functions that are short compositions of others, on Tensors: np.ptp, np.median, np.pad, np.convolve.

Each is written in NumPy's functions and the methods of a Tensor, so gradients pass through. A function that only moves
elements is applied to their positions instead, and the elements are read from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.tensors.base import Base


def _tensor(x: Any, like: Any) -> Any:
    """Return `x` as a tensor; `like` is one."""
    return x if isinstance(x, Base) else like._of(x)


def _values(x: Any) -> Any:
    return x._array if isinstance(x, Base) else x


def _first(*values: Any) -> Any:
    """Return the first tensor among the values and the lists in them."""
    for v in values:
        if isinstance(v, Base):
            return v
        if isinstance(v, list | tuple) and (found := _first(*v)) is not None:
            return found
    return None


def _read(t: Any, places: Any) -> Any:
    """Return the elements of the flat tensor at these places: an array of them, or a list or tuple of arrays."""
    return type(places)([t[p] for p in places]) if isinstance(places, list | tuple) else t[places]


def _moving(function: Callable[..., Any], position: int = 0) -> Callable[..., Any]:
    """Return a function that only moves elements, as one of tensors; the tensor is the argument at `position`."""

    def call(*args: Any, **options: Any) -> Any:
        *before, t = args[: position + 1]
        places = np.arange(t.numel()).reshape(t.shape)
        return _read(t.reshape(-1), function(*map(_values, before), places, *args[position + 1 :], **options))

    return call


def _joined(function: Callable[..., Any], parts: Any, *args: Any, **options: Any) -> Any:
    """Apply a function that joins and moves the elements of several tensors and arrays, in lists at any depth."""
    like = _first(parts)
    flat: list[Any] = []

    def places(part: Any) -> Any:
        if isinstance(part, list):
            return [places(p) for p in part]
        t = _tensor(part, like)
        start = sum(f.shape[0] for f in flat)
        flat.append(t.reshape(-1))
        return np.arange(start, start + t.numel()).reshape(t.shape)

    wanted = function(places(parts), *args, **options)
    return like._joined("cat", flat, 0)[wanted]


def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return _joined(lambda parts: np.append(parts[0], parts[1], axis), [arr, values])


def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    return _joined(lambda parts: np.insert(parts[0], _values(obj), parts[1], axis), [arr, values])


def _concatenate(arrays: Any, axis: int | None = 0) -> Any:
    like = _first(*arrays)
    if axis is None:
        return like._joined("cat", [_tensor(a, like).reshape(-1) for a in arrays], 0)
    return like._joined("cat", arrays, axis)


def _pad(array: Any, pad_width: Any, mode: str = "constant", **options: Any) -> Any:
    if mode != "constant":
        return _moving(np.pad)(array, pad_width, mode, **options)
    constant = array._of(np.asarray([options.pop("constant_values", 0)], array.dtype))
    places = np.arange(array.numel()).reshape(array.shape)
    filled = np.pad(places, pad_width, constant_values=array.numel(), **options)
    return array._joined("cat", [array.reshape(-1), constant], 0)[filled]


def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """The sums of the products a_i v_j with equal i + j."""
    like = _first(a, v)
    a, v = _tensor(a, like), _tensor(v, like)
    n, m = a.numel(), v.numel()
    sums = like._of(np.zeros(n + m - 1, np.result_type(a.dtype, v.dtype)))
    at = like._of(np.add.outer(np.arange(n), np.arange(m)).reshape(-1))
    full = sums.index_add(0, at, np.outer(a, v).reshape(-1))
    size = {"full": n + m - 1, "same": max(n, m), "valid": max(n, m) - min(n, m) + 1}[mode]
    start = min(n, m) - 1 if mode == "valid" else (n + m - 1 - size) // 2
    return full[start : start + size]


def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    return _convolve(a, np.flip(v, 0), mode) if np.size(v) <= np.size(a) else np.flip(_correlate(v, a, mode), 0)


def _average(a: Any, axis: Any = None, weights: Any = None, **options: Any) -> Any:
    if weights is None:
        return np.mean(a, axis=axis, **options)
    like = _first(a, weights)
    a, weights = _tensor(a, like), _tensor(weights, like)
    if weights.shape != a.shape:
        weights = weights.reshape([-1 if d == axis % a.ndim else 1 for d in range(a.ndim)]).expand(a.shape)
    return np.sum(a * weights, axis=axis, **options) / np.sum(weights, axis=axis, **options)


def _gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: Any = 1) -> Any:
    """Central differences of second order inside, one-sided ones at the ends, as np.gradient."""
    axes = range(f.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    steps = spacing * len(axes) if len(spacing) == 1 else spacing or (1.0,) * len(axes)
    answers = []
    for d, step in zip(axes, steps):
        # each difference is linear in f: a row of the matrix has its coefficients
        unit: Any = np.eye(f.shape[d])
        matrix = f._of(np.asarray(np.gradient(unit, _values(step), axis=0, edge_order=edge_order), f.dtype))
        answers.append(np.moveaxis(np.tensordot(matrix, f, ([1], [d])), 0, d))
    return answers[0] if len(answers) == 1 else tuple(answers)


def _median(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.quantile(a, 0.5, axis=axis, keepdims=keepdims)


def _percentile(a: Any, q: Any, axis: Any = None, *, method: Any = "linear", keepdims: bool = False) -> Any:
    return np.quantile(a, np.asarray(_values(q)) / 100, axis=axis, method=method, keepdims=keepdims)


def _nanquantile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    return a.nanquantile(q, axis, keepdims, interpolation=method)


def _without_nan(function: Callable[..., Any], filler: float) -> Callable[..., Any]:
    """Return a reduction that ignores nan, which the neutral element replaces."""
    return lambda a, *args, **options: function(np.where(np.isnan(a), np.asarray(filler, a.dtype), a), *args, **options)


def _nanvar(a: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
    missing = np.isnan(_values(a))
    count = np.asarray((~missing).sum(axis, keepdims=keepdims), a.dtype) - ddof
    deviations = np.where(missing, np.zeros((), a.dtype), a - np.nanmean(a, axis=axis, keepdims=True))
    return np.sum(deviations * deviations, axis=axis, keepdims=keepdims) / count


def _cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None) -> Any:
    rows = m if rowvar or m.ndim < 2 else m.T
    if y is not None:
        rows = np.vstack([np.atleast_2d(rows), np.atleast_2d(y if rowvar or np.ndim(y) < 2 else y.T)])
    return rows.cov(correction=int(not bias) if ddof is None else ddof)


def _corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    c = _cov(x, y, rowvar)
    spread = np.sqrt(np.diagonal(c))
    return c / spread[:, None] / spread


def _polyval(p: Any, x: Any) -> Any:
    """Horner's scheme."""
    total = 0 * x
    for coefficient in p:
        total = total * x + coefficient
    return total


def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    powers = np.arange(x.shape[0] if N is None else N)
    return x[:, None] ** x._of((powers if increasing else powers[::-1].copy()).astype(x.dtype))


def _unwrap(p: Any, *args: Any, **options: Any) -> Any:
    return p + p._of(np.unwrap(_values(p), *args, **options) - _values(p))  # the jumps are constants


def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True) -> Any:
    like = _first(start, stop)
    steps = np.linspace(0, 1, num, endpoint, dtype=like.dtype)
    start, width = _tensor(np.asarray(start, like.dtype) if not isinstance(start, Base) else start, like), stop - start
    return start + width * steps.reshape(-1, *(1,) * width.ndim)


def _logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0) -> Any:
    return base ** _linspace(start, stop, num, endpoint)


def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    """Linear between the points (xp, fp), whose xp increase, constant outside."""
    like = _first(x, xp, fp)
    x, xp, fp = (_tensor(np.asarray(a, like.dtype) if not isinstance(a, Base) else a, like) for a in (x, xp, fp))
    places = _values(xp)
    after = np.clip(np.searchsorted(places, _values(x), side="right"), 1, max(places.size - 1, 1))
    last = np.minimum(after, places.size - 1)
    x0, x1, f0, f1 = xp[after - 1], xp[last], fp[after - 1], fp[last]
    result: Any = f0 + (f1 - f0) * ((x - x0) / np.where(last < after, 1, x1 - x0))
    result = np.where(_values(x) < places[0], fp[0] if left is None else left, result)
    result = np.where(_values(x) == places[-1], fp[-1], result)
    return np.where(_values(x) > places[-1], fp[-1] if right is None else right, result)


def _lstsq(a: Any, b: Any) -> Any:
    like = _first(a, b)
    a, b = _tensor(a, like), _tensor(b, like)
    lstsq: Any = np.linalg.lstsq
    _, residuals, rank, singular = lstsq(_values(a), _values(b), rcond=None)
    x = np.linalg.pinv(a) @ b
    error = b - a @ x
    return x, np.sum(error * error, axis=0).reshape(residuals.shape) if residuals.size else residuals, rank, singular


def _tensorinv(a: Any, ind: int = 2) -> Any:
    n = math.prod(a.shape[ind:])
    return np.linalg.inv(a.reshape(n, n)).reshape(*a.shape[ind:], *a.shape[:ind])


def _tensorsolve(a: Any, b: Any) -> Any:
    like = _first(a, b)
    a, b = _tensor(a, like), _tensor(b, like)
    return np.linalg.solve(a.reshape(b.numel(), b.numel()), b.reshape(-1)).reshape(a.shape[b.ndim :])


def _polynomials(a: Any, b: Any) -> tuple[Any, Any]:
    """Return the coefficients, the highest power first, with 0 for powers that one lacks."""
    size = max(np.size(a), np.size(b))
    like = _first(a, b)
    return tuple([np.pad(_tensor(np.atleast_1d(p), like), (size - np.size(p), 0)) for p in (a, b)])  # type: ignore[return-value]


def _polyder(p: Any, m: int = 1) -> Any:
    for _ in range(m):
        p = p[:-1] * np.arange(p.shape[0] - 1, 0, -1, dtype=p.dtype)
    return p


def _polyint(p: Any, m: int = 1, k: Any = 0) -> Any:
    for _ in range(m):
        p = np.append(p / np.arange(p.shape[0], 0, -1, dtype=p.dtype), np.asarray(k, p.dtype))
    return p


def _along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **options: Any) -> Any:
    rows = np.moveaxis(arr, axis, -1)
    found = [func1d(rows[i], *args, **options) for i in np.ndindex(*rows.shape[:-1])]
    stacked = np.stack(found)
    shaped = stacked.reshape(*rows.shape[:-1], *stacked.shape[1:])
    return np.moveaxis(shaped, -1, axis) if stacked.ndim > 1 else shaped


def _over_axes(func: Any, a: Any, axes: Any) -> Any:
    for axis in axes if isinstance(axes, list | tuple) else [axes]:
        a = func(a, axis).reshape([1 if d == axis % a.ndim else n for d, n in enumerate(a.shape)])
    return a


def _choose(a: Any, choices: Any) -> Any:
    return np.select([np.asarray(_values(a)) == i for i in range(len(choices))], list(choices))


def _trim_zeros(filt: Any, trim: str = "fb") -> Any:
    places = np.flatnonzero(_values(filt))
    first, last = (places[0], places[-1] + 1) if places.size else (0, 0)
    return filt[first if "f" in trim.lower() else 0 : last if "b" in trim.lower() else None]


def _ordered(change: str) -> Callable[..., Any]:
    """Return reshape or ravel with NumPy's order="F": of the transposed tensor, and back."""

    def call(a: Any, *shape: Any, order: str = "C") -> Any:
        if order != "F":
            return getattr(a, change)(*shape)
        if change == "ravel":
            return a.permute(*range(a.ndim)[::-1]).ravel()
        (sizes,) = shape
        sizes = (sizes,) if isinstance(sizes, int) else tuple(sizes)
        moved = a.permute(*range(a.ndim)[::-1]).reshape(sizes[::-1])
        return moved.permute(*range(len(sizes))[::-1])

    return call


def _reduction(name: str, neutral: float, joins: str) -> Callable[..., Any]:
    """Return a reduction that takes NumPy's `where`, of the elements that count, and `initial`, one more of them."""

    def call(a: Any, *args: Any, where: Any = None, initial: Any = None, **options: Any) -> Any:
        if where is not None:
            a = np.where(where, a, np.asarray(neutral, a.dtype))
        found = getattr(a, name)(*args, **options)
        return found if initial is None else getattr(np, joins)(found, np.asarray(initial, a.dtype))

    return call


def _mean(a: Any, *args: Any, where: Any = None, **options: Any) -> Any:
    if where is None:
        return a.mean(*args, **options)
    count = np.sum(np.broadcast_to(_values(where), a.shape), *args, **options)
    return np.sum(a, *args, where=where, **options) / np.asarray(count, a.dtype)


def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    like = _first(choicelist, default)
    result: Any = _tensor(np.asarray(default, like.dtype), like) if not isinstance(default, Base) else default
    for condition, choice in reversed([*zip(condlist, choicelist)]):
        result = np.where(_tensor(condition, like), choice, result)
    return result


def _unique(ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False) -> Any:
    unique: Any = np.unique
    _, first, *others = unique(_values(ar), True, return_inverse, return_counts)
    answers = [ar.reshape(-1)[first], *([first] if return_index else []), *others]
    return answers[0] if len(answers) == 1 else tuple(answers)


def _partition(a: Any, kth: Any, axis: int = -1) -> Any:
    order = np.argpartition(_values(a), kth, axis)
    return np.take_along_axis(a, order, axis)


def _broadcast(*arrays: Any) -> Any:
    parts = [_stacked(a) if isinstance(a, list | tuple) else a for a in arrays]
    shape = np.broadcast_shapes(*[np.shape(_values(p)) for p in parts])
    return tuple([p.expand(shape) if isinstance(p, Base) else np.broadcast_to(p, shape) for p in parts])


def _stacked(items: Any) -> Any:
    """Return a list of numbers and 0-d tensors as one tensor."""
    like = _first(*items)
    return np.asarray(items) if like is None else like._joined("stack", [_tensor(i, like) for i in items], 0)


def _sections(axis: Callable[[Any], int]) -> Callable[..., Any]:
    return lambda ary, indices_or_sections: np.split(ary, _values(indices_or_sections), axis(ary))


COMPOSITIONS: dict[str, Callable[..., Any]] = {
    "append": _append,
    "average": _average,
    "around": lambda a, decimals=0: np.round(a, decimals),
    "block": lambda arrays: _joined(np.block, arrays),
    "broadcast_arrays": _broadcast,
    "compress": _moving(np.compress, 1),
    "concatenate": _concatenate,
    "convolve": _convolve,
    "corrcoef": _corrcoef,
    "correlate": _correlate,
    "cov": _cov,
    "delete": _moving(np.delete),
    "dsplit": _sections(lambda a: 2),
    "ediff1d": lambda ary: np.diff(np.ravel(ary)),
    "extract": _moving(np.extract, 1),
    "fix": lambda x: np.trunc(x),
    "gradient": _gradient,
    "hsplit": _sections(lambda a: 1 if a.ndim > 1 else 0),
    "insert": _insert,
    "linspace": _linspace,
    "median": _median,
    "nancumprod": _without_nan(np.cumprod, 1),
    "nancumsum": _without_nan(np.cumsum, 0),
    "nanmax": _without_nan(np.max, -math.inf),
    "nanmedian": lambda a, axis=None, keepdims=False: _nanquantile(a, 0.5, axis, keepdims=keepdims),
    "nanmin": _without_nan(np.min, math.inf),
    "nanpercentile": lambda a, q, axis=None, **options: _nanquantile(a, np.asarray(q) / 100, axis, **options),
    "nanprod": _without_nan(np.prod, 1),
    "nanquantile": _nanquantile,
    "nanstd": lambda a, *args, **options: np.sqrt(_nanvar(a, *args, **options)),
    "nanvar": _nanvar,
    "pad": _pad,
    "partition": _partition,
    "percentile": _percentile,
    "polyval": _polyval,
    "ptp": lambda a, axis=None, keepdims=False: np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims),
    "real": lambda val: val.clone(),
    "real_if_close": lambda a, tol=100: a.clone(),
    "resize": _moving(np.resize),
    "rollaxis": _moving(np.rollaxis),
    "select": _select,
    "unique": _unique,
    "unwrap": _unwrap,
    "vander": _vander,
    "vsplit": _sections(lambda a: 0),
    "fft.fftshift": _moving(np.fft.fftshift),
    "fft.ifftshift": _moving(np.fft.ifftshift),
    "apply_along_axis": _along_axis,
    "apply_over_axes": _over_axes,
    "choose": _choose,
    "interp": _interp,
    "logspace": _logspace,
    "amax": _reduction("amax", -math.inf, "maximum"),
    "amin": _reduction("amin", math.inf, "minimum"),
    "max": _reduction("amax", -math.inf, "maximum"),
    "mean": _mean,
    "min": _reduction("amin", math.inf, "minimum"),
    "polyadd": lambda a1, a2: np.add(*_polynomials(a1, a2)),
    "polyder": _polyder,
    "polyint": _polyint,
    "polymul": lambda a1, a2: np.convolve(a1, a2),
    "polysub": lambda a1, a2: np.subtract(*_polynomials(a1, a2)),
    "prod": _reduction("prod", 1, "multiply"),
    "ravel": _ordered("ravel"),
    "reshape": _ordered("reshape"),
    "sum": _reduction("sum", 0, "add"),
    "trim_zeros": _trim_zeros,
    "linalg.lstsq": lambda a, b, rcond=None: _lstsq(a, b),
    "linalg.tensorinv": _tensorinv,
    "linalg.tensorsolve": _tensorsolve,
    "linalg.cond": lambda x: np.max(s := np.linalg.svdvals(x)) / np.min(s),
    "linalg.diagonal": lambda x, offset=0: np.diagonal(x, offset, -2, -1),
    "linalg.cross": lambda x1, x2, axis=-1: np.cross(x1, x2, axis=axis),
    "linalg.matmul": lambda x1, x2: np.matmul(x1, x2),
    "linalg.matrix_norm": lambda x, keepdims=False, ord="fro": np.linalg.norm(x, ord, (-2, -1), keepdims),
    "linalg.matrix_transpose": lambda x: np.matrix_transpose(x),
    "linalg.outer": lambda x1, x2: np.outer(x1, x2),
    "linalg.tensordot": lambda x1, x2, axes=2: np.tensordot(x1, x2, axes),
    "linalg.trace": lambda x, offset=0: np.trace(x, offset, -2, -1),
    "linalg.vecdot": lambda x1, x2, axis=-1: np.sum(x1 * x2, axis=axis),
    "linalg.vector_norm": lambda x, axis=None, keepdims=False, ord=2: np.linalg.norm(
        x if axis is not None else np.ravel(x), ord, axis, keepdims
    ),
    "astype": lambda x, dtype: x.astype(dtype),
    "cumulative_prod": lambda x, axis=None: np.cumprod(x, axis),
    "cumulative_sum": lambda x, axis=None: np.cumsum(x, axis),
    "unstack": lambda x, axis=0: tuple(np.moveaxis(x, axis, 0)),
}
"""name after "np." -> the function to call. By name, because older versions of NumPy do not have all of them."""

UFUNCS: dict[str, Callable[..., Any]] = {
    "fabs": lambda x: abs(x),
    "conjugate": lambda x: x.clone(),
    "logaddexp2": lambda a, b: np.logaddexp(a * math.log(2), b * math.log(2)) / math.log(2),
    "cbrt": lambda x: np.sign(x) * abs(x) ** (1 / 3),
    "divmod": lambda a, b: (a // b, a % b),
    "modf": lambda x: (x - np.trunc(x), np.trunc(x)),
    "vecdot": lambda a, b: np.sum(a * b, axis=-1),
    "matvec": lambda a, b: (a @ b[..., None])[..., 0],
    "vecmat": lambda a, b: (a[..., None, :] @ b)[..., 0, :],
}
"""The same for ufuncs."""

_CONSTANT = """
allclose angle argpartition array2string array_equal array_equiv array_repr array_str can_cast common_type digitize
einsum_path empty_like full_like imag in1d isclose iscomplex iscomplexobj isneginf isposinf isreal isrealobj lexsort
linalg.matrix_rank may_share_memory min_scalar_type nanargmax nanargmin ones_like result_type shares_memory
tril_indices_from triu_indices_from zeros_like
"""
CONSTANT = frozenset(_CONSTANT.split())
"""Functions through which no gradient ever passes: the derivative is 0, or the answer no number of the inputs."""

MEANT = {
    "save": "minigrad.save(t, path)",
    "savez": "minigrad.save({'name': t}, path)",
    "savez_compressed": "minigrad.save({'name': t}, path)",
    "linalg.eig": "np.linalg.eigh, for symmetric matrices",
    "linalg.eigvals": "np.linalg.eigvalsh, for symmetric matrices",
    "polyfit": "minigrad.linalg.lstsq of np.vander(x, n + 1)",
    "copyto": "t[...] = values",
    "put": "t[index] = values",
    "putmask": "np.where(mask, values, t)",
    "place": "np.where(mask, values, t)",
    "fill_diagonal": "np.where(np.eye(n, dtype=bool), value, t)",
    "frexp": "np.log2",
    "i0": "a separate series",
}
"""What to call instead of a function without a derivative."""
