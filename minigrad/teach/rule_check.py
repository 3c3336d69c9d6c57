"""Check an update rule that a learner wrote, and name the mistake in it.

The learner's rule runs beside the lecture's (`minigrad.optim.rules`) for a few steps of fixed gradients of mixed scale,
under a decaying learning rate. Where they part, the mistakes of `rule_mistakes` are made in the lecture's lines, one by
one and then in pairs, until one goes where the learner's rule went.
"""

from __future__ import annotations

import html
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations, islice
from typing import Any

import numpy as np

from minigrad.optim import rules
from minigrad.output.words import class_name
from minigrad.teach.catalogue import Mistake, Variant
from minigrad.teach.edits import Formula, Line, expression, is_name, replaced_everywhere, statements
from minigrad.teach.rule_calls import CallError, Taken, Trial, has_state_argument, take
from minigrad.teach.rule_mistakes import CATALOGUE
from minigrad.teach.rule_mistakes.weight_decay import COUPLED, DECOUPLED

STEPS, PAIRS = 14, 4000
"""How many steps are compared, and how many pairs of mistakes are tried at most."""
EPSILONS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-10)
"""The usual values of epsilon: PyTorch's and Kingma and Ba's first, then the lecture's."""
NAMES = [
    name
    for name, rule in vars(rules).items()
    if inspect.isfunction(rule) and rule.__module__ == rules.__name__ and not name.startswith("_")
]
OTHER_NAMES = {
    "vanilla": "sgd", "gd": "sgd", "gradient_descent": "sgd", "nag": "nesterov", "nesterov_momentum": "nesterov",
    "sgd_momentum": "momentum",
}  # fmt: skip
OTHER_SETTINGS = {
    "lr": "learning_rate", "eps": "epsilon", "momentum": "mu", "rho": "decay_rate", "alpha": "decay_rate",
    "wd": "weight_decay",
}  # fmt: skip
FORMS = {
    "momentum": """
def momentum(x, dx, state, learning_rate, mu=0.9):
    v = mu * state.get("v", 0.0) + learning_rate * dx
    x = x - v
    return x, {"v": v}""",
    "nesterov": """
def nesterov(x, dx, state, learning_rate, mu=0.9):
    v_before = state.get("v", 0.0)
    v = mu * state.get("v", 0.0) - learning_rate * dx
    x = x + (-mu * v_before + (1 + mu) * v)
    return x, {"v": v}""",
    "adam": """
def adam(x, dx, state, learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * dx**2
    rate = learning_rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    x = x - rate * m / (np.sqrt(v) + epsilon * np.sqrt(1 - beta2**t))
    return x, {"t": t, "m": m, "v": v}""",
}
FORMS["momentum_pytorch"] = """
def momentum_pytorch(x, dx, state, learning_rate, mu=0.9, dampening=0.0, nesterov=False):
    v = mu * state.get("v", 0.0) + dx
    x = x - learning_rate * v
    return x, {"v": v}"""
FORMS["rmsprop_momentum"] = """
def rmsprop_momentum(x, dx, state, learning_rate, decay_rate=0.99, epsilon=1e-7, mu=0.9, centered=True):
    cache = decay_rate * state.get("cache", 0.0) + (1 - decay_rate) * dx**2
    mean = decay_rate * state.get("mean", 0.0) + (1 - decay_rate) * dx
    v = mu * state.get("v", 0.0) + dx / (np.sqrt(cache - mean**2) + epsilon)
    x = x - learning_rate * v
    return x, {"cache": cache, "mean": mean, "v": v}"""
"""Other ways to write a rule, with the same numbers: some mistakes are small only in them."""


@dataclass
class Explanation:
    """A mistake, or two, that give the learner's numbers: the entry of each, and how it is made."""

    made: list[tuple[Mistake, Variant]]

    @staticmethod
    def of(name: str, sentence: str, formula: Formula, assumes: float) -> Explanation:
        """Return one that is not in the catalogue."""
        return Explanation([(Mistake(name, "rule", sentence, assumes), Variant(formula))])

    @property
    def name(self) -> str:
        """The machine-readable name."""
        return " + ".join(mistake.name for mistake, _ in self.made)

    @property
    def assumes(self) -> float:
        """How much it assumes."""
        return sum(mistake.assumes + variant.assumes for mistake, variant in self.made)

    @property
    def lines(self) -> list[Line]:
        """The lines that are edited."""
        return [variant.change.line for _, variant in self.made]

    @property
    def sentences(self) -> list[str]:
        """What is wrong, for each mistake."""
        return [_sentence(*made) for made in self.made]

    def __add__(self, other: Explanation) -> Explanation:
        return Explanation([*self.made, *other.made])


def _sentence(mistake: Mistake, variant: Variant) -> str:
    """Fill in the words of a sentence."""
    line: Line = variant.change.line
    betas = [name for name in ("beta1", "beta2", "decay_rate", "mu") if name in line.before]
    return mistake.said(
        before=line.before,
        after=line.after,
        target=line.before.partition("=")[0].strip(),
        beta=betas[0] if betas else "beta",
        detail=variant.detail,
    )


@dataclass
class RuleReport:
    """What `check_rule` found: true as a bool if the rule is right; its text explains what is wrong.

    Attributes:
        ok: whether the rule is right.
        rule: the name of the rule that it was compared with.
        mistake: the machine-readable name of the mistake, None if the rule is right; "unknown" if none fits.
        hint: where to look.
        cause: what is wrong, in a sentence.
        notes: further remarks.
        explanations: all mistakes that give the same numbers.
        table: rows (what, yours, the rule's) at the first step that differs.
        step: that step, from 1.
        element: the index of the element that differs most there.
    """

    ok: bool
    rule: str
    mistake: str | None = None
    hint: str = ""
    cause: str = ""
    notes: list[str] = field(default_factory=list)
    explanations: list[Explanation] = field(default_factory=list)
    table: list[tuple[str, str, str]] = field(default_factory=list)
    step: int | None = None
    element: tuple[int, ...] | None = None
    lines: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.ok

    def _where(self) -> str:
        if self.step is None:
            return ""
        at = f", element {list(self.element)}" if self.element else ""
        return f" from step {self.step} on{at}"

    def __str__(self) -> str:
        if self.ok:
            right = f"{self.rule}: right in all {STEPS} steps"
            return "\n".join([right, *(f"    Note: {note}." for note in self.notes)])
        text = [f"{self.rule}: WRONG{self._where()}"]
        text += [f"    Hint: {self.hint}."] if self.hint else []
        text += [f"    Cause: {self.cause}."] if self.cause else []
        text += [f"    Note: {note}." for note in self.notes]
        if self.table:
            rows = [("", "yours", "the rule's"), *self.table]
            widths = [max(len(row[i]) for row in rows) for i in range(3)]
            text += ["    [" + "  ".join(f"{c:>{w}}" for c, w in zip(row, widths)) + "]" for row in rows]
        return "\n".join(text)

    __repr__ = __str__

    def explain(self) -> str:
        """Return the rule's lines, the line that differs as the rule has it and as it acts here, and the numbers."""
        if self.ok:
            return str(self)
        text = [str(self), "", f"The lines of {self.rule}:", *(f"    {line}" for line in self.lines)]
        for explanation in self.explanations[:1]:
            for sentence, line in zip(explanation.sentences, explanation.lines):
                text += ["", f"{sentence[:1].upper()}{sentence[1:]}."]
                text += [f"    the rule:      {line.before}"] if line.before else []
                text += [f"    yours acts as: {line.after}"] if line.after else []
        return "\n".join(text)

    def _repr_html_(self) -> str:
        color = "#1a7f37" if self.ok else "#b42318"
        first, *rest = str(self).splitlines()
        text = [f'<p style="color:{color}"><b>{html.escape(first)}</b></p>']
        text += [f"<p>{html.escape(line.strip())}</p>" for line in rest if not line.strip().startswith("[")]
        if self.table:
            rows = "".join(
                f"<tr><th scope='row'>{html.escape(a)}</th><td>{html.escape(b)}</td><td>{html.escape(c)}</td></tr>"
                for a, b, c in self.table
            )
            text.append(f"<table><tr><th></th><th>yours</th><th>the rule's</th></tr>{rows}</table>")
        return "".join(text)


# ---- the rule --------------------------------------------------------------------------------------------------


@dataclass
class Reference:
    """The rule to compare with.

    Attributes:
        name: the rule's name.
        forms: its lines, and other ways to write them.
        settings: all settings but the learning rate.
        stated: the names of those that the caller stated; the others have their defaults.
    """

    name: str
    forms: list[Formula]
    settings: dict[str, Any]
    stated: frozenset[str] = frozenset()

    @staticmethod
    def of(rule: str | Callable[..., Any], given: dict[str, Any]) -> Reference:
        """Find a rule by name; a function in the lecture's form is a rule too."""
        name = rule if isinstance(rule, str) else rule.__name__
        base = OTHER_NAMES.get(name.lower(), name.lower())
        decoupled = base == "adamw"
        function = rule if callable(rule) else getattr(rules, "adam" if decoupled else base, None)
        if function is None or (isinstance(rule, str) and base not in (*NAMES, "adamw")):
            raise ValueError(f"check_rule: no rule {name!r}; the rules are {', '.join(sorted((*NAMES, 'adamw')))}.")
        signature = inspect.signature(function).parameters
        known = {n: p.default for n, p in signature.items() if n not in ("x", "dx", "state", "learning_rate")}
        settings: dict[str, Any] = {n: d for n, d in known.items() if d is not inspect.Parameter.empty}
        if decoupled:
            settings["weight_decay"] = 0.01
        stated = set()
        for setting, value in given.items():
            if setting == "betas":
                settings["beta1"], settings["beta2"] = value
                stated |= {"beta1", "beta2"}
                continue
            ours = setting if setting in (*known, "weight_decay") else OTHER_SETTINGS.get(setting, setting)
            if ours not in known and ours != "weight_decay":
                names = ", ".join(dict.fromkeys((*known, "weight_decay")))
                raise TypeError(f"check_rule: {name} has no setting {setting!r}; it has {names}.")
            settings[ours] = value
            stated.add(ours)
        special = any(settings.get(n) for n in ("dampening", "nesterov")) or settings.get("centered") is False
        texts: list[Any] = [function, *([FORMS[base]] if base in FORMS and not special else [])]
        if decoupled:
            texts.append(FORMS["adam"])
        forms = [Formula.of(text) for text in texts]
        if "weight_decay" in settings and "weight_decay" not in known:
            line = DECOUPLED if decoupled else COUPLED
            first = statements(line)
            forms = [Formula(f.name, (*first, *f.body), f.settings | {"weight_decay"}) for f in forms]
        return Reference(name, forms, settings, frozenset(stated))

    def with_other_epsilon(self) -> Iterator[tuple[float, Reference]]:
        """Yield the rule with each usual epsilon, if the caller stated none: code often has it as a number."""
        if "epsilon" in self.settings and "epsilon" not in self.stated:
            for epsilon in EPSILONS:
                if epsilon != self.settings["epsilon"]:
                    yield epsilon, replace(self, settings={**self.settings, "epsilon": epsilon})

    def path(
        self, formula: Formula, trial: Trial, wanted: Taken | None = None, tolerance: Any = None, shared: str = ""
    ) -> tuple[list[np.ndarray], list[Any]] | None:
        """Return where a formula goes and its states; None once it parts from `wanted`."""
        namespace: dict[str, Any] = {"np": np, "_rms": vars(rules)["_rms"], "weight_decay": 0.0, **self.settings}
        xs = list(trial.start)
        states: list[Any] = [{} for _ in xs]
        made: list[np.ndarray] = []
        kept: list[Any] = []
        length: Any = 0.0
        constant = wanted is not None and wanted.constant_rate
        try:
            for k, gradients in enumerate(trial.gradients):
                rate = trial.rates[0] if constant else trial.rates[k]
                namespace["STEP"], namespace["RATE_0"] = k + 1, trial.rates[0]
                namespace["RATE_BEFORE"] = trial.rates[0] if constant else trial.rates[max(k - 1, 0)]
                old = np.array(xs)
                for i, dx in enumerate(gradients):
                    state = states[i]
                    if shared == "t" and "t" in states[i - 1]:
                        state = {**state, "t": states[i - 1]["t"]}
                    namespace.update(PART=i, PARTS=len(xs))
                    namespace.update(self.settings, x=xs[i], dx=dx, state=state, learning_rate=rate)
                    x, after = formula(namespace)
                    if np.shape(x) != np.shape(xs[i]):
                        return None
                    xs[i], states[i] = x, after
                    if shared == "all":
                        states = [after] * len(xs)
                now = np.array(xs, dtype=float)
                made.append(now)
                kept.append(dict(states[0]))
                length = length + np.abs(now - old)
                if wanted is not None and not close(wanted.x[k], now, length, tolerance):
                    return None
        except Exception:
            return None
        return made, kept


def close(mine: np.ndarray, rule: np.ndarray, length: Any, tolerance: tuple[float, float]) -> bool:
    """Whether two points agree, for paths of this length."""
    relative, absolute = tolerance
    scale = np.abs(rule) + length
    allowed = relative * length + absolute * scale
    with np.errstate(all="ignore"):
        return bool(np.all((np.abs(mine - rule) <= allowed) | (mine == rule) | (np.isnan(mine) & np.isnan(rule))))


EXACT, SINGLE, NEARLY = (1e-7, 4e-15), (3e-4, 2e-6), (1e-5, 3e-7)
"""Relative to the path's length, and to the values: in float64, in float32, and where a part is computed in float32."""


def a_trial(reference: Reference, learning_rate: float, count: int, scalars: bool = False) -> Trial:
    """Return gradients of mixed scale: around 1, small, as small as epsilon, and so large that integers matter."""
    rng = np.random.default_rng(7)
    smallest = min([v for n, v in reference.settings.items() if "epsilon" in n and v > 0] or [1e-7])
    large = float(np.clip(30 / learning_rate, 10, 3e4))
    scales = np.array([1.0, large, 0.1, 3 * max(smallest, 1e-12)])
    over_time = np.array([1.0, 0.4, 3.0, 0.7, 1.5, 0.1, 0.6, 2.0, 1.0, 0.3, 1.2, 0.5, 5.0, 0.2])
    shape = (count, 3, 4)
    values = rng.uniform(0.3, 1.5, (STEPS, *shape)) * np.where(rng.random((STEPS, *shape)) < 0.6, 1, -1)
    values *= scales * over_time[:, None, None, None]
    values[:2, :, 2, 2] = 0.0  # a gradient that is zero at first
    if "epsilon" in reference.settings and reference.settings["epsilon"] == 0:
        values[:2, :, 2, 2] = 0.05
    start = rng.uniform(-3, 3, shape)
    rates = [learning_rate / (1 + 0.2 * k) for k in range(STEPS)]
    if scalars:
        flat, starts = values.reshape(STEPS, -1)[:, : 4 * count], start.reshape(-1)[: 4 * count]
        flat = flat[:, :1] if count == 1 else flat
        starts = starts[:1] if count == 1 else starts
        return Trial([float(x) for x in starts], [[float(g) for g in row] for row in flat], rates)
    return Trial(list(start), [list(row) for row in values], rates)


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
            may have any usual value. With weight_decay, it is added to
            the gradient, for "adamw" it shrinks x.

    Returns:
        A report, which is true as a bool if the rule is right, and whose text explains what is wrong.

    Raises:
        ValueError: if there is no such rule.
        TypeError: if the rule has no such setting, or step is not callable.

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
    if not np.isfinite(learning_rate) or learning_rate <= 0:
        raise ValueError(f"check_rule: learning_rate must be a positive number, got {learning_rate}.")
    reference = Reference.of(rule, settings)
    with np.errstate(all="ignore"):
        try:
            trial, taken = _taken(step, reference, float(learning_rate))
        except CallError as error:
            return RuleReport(False, reference.name, error.mistake, cause=str(error), lines=reference.forms[0].lines)
        return _Check(step, reference, trial, taken).report()


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
    """Return the numbers in the code of a function or class, and of the functions that it contains."""
    if isinstance(step, type):
        return set().union(*(_constants(f) for f in vars(step).values() if inspect.isfunction(f)))
    code = getattr(step, "__code__", step)
    defaults = getattr(step, "__defaults__", None) or () if depth else ()  # those of the step itself are settings
    cells = [cell.cell_contents for cell in getattr(step, "__closure__", None) or ()]
    inside = (*defaults, *getattr(code, "co_consts", ()), *cells)
    found = {n for n in inside if isinstance(n, float)}
    for inner in inside if depth < 3 else ():
        if inspect.iscode(inner) or inspect.isfunction(inner):
            found |= _constants(inner, depth + 1)
    return found


class _Check:
    """The comparison of one learner's rule."""

    def __init__(self, step: Any, reference: Reference, trial: Trial, taken: Taken) -> None:
        self.step, self.reference, self.trial, self.taken = step, reference, trial, taken

    def report(self) -> RuleReport:
        reference, taken = self.reference, self.taken
        form = reference.forms[0]
        if self.fits(form):
            return RuleReport(True, reference.name, notes=[*taken.notes, *self._about_rates()], lines=form.lines)
        if isinstance(self.step, type) and not taken.constant_rate:
            constant = take(self.step, reference.settings, self.trial, decays=False)
            if reference.path(form, self.trial, constant, EXACT) is not None:
                note = "the learning rate was constant: changing the attribute of the object had no effect"
                return RuleReport(True, reference.name, notes=[*taken.notes, note], lines=form.lines)
        others = [(f"{epsilon:g}", self._with(other)) for epsilon, other in reference.with_other_epsilon()]
        for epsilon, check in others:
            if check.fits(form):
                note = f"yours has epsilon {epsilon}; the default here is {reference.settings['epsilon']:g}"
                return RuleReport(True, reference.name, notes=[*taken.notes, note], lines=form.lines)
        found = self._singles()
        rounding = SINGLE if taken.is_single() else NEARLY
        if not found and self.fits(form, rounding):
            note = "the differences are those of float32; for exact numbers use float64"
            return RuleReport(True, reference.name, notes=[*taken.notes, note], lines=form.lines)
        found = found or self._singles(rounding)
        if found:
            return self._named(found)
        written = [one for one in others if float(one[0]) in _constants(self.step)]
        for epsilon, check in written or others:
            if found := check._singles(rounding):
                return check._named(found, f"yours has epsilon {epsilon}, so the rule is run with it, too")
        note, check = "", self
        if written:
            note, check = f"yours has epsilon {written[0][0]}, so the rule is run with it, too", written[0][1]
        return check._named(check._in_other_convention() or check._fitted() or check._pairs(), note)

    def _with(self, reference: Reference) -> _Check:
        return _Check(self.step, reference, self.trial, self.taken)

    def fits(self, formula: Formula, tolerance: tuple[float, float] = EXACT, shared: str = "") -> bool:
        """Whether a formula goes where the learner's rule went."""
        return self.reference.path(formula, self.trial, self.taken, tolerance, shared) is not None

    # ---- mistakes ----------------------------------------------------------------------------------------------

    def _singles(self, tolerance: tuple[float, float] = EXACT) -> list[Explanation]:
        found: list[Explanation] = []
        for form in self.reference.forms:
            for formula, explanation in self.variants(form):
                if found and explanation.assumes > min(e.assumes for e in found):
                    break
                if self.fits(formula, tolerance):
                    found.append(explanation)
        found += self._others(tolerance)
        if len(self.trial.start) > 1:
            accumulated = CATALOGUE["gradients-accumulate"]
            for variant in accumulated.find(self.reference.forms[0]):
                if self.fits(variant.change, tolerance, "all"):
                    found.append(Explanation([(accumulated, variant)]))
        if len(self.trial.start) > 1:
            for shared, sentence in (
                ("all", "one state serves all parameters: keep the state of each parameter in its own dictionary"),
                ("t", "t is shared between the parameters: it is increased once for each parameter instead of once in "
                 "each step, and so the bias correction uses a wrong t"),
            ):  # fmt: skip
                if self.fits(self.reference.forms[0], tolerance, shared):
                    name = "shared-state" if shared == "all" else "shared-t"
                    found.append(Explanation.of(name, sentence, self.reference.forms[0], 0.5))
        return _best(found)

    def variants(self, form: Formula, most: float = np.inf) -> Iterator[tuple[Formula, Explanation]]:
        """Yield every edit of the catalogue on a formula, the likeliest first."""
        for mistake in sorted(CATALOGUE.values(), key=lambda mistake: mistake.assumes):
            if mistake.assumes <= most:
                for variant in mistake.find(form):
                    yield variant.change, Explanation([(mistake, variant)])

    def _others(self, tolerance: tuple[float, float]) -> list[Explanation]:
        """The other rules, with the settings that they share with this one."""
        found = []
        for name in (*NAMES, "adamw"):
            if name == self.reference.name or "weight_decay" in self.reference.settings and name == "adamw":
                continue
            known = inspect.signature(getattr(rules, "adam" if name == "adamw" else name)).parameters
            shared = {n: v for n, v in self.reference.settings.items() if n in known}
            if "mu" in self.reference.settings and "beta1" in known:
                shared["beta1"] = self.reference.settings["mu"]
            if "beta1" in self.reference.settings and "mu" in known:
                shared["mu"] = self.reference.settings["beta1"]
            if "decay_rate" in known and "beta2" in self.reference.settings:
                shared["decay_rate"] = self.reference.settings["beta2"]
            for nesterov in (False, True):
                if nesterov and "nesterov" not in known:
                    continue
                other = Reference.of(name, {**shared, **({"nesterov": True} if nesterov else {})})
                if other.path(other.forms[0], self.trial, self.taken, tolerance) is None:
                    continue
                full = f"{name}{' with nesterov' * nesterov}"
                said = f"this is the update of another rule, {full}, not of {self.reference.name}"
                if self._same_at_constant_rate(other):
                    said += (
                        ". The two make the same steps while the learning rate is constant, and different ones when "
                        "it decays: they are two conventions (PyTorch's velocity does not contain the learning rate, "
                        "the lecture's does)"
                    )
                found.append(Explanation.of(f"is-{name}", said, self.reference.forms[0], 1.0))
        return found

    def _same_at_constant_rate(self, other: Reference) -> bool:
        constant = Trial(self.trial.start, self.trial.gradients, self.trial.rates[:1] * STEPS)
        made = other.path(other.forms[0], constant)
        return (
            made is not None
            and self.reference.path(self.reference.forms[0], constant, Taken(x=made[0]), EXACT) is not None
        )

    def _in_other_convention(self) -> list[Explanation]:
        """A mistake in the other convention of momentum, where the velocity contains the learning rate or does not."""
        if not self.reference.name.startswith(("momentum", "nesterov")):
            return []
        looks_ahead = self.reference.name == "nesterov" or self.reference.settings.get("nesterov")
        mu = {"mu": self.reference.settings["mu"]}
        if self.reference.name == "momentum_pytorch":
            other, contains = Reference.of("nesterov" if looks_ahead else "momentum", mu), "contains"
        else:
            other, contains = Reference.of("momentum_pytorch", {**mu, "nesterov": looks_ahead}), "does not contain"
        said = f"it is written in the convention of {other.name}, where the velocity {contains} the learning rate"
        convention = Explanation.of(f"is-{other.name}", said, self.reference.forms[0], 1.0)
        return [why + convention for why in self._with(other)._singles()]

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

    def _fitted(self) -> list[Explanation]:
        """A setting, or a factor of the step, with the value that fits where the learner's rule went."""
        form, found = self.reference.forms[0], []
        last = self.taken.x[3 if len(self.taken.x) > 3 else -1]
        for name, start in (("learning_rate", 1.0), *self.reference.settings.items()):
            if isinstance(start, bool) or not isinstance(start, int | float) or not start:
                continue
            number = "learning_rate * {}" if name == "learning_rate" else "{}"
            c = self._fit(form, name, number, float(start))
            if c is None:
                continue
            formula = _with_number(form, name, number.format(c))
            if self.fits(formula, (1e-6, 1e-9)):
                said = (
                    f"the step has the learning rate times {c:.6g}"
                    if name == "learning_rate"
                    else f"{name} acts as {c:.6g}, instead of {start:g}"
                )
                found.append(Explanation.of("fitted", said, formula, 1.5))
        return found[:1] if last.size > 2 else []

    def _fit(self, form: Formula, name: str, number: str, c: float) -> float | None:
        """Return the value with which the first steps are the nearest to the learner's (Gauss and Newton)."""
        few = Trial(self.trial.start, self.trial.gradients[:4], self.trial.rates[:4])
        wanted = np.array(self.taken.x[:4])
        only = Taken(x=self.taken.x[:4], constant_rate=self.taken.constant_rate)
        for _ in range(15):
            made = [
                self.reference.path(_with_number(form, name, number.format(repr(v))), few, only, (np.inf, np.inf))
                for v in (c, c * (1 + 1e-5))
            ]
            if made[0] is None or made[1] is None:
                return None
            here, slope = np.array(made[0][0]), (np.array(made[1][0]) - np.array(made[0][0])) / (c * 1e-5)
            weight = 1 / (np.abs(wanted) + np.abs(here) + 1e-300)
            slope, error = slope * weight, (wanted - here) * weight
            square = float(np.vdot(slope, slope))
            if not square or not np.isfinite(square):
                return None
            change = float(np.vdot(slope, error)) / square
            c += float(np.clip(change, -0.5 * abs(c), 0.5 * abs(c)))
            if abs(change) <= 1e-12 * abs(c):
                break
        return c

    def _pairs(self) -> list[Explanation]:
        """Two mistakes at once, the likeliest first, of those that change the numbers and differ from each other."""
        form = self.reference.forms[0]
        right = self.reference.path(form, self.trial)
        seen = {right[0][-1].tobytes()} if right else set()
        several = []
        for formula, explanation in self.variants(form, 1.3):
            made = self.reference.path(formula, self.trial)
            if made is not None and (key := made[0][-1].tobytes()) not in seen:
                seen.add(key)
                several.append((formula, explanation))
        several.sort(key=lambda pair: pair[1].assumes)
        pairs = sorted(combinations(several, 2), key=lambda pair: pair[0][1].assumes + pair[1][1].assumes)
        found, least = [], np.inf
        for (one, why), (two, reason) in islice(pairs, PAIRS):
            if why.assumes + reason.assumes > least:
                break
            if (both := _merged(form, one, two)) is not None and self.fits(both):
                least = why.assumes + reason.assumes
                found.append(why + reason)
        return _best(found) or self._in_one_line(form, several)

    def _in_one_line(self, form: Formula, several: list[tuple[Formula, Explanation]]) -> list[Explanation]:
        """Two mistakes in the same line."""
        found = []
        for formula, why in several:
            if why.assumes > 1.2 or len(formula.body) != len(form.body):
                continue
            places = [i for i, (a, b) in enumerate(zip(formula.body, form.body)) if a is not b]
            if len(places) == 1:
                line = formula.with_body([formula.body[places[0]]])
                for edited, reason in self.variants(line, 1.1):
                    if len(edited.body) == 1:
                        body = [*formula.body]
                        body[places[0]] = edited.body[0]
                        if self.fits(formula.with_body(body)):
                            found.append(why + reason)
        return _best(found)

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
            causes = ["; and ".join(e.sentences) for e in found]
            report.cause = causes[0] if len(causes) == 1 else "either " + ", or ".join(causes)
            line = next((line for line in best.lines if line.before), None)
            if line:
                report.hint = f"look at the line of {line.before.partition('=')[0].strip()}: {line.before}"
            elif best.lines[0].after:
                report.hint = "look at what happens to x and dx before the first line of the rule"
        else:
            report.cause = self._pattern() or (
                "no mistake of the catalogue, and no pair of those that were tried, gives these numbers; compare the "
                "states below with the lines of the rule (`.explain()` shows them)"
            )
        if not np.isfinite(taken.x[-1]).all() and "nan" not in report.cause:
            k = next(k for k, x in enumerate(taken.x) if not np.isfinite(x).all())
            report.notes.append(
                f"x has nan or inf after step {k + 1}: a division by zero, or the root of a negative number"
            )
        return report

    def _compare(self, report: RuleReport) -> None:
        """Fill in the first step that differs and its numbers."""
        made = self.reference.path(self.reference.forms[0], self.trial, _only_rates(self.taken), (np.inf, np.inf))
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
        made = self.reference.path(self.reference.forms[0], self.trial, _only_rates(self.taken), (np.inf, np.inf))
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
            changes = middle[1:] / middle[:-1]
            if np.ptp(changes) <= 1e-5:
                return (
                    f"the steps are the rule's times {changes[0]:.6g}**t: the learning rate decays inside the rule, "
                    "besides the decay of the rate that is passed in"
                )
            return "the steps of all elements have one factor, which changes from step to step: another learning rate"
        return ""


def _with_number(form: Formula, name: str, number: str) -> Formula:
    """Return a formula in which a setting is a number."""
    return replaced_everywhere(form, lambda node: expression(number) if is_name(node, name) else None)


def _merged(form: Formula, one: Formula, two: Formula) -> Formula | None:
    """Return the formula with the edits of both, None if they edit the same line."""
    n = len(form.body)
    extra = [b for f in (one, two) if len(f.body) == n + 1 and f.body[1:] == form.body for b in f.body[:1]]
    bodies = [f.body[1:] if len(f.body) == n + 1 else f.body for f in (one, two)]
    if any(len(body) != n for body in bodies):
        return None
    body = []
    for right, a, b in zip(form.body, *bodies):
        if a is not right and b is not right:
            return None
        body.append(b if a is right else a)
    return form.with_body([*extra, *body])


def _only_rates(taken: Taken) -> Taken:
    return Taken(x=taken.x, constant_rate=taken.constant_rate)


def _best(found: list[Explanation]) -> list[Explanation]:
    """Return the explanations that assume the least, one of each name."""
    found = sorted(found, key=lambda e: e.assumes)
    least = [e for e in found if e.assumes <= found[0].assumes + 1e-9]
    return list({e.name: e for e in reversed(least)}.values())[::-1]


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
