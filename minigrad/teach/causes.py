"""Causes of a sick training run, in the model, the batch and the loss: what a symptom in the numbers may come from.

Some are certain as soon as they are seen (a softmax before a loss that applies one, parameters that no optimizer has);
the others explain a symptom and are said with it. Each function yields (kind, text), or nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.nn.module import Module, Parameter
from minigrad.nn.recurrent import GRU, LSTM, RNN
from minigrad.output.words import class_name
from minigrad.teach import loss_graph
from minigrad.teach.loss_graph import Said, node_behind, nodes_between
from minigrad.teach.samples import Outputs, Sample, listed, named
from minigrad.tensors.tensor import Tensor

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
RISEN = 2.0
"""A loss that short steps raised to this many times its first value is maximized, if it rises as it should fall."""
UNLIKELY = 10.0
"""A loss at the start of this many times the cost of guessing comes from scores that are too large."""
TINY = 1e-2
"""Inputs whose numbers are all below this count as too small."""
SKIPPED = 20
"""The number of samples for which a layer that was never called may be without a gradient."""
THROUGH_TIME = 1e-6
"""The part of a gradient that must reach the first step of a sequence."""
SUMMED = 32
"""The number of examples from which a sum over them makes the steps too long."""
FADED = 1e-3
"""The fraction of the highest learning rate below which it has decayed to nothing."""

CAUSES = {
    "not registered": "parameters lie in a plain list, tuple or dictionary of a module",
    "uphill": f"the cosine between update and gradient is above {UPHILL} in five samples in a row",
    "no gradient": "a layer gets no gradient in five samples in a row, while others do",
    "no backward": "no parameter has a gradient at the update, in five samples in a row",
    "flat loss": "a gradient arrives, and is exactly 0 in five samples in a row, and the loss is not 0",
    "same examples": "all examples of a batch are the same, in five samples in a row",
    "not in the optimizer": "some parameters of a layer have a gradient, and the optimizer does not have them",
    "no activation": "a linear layer or convolution follows another, and is no bottleneck",
    "softmax twice": "the scores of a cross entropy come from a softmax",
    "scores limited": "the scores of a cross entropy come from a relu, tanh or sigmoid",
    "dropout of the scores": "a dropout follows the last layer",
    "softmax of one number": "the model ends with a softmax over an axis of size 1",
    "softmax over the batch": "the probabilities of a negative log-likelihood come from a softmax over axis 0",
    "logarithm missing": "minus a score or a probability is the loss",
    "one score": "a cross entropy gets one score for each example",
    "targets out of range": "a target lies outside the range of the last activation",
    "initial weights too large": f"the first loss is {UNLIKELY:g} times the cost of guessing",
    "evaluation mode": "a model with dropout or batch normalization was in training mode, and is trained in the other",
    "validated in training mode": "a model with dropout or batch normalization computes a validation loss in training "
    "mode",
    "one class only": "all targets of ten batches are one class of three or more",
    "sigmoid twice": "the scores of a loss with a sigmoid come from a sigmoid",
    "all pairs": "the loss broadcasts (N, 1) against (N,)",
    "not shuffled": "each of five batches in a row has one class only, and not always the same",
    "overfitting": "the validation loss is 10 % above its lowest in three logs in a row, and the training loss falls",
    "equal weights": "the weights of a layer are the same for each unit",
    "inputs of unlike scale": f"the standard deviations of two features differ by more than {UNLIKE:g} times",
    "inputs not centred": f"the mean of the inputs is {OFF_CENTRE:g} standard deviations, and {OFF_CENTRE:g}, from 0",
    "inputs too large": f"an input is beyond {WIDE:g}",
    "inputs too small": f"no input is beyond {TINY:g}",
    "inputs all 0": "all inputs are 0 in five samples in a row",
    "gradient clipped": "each gradient has the same norm, and the steps are too short",
    "momentum too high": "a momentum above 0.99",
    "rate decayed": f"for half of the run, the learning rate is below {FADED:g} of its highest",
    "targets too large": f"a target is beyond {LARGE_TARGET:g}",
    "loss summed": "the loss is a sum over 32 examples or more, and the steps are too long",
    "penalty too strong": "a penalty on squared weights shrinks them by 2 % a step, or is nine tenths of the loss",
    "betas swapped": "the first beta of an Adam is above 0.99 and above the second",
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
        goal: 1 if the loss must be minimized, -1 if it must be maximized, 0 where that is not known.
        guessing: the loss of guessing, nan where it is not known.
        adversarial: whether other parameters than the model's lie between its output and the loss.
        training: in each sample whether the model was in training mode.
        validated_in_training: whether a validation loss was computed in training mode.
        still: names of parameters that have a gradient, do not change, and are not the optimizer's.
        moved: names of layers and parameters that something else than the optimizer updates.
        zeros: in each sample whether all inputs were 0.
        same: in each sample whether all examples of the batch were the same.
        batches: the statistics of the batches of the latest two samples.
        called: the names of the modules that were called in a sampled step.
        lengths: the number of time steps of each recurrent layer in the latest sample.
        connected: whether the loss depends on the model's output; None where that is not known.
        penalty: the factor of the sum of a parameter's squares in the loss.
        summed: the number of examples that the loss is a sum over, 0 for other losses.
        own_targets: whether the targets come from the model itself, as in temporal differences: they move with it.
    """

    model: Module
    optimizer: Any
    batch: Batch | None = None
    output: Any = None
    loss: Any = None
    uphill: list[float] = field(default_factory=list)
    labels: list[int | None] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)
    goal: int = 0
    guessing: float = math.nan
    adversarial: bool = False
    training: list[bool] = field(default_factory=list)
    validated_in_training: bool = False
    still: list[str] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)
    zeros: list[bool] = field(default_factory=list)
    same: list[bool] = field(default_factory=list)
    batches: list[Batch | None] = field(default_factory=list)
    called: set[str] = field(default_factory=set)
    lengths: dict[str, int] = field(default_factory=dict)
    connected: bool | None = None
    penalty: float = 0.0
    summed: int = 0
    own_targets: bool = False

    def look_at_loss(self, loss: Any, output: Any, predicted: bool = False) -> None:
        """Note what the graph of the loss shows.

        Args:
            loss, output: the nodes.
            predicted: whether the model was called without recording in this step.
        """
        self.loss, self.output = loss, output
        between = nodes_between(output, loss)
        self.labels.append(loss_graph.label_of(between))
        self.goal, self.adversarial = loss_graph.goal(loss), loss_graph.other_parameters(between)
        self.guessing = loss_graph.guessing(loss, output)
        self.connected = loss is output or any(output in node.inputs for node in between)
        self.penalty = loss_graph.penalty(loss, {p.node for p in self.model.parameters() if p.node is not None})
        self.summed = loss_graph.summed(loss)
        bootstrapped = predicted and any(True for _ in loss_graph.targets(between, output))
        self.own_targets = bootstrapped or loss_graph.learns_values(between)

    @property
    def has_modes(self) -> bool:
        """Whether the model computes something else in evaluation mode."""
        kinds = [class_name(module) for module in self.model.modules()]
        return any(kind.startswith(("Dropout", "AlphaDropout", "BatchNorm", "InstanceNorm")) for kind in kinds)


# ---- certain as soon as they are seen --------------------------------------------------------------------------


def certain(scene: Scene, samples: Sequence[Sample], losses: Sequence[float]) -> Iterator[Said]:
    """Yield the causes that need no symptom."""
    if scene.batch is not None and scene.batch.nan:
        yield "not finite", "the batch has nan in its inputs: look for missing values in the data"
    if scene.output is not None and len(samples) <= 3:
        yield from loss_graph.one_unit(scene.output)
    yield from no_backward(scene, samples)
    yield from flat_loss(samples)
    yield from no_gradient(scene, samples)
    yield from constant_parameters(scene, samples)
    yield from unregistered(scene.model)
    yield from optimizer_of_another_model(scene)
    yield from not_in_the_optimizer(scene, samples)
    yield from uphill(scene, losses)
    yield from negated(scene, samples, losses)
    again = len(samples) <= 3 or len(samples) % 8 == 0  # the graph of most steps is the same
    if scene.output is not None and again:
        yield from no_activation(scene)
    if scene.loss is not None and scene.output is not None and again:
        between = nodes_between(scene.output, scene.loss)
        yield from loss_graph.applied_twice(between)
        yield from loss_graph.over_the_batch(between)
        yield from loss_graph.binary_targets(between)
        yield from loss_graph.squashed_scores(between)
        yield from loss_graph.without_logarithm(between)
        yield from loss_graph.all_pairs(between)
        yield from loss_graph.out_of_range(between, scene.output)
    yield from unlikely_start(scene, samples, losses)
    yield from zero_inputs(scene)
    yield from same_examples(scene)
    yield from classes(scene)
    yield from modes(scene)
    yield from strong_decay(scene)
    yield from strong_penalty(scene, samples)
    yield from strong_dropout(scene.model, scene.output if again else None)
    yield from swapped_betas(scene)
    yield from two_rows(scene, samples)
    if len(samples) >= 10:
        yield from saturated_from_the_start(scene, samples)


def no_backward(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """Updates without any gradient, from the start."""
    if len(samples) < 5 or any(any(sample.gradients.values()) for sample in samples):
        return
    recent = samples[-5:]
    if any(sample.arrived for sample in recent):
        yield (
            "no backward",
            "no parameter has a gradient when the optimizer steps: zero_grad() stands between backward() and step(). "
            "The order is zero_grad(), backward(), step()",
        )
    elif all(sample.arrived is None and not sample.gradients for sample in recent):
        yield (
            "no backward",
            "no parameter has a gradient when the optimizer steps: the loss does not depend on the model's output, "
            "since the graph is cut between them (detach(), .data, .numpy(), no_grad())"
            if scene.connected is False
            else "no parameter has a gradient when the optimizer steps: call loss.backward() between zero_grad() and "
            "step(). If you do, the graph is cut (detach(), .data, .numpy(), no_grad())",
        )


def flat_loss(samples: Sequence[Sample]) -> Iterator[Said]:
    """A gradient of exactly 0 at a loss that is not: the loss does not change with any parameter."""
    recent = samples[-5:]
    if len(recent) == 5 and all(
        sample.arrived is False and not any(sample.gradients.values()) and sample.loss > 0 for sample in recent
    ):
        yield (
            "flat loss",
            f"the loss is {recent[-1].loss:.3g}, and each gradient is exactly 0: the loss is flat there. Look between "
            "the model's last layer and the loss for a relu, clamp or maximum at its flat end (a hinge with targets "
            "other than -1 and 1), rounding or a comparison",
        )


def constant_parameters(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """The lecture's loop without an update of the network's x."""
    recent = samples[-5:]
    if scene.optimizer is None and len(recent) == 5 and all(s.gradient and not any(s.updates.values()) for s in recent):
        yield (
            "not updated",
            "x does not change from step to step: x = x - learning_rate * dx makes a new array, which the network does "
            "not have; x += -learning_rate * dx changes the network's own. (Or the rate is so small that the step is "
            "rounded away)",
        )


def not_in_the_optimizer(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """Parameters of a layer that the optimizer lacks, while it has others of the same layer."""
    lacking = [name for name in scene.still if name not in scene.moved]
    if len(samples) >= 5 and lacking:
        yield (
            "not in the optimizer",
            f"{listed(lacking)} {'has' if len(lacking) == 1 else 'have'} a gradient, but the optimizer was not given "
            f"{'it' if len(lacking) == 1 else 'them'}: optim.SGD(model.parameters(), …)",
        )


def unregistered(model: Module) -> Iterator[Said]:
    """Parameters in a plain list, and tensors for parameters, which no optimizer sees."""
    for module in model.modules():
        for name, value in vars(module).items():
            if isinstance(value, Tensor) and not isinstance(value, Parameter) and value.requires_grad and value.is_leaf:
                yield (
                    "not registered",
                    f"{class_name(module)}.{name} is a tensor that requires a gradient, but no parameter, so "
                    f"model.parameters() does not have it: self.{name} = nn.Parameter(...)",
                )
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


def uphill(scene: Scene, losses: Sequence[float]) -> Iterator[Said]:
    """Updates along the gradient instead of against it; against it, where the loss must be maximized."""
    recent = scene.uphill[-5:]
    if len(recent) < 5:
        return
    # a likelihood or a reward may well be climbed
    climbs = scene.goal < 0 or (scene.goal == 0 and not any(loss > 0 for loss in losses))
    if not climbs and all(cosine > UPHILL for cosine in recent):
        yield (
            "uphill",
            "the steps go uphill, along the gradient instead of against it: the sign of the update is wrong. It is "
            "x += -learning_rate * dx; a negative learning rate and maximize=True do the same",
        )
    elif scene.goal < 0 and all(cosine < -UPHILL for cosine in recent):
        yield (
            "uphill",
            "the loss is negated, so the steps that lower it make the model worse: the sign of the loss is wrong. "
            "Minimize the cross entropy or minus the log-likelihood, without another minus",
        )


def negated(scene: Scene, samples: Sequence[Sample], losses: Sequence[float]) -> Iterator[Said]:
    """A loss that rises by as much as the steps should lower it: backward() ran from something else, such as -loss."""
    recent = [s for s in samples if math.isfinite(s.loss)]
    first = next((loss for loss in losses if math.isfinite(loss)), 0.0)
    if len(recent) < 10 or scene.adversarial or scene.goal < 0 or recent[-1].step < 20 or not first > 0:
        return
    if any(ratio > 0.1 for s in recent for ratio in s.ratios.values()) or any(s.slope > 0 for s in recent):
        return
    windows = [float(np.mean(part)) for part in np.array_split(np.array(losses), 5)]
    expected = float(np.trapezoid([s.slope for s in recent], [s.step for s in recent]))
    rise = windows[-1] - windows[0]
    if windows[-1] > RISEN * first and windows == sorted(windows) and -3 < rise / (expected or math.inf) < -0.2:
        yield (
            "uphill",
            f"the loss has risen from {first:.3g} to {windows[-1]:.3g}, by about as much as the steps should lower it: "
            "the gradient is that of the negated loss. Look for a minus too many, as in (-loss).backward()",
        )


def no_gradient(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """Trainable layers that the backward pass does not reach."""
    recent = samples[-5:]
    if len(recent) < 5 or not any(recent[-1].gradients.values()):
        return
    # an expert or a block that is skipped at random may be without a gradient for some steps
    without = [
        layer
        for layer in scene.layers
        if (layer in scene.called or len(samples) >= SKIPPED) and not any(layer in s.gradients for s in samples)
    ]
    if without:
        yield (
            "no gradient",
            f"{listed(without)} {'gets' if len(without) == 1 else 'get'} no gradient: between there and the "
            "loss the graph is cut (detach(), .data, .numpy(), no_grad()), or the result is not used",
        )


def no_activation(scene: Scene) -> Iterator[Said]:
    """A linear layer on a linear layer, or a convolution on one, which together are one linear function."""
    parameters = {p.node: name for name, p in scene.model.named_parameters() if p.node is not None}
    nodes = list(_nodes(scene.output))
    users = Counter(source for node in nodes for source in node.inputs)
    for node in nodes:
        inner = _before_bias(node_behind(node.inputs[0]), parameters) if _weight(node, parameters) is not None else None
        if inner is None or users[inner] != 1 or _weight(inner, parameters) is None:
            continue
        inputs, hidden = _sizes(inner, parameters)
        _, outputs = _sizes(node, parameters)
        # otherwise it is a bottleneck, or a convolution in two parts, which means something
        if hidden >= min(inputs, outputs) and _is_whole(inner) and (_is_whole(node) or inner.primitive.name != "conv"):
            first, second = (_layer_of(parameters[_weight(n, parameters)]) for n in (inner, node))
            which = "convolutions" if node.primitive.name == inner.primitive.name == "conv" else "linear layers"
            yield (
                "no activation",
                f"there is no activation between {first} and {second}: two {which} in a row compute what one "
                "linear function computes. Put a ReLU or a tanh between them",
            )
            return


def _layer_of(parameter: str) -> str:
    return parameter.rpartition(".")[0] or parameter


def strong_dropout(model: Module, output: Any = None) -> Iterator[Said]:
    """A dropout that leaves a tenth or less, in a module or in the graph of the output."""
    for path, module in model.named_modules():
        p = getattr(module, "p", None)
        if class_name(module).startswith("Dropout") and isinstance(p, float) and p >= 0.9:
            yield (
                "dropout too strong",
                f"{named(path, module)} drops {p:.0%} of its inputs; usual is a dropout of 0.1 to 0.5",
            )
            return
    for node in _nodes(output) if output is not None else ():
        if node.primitive.name == "mul" and (p := loss_graph.dropped(node)) > 0.9 - 1e-6:
            yield "dropout too strong", f"a dropout drops {p:.0%} of its inputs; usual is 0.1 to 0.5"
            return


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


def unlikely_start(scene: Scene, samples: Sequence[Sample], losses: Sequence[float]) -> Iterator[Said]:
    """A first loss that no guess would cost."""
    if len(samples) != 1 or not losses or scene.loss is None or scene.output is None:
        return
    between = nodes_between(scene.output, scene.loss)
    recurrent = any(class_name(module) in ("RNN", "RNNCell") for module in scene.model.modules())
    # what the answer 0 costs, for a regression, whose targets may be anywhere
    zero = next((float(np.square(array).mean()) for array in loss_graph.targets(between, scene.output)), math.nan)
    if losses[0] > UNLIKELY * scene.guessing > 0 and any(node.primitive.name == "cross_entropy" for node in between):
        costs = scene.guessing
    elif math.isfinite(scene.guessing) and losses[0] > UNLIKELY**2 * zero > 0:
        costs = zero
    else:
        return
    said = f"the first loss is {losses[0]:.3g}, and guessing costs {costs:.3g}"
    for kind, text in badly_scaled(scene):
        yield kind, f"{text}: {said}"
        return
    if recurrent and max(samples[0].ratios.values(), default=0.0) > 1:
        return  # the symptom names the layers
    if recurrent:
        yield (
            "exploding gradients",
            f"{said}: the state explodes from step to step of the sequence, and so does the gradient on its way back. "
            "Use smaller recurrent weights (nn.init.orthogonal_), nn.utils.clip_grad_norm_, or an LSTM or a GRU",
        )
    else:
        yield (
            "initial weights too large",
            f"{said}: the outputs explode on their way through the model. Use initial weights "
            "proportional to 1 / sqrt(inputs), as nn.init.kaiming_normal_ does",
        )


def same_examples(scene: Scene) -> Iterator[Said]:
    """Batches of one example, repeated."""
    if len(scene.same) >= 5 and all(scene.same) and math.isfinite(scene.guessing):
        yield (
            "same examples",
            "all examples of a batch are the same, in each batch: look at how the inputs are indexed and read",
        )


def zero_inputs(scene: Scene) -> Iterator[Said]:
    """Inputs that are all 0."""
    if len(scene.zeros) >= 5 and all(scene.zeros):
        yield (
            "inputs all 0",
            "all inputs are 0, in each batch: look at how they are read and scaled, such as a division of integers",
        )


def modes(scene: Scene) -> Iterator[Said]:
    """A model that is trained in evaluation mode, or validated in training mode."""
    if scene.validated_in_training:
        yield (
            "validated in training mode",
            "the validation loss was computed in training mode, with dropout or with the statistics of the batch: "
            "call model.eval() before it, and model.train() after it",
        )
    recent = scene.training[-3:]
    if len(recent) == 3 and not any(recent) and any(scene.training) and scene.has_modes:
        yield (
            "evaluation mode",
            "the model is trained in evaluation mode since model.eval() was called: dropout and batch normalization "
            "are off. Call model.train() after each evaluation",
        )


def strong_decay(scene: Scene) -> Iterator[Said]:
    """A weight decay that shrinks the weights by 2 % and more in a step."""
    for group in scene.optimizer.param_groups if scene.optimizer is not None else ():
        decay = group.get("weight_decay", 0) or 0
        if decay * float(group["lr"]) > 0.02:
            yield (
                "weight decay too strong",
                f"the weight decay of {decay:g} shrinks the weights by {decay * float(group['lr']):.0%} in each step; "
                "usual is 1e-5 to 1e-2",
            )
            return


def strong_penalty(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """A penalty on squared weights, in the loss, that outweighs the rest of it."""
    last = samples[-1] if samples else Sample(0)
    if scene.penalty <= 0 or not samples:
        return
    shrinks = 2 * scene.penalty * max(last.learning_rates, default=0.0)
    plain = scene.optimizer is None or "betas" not in scene.optimizer.param_groups[0]
    whole = scene.penalty * math.hypot(*last.sizes.values()) ** 2
    if (plain and shrinks > 0.02 and len(samples) >= 3) or (last.step >= 50 and whole > 0.9 * last.loss > 0):
        yield (
            "penalty too strong",
            f"the penalty of {scene.penalty:g} times the squared weights pulls the weights to 0 more strongly than the "
            "rest of the loss moves them; usual is a weight decay of 1e-5 to 1e-2",
        )


def swapped_betas(scene: Scene) -> Iterator[Said]:
    """Adam's betas in the other order."""
    for group in scene.optimizer.param_groups if scene.optimizer is not None else ():
        betas = group.get("betas")
        if betas is not None and len(betas) == 2 and betas[0] > 0.99 and betas[0] > betas[1]:
            yield (
                "betas swapped",
                f"betas={tuple(betas)} gives the momentum a beta of {betas[0]:g}, and the squares {betas[1]:g}: usual "
                "is (0.9, 0.999), the other order",
            )
            return


def two_rows(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """Batch normalization over two numbers, which leaves their order only: -1 and 1."""
    recent = samples[-3:]
    if len(recent) < 3 or scene.batch is None or not scene.batch.shape or scene.batch.shape[0] != 2:
        return
    for path, module in scene.model.named_modules():
        found = [s.outputs.get(named(path, module)) for s in recent] if class_name(module) == "BatchNorm1d" else []
        features = getattr(module, "num_features", 0)
        if found and module.training and all(o and o.histogram.counts.sum() == 2 * features for o in found):
            yield (
                "batch too small",
                f"{named(path, module)} normalizes over a batch of 2: of two numbers, one becomes -1 and the other 1, "
                "whatever they are. Use larger batches, or layer normalization",
            )
            return


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


def explanations(scene: Scene, samples: Sequence[Sample], kind: str = "") -> Iterator[Said]:
    """Yield what may be behind a symptom of this kind, the likeliest first."""
    yield from equal_weights(scene.model)
    yield from badly_scaled(scene)
    yield from small_inputs(scene)
    yield from large_targets(scene)
    if kind in ("exploding gradients", "updates too large", "not finite"):
        yield from summed(scene)
    if kind == "loss does not fall":
        yield from forgotten(scene, samples[-1].outputs)
    yield from settings(scene, samples)
    yield from saturated(scene, samples)
    yield from clipped(samples)


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


def small_inputs(scene: Scene) -> Iterator[Said]:
    """Inputs that are all almost 0."""
    b = scene.batch
    if b is not None and 0 < max(-b.low, b.high) < TINY and not _normalizes_first(scene.model):
        yield (
            "inputs too small",
            f"no input is beyond {max(-b.low, b.high):.2g}: standardize them, so that they are about 1. Were they "
            "scaled twice?",
        )


def summed(scene: Scene) -> Iterator[Said]:
    """A sum over the examples where the rate is meant for their mean."""
    if scene.summed >= SUMMED:
        yield (
            "loss summed",
            f"the loss is a sum over {scene.summed} examples, so the gradient is {scene.summed} times that of their "
            "mean, and the learning rate is too high for it: take the mean (.mean(), reduction='mean')",
        )


def time_steps(module: Module, inputs: Any) -> int | None:
    """Return the number of time steps that a recurrent layer is called with, None for other modules."""
    if not isinstance(module, RNN | LSTM | GRU) or not inputs or not isinstance(inputs[0], Tensor):
        return None
    shape = inputs[0].shape
    return int(shape[len(shape) - 2 if module.batch_first else 0]) if len(shape) > 1 else None


def forgotten(scene: Scene, outputs: Mapping[str, Outputs]) -> Iterator[Said]:
    """Gradients that vanish on their way back through the time steps of a recurrent layer."""
    for path, module in scene.model.named_modules():
        name, kind = named(path, module), class_name(module)
        steps = scene.lengths.get(name, 0)
        if steps < 2 or name not in outputs or not any(key.startswith("weight_hh") for key in module._parameters):
            continue
        factor = _passed_on(module, outputs[name])
        if factor**steps < THROUGH_TIME:
            instead = "an LSTM or a GRU" if kind.startswith("RNN") else "a forget gate that starts open (a bias of 1)"
            yield (
                "vanishing gradients",
                f"the gradient vanishes on its way back through time: {name} multiplies it by about {factor:.2g} in "
                f"each of the {steps} steps, so {factor**steps:.0e} of it reaches the first. Use {instead}, shorter "
                "sequences, or attention. (If the last inputs suffice: do inputs and targets belong together?)",
            )
            return


def _passed_on(module: Module, outputs: Outputs) -> float:
    """Estimate the part of a gradient that a recurrent layer hands back in one time step.

    In an RNN it is the largest eigenvalue of the recurrent weights times the mean derivative of tanh (Pascanu et al.,
    2013); in an LSTM and a GRU what the gate of the old state lets through, by its bias.
    """
    array = {name: p._array.astype(np.float64) for name, p in module._parameters.items() if p is not None}
    weights = next(a for name, a in array.items() if name.startswith("weight_hh"))
    if class_name(module).startswith("RNN"):
        slope = 1 - outputs.mean**2 - outputs.std**2 if getattr(module, "nonlinearity", "tanh") == "tanh" else 1.0
        return slope * float(np.abs(np.linalg.eigvals(weights)).max())
    n = weights.shape[1]
    biases = [a[n : 2 * n] for name, a in array.items() if name.startswith("bias")][:2]
    return float(np.mean(1 / (1 + np.exp(-sum(biases, np.zeros(n))))))


def clipped(samples: Sequence[Sample]) -> Iterator[Said]:
    """Gradients that were clipped to a norm that is too small."""
    norms = [sample.gradient for sample in samples[-5:]]
    small = all(ratio < 1e-4 for ratio in samples[-1].ratios.values())
    differ = max((s.loss for s in samples[-5:]), default=0.0) > 1.001 * min((s.loss for s in samples[-5:]), default=0.0)
    if differ and len(norms) == 5 and 0 < max(norms) < 1.001 * min(norms) and small:
        yield (
            "gradient clipped",
            f"each gradient is clipped to a norm of {norms[-1]:.2g}, so the steps are too short: clip at about its "
            "usual norm, 1 to 5",
        )


def large_targets(scene: Scene) -> Iterator[Said]:
    """Targets that are far from 1."""
    if scene.loss is None or scene.output is None:
        return
    for array in loss_graph.targets(nodes_between(scene.output, scene.loss), scene.output):
        size = float(np.abs(array).max())
        if LARGE_TARGET < size < math.inf:
            yield "targets too large", f"the targets {large(size)}"
            return


def large(size: float) -> str:
    """Say that targets are as large as this, and what to do."""
    return f"are as large as {size:.3g}: standardize them, so that they are about 1, and scale the predictions back"


def settings(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """Settings of layers and of the optimizer that stop learning."""
    yield from strong_dropout(scene.model)
    rows = scene.batch.shape[0] if scene.batch is not None and scene.batch.shape else 0
    for path, module in scene.model.named_modules():
        if class_name(module) == "BatchNorm1d" and scene.batch is not None and 0 < rows <= 4:
            yield (
                "batch too small",
                f"{named(path, module)} normalizes over a batch of {rows}: its mean and variance are noise. Use larger "
                "batches, or layer normalization",
            )
            break
    last = samples[-1]
    for group in scene.optimizer.param_groups if scene.optimizer is not None else ():
        decay = group.get("weight_decay", 0) or 0
        momentum = group.get("momentum", 0) or 0
        if momentum > 0.99:
            times = 1 / (1 - min(momentum, 0.9999))
            yield (
                "momentum too high",
                f"a momentum of {momentum:g} adds up the gradients of {times:.0f} steps, so the steps grow to "
                f"{times:.0f} times the learning rate; usual is 0.9",
            )
            return
        sizes, gradients = math.hypot(*last.sizes.values()), last.gradient
        if decay and (decay * sizes > 3 * gradients or decay * float(group["lr"]) > 0.02):
            yield (
                "weight decay too strong",
                f"the weight decay of {decay:g} pulls the weights to 0 more strongly than the gradient moves them; "
                "usual is 1e-5 to 1e-2",
            )
            return


def saturated_from_the_start(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """Activations that were at their flat ends before anything was learned, and still are.

    Later, a classifier that is sure of itself may have some there.
    """
    early = {layer for layer, _ in _at_their_ends(scene, samples[:5])}
    for layer, text in _at_their_ends(scene, samples):
        if layer in early:
            for kind, said in badly_scaled(scene):
                yield kind, f"{said}. {layer} is saturated"
                return
            yield "saturated", text
            return


def saturated(scene: Scene, samples: Sequence[Sample]) -> Iterator[Said]:
    """Activations at their flat ends."""
    for _, text in _at_their_ends(scene, samples):
        yield "saturated", text
        return


def _at_their_ends(scene: Scene, samples: Sequence[Sample]) -> Iterator[tuple[str, str]]:
    """Yield the tanh and sigmoid layers that are at their ends in five samples, with a sentence."""
    kinds = {named(path, module): class_name(module).lower() for path, module in scene.model.named_modules()}
    recent = samples[-5:]
    last = [*kinds][-1]  # the last layer may be at its ends, as the targets are
    for layer in [name for name in recent[-1].outputs if name != last] if recent else ():
        kind = kinds.get(layer, layer.split(" after ")[0])
        found = [s.outputs[layer] for s in recent if layer in s.outputs]
        if len(found) < len(recent) or kind not in ("tanh", "sigmoid"):
            continue
        squares = [o.mean**2 + o.std**2 for o in found]
        flat = (
            all(q > 0.9 for q in squares) if kind == "tanh" else all(o.mean - q < 0.03 for o, q in zip(found, squares))
        )
        if flat:
            yield (
                layer,
                f"{layer} is saturated: most of its results are at its ends, where its derivative is almost 0. Use "
                "smaller initial weights (nn.init.xavier_uniform_) or smaller inputs",
            )


# ---- the graph -------------------------------------------------------------------------------------------------


def _nodes(end: Any) -> Iterator[Any]:
    from minigrad.engine import reverse_topological_order

    return (node for node in reverse_topological_order([end]) if node.primitive is not None)


def _weight(node: Any, parameters: dict[Any, str]) -> Any:
    """Return the parameter that a linear function multiplies its input by, None for other nodes."""
    if node is None or node.primitive is None or node.primitive.name not in ("linear", "matmul", "conv"):
        return None
    weight = node_behind(node.inputs[1])
    return weight if weight in parameters and len(weight.shape) > 1 else None


def _before_bias(node: Any, parameters: dict[Any, str]) -> Any:
    """Return the node to which a bias was added, and of which a dropout was taken."""
    if node is not None and node.primitive is not None and node.primitive.name == "mul" and loss_graph.is_dropout(node):
        node = node_behind(node.inputs[0])
    if node is not None and node.primitive is not None and node.primitive.name == "add":
        inner, bias = node.inputs[0], node_behind(node.inputs[1])
        if bias in parameters and inner is not None and len(bias.shape) <= 2:
            return node_behind(inner)
    return node


def _is_whole(node: Any) -> bool:
    """Return whether it is no part of a convolution in parts: depthwise, or of 1x1."""
    geometry = (node.parameters or {}).get("geometry")
    return geometry is None or (geometry.groups == 1 and max(geometry.kernel) > 1)


def _sizes(node: Any, parameters: dict[Any, str]) -> tuple[int, int]:
    """Return the numbers of inputs and outputs of a linear function."""
    weight = _weight(node, parameters)
    if node.primitive.name == "matmul":
        rows, columns = node.inputs[1].shape[-2:]
        return rows, columns
    outputs, inputs = weight.shape[:2]
    return (inputs * math.prod(weight.shape[2:]), outputs) if node.primitive.name == "conv" else (inputs, outputs)


def _normalizes_first(model: Module) -> bool:
    """Return whether the first layer normalizes its inputs."""
    for _, module in model.named_modules():
        if module._parameters or "Norm" in class_name(module):
            return "Norm" in class_name(module)
    return False
