"""Causes that show in what a result depends on: other examples, and how far back in a sequence."""

from __future__ import annotations

import numpy as np

from minigrad.output.words import class_name
from minigrad.teach.causes.cause import Seen, certain, explains
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import arrays, nodes_of
from minigrad.teach.samples import named

THROUGH_TIME = 1e-6
"""The part of a gradient that must reach the first step of a sequence."""


@certain(
    "examples mixed",
    "the result of an example depends on the others through a layer with batch_first=False",
    "the result of an example depends on the other examples of its batch: {layer} takes axis 0 for the time and axis 1 "
    "for the batch, and the inputs have the batch first. Set batch_first=True, or exchange the axes",
)
def wrong_axis(scene: Scene) -> Seen:
    if not scene.mixes or not (scene.giveaway.in_rows or len(getattr(scene.output, "shape", ())) == 2):
        return None
    modules = scene.model.named_modules()
    layers = [named(path, module) for path, module in modules if getattr(module, "batch_first", True) is False]
    return next(({"layer": layer} for layer in layers if layer in scene.called), None)


@certain(
    "indices as numbers",
    "a linear layer gets the tokens of a text as numbers",
    "a linear layer gets the indices of the tokens as numbers, so that token 20 counts as twice token 10: give each "
    "token a vector of its own, with nn.Embedding or as one-hot rows, F.one_hot(ids, {n})",
    assumes=0.8,
)
def numbered(scene: Scene) -> Seen:
    if scene.inputs is None or scene.output is None or not scene.giveaway.shifted or not scene.giveaway.is_text():
        return None
    columns = [scene.inputs.ravel(), *scene.inputs.T] if scene.inputs.ndim == 2 and scene.is_due else []
    for node in nodes_of(scene.output) if columns else ():
        for array in arrays(node) if node.primitive.name in ("linear", "matmul") else ():
            if any(array.size == column.size and np.array_equal(array.ravel(), column) for column in columns):
                return {"n": int(scene.inputs.max()) + 1}
    return None


@explains(
    "examples mixed",
    "the result of an example depends on the other examples",
    "the result of an example depends on the other examples of its batch: look for a reshape that should be a permute, "
    "an index of axis 0 that should be one of axis 1, or a softmax over axis 0",
    symptoms=("loss does not fall",),
    assumes=1.4,
)
def mixed(scene: Scene) -> Seen:
    return scene.mixes


@explains(
    "padding read",
    "the sequences end with padding, and the result comes from the last position",
    "the sequences end with padding, and the result comes from the last position, which is padding in {part:.0%} of "
    "them: what was read before it fades. Take the result at each sequence's own last token, o[range(n), lengths - 1]",
    symptoms=("vanishing gradients", "loss does not fall"),
    assumes=0.9,
)
def reads_padding(scene: Scene) -> Seen:
    ids, back = scene.inputs, scene.reach.back if scene.reach is not None else ()
    if ids is None or ids.dtype.kind not in "iu" or ids.ndim != 2 or len(back) != ids.shape[1] or not back[-1]:
        return None
    tokens, counts = np.unique(ids[:, -2:], return_counts=True)
    padded = (ids[:, -2:] == tokens[counts.argmax()]).all(axis=1)
    return padded.mean() > 0.5 and len(scene.output.shape) == 2 and {"part": padded.mean()}


@explains(
    "vanishing gradients",
    f"less than {THROUGH_TIME:g} of a gradient reaches the first step of a sequence",
    "the gradient vanishes on its way back through time{by}: {left:.0e} of it reaches the first step. Use {instead}, "
    "shorter sequences, or attention. (If the last inputs suffice: do inputs and targets belong together?)",
    symptoms=("loss does not fall",),
    assumes=1.3,
)
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
