"""The catalogue of mistakes in backward passes: each entry is a name, a sentence, and the edit that makes the mistake.

A mistake is made on the graph of the learner's own function, at a site, and gives a wrong contribution there. The
search (`minigrad.teach.search`) makes every mistake at every site and compares the gradient with the learner's. An
entry is a generator that takes a site and yields a `Variant` for each way of making the mistake there:

>>> @mistake("squared", "edge", "{through}: the contribution to {operand} is squared", assumes=3.0)
... def squared(site):
...     yield Variant(lambda g: site.contribution(g) ** 2)
>>> CATALOGUE.pop("squared").sentence
'{through}: the contribution to {operand} is squared'

The scopes, and what a variant's change does:

- `edge`: an operation and one of its operands; the change maps the operation's upstream gradient to the contribution.
- `node`: an operation; the change maps its finished gradient to another one.
- `arrivals`: an operation that is used several times; the change maps the list of contributions to the gradient.
- `block`: several operations from `x` to `y` that are one function; the change maps the gradient of y to that of x.
- `partners`: two edges that meet in one operation, and that operation's own edge if it is a sum; the change is a
  dictionary of edges with their changes.
- `forward`: an operation; the change returns how its result is computed in a different forward pass.
- `gradient`: the whole gradient; the change maps the right gradient to the learner's.
- `answer`: one contribution in a quiz, an `Answer`; the change maps the right number or shape to the learner's.

In a sentence, `{through}` is the operation with its line, `{operand}` the operand, `{node}` the result's name, and
`{detail}` what the variant says.

Without NumPy, as in a browser, the catalogue has the scope `answer` alone: a quiz on Values needs no more.
"""

from __future__ import annotations

from importlib.util import find_spec

from minigrad.teach.catalogue import GRADIENTS as CATALOGUE
from minigrad.teach.catalogue import REDUCTIONS, Mistake, Variant, mistake
from minigrad.teach.mistakes import answers  # noqa: F401 (it adds entries)
from minigrad.teach.mistakes.answers import Answer

if find_spec("numpy") is not None:
    from minigrad.teach.mistakes import (  # noqa: F401 (they add entries)
        contributions,
        forward,
        functions,
        loops,
        partners,
        values,
        whole,
        windows,
    )
    from minigrad.teach.mistakes.sites import Block, Edge, Site, Whole

__all__ = ["CATALOGUE", "REDUCTIONS", "Answer", "Block", "Edge", "Mistake", "Site", "Variant", "Whole", "mistake"]
