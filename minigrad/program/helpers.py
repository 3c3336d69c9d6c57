"""Functions that a program defines once, above its statements, where a primitive's own code would not read well.

NumPy has no erf, and a sigmoid or a softplus is clearer by its name than by its formula. Imports no NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable

NAMES = {"sigmoid": "sigmoid", "softplus": "softplus", "erf": "erf", "erfc": "erfc", "ndtr": "normal_cdf"}
"""The function that stands for each of these primitives."""

_ARRAYS = {
    "sigmoid": "1 / (1 + np.exp(-x))",
    "softplus": "np.maximum(0, x) + np.log1p(np.exp(-np.abs(x)))",  # exp does not overflow
    "erf": "np.vectorize(math.erf, otypes=[x.dtype])(x)",
    "erfc": "np.vectorize(math.erfc, otypes=[x.dtype])(x)",
    "normal_cdf": "np.vectorize(math.erfc, otypes=[x.dtype])(-x / 2 ** 0.5) / 2",
}
_NUMBERS = {
    "sigmoid": "1 / (1 + math.exp(-x))",
    "softplus": "max(0, x) + math.log1p(math.exp(-abs(x)))",
}


def definitions(names: Iterable[str], numpy: bool) -> list[str]:
    """Return the lines that define these functions, for arrays or for plain numbers.

    >>> print(*definitions(["sigmoid"], numpy=True), sep="\\n")
    <BLANKLINE>
    <BLANKLINE>
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))
    <BLANKLINE>
    """
    formulas = _ARRAYS if numpy else _NUMBERS
    lines = [line for name in names for line in ("", "", f"def {name}(x):", f"    return {formulas[name]}")]
    return [*lines, ""] if lines else []
