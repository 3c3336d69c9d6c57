"""Convolution, its gradient by the input (the transposed convolution) and by the weight, in any number of dimensions.

The sum of z * conv(x, weight) is linear in each of z, x and weight, and the three rules are its derivatives by z, by
x and by weight. So each rule's derivatives are the two others, and derivatives of any order are convolutions again.

Shapes: x (N, C, *large), weight (O, C / groups, *kernel), z (N, O, *small).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from itertools import product
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigrad.primitives.primitive import Primitive, plain

_CHUNK = 1 << 22  # bytes: how large the matrix of windows may become, so that it stays in the processor's cache


class Geometry(NamedTuple):
    """Where the windows of a convolution lie. Each field but the last has a number for every dimension."""

    large: tuple[int, ...]  # the sizes of x
    small: tuple[int, ...]  # the sizes of z: how many windows there are
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int


class _Scratch(threading.local):
    """Memory that the next convolution of this thread uses again: fresh memory costs a page fault every 4 KiB."""

    memory = np.empty(0, np.uint8)


_kept = _Scratch()


def _scratch(dtype: Any, size: int) -> Any:
    """An array to compute in; its content is anything, and it is not to be handed on."""
    n = size * dtype.itemsize
    if n > len(_kept.memory):
        memory = np.empty(n, np.uint8)
        if n > 4 * _CHUNK:
            return memory.view(dtype)
        _kept.memory = memory
    return _kept.memory[:n].view(dtype)


class _Part(NamedTuple):
    """The windows of a few images, or of a few lines of one, as the columns of a matrix."""

    lines: slice  # which, along the first dimension of z
    offsets: Any  # (C, *kernel, n, *small): the windows, as a view of the padded images
    columns: Any  # the same shape, memory of its own
    matrix: Any  # `columns` as (groups, C / groups * kernel, n * small)
    results: Any  # (groups, O / groups, n * small), what a product with the matrix gives or takes
    outputs: Any  # `results` as (n, O, *small), without the windows that run over the end

    def read(self) -> None:
        """Fill the columns."""
        self.columns[...] = self.offsets

    def add_up(self) -> None:
        """The transpose of `read`: add the columns to the padded images (col2im)."""
        ndim = self.outputs.ndim - 2
        for place in product(*map(range, self.columns.shape[1 : 1 + ndim])):
            at: Any = (slice(None), *place)
            np.add(self.offsets[at], self.columns[at], out=self.offsets[at])


class _Windows:
    """All windows of all images, part by part, so that the columns of a part stay in the processor's cache (im2col).

    A row of the matrix belongs to one place in the kernel, and holds what that place meets in every window. With a
    stride of 1 these are neighbours in memory, if one also takes the windows that run over the end of a line into the
    next. With them a row is one piece of memory, which is copied several times as fast; their results are left out.

    Source: Chellapilla, Puri and Simard, "High performance convolutional neural networks
    for document processing", 2006.
    """

    def __init__(self, geometry: Geometry, images: int, C: int, O: int, dtype: Any) -> None:  # noqa: E741
        self.geometry, self.images, self.C, self.O = geometry, images, C, O
        large, small, kernel, stride, padding, _, _ = geometry
        padded = [size + 2 * p for size, p in zip(large, padding)]
        self.line = padded[-1] if stride[-1] == 1 else small[-1]
        lines = small[0] if len(small) > 1 else 1
        size = np.dtype(dtype).itemsize * C * math.prod(kernel) * math.prod([1, *small[1:-1]]) * self.line  # of a line
        self.n = max(1, min(images, _CHUNK // (size * lines)))
        self.lines = max(1, min(lines, _CHUNK // size))
        windows = self.n * self.lines * math.prod([1, *small[1:-1]]) * self.line
        self.memory = np.zeros(C * self.n * math.prod(padded) + padded[-1], dtype)  # the last window may run over, too
        self.padded = self.memory[: -padded[-1]].reshape(C, self.n, *padded)
        inside: Any = (..., *[slice(p, p + size) for p, size in zip(padding, large)])
        self.inside = np.swapaxes(self.padded[inside], 0, 1)
        rows = C * math.prod(kernel)
        room = _scratch(np.dtype(dtype), (rows + O) * windows)
        self.columns, self.results = room[: rows * windows], room[rows * windows :]

    def __iter__(self) -> Iterator[tuple[slice, Any, list[_Part]]]:
        """For a few images at a time: which, their memory inside the padding (n, C, *large), and their parts."""
        for i in range(0, self.images, self.n):
            n = min(self.n, self.images - i)
            small = self.geometry.small
            starts = range(0, small[0], self.lines) if len(small) > 1 else (0,)
            yield slice(i, i + n), self.inside[:n], [self._part(n, start) for start in starts]

    def _part(self, n: int, start: int) -> _Part:
        small, kernel, stride, dilation, groups = itemgetter(1, 2, 3, 5, 6)(self.geometry)
        count = min(self.lines, small[0] - start) if len(small) > 1 else small[0]
        small = (count, *small[1:])
        shape = (n, *small[:-1], self.line)
        of_channel, of_image, *along = self.padded.strides
        steps = *[step * d for step, d in zip(along, dilation)], of_image, *[step * s for step, s in zip(along, stride)]
        first = self.memory[start * stride[0] * along[0] // self.memory.itemsize :]
        offsets = as_strided(first, (self.C, *kernel, *shape), (of_channel, *steps))
        columns = self.columns[: offsets.size].reshape(offsets.shape)
        results = self.results[: self.O * math.prod(shape)].reshape(self.O, *shape)
        results[..., small[-1] :] = 0
        return _Part(
            slice(start, start + count),
            offsets,
            columns,
            columns.reshape(groups, -1, math.prod(shape)),
            results.reshape(groups, self.O // groups, -1) if self.O else results,
            np.swapaxes(results[..., : small[-1]], 0, 1),
        )


def _by_group(weight: Any, groups: int) -> Any:
    """(O, C / groups, *kernel) as matrices (groups, O / groups, C / groups * kernel)."""
    return np.reshape(weight, (groups, weight.shape[0] // groups, -1))


def _along_channels(bias: Any, y: Any) -> Any:
    return np.reshape(bias, (-1, *[1] * (y.ndim - 2)))


def _conv(x: Any, weight: Any, bias: Any, *, geometry: Geometry) -> Any:
    """z[n, o, p] = bias[o] + the sum over c and k of weight[o, c, k] x[n, c, stride p + dilation k - padding]."""
    z = np.empty((x.shape[0], weight.shape[0], *geometry.small), x.dtype)
    matrix = _by_group(weight, geometry.groups)
    shift = 0 if bias is None else _along_channels(bias, z)
    for images, inside, parts in _Windows(geometry, len(x), x.shape[1], weight.shape[0], x.dtype):
        inside[...] = x[images]
        for part in parts:
            part.read()
            np.matmul(matrix, part.matrix, out=part.results)
            np.add(part.outputs, shift, out=z[images, :, part.lines])
    return z


def _conv_transpose(z: Any, weight: Any, bias: Any, *, geometry: Geometry) -> Any:
    """x[n, c, q] = bias[c] + the sum of weight[o, c, k] z[n, o, p] over all o, p, k that meet at q."""
    turned = _turned(geometry)
    if turned is not None and z.shape[1] <= 2 * weight.shape[1] * geometry.groups:  # the columns are not many more
        return _conv(z, _turned_weight(weight, geometry.groups), bias, geometry=turned)
    x = np.empty((z.shape[0], weight.shape[1] * geometry.groups, *geometry.large), z.dtype)
    matrix = np.swapaxes(_by_group(weight, geometry.groups), 1, 2)
    multiply = np.matmul if matrix.shape[2] > 1 else np.multiply  # NumPy's product of a column and a row is slow
    shift = 0 if bias is None else _along_channels(bias, x)
    windows = _Windows(geometry, len(z), x.shape[1], weight.shape[0], z.dtype)
    for images, inside, parts in windows:
        windows.memory.fill(0)
        for part in parts:
            part.outputs[...] = z[images, :, part.lines]
            multiply(matrix, part.results, out=part.matrix)
            part.add_up()
        np.add(inside, shift, out=x[images])
    return x


def _turned(geometry: Geometry) -> Geometry | None:
    """The convolution of z that gives x, if there is one: with a stride of 1, the padding that the other lacks, and
    the kernel turned around."""
    large, small, kernel, stride, padding, dilation, groups = geometry
    reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
    rest = tuple([r - p for r, p in zip(reach, padding)])
    sizes = tuple([size + 2 * p - r for size, p, r in zip(small, rest, reach)])
    if max(stride) > 1 or min(rest) < 0 or sizes != large:
        return None
    return Geometry(small, large, kernel, stride, rest, dilation, groups)


def _turned_weight(weight: Any, groups: int) -> Any:
    """(O, C / groups, *kernel) as (C, O / groups, *kernel), with the kernels turned around."""
    O, c, *kernel = weight.shape  # noqa: E741
    swapped = np.swapaxes(np.reshape(weight, (groups, O // groups, c, *kernel)), 1, 2)
    turned = np.flip(swapped, axis=tuple(range(3, swapped.ndim)))
    return np.ascontiguousarray(turned).reshape(groups * c, O // groups, *kernel)


def _conv_weight(z: Any, x: Any, *, geometry: Geometry) -> Any:
    """weight[o, c, k] = the sum of z[n, o, p] x[n, c, stride p + dilation k - padding] over n and p."""
    rows = x.shape[1] // geometry.groups * math.prod(geometry.kernel)
    weight = np.zeros((geometry.groups, rows, z.shape[1] // geometry.groups), x.dtype)
    for images, inside, parts in _Windows(geometry, len(x), x.shape[1], z.shape[1], x.dtype):
        inside[...] = x[images]
        for part in parts:
            part.read()
            part.outputs[...] = z[images, :, part.lines]
            weight += np.matmul(part.matrix, np.swapaxes(part.results, 1, 2))
    return np.swapaxes(weight, 1, 2).reshape(z.shape[1], -1, *geometry.kernel)


def _unfold(x: Any, *, geometry: Geometry) -> Any:
    """The windows of x themselves, (N, C * kernel, small)."""
    out = np.empty((*x.shape[:2], *geometry.kernel, *geometry.small), x.dtype)
    for images, inside, parts in _Windows(geometry, len(x), x.shape[1], 0, x.dtype):
        inside[...] = x[images]
        for part in parts:
            _by_image(out, geometry)[..., images, part.lines, :] = part.offsets[..., : geometry.small[-1]]
    return out.reshape(len(x), x.shape[1] * math.prod(geometry.kernel), math.prod(geometry.small))


def _fold(z: Any, *, geometry: Geometry) -> Any:
    """The transpose of `_unfold`: windows put back where they were, and summed where they overlap."""
    C = z.shape[1] // math.prod(geometry.kernel)
    z = np.reshape(z, (len(z), C, *geometry.kernel, *geometry.small))
    out = np.empty((len(z), C, *geometry.large), z.dtype)
    windows = _Windows(geometry, len(z), C, 0, z.dtype)
    for images, inside, parts in windows:
        windows.memory.fill(0)
        for part in parts:
            part.columns[..., geometry.small[-1] :] = 0
            part.columns[..., : geometry.small[-1]] = _by_image(z, geometry)[..., images, part.lines, :]
            part.add_up()
        out[images] = inside
    return out


def _by_image(columns: Any, geometry: Geometry) -> Any:
    """(N, C, *kernel, *small) as (C, *kernel, N, *small)."""
    return np.moveaxis(columns, 0, 1 + len(geometry.kernel))


def _sum_but_channels(g: Any) -> Any:
    return np.sum(g, axis=(0, *range(2, g.ndim)))


# ---- the same, to be read --------------------------------------------------------------------------------------


def _sliding(x: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Any:
    """The windows of images (N, C, *padded), as a view (N, C, *small, *kernel)."""
    extent = tuple([d * (k - 1) + 1 for d, k in zip(dilation, kernel)])
    windows = np.lib.stride_tricks.sliding_window_view(x, extent, axis=tuple(range(2, x.ndim)))
    steps = [slice(None, None, step) for step in (*stride, *dilation)]
    return windows[(slice(None), slice(None), *steps)]


def _padded(x: Any, widths: Sequence[tuple[int, int]]) -> Any:
    """Images with zeros before and after in each dimension; less than none cuts off."""
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
    """Of images n and channels o and c, at places p of windows and places k in the kernel; g are the groups."""
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


def _plain_conv(x: Any, weight: Any, bias: Any, *, geometry: Geometry) -> Any:
    z = _einsum("ngcpk,gock->ngop", geometry, _windows_of(x, geometry), weight)
    return z if bias is None else z + _along_channels(bias, z)


def _plain_conv_transpose(z: Any, weight: Any, bias: Any, *, geometry: Geometry) -> Any:
    """z with zeros between its elements and around them, convolved with the kernels turned around."""
    large, small, kernel, stride, padding, dilation, _ = geometry
    if max(stride) > 1:
        wide = np.zeros((*z.shape[:2], *[s * (n - 1) + 1 for s, n in zip(stride, small)]), z.dtype)
        wide[(slice(None), slice(None), *[slice(None, None, s) for s in stride])] = z
        z = wide
    reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
    widths = [(r - p, n + p - m) for r, p, n, m in zip(reach, padding, large, z.shape[2:])]
    windows = _sliding(_padded(z, widths), kernel, [1] * len(kernel), dilation)
    turned = np.flip(weight, axis=tuple(range(2, weight.ndim)))
    x = _einsum("ngopk,gock->ngcp", geometry, windows, turned)
    return x if bias is None else x + _along_channels(bias, x)


def _plain_conv_weight(z: Any, x: Any, *, geometry: Geometry) -> Any:
    return _einsum("ngop,ngcpk->gock", geometry, z, _windows_of(x, geometry))


def _plain_unfold(x: Any, *, geometry: Geometry) -> Any:
    ndim = len(geometry.kernel)
    windows = np.moveaxis(_windows_of(x, geometry), tuple(range(2 + ndim, 2 + 2 * ndim)), tuple(range(2, 2 + ndim)))
    return np.reshape(windows, (len(x), x.shape[1] * math.prod(geometry.kernel), math.prod(geometry.small)))


def _plain_fold(z: Any, *, geometry: Geometry) -> Any:
    large, small, kernel, stride, padding, dilation, _ = geometry
    C = z.shape[1] // math.prod(kernel)
    z = np.reshape(z, (len(z), C, *kernel, *small))
    out = np.zeros((len(z), C, *[n + 2 * p for n, p in zip(large, padding)]), z.dtype)
    for place in product(*map(range, kernel)):
        starts = [d * k for d, k in zip(dilation, place)]
        where = [slice(start, start + s * (n - 1) + 1, s) for start, s, n in zip(starts, stride, small)]
        out[(slice(None), slice(None), *where)] += z[(slice(None), slice(None), *place)]
    return out[(slice(None), slice(None), *[slice(p, p + n) for p, n in zip(padding, large)])]


conv: Primitive = Primitive(
    "conv",
    _conv,
    x=lambda g, weight, geometry: conv_transpose(g, weight, None, geometry=geometry),
    weight=lambda g, x, geometry: conv_weight(g, x, geometry=geometry),
    bias=_sum_but_channels,
).written(
    "bias + the sum of weight * x over each window",
    x="the sum of weight * g over the windows that each element is in",
    weight="the sum of g * x over all windows",
    bias="the sum of g over all but the channels",
)
conv_transpose: Primitive = Primitive(
    "conv_transpose",
    _conv_transpose,
    z=lambda g, weight, geometry: conv(g, weight, None, geometry=geometry),
    weight=lambda g, z, geometry: conv_weight(z, g, geometry=geometry),
    bias=_sum_but_channels,
).written(
    "bias + weight times each element of z, added up where they meet",
    z="the sum of weight * g over the window of each element",
    weight="the sum of z * g over all windows",
    bias="the sum of g over all but the channels",
)
conv_weight: Primitive = Primitive(
    "conv_weight",
    _conv_weight,
    z=lambda g, x, geometry: conv(x, g, None, geometry=geometry),
    x=lambda g, z, geometry: conv_transpose(z, g, None, geometry=geometry),
)
unfold: Primitive = Primitive("unfold", _unfold, x=lambda g, geometry: fold(g, geometry=geometry))
fold: Primitive = Primitive("fold", _fold, z=lambda g, geometry: unfold(g, geometry=geometry))

plain[_conv], plain[_conv_transpose], plain[_conv_weight] = _plain_conv, _plain_conv_transpose, _plain_conv_weight
plain[_unfold], plain[_fold] = _plain_unfold, _plain_fold
