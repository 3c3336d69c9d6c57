"""Type promotion: which dtype an operation computes in, by PyTorch's rules, for tensors, arrays and plain numbers.

A Python number adapts to the tensor it meets, and a 0-d tensor to one with dimensions, unless its kind is higher
(bool < int < float). Within a kind the wider type wins. So float32 * 2.0 stays float32.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from minigrad.output.deprecation import warn_deprecated
from minigrad.tensors.devices import NAMES, check_device, device

default = SimpleNamespace(dtype=np.dtype("float32"))
"""`default.dtype` is the dtype that Python floats become; `set_default_dtype` sets it."""

TYPES: dict[str, np.dtype] = {
    "FloatTensor": np.dtype("float32"),
    "DoubleTensor": np.dtype("float64"),
    "ByteTensor": np.dtype("uint8"),
    "CharTensor": np.dtype("int8"),
    "ShortTensor": np.dtype("int16"),
    "IntTensor": np.dtype("int32"),
    "LongTensor": np.dtype("int64"),
    "BoolTensor": np.dtype("bool"),
}
"""The dtypes of tensors, under PyTorch's older names."""
SUPPORTED = frozenset(TYPES.values())

NUMBERS = frozenset({float, int, bool})


@dataclass(frozen=True)
class AbsentDtype:
    """A dtype of PyTorch that no tensor has here: it can be named and compared, and is refused where it is used."""

    name: str

    def __repr__(self) -> str:
        return self.name


def set_default_dtype(d: Any, /) -> None:
    """Set the dtype of Python floats, of new tensors without a dtype and of the parameters of new layers.

    Args:
        d: float32 (the initial one) or float64.

    >>> set_default_dtype("float64")
    >>> get_default_dtype()
    dtype('float64')
    >>> set_default_dtype("float32")
    """
    default.dtype = floats("set_default_dtype", d)


def set_default_tensor_type(t: Any, /) -> None:
    """Set the default dtype to that of FloatTensor or DoubleTensor, or of their names. Deprecated in PyTorch."""
    warn_deprecated("set_default_tensor_type", "set_default_dtype")
    set_default_dtype(getattr(t, "dtype", t))


def get_default_dtype() -> np.dtype:
    """Return the dtype that Python floats become."""
    return default.dtype


def scalar_type(name: str, dtype: Any, otherwise: Any = None) -> np.dtype:
    """Return the NumPy dtype for a dtype, its name, `float`, `int` or `bool`; for None, `otherwise` or the default.

    Raises:
        TypeError: for anything that is not a dtype, or is one that tensors do not support.
    """
    if dtype is None:
        return default.dtype if otherwise is None else otherwise
    if isinstance(dtype, str) and dtype.endswith("Tensor"):  # as "minigrad.FloatTensor"
        dtype = TYPES.get(dtype.rpartition(".")[2], dtype)
    try:
        found: Any = dtype if isinstance(dtype, AbsentDtype) else np.dtype(dtype)
    except TypeError:
        other = ", and the only device is 'cpu'" if name == "to" else ""
        raise TypeError(f"{name}: {dtype!r} is not a dtype; one is, for example, minigrad.float32{other}") from None
    if found not in SUPPORTED:
        supported = ", ".join(sorted(map(str, SUPPORTED)))
        raise TypeError(f"{name}: tensors do not support {found}; the dtype must be one of {supported}")
    return found


def floats(name: str, dtype: Any) -> np.dtype:
    """Return the NumPy dtype as `scalar_type` does, but raise unless it is a float dtype."""
    found = scalar_type(name, dtype)
    if found.kind != "f":
        raise TypeError(f"{name}: takes a float dtype, float32 or float64, not {found}")
    return found


def destination(name: str, args: Any, dtype: Any = None, place: Any = None) -> np.dtype | None:
    """Return the dtype that the arguments of `to` request; None if they request none.

    Each may be a dtype, a tensor whose dtype is taken, or the device "cpu", which changes nothing; in any order.
    """
    for arg in (*args, place):
        if hasattr(arg, "_array"):
            dtype = arg.dtype
        elif isinstance(arg, device) or isinstance(arg, str) and arg.partition(":")[0] in NAMES:
            check_device(name, arg)
        elif arg is not None and not isinstance(arg, bool):  # a bool is PyTorch's non_blocking
            dtype = arg
    return None if dtype is None else scalar_type(name, dtype)


def check_range(name: str, values: Any, dtype: np.dtype) -> None:
    """Raise an OverflowError if an integer dtype cannot hold all of the values; fractions are cut off.

    >>> check_range("tensor", 300, np.dtype("int8"))
    Traceback (most recent call last):
    OverflowError: tensor: int8 holds integers from -128 to 127, got 300
    """
    values = np.asarray(values)
    if dtype.kind not in "iu" or values.dtype.kind not in "iuf" or values.dtype == dtype or not values.size:
        return
    limits = np.iinfo(dtype)
    for value in (values.min(), values.max()):
        if not np.isfinite(value) or not limits.min <= int(value) <= limits.max:
            raise OverflowError(f"{name}: {dtype} holds integers from {limits.min} to {limits.max}, got {value}")


def kind(dtype: np.dtype) -> int:
    """Return the rank of the dtype's kind: 0 for bool, 1 for integers, 2 for floats."""
    return {"b": 0, "i": 1, "u": 1, "f": 2}[dtype.kind]


def result_type(*operands: Any) -> np.dtype:
    """Return the common dtype of arrays or tensors.

    >>> result_type(np.ones(2, np.float32), np.ones(2, np.int64)), result_type(np.ones(2, np.float32), np.array(1.0))
    (dtype('float32'), dtype('float32'))
    """

    def meet(dtypes: list[np.dtype]) -> np.dtype:
        top = max(map(kind, dtypes))
        return np.result_type(*[d for d in dtypes if kind(d) == top])

    dimensioned = [o.dtype for o in operands if o.ndim]
    zero_dim = [o.dtype for o in operands if not o.ndim]
    if not dimensioned or not zero_dim:
        return meet(dimensioned or zero_dim)
    a, b = meet(dimensioned), meet(zero_dim)
    return b if kind(b) > kind(a) else a


def operand(value: Any) -> Any:
    """Return a tensor, array or number as an operand, a NumPy scalar as a plain number; None for anything else."""
    if isinstance(value, np.generic):
        value = value.item()
    if value.__class__ in NUMBERS:
        return value
    dtype = getattr(value, "dtype", None)
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biuf":
        return None
    if not hasattr(value, "__array_function__"):  # a column of a table, for example
        value = np.asarray(value)
    if dtype not in SUPPORTED:
        if not dtype.isnative:
            return operand(value.astype(dtype.newbyteorder("=")))
        raise TypeError(
            f"an operand of {dtype}: tensors do not support it; convert it, "
            f"a.astype(np.{'float32' if dtype.kind == 'f' else 'int64'})"
        )
    return value


def promoted(a: Any, b: Any, division: bool = False) -> tuple[Any, Any]:
    """Return both operands in their common dtype, or (None, None) if one is not an operand.

    With `division`, integers become floats: a true division computes in floats.
    """
    here: Any = getattr(a, "dtype", None)
    there: Any = getattr(b, "dtype", None)
    if here is not None and here is there and here.kind == "f":
        return a, b  # the commonest case
    a, b = operand(a), operand(b)
    if a is None or b is None:
        return None, None
    if a.__class__ in NUMBERS and b.__class__ in NUMBERS:
        dtype = default.dtype if float in (a.__class__, b.__class__) else np.array([a, b]).dtype
        return np.asarray(a, dtype), np.asarray(b, dtype)
    if a.__class__ in NUMBERS or b.__class__ in NUMBERS:
        left = a.__class__ in NUMBERS
        number, t = (a, b) if left else (b, a)
        if t.dtype.kind != "f":
            if division or number.__class__ is float:
                t = t.astype(default.dtype)
            elif t.dtype.kind == "b" and number.__class__ is int:
                t = t.astype(np.dtype("int64"))
        if division and not number:
            number = np.asarray(number, t.dtype)  # a division by Python's 0 raises, by an array's it is inf
        return (number, t) if left else (t, number)
    dtype = result_type(a, b)
    if division and dtype.kind != "f":
        dtype = default.dtype
    return a if a.dtype is dtype else a.astype(dtype), b if b.dtype is dtype else b.astype(dtype)


def check_broadcast(name: str, *operands: Any) -> None:
    """Check that the operands broadcast.

    Raises:
        ValueError: if they do not; names the operation, the shapes, the dimension at fault and the likeliest fix.
    """
    for a, b in itertools.combinations([o for o in operands if o.__class__ not in NUMBERS], 2):
        for i in range(1, min(a.ndim, b.ndim) + 1):
            m, n = a.shape[-i], b.shape[-i]
            if m != n and m != 1 and n != 1:
                small, large = (a, b) if a.ndim < b.ndim else (b, a)
                fix = ""
                if a.shape == b.shape[::-1]:
                    fix = " One is the other's transpose: did you mean .T?"
                elif small.ndim < large.ndim and small.shape == large.shape[: small.ndim]:
                    wanted = small.shape + (1,) * (large.ndim - small.ndim)
                    fix = f" To align the first dimensions, use .reshape{wanted} on the one of shape {small.shape}."
                raise ValueError(
                    f"{name}: shapes {a.shape} and {b.shape} do not broadcast: counted from the right, dimension {-i} "
                    f"is {m} in one and {n} in the other; they must be equal, or one of them 1.{fix}"
                )
