"""Causes that show in what a result depends on: other examples, and how far back in a sequence."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from minigrad.output.words import class_name
from minigrad.teach.causes.cause import Seen, certain, explains
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import (
    arrays,
    behind,
    booleans,
    constants,
    indices,
    is_attention,
    kind_of,
    labels_of,
    node_behind,
    nodes_of,
)
from minigrad.teach.samples import named

THROUGH_TIME = 1e-6
"""The part of a gradient that must reach the first step of a sequence."""
IN_A_ROW = 3
"""The number of time steps that make a recurrence."""


@certain("examples mixed", "the result of an example depends on the others through a layer with batch_first=False",
         "the result of an example depends on the other examples of its batch: {layer} takes axis 0 for the time and "
         "axis 1 for the batch, and the inputs have the batch first. Set batch_first=True, or exchange the "
         "axes")  # fmt: skip
def wrong_axis(scene: Scene) -> Seen:
    if not scene.mixes or not (scene.giveaway.in_rows or len(getattr(scene.output, "shape", ())) == 2):
        return None
    modules = scene.model.named_modules()
    layers = [named(path, module) for path, module in modules if getattr(module, "batch_first", True) is False]
    return next(({"layer": layer} for layer in layers if layer in scene.called), None)


@certain("indices as numbers", "a linear layer gets the tokens of a text as numbers",
         "a linear layer gets the indices of the tokens as numbers, so that token 20 counts as twice token 10: give "
         "each token a vector of its own, with nn.Embedding or as one-hot rows, F.one_hot(ids, {n})",
         assumes=0.8)  # fmt: skip
def numbered(scene: Scene) -> Seen:
    if scene.inputs is None or scene.output is None or not scene.giveaway.shifted or not scene.giveaway.is_text():
        return None
    columns = [scene.inputs.ravel(), *scene.inputs.T] if scene.inputs.ndim == 2 and scene.is_due else []
    for node in nodes_of(scene.output) if columns else ():
        for array in arrays(node) if node.primitive.name in ("linear", "matmul") else ():
            if any(array.size == column.size and np.array_equal(array.ravel(), column) for column in columns):
                return {"n": int(scene.inputs.max()) + 1}
    return None


@explains("examples mixed", "the result of an example depends on the other examples",
          "the result of an example depends on the other examples of its batch: look for a reshape that should be a "
          "permute, an index of axis 0 that should be one of axis 1, or a softmax over axis 0",
          symptoms=("loss does not fall",), assumes=1.4)  # fmt: skip
def mixed(scene: Scene) -> Seen:
    return scene.mixes


@explains("padding read", "the sequences end with padding, and the result comes from the last position",
          "the sequences end with padding, and the result comes from the last position, which is padding in {part:.0%} "
          "of them: what was read before it fades. Take the result at each sequence's own last token, o[range(n), "
          "lengths - 1]", symptoms=("vanishing gradients", "loss does not fall"), assumes=0.9)  # fmt: skip
def reads_padding(scene: Scene) -> Seen:
    ids, back = scene.inputs, scene.reach.back if scene.reach is not None else ()
    left_out = any(getattr(module, "padding_idx", None) is not None for module in scene.model.modules())
    if ids is None or ids.dtype.kind not in "iu" or ids.ndim != 2 or len(back) != ids.shape[1]:
        return None
    own = any(indices(node) > 1 for node in nodes_of(scene.output))  # the result at each one's last token is picked
    if not (back[-1] or (left_out and not own)):
        return None
    tokens, counts = np.unique(ids[:, -2:], return_counts=True)
    padded = (ids[:, -2:] == tokens[counts.argmax()]).all(axis=1)
    return padded.mean() > 0.5 and len(scene.output.shape) == 2 and {"part": padded.mean()}


@explains("vanishing gradients", f"less than {THROUGH_TIME:g} of a gradient reaches the first step of a sequence",
          "the gradient vanishes on its way back through time{by}: {left:.0e} of it reaches the first step. Use "
          "{instead}, shorter sequences, or attention. (If the last inputs suffice: do inputs and targets belong "
          "together?)", symptoms=("loss does not fall",), assumes=1.3)  # fmt: skip
def forgotten(scene: Scene) -> Seen:
    back = scene.reach.back if scene.reach is not None else ()
    largest = max(back, default=0.0)
    if not largest or back[0] >= THROUGH_TIME * largest or not back[-2]:
        return None  # or it reads one position only, on purpose
    steps, left = len(back), back[0] / largest
    factor = left ** (1 / (steps - 1))
    gated = any(class_name(module) in ("LSTM", "GRU", "LSTMCell", "GRUCell") for module in scene.model.modules())
    return {
        "by": f", by about {factor:.2g} in each of the {steps} steps" if factor else "",
        "left": left,
        "instead": "a forget gate that starts open (a bias of 1)"
        if gated
        else "larger recurrent weights, an LSTM or a GRU",
    }


@certain("state detached", "a weight multiplies results of the same step that are cut off from the graph, in several "
         "time steps",
         "the state is cut off from the graph (detach(), .data, no_grad()) in each time step, where {name} multiplies "
         "it, so no gradient goes back through time: detach it between two batches only", graph=True,
         assumes=0.8)  # fmt: skip
def state_detached(scene: Scene) -> Seen:
    parameters = {p.node: name for name, p in scene.model.named_parameters() if p.node is not None}
    made = {_address(array) for array in scene.values.values()}
    cut: Counter[str] = Counter()
    for node in nodes_of(scene.loss):
        weight = next((source for source in node.inputs if source in parameters), None)
        if weight is not None and any(_address(array) in made for array in arrays(node)):
            cut[parameters[weight]] += 1
    return max(cut.values(), default=0) >= IN_A_ROW and {"name": max(cut, key=cut.__getitem__)}


def _address(array: np.ndarray) -> int:
    """Return where the numbers of an array begin: a detached result has those of the result."""
    return int(array.__array_interface__["data"][0])


@certain("no activation", "a state is multiplied by the same matrix again and again, without an activation",
         "there is no activation between the time steps: the state is multiplied by {name} again and again, so the "
         "layer is linear, and can only weigh what it has read. Put a tanh around the new state", graph=True,
         assumes=0.9)  # fmt: skip
def linear_recurrence(scene: Scene) -> Seen:
    if labels_of(scene.between) is None:
        return None  # a linear system may be meant
    parameters = {p.node: name for name, p in scene.model.named_parameters() if p.node is not None}
    again: Counter[str] = Counter()
    for node in nodes_of(scene.loss):
        weight = node.inputs[1] if kind_of(node) in ("matmul", "linear") else None
        pending, seen = [node.inputs[0]] if weight in parameters and len(weight.shape) == 2 else [], 0
        while pending and seen < 8:
            source, seen = node_behind(pending.pop()), seen + 1
            if kind_of(source) in ("matmul", "linear") and source.inputs[1] is weight:
                again[parameters[weight]] += 1
                break
            pending += [s for s in source.inputs if s is not None] if kind_of(source) == "add" else []
    return max(again.values(), default=0) >= IN_A_ROW and {"name": max(again, key=again.__getitem__)}


@certain("scores reordered", "a permute between the scores and the cross entropy mixes positions and classes, or pairs "
         "them with other targets", "the scores of shape {shape} are {how}", graph=True, assumes=0.8)  # fmt: skip
def reordered(scene: Scene) -> Seen:
    for node in scene.between:
        if node.primitive.name != "cross_entropy" or len(node.inputs[0].shape) not in (2, 3):
            continue
        source, moves = node.inputs[0], []
        while kind_of(source) in ("reshape", "permute"):
            moves.append(source)
            source = source.inputs[0]
        if how := _how_reordered(scene, source, moves, node.inputs[0].shape):
            return {"shape": source.shape, "how": how}
    return None


def _how_reordered(scene: Scene, source: Any, moves: list[Any], to: tuple[int, ...]) -> str:
    """Return how reshapes and permutes, the last one first, mix the scores of a node; "" if they do not."""
    kinds, classes = [*map(kind_of, moves)], to[-1]
    images = kind_of(source) == "conv" and kinds == ["reshape"] and len(source.shape) == 4
    if images and math.prod(source.shape[2:]) > 1 and source.shape[3] != classes == source.shape[1]:
        right = f"scores.permute(0, 2, 3, 1).reshape(-1, {classes})"
        return f"reshaped to {to}, so a row has scores of several pixels, not of the classes: {right}"
    size, given = math.prod(source.shape), scene.inputs.shape[:2] if scene.inputs is not None else ()
    turned = source.shape[:2] == given[::-1] != given  # the steps in time come first
    columns = len(to) == 3 and "reshape" in kinds  # the classes are axis 1
    if size > 1 << 18 or not (turned or columns or "permute" in kinds):
        return ""
    places: Any = np.arange(size).reshape(source.shape)
    for move in reversed(moves):
        axes = move.parameters.get("axes")
        places = places.reshape(move.shape) if axes is None else places.transpose(axes)
    places = places.reshape(-1, classes)
    along = [*np.unravel_index(places, source.shape)]
    fixed = [axis[:, 0] for axis in along if (axis == axis[:, :1]).all()]
    if len(fixed) < len(along) - 1 and columns:
        return (
            f"reshaped to {moves[-1].shape}, which does not exchange axes: a position gets scores of several "
            f"positions. Use scores.transpose(1, 2), or reshape(-1, {classes})"
        )
    if len(fixed) < len(along) - 1:
        return (
            f"permuted before they are reshaped to {places.shape}, so a row has scores of several positions: leave the "
            f"permute out, scores.reshape(-1, {classes})"
        )
    order = np.lexsort(fixed if turned else fixed[::-1])
    known = len(fixed) == 2 and (turned or source.shape[:2] == given) and scene.giveaway.in_rows
    if known and (order != np.arange(len(order))).any():
        return (
            f"reshaped to {places.shape} in another order than the targets: they are compared with the target of "
            "another position. Permute both, or none"
        )
    return ""


@certain("mask inverted", "the mask of an attention lets the padding through, and nothing else",
         "the padding mask is inverted: attention reads token {token} alone, which is the padding, and none of the "
         "others. key_padding_mask is True where a key is ignored, ids == {token}, as is masked_fill's", graph=True,
         assumes=0.6)  # fmt: skip
def reads_padding_alone(scene: Scene) -> Seen:
    ids = scene.inputs
    if ids is None or ids.dtype.kind not in "iu" or ids.ndim != 2:
        return None
    for node in nodes_of(scene.output):
        masked: Any = node_behind(node.inputs[0]) if kind_of(node) == "softmax" else None
        for mask in constants(masked) if kind_of(masked) == "add" else booleans(masked):
            if mask.ndim < 2 or mask.size != ids.size or len(mask) != len(ids):
                continue
            kept = mask.reshape(ids.shape) == mask.max()
            if kind_of(masked) == "where" and masked.inputs[1] is None:
                kept = ~kept
            some = ~kept.all(axis=1)  # without padding, nothing would be kept, and the mask is left out
            tokens = np.unique(ids[some][kept[some]])
            if len(tokens) == 1 and tokens[0] not in ids[~kept] and np.ptp(kept[some].sum(axis=1)):
                return {"token": tokens[0]}
    return None


@certain("heads mixed", "a reshape cuts the heads of an attention out of several positions", "the heads are split "
         "by a reshape of {before} to {after}, which does not exchange axes: a head gets numbers of several positions, "
         "later ones too. Use reshape{right}.transpose(1, 2)", graph=True, assumes=0.7)  # fmt: skip
def heads_of_positions(scene: Scene) -> Seen:
    for node in nodes_of(scene.output):
        scores: Any = behind(node.inputs[0], "softmax", "mul", "div", "where", "add") if is_attention(node) else None
        for source in scores.inputs[:2] if kind_of(scores) == "matmul" else ():
            while kind_of(source) == "permute":
                source = source.inputs[0]
            before = source.inputs[0].shape if kind_of(source) == "reshape" else ()
            after = source.shape if len(before) == 3 else (0, 0)
            # (n, steps, heads * d) becomes (n, heads, steps, d), or (n * heads, steps, d)
            if before and after[-2] == before[1] != before[2] // after[-1] > 1:
                right = (*before[:2], before[2] // after[-1], after[-1])
                return {"before": before, "after": after, "right": right}
    return None


@explains("order unknown", "attention gets nothing that depends on the position",
          "the model does not know the order of what it reads: attention treats all positions alike, and nothing that "
          "depends on the position is added to its inputs. Add a positional encoding, nn.Embedding(steps, "
          "d)(arange(steps))", symptoms=("loss does not fall", "loss stays high"), assumes=0.9)  # fmt: skip
def without_positions(scene: Scene) -> Seen:
    if scene.inputs is None or scene.output is None or scene.inputs.ndim < 2:
        return None
    (n, steps), attends = scene.inputs.shape[:2], False
    for node in nodes_of(scene.output):
        attends = attends or is_attention(node)
        given = [s for s in node.inputs if s is not None and s.primitive is None] + [*constants(node)]
        indices: Any = (node.parameters or {}).get("index")
        fixed = [*given, *(i for i in (indices if isinstance(indices, tuple) else [indices]) if np.ndim(i))]
        if kind_of(node) in ("conv", "rnn", "gru", "lstm", "where") or any(
            steps in np.shape(array)[-2:] and np.shape(array)[:1] != (n,) for array in fixed
        ):
            return None
    return attends
