"""Check a schedule of the learning rate that a learner wrote, and name the mistake in it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from minigrad.nn.arguments import check_callable
from minigrad.output.words import class_name
from minigrad.teach.catalogue import Mistake, Variant
from minigrad.teach.edits import Formula, Line
from minigrad.teach.report import Report, either
from minigrad.teach.restoring import same_generators
from minigrad.teach.rules.calls import CallError
from minigrad.teach.schedules.calls import readings
from minigrad.teach.schedules.mistakes import CATALOGUE
from minigrad.teach.schedules.reference import ENDING, Reference
from minigrad.tensors.tensor import Tensor

LIMIT = 2.0
"""The seconds of computing after which no further pairs of mistakes are tried."""


class SettingsError(ValueError):
    """The schedule itself cannot be computed."""


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


def check_schedule(mine: Any, schedule: Any, **settings: Any) -> ScheduleReport:
    """Check a schedule of the learning rate written by hand, and name the mistake in it.

    Args:
        mine: a function of t, the number of steps or epochs from 0, that returns the rate; its further arguments may be
            settings. Or a function of (epoch, rate) that returns the next rate, as in Keras; a class with step() that
            shows its rate as `lr`, `get_lr()` or in an optimizer; a generator; or a list of the rates.
            For "plateau", a function or a class whose step gets the loss of each epoch.
        schedule: the name of a schedule in the table below; a scheduler of `optim`, such as StepLR(0.1, step_size=10);
            or the right function of t.
        settings: those of the formula, with the names in the table; PyTorch's names are understood as well.

    ================ ==================================================================================================
    "step"           alpha_0 * factor ** (t // every); factor is 0.5 by default
    "multistep"      alpha_0 * factor ** n, where n of the milestones are passed (t >= milestone); factor 0.1
    "exponential"    alpha_0 * exp(-k * t), or alpha_0 * factor ** t
    "inverse"        alpha_0 / (1 + k * t), the lecture's 1/t decay
    "cosine"         smallest + (alpha_0 - smallest) * (1 + cos(pi * t / T)) / 2; smallest 0
    "linear"         alpha_0 + (last - alpha_0) * t / T; last 0
    "polynomial"     alpha_0 * (1 - t / T) ** power; power 1
    "restarts"       the cosine with t % T; with T_mult, each period is T_mult times the one before
    "warmup"         alpha_0 * min(1, (t + 1) / T)
    "warmup_cosine"  alpha_0 * (t + 1) / warmup while t < warmup, then the cosine from there to T
    "inverse_sqrt"   alpha_0 * min((t + 1) / warmup, sqrt(warmup / (t + 1))); with d_model instead of alpha_0 the
                     Transformer's, d_model**-0.5 * min((t + 1)**-0.5, (t + 1) * warmup**-1.5)
    "constant"       alpha_0 * factor while t < T, then alpha_0; factor 1/3
    "cyclic"         from alpha_0 up to `largest` in `up` steps and down again; with `decay`, each cycle is lower
    "onecycle"       from largest / div_factor (25) up to `largest` at start * T - 1 (start 0.3), down to the first rate
                     / final_div_factor (1e4) at T - 1, along half waves of cosine; anneal="linear": straight lines
    "plateau"        the rate times factor (0.1), but at least `smallest`, after more than `patience` (10) losses that
                     are not below best * (1 - threshold); threshold 0
    ================ ==================================================================================================

    What comes after T is not compared, where a schedule ends there. A warm-up by t / T, from a rate of 0, is right too:
    a note says which convention it is.

    Returns:
        A report, which is true as a bool if the schedule is right, and whose text explains what is wrong.

    Raises:
        ValueError: if there is no such schedule, or a length is not positive.
        TypeError: if a setting is unknown, missing or no number, or mine cannot be called.

    >>> report = check_schedule(lambda t: 0.1 * 0.5 ** (t / 10), "step", alpha_0=0.1, every=10)
    >>> report.mistake
    'floor-missing'
    >>> bool(check_schedule(lambda t: 0.1 / (1 + 0.01 * t), "inverse", alpha_0=0.1, k=0.01))
    True

    Source: CS231n, "Learning rate decay"; the other schedules are those of `optim.lr_scheduler`.
    """
    mine = mine.detach().numpy() if isinstance(mine, Tensor) else mine
    if not isinstance(mine, list | tuple | np.ndarray) and not hasattr(mine, "step"):
        check_callable("check_schedule", mine=mine)
    reference = Reference.of(schedule, settings)
    name, times = reference.name, reference.times()
    count = times[-1] + 1
    reports: list[tuple[float, ScheduleReport]] = []
    read: list[Rates] = []
    mistake, raised = "raises", ""
    try:
        with same_generators():
            for rates in readings(mine, reference, count, times):
                known = dict(enumerate(rates)) if isinstance(rates, list) else rates
                given = [t for t in times if t in known]
                read.append((given, np.array([known[t] for t in given])))
                report, assumes = _judged(reference, *read[-1])
                if report:  # all that is known of the rates, not only at the times that show most
                    every = [t for t in known if t <= times[-1] or name not in ENDING]
                    read[-1] = every, np.array([known[t] for t in every])
                    report, assumes = _judged(reference, *read[-1])
                if len(given) < len(times):
                    report.notes.append(f"it has {len(rates)} rates: only these are compared")
                if report:
                    report.notes += _other_reading(mine) if reports else []
                    return report
                reports.append((assumes, report))
        if reports and all(report.mistake == "unknown" for _, report in reports):
            pair = min(_pairs(reference, read), key=lambda one: one[1][0], default=None)
            if pair is not None:
                reports = [_judged(reference, *read[pair[0]], [pair[1]])[::-1]]
    except CallError as error:
        mistake, raised = error.mistake, str(error)
    except SettingsError as error:
        raise ValueError(str(error)) from error
    except Exception as error:
        raised = f"the schedule raises {class_name(error)}: {error}"
    if not reports:
        return ScheduleReport(False, name, mistake, cause=raised)
    report = min(reports, key=lambda one: one[0])[1]
    if report.mistake == "unknown" and not _repeats(mine, reference, count, times):
        report.mistake = "not-repeatable"
        report.cause = "it returns other rates when it is called again: it draws random numbers, or keeps a state"
    return report


def _repeats(mine: Any, reference: Reference, count: int, times: list[int]) -> bool:
    """Whether a schedule gives the same rates in two more runs."""
    with contextlib.suppress(Exception), same_generators():
        one, two = (next(iter(readings(mine, reference, count, times))) for _ in range(2))
        return all(_equal(np.array([one[t]]), np.array([two[t]])) for t in times)
    return True


def _other_reading(mine: Any) -> list[str]:
    if isinstance(mine, type) or hasattr(mine, "step"):
        return ["the rates are those that step() returns, from the first call on"]
    return ["the rate that it gets is taken for that at the start; Keras passes in the rate of the epoch before"]


def _judged(
    reference: Reference, times: list[int], values: np.ndarray, found: Sequence[Found] = ()
) -> tuple[ScheduleReport, float]:
    """Compare the rates at some times with the schedule; return the report, and how much its cause assumes.

    Args:
        reference: the schedule.
        times: those of the rates.
        values: the rates.
        found: the causes, if they are known.
    """
    formula, given, name = reference.formula, reference.settings, reference.name
    right = _values(formula, given, times)
    if right is None or not np.isfinite(right).any():
        raise SettingsError(f"check_schedule: {name} cannot be computed with {_shown_settings(given)}.")
    equal, single = _within(values)
    for note, other in [("", formula), *reference.alternatives]:
        made = _values(other, given, times)
        if made is not None and equal(values, made):
            notes = [note, "" if _equal(values, made) else f"the rates are in {single}: its tolerance applies"]
            return ScheduleReport(True, name, notes=[*filter(None, notes)]), 0.0
    if not np.isfinite(values).any():
        return ScheduleReport(False, name, "not-finite", cause="the rate is nan or infinite at every t"), 0.0
    n = _until(reference, times)
    formulas = [formula, *reference.branches, *(other for _, other in reference.alternatives)]
    windows = [slice(None), slice(n), slice(1, n)]  # the rate at t = 0 may be a case of its own
    for window in windows:
        for one in formulas:
            found = found or sorted(_found(one, given, times[window], values[window], equal), key=lambda f: f[0])
    report = ScheduleReport(False, name, "unknown", cause="no mistake of the catalogue gives these rates")
    assumes = 9.0
    if found:
        least = [f for f in found if f[0] == found[0][0]]
        assumes, report.mistake, report.line = found[0][0], found[0][1], found[0][3]
        report.cause = either(list(dict.fromkeys(f[2] for f in least)))
        report.hint = f"look at {_shown(found[0][3].before) or 'what t is'}"
    wrong = [i for i in range(len(times)) if not equal(values[i : i + 1], right[i : i + 1])]
    report.table = [(f"t = {times[i]}", f"{values[i]:.6g}", f"{right[i]:.6g}") for i in wrong[:3]]
    if not found:
        report.cause = _described(times, values, right, wrong) or report.cause
    return report, assumes


def _shown_settings(given: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in given.items() if name != "losses")


def _described(times: list[int], values: np.ndarray, right: np.ndarray, wrong: list[int]) -> str:
    """Describe rates that no mistake explains."""
    if not np.isfinite(values).all():
        t = times[int(np.flatnonzero(~np.isfinite(values))[0])]
        return f"the rate is {values[~np.isfinite(values)][0]} at t = {t}: a division by zero, or a root or logarithm"
    with np.errstate(all="ignore"):
        ratio, apart = values / right, values - right
    if _equal(values, -right):
        return "the sign of every rate is wrong"
    if _equal(ratio, np.full_like(ratio, ratio[0])):
        return f"every rate is {ratio[0]:.6g} times that of the schedule"
    if _equal(apart, np.full_like(apart, apart[0])):
        return f"every rate is {abs(apart[0]):.6g} {'more' if apart[0] > 0 else 'less'} than that of the schedule"
    if np.ptp(values) == 0:
        return f"the rate never changes: it is {values[0]:.6g} throughout"
    fine = [t for i, t in enumerate(times) if i not in wrong]
    if wrong == list(range(wrong[0], len(times))) and wrong[0] > 2:
        return f"the rates are right up to t = {times[wrong[0] - 1]}, and wrong from t = {times[wrong[0]]} on"
    if wrong == list(range(len(wrong))) and len(fine) > 2:
        return f"the rates are wrong up to t = {times[wrong[-1]]}, and right from t = {fine[0]} on"
    return ""


Found = tuple[float, str, str, Line]
Equal = Callable[[np.ndarray, np.ndarray], bool]
Rates = tuple[list[int], np.ndarray]


def _found(
    formula: Formula, given: dict[str, Any], times: list[int], values: np.ndarray, equal: Equal
) -> Iterator[Found]:
    """Yield (what it assumes, name, sentence, line) of each mistake that gives the values."""
    few = [len(times) // 3, 2 * len(times) // 3]
    for mistake in CATALOGUE.values():
        for variant in mistake.find(formula):
            if _gives(variant.change, given, times, values, few, equal):
                yield mistake.assumes, mistake.name, _sentence(mistake, variant), variant.change.line


def _gives(
    formula: Formula, given: dict[str, Any], times: list[int], values: np.ndarray, few: list[int], equal: Equal
) -> bool:
    """Return whether a formula gives these rates; a few of them are computed first."""
    some = _values(formula, given, [times[i] for i in few])
    if some is None or not equal(values[few], some):
        return False
    made = _values(formula, given, times)
    return made is not None and equal(values, made)


def _until(reference: Reference, times: list[int]) -> int:
    """Return how many times are compared: at T itself a limit such as min(t, T) may hide what is wrong."""
    return len(times) - (reference.name in ENDING)


def _pairs(reference: Reference, read: list[Rates]) -> Iterator[tuple[int, Found]]:
    """Yield two mistakes that give the rates, the second made in the formula with the first, and which reading's."""
    formula, given = reference.formula, reference.settings
    compared = []
    for times, values in read:
        n = _until(reference, times)
        compared.append((times[:n], values[:n], [0, n // 3, n // 2], _within(values)[0]))
    until = time.thread_time() + LIMIT
    for one in CATALOGUE.values():
        for first in one.find(formula) if one.assumes <= 1.25 else ():
            for two in CATALOGUE.values():
                if time.thread_time() > until:
                    return
                for second in two.find(first.change) if two.assumes <= 1.25 and two is not one else ():
                    for k, rates in enumerate(compared):
                        if _gives(second.change, given, *rates):
                            line = Line(first.change.line.before, second.change.line.after)
                            said = f"{_sentence(one, first)}; and {_sentence(two, second)}"
                            yield k, (one.assumes + two.assumes, f"{one.name} + {two.name}", said, line)


def _sentence(mistake: Mistake, variant: Variant) -> str:
    line = variant.change.line
    return mistake.said(detail=variant.detail, before=_shown(line.before), after=_shown(line.after))


def _shown(line: str) -> str:
    return line.removeprefix("return ")


def _values(formula: Formula, given: dict[str, Any], times: list[int]) -> np.ndarray | None:
    if times[-1:] > [2000] and "range(" in formula.line.after:
        return None  # it would take too long
    made = []
    with np.errstate(all="ignore"):
        for t in times:
            namespace: dict[str, Any] = {"np": np, **given, "t": t}
            try:
                made.append(float(formula(namespace)))
            except ZeroDivisionError:
                made.append(np.inf)
            except Exception:
                return None
    return np.array(made)


def _equal(a: np.ndarray, b: np.ndarray, rtol: float = 1e-6, atol: float = 1e-12) -> bool:
    largest = float(np.abs(b[np.isfinite(b)]).max(initial=1e-300))
    return bool(np.all(np.isclose(a, b, rtol=rtol, atol=atol * largest, equal_nan=True)))


def _within(values: np.ndarray) -> tuple[Equal, str]:
    """Return the comparison with the tolerance of the type that holds the rates exactly, and the name of the type."""
    for kind in (np.float16, np.float32):
        with np.errstate(all="ignore"):
            if np.array_equal(values, values.astype(kind), equal_nan=True):
                eps = 8 * float(np.finfo(kind).eps)
                return partial(_equal, rtol=eps, atol=eps), kind.__name__
    return _equal, ""
