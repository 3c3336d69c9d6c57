"""Causes in the layers: their settings, their mode, their initial weights."""

from __future__ import annotations

import math

import numpy as np

from minigrad.output.words import class_name
from minigrad.teach import loss_graph
from minigrad.teach.causes.cause import Seen, certain, explains
from minigrad.teach.causes.inputs import badly_scaled
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import ENDS, kind_of, nodes_of
from minigrad.teach.samples import named

UNLIKELY = 8.0
"""A loss at the start of this many times the cost of guessing comes from scores that are too large."""
TINY = 0.1
"""Weights of this part of 1 / sqrt(inputs), in two layers, leave a hundredth of what differs between examples."""


@certain("dropout too strong", "a layer drops 90 % of its inputs or more",
         "{layer} drops {share:.0%} of its inputs; {usual} is usual")  # fmt: skip
def strong_dropout(scene: Scene) -> Seen:
    for path, module in scene.model.named_modules():
        p = getattr(module, "p", None)
        if class_name(module).startswith("Dropout") and isinstance(p, float) and p >= 0.9:
            return {"layer": named(path, module), "share": p, "usual": "a dropout of 0.1 to 0.5"}
    for node in loss_graph.nodes_of(scene.output) if scene.output is not None and scene.is_due else ():
        if node.primitive.name == "mul" and (p := loss_graph.dropped(node)) > 0.9 - 1e-6:
            return {"layer": "a dropout", "share": p, "usual": "0.1 to 0.5"}
    return None


@certain("initial weights too large", f"the first loss is {UNLIKELY:g} times the cost of guessing",
         "the first loss is {loss:.3g}, and guessing costs {costs:.3g}: the outputs explode on their way through the "
         "model. Use initial weights proportional to 1 / sqrt(inputs), as nn.init.kaiming_normal_ does",
         assumes=0.9)  # fmt: skip
def unlikely_start(scene: Scene) -> Seen:
    if len(scene.samples) != 1 or not scene.losses or scene.loss is None or scene.output is None:
        return None
    if any(source is not None and source.primitive is None for node in scene.between for source in node.inputs):
        return None  # another model stands behind the output, such as a critic
    badly = next(badly_scaled(scene), None)
    sizes = [np.square(w).mean() * math.prod(w.shape[1:]) for layer, w in scene.weights() if "Embedding" not in layer]
    times = UNLIKELY / (3 if badly is not None else 2 if max(sizes, default=0.0) > UNLIKELY else 1)
    # what the answer 0 costs, for a regression, whose targets may be anywhere
    zero = next((float(np.square(array).mean()) for array in loss_graph.targets(scene.between, scene.output)), math.nan)
    zero *= scene.factor or 1.0
    if math.isnan(zero) and scene.losses[0] > times * scene.guessing > 0:
        costs = scene.guessing
    elif math.isfinite(scene.guessing) and scene.losses[0] > max(1.0, times**2 * zero) and zero > 0:
        costs = zero
    else:
        return None
    said = f"the first loss is {scene.losses[0]:.3g}, and guessing costs {costs:.3g}"
    if badly is not None:
        return badly[0], f"{badly[1]}: {said}"
    if not any(class_name(module) in ("RNN", "RNNCell") for module in scene.model.modules()):
        return {"loss": scene.losses[0], "costs": costs}
    if max(scene.samples[0].ratios.values(), default=0.0) > 1:
        return None  # the symptom names the layers
    return (
        "exploding gradients",
        f"{said}: the state explodes from step to step of the sequence, and so does the gradient on its way back. "
        "Use smaller recurrent weights (nn.init.orthogonal_), nn.utils.clip_grad_norm_, or an LSTM or a GRU",
    )


@certain("evaluation mode", "a model with dropout or batch normalization was in training mode, and is trained in the "
         "other",
         "the model is trained in evaluation mode since model.eval() was called: dropout and batch normalization are "
         "off. Call model.train() after each evaluation")  # fmt: skip
def evaluation_mode(scene: Scene) -> Seen:
    recent = scene.training[-3:]
    return len(recent) == 3 and not any(recent) and any(scene.training) and scene.has_modes


@certain("evaluation mode", "batch normalization is in evaluation mode, and has never seen a batch",
         "the model is trained in evaluation mode: {layer} uses its running mean 0 and variance 1, which it has never "
         "measured, so it normalizes nothing. Call model.train() before training")  # fmt: skip
def fresh_statistics(scene: Scene) -> Seen:
    for path, module in scene.model.named_modules() if len(scene.samples) >= 3 else ():
        seen = getattr(module, "num_batches_tracked", None)
        if any(not p.requires_grad for p in module.parameters()):
            continue  # it is frozen, in a mode that was chosen
        if not module.training and class_name(module).startswith("BatchNorm") and seen is not None and not seen.item():
            return {"layer": named(path, module)}
    return None


@certain("equal weights", "the units of a layer have the same weights at first",
         "the units of {layer} have the same weights at first, so they compute the same but for their biases, and "
         "learn to differ slowly, if at all. Initialize them at random, as nn.init.kaiming_normal_ does")  # fmt: skip
def symmetric(scene: Scene) -> Seen:
    hidden = [layer for layer in scene.alike if layer in scene.layers[:-1]]
    return bool(hidden) and {"layer": hidden[0]}


@certain("equal weights", "the units of a layer have the same weights at first",
         "the {n} Values begin with the same number, so all units of a layer compute the same, get the same gradient, "
         "and stay the same: draw them at random, Value(random.uniform(-1, 1))", graph=True)  # fmt: skip
def equal_values(scene: Scene) -> Seen:
    hidden = any(kind_of(node) in ENDS for node in nodes_of(scene.output))
    return bool(scene.equal) and hidden and {"n": scene.equal[0].size}


@certain("normalized away", "a normalization gives all examples the same result, in five samples in a row",
         "{layer} gives the same result for all examples, though what it gets differs: it normalizes a single number, "
         "which becomes 0. Normalize over more than one, or leave it out")  # fmt: skip
def levelled(scene: Scene) -> Seen:
    recent = scene.levelled[-5:]
    return len(recent) == 5 and all(recent) and {"layer": recent[-1]}


@certain("batch too small", "batch normalization over two numbers",
         "{layer} normalizes over a batch of 2: of two numbers, one becomes -1 and the other 1, whatever they are. Use "
         "larger batches, or layer normalization")  # fmt: skip
def two_rows(scene: Scene) -> Seen:
    recent = scene.samples[-3:]
    if len(recent) < 3 or scene.batch is None or not scene.batch.shape or scene.batch.shape[0] != 2:
        return None
    for path, module in scene.model.named_modules():
        found = [s.outputs.get(named(path, module)) for s in recent] if class_name(module) == "BatchNorm1d" else []
        features = getattr(module, "num_features", 0)
        if found and module.training and all(o and o.histogram.counts.sum() == 2 * features for o in found):
            return {"layer": named(path, module)}
    return None


@explains("batch too small", "batch normalization over four examples or fewer",
          "{layer} normalizes over a batch of {rows}: its mean and variance are noise. Use larger batches, or layer "
          "normalization", assumes=1.5)  # fmt: skip
def few_rows(scene: Scene) -> Seen:
    rows = scene.batch.shape[0] if scene.batch is not None and scene.batch.shape else 0
    for path, module in scene.model.named_modules() if 0 < rows <= 4 else ():
        if class_name(module) == "BatchNorm1d":
            return {"layer": named(path, module), "rows": rows}
    return None


@explains("equal weights", "the weights of a layer are the same for each unit",
          "the weights of {layer} are all {what}: its units get the same gradient and stay the same. Initialize them "
          "at random, as nn.init.kaiming_normal_ does", assumes=0.9)  # fmt: skip
def equal_weights(scene: Scene) -> Seen:
    for name, weight in scene.weights():
        if (weight == weight.flat[0]).all() or (weight == weight[:1]).all():
            return {"layer": name, "what": "the same for each unit" if weight.any() else "0"}
    return None


@explains("initial weights too small",
          f"the weights of a layer are below {TINY:g} of 1 / sqrt(inputs), and have not shrunk",
          "the weights of {layer} are about {size:.1g}, and 1 / sqrt({inputs}) is {usual:.2g}: what it gives is almost "
          "the same for all examples, and little of the gradient passes. Use initial weights proportional to 1 / "
          "sqrt(inputs), as nn.init.kaiming_normal_ does",
          symptoms=("loss does not fall", "vanishing gradients", "updates too small", "dead ReLUs"),
          assumes=0.95)  # fmt: skip
def tiny_weights(scene: Scene) -> Seen:
    first, now = scene.samples[0].sizes, scene.samples[-1].sizes
    last = next(iter([*scene.layers][-1:]), "")  # the last layer may begin at 0
    for layer, weight in scene.weights():
        inputs = math.prod(weight.shape[1:])
        size, usual = float(np.sqrt(np.square(weight).mean())), 1 / math.sqrt(inputs)
        shrunk = now.get(layer, 0.0) < 0.5 * first.get(layer, 0.0)
        if layer != last and 0 < size < TINY * usual and not shrunk:
            return {"layer": layer, "size": size, "inputs": inputs, "usual": usual}
    return None


@certain("one layer, repeated", "a Sequential or ModuleList has the same layer, or the same few, three times or more",
         "{layer} stands {times} times in {container}, as the same object with the same weights, as [layer] * {times} "
         "makes it: create a new one for each place, in a list comprehension", assumes=0.95)  # fmt: skip
def repeated(scene: Scene) -> Seen:
    for module in scene.model.modules():
        inner = [*module._modules.values()] if class_name(module) in ("Sequential", "ModuleList") else []
        trained = [m for m in inner if m is not None and any(True for _ in m.parameters())]
        layer = max(trained, default=None, key=trained.count)
        places = [i for i, m in enumerate(inner) if m is layer]
        times = len(places)
        # if what stands between its places is not repeated with it, it is shared on purpose
        if layer is not None and times > 2 and len({*inner[places[0] : places[-1]]}) <= places[1] - places[0]:
            name = next(named(path, m) for path, m in scene.model.named_modules() if m is layer)
            return {"layer": name, "times": times, "container": class_name(module)}
    return None
