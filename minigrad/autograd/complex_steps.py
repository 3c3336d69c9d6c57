"""Derivatives by complex steps: a second opinion where differences are too coarse.

For a formula f, the imaginary part of f(x + ih), divided by h, is f'(x): nothing is subtracted, so nothing is lost in
the rounding of f(x), and h may be as small as 1e-60. NumPy's functions take complex numbers. |x| and sign(x) are
replaced, as they are no formulas. What does not take complex numbers is noticed: a function that raises, warns or
returns real numbers gives no opinion. One that drops imaginary parts inside would give a wrong one. So an opinion
counts only if it agrees with differences for the same element at other points, where these are accurate.

Source: W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40,
1998.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.autograd.finite_differences import Differences, Index

STEP = 1e-60
"""The step, relative to the element."""

NEAR = 1e-14
"""The relative size of the changes of x that show how sensitive a derivative is to rounding."""


class _Complex(np.ndarray):
    """A complex array for which |x| and sign(x) are those of a real x: x or -x, and -1, 0 or 1."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [_plain(x) for x in inputs]
        out = options.get("out")
        if out is not None:
            options["out"] = tuple(map(_plain, out))
        if method == "__call__" and ufunc in (np.absolute, np.fabs, np.sign) and np.iscomplexobj(plain[0]):
            (z,) = plain
            result = np.sign(z.real) + 0j if ufunc is np.sign else np.where(z.real < 0, -z, z)
            if out is not None:
                out[0][...] = result
        else:
            result = getattr(ufunc, method)(*plain, **options)
        return result if out is None and not np.iscomplexobj(result) else _marked(result) if out is None else out[0]

    def __getitem__(self, index: Any) -> Any:
        return _marked(super().__getitem__(index))


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, _Complex) else x


def _marked(x: Any) -> Any:
    return np.asarray(x).view(_Complex)


class ComplexSteps:
    """The derivatives of a function of one array by complex steps.

    Args:
        terms: the function, for complex arrays; the sum of what it returns is differentiated.
        differences: the same function and the point, for real arrays.

    >>> d = Differences(lambda x: np.array([(x**2).sum()]), np.array([1e12, 1.0]))
    >>> steps = ComplexSteps(lambda x: np.array([(x**2).sum()]), d)
    >>> steps.slope((1,)), steps.agrees((1,))
    (2.0, True)
    """

    def __init__(self, terms: Callable[[np.ndarray], np.ndarray], differences: Differences) -> None:
        self._terms, self._differences = terms, differences
        self._rng = np.random.default_rng(0)
        self._points = [*self._other_points()]

    def _other_points(self) -> Iterator[np.ndarray]:
        """Points at which all elements are of a similar size, of the same signs as at x first."""
        x = self._differences.x
        signs = np.where(x != 0, np.sign(x), self._rng.choice([-1.0, 1.0], x.shape))
        for size in (1.0, 1.0, np.minimum(self._differences.size, 1.0), 0.1):
            yield signs * size * self._rng.uniform(0.5, 1.5, x.shape)
        for _ in range(3):
            yield self._rng.choice([-1.0, 1.0], x.shape) * self._rng.uniform(0.5, 1.5, x.shape)

    def _at(self, point: np.ndarray, i: Index, h: float) -> float:
        moved = point.astype(complex)
        moved[i] += 1j * h
        moved = moved.view(_Complex)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error")  # a ComplexWarning says that imaginary parts were dropped
            try:
                terms = np.asarray(self._terms(moved))
            except Exception:
                return np.nan
        if terms.dtype.kind != "c" or terms.size != self._differences.here.size:
            return np.nan
        return float(_plain(terms).imag.sum()) / h

    def slope(self, i: Index, away: float = 0.0) -> float:
        """Return the derivative with respect to an element; nan if the function does not take complex numbers.

        Args:
            away: how far the element is moved from x.
        """
        point = self._differences.x
        if away:
            point = point.copy()
            point[i] += away
        return self._at(point, i, STEP * float(self._differences.size[i]))

    def agrees(self, i: Index) -> bool:
        """Return whether complex steps are known to be right for an element: at other points, where differences are."""
        agreed = 0
        for point in self._points:
            found = self._at(point, i, STEP)
            low, high = point.copy(), point.copy()
            h = 1e-5 * abs(float(point[i]))
            low[i] -= h
            high[i] += h
            above, below = self._differences.at(high), self._differences.at(low)
            by_differences = float(np.sum(above - below)) / (float(high[i]) - float(low[i]))
            noise = 10 * self._differences.precision * float(np.abs(above).max(initial=0.0)) / h
            if not np.isfinite(found) or not np.isfinite(by_differences):
                continue
            if abs(found - by_differences) > 1e-3 * max(abs(found), abs(by_differences)) + noise:
                return False
            agreed += noise <= 1e-3 * abs(by_differences)
            if agreed == 2:
                return True
        return agreed > 0

    def spread(self, i: Index) -> float:
        """Return by how much the derivative changes if x changes in its last digits: it cannot be known better."""
        x, here = self._differences.x, self.slope(i)
        h = STEP * float(self._differences.size[i])
        points = [x * (1 + NEAR * self._rng.uniform(-1, 1, x.shape)) for _ in range(6)]
        return float(np.max([abs(self._at(point, i, h) - here) for point in points]))
