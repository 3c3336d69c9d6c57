"""Compare a gradient with finite differences, element by element: right, wrong, or not to be told.

How close is close enough follows from the accuracy that was measured for each difference. An absolute tolerance would
call each gradient right that is smaller; one relative to the largest element, each element that is much smaller. Where
differences are too coarse to show an element, a complex step may show it; otherwise it could not be told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from minigrad.autograd.complex_steps import ComplexSteps
from minigrad.autograd.finite_differences import Differences, Estimate, Index
from minigrad.autograd.subgradients import Tie, sum_of_kinks, wrong_ties

RTOL = 1e-4
"""The relative error up to which an element is right: CS231n's bound for functions with kinks."""

STEP = 1e-6
"""The step of the first difference of each element."""

ENOUGH = 1000
"""The number of elements examined closely after which a gradient that is wrong is examined no further."""

PLENTY = 30
"""The number of wrong elements after which the first difference decides where it is clear."""

AVERAGES = 50_000
"""The number of evaluations after which no more differences are averaged."""

MANY, TOO_MANY = 5_000, 50_000
"""The number of elements up to which each is compared, where the recorded graph shows which are suspect, and where
nothing does; of a larger gradient a sample is compared, and the others in groups."""

LOST = 100
"""The number of elements, those with the largest errors, after which nothing is examined any more if none of them could
be told: a chaotic function, or one in half precision, has no differences. (The rounding of a gradient in single
precision may explain the errors, so there all are examined.)"""

CERTAIN = 4
"""The number of elements known to be wrong after which no more are examined for kinks that nothing shows at x."""


@dataclass
class Element:
    """One element of a gradient: the computed value, the numerical one, and what follows.

    Attributes:
        verdict: "right", "wrong", "unknown", or "unexamined" where enough others are wrong.
        accuracy: the uncertainty of `numeric`.
        kind: see `Estimate.kind`; "tie" for an element that is wrong together with others.
    """

    index: Index
    analytic: float
    numeric: float
    accuracy: float = 0.0
    verdict: str = "right"
    kind: str = "smooth"
    slopes: tuple[float, float] | None = None

    @property
    def error(self) -> float:
        """The relative error."""
        size = max(abs(self.analytic), abs(self.numeric))
        return abs(self.analytic - self.numeric) / size if size else 0.0


@dataclass
class Comparison:
    """All elements of a gradient, compared.

    Attributes:
        elements: in the order of the indices.
        numeric: the numerical gradient.
        ties: groups of elements at one kink that are no subgradient together.
        sampled: whether `elements` are a sample; `numeric` is the gradient under test elsewhere.
    """

    elements: list[Element]
    numeric: np.ndarray
    ties: list[Tie] = field(default_factory=list)
    sampled: bool = False

    def where(self, condition: Callable[[Element], bool]) -> np.ndarray:
        """Return the elements that were examined and for which a condition holds, as an array of bools."""
        found = np.zeros(self.numeric.shape, bool)
        for e in self.elements:
            found[e.index] = condition(e)
        return found


class _Judge:
    """Judges elements by what differences show, the size of the gradient and the tolerances that were asked for."""

    def __init__(
        self,
        differences: Differences,
        analytic: np.ndarray,
        upstream: float,
        atol: float,
        rtol: float,
        complex_steps: ComplexSteps | None,
    ) -> None:
        self.differences, self.analytic, self.upstream = differences, analytic, upstream
        self.complex_steps = complex_steps
        self.atol, self.rtol = atol, rtol
        self.scale = 0.0
        self.averages = AVERAGES
        self.wrong = 0
        # the best accuracy of central differences is of the order of the rounding to the power 2/3
        self.negligible = min(1e-2, 100 * differences.relative_noise ** (2 / 3))
        single = analytic.dtype.itemsize < 8 and analytic.dtype.kind == "f"
        self.own = 16 * max(float(np.finfo(analytic.dtype).eps) if single else 0.0, differences.precision, 2.0**-52)
        """The rounding of the gradient under test, relative to its largest element."""

    def tolerance(self, a: float, value: float, accuracy: float) -> float:
        return self.atol + self.rtol * max(abs(a), abs(value)) + 1.5 * accuracy + self.own * self.scale

    def resolved(self, a: float, value: float, accuracy: float) -> bool:
        """Return whether an agreement shows something: whether the difference is accurate enough."""
        size = max(abs(a), abs(value))
        return 1.5 * accuracy <= max(3e-2 * size, self.atol) and abs(a - value) <= max(3e-2 * size, self.atol)

    def unsaturated(self, i: Index, slope: float) -> float:
        """Return how steep a function may be elsewhere, if at x it is flat: weights multiply 1 - tanh(20)**2.

        Where its derivative f' falls like exp(-k x), as behind tanh, f is about as steep as k times its values.
        """
        steps = self.complex_steps
        if steps is None or not slope or np.abs(self.analytic).max() > 1e-4 * self.upstream:
            return 0.0
        change = 1e-4 * float(self.differences.size[i])
        k = abs(steps.slope(i, change) / slope - 1) / change
        return k * float(np.abs(self.differences.here).max(initial=0.0) + self.upstream)

    @cached_property
    def lost(self) -> float:
        """How much of a sum of saturated terms that cancel may be lost: (1 - 1e-17) + (-1 + 1e-17) is 0."""
        x, rng = self.differences.x, np.random.default_rng(0)
        parts = [1.0, 0.5, 0.05, *[rng.choice([-3.0, 3.0], x.shape) for _ in range(3)]]
        sizes = [np.abs(self.differences.at(part * x)).max(initial=0.0) for part in parts]
        return 100 * self.differences.precision * float(np.nanmax(sizes))  # terms are larger than their sum

    def is_zero(self, a: float, e: Estimate) -> bool:
        """Return whether an element, or else the whole gradient, is 0 to the rounding of a backward pass."""
        rounding, accuracy = self.own / 2 * self.upstream, e.accuracy + e.hidden
        if max(abs(a), abs(e.value) + accuracy) <= 4 * rounding:
            return True
        if a == 0 and abs(e.value) <= accuracy <= 1e-9 * self.upstream:  # the function is flat, as behind a clamp
            return True
        if np.abs(self.analytic).max() > rounding:
            return False
        return abs(e.value) <= accuracy + rounding and accuracy <= 1e-8 * self.upstream

    def has_complex_step(self, i: Index) -> bool:
        steps = self.complex_steps
        return steps is not None and bool(np.isfinite(steps.slope(i))) and steps.agrees(i)

    def of_too_small(self, i: Index, a: float, e: Estimate) -> str:
        """Judge an element that differences do not show, by a complex step where the function takes one."""
        if self.complex_steps is None or not self.has_complex_step(i):
            return "right" if self.is_zero(a, e) else self.of_average(i, a, e)
        value = self.complex_steps.slope(i)
        off, size = abs(a - value), max(abs(a), abs(value))
        e.value, e.accuracy = value, self.complex_steps.spread(i)
        if off <= self.atol + self.rtol * size + 4 * e.accuracy:
            return "right"
        rounding = self.own / 2 * self.upstream
        at_0 = a == 0 == self.differences.x[i]  # a kink, as relu's, of which a complex step shows one side
        if off > self.own * max(self.scale, self.unsaturated(i, value)) and size > rounding and not at_0:
            return "wrong"
        # the rounding of a backward pass, if it cannot be a mistake: an error below 1 %, or 0 for 1 - tanh(20)**2
        return "right" if off <= 1e-2 * size or a == 0 and size <= rounding else "unknown"

    def of_average(self, i: Index, a: float, e: Estimate) -> str:
        """Judge an element by the mean of many differences."""
        if not a or self.differences.relative_noise > 1e-5:  # in half precision, numbers nearby are the same
            return "unknown"
        before = self.differences.evaluations
        mean = self.differences.averaged(i, e, 1.5e-2 * abs(a), self.averages)
        if mean is e:
            return "unknown"
        self.averages -= self.differences.evaluations - before
        e.value, e.accuracy = mean.value, mean.accuracy
        close = abs(a - mean.value) <= 3e-2 * max(abs(a), abs(mean.value))  # as steps are large, not closer
        return "right" if close and self.resolved(a, mean.value, mean.accuracy) else "unknown"

    def of_smooth(self, i: Index, a: float, e: Estimate) -> str:
        off = abs(a - e.value)
        if off <= self.tolerance(a, e.value, e.accuracy):
            return "right" if self.resolved(a, e.value, e.accuracy) else self.of_too_small(i, a, e)
        unmoved = not e.accuracy and e.value == 0 and self.is_zero(a, e)
        if unmoved or off <= self.tolerance(a, e.value, e.accuracy + e.hidden):
            return self.of_too_small(i, a, e)
        # wrong only if the smaller steps agree that it is: differences that do not settle show nothing
        needed = e.others[-1:] if e.accuracy <= 1e-3 * abs(e.value) else e.others
        for value, noise in needed:
            if abs(a - value) <= self.tolerance(a, value, noise) or abs(e.value - value) > 0.3 * off:
                return self.of_too_small(i, a, e)
        if e.value == 0 and (self.has_complex_step(i) or off * e.step <= self.lost):
            return self.of_too_small(i, a, e)
        return "wrong"

    def of_a_kink(self, i: Index, a: float, e: Estimate) -> str:
        low, high = e.bounds
        margin = self.rtol * 10 * max(abs(low), abs(high)) + 1.5 * e.accuracy + self.atol
        if low - margin <= a <= high + margin:
            return "right"
        if self.wrong >= CERTAIN:
            return "wrong"
        h, size = 10 * e.step, float(self.differences.size[i])
        if h > 1e-6 * size:  # too coarse to look between kinks
            nearby = self.differences.nearby(_unit(self.differences.x, i), h, 100 * h / size)
            return "wrong" if np.all((low - margin <= nearby) & (nearby <= high + margin)) else "unknown"
        return self.of_several_kinks(i, a, margin)

    def of_several_kinks(self, i: Index, a: float, margin: float) -> str:
        """Judge an element at kinks of different signs in one sum, whose slopes nearby go beyond those at x."""
        lowest, highest = np.inf, -np.inf
        for seed in range(4):  # each line may miss kinks that lie too close together on it
            unit, size = _unit(self.differences.x, i), float(self.differences.size[i])
            low, high = sum_of_kinks(self.differences, unit, size, seed)
            lowest, highest = min(lowest, low), max(highest, high)
            allowed = margin + 0.05 * (highest - lowest)
            if lowest - allowed <= a <= highest + allowed:
                return "right"
        self.wrong += 1
        return "wrong"

    def of_a_hidden_kink(self, i: Index, a: float, e: Estimate) -> str:
        """Judge an element that disagrees, but that may be at a kink which only other elements show.

        The median of 0, 1, 1, 1, 2 does not change if one of the ones does, but nearby it may be that element.
        """
        off = abs(a - e.value)
        h, slopes = _hidden_kink(self.differences, _unit(self.differences.x, i), off, float(self.differences.size[i]))
        if slopes is None:
            self.wrong += 1
            return "wrong"
        margin = 10 * self.rtol * float(np.abs(slopes).max()) + 4 * float(np.linalg.norm(self.differences.noise)) / h
        if min(e.value, *slopes) - margin <= a <= max(e.value, *slopes) + margin:
            return "right"
        return self.of_several_kinks(i, a, margin)

    def is_flat(self, i: Index, e: Element) -> bool:
        """Return whether the function does not move with an element: not by large steps, nor by a complex one."""
        h = 0.1 * max(1.0, abs(float(self.differences.x[i])))
        steps = [self.differences.quotients(i, h), self.differences.quotients(i, h / 10)]
        scale = self.scale or float(np.abs(self.analytic).max())
        if e.accuracy > self.negligible * scale or any(q.moved.any() for q in steps):
            return False
        slope = 0.0 if self.complex_steps is None else self.complex_steps.slope(i)
        return slope == 0 or bool(np.isnan(slope))

    def judge(self, i: Index, e: Estimate) -> Element:
        """Return the element with its verdict."""
        a = float(self.analytic[i])
        kind, known = e.kind, np.isfinite(e.value) and e.kind in ("smooth", "kink", "jump")
        if not known or not np.isfinite(a):
            verdict = "wrong" if known else "unknown"
        else:
            verdict = self.of_a_kink(i, a, e) if e.kind == "kink" else self.of_smooth(i, a, e)
            shown = abs(a - e.value) > self.tolerance(a, e.value, e.accuracy)  # by differences
            if verdict == "wrong" and e.kind == "smooth" and shown and self.wrong < CERTAIN:
                verdict = self.of_a_hidden_kink(i, a, e)
                kind = e.kind if verdict == "wrong" else "kink"
        return Element(i, a, e.value, e.accuracy, verdict, kind, e.slopes if e.kind == "kink" else None)


def _unit(x: np.ndarray, i: Index) -> np.ndarray:
    direction = np.zeros(x.shape)
    direction[i] = 1.0
    return direction


def _hidden_kink(
    differences: Differences, direction: np.ndarray, off: float, size: float
) -> tuple[float, np.ndarray | None]:
    """Return a step, and the slopes along a direction nearby if a kink makes them differ by as much as `off`.

    Args:
        off: a difference that matters.
        size: the size of what the direction moves.
    """
    h = max(1e-9 * size, 20 * float(np.linalg.norm(differences.noise)) / off)
    if h > 1e-7 * size:
        return h, None
    close, far = (differences.nearby(direction, h, distance * h / size) for distance in (100, 1000))
    spread, farther = np.ptp(close), np.ptp(far)
    # curvature makes slopes differ in proportion to the distance, a kink by the same at each
    if not np.isfinite(spread) or spread < 0.3 * off or farther > 3 * spread:
        return h, None
    return h, close


def _wrong_together(
    differences: Differences, analytic: np.ndarray, rtol: float, rounding: float
) -> tuple[list[Tie], bool]:
    """Compare along directions: elements that are right each can be wrong together, where the function is at a kink.

    Returns:
        The elements that are wrong together, and whether all else is explained.
    """
    rng = np.random.default_rng(0)
    for signs in (np.ones(analytic.shape), *(rng.choice([-1.0, 1.0], analytic.shape) for _ in range(2))):
        direction = signs * differences.size
        parts = analytic * direction
        product, size = float(parts.sum()), float(np.linalg.norm(parts))
        q = differences.quotients(direction, STEP)
        allowed = rounding * float(np.abs(direction).sum())
        if abs(product - q.central) <= rtol * max(size, abs(product)) + q.noise + allowed:
            continue
        e = differences.estimate(direction)
        off = abs(product - e.value)
        if e.kind != "smooth" or not off > 10 * rtol * max(size, abs(e.value)) + 4 * (e.accuracy + e.hidden) + allowed:
            continue
        slopes = differences.nearby(direction, 1e-7, 1e-5)
        if np.ptp(slopes) > 0.1 * off:
            if not slopes.min() - 0.1 * off <= product <= slopes.max() + 0.1 * off:
                return [], False
            continue
        members = [
            i
            for i in np.ndindex(analytic.shape)
            if _hidden_kink(differences, _unit(analytic, i), 0.1 * off / analytic.size, float(differences.size[i]))[1]
            is not None
        ]
        if not members:
            return [], False
        return [Tie(members, [float(direction[i]) for i in members], product, (e.value, e.value))], True
    return [], True


def compare(
    differences: Differences,
    analytic: np.ndarray,
    upstream: float = 1.0,
    eps: float = STEP,
    atol: float = 0.0,
    rtol: float = RTOL,
    complex_terms: Callable[[np.ndarray], np.ndarray] | None = None,
    suspects: np.ndarray | None = None,
    few: int | None = None,
) -> Comparison:
    """Compare a gradient with differences.

    Each element is compared with one difference first. What does not agree, or is not accurate enough to show that it
    does, is examined with steps of all sizes. Elements at kinks are then examined together. Of a large gradient, the
    suspects and a sample are compared in this way, and what differs in groups of the others.

    Args:
        differences: the function and the point.
        analytic: the gradient to examine, in the shape of the point.
        upstream: the largest upstream gradient.
        eps: the step of the first difference, relative to elements above 1.
        atol, rtol: the error that is allowed besides the accuracy of the differences.
        complex_terms: the function for complex arrays, if it may take them.
        suspects: elements of a large gradient, as indices into the flat array, that are compared one by one first.
        few: how many others are chosen at random. Default: fewer for a larger gradient.
    """
    x = differences.x
    complex_steps = None if complex_terms is None else ComplexSteps(complex_terms, differences)
    judge = _Judge(differences, analytic, upstream, atol, rtol, complex_steps)
    first: dict[Index, Element] = {}
    doubtful: list[Index] = []
    clear: set[Index] = set()
    sampled = suspects is not None or x.size > TOO_MANY
    few = few or _few(x.size)
    plenty = max(3, few // 10) if sampled else PLENTY
    for i in _sample(differences, analytic, rtol, plenty, few, suspects) if sampled else np.ndindex(x.shape):
        a = float(analytic[i])
        q = differences.quotients(i, eps * max(1.0, abs(float(x[i]))))
        gap, size = abs(q.slopes[1] - q.slopes[0]), max(abs(q.central), abs(a))
        accuracy = q.noise + (gap * gap / size if size else gap)
        first[i] = Element(i, a, q.central, accuracy)
        smooth = gap <= 1e-3 * size + 8 * q.noise
        if smooth and accuracy <= 1e-2 * abs(a - q.central):
            clear.add(i)
        if smooth and q.noise <= 1e-3 * abs(q.central):
            judge.scale = max(judge.scale, abs(q.central))
            if np.isfinite(a) and abs(a - q.central) <= rtol * size + atol:
                continue
        doubtful.append(i)
    doubtful.sort(key=lambda i: -abs(first[i].analytic - first[i].numeric))
    estimates: dict[Index, Estimate] = {}
    found: dict[Index, Element] = {}
    wrong = undecided = 0
    for i in doubtful:
        e = first[i]
        if e.analytic == 0 == e.numeric and judge.is_flat(i, e):
            continue
        if wrong >= plenty and i in clear:
            e.verdict = "wrong"
            continue
        if wrong and len(estimates) >= ENOUGH:
            e.verdict = "unexamined"
            continue
        if len(found) == undecided >= LOST and analytic.dtype.itemsize >= 8:
            e.verdict = "unknown"
            continue
        estimates[i] = close = differences.estimate(i)
        if close.accuracy <= 1e-3 * max(map(abs, close.slopes if close.kind == "kink" else [close.value])):
            judge.scale = max(judge.scale, abs(close.value))
        found[i] = judge.judge(i, close)
        wrong += found[i].verdict == "wrong"
        undecided += found[i].verdict == "unknown"
    for i, e in found.items():  # now that the size of the whole gradient is known
        if e.verdict != "right" and abs(e.analytic - e.numeric) <= judge.tolerance(e.analytic, e.numeric, e.accuracy):
            found[i] = judge.judge(i, estimates[i])
    kinks = {i: estimates[i] for i, e in found.items() if e.slopes is not None and e.verdict == "right"}
    ties = wrong_ties(differences, analytic, kinks)
    elements = {i: found.get(i, e) for i, e in first.items()}
    if x.size > 1 and not sampled and not ties and all(e.verdict == "right" for e in elements.values()):
        ties, explained = _wrong_together(differences, analytic, rtol, judge.own / 2 * upstream)
        if not explained:
            for e in elements.values():
                e.verdict, e.kind = "unknown", "kink"
    for i in (i for tie in ties for i in tie.indices):
        elements[i].verdict, elements[i].kind = "wrong", "tie"
    numeric = np.array(analytic, dtype=float)
    for i, e in elements.items():
        numeric[i] = e.numeric
    return Comparison(list(elements.values()), numeric, ties, sampled)


def _few(size: int) -> int:
    """Return how many elements of a large gradient to choose at random: fewer where each call takes longer."""
    return int(np.clip(2e7 / size, 10, 300))


def _sample(
    differences: Differences, analytic: np.ndarray, rtol: float, plenty: int, few: int, suspects: np.ndarray | None
) -> list[Index]:
    """Return the elements of a large gradient to compare: suspects, some at random, and those whose group differs."""
    rng = np.random.default_rng(0)
    order = rng.permutation(analytic.size)
    chosen = [*([] if suspects is None else suspects[:plenty]), *order[:few]]
    groups = np.array_split(order[few:], min(few, 128))
    found = 0
    while groups and found < plenty:
        group = groups.pop()
        if not _differs(differences, analytic, group, rtol, rng):
            continue
        if len(group) == 1:
            chosen.append(group[0])
            found += 1
        else:
            groups += np.array_split(group, 2)
    return [tuple(int(k) for k in np.unravel_index(i, analytic.shape)) for i in dict.fromkeys(chosen)]


def _differs(
    differences: Differences, analytic: np.ndarray, group: np.ndarray, rtol: float, rng: np.random.Generator
) -> bool:
    """Return whether elements disagree with the difference along a direction in which all of them move."""
    direction = np.zeros(analytic.size)
    direction[group] = rng.choice([-1.0, 1.0], len(group)) * differences.size.ravel()[group]
    parts = analytic.ravel()[group] * direction[group]
    q = differences.quotients(direction.reshape(analytic.shape), STEP)
    product, (left, right) = float(parts.sum()), q.slopes
    allowed = rtol * max(float(np.linalg.norm(parts)), abs(q.central)) + 2 * q.noise
    return not min(left, right) - allowed <= product <= max(left, right) + allowed
