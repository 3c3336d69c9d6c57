"""`assert_close`: compare results in tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.output.words import class_name
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

TOLERANCES = {"float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
"""dtype -> (rtol, atol), PyTorch's; other dtypes must agree exactly."""


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise unless |actual - expected| <= atol + rtol |expected| for each element.

    Args:
        actual, expected: tensors, arrays or numbers; or sequences and mappings of these, which must have the same keys.
        allow_subclasses: accepted and ignored.
        rtol, atol: the relative and the absolute tolerance; give both or neither. By default 1.3e-6 and 1e-5 for
            float32, 1e-7 and 1e-7 for float64, otherwise 0; of two dtypes, the larger ones.
        equal_nan: whether nan equals nan (default False).
        check_device, check_layout, check_stride: accepted and ignored.
        check_dtype: whether the dtypes must be the same (default True).
        msg: the text of the error, or a function of the text that it would have.

    Raises:
        AssertionError: if they are not close; the message has the greatest differences and where they are.
        ValueError: if only one of rtol and atol is given.

    >>> from minigrad import tensor
    >>> assert_close(tensor([1.0, 2.0]), tensor([1.0, 2.0 + 1e-6]))
    >>> assert_close(tensor([1.0, 2.0]), tensor([1.0, 2.5]))
    Traceback (most recent call last):
    AssertionError: 1 of 2 elements differ: at (1,) 2.0 and 2.5, by 0.5, more than 1.3e-06 relative and 1e-05 absolute
    """
    if (rtol is None) != (atol is None):
        raise ValueError(f"assert_close: give both rtol and atol, or neither; got rtol={rtol}, atol={atol}")
    text = _difference(actual, expected, rtol, atol, equal_nan, check_dtype)
    if text:
        raise AssertionError(text if msg is None else msg(text) if callable(msg) else msg)


def _difference(actual: Any, expected: Any, rtol: Any, atol: Any, equal_nan: bool, check_dtype: bool) -> str:
    """Return what differs, nothing if they are close."""
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            return f"the keys differ: {[*actual]} and {[*expected]}"
        pairs = [(repr(key), actual[key], expected[key]) for key in expected]
    elif all(isinstance(x, Sequence) and not isinstance(x, str) for x in (actual, expected)):
        if len(actual) != len(expected):
            return f"the lengths differ: {len(actual)} and {len(expected)}"
        pairs = [(str(i), a, e) for i, (a, e) in enumerate(zip(actual, expected))]
    else:
        return _of_tensors(actual, expected, rtol, atol, equal_nan, check_dtype)
    for key, a, e in pairs:
        if text := _difference(a, e, rtol, atol, equal_nan, check_dtype):
            return f"item {key}: {text}"
    return ""


def _of_tensors(actual: Any, expected: Any, rtol: Any, atol: Any, equal_nan: bool, check_dtype: bool) -> str:
    if isinstance(actual, Tensor) != isinstance(expected, Tensor):
        return f"expected a {class_name(expected)}, got a {class_name(actual)}"
    a, e = (as_tensor(x).detach()._array for x in (actual, expected))
    if a.shape != e.shape:
        return f"the shapes differ: {a.shape} and {e.shape}"
    if check_dtype and isinstance(actual, Tensor) and a.dtype != e.dtype:
        return f"the dtypes differ: {a.dtype} and {e.dtype}; check_dtype=False compares the numbers"
    if rtol is None:
        rtol, atol = map(max, zip(*[TOLERANCES.get(str(x.dtype), (0.0, 0.0)) for x in (a, e)]))
    wide, target = a.astype(np.float64), e.astype(np.float64)
    close = np.isclose(wide, target, rtol, atol, equal_nan)
    if a.dtype.kind in "biu" and e.dtype.kind in "biu" and not rtol and not atol:
        close = a == e  # exact, also where float64 is not
    if close.all():
        return ""
    with np.errstate(invalid="ignore"):
        distance = np.where(close, -1, np.nan_to_num(np.abs(wide - target), nan=np.inf))
    at = np.unravel_index(int(distance.argmax()), a.shape)
    count, place = int((~close).sum()), f"at {tuple(map(int, at))} " if a.shape else ""
    return (
        f"{count} of {a.size} element{'s' * (a.size != 1)} differ: {place}{a[at]} and {e[at]}, by {distance[at]:.6g}, "
        f"more than {rtol:g} relative and {atol:g} absolute"
    )
