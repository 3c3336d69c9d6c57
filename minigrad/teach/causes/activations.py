"""Causes in the activations: none between two linear layers, or one that is saturated."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from minigrad.output.words import class_name
from minigrad.teach import loss_graph
from minigrad.teach.causes.cause import Seen, certain, explains
from minigrad.teach.causes.inputs import badly_scaled
from minigrad.teach.causes.neighbours import CLEAR
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import kind_of, node_behind, nodes_of
from minigrad.teach.samples import Sample, listed, mean_loss, named

FLAT = ("round", "floor", "ceil", "trunc", "sign")
"""Functions whose derivative is 0 wherever they have one."""
ONE_HOT = 0.85
"""The largest weight of an attention, on average, from which it is saturated."""
RECURRENT = ("RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell")
LEARNED_BY = 100
"""The steps in which a network without activations may show that a linear function suffices."""
LONG = 0.1
"""A step, as a part of a layer's length, that may have thrown its results to the ends of an activation."""


_SATURATED = (
    "{layer} is saturated: most of its results are at its ends, where its derivative is almost 0. Use smaller initial "
    "weights (nn.init.xavier_uniform_) or smaller inputs"
)


@certain("no activation", "a linear layer or convolution follows another, and is no bottleneck",
         "there is no activation between {first} and {second}: two {which} in a row compute what one linear function "
         "computes. Put a ReLU or a tanh between them")  # fmt: skip
def no_activation(scene: Scene) -> Seen:
    if scene.output is not None and scene.is_due:
        scene.stacked = _stacked(scene)
    if scene.stacked is None or (scene.linear and _is_on_purpose(scene)):
        return None
    first, second, which = scene.stacked
    return {"first": first, "second": second, "which": which}


def _stacked(scene: Scene) -> tuple[str, str, str] | None:
    """Return the names of two linear layers in a row, and what they are."""
    parameters = {p.node: name for name, p in scene.model.named_parameters() if p.node is not None}
    if any(map(loss_graph.is_normalized, scene.between)) and loss_graph.labels_of(scene.between) is None:
        return None  # a predictor on a projector, whose result is the other network's target
    recurrent = {path for path, module in scene.model.named_modules() if class_name(module) in RECURRENT}
    nodes = list(nodes_of(scene.output))
    users = Counter(source for node in nodes for source in node.inputs)
    for node in nodes:
        inner = _before_bias(node_behind(node.inputs[0]), parameters) if _weight(node, parameters) is not None else None
        if inner is None or users[inner] != 1 or _weight(inner, parameters) in (None, _weight(node, parameters)):
            continue  # a layer that is applied again and again describes steps in time
        if loss_graph.is_attention(node_behind(inner.inputs[0])):
            continue  # its last projection belongs to it
        if _layer_of(parameters[_weight(node, parameters)]) in recurrent:
            continue  # it projects the inputs of a recurrent layer, which is usual
        inputs, hidden = _sizes(inner, parameters)
        _, outputs = _sizes(node, parameters)
        # otherwise it is a bottleneck, or a convolution in two parts, which means something
        if hidden >= min(inputs, outputs) and _is_whole(inner) and (_is_whole(node) or inner.primitive.name != "conv"):
            first, second = (_layer_of(parameters[_weight(n, parameters)]) for n in (inner, node))
            which = "convolutions" if node.primitive.name == inner.primitive.name == "conv" else "linear layers"
            return first, second, which
    return None


def _is_on_purpose(scene: Scene) -> bool:
    """Return whether a network without any activation may be meant, as in a study of deep linear networks.

    Then a linear function suffices, and is learned; or there are no biases either.
    """
    suffices = scene.neighbours.linear_suffices
    if suffices is False:
        return False
    has_biases = any(p.ndim == 1 for p in scene.model.parameters())
    waits = not scene.ended and scene.samples[-1].step < LEARNED_BY
    learned = suffices and mean_loss(scene.losses[-20:]) < 0.3 * scene.cost_of_guessing
    return waits or bool(learned) or not has_biases


@explains("model too simple", "the model computes a linear function, and the nearest other example predicts the "
          "targets better than those can",
          "the model computes a linear function, and that does not suffice: {neighbours}. Add a hidden layer with an "
          "activation", symptoms=("loss does not fall", "loss stays high"))  # fmt: skip
def linear_model(scene: Scene) -> Seen:
    return scene.linear and scene.neighbours.linear_suffices is False and {"neighbours": scene.neighbours}


@explains("model too simple", "all passes through one or two units, or fewer than a third of the classes",
          "all that the model knows of an example passes through {layer}, which has {units} unit{s}: {neighbours}, so "
          "more can be learned. Use more units there",
          symptoms=("loss does not fall", "loss stays high", "dead ReLUs"))  # fmt: skip
def too_narrow(scene: Scene) -> Seen:
    layers = [
        (p.shape[0 if class_name(module) == "Linear" else 1], named(path, module))
        for path, module in scene.model.named_modules()
        for p in (module._parameters.values() if class_name(module) in ("Linear", "Weights") else ())
        if p is not None and p.ndim == 2
    ]
    classes = len(scene.frequencies)
    for units, layer in layers[:-1]:
        if 0 < units <= max(2, classes // 3) and scene.neighbours.agreement()[1] > CLEAR:
            return {"layer": layer, "units": units, "s": "s" * (units > 1), "neighbours": scene.neighbours}
    return None


@certain("softmax over the queries", "the weights of an attention come from a softmax over its queries",
         "the softmax of the {shape} attention scores runs over axis -2, the queries, so the weights with which a "
         "position reads the others do not sum to 1, and depend on later positions: use dim=-1",
         assumes=0.7)  # fmt: skip
def over_the_queries(scene: Scene) -> Seen:
    for node in nodes_of(scene.output) if scene.output is not None and scene.is_due else ():
        weights: Any = node.inputs[0] if node.primitive.name == "matmul" else None
        if kind_of(weights) != "softmax":
            continue
        n = len(weights.shape)
        square = n > 1 and weights.shape[-1] == weights.shape[-2] > 3
        if square and weights.parameters["axis"] % n == n - 2 and not _asked_by_slots(weights):
            return {"shape": weights.shape}
    return None


def _asked_by_slots(weights: Any) -> bool:
    """Return whether the queries are parameters, for which the inputs compete, as in slot attention."""
    node = node_behind(weights.inputs[0])
    while kind_of(node) in ("mul", "div"):
        node = node_behind(node.inputs[0])
    if kind_of(node) != "matmul":
        return False
    queries = node_behind(node.inputs[0])
    return queries is not None and len(queries.shape) < len(node.shape)


@certain("attention saturated", "at the start, attention gives one position nearly all of the weight",
         "the attention of shape {shape} gives one position {share:.0%} of the weight at the start, so its softmax "
         "passes hardly any gradient: divide the scores by sqrt(d), the size of a head, or use smaller initial "
         "weights")  # fmt: skip
def saturated_attention(scene: Scene) -> Seen:
    if scene.output is None or not scene.values or len(scene.samples) > 3 or scene.resumed:
        return None
    if any(ratio > LONG for sample in scene.samples[:-1] for ratio in sample.ratios.values()):
        return None  # the steps have made it so
    for node in nodes_of(scene.output):
        weights = scene.values.get(node) if node.primitive.name == "softmax" and len(node.shape) > 2 else None
        if weights is None or weights.shape[-1] < 4 or node.parameters["axis"] % weights.ndim != weights.ndim - 1:
            continue
        rows = weights[..., 3:, :]  # with a mask, the first positions have little choice
        if rows.size and (share := float(rows.max(axis=-1).mean())) > ONE_HOT:
            return {"shape": weights.shape, "share": share}
    return None


@certain("saturated", "most results of a hidden tanh or sigmoid are at its ends", _SATURATED)
def saturated_from_the_start(scene: Scene) -> Seen:
    """Look for layers that were saturated at once; later, a classifier that is sure of itself may have some there."""
    if len(scene.samples) < 10:
        return None
    early = {*_at_their_ends(scene, scene.samples[:5])}
    for layer in _at_their_ends(scene, scene.samples):
        if layer in early:
            for kind, said in badly_scaled(scene):
                return kind, f"{said}. {layer} is saturated"
            return {"layer": layer}
    return None


@certain("no derivative", "a result passes a function that is flat everywhere, such as round",
         "{name}() is a staircase, whose derivative is 0 everywhere, so the gradient of {layers} is exactly 0. Leave "
         "it out in training, or let the gradient pass: x + (x.{name}() - x).detach()", assumes=0.8)  # fmt: skip
def steps_of_stairs(scene: Scene) -> Seen:
    if scene.output is None or len(scene.samples) < 3 or not scene.is_due:
        return None
    still = [layer for layer in scene.layers if all(s.gradients.get(layer) == 0 for s in scene.samples[-3:])]
    for node in nodes_of(scene.loss or scene.output) if still else ():
        if node.primitive.name in FLAT:
            return {"name": node.primitive.name, "layers": listed(still)}
    return None


@explains("saturated", "most results of a hidden tanh or sigmoid are at its ends", _SATURATED, assumes=1.6)
def saturated(scene: Scene) -> Seen:
    """Look for saturated layers, if no long step has thrown them there."""
    early = any(_at_their_ends(scene, scene.samples[:5]))
    if not early and any(ratio > LONG for s in scene.samples for ratio in s.ratios.values()):
        return None
    layer = next(_at_their_ends(scene, scene.samples), None)
    return layer is not None and {"layer": layer}


def _at_their_ends(scene: Scene, samples: Sequence[Sample]) -> Iterator[str]:
    """Yield the tanh and sigmoid layers that are at their ends in the last five of these samples."""
    kinds = {named(path, module): class_name(module).lower() for path, module in scene.model.named_modules()}
    recent = samples[-5:]
    last = [*kinds][-1]  # the last layer may be at its ends, as the targets are
    for layer in [name for name in recent[-1].outputs if name != last] if recent else ():
        kind = kinds.get(layer, layer.split(" after ")[0])
        found = [s.outputs[layer] for s in recent if layer in s.outputs]
        if len(found) < len(recent) or kind not in ("tanh", "sigmoid"):
            continue
        squares = [o.mean**2 + o.std**2 for o in found]
        if all(q > 0.9 if kind == "tanh" else o.mean - q < 0.03 for o, q in zip(found, squares)):
            yield layer


def _layer_of(parameter: str) -> str:
    layer, _, own = parameter.rpartition(".")
    return parameter if own.isdecimal() else layer or parameter


def _weight(node: Any, parameters: dict[Any, str]) -> Any:
    """Return the parameter that a linear function multiplies its input by, None for other nodes."""
    if kind_of(node) not in ("linear", "matmul", "conv"):
        return None
    weight = node_behind(node.inputs[1])
    return weight if weight in parameters and len(weight.shape) > 1 else None


def _before_bias(node: Any, parameters: dict[Any, str]) -> Any:
    """Return the node to which a bias was added, and of which a dropout was taken."""
    if kind_of(node) == "mul" and loss_graph.dropped(node):
        node = node_behind(node.inputs[0])
    if kind_of(node) == "add":
        inner, bias = node.inputs[0], node_behind(node.inputs[1])
        if bias in parameters and inner is not None and math.prod(bias.shape) == bias.shape[-1]:  # no positions
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
