# %% [markdown]
# # Layers by hand
#
# A network is a row of layers, and each of them has to answer two questions. Forward: given my input, what is my
# output? Backward: given how the loss changes with my output, how does it change with my input and my weights? You
# write both answers for the layers that nearly every network is made of, in NumPy, with no engine to help. Then you
# put them together and train a network that reads handwritten digits.
#
# You need arrays, the chain rule, and two to three hours. Of a gradient you know before you begin that it has the
# shape of the array it belongs to; that settles more questions than you would think.
#
# In all of this, `X` has a row for each example and `dout` stands for the gradient of the loss with respect to a
# layer's output. The functions called `..._loss` are given: with a fixed `dout`, the number `(out * dout).sum()` is a
# loss whose gradient with respect to `out` is exactly `dout`. The checks use them to explain what is wrong. You can
# use them too: nudge one number by 1e-6 and see what the loss does.
#
# Run `python -m minigrad course check a2_layers.py` as often as you like, or the `check(...)` lines one by one.

# %%
import numpy as np

import minigrad

# %%
# BEGIN TESTS
from minigrad.course import Assignment

assignment = Assignment("Layers by hand", causes="on request")
# END TESTS

# %% [markdown]
# ## Task 1.1: affine, backward (2 points)
#
# An affine layer has weights `W` of shape (D, M) and a bias `b` of shape (M,). Its forward pass is given. Where does
# `W[j, k]` appear in it? In `out[n, k]` for every example n, each time with the factor `X[n, j]`. So
#
#     dW[j, k] = sum over n of X[n, j] * dout[n, k]
#
# Write the three gradients as array operations, without a loop.


# %%
def affine(X, W, b):
    """Return the layer's output, of shape (N, M)."""
    return X @ W + b


def affine_loss(X, W, b, dout):
    """Given: a loss whose gradient with respect to the output is dout."""
    return ((X @ W + b) * dout).sum()


def affine_backward(X, W, b, dout):
    """Return dX, dW and db."""
    # BEGIN SOLUTION
    return dout @ W.T, X.T @ dout, dout.sum(axis=0)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("1.1", "affine, backward", points=2)
task.check(
    affine_backward,
    (
        np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
        np.array([[1.0, 0.0], [-1.0, 2.0]]),
        np.array([0.5, -0.5]),
        np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 10.0]]),
    ),
    name="three examples by hand",
    outputs=["dX", "dW", "db"],
    gradient_of=affine_loss,
    wrt=[0, 1, 2],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    affine_backward,
    lambda rng: [rng.standard_normal(shape) for shape in [(5, 3), (3, 4), (4,), (5, 4)]],
    name="five examples",
    outputs=["dX", "dW", "db"],
    gradient_of=affine_loss,
    wrt=[0, 1, 2],
)
task.mistake(
    "bias averaged",
    "db is a mean over the examples. Each example uses the same bias and sends its contribution back: add them up.",
    "dout.sum(axis=0)",
    "dout.mean(axis=0)",
    hint="In how many places of the output does b[0] stand?",
)
task.mistake(
    "bias is the whole sum",
    "db is one number, the sum of all of dout. Each column of the output has its own bias.",
    "dout.sum(axis=0)",
    "dout.sum()",
    hint="Which shape has b, and which shape has your db?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.2: ReLU, forward and backward (2 points)
#
# ReLU keeps what is positive and replaces the rest by 0. Return a new array; do not write into `Z`, which the layer
# before still needs. Backward, a number that was kept passes its gradient on, and one that was replaced stops it.
#
# At exactly 0 there is no derivative. Take 0 there, as PyTorch does. It is not as rare as it looks: dead inputs and
# padded images are full of exact zeros.


# %%
def relu(Z):
    """Return Z where it is positive, 0 elsewhere."""
    # BEGIN SOLUTION
    return np.maximum(Z, 0)
    # END SOLUTION


def relu_backward(Z, dout):
    """Return dZ, given the layer's input Z."""
    # BEGIN SOLUTION
    return np.where(Z > 0, dout, 0.0)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("1.2", "ReLU", points=2)
task.check(relu, (np.array([[1.5, -2.0, 0.0], [-0.5, 3.0, 4.0]]),), name="forward", may_write=False)
task.check(
    relu_backward,
    (np.array([[1.5, -2.0, 0.0], [-0.5, 3.0, 4.0]]), np.array([[1.0, 2.0, 3.0], [-4.0, -5.0, 6.0]])),
    name="backward",
    outputs=["dZ"],
    may_write=False,
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(relu, lambda rng: (rng.standard_normal((2, 3, 4)),), name="forward, three axes", may_write=False)
task.check(
    relu_backward,
    lambda rng: (rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 3, 4))),
    name="backward, three axes",
    outputs=["dZ"],
    may_write=False,
)
task.mistake(
    "mask from dout",
    "The gradient is stopped where dout is negative. What decides is the sign of the layer's input, Z.",
    "np.where(Z > 0, dout, 0.0)",
    "np.where(dout > 0, dout, 0.0)",
    hint="Which numbers did the forward pass replace, and by what did it decide?",
)
task.mistake(
    "passes at 0",
    "At Z = 0 the gradient goes through. The text asks for 0 there.",
    "np.where(Z > 0, dout, 0.0)",
    "np.where(Z >= 0, dout, 0.0)",
    hint="Look at the number that is exactly 0.",
)
task.mistake(
    "dout forgotten",
    "This is the derivative of ReLU alone. The chain rule multiplies it by dout.",
    "np.where(Z > 0, dout, 0.0)",
    "np.where(Z > 0, 1.0, 0.0)",
    hint="Which argument is not used?",
)
task.mistake(
    "forward again",
    "The forward pass was applied to dout. The mask is made by Z, and dout is multiplied by it.",
    "return np.where(Z > 0, dout, 0.0)",
    "return np.maximum(Z, 0) * dout",
    hint="The derivative of ReLU is 0 or 1, never 3.",
)
task.mistake(
    "absolute value",
    "Negative numbers have lost their sign. ReLU replaces them by 0.",
    "return np.maximum(Z, 0)",
    "return np.abs(Z)",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.3: softmax and its loss (4 points)
#
# The last layer gives each class a score. Softmax makes probabilities `p` of a row of scores: exp of each, divided by
# their sum. The loss of an example is minus the log of the probability of its right class, and the loss of a batch is
# the mean over its examples.
#
# Return the loss and `dscores`. Derive the gradient on paper first, for one example: with one formula for the right
# class and one for the others, it is as short as gradients get. Then think of what the mean over N examples does.
#
# Your loss must be finite for scores of 1000 and of -1000. The given formula is not: `exp(1000)` is infinity. Adding
# the same number to all scores of a row changes no probability, so choose a number that makes exp harmless, and do
# not take the log of something that may be rounded to 0.


# %%
def softmax_mean_loss(scores, y):
    """Given: the formula, for scores that are not too large."""
    of_each = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(y)), y]
    return of_each.mean()


def softmax_loss(scores, y):
    """Return the loss and dscores.

    scores has shape (N, C); y has shape (N,) and holds the right class of each example, 0 to C - 1.
    """
    # BEGIN SOLUTION
    N = len(y)
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(N), y].mean()
    dscores = np.exp(log_p)
    dscores[np.arange(N), y] -= 1
    return loss, dscores / N
    # END SOLUTION


def dscores_of(scores, y):
    """Given: the gradient alone."""
    return softmax_loss(scores, y)[1]


def loss_of(scores, y):
    """Given: the loss alone."""
    return softmax_loss(scores, y)[0]


# %%
# BEGIN TESTS
task = assignment.task("1.3", "softmax and its loss", points=4)
task.check(
    loss_of, (np.array([[2.0, 1.0, -1.0], [0.0, 0.0, 0.0]]), np.array([1, 2])), name="loss of two examples", points=0.5
)
task.check(
    dscores_of,
    (np.array([[2.0, 1.0, -1.0], [0.0, 0.0, 0.0]]), np.array([1, 2])),
    name="gradient of two examples",
    outputs=["dscores"],
    gradient_of=softmax_mean_loss,
    wrt=[0],
    points=1,
)
task.check(
    softmax_loss,
    (np.array([[1000.0, 0.0, -1000.0], [-1000.0, -1001.0, -1002.0]]), np.array([2, 0])),
    name="large scores",
    outputs=["loss", "dscores"],
    points=0.5,
    may_write=False,
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(loss_of, lambda rng: (rng.standard_normal((5, 4)), rng.integers(0, 4, 5)), name="loss of five", points=0.5)
task.check(
    dscores_of,
    lambda rng: (rng.standard_normal((5, 4)), rng.integers(0, 4, 5)),
    name="gradient of five",
    outputs=["dscores"],
    gradient_of=softmax_mean_loss,
    wrt=[0],
    points=1,
)
task.check(
    softmax_loss,
    lambda rng: (500 * rng.standard_normal((6, 3)), rng.integers(0, 3, 6)),
    name="large scores of six",
    outputs=["loss", "dscores"],
    points=0.5,
)
task.mistake(
    "sum over the batch",
    "The loss is a sum over the examples. It must be their mean: divide by N.",
    "return loss, dscores / N",
    "return loss * N, dscores / N",
    hint="What happens to your loss if each example stands in the batch twice?",
)
task.mistake(
    "no 1/N in the gradient",
    "The loss is a mean over N examples, so the gradient is divided by N, too.",
    "return loss, dscores / N",
    "return loss, dscores",
    hint="The numbers have the right direction. Look at their size.",
)
task.mistake(
    "right class not subtracted",
    "These are the probabilities. At the right class 1 is subtracted.",
    "dscores[np.arange(N), y] -= 1",
    "",
    hint="Raise the right score a little: does the loss grow or fall? And what does your gradient say?",
)
task.mistake(
    "one maximum for all",
    "The largest score of the whole batch is subtracted from every row. A row far below it becomes exp(-2000) = 0, and "
    "its log is minus infinity. Subtract the largest score of each row.",
    "scores - scores.max(axis=1, keepdims=True)",
    "scores - scores.max()",
    hint="Look at the second row: how far is it below what you subtract?",
)
task.mistake(
    "not shifted",
    "exp overflows: subtract the largest score of each row before exp.",
    "shifted = scores - scores.max(axis=1, keepdims=True)",
    "shifted = scores",
    hint="What is np.exp(1000)?",
)
task.mistake(
    "log of a probability of 0",
    "The probability of a class that is far below is rounded to 0, and its log is minus infinity. Compute the log of "
    "the probability as the score minus the log of the sum.",
    "log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))",
    "log_p = np.log(np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True))",
    hint="What is the probability of a score that is 2000 below the largest one, in floating point?",
)
task.mistake(
    "sum over the classes of the batch",
    "Each class is divided by its sum over the examples (axis 0). The probabilities of one example must add up to 1: "
    "sum over its classes (axis 1).",
    "log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))",
    "log_p = shifted - np.log(np.exp(shifted).sum(axis=0, keepdims=True))",
    hint="Along which axis do your probabilities add up to 1?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 2.1: two layers (4 points)
#
# Put it together: affine, ReLU, affine, softmax loss. To the loss of the data, add the penalty
# `0.5 * reg * (sum of W1**2 + sum of W2**2)`, which keeps weights small; the biases are not penalized.
#
# Keep what the backward pass needs, go back in the opposite order, and hand the gradient of each layer's input to the
# layer before it as its `dout`. With the functions of part 1 this is about ten lines, and none of them is new.


# %%
def network_mean_loss(X, y, W1, b1, W2, b2, reg):
    """Given: the loss as a formula, for inputs that are not too large."""
    Z = X @ W1 + b1
    H = Z * (Z > 0)
    S = H @ W2 + b2
    of_each = np.log(np.exp(S).sum(axis=1)) - S[np.arange(len(y)), y]
    return of_each.mean() + 0.5 * reg * ((W1 * W1).sum() + (W2 * W2).sum())


def network(X, y, W1, b1, W2, b2, reg):
    """Return the loss, dW1, db1, dW2 and db2."""
    # BEGIN SOLUTION
    Z = affine(X, W1, b1)
    H = relu(Z)
    loss, dscores = softmax_loss(affine(H, W2, b2), y)
    loss += 0.5 * reg * ((W1**2).sum() + (W2**2).sum())
    dH, dW2, db2 = affine_backward(H, W2, b2, dscores)
    dZ = relu_backward(Z, dH)
    _, dW1, db1 = affine_backward(X, W1, b1, dZ)
    return loss, dW1 + reg * W1, db1, dW2 + reg * W2, db2
    # END SOLUTION


def network_gradients(X, y, W1, b1, W2, b2, reg):
    """Given: the gradients alone."""
    return network(X, y, W1, b1, W2, b2, reg)[1:]


def network_loss(X, y, W1, b1, W2, b2, reg):
    """Given: the loss alone."""
    return network(X, y, W1, b1, W2, b2, reg)[0]


def small_network(rng):
    """Given: four examples, five hidden units, three classes."""
    weights = [rng.standard_normal(shape) for shape in [(3, 5), (5,), (5, 3), (3,)]]
    return (rng.standard_normal((4, 3)), rng.integers(0, 3, 4), *weights, 0.1)


# %%
# BEGIN TESTS
task = assignment.task("2.1", "two layers", points=4, needs=["1.1", "1.2", "1.3"])
task.check(network_loss, small_network, name="loss", points=0.5)
task.check(
    network_gradients,
    small_network,
    name="gradients",
    outputs=["dW1", "db1", "dW2", "db2"],
    gradient_of=network_mean_loss,
    wrt=[2, 3, 4, 5],
    points=1.5,
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    network_gradients,
    lambda rng: (*small_network(rng)[:6], 0.0),
    name="gradients without penalty",
    outputs=["dW1", "db1", "dW2", "db2"],
    gradient_of=network_mean_loss,
    wrt=[2, 3, 4, 5],
    points=1,
)
task.check(
    network,
    small_network,
    name="your own numbers",
    outputs=["loss", "dW1", "db1", "dW2", "db2"],
    personal=True,
    points=1,
)
task.mistake(
    "ReLU skipped on the way back",
    "dH is handed to the first layer as it is. ReLU stands between them, and stops the gradient where Z was negative.",
    "dZ = relu_backward(Z, dH)",
    "dZ = dH",
    hint="Read your forward pass from the bottom to the top: is every line answered?",
)
task.mistake(
    "ReLU masked by the wrong array",
    "relu_backward gets dH as its input too. It needs Z, the numbers before ReLU.",
    "dZ = relu_backward(Z, dH)",
    "dZ = relu_backward(dH, dH)",
    hint="What decides where ReLU lets a gradient through?",
)
task.mistake(
    "penalty only in the loss",
    "The penalty is in the loss and not in the gradients: reg * W1 and reg * W2 are missing.",
    "return loss, dW1 + reg * W1, db1, dW2 + reg * W2, db2",
    "return loss, dW1, db1, dW2, db2",
    hint="Which terms of the loss contain W1?",
)
task.mistake(
    "penalty twice as large",
    "The gradient of the penalty is 2 * reg * W, but the 0.5 of the penalty cancels the 2.",
    "return loss, dW1 + reg * W1, db1, dW2 + reg * W2, db2",
    "return loss, dW1 + 2 * reg * W1, db1, dW2 + 2 * reg * W2, db2",
    hint="What is the derivative of 0.5 * reg * w**2?",
)
task.mistake(
    "penalty without 0.5",
    "The penalty has a factor 0.5.",
    "loss += 0.5 * reg *",
    "loss += reg *",
    hint="Compare the penalty with the text.",
)
task.mistake(
    "second layer fed before ReLU",
    "The second layer gets Z, the numbers before ReLU. Without ReLU in between, two layers are no more than one.",
    "H = relu(Z)",
    "H = Z",
    hint="What does the second layer read?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 2.2: train it (3 points)
#
# Write the loop. For each batch, a pair of inputs and labels, compute loss and gradients, keep the loss in a list, and
# move each of the four arrays *against* its gradient by `learning_rate`. Return the list, and the parameters after the
# last step. The arrays that you were given must stay as they are: begin with copies.


# %%
def train(batches, W1, b1, W2, b2, learning_rate, reg):
    """Return the losses, one for each batch, and the trained W1, b1, W2 and b2."""
    # BEGIN SOLUTION
    parameters = [W1.copy(), b1.copy(), W2.copy(), b2.copy()]
    losses = []
    for X, y in batches:
        loss, *gradients = network(X, y, *parameters, reg)
        losses.append(loss)
        for parameter, gradient in zip(parameters, gradients):
            parameter -= learning_rate * gradient
    return losses, *parameters
    # END SOLUTION


def start(hidden, seed):
    """Given: weights to begin with, for 64 pixels and ten digits. sqrt(2 / inputs) keeps the numbers in range."""
    rng = np.random.default_rng(seed)
    W1 = rng.standard_normal((64, hidden)) * np.sqrt(2 / 64)
    W2 = rng.standard_normal((hidden, 10)) * np.sqrt(2 / hidden)
    return W1, np.zeros(hidden), W2, np.zeros(10)


def batches_of(X, y, size, count, seed):
    """Given: random batches."""
    rng = np.random.default_rng(seed)
    rows = [rng.integers(0, len(y), size) for _ in range(count)]
    return [(X[each].astype(float), y[each]) for each in rows]


def ten_steps(seed, learning_rate, reg):
    """Given: the losses of ten steps on the digits, then the trained parameters, then whether the start was changed."""
    X, y = minigrad.data.digits().train.X[:200], minigrad.data.digits().train.y[:200]
    begin = start(8, seed)
    before = [array.copy() for array in begin]
    losses, *parameters = train(batches_of(X, y, 16, 10, seed), *begin, learning_rate, reg)
    changed = any((a != b).any() for a, b in zip(begin, before))
    return np.array(losses), *parameters, changed


def learns(seed):
    """Given: whether the network reads more than 90 of 100 test images after 600 steps."""
    train_set, test_set = minigrad.data.digits()
    X, y = train_set.X, train_set.y
    _, W1, b1, W2, b2 = train(batches_of(X, y, 32, 600, seed), *start(32, seed), 0.5, 1e-4)
    X, y = test_set.X, test_set.y
    guesses = (np.maximum(X @ W1 + b1, 0.0) @ W2 + b2).argmax(axis=1)
    print(f"{(guesses == y).mean():.1%} of the test images are read correctly")
    return (guesses == y).mean() > 0.9


# %%
# BEGIN TESTS
task = assignment.task("2.2", "train it", points=3, needs=["1.1", "1.2", "1.3", "2.1"])
names = ["losses", "W1", "b1", "W2", "b2", "whether the start was changed"]
task.check(ten_steps, (0, 0.1, 0.01), name="ten steps", outputs=names, rtol=1e-6)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(ten_steps, (1, 0.5, 0.0), name="ten steps from elsewhere", outputs=names, rtol=1e-6)
task.mistake(
    "uphill",
    "The step follows the gradient, so the loss grows. Subtract.",
    "parameter -= learning_rate * gradient",
    "parameter += learning_rate * gradient",
    hint="Print the losses. Where do they go?",
)
task.mistake(
    "no learning rate",
    "The whole gradient is subtracted: learning_rate is not used.",
    "parameter -= learning_rate * gradient",
    "parameter -= gradient",
    hint="Which argument is not used?",
)
task.mistake(
    "start overwritten",
    "The arrays that were given are changed by -=. Begin with copies: W1.copy(), and so on.",
    "parameters = [W1.copy(), b1.copy(), W2.copy(), b2.copy()]",
    "parameters = [W1, b1, W2, b2]",
    hint="What does -= do to the array that the caller still holds?",
)
task.mistake(
    "parameters never move",
    "parameter = parameter - ... gives the name a new array and leaves the one in the list as it was. Use -=, or put "
    "the new array into the list.",
    "parameter -= learning_rate * gradient",
    "parameter = parameter - learning_rate * gradient",
    hint="Are the parameters after the last step those of the first?",
)
# END HIDDEN TESTS

# %% [markdown]
# When the checks are green, run `learns(0)`. A network that you wrote down to the last derivative reads handwriting.
#
# ## Task 3.1: batch normalization, forward (3 points)
#
# Deep networks train faster if the inputs of each layer stay in range. Batch normalization sees to that. In training it
# subtracts from each column its mean over the batch and divides it by its standard deviation, and then lets the network
# choose scale and offset, `gamma` and `beta`:
#
#     xhat = (x - mean) / sqrt(var + eps)        out = gamma * xhat + beta
#
# `var` is the mean squared distance from the mean, divided by N and not by N - 1.
#
# When the network is used, there may be no batch: one image must not depend on its neighbours. So training also keeps
# running averages, and those are used instead of `mean` and `var` when `training` is False:
#
#     new average = momentum * old average + (1 - momentum) * that of this batch
#
# (PyTorch's `momentum` is 1 minus this one, a difference that has cost many people an afternoon.) Return new arrays for
# the averages, also when they do not change.


# %%
def batch_norm(X, gamma, beta, running_mean, running_var, momentum, eps, training):
    """Return the output and the two running averages after this batch."""
    # BEGIN SOLUTION
    if training:
        mean, var = X.mean(axis=0), X.var(axis=0)
        running_mean = momentum * running_mean + (1 - momentum) * mean
        running_var = momentum * running_var + (1 - momentum) * var
    else:
        mean, var = running_mean, running_var
    return gamma * (X - mean) / np.sqrt(var + eps) + beta, running_mean.copy(), running_var.copy()
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("3.1", "batch normalization, forward", points=3)
names = ["out", "running_mean", "running_var"]
columns = (np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 40.0]]), np.array([1.0, 2.0]), np.array([0.0, -1.0]))
averages = (np.array([1.0, -1.0]), np.array([1.0, 4.0]))
task.check(batch_norm, (*columns, *averages, 0.9, 1e-5, True), name="training", outputs=names, may_write=False)
task.check(batch_norm, (*columns, *averages, 0.9, 1e-5, False), name="in use", outputs=names, may_write=False)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    batch_norm,
    lambda rng: (
        *(rng.standard_normal(shape) for shape in [(6, 4), (4,), (4,), (4,)]), rng.random(4) + 0.5, 0.8, 0.1, True,
    ),
    name="training, large eps",
    outputs=names,
    may_write=False,
)  # fmt: skip
task.check(
    batch_norm,
    lambda rng: (
        *(rng.standard_normal(shape) for shape in [(1, 4), (4,), (4,), (4,)]), rng.random(4) + 0.5, 0.8, 1e-5, False,
    ),
    name="one example in use",
    outputs=names,
    may_write=False,
)  # fmt: skip
task.mistake(
    "divided by N - 1",
    "The variance is divided by N - 1 (ddof=1). Batch normalization divides by N.",
    "X.var(axis=0)",
    "X.var(axis=0, ddof=1)",
    hint="Compute the variance of 1, 3, 5 by hand.",
)
task.mistake(
    "momentum the other way",
    "The batch gets the weight momentum, and the old average the rest. It is the other way round, as in the formula.",
    """
    running_mean = momentum * running_mean + (1 - momentum) * mean
    running_var = momentum * running_var + (1 - momentum) * var
    """,
    """
    running_mean = (1 - momentum) * running_mean + momentum * mean
    running_var = (1 - momentum) * running_var + momentum * var
    """,
    hint="With a momentum of 0.9, which of the two changes slowly?",
)
task.mistake(
    "average of the standard deviation",
    "running_var averages standard deviations. It must average variances: the root is taken when it is used.",
    "running_var = momentum * running_var + (1 - momentum) * var",
    "running_var = momentum * running_var + (1 - momentum) * np.sqrt(var)",
    hint="Of what is running_var the average?",
)
task.mistake(
    "batch statistics in use",
    "In use the statistics of the batch are taken. One example would then be 0 in every column: take the running ones.",
    "mean, var = running_mean, running_var",
    "mean, var = X.mean(axis=0), X.var(axis=0)",
    hint="What does your layer make of a batch of one example?",
)
task.mistake(
    "statistics of the rows",
    "Mean and variance are taken over the columns of each example (axis 1): that is layer normalization.",
    "mean, var = X.mean(axis=0), X.var(axis=0)",
    """mean, var = X.mean(axis=1, keepdims=True), X.var(axis=1, keepdims=True)""",
    hint="Which axis is the batch?",
)
task.mistake(
    "eps outside of the root",
    "eps is added to the root. It belongs under it, to the variance.",
    "np.sqrt(var + eps)",
    "(np.sqrt(var) + eps)",
    hint="Look at the place of eps.",
)
task.mistake(
    "divided by the variance",
    "X is divided by the variance. Divide by its root, or the columns do not get a spread of 1.",
    "np.sqrt(var + eps)",
    "(var + eps)",
    hint="In which unit is a variance, if x is in metres?",
)
task.mistake(
    "averages normalized with",
    "In training the running averages normalize the batch. They are for later; training uses the batch's own.",
    "running_var = momentum * running_var + (1 - momentum) * var",
    "running_var = momentum * running_var + (1 - momentum) * var\n        mean, var = running_mean, running_var",
    hint="After normalization, what are mean and variance of a column of a training batch?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 3.2: batch normalization, backward (4 points)
#
# The hard one, and the one to be proud of. `X[n, j]` reaches the output on three roads: directly, through the mean of
# its column, and through the variance of its column. The gradient has three contributions.
#
# Do it step by step: name each intermediate result of the forward pass, and answer each line in reverse order. Or do it
# on paper and get a formula of one line. In training only.


# %%
def batch_norm_loss(X, gamma, beta, dout, eps):
    """Given: a loss whose gradient with respect to the output is dout."""
    mu = X.mean(axis=0)
    centred = X - mu
    variance = (centred**2).mean(axis=0)
    xhat = centred / np.sqrt(variance + eps)
    return ((xhat * gamma + beta) * dout).sum()


def batch_norm_backward(X, gamma, beta, dout, eps):
    """Return dX, dgamma and dbeta."""
    # BEGIN SOLUTION
    std = np.sqrt(X.var(axis=0) + eps)
    xhat = (X - X.mean(axis=0)) / std
    dxhat = dout * gamma
    dX = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std
    return dX, (dout * xhat).sum(axis=0), dout.sum(axis=0)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("3.2", "batch normalization, backward", points=4)
names = ["dX", "dgamma", "dbeta"]
task.check(
    batch_norm_backward,
    (
        np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 40.0]]),
        np.array([1.0, 2.0]),
        np.array([0.0, -1.0]),
        np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, 1.0]]),
        1e-5,
    ),
    name="three examples",
    outputs=names,
    gradient_of=batch_norm_loss,
    wrt=[0, 1, 2],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    batch_norm_backward,
    lambda rng: (*(rng.standard_normal(shape) for shape in [(6, 4), (4,), (4,), (6, 4)]), 0.1),
    name="large eps",
    outputs=names,
    gradient_of=batch_norm_loss,
    wrt=[0, 1, 2],
)
task.mistake(
    "mean is a constant",
    "The mean is treated as a constant, but it depends on every X of its column.",
    "dxhat - dxhat.mean(axis=0) - xhat",
    "dxhat - xhat",
    hint="On how many roads does X reach the output?",
)
task.mistake(
    "variance is a constant",
    "The variance is treated as a constant, but it depends on every X of its column.",
    "dX = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std",
    "dX = (dxhat - dxhat.mean(axis=0)) / std",
    hint="On how many roads does X reach the output?",
)
task.mistake(
    "both are constants",
    "Mean and variance are treated as constants. Both depend on every X of their column.",
    "dX = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std",
    "dX = dxhat / std",
    hint="Add 1 to a whole column of X: does the output change? What does your dX say to that?",
)
task.mistake(
    "sums for means",
    "The mean passes dout / N back to each example. The 1/N is missing in both corrections.",
    "dX = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std",
    "dX = (dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).sum(axis=0)) / std",
    hint="By what is the sum divided in a mean, and does that come back?",
)
task.mistake(
    "dgamma with X",
    "dgamma multiplies dout by X. What gamma is multiplied by is xhat.",
    "(dout * xhat).sum(axis=0)",
    "(dout * X).sum(axis=0)",
    hint="By what is gamma multiplied in the forward pass?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 4: dropout (2 points)
#
# In training, dropout sets each number to 0 with probability `p`, so that no unit relies on another one. To keep the
# expected value what it was, the survivors are divided by what is the probability to survive. Then nothing needs to be
# done when the network is used. `u` holds uniform random numbers between 0 and 1; drop where `u < p`.
#
# Return the output and `dX` for a given `dout`: backward, the same numbers are dropped.


# %%
def dropout_loss(X, dout, u, p):
    """Given: a loss whose gradient with respect to the output is dout."""
    factor = np.where(u < p, 0.0, 1.0 / (1.0 - p))
    return (X * factor * dout).sum()


def dropout(X, dout, u, p, training):
    """Return the output, and dX."""
    # BEGIN SOLUTION
    if not training:
        return X.copy(), dout.copy()
    mask = (u >= p) / (1 - p)
    return X * mask, dout * mask
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("4", "dropout", points=2)
numbers = (np.array([[1.0, -2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [-1.0, 2.0]]))
task.check(dropout, (*numbers, np.array([[0.1, 0.9], [0.3, 0.2]]), 0.2, True), name="training", outputs=["out", "dX"])
task.check(dropout, (*numbers, np.array([[0.1, 0.9], [0.3, 0.2]]), 0.2, False), name="in use", outputs=["out", "dX"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    dropout,
    lambda rng: (*(rng.standard_normal((4, 5)) for _ in range(2)), rng.random((4, 5)), 0.6, True),
    name="training, p = 0.6",
    outputs=["out", "dX"],
)
task.mistake(
    "survivors not scaled",
    "The survivors are not divided by 1 - p: the output is too small on average.",
    "mask = (u >= p) / (1 - p)",
    "mask = (u >= p) * 1.0",
    hint="Average the output over many u: is it X?",
)
task.mistake(
    "kept and dropped swapped",
    "What should be dropped is kept, and the rest is dropped.",
    "mask = (u >= p) / (1 - p)",
    "mask = (u < p) / p",
    hint="With p = 0.2, how many of 100 numbers should survive?",
)
task.mistake(
    "divided by p",
    "The survivors are divided by p, the probability to be dropped. They survive with probability 1 - p.",
    "mask = (u >= p) / (1 - p)",
    "mask = (u >= p) / p",
    hint="Average the output over many u: is it X?",
)
task.mistake(
    "multiplied for divided",
    "The survivors are multiplied by 1 - p. They must be divided by it, so that the average stays what it was.",
    "mask = (u >= p) / (1 - p)",
    "mask = (u >= p) * (1 - p)",
    hint="Average the output over many u: is it X?",
)
task.mistake(
    "all of the gradient passes",
    "The gradient is not masked. A number that was dropped does not reach the loss, so it gets 0.",
    "return X * mask, dout * mask",
    "return X * mask, dout",
    hint="Does the loss change with a number that was dropped?",
)
task.mistake(
    "gradient not scaled",
    "The gradient is masked but not divided by 1 - p, as the output was.",
    "return X * mask, dout * mask",
    "return X * mask, dout * (mask > 0)",
    hint="By how much does the output change if a number that survives changes by 1?",
)
task.mistake(
    "scaled in use",
    "In use the output is multiplied by 1 - p. That belongs to the form that does not divide in training.",
    "return X.copy(), dout.copy()",
    "return X * (1 - p), dout * (1 - p)",
    hint="What did the division in training save us?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 5: in your words (2 points)
#
# In each column, the numbers of your `dX` of batch normalization add up to 0. Why must that be so, whatever `dout` is?
# Two or three sentences, no formulas needed.

# %% [markdown]
# BEGIN SOLUTION
# Adding the same number to a whole column moves its mean by that number, and the layer subtracts the mean, so the
# output stays what it was. The loss cannot change in that direction, and the change in that direction is the sum of the
# column of dX: it is 0.
# END SOLUTION

# %%
# BEGIN TESTS
task = assignment.task("5", "in your words", points=2)
task.rubric(
    "Why do the columns of dX add up to 0?",
    {"the output does not change when a constant is added to a column": 1, "so the sum of the gradients is 0": 1},
    samples=[
        "The layer subtracts the mean, so shifting a column changes nothing. The derivative in the direction (1, …, 1) "
        "is the sum of the column of dX, and it must be 0.",
    ],
)
# END TESTS
