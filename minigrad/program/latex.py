"""Statements as formulas in LaTeX: the chain rule, line by line. Imports no NumPy.

Only commands that Matplotlib's mathtext supports are used, so that a formula can appear in a plot.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping

_GREEK = {
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"),
    *("xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
}
_FUNCTIONS = {"exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh", "max", "min", "arctan"}
_NAMED = {"sigmoid": r"\sigma", "normal_cdf": r"\Phi"}
_KNOWN = {"maximum": "max", "minimum": "min", "atan": "arctan"}
_COMPARISONS = {
    **{ast.Lt: "<", ast.LtE: r"\leq", ast.Gt: ">", ast.GtE: r"\geq", ast.Eq: "=", ast.NotEq: r"\neq"},
}
_ADD, _MUL, _UNARY, _POWER, _ATOM = range(5)  # the precedence of operators


def symbol(name: str) -> str:
    r"""Return a name as a symbol: one letter, or upright letters, with its number as a subscript.

    >>> symbol("W1"), symbol("beta"), symbol("in_proj")
    ('W_{1}', '\\beta', '\\mathrm{in\\_proj}')
    """
    base, number = re.fullmatch(r"(.*?)(\d*)", name).groups()  # type: ignore[union-attr]
    base = base.rstrip("_") or "x"
    if base in _GREEK:
        base = f"\\{base}"
    elif len(base) > 1:
        base = rf"\mathrm{{{base.replace('_', chr(92) + '_')}}}"
    return f"{base}_{{{number}}}" if number else base


def chain_rule(lines: Iterable[str], gradients: Mapping[str, str], loss: str, arrays: bool) -> list[str]:
    """Return the statements of a program as formulas, gradients with their factors of the chain rule.

    Args:
        gradients: maps the name of a gradient to the variable that it belongs to.
        loss: the name of the loss.
        arrays: True for a program of arrays, whose chain rule is not a plain product of factors.
    """
    symbols = {loss: "L", **{name: _derivative("L", _symbol(of, loss)) for name, of in gradients.items()}}
    formulas = Formulas(symbols, arrays)
    lines = list(lines)
    users: dict[str, list[str]] = {}  # variable -> the results that are computed directly from it
    for line in lines:
        result, _, formula = line.partition(" = ")
        if result.isidentifier() and result not in gradients:
            for name in dict.fromkeys(n.id for n in ast.walk(ast.parse(formula)) if isinstance(n, ast.Name)):
                users.setdefault(name, []).append(result)
    found = []
    for line in lines:
        of = gradients.get(line.partition(" = ")[0])
        results = [] if of is None or arrays else users.get(of, [])
        chain = []
        if results and loss not in results:
            factors = [(_symbol(u, loss), _symbol(of or "", loss)) for u in results]
            chain = [" + ".join(rf"{_derivative('L', u)}\,{_derivative(u, v)}" for u, v in factors)]
        found.append(formulas.statement(line, chain))
    return found


def _symbol(name: str, loss: str) -> str:
    return "L" if name == loss else symbol(name)


def _derivative(y: str, x: str) -> str:
    return rf"\frac{{\partial {y}}}{{\partial {x}}}"


class Formulas:
    """Translate statements to LaTeX.

    Args:
        symbols: the LaTeX of names that are not plain symbols, such as gradients.
        arrays: True if `*` multiplies arrays element by element.
    """

    def __init__(self, symbols: Mapping[str, str], arrays: bool) -> None:
        self.symbols, self.arrays = symbols, arrays

    def statement(self, line: str, chain: Iterable[str] = ()) -> str:
        """Return a statement as an equation, with the factors in `chain` between its sides."""
        node = ast.parse(line).body[0]
        if isinstance(node, ast.Assign):
            arrow = r"\leftarrow" if isinstance(node.targets[0], ast.Subscript) else "="
            sides = [self._show(node.targets[0]), *chain, self._show(node.value)]
            return f" {arrow} ".join(dict.fromkeys(sides))
        if isinstance(node, ast.AugAssign):
            target = self._show(node.target)
            return rf"{target} \leftarrow {self._show(ast.BinOp(node.target, node.op, node.value))}"
        assert isinstance(node, ast.Expr)
        return self._show(node.value)

    def _show(self, node: ast.expr, least: int = _ADD) -> str:
        """Return the expression, in parentheses if its precedence is lower than `least`."""
        text, holds = self._written(node)
        return text if holds >= least else rf"\left({text}\right)"

    def _written(self, node: ast.expr) -> tuple[str, int]:
        if isinstance(node, ast.Name):
            known = self.symbols.get(node.id)
            return (symbol(node.id), _ATOM) if known is None else (known, _UNARY)
        if isinstance(node, ast.Constant):
            return self._number(node.value), _ATOM
        if isinstance(node, ast.BinOp):
            return self._binary(node)
        if isinstance(node, ast.UnaryOp):
            return f"-{self._show(node.operand, _UNARY)}", _ADD
        if isinstance(node, ast.Compare):
            operator = _COMPARISONS[type(node.ops[0])]
            return rf"\left[{self._show(node.left)} {operator} {self._show(node.comparators[0])}\right]", _ATOM
        if isinstance(node, ast.IfExp):
            return self._chosen(node.test, node.body, node.orelse)
        if isinstance(node, ast.Attribute):
            if node.attr == "T":
                return rf"{self._show(node.value, _ATOM)}^{{\top}}", _POWER
            return rf"\mathrm{{{node.attr}}}", _ATOM
        if isinstance(node, ast.Subscript):
            index = ast.unparse(node.slice).replace("_", r"\_")
            return rf"{self._show(node.value, _ATOM)}\left[\mathrm{{{index.strip('()')}}}\right]", _ATOM
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Tuple | ast.List):
            return rf"\left({', '.join(map(self._show, node.elts))}\right)", _ATOM
        return rf"\mathrm{{{ast.unparse(node).replace('_', chr(92) + '_')}}}", _ATOM

    def _binary(self, node: ast.BinOp) -> tuple[str, int]:
        a, b = node.left, node.right
        if isinstance(node.op, ast.Add):
            return f"{self._show(a)} + {self._show(b)}", _ADD
        if isinstance(node.op, ast.Sub):
            return f"{self._show(a)} - {self._show(b, _MUL)}", _ADD
        if isinstance(node.op, ast.Div):
            return rf"\frac{{{self._show(a)}}}{{{self._show(b)}}}", _UNARY
        if isinstance(node.op, ast.Pow):
            return f"{self._show(a, _ATOM)}^{{{self._show(b)}}}", _POWER
        if isinstance(node.op, ast.Mult) and isinstance(b, ast.Name) and isinstance(a, ast.Name) and a.id == b.id:
            return f"{self._show(a, _ATOM)}^{{2}}", _POWER
        if isinstance(node.op, ast.Mult | ast.MatMult):
            between = r"\,"
            if isinstance(node.op, ast.Mult) and self.arrays and not isinstance(a, ast.Constant):
                between = r"\odot"
            elif isinstance(b, ast.Constant):
                between = r"\cdot"
            return f"{self._show(a, _MUL)} {between} {self._show(b, _UNARY)}", _MUL
        operator = {ast.BitAnd: r"\wedge", ast.BitOr: r"\vee"}.get(type(node.op), r"\circ")
        return f"{self._show(a, _UNARY)} {operator} {self._show(b, _UNARY)}", _MUL

    def _chosen(self, condition: ast.expr, a: ast.expr, b: ast.expr) -> tuple[str, int]:
        """Return `a` where the condition holds, otherwise `b`, with Iverson brackets."""
        holds = self._show(condition)
        if not isinstance(condition, ast.Compare):
            holds = rf"\left[{holds}\right]"
        first = rf"{holds} {self._show(a, _UNARY)}"
        if isinstance(b, ast.Constant) and b.value == 0:
            return first, _MUL
        return rf"{first} + \left(1 - {holds}\right) {self._show(b, _UNARY)}", _ADD

    def _call(self, node: ast.Call) -> tuple[str, int]:
        args = [*node.args]
        if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
            args.insert(0, node.func.value)  # a method
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        name = _KNOWN.get(name, name)
        if name == "where":
            return self._chosen(*args)
        if name in ("abs", "sqrt", "square"):
            inner = self._show(args[0], _ATOM if name == "square" else _ADD)
            forms = {"abs": rf"\left|{inner}\right|", "sqrt": rf"\sqrt{{{inner}}}", "square": f"{inner}^{{2}}"}
            return forms[name], _POWER
        if name == "sum":
            return rf"\sum {self._show(args[0], _MUL)}", _MUL
        if name in _NAMED:
            function = _NAMED[name]
            return rf"{function}\left({self._show(args[0])}\right)", _ATOM
        function = f"\\{name}" if name in _FUNCTIONS else rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"
        return rf"{function}\left({', '.join(map(self._show, args))}\right)", _ATOM

    @staticmethod
    def _number(value: object) -> str:
        if isinstance(value, float) and "e" in (text := repr(value)):
            digits, exponent = text.split("e")
            return rf"{digits} \cdot 10^{{{int(exponent)}}}"
        return str(value) if isinstance(value, int | float) else rf"\mathrm{{{value}}}"


def _is_module(node: ast.expr) -> bool:
    return ast.unparse(node) in ("np", "math", "np.linalg", "np.add")
