"""Probability distributions over numbers: samples, log densities, entropies, all of them for a whole batch at once.

A distribution is made of tensors, its parameters; gradients with respect to them pass through `log_prob`, `entropy`
and `rsample` (where there is one), not through `sample`. What `log_prob` of a sample times a reward gives a gradient
for is the score function estimator (Williams, 1992); what `rsample` gives one for is the reparameterisation of
Kingma and Welling (2014).

>>> from minigrad import tensor
>>> Categorical(probs=tensor([1.0, 3.0])).log_prob(tensor(1)).exp()
tensor(0.7500)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.nn.losses import binary_cross_entropy_with_logits
from minigrad.output.absent import missing_from
from minigrad.output.words import class_name
from minigrad.random import rand, randn
from minigrad.tensors.creation import as_tensor, full_like, result_type
from minigrad.tensors.joining import broadcast_tensors
from minigrad.tensors.tensor import Tensor

__path__: list[str] = []  # PyTorch has a module for each: `from minigrad.distributions.categorical import Categorical`

Shape = int | Sequence[int]


class Distribution:
    """Base class of the distributions.

    Attributes:
        batch_shape: the shape of the parameters: as many distributions stand side by side.
        event_shape: the shape of one sample; () for all of these.
    """

    event_shape: tuple[int, ...] = ()
    batch_shape: tuple[int, ...]
    mean: Tensor
    variance: Tensor
    _parameters: tuple[str, ...]

    def __init__(self, batch_shape: tuple[int, ...], validate_args: bool | None) -> None:
        self.batch_shape, self._validate = batch_shape, validate_args is not False

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Return samples of shape (*sample_shape, *batch_shape), without a history."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return samples through which gradients pass to the parameters (the reparameterization trick)."""
        raise NotImplementedError(f"{class_name(self)} has no rsample: its samples are integers; use sample()")

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density, or log probability, at these values, which broadcast with the batch."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """Return the entropy, the mean of -log_prob, of each distribution of the batch."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def _shape(self, sample_shape: Shape) -> tuple[int, ...]:
        given = (sample_shape,) if isinstance(sample_shape, int) else tuple(sample_shape)
        return (*given, *self.batch_shape)

    def _require(self, holds: Any, name: str, requirement: str, given: Tensor) -> None:
        """Raise ValueError unless the condition is true for all elements."""
        if self._validate and not bool(holds.all()):
            wrong = given.detach()[~holds.expand(given.shape)] if given.shape else given.detach()
            raise ValueError(f"{class_name(self)}: {name} {requirement}, got {wrong.ravel()[0].item():g} among it")

    def _checked(self, value: Any, holds: Any, requirement: str) -> Tensor:
        """Return the value as a tensor; raise unless `holds` is true for it."""
        if not isinstance(value, Tensor):
            raise TypeError(f"{class_name(self)}.log_prob: value is a tensor, got {class_name(value)}: {value!r}")
        if self._validate:
            self._require(holds(value.detach()), "value", requirement, value)
        return value

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in self._parameters if name in self.__dict__}
        inner = ", ".join(f"{name}: {v.item() if v.numel() == 1 else v.shape}" for name, v in values.items())
        return f"{class_name(self)}({inner})"


class Normal(Distribution):
    """The normal distribution of this mean and standard deviation: numbers, or tensors that broadcast.

    >>> Normal(0.0, 1.0).log_prob(as_tensor(0.0))
    tensor(-0.9189)
    """

    _parameters = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = _together(loc, scale)
        super().__init__(self.loc.shape, validate_args)
        self._require(~self.loc.isnan(), "loc", "must not be nan", self.loc)
        self._require(self.scale > 0, "scale", "must be above 0", self.scale)
        self.mean = self.mode = self.loc

    @property
    def variance(self) -> Tensor:  # type: ignore[override]
        """The square of `scale`."""
        return self.scale.square()

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return loc + scale z with z standard normal; gradients pass to both."""
        return self.loc + self.scale * randn(self._shape(sample_shape), dtype=self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return -((value - loc) / scale)² / 2 - log(scale) - log(2 pi) / 2."""
        value = self._checked(value, lambda v: ~v.isnan(), "must not be nan")
        return -((value - self.loc) ** 2) / (2 * self.variance) - self.scale.log() - math.log(2 * math.pi) / 2

    def entropy(self) -> Tensor:
        """Return (1 + log(2 pi)) / 2 + log(scale)."""
        return (1 + math.log(2 * math.pi)) / 2 + self.scale.log()


class Uniform(Distribution):
    """The uniform distribution from low to high: numbers, or tensors that broadcast."""

    _parameters = ("low", "high")

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = _together(low, high)
        super().__init__(self.low.shape, validate_args)
        self._require(self.low < self.high, "low", "must be less than high", self.low)

    @property
    def mean(self) -> Tensor:  # type: ignore[override]
        """The mean, (low + high) / 2."""
        return (self.low + self.high) / 2

    @property
    def variance(self) -> Tensor:  # type: ignore[override]
        """The variance, (high - low)² / 12."""
        return (self.high - self.low).square() / 12

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return low + (high - low) u with u uniform in [0, 1); gradients pass to both."""
        return self.low + rand(self._shape(sample_shape), dtype=self.low.dtype) * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return -log(high - low); -inf outside, where values are not validated."""
        low, high = self.low.detach(), self.high.detach()
        value = self._checked(value, lambda v: (v >= low) & (v <= high), "must be between low and high")
        outside = as_tensor(np.where(((low <= value) & (value < high)).numpy(), 0.0, -math.inf), self.low.dtype)
        return outside - (self.high - self.low).log()

    def entropy(self) -> Tensor:
        """Return log(high - low)."""
        return (self.high - self.low).log()


class _OfLogits(Distribution):
    """A distribution over integers, from probabilities or from logits; each is computed from the other."""

    _parameters = ("probs", "logits")

    def __init__(self, probs: Any, logits: Any, validate_args: bool | None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError(f"{class_name(self)}: give either probs or logits")
        self._validate = validate_args is not False

    @property
    def _given(self) -> Tensor:
        return self.__dict__["probs" if "probs" in self.__dict__ else "logits"]

    def _bounded(self) -> Tensor:
        """Return the probabilities clamped away from 0 and 1, where their logs are infinite."""
        p: Tensor = self.__dict__["probs"]
        eps = float(np.finfo(p.dtype).eps)
        return p.clamp(eps, 1 - eps)


class Bernoulli(_OfLogits):
    """The Bernoulli distribution: 1 with probability `probs` = sigmoid(`logits`), otherwise 0."""

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(probs, logits, validate_args)
        if probs is not None:
            self.probs = _floating(probs)
            self._require((self.probs >= 0) & (self.probs <= 1), "probs", "must be from 0 to 1", self.probs)
        else:
            self.logits = _floating(logits)
            self._require(~self.logits.isnan(), "logits", "must not be nan", self.logits)
        self.batch_shape = self._given.shape

    @cached_property
    def probs(self) -> Tensor:
        """The probability of a 1."""
        return self.logits.sigmoid()

    @cached_property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        p = self._bounded()
        return p.log() - (-p).log1p()

    @property
    def mean(self) -> Tensor:  # type: ignore[override]
        """The probability of a 1."""
        return self.probs

    @property
    def variance(self) -> Tensor:  # type: ignore[override]
        """p (1 - p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Return samples of shape (*sample_shape, *batch_shape): floats, without a history."""
        return self.probs.detach().expand(self._shape(sample_shape)).bernoulli()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log p where the value is 1, log(1 - p) where it is 0."""
        value = self._checked(value, lambda v: (v == 0) | (v == 1), "must be 0 or 1")
        logits, value = broadcast_tensors(self.logits, value)
        dtype = result_type(logits, value)
        return -binary_cross_entropy_with_logits(logits.to(dtype), value.to(dtype), reduction="none")

    def entropy(self) -> Tensor:
        """Return -p log p - (1 - p) log(1 - p)."""
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")


class Categorical(_OfLogits):
    """The categorical distribution over 0 to K - 1: weights `probs`, or softmax(`logits`), along the last dimension.

    >>> from minigrad import tensor
    >>> Categorical(logits=tensor([0.0, 0.0])).entropy()
    tensor(0.6931)
    """

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(probs, logits, validate_args)
        name, given = ("probs", probs) if probs is not None else ("logits", logits)
        given = _floating(given)
        if not given.ndim:
            raise ValueError(f"Categorical: {name} has at least one dimension, of the categories, got a single number")
        if probs is not None:
            self._require(given >= 0, "probs", "must be at least 0", given)
            total = given.sum(-1, keepdim=True)
            self._require(total > 0, "the sum of probs", "must be above 0", total)
            self.probs = given / total
        else:
            self._require(~given.isnan(), "logits", "must not be nan", given)
            self.logits = given - given.logsumexp(-1, keepdim=True)
        self.batch_shape = given.shape[:-1]

    @cached_property
    def probs(self) -> Tensor:
        """The probabilities, with the sum 1."""
        return self.logits.softmax(-1)

    @cached_property
    def logits(self) -> Tensor:
        """The logs of the probabilities."""
        return self._bounded().log()

    @property
    def mean(self) -> Tensor:  # type: ignore[override]
        """Nan: the integers are labels, which have no mean."""
        return full_like(self._given[..., 0].detach(), math.nan)

    variance = mean

    @property
    def mode(self) -> Tensor:
        """The most probable integer."""
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Return samples of shape (*sample_shape, *batch_shape), int64."""
        shape, probs = self._shape(sample_shape), self.probs.detach()
        count = math.prod(shape[: len(shape) - len(self.batch_shape)])
        if not math.prod(shape):
            return as_tensor(np.empty(shape, np.int64))
        return probs.reshape(-1, probs.shape[-1]).multinomial(count, replacement=True).t().reshape(shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log probability of these integers."""
        last = self._given.shape[-1] - 1
        requirement = f"must be an integer from 0 to {last}"
        value = self._checked(value, lambda v: (v >= 0) & (v <= last) & (v == v.long()), requirement)
        value, logits = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        """Return the sum of -p log p."""
        least = float(np.finfo(self._given.dtype).min)  # for 0 log 0 is 0
        return -(self.probs * self.logits.clamp(min=least)).sum(-1)


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """Return the Kullback-Leibler divergence KL(p || q): the mean of p.log_prob(x) - q.log_prob(x) over samples x of p.

    Raises:
        NotImplementedError: for other pairs than two of Normal, Bernoulli or Categorical.
    """
    if isinstance(p, Normal) and isinstance(q, Normal):
        ratio = (p.scale / q.scale).square()
        return (ratio + ((p.loc - q.loc) / q.scale).square() - 1 - ratio.log()) / 2
    if isinstance(p, Bernoulli) and isinstance(q, Bernoulli):
        logits, probs = broadcast_tensors(q.logits, p.probs)
        return binary_cross_entropy_with_logits(logits, probs, reduction="none") - p.entropy()
    if isinstance(p, Categorical) and isinstance(q, Categorical):
        return (p.probs * (p.logits - q.logits)).sum(-1)
    raise NotImplementedError(f"kl_divergence: of {class_name(p)} and {class_name(q)} there is no formula here")


def _floating(value: Any) -> Tensor:
    t = as_tensor(value)
    return t if t.is_floating_point() else t.float()


def _together(a: Any, b: Any) -> list[Tensor]:
    """Return two parameters as float tensors of one shape; a number takes the dtype of the other."""
    first, second = (_floating(v) for v in (a, b))
    if not isinstance(a, Tensor) and isinstance(b, Tensor):
        first = first.to(second.dtype)
    if not isinstance(b, Tensor) and isinstance(a, Tensor):
        second = second.to(first.dtype)
    return list(broadcast_tensors(first, second))


if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__, "bernoulli", "categorical", "normal", "uniform", "kl")
