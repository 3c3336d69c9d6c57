"""Mistakes in the backward pass of convolution and pooling, as loops over their windows.

CS231n's naive loops: for each window, add weight * g to the gradient of the window of x, and x * g to that of the
weight; in max pooling, pass g to the largest element of the window.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
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

    def put(g: np.ndarray, w: np.ndarray, sets: bool = False, stride: Any = None, cut: Any = None) -> np.ndarray:
        """Add or set the product of each window."""
        out = np.zeros(
            (g.shape[0], w.shape[1], *[n + 2 * p for n, p in zip(geometry.large, geometry.padding, strict=True)])
        )
        for place in np.ndindex(*geometry.small):
            at = (slice(None), slice(None), *_window(place, stride or geometry.stride, geometry.kernel))
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
    yield Variant(lambda g: put(g[:, -1:], weight[-1:]), "only that of the last filter is left (= for +=, or no sum)")
    yield Variant(lambda g: put(g[:, :1], weight[:1]), "only that of the first filter is there", 0.3)
    yield Variant(lambda g: put(g, np.flip(weight, kernel)), "the kernel is flipped, and must not be in these loops")
    if len(kernel) == 2 and weight.shape[-1] == weight.shape[-2]:
        yield Variant(lambda g: put(g, weight.swapaxes(-1, -2)), "the two axes of the kernel are swapped")
    if max(geometry.stride) > 1:
        once = (1,) * len(kernel)
        yield Variant(lambda g: put(g, weight, stride=once), "the windows lie at i, not at i * stride")
    if max(geometry.padding) > 0:
        said = "the padding is cut off at the end: the gradient begins at index padding of the padded one"
        yield Variant(lambda g: put(g, weight, cut=(0,) * len(kernel)), said)


def _of_weight(s: Edge, geometry: Any, x: np.ndarray) -> Iterator[Variant]:
    around = [(p, p) for p in geometry.padding]
    padded = np.pad(x, [(0, 0), (0, 0), *around])
    zero = (0,) * len(geometry.small)
    end = tuple(n - 1 for n in geometry.small)

    def windows(g: np.ndarray, images: np.ndarray, stride: Any, places: Any) -> np.ndarray:
        return sum(
            np.einsum(
                "no,nc...->oc...",
                g[(..., *place)],
                images[(slice(None), slice(None), *_window(place, stride, geometry.kernel))],
            )
            for place in places
        )

    every = [*np.ndindex(*geometry.small)]
    for place, which in ((end, "last"), (zero, "first")):
        yield Variant(
            lambda g, p=place: windows(g, padded, geometry.stride, [p]),
            f"only that of the {which} window is left: those of all windows must be added (+=, not =)",
        )
        yield Variant(
            lambda g, p=place: windows(g[-1:], padded[-1:], geometry.stride, [p]),
            f"only that of the {which} window of the last image is left: they must be added (+=, not =)",
        )
    yield Variant(
        lambda g: windows(g[-1:], padded[-1:], geometry.stride, every),
        "only that of the last image is left: those of all images must be added (+=, not =)",
    )
    kernel = tuple(range(2, x.ndim))
    yield Variant(lambda g: np.flip(s.contribution(g), kernel), "it is flipped along the kernel")
    if max(geometry.stride) > 1:
        once = (1,) * len(zero)
        yield Variant(lambda g: windows(g, padded, once, every), "the windows lie at i, not at i * stride")
    if max(geometry.padding) > 0:
        shifted = np.pad(x, [(0, 0), (0, 0), *((0, 2 * p) for p in geometry.padding)])
        yield Variant(
            lambda g: windows(g, shifted, geometry.stride, every), "the windows lie in x, and must lie in the padded x"
        )


@mistake("windows of a pooling", "edge", "the contribution of {operand} through {through}: {detail}", assumes=1.2)
def _pooling(s: Edge) -> Iterator[Variant]:
    if s.op.kind != "max_pool":
        return
    windows, x = s.op.parameters["windows"], np.asarray(s.op.operands[0], dtype=float)
    places = [w.places() for w in windows]
    if math.prod(len(p) for p in places) > MOST:
        return

    def put(g: np.ndarray, share: Callable[[np.ndarray], Any], sets: bool = False) -> np.ndarray:
        """Pass the gradient of each window to its elements, as `share` of the window (windows flat, last axis) says."""
        out = np.zeros(x.shape)
        for place in np.ndindex(*[len(p) for p in places]):
            at = np.ix_(*map(np.arange, x.shape[: x.ndim - len(places)]), *[p[i] for p, i in zip(places, place)])
            window = x[at]
            flat = window.reshape(*window.shape[: x.ndim - len(places)], -1)
            product = np.broadcast_to(share(flat) * g[(..., *place)][..., None], flat.shape).reshape(window.shape)
            out[at] = product if sets else out[at] + product
        return out

    def one(best: Callable[..., np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        return lambda flat: np.arange(flat.shape[-1]) == best(flat, axis=-1)[..., None]

    yield Variant(lambda g: put(g, lambda flat: 1.0), "all elements of a window get it, not only the largest")
    yield Variant(
        lambda g: put(g, lambda flat: 1 / flat.shape[-1]),
        "it is spread over the window, as in average pooling; only the largest element gets it",
    )
    yield Variant(lambda g: put(g, one(np.argmin)), "the smallest element of a window gets it, not the largest")
    yield Variant(
        lambda g: put(g, one(np.argmax), sets=True),
        "the windows overlap, and their contributions must be added (+=); here a later window overwrites (=)",
    )
    yield Variant(
        lambda g: put(g, lambda flat: one(np.argmax)(flat) * flat),
        "it is multiplied by the largest element; a maximum has the derivative 1",
        0.2,
    )
    yield Variant(
        lambda g: put(g, lambda flat: flat == flat.max(-1, keepdims=True)),
        "all elements that are as large as the largest of a window get it",
    )


def _window(place: tuple[int, ...], stride: Any, kernel: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(p * d, p * d + k) for p, d, k in zip(place, stride, kernel, strict=True))
