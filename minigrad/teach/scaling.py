"""Sequences that are rescaled in each step: the scales may be treated as constants.

The forward algorithm divides alpha by its sum c in each step, so that it does not underflow, and the logarithm of the
likelihood is the sum of the log(c). A backward pass by hand does not differentiate through this: the likelihood is the
last sum times constants. Its lines are those of the graph without the scales, which has the same gradient.
"""

from __future__ import annotations

import numpy as np

from minigrad.teach.tape import Tape


def without_scales(tape: Tape) -> Tape | None:
    """Return the tape with constant scales, None if nothing is rescaled or if its gradient is another one."""
    scales: dict[int, int] = {}  # the operation by which each scale is divided out
    for k, op in enumerate(tape.ops):
        if op.kind in ("div", "sub") and None not in op.sources and op.active:
            a, scale = op.sources
            total = tape.ops[scale or 0]
            of_itself = total.kind in ("sum", "logsumexp", "amax") and a in total.sources
            if of_itself and total.value.size == 1 and total.active:
                scales[scale or 0] = k
    # the last scale is divided out too, or the loop ends before
    several = (_with_constants(tape, scales, last) for last in (None, max(scales, default=None)) if scales)
    same = (new for new in several if np.allclose(new.gradient, tape.gradient, rtol=1e-9, atol=1e-12))
    return next(same, None)


def _with_constants(tape: Tape, scales: dict[int, int], last: int | None) -> Tape:
    """Return the tape on which the scales are constants, but for the logarithm of the last one."""
    new = Tape.of([], tape.seed, tape.recording)
    for k, op in enumerate(tape.ops):
        cut = [i for i, s in enumerate(op.sources) if s in scales and (s != last or k == scales[s])]
        sources = tuple(None if i in cut else s for i, s in enumerate(op.sources))
        new.append(op.but(sources=sources, users=[], active=k == 0 or new.depends(sources)))
        new.ops[k].names = {**op.names, **{i: tape.ops[op.sources[i] or 0].name or "the scale" for i in cut}}
    new.gradients = new.walk()
    return new
