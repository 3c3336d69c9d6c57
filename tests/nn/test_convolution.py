"""Convolution and padding: messages for wrong arguments, transposes, learning, and reused memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Network, nn, ones, zeros
from minigrad.nn import functional as F

REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.conv2d(zeros(8, 8), zeros(4, 1, 3, 3)), ValueError, r"x.reshape\(1, 1, 8, 8\)"),
    (lambda: F.conv2d(zeros(2, 5, 3, 8, 8), zeros(4, 3, 3, 3)), ValueError, r"x.flatten\(0, 1\)"),
    (lambda: F.conv2d(zeros(2, 8, 8, 3), zeros(4, 3, 3, 3)), ValueError, r"x.permute\(0, 3, 1, 2\)"),
    (lambda: F.conv2d(zeros(8, 8, 3), zeros(4, 3, 3, 3)), ValueError, r"x.permute\(2, 0, 1\)"),
    (lambda: F.conv1d(zeros(8, 7, 3), zeros(4, 3, 3)), ValueError, r"x.permute\(0, 2, 1\)"),
    (lambda: F.conv2d(zeros(9, 8, 8), zeros(4, 1, 3, 3)), ValueError, r"x.unsqueeze\(1\)"),
    (
        lambda: F.conv2d(zeros(1, 4, 8, 8), zeros(4, 3, 3, 3)),
        ValueError,
        r"\(4, 3, 3, 3\) needs 3 .* has 4",
    ),
    (
        lambda: F.conv2d(zeros(1, 3, 8, 8), zeros(4, 3, 3)),
        ValueError,
        r"weight must have the shape \(out, in / groups",
    ),
    (lambda: F.conv2d(zeros(1, 3, 2, 8), zeros(4, 3, 3, 3)), ValueError, "kernel of 3 x 3 is larger than.* 2 x 8"),
    (lambda: F.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 3, 3), dilation=2), ValueError, "dilated by 2 x 2"),
    (lambda: F.conv2d(zeros(1, 4, 4, 4), zeros(3, 2, 1, 1), groups=2), ValueError, "3 output channels .* 2 equal"),
    (lambda: F.conv2d(zeros(1, 4, 4, 4), zeros(3, 2, 1, 1), groups=0), ValueError, "groups"),
    (
        lambda: F.conv2d(zeros(1, 1, 4, 4), zeros(2, 1, 1, 1), zeros(1)),
        ValueError,
        r"one number per .*channel, \(2,\)",
    ),
    (
        lambda: F.conv2d(zeros(1, 1, 4, 4).double(), zeros(2, 1, 1, 1)),
        TypeError,
        r"float64, float32; .*x.to\('float32'\)",
    ),
    (lambda: F.conv2d(zeros(1, 1, 4, 4).long(), zeros(2, 1, 1, 1).double()), TypeError, r"x.to\('float64'\)"),
    (lambda: F.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 3, 3), padding="full"), ValueError, "'same' or 'valid'"),
    (lambda: F.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 3, 3), 2, padding="same"), TypeError, "the bias .* int64$"),
    (lambda: F.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 3, 3), stride=2, padding="same"), ValueError, "stride"),
    (
        lambda: F.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 3, 3), stride=0),
        ValueError,
        "stride must be an integer",
    ),
    (lambda: F.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 3, 3), stride=(1, 2, 3)), ValueError, "stride"),
    (lambda: F.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 3, 3), padding=-1), ValueError, "padding"),
    (lambda: F.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 3, 3), padding=0.5), TypeError, "padding"),
    (lambda: F.conv_transpose2d(zeros(1, 3, 4, 4), zeros(2, 3, 3, 3)), ValueError, "needs 2 input channels"),
    (lambda: F.conv_transpose2d(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), padding=3), ValueError, "output of -1 x -1"),
    (lambda: F.conv_transpose2d(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), output_padding=1), ValueError, "output_padding"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "3 in_channels"),
    (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "3 out_channels"),
    (lambda: nn.Conv2d(0, 3, 3), ValueError, "in_channels"),
    (lambda: nn.Conv2d(1, 3, 3, padding_mode="mirror"), ValueError, "padding_mode must be one of"),
    (lambda: nn.Conv2d(1, 3, 3, stride=2, padding="same"), ValueError, "stride"),
    (lambda: nn.ConvTranspose2d(1, 3, 3, padding_mode="reflect"), ValueError, "padding_mode"),
    (lambda: F.pad(zeros(2, 3), (1,)), ValueError, "pairs"),
    (lambda: F.pad(zeros(2, 3), 1), TypeError, "must be a tuple"),
    (lambda: F.pad(zeros(3), (1, 1, 1, 1)), ValueError, "at most the 1 dimensions"),
    (lambda: F.pad(zeros(2, 3), (-2, -2)), ValueError, "crop more"),
    (lambda: F.pad(zeros(1, 3), (3, 0), "reflect"), ValueError, "at most 2 elements"),
    (lambda: F.pad(zeros(1, 3), (4, 0), "circular"), ValueError, "at most 3 elements"),
    (lambda: F.pad(zeros(1, 0), (1, 0), "replicate"), ValueError, "nothing to repeat"),
    (lambda: F.pad(zeros(1, 3), (1, 0), "mirror"), NotImplementedError, "'mirror'"),
    (lambda: F.pad(zeros(3), (1, 0), "reflect"), NotImplementedError, r"got 2 numbers for shape \(3,\)"),
    (lambda: F.pad(zeros(1, 3), (1, 0), "reflect", 1.0), ValueError, "takes no value"),
]


@pytest.mark.parametrize("program, error, message", REFUSED)
def test_wrong_arguments_are_refused(program: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        program()


def test_the_message_names_the_layer_and_its_weight() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    with pytest.raises(ValueError, match=r"Sequential\.2: conv2d: 2\.weight of shape \(4, 8, 3, 3\) needs 8"):
        net(zeros(1, 3, 8, 8))


def test_a_convolution_of_integers() -> None:
    x, w = minigrad.tensor([[[1, 2, 3, 4]]]), minigrad.tensor([[[1, -1]]])
    assert F.conv1d(x, w).tolist() == [[[-1, -1, -1]]] and F.conv1d(x, w).dtype == np.int64


def test_the_transpose_undoes_the_shapes() -> None:
    """<conv(x), y> = <x, conv_transpose(y)>"""
    minigrad.manual_seed(0)
    x, w, y = (minigrad.randn(s, dtype="float64") for s in ((2, 3, 7, 6), (4, 3, 3, 2), (2, 4, 3, 6)))
    options = {"stride": (2, 1), "padding": (0, 1), "dilation": (1, 2)}
    left, right = F.conv2d(x, w, **options) * y, x * F.conv_transpose2d(y, w, **options)
    np.testing.assert_allclose(left.sum().item(), right.sum().item())


def test_a_small_network_learns_to_tell_bars_apart() -> None:
    minigrad.manual_seed(0)
    images = np.zeros((8, 1, 6, 6), np.float32)
    for i in range(4):
        images[i, 0, i + 1], images[i + 4, 0, :, i + 1] = 1, 1
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    network = Network(model, nn.CrossEntropyLoss())
    for _ in range(60):
        loss = network.forward((images, np.arange(8) // 4))
        network.x[:] -= 0.3 * network.backward()
    assert loss < 0.05


def test_a_write_to_the_weight_is_noticed() -> None:
    x, layer = ones(1, 1, 3, 3, requires_grad=True), nn.Conv2d(1, 1, 2)
    y = layer(x).sum()
    with minigrad.no_grad():
        layer.weight += 1.0
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_the_names_at_the_top_are_the_functions() -> None:
    for name in ("conv1d", "conv2d", "conv_transpose2d", "max_pool2d", "adaptive_avg_pool1d", "pixel_shuffle"):
        assert getattr(minigrad, name) is getattr(F, name)


def test_reused_memory_carries_nothing_over() -> None:
    """Results of one convolution between others of other sizes and dtypes."""
    minigrad.manual_seed(0)
    x, w = minigrad.randn(2, 3, 9, 9, dtype="float64"), minigrad.randn(4, 3, 3, 3, dtype="float64")
    before = F.conv2d(x, w)
    kept = before.tolist()
    for dtype in ("float32", "float64"):
        F.conv2d(minigrad.randn(3, 2, 20, 20, dtype=dtype), minigrad.randn(5, 2, 3, 3, dtype=dtype))
        F.conv2d(minigrad.full((1, 1, 3, 3), float("nan"), dtype=dtype), minigrad.ones(1, 1, 2, 2, dtype=dtype))
    assert before.tolist() == kept == F.conv2d(x, w).tolist()
