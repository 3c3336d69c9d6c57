"""Causes of a sick training run, in the model, the batch and the loss: what a symptom in the numbers may come from.

Some are certain as soon as they are seen (a softmax before a loss that applies one, parameters that no optimizer has);
the others explain a symptom and are said with it. Each function yields (kind, text), or nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.teach.samples import Sample, listed, named

Said = tuple[str, str]

_MOVES = {"reshape", "permute", "getitem", "to", "clone", "expand"}
"""Primitives that hand the numbers on as they are."""

WIDE, OFF_CENTRE = 30.0, 5.0
"""Inputs count as badly scaled if the largest is beyond `WIDE`, or if their mean is `OFF_CENTRE` standard deviations
and more than `OFF_CENTRE` away from 0. Usual are inputs of mean 0 and standard deviation 1 (CS231n, "Data
preprocessing")."""
UNLIKE = 1e3
"""The ratio of the standard deviations of two features that counts as a difference in scale."""
LARGE_TARGET = 100.0
"""The absolute value of a target of a regression beyond which it should be scaled."""
UPHILL = 0.1
"""The cosine between update and gradient above which a step goes uphill."""

CAUSES = {
    "not registered": "parameters lie in a plain list, tuple or dictionary of a module",
    "uphill": f"the cosine between update and gradient is above {UPHILL} in five samples in a row",
    "no gradient": "a layer gets no gradient in five samples in a row, while others do",
    "no activation": "a linear layer follows a linear layer, and is no bottleneck",
    "softmax twice": "the scores of a cross entropy come from a softmax",
    "sigmoid twice": "the scores of a loss with a sigmoid come from a sigmoid",
    "all pairs": "the loss broadcasts (N, 1) against (N,)",
    "not shuffled": "each of five batches in a row has one class only, and not always the same",
    "overfitting": "the validation loss is 10 % above its lowest in three logs in a row, and the training loss falls",
    "equal weights": "the weights of a layer are the same for each unit",
    "inputs of unlike scale": f"the standard deviations of two features differ by more than {UNLIKE:g} times",
    "inputs not centred": f"the mean of the inputs is {OFF_CENTRE:g} standard deviations, and {OFF_CENTRE:g}, from 0",
    "inputs too large": f"an input is beyond {WIDE:g}",
    "targets too large": f"a target is beyond {LARGE_TARGET:g}",
    "dropout too strong": "a layer drops 90 % of its inputs or more",
    "batch too small": "batch normalization over four examples or fewer",
    "weight decay too strong": "the decay is three times as long as the gradient, or shrinks the weights by 2 % a step",
    "saturated": "most results of a hidden tanh or sigmoid are at its ends",
}
"""When each cause is said."""


@dataclass
class Batch:
    """The inputs of a step: their range, mean and standard deviation, and the scales of the features."""

    shape: tuple[int, ...]
    low: float
    high: float
    mean: float
    std: float
    nan: bool
    scales: tuple[float, float] = (1.0, 1.0)

    @staticmethod
    def of(array: np.ndarray) -> Batch | None:
        """Return the statistics of an array of floats; None for other inputs, such as indices."""
        if array.dtype.kind != "f" or not array.size:
            return None
        with np.errstate(all="ignore"):
            nan = bool(np.isnan(array).any())
            numbers = array[np.isfinite(array)].astype(np.float64) if nan else array.astype(np.float64)
            if not numbers.size:
                return Batch(array.shape, math.nan, math.nan, math.nan, math.nan, nan)
            scales = (1.0, 1.0)
            if array.ndim == 2 and len(array) > 3 and not nan:
                deviations = numbers.std(axis=0)
                used = deviations[deviations > 0]
                scales = (float(used.min()), float(used.max())) if used.size else scales
            low, high, mean, std = (float(f(numbers)) for f in (np.min, np.max, np.mean, np.std))
            return Batch(array.shape, low, high, mean, std, nan, scales)


@dataclass
class Scene:
    """What a run looks like from outside its numbers.

    Attributes:
        model: the model.
        optimizer: its optimizer, or None.
        batch: the inputs of the latest sampled step.
        output: the node of the model's output in that step.
        loss: the node of the loss, where it is known.
        uphill: the cosine between update and gradient in the latest samples.
        layers: the names of the layers with trainable parameters.
        labels: in each sample the class that all targets had, None if they differed.
    """

    model: Module
    optimizer: Any
    batch: Batch | None = None
    output: Any = None
    loss: Any = None
    uphill: list[float] = field(default_factory=list)
    labels: list[int | None] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)


# ---- certain as soon as they are seen --------------------------------------------------------------------------


def certain(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """Yield the causes that need no symptom."""
    yield from no_gradient(scene, samples)
    if len(samples) >= 10:
        yield from saturated(scene.model, samples)
    yield from unregistered(scene.model)
    yield from optimizer_of_another_model(scene)
    yield from uphill(scene)
    if scene.batch is not None and scene.batch.nan:
        yield "not finite", "the batch has nan in its inputs: look for missing values in the data"
    if scene.output is not None:
        yield from no_activation(scene)
    if scene.loss is not None and scene.output is not None:
        between = nodes_between(scene.output, scene.loss)
        yield from applied_twice(between)
        yield from all_pairs(between)
    yield from one_class(scene)


def unregistered(model: Module) -> Iterator[Said]:
    """Parameters in a plain list, which no optimizer sees."""
    for attribute, what in model.unregistered():
        yield (
            "not registered",
            f"{class_name(model)}.{attribute} is {what}; model.parameters() does not look into it, so the optimizer "
            "does not train it",
        )


def optimizer_of_another_model(scene: Scene) -> Iterator[Said]:
    """An optimizer that has no parameter of the model."""
    if scene.optimizer is None:
        return
    given = {id(p) for group in scene.optimizer.param_groups for p in group["params"]}
    own = [p for p in scene.model.parameters() if p.requires_grad]
    if own and not any(id(p) in given for p in own):
        yield (
            "not updated",
            "the optimizer has none of the model's parameters: was it made for another model, or before the layers "
            "were replaced? Make it anew, optim.SGD(model.parameters(), …)",
        )


def uphill(scene: Scene) -> Iterator[Said]:
    """Updates along the gradient instead of against it."""
    if len(scene.uphill) >= 5 and all(cosine > UPHILL for cosine in scene.uphill[-5:]):
        yield (
            "uphill",
            "the steps go uphill, along the gradient instead of against it: the sign of the update is wrong. It is "
            "x += -learning_rate * dx; a negative learning rate does the same",
        )


def no_gradient(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """Trainable layers that the backward pass does not reach."""
    recent = samples[-5:]
    if len(recent) < 5 or not any(recent[-1].gradients.values()):
        return
    without = [layer for layer in scene.layers if not any(layer in sample.gradients for sample in recent)]
    if without:
        yield (
            "no gradient",
            f"{listed(without)} {'gets' if len(without) == 1 else 'get'} no gradient: between there and the "
            "loss the graph is cut (detach(), .data, .numpy(), no_grad()), or the result is not used",
        )


def no_activation(scene: Scene) -> Iterator[Said]:
    """A linear layer on a linear layer, which together are one linear layer."""
    parameters = {p.node: name for name, p in scene.model.named_parameters() if p.node is not None}
    nodes = list(_nodes(scene.output))
    users = Counter(source for node in nodes for source in node.inputs)
    for node in nodes:
        inner = node_behind(node.inputs[0]) if _is_layer(node, parameters) else None
        if inner is not None and _is_layer(inner, parameters) and users[inner] == 1:
            inputs, hidden = _sizes(inner)
            _, outputs = _sizes(node)
            if hidden >= min(inputs, outputs):  # otherwise it is a bottleneck, which means something
                first, second = (
                    parameters[node_behind(n.inputs[1])].rpartition(".")[0] or "the first layer" for n in (inner, node)
                )
                yield (
                    "no activation",
                    f"there is no activation between {first} and {second}: two linear layers in a row compute what one "
                    "linear layer computes. Put a ReLU or a tanh between them",
                )
                return


def applied_twice(between: Sequence[Any]) -> Iterator[Said]:
    """A softmax or sigmoid before a loss that applies it itself."""
    for node in between:
        name = node.primitive.name
        before = node_behind(node.inputs[0])
        kind = before.primitive.name if before is not None and before.primitive is not None else ""
        if name in ("cross_entropy", "log_softmax", "logsumexp") and kind == "softmax":
            yield (
                "softmax twice",
                "the model ends with a softmax, and the loss applies a softmax again: give the loss the scores, "
                "without the softmax",
            )
        elif name in ("softplus", "logaddexp") and _through_sign(node) == "sigmoid":
            yield (
                "sigmoid twice",
                "the model ends with a sigmoid, and the loss applies a sigmoid again: give the loss the scores, "
                "without the sigmoid (logits)",
            )


def all_pairs(between: Sequence[Any]) -> Iterator[Said]:
    """A difference of (N, 1) and (N,), which broadcasts to all pairs."""
    for node in between:
        shapes = [shape for shape in _operand_shapes(node) if shape]
        if len(shapes) == 2 and node.primitive.name in ("sub", "mul", "div", "add") and len(node.shape) == 2:
            a, b = shapes
            column, row = (a, b) if len(a) == 2 else (b, a)
            n = node.shape[0]
            if len(column) == 2 and column == (n, 1) and row in ((n,), (1, n)) and n > 1:
                yield (
                    "all pairs",
                    f"the loss broadcasts {column} against {row} to {node.shape}: it compares every prediction with "
                    "every target. Give both the same shape, such as targets[:, None] or predictions.squeeze(1)",
                )
                return


def one_class(scene: Scene) -> Iterator[Said]:
    """Batches of a single class each, one class after the other."""
    recent = scene.labels[-5:]
    if len(recent) == 5 and None not in recent and len({*scene.labels} - {None}) > 1:
        yield (
            "not shuffled",
            "each batch has examples of one class only, so the model forgets the others: shuffle the examples "
            "(DataLoader(..., shuffle=True))",
        )


def label_of(loss: Any, output: Any) -> int | None:
    """Return the class of all targets of a cross entropy, None if they differ or there is none."""
    for node in nodes_between(output, loss):
        target = (
            (getattr(node, "parameters", None) or {}).get("target") if node.primitive.name == "cross_entropy" else None
        )
        if isinstance(target, np.ndarray) and target.size > 3 and (target == target.flat[0]).all():
            return int(target.flat[0])
    return None


def overfitted(losses: Sequence[float], validation: Sequence[tuple[int, float]]) -> Iterator[Said]:
    """A validation loss that rises while the training loss falls.

    Args:
        losses: of all steps.
        validation: pairs of a step and the validation loss then.
    """
    known = [(step, loss) for step, loss in validation if math.isfinite(loss)]
    if len(known) < 6:
        return
    at, best = min(known, key=lambda pair: pair[1])
    since = [loss for step, loss in known if step > at]

    def training(step: int) -> float:
        return float(np.nanmean(losses[max(0, step - 20) : step] or [math.nan]))

    if len(since) >= 3 and min(since[-3:]) > 1.1 * best > 0 and training(known[-1][0]) < training(at):
        yield (
            "overfitting",
            f"the model overfits: the validation loss was lowest at step {at}, {best:.3g}, and is {since[-1]:.3g} now, "
            "while the training loss still falls. Stop at the lowest (early stopping), or use more data, weight decay, "
            "dropout or a smaller model",
        )


# ---- explanations of a symptom ---------------------------------------------------------------------------------


def explanations(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """Yield what may be behind a symptom, the likeliest first."""
    yield from equal_weights(scene.model)
    yield from badly_scaled(scene)
    yield from large_targets(scene)
    yield from settings(scene, samples)
    yield from saturated(scene.model, samples)


def equal_weights(model: Module) -> Iterator[Said]:
    """Weights that are all the same number, so that all units of a layer stay the same."""
    for path, module in model.named_modules():
        weight = module._parameters.get("weight")
        if weight is None or weight.ndim < 2 or min(weight.shape) < 2 or not weight.numel():
            continue
        array = weight._array
        if (array == array.flat[0]).all() or (array == array[:1]).all():
            what = "0" if not array.any() else "the same for each unit"
            yield (
                "equal weights",
                f"the weights of {named(path, module)} are all {what}: its units get the same gradient and stay the "
                "same. Initialize them at random, as nn.init.kaiming_normal_ does",
            )
            return


def badly_scaled(scene: Scene) -> Iterator[Said]:
    """Inputs that are far from mean 0 and standard deviation 1."""
    b = scene.batch
    if b is None or not math.isfinite(b.std) or _normalizes_first(scene.model):
        return
    if b.std and b.scales[1] > UNLIKE * b.scales[0] and b.scales[1] > 1:
        yield (
            "inputs of unlike scale",
            f"the features of the inputs have scales from {b.scales[0]:.2g} to {b.scales[1]:.2g}: standardize each "
            "feature, X = (X - X.mean(0)) / X.std(0)",
        )
    elif abs(b.mean) > OFF_CENTRE and abs(b.mean) > OFF_CENTRE * b.std:
        yield (
            "inputs not centred",
            f"the inputs have a mean of {b.mean:.3g} and a standard deviation of {b.std:.2g}: subtract the mean and "
            "divide by the standard deviation",
        )
    elif max(-b.low, b.high) > WIDE:
        divide = "divide by 255, or standardize" if b.low >= 0 and 100 < b.high <= 255 else "standardize"
        yield (
            "inputs too large",
            f"the inputs go from {b.low:.3g} to {b.high:.3g}: {divide} them, so that they are about 1",
        )


def large_targets(scene: Scene) -> Iterator[Said]:
    """Targets that are far from 1."""
    if scene.loss is None or scene.output is None:
        return
    for node in nodes_between(scene.output, scene.loss):
        for constant in (getattr(node, "constants", None) or {}).values():
            array = getattr(constant, "_array", getattr(constant, "value", None))
            if isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.ndim and array.size:
                size = float(np.abs(array).max())
                if node.primitive.name == "sub" and LARGE_TARGET < size < math.inf:
                    yield (
                        "targets too large",
                        f"the targets {large(size)}",
                    )
                    return


def large(size: float) -> str:
    """Say that targets are as large as this, and what to do."""
    return f"are as large as {size:.3g}: standardize them, so that they are about 1, and scale the predictions back"


def settings(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """Settings of layers and of the optimizer that stop learning."""
    for path, module in scene.model.named_modules():
        p = getattr(module, "p", None)
        if type(module).__name__.startswith("Dropout") and isinstance(p, float) and p >= 0.9:
            yield (
                "dropout too strong",
                f"{named(path, module)} drops {p:.0%} of its inputs; usual is a dropout of 0.1 to 0.5",
            )
    rows = scene.batch.shape[0] if scene.batch is not None and scene.batch.shape else 0
    for path, module in scene.model.named_modules():
        if type(module).__name__ == "BatchNorm1d" and scene.batch is not None and 0 < rows <= 4:
            yield (
                "batch too small",
                f"{named(path, module)} normalizes over a batch of {rows}: its mean and variance are noise. Use larger "
                "batches, or layer normalization",
            )
            break
    last = samples[-1]
    for group in scene.optimizer.param_groups if scene.optimizer is not None else ():
        decay = group.get("weight_decay", 0) or 0
        sizes, gradients = math.hypot(*last.sizes.values()), last.gradient
        if decay and (decay * sizes > 3 * gradients or decay * float(group["lr"]) > 0.02):
            yield (
                "weight decay too strong",
                f"the weight decay of {decay:g} pulls the weights to 0 more strongly than the gradient moves them; "
                "usual is 1e-5 to 1e-2",
            )
            return


def saturated(model: Module, samples: Sequence[Sample]) -> Iterator[Said]:
    """Activations at their flat ends."""
    kinds = {named(path, module): class_name(module) for path, module in model.named_modules()}
    kinds.popitem()  # the last layer may be at its ends, as the targets are
    recent = samples[-5:]
    for layer, kind in kinds.items():
        found = [s.outputs[layer] for s in recent if layer in s.outputs]
        if len(found) < len(recent) or kind not in ("Tanh", "Sigmoid"):
            continue
        squares = [o.mean**2 + o.std**2 for o in found]
        flat = (
            all(q > 0.9 for q in squares) if kind == "Tanh" else all(o.mean - q < 0.03 for o, q in zip(found, squares))
        )
        if flat:
            yield (
                "saturated",
                f"{layer} is saturated: most of its results are at its ends, where its derivative is almost 0. Use "
                "smaller initial weights (nn.init.xavier_uniform_) or smaller inputs",
            )
            return


# ---- the graph -------------------------------------------------------------------------------------------------


def _nodes(end: Any) -> Iterator[Any]:
    from minigrad.engine import reverse_topological_order

    return (node for node in reverse_topological_order([end]) if node.primitive is not None)


def nodes_between(output: Any, loss: Any) -> list[Any]:
    """Return the nodes between the model's output and the loss."""
    found, pending, seen = [], [loss], {output}
    while pending:
        node = pending.pop()
        if node in seen or node.primitive is None:
            continue
        seen.add(node)
        found.append(node)
        pending += [source for source in node.inputs if source is not None]
    return found


def node_behind(node: Any) -> Any:
    """Return the node whose numbers this one hands on."""
    while node is not None and node.primitive is not None and node.primitive.name in _MOVES:
        node = node.inputs[0]
    return node


def _through_sign(node: Any) -> str:
    """Return the name of the primitive behind a sign and moves."""
    source = node_behind(next((s for s in node.inputs if s is not None), None))
    while source is not None and source.primitive is not None and source.primitive.name in ("neg", *_MOVES):
        source = node_behind(source.inputs[0])
    return source.primitive.name if source is not None and source.primitive is not None else ""


def _is_layer(node: Any, parameters: dict[Any, str]) -> bool:
    return (
        node is not None
        and node.primitive is not None
        and node.primitive.name == "linear"
        and node_behind(node.inputs[1]) in parameters
    )


def _sizes(node: Any) -> tuple[int, int]:
    """Return the numbers of inputs and outputs of a linear layer."""
    outputs, inputs = node_behind(node.inputs[1]).shape
    return inputs, outputs


def _operand_shapes(node: Any) -> list[tuple[int, ...]]:
    constants = getattr(node, "constants", None) or {}
    operands = [source if source is not None else constants.get(i) for i, source in enumerate(node.inputs)]
    return [tuple(getattr(o, "shape", ())) for o in operands]


def _normalizes_first(model: Module) -> bool:
    """Return whether the first layer normalizes its inputs."""
    for _, module in model.named_modules():
        if module._parameters or "Norm" in type(module).__name__:
            return "Norm" in type(module).__name__
    return False
