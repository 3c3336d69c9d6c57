"""Causes that lie between a model's output and its loss: what the graph there says before anything is learned.

Each function yields (kind, text), or nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

Said = tuple[str, str]

_MOVES = {"reshape", "permute", "getitem", "to", "clone", "expand"}
"""Primitives that hand the numbers on as they are."""
_LOSSES = {"cross_entropy", "binary_cross_entropy", "square", "abs", "softplus", "hardtanh"}
"""Primitives of losses that a learner minimizes; a power counts too."""
_ENDS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "relu": (0.0, math.inf)}
"""The range of the results of an activation."""
BEYOND = 0.05
"""How far a target may lie outside the range of the model's last activation."""


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


def squashed_scores(between: Sequence[Any]) -> Iterator[Said]:
    """Scores of a cross entropy that an activation or a dropout has limited."""
    for node in between:
        if node.primitive.name != "cross_entropy":
            continue
        before = node_behind(node.inputs[0])
        kind = before.primitive.name if before is not None and before.primitive is not None else ""
        if kind in ("relu", "tanh", "sigmoid"):
            yield (
                "scores limited",
                f"the model ends with a {kind}, which limits the scores of the softmax in the loss to "
                f"{between_words(*_ENDS[kind])}: give the loss the scores, without the {kind}",
            )
        elif kind == "mul" and is_dropout(before):
            yield (
                "dropout of the scores",
                "a dropout follows the last layer: it sets scores to 0, the one of the right class too. Put it before "
                "the last layer",
            )
        if len(node.inputs[0].shape) > 1 and node.inputs[0].shape[1] == 1:
            yield _ONE_SCORE
    for node in between:  # targets that are probabilities
        if node.primitive.name == "log_softmax" and node.shape and node.shape[-1] == 1:
            yield _ONE_SCORE


_ONE_SCORE = (
    "one score",
    "the cross entropy gets one score for each example, and the softmax of one score is 1: the loss is always 0. For "
    "two classes, use two scores, or binary_cross_entropy_with_logits with one",
)


def one_unit(output: Any) -> Iterator[Said]:
    """A softmax of one number, which is 1."""
    last = node_behind(output)
    if last is None or last.primitive is None or last.primitive.name != "softmax" or len(last.shape) < 2:
        return
    if last.shape[last.parameters["axis"]] == 1:
        yield (
            "softmax of one number",
            "the model ends with a softmax of one number for each example, which is always 1, so no gradient passes. "
            "For one probability, end with a sigmoid",
        )


def over_the_batch(between: Sequence[Any]) -> Iterator[Said]:
    """The probability of the right class from a softmax over the examples instead of the classes."""
    for node in between:
        name, index = node.primitive.name, (node.parameters or {}).get("index")
        picks = name == "getitem" and isinstance(index, tuple) and sum(isinstance(i, np.ndarray) for i in index) == 2
        if not picks and name != "cross_entropy":
            continue
        before = node_behind(node.inputs[0])
        while before is not None and before.primitive is not None and before.primitive.name in ("log", "neg", "add"):
            before = node_behind(before.inputs[0])
        if before is None or before.primitive is None or before.primitive.name not in ("softmax", "log_softmax"):
            continue
        rows, *columns = before.shape
        if len(columns) == 1 and rows != columns[0] and before.parameters["axis"] % 2 == 0:
            yield (
                "softmax over the batch",
                f"the softmax of the {before.shape} scores runs over axis 0, the examples, so the probabilities of an "
                "example's classes do not sum to 1: use dim=1",
            )
            return


def binary_targets(between: Sequence[Any]) -> Iterator[Said]:
    """Targets of a binary cross entropy that are no probabilities."""
    for node in between:
        if node.primitive.name != "add":
            continue
        terms = [s for s in map(node_behind, node.inputs) if s is not None and s.primitive is not None]
        if not any("softplus" in (term.primitive.name, *_inputs(term)) for term in terms):
            continue
        for term in terms:
            for array in _arrays(term) if term.primitive.name == "mul" and "softplus" not in _inputs(term) else ():
                least, most = float(1 - array.max()), float(1 - array.min())  # it is (1 - target) * score
                if least < -BEYOND or most > 1 + BEYOND:
                    yield (
                        "targets out of range",
                        f"the targets of a binary cross entropy must lie between 0 and 1, but they go from {least:.3g} "
                        f"to {most:.3g}, and the loss has no lower end. For classes 0, 1, 2, … use a score for each "
                        "class and cross_entropy",
                    )
                    return


def summed(loss: Any) -> int:
    """Return the number of examples that the loss is a sum over; 0 for other losses."""
    node, factor = loss, 1.0
    while node is not None and node.primitive is not None:
        name = node.primitive.name
        if name in ("mul", "div") and None in node.inputs[:2]:
            constant = _constant(node, 0 if node.inputs[0] is None else 1)
            if constant is None or not float(constant):
                return 0
            factor *= float(constant) if name == "mul" else 1 / float(constant)
            node = next((s for s in node.inputs if s is not None), None)
        elif name == "neg" or name in _MOVES:
            node = node.inputs[0]
        else:
            break
    if node is None or node.primitive is None or node.primitive.name != "sum" or node.shape:
        return 0
    shape = node.inputs[0].shape
    return shape[0] if shape and abs(factor) * math.prod(shape) > 0.5 * math.prod(shape) else 0


def penalty(loss: Any, parameters: Collection[Any]) -> float:
    """Return the factor of the sum of a parameter's squares in the loss, the largest one; 0 if there is none."""
    largest, pending = 0.0, [(loss, 1.0)]
    for _ in range(1000):
        if not pending:
            break
        node, factor = pending.pop()
        if node is None or node.primitive is None:
            continue
        name, inner = node.primitive.name, node.inputs[0]
        if name == "add":
            pending += [(source, factor) for source in node.inputs]
        elif name in ("mul", "div") and None in node.inputs[:2]:
            constant = _constant(node, 0 if inner is None else 1)
            if constant is not None and float(constant):
                scale = float(constant) if name == "mul" else 1 / float(constant)
                pending += [(source, factor * scale) for source in node.inputs]
        elif name in ("sum", "mean") and inner is not None and inner.primitive is not None and not node.shape:
            leaf, exponent = inner.inputs[0], _constant(inner, 1)
            kind = inner.primitive.name
            squares = (
                kind == "square"
                or (kind == "pow" and exponent is not None and float(exponent) == 2)
                or (kind == "mul" and len(inner.inputs) > 1 and inner.inputs[1] is leaf)
            )
            if squares and leaf in parameters:
                largest = max(largest, factor / (math.prod(inner.shape) if name == "mean" else 1))
        elif name in _MOVES:
            pending.append((inner, factor))
    return largest


def learns_values(between: Sequence[Any]) -> bool:
    """Return whether a regression picks one output for each example, as the value of an action in Q-learning."""
    names = {node.primitive.name for node in between}
    picked = any(
        node.primitive.name == "getitem"
        and isinstance(index := (node.parameters or {}).get("index"), tuple)
        and sum(isinstance(i, np.ndarray) for i in index) > 1
        for node in between
    )
    return picked and bool(names & {"square", "pow", "hardtanh", "abs"})


def _inputs(node: Any) -> list[str]:
    """Return the names of the primitives right before a node."""
    return [s.primitive.name for s in node.inputs if s is not None and s.primitive is not None]


def _arrays(node: Any) -> Iterator[np.ndarray]:
    """Iterate over the constants of a node that are arrays of floats."""
    for constant in (getattr(node, "constants", None) or {}).values():
        array = getattr(constant, "_array", getattr(constant, "value", None))
        if isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.ndim and array.size:
            yield array


def without_logarithm(between: Sequence[Any]) -> Iterator[Said]:
    """A negative log-likelihood of what is no logarithm: minus the score or the probability of the right class."""
    for node in between:
        if node.primitive.name != "neg":
            continue
        picked = node.inputs[0]
        if picked.primitive is None or picked.primitive.name != "getitem" or len(picked.inputs[0].shape) < 2:
            continue
        before = node_behind(picked)
        kind = before.primitive.name if before is not None and before.primitive is not None else ""
        index = (picked.parameters or {}).get("index")
        if not isinstance(index, tuple) or sum(isinstance(i, np.ndarray) for i in index) < 2:
            continue
        if kind == "softmax":
            yield (
                "logarithm missing",
                "the loss is minus the probability of the right class, without its logarithm: nll_loss takes "
                "log_softmax(scores); cross_entropy takes the scores",
            )
        elif kind in ("linear", "matmul", "add"):
            yield (
                "logarithm missing",
                "the loss is minus the score of the right class, which has no lower end: nll_loss takes "
                "log_softmax(scores); cross_entropy takes the scores",
            )


def out_of_range(between: Sequence[Any], output: Any) -> Iterator[Said]:
    """Targets of a regression that the model's last activation cannot reach."""
    last = node_behind(output)
    kind = last.primitive.name if last is not None and last.primitive is not None else ""
    low, high = _ENDS.get(kind, (-math.inf, math.inf))
    for target in targets(between, output) if kind in _ENDS else ():
        least, most = float(target.min()), float(target.max())
        if least < low - BEYOND or most > high + BEYOND:
            yield (
                "targets out of range",
                f"the model ends with a {kind}, whose results lie {between_words(low, high)}, but the targets go from "
                f"{least:.3g} to {most:.3g}: leave the {kind} out, or scale the targets",
            )
            return


def between_words(low: float, high: float) -> str:
    """Say a range.

    >>> between_words(0, 1), between_words(0, math.inf)
    ('between 0 and 1', 'at or above 0')
    """
    return f"between {low:g} and {high:g}" if math.isfinite(high) else f"at or above {low:g}"


def targets(between: Sequence[Any], output: Any) -> Iterator[np.ndarray]:
    """Iterate over the targets of a regression: the constants from which the output is subtracted, or the reverse."""
    behind = node_behind(output)
    for node in between:
        if node.primitive.name == "sub" and any(node_behind(source) is behind for source in node.inputs if source):
            yield from _arrays(node)


def guessing(loss: Any, output: Any) -> float:
    """Return what guessing costs: ln(classes), or the variance of the targets; nan for other losses than their mean."""
    node = loss
    while node is not None and node.primitive is not None and node.primitive.name in ("mean", *_MOVES):
        node = node.inputs[0]
    name = node.primitive.name if node is not None and node.primitive is not None else ""
    shape: tuple[int, ...] = node.inputs[0].shape if name == "cross_entropy" and node.inputs[0] is not None else ()
    if len(shape) > 1 and shape[1] > 1:
        return math.log(shape[1])
    for array in targets(nodes_between(output, loss), output) if name in ("square", "pow") else ():
        return float(array.var())
    return math.nan


def goal(loss: Any) -> int:
    """Return 1 for a loss that must be minimized, -1 for a negated one or a log-likelihood, 0 where it is not known."""
    sign, node = 1, loss
    while node is not None and node.primitive is not None:
        name, first = node.primitive.name, node.inputs[0] if node.inputs else None
        if name in _LOSSES:
            return sign
        if name == "log_softmax":
            return -sign
        if name == "pow":
            exponent = _constant(node, 1)
            return sign if exponent is not None and float(exponent) % 2 == 0 else 0
        if name == "neg" or (name == "sub" and first is None):
            sign, node = -sign, node.inputs[0] if name == "neg" else node.inputs[1]
        elif name in ("mul", "div") and None in node.inputs[:2]:
            factor = _constant(node, 0 if first is None else 1)
            if factor is None or not float(factor):
                return 0
            sign, node = sign if float(factor) > 0 else -sign, first if first is not None else node.inputs[1]
        elif name in ("mean", "sum", "add", "sub", *_MOVES):
            node = first if first is not None else node.inputs[1] if len(node.inputs) > 1 else None
        else:
            return 0
    return 0


def _constant(node: Any, position: int) -> Any:
    """Return an operand that is a constant of one element, None for others."""
    constant = (getattr(node, "constants", None) or {}).get(position)
    array = getattr(constant, "_array", getattr(constant, "value", constant))
    return array if array is not None and getattr(array, "size", 1) == 1 else None


def other_parameters(between: Sequence[Any]) -> bool:
    """Return whether the loss depends on what is trained elsewhere, as a generator's on the critic."""
    inside = set(between)
    return any(
        source is not None and source.primitive is None and source not in inside
        for node in between
        if node.primitive.name in ("linear", "matmul", "conv")
        for source in node.inputs
    )


def is_dropout(node: Any) -> bool:
    """Return whether a product drops elements: by a constant that is 0 or one number above 1."""
    return dropped(node) > 0


def dropped(node: Any) -> float:
    """Return the fraction of its input that a dropout drops on average; 0 for other products."""
    for constant in (getattr(node, "constants", None) or {}).values():
        array = getattr(constant, "_array", getattr(constant, "value", None))
        if isinstance(array, np.ndarray) and array.shape == node.shape and array.size > 1:
            kinds = np.unique(array)
            if len(kinds) == 2 and kinds[0] == 0 and kinds[1] > 1:
                return float(1 - 1 / kinds[1])
    return 0.0


def label_of(between: Sequence[Any]) -> int | None:
    """Return the class of all targets of a cross entropy, None if they differ or there is none."""
    for node in between:
        target = (
            (getattr(node, "parameters", None) or {}).get("target") if node.primitive.name == "cross_entropy" else None
        )
        if isinstance(target, np.ndarray) and target.size > 3 and (target == target.flat[0]).all():
            return int(target.flat[0])
    return None


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


def _operand_shapes(node: Any) -> list[tuple[int, ...]]:
    constants = getattr(node, "constants", None) or {}
    operands = [source if source is not None else constants.get(i) for i, source in enumerate(node.inputs)]
    return [tuple(getattr(o, "shape", ())) for o in operands]
