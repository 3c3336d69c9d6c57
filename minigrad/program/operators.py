"""The operators of stand-ins: each is handed to the recorder of its operands. Imports no NumPy."""

from __future__ import annotations

import operator
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


class Operand:
    """What a recorder computes with: `a + b` is `recorder.binary(operator.add, a, b)`, and so on."""

    __slots__ = ("recorder",)
    recorder: Any


def _operator(name: str) -> None:
    function = getattr(operator, name)

    def forward(self: Operand, other: Any) -> Any:
        return NotImplemented if hasattr(other, "_array") else self.recorder.binary(function, self, other)

    def reflected(self: Operand, other: Any) -> Any:
        return NotImplemented if hasattr(other, "_array") else self.recorder.binary(function, other, self)

    setattr(Operand, f"__{name.rstrip('_')}__", forward)
    setattr(Operand, f"__r{name.rstrip('_')}__", reflected)


def _in_place(name: str) -> None:
    function = getattr(operator, name)
    setattr(Operand, f"__{name}__", lambda self, other: self.recorder.in_place(function, self, other))


def _unary(name: str) -> None:
    function = getattr(operator, name)
    setattr(Operand, f"__{name}__", lambda self: self.recorder.call(function, (self,), {}))


for _name in _BINARY | _COMPARISONS:
    _operator(_name)
for _name in _BINARY:
    _in_place(f"i{_name.rstrip('_')}")
for _name in _UNARY:
    _unary(_name)
