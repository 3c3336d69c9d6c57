"""Derivatives by finite differences, with the accuracy that was measured for each. The numbers of a gradient check.

The derivative of a number L with respect to an element of x is, for a small h, close to (L(x + h) - L(x - h)) / 2h.
Here L is the sum of a function's outputs times random weights, the upstream gradient. An upstream gradient of ones
would hide some mistakes: the gradient of the sum of a softmax is 0. The differences of the terms of L are computed
first and then summed, so that a small change is not lost beside a large output that has nothing to do with it.

A large step is wrong by the curvature, a small one by the rounding of L, divided by the step. The rounding is measured:
smooth functions have tiny differences of fourth order between neighbouring points, so what is left of these differences
is rounding (R. W. Hamming, Introduction to Applied Numerical Analysis, chapter 1.8; J. J. Moré and S. M. Wild,
"Estimating Computational Noise", 2011). The step grows as long as its difference agrees with those of all smaller
steps within their rounding (O. V. Lepski's method).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from minigrad.autograd.gradients import grad
from minigrad.grad_mode import enable_grad, no_grad
from minigrad.output.words import class_name
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

Index = tuple[int, ...]


@dataclass
class Estimate:
    """A derivative by differences.

    Attributes:
        value: the derivative; the mean of the slopes on the two sides at a kink.
        accuracy: its uncertainty, from the rounding of the function and from neighbouring steps.
        kind: "smooth", "kink", "jump" (the value is that of the side to which x belongs), "unbounded" (the slope grows
            as the step shrinks) or "undefined".
        bounds: between these lie all the slopes at a kink.
        slopes: the slopes from the left and from the right.
        step: the step of the differences.
        others: (value, accuracy) at the next smaller steps, which agree with this one.
        hidden: how much the terms that no step moves may change by less than their rounding.
    """

    value: float
    accuracy: float
    kind: str = "smooth"
    bounds: tuple[float, float] = (np.nan, np.nan)
    slopes: tuple[float, float] = (np.nan, np.nan)
    step: float = 0.0
    others: list[tuple[float, float]] = field(default_factory=list)
    hidden: float = 0.0


@dataclass
class Quotients:
    """The difference quotients of one step: `left` and `right` per term of L, `noise` by rounding."""

    step: float
    central: float
    left: np.ndarray
    right: np.ndarray
    rounding: np.ndarray
    noise: float = np.inf

    @cached_property
    def slopes(self) -> tuple[float, float]:
        """The slopes of L on the left and on the right."""
        with np.errstate(invalid="ignore"):  # inf - inf, where a step leaves the domain, is nan
            return float(self.left.sum()), float(self.right.sum())

    @property
    def moved(self) -> np.ndarray:
        """The terms that the step moved."""
        return (self.left != 0) | (self.right != 0)

    def count_noise(self, moved: np.ndarray) -> None:
        """Set `noise`, by the rounding of the terms that move; of all, if none does."""
        self.noise = 2.5 * float(np.linalg.norm(self.rounding[moved] if moved.any() else self.rounding)) / self.step


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((a == b).all()) or np.array_equal(a, b, equal_nan=True)


class Differences:
    """A function of one array, examined around one point.

    Args:
        terms: a function that returns a vector, whose sum L is differentiated. It gets a fresh array each time.
        x: the point.
        precision: the machine epsilon of the numbers that the function returns.
        tolerance: by how much two results at x may differ.

    Attributes:
        here: the terms at x.
        wrote: whether the function wrote into its argument.
        changed: whether any evaluation returned something else than `here`.
        unsteady: whether the function returned something else when it was called again at x.
        raised: what the function raised beside x, None if it did not.
        evaluations: the number of evaluations.

    >>> d = Differences(lambda x: x**2, np.array([3.0, 0.0]))
    >>> estimate = d.estimate((0,))
    >>> abs(estimate.value - 6.0) <= estimate.accuracy < 1e-6
    True
    """

    def __init__(
        self, terms: Callable[[np.ndarray], np.ndarray], x: np.ndarray, precision: float = 0.0, tolerance: float = 0.0
    ) -> None:
        self._terms, self.x, self._tolerance = terms, x.copy(), tolerance
        self.wrote = self.changed = self.unsteady = False
        self.raised: Exception | None = None
        self.evaluations = 0
        self.here = self._evaluate(x)
        self.precision = max(precision, np.finfo(float).eps)
        nonzero = np.abs(x[np.isfinite(x) & (x != 0)])
        self.typical = min(1.0, float(np.median(nonzero))) if nonzero.size else 1.0

    @cached_property
    def size(self) -> np.ndarray:
        """The size of each element of x; that of the others where it is 0."""
        return np.where(self.x != 0, np.abs(self.x), self.typical)

    @cached_property
    def noise(self) -> np.ndarray:
        """The rounding of each term."""
        return np.maximum(self._measure_noise(), self.precision / 2 * np.abs(np.nan_to_num(self.here)))

    def _evaluate(self, at: np.ndarray) -> np.ndarray:
        at = at.astype(self.x.dtype)
        passed = at.copy()
        self.evaluations += 1
        with np.errstate(all="ignore"):
            value = np.asarray(self._terms(passed), dtype=float).ravel()
        self.wrote |= not _same(passed, at)
        return value

    def at(self, point: np.ndarray) -> np.ndarray:
        """Return the terms at a point; nan where the function fails or returns another shape."""
        if self.evaluations % 16 == 0:
            self.repeat()
        try:
            value = self._evaluate(point)
        except Exception as error:  # beside x, where a user's function may raise what it likes
            self.raised = error
            return np.full(self.here.shape, np.nan)
        if value.shape != self.here.shape:
            return np.full(self.here.shape, np.nan)
        self.changed = self.changed or not _same(value, self.here)
        return value

    def repeat(self) -> bool:
        """Call the function again at x; return whether it returns the same as at first, to the rounding."""
        value = self._evaluate(self.x)
        same = value.shape == self.here.shape
        if same and not _same(value, self.here):
            # sums in several threads may be rounded in another order
            rounding = 64 * self.precision * np.abs(self.here)
            same = bool(np.all(np.abs(value - self.here) <= np.maximum(rounding, self._tolerance)))
        self.unsteady |= not same
        return same

    def _measure_noise(self) -> np.ndarray:
        """Return the rounding of each term, from differences of fourth order.

        These shrink with the step for what is smooth, are 0 below the resolution of float32, and stay for rounding.
        """
        rng = np.random.default_rng(0)
        size = self.size
        direction = size * rng.choice([-1.0, 1.0], self.x.shape)
        least = 4 * np.finfo(float).eps * np.linalg.norm(self.here)
        found = np.full(self.here.shape, np.inf)
        for away in (1e-7, 1e-3):  # beside x, which may be at a kink or at a jump
            centre = self.x + away * size * rng.uniform(-1, 1, self.x.shape)
            before = np.zeros(self.here.shape)
            for s in np.logspace(-12, -5, 8):
                values = np.array([self.at(centre + j * s * direction) for j in range(-3, 4)])
                with np.errstate(all="ignore"):
                    last = np.sqrt((np.diff(values, 4, axis=0) ** 2).mean(axis=0) / 70)  # 70: 1 + 16 + 36 + 16 + 1
                level = float(np.linalg.norm(last))
                if 0 < level <= max(5 * float(np.linalg.norm(before)), float(least)):
                    last = np.maximum(last, before)
                    break
                before = last
            found = np.fmin(found, last)
            if not found.any() or s < 1e-9:
                break
        return np.where(np.isfinite(found), found, 0.0)

    @property
    def relative_noise(self) -> float:
        """The rounding, relative to the function's values."""
        size = float(np.linalg.norm(self.here))
        return max(min(float(np.linalg.norm(self.noise)) / size if size else 0.0, 1e-3), self.precision)

    def quotients(self, along: Index | np.ndarray, h: float) -> Quotients:
        """Return the difference quotients of one element, or along a direction, for a step."""
        up, down = self.x.copy(), self.x.copy()
        if isinstance(along, tuple):
            up[along] += h
            down[along] -= h
            # the steps after rounding
            above, below = float(up[along]) - float(self.x[along]), float(self.x[along]) - float(down[along])
        else:
            up, down, above, below = up + h * along, down - h * along, h, h
        if not above or not below:
            nothing = np.full(self.here.shape, np.nan)
            return Quotients(h, np.nan, nothing, nothing, nothing)
        high, low = self.at(up), self.at(down)
        with np.errstate(all="ignore"):
            rounding = np.fmax(self.noise, self.precision / 2 * np.fmax(np.abs(high), np.abs(low)))
            central = float(np.sum(high - low)) / (above + below)
            found = Quotients(h, central, (self.here - low) / below, (high - self.here) / above, rounding)
        found.count_noise(found.moved)
        return found

    def _steps(self, along: Index | np.ndarray) -> list[float]:
        """Return the steps for an element or a direction, from the smallest to the largest."""
        number = float(self.x[along]) if isinstance(along, tuple) else 1.0
        fine = max(1e-12, 64 * float(np.finfo(self.x.dtype).eps))
        least = fine * abs(number) if number else 1e-16 * self.typical
        steps = [0.1 * max(1.0, abs(number))]
        while steps[-1] >= 10 * least:
            steps.append(steps[-1] / 10)
        return steps[::-1]

    def estimate(self, along: Index | np.ndarray) -> Estimate:
        """Return the derivative with respect to one element, or along a direction, from steps of all sizes."""
        steps = self._steps(along)
        largest = self.quotients(along, steps[-1])
        tried: list[Quotients] = []
        for h in steps:
            q = self.quotients(along, h) if h < steps[-1] else largest
            q.count_noise(largest.moved | q.moved)  # what a small step does not move may be lost by rounding
            tried.append(q)
            if len(tried) > 1 and (kink := _at_a_kink(*tried[-2:])) is not None:
                if kink.kind != "jump":
                    return kink
                tried += [self.quotients(along, h) for h in steps[len(tried) :]]
                return _beside_a_jump(tried)
            if len(tried) > 1 and _is_smooth(*tried[-2:]):
                break
        for h in steps[len(tried) :]:
            tried.append(self.quotients(along, h) if h < steps[-1] else largest)
            tried[-1].count_noise(largest.moved | tried[-1].moved)
        if not np.isfinite([q.central for q in tried]).any():
            return _at_an_edge(tried)
        found = _largest_consistent([(q.step, q.central, q.noise) for q in tried])
        if found.step == tried[-1].step and found.accuracy > 1e-2 * abs(found.value):
            found = self._far(along, found)
        moved = np.any([q.moved for q in tried], axis=0)
        found.hidden = 2.5 * float(np.linalg.norm(self.noise[~moved])) / found.step if found.step else np.inf
        return found

    def _far(self, along: Index | np.ndarray, near: Estimate) -> Estimate:
        """Try larger steps, which show a slope that is hidden by rounding if the function is a straight line.

        Steps up to the size of the largest element also show that there is no slope.
        """
        before: Quotients | None = None
        found = near
        for h in near.step * np.logspace(1, 8, 8):
            q = self.quotients(along, float(h))
            left, right = q.slopes
            straight = abs(right - left) <= 1e-2 * abs(q.central) + 4 * q.noise
            if not straight or not abs(q.central - near.value) <= near.accuracy:
                break
            if q.noise <= 1e-2 * abs(q.central):
                if before is not None and abs(q.central - before.central) <= before.noise + q.noise:
                    return Estimate(q.central, q.noise, step=q.step, others=[(before.central, before.noise)])
                before = q
            if h <= 0.1 * float(self.size.max()) and q.noise < found.accuracy:
                others = [*found.others, (found.value, found.accuracy)][-2:]
                found = Estimate(q.central, q.noise, step=q.step, others=others)
        return found

    def averaged(self, i: Index, near: Estimate, accuracy: float, most: int) -> Estimate:
        """Return the mean of differences at points around x, of as many as this accuracy takes.

        `near`, if more than `most` evaluations would be needed.

        The rounding of each is another, as in single precision; the curvature cancels, as points come in pairs.
        """
        pairs = (near.accuracy / accuracy) ** 2
        if not near.step or not 4 * pairs <= most:
            return near
        count = max(int(pairs), 16)
        rng = np.random.default_rng(0)
        direction = np.zeros(self.x.shape)
        direction[i] = 1.0
        slopes = []
        for _ in range(count):
            away = 1e-4 * self.size * rng.uniform(-1, 1, self.x.shape)
            both = [self.slope(base - near.step * direction, direction, 2 * near.step) for base in (away, -away)]
            slopes.append((both[0] + both[1]) / 2)
        error = 3 * float(np.std(slopes)) / np.sqrt(count)
        if not error < near.accuracy:
            return near
        return Estimate(float(np.mean(slopes)), error, step=near.step, others=[(near.value, near.accuracy)])

    # ---- along directions ----------------------------------------------------------------------------------------

    def slope(self, base: np.ndarray, direction: np.ndarray, h: float) -> float:
        """Return the one-sided slope of L at the point x + base along a direction, for the step h."""
        start = self.here if not base.any() else self.at(self.x + base)
        return float(np.sum(self.at(self.x + base + h * direction) - start)) / h

    def nearby(self, direction: np.ndarray, h: float, distance: float, count: int = 24) -> np.ndarray:
        """Return slopes along a direction at points nearby, where all elements have moved by up to `distance`."""
        rng = np.random.default_rng(0)
        points = [distance * self.size * rng.uniform(-1, 1, self.x.shape) for _ in range(count)]
        return np.array([self.slope(point, direction, h) for point in points])


def _shows_slopes(q: Quotients) -> bool:
    left, right = q.slopes
    return bool(np.isfinite(left + right) and 2 * q.noise <= 1e-3 * max(abs(left), abs(right)))


def _is_smooth(q: Quotients, larger: Quotients) -> bool:
    """Return whether the slopes on the two sides are known to come together."""
    return _shows_slopes(q) and _at_a_kink(q, larger) is None


def _at_a_kink(q: Quotients, larger: Quotients) -> Estimate | None:
    """Return the estimate at a kink, None elsewhere.

    At a kink the two slopes differ by the same amount at every step, elsewhere in proportion to the step.
    """
    if not _shows_slopes(q):
        return None
    left, right = q.slopes
    gap, larger_gap = abs(right - left), abs(larger.slopes[1] - larger.slopes[0])
    if not gap > max(8 * q.noise, 1e-5 * max(abs(left), abs(right))) or not gap > 0.5 * larger_gap:
        return None
    middle = (left + right) / 2
    if gap > 2 * larger_gap:
        kind = "unbounded" if gap < 6 * larger_gap else "jump"
        return Estimate(middle, np.inf, kind, slopes=(left, right), step=q.step)
    low, high = np.minimum(q.left, q.right).sum(), np.maximum(q.left, q.right).sum()
    return Estimate(middle, 2 * q.noise, "kink", (float(low), float(high)), (left, right), q.step)


def _beside_a_jump(tried: list[Quotients]) -> Estimate:
    """Return the estimate from the side of a jump to which x belongs."""
    (left, right), (larger_left, larger_right) = tried[0].slopes, tried[1].slopes
    found = _from_one_side(tried, 0 if abs(left - larger_left) < abs(right - larger_right) else 1)
    found.kind = "jump"
    return found


def _at_an_edge(tried: list[Quotients]) -> Estimate:
    """Return the estimate at the edge of the domain, from the side on which the function has values."""
    found = [_from_one_side(tried, side) for side in (1, 0)]
    return found[0] if found[0].kind != "undefined" else found[1]


def _from_one_side(tried: list[Quotients], side: int) -> Estimate:
    """Return the estimate from the slopes on the left (0) or on the right (1)."""
    known = [(q.step, q.slopes[side], 2 * q.noise) for q in tried if np.isfinite(q.slopes[side])]
    if len(known) < 3:
        return Estimate(np.nan, np.inf, "undefined")
    # without the curvature: the slope at h is f' + h f''/2, that at 10h is f' + 5h f''
    return _largest_consistent(
        [(h, (10 * slope - larger) / 9, 1.2 * noise) for (h, slope, noise), (_, larger, _) in zip(known, known[1:])]
    )


def _largest_consistent(found: list[tuple[float, float, float]]) -> Estimate:
    """Return the largest step's value that agrees with those of all smaller steps within their noise.

    Args:
        found: (step, value, noise), the smallest step first.
    """
    found = [(h, value, noise) for h, value, noise in found if np.isfinite(value)]
    if not found:
        return Estimate(np.nan, np.inf, "undefined")
    low, high, count = -np.inf, np.inf, 0
    for _, value, noise in found:
        if not low <= value <= high:
            break
        low, high, count = max(low, value - 2 * noise), min(high, value + 2 * noise), count + 1
    values = [value for _, value, _ in found]
    if count == 1 and len(found) > 2 and abs(values[0]) > 1.5 * abs(values[1]) > 2 * abs(values[2]):
        return Estimate(values[0], np.inf, "unbounded", step=found[0][0])
    best = (np.inf, 0)
    for k in range(max(0, count - 2), count):
        # the curvature: where the next larger step is wrong by 100 times as much, the difference is nearly all its own
        change = abs((values[k + 1] if k + 1 < len(values) else values[k - 1]) - values[k])
        fast = k + 2 < len(values) and change < 0.05 * abs(values[k + 2] - values[k + 1])
        best = min(best, (found[k][2] + (change / 30 if fast else change), k))
    accuracy, k = best
    smaller = [(value, noise) for _, value, noise in found[max(0, k - 2) : k]]
    return Estimate(values[k], accuracy, step=found[k][0], others=smaller)


def numerical_gradient(loss: Callable[[], Any], x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    """Return the gradient of `loss()` with respect to each element of x, by central differences.

    The loss reads x, which is perturbed in place, and returns a number, or an array of terms whose sum is meant.

    >>> x = np.array([1.0, 2.0])
    >>> numerical_gradient(lambda: (x ** 2).sum(), x).round(6).tolist()
    [2.0, 4.0]
    """
    out = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        middle = x[i]
        step = h * max(1.0, abs(float(middle)))
        try:
            x[i] = middle + step
            above, high = loss(), float(x[i])
            x[i] = middle - step
            below, low = loss(), float(x[i])
        finally:
            x[i] = middle
        out[i] = np.sum(above - below) / (high - low)
    return out


class WeightedOutputs:
    """A function of tensors with random weights for its outputs: one number to differentiate."""

    def __init__(self, func: Callable[..., Any], inputs: Sequence[Any], upstream: Any = None) -> None:
        self.func, self.inputs = func, inputs
        self._records = False  # whether the function needs a graph for its value, as it computes a gradient itself
        outputs = self.outputs()
        rng = np.random.default_rng(0)
        self.weights = [rng.standard_normal(o.shape).astype(o.dtype) for o in outputs]
        self.precision = max(float(np.finfo(o.dtype).eps) for o in outputs)
        if upstream is not None:
            several = [upstream] if isinstance(upstream, Tensor) else upstream
            self.weights = [np.asarray(u.detach().numpy() if isinstance(u, Tensor) else u) for u in several]
            if not _fit(self.weights, outputs):
                given, needed = ([a.shape for a in arrays] for arrays in (self.weights, outputs))
                raise ValueError(f"gradcheck: grad_outputs have the shapes {given}, the outputs {needed}")

    def outputs(self) -> list[Tensor]:
        """Return the outputs that have gradients."""
        out = self.func(*self.inputs)
        several = out if isinstance(out, tuple | list) else (out,)
        for o in several:
            if not isinstance(o, Tensor):
                raise TypeError(f"gradcheck: the function must return tensors, got {class_name(o)}")
        several = [o for o in several if o.dtype.kind == "f"]
        if not several:
            raise ValueError("gradcheck: the function returns no floats, so there is nothing to differentiate")
        return several

    def loss(self, weights: Sequence[np.ndarray] | None = None) -> np.ndarray:
        """Return all outputs times their weights as one vector, whose sum is meant."""
        arrays = [o._array.astype(float) for o in self._values()]
        weights = weights or self.weights
        if not _fit(weights, arrays):
            return np.concatenate([a.ravel() for a in arrays])  # another number of terms: the function is unsteady
        return np.concatenate([(w.astype(float) * a).ravel() for w, a in zip(weights, arrays)])

    def _values(self) -> list[Tensor]:
        """Return the outputs, without their graph where the function does not need it."""
        if not self._records:
            try:
                with no_grad():
                    return self.outputs()
            except RuntimeError:
                self._records = True
        with enable_grad():
            return self.outputs()

    def of(self, tensor: Tensor) -> Callable[[np.ndarray], np.ndarray]:
        """Return the loss as a function of the array of one of the inputs."""

        def terms(array: np.ndarray) -> np.ndarray:
            own = tensor._array.copy()
            try:
                tensor._array[...] = array
                found = self.loss()
                array[...] = tensor._array  # what the function wrote there is seen in its argument
            finally:
                tensor._array[...] = own
            return found

        return terms

    def gradients(self, wanted: list[Tensor]) -> Any:
        """Return the gradients that the engine computes; None if the outputs have other shapes than before."""
        with enable_grad():
            outputs = self.outputs()
            if not _fit(self.weights, outputs):
                return None
            reached = [(o, as_tensor(w)) for o, w in zip(outputs, self.weights) if o.requires_grad]
            if not reached:
                return (None,) * len(wanted)
            return grad([o for o, _ in reached], wanted, [w for _, w in reached], allow_unused=True)


def _fit(weights: Sequence[Any], outputs: Sequence[Any]) -> bool:
    return [w.shape for w in weights] == [o.shape for o in outputs]
