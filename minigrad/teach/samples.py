"""Measurements of one training step: norms, fractions of dead units, histograms. Plain NumPy, no graph."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from minigrad.output.words import class_name, printable

BINS = 128
"""The number of bins of a histogram; half of them lie below 0."""
COUNTED = 1 << 14
"""The number of elements above which only every second, third, … is counted."""

EXAMPLES = 320
"""A unit that is 0 for so many examples in a row counts as dead: five batches of 64."""


class Histogram(NamedTuple):
    """The counts of numbers in `BINS` equal bins of [-span, span).

    The span is a power of two, so that two histograms can be brought to the larger one of theirs without error.
    """

    span: float
    counts: np.ndarray

    @staticmethod
    def of(values: np.ndarray) -> Histogram:
        """Return the histogram of the finite numbers of an array.

        >>> span, counts = Histogram.of(np.array([-1.5, 0.0, 0.1, 1.0]))
        >>> span, counts.nonzero()[0].tolist(), counts.sum().item()
        (2.0, [16, 64, 67, 96], 4)
        """
        largest = _largest(values)
        if not math.isfinite(largest):
            values = values[np.isfinite(values)]
            largest = _largest(values)
        span = 2.0 ** min(max(math.frexp(largest)[1], -60), 1000)
        places = values * (BINS / 2 / span)
        np.floor(places, out=places)
        places += BINS // 2
        if largest >= span:
            places = np.clip(places, 0, BINS - 1)
        return Histogram(span, np.bincount(places.astype(np.int64), minlength=BINS))

    def over(self, span: float) -> Histogram:
        """Return the histogram rebinned to another span.

        Each doubling merges pairs of bins, without error. Each halving loses what lies outside and splits bins in two.
        """
        counts, steps = self.counts, round(math.log2(span / self.span))
        for _ in range(min(steps, 7)):  # after 7 doublings, everything is in the two inner bins
            counts = np.pad(counts.reshape(-1, 2).sum(1), BINS // 4)
        for _ in range(min(-steps, 64)):
            counts = np.repeat(counts[BINS // 4 : -BINS // 4], 2) / 2
        return Histogram(span, counts)

    def __add__(self, other: Any) -> Histogram:
        """Return the histogram of the numbers of both."""
        span = max(self.span, other.span)
        return Histogram(span, self.over(span).counts + other.over(span).counts)


class Outputs(NamedTuple):
    """Statistics of a layer's output in one step: mean, standard deviation and histogram of the finite numbers, and
    the fraction that is not finite. Of more than `COUNTED` numbers, a sample is used.
    """

    mean: float
    std: float
    histogram: Histogram
    not_finite: float

    @staticmethod
    def of(array: np.ndarray) -> Outputs:
        """Return the statistics of an array.

        >>> with np.errstate(invalid="ignore"):
        ...     mean, std, histogram, not_finite = Outputs.of(np.array([1.0, 3.0, np.inf]))
        >>> mean, std, round(not_finite, 2)
        (2.0, 1.0, 0.33)
        """
        values = array.ravel()
        if array.size > COUNTED:
            values = values[:: array.size // COUNTED | 1]  # an odd stride does not stay in the same channels
        mean, square = _moments(values)
        if math.isfinite(square):
            return Outputs(mean, math.sqrt(square), Histogram.of(values), 0.0)
        finite = values[np.isfinite(values)].astype(np.float64)
        mean, square = _moments(finite)
        return Outputs(mean, math.sqrt(square), Histogram.of(finite), 1 - finite.size / values.size)

    def joined(self, other: Outputs) -> Outputs:
        """Return the statistics of a layer that was called twice."""
        n, m = (float(o.histogram.counts.sum()) for o in (self, other))
        share = m / max(n + m, 1)
        mean = self.mean + share * (other.mean - self.mean)
        square = sum(w * (o.std**2 + (o.mean - mean) ** 2) for w, o in ((1 - share, self), (share, other)))
        lost = self.not_finite + share * (other.not_finite - self.not_finite)
        return Outputs(mean, math.sqrt(square), self.histogram + other.histogram, lost)


def _largest(values: np.ndarray) -> float:
    """Return the largest absolute value."""
    return max(float(values.max()), -float(values.min())) if values.size else 0.0


def _moments(values: np.ndarray) -> tuple[float, float]:
    """Return mean and variance."""
    if not values.size:
        return math.nan, math.nan
    mean = np.add.reduce(values) / values.size
    centred = values - mean
    return float(mean), float(np.dot(centred, centred)) / values.size


@dataclass
class Sample:
    """The measurements of one step."""

    step: int  # which one; the first is 1
    loss: float = math.nan  # of its batch, nan where it is not known
    # of the optimizer's groups; in the lecture's loop the one that explains the step, if one does
    learning_rates: tuple[float, ...] = ()
    # for each layer with parameters, the norm of its gradient
    gradients: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)  # and the norm of its parameters, before the step
    updates: dict[str, float] = field(default_factory=dict)  # and the norm of what the step added to them
    outputs: dict[str, Outputs] = field(default_factory=dict)  # for each layer, what came out of it
    # for each ReLU, the fraction of its units that were 0 for the last `EXAMPLES` examples in samples, or more
    dead: dict[str, float] = field(default_factory=dict)
    slope: float = 0.0  # the change of the loss that the update should make, gradient times update
    # of the gradient and the step, the largest number by its absolute value, if half of the numbers are that, not all
    clipped: dict[str, float] = field(default_factory=dict)
    added: bool | None = None  # whether a gradient was added to that of the step before; None where that is not known
    arrived: bool | None = None  # whether backward() computed a gradient other than 0; None where that is not known

    @property
    def gradient(self) -> float:
        """The norm of the whole gradient."""
        return math.hypot(*self.gradients.values())

    def ratio(self, layer: str) -> float:
        """The update-to-parameter ratio of a layer, |dx| / |x|; nan for parameters that are all 0."""
        size = self.sizes.get(layer, 0.0)
        return self.updates.get(layer, math.nan) / size if size else math.nan

    @property
    def ratios(self) -> dict[str, float]:
        """The update-to-parameter ratio of each layer that has one."""
        return {layer: ratio for layer in self.updates if not math.isnan(ratio := self.ratio(layer))}


def mean_loss(losses: Sequence[float]) -> float:
    """Return the mean of those of these losses that are finite; nan if there is none."""
    return fmean([*filter(math.isfinite, losses)] or [math.nan])


def norm(arrays: Iterable[np.ndarray]) -> float:
    """Return the Euclidean norm of all numbers of several arrays.

    >>> norm([np.array([3.0]), np.array([[4.0, 0.0]])])
    5.0
    """
    return math.sqrt(sum(map(_square, arrays)))


def _square(a: np.ndarray) -> float:
    flat = a.ravel()
    square = float(np.dot(flat, flat))
    if 1e-30 < square < math.inf or flat.dtype == np.float64:
        return square
    flat = flat.astype(np.float64)  # the square would overflow in float32
    return float(np.dot(flat, flat))


def named(path: str, module: object) -> str:
    """Return the name of a layer.

    >>> from minigrad import nn
    >>> [named(path, module) for path, module in nn.Sequential(nn.Linear(2, 3), nn.ReLU()).named_modules()]
    ['Sequential', '0 (Linear)', '1 (ReLU)']
    """
    kind = class_name(module)
    return printable(f"{path} ({kind})" if path else kind)


def axis_of_units(node: Any, dimensions: int) -> int:
    """Return the axis of the units in a layer's output: the channels of a convolution, otherwise the last."""
    while node is not None and node.primitive is not None:
        if node.primitive.name.startswith("conv"):
            return 1 - len(node.shape)
        if node.primitive.name in ("linear", "matmul"):
            return -1
        node = node.inputs[0]
    return -1 if dimensions <= 3 else 1 - dimensions


def listed(layers: Sequence[str]) -> str:
    """Return at most three names.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b", "c", "d", "e"])
    ('a', 'a, b and c', 'a, b, c and 2 more')
    """
    if len(layers) == 1:
        return layers[0]
    if len(layers) <= 3:
        return f"{', '.join(layers[:-1])} and {layers[-1]}"
    return f"{', '.join(layers[:3])} and {len(layers) - 3} more"
