"""Causes in the terms of a loss: one outweighs the others, or nothing in it keeps the results apart."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from minigrad.teach.causes.cause import Seen, certain
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import (
    arrays,
    constants,
    drawn,
    first_operand,
    has_targets,
    is_square,
    kind_of,
    linear_terms,
    nodes_of,
    terms,
)

LATE = 500
"""The step until which the weight of a divergence may be 0 before it rises."""
SETTLED = 30
"""The steps that a term of the loss may need to find its size."""
OUTWEIGHS, OTHER_TASK = 30.0, 1000.0
"""How many times the data's term a penalty or a divergence may be; and a task's term that of another task."""
SHRUNK = 0.1
"""The part of a penalty that is left where it has won."""
COLLAPSED = 0.05
"""The spread of the results, as a part of the first one, below which they have become one."""
LATENT = 2e-3
"""The divergence of a posterior, for each number, below which it says nothing about its example. At first it is about
0.01, as the layers before it are random."""
GROWN = 10.0
"""A term that has grown this many times began where it had nothing to learn."""


@certain("one term dominates",
         f"a term of the loss without targets is {OUTWEIGHS:g} times that with targets, or one "
         f"with targets {OTHER_TASK:g} times another, and that one has not fallen by half",
         "one term of the loss is as large as {size:.3g}, and another, which hardly falls, is {now:.3g}: {what}",
         assumes=1.1)  # fmt: skip
def dominant(scene: Scene) -> Seen:
    if len(scene.terms) < 3 or scene.samples[-1].step < SETTLED:
        return None
    first, *rest = scene.terms
    recent = rest[-2:]
    if len(first) < 2 or any([t for _, t in terms] != [t for _, t in first] for terms in recent):
        return None
    what = (
        "the penalty or divergence outweighs the data. Weigh it less; a divergence of all weights is divided by the "
        "number of examples"
    )
    ends = (first, recent[-1])
    penalty, left = (sum(abs(size) for size, with_targets in terms if not with_targets) for terms in ends)
    data, now = (sum(size for size, with_targets in terms if with_targets) for terms in ends)
    if penalty > data > 0 and left < SHRUNK * penalty and now > 0.95 * data:
        return {"size": penalty, "now": now, "what": what}  # it has won: the weights are nearly 0
    sizes = [min(abs(terms[i][0]) for terms in (first, *recent)) for i in range(len(first))]
    largest = max(range(len(first)), key=sizes.__getitem__)
    times = OUTWEIGHS
    if first[largest][1]:
        times = OTHER_TASK
        what = (
            "the steps follow the first task only. Standardize its targets, or weigh the terms so that they are about "
            "equal"
        )
    for i, (begun, with_targets) in enumerate(first):
        now, most = recent[-1][i][0], max(abs(terms[i][0]) for terms in (first, *recent))
        starved = with_targets and most * times < sizes[largest]
        # what grows from almost nothing, as the distance from a copy of the model, had no need to fall
        if i != largest and starved and 0.5 * begun < now < GROWN * begun:
            return {"size": abs(recent[-1][largest][0]), "now": now, "what": what}
    return None


@certain("posterior collapsed", f"the posterior's divergence is below {LATENT:g} for each number",
         "the posterior has collapsed to the prior: mean 0 and deviation 1 for every example, so the decoder gets "
         "noise that says nothing about it. Weigh the divergence less (beta), raise that weight slowly from 0, and "
         "take the sum over the pixels, as the divergence is a sum over the latent numbers")  # fmt: skip
def posterior(scene: Scene) -> Seen:
    known = [d for d in scene.latents if not math.isnan(d)]
    return len(known) >= 4 and scene.samples[-1].step >= 2 * SETTLED and max(known[-2:]) < min(LATENT, known[0])


@certain("divergence missing", "results are mean + noise * deviation, and nothing else depends on the deviation",
         "the latent numbers are mean + noise * deviation, and the loss has no divergence from the prior, or 0 times "
         "it: the deviation can only shrink to 0, and samples from the prior mean nothing to the decoder. Add the "
         "divergence, -0.5 * (1 + logvar - mu**2 - exp(logvar)).sum()", graph=True, assumes=0.8)  # fmt: skip
def no_divergence(scene: Scene) -> Seen:
    if scene.samples[-1].step < 100:
        return None  # it may be added later, or its weight rise from 0
    parts = [term for term, _ in terms(scene.loss)]
    weighed = [term for term in parts if not any(a.size == 1 and not a for a in constants(term))]
    if len(weighed) < len(parts) and scene.samples[-1].step < LATE:
        return None
    nodes = {node for term in weighed for node in nodes_of(term)}
    users = Counter(source for node in nodes for source in {*node.inputs} - {None})
    for _, deviation, noise in drawn(scene.loss):
        node: Any = deviation if scene.inputs is None or not np.may_share_memory(noise, scene.inputs) else None
        while users[node] == 1 and kind_of(node) in ("exp", "softplus", "sqrt", "add", "pow", "mul", "div", "clamp"):
            node = first_operand(node)  # such as exp(logvar / 2)
        if users[node] == 1:
            return True
    return None


@certain("latent cut off", "a divergence has logvar and exp(logvar), and no mean + noise * deviation passes a gradient",
         "the loss has the divergence of a posterior, but its deviation takes no part in anything else: the decoder "
         "gets latent numbers without noise, or detached ones, so that the encoder learns from the divergence alone. "
         "Draw them as mu + (logvar / 2).exp() * noise, without detach() or no_grad()", graph=True,
         assumes=0.8)  # fmt: skip
def latent_cut_off(scene: Scene) -> Seen:
    signs = linear_terms(scene.loss)
    nodes = [*nodes_of(scene.loss)]
    users = Counter(source for node in nodes for source in {*node.inputs} - {None})
    for node in nodes:
        s: Any = node.inputs[0] if node.primitive.name == "exp" else None
        balanced = s is not None and signs.get(node, 0) * signs.get(s, 0) < 0
        # otherwise targets multiply s, as in a Poisson likelihood
        balanced = balanced and not any(a.size > 1 for n in nodes if s in n.inputs for a in arrays(n))
        # and the mean is squared, which the likelihood of an exponential distribution is not
        balanced = balanced and any(is_square(n) and signs[n] == signs[node] for n in signs)
        if balanced and users[s] == 2 and users[node] == 1 and has_targets(scene.loss) and len(s.shape) == 2:
            return not any(True for _ in drawn(scene.loss))
    return None


@certain("deviation wrong", "what multiplies the noise of a posterior is not exp(logvar / 2), or the divergence has "
         "logvar without exp(logvar)",
         "{what}: with logvar, the latent numbers are mu + (logvar / 2).exp() * noise, and the divergence is -0.5 * (1 "
         "+ logvar - mu**2 - exp(logvar)).sum()", graph=True, assumes=0.7)  # fmt: skip
def wrong_deviation(scene: Scene) -> Seen:
    signs, values = linear_terms(scene.loss), scene.values
    scales = [n.inputs[0] for n in signs if kind_of(n) == "exp" and signs[n] * signs.get(n.inputs[0], 0) < 0]
    for logvar in (values[s].astype(float) for s in scales if s in values):
        for node in nodes_of(scene.loss):
            noise = next((a for a in arrays(node) if a.shape == logvar.shape), None)
            used = values.get(next((s for s in node.inputs if s is not None), None))
            if noise is None or used is None or used.shape != logvar.shape:
                continue
            right, negative = np.allclose(used, np.exp(logvar / 2), 1e-4), (noise < 0).any()
            named = {"logvar itself": logvar, "the variance, exp(logvar)": np.exp(logvar)}
            for what, array in named.items() if negative and not right else ():
                if np.allclose(used, array, 1e-4):
                    return {"what": f"the noise is multiplied by {what}, and not by the deviation"}
            if right and not negative and len(np.unique(noise)) == logvar.size > 20:
                return {"what": "the noise is never negative, as that of rand(): draw it from randn()"}
    no_exp = "exp" not in map(kind_of, signs)
    for mean, deviation, _ in drawn(scene.loss):
        source: Any = deviation.inputs[0] if kind_of(deviation) == "exp" else None
        while kind_of(source) in ("mul", "div") and None in source.inputs:
            source = first_operand(source)
        squares = {s for user in signs for s in user.inputs if kind_of(user) in ("square", "pow", "mul")}
        if no_exp and source in signs and mean in squares and deviation not in squares:
            return {"what": "the divergence has the logarithm of the variance, and not the variance, its exp()"}
    return None


@certain("results collapse", f"no term has targets, and the results differ by {COLLAPSED:g} of what they did at first",
         "the model's results become the same for all examples: their standard deviation was {first:.2g}, and is "
         "{last:.2g}, {part:.1%} of their size. The loss compares results with each other only, and is lowest there: "
         "add what keeps them apart, such as negative pairs, a term for the variance, or the log-determinant of a flow "
         "with its sign")  # fmt: skip
def collapse(scene: Scene) -> Seen:
    known = [pair for pair in scene.spreads if not math.isnan(pair[0])]
    if scene.loss is None or len(known) < 10 or scene.samples[-1].step < SETTLED or not min(known[0]):
        return None
    left, of_size = (max(pair[i] for pair in known[-3:]) / known[0][i] for i in (0, 1))
    fallen = 0 <= scene.known[-1] < 0.1 * scene.known[0]
    if not (left < COLLAPSED or (min(left, of_size) < 5 * COLLAPSED and fallen)):
        return None
    for node in scene.between:
        given = [*arrays(node)] if node.primitive.name not in ("linear", "matmul", "conv") else []
        if node.primitive.name == "mul" and scene.inputs is not None:  # a layer by hand may multiply its inputs
            given = [array for array in given if not np.may_share_memory(array, scene.inputs)]
        if node.primitive.name == "cross_entropy" or given:
            return None
    return {"first": known[0][0], "last": known[-1][0], "part": known[-1][1]}
