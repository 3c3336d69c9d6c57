"""Sums of products over named or numbered dimensions: `einsum` and `tensordot`.

Both are a sequence of products of two tensors, and each of these is one (batched) matrix product, which is fast. As
everything is composed of tensor operations, derivatives of every order follow.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from minigrad.output.words import class_name
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.dtypes import result_type
from minigrad.tensors.tensor import Tensor

Labels = list[str | int]
"""The name of each dimension: a letter, or for those of an ellipsis a number, -1 for the last."""


def einsum(equation: Any, *operands: Any) -> Tensor:
    """Compute the sum of products that the equation describes (Einstein's summation convention).

    A letter names a dimension of an operand. Dimensions with the same letter share an index; letters that are not in
    the output, after ->, are summed over: "ij,jk->ik" is y_ik = sum_j a_ij b_jk. Without ->, the output has all letters
    that occur once, in alphabetical order. "..." stands for any further dimensions, which broadcast.

    >>> a, b = as_tensor([[1.0, 2.0], [3.0, 4.0]]), as_tensor([[1.0, 0.0], [1.0, 1.0]])
    >>> einsum("ij,jk->ik", a, b)  # the matrix product
    tensor([[3., 2.],
            [7., 4.]])
    >>> einsum("ii", a), einsum("ij->j", a), einsum("...ij->...ji", a)  # the trace, sums of columns, the transpose
    (tensor(5.), tensor([4., 6.]), tensor([[1., 3.],
            [2., 4.]]))

    Args:
        equation: one term for each operand, separated by commas; optionally -> and the output.
        operands: tensors and arrays, as separate arguments or in a list.

    The other form, `einsum(a, [0, 1], b, [1, 2], [0, 2])`, has lists of integers instead of letters: one after each
    operand, and one at the end for the output, if wanted.

    Raises:
        ValueError: for an invalid equation, or one that does not fit the operands.
    """
    if hasattr(equation, "dtype"):
        equation, operands = _from_lists((equation, *operands))
    if not isinstance(equation, str):
        raise TypeError(
            f"einsum: the first argument must be an equation, a string such as 'ij,jk->ik', got {class_name(equation)}"
        )
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    for o in operands:
        if not hasattr(o, "dtype"):
            raise TypeError(f"einsum: takes tensors and arrays, got {class_name(o)} {o!r}")
    tensors = [as_tensor(o) for o in operands]
    terms, output = _parsed(equation, [t.shape for t in tensors])
    size = _sizes(terms, [t.shape for t in tensors])
    dtype = _common("einsum", tensors)
    pairs = [_simple(t.to(dtype), term, size) for t, term in zip(tensors, terms)]
    total, have = pairs[0]
    for i, (t, term) in enumerate(pairs[1:], 2):
        later = {label for _, other in pairs[i:] for label in other}
        total, have = _contracted(total, have, t, term, later.union(output))
    total, have = _summed(total, have, set(output))
    total = _arranged(total, have, output)
    shape = tuple([size[label] for label in output])  # a dimension of 1 that meets larger ones was squeezed
    return total if total.shape == shape else total.expand(shape)


def _from_lists(arguments: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Return the equation of the other form: each operand is followed by a list of numbers that name its dimensions."""
    *pairs, output = arguments if len(arguments) % 2 else (*arguments, None)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    def term(labels: Any) -> str:
        if not isinstance(labels, list | tuple):
            raise TypeError(
                "einsum: the first argument must be an equation, a string such as 'ij,jk->ik', or each operand must "
                f"precede a list of integers, its dimensions; got {class_name(labels)}"
            )
        return "".join(["..." if label is ... else letters[label] for label in labels])

    arrow = "" if output is None else f"->{term(output)}"
    return ",".join(map(term, pairs[1::2])) + arrow, tuple(pairs[::2])


def _common(name: str, tensors: list[Tensor]) -> Any:
    """Return the common dtype of the tensors; raise for bool."""
    dtype = result_type(*tensors)
    if dtype.kind == "b":
        raise TypeError(f"{name}: does not sum bool tensors; convert them: .long() to count, .float() for gradients")
    return dtype


def _parsed(equation: str, shapes: list[tuple[int, ...]]) -> tuple[list[Labels], Labels]:
    """Return the labels of each operand's dimensions, and of the output's."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    texts = left.split(",")
    if len(texts) != len(shapes):
        raise ValueError(f"einsum: {equation!r} needs {len(texts)} operand{'s' * (len(texts) != 1)}, got {len(shapes)}")
    terms = [
        _labels(equation, text, len(shape), f"operand {i}", shape) for i, (text, shape) in enumerate(zip(texts, shapes))
    ]
    most = max((-label for term in terms for label in term if isinstance(label, int)), default=0)
    if arrow:
        output = _labels(equation, right, len(right.replace("...", "")) + most * ("..." in right), "the output")
    else:
        counts = Counter(label for term in terms for label in term)
        once = sorted(str(label) for label, n in counts.items() if n == 1 and isinstance(label, str))
        output = [*range(-most, 0), *once]
    known = {label for term in terms for label in term}
    for label in output:
        if label not in known:
            raise ValueError(f"einsum: output subscript {label!r} of {equation!r} is in no operand")
        if output.count(label) > 1:
            raise ValueError(f"einsum: output subscript {label!r} of {equation!r} occurs twice")
    return terms, output


def _labels(equation: str, text: str, ndim: int, whose: str, shape: Any = None) -> Labels:
    before, dots, after = text.partition("...")
    for letter in before + after:
        if not (letter.isascii() and letter.isalpha()):
            raise ValueError(f"einsum: subscripts must be letters or '...', got {letter!r} in {equation!r}")
    more = ndim - len(before + after)
    if more < 0 or more and not dots:
        of = f", of shape {shape}," if shape is not None else ""
        raise ValueError(
            f"einsum: {text!r} names {len(before + after)} dimensions, but {whose}{of} has {ndim}"
            + ("" if more < 0 else "; write '...' for dimensions without a letter")
        )
    return [*before, *range(-more, 0), *after]


def _sizes(terms: list[Labels], shapes: list[tuple[int, ...]]) -> dict[str | int, int]:
    """Return the size of each label; 1 fits all, as in broadcasting."""
    size: dict[str | int, int] = {}
    first: dict[str | int, int] = {}
    for i, (term, shape) in enumerate(zip(terms, shapes)):
        for label, n in zip(term, shape):
            if size.get(label, 1) == 1:
                size[label], first[label] = n, i
            elif n not in (1, size[label]):
                name = f"subscript {label!r}" if isinstance(label, str) else f"dimension {label} of '...'"
                raise ValueError(
                    f"einsum: {name} is {size[label]} in operand {first[label]} of shape {shapes[first[label]]}, but "
                    f"{n} in operand {i} of shape {shape}"
                )
    return size


def _simple(t: Tensor, term: Labels, size: dict[str | int, int]) -> tuple[Tensor, Labels]:
    """Return the tensor with each label once (its diagonal), and without dimensions of 1 that meet larger ones."""
    for label in [label for label in dict.fromkeys(term) if term.count(label) > 1]:
        while term.count(label) > 1:
            i = term.index(label)
            j = term.index(label, i + 1)
            t = t.diagonal(0, i, j)
            term = [*term[:i], *term[i + 1 : j], *term[j + 1 :], label]
    ones = tuple([i for i, (label, n) in enumerate(zip(term, t.shape)) if n == 1 and size[label] != 1])
    return (t.squeeze(ones), [label for i, label in enumerate(term) if i not in ones]) if ones else (t, term)


def _summed(t: Tensor, have: Labels, keep: set[str | int]) -> tuple[Tensor, Labels]:
    """Sum over the labels that are not in `keep`."""
    dims = tuple([i for i, label in enumerate(have) if label not in keep])
    return (t.sum(dims), [label for label in have if label in keep]) if dims else (t, have)


def _arranged(t: Tensor, have: Labels, wanted: Labels) -> Tensor:
    """Permute the dimensions into the order `wanted`, and insert one of size 1 for each label that is missing."""
    order = [have.index(label) for label in wanted if label in have]
    if order != sorted(order):
        t = t.permute(order)
    if len(order) < len(wanted):
        t = t.reshape(
            [t.shape[sum(m in have for m in wanted[:i])] if label in have else 1 for i, label in enumerate(wanted)]
        )
    return t


def _contracted(a: Tensor, of_a: Labels, b: Tensor, of_b: Labels, keep: set[str | int]) -> tuple[Tensor, Labels]:
    """Multiply two tensors and sum over the labels that both have and `keep` has not: a batched matrix product."""
    a, of_a = _summed(a, of_a, keep.union(of_b))
    b, of_b = _summed(b, of_b, keep.union(of_a))
    both = [label for label in of_a if label in of_b]
    inner = [label for label in both if label not in keep]
    batch = [label for label in both if label in keep]
    rows = [label for label in of_a if label not in both]
    columns = [label for label in of_b if label not in both]
    have = batch + rows + columns
    if not inner:
        return _arranged(a, of_a, have) * _arranged(b, of_b, have), have
    size = dict(zip(of_a + of_b, a.shape + b.shape))
    a = _grouped(_arranged(a, of_a, batch + rows + inner), size, batch, rows, inner)
    b = _grouped(_arranged(b, of_b, batch + inner + columns), size, batch, inner, columns)
    return _reshaped(a @ b, [size[label] for label in have]), have


def _grouped(t: Tensor, size: dict[str | int, int], *groups: Labels) -> Tensor:
    """Flatten each group of dimensions into one; drop an empty group if there is no batch (a vector stays one)."""
    return _reshaped(t, [math.prod([size[label] for label in group]) for group in groups if group or groups[0]])


def _reshaped(t: Tensor, shape: Sequence[int]) -> Tensor:
    return t if t.shape == tuple(shape) else t.reshape(tuple(shape))


def tensordot(a: Any, b: Any, dims: Any = 2) -> Tensor:
    """Multiply a and b, and sum over dimensions of both.

    Args:
        a: a tensor or array.
        b: a tensor or array.
        dims: how many dimensions to sum over, the last of a with the first of b (1 is the matrix product, 0 the outer
            product); or a pair of lists, the dimensions of a and those of b.

    Raises:
        ValueError: if the dimensions differ in number or size.

    >>> a = as_tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> tensordot(a, a, dims=([0, 1], [0, 1]))  # the sum of squares
    tensor(30.)
    """
    a, b = as_tensor(a), as_tensor(b)
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ValueError(f"tensordot: cannot sum over {dims} dimensions of shapes {a.shape} and {b.shape}")
        dims = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    first, second = [a._dim(d) for d in first], [b._dim(d) for d in second]
    if len(first) != len(second) or len(set(first)) < len(first) or len(set(second)) < len(second):
        raise ValueError(
            f"tensordot: dims must be as many different dimensions of a as of b, got {tuple(first)} and {tuple(second)}"
        )
    for i, j in zip(first, second):
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            raise ValueError(
                f"tensordot: dimension {i} of a is {a.shape[i]} but dimension {j} of b is {b.shape[j]}; "
                f"got shapes {a.shape} and {b.shape}"
            )
    of_a: Labels = list(range(a.ndim))
    of_b: Labels = list(range(a.ndim, a.ndim + b.ndim))
    for i, j in zip(first, second):
        of_b[j] = i
    output = [d for d in of_a if d not in first] + [d for j, d in enumerate(of_b) if j not in second]
    dtype = _common("tensordot", [a, b])
    size = _sizes([of_a, of_b], [a.shape, b.shape])
    (a, of_a), (b, of_b) = (_simple(t.to(dtype), of, size) for t, of in ((a, of_a), (b, of_b)))
    total, have = _summed(*_contracted(a, of_a, b, of_b, set(output)), set(output))
    return _arranged(total, have, output)
