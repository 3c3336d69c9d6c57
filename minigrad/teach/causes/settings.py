"""Causes in the optimizer's settings."""

from __future__ import annotations

import math
from collections.abc import Iterator

from minigrad.teach.causes.cause import Said, certain, explains
from minigrad.teach.causes.scene import Scene


@certain({"weight decay too strong": "the decay shrinks the weights by 2 % a step"})
def strong_decay(scene: Scene) -> Iterator[Said]:
    """A weight decay that shrinks the weights by 2 % and more in a step."""
    for group in scene.optimizer.param_groups if scene.optimizer is not None else ():
        decay = group.get("weight_decay", 0) or 0
        if decay * float(group["lr"]) > 0.02:
            yield (
                "weight decay too strong",
                f"the weight decay of {decay:g} shrinks the weights by {decay * float(group['lr']):.0%} in each step; "
                "1e-5 to 1e-2 is usual",
            )
            return
    if scene.optimizer is None and scene.shrinks > 0.02 and len(scene.samples) >= 3:
        yield (
            "weight decay too strong",
            f"each step shrinks the parameters by {scene.shrinks:.0%} besides following the gradient: the weight decay "
            "in it is too strong; 1e-5 to 1e-2, times the learning rate, is usual",
        )


@certain({"betas swapped": "the first beta of an Adam is above 0.99 and above the second"})
def swapped_betas(scene: Scene) -> Iterator[Said]:
    """Adam's betas in the other order."""
    for group in scene.optimizer.param_groups if scene.optimizer is not None else ():
        betas = group.get("betas")
        if betas is not None and len(betas) == 2 and betas[0] > 0.99 and betas[0] > betas[1]:
            yield (
                "betas swapped",
                f"betas={tuple(betas)} gives the momentum a beta of {betas[0]:g}, and the squares {betas[1]:g}: the "
                "usual order is (0.9, 0.999)",
            )
            return


@explains(
    {"epsilon too large": "eps is ten times as large as the numbers of the gradient, and above 1e-3"},
    symptoms=("updates too small", "loss does not fall"),
)
def large_epsilon(scene: Scene) -> Iterator[Said]:
    """An eps beside which the root of the squares does not count."""
    last, numbers = scene.samples[-1], sum(p.numel() for p in scene.model.parameters() if p.requires_grad)
    for group in scene.optimizer.param_groups if scene.optimizer is not None else ():
        eps = float(group.get("eps", 0) or 0)
        usual = last.gradient / math.sqrt(max(numbers, 1))
        if eps > max(1e-3, 10 * usual):
            yield (
                "epsilon too large",
                f"eps={eps:g} is much larger than what it is added to, the root of the squared gradients, about "
                f"{usual:.1g}: it divides each step by {eps / max(usual, 1e-30):.0e}. It only keeps from dividing by "
                "0; 1e-8 is usual",
            )
            return


@explains({"momentum too high": "a momentum above 0.99"}, assumes=1.5)
def high_momentum(scene: Scene) -> Iterator[Said]:
    """A momentum that adds up the gradients of hundreds of steps."""
    momentum = _momentum(scene)
    if 0.99 < momentum < 1:
        times = 1 / (1 - min(momentum, 0.9999))
        yield (
            "momentum too high",
            f"a momentum of {momentum:.4g} adds up the gradients of {times:.0f} steps, so the steps grow to "
            f"{times:.0f} times the learning rate; 0.9 is usual",
        )


@certain({"momentum too high": "a momentum of 1 or more"})
def endless_momentum(scene: Scene) -> Iterator[Said]:
    """A momentum that forgets nothing."""
    momentum = _momentum(scene)
    if momentum > 1 - 1e-4 and len(scene.samples) >= 5:
        yield (
            "momentum too high",
            f"a momentum of {momentum:.4g} never forgets a gradient, so the steps do not die down, and the parameters "
            "overshoot: v = mu * v - learning_rate * dx needs a mu below 1; 0.9 is usual",
        )


def _momentum(scene: Scene) -> float:
    groups = scene.optimizer.param_groups if scene.optimizer is not None else ()
    return max([scene.momentum, *(float(group.get("momentum", 0) or 0) for group in groups)])


@explains(
    {
        "weight decay too strong": "the decay shrinks the weights by 2 % a step, or is three times as long as the "
        "gradient"
    },
    assumes=1.5,
)
def stronger_decay(scene: Scene) -> Iterator[Said]:
    """A weight decay that is longer than the gradient."""
    last = scene.samples[-1]
    for group in scene.optimizer.param_groups if scene.optimizer is not None else ():
        decay = group.get("weight_decay", 0) or 0
        if decay and decay * math.hypot(*last.sizes.values()) > 3 * last.gradient:
            yield (
                "weight decay too strong",
                f"the weight decay of {decay:g} pulls the weights to 0 more strongly than the gradient moves them; "
                "1e-5 to 1e-2 is usual",
            )
            return
