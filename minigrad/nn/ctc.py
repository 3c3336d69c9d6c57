"""Connectionist temporal classification: a loss for label sequences whose alignment with the input is unknown.

A path assigns a label or blank to each time step. It spells a target if merging repeated labels and then removing
blanks leaves the target. The loss is -log of the sum of the probabilities of all paths that spell it.

Source: Graves et al., "Connectionist temporal classification", 2006; section 4.1 has the recursion for alpha, here in
logarithms.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.nn.arguments import check_bool, check_int
from minigrad.nn.layers import as_input
from minigrad.nn.loss_base import check_reduction, names_reduction
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.joining import cat, stack
from minigrad.tensors.tensor import Tensor

IMPOSSIBLE = -1e30
"""The logarithm of probability 0; unlike -inf, it gives no nan when subtracted from itself."""


def _checked_lengths(name: str, lengths: Any, n: int, most: int) -> np.ndarray:
    """Return the lengths as an array; raise a ValueError if they are not n integers from 0 to `most`."""
    array = np.asarray(lengths._array if isinstance(lengths, Tensor) else lengths).reshape(-1)
    if array.dtype.kind not in "iu" or array.shape != (n,) or (n and not 0 <= array.min() <= array.max() <= most):
        raise ValueError(f"ctc_loss: {name} must be {n} integers from 0 to {most}, one per example; got {lengths!r}")
    return array.astype(np.int64)


def _padded(targets: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return targets of shape (N, S), given as such or concatenated."""
    if targets.ndim == 2:
        return targets
    out = np.zeros((len(lengths), lengths.max(initial=0)), np.int64)
    for row, end, n in zip(out, np.cumsum(lengths), lengths):
        row[:n] = targets[end - n : end]
    return out


@names_reduction
def ctc_loss(
    log_probs: Tensor,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Return -log(sum of the probabilities of all paths that spell the target).

    A path assigns a label or blank to each time step; it spells what is left after merging repeated labels and
    removing blanks.

    Args:
        log_probs: log-probabilities, as from `log_softmax`, of shape (T, N, C), or (T, C) for one example.
        targets: labels, integers other than blank, of shape (N, S), padded at the end; or those of all examples
            concatenated.
        input_lengths: the number of time steps of each example, of shape (N,).
        target_lengths: the number of labels of each target, of shape (N,).
        blank: the class that means "no label" (default 0).
        reduction: 'mean' (default) divides each loss by its target's length, then averages; 'sum'; or 'none' for one
            loss per example.
        zero_infinity: return 0, without gradient, instead of inf for targets that do not fit into the input
            (default False).

    Shape: (T, N, C), (N, S), (N,) and (N,) -> (), or (N,) with reduction='none'.

    Raises:
        ValueError: if shapes, lengths or labels do not fit.

    The gradient is that for the log-probabilities. PyTorch's is that for the scores in front of `log_softmax`; the two
    agree if a `log_softmax` comes before.

    >>> from minigrad import nn, zeros
    >>> log_probs = zeros(2, 1, 2).log_softmax(-1)  # 2 time steps, 2 classes of probability 1/2
    >>> nn.functional.ctc_loss(log_probs, [[1]], [2], [1])  # -log(3/4): "1 1", "1 blank" and "blank 1" spell it
    tensor(0.2877)

    Source: Graves et al., "Connectionist temporal classification", 2006.
    """
    check_int("ctc_loss", blank=blank)
    check_bool("ctc_loss", zero_infinity=zero_infinity)
    check_reduction("ctc_loss", reduction)
    log_probs = as_input("ctc_loss", log_probs)
    single = log_probs.ndim == 2
    lp = log_probs.unsqueeze(1) if single else log_probs
    if lp.ndim != 3 or lp.dtype.kind != "f":
        raise ValueError(f"ctc_loss: log_probs must be floats (T, N, C) or (T, C), got {lp.dtype} {log_probs.shape}")
    t_max, n, classes = lp.shape
    labels = np.asarray(targets._array if isinstance(targets, Tensor) else targets)
    labels = labels[None] if single and labels.ndim == 1 else labels
    if labels.dtype.kind not in "iu" or labels.ndim not in (1, 2) or (labels.ndim == 2 and len(labels) != n):
        raise ValueError(
            f"ctc_loss: targets must be integers ({n}, S), or concatenated in one row; got {labels.dtype} "
            f"{labels.shape}"
        )
    steps = _checked_lengths("input_lengths", input_lengths, n, t_max)
    lengths = _checked_lengths("target_lengths", target_lengths, n, labels.shape[-1])
    if labels.ndim == 1 and lengths.sum() != len(labels):
        raise ValueError(
            f"ctc_loss: target_lengths must add up to the {len(labels)} concatenated targets, got {lengths.sum()}"
        )
    if not 0 <= blank < classes:
        raise ValueError(f"ctc_loss: blank must be a class from 0 to {classes - 1}, got {blank}")
    labels = _padded(labels, lengths)
    inside = np.arange(labels.shape[1]) < lengths[:, None]
    if (inside & ((labels < 0) | (labels >= classes) | (labels == blank))).any():
        raise ValueError(f"ctc_loss: targets must be classes from 0 to {classes - 1} other than blank={blank}")

    states = np.full((n, 2 * labels.shape[1] + 1), blank)  # blank, label, blank, label, …, blank
    states[:, 1::2] = np.where(inside, labels, blank)
    skips = np.zeros(states.shape, bool)  # whether a path may skip the blank before the state
    skips[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    rows = np.arange(n)[:, None]
    emitted = lp[:, rows, states]  # (T, N, states)
    start = np.arange(states.shape[1]) < 2
    alpha = emitted[0].where(as_tensor(start), IMPOSSIBLE)
    for t in range(1, t_max):
        from_previous, from_skipped = (_shifted(alpha, k) for k in (1, 2))
        from_skipped = from_skipped.where(as_tensor(skips), IMPOSSIBLE)
        following = stack([alpha, from_previous, from_skipped]).logsumexp(0) + emitted[t]
        alpha = following.where(as_tensor(t < steps)[:, None], alpha)
    ends_in_blank = alpha[np.arange(n), 2 * lengths]
    ends_in_label = alpha[np.arange(n), np.maximum(2 * lengths - 1, 0)].where(as_tensor(lengths > 0), IMPOSSIBLE)
    losses = -stack([ends_in_blank, ends_in_label]).logsumexp(0)
    no_steps = steps == 0  # the empty path spells the empty target, and no other
    losses = losses.masked_fill(as_tensor(no_steps & (lengths == 0)), 0.0)
    impossible = as_tensor((losses._array > -IMPOSSIBLE / 2) | (no_steps & (lengths > 0)))
    losses = losses.masked_fill(impossible, 0.0 if zero_infinity else math.inf)
    if reduction == "mean":
        return (losses / as_tensor(np.maximum(lengths, 1).astype(lp.dtype))).mean()
    return losses.sum() if reduction == "sum" else losses.reshape(()) if single else losses


def _shifted(alpha: Tensor, k: int) -> Tensor:
    """Move the values of the states to the right by k; the first k states become impossible."""
    k = min(k, alpha.shape[1])
    front = as_tensor(np.full((alpha.shape[0], k), IMPOSSIBLE, alpha.dtype))
    return cat([front, alpha[:, : alpha.shape[1] - k]], dim=1)
