"""The rule that a learner's is compared with: its lines, its settings, and where it goes from fixed gradients."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from minigrad.optim import rules
from minigrad.output.words import class_name
from minigrad.teach.edits import Formula, rewrite, statements
from minigrad.teach.rules.calls import Taken, Trial
from minigrad.teach.rules.mistakes.weight_decay import COUPLED, DECOUPLED

DECAYED = ("adamw", "lion")
"""The rules whose weight decay shrinks x itself; for the others it is added to the gradient."""
ARGUMENTS = ("x", "dx", "state", "learning_rate")
STEPS = 14
"""How many steps are compared."""
FOLDED_NOTE = (
    "epsilon is added to the root before the bias correction of v, as where the correction is part of the step size; "
    "the rule adds it after"
)
ALSO_RIGHT: list[tuple[str, str, str, str]] = [
    ("", "np.sqrt(vb) + epsilon", "np.sqrt(vb) + epsilon / np.sqrt(1 - beta2 ** t)", FOLDED_NOTE),
    ("", "epsilon * np.sqrt(1 - beta2 ** t)", "epsilon", FOLDED_NOTE),
    ("radam", "rho > 5", "rho > 4",
     "the threshold of rho is 4, as in the paper of RAdam; here it is 5, as in PyTorch"),
    ("radam", "A * float(r * B) / (np.sqrt(v) + epsilon)", "A * r / (np.sqrt(v / (1 - beta2 ** t)) + epsilon)",
     "epsilon is added to the root after the bias correction of v; here before it, as in PyTorch"),
    ("adadelta", "-learning_rate * A", "-A",
     "there is no learning rate, as in the paper of AdaDelta; here, as in PyTorch, the step is multiplied by one"),
]  # fmt: skip
"""Other versions of rules: (rule or any, pattern, what is written instead, what is said)."""
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
FORMS: dict[str, tuple[str, ...]] = {
    "momentum": (
        """
def momentum(x, dx, state, learning_rate, mu=0.9):
    v = mu * state.get("v", 0.0) + learning_rate * dx
    x = x - v
    return x, {"v": v}""",
    ),
    "nesterov": (
        """
def nesterov(x, dx, state, learning_rate, mu=0.9):
    v_before = state.get("v", 0.0)
    v = mu * state.get("v", 0.0) - learning_rate * dx
    x = x + (-mu * v_before + (1 + mu) * v)
    return x, {"v": v}""",
        """
def nesterov(x, dx, state, learning_rate, mu=0.9):
    v = mu * state.get("v", 0.0) - learning_rate * dx
    x = x + (mu * v - learning_rate * dx)
    return x, {"v": v}""",
    ),
    "adam": (
        """
def adam(x, dx, state, learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * dx**2
    rate = learning_rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    x = x - rate * m / (np.sqrt(v) + epsilon * np.sqrt(1 - beta2**t))
    return x, {"t": t, "m": m, "v": v}""",
    ),
    "adamax": (
        """
def adamax(x, dx, state, learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    u = np.maximum(beta2 * state.get("u", 0.0), np.abs(dx))
    mb = m / (1 - beta1**t)
    x = x + -learning_rate * mb / (u + epsilon)
    return x, {"t": t, "m": m, "u": u}""",
    ),
    "momentum_pytorch": (
        """
def momentum_pytorch(x, dx, state, learning_rate, mu=0.9, dampening=0.0, nesterov=False):
    v = mu * state.get("v", 0.0) + dx
    x = x - learning_rate * v
    return x, {"v": v}""",
    ),
    "rmsprop_momentum": (
        """
def rmsprop_momentum(x, dx, state, learning_rate, decay_rate=0.99, epsilon=1e-7, mu=0.9, centered=True):
    cache = decay_rate * state.get("cache", 0.0) + (1 - decay_rate) * dx**2
    mean = decay_rate * state.get("mean", 0.0) + (1 - decay_rate) * dx
    v = mu * state.get("v", 0.0) + dx / (np.sqrt(cache - mean**2) + epsilon)
    x = x - learning_rate * v
    return x, {"cache": cache, "mean": mean, "v": v}""",
    ),
    "rprop": (
        """
def rprop(x, dx, state, learning_rate, eta_minus=0.5, eta_plus=1.2, smallest=1e-6, largest=50.0):
    same = dx * state.get("dx", 0.0)
    step = state["step"] if "step" in state else np.full_like(x, learning_rate)
    step = np.where(same > 0, np.minimum(eta_plus * step, largest), step)
    step = np.where(same < 0, np.maximum(eta_minus * step, smallest), step)
    dx = np.where(same < 0, 0.0, dx)
    x = x - np.sign(dx) * step
    return x, {"dx": dx, "step": step}""",
    ),
}
"""Other ways to write a rule, with the same numbers: some mistakes are small only in them.

AdaMax's paper has no epsilon, so that it may stand in the maximum or beside it.
"""


@dataclass
class Reference:
    """The rule to compare with."""

    name: str  # the rule's name
    forms: list[Formula]  # its lines, and other ways to write them
    settings: dict[str, Any]  # all settings but the learning rate
    stated: frozenset[str] = frozenset()  # the names of those that the caller stated; the others have their defaults
    # the other names that the lines use, of a caller's own function; None for the lecture's
    names: dict[str, Any] | None = None

    @staticmethod
    def of(rule: str | Callable[..., Any], given: dict[str, Any]) -> Reference:
        """Find a rule by name; a function in the lecture's form is a rule too."""
        if not isinstance(rule, str) and not inspect.isfunction(rule):
            raise TypeError(f"check_rule: rule must be the name of a rule or a function, got {class_name(rule)}.")
        name = rule if isinstance(rule, str) else rule.__name__
        base = OTHER_NAMES.get(name.lower(), name.lower())
        decoupled = base in DECAYED
        function = rule if callable(rule) else getattr(rules, "adam" if base == "adamw" else base, None)
        if function is None or (isinstance(rule, str) and base not in (*NAMES, "adamw")):
            raise ValueError(f"check_rule: no rule {name!r}; the rules are {', '.join(sorted((*NAMES, 'adamw')))}.")
        signature = inspect.signature(function).parameters
        if tuple(signature)[:4] != ARGUMENTS:
            raise TypeError(
                f"check_rule: the rule to compare with must have the arguments {', '.join(ARGUMENTS)}, and then its "
                f"settings, got {name}({', '.join(signature)})."
            )
        known = {n: p.default for n, p in signature.items() if n not in ("x", "dx", "state", "learning_rate")}
        settings: dict[str, Any] = {n: d for n, d in known.items() if d is not inspect.Parameter.empty}
        if base == "adamw":
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
        texts: list[Any] = [function, *(() if special else FORMS.get(base, ()))]
        if base == "adamw":
            texts += FORMS["adam"]
        try:
            forms = [Formula.of(text) for text in texts]
        except (OSError, TypeError, StopIteration) as error:
            raise TypeError(f"check_rule: the lines of {name} cannot be read; write it in a file, with def.") from error
        if "weight_decay" in settings and "weight_decay" not in known:
            line = DECOUPLED if decoupled else COUPLED
            first = statements(line)
            forms = [Formula(f.name, (*first, *f.body), f.settings | {"weight_decay"}) for f in forms]
        used = inspect.getclosurevars(function) if callable(rule) else None
        outside = {**used.builtins, **used.globals, **used.nonlocals} if used else None
        return Reference(name, forms, settings, frozenset(stated), outside)

    def alternatives(self) -> Iterator[tuple[str, float | None, Reference]]:
        """Yield (note, epsilon, reference) for what is right too: another epsilon, or one added before the correction.

        Code often has epsilon as a number, so that any usual one is right if the caller stated none. With the bias
        correction in the step size (Kingma and Ba, 2014, end of section 2) epsilon is added to the root of v itself.
        AdaDelta's paper has no learning rate.
        """
        versions = [(self.forms, "")]
        for rule, pattern, instead, note in ALSO_RIGHT:
            for forms, said in [*versions] if rule in ("", self.name.lower()) else []:
                if edited := [other for form in forms for other in rewrite(form, pattern, instead)]:
                    versions.append((edited, "; ".join(filter(None, (said, note)))))
        usual = self.settings.get("epsilon")
        free = usual is not None and "epsilon" not in self.stated
        values = [usual, *(e for e in EPSILONS if e != usual)] if free else [usual]
        if free and self.name == "adamax":
            values += [1e-300, 0.0]  # none at all, as in the paper; 0 / 0 is 0, or nan
        for forms, said in versions:
            for epsilon in values:
                other = replace(
                    self, forms=forms, settings={**self.settings, "epsilon": epsilon} if free else self.settings
                )
                differs = f"yours has epsilon {epsilon:g}; the default here is {usual:g}" if epsilon != usual else ""
                if differs or said:
                    yield "; ".join(filter(None, (differs, said))), epsilon if differs else None, other

    def path(
        self, formula: Formula, trial: Trial, wanted: Taken | None = None, tolerance: Any = None, shared: Any = ()
    ) -> tuple[list[np.ndarray], list[Any]] | None:
        """Return where a formula goes and its states; None once it parts from `wanted`, or if it raises."""
        with suppress(Exception):
            return self._path(formula, trial, wanted, tolerance, shared)
        return None

    def check_computable(self, trial: Trial) -> None:
        """Raise a ValueError if the rule raises, or goes nowhere, with these settings."""
        try:
            path = self._path(self.forms[0], trial)
        except Exception as error:
            why = f"it raises {class_name(error)}: {error}"
        else:
            if path is None:
                why = "its x changes its shape"
            elif not np.isfinite(path[0][-1]).any():
                why = "x becomes nan or infinite"
            else:
                return
        settings = ", ".join(f"{n}={v!r}" for n, v in self.settings.items())
        raise ValueError(f"check_rule: {self.name} cannot be computed{' with ' * bool(settings)}{settings}: {why}.")

    def _path(
        self, formula: Formula, trial: Trial, wanted: Taken | None = None, tolerance: Any = None, shared: Any = ()
    ) -> tuple[list[np.ndarray], list[Any]] | None:
        finite = wanted is not None and bool(np.isfinite(wanted.x[-1]).all())
        namespace: dict[str, Any] = {
            **{"np": ROOTED if finite else np, "_rms": vars(rules)["_rms"], "weight_decay": 0.0},
            **(self.names or {}),
            **self.settings,
        }
        # a caller's function may write into what it gets
        own: Callable[[Any], Any] = (lambda x: x) if self.names is None else copy.deepcopy
        xs = [own(x) for x in trial.start]
        states: list[Any] = [{} for _ in xs]
        made: list[np.ndarray] = []
        kept: list[Any] = []
        length: Any = 0.0
        constant = wanted is not None and wanted.constant_rate
        for k, gradients in enumerate(trial.gradients):
            rate = trial.rates[0] if constant else trial.rates[k]
            namespace["STEP"], namespace["RATE_0"] = k + 1, trial.rates[0]
            namespace["RATE_BEFORE"] = trial.rates[0] if constant else trial.rates[max(k - 1, 0)]
            old = np.array(xs)
            for i, dx in enumerate(gradients):
                state = states[i]
                namespace.update(PART=i, PARTS=len(xs))
                namespace.update(self.settings, x=xs[i], dx=own(dx), GIVEN=dx, state=state, learning_rate=rate)
                x, after = formula(namespace)
                if np.shape(x) != np.shape(xs[i]):
                    return None
                xs[i], states[i] = x, after
                if shared:  # what these entries hold serves all parameters
                    states = [{**s, **{n: v for n, v in after.items() if n in shared}} for s in states]
                    states[i] = after
            now = np.array(xs, dtype=float)
            made.append(now)
            kept.append(own(dict(states[0])))
            length = length + np.abs(now - old)
            if wanted is not None and not close(wanted.x[k], now, length, tolerance):
                return None
        return made, kept


def close(mine: np.ndarray, rule: np.ndarray, length: Any, tolerance: tuple[float, float]) -> bool:
    """Whether two points agree, for paths of this length."""
    relative, absolute = tolerance
    scale = np.abs(rule) + length
    allowed = relative * length + absolute * scale
    with np.errstate(all="ignore"):
        return bool(np.all((np.abs(mine - rule) <= allowed) | (mine == rule) | (np.isnan(mine) & np.isnan(rule))))


class Element:
    """One element of a trial, on which a formula runs in Python's floats: many times faster than on small arrays.

    It is the element at which the learner's rule parts first from the right one, so that most edits fail on it.
    """

    def __init__(self, reference: Reference, trial: Trial, wanted: Taken) -> None:
        self.rates = [trial.rates[0]] * STEPS if wanted.constant_rate else trial.rates
        right = reference.path(reference.forms[0], trial, Taken(x=wanted.x, constant_rate=wanted.constant_rate),
                               (np.inf, np.inf))  # fmt: skip
        place = (0,) * wanted.x[0].ndim
        for mine, theirs in zip(wanted.x, right[0] if right else ()):
            error = np.nan_to_num(np.abs(mine - theirs) / (np.abs(theirs) + 1e-300), nan=np.inf)
            if error.max() > 1e-6:
                place = tuple(int(i) for i in np.unravel_index(int(error.argmax()), error.shape))
                break
        part, self.place = place[0], place
        self.start = float(np.asarray(trial.start[part])[place[1:]])
        self.gradients = [float(np.asarray(g[part])[place[1:]]) for g in trial.gradients]
        self.wanted = [float(x[place]) for x in wanted.x]
        self.fixed = {
            **(reference.names or {}), "np": ROOTED_FLOATS if np.isfinite(wanted.x[-1]).all() else FLOATS,
            "weight_decay": 0.0, "PART": part, "PARTS": len(trial.start), "RATE_0": self.rates[0],
        }  # fmt: skip

    def path(self, formula: Formula, settings: dict[str, Any]) -> Iterator[float]:
        """Yield where the formula goes. Raises whatever it raises on a number, such as where it needs an array."""
        namespace: dict[str, Any] = dict(self.fixed)
        x: Any = self.start
        state: Any = {}
        for k, (dx, rate) in enumerate(zip(self.gradients, self.rates)):
            namespace.update(settings, x=x, dx=dx, GIVEN=dx, state=state, learning_rate=rate, STEP=k + 1,
                             RATE_BEFORE=self.rates[max(k - 1, 0)])  # fmt: skip
            x, state = formula(namespace)
            yield float(x)

    def parts(self, formula: Formula, settings: dict[str, Any], tolerance: tuple[float, float]) -> bool:
        """Whether the formula certainly does not go where the learner's rule went."""
        relative, absolute = tolerance
        before, length = self.start, 0.0
        try:
            for wanted, x in zip(self.wanted, self.path(formula, settings)):
                length += abs(x - before)
                before = x
                error = abs(wanted - x)
                if error > relative * length + absolute * (abs(x) + length) or (error != error) and x != wanted:
                    return not (wanted != wanted and x != x)
        except Exception:
            return False
        return False


def _absolute_root(x: Any) -> Any:
    """The root of abs(x), which a learner may take where a mistake makes negative numbers: otherwise x is nan."""
    return math.sqrt(abs(x)) if isinstance(x, float) else np.sqrt(np.abs(x))


FLOATS = SimpleNamespace(
    pi=math.pi, sqrt=math.sqrt, exp=math.exp, floor=math.floor, trunc=math.trunc, abs=abs, maximum=max, minimum=min,
    round=round, sign=lambda x: float((x > 0) - (x < 0)), where=lambda condition, a, b: a if condition else b,
    clip=lambda x, low, high: min(max(x, low), high), full_like=lambda _, value: value,
)  # fmt: skip
"""NumPy's functions of single elements, for Python's floats; those of whole arrays are not here, and so raise."""
ROOTED = SimpleNamespace(**{**vars(np), "sqrt": _absolute_root})
ROOTED_FLOATS = SimpleNamespace(**{**vars(FLOATS), "sqrt": _absolute_root})
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
    values[8:11, :, 1, 2] = 0.0  # and one that is zero later, so that v shrinks for several steps
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
