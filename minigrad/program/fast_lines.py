"""Lines of a recorded program that compute the same bits with less of NumPy's work around the arithmetic.

On small arrays, converting a Python number to an array takes as long as the operation: `x * 0.5` takes twice as long as
`x * k` with k an array without axes, of the dtype of x. NumPy converts the number to the same dtype. A method such as
`x.sum(axis=0)` goes through a Python function to `np.add.reduce`, which can be called at once.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType
from typing import Any, NamedTuple

import numpy as np

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_OF_FLOATS: set[Any] = {np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.exp, np.log, np.sqrt}
_OF_FLOATS |= {np.tanh, np.sin, np.cos, np.negative, np.square, np.abs}
_OF_FLOATS |= {operator.iadd, operator.isub, operator.imul, operator.itruediv}
"""Functions whose result has the dtype of the floats that they are given. (Powers by a Python number are special.)"""
_TO_BOOL: set[Any] = {np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal}
_REDUCTIONS = {"sum": np.add.reduce, "max": np.maximum.reduce, "min": np.minimum.reduce}
_ASSIGNMENT = re.compile(r"(v\d+ = )(.*)", re.DOTALL)
_REDUCTION = re.compile(r"([vx]\d+)\.(sum|max|min)\((?:axis=(\w+))?(?:, )?(?:keepdims=(True|False))?\)")
_LARGEST = 1e4
"""Greater numbers could be infinite as a float16."""


class Line(NamedTuple):
    """A line of the program: its text, the variable that it sets ("" for none), and the variables that it reads."""

    text: str
    target: str
    uses: tuple[str, ...]


class Layout(NamedTuple):
    """What the array of a variable was when the step was recorded."""

    shape: tuple[int, ...]
    dtype: np.dtype
    is_contiguous: bool


class FastLines:
    """Makes the lines of a program faster.

    Args:
        layouts: of the variables that are arrays.
        names: the constants of the program, by name.
        constant: returns the name of another constant.
    """

    def __init__(self, layouts: Mapping[str, Layout], names: Mapping[str, Any], constant: Callable[[Any], str]) -> None:
        self._layouts, self._names, self._constant = layouts, names, constant
        self._numbers: dict[Any, str] = {}
        self._replaced = False

    def __call__(self, text: str) -> str:
        """Return the text of a line, or of a faster one."""
        found = _ASSIGNMENT.fullmatch(text)
        if found is None:
            return text
        target, expression = found.groups()
        if reduction := _REDUCTION.fullmatch(expression):
            name, method, axis, keepdims = reduction.groups()
            return f"{target}{self._constant(_REDUCTIONS[method])}({name}, {axis}, None, None, {keepdims or False})"
        self._replaced = False
        tree = ast.parse(expression, mode="eval")
        self._dtype(tree.body)
        return target + ast.unparse(tree) if self._replaced else text

    def _dtype(self, node: Any) -> np.dtype | None:
        """Return the dtype of an expression, if it is an array of floats with axes; replace the numbers in it."""
        if isinstance(node, ast.Name):
            layout = self._layouts.get(node.id)
            return layout.dtype if layout is not None and layout.shape and layout.dtype.kind == "f" else None
        if isinstance(node, ast.UnaryOp):
            return self._dtype(node.operand) if isinstance(node.op, ast.USub) else None
        if isinstance(node, ast.BinOp):
            operands = [node.left, node.right]
            dtype = self._operands(operands, isinstance(node.op, _ARITHMETIC))
            node.left, node.right = operands
            return dtype
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            operands = [node.left, node.comparators[0]]
            self._operands(operands, True)
            node.left, node.comparators[0] = operands
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            function = self._names.get(node.func.id)
            known = isinstance(function, np.ufunc | BuiltinFunctionType) and not node.keywords
            dtype = self._operands(node.args, known and (function in _OF_FLOATS or function in _TO_BOOL))
            return dtype if known and function in _OF_FLOATS else None
        return None

    def _operands(self, operands: list[Any], replace: bool) -> np.dtype | None:
        """Return the dtype of all arrays among the operands, if they have the same; replace the numbers beside them."""
        numbers = [_number(operand) for operand in operands]
        dtypes = [self._dtype(operand) for operand, number in zip(operands, numbers) if number is None]
        if not replace or not dtypes or dtypes[0] is None or any(dtype != dtypes[0] for dtype in dtypes):
            return None
        for i, number in enumerate(numbers):
            if number is not None and abs(number) < _LARGEST:
                operands[i] = ast.Name(self._array(number, dtypes[0]))
                self._replaced = True
        return dtypes[0]

    def _array(self, number: Any, dtype: np.dtype) -> str:
        key = (repr(number), dtype)
        if key not in self._numbers:
            self._numbers[key] = self._constant(np.array(number, dtype))
        return self._numbers[key]


def _number(node: Any) -> Any:
    """Return the Python number that an expression is, or None."""
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    value: Any = getattr(node.operand if negative else node, "value", None)
    return None if type(value) not in (int, float) else -value if negative else value
