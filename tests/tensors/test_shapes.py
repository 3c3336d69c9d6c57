"""Shapes: views that cannot be, changes of a tensor's own dimensions, and what errors say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, grad, no_grad, tensor


def test_a_view_never_copies_what_is_written_to() -> None:
    """The result of an operation that NumPy lays out in another order is copied, for reading only."""
    x = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    y = x.T.exp()
    assert not y.is_contiguous()
    seen = y.view(6)
    assert seen.tolist() == y.reshape(6).tolist() and grad(seen.sum(), x).tolist() == x.exp().tolist()
    with pytest.raises(RuntimeError, match="clone"):
        seen[0] = 1.0
    assert minigrad.zeros(0, 3).T.view(3, 0, 1).shape == (3, 0, 1)


def test_windows_that_overlap_are_for_reading_only() -> None:
    with pytest.raises(RuntimeError, match="clone"):
        minigrad.arange(4).unfold(0, 2, 1).zero_()


def test_windows_are_watched_as_what_they_show() -> None:
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    z = x * 1
    y = z.unfold(0, 2, 1).square().sum()
    z.data.zero_()
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_leaf_turned_under_no_grad_is_the_same_leaf() -> None:
    w = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    with no_grad():
        assert w.t_() is w
    assert w.is_leaf and w.requires_grad and w.shape == (3, 2)
    (w * w).sum().backward()
    assert w.grad is not None and w.grad.tolist() == (2 * w).tolist()
    data = minigrad.zeros(3)
    row = data[1:].unsqueeze_(0)
    row += 1
    assert data.tolist() == [0.0, 1.0, 1.0] and row.shape == (1, 2)


@pytest.mark.parametrize("write", [lambda z, v: z.mul_(2), lambda z, v: v.mul_(2)])
def test_views_of_what_was_turned_are_refused_after_a_write(write: Callable[[Tensor, Tensor], Any]) -> None:
    """They would show another part of it."""
    x = minigrad.ones(3, 3, requires_grad=True)
    z = x * 1
    v = z[0]
    z.t_()
    assert (v * 2).tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(RuntimeError, match="create the view again"):
        write(z, v)
        (v * 2).sum()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: t.view(np.int32), NotImplementedError, r"\.to\(dtype\)"),
        (lambda t: t.view(minigrad.int32), NotImplementedError, r"\.to\(dtype\)"),
        (lambda t: t.as_strided((2,), (1,)), NotImplementedError, "unfold"),
        (lambda t: t.T.view(6), RuntimeError, r"view: .*\(3, 2\).*\(6,\).*reshape"),
        (lambda t: t.reshape(size=6), TypeError, "pass only shape"),
        (lambda t: t.reshape(6, shape=6), TypeError, "pass only shape"),
        (lambda t: t.transpose(0, dim0=1), TypeError, "dim0 and dim1"),
        (lambda t: t.unsqueeze((0, 0)), ValueError, "twice"),
        (lambda t: t.unflatten(1, (2, 2)), ValueError, r"unflatten: sizes \(2, 2\) .* 3, dim 1 of \(2, 3\)"),
        (lambda t: t.roll((1, 2), 0), ValueError, "2 shifts, .* along 1 dims"),
        (lambda t: t.repeat(2), ValueError, r"repeat: .*2 dimensions of shape \(2, 3\).*got \(2,\)"),
        (lambda t: t.narrow(1, 2, 2), IndexError, r"narrow: 2 elements from 2 on .* dim 1 of shape \(2, 3\)"),
        (lambda t: t.select(1, 3), IndexError, r"select: index 3 .* dim 1 of shape \(2, 3\)"),
        (lambda t: t.split([1, 1], 1), ValueError, r"split: sizes \[1, 1\] do not add up to 3, dim 1"),
        (lambda t: t.sum().unbind(), IndexError, "unbind: a 0-d tensor"),
        (lambda t: t.flip(True), TypeError, "integers"),
        (lambda t: t.select(None, 0), TypeError, "a dimension must be an integer"),
    ],
)
def test_errors_teach(call: Callable[[Tensor], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(minigrad.ones(2, 3))
