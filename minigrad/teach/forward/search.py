"""Find the mistake in a forward pass: the edits of the reference's operations that give the learner's result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import combinations
from typing import Any

import numpy as np

from minigrad.teach.catalogue import Mistake, Variant
from minigrad.teach.forward.mistakes import CATALOGUE, Reference, Site
from minigrad.teach.mistakes.factors import factor_words
from minigrad.teach.tape import MOVING, Tape

LIMIT = 1.6
"""Seconds of computing after which the search gives up."""
LIKELY = 1.31
"""How much a mistake may assume, so that it is tried together with another one."""
TIE = 0.021
"""Explanations that assume as much, up to this, are all named: either …, or …"""
EXACT, SINGLE, HALF = (1e-6, 1e-9), (2e-4, 1e-5), (1e-2, 2e-3)
"""Relative to the element and to the largest element: results in float64, and in float32."""


@dataclass
class Explanation:
    """Mistakes that together give the learner's numbers: at each site an edit."""

    made: list[tuple[Mistake, list[Site], list[Variant], float]]

    @cached_property
    def assumes(self) -> float:
        return sum(m.assumes + edits[0].assumes + extra for m, _, edits, extra in self.made)

    @property
    def name(self) -> str:
        return " + ".join(m.name for m, _, _, _ in self.made)

    @property
    def site(self) -> Site:
        return self.made[0][1][0]

    @property
    def sites(self) -> list[Site]:
        return [sites[0] for _, sites, _, _ in self.made]

    @property
    def depth(self) -> int:
        """How many calls lead to the first operation: a mistake in the function itself is likelier than in a helper."""
        place = self.site.op.place
        return len(place.calls) if place is not None else 0

    @property
    def edits(self) -> dict[int, Variant]:
        return {s.k: e for _, sites, edits, _ in self.made for s, e in zip(sites, edits)}

    @property
    def sentence(self) -> str:
        said = []
        for m, sites, edits, _ in self.made:
            text = m.said(what=sites[0].what, detail=edits[0].detail)
            if len(sites) > 1 and m.name not in ("exchanged", "moved"):
                loop = len(sites[0].passes) > 1
                text += "; this holds " + ("in every pass of the loop" if loop else f"at all {len(sites)} places")
            said.append(text)
        return "; and ".join(said)

    def __add__(self, other: Explanation) -> Explanation:
        return Explanation([*self.made, *other.made])


EXCHANGED = Mistake("exchanged", "operation", "{detail} are exchanged: each is used where the other belongs", 1.2)
MOVED = Mistake("moved", "operation", "{detail}", 1.25)
FITTED = Mistake("fitted", "operation", "{detail}", 1.5)


class Search:
    """The search for the mistakes that turn the reference's result into the learner's."""

    def __init__(self, tape: Tape, wanted: np.ndarray, tolerance: tuple[float, float]) -> None:
        self.tape, self.wanted, self.tolerance = tape, wanted, tolerance
        self.reference = Reference(tape)
        self.words = self.reference.words
        self.right = [op.value for op in tape.ops]
        self.sites = [Site(self.reference, k) for k in range(1, len(tape.ops))]
        inputs = {k for k, op in enumerate(tape.ops) if op.kind == "input"}
        used = {s for op in tape.ops for s in op.sources}
        self.sites = [s for s in self.sites if s.k in used or s.k == len(tape.ops) - 1 and s.k not in inputs]
        self.found: list[Explanation] = []
        self.tried: list[tuple[Explanation, bytes]] = []
        self.gave_up = False
        self.until = time.thread_time() + LIMIT
        self.finite = bool(np.isfinite(wanted).all())
        self.bound = 4 * (tolerance[0] + tolerance[1]) * float(np.abs(wanted).max(initial=0)) + 1e-300

    def run(self) -> None:
        """Look for one mistake, for one of a kind at several places, for numbers that fit, for two mistakes."""
        stages = [
            (self._singles, 1.2), (self._everywhere, 1.25), (self._in_one_use, 1.3), (self._exchanged, 1.3),
            (self._moved, 1.45), (self._fitted, 1.9), (self._pairs, np.inf),
        ]  # fmt: skip
        for stage, enough in stages:
            for explanation in stage():
                if time.thread_time() > self.until:
                    self.gave_up = True
                    break
                if not self.found or explanation.assumes <= self.best()[0].assumes + TIE:
                    self._try(explanation)
            if self.gave_up or self.found and min(e.assumes for e in self.found) <= enough:
                break

    def best(self) -> list[Explanation]:
        """Return the explanations that assume the least; of each mistake, the one that is the plainest."""
        self.found.sort(key=lambda e: (e.assumes, len(e.sentence)))
        least = [e for e in self.found if e.assumes <= self.found[0].assumes + TIE]
        best: dict[str, Explanation] = {}
        for e in sorted(least, key=lambda e: (e.depth, len(e.sentence))):
            best.setdefault(e.name, e)
        return [e for e in least if best[e.name] is e]

    # ---- candidates ------------------------------------------------------------------------------------------------

    def _edits(self, site: Site, m: Mistake) -> Iterator[Variant]:
        """Yield the ways of making a mistake at a site."""
        with suppress(ValueError, IndexError, TypeError, AttributeError, KeyError, ArithmeticError):
            yield from m.find(site)

    def _singles(self) -> Iterator[Explanation]:
        """Mistakes at one operation; in a loop in all passes, in the first or in the last."""
        catalogue = sorted(CATALOGUE.values(), key=lambda m: m.assumes)
        loops: dict[int, list[Site]] = {}
        for site in self.sites:
            if len(site.passes) > 1:
                loops.setdefault(site.passes[0], []).append(site)
                continue
            for m in catalogue:
                yield from (Explanation([(m, [site], [edit], 0.0)]) for edit in self._edits(site, m))
        for m in catalogue:
            for passes in loops.values():
                if len(passes) > 1:
                    yield from self._together(m, passes, 0.0)
            for passes in loops.values():
                for site in passes[:1] + passes[-1:] if len(passes) > 1 else passes:
                    for edit in self._edits(site, m):
                        yield Explanation([(m, [site], [edit], 0.0 if m.name == "loop" else 0.2)])

    def _everywhere(self) -> Iterator[Explanation]:
        """The same mistake at all operations of a kind."""
        groups: dict[Any, list[Site]] = {}
        for site in self.sites:
            if site.op.kind in ("permute", "reshape") or site.op.kind not in MOVING and site.op.kind != "input":
                parameters = {n: v for n, v in site.op.parameters.items() if n != "index"}
                moved = site.shapes[0] if site.op.kind in MOVING and site.shapes else None
                given = tuple(s is None for s in site.op.sources)
                groups.setdefault((site.op.kind, str(parameters), moved, given), []).append(site)
        for sites in groups.values():
            if 1 < len(sites) <= 12 and len({s.passes[0] for s in sites}) > 1:
                for m in CATALOGUE.values():
                    yield from self._together(m, sites, 0.15, complete=True)

    def _together(self, m: Mistake, sites: list[Site], extra: float, complete: bool = False) -> Iterator[Explanation]:
        """Yield a mistake at several operations at once; with `complete`, only where it can be made at all of them."""
        alike = len({site.what for site in sites}) == 1 and sites[0].k in sites[-1].passes
        several = [{_key(site, edit, alike): edit for edit in self._edits(site, m)} for site in sites]
        for key in several[-1]:
            made = [(site, own[key]) for site, own in zip(sites, several) if key in own]
            if len(made) > 1 and (not complete or len(made) == len(sites)):
                yield Explanation([(m, [s for s, _ in made], [e for _, e in made], extra)])

    def _exchanged(self) -> Iterator[Explanation]:
        """Two values of one shape that stand in each other's place."""
        named = [s for s in self.sites if len(s.passes) == 1 and s.op.value.ndim and
                 (s.op.kind == "input" or self.words.variable(s.k) or s.op.kind == "getitem")][:24]  # fmt: skip
        for a, b in combinations(named, 2):
            if a.op.value.shape == b.op.value.shape and not a.feeds(b.k):
                names = f"{self.words.name(a.k)} and {self.words.name(b.k)}"
                extra = 0.1 * (a.op.kind != b.op.kind)
                edits = [Variant(lambda v, b=b: b.op.value, names), Variant(lambda v, a=a: a.op.value)]
                yield Explanation([(EXCHANGED, [a, b], edits, extra)])
        unpacked = [s for s in self.sites if s.op.kind == "getitem" and len(s.passes) > 1]
        for a, b in combinations(unpacked[:24], 2):  # as i, f, o, g = np.split(a, 4)
            if a.passes == b.passes and a.op.sources == b.op.sources and a.op.value.shape == b.op.value.shape:
                order = f"parts {a.passes.index(a.k)} and {a.passes.index(b.k)} of {a.operand(0)}"
                yield Explanation([(EXCHANGED, [a, b], [Variant(b.again, order), Variant(a.again)], 0.0)])
        parts = [s for s in unpacked if s.k == s.passes[0]]
        for a, b in combinations(parts, 2):
            if a.op.value.shape == b.op.value.shape and a.op.sources == b.op.sources and len(a.passes) == len(b.passes):
                pairs = [[Site(self.reference, k) for k in both] for both in zip(a.passes, b.passes)]
                names = f"{a.what} and {b.what}, in every pass of the loop,"
                edits = [Variant(site.again, names) for pair in pairs for site in reversed(pair)]
                yield Explanation([(EXCHANGED, [site for pair in pairs for site in pair], edits, 0.0)])

    def _moved(self) -> Iterator[Explanation]:
        """A constant factor, a mask or a function at a later operation; an input and the result in another order."""
        for site in self.sites:
            if len(site.passes) > 1 or not site.op.value.ndim or not self.words.variable(site.k):
                continue
            same = [s for s in self.sites if s.op.value.shape == site.op.value.shape and len(s.passes) == 1]
            for start in [s for s in same if s.k < site.k - 1 and s.feeds(site.k)]:
                if start.op.kind != "input" and not self.words.variable(start.k):
                    continue
                for later in [s for s in same if s.k > site.k and site.feeds(s.k) and s.op.kind == "add"]:
                    said = f"the steps from {start.what} to {site.what} come after {later.what} instead of before it"
                    without = Variant(lambda v, s=start: v[s.k], said)
                    after = Variant(lambda v, a=start.k, b=site.k, s=later: self._function(a, b, s.again(v), v))
                    yield Explanation([(MOVED, [site, later], [without, after], 0.0)])
        for site in self.sites:
            once = len(site.numbers) == len(site.passes) == 1
            if site.op.kind not in ("mul", "div") or not once or not site.op.value.ndim:
                continue
            ((i, c),) = site.numbers
            c = c if site.op.kind == "mul" else 1 / c
            without = Variant(lambda v, s=site, i=1 - i: s.operands(v)[i])
            for later in self.sites:
                if later.k > site.k and site.feeds(later.k) and later.op.kind not in MOVING and len(later.passes) == 1:
                    said = f"the factor of {site.what} comes after {later.what}"
                    after = Variant(lambda v, s=later, c=c: c * s.again(v))
                    yield Explanation([(MOVED, [site, later], [replace(without, detail=said), after], 0.0)])
        for site in self.sites:
            if site.op.kind != "where" or site.op.sources[0] is not None or len(site.passes) > 1:
                continue
            for i in [i for i in (1, 2) if site.op.sources[i] is not None and np.ndim(site.op.operands[3 - i]) == 0]:
                kept = np.asarray(site.op.operands[0], bool) == (i == 1)
                without = Variant(lambda v, s=site, i=i: np.broadcast_to(s.operands(v)[i], s.op.value.shape))
                for later in self.sites:
                    if later.k > site.k and site.feeds(later.k) and later.op.value.shape == site.op.value.shape:
                        said = f"the mask of {site.what} is applied after {later.what} (0 instead of its value)"
                        after = Variant(lambda v, s=later, kept=kept: np.where(kept, s.again(v), 0.0))
                        yield Explanation([(MOVED, [site, later], [replace(without, detail=said), after], 0.0)])
        for site in self.sites:
            if site.op.kind != "input" or not site.op.active or site.op.value.ndim < 1:
                continue
            shape, name, last = site.op.value.shape, site.words.name(site.k), self.sites[-1]
            ways: list[tuple[str, Any, Any]] = []
            for d in range(len(shape)):
                if shape[d] > 2 and shape[d] in last.op.value.shape:
                    e = last.op.value.shape.index(shape[d])
                    flip, back = partial(np.flip, axis=d), partial(np.flip, axis=e)
                    ways.append((f"the loop over axis {d} of {name} runs in the opposite direction", flip, back))
            if len(shape) > 2 and shape == last.op.value.shape:
                said = f"{name} is reshaped where its channels should be moved to the end (transpose), and back"
                ways.append((said, _as_channels_last, _from_channels_last))
            for said, change, back in ways:
                edits = [Variant(lambda v, s=site, f=change: f(s.op.value), said),
                         Variant(lambda v, s=last, f=back: f(s.again(v)))]  # fmt: skip
                yield Explanation([(MOVED, [site, last], edits, 0.0)])

    def _function(self, start: int, end: int, x: Any, values: list[Any]) -> Any:
        """Compute the operations from `start` to `end` with another value at the start."""
        made = {start: x}
        for k in range(start + 1, end + 1):
            op = self.tape.ops[k]
            if not made.keys().isdisjoint(op.sources):
                operands = [o if s is None else made.get(s, values[s]) for s, o in zip(op.sources, op.operands)]
                made[k] = op.primitive.recompute(*operands, **op.parameters)
        return made[end]

    def _in_one_use(self) -> Iterator[Explanation]:
        """A mistake in a value that is used several times, of which one use alone shows it."""
        for site in self.sites:
            if len(site.op.users) < 2 or len(site.passes) > 1 or site.op.kind == "input":
                continue
            several = [(m, edit) for m in CATALOGUE.values() for edit in self._edits(site, m)]
            for m, edit in several:
                if m.assumes + edit.assumes > LIKELY:
                    continue
                for k, i in site.op.users:
                    user = Site(self.reference, k)
                    said = m.said(what=site.what, detail=edit.detail)
                    seen = Variant(
                        user.at(i, lambda a, v, e=edit: e.change(v)),
                        f"{said}; this holds in {user.what} alone",
                        edit.assumes,
                    )
                    yield Explanation([(Mistake(m.name, m.scope, "{detail}", m.assumes), [user], [seen], 0.15)])

    def _fitted(self) -> Iterator[Explanation]:
        """A constant, or a factor, with the value that fits the numbers best; it is one if it fits all of them."""
        if self.wanted.size < 3 or self.wanted.shape != self.right[-1].shape or not np.isfinite(self.wanted).all():
            return
        made: Any
        for site in self.sites:
            if len(site.passes) > 1 or site.op.primitive is None or site.op.kind in MOVING:
                continue
            for i, o in site.numbers:
                made = lambda c, site=site, i=i: Variant(site.at(i, lambda a, v: c))  # noqa: E731
                c = self._fit(site.k, made, o) if o else None
                if c is not None:
                    said = f"the constant {o:g} in {site.what} acts as {c:.6g}"
                    yield Explanation([(FITTED, [site], [Variant(made(c).change, said)], 0.0)])
            made = lambda c, site=site: Variant(lambda v: c * site.again(v))  # noqa: E731
            c = self._fit(site.k, made, 1.0)
            if c is not None:
                words, far = factor_words(c, self.tape)
                said = f"{site.what} has a constant factor of {c:.6g}" + (f": {words}" if far < 1 else "")
                yield Explanation([(FITTED, [site], [Variant(made(c).change, said)], 0.1)])

    def _fit(self, k: int, made: Callable[[float], Variant], c: float) -> float | None:
        """Return the number that brings the result closest to the learner's (Gauss-Newton)."""
        for _ in range(12):
            values, moved = self.values({k: made(c * (1 + 1e-12))}), self.values({k: made(c * (1 + 1e-4))})
            if values is None or moved is None or np.shape(moved[-1]) != self.wanted.shape:
                return None
            here, slope = np.asarray(values[-1]), (np.asarray(moved[-1]) - values[-1]) / (c * 1e-4)
            square = float(np.vdot(slope, slope))
            if not square or not np.isfinite(square):
                return None
            change = float(np.vdot(slope, self.wanted - here)) / square
            c += change
            if not np.isfinite(c) or not c:
                return None
            if abs(change) <= 1e-10 * abs(c):
                break
        return c

    def _pairs(self) -> Iterator[Explanation]:
        """Two likely mistakes that change the result, the likeliest pair first."""
        by_result: dict[Any, Explanation] = {}
        right = np.round(np.asarray(self.right[-1], dtype=float), 9).tobytes()
        for explanation, result in sorted(self.tried, key=lambda tried: tried[0].assumes):
            # what alone changes nothing, such as the shift of a softmax, may matter beside another mistake
            by_result.setdefault((explanation.name, explanation.site.k) if result == right else result, explanation)
        likely = sorted(by_result.values(), key=lambda e: e.assumes)[:150]
        pairs = sorted(combinations(range(len(likely)), 2), key=lambda p: likely[p[0]].assumes + likely[p[1]].assumes)
        for i, j in pairs:
            one, two = likely[i], likely[j]
            if not one.edits.keys() & two.edits.keys():
                if self.found and one.assumes + two.assumes > self.best()[0].assumes:
                    break
                yield one + two

    # ---- comparing -------------------------------------------------------------------------------------------------

    def _try(self, explanation: Explanation) -> None:
        values = self.values(explanation.edits)
        if values is None:
            return
        result = np.asarray(values[-1], dtype=float)
        if self._agrees(result):
            self.found.append(explanation)
        elif len(explanation.made) == 1 and explanation.assumes <= LIKELY:
            self.tried.append((explanation, np.round(result, 9).tobytes()))

    def _agrees(self, result: np.ndarray) -> bool:
        """Whether a result is the learner's."""
        if result.shape != self.wanted.shape:
            return False
        if self.finite and float(np.abs(result - self.wanted).max(initial=0)) > self.bound:
            return False
        return equal(self.wanted, result, self.tolerance)

    def values(self, edits: dict[int, Variant]) -> list[Any] | None:
        """Return the values of all operations with these edits; None if something cannot be computed."""
        values = list(self.right)
        changed: set[int] = set()
        try:
            for j in range(min(edits), len(values)):
                op = self.tape.ops[j]
                if j in edits:
                    new = np.asarray(edits[j].change(values))
                    if new.shape == values[j].shape and np.array_equal(new, values[j], equal_nan=True):
                        continue
                    values[j] = new
                elif changed and not changed.isdisjoint(op.sources):
                    operands = [o if s is None else values[s] for s, o in zip(op.sources, op.operands)]
                    if op.kind in ("reshape", "expand") and np.size(operands[0]) != np.size(op.operands[0]):
                        return None
                    values[j] = op.primitive.recompute(*operands, **op.parameters)
                else:
                    continue
                changed.add(j)
        except Exception:
            return None
        return values if changed else None

    def value_at(self, explanation: Explanation, k: int) -> np.ndarray:
        """Return the value of an operation as the learner's code acts."""
        values = self.values(explanation.edits)
        return np.asarray((values or self.right)[k])


def _as_channels_last(a: np.ndarray) -> np.ndarray:
    """Reshape (N, C, …) to (N, …, C), and move the axis of channels."""
    return np.moveaxis(a.reshape(a.shape[0], *a.shape[2:], a.shape[1]), -1, 1)


def _from_channels_last(a: np.ndarray) -> np.ndarray:
    return np.moveaxis(a, 1, -1).reshape(a.shape)


def _key(site: Site, edit: Variant, alike: bool) -> str:
    """Return what is the same for an edit at several operations: its key or detail, without names unless `alike`."""
    if edit.key or alike:
        return edit.key or edit.detail
    key = edit.detail
    operands = [(site.operand(i), f"…{i}") for i in range(len(site.op.sources))]
    own = [(site.words.name(site.k), "…")] if len(site.passes) == 1 else []
    for name, instead in ((site.what, "…"), *operands, *own):
        key = key.replace(name, instead)
    return key


def equal(a: np.ndarray, b: np.ndarray, tolerance: tuple[float, float]) -> bool:
    """Whether two results agree."""
    if a.shape != b.shape:
        return False
    scale = float(np.abs(b[np.isfinite(b)]).max(initial=0.0))
    return bool(np.all(np.isclose(a, b, rtol=tolerance[0], atol=tolerance[1] * scale, equal_nan=True)))
