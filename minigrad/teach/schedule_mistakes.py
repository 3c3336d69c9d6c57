"""The catalogue of mistakes in schedules of the learning rate: an entry is a name, a sentence, and edits of a formula.

The entries are those of `minigrad.teach.rule_mistakes`, with the scope `schedule`; the names in a pattern are t and the
settings of the schedule.
"""

from __future__ import annotations

from minigrad.teach.catalogue import SCHEDULES as CATALOGUE
from minigrad.teach.catalogue import Variant, mistake

__all__ = ["CATALOGUE", "Variant", "mistake"]

UNITS = (2, 5, 10, 20, 50, 100, 1000)

# fmt: off
mistake("off-by-one", "schedule", "t is off by one: {detail}",
        ("t", "(t + 1)", "it counts from 1 instead of from 0, so the decay comes one step early"),
        ("t", "max(t - 1, 0)", "the decay comes one step late"), ("t", "(t - 1)", "the decay comes one step late"))
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
mistake("once", "schedule", "the rate decays only once: the power is missing",
        ("factor ** (t // every)", "(factor if t >= every else 1)"))
mistake("factor", "schedule", "the rate is multiplied by 1 - factor instead of by factor", ("factor", "(1 - factor)"))
mistake("factor-inverted", "schedule", "the rate is divided by the factor instead of multiplied: it grows",
        ("factor", "(1 / factor)"))
mistake("sign", "schedule", "the sign of the exponent is wrong: the rate grows instead of decaying", ("-k", "k"),
        ("1 + k * t", "1 - k * t"), assumes=0.9)
mistake("base", "schedule", "the base of the exponential is {detail}; the rule uses e",
        ("np.exp(A)", "2 ** (A)", "2"), ("np.exp(A)", "10 ** (A)", "10"))
mistake("power", "schedule", "the rate decays by {detail} instead of by exp(-k t)",
        ("np.exp(-k * t)", "k ** t", "k**t"), ("np.exp(-k * t)", "(1 - k) ** t", "(1 - k)**t"),
        ("np.exp(-k * t)", "(1 - k * t)", "1 - k t"), ("np.exp(-k * t)", "(1 + k) ** -t", "(1 + k)**-t"))
mistake("other-decay", "schedule", "this is the decay of another schedule: {detail}",
        ("alpha_0 * np.exp(-k * t)", "alpha_0 / (1 + k * t)", "1/t decay instead of exponential decay"),
        ("alpha_0 / (1 + k * t)", "alpha_0 * np.exp(-k * t)", "exponential decay instead of 1/t decay"), assumes=0.9)
mistake("one-missing", "schedule", "the 1 in the divisor is missing: at t = 0 it divides by zero",
        ("1 + k * t", "k * t"))
mistake("parentheses", "schedule", "parentheses are missing: the division ends before the product or the sum",
        ("alpha_0 / (1 + k * t)", "alpha_0 / 1 + k * t"), ("1 + k * t", "(1 + k) * t"))
mistake("square", "schedule", "t is squared", ("t", "t ** 2"), assumes=1.3)
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
        ("(1 + np.cos(A)) / 2", "np.cos(A)"), ("1 + np.cos(A)", "np.cos(A)"))
mistake("cosine-sign", "schedule", "the sign of the cosine is wrong: the rate starts at its smallest value and grows",
        ("1 + np.cos(A)", "1 - np.cos(A)"))
mistake("pi-missing", "schedule", "pi is {detail}: the cosine goes through another part of its wave",
        ("np.pi * t", "t", "missing"), ("np.pi", "(2 * np.pi)", "2 pi"), ("np.pi", "(np.pi / 2)", "pi / 2"))
mistake("sine", "schedule", "the sine is taken instead of the cosine", ("np.cos(A)", "np.sin(A)"), assumes=1.1)
mistake("smallest-missing", "schedule", "the smallest rate {detail}", ("smallest + A", "A", "is not added"),
        ("alpha_0 - smallest", "alpha_0", "is added, but not subtracted from the range alpha_0 - smallest"),
        ("smallest", "0.0", "is missing"))
mistake("restarted", "schedule", "the schedule starts again: t is taken modulo {detail}",
        ("t", "(t % every)", "every"), ("t", "(t % T)", "T"), ("t", "(t % 10)", "10"), ("t", "(t % 100)", "100"),
        assumes=1.2)
mistake("warmup-not-limited", "schedule", "the warm-up does not stop: its upper limit is missing",
        ("min(1, A)", "(A)"))
mistake("swapped", "schedule", "{detail}: two settings are swapped",
        ("factor ** (t // every)", "every ** (t // factor)", "factor and every stand in each other's place"),
        ("(t + 1) / T", "T / (t + 1)", "T is divided by t + 1"), ("t / T", "T / t", "T is divided by t"), assumes=1.1)
mistake("operator", "schedule", "an operator is wrong: `{after}` instead of `{before}`", ("A * B", "A / B"),
        ("A / B", "A * B"), ("A + B", "A - B"), ("A - B", "A + B"), ("-A", "A"), assumes=1.6)
mistake("dropped", "schedule", "a part of the formula is missing: `{after}` instead of `{before}`", ("A * B", "A"),
        ("A * B", "B"), ("A / B", "A"), ("A + B", "A"), ("A + B", "B"), ("A - B", "A"), assumes=1.6)
# fmt: on
