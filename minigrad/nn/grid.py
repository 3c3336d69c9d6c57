"""Sampling of images at places that are computed: `affine_grid` and `grid_sample`.

Source: Jaderberg et al., "Spatial transformer networks", 2015. The places are in normalized coordinates, from -1 to 1
over the image, the last dimension of the image first: (x, y), or (x, y, z). With `align_corners`, -1 and 1 are the
centers of the first and the last pixel; otherwise they are the outer edges of these.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.nn.arguments import check_choice, check_tensor
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.joining import meshgrid, stack
from minigrad.tensors.tensor import Tensor

MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")
_A = -0.75  # of the cubic kernel, as `interpolate` has it


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Return the places at which `grid_sample` reads to apply an affine map: each is theta @ (x, y, 1).

    Args:
        theta: the map of each image, (N, 2, 3), or (N, 3, 4) for volumes.
        size: the size of the output, (N, C, H, W) or (N, C, D, H, W).
        align_corners: whether -1 and 1 are the centers of the outer pixels (default False: their outer edges).

    Shape: (N, 2, 3) -> (N, H, W, 2); (N, 3, 4) -> (N, D, H, W, 3).

    Raises:
        ValueError: if the shapes do not fit.

    >>> from minigrad import tensor
    >>> identity = tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> affine_grid(identity, (1, 1, 2, 2))[0].tolist()
    [[[-0.5, -0.5], [0.5, -0.5]], [[-0.5, 0.5], [0.5, 0.5]]]

    Source: Jaderberg et al., 2015.
    """
    check_tensor("affine_grid", theta=theta)
    n, *sizes = int(size[0]), *map(int, size[2:])
    dims = len(sizes)
    if dims not in (2, 3) or theta.shape != (n, dims, dims + 1):
        raise ValueError(
            "affine_grid: theta must have shape (N, 2, 3) for a size (N, C, H, W), or (N, 3, 4) for (N, C, D, H, W); "
            f"got {theta.shape} for {tuple(size)}"
        )
    if min(n, *sizes) < 1:
        raise ValueError(f"affine_grid: the sizes must be positive, got {tuple(size)}")
    axes = [_centers(s, bool(align_corners)).astype(theta.dtype) for s in sizes]
    places = meshgrid(*map(as_tensor, axes), indexing="ij")[::-1]  # x, the last dimension, first
    base = stack([*places, places[0] * 0 + 1], dim=-1).reshape(1, -1, dims + 1)
    return (base @ theta.transpose(1, 2)).reshape(n, *sizes, dims)


def _centers(size: int, align_corners: bool) -> np.ndarray:
    """Return the coordinates of the pixels' centers."""
    if size == 1:
        return np.zeros(1)
    return np.linspace(-1, 1, size) * (1 if align_corners else (size - 1) / size)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Return the values of the input at the places of the grid, interpolated between its pixels.

    Args:
        input: images (N, C, H, W), or volumes (N, C, D, H, W).
        grid: the places, (N, H', W', 2) of pairs (x, y), or (N, D', H', W', 3) of (x, y, z).
        mode: "bilinear" (default; of volumes, trilinear), "nearest", or "bicubic", of images only.
        padding_mode: what is outside: "zeros" (default), "border" or "reflection".
        align_corners: whether -1 and 1 are the centers of the outer pixels (default False: their outer edges).

    Shape: (N, C, H, W), (N, H', W', 2) -> (N, C, H', W'), and likewise for volumes.

    Gradients flow to the input and, but for "nearest", to the grid.

    Raises:
        ValueError: if the shapes do not fit, or a mode is unknown.

    >>> from minigrad import tensor
    >>> image = tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> grid_sample(image, tensor([[[[0.0, 0.0], [0.5, -0.5]]]])).tolist()
    [[[[2.5, 2.0]]]]

    Source: Jaderberg et al., 2015.
    """
    check_tensor("grid_sample", input=input, grid=grid)
    check_choice("grid_sample", allowed=MODES, mode=mode)
    check_choice("grid_sample", allowed=PADDINGS, padding_mode=padding_mode)
    dims = input.ndim - 2
    if dims not in (2, 3) or grid.ndim != input.ndim or grid.shape[-1] != dims or grid.shape[0] != input.shape[0]:
        raise ValueError(
            "grid_sample: input (N, C, H, W) needs a grid (N, H', W', 2), and (N, C, D, H, W) one (N, D', H', W', 3); "
            f"got shapes {input.shape} and {grid.shape}"
        )
    if min(input.shape[2:]) < 1:
        raise ValueError(f"grid_sample: the images have no pixels; the input has shape {input.shape}")
    if mode == "bicubic" and dims == 3:
        raise ValueError("grid_sample: mode 'bicubic' is for images (N, C, H, W); for volumes use 'bilinear'")
    aligned = bool(align_corners)
    sizes, places = input.shape[2:], []
    for d, size in enumerate(sizes):
        c = grid[..., dims - 1 - d]
        c = (c + 1) * ((size - 1) / 2) if aligned else ((c + 1) * size - 1) / 2
        places.append(c if mode == "bicubic" else _inside(c, size, padding_mode, aligned))
    if mode == "nearest":
        return _read(input, [np.rint(p.detach()._array) for p in places])
    if mode == "bilinear":
        taps = [_linear_taps(p) for p in places]
    else:
        taps = [_cubic_taps(p, size, padding_mode, aligned) for p, size in zip(places, sizes)]
    out: Any = 0
    for corner in itertools.product(*taps):  # a pair (place, weight) for each dimension
        weight: Any = 1
        for _, w in corner:
            weight = weight * w
        out = out + _read(input, [p for p, _ in corner]) * weight.unsqueeze(1)
    return out


def _inside(c: Tensor, size: int, padding_mode: str, aligned: bool) -> Tensor:
    """Return the coordinate of the pixel that is read instead of one outside; beyond the border, its gradient is 0."""
    if padding_mode == "zeros":
        return c
    values = c.detach()._array
    slope: Any = np.ones_like(values)
    folded = values
    if padding_mode == "reflection":
        low, high = (0, size - 1) if aligned else (-0.5, size - 0.5)
        span = high - low
        if span:
            distance = np.abs(values - low)
            odd = np.floor(distance / span) % 2 == 1
            rest = np.fmod(distance, span)
            folded = np.where(odd, span - rest, rest) + low
            slope = np.where(values < low, -1, 1) * np.where(odd, -1, 1)
        else:
            folded, slope = np.zeros_like(values), np.zeros_like(values)
    slope = np.where((folded > 0) & (folded < size - 1), slope, 0).astype(values.dtype)
    target = np.clip(folded, 0, size - 1).astype(values.dtype)
    # a linear function with this value and this slope
    return c * as_tensor(slope) + as_tensor(target - values * slope)


def _linear_taps(c: Tensor) -> list[tuple[Any, Any]]:
    """Return the two pixels beside a place, and their weights."""
    low = np.floor(c.detach()._array)
    far = c - as_tensor(low)
    return [(low, 1 - far), (low + 1, far)]


def _cubic_taps(c: Tensor, size: int, padding_mode: str, aligned: bool) -> list[tuple[Any, Any]]:
    """Return the four pixels around a place, and the weights of the cubic convolution (Keys, 1981)."""
    low = np.floor(c.detach()._array)
    t = c - as_tensor(low)

    def near(x: Any) -> Any:
        return ((_A + 2) * x - (_A + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((_A * x - 5 * _A) * x + 8 * _A) * x - 4 * _A

    weights = [far(t + 1), near(t), near(1 - t), far(2 - t)]
    pixels = [_inside(as_tensor(low + k), size, padding_mode, aligned)._array for k in (-1, 0, 1, 2)]
    return [*zip(pixels, weights)]


def _read(input: Tensor, places: list[Any]) -> Tensor:
    """Return the pixels at integer places, an array for each dimension; 0 outside."""
    sizes = input.shape[2:]
    inside = np.logical_and.reduce([(p >= 0) & (p < size) for p, size in zip(places, sizes)])
    index = np.ravel_multi_index([np.where(inside, p, 0).astype(np.int64) for p in places], sizes)
    n, channels = input.shape[:2]
    flat = np.broadcast_to(index.reshape(n, 1, -1), (n, channels, index[0].size))
    pixels = input.reshape(n, channels, -1).gather(2, as_tensor(flat)).reshape(n, channels, *index.shape[1:])
    return pixels if inside.all() else pixels * as_tensor(inside[:, None].astype(input.dtype))
