"""Check an update rule that a learner wrote, and name the mistake in it.

The learner's rule runs beside the lecture's (`minigrad.optim.rules`) for a few steps of fixed gradients of mixed scale,
under a decaying learning rate. Where they part, the mistakes of `rules.mistakes` are made in the lecture's lines, one
by one and then in pairs, until one goes where the learner's rule went.
"""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from minigrad.nn.arguments import check_number, check_positive
from minigrad.output.words import class_name
from minigrad.teach.report import Report, either
from minigrad.teach.restoring import same_generators
from minigrad.teach.rules.calls import CallError, Taken, Trial, has_state_argument, take
from minigrad.teach.rules.reference import EXACT, FOLDED_NOTE, NEARLY, SINGLE, STEPS, Reference, a_trial, close
from minigrad.teach.rules.search import LIMIT, Explanation, Search


@dataclass(repr=False)
class RuleReport(Report):
    """What `check_rule` found: true as a bool if the rule is right; its text explains what is wrong.

    Attributes:
        subject: the name of the rule.
        table: rows (what, yours, the rule's) at the first step that differs.
        explanations: all mistakes that give the same numbers.
        step: the first step that differs, from 1.
        element: the index of the element that differs most there.
        lines: those of the rule.
    """

    explanations: list[Explanation] = field(default_factory=list)
    step: int | None = None
    element: tuple[int, ...] | None = None
    lines: list[str] = field(default_factory=list)
    of_right = "the rule's"

    @property
    def verdict(self) -> str:
        if self.ok:
            return f"{super().verdict} in all {STEPS} steps"
        at = f", element {list(self.element)}" if self.element else ""
        return super().verdict + (f" from step {self.step} on{at}" if self.step is not None else "")

    def explain(self) -> str:
        """Return the rule's lines, the line that differs as the rule has it and as it acts here, and the numbers."""
        if self.ok:
            return str(self)
        text = [str(self), "", f"The lines of {self.subject}:", *(f"    {line}" for line in self.lines)]
        for explanation in self.explanations[:1]:
            for sentence, line in zip(explanation.sentences, explanation.lines):
                text += ["", f"{sentence[:1].upper()}{sentence[1:]}."]
                text += [f"    the rule:      {line.before}"] if line.before else []
                text += [f"    yours acts as: {line.after}"] if line.after else []
        return "\n".join(text)


# ---- the check -------------------------------------------------------------------------------------------------


def check_rule(step: Any, rule: str | Callable[..., Any], learning_rate: float = 0.1, **settings: Any) -> RuleReport:
    """Check an update rule written by hand, and name the mistake in it.

    Args:
        step: the rule, in the lecture's form step(x, dx, state, learning_rate) -> (x, state), with an empty dictionary
            as the first state. It may take fewer arguments, change x in place and return nothing, or return x alone;
            its settings may be arguments. Or a class: a subclass of `optim.Optimizer`, or one with step() made of its
            parameters, or one with update(x, dx). Or a function without arguments that returns a step.
        rule: the name of a rule of `minigrad.optim.rules`, or "adamw"; or a function in the lecture's form.
        learning_rate: the first learning rate (default 0.1); it decays in the following steps.
        settings: the rule's settings, such as beta1; the others have their defaults, but an epsilon that is not stated
            may have any usual value. With weight_decay, it is added to the gradient; for "adamw" and "lion" it
            shrinks x.

    Returns:
        A report, which is true as a bool if the rule is right, and whose text explains what is wrong. After 4 seconds
        of computing it gives up the search for two mistakes at once, and says so.

    Raises:
        ValueError: if there is no such rule, or it cannot be computed with these settings.
        TypeError: if the rule has no such setting, a setting is not a number, or step is not callable.

    >>> def step(x, dx, state, learning_rate):
    ...     cache = state.get("cache", 0.0) + dx**2
    ...     return x - learning_rate * dx / np.sqrt(cache + 1e-7), {"cache": cache}
    >>> report = check_rule(step, "adagrad")
    >>> bool(report), report.mistake
    (False, 'epsilon-inside-root')
    >>> print(report)
    adagrad: WRONG from step 1 on, element ...
        Hint: look at the line of x: x = x + -learning_rate * dx / (np.sqrt(cache) + epsilon).
        Cause: epsilon is added inside the square root; the rule adds it outside, after the root.
    ...

    Source: the rules are those of CS231n, "Parameter updates"; see `minigrad.optim.rules`.
    """
    if not callable(step) and not hasattr(step, "step") and not hasattr(step, "update"):
        raise TypeError(f"check_rule: step must be a function or a class, got {class_name(step)}: {step!r}.")
    check_positive("check_rule", learning_rate=learning_rate)
    if np.shape(settings.get("betas", (0.9, 0.999))) != (2,):
        raise ValueError(f"check_rule: betas must be a pair (beta1, beta2), got {settings['betas']!r}")
    for name, value in (("learning_rate", learning_rate), *settings.items()):
        for number in value if name == "betas" else [value]:
            if not isinstance(number, bool):
                check_number("check_rule", **{name: number})
            if not np.isfinite(number):
                raise ValueError(f"check_rule: {name} must be finite, got {number}")
    reference = Reference.of(rule, settings)
    if not isinstance(step, type):
        with suppress(Exception):  # an object keeps its own state
            step = copy.deepcopy(step)
    with np.errstate(all="ignore"), same_generators():
        reference.check_computable(a_trial(reference, float(learning_rate), 1))
        try:
            trial, taken = _taken(step, reference, float(learning_rate))
        except CallError as error:
            return RuleReport(False, reference.name, error.mistake, cause=str(error), lines=reference.forms[0].lines)
        report = _Case(step, reference, trial, taken).report()
        for limit in ("largest", "smallest"):  # step sizes as long as Rprop's limits, which show whether there are any
            if report and reference.settings.get(limit, 0) > 0 and not taken.constant_rate:
                trial, taken = _taken(step, reference, reference.settings[limit])
                report = _Case(step, reference, trial, taken).report()
        return report


def _taken(step: Any, reference: Reference, rate: float) -> tuple[Trial, Taken]:
    """Run the learner's rule: on arrays, or, if it takes only numbers, on numbers."""
    count = 2 if isinstance(step, type) or has_state_argument(step, reference.settings) else 1
    errors: list[Exception] = []
    for scalars in (False, True):
        trial = a_trial(reference, rate, count, scalars)
        try:
            taken = take(step, reference.settings, trial)
            shown = len(taken.x[0])
            return Trial(trial.start[:shown], [g[:shown] for g in trial.gradients], trial.rates), taken
        except CallError as error:
            if error.mistake in ("wrong-shape", "not-real", "return-order", "no-step"):
                raise
            errors.append(error)
        except Exception as error:
            errors.append(error)
    first = errors[0]
    if isinstance(first, CallError):
        raise first
    where = _line_of(first)
    if isinstance(first, ZeroDivisionError) and any("beta1 ** t" in line for line in reference.forms[0].lines):
        said = "t of the bias correction is 0 in the first step, and 1 - beta**t with it: count t up before it is used"
        raise CallError(f"step raises ZeroDivisionError{where}: {said}", "t-from-zero") from first
    raise CallError(f"step raises {class_name(first)}: {first}{where}", "raises") from first


def _line_of(error: Exception) -> str:
    """The line of the learner's code that raised."""
    frames = inspect.getinnerframes(error.__traceback__) if error.__traceback__ else []
    theirs = [f for f in frames if "minigrad/teach" not in f.filename.replace("\\", "/")]
    return f" (line {theirs[0].lineno} of {theirs[0].function})" if theirs else ""


def _constants(step: Any, depth: int = 0) -> set[float]:
    """Return the numbers in the code of a function or class, and of the functions that it contains or calls."""
    if isinstance(step, type):
        return set().union(*(_constants(f, depth) for f in vars(step).values() if inspect.isfunction(f)))
    code = getattr(step, "__code__", step)
    defaults = getattr(step, "__defaults__", None) or () if depth else ()  # those of the step itself are settings
    cells = [cell.cell_contents for cell in getattr(step, "__closure__", None) or ()]
    known = getattr(step, "__globals__", {})
    called = [
        f for name in getattr(code, "co_names", ()) if inspect.isroutine(f := known.get(name)) or inspect.isclass(f)
    ]
    own = [
        f for f in called if getattr(f, "__module__", "") == getattr(step, "__module__", None)
    ]  # a factory, a helper
    inside = (*defaults, *getattr(code, "co_consts", ()), *cells, *own)
    found = {n for n in inside if isinstance(n, float)}
    for inner in inside if depth < 3 else ():
        if inspect.iscode(inner) or inspect.isfunction(inner) or inspect.isclass(inner):
            found |= _constants(inner, depth + 1)
    return found


class _Case:
    """One learner's rule, and the rule that it is compared with."""

    def __init__(self, step: Any, reference: Reference, trial: Trial, taken: Taken) -> None:
        self.step, self.reference, self.trial, self.taken = step, reference, trial, taken

    def report(self) -> RuleReport:
        reference, taken = self.reference, self.taken
        search, form = Search(reference, self.trial, taken), reference.forms[0]
        if search.is_right():
            return self._right(*self._about_rates())
        if isinstance(self.step, type) and not taken.constant_rate:
            constant = take(self.step, reference.settings, self.trial, decays=False)
            if reference.path(form, self.trial, constant, EXACT) is not None:
                return self._right("the learning rate was constant: changing the attribute of the object had no effect")
        others = [(note, epsilon, search.of(other)) for note, epsilon, other in reference.alternatives()]
        for note, _, other in others:
            if other.is_right():
                return self._right(note)
        found = search.singles()
        rounding = SINGLE if taken.is_single() else NEARLY
        if not found:
            for note, one in (("", search), *((note, other) for note, _, other in others)):
                if one.is_right(rounding):
                    single = "the differences are those of float32; for exact numbers use float64"
                    return self._right(single, *filter(None, [note]))
        found = found or search.singles(rounding)
        if found:
            far = found[0].assumes > 1.3  # another version of the rule may need less
            versions = [(note, other.singles()) for note, epsilon, other in others if far and not epsilon]
            note, found = min([("", found), *(v for v in versions if v[1])], key=lambda v: v[1][0].assumes)
            return self._named(found, note)
        constants = _constants(self.step)
        written = [one for one in others if one[1] and one[1] in constants]
        others = written or others
        for note, _, other in others:
            if found := other.singles(rounding):
                return self._named(found, note)
        if not np.isfinite(taken.x[0]).any():
            return self._named([])
        folded = [(note, other) for note, _, other in others if FOLDED_NOTE in note][:1]
        for note, one in ((others[0][0], others[0][2]) if written else ("", search), *folded):
            if search.late():
                break
            if found := one.in_other_convention() or one.with_numbers(constants) or one.fitted() or one.pairs():
                return self._named(found, note)
        report = self._named([], written[0][0] if written else "")
        if search.late():
            report.notes.append(f"the search for two mistakes was given up after {LIMIT:g} seconds")
        return report

    def _right(self, *notes: str) -> RuleReport:
        lines = self.reference.forms[0].lines
        return RuleReport(True, self.reference.name, notes=[*self.taken.notes, *notes], lines=lines)

    def _about_rates(self) -> list[str]:
        """Say which rules a constant rate cannot distinguish."""
        if not self.taken.constant_rate:
            return []
        pairs = {"momentum": "momentum_pytorch", "momentum_pytorch": "momentum", "nesterov": "momentum_pytorch"}
        if (other := pairs.get(self.reference.name)) is None:
            return []
        return [
            f"the learning rate is not an argument, so it was constant: {self.reference.name} and {other} differ only "
            "when it changes (whether the velocity contains the learning rate)"
        ]

    # ---- words -------------------------------------------------------------------------------------------------

    def _named(self, found: list[Explanation], note: str = "") -> RuleReport:
        reference, taken = self.reference, self.taken
        notes = [*taken.notes, *([note] if note else [])]
        report = RuleReport(False, reference.name, "unknown", notes=notes, explanations=found)
        report.lines = reference.forms[0].lines
        self._compare(report)
        if found:
            best = found[0]
            report.mistake = best.name
            report.cause = either(["; and ".join(e.sentences) for e in found])
            line = next((line for line in best.lines if line.before), None)
            if line:
                report.hint = f"look at the line of {line.before.partition('=')[0].strip()}: {line.before}"
            elif best.lines[0].after:
                report.hint = "look at what happens to x and dx before the first line of the rule"
        else:
            report.cause = self._pattern() or self._unexplained()
        if not np.isfinite(taken.x[-1]).all() and "nan" not in report.cause:
            k = next(k for k, x in enumerate(taken.x) if not np.isfinite(x).all())
            report.notes.append(
                f"x has nan or inf after step {k + 1}: a division by zero, or the root of a negative number"
            )
        return report

    @cached_property
    def right(self) -> Any:
        """Where the rule goes with the learner's rates, and its states; None if it cannot be computed."""
        rates = Taken(x=self.taken.x, constant_rate=self.taken.constant_rate)
        return self.reference.path(self.reference.forms[0], self.trial, rates, (np.inf, np.inf))

    def _compare(self, report: RuleReport) -> None:
        """Fill in the first step that differs and its numbers."""
        made = self.right
        if made is None:
            return
        before, length = np.array(self.trial.start, dtype=float), np.zeros(())
        for k, (mine, right) in enumerate(zip(self.taken.x, made[0])):
            length = length + np.abs(right - before)
            if not close(mine, right, length, EXACT):
                error = np.nan_to_num(np.abs(mine - right) / (length + 1e-300), nan=np.inf)
                place = np.unravel_index(int(error.argmax()), error.shape)
                report.step, report.element = k + 1, tuple(int(i) for i in place[1:])
                start = self.trial.start if k == 0 else self.taken.x[k - 1]
                dx = np.asarray(self.trial.gradients[k][int(place[0])])[place[1:]]
                report.table = [
                    ("dx", _number(dx), _number(dx)),
                    ("x before", _number(np.array(start)[place]), _number(before[place])),
                    ("x after", _number(mine[place]), _number(right[place])),
                    *self._states(k, tuple(int(i) for i in place), made[1][k]),
                ]
                return
            before = right

    def _states(self, k: int, place: tuple[int, ...], right: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
        mine = self.taken.states[k] if k < len(self.taken.states) else None
        if place[0] != 0:
            return
        mine = mine if isinstance(mine, dict) else {}
        for name in dict.fromkeys([*right, *mine]):
            yield name, _element(mine.get(name), place[1:]), _element(right.get(name), place[1:])

    def _pattern(self) -> str:
        """Describe wrong steps by their ratio to the right ones, where that is simple."""
        made = self.right
        if made is None:
            return ""
        mine = np.diff(np.array([self.trial.start, *self.taken.x], dtype=float), axis=0)
        right = np.diff(np.array([self.trial.start, *made[0]], dtype=float), axis=0)
        with np.errstate(all="ignore"):
            ratio = (mine / right).reshape(STEPS, -1)
        ratio = ratio[:, np.isfinite(ratio).all(axis=0)]
        if not ratio.size:
            return ""
        middle = np.median(ratio, axis=1)
        if np.all(np.abs(ratio - middle[:, None]) <= 1e-5 * np.abs(middle[:, None])):
            if np.ptp(middle) <= 1e-5 * abs(middle[0]):
                return (
                    f"every step is {middle[0]:.6g} times the rule's: a constant factor, such as another learning rate"
                )
            k = (1 / middle[1:] - 1) / np.arange(1, STEPS)  # as 1 / (1 + k * t)
            if abs(middle[0] - 1) <= 1e-5 and np.ptp(k) <= 1e-4 * abs(k[0]):
                return (
                    f"the steps are the rule's divided by 1 + {k[0]:.4g} * t: the learning rate decays inside the "
                    "rule, besides the decay of the rate that is passed in"
                )
            changes = middle[1:] / middle[:-1]
            if np.ptp(changes) <= 1e-5:
                return (
                    f"the steps are the rule's times {changes[0]:.6g}**t: the learning rate decays inside the rule, "
                    "besides the decay of the rate that is passed in"
                )
            return "the steps of all elements have one factor, which changes from step to step: another learning rate"
        return ""

    def _unexplained(self) -> str:
        """Describe what no mistake explains."""
        if not np.isfinite(self.taken.x[0]).any():
            return "x is nan or infinite after the first step"
        goes_on = inspect.isfunction(self.step) and not has_state_argument(self.step, self.reference.settings)
        with suppress(Exception):
            again = take(self.step, self.reference.settings, self.trial).x
            own_state = goes_on and "state" in "".join(map(ast.unparse, self.reference.forms[0].body[:-1]))
            if not own_state and not np.array_equal(again, self.taken.x, equal_nan=True):
                return (
                    "it gives other numbers when it runs again: it draws random numbers, or keeps numbers of its own "
                    "from one run to the next"
                )
        return (
            "no mistake of the catalogue, and no pair of those that were tried, gives these numbers; compare the "
            "states below with the lines of the rule (`.explain()` shows them)"
        )


def _element(value: Any, place: tuple[int, ...]) -> str:
    if value is None:
        return "-"
    try:
        array = np.asarray(value, dtype=float)
        return _number(array[place] if array.ndim == len(place) and array.ndim else array)
    except (TypeError, ValueError, IndexError):
        return class_name(value)


def _number(value: Any) -> str:
    return f"{float(value):.7g}" if np.ndim(value) == 0 else f"array of shape {np.shape(value)}"
