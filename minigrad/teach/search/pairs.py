"""Two mistakes that together explain a gradient, where one alone does not."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import Any

import numpy as np

from minigrad.teach.mistakes import CATALOGUE, Edge, Variant, Whole
from minigrad.teach.mistakes.factors import nearest_factor
from minigrad.teach.mistakes.whole import of_a_penalty, penalty
from minigrad.teach.search.candidates import Candidate, Explanation
from minigrad.teach.search.comparison import DIRECTIONS, IMPOSSIBLE
from minigrad.teach.search.loops import Loops
from minigrad.teach.search.responses import Linear, Together
from minigrad.teach.tape import Times, Using, resolved

PLAUSIBLE = 150
"""The number of mistakes in all passes of a loop that are combined with others."""
SIMPLE = 1.3
"""How much may be assumed for each of two simple mistakes."""
FEW = 150
"""The number of pairs that are made in a walk, where their effect is not known beforehand."""
CLASSIC = ("dropped", "skipped", "wrong product", "other time steps", "overwritten", "other upstream", "mask")
"""Mistakes that are often made together with another one."""
DERIVATIVES = ("1", "y", "1 - y", "y * (1 - y)", "1 - y**2", "1.0 * (x > 0)")
"""Local derivatives that often stand for another one."""


class Pairs(Loops):
    """Pairs of mistakes: side by side, in series, both in all passes of a loop, one and a factor or a penalty."""

    def _pairs(self) -> list[Explanation]:
        """Return pairs of mistakes that together explain the gradient, where one alone does not."""
        singles = self._distinct()
        found: list[Explanation] = (
            self._scaled_terms() or self._with_a_factor(self.scaled + singles) or self._with_a_term(singles)
        )
        effects = np.array([c.effect for c in singles]).reshape(-1, DIRECTIONS)
        order = np.argsort(effects[:, 0])
        first = effects[order, 0]
        wanted = self.error[0] - effects[:, 0]
        low = np.searchsorted(first, wanted - 10 * self.tolerance)
        high = np.searchsorted(first, wanted + 10 * self.tolerance)
        pairs = []
        for i in np.flatnonzero(high > low).tolist():
            for j in order[low[i] : high[i]].tolist():
                if i < j and self.is_near(effects[i] + effects[j]):
                    pairs.append((singles[i].assumes + singles[j].assumes, i, j))
        for assumes, i, j in sorted(pairs)[:20]:
            if found and found[0].assumes <= assumes + 1:
                break
            if self.explains(singles[i], singles[j]):
                return [Explanation((singles[i], singles[j]), assumes + 1)]
        return found or self._in_series(singles)

    def _scaled_terms(self) -> list[Explanation]:
        """Return the factors of the terms of the loss that explain the gradient: 1/N of the data, 2 of the penalty."""
        k = len(self.tape.ops) - 1
        sites: list[Edge] = []
        while self.tape.ops[k].value.size == 1 and not sites:
            active = [(i, s) for i, s in self.tape.ways(self.tape.ops[k]) if s]
            if len(active) == 2 and self.tape.ops[k].kind in ("add", "sub"):
                sites = [Edge(self.tape, self.words, k, i) for i, _ in active]
            elif len(active) == 1:
                k = active[0][1]
            else:
                return []
        if len(sites) != 2 or self.learners.size < 4:
            return []
        terms = np.array([self.effect(site.source, site.c) for site in sites])
        factors, *_ = np.linalg.lstsq(terms.T, self.learners_along, rcond=None)
        if not self.is_near(factors @ terms, self.learners_along) or np.isclose(factors, 1).any():
            return []
        several = []
        for site, factor in zip(sites, factors.tolist()):
            site.scale = round(factor, 9)
            variants = [v for v in CATALOGUE["factor"].find(site) if v.assumes < 1]
            if np.isclose(factor, 0, atol=1e-7):
                variants = [*CATALOGUE["dropped"].find(site)]
            several += [Candidate(CATALOGUE["factor"], [site], [v], self.error, 1.7 + v.assumes) for v in variants]
        if len(several) == 2 and self.explains(*several):
            return [Explanation((several[0], several[1]), sum(c.assumes for c in several) + 1)]
        return []

    def _distinct(self) -> list[Candidate]:
        """Return one candidate for each effect, that which assumes the least."""
        best: dict[Any, Candidate] = {}
        for c in self.singles:
            if c.assumes > (3.2 if self.learners.size > 1 else 1.5):  # many sums of two numbers are one number
                continue
            key = tuple(np.round(c.effect / max(self.tolerance, 1e-300) / 4).tolist())
            if key not in best or c.assumes < best[key].assumes:
                best[key] = c
        return sorted(best.values(), key=lambda c: c.assumes)

    def _with_a_factor(self, singles: list[Candidate]) -> list[Explanation]:
        """Return mistakes that explain the gradient up to a constant factor."""
        right, learners, found = self.right_along, self.learners_along, []
        size = float(learners @ learners)
        for c in singles:
            mine = right + c.effect
            square = float(mine @ mine)
            if not square or not size:
                continue
            factor = float(mine @ learners) / square
            if not factor or not self.is_near(factor * mine, learners):
                continue
            whole = Whole(self.tape.x, self.right, self.right * factor, self.tape, self.sizes, self.words)
            gradient = self.tape.gradient_with(**c.changes()) * factor
            if not self.agrees(gradient):
                continue
            if np.isclose(factor, 1, rtol=1e-9):
                return [Explanation((c,), c.assumes)]
            for m in (CATALOGUE["whole sign"], CATALOGUE["whole factor"]):
                for variant in m.find(whole):
                    if np.allclose(variant.change(self.right), factor * self.right):
                        other = Candidate(
                            m, [], [variant], self.error, m.assumes + variant.assumes + 0.4 * (factor < 0)
                        )
                        if other.assumes < 2.4:
                            found.append(Explanation((c, other), c.assumes + other.assumes + 1))
        return sorted(found, key=lambda e: e.assumes)[:1]

    def _with_a_term(self, singles: list[Candidate]) -> list[Explanation]:
        """Return mistakes that explain the gradient up to a multiple of the input or of its sign: another penalty."""
        x = self.tape.x
        if x.size < 4:
            return []
        m = CATALOGUE["regularization"]
        whole = Whole(x, self.right, self.learners, self.tape, self.sizes, self.words)
        own = penalty(whole)
        for c in singles:
            if c.assumes > 1.5 or not c.sites:
                continue
            missing = self.error - c.effect
            for array, said in ((x, "the input itself"), (np.sign(x), "the sign of the input")):
                effect = self.along(array)
                by = nearest_factor(missing, effect)
                if not by or not self.is_near(by * effect, missing):
                    continue
                gradients = self._walk(c)
                if gradients is not None and self.agrees(gradients[0] + by * array):
                    detail = f"{by:.6g} times {said}: the term of "
                    known = own and array is x
                    detail += f"the penalty is {of_a_penalty(1 + by / own, whole)[0]}" if known else "another penalty"
                    term = Candidate(m, [], [Variant(np.asarray, detail)], self.error, m.assumes)
                    return [Explanation((c, term), c.assumes + m.assumes + 1)]
        return []

    def _in_series(self, singles: list[Candidate]) -> list[Explanation]:
        """Return pairs of mistakes of which one changes the upstream gradient of the other."""
        maps: dict[int, list[tuple[Candidate, np.ndarray]]] = {}
        for d in singles:
            if d.assumes > 2.0 or d.mistake.scope == "arrivals" or self.words.passes(d.site.k) > 1:
                continue
            if (made := self._linear(d)) is not None:
                maps.setdefault(d.site.k, []).append((d, made))
        alone = [c for c in singles if c.assumes <= 2.0 and c.sites and self.words.passes(c.site.k) == 1]
        groups = self._plausible()
        first, vectors = [], []
        for c in sorted([*alone, *groups], key=lambda c: c.assumes):
            if self.late():
                break
            if (vector := self._changed(c)) is not None:
                first.append(c)
                vectors.append(vector)
        if vectors and maps:
            changed = np.array(vectors)
            missing = self.error - np.array([c.effect for c in first])
            pairs = []
            for k, several in maps.items():
                matrix = np.array([made for _, made in several])
                here = self.responses.of(k)
                if changed[:, here].shape[1] != matrix.shape[2]:
                    continue
                effects = np.einsum("ck,ndk->cnd", changed[:, here], matrix, optimize=True)
                near = np.abs(effects - missing[:, None]).max(axis=2) <= 10 * self.tolerance
                pairs += [(first[i], several[n][0]) for i, n in np.argwhere(near).tolist()]
            pairs.sort(key=lambda pair: pair[0].assumes + pair[1].assumes)
            for c, d in pairs[:40]:
                if self.explains(c, d):
                    return [Explanation((c, d), c.assumes + d.assumes + 1)]
        return self._computed(singles, first, vectors) or self._in_loops_together(groups)

    def _computed(self, singles: list[Candidate], first: list[Candidate], vectors: list[Any]) -> list[Explanation]:
        """Return pairs in series whose second mistake has no matrix: it is made on the changed upstream gradient."""
        second = [
            d for d in singles if d.assumes <= SIMPLE and d.sites and d.mistake.scope in ("edge", "node", "block")
        ]
        second = [d for d in second if d.site.op.value.size > 24 and self.words.passes(d.site.k) == 1]
        second = [d for d in second if not isinstance(d.variants[0].change, Using | Times)]
        changed = [(c, vector) for c, vector in zip(first, vectors) if c.assumes <= SIMPLE + 0.4]
        simplest = sorted(itertools.product(changed, second), key=lambda pair: pair[0][0].assumes + pair[1].assumes)
        for (c, vector), d in simplest:
            if self.late():
                break
            here = self.responses.of(d.site.k)
            if c.site.k < d.site.k or np.array_equal(vector[here], self.responses.right[here]):
                continue
            g = vector[here].reshape(d.site.op.value.shape)
            with suppress(*IMPOSSIBLE):
                effect = c.effect + self.effect(d.site.source, d.variants[0].change(g) - d.site.contribution(g))
                if self.is_near(effect) and self.explains(c, d):
                    return [Explanation((c, d), c.assumes + d.assumes + 1)]
        return []

    def _linear(self, d: Candidate) -> np.ndarray | None:
        """Return the matrix that gives the effect of a mistake for an upstream gradient; None if there is none."""
        change = d.variants[0].change
        if isinstance(change, Using) or not isinstance(change, Times) and d.site.op.value.size > 24:
            return None
        with suppress(*IMPOSSIBLE):
            made = self.responses.linear(d.sites, [change])
            return None if made is None else made.effect.T
        return None

    def _changed(self, c: Candidate) -> np.ndarray | None:
        """Return all gradients with a mistake as one vector, None if it cannot be made."""
        if c.changed is None and len(c.sites) == 1 and c.mistake.scope != "arrivals" and self.responses.small:
            with suppress(*IMPOSSIBLE):
                new = resolved(c.variants[0].change, self.tape.gradients)(c.site.g)
                rows = self.responses.matrix[self.responses.of(c.site.source)]
                c.changed = self.responses.right + np.ravel(new - c.site.c) @ rows
        elif c.changed is None and (gradients := self._walk(c)) is not None:
            c.changed = self.responses.vector(gradients)
        return c.changed

    def _walk(self, c: Candidate) -> list[Any] | None:
        """Return all gradients with a mistake, None if it cannot be made."""
        try:
            gradients = self.tape.walk(**c.changes())
        except IMPOSSIBLE:
            return None
        right_shape = gradients[0] is not None and gradients[0].shape == self.learners.shape
        return gradients if right_shape else None

    def _plausible(self) -> list[Candidate]:
        """Return the likeliest mistakes in all passes of a loop, one for each gradient that they give."""
        several: list[Candidate] = []
        for passes, assumes in self._loops():
            passes.sort(key=lambda site: -site.k)
            for m in CATALOGUE.values():
                if m.scope == self._scopes[id(passes[0])] and m.assumes <= 2.0 and not self.late():
                    several += [
                        c for c in self._in_all_passes(m, passes, assumes) if c.assumes <= 2.2 and len(c.sites) > 1
                    ]

        def far_fetched(c: Candidate) -> float:
            activation = c.variants[0].key in DERIVATIVES and c.mistake.name in ("other derivative", "other function")
            far = 0.9 if c.mistake.name == "other derivative" else 1.0
            step = c.mistake.name == "other array" and c.variants[0].detail.startswith(("the new", "the old"))
            step = step or c.variants[0].key.endswith("previous")
            return c.assumes - 0.6 * step - 0.4 * (c.mistake.name in CLASSIC) - far * activation + 0.6 * self._within(c)

        several.sort(key=far_fetched)
        found: dict[Any, Candidate] = {}
        for c in several[: 2 * PLAUSIBLE]:
            gradients = None if self.late() else self._walk(c)
            if gradients is not None:
                effect = self.along(gradients[0] - self.right)
                if np.abs(effect).max() > self.tolerance and np.isfinite(effect).all():
                    c.effect, c.changed = effect, self.responses.vector(gradients)
                    found.setdefault(tuple(np.round(effect / max(self.tolerance, 1e-300) / 4).tolist()), c)
        return [*found.values()][:PLAUSIBLE]

    def _in_loops_together(self, groups: list[Candidate]) -> list[Explanation]:
        """Return pairs of mistakes that are both made in all passes of a loop, and mistakes up to a factor."""
        if found := self._with_a_factor(groups):
            return found
        linear: list[tuple[Linear, np.ndarray]] = []
        known: list[Candidate] = []
        unknown: list[Candidate] = []
        for c in groups:
            made = None
            if not self.late() and c.changed is not None:
                with suppress(*IMPOSSIBLE):
                    made = self.responses.linear(c.sites, [v.change for v in c.variants], c.mistake.scope)
            if made is None or c.changed is None:
                unknown.append(c)
            else:
                known.append(c)
                linear.append((made, c.changed))
        together = Together(self.responses, linear)
        for i, j in sorted(itertools.combinations(range(len(known)), 2), key=sum):
            if self.late():
                break
            near = [e for e in together.effects(i, j) if self.is_near(e)]
            if near and self.explains(c := known[i], d := known[j]):
                return [Explanation((c, d), c.assumes + d.assumes + 1)]
        for c, d in [*itertools.product(unknown, [*known, *unknown])][:FEW]:
            if self.late():
                break
            if c is not d and self.explains(c, d):
                return [Explanation((c, d), c.assumes + d.assumes + 1)]
        return []
