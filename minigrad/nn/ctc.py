"""Connectionist temporal classification: a loss for sequences whose alignment is not known.

A path gives each time step a label or blank; it spells a target if, repetitions merged and blanks removed, the target
is left. The loss is -log of the sum of the probabilities of all paths that spell it. Source: Graves et al.,
"Connectionist temporal classification", 2006; the recursion for alpha is section 4.1, here with logarithms.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.nn.layers import as_input
from minigrad.nn.loss_base import check_reduction
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.joining import cat, stack
from minigrad.tensors.tensor import Tensor

IMPOSSIBLE = -1e30  # the logarithm of a probability of 0 that can be computed with; -inf - -inf would be nan


def _lengths(name: str, lengths: Any, n: int, most: int) -> np.ndarray:
    array = np.asarray(lengths._array if isinstance(lengths, Tensor) else lengths).reshape(-1)
    if array.dtype.kind not in "iu" or array.shape != (n,) or (n and not 0 <= array.min() <= array.max() <= most):
        raise ValueError(f"ctc_loss: {name} are {n} integers from 0 to {most}, one for each example; got {lengths!r}")
    return array.astype(np.int64)


def _padded(targets: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Targets of shape (N, S), also if they came one after the other."""
    if targets.ndim == 2:
        return targets
    out = np.zeros((len(lengths), lengths.max(initial=0)), np.int64)
    for row, end, n in zip(out, np.cumsum(lengths), lengths):
        row[:n] = targets[end - n : end]
    return out


def ctc_loss(
    log_probs: Tensor,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the probability that a path spells the target.

    Args:
        log_probs: log-probabilities (log_softmax) of shape (T, N, C), or (T, C) for one example.
        targets: labels other than blank, integers of shape (N, S), padded; or all one after the other in (sum of
            lengths,).
        input_lengths: how many of the T time steps belong to each example.
        target_lengths: how many labels each target has.
        blank: the class that stands for no label.
        reduction: 'none'; 'sum'; or 'mean': the mean over the batch of each loss over its target's length.
        zero_infinity: 0, with no gradient, in place of an infinite loss (of a target that is too long).

    Raises:
        ValueError: for shapes, lengths or labels that do not fit.

    The gradient is the one by the log-probabilities themselves; PyTorch's is that by what goes into log_softmax, so
    the two agree as soon as there is a log_softmax in front.
    """
    check_reduction("ctc_loss", reduction)
    log_probs = as_input("ctc_loss", log_probs)
    single = log_probs.ndim == 2
    lp = log_probs.unsqueeze(1) if single else log_probs
    if lp.ndim != 3 or lp.dtype.kind != "f":
        raise ValueError(f"ctc_loss: log_probs are floats (T, N, C) or (T, C), got {lp.dtype} {log_probs.shape}")
    t_max, n, classes = lp.shape
    labels = np.asarray(targets._array if isinstance(targets, Tensor) else targets)
    labels = labels[None] if single and labels.ndim == 1 else labels
    if labels.dtype.kind not in "iu" or labels.ndim not in (1, 2) or (labels.ndim == 2 and len(labels) != n):
        raise ValueError(f"ctc_loss: targets are integers ({n}, S) or one row, got {labels.dtype} {labels.shape}")
    used = _lengths("input_lengths", input_lengths, n, t_max)
    lengths = _lengths("target_lengths", target_lengths, n, labels.shape[-1])
    if labels.ndim == 1 and lengths.sum() != len(labels):
        raise ValueError(f"ctc_loss: target_lengths add up to {lengths.sum()}, but there are {len(labels)} targets")
    if not 0 <= blank < classes:
        raise ValueError(f"ctc_loss: blank={blank} is not among the {classes} classes")
    labels = _padded(labels, lengths)
    inside = np.arange(labels.shape[1]) < lengths[:, None]
    if (inside & ((labels < 0) | (labels >= classes) | (labels == blank))).any():
        raise ValueError(f"ctc_loss: targets are classes from 0 to {classes - 1} other than blank={blank}")

    states = np.full((n, 2 * labels.shape[1] + 1), blank)  # blank, label, blank, label, …, blank
    states[:, 1::2] = np.where(inside, labels, blank)
    skips = np.zeros(states.shape, bool)  # where the blank before may be left out
    skips[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    rows = np.arange(n)[:, None]
    emitted = lp[:, rows, states]  # (T, N, states)
    start = np.arange(states.shape[1]) < 2
    alpha = emitted[0].where(as_tensor(start), IMPOSSIBLE)
    for t in range(1, t_max):
        one_before, two_before = (_shifted(alpha, k) for k in (1, 2))
        two_before = two_before.where(as_tensor(skips), IMPOSSIBLE)
        ahead = stack([alpha, one_before, two_before]).logsumexp(0) + emitted[t]
        alpha = ahead.where(as_tensor(t < used)[:, None], alpha)
    last = alpha[np.arange(n), 2 * lengths]
    but_one = alpha[np.arange(n), np.maximum(2 * lengths - 1, 0)].where(as_tensor(lengths > 0), IMPOSSIBLE)
    losses = -stack([last, but_one]).logsumexp(0)
    nothing = used == 0  # no time at all spells the empty target, and nothing else
    losses = losses.masked_fill(as_tensor(nothing & (lengths == 0)), 0.0)
    impossible = as_tensor((losses._array > -IMPOSSIBLE / 2) | (nothing & (lengths > 0)))
    losses = losses.masked_fill(impossible, 0.0 if zero_infinity else math.inf)
    if reduction == "mean":
        return (losses / as_tensor(np.maximum(lengths, 1).astype(lp.dtype))).mean()
    return losses.sum() if reduction == "sum" else losses.reshape(()) if single else losses


def _shifted(alpha: Tensor, k: int) -> Tensor:
    """The states' values `k` places further on; what has nothing before it is impossible."""
    k = min(k, alpha.shape[1])
    front = as_tensor(np.full((alpha.shape[0], k), IMPOSSIBLE, alpha.dtype))
    return cat([front, alpha[:, : alpha.shape[1] - k]], dim=1)
