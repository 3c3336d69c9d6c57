"""What the loss alone does, as a function of scores and targets: which class of each example its gradient raises,
its scale, and whether it is the same twice.

The gradient of the mean cross entropy with respect to the scores of an example is (p - 1 at the target) / N, with p the
softmax of the scores (CS231n, "Minimal neural network case study"). A loss in the learner's own words is compared with
that, whatever it is computed from.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from minigrad.autograd.gradients import grads
from minigrad.teach import loss_graph
from minigrad.teach.sanity.trial import Trial
from minigrad.tensors.creation import as_tensor

LARGEST = 3.0
"""The scores are scaled down to this, where a softmax is not yet saturated."""
SMALL = 1e-2
"""The factor of a mean loss that counts as too small. Losses are weighted, or divided by a few accumulated steps."""
OUTWEIGHS = 9.0
"""The ratio of the terms without targets to those with them, beyond which the data have no say."""
ROUNDING = 1e-3
"""The relative error within which two gradients are the same; the scores may be float32."""


class Reaction(NamedTuple):
    """The gradient of the loss with respect to the scores.

    Attributes:
        scores: of the examples, scaled down to `LARGEST`.
        gradient: of the loss with respect to them, of the same shape.
    """

    scores: np.ndarray
    gradient: np.ndarray


def react(trial: Trial, scores: np.ndarray | None = None) -> Reaction | None:
    """Return the gradient with respect to the scores; None where the loss does not get one output for each example."""
    out = trial.output._array
    if trial.several or trial.output.node is None or not out.ndim or out.shape[0] != trial.batch.n or not out.size:
        return None
    if scores is None:
        size = float(np.abs(out).max())
        scores = out * (LARGEST / size) if size > LARGEST else out.copy()
    leaf = as_tensor(scores.astype(out.dtype)).requires_grad_()
    try:
        g = grads(trial.loss(leaf, trial.batch.targets), [leaf], allow_unused=True)[0]
    except Exception:
        return None
    if g is None or not np.isfinite(g._array).all():
        return None
    return Reaction(scores.astype(float), g._array.astype(float))


def _inside(trial: Trial) -> Reaction | None:
    """Return the gradient with respect to the scores of a model that computes its loss from them itself."""
    scores, result = trial.run(trial.batch)
    g = grads(result, [scores], allow_unused=True)[0] if trial.inside and scores.ndim and not trial.several else None
    return None if g is None else Reaction(scores._array.astype(float), g._array.astype(float))


def factor(trial: Trial, reaction: Reaction) -> tuple[float, str]:
    """Return the loss as a multiple of a mean loss over the examples, and its name; nan for a loss that is none."""
    s, g, y = reaction.scores, reaction.gradient, trial.batch.y
    units: list[tuple[str, int, np.ndarray, np.ndarray]] = []
    pair = trial.scores_and_labels(s)
    given = trial.rows(g)
    if pair is not None and given is not None:
        rows, labels = pair
        hot = np.eye(rows.shape[1])[labels]
        p = np.exp(rows - rows.max(1, keepdims=True))
        units += [
            ("cross entropy", len(rows), p / p.sum(1, keepdims=True) - hot, given),
            ("negative log-likelihood", len(rows), -hot, given),
        ]
    if y is not None and y.shape == s.shape and y.dtype.kind in "fiub":
        t = y.astype(float)
        units += [
            ("binary cross entropy", s.size, 1 / (1 + np.exp(-s)) - t, g),
            ("squared error", s.size, 2 * (s - t), g),
        ]
        if s.min() > 0 and s.max() < 1:
            units.append(("binary cross entropy", s.size, (s - t) / (s * (1 - s)), g))
    for name, count, unit, right in units:
        size = float(np.vdot(unit, unit))
        if size and g.any():
            each = float(np.vdot(unit, right)) / size
            if np.linalg.norm(right - each * unit) < ROUNDING * np.linalg.norm(right):
                return each * count, name
    return math.nan, ""


def outweighed(trial: Trial) -> str:
    """Say that the terms of the loss without targets, as a penalty or a divergence, outweigh those with them."""
    parts = loss_graph.terms(trial.result.node) if trial.result.node is not None else []
    sizes = [(abs(float(trial.found[t]) * f), loss_graph.has_targets(t)) for t, f in parts if t in trial.found]
    data, others = (sum(size for size, has_targets in sizes if has_targets == wanted) for wanted in (True, False))
    if not others > OUTWEIGHS * data > 0:
        return ""
    return (
        f"{trial.result.item():.3g} at the start, and {others:.3g} of it has no targets: a penalty of the weights, or "
        f"a divergence, outweighs the data, {data:.3g}. Use a smaller factor; for a weight decay, 1e-5 to 1e-2 is usual"
    )


def wrong_scale(trial: Trial) -> str:
    """Say that the loss is a sum over the examples, or a small part of a mean; "" if it is not."""
    reaction = react(trial)
    times, name = factor(trial, reaction) if reaction is not None else (math.nan, "")
    n = trial.batch.n
    if not math.isfinite(times) or n < 4:
        return ""
    where = f"{trial.result.item():.3g} at the start"
    if times < 0:
        return f"{where}: minus the {name}, so the steps go uphill. Leave the minus sign out"
    pair = trial.scores_and_labels()
    count = len(pair[0]) if pair is not None and name[0] in "cn" else trial.output.numel()
    if name != "squared error" and any(math.isclose(times, each, rel_tol=ROUNDING) for each in {count, n} if each > 4):
        return (
            f"{where}: the {name} is summed over the {n} examples, so the gradient, and with it each step, grows with "
            "the batch. Take the mean"
        )
    if n >= 16 and math.isclose(times * n, 1, rel_tol=ROUNDING):
        return f"{where}: the {name} is divided by the number of examples, {n}, twice; once is the mean"
    if times < SMALL:
        return f"{where}: the loss is {times:.2g} times the mean {name}, so each gradient is as much too small"
    return ""


def differs_each_time(trial: Trial) -> str:
    """Say that the loss of the same scores and targets is another one each time, if the targets are shuffled."""

    def twice(targets: Any) -> tuple[float, float]:
        with_output = as_tensor(trial.output._array.copy())
        one, other = (float(trial.loss(with_output, targets).item()) for _ in range(2))
        return one, other

    y = trial.batch.y
    if trial.several or y is None or not len(y) or trial.batch.n < 4:
        return ""
    try:
        one, other = twice(trial.batch.targets)
        if math.isclose(one, other, rel_tol=1e-9) or not math.isfinite(one + other):
            return ""
        same = np.broadcast_to(y[:1], y.shape).copy()
        one, other = twice(as_tensor(same) if trial.batch.tensor else same)
    except Exception:
        return ""
    if not math.isclose(one, other, rel_tol=1e-6):
        return ""  # the loss itself draws random numbers
    return (
        "the loss of the same scores and targets is another one each time, unless all targets are the same: are the "
        "targets shuffled without the inputs? Shuffle both with one permutation"
    )


def other_class(trial: Trial) -> str:
    """Say that the loss raises the score of another class than the target of an example."""
    pair, reaction = trial.scores_and_labels(), react(trial) or _inside(trial)
    g = trial.rows(reaction.gradient) if reaction is not None else None
    if pair is None or g is None:
        return ""
    labels, shape = pair[1], trial.batch.y.shape
    if len(shape) == 2 and trial.output.shape[:2] == shape and g.any():
        others = trial.batch.y.T.ravel(), trial.batch.y.reshape(shape[::-1]).T.ravel()
        raised = np.where((g < 0).sum(1) == 1, g.argmin(1), -1)
        if (raised != labels).any() and any(np.array_equal(raised, order) for order in others):
            return (
                f"the loss pairs scores and targets in different orders: axes 0 and 1 of {trial.output.shape} change "
                "places before the scores or the targets are flattened. Flatten both as they are, or transpose both"
            )
    if trial.loss is None:
        return ""  # such a model may shift the targets by one
    k, seen = g.shape[1], np.flatnonzero(g.any(1))
    if len(seen) < len(g) / 2 and set(seen) <= set(labels.tolist()) and len(g) > 2 * k and len(seen):
        return (
            f"only the first {seen.max() + 1} of the {len(g)} examples get a gradient, as many as there are classes: a "
            "class picks a row there. log_p[y] picks rows; log_p[range(N), y] picks the score of each one's class"
        )
    if not len(seen) or not ((g[seen] < 0).sum(1) == 1).all():
        return ""
    raised, targets = g[seen].argmin(1), labels[seen]
    shifts = np.unique((raised - targets) % k)
    if len(shifts) == 1 and shifts[0]:
        by = int(shifts[0]) if shifts[0] <= k / 2 else int(shifts[0]) - k
        return (
            f"the loss raises the score of class y {'+' if by > 0 else '-'} {abs(by)} instead of that of class y: the "
            "targets count from 0, as the scores do, so nothing must be added or subtracted"
        )
    if k > 2 and len(shifts) > 1 and (raised == targets).mean() < 0.5:
        return (
            f"the loss raises the score of another class than the target for {int((raised != targets).sum())} of the "
            f"{len(seen)} examples: is the order of the targets changed, or the index that picks the score?"
        )
    return ""


def counted_from_1(trial: Trial) -> str:
    """Say that class 0 has no example, where all other classes have some."""
    pair = trial.scores_and_labels()
    if pair is None or trial.output.ndim != 2 or len(trial.output) != trial.batch.n:
        return ""
    labels, k = pair[1], pair[0].shape[1]
    if k < 3 or len(labels) < 4 * k or not np.array_equal(np.unique(labels), np.arange(1, k)):
        return ""
    return (
        f"there are {k} scores, but the targets go from 1 to {k - 1}: no example has class 0. Are the classes counted "
        f"from 1? Subtract 1, and {k - 1} scores are enough"
    )


def one_class(trial: Trial) -> str:
    """Say that all examples of a cross entropy have one class."""
    pair, reaction = trial.scores_and_labels(), react(trial)
    if pair is None or reaction is None or len(pair[1]) < 16 or np.ptp(pair[1]):
        return ""
    if factor(trial, reaction)[1] not in ("cross entropy", "negative log-likelihood"):
        return ""
    return f"all {len(pair[1])} targets of this batch are class {pair[1][0]}: is the data sorted? Shuffle the examples"


def left_out(trial: Trial) -> str:
    """Say that the examples of a class get no gradient, as with ignore_index or a weight of 0."""
    pair, reaction = trial.scores_and_labels(), react(trial)
    if pair is None or reaction is None or reaction.gradient.ndim != 2 or len(pair[1]) < 8:
        return ""
    still, labels = np.asarray(~reaction.gradient.any(1)), pair[1]
    left = labels[still]
    if len(left) < 2 or np.ptp(left) or (labels == left[0]).sum() != len(left):
        return ""
    return (
        f"the {len(left)} examples of class {left[0]} get no gradient, so it is never learned: is it the ignore_index "
        "of the loss, or is its weight 0?"
    )


def no_gradient_for_0(trial: Trial) -> str:
    """Say that targets of 0 and 1 are multiplied with the scores, as in a hinge loss of targets -1 and 1."""
    y, out = trial.batch.y, trial.output._array
    if y is None or y.dtype.kind not in "fiub" or y.size != out.size or not np.array_equal(np.unique(y), [0, 1]):
        return ""
    scores = np.random.default_rng(0).normal(0.0, LARGEST, out.shape)
    reaction = react(trial, scores)
    if reaction is None:
        return ""
    g, zero = reaction.gradient.ravel(), y.ravel() == 0
    if g[zero].any() or not g[~zero].any():
        return ""
    return (
        "the examples of target 0 get no gradient, whatever their scores: a loss of the form max(0, 1 - y * score) "
        "needs targets -1 and 1, such as 2 * y - 1"
    )


def over_all(trial: Trial) -> str:
    """Say over which axes a softmax of the loss runs, if not over the classes."""
    reaction = react(trial)
    g = trial.rows(reaction.gradient) if reaction is not None else None
    if reaction is None or g is None or trial.scores_and_labels() is None or trial.batch.n < 4:
        return ""
    size = float(np.abs(g).sum())
    if not size or np.abs(g.sum(1)).sum() < ROUNDING * size or abs(g.sum()) > ROUNDING * size:
        return ""  # a softmax does not change if all of its scores grow by the same number, so its gradient sums to 0
    axis = np.abs(g.sum(0)).sum() < ROUNDING * size
    n, *positions, classes = shape = trial.output.shape
    sums = reaction.gradient.reshape(n, classes, math.prod(positions)).sum(1) if positions else g
    if np.abs(sums).sum() < ROUNDING * size:
        return (
            f"the scores of shape {shape} are reshaped so that the {classes} classes come second, which mixes the "
            "positions: move the axis by transpose(1, 2), or flatten scores to (-1, classes), targets to (-1,)"
        )
    where = "over axis 0, the examples" if axis else "over all scores of all examples"
    return (
        f"the softmax of the loss runs {where}, so the probabilities of an example's classes do not sum to 1: "
        "use axis=1, as in scores.exp().sum(1, keepdims=True)"
    )
