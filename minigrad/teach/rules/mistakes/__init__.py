"""The catalogue of mistakes in update rules: each entry is a name, a sentence, and an edit of the lecture's lines.

>>> added = mistake("cubed", "rule", "`{before}` cubes the gradient", ("dx ** 2", "dx ** 3"))
>>> CATALOGUE.pop("cubed").sentence
'`{before}` cubes the gradient'

An edit is (pattern, what is written instead), or the same with a detail; see `minigrad.teach.edits`. With an empty
pattern, a line is put before the first. An edit that is no pattern is a generator, which takes the rule as a `Formula`
and yields a `Variant` with the edited formula.

In a sentence, {before} and {after} are the line of the rule and the line that gives the learner's numbers, {target} is
what the line computes, {beta} the decay in it, {detail} what the edit says about itself. In a pattern, besides x, dx,
state and the settings, STEP is the number of the step from 1, RATE_0 the first learning rate, RATE_BEFORE that of the
step before.
"""

from __future__ import annotations

from minigrad.teach.catalogue import RULES as CATALOGUE
from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.rules.mistakes import (  # noqa: F401 (they add entries)
    accumulators,
    lengths,
    names,
    operators,
    rates,
    scaling,
    state,
    steps,
    weight_decay,
)

__all__ = ["CATALOGUE", "Variant", "mistake"]
