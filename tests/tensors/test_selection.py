"""Selection: what errors say, what is kept, and gradients where places are repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, grad, tensor
from minigrad.primitives import indexing as ix


@pytest.mark.parametrize(
    ("index", "shape"),
    [
        (np.array([1, 0, 1]), (3, 2)),
        (np.array([-1, 2, -1, 0]), (3,)),
        (np.array([[0, 0], [2, -3]], np.int8), (3, 2, 2)),
        ((np.array([0, 1, 1]), np.array([1, -1, 1])), (3, 2)),
        ((np.array([[0], [1]]), np.array([1, 0, 1])), (2, 2, 3)),
        ((slice(None), np.array([0, 0])), (2, 3)),
        ((slice(None), np.array([0, -1])), (0, 3)),
        ((slice(None), slice(None), np.array([[0], [-1], [0]])), (2, 1, 3, 2)),
        ((slice(None), np.array([0, 0]), 1), (2, 3, 2)),
        ((slice(None), np.array([0, 0]), np.array([[1], [-1]])), (2, 3, 2)),
        ((slice(0, 1), np.array([0, 0])), (2, 3)),
        ((np.array([0, 0]), slice(None)), (2, 3)),
        ((2, np.array([0, 0])), (3, 2, 2)),
        ((np.array([0, 0]), 1), (2, 3)),
        ((None, np.array([0, 0])), (2, 3)),
        (np.array([], int), (3, 2)),
        (np.array([], int), (0, 2)),
        ((np.array([True, False, True]), np.array([0, 0])), (3, 2)),
        (np.array([True, False, True]), (3, 2)),
        ((Ellipsis, np.array([True, False])), (3, 2)),
    ],
)
def test_what_is_read_twice_receives_twice(index: Any, shape: tuple[int, ...]) -> None:
    """All ways of adding up the gradient of an index, against the plain one."""
    g = np.random.default_rng(0).standard_normal(np.zeros(shape)[index].shape)
    wanted = np.zeros(shape)
    np.add.at(wanted, index, g)
    np.testing.assert_allclose(ix.place(g, index=index, shape=shape), wanted, atol=1e-12)


def test_of_repeated_places_the_last_one_holds() -> None:
    """Also for the gradients, which PyTorch's scatter gets wrong."""
    x, v = tensor([1.0, 2.0], requires_grad=True), tensor([5.0, 6.0, 7.0], requires_grad=True)
    y = x.scatter(0, tensor([1, 1, 1]), v)
    assert y.tolist() == [1.0, 7.0]
    assert [g.tolist() for g in grad(y.sum(), [x, v])] == [[1.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    "use",
    [
        lambda x, i: x[i],
        lambda x, i: x.index_select(0, i),
        lambda x, i: x.take(i),
        lambda x, i: (x * 1).index_fill_(0, i, 0.0),
        lambda x, i: x.index_add(0, i, x[:2]),
        lambda x, i: x.index_put((i,), x[:2], accumulate=True),
        lambda x, i: x[tensor(0) : i[1]],
    ],
)
def test_an_index_may_change_later(use: Callable[[Tensor, Tensor], Tensor]) -> None:
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    i = tensor([0, 1])
    y = use(x, i)
    i += 1
    assert grad(y.sum(), x).tolist() == grad(use(x, tensor([0, 1])).sum(), x).tolist()


@pytest.mark.parametrize(
    "use", [lambda x, i: x.gather(0, i), lambda x, i: x.scatter_add(0, i, x), lambda x, i: x.scatter(0, i, x)]
)
def test_or_its_change_is_noticed(use: Callable[[Tensor, Tensor], Tensor]) -> None:
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    i = tensor([0, 1])
    y = use(x, i).sum()
    wanted = grad(use(x, tensor([0, 1])).sum(), x).tolist()
    i += 1
    try:
        assert grad(y, x).tolist() == wanted
    except RuntimeError as error:
        assert "changed in place" in str(error)


def test_a_slice_that_ends_at_a_tensor_is_of_integers() -> None:
    x, i = tensor([1.0, 2.0, 3.0], requires_grad=True), tensor(1)
    y = x[i : i + 1]
    i += 1
    assert grad(y.sum(), x).tolist() == [0.0, 1.0, 0.0]


def test_a_range_is_a_list() -> None:
    t = minigrad.randn(2, 3, 4)
    assert t[0, :, range(2)].shape == t[0, :, [0, 1]].shape == (3, 2) and t[range(0)].shape == (0, 3, 4)


def test_the_first_of_equals_gets_the_gradient() -> None:
    x = tensor([3.0, 1.0, 3.0], requires_grad=True)
    assert grad((x.unique() * tensor([1.0, 10.0])).sum(), x).tolist() == [10.0, 1.0, 0.0]


def test_pairs_have_names() -> None:
    out = tensor([3.0, 1.0]).sort()
    assert out.values.tolist() == [1.0, 3.0] and out.indices.tolist() == [1, 0] and out[0] is out.values
    assert out._fields == ("values", "indices")


def test_nothing_can_be_counted() -> None:
    assert minigrad.zeros(0, dtype="int64").bincount(minlength=2).tolist() == [0, 0]
    assert minigrad.zeros(0).histc(2).tolist() == [0.0, 0.0]
    assert minigrad.zeros(0).unique_consecutive(return_counts=True)[1].tolist() == []


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t, i: t.gather(1, i), IndexError, r"gather: index 4 .* dimension 1, of size 3, .* shape \(2, 3\)"),
        (lambda t, i: t.gather(1, i[0] * 0), ValueError, r"gather: .* dimensions, got shapes \(2,\) and \(2, 3\)"),
        (lambda t, i: t.gather(0, [[0]]), TypeError, "gather: the index is a tensor of integers, got list"),
        (lambda t, i: t.gather(0, t), TypeError, r"gather: the index .* got float32; \.long"),
        (lambda t, i: t.gather(0, i * 0, sparse_grad=True), NotImplementedError, "sparse_grad"),
        (lambda t, i: t.scatter(1, i * 0, tensor([[1.0]])), ValueError, r"scatter: .* src, of shape \(1, 1\), is too"),
        (lambda t, i: t.scatter(1, i * 0, t.double()), TypeError, "values are of float64, the tensor of float32"),
        (lambda t, i: t.scatter(1, i * 0), TypeError, "one of src"),
        (lambda t, i: t.scatter(1, i * 0, "a"), TypeError, "scatter: takes its values from .* got str"),
        (
            lambda t, i: t.scatter_add(1, i * 0, 1.0),
            TypeError,
            "scatter_add: takes its values from a tensor, got float",
        ),
        (lambda t, i: t.index_put((i,), 1.0), TypeError, "index_put: takes its values from a tensor, got float"),
        (lambda t, i: t.masked_select(i[0] > 0), ValueError, r"masked_select: shapes \(2, 3\) and \(2,\) do not"),
        (lambda t, i: t.index_add(0, i[0] * 0, t[:1]), ValueError, r"index_add: .* source has shape \(2, 3\); got \(1"),
        (lambda t, i: t.index_select(0, i[0]), IndexError, r"index_select: index 4 .* dimension 0, of size 2"),
        (lambda t, i: t.take(i + 9), IndexError, r"take: index 9 is out of range for a tensor of shape \(2, 3\)"),
        (lambda t, i: t[i], IndexError, r"index 4 is out of bounds for axis 0 with size 2"),
        (lambda t, i: t[t], IndexError, r"\.long\(\)"),
        (lambda t, i: t[i.to("uint8")], IndexError, r"uint8 is a mask in PyTorch.*\.bool\(\).*\.long\(\)"),
        (lambda t, i: t.topk(4), ValueError, r"topk: k is 0 to 3, the size of dim -1 of shape \(2, 3\); got 4"),
        (lambda t, i: t.masked_select(i), TypeError, "booleans, got int64"),
        (lambda t, i: t.requires_grad_().scatter_(0, i * 0, 1.0), RuntimeError, "leaf that requires a gradient"),
        (
            lambda t, i: t.requires_grad_().scatter(0, i * 0, 2.0, reduce="multiply"),
            NotImplementedError,
            "'multiply' has no gradient",
        ),
    ],
)
def test_errors_teach(call: Callable[[Tensor, Tensor], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(minigrad.ones(2, 3), tensor([[0, 4]]))


def test_gradients_of_scattered_extremes_are_shared_and_products_have_zeros() -> None:
    x, s = tensor([1.0, 2.0, 2.0], requires_grad=True), tensor([2.0, 2.0, 5.0, 5.0], requires_grad=True)
    y = x.scatter_reduce(0, tensor([0, 1, 2, 2]), s, "amax")
    assert y.tolist() == [2, 2, 5]
    gx, gs = minigrad.grad(y.sum(), [x, s])
    assert gx.tolist() == [0, 0.5, 0] and gs.tolist() == [1, 0.5, 0.5, 0.5]
    z = tensor([0.0, 3.0, 4.0], requires_grad=True)
    y = tensor([2.0, 1.0]).scatter_reduce(0, tensor([0, 0, 1]), z, "prod")
    assert y.tolist() == [0, 4] and minigrad.grad(y.sum(), [z])[0].tolist() == [6, 0, 1]
