# %% [markdown]
# # The update rules, and a race
#
# Backpropagation gives you `dx`, the gradient of the loss with respect to all parameters `x`. What do you do with
# it? The lecture's first answer is one line, and its other answers are a few lines each. You write them all here:
# gradient descent, momentum, Nesterov momentum in both forms, AdaGrad, RMSProp, Adam in both forms, and the three
# ways to let the learning rate decay. Then you write the loop that trains a network with any of them, and a race
# that is fair. At the end your own rules run down a valley, and you see who arrives.
#
# It takes two to three hours. You need NumPy, the lecture on parameter updates or the lessons
# `07_momentum.py` and `08_adaptive_rates.py`, and paper.
#
# ## How a rule is written
#
# Every rule is a function of the same form:
#
#     x, state = rule(x, dx, state, learning_rate)
#
# `x` and `dx` are arrays of one shape. `state` is a dictionary, and the rule's memory: it is empty before the
# first step, and what you return comes back in the next. So a velocity is read by `state.get("v", 0.0)`, which is 0
# in the first step. Return the new `x` and the new state. Here is a rule that is none of the lecture's, to show the
# form: it takes shorter and shorter steps.

# %%
import numpy as np

import minigrad
from minigrad import surfaces


def slowing(x, dx, state, learning_rate):
    """Divide the step by the square root of the number of steps."""
    n = state.get("n", 0) + 1
    return x - learning_rate * dx / np.sqrt(n), {"n": n}


def follow(rule, x, gradients, rates, **settings):
    """Return where a rule goes from x, given the gradient and the learning rate of each step."""
    x, state, path = np.array(x, dtype=float), {}, []
    for dx, learning_rate in zip(gradients, rates):
        result = rule(x.copy(), np.array(dx, dtype=float), state, learning_rate, **settings)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            raise TypeError("a rule must return two things: the new x, and the new state, a dictionary")
        x, state = np.array(result[0], dtype=float), result[1]
        path.append(x)
    return np.array(path)


print(follow(slowing, [1.0, -2.0], [[1.0, 0.0], [1.0, 1.0]], [0.1, 0.1]))

# %% [markdown]
# The checks call `follow` in the same way: with gradients that are written down, so that you can follow each step
# on paper, and with learning rates that may change. Row `i` of what it returns is `x` after step `i + 1`. Run them
# in the cells, or all at once with `python -m minigrad course check a3_update_rules.py`; with `--cause` they also
# say the cause of a mistake that they know.

# %%
# BEGIN TESTS
from minigrad.course import Assignment

assignment = Assignment("The update rules, and a race", causes="on request")

SOME = ([1.0, -2.0], [[1.0, -2.0], [0.5, 1.0], [-1.0, 4.0], [2.0, 0.0]], [0.1, 0.1, 0.1, 0.05])
# END TESTS
# BEGIN HIDDEN TESTS


def drawn(rng, steps=7):
    """Draw a start, the gradients of some steps, and their learning rates."""
    return rng.standard_normal(3), rng.standard_normal((steps, 3)), 0.1 / np.arange(1, steps + 1)


# END HIDDEN TESTS

# %% [markdown]
# # Part 1: the slope and the ball
#
# ## Task 1.1: gradient descent (1 point)
#
# The gradient points uphill. Take a step against it, of the learning rate times its length. The state stays as it is.


# %%
def sgd(x, dx, state, learning_rate):
    """Return x after one step of gradient descent, and the state."""
    # BEGIN SOLUTION
    return x - learning_rate * dx, state
    # END SOLUTION


def sgd_path(x, gradients, rates):
    """Return where your rule goes."""
    return follow(sgd, x, gradients, rates)


# %%
# BEGIN TESTS
task = assignment.task("1.1", "gradient descent", points=1)
task.check(sgd_path, SOME, name="four steps by hand", outputs=["the path"], rule="sgd")
# END TESTS
# BEGIN HIDDEN TESTS
task.check(sgd_path, drawn, name="seven steps", outputs=["the path"])
task.mistake(
    "uphill",
    "The step goes along the gradient, which points uphill. Subtract it.",
    "x - learning_rate",
    "x + learning_rate",
    hint="Does the loss fall in the direction of your step?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.2: momentum (2 points)
#
# Now `x` is a ball with a velocity `v`, which is 0 at the start. A step first changes the velocity: a fraction `mu`
# of it is kept, and the gradient step of task 1.1 is added to it. Then the velocity moves the ball. Keep the
# velocity in the state as `"v"`. It contains the learning rate, as in the lecture.


# %%
def momentum(x, dx, state, learning_rate, mu=0.9):
    """Return x after one step of momentum, and the state with the velocity "v"."""
    # BEGIN SOLUTION
    v = mu * state.get("v", 0.0) - learning_rate * dx
    x = x + v
    return x, {"v": v}
    # END SOLUTION


def momentum_path(x, gradients, rates, mu):
    """Return where your rule goes."""
    return follow(momentum, x, gradients, rates, mu=mu)


# %%
# BEGIN TESTS
task = assignment.task("1.2", "momentum", points=2)
task.check(momentum_path, (*SOME, 0.5), name="four steps by hand", outputs=["the path"], rule="momentum")
# END TESTS
# BEGIN HIDDEN TESTS
task.check(momentum_path, lambda rng: (*drawn(rng), 0.9), name="seven steps", outputs=["the path"])
task.check(
    momentum_path,
    lambda rng: (*drawn(rng, 12), 0.95),
    name="twelve steps with numbers of your own",
    outputs=["the path"],
    personal=True,
)
task.mistake(
    "no memory",
    "The velocity is not kept: what the rule returns as its state is what it reads in the next step.",
    'return x, {"v": v}',
    "return x, state",
    hint="The first step is right. Where does the second step find the velocity?",
)
task.mistake(
    "an average",
    "The gradient is weighted with 1 - mu, so the velocity is an average of gradients. Here it is a sum: the old "
    "velocity loses a part, and the whole step is added.",
    "- learning_rate * dx\n    x = x + v",
    "- (1 - mu) * learning_rate * dx\n    x = x + v",
    hint="How long is the first step?",
)
task.mistake(
    "an average of plain gradients",
    "The velocity is an average of gradients, as in Adam, and the learning rate multiplies it at the end. Here it is a "
    "sum of steps: the old velocity loses a part, and the whole gradient step is added.",
    "- learning_rate * dx\n    x = x + v",
    "- (1 - mu) * dx\n    x = x + learning_rate * v",
    hint="How long is the first step? What does the velocity contain?",
)
task.mistake(
    "the learning rate outside",
    "The velocity gathers plain gradients, and the learning rate multiplies it at the end. With a constant rate that "
    "is the same; when the rate changes, it is not. The lecture's velocity contains the rate.",
    "- learning_rate * dx\n    x = x + v",
    "- dx\n    x = x + learning_rate * v",
    hint="Compare the steps in which the learning rate changes.",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.3: Nesterov, looking ahead (2 points)
#
# Momentum knows where its velocity is going to carry it: to `x + mu * v`, whatever the gradient says. So take the
# gradient *there*, at the point ahead, and not at `x`. All the rest is momentum: the velocity changes, and moves the
# ball from where it is.
#
# This rule must be able to ask for the gradient at a point of its choice. So it gets the function `gradient` instead
# of `dx`, and `v` instead of the state.


# %%
def nesterov_ahead(x, v, gradient, learning_rate, mu=0.9):
    """Return the new x and the new v."""
    # BEGIN SOLUTION
    ahead = x + mu * v
    v = mu * v - learning_rate * gradient(ahead)
    return x + v, v
    # END SOLUTION


def valley(x):
    """Return the loss of the lecture's valley: shallow along x[0], steep along x[1]."""
    return (x[0] ** 2 + 100 * x[1] ** 2) / 2


def valley_gradient(x):
    """Return the gradient of the valley."""
    return np.array([x[0], 100 * x[1]])


def nesterov_ahead_path(x, learning_rate, mu, steps):
    """Return where your rule goes in the valley, and its velocities."""
    x, v, path, velocities = np.array(x, dtype=float), np.zeros(2), [], []
    for _ in range(steps):
        x, v = nesterov_ahead(x.copy(), v.copy(), valley_gradient, learning_rate, mu)
        path.append(np.array(x))
        velocities.append(np.array(v))
    return np.array(path), np.array(velocities)


# %%
# BEGIN TESTS
task = assignment.task("1.3", "Nesterov, looking ahead", points=2)
task.check(
    nesterov_ahead_path, ([-9.0, 1.0], 0.01, 0.5, 3), name="three steps by hand", outputs=["the path", "the velocity"]
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    nesterov_ahead_path,
    lambda rng: (rng.standard_normal(2), 0.006, 0.9, 10),
    name="ten steps",
    outputs=["the path", "the velocity"],
)
task.mistake(
    "gradient at x",
    "The gradient is taken at x, so this is plain momentum. Take it at the point ahead, x + mu * v.",
    "gradient(ahead)",
    "gradient(x)",
    hint="At which point do you ask for the gradient?",
)
task.mistake(
    "the velocity points back",
    "The velocity is kept with the opposite sign and subtracted from x, but the point ahead is x + mu * v: you look "
    "behind. A velocity is what is added to x.",
    "v = mu * v - learning_rate * gradient(ahead)\n    return x + v, v",
    "v = mu * v + learning_rate * gradient(ahead)\n    return x - v, v",
    hint="Does your velocity point where the ball rolls?",
)
task.mistake(
    "too far ahead",
    "The point ahead is x + v here. Friction acts before the step: only mu * v is left of the velocity.",
    "ahead = x + mu * v",
    "ahead = x + v",
    hint="How much of the velocity is left when the step is made?",
)
task.mistake(
    "starts ahead",
    "The velocity moves the point ahead, so its first part counts twice. Looking ahead is only for the gradient: the "
    "velocity moves x.",
    "return x + v, v",
    "return ahead + v, v",
    hint="From which point does the velocity move the ball?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.4: Nesterov, rewritten (2 points)
#
# A training loop computes the gradient at the parameters that the network has, and nowhere else. The lecture's way
# out is to store another variable: let the network hold the point ahead, `x + mu * v`, and call *that* `x`. Take
# the two equations of task 1.3, substitute, and eliminate the old `x`. What remains needs the velocity before the
# step and the velocity after it, and the gradient only where the network is.
#
# Do it on paper first; it is three lines of algebra. Check yours: with `mu = 0` it must be gradient descent.


# %%
def nesterov(x, dx, state, learning_rate, mu=0.9):
    """Return the next point ahead, and the state with the velocity "v". dx is the gradient at x, the point ahead."""
    # BEGIN SOLUTION
    v_prev = state.get("v", 0.0)
    v = mu * v_prev - learning_rate * dx
    x = x + (-mu * v_prev + (1 + mu) * v)
    return x, {"v": v}
    # END SOLUTION


def nesterov_path(x, gradients, rates, mu):
    """Return where your rule goes."""
    return follow(nesterov, x, gradients, rates, mu=mu)


# %%
# BEGIN TESTS
task = assignment.task("1.4", "Nesterov, rewritten", points=2)
task.check(nesterov_path, (*SOME, 0.5), name="four steps by hand", outputs=["the path"], rule="nesterov")
# END TESTS
# BEGIN HIDDEN TESTS
task.check(nesterov_path, lambda rng: (*drawn(rng), 0.9), name="seven steps", outputs=["the path"])
task.mistake(
    "plain momentum",
    "This moves by v alone: plain momentum. Either the change of the lead is missing, from mu * v_prev to mu * v, or "
    "the old velocity is read after it has changed.",
    "x + (-mu * v_prev + (1 + mu) * v)",
    "x + v",
    hint="Write down the point ahead before the step and after it, and subtract.",
)
task.mistake(
    "old lead kept",
    "The old lead, mu times the velocity before the step, is not taken back. Subtract it before the new lead is added.",
    "x + (-mu * v_prev + (1 + mu) * v)",
    "x + (1 + mu) * v",
    hint="The first step is right. What is different in the second?",
)
# END HIDDEN TESTS

# %% [markdown]
# # Part 2: a rate for each number
#
# Each number of `x` now gets its own step size, from the history of its own gradients. Everything in this part
# works element by element. Wherever you divide by a root, add `epsilon` to the root, outside of it: a number whose
# gradient has been 0 so far must not be divided by 0.
#
# ## Task 2.1: AdaGrad (2 points)
#
# Keep for each number the sum of the squares of all its gradients, as `"cache"`. Divide the gradient step by the root
# of that sum. The gradient of the current step counts, too.


# %%
def adagrad(x, dx, state, learning_rate, epsilon=1e-7):
    """Return x after one step of AdaGrad, and the state with the sum "cache"."""
    # BEGIN SOLUTION
    cache = state.get("cache", 0.0) + dx**2
    x = x + -learning_rate * dx / (np.sqrt(cache) + epsilon)
    return x, {"cache": cache}
    # END SOLUTION


def adagrad_path(x, gradients, rates):
    """Return where your rule goes."""
    return follow(adagrad, x, gradients, rates)


# %%
# BEGIN TESTS
task = assignment.task("2.1", "AdaGrad", points=2)
task.check(adagrad_path, SOME, name="four steps by hand", outputs=["the path"], rule="adagrad")
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    adagrad_path,
    ([1.0, -2.0, 0.5], [[0.0, 1e-6, 100.0], [0.0, 2e-6, -1.0], [3.0, 1e-6, 1.0]], [0.1, 0.1, 0.1]),
    name="gradients that are 0, tiny and large",
    outputs=["the path"],
    rule="adagrad",
)
task.mistake(
    "one rate for all",
    "The squares of all numbers are added up to one sum. Each number has its own sum: that is the point of it.",
    '.get("cache", 0.0) + dx**2',
    '.get("cache", 0.0) + (dx**2).sum()',
    hint="Which shape has your cache?",
)
task.mistake(
    "cache too late",
    "The step is made with the cache before this gradient has been added. The current gradient counts, too.",
    "np.sqrt(cache)",
    'np.sqrt(state.get("cache", 0.0))',
    hint="Look at the first step: what do you divide by?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 2.2: RMSProp (2 points)
#
# AdaGrad's sum only grows, so its steps die. RMSProp lets the cache leak: a fraction `decay_rate` of it is kept, and
# the new square fills up the rest, so that the cache is a running mean of the squares.


# %%
def rmsprop(x, dx, state, learning_rate, decay_rate=0.99, epsilon=1e-7):
    """Return x after one step of RMSProp, and the state with the running mean "cache"."""
    # BEGIN SOLUTION
    cache = decay_rate * state.get("cache", 0.0) + (1 - decay_rate) * dx**2
    x = x + -learning_rate * dx / (np.sqrt(cache) + epsilon)
    return x, {"cache": cache}
    # END SOLUTION


def rmsprop_path(x, gradients, rates, decay_rate):
    """Return where your rule goes."""
    return follow(rmsprop, x, gradients, rates, decay_rate=decay_rate)


# %%
# BEGIN TESTS
task = assignment.task("2.2", "RMSProp", points=2)
task.check(rmsprop_path, (*SOME, 0.9), name="four steps by hand", outputs=["the path"], rule="rmsprop")
# END TESTS
# BEGIN HIDDEN TESTS
task.check(rmsprop_path, lambda rng: (*drawn(rng), 0.99), name="seven steps", outputs=["the path"])
task.mistake(
    "leaks, but fills whole",
    "The new square is added whole. In a running mean its weight is what the old part leaves: 1 - decay_rate.",
    "+ (1 - decay_rate) * dx**2",
    "+ dx**2",
    hint="If all gradients are 1, the cache must tend to 1.",
)
task.mistake(
    "keeps the small part",
    "The two weights are swapped: decay_rate belongs to the old cache.",
    'decay_rate * state.get("cache", 0.0) + (1 - decay_rate) * dx**2',
    '(1 - decay_rate) * state.get("cache", 0.0) + decay_rate * dx**2',
    hint="How much of the cache is kept if decay_rate is 0.99?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 2.3: Adam, as one would write it first (2 points)
#
# Momentum averages gradients; RMSProp averages squares. Adam does both. `m` is a running mean of the gradients, with
# the factor `beta1`, and `v` a running mean of their squares, with the factor `beta2`. The step is that of RMSProp,
# with `m` instead of `dx`.


# %%
def adam_incomplete(x, dx, state, learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
    """Return x after one step of Adam without the correction, and the state with "m" and "v"."""
    # BEGIN SOLUTION
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * (dx**2)
    x = x + -learning_rate * m / (np.sqrt(v) + epsilon)
    return x, {"m": m, "v": v}
    # END SOLUTION


def adam_incomplete_path(x, gradients, rates, beta1, beta2):
    """Return where your rule goes."""
    return follow(adam_incomplete, x, gradients, rates, beta1=beta1, beta2=beta2)


# %%
# BEGIN TESTS
task = assignment.task("2.3", "Adam, as one would write it first", points=2)
task.check(
    adam_incomplete_path,
    (*SOME, 0.5, 0.9),
    name="four steps by hand",
    outputs=["the path"],
    rule="adam_incomplete",
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    adam_incomplete_path,
    lambda rng: (*drawn(rng), 0.9, 0.999),
    name="seven steps",
    outputs=["the path"],
)
task.mistake(
    "the gradient steps",
    "The step uses dx, so m is computed and never used: this is RMSProp.",
    "-learning_rate * m / (np.sqrt(v)",
    "-learning_rate * dx / (np.sqrt(v)",
    hint="Which of your variables is not used?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 2.4: Adam (3 points)
#
# Both means start at 0, and so they are too small at first. How much too small? Suppose that all gradients are 1.
# After step `t`, counted from 1, `m` is `1 - beta1**t` and not 1. So divide `m` by that, and `v` by the same
# expression with `beta2`, and make the step with the two corrected means. What is kept for the next step are the
# means themselves, without the correction. Count the steps in the state, as `"t"`.


# %%
def adam(x, dx, state, learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
    """Return x after one step of Adam, and the state with "t", "m" and "v"."""
    # BEGIN SOLUTION
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * (dx**2)
    mb = m / (1 - beta1**t)
    vb = v / (1 - beta2**t)
    x = x + -learning_rate * mb / (np.sqrt(vb) + epsilon)
    return x, {"t": t, "m": m, "v": v}
    # END SOLUTION


def adam_path(x, gradients, rates, beta1, beta2):
    """Return where your rule goes."""
    return follow(adam, x, gradients, rates, beta1=beta1, beta2=beta2)


# %%
# BEGIN TESTS
task = assignment.task("2.4", "Adam", points=3)
task.check(adam_path, (*SOME, 0.5, 0.9), name="four steps by hand", outputs=["the path"], rule="adam")
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    adam_path,
    ([1.0, -2.0, 0.5], [[0.0, 1e-6, 100.0], [0.0, 2e-6, -1.0], [3.0, 1e-6, 1.0]], [0.1, 0.1, 0.1], 0.9, 0.999),
    name="gradients that are 0, tiny and large",
    outputs=["the path"],
    rule="adam",
)
task.check(
    adam_path,
    lambda rng: (*drawn(rng), 0.8, 0.95),
    name="seven steps",
    outputs=["the path"],
)
task.mistake(
    "corrected again and again",
    "The corrected means are kept in the state, so the next step corrects what is corrected already. Keep m and v.",
    '{"t": t, "m": m, "v": v}',
    '{"t": t, "m": mb, "v": vb}',
    hint="The first step is right. What do you keep for the second?",
)
task.mistake(
    "correction inside out",
    "The root of v is taken first, and then corrected by 1 - beta2**t. The correction belongs to v, under the root.",
    "mb / (np.sqrt(vb) + epsilon)",
    "mb / (np.sqrt(v) / (1 - beta2**t) + epsilon)",
    hint="What do you correct, v or its root?",
)
# END HIDDEN TESTS

# %% [markdown]
# # Part 3: the learning rate decays
#
# In all three, `alpha_0` is the rate at `t = 0`, and `t` counts steps or epochs. Return the rate at `t`.
#
# ## Task 3.1: step decay (1 point)
#
# Every `every` steps the rate is multiplied by `factor`. It is a staircase: nothing changes in between.


# %%
def step_decay(alpha_0, t, every, factor=0.5):
    """Return the learning rate at t."""
    # BEGIN SOLUTION
    return alpha_0 * factor ** (t // every)
    # END SOLUTION


def step_decay_curve(alpha_0, every, factor, steps):
    """Return your rate at t = 0, 1, 2, ..."""
    return np.array([step_decay(alpha_0, t, every, factor) for t in range(steps)])


# %%
# BEGIN TESTS
task = assignment.task("3.1", "step decay", points=1)
task.check(step_decay_curve, (0.8, 3, 0.5, 8), name="halved every 3 steps", outputs=["the rate"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(step_decay_curve, (0.3, 4, 0.1, 13), name="a tenth every 4 steps", outputs=["the rate"])
task.mistake(
    "a slope, not a staircase",
    "The exponent grows in every step. Only whole multiples of `every` count: use integer division, //.",
    "(t // every)",
    "(t / every)",
    hint="The rate must not change between two drops.",
)
task.mistake(
    "a step early",
    "Each drop comes a step early: at t = every the first drop has just happened, not before.",
    "(t // every)",
    "((t + 1) // every)",
    hint="At which t is the first drop?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 3.2: exponential decay (1 point)
#
# In every step the rate loses the same fraction: after `1 / k` steps it is 1/e of `alpha_0`.


# %%
def exponential_decay(alpha_0, t, k):
    """Return the learning rate at t."""
    # BEGIN SOLUTION
    return alpha_0 * np.exp(-k * t)
    # END SOLUTION


def exponential_decay_curve(alpha_0, k, steps):
    """Return your rate at t = 0, 1, 2, ..."""
    return np.array([exponential_decay(alpha_0, t, k) for t in range(steps)])


# %%
# BEGIN TESTS
task = assignment.task("3.2", "exponential decay", points=1)
task.check(exponential_decay_curve, (0.5, 0.25, 6), name="1/e after 4 steps", outputs=["the rate"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(exponential_decay_curve, (0.1, 0.01, 20), name="1/e after 100 steps", outputs=["the rate"])
task.mistake(
    "grows",
    "The sign of the exponent is wrong: the rate grows.",
    "np.exp(-k * t)",
    "np.exp(k * t)",
    hint="Compare the rate at t = 1 with that at t = 0.",
)
task.mistake(
    "k is the factor",
    "The rate is multiplied by k in every step. It must be 1/e after 1 / k steps.",
    "np.exp(-k * t)",
    "k**t",
    hint="What is your rate at t = 1 / k?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 3.3: 1/t decay (1 point)
#
# The rate falls as `1 / t` in the long run, starts at `alpha_0`, and is half of it at `t = 1 / k`.


# %%
def inverse_decay(alpha_0, t, k):
    """Return the learning rate at t."""
    # BEGIN SOLUTION
    return alpha_0 / (1 + k * t)
    # END SOLUTION


def inverse_decay_curve(alpha_0, k, steps):
    """Return your rate at t = 0, 1, 2, ..."""
    return np.array([inverse_decay(alpha_0, t, k) for t in range(steps)])


# %%
# BEGIN TESTS
task = assignment.task("3.3", "1/t decay", points=1)
task.check(inverse_decay_curve, (0.5, 0.25, 6), name="half after 4 steps", outputs=["the rate"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(inverse_decay_curve, (0.1, 2.0, 20), name="half after half a step", outputs=["the rate"])
task.mistake(
    "a power instead",
    "This is exponential decay, with the base 1 + k. The 1/t decay divides by 1 + k * t.",
    "alpha_0 / (1 + k * t)",
    "alpha_0 / (1 + k) ** t",
    hint="Compare your rate at t = 100 with that at t = 200: it must be about halved.",
)
task.mistake(
    "halved at t = 1",
    "The k is missing: the rate is half of alpha_0 at t = 1, whatever k is.",
    "alpha_0 / (1 + k * t)",
    "alpha_0 / (1 + t)",
    hint="Which argument is not used?",
)
# END HIDDEN TESTS

# %% [markdown]
# # Part 4: the loop
#
# ## Task 4.1: while True (3 points)
#
# The lecture's loop, in its words: sample a batch of data; forward it through the network, get the loss;
# backpropagate to calculate the gradients; update the parameters. Write it for any network, data, rule and
# schedule:
#
# - `dataset.sample_data_batch()` returns a batch,
# - `network.forward(batch)` returns the loss,
# - `network.backward()` returns the gradient with respect to all parameters, one vector,
# - `network.x` is the vector of all parameters; assigning to it, `network.x = ...`, sets them,
# - `schedule(t)` is the learning rate of step `t`, counted from 0.
#
# Use `while True`, and leave it after `steps` steps. Return the list of the losses, one a step, as `forward` gave
# them.


# %%
def train(network, dataset, rule, schedule, steps):
    """Make some training steps; return the losses."""
    # BEGIN SOLUTION
    losses, state, t = [], {}, 0
    while True:
        if t == steps:
            return losses
        batch = dataset.sample_data_batch()
        losses.append(network.forward(batch))
        gradient = network.backward()
        network.x, state = rule(network.x, gradient, state, schedule(t))
        t += 1
    # END SOLUTION


def training(rate, k, steps):
    """Return the losses of your loop on the digits, and the length of the vector of parameters behind it."""
    minigrad.manual_seed(0)
    network = minigrad.Network(minigrad.nn.Linear(64, 10), minigrad.nn.CrossEntropyLoss())
    losses = train(network, minigrad.data.digits().train, slowing, lambda t: rate / (1 + k * t), steps)
    return np.array(losses, dtype=float), np.linalg.norm(network.x.astype(float))


# %%
# BEGIN TESTS
task = assignment.task("4.1", "while True", points=3)
task.check(
    training,
    (0.3, 0.5, 5),
    name="five steps on the digits",
    outputs=["the loss", "the length of network.x"],
    rtol=1e-4,
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    training,
    (0.2, 0.1, 12),
    name="twelve steps on the digits",
    outputs=["the loss", "the length of network.x"],
    rtol=1e-4,
)
task.mistake(
    "the network never moves",
    "The rule's result never reaches the network: `x = ...` only renames a variable. Assign to network.x.",
    "network.x, state = rule(",
    "x, state = rule(",
    hint="Print the network's parameters before and after a step.",
)
task.mistake(
    "the state is lost",
    "Every step begins with an empty state, so the rule forgets. Pass the state that it returned to the next step.",
    "network.x, state = rule(network.x, gradient, state,",
    "network.x, _ = rule(network.x, gradient, {},",
    hint="The first two losses are right. What does the rule know in the second step?",
)
task.mistake(
    "the rate never decays",
    "Every step uses the rate of step 0: t is not counted where the schedule is asked.",
    "schedule(t)",
    "schedule(0)",
    hint="Which learning rate does the second step use?",
)
task.mistake(
    "t from 1",
    "The schedule is asked for t = 1 in the first step. t counts from 0.",
    "schedule(t)",
    "schedule(t + 1)",
    hint="Which learning rate does the first step use?",
)
task.mistake(
    "one batch for ever",
    "One batch is sampled before the loop and used in every step. Sample a new one in each.",
    "    while True:\n        if t == steps:\n            return losses\n        batch = dataset.sample_data_batch()",
    "    batch = dataset.sample_data_batch()\n    while True:\n        if t == steps:\n            return losses",
    hint="The first loss is right. Which data does the second step see?",
)
# END HIDDEN TESTS

# %% [markdown]
# # Part 5: a race
#
# ## Task 5.1: down the slope (2 points)
#
# A race needs no network: any function with a gradient is a loss. Write the walk of a rule down a slope: begin at
# `start`, make `steps` steps with the gradient where you are, and return all positions, the start included, as an
# array of shape (steps + 1, 2). A rule may write into the `x` that it gets, so do not keep that array itself.


# %%
def descend(rule, gradient, start, learning_rate, steps):
    """Return the positions, shape (steps + 1, 2)."""
    # BEGIN SOLUTION
    x, state = np.array(start, dtype=float), {}
    positions = [x.copy()]
    for _ in range(steps):
        x, state = rule(x, gradient(x), state, learning_rate)
        positions.append(x.copy())
    return np.array(positions)
    # END SOLUTION


def sign_step(x, dx, state, learning_rate):
    """Move every number by the learning rate, down its slope: a guest in the race."""
    return x - learning_rate * np.sign(dx), state


def writes(x, dx, state, learning_rate):
    """Write into x, and remember the last gradient."""
    x -= learning_rate * (dx + state.get("last", 0.0)) / 2
    return x, {"last": dx}


def descent(start, learning_rate, steps):
    """Return the positions of a rule that writes into x, in the valley."""
    return np.array(descend(writes, valley_gradient, start, learning_rate, steps), dtype=float)


# %%
# BEGIN TESTS
task = assignment.task("5.1", "down the slope", points=2)
task.check(descent, ([-9.0, 1.0], 0.01, 4), name="four steps in the valley", outputs=["the position"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    descent,
    lambda rng: (rng.standard_normal(2), 0.005, 9),
    name="nine steps from a start of your own",
    outputs=["the position"],
    personal=True,
)
task.mistake(
    "the same array again and again",
    "Every entry is the same array, which the rule has written into until the end. Keep a copy of it.",
    "positions.append(x.copy())",
    "positions.append(x)",
    hint="Print your positions: are they all the same?",
)
task.mistake(
    "the start is missing",
    "The first position must be the start, before any step.",
    "[x.copy()]",
    "[]",
    hint="Which shape do your positions have?",
)
task.mistake(
    "the end is missing",
    "Each position is kept before the step, so the last step is made and its end is not kept.",
    "positions.append(x.copy())\n    return np.array(positions)",
    "positions.append(x.copy())\n    return np.array(positions[:-1])",
    hint="Which shape do your positions have?",
)
task.mistake(
    "the gradient of the start",
    "The gradient is taken at the start in every step. Take it where x is now.",
    "gradient(x)",
    "gradient(np.array(start, dtype=float))",
    hint="The first step is right. Where is the second gradient taken?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 5.2: who has arrived? (2 points)
#
# `losses[i]` is the loss after `i` steps. A rule has arrived after `n` steps if from there on, up to the end, all
# losses are below `share` times the first one. Rolling through the minimum once does not count. Return the smallest
# such `n`, or `len(losses)` if it has not arrived by the end. A rule that explodes leaves `inf` and `nan` behind:
# that is not below anything.


# %%
def steps_needed(losses, share=1e-3):
    """Return the number of steps after which all losses are below share * losses[0]."""
    # BEGIN SOLUTION
    late = np.flatnonzero(~(np.asarray(losses) < share * losses[0]))
    return int(late[-1]) + 1
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("5.2", "who has arrived?", points=2)
task.check(
    steps_needed,
    ([100.0, 50.0, 8.0, 12.0, 30.0, 9.0, 7.0, 1.0], 0.1),
    name="below, above, and below again",
    outputs=["the number"],
)
task.check(steps_needed, ([100.0, 50.0, 20.0, 11.0], 0.1), name="not arrived", outputs=["the number"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(steps_needed, ([4.0, 1.0, 0.1, np.inf, np.nan, np.nan], 0.5), name="exploded", outputs=["the number"])
task.check(steps_needed, ([8.0, 4.0, 2.0, 1.0], 0.5), name="exactly at the limit", outputs=["the number"])
task.mistake(
    "the first time counts",
    "This is the first time that the loss is below the limit. It must stay below until the end.",
    "late = np.flatnonzero(~(np.asarray(losses) < share * losses[0]))\n    return int(late[-1]) + 1",
    "early = np.flatnonzero(np.asarray(losses) < share * losses[0])\n"
    "    return int(early[0]) if len(early) else len(losses)",
    hint="Is the loss above the limit again, later on?",
)
task.mistake(
    "nan arrives",
    "nan compares as False with everything, so `losses >= limit` takes it for below. Ask which losses are below, and "
    "negate that.",
    "~(np.asarray(losses) < share * losses[0])",
    "np.asarray(losses) >= share * losses[0]",
    hint="What is nan >= 1?",
)
task.mistake(
    "equal is below",
    "A loss that equals the limit counts as below. Below means less than.",
    "< share * losses[0]",
    "<= share * losses[0]",
    hint="What about a loss that is exactly the limit?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 5.3: a fair race (2 points)
#
# A rule with a badly chosen rate loses against any other. In a fair race every rule runs with its own best rate:
# try all of `rates`, and count the steps that it needs (task 5.2) in its descent of at most `steps` steps (task
# 5.1). Return two lists, in the order of the rules: the fewest steps of each, and the rate that it needed them
# with. If several rates are equally good, take the smallest.


# %%
def fair_race(rules, loss, gradient, start, rates, steps):
    """Return the fewest steps of each rule, and its best rate."""
    # BEGIN SOLUTION
    fewest, best = [], []
    for rule in rules:
        needed = {}
        for rate in sorted(rates):
            positions = descend(rule, gradient, start, rate, steps)
            needed[rate] = steps_needed([loss(x) for x in positions])
        best.append(min(needed, key=needed.get))
        fewest.append(needed[best[-1]])
    return fewest, best
    # END SOLUTION


def guests(start, rates, steps):
    """Return the result of a race of three rules that are given."""
    fewest, best = fair_race([slowing, sign_step, writes], valley, valley_gradient, start, rates, steps)
    return np.array(fewest), np.array(best)


# %%
# BEGIN TESTS
task = assignment.task("5.3", "a fair race", points=2, needs=["5.1", "5.2"])
task.check(
    guests,
    ([-2.0, 0.5], [0.02, 0.015, 0.01, 0.005], 300),
    name="four rates in the valley",
    outputs=["the number of steps", "the best rate"],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    guests,
    lambda rng: (rng.uniform(0.5, 1.0, 2), [0.001, 0.003, 0.01, 0.03], 400),
    name="with an exploding rate",
    outputs=["the number of steps", "the best rate"],
)
task.mistake(
    "the largest of equals",
    "Of several rates that need as many steps, the largest is taken. Take the smallest.",
    "sorted(rates)",
    "sorted(rates, reverse=True)",
    hint="Which rate do you take if two are equally good?",
)
task.mistake(
    "the last rate",
    "The result is that of the last rate, not of the best.",
    "min(needed, key=needed.get)",
    "max(needed)",
    hint="How do you compare the rates?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Your race
#
# Here run your own rules, in the lecture's valley and on a saddle, each with a rate that suits it. `race.map()` draws
# it, and `race.save("race.html")` makes a page where you can step through it and change the rates. Guess first: who
# arrives first in the valley? Who leaves the saddle first?

# %%
your_rules = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
}
your_rates = {"sgd": 0.0185, "momentum": 0.0185, "nesterov": 0.009, "adagrad": 1.3, "rmsprop": 0.13, "adam": 0.13}
if __name__ == "__main__":  # not when it is graded
    try:
        race = surfaces.race("valley", your_rules, learning_rate=your_rates, steps=250)
        print({name: steps_needed(run.losses) for name, run in race.items()})
        print(surfaces.race("saddle", your_rules))
    except Exception as error:
        print("The race starts when all rules are written. Not yet:", error)

# %% [markdown]
# ## Task 6: in your words (2 points)
#
# Look at your race in the valley. Momentum arrives before gradient descent, although both use the same learning rate,
# and nobody could raise it. Explain in a few sentences what limits the rate of gradient descent here, and what the
# velocity does along the valley and across it.

# %% [markdown]
# BEGIN SOLUTION
# Across the valley the curvature is 100, so a rate above 2/100 makes each step end higher on the opposite wall.
# Along it the curvature is 1, and with this rate each step goes only about 2% of the way. The velocity adds up
# gradients. Along the valley they all point the same way, so it grows, up to 1 / (1 - mu) = 10 times one step.
# Across it their sign changes from step to step, so they largely cancel.
# END SOLUTION

# %%
# BEGIN TESTS
task = assignment.task("6", "in your words", points=2)
task.rubric(
    "What limits the rate of gradient descent in the valley, and what does the velocity do along and across it?",
    {
        "the steep direction sets the limit, the shallow one has to live with it": 1.0,
        "along the valley gradients add up in the velocity": 0.5,
        "across it they alternate and cancel": 0.5,
    },
    samples=[
        "The steep direction, with its curvature of 100, allows no rate above 0.02, which is far too small for the "
        "shallow one. The velocity sums gradients: along the valley they agree and it grows tenfold; across it they "
        "alternate and cancel."
    ],
)
# END TESTS
