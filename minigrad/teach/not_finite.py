"""Where nan and infinity in a loss come from: the first operation with such a result, its layer, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.engine import reverse_topological_order
from minigrad.nn.module import Module
from minigrad.output.words import printable
from minigrad.program.values import operands, values
from minigrad.teach.loss_graph import arrays, nodes_of
from minigrad.teach.samples import Outputs, Sample, listed, named
from minigrad.teach.symptoms import LARGE, USUAL, rate_of, times
from minigrad.tensors.module_calls import calls
from minigrad.tensors.tensor import Tensor

GIVEN = (
    ", which no recorded operation computed, such as the targets: are values missing there, or was something divided "
    "by 0, as by a standard deviation of 0"
)


def not_finite(
    loss: float,
    end: Any,
    model: Module,
    samples: Sequence[Sample],
    result: tuple[int, Any] | None = None,
    outputs: Mapping[str, Outputs] | None = None,
    known: Mapping[Any, np.ndarray] | None = None,
) -> str:
    """Return where a loss of nan or infinity comes from: the first operation with such a result, and its layer.

    The samples of the steps before say how large these were. A loss that is logged after its step comes with what the
    model gave (the id of its node, and its array), and with the outputs of the layers and the results that are known,
    if the step was sampled.
    """
    high = ""
    if samples and (ratios := samples[-1].ratios):
        worst = max(ratios, key=ratios.__getitem__)
        if ratios[worst] > LARGE:
            high = (
                f". The update of step {samples[-1].step} was {times(ratios[worst])} as long as {worst}; "
                f"{USUAL:g} is usual: the learning rate{rate_of(samples)} is too high"
            )
    if not (first := first_not_finite(end, model, result, known)):
        layer = next((name for name, o in (outputs or {}).items() if o.not_finite), None)
        first = f": {layer} is the first layer whose output is not finite" if layer is not None else ""
        first += "; to see which operation made it, run under minigrad.detect_anomaly(), or pass the loss to log() "
        first += "before backward()"
    return f"the loss is {loss:g}{first}{high}"


def first_not_finite(
    end: Any, model: Module, result: tuple[int, Any] | None = None, known: Mapping[Any, np.ndarray] | None = None
) -> str:
    """Say which operation of a loss is the first whose result is not finite, and why; "" if the graph is not known."""
    order: list[Any] = reverse_topological_order([end.node]) if isinstance(end, Tensor) and end.node is not None else []
    returned = {node: result[1] for node in order if result and id(node) == result[0]}
    found = values(end, {**(known or {}), **returned}) if order else {}
    found = {node: found[node] for node in reversed(order) if node in found}
    home = calls(order) if found else {}
    names = {module: named(path, module) for path, module in model.named_modules()}

    def place(node: Any) -> str:
        call = home.get(node)
        return f"{node.primitive.name!r}" + (f" in {names.get(call.module, call.path)}" if call else "")

    for wrong, name in (np.isnan, "nan"), (np.isinf, "infinity"):
        node = next((node for node, value in found.items() if wrong(value).any()), None)
        if node is None:
            continue
        if node.primitive is None:
            return f": {printable(node.name or 'an input')} holds {name}, since the step before"
        given = [a for a in operands(node, found) if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.size]
        if any(wrong(a).any() for a in given):
            if any(wrong(found[source]).any() for source in node.inputs if source in found):
                return f": there is {name} in what {place(node)} was given"
            return f": there is {name} in what {place(node)} was given{GIVEN}"
        if not all(source in found for source in node.inputs if source is not None):
            continue  # logged after the step: what it was given is gone
        if any(np.isinf(a).any() for a in given):  # inf - inf, 0 * inf
            infinite = next((node for node, value in found.items() if node.primitive and np.isinf(value).any()), None)
            since = f", after {place(infinite)} gave infinity" if infinite else f", of infinity{GIVEN}"
            since += _masked(node) or (_instead(infinite, []) if infinite and infinite not in home else "")
        else:
            since = f", of numbers from {min(map(np.min, given)):.3g} to {max(map(np.max, given)):.3g}" if given else ""
            since += _instead(node, [] if node in home else given)
        return f": the first operation to give {name} is {place(node)}{since}"
    given_nan = (node for node in reversed(order) if any(np.isnan(a).any() for a in arrays(node)))
    node = next(given_nan, None)
    return "" if node is None else f": there is nan in what {place(node)} was given{GIVEN}"


def _masked(node: Any) -> str:
    """Say that a softmax got -inf only in some places."""
    if node.primitive.name not in ("softmax", "log_softmax"):
        return ""
    return (
        f": the softmax over axis {node.parameters['axis']} of {node.shape} gets -inf only in some places, as if all "
        "were masked there. Is it the axis of the mask, and is the mask the right way round?"
    )


def why_not_finite(inputs: Sequence[np.ndarray]) -> str:
    """Say what may have made nan in the inputs: in all of a row or a column, a division by 0, otherwise a gap."""
    if not any(np.isnan(a).any() for a in inputs):
        return "infinity in its inputs. Was something divided by 0, or too large for float16, which ends at 65504?"
    return f"nan in its inputs{_why_nan(inputs)}"


def _why_nan(inputs: Sequence[np.ndarray]) -> str:
    nan = next(np.isnan(a) for a in inputs if np.isnan(a).any())
    columns = np.flatnonzero(nan.all(axis=0)) if nan.ndim == 2 and len(nan) > 1 else np.empty(0)
    if columns.size:
        which = f"column {columns[0]}" if columns.size == 1 else f"columns {listed([str(c) for c in columns])}"
        return (
            f", in all of {which}: does that feature not differ, so that it was divided by a standard deviation of 0? "
            "Leave it out, or divide by std + 1e-8"
        )
    rows = nan.reshape(len(nan), -1) if nan.ndim else nan
    if nan.ndim > 1 and rows.shape[1] > 1 and (rows.all(axis=1) == rows.any(axis=1)).all():
        return ", in all of some examples: were these divided by a norm, a sum or a deviation of 0? Add 1e-8 to it"
    return ". Are values missing in the data?"


def _instead(node: Any, given: Sequence[np.ndarray]) -> str:
    """Say what was rounded, or is no probability, and which function is right there.

    The arrays are those that an operation of the loss was given; in a model, they may be anything.
    """
    kind, before = node.primitive.name, {n.primitive.name for n in nodes_of(node) if n is not node}
    if kind == "log" and any(a.min() < 0 for a in given):
        return (
            ": these are scores, and no probabilities. Apply a sigmoid or a softmax first, or use a loss that takes "
            "scores, cross_entropy or binary_cross_entropy_with_logits"
        )
    if kind == "exp":
        return ": subtract the maximum first, exp(x - x.max()), as softmax and logsumexp do"
    if kind == "log" and before & {"softmax", "exp"}:
        return (
            ": a probability was so small that it was rounded to 0. Take the logarithm of the softmax in one, as "
            "log_softmax(scores) and cross_entropy(scores, classes) do"
        )
    if kind == "log" and "sigmoid" in before:
        return (
            ": a sigmoid was rounded to 0 or 1. Take its logarithm in one, as logsigmoid(scores) and "
            "binary_cross_entropy_with_logits(scores, targets) do"
        )
    if kind == "log" and given:
        return ". Use the scores, as in cross_entropy or log_softmax, or add 1e-9 before the log"
    if kind == "div" and given:
        return ". Add a small number to the divisor, such as 1e-8"
    return ""
