"""The vector-Jacobian products in words, for readers: what happens to the upstream gradient on its way to an input.

A primitive that has no words here is described by its notation. Imports no NumPy.
"""

from __future__ import annotations

from typing import Any

_UNCHANGED = "passed on as it is"
_SPREAD = "spread over the elements that were added"
_MOVED = "moved back to where the elements came from"
_ADDED = "added up where elements were used more than once"

WORDS: dict[str, str | dict[str, str]] = {
    "add": _UNCHANGED,
    "sub": {"a": _UNCHANGED, "b": "with the sign changed"},
    "mul": "times the other factor",
    "div": {"a": "divided by the denominator", "b": "times -y / b"},
    "neg": "with the sign changed",
    "pow": {"a": "times exponent * base ** (exponent - 1)", "b": "times y * log(base)"},
    "square": "times 2 * x",
    "abs": "times the sign of x",
    "exp": "times the result itself",
    "log": "divided by x",
    "sqrt": "divided by 2 * y",
    "reciprocal": "times -y ** 2",
    "tanh": "times 1 - y ** 2",
    "sigmoid": "times y * (1 - y)",
    "softplus": "times sigmoid(x)",
    "ndtr": "times the normal density at x",
    "gelu": "times the normal distribution at x, plus x times its density",
    "relu": "where x is positive; elsewhere 0",
    "hardtanh": "where x is between the bounds; elsewhere 0",
    "clamp": "where x is between the bounds; elsewhere 0",
    "maximum": "to the larger operand; half to each at a tie",
    "minimum": "to the smaller operand; half to each at a tie",
    "where": "to the operand that was chosen",
    "matmul": {"a": "times the right factor, transposed", "b": "the left factor, transposed, times it"},
    "linear": {
        "x": "times the weight",
        "weight": "transposed, times the input: a sum over the examples",
        "bias": "summed over the examples",
    },
    "conv": {
        "x": "convolved with the flipped kernels",
        "weight": "times the windows of the input, summed over all of them",
        "bias": "summed over all but the channels",
    },
    "max_pool": "to the largest element of each window",
    "sum_pool": "to every element of each window",
    "sum": _SPREAD,
    "mean": "spread over the elements that were averaged, and divided by their number",
    "max": "to the largest element; shared at a tie",
    "min": "to the smallest element; shared at a tie",
    "var": "times 2 * (x - mean) / n",
    "cross_entropy": "times softmax(scores) minus 1 at the target",
    "softmax": "times y, after the part that changes all scores alike is removed",
    "log_softmax": "minus softmax(x) times its sum",
    "standardize": "times the scale, less its mean and its part along xhat",
    "layer_norm": "times the scale, less its mean and its part along xhat",
    "getitem": "to the elements that were read; " + _ADDED,
    "place": "read where the elements were put",
    "reshape": "in the shape of the input",
    "permute": "with the axes turned back",
    "expand": "summed over the axes that were repeated",
    "to": "in the dtype of the input",
    "clone": _UNCHANGED,
    "cat": "cut into the parts",
    "stack": "cut into the parts",
    "flip": _MOVED,
    "roll": _MOVED,
    "gather": "to the elements that were read; " + _ADDED,
    "cumsum": "the sum of what comes back for this element and all later ones",
    "lstm": "through the steps in time, from the last to the first",
    "gru": "through the steps in time, from the last to the first",
    "rnn": "through the steps in time, from the last to the first",
}
"""By the primitive's name: a text, or one for each input."""


def words(primitive: Any, name: str) -> str:
    """Return what the primitive does with the upstream gradient for the input `name`, as `primitive: …`.

    >>> from minigrad.primitives.elementwise import mul, sin
    >>> words(mul, "a")
    'mul: times the other factor'
    >>> words(sin, "x")
    'sin: times cos(x)'
    """
    text = WORDS.get(primitive.name)
    if isinstance(text, dict):
        text = text.get(name)
    if text is None:
        text = primitive.notation.get(name)
        if not isinstance(text, str):
            text = f"times {primitive.partials[name]}" if hasattr(primitive, "partials") else ""
    return f"{primitive.name}: {text}" if text else f"{primitive.name}"
