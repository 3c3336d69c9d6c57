"""Find the mistakes of the catalogue that explain a wrong gradient: make each at each site, and compare.

A candidate is first compared with the learner's gradient along a few random directions of the input, where its effect
is an inner product (see `tape`); only what agrees there is run as a whole backward pass and compared element by
element. The same numbers serve for pairs of mistakes: where the sum of two effects is the learner's error, both are
made.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.teach.mistakes import CATALOGUE, REDUCTIONS, Block, Edge, Mistake, Site, Variant, Whole
from minigrad.teach.mistakes.factors import factor_words
from minigrad.teach.mistakes.formulas import derivative
from minigrad.teach.mistakes.sites import CHOICES
from minigrad.teach.pool import Pools
from minigrad.teach.responses import Linear, Responses, Together
from minigrad.teach.tape import Tape, Times, Using
from minigrad.teach.wording import Words
from minigrad.tensors.node import unbroadcast

DIRECTIONS = 4
"""The number of random directions along which candidates are compared first."""
CLOSE = 1e-7
"""The relative difference up to which a candidate gives the learner's gradient. The learner's arithmetic and the
engine's are both float64; a gradient in float32 is compared with `CLOSE_32`."""
CLOSE_32 = 2e-4
ONE_OPERATION = ("softmax", "log_softmax", "standardize")
"""Primitives that are functions of several operations already."""
SHARE = 1.4
"""Of these seconds, those for explanations by one mistake, if the graph is large."""
PLAUSIBLE = 60
"""The number of mistakes in all passes of a loop that are combined with others."""
FEW = 150
"""The number of pairs that are made in a walk, where their effect is not known beforehand."""
CLASSIC = ("dropped", "skipped", "wrong product", "other time steps", "overwritten", "other upstream", "mask")
"""Mistakes that are often made together with another one."""
DERIVATIVES = ("1", "y", "1 - y", "y * (1 - y)", "1 - y**2")
"""Local derivatives that often stand for another one."""
TURNED = ("wrong product", "transposed")
"""Mistakes that are likely to be right in the pass that is written before or after the loop."""
IMPOSSIBLE = (ValueError, IndexError, TypeError, ArithmeticError, AttributeError, KeyError, np.linalg.LinAlgError)
"""What a mistake raises at a site where it cannot be made."""
LIMIT = 1.8
"""Seconds of computing after which the search gives up."""


@dataclass
class Candidate:
    """A mistake at a site, or at the sites of all passes of a loop, in one of its variants.

    Attributes:
        effect: the change of the gradient along each direction.
        assumes: how much must be assumed for it to be the explanation.
        part: the passes of a loop in which it is not made, such as "last 2".
        changed: all gradients with the mistake, once they are known.
    """

    mistake: Mistake
    sites: list[Any]
    variants: list[Variant]
    effect: np.ndarray
    assumes: float
    part: str = ""
    changed: np.ndarray | None = None

    @property
    def site(self) -> Any:
        """The first site."""
        return self.sites[0]

    def changes(self) -> dict[str, Any]:
        """Return the arguments of `Tape.walk` that make the mistake."""
        pairs = [(s, v.change) for s, v in zip(self.sites, self.variants)]
        if isinstance(self.site, Edge):
            return {"edges": {(s.k, s.i): c for s, c in pairs}}
        if isinstance(self.site, Block):
            return {"blocks": {s.k: (s.early, c) for s, c in pairs}}
        return {"nodes" if self.mistake.scope == "node" else "arrivals": {s.k: c for s, c in pairs}}


@dataclass
class Explanation:
    """One or two mistakes that give the learner's gradient.

    Attributes:
        candidates: the mistakes.
        assumes: how much must be assumed.
    """

    candidates: tuple[Candidate, ...]
    assumes: float


class Search:
    """The search for what explains one gradient.

    Args:
        tape: the function, with the upstream gradient.
        learners: the learner's gradient, of the input's shape.
        trusted: where it can be compared.
        sizes: the meaning of numbers, such as {32: "the size of dimension 0 of x"}.
        close: the relative difference up to which gradients are the same.
    """

    def __init__(
        self,
        tape: Tape,
        learners: np.ndarray,
        trusted: Any = True,
        sizes: Mapping[int, str] = {},
        close: float = CLOSE,
        limit: float | None = None,
    ) -> None:
        self.sizes = sizes
        self.tape, self.words = tape, Words(tape)
        self.learners, self.right, self.close = learners, tape.gradient, close
        self.trusted = np.broadcast_to(trusted, learners.shape)
        limit = LIMIT if limit is None else limit
        self.started, self.limit = time.thread_time(), limit
        self.until = self.started + limit * SHARE / LIMIT
        self.gave_up = False
        rng = np.random.default_rng(0)
        self.directions = [rng.standard_normal(learners.shape) * self.trusted for _ in range(DIRECTIONS)]
        self.tangents = [tape.tangents(v) for v in self.directions]
        self.stacked = [
            None if any(t[k] is None for t in self.tangents) else np.array([t[k].ravel() for t in self.tangents])
            for k in range(len(tape.ops))
        ]
        self.error = self.along(learners - self.right)
        self.responses = Responses(tape, self.stacked)
        self.largest = float(np.abs(self.right).max(initial=0))
        size = float(np.linalg.norm(learners) + np.linalg.norm(self.right))
        self.tolerance = close * size * max(1.0, np.sqrt(np.prod(learners.shape)) ** 0.5)
        self.singles: list[Candidate] = []
        self._responses: dict[int, list[Any] | None] = {}
        self._found: dict[tuple[int, str], list[Variant]] = {}

    # -- comparing ----------------------------------------------------------------------------------------------------

    def along(self, change: np.ndarray) -> np.ndarray:
        """Return a change of the gradient along the directions."""
        return np.array([float(np.vdot(change, v)) for v in self.directions])

    def effect(self, k: int, delta: np.ndarray) -> np.ndarray:
        """Return the effect of a change `delta` of the gradient of operation k."""
        tangents = self.stacked[k]
        return np.zeros(DIRECTIONS) if tangents is None else tangents @ delta.ravel()

    def agrees(self, gradient: np.ndarray) -> bool:
        """Return whether a gradient is the learner's."""
        if gradient.shape != self.learners.shape or not np.isfinite(gradient).all():
            return False
        size = np.maximum(np.abs(gradient), np.abs(self.learners))
        largest = float(size.max(initial=0, where=np.isfinite(size)))
        largest = max(largest, 1e-5 * self.largest)  # what cancels leaves rounding
        same = np.abs(gradient - self.learners) <= self.close * (10 * size + largest)
        return bool(same[self.trusted].all())

    def late(self) -> bool:
        """Return whether the time is up."""
        self.gave_up = self.gave_up or time.thread_time() > self.until
        return self.gave_up

    def explains(self, *candidates: Candidate) -> bool:
        """Return whether the backward pass with these mistakes gives the learner's gradient."""
        changes: dict[str, Any] = {}
        for c in candidates:
            for name, change in c.changes().items():
                if changes.get(name, {}).keys() & change.keys():
                    return False
                changes.setdefault(name, {}).update(change)
        with np.errstate(all="ignore"):
            try:
                return self.agrees(self.tape.gradient_with(**changes))
            except IMPOSSIBLE:
                return False

    # -- candidates ---------------------------------------------------------------------------------------------------

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
                found += terms
                pending += terms
        return found if len(found) > 1 else []

    def candidates(self, scope: str, site: Any) -> Iterator[Candidate]:
        """Yield the mistakes at a site that change the gradient."""
        place, right = self._right(scope, site)
        derivatives: list[Candidate] = []
        for m in CATALOGUE.values():
            if m.scope != scope:
                continue
            for variant in self._variants(m, site):
                assumes = m.assumes + variant.assumes
                if isinstance(variant.change, Times):
                    derivatives.append(Candidate(m, [site], [variant], self.error, assumes))
                    continue
                effect = self._effect_of(variant, scope, site, place, right)
                if effect is not None:
                    yield Candidate(m, [site], [variant], effect, assumes)
        effects = self._effects(derivatives) if derivatives else None
        if effects is not None:
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
            self._found[key] = found
        return self._found[key]

    def _right(self, scope: str, site: Any) -> tuple[int, Any]:
        """Return the operation whose gradient a change at a site changes, and what arrives there if it is right."""
        if scope == "edge":
            return site.source, site.c
        if scope == "block":
            return site.early, site.right(site.g)
        return site.k, self.tape.gradients[site.k]

    def _effect_of(self, variant: Variant, scope: str, site: Any, place: int, right: Any) -> np.ndarray | None:
        """Return the effect of a mistake; None if it cannot be made, or changes nothing."""
        try:
            if scope == "arrivals":
                given = [
                    self.tape.ops[k].contribution(i, self.tape.gradients[k])
                    for k, i in sorted(site.op.users, key=lambda use: (-use[0], use[1]))
                    if self.tape.gradients[k] is not None
                ]
                new = variant.change([c for c in given if c is not None])
            else:
                change = variant.change
                new = (change.at(self.tape.gradients) if isinstance(change, Using) else change)(site.g)
        except IMPOSSIBLE:
            return None
        if new is None or np.shape(new) != right.shape:
            return None
        effect = self.effect(place, new - right)
        largest = max(map(abs, effect.tolist()))
        return effect if self.tolerance < largest < np.inf else None

    # -- the search ---------------------------------------------------------------------------------------------------

    def one(self) -> list[Explanation]:
        """Return the explanations by one mistake, that which assumes the least first."""
        with np.errstate(all="ignore"):
            found = self._whole()
            self._collect()
            found += [Explanation((c,), c.assumes) for c in self._matching(self.singles)]
            stages: list[tuple[float, Callable[[], list[Explanation]]]] = [
                (1.6, lambda: self._in_loops(self._loops())),
                (1.7, lambda: self._in_loops(self._kinds())),
                (1.6, self._different_forward),
                (1.5, self._formulas),
                (2.4, self._terms),
            ]
            for least, stage in stages:
                if not found or min(e.assumes for e in found) > least:
                    with suppress(*IMPOSSIBLE):
                        found += stage()
        for e in found:  # the parts of a function that is called are a remoter place than its result
            e.assumes += 0.2 * self._within(e.candidates[0])
        return sorted(found, key=lambda e: e.assumes)

    def two(self) -> list[Explanation]:
        """Return an explanation by two mistakes, if there is one."""
        self.until, self.gave_up = self.started + self.limit, False
        with np.errstate(all="ignore"), suppress(*IMPOSSIBLE):
            return self._pairs()
        return []

    def _whole(self) -> list[Explanation]:
        """Return the mistakes in the gradient as a whole."""
        whole = Whole(self.tape.x, self.right, self.learners, self.tape, self.sizes)
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
        last = {self._instruction(scope, site): site.k for scope, site in self.sites()}
        for scope, site in self.sites():
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
                size = float(whole @ whole)
                s = 1 + float(whole @ self.error) / size if size else 1.0
                # a contribution that is 0 up to rounding explains nothing
                shown = size and abs(s) < 1e6 and np.abs(whole).max() > self.tolerance
                if shown and np.abs((s - 1) * whole - self.error).max() <= self.tolerance:
                    nearest = round(s * 1e9) / 1e9
                    site.scale = nearest if abs(nearest - s) < 1e-8 else s
            if place is None or seen[place] == 1 or site.k == last[place]:  # of a loop, the first and the last pass
                self.singles += self.candidates(scope, site)

    def _formulas(self) -> list[Explanation]:
        """Return what gives the gradient if one local derivative, or one factor, is another array or a formula."""
        found: list[Explanation] = []
        every: list[Any] = [*self.edges, *self.blocks]
        for site in every:
            if self.late():
                break
            if self.words.passes(site.k) > 1 and len(self.tape.ops) > 60:
                continue
            if site.is_elementwise:
                found += self._local_derivatives(site)
            elif isinstance(site, Edge) and site.op.kind == "matmul" and np.ndim(site.op.operands[1 - site.i]) > 1:
                found += self._factors_of_product(site)
        return found

    def _local_derivatives(self, site: Edge | Block) -> list[Explanation]:
        """Return the formulas that explain the gradient as the local derivative at a site."""
        shape, block = site.op.value.shape, isinstance(site, Block)
        weights = np.array([(site.g * np.broadcast_to(t[site.source], shape)).ravel() for t in self.tangents]).T
        wanted = self.error + self.effect(site.source, site.c)
        pool = self.pools.near(shape, site.k)
        local = site.right(np.ones(shape)) if isinstance(site, Block) else site.raw(np.ones(shape))
        right = "" if isinstance(site, Block) else derivative(site)
        found: list[Explanation] = []
        for i in pool.likeliest(self._equal(pool.matrix @ weights, wanted)):
            of_own = {b.k for b in pool.made_of[i]} <= {site.k, site.source}
            instead = pool.instead(i, local, self.pools.bases(shape)) if local.shape == shape else ""
            name = "other array" if instead or not of_own else "other derivative" if block else "other function"
            said = pool.said(i)
            said += f", {instead}" if instead and instead != said else f" instead of {right}" if right else ""
            if name == "other array":
                said = f"its local derivative is computed as {said}"
            found += self._local(name, site, pool.matrix[i], said, 1.5 + pool.assumes[i] + 0.6 * (not of_own))
        if found or local.shape != shape:
            return found
        for i in pool.likeliest(self._equal(pool.matrix @ (weights * local.ravel()[:, None]), wanted)):
            said = f"the right one times {pool.said(i)}, a factor too many"
            if pool.texts[i] in ("1 / a", "1 / a**2"):
                said = f"the right one without the factor {pool.said(i).replace('1 / ', '')}"
            name = "other derivative" if block else "other function"
            found += self._local(name, site, pool.matrix[i] * local.ravel(), said, 1.9 + pool.assumes[i])
        return found

    def _local(self, name: str, site: Any, derivative: np.ndarray, said: str, assumes: float) -> list[Explanation]:
        d = derivative.reshape(site.op.value.shape)
        return self._explained(name, site, lambda g: site.fitted(g * d), said, assumes)

    def _terms(self) -> list[Explanation]:
        """Return what gives the gradient if a term is missing, too many, or another one in the gradient of a value."""
        found: list[Explanation] = []
        for k, op in enumerate(self.tape.ops):
            g, tangents = self.tape.gradients[k], self.stacked[k]
            if g is None or tangents is None or self.late() or self.words.passes(k) > 1 and len(self.tape.ops) > 60:
                continue
            bases = [(b.array, b.name) for b in self.pools.bases(op.value.shape)]
            bases += [(np.ones(op.value.shape), "1")] + self._targets(op)
            effects = np.array([tangents @ a.ravel() for a, _ in bases])
            site = Site(self.tape, self.words, k)
            for i in range(len(bases)):
                found += self._term(site, effects[i], bases[i][0], f"{bases[i][1]}")
            for i in range(len(bases)):
                for j in range(i):
                    found += self._term(
                        site,
                        effects[i] - effects[j],
                        bases[i][0] - bases[j][0],
                        f"{bases[i][1]} stands where {bases[j][1]} must stand, or the other way round",
                    )
            if found:
                break
        return found

    def _targets(self, op: Any) -> list[tuple[np.ndarray, str]]:
        """Return arrays of 1 at the elements of an operation's result that are read by an index, 0 elsewhere."""
        found = []
        for k, _ in op.users:
            user = self.tape.ops[k]
            if user.kind == "getitem":
                place = np.zeros(op.value.shape)
                place[user.parameters["index"]] = 1
                found.append((place, f"1 at the elements of {self.words.name(k)}"))
        return found

    def _term(self, site: Site, effect: np.ndarray, array: np.ndarray, said: str) -> list[Explanation]:
        """Return the explanation that a multiple of an array is added to the gradient of a value."""
        square = float(effect @ effect)
        c = float(effect @ self.error) / square if square else 0.0
        if not c or np.abs(c * effect - self.error).max() > 3 * self.tolerance:
            return []
        text, assumes = factor_words(abs(c), self.tape) if not np.isclose(abs(c), 1) else ("", 0.0)
        if assumes > 1:
            return []
        return self._explained("other term", site, lambda g: g + c * array, f"{c:.4g} times {said}", 2.3 + assumes)

    def _factors_of_product(self, site: Edge) -> list[Explanation]:
        """The same for the other factor of a matrix product."""
        other = np.asarray(site.op.operands[1 - site.i])
        name = site.op.primitive.inputs[1 - site.i]
        own = site.op.primitive.inputs[site.i]
        parts = []
        for t in self.tangents:
            c = site.op.contribution(1 - site.i, site.g, {own: t[site.source]})
            if c is None or c.shape != other.shape:
                return []
            parts.append(c.ravel())
        pool = self.pools.near(other.shape, site.k)
        wanted = self.error + self.effect(site.source, site.c)
        found = []
        for i in pool.likeliest(self._equal(pool.matrix @ np.array(parts).T, wanted)):
            row = pool.matrix[i].reshape(other.shape)
            said = f"{pool.said(i)} instead of {site.words.operand(site.k, 1 - site.i)}"
            change = lambda g, r=row: site.op.contribution(site.i, g, {name: r})  # noqa: E731
            found += self._explained("other array", site, change, said, 1.8 + pool.assumes[i])
        return found

    def _equal(self, effects: np.ndarray, wanted: np.ndarray) -> list[int]:
        """Return the rows of effects that are the wanted one."""
        near = np.abs(effects - wanted).max(axis=1) <= 10 * self.tolerance
        return np.flatnonzero(near).tolist()

    def _explained(self, name: str, site: Any, change: Any, detail: str, assumes: float) -> list[Explanation]:
        c = Candidate(CATALOGUE[name], [site], [Variant(change, detail)], self.error, assumes)
        return [Explanation((c,), assumes)] if self.explains(c) else []

    def _instruction(self, scope: str, site: Any) -> Any:
        place = site.op.place
        if place is None:
            return None
        return scope, place.key, site.op.kind, getattr(site, "i", 0)

    def _matching(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates that explain the gradient."""
        near = [c for c in candidates if np.abs(c.effect - self.error).max() <= 10 * self.tolerance]
        near.sort(key=lambda c: c.assumes)
        return [c for c in near[:40] if self.explains(c)]

    def _in_loops(self, groups: Iterable[tuple[list[Any], float]]) -> list[Explanation]:
        """Return mistakes that are made at all sites of a group, the plausible mistakes first."""
        by_scope: dict[str, list[tuple[list[Any], float]]] = {}
        for passes, assumes in groups:
            passes.sort(key=lambda site: -site.k)
            by_scope.setdefault(self._scopes[id(passes[0])], []).append((passes, assumes))
        found: list[Explanation] = []
        for m in sorted(CATALOGUE.values(), key=lambda m: m.assumes):
            if self.late() or found and m.assumes > min(e.assumes for e in found) + 0.4:
                break
            for passes, assumes in by_scope.get(m.scope, ()):
                for c in self._likely([*self._same_everywhere(m, passes, assumes)]):
                    if self.explains(c):
                        found.append(Explanation((c,), c.assumes))
                if self.late():
                    break
        return found

    def _likely(self, candidates: list[Candidate]) -> Iterator[Candidate]:
        """Yield the mistakes in all passes that may explain the gradient; local derivatives are compared at once."""
        together: dict[Any, list[Candidate]] = {}
        for c in candidates:
            if all(isinstance(v.change, Times) for v in c.variants):
                together.setdefault(tuple(map(id, c.sites)), []).append(c)
            elif c.mistake.scope == "arrivals" or self._may_explain(c):
                yield c
        for same in together.values():
            if len(same) < 3:
                yield from (c for c in same if self._may_explain(c))
            else:
                effects = self._effects(same)
                near = [True] * len(same) if effects is None else np.abs(effects - self.error).max(axis=1)
                yield from (c for c, far in zip(same, near) if effects is None or far <= 10 * self.tolerance)

    def _effects(self, candidates: list[Candidate]) -> np.ndarray | None:
        """Return the effects of local derivatives that are wrong in the same passes; None if they are not known."""
        effects = np.zeros((len(candidates), DIRECTIONS))
        changed: list[tuple[Any, np.ndarray]] = []
        sites = candidates[0].sites
        for number, site in enumerate(sites):
            g = self.tape.gradients[site.k]
            upstream = g.reshape(1, -1)
            for response, delta in changed:
                if site.k < len(response) and response[site.k] is not None:
                    upstream = upstream + delta @ response[site.k]
            block = isinstance(site, Block)
            right = site.right(np.ones(g.shape)) if block else site.raw(np.ones(g.shape))
            several = [c.variants[number].change.derivative for c in candidates]
            wrong = np.array([d if np.shape(d) == g.shape else np.broadcast_to(d, g.shape) for d in several])
            delta = upstream.reshape(-1, *g.shape) * (wrong - right)
            if not block:
                delta = np.array([unbroadcast(d, site.operand.shape) for d in delta])
            delta = delta.reshape(len(candidates), -1)
            place = site.source
            if self.stacked[place] is not None:
                effects += delta @ self.stacked[place].T
            if number < len(sites) - 1 and delta.any():
                response = self._response(place)
                if response is None:
                    return None
                changed.append((response, delta))
        return effects

    def _may_explain(self, c: Candidate) -> bool:
        """Return whether a mistake in all passes has the effect that is wanted, or whether that is not known.

        What a mistake changes in one pass is part of the upstream gradient of the earlier ones. That is linear: see
        `_response`.
        """
        gradients = self.tape.gradients
        changed: list[tuple[Any, np.ndarray]] = []
        effect = np.zeros(DIRECTIONS)

        def upstream(k: int) -> np.ndarray:
            g: np.ndarray = gradients[k]
            for response, delta in changed:
                if k < len(response) and response[k] is not None:
                    g = g + (delta @ response[k]).reshape(g.shape)
            return g

        for number, (site, variant) in enumerate(zip(c.sites, c.variants)):
            try:
                g, change = upstream(site.k), variant.change
                new = change.change(g, upstream(change.k)) if isinstance(change, Using) else change(g)
                if isinstance(site, Edge):
                    place, right = site.source, site.contribution(g)
                elif isinstance(site, Block):
                    place, right = site.early, site.right(g)
                else:
                    place, right = site.k, g
                if new is None or np.shape(new) != right.shape:
                    return False
                delta = new - right
                effect = effect + self.effect(place, delta)
                if number < len(c.sites) - 1 and delta.any():
                    response = self._response(place)
                    if response is None:
                        return True
                    changed.append((response, delta.ravel()))
            except IMPOSSIBLE:
                return False
        return bool(np.abs(effect - self.error).max() <= 10 * self.tolerance)

    def _response(self, k: int) -> list[Any] | None:
        """Return, for each operation up to k, the matrix by which its gradient follows that of k; None if too large."""
        if k not in self._responses:
            value = self.tape.ops[k].value
            found: list[Any] | None = None
            if self.responses.small:
                rows = self.responses.matrix[self.responses.of(k)]
                known = [g is not None for g in self.tape.gradients[: k + 1]]
                found = [rows[:, self.responses.of(j)] if known[j] else None for j in range(k + 1)]
            elif value.size * k <= 8000:
                several = [self.tape.below(k, e.reshape(value.shape)) for e in np.eye(value.size)]
                found = [
                    None if gs[0] is None else np.array([g.ravel() for g in gs]) for gs in zip(*several, strict=True)
                ]
            self._responses[k] = found
        return self._responses[k]

    def _loops(self) -> Iterator[tuple[list[Any], float]]:
        """Yield the sites of all passes of an instruction, and what it assumes that the mistake is made in all."""
        groups: dict[Any, list[Any]] = {}
        for site in self._every:
            place = self._instruction(self._scopes[id(site)], site) if id(site) in self._scopes else None
            if place is not None:
                reach = site.words.name(site.early) if isinstance(site, Block) else ""
                groups.setdefault((place, reach), []).append(site)
        yield from ((sites, 0.1) for sites in groups.values() if len(sites) > 1)
        choices: dict[Any, list[Any]] = {}  # the branches of a choice have one condition
        for ((scope, *at), _), sites in groups.items():
            if scope == "edge" and sites[0].op.kind in CHOICES:
                choices.setdefault(tuple(at[:-1]), []).extend(sites)
        for sites in choices.values():
            if len({site.i for site in sites}) > 1:
                yield sorted(sites, key=lambda s: -s.k), 0.1
        calls: dict[Any, list[list[Any]]] = {}  # of a function that is called at several places
        for ((scope, (code, instruction, part, _), kind, i), reach), sites in groups.items():
            calls.setdefault((scope, code, instruction, part, kind, i, "`" in reach), []).append(sites)
        for several in calls.values():
            if len(several) > 1:
                yield sorted((s for sites in several for s in sites), key=lambda s: -s.k), 0.2

    def _kinds(self) -> Iterator[tuple[list[Any], float]]:
        """Yield the sites of all operations of a kind, and what it assumes that the mistake is made at all."""
        groups: dict[Any, list[Any]] = {}
        for site in self._every:
            if not isinstance(site, Block):
                key = (self._scopes[id(site)], site.op.kind, getattr(site, "i", 0))
                groups.setdefault(key, []).append(site)
        for sites in groups.values():
            several = len({self._instruction("", site) for site in sites}) > 1
            if several and 1 < len(sites) <= 12:
                yield sites, 0.5

    def _same_everywhere(self, m: Mistake, passes: list[Any], assumes: float) -> Iterator[Candidate]:
        """Yield the variants of a mistake that can be made in several passes, and in all but some."""
        for c in self._in_all_passes(m, passes, assumes):
            if len(c.sites) > 1 and c.assumes <= 2.7:
                yield c
                yield from self._parts(c)

    def _in_all_passes(self, m: Mistake, passes: list[Any], assumes: float) -> Iterator[Candidate]:
        """Yield the variants of a mistake, made in all passes in which they can be made."""
        several: list[dict[str, Variant]] = []
        for site in passes:
            several.append({v.key or v.detail: v for v in self._variants(m, site)})
        for key in dict.fromkeys(key for of in (several[-1], several[0]) for key in of):
            made = [(site, of[key]) for site, of in zip(passes, several) if key in of]
            variant = made[-1][1]
            cost = m.assumes + variant.assumes + assumes * (len(made) > 1)
            part = "last" if 2 < len(made) + 1 == len(passes) and key not in several[0] else ""
            yield Candidate(m, [s for s, _ in made], [v for _, v in made], self.error, cost, part)

    def _parts(self, whole: Candidate) -> Iterator[Candidate]:
        """Yield the same mistake in all passes but the last ones, or but the first ones: truncated in time."""
        cut = whole.mistake.name in ("dropped", "skipped")
        if whole.part or not (cut or whole.mistake.name in TURNED) or not 2 < len(whole.sites) <= 24:
            return
        for n in range(1, len(whole.sites) if cut else 2):
            for part, which in ((slice(None, -n), "last"), (slice(n, None), "first")):
                sites, variants, assumes = whole.sites[part], whole.variants[part], whole.assumes + 0.5
                yield Candidate(whole.mistake, sites, variants, self.error, assumes, f"{which} {n}" if n > 1 else which)

    def _different_forward(self) -> list[Explanation]:
        """Return the changes of the forward pass whose right gradient is the learner's."""
        joined: list[Candidate] = []
        groups = {tuple(self.words.same_instruction(k)): k for k in range(1, len(self.tape.ops))}
        for passes in groups:
            sites = [Site(self.tape, self.words, k) for k in passes]
            self._every += sites  # the id of a site is that of no other
            for m in CATALOGUE.values():
                if m.scope == "forward":
                    joined += self._in_all_passes(m, sites, 0.1)
        joined.sort(key=lambda c: c.assumes)
        found: list[Explanation] = []
        for c in joined:
            if self.late() or found and c.assumes > found[0].assumes + 0.4:
                break
            try:
                other = self.tape.replay({s.k: v.change for s, v in zip(c.sites, c.variants)})
            except IMPOSSIBLE:
                continue
            in_backward = c.mistake.name in ("wrong index of a part", "wrong array computed again")
            if other is not None and in_backward and not self.agrees(other.gradient):
                # the forward pass is right, and the backward pass reads other elements
                other = self.tape.with_values({s.k: other.ops[s.k].value for s in c.sites})
            if other is not None and other.x.shape == self.learners.shape and self.agrees(other.gradient):
                found.append(Explanation((c,), c.assumes))
        return found

    # -- two mistakes -------------------------------------------------------------------------------------------------

    def _pairs(self) -> list[Explanation]:
        """Return pairs of mistakes that together explain the gradient, where one alone does not."""
        singles = self._distinct()
        found: list[Explanation] = self._with_a_factor(singles) or self._with_a_term(singles)
        if found:
            return found
        effects = np.array([c.effect for c in singles]).reshape(-1, DIRECTIONS)
        order = np.argsort(effects[:, 0])
        first = effects[order, 0]
        wanted = self.error[0] - effects[:, 0]
        low = np.searchsorted(first, wanted - 10 * self.tolerance)
        high = np.searchsorted(first, wanted + 10 * self.tolerance)
        pairs = []
        for i in np.flatnonzero(high > low).tolist():
            for j in order[low[i] : high[i]].tolist():
                if i < j and np.abs(effects[i] + effects[j] - self.error).max() <= 10 * self.tolerance:
                    pairs.append((singles[i].assumes + singles[j].assumes, i, j))
        for assumes, i, j in sorted(pairs)[:20]:
            if self.explains(singles[i], singles[j]):
                found.append(Explanation((singles[i], singles[j]), assumes + 1))
                break
        return found or self._in_series(singles)

    def _distinct(self) -> list[Candidate]:
        """Return one candidate for each effect, that which assumes the least."""
        best: dict[Any, Candidate] = {}
        for c in self.singles:
            if c.assumes > 3.2:
                continue
            key = tuple(np.round(c.effect / max(self.tolerance, 1e-300) / 4).tolist())
            if key not in best or c.assumes < best[key].assumes:
                best[key] = c
        return sorted(best.values(), key=lambda c: c.assumes)

    def _with_a_factor(self, singles: list[Candidate]) -> list[Explanation]:
        """Return mistakes that explain the gradient up to a constant factor."""
        right = self.along(self.right)
        learners = self.along(self.learners)
        size = float(learners @ learners)
        for c in singles:
            mine = right + c.effect
            square = float(mine @ mine)
            if not square or not size:
                continue
            factor = float(mine @ learners) / square
            if not factor or np.abs(factor * mine - learners).max() > 10 * self.tolerance:
                continue
            whole = Whole(self.tape.x, self.right, self.right * factor, self.tape, self.sizes)
            gradient = self.tape.gradient_with(**c.changes()) * factor
            if not self.agrees(gradient):
                continue
            for name in ("whole sign", "whole factor"):
                for variant in CATALOGUE[name].find(whole):
                    if np.allclose(variant.change(self.right), factor * self.right):
                        m = CATALOGUE[name]
                        other = Candidate(m, [], [variant], self.error, m.assumes + variant.assumes)
                        if other.assumes < 2.4:
                            return [Explanation((c, other), c.assumes + other.assumes + 1)]
        return []

    def _with_a_term(self, singles: list[Candidate]) -> list[Explanation]:
        """Return mistakes that explain the gradient up to a multiple of the input or of its sign: another penalty."""
        x = self.tape.x
        if x.size < 4:
            return []
        m = CATALOGUE["regularization"]
        for c in singles:
            if c.assumes > 1.5 or not c.sites:
                continue
            missing = self.error - c.effect
            for array, said in ((x, "the input itself"), (np.sign(x), "the sign of the input")):
                effect = self.along(array)
                square = float(effect @ effect)
                by = float(effect @ missing) / square if square else 0.0
                if not by or np.abs(by * effect - missing).max() > 10 * self.tolerance:
                    continue
                gradients = self._walk(c)
                if gradients is not None and self.agrees(gradients[0] + by * array):
                    detail = f"{by:.6g} times {said}: the term of another penalty"
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
        return self._in_loops_together(groups)

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
                site, change = c.site, c.variants[0].change
                place, right = self._right(c.mistake.scope, site)
                new = (change.at(self.tape.gradients) if isinstance(change, Using) else change)(site.g)
                rows = self.responses.matrix[self.responses.of(place)]
                c.changed = self.responses.right + np.ravel(new - right) @ rows
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
                if m.scope == self._scopes[id(passes[0])] and m.assumes <= 2.0:
                    several += [
                        c for c in self._in_all_passes(m, passes, assumes) if c.assumes <= 2.2 and len(c.sites) > 1
                    ]

        def far_fetched(c: Candidate) -> float:
            activation = c.variants[0].key in DERIVATIVES and c.mistake.name in ("other derivative", "other function")
            far = 0.9 if c.mistake.name == "other derivative" else 1.0
            return c.assumes - 0.4 * (c.mistake.name in CLASSIC) - far * activation + 0.6 * self._within(c)

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

    def _within(self, c: Candidate) -> bool:
        """Return whether a mistake is made at a part of a function that is called."""
        if not c.sites:
            return False
        return self._inside(c.site.k) or isinstance(c.site, Edge | Block) and self._inside(c.site.source)

    def _inside(self, k: int) -> bool:
        """Return whether an operation is a part of a function that is called, and not what it returns."""
        place, outside = self.tape.ops[k].place, self.tape.ops[-1].place
        if place is None or outside is None or place.returned:
            return False
        return len(place.calls) > len(outside.calls)

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
            near = [e for e in together.effects(i, j) if np.abs(e - self.error).max() <= 10 * self.tolerance]
            if near and self.explains(c := known[i], d := known[j]):
                return [Explanation((c, d), c.assumes + d.assumes + 1)]
        for c, d in [*itertools.product(unknown, [*known, *unknown])][:FEW]:
            if self.late():
                break
            if c is not d and self.explains(c, d):
                return [Explanation((c, d), c.assumes + d.assumes + 1)]
        return []


# ---- in words --------------------------------------------------------------------------------------------------------


def sentence(c: Candidate, words: Words | None, template: str = "") -> str:
    """Return the sentence of a mistake at its site, or the hint."""
    fields = dict(c.site.fields) if c.sites else {"node": "", "line": "", "through": "", "operand": ""}
    text = (template or c.mistake.sentence).format(**fields, detail=c.variants[0].detail)
    if template:
        return text
    if c.part:
        cut = " (truncated in time)" * (c.mistake.name == "dropped" and c.part.startswith("last"))
        return f"{text}; this holds in all passes of the loop but the {c.part}{cut}"
    if len(c.sites) > 1:
        same = words is not None and len(words.same_instruction(c.site.k)) > 1
        text += "; this holds " + ("in every pass of the loop" if same else f"at all {len(c.sites)} places")
    return text


def representative(explanations: list[Explanation]) -> list[Explanation]:
    """Return one explanation for each mistake: where the same cut can be made at several places, the best named one."""
    kept: list[Explanation] = []
    by_name: dict[tuple[str, ...], list[Explanation]] = {}
    for e in explanations:
        by_name.setdefault(tuple(c.mistake.name for c in e.candidates), []).append(e)
    for same in by_name.values():
        least = min(e.assumes for e in same)
        kept.append(min((e for e in same if e.assumes <= least + 0.05), key=_plainness))
    return sorted(kept, key=lambda e: e.assumes)


def _plainness(e: Explanation) -> tuple[int, ...]:
    c = e.candidates[0]
    if not c.sites:
        return (0,)
    site = c.site
    variable = bool(site.words.variable(site.k))
    reduction = site.op.kind in REDUCTIONS
    early = site.tape.ops[site.early].place if isinstance(site, Block) else None
    depth = 0 if early is None or early.returned else len(early.calls)  # inside of a function that is called
    constant = reduction and c.mistake.name == "constant"
    return int(not constant), int(not variable), site.k, depth, len(c.variants[0].detail)
