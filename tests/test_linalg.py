"""Linear algebra: what the table of operations cannot say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, einsum, linalg, tensor
from minigrad import ones as ones_

nan = float("nan")


def ones(*shape: int) -> Tensor:
    return ones_(*shape)


def curvature(matrix: Tensor) -> Tensor:
    t = matrix.requires_grad_()
    return minigrad.grad(minigrad.grad(t.det(), t, create_graph=True).sum(), t)


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
        (lambda: einsum("ij,jk", ones(2, 3)), ValueError, "needs 2 operands, got 1"),
        (lambda: einsum("ij", ones(3)), ValueError, r"'ij' names 2 dimensions, but operand 0, of shape \(3,\), has 1"),
        (lambda: einsum("i", ones(3, 3)), ValueError, r"write '\.\.\.' for dimensions without"),
        (lambda: einsum("ij->k", ones(2, 3)), ValueError, "'k' of 'ij->k' is in no operand"),
        (lambda: einsum("ij->ii", ones(2, 3)), ValueError, "'i' of 'ij->ii' occurs twice"),
        (lambda: einsum("i1", ones(2, 3)), ValueError, "letters or '...', got '1'"),
        (lambda: einsum("i.j", ones(2, 3)), ValueError, "letters or '...', got '.'"),
        (lambda: einsum("i->j->k", ones(2)), ValueError, "letters or '...', got '-'"),
        (lambda: einsum(ones(2), "i"), TypeError, "the first argument must be an equation"),
        (lambda: einsum("i,i", ones(2), 3), TypeError, "got int 3"),
        (lambda: einsum("i,i", ones(2).bool(), ones(2).bool()), TypeError, "bool"),
        (
            lambda: minigrad.tensordot(ones(2, 3), ones(4, 3), dims=1),
            ValueError,
            "dimension 1 of a is 3 but dimension 0",
        ),
        (lambda: minigrad.tensordot(ones(2), ones(2), dims=2), ValueError, "cannot sum over 2 dimensions"),
        (lambda: ones(2, 3).mm(ones(3)), ValueError, r"mm: mat2 must be a matrix \(2-d\), got shape \(3,\)"),
        (lambda: ones(2, 3).mm(ones(2, 3)), ValueError, "would fit: b.mT"),
        (lambda: ones(2, 3).mm(2.0), TypeError, "takes a tensor, got float"),
        (lambda: ones(2, 3, 4).bmm(ones(1, 4, 3)), ValueError, "batches of different sizes"),
        (lambda: ones(2).mv(ones(2)), ValueError, "self must be a matrix"),
        (lambda: ones(3).addmm(ones(2, 3), ones(3, 4)), ValueError, "do not broadcast"),
        (lambda: ones(5, 2, 4).addmm(ones(2, 3), ones(3, 4)), ValueError, "does not fit the product"),
        (lambda: ones(2, 3).inner(ones(2)), ValueError, "the last dimensions"),
        (lambda: ones(2, 3).inverse(), ValueError, r"inv: takes square matrices, got shape \(2, 3\)"),
        (lambda: ones(3).det(), ValueError, r"det: takes a matrix, or a batch of them, got shape \(3,\)"),
        (lambda: ones(2, 2).long().det(), TypeError, "convert it to floats"),
        (lambda: minigrad.det(2.0), TypeError, "det: takes a tensor, got float"),
        (lambda: ones(2, 2).inverse(), ValueError, r"inv: a matrix, of a tensor of shape \(2, 2\), is singular"),
        (lambda: linalg.solve(ones(2, 2), ones(2)), linalg.LinAlgError, "is singular"),
        (lambda: linalg.solve(ones(2, 2), ones(3)), ValueError, "2 equations need rows as many"),
        (lambda: linalg.solve(ones(2, 2), [1.0, 1.0]), TypeError, "solve: takes tensors, got list"),
        (lambda: linalg.cholesky(-ones(2, 2)), linalg.LinAlgError, "is not positive definite"),
        (lambda: ones(2, 2).matrix_power(0.5), TypeError, "n must be an integer"),
        (lambda: ones(2, 2).cross(ones(2, 2)), ValueError, "takes vectors of 3"),
        (lambda: linalg.svd(minigrad.ones(2, 3, requires_grad=True)), NotImplementedError, "full_matrices=False"),
        (lambda: linalg.qr(minigrad.ones(3, 2, requires_grad=True), "complete"), NotImplementedError, "'reduced'"),
        (lambda: linalg.qr(ones(2, 2), "full"), ValueError, "mode is"),
        (lambda: linalg.eigh(ones(2, 2), "X"), ValueError, "UPLO is"),
        (lambda: linalg.norm(ones(2, 2, 2), 1), ValueError, "takes a vector or a matrix"),
        (lambda: linalg.norm(ones(2, 2), 3), ValueError, "ord is 'fro'"),
        (lambda: linalg.vector_norm(ones(2, 2), "fro"), TypeError, "matrix_norm"),
        (lambda: linalg.matrix_norm(ones(2, 2), dim=0), ValueError, "rows' and the columns'"),
        (lambda: curvature(ones(2, 2)), linalg.LinAlgError, "a first derivative here, but no second"),
        (lambda: linalg.multi_dot([ones(2, 2)]), ValueError, "two or more"),
        (lambda: linalg.multi_dot([ones(2, 2), ones(2), ones(2, 2)]), ValueError, "tensor 1 has shape"),
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
        return [e.node.primitive.name for e in minigrad.walk(einsum(equation, *tensors).sum()) if e.node.primitive][1:]

    assert rules("ij,jk->ik", (2, 3), (3, 4)) == ["matmul"]
    assert rules("bij,bjk->bik", (5, 2, 3), (5, 3, 4)) == ["matmul"]
    assert rules("bij,bkj->bik", (5, 2, 3), (5, 4, 3)) == ["matmul", "permute"]
    assert rules("ij,ij->ij", (2, 3), (2, 3)) == ["mul"]


def test_the_determinant_of_singular_matrices() -> None:
    """Its gradient, the cofactors, is there also where there is no inverse."""
    for matrix, cofactors in (
        ([[1.0, 2.0], [2.0, 4.0]], [[4.0, -2.0], [-2.0, 1.0]]),
        ([[0.0, 0.0], [0.0, 5.0]], [[5.0, 0.0], [0.0, 0.0]]),
        (np.zeros((3, 3)), np.zeros((3, 3))),
        (np.diag([1.0, 2.0, 0.0]), np.diag([0.0, 0.0, 2.0])),
    ):
        t = Tensor(np.array(matrix), requires_grad=True)
        t.det().backward()
        assert t.grad is not None
        np.testing.assert_allclose(t.grad.numpy(), cofactors, atol=1e-12)


def test_logarithms_of_determinants() -> None:
    t = tensor(np.diag([1e-30, -1e-30, 1e-30]).astype(np.float32))
    sign, size = t.slogdet()
    assert sign.item() == -1 and size.item() == pytest.approx(-90 * np.log(10))
    assert np.isnan(t.logdet().item()) and (-t).logdet().item() == pytest.approx(-90 * np.log(10))
    assert minigrad.zeros(2, 2).logdet().item() == -np.inf


def test_equal_eigenvalues_and_singular_values() -> None:
    """What does not ask which of the equal ones has a gradient."""
    for f in (lambda t: linalg.eigvalsh(t).sum(), lambda t: linalg.svdvals(t).sum()):
        t = Tensor(np.eye(3), requires_grad=True)
        f(t).backward()
        assert t.grad is not None
        np.testing.assert_allclose(t.grad.numpy(), np.eye(3), atol=1e-12)
    t = Tensor(np.zeros((2, 3)), requires_grad=True)
    linalg.matrix_norm(t, "nuc").backward()
    assert t.grad is not None and np.isfinite(t.grad.numpy()).all()


def test_shapes_of_factors() -> None:
    a = Tensor(np.random.default_rng(0).standard_normal((2, 4, 3)))
    q, r = linalg.qr(a, "complete")
    assert (q.shape, r.shape) == ((2, 4, 4), (2, 4, 3))
    assert linalg.qr(a, "r").Q.shape == (0,)
    u, s, v = linalg.svd(a)
    assert (u.shape, s.shape, v.shape) == ((2, 4, 4), (2, 3), (2, 3, 3))
    assert linalg.matrix_rank(a).tolist() == [3, 3]
    assert linalg.matrix_rank(minigrad.ones(3, 3)).item() == 1
    assert linalg.matrix_rank(tensor([[1.0, 0.0], [0.0, 1e-3]]), atol=0.01).item() == 1


def test_least_squares() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((5, 2)), rng.standard_normal((5, 3))
    solution, residuals, rank, values = linalg.lstsq(Tensor(a), Tensor(b))
    wanted = np.linalg.lstsq(a, b)
    for found, w in zip((solution, residuals, rank, values), wanted):
        np.testing.assert_allclose(found.numpy(), w)


def test_a_chain_is_multiplied_in_the_cheapest_order() -> None:
    a, b, c = (minigrad.ones(*shape, requires_grad=True) for shape in ((10, 100), (100, 5), (5, 50)))
    assert linalg.multi_dot([a, b, c]).grad_fn.inputs[0].shape == (10, 5)
    assert minigrad.chain_matmul(c.T, b.T, a.T).grad_fn.inputs[1].shape == (5, 10)
