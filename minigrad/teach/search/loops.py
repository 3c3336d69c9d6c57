"""Mistakes in all passes of a loop, at all operations of a kind, and in the forward pass."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Elementwise
from minigrad.teach.mistakes import CATALOGUE, Block, Edge, Mistake, Site, Variant
from minigrad.teach.mistakes.factors import nearest_factor
from minigrad.teach.mistakes.sites import CHOICES
from minigrad.teach.search.candidates import Candidate, Explanation
from minigrad.teach.search.comparison import IMPOSSIBLE
from minigrad.teach.search.single import Single
from minigrad.teach.tape import Tape

PLAIN = ("dropped", "sign", "skipped", "constant", "doubled")
"""Mistakes that are also made in some passes of a loop alone."""
AT_ONCE = 64
"""The number of mistakes that are made in one way back through a loop."""
TURNED = ("wrong product", "transposed")
"""Mistakes that are likely to be right in the pass that is written before or after the loop."""


class Loops(Single):
    """One mistake at several sites."""

    def _in_loops(self, groups: Iterable[tuple[list[Any], float]]) -> list[Explanation]:
        """Return mistakes that are made at all sites of a group, the plausible mistakes first."""
        by_scope: dict[str, list[tuple[list[Any], float]]] = {}
        for passes, assumes in groups:
            passes.sort(key=lambda site: -site.k)
            by_scope.setdefault(self._scopes[id(passes[0])], []).append((passes, assumes))
        ways = (self._common_factor, self._below_a_threshold)
        alike = (way(passes) for passes, _ in by_scope.get("edge", ()) for way in ways)
        found = [e for e in alike if e is not None]
        for m in sorted(CATALOGUE.values(), key=lambda m: m.assumes):
            # a variant may assume less than its mistake
            if self.late() or found and m.assumes > min(e.assumes for e in found) + 0.8:
                break
            several: list[Candidate] = []
            for passes, assumes in by_scope.get(m.scope, ()):
                function = len(passes[0].op.sources) == 1 and passes[0].op.kind != "getitem"
                if self.late():
                    break
                if assumes != 0.5 or len(passes) <= 12 or m.name in PLAIN or function:
                    several += self._same_everywhere(m, passes, assumes)
            found += [Explanation((c,), c.assumes) for c in self._likely(several) if self.explains(c)]
        return found

    def _common_factor(self, passes: list[Edge]) -> Explanation | None:
        """Return the factor of a contribution in all passes that do not depend on each other, None if there is none."""
        if len(passes) < 2 or any(self._links(passes)):
            return None
        whole = np.sum([self.effect(site.source, site.c) for site in passes], axis=0)
        scale = 1 + nearest_factor(self.error, whole)
        if abs(scale - 1) < 1e-6 or not self.is_near((scale - 1) * whole, times=1):
            return None
        one = Edge(self.tape, self.words, passes[0].k, passes[0].i)
        one.scale = round(scale, 9)
        for v in CATALOGUE["factor"].find(one):
            if v.assumes < 1:
                variants = [Variant(lambda g, s=site: one.scale * s.contribution(g), v.detail) for site in passes]
                c = Candidate(CATALOGUE["factor"], passes, variants, self.error, 1.7 + v.assumes)
                return Explanation((c,), c.assumes) if self.explains(c) else None
        return None

    def _below_a_threshold(self, passes: list[Edge]) -> Explanation | None:
        """Return that a contribution is missing where a number is small, as where another condition is tested."""
        total = any(site.is_total for site in (passes[0], passes[-1]))
        if len(passes) < 3 or passes[0].operand.size != 1 or total or any(self._links(passes)):
            return None
        in_order = sorted(passes, key=lambda site: float(site.operand.item()))
        lost = np.cumsum([self.effect(site.source, site.c) for site in in_order[:-1]], axis=0)
        for n in np.flatnonzero(np.abs(lost + self.error).max(axis=1) <= self.tolerance)[:1]:
            some = sorted(in_order[: n + 1], key=lambda site: -site.k)
            name, high = passes[0].words.operand(passes[0].k, passes[0].i), float(in_order[n].operand.item())
            where = f"where {name} is at most {high:.4g} (is another condition tested?)"
            nothing = [Variant(lambda g, s=site: np.zeros(s.operand.shape)) for site in some]
            far = 0.1 * (not name.strip("`").isidentifier())
            c = Candidate(CATALOGUE["dropped"], some, nothing, self.error, 1.8 + far, where)
            return Explanation((c,), c.assumes) if self.explains(c) else None
        return None

    def _likely(self, candidates: list[Candidate]) -> Iterator[Candidate]:
        """Yield the mistakes in all passes that may explain the gradient; many are compared at once."""
        candidates = sorted(candidates, key=lambda c: (any(self._links(c.sites)), c.site.k))
        for n in range(0, len(candidates), AT_ONCE):
            if self.late():
                return
            some = candidates[n : n + AT_ONCE]
            yield from (c for c, effect in zip(some, self._effects(some)) if self._is_wanted(c, effect))

    def _is_wanted(self, c: Candidate, effect: np.ndarray) -> bool:
        """Return whether an effect is the wanted one; keep the mistakes that have it up to a factor."""
        if self.is_near(effect):
            return True
        mine, learners = self.right_along + effect, self.learners_along
        changes = np.isfinite(mine @ mine) and np.abs(effect).max() > self.tolerance
        if changes and self.is_near(nearest_factor(learners, mine) * mine, learners):
            c.effect = effect
            self.scaled.append(c)
        return False

    def _loops(self) -> Iterator[tuple[list[Any], float]]:
        """Yield the sites of all passes of an instruction, and what it assumes that the mistake is made in all."""
        groups: dict[Any, list[Any]] = {}
        for site in self._every:
            place = self._instruction(self._scopes[id(site)], site) if id(site) in self._scopes else None
            if place is not None:
                groups.setdefault((place, self._reach(site) if isinstance(site, Block) else ()), []).append(site)
        yield from ((sites, 0.1) for sites in groups.values() if len(sites) > 1)
        choices: dict[Any, list[Any]] = {}  # the branches of a choice have one condition
        for ((scope, *at), _), sites in groups.items():
            if scope == "edge" and sites[0].op.kind in CHOICES:
                choices.setdefault(tuple(at[:-1]), []).extend(sites)
        for sites in choices.values():
            if len({site.i for site in sites}) > 1:
                yield sorted(sites, key=lambda s: -s.k), 0.1
        calls: dict[Any, list[list[Any]]] = {}  # of a function that is called at several places
        for ((scope, (code, instruction, part, item, _), kind, i), reach), sites in groups.items():
            calls.setdefault((scope, code, instruction, part, item, kind, i, reach[1:]), []).append(sites)
        for several in calls.values():
            if len(several) > 1:
                yield sorted((s for sites in several for s in sites), key=lambda s: -s.k), 0.2

    def _reach(self, site: Block) -> tuple[Any, ...]:
        """Return where a function of several operations begins, as it is the same in all passes of a loop."""
        early, place = self.tape.ops[site.early], site.op.place
        # a variable may be another one further down: scores -= scores.max()
        if early.place is None or place is None or early.place.code is not place.code:
            return self.words.name(site.early), ()
        return self.words.name(site.early), (early.place.instruction, early.kind)

    def _kinds(self) -> Iterator[tuple[list[Any], float]]:
        """Yield the sites of all operations of a kind, and what it assumes that the mistake is made at all.

        At many operations only plain mistakes are made: see `_in_loops`.
        """
        groups: dict[Any, list[Any]] = {}
        for site in self._every:
            if not isinstance(site, Block):
                key = (self._scopes[id(site)], site.op.kind, getattr(site, "i", 0))
                groups.setdefault(key, []).append(site)
        for sites in groups.values():
            if len({self._instruction("", site) for site in sites}) > 1 and len(sites) <= 128:
                yield sites, 0.5

    def _same_everywhere(self, m: Mistake, passes: list[Any], assumes: float) -> Iterator[Candidate]:
        """Yield the variants of a mistake that can be made in several passes, and in all but some."""
        for c in self._in_all_passes(m, passes, assumes):
            if len(c.sites) > 1 and c.assumes <= 2.7:
                yield c
                yield from self._parts(c)

    def _in_all_passes(self, m: Mistake, passes: list[Any], assumes: float) -> Iterator[Candidate]:
        """Yield the variants of a mistake, made in all passes in which they can be made."""
        n = len(passes)  # of `i` and `j`, one may be the other in the first and in the last pass
        few = [passes[at] for at in (-1, 0, n // 3, n // 2, 1 % n)]
        keys = dict.fromkeys(v.key or v.detail for site in few for v in self._variants(m, site))
        several = [{v.key or v.detail: v for v in self._variants(m, site)} for site in passes] if keys else []
        for key in keys:
            made = [(site, of[key]) for site, of in zip(passes, several) if key in of]
            if 2 * len(made) < n:
                continue
            variant = made[-1][1]
            cost = m.assumes + variant.assumes + assumes * (len(made) > 1)
            part = "last" if 2 < len(made) + 1 == len(passes) == self.words.passes(passes[0].k) else ""
            part *= key not in several[0]
            yield Candidate(m, [s for s, _ in made], [v for _, v in made], self.error, cost, part)

    def _in_every_pass(self, e: Explanation) -> Explanation:
        """Return a mistake in one pass as one in all passes of the loop, if that gives the same numbers."""
        c = e.candidates[0]
        if len(c.sites) != 1 or c.part or self.words.passes(c.site.k) < 2:
            return e
        scope, variant = self._scopes.get(id(c.site), ""), c.variants[0]
        place = self._instruction(scope, c.site)
        passes = [s for s in self._every if self._instruction(self._scopes.get(id(s), ""), s) == place]
        for whole in self._in_all_passes(c.mistake, sorted(passes, key=lambda site: -site.k), 0.1) if scope else ():
            same = (whole.variants[-1].key or whole.variants[-1].detail) == (variant.key or variant.detail)
            if same and len(whole.sites) > 1 and self.explains(whole):
                return Explanation((whole,), e.assumes)
        return e

    def _parts(self, whole: Candidate) -> Iterator[Candidate]:
        """Yield the same mistake in all passes but the last ones, or but the first ones: truncated in time."""
        cut = whole.mistake.name in ("dropped", "skipped")
        if whole.part or not (cut or whole.mistake.name in TURNED) or not 2 < len(whole.sites) <= 24:
            return
        for n in range(1, len(whole.sites) if cut else 2):
            # the sites are in the order of the backward pass
            for part, which in ((slice(None, -n), "first"), (slice(n, None), "last")):
                sites, variants, assumes = whole.sites[part], whole.variants[part], whole.assumes + 0.5
                yield Candidate(whole.mistake, sites, variants, self.error, assumes, f"{which} {n}" if n > 1 else which)

    def _in_some_passes(self) -> list[Explanation]:
        """Return plain mistakes where a variable of the loop has one value, or in one pass of an inner loop."""
        found: list[Explanation] = []
        for passes, assumes in self._loops():
            for where, some in self._selections(passes) if len(passes) > 2 and not found else ():
                for name in PLAIN:
                    m = CATALOGUE[name]
                    if self.late() or m.scope != self._scopes[id(passes[0])]:
                        continue
                    several = self._in_all_passes(m, some, assumes + 0.6)
                    made = [replace(c, part=where) for c in self._likely([*several]) if self.explains(c)]
                    found += [Explanation((c,), c.assumes) for c in made]
        return found

    def _exchanged(self) -> list[Explanation]:
        """Return two contributions, to the operands of one operation, that have each other's factor or part."""
        groups: dict[Any, list[tuple[Edge, Edge, Edge | None]]] = {}
        for key, first, second, parent in self._partners():
            groups.setdefault(key, []).append((first, second, parent))
        found: list[Explanation] = []
        for pairs in groups.values():
            pairs.sort(key=lambda pair: -pair[0].k)
            for m in CATALOGUE.values():
                if m.scope != "partners" or self.late():
                    continue
                several = [{v.key: v for v in m.find(pair)} for pair in pairs]
                for key in several[0]:
                    made = [change for of in several if key in of for change in of[key].change.items()]
                    made = [(site, change) for site, change in made if (site.k, site.i) in self.tape.edges]
                    detail = several[0][key].detail
                    variants = [Variant(change, detail) for _, change in made]
                    assumes = m.assumes + several[0][key].assumes
                    c = Candidate(m, [site for site, _ in made], variants, self.error, assumes)
                    if made and self.explains(c):
                        found.append(Explanation((c,), c.assumes))
        return found

    def _partners(self) -> Iterator[tuple[Any, Edge, Edge, Edge | None]]:
        """Yield two edges that meet in an operation, with what is the same in all passes of a loop.

        They lead to its two operands, or to operands of the elementwise operations that are the terms of a sum. Or both
        are products, and lead to one value.
        """
        for k, op in enumerate(self.tape.ops):
            place = (k,) if op.place is None else (op.place.code, op.place.instruction, op.place.part, op.kind)
            own = self._edges_of(k)
            if len(own) < 2 or self.tape.gradients[k] is None:
                continue
            if isinstance(op.primitive, Elementwise) and op.kind not in ("add", "sub") or op.kind in ("cat", "stack"):
                yield from ((place + (a.i, b.i), a, b, None) for a, b in itertools.combinations(own, 2))
            elif op.kind in ("add", "sub") and None not in op.sources and op.sources[0] != op.sources[1]:
                terms = [(n, edge) for n, s in enumerate(self._terms_at(k)) for edge in self._edges_of(s)]
                for (n, a), (m, b) in itertools.combinations(terms, 2):
                    if n != m and a.is_elementwise and b.is_elementwise and a.op.kind == b.op.kind:
                        yield place + (n, m, a.i, b.i, a.op.kind), a, b, own[0]
        for op in self.tape.ops:
            products = [(j, i) for j, i in op.users if self.tape.ops[j].kind == "matmul"] if op.active else []
            alone = [Edge(self.tape, self.words, j, i) for j, i in products if self.words.passes(j) == 1]
            yield from ((("product", a.k, b.k), a, b, None) for a, b in itertools.combinations(alone[:6], 2))

    def _terms_at(self, k: int) -> list[int]:
        """Return the terms of a sum: the operands of an addition, or, outside of loops, those of its operands too."""
        found = [s for s in self.tape.ops[k].sources if s is not None]
        for s in [*found] if self.words.passes(k) == 1 else ():
            if self.tape.ops[s].kind in ("add", "sub") and len(self.tape.ops[s].users) == 1:
                found[found.index(s) : found.index(s) + 1] = self._terms_at(s)
        return found

    def _edges_of(self, k: int) -> list[Edge]:
        """Return the edges of an operation, those to constants too."""
        op = self.tape.ops[k]
        return [Edge(self.tape, self.words, k, i) for i, o in enumerate(op.operands) if o is not None]

    def _selections(self, passes: list[Any]) -> Iterator[tuple[str, list[Any]]]:
        """Yield some of the passes of a loop, and in words which they are."""
        passes = sorted(passes, key=lambda site: -site.k)
        variables = {k: values for values, k in self.words.counters(passes[0].k)}
        several: dict[str, list[Any]] = {}
        for site in passes:
            for name, value in variables.get(site.k, {}).items():
                several.setdefault(f"where `{name}` is {value}", []).append(site)
        seen: dict[Any, int] = {}
        for site in passes[::-1]:  # of an inner loop, whose variable is no integer
            outer = tuple(variables.get(site.k, {}).values())
            seen[outer] = seen.get(outer, 0) + 1
            several.setdefault(f"in pass {seen[outer]} of the inner loop", []).insert(0, site)
        yield from ((where, some) for where, some in several.items() if len(some) < len(passes))

    def _different_forward(self) -> list[Explanation]:
        """Return the changes of the forward pass whose right gradient is the learner's."""
        joined: list[Candidate] = []
        groups = {tuple(self.words.same_instruction(k)): k for k in range(1, len(self.tape.ops))}
        for passes in groups if not self.late() else ():
            sites = [Site(self.tape, self.words, k) for k in passes]
            self._every += sites  # the id of a site is that of no other
            for m in CATALOGUE.values():
                if m.scope == "forward":
                    joined += self._in_all_passes(m, sites, 0.1)
        reads: dict[Any, list[Candidate]] = {}  # of one array by one index, at several places
        for c in joined:
            if c.mistake.name == "wrong index of a part" and c.site.op.kind == "getitem":
                key = c.site.op.sources[0], c.site.op.parameters["index"], c.variants[0].key
                reads.setdefault(str(key), []).append(c)
        joined += [self._together(same, -0.05) for same in reads.values() if len(same) > 1]
        swapped = [c for c in joined if c.variants[0].key[1:5] == " is " and c.site.op.kind == "getitem"]
        for c, d in itertools.combinations(swapped[:8], 2):  # two variables, as source and target, are exchanged
            if not {x.k for x in c.sites} & {x.k for x in d.sites}:
                joined.append(self._together([c, d]))
        # a term or a factor that is forgotten is likelier than an index in only one of its uses
        joined.sort(key=lambda c: c.assumes - 0.4 * c.variants[0].key.startswith("identity"))
        broadcast = [c for c in joined if c.mistake.name == "broadcast"]
        if len(broadcast) > 1:  # such as both logarithms of a cross-entropy
            joined.insert(0, self._together(broadcast))
        found: list[Explanation] = []
        for c in joined:
            if self.late() or found and c.assumes > found[0].assumes + 0.4:
                break
            try:
                other = self.tape.replay({s.k: v.change for s, v in zip(c.sites, c.variants)})
                if other is None or other.ops[0].value.shape != self.learners.shape:
                    continue
                first = min(s.k for s in c.sites)  # of N * N numbers the mean is over N or N * N
                often = c.site.op.value.shape[0] if c.mistake.name == "broadcast" else 1
                agrees = self._gives(other, first) or often > 1 and self._gives(other, first, often)
                j, i = c.site.op.users[0]
                direct = len(c.site.op.users) == 1 and self.tape.ops[j].uses(i)  # "other array" says so
                index = c.mistake.name == "wrong index of a part"
                values = {s.k: other.ops[s.k].value for s in c.sites}
                if not agrees and (index and not direct or c.mistake.name == "wrong array computed again"):
                    # the forward pass is right, and the backward pass reads other elements
                    agrees = self._gives(self.tape.with_values(values), first)
                if not agrees and index and len({s.op.place.key for s in c.sites}) > 1:  # and writes them
                    placed = {k: other.ops[k].parameters for k in values}
                    agrees = self._gives(self.tape.with_values(values, placed), first)
                if not agrees and c.mistake.name == "different forward" and c.site.op.kind in ("mul", "div"):
                    now = {k: op.value for k, op in enumerate(other.ops)}
                    for k, value in values.items():
                        other.ops[k] = self.tape.ops[k].but(operands=self.tape.ops[k].given(now), value=value)
                    if agrees := self._gives(other, first):
                        said = f"{c.variants[0].detail} in the values, but right in its own derivative"
                        c.variants[0] = replace(c.variants[0], detail=said)
            except IMPOSSIBLE:
                continue
            if agrees:
                found.append(Explanation((c,), c.assumes))
                if c.variants[0].key.startswith("identity"):
                    break
        return found

    def _together(self, several: list[Candidate], assumes: float = 0.0) -> Candidate:
        """Return several mistakes as one."""
        sites, variants = [s for c in several for s in c.sites], [v for c in several for v in c.variants]
        return Candidate(several[0].mistake, sites, variants, self.error, several[0].assumes + assumes)

    def _gives(self, other: Tape, first: int, times: int = 1) -> bool:
        """Return whether a multiple of the gradient of a tape that is another one from operation `first` is wanted."""
        gradients = other.walk(until=first)
        effect = -self.along(self.right)
        for k, g in enumerate(gradients[:first]):
            if g is not None:
                effect = effect + times * self.effect(k, g)
        if not self.is_near(effect):
            return False
        g = other.walk()[0]
        return g is not None and self.agrees(times * g)
