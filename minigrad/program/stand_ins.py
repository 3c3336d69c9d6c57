"""Stand-ins: what arrays are while a step is recorded. They compute, and note each NumPy call as a line of a program.

To Python a stand-in is an array: its class, shape and dtype are those of the real array beside it. To NumPy's C code it
is not one, so that nothing can be computed with it unnoticed: operators, functions and methods are noted, and whatever
reads its numbers (`bool`, `float`, `item`, a conversion to a plain array) becomes a condition, under which alone the
program may run again.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np


class StandIn:
    """An array, or a number that was read from one, while a step is recorded.

    Attributes:
        value: the real array or number.
        recorder: notes what is computed.
        owner: of a view, the stand-in of the array that owns the memory, the same for all views of it.
    """

    __slots__ = ("__weakref__", "_name", "owner", "recorder", "value")
    __array_priority__ = 1000

    def __init__(self, recorder: Any, value: Any, name: str) -> None:
        self.recorder, self.value, self._name = recorder, value, name
        base = getattr(value, "base", None)
        self.owner: Any = recorder.owner(base) if base.__class__ is np.ndarray else None

    @property
    def name(self) -> str:
        """The variable of the program that holds the array."""
        if not self._name:  # an owner, which no line has computed
            self.recorder.refuse("the array behind a view is used")
            self._name = self.recorder.constant(self.value)
        return self._name

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # what `isinstance` asks
        return self.value.__class__

    # ---- what is known without a look at the numbers ---------------------------------------------------------------

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: self.value.ndim)

    @property
    def base(self) -> Any:
        """The stand-in of the array that owns the memory; None if this one does."""
        return self.value.base if self.owner is None else self.owner

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
            return self.recorder.note(f"{self.name}.{name}", found, (self,))
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
        if any(hasattr(t, "_array") or hasattr(t, "apply") for t in types):
            return NotImplemented
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


_READS = {"tolist", "tobytes", "tofile", "dump", "dumps", "__array_interface__", "__dlpack__", "__reduce__"}


def _operator(name: str, symbol: str, function: Callable[..., Any]) -> None:
    def forward(self: StandIn, other: Any) -> Any:
        return NotImplemented if hasattr(other, "_array") else self.recorder.binary(symbol, function, self, other)

    def reflected(self: StandIn, other: Any) -> Any:
        return NotImplemented if hasattr(other, "_array") else self.recorder.binary(symbol, function, other, self)

    setattr(StandIn, f"__{name}__", forward)
    setattr(StandIn, f"__r{name}__", reflected)


def _in_place(name: str) -> None:
    function = getattr(operator, name)
    setattr(StandIn, f"__{name}__", lambda self, other: self.recorder.in_place(function, self, other))


def _unary(name: str) -> None:
    function = getattr(operator, name)
    setattr(StandIn, f"__{name}__", lambda self: self.recorder.call(function, (self,), {}))


for _name, _symbol in {
    **{"add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**", "matmul": "@", "floordiv": "//", "mod": "%"},
    **{"and_": "&", "or_": "|", "xor": "^", "lshift": "<<", "rshift": ">>"},
}.items():
    _operator(_name.rstrip("_"), _symbol, getattr(operator, _name))
    _in_place(f"i{_name.rstrip('_')}")

for _name, _symbol in {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}.items():
    _operator(_name, _symbol, getattr(operator, _name))

for _name in ("neg", "pos", "abs", "invert"):
    _unary(_name)


def real(value: Any) -> Any:
    """Return a value with real arrays for the stand-ins in its tuples, lists, dictionaries and slices."""
    if type(value) is StandIn:
        return value.value
    kind = type(value)
    if kind is tuple or kind is list:
        return kind([real(v) for v in value])
    if kind is dict:
        return {k: real(v) for k, v in value.items()}
    if kind is slice:
        return slice(real(value.start), real(value.stop), real(value.step))
    return value


def is_array(x: Any) -> bool:
    """Return whether a value is the stand-in of an array, and not of a number."""
    return type(x) is StandIn and x.value.__class__ is np.ndarray


def has_stand_in(value: Any) -> bool:
    """Return whether there is a stand-in in a value."""
    kind = type(value)
    if kind is StandIn:
        return True
    if isinstance(value, tuple | list):
        return any(map(has_stand_in, value))
    if kind is dict:
        return any(map(has_stand_in, value.values()))
    return kind is slice and any(map(has_stand_in, (value.start, value.stop, value.step)))


class NumPy:
    """NumPy as minigrad's modules see it while a step is recorded: conversions keep stand-ins.

    Args:
        recorder: returns the recorder of this thread, or None.
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
