"""Checks of the first loss: its value, the scores that it gets, and their shapes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.engine import reverse_topological_order
from minigrad.grad_mode import no_grad
from minigrad.program.values import values
from minigrad.teach import loss_graph
from minigrad.teach.causes import loss as causes
from minigrad.teach.causes.cause import CERTAIN
from minigrad.teach.causes.targets import out_of_range
from minigrad.teach.not_finite import first_not_finite
from minigrad.teach.sanity import probe
from minigrad.teach.sanity.report import Verdict, check
from minigrad.teach.sanity.trial import Trial, mode

_ENDLESS_AT_0 = ("sqrt", "rsqrt", "log", "pow", "norm", "std", "div", "reciprocal")
_ELSEWHERE = (
    "all pairs",
    "own similarity",
    "no probabilities",
    "targets out of range",
    "scores reordered",
    "hinge of 0 and 1",
)
"""Causes in the graph that other checks, or others below, say more about."""
PROBES = (
    *(probe.over_all, probe.differs_each_time, probe.other_class, probe.counted_from_1, probe.one_class),
    *(probe.no_gradient_for_0, probe.left_out),
)
"""What may be wrong with the scores, by the gradient of the loss; what is said first comes first."""
ABOVE_GUESSING = 1.5
"""How far the loss may lie above log(classes). Scores of standard deviation 1 add about 0.5."""


@check
def forward(trial: Trial) -> Verdict:
    """Whether loss and gradient are finite."""
    if not math.isfinite(trial.result.item()):
        first = first_not_finite(trial.run(trial.batch)[1], trial.model)  # of a new graph, as the first is used up
        first = first or ": minigrad.detect_anomaly() names the operation that gives it"
        return False, f"the loss is {trial.result.item():g}{first}"
    bad = [name for name, g in trial.gradients.items() if g is not None and not np.isfinite(g).all()]
    if bad:
        return False, f"the gradient of {bad[0]} is not finite: {_first_without_gradient(trial)}"
    return True, f"output of shape {trial.output.shape}, loss and gradient are finite"


def other_rows(trial: Trial) -> str:
    """Say that the model's output has not one row for each example, but for each time step; "" if it is not so."""
    shape, rows = trial.batch.X.shape, getattr(trial.output, "shape", ())[:1]
    if not rows or rows != shape[1:2] or rows == shape[:1]:
        return ""
    return (
        f". The output has {rows[0]} rows, one for each place along axis 1 of the inputs, and none for each example: "
        "output[-1] is the last example where the batch is first, output[:, -1] the last time step"
    )


@check
def loss(trial: Trial, learns: bool) -> Verdict:
    """The loss at the start against that of guessing."""
    loss = trial.result.item()
    classes, average, _ = trial.cross_entropy()
    for look in (probe.wrong_scale, probe.outweighed):
        if text := look(trial):
            return False, text
    if classes > 1:
        guess = math.log(classes)
        if average is None and abs(loss - guess) > 0.5 * guess:
            return None, f"{loss:.3g} at the start; there is no known loss of guessing"
        value = loss if average is None else average
        what = f"{value:.3g} at the start; guessing among {classes} classes gives ln({classes}) = {guess:.3g}"
        if not math.isfinite(value) or (value > guess + ABOVE_GUESSING and not trial.is_contrastive()):
            return False, f"{what}. {_unlike(trial)}"
        if value < 0.5 * guess:
            return None, f"{what}. Was the model trained before? Otherwise the targets may be in the inputs"
        return True, what
    y = trial.batch.y
    if trial.is_squared_error():
        guess = float(np.mean(np.square(y.astype(float))))
        what = f"{loss:.3g} at the start; predicting 0 gives {guess:.3g}"
        if loss > (30 if learns else 10) * guess + 1:
            return False, f"{what}. Usual fixes: smaller initial weights, inputs of about 1"
        return True, what
    if trial.is_binary():
        what = f"{loss:.3g} at the start; guessing between two classes gives ln(2) = 0.693"
        return loss < math.log(2) + ABOVE_GUESSING, what
    text = f"{loss:.3g} at the start; there is no known loss of guessing"
    if _is_sum(trial):
        text = f"{text}. It is a sum over the examples, so the gradient, and with it each step, grows with the batch"
    return None if math.isfinite(loss) else False, text


def _is_sum(trial: Trial) -> bool:
    """Whether the loss of a batch is half of that of its examples twice."""
    n = trial.batch.n
    once, twice = (trial.batch.take(index) for index in (np.arange(n), np.tile(np.arange(n), 2)))
    if once is None or twice is None or not math.isfinite(trial.result.item()):
        return False
    try:
        with no_grad(), mode(trial.model, False):
            one, other = (trial.run(batch)[1].item() for batch in (once, twice))
    except Exception:
        return False
    return bool(one) and math.isclose(other, 2 * one, rel_tol=1e-3)


def _unlike(trial: Trial) -> str:
    """Say why the scores are large: one class is preferred for all examples, or all scores are too large."""
    pair = trial.scores_and_labels()
    if pair is not None:
        means = pair[0].mean(0)
        best = int(means.argmax())
        if (pair[0].argmax(1) == best).all() and np.ptp(means) > 2 * pair[0].std(0).max():
            return f"Class {best} has the largest score for all examples: start with biases of 0 and smaller weights"
    return "Usual fixes: smaller initial weights in the last layer, inputs of about 1"


@check
def scores(trial: Trial) -> Verdict:
    """What the loss gets: softmax and sigmoid twice, outputs that cannot reach the targets."""
    graphs = [cause for cause in CERTAIN if cause.graph and cause.kind not in _ELSEWHERE]
    said = trial.said_by(*graphs) if trial.scene.shows_graph else ""
    if text := said or next(filter(None, (look(trial) for look in PROBES)), ""):
        return False, text
    pair, loss = trial.scores_and_labels(), trial.result.item()
    last = loss_graph.node_behind(trial.output.node)
    kind = loss_graph.kind_of(last)
    out, y = trial.output._array, trial.batch.y
    if pair is not None:
        rows, labels = pair
        likely = np.exp(rows - rows.max(1, keepdims=True))
        chances = likely[np.arange(len(rows)), labels] / likely.sum(1)
        if math.isclose(loss, -float(chances.mean()), rel_tol=1e-4):
            return False, causes.likelihood_without_logarithm.sentence.format(what=causes.PROBABILITY)
    before = loss_graph.kind_of(loss_graph.node_behind(last.inputs[0])) if kind == "sigmoid" else kind
    if before in ("softmax", "relu") and trial.is_binary() and (before == "relu" or np.any(y.sum(-1) > 1)):
        why = (
            "whose results for an example sum to 1, but some targets have several ones: use a sigmoid"
            if before == "softmax"
            else "whose results are at least 0, so no probability is below 1/2: leave it out"
        )
        ends = "ends with a" if before == kind else "has a"
        return False, f"the model {ends} {before}{' before the sigmoid' * (before != kind)}, {why}"
    at_least = (0.0 if kind in ("softplus", "exp", "square", "abs") else -math.inf, math.inf)
    low, high = loss_graph.ENDS.get(kind, at_least)
    comparable = y is not None and y.dtype.kind == "f" and y.shape == out.shape
    if comparable and (y.min() < 0 or y.max() > 1):
        logistic = float(np.mean(np.logaddexp(0, out.astype(float)) - y * out))
        if math.isclose(loss, logistic, rel_tol=1e-3):
            return False, (
                f"the targets of a binary cross entropy must lie in [0, 1], but they go from {y.min():.3g} "
                f"to {y.max():.3g}: y = (y > 0) makes classes of signs"
            )
    if comparable and (y.min() < low - 0.05 or y.max() > high + 0.05):
        ends = loss_graph.between_words(low, high)
        return False, out_of_range.sentence.format(kind=kind, ends=ends, least=y.min(), most=y.max())
    return True, f"from {out.min():.3g} to {out.max():.3g}; the loss can reach its targets"


@check
def shapes(trial: Trial) -> Verdict:
    """Whether the loss compares each output with its own target."""
    if text := trial.said_by(causes.all_pairs):
        return False, text
    shape = trial.batch.y.shape if trial.batch.y is not None else None
    return True, f"outputs {trial.output.shape}, targets {shape}"


def _first_without_gradient(trial: Trial) -> str:
    """Say which operation is the first on the way back that makes a gradient which is not finite."""
    result: Any = trial.run(trial.batch)[1]  # the first graph is used up
    order: list[Any] = reverse_topological_order([result.node])
    found, reached = dict(values(result)), {result.node: np.ones(result.shape, result.dtype)}
    for node in order:
        contributions = node.vjp(reached[node], False) if node.primitive is not None and node in reached else ()
        for i, (source, g) in enumerate(zip(node.inputs, contributions)):
            if source is None or g is None:
                continue
            if not np.isfinite(g).all():
                x, name = loss_graph.operand(node, i, found), node.primitive.name
                at = f" of {x[~np.isfinite(g)].flat[0] + 0.0:.3g}" if x is not None and x.shape == g.shape else ""
                fix = "Add a small number first, such as 1e-8" if name in _ENDLESS_AT_0 else "Look at what it is given"
                return f"{name}{at} has no finite derivative. {fix}"
            reached[source] = reached[source] + g if source in reached else g
    return "an operation has no derivative there"
