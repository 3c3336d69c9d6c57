"""A loss surface as JavaScript, so that a page can run races by itself: the program that `source` writes, translated.

A surface that is more than arithmetic on x and y, as that of the digits, has no translation.
"""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.program.source import source
from minigrad.scalar import Value
from minigrad.surfaces.surface import Surface
from minigrad.tensors.creation import as_tensor, tensor

_OPERATORS: dict[type[ast.AST], str] = {
    **{ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.BitAnd: "&", ast.BitOr: "|"},
    **{ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "===", ast.NotEq: "!=="},
}
_FUNCTIONS = {
    **{name: name for name in ("abs", "sqrt", "exp", "expm1", "log", "log1p", "log2", "log10", "hypot", "sign")},
    **{name: name for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "floor", "ceil", "trunc")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")},
    **{f"a{name}": f"a{name}" for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")},
    **{"maximum": "max", "minimum": "min", "max": "max", "min": "min", "fabs": "abs"},
}
"""NumPy's and Python's functions -> those of JavaScript's Math."""
_POINTS = 7
"""The program is compared with the engine at this many points across and down."""


class _Unknown(Exception):
    """The program has something that has no translation."""


def to_javascript(surface: Surface) -> str | None:
    """Return a JavaScript function from (x, y) to [loss, dx, dy], or None if the surface has no translation.

    >>> print(to_javascript(Surface("bowl", lambda x, y: x**2 + 3 * y)))
    (x, y) => {
      const loss_ = ((x * x) + (3 * y));
      const dx_ = (2 * x);
      const dy_ = 3;
      return [loss_, dx_, dy_];
    }
    """
    try:
        program = _program(surface)
        if _branches(surface) or not _agrees(program, surface):
            return None
        lines, known = [], {"x": "x", "y": "y"}
        for statement in ast.parse(program).body:
            if isinstance(statement, ast.Import):
                continue
            if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
                return None
            name = statement.targets[0].id
            if len(statement.targets) > 1 or name in known:
                return None
            lines.append(f"  const {name}_ = {_translate(statement.value, known)};")
            known[name] = f"{name}_"  # a name of Python's may be a keyword of JavaScript's
    except (_Unknown, ValueError, TypeError, AttributeError, RuntimeError, ArithmeticError):
        return None
    results = [known[program.loss], *(known.get(program.gradients.get(name, ""), "0") for name in ("x", "y"))]
    return "(x, y) => {\n" + "\n".join(lines) + f"\n  return [{', '.join(results)}];\n}}"


def _program(surface: Surface) -> Any:
    """Return the program of the loss at the start, whose inputs are x and y."""
    a, b = map(float, surface.start)
    x: Any
    y: Any
    if surface._on_values:
        x, y = Value(a, "x"), Value(b, "y")
    else:
        x, y = (tensor(number, dtype=np.float64, requires_grad=True) for number in (a, b))
        x.name, y.name = "x", "y"
    loss = surface.function(x, y)
    program = source(loss, max_nodes=200)
    if not program.inputs.keys() <= {"x", "y"}:
        raise _Unknown
    return program


def _branches(surface: Surface) -> bool:
    """Whether the function may take another way elsewhere: it has an `if`, which many points at once do not pass."""
    left, right, low, high = surface.view
    try:
        with no_grad(), np.errstate(all="ignore"):
            surface.function(as_tensor(np.array([left, right])), as_tensor(np.array([low, high])))
    except Exception:
        return True
    return False


def _agrees(program: Any, surface: Surface) -> bool:
    """Whether the program computes what the engine computes, at points all over the view."""
    left, right, low, high = surface.view
    with np.errstate(all="ignore"):
        for x in np.linspace(left, right, _POINTS).tolist():
            for y in np.linspace(low, high, _POINTS).tolist():
                loss, dx = surface.gradient((x, y))
                expected = [loss, *dx.tolist()]
                if not all(map(math.isfinite, expected)):
                    continue
                given = {name: value for name, value in (("x", x), ("y", y)) if name in program.inputs}
                if not surface._on_values:
                    given = {name: np.float64(value) for name, value in given.items()}
                found = program.run(**given)
                names = [program.loss, *(program.gradients.get(name, "") for name in ("x", "y"))]
                if not np.allclose([float(found.get(name, 0.0)) for name in names], expected, rtol=1e-9, atol=1e-12):
                    return False
    return True


def _translate(node: ast.AST, known: dict[str, str]) -> str:
    """Return an expression in JavaScript."""
    match node:
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.Constant(value=bool(value)):
            return str(value).lower()
        case ast.Constant(value=int(value) | float(value)) if math.isfinite(value):
            return repr(value) if abs(value) < 2**53 else repr(float(value))
        case ast.BinOp(left=ast.Name() as base, op=ast.Pow(), right=ast.Constant(value=2)):
            return f"({(x := _translate(base, known))} * {x})"
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return f"Math.pow({_translate(left, known)}, {_translate(right, known)})"
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            if type(op) in _OPERATORS:
                return f"({_translate(left, known)} {_OPERATORS[type(op)]} {_translate(right, known)})"
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"(-{_translate(operand, known)})"
        case ast.IfExp(test=test, body=body, orelse=other):
            return _choice(test, body, other, known)
        case ast.Call(func=function, args=arguments, keywords=[]):
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name == "where" and len(arguments) == 3:
                return _choice(arguments[0], arguments[1], arguments[2], known)
            if name in _FUNCTIONS:
                return f"Math.{_FUNCTIONS[name]}({', '.join(_translate(a, known) for a in arguments)})"
    raise _Unknown(ast.dump(node))


def _choice(test: ast.AST, body: ast.AST, other: ast.AST, known: dict[str, str]) -> str:
    return f"({_translate(test, known)} ? {_translate(body, known)} : {_translate(other, known)})"
