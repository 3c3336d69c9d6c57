"""Convolution, its gradient by the input (the transposed convolution) and by the weight, in any number of dimensions.

The sum of z * conv(x, weight) is linear in each of z, x and weight, and the three primitives are its derivatives by z,
by x and by weight. So the derivatives of each are the two others, and derivatives of any order are convolutions again.

Shapes: x (N, C, *large), weight (O, C / groups, *kernel), z (N, O, *small).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from minigrad.primitives.primitive import Primitive


class Geometry(NamedTuple):
    """Where the windows of a convolution lie. Each field but the last has a number for every dimension."""

    large: tuple[int, ...]  # the sizes of x
    small: tuple[int, ...]  # the sizes of z: how many windows there are
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int


def _conv(x: Any, weight: Any, bias: Any, *, geometry: Geometry) -> Any:
    """z[n, o, p] = bias[o] + the sum over c and k of weight[o, c, k] x[n, c, stride p + dilation k - padding]."""
    z = _einsum("ngcpk,gock->ngop", geometry, _windows_of(x, geometry), weight)
    return z if bias is None else z + along_channels(bias, z)


conv: Primitive = Primitive(
    "conv",
    _conv,
    x=lambda g, weight, geometry: conv_transpose(g, weight, None, geometry=geometry),
    weight=lambda g, x, geometry: conv_weight(g, x, geometry=geometry),
    bias=lambda g: np.sum(g, axis=(0, *range(2, g.ndim))),
).with_notation(
    "bias + the sum of weight * x over each window",
    x="the sum of weight * g over the windows that each element is in",
    weight="the sum of g * x over all windows",
    bias="the sum of g over all but the channels",
)


def _conv_transpose(z: Any, weight: Any, bias: Any, *, geometry: Geometry) -> Any:
    """x[n, c, q] = bias[c] + the sum of weight[o, c, k] z[n, o, p] over all o, p, k that meet at q: z with zeros
    between its elements and around them, convolved with the flipped kernels."""
    large, small, kernel, stride, padding, dilation, _ = geometry
    if max(stride) > 1:
        wide = np.zeros((*z.shape[:2], *[s * (n - 1) + 1 for s, n in zip(stride, small)]), z.dtype)
        wide[(slice(None), slice(None), *[slice(None, None, s) for s in stride])] = z
        z = wide
    reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
    widths = [(r - p, n + p - m) for r, p, n, m in zip(reach, padding, large, z.shape[2:])]
    windows = _sliding(_padded(z, widths), kernel, [1] * len(kernel), dilation)
    flipped = np.flip(weight, axis=tuple(range(2, weight.ndim)))
    x = _einsum("ngopk,gock->ngcp", geometry, windows, flipped)
    return x if bias is None else x + along_channels(bias, x)


conv_transpose: Primitive = Primitive(
    "conv_transpose",
    _conv_transpose,
    z=lambda g, weight, geometry: conv(g, weight, None, geometry=geometry),
    weight=lambda g, z, geometry: conv_weight(z, g, geometry=geometry),
    bias=lambda g: np.sum(g, axis=(0, *range(2, g.ndim))),
).with_notation(
    "bias + weight times each element of z, added up where they meet",
    z="the sum of weight * g over the window of each element",
    weight="the sum of z * g over all windows",
    bias="the sum of g over all but the channels",
)


def _conv_weight(z: Any, x: Any, *, geometry: Geometry) -> Any:
    """weight[o, c, k] = the sum of z[n, o, p] x[n, c, stride p + dilation k - padding] over n and p."""
    return _einsum("ngop,ngcpk->gock", geometry, z, _windows_of(x, geometry))


conv_weight: Primitive = Primitive(
    "conv_weight",
    _conv_weight,
    z=lambda g, x, geometry: conv(x, g, None, geometry=geometry),
    x=lambda g, z, geometry: conv_transpose(z, g, None, geometry=geometry),
)


# ---- windows ---------------------------------------------------------------------------------------------------------


def _unfold(x: Any, *, geometry: Geometry) -> Any:
    """The windows of x themselves, (N, C * kernel, small)."""
    ndim = len(geometry.kernel)
    windows = np.moveaxis(_windows_of(x, geometry), tuple(range(2 + ndim, 2 + 2 * ndim)), tuple(range(2, 2 + ndim)))
    return np.reshape(windows, (len(x), x.shape[1] * math.prod(geometry.kernel), math.prod(geometry.small)))


def _fold(z: Any, *, geometry: Geometry) -> Any:
    """The transpose of `_unfold`: windows put back where they were, and summed where they overlap."""
    large, small, kernel, stride, padding, dilation, _ = geometry
    C = z.shape[1] // math.prod(kernel)
    z = np.reshape(z, (len(z), C, *kernel, *small))
    out = np.zeros((len(z), C, *[n + 2 * p for n, p in zip(large, padding)]), z.dtype)
    for place in product(*map(range, kernel)):
        starts = [d * k for d, k in zip(dilation, place)]
        where = [slice(start, start + s * (n - 1) + 1, s) for start, s, n in zip(starts, stride, small)]
        out[(slice(None), slice(None), *where)] += z[(slice(None), slice(None), *place)]
    return out[(slice(None), slice(None), *[slice(p, p + n) for p, n in zip(padding, large)])]


unfold: Primitive = Primitive("unfold", _unfold, x=lambda g, geometry: fold(g, geometry=geometry))
fold: Primitive = Primitive("fold", _fold, z=lambda g, geometry: unfold(g, geometry=geometry))


# ---- how the sums are written ----------------------------------------------------------------------------------------


def along_channels(bias: Any, y: Any) -> Any:
    """Return the bias in a shape that broadcasts along the channels of y."""
    return np.reshape(bias, (-1, *[1] * (y.ndim - 2)))


def _sliding(x: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Any:
    """Return the windows of images (N, C, *padded), as a view (N, C, *small, *kernel)."""
    extent = tuple([d * (k - 1) + 1 for d, k in zip(dilation, kernel)])
    windows = np.lib.stride_tricks.sliding_window_view(x, extent, axis=tuple(range(2, x.ndim)))
    steps = [slice(None, None, step) for step in (*stride, *dilation)]
    return windows[(slice(None), slice(None), *steps)]


def _padded(x: Any, widths: Sequence[tuple[int, int]]) -> Any:
    """Pad images with zeros before and after in each dimension; a negative width crops."""
    if any(max(width) > 0 for width in widths):
        x = np.pad(x, ((0, 0), (0, 0), *[(max(a, 0), max(b, 0)) for a, b in widths]))
    cuts = [slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(widths, x.shape[2:])]
    return x[(slice(None), slice(None), *cuts)]


def _windows_of(x: Any, geometry: Geometry) -> Any:
    padded = _padded(x, [(p, p) for p in geometry.padding])
    windows = _sliding(padded, geometry.kernel, geometry.stride, geometry.dilation)
    small = [slice(n) for n in geometry.small]
    return windows[(slice(None), slice(None), *small)]


def _einsum(subscripts: str, geometry: Geometry, a: Any, b: Any) -> Any:
    """Sum products over the letters that are not in the result.

    The letters: n images, o and c channels, g groups, p the positions of windows, k the positions in the kernel.
    """
    groups = geometry.groups
    first, second, out = subscripts.replace("->", ",").split(",")
    if groups == 1:
        first, second, out = (letters.replace("g", "") for letters in (first, second, out))
    else:
        a, b = (
            np.reshape(m, (*m.shape[:at], groups, m.shape[at] // groups, *m.shape[at + 1 :]))
            for m, at in ((a, first.index("g")), (b, second.index("g")))
        )
    ndim = len(geometry.kernel)
    text = f"{first},{second}->{out}".replace("p", "xyz"[:ndim]).replace("k", "uvw"[:ndim])
    product = np.einsum(text, a, b)
    if groups == 1:
        return product
    at = out.index("g")
    return np.reshape(product, (*product.shape[:at], groups * product.shape[at + 1], *product.shape[at + 2 :]))
