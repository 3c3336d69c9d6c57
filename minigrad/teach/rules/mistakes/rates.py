"""Mistakes with the learning rate."""

from __future__ import annotations

from collections.abc import Iterator

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.edits import Formula, rewrite

# fmt: off
mistake("rate-missing", "rule", "the learning rate is missing in the line of `{target}`",
        ("-learning_rate * A", "-(A)"),
        ("learning_rate * A", "A"), ("A * learning_rate", "A"), assumes=0.9)
mistake("rate-twice", "rule", "the learning rate is applied twice in the line of `{target}`",
        ("learning_rate", "learning_rate ** 2"),
        ("x + A", "x + learning_rate * (A)"), ("x - v", "x - learning_rate * v"),
        ("theta = theta + v", "theta = theta + learning_rate * v"))
mistake("rate-frozen", "rule", "the learning rate is frozen at its first value: the one that is passed in later is "
        "ignored", ("learning_rate", "RATE_0"))
mistake("rate-late", "rule", "the learning rate of the step before is used instead of the current one",
        ("learning_rate", "RATE_BEFORE"), assumes=1.2)
mistake("rate-divided", "rule", "the step is divided by the learning rate instead of multiplied",
        ("-learning_rate * A", "-A / learning_rate"), ("learning_rate * A", "A / learning_rate"))
mistake("rate-decays-again", "rule", "the learning rate is decayed once more inside the rule, by the number of steps",
        ("learning_rate", "(learning_rate / np.sqrt(STEP))"), ("x + v", "x + v / STEP"),
        ("x + v", "x + v / np.sqrt(STEP)"), assumes=1.5)
mistake("rate-decays-compounded", "rule", "the decay of the learning rate is applied twice (compounded): the rate that "
        "is passed in has decayed already", ("learning_rate", "(learning_rate ** 2 / RATE_0)"), assumes=1.4)
mistake("rate-elsewhere", "rule", "the learning rate enters `{target}` too; in the rule it does not: {after}",
        ("BETA * STATE + (1 - BETA) * A", "BETA * STATE + learning_rate * A"),
        ("dx ** 2", "(learning_rate * dx) ** 2"), ("dx ** 2", "learning_rate * dx ** 2"),
        ("step ** 2", "(learning_rate * step) ** 2"),
        ("BETA * STATE + (1 - BETA) * dx", "BETA * STATE + (1 - BETA) * learning_rate * dx"),
        ("mu * STATE + A", "mu * STATE + learning_rate * (A)"),
        ("np.sign(dx) * step", "learning_rate * np.sign(dx) * step"), assumes=1.2)
mistake("rate-constant", "rule", "another learning rate is used than the one passed in: the constant {detail}",
        *[("learning_rate", repr(rate), repr(rate)) for rate in (0.5, 0.1, 0.01, 0.001, 1e-4)], assumes=1.5)
# fmt: on


@mistake("rate-decays-inside", "rule", "the learning rate decays inside the rule, besides the decay of the rate that "
         "is passed in: {detail}", assumes=1.35)  # fmt: skip
def _decays_inside(formula: Formula) -> Iterator[Variant]:
    for rate, what in (("learning_rate", ""), ("RATE_0", ", from the first rate on")):
        for f in (0.5, 0.9, 0.95, 0.96, 0.98, 0.99, 0.995, 0.999, 0.9999):
            for power, when in (
                ("(STEP - 1)", "in each step"),
                ("STEP", "in each step, before the first one too"),
                ("((STEP - 1) * PARTS + PART)", "for each parameter in each step"),
            ):
                for edited in rewrite(formula, "learning_rate", f"({rate} * {f} ** {power})"):
                    yield Variant(edited, f"it is multiplied by {f:g} {when}{what}")
        for k in (1.0, 0.5, 0.1, 0.01, 1e-3, 1e-4):
            for t in ("STEP", "(STEP - 1)"):
                for edited in rewrite(formula, "learning_rate", f"({rate} / (1 + {k} * {t}))"):
                    yield Variant(edited, f"it is divided by 1 + {k:g} * t{what}")
