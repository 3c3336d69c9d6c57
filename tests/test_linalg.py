"""Linear algebra: what the table of operations cannot say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, einsum, tensor
from minigrad import ones as ones_

nan = float("nan")


def ones(*shape: int) -> Tensor:
    return ones_(*shape)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: einsum("ij,jk", ones(2, 3), ones(4, 5)),
            ValueError,
            r"subscript 'j' is 3 in operand 0 of shape \(2, 3\), but 4 in operand 1 of shape \(4, 5\)",
        ),
        (lambda: einsum("ii", ones(2, 3)), ValueError, "subscript 'i' is 2 in operand 0"),
        (lambda: einsum("...,...", ones(2), ones(3)), ValueError, r"dimension -1 of '\.\.\.' is 2"),
        (lambda: einsum("ij,jk", ones(2, 3)), ValueError, "is for 2 operands, but there are 1"),
        (lambda: einsum("ij", ones(3)), ValueError, r"'ij' names 2 dimensions, but operand 0, of shape \(3,\), has 1"),
        (lambda: einsum("i", ones(3, 3)), ValueError, r"'\.\.\.' stands for those without a name"),
        (lambda: einsum("ij->k", ones(2, 3)), ValueError, "'k' of 'ij->k' is in no operand"),
        (lambda: einsum("ij->ii", ones(2, 3)), ValueError, "'i' of 'ij->ii' is there twice"),
        (lambda: einsum("i1", ones(2, 3)), ValueError, "letters and '...', got '1'"),
        (lambda: einsum("i.j", ones(2, 3)), ValueError, "letters and '...', got '.'"),
        (lambda: einsum("i->j->k", ones(2)), ValueError, "letters and '...', got '-'"),
        (lambda: einsum(ones(2), "i"), TypeError, "the equation comes first"),
        (lambda: einsum("i,i", ones(2), 3), TypeError, "got int 3"),
        (lambda: einsum("i,i", ones(2).bool(), ones(2).bool()), TypeError, "bool"),
        (
            lambda: minigrad.tensordot(ones(2, 3), ones(4, 3), dims=1),
            ValueError,
            "dimension 1 of a is 3 and dimension 0",
        ),
        (lambda: minigrad.tensordot(ones(2), ones(2), dims=2), ValueError, "there are no 2 dimensions"),
        (lambda: ones(2, 3).mm(ones(3)), ValueError, r"mm: mat2 is a matrix \(2-d\), got shape \(3,\)"),
        (lambda: ones(2, 3).mm(ones(2, 3)), ValueError, "would fit: b.mT"),
        (lambda: ones(2, 3).mm(2.0), TypeError, "takes a tensor, got float"),
        (lambda: ones(2, 3, 4).bmm(ones(1, 4, 3)), ValueError, "batches of different sizes"),
        (lambda: ones(2).mv(ones(2)), ValueError, "self is a matrix"),
        (lambda: ones(3).addmm(ones(2, 3), ones(3, 4)), ValueError, "do not broadcast"),
        (lambda: ones(5, 2, 4).addmm(ones(2, 3), ones(3, 4)), ValueError, "does not fit the product"),
        (lambda: ones(2, 3).inner(ones(2)), ValueError, "the last dimensions"),
    ],
)
def test_what_products_refuse(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_what_beta_0_leaves_out_may_be_nan() -> None:
    t = tensor([[nan]], requires_grad=True)
    y = t.addmm(ones(1, 2), ones(2, 1), beta=0)
    y.backward()
    assert y.item() == 2 and t.grad is not None and t.grad.item() == 0


def test_einsum_takes_lists_and_arrays() -> None:
    a, b = np.ones((2, 3)), np.full((3, 2), 2.0)
    assert einsum("ij,jk", [tensor(a), b]).tolist() == [[6, 6], [6, 6]]
    assert einsum("i j, j k -> i k", a, b).tolist() == [[6, 6], [6, 6]]


def test_einsum_of_two_is_one_matrix_product() -> None:
    """That is where its speed is; and where nothing has to move, nothing does."""

    def rules(equation: str, *shapes: tuple[int, ...]) -> list[str]:
        tensors = [minigrad.ones(*shape, requires_grad=True) for shape in shapes]
        return [e.node.rule.name for e in minigrad.walk(einsum(equation, *tensors).sum()) if e.node.rule][1:]

    assert rules("ij,jk->ik", (2, 3), (3, 4)) == ["matmul"]
    assert rules("bij,bjk->bik", (5, 2, 3), (5, 3, 4)) == ["matmul"]
    assert rules("bij,bkj->bik", (5, 2, 3), (5, 4, 3)) == ["matmul", "permute"]
    assert rules("ij,ij->ij", (2, 3), (2, 3)) == ["mul"]
