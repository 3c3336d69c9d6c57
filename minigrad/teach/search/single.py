"""Mistakes at one site, and in the gradient as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from minigrad.teach.mistakes import CATALOGUE, Block, Edge, Mistake, Site, Variant, Whole
from minigrad.teach.mistakes.factors import nearest_factor
from minigrad.teach.mistakes.functions import log_softmax_axis
from minigrad.teach.pool import Pools
from minigrad.teach.search.candidates import Candidate, Explanation
from minigrad.teach.search.comparison import DIRECTIONS, IMPOSSIBLE, Comparison
from minigrad.teach.tape import Times, Using
from minigrad.tensors.node import unbroadcast

OF_PROBABILITIES = ("probabilities", "cross entropy", "log-sum-exp")
"""Mistakes in the probabilities that a gradient is computed from."""
FORGOTTEN = ("dropped", "overwritten", "earlier terms", "other time steps", "other array")
"""Mistakes that are likely in one pass of a loop alone, the first or the last."""
ONE_OPERATION = ("softmax", "log_softmax", "standardize")
"""Primitives that are functions of several operations already."""


class Single(Comparison):
    """The sites of a tape, and the mistakes at each of them."""

    def sites(self) -> Iterator[tuple[str, Any]]:
        """Yield all sites with the scope of their mistakes."""
        tape, words = self.tape, self.words
        for k, i in tape.edges:
            yield "edge", Edge(tape, words, k, i)
        for k in range(len(tape.ops) - 1, -1, -1):
            if tape.gradients[k] is not None:
                if len(tape.ops[k].users) > 1 and k < len(tape.ops) - 1:
                    yield "arrivals", Site(tape, words, k)
                if k:
                    yield "node", Site(tape, words, k)
        if tape.x.ndim > 1:
            yield from (("block", Block(tape, words, k, 0)) for k in self._terms_of_sum())
        nearest = tape.dominators()
        for k in range(1, len(tape.ops)):
            if tape.gradients[k] is None:
                continue
            early = k
            for _ in range(10):
                if not early:
                    break
                early = nearest[early]
                shape, of = tape.ops[k].value.shape, tape.ops[early].value.shape
                if early == k or shape != of and math.prod(shape) * max(of, default=1) < math.prod(of):
                    continue
                op = tape.ops[k]
                twice = len(op.sources) == 2 and op.sources[0] == op.sources[1]  # x * x
                if twice or op.kind in ONE_OPERATION or len(tape.between(k, early)) > 1:
                    yield "block", Block(tape, words, k, early)

    def _terms_of_sum(self) -> list[int]:
        """Return the operations that are terms of the sum, or of the difference, that the function returns."""
        found, pending = [], [len(self.tape.ops) - 1]
        while pending:
            op = self.tape.ops[pending.pop()]
            terms = [s for s in op.sources if s and self.tape.ops[s].active]
            if op.kind in ("add", "sub", "neg") or (op.kind in ("mul", "div") and len(terms) == 1 == op.value.size):
                # what a loop has added up so far is no term
                found += [s for s in terms if s != op.sources[0] or self.words.passes(s) < 3]
                pending += terms
        return found if len(found) > 1 else []

    def candidates(self, scope: str, site: Any) -> Iterator[Candidate]:
        """Yield the mistakes at a site that change the gradient."""
        derivatives: list[Candidate] = []
        for m in CATALOGUE.values():
            if m.scope != scope:
                continue
            for variant in self._variants(m, site):
                assumes = m.assumes + variant.assumes
                if isinstance(variant.change, Times):
                    derivatives.append(Candidate(m, [site], [variant], self.error, assumes))
                    continue
                effect = self._effect_of(variant, scope, site)
                if effect is not None:
                    yield Candidate(m, [site], [variant], effect, assumes)
        if derivatives:
            effects = self._effects(derivatives)
            largest = np.abs(effects).max(axis=1)
            for n in np.flatnonzero((largest > self.tolerance) & (largest < np.inf)):
                derivatives[n].effect = effects[n]
                yield derivatives[n]

    def _variants(self, m: Mistake, site: Any) -> list[Variant]:
        """Return the variants of a mistake at a site."""
        key = (id(site), m.name)
        if key not in self._found:
            found: list[Variant] = []
            with suppress(*IMPOSSIBLE):
                found.extend(m.find(site))
            if wrong := [v for v in found if not isinstance(v, Variant)]:
                raise TypeError(f"mistake {m.name!r} must yield a Variant for each way of making it, got {wrong[0]!r}")
            self._found[key] = found
        return self._found[key]

    def _effect_of(self, variant: Variant, scope: str, site: Any) -> np.ndarray | None:
        """Return the effect of a mistake; None if it cannot be made, or changes nothing."""
        try:
            delta = self._delta(variant.change, scope, site, self.tape.gradients.__getitem__)
        except IMPOSSIBLE:
            return None
        effect = self.effect(site.source, delta)
        largest = max(map(abs, effect.tolist()))
        return effect if self.tolerance < largest < np.inf else None

    def _delta(self, change: Any, scope: str, site: Any, now: Callable[[int], Any]) -> np.ndarray:
        """Return what a mistake changes at a site, where `now` has the gradients of the operations.

        Raises:
            Exception: one of `IMPOSSIBLE`, if it cannot be made there.
        """
        g = now(site.k)
        if scope == "arrivals":
            uses = [(k, i) for k, i in site.uses if self.tape.gradients[k] is not None]
            several = [self.tape.ops[k].contribution(i, now(k)) for k, i in uses]
            given = [c for c in several if c is not None]
            new, right = change(given), sum(given)
        else:
            new = change.change(g, now(change.k)) if isinstance(change, Using) else change(g)
            right = site.c if g is site.g else site.contribution(g)
        if np.shape(new) != site.c.shape:
            raise ValueError("the contribution has another shape")
        return np.asarray(new - right)

    def _whole(self) -> list[Explanation]:
        """Return the mistakes in the gradient as a whole."""
        whole = Whole(self.tape.x, self.right, self.learners, self.tape, self.sizes, self.words)
        found = []
        for m in CATALOGUE.values():
            if m.scope != "gradient":
                continue
            for variant in m.find(whole):
                new = np.asarray(variant.change(self.right))
                if self.agrees(new) and not np.array_equal(new, self.right):
                    c = Candidate(m, [], [variant], self.along(new - self.right), m.assumes + variant.assumes)
                    found.append(Explanation((c,), c.assumes))
        return found

    def _collect(self) -> None:
        """Make all mistakes at single sites."""
        self.edges: list[Edge] = []
        self.blocks: list[Block] = []
        self.pools = Pools(self.tape, self.words)
        self._every: list[Any] = []
        self._scopes: dict[int, str] = {}
        seen: dict[Any, int] = {}
        every = [*self.sites()]
        last = {self._instruction(scope, site): site.k for scope, site in every}
        # if time is short, what is not in a loop has been tried
        for scope, site in sorted(every, key=lambda one: self.words.passes(one[1].k) > 1):
            self._every.append(site)
            self._scopes[id(site)] = scope
            place = self._instruction(scope, site)
            seen[place] = seen.get(place, 0) + 1
            if self.late():
                continue
            if scope == "block":
                self.blocks.append(site)
            if scope == "edge":
                self.edges.append(site)
                whole = self.effect(site.source, site.c)
                site.effect = whole
                s = 1 + nearest_factor(self.error, whole)
                # a contribution that is 0 up to rounding explains nothing
                shown = abs(s) < 1e6 and np.abs(whole).max() > self.tolerance
                if shown and self.is_near((s - 1) * whole, times=1):
                    nearest = round(s * 1e9) / 1e9
                    site.scale = nearest if abs(nearest - s) < 1e-8 else s
            if place is None or seen[place] == 1 or site.k == last[place]:  # of a loop, the first and the last pass
                for c in self.candidates(scope, site):
                    # in one pass of a loop alone, a contribution is forgotten rather than computed in another way
                    far = 0.6 if scope == "block" else 0.3 * (c.mistake.name not in FORGOTTEN)
                    far += 0.9 * (c.mistake.name == "earlier terms" and seen[place] > 1)  # some terms are left out
                    c.assumes += far * self.words.is_loop(site.k)
                    self.singles.append(c)

    def _instruction(self, scope: str, site: Any) -> Any:
        place = site.op.place
        return None if place is None else (scope, place.key, site.op.kind, getattr(site, "i", 0))

    def _matching(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates that explain the gradient."""
        near = [c for c in candidates if self.is_near(c.effect)]
        near.sort(key=lambda c: c.assumes)
        return [c for c in near[:40] if self.explains(c)]

    def _with_the_known_sum(self) -> list[Explanation]:
        """Return wrong probabilities where a log-softmax stands before them, whose gradient is g - p * sum(g).

        By hand, sum(g) is a number such as N that is known beforehand, and the wrong probabilities do not change it.
        """
        found = []
        for early in (b for b in self.blocks if b.x.shape == b.y.shape and b.x.ndim and b.y.max() <= 0):
            if (axis := log_softmax_axis(early)) is None:
                continue
            known = np.exp(early.y) * early.g.sum(axis=axis, keepdims=True)
            m = CATALOGUE["log-softmax"]
            with_sum = Candidate(m, [early], [Variant(lambda g, known=known: g - known)], self.error, 0.0)
            several = [c for c in self.singles if c.mistake.name in OF_PROBABILITIES and c.site.k > early.k]
            for c in sorted(several, key=lambda c: c.assumes):
                if not self.late() and self.explains(c, with_sum):
                    found.append(Explanation((c,), c.assumes + 0.1))
                    break
        return found

    def _within(self, c: Candidate) -> bool:
        """Return whether a mistake is made at a part of a function that is called."""
        return bool(c.sites) and (self._inside(c.site.k) or self._inside(c.site.source))

    def _refuted(self, c: Candidate) -> bool:
        """Return whether a mistake changes a gradient that is known to be right."""
        sound: Any = getattr(self.tape.recording, "sound", ())
        return any(self.tape.ops[site.source].node in sound for site in c.sites)

    def _inside(self, k: int) -> bool:
        """Return whether an operation is a part of a function that is called, and not what it returns."""
        place, outside = self.tape.ops[k].place, self.tape.ops[-1].place
        if place is None or outside is None or place.returned:
            return False
        return len(place.calls) > len(outside.calls)

    def _effects(self, candidates: Sequence[Candidate]) -> np.ndarray:
        """Return the effects of mistakes at one or several sites, a row for each; nan where it cannot be made.

        What a mistake changes in one pass of a loop is part of the upstream gradients of the earlier ones. All
        mistakes go back together: a row of what is changed in each gradient.
        """
        effects = np.zeros((len(candidates), DIRECTIONS))
        at: dict[int, dict[int, list[tuple[int, Any, Any]]]] = {}  # operation -> site -> the mistakes there
        reads = 0  # the operations at which what is changed later matters
        for n, c in enumerate(candidates):
            linked = len(c.sites) > 1 and any(self._links(c.sites))
            for site, variant in zip(c.sites, c.variants):
                at.setdefault(site.k, {}).setdefault(id(site), []).append((n, site, variant.change))
                reads |= linked << site.k
        changed: dict[int, np.ndarray] = {}

        def add(k: int, rows: Any, delta: np.ndarray) -> None:
            if self.tape.ancestors[k] & reads:
                if k not in changed:
                    changed[k] = np.zeros((len(candidates), self.tape.ops[k].value.size))
                changed[k][rows] += delta

        def now(n: int, k: int) -> Any:
            g = self.tape.gradients[k]
            return g + changed[k][n].reshape(g.shape) if k in changed else g

        for k in range(max(at), min(at) - 1, -1):
            for several in at.get(k, {}).values():
                site = several[0][1]
                derivatives = [(n, change.derivative) for n, _, change in several if isinstance(change, Times)]
                if derivatives:  # all at once
                    rows, shape = [n for n, _ in derivatives], site.g.shape
                    wrong = np.array([d if np.shape(d) == shape else np.broadcast_to(d, shape) for _, d in derivatives])
                    g = site.g + changed[k][rows].reshape(wrong.shape) if k in changed else site.g
                    delta = g * (wrong - site.local)
                    if isinstance(site, Edge) and shape != site.operand.shape:
                        delta = np.array([unbroadcast(d, site.operand.shape) for d in delta])
                    delta = delta.reshape(len(rows), -1)
                    if self.stacked[site.source] is not None:
                        effects[rows] += delta @ self.stacked[site.source].T
                    add(site.source, rows, delta)
                for n, _, change in several:
                    if not isinstance(change, Times):
                        try:
                            scope = candidates[n].mistake.scope
                            delta = self._delta(change, scope, site, partial(now, n)).ravel()
                            effects[n] += self.effect(site.source, delta)
                            add(site.source, n, delta)
                        except IMPOSSIBLE:
                            effects[n] = np.nan
            for i, s in self.tape.ways(self.tape.ops[k]) if k in changed else ():
                more = self.responses.through(k, i, changed[k]) if self.tape.ancestors[s] & reads else None
                if more is not None:
                    add(s, slice(None), more)
        return effects

    def _links(self, sites: list[Any]) -> list[list[int]]:
        """Return for each site the earlier ones of these, in the order of the backward pass, whose change reaches it.

        In a loop whose passes do not depend on each other, as over the positions of a convolution, there are none.
        """
        key = tuple(map(id, sites))
        if key not in self._linked:
            reached = [self.tape.ancestors[site.source] for site in sites]
            self._linked[key] = [[j for j in range(n) if reached[j] >> site.k & 1] for n, site in enumerate(sites)]
        return self._linked[key]
