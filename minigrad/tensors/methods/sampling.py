"""Methods that draw random numbers, from the Generator of the argument `generator`. The results have no gradient."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from minigrad.output.words import class_name
from minigrad.tensors.base import Base, Out
from minigrad.tensors.dtypes import kind
from minigrad.tensors.rng import numbers


class Sampling(Base[Out]):
    """Fill a tensor with random numbers, or draw samples with the probabilities or rates in a tensor."""

    def _fill(self, name: str, values: Any) -> Self:
        """Write random values, which do not depend on the old ones."""
        return self._write(self._of(np.asarray(values).astype(self.dtype)), name)

    def _floats(self, name: str) -> Any:
        """Return the array; raise unless it has a float dtype."""
        if not isinstance(self, Base):
            raise TypeError(f"{name}: takes a tensor, got {class_name(self)}; make it one: minigrad.tensor(...)")
        if self.dtype.kind != "f":
            raise TypeError(f"{name}: takes a tensor of floats, not of {self.dtype}; convert it: t.float()")
        return self._array

    def uniform_(self, from_: float = 0, to: float = 1, *, generator: Any = None, **other: float) -> Self:
        """Fill with random numbers, uniform in [from, to).

        >>> from minigrad import zeros
        >>> x = zeros(100).uniform_(2, 3)
        >>> bool(((x >= 2) & (x < 3)).all())
        True
        """
        low = _named_from("uniform_", from_, other)
        self._floats("uniform_")
        if low > to:
            raise ValueError(f"uniform_: from={low} must not be greater than to={to}")
        dtype: Any = self.dtype
        values = numbers(generator).random(self.shape, dtype) * dtype.type(to - low) + dtype.type(low)
        return self._fill("uniform_", np.where(values < to, values, low) if low < to else values)

    def normal_(self, mean: float = 0, std: float = 1, *, generator: Any = None) -> Self:
        """Fill with normal random numbers mean + std z, with z standard normal.

        >>> from minigrad import zeros
        >>> zeros(2, 3).normal_(0, 0.02).shape
        (2, 3)
        """
        self._floats("normal_")
        if std < 0:
            raise ValueError(f"normal_: std must not be negative, got {std}")
        return self._fill("normal_", mean + std * numbers(generator).standard_normal(self.shape))

    def random_(self, from_: int | None = None, to: int | None = None, *, generator: Any = None, **other: int) -> Self:
        """Fill with random integers from `from` to `to` - 1: random_(to), random_(from, to).

        With neither, from 0 to the largest number that the dtype represents (for floats, the largest up to which it
        represents all integers).
        """
        low = _named_from("random_", from_, other)
        if low is not None and to is None and not other:
            low, to = None, low
        if to is None:
            dtype = self.dtype
            to = (
                2 ** (np.finfo(dtype).nmant + 1)
                if dtype.kind == "f"
                else 1
                if dtype.kind == "b"
                else np.iinfo(dtype).max
            )
            to = int(to) + 1
        low = 0 if low is None else low
        if low >= to:
            raise ValueError(f"random_: from={low} must be less than to={to}")
        return self._fill("random_", numbers(generator).integers(low, to - 1, self.shape, endpoint=True))

    def bernoulli_(self, p: Any = 0.5, *, generator: Any = None) -> Self:
        """Fill with 1 with probability p (a number, or a tensor that broadcasts), otherwise 0."""
        p = _probabilities("bernoulli_", getattr(p, "_array", p))
        return self._fill("bernoulli_", numbers(generator).random(self.shape) < p)

    def exponential_(self, lambd: float = 1, *, generator: Any = None) -> Self:
        """Fill with exponential random numbers, of density lambd exp(-lambd x)."""
        self._floats("exponential_")
        if lambd <= 0:
            raise ValueError(f"exponential_: lambd must be greater than 0, got {lambd}")
        return self._fill("exponential_", numbers(generator).standard_exponential(self.shape) / lambd)

    def bernoulli(self, p: float | None = None, *, generator: Any = None) -> Out:
        """Return 1 or 0 for each element: 1 with the probability in this tensor, or with probability `p` if given.

        >>> import minigrad
        >>> minigrad.tensor([0.0, 1.0]).bernoulli()
        tensor([0., 1.])
        """
        if p is not None:
            return self._of(np.empty_like(self._array)).bernoulli_(p, generator=generator)
        p = _probabilities("bernoulli", Sampling._floats(self, "bernoulli"))
        return self._of((numbers(generator).random(self.shape) < p).astype(self.dtype))

    def poisson(self, generator: Any = None) -> Out:
        """Return a Poisson random number for each rate in this tensor."""
        rates = Sampling._floats(self, "poisson")
        if not (rates >= 0).all():
            raise ValueError(f"poisson: rates must not be negative, got {rates.min()}")
        return self._of(numbers(generator).poisson(rates).astype(self.dtype))

    def multinomial(self, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Out:
        """Draw indices with the weights in this tensor, or in each of its rows.

        Args:
            num_samples: the number of samples for each row.
            replacement: True to allow an index more than once.
            generator: the Generator to draw from.

        Returns:
            int64, of shape (num_samples) or (rows, num_samples).

        Raises:
            ValueError: for weights that are negative, not finite or all 0, and without replacement for more samples
                than there are positive weights.

        Source: without replacement, the order in which exponential clocks of these rates ring (Efraimidis and
        Spirakis, 2006).

        >>> from minigrad import tensor
        >>> tensor([0.0, 1.0]).multinomial(3, replacement=True)
        tensor([1, 1, 1])
        """
        weights = Sampling._floats(self, "multinomial").astype(np.float64)
        if self.ndim not in (1, 2) or not weights.shape[-1]:
            raise ValueError(f"multinomial: takes a row of weights, or a matrix of rows, got shape {self.shape}")
        if isinstance(num_samples, bool) or not hasattr(num_samples, "__index__") or num_samples <= 0:
            raise ValueError(f"multinomial: num_samples must be a positive integer, got {num_samples!r}")
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError("multinomial: weights must be finite and not negative; for logits: logits.softmax(-1)")
        positive = (weights > 0).sum(-1)
        if (positive == 0).any():
            raise ValueError("multinomial: the weights of a row are all 0")
        rng = numbers(generator)
        if not replacement:
            if (positive < num_samples).any():
                raise ValueError(
                    f"multinomial: without replacement {num_samples} samples need as many weights above 0, and there "
                    f"are {positive.min()}; draw fewer, or with replacement=True"
                )
            with np.errstate(divide="ignore"):  # a clock of rate 0 never rings
                rings = rng.standard_exponential(weights.shape) / weights
            return self._of(np.argsort(rings, axis=-1)[..., :num_samples].astype(np.int64))
        drawn = np.empty((*weights.shape[:-1], num_samples), np.int64)
        for row, out in zip(np.atleast_2d(weights), np.atleast_2d(drawn)):
            ends = np.cumsum(row)
            last = np.flatnonzero(row)[-1]  # rounding must not lead beyond it
            out[:] = np.minimum(np.searchsorted(ends, rng.random(num_samples) * ends[-1], side="right"), last)
        return self._of(drawn)


def _named_from(name: str, value: Any, other: dict[str, Any]) -> Any:
    """Return the argument that PyTorch calls `from`, a name that only ** can take as a keyword."""
    if other.keys() - {"from"}:
        raise TypeError(f"{name}() got an unexpected keyword argument {min(other.keys() - {'from'})!r}")
    return other.get("from", value)


def _probabilities(name: str, p: Any) -> Any:
    p = np.asarray(p)
    if kind(p.dtype) < 2 and not np.isin(p, (0, 1)).all() or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"{name}: probabilities are from 0 to 1, got {p if p.ndim == 0 else [p.min(), p.max()]}")
    return p
