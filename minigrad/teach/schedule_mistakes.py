"""The catalogue of mistakes in schedules of the learning rate: an entry is a name, a sentence, and edits of a formula.

The entries are those of `minigrad.teach.rule_mistakes`, with the scope `schedule`; the names in a pattern are t and the
settings of the schedule.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from minigrad.teach.catalogue import SCHEDULES as CATALOGUE
from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.edits import Formula, expression, expressions, is_name, replaced, replaced_everywhere

__all__ = ["CATALOGUE", "Variant", "mistake"]

UNITS = (2, 5, 10, 20, 50, 100, 1000)

# fmt: off
mistake("off-by-one", "schedule", "t is off by one: {detail}",
        ("t", "(t + 1)", "it counts from 1 instead of from 0, so the decay comes one step early"),
        ("t", "max(t - 1, 0)", "the decay comes one step late"), ("t", "(t - 1)", "the decay comes one step late"),
        ("t // every", "t // every + 1", "the first decay comes at t = 0 already"))
mistake("warmup-from-zero", "schedule", "the warm-up starts at a rate of 0: t + 1 is needed where t counts from 0",
        ("(t + 1) / T", "t / T"), assumes=0.9)
mistake("unit", "schedule", "t is {detail}: it is counted in another unit (epochs instead of steps, or the reverse)",
        *[("t", f"(t / {n})", f"divided by {n}") for n in UNITS],
        *[("t", f"(t // {n})", f"divided by {n} and rounded down") for n in UNITS],
        *[("t", f"({n} * t)", f"multiplied by {n}") for n in UNITS], assumes=1.3)
mistake("floor-missing", "schedule", "the division of t is not rounded down (/ instead of //): the rate falls smoothly "
        "instead of in steps", ("t // A", "t / A"))
mistake("floor", "schedule", "the division is an integer division (// instead of /): fractions are cut off",
        ("A * t / B", "A * (t // B)"), ("A / B", "A // B"), ("-k * t", "-np.floor(k * t)"))
mistake("rounded", "schedule", "the division is rounded to the nearest integer instead of down",
        ("t // A", "np.round(t / A)"), assumes=1.1)
mistake("rounded-up", "schedule", "the division is rounded up instead of down", ("t // A", "-(-t // A)"), assumes=1.1)
mistake("product", "schedule", "the factor is multiplied by the number of decays instead of raised to its power",
        ("factor ** A", "(factor * (A))"), ("A * factor ** B", "A * max(factor * B, 1)"))
mistake("remainder", "schedule", "the remainder is taken (%) instead of the quotient (//)", ("t // every", "t % every"))
mistake("only-then", "schedule", "the rate is lower only where t is a multiple of `every`: the decay is not kept",
        ("factor ** (t // every)", "(factor if t % every == 0 else 1)"),
        ("factor ** (t // every)", "(factor if t and t % every == 0 else 1)"))
mistake("subtracted", "schedule", "{detail} at each decay; the rate must be multiplied by the factor",
        ("alpha_0 * factor ** A", "alpha_0 - factor * alpha_0 * (A)", "the factor times alpha_0 is subtracted"),
        ("alpha_0 * factor ** A", "alpha_0 - (1 - factor) * alpha_0 * (A)", "1 - factor times alpha_0 is subtracted"),
        ("alpha_0 * factor ** A", "alpha_0 - factor * (A)", "the factor is subtracted"))
mistake("once", "schedule", "the rate decays only once: the power is missing",
        ("factor ** (t // every)", "(factor if t >= every else 1)"))
mistake("factor", "schedule", "the rate is multiplied by 1 - factor instead of by factor", ("factor", "(1 - factor)"))
mistake("factor-inverted", "schedule", "the rate is divided by the factor instead of multiplied: it grows",
        ("factor", "(1 / factor)"))
mistake("sign", "schedule", "the sign of k * t is wrong: the rate grows instead of decaying", ("-k", "k"),
        ("1 + k * t", "1 - k * t"), assumes=0.9)
mistake("base", "schedule", "the base of the exponential is {detail}; the rule uses e",
        ("np.exp(A)", "2 ** (A)", "2"), ("np.exp(A)", "10 ** (A)", "10"))
mistake("power", "schedule", "the rate decays by {detail} instead of by exp(-k t)",
        ("np.exp(-k * t)", "k ** t", "k**t"), ("np.exp(-k * t)", "(1 - k) ** t", "(1 - k)**t"),
        ("np.exp(-k * t)", "(1 - k * t)", "1 - k t"), ("np.exp(-k * t)", "(1 + k) ** -t", "(1 + k)**-t"))
mistake("other-decay", "schedule", "this is the decay of another schedule: {detail}",
        ("alpha_0 * np.exp(-k * t)", "alpha_0 / (1 + k * t)", "1/t decay instead of exponential decay"),
        ("alpha_0 / (1 + k * t)", "alpha_0 * np.exp(-k * t)", "exponential decay instead of 1/t decay"),
        ("alpha_0 * factor ** (t // every)", "alpha_0 / (1 + factor * (t // every))", "1/t decay in steps"),
        ("alpha_0 * np.exp(-k * t)", "alpha_0 - k * t", "linear decay"),
        ("alpha_0 / (1 + k * t)", "alpha_0 - k * t", "linear decay"),
        ("alpha_0 / (1 + k * t)", "alpha_0 * (1 - k * t)", "linear decay"),
        ("smallest + (alpha_0 - smallest) * (1 + np.cos(np.pi * t / T)) / 2", "alpha_0 + (smallest - alpha_0) * t / T",
         "linear decay"),
        ("alpha_0 + (last - alpha_0) * t / T", "last + (alpha_0 - last) * (1 + np.cos(np.pi * t / T)) / 2",
         "cosine decay"), assumes=0.9)
mistake("one-missing", "schedule", "the 1 in the divisor is missing: at t = 0 it divides by zero",
        ("1 + k * t", "k * t"))
mistake("parentheses", "schedule", "parentheses are missing: the division ends before the product or the sum",
        ("alpha_0 / (1 + k * t)", "alpha_0 / 1 + k * t"), ("1 + k * t", "(1 + k) * t"),
        ("alpha_0 / (1 + k * t)", "alpha_0 / (1 + k) * t"), ("np.exp(-k * t)", "np.exp(-k) * t"))
mistake("square", "schedule", "{detail} is squared", ("t", "t ** 2", "t"),
        ("1 + k * t", "(1 + k * t) ** 2", "the divisor"), assumes=1.3)
mistake("root", "schedule", "the square root of {detail} is taken", ("t", "np.sqrt(t)", "t"),
        ("1 + k * t", "np.sqrt(1 + k * t)", "the divisor"), assumes=1.3)
mistake("initial-missing", "schedule", "the initial rate {detail}", ("alpha_0 * A", "(A)", "is missing"),
        ("alpha_0", "1.0", "is missing"), ("alpha_0", "alpha_0 ** 2", "counts twice"), assumes=1.2)
mistake("constant", "schedule", "the rate does not decay: it stays at its first value", ("factor ** A", "1"),
        ("np.exp(A)", "1"), ("1 + k * t", "1"), ("np.cos(A)", "1"))
mistake("k-missing", "schedule", "{detail}", ("k * t", "t", "k is missing"), ("-k * t", "-t", "k is missing"),
        ("k * t", "t / k", "k divides t instead of multiplying it"),
        ("-k * t", "-t / k", "k divides t instead of multiplying it"))
mistake("half-missing", "schedule", "the division by 2 is missing: the rate starts at twice its value", ("A / 2", "A"))
mistake("cosine-one-missing", "schedule", "the 1 + of the cosine is missing: the rate becomes negative",
        ("B * (1 + np.cos(A)) / 2", "B * np.cos(A)"), ("1 + np.cos(A)", "np.cos(A)"))
mistake("cosine-sign", "schedule", "the sign of the cosine is wrong: the rate starts at its smallest value and grows",
        ("1 + np.cos(A)", "1 - np.cos(A)"))
mistake("pi-missing", "schedule", "pi is {detail}: the cosine goes through another part of its wave",
        ("np.pi * t", "t", "missing"), ("np.pi", "(2 * np.pi)", "2 pi"), ("np.pi", "(np.pi / 2)", "pi / 2"),
        ("np.pi", "180", "180 (degrees): np.cos takes radians"))
mistake("quarter-wave", "schedule", "a quarter of the wave is used, cos from 0 to pi / 2, instead of half of it, "
        "(1 + cos) / 2",
        ("A * (1 + np.cos(B)) / 2", "A * np.cos(B / 2)"))
mistake("sine", "schedule", "the sine is taken instead of the cosine", ("np.cos(A)", "np.sin(A)"), assumes=1.1)
mistake("smallest-missing", "schedule", "the smallest rate {detail}", ("smallest + A", "A", "is not added"),
        ("alpha_0 - smallest", "alpha_0", "is added, but not subtracted from the range alpha_0 - smallest"),
        ("smallest + (alpha_0 - smallest) * A / B", "alpha_0 * A / B", "is missing"))
mistake("last-missing", "schedule", "the last rate {detail}", ("last", "0.0", "is missing: the rate falls to 0"),
        ("last - alpha_0", "-alpha_0", "is missing: the rate falls to 0"),
        ("alpha_0 + (last - alpha_0) * A / B", "last + alpha_0 * (1 - A / B)",
         "is added, but not subtracted from the range alpha_0 - last"))
mistake("range", "schedule", "the rate falls by `last`, instead of to it", ("last - alpha_0", "-last"))
mistake("lower-limit", "schedule", "the smallest rate is a lower limit of a rate that falls to 0, instead of its end",
        ("alpha_0 + (last - alpha_0) * A / B", "max(alpha_0 * (1 - A / B), last)"),
        ("smallest + (alpha_0 - smallest) * A / B", "max(alpha_0 * A / B, smallest)"))
mistake("curved", "schedule", "the progress t / T is {detail}",
        *[(pattern, instead.replace("P", power), said)
          for power, said in (("(A / B) ** 2", "squared"), ("np.sqrt(A / B)", "under a root"))
          for pattern, instead in (("alpha_0 + (last - alpha_0) * A / B", "alpha_0 + (last - alpha_0) * P"),
                                   ("np.cos(np.pi * A / B)", "np.cos(np.pi * P)"), ("min(1, A / B)", "min(1, P)"))],
        ("alpha_0 + (last - alpha_0) * A / B", "last + (alpha_0 - last) * (1 - A / B) ** 2", "1 - (1 - t / T)**2"),
        assumes=1.1)
mistake("compounded", "schedule", "the decay is applied to the rate of the step before, which has decayed already, "
        "instead of to alpha_0: it compounds", ("alpha_0 * A", "alpha_0 * np.prod([A for t in range(t + 1)])"),
        ("alpha_0 / A", "alpha_0 / np.prod([A for t in range(t + 1)])"), assumes=1.1)
mistake("power-missing", "schedule", "the power is missing: the decay is linear", ("A ** power", "A"), assumes=0.95)
mistake("power-inside", "schedule", "the power is taken of t / T instead of 1 - t / T",
        ("(1 - A) ** power", "(1 - (A) ** power)"))
mistake("never-restarts", "schedule", "it never restarts: the rate stays at its smallest value, or rises as it fell",
        ("t % A", "min(t, A)"), ("t % A", "t"))
mistake("restarts-off", "schedule", "each cycle has {detail}", ("t % A", "t % (A + 1)", "a step too many"),
        ("t % A", "t % (A - 1)", "a step too few"))
mistake("ends-exchanged", "schedule", "the ends are exchanged: the rate grows from the last rate to alpha_0",
        ("alpha_0 + (last - alpha_0) * A / B", "last + (alpha_0 - last) * A / B"))
mistake("range-sign", "schedule", "a sign is wrong: the rate grows beyond alpha_0",
        ("alpha_0 + (last - alpha_0) * A / B", "alpha_0 - (last - alpha_0) * A / B"))
mistake("restarted", "schedule", "the schedule starts again: t is taken modulo {detail}",
        ("t", "(t % every)", "every"), ("t", "(t % T)", "T"), ("t", "(t % 10)", "10"), ("t", "(t % 100)", "100"),
        assumes=1.2)
mistake("warmup-not-limited", "schedule", "the warm-up does not stop: its upper limit is missing",
        ("min(1, A)", "(A)"))
mistake("maximum", "schedule", "the maximum is taken instead of the minimum", ("min(A, B)", "max(A, B)"))
mistake("ramp-missing", "schedule", "the ramp of the warm-up is missing: {detail}",
        ("min(1, A)", "(t >= T)", "the rate is 0 before its end"),
        ("min(1, A)", "(t + 1 >= T)", "the rate is 0 before its end"),
        ("min(1, A)", "1", "the rate is alpha_0 at once"))
mistake("warmup-falls", "schedule", "the warm-up goes down instead of up", ("(t + 1) / T", "(1 - (t + 1) / T)"),
        ("(t + 1) / T", "(1 - t / T)"), ("(t + 1) / T", "(T - t) / T"), ("min(1, A)", "(1 - min(1, A))"))
mistake("warmup-drops", "schedule", "after the warm-up the rate is 0: it must stay at alpha_0",
        ("min(1, A)", "A * (A <= 1)"))
mistake("swapped", "schedule", "{detail}: two settings are swapped",
        ("factor ** (t // every)", "every ** (t // factor)", "factor is used as every, and every as factor"),
        ("(t + 1) / T", "T / (t + 1)", "T is divided by t + 1"), ("t / T", "T / t", "T is divided by t"), assumes=1.1)
mistake("operator", "schedule", "an operator is wrong: `{after}` instead of `{before}`", ("A * B", "A / B"),
        ("A / B", "A * B"), ("A * B", "A - B"), ("A * B", "A + B"), ("A * B", "B / A"),
        ("A + B", "A - B"), ("A - B", "A + B"), ("-A", "A"), assumes=1.6)
mistake("dropped", "schedule", "a part of the formula is missing: `{after}` instead of `{before}`", ("A * B", "A"),
        ("A * B", "B"), ("A / B", "A"), ("A + B", "A"), ("A + B", "B"), ("A - B", "A"), assumes=1.6)
# fmt: on


@mistake("length", "schedule", "{detail}")
def _length(formula: Formula) -> Iterator[Variant]:
    for name in sorted(formula.settings & {"T", "every"}):
        for other, said in ((f"{name} - 1", "short"), (f"{name} + 1", "long")):
            instead = expression(other)
            edited = replaced_everywhere(formula, lambda node: instead if is_name(node, name) else None)  # noqa: B023
            what, ends = ("the schedule", "ends at") if name == "T" else ("each stage", "lasts")
            yield Variant(edited, f"{what} is one step too {said}: it {ends} {other}")


@mistake(
    "other-value", "schedule", "{detail}: a setting has another value than the one it is checked with", assumes=1.25
)
def _other_value(formula: Formula) -> Iterator[Variant]:
    """A usual value of a setting, or a multiple of the given one."""
    for name in sorted(formula.settings):
        values = (
            [(repr(v), f"{v:g}") for v in (0.1, 0.2, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.99)] if name == "factor" else []
        )
        values += [(f"({f} * {name})", f"{f:g} times its value") for f in (2, 0.5, 10, 0.1, 100, 0.01)]
        for value, said in values:
            instead = expression(value)
            edited = replaced_everywhere(formula, lambda node: instead if is_name(node, name) else None)  # noqa: B023
            yield Variant(edited, f"`{name}` acts as {said}")


@mistake("wrong-name", "schedule", "{detail}", assumes=1.4)
def _wrong_name(formula: Formula) -> Iterator[Variant]:
    names = sorted({*formula.settings, "t"})
    for i, node in expressions(formula):
        if isinstance(node, ast.Name) and node.id in names:
            for other in names:
                if other != node.id:
                    said = f"`{other}` is used in the formula instead of `{node.id}`"
                    yield Variant(replaced(formula, i, node, expression(other)), said)
