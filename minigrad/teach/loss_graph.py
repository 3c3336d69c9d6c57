"""Reading the graph between a model's output and its loss: targets, scores, penalties, the cost of guessing."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.engine import reverse_topological_order

_MOVES = {"reshape", "permute", "getitem", "gather", "to", "clone", "expand"}
"""Primitives that hand the numbers on as they are."""
_LOSSES = {"cross_entropy", "binary_cross_entropy", "square", "abs", "softplus", "hardtanh"}
"""Primitives of losses that a learner minimizes; a power counts too."""
ENDS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "relu": (0.0, math.inf)}
"""The range of the results of an activation."""
BEYOND = 0.05
"""How far a target may lie outside the range of the model's last activation."""


def kind_of(node: Any) -> str:
    """Return the name of the primitive that computed a node; "" for a leaf, and for None."""
    return "" if node is None or node.primitive is None else str(node.primitive.name)


def multiplied(loss: Any) -> tuple[Any, float]:
    """Return the node that a loss is a multiple of, but for a constant, and the factor; 0 if that is not known."""
    node, factor = loss, 1.0
    while kind_of(node) in ("mul", "div", "add", "neg", *_MOVES):
        if node.primitive.name in ("mul", "div", "add") and None not in node.inputs[:2]:
            break
        factor *= scale(node) if node.primitive.name in ("mul", "div") else 1.0
        node = first_operand(node)
    return node, factor


def summed(loss: Any) -> int:
    """Return the number of examples that the loss is a sum over, or that their mean is multiplied by; 0 for others."""
    node, factor = multiplied(loss)
    if kind_of(node) == "mean":
        return round(abs(factor))
    if kind_of(node) != "sum" or node.shape:
        return 0
    shape = node.inputs[0].shape
    return shape[0] if shape and abs(factor) > 0.5 else 0


def penalty(loss: Any, parameters: Collection[Any], absolute: bool = False) -> float:
    """Return the largest factor of a sum of a parameter's squares in the loss, which may be below 0; 0 without one.

    With `absolute`, it is that of a sum of absolute values.
    """
    largest = 0.0
    for node, factor in terms(loss):
        inner: Any = node.inputs[0] if kind_of(node) in ("sum", "mean") and not node.shape else None
        if (kind_of(inner) == "abs" if absolute else is_square(inner)) and inner.inputs[0] in parameters:
            largest = max(largest, factor / (math.prod(inner.shape) if kind_of(node) == "mean" else 1), key=abs)
    return largest


def learns_values(between: Sequence[Any]) -> bool:
    """Return whether a regression picks one output for each example, as the value of an action in Q-learning."""
    squared = not {"square", "pow", "hardtanh", "abs"}.isdisjoint(map(kind_of, between))
    return squared and any(indices(node) > 1 or kind_of(node) == "gather" for node in between)


def indices(node: Any) -> int:
    """Return the number of arrays that a node picks by, such as the 2 of scores[range(N), classes]; 0 for others."""
    index = (node.parameters or {}).get("index") if kind_of(node) == "getitem" else None
    return sum(isinstance(i, np.ndarray) for i in index) if isinstance(index, tuple) else 0


def is_square(node: Any) -> bool:
    """Return whether a node is a square, as x.square(), x**2 or x * x."""
    kind, exponent = kind_of(node), _constant(node, 1) if kind_of(node) == "pow" else None
    by_itself = kind == "mul" and node.inputs[0] is node.inputs[1] is not None
    return kind == "square" or by_itself or (exponent is not None and float(exponent) == 2)


def input_names(node: Any) -> list[str]:
    """Return the names of the primitives right before a node."""
    return [kind_of(s) for s in node.inputs if kind_of(s)]


def constants(node: Any) -> Iterator[np.ndarray]:
    """Iterate over the constants of a node, as arrays."""
    for position in getattr(node, "constants", None) or {}:
        array = np.asarray(_given(node, position))
        if array.dtype.kind in "fiu" and array.size:
            yield array


def booleans(node: Any) -> Iterator[np.ndarray]:
    """Iterate over the constants of a node that are arrays of booleans, as the conditions of a `where`."""
    given = (np.asarray(_given(node, position)) for position in getattr(node, "constants", None) or {})
    return (array for array in given if array.dtype.kind == "b" and array.ndim)


def arrays(node: Any) -> Iterator[np.ndarray]:
    """Iterate over the constants of a node that are arrays of floats."""
    return (array for array in constants(node) if array.dtype.kind == "f" and array.ndim)


def between_words(low: float, high: float) -> str:
    """Say a range.

    >>> between_words(0, 1), between_words(0, math.inf)
    ('between 0 and 1', 'at or above 0')
    """
    return f"between {low:g} and {high:g}" if math.isfinite(high) else f"at or above {low:g}"


def targets(between: Sequence[Any], output: Any) -> Iterator[np.ndarray]:
    """Iterate over the targets of a regression: the constants from which the output is subtracted, or the reverse.

    The loss may apply an activation to it first.
    """
    behind = node_behind(output)
    squashed = [node for node in between if kind_of(node) in ENDS and node_behind(node.inputs[0]) is behind]
    for node in between:
        if node.primitive.name == "sub" and {behind, *squashed} & {*map(node_behind, filter(None, node.inputs))}:
            yield from arrays(node)


def guessing(loss: Any, output: Any) -> float:
    """Return what guessing costs: ln(classes), or the variance of the targets; nan for other losses than their mean."""
    node, factor = multiplied(loss)
    if kind_of(node) == "mean" and bits_of(nodes_between(output, loss)) is not None:
        return abs(factor) * math.log(2)
    by_hand = kind_of(node) == "mean"  # a negative log-likelihood
    while kind_of(node) in ("mean", "neg", *_MOVES) and (kind_of(node) != "getitem" or _picked(node) is None):
        node = node.inputs[0]
    name = kind_of(node)
    scores = node.inputs[0] if name == "cross_entropy" or (by_hand and _picked(node) is not None) else None
    shape: tuple[int, ...] = scores.shape if scores is not None else ()
    if len(shape) > 1 and shape[1] > 1:
        return factor * math.log(shape[1])
    for array in targets(nodes_between(output, loss), output) if name in ("square", "pow") else ():
        each = array.ndim > 1 and len(array) > 7  # a guess for each of several numbers
        return factor * float(array.var(axis=0, ddof=1).mean() if each else array.var())
    return math.nan


def terms(loss: Any) -> list[tuple[Any, float]]:
    """Return the terms that a loss is the sum of, each with its factor."""
    found: list[tuple[Any, float]] = []
    pending = [(loss, 1.0)]
    while pending and len(found) < 20:
        node, factor = pending.pop()
        name = kind_of(node)
        sources = [source for source in node.inputs if source is not None] if name else []
        if any(source.shape for source in sources):
            found.append((node, factor))
        elif name in ("add", "sub"):
            pending += [(s, -factor if name == "sub" and s is node.inputs[1] else factor) for s in sources]
        elif name in ("mul", "div") and len(sources) == 1 and (times := scale(node)):
            pending.append((sources[0], factor * times))
        elif name in ("neg", *_MOVES):
            pending.append((sources[0], -factor if name == "neg" else factor))
        else:
            found.append((node, factor))
    return found


@dataclass
class Taken:
    """A product of the (logarithm of the) probability of the action taken in each row, and a weight."""

    product: Any  # its node
    sources: list[Any]  # the softmax, or its logarithm, of all actions; one for each step, if these are stacked
    actions: np.ndarray  # those taken
    negated: bool  # whether a minus stands between picking and product
    logarithm: bool  # whether the logarithm is taken
    weights: np.ndarray  # what the actions brought, in the order of the rows

    def probabilities(self, values: Mapping[Any, np.ndarray]) -> np.ndarray | None:
        """Return the probabilities of all actions in each row, given the values of nodes; None if not known."""
        if any(source not in values for source in self.sources):
            return None
        rows = [values[source].astype(float).reshape(-1, source.shape[-1]) for source in self.sources]
        found = np.concatenate(rows)
        if len(found) != len(self.actions):
            return None
        return found if kind_of(self.sources[0]) == "softmax" else np.exp(found)

    def brought(self, between: Sequence[Any], values: Mapping[Any, np.ndarray]) -> int:
        """Return 1 if the weights are what the actions brought, -1 if they are its negative, 0 if that is not known.

        It is 1 if they go with the errors of a critic, its targets minus its values; else, if none is below 0 and
        they are no losses of the same step, as in the score-function estimator of an expected loss.
        """
        weights = self.weights
        losses = (values.get(node) for node in between if kind_of(node_behind(node)) in ("square", "pow", *_LOSSES))
        if any(each is not None and np.array_equal(each.ravel(), weights) for each in losses):
            return 0
        for node in between:
            value = values.get(first_operand(node)) if kind_of(node) == "sub" else None
            for target in arrays(node):
                if value is not None and target.shape == value.shape and target.size == weights.size:
                    error = (target - value).astype(float).ravel()
                    if error.std() and weights.std():
                        together = float(np.corrcoef(error, weights)[0, 1])
                        return (together > 0.5) - (together < -0.5)
        return int((weights >= 0).all() and weights.any())


def actions_taken(between: Sequence[Any]) -> Iterator[Taken]:
    """Iterate over what a policy's loss is the mean of: log-probabilities of actions times what they brought.

    The products of the steps of an episode may also be made one by one, and stacked.
    """
    for node in between:
        one_by_one = kind_of(node) in ("stack", "cat")
        products, signs = zip(*map(_unsigned, node.inputs if one_by_one else [node]))
        if any(kind_of(product) != "mul" or None not in product.inputs for product in products):
            continue
        numbers = [a.ravel() for product in products for a in constants(product) if one_by_one or a.size > 1]
        parts, inner = zip(*(_unsigned(first_operand(product)) for product in products))
        if not one_by_one and kind_of(parts[0]) in ("stack", "cat"):
            parts = parts[0].inputs
        found = [picked_actions(_unsigned(part)[0]) for part in parts]
        known = [pair for pair in found if pair is not None]
        actions = np.concatenate([taken for taken, _ in known]) if known else np.empty(0)
        if len(known) == len(found) and numbers and actions.size > 1:
            logs, sources = zip(*(distribution(source) for _, source in known))
            if all(sources):
                yield Taken(node, [*sources], actions, signs[0] ^ inner[0], logs[0], np.concatenate(numbers))


def rated(loss: Any, parameters: Collection[Any]) -> np.ndarray | None:
    """Return the users, items and ratings of a regression as three rows; None for others.

    These are the indices by which rows of two matrices of parameters are taken, one of each for a target.
    """
    nodes = [*nodes_of(loss)]
    given = [a for node in nodes if kind_of(node) == "sub" for a in arrays(node) if a.ndim == 1 or a.size == len(a)]
    indices: dict[Any, np.ndarray] = {}
    for node in nodes:
        if kind_of(node) in ("getitem", "gather", "embedding") and node.inputs[0] in parameters:
            index = np.asarray((node.parameters or {}).get("index", 0))
            if index.dtype.kind in "iu" and given and index.size == given[0].size:
                indices.setdefault(index.tobytes(), index.ravel())
    if len(indices) != 2 or given[0].size < 2:
        return None
    return np.stack([*indices.values(), given[0].ravel()]).astype(float)


def _unsigned(node: Any) -> tuple[Any, bool]:
    """Return the node behind minuses and reshapes, and whether the number of minuses is odd."""
    negated = False
    while kind_of(node) in ("reshape", "neg"):
        node, negated = node.inputs[0], negated ^ (kind_of(node) == "neg")
    return node, negated


def values_taken(between: Sequence[Any]) -> Iterator[tuple[Any, np.ndarray]]:
    """Iterate over what a regression of values gets: the node of the values of all actions, and the actions taken."""
    for node in between:
        picked = picked_actions(first_operand(node)) if kind_of(node) == "sub" and [*arrays(node)] else None
        if picked is not None and picked[1].shape == (len(picked[0]), *picked[1].shape[-1:]):
            yield picked[1], picked[0]


def picked_actions(picked: Any) -> tuple[np.ndarray, Any] | None:
    """Return the actions that a node picks, and the node of which it does; None if it picks none."""
    while kind_of(picked) == "reshape":
        picked = picked.inputs[0]
    index = (picked.parameters or {}).get("index") if kind_of(picked) in ("getitem", "gather") else None
    actions = index[-1] if isinstance(index, tuple) else index
    if actions is None or np.asarray(actions).dtype.kind not in "iu":
        return None
    return np.asarray(actions).ravel(), picked.inputs[0]


def distribution(node: Any) -> tuple[bool, Any]:
    """Return whether a node is a logarithm of probabilities, and the softmax that gives them, or None.

    Scores minus their logsumexp are the logarithm of a softmax.
    """
    node, logarithm = node_behind(node), False
    while kind_of(node) in ("log", "clamp") or (
        kind_of(node) == "div" and kind_of(node_behind(node.inputs[1])) == "sum"
    ):
        node, logarithm = node_behind(node.inputs[0]), logarithm or kind_of(node) == "log"
    kind = kind_of(node)
    by_hand = kind == "sub" and kind_of(node_behind(node.inputs[1])) == "logsumexp"
    known = kind in ("softmax", "log_softmax") or by_hand
    return logarithm or kind != "softmax", node if known else None


def linear_terms(loss: Any) -> dict[Any, int]:
    """Return the nodes that a loss is a linear function of, with the sign of each factor; 0 if they differ."""
    found: dict[Any, int] = {}
    pending = [(loss, 1)]
    while pending and len(found) < 1000:
        node, sign = pending.pop()
        found[node] = sign if found.get(node, sign) == sign else 0
        kind = kind_of(node)
        if kind in ("mul", "div") and None in node.inputs[:2]:
            constant = next(constants(node), np.zeros(1))
            low, high = float(constant.min()), float(constant.max())
            sign *= 1 if low >= 0 < high else -1 if high <= 0 > low else 0
        elif kind == "neg":
            sign = -sign
        elif kind not in ("add", "sub", "mean", "sum", "cat", "stack", "where", *_MOVES):
            continue
        for i, source in enumerate(node.inputs):
            if source is not None and sign:
                pending.append((source, -sign if kind == "sub" and i else sign))
    return found


def result_of(loss: Any, parameters: Collection[Any]) -> Any:
    """Return the node of the last linear function of a network whose output is not known, or of the last parameter."""
    users: dict[Any, Any] = {}
    last = None  # with embeddings alone
    for node in nodes_of(loss):
        last = last or (node if any(s in parameters for s in node.inputs) else None)
        if node.primitive.name in ("matmul", "linear") and any(s in parameters for s in node.inputs):
            after: Any = users.get(node)
            biased = kind_of(after) == "add" and any(s in parameters for s in after.inputs if s is not node)
            return after if biased else node
        users.update((source, node) for source in node.inputs if source is not None)
    return last


def is_normalized(node: Any) -> bool:
    """Return whether a node is something divided by its norm, or several of these in one."""
    if kind_of(node) in ("cat", "stack"):
        return all(map(is_normalized, map(node_behind, node.inputs)))
    return kind_of(node) == "div" and None not in node.inputs[:2] and _is_norm(node.inputs[1])


def _is_norm(node: Any) -> bool:
    """Return whether a node is a norm, or a product of norms, of which one may be a constant."""
    node = behind(node, "clamp", "add", "maximum", "mul")
    if kind_of(node) == "mul":
        return all(map(_is_norm, node.inputs))
    return kind_of(node) == "norm" or (kind_of(node) == "sqrt" and kind_of(node.inputs[0]) == "sum")


def cosine(node: Any) -> tuple[Any, Any] | None:
    """Return the two results whose cosines a node is; None for other nodes."""
    if whole := is_normalized(node) and kind_of(node.inputs[1]) == "mul":  # a . b / (|a| |b|)
        node = node.inputs[0]
    if kind_of(node) == "sum":
        node = node.inputs[0]
        if kind_of(node) != "mul":
            return None
    if kind_of(node) not in ("mul", "matmul") or None in node.inputs[:2]:
        return None
    a, b = map(node_behind, node.inputs[:2])
    return (a, b) if whole or (is_normalized(a) and is_normalized(b)) else None


def scale(node: Any) -> float:
    """Return the number that a product, a quotient or a minus multiplies its operand by; 0 if it is not known."""
    if kind_of(node) == "neg":
        return -1.0
    constant = _constant(node, 0 if node.inputs[0] is None else 1)
    number = float(constant) if constant is not None else 0.0
    return number if node.primitive.name == "mul" else 1 / number if number and node.inputs[0] is not None else 0.0


def has_targets(term: Any) -> bool:
    """Return whether a term of the loss compares something with given numbers or classes."""
    for node in nodes_of(term):
        if kind_of(node) == "cross_entropy" or (kind_of(node) == "neg" and _picked(node.inputs[0]) is not None):
            return True
        if node.primitive.name in ("sub", "mul") and not dropped(node) and any(True for _ in arrays(node)):
            return True
    return False


def padded(inputs: Any, labels: np.ndarray, between: Sequence[Any]) -> float:
    """Return the fraction of the targets of a sequence that are padding, and count in the loss."""
    if inputs is None or inputs.dtype.kind not in "iu" or inputs.ndim != 2 or inputs.size != labels.size:
        return 0.0
    # a loss with ignore_index, or one that is multiplied by a mask
    masks = (a for node in between if node.primitive.name == "mul" for a in arrays(node) if a.size == labels.size)
    if any(node.primitive.name == "where" for node in between) or any((mask == 0).any() for mask in masks):
        return 0.0
    X, y = inputs, labels.reshape(inputs.shape)
    ends, counts = np.unique(X[:, -1], return_counts=True)
    same = np.logical_and.accumulate(X[:, ::-1] == ends[counts.argmax()], axis=1)[:, ::-1]
    return float(np.mean(same & (y == ends[counts.argmax()]))) if counts.max() > len(X) / 2 and not same.all() else 0.0


def binary_targets(between: Sequence[Any]) -> Iterator[np.ndarray]:
    """Iterate over the targets of binary cross entropies of scores: (1 - target) * score + softplus(-score)."""
    for node in between:
        sources = [s for s in map(node_behind, node.inputs) if kind_of(s)] if node.primitive.name == "add" else []
        if any("softplus" in (kind_of(s), *input_names(s)) for s in sources):
            products = [s for s in sources if kind_of(s) == "mul" and "softplus" not in input_names(s)]
            yield from (1 - array for product in products for array in arrays(product))


def ranks(between: Sequence[Any]) -> bool:
    """Return whether a sigmoid loss gets the differences of two results, of which one should be larger."""
    sources = [behind(node.inputs[0], "neg") for node in between if node.primitive.name == "softplus"]
    return any(kind_of(source) == "sub" and None not in source.inputs for source in sources)


def overlooked(between: Sequence[Any], values: Mapping[Any, np.ndarray]) -> float:
    """Return the fraction of the targets that are not of the class that alone is predicted; nan if several are."""
    for node in between:
        scores = values.get(node.inputs[0]) if node.inputs else None
        if scores is None:
            continue
        if node.primitive.name == "cross_entropy":
            labels = node.parameters["target"]
            predicted = scores.argmax(axis=-1)
            several = labels.size >= 16 and predicted.shape == labels.shape  # fewer may all be of the common class
            if several and (predicted == (common := predicted.flat[0])).all():
                return float(np.mean(labels != common))
        elif kind_of(node) == "add" and math.prod(node.shape) >= 32 and "softplus" in input_names(node):
            for term in (s for s in node.inputs if kind_of(s) == "mul"):  # (1 - target) * score + softplus(-score)
                logits = values.get(first_operand(term))
                for array in arrays(term):
                    labels = len(array.shape) == 2 and array.shape[1] > 1  # several for each example, each of them rare
                    if logits is not None and array.shape == logits.shape and (logits < 0).all() and not labels:
                        return float(np.mean(array < 0.5))
    return math.nan


def divergence(loss: Any, values: Mapping[Any, np.ndarray]) -> float:
    """Return the divergence of a posterior from the standard normal, the mean over its numbers; nan if there is none.

    The posterior is that of a variational autoencoder, from which mean + noise * deviation is drawn.
    """
    for mean, deviation, noise in drawn(loss):
        if deviation in values and mean in values and values[mean].shape == values[deviation].shape == noise.shape:
            m, s = values[mean].astype(float), np.abs(values[deviation].astype(float))
            with np.errstate(all="ignore"):
                return float(np.mean(m**2 + s**2 - 1 - 2 * np.log(s)) / 2)
    return math.nan


def drawn(loss: Any) -> Iterator[tuple[Any, Any, np.ndarray]]:
    """Iterate over what is drawn as mean + noise * deviation: the nodes of mean and deviation, and the noise."""
    for node in nodes_of(loss):
        if node.primitive.name != "add" or None in node.inputs[:2]:
            continue
        for mean, scaled in (node.inputs[:2], node.inputs[1::-1]):
            noise = [a for a in arrays(scaled) if a.shape == node.shape] if kind_of(scaled) == "mul" else []
            deviation = first_operand(scaled) if noise else None
            positive = kind_of(deviation) in ("exp", "softplus", "sqrt", "add", "pow")  # or the sum with a small number
            if positive and len(node.shape) > 1 and (noise[0] < 0).any():
                yield mean, deviation, noise[0]


def goal(loss: Any) -> int:
    """Return 1 for a loss that must be minimized, -1 for a negated one or a log-likelihood, 0 where it is not known."""
    sign, node = 1, loss
    while sign and (kind := kind_of(node)):
        of_constant = None in node.inputs[:1]
        if kind in _LOSSES:
            return sign
        if kind == "log_softmax":
            return -sign
        if kind == "pow":
            exponent = _constant(node, 1)
            return sign if exponent is not None and float(exponent) % 2 == 0 else 0
        if kind == "neg" or (kind == "sub" and of_constant):
            sign = -sign
        elif kind in ("mul", "div") and None in node.inputs[:2]:
            sign *= _sign_of_constant(node, 0 if of_constant else 1)
        elif kind not in ("mean", "sum", "add", "sub", *_MOVES):
            return 0
        node = first_operand(node)
    return 0


def _constant(node: Any, position: int) -> Any:
    """Return an operand that is a constant of one element, None for others."""
    array = _given(node, position)
    return array if array is not None and getattr(array, "size", 1) == 1 else None


def _given(node: Any, position: int) -> Any:
    """Return the value of an operand that is a constant, None for others."""
    constant = (getattr(node, "constants", None) or {}).get(position)
    return getattr(constant, "_array", getattr(constant, "value", constant))


def _sign_of_constant(node: Any, position: int) -> int:
    """Return the sign of a constant operand, 0 if it is not known: advantages, for one, may be below 0 on purpose."""
    array = np.asarray(_given(node, position))
    if array.dtype.kind not in "fiu" or not array.size:
        return 0
    low, high = float(array.min()), float(array.max())
    return 1 if low >= 0 < high else -1 if low == high < 0 and array.ndim == 0 else 0


def other_parameters(between: Sequence[Any], own: Collection[Any]) -> bool:
    """Return whether the loss depends on other parameters than a model's own, as a generator's on the critic."""
    return any(
        source is not None and source.primitive is None and source not in own
        for node in between
        if node.primitive.name in ("linear", "matmul", "conv")
        for source in node.inputs
    )


def is_attention(node: Any) -> bool:
    """Return whether this is a mean of values, weighted by a softmax, of which a dropout may be taken."""
    if kind_of(node) != "matmul":
        return False
    weights = node_behind(node.inputs[0])
    if kind_of(weights) and dropped(weights):
        weights = node_behind(weights.inputs[0])
    return kind_of(weights) == "softmax"


def dropped(node: Any) -> float:
    """Return the fraction of its input that a dropout drops on average; 0 for other products.

    A dropout multiplies by a constant that is 0 or one number above 1.
    """
    for kinds in (np.unique(array) for array in arrays(node) if array.shape == node.shape):
        if len(kinds) == 2 and kinds[0] == 0 and kinds[1] > 1:
            return float(1 - 1 / kinds[1])
    return 0.0


def labels_of(between: Sequence[Any]) -> np.ndarray | None:
    """Return the classes that are the targets of a cross entropy or a negative log-likelihood, None for others."""
    for node in between:
        if node.primitive.name == "neg" and (labels := _picked(node.inputs[0])) is not None:
            return labels
        target = (getattr(node, "parameters", None) or {}).get("target")
        if node.primitive.name == "cross_entropy" and isinstance(target, np.ndarray):
            return target
    return None


def left_out(between: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Return which targets of a cross entropy are left out, as with ignore_index, which the node has as 0."""
    for node in between:
        if node.primitive.name == "where" and kind_of(node.inputs[2]) == "cross_entropy" and node.shape == shape:
            mask = getattr(node.constants.get(0), "value", None)
            if isinstance(mask, np.ndarray) and mask.dtype.kind == "b" and mask.shape == shape:
                return mask
    return np.zeros(shape, bool)


def _picked(node: Any) -> np.ndarray | None:
    """Return the class of each row at which a logarithm of probabilities is taken; None for other nodes."""
    while kind_of(node) in ("mean", "sum"):
        node = node.inputs[0]
    if kind_of(node) != "getitem":
        return None
    source = node_behind(node.inputs[0])
    by_hand = kind_of(source) == "sub" and "logsumexp" in {kind_of(node_behind(s)) for s in source.inputs if s}
    if kind_of(source) not in ("log_softmax", "log") and not by_hand:
        return None
    if indices(node) != 2 or len(node.parameters["index"]) != 2:
        return None
    rows, labels = node.parameters["index"]
    return labels if labels.dtype.kind in "iu" and np.array_equal(rows, np.arange(node.inputs[0].shape[0])) else None


def bits_of(between: Sequence[Any]) -> np.ndarray | None:
    """Return the targets of a binary cross entropy, if they are all 0 or 1; None for others and other losses."""
    for array in (*binary_targets(between), *likelihood_targets(between)):
        if array.dtype.kind == "f" and np.isin(array, (0, 1)).all():
            return np.asarray(array, np.int64)
    return None


def likelihood_targets(between: Sequence[Any]) -> Iterator[np.ndarray]:
    """Iterate over the targets of binary cross entropies of probabilities, also by hand: y * log(p) + (1 - y) * ..."""
    by_hand: list[tuple[bool, np.ndarray]] = []
    for node in between:
        if node.primitive.name == "binary_cross_entropy":
            yield from arrays(node)
        elif node.primitive.name == "mul" and kind_of(log := first_operand(node)) == "log":
            of_rest = False  # log(1 - p), multiplied by 1 - y
            while kind_of(log) in ("log", "add", "sub", "neg", "clamp", *_MOVES):
                of_rest ^= kind_of(log) == "neg" or (kind_of(log) == "sub" and log.inputs[0] is None)
                log = first_operand(log)
            by_hand += [(of_rest, 1 - array if of_rest else array) for array in arrays(node)]
    ones, rest = ([array for of_rest, array in by_hand if of_rest == wanted] for wanted in (False, True))
    # otherwise they have weights
    yield from (array for array in ones if any(np.array_equal(array, other) for other in rest))


def first_operand(node: Any) -> Any:
    """Return the first operand that is no constant, None if there is none."""
    return next((source for source in node.inputs if source is not None), None)


def label_of(between: Sequence[Any]) -> int | None:
    """Return the class of all targets of a cross entropy, None if they differ or there is none."""
    labels = None if has_queue(between) else labels_of(between)
    return int(labels.flat[0]) if labels is not None and labels.size > 3 and (labels == labels.flat[0]).all() else None


def has_queue(between: Sequence[Any]) -> bool:
    """Return whether the first score of each row is that of its partner, and the others those of a queue, as in MoCo.

    The loss rises while the queue fills with what the model gives.
    """
    labels = labels_of(between)
    scores = [behind(node.inputs[0], "mul", "div") for node in between if kind_of(node) == "cross_entropy"]
    return "cat" in map(kind_of, scores) and labels is not None and not labels.any()


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
    while kind_of(node) in _MOVES:
        node = node.inputs[0]
    return node


def behind(node: Any, *kinds: str) -> Any:
    """Return the node behind moves, and behind operations of these kinds with one operand that is no constant."""
    node = node_behind(node)
    while kind_of(node) in kinds and sum(source is not None for source in node.inputs) == 1:
        node = node_behind(first_operand(node))
    return node


def operand(node: Any, position: int, found: Mapping[Any, np.ndarray]) -> np.ndarray | None:
    """Return the value of an operand of a node, of those that were found or a constant; None if it is not known."""
    source = node.inputs[position]
    if source is not None:
        return found.get(source)
    array = _given(node, position)
    return None if array is None else np.asarray(array)


def operand_shapes(node: Any) -> list[tuple[int, ...]]:
    """Return the shapes of the operands of a node, constants too."""
    constants = getattr(node, "constants", None) or {}
    operands = [source if source is not None else constants.get(i) for i, source in enumerate(node.inputs)]
    return [tuple(getattr(o, "shape", ())) for o in operands]


def nodes_of(end: Any) -> Iterator[Any]:
    """Iterate over the computed nodes that this one depends on, the last first; over none if it is None."""
    return (node for node in reverse_topological_order([] if end is None else [end]) if node.primitive is not None)


def is_linear(output: Any) -> bool:
    """Return whether the model's output is a linear function of its input."""
    return {node.primitive.name for node in nodes_of(output)} <= {"linear", "matmul", "add", "conv", *_MOVES}


def without_bias(output: Any) -> bool:
    """Return whether the model's output is a linear function without a bias."""
    last = node_behind(output)
    return kind_of(last) == "matmul" or (kind_of(last) == "linear" and len(last.inputs) < 3)
