"""Causes that the gradients show: none arrives, the graph is cut, the step has the wrong sign, they are clipped."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from minigrad.teach.causes.cause import Seen, certain, explains
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import arrays, kind_of, linear_terms, node_behind, nodes_of, terms
from minigrad.teach.samples import Sample, listed

UPHILL = 0.1
"""The cosine between update and gradient above which a step goes uphill."""
RISEN = 2.0
"""A loss that short steps raised to this many times its first value is maximized, if it rises as it should fall."""
SKIPPED = 20
"""The number of samples for which a layer that was never called may be without a gradient."""


@certain("no backward", "no parameter has a gradient at the update, in five samples in a row",
         "no parameter has a gradient when the optimizer steps: {why}", assumes=0.6)  # fmt: skip
def no_backward(scene: Scene) -> Seen:
    recent = scene.samples[-5:]
    if len(recent) < 5 or any(any(sample.gradients.values()) for sample in scene.samples):
        return None
    if scene.optimizer is None and any(any(sample.updates.values()) for sample in recent):
        return None  # a loop by hand sets them to zero right after its update
    if any(sample.arrived for sample in recent):
        why = "zero_grad() is called between backward() and step(). The order is zero_grad(), backward(), step()"
    elif any(sample.arrived is not None or sample.gradients for sample in recent):
        return None
    elif scene.connected is False:
        why = (
            "the loss does not depend on the model's output, since the graph is cut between them (detach(), .data, "
            ".numpy(), no_grad())"
        )
    else:
        why = (
            "call loss.backward() between zero_grad() and step(). If you do, the graph is cut (detach(), .data, "
            ".numpy(), no_grad())"
        )
    return {"why": why}


@certain("frozen", "no parameter of the model requires a gradient",
         "all parameters of the model are frozen (requires_grad=False), the last layer too, so that no step changes "
         "anything: model.head.requires_grad_(True), for the layer that must learn", assumes=0.5)  # fmt: skip
def all_frozen(scene: Scene) -> Seen:
    parameters = [*scene.model.parameters()]
    return bool(parameters) and not any(p.requires_grad for p in parameters)


@certain("multiplied by 0", "a weight gets a gradient of exactly 0 in five samples in a row, and another of its layer "
         "does not",
         "the gradient of {name} is exactly 0 in each step, and that of {other} is not: what {name} multiplies is "
         "always 0. Is a state set back to 0 in each time step, is only the result of the first one used, or is an "
         "input always 0?", assumes=0.8)  # fmt: skip
def multiplied_by_zero(scene: Scene) -> Seen:
    own = dict(scene.model.named_parameters())
    uses = Counter(source for node in nodes_of(scene.loss) for source in node.inputs)
    # beside a bias, it may follow dead ReLUs; but not in a loop
    known = (pair for pair in scene.silent if own[pair[1]].ndim > 1 or uses[own[pair[0]].node] >= 3)
    silent = next((pair for pair in known if scene.silent[pair] >= 5), None)
    return silent is not None and {"name": silent[0], "other": silent[1]}


@certain("equal weights", "all weights are 0, and each gradient is exactly 0",
         "all weights of {layers} are 0. The gradient of one factor of a product is proportional to the other, so it "
         "is exactly 0, and nothing moves: initialize them at random", assumes=0.6)  # fmt: skip
def zero_weights(scene: Scene) -> Seen:
    sizes = scene.samples[-1].sizes if scene.samples else {}
    return _loss_is_flat(scene) and not any(sizes.values()) and {"layers": listed([*sizes])}


@certain("flat loss", "a gradient arrives, and is exactly 0 in five samples in a row, and the loss is not 0",
         "the loss is {loss:.3g}, and each gradient is exactly 0: the loss is flat there. Look between the model's "
         "last layer and the loss for a relu, clamp or maximum at its flat end (a hinge with targets other than -1 and "
         "1), rounding or a comparison", assumes=0.6)  # fmt: skip
def flat_loss(scene: Scene) -> Seen:
    return _loss_is_flat(scene) and any(scene.samples[-1].sizes.values()) and {"loss": scene.samples[-1].loss}


def _loss_is_flat(scene: Scene) -> bool:
    """Return whether the loss does not change with any parameter, though a gradient arrives."""
    return scene.is_flat(5) and all(s.arrived is False and abs(s.loss) > 0 for s in scene.samples[-5:])


@certain("no gradient", "a layer gets no gradient in five samples in a row, while others do",
         "{layers} {get} no gradient: between there and the loss the graph is cut (detach(), .data, .numpy(), "
         "no_grad()), or the result is not used", assumes=0.6)  # fmt: skip
def no_gradient(scene: Scene) -> Seen:
    recent = scene.samples[-5:]
    if len(recent) < 5 or not any(recent[-1].gradients.values()):
        return None
    # an expert or a block that is skipped at random may be without a gradient for some steps
    without = [
        layer
        for layer in scene.layers
        if (layer in scene.called or len(scene.samples) >= SKIPPED)
        and not any(layer in s.gradients for s in scene.samples)
    ]
    return bool(without) and {"layers": listed(without), "get": "gets" if len(without) == 1 else "get"}


@certain("uphill", f"the cosine between update and gradient is above {UPHILL} in five samples in a row",
         "the steps go uphill, along the gradient instead of against it: the sign of the update is wrong. It is x += "
         "-learning_rate * dx; a negative learning rate and maximize=True do the same", assumes=0.6)  # fmt: skip
def uphill(scene: Scene) -> Seen:
    # a likelihood or a reward may well be climbed
    climbs = scene.goal < 0 or (scene.goal == 0 and not any(loss > 0 for loss in scene.losses))
    groups = getattr(scene.optimizer, "param_groups", ())
    known = type(scene.optimizer).__module__.startswith("minigrad.") and not any(g.get("maximize") for g in groups)
    if known and all(group["lr"] >= 0 for group in groups):
        return None  # its momentum goes on where gradients of policies change their sign
    return not climbs and all(cosine > UPHILL for cosine in _cosines(scene))


@certain("uphill", f"the cosine is below -{UPHILL} in five samples in a row, and the loss must be maximized",
         "the loss is negated, so the steps that lower it make the model worse: the sign of the loss is wrong. "
         "Minimize the cross entropy or minus the log-likelihood, without another minus", assumes=0.6)  # fmt: skip
def negated(scene: Scene) -> Seen:
    minimax = scene.discriminates and scene.answers[-1:] == [0.0]  # log(1 - D(G(z))), which a generator minimizes
    maximized = {*scene.goals} <= {0, -1} and scene.goals.count(-1) >= 3 and not minimax
    return maximized and not scene.taken and all(cosine < -UPHILL for cosine in _cosines(scene))


@certain("uphill", "a term of the loss is a squared error with a minus",
         "the loss subtracts a squared error, so each step makes that error larger, without end: the sign of the term "
         "is wrong. Add it, loss + weight * ((value - target)**2).mean()", graph=True, assumes=0.7)  # fmt: skip
def subtracted_error(scene: Scene) -> Seen:
    signs = linear_terms(scene.loss)
    squared = [node_behind(n.inputs[0]) for n in signs if signs[n] < 0 and kind_of(n) in ("square", "pow")]
    errors = [node for node in squared if kind_of(node) == "sub" and [*arrays(node)]]
    return bool(errors) and len(terms(scene.loss)) > 1 and scene.goal >= 0


def _cosines(scene: Scene) -> list[float]:
    """Return the last five cosines between update and gradient; nan until there are five."""
    recent = [cosine for cosine in scene.uphill if cosine][-5:]
    return recent if len(recent) == 5 else [math.nan]


@certain("uphill", "the loss rises while plain steps, which should lower it, follow each other's direction",
         "the loss has risen from {first:.3g} to {last:.3g} in steps that all go the same way, while steps that are "
         "too long go back and forth: they go uphill. The sign of the gradient or of the update is wrong: look for a "
         "minus too many, as in (-loss).backward() or p.grad *= -1", assumes=0.6)  # fmt: skip
def straight_uphill(scene: Scene) -> Seen:
    if not scene.goes_straight_on or len(scene.losses) < 15 or scene.goal < 0 or not scene.measures_progress:
        return None
    windows = [float(np.mean(part)) for part in np.array_split(np.array(scene.losses), 3)]
    rises = windows == sorted(windows) and windows[2] > 2 * windows[0] > 0 and all(s.slope < 0 for s in _finite(scene))
    return rises and {"first": windows[0], "last": windows[2]}  # one batch may have a small loss


@certain(
    "uphill",
    f"the steps go along the gradient: their cosine is above {UPHILL} in five samples in a row, or the loss rises as "
    "it should fall",
    "the loss has risen from {first:.3g} to {last:.3g}, by about as much as the steps should lower it: the gradient is "
    "that of the negated loss. Look for a minus too many, as in (-loss).backward()",
    assumes=0.6,
)
def rising(scene: Scene) -> Seen:
    recent, first = _finite(scene), _first_loss(scene)
    if len(recent) < 10 or scene.goal < 0 or recent[-1].step < 20 or not first > 0 or not scene.measures_progress:
        return None
    if any(ratio > 0.1 for s in recent for ratio in s.ratios.values()) or any(s.slope > 0 for s in recent):
        return None
    windows = [float(np.mean(part)) for part in np.array_split(np.array(scene.losses), 5)]
    expected = float(np.trapezoid([s.slope for s in recent], [s.step for s in recent]))
    as_it_should_fall = -3 < (windows[-1] - windows[0]) / (expected or math.inf) < -0.2
    rises = windows[-1] > RISEN * first and windows == sorted(windows)
    return rises and as_it_should_fall and {"first": first, "last": windows[-1]}


def _finite(scene: Scene) -> list[Sample]:
    return [sample for sample in scene.samples if math.isfinite(sample.loss)]


def _first_loss(scene: Scene) -> float:
    return next(iter(scene.known), 0.0)


@explains("critic too strong", "a generator's gradient is tiny behind a sigmoid that is at its ends",
          "the critic tells real from generated so surely that hardly any gradient passes to the generator: train the "
          "critic less or with a smaller rate, and let the generator minimize -log D(G(z)), which does not saturate, "
          "instead of log(1 - D(G(z)))", symptoms=("updates too small", "vanishing gradients"),
          assumes=0.9)  # fmt: skip
def sure_critic(scene: Scene) -> Seen:
    return scene.discriminates


@explains("gradient clipped", "the numbers of each gradient have the same largest size, and the steps are too short",
          "the numbers of each {what} are clipped to {most:.2g}, so the steps are too short: clip the norm of the "
          "gradient instead, at about its usual value, 1 to 5", assumes=1.7)  # fmt: skip
def clipped_by_value(scene: Scene) -> Seen:
    for what in ("gradient", "step"):
        numbers = [sample.clipped.get(what, 0.0) for sample in scene.samples[-5:]]
        if _are_short(scene) and len(numbers) == 5 and 0 < max(numbers) < 1.1 * min(numbers):
            return {"what": what, "most": numbers[-1]}
    return None


@explains("gradient clipped", "each gradient has the same norm, and the steps are too short",
          "each gradient is clipped to a norm of {norm:.2g}, so the steps are too short: clip at about its usual norm, "
          "1 to 5", assumes=1.7)  # fmt: skip
def clipped(scene: Scene) -> Seen:
    if not _are_short(scene):
        return None
    recent = scene.samples[-5:]
    losses, norms = [s.loss for s in recent], [s.gradient for s in recent]
    if not max(losses) > 1.001 * min(losses):
        return None
    if 0 < max(norms) < 1.001 * min(norms):
        return {"norm": norms[-1]}
    # in the lecture's loop, the network has the whole gradient
    steps = [math.hypot(*s.updates.values()) for s in recent] if scene.optimizer is None else [0.0]
    return 0 < max(steps) < 1.001 * min(steps) and (
        f"each step has the same length, {steps[-1]:.2g}, so the gradient is clipped or divided by its norm, and the "
        "steps are too short: clip at about its usual norm, 1 to 5"
    )


def _are_short(scene: Scene) -> bool:
    """Return whether there are five steps, and the last one is short in each layer."""
    return len(scene.samples) >= 5 and all(ratio < 1e-3 for ratio in scene.samples[-1].ratios.values())
