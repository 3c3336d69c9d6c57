"""Moving and copying elements. All of this is linear, so each derivative is the move back."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive

reshape = Primitive(
    "reshape",
    lambda x, *, shape: np.reshape(x, shape),
    x=lambda g, x_shape: np.reshape(g, x_shape),
)
permute = Primitive(
    "permute",
    lambda x, *, axes: np.transpose(x, axes),
    x=lambda g, axes: np.transpose(g, tuple(sorted(range(len(axes)), key=axes.__getitem__))),  # the inverse
).with_notation(x="g, with its axes moved back")
# the caller sums a contribution to its input's shape, and nothing else is left to do
expand = Primitive("expand", lambda x, *, shape: np.broadcast_to(x, shape), x=lambda g: g)
cast = Primitive("to", lambda x, *, dtype: x.astype(dtype), x=lambda g: g)
clone = Primitive("clone", lambda x: x.copy(), x=lambda g: g)
# c, as a function also of an x that it does not depend on: its derivative by x is 0, and exists
constant_in: Primitive = Primitive(
    "constant_in", lambda c, x: c, c=lambda g: g, x=lambda g, x: constant_in(np.where(True, 0, g), x)
)


def _pieces(g, xs_shape, axis):  # type: ignore[no-untyped-def]
    """Cut g along `axis` into pieces of the inputs' sizes."""
    ends = np.cumsum([shape[axis] for shape in xs_shape])
    before = (slice(None),) * (axis % g.ndim)
    return [g[(*before, slice(end - shape[axis], end))] for end, shape in zip(ends.tolist(), xs_shape)]


cat = Primitive("cat", lambda *xs, axis: np.concatenate(xs, axis=axis), xs=_pieces).with_notation(
    "all xs, one after the other along the axis", xs="the piece of g where it stands"
)
stack = Primitive(
    "stack",
    lambda *xs, axis: np.stack(xs, axis=axis),
    xs=lambda g, axis: [g[(slice(None),) * (axis % g.ndim) + (i,)] for i in range(g.shape[axis])],
).with_notation("all xs, along a new axis", xs="the piece of g where it stands")

# these two are copies in PyTorch, and so they are here
flip: Primitive = Primitive("flip", lambda x, *, axes: np.flip(x, axes).copy(), x=lambda g, axes: flip(g, axes=axes))
roll: Primitive = Primitive(
    "roll",
    lambda x, *, shifts, axes: np.roll(x, shifts, axes),
    x=lambda g, shifts, axes: roll(g, shifts=tuple([-s for s in shifts]), axes=axes),
)


def _diagonal(x: Any, *, offset: int, axes: tuple[int, int]) -> Any:
    out = np.diagonal(x, offset, *axes)
    out.flags.writeable = x.flags.writeable  # NumPy's is read-only
    return out


def _on_diagonal(x: Any, *, shape: tuple[int, ...], offset: int, axes: tuple[int, int]) -> Any:
    out = np.zeros(shape, x.dtype)
    i = np.arange(x.shape[-1])
    np.moveaxis(out, axes, (-2, -1))[..., i - min(offset, 0), i + max(offset, 0)] = x
    return out


diagonal: Primitive = Primitive(
    "diagonal",
    _diagonal,
    x=lambda g, x_shape, offset, axes: on_diagonal(g, shape=x_shape, offset=offset, axes=axes),
)
on_diagonal: Primitive = Primitive(
    "on_diagonal", _on_diagonal, x=lambda g, offset, axes: diagonal(g, offset=offset, axes=axes)
)


def _windows(x: Any, *, axis: int, size: int, step: int) -> Any:
    every = (slice(None),) * axis + (slice(None, None, step),)
    apart = bool(step >= size and x.flags.writeable)  # where windows overlap, writing is ambiguous
    return np.lib.stride_tricks.sliding_window_view(x, size, axis, writeable=apart)[every]


def _overlapped(x: Any, *, shape: tuple[int, ...], axis: int, size: int, step: int) -> Any:
    """Add up the windows where they came from."""
    out = np.zeros(shape, x.dtype)
    ahead = (slice(None),) * axis
    for i in range(size):  # the i-th elements of all windows
        out[(*ahead, slice(i, i + step * (x.shape[axis] - 1) + 1, step))] += x[..., i]
    return out


windows: Primitive = Primitive(
    "windows",
    _windows,
    x=lambda g, x_shape, axis, size, step: overlapped(g, shape=x_shape, axis=axis, size=size, step=step),
)
overlapped: Primitive = Primitive(
    "overlap", _overlapped, x=lambda g, axis, size, step: windows(g, axis=axis, size=size, step=step)
)

reshape.returns_view = permute.returns_view = expand.returns_view = diagonal.returns_view = windows.returns_view = True
