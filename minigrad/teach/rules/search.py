"""Find the mistake in an update rule: the edits of the rule's lines that go where the learner's rule went."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import Any

import numpy as np

from minigrad.optim import rules
from minigrad.teach.catalogue import EVERYWHERE, Mistake, Variant
from minigrad.teach.edits import NOT_DECAYS, Formula, Line, expression, is_name, replaced_everywhere
from minigrad.teach.rules.calls import Taken, Trial
from minigrad.teach.rules.mistakes import CATALOGUE
from minigrad.teach.rules.reference import EXACT, NAMES, STEPS, Element, Reference

LIMIT = 4.0
"""The seconds of computing after which no further pairs of mistakes are tried."""
PAIRS = 20_000
"""How many pairs of mistakes are tried at most."""
FIRST = 100
"""For how many likely mistakes a second one is tried in the same lines."""
OTHERWISE: dict[str, tuple[dict[str, Any], ...]] = {
    "momentum_pytorch": ({"nesterov": True},),
    "rmsprop_momentum": ({"centered": False}, {"mu": 0.0}),
}
"""Other settings of the rules that may have been written instead."""
LIKELY = 1.3
"""How much a mistake may assume, so that it is tried together with another one."""


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

    def __reduce__(self) -> Any:
        """Pickle the sentences and the lines as texts: an entry of the catalogue is a function."""
        return _finished, ([(m.name, _sentence(m, v), m.assumes + v.assumes, v.change.line) for m, v in self.made],)

    def __add__(self, other: Explanation) -> Explanation:
        return Explanation([*self.made, *other.made])


def _finished(made: list[tuple[str, str, float, Line]]) -> Explanation:
    """Return an explanation with these names, sentences and lines."""
    formulas = [Formula(name, (), frozenset(), line) for name, _, _, line in made]
    found = [Mistake(name, "rule", sentence, assumes) for name, sentence, assumes, _ in made]
    return Explanation([(mistake, Variant(formula)) for mistake, formula in zip(found, formulas)])


def _sentence(mistake: Mistake, variant: Variant) -> str:
    """Fill in the words of a sentence."""
    line: Line = variant.change.line
    everywhere = EVERYWHERE if variant.key == EVERYWHERE else ""
    betas = [name for name in ("beta1", "beta2", "decay_rate", "mu") if name in line.before]
    name, beta = line.before.partition("=")[0].strip(), (betas or ["beta"])[0]
    said = mistake.said(before=line.before, after=line.after, target=name, beta=beta, detail=variant.detail)
    return said + everywhere


Known = dict[tuple[Formula, float], list[tuple[Formula, Explanation]]]


class Search:
    """The search for the mistake in one learner's rule.

    Args:
        reference: the rule that it is compared with.
        trial: the inputs.
        taken: where the learner's rule went.
        first: the search with another rule, whose edits of formulas and whose time this one shares.
    """

    def __init__(self, reference: Reference, trial: Trial, taken: Taken, first: Search | None = None) -> None:
        self.reference, self.trial, self.taken = reference, trial, taken
        self.element = Element(reference, trial, taken)
        self.known: Known = {} if first is None else first.known
        self.until: float = time.thread_time() + LIMIT if first is None else first.until
        self.slack = 0.15 if self._rate_is_a_weight() else 0.0

    def of(self, reference: Reference) -> Search:
        """Return the search with another rule."""
        return Search(reference, self.trial, self.taken, self)

    def fits(self, formula: Formula, tolerance: tuple[float, float] = EXACT, shared: Any = ()) -> bool:
        """Whether a formula goes where the learner's rule went."""
        if not shared and self.element.parts(formula, self.reference.settings, tolerance):
            return False
        return self.reference.path(formula, self.trial, self.taken, tolerance, shared) is not None

    def is_right(self, tolerance: tuple[float, float] = EXACT) -> bool:
        """Whether the learner's rule went where the rule goes, in one of its forms."""
        return any(self.fits(form, tolerance) for form in self.reference.forms)

    def _rate_is_a_weight(self) -> bool:
        """Whether the learning rate is constant and equal to 1 - beta, so that one lacks where the other does."""
        decays = [v for n, v in self.reference.settings.items() if n not in NOT_DECAYS and isinstance(v, float)]
        return self.taken.constant_rate and any(abs(1 - v - self.trial.rates[0]) < 1e-9 for v in decays)

    def late(self) -> bool:
        """Whether the time is over; the search gives up then."""
        return time.thread_time() > self.until

    # ---- one mistake -------------------------------------------------------------------------------------------

    def singles(self, tolerance: tuple[float, float] = EXACT) -> list[Explanation]:
        found: list[Explanation] = []
        for form in self.reference.forms:
            for formula, explanation in self.variants(form):
                if found and explanation.assumes > min(e.assumes for e in found) + self.slack:
                    break
                if self.fits(formula, tolerance):
                    found.append(explanation)
        found += self._others(tolerance)
        if len(self.trial.start) > 1:
            accumulated = CATALOGUE["gradients-accumulate"]
            for variant in accumulated.find(self.reference.forms[0]):
                if self.fits(variant.change, tolerance, {"total", *self._entries()}):
                    found.append(Explanation([(accumulated, variant)]))
            found += self._shared(tolerance)
        return _best(found, self.slack)

    def _entries(self) -> list[str]:
        """The names in the state."""
        made = self.reference.path(self.reference.forms[0], self.trial)
        return list(made[1][0]) if made else []

    def _shared(self, tolerance: tuple[float, float]) -> list[Explanation]:
        """All of the state, or a part of it, that serves all parameters."""
        names, form = self._entries(), self.reference.forms[0]
        for part in (names, ["t"], [n for n in names if n != "t"], *([n] for n in names)):
            if self.fits(form, tolerance, part):
                what = f"one `{'` and one `'.join(part)}`" if part != names else "one state"
                said = f"there is {what} for all parameters: keep the state of each parameter in its own dictionary"
                if part == ["t"]:
                    said = ("t is shared between the parameters: it is increased once for each parameter instead of "
                            "once in each step, and so the bias correction uses a wrong t")  # fmt: skip
                return [Explanation.of("shared-t" if part == ["t"] else "shared-state", said, form, 0.5)]
        return []

    def variants(self, form: Formula, most: float = np.inf) -> list[tuple[Formula, Explanation]]:
        """Return every edit of the catalogue on a formula, the likeliest first."""
        if (form, most) not in self.known:
            several = [
                (variant.change, Explanation([(mistake, variant)]))
                for mistake in CATALOGUE.values()
                if mistake.assumes <= most
                for variant in mistake.find(form)
            ]
            self.known[form, most] = sorted(several, key=lambda pair: pair[1].assumes)
        return self.known[form, most]

    def _others(self, tolerance: tuple[float, float]) -> list[Explanation]:
        """The other rules, with the settings that they share with this one."""
        found = []
        for name in (*NAMES, "adamw"):
            if name == self.reference.name or "weight_decay" in self.reference.settings and name == "adamw":
                continue
            known = inspect.signature(getattr(rules, "adam" if name == "adamw" else name)).parameters
            shared = {n: v for n, v in self.reference.settings.items() if n in known}
            for a, b in (("mu", "beta1"), ("beta1", "mu"), ("beta2", "decay_rate"), ("decay_rate", "beta2")):
                if a in self.reference.settings and b in known:
                    shared[b] = self.reference.settings[a]
            for given in ({}, *OTHERWISE.get(name, ())):
                other = Reference.of(name, {**shared, **given})
                if not any(other.path(form, self.trial, self.taken, tolerance) for form in other.forms):
                    continue
                full = name + "".join(f" with {setting}={value}" for setting, value in given.items())
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

    def in_other_convention(self) -> list[Explanation]:
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
        return [why + convention for why in self.of(other).singles()]

    def with_numbers(self, numbers: set[float]) -> list[Explanation]:
        """A mistake, and a setting that has the value of a number in the learner's code."""
        settings = self.reference.settings
        known = {n: v for n, v in settings.items() if isinstance(v, float) and n not in NOT_DECAYS - {"epsilon"}}
        taken = [*known.values(), *(1 - v for v in known.values())]
        other = [c for c in sorted(numbers) if 0 < c < 1 and not np.isclose(c, taken).any()]
        for name in known:
            for c in (c for c in other if (c < 0.1) == (name == "epsilon") and not self.late()):
                if found := self.of(replace(self.reference, settings={**settings, name: c})).singles():
                    said = f"{name} acts as {c:g}, instead of {settings[name]:g}"
                    return [why + Explanation.of("other-value", said, self.reference.forms[0], 1.25) for why in found]
        return []

    def fitted(self) -> list[Explanation]:
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
                whole = round(1 / c)
                divided = f"divided by {whole}" if abs(whole) > 1 and abs(c * whole - 1) < 1e-6 else f"times {c:.6g}"
                said = (
                    f"the step has the learning rate {divided}"
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

    # ---- two mistakes ------------------------------------------------------------------------------------------

    def pairs(self) -> list[Explanation]:
        """Two mistakes at once, the likeliest first, of those that change the numbers and differ from each other."""
        found: list[Explanation] = []
        for form in self.reference.forms:
            several = self._different(form)
            of_decay = [(f, e) for f, e in several if e.name.startswith("weight-decay")]  # it has few lines
            found += self._in_one_line(form, of_decay) or self._in_two_lines(form, several)
            if not found:
                found += self._in_one_line(form, several)
            if found:
                break
        return _best(found)

    def _different(self, form: Formula) -> list[tuple[Formula, Explanation]]:
        """The edits that change the numbers, one of those that give the same; the likeliest first."""
        seen = {self._numbers(form)}
        several = []
        for formula, explanation in self.variants(form):
            if explanation.assumes <= LIKELY and (key := self._numbers(formula)) not in seen:
                seen.add(key)
                several.append((formula, explanation))
        return sorted(several, key=lambda pair: pair[1].assumes)

    def _numbers(self, formula: Formula) -> Any:
        """Where a formula goes, as a key; None if it cannot run."""
        path = self.reference.path(formula, self.trial)
        return path and np.array(path[0]).tobytes()

    def _in_two_lines(self, form: Formula, several: list[tuple[Formula, Explanation]]) -> list[Explanation]:
        pairs = sorted(combinations(several, 2), key=lambda pair: pair[0][1].assumes + pair[1][1].assumes)
        found, least = [], np.inf
        for (one, why), (two, reason) in islice(pairs, PAIRS):
            if why.assumes + reason.assumes > least or self.late():
                break
            if (both := _merged(form, one, two)) is not None and self.fits(both):
                least = why.assumes + reason.assumes
                found.append(why + reason)
        return _best(found)

    def _in_one_line(self, form: Formula, several: list[tuple[Formula, Explanation]]) -> list[Explanation]:
        """Two mistakes of which the second is made in the lines of the first."""
        found = []
        for formula, why in several[:FIRST]:
            same = len(formula.body) == len(form.body)
            places = [i for i, s in enumerate(formula.body) if (s is not form.body[i] if same else s not in form.body)]
            lines = formula.with_body([formula.body[i] for i in places])
            for edited, reason in self.variants(lines, 1.2) if places and not self.late() else ():
                if len(edited.body) == len(places):
                    body = [*formula.body]
                    for i, statement in zip(places, edited.body):
                        body[i] = statement
                    if self.fits(formula.with_body(body)):
                        found.append(why + reason)
        return _best(found)


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


def _best(found: list[Explanation], slack: float = 0.0) -> list[Explanation]:
    """Return the explanations that assume the least, up to some slack, one of each name."""
    found = sorted(found, key=lambda e: e.assumes)
    least = [e for e in found if e.assumes <= found[0].assumes + slack + 1e-9]
    return list({e.name: e for e in reversed(least)}.values())[::-1]
