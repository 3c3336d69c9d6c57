"""NumPy as a recorded function sees it: arrays that are Tensors, and functions that keep their graph.

An `Array` behaves as NumPy's array does. Where NumPy itself would lose the graph (`np.zeros`, which is then written to;
`np.array` of results; `float(loss)`; `X.dot(W)`), `REPLACED` has what the function gets instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from minigrad.primitives import indexing, layout
from minigrad.tensors.indexing import index_from
from minigrad.tensors.tensor import Tensor


class Array(np.lib.mixins.NDArrayOperatorsMixin):
    """A Tensor with the methods and conventions of NumPy's array."""

    __array_priority__ = 2000

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.part_of: tuple[Array, Any] | None = None

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        options.pop("dtype", None)
        if method == "__call__":
            result = ufunc(*_tensors(inputs), **options)
        elif method == "reduce" and ufunc in _REDUCED:
            options.setdefault("axis", 0)
            return _REDUCED[ufunc](inputs[0], **{k: options[k] for k in ("axis", "keepdims") if k in options})
        elif method == "at" and ufunc in (np.add, np.subtract) and isinstance(inputs[0], Array):
            inputs[0]._add_at(ufunc, *inputs[1:])
            return None
        elif method == "outer":
            a, b = map(_as_tensor, inputs)
            result = ufunc(a.reshape(*a.shape, *[1] * b.ndim), b)
        else:
            raise TypeError(f"np.{ufunc.__name__}.{method} is not recorded")
        if out is None:
            return _wrapped(result)
        (target,) = out
        if not isinstance(target, Array):
            raise TypeError(f"np.{ufunc.__name__} writes into an array whose graph is not recorded")
        if target.part_of is not None and ufunc in (np.add, np.subtract) and inputs[0] is target:  # a[i] += b
            whole, index = target.part_of
            whole._add_at(ufunc, index, inputs[1])
            return target
        target.tensor[...] = result
        return target

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        for name in ("dtype", "optimize", "order", "casting"):
            kwargs.pop(name, None)
        if function in _OWN:
            return _OWN[function](*args, **kwargs)
        return _wrapped(function(*_tensors(args), **_tensors(kwargs)))

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        if self.tensor.requires_grad:
            raise TypeError("a recorded array became a plain one")
        return self.tensor._array.astype(dtype or self.dtype)

    def __getitem__(self, index: Any) -> Any:
        part = _wrapped(self.tensor[_tensors(index)], always=not self.tensor.requires_grad)
        if isinstance(part, Array) and indexing.is_basic(index):
            part.part_of = self, index
        return part

    def _add_at(self, ufunc: np.ufunc, index: Any, value: Any) -> None:
        """Add a value to some elements, or subtract it."""
        new, shape = _as_tensor(value), np.shape(_tensors(self[index]))
        new = new if new.shape == shape else new.broadcast_to(shape)
        placed = Tensor.apply(indexing.place, new, index=index_from(_tensors(index)), shape=self.shape)
        self.tensor[...] = ufunc(self.tensor, placed)

    def __setitem__(self, index: Any, value: Any) -> None:
        part_of = value.part_of if isinstance(value, Array) else None
        if part_of is not None and part_of[0] is self and part_of[1] == index:  # the end of a[i] += b
            return
        self.tensor[_tensors(index)] = _tensors(array(value) if isinstance(value, list | tuple) else value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        return len(self.tensor)

    def __bool__(self) -> bool:
        return bool(self.tensor._array)

    def __float__(self) -> float:
        if self.tensor.requires_grad:
            raise TypeError("a recorded number became a plain one")
        return float(self.tensor._array)

    __hash__ = object.__hash__

    shape = property(lambda self: self.tensor.shape)
    ndim = property(lambda self: len(self.tensor.shape))
    size = property(lambda self: math.prod(self.tensor.shape))
    dtype = property(lambda self: self.tensor.dtype)
    T = property(lambda self: np.transpose(self))
    flat = property(lambda self: np.ravel(self))

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """`np.reshape`, with the sizes as one or several arguments."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        """`np.transpose`, with the axes as one or several arguments."""
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def astype(self, dtype: Any, **options: Any) -> Any:
        """The same numbers: gradients are those of floats."""
        return np.copy(self) if np.dtype(dtype).kind == "f" else self.tensor._array.astype(dtype)

    def item(self, *index: Any) -> Any:
        """The only element, still recorded."""
        return self[index] if index else np.reshape(self, ())

    def fill(self, value: Any) -> None:
        """Write a number everywhere."""
        self.tensor[...] = _tensors(value)


def _method(name: str) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: getattr(np, name)(self, *args, **kwargs)


for _name in (
    *("sum", "mean", "prod", "max", "min", "var", "std", "argmax", "argmin", "cumsum", "cumprod", "ravel", "squeeze"),
    *("swapaxes", "dot", "copy", "clip", "repeat", "take", "trace", "diagonal", "argsort", "round", "all", "any"),
):
    setattr(Array, _name, _method(_name))
Array.flatten = _method("ravel")  # type: ignore[attr-defined]


class Plain(np.ndarray):
    """An array of the program, the product of which with an `Array` is recorded."""

    def dot(self, b: Any, out: Any = None) -> Any:
        """`np.dot`."""
        return np.dot(self, b)


def _tensors(x: Any) -> Any:
    """Return the tensors of all `Array`s in nested arguments."""
    if isinstance(x, Array):
        return x.tensor
    if isinstance(x, Plain):
        return x.view(np.ndarray)
    if isinstance(x, tuple | list) and type(x) in (tuple, list):
        return type(x)(map(_tensors, x))
    if isinstance(x, dict):
        return {k: _tensors(v) for k, v in x.items()}
    if isinstance(x, range):
        return list(x)
    return x


def _as_tensor(x: Any) -> Any:
    x = _tensors(x)
    return x if isinstance(x, Tensor) else Tensor(np.asarray(x, float))


def _wrapped(x: Any, always: bool = False) -> Any:
    """Return tensors with a graph as `Array`s, others as plain arrays (as an `Array`, too, with `always`)."""
    if isinstance(x, Tensor):
        if x.requires_grad or always and x.ndim:
            return Array(x)
        return x._array if x.ndim else x._array[()]
    if isinstance(x, tuple | list):
        return type(x)(map(_wrapped, x)) if type(x) in (tuple, list) else tuple(map(_wrapped, x))
    return x


# ---- functions of NumPy that Tensors do not have, or have otherwise --------------------------------------------------


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction of tensors as one of NumPy, which takes lists of results, too."""

    def call(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **_: Any) -> Any:
        a = np.stack(a) if isinstance(a, list | tuple) else a
        return _wrapped(function(_as_tensor(a), axis=axis, keepdims=keepdims))

    return call


def _pad(x: Any, width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    if mode != "constant" or np.ptp(constant_values):
        raise TypeError(f"np.pad with mode={mode!r} and constant_values={constant_values!r} is not recorded")
    widths = np.broadcast_to(np.asarray(width, int), (x.ndim, 2)).tolist()
    out = _filled(tuple([a + n + b for n, (a, b) in zip(x.shape, widths)]), float(np.ravel(constant_values)[0]))
    out[tuple([slice(a, a + n) for n, (a, _) in zip(x.shape, widths)])] = x
    return out


def _sliding(x: Any, shape: Any, axis: Any = None, **_: Any) -> Any:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    t = _as_tensor(x)
    for size, a in zip(shape, axes):
        t = Tensor.apply(layout.windows, t, axis=a % x.ndim, size=size, step=1)
    return _wrapped(t)


def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    a, v = (a, v) if len(a) >= len(v) else (v, a)
    return _correlate(a, v[::-1], mode)


def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    v = np.asarray(v, float) if isinstance(v, list | tuple) else v
    n, m = len(a), len(v)
    if m > n:
        raise TypeError("np.correlate with the longer array second is not recorded")
    before = {"full": m - 1, "same": (m - 1) - (m - 1) // 2, "valid": 0}[mode]
    after = {"full": m - 1, "same": (m - 1) // 2, "valid": 0}[mode]
    a = a if isinstance(a, Array) else Array(Tensor(np.asarray(a, float)))
    return _sliding(_pad(a, (before, after)), m) @ v


def _filled_like(value: float) -> Callable[..., Any]:
    return lambda x, *_, **__: _filled(np.shape(x), value)


def array(x: Any, dtype: Any = None, **_: Any) -> Any:
    """`np.array`, of nested lists of results too."""
    if isinstance(x, Array):
        return np.copy(x)
    if isinstance(x, list | tuple) and _records(x):
        return _wrapped(Tensor.apply(layout.stack, *[_as_tensor(array(v)) for v in x], axis=0))
    return np.array(x, dtype)


def _records(x: Any) -> bool:
    return isinstance(x, Array) or isinstance(x, list | tuple) and any(map(_records, x))


def _filled(shape: Any, value: float) -> Array:
    return Array(Tensor(np.full(shape, value, float)))


_OWN: dict[Any, Callable[..., Any]] = {
    **{np.max: _reduced(Tensor.amax), np.amax: _reduced(Tensor.amax), np.sum: _reduced(np.sum)},
    **{np.min: _reduced(Tensor.amin), np.amin: _reduced(Tensor.amin), np.mean: _reduced(np.mean)},
    **{np.pad: _pad, np.convolve: _convolve, np.correlate: _correlate},
    **{np.zeros_like: _filled_like(0.0), np.empty_like: _filled_like(0.0), np.ones_like: _filled_like(1.0)},
    np.full_like: lambda x, value, **_: _filled(np.shape(x), value),
    np.lib.stride_tricks.sliding_window_view: _sliding,
    np.append: lambda a, b, axis=None: np.concatenate(
        [np.ravel(a), np.ravel(b)] if axis is None else [a, b], axis or 0
    ),
    np.average: lambda a, axis=None, weights=None: (
        np.mean(a, axis=axis) if weights is None else np.sum(a * weights, axis=axis) / np.sum(weights, axis=axis)
    ),
    np.ravel: lambda a, order="C": np.reshape(a, (-1,)),
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
    np.copyto: lambda a, b: a.__setitem__(..., b),
}
_REDUCED: dict[np.ufunc, Callable[..., Any]] = {
    **{np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min},
    np.logaddexp: _reduced(Tensor.logsumexp),
}


class _AnyArray(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, np.ndarray | Array)


class _IsArray(metaclass=_AnyArray):
    """`np.ndarray` as the function sees it: an `Array` is one too."""


class Namespace:
    """NumPy or `math` as the function sees it: what they create can record."""

    def __init__(self, module: ModuleType, functions: dict[str, Any]) -> None:
        self._module = module
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class _FloatType(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, float)

    def __call__(cls, *x: Any) -> Any:
        return _number(float)(*x)


class Float(metaclass=_FloatType):
    """`float` as the function sees it: a recorded number stays one."""

    dtype = np.dtype(float)  # of astype(float), for NumPy's own arrays, as a mask is one


def _creator(value: float) -> Callable[..., Any]:
    def create(shape: Any, dtype: Any = float, **_: Any) -> Any:
        return _filled(shape, value) if np.dtype(dtype).kind == "f" else np.full(shape, value, dtype)

    return create


def _full(shape: Any, value: Any, dtype: Any = None, **_: Any) -> Any:
    return _filled(shape, value) if isinstance(value, float) else np.full(shape, value, dtype)


def _asarray(x: Any, dtype: Any = None, **_: Any) -> Any:
    return x if isinstance(x, Array) else array(x, dtype)


def _of_lists(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy that takes lists of results, too."""
    return lambda a, *args, **kwargs: function(array(a) if isinstance(a, list | tuple) else a, *args, **kwargs)


def _number(convert: type[Any]) -> Callable[..., Any]:
    """`float` and its like: a recorded number stays one."""

    def number(*x: Any) -> Any:
        return np.reshape(x[0], ()) if x and isinstance(x[0], Array) and x[0].size == 1 else convert(*x)

    number.dtype = np.dtype(convert)  # type: ignore[attr-defined]
    return number


CREATION: dict[str, Any] = {
    **{"zeros": _creator(0.0), "empty": _creator(0.0), "ones": _creator(1.0), "full": _full, "ndarray": _IsArray},
    **{"array": array, "asarray": _asarray, "ascontiguousarray": _asarray, "asanyarray": _asarray},
    **{"float64": _number(np.float64), "float32": _number(np.float32)},
    **{name: _of_lists(getattr(np, name)) for name in ("sum", "mean", "prod", "max", "min", "exp", "log")},
    "copy": lambda x, *_, **__: np.copy(x),
}
NUMPY = Namespace(np, CREATION)


def _either(name: str, of_number: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: getattr(np, name)(x) if isinstance(x, Array) else of_number(x)


_MATH = Namespace(
    math,
    {
        name: _either(name, getattr(math, name))
        for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sinh", "cosh", "log1p", "expm1", "fabs")
    },
)
REPLACED: dict[int, Any] = {
    id(np): NUMPY,
    id(math): _MATH,
    **{id(getattr(np, n)): f for n, f in CREATION.items()},
    **{id(getattr(math, n)): f for n, f in vars(_MATH).items() if n != "_module"},
}
"""What replaces an object that the function knows by a name, by the object's id."""
