"""Mistakes in what is accumulated from step to step: weights, decays, starting values."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.edits import Formula, expression, expressions, match, rewrite, target

# fmt: off
mistake("average-sign", "rule", "the sign of the new term of `{target}` is wrong: it is subtracted instead of added",
        ("BETA * STATE + (1 - BETA) * A", "BETA * STATE - (1 - BETA) * A"), ("STATE + A", "STATE - A"))
mistake("decay-missing", "rule", "the old `{target}` is not decayed: it counts whole, without its factor",
        ("BETA * STATE + A", "STATE + A"), ("BETA * STATE - A", "STATE - A"),
        ("np.maximum(BETA * STATE, A)", "np.maximum(STATE, A)"))
mistake("weight-missing", "rule", "the weight 1 - {beta} of the new term of `{target}` is missing",
        ("BETA * STATE + (1 - BETA) * A", "BETA * STATE + A"))
mistake("weights-missing", "rule", "`{target}` is a plain sum: both weights, {beta} and 1 - {beta}, are missing",
        ("BETA * STATE + (1 - BETA) * A", "STATE + A"))
mistake("weights-swapped", "rule", "the weights of `{target}` are swapped: {beta} belongs to the old value and 1 - "
        "{beta} to the new one", ("BETA * STATE + (1 - BETA) * A", "(1 - BETA) * STATE + BETA * A"),
        ("BETA * m + (1 - BETA) * A", "(1 - BETA) * m + BETA * A"))
mistake("weights-equal", "rule", "both weights of `{target}` are the same: they must be {beta} and 1 - {beta}",
        ("BETA * STATE + (1 - BETA) * A", "BETA * STATE + BETA * A"),
        ("BETA * STATE + (1 - BETA) * A", "(1 - BETA) * STATE + (1 - BETA) * A"))
mistake("dampened", "rule", "the gradient is multiplied by 1 - {beta} before it enters `{target}` (dampening), which "
        "this rule does not have", ("BETA * STATE - A", "BETA * STATE - (1 - BETA) * (A)"),
        ("BETA * STATE + dx", "BETA * STATE + (1 - BETA) * dx"),
        ("BETA * STATE + learning_rate * dx", "BETA * STATE + (1 - BETA) * learning_rate * dx"),
        ("mu * STATE + (1 - dampening) * A", "mu * STATE + (1 - mu) * A"),
        ("BETA * STATE + A / B", "BETA * STATE + (1 - BETA) * A / B"),
        ("np.maximum(BETA * A, B + C)", "np.maximum(BETA * A, (1 - BETA) * B + C)"),
        ("np.maximum(BETA * A, np.abs(B))", "np.maximum(BETA * A, (1 - BETA) * np.abs(B))"))
mistake("momentum-weight", "rule", "the old velocity is multiplied by 1 - {beta} instead of {beta}",
        ("BETA * STATE - A", "(1 - BETA) * STATE - A"), ("BETA * STATE + A", "(1 - BETA) * STATE + A"), assumes=1.1)
mistake("factor-moved", "rule", "a factor of `{target}` is at the wrong one of its two terms: {after}",
        ("BETA * STATE - A", "STATE - BETA * (A)"), ("BETA * STATE + A", "STATE + BETA * (A)"),
        ("mu * STATE + (1 - dampening) * A", "(1 - dampening) * mu * STATE + A"), assumes=1.1)
mistake("maximum-missing", "rule", "the maximum is missing: the old value does not count (for AMSGrad this is plain "
        "Adam)", ("np.maximum(STATE, A)", "A"), assumes=0.95)
mistake("minimum", "rule", "the minimum is taken instead of the maximum", ("np.maximum(A, B)", "np.minimum(A, B)"),
        ("np.maximum(A, B)", "(np.minimum(A, B) if STEP > 1 else B)"), assumes=0.9)
mistake("maximum-is-sum", "rule", "the two are added, where the rule takes their maximum",
        ("np.maximum(A, B)", "A + B"))
mistake("maximum-is-mean", "rule", "`{target}` is a running mean, where the rule takes a maximum",
        ("np.maximum(BETA * A, B)", "BETA * A + (1 - BETA) * (B)"),
        ("np.maximum(BETA * A, B + epsilon)", "BETA * A + (1 - BETA) * B + epsilon"))
mistake("increment-overwrites", "rule", "the increment overwrites `{target}` instead of being added to it (= instead "
        "of +=)", ("BETA * STATE + (1 - BETA) * A", "(1 - BETA) * (A - STATE)"))
mistake("increment-sign", "rule", "the sign of the increment of `{target}` is wrong",
        ("BETA * STATE + (1 - BETA) * A", "STATE - (1 - BETA) * (A - STATE)"),
        ("BETA * STATE + (1 - BETA) * A", "STATE + (1 - BETA) * (A + STATE)"))
mistake("square-of-deviation", "rule", "`{target}` squares the deviation from its old value instead of the gradient "
        "alone", ("BETA * STATE + (1 - BETA) * A ** 2", "STATE + (1 - BETA) * (A - STATE) ** 2"),
        ("BETA * STATE + (1 - BETA) * A ** 2", "BETA * STATE + (1 - BETA) * (A - STATE) ** 2"))
mistake("old-value-twice", "rule", "the old `{target}` counts twice: once decayed and once whole, so its weight is 1 + "
        "{beta}", ("BETA * STATE + A", "BETA * STATE + STATE + A"), ("BETA * STATE - A", "BETA * STATE + STATE - A"))
mistake("velocity-weights-swapped", "rule", "the weights are swapped: the old velocity has the factor 1 - {beta}, the "
        "new term {beta}", ("BETA * STATE - A", "(1 - BETA) * STATE - BETA * (A)"),
        ("BETA * STATE + A", "(1 - BETA) * STATE + BETA * (A)"), assumes=1.05)
mistake("decay-twice", "rule", "the factor {beta} acts twice: on the old velocity, and once more on the new one",
        ("BETA * STATE - A", "BETA * (BETA * STATE - A)"), ("BETA * STATE + A", "BETA * (BETA * STATE + A)"),
        assumes=1.05)
mistake("old-value-is-gradient", "rule", "the old `{target}` is the gradient itself: `{target} = dx` makes a second "
        "name of one array, and overwrites what was kept",
        ("BETA * STATE - A * dx", "BETA * dx - A * (BETA * dx)"),
        ("BETA * STATE + A * dx", "BETA * dx + A * (BETA * dx)"), ("BETA * STATE + dx", "2 * BETA * dx"), assumes=1.1)
mistake("mean-is-maximum", "rule", "`{target}` takes a maximum, where the rule adds up or averages",
        ("BETA * STATE + (1 - BETA) * A", "np.maximum(BETA * STATE, A)"),
        ("BETA * STATE + (1 - BETA) * A", "np.maximum(STATE, A)"), ("STATE + A", "np.maximum(STATE, A)"), assumes=1.2)
mistake("old-value-decayed-twice", "rule", "the old `{target}` is decayed twice: its factor is {beta} squared",
        ("BETA * STATE + A", "BETA ** 2 * STATE + A"), ("BETA * STATE - A", "BETA ** 2 * STATE - A"))
mistake("sum-is-mean", "rule", "the mean of all squares so far is taken, where the rule takes their sum",
        ("STATE + A", "STATE * (STEP - 1) / STEP + (A) / STEP"), assumes=1.1)
mistake("steps-missing", "rule", "the size of the last steps is missing: dx is divided by the root of `cache` alone, "
        "as in RMSProp", ("np.sqrt((A + epsilon) / (B + epsilon)) * dx", "dx / np.sqrt(B + epsilon)"),
        ("np.sqrt((A + epsilon) / (B + epsilon)) * dx", "dx / (np.sqrt(B) + epsilon)"))
mistake("sum-leaks", "rule", "the sum `{target}` leaks (a decaying mean, as in RMSProp), where this rule adds up all "
        "squares",
        *[('STATE + A', f'{b} * STATE + {w} * (A)') for b in (0.9, 0.95, 0.99, 0.999) for w in (1, round(1 - b, 6))])
mistake("root-added", "rule", "a square root is taken; the rule takes none", ("A / u", "A / np.sqrt(u)"),
        ("A / (u + epsilon)", "A / (np.sqrt(u) + epsilon)"),
        ("A * m", "A * np.sqrt(m)"))
mistake("abs-is-square", "rule", "the square is taken instead of the absolute value", ("np.abs(A)", "A ** 2"))
mistake("bias-of-u", "rule", "u has a bias correction, which this rule does not have: a maximum needs none",
        ("A / u", "A / (u / (1 - beta2 ** t))"),
        ("A / (u + epsilon)", "A / (u / (1 - beta2 ** t) + epsilon)"))
# fmt: on


@mistake("scaled-after", "rule", "`v` gathers the gradients themselves, and their sum is scaled in the step; the rule "
         "scales each gradient before it enters `v`", assumes=1.1)  # fmt: skip
def _scaled_after(formula: Formula) -> Iterator[Variant]:
    for i, node in expressions(formula):
        bound: dict[str, ast.expr] = {}
        if target(formula.body[i]) == "v" and match(expression("mu * STATE + A / B"), node, bound, formula.settings):
            for first in rewrite(formula, "mu * STATE + A / B", "mu * STATE + A"):
                for edited in rewrite(first, "A * v", f"A * v / ({ast.unparse(bound['B'])})"):
                    yield Variant(edited)
