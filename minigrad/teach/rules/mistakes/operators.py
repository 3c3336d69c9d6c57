"""Mistakes that any line can have: an operator, a sign, a factor, a function or a line that is missing or wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from minigrad.teach.catalogue import EVERYWHERE, Variant, mistake
from minigrad.teach.edits import (
    Formula,
    as_operand,
    expression,
    expressions,
    filled,
    match,
    replaced,
    replaced_everywhere,
    shown,
    statements,
    target,
)

# fmt: off
mistake("function-missing", "rule", "a function is missing in `{before}`{detail}", ("np.sign(A)", "A", ": np.sign"),
        ("np.abs(A)", "A", ": np.abs"),
        ("np.sign(A)", "A / np.linalg.norm(A)", ": np.sign (the norm scales the whole array)"), assumes=1.2)
mistake("other-function", "rule", "{detail} in `{before}`",
        ("np.sign(A)", "np.tanh(A)", "tanh is used instead of sign"),
        ("np.sign(A)", "np.abs(A)", "abs is used instead of sign"), assumes=1.2)
mistake("multiplied", "rule", "it is multiplied in `{before}`, where the rule divides",
        ("A / (1 - BETA ** t)", "A * (1 - BETA ** t)"), ("A / B", "A * B"))
mistake("limit-missing", "rule", "{detail} in `{before}`",
        ("np.clip(A, B, C)", "np.maximum(A, B)", "the upper limit of the step size is missing (or both)"),
        ("np.clip(A, B, C)", "np.minimum(A, C)", "the lower limit of the step size is missing"),
        ("np.clip(A, B, C)", "A", "the limits of the step size are missing"))
mistake("average-too-early", "rule", "`m` is updated before the step: the step uses the new `m`, with beta2",
        ("np.sign(beta1 * A + (1 - beta1) * B)", "np.sign(beta2 * A + (1 - beta2) * B)"), assumes=1.1)
mistake("sign-of-old-average", "rule", "the step takes the sign of the old `m` alone: the new gradient, with the "
        "weight 1 - beta1, is missing in it", ("np.sign(beta1 * A + B)", "np.sign(A)"))
mistake("interpolation-kept", "rule", "what the step uses (with beta1) is kept as `m`; m has its own line, with beta2",
        ("m = beta2 * m + (1 - beta2) * A", "m = beta1 * m + (1 - beta1) * A"),
        ("m = beta2 * m + (1 - beta2) * A", "m = beta2 * (beta1 * m + (1 - beta1) * A) + (1 - beta2) * A"), assumes=1.1)
mistake("sign-kept", "rule", "the sign that the step uses enters `m`; `m` gathers the gradient itself",
        *[("m = beta2 * m + (1 - beta2) * A", f"m = {kept}np.sign(beta1 * m + (1 - beta1) * A)")
          for kept in ("beta2 * m + (1 - beta2) * ", "beta1 * m + (1 - beta1) * ", "")])
mistake("part-missing", "rule", "{detail} is missing in `{before}`",
        ("mu * v - learning_rate * dx", "mu * v", "the gradient's own step, - learning_rate * dx,"),
        ("A / (np.sqrt(B) + epsilon)", "A", "the division by the root, which scales the step of each element,"),
        ("-learning_rate * dx / A", "-learning_rate / A", "dx, which gives the step its direction,"),
        ("A + (1 - mu) * dx / B", "A", "the part of the new gradient, which makes the look-ahead of NAdam,"),
        ("learning_rate / A ** alpha", "learning_rate", "the decay of eta"),
        ("float(r * A)", "float(A)", "the rectification r, which shortens the steps while v has seen few gradients,"),
        ("alpha / max(1.0, A)", "alpha", "the cut of steps that are larger than d on average"), assumes=0.9)
mistake("complement", "rule", "`{detail}` is used instead of 1 - {detail} in `{before}`",
        *[(f"1 - {name}", name, name) for name in ("dampening", "beta1", "beta2", "decay_rate", "mu")], assumes=1.3)
mistake("first-step-dampened", "rule", "the first velocity is multiplied by 1 - dampening too; it is the gradient "
        "itself",
        ("mu * state['v'] + (1 - dampening) * dx if 'v' in state else +dx",
         "mu * state.get('v', 0.0) + (1 - dampening) * dx"), assumes=1.0)
# fmt: on
SCOPES_OF_PARENTHESES = (
    ("A * B + C", "A * (B + C)"),
    ("A * B - C", "A * (B - C)"),
    ("C + A * B", "A * (C + B)"),
    ("C - A * B", "A * (C - B)"),
    ("A * (B + C)", "A * B + C"),
    ("A * (B - C)", "A * B - C"),
    ("A / (B + C)", "A / B + C"),
    ("-A * B / (C + D)", "-(A * B / C + D)"),
    ("A / (B - C)", "A / B - C"),
    ("A + B ** C", "(A + B) ** C"),
    ("A + B * C ** D", "(A + B * C) ** D"),
    ("A * B ** C", "(A * B) ** C"),
    ("1 - A ** B", "(1 - A) ** B"),
    ("(A + B) ** C", "A ** C + B ** C"),
    ("np.maximum(A * B, C)", "A * np.maximum(B, C)"),
    ("np.sign(A + B)", "np.sign(A) + np.sign(B)"),
    ("np.sign(A * B + C * D)", "A * np.sign(B) + C * np.sign(D)"),
    ("np.sqrt(A + B)", "np.sqrt(A) + np.sqrt(B)"),
)  # fmt: skip
"""(the rule's expression, the same with parentheses elsewhere)."""
OTHERS: dict[type[ast.operator], list[ast.operator]] = {
    ast.Add: [ast.Sub(), ast.Mult()],
    ast.Sub: [ast.Add()],
    ast.Mult: [ast.Div(), ast.Add()],
    ast.Pow: [ast.Mult()],
}
"""Operators that are written instead of one."""
SIGNS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}


Edit = tuple[int, ast.expr, ast.expr, str, str]
"""(number of the line, expression, what stands there instead, what is said, its form)."""


def _alone_and_together(edits: Callable[[Formula], Iterable[Edit]]) -> Callable[[Formula], Iterator[Variant]]:
    """Make each edit, and those of one form at once, as in the two lines of a bias correction."""

    def variants(formula: Formula) -> Iterator[Variant]:
        alike: dict[str, list[Edit]] = {}
        for edit in edits(formula):
            alike.setdefault(edit[4], []).append(edit)
            yield Variant(replaced(formula, *edit[:3]), edit[3])
        for several in alike.values():
            if len({i for i, *_ in several}) > 1:
                made = {id(node): new for _, node, new, *_ in several}
                edited = replaced_everywhere(formula, lambda node: made.get(id(node)))  # noqa: B023 (called at once)
                yield Variant(edited, several[0][3], 0.05, EVERYWHERE)

    return variants


def _form(*nodes: ast.expr) -> str:
    """Return what two expressions have in common that differ in one variable, such as m and v."""
    return ", ".join(f"{type(n).__name__} {type(getattr(n, 'op', n)).__name__}" for n in nodes)


@mistake("dropped", "rule", "a part is missing in `{before}`: {detail}", assumes=1.35)
@_alone_and_together
def _dropped(formula: Formula) -> Iterator[Edit]:
    for i, node in expressions(formula):
        if isinstance(node, ast.BinOp) and not isinstance(formula.body[i], ast.Return):
            left, sign, right = shown(node.left), _sign(node.op), shown(node.right)
            form = f"{sign} {_form(node.left, node.right)}"
            if not (target(formula.body[i]) == "x" and left == "x"):
                yield i, node, node.left, f"the `{sign} {as_operand(right)}`", f"{form} right"
            if not isinstance(node.op, ast.Div | ast.Pow):
                yield i, node, node.right, f"the `{as_operand(left)} {sign}`", form


@mistake("operator", "rule", "an operator is wrong in `{before}`: {detail}", assumes=1.6)
@_alone_and_together
def _operator(formula: Formula) -> Iterator[Edit]:
    for i, node in expressions(formula):
        if isinstance(node, ast.BinOp):
            left, right, form = node.left, node.right, _form(node, node.left, node.right)
            for op in OTHERS.get(type(node.op), []):
                what = {"+": "a sign: plus", "-": "a sign: minus"}.get(_sign(op), f"`{_sign(op)}`")
                yield (
                    i,
                    node,
                    ast.BinOp(left, op, right),
                    f"{what} instead of `{_sign(node.op)}`",
                    f"{form} {_sign(op)}",
                )
            if isinstance(node.op, ast.Sub | ast.Div):
                yield i, node, ast.BinOp(right, node.op, left), "its two sides are swapped", form


@mistake("parentheses", "rule", "parentheses are misplaced in `{before}`: yours acts as `{after}`")
@_alone_and_together
def _parentheses(formula: Formula) -> Iterator[Edit]:
    """A factor, a power or a function extends over another term, or no longer over one."""
    for i, node in expressions(formula):
        for pattern, instead in SCOPES_OF_PARENTHESES:
            bound: dict[str, Any] = {}
            if match(expression(pattern), node, bound, formula.settings):
                yield i, node, filled(expression(instead), bound), "", f"{pattern} {_form(*bound.values())}"


@mistake("negated", "rule", "the sign of `{detail}` is wrong", assumes=1.6)
def _negated(formula: Formula) -> Iterator[Variant]:
    for i, node in expressions(formula):
        if isinstance(node, ast.Name) and node.id not in ("x", "np", "state", "t"):
            yield Variant(replaced(formula, i, node, ast.UnaryOp(ast.USub(), node)), node.id)


@mistake("scaled", "rule", "`{detail}", assumes=1.8)
def _scaled(formula: Formula) -> Iterator[Variant]:
    for i, node in expressions(formula):
        if isinstance(node, ast.Name) and node.id in (*formula.settings, "dx", "m", "v", "mb", "vb", "cache"):
            for factor in (2.0, 0.5, 10.0, 0.1):
                new = ast.BinOp(ast.Constant(factor), ast.Mult(), node)
                yield Variant(replaced(formula, i, node, new), f"{node.id}` has an extra factor of {factor:g}")


@mistake("line-missing", "rule", "a line is missing: `{before}`", assumes=1.15)
def _line_missing(formula: Formula) -> Iterator[Variant]:
    for i, statement in enumerate(formula.body[:-1]):
        if target(statement) in ("x", "dx", "v", "m", "step", *(target(s) for s in formula.body[:i])):
            yield Variant(formula.without(i))


@mistake("lines-swapped", "rule", "two lines are in the wrong order: `{before}` comes before the line above it",
         assumes=1.3)  # fmt: skip
def _lines_swapped(formula: Formula) -> Iterator[Variant]:
    body = formula.body
    for i in range(len(body) - 2):
        swapped = [*body[:i], body[i + 1], body[i], *body[i + 2 :]]
        yield Variant(formula.with_body(swapped, body[i + 1], body[i]))


@mistake("branch", "rule", "`{before}` takes the other case of a condition, or always the same one", assumes=1.5)
def _branch(formula: Formula) -> Iterator[Variant]:
    for i, node in expressions(formula):
        for new in _branches(node):
            yield Variant(replaced(formula, i, node, new))


@mistake("equality", "rule", "the condition holds for equal numbers too: {detail}", assumes=1.2)
def _equality(formula: Formula) -> Iterator[Variant]:
    for i, node in expressions(formula):
        other = {ast.Lt: ast.LtE, ast.Gt: ast.GtE}.get(type(node.ops[0])) if isinstance(node, ast.Compare) else None
        if isinstance(node, ast.Compare) and other is not None:
            new = ast.Compare(node.left, [other()], node.comparators)
            yield Variant(replaced(formula, i, node, new), f"`{ast.unparse(new)}` instead of `{ast.unparse(node)}`")


@mistake("threshold", "rule", "the condition compares with {detail}", assumes=1.3)
def _threshold(formula: Formula) -> Iterator[Variant]:
    for i, node in expressions(formula):
        limit = node.comparators[0] if isinstance(node, ast.Compare) else None
        if isinstance(node, ast.Compare) and isinstance(limit, ast.Constant) and isinstance(limit.value, int):
            for other in sorted({*range(11)} - {limit.value}):
                new = ast.Compare(node.left, node.ops, [ast.Constant(other)])
                yield Variant(replaced(formula, i, node, new), f"{other} instead of {limit.value}")


@mistake("no-step-otherwise", "rule", "x stays where it is if the condition does not hold; the rule makes another step "
         "then", assumes=1.1)  # fmt: skip
def _no_step_otherwise(formula: Formula) -> Iterator[Variant]:
    for i, statement in enumerate(formula.body):
        if isinstance(statement, ast.If) and not statement.orelse and (name := target(statement.body[-1])):
            still = ast.If(statement.test, statement.body, [*statements(f"{name} = 0.0 * x")])
            yield Variant(formula.with_line(i, still))


def _branches(node: ast.expr) -> list[ast.expr]:
    """Return what a condition may be taken for."""
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.where":
        return node.args[1:]
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Lt | ast.Gt):
        flip: ast.cmpop = ast.Gt() if isinstance(node.ops[0], ast.Lt) else ast.Lt()
        return [ast.Compare(node.left, [flip], node.comparators)]
    return []


def _sign(operator: ast.operator) -> str:
    return SIGNS.get(type(operator), "?")
