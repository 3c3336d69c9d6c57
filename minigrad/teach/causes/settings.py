"""Causes in the optimizer's settings."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from minigrad.output.words import class_name
from minigrad.teach.causes.cause import Seen, certain, explains
from minigrad.teach.causes.scene import Scene

SHORT = 3e-3
"""A step, as a part of each layer's length, below which the first ones of an Adam are short."""
FAR = 5.0
"""The learning rate of SGD divided by 1 - momentum, beyond which a run overshoots; 0.1 and 0.9 make it 1."""


@certain("weight decay too strong", "the decay shrinks the weights by 2 % a step",
         "the weight decay{of} shrinks the weights by {share:.0%} in each step; 1e-5 to 1e-2, times the learning rate, "
         "is usual")  # fmt: skip
def strong_decay(scene: Scene) -> Seen:
    found = [(f" of {_decay(group):g}", _decay(group) * float(group["lr"])) for group in _groups(scene)]
    if scene.optimizer is None and len(scene.samples) >= 3 and scene.shrinks < 1:
        found = [("", scene.shrinks)]
    return next(({"of": of, "share": share} for of, share in found if share >= 0.0199), None)


@certain("weight decay too strong", "the decay of an Adam is above 0.1, and three times as long as the gradient, in "
         "five samples in a row",
         "the weight decay of {decay:g} is added to the gradient, which is {times:.2g} times shorter, so the steps "
         "follow the decay whatever the data say; 1e-5 to 1e-2 is usual in Adam, and AdamW decays the weights "
         "themselves")  # fmt: skip
def decay_in_the_gradient(scene: Scene) -> Seen:
    recent = scene.samples[-5:]
    added = [g for g in _groups(scene) if "betas" in g and class_name(scene.optimizer) in ("Adam", "Adamax")]
    decay = max(map(_decay, added), default=0.0)
    times = [decay * math.hypot(*s.sizes.values()) / max(s.gradient, 1e-30) for s in recent]
    return decay > 0.1 - 1e-9 and len(recent) == 5 and min(times) > 3 and {"decay": decay, "times": min(times)}


@explains("weight decay too strong", "the decay of an Adam is above 0.1, and steps are large or the loss stays high",
          "the weight decay of {decay:g} is added to the gradient, and Adam's steps have the same length however "
          "strong it is, so it outweighs what the data say: 1e-5 to 1e-2 is usual in Adam",
          symptoms=("updates too large", "loss does not fall", "loss stays high", "worse than guessing"),
          assumes=0.6)  # fmt: skip
def strong_in_the_gradient(scene: Scene) -> Seen:
    decay = max((_decay(g) for g in _groups(scene) if class_name(scene.optimizer) in ("Adam", "Adamax")), default=0.0)
    return decay > 0.1 - 1e-9 and {"decay": decay}


@certain("betas swapped", "the first beta of an Adam is above 0.99 and above the second",
         "betas={betas} gives the momentum a beta of {betas[0]:g}, and the squares {betas[1]:g}: the usual order is "
         "(0.9, 0.999)")  # fmt: skip
def swapped_betas(scene: Scene) -> Seen:
    pairs = (tuple(group.get("betas") or ()) for group in _groups(scene))
    return next(({"betas": b} for b in pairs if len(b) == 2 and b[0] > 0.99 and b[0] > b[1]), None)


@certain("epsilon too large", "eps is three times as large as the numbers of the gradient, and above 1e-3",
         "eps={eps:g} is much larger than what it is added to, the root of the squared gradients, about {usual:.1g}: "
         "it divides each step by {times:.0e}. It only keeps from dividing by 0; 1e-8 is usual")  # fmt: skip
def large_epsilon(scene: Scene) -> Seen:
    recent = scene.samples[:5]
    if len(recent) < 5 or not all(s.ratios and max(s.ratios.values()) < SHORT for s in recent):
        return None  # a rate that is as large makes up for it
    numbers = sum(p.numel() for p in scene.model.parameters() if p.requires_grad)
    usual = max(s.gradient for s in recent) / math.sqrt(max(numbers, 1))
    epsilons = (float(group.get("eps", 0) or 0) for group in _groups(scene))
    eps = next((eps for eps in epsilons if eps > max(1e-3, 3 * usual)), 0.0)
    return eps > 0 and {"eps": eps, "usual": usual, "times": eps / max(usual, 1e-30)}


@explains("momentum too high", "a momentum above 0.99",
          "a momentum of {momentum:.4g} adds up the gradients of {times:.0f} steps, so the steps grow to {times:.0f} "
          "times the learning rate; 0.9 is usual", assumes=1.5)  # fmt: skip
def high_momentum(scene: Scene) -> Seen:
    momentum = _momentum(scene)
    return 0.99 < momentum < 1 and {"momentum": momentum, "times": 1 / (1 - min(momentum, 0.9999))}


@certain("momentum too high", f"the learning rate divided by 1 - momentum is above {FAR:g}, and the loss swings",
         "the loss swings: its mean over {n} steps has risen from {least:.3g} to {most:.3g}. With a momentum of "
         "{momentum:.4g}, the steps add up to {times:.0f} times the learning rate; 0.9 is usual")  # fmt: skip
def swinging(scene: Scene) -> Seen:
    momentum, n = _momentum(scene), len(scene.losses) // 10
    rate = max(scene.samples[-1].learning_rates, default=0.0) if scene.samples else 0.0
    if not 0.95 < momentum < 1 or rate < FAR * (1 - momentum) or n < 5 or len(scene.samples) % 4:
        return None
    means = [sum(scene.losses[i : i + n]) / n for i in range(0, len(scene.losses) - n + 1, n)]
    least, most = min(means[:-1]), 0.0
    most = max(means[means.index(least) :])
    swings = 2 * least < most < math.inf
    return swings and {"n": n, "least": least, "most": most, "momentum": momentum, "times": 1 / (1 - momentum)}


@certain("rate goes up and down", "the learning rate of an optimizer has fallen to 0 and risen again twice, in steps",
         "the learning rate falls to {least:.2g} and rises again to {most:.2g}, every {period} steps: a cosine "
         "schedule does that after its T_max steps. Does it count epochs, while scheduler.step() is called for each "
         "batch?")  # fmt: skip
def oscillating(scene: Scene) -> Seen:
    rates = scene.rates
    if len(rates) < 12 or scene.samples[-1].step > 400:
        return None
    most = max(rates)
    lows = [i for i in range(1, len(rates) - 1) if rates[i - 1] > rates[i] < rates[i + 1] < most / 2]
    # near its lowest, a cosine is flat, while a cyclical rate (Smith, 2017) rises in a straight line
    lows = [
        i
        for i in lows
        if i + 2 < len(rates) and rates[i] < 0.01 * most and rates[i + 1] < 0.6 * rates[i] + 0.4 * rates[i + 2]
    ]
    periods = {b - a for a, b in pairwise(lows)}
    return len(lows) >= 3 and len(periods) == 1 and {"least": rates[lows[0]], "most": most, "period": periods.pop()}


@certain("momentum too high", "a momentum of 1 or more",
         "a momentum of {momentum:.4g} never forgets a gradient, so the steps do not die down, and the parameters "
         "overshoot: v = mu * v - learning_rate * dx needs a mu below 1; 0.9 is usual")  # fmt: skip
def endless_momentum(scene: Scene) -> Seen:
    momentum = _momentum(scene)
    return momentum > 1 - 1e-4 and len(scene.samples) >= 5 and {"momentum": momentum}


@explains("weight decay too strong", "the decay is three times as long as the gradient, or the weights have shrunk to "
          "a third",
          "the weight decay of {decay:g} pulls the weights to 0 more strongly than the gradient moves them; 1e-5 to "
          "1e-2 is usual", assumes=0.9)  # fmt: skip
def stronger_decay(scene: Scene) -> Seen:
    last = scene.samples[-1]
    size, decays = math.hypot(*last.sizes.values()), map(_decay, _groups(scene))
    shrunk = size < 0.3 * math.hypot(*scene.samples[0].sizes.values())
    # AdamW and the like decay apart from the gradient, at the learning rate
    apart = class_name(scene.optimizer) in ("AdamW", "Lion", "LAMB", "Muon") and any(last.learning_rates)
    rate, step = max(last.learning_rates, default=0.0), math.hypot(*last.updates.values())
    pull, moved = (4 * rate * size, 3 * step) if apart else (size, 3 * last.gradient)
    return next(({"decay": d} for d in decays if d * pull > moved or (d > 0.02 and shrunk)), None)


@certain("state lost", "with a momentum, each of five steps is that of the gradient alone",
         "each step is that of its gradient alone, as if there had been none before: the optimizer is created again, "
         "or its state cleared, in each step, so there is no momentum. Create it once, before the loop")  # fmt: skip
def state_lost(scene: Scene) -> Seen:
    return scene.restarted >= 5


def _groups(scene: Scene) -> Iterable[Any]:
    return scene.optimizer.param_groups if scene.optimizer is not None else ()


def _decay(group: Any) -> float:
    return group.get("weight_decay", 0) or 0.0


def _momentum(scene: Scene) -> float:
    return max([scene.momentum, *(float(group.get("momentum", 0) or 0) for group in _groups(scene))])
