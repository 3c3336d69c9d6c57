"""Local derivatives, factors and terms that are another array, or a formula of the function's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.teach.mistakes import CATALOGUE, Block, Edge, Site, Variant
from minigrad.teach.mistakes.factors import factor_words, nearest_factor
from minigrad.teach.mistakes.formulas import derivative
from minigrad.teach.search.candidates import Candidate, Explanation
from minigrad.teach.search.single import Single


class Formulas(Single):
    """Mistakes that no entry of the catalogue makes: any formula of the arrays that are there."""

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
            elif isinstance(site, Edge) and site.op.kind == "matmul" and np.size(site.op.operands[1 - site.i]) > 1:
                found += self._factors_of_product(site)
        return found

    def _local_derivatives(self, site: Edge | Block) -> list[Explanation]:
        """Return the formulas that explain the gradient as the local derivative at a site."""
        shape, block = site.op.value.shape, isinstance(site, Block)
        weights = np.array([(site.g * np.broadcast_to(t[site.source], shape)).ravel() for t in self.tangents]).T
        wanted = self.error + self.effect(site.source, site.c)
        pool = self.pools.near(shape, site.k)
        local = site.local
        right = "" if isinstance(site, Block) else derivative(site)
        found: list[Explanation] = []
        sum_of_two = 0.5 * (site.op.kind in ("add", "sub", "neg"))  # a derivative of 1 is not mistaken for a formula
        for i in pool.likeliest(self._equal(pool.matrix @ weights, wanted)):
            of_own = {b.k for b in pool.made_of[i]} <= {site.k, site.source}
            instead = pool.instead(i, local, self.pools.bases(shape)) if local.shape == shape and np.ptp(local) else ""
            name = "other array" if instead or not of_own else "other derivative" if block else "other function"
            said = pool.said(i)
            said += f", {instead}" if instead and instead != said else f" instead of {right}" if right else ""
            if name == "other array":
                said = f"its local derivative is computed as {said}"
            found += self._local(
                name, site, pool.matrix[i], said, 1.5 + pool.assumes[i] + 0.6 * (not of_own) + sum_of_two
            )
        one = weights.sum(axis=0)
        c = nearest_factor(wanted, one)
        is_one = np.ptp(local) > 0 and self.is_near(c * one, wanted)
        if not found and right and is_one and factor_words(c, self.tape)[1] < 1:
            called = f"1 / {1 / c:.6g}" if 0 < c < 0.7 and np.isclose(1 / c, round(1 / c)) else f"{c:.6g}"
            said = f"`{called}`, one number for all elements, instead of {right}"
            # of a mask or a function, two mistakes are likelier
            number = np.isclose(c, 1) or site.op.kind in ("mul", "div") and not getattr(site, "is_mask", False)
            found += self._local("other function", site, np.full(site.op.value.size, c), said, 2.0 if number else 3.1)
        if found or local.shape != shape:
            return found
        for i in pool.likeliest(self._equal(pool.matrix @ (weights * local.ravel()[:, None]), wanted)):
            said = f"the right one times {pool.said(i)}, a factor too many"
            if pool.texts[i] in ("1 / a", "1 / a**2"):
                said = f"the right one without the factor {pool.said(i).replace('1 / ', '')}"
            name = "other derivative" if block else "other function"
            found += self._local(name, site, pool.matrix[i] * local.ravel(), said, 2.15 + pool.assumes[i])
        return found

    def _local(self, name: str, site: Any, derivative: np.ndarray, said: str, assumes: float) -> list[Explanation]:
        d = derivative.reshape(site.op.value.shape)
        return self._explained(name, site, lambda g: site.fitted(g * d), said, assumes)

    def _terms(self) -> list[Explanation]:
        """Return what gives the gradient if a term is missing, too many, or another one in the gradient of a value."""
        found: list[Explanation] = []
        for k, op in enumerate(self.tape.ops):
            g, tangents = self.tape.gradients[k], self.stacked[k]
            loop = self.words.passes(k) > 1 and len(self.tape.ops) > 60
            if g is None or tangents is None or self.late() or loop or op.value.size == 1:  # a factor says so
                continue
            bases = [(b.array, b.name) for b in self.pools.bases(op.value.shape)]
            bases += [(np.ones(op.value.shape), "1")] + self._targets(op)
            effects = np.array([tangents @ a.ravel() for a, _ in bases])
            site = Site(self.tape, self.words, k)
            for i in range(len(bases)):
                found += self._term(site, effects[i], bases[i][0], f"{bases[i][1]}")
            for i in range(len(bases)):
                for j in range(i):
                    for this, that in ((i, j), (j, i)):
                        (a, wrong), (b, right) = bases[this], bases[that]
                        said = f"({wrong} - {right}): {wrong} is used instead of {right}"
                        found += self._term(site, effects[this] - effects[that], a - b, said, True)
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

    def _term(
        self, site: Site, effect: np.ndarray, array: np.ndarray, said: str, positive: bool = False
    ) -> list[Explanation]:
        """Return the explanation that a multiple of an array, a `positive` one, is added to the gradient of a value."""
        c = nearest_factor(self.error, effect)
        if not c or positive and c < 0 or not self.is_near(c * effect, times=3):
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
            operand = site.words.operand(site.k, 1 - site.i)
            said = f"{pool.said(i)} instead of {operand}"
            if pool.said(i) == operand:
                line = self.words.line(pool.made_of[i][0].k or 0)
                said = f"another {operand}{line} instead of the one that is multiplied"
            change = lambda g, r=row: site.op.contribution(site.i, g, {name: r})  # noqa: E731
            found += self._explained("other array", site, change, said, 1.8 + pool.assumes[i])
        return found

    def _equal(self, effects: np.ndarray, wanted: np.ndarray) -> list[int]:
        """Return the rows of effects that are the wanted one."""
        return np.flatnonzero(np.abs(effects - wanted).max(axis=1) <= 10 * self.tolerance).tolist()

    def _explained(self, name: str, site: Any, change: Any, detail: str, assumes: float) -> list[Explanation]:
        c = Candidate(CATALOGUE[name], [site], [Variant(change, detail)], self.error, assumes)
        return [Explanation((c,), assumes)] if self.explains(c) else []
