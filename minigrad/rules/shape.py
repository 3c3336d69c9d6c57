"""Rules that move elements about, or copy them; all are linear, so each derivative is the move back."""

from __future__ import annotations

import numpy as np

from minigrad.rules.rule import Rule

reshape = Rule(
    "reshape",
    lambda x, *, shape: np.reshape(x, shape),
    x=lambda g, x_shape: np.reshape(g, x_shape),
)
permute = Rule(
    "permute",
    lambda x, *, axes: np.transpose(x, axes),
    x=lambda g, axes: np.transpose(g, tuple(sorted(range(len(axes)), key=axes.__getitem__))),  # the inverse
)
# the caller sums a contribution down to its input's shape, which is all that is left to do here
expand = Rule("expand", lambda x, *, shape: np.broadcast_to(x, shape), x=lambda g: g)
cast = Rule("to", lambda x, *, dtype: x.astype(dtype), x=lambda g: g)
clone = Rule("clone", lambda x: x.copy(), x=lambda g: g)


def _pieces(g, xs_shape, axis):  # type: ignore[no-untyped-def]
    """Cut g along `axis` into pieces of the inputs' sizes."""
    ends = np.cumsum([shape[axis] for shape in xs_shape])
    before = (slice(None),) * (axis % g.ndim)
    return [g[(*before, slice(end - shape[axis], end))] for end, shape in zip(ends.tolist(), xs_shape)]


cat = Rule("cat", lambda *xs, axis: np.concatenate(xs, axis=axis), xs=_pieces)
stack = Rule(
    "stack",
    lambda *xs, axis: np.stack(xs, axis=axis),
    xs=lambda g, axis: [g[(slice(None),) * (axis % g.ndim) + (i,)] for i in range(g.shape[axis])],
)

reshape.gives_view = permute.gives_view = expand.gives_view = True
