"""Functions that a program defines once, above its statements, where a primitive's own code would not read well.

NumPy has no erf, and a sigmoid or a softplus is clearer by its name than by its formula. Imports no NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable

NAMES = {
    "sigmoid": "sigmoid",
    "softplus": "softplus",
    "erf": "erf",
    "erfc": "erfc",
    "ndtr": "normal_cdf",
    "normal_pdf": "normal_pdf",
}
"""The function that stands for each of these primitives."""

_ARRAYS = {
    "sigmoid": "x: 1 / (1 + np.exp(-x))",
    "softplus": "x: np.maximum(0, x) + np.log1p(np.exp(-np.abs(x)))",  # exp does not overflow
    "erf": "x: np.vectorize(math.erf, otypes=[x.dtype])(x)",
    "erfc": "x: np.vectorize(math.erfc, otypes=[x.dtype])(x)",
    "normal_cdf": "x: np.vectorize(math.erfc, otypes=[x.dtype])(-x / 2 ** 0.5) / 2",
    "normal_pdf": "x: np.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))",
    "quotient": "a, b: np.where(b == 0, 0, a / np.where(b == 0, 1, b))  # 0 where b is 0",
}
_NUMBERS = {
    "sigmoid": "x: 1 / (1 + math.exp(-x))",
    "softplus": "x: max(0, x) + math.log1p(math.exp(-abs(x)))",
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
    formulas = [(name, *(_ARRAYS if numpy else _NUMBERS)[name].split(": ", 1)) for name in names]
    lines = [line for name, x, y in formulas for line in ("", "", f"def {name}({x}):", f"    return {y}")]
    return [*lines, ""] if lines else []
