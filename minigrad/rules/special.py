"""The error function and its kin, which NumPy has not: SciPy's where it is installed, else number by number."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np

from minigrad.rules.rule import Rule


def _numeric(name: str, function: Callable[[float], float]) -> Callable[[Any], Any]:
    """`scipy.special.name`, or without SciPy the function of single numbers."""

    def forward(x: Any) -> Any:
        try:
            import scipy.special  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError:
            return np.vectorize(function, otypes=[x.dtype])(x)
        return getattr(scipy.special, name)(x)

    return forward


def _erfinv(y: float) -> float:
    """Where erf is y. The normal distribution's quantile is exact in the tails; near 0, Newton's step makes it so."""
    if not -1 < y < 1:
        return math.copysign(math.inf, y) if abs(y) == 1 else math.nan
    x = math.copysign(NormalDist().inv_cdf((1 - abs(y)) / 2) / math.sqrt(2), y)
    return x - (math.erf(x) - y) * math.sqrt(math.pi) / 2 * math.exp(x * x) if abs(y) < 0.5 else x


erf = Rule("erf", _numeric("erf", math.erf), x=lambda g, x: g * (2 / math.sqrt(math.pi)) * np.exp(-x * x))
erfc = Rule("erfc", _numeric("erfc", math.erfc), x=lambda g, x: g * (-2 / math.sqrt(math.pi)) * np.exp(-x * x))
erfinv = Rule("erfinv", _numeric("erfinv", _erfinv), x=lambda g, y: g * (math.sqrt(math.pi) / 2) * np.exp(y * y))
