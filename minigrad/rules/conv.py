"""Convolution, its gradient by the input (the transposed convolution) and by the weight, in any number of dimensions.

The sum of z * conv(x, weight) is linear in each of z, x and weight, and the three rules are its derivatives by z, by
x and by weight. So each rule's derivatives are the two others, and derivatives of any order are convolutions again.

Shapes: x (N, C, *large), weight (O, C / groups, *kernel), z (N, O, *small).
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigrad.rules.rule import Rule

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


class _Windows:
    """A few images at a time, with their padding, and all their windows as the columns of a matrix (im2col).

    A row of the matrix belongs to one place in the kernel, and holds what that place meets in every window. With a
    stride of 1 these are neighbours in memory, if one also takes the windows that run over the end of a line into the
    next. With them a row is one piece of memory, which is copied several times as fast; their results are left out.

    Attributes:
        n: the number of images.
        images: (C, n, *large), inside the padding.
        offsets: (C, *kernel, n, *small): the windows, as a view of the padded images.
        columns: the same shape, memory of its own.
        separate: `columns` as (n, C, *kernel, *small), without the windows that run over the end.
        matrix: `columns` as (groups, C / groups * kernel, n * small).
        results: (O, n, *small) as (groups, O / groups, n * small), zero at first, for a product with the matrix.
        outputs: `results` as (n, O, *small), without the windows that run over the end.

    Source: Chellapilla, Puri and Simard, "High performance convolutional neural networks
    for document processing", 2006.
    """

    def __init__(self, geometry: Geometry, images: int, C: int, O: int, dtype: Any) -> None:  # noqa: E741
        large, small, kernel, stride, padding, dilation, groups = geometry
        padded = [size + 2 * p for size, p in zip(large, padding)]
        line = padded[-1] if stride[-1] == 1 else small[-1]
        places = math.prod(small[:-1]) * line
        rows = C * math.prod(kernel)
        self.n = max(1, min(images, _CHUNK // (np.dtype(dtype).itemsize * rows * places)))
        self.memory = np.zeros(C * self.n * math.prod(padded) + padded[-1], dtype)  # the last window may run over, too
        whole = self.memory[: -padded[-1]].reshape(C, self.n, *padded)
        inside: Any = (..., *[slice(p, p + size) for p, size in zip(padding, large)])
        self.images = whole[inside]
        of_channel, of_image, *along = whole.strides
        self.offsets = as_strided(
            self.memory,
            (C, *kernel, self.n, *small[:-1], line),
            (
                of_channel,
                *[step * d for step, d in zip(along, dilation)],
                of_image,
                *[step * s for step, s in zip(along, stride)],
            ),
        )
        self.columns = np.empty(self.offsets.shape, dtype)
        self.separate = np.moveaxis(self.columns[..., : small[-1]], 1 + len(kernel), 0)
        self.matrix = self.columns.reshape(groups, rows // groups, self.n * places)
        self.results = np.zeros((groups, O // groups, self.n * places), dtype)
        self.outputs = np.swapaxes(self.results.reshape(O, self.n, *small[:-1], line)[..., : small[-1]], 0, 1)

    def read(self, x: Any) -> None:
        """Fill the columns with the windows of a few images x."""
        self.images[:, : len(x)] = np.swapaxes(x, 0, 1)
        self.columns[...] = self.offsets

    def add_up(self) -> Any:
        """The transpose of `read`: add the columns to where they came from (col2im); (n, C, *large)."""
        self.memory.fill(0)
        for place in product(*map(range, self.columns.shape[1 : (self.columns.ndim - 1) // 2 + 1])):
            at: Any = (slice(None), *place)
            np.add(self.offsets[at], self.columns[at], out=self.offsets[at])
        return np.swapaxes(self.images, 0, 1)


def _by_group(weight: Any, groups: int) -> Any:
    """(O, C / groups, *kernel) as matrices (groups, O / groups, C / groups * kernel)."""
    return np.reshape(weight, (groups, weight.shape[0] // groups, -1))


def _along_channels(bias: Any, y: Any) -> Any:
    return np.reshape(bias, (-1, *[1] * (y.ndim - 2)))


def _conv(x: Any, weight: Any, bias: Any, *, geometry: Geometry) -> Any:
    """z[n, o, p] = bias[o] + the sum over c and k of weight[o, c, k] x[n, c, stride p + dilation k - padding]."""
    z = np.empty((x.shape[0], weight.shape[0], *geometry.small), x.dtype)
    windows = _Windows(geometry, len(x), x.shape[1], weight.shape[0], x.dtype)
    matrix = _by_group(weight, geometry.groups)
    shift = 0 if bias is None else _along_channels(bias, z)
    for i in range(0, len(x), windows.n):
        chunk = slice(i, i + windows.n)
        windows.read(x[chunk])
        np.matmul(matrix, windows.matrix, out=windows.results)
        np.add(windows.outputs[: len(z[chunk])], shift, out=z[chunk])
    return z


def _conv_transpose(z: Any, weight: Any, bias: Any, *, geometry: Geometry) -> Any:
    """x[n, c, q] = bias[c] + the sum of weight[o, c, k] z[n, o, p] over all o, p, k that meet at q."""
    turned = _turned(geometry)
    if turned is not None and z.shape[1] <= 2 * weight.shape[1] * geometry.groups:  # the columns are not many more
        return _conv(z, _turned_weight(weight, geometry.groups), bias, geometry=turned)
    x = np.empty((z.shape[0], weight.shape[1] * geometry.groups, *geometry.large), z.dtype)
    windows = _Windows(geometry, len(z), x.shape[1], weight.shape[0], z.dtype)
    matrix = np.swapaxes(_by_group(weight, geometry.groups), 1, 2)
    multiply = np.matmul if matrix.shape[2] > 1 else np.multiply  # NumPy's product of a column and a row is slow
    shift = 0 if bias is None else _along_channels(bias, x)
    for i in range(0, len(z), windows.n):
        chunk = slice(i, i + windows.n)
        windows.outputs[: len(z[chunk])] = z[chunk]
        multiply(matrix, windows.results, out=windows.matrix)
        np.add(windows.add_up()[: len(x[chunk])], shift, out=x[chunk])
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
    windows = _Windows(geometry, len(x), x.shape[1], z.shape[1], x.dtype)
    weight = np.zeros((geometry.groups, windows.matrix.shape[1], z.shape[1] // geometry.groups), x.dtype)
    for i in range(0, len(x), windows.n):
        chunk = slice(i, i + windows.n)
        windows.read(x[chunk])
        windows.outputs[: len(z[chunk])] = z[chunk]
        windows.outputs[len(z[chunk]) :] = 0  # of an earlier chunk
        weight += np.matmul(windows.matrix, np.swapaxes(windows.results, 1, 2))
    return np.swapaxes(weight, 1, 2).reshape(z.shape[1], -1, *geometry.kernel)


def _unfold(x: Any, *, geometry: Geometry) -> Any:
    """The windows of x themselves, (N, C * kernel, small)."""
    windows = _Windows(geometry, len(x), x.shape[1], 0, x.dtype)
    out = np.empty((*x.shape[:2], *geometry.kernel, *geometry.small), x.dtype)
    for i in range(0, len(x), windows.n):
        chunk = slice(i, i + windows.n)
        windows.read(x[chunk])
        out[chunk] = windows.separate[: len(x[chunk])]
    return out.reshape(len(x), x.shape[1] * math.prod(geometry.kernel), math.prod(geometry.small))


def _fold(z: Any, *, geometry: Geometry) -> Any:
    """The transpose of `_unfold`: windows put back where they were, and summed where they overlap."""
    C = z.shape[1] // math.prod(geometry.kernel)
    windows = _Windows(geometry, len(z), C, 0, z.dtype)
    windows.columns.fill(0)
    z = z.reshape(len(z), C, *geometry.kernel, *geometry.small)
    out = np.empty((len(z), C, *geometry.large), z.dtype)
    for i in range(0, len(z), windows.n):
        chunk = slice(i, i + windows.n)
        windows.separate[: len(z[chunk])] = z[chunk]
        out[chunk] = windows.add_up()[: len(z[chunk])]
    return out


def _sum_but_channels(g: Any) -> Any:
    return np.sum(g, axis=(0, *range(2, g.ndim)))


conv: Rule = Rule(
    "conv",
    _conv,
    x=lambda g, weight, geometry: conv_transpose(g, weight, None, geometry=geometry),
    weight=lambda g, x, geometry: conv_weight(g, x, geometry=geometry),
    bias=_sum_but_channels,
)
conv_transpose: Rule = Rule(
    "conv_transpose",
    _conv_transpose,
    z=lambda g, weight, geometry: conv(g, weight, None, geometry=geometry),
    weight=lambda g, z, geometry: conv_weight(z, g, geometry=geometry),
    bias=_sum_but_channels,
)
conv_weight: Rule = Rule(
    "conv_weight",
    _conv_weight,
    z=lambda g, x, geometry: conv(x, g, None, geometry=geometry),
    x=lambda g, z, geometry: conv_transpose(z, g, None, geometry=geometry),
)
unfold: Rule = Rule("unfold", _unfold, x=lambda g, geometry: fold(g, geometry=geometry))
fold: Rule = Rule("fold", _fold, z=lambda g, geometry: unfold(g, geometry=geometry))
