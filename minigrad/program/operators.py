"""The operators of stand-ins: each is handed to the recorder of its operands. Imports no NumPy."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

_BINARY = {
    **{"add": ("+", "add"), "sub": ("-", "subtract"), "mul": ("*", "multiply"), "truediv": ("/", "divide")},
    **{
        "pow": ("**", "power"),
        "matmul": ("@", "matmul"),
        "floordiv": ("//", "floor_divide"),
        "mod": ("%", "remainder"),
    },
    **{"and_": ("&", "bitwise_and"), "or_": ("|", "bitwise_or"), "xor": ("^", "bitwise_xor")},
    **{"lshift": ("<<", "left_shift"), "rshift": (">>", "right_shift")},
}
_COMPARISONS = {
    **{"lt": ("<", "less"), "le": ("<=", "less_equal"), "gt": (">", "greater"), "ge": (">=", "greater_equal")},
    **{"eq": ("==", "equal"), "ne": ("!=", "not_equal")},
}
_UNARY = {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "invert"}

SYMBOLS = {getattr(operator, name): symbol for name, (symbol, _) in (_BINARY | _COMPARISONS).items()}
"""The symbols of the operators with two operands."""
NAMES = {
    **{getattr(operator, name): function for name, (_, function) in (_BINARY | _COMPARISONS).items()},
    **{getattr(operator, f"i{name.rstrip('_')}"): function for name, (_, function) in _BINARY.items()},
    **{getattr(operator, name): function for name, function in _UNARY.items()},
}
"""The names of NumPy's functions for the operators."""


IN_PLACE = {getattr(operator, f"i{name.rstrip('_')}") for name in _BINARY}
"""The operators that write into their first operand."""


class Operand:
    """What a recorder computes with: `a + b` is `recorder.call(operator.add, (a, b), {})`, and so on."""

    __slots__ = ("recorder",)
    recorder: Any


def _operator(function: Callable[..., Any]) -> None:
    def forward(self: Operand, *other: Any) -> Any:
        return NotImplemented if _is_tensor(*other) else self.recorder.call(function, (self, *other), {})

    def reflected(self: Operand, other: Any) -> Any:
        return NotImplemented if _is_tensor(other) else self.recorder.call(function, (other, self), {})

    def in_place(self: Operand, other: Any) -> Any:
        return self.recorder.call(function, (self, other), {})

    name = function.__name__.rstrip("_")
    setattr(Operand, f"__{name}__", in_place if function in IN_PLACE else forward)
    if function in SYMBOLS:
        setattr(Operand, f"__r{name}__", reflected)


def _is_tensor(other: Any = None) -> bool:
    return hasattr(other, "_array")


for _function in NAMES:
    _operator(_function)
