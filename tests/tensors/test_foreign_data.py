"""Arrays and numbers that tensors do not have: converted rightly, or refused by kind with the likeliest way out."""

from __future__ import annotations

import operator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, from_numpy, ones, tensor
from minigrad.nn import functional as F


class Column:
    """As a column of a table: a dtype of NumPy, and `__array__`."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)
        self.dtype, self.ndim, self.shape = self.values.dtype, self.values.ndim, self.values.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.values


class Foreign:
    """As an array of another library, by the array API's protocol alone."""

    def __init__(self, values: np.ndarray) -> None:
        self._array = values

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, i: int) -> float:
        return float(self._array[i])


@pytest.mark.parametrize(
    ("data", "dtype", "expected"),
    [
        (np.array([[1.0, 2.0]]).view(np.matrix), None, np.float64([[1, 2]])),
        (np.ma.array([1.0, 2.0]), None, np.float64([1, 2])),
        (np.array([1.0, 2.0], ">f8"), None, np.float64([1, 2])),
        (np.array([1.0, 2.0], ">f4"), None, np.float32([1, 2])),
        (np.array([1, 2], ">i4"), None, np.int32([1, 2])),
        ([np.array([1.0], ">f4")], None, np.float32([[1]])),
        (np.array([1.5], np.float16), "float32", np.float32([1.5])),
        (np.array([1.5], np.longdouble), "float64", np.float64([1.5])),
        (np.array([7], np.uint16), "int64", np.int64([7])),
        (Column([1.5, 2.0]), None, np.float64([1.5, 2])),
        (Column([1, 2]), None, np.int64([1, 2])),
        (Foreign(np.float32([1, 2])), None, np.float32([1, 2])),
        ([Foreign(np.float32([1, 2]))], None, np.float32([[1, 2]])),
        (memoryview(b"ab"), None, np.uint8([97, 98])),
        (2**70, "float64", np.float64(2**70)),
        (3.7, "int32", np.int32(3)),
        (range(3), None, np.int64([0, 1, 2])),
    ],
    ids=lambda v: type(v).__name__ if " at 0x" in repr(v) else repr(v),
)
def test_what_is_converted(data: Any, dtype: Any, expected: np.ndarray) -> None:
    found = tensor(data, dtype=dtype)._array
    assert type(found) is np.ndarray and found.dtype == expected.dtype and found.dtype.isnative
    np.testing.assert_array_equal(found, expected)


MASKED = np.ma.array([1.0, 2.0], mask=[False, True])


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (MASKED, ValueError, r"masked array .* a.filled\(0\)"),
        ([MASKED], ValueError, "masked array"),
        (np.float16([1]), TypeError, r"of float16; convert it: a.astype\(np.float32\)"),
        (np.longdouble([1]), TypeError, r"a.astype\(np.float32\)"),
        (np.uint16([1]), TypeError, r"of uint16; convert it: a.astype\(np.int64\)"),
        (np.uint64([2**63]), TypeError, "out of the range of int64"),
        (2**64, TypeError, "out of the range of int64"),
        ([1, 2**80], TypeError, "out of the range of int64"),
        (1j, TypeError, r"of complex128; take a.real, a.imag or abs\(a\)"),
        (np.array([1, 2], object), TypeError, r"of Python objects, the first a int; .* a.astype\(float\)"),
        ([None, 1.0], TypeError, "the first a NoneType"),
        ([Fraction(1, 2)], TypeError, "the first a Fraction"),
        (Decimal(1), TypeError, "got Decimal"),
        (np.zeros(2, [("a", int), ("b", float)]), TypeError, r"structured array; .* a\['a'\]"),
        (np.array(["2020-01-01"], "M8[D]"), TypeError, r"a.astype\(np.int64\) counts in its unit"),
        (["1", "2"], TypeError, "of text"),
        (b"3", TypeError, "of text"),
        ({1, 2}, TypeError, r"make a list of it: list\(…\)"),
        ((i for i in range(2)), TypeError, "make a list of it"),
        (None, TypeError, "got NoneType None$"),
        (Column(np.array([1, None], object)), TypeError, "got Column .* of Python objects"),
    ],
    ids=lambda v: type(v).__name__ if " at 0x" in repr(v) else repr(v)[:30],
)
def test_what_is_refused(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        tensor(data)
    if isinstance(data, np.ndarray):
        for take in (from_numpy, minigrad.as_tensor, minigrad.nn.Parameter):
            with pytest.raises(error, match=message):
                take(data)


def bytes_of(*values: Any) -> Tensor:
    return tensor(values, dtype="int8")


@pytest.mark.parametrize(
    "call",
    [
        lambda: tensor(2**40, dtype="int32"),
        lambda: tensor([300], dtype="int8"),
        lambda: tensor(np.array([300]), dtype="int8"),
        lambda: tensor(-1, dtype="uint8"),
        lambda: tensor(float("nan"), dtype="int64"),
        lambda: tensor([1e20], dtype="int64"),
        lambda: tensor(float(2**63), dtype="int64"),
        lambda: minigrad.as_tensor([300], dtype="int8"),
        lambda: bytes_of(1).new_tensor([300]),
        lambda: minigrad.full((2,), 300, dtype="int8"),
        lambda: minigrad.arange(300, dtype="int8"),
        lambda: minigrad.linspace(0, 300, 3, dtype="int8"),
        lambda: minigrad.logspace(0, 3, 3, dtype="int8"),
        lambda: minigrad.randint(0, 300, (2,), dtype="int8"),
        lambda: bytes_of(1, 2).fill_(300),
        lambda: bytes_of(1, 2).__setitem__(0, 300),
        lambda: tensor([1]).__setitem__(0, float("nan")),
        lambda: bytes_of(1, 2).masked_fill(tensor([True, False]), 300),
        lambda: bytes_of(1, 2).index_fill(0, tensor([0]), 300),
        lambda: bytes_of(1, 2).scatter(0, tensor([0]), 300),
        lambda: minigrad.where(tensor([True]), bytes_of(1), 300),
        lambda: F.pad(bytes_of(1), (1, 1), value=300),
        lambda: bytes_of(1) + 300,
    ],
)
def test_numbers_that_an_integer_dtype_cannot_hold_are_refused(call: Any) -> None:
    with pytest.raises(OverflowError, match=r"holds integers from|out of bounds for int8"):
        call()


def test_a_cast_and_a_comparison_take_any_number() -> None:
    assert tensor([300]).to("int8").tolist() == [44]
    assert (bytes_of(1, 2) < 300).tolist() == [True, True]
    assert tensor(float(-(2**63)), dtype="int64").item() == -(2**63)
    assert tensor([255, 0], dtype="uint8").tolist() == [255, 0]


@pytest.mark.parametrize("name", ["sum", "prod", "cumsum", "cumprod"])
def test_the_dtype_of_a_sum_is_the_one_asked_for(name: str) -> None:
    x = bytes_of(1, 2)
    for dtype in ("int8", "int32", "uint8", "float32", "int64"):
        assert getattr(x, name)(0, dtype=dtype).dtype == dtype
        assert x.sum(dtype=dtype).dtype == x.prod(dtype=dtype).dtype == dtype


W = [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "other",
    [np.array(W).view(np.matrix), np.ma.array(W), np.array(W, ">f8"), np.array(W, ">f4"), Column(W)],
    ids=lambda o: type(o).__name__,
)
def test_operands_compute_as_arrays(other: Any, dtype: str) -> None:
    w = tensor(W, dtype=dtype, requires_grad=True)
    (w * other).sum().backward()
    assert w.grad.tolist() == W
    assert (w * other).tolist() == [[1.0, 4.0], [9.0, 16.0]]
    assert (w @ other).tolist() == [[7.0, 10.0], [15.0, 22.0]]
    assert minigrad.cat([w, w * 0 + other]).shape == (4, 2)
    if not isinstance(other, np.ma.MaskedArray | Column):
        w.grad = None
        (other * w).sum().backward()
        assert w.grad.tolist() == W


@pytest.mark.parametrize(
    "compute",
    [
        lambda w, o: w * o,
        lambda w, o: w @ o,
        lambda w, o: w == o,
        lambda w, o: w.maximum(o),
        lambda w, o: minigrad.where(w > 1, w, o),
        lambda w, o: F.mse_loss(w, o),
        lambda w, o: F.linear(w, o),
        lambda w, o: w.detach().clone().copy_(o),
    ],
)
def test_other_operands_are_refused(compute: Any) -> None:
    w = ones(2, 2, requires_grad=True)
    for other in (np.float16(W), np.array(W, np.uint16), np.array(W, complex), np.array(W, object)):
        with pytest.raises(TypeError):
            compute(w, other)
    with pytest.raises(ValueError, match="masked"):
        compute(ones(2, requires_grad=True), MASKED)


@pytest.mark.parametrize("operation", ["mul", "add", "sub", "truediv", "pow", "lt", "eq", "floordiv", "imul"])
def test_a_masked_array_on_the_left_says_what_to_do(operation: str) -> None:
    compute = getattr(operator, operation)
    with pytest.raises(RuntimeError, match=r"a masked array does not record .*: a\.filled\(0\) \* t, or select"):
        compute(MASKED.copy(), ones(2, requires_grad=True))
    result = compute(MASKED.copy(), ones(2))  # without a gradient, NumPy computes, and keeps the mask
    assert isinstance(result, np.ma.MaskedArray) and result.mask.tolist() == [False, True]


def test_memory_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(TypeError, match="from_numpy: cannot share memory of foreign byte order, >f8; copy it"):
        from_numpy(np.array([1.0], ">f8"))
    m = np.array([[1.0, 2.0]]).view(np.matrix)
    t = from_numpy(m)
    m[0, 0] = 5.0
    assert t.tolist() == [[5.0, 2.0]]
    assert (t * t).tolist() == [[25.0, 4.0]]
