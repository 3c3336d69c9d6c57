"""Mistakes in the adaptive scaling: squares, roots, epsilon, and the bias correction."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.edits import (
    Formula,
    expression,
    expressions,
    replaced,
    replaced_everywhere,
    rewrite,
    rewrite_everywhere,
    target,
)

# fmt: off
mistake("square-missing", "rule", "the square of {detail} is missing in `{target}`", ("dx ** 2", "dx", "the gradient"),
        ("step ** 2", "step", "the step"), ("mean ** 2", "mean", "the mean"))
mistake("square-is-abs", "rule", "`{target}` takes the absolute value instead of the square", ("A ** 2", "np.abs(A)"),
        assumes=1.1)
mistake("square-of-average", "rule", "`{target}` gathers {detail} instead of the square of the gradient",
        ("dx ** 2", "m ** 2", "the square of the average `m`"),
        ("dx ** 2", "(dx - m) ** 2", "the square of the deviation dx - m, as in AdaBelief,"),
        ("dx ** 2", "dx * m", "the product of dx and `m`"), ("dx ** 2", "dx * x", "the product of dx and x"))
mistake("root-missing", "rule", "the square root is missing{detail}",
        ("np.sqrt(A) + epsilon", "A + epsilon", ": the gradient is divided by the squares themselves"),
        ("np.sqrt(A) + epsilon", "(np.sqrt(A) + epsilon) ** 2", ", or it is divided by the root twice"),
        ("np.sqrt(A / B)", "A / np.sqrt(B)", " in the numerator"),
        ("np.sqrt(A / B)", "np.sqrt(A) / B", " in the divisor"),
        ("np.sqrt(A)", "A"))
mistake("square-of-gradient", "rule", "`{target}` gathers the squares of the gradient instead of those of the step",
        ("step ** 2", "dx ** 2"))
mistake("steps-too-early", "rule", "`steps` gathers the squares of the gradient before it is used: it equals `cache`, "
        "the two roots cancel, and the step is dx itself",
        ("step = np.sqrt((A + epsilon) / (B + epsilon)) * dx", "step = dx"))
mistake("not-centered", "rule", "the square of the mean is {detail}: the squares are not centered",
        ("cache - mean ** 2", "cache", "not subtracted"), ("cache - mean ** 2", "cache + mean ** 2", "added"),
        assumes=0.95)
mistake("other-root", "rule", "the {detail} is taken instead of the square root", ("np.sqrt(A)", "A ** 2", "square"),
        ("np.sqrt(A)", "np.cbrt(A)", "cube root"), ("np.sqrt(A)", "A ** 0.25", "square root twice"), assumes=1.1)
mistake("epsilon-inside-root", "rule", "epsilon is added inside the square root; the rule adds it outside, after the "
        "root", ("np.sqrt(A) + B", "np.sqrt(A + B)"), ("np.sqrt(A) + B", "np.sqrt(A + B ** 2)"),
        ("A * float(r * B) / (np.sqrt(v) + epsilon)", "A * r / np.sqrt(v / (1 - beta2 ** t) + epsilon)"), assumes=0.9)
mistake("other-epsilon-inside-root", "rule", "epsilon is added inside the square root, and has another value, {detail}",
        *[("np.sqrt(A) + epsilon", f"np.sqrt(A + {e})", e) for e in ("1e-08", "1e-06", "1e-05", "1e-04", "0.001")],
        assumes=1.3)
mistake("epsilon-outside-root", "rule", "epsilon is added outside the square root; the rule adds it inside",
        ("np.sqrt((A + epsilon) / (B + epsilon))", "np.sqrt(A + epsilon) / (np.sqrt(B) + epsilon)"),
        ("np.sqrt((A + epsilon) / (B + epsilon))", "(np.sqrt(A) + epsilon) / (np.sqrt(B) + epsilon)"),
        ("np.sqrt((A + epsilon) / B)", "(np.sqrt(A) + epsilon) / np.sqrt(B)"),
        ("np.sqrt(A / (B + epsilon))", "np.sqrt(A) / (np.sqrt(B) + epsilon)"))
mistake("epsilon-missing", "rule", "epsilon is missing{detail}",
        ("A + epsilon", "A", ": where the gradient is zero or tiny the step becomes nan or far too large"),
        ("np.sqrt((A + epsilon) / (B + epsilon))", "np.sqrt(A / (B + epsilon))", " in the numerator: `steps` starts at "
         "zero and stays there, so x never moves"))
mistake("epsilon-in-accumulator", "rule", "epsilon is added to the accumulated squares and kept there, instead of to "
        "the root", ("BETA * STATE + (1 - BETA) * A", "BETA * STATE + (1 - BETA) * A + epsilon"),
        ("STATE + A", "STATE + A + epsilon"), assumes=1.25)
mistake("epsilon-is-maximum", "rule", "epsilon is a lower bound (maximum) here, where the rule adds it",
        ("A + epsilon", "np.maximum(A, epsilon)"), assumes=1.1)


# ---- bias correction ------------------------------------------------------------------------------------------

mistake("bias-of-m-missing", "rule", "the bias correction of `m` is missing: m starts at zero and is too small in the "
        "first steps", ("m / (1 - beta1 ** t)", "m"), assumes=0.9)
mistake("bias-of-m-root", "rule", "the bias correction of `m` has a square root: it must divide by 1 - beta1**t itself",
        ("m / (1 - beta1 ** t)", "m / np.sqrt(1 - beta1 ** t)"))
mistake("bias-of-v-missing", "rule", "the bias correction of `v` is missing: v starts at zero and is too small in the "
        "first steps", ("A / (1 - beta2 ** t)", "A"), ("r * np.sqrt(1 - beta2 ** t)", "r"), assumes=0.9)
mistake("bias-outside-root", "rule", "the bias correction of `v` is outside the square root: the root of v is "
        "divided by 1 - beta2**t instead of by its square root",
        ("np.sqrt(vb)", "np.sqrt(vb * (1 - beta2 ** t)) / (1 - beta2 ** t)"),
        ("np.sqrt(1 - beta2 ** t)", "(1 - beta2 ** t)"), assumes=0.9)
mistake("maximum-of-corrected", "rule", "the maximum is taken of the corrected v, v / (1 - beta2**t), instead of v",
        ("np.maximum(STATE, v)", "np.maximum(STATE, v / (1 - beta2 ** t))"))
mistake("maximum-of-gradients", "rule", "the maximum is taken of the squares of the gradients, dx**2, instead of their "
        "average v", ("np.maximum(STATE, v)", "np.maximum(STATE, dx ** 2)"))
mistake("bias-power-missing", "rule", "the bias correction uses 1 - beta instead of 1 - beta**t: t is missing",
        ("1 - BETA ** t", "1 - BETA"), assumes=0.85)
mistake("t-never-counts", "rule", "t is never increased: it stays {detail}",
        *[("state.get('t', 0) + 1", str(t), f"at {t}") for t in (1, 2, 10)],
        *[("BETA ** t", f"BETA ** {t}", f"at {t}") for t in (2, 10)],
        assumes=0.95)
mistake("bias-correction-twice", "rule", "the bias correction is made twice: in m and v, and in the step size again",
        ("A * mb", "A * np.sqrt(1 - beta2 ** t) / (1 - beta1 ** t) * mb"))
mistake("folded-inverted", "rule", "the bias correction in the step size is upside down: it must be "
        "sqrt(1 - beta2**t) / (1 - beta1**t)", ("A * B / (1 - beta1 ** t)", "A * (1 - beta1 ** t) / B"), assumes=0.95)
mistake("t-from-zero", "rule", "t of the bias correction counts from 0 instead of from 1 (it must be increased before "
        "its use); at t = 0, 1 - beta**t is 0", ("state.get('t', 0) + 1", "state.get('t', 0)"),
        ("BETA ** t", "BETA ** (t - 1)"), ("BETA ** t", "BETA ** max(t - 1, 1)"),
        ("1 - BETA ** t", "(1 - BETA ** (t - 1) or 1)"), assumes=0.9)
mistake("t-one-late", "rule", "t of the bias correction is off by one: it is 2 in the first step",
        ("BETA ** t", "BETA ** (t + 1)"),
        ("A * np.sqrt(1 - B ** t) / (1 - C ** t)", "A * np.sqrt(1 - B ** (t + 1)) / (1 - C ** (t + 1))"))
mistake("t-is-index", "rule", "t of the bias correction is the index of the parameter, {detail}, where it must count "
        "the steps", ("BETA ** t", "BETA ** (PART + 1)", "from 1"), ("BETA ** t", "BETA ** PART", "from 0"))
mistake("product-is-power", "rule", "`{target}` is this step's factor to the power t; the factor changes from step to "
        "step, so keep the product of all of them", ("STATE * A", "A ** t"))
mistake("bias-of-constant-decay", "rule", "the bias correction uses 1 - beta1**t, as Adam's does, where this rule "
        "needs the product of its changing mu", ("1 - mu_product * A", "1 - beta1 ** t"),
        ("1 - mu_product", "1 - beta1 ** t"))
mistake("t-by-two", "rule", "t of the bias correction is increased twice in each step",
        ("state.get('t', 0) + 1", "state.get('t', 0) + 2"), ("BETA ** t", "BETA ** (2 * t)"))
# fmt: on


@mistake("no-bias-correction", "rule", "the bias correction is missing altogether: m and v start at zero and are too "
         "small in the first steps", assumes=0.95)  # fmt: skip
def _no_correction(formula: Formula) -> Iterator[Variant]:
    yield from map(Variant, rewrite_everywhere(formula, "A / (1 - BETA ** t)", "A"))


@mistake("bias-betas-swapped", "rule", "the betas of the two bias corrections are swapped: `m` needs beta1, `v` beta2",
         assumes=0.95)  # fmt: skip
def _corrections_swapped(formula: Formula) -> Iterator[Variant]:
    swap = {"beta1 ** t": "beta2 ** t", "beta2 ** t": "beta1 ** t"}

    def change(node: ast.AST) -> ast.AST | None:
        other = swap.get(ast.unparse(node)) if isinstance(node, ast.BinOp) else None
        return expression(other) if other else None

    if {"beta1", "beta2"} <= formula.settings:
        yield Variant(replaced_everywhere(formula, change))


@mistake("bias-correction-added", "rule", "there is a bias correction of `{detail}`, which this rule does not have",
         assumes=1.2)  # fmt: skip
def _correction_added(formula: Formula) -> Iterator[Variant]:
    decays = formula.settings & {"mu", "beta1", "beta2", "decay_rate"}
    betas = [] if "t" in map(target, formula.body) else sorted(decays)
    kept = {name: i for i, s in enumerate(formula.body) if (name := target(s)) and "state" in ast.unparse(s)}
    for i, node in expressions(formula):
        is_use = isinstance(node, ast.Name) and kept.get(node.id, i) < i and not isinstance(formula.body[i], ast.Return)
        for beta in betas if is_use else ():
            name = ast.unparse(node)
            yield Variant(replaced(formula, i, node, expression(f"{name} / (1 - {beta} ** STEP)")), name)


@mistake("root-of-accumulated", "rule", "the gradients are added up in `{target}` and their sum is squared, not each "
         "gradient", assumes=1.2)  # fmt: skip
def _root_of_accumulated(formula: Formula) -> Iterator[Variant]:
    for accumulated in ("STATE + {}", "BETA * STATE + (1 - BETA) * {}"):
        for first in rewrite(formula, accumulated.format("A ** 2"), accumulated.format("A")):
            for both in rewrite(first, "np.sqrt(B)", "np.abs(B)"):
                yield Variant(replace(both, line=first.line))


@mistake("maximum-after-correction", "rule", "the maximum is taken of the corrected v, v / (1 - beta2**t); the rule "
         "takes it of v and corrects it afterwards", assumes=1.05)  # fmt: skip
def _maximum_after_correction(formula: Formula) -> Iterator[Variant]:
    for first in rewrite(formula, "np.maximum(STATE, v)", "np.maximum(STATE, v / (1 - beta2 ** t))"):
        for both in rewrite(first, "v_max / (1 - beta2 ** t)", "v_max"):
            yield Variant(replace(both, line=first.line))
