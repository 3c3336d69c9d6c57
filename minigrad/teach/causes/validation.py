"""Causes that the validation loss shows."""

from __future__ import annotations

import math

import numpy as np

from minigrad.teach.causes.cause import Seen, certain
from minigrad.teach.causes.scene import Scene


@certain(
    "validated in training mode",
    "a model with dropout or batch normalization computes a validation loss in training mode",
    "the validation loss was computed in training mode, with dropout or with the statistics of the batch: call "
    "model.eval() before it, and model.train() after it",
)
def validated_in_training(scene: Scene) -> Seen:
    return scene.validated_in_training


@certain(
    "overfitting",
    "the validation loss is 10 % above its lowest in three logs in a row, and the training loss falls",
    "the model overfits: the validation loss was lowest at step {at}, {best:.3g}, and is {now:.3g} now, while the "
    "training loss still falls. Stop at the lowest (early stopping), or use more data, weight decay, dropout or a "
    "smaller model",
)
def overfitting(scene: Scene) -> Seen:
    known = [(step, loss) for step, loss in scene.validation if math.isfinite(loss)]
    if len(known) < 6:
        return None
    at, best = min(known, key=lambda pair: pair[1])
    since = [loss for step, loss in known if step > at]

    def training(step: int) -> float:
        losses = [loss for loss in scene.losses[max(0, step - 20) : step] if not math.isnan(loss)]
        return float(np.mean(losses)) if losses else math.nan

    rises = len(since) >= 3 and min(since[-3:]) > 1.1 * best > 0
    return rises and training(known[-1][0]) < training(at) and {"at": at, "best": best, "now": since[-1]}


@certain(
    "same batch",
    "each of ten samples had the same inputs, and the validation loss is three times the training loss",
    "each step has the same batch of {size} examples, which the model learns by heart: the training loss is "
    "{training:.3g}, the validation loss {validation:.3g}. Take the next batch inside the loop; with all of the data "
    "in it, use more data or a smaller model",
)
def same_batch(scene: Scene) -> Seen:
    if not scene.validation or scene.repeated < max(10, len(scene.samples)) or not scene.losses:
        return None
    known = [loss for loss in scene.losses[-20:] if math.isfinite(loss)]
    training, validation = float(np.mean(known or [math.nan])), scene.validation[-1][1]
    by_heart = 0 < 3 * training < validation < math.inf and training < 0.5 * scene.losses[0]
    size = scene.batch.shape[0] if scene.batch else "a few"
    return by_heart and {"size": size, "training": training, "validation": validation}
