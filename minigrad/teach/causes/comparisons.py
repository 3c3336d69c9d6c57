"""Causes in losses that compare a model's results with each other: similarities, contrasts, critics."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from statistics import fmean, pstdev
from typing import Any

import numpy as np

from minigrad.teach.causes.cause import Seen, certain
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import (
    arrays,
    behind,
    cosine,
    first_operand,
    is_normalized,
    is_square,
    kind_of,
    labels_of,
    linear_terms,
    node_behind,
    nodes_of,
    ranks,
    scale,
    terms,
)
from minigrad.teach.samples import listed, mean_loss

UNRELATED = 0.95
"""The distance of partners, as a part of that of any two rows, from which they are none."""
RECENT = 20
"""The number of losses whose mean counts as what the loss is now."""
FOOLED, SURE, BEATEN = 0.1, 0.02, 4.0
"""The loss of a generator below which the critic takes its examples for real; that of a critic below which it knows
them all; and that of a generator above which it has lost. ln(2) = 0.69 is that of a critic who cannot know."""
PLAIN = ("mean", "sum", "neg", "add", "sub", "mul", "div", "square", "pow", "abs", "sqrt", "reshape", "squeeze",
         "getitem")  # fmt: skip
"""What a mean of distances is made of; an exponential, a logarithm or a margin compares them with others."""
COLD = 200.0
"""What multiplies cosines as scores at most: CLIP learns a temperature, down to 0.01."""
FAR = 5.0
"""The size of a difference of mean scores, from which on it runs away."""


def _products(
    scene: Scene, through: tuple[str, ...] = ("mul", "div", "neg", "where")
) -> Iterator[tuple[Any, Any, float]]:
    """Yield for each cross entropy its node, the node whose scores it gets, and what multiplies these.

    Products with a constant are looked through, and a mask (`where`).
    """
    for node in (node for node in scene.between if node.primitive.name == "cross_entropy"):
        source, factor = node.inputs[0], 1.0
        while kind_of(source) in through and (kind_of(source) in ("where", "neg") or None in source.inputs):
            factor *= 1.0 if kind_of(source) == "where" else scale(source)
            source = first_operand(source)
        yield node, source, factor


@certain("own similarity", "the scores of a cross entropy compare results with themselves, without a mask",
         "the scores compare each result with all results, so with itself too, and {what}: exclude the diagonal, such "
         "as scores.masked_fill(minigrad.eye(n, dtype=bool), -inf), and let the target be the other view",
         graph=True)  # fmt: skip
def similar_to_itself(scene: Scene) -> Seen:
    for node, product, _ in _products(scene, ("mul", "div")):
        labels = (node.parameters or {}).get("target")
        if kind_of(product) not in ("matmul", "linear") or not isinstance(labels, np.ndarray) or len(labels) < 2:
            continue
        a, b = map(node_behind, product.inputs[:2])
        if a is b is not None:
            its_own = np.array_equal(labels, np.arange(len(labels)))
            what = "that is its target, so there is nothing to learn" if its_own else "no other can be as large"
            return {"what": what}
    return None


@certain("no temperature", f"the scores of a cross entropy are cosines, which no number scales, or one above {COLD:g}",
         "the scores of the cross entropy are cosines, between -{most:.2g} and {most:.2g}, so that their softmax over "
         "{n} is {what}: divide the cosines by a temperature, such as 0.1 (0.05 to 0.5 is usual)", graph=True,
         assumes=0.75)  # fmt: skip
def cosines_as_scores(scene: Scene) -> Seen:
    for node, product, factor in _products(scene):
        what = "nearly uniform, however well they fit" if 0 < factor <= 1 else "sure of one from the start"
        parts = product.inputs if kind_of(product) == "cat" else [product]
        if (0 < factor <= 1 or factor > COLD) and all(part is not None and _is_cosine(part) for part in parts):
            return {"n": node.inputs[0].shape[-1], "most": factor, "what": what}
    return None


def _is_cosine(node: Any) -> bool:
    """Return whether a node is the cosines of results with results, or with given vectors, as of a queue."""
    node = node_behind(node)
    return cosine(node) is not None or _with_constant(node.inputs[0] if kind_of(node) == "sum" else node)


@certain("not normalized", "the scores of a cross entropy are products of results, divided by a temperature, and these "
         "are not normalized",
         "the scores of the cross entropy are products of results, divided by a temperature, but the results are not "
         "normalized, so that longer ones win and the softmax saturates: z = F.normalize(z, dim=1) first", graph=True,
         assumes=0.8)  # fmt: skip
def products_as_scores(scene: Scene) -> Seen:
    for _, product, factor in _products(scene):
        if factor < 2 or kind_of(product) != "matmul" or None in product.inputs[:2]:
            continue
        a, b = map(node_behind, product.inputs[:2])
        if all(kind_of(z) in ("linear", "add", "cat", "relu", "tanh") and not is_normalized(z) for z in (a, b)):
            return True
    return None


@certain("normalized over the batch", "results that are compared are divided by their norm over the examples",
         "the results of shape {shape} are divided by their norm over axis 0, the examples, so no result has length 1: "
         "F.normalize(z, dim=1)", graph=True, assumes=0.7)  # fmt: skip
def over_the_examples(scene: Scene) -> Seen:
    for node in scene.between:
        norm: Any = node.inputs[1] if is_normalized(node) and kind_of(node) == "div" and len(node.shape) == 2 else None
        norm = behind(norm, "clamp", "add", "maximum", "sqrt")
        axis = (norm.parameters or {}).get("axis") if norm is not None else None
        if axis in (0, -2, (0,), (-2,)) and min(node.shape) > 1:
            return {"shape": node.shape}
    return None


@certain("uphill", "the loss grows with the cosines of results and given, normalized vectors",
         "the loss grows with the similarity of each pair, so the steps push the two apart: similarity is maximized, "
         "loss = -cosine.mean(), or 2 - 2 * cosine", graph=True, assumes=0.8)  # fmt: skip
def apart(scene: Scene) -> Seen:
    signs = linear_terms(scene.loss)
    pairs = [sign for node, sign in signs.items() if _with_constant(node) or cosine(node) is not None]
    contrasts = [-factor for _, product, factor in _products(scene) if product and cosine(product) is not None]
    return bool(pairs or contrasts) and all(sign > 0 for sign in (*pairs, *contrasts))


def _with_constant(node: Any) -> bool:
    """Return whether a node is the cosine of a result and given rows, or such products that are added up later."""
    if kind_of(node) == "div" and None not in node.inputs[:2]:
        products, norms = first_operand(node.inputs[0]), node.inputs[1]
        mixed = kind_of(products) == "mul" and None in products.inputs and kind_of(node.inputs[0]) == "sum"
        return mixed and kind_of(norms) == "mul" and None in norms.inputs
    source = first_operand(node) if kind_of(node) in ("mul", "matmul") else None
    if source is None or None not in node.inputs or not is_normalized(node_behind(source)):
        return False
    given = [a if kind_of(node) == "mul" else a.T for a in arrays(node) if a.ndim == 2]
    return bool(given) and bool(np.allclose(np.linalg.norm(given[0], axis=1), 1, atol=1e-3))


@certain("no stop-gradient", "the loss is the similarity of pairs of results alone, and both pass a gradient",
         "the loss only makes the two results of a pair alike, and both pass a gradient: the same result for all "
         "examples is best, and the model collapses to it. Detach one side of each pair (stop-gradient), as z.detach() "
         "with a predictor on the other, or add negative pairs", graph=True)  # fmt: skip
def attraction_alone(scene: Scene) -> Seen:
    pairs = [_pair(term) for term, _ in terms(scene.loss)]
    return bool(pairs) and all(pairs)


def _pair(term: Any) -> bool:
    """Return whether a term is a mean of cosines, or of distances of normalized results, without labels or weights."""
    node = term
    while (
        kind_of(node) in PLAIN and not cosine(node) and len(sources := [s for s in node.inputs if s is not None]) == 1
    ):
        if any(array.ndim and array.size > 1 for array in arrays(node)):
            return False
        node = sources[0]
    if kind_of(node) == "sub" and None not in node.inputs[:2]:
        return all(map(is_normalized, map(node_behind, node.inputs[:2])))
    return cosine(node) is not None and kind_of(node) != "matmul"


@certain("views alike", "two batches of a loss of similarities are the same numbers, five times, in a model without "
         "dropout",
         "both views of each example are the same, number by number, so they are as similar as can be from the start, "
         "and nothing is learned: draw an augmentation for each view (noise, crops, masks)", assumes=0.8)  # fmt: skip
def same_views(scene: Scene) -> Seen:
    if not _compares(scene) or any(scene.views[-5:]) or not scene.values:
        return None
    found = [scene.values[node] for node in nodes_of(scene.loss) if is_normalized(node) and node in scene.values]
    # noise or dropout in the model is an augmentation too
    return len(found) < 2 or any(a.shape == b.shape and np.allclose(a, b, atol=1e-4) for a, b in combinations(found, 2))


@certain("views of different examples", "a row of one batch is as far from its partner in the other as from any row, "
         "five times",
         "the two views that the loss makes alike belong to different examples: row i of the one is not nearer to row "
         "i of the other than to any other row. Look for a permutation, or a second batch, between them",
         assumes=0.8)  # fmt: skip
def unrelated_views(scene: Scene) -> Seen:
    # partners may be unlike and belong together, as a question and its answer: then they are told from others
    told = labels_of(scene.between) is not None
    if told and (len(scene.losses) < 100 or _now(scene.losses) < 0.8 * scene.losses[0]):
        return None
    apart = [view for view in scene.views if not math.isnan(view)]
    by_chance = max(0.01, 2 * pstdev(apart) / math.sqrt(len(apart))) if apart else 0.0
    return _compares(scene) and abs(fmean(apart) - 1) < min(by_chance, 1 - UNRELATED)


def _compares(scene: Scene) -> bool:
    """Return whether the loss compares normalized results of two batches of one shape, in five samples."""
    known = len(scene.views) >= 5 and not any(map(math.isnan, scene.views[-5:]))
    labels = labels_of(scene.between)
    places = labels is None or np.array_equal(np.sort(labels), np.arange(len(labels)))  # of partners, no classes
    return known and places and any(is_normalized(node) for node in scene.between)


@certain("nothing but squares", "the loss is the squares of the model's results, and has no targets",
         "the loss is the squares of the results alone, which are 0 at best for all examples: nothing keeps them "
         "apart. A flow adds the log-determinant of its layers, loss = 0.5 * z**2 - log|det|; others have targets",
         graph=True)  # fmt: skip
def squares_alone(scene: Scene) -> Seen:
    squares = 0
    for node in scene.between:
        sources = {s for s in node.inputs if s is not None}
        if len(sources) != 1 or [a for a in arrays(node) if a.size > 1]:
            return None
        if is_square(node):
            squares += node_behind(*sources) is node_behind(scene.output)
        elif kind_of(node) not in ("mean", "sum", "neg", "add", "sub", "mul", "div", "reshape"):
            return None
    last = node_behind(scene.output)
    residual = kind_of(last) in ("sub", "add") and any(a.size > 1 for a in arrays(last))  # the model has the targets
    return squares == 1 and len(scene.output.shape) > 1 and not residual


@certain("features passed through", "several scales are applied, and some results are the inputs, unchanged",
         "column{s} {columns} of the result {are} still the input's, number by number, after {n} scales: the couplings "
         "all change the same half. Exchange the halves between two of them, or reverse the features", graph=True,
         assumes=0.9)  # fmt: skip
def passed_through(scene: Scene) -> Seen:
    X, result = scene.inputs, scene.values.get(scene.output)
    if X is None or result is None or X.ndim != 2 or X.shape != result.shape or scene.samples[-1].step < RECENT:
        return None
    same = np.flatnonzero((result == X).all(axis=0))
    scales = [node for node in nodes_of(scene.output) if kind_of(node) == "exp"]
    if not 0 < len(same) < X.shape[1] or len(scales) < 2:
        return None
    plural = len(same) > 1
    return {"s": "s" * plural, "columns": listed([*map(str, same)]), "are": "are" if plural else "is", "n": len(scales)}


@certain("scores run away", f"the loss is a difference of mean scores, and has gone beyond {FAR:g}",
         "the loss is a difference of mean scores, which has no lower end, so the scores run away: the loss was "
         "{first:.2g}, and is {last:.3g}. Bound them: clip the weights of a Wasserstein critic, or penalize its "
         "gradient; penalize the squares of energies", graph=True, assumes=0.9)  # fmt: skip
def scores_run_away(scene: Scene) -> Seen:
    known = scene.known
    if len(known) < RECENT or abs(last := _now(known)) < FAR or abs(last) < 10 * abs(known[0]):
        return None
    ends = [(node, sign) for node, sign in linear_terms(scene.loss).items() if kind_of(node) in ("linear", "matmul")]
    weights = {node.inputs[1] for node, _ in ends if len(node.inputs) > 1}
    differs = {sign for _, sign in ends} == {1, -1} and len(weights) == 1
    return differs and len(terms(scene.loss)) == 2 and {"first": known[0], "last": last}


@certain("critic fooled", f"after 100 steps, a generator's loss is below {FOOLED:g}",
         "the generator's loss is {loss:.2g}: the critic takes all that it makes for real. Is the critic trained at "
         "all, with labels 1 for the real examples and 0 for the generated ones? They may be swapped",
         assumes=0.9)  # fmt: skip
def fooled(scene: Scene) -> Seen:
    if _generates(scene) and scene.goal >= 0 and scene.answers[-1:] == [0.0] and _of_each(scene) < 2 * FOOLED:
        return (
            "the generator is trained towards the label 0, which the critic gives its examples too, so the two do not "
            "compete: give it the label of the real ones, binary_cross_entropy_with_logits(D(G(z)), ones)"
        )
    return _generates(scene) and 0 <= (now := _of_each(scene)) < FOOLED and {"loss": now}


@certain("uphill", f"after 100 steps, a generator's loss is below -{BEATEN:g}, and falls as the critic sees through it",
         "the generator's loss falls as the critic recognizes what it makes: its sign is wrong, so that the generator "
         "helps the critic. Minimize -log D(G(z)), binary_cross_entropy_with_logits(D(G(z)), ones), without another "
         "minus", graph=True, assumes=0.85)  # fmt: skip
def helps_the_critic(scene: Scene) -> Seen:
    if not _generates(scene) or not _of_each(scene) < -BEATEN:
        return None
    falls = [node for node, sign in linear_terms(scene.loss).items() if sign < 0 and kind_of(node) == "softplus"]
    return any(kind_of(node_behind(node.inputs[0])) == "neg" for node in falls)  # of a negated score


@certain("critic too strong", f"after 100 steps, a generator's loss is above {BEATEN:g}, or that of a critic is below "
         f"{SURE:g}",
         "the critic tells real from generated so surely that the generator gets nothing to learn from: {whose} loss "
         "is {now:.2g}. Train the critic less often or at a smaller rate, the generator at a larger one, or smooth the "
         "labels (0.9 for 1)")  # fmt: skip
def beaten(scene: Scene) -> Seen:
    now = _of_each(scene)
    if now > BEATEN and _generates(scene):
        return {"whose": "the generator's", "now": now}
    sigmoid = not {"softplus", "binary_cross_entropy"}.isdisjoint(map(kind_of, scene.between))
    sure = scene.judges and sigmoid and len(scene.losses) >= 100 and 0 <= now < SURE and not ranks(scene.between)
    return sure and {"whose": "its", "now": now}


def _generates(scene: Scene) -> bool:
    """Return whether this is a generator after 100 steps, whose results all have the same wished answer."""
    if not scene.discriminates or len(scene.losses) < 100 or not scene.between:
        return False
    recent = scene.answers[-3:]
    if recent:
        return recent.count(recent[0]) == len(recent) and not math.isnan(recent[0])
    return not any(node.primitive.name == "sub" and any(a.size > 1 for a in arrays(node)) for node in scene.between)


def _now(losses: Any) -> float:
    return mean_loss(losses[-RECENT:])


def _of_each(scene: Scene) -> float:
    """Return the loss of an example, also where it is the sum over all."""
    return _now(scene.losses) / max(scene.summed, 1)


@certain("all one way", "every logsigmoid of a loss without labels pushes the scores the same way",
         "every term of the loss pushes the scores the same way, so one large score for all is best: {missing}",
         graph=True)  # fmt: skip
def one_way(scene: Scene) -> Seen:
    signs, scores = set(), set()
    for node in scene.between:
        if any(array.ndim and array.size > 1 for array in arrays(node)):
            return None  # labels
        if node.primitive.name == "softplus":
            source, sign = node_behind(node.inputs[0]), 1
            while kind_of(source) in ("neg", "mul", "div"):
                if not (factor := scale(source)):
                    return None
                source, sign = node_behind(first_operand(source)), sign if factor > 0 else -sign
            signs.add(sign)
            scores.add(source)
    if len(signs) != 1 or scene.adversarial or len(scene.samples) < 3:
        return None
    if len(scores) >= 2:
        return {"missing": "the negative pairs need the other sign, logsigmoid(-score)"}
    pairs = all(kind_of(score) in ("sum", "matmul") and score.shape for score in scores)
    only = {kind_of(node_behind(term)) for term, _ in terms(scene.loss)} <= {"mean", "sum", "softplus"}
    return pairs and only and {"missing": "negative pairs are missing, with -logsigmoid(-score) of random ones"}


@certain("log-scale", "the loss has s and exp(s) with the same sign",
         "a scale is {way}, and the loss has the term s with the sign that drives it the same way as the rest of the "
         "loss, so nothing keeps it from running off: the sign of that term is wrong. A flow's log-determinant is "
         "subtracted from the loss; a divergence -0.5 * (1 + logvar - mu**2 - exp(logvar)) is added to it", graph=True,
         assumes=0.75)  # fmt: skip
def one_sided_scale(scene: Scene) -> Seen:
    signs: dict[Any, float] = {_part(node): sign for node, sign in linear_terms(scene.loss).items()}
    order = [*nodes_of(scene.loss)]
    users: dict[Any, list[Any]] = {}
    for node in order:
        for source in {*node.inputs} - {None}:
            users.setdefault(source, []).append(node)
    for node in order:
        if node.primitive.name != "exp" or _part(node) in signs:
            continue
        source, sign = node.inputs[0], float(_sign_of_use(node, users))
        while kind_of(source) in ("mul", "div", "neg", "clamp") and _part(source) not in signs:
            sign *= scale(source) if kind_of(source) == "neg" or None in source.inputs else 1
            source = first_operand(source)
        if signs.get(_part(source), 0) * sign > 0:
            return {"way": "exp(s)" if sign > 0 else "exp(-s)"}
    return None


def _part(node: Any) -> Any:
    """Return what identifies a node: for an element s[0] taken twice, what it is taken of and where."""
    if kind_of(node) == "getitem":
        return _part(node.inputs[0]), repr(node.parameters)
    return node


def _sign_of_use(node: Any, users: dict[Any, list[Any]]) -> int:
    """Return 1 if products have this as a factor, -1 if it divides, 0 for other uses."""
    found = set()
    for user in users.get(node, ()):
        alone = len([s for s in user.inputs if s is not None]) == 1 and not [a for a in arrays(user) if a.size > 1]
        kind = kind_of(user)
        if kind == "mul" and not alone:
            found.add(1)
        elif kind == "div" and node is user.inputs[1]:
            found.add(-1)
        elif alone and kind in ("mul", "div", "add", "sqrt", "reshape", "expand", "clamp", "getitem"):
            found.add(_sign_of_use(user, users))
        else:
            return 0
    return found.pop() if len(found) == 1 else 0
