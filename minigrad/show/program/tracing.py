"""Arrays that write down what is done with them: rules run on them leave the terms of a program.

A `Traced` array is a real array beside a term. NumPy's protocols bring its operators and functions here; what has no
such array among its arguments, as np.zeros(shape), a rule's function finds because it runs with another `np`
(`rebound`). Views are understood: each knows the memory that it is a part of, and a write to it gives that memory a
new content.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import numpy as np

from minigrad.rules.rule import Elementwise, Rule, plain
from minigrad.show.program.arrays import Arrays, disjoint, elementwise, joined, normal_index, within
from minigrad.show.program.terms import Term, found, frozen, mapped, same_number

_BIG = 12
"""How many numbers are still written into the program."""


class _Memory:
    """What several views show: its content now."""

    __slots__ = ("content",)

    def __init__(self, content: Term) -> None:
        self.content = content


class Traced:
    """An array whose operations are recorded.

    Attributes:
        trace: where to.
        value: the array itself.
        memory: what it shows, in whole or in part.
        path: the operations that lead from the whole memory to this view of it.
    """

    __array_priority__ = 1000

    def __init__(self, trace: Trace, value: np.ndarray, memory: _Memory, path: tuple[Any, ...] = ()) -> None:
        self.trace, self.value, self.memory, self.path = trace, value, memory, path

    def __repr__(self) -> str:
        return f"<traced array of shape {self.shape}>"

    @property
    def term(self) -> Term:
        """Its content now: what was stored at just this place, if that can be told, else a part of the memory's."""
        content, path = self._known() or (self.memory.content, self.path)
        for step in path:
            content = self.trace.step(content, step)
        return content

    def _known(self) -> tuple[Term, tuple[Any, ...]] | None:
        """What was stored at this place, and where in that this is; None if that cannot be told."""
        content, path = self.memory.content, self.path
        ways = [joined(path[:k], content.shape) for k in range(1, len(path) + 1)]
        while content.op == "store" and path:
            old, stored, value = content.args
            value = self.trace.fitted(value, *stored[-1][2:])
            for k, way in enumerate(ways, 1):
                if frozen(way) == frozen(stored):
                    return value, path[k:]
            inner = within(ways[-1], stored, old.shape)
            if inner is not None:
                return value, inner
            if not disjoint(ways[-1], stored, old.shape):
                return None
            content = old  # it was written to elsewhere
        return None if content.op != "fill" or not path else (content, path)

    def write(self, value: Any) -> None:
        """Give what is shown here the content `value`, a term or a number."""
        if self.term is value:
            return
        whole = self.memory.content
        path = joined(self.path, whole.shape)
        if whole.op == "store" and frozen(whole.args[1]) == frozen(path):
            whole = whole.args[0]  # what was stored there before, is gone
        if not path:
            self.memory.content = self.trace.fitted(value, whole.shape, whole.dtype)
        else:
            value = self.trace.bare(value)
            self.memory.content = self.trace.make("store", whole, path, value, shape=whole.shape, dtype=whole.dtype)

    # ---- what arrays have ------------------------------------------------------------------------------------------

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    itemsize = property(lambda self: self.value.itemsize)
    flags = property(lambda self: self.value.flags)
    T = property(lambda self: np.transpose(self))
    mT = property(lambda self: np.swapaxes(self, -1, -2))

    def apply(self, rule: Rule, *operands: Any, **parameters: Any) -> Any:
        """What a rule answers that is called with traced arrays."""
        return self.trace.forward(rule, operands, parameters)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, out: Any = None, **keywords: Any) -> Any:
        return self.trace.ufunc(ufunc, method, args, out, keywords)

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        return self.trace.call(function, args, keywords)

    def __getitem__(self, index: Any) -> Any:
        return self.trace.read(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self.trace.assign(self, index, value)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            f"source: the rule {self.trace.running!r} makes a plain array of one that it was given. In a rule, create "
            "arrays with np.zeros, np.empty and their like, under `import numpy as np`"
        )

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        self.trace.looks()
        return bool(self.value)

    def __float__(self) -> float:
        self.trace.looks()
        return float(self.value)

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        return self.trace.converted(self, dtype)

    def view(self, dtype: Any) -> Any:
        dtype = np.dtype(dtype)
        made = self.trace.make("view", self.term, dtype.str[1:], shape=self.shape, dtype=dtype)
        return self.trace.new(self.value.view(dtype), made)

    def reshape(self, *shape: Any) -> Any:
        return _reshape(self.trace, self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        return _transpose(self.trace, self, axes[0] if len(axes) == 1 else axes or None)


def _method(name: str) -> Callable[..., Any]:
    return lambda self, *args, **keywords: getattr(np, name)(self, *args, **keywords)


for _name in (
    *("sum", "max", "min", "mean", "prod", "any", "all", "argmax", "argmin"),
    *("copy", "ravel", "swapaxes", "squeeze", "clip", "argsort"),
):
    setattr(Traced, _name, _method(_name))


def _operator(name: str, function: Callable[..., Any]) -> None:
    setattr(Traced, f"__{name}__", lambda self, *other: function(self, *other))
    setattr(Traced, f"__r{name}__", lambda self, other: function(other, self))
    setattr(Traced, f"__i{name}__", lambda self, other: function(self, other, out=self))


for _name, _ufunc in {
    **{"add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "pow": np.power},
    **{"matmul": np.matmul, "floordiv": np.floor_divide, "mod": np.remainder, "and": np.bitwise_and},
    **{"or": np.bitwise_or, "xor": np.bitwise_xor, "lshift": np.left_shift, "rshift": np.right_shift},
    **{"neg": np.negative, "abs": np.absolute, "invert": np.invert},
    **{"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal},
    **{"ne": np.not_equal},
}.items():
    _operator(_name, _ufunc)


class Trace:
    """A program while it is recorded: its terms, and the arrays that are its inputs."""

    def __init__(self) -> None:
        self.arrays = Arrays()
        self.make = self.arrays.make
        self.inputs: dict[Term, np.ndarray] = {}
        self._by_memory: dict[Any, Traced] = {}
        self.deciding: dict[str, None] = {}  # the rules that looked at numbers to decide what to do
        self._running: list[Rule] = []
        self._depths: dict[Term, int] = {}  # of the functions that have named terms

    # ---- making traced arrays --------------------------------------------------------------------------------------

    def new(self, value: Any, term: Term) -> Traced:
        """An array with memory of its own."""
        return Traced(self, np.asarray(value), _Memory(term))

    @property
    def running(self) -> str:
        """The name of the rule that is running."""
        return self._running[0].name if self._running else ""

    def looks(self) -> None:
        """Note that the rule that is running looks at a number."""
        self.deciding[self.running] = None

    def call_it(self, term: Term, name: str, depth: int) -> None:
        """Name a term, unless it has the name that a function further out has given it."""
        if term.op != "input" and depth < self._depths.get(term, sys.maxsize):
            term.name, self._depths[term] = name, depth

    def input(self, name: str, array: np.ndarray, leaf: bool = False) -> Traced:
        """An array that the program is given; the same one only once, but for leaves, which have gradients each."""
        key = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        if array.size == 0 or leaf or key not in self._by_memory:
            term = self.arrays.terms.fresh("input", shape=array.shape, dtype=array.dtype)
            term.name = name
            self.inputs[term] = array
            value = array.view()
            value.flags.writeable = False
            self._by_memory[key] = self.new(value, term)
        known = self._by_memory[key]
        return self.new(known.value, known.term)

    def parameter(self, name: str, value: Any) -> Any:
        """A parameter of a rule: arrays in it are inputs, but for those of an index that count from 0."""

        def each(v: Any) -> Any:
            if not isinstance(v, np.ndarray) or not v.ndim:
                return v
            counts = v is not value and v.dtype.kind in "iu" and v.size > 1 and (v.ravel() == np.arange(v.size)).all()
            short = self._short(v) if counts else None
            return self.input(name, v) if short is None else self.new(v, short)

        return mapped(each, value)

    def empty(self, array: np.ndarray) -> Traced:
        """Memory to compute in."""
        return self.new(np.empty_like(array), self.arrays.fill(None, array.shape, array.dtype))

    def term(self, value: Any) -> Any:
        """The term of an array that is met in a rule, traced or not; numbers stay as they are."""
        if isinstance(value, Traced):
            return value.term
        if isinstance(value, np.ndarray):
            return self.constant(value)
        return value

    def constant(self, array: np.ndarray) -> Term:
        """An array that a rule has made from numbers, written as short as it can be."""
        found = self._short(array)
        if found is None and array.size <= _BIG:
            dtype = {} if array.dtype in (np.float64, np.int64, np.bool_) and array.size else {"dtype": array.dtype}
            call = self.make("call", "np.array", array.tolist(), shape=array.shape, dtype=array.dtype, keywords=dtype)
            return call
        return self.input("constant", array).term if found is None else found

    def _short(self, array: np.ndarray) -> Term | None:
        shape, dtype = array.shape, array.dtype
        if array.size and (array == array.flat[0]).all():
            return self.arrays.fill(array.flat[0], shape, dtype)
        if not array.size:
            return self.arrays.fill(0, shape, dtype)
        flat = array.ravel()
        step = int(flat[1]) - int(flat[0]) if dtype.kind in "iu" else 0
        if step and (step == 1 or array.size > _BIG) and max(shape) == array.size and (np.diff(flat) == step).all():
            start, stop = int(flat[0]), int(flat[-1]) + step
            bounds = (stop,) if (start, step) == (0, 1) else (start, stop) if step == 1 else (start, stop, step)
            kind = {} if dtype == np.int64 else {"dtype": dtype}
            line = self.make("call", "np.arange", *bounds, shape=flat.shape, dtype=dtype, keywords=kind)
            return self.make("reshape", line, shape, shape=shape, dtype=dtype)
        if array.ndim == 2 and shape[0] == shape[1] and (array == np.eye(shape[0])).all():
            kind = {} if dtype == np.float64 else {"dtype": dtype}
            return self.make("call", "np.eye", shape[0], shape=shape, dtype=dtype, keywords=kind)
        return None

    def fitted(self, value: Any, shape: tuple[int, ...], dtype: Any) -> Term:
        """A term or number as an array of this shape and dtype, as an assignment to such a one fits it."""
        if not isinstance(value, Term):
            return self.arrays.fill(value, shape, dtype)
        if value.shape != shape:
            value = self.make("broadcast", value, shape, shape=shape, dtype=value.dtype)
        return self.make("astype", value, dtype, shape=shape, dtype=dtype)

    def bare(self, value: Any) -> Any:
        """What one writes to the right of an assignment that fits it anyhow."""
        while isinstance(value, Term) and value.op in ("broadcast", "astype"):
            value = value.args[0]
        return value.args[0] if isinstance(value, Term) and value.op == "fill" and value.args[0] is not None else value

    # ---- views -----------------------------------------------------------------------------------------------------

    def step(self, term: Term, step: Any) -> Term:
        """One operation of a path."""
        op, argument, shape, dtype = step
        return self.make(op, term, argument, shape=shape, dtype=dtype)

    def shown(self, x: Traced, value: np.ndarray, op: str, argument: Any) -> Traced:
        """The result of an operation that moves elements, as a view if it is one."""
        step = (op, argument, value.shape, value.dtype)
        if np.may_share_memory(x.value, value):
            return Traced(self, value, x.memory, (*x.path, step))
        return self.new(value, self.step(x.term, step))

    def read(self, x: Traced, index: Any) -> Traced:
        plain = mapped(_value, index)
        value = x.value[plain]
        normal = normal_index(index, x.shape, self._index_term)
        if any(isinstance(i, Term) for i in normal):
            return self.new(value, self.make("index", x.term, normal, shape=np.shape(value), dtype=x.dtype))
        if not isinstance(value, np.ndarray):
            value = x.value[(*plain, ...) if isinstance(plain, tuple) else (plain, ...)]
        return Traced(self, value, x.memory, (*x.path, ("index", normal, value.shape, value.dtype)))

    def _index_term(self, i: Any) -> Term:
        return self.term(i if isinstance(i, Traced) else np.asarray(i))

    def assign(self, x: Traced, index: Any, value: Any) -> None:
        content = self.term(value)
        plain = mapped(_value, index)
        part = x.value[plain]
        normal = normal_index(index, x.shape, self._index_term)
        with np.errstate(all="ignore"):
            x.value[plain] = _value(value)
        step = ("index", normal, np.shape(part), x.dtype)
        Traced(self, part, x.memory, (*x.path, step)).write(content)

    # ---- operations ------------------------------------------------------------------------------------------------

    def ufunc(self, ufunc: np.ufunc, method: str, args: Any, out: Any, keywords: Any) -> Any:
        target = out[0] if isinstance(out, tuple) else out
        given = tuple(map(_value, args))
        terms = [self.term(a) for a in args]
        with np.errstate(all="ignore"):
            if method == "at":
                return self._at(ufunc, args, terms)
            plain = {k: _value(v) for k, v in keywords.items()}
            value = getattr(ufunc, method)(*given, **plain)
        if method != "__call__":
            made = self._call_term(f"np.{ufunc.__name__}.{method}", terms, keywords, value)
        elif ufunc.signature is None or ufunc is np.matmul:
            made = self.make(ufunc.__name__, *terms, shape=np.shape(value), dtype=value.dtype, keywords=plain)
        else:
            made = self._call_term(f"np.{ufunc.__name__}", terms, keywords, value)
        return self._out(value, made, target)

    def _out(self, value: Any, made: Term, target: Any) -> Any:
        if target is None:
            return self.new(value, made)
        if not isinstance(target, Traced):
            raise TypeError("a traced array is written to one that is not")
        target.value[...] = value
        target.write(made)
        return target

    def _at(self, ufunc: np.ufunc, args: Any, terms: Any) -> None:
        x, index, *rest = args
        whole = x.memory.content
        places = mapped(self.term, index)
        if ufunc is np.add and not x.path and _is_zero(whole) and _never_twice(places):
            return self.assign(x, index, rest[0])
        ufunc.at(x.value, mapped(_value, index), *map(_value, rest))
        given = (whole, joined(x.path, whole.shape), f"np.{ufunc.__name__}.at", places, *terms[2:])
        x.memory.content = self.make("update", *given, shape=whole.shape, dtype=whole.dtype)

    def call(self, function: Any, args: Any, keywords: Any) -> Any:
        """A NumPy function."""
        known = _KNOWN.get(function)
        if known is not None:
            return known(self, *args, **keywords)
        out = keywords.pop("out", None)
        with np.errstate(all="ignore"):
            value = function(*mapped(_value, args), **{k: mapped(_value, v) for k, v in keywords.items()})
        if isinstance(value, bool | int | float | str | np.dtype | type) or value is None:
            return value
        args, keywords = _needed(function, args, keywords)
        terms = mapped(self.term, list(args))
        name = function.__name__
        if elementwise(name) is not None and not keywords:
            made = self.make(name, *terms, shape=value.shape, dtype=value.dtype)
        else:
            module = function.__module__
            dotted = f"{module.replace('numpy', 'np', 1)}.{name}" if module != "numpy" else f"np.{name}"
            made = self._call_term(dotted, terms, keywords, value)
            for a in args:
                if isinstance(a, Traced) and isinstance(value, np.ndarray) and np.may_share_memory(a.value, value):
                    made.shows = a.term
        if isinstance(value, tuple | list):
            picks = [
                self.new(v, self.make("pick", made, i, shape=np.shape(v), dtype=np.asarray(v).dtype))
                for i, v in enumerate(value)
            ]
            return value._make(picks) if hasattr(value, "_make") else type(value)(picks)
        return self._out(value, made, out)

    def _call_term(self, name: str, terms: Any, keywords: Any, value: Any) -> Term:
        several = isinstance(value, tuple | list)
        shape = (len(value),) if several else np.shape(value)
        dtype = None if several else np.asarray(value).dtype
        named = {k: mapped(self.term, v) for k, v in keywords.items()}
        return self.make("call", name, *terms, shape=shape, dtype=dtype, keywords=named)

    def converted(self, x: Traced, dtype: Any) -> Traced:
        """x.astype(dtype)"""
        dtype = np.dtype(dtype)
        return self.new(x.value.astype(dtype), self.make("astype", x.term, dtype, shape=x.shape, dtype=dtype))

    # ---- rules -----------------------------------------------------------------------------------------------------

    def forward(self, rule: Rule, operands: Any, parameters: Any) -> Traced:
        """The result of a rule."""
        return self.run(rule, rule.again, operands, parameters)

    def run(self, rule: Rule, function: Any, operands: Any, parameters: Any) -> Any:
        """What one of a rule's functions answers."""
        operands = [self.new(o, self.term(o)) if isinstance(o, np.ndarray) else o for o in operands]
        if not isinstance(rule, Elementwise):
            function = rebound(function)
        self._running.append(rule)
        with _names_of_locals():
            out = function(*operands, **parameters)
        self._running.pop()
        if isinstance(out, list | tuple):
            return [self._traced(o) for o in out]
        return self._traced(out)

    def _traced(self, out: Any) -> Any:
        if isinstance(out, Traced) or out is None:
            return out
        value = np.asarray(out)
        return self.new(value, self.constant(value))


def _needed(function: Any, args: Any, keywords: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments without those that the function would take anyhow."""
    parameters = inspect.signature(function).parameters
    keywords = {k: v for k, v in keywords.items() if k not in parameters or v is not parameters[k].default}
    given = list(args)
    defaults = [p.default for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD][: len(given)]
    while not keywords and len(defaults) == len(given) and isinstance(given[-1], int) and given[-1] == defaults[-1]:
        given.pop()
        defaults.pop()
    return given, keywords


def _is_zero(term: Term) -> bool:
    return term.op == "fill" and same_number(term.args[0], 0)


def _never_twice(places: Any) -> bool:
    """Whether an index reads no element twice, as one of its arrays counts."""
    arrays = [*found(places)]
    counting = any(t.op == "call" and t.args[0] == "np.arange" for t in arrays)
    return counting and len({t.shape for t in arrays}) == 1 and all(len(t.shape) == 1 for t in arrays)


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Traced) else x


# ---- NumPy's functions that are known ------------------------------------------------------------------------------


def _reduction(function: Any) -> Callable[..., Any]:
    name = {"amax": "max", "amin": "min"}.get(function.__name__, function.__name__)

    def reduce(trace: Trace, x: Any, axis: Any = None, **keywords: Any) -> Any:
        with np.errstate(all="ignore"):
            value = function(_value(x), axis=axis, **keywords)
        given = {k: v for k, v in keywords.items() if k != "keepdims" or v}
        if axis is not None:
            given["axis"] = axis
        return trace.new(value, trace.make(name, x.term, shape=np.shape(value), dtype=value.dtype, keywords=given))

    return reduce


def _reshape(trace: Trace, x: Any, shape: Any) -> Any:
    value = np.reshape(x.value, shape)
    return trace.shown(x, value, "reshape", value.shape)


def _transpose(trace: Trace, x: Any, axes: Any = None) -> Any:
    axes = tuple(reversed(range(x.ndim))) if axes is None else tuple(a % x.ndim for a in axes)
    return trace.shown(x, np.transpose(x.value, axes), "transpose", axes)


def _as_transpose(function: Any) -> Callable[..., Any]:
    def move(trace: Trace, x: Any, *args: Any) -> Any:
        axes = function(np.empty([2 + i for i in range(x.ndim)]), *args).shape  # sizes that tell which axis is where
        return _transpose(trace, x, [n - 2 for n in axes])

    return move


def _as_reshape(function: Any) -> Callable[..., Any]:
    def move(trace: Trace, x: Any, axis: Any = None) -> Any:
        value = function(x.value, axis) if axis is not None else function(x.value)
        return trace.shown(x, value, "reshape", value.shape)

    return move


def _squeeze(trace: Trace, x: Any, axis: Any = None) -> Any:
    axes = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else axis
    axes = {a % x.ndim for a in (axes if isinstance(axes, list | tuple) else [axes])} if x.ndim else set()
    return trace.read(x, tuple(0 if i in axes else slice(None) for i in range(x.ndim)) or ...)


def _flip(trace: Trace, x: Any, axis: Any = None) -> Any:
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    turned = {a % x.ndim for a in axes}
    return trace.read(x, tuple(slice(None, None, -1 if i in turned else None) for i in range(x.ndim)) or ...)


def _broadcast_to(trace: Trace, x: Any, shape: Any) -> Any:
    value = np.broadcast_to(x.value, shape)
    return trace.shown(x, value, "broadcast", value.shape)


def _copy(trace: Trace, x: Any, dtype: Any = None, copy: Any = True) -> Any:
    return trace.new(x.value.copy(), x.term) if dtype is None else trace.converted(x, dtype)


def _as_array(trace: Trace, x: Any, dtype: Any = None) -> Any:
    return x if dtype is None or x.dtype == dtype else trace.converted(x, dtype)


def _like(value: float | None) -> Callable[..., Any]:
    def fill(trace: Trace, x: Any, dtype: Any = None, shape: Any = None) -> Any:
        return _made(trace, x.shape if shape is None else shape, value, dtype or x.dtype)

    return fill


def _made(trace: Trace, shape: Any, value: Any, dtype: Any) -> Traced:
    array = np.full(shape, 0 if value is None else value, dtype)
    return trace.new(array, trace.arrays.fill(value, array.shape, array.dtype))


def _broadcast_arrays(trace: Trace, *xs: Any) -> Any:
    shape = np.broadcast_shapes(*map(np.shape, xs))
    return tuple([np.broadcast_to(x, shape) for x in xs])


def _take(trace: Trace, x: Any, indices: Any, axis: int) -> Any:
    return trace.read(x, (*[slice(None)] * axis, indices))


_KNOWN: dict[Any, Callable[..., Any]] = {
    **{f: _reduction(f) for f in (np.sum, np.max, np.min, np.mean, np.prod, np.any, np.all, np.argmax, np.argmin)},
    **{f: _as_transpose(f) for f in (np.swapaxes, np.moveaxis, np.matrix_transpose)},
    **{f: _as_reshape(f) for f in (np.expand_dims, np.ravel)},
    **{np.reshape: _reshape, np.transpose: _transpose, np.squeeze: _squeeze, np.flip: _flip},
    **{np.broadcast_to: _broadcast_to, np.copy: _copy, np.take: _take},
    np.broadcast_arrays: _broadcast_arrays,
    **{np.zeros_like: _like(0), np.ones_like: _like(1), np.empty_like: _like(None)},
}


# ---- another np for rules ------------------------------------------------------------------------------------------

_current: list[Trace] = []


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """In here, arrays that rules create belong to this program."""
    _current.append(trace)
    try:
        yield trace
    finally:
        _current.pop()


class _AnyArray(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, np.ndarray | Traced)


class _Array(metaclass=_AnyArray):
    """What `np.ndarray` is to a rule: also a traced one."""


class _Numpy:
    """NumPy, as a rule sees it while it is traced: what it creates is traced as well."""

    ndarray = _Array

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def zeros(shape: Any, dtype: Any = float) -> Any:
        return _made(_current[-1], shape, 0, dtype)

    @staticmethod
    def ones(shape: Any, dtype: Any = float) -> Any:
        return _made(_current[-1], shape, 1, dtype)

    @staticmethod
    def empty(shape: Any, dtype: Any = float) -> Any:
        return _made(_current[-1], shape, None, dtype)

    @staticmethod
    def full(shape: Any, value: Any, dtype: Any = None) -> Any:
        return _made(_current[-1], shape, value, np.asarray(value).dtype if dtype is None else dtype)

    @staticmethod
    def asarray(x: Any, dtype: Any = None) -> Any:
        return _as_array(x.trace, x, dtype) if isinstance(x, Traced) else np.asarray(x, dtype)

    ascontiguousarray = asarray

    @staticmethod
    def array(x: Any, dtype: Any = None) -> Any:
        return _copy(x.trace, x, dtype) if isinstance(x, Traced) else np.array(x, dtype)


_numpy = _Numpy()
_rebound_globals: dict[str, dict[str, Any]] = {}
_MARK = "traced by minigrad"
"""What such names have that no others do."""


def rebound(function: Any) -> Any:
    """A function of a rule in its plain form, as it is where this `np` stands for NumPy; likewise what it calls."""
    function = plain.get(function, function)
    if isinstance(function, functools.partial):
        return functools.partial(rebound(function.func), *function.args, **function.keywords)
    if not isinstance(function, FunctionType):
        return function
    names = _globals(function.__globals__)
    other = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    other.__kwdefaults__ = function.__kwdefaults__
    return other


def _globals(names: dict[str, Any]) -> dict[str, Any]:
    """The names of a module, for its rules' functions; of the user's modules anew each time, for they may change."""
    module = names.get("__name__", "")
    if module in _rebound_globals:
        return _rebound_globals[module]
    copies = dict(names)
    _rebound_globals[module] = copies
    for name, value in names.items():
        if value is np:
            copies[name] = _numpy
        elif isinstance(value, FunctionType) and value.__module__.startswith(("minigrad.rules", module)):
            copies[name] = rebound(value)
    copies[_MARK] = True
    if not module.startswith("minigrad."):
        del _rebound_globals[module]
    return copies


def _depth(frame: Any) -> int:
    """How many functions of rules a frame lies in."""
    depth = 0
    while frame is not None:
        depth += _MARK in frame.f_globals
        frame = frame.f_back
    return depth


@contextmanager
def _names_of_locals() -> Iterator[None]:
    """In here, what a rule's function calls a traced array names its term: the outermost of several functions."""

    def enter(frame: Any, event: str, arg: Any) -> Any:
        if _MARK not in frame.f_globals or frame.f_code.co_name.startswith("<"):
            return None
        given = dict(frame.f_locals)
        depth = _depth(frame)

        def look(frame: Any, event: str, arg: Any) -> Any:
            for name, value in frame.f_locals.items():
                if isinstance(value, Traced) and value is not given.get(name):
                    content, path = value._known() or (value.memory.content, value.path)
                    if not path:
                        value.trace.call_it(content, name, depth)
            return look

        return look

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)
