"""Causes in the targets: their range, their size, and the order in which they come."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.teach.causes.cause import Said, certain, explains
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import (
    BEYOND,
    ENDS,
    arrays,
    between_words,
    constants,
    input_names,
    kind_of,
    node_behind,
    nodes_of,
    targets,
)

RARE = 0.05
"""The fraction of targets of other classes below which it pays to ignore them."""
LARGE_TARGET = 100.0
"""The absolute value of a target of a regression beyond which it should be scaled."""


SMALL_TARGET = 1e-2
"""The absolute value below which all targets are too small."""


@certain({"targets out of range": "the targets of a binary cross entropy are not between 0 and 1"}, graph=True)
def binary_targets(scene: Scene) -> Iterator[Said]:
    """Targets of a binary cross entropy that are no probabilities."""
    for node in scene.between:
        if node.primitive.name != "add":
            continue
        terms = [s for s in map(node_behind, node.inputs) if kind_of(s)]
        if not any("softplus" in (term.primitive.name, *input_names(term)) for term in terms):
            continue
        for term in terms:
            for array in arrays(term) if term.primitive.name == "mul" and "softplus" not in input_names(term) else ():
                least, most = float(1 - array.max()), float(1 - array.min())  # it is (1 - target) * score
                if least < -BEYOND or most > 1 + BEYOND:
                    yield (
                        "targets out of range",
                        f"the targets of a binary cross entropy must lie between 0 and 1, but they go from {least:.3g} "
                        f"to {most:.3g}, and the loss has no lower end. For classes 0, 1, 2, … use a score for each "
                        "class and cross_entropy",
                    )
                    return


@certain({"padding in the loss": "a third of the targets of a sequence are padding, as are their inputs"})
def padding(scene: Scene) -> Iterator[Said]:
    """A loss that is an average over padding."""
    recent = scene.padded[-3:]
    if len(recent) == 3 and min(recent) > 1 / 3:
        yield (
            "padding in the loss",
            f"{recent[-1]:.0%} of the targets are padding at the ends of the sequences, whose inputs are padding too: "
            "they are easy, and outweigh the others. Leave them out: cross_entropy(..., ignore_index=...)",
        )


@certain({"rare class overlooked": f"fewer than {RARE:.0%} of the targets are of other classes than the one predicted"})
def imbalance(scene: Scene) -> Iterator[Said]:
    """A model that has learned to predict the frequent class only."""
    recent = scene.overlooked[-2:]
    if len(recent) == 2 and scene.samples[-1].step >= 100 and all(part < RARE for part in recent):
        yield (
            "rare class overlooked",
            f"{1 - recent[-1]:.1%} of the targets are of one class, and the model predicts no other: to say so always "
            "is nearly right. Weigh the rare class (weight=, pos_weight=), draw it more often, or use a dice or focal "
            "loss",
        )


@certain({"targets out of range": "a target lies outside the range of the last activation"}, graph=True)
def out_of_range(scene: Scene) -> Iterator[Said]:
    """Targets of a regression that the model's last activation cannot reach."""
    last = node_behind(scene.output)
    kind = kind_of(last)
    low, high = ENDS.get(kind, (-math.inf, math.inf))
    for target in targets(scene.between, scene.output) if kind in ENDS else ():
        least, most = float(target.min()), float(target.max())
        if least < low - BEYOND or most > high + BEYOND:
            yield (
                "targets out of range",
                f"the model ends with a {kind}, whose results lie {between_words(low, high)}, but the targets go from "
                f"{least:.3g} to {most:.3g}: leave the {kind} out, or scale the targets",
            )
            return


@certain(
    {"own similarity": "the scores of a cross entropy compare results with themselves, and the targets are these"},
    graph=True,
    assumes=0.7,
)
def similar_to_itself(scene: Scene) -> Iterator[Said]:
    """A contrastive loss in which each example is its own partner."""
    for node in scene.between:
        labels = (node.parameters or {}).get("target") if node.primitive.name == "cross_entropy" else None
        if not isinstance(labels, np.ndarray) or not np.array_equal(labels, np.arange(len(labels))):
            continue
        product = node.inputs[0]
        while kind_of(product) in ("mul", "div") and None in product.inputs:
            product = next(source for source in product.inputs if source is not None)
        if kind_of(product) not in ("matmul", "linear"):
            continue
        a, b = (node_behind(source) for source in product.inputs[:2])
        if a is b and a is not None and len(labels) > 1:
            yield (
                "own similarity",
                "the scores compare each result with itself, and the target of a row is its own place on the diagonal, "
                "so there is nothing to learn: exclude the diagonal (-inf), and let the target be the other view",
            )
            return


@certain({"one class only": "all targets of all binary cross entropies are the same number, in ten samples"})
def one_answer(scene: Scene) -> Iterator[Said]:
    """A critic or classifier of two classes that sees one of them only."""
    same = all(answer == scene.answers[0] for answer in scene.answers)  # nan is not
    if len(scene.answers) >= 10 and same and not scene.adversarial:
        yield (
            "one class only",
            f"all targets of the binary cross entropy are {scene.answers[0]:g}, so one answer for all is right: look "
            "at how the labels are made. (A GAN's critic gets 1 for real examples and 0 for generated ones)",
        )


@certain(
    {"targets pass a gradient": "a log-probability is multiplied by return minus value, and both pass a gradient"},
    assumes=0.8,
)
def moving_advantage(scene: Scene) -> Iterator[Said]:
    """An advantage through which the policy's loss trains the critic."""
    for node in nodes_of(scene.loss) if scene.loss is not None and scene.is_due else ():
        if node.primitive.name != "mul" or None in node.inputs:
            continue
        for log, advantage in (node.inputs, node.inputs[::-1]):
            picked, difference = node_behind(log), node_behind(advantage)
            if picked is None or picked.primitive is None or picked.primitive.name != "log_softmax":
                continue
            if difference.primitive is not None and difference.primitive.name == "sub" and [*arrays(difference)]:
                yield (
                    "targets pass a gradient",
                    "the advantage, return minus value, passes a gradient, so the policy's loss trains the critic to "
                    "make the advantages small or large: .detach() it in the policy's loss",
                )
                return


@certain(
    {"targets pass a gradient": "a result is compared with r + gamma * another result, and both pass a gradient"},
    assumes=0.8,
)
def moving_target(scene: Scene) -> Iterator[Said]:
    """A temporal difference whose target is trained too."""
    if scene.loss is None or not scene.is_due:
        return
    for node in nodes_of(scene.loss):
        if node.primitive.name != "sub" or None in node.inputs:
            continue
        for target in map(node_behind, node.inputs):
            if kind_of(target) != "add" or not any(True for _ in arrays(target)):
                continue
            later: Any = next((source for source in target.inputs if source is not None), None)
            if kind_of(later) != "mul" or None not in later.inputs:
                continue
            if not any(0 < float(np.max(c)) <= 1 and float(np.min(c)) >= 0 for c in constants(later)):
                continue
            yield (
                "targets pass a gradient",
                "the target, r + gamma * the value of the next state, passes a gradient too, so the step moves the "
                "target towards the prediction: compute it under no_grad(), or .detach() it",
            )
            return


@certain(
    {
        "not shuffled": "each of five batches in a row has one class only, and not always the same",
        "one class only": "all targets of ten batches are one class of three or more",
    }
)
def classes(scene: Scene) -> Iterator[Said]:
    """Batches of a single class each: one class after the other, or always the same."""
    recent, seen = scene.labels[-5:], {*scene.labels} - {None}
    if len(recent) == 5 and None not in recent and len(seen) > 1:
        yield (
            "not shuffled",
            "each batch has examples of one class only, so the model forgets the others: shuffle the examples "
            "(DataLoader(..., shuffle=True))",
        )
    elif len(scene.labels) >= 10 and None not in scene.labels and len(seen) == 1 and scene.guessing > math.log(2.5):
        yield (
            "one class only",
            f"all targets of all batches so far are class {seen.pop()}: look at how the labels are read",
        )


@certain({"scores too close": "after 100 steps, the scores of a cross entropy, divided by a constant, differ by 0.2"})
def hot(scene: Scene) -> Iterator[Said]:
    """A temperature that makes all scores about equal."""
    known = [width for width in scene.narrow if not math.isnan(width)]
    if len(known) >= 3 and max(known) < 0.2 and scene.scaled and scene.samples[-1].step >= 100:
        yield (
            "scores too close",
            f"the scores of the cross entropy differ by {known[-1]:.2g} at most, so their softmax is nearly uniform: "
            "the temperature that divides them is too high; usual are 0.05 to 1",
        )


@explains({"targets too large": f"a target is beyond {LARGE_TARGET:g}"}, assumes=1.2)
def large_targets(scene: Scene) -> Iterator[Said]:
    """Targets that are far from 1."""
    if scene.loss is None or scene.output is None:
        return
    size = next(iter(scene.sizes_of_targets), 0.0)  # later ones may come from the model itself
    if LARGE_TARGET < size < math.inf:
        yield "targets too large", f"the targets {large(size)}"


@explains(
    {"targets too small": f"no target is beyond {SMALL_TARGET:g}, and the loss is above that of guessing"},
    symptoms=("worse than guessing", "loss does not fall"),
)
def small_targets(scene: Scene) -> Iterator[Said]:
    """Targets that are almost 0, so that the steps of the optimizer are longer than the way to them."""
    size = max(scene.sizes_of_targets, default=0.0)
    if 0 < size < SMALL_TARGET:
        yield (
            "targets too small",
            f"no target is beyond {size:.1g}, and the predictions are much larger: standardize the targets, so that "
            "they are about 1, and scale the predictions back",
        )


@explains(
    {"no bias": "the mean of the targets is beyond two of their standard deviations, and the last layer has no bias"},
    symptoms=("worse than guessing", "loss does not fall", "updates too large"),
    assumes=0.9,
)
def no_bias(scene: Scene) -> Iterator[Said]:
    """A last layer that cannot add the mean of the targets."""
    if scene.unbiased and scene.offset > 2 and (scene.batch is None or abs(scene.batch.mean) < scene.batch.std):
        yield (
            "no bias",
            f"the mean of the targets is {scene.offset:.2g} of their standard deviations from 0, and the last layer "
            "has no bias that could become that mean: give it one (bias=True), or subtract the mean from the targets",
        )


def large(size: float) -> str:
    """Say that targets are as large as this, and what to do."""
    return f"are as large as {size:.3g}: standardize them, so that they are about 1, and scale the predictions back"
