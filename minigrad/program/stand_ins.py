"""Stand-ins: what arrays are while a program is recorded. They hand each NumPy call to a recorder.

To Python a stand-in is an array: its class, shape and dtype are those of the real array beside it. To NumPy's C code it
is not one, so that nothing can be computed with it unnoticed: the recorder sees operators, functions and methods, and
whatever reads the numbers (`bool`, `float`, `item`, a conversion to a plain array).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import numpy as np

from minigrad.program.operators import Operand


class Recorder(Protocol):
    """What stand-ins hand each call to: it computes with the real arrays, and notes what it has computed.

    `tracer.Trace` makes a term of each call, for `source`; `recorder.Recorder` makes it a line, for `compile`.
    """

    def call(self, function: Callable[..., Any], args: Any, keywords: Any) -> Any:
        """Call a function of NumPy, a method of a ufunc, or an operator: a function of the module `operator`."""

    def method(self, x: Any, name: str, *args: Any, **keywords: Any) -> Any:
        """Call a method of an array."""

    def attribute(self, x: Any, name: str) -> Any:
        """Return an attribute that is an array, as `T`."""

    def item(self, x: Any, index: Any) -> Any:
        """Return x[index]."""

    def store(self, x: Any, index: Any, value: Any) -> None:
        """Set x[index]."""

    def number(self, x: Any, *index: Any) -> Any:
        """Return x.item(*index)."""

    def decided(self, x: Any, function: Callable[[Any], Any]) -> Any:
        """Return bool(x), int(x) or float(x)."""

    def condition(self, x: Any) -> None:
        """Note that all numbers of an array are read."""


class StandIn(Operand):
    """An array, or a number that was read from one, while a step is recorded.

    Attributes:
        recorder: computes, and notes what is computed.
        value: the real array or number.
    """

    __slots__ = ("__weakref__", "value")
    __array_priority__ = 1000

    def __init__(self, recorder: Any, value: Any) -> None:
        self.recorder, self.value = recorder, value

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # what `isinstance` asks
        return self.value.__class__

    # ---- what is known without a look at the numbers ---------------------------------------------------------------

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: self.value.ndim)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self.value)))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.value, name)
        if name == "item":
            return partial(self.recorder.number, self)
        if name in _READS:
            return partial(self._read, found)
        if callable(found):
            return partial(self.recorder.method, self, name)
        if isinstance(found, np.ndarray):
            return self.recorder.attribute(self, name)
        if name.startswith("_") or name in ("data", "ctypes", "flat"):
            self.recorder.condition(self)
        return found

    # ---- what is computed ------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **keywords: Any) -> Any:
        if any(hasattr(a, "_array") for a in args):
            return NotImplemented
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self.recorder.call(function, args, keywords)

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        if any(hasattr(t, "apply") and not issubclass(t, StandIn) for t in types):
            return NotImplemented
        if function in _OF_SHAPES:
            return function(*real(args), **real(keywords))
        return self.recorder.call(function, args, keywords)

    def __getitem__(self, index: Any) -> Any:
        return self.recorder.item(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self.recorder.store(self, index, value)

    # ---- what reads the numbers ------------------------------------------------------------------------------------

    def _read(self, function: Callable[..., Any], *args: Any) -> Any:
        self.recorder.condition(self)
        return function(*args)

    @property
    def __array__(self) -> Any:
        """The conversion to a plain array; a number has none."""
        if isinstance(self.value, np.ndarray | np.generic):
            return self._converted
        raise AttributeError("__array__")

    def _converted(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        self.recorder.condition(self)
        return np.array(self.value, dtype)

    def __bool__(self) -> bool:
        return self.recorder.decided(self, bool)

    def __hash__(self) -> int:
        if self.value.__class__ is np.ndarray:
            return id(self)
        return self.recorder.decided(self, hash)

    def __int__(self) -> int:
        return self.recorder.decided(self, int)

    def __float__(self) -> float:
        return self.recorder.decided(self, float)

    def __index__(self) -> int:
        return self.recorder.decided(self, operator.index)

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __repr__(self) -> str:
        self.recorder.condition(self)
        return repr(self.value)

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        self.recorder.condition(self)
        return format(self.value, spec)


_OF_SHAPES = {np.shape, np.ndim, np.size, np.result_type, np.may_share_memory, np.shares_memory, np.can_cast}
"""Functions whose results do not depend on the numbers of an array."""
_READS = {"tolist", "tobytes", "tofile", "dump", "dumps", "__array_interface__", "__dlpack__", "__reduce__"}


def real(value: Any) -> Any:
    """Return a value with real arrays for the stand-ins in its tuples, lists, dictionaries and slices."""
    if isinstance(value, StandIn):
        return value.value
    kind = type(value)
    if kind is list:
        return [real(v) for v in value]
    if isinstance(value, tuple):
        return tuple.__new__(kind, [real(v) for v in value])
    if kind is dict:
        return {k: real(v) for k, v in value.items()}
    if kind is slice:
        return slice(real(value.start), real(value.stop), real(value.step))
    return value


def is_array(x: Any) -> bool:
    """Return whether a value is the stand-in of an array, and not of a number."""
    return isinstance(x, StandIn) and x.value.__class__ is np.ndarray


def has_stand_in(value: Any) -> bool:
    """Return whether there is a stand-in in a value."""
    if isinstance(value, StandIn):
        return True
    kind = type(value)
    if isinstance(value, tuple | list):
        return any(map(has_stand_in, value))
    if kind is dict:
        return any(map(has_stand_in, value.values()))
    return kind is slice and any(map(has_stand_in, (value.start, value.stop, value.step)))


class NumPy:
    """NumPy as modules see it while a program is recorded: conversions keep stand-ins, new arrays are stand-ins.

    Args:
        recorder: returns the recorder that is active, or None.
    """

    def __init__(self, recorder: Callable[[], Any]) -> None:
        for name in ("asarray", "array", "ascontiguousarray", "asanyarray"):
            setattr(self, name, partial(self._convert, recorder, getattr(np, name)))
        for name in ("zeros", "ones", "empty", "full"):
            setattr(self, name, partial(self._make, recorder, getattr(np, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def _convert(recorder: Any, function: Any, data: Any, dtype: Any = None, **options: Any) -> Any:
        found = recorder()
        keywords = options if dtype is None else {"dtype": dtype, **options}
        if found is None or not has_stand_in(data):
            return function(data, **keywords)
        if function is np.asarray and is_array(data) and not options and dtype in (None, data.dtype):
            return data
        return found.call(function, (data,), keywords)

    @staticmethod
    def _make(recorder: Any, function: Any, *args: Any, **options: Any) -> Any:
        found = recorder()
        return function(*args, **options) if found is None else found.call(function, args, options)
