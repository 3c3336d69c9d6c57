"""Mistakes in the gradient as a whole."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.mistakes.factors import SQUARE, factor_words, meaningful, nearest_factor, ratio_words
from minigrad.teach.mistakes.moves import dimensions, shifted, subsets
from minigrad.teach.mistakes.sites import Whole


@mistake("whole sign", "gradient", "the right numbers with the wrong sign", assumes=0.5)
def _whole_sign(s: Whole) -> Iterator[Variant]:
    yield Variant(lambda g: -g)


@mistake("whole factor", "gradient", "a constant factor of {detail}", assumes=1.3)
def _whole_factor(s: Whole) -> Iterator[Variant]:
    a, n = s.learners.ravel(), s.right.ravel()
    scale = float(np.abs(n).max(initial=0)) or 1.0  # the squares of 1e200 and of 1e-200 are no floats
    with np.errstate(all="ignore"):
        c = float((a / scale) @ (n / scale)) / (float((n / scale) @ (n / scale)) or 1.0)
    if c not in (0, 1, -1) and n.size > 1 and 1e-300 < abs(c) < math.inf:
        text, assumes = _whole_factor_words(c, s)
        yield Variant(lambda g: c * g, text, assumes)


def _whole_factor_words(c: float, s: Whole) -> tuple[str, float]:
    whole = round(abs(c)) if abs(c) > 1 else round(1 / abs(c))
    if whole > 1 and math.isclose(max(abs(c), 1 / abs(c)), whole, rel_tol=1e-4):
        meaning = s.sizes.get(whole) or next((text for text, n in meaningful(s.tape) if n == whole), "")
        meaning = meaning.removeprefix(SQUARE).removeprefix(", or ")
        ratio = ratio_words(abs(c), s.tape)
        text = f"{'-' * (c < 0)}{whole if abs(c) > 1 else f'1/{whole}'}{', ' * bool(meaning)}{meaning}"
        if whole == 2 and not meaning:
            text += ": the 2 of a square?" if abs(c) > 1 else ": the 2 of a square, or an input used twice (= for +=)?"
        elif meaning.startswith(("the constant", "the value")):
            text = f"{text.removesuffix(f', {meaning}')}: it is {factor_words(c, s.tape)[0]}"
        elif meaning:
            text += ", or the 2 of a square" * (whole == 2)
            missing, twice = ": is the 1/N of a mean missing", ": is it divided by N twice, or "
            text += missing if abs(c) > 1 else twice + ("" if ratio else "is a sum divided by N")
            text += f"{', or is it ' * (abs(c) > 1)}{ratio.removeprefix('divided ' * (abs(c) < 1))}" * bool(ratio) + "?"
        elif ratio:
            text += f": it is {ratio}"
        else:
            way = "missing" if abs(c) > 1 else "applied twice"
            text += f": if there are {whole} examples, the 1/N of a mean is {way}"
        if meaning or whole == 2 and any(op.is_square for op in s.tape.ops):
            return text, 0.0
        return text, 2.0 if "divided by 2, " in ratio else 0.5  # two mistakes are likelier
    text, assumes = factor_words(c, s.tape)
    return f"{c:.6g}" + (f": it is {text}" if assumes < 1 else ""), assumes


@mistake("whole transposed", "gradient", "{detail}", assumes=0.9)
def _whole_transposed(s: Whole) -> Iterator[Variant]:
    for a, b in itertools.combinations(range(s.x.ndim), 2):
        if s.x.shape[a] == s.x.shape[b] > 1:
            said = f"right, with dimensions {a} and {b} swapped"
            text = "the transpose of the right answer" if s.x.ndim == 2 else said
            yield Variant(lambda g, a=a, b=b: g.swapaxes(a, b), text)


@mistake("whole order", "gradient", "the right numbers in the wrong order: {detail}", assumes=1.2)
def _whole_order(s: Whole) -> Iterator[Variant]:
    shape = s.x.shape
    dims = [d for d in range(len(shape)) if shape[d] > 1]
    for axes in subsets(dims):
        said = f"flipped along {dimensions(axes)}: must a kernel or a sequence be reversed?"
        yield Variant(lambda g, a=axes: np.flip(g, a), said)
    if 1 < len(shape) <= 5:
        for axes in itertools.permutations(range(len(shape))):
            permuted = tuple(shape[a] for a in axes)
            said = "reshaped where the axes must be permuted (transpose, then no reshape)"
            yield Variant(lambda g, a=axes: g.transpose(a).reshape(shape), said, 0.2)
            yield Variant(lambda g, p=permuted, a=axes: g.reshape(p).transpose(np.argsort(a)), said, 0.2)
    for d in dims:
        for by in range(1, shape[d]) if shape[d] <= 12 else (1, -1):
            off = "one" if by in (1, -1, shape[d] - 1) else str(by)
            yield Variant(lambda g, d=d, b=by: np.roll(g, b, d), f"rolled by {off} along dimension {d}", 0.2)
            if off == "one":
                by = 1 if by == 1 else -1
                yield Variant(lambda g, d=d, b=by: shifted(g, b, d), f"off by one along dimension {d}", 0.2)
        if shape[d] <= 6:
            for order in itertools.permutations(range(shape[d])):
                said = f"dimension {d} is in the order {list(order)}"
                yield Variant(lambda g, d=d, o=order: g.take(o, axis=d), said, 0.5)
        if shape[d] % 2 == 0 and shape[d] > 4:
            for parts in (2, 3, 4):
                if shape[d] % parts == 0:
                    for order in itertools.permutations(range(parts)):
                        index = np.concatenate([np.split(np.arange(shape[d]), parts)[o] for o in order])
                        said = f"the {parts} parts of dimension {d} are in the order {list(order)}"
                        yield Variant(lambda g, d=d, i=index: g.take(i, axis=d), said, 0.4)


@mistake("gradient of another input", "gradient", "this is the gradient of {detail}", assumes=0.8)
def _of_another_input(s: Whole) -> Iterator[Variant]:
    for k, op in enumerate(s.tape.ops):
        if op.kind == "input" and not op.active and op.value.shape == s.x.shape and s.x.size > 1:
            own = f", not of `{s.tape.ops[0].name}`" if s.tape.ops[0].name else ""
            with suppress(ValueError, TypeError, IndexError):
                other = s.tape.gradient_of(k)
                yield Variant(lambda g, a=other: a, f"{s.words.name(k) if s.words else 'another input'}{own}")


@mistake("mean of a row", "gradient", "each row of the gradient is divided by the number of its own contributions, "
         "as a mean over them{detail}", assumes=1.25)  # fmt: skip
def _mean_of_a_row(s: Whole) -> Iterator[Variant]:
    count = np.zeros(s.x.shape[:1])
    users = s.tape.ops[0].users if s.words is not None and s.x.ndim else []
    for k, i in users if users[1:] else ():
        if s.tape.gradients[k] is not None:
            c = np.asarray(s.tape.ops[k].contribution(i, s.tape.gradients[k]))
            count += (c != 0).any(axis=tuple(range(1, s.x.ndim)))
    if count.max(initial=0) > 1 and (count != count[0]).any():
        mean = s.right / np.maximum(count, 1).reshape(-1, *(1,) * (s.x.ndim - 1))
        times = nearest_factor(s.learners, mean)
        if times > 0.5 and math.isclose(times, round(times), rel_tol=1e-6):
            said = f", not by the {times:.6g} of the loss" if times > 1.5 else ", and must be their sum"
            yield Variant(lambda g: times * mean, said)


@mistake("update for gradient", "gradient", "this is {detail}, not the gradient itself", assumes=1.5)
def _update(s: Whole) -> Iterator[Variant]:
    c = nearest_factor(s.learners - s.x, s.right)
    if c and not _is_multiple(s):  # any multiple of x is x plus a multiple of the gradient
        said = f"the updated x, x - {-c:.4g} dx" if c < 0 else f"x + {c:.4g} dx"
        yield Variant(lambda g: s.x + c * g, said, key="step")
    length = float(np.sqrt((s.right**2).sum()))
    if length:
        yield Variant(lambda g: g / length, "the gradient divided by its norm")
    largest = float(np.abs(s.right).max(initial=0))
    if largest:
        yield Variant(lambda g: g / largest, "the gradient divided by its largest element")
    yield Variant(np.sign, "the sign of the gradient")
    few = min(int((s.right < 0).sum()), int((s.right > 0).sum())) < 2
    yield Variant(np.abs, "the absolute value of the gradient", 1.0 * few)
    yield Variant(lambda g: g * g, "the square of the gradient")


@mistake("integers", "gradient", "the gradient is stored as integers: {detail}", assumes=1.4)
def _integers(s: Whole) -> Iterator[Variant]:
    if (s.learners == np.rint(s.learners)).all():
        yield Variant(np.trunc, "its decimals are cut off (an array of integers, such as np.zeros_like of one)")
        few = 1.0 * bool(np.abs(s.learners).max(initial=0) <= 1)  # a choice, and no rounding
        yield Variant(np.rint, "it is rounded", few)
        yield Variant(np.floor, "it is rounded down", 0.1 + few)


@mistake("clipped", "gradient", "the gradient is clipped to {detail}", assumes=1.3)
def _clipped(s: Whole) -> Iterator[Variant]:
    high, low = float(s.learners.max(initial=0)), float(s.learners.min(initial=0))
    at_high, at_low = int((s.learners == high).sum()), int((s.learners == low).sum())
    between = ((low < s.learners) & (s.learners < high)).any()
    if between and s.x.size > 3 and (at_high > 1 or at_low > 1 or high == -low):
        yield Variant(lambda g: np.clip(g, low, high), f"[{low:.4g}, {high:.4g}]")
        yield Variant(lambda g: np.maximum(g, low), f"at least {low:.4g}", 0.1)
        yield Variant(lambda g: np.minimum(g, high), f"at most {high:.4g}", 0.1)


@mistake("another value's gradient", "gradient", "this is the gradient of {detail}", assumes=2.0)
def _of_another_value(s: Whole) -> Iterator[Variant]:
    if s.tape is None:
        return
    for k, g in enumerate(s.tape.gradients):
        if k and g is not None and g.shape == s.right.shape and s.words is not None:
            yield Variant(lambda right, g=g: g, s.words.through(k), 0.0 if s.words.variable(k) else 0.3)


@mistake("regularization", "gradient", "off by {detail}", assumes=1.1)
def _regularization(s: Whole) -> Iterator[Variant]:
    if s.x.size < 2:  # one number is a multiple of any other
        return
    difference = (s.learners - s.right).ravel()
    said = "times the input itself: a regularization term (weight decay) missing, or counted twice?"
    for array, text in (
        *([] if _is_multiple(s) else [(s.x, said)]),  # that of a penalty alone has a wrong factor
        *_for_each_use(s),
        (np.sign(s.x), "times the sign of the input: the term of an L1 penalty missing, or counted twice?"),
        (np.ones_like(s.x), "everywhere, a constant"),
    ):
        if c := nearest_factor(difference, array):
            constant = text.startswith("everywhere")
            far = 0.2 * constant + (text is said)  # an operation may explain it
            if array is s.x and (right := penalty(s)):
                what, more = of_a_penalty(1 + c / right, s)
                text, far = f"times the input itself: the term of the penalty is {what}", far + more - (text is said)
            detail = f"the constant {c:.6g} everywhere" if constant else f"{c:.6g} {text}"
            yield Variant(lambda g, c=c, a=array: g + c * a, detail, far)
    yield from _other_penalty(s, difference)


def _other_penalty(s: Whole, difference: np.ndarray) -> Iterator[Variant]:
    """A penalty of some elements of the input, `w[1:]`, or in each pass of a loop, `P[u]`."""
    right = _penalty_gradient(s)
    if not right.any() or np.allclose(right, s.right, rtol=1e-9, atol=0):  # there is nothing but the squares
        return
    times = nearest_factor(difference, right)
    if times and not penalty(s):
        what, far = of_a_penalty(1 + times, s)
        said = f"{times:.4g} times the gradient of the penalty: the term of the penalty is {what}"
        yield Variant(lambda g: g + times * right, said, far)
    rest = np.where(right == 0, s.x, 0.0)
    c = nearest_factor(right, s.x - rest)
    if rest.any() and np.allclose(right, c * (s.x - rest)):
        where = [*map(tuple, np.argwhere(right == 0).tolist())]
        some = ", ".join(str(list(at) if len(at) > 1 else at[0]) for at in where[:3]) + ", ..." * (len(where) > 3)
        text = f"{c:.4g} times the input at the elements that the penalty leaves out ({some}, as a bias)"
        yield Variant(lambda g: g + c * rest, f"{text}: they are penalized too, and must not be", -0.2)


def _penalty_gradient(s: Whole) -> np.ndarray:
    """Return the gradient of the squares of the input, or of parts of it, that the function adds up."""
    total = np.zeros(s.x.shape)
    for k, op in enumerate(s.tape.ops):
        if not op.is_square or s.tape.gradients[k] is None:
            continue
        source = op.sources[0]
        while source and s.tape.ops[source].kind in ("getitem", "reshape", "permute"):
            source = s.tape.ops[source].sources[0]
        # what the loss adds has one factor for all squares; those of a variance or a norm have others
        if source == 0 and np.ptp(g := s.tape.gradients[k]) <= 1e-9 * np.abs(g).max(initial=0):
            total += s.tape.pull(k, 0, s.tape.gradients[k])
    return total


def _is_multiple(s: Whole) -> bool:
    """Return whether the right gradient is a multiple of the input, as that of its square, or as of one number."""
    return s.x.size < 2 or np.allclose(s.right, nearest_factor(s.right, s.x) * s.x, rtol=1e-9, atol=0)


def _for_each_use(s: Whole) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the input times the number of further uses of its rows, as the term of a penalty for each example."""
    for op in s.tape.ops:
        index = op.parameters.get("index") if op.kind == "getitem" and op.sources[0] == 0 else None
        index = index[0] if isinstance(index, tuple) and len(index) == 1 else index
        if isinstance(index, np.ndarray) and index.dtype.kind in "iu":
            further = np.bincount(index.ravel() % len(s.x), minlength=len(s.x)) - 1.0
            text = (
                "times the input itself for each further use of a row: the penalty is added with each example, not once"
            )
            yield s.x * further.reshape(-1, *(1,) * (s.x.ndim - 1)), text


def penalty(s: Whole) -> float:
    """Return how often the input itself is in its gradient, as the term of a penalty; 0 if it is not."""
    right = _penalty_gradient(s)
    times = nearest_factor(right, s.x)
    return times if np.allclose(right, times * s.x, rtol=1e-9, atol=1e-12 * abs(times)) else 0.0


def of_a_penalty(times: float, s: Whole) -> tuple[str, float]:
    """Return what a penalty's term is that counts so many times, and must count once, and how much that assumes."""
    for value, text in ((0, "missing"), (2, "added twice, or has an extra factor of 2"), (-1, "of the wrong sign")):
        if math.isclose(times, value, rel_tol=1e-6, abs_tol=1e-6):
            return text, 0.0
    return factor_words(times, s.tape)
