"""Mistakes in the backward pass of convolution and pooling, as loops over their windows.

CS231n's naive loops: for each window, add weight * g to the gradient of the window of x, and x * g to that of the
weight; in max pooling, pass g to the largest element of the window.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.mistakes.sites import Edge

MOST = 1024
"""The largest number of windows for which the loops are made."""


@mistake("windows of a convolution", "edge", "the contribution of {operand} through {through}: {detail}", assumes=1.2)
def _convolution(s: Edge) -> Iterator[Variant]:
    if s.op.kind != "conv" or s.i > 1:
        return
    geometry = s.op.parameters["geometry"]
    if geometry.groups > 1 or any(d > 1 for d in geometry.dilation) or math.prod(geometry.small) > MOST:
        return
    other = np.asarray(s.op.operands[1 - s.i], dtype=float)
    if s.i == 0:
        yield from _of_images(s, geometry, other)
    else:
        yield from _of_weight(s, geometry, other)


@mistake("range of a loop", "edge", "the contribution of {operand} through {through}: {detail}", assumes=1.3)
def _ranges(s: Edge) -> Iterator[Variant]:
    """A loop of a naive convolution or pooling that ends too early, begins too late, or has one pass only."""
    if s.op.kind not in ("conv", "max_pool"):
        return
    of_places = ["row of windows", "column of windows"][4 - s.g.ndim :] if s.g.ndim < 5 else []
    for axis, what in enumerate(["image", "filter" if s.op.kind == "conv" else "channel", *of_places]):
        size = s.g.shape[axis]
        for at, which in ((0, "first"), (size - 1, "last")):
            there = (np.arange(size) == at).reshape(-1, *[1] * (s.g.ndim - 1 - axis))
            if axis == len(s.g.shape) - 1 and axis > 2:
                rows = np.arange(s.g.shape[-2]).reshape(-1, 1) == (s.g.shape[-2] - 1 if at else 0)
                both = there | rows
                said = f"those of the {which} row and column of windows are missing (do two loops end too early?)"
                yield Variant(lambda g, there=both: s.contribution(g * ~there), said, 0.1)
            if size > 2:
                early = "end too early" if at else "begin too late"
                said = f"that of the {which} {what} is missing (does a loop {early}?)"
                yield Variant(lambda g, there=there: s.contribution(g * ~there), said)
            if size > 1:
                said = f"only that of the {which} {what} is there (= for +=, a return in the loop, or a wrong index)"
                yield Variant(lambda g, there=there: s.contribution(g * there), said, 0.1)
                said = f"its upstream gradient is always that of the {which} {what} (a wrong index)"
                always = np.broadcast_to(s.g.take([at], axis), s.g.shape)
                yield Variant(lambda g, always=always: s.contribution(always), said, 0.1)


@mistake("channels of a convolution", "edge", "the contribution of {operand} through {through}: its upstream gradient "
         "is reshaped to (positions, channels), and the channels must be moved to the end first: dout.transpose(0, 2, "
         "3, 1).reshape(-1, channels)", assumes=1.2)  # fmt: skip
def _channels(s: Edge) -> Iterator[Variant]:
    channels = s.g.shape[1] if s.g.ndim > 2 else 1
    of_images = s.op.kind == "conv" or s.op.kind == "add" and s.i == 1 and s.operand.size == channels
    if of_images and channels > 1:
        last = (s.g.shape[0], *s.g.shape[2:], channels)
        yield Variant(lambda g: s.contribution(np.moveaxis(g.reshape(last), -1, 1)))


def _of_images(s: Edge, geometry: Any, weight: np.ndarray) -> Iterator[Variant]:
    kernel = tuple(range(2, weight.ndim))

    def put(g: np.ndarray, w: np.ndarray, sets: bool = False, lies: Any = None, cut: Any = None) -> np.ndarray:
        """Add or set the product of each window; `lies` maps the number of a window to where it begins."""
        out = np.zeros(
            (g.shape[0], w.shape[1], *[n + 2 * p for n, p in zip(geometry.large, geometry.padding, strict=True)])
        )
        for place in np.ndindex(*geometry.small):
            begin = lies(place) if lies else tuple(map(math.prod, zip(place, geometry.stride)))
            at = (slice(None), slice(None), *_window(begin, geometry.kernel))
            product = np.einsum("no,oc...->nc...", g[(..., *place)], w)
            out[at] = product if sets else out[at] + product
        cut = geometry.padding if cut is None else cut
        return out[(slice(None), slice(None), *(slice(p, p + n) for p, n in zip(cut, geometry.large, strict=True)))]

    def columns(g: np.ndarray) -> np.ndarray:
        """Set the elements at each place of the kernel, as a col2im that does not add."""
        padded = [n + 2 * p for n, p in zip(geometry.large, geometry.padding, strict=True)]
        out = np.zeros((g.shape[0], weight.shape[1], *padded))
        for place in np.ndindex(*geometry.kernel):
            starts = zip(place, geometry.stride, geometry.small, strict=True)
            at: list[Any] = [slice(k, k + step * n, step) for k, step, n in starts]
            out[(..., *at)] = np.einsum("no...,oc->nc...", g, weight[(..., *place)])
        kept: list[Any] = [slice(p, p + n) for p, n in zip(geometry.padding, geometry.large, strict=True)]
        return np.asarray(out[(..., *kept)])

    windows = "the windows overlap, and their contributions must be added (+=); here"
    yield Variant(columns, f"{windows} a later column of col2im overwrites (=)")
    yield Variant(lambda g: put(g, weight, sets=True), f"{windows} a later window overwrites (=)")
    yield Variant(
        lambda g: put(g[:, -1:], weight[-1:], sets=True), f"{windows} a later window, and filter, overwrites (=)"
    )
    for f, which in ((0, "first"), (-1, "last")):
        always = np.broadcast_to(weight[f], weight.shape)
        yield Variant(lambda g, w=always: put(g, w), f"the weight is always that of the {which} filter (a wrong index)")
    yield Variant(lambda g: put(g, np.flip(weight, kernel)), "the kernel is flipped, and must not be in these loops")
    if len(kernel) == 2 and weight.shape[-1] == weight.shape[-2]:
        yield Variant(lambda g: put(g, weight.swapaxes(-1, -2)), "the two axes of the kernel are swapped")
    for lies, where in _misplaced(geometry.stride, geometry.kernel):
        yield Variant(lambda g, lies=lies: put(g, weight, lies=lies), where)
    if max(geometry.padding) > 0:
        said = "the padding is cut off at the end: the gradient begins at index padding of the padded one"
        yield Variant(lambda g: put(g, weight, cut=(0,) * len(kernel)), said)


def _of_weight(s: Edge, geometry: Any, x: np.ndarray) -> Iterator[Variant]:
    around = [(p, p) for p in geometry.padding]
    padded = np.pad(x, [(0, 0), (0, 0), *around])
    zero = (0,) * len(geometry.small)
    end = tuple(n - 1 for n in geometry.small)

    def right(place: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(map(math.prod, zip(place, geometry.stride)))

    def windows(g: np.ndarray, images: np.ndarray, places: Any, lies: Any = right) -> np.ndarray:
        return sum(
            np.einsum(
                "no,nc...->oc...",
                g[(..., *place)],
                images[(slice(None), slice(None), *_window(lies(place), geometry.kernel))],
            )
            for place in places
        )

    every = [*np.ndindex(*geometry.small)]
    for place, which in ((end, "last"), (zero, "first")):
        yield Variant(
            lambda g, p=place: windows(g, padded, [p]),
            f"only that of the {which} window is left: those of all windows must be added (+=, not =)",
        )
        yield Variant(
            lambda g, p=place: windows(g[-1:], padded[-1:], [p]),
            f"only that of the {which} window of the last image is left: they must be added (+=, not =)",
        )
    for n, which in ((0, "first"), (-1, "last")):
        always = np.broadcast_to(padded[n], padded.shape)
        yield Variant(lambda g, x=always: windows(g, x, every), f"x is always the {which} image (a wrong index)")
    kernel = tuple(range(2, x.ndim))
    yield Variant(lambda g: np.flip(s.contribution(g), kernel), "it is flipped along the kernel")
    for lies, where in _misplaced(geometry.stride, geometry.kernel):
        yield Variant(lambda g, lies=lies: windows(g, padded, every, lies), where)
    if max(geometry.padding) > 0:
        shifted = np.pad(x, [(0, 0), (0, 0), *((0, 2 * p) for p in geometry.padding)])
        yield Variant(lambda g: windows(g, shifted, every), "the windows lie in x, and must lie in the padded x")


@mistake("windows of a pooling", "edge", "the contribution of {operand} through {through}: {detail}", assumes=1.2)
def _pooling(s: Edge) -> Iterator[Variant]:
    if s.op.kind != "max_pool":
        return
    windows, x = s.op.parameters["windows"], np.asarray(s.op.operands[0], dtype=float)
    places = [w.places() for w in windows]
    if math.prod(len(p) for p in places) > MOST:
        return

    def put(g: np.ndarray, share: Callable[[np.ndarray], Any], sets: bool = False, lies: Any = None) -> np.ndarray:
        """Pass the gradient of each window to its elements, as `share` of the window (windows flat, last axis) says."""
        out = np.zeros(x.shape)
        for place in np.ndindex(*[len(p) for p in places]):
            inside = [p[i] for p, i in zip(places, place)]
            if lies:
                inside = [b + np.arange(len(own)) for b, own in zip(lies(place), inside)]
            at = np.ix_(*map(np.arange, x.shape[: x.ndim - len(places)]), *inside)
            window = x[at]
            flat = window.reshape(*window.shape[: x.ndim - len(places)], -1)
            product = np.broadcast_to(share(flat) * g[(..., *place)][..., None], flat.shape).reshape(window.shape)
            out[at] = product if sets else out[at] + product
        return out

    def one(best: Callable[..., np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        return lambda flat: np.arange(flat.shape[-1]) == best(flat, axis=-1)[..., None]

    image = x.max(axis=tuple(range(-len(places), 0)))[..., None]
    shares: dict[str, Callable[[np.ndarray], Any]] = {
        "all elements of a window get it, not only the largest": lambda flat: 1.0,
        "it is spread over the window, as in average pooling; only the largest element gets it": lambda flat: (
            1 / flat.shape[-1]
        ),
        "the smallest element of a window gets it, not the largest": one(np.argmin),
        "the largest element of a window by absolute value gets it": one(lambda flat, axis: np.abs(flat).argmax(axis)),
        "the first element of a window always gets it": one(lambda flat, axis: 0 * flat.argmax(axis)),
        "the maximum is that of the whole image, not of the window": lambda flat: flat == image,
        "all elements that are as large as the largest of a window get it": lambda flat: (
            flat == flat.max(-1, keepdims=True)
        ),
    }
    for axis, what in enumerate(("image", "channel")[: x.ndim - len(places)]):
        said = f"the largest element is always that of the first {what} (a wrong index)"
        shares[said] = partial(lambda axis, flat: one(np.argmax)(flat.take([0], axis)), axis)
    side = len(places[0][0])
    if len(places) == 2 and all(len(p) == side for of in places for p in of):
        turned = np.arange(side**2).reshape(side, side).T.ravel()
        said = "row and column of the largest element are exchanged in the window"
        shares[said] = one(lambda flat, axis: turned[flat.argmax(axis)])
    yield from (Variant(lambda g, share=share: put(g, share), said) for said, share in shares.items())
    said = "the windows overlap, and their contributions must be added (+=); here a later window overwrites (=)"
    yield Variant(lambda g: put(g, one(np.argmax), sets=True), said)
    strides = tuple(int(p[1][0] - p[0][0]) if len(p) > 1 else 1 for p in places)
    for lies, where in _misplaced(strides, tuple(len(p[0]) for p in places)):
        yield Variant(lambda g, lies=lies: put(g, one(np.argmax), lies=lies), where)
    said = "it is multiplied by the largest element; a maximum has the derivative 1"
    yield Variant(lambda g: put(g, lambda flat: one(np.argmax)(flat) * flat), said, 0.2)


def _window(begin: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(b, b + k) for b, k in zip(begin, kernel, strict=True))


def _misplaced(stride: tuple[int, ...], kernel: tuple[int, ...]) -> Iterator[tuple[Callable[..., Any], str]]:
    """Yield wrong places of the windows: from the number of a window to where it begins."""
    ways: list[tuple[list[int], Any, str]] = []
    straight = [*range(len(stride))]
    if max(stride) > 1:
        ways.append((straight, (1,) * len(stride), "the windows lie at i, not at i * stride"))
    if len(stride) == 2:
        if min(stride) > 1:
            ways.append((straight, (1, stride[1]), "the windows lie at i, not at i * stride, along the rows alone"))
            ways.append((straight, (stride[0], 1), "the windows lie at j, not at j * stride, along the columns alone"))
        ways.append(([1, 0], stride, "the two indices of the windows are exchanged"))
        ways.append(([0, 0], stride, "the windows lie at (i, i), not at (i, j)"))
        ways.append(([1, 1], stride, "the windows lie at (j, j), not at (i, j)"))
    if kernel != stride:
        ways.append((straight, kernel, "the windows lie at i * (the size of the kernel), not at i * stride"))
    for axes, steps, where in ways:
        yield lambda place, axes=axes, steps=steps: tuple(place[a] * n for a, n in zip(axes, steps)), where
