"""The catalogue of mistakes in forward passes: each entry is a name, a sentence, and a generator of edits.

A mistake is made at an operation of the reference's graph: the operation is computed in another way, and what follows
is computed again. The generator takes a `Site` and yields a `Variant` for each way of making the mistake there; its
change returns the wrong value from the values of all operations:

>>> @mistake("cubed", "operation", "{what} takes the cube instead of the square", assumes=1.2)
... def cubed(site):
...     if site.op.kind == "square":
...         yield Variant(lambda values: site.operands(values)[0] ** 3)
>>> CATALOGUE.pop("cubed").sentence
'{what} takes the cube instead of the square'

In a sentence, {what} is the operation, by the reference's own names and line, and {detail} what the edit says about
itself. In a loop a mistake is made in all passes at once; variants of different passes belong together by their key.
"""

from __future__ import annotations

from minigrad.teach.catalogue import FORWARDS as CATALOGUE
from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.forward.mistakes import (  # noqa: F401 (they add entries)
    activations,
    arrays,
    constants,
    functions,
    positions,
    reductions,
)
from minigrad.teach.forward.mistakes.sites import Reference, Site

__all__ = ["CATALOGUE", "Reference", "Site", "Variant", "mistake"]
