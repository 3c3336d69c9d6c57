"""Diagnose a wrong gradient: search the function's graph for the mistake, then compare the gradient with the right one.

`Search` makes one or two mistakes of the catalogue in the backward pass of the graph, until it gives the gradient.
Where none does, or there is no graph, patterns compare the two arrays of a `Case`: each returns a sentence, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.teach.derivation import derivation
from minigrad.teach.mistakes import CATALOGUE, Whole
from minigrad.teach.mistakes.moves import dimensions, subsets
from minigrad.teach.recording import Recording, record, record_tensors
from minigrad.teach.scaling import without_scales
from minigrad.teach.search import IMPOSSIBLE, SIMPLE, Explanation, Search, representative, sentence
from minigrad.teach.shapes import of_another_shape
from minigrad.teach.tape import Op, Tape
from minigrad.teach.vectorizing import vectorized
from minigrad.tensors.tensor import Tensor

CHOOSING = {"where", "maximum", "minimum", "fmax", "fmin", "clamp", "relu", "abs", "amax", "amin", "sign"}
"""Primitives whose derivative may differ on two sides of a number."""
FAR_FETCHED = 2.4
"""How much one mistake may assume before two simple ones are likelier."""
TOLERANCE = 1e-4
"""The relative tolerance below which two gradients count as equal."""


@dataclass
class Case:
    """A computed gradient, and the right one."""

    analytic: np.ndarray  # the gradient to explain
    numeric: np.ndarray  # the right gradient, by finite differences
    x: np.ndarray  # the point
    # the meaning of numbers, such as {32: "the size of dimension 0 of x"}
    sizes: Mapping[int, str] = field(default_factory=dict)
    # gradients of related questions, such as "the upstream gradient was all ones"
    others: Mapping[str, Callable[[], np.ndarray]] = field(default_factory=dict)
    trusted: np.ndarray | bool = True  # where `numeric` is reliable; False at kinks
    # the function itself, which takes `inputs`: Tensors, or the one array of `check_gradient`
    function: Callable[..., Any] | None = None
    inputs: Sequence[Any] = ()  # the arguments of the function; that of `position` is the one whose gradient this is
    position: int = 0
    names: Sequence[str] = ()  # the names of the inputs
    # for each output of floats, the gradient that both gradients were computed with
    upstream: Sequence[np.ndarray] = ()
    recording: Recording | None = None  # the graph of the function, where it is recorded already
    limit: float | None = None  # seconds of computing after which the search gives up; None for the usual ones
    accuracy: np.ndarray | float = 0.0  # of the differences, at each element

    def same(self, a: np.ndarray, b: np.ndarray) -> bool:
        """Return whether two arrays agree within the accuracy of the differences."""
        if a.shape != b.shape:
            return False
        return bool((close(a, b) | (np.abs(a - b) <= self.accuracy))[np.broadcast_to(self.trusted, a.shape)].all())

    @property
    def right(self) -> np.ndarray:
        """The elements where the gradient is right."""
        return close(self.analytic, self.numeric) | ~np.broadcast_to(self.trusted, self.numeric.shape)


def close(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return where two arrays agree, relative to each element and slightly to the largest one."""
    size = np.maximum(np.abs(a), np.abs(b))
    with np.errstate(invalid="ignore"):
        largest = np.max(size, initial=0, where=np.isfinite(size))
        agree: np.ndarray = np.abs(a - b) <= TOLERANCE * size + TOLERANCE * 1e-2 * largest
    return agree


@dataclass(frozen=True)
class Diagnosis:
    """The likeliest mistake behind a wrong gradient. Its text is the cause.

    Attributes:
        mistake: its name in the catalogue, or that of a pattern.
        hint: where to look.
        cause: the sentence.
        mistakes: the names of all mistakes that give the same numbers.
        derivation: what `explain` returns.
    """

    mistake: str
    hint: str
    cause: str
    mistakes: tuple[str, ...] = ()
    derivation: str = ""

    def __str__(self) -> str:
        return self.cause

    def explain(self) -> str:
        """Return the derivation of the contribution in question, with its numbers."""
        return self.derivation


def diagnosis(case: Case) -> Diagnosis | None:
    """Return the likeliest mistake behind a wrong gradient; None if nothing explains it."""
    if case.same(case.analytic, case.numeric):  # the error is too small for a pattern
        return None
    text = _nothing(case) if case.analytic.shape == case.numeric.shape else None
    search = None if text else _search(case)
    whole = None if search is None else vectorized(search.tape)
    if search is not None and whole is not None:
        first = Search(whole, case.analytic, case.trusted, case.sizes, limit=case.limit)
        if found := first.one():
            return _said(representative(found), first)
    if search is not None:
        found = search.one()
        if found and found[0].assumes > FAR_FETCHED:
            pair = search.two()
            if pair and all(c.assumes <= SIMPLE for c in pair[0].candidates):
                return _said(pair, search)
        if found:
            return _said(representative(found), search)
    text = text or _pattern(case)
    if text is None and search is not None:
        scaled = without_scales(search.tape)
        if scaled is not None:
            search = Search(scaled, case.analytic, case.trusted, case.sizes, limit=max(0.5, search.remaining))
            if found := search.one():
                return _said(representative(found), search)
        found = search.two()
        if found:
            return _said(found, search)
    if text is None and case.analytic.shape == case.numeric.shape:
        chooses = search is None or any(map(_chooses, search.tape.ops))
        patterns = [pattern for pattern in _STRUCTURE if chooses or pattern is not _only_on_one_side]
        text = next((said for pattern in patterns if (said := pattern(case))), None)
    return None if text is None else Diagnosis("pattern", "", text)


def _chooses(op: Op) -> bool:
    """Return whether the derivative of an operation is a choice, or multiplied by a mask."""
    return op.kind in CHOOSING or any(np.ndim(o) and np.isin(o, (0, 1)).all() for o in op.operands if o is not None)


def _search(case: Case) -> Search | None:
    """Return the search on the function's graph; None if the graph cannot be recorded."""
    if case.analytic.shape != case.numeric.shape or not np.isfinite(case.analytic).all():
        return None
    tape = tape_of(case)
    return None if tape is None else Search(tape, case.analytic, case.trusted, case.sizes, limit=case.limit)


def tape_of(case: Case) -> Tape | None:
    """Return the function's graph; None if it cannot be recorded."""
    if case.function is None and case.recording is None:
        return None
    upstream = case.upstream[0]
    try:
        recording = case.recording
        if recording is None and isinstance(case.inputs[case.position], Tensor):
            recording = record_tensors(case.function, case.inputs, case.position)  # type: ignore[arg-type]
        if len(case.upstream) > 1:
            upstream = np.concatenate([np.ravel(w) for w in case.upstream])
        tape = Tape(recording or record(case.function, case.x, case.names[0]), upstream)  # type: ignore[arg-type]
    except Exception:  # whatever a function raises on arrays that it was not written for
        return None
    return tape.merged() if case.same(tape.gradient, case.numeric) else None


_ALIKE = (
    {"dropped", "earlier terms", "constant", "no contribution", "overwritten", "other time steps"},
    {"skipped", "other upstream", "other gradient"},
    {"wrong index", "wrong index read", "wrong index of a part"},
    {"other function", "other derivative", "other array", "wrong array computed again", "wrong point", "mask"},
)
"""Mistakes that are one: to say "either … or …" of them would teach nothing."""


def _alike(a: Explanation, b: Explanation) -> bool:
    """Return whether two explanations are one to a learner: of one kind, at one operation."""
    one, other = a.candidates[0], b.candidates[0]
    together = any({one.mistake.name, other.mistake.name} <= names for names in _ALIKE)
    return together and (
        one.mistake.name in _ALIKE[0]
        or not one.sites
        or not other.sites
        or one.site.words.same_instruction(one.site.k) == other.site.words.same_instruction(other.site.k)
    )


def _said(found: list[Explanation], search: Search) -> Diagnosis:
    best = found[0]
    rivals = [e for e in found[1:] if e.assumes <= best.assumes + 0.15 and len(e.candidates) == len(best.candidates)]
    rivals = [e for e in rivals if not _alike(e, best)][:1]
    whole = [e.candidates[0].variants[0].detail[:3] for e in found if e.candidates[0].mistake.name == "whole factor"]
    if best.candidates[0].mistake.name in _ALIKE[0] and "1/2" in whole:  # one of two equal contributions
        rivals = rivals or [e for e in found if e.candidates[0].mistake.name in ("other function", "whole factor")][:1]
    texts = [" and ".join(sentence(c, search.words) for c in e.candidates) for e in (best, *rivals)]
    cause = f"either {texts[0]}; or {texts[1]}" if len(texts) > 1 else texts[0]
    if len(best.candidates) > 1:
        cause = "two mistakes: " + cause
    names = tuple(dict.fromkeys(c.mistake.name for e in found for c in e.candidates))
    first = best.candidates[0]
    hint = sentence(first, search.words, first.mistake.hint)
    steps = ""
    with suppress(*IMPOSSIBLE):
        steps = "\n".join(derivation(c.site, search.words) for c in best.candidates if c.sites)
    return Diagnosis(first.mistake.name, hint, cause, names, steps)


def _pattern(case: Case) -> str | None:
    if case.analytic.shape != case.numeric.shape:
        text = next((found for pattern in _OF_ANOTHER_SHAPE if (found := pattern(case))), None)
        tape = tape_of(case) if text is None else None
        return text if tape is None else of_another_shape(tape, case.analytic, lambda a, b: bool(close(a, b).all()))
    return next((found for pattern in _OF_THE_SAME_SHAPE if (found := pattern(case))), None)


# ---- patterns of gradients of another shape --------------------------------------------------------------------


def _not_summed(case: Case) -> str | None:
    a, n = case.analytic, case.numeric
    for axes in subsets(range(a.ndim)):
        for keep in (True, False):
            if case.same(a.sum(axis=axes, keepdims=keep), n):
                return (
                    f"right, but not summed over {dimensions(axes)}: {_the(case, [a.shape[i] for i in axes])}every "
                    "example contributes to the gradient of what all of them used, as in db = dscores.sum(axis=0)"
                )
    return None


def _reshaped(case: Case) -> str | None:
    a, n = case.analytic, case.numeric
    if a.ndim == n.ndim and a.shape == n.shape[::-1] and case.same(a.T, n):
        return "the transpose of the right answer"
    if a.size == n.size and case.same(a.reshape(n.shape), n):
        kept = " (a sum with keepdims=True keeps its axis)" if np.squeeze(a).shape == np.squeeze(n).shape else ""
        return f"the right numbers in the wrong shape: reshape to {n.shape}{kept}"
    return None


# ---- patterns of gradients of the same shape -------------------------------------------------------------------


def _nothing(case: Case) -> str | None:
    if case.analytic.any() or not case.numeric.any():
        return None
    tape = tape_of(case)
    uses = tape.ops[0].users if tape is not None else []
    if tape is not None and len(uses) > 1:
        k, i = min(uses)
        first = None if tape.gradients[k] is None else tape.ops[k].contribution(i, tape.gradients[k])
        if first is not None and not first.any():
            return (
                f"{case.names[0] if case.names else 'it'} is used {len(uses)} times, and only the contribution of its "
                "first use is left, which is 0: contributions must be added (+=), and here they are overwritten (=)"
            )
    return (
        "0 everywhere: no gradient arrives here. Was the graph cut by .detach(), .data, .item() or no_grad(), or is "
        "the contribution of this input forgotten, or overwritten by one that is 0 (= for +=)?"
    )


def _another_question(case: Case) -> str | None:
    for meaning, gradient in case.others.items():
        if case.same(case.analytic, gradient()):
            return meaning
    return None


def _whole(case: Case) -> str | None:
    """The entries of the catalogue for the gradient as a whole, which need no graph."""
    if case.numeric.size < 2:
        return None  # one number is a multiple of any other
    trusted = np.broadcast_to(case.trusted, case.numeric.shape)
    right, learners = (np.where(trusted, a, 0.0) for a in (case.numeric, case.analytic))
    site = Whole(case.x, right, learners, Tape.of([]), case.sizes)
    found = [
        (m.assumes + variant.assumes, m.said(detail=variant.detail))
        for m in CATALOGUE.values()
        if m.scope == "gradient"
        for variant in m.find(site)
        if case.same(case.analytic, np.asarray(variant.change(case.numeric)))
    ]
    return min(found, key=lambda one: one[0])[1] if found else None


def _only_on_one_side(case: Case) -> str | None:
    right, x = case.right.ravel(), case.x.ravel()
    good, bad = x[right], x[~right]
    if good.size < 2 or bad.size < 2:
        return None
    for above, low, high in ((True, bad.max(), good.min()), (False, good.max(), bad.min())):
        if low < high:
            edge = 0.0 if low <= 0 <= high else (low + high) / 2
            zero = ", and 0 elsewhere" if not case.analytic.ravel()[~right].any() else ""
            return f"right only where x {'>' if above else '<'} {edge:.3g}{zero}: one branch of a choice is missing"
    return None


def _only_at_some_indices(case: Case) -> str | None:
    right = case.right
    if right.ndim == 0 or right.all() or not right.any():
        return None
    for d, n in enumerate(right.shape):
        wrong = [i for i in range(n) if not right.take(i, axis=d).all()]
        whole = [i for i in wrong if not right.take(i, axis=d).any()]
        if 0 < len(whole) == len(wrong) < n and (len(wrong) <= 2 or len(wrong) == n - 1) and n > 2:
            if len(wrong) == n - 1:
                return f"right only at index {({*range(n)} - {*wrong}).pop()} of dimension {d}"
            border = ": the border" if set(wrong) <= {0, n - 1} else ""
            return f"wrong only at index {' and '.join(map(str, wrong))} of dimension {d}{border}"
    return None


def _one_of_each_row(case: Case) -> str | None:
    """One wrong element in each row, as that of the target in a classification."""
    wrong = ~case.right
    if wrong.ndim != 2 or wrong.shape[1] < 3 or not (wrong.sum(axis=1) == 1).all():
        return None
    off = (case.analytic - case.numeric)[wrong]
    by = f"off by {off.mean():.6g}" if close(off, np.full_like(off, off.mean())).all() else "wrong"
    return f"one element of each row is {by}, and the others are right: that of the target?"


def _factor_per_index(case: Case) -> str | None:
    """A factor for each index of one dimension."""
    a, n = case.analytic, case.numeric
    for d, size in enumerate(a.shape):
        others = tuple(i for i in range(a.ndim) if i != d)
        if size < 2 or a.size // size < 2:
            continue
        square = (n * n).sum(axis=others, keepdims=True)
        factor = (a * n).sum(axis=others, keepdims=True) / np.where(square, square, 1)
        if factor.all() and case.same(a, factor * n):
            return (
                f"right up to a factor for each index of dimension {d} ({factor.min():.4g} to {factor.max():.4g}): is "
                "a scale, a mean or a weight along it wrong or missing?"
            )
    return None


def _offset_per_index(case: Case) -> str | None:
    """The same error at all elements of an index of one dimension."""
    difference = case.analytic - case.numeric
    for d, size in enumerate(difference.shape):
        others = tuple(i for i in range(difference.ndim) if i != d)
        if size > 1 and difference.size // size > 1:
            mean = difference.mean(axis=others, keepdims=True)
            if case.same(difference, np.broadcast_to(mean, difference.shape)):
                return (
                    f"off by the same number along all but dimension {d}: is a mean or a sum over the other dimensions "
                    "subtracted, or missing?"
                )
    return None


_OF_ANOTHER_SHAPE = (_reshaped, _not_summed)
_OF_THE_SAME_SHAPE = (_whole, _another_question)
_STRUCTURE = (_only_on_one_side, _only_at_some_indices, _one_of_each_row, _factor_per_index, _offset_per_index)
"""What is said where nothing else explains the error."""


def _the(case: Case, sizes: list[int]) -> str:
    named = [case.sizes[n] for n in sizes if n in case.sizes]
    return f"{named[0]}; " if named else ""
