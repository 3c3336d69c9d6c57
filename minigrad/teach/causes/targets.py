"""Causes in the targets: their range, their size, and the order in which they come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

import numpy as np

from minigrad.teach import loss_graph
from minigrad.teach.causes.cause import Seen, certain, explains
from minigrad.teach.causes.neighbours import FITTED
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import (
    BEYOND,
    ENDS,
    arrays,
    between_words,
    constants,
    first_operand,
    kind_of,
    node_behind,
    nodes_of,
)
from minigrad.teach.samples import mean_loss

RARE = 0.05
"""The fraction of targets of other classes below which it pays to ignore them."""
LARGE_TARGET = 100.0
"""The absolute value of a target of a regression beyond which it should be scaled."""
ARE_LARGE = "are as large as {size:.3g}: standardize them, so that they are about 1, and scale the predictions back"
"""What is said of large targets, and what to do."""
IMPURE = 0.1
"""The fraction of a batch that may be of another class, where one ends and the next begins, in data sorted by class."""
MANY = 200
"""The number of steps after which a loss that has fallen shows that something was learned."""
SMALL_TARGET = 1e-2
"""The absolute value below which all targets are too small."""


@certain("targets out of range", "the targets of a binary cross entropy are not between 0 and 1",
         "the targets of a binary cross entropy must lie between 0 and 1, but they go from {least:.3g} to {most:.3g}, "
         "and the loss has no lower end. For classes 0, 1, 2, ... use a score for each class and cross_entropy",
         graph=True)  # fmt: skip
def binary_targets(scene: Scene) -> Seen:
    for array in (*loss_graph.binary_targets(scene.between), *loss_graph.likelihood_targets(scene.between)):
        least, most = float(array.min()), float(array.max())
        if least < -BEYOND or most > 1 + BEYOND:
            return {"least": least, "most": most}
    return None


@certain("padding in the loss", "a third of the targets of a sequence are padding, as are their inputs",
         "{part:.0%} of the targets are padding at the ends of the sequences, whose inputs are padding too: they are "
         "easy, and outweigh the others. Leave them out: cross_entropy(..., ignore_index=...)")  # fmt: skip
def padding(scene: Scene) -> Seen:
    recent = scene.padded[-3:]
    return len(recent) == 3 and min(recent) > 1 / 3 and {"part": recent[-1]}


@certain("rare class overlooked", f"fewer than {RARE:.0%} of the targets are of other classes than the one predicted",
         "{part:.1%} of the targets are of one class, and the model predicts no other: to say so always is nearly "
         "right. Weigh the rare class (weight=, pos_weight=), draw it more often, or use a dice or focal "
         "loss")  # fmt: skip
def imbalance(scene: Scene) -> Seen:
    several, counts = math.isnan(sum(scene.overlooked[-2:])), scene.frequencies
    if len(scene.overlooked) < 3 or several or not counts or scene.samples[-1].step < 100:
        return None
    rare = 1 - max(counts.values()) / counts.total()  # one batch may have none of the class, or too many
    if not 0 < rare < RARE:
        return None
    guessing = -rare * math.log(rare) - (1 - rare) * math.log(1 - rare)  # below that, it is about to find the class
    return fmean(scene.losses[-20:]) > 0.8 * guessing and {"part": 1 - rare}


@certain("targets out of range", "a target lies outside the range of the last activation",
         "the model ends with a {kind}, whose results lie {ends}, but the targets go from {least:.3g} to {most:.3g}: "
         "leave the {kind} out, or scale the targets", graph=True)  # fmt: skip
def out_of_range(scene: Scene) -> Seen:
    for node in scene.between if scene.output is not None else ():
        for result in map(node_behind, node.inputs) if node.primitive.name == "sub" else ():
            kind = kind_of(result)
            low, high = ENDS.get(kind, (-math.inf, math.inf))
            for target in arrays(node) if kind in ENDS else ():
                least, most = float(target.min()), float(target.max())
                if least < low - BEYOND or most > high + BEYOND:
                    return {"kind": kind, "ends": between_words(low, high), "least": least, "most": most}
    return None


@certain("one class only", "all targets of ten batches are one class of three or more, or one number in a regression "
         "or in binary cross entropies",
         "all targets of all batches so far are {what}, so one answer for all is right: look at how "
         "{made}")  # fmt: skip
def one_target(scene: Scene) -> Seen:
    if _is_one(scene.labels) and scene.guessing > math.log(2.5):
        return {"what": f"class {scene.labels[0]}", "made": "the labels are read"}
    if scene.adversarial:
        return None
    if _is_one(scene.answers) and scene.between and not loss_graph.ranks(scene.between):
        made = "the labels are made. (A GAN's critic gets 1 for real examples and 0 for generated ones)"
        return {"what": f"{scene.answers[0]:g} in the binary cross entropy", "made": made}
    sizes = scene.sizes_of_targets
    if _is_one(sizes) and len(scene.guesses) >= 10 and not any(scene.guesses) and scene.calls == 1:
        made = "they are read, such as numbers below 1 that become integers, or a division of integers"
        return {"what": f"{sizes[0]:.3g}", "made": made}
    return None


def _is_one(seen: Sequence[float | None]) -> bool:
    """Return whether the targets of ten samples or more are one number; nan and None mean that they are several."""
    return len(seen) >= 10 and seen[0] is not None and all(target == seen[0] for target in seen)


@certain("targets pass a gradient", "a log-probability is multiplied by return minus value, and both pass a gradient",
         "the advantage, return minus value, passes a gradient, so the policy's loss trains the critic to make the "
         "advantages small or large: .detach() it in the policy's loss", assumes=0.8)  # fmt: skip
def moving_advantage(scene: Scene) -> Seen:
    for node in nodes_of(scene.loss) if scene.is_due else ():
        if node.primitive.name != "mul" or None in node.inputs:
            continue
        pair = [*map(node_behind, node.inputs)]
        for log, advantage in (pair, pair[::-1]):
            if all(loss_graph.distribution(log)) and kind_of(advantage) == "sub" and [*arrays(advantage)]:
                return True
    return None


@certain("targets pass a gradient", "a result is compared with r + gamma * another result, and both pass a gradient",
         "the target, r + gamma * the value of the next state, passes a gradient too, so the step moves the target "
         "towards the prediction: compute it under no_grad(), or .detach() it", assumes=0.8)  # fmt: skip
def moving_target(scene: Scene) -> Seen:
    for node in nodes_of(scene.loss) if scene.is_due else ():
        if node.primitive.name != "sub" or None in node.inputs:
            continue
        for target in map(node_behind, node.inputs):
            if kind_of(target) != "add" or not [*arrays(target)]:
                continue
            later: Any = first_operand(target)
            if kind_of(later) != "mul" or None not in later.inputs:
                continue
            if any(0 < float(np.max(c)) <= 1 and float(np.min(c)) >= 0 for c in constants(later)):
                return True
    return None


@certain("not shuffled",
         f"the first ten batches have one class each, up to {IMPURE:.0%} of their examples, and not always the same",
         "each batch has examples of one class only, so the model forgets the others: shuffle the examples "
         "(DataLoader(..., shuffle=True))")  # fmt: skip
def class_after_class(scene: Scene) -> Seen:
    if len(recent := scene.labels[-5:]) >= 5 and None not in recent and len({*scene.labels} - {None}) > 1:
        return True
    first, n = scene.majorities[:10], scene.frequencies.total()
    several = max(scene.frequencies.values(), default=0) < 0.75 * n
    pure = len(first) == 10 and sum(share for _, share in first) > (1 - IMPURE) * 10
    # batches in turn, as of real and generated examples, are meant
    runs = sum(a == b for (a, _), (b, _) in pairwise(first)) >= 3
    return pure and several and runs and n > 3 * len(scene.majorities)  # one example is always of one class


@certain("not shuffled", "the first ten batches of a regression have sorted targets",
         "the batches are in the order of their targets, so each step forgets what the ones before have learned: "
         "shuffle the examples (DataLoader(..., shuffle=True))", assumes=0.9)  # fmt: skip
def in_order(scene: Scene) -> Seen:
    made = scene.own_targets or scene.adversarial or scene.judges
    return len(scene.samples) >= 10 and not made and scene.neighbours.sorted


@certain("class as a number", "the targets of a regression are 0, 1, 2, …, and inputs with near numbers are no more "
         "alike than others",
         "the targets are the numbers 0 to {last}, and examples with near numbers are no more alike than others, so "
         "these are classes, whose order and distance mean nothing. Use a score for each class and "
         "cross_entropy")  # fmt: skip
def unordered(scene: Scene) -> Seen:
    return len(scene.samples) >= 10 and scene.neighbours.unordered and {"last": scene.neighbours.numbers - 1}


@explains("class as a number", "the targets of a regression are 0, 1, 2, …",
          "the targets are the numbers 0 to {last}: if these are classes, their order and distance mean nothing. Use a "
          "score for each class and cross_entropy",
          symptoms=("loss does not fall", "loss stays high", "worse than guessing"), assumes=0.9)  # fmt: skip
def numbered(scene: Scene) -> Seen:
    numbers = 0 if scene.neighbours.ordered else scene.neighbours.numbers
    return numbers > 0 and {"last": numbers - 1}


@certain("learned by heart",
         f"after {MANY} steps, the loss is 7 % below that of guessing, and inputs say nothing about their targets",
         "the loss falls, to {now:.3g}, where guessing costs {cost:.3g}, but examples with similar inputs have targets "
         "no more alike than others, so the model learns each of them by heart. Do inputs and targets belong together, "
         "in the same order, shuffled and cut together? A validation loss would not fall", assumes=1.5)  # fmt: skip
def by_heart(scene: Scene) -> Seen:
    now = mean_loss(scene.losses[-50:])
    cost = scene.label_entropy if scene.neighbours.classes else fmean(scene.guesses or [math.nan])
    if len(scene.losses) < (MANY / 2 if scene.ended else MANY) or not 0 <= now < 0.93 * cost:
        return None
    # other inputs, or other examples, may say what these do not
    alone = not scene.others and scene.calls == 1 and not scene.mixes
    made = scene.own_targets or scene.moved or scene.adversarial or scene.judges or scene.taken
    first, last = (scene.validation or [(0, math.nan)])[0][1], (scene.validation or [(0, math.nan)])[-1][1]
    pairs = scene.batch is not None and all(share * scene.batch.shape[0] <= 1 for _, share in scene.majorities)
    if not alone or made or last < 0.95 * first or (scene.majorities and pairs):
        return None
    return scene.neighbours.unrelated(FITTED) and {"now": now, "cost": cost}


@certain("scores too close", "after 100 steps, the scores of a cross entropy, divided by a constant, differ by 0.2; or "
         "after 20, by 0.02",
         "the scores of the cross entropy differ by {width:.2g} at most, so their softmax is nearly uniform: the "
         "temperature that divides them is too high; usual are 0.05 to 1")  # fmt: skip
def hot(scene: Scene) -> Seen:
    known = [width for width in scene.narrow if not math.isnan(width)]
    step = scene.samples[-1].step if scene.samples else 0
    narrow = len(known) >= 3 and max(known) < (0.2 if step >= 100 else 0.02) and scene.scaled and step >= 20
    narrow = narrow and (step >= 200 or max(known) < 2 * known[0])  # they may begin at 0, and grow
    return narrow and {"width": known[-1]}


@explains("targets too large", f"a target is beyond {LARGE_TARGET:g}", f"the targets {ARE_LARGE}", assumes=1.2)
def large_targets(scene: Scene) -> Seen:
    known = scene.loss is not None and scene.output is not None
    size = next(iter(scene.sizes_of_targets), 0.0) if known else 0.0  # later ones may come from the model itself
    return LARGE_TARGET < size < math.inf and {"size": size}


@explains("targets too small", f"no target is beyond {SMALL_TARGET:g}, and the loss is above that of guessing",
          "no target is beyond {size:.1g}, and the predictions are much larger: standardize the targets, so that they "
          "are about 1, and scale the predictions back",
          symptoms=("worse than guessing", "loss does not fall"))  # fmt: skip
def small_targets(scene: Scene) -> Seen:
    size = max(scene.sizes_of_targets, default=0.0)
    return 0 < size < SMALL_TARGET and {"size": size}


@explains("no bias", "the mean of the targets is beyond one of their standard deviations, and the last layer has no "
          "bias",
          "the mean of the targets is {offset:.2g} of their standard deviations from 0, and the last layer has no bias "
          "that could become that mean: give it one (bias=True), or subtract the mean from the targets",
          symptoms=("worse than guessing", "loss does not fall", "updates too large"), assumes=0.9)  # fmt: skip
def no_bias(scene: Scene) -> Seen:
    centred = scene.batch is None or abs(scene.batch.mean) < scene.batch.std
    return scene.unbiased and scene.offset > 1 and centred and {"offset": scene.offset}
