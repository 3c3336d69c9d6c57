"""Traced: an array that records the operations applied to it; a real array beside a term.

NumPy's protocols pass operators and functions on to the `Trace`. Views are tracked: each knows the memory that it is a
part of, and a write to it gives that memory a new content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from minigrad.primitives.primitive import Primitive
from minigrad.program.ir import Term, frozen
from minigrad.program.views import disjoint, joined, within


class Recorder(Protocol):
    """The part of `tracer.Trace` that traced arrays use."""

    arrays: Any
    make: Callable[..., Any]

    @property
    def running(self) -> str: ...
    def new(self, value: Any, term: Term) -> Any: ...
    def looks(self) -> None: ...
    def call_it(self, term: Term, name: str | Term, depth: int) -> None: ...
    def fitted(self, value: Any, shape: tuple[int, ...], dtype: Any) -> Term: ...
    def bare(self, value: Any) -> Any: ...
    def step(self, term: Term, step: Any) -> Term: ...
    def shown(self, x: Any, value: np.ndarray, op: str, argument: Any) -> Any: ...
    def read(self, x: Any, index: Any) -> Any: ...
    def assign(self, x: Any, index: Any, value: Any) -> None: ...
    def ufunc(self, ufunc: np.ufunc, method: str, args: Any, out: Any, keywords: Any) -> Any: ...
    def call(self, function: Any, args: Any, keywords: Any) -> Any: ...
    def converted(self, x: Any, dtype: Any) -> Any: ...
    def forward(self, primitive: Primitive, operands: Any, parameters: Any) -> Any: ...


class Memory:
    """Memory that several views share, with its current content."""

    __slots__ = ("content",)

    def __init__(self, content: Term) -> None:
        self.content = content


class Traced:
    """An array whose operations are recorded.

    Attributes:
        trace: the program that records them.
        value: the array itself.
        memory: the memory that this array is, or is a view of.
        path: the operations that lead from the whole memory to this view of it.
    """

    __array_priority__ = 1000

    def __init__(self, trace: Recorder, value: np.ndarray, memory: Memory, path: tuple[Any, ...] = ()) -> None:
        self.trace, self.value, self.memory, self.path = trace, value, memory, path

    def __repr__(self) -> str:
        return f"<traced array of shape {self.shape}>"

    @property
    def term(self) -> Term:
        """The current content: what was stored at exactly this place, if known, otherwise a part of the memory's."""
        content, path = self._known() or (self.memory.content, self.path)
        for step in path:
            content = self.trace.step(content, step)
        return content

    def _known(self) -> tuple[Term, tuple[Any, ...]] | None:
        """Return what was stored at this place and the path in it; None if unknown."""
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
        """Store `value`, a term or a number, in this array."""
        if self.term is value:
            return
        whole = self.memory.content
        path = joined(self.path, whole.shape)
        if whole.op == "store" and frozen(whole.args[1]) == frozen(path):
            whole = whole.args[0]  # this overwrites what was stored there before
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

    def apply(self, primitive: Primitive, *operands: Any, **parameters: Any) -> Any:
        """Apply a primitive to traced arrays."""
        return self.trace.forward(primitive, operands, parameters)

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
            f"source: the primitive {self.trace.running!r} converts its operand to a plain array. Create "
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
        return np.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)


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


def value_of(x: Any) -> Any:
    """Return the real array of a traced one; other values unchanged."""
    return x.value if isinstance(x, Traced) else x
