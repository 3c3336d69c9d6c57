"""Causes between the model's output and the loss, which its graph shows before anything is learned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.teach.causes.cause import Seen, certain, explains
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import (
    ENDS,
    actions_taken,
    arrays,
    behind,
    between_words,
    bits_of,
    constants,
    dropped,
    first_operand,
    indices,
    input_names,
    kind_of,
    linear_terms,
    node_behind,
    nodes_between,
    nodes_of,
    operand_shapes,
    terms,
)

SUMMED = 32
"""The number of examples from which a sum over them makes the steps too long."""
ROUNDING = 1e-3
"""A number up to which what is added to a divisor only keeps it from 0."""
PROBABILITY = "probability of the right class, without its logarithm"
"""What the loss is the negative of, if it takes no logarithm."""


@certain("softmax of one number", "the model ends with a softmax over an axis of size 1",
         "the model ends with a softmax of one number for each example, which is always 1, so no gradient passes. For "
         "one probability, end with a sigmoid", graph=True)  # fmt: skip
def one_unit(scene: Scene) -> Seen:
    softmaxes = [node for node in (node_behind(scene.output), *scene.between) if kind_of(node) == "softmax"]
    return any(len(node.shape) > 1 and node.shape[node.parameters["axis"]] == 1 for node in softmaxes)


@certain("softmax twice", "the scores of a cross entropy come from a softmax",
         "the model ends with a softmax, and the loss applies a softmax again: give the loss the scores, without the "
         "softmax", graph=True)  # fmt: skip
def softmax_twice(scene: Scene) -> Seen:
    softmaxes = [node for node in scene.between if node.primitive.name in ("cross_entropy", "log_softmax", "logsumexp")]
    return any(kind_of(node_behind(node.inputs[0])) == "softmax" for node in softmaxes)


@certain("sigmoid twice", "the scores of a loss with a sigmoid come from a sigmoid",
         "the model ends with a sigmoid, and the loss applies a sigmoid again: give the loss the scores, without the "
         "sigmoid (logits)", graph=True)  # fmt: skip
def sigmoid_twice(scene: Scene) -> Seen:
    sigmoids = [node for node in scene.between if node.primitive.name in ("softplus", "logaddexp")]
    return any(kind_of(behind(first_operand(node), "neg")) == "sigmoid" for node in sigmoids)


@certain("softmax over the batch", "the probabilities of a negative log-likelihood come from a softmax over axis 0",
         "the softmax of the {shape} scores runs over axis {axis}, {along}, so the probabilities of the classes do not "
         "sum to 1: use dim={dim}", graph=True)  # fmt: skip
def over_the_batch(scene: Scene) -> Seen:
    for node in scene.between:
        if indices(node) < 2 and node.primitive.name != "cross_entropy":
            continue
        labels = node.parameters["index"][-1] if indices(node) > 2 else None
        if isinstance(labels, np.ndarray) and any((labels == grid).all() for grid in np.indices(labels.shape)):
            continue  # positions, so the classes are another axis
        before: Any = node.inputs[0]
        moved: list[Any] = []
        place: int | None = len(before.shape) - 1  # the axis of the classes
        while kind_of(before) in ("log", "neg", "add") or node_behind(before) is not before:
            if kind_of(before) == "permute":
                moved.append(before)
                place = before.parameters["axes"][place] if place is not None else None
            elif kind_of(before) not in ("log", "neg", "add"):
                place = None
            before = before.inputs[0]
        if kind_of(before) not in ("softmax", "log_softmax"):
            continue
        shape, last = before.shape, len(before.shape) - 1
        axis = before.parameters["axis"] % len(shape)
        as_it_is = node.inputs[0].shape == shape and last > 1  # the classes are axis 1 there
        as_it_is |= any(p.parameters["axes"][-1] == axis for p in moved if len(p.shape) == last + 1)
        if moved and place not in (None, axis) and shape[axis] != shape[place]:
            return {"shape": shape, "axis": axis, "along": "the positions", "dim": place}
        if axis != last > 0 and shape[axis] != shape[last] and not as_it_is:
            along = "the positions" if axis else "the examples"
            return {"shape": shape, "axis": axis, "along": along, "dim": -1 if last > 1 else 1}
    return None


@certain("scores limited", "the scores of a cross entropy come from a relu, tanh or sigmoid",
         "the model ends with a {kind}, which limits the scores of the softmax in the loss to {ends}: give the loss "
         "the scores, without the {kind}", graph=True)  # fmt: skip
def squashed_scores(scene: Scene) -> Seen:
    kinds = [kind_of(before) for before in _scores(scene)]
    kind = next((kind for kind in kinds if kind in ("relu", "tanh", "sigmoid")), "")
    return {"kind": kind, "ends": between_words(*ENDS[kind])} if kind else None


@certain("dropout of the scores", "a dropout follows the last layer",
         "a dropout follows the last layer: it sets results to 0, such as the score of the right class. Put it before "
         "the last layer", graph=True)  # fmt: skip
def dropped_scores(scene: Scene) -> Seen:
    last = [node_behind(scene.output), *_scores(scene)]
    return any(kind_of(node) == "mul" and dropped(node) and kind_of(node.inputs[0]) == "linear" for node in last)


@certain("one score", "a cross entropy gets one score for each example",
         "the cross entropy gets one score for each example, and the softmax of one score is 1: the loss is always 0. "
         "For two classes, use two scores, or binary_cross_entropy_with_logits with one", graph=True)  # fmt: skip
def one_score(scene: Scene) -> Seen:
    scores = [node.inputs[0].shape for node in scene.between if node.primitive.name == "cross_entropy"]
    of_probabilities = [node.shape for node in scene.between if node.primitive.name == "log_softmax" and node.shape]
    return any(len(shape) > 1 and shape[1] == 1 for shape in scores) or any(
        shape[-1] == 1 for shape in of_probabilities
    )


def _scores(scene: Scene) -> list[Any]:
    """Return the nodes that computed the scores of the cross entropies, and of the policies."""
    ends = [node for node in scene.between if node.primitive.name == "cross_entropy"]
    ends += [source for taken in actions_taken(scene.between) for source in taken.sources]
    found = [node_behind(node.inputs[0]) for node in ends]
    return [node_behind(node.inputs[0]) if kind_of(node) == "stack" else node for node in found]  # of steps in time


@certain("softmax over the batch", "the weights of a mixture come from a softmax over the examples",
         "the softmax of the {shape} weights runs over axis 0, the examples, and what they weigh is added up over axis "
         "1: the weights of an example do not sum to 1. Use dim=1", assumes=0.7)  # fmt: skip
def mixture_over_the_batch(scene: Scene) -> Seen:
    for node in nodes_of(scene.loss) if scene.is_due else ():
        if node.primitive.name not in ("sum", "logsumexp") or len(node.inputs[0].shape) != 2:
            continue
        if (node.parameters or {}).get("axis") not in (1, -1, (1,), (-1,)):
            continue
        pending, seen = [*node.inputs[0].inputs], 0
        while pending and seen < 20:
            source, seen = node_behind(pending.pop()), seen + 1
            if not kind_of(source) or source.shape != node.inputs[0].shape:
                continue
            if source.primitive.name in ("softmax", "log_softmax"):
                rows, columns = source.shape
                if source.parameters["axis"] % 2 == 0 and rows != columns > 1:
                    return {"shape": source.shape}
            elif source.primitive.name in ("add", "sub", "mul", "div", "log", "neg"):
                pending += source.inputs
    return None


@certain("uphill", "the overlap of a result and its target, divided by their sizes, is the loss, or is taken of scores",
         "the loss is the overlap of prediction and target (the Dice coefficient, IoU), so each step makes it smaller: "
         "minimize 1 - overlap", graph=True, assumes=0.8)  # fmt: skip
def overlap(scene: Scene) -> Seen:
    for node, sign in linear_terms(scene.loss).items():
        both = nodes_of(node.inputs[0]) if kind_of(node) == "div" and None not in node.inputs else ()
        for product in (n for n in both if kind_of(n) == "mul" and any(a.size > 1 for a in arrays(n))):
            source = node_behind(first_operand(product))
            sums, known, pending = [], 0, [node.inputs[1]]
            while pending:
                n = node_behind(pending.pop())
                sums += [n.inputs[0]] if kind_of(n) == "sum" else []
                known += kind_of(n) in ("add", "sub") and any(a.max() > ROUNDING for a in constants(n))
                pending += filter(None, n.inputs) if kind_of(n) in ("add", "sub", "mul", "div", "clamp") else ()
            # divided by the sum of one of them alone, it is a mean with weights, as an expected cost
            if len(sums) + known < 2 or source not in map(node_behind, sums):
                continue
            if kind_of(source) in ("linear", "conv", "matmul"):
                said = "the overlap is computed from scores, not from probabilities: apply a sigmoid or a softmax first"
                return "no probabilities", said
            if sign > 0:
                return True
    return None


@certain("no probabilities", "a cross entropy takes the logarithm of what a linear layer gives",
         "the loss takes the logarithm of the model's scores, which are no probabilities: apply a sigmoid or a softmax "
         "first, or use a loss that takes scores, cross_entropy or binary_cross_entropy_with_logits",
         graph=True)  # fmt: skip
def logarithm_of_scores(scene: Scene) -> Seen:
    entropies = [node for node in scene.between if node.primitive.name == "binary_cross_entropy"]
    negated = [node.inputs[0] for node in scene.between if node.primitive.name == "neg"]
    logs = [*entropies, *(node_behind(node) for node in negated if indices(node) >= 2)]
    for node in scene.between if bits_of(scene.between) is not None else ():
        logs += [node] if node.primitive.name == "log" else []
    logs = [node for node in logs if kind_of(node) in ("log", "binary_cross_entropy")]
    return any(kind_of(behind(node.inputs[0], "clamp", "add", "sub")) in ("linear", "matmul") for node in logs)


@certain("no lower end", "the loss is a mean of predictions minus targets",
         "the loss is a mean of predictions minus targets, in which errors of both signs cancel, so it has no lower "
         "end: square them, or take their absolute values", graph=True)  # fmt: skip
def errors_cancel(scene: Scene) -> Seen:
    linear = all(
        kind_of(node) in ("sub", "neg", "mean", "sum") or node_behind(node) is not node for node in scene.between
    )
    subtracted = [node for node in scene.between if kind_of(node) == "sub" and any(a.size > 1 for a in arrays(node))]
    return linear and bool(subtracted) and not scene.adversarial


@certain("half a cross entropy", "the logarithm of a sigmoid is multiplied by targets of 0 and 1, and nothing else is",
         "the loss has targets * log(p) alone, so examples whose target is 0 do not count, and p = 1 for all is best: "
         "add (1 - targets) * log(1 - p), or use binary_cross_entropy", graph=True)  # fmt: skip
def half_a_cross_entropy(scene: Scene) -> Seen:
    logs = [node for node in scene.between if kind_of(node) == "log"]
    source = behind(logs[0].inputs[0], "clamp", "add") if len(logs) == 1 else None
    products = [n for n in scene.between if kind_of(n) == "mul" and logs and logs[0] in map(node_behind, n.inputs)]
    bits = [{*np.unique(array).tolist()} == {0.0, 1.0} for node in products for array in arrays(node)]
    if source is None or kind_of(source) != "sigmoid" or not any(bits):
        return False
    scores = node_behind(source.inputs[0])  # and what else is computed from them may be the other half
    return sum(scores in map(node_behind, n.inputs) and node_behind(n) is n for n in scene.between) == 1


@explains("squares of probabilities", "the loss is the squared difference of a softmax or sigmoid from its targets",
          "the loss is the squared error of a {kind}, whose gradient is small where the {kind} is sure, and wrong: "
          "take the cross entropy instead, cross_entropy(scores, classes) or binary_cross_entropy_with_logits",
          symptoms=("loss does not fall", "updates too small", "vanishing gradients", "loss stays high",
                    "worse than guessing"), assumes=1.2)  # fmt: skip
def squared_probabilities(scene: Scene) -> Seen:
    names, related = [node.primitive.name for node in scene.between], not scene.neighbours.unrelated()
    for node in scene.between if related and not {"square", "pow", "mul"}.isdisjoint(names) else ():
        for source in map(node_behind, node.inputs) if node.primitive.name == "sub" and [*arrays(node)] else ():
            if kind_of(source) in ("softmax", "sigmoid"):
                return {"kind": kind_of(source)}
    return None


@certain("logarithm missing", "minus a score or a probability is the loss",
         "the divergence gets probabilities where it takes their logarithms: kl_div(log_softmax(scores), target); "
         "without the logarithm it falls below 0", graph=True)  # fmt: skip
def divergence_without_logarithm(scene: Scene) -> Seen:
    differences = [node.inputs for node in scene.between if node.primitive.name == "sub"]
    products = [right for left, right in differences if left is None]  # target * log(target) - target * input
    return any(kind_of(product) == "mul" and input_names(product) == ["softmax"] for product in products)


@certain("logarithm missing", "minus a score or a probability is the loss",
         "the loss is minus the {what}: nll_loss takes log_softmax(scores); cross_entropy takes the scores",
         graph=True)  # fmt: skip
def likelihood_without_logarithm(scene: Scene) -> Seen:
    negated = [node.inputs[0] for node in scene.between if node.primitive.name == "neg"]
    picks = [node.inputs[0] if kind_of(node) in ("mean", "sum") else node for node in negated]
    picked = {kind_of(node_behind(node)) for node in picks if indices(node) >= 2}
    if "softmax" in picked:
        return {"what": PROBABILITY}
    normalized = {"exp", "logsumexp"} & {*map(kind_of, nodes_of(scene.loss))}  # by another term of the loss
    scores = not normalized and not picked.isdisjoint(("linear", "matmul", "add"))
    return scores and {"what": "score of the right class, which has no lower end"}


@certain("all pairs", "the loss broadcasts (N, 1) against (N,)",
         "the loss broadcasts {column} against {row} to {shape}: it compares every prediction with every target. Give "
         "both the same shape, such as targets[:, None] or predictions.squeeze(1)", graph=True)  # fmt: skip
def all_pairs(scene: Scene) -> Seen:
    for node in scene.between:
        if node.primitive.name not in ("sub", "mul", "div", "add") or len(node.shape) < 2 or node.shape[0] < 2:
            continue
        n, *rest = node.shape[:1] + node.shape[2:]
        column, row = (n, 1, *rest), (n, *rest)  # a row (1, n) is written on purpose: of all pairs
        given = not rest or [a for a in arrays(node) if a.shape in (column, row)]  # or results are compared
        if given and sorted((shape for shape in operand_shapes(node) if shape), key=len) == [row, column]:
            return {"column": column, "row": row, "shape": node.shape}
    return None


@certain("class as a number", "each output of an example is compared with the number of its class",
         "the loss compares all {k} outputs of an example with the number of its class, so that each output must "
         "become that number: use cross_entropy(scores, classes), or one-hot targets of shape {shape}",
         graph=True)  # fmt: skip
def class_as_a_number(scene: Scene) -> Seen:
    for node in scene.between:
        shapes = operand_shapes(node) if node.primitive.name == "sub" else []
        if len(node.shape) != 2 or node.shape[1] < 3 or node.shape not in shapes or (node.shape[0], 1) not in shapes:
            continue
        if any(kind_of(user) == "mul" and {*user.inputs} == {node, None} for user in scene.between):
            continue  # the loss of quantiles weighs the two signs
        n, k = node.shape
        for numbers in arrays(node):
            classes = np.unique(numbers)
            if numbers.shape == (n, 1) and np.isin(classes, np.arange(k)).all() and 2 * len(classes) >= k:
                return {"k": k, "shape": node.shape}
    return None


@certain("hinge of 0 and 1", "a hinge loss multiplies the score by targets of 0 and 1",
         "the hinge loss gets targets of 0 and 1: where the target is 0, it does not depend on the score, so that "
         "class is never learned. Use -1 and 1, targets 2 * y - 1", graph=True)  # fmt: skip
def hinge_of_bits(scene: Scene) -> Seen:
    hinges = [node.inputs for node in scene.between if node.primitive.name in ("relu", "maximum", "clamp")]
    margins: list[Any] = [next((source for source in inputs if source is not None), None) for inputs in hinges]
    terms = [node_behind(term) for m in margins if kind_of(m) in ("sub", "add") for term in m.inputs]
    return any(
        {*np.unique(y).tolist()} in ({0.0, 1.0}, {0.0, -1.0})  # 1 - y * score, or 1 + -y * score
        for term in terms
        if kind_of(term) == "mul" and node_behind(scene.output) in map(node_behind, term.inputs)
        for y in arrays(term)
    )


@certain("compared with itself", "the loss or its gradient is 0, and it subtracts a result from itself",
         "the loss compares the prediction with itself, so nothing is learned: give it the targets", graph=True,
         assumes=0.55)  # fmt: skip
def compared_with_itself(scene: Scene) -> Seen:
    zero = bool(scene.losses) and not any(scene.losses)  # and not once all is learned
    for node in scene.between if zero or scene.is_flat(max(3, len(scene.samples))) else ():
        left, right = map(node_behind, node.inputs) if node.primitive.name == "sub" else (None, None)
        if left is right is not None:
            return True
        # one side may be computed again, or be cut off from the graph
        result, others = scene.values.get(left or right), [*arrays(node), scene.values.get(right) if left else None]
        if result is not None and result.any() and any(np.array_equal(a, result) for a in others if a is not None):
            return True
    return False


@certain("compared with itself", "a ratio of probabilities is 1, and passes no gradient",
         "the ratio of new and old probabilities is exp(x - x) = 1, and its gradient 0, as both come from the same "
         "parameters: keep the old log-probabilities from the time of acting, old = log_prob.detach()", graph=True,
         assumes=0.5)  # fmt: skip
def ratio_of_itself(scene: Scene) -> Seen:
    exponents: list[Any] = [node.inputs[0] for node in scene.between if node.primitive.name == "exp"]
    for source in exponents:
        if kind_of(source) == "sub" and None not in source.inputs:
            left, right = map(scene.values.get, map(node_behind, source.inputs))
            same = scene.is_flat(3) and left is not None and right is not None and np.array_equal(left, right)
            if same or source.inputs[0] is source.inputs[1]:
                return True
    return False


@certain("penalty too strong", "a penalty on squared weights shrinks them by 2 % a step, or is nine tenths of the loss",
         "the penalty of {penalty:g} times the squared weights pulls the weights to 0 more strongly than the rest of "
         "the loss moves them; a weight decay of 1e-5 to 1e-2 is usual", assumes=0.7)  # fmt: skip
def strong_penalty(scene: Scene) -> Seen:
    if scene.penalty <= 0 or not scene.samples:
        return None
    first, last = scene.samples[0], scene.samples[-1]
    shrinks = 2 * scene.penalty * max(last.learning_rates, default=0.0)
    plain = scene.optimizer is None or "betas" not in scene.optimizer.param_groups[0]
    before, whole = (scene.penalty * sum(size * size for size in s.sizes.values()) for s in (first, last))
    learned = last.loss - whole < 0.1 * (first.loss - before)  # then there is little else left
    outweighs = last.step >= 50 and whole > 0.9 * last.loss > 0 and not learned
    return ((plain and shrinks > 0.02 and len(scene.samples) >= 3) or outweighs) and {"penalty": scene.penalty}


@certain("uphill", "a penalty on squared weights has a factor below 0",
         "the loss subtracts {penalty:g} times the squared weights, so it falls as the weights grow, without end: the "
         "sign of the penalty is wrong. Add it, loss + lambda * (w**2).sum()", assumes=0.7)  # fmt: skip
def rewarded_weights(scene: Scene) -> Seen:
    return scene.penalty < 0 and len(scene.samples) >= 3 and {"penalty": -scene.penalty}


@certain("label smoothing too strong", "the labels count less than half, beside all classes",
         "the label smoothing gives {share:.0%} of each target to all classes alike, so the label hardly counts, and "
         "the loss stays near ln(classes): 0.1 is usual", graph=True, assumes=0.8)  # fmt: skip
def strong_smoothing(scene: Scene) -> Seen:
    parts = [(nodes_between(scene.output, term), factor) for term, factor in terms(scene.loss)]
    # all classes count alike; those of a teacher (distillation) have weights
    weighed = [{"weighed" for node in part if any(a.size > 1 for a in arrays(node))} for part, _ in parts]
    found = [({*map(kind_of, part)} | mark, factor) for (part, factor), mark in zip(parts, weighed)]
    labels = [factor for names, factor in found if "cross_entropy" in names]
    smooth = any("log_softmax" in names and names.isdisjoint(("cross_entropy", "weighed")) for names, _ in found)
    return len(found) == 2 and smooth and 0 < min(labels, default=0) < 0.5 and {"share": 1 - labels[0]}


@certain("penalty too strong", "a penalty on absolute weights makes nine tenths of the first gradients",
         "the penalty of {penalty:g} times the absolute weights moves each weight towards 0, and past it, by more than "
         "the rest of the loss, whatever the data say: make it much smaller, such as 1e-4", assumes=0.8)  # fmt: skip
def strong_lasso(scene: Scene) -> Seen:
    pull = scene.lasso * math.sqrt(sum(p.numel() for p in scene.model.parameters() if p.requires_grad))
    first = scene.samples[:3]
    return len(first) == 3 and pull > 0.9 * max(s.gradient for s in first) and {"penalty": scene.lasso}


@explains("loss summed", f"the loss is a sum over {SUMMED} examples or more, and the steps are too long",
          "the loss is a sum over {n} examples, so the gradient is {n} times that of their mean, and the learning rate "
          "is too high for it: take the mean (.mean(), reduction='mean')",
          symptoms=("exploding gradients", "updates too large", "not finite"), assumes=1.3)  # fmt: skip
def summed(scene: Scene) -> Seen:
    return scene.summed >= SUMMED and {"n": scene.summed}


@explains("loss scaled down", "the mean over the examples is divided by 50 or more, with plain SGD",
          "the loss is {factor:.2g} times a mean over the examples, and so is the gradient: divide by the number of "
          "examples once", symptoms=("loss does not fall", "updates too small"), assumes=0.9)  # fmt: skip
def scaled_down(scene: Scene) -> Seen:
    groups = scene.optimizer.param_groups if scene.optimizer is not None else [{}]
    return 0 < scene.factor <= 0.02 and "betas" not in groups[0] and {"factor": scene.factor}


@explains("no lower end", "the loss has fallen as far below 0 as it was from 0 at first, and still falls",
          "the loss falls without end, from {first:.3g} to {last:.3g}: it has no lower end, so the numbers grow until "
          "they overflow. Is its sign wrong, or a logarithm missing? A loss to minimize is 0 at best",
          symptoms=("exploding gradients", "updates too large", "not finite"), assumes=1.3)  # fmt: skip
def bottomless(scene: Scene) -> Seen:
    known = scene.known
    if not known or scene.adversarial:
        return None
    first, last = known[0], known[-1]
    # a rate that is too high makes the loss rise; one that falls while the gradient grows has no lower end
    falls = len(known) > 10 and last < min(-1.0, -abs(first)) and last <= min(known[-10:])
    return (falls or last < min(-10.0, -10 * abs(first))) and {"first": first, "last": last}
