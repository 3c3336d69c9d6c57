"""Causes that the validation loss shows."""

from __future__ import annotations

import math

from minigrad.teach.causes.cause import Seen, certain
from minigrad.teach.causes.neighbours import CLEAR
from minigrad.teach.causes.scene import Scene
from minigrad.teach.samples import mean_loss


@certain("validated in training mode", "a model with dropout or batch normalization computes a validation loss in "
         "training mode",
         "the validation loss was computed in training mode, with dropout or with the statistics of the batch: call "
         "model.eval() before it, and model.train() after it")  # fmt: skip
def validated_in_training(scene: Scene) -> Seen:
    return scene.validated_in_training


UNLIKE = 5.0
"""The ratio of the first validation loss to the largest training loss so far, or of two scales of the inputs, beyond
which the data must differ."""
ROWS = 8
"""The number of examples from which the scale of the inputs is known."""


def _training(scene: Scene, step: int) -> float:
    """Return the mean of the last training losses at a step."""
    return mean_loss(scene.losses[max(0, step - 20) : step])


@certain("validation data differ", f"the first validation loss is {UNLIKE:g} times any training loss so far; or three "
         "are above all of these, or above what guessing costs where neighbours have the same targets, and these have "
         "fallen to half",
         "the validation loss is {validation:.3g} at best, and the training loss of the untrained model was "
         "{training:.3g}: the validation data seem to be prepared in another way. Scale their inputs and targets with "
         "the mean and standard deviation of the training data, and number their classes as there",
         assumes=0.9)  # fmt: skip
def unlike_data(scene: Scene) -> Seen:
    known = scene.known
    if not scene.validation or not known or max(known) <= 0:
        return None
    (_, validation), least = scene.validation[0], min(loss for _, loss in scene.validation)
    several = scene.repeated < len(scene.samples)  # batches
    differs = UNLIKE * max(known) < validation < math.inf and max(known) < 2 * known[0]
    # what is learned helps with the training data alone, from the start
    changes = len(scene.validation) >= 3 and len({loss for _, loss in scene.validation}) > 1
    untrained = several and changes and known[0] > 0.8 * scene.cost_of_guessing
    training = _training(scene, scene.validation[-1][0])
    learned = untrained and training < min(0.5 * known[0], least / 1.3)
    bar = _least(scene) or (math.inf if scene.neighbours.unrelated() else 1.3 * max(known))
    differs = differs or (learned and bar < least < math.inf)
    return differs and not scene.validated_in_training and {"validation": least, "training": known[0]}


@certain("validation data differ", "their inputs have another scale or mean than those of the training data",
         "the inputs have a mean of {mean:.2g} and a standard deviation of {std:.2g} in training, and of "
         "{mean_then:.2g} and {std_then:.2g} in validation: scale both in the same way, with the mean and standard "
         "deviation of the training data", assumes=0.8)  # fmt: skip
def scaled_otherwise(scene: Scene) -> Seen:
    own, other = scene.prepared
    if own is None or other is None or min(b.shape[0] if b.shape else 0 for b in (own, other)) < ROWS:
        return None
    least, most = sorted((own.std, other.std))
    differ = abs(own.mean - other.mean) > UNLIKE * most or most > UNLIKE * least
    return differ and {"mean": own.mean, "std": own.std, "mean_then": other.mean, "std_then": other.std}


def _least(scene: Scene) -> float:
    """Return what guessing costs, if the inputs clearly say more about the targets; otherwise 0."""
    return scene.cost_of_guessing if scene.neighbours.agreement()[1] > CLEAR else 0.0


@certain("overfitting", "the validation loss is 10 % above its lowest in three logs in a row, and above the training "
         "loss, which falls",
         "the model overfits: the validation loss was lowest at step {at}, {best:.3g}, and is {now:.3g} now, while the "
         "training loss still falls. Stop at the lowest (early stopping), or use more data, weight decay, dropout or a "
         "smaller model")  # fmt: skip
def overfitting(scene: Scene) -> Seen:
    known = [(step, loss) for step, loss in scene.validation if math.isfinite(loss)]
    if len(known) < 6:
        return None
    at, best = min(known, key=lambda pair: pair[1])
    since = [loss for step, loss in known if step > at]
    training = _training(scene, known[-1][0])
    rises = len(since) >= 3 and min(since[-3:]) > max(1.1 * best, 1.2 * training) > 0
    differs = 0 < _least(scene) < best  # from the start
    return rises and not differs and training < _training(scene, at) and {"at": at, "best": best, "now": since[-1]}


@certain("validation unchanged", "the validation loss is the same number five times in a row, while the training loss "
         "falls to half",
         "the validation loss is the same number each time, {validation:.6g}, while the training loss has fallen from "
         "{before:.3g} to {now:.3g}: it does not come from the weights that are trained, but from a copy that stays as "
         "it is (deepcopy(), an average such as EMA that nothing updates), or is not computed again")  # fmt: skip
def unchanged(scene: Scene) -> Seen:
    recent = scene.validation[-5:]
    if len(recent) < 5 or len({loss for _, loss in recent}) > 1:
        return None
    before, now = (_training(scene, recent[i][0]) for i in (0, -1))
    return 0 < 2 * now < before and {"validation": recent[0][1], "before": before, "now": now}


@certain("same batch", "each of ten samples had the same inputs, and the validation loss is three times the training "
         "loss",
         "each step has the same batch of {size} examples, which the model learns by heart: the training loss is "
         "{training:.3g}, the validation loss {validation:.3g}. Take the next batch inside the loop; with all of the "
         "data in it, use more data or a smaller model")  # fmt: skip
def same_batch(scene: Scene) -> Seen:
    if not scene.validation or scene.repeated < max(10, len(scene.samples)) or not scene.losses:
        return None
    training, validation = _training(scene, len(scene.losses)), scene.validation[-1][1]
    by_heart = 0 < 3 * training < validation < math.inf and training < 0.5 * scene.losses[0]
    size = scene.batch.shape[0] if scene.batch else "a few"
    return by_heart and {"size": size, "training": training, "validation": validation}
