"""Resizing: messages for wrong arguments; unfold and conv2d."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import randn, zeros
from minigrad.nn import functional as F

X = zeros(1, 8, 4, 4)
REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.interpolate(X), ValueError, "either size or scale_factor"),
    (lambda: F.interpolate(X, 3, 2.0), ValueError, "either size or scale_factor"),
    (lambda: F.interpolate(X, (2, 2, 2)), ValueError, "size"),
    (lambda: F.interpolate(X, 0), ValueError, "size"),
    (lambda: F.interpolate(X, scale_factor=(1.0, 2.0, 3.0)), ValueError, "scale_factor"),
    (lambda: F.interpolate(X, scale_factor=0.1), ValueError, "4 x 4 to 0 x 0"),
    (lambda: F.interpolate(X, 3, mode="linear"), ValueError, r"'linear' needs an input \(N, C, size\)"),
    (lambda: F.interpolate(X[0], 3, mode="bilinear"), ValueError, r"\(N, C, size, size\), got shape \(8, 4, 4\)"),
    (lambda: F.interpolate(X, 3, mode="lanczos"), NotImplementedError, "'lanczos'"),
    (lambda: F.interpolate(X, 3, mode="bilinear", antialias=True), NotImplementedError, "area"),
    (lambda: F.interpolate(X, 3, align_corners=True), ValueError, "align_corners"),
    (lambda: F.interpolate(X, 3, recompute_scale_factor=True), ValueError, "recompute_scale_factor"),
    (lambda: F.interpolate(X.long(), 3, mode="bilinear"), TypeError, r"x.float\(\)"),
    (lambda: F.interpolate(zeros(1, 1, 0, 4), 3), ValueError, "nothing to resize"),
    (lambda: F.pixel_shuffle(X, 3), ValueError, r"a multiple of 3\^2 = 9"),
    (lambda: F.pixel_shuffle(zeros(4, 4), 2), ValueError, "at least three dimensions"),
    (lambda: F.pixel_unshuffle(X, 3), ValueError, "multiples of 3"),
    (lambda: F.channel_shuffle(X, 3), ValueError, "3 equal groups"),
    (lambda: F.unfold(X, 5), ValueError, "windows of 5 x 5"),
    (lambda: F.unfold(zeros(4, 4), 2), ValueError, r"x.unsqueeze\(0\)"),
    (lambda: F.fold(zeros(1, 8, 4), 3, 2, stride=2), ValueError, "has 1 windows of 2 x 2"),
    (lambda: F.fold(zeros(1, 7, 4), 3, 2), ValueError, "a multiple of 4"),
]


@pytest.mark.parametrize("program, error, message", REFUSED)
def test_wrong_arguments_are_refused(program: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        program()


def test_a_convolution_is_a_product_with_the_windows() -> None:
    minigrad.manual_seed(0)
    x, w = randn(2, 3, 6, 5, dtype="float64"), randn(4, 3, 3, 2, dtype="float64")
    options = {"stride": (1, 2), "padding": (2, 0), "dilation": (2, 1)}
    by_hand = (w.reshape(4, -1) @ F.unfold(x, (3, 2), **options)).reshape(2, 4, 6, 2)
    np.testing.assert_allclose(by_hand, F.conv2d(x, w, **options))


def test_large_batches_unfold_in_pieces() -> None:
    minigrad.manual_seed(0)
    x = randn(9, 4, 60, 60)
    columns = F.unfold(x, 5, padding=2)
    assert columns.shape == (9, 100, 3600)
    for i in (0, 8):
        np.testing.assert_array_equal(columns[i], F.unfold(x[i], 5, padding=2))
    back = F.fold(columns, 60, 5, padding=2)
    for i in (0, 8):
        np.testing.assert_array_equal(back[i], F.fold(columns[i], 60, 5, padding=2))
