# %% [markdown]
# # Update rules II: AdaGrad, RMSProp, Adam
#
# Momentum helps a valley, but every number still has the same learning rate. A direction that is a hundred
# times as steep would like a rate that is a hundred times as low. The rules of this lesson find that out by
# themselves: they divide each number's step by the size of its own gradients.
#
# **You will know** what a cache of squares does, why AdaGrad slows down and RMSProp does not, and what the
# bias correction of Adam corrects, for how long.
#
# Before it: [Update rules I](07_momentum.py). Run the cells one by one, or all at once:
# `python tutorials/08_adaptive_rates.py`. Every number in the text is checked by an `assert` beside it.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import chart, nn, optim, surfaces

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")
pictures.mkdir(exist_ok=True)

# %% [markdown]
# ## AdaGrad
#
# Keep, for each number, the sum of the squares of all its gradients, the `cache`. Divide by its root:
#
#     cache += dx**2
#     x += - learning_rate * dx / (np.sqrt(cache) + 1e-7)
#
# The 1e-7 keeps a number whose gradient has always been 0 from being divided by 0.


# %%
def adagrad(x, dx, state, learning_rate):
    """One step of AdaGrad."""
    cache = state.get("cache", 0) + dx**2
    return x - learning_rate * dx / (np.sqrt(cache) + 1e-7), {"cache": cache}


assert minigrad.check_rule(adagrad, "adagrad", learning_rate=0.1)

# %% [markdown]
# ## A question
#
# What is AdaGrad's very first step, for a number with the gradient 100 and for one with the gradient 0.01?
#
# <details><summary>Answer</summary>
#
# The learning rate, for both. The cache is dx², its root |dx|, and dx / |dx| is the sign. The first step
# knows only the direction, not the slope. In the valley of the last lesson it goes diagonally.
#
# </details>

# %%
x, state = adagrad(np.zeros(2), np.array([100.0, -0.01]), {}, learning_rate=0.1)
print("the first step:", x.round(6))
assert np.allclose(x, [-0.1, 0.1], rtol=1e-4)

# %% [markdown]
# But AdaGrad gets slower and slower. The sum in the cache only grows. Where gradients keep their size, as the
# noise of batches does, the root of the sum after t steps is sqrt(t) times one of them, so the steps fall as
# 1 / sqrt(t), and after 10,000 steps a hundredth of the rate is left.
#
# ## RMSProp
#
# Hinton's remedy, from a slide of his course: let the cache forget. It becomes a mean of the squares over
# about the last 1 / (1 - decay_rate) steps, and not a sum over all.
#
#     cache = decay_rate * cache + (1 - decay_rate) * dx**2
#     x += - learning_rate * dx / (np.sqrt(cache) + 1e-7)


# %%
def rmsprop(x, dx, state, learning_rate, decay_rate=0.99):
    """One step of RMSProp."""
    cache = decay_rate * state.get("cache", 0) + (1 - decay_rate) * dx**2
    return x - learning_rate * dx / (np.sqrt(cache) + 1e-7), {"cache": cache}


assert minigrad.check_rule(rmsprop, "rmsprop", learning_rate=0.1, decay_rate=0.99)

race = surfaces.race("valley", ["adagrad", "rmsprop"], learning_rate={"adagrad": 0.1, "rmsprop": 0.01}, steps=2000)
curves = {"AdaGrad": race["adagrad"].losses, "RMSProp": race["rmsprop"].losses}
chart(curves, title="Loss on the valley", x="step", y="loss", log_y=True, y_range=(1e-6, 200)).save(
    pictures / "adaptive.svg"
)
lengths = {name: np.hypot(*np.diff(run.positions, axis=0).T) for name, run in race.items()}
print("the last step:", {name: round(float(length[-1]), 4) for name, length in lengths.items()})
assert [round(race[name].losses[-1], 3) for name in race] == [2.397, 0.002]
assert [round(lengths[name][-1], 4) for name in race] == [0.0011, 0.0130]

# %% [markdown]
# ![AdaGrad's loss falls ever more slowly; RMSProp's falls far lower, and then jitters](pictures/adaptive.svg)
#
# AdaGrad stalls: after 2,000 steps its loss is still 2.4. RMSProp arrives, and does not come to
# rest: near the minimum it divides small gradients by their small size, and jumps back and forth by about its
# learning rate. It needs a rate that decays, which is the next lesson.
#
# ## Adam
#
# Adam is both: a velocity `m`, which is a mean of gradients, divided by the root of `v`, which is a mean of
# their squares.
#
#     m = beta1 * m + (1 - beta1) * dx
#     v = beta2 * v + (1 - beta2) * dx**2
#     x += - learning_rate * m / (np.sqrt(v) + 1e-7)
#
# Something is wrong with this form. Both means begin at 0, so the first ones are too small: m is a tenth of
# the gradient, and v a thousandth of its square.
#
# ## A question
#
# The gradient is 1 in every step, beta1 = 0.9, beta2 = 0.999. How long is the first step of the three lines
# above, as a multiple of the learning rate? Is the second longer or shorter?
#
# <details><summary>Answer</summary>
#
# 0.1 / sqrt(0.001) = 3.16. The second is longer: m has nearly doubled, to 0.19, but the root of v has grown
# only from 0.032 to 0.045, so it is 4.25. The longest is the twelfth, with 6.57.
#
# </details>

# %%
state, x, steps = {}, 0.0, []
for _ in range(4000):
    moved, state = optim.rules.adam_incomplete(x, 1.0, state, learning_rate=1.0)
    steps.append(x - moved)
    x = moved
steps = np.array(steps)
print("steps:", steps[:3].round(2), "... the longest is", steps.max().round(2), "in step", steps.argmax() + 1)
assert steps[:2].round(2).tolist() == [3.16, 4.25] and (steps.max().round(2), steps.argmax() + 1) == (6.57, 12)

# %% [markdown]
# The **bias correction** divides by what is missing. After t steps m has collected 1 - beta1**t of the
# weight of a full mean, so divide by that, and v in the same way:
#
#     mb = m / (1 - beta1**t)
#     vb = v / (1 - beta2**t)
#     x += - learning_rate * mb / (np.sqrt(vb) + 1e-7)
#
# t counts from 1. With t = 0 the first division would be by 0.


# %%
def adam(x, dx, state, learning_rate, beta1=0.9, beta2=0.999):
    """One step of Adam with bias correction."""
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0) + (1 - beta2) * dx**2
    mb = m / (1 - beta1**t)
    vb = v / (1 - beta2**t)
    return x - learning_rate * mb / (np.sqrt(vb) + 1e-7), {"m": m, "v": v, "t": t}


assert minigrad.check_rule(adam, "adam", learning_rate=0.1, beta1=0.9, beta2=0.999)
print("without the correction, steps are more than a tenth too long until step", np.flatnonzero(steps > 1.1)[-1] + 1)
assert np.flatnonzero(steps > 1.1)[-1] + 1 == 1750

# %% [markdown]
# The lecture says that the correction matters only in the first few steps. With these betas, that is a few
# thousand.
#
# ## Your rules on the digits
#
# A rule of the form `step(x, dx, state, learning_rate)` goes into the lecture's loop as it is.


# %%
def train(rule, learning_rate, steps=300):
    """The mean loss of the last 50 batches of the digits network."""
    minigrad.manual_seed(0)
    dataset = minigrad.data.digits().train
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    network = minigrad.Network(model, nn.CrossEntropyLoss())
    state, losses = {}, []
    for _ in range(steps):
        losses.append(network.forward(dataset.sample_data_batch()))
        dx = network.backward()
        network.x, state = rule(network.x, dx, state, learning_rate)
    return np.mean(losses[-50:])


def sgd(x, dx, state, learning_rate):
    """The lecture's first line."""
    return x - learning_rate * dx, state


last = {}
for name, rule, learning_rate in [("sgd", sgd, 0.01), ("adagrad", adagrad, 0.01), ("adam", adam, 0.01)]:
    last[name] = train(rule, learning_rate)
    print(f"{name:8} with {learning_rate}: loss {last[name]:.2f}")
assert last["sgd"] > 1.5 > last["adagrad"] > last["adam"]

last["sgd with 0.7"] = train(sgd, 0.7)
print(f"sgd      with 0.7: loss {last['sgd with 0.7']:.2f}")
assert last["sgd with 0.7"] < 0.2

# %% [markdown]
# Do not conclude that Adam is best: with its own rate, plain SGD gets below 0.2 here. What differs is
# how well you have to know the rate. For SGD a good rate depends on the scale of the loss; Adam moves each
# number by about its learning rate, whatever the loss is multiplied by.
#
# ## A question
#
# Multiply the loss by 1,000. What happens to the steps of SGD, of RMSProp, and of Adam?
#
# <details><summary>Answer</summary>
#
# SGD's become 1,000 times as long, and it explodes. Those of RMSProp and Adam stay the same: the gradient and the
# root of its mean square both grow by 1,000. (Only the 1e-7 does not, and it hardly counts.)
#
# </details>

# %%
dx = np.array([0.3, -0.02, 5.0])
for rule in (rmsprop, adam):
    small, _ = rule(np.zeros(3), dx, {}, learning_rate=0.1)
    large, _ = rule(np.zeros(3), 1000 * dx, {}, learning_rate=0.1)
    print(rule.__name__, small.round(4), large.round(4))
    assert np.allclose(small, large, rtol=1e-3)

# %% [markdown]
# ## Experiment
#
# Here are all rules on a saddle: down along one axis, up along the other, with a start that is nearly on the
# ridge. Guess who leaves first. Then change the rates, or the surface.

# %%
race = surfaces.race("saddle")  # change this: "beale", "rosenbrock", …
away = {name: int(np.flatnonzero(abs(run.positions[:, 1]) > 1)[0]) for name, run in race.items()}
race.map().save(pictures / "saddle_race.svg")
print(away)
assert away["adagrad"] == away["rmsprop"] == 3 and away["sgd"] > 100

# %% [markdown]
# ![On the saddle AdaGrad, RMSProp and Adam leave to the side at once](pictures/saddle_race.svg)
#
# ## Exercises
#
# 1. The Adam below has one mistake that hardly shows in a loss curve. The checker finds it. Fix it.
# 2. **Weight decay** pulls every weight toward 0. AdamW subtracts `learning_rate * decay * x` from x, outside
#    the division. What would be different if `decay * x` were added to `dx` instead? Write both, and check
#    the first, with a decay of 0.01, with `minigrad.check_rule(yours, "adamw", learning_rate=0.1)`.


# %%
def mine(x, dx, state, learning_rate, beta1=0.9, beta2=0.999):
    """Adam, nearly."""
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0) + (1 - beta2) * dx**2
    mb = m / (1 - beta1**t)
    vb = v / (1 - beta1**t)  # change this line
    return x - learning_rate * mb / (np.sqrt(vb) + 1e-7), {"m": m, "v": v, "t": t}


report = minigrad.check_rule(mine, "adam", learning_rate=0.1, beta1=0.9, beta2=0.999)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [Which learning rate](09_learning_rates.py), and how it should change while you train.
