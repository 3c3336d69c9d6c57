"""Check gradients against finite differences, and explain a wrong one in words.

The numbers come from `minigrad.autograd.comparison`. There are three verdicts: right, wrong, and "could not be told",
where the differences are too coarse, or the function is not one that can be examined. Only the first is true as a bool.
How close is close enough, as relative error |a - n| / max(|a|, |n|): up to 1e-7 is fine; up to 1e-4 is all right, above
it is wrong, except for what the differences themselves may be wrong by. Source of the scale: CS231n, "Gradient checks".
"""

from __future__ import annotations

import functools
import inspect
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.autograd import grad
from minigrad.autograd.comparison import MANY, RTOL, Comparison, Element, compare
from minigrad.autograd.finite_differences import Differences, WeightedOutputs, numerical_gradient
from minigrad.grad_mode import enable_grad
from minigrad.nn.arguments import check_callable, check_positive
from minigrad.output.words import class_name, in_brackets
from minigrad.scalar import Value
from minigrad.teach.diagnosis import Case, Diagnosis, diagnosis, tape_of
from minigrad.teach.restoring import same_generators
from minigrad.teach.tape import Tape
from minigrad.tensors import rng
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

UNSTEADY = (
    "the function returns a different result when it is called again, so differences mean nothing. Is there dropout "
    "(call model.eval(), or draw the mask outside of the function), does it draw random numbers (draw them before), or "
    "does it keep a state between calls?"
)
WROTE = "the function writes into its argument, so the caller's x is changed, too. Start it with x = x.copy()"
INTEGERS = (
    "the function returns numbers of the type {}, which have no fraction, so that small steps do not show in them. Is "
    "there an int(…), or an array of integers that results are written to? Make it float"
)
CONSTANT = (
    "the function returns the same value at every point that was tried. Does it use its argument, or another array of "
    "the program? Does it remember its first answer (a cache)?"
)
LARGE = 100_000
"""The number of elements of a graph above which mistakes are not made at each of its operations."""
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


class GradcheckError(RuntimeError):
    """Raised by `gradcheck` for a gradient that is not right; the text explains it, `report` has the numbers."""

    report: Report | None = None


def verdict(error: float) -> str:
    """Return the word for a relative error, after CS231n.

    >>> [verdict(e) for e in (1e-9, 1e-5, 1e-3, 0.5)]
    ['fine', 'all right', 'suspicious', 'wrong']
    """
    return "fine" if error <= 1e-7 else "all right" if error <= 1e-4 else "suspicious" if error <= 1e-2 else "wrong"


@dataclass
class Finding:
    """The result for one input.

    Attributes:
        name, shape, dtype: the input.
        verdict: "right", "wrong" or "could not be told".
        worst: the elements to show, the worst first.
        wrong, unknown, kinks: the number of elements that are wrong, that could not be told, that are at a kink.
        unexamined: the number of suspicious elements that were not examined, as enough others are wrong.
        sampled: whether the gradient is so large that not all elements were compared one by one.
        pattern: the likeliest mistake, as a sentence.
        diagnosis: the same with its name in the catalogue, a hint, and a derivation.
        summary: of a right gradient, how right it is.
        notes: what else there is to say; of "could not be told", why and what helps.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    verdict: str
    worst: list[Element] = field(default_factory=list)
    wrong: int = 0
    unknown: int = 0
    kinks: int = 0
    unexamined: int = 0
    sampled: bool = False
    pattern: str | None = None
    diagnosis: Diagnosis | None = None
    summary: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True if the gradient is right."""
        return self.verdict == "right"

    def __str__(self) -> str:
        size = int(np.prod(self.shape))
        count = self.wrong if self.verdict == "wrong" else self.unknown
        among = f" in {'at least ' * self.sampled}{count} of {size} elements" if count else ""
        if self.ok:
            says = self.summary if size else "no elements, nothing to check"
        else:
            says = ("WRONG" if self.verdict == "wrong" else "COULD NOT BE TOLD") + among
        lines = [f"{self.name}, {self.dtype} of shape {self.shape}: {says}"]
        if self.diagnosis is not None and self.diagnosis.hint:
            lines.append(f"    Hint: {self.diagnosis.hint}.")
        if self.pattern:
            lines.append(f"    Pattern: {self.pattern}{'' if self.pattern.endswith('?') else '.'}")
        if not self.ok and self.worst:
            lines.append(f"    {'index':12} {'analytic':>14} {'numeric':>14} {'rel. error':>10} {'accurate to':>11}")
            lines += [
                f"    {str(list(e.index)):12} {e.analytic:14.7g} {e.numeric:14.7g} {e.error:10.1e} {e.accuracy:11.1e}"
                for e in self.worst[:5]
            ]
        return "\n".join([*lines, *(f"    {note}{'' if note[-1] in '.?' else '.'}" for note in self.notes)])


@dataclass
class Report:
    """The results for all inputs; its text explains them. True if all gradients are right."""

    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """True if all gradients are right."""
        return all(f.ok for f in self.findings)

    @property
    def verdict(self) -> str:
        """The verdict on all: "right", "wrong" if one is, otherwise "could not be told"."""
        verdicts = [f.verdict for f in self.findings]
        return "right" if self.ok else "wrong" if "wrong" in verdicts else "could not be told"

    def explain(self) -> str:
        """Return the derivations of the contributions in which mistakes were found."""
        return "\n".join(f.diagnosis.explain() for f in self.findings if f.diagnosis is not None)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))

    __repr__ = __str__


# ---- one gradient ----------------------------------------------------------------------------------------------


@dataclass
class _Question:
    """A gradient to examine.

    Attributes:
        terms: the function of an array, whose sum is differentiated.
        precision: the machine epsilon of what the function returns.
        reads: whether the function is known to depend on its argument.
        complex_terms: the same as `terms`, for complex arrays, which not every function takes.
        subject: for the diagnosis: the function and its inputs.
    """

    name: str
    terms: Callable[[np.ndarray], np.ndarray]
    x: np.ndarray
    analytic: np.ndarray
    weights: Sequence[np.ndarray]
    precision: float
    eps: float
    atol: float
    rtol: float
    sizes: dict[int, str]
    others: dict[str, Callable[[], np.ndarray]]
    reads: Callable[[], bool]
    subject: dict[str, Any]
    nondet_tol: float = 0.0
    complex_terms: Callable[[np.ndarray], np.ndarray] | None = None

    def case(self, numeric: np.ndarray, trusted: Any = True) -> Case:
        """Return both gradients, for the diagnosis."""
        analytic = np.asarray(self.analytic, dtype=float)
        return Case(analytic, numeric, self.x.astype(float), self.sizes, self.others, trusted, **self.subject)

    def rounding(self, compared: Comparison) -> float:
        """Return the rounding of a gradient in single or half precision, 0 if it is in double or not known.

        1 - p of a p close to 1, or a difference of two numbers that are almost the same, has few digits there.
        """
        dtype = self.analytic.dtype
        if dtype.kind != "f" or dtype.itemsize >= 8 or compared.ties or not np.isfinite(self.analytic).all():
            return 0.0
        return self.rounding_of(tape_of(self.case(compared.numeric, compared.where(lambda e: e.kind != "kink"))))

    def rounding_of(self, tape: Tape | None) -> float:
        """Return how far the gradient moves if each result of the graph is rounded to the type of `analytic`."""
        with np.errstate(all="ignore"), suppress(Exception):  # an operation that cannot be computed again
            return 0.0 if tape is None else float(np.abs(tape.in_precision(self.analytic.dtype) - tape.gradient).max())
        return 0.0

    def suspects(self) -> np.ndarray | None:
        """Return where a gradient is not that of the recorded graph, as flat indices, the largest error first.

        None if the function cannot be recorded.
        """
        tape = tape_of(self.case(self.analytic.astype(float), False))
        if tape is None or not np.isfinite(tape.gradient).all():
            return None
        right, given = tape.gradient.ravel(), self.analytic.astype(float).ravel()
        off = np.abs(given - right)
        single = self.analytic.dtype.kind == "f" and self.analytic.dtype.itemsize < 8
        allowed = (
            self.rtol * np.maximum(abs(given), abs(right)) + self.atol + (8 * self.rounding_of(tape) if single else 0)
        )
        suspects = np.flatnonzero(~(off <= allowed))
        return suspects[np.argsort(-off[suspects])]

    def diagnose(self, finding: Finding, numeric: np.ndarray, trusted: Any = True) -> None:
        """Write the likeliest mistake into the finding."""
        case = self.case(numeric, trusted)
        with np.errstate(all="ignore"):
            try:
                finding.diagnosis = diagnosis(case)
            except (ArithmeticError, ValueError):  # numbers close to the range of floats
                finding.diagnosis = None
        finding.pattern = None if finding.diagnosis is None else finding.diagnosis.cause

    def diagnose_sample(self, finding: Finding, compared: Comparison, trusted: np.ndarray) -> None:
        """Write the likeliest mistake of a large gradient into the finding, if the graph shows the right one."""
        self.others = {}  # gradients by differences, which would take too long
        tape = tape_of(self.case(compared.numeric, trusted))
        if tape is not None:
            if sum(op.value.size for op in tape.ops) > LARGE:
                self.subject = {**self.subject, "function": None}
            self.diagnose(finding, tape.gradient)
        if finding.pattern is None:
            finding.notes.append("It is too large to look for the cause at each operation: check a smaller case")


def _examine(question: _Question) -> Finding:
    x, analytic = question.x, question.analytic
    finding = Finding(question.name, x.shape, x.dtype, "could not be told")
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
        question.diagnose(finding, numerical_gradient_of(question))
        finding.notes.append(f"The gradient has the shape {analytic.shape}; it must have that of its input, {x.shape}")
        return finding
    upstream = max((float(np.abs(w).max(initial=0.0)) for w in question.weights), default=1.0)
    suspects = question.suspects() if x.size > MANY else None
    settings = (question.eps, question.atol, question.rtol, question.complex_terms, suspects)
    compared = compare(differences, analytic, upstream, *settings)
    if differences.unsteady or not _steady(differences):
        finding.notes.append(UNSTEADY)
        return finding
    if x.size and not differences.changed and _constant(differences) and not question.reads():
        finding.notes.append(CONSTANT)
        return finding
    finding.sampled = compared.sampled
    if not _is_rounding(finding, question, compared):
        _fill(finding, question, compared)
    if compared.sampled:
        others = "the others in groups"
        if suspects is None or (suspects.size and finding.ok):  # the graph is not known, or is another one
            others += f", which do not show an error below {question.rtol:g} of the norm of a group"
        elif finding.ok:
            others = "the others with the gradient of the recorded graph and in groups"
        finding.notes.append(f"{len(compared.elements)} of its {x.size} elements were compared one by one, {others}")
    if differences.wrote:
        agrees = {"right": "the gradient is right", "wrong": "the gradient is wrong"}.get(finding.verdict, "")
        finding = Finding(question.name, x.shape, x.dtype, "could not be told", notes=[WROTE])
        if agrees:
            finding.notes.append(f"With a copy of x for each call, {agrees}")
    return finding


def numerical_gradient_of(question: _Question) -> np.ndarray:
    """Return the numerical gradient of a question."""
    at = question.x.copy()
    return numerical_gradient(lambda: question.terms(at.copy()), at, question.eps)


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


def _is_rounding(finding: Finding, question: _Question, compared: Comparison) -> bool:
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


def _fill(finding: Finding, question: _Question, compared: Comparison) -> None:
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
        if not np.isfinite(question.analytic).all():
            finding.pattern = "nan or infinite: detect_anomaly() names the operation that made it"
        elif compared.sampled:
            question.diagnose_sample(finding, compared, trusted)
        elif not all(e.kind == "tie" for e in by["wrong"]):
            question.diagnose(finding, compared.numeric, trusted)
        for tie in compared.ties[:3]:
            indices = ", ".join(str(list(i)) for i in tie.indices[:6]) + ", …" * (len(tie.indices) > 6)
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
            finding.notes.append(_REASONS[kind][0].upper() + _REASONS[kind][1:])
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


# ---- of functions of tensors -----------------------------------------------------------------------------------


def _other_questions(checked: WeightedOutputs, x: np.ndarray, eps: float) -> dict[str, Callable[[], np.ndarray]]:
    """Return gradients of related questions, by what it means if the gradient under test equals one of them."""

    def by(weights: list[np.ndarray]) -> Callable[[], np.ndarray]:
        return lambda: numerical_gradient(lambda: checked.loss(weights), x, eps)

    def only(i: int) -> list[np.ndarray]:
        masks = [np.zeros_like(w) for w in checked.weights]
        for mask, w in zip(masks, checked.weights):
            mask[i] = w[i]
        return masks

    answers = {
        "the gradient for an upstream gradient of ones: multiply by the gradient that arrives": by(
            [np.ones_like(w) for w in checked.weights]
        ),
    }
    if all(w.ndim and len(w) > 1 for w in checked.weights):
        for i, which in ((-1, "last"), (0, "first")):
            answers[
                f"the contribution of the {which} example alone: those of all examples add up (+=, or a sum over "
                "dimension 0)"
            ] = by(only(i))
    return answers


def gradcheck_report(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 0.0,
    rtol: float = RTOL,
    nondet_tol: float = 0.0,
    grad_outputs: Any = None,
) -> Report:
    """The same as `gradcheck`, but return the report, whatever the verdict.

    >>> from minigrad import tensor
    >>> x = tensor([1.0, -2.0, 0.5], dtype="float64", requires_grad=True)
    >>> print(gradcheck_report(lambda x: x.detach() * x, x))
    input 0, float64 of shape (3,): WRONG in 3 of 3 elements
        Pattern: a constant factor of 1/2: the 2 of a square, or an input used twice (= for +=)?
    ...
    """
    check_callable("gradcheck", func=func)
    if not isinstance(inputs, Iterable):
        raise TypeError(f"gradcheck: inputs must be a tensor, or several in a list, got {class_name(inputs)}")
    several = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wanted = {i: t for i, t in enumerate(several) if isinstance(t, Tensor) and t.requires_grad}
    if not wanted:
        raise ValueError("gradcheck: none of the inputs requires a gradient: tensor(..., requires_grad=True)")
    for i, t in wanted.items():
        if not t.is_leaf:
            raise ValueError(f"gradcheck: input {i} is a result; pass a leaf: t.detach().clone().requires_grad_()")
        if 0 in t._array.strides and t.numel() > 1 or not t._array.flags.writeable:
            raise ValueError(f"gradcheck: elements of input {i} share memory (an expanded tensor?): .clone() it")
    checked = WeightedOutputs(func, several, grad_outputs)
    sizes: dict[int, str] = {}
    for i, t in enumerate(several):
        if isinstance(t, Tensor):
            for d, n in enumerate(t.shape):
                if n > 1:
                    sizes.setdefault(n, f"the size of dimension {d} of input {i}" + ", the batch" * (d == 0))
    names = _parameter_names(func, len(several))
    names = [getattr(t, "name", "") or name for t, name in zip(several, names)]
    subject = {"function": func, "inputs": several, "names": names, "upstream": checked.weights}
    before = {i: t._array.copy() for i, t in wanted.items()}
    computed = checked.gradients([*wanted.values()])
    written = [i for i, t in wanted.items() if not np.array_equal(t._array, before[i], equal_nan=True)]
    for i, t in wanted.items():
        t._array[...] = before[i]
    findings = []
    for (i, t), g in zip(wanted.items(), computed):
        h = max(eps, 1e-3) if t.dtype == np.float32 else eps
        question = _Question(
            name=f"input {i}{in_brackets(t.name)}",
            terms=checked.of(t),
            x=t._array.copy(),
            analytic=np.zeros(t.shape) if g is None else g.detach()._array,
            weights=checked.weights,
            precision=max(checked.precision, float(np.finfo(t.dtype).eps)),
            eps=h,
            atol=atol,
            rtol=rtol,
            sizes=sizes,
            others=_other_questions(checked, t._array, h),
            # a zero gradient is right where the graph reaches other inputs, but not this one
            reads=lambda: any(g is not None for g in computed),
            subject={**subject, "position": i},
            nondet_tol=nondet_tol,
        )
        finding = _examine(question)
        if i in written and WROTE not in finding.notes:
            finding = Finding(question.name, t.shape, t.dtype, "could not be told", notes=[WROTE])
        if t.dtype == np.float32:
            finding.notes.append(
                "Differences in float32 have errors of about 1e-3. For a meaningful check use float64, as in "
                "x.double(), model.double()."
            )
        findings.append(finding)
    return Report(findings)


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 0.0,
    rtol: float = RTOL,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    fast_mode: bool = False,
) -> bool:
    """Check the gradients of a function against finite differences, and explain a wrong one.

    Args:
        func: a function of tensors that returns one or several tensors.
        inputs: a tensor, or several. Leaves that require a gradient are checked, and perturbed during the check.
        eps: the first step of the differences (default 1e-6). Doubtful elements are examined with steps of all sizes.
        atol, rtol: an element is right if |analytic - numeric| <= atol + rtol * max(|analytic|, |numeric|) besides the
            measured accuracy of the difference. Default: 0 and 1e-4; PyTorch's 1e-5 and 1e-3 call each gradient below
            1e-5 right.
        raise_exception: raise for a gradient that is not right, instead of returning False.
        nondet_tol: the largest difference allowed between two calls with the same inputs.
        check_undefined_grad, check_grad_dtypes, fast_mode: accepted for PyTorch's signature, without effect.

    Raises:
        GradcheckError: for a wrong gradient, with index, values, relative errors and the likeliest mistake; for one
            that could not be told, with the reason and what helps.
        ValueError: if no input requires a gradient.

    An element at a kink (relu at 0) counts as right if its gradient lies between the slopes on the two sides. Elements
    that share a kink (equal numbers in a maximum) are examined together.

    >>> from minigrad import tensor
    >>> gradcheck(lambda a, b: (a @ b).tanh(), [tensor(np.eye(2), requires_grad=True), tensor(np.ones(2))])
    True
    """
    report = gradcheck_report(func, inputs, eps=eps, atol=atol, rtol=rtol, nondet_tol=nondet_tol)
    return _answer(report, raise_exception)


def _answer(report: Report, raise_exception: bool) -> bool:
    if not report.ok and raise_exception:
        error = GradcheckError(f"gradcheck:\n{report}")
        error.report = report
        raise error
    return report.ok


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 0.0,
    rtol: float = RTOL,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """Check second derivatives: `gradcheck` of the gradients, also with respect to the upstream gradient.

    >>> from minigrad import tensor
    >>> gradgradcheck(lambda x: x**3, tensor([1.0, 2.0], dtype="float64", requires_grad=True))
    True
    """
    several = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    places = [i for i, t in enumerate(several) if isinstance(t, Tensor) and t.requires_grad]
    outputs = [o for o in WeightedOutputs(func, several).outputs() if o.requires_grad]
    if grad_outputs is None:
        rng = np.random.default_rng(1)
        grad_outputs = [as_tensor(rng.standard_normal(o.shape).astype(o.dtype)).requires_grad_() for o in outputs]
    upstream = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)

    def first(*arguments: Any) -> Any:
        with enable_grad():
            outputs = [o for o in WeightedOutputs(func, arguments[: len(several)]).outputs() if o.requires_grad]
            wanted = [arguments[i] for i in places]
            found = grad(outputs, wanted, list(arguments[len(several) :]), create_graph=True, allow_unused=True)
        return tuple([g for g in found if g is not None])

    report = gradcheck_report(first, [*several, *upstream], eps=eps, atol=atol, rtol=rtol, nondet_tol=nondet_tol)
    return _answer(report, raise_exception)


# ---- of gradients written by hand ------------------------------------------------------------------------------


@same_generators()
def check_gradient(
    f: Callable[[Any], Any], x: Any, dx: Any = None, upstream: Any = None, *, eps: float = 1e-6, name: str = "dx"
) -> Report:
    """Check a gradient computed by hand in NumPy.

    Args:
        f: a function of an array that returns a number or an array. It may return a tuple that starts with it, such as
            (loss, gradient) or (out, cache).
        x: the point, an array of floats; or a dictionary of arrays, such as the parameters of a network.
        dx: the gradient computed by hand; for a dictionary, a dictionary with the same keys. Default: the gradient that
            f returns beside its value, an array or a dictionary.
        upstream: the gradient with respect to f(x) that dx was computed with. Default: 1, if f returns a number.
        eps: the first step of the differences (default 1e-6). Doubtful elements are examined with steps of all sizes.
        name: the name of the gradient in the report; of several gradients that f returns, the one to examine.

    Returns:
        A report with a verdict. It is true as a bool only if dx is right: not if dx is wrong, and not if that could not
        be told. Its text explains what is wrong, or why it could not be told and what helps.

    Raises:
        ValueError: if f returns an array and `upstream` is missing, has another shape or is not finite; if there is no
            gradient, or one for something that is not in x; if eps is not positive.
        TypeError: if x or dx are not numbers, or complex; if f needs several arguments.

    An element is right to a relative error of 1e-4, besides the accuracy of its difference, which is measured.

    >>> W, x = np.ones((3, 4)), np.arange(8.0).reshape(2, 4)
    >>> dscores = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> print(check_gradient(lambda W: x @ W.T, W, dscores.T @ x, dscores))
    dx, float64 of shape (3, 4): the worst relative error is ..., fine

    A function that returns its loss and its gradient, as those of CS231n do, needs no more:

    >>> def loss_and_gradient(w):
    ...     return (w**2).sum(), 2 * w
    >>> bool(check_gradient(loss_and_gradient, np.array([1.0, -2.0])))
    True
    """
    check_positive("check_gradient", eps=eps)
    if not isinstance(name, str):
        raise TypeError(f"check_gradient: name must be the name of a gradient, such as 'dx', got {class_name(name)}")
    check_callable("check_gradient", f=f)
    if isinstance(x, Mapping):
        if not x:
            raise ValueError("check_gradient: x is an empty dictionary, with nothing to check")
        if isinstance(dx, Mapping) and (unknown := [key for key in dx if key not in x]):
            raise ValueError(f"check_gradient: dx has a gradient for {unknown[0]!r}, x has no such key")
        findings = []
        for key in x:
            if dx is not None and not (isinstance(dx, Mapping) and key in dx):
                raise ValueError(f"check_gradient: x is a dictionary; dx must be one, too, with a gradient for {key!r}")
            of_one = check_gradient(
                lambda value, key=key: f({**x, key: value}),  # type: ignore[misc]
                *(x[key], None if dx is None else dx[key], upstream),
                eps=eps,
                name=f"d{key}",
            )
            findings += of_one.findings
        return Report(findings)
    point = _numbers(x, "x").astype(float)
    if not _takes_one(f):
        signature = f"{getattr(f, '__name__', 'f')}{inspect.signature(f)}"
        raise TypeError(
            f"check_gradient: f is called with x alone, but is {signature}; fix the other arguments: lambda x: f(x, …)"
        )
    is_array = isinstance(x, np.ndarray | list | tuple | Tensor)
    given = None if upstream is None else _numbers(upstream, "upstream").astype(float)
    if given is not None and not np.isfinite(given).all():
        raise ValueError("check_gradient: upstream is nan or infinite")

    # not a function of this module: the recording must see f, to rebuild it
    value_of = functools.partial(_value_of, f, point, given)
    out, own = _split(f(_argument(point, is_array)), point, given)
    value = _numbers(out, "the value of f")
    analytic = _numbers(_own_gradient(own, point, name) if dx is None else dx, name)
    if given is None:
        if value.size != 1:
            raise ValueError(
                f"check_gradient: f returns an array of shape {value.shape}; pass the upstream gradient that dx was "
                "computed with (a random one, of that shape)"
            )
        given = np.ones(value.shape)
    if value.dtype.kind != "f" and value.any() and analytic.any():
        finding = Finding(name, point.shape, point.dtype, "could not be told", notes=[INTEGERS.format(value.dtype)])
        return Report([finding])
    weights = given
    if weights.shape != value.shape:
        raise ValueError(f"check_gradient: upstream has shape {weights.shape}, the value of f {value.shape}")

    def loss(array: np.ndarray, w: np.ndarray = weights) -> np.ndarray:
        argument = _argument(array, is_array)
        found = w * np.asarray(_plain(value_of(argument)), dtype=float)
        return found.ravel()

    def by(w: np.ndarray) -> Callable[[], np.ndarray]:
        at = point.copy()
        return lambda: numerical_gradient(lambda: loss(at.copy(), w), at, eps)

    others = {}
    if value.ndim:
        others["the gradient for an upstream gradient of ones: multiply by it"] = by(np.ones_like(weights))
    if value.ndim and len(value) > 1:
        for i, which in ((-1, "last"), (0, "first")):
            alone = np.zeros_like(weights)
            alone[i] = weights[i]
            others[f"the contribution of the {which} example alone: those of all examples add up (+=)"] = by(alone)
    sizes = {n: f"the size of dimension {d} of f(x)" + ", the batch" * (d == 0) for d, n in enumerate(value.shape)}
    sizes |= {n: f"the size of dimension {d} of x" for d, n in enumerate(point.shape) if n not in sizes}
    sizes.pop(1, None)
    question = _Question(
        *(name, loss, point, analytic, [weights]),
        precision=float(np.finfo(value.dtype).eps) if value.dtype.kind == "f" else 0.0,
        eps=eps,
        atol=0.0,
        rtol=RTOL,
        sizes=sizes,
        others=others,
        reads=lambda: _reads(value_of, point),
        complex_terms=lambda z: (weights * np.asarray(value_of(_argument(z, is_array)))).ravel(),
        subject={
            "function": value_of,
            "inputs": [point],
            "names": _parameter_names(f, 1, name.removeprefix("d") or "x"),
            "upstream": [weights],
        },
    )
    return Report([_examine(question)])


def _argument(array: np.ndarray, is_array: bool) -> Any:
    """Return what a function is called with: an array, or a number where a number was given."""
    return array if is_array else array[()]


def _takes_one(f: Callable[..., Any]) -> bool:
    """Return whether a function can be called with one argument."""
    try:
        inspect.signature(f).bind(None)
    except TypeError:
        return False
    except ValueError:  # a builtin has no signature
        pass
    return True


def _plain(value: Any) -> Any:
    return value.data if isinstance(value, Value) else value.detach()._array if isinstance(value, Tensor) else value


def _numbers(value: Any, what: str) -> np.ndarray:
    """Return an array of real numbers."""
    if isinstance(value, np.matrix | np.ma.MaskedArray):  # their operators are others, and f would get an array
        raise TypeError(f"check_gradient: {what} is a {class_name(value)}; pass a plain array: np.array({what})")
    plain = _plain(value)
    try:
        array = np.asarray(plain)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind == "c":
        raise TypeError(
            f"check_gradient: {what} is complex; pass the real and the imaginary part as two arrays of floats"
        )
    if array.dtype.kind not in "fiub":
        got = f"an array of dtype {array.dtype}" if isinstance(plain, np.ndarray) else class_name(value)
        fix = ""
        if value is None and what == "the value of f":
            fix = ": is the line with return missing?"
        elif isinstance(plain, list | tuple):
            fix = "; several arrays are a dictionary, such as {'W': W, 'b': b}"
        elif array.dtype == object and array.ndim:
            fix = f"; if it holds numbers, convert it: {what}.astype(float)"
        raise TypeError(f"check_gradient: {what} must be an array of numbers, got {got}{fix}")
    return array


def _value_of(f: Callable[[Any], Any], x: np.ndarray, upstream: np.ndarray | None, array: Any) -> Any:
    """Return the value of f at an array, without what f returns beside it."""
    return _split(f(array), x, upstream)[0]


def _split(out: Any, x: np.ndarray, upstream: np.ndarray | None) -> tuple[Any, tuple[Any, ...]]:
    """Return the value of a function, and what it returns beside it: a gradient, several, a cache."""
    if not isinstance(out, tuple | list) or not out:
        return out, ()
    plain = all(isinstance(o, int | float | np.number) for o in out)
    if plain and not (isinstance(out, tuple) and len(out) == 2 and x.ndim == 0):
        return np.asarray(out), ()  # an array, written as a list
    if isinstance(out, list):
        with suppress(TypeError, ValueError):
            if len({np.shape(o) for o in out}) == 1:
                return out, ()
    if upstream is not None and upstream.ndim and len(out) == len(upstream) and np.shape(out[0]) != upstream.shape:
        return out, ()
    return out[0], tuple(out[1:])


def _own_gradient(found: tuple[Any, ...], x: np.ndarray, name: str) -> Any:
    """Return the gradient among what a function returns beside its value."""
    letter = name.removeprefix("d")
    gradients: dict[str, Any] = {}
    for number, one in enumerate(found):
        gradients.update(one if isinstance(one, Mapping) else {"" if len(found) == 1 else str(number): one})
    if not gradients:
        raise ValueError(
            "check_gradient: there is no gradient to check. Pass dx, or a function that returns (loss, gradient)"
        )
    for key in (letter, name):
        if key in gradients:
            return gradients[key]
    if len(gradients) == 1:
        return next(iter(gradients.values()))
    fitting = [g for g in gradients.values() if np.shape(_plain(g)) == x.shape]
    if len(fitting) == 1:
        return fitting[0]
    raise ValueError(
        f"check_gradient: f returns several gradients, and {len(fitting)} of them have the shape of x, {x.shape}. Say "
        f"which one: dx=…, or name={next(iter(gradients))!r} for a dictionary ({', '.join(map(repr, gradients))})"
    )


def _reads(f: Callable[[Any], Any], x: np.ndarray) -> bool:
    """Return whether a function computes with its argument: with a Tensor, its result then has a graph."""
    try:
        out = f(Tensor(x.copy(), requires_grad=True))
        return bool(getattr(out, "requires_grad", False))
    except Exception:  # a function written for arrays
        return False


def _parameter_names(f: Callable[..., Any], count: int, otherwise: str = "input") -> list[str]:
    """Return the names of the first `count` parameters of a function, where it has them."""
    try:
        parameters = [p for p in inspect.signature(f).parameters.values() if p.kind <= p.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):
        parameters = []
    found = [p.name for p in parameters[:count]]
    return found + [f"{otherwise}{i if count > 1 else ''}" for i in range(len(found), count)]
