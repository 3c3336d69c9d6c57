"""Causes that the gradients show: none arrives, the graph is cut, the step has the wrong sign, they are clipped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from minigrad.teach.causes.cause import Said, certain, explains
from minigrad.teach.causes.scene import Scene
from minigrad.teach.samples import Sample, listed

UPHILL = 0.1
"""The cosine between update and gradient above which a step goes uphill."""
RISEN = 2.0
"""A loss that short steps raised to this many times its first value is maximized, if it rises as it should fall."""
SKIPPED = 20
"""The number of samples for which a layer that was never called may be without a gradient."""


@certain({"no backward": "no parameter has a gradient at the update, in five samples in a row"}, assumes=0.6)
def no_backward(scene: Scene) -> Iterator[Said]:
    """Updates without any gradient, from the start."""
    if len(scene.samples) < 5 or any(any(sample.gradients.values()) for sample in scene.samples):
        return
    recent = scene.samples[-5:]
    if any(sample.arrived for sample in recent):
        yield (
            "no backward",
            "no parameter has a gradient when the optimizer steps: zero_grad() is called between backward() and "
            "step(). The order is zero_grad(), backward(), step()",
        )
    elif all(sample.arrived is None and not sample.gradients for sample in recent):
        yield (
            "no backward",
            "no parameter has a gradient when the optimizer steps: the loss does not depend on the model's output, "
            "since the graph is cut between them (detach(), .data, .numpy(), no_grad())"
            if scene.connected is False
            else "no parameter has a gradient when the optimizer steps: call loss.backward() between zero_grad() and "
            "step(). If you do, the graph is cut (detach(), .data, .numpy(), no_grad())",
        )


@certain(
    {"flat loss": "a gradient arrives, and is exactly 0 in five samples in a row, and the loss is not 0"}, assumes=0.6
)
def flat_loss(scene: Scene) -> Iterator[Said]:
    """A gradient of exactly 0 at a loss that is not: the loss does not change with any parameter."""
    recent = scene.samples[-5:]
    if len(recent) == 5 and all(
        sample.arrived is False and not any(sample.gradients.values()) and sample.loss > 0 for sample in recent
    ):
        if all(size == 0 for size in recent[-1].sizes.values()):
            yield (
                "equal weights",
                f"all weights of {listed([*recent[-1].sizes])} are 0. The gradient of one factor of a product is "
                "proportional to the other, so it is exactly 0, and nothing moves: initialize them at random",
            )
            return
        yield (
            "flat loss",
            f"the loss is {recent[-1].loss:.3g}, and each gradient is exactly 0: the loss is flat there. Look between "
            "the model's last layer and the loss for a relu, clamp or maximum at its flat end (a hinge with targets "
            "other than -1 and 1), rounding or a comparison",
        )


@certain({"no gradient": "a layer gets no gradient in five samples in a row, while others do"}, assumes=0.6)
def no_gradient(scene: Scene) -> Iterator[Said]:
    """Trainable layers that the backward pass does not reach."""
    recent = scene.samples[-5:]
    if len(recent) < 5 or not any(recent[-1].gradients.values()):
        return
    # an expert or a block that is skipped at random may be without a gradient for some steps
    without = [
        layer
        for layer in scene.layers
        if (layer in scene.called or len(scene.samples) >= SKIPPED)
        and not any(layer in s.gradients for s in scene.samples)
    ]
    if without:
        yield (
            "no gradient",
            f"{listed(without)} {'gets' if len(without) == 1 else 'get'} no gradient: between there and the "
            "loss the graph is cut (detach(), .data, .numpy(), no_grad()), or the result is not used",
        )


@certain({"uphill": f"the cosine between update and gradient is above {UPHILL} in five samples in a row"}, assumes=0.6)
def uphill(scene: Scene) -> Iterator[Said]:
    """Updates along the gradient instead of against it; against it, where the loss must be maximized."""
    recent = [cosine for cosine in scene.uphill if cosine][-5:]
    if len(recent) < 5:
        return
    # a likelihood or a reward may well be climbed
    climbs = scene.goal < 0 or (scene.goal == 0 and not any(loss > 0 for loss in scene.losses))
    if not climbs and all(cosine > UPHILL for cosine in recent):
        yield (
            "uphill",
            "the steps go uphill, along the gradient instead of against it: the sign of the update is wrong. It is "
            "x += -learning_rate * dx; a negative learning rate and maximize=True do the same",
        )
    elif {*scene.goals} <= {0, -1} and scene.goals.count(-1) >= 3 and all(cosine < -UPHILL for cosine in recent):
        yield (
            "uphill",
            "the loss is negated, so the steps that lower it make the model worse: the sign of the loss is wrong. "
            "Minimize the cross entropy or minus the log-likelihood, without another minus",
        )


@certain(
    {
        "uphill": f"the steps go along the gradient: their cosine is above {UPHILL} in five samples in a row, or the "
        "loss rises as it should fall"
    },
    assumes=0.6,
)
def negated(scene: Scene) -> Iterator[Said]:
    """A loss that rises by as much as the steps should lower it: backward() ran from something else, such as -loss."""
    recent = [s for s in scene.samples if math.isfinite(s.loss)]
    first = next((loss for loss in scene.losses if math.isfinite(loss)), 0.0)
    if _climbs_straight_on(scene, recent):
        yield (
            "uphill",
            f"the loss has risen from {first:.3g} to {recent[-1].loss:.3g} in steps that all go the same way, while "
            "steps that are too long go back and forth: they go uphill. The sign of the gradient or of the update is "
            "wrong: look for a minus too many, as in (-loss).backward() or p.grad *= -1",
        )
        return
    if len(recent) < 10 or scene.adversarial or scene.goal < 0 or recent[-1].step < 20 or not first > 0:
        return
    if any(ratio > 0.1 for s in recent for ratio in s.ratios.values()) or any(s.slope > 0 for s in recent):
        return
    windows = [float(np.mean(part)) for part in np.array_split(np.array(scene.losses), 5)]
    expected = float(np.trapezoid([s.slope for s in recent], [s.step for s in recent]))
    rise = windows[-1] - windows[0]
    if windows[-1] > RISEN * first and windows == sorted(windows) and -3 < rise / (expected or math.inf) < -0.2:
        yield (
            "uphill",
            f"the loss has risen from {first:.3g} to {windows[-1]:.3g}, by about as much as the steps should lower it: "
            "the gradient is that of the negated loss. Look for a minus too many, as in (-loss).backward()",
        )


def _climbs_straight_on(scene: Scene, recent: Sequence[Sample]) -> bool:
    """Return whether the loss rises while plain steps, which should lower it, follow each other's direction."""
    if not scene.goes_straight_on or len(scene.losses) < 15 or scene.adversarial or scene.goal < 0:
        return False
    windows = [float(np.mean(part)) for part in np.array_split(np.array(scene.losses), 3)]
    return windows == sorted(windows) and windows[2] > 2 * windows[0] > 0 and all(s.slope < 0 for s in recent)


@explains(
    {"critic too strong": "a generator's gradient is tiny behind a sigmoid that is at its ends"},
    symptoms=("updates too small", "vanishing gradients"),
    assumes=0.9,
)
def sure_critic(scene: Scene) -> Iterator[Said]:
    """A generator whose critic is so sure that no gradient passes."""
    if scene.discriminates:
        yield (
            "critic too strong",
            "the critic tells real from generated so surely that hardly any gradient passes to the generator: train "
            "the critic less or with a smaller rate, and let the generator minimize -log D(G(z)), which does not "
            "saturate, instead of log(1 - D(G(z)))",
        )


@explains({"gradient clipped": "each gradient has the same norm, and the steps are too short"}, assumes=1.7)
def clipped(scene: Scene) -> Iterator[Said]:
    """Gradients that were clipped to a norm that is too small."""
    norms = [sample.gradient for sample in scene.samples[-5:]]
    small = all(ratio < 1e-4 for ratio in scene.samples[-1].ratios.values())
    numbers = [sample.clipped for sample in scene.samples[-5:]]
    if small and 0 < min(numbers) == max(numbers) and len(numbers) == 5:
        yield (
            "gradient clipped",
            f"the numbers of each gradient are clipped to {numbers[-1]:.2g}, so the steps are too short: clip the norm "
            "instead, at about its usual value, 1 to 5",
        )
    differ = max((s.loss for s in scene.samples[-5:]), default=0.0) > 1.001 * min(
        (s.loss for s in scene.samples[-5:]), default=0.0
    )
    if differ and len(norms) == 5 and 0 < max(norms) < 1.001 * min(norms) and small:
        yield (
            "gradient clipped",
            f"each gradient is clipped to a norm of {norms[-1]:.2g}, so the steps are too short: clip at about its "
            "usual norm, 1 to 5",
        )
