"""Causes in the terms of a loss: one outweighs the others, or nothing in it keeps the results apart."""

from __future__ import annotations

import math

import numpy as np

from minigrad.teach.causes.cause import Seen, certain
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import arrays, kind_of, node_behind, scale

SETTLED = 30
"""The steps that a term of the loss may need to find its size."""
OUTWEIGHS, OTHER_TASK = 30.0, 1000.0
"""How many times the data's term a penalty or a divergence may be; and a task's term that of another task."""
COLLAPSED = 0.05
"""The spread of the results, as a part of the first one, below which they have become one."""
LATENT = 2e-3
"""The divergence of a posterior, for each number, below which it says nothing about its example. At first it is about
0.01, as the layers before it are random."""
GROWN = 10.0
"""A term that has grown this many times began where it had nothing to learn."""


@certain(
    "one term dominates",
    f"a term of the loss without targets is {OUTWEIGHS:g} times that with targets, or one "
    f"with targets {OTHER_TASK:g} times another, and that one has not fallen by half",
    "one term of the loss is {size:.3g}, and another, which hardly falls, is {now:.3g}: {what}",
    assumes=1.1,
)
def dominant(scene: Scene) -> Seen:
    if len(scene.terms) < 3 or scene.samples[-1].step < SETTLED:
        return None
    first, *rest = scene.terms
    recent = rest[-2:]
    if len(first) < 2 or any([t for _, t in terms] != [t for _, t in first] for terms in recent):
        return None
    sizes = [min(abs(terms[i][0]) for terms in (first, *recent)) for i in range(len(first))]
    largest = max(range(len(first)), key=sizes.__getitem__)
    if first[largest][1]:
        times = OTHER_TASK
        what = (
            "the steps follow the first task only. Standardize its targets, or weigh the terms so that they are about "
            "equal"
        )
    else:
        times = OUTWEIGHS
        what = (
            "the penalty or divergence outweighs the data. Weigh it less; a divergence of all weights is divided by "
            "the number of examples"
        )
    for i, (begun, with_targets) in enumerate(first):
        now, most = recent[-1][i][0], max(abs(terms[i][0]) for terms in (first, *recent))
        starved = with_targets and most * times < sizes[largest]
        # what grows from almost nothing, as the distance from a copy of the model, had no need to fall
        if i != largest and starved and 0.5 * begun < now < GROWN * begun:
            return {"size": abs(recent[-1][largest][0]), "now": now, "what": what}
    return None


@certain(
    "posterior collapsed",
    f"the posterior's divergence is below {LATENT:g} for each number",
    "the posterior has collapsed to the prior: mean 0 and deviation 1 for every example, so the decoder gets noise "
    "that says nothing about it. Weigh the divergence less (beta), raise that weight slowly from 0, and take the sum "
    "over the pixels, as the divergence is a sum over the latent numbers",
)
def posterior(scene: Scene) -> Seen:
    known = [d for d in scene.latents if not math.isnan(d)]
    return len(known) >= 4 and scene.samples[-1].step >= 2 * SETTLED and max(known[-2:]) < min(LATENT, known[0])


@certain(
    "results collapse",
    f"no term has targets, and the results differ by {COLLAPSED:g} of what they did at first",
    "the model's results become the same for all examples: their standard deviation was {first:.2g}, and is "
    "{last:.2g}, {part:.1%} of their size. The loss compares results with each other only, and is lowest there: add "
    "what keeps them apart, such as negative pairs, a term for the variance, or the log-determinant of a flow with its "
    "sign",
)
def collapse(scene: Scene) -> Seen:
    known = [pair for pair in scene.spreads if not math.isnan(pair[0])]
    if scene.loss is None or len(known) < 10 or scene.samples[-1].step < SETTLED or not min(known[0]):
        return None
    left, of_size = (max(pair[i] for pair in known[-3:]) / known[0][i] for i in (0, 1))
    losses = [loss for loss in scene.losses if math.isfinite(loss)]
    fallen = 0 <= losses[-1] < 0.1 * losses[0]
    if not (left < COLLAPSED or (min(left, of_size) < 5 * COLLAPSED and fallen)):
        return None
    for node in scene.between:
        given = [*arrays(node)] if node.primitive.name not in ("linear", "matmul", "conv") else []
        if node.primitive.name == "mul" and scene.inputs is not None:  # a layer by hand may multiply its inputs
            given = [array for array in given if not np.may_share_memory(array, scene.inputs)]
        if node.primitive.name == "cross_entropy" or given:
            return None
    return {"first": known[0][0], "last": known[-1][0], "part": known[-1][1]}


@certain(
    "all one way",
    "two terms of logsigmoid push the scores the same way, and none the other",
    "every term of the loss pushes the scores the same way, those of negative pairs too, so one large score for all is "
    "best: the negative ones need the other sign, logsigmoid(-score)",
    graph=True,
)
def one_way(scene: Scene) -> Seen:
    signs, scores = set(), set()
    for node in scene.between:
        if any(array.ndim and array.size > 1 for array in arrays(node)):
            return None  # labels
        if node.primitive.name == "softplus":
            source, sign = node_behind(node.inputs[0]), 1
            while kind_of(source) in ("neg", "mul", "div"):
                factor = scale(source) if source.primitive.name != "neg" else -1.0
                if not factor:
                    return None
                inner = next(s for s in source.inputs if s is not None)
                source, sign = node_behind(inner), sign if factor > 0 else -sign
            signs.add(sign)
            scores.add(source)
    return len(scores) >= 2 and len(signs) == 1 and len(scene.samples) >= 3
