"""NumPy's functions on Tensors: np.exp(t), np.sum(t, axis=0), array * t, np.concatenate([t, u]) return Tensors.

A function without a derivative computes on the values of tensors that need no gradient and returns NumPy's arrays; it
raises where a gradient would be lost. A Tensor never becomes an array of objects.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.grad_mode import mode
from minigrad.output.words import class_name
from minigrad.tensors.numpy_compositions import COMPOSITIONS, CONSTANT, MEANT, UFUNCS

_METHODS: dict[Any, str] = {
    np.add: "__add__",
    np.subtract: "__sub__",
    np.multiply: "__mul__",
    np.divide: "__truediv__",
    np.power: "__pow__",
    np.float_power: "float_power",
    np.floor_divide: "__floordiv__",
    np.remainder: "__mod__",
    np.matmul: "__matmul__",
    np.negative: "neg",
    np.absolute: "abs",
    np.maximum: "maximum",
    np.minimum: "minimum",
    np.bitwise_and: "__and__",
    np.bitwise_or: "__or__",
    np.bitwise_xor: "__xor__",
    np.invert: "__invert__",
    np.left_shift: "__lshift__",
    np.right_shift: "__rshift__",
    np.logical_not: "logical_not",
    np.logical_and: "logical_and",
    np.logical_or: "logical_or",
    np.equal: "eq",
    np.not_equal: "ne",
    np.less: "lt",
    np.less_equal: "le",
    np.greater: "gt",
    np.greater_equal: "ge",
    np.rint: "round",
    **{getattr(np, n): n for n in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "square")},
    **{getattr(np, n): n for n in ("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "hypot")},
    **{getattr(np, n): n for n in ("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "deg2rad", "rad2deg")},
    **{getattr(np, n): n for n in ("reciprocal", "positive", "sign", "floor", "ceil", "trunc", "fmod", "gcd", "lcm")},
    **{getattr(np, n): n for n in ("fmax", "fmin", "copysign", "heaviside", "ldexp", "logaddexp", "logical_xor")},
    **{getattr(np, n): n for n in ("isnan", "isfinite", "isinf", "signbit")},
    np.radians: "deg2rad",
    np.degrees: "rad2deg",
}
"""ufunc -> the Tensor method that computes it, with one or two operands."""

_REFLECTED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}
_REFLECTED |= {f"logical_{name}": f"logical_{name}" for name in ("and", "or", "xor")}


def _method(name: str) -> Callable[..., Any]:
    def call(t: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(t, NumPyProtocols):
            raise TypeError(f"np.{name}: the first argument must be the tensor, got {class_name(t)}")
        return getattr(t, name)(*args, **kwargs)

    return call


def _joining(name: str, module: str = "tensors.joining") -> Callable[..., Any]:
    """Return a function of `minigrad.tensors.joining`, or of another module that is built on Tensors."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(importlib.import_module(f"minigrad.{module}"), name)(*args, **kwargs)

    return call


def _split(t: Any, where: Any, axis: int) -> Any:
    where = _values(where)
    if np.ndim(where) == 0 and t.shape[axis] % where:
        raise ValueError(
            f"np.split: {t.shape[axis]} elements do not split into {where} equal parts; unequal ones: np.array_split"
        )
    return t.tensor_split(where if np.ndim(where) == 0 else [int(i) for i in where], axis)


def _shifts(shift: Any, axis: Any) -> tuple[Any, Any]:
    """Return one shift for each axis: a single one is for all of them."""
    if axis is None:
        return shift, None
    pairs = [(int(s), int(a)) for s, a in np.broadcast(shift, axis)]
    return tuple([s for s, _ in pairs]), tuple([a for _, a in pairs])


def _row(t: Any, axis: int | None) -> Any:
    """Return all elements as a vector if no axis was given."""
    return t.ravel() if axis is None else t


def _solve(a: Any, b: Any) -> Any:
    """Solve a x = b by NumPy's convention: b is a vector only if it has one dimension."""
    one_matrix = 1 < np.ndim(b) < np.ndim(a)
    return _joining("solve", "linalg")(a, b[None] if one_matrix and np.ndim(b) == np.ndim(a) - 1 else b)


def _trapezoid(y: Any, x: Any, dx: float, axis: int) -> Any:
    y = _lifted(y, x)
    return y.trapezoid(dx=dx, dim=axis) if x is None else y.trapezoid(x, dim=axis)


def _lifted(a: Any, other: Any) -> Any:
    """Return `a` as a tensor; `other` is one."""
    return a if isinstance(a, NumPyProtocols) else other._of(a)


def _product(name: str) -> Callable[..., Any]:
    """Return a function that calls a method of two tensors, one of which may be an array."""

    def call(a: Any, b: Any) -> Any:
        a, b = _lifted(a, b), _lifted(b, a)
        return getattr(a, name)(b) if name == "inner" else getattr(a.ravel(), name)(b.ravel())

    return call


def _take(t: Any, indices: Any, axis: int | None) -> Any:
    if axis is None:
        return t.take(t._of(_values(indices)))
    return t[(slice(None),) * (axis % t.ndim) + (_values(indices),)]


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    **{
        getattr(np, n): _method(n)
        for n in (
            *(
                "argmax",
                "argmin",
                "all",
                "any",
                "swapaxes",
                "squeeze",
                "copy",
            ),
            *("broadcast_to", "moveaxis", "fliplr", "flipud", "argwhere"),
        )
    },
    np.var: lambda t, axis=None, ddof=0, keepdims=False: t.var(axis, correction=ddof, keepdim=keepdims),
    np.std: lambda t, axis=None, ddof=0, keepdims=False: t.std(axis, correction=ddof, keepdim=keepdims),
    np.transpose: lambda t, axes=None: t.transpose(axes),
    np.matrix_transpose: lambda t: t.mT,
    np.flip: lambda t, axis=None: t.flip(range(t.ndim) if axis is None else axis),
    np.rot90: lambda t, k=1, axes=(0, 1): t.rot90(k, axes),
    np.roll: lambda a, shift, axis=None: a.roll(*_shifts(shift, axis)),
    np.tile: lambda t, reps: t.tile(reps),
    np.repeat: lambda t, repeats, axis=None: t.repeat_interleave(repeats, axis),
    np.split: lambda t, indices_or_sections, axis=0: _split(t, indices_or_sections, axis),
    np.array_split: lambda t, indices_or_sections, axis=0: t.tensor_split(indices_or_sections, axis),
    np.diag: lambda t, k=0: t.diag(k),
    np.diagflat: lambda t, k=0: t.diagflat(k),
    np.diagonal: lambda t, offset=0, axis1=0, axis2=1: t.diagonal(offset, axis1, axis2),
    np.tril: lambda t, k=0: t.tril(k),
    np.triu: lambda t, k=0: t.triu(k),
    np.sort: lambda t, axis=-1: (t.ravel() if axis is None else t).sort(-1 if axis is None else axis).values,
    np.argsort: lambda t, axis=-1: (t.ravel() if axis is None else t).argsort(-1 if axis is None else axis),
    np.take: lambda t, indices, axis=None: _take(t, indices, axis),
    np.take_along_axis: lambda t, indices, axis=-1: t.take_along_dim(t._of(_values(indices)), axis),
    np.nonzero: lambda t: t.nonzero(as_tuple=True),
    np.flatnonzero: lambda t: t.ravel().nonzero(as_tuple=True)[0],
    np.searchsorted: lambda a, v, side="left": _first(a, v)._of(_values(a)).searchsorted(v, side=side),
    np.isin: lambda element, test_elements, **k: type(_first(element, test_elements)).isin(element, test_elements, **k),
    np.meshgrid: lambda *vectors, indexing="xy": _joining("meshgrid")(*vectors, indexing=indexing),
    **{getattr(np, n): _joining(n) for n in ("dstack", "column_stack")},
    np.hstack: lambda tup, *, dtype=None, casting="same_kind": _joining("hstack")(tup),
    np.vstack: lambda tup, *, dtype=None, casting="same_kind": _joining("vstack")(tup),
    **{getattr(np, n): _joining(n) for n in ("atleast_1d", "atleast_2d", "atleast_3d")},
    np.bincount: lambda x, weights=None, minlength=0: _lifted(x, _first(x, weights)).bincount(
        None if weights is None else _lifted(weights, _first(x, weights)), minlength
    ),
    np.expand_dims: lambda t, axis: t.unsqueeze(axis),
    np.clip: lambda t, a_min=None, a_max=None, *, min=None, max=None: _method("clamp")(
        t, min if a_min is None else a_min, max if a_max is None else a_max
    ),
    np.cumsum: lambda a, axis=None, dtype=None: _row(a, axis).cumsum(axis or 0, dtype=dtype),
    np.cumprod: lambda a, axis=None, dtype=None: _row(a, axis).cumprod(axis or 0, dtype=dtype),
    **{getattr(np, n): _product(n) for n in ("inner", "outer", "vdot")},
    np.einsum: _joining("einsum", "tensors.einsum"),
    np.tensordot: lambda a, b, axes=2: _joining("tensordot", "tensors.einsum")(a, b, axes),
    **{
        getattr(np.linalg, n): _joining(n, "linalg")
        for n in ("inv", "det", "slogdet", "cholesky", "eigh", "eigvalsh", "qr", "svdvals", "matrix_power", "multi_dot")
    },
    np.linalg.solve: _solve,
    np.linalg.norm: lambda x, ord=None, axis=None, keepdims=False: _joining("norm", "linalg")(x, ord, axis, keepdims),
    np.linalg.svd: lambda a, full_matrices=True, compute_uv=True: (
        _joining("svd", "linalg")(a, full_matrices) if compute_uv else _joining("svdvals", "linalg")(a)
    ),
    np.linalg.pinv: lambda a, rcond=None, hermitian=False: _joining("pinv", "linalg")(
        a, rtol=1e-15 if rcond is None else rcond, hermitian=hermitian
    ),
    np.trace: lambda a, offset=0, axis1=0, axis2=1: a.diagonal(offset, axis1, axis2).sum(-1),
    np.kron: lambda a, b: _lifted(a, b).kron(b),
    np.cross: lambda a, b, *, axis=-1: _lifted(a, b).cross(b, axis),
    np.diff: lambda a, n=1, axis=-1: _method("diff")(a, n, axis),
    np.trapezoid: lambda y, x=None, dx=1.0, axis=-1: _trapezoid(y, x, dx, axis),
    np.count_nonzero: lambda a, axis=None: a.count_nonzero(axis),
    **{getattr(np, n): _method(n) for n in ("nansum", "nanmean")},
    np.quantile: lambda a, q, axis=None, *, method="linear", keepdims=False: a.quantile(
        q, axis, keepdims, interpolation=method
    ),
    np.dot: lambda a, b: _first(a, b)._dot(a, b),
    np.round: lambda a, decimals=0: _method("round")(a, decimals=decimals),
    np.sinc: _method("sinc"),
    np.nan_to_num: lambda x, copy=True, nan=0.0, posinf=None, neginf=None: _method("nan_to_num")(
        x, nan, posinf, neginf
    ),
    np.where: lambda condition, *ab: (
        _first(condition, *ab)._choose(condition, *ab) if ab else condition.nonzero(as_tuple=True)
    ),
    np.stack: lambda arrays, axis=0: _first(*arrays)._joined("stack", arrays, axis),
    np.shape: lambda t: t.shape,
    np.ndim: lambda t: t.ndim,
    np.size: lambda t, axis=None: t.numel() if axis is None else t.shape[axis],
}
"""Any other function of NumPy -> the function to call with its arguments."""


_UFUNC_METHODS: dict[Any, Callable[..., Any]] = {
    (np.add, "reduce"): np.sum,
    (np.multiply, "reduce"): np.prod,
    (np.maximum, "reduce"): np.max,
    (np.minimum, "reduce"): np.min,
    (np.logical_and, "reduce"): np.all,
    (np.logical_or, "reduce"): np.any,
    (np.add, "accumulate"): np.cumsum,
    (np.multiply, "accumulate"): np.cumprod,
}
"""(ufunc, method) -> the function of the same meaning, whose axis is 0 by default here."""


def _first(*values: Any) -> Any:
    """Return the first Tensor among the values."""
    return next(v for v in values if isinstance(v, NumPyProtocols))


def _called(function: Any) -> str:
    """Return the function's name after "np.", as in "linalg.norm"."""
    if isinstance(function, np.ufunc):
        return function.__name__
    folder = function.__module__.removeprefix("numpy").removeprefix(".")
    return f"{folder}.{function.__name__}" if folder else str(function.__name__)


def _without_derivative(name: str) -> str:
    meant = f" Instead, use {MEANT[name]}." if name in MEANT else ""
    return (
        f"np.{name}: no gradient passes through it, and the tensor requires one.{meant} For the values alone, without "
        f"a gradient: np.{name}(t.detach().numpy())."
    )


def _needs_gradient(arguments: Any) -> bool:
    """Return True if a gradient would be lost where only the values of these arguments are used."""
    if isinstance(arguments, NumPyProtocols):
        return bool(mode.recording and arguments.requires_grad)
    if isinstance(arguments, dict):
        arguments = arguments.values()
    elif not isinstance(arguments, list | tuple):
        return False
    return any(_needs_gradient(a) for a in arguments)


def _plain(x: Any) -> Any:
    """Return the arguments with arrays instead of tensors, also inside lists, tuples and dictionaries."""
    if isinstance(x, NumPyProtocols):
        return x.detach().numpy()  # type: ignore[attr-defined]
    if isinstance(x, dict):
        return {name: _plain(value) for name, value in x.items()}
    return type(x)([_plain(value) for value in x]) if type(x) in (list, tuple) else x


class NumPyProtocols:
    """The part of Tensor that implements NumPy's protocols."""

    _array: np.ndarray
    requires_grad: Any

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if out is not None:
            return self._into(ufunc, inputs, out, options)
        name = _METHODS.get(ufunc)
        composed = UFUNCS.get(ufunc.__name__)
        if method == "outer" and not options:
            a, b = inputs
            return ufunc(_lifted(a, self).reshape(*np.shape(_values(a)), *(1,) * np.ndim(_values(b))), b)
        if (ufunc, method) in _UFUNC_METHODS:
            return _UFUNC_METHODS[ufunc, method](*inputs, **{"axis": 0, **options})
        if method != "__call__" or options or (name is None and composed is None):
            if not _needs_gradient(inputs):
                return getattr(ufunc, method)(*_plain(inputs), **options)
            if options and method == "__call__":
                raise TypeError(f"np.{ufunc.__name__} of a tensor does not take {', '.join(options)}")
            called = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            raise TypeError(_without_derivative(called))
        if name is None:
            return composed(*[_lifted(i, self) for i in inputs])  # type: ignore[misc]
        first, rest = inputs[0], inputs[1:]
        if isinstance(first, NumPyProtocols):
            result = getattr(first, name)(*rest)
        elif name.startswith("__") or name in _REFLECTED:  # an array or a number on the left
            result = getattr(rest[0], _REFLECTED.get(name) or f"__r{name.strip('_')}__")(first)
        else:
            result = getattr(type(rest[0]), name)(first, rest[0])
        if result is NotImplemented:
            kinds = " and ".join([f"an array of {i.dtype}" if type(i) is np.ndarray else class_name(i) for i in inputs])
            raise TypeError(f"np.{ufunc.__name__} of {kinds}: the operands must be real numbers or arrays of these")
        return result

    def _into(self, ufunc: np.ufunc, inputs: tuple[Any, ...], out: Any, options: dict[str, Any]) -> Any:
        """Write into an array: array += t, np.exp(t, out=array). Raise where that would lose a gradient."""
        if any(isinstance(o, NumPyProtocols) for o in out):
            raise TypeError(f"np.{ufunc.__name__}(…, out=tensor): write t[...] = …, which autograd records")
        if any(isinstance(i, NumPyProtocols) and i.requires_grad for i in inputs):
            raise TypeError(
                f"np.{ufunc.__name__} would write the values of a tensor that requires a gradient into a NumPy array "
                "(array += tensor?), and lose the gradient. Compute a new tensor: array = array + tensor; or "
                ".detach() the tensor"
            )
        arrays = [i._array if isinstance(i, NumPyProtocols) else i for i in inputs]
        return ufunc(*arrays, out=out, **options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = _called(function)
        compute = _FUNCTIONS.get(function) or COMPOSITIONS.get(name)
        lost = name not in CONSTANT and _needs_gradient([args, kwargs])
        if compute is not None:
            try:
                return compute(*args, **kwargs)
            except TypeError:
                if lost:
                    raise  # otherwise a form of the call that only NumPy has: computed from the values
        elif lost:
            raise TypeError(_without_derivative(name))
        return function(*_plain(args), **_plain(kwargs))


def _values(x: Any) -> Any:
    return x._array if isinstance(x, NumPyProtocols) else x
