"""Examine one gradient: compare it with finite differences, and find the cause where it is wrong.

The numbers come from `minigrad.autograd.comparison`. There are three verdicts: right, wrong, and "could not be told",
where the differences are too coarse, or the function is not one that can be examined. How close is close enough, as
relative error |a - n| / max(|a|, |n|): up to 1e-7 is fine; up to 1e-4 is all right, above it is wrong, except for what
the differences themselves may be wrong by. Source of the scale: CS231n, "Gradient checks".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad.autograd.comparison import MANY, RTOL, Comparison, compare
from minigrad.autograd.finite_differences import Differences, numerical_gradient
from minigrad.output.words import class_name, printable
from minigrad.teach.diagnosis import Case, Diagnosis, diagnosis, tape_of
from minigrad.teach.gradient_report import Finding, verdict
from minigrad.teach.signatures import arguments_of
from minigrad.teach.tape import Tape
from minigrad.teach.vectorizing import vectorized
from minigrad.tensors import rng

UNSTEADY = (
    "the function returns a different result when it is called again, so differences mean nothing. Is there dropout "
    "(call model.eval(), or draw the mask outside of the function), does it draw random numbers (draw them before), or "
    "does it keep a state between calls?"
)
WROTE = "the function writes into its argument, so the caller's x is changed, too. Start it with x = x.copy()"
INTEGERS = (
    "the function returns numbers of the type {}, which have no fraction, so that small steps do not show in them. Is "
    "there an int(...), or an array of integers that results are written to? Make it float"
)
CONSTANT = (
    "the function returns the same value at every point that was tried. Does it use its argument, or another array of "
    "the program? Does it remember its first answer (a cache)?"
)
RAISES = (
    "the function raises {raised} beside x, where differences need its value. Does it check its argument, or look up "
    "what it has computed before?"
)
LARGE = 100_000
"""The number of elements of a graph above which mistakes are not made at each of its operations."""
FEW, SOME, LONG = 32, 24, 50_000
"""The number of elements up to which each is compared with differences, and how many are where that takes long: where
the function has so many operations that all elements would need more than this many, some seconds."""
_REASONS = {
    "unbounded": "the slope grows without bound as the step shrinks, as at 0 in sqrt: there is no derivative. Move x",
    "jump": "the function jumps here, so there is no derivative. Move x off the jump",
    "undefined": "the function has no value beside x. Move x to where it has",
    "kink": "several kinks of different signs meet here, and their slopes add up. Move x a little off them",
    "smooth": (
        "the differences are too coarse: what the step changes is lost in the rounding of the function's value. Leave "
        "out constants and parts that do not depend on x, sum less, compute in float64, or write the function in "
        "NumPy's operations, which take complex numbers. For gradcheck, atol is the error that does not matter"
    ),
}


@dataclass
class Question:
    """A gradient to examine.

    Attributes:
        name: of the gradient, in the report.
        terms: the function of an array, whose sum is differentiated.
        x, analytic: the point and the gradient.
        about: the same for the diagnosis, with the function; its right gradient is not known yet.
        precision: the machine epsilon of what the function returns.
        reads: whether the function is known to depend on its argument.
        eps, atol, rtol, nondet_tol: see `gradcheck`.
        complex_terms: the same as `terms`, for complex arrays, which not every function takes.
    """

    name: str
    terms: Callable[[np.ndarray], np.ndarray]
    x: np.ndarray
    analytic: np.ndarray
    about: Case
    precision: float
    reads: Callable[[], bool]
    eps: float
    atol: float = 0.0
    rtol: float = RTOL
    nondet_tol: float = 0.0
    complex_terms: Callable[[np.ndarray], np.ndarray] | None = None

    def case(self, numeric: np.ndarray, trusted: Any = True) -> Case:
        """Return both gradients, for the diagnosis."""
        return replace(self.about, numeric=numeric, trusted=trusted)

    def numeric(self) -> np.ndarray:
        """Return the gradient by differences of one step."""
        at = self.x.copy()
        return numerical_gradient(lambda: self.terms(at.copy()), at, self.eps)

    @property
    def is_single(self) -> bool:
        """Whether the gradient is in single or half precision."""
        return self.analytic.dtype.kind == "f" and self.analytic.dtype.itemsize < 8

    def rounding(self, compared: Comparison) -> float:
        """Return the rounding of a gradient in single or half precision, 0 if it is in double or not known.

        1 - p of a p close to 1, or a difference of two numbers that are almost the same, has few digits there.
        """
        if not self.is_single or compared.ties or not np.isfinite(self.analytic).all():
            return 0.0
        return self.rounding_of(tape_of(self.case(compared.numeric, compared.where(lambda e: e.kind != "kink"))))

    def rounding_of(self, tape: Tape | None) -> float:
        """Return how far the gradient moves if each result of the graph is rounded to the type of `analytic`."""
        with suppress(Exception):  # an operation that cannot be computed again
            return 0.0 if tape is None else float(np.abs(tape.in_precision(self.analytic.dtype) - tape.gradient).max())
        return 0.0

    def suspects(self, tape: Tape | None) -> np.ndarray | None:
        """Return where a gradient is not that of the recorded graph, as flat indices, the largest error first.

        None if the function cannot be recorded.
        """
        if tape is None or not np.isfinite(tape.gradient).all():
            return None
        right, given = tape.gradient.ravel(), self.about.analytic.ravel()
        off = np.abs(given - right)
        rounding = 8 * self.rounding_of(tape) if self.is_single else 0.0
        close = off <= self.rtol * np.maximum(abs(given), abs(right)) + self.atol + rounding
        suspects = np.flatnonzero(~(close & np.isfinite(given)))
        return suspects[np.argsort(-off[suspects])]

    def diagnose(self, finding: Finding, case: Case) -> None:
        """Write the likeliest mistake into the finding."""
        with suppress(ArithmeticError, ValueError):  # numbers close to the range of floats
            finding.diagnosis = diagnosis(case)

    def diagnose_sample(self, finding: Finding, case: Case) -> None:
        """Write the likeliest mistake of a large gradient into the finding, if the graph shows the right one."""
        tape = tape_of(case)
        if tape is not None:
            is_large = sum(op.value.size for op in tape.ops) > LARGE and vectorized(tape) is None
            # without gradients of other questions, by differences, which would take too long
            case = replace(case, numeric=tape.gradient, trusted=True, others={})
            self.diagnose(finding, replace(case, function=None, recording=None) if is_large else case)
        if finding.pattern is None and (tape is None or is_large):
            finding.notes.append("It is too large to look for the cause at each operation: check a smaller case")


@np.errstate(all="ignore")
def examine(question: Question) -> Finding:
    """Return what is found of one gradient."""
    x, analytic = question.x, question.analytic
    finding = Finding(question.name, x.shape, x.dtype)
    if not np.isfinite(x).all():
        finding.notes.append("x itself is nan or infinite. Move it to a point")
        return finding
    differences = Differences(question.terms, x, question.precision, question.nondet_tol)
    if not _steady(differences):
        finding.notes.append(UNSTEADY)
        return finding
    if not np.isfinite(differences.here).all():
        finding.notes.append("The function itself is nan or infinite here. Move x to where it has a value")
        return finding
    if analytic.shape != x.shape:
        finding.verdict = "wrong"
        question.diagnose(finding, question.case(question.numeric()))
        finding.notes.append(f"The gradient has the shape {analytic.shape}; it must have that of its input, {x.shape}")
        return finding
    upstream = max((float(np.abs(w).max(initial=0.0)) for w in question.about.upstream), default=1.0)
    tape = tape_of(question.case(analytic, False)) if x.size > FEW else None
    if tape is not None:
        question = replace(question, about=replace(question.about, recording=tape.recording))
    work = x.size * (len(tape.ops) if tape is not None else 0)
    suspects = question.suspects(tape) if x.size > MANY or work > LONG else None
    few = None if x.size > MANY else SOME
    settings = (question.eps, question.atol, question.rtol, question.complex_terms, suspects, few)
    compared = compare(differences, analytic, upstream, *settings)
    if differences.unsteady or not _steady(differences):
        finding.notes.append(UNSTEADY)
        return finding
    if x.size and not differences.changed and _constant(differences) and not question.reads():
        finding.notes.append(CONSTANT)
        return finding
    finding.sampled = compared.sampled
    if not _is_rounding(finding, question, compared):
        _fill(finding, question, compared, differences.raised)
    if compared.sampled:
        others = "the others in groups"
        if suspects is None or (suspects.size and finding.ok):  # the graph is not known, or is another one
            others += f", which do not show an error below {question.rtol:g} of the norm of a group"
        elif finding.ok:
            others = "the others with the gradient of the recorded graph and in groups"
        finding.notes.append(f"{len(compared.elements)} of its {x.size} elements were compared one by one, {others}")
    if differences.wrote:
        agrees = {"right": "the gradient is right", "wrong": "the gradient is wrong"}.get(finding.verdict, "")
        finding = Finding(question.name, x.shape, x.dtype, notes=[WROTE])
        if agrees:
            finding.notes.append(f"With a copy of x for each call, {agrees}")
    return finding


def other_questions(
    weights: Sequence[np.ndarray], by: Callable[[Sequence[np.ndarray]], Callable[[], np.ndarray]]
) -> dict[str, Callable[[], np.ndarray]]:
    """Return gradients for other upstream gradients, by what it means if the one under test equals one of them."""

    def only(i: int) -> list[np.ndarray]:
        masks = [np.zeros_like(w) for w in weights]
        for mask, w in zip(masks, weights):
            mask[i] = w[i]
        return masks

    several = all(w.ndim and len(w) > 1 for w in weights)
    ones = {"the gradient for an upstream gradient of ones: multiply by it": by([np.ones_like(w) for w in weights])}
    return ones | {
        f"the contribution of the {which} example alone: those of all examples add up (+=)": by(only(i))
        for i, which in ((-1, "last"), (0, "first"))
        if several
    }


def _random_state() -> tuple[Any, ...]:
    name, keys, position, *rest = np.random.get_state()
    return (
        name,
        bytes(np.asarray(keys)),
        position,
        rest,
        random.getstate(),
        str(rng.default_generator.numpy.bit_generator.state),
    )


def _steady(differences: Differences) -> bool:
    """Return whether the function returns the same when it is called again at x."""
    before = _random_state()
    steady = all(differences.repeat() for _ in range(12))
    if steady and _random_state() != before:  # it draws numbers: do they really never matter?
        steady = all(differences.repeat() for _ in range(200))
    return steady


def _constant(differences: Differences) -> bool:
    """Return whether the function returns the same far from x, too."""
    rng = np.random.default_rng(0)
    x = differences.x
    far = [-x, rng.permutation(x.ravel()).reshape(x.shape)]
    far += [x + size * rng.standard_normal(x.shape) * max(1.0, differences.typical) for size in (1, 10, 1e3, 1e6)]
    for point in far:
        differences.at(point)
    return not differences.changed


def _is_rounding(finding: Finding, question: Question, compared: Comparison) -> bool:
    """Fill a finding if all errors may be the rounding of a gradient in single or half precision."""
    doubtful = [e for e in compared.elements if e.verdict != "right"]
    rounding = question.rounding(compared) if doubtful else 0.0
    off = [abs(e.analytic - e.numeric) for e in doubtful]
    beyond = [o - question.rtol * abs(e.numeric) for o, e in zip(off, doubtful)]
    if not rounding or not max(beyond) <= 32 * rounding:
        return False
    of = f"the rounding of {question.analytic.dtype}"
    if max(beyond) <= 8 * rounding and max(off) <= 1e-2 * np.abs(compared.numeric).max():
        finding.verdict = "right"
        finding.summary = f"right, to {of}: the worst relative error is {max(e.error for e in doubtful):.1e}"
    else:
        finding.unknown, finding.worst = len(doubtful), sorted(doubtful, key=lambda e: -e.error)
        finding.notes.append(f"The errors are no larger than {of}, in which numbers cancel here. Compute it in float64")
    return True


def _named(error: Exception) -> str:
    text = printable(error)[:100]
    return class_name(error) + (f" ({text})" if text else "")


def _fill(finding: Finding, question: Question, compared: Comparison, raised: Exception | None) -> None:
    """Fill a finding with what the comparison showed, in words."""
    by = {v: [e for e in compared.elements if e.verdict == v] for v in ("right", "wrong", "unknown", "unexamined")}
    finding.wrong, finding.unknown, finding.unexamined = (len(by[v]) for v in ("wrong", "unknown", "unexamined"))
    finding.kinks = sum(e.kind == "kink" for e in by["right"])
    finding.verdict = "wrong" if by["wrong"] else "could not be told" if by["unknown"] else "right"
    if finding.verdict == "wrong":
        finding.worst = sorted(by["wrong"], key=lambda e: -e.error)
        trusted = compared.where(
            lambda e: e.kind != "kink" and (e.verdict in ("right", "wrong") or e.accuracy <= 1e-3 * abs(e.numeric))
        )
        within = np.zeros(question.x.shape)
        for one in compared.elements:
            within[one.index] = min(1e-2 * abs(one.numeric), 2 * one.accuracy)
        case = replace(question.case(compared.numeric, trusted), accuracy=within)
        if not np.isfinite(question.analytic).all():
            said = "nan or infinite: detect_anomaly() names the operation that made it"
            finding.diagnosis = Diagnosis("not finite", "", said)
        elif compared.sampled:
            question.diagnose_sample(finding, case)
        elif not all(e.kind == "tie" for e in by["wrong"]):
            question.diagnose(finding, case)
        for tie in compared.ties[:3]:
            indices = ", ".join(str(list(i)) for i in tie.indices[:6]) + ", ..." * (len(tie.indices) > 6)
            low, high = tie.slopes
            must = f"{low:.4g}" if high - low <= 1e-3 * max(abs(low), abs(high)) else f"{low:.4g} to {high:.4g}"
            what = "together" if set(tie.direction) == {1.0} else f"times {np.round(tie.direction, 3).tolist()[:6]}"
            finding.notes.append(
                f"The elements {indices} are tied, as equal numbers in a maximum are: {what} they must add up to "
                f"{must}, and add up to {tie.product:.4g}"
            )
        if finding.unexamined:
            finding.notes.append(f"{finding.unexamined} more elements look wrong; these were not examined closely")
        if finding.unknown:
            finding.notes.append(f"{finding.unknown} more elements could not be decided")
        return
    if finding.verdict == "could not be told":
        finding.worst = sorted(by["unknown"], key=lambda e: -max(abs(e.analytic), abs(e.numeric)))
        for kind in dict.fromkeys(e.kind for e in finding.worst):
            reason = _REASONS[kind] if kind != "undefined" or raised is None else RAISES.format(raised=_named(raised))
            finding.notes.append(reason[0].upper() + reason[1:])
        return
    smooth = [e for e in by["right"] if e.kind != "kink" and (e.analytic or e.numeric)]
    resolved = [e for e in smooth if e.numeric and e.accuracy <= RTOL / 2 * abs(e.numeric)]
    finding.worst = sorted(resolved or smooth, key=lambda e: -e.error)[:1]
    worst = finding.worst[0].error if finding.worst else 0.0
    finding.summary = f"the worst relative error is {worst:.1e}, {verdict(worst)}"
    if worst > RTOL:
        coarse = max(max(e.accuracy / max(abs(e.analytic), abs(e.numeric)), e.error) for e in smooth)
        finding.summary = (
            "0, up to rounding"
            if coarse > 0.1
            else f"right, as far as differences show: these are accurate to {coarse:.1e}"
        )
    if finding.kinks:
        finding.notes.append(
            f"{finding.kinks} of its elements are at a kink, where the gradient lies between the slopes on the two "
            "sides, which is right"
        )
    if resolved and (small := sum(e.error > RTOL for e in smooth)):
        largest = max(abs(e.numeric) for e in resolved)
        accuracy = max(e.accuracy for e in smooth if e.error > RTOL) / largest
        finding.notes.append(
            f"{small} of its elements are so small that differences are coarse there; these are right to "
            f"{accuracy:.0e} of the largest element"
        )


def parameter_names(f: Callable[..., Any], count: int, otherwise: str = "input") -> list[str]:
    """Return the names of the first `count` parameters of a function, where it has them."""
    found = [p.name for p in arguments_of(f) if p.kind <= p.POSITIONAL_OR_KEYWORD][:count]
    return found + [f"{otherwise}{i if count > 1 else ''}" for i in range(len(found), count)]
