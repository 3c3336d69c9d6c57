"""Convolutions as products with matrices of windows (im2col), in pieces that stay in the processor's cache."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from itertools import product
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigrad.primitives.convolution import Geometry, along_channels, conv, conv_transpose, conv_weight, fold, unfold
from minigrad.primitives.primitive import kernel

_CHUNK = 1 << 20  # bytes: how large the matrix of windows may become, so that it stays in the processor's cache


class _Scratch(threading.local):
    """Memory that the next convolution of this thread uses again: fresh memory costs a page fault every 4 KiB."""

    memory = np.empty(0, np.uint8)


_memory_of_thread = _Scratch()


def _scratch(dtype: Any, size: int) -> Any:
    """An array to compute in; its content is arbitrary, and it must not be returned."""
    n = size * dtype.itemsize
    if n > len(_memory_of_thread.memory):
        memory = np.empty(n, np.uint8)
        if n > 4 * _CHUNK:
            return memory.view(dtype)
        _memory_of_thread.memory = memory
    return _memory_of_thread.memory[:n].view(dtype)


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


def _conv(x: Any, weight: Any, bias: Any, *, geometry: Geometry) -> Any:
    """z[n, o, p] = bias[o] + the sum over c and k of weight[o, c, k] x[n, c, stride p + dilation k - padding]."""
    z = np.empty((x.shape[0], weight.shape[0], *geometry.small), x.dtype)
    matrix = _by_group(weight, geometry.groups)
    shift = 0 if bias is None else along_channels(bias, z)
    for images, inside, parts in _Windows(geometry, len(x), x.shape[1], weight.shape[0], x.dtype):
        inside[...] = x[images]
        for part in parts:
            part.read()
            np.matmul(matrix, part.matrix, out=part.results)
            np.add(part.outputs, shift, out=z[images, :, part.lines])
    return z


def _conv_transpose(z: Any, weight: Any, bias: Any, *, geometry: Geometry) -> Any:
    """x[n, c, q] = bias[c] + the sum of weight[o, c, k] z[n, o, p] over all o, p, k that meet at q."""
    flipped = _flipped(geometry)
    if flipped is not None and z.shape[1] <= 2 * weight.shape[1] * geometry.groups:  # the columns are not many more
        return _conv(z, _flipped_weight(weight, geometry.groups), bias, geometry=flipped)
    x = np.empty((z.shape[0], weight.shape[1] * geometry.groups, *geometry.large), z.dtype)
    matrix = np.swapaxes(_by_group(weight, geometry.groups), 1, 2)
    multiply = np.matmul if matrix.shape[2] > 1 else np.multiply  # NumPy's product of a column and a row is slow
    shift = 0 if bias is None else along_channels(bias, x)
    windows = _Windows(geometry, len(z), x.shape[1], weight.shape[0], z.dtype)
    for images, inside, parts in windows:
        windows.memory.fill(0)
        for part in parts:
            part.outputs[...] = z[images, :, part.lines]
            multiply(matrix, part.results, out=part.matrix)
            part.add_up()
        np.add(inside, shift, out=x[images])
    return x


def _flipped(geometry: Geometry) -> Geometry | None:
    """The convolution of z that gives x, if there is one: with a stride of 1, the padding that the other lacks, and
    the kernel flipped."""
    large, small, kernel, stride, padding, dilation, groups = geometry
    reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
    rest = tuple([r - p for r, p in zip(reach, padding)])
    sizes = tuple([size + 2 * p - r for size, p, r in zip(small, rest, reach)])
    if max(stride) > 1 or min(rest) < 0 or sizes != large:
        return None
    return Geometry(small, large, kernel, stride, rest, dilation, groups)


def _flipped_weight(weight: Any, groups: int) -> Any:
    """(O, C / groups, *kernel) as (C, O / groups, *kernel), with the kernels flipped."""
    O, c, *kernel = weight.shape  # noqa: E741
    swapped = np.swapaxes(np.reshape(weight, (groups, O // groups, c, *kernel)), 1, 2)
    flipped = np.flip(swapped, axis=tuple(range(3, swapped.ndim)))
    return np.ascontiguousarray(flipped).reshape(groups * c, O // groups, *kernel)


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


kernel(conv, forward=_conv)
kernel(conv_transpose, forward=_conv_transpose)
kernel(conv_weight, forward=_conv_weight)
kernel(unfold, forward=_unfold)
kernel(fold, forward=_fold)
