"""The catalogue of mistakes in schedules of the learning rate: an entry is a name, a sentence, and edits of a formula.

The entries are those of `minigrad.teach.rules.mistakes`, with the scope `schedule`; the names in a pattern are t and
the settings of the schedule.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from minigrad.teach.catalogue import SCHEDULES as CATALOGUE
from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.edits import Formula, expression, expressions, is_name, replaced, replaced_everywhere, target

__all__ = ["CATALOGUE", "Variant", "mistake"]

USUAL = {
    "factor": (0.1, 0.2, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.99), "start": (0.1, 0.2, 0.25, 0.3, 0.4, 0.45),
    "div_factor": (1, 4, 10, 20, 25, 50, 100), "final_div_factor": (1, 10, 100, 1e3, 1e4, 1e5),
    "power": (0.5, 0.9, 1, 2, 3), "patience": (0, 1, 2, 3, 5, 10), "T_mult": (1, 2, 3),
}  # fmt: skip
"""Usual values of settings."""
UNITS = (2, 5, 10, 20, 50, 100, 1000)

# fmt: off
mistake("off-by-one", "schedule", "t is off by one: {detail}",
        ("t", "(t + 1)", "it counts from 1 instead of from 0, so the decay comes one step early"),
        ("t", "max(t - 1, 0)", "the decay comes one step late"), ("t", "(t - 1)", "the decay comes one step late"),
        ("t // every", "t // every + 1", "the first decay comes at t = 0 already"),
        ("", "t = t + 1", "it counts from 1 instead of from 0, so the decay comes one step early"),
        ("", "t = max(t - 1, 0)", "the decay comes one step late"), ("", "t = t - 1", "the decay comes one step late"))
mistake("unit", "schedule", "t is {detail}: it is counted in another unit (epochs instead of steps, or the reverse)",
        *[("t", f"(t / {n})", f"divided by {n}") for n in UNITS],
        *[("t", f"(t // {n})", f"divided by {n} and rounded down") for n in UNITS],
        *[("t", f"({n} * t)", f"multiplied by {n}") for n in UNITS],
        *[("", f"t = t / {n}", f"divided by {n}") for n in UNITS],
        *[("", f"t = t // {n}", f"divided by {n} and rounded down") for n in UNITS],
        *[("", f"t = {n} * t", f"multiplied by {n}") for n in UNITS], assumes=1.25)
mistake("floor-missing", "schedule", "the division of t is not rounded down (/ instead of //): the rate falls smoothly "
        "instead of in steps", ("t // every", "t / every"))
mistake("floor", "schedule", "the division is an integer division (// instead of /): fractions are cut off",
        ("A * t / B", "A * (t // B)"), ("A / B", "A // B"), ("-k * t", "-np.floor(k * t)"))
mistake("rounded", "schedule", "the division is rounded to the nearest integer instead of down",
        ("t // A", "np.round(t / A)"), assumes=1.1)
mistake("rounded-up", "schedule", "the division is rounded up instead of down (or the counter grows "
        "after it is compared, so that the rate falls at the first step)", ("t // A", "-(-t // A)"), assumes=1.1)
mistake("product", "schedule", "the factor is multiplied by the number of decays instead of raised to its power",
        ("factor ** A", "(factor * (A))"), ("factor ** A", "((factor * (A)) or 1)"),
        ("A * factor ** B", "A * max(factor * B, 1)"))
mistake("remainder", "schedule", "the remainder is taken (%) instead of the quotient (//)", ("t // every", "t % every"))
mistake("quotient", "schedule", "the quotient is taken (//) instead of the remainder (%)", ("t % T", "t // T"))
mistake("power-exchanged", "schedule", "base and exponent are exchanged: the number of decays is raised to the power "
        "of the factor", ("factor ** A", "(A) ** factor"), assumes=1.1)
mistake("each-step", "schedule", "the rate decays at each t instead of once in `every` steps", ("t // every", "t"))
mistake("only-then", "schedule", "the rate is lower only where t is a multiple of `every`: the decay is not kept",
        ("factor ** (t // every)", "(factor if t % every == 0 else 1)"),
        ("factor ** (t // every)", "(factor if t and t % every == 0 else 1)"),
        ("factor ** (t // every)", "(factor ** (t // every) if t % every == 0 else 1)"))
mistake("counter-not-reset", "schedule", "after the first `every` steps the rate decays in each step: the counter is "
        "not reset", ("factor ** (t // every)", "factor ** max(t - every + 1, 0)"),
        ("factor ** (t // every)", "factor ** max(t - every, 0)"), assumes=1.15)
mistake("subtracted", "schedule", "{detail} at each decay; the rate must be multiplied by the factor",
        ("alpha_0 * factor ** A", "alpha_0 - factor * alpha_0 * (A)", "the factor times alpha_0 is subtracted"),
        ("alpha_0 * factor ** A", "alpha_0 - (1 - factor) * alpha_0 * (A)", "1 - factor times alpha_0 is subtracted"),
        ("alpha_0 * factor ** A", "alpha_0 - factor * (A)", "the factor is subtracted"))
mistake("once", "schedule", "the rate decays only once: the power is missing",
        ("factor ** (t // every)", "(factor if t >= every else 1)"), ("factor ** t", "(factor if t else 1)"))
mistake("factor", "schedule", "the rate is multiplied by 1 - factor instead of by factor", ("factor", "(1 - factor)"))
mistake("factor-inverted", "schedule", "the rate is divided by the factor instead of multiplied: it grows",
        ("factor", "(1 / factor)"))
mistake("sign", "schedule", "the sign of k * t is wrong: the rate grows instead of decaying", ("-k", "k"),
        ("1 + k * t", "1 - k * t"), assumes=0.9)
mistake("complement", "schedule", "1 minus the decay is taken: the rate starts at 0 and grows towards alpha_0",
        ("np.exp(A)", "(1 - np.exp(A))"), ("factor ** A", "(1 - factor ** (A))"))
mistake("base", "schedule", "the base of the exponential is {detail}; the rule uses e",
        ("np.exp(A)", "2 ** (A)", "2"), ("np.exp(A)", "10 ** (A)", "10"))
mistake("power", "schedule", "the rate decays by {detail} instead of by exp(-k t)",
        ("np.exp(-k * t)", "k ** t", "k**t"), ("np.exp(-k * t)", "(1 - k) ** t", "(1 - k)**t"),
        ("np.exp(-k * t)", "(1 - k * t)", "1 - k t"), ("np.exp(-k * t)", "(1 + k) ** -t", "(1 + k)**-t"))
mistake("power-of-divisor", "schedule", "the divisor is the power (1 + k)**t instead of 1 + k * t: the decay is "
        "exponential", ("1 + k * t", "(1 + k) ** t"))
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
         "cosine decay"),
        ("alpha_0 + (last - alpha_0) * A / B", "alpha_0 * (last / alpha_0) ** (A / B)",
         "exponential decay from alpha_0 to the last rate"),
        ("smallest + (alpha_0 - smallest) * (1 + np.cos(np.pi * t / T)) / 2",
         "alpha_0 * (smallest / alpha_0) ** (t / T)", "exponential decay from alpha_0 to the smallest rate"),
        ("alpha_0 * (1 - A / B) ** power", "alpha_0 * (1 + np.cos(np.pi * A / B)) / 2", "cosine decay"),
        ("factor ** A", "np.exp(-factor * (A))", "exp(-factor * n) instead of factor**n"),
        ("alpha_0 * factor ** t", "alpha_0 * factor * t", "a product instead of the power factor**t"),
        ("alpha_0 * factor ** t", "alpha_0 / (1 + factor * t)", "1/t decay instead of exponential decay"),
        assumes=0.9)
mistake("one-missing", "schedule", "the 1 in the divisor is missing: at t = 0 it divides by zero",
        ("1 + k * t", "k * t"))
mistake("k-added", "schedule", "the divisor is k + t instead of 1 + k * t", ("1 + k * t", "k + t"))
mistake("parentheses", "schedule", "parentheses are missing: the division ends before the product or the sum",
        ("alpha_0 / (1 + k * t)", "alpha_0 / 1 + k * t"), 
        ("alpha_0 / (1 + k * t)", "alpha_0 / (1 + k) * t"))
mistake("precedence", "schedule", "parentheses are missing or at the wrong place: `{after}`",
        ("alpha_0 * factor ** (t // every)", "alpha_0 * (factor ** t // every)"),
        ("alpha_0 * factor ** (t // every)", "alpha_0 * (factor ** t / every)"),
        ("1 + k * t", "(1 + k) * t"), ("np.exp(-k * t)", "np.exp(-k) * t"),
        ("alpha_0 * factor ** A", "(alpha_0 * factor) ** (A)"),
        ("np.cos(np.pi * A / B)", "np.cos(np.pi * A) / B"), ("A * (1 + np.cos(B)) / 2", "A * (1 + np.cos(B) / 2)"),
        ("A + B * (1 + np.cos(C)) / 2", "(A + B * (1 + np.cos(C))) / 2"),
        ("(1 - A / B) ** power", "(1 - A ** power / B)"), ("(1 - A / B) ** power", "((1 - A) / B) ** power"),
        ("alpha_0 * (1 - A) ** power", "(alpha_0 * (1 - A)) ** power"),
        ("A * warmup ** B", "(A * warmup) ** B"), ("(A + 1) / T", "A + 1 / T"), ("1 - A / B", "(1 - A) / B"),
        assumes=1.05)
mistake("initial-to-the-power", "schedule", "the initial rate is raised to a power instead of multiplied",
        ("alpha_0 * np.exp(-k * t)", "alpha_0 ** (k * t)"), ("alpha_0 * factor ** A", "alpha_0 ** (A)"), assumes=1.1)
mistake("square", "schedule", "{detail} is squared", ("t", "t ** 2", "t"),
        ("1 + k * t", "(1 + k * t) ** 2", "the divisor"),
        ("A * (1 + np.cos(B)) / 2", "A * ((1 + np.cos(B)) / 2) ** 2", "the wave (1 + cos) / 2"), assumes=1.3)
mistake("root", "schedule", "the square root of {detail} is taken", ("t", "np.sqrt(t)", "t"),
        ("1 + k * t", "np.sqrt(1 + k * t)", "the divisor"), ("1 + k * t", "np.sqrt(1 + t)", "1 + t"), assumes=1.3)
mistake("initial-missing", "schedule", "the initial rate {detail}", ("alpha_0 * A", "(A)", "is missing"),
        ("alpha_0 * (A if t < T else B)", "(A if t < T else alpha_0 * B)", "is missing before T"),
        ("alpha_0 * np.exp(A)", "np.exp(alpha_0 * (A))", "stands inside the exponential, where it must multiply it"),
        ("alpha_0", "1.0", "is missing"), ("alpha_0", "alpha_0 ** 2", "counts twice"), assumes=1.2)
mistake("constant", "schedule", "the rate stays at its first value: it does not decay, or t is counted in a larger "
        "unit (steps instead of epochs)", ("factor ** A", "1"),
        ("np.exp(A)", "1"), ("1 + k * t", "1"), ("1 + np.cos(A)", "2"), ("A * t / T", "0"), ("t / T", "0"))
mistake("k-missing", "schedule", "{detail}", ("k * t", "t", "k is missing"), ("-k * t", "-t", "k is missing"),
        ("k * t", "t / k", "k divides t instead of multiplying it"),
        ("-k * t", "-t / k", "k divides t instead of multiplying it"))
mistake("half-missing", "schedule", "the division by 2 is missing: the rate starts at twice its value", ("A / 2", "A"))
mistake("cosine-one-missing", "schedule", "the 1 + of the cosine is missing: the rate becomes negative",
        ("B * (1 + np.cos(A)) / 2", "B * np.cos(A)"), ("1 + np.cos(A)", "np.cos(A)"))
mistake("cosine-sign", "schedule", "the sign of the cosine is wrong: the rate starts at its smallest value and grows",
        ("1 + np.cos(A)", "1 - np.cos(A)"))
mistake("pi-missing", "schedule", "pi is {detail}: the cosine goes through another part of its wave",
        ("np.pi * t", "t", "missing"), ("np.pi", "(2 * np.pi)", "2 pi"),
        ("np.pi", "(np.pi / 2)", "pi / 2 (or T is doubled)"),
        ("np.pi", "180", "180 (degrees): np.cos takes radians"))
mistake("quarter-wave", "schedule", "a quarter of the wave is used, cos from 0 to pi / 2, instead of half of it, "
        "(1 + cos) / 2",
        ("A * (1 + np.cos(B)) / 2", "A * np.cos(B / 2)"))
mistake("absolute-cosine", "schedule", "the absolute value of the cosine is taken instead of (1 + cos) / 2",
        ("A * (1 + np.cos(B)) / 2", "A * np.abs(np.cos(B))"), ("A * (1 + np.cos(B)) / 2", "A * max(0, np.cos(B))"))
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
        ("alpha_0 / A", "alpha_0 / np.prod([A for t in range(t + 1)])"),
        ("alpha_0 * A", "alpha_0 * np.prod([A for t in range(t)])"),
        ("alpha_0 / A", "alpha_0 / np.prod([A for t in range(t)])"),
        *[("(alpha_0 - smallest) * A / 2", f"(alpha_0 - smallest) * np.prod([(A) / 2 for t in range({n})])")
          for n in ("t + 1", "t")], assumes=1.1)
mistake("power-missing", "schedule", "the power is missing: the decay is linear", ("A ** power", "A"), assumes=0.95)
mistake("one-minus-missing", "schedule", "1 - is missing: the power is taken of t / T, and the rate grows",
        ("(1 - A) ** power", "(A) ** power"))
mistake("power-inverted", "schedule", "the power is 1 / power", ("A ** power", "A ** (1 / power)"))
mistake("power-is-product", "schedule", "it is multiplied by the power instead of raised to it",
        ("A ** power", "power * (A)"))
mistake("power-inside", "schedule", "the power is taken of t / T instead of 1 - t / T",
        ("(1 - A) ** power", "(1 - (A) ** power)"))
mistake("never-restarts", "schedule", "it never restarts: the rate stays at its smallest value, or rises as it fell",
        ("t % A", "min(t, A)"), ("t % A", "t"))
mistake("restarts-decay", "schedule", "the rate at each restart is {detail} times that of the one before; it must be "
        "alpha_0 again",
        *[("alpha_0 - smallest", f"{f} ** (t // T) * alpha_0 - smallest", str(f)) for f in (0.5, 0.1, 0.7, 0.8, 0.9)],
        *[("alpha_0 - smallest", f"{f} ** (t // T) * (alpha_0 - smallest)", str(f)) for f in (0.5, 0.1, 0.8, 0.9)])
mistake("restarts-off", "schedule", "each cycle has {detail}", ("t % A", "t % (A + 1)", "a step too many"),
        ("t % A", "t % (A - 1)", "a step too few"))
mistake("restarts-late", "schedule", "the restart comes one step late (> instead of >=): t = T has the smallest rate",
        ("t % T", "((t - 1) % T + 1 if t else 0)"))
mistake("cycle-cut", "schedule", "the cosine of a cycle goes over {detail}, where the cycle has T",
        ("A * (t % T) / T", "A * (t % T) / (T + 1)", "T + 1 steps"),
        ("A * (t % T) / T", "A * (t % T) / (T - 1)", "T - 1 steps"))
mistake("ends-exchanged", "schedule", "the ends are exchanged: the rate grows from the last rate to alpha_0",
        ("alpha_0 + (last - alpha_0) * A / B", "last + (alpha_0 - last) * A / B"),
        ("smallest + (alpha_0 - smallest) * A / B", "alpha_0 + (smallest - alpha_0) * A / B"))
mistake("range-sign", "schedule", "a sign is wrong: the rate grows beyond alpha_0",
        ("alpha_0 + (last - alpha_0) * A / B", "alpha_0 - (last - alpha_0) * A / B"))
mistake("restarted", "schedule", "the schedule starts again: t is taken modulo {detail}",
        ("t", "(t % every)", "every"), ("t", "(t % T)", "T"), ("t", "(t % 10)", "10"), ("t", "(t % 100)", "100"),
        assumes=1.2)
mistake("warmup-not-limited", "schedule", "the warm-up does not stop: its upper limit is missing",
        ("min(1, A)", "(A)"))
mistake("warmup-exponent", "schedule", "the exponent of the warm-up is {detail}",
        ("warmup ** -1.5", "warmup ** -0.5", "-1/2 instead of -3/2"), ("warmup ** -1.5", "warmup ** 1.5", "positive"),
        ("warmup ** -1.5", "1 / warmup", "-1 instead of -3/2"))
mistake("decay-root-missing", "schedule", "the root is {detail}",
        *[(root, without, "missing: the rate falls as 1 / t, instead of 1 / sqrt(t)")
          for root, without in (("np.sqrt(A / B)", "(A / B)"), ("(t + 1) ** -0.5", "1 / (t + 1)"))],
        ("np.sqrt(A / B)", "A / np.sqrt(B)", "taken of t alone, not of warmup"))
mistake("model-size", "schedule", "the factor d_model ** -0.5 {detail}",
        ("d_model ** -0.5 * A", "(A)", "is missing"),
        ("d_model ** -0.5", "d_model ** 0.5", "is inverted: the sign of its exponent is wrong"),
        ("d_model ** -0.5", "1 / d_model", "is 1 / d_model: the root is missing"))
mistake("ramp-of-root-missing", "schedule", "the warm-up is missing: the rate falls from its first value on",
        ("min((t + 1) / warmup, A)", "A"), ("min((t + 1) ** -0.5, B)", "(t + 1) ** -0.5"),
        ("min((t + 1) / warmup, A)", "min(1, A)"))
mistake("decay-of-root-missing", "schedule", "the decay after the warm-up is missing",
        ("min(A, np.sqrt(B))", "min(A, 1)"), ("min((t + 1) ** -0.5, B)", "B"),
        ("min((t + 1) ** -0.5, B)", "min(warmup ** -0.5, B)"))
mistake("decay-exponent", "schedule", "the sign of the exponent of t is wrong in the decay after the warm-up",
        ("(t + 1) ** -0.5", "(t + 1) ** 0.5"))
mistake("maximum", "schedule", "the maximum is taken instead of the minimum", ("min(A, B)", "max(A, B)"))
mistake("minimum", "schedule", "the minimum is taken instead of the maximum", ("max(A, B)", "min(A, B)"))
mistake("warmup-constant", "schedule", "the warm-up does not rise: before its end the rate is a constant, {detail}",
        ("min(1, A / T)", "(1 / T if t < T else 1)", "alpha_0 / T"),
        *[("min(1, A)", f"({f} if t < T else 1)", f"{f} times alpha_0") for f in (0.1, 0.01, 0.5, 0.2, 0.001)])
mistake("warmup-start", "schedule", "the warm-up starts {detail}, instead of from 0",
        *[("min(1, A)", f"min(1, {f} + {1 - f} * A)", f"from {f:g} times alpha_0") for f in (0.5, 0.1, 0.01, 0.001)],
        *[("rise if A else B", f"({first} + (alpha_0 - {first}) * {ramp} if A else B)", said)
          for first, said in (("smallest", "from the smallest rate"), ("0.1 * alpha_0", "from 0.1 times alpha_0"))
          for ramp in ("(t + 1) / warmup", "t / warmup")])
mistake("warmup-slow", "schedule", "the warm-up goes as exp: it must rise by the same amount in each step",
        ("min(1, A)", "min(1, 2.0 ** (t + 1 - T))"),
        ("min(1, A / T)", "min(1, np.exp((A) / T - 1))"), ("min(1, A / T)", "(1 - np.exp(-(A) / T))"), assumes=1.1)
mistake("ramp-missing", "schedule", "the ramp of the warm-up is missing: {detail}",
        ("min(1, A)", "(t >= T)", "the rate is 0 before its end"),
        ("min(1, A)", "(t + 1 >= T)", "the rate is 0 before its end"),
        ("min(1, A)", "1", "the rate is alpha_0 at once"),
        ("(t + 1) * warmup ** -1.5", "warmup ** -1.5", "t does not enter it"))
mistake("warmup-falls", "schedule", "the warm-up goes down instead of up", ("(t + 1) / T", "(1 - (t + 1) / T)"),
        ("(t + 1) / T", "(1 - t / T)"), ("(t + 1) / T", "(T - t) / T"), ("min(1, A)", "(1 - min(1, A))"),
        ("min(1, A)", "(1 - t / T if t < T else 1)"), ("min(1, A)", "(1 - A if t < T else 1)"))
mistake("warmup-drops", "schedule", "after the warm-up the rate is 0: it must stay at alpha_0",
        ("min(1, A)", "A * (A <= 1)"))
mistake("swapped", "schedule", "{detail}: two settings are swapped",
        ("factor ** (t // every)", "every ** (t // factor)", "factor is used as every, and every as factor"),
        ("t // every", "every // (t or 1)", "every is divided by t"), ("t // every", "every / (t or 1)", "every is "
         "divided by t"),
        ("(t + 1) / T", "T / (t + 1)", "T is divided by t + 1"), ("t / T", "T / t", "T is divided by t"),
        ("A * t / T", "A * T / t", "T is divided by t"), assumes=1.1)

# ---- milestones, constants, cycles ------------------------------------------------------------------------------

mistake("milestone-after", "schedule", "the change comes one step late: > instead of >=, or <= instead of <",
        ("t >= A", "t > A"), ("t < A", "t <= A"), assumes=0.95)
mistake("milestone-forgotten", "schedule", "the {detail} milestone is forgotten",
        ("milestones", "milestones[:-1]", "last"), ("milestones", "milestones[1:]", "first"))
mistake("milestone-before", "schedule", "the rate decays before the milestones, not after them",
        ("t >= milestone", "t < milestone"), ("t >= milestone", "t <= milestone"))
mistake("milestone-at", "schedule", "the rate is lower only at the milestone itself: the decay is not kept",
        ("t >= milestone", "t == milestone"))
mistake("milestone-once", "schedule", "the rate decays at the first milestone only: the later ones do nothing",
        ("sum(A for milestone in milestones)", "(t >= milestones[0])"),
        ("sum(A for milestone in milestones)", "any(A for milestone in milestones)"),
        ("sum(A for milestone in milestones)", "(t >= milestones[-1])"))
mistake("milestone-set", "schedule", "the rate at each milestone is set from alpha_0, not from the rate before it",
        ("factor ** sum(A for milestone in milestones)", "(factor if any(A for milestone in milestones) else 1)"),
        assumes=1.1)
mistake("milestone-distance", "schedule", "the milestones are taken for distances from one to the next",
        ("milestones", "np.cumsum(milestones)"))
mistake("constant-after", "schedule", "the factor acts after T steps instead of before", ("t < T", "t >= T"))
mistake("factor-stays", "schedule", "the factor is never taken back: the rate stays at factor * alpha_0",
        ("factor if t < T else 1", "factor"))
mistake("height-exchanged", "schedule", "the triangle is upside down: it starts at the largest rate",
        ("1 - abs(A)", "abs(A)"))
mistake("sawtooth", "schedule", "the rate jumps back at the top instead of coming down as it went up",
        ("1 - abs(t / up - 2 * (t // (2 * up)) - 1)", "t % up / up"),
        ("1 - abs(t / up - 2 * (t // (2 * up)) - 1)", "t % (2 * up) / (2 * up)"))
mistake("stays-at-top", "schedule", "the rate stays at the top: it never comes down again",
        ("1 - abs(t / up - 2 * (t // (2 * up)) - 1)", "min(1, t / up)"))
mistake("cycle-once", "schedule", "there is one cycle only: the rate does not rise a second time",
        ("1 - abs(t / up - 2 * (t // (2 * up)) - 1)", "max(0, 1 - abs(t / up - 1))"))
mistake("cycle-number", "schedule", "the number of the cycle is wrong: it must grow after 2 * up steps",
        ("2 * (t // (2 * up))", "2 * (t // up)"), ("2 * (t // (2 * up))", "(t // (2 * up))"),
        ("2 * (t // (2 * up))", "2 * (1 + t // (2 * up))"),
        ("1 - abs(A - 2 * (t // (2 * up)) - 1)", "max(0, 1 - abs(A - 2 * (t // up) - 1))"),
        ("1 - abs(A - 2 * (t // (2 * up)) - 1)", "max(0, 1 - abs(A - t // (2 * up)))"),
        ("1 - abs(A - B - 1)", "max(0, 1 - abs(A - B + 1))"))
mistake("cycle-absolute", "schedule", "the absolute value is missing: beyond the top the rate keeps growing",
        ("1 - abs(A)", "1 + A"), ("1 - abs(A)", "1 - A"))
mistake("cycle-decays", "schedule", "the height of each cycle is {detail}, which this schedule does not do",
        *[("1 - abs(A)", f"(1 - abs(A)) * {f} ** (t // (2 * up))", f"{f} times that before") for f in (0.5, 0.9, 0.8)],
        *[("1 - abs(A)", f"(1 - abs(A)) * {f} ** t", f"multiplied by {f}**t") for f in (0.99, 0.999, 0.9)])
mistake("decay-of-cycle-missing", "schedule", "the cycles do not get lower: the decay is missing",
        ("A * decay ** B", "A"))
mistake("decay-each-step", "schedule", "the height decays in each step instead of in each cycle",
        ("decay ** (t // (2 * up))", "decay ** t"), ("decay ** (t // (2 * up))", "decay ** (t / (2 * up))"))
mistake("decay-early", "schedule", "the height decays in the first cycle already",
        ("decay ** (t // (2 * up))", "decay ** (1 + t // (2 * up))"))
mistake("decay-half-cycle", "schedule", "the height decays at the top of each cycle too",
        ("decay ** (t // (2 * up))", "decay ** (t // up)"))
mistake("whole-decays", "schedule", "the whole rate decays, also alpha_0; only the height above it does",
        ("alpha_0 + (largest - alpha_0) * height", "alpha_0 * decay ** (t // (2 * up)) + (largest - alpha_0) * height"))
mistake("lowest-missing", "schedule", "the smallest rate of the cycle {detail}",
        ("alpha_0 + (largest - alpha_0) * A", "largest * (A)", "is missing: the cycle starts at 0"),
        ("largest - alpha_0", "largest", "is added, but not subtracted from the range largest - alpha_0"),
        ("largest - first", "largest", "is added, but not subtracted from the range largest - first"),
        ("first + (largest - first) * A / B", "largest * A / B", "is missing: the cycle starts at 0"),
        ("first + A", "A", "is not added: the cycle starts at 0"))
mistake("range-factor", "schedule", "`largest` is taken for a range: it is added to the smallest rate as a whole",
        ("alpha_0 + (largest - alpha_0) * A", "alpha_0 + largest * (A)"), assumes=1.1)
mistake("periods-equal", "schedule", "the periods do not grow: T_mult is missing", ("length * T_mult", "length"))
mistake("periods-add", "schedule", "the periods grow by addition instead of by the factor T_mult",
        ("length * T_mult", "length + T_mult"), ("length * T_mult", "length + T"))
mistake("period-grows-first", "schedule", "the period grows before the start of the next one is computed with it",
        ("(start + length, length * T_mult)", "(start + length * T_mult, length * T_mult)"))
mistake("first-period", "schedule", "the time since the restart is divided by the first period instead of by the "
        "current one", ("np.pi * A / length", "np.pi * A / T"))
mistake("time-not-reset", "schedule", "the time is not counted from the last restart", ("t - start", "t"), assumes=1.2)

# ---- one cycle, warm-up and decay ------------------------------------------------------------------------------

mistake("starts-at-top", "schedule", "the rate starts at the largest one: the way up is missing",
        ("rise if A else B", "(largest if A else B)"), ("rise if A else B", "(alpha_0 if A else B)"))
mistake("no-way-down", "schedule", "the rate stays at its top: the way down is missing",
        ("A if B else fall", "(A if B else largest)"), ("A if B else fall", "(A if B else alpha_0)"), assumes=0.95)
mistake("ends-at-first", "schedule", "the rate ends at the first rate instead of far below it: final_div_factor is "
        "missing", ("first / final_div_factor", "first"))
mistake("last-of-largest", "schedule", "the last rate is largest / final_div_factor; it must be the first rate divided "
        "by it", ("first / final_div_factor", "largest / final_div_factor"))
mistake("last-is-zero", "schedule", "the last rate is 0 instead of the first rate / final_div_factor",
        ("first / final_div_factor", "0.0"))
mistake("first-is-zero", "schedule", "the first rate is 0 instead of largest / div_factor",
        ("largest / div_factor", "0.0"))
mistake("top-exchanged", "schedule", "the way up takes 1 - start of the steps instead of start",
        ("start * T", "(1 - start) * T"))
mistake("top-at-half", "schedule", "the way up takes half of the steps instead of start * T", ("start * T", "0.5 * T"))
mistake("straight", "schedule", "{detail} is a straight line instead of half a wave of cosine",
        ("A * (1 - np.cos(np.pi * t / top)) / 2", "A * (t / top)", "the way up"),
        ("A * (1 + np.cos(np.pi * B)) / 2", "A * (1 - B)", "the way down"),
        ("A * (1 + np.cos(np.pi * B / C)) / 2", "A * (1 - B / C)", "the decay"))
mistake("bent", "schedule", "{detail} is half a wave of cosine instead of a straight line",
        ("A * (t / top)", "A * (1 - np.cos(np.pi * t / top)) / 2", "the way up"),
        ("(t + 1) / warmup", "(1 - np.cos(np.pi * (t + 1) / warmup)) / 2", "the way up"),
        ("1 - (t - A) / B", "(1 + np.cos(np.pi * (t - A) / B)) / 2", "the way down"),
        ("1 - abs(t / up - 2 * (t // (2 * up)) - 1)", "(1 - np.cos(np.pi * t / up)) / 2", "each way"))
mistake("both-straight", "schedule", "both ways are straight lines instead of half waves of cosine",
        ("rise if A else B", "((first + (largest - first) * t / top) if A else last + (largest - last) * "
         "(1 - (t - top) / (T - 1 - top)))"))
mistake("not-from-warmup", "schedule", "the decay counts t from 0 instead of from the end of the way up, so that the "
        "rate jumps",
        ("(t - warmup) / (T - warmup)", "t / T"), ("(t - top) / A", "t / T"), ("(t - top) / A", "t / (T - 1)"),
        ("(t - warmup) / (T - warmup)", "t / (T - warmup)"))
mistake("whole-length", "schedule", "the way down is divided by all T steps instead of by those that remain: the rate "
        "does not reach its last value", ("(t - warmup) / (T - warmup)", "(t - warmup) / T"),
        ("(t - top) / A", "(t - top) / T"), ("(t - top) / A", "(t - top) / (T - 1)"))
mistake("warmup-missing", "schedule", "the warm-up is missing", ("rise if A else fall", "fall"),
        ("rise if t < warmup else fall", "(fall if t >= warmup else alpha_0)"),
        ("rise if t < warmup else fall", "(smallest + (alpha_0 - smallest) * (1 + np.cos(np.pi * t / T)) / 2)"))
mistake("decay-missing", "schedule", "the decay after the warm-up is missing: the rate stays at alpha_0",
        ("rise if t < warmup else fall", "min(rise, alpha_0)"))
mistake("both-at-once", "schedule", "warm-up and decay are multiplied: the decay begins at t = 0 already",
        ("rise if t < warmup else fall", "(min(1, (t + 1) / warmup) * (smallest + (alpha_0 - smallest) * "
         "(1 + np.cos(np.pi * t / T)) / 2))"),
        ("rise if t < warmup else fall", "(min(1, t / warmup) * (smallest + (alpha_0 - smallest) * "
         "(1 + np.cos(np.pi * t / T)) / 2))"))

# ---- plateau ---------------------------------------------------------------------------------------------------

mistake("patience", "schedule", "{detail}",
        ("bad > patience", "bad >= patience", "the rate falls one epoch too early, at the `patience`-th loss without "
         "an improvement, as in Keras; here it falls after more than `patience`, as in PyTorch (> instead of >=)"),
        ("bad > patience", "bad > patience + 1", "the rate falls one epoch too late"),
        ("bad > patience", "bad > 0", "the rate falls at each loss without an improvement: the patience is missing"))
mistake("counter-goes-on", "schedule", "the counter is not reset after the rate falls: it falls again at each loss "
        "that is no improvement", ("0 if late else bad", "bad"))
mistake("counter-kept", "schedule", "the counter is not reset by an improvement: it must count losses in a row",
        ("0 if better else bad + 1", "bad if better else bad + 1"))
mistake("counter-always", "schedule", "the counter grows at each epoch, also at an improvement: the rate falls at "
        "fixed times", ("0 if better else bad + 1", "bad + 1"))
mistake("best-is-last", "schedule", "the loss is compared with the one before instead of with the best so far",
        ("loss if better else best", "loss"))
mistake("best-is-first", "schedule", "the best loss is never updated: all are compared with the first one",
        ("loss if better else best", "loss if best == np.inf else best"))
mistake("best-reset", "schedule", "the best loss is forgotten when the rate falls", ("0 if late else bad",
        "[0, (best := np.inf)][0] if late else bad"), ("0 if late else bad", "[0, (best := loss)][0] if late else bad"))
mistake("comparison-sign", "schedule", "the comparison is the wrong way round: a larger loss counts as better",
        ("loss < A", "loss > A"), ("loss < A", "(loss > A or best == np.inf)"))
mistake("equal-is-better", "schedule", "a loss that is equal to the best counts as an improvement (<= instead of <)",
        ("loss < A", "loss <= A"))
mistake("threshold-missing", "schedule", "the threshold is missing: the smallest improvement counts",
        ("best * (1 - threshold)", "best"))
mistake("threshold-sign", "schedule", "the sign of the threshold is wrong: a loss that is a little worse counts as "
        "better", ("1 - threshold", "1 + threshold"))
mistake("threshold-absolute", "schedule", "the threshold is subtracted from the best loss; it must be relative to it",
        ("best * (1 - threshold)", "best - threshold"), assumes=1.1)
mistake("from-first-rate", "schedule", "the first rate is multiplied by the factor instead of the current one: the "
        "rate falls only once", ("rate * factor", "alpha_0 * factor"))
mistake("factor-of-plateau", "schedule", "the rate is {detail} instead of multiplied by the factor",
        ("rate * factor", "rate / factor", "divided by the factor"),
        *[(before, "rate - factor", "reduced by subtracting the factor")
          for before in ("rate * factor", "max(rate * factor, smallest)")],
        ("rate * factor", "rate * (1 - factor)", "multiplied by 1 - factor"),
        ("rate * factor", "factor", "set to the factor"))
mistake("limit-missing", "schedule", "the smallest rate is no limit: the rate falls below it",
        ("max(A, smallest)", "A"))
mistake("limit-added", "schedule", "the smallest rate is added instead of being a limit",
        ("max(rate * factor, smallest)", "rate * factor + smallest"), assumes=1.1)
mistake("once-at-limit", "schedule", "the rate falls to its smallest value at once",
        ("max(rate * factor, smallest)", "smallest"), assumes=1.1)
mistake("side-missing", "schedule", "one side of the {detail} is missing: `{after}` instead of `{before}`",
        ("min(A, B)", "A", "minimum"), ("min(A, B)", "B", "minimum"), ("max(A, B)", "A", "maximum"),
        ("max(A, B)", "B", "maximum"), assumes=1.4)
mistake("operator", "schedule", "an operator is wrong: `{after}` instead of `{before}`", ("A * B", "A / B"),
        ("A / B", "A * B"), ("A * B", "A - B"), ("A * B", "A + B"), ("A * B", "B / A"), ("A * B", "A ** B"),
        ("A / B", "B / (A)"),
        ("A + B", "A - B"), ("A - B", "A + B"), ("-A", "A"), assumes=1.6)
mistake("dropped", "schedule", "a part of the formula is missing: `{after}` instead of `{before}`", ("A * B", "A"),
        ("A * B", "B"), ("A / B", "A"), ("A + B", "A"), ("A + B", "B"), ("A - B", "A"),
        ("A / B", "1 / (B)"), assumes=1.6)
# fmt: on


@mistake("cycle-length", "schedule", "a whole cycle takes `up` steps: it must take 2 * up, up and down")
def _cycle_length(formula: Formula) -> Iterator[Variant]:
    if "up" in formula.settings:
        half = expression("(up / 2)")
        yield Variant(replaced_everywhere(formula, lambda node: half if is_name(node, "up") else None))


LENGTHS = {"every": ("each stage", "has"), "restarts": ("each cycle", "has"), "warmup": ("the warm-up", "ends at")}


@mistake("length", "schedule", "{detail}")
def _length(formula: Formula) -> Iterator[Variant]:
    for name in sorted(formula.settings & {"T", "every"}):
        for other, said in ((f"{name} - 1", "short"), (f"{name} + 1", "long")):
            instead = expression(other)
            edited = replaced_everywhere(formula, lambda node: instead if is_name(node, name) else None)  # noqa: B023
            what, ends = LENGTHS.get(formula.name if name == "T" else name, ("the schedule", "ends at"))
            yield Variant(edited, f"{what} is one step too {said}: it {ends} {other}")


@mistake(
    "other-value", "schedule", "{detail}: a setting has another value than the one it is checked with", assumes=1.25
)
def _other_value(formula: Formula) -> Iterator[Variant]:
    """A usual value of a setting, or a multiple of the given one."""
    for name in sorted(formula.settings - {"losses", "milestones"}):
        values = [(repr(v), f"{v:g}") for v in USUAL.get(name, ())]
        values += [(f"({f} * {name})", f"{f:g} times its value") for f in (2, 0.5, 10, 0.1, 100, 0.01)]
        for value, said in values:
            instead = expression(value)
            edited = replaced_everywhere(formula, lambda node: instead if is_name(node, name) else None)  # noqa: B023
            yield Variant(edited, f"`{name}` acts as {said}")


@mistake("wrong-name", "schedule", "{detail}", assumes=1.4)
def _wrong_name(formula: Formula) -> Iterator[Variant]:
    names = sorted({*formula.settings, "t", *map(target, formula.body)} - {None, "losses"}, key=str)
    for i, node in expressions(formula):
        if isinstance(node, ast.Name) and node.id in names:
            for other in names:
                if other != node.id:
                    said = f"`{other}` is used in the formula instead of `{node.id}`"
                    yield Variant(replaced(formula, i, node, expression(other)), said)


@mistake("number", "schedule", "a number is wrong: `{after}` instead of `{before}`", assumes=1.5)
def _number(formula: Formula) -> Iterator[Variant]:
    for i, node in expressions(formula):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            n = node.value
            for value in {n + 1, n - 1, 2 * n, n / 2, 10 * n, n / 10}:
                if value > 0:
                    yield Variant(replaced(formula, i, node, ast.Constant(value)))


@mistake("scaled", "schedule", "`{detail}", assumes=1.5)
def _scaled(formula: Formula) -> Iterator[Variant]:
    """A part of the formula has a constant factor."""
    for i, node in expressions(formula):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            for factor in (2, 0.5, 10, 0.1):
                new = ast.BinOp(ast.Constant(factor), ast.Mult(), node)
                yield Variant(
                    replaced(formula, i, node, new), f"{ast.unparse(node)}` has an extra factor of {factor:g}"
                )
