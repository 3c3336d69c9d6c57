"""Checks of the layers: the scales of their outputs and gradients, their units, their settings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.engine import reverse_topological_order
from minigrad.teach import loss_graph
from minigrad.teach.causes.activations import no_activation
from minigrad.teach.causes.layers import few_rows, strong_dropout
from minigrad.teach.causes.sequences import forgotten
from minigrad.teach.samples import axis_of_units, listed, named, norm
from minigrad.teach.sanity.report import Check
from minigrad.teach.sanity.trial import Trial
from minigrad.teach.symptoms import APART, DEAD, against_explosion, against_vanishing
from minigrad.tensors.module_calls import calls

FADED, BLOWN = 1e-3, 100.0
"""Bounds on the standard deviation over the examples of a layer's output, in those of the inputs."""
FLAT, SATURATED = 0.99, 0.5
"""A tanh is at its ends beyond `FLAT`; a layer is saturated if that is so for the fraction `SATURATED`."""


def outputs(trial: Trial) -> Check:
    """Whether the outputs neither fade nor explode through the layers."""
    if trial.batch.n < 2 or not trial.layers:
        return Check("outputs", None, "one example, or no layer: the scales of the outputs cannot be compared")
    X = trial.floats(trial.batch.X)
    first = trial.signal(X) if X.dtype.kind == "f" and trial.batch.axis == 0 else trial.layers[0].signal
    if not first or not math.isfinite(first):
        return Check("outputs", None, "the inputs do not differ")
    scales = {layer.name: layer.signal for layer in trial.layers}
    faded = [layer.name for layer in trial.layers if 0 < layer.signal < FADED * first]
    blown = [layer.name for layer in trial.layers if not layer.signal < BLOWN * first]
    if blown:
        return Check(
            "outputs",
            False,
            f"the outputs explode: their standard deviation over the examples is {first:.2g} in the inputs and "
            f"{scales[blown[-1]]:.2g} in {blown[-1]}. Use initial weights proportional to 1 / sqrt(inputs) "
            "(nn.init.kaiming_normal_), or normalization layers",
        )
    if faded and not (len(faded) == 1 and faded[0] == trial.layers[-1].name):
        return Check(
            "outputs",
            False,
            f"the outputs fade: their standard deviation over the examples is {first:.2g} in the inputs and "
            f"{scales[faded[-1]]:.2g} in {faded[-1]}, so all examples look alike there. Use larger initial "
            "weights, proportional to 1 / sqrt(inputs) (nn.init.kaiming_normal_), or normalization layers",
        )
    low, high = min(scales.values()), max(scales.values())
    rows = trial.output._array
    if not high and not trial.same and rows.ndim and len(rows) == trial.batch.n and (rows == rows[:1]).all():
        return Check(
            "outputs",
            False,
            "the output is the same for all examples, and so is that of each layer, though the inputs differ: "
            "forward() does not use its input",
        )
    return Check("outputs", True, f"standard deviations over the examples from {low:.2g} to {high:.2g}")


def gradients(trial: Trial) -> Check:
    """Whether the gradients neither vanish nor explode through the layers."""
    norms: dict[str, float] = {}
    for name, g in trial.gradients.items():
        if g is not None and g.any() and np.isfinite(g).all():
            layer = name.rpartition(".")[0] or name
            norms[layer] = math.hypot(norms.get(layer, 0.0), norm([g.astype(float)]))
    zero = [name for name, p in trial.trainable.items() if p.ndim > 1 and not trial.moved.get(name, True)]
    if zero and any(trial.gradients[name] is not None for name in zero):
        text = f"the gradient of {listed(zero)} is 0: behind {zero[-1]}, units are dead, or a factor is 0"
        return Check("gradients", False, text)
    if not norms:
        return Check("gradients", False, "no parameter has a gradient other than 0")
    for _, text in forgotten(trial.scene):
        return Check("gradients", None, text)
    if len(norms) == 1:
        return Check("gradients", True, f"norm {next(iter(norms.values())):.2g}")
    order = [*norms]
    weak, strong = min(order, key=norms.__getitem__), max(order, key=norms.__getitem__)
    if norms[weak] < APART * norms[strong]:
        verb = "vanishes" if order.index(weak) < order.index(strong) else "explodes"
        functions = [node.primitive.name for node in trial.found if node.primitive is not None]
        fixes = against_vanishing(trial.model, functions) if verb == "vanishes" else against_explosion(trial.model)
        return Check(
            "gradients",
            False,
            f"the gradient {verb} on its way back: its norm is {norms[order[-1]]:.2g} in {order[-1]}, and "
            f"{norms[weak if verb == 'vanishes' else strong]:.2g} in {weak if verb == 'vanishes' else strong}. "
            f"{fixes}",
        )
    return Check("gradients", True, f"norms from {norms[weak]:.2g} ({weak}) to {norms[strong]:.2g} ({strong})")


def units(trial: Trial, learns: bool) -> Check:
    """Dead ReLUs, and tanh and sigmoid at their ends, in modules and functions.

    A deep network with PyTorch's initial values has half of its units at 0 at first; it may learn all the same.
    """
    graph: list[Any] = reverse_topological_order([trial.result.node]) if trial.result.node is not None else []
    order, home, said = [node for node in graph if node.primitive is not None][::-1], calls(graph), []
    last, worst = loss_graph.node_behind(trial.output.node), 0.0
    counted = False
    for node in order:
        kind, array = node.primitive.name, trial.found.get(node)
        if kind not in ("relu", "tanh", "sigmoid") or array is None or node is last or array.ndim < 2:
            continue
        call = home.get(node)
        place = named(call.path, call.module) if call else kind
        if kind == "relu":
            counted = True
            axis = axis_of_units(node, array.ndim) % array.ndim
            alive = (array > 0).any(axis=tuple(i for i in range(array.ndim) if i != axis))
            dead = float(1 - alive.mean())
            worst = max(worst, dead)
            if dead == 1 or (dead > DEAD and trial.batch.n >= 16 and not learns):
                said.append(
                    f"{dead:.0%} of the units of {place} are dead, 0 for all {trial.batch.n} examples: no gradient "
                    "passes there. Usual causes: a large negative bias, weights that are 0 or too large, inputs "
                    "that are not centred"
                )
        elif call is None or not any(word in type(call.module).__name__ for word in ("RNN", "LSTM", "GRU")):
            counted = True
            ends = np.abs(array if kind == "tanh" else 2 * array - 1) > FLAT
            if ends.mean() > SATURATED:
                said.append(
                    f"{place} is saturated: {ends.mean():.0%} of its results are at its ends, where its derivative "
                    "is almost 0. Use smaller initial weights (nn.init.xavier_uniform_) or smaller inputs"
                )
    if said:
        return Check("units", False, said[0])
    return Check("units", True, f"at most {worst:.0%} of a layer are dead" if counted else "no ReLU, tanh or sigmoid")


def layers(trial: Trial, learns: bool) -> Check:
    """Whether the layers have usual settings, and activations between them."""
    for look in (no_activation, strong_dropout, few_rows):
        for _, text in look(trial.scene):
            return Check("layers", False, text)
    pair = trial.scores_and_labels()
    if pair is not None and pair[0].shape[1] > 2 and not learns:
        for layer in trial.layers:
            if layer.shape == (trial.batch.n, 1):
                text = f"{layer.name} has one unit: one number for each example is too little for {pair[0].shape[1]} "
                return Check("layers", False, f"{text}classes. Use more units")
    return Check("layers", True, "an activation between linear layers, usual settings")
