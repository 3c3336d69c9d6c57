"""Find the mistakes of the catalogue that explain a wrong gradient: make each at each site, and compare.

The files, each on top of those before it: `candidates` (a mistake at its site), `responses` (the backward pass as
linear algebra), `comparison` (with the learner's gradient), `single` (mistakes at one site), `loops` (in all passes),
`formulas` (arrays that no entry of the catalogue names), `pairs` (two mistakes). The order of the search is here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np

from minigrad.teach.search.candidates import Candidate, Explanation, representative, sentence
from minigrad.teach.search.comparison import IMPOSSIBLE
from minigrad.teach.search.formulas import Formulas
from minigrad.teach.search.pairs import SIMPLE, Pairs

__all__ = ["IMPOSSIBLE", "SIMPLE", "Candidate", "Explanation", "Search", "representative", "sentence"]


class Search(Formulas, Pairs):
    """The search for what explains one gradient; its arguments are those of `Comparison`."""

    def one(self) -> list[Explanation]:
        """Return the explanations by one mistake, that which assumes the least first."""
        with np.errstate(all="ignore"):
            found = self._whole()
            self._collect()
            found += [Explanation((c,), c.assumes) for c in self._matching(self.singles)]
            stages: list[tuple[float, Callable[[], list[Explanation]]]] = [
                (1.5, self._exchanged),
                (1.3, lambda: self._in_loops(self._loops())),
                (1.7, lambda: self._in_loops(self._kinds())),
                (1.7, self._in_some_passes),
                (1.6, self._different_forward),
                (1.8, self._with_the_known_sum),
                (1.5, self._formulas),
                (2.4, self._terms),
            ]
            for least, stage in stages:
                if not found or min(e.assumes for e in found) > least:
                    with suppress(*IMPOSSIBLE):
                        found += stage()
        found = [self._in_every_pass(e) for e in found]
        for e in found:  # the parts of a function that is called are a remoter place than its result
            e.assumes += 0.2 * self._within(e.candidates[0]) + 0.5 * self._refuted(e.candidates[0])
        # a number that means little is said where no two mistakes explain it
        numbers = ("factor", "whole factor", "other function", "other derivative", "regularization")
        self.vague = [e for e in found if e.candidates[0].mistake.name in numbers and e.assumes > 3]
        return sorted((e for e in found if e not in self.vague), key=lambda e: e.assumes)

    def two(self) -> list[Explanation]:
        """Return an explanation by two mistakes, if there is one."""
        self.until, self.gave_up = self.started + self.limit, False
        with np.errstate(all="ignore"), suppress(*IMPOSSIBLE):
            return [] if self.late() else self._pairs() or self.vague
        return self.vague
