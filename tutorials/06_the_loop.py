# %% [markdown]
# # The lecture's loop
#
# This is how a network is trained, in the lines of the lecture (CS231n, parameter updates):
#
#     while True:
#         data_batch = dataset.sample_data_batch()
#         loss = network.forward(data_batch)
#         dx = network.backward()
#         x += - learning_rate * dx
#
# This lesson takes each line by itself, looks at what it gives, and then lets them run until the
# network reads more than 95 % of handwritten digits that it has never seen.
#
# **You will know** what each line computes and which shape it has, how to check a gradient against the loss
# itself, how a learning rate that is too low or too high looks, and why a batch is enough.
#
# Before it: [Softmax and cross-entropy](05_softmax.py). Run the cells one by one, or all at once:
# `python tutorials/06_the_loop.py`. Every number in the text is checked by an `assert` beside it.

# %%
import math
import warnings
from pathlib import Path

import numpy as np

import minigrad
from minigrad import nn, optim
from minigrad.course.lessons import show

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")

# %% [markdown]
# ## The data set
#
# The digits are grey images of 8 by 8 pixels, each a row of 64 numbers from 0 (paper) to 1 (ink).
# 1,437 are for training and 360 are held out: the network never sees them in training, and is
# measured on them.

# %%
dataset, held_out = minigrad.data.digits()
print(dataset)
assert (len(dataset), len(held_out)) == (1437, 360)

image, digit = held_out[0]
for row in image.reshape(8, 8):
    print("".join(" .:-=+*#%@"[int(9 * ink)] * 2 for ink in row))
print(f"this is a {digit}")
assert image.shape == (64,) and digit == 7
assert image.min() == 0.0 and image.max() == 1.0

# %% [markdown]
# ## The network
#
# The model has two layers. The first makes 64 weighted sums of the 64 pixels, each with a bias
# added, and the ReLU keeps what is positive of them. The second makes 10 weighted sums of that: one
# score for each digit. The loss compares the scores with the right digit.
#
# `Network` joins the model and the loss, and puts all weights and biases into one vector `x`. The
# function below starts from the same random numbers each time it is called. So every comparison
# further down starts from the same place.


# %%
def start():
    """A fresh network, the data set from its first batch on, and the held-out digits."""
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return minigrad.Network(model, nn.CrossEntropyLoss()), *minigrad.data.digits()


network, dataset, held_out = start()
x = network.x
print(f"x has shape {x.shape} and dtype {x.dtype}")
assert x.shape == (64 * 64 + 64 + 10 * 64 + 10,) == (4810,)

# %% [markdown]
# `names()` says which slice of `x` is which parameter. The parameters are not copied from `x`,
# they lie in it: writing to the slice changes the bias.

# %%
for name, place in network.names().items():
    print(f"x[{place.start}:{place.stop}] is {name}")
assert network.names()["2.bias"] == slice(4800, 4810)

before = network.model[2].bias[0].item()
x[4800] += 1
assert network.model[2].bias[0].item() == np.float32(before) + 1
x[4800] = before

# %% [markdown]
# ## `data_batch = dataset.sample_data_batch()`
#
# A batch is 64 images drawn at random, with their digits. One row is one image.

# %%
data_batch = dataset.sample_data_batch()
print(f"X has shape {data_batch.X.shape}, y has shape {data_batch.y.shape} and begins with {data_batch.y[:8]}")
assert data_batch.X.shape == (64, 64) and data_batch.y.shape == (64,)

# %% [markdown]
# ## `loss = network.forward(data_batch)`
#
# The forward pass computes the scores of the 64 images, and from them one number, the cross-entropy of
# lesson 5. If the network gave every digit the probability 1/10, the loss would be log(10), about 2.303.
# The untrained network is close to that: it knows nothing yet.

# %%
loss = network.forward(data_batch)
print(f"loss {loss:.3f}, log(10) is {math.log(10):.3f}")
assert abs(loss - 2.303) < 0.05
assert abs(math.log(10) - 2.303) < 0.001

# %% [markdown]
# ## `dx = network.backward()`
#
# The backward pass walks from the loss back to every parameter, as in the first lesson, but with
# arrays instead of numbers. `dx` has the shape of `x`: its element i says how fast the loss grows
# with element i of `x`.

# %%
dx = network.backward()
print(f"dx has shape {dx.shape} and dtype {dx.dtype}")
assert dx.shape == x.shape and dx.dtype == x.dtype

# %% [markdown]
# Here is the picture of this backward pass, drawn before the next forward pass replaces the graph.
# The data is grey, the parameters are blue, and the frames are the layers. For each array the picture
# shows the range, the mean and the standard deviation: see how ReLU makes half of its numbers 0. Below
# the line are the box's turn in the backward pass and `|grad|`, the length of a parameter's gradient
# (its slice of `dx`).

# %%
show(loss, pictures / "one_backward_pass.svg")

length = np.linalg.norm(dx[network.names()["0.weight"]])
print(f"|grad| of 0.weight is {length:.4f}")
assert abs(length - 0.2402) < 0.0001

# %% [markdown]
# ![The graph from the batch X and four parameters to the loss](pictures/one_backward_pass.svg)
#
# ## The same as code
#
# What the two passes have computed can be written down in NumPy alone, as you would write it by hand. In
# the backward part, each gradient is computed from the one before it and from what the forward pass left.

# %%
program = minigrad.source(loss)
print(program)

by_hand = program.run()
pieces = [by_hand[name].ravel() for name in ("dW1", "db1", "dW2", "db2")]
assert np.allclose(np.concatenate(pieces), dx, rtol=1e-4, atol=1e-7)

# %% [markdown]
# Run, it gives the same `dx`, to the digits of float32.
#
# ## Is `dx` right?
#
# Ask the loss itself. Move one element of `x` a little up and a little down, compute the loss both
# times, and divide the difference by the distance. This uses nothing of the backward pass.


# %%
def slope(i, h):
    """How fast the loss on the batch changes with x[i], from two forward passes."""
    here = x[i]
    x[i] = here + h
    above = network.forward(data_batch)
    x[i] = here - h
    below = network.forward(data_batch)
    x[i] = here
    return (above - below) / (2 * h)


i = np.abs(dx).argmax()
print(f"dx[{i}] = {dx[i]:.5f}, by the difference {slope(i, h=0.01):.5f}")
assert abs(slope(i, h=0.01) / dx[i] - 1) < 0.001

# %% [markdown]
# They agree to a thousandth. This took two forward passes for one of 4,810 elements; the backward
# pass gave all of them at once. A smaller `h` would not make the difference more exact here: the
# loss is computed in float32, with about seven digits, and two losses that are almost equal have
# few digits left in their difference.

# %%
print(f"with h = 0.00001: {slope(i, h=0.00001):.5f}")
assert abs(slope(i, h=0.00001) / dx[i] - 1) > 0.01

# %% [markdown]
# ## `x += - learning_rate * dx`
#
# The update moves all of `x` a small step against the gradient. As long as the step is small, the
# loss falls by the sum of (what each element moves) times (its slope): that is
# `learning_rate * (dx @ dx)`.

# %%
learning_rate = 1e-1
x += -learning_rate * dx
fell = loss - network.forward(data_batch)
print(f"the loss fell by {fell:.5f}; expected were {learning_rate * (dx @ dx):.5f}")
assert 0.95 < fell / (learning_rate * (dx @ dx)) < 1

# %% [markdown]
# ## All lines together
#
# One step takes the loss on one batch down by a hundredth. Now a thousand steps, each on a new
# batch. The rest of the cell only counts and prints.

# %%
network, dataset, held_out = start()
x = network.x
learning_rate = 1e-1
step = 0

while True:
    data_batch = dataset.sample_data_batch()
    loss = network.forward(data_batch)
    dx = network.backward()
    x += -learning_rate * dx

    step += 1
    if step % 200 == 0:
        print(f"step {step:4}  loss {loss:.3f}")
    if step == 1000:
        break

# %% [markdown]
# That is the loss on training images. What counts are the held-out ones: the network's answer is the
# digit with the highest score. `no_grad` says that `backward` will not be called here, so no graph is
# recorded.


# %%
def accuracy(network):
    """The fraction of the held-out digits that are read correctly."""
    with minigrad.no_grad():
        scores = network.model(minigrad.tensor(held_out.X))
    return (scores.argmax(1).numpy() == held_out.y).mean()


print(f"{accuracy(network):.1%} of the held-out digits are right")
assert accuracy(network) > 0.95

# %% [markdown]
# ## The slip: `x = x - …`
#
# `x = x - learning_rate * dx` looks like the same update. But `x - …` makes a new vector, and `=`
# gives the name `x` to it. The network keeps its own vector, which nobody changes any more. On the
# same batch the loss stays what it was, to the last digit. minigrad notices after three rounds, and
# warns once.

# %%
network, dataset, held_out = start()
x = network.x
data_batch = dataset.sample_data_batch()
losses = []

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(6):
        losses.append(network.forward(data_batch))
        dx = network.backward()
        x = x - learning_rate * dx

print(f"the losses: {sorted(set(losses))}")
print(f"the warning: {caught[0].message}")
assert len(losses) == 6 and len(set(losses)) == 1
assert len(caught) == 1
assert x is not network.x and not np.shares_memory(x, network.x)

# %% [markdown]
# These three ways of writing the update do train, and give the same bytes.


# %%
def in_place(network, dx):
    """Add to the vector itself."""
    x = network.x
    x += -learning_rate * dx


def into_the_elements(network, dx):
    """Make a new vector, and copy its elements into the old one."""
    x = network.x
    x[:] = x - learning_rate * dx


def by_assignment(network, dx):
    """Make a new vector, and let the network copy it."""
    network.x = network.x - learning_rate * dx


results = set()
for update in [in_place, into_the_elements, by_assignment]:
    network, dataset, held_out = start()
    network.forward(dataset.sample_data_batch())
    update(network, network.backward())
    results.add(network.x.tobytes())

untrained = start()[0].x.tobytes()
assert len(results) == 1 and untrained not in results

# %% [markdown]
# ## The same with an optimizer
#
# Outside this lecture you will meet the loop in another form: an optimizer holds the parameters,
# `loss.backward()` leaves each gradient in `.grad`, and `step()` updates. `optim.SGD` is the
# lecture's line, applied to one parameter after the other. Here are a hundred steps of both, from
# the same start.

# %%
network, dataset, held_out = start()
x = network.x
for _ in range(100):
    data_batch = dataset.sample_data_batch()
    loss = network.forward(data_batch)
    dx = network.backward()
    x += -learning_rate * dx
by_the_loop = x.tobytes()

network, dataset, held_out = start()  # the network is here only to compare the vectors at the end
model, loss_function = network.model, nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=learning_rate)
for _ in range(100):
    X, y = dataset.sample_data_batch()
    loss = loss_function(model(minigrad.tensor(X)), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

print(f"equal: {network.x.tobytes() == by_the_loop}")
assert network.x.tobytes() == by_the_loop

# %% [markdown]
# All 4,810 numbers are equal, to the last bit. `zero_grad()` is needed because `.grad` adds up over
# backward passes (the `+=` of the first lesson); `network.backward()` starts `dx` from zero each
# time.
#
# ## Experiment
#
# The learning rate is yours to choose. Here are four, for 500 steps each. Guess their order before
# you run the cell. (The other numbers in each row are bounds for the loss and the accuracy: they
# check what is said below.)


# %%
def train(learning_rate, steps=500):
    """Train from the start; give the mean loss of the last 100 batches, and the network."""
    network, dataset, _ = start()
    x = network.x
    losses = []
    for _ in range(steps):
        losses.append(network.forward(dataset.sample_data_batch()))
        x += -learning_rate * network.backward()
    return np.mean(losses[-100:]), network


for rate, loss_from, loss_to, right_from, right_to in [
    (0.001, 2.2, 2.3, 0.1, 0.2),
    (0.1, 0.15, 0.25, 0.93, 0.97),
    (1, 0.01, 0.05, 0.95, 1.0),
    (10, 2.3, 2.5, 0.1, 0.1),
]:
    final_loss, network = train(rate)
    right = accuracy(network)
    print(f"learning rate {rate:<5}  loss {final_loss:.3f}  accuracy {right:.1%}")
    assert loss_from < final_loss < loss_to and right_from <= right <= right_to

# %% [markdown]
# - 0.001 is too low: the loss has hardly moved from 2.30. It falls, but slowly.
# - 0.1 is good: the loss is about 0.2.
# - 1 is better still on this small problem: the loss is about 0.02.
# - 10 is too high: the loss is worse than at the start. The network is right on 36 of the 360
#   held-out digits, which is what you get by giving the same answer to all of them.
#
# The last one is stuck. Its first steps went so far that the weighted sums of the first layer are
# negative for nearly all images. After the ReLU they are 0, and its derivative there is 0 as well, so
# hardly any gradient reaches the first layer's weights.

# %%
with minigrad.no_grad():
    sums = network.model[0](minigrad.tensor(held_out.X)).numpy()  # the network of the last rate, 10
print(f"{(sums > 0).sum()} of {sums.size:,} sums are positive")
assert (sums > 0).mean() < 0.01

network.forward((dataset.X, dataset.y))
length = np.linalg.norm(network.backward()[network.names()["0.weight"]])
print(f"|grad| of 0.weight is {length:.4f}")
assert length < 0.01

# %% [markdown]
# Somewhere between 1 and 10 the loop stops training. Find where. (Which rate is best, and how much it
# helps to lower it on the way, is measured in [the lecture's questions](../docs/lecture.md).)

# %%
rate = 2  # change this
final_loss, network = train(rate)
print(f"learning rate {rate:<5}  loss {final_loss:.3f}  accuracy {accuracy(network):.1%}")

# %% [markdown]
# ## A question
#
# The gradient of a batch is that of 64 images. Is it the gradient of the loss on all 1,437, which is
# the loss that you really want to make smaller? If it is not, why does the loop train?
#
# <details><summary>Answer</summary>
#
# It is not the same vector, but it points roughly the same way. The cosine of the angle
# between the two is 1 for the same direction and 0 for a right angle.
#
# </details>

# %%
network, dataset, held_out = start()
everything = dataset.X, dataset.y
loss_on_all = network.forward(everything)
dx_of_all = network.backward()
network.forward(dataset.sample_data_batch())
dx = network.backward()
cosine = dx @ dx_of_all / np.linalg.norm(dx) / np.linalg.norm(dx_of_all)
print(f"cosine {cosine:.2f}")
assert 0.5 < cosine < 0.9

# %% [markdown]
# So a step along the batch's gradient lowers the loss on all images too, and it took 64 images
# instead of 1,437.

# %%
network.x += -learning_rate * dx
print(f"the loss on all images goes from {loss_on_all:.4f} to {network.forward(everything):.4f}")
assert network.forward(everything) < loss_on_all

# %% [markdown]
# ## A question
#
# Somebody multiplies the loss by 10. With which learning rate does the network take exactly the same steps
# as before?
#
# <details><summary>Answer</summary>
#
# With a tenth of it. The gradient of 10 times the loss is 10 times as long, and the step is their product.
# So a learning rate means nothing without the scale of the loss; that is one reason why losses are means,
# and not sums, over the batch.
#
# </details>

# %%
ends = []
for scale, rate in [(1, 0.1), (10, 0.01)]:
    network, dataset, _ = start()
    scaled = minigrad.Network(network.model, lambda scores, y, scale=scale: scale * nn.CrossEntropyLoss()(scores, y))
    for _ in range(50):
        scaled.forward(dataset.sample_data_batch())
        scaled.x += -rate * scaled.backward()
    ends.append(scaled.x.copy())
print(f"the largest difference after 50 steps is {np.abs(ends[0] - ends[1]).max():.0e}")
assert np.allclose(ends[0], ends[1], atol=1e-4)

# %% [markdown]
# ## Exercises
#
# 1. The update below is meant to be the lecture's last line, written as a function. The checker gives it
#    some gradients and compares; fix the line.
# 2. The forward pass of the two layers in plain NumPy, nearly: the checker compares it with the model and
#    says what is different. Fix the line of `h`.


# %%
def update(x, dx, state, learning_rate):
    """The lecture's line, nearly."""
    return x + learning_rate * dx, state  # change this line


report = minigrad.check_rule(update, "sgd", learning_rate=0.1)
print(report)
assert not report  # delete this line when it is right

rng = np.random.default_rng(0)
W1, b1 = rng.standard_normal((64, 64)) / 8, rng.standard_normal(64)
W2, b2 = rng.standard_normal((10, 64)) / 8, rng.standard_normal(10)


def scores_by_hand(X):
    """The scores of the two layers, nearly."""
    h = np.abs(X @ W1.T + b1)  # change this line
    return h @ W2.T + b2


def scores_of_layers(X):
    """The same by minigrad's layers."""
    h = nn.functional.relu(nn.functional.linear(X, minigrad.tensor(W1), minigrad.tensor(b1)))
    return nn.functional.linear(h, minigrad.tensor(W2), minigrad.tensor(b2))


report = minigrad.check_forward(scores_by_hand, scores_of_layers, held_out.X[:5].astype(float))
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [Update rules I](07_momentum.py), a better use for `dx` than the last line makes of it.
