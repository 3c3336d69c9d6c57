"""Causes between the model's output and the loss, which its graph shows before anything is learned."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.teach.causes.cause import Said, certain, explains
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import (
    ENDS,
    arrays,
    between_words,
    input_names,
    is_dropout,
    kind_of,
    node_behind,
    nodes_of,
    operand_shapes,
    through_sign,
)
from minigrad.teach.samples import Sample

SUMMED = 32
"""The number of examples from which a sum over them makes the steps too long."""


@certain({"softmax of one number": "the model ends with a softmax over an axis of size 1"}, graph=True, assumes=0.7)
def one_unit(scene: Scene) -> Iterator[Said]:
    """A softmax of one number, which is 1."""
    last = node_behind(scene.output)
    if kind_of(last) != "softmax" or len(last.shape) < 2:
        return
    if last.shape[last.parameters["axis"]] == 1:
        yield (
            "softmax of one number",
            "the model ends with a softmax of one number for each example, which is always 1, so no gradient passes. "
            "For one probability, end with a sigmoid",
        )


@certain(
    {
        "softmax twice": "the scores of a cross entropy come from a softmax",
        "sigmoid twice": "the scores of a loss with a sigmoid come from a sigmoid",
    },
    graph=True,
    assumes=0.7,
)
def applied_twice(scene: Scene) -> Iterator[Said]:
    """A softmax or sigmoid before a loss that applies it itself."""
    for node in scene.between:
        name = node.primitive.name
        before = node_behind(node.inputs[0])
        kind = kind_of(before)
        if name in ("cross_entropy", "log_softmax", "logsumexp") and kind == "softmax":
            yield (
                "softmax twice",
                "the model ends with a softmax, and the loss applies a softmax again: give the loss the scores, "
                "without the softmax",
            )
        elif name in ("softplus", "logaddexp") and through_sign(node) == "sigmoid":
            yield (
                "sigmoid twice",
                "the model ends with a sigmoid, and the loss applies a sigmoid again: give the loss the scores, "
                "without the sigmoid (logits)",
            )


@certain(
    {"softmax over the batch": "the probabilities of a negative log-likelihood come from a softmax over axis 0"},
    graph=True,
    assumes=0.7,
)
def over_the_batch(scene: Scene) -> Iterator[Said]:
    """The probability of the right class from a softmax over the examples instead of the classes."""
    for node in scene.between:
        name, index = node.primitive.name, (node.parameters or {}).get("index")
        picks = name == "getitem" and isinstance(index, tuple) and sum(isinstance(i, np.ndarray) for i in index) == 2
        if not picks and name != "cross_entropy":
            continue
        before = node_behind(node.inputs[0])
        while kind_of(before) in ("log", "neg", "add"):
            before = node_behind(before.inputs[0])
        if kind_of(before) not in ("softmax", "log_softmax"):
            continue
        axis, last = before.parameters["axis"] % len(before.shape), len(before.shape) - 1
        as_it_is = node.inputs[0].shape == before.shape and last > 1  # the classes are axis 1 there
        if axis != last > 0 and len({before.shape[axis], before.shape[last]}) > 1 and not as_it_is:
            yield (
                "softmax over the batch",
                f"the softmax of the {before.shape} scores runs over axis {axis}, "
                f"{'the examples' if axis == 0 else 'the positions'}, so the probabilities of the classes do not sum "
                f"to 1: use dim={-1 if last > 1 else 1}",
            )
            return


@certain(
    {
        "scores limited": "the scores of a cross entropy come from a relu, tanh or sigmoid",
        "dropout of the scores": "a dropout follows the last layer",
        "one score": "a cross entropy gets one score for each example",
    },
    graph=True,
    assumes=0.7,
)
def squashed_scores(scene: Scene) -> Iterator[Said]:
    """Scores of a cross entropy that an activation or a dropout has limited."""
    for node in scene.between:
        if node.primitive.name != "cross_entropy":
            continue
        before = node_behind(node.inputs[0])
        kind = kind_of(before)
        if kind in ("relu", "tanh", "sigmoid"):
            yield (
                "scores limited",
                f"the model ends with a {kind}, which limits the scores of the softmax in the loss to "
                f"{between_words(*ENDS[kind])}: give the loss the scores, without the {kind}",
            )
        elif kind == "mul" and is_dropout(before):
            yield (
                "dropout of the scores",
                "a dropout follows the last layer: it sets scores to 0, the one of the right class too. Put it before "
                "the last layer",
            )
        if len(node.inputs[0].shape) > 1 and node.inputs[0].shape[1] == 1:
            yield _ONE_SCORE
    for node in scene.between:  # targets that are probabilities
        if node.primitive.name == "log_softmax" and node.shape and node.shape[-1] == 1:
            yield _ONE_SCORE


@certain({"softmax over the batch": "the weights of a mixture come from a softmax over the examples"}, assumes=0.7)
def mixture_over_the_batch(scene: Scene) -> Iterator[Said]:
    """Weights that sum to 1 over the examples, with which a sum over the components is taken."""
    for node in nodes_of(scene.loss) if scene.loss is not None and scene.is_due else ():
        parameters = node.parameters or {}
        if node.primitive.name not in ("sum", "logsumexp") or len(node.inputs[0].shape) != 2:
            continue
        if parameters.get("axis") not in (1, -1, (1,), (-1,)):
            continue
        pending, seen = [*node.inputs[0].inputs], 0
        while pending and seen < 20:
            source, seen = node_behind(pending.pop()), seen + 1
            if not kind_of(source) or source.shape != node.inputs[0].shape:
                continue
            if source.primitive.name in ("softmax", "log_softmax"):
                rows, columns = source.shape
                if source.parameters["axis"] % 2 == 0 and rows != columns > 1:
                    yield (
                        "softmax over the batch",
                        f"the softmax of the {source.shape} weights runs over axis 0, the examples, and what they "
                        "weigh is added up over axis 1: the weights of an example do not sum to 1. Use dim=1",
                    )
                    return
            elif source.primitive.name in ("add", "sub", "mul", "div", "log", "neg"):
                pending += source.inputs


_ONE_SCORE = (
    "one score",
    "the cross entropy gets one score for each example, and the softmax of one score is 1: the loss is always 0. For "
    "two classes, use two scores, or binary_cross_entropy_with_logits with one",
)


@certain({"logarithm missing": "minus a score or a probability is the loss"}, graph=True, assumes=0.7)
def without_logarithm(scene: Scene) -> Iterator[Said]:
    """A negative log-likelihood of what is no logarithm: minus the score or the probability of the right class."""
    for node in scene.between:
        if node.primitive.name == "sub" and node.inputs[0] is None and node.inputs[1] is not None:
            product = node.inputs[1]  # kl_div: target * log(target) - target * input
            if kind_of(product) == "mul" and input_names(product) == ["softmax"]:
                yield (
                    "logarithm missing",
                    "the divergence gets probabilities where it takes their logarithms: kl_div(log_softmax(scores), "
                    "target); without the logarithm it falls below 0",
                )
        if node.primitive.name != "neg":
            continue
        picked = node.inputs[0]
        if kind_of(picked) != "getitem" or len(picked.inputs[0].shape) < 2:
            continue
        before = node_behind(picked)
        kind = kind_of(before)
        index = (picked.parameters or {}).get("index")
        if not isinstance(index, tuple) or sum(isinstance(i, np.ndarray) for i in index) < 2:
            continue
        if kind == "softmax":
            yield (
                "logarithm missing",
                "the loss is minus the probability of the right class, without its logarithm: nll_loss takes "
                "log_softmax(scores); cross_entropy takes the scores",
            )
        elif kind in ("linear", "matmul", "add"):
            yield (
                "logarithm missing",
                "the loss is minus the score of the right class, which has no lower end: nll_loss takes "
                "log_softmax(scores); cross_entropy takes the scores",
            )


@certain({"all pairs": "the loss broadcasts (N, 1) against (N,)"}, graph=True, assumes=0.7)
def all_pairs(scene: Scene) -> Iterator[Said]:
    """A difference of (N, 1) and (N,), which broadcasts to all pairs."""
    for node in scene.between:
        shapes = [shape for shape in operand_shapes(node) if shape]
        if len(shapes) == 2 and node.primitive.name in ("sub", "mul", "div", "add") and len(node.shape) == 2:
            a, b = shapes
            column, row = (a, b) if len(a) == 2 else (b, a)
            n = node.shape[0]
            if column == (n, 1) and row == (n,) and n > 1:  # a row (1, n) is written on purpose: of all pairs
                yield (
                    "all pairs",
                    f"the loss broadcasts {column} against {row} to {node.shape}: it compares every prediction with "
                    "every target. Give both the same shape, such as targets[:, None] or predictions.squeeze(1)",
                )
                return


@certain(
    {"class as a number": "each output of an example is compared with the number of its class"}, graph=True, assumes=0.7
)
def class_as_a_number(scene: Scene) -> Iterator[Said]:
    """A difference of (N, K) scores and (N, 1) numbers of classes, in which each score must be that number."""
    for node in scene.between:
        shapes = operand_shapes(node) if node.primitive.name == "sub" else []
        if len(node.shape) != 2 or node.shape[1] < 3 or node.shape not in shapes or (node.shape[0], 1) not in shapes:
            continue
        for numbers in arrays(node):
            k = node.shape[1]
            classes = np.unique(numbers)
            if numbers.shape == (node.shape[0], 1) and np.isin(classes, np.arange(k)).all() and 2 * len(classes) >= k:
                yield (
                    "class as a number",
                    f"the loss compares all {k} outputs of an example with the number of its class, so that each "
                    f"output must become that number: use cross_entropy(scores, classes), or one-hot targets of shape "
                    f"{node.shape}",
                )
                return


@certain({"hinge of 0 and 1": "a hinge loss multiplies the score by targets of 0 and 1"}, graph=True, assumes=0.7)
def hinge_of_bits(scene: Scene) -> Iterator[Said]:
    """A hinge loss, relu(1 - y * score), with y of 0 and 1 instead of -1 and 1."""
    for node in scene.between:
        if node.primitive.name not in ("relu", "maximum", "clamp"):
            continue
        margin: Any = next((source for source in node.inputs if source is not None), None)
        for term in margin.inputs if margin is not None and margin.primitive is not None else ():
            product = node_behind(term)
            if margin.primitive.name not in ("sub", "add") or product is None or product.primitive is None:
                continue
            for y in arrays(product) if product.primitive.name == "mul" else ():
                if set(np.unique(y).tolist()) == {0.0, 1.0} and node_behind(scene.output) in map(
                    node_behind, product.inputs
                ):
                    yield (
                        "hinge of 0 and 1",
                        "the hinge loss gets targets of 0 and 1: where the target is 0, it does not depend on the "
                        "score, so that class is never learned. Use -1 and 1, targets 2 * y - 1",
                    )
                    return


@certain(
    {"compared with itself": "the loss is 0, and subtracts the model's output from itself"}, graph=True, assumes=0.7
)
def compared_with_itself(scene: Scene) -> Iterator[Said]:
    """A loss without targets, since both sides are the prediction."""
    for node in scene.between if scene.losses and scene.losses[-1] == 0 else ():
        sources = [node_behind(source) for source in node.inputs]
        if node.primitive.name == "sub" and len(sources) == 2 and sources[0] is not None and sources[0] is sources[1]:
            yield (
                "compared with itself",
                "the loss compares the prediction with itself, so it is always 0: give it the targets",
            )
            return


@certain(
    {"penalty too strong": "a penalty on squared weights shrinks them by 2 % a step, or is nine tenths of the loss"},
    assumes=0.7,
)
def strong_penalty(scene: Scene) -> Iterator[Said]:
    """A penalty on squared weights, in the loss, that outweighs the rest of it."""
    last = scene.samples[-1] if scene.samples else Sample(0)
    if scene.penalty <= 0 or not scene.samples:
        return
    shrinks = 2 * scene.penalty * max(last.learning_rates, default=0.0)
    plain = scene.optimizer is None or "betas" not in scene.optimizer.param_groups[0]
    whole = scene.penalty * math.hypot(*last.sizes.values()) ** 2
    first = scene.samples[0]
    before = scene.penalty * math.hypot(*first.sizes.values()) ** 2
    # the weights have shrunk to nothing, and the rest of the loss has not fallen
    shrunk = whole < 0.1 * before and before > 0.5 * first.loss and last.loss - whole > 0.8 * (first.loss - before) > 0
    outweighs = last.step >= 50 and (whole > 0.9 * last.loss > 0 or shrunk)
    if (plain and shrinks > 0.02 and len(scene.samples) >= 3) or outweighs:
        yield (
            "penalty too strong",
            f"the penalty of {scene.penalty:g} times the squared weights pulls the weights to 0 more strongly than the "
            "rest of the loss moves them; a weight decay of 1e-5 to 1e-2 is usual",
        )


@explains(
    {"penalty too strong": "a penalty on absolute weights is more than half of the loss"},
    symptoms=("updates too large", "exploding gradients", "loss does not fall", "worse than guessing"),
    assumes=0.8,
)
def strong_lasso(scene: Scene) -> Iterator[Said]:
    """A penalty on absolute weights, in the loss, that outweighs the rest of it."""
    size = sum(float(np.abs(p._array).sum()) for p in scene.model.parameters()) if scene.lasso > 0 else 0.0
    if scene.lasso * size > 0.5 * scene.samples[-1].loss > 0:
        yield (
            "penalty too strong",
            f"the penalty of {scene.lasso:g} times the absolute weights is most of the loss, and moves each weight "
            "towards 0, and past it, whatever the data say: make it much smaller, such as 1e-4",
        )


@explains(
    {"loss summed": f"the loss is a sum over {SUMMED} examples or more, and the steps are too long"},
    symptoms=("exploding gradients", "updates too large", "not finite"),
    assumes=1.3,
)
def summed(scene: Scene) -> Iterator[Said]:
    """A sum over the examples where the rate is meant for their mean."""
    if scene.summed >= SUMMED:
        yield (
            "loss summed",
            f"the loss is a sum over {scene.summed} examples, so the gradient is {scene.summed} times that of their "
            "mean, and the learning rate is too high for it: take the mean (.mean(), reduction='mean')",
        )


@explains(
    {"no lower end": "the loss has fallen as far below 0 as it was from 0 at first, and still falls"},
    symptoms=("exploding gradients", "updates too large", "not finite"),
    assumes=1.3,
)
def bottomless(scene: Scene) -> Iterator[Said]:
    """A loss that falls without end."""
    known = [loss for loss in scene.losses if math.isfinite(loss)]
    deep = min(-10.0, -10 * abs(known[0])) if known else 0.0
    # a rate that is too high makes the loss rise; one that falls while the gradient grows has no lower end
    falls = len(known) > 10 and known[-1] < min(-1.0, -abs(known[0])) and known[-1] <= min(known[-10:])
    if known and not scene.adversarial and (known[-1] < deep or falls):
        yield (
            "no lower end",
            f"the loss falls without end, from {known[0]:.3g} to {known[-1]:.3g}: it has no lower end, so the numbers "
            "grow until they overflow. Is its sign wrong, or a logarithm missing? A loss to minimize is 0 at best",
        )
