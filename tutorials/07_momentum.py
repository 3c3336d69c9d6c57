# %% [markdown]
# # Update rules I: the valley, momentum, Nesterov
#
# The lecture's loop ends with `x += - learning_rate * dx`. It is the simplest way to use a gradient, and
# on most losses it wastes most of its steps. This lesson shows why, on a loss with two numbers that you
# can look at, and then gives the ball a mass.
#
# **You will know** why the steepest direction limits the learning rate, what the velocity of momentum adds
# up and what it cancels, and what Nesterov's version looks at before it steps.
#
# Before it: [The lecture's loop](06_the_loop.py). Run the cells one by one, or all at once:
# `python tutorials/07_momentum.py`. Every number in the text is checked by an `assert` beside it.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import surfaces

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")
pictures.mkdir(exist_ok=True)

# %% [markdown]
# ## A valley
#
# The loss is (x² + 100 y²) / 2: shallow along x, a hundred times as steep along y. Losses of networks look
# like that, with far more numbers: some weights matter much, others hardly. The gradient is (x, 100 y).


# %%
def gradient(x):
    """The gradient of (x[0]**2 + 100 * x[1]**2) / 2."""
    return np.array([x[0], 100 * x[1]])


def descend(learning_rate, steps=100):
    """The lecture's line, from (-9, 1)."""
    x, path = np.array([-9.0, 1.0]), []
    for _ in range(steps):
        dx = gradient(x)
        x += -learning_rate * dx
        path.append(x.copy())
    return np.array(path)


for rate in [0.001, 0.0185, 0.021]:
    end = descend(rate)[-1]
    print(f"rate {rate:<6}: after 100 steps at ({end[0]:.2f}, {end[1]:.2g})")
assert abs(descend(0.0185)[-1][0] + 1.39) < 0.01  # x has gone from -9 to -1.39
assert abs(descend(0.021)[-1][1]) > 1000  # y has exploded

# %% [markdown]
# ## A question
#
# With a rate of 0.021 the path explodes along y, while along x a rate of 1 would be best. Write down by
# which factor one step multiplies x, and by which y. From which rate on does y grow?
#
# <details><summary>Answer</summary>
#
# x becomes x - rate * x, so its factor is 1 - rate. The factor of y is 1 - 100 * rate, which is below -1
# from a rate of 0.02 on: each step leads further up the opposite wall. In general a direction with curvature
# (second derivative) c is stable while rate * c < 2. The steepest direction sets the limit, and all others
# have to live with it.
#
# </details>

# %%
path = descend(0.0185)
assert np.allclose(path[1:, 0] / path[:-1, 0], 1 - 0.0185)
assert np.allclose(path[1:, 1] / path[:-1, 1], 1 - 100 * 0.0185)
print("y changes its sign in", (np.sign(path[1:, 1]) != np.sign(path[:-1, 1])).sum(), "of 99 steps")

# %% [markdown]
# ## A ball with a mass
#
# **Momentum** gives the point a velocity v. The gradient no longer moves the point; it changes the
# velocity, and the velocity moves the point:
#
#     v = mu * v - learning_rate * dx      # integrate velocity
#     x += v                               # integrate position
#
# `mu` is between 0 and 1, usually 0.9. It acts as friction: without a gradient, the velocity loses a tenth
# in every step.


# %%
def momentum(x, dx, state, learning_rate, mu=0.9):
    """One step of momentum; state holds the velocity."""
    v = mu * state.get("v", 0) - learning_rate * dx
    return x + v, {"v": v}


assert minigrad.check_rule(momentum, "momentum", learning_rate=0.1, mu=0.9)

race = surfaces.race("valley", ["sgd", "momentum"], learning_rate=0.0185, steps=250)
race.map().save(pictures / "momentum.svg")


def arrives(run):
    """The step after which the loss stays below a thousandth of what it was."""
    return np.flatnonzero(run.losses >= run.losses[0] / 1000)[-1] + 1


print({name: int(arrives(run)) for name, run in race.items()})
assert [arrives(run) for run in race.values()] == [158, 62]

# %% [markdown]
# ![SGD creeps while momentum swings far along the valley, past the minimum and back](pictures/momentum.svg)
#
# 62 steps instead of 158. Along x the gradients of many steps point the same way and add up in the
# velocity, up to 1 / (1 - mu) = 10 times one of them. Along y they change sign in each step and cancel.

# %%
v = race["momentum"].states["v"]
print(f"along x the velocity grows from {v[0, 0]:.2f} to {v[:, 0].max():.2f}; along y the first is the largest")
assert round(v[:, 0].max(), 2) == 0.78 and abs(v[:, 1]).argmax() == 0

# %% [markdown]
# In a notebook, a race is a page that plays it; `race.save("race.html")` writes that page.

# %%
race

# %% [markdown]
# ## A question
#
# The gradient is 1 in every step, forever. How fast does the ball roll in the end, with mu = 0.9 and a
# rate of 0.01? And after how many steps has it reached half of that speed?
#
# <details><summary>Answer</summary>
#
# The velocity stops changing when v = mu v - rate, so v = -rate / (1 - mu) = -0.1: ten times the step
# without momentum. The distance to that speed shrinks by the factor mu in each step, and 0.9**7 is 0.48:
# seven steps. So mu = 0.9 remembers about ten steps, and mu = 0.99 about a hundred.
#
# </details>

# %%
v, velocities = 0.0, []
for _ in range(200):
    v = 0.9 * v - 0.01 * 1.0
    velocities.append(v)
print(f"in the end {v:.3f}; half of it after {np.argmax(np.array(velocities) < v / 2) + 1} steps")
assert abs(v + 0.1) < 1e-6 and np.argmax(np.array(velocities) < v / 2) + 1 == 7

# %% [markdown]
# ## Nesterov: look before you step
#
# Momentum knows where the velocity will take it: to x + mu v, whatever the gradient says. So ask for the
# gradient *there*. If the velocity has become too large, that gradient already points back.

# %%
valley = surfaces.surface("valley")
run = surfaces.race("valley", ["momentum"], learning_rate=0.00925, steps=10)["momentum"]
x, v = run.positions[10], run.states["v"][9]
surfaces.arrows(valley, run.positions, v, 0.00925).save(pictures / "nesterov.svg")

step = surfaces.steps_from(valley, x, v, 0.00925)
before, plain, ahead = (valley.gradient(end)[0] for end in (x, x + step.actual, x + step.nesterov_actual))
print(f"the loss goes from {before:.1f} to {plain:.1f} with momentum, and to {ahead:.1f} with Nesterov momentum")
assert [round(number, 1) for number in (before, plain, ahead)] == [18.4, 29.4, 14.4]

# %% [markdown]
# ![Momentum's gradient step still points up, as the momentum step does; Nesterov's points down](pictures/nesterov.svg)
#
# In a training loop the network gives the gradient at the parameters that it has. So keep the
# *looked-ahead* point as the parameters, and rewrite the rule for it:
#
#     v_prev = v
#     v = mu * v - learning_rate * dx
#     x += -mu * v_prev + (1 + mu) * v
#
# ## Experiment
#
# Below are three values of mu on the valley. Guess which is first. Then try your own, and other surfaces:
# `surfaces.race("beale", …)` and `"saddle"`.

# %%
for mu in [0.5, 0.9, 0.99]:  # change these
    x, v, steps = np.array([-9.0, 1.0]), np.zeros(2), 0
    while (x[0] ** 2 + 100 * x[1] ** 2) / 2 > 0.09 and steps < 5000:  # a thousandth of the loss at the start
        v = mu * v - 0.0185 * gradient(x)
        x += v
        steps += 1
    print(f"mu {mu}: the loss is first below a thousandth after {steps} steps")

# %% [markdown]
# With mu = 0.99 the ball rolls through the minimum again and again. There is a best friction, and it depends
# on the valley; 0.9 is a good first guess for nearly all of them. The lecture raises mu while it trains,
# from 0.5 to 0.99.
#
# ## Exercises
#
# 1. The rule below is meant to be momentum. The checker says what it is. Fix it.
# 2. Write Nesterov's three lines as a function, and check it with
#    `minigrad.check_rule(yours, "nesterov", learning_rate=0.1, mu=0.9)`.


# %%
def mine(x, dx, state, learning_rate, mu=0.9):
    """Momentum, nearly."""
    v = mu * state.get("v", 0) + learning_rate * dx  # change this line
    return x + v, {"v": v}


report = minigrad.check_rule(mine, "momentum", learning_rate=0.1, mu=0.9)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [Update rules II](08_adaptive_rates.py), where each number gets its own rate.
