"""Checks of the layers: the scales of their outputs and gradients, their units, their settings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.engine import reverse_topological_order
from minigrad.grad_mode import no_grad
from minigrad.nn.embedding import Embedding
from minigrad.teach import loss_graph
from minigrad.teach.causes.activations import FLAT as STAIRS
from minigrad.teach.causes.activations import no_activation, saturated_attention, steps_of_stairs
from minigrad.teach.causes.functions import wrong_backward
from minigrad.teach.causes.gradients import multiplied_by_zero
from minigrad.teach.causes.layers import few_rows, repeated, strong_dropout, two_rows
from minigrad.teach.causes.sequences import forgotten
from minigrad.teach.samples import axis_of_units, listed, named, norm
from minigrad.teach.sanity.report import Verdict, check
from minigrad.teach.sanity.trial import Trial, equal_along, mode
from minigrad.teach.symptoms import APART, DEAD, against_explosion, against_vanishing
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.module_calls import calls
from minigrad.tensors.tensor import Tensor

FADED, BLOWN = 1e-3, 100.0
"""Bounds on the standard deviation over the examples of a layer's output, in those of the inputs."""
ROUNDING = 1e-5
"""The largest difference that rounding makes of equal numbers, as a part of them."""
ENDED = ("relu", "tanh", "sigmoid")
PARTS = 4
"""An input of up to so many parts along axis 1 is a pair, a triplet, an image with channels or a row of indices."""
FLAT, SATURATED = 0.99, 0.5
"""A tanh is at its ends beyond `FLAT`; a layer is saturated if that is so for the fraction `SATURATED`."""


@check
def outputs(trial: Trial) -> Verdict:
    """Whether the outputs neither fade nor explode through the layers."""
    if trial.batch.n < 2:
        return None, "there is one example only"
    X = trial.floats(trial.batch.X)
    given = [trial.signal(X)] if X.dtype.kind == "f" and trial.batch.axis == 0 else []
    first = [*given, *(layer.signal for layer in trial.layers), 1.0][0]
    if (
        not first and not equal_along(X, trial.batch.axis) and (text := _same_for_all(trial, 1.0))
    ):  # behind the first layer
        return False, text
    if not first or not math.isfinite(first):
        return None, "the inputs do not differ"
    if text := _same_for_all(trial, first) or _unused_part(trial):
        return False, text
    if not trial.layers:
        return None, "there is no layer, so scales cannot be compared"
    scales = {layer.name: layer.signal for layer in trial.layers}
    faded = [layer.name for layer in trial.layers if 0 < layer.signal < FADED * first]
    blown = [layer.name for layer in trial.layers if not layer.signal < BLOWN * first]
    if blown:
        return False, (
            f"the outputs explode: their standard deviation over the examples is {first:.2g} in the inputs and "
            f"{scales[blown[-1]]:.2g} in {blown[-1]}. Use initial weights proportional to 1 / sqrt(inputs) "
            "(nn.init.kaiming_normal_), or normalization layers"
        )
    if faded and not (len(faded) == 1 and faded[0] == trial.layers[-1].name):
        return False, (
            f"the outputs fade: their standard deviation over the examples is {first:.2g} in the inputs and "
            f"{scales[faded[-1]]:.2g} in {faded[-1]}, so all examples look alike there. "
            f"Are the initial weights too small? {against_vanishing(trial.model, _functions(trial))}"
        )
    low, high = min(scales.values()), max(scales.values())
    return True, f"standard deviations over the examples from {low:.2g} to {high:.2g}"


def _functions(trial: Trial) -> list[str]:
    return [node.primitive.name for node in trial.found if node.primitive is not None]


def _same_for_all(trial: Trial, first: float) -> str:
    """Say why the output is the same for all examples, without dropout; a last layer of zeros is a usual start."""
    with no_grad(), mode(trial.model, False):
        rows, layers = trial.layers_of(trial.batch)
    if trial.output.node is None or trial.several or rows.shape[:1] != (trial.batch.n,) or not np.isfinite(rows).all():
        return ""
    still = any(p.ndim > 1 and not trial.moved.get(name, True) for name, p in trial.trainable.items())
    apart = float(np.ptp(rows, axis=0).max(initial=0))
    if apart > ROUNDING * np.abs(rows).max(initial=0) or not (still or equal_along(rows)):
        return ""
    if any(0 < layer.signal < FADED * first for layer in layers) and not still:
        return ""  # it fades
    computed = [node for node in loss_graph.nodes_of(trial.output.node) if node in trial.found]
    same = {node for node in computed if equal_along(trial.found[node])}
    if any(node.primitive.name in ENDED and node in same and node.inputs[0] in {*computed} - same for node in computed):
        return ""  # dead or saturated units
    weights = {name: p for name, p in trial.model.named_parameters() if p.ndim == 2 or (p.ndim > 2 and p.shape[0] > 1)}
    zero = [name for name, p in weights.items() if not p._array.any()]
    if 1 < len(zero) == len(weights):  # a single layer may begin at 0, as in logistic regression
        text = f"the weights {listed(zero)} are all 0, so the output is the same for all examples, and units of a layer"
        return f"{text} get the same gradient. Initialize them at random, as nn.init.kaiming_normal_ does"
    if zero:
        return ""
    axes = [named(path, m) for path, m in trial.model.named_modules() if getattr(m, "batch_first", True) is False]
    signals = [(layer.name, layer.signal > ROUNDING * first) for layer in layers]
    last = max((i for i, (_, differ) in enumerate(signals) if differ), default=-1)
    where = f"behind {signals[last][0]}, the last layer whose results differ" if last >= 0 else "and so is each layer's"
    following = signals[last + 1][0] if 0 <= last < len(signals) - 1 else ""
    if following.endswith(("ReLU)", "Tanh)", "Sigmoid)")):
        return (
            f"the output is the same for all examples, because all units of {following} are at their ends, where no "
            "gradient passes. Usual causes: a large bias, weights that are too large, inputs that are not centred"
        )
    tables = [(path, m) for path, m in trial.model.named_modules() if isinstance(m, Embedding)]
    alike = [named(path, m) for path, m in tables if len(m.weight) > 1 and equal_along(m.weight._array)]
    why = (
        f"all rows of {alike[0]} are the same. Initialize them at random, as nn.Embedding does"
        if alike
        else "a difference in forward() is that of two equal results. Does it use one part of the input twice?"
        if any(node.primitive.name == "sub" and not trial.found[node].any() for node in computed)
        else f"{axes[0]} takes axis 0 for the time. If axis 0 is the batch, set batch_first=True"
        if axes
        else "forward() does not use its input, or not what is computed from it"
    )
    return f"the output is the same for all examples, {where}, though the inputs differ: {why}"


def _unused_part(trial: Trial) -> str:
    """Say which input of a few, such as one of a pair or a channel, the output does not depend on."""
    X, batch = trial.batch.X, trial.batch
    parts = X.shape[1] if X.ndim > 1 and batch.axis == 0 else 0
    if not 1 < parts <= PARTS or batch.n < 2 or trial.several or (X.ndim == 2 and X.dtype.kind == "f"):
        return ""
    unused = []
    with no_grad(), mode(trial.model, False):
        before = trial.run(batch)[0]._array
        for i in range(parts):
            changed = batch.with_inputs(X.copy())
            changed.X[:, i] = np.roll(X[:, i], 1, axis=0)
            if not np.array_equal(changed.X, X) and np.array_equal(trial.run(changed)[0]._array, before):
                unused.append(f"X[:, {i}]")
    if not unused or len(unused) == parts:
        return ""
    return f"the output does not depend on {listed(unused)}: forward() does not use it. Is another part used twice?"


@check
def gradients(trial: Trial) -> Verdict:
    """Whether the gradients neither vanish nor explode through the layers."""
    norms: dict[str, float] = {}
    for name, g in trial.gradients.items():
        if g is not None and g.any() and np.isfinite(g).all():
            layer = name.rpartition(".")[0] or name
            norms[layer] = math.hypot(norms.get(layer, 0.0), norm([g.astype(float)]))
    zero = [name for name, p in trial.trainable.items() if p.ndim > 1 and not trial.moved.get(name, True)]
    if zero and any(trial.gradients[name] is not None for name in zero):
        text = f"the gradient of {listed(zero)} is 0: behind {zero[-1]}, units are dead, or a factor is 0"
        owner = zero[0].rpartition(".")[0]
        others = [n for n in trial.trainable if n.rpartition(".")[0] == owner and "weight" in n and trial.moved.get(n)]
        if owner and others and len(zero) == 1:
            text = multiplied_by_zero.sentence.format(name=zero[0], other=others[0])
        for node in loss_graph.nodes_of(trial.result.node):
            if node.primitive.name in STAIRS:
                text = steps_of_stairs.sentence.format(name=node.primitive.name, layers=listed(zero))
        return False, text
    if not norms:
        return False, "no parameter has a gradient other than 0"
    recurrent = any(word in type(m).__name__ for m in trial.model.modules() for word in ("RNN", "LSTM", "GRU"))
    if recurrent and (text := trial.said_by(forgotten)):
        return None, text
    if len(norms) == 1:
        return True, f"norm {next(iter(norms.values())):.2g}"
    names: dict[Any, str] = {p.node: name.rpartition(".")[0] or name for name, p in trial.trainable.items()}
    forward = [*loss_graph.nodes_of(trial.result.node)][::-1]
    order = [*dict.fromkeys(names[s] for node in forward for s in node.inputs if names.get(s) in norms)]  # as they run
    weak, strong = min(order, key=norms.__getitem__), max(order, key=norms.__getitem__)
    verb = "vanishes" if order.index(weak) < order.index(strong) else "explodes"
    if verb == "vanishes" and norms[order[0]] > APART * norms[strong]:
        weak = order[0]  # what is small in a branch alone, as in the keys of an attention that is even at first, is not
    if norms[weak] < APART * norms[strong]:
        of = trial.model
        fixes = against_vanishing(of, _functions(trial)) if verb == "vanishes" else against_explosion(of)
        return False, (
            f"the gradient {verb} on its way back: its norm is {norms[order[-1]]:.2g} in {order[-1]}, and "
            f"{norms[weak if verb == 'vanishes' else strong]:.2g} in {weak if verb == 'vanishes' else strong}. "
            f"{fixes}"
        )
    return True, f"norms from {norms[weak]:.2g} ({weak}) to {norms[strong]:.2g} ({strong})"


@check
def units(trial: Trial, learns: bool) -> Verdict:
    """Dead ReLUs, and tanh and sigmoid at their ends, in modules and functions.

    A deep network with PyTorch's initial values has half of its units at 0 at first; it may learn all the same.
    """
    graph: list[Any] = reverse_topological_order([trial.result.node]) if trial.result.node is not None else []
    order, home, said = [node for node in graph if node.primitive is not None][::-1], calls(graph), []
    last, worst = loss_graph.node_behind(trial.output.node), 0.0
    counted = False
    for node in order:
        kind, array = node.primitive.name, trial.found.get(node)
        if kind not in ("relu", "tanh", "sigmoid") or array is None or node is last:
            continue
        if array.ndim < (2 if kind == "relu" else 1):
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
        return False, said[0]
    return True, f"at most {worst:.0%} of a layer are dead" if counted else "no ReLU, tanh or sigmoid"


def _channels_last(trial: Trial) -> str:
    """Say that images with the channels last were reshaped, not transposed, to what a convolution gets."""
    X = trial.batch.X
    if trial.inside or X.ndim != 4 or X.dtype.kind != "f" or X.shape[3] == 1 or X.shape[1] == X.shape[3]:
        return ""
    first = (X.shape[0], X.shape[3], *X.shape[1:3])
    leaf = as_tensor(X.copy()).requires_grad_()
    with mode(trial.model, False):
        out = trial.model(leaf)
    graph: list[Any] = reverse_topological_order([out.node] if isinstance(out, Tensor) and out.node else [])
    for node in graph:
        if node.inputs[:1] == (leaf.node,) and node.primitive.name == "reshape" and node.shape == first:
            return (
                f"the images of shape {X.shape} become {first} by a reshape, which does not exchange axes: to move the "
                "channels to axis 1, use permute(0, 3, 1, 2)"
            )
    return ""


@check
def layers(trial: Trial, learns: bool) -> Verdict:
    """Whether the layers have usual settings, and activations between them."""
    seen = wrong_backward, no_activation, repeated, strong_dropout, two_rows, few_rows, saturated_attention
    if text := trial.said_by(*seen) or _channels_last(trial):
        return False, text
    pair = trial.scores_and_labels()
    if pair is not None and pair[0].shape[1] > 2 and not learns:
        for layer in trial.layers:
            if layer.shape == (trial.batch.n, 1):
                text = f"{layer.name} has one unit: one number for each example is too little for {pair[0].shape[1]} "
                return False, f"{text}classes. Use more units"
    return True, "an activation between linear layers, usual settings"
