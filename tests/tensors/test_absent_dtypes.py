"""Dtypes that do not exist here are refused where they are used, not where they are mentioned."""

from __future__ import annotations

import pytest

import minigrad
from minigrad import nn

NAMES = ["float16", "half", "bfloat16", "complex64", "complex128", "cfloat", "cdouble", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("name", NAMES)
def test_they_can_be_mentioned(name: str) -> None:
    dtype = getattr(minigrad, name)
    t = minigrad.zeros(2, dtype=dtype if minigrad.cuda.is_available() else minigrad.float32)
    assert t.dtype != dtype and t.dtype not in (dtype,) and {name: dtype}[name] == dtype
    assert str(dtype) in (name, "float16", "complex64", "complex128") and len({dtype, getattr(minigrad, name)}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_they_cannot_be_used(name: str) -> None:
    dtype = getattr(minigrad, name)
    for use in (
        lambda: minigrad.zeros(2, dtype=dtype),
        lambda: minigrad.tensor([1.0], dtype=dtype),
        lambda: minigrad.ones(2).to(dtype),
        lambda: minigrad.ones(2).type(dtype),
        lambda: nn.Linear(1, 1).to(dtype),
        lambda: nn.Linear(1, 1, dtype=dtype),
        lambda: minigrad.set_default_dtype(dtype),
    ):
        with pytest.raises(TypeError, match=f"do not support {dtype}; the dtype must be one of bool, float32"):
            use()
    with pytest.raises(AttributeError, match="has no attribute 'float128'"):
        _ = minigrad.float128
