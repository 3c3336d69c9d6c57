"""Causes in the layers: their settings, their mode, their initial weights."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from minigrad.output.words import class_name
from minigrad.teach import loss_graph
from minigrad.teach.causes.cause import Said, certain, explains
from minigrad.teach.causes.inputs import badly_scaled
from minigrad.teach.causes.scene import Scene
from minigrad.teach.samples import named

UNLIKELY = 10.0
"""A loss at the start of this many times the cost of guessing comes from scores that are too large."""
EQUAL = 1e-3
"""The difference between the weights of two units, as a part of the largest weight, that rounding may have made."""


@certain({"dropout too strong": "a layer drops 90 % of its inputs or more"})
def strong_dropout(scene: Scene) -> Iterator[Said]:
    """A dropout that leaves a tenth or less, in a module or in the graph of the output."""
    for path, module in scene.model.named_modules():
        p = getattr(module, "p", None)
        if class_name(module).startswith("Dropout") and isinstance(p, float) and p >= 0.9:
            yield (
                "dropout too strong",
                f"{named(path, module)} drops {p:.0%} of its inputs; a dropout of 0.1 to 0.5 is usual",
            )
            return
    for node in loss_graph.nodes_of(scene.output) if scene.output is not None and scene.is_due else ():
        if node.primitive.name == "mul" and (p := loss_graph.dropped(node)) > 0.9 - 1e-6:
            yield "dropout too strong", f"a dropout drops {p:.0%} of its inputs; 0.1 to 0.5 is usual"
            return


@certain({"initial weights too large": f"the first loss is {UNLIKELY:g} times the cost of guessing"})
def unlikely_start(scene: Scene) -> Iterator[Said]:
    """A first loss that no guess would cost."""
    if len(scene.samples) != 1 or not scene.losses or scene.loss is None or scene.output is None:
        return
    recurrent = any(class_name(module) in ("RNN", "RNNCell") for module in scene.model.modules())
    # what the answer 0 costs, for a regression, whose targets may be anywhere
    zero = next((float(np.square(array).mean()) for array in loss_graph.targets(scene.between, scene.output)), math.nan)
    if scene.losses[0] > UNLIKELY * scene.guessing > 0 and any(
        node.primitive.name == "cross_entropy" for node in scene.between
    ):
        costs = scene.guessing
    elif math.isfinite(scene.guessing) and scene.losses[0] > max(1.0, UNLIKELY**2 * zero) and zero > 0:
        costs = zero
    else:
        return
    said = f"the first loss is {scene.losses[0]:.3g}, and guessing costs {costs:.3g}"
    for kind, text in badly_scaled(scene):
        yield kind, f"{text}: {said}"
        return
    if recurrent and max(scene.samples[0].ratios.values(), default=0.0) > 1:
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


@certain(
    {"evaluation mode": "a model with dropout or batch normalization was in training mode, and is trained in the other"}
)
def evaluation_mode(scene: Scene) -> Iterator[Said]:
    """A model that is trained in evaluation mode."""
    recent = scene.training[-3:]
    if len(recent) == 3 and not any(recent) and any(scene.training) and scene.has_modes:
        yield (
            "evaluation mode",
            "the model is trained in evaluation mode since model.eval() was called: dropout and batch normalization "
            "are off. Call model.train() after each evaluation",
        )


@certain({"evaluation mode": "batch normalization is in evaluation mode, and has never seen a batch"})
def fresh_statistics(scene: Scene) -> Iterator[Said]:
    """Batch normalization that uses running statistics which nothing has measured."""
    for path, module in scene.model.named_modules() if len(scene.samples) >= 3 else ():
        seen = getattr(module, "num_batches_tracked", None)
        if any(not p.requires_grad for p in module.parameters()):
            continue  # it is frozen, in a mode that was chosen
        if not module.training and class_name(module).startswith("BatchNorm") and seen is not None and not seen.item():
            yield (
                "evaluation mode",
                f"the model is trained in evaluation mode: {named(path, module)} uses its running mean 0 and variance "
                "1, which it has never measured, so it normalizes nothing. Call model.train() before training",
            )
            return


@certain({"equal weights": "the units of a layer were updated, and have the same weights, in five samples in a row"})
def symmetric(scene: Scene) -> Iterator[Said]:
    """Units of a layer that began the same, and are trained the same."""
    recent = scene.samples[-5:]
    if len(recent) < 5:
        return
    for path, module in scene.model.named_modules():
        weight, name = module._parameters.get("weight"), named(path, module)
        if weight is None or weight.ndim < 2 or min(weight.shape) < 2 or not weight.numel():
            continue
        if all(sample.updates.get(name, 0) > 0 for sample in recent):
            spread, size = np.ptp(weight._array, axis=0).max(), np.abs(weight._array).max()
            if spread <= EQUAL * size:
                yield next(equal_weights(scene), None) or (
                    "equal weights",
                    f"the units of {name} have the same weights, and stay the same, since they get the same gradient: "
                    f"{len(weight)} units do the work of one. Initialize them at random, as nn.init.kaiming_normal_ "
                    "does",
                )
                return


@certain({"normalized away": "a normalization gives all examples the same result, in five samples in a row"})
def levelled(scene: Scene) -> Iterator[Said]:
    """A normalization of single numbers, each of which becomes 0."""
    recent = scene.levelled[-5:]
    if len(recent) == 5 and all(recent):
        yield (
            "normalized away",
            f"{recent[-1]} gives the same result for all examples, though what it gets differs: it normalizes a single "
            "number, which becomes 0. Normalize over more than one, or leave it out",
        )


@certain({"batch too small": "batch normalization over two numbers"})
def two_rows(scene: Scene) -> Iterator[Said]:
    """Batch normalization over two numbers, which leaves their order only: -1 and 1."""
    recent = scene.samples[-3:]
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


@explains({"batch too small": "batch normalization over four examples or fewer"}, assumes=1.5)
def few_rows(scene: Scene) -> Iterator[Said]:
    """Batch normalization over a few examples."""
    rows = scene.batch.shape[0] if scene.batch is not None and scene.batch.shape else 0
    for path, module in scene.model.named_modules():
        if class_name(module) == "BatchNorm1d" and 0 < rows <= 4:
            yield (
                "batch too small",
                f"{named(path, module)} normalizes over a batch of {rows}: its mean and variance are noise. Use larger "
                "batches, or layer normalization",
            )
            return


@explains({"equal weights": "the weights of a layer are the same for each unit"}, assumes=0.9)
def equal_weights(scene: Scene) -> Iterator[Said]:
    """Weights that are all the same number, so that all units of a layer stay the same."""
    for path, module in scene.model.named_modules():
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


@explains(
    {"one layer, repeated": "a Sequential or ModuleList has the same layer several times"},
    symptoms=("loss does not fall", "vanishing gradients", "exploding gradients"),
    assumes=0.95,
)
def repeated(scene: Scene) -> Iterator[Said]:
    """One layer in several places, as [layer] * 5 puts it there."""
    for module in scene.model.modules():
        inner = list(module._modules.values()) if class_name(module) in ("Sequential", "ModuleList") else []
        counts = [
            (sum(m is other for other in inner), m)
            for m in inner
            if m is not None and any(True for _ in m.parameters())
        ]
        times, layer = max(counts, default=(0, None), key=lambda pair: pair[0])
        if times > 1:
            name = next(named(path, m) for path, m in scene.model.named_modules() if m is layer)
            yield (
                "one layer, repeated",
                f"{name} stands {times} times in {class_name(module)}, as the same object with the same weights, as "
                f"[layer] * {times} makes it: create a new one for each place, in a list comprehension",
            )
            return
