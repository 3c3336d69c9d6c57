"""Check a schedule of the learning rate that a learner wrote, and name the mistake in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.output.words import class_name
from minigrad.teach.edits import Formula, Line, rewrite

SCHEDULES: dict[str, str] = {
    "step": "def step(t, alpha_0, every, factor=0.5): return alpha_0 * factor ** (t // every)",
    "exponential": "def exponential(t, alpha_0, k): return alpha_0 * np.exp(-k * t)",
    "inverse": "def inverse(t, alpha_0, k): return alpha_0 / (1 + k * t)",
    "cosine": """def cosine(t, alpha_0, T, smallest=0.0):
    return smallest + (alpha_0 - smallest) * (1 + np.cos(np.pi * t / T)) / 2""",
    "linear": "def linear(t, alpha_0, T, last=0.0): return alpha_0 + (last - alpha_0) * t / T",
    "warmup": "def warmup(t, alpha_0, T): return alpha_0 * min(1, (t + 1) / T)",
}
"""The schedules as formulas. The lecture's are step, exponential and inverse."""
OTHER_NAMES = {"1/t": "inverse", "exp": "exponential", "step_decay": "step", "cosine_annealing": "cosine"}
OTHER_SETTINGS = {
    "learning_rate": "alpha_0", "lr": "alpha_0", "initial_lr": "alpha_0", "lr0": "alpha_0", "gamma": "factor",
    "step_size": "every", "steps": "T", "T_max": "T", "total": "T", "eta_min": "smallest", "drop": "factor",
    "decay": "k", "decay_rate": "k", "epochs": "every", "rate": "alpha_0", "alpha0": "alpha_0", "base_lr": "alpha_0",
}  # fmt: skip

MISTAKES: list[tuple[str, str, list[tuple[str, str]], float]] = [
    ("off-by-one", "t is off by one: it counts from 1 instead of from 0, so the decay comes one step early",
     [("t", "(t + 1)")], 1.0),
    ("off-by-one", "t is off by one: the decay comes one step late", [("t", "max(t - 1, 0)"), ("t", "(t - 1)")], 1.0),
    ("unit", "t is divided by {unit}: it is counted in another unit (epochs instead of steps, or the reverse)",
     [("t", f"(t / {n})") for n in (2, 5, 10, 20, 50, 100, 1000)]
     + [("t", f"(t // {n})") for n in (2, 5, 10, 20, 50, 100, 1000)]
     + [("t", f"({n} * t)") for n in (2, 5, 10, 20, 50, 100, 1000)], 1.3),
    ("floor-missing", "the division of t is not rounded down (/ instead of //): the rate falls smoothly instead of in steps",
     [("t // A", "t / A")], 1.0),
    ("floor", "the division is an integer division (// instead of /): fractions are cut off",
     [("A * t / B", "A * (t // B)"), ("A / B", "A // B"), ("-k * t", "-np.floor(k * t)")], 1.0),
    ("rounded", "the division is rounded to the nearest integer instead of down", [("t // A", "np.round(t / A)")], 1.1),
    ("rounded-up", "the division is rounded up instead of down", [("t // A", "-(-t // A)")], 1.1),
    ("product", "the factor is multiplied by the number of decays instead of raised to its power",
     [("factor ** A", "(factor * (A))"), ("A * factor ** B", "A * max(factor * B, 1)")], 1.0),
    ("once", "the rate decays only once: the power is missing",
     [("factor ** (t // every)", "(factor if t >= every else 1)")], 1.0),
    ("factor", "the rate is multiplied by 1 - factor instead of by factor", [("factor", "(1 - factor)")], 1.0),
    ("factor-inverted", "the rate is divided by the factor instead of multiplied: it grows",
     [("factor", "(1 / factor)")], 1.0),
    ("sign", "the sign of the exponent is wrong: the rate grows instead of decaying", [("-k", "k"), ("1 + k * t", "1 - k * t")],
     0.9),
    ("base", "the base of the exponential is wrong: the rule uses e",
     [("np.exp(A)", "2 ** (A)"), ("np.exp(A)", "10 ** (A)")], 1.0),
    ("power", "the rate decays by k**t or (1 - k)**t instead of by exp(-k t)",
     [("np.exp(-k * t)", "k ** t"), ("np.exp(-k * t)", "(1 - k) ** t"), ("np.exp(-k * t)", "(1 - k * t)"),
      ("np.exp(-k * t)", "(1 + k) ** -t")], 1.0),
    ("other-decay", "this is the decay of another schedule: 1/t decay instead of exponential, or the reverse",
     [("alpha_0 * np.exp(-k * t)", "alpha_0 / (1 + k * t)"), ("alpha_0 / (1 + k * t)", "alpha_0 * np.exp(-k * t)")], 0.9),
    ("one-missing", "the 1 in the divisor is missing: at t = 0 it divides by zero", [("1 + k * t", "k * t")], 1.0),
    ("parentheses", "parentheses are missing: the division ends before the product or the sum",
     [("alpha_0 / (1 + k * t)", "alpha_0 / 1 + k * t"), ("1 + k * t", "(1 + k) * t")], 1.0),
    ("square", "t is squared", [("t", "t ** 2")], 1.3),
    ("root", "the root of t, or of the divisor, is taken",
     [("t", "np.sqrt(t)"), ("1 + k * t", "np.sqrt(1 + k * t)")], 1.3),
    ("initial-missing", "the initial rate is missing or counts twice",
     [("alpha_0 * A", "(A)"), ("alpha_0", "1.0"), ("alpha_0", "alpha_0 ** 2")], 1.2),
    ("constant", "the rate does not decay: it stays at its first value",
     [("factor ** A", "1"), ("np.exp(A)", "1"), ("1 + k * t", "1"), ("np.cos(A)", "1")], 1.0),
    ("k-missing", "k is missing, or divides t instead of multiplying it",
     [("k * t", "t"), ("-k * t", "-t"), ("k * t", "t / k"), ("-k * t", "-t / k")], 1.0),
    ("half-missing", "the division by 2 is missing: the rate starts at twice its value", [("A / 2", "A")], 1.0),
    ("cosine-one-missing", "the 1 + of the cosine is missing: the rate becomes negative",
     [("(1 + np.cos(A)) / 2", "np.cos(A)"), ("1 + np.cos(A)", "np.cos(A)")], 1.0),
    ("cosine-sign", "the sign of the cosine is wrong: the rate starts at its smallest value and grows",
     [("1 + np.cos(A)", "1 - np.cos(A)")], 1.0),
    ("pi-missing", "pi is missing, or is 2 pi: the cosine goes through another part of its wave",
     [("np.pi * t", "t"), ("np.pi", "(2 * np.pi)"), ("np.pi", "(np.pi / 2)")], 1.0),
    ("sine", "the sine is taken instead of the cosine", [("np.cos(A)", "np.sin(A)")], 1.1),
    ("smallest-missing", "the smallest rate is missing, or is added without being subtracted from the range",
     [("smallest + A", "A"), ("alpha_0 - smallest", "alpha_0"), ("smallest", "0.0")], 1.0),
    ("restarted", "the schedule starts again: t is taken modulo {unit}",
     [("t", "(t % every)"), ("t", "(t % T)"), ("t", "(t % 10)"), ("t", "(t % 100)")], 1.2),
    ("warmup-not-limited", "the warm-up does not stop: its upper limit is missing", [("min(1, A)", "(A)")], 1.0),
    ("swapped", "two settings are swapped",
     [("factor ** (t // every)", "every ** (t // factor)"), ("(t + 1) / T", "T / (t + 1)"), ("t / T", "T / t")], 1.1),
    ("operator", "an operator is wrong",
     [("A * B", "A / B"), ("A / B", "A * B"), ("A + B", "A - B"), ("A - B", "A + B"), ("-A", "A")], 1.6),
    ("dropped", "a part of the formula is missing",
     [("A * B", "A"), ("A * B", "B"), ("A / B", "A"), ("A + B", "A"), ("A + B", "B"), ("A - B", "A")], 1.6),
]  # fmt: skip
"""(name, sentence, (pattern, what stands instead), cost): see `edits`; teachers may add to it."""


@dataclass
class ScheduleReport:
    """What `check_schedule` found: true as a bool if the schedule is right; its text explains what is wrong.

    Attributes:
        ok: whether it is right.
        schedule: the name of the schedule that it was compared with.
        mistake: the machine-readable name of the mistake, None if it is right, "unknown" if none fits.
        hint, cause: where to look, and what is wrong.
        table: rows (t, yours, the schedule's).
    """

    ok: bool
    schedule: str
    mistake: str | None = None
    hint: str = ""
    cause: str = ""
    table: list[tuple[int, float, float]] = field(default_factory=list)
    line: Line | None = None

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        if self.ok:
            return f"{self.schedule}: right"
        text = [f"{self.schedule}: WRONG" + (f" from t = {self.table[0][0]} on" if self.table else "")]
        text += [f"    Hint: {self.hint}."] if self.hint else []
        text += [f"    Cause: {self.cause}."]
        text += [f"    [t = {t}: yours {mine:.6g}, the schedule's {right:.6g}]" for t, mine, right in self.table]
        return "\n".join(text)

    __repr__ = __str__

    def explain(self) -> str:
        """Return the text, and the formula as it is and as it acts here."""
        if self.line is None:
            return str(self)
        return f"{self}\n    the formula:   {self.line.before}\n    yours acts as: {self.line.after}"


def check_schedule(mine: Callable[..., Any], schedule: str, **settings: Any) -> ScheduleReport:
    """Check a schedule of the learning rate written by hand, and name the mistake in it.

    Args:
        mine: a function of t, the number of steps or epochs from 0, that returns the rate.
        schedule: "step", "exponential", "inverse" (the lecture's 1/t decay), "cosine", "linear" or "warmup".
        settings: alpha_0, the rate at t = 0, and every and factor (step), k (exponential, inverse), T and smallest
            (cosine), T and last (linear), T (warmup).

    Returns:
        A report, which is true as a bool if the schedule is right, and whose text explains what is wrong.

    Raises:
        ValueError: if there is no such schedule.
        TypeError: if a setting is unknown or missing.

    >>> report = check_schedule(lambda t: 0.1 * 0.5 ** (t / 10), "step", alpha_0=0.1, every=10)
    >>> report.mistake
    'floor-missing'
    >>> bool(check_schedule(lambda t: 0.1 / (1 + 0.01 * t), "inverse", alpha_0=0.1, k=0.01))
    True

    Source: CS231n, "Learning rate decay".
    """
    name = OTHER_NAMES.get(schedule, schedule)
    if name not in SCHEDULES:
        raise ValueError(f"check_schedule: no schedule {schedule!r}; the schedules are {', '.join(SCHEDULES)}.")
    formula = Formula.of(SCHEDULES[name])
    defaults = {"factor": 0.5, "smallest": 0.0, "last": 0.0}
    given = {n: v for n, v in defaults.items() if n in formula.settings}
    for setting, value in settings.items():
        ours = setting if setting in formula.settings else OTHER_SETTINGS.get(setting, setting)
        if ours not in formula.settings:
            raise TypeError(f"check_schedule: {name} has no setting {setting!r}; it has {sorted(formula.settings)}.")
        given[ours] = value
    if missing := sorted(formula.settings - given.keys()):
        raise TypeError(f"check_schedule: {name} needs {', '.join(missing)}.")
    end = int(given.get("T", given.get("every", 20)) * (1 if name in ("cosine", "linear") else 3)) or 20
    times = sorted({*range(12), *np.linspace(0, end, 40).astype(int).tolist(), end - 1, end, end // 3, end // 3 - 1})
    times = [t for t in times if t >= 0]
    try:
        values = np.array([float(mine(t)) for t in times])
    except Exception as error:
        return ScheduleReport(False, name, "raises", cause=f"the schedule raises {class_name(error)}: {error}")
    right = _values(formula, given, times)
    if right is not None and _equal(values, right):
        return ScheduleReport(True, name)
    found = sorted(_found(formula, given, times, values), key=lambda f: f[0])
    report = ScheduleReport(False, name, "unknown", cause="no mistake of the catalogue gives these rates")
    if found:
        least = [f for f in found if f[0] == found[0][0]]
        causes = list(dict.fromkeys(f[2] for f in least))
        report.mistake, report.line = found[0][1], found[0][3]
        report.cause = causes[0] if len(causes) == 1 else "either " + ", or ".join(causes)
        report.hint = f"look at {found[0][3].before.removeprefix('return ')}"
    if right is not None:
        wrong = [i for i in range(len(times)) if not _equal(values[i : i + 1], right[i : i + 1])]
        report.table = [(times[i], float(values[i]), float(right[i])) for i in wrong[:3]]
    return report


def _found(
    formula: Formula, given: dict[str, Any], times: list[int], values: np.ndarray
) -> Iterator[tuple[float, str, str, Line]]:
    """Yield (cost, name, sentence, line) of each mistake that gives the values."""
    for name, sentence, patterns, cost in MISTAKES:
        for pattern, instead in patterns:
            for edited, line in rewrite(formula, pattern, instead):
                made = _values(edited, given, times)
                if made is not None and _equal(values, made):
                    unit = "".join(c for c in instead if c.isdigit()) or "the length of a period"
                    yield cost, name, sentence.replace("{unit}", unit), line


def _values(formula: Formula, given: dict[str, Any], times: list[int]) -> np.ndarray | None:
    namespace: dict[str, Any] = {"np": np, **given}
    made = []
    with np.errstate(all="ignore"):
        for t in times:
            namespace["t"] = t
            try:
                made.append(float(formula(namespace)))
            except ZeroDivisionError:
                made.append(np.inf)
            except Exception:
                return None
    return np.array(made)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(
        np.all(
            np.isclose(
                a, b, rtol=1e-6, atol=1e-12 * float(np.abs(b[np.isfinite(b)]).max(initial=1e-300)), equal_nan=True
            )
        )
    )
