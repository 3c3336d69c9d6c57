"""Run a function that was written for NumPy's arrays on Tensors, so that its graph is recorded.

The function receives an `Array`: a Tensor that behaves as NumPy's array does. Where NumPy itself would lose the graph
(`np.zeros`, which is then written to; `np.array` of results; `float(loss)`; `X.dot(W)`), the function sees
replacements: it is rebuilt from its code with other globals, and so are the functions, modules, classes and objects of
the program that it uses. Nothing of the caller's program changes.
"""

from __future__ import annotations

import builtins
import functools
import math
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from minigrad.grad_mode import enable_grad, mode
from minigrad.hooks import watchers
from minigrad.primitives import indexing, layout
from minigrad.tensors.indexing import index_from
from minigrad.tensors.operand_info import Constant
from minigrad.tensors.tensor import Tensor

_PACKAGES = tuple(f"{Path(module.__file__ or '').parent}{'/'}" for module in (np, sys.modules["minigrad"]))
"""Where the code lies that is not the learner's."""
_LIBRARIES = _PACKAGES + tuple(f"{sysconfig.get_path(name)}{'/'}" for name in ("stdlib", "purelib", "platlib"))
"""Where modules and classes lie that are not the learner's."""
LARGE = 1 << 14
"""The number of elements above which a constant of the program is not recorded."""


# ---- arrays that record ----------------------------------------------------------------------------------------------


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
        self.tensor[_tensors(index)] = _tensors(_array(value) if isinstance(value, list | tuple) else value)

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
        return np.copy(self) if _dtype(dtype).kind == "f" else self.tensor._array.astype(dtype)

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


def _extremum(name: str) -> Callable[..., Any]:
    def call(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **_: Any) -> Any:
        return _wrapped(getattr(_as_tensor(a), name)(axis, keepdims))

    return call


def _summed(a: Any, axis: Any = None, keepdims: bool = False, **_: Any) -> Any:
    a = np.stack(a) if isinstance(a, list | tuple) else a
    return _wrapped(np.sum(_as_tensor(a), axis=axis, keepdims=keepdims))


def _averaged(a: Any, axis: Any = None, keepdims: bool = False, **_: Any) -> Any:
    a = np.stack(a) if isinstance(a, list | tuple) else a
    return _wrapped(np.mean(_as_tensor(a), axis=axis, keepdims=keepdims))


def _pad(x: Any, width: Any, mode: str = "constant", constant_values: float = 0) -> Any:
    if mode != "constant":
        raise TypeError(f"np.pad with mode={mode!r} is not recorded")
    widths = np.broadcast_to(np.asarray(width, int), (x.ndim, 2)).tolist()
    out = _filled(tuple([a + n + b for n, (a, b) in zip(x.shape, widths)]), float(constant_values))
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


def _logsumexp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return _wrapped(_as_tensor(a).logsumexp(axis, keepdims))


def _filled_like(value: float) -> Callable[..., Any]:
    return lambda x, *_, **__: _filled(np.shape(x), value)


def _array(x: Any, dtype: Any = None, **_: Any) -> Any:
    """`np.array`, of nested lists of results too."""
    if isinstance(x, Array):
        return np.copy(x)
    if isinstance(x, list | tuple) and _records(x):
        return _wrapped(Tensor.apply(layout.stack, *[_as_tensor(_array(v)) for v in x], axis=0))
    return np.array(x, float if dtype is _Float else dtype)


def _records(x: Any) -> bool:
    return isinstance(x, Array) or isinstance(x, list | tuple) and any(map(_records, x))


def _filled(shape: Any, value: float) -> Array:
    return Array(Tensor(np.full(shape, value, float)))


_OWN: dict[Any, Callable[..., Any]] = {
    **{np.max: _extremum("amax"), np.amax: _extremum("amax"), np.min: _extremum("amin"), np.amin: _extremum("amin")},
    **{np.sum: _summed, np.mean: _averaged, np.pad: _pad, np.convolve: _convolve, np.correlate: _correlate},
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
    **{np.add: _summed, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min, np.logaddexp: _logsumexp}
}


class _AnyArray(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, np.ndarray | Array)


class _IsArray(metaclass=_AnyArray):
    """`np.ndarray` as the function sees it: an `Array` is one too."""


class _Functions:
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


class _Float(metaclass=_FloatType):
    """`float` as the function sees it: a recorded number stays one."""


def _dtype(dtype: Any) -> np.dtype:
    return np.dtype(float if dtype is _Float or not isinstance(dtype, type | str | np.dtype) else dtype)


def _creator(value: float) -> Callable[..., Any]:
    def create(shape: Any, dtype: Any = float, **_: Any) -> Any:
        return _filled(shape, value) if _dtype(dtype).kind == "f" else np.full(shape, value, dtype)

    return create


def _full(shape: Any, value: Any, dtype: Any = None, **_: Any) -> Any:
    return _filled(shape, value) if isinstance(value, float) else np.full(shape, value, dtype)


def _asarray(x: Any, dtype: Any = None, **_: Any) -> Any:
    return x if isinstance(x, Array) else _array(x, dtype)


def _of_lists(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy that takes lists of results, too."""
    return lambda a, *args, **kwargs: function(_array(a) if isinstance(a, list | tuple) else a, *args, **kwargs)


def _number(convert: Callable[..., Any]) -> Callable[..., Any]:
    """`float` and its like: a recorded number stays one."""
    return lambda *x: np.reshape(x[0], ()) if x and isinstance(x[0], Array) and x[0].size == 1 else convert(*x)


_CREATION: dict[str, Any] = {
    **{"zeros": _creator(0.0), "empty": _creator(0.0), "ones": _creator(1.0), "full": _full, "ndarray": _IsArray},
    **{"array": _array, "asarray": _asarray, "ascontiguousarray": _asarray, "asanyarray": _asarray},
    **{"float64": _number(np.float64), "float32": _number(np.float32)},
    **{name: _of_lists(getattr(np, name)) for name in ("sum", "mean", "prod", "max", "min", "exp", "log")},
    "copy": lambda x, *_, **__: np.copy(x),
}
_NUMPY = _Functions(np, _CREATION)


def _either(name: str, of_number: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: getattr(np, name)(x) if isinstance(x, Array) else of_number(x)


_MATH = _Functions(
    math,
    {
        name: _either(name, getattr(math, name))
        for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sinh", "cosh", "log1p", "expm1", "fabs")
    },
)
_REPLACED: dict[int, Any] = {
    id(np): _NUMPY,
    id(math): _MATH,
    **{id(getattr(np, n)): f for n, f in _CREATION.items()},
    **{id(getattr(math, n)): f for n, f in vars(_MATH).items() if n != "_module"},
}
"""What replaces an object that the function knows by a name, by the object's id."""


# ---- functions with other globals ------------------------------------------------------------------------------------


class _Rebinding:
    """Rebuild functions so that they, and the functions that they call, see the replacements."""

    def __init__(self, recording: Recording | None, created: bool = False) -> None:
        self.recording = recording
        self.numpy = _Functions(np, _CREATION | self._creators()) if created else _NUMPY
        self.created: list[np.ndarray] = []
        self.arrays: dict[int, Any] = {}
        self.globals: dict[int, dict[str, Any]] = {}
        self.functions: dict[int, Any] = {}
        self.classes: dict[int, type] = {}
        self.objects: dict[int, Any] = {}

    def __call__(self, x: Any) -> Any:
        if x is np:
            return self.numpy
        if id(x) in _REPLACED:
            return _REPLACED[id(x)]
        if isinstance(x, FunctionType) and not x.__code__.co_filename.startswith(_LIBRARIES):
            return self.functions[id(x)] if id(x) in self.functions else self._function(x)
        if isinstance(x, MethodType) and isinstance(x.__func__, FunctionType):
            return MethodType(self(x.__func__), self(x.__self__))
        if isinstance(x, functools.partial):
            return functools.partial(self(x.func), *map(self, x.args), **{k: self(v) for k, v in x.keywords.items()})
        if type(x) is np.ndarray and x.dtype.kind == "f":
            return self._array(x)
        if type(x) in (list, tuple):
            return type(x)(map(self, x)) if any(map(_may_record, x)) else x
        if type(x) is dict and any(map(_may_record, x.values())):
            return {k: self(v) for k, v in x.items()}
        if isinstance(x, ModuleType) and _is_learners(x):
            return _Functions(x, self._globals(vars(x)))
        if isinstance(x, type):
            return self._class(x)
        return self._object(x)

    def _creators(self) -> dict[str, Any]:
        """Functions of NumPy that make arrays of numbers, as arrays that record."""

        def recorded(create: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **options: Any) -> Any:
                made = np.asarray(create(*args, **options), float)
                self.created.append(made)  # so that its id stays unique
                array = self._array(made)
                if self.recording is not None and isinstance(array, Array):
                    self.recording.names[array.tensor.node] = f"{create.__name__}(...)"
                return array

            return call

        drawn = ("rand", "randn", "random", "random_sample", "normal", "uniform", "standard_normal")
        random = _Functions(np.random, {name: recorded(getattr(np.random, name)) for name in drawn})
        return {"random": random, **{name: recorded(getattr(np, name)) for name in ("arange", "linspace", "eye")}}

    def _array(self, x: np.ndarray) -> Any:
        if self.recording is None or x.size > LARGE:
            return x.view(Plain)
        if id(x) not in self.arrays:
            t = Tensor(x.astype(float), requires_grad=True)
            self.recording.values[t.node] = np.array(x, float)
            self.arrays[id(x)] = Array(t)
        return self.arrays[id(x)]

    def _function(self, f: FunctionType) -> Any:
        names = self._globals(f.__globals__)
        cells = tuple([CellType() for _ in f.__closure__ or ()])
        new = FunctionType(f.__code__, names, f.__name__, None, cells)
        self.functions[id(f)] = new
        new.__defaults__ = None if f.__defaults__ is None else tuple(map(self, f.__defaults__))
        new.__kwdefaults__ = f.__kwdefaults__
        for cell, given in zip(cells, f.__closure__ or ()):
            try:
                cell.cell_contents = self(given.cell_contents)
            except ValueError:  # an empty cell
                continue
        return new

    def _class(self, cls: type) -> type:
        """Return a class whose methods, and those of its bases, see the replacements."""
        if type(cls) is not type or not _is_learners(sys.modules.get(cls.__module__)) or "__slots__" in vars(cls):
            return cls
        if id(cls) not in self.classes:
            bases = tuple(map(self._class, cls.__bases__))
            try:
                self.classes[id(cls)] = new = type(cls.__name__, bases, {"__module__": cls.__module__})
                for name, value in vars(cls).items():
                    if name not in ("__dict__", "__weakref__", "__module__"):
                        setattr(new, name, self._attribute(value))
            except Exception:  # a class that no other can be made like, such as one of typing's generic classes
                self.classes[id(cls)] = cls
        return self.classes[id(cls)]

    def _attribute(self, x: Any) -> Any:
        if isinstance(x, staticmethod | classmethod):
            return type(x)(self(x.__func__))
        if isinstance(x, property):
            return property(self(x.fget), self(x.fset), self(x.fdel))
        return self(x)

    def _object(self, x: Any) -> Any:
        """Return a copy of an object of a class of the learner, which keeps what the function writes to it."""
        if id(x) not in self.objects and (cls := self._class(type(x))) is not type(x) and hasattr(x, "__dict__"):
            new: Any = object.__new__(cls)
            self.objects[id(x)] = new
            vars(new).update({name: self(value) for name, value in vars(x).items()})
        return self.objects.get(id(x), x)

    def _globals(self, given: dict[str, Any]) -> dict[str, Any]:
        if id(given) not in self.globals:
            self.globals[id(given)] = names = {"float": _Float, **given}
            for name, value in given.items():
                if not name.startswith("__"):
                    names[name] = self(value)
        return self.globals[id(given)]


def _is_learners(module: Any) -> bool:
    """Return whether a module is part of the learner's program: not of Python, nor installed."""
    if module is None or module.__name__ in sys.builtin_module_names:
        return False
    return not (getattr(module, "__file__", None) or "").startswith(_LIBRARIES)


def _may_record(x: Any) -> bool:
    return not isinstance(x, int | float | str | None)


# ---- the recording ---------------------------------------------------------------------------------------------------


class Place:
    """Where in the learner's program a node was computed: an instruction, and which of its passes.

    Attributes:
        code, instruction, line: the instruction of a function. Without a code, its number in the order of the program.
        calls: the calls that led there, the innermost first: the function and the instruction of each.
        count: how often the instruction had created such a node before.
        integers: the variables of the function that were integers, such as those of its loops.
        part: 0, or which operation it is inside of a primitive that was written out.
        returned: the calls that returned the node's value, the innermost first: function, instruction, line.
        execution: a number that nodes of one execution of the instruction share, such as those of one einsum.
    """

    __slots__ = ("calls", "code", "count", "execution", "instruction", "integers", "line", "part", "returned")

    def __init__(self, frame: Any) -> None:
        self.code, self.instruction, self.line = frame.f_code, frame.f_lasti, frame.f_lineno
        self.count, self.part, self.execution = 0, 0, 0
        self.integers = _integers(frame)
        self.returned: tuple[tuple[Any, int, int], ...] = ()
        calls = []
        while (frame := frame.f_back) is not None and frame.f_code not in _STARTS:
            if not frame.f_code.co_filename.startswith(_PACKAGES):
                calls.append((frame.f_code, frame.f_lasti))
                if len(calls) == 1:  # a loop around the call
                    self.integers = {**_integers(frame), **self.integers}
        self.calls = tuple(calls)

    @staticmethod
    def numbered(instruction: int, count: int) -> Place:
        """Return the place of an operation of which only its number in the order of the program is known."""
        place = object.__new__(Place)
        place.code, place.instruction, place.line = None, instruction, 0
        place.count, place.part, place.integers, place.returned, place.calls = count, 0, {}, (), ()
        place.execution = 0
        return place

    @property
    def key(self) -> tuple[Any, ...]:
        """What is the same in all passes of a loop."""
        return self.code, self.instruction, self.part, self.calls

    def is_not_after(self, other: Place) -> bool:
        """Return whether this instruction is another one or stands before it, in the function that reaches both."""
        mine = dict([*self.calls[::-1], (self.code, self.instruction)])
        for code, instruction in ((other.code, other.instruction), *other.calls):
            if code in mine:
                return bool(mine[code] <= instruction)
        return False


def _integers(frame: Any) -> dict[str, int]:
    return {name: value for name, value in frame.f_locals.items() if type(value) is int}


class Recording:
    """The graph of one call of a function, with every value, place and name.

    Attributes:
        output: the result, a Tensor.
        leaf: the node of the argument.
        values: node -> its array, copied when it was computed.
        constants: node -> {position: the operand that has no gradient}.
        places: node -> where it was computed.
        names: node, or id of a constant -> the variable that held it.
        added: nodes that are not the learner's: several results times their gradients, added up.
        passes: how often each kind of node was created at each place.
    """

    def __init__(self, leaf: Any) -> None:
        self.output: Any = None
        self.leaf = leaf
        self.values: dict[Any, np.ndarray] = {}
        self.constants: dict[Any, dict[int, Any]] = {}
        self.places: dict[Any, Place] = {}
        self.names: dict[Any, str] = {}
        self.added: set[Any] = set()
        self.arrays: dict[tuple[Any, ...], str] = {}
        self.passes: dict[tuple[Any, ...], int] = {}
        self._called: Any = None
        self._executions = 0

    def watch(self, primitive: Any, result: Any, direction: str, node: Any) -> None:
        """Note a new node, its value and the place of its computation."""
        if direction != "forward" or node is None:
            return
        self.values[node] = np.array(result)
        self.constants[node] = {
            i: np.array(c.value) if isinstance(c, Constant) and c.value is not None else c
            for i, c in node.constants.items()
        }
        frame: Any = sys._getframe(1)
        called = None
        while frame is not None and frame.f_code.co_filename.startswith(_PACKAGES):
            if frame.f_code in _STARTS:
                frame = None
                break
            frame, called = frame.f_back, frame
        if frame is not None:
            place = Place(frame)
            if called is not self._called:
                self._called = called
                self._executions += 1
            place.execution = self._executions
            key = (frame.f_code, frame.f_lasti, primitive.name)
            place.count = self.passes[key] = self.passes.get(key, -1) + 1
            self.places[node] = place
            for name, value in frame.f_locals.items():
                if isinstance(value, np.ndarray):
                    self.arrays.setdefault(_memory(value), name)
        for i, c in node.constants.items():
            if isinstance(c, Constant) and c.value is not None:
                name = self.arrays.get(_memory(c.value))
                if name:
                    self.names[node, i] = name

    def call_it(self, value: Any, name: str) -> None:
        """Note the name of a constant."""
        if isinstance(value, Array):
            self.names.setdefault(value.tensor.node, name)
        elif isinstance(value, np.ndarray) and not hasattr(builtins, name):
            self.arrays.setdefault(_memory(value), name)

    def call(self, frame: Any, event: str, argument: Any) -> None:
        """As a profiler: note the variables of a function of the learner when it returns, and arrays when it starts."""
        if event in ("call", "return") and not frame.f_code.co_filename.startswith(_PACKAGES):
            parameters = frame.f_code.co_varnames[: frame.f_code.co_argcount]
            for name, value in frame.f_locals.items():
                t = value.tensor if isinstance(value, Array) else value
                known = isinstance(t, Tensor) and t._node is not None
                # what the caller has computed has the name that it has there
                if known and (name not in parameters or t.node not in self.places):
                    self.names.setdefault(t.node, name)
            returned = argument.tensor if isinstance(argument, Array) else argument
            caller = frame.f_back
            if event == "return" and isinstance(returned, Tensor) and returned._node is not None and caller is not None:
                place = self.places.get(returned._node)
                if place is not None and not caller.f_code.co_filename.startswith(_PACKAGES):
                    place.returned += ((caller.f_code, caller.f_lasti, caller.f_lineno),)


def _memory(a: np.ndarray) -> tuple[Any, ...]:
    return a.__array_interface__["data"][0], a.shape, a.strides


@contextmanager
def _watching(recording: Recording) -> Iterator[None]:
    before = sys.getprofile()
    watchers.append(recording.watch)
    sys.setprofile(recording.call)
    try:
        yield
    finally:
        sys.setprofile(before)
        watchers.remove(recording.watch)


def record_primitive(primitive: Any, operands: list[Any], parameters: dict[str, Any]) -> tuple[Recording, list[Any]]:
    """Return the recording of a primitive's readable form, and the node of each operand (None for a constant)."""
    arrays = [
        Array(Tensor(o.astype(float), requires_grad=True)) if isinstance(o, np.ndarray) and o.dtype.kind == "f" else o
        for o in operands
    ]
    nodes = [a.tensor.node if isinstance(a, Array) else None for a in arrays]
    recording = Recording(None)
    for node, o in zip(nodes, operands):
        if node is not None:
            recording.values[node] = o
    with enable_grad(), _watching(recording), np.errstate(all="ignore"):
        recording.output = primitive.forward(*arrays, **parameters).tensor
    return recording, nodes


def record(
    f: Callable[..., Any],
    x: np.ndarray,
    name: str = "x",
    arguments: Callable[[Any], Iterable[Any]] = lambda x: [x],
    result: Callable[[Any], Any] = lambda result: result,
    created: bool = False,
) -> Recording:
    """Call `f` on an array, and return the recording of its graph.

    The other arrays of the program are recorded too, where that is possible: what is computed from them has a name, and
    may stand in a wrong gradient.

    Args:
        f: the function.
        x: the array.
        name: the name of the array, if the function has none for it.
        arguments: makes the arguments of `f` from the array that records.
        result: makes one array of what `f` returns.
        created: record what `np.arange` and `np.random` return, too.

    Raises:
        Exception: whatever `f` raises on recorded arrays; TypeError if its result has no graph.
    """
    if created:
        return _record(f, x, name, arguments, result, everything=True, created=True)
    try:
        return _record(f, x, name, arguments, result, everything=True)
    except Exception:  # what is computed from constants may be beyond recording
        return _record(f, x, name, arguments, result, everything=False)


def _record(
    f: Callable[..., Any],
    x: np.ndarray,
    name: str,
    arguments: Any,
    single: Any,
    everything: bool,
    created: bool = False,
) -> Recording:
    t = Tensor(np.array(x, float), requires_grad=True)
    recording = Recording(t.node)
    recording.values[t.node] = np.array(x, float)
    argument = Array(t)
    rebind = _Rebinding(recording if everything else None, created)
    function = rebind(f)
    for names in rebind.globals.values():
        for key, value in names.items():
            recording.call_it(value, key)
    for made in rebind.functions.values():
        for key, cell in zip(made.__code__.co_freevars, made.__closure__ or ()):
            if cell != CellType():
                recording.call_it(cell.cell_contents, key)
    with enable_grad(), _watching(recording), np.errstate(all="ignore"):
        result = single(function(*arguments(argument)))
        if isinstance(result, list | tuple):
            result = _array(result)
        if not isinstance(result, Array) or not result.tensor.requires_grad:
            raise TypeError("the result does not depend on the argument by operations that are recorded")
    recording.names[t.node] = recording.names.get(t.node, name)
    recording.output = result.tensor
    return recording


def record_tensors(f: Callable[..., Any], inputs: Sequence[Any], position: int) -> Recording:
    """Call a function of tensors, and return the recording of its graph; that of what each `Function` in it computes.

    Args:
        f: the function.
        inputs: its arguments; all tensors of floats are recorded.
        position: the argument that is the recording's leaf.

    Returns:
        The recording. If `f` returns several tensors of floats, its output is all their elements, one after the other.

    Raises:
        Exception: whatever `f` raises on these tensors; TypeError if its result does not depend on the argument by
            recorded operations.
    """
    arguments = [*inputs]
    floats = [i for i, t in enumerate(inputs) if isinstance(t, Tensor) and t.dtype.kind == "f"]
    values = {}
    for i in sorted(floats, key=lambda i: i != position):  # the leaf is the first node of its graph
        arguments[i] = Tensor(inputs[i]._array.astype(float), requires_grad=True)
        values[arguments[i].node] = arguments[i]._array.copy()
    recording = Recording(arguments[position].node)
    recording.values.update(values)
    before = mode.opens_functions
    mode.opens_functions = True
    try:
        with enable_grad(), _watching(recording), np.errstate(all="ignore"):
            out = f(*arguments)
            outputs = [o for o in (out if isinstance(out, tuple | list) else (out,)) if o.dtype.kind == "f"]
            if len(outputs) > 1:
                outputs = [Tensor.apply(layout.cat, *[o.reshape(-1) for o in outputs], axis=0)]
    finally:
        mode.opens_functions = before
    if not outputs or not outputs[0].requires_grad:
        raise TypeError("the result does not depend on the argument by operations that are recorded")
    recording.output = outputs[0]
    return recording


_STARTS = (_record.__code__, record_tensors.__code__)
"""The code in which a recording starts: what called it is not the learner's function."""
