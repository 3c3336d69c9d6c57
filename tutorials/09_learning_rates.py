# %% [markdown]
# # Which learning rate, and its decay
#
# Every rule has a learning rate, and no other number matters as much. This lesson finds a good one without
# guessing, reads the loss curves of bad ones, and then lets the rate fall while the network trains.
#
# **You will know** what a loss curve says about the rate, how to look for a rate, why the noise of batches
# asks for a decay, and the three decays of the lecture.
#
# Before it: [Update rules II](08_adaptive_rates.py). Run the cells one by one, or all at once:
# `python tutorials/09_learning_rates.py`. Every number in the text is checked by an `assert` beside it.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import chart, nn, optim

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")
pictures.mkdir(exist_ok=True)


def start(seed=0):
    """A fresh network for the digits, and the digits."""
    minigrad.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return minigrad.Network(model, nn.CrossEntropyLoss()), *minigrad.data.digits()


def accuracy(network, held_out):
    """The part of the held-out digits that are read correctly."""
    with minigrad.no_grad():
        return (network.model(minigrad.tensor(held_out.X)).argmax(1).numpy() == held_out.y).mean()


# %% [markdown]
# ## Four curves
#
# The lecture draws four loss curves: for a rate that is very high, high, good, and low. Here they are,
# measured on the digits, with batches of 64. Before you look: which of them is lowest after 50 steps, and
# which after 500?

# %%
curves = {}
for name, rate in [("very high: 30", 30), ("high: 1.4", 1.4), ("good: 0.5", 0.5), ("low: 0.01", 0.01)]:
    network, dataset, held_out = start()
    x, losses = network.x, []
    for _ in range(500):
        losses.append(network.forward(dataset.sample_data_batch()))
        x += -rate * network.backward()
    curves[name] = np.minimum(losses, 10)
    print(f"{name:14} after 50 steps {np.mean(losses[40:60]):9.2f}, after 500 {np.mean(losses[-20:]):.3f}")

smooth = {name: (np.arange(5, 500, 10), loss.reshape(-1, 10).mean(axis=1)) for name, loss in curves.items()}
chart(smooth, title="The loss of batches, mean of 10 steps", x="step", y="loss", log_y=True).save(
    pictures / "four_rates.svg"
)
end = {name: loss[-20:].mean() for name, loss in curves.items()}
assert end["very high: 30"] > 2.2 and end["low: 0.01"] > 1.2 and end["good: 0.5"] < 0.15

# %% [markdown]
# ![At 30 the loss never falls, at 1.4 it jumps, at 0.5 it falls almost to 0, 0.01 creeps](pictures/four_rates.svg)
#
# - **Very high**: worse than guessing, whose loss is log(10) = 2.30. Each step lands higher up.
# - **High**: falls fast, then jumps. Its steps are too long for the steep walls of the valley, and bounce.
# - **Good**: falls fast and goes on falling.
# - **Low**: a slow, nearly straight line. It would get there in the end.
#
# ## How to look for one
#
# Rates differ by factors, so try factors: 10 ** u for u drawn evenly, a few dozen steps each. Look at the
# loss that each reaches. The best rate is usually a little below the one where it explodes.

# %%
rng = np.random.default_rng(0)
tried = []
for rate in np.sort(10 ** rng.uniform(-3, 1.5, 12)):
    network, dataset, _ = start()
    x, losses = network.x, []
    for _ in range(100):
        losses.append(network.forward(dataset.sample_data_batch()))
        x += -rate * network.backward()
    tried.append((rate, np.mean(losses[-20:])))
    print(f"rate {rate:8.4f}  loss {tried[-1][1]:8.3f}  " + "#" * int(min(tried[-1][1], 5) * 10))
best = min(tried, key=lambda pair: pair[1])[0]
print(f"the best of these is {best:.2f}")
assert 0.2 < best < 3

# %% [markdown]
# ## A question
#
# Suppose that you draw the rates evenly from 0.001 to 30, and not their exponents. How many of twelve do you
# expect below 0.1?
#
# <details><summary>Answer</summary>
#
# None: the range up to 0.1 gets 1 in 300 of the draws. Nine in ten of your tries would be above 3, where this
# network does not learn. If factors are what matters (rates, weight decays, the scale of weights), draw the
# exponent.
#
# </details>

# %%
evenly = np.random.default_rng(0).uniform(0.001, 30, 100_000)
print(f"below 0.1: {(evenly < 0.1).mean():.2%}, above 3: {(evenly > 3).mean():.0%}")
assert (evenly < 0.1).mean() < 0.004 and (evenly > 3).mean() > 0.89

# %% [markdown]
# ## Why the rate should fall
#
# The gradient of a batch is the true gradient plus noise. At a constant rate the noise never stops: near
# the minimum, where the true gradient is small, the steps are nearly all noise, and the point wanders
# around at a distance that depends on the rate. A lower rate would come closer, but it is slow on the way.
# So begin high, and let the rate fall. The lecture has three forms:
#
# - **step decay**: half the rate every few **epochs** (an epoch is one pass over the training data)
# - **exponential decay**: alpha = alpha0 * exp(-k t)
# - **1/t decay**: alpha = alpha0 / (1 + k t)


# %%
def step_decay(alpha0, t, every):
    """Half the rate, every so many steps."""
    return alpha0 * 0.5 ** (t // every)


def exponential_decay(alpha0, t, k):
    """The same factor in every step."""
    return alpha0 * np.exp(-k * t)


def inverse_decay(alpha0, t, k):
    """Like 1/t in the long run."""
    return alpha0 / (1 + k * t)


steps = 600
schedules = {
    "constant 0.7": lambda t: 0.7,
    "constant 0.07": lambda t: 0.07,
    "step decay": lambda t: step_decay(0.7, t, every=steps / 5),
    "exponential": lambda t: exponential_decay(0.7, t, k=np.log(16) / steps),
    "1/t": lambda t: inverse_decay(0.7, t, k=15 / steps),
    "1/t, slower": lambda t: inverse_decay(0.7, t, k=2 / steps),
}
for t in (0, 100, 599):  # minigrad has them as functions of t, too
    assert np.isclose(schedules["step decay"](t), optim.StepDecay(0.7, every=steps / 5)(t))
    assert np.isclose(schedules["exponential"](t), optim.ExponentialDecay(0.7, k=np.log(16) / steps)(t))
    assert np.isclose(schedules["1/t"](t), optim.InverseDecay(0.7, k=15 / steps)(t))

# %% [markdown]
# Here they are on the digits, with batches of 8, so that there is noise. Three seeds each.

# %%
right = {}
for name, schedule in schedules.items():
    found = []
    for seed in range(3):
        network, dataset, held_out = start(seed)
        x = network.x
        for t in range(steps):
            learning_rate = schedule(t)
            network.forward(dataset.sample_data_batch(8))
            x += -learning_rate * network.backward()
        found.append((network.forward((dataset.X, dataset.y)), accuracy(network, held_out)))
    loss, right[name] = np.mean(found, axis=0)
    print(f"{name:14} loss on all training digits {loss:.2f}, held-out digits right {right[name]:.1%}")
assert min(right["step decay"], right["exponential"]) > max(right["constant 0.7"], right["constant 0.07"])
assert right["1/t, slower"] > right["1/t"]

# %% [markdown]
# A high rate that decays well beats both constant rates. 1/t leaves the high rates too early here; with a
# smaller k it does better.
#
# ## A question
#
# You train with PyTorch's momentum and cut the rate to a tenth after 1,000 steps; a friend does the same with
# the lecture's. Whose ball rolls on?
#
# <details><summary>Answer</summary>
#
# Your friend's. The lecture's velocity contains the learning rate of the steps that made it, so after the
# cut the ball coasts on at its old speed and slows down by friction. PyTorch multiplies the whole velocity by
# the current rate, so it is at a tenth of the speed at once.
#
# </details>

# %%
ours = yours = 0.0
v_lecture = v_pytorch = 0.0
for t in range(1001):
    rate = 0.1 if t < 1000 else 0.01
    dx = 1.0  # a constant slope
    v_lecture = 0.9 * v_lecture - rate * dx
    v_pytorch = 0.9 * v_pytorch + dx
    ours, yours = v_lecture, -rate * v_pytorch
print(f"the first step after the cut: {ours:.3f} and {yours:.3f}; before it both were -1.000")
assert abs(ours + 0.91) < 1e-9 and abs(yours + 0.1) < 1e-9

# %% [markdown]
# ## Experiment
#
# Large models begin with a **warm-up**: the rate rises from 0 for some steps before it falls. Compare the
# same peak with and without it. Guess first for which peaks it makes a difference.

# %%
for peak in [0.5, 3.0]:  # change these
    for warm_up in [1, 100]:
        network, dataset, held_out = start()
        x, losses = network.x, []
        for t in range(400):
            rate = peak * min(1, (t + 1) / warm_up) * (1 - t / 400)
            losses.append(network.forward(dataset.sample_data_batch()))
            x += -rate * network.backward()
        print(f"peak {peak}, warm-up of {warm_up:3}: loss {np.mean(losses[-20:]):.3f}")
        assert peak != 0.5 or np.mean(losses[-20:]) < 0.25

# %% [markdown]
# A warm-up does not help here: a peak of 0.5 is safe without it, and 3 is too high even after it. It pays where
# the *first* steps are the dangerous ones, as with Adam in a large transformer; lesson 16 uses one.
#
# ## Exercises
#
# 1. The schedule below is meant to be step decay. `check_schedule` says what is wrong. Fix it.
# 2. Write the half cosine, alpha0 * (1 + cos(pi t / T)) / 2, and put it into the comparison above.


# %%
def mine(t):
    """Half the rate every 100 steps, nearly."""
    return 0.7 * 0.5 ** (t / 100)  # change this line


report = minigrad.check_schedule(mine, "step", alpha0=0.7, every=100)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [Is my gradient right?](10_check_a_gradient.py), and how to find the line where it goes wrong.
