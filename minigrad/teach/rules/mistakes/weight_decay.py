"""Mistakes with weight decay."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.edits import (
    Formula,
    begun_with,
    expression,
    expressions,
    is_name,
    replaced,
    rewrite,
    shown,
    statements,
)

COUPLED = "dx = dx + weight_decay * x"
DECOUPLED = "x = (1 - learning_rate * weight_decay) * x"
"""Weight decay in the gradient (L2), and of x itself (as in AdamW): the line before the rule's."""

# fmt: off
mistake("weight-decay-missing", "rule", "the weight decay is missing", (COUPLED, "dx = dx"), (DECOUPLED, "x = x"),
        ("A + weight_decay * x", "A"), assumes=0.9)
mistake("weight-decay-sign", "rule", "the sign of the weight decay is wrong: it makes the weights grow",
        ("A + weight_decay * x", "A - weight_decay * x"), ("1 - A * weight_decay", "1 + A * weight_decay"))
mistake("weight-decay-unscaled", "rule", "the weight decay is not multiplied by the learning rate",
        ("learning_rate * weight_decay", "weight_decay"), (COUPLED, "x = (1 - weight_decay) * x"), assumes=0.85)
mistake("weight-decay-rate-twice", "rule", "the weight decay is multiplied by the learning rate before it is added to "
        "the gradient: the step multiplies by it again",
        (COUPLED, "dx = dx + learning_rate * weight_decay * x"))
mistake("weight-decay-in-gradient", "rule", "the weight decay is added to the gradient and is scaled like it (L2), "
        "where this rule shrinks x itself (decoupled)", (DECOUPLED, COUPLED), assumes=0.9)
mistake("weight-decay-decoupled", "rule", "the weight decay shrinks x itself (decoupled), where this rule adds it to "
        "the gradient", (COUPLED, DECOUPLED), assumes=0.9)
mistake("weight-decay-factor", "rule", "the weight decay has an extra factor of {detail}",
        *[("weight_decay", f"({n} * weight_decay)", f"{n:g}") for n in (2, 0.5, 10, 0.1, 100, 0.01)])
mistake("weight-decay-of", "rule", "the weight decay has the wrong factor: {detail} instead of x itself", *[
    (line, instead + what, said)
    for line, instead in ((COUPLED, "dx = dx + weight_decay"), (DECOUPLED, "x = x - learning_rate * weight_decay"))
    for what, said in ((" * dx", "the gradient dx"), (" * x ** 2", "the square of x"), (" * np.abs(x)", "abs(x)"),
                       (" * np.sign(x)", "the sign of x (the derivative of abs(x), L1)"), ("", "nothing, a constant"),
                       (" * np.sum(x ** 2)", "the sum of all squares, a number,"))],
    (DECOUPLED, "x = x; dx = (1 + weight_decay) * dx", "the gradient dx"),
    (DECOUPLED, "dx = (1 - learning_rate * weight_decay) * dx", "the gradient dx"))
mistake("weight-decay-complement", "rule", "x is multiplied by {detail} itself: the 1 - is missing, and almost "
        "nothing of x is left",
        ("1 - A * weight_decay", "weight_decay", "weight_decay"),
        ("1 - A * weight_decay", "A * weight_decay", "learning_rate * weight_decay"))
mistake("weight-decay-added-to-x", "rule", "the weight decay is added to x itself instead of to the gradient: x grows",
        (COUPLED, "x = x + weight_decay * x"))
mistake("weight-decay-twice", "rule", "the weight decay is applied twice: to the gradient and to x itself",
        (DECOUPLED, "dx = dx + weight_decay * x; x = (1 - learning_rate * weight_decay) * x"),
        (DECOUPLED, "x = (1 - learning_rate * weight_decay) * x; dx = dx + weight_decay * x"),
        (COUPLED, "dx = dx + weight_decay * x; x = (1 - learning_rate * weight_decay) * x"), assumes=1.2)
mistake("weight-decay-twice-unscaled", "rule", "the weight decay is applied twice: as the rule has it, and once more "
        "without the learning rate", (COUPLED, "x = (1 - weight_decay) * x; dx = dx + weight_decay * x"),
        (COUPLED, "dx = dx + weight_decay * x; x = (1 - weight_decay) * x"),
        (DECOUPLED, "x = (1 - learning_rate * weight_decay) * x; x = (1 - weight_decay) * x"), assumes=1.3)
mistake("weight-decay-of-rate", "rule", "the learning rate decays by the weight decay: it is multiplied by 1 - "
        "weight_decay, where x itself must shrink", (DECOUPLED, "learning_rate = learning_rate * (1 - weight_decay)"),
        (COUPLED, "learning_rate = learning_rate * (1 - weight_decay)"), assumes=1.2)
# fmt: on


@mistake("weight-decay-elsewhere", "rule", "the weight decay is added to `{detail}", assumes=1.1)
def _elsewhere(formula: Formula) -> Iterator[Variant]:
    """Added to one use of the gradient or of its average, instead of the right decay or beside it."""
    for i, decay in _decays(formula):
        coupled = ast.unparse(decay) == COUPLED
        for base, said in (
            (formula.without(i), ", where it does not belong"),
            (formula, ", besides the decay of the rule: it is applied twice"),
        ):
            for j, node in expressions(base):
                is_gradient = isinstance(node, ast.Name) and node.id in ("dx", "m", "mb", "step", "v")
                if is_gradient and base.body[j] is not decay:
                    new = ast.BinOp(node, ast.Add(), expression("weight_decay * x"))
                    alone = coupled and base is not formula and is_name(node, "dx")
                    what = " alone: the other uses of dx lack it" if alone else said
                    where = f"{ast.unparse(node)}` in `{shown(base.body[j])}`{what}"
                    yield Variant(replaced(base, j, node, new), where)
            if base is formula:
                again = statements("x = x - learning_rate * weight_decay * x")
                body = [*formula.body[:-1], *again, formula.body[-1]]
                yield Variant(formula.with_body(body, decay), f"x` in the last line{said}")


@mistake("weight-decay-last", "rule", "the weight decay is applied after the step, to the new x, instead of before "
         "it{detail}")  # fmt: skip
def _last(formula: Formula) -> Iterator[Variant]:
    for i, decay in _decays(formula):
        for line, said in (
            (DECOUPLED, ""),
            ("x = (1 - weight_decay) * x", ", and not multiplied by the learning rate"),
        ):
            body = [*formula.body[:i], *formula.body[i + 1 : -1], *statements(line), formula.body[-1]]
            yield Variant(formula.with_body(body, decay, statements(line)[0]), said, 0.1 * bool(said))


@mistake("weight-decay-scaled", "rule", "the weight decay is inside the adaptive scaling: {detail}", assumes=0.95)
def _scaled(formula: Formula) -> Iterator[Variant]:
    """Added to the numerator of the step."""
    for i, _ in _decays(formula):
        divided, signed = "it is divided by the root like the gradient", "only its sign counts, like the gradient's"
        for pattern, instead, said in (
            ("A / (np.sqrt(B) + epsilon)", "(A + weight_decay * x) / (np.sqrt(B) + epsilon)", divided),
            ("A * B / (np.sqrt(C) + epsilon)", "A * (B + weight_decay * x) / (np.sqrt(C) + epsilon)", divided),
            ("x = x + -learning_rate * A", "x = x + -learning_rate * (A + weight_decay * x)", divided),
            ("np.sign(A)", "np.sign(A + weight_decay * x)", signed),
        ):
            yield from (Variant(edited, said) for edited in rewrite(formula.without(i), pattern, instead))


@mistake("weight-decay-of-step", "rule", "the weight decay scales the step instead of x", assumes=1.05)
def _of_step(formula: Formula) -> Iterator[Variant]:
    for i, _ in _decays(formula):
        for factor in ("1 + weight_decay", "1 - weight_decay", "1 - learning_rate * weight_decay"):
            for sign in "+-":
                yield from map(
                    Variant, rewrite(formula.without(i), f"x = x {sign} A", f"x = x {sign} ({factor}) * (A)")
                )


@mistake(
    "weight-decay-added", "rule", "there is a weight decay of {detail}, which this rule does not have", assumes=1.4
)
def _added(formula: Formula) -> Iterator[Variant]:
    if "weight_decay" not in formula.settings:
        for value in (1.0, 0.1, 0.01, 1e-3, 1e-4, 5e-4):
            for line in (f"dx = dx + {value} * x", f"x = (1 - learning_rate * {value}) * x"):
                yield Variant(begun_with(formula, line), f"{value:g}")


def _decays(formula: Formula) -> Iterator[tuple[int, ast.stmt]]:
    """Yield the lines of the weight decay."""
    return ((i, s) for i, s in enumerate(formula.body) if ast.unparse(s) in (DECOUPLED, COUPLED))
