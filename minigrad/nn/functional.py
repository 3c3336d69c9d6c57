"""The functions of layers and losses, without parameters of their own. PyTorch's names and meaning."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.creation import as_tensor
from minigrad.nn.activations import celu as celu
from minigrad.nn.activations import elu as elu
from minigrad.nn.activations import gelu as gelu
from minigrad.nn.activations import glu as glu
from minigrad.nn.activations import gumbel_softmax as gumbel_softmax
from minigrad.nn.activations import hardshrink as hardshrink
from minigrad.nn.activations import hardsigmoid as hardsigmoid
from minigrad.nn.activations import hardswish as hardswish
from minigrad.nn.activations import hardtanh as hardtanh
from minigrad.nn.activations import leaky_relu as leaky_relu
from minigrad.nn.activations import log_softmax as log_softmax
from minigrad.nn.activations import logsigmoid as logsigmoid
from minigrad.nn.activations import mish as mish
from minigrad.nn.activations import prelu as prelu
from minigrad.nn.activations import relu as relu
from minigrad.nn.activations import relu6 as relu6
from minigrad.nn.activations import rrelu as rrelu
from minigrad.nn.activations import selu as selu
from minigrad.nn.activations import sigmoid as sigmoid
from minigrad.nn.activations import silu as silu
from minigrad.nn.activations import softmax as softmax
from minigrad.nn.activations import softmin as softmin
from minigrad.nn.activations import softplus as softplus
from minigrad.nn.activations import softshrink as softshrink
from minigrad.nn.activations import softsign as softsign
from minigrad.nn.activations import tanh as tanh
from minigrad.nn.activations import tanhshrink as tanhshrink
from minigrad.nn.activations import threshold as threshold
from minigrad.nn.convolution import conv1d as conv1d
from minigrad.nn.convolution import conv2d as conv2d
from minigrad.nn.convolution import conv3d as conv3d
from minigrad.nn.convolution import conv_transpose1d as conv_transpose1d
from minigrad.nn.convolution import conv_transpose2d as conv_transpose2d
from minigrad.nn.convolution import conv_transpose3d as conv_transpose3d
from minigrad.nn.dropout import alpha_dropout as alpha_dropout
from minigrad.nn.dropout import dropout as dropout
from minigrad.nn.dropout import dropout1d as dropout1d
from minigrad.nn.dropout import dropout2d as dropout2d
from minigrad.nn.dropout import dropout3d as dropout3d
from minigrad.nn.embedding import embedding as embedding
from minigrad.nn.layers import bilinear as bilinear
from minigrad.nn.layers import linear as linear
from minigrad.nn.normalization import batch_norm as batch_norm
from minigrad.nn.normalization import group_norm as group_norm
from minigrad.nn.normalization import instance_norm as instance_norm
from minigrad.nn.normalization import layer_norm as layer_norm
from minigrad.nn.normalization import rms_norm as rms_norm
from minigrad.nn.padding import pad as pad
from minigrad.nn.pooling import adaptive_avg_pool1d as adaptive_avg_pool1d
from minigrad.nn.pooling import adaptive_avg_pool2d as adaptive_avg_pool2d
from minigrad.nn.pooling import adaptive_avg_pool3d as adaptive_avg_pool3d
from minigrad.nn.pooling import adaptive_max_pool1d as adaptive_max_pool1d
from minigrad.nn.pooling import adaptive_max_pool2d as adaptive_max_pool2d
from minigrad.nn.pooling import adaptive_max_pool3d as adaptive_max_pool3d
from minigrad.nn.pooling import avg_pool1d as avg_pool1d
from minigrad.nn.pooling import avg_pool2d as avg_pool2d
from minigrad.nn.pooling import avg_pool3d as avg_pool3d
from minigrad.nn.pooling import local_response_norm as local_response_norm
from minigrad.nn.pooling import lp_pool1d as lp_pool1d
from minigrad.nn.pooling import lp_pool2d as lp_pool2d
from minigrad.nn.pooling import lp_pool3d as lp_pool3d
from minigrad.nn.pooling import max_pool1d as max_pool1d
from minigrad.nn.pooling import max_pool2d as max_pool2d
from minigrad.nn.pooling import max_pool3d as max_pool3d
from minigrad.nn.pooling import max_unpool1d as max_unpool1d
from minigrad.nn.pooling import max_unpool2d as max_unpool2d
from minigrad.nn.pooling import max_unpool3d as max_unpool3d
from minigrad.nn.resize import channel_shuffle as channel_shuffle
from minigrad.nn.resize import fold as fold
from minigrad.nn.resize import interpolate as interpolate
from minigrad.nn.resize import pixel_shuffle as pixel_shuffle
from minigrad.nn.resize import pixel_unshuffle as pixel_unshuffle
from minigrad.nn.resize import unfold as unfold
from minigrad.rules import nn as loss_rules
from minigrad.tensors import Tensor


def _reduced(losses: Tensor, reduction: str) -> Tensor:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")
    if reduction == "mean" and not losses.numel():
        raise ValueError("the mean loss of an empty batch is undefined: is the data set, or the last batch, empty?")
    return losses if reduction == "none" else getattr(losses, reduction)()


def mse_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """(input - target)², averaged.

    Raises:
        ValueError: when the shapes differ: broadcasting (N, 1) against (N,) would compare all with all.
    """
    target = as_tensor(target)
    if input.shape != target.shape:
        raise ValueError(f"mse_loss: input has shape {input.shape}, target {target.shape}; reshape one to the other")
    return _reduced((input - target).square(), reduction)


def cross_entropy(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """-log softmax(scores)[correct class], averaged over the batch: the loss of a softmax classifier.

    Args:
        input: scores (logits, not probabilities) of shape (N, C), or (C,) for one example.
        target: correct classes, integers from 0 to C - 1, of shape (N,), or () for one example.
        reduction: 'mean', 'sum', or 'none' for one loss per example.

    Raises:
        ValueError: for shapes that do not fit, an empty batch, or a class outside 0 … C - 1.
        TypeError: for targets that are no integers.

    >>> from minigrad import tensor
    >>> print(f"{cross_entropy(tensor([[0.0, 0.0, 0.0]]), tensor([1])):.4f}")
    1.0986
    """
    classes = np.asarray(target._array if isinstance(target, Tensor) else target)
    if classes.dtype.kind not in "iu":
        raise TypeError(
            f"cross_entropy: targets are class numbers, integers; got {classes.dtype} of shape {classes.shape}. "
            "One-hot rows become class numbers by .argmax(1)"
        )
    if input.ndim not in (1, 2) or classes.shape != input.shape[:-1]:
        raise ValueError(
            f"cross_entropy: scores of shape {input.shape} need targets of shape {input.shape[:-1]}, one class number "
            f"per example; got {classes.shape}"
        )
    count = input.shape[-1]
    if classes.size and not 0 <= classes.min() <= classes.max() < count:
        raise ValueError(
            f"cross_entropy: classes are 0 to {count - 1}, as there are {count} scores per example; "
            f"the targets go from {classes.min()} to {classes.max()}"
        )
    scores = input if input.dtype.kind == "f" else input.float()
    return _reduced(Tensor.apply(loss_rules.cross_entropy, scores, target=classes), reduction)
