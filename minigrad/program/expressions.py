"""Terms as Python expressions, as one writes NumPy by hand. Imports no NumPy."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any, cast

from minigrad.output.words import class_name
from minigrad.program.ir import Term, fraction, root_of, shortest

_BINARY: dict[str, type[ast.operator]] = {
    **{"add": ast.Add, "subtract": ast.Sub, "multiply": ast.Mult, "divide": ast.Div, "power": ast.Pow},
    **{"matmul": ast.MatMult, "floor_divide": ast.FloorDiv, "remainder": ast.Mod, "bitwise_and": ast.BitAnd},
    **{"bitwise_or": ast.BitOr, "bitwise_xor": ast.BitXor, "left_shift": ast.LShift, "right_shift": ast.RShift},
}
_COMPARISONS: dict[str, type[ast.cmpop]] = {
    **{"less": ast.Lt, "less_equal": ast.LtE, "greater": ast.Gt, "greater_equal": ast.GtE},
    **{"equal": ast.Eq, "not_equal": ast.NotEq},
}
_UNARY: dict[str, type[ast.unaryop]] = {"negative": ast.USub, "invert": ast.Invert}
REDUCTIONS = {"sum", "max", "min", "mean", "prod", "any", "all", "argmax", "argmin"}
_PYTHON = {"abs": "abs", "minimum": "min", "maximum": "max"}
"""The functions of plain numbers that are built-ins."""

IMPORTED = {"np.lib.stride_tricks.sliding_window_view": "sliding_window_view"}
"""Functions that the program imports under a shorter name."""

Show = Callable[[Term], ast.expr]
"""A function that writes an argument of a term: its name, or its expression."""


def argument(value: Any, show: Show, numpy: bool = True) -> ast.expr:
    """Return a term, a literal, or a tuple or list of them, as an argument."""
    if isinstance(value, Term):
        return show(value)
    if isinstance(value, list | tuple):
        parts = [argument(v, show, numpy) for v in value]
        if isinstance(value, list):
            return ast.List(parts, ast.Load())
        if any(isinstance(v, slice) for v in value):  # an index
            return ast.Subscript(dotted("np.s_"), _index(parts), ast.Load())
        return ast.Tuple(parts, ast.Load())
    return literal(value, numpy)


def expression(term: Term, show: Show, numpy: bool = True) -> ast.expr:
    """Return the expression of a term, with its arguments written by `show`; for arrays, or for plain numbers."""

    def each(value: Any) -> ast.expr:
        return argument(value, show, numpy)

    op, args = term.op, term.args
    if op == "power" and isinstance(args[1], int | float) and args[1] < 0:  # without parentheses around the exponent
        return ast.BinOp(each(args[0]), ast.Pow(), ast.Constant(args[1]))
    if op in _BINARY and len(args) == 2:
        return _combined(each(args[0]), _BINARY[op](), each(args[1]))
    if op in _COMPARISONS:
        return ast.Compare(each(args[0]), [_COMPARISONS[op]()], [each(args[1])])
    if op == "negative":
        return _negative(each(args[0]))
    if op in _UNARY:
        return ast.UnaryOp(_UNARY[op](), each(args[0]))
    keywords = [ast.keyword(name, each(value)) for name, value in term.keywords]
    if op in REDUCTIONS:
        x = each(args[0])
        outside = op in ("sum", "mean") and _starts_negative(x) and isinstance(x, ast.BinOp)
        reduced = ast.Call(ast.Attribute(_negative(x) if outside else x, op, ast.Load()), [], keywords)
        return _negative(reduced) if outside else reduced
    if op == "number":
        return literal(args[0], numpy)
    if op == "fill":
        return _filled(term, each)
    if op == "index":
        index, n = args[1], len(args[0].shape)
        if n > 1 and index[n:] == (None,) and all(i == slice(None) for i in index[:n]):
            index = (..., None)
        return ast.Subscript(each(args[0]), _index([each(i) for i in index]), ast.Load())
    if op == "transpose":
        return _transposed(each(args[0]), args[1], each)
    if op == "reshape":
        sizes, x = args[1] if args[1] else ((),), each(args[0])
        if _starts_negative(x):
            return _negative(expression(term, lambda _: _negative(x), numpy))
        return ast.Call(ast.Attribute(x, "reshape", ast.Load()), [each(size) for size in sizes], [])
    if op in ("astype", "view", "copy"):
        return ast.Call(ast.Attribute(each(args[0]), op, ast.Load()), [each(a) for a in args[1:]], keywords)
    if op == "broadcast":
        return ast.Call(dotted("np.broadcast_to"), [each(args[0]), each(args[1])], [])
    if op == "call":
        return ast.Call(dotted(IMPORTED.get(args[0], args[0])), [each(a) for a in args[1:]], keywords)
    if not numpy and op == "where":
        return ast.IfExp(each(args[0]), each(args[1]), each(args[2]))
    op = "abs" if op == "absolute" else op
    function = f"np.{op}" if numpy else _PYTHON.get(op) or f"math.{op.replace('arctan', 'atan')}"
    if op == "maximum" and numpy and not isinstance(args[1], Term):  # as in the lecture: np.maximum(0, z)
        args = args[::-1]
    return ast.Call(dotted(function), [each(a) for a in args], keywords)


def _combined(a: ast.expr, op: ast.operator, b: ast.expr) -> ast.expr:
    """Return a op b without needless parentheses and signs: a * b / c, not a * (b / c); a - b, not a + -b, -b + a."""
    if isinstance(op, ast.Mult) and _starts_negative(b):
        a, b = _negative(a), _negative(b)
    first, others = _factors(b)
    if isinstance(op, ast.Mult) and others:
        if isinstance(first, ast.Constant):
            return _product(_scaled(a, cast(float, first.value)), others)
        return _product(a, [(op, first), *others])
    if isinstance(op, ast.Add | ast.Sub) and _starts_negative(b) and not isinstance(b, ast.Constant):
        return ast.BinOp(a, ast.Sub() if isinstance(op, ast.Add) else ast.Add(), _negative(b))
    if isinstance(op, ast.Add) and _starts_negative(a) and not isinstance(b, ast.Constant):
        return _combined(b, ast.Sub(), _negative(a))
    return ast.BinOp(a, op, b)


def _factors(x: ast.expr) -> tuple[ast.expr, list[tuple[ast.operator, ast.expr]]]:
    """Return the first factor of a product, and what it is multiplied with or divided by, in order."""
    others: list[tuple[ast.operator, ast.expr]] = []
    while isinstance(x, ast.BinOp) and isinstance(x.op, ast.Mult | ast.Div):
        others.insert(0, (x.op, x.right))
        x = x.left
    return x, others


def _product(x: ast.expr, others: list[tuple[ast.operator, ast.expr]]) -> ast.expr:
    for op, factor in others:
        x = ast.BinOp(x, op, factor)
    return x


def _scaled(x: ast.expr, c: float) -> ast.expr:
    """Return c times x, with the number in front."""
    if _starts_negative(x):
        return _negative(_scaled(_negative(x), c))
    first, others = _factors(x)
    if isinstance(first, ast.Constant):
        c = cast(float, first.value) * c
    else:
        others.insert(0, (ast.Mult(), first))
    if c == 1 and others and isinstance(others[0][0], ast.Mult):
        return _product(others[0][1], others[1:])
    return _product(ast.Constant(c), others)


def _starts_negative(x: ast.expr) -> bool:
    first, _ = _factors(x)
    return isinstance(first, ast.UnaryOp) and isinstance(first.op, ast.USub)


def _negative(x: ast.expr) -> ast.expr:
    """Return -x, with the sign at the first factor of a product."""
    first, others = _factors(x)
    signed = isinstance(first, ast.UnaryOp) and isinstance(first.op, ast.USub)
    return _product(cast(ast.UnaryOp, first).operand if signed else ast.UnaryOp(ast.USub(), first), others)


def text(node: ast.AST) -> str:
    """Return an expression or statement as text, on one line."""
    return ast.unparse(ast.fix_missing_locations(node))


def dotted(name: str) -> ast.expr:
    """Return the expression of a dotted name."""
    first, *rest = name.split(".")
    node: ast.expr = ast.Name(first, ast.Load())
    for attribute in rest:
        node = ast.Attribute(node, attribute, ast.Load())
    return node


def literal(value: Any, numpy: bool = True) -> ast.expr:
    """Return the expression of a number, slice or dtype."""
    if isinstance(value, slice):
        parts = [None if v is None else literal(v) for v in (value.start, value.stop, value.step)]
        return ast.Slice(*parts)
    if isinstance(value, float):
        if not math.isfinite(value):
            module = "np" if numpy else "math"
            named = dotted(f"{module}.nan" if value != value else f"{module}.inf")
            return ast.UnaryOp(ast.USub(), named) if value < 0 else named
        if value < 0:
            return _negative(literal(-value))
        if n := root_of(value):
            return ast.BinOp(ast.Constant(n), ast.Pow(), ast.Constant(0.5))
        if ratio := fraction(value):
            return ast.BinOp(ast.Constant(ratio[0]), ast.Div(), ast.Constant(ratio[1]))
        return ast.Constant(int(value) if value.is_integer() and value < 1e6 and not numpy else value)
    if isinstance(value, int) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    if value is None or value is ... or isinstance(value, bool | int | str):
        return ast.Constant(value)
    if hasattr(value, "newbyteorder") or isinstance(value, type):  # a dtype
        name = getattr(value, "name", None) or value.__name__
        return dotted({"bool": "bool", "int64": "int"}.get(name, f"np.{name}"))
    if isinstance(value, range):
        return ast.Call(dotted("range"), [literal(v) for v in (value.start, value.stop, value.step)], [])
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():  # a NumPy scalar
        number, rounded = value.item(), type(value)
        ratio = fraction(number, rounded) if isinstance(number, float) else None
        inner = literal(ratio[0] / ratio[1] if ratio else number)
        return ast.Call(dotted(f"np.{value.dtype.name}"), [inner], [])
    raise TypeError(f"source: a {class_name(value)} cannot be written into a program")


def _index(parts: list[ast.expr]) -> ast.expr:
    return parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())


def _transposed(x: ast.expr, axes: tuple[int, ...], each: Callable[[Any], ast.expr]) -> ast.expr:
    if axes == (1, 0):
        return ast.Attribute(x, "T", ast.Load())
    moved = [i for i, a in enumerate(axes) if i != a]
    if len(moved) == 2:
        i, j = (each(m - len(axes) if moved == [len(axes) - 2, len(axes) - 1] else m) for m in moved)
        return ast.Call(ast.Attribute(x, "swapaxes", ast.Load()), [i, j], [])
    return ast.Call(ast.Attribute(x, "transpose", ast.Load()), [each(a) for a in axes], [])


def _filled(term: Term, each: Callable[[Any], ast.expr]) -> ast.expr:
    value = term.args[0]
    shape = each(term.shape if len(term.shape) != 1 else term.shape[0])
    name = str(term.dtype)
    dtype = [] if name == "float64" else [each(term.dtype)]
    if value is None:
        return ast.Call(dotted("np.empty"), [shape, *dtype], [])
    for number, function in ((0, "np.zeros"), (1, "np.ones")):
        if value == number and math.copysign(1, value) == 1:
            return ast.Call(dotted(function), [shape, *dtype], [])
    if name == "float32":
        value = shortest(float(value), term.dtype.type)  # which the array rounds
    implied = isinstance(value, float) and name == "float64" or isinstance(value, bool) and name == "bool"
    return ast.Call(dotted("np.full"), [shape, each(value), *([] if implied else [each(term.dtype)])], [])
