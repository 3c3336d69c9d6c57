"""Causes in the losses of policies: a log-probability of the actions taken, times what they brought."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

import numpy as np

from minigrad.teach.causes.cause import Seen, certain, explains
from minigrad.teach.causes.inputs import badly_scaled
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import (
    actions_taken,
    arrays,
    distribution,
    first_operand,
    kind_of,
    linear_terms,
    node_behind,
    picked_actions,
)

SURE = 0.9
"""The mean probability of the likeliest action from which a new policy is certain of it."""
LARGE = 1000.0
"""A return that rewards of about 1 add up to in short episodes only with a discount above 1."""
LONGER, FAR = 1.0005, 1.12
"""The growth of returns from each step to the one before that rounding does not make; and that which 1 / gamma, in
returns that are discounted twice, does not."""
VALUED, BATCHES = 120, 8
"""The numbers of states, and of batches of a few ones, in which a random action in ten would show."""
SHORTER = 0.8
"""The part of its first length, in the median, to which an episode must shrink to speak of a policy that gets worse."""
TRIED = 40
"""The number of actions that a policy which draws them does not all take from the likeliest."""


@certain("logarithm missing", "the probability of an action, not its logarithm, is multiplied by what it brought",
         "the policy's loss has the probability of the action, without its logarithm: actions that are drawn often "
         "count twice. The gradient of the expected return needs -(log_prob * weight).mean(), with log_softmax",
         graph=True)  # fmt: skip
def probability_of_the_action(scene: Scene) -> Seen:
    if not all(taken.logarithm for taken in actions_taken(scene.between)):
        return True
    weighted = [n for n in scene.between if kind_of(n) == "mul" and any(a.size > 1 for a in arrays(n))]
    powers = [s for n in weighted for s in n.inputs if kind_of(s) == "exp"]  # of a picked log-probability
    return any(picked_actions(s.inputs[0]) is not None and all(distribution(s.inputs[0])) for s in powers)


@certain("returns missing", "all returns of a policy are the same number, in five episodes of several lengths, their "
         "last actions aside",
         "the return of each action is {number:.3g}, in each episode{but}, so all become likelier alike: weigh the "
         "log-probability of an action with the sum of the rewards that follow it, minus a mean (the baseline)",
         assumes=0.8)  # fmt: skip
def equal_returns(scene: Scene) -> Seen:
    lengths = {n for _, n, _ in scene.taken}  # batches of one length may be examples with a mask, or to be imitated
    if len(scene.returns) < 5 or len(lengths) <= 2:
        return None
    if len({w for brought in scene.returns for w in brought.tolist()}) == 1:
        return {"number": scene.returns[0][0], "but": ""}
    long = [brought[:-1] for brought in scene.returns if len(brought) > 3]
    alone = len(long) >= 5 and len({w for brought in long for w in brought.tolist()}) == 1
    return alone and {"number": long[0][0], "but": " but for its last action: these are the rewards of the step alone"}


@certain("returns of the past", "the returns of rewards that are all alike add up from the first step on, five times",
         "the return of an action adds up the rewards before it, and not those that follow: go through the rewards "
         "backwards, G = reward + gamma * G, and turn the list around (or insert at its start)",
         assumes=0.7)  # fmt: skip
def from_the_first_step(scene: Scene) -> Seen:
    def adds_up(brought: np.ndarray) -> bool:
        # w[t + 1] = reward + gamma * w[t], so the first is the reward; standardized, their steps shrink
        w, d, ratio = _recursion(brought)
        standardized = abs(w.mean()) < 1e-3 * w.std()
        return ratio >= 1 and bool(
            abs(d[0] * ratio - w[0]) < 1e-3 * abs(w[0]) or (standardized and ratio > LONGER and d[0] > 0)
        )

    return len(scene.returns) >= 5 and all(map(adds_up, scene.returns))


@certain("discount above 1", "the returns of rewards that are all alike grow by a factor above 1 from each step to the "
         "one before, five times",
         "the return of an action grows by a factor of {gamma:.3g} from each step to the one before, so gamma, the "
         "discount, is above 1: what is far away counts most. 0.9 to 0.999 is usual", assumes=0.75)  # fmt: skip
def above_one(scene: Scene) -> Seen:
    if len(scene.returns) < 5:
        return None
    ratios = [ratio for _, _, ratio in map(_recursion, scene.returns)]
    last = [float(w[-1]) for w in scene.returns]
    # gamma**t * G, as in the exact gradient, grows too; but its last number depends on the episode's length
    whole = len({*map(len, scene.returns)}) > 1 and np.ptp(last) < 1e-3 * abs(last[0])
    return min(ratios) > (LONGER if whole else FAR) and {"gamma": min(ratios)}


def _recursion(brought: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the returns of an episode, their differences, and by what these grow from each step to the one before.

    That is the discount where all rewards are alike; nan where the differences say nothing.
    """
    w = brought.astype(float)
    d = np.diff(w)
    if len(d) < 5 or not d.all():
        return w, d, math.nan
    ratios = d[:-1] / d[1:]
    ratio = float(np.median(ratios))
    return w, d, ratio if np.mean(abs(ratios - ratio) < 2e-3 * abs(ratio)) > 0.7 else math.nan


@explains("returns too large", f"the return of an action is beyond {LARGE:g}",
          "the returns go up to {most:.2g}, and the gradient is proportional to them: is the discount, gamma, below 1? "
          "Subtract the mean of the returns, and divide by their standard deviation",
          symptoms=("exploding gradients", "updates too large"), assumes=0.8)  # fmt: skip
def large_returns(scene: Scene) -> Seen:
    most = max((float(abs(brought).max()) for brought in scene.returns), default=0.0)
    return most > LARGE and {"most": most}


@certain("actions not drawn", f"of {TRIED} actions, all are the likeliest; or, in {VALUED} states, the "
         "one whose value is learned has the highest",
         "each action that the policy took is the likeliest one: nothing else is tried, so it cannot find what is "
         "better. Draw the actions from the policy's probabilities (rng.choice(n, p=p)); take the argmax only in the "
         "evaluation", assumes=0.8)  # fmt: skip
def greedy(scene: Scene) -> Seen:
    if (scene.valued >= VALUED or scene.highest >= BATCHES) and not scene.resumed:
        return (
            "the action whose value is learned is always the one with the highest value: either the loss takes "
            "values.max(1), where it needs the value of the action that was taken, values.gather(1, actions[:, None]); "
            "or no other action is tried: take a random one with a probability epsilon, 1 at first and 0.05 later"
        )
    return scene.greedy >= TRIED


@certain("values not picked", "the largest of an example's results is compared with a target",
         "the loss compares the largest value of each state, values.max(1), with the target, and not the value of the "
         "action that was taken: values[range(n), actions], or values.gather(1, actions[:, None]). The maximum belongs "
         "into the target, for the next state", graph=True)  # fmt: skip
def largest_value(scene: Scene) -> Seen:
    for node in scene.between if len(scene.output.shape) == 2 else ():
        largest: Any = node_behind(first_operand(node)) if kind_of(node) == "sub" and [*arrays(node)] else None
        if kind_of(largest) in ("amax", "max") and node_behind(largest.inputs[0]) is node_behind(scene.output):
            return len(largest.shape) == 1 or largest.shape[1] == 1
    return None


@certain("policy certain at first", f"a new policy gives its likeliest action {SURE:.0%}, on average",
         "the new policy gives the likeliest action a probability of {sure:.0%} on average, so the others are hardly "
         "tried: its scores are too large. Use smaller initial weights, of the last layer above all, and inputs of "
         "about 1", graph=True, assumes=0.8)  # fmt: skip
def certain_at_first(scene: Scene) -> Seen:
    if len(scene.samples) > 1 or scene.resumed:
        return None
    for taken in actions_taken(scene.between):
        p = taken.probabilities(scene.values)
        factors = node_behind(taken.sources[0].inputs[0]).inputs[1:2]
        weight = next((w for w in scene.model.parameters() if w.node in factors), None)
        large = weight is None or np.square(weight._array).mean() * max(weight.shape) > 16 or any(badly_scaled(scene))
        # otherwise it has learned elsewhere, as by imitation
        if large and p is not None and (sure := float(p.max(axis=1).mean())) > SURE:
            return {"sure": sure}
    return None


@certain("uphill", "the log-probability of an action times what it brought is the loss, without a minus, five times; "
         "or times anything, and the episodes get shorter",
         "the loss is log_prob * weight without a minus. That is right for costs; if the weight is a return or an "
         "advantage, each step makes the better actions less likely: minimize -(log_prob * weight).mean()",
         assumes=0.8)  # fmt: skip
def against_the_return(scene: Scene) -> Seen:
    if len(scene.taken) >= 5 and all(sign < 0 and brought < 0 for sign, _, brought in scene.taken):
        return (
            "the log-probabilities are multiplied by value - return. That is right for costs; for rewards, each step "
            "makes the better actions less likely: the advantage is return - value"
        )
    if not all(sign > 0 for sign, _, _ in scene.taken):
        return None
    rows, half = [n for _, n, _ in scene.taken], len(scene.taken) // 2
    shorter = half >= 3 and median(rows[-half:]) < SHORTER * median(rows[:half])
    return shorter or (len(rows) >= 5 and all(brought > 0 for _, _, brought in scene.taken))


@certain("uphill", "the smaller of two products with an advantage is minimized",
         "the loss is the clipped objective of PPO without a minus, so each step makes the actions with a high "
         "advantage less likely: minimize -minimum(ratio * advantage, clipped * advantage).mean()", graph=True,
         assumes=0.7)  # fmt: skip
def clipped_without_minus(scene: Scene) -> Seen:
    lower = [(n, sign) for n, sign in linear_terms(scene.loss).items() if kind_of(n) == "minimum"]
    return any(sign > 0 and all(kind_of(s) == "mul" and [*arrays(s)] for s in n.inputs) for n, sign in lower)


@certain("entropy minimized", "a policy's loss has its entropy with a plus",
         "the policy's entropy is added to the loss, so the steps make it small, and the policy sure of itself: a "
         "bonus for entropy is subtracted, loss - beta * entropy", graph=True, assumes=0.7)  # fmt: skip
def entropy_added(scene: Scene) -> Seen:
    if not any(True for _ in actions_taken(scene.between)):
        return None
    for node, sign in linear_terms(scene.loss).items():
        if sign < 0 and kind_of(node) == "mul" and None not in node.inputs:  # p * log(p), which is minus the entropy
            kinds = {kind_of(node_behind(source)) for source in node.inputs}
            logs = [logarithm for logarithm, source in map(distribution, node.inputs) if source is not None]
            if True in logs and (False in logs or "exp" in kinds):
                return True
    return None
