"""Check a schedule of the learning rate that a learner wrote, and name the mistake in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.nn.arguments import check_callable, check_number, check_positive
from minigrad.output.words import class_name
from minigrad.scalar import Value
from minigrad.teach.catalogue import Mistake, Variant
from minigrad.teach.edits import Formula, Line
from minigrad.teach.report import Report, either
from minigrad.teach.restoring import same_generators
from minigrad.teach.rule_calls import CallError
from minigrad.teach.schedule_mistakes import CATALOGUE

SCHEDULES: dict[str, str] = {
    "step": "def step(t, alpha_0, every, factor=0.5): return alpha_0 * factor ** (t // every)",
    "exponential": "def exponential(t, alpha_0, k): return alpha_0 * np.exp(-k * t)",
    "inverse": "def inverse(t, alpha_0, k): return alpha_0 / (1 + k * t)",
    "cosine": """def cosine(t, alpha_0, T, smallest=0.0):
    return smallest + (alpha_0 - smallest) * (1 + np.cos(np.pi * t / T)) / 2""",
    "linear": "def linear(t, alpha_0, T, last=0.0): return alpha_0 + (last - alpha_0) * t / T",
    "polynomial": "def polynomial(t, alpha_0, T, power=1.0): return alpha_0 * (1 - t / T) ** power",
    "restarts": """def restarts(t, alpha_0, T, smallest=0.0):
    return smallest + (alpha_0 - smallest) * (1 + np.cos(np.pi * (t % T) / T)) / 2""",
    "warmup": "def warmup(t, alpha_0, T): return alpha_0 * min(1, (t + 1) / T)",
}
"""The schedules as formulas. The lecture's are step, exponential and inverse."""
ENDING = ("cosine", "linear", "polynomial")
"""Those that end at T; what comes afterwards is not compared."""
OTHER_NAMES = {"1/t": "inverse", "exp": "exponential", "step_decay": "step", "cosine_annealing": "cosine"}
OTHER_SETTINGS = {
    "learning_rate": "alpha_0", "lr": "alpha_0", "initial_lr": "alpha_0", "lr0": "alpha_0", "gamma": "factor",
    "step_size": "every", "steps": "T", "T_max": "T", "total": "T", "eta_min": "smallest", "drop": "factor",
    "decay": "k", "decay_rate": "k", "epochs": "every", "rate": "alpha_0", "alpha0": "alpha_0", "base_lr": "alpha_0",
}  # fmt: skip


@dataclass(repr=False)
class ScheduleReport(Report):
    """What `check_schedule` found: true as a bool if the schedule is right; its text explains what is wrong.

    Attributes:
        subject: the name of the schedule.
        table: rows (t, yours, the schedule's) for the first t at which the rates differ.
        line: the formula, and as it acts here.
    """

    line: Line | None = None
    of_right = "the schedule's"

    @property
    def verdict(self) -> str:
        return super().verdict + (f" from {self.table[0][0]} on" if self.table else "")

    def explain(self) -> str:
        """Return the text, and the formula as it is and as it acts here."""
        if self.line is None:
            return str(self)
        return f"{self}\n    the formula:   {_shown(self.line.before)}\n    yours acts as: {_shown(self.line.after)}"


def check_schedule(mine: Callable[..., Any], schedule: str, **settings: Any) -> ScheduleReport:
    """Check a schedule of the learning rate written by hand, and name the mistake in it.

    Args:
        mine: a function of t, the number of steps or epochs from 0, that returns the rate.
        schedule: "step", "exponential", "inverse" (the lecture's 1/t decay), "cosine", "linear",
            "polynomial", "restarts" (a cosine that starts again after every T steps) or "warmup".
        settings: alpha_0, the rate at t = 0, and every and factor (step), k (exponential, inverse), T and smallest
            (cosine, restarts), T and last (linear), T and power (polynomial), T (warmup).

    Returns:
        A report, which is true as a bool if the schedule is right, and whose text explains what is wrong.

    Raises:
        ValueError: if there is no such schedule, or a setting has no such value.
        TypeError: if a setting is unknown, missing or not a number.

    >>> report = check_schedule(lambda t: 0.1 * 0.5 ** (t / 10), "step", alpha_0=0.1, every=10)
    >>> report.mistake
    'floor-missing'
    >>> bool(check_schedule(lambda t: 0.1 / (1 + 0.01 * t), "inverse", alpha_0=0.1, k=0.01))
    True

    Source: CS231n, "Learning rate decay".
    """
    check_callable("check_schedule", mine=mine)
    name = OTHER_NAMES.get(schedule, schedule) if isinstance(schedule, str) else schedule
    if not isinstance(name, str) or name not in SCHEDULES:
        raise ValueError(f"check_schedule: no schedule {schedule!r}; the schedules are {', '.join(SCHEDULES)}.")
    formula = Formula.of(SCHEDULES[name])
    defaults = {"factor": 0.5, "smallest": 0.0, "last": 0.0, "power": 1.0}
    given = {n: v for n, v in defaults.items() if n in formula.settings}
    for setting, value in settings.items():
        ours = setting if setting in formula.settings else OTHER_SETTINGS.get(setting, setting)
        if ours not in formula.settings:
            raise TypeError(f"check_schedule: {name} has no setting {setting!r}; it has {sorted(formula.settings)}.")
        given[ours] = value
    if missing := sorted(formula.settings - given.keys()):
        raise TypeError(f"check_schedule: {name} needs {', '.join(missing)}.")
    check_number("check_schedule", **given)
    check_positive("check_schedule", **{n: v for n, v in given.items() if n in ("alpha_0", "every", "T")})
    for setting, value in given.items():
        if not np.isfinite(value):
            raise ValueError(f"check_schedule: {setting} must be finite, got {value}")
    end = int(given.get("T", given.get("every", 20)) * (1 if name in ENDING else 3)) or 20
    times = sorted({*range(12), *np.linspace(0, end, 40).astype(int).tolist(), end - 1, end, end // 3, end // 3 - 1})
    times = [t for t in times if t >= 0]
    try:
        # in order: a schedule may keep its rate from one call to the next
        every = range(max(times) + 1) if end <= 1000 else times
        with same_generators():
            rates = {t: _rate(mine, t) for t in every}
            again = np.array([_rate(mine, t) for t in times])
        values = np.array([rates[t] for t in times])
    except CallError as error:
        return ScheduleReport(False, name, error.mistake, cause=str(error))
    except Exception as error:
        return ScheduleReport(False, name, "raises", cause=f"the schedule raises {class_name(error)}: {error}")
    right = _values(formula, given, times)
    if right is not None and _equal(values, right):
        return ScheduleReport(True, name)
    if not np.isfinite(values).any():
        return ScheduleReport(False, name, "not-finite", cause="the rate is nan or infinite at every t")
    n = len(times) - (name in ENDING)  # at T itself a limit such as min(t, T) may hide what is wrong
    found = (
        sorted(_found(formula, given, times, values), key=lambda f: f[0])
        or sorted(_found(formula, given, times[:n], values[:n]), key=lambda f: f[0])
        or sorted(_pairs(formula, given, times[:n], values[:n]), key=lambda f: f[0])[:1]
    )
    report = ScheduleReport(False, name, "unknown", cause="no mistake of the catalogue gives these rates")
    if not found and not _equal(values, again):
        report.mistake, report.cause = (
            "not-repeatable",
            ("it returns other rates when it is called again: it draws random numbers, or keeps a state"),
        )
    if found:
        least = [f for f in found if f[0] == found[0][0]]
        report.mistake, report.line = found[0][1], found[0][3]
        report.cause = either(list(dict.fromkeys(f[2] for f in least)))
        report.hint = f"look at {_shown(found[0][3].before)}"
    if right is not None:
        wrong = [i for i in range(len(times)) if not _equal(values[i : i + 1], right[i : i + 1])]
        report.table = [(f"t = {times[i]}", f"{values[i]:.6g}", f"{right[i]:.6g}") for i in wrong[:3]]
    return report


def _rate(mine: Callable[..., Any], t: int) -> float:
    """Return the learner's rate; a division by zero is inf, as in NumPy."""
    try:
        rate = mine(t)
    except ZeroDivisionError:
        return np.inf
    number = np.asarray(rate.data if isinstance(rate, Value) else getattr(rate, "_array", rate))
    if number.size != 1 or number.dtype.kind not in "fiub":
        said = f"{class_name(rate)} of shape {number.shape}" if number.ndim else repr(rate)
        raise CallError(f"at t = {t} the schedule returns {said}, not a number", "no-number")
    return float(number.item())


def _found(
    formula: Formula, given: dict[str, Any], times: list[int], values: np.ndarray
) -> Iterator[tuple[float, str, str, Line]]:
    """Yield (what it assumes, name, sentence, line) of each mistake that gives the values."""
    for mistake in CATALOGUE.values():
        for variant in mistake.find(formula):
            made = _values(variant.change, given, times)
            if made is not None and _equal(values, made):
                yield mistake.assumes, mistake.name, _sentence(mistake, variant), variant.change.line


def _pairs(
    formula: Formula, given: dict[str, Any], times: list[int], values: np.ndarray
) -> Iterator[tuple[float, str, str, Line]]:
    """The same for two mistakes, of which the second is made in the formula that has the first."""
    few = [0, len(times) // 3, len(times) // 2]
    for one in CATALOGUE.values():
        for first in one.find(formula) if one.assumes <= 1.25 else ():
            for two in CATALOGUE.values():
                for second in two.find(first.change) if two.assumes <= 1.25 and two is not one else ():
                    some = _values(second.change, given, [times[i] for i in few])
                    if some is None or not _equal(values[few], some):
                        continue
                    made = _values(second.change, given, times)
                    if made is not None and _equal(values, made):
                        line = Line(first.change.line.before, second.change.line.after)
                        said = f"{_sentence(one, first)}; and {_sentence(two, second)}"
                        yield one.assumes + two.assumes, f"{one.name} + {two.name}", said, line


def _sentence(mistake: Mistake, variant: Variant) -> str:
    line = variant.change.line
    return mistake.said(detail=variant.detail, before=_shown(line.before), after=_shown(line.after))


def _shown(line: str) -> str:
    return line.removeprefix("return ")


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
