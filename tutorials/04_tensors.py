# %% [markdown]
# # From numbers to tensors
#
# A layer of a network multiplies a matrix of inputs by a matrix of weights. As single numbers that
# is thousands of nodes; as arrays it is one. This lesson derives what goes back through an operation
# on arrays: first where each element is computed by itself, then where an array is stretched to fit
# another, and finally through a matrix product, where `dW = X.T @ dz` stops being a line to memorize.
#
# **You will know** why a gradient has the shape of its array, what broadcasting does backward, and how
# to derive the gradients of a layer from shapes and one sum.
#
# Before it: [Build your own engine](03_build_an_engine.py). You need NumPy's arrays. Run the cells one
# by one, or all at once: `python tutorials/04_tensors.py`. Every number in the text is checked by an
# `assert` beside it.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import Value
from minigrad.autograd import check_gradient
from minigrad.course.lessons import show

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")


# %% [markdown]
# ## One node for many numbers
#
# Square three numbers and add them up: as Values, and as one tensor.


# %%
def nodes(loss):
    """How many nodes the backward pass visits."""
    return sum(1 for _ in minigrad.walk(loss, retain_graph=True))


numbers = [Value(1.0), Value(-2.0), Value(3.0)]
loss = sum((n * n for n in numbers), Value(0.0))
of_values = nodes(loss)
loss.backward()
print("three Values:", [n.grad for n in numbers], "in", of_values, "nodes")

x = minigrad.tensor([1.0, -2.0, 3.0], dtype=minigrad.float64, requires_grad=True)
loss = (x * x).sum()
of_tensors = nodes(loss)
loss.backward()
print("one tensor:  ", x.grad.tolist(), "in", of_tensors, "nodes")
assert x.grad.tolist() == [n.grad for n in numbers] == [2.0, -4.0, 6.0]
assert (of_values, of_tensors) == (10, 3)

# %% [markdown]
# The gradient of `x` is an array of the same shape: its element i says how fast the loss grows with
# `x[i]`. That is true of every gradient in every framework, and it is the best check there is. If the
# shapes differ, the gradient is wrong.
#
# For an operation that treats each element by itself, the backward pass does so too: `dx = dy *
# derivative`, with `*` between arrays. Nothing is new there. What is new is what happens where elements meet.
#
# ## A sum spreads, a spread sums
#
# `total = x.sum()` uses each element once, with the derivative 1. So each element receives the whole
# upstream gradient: the backward pass of a sum *spreads*.
#
# What is the opposite of a sum? Using one number in many places. NumPy does that without being asked when
# it adds a bias to every row of a matrix. It is called **broadcasting**: `b` of shape (3,) is used for
# each of the 4 rows of `z`. In lesson 1 a number that is used twice received two contributions. Here
# `b[0]` is used four times, and receives four: the backward pass of a spread *sums*.

# %%
z = np.arange(12.0).reshape(4, 3)
b = np.array([10.0, 20.0, 30.0])
dy = np.array([[1.0, 0, 2], [0, 1, 0], [3, 0, 0], [1, 1, 1]])  # some upstream gradient of y = z + b

db = dy.sum(axis=0)
print("y has shape", (z + b).shape, "and db is", db)
assert db.shape == b.shape and db.tolist() == [5.0, 2.0, 3.0]
assert check_gradient(lambda b: ((z + b) * dy).sum(), b, db)

# %% [markdown]
# The rule in one sentence: **sum over every axis along which the array was repeated.** There are two
# kinds of such axes: those that the array does not have at all, and those where it has length 1.


# %%
def unbroadcast(gradient, shape):
    """Sum a gradient over the axes along which an array of this shape was repeated."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    ones = tuple(i for i, n in enumerate(shape) if n == 1)
    return gradient.sum(axis=ones, keepdims=True)


rng = np.random.default_rng(0)
for shape in [(3,), (4, 1), (1, 3), (1,), (), (4, 3)]:
    b = minigrad.tensor(rng.standard_normal(shape), requires_grad=True)
    (minigrad.tensor(z) * b * minigrad.tensor(dy)).sum().backward()
    mine = unbroadcast(z * dy, shape)
    print(f"b of shape {shape!s:6} times z of shape {z.shape}: db has shape {mine.shape}")
    assert mine.shape == shape and np.allclose(mine, b.grad.numpy())

# %% [markdown]
# ## A question
#
# `x` has shape (5,) and `y` has shape (5, 1). You compute `loss = ((x - y) ** 2).mean()`, since `y`
# came out of a network with one output and `x` is the target. There is no error. What is wrong, and
# what does `dy` look like?
#
# <details><summary>Answer</summary>
#
# `x - y` has shape (5, 5): every target is compared with every output. The gradient of each output is
# the sum over all targets, so every output is pulled toward the *mean* target. The loss falls for a
# while and then stays at the variance of the targets. This is one of the most expensive mistakes in
# practice, because nothing fails. Look at shapes before you look at anything else.
#
# </details>

# %%
target = minigrad.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
output = np.zeros((5, 1))
for _ in range(100):
    y = minigrad.tensor(output, requires_grad=True)
    loss = ((target - y) ** 2).mean()
    loss.backward()
    output += -0.5 * y.grad.numpy()
print("outputs:", output.ravel().round(3), "loss:", round(loss.item(), 3))
assert np.allclose(output, 3.0, atol=1e-2)  # the mean of the targets
assert abs(loss.item() - np.var([1, 2, 3, 4, 5])) < 1e-3

# %% [markdown]
# ## The matrix product
#
# A layer computes `z = X @ W`. Each row of `X` is an example; each column of `W` is a neuron. Given
# `dz`, how fast the loss grows with each element of `z`, what are `dX` and `dW`?
#
# Write out one element, and the rest follows:
#
#     z[n, k] = sum over j of X[n, j] * W[j, k]
#
# Where does `W[j, k]` appear? In `z[n, k]` for every example n, each time with the factor `X[n, j]`.
# The chain rule adds up what comes back from all of them:
#
#     dW[j, k] = sum over n of X[n, j] * dz[n, k]
#
# A sum over the *first* index of both is a matrix product with the first one transposed:
# `dW = X.T @ dz`. In the same way `X[n, j]` appears in `z[n, k]` for every neuron k, with the factor
# `W[j, k]`, so `dX = dz @ W.T`.

# %%
X = rng.standard_normal((4, 3))  # 4 examples, 3 features
W = rng.standard_normal((3, 2))  # 2 neurons
dz = rng.standard_normal((4, 2))

dW = X.T @ dz
dX = dz @ W.T
assert dW.shape == W.shape and dX.shape == X.shape
assert check_gradient(lambda W: ((X @ W) * dz).sum(), W, dW)
assert check_gradient(lambda X: ((X @ W) * dz).sum(), X, dX)

slow = np.zeros_like(W)
for n in range(4):
    for j in range(3):
        for k in range(2):
            slow[j, k] += X[n, j] * dz[n, k]  # += : used once for each example
assert np.allclose(slow, dW)

# %% [markdown]
# You do not need to remember which one is transposed. `dW` must have shape (3, 2), and there is only
# one way to get that from `X` of shape (4, 3) and `dz` of shape (4, 2): `X.T @ dz`. The sum over the
# four examples is inside the product. It is the `+=` of lesson 1 once more.
#
# minigrad's layer, `nn.Linear`, stores its weight as PyTorch does, with a *row* for each neuron. It computes
# `z = X @ W.T + b`, and the same reasoning gives `dW = dz.T @ X`. You met this form in lesson 2, and will meet
# it in the programs that minigrad writes.

# %%
W_rows = W.T  # (2, 3): a row for each neuron
assert check_gradient(lambda W: ((X @ W.T) * dz).sum(), W_rows, dz.T @ X)

# %% [markdown]
# ## The whole layer
#
# Here is a layer with its bias and a ReLU, forward and backward by hand. Then ask minigrad twice:
# for the numbers, and for the program.

# %%
b = rng.standard_normal(2)
z = X @ W + b
h = np.maximum(0, z)
loss = (h**2).sum()

dh = 2 * h
dz = dh * (z > 0)
dW = X.T @ dz
db = dz.sum(axis=0)

X = minigrad.tensor(X)
W = minigrad.tensor(W, requires_grad=True)
b = minigrad.tensor(b, requires_grad=True)
h = (X @ W + b).relu()
loss = (h**2).sum()
program = minigrad.source(loss)
show(loss, pictures / "one_layer.svg")
loss.backward()
assert np.allclose(W.grad.numpy(), dW) and np.allclose(b.grad.numpy(), db)
print(program)

# %% [markdown]
# ![The graph of a layer: a product, a bias, a ReLU, a square and a sum](pictures/one_layer.svg)
#
# `source` wrote the same lines that you did. In the picture a box shows the shape of its array and its
# range, since the numbers no longer fit.
#
# ## Experiment
#
# How long does it take to train the layer number by number? Time the two versions below, then make
# `n` larger. Guess first: by which factor does the time of each grow when `n` doubles?

# %%
import time  # noqa: E402

n = 20  # change this
rows, columns = rng.standard_normal((n, n)), rng.standard_normal((n, n))

began = time.perf_counter()
values = [[Value(v) for v in row] for row in columns.tolist()]
total = Value(0.0)
for row in rows.tolist():
    for k in range(n):
        z_nk = Value(0.0)
        for j in range(n):
            z_nk = z_nk + values[j][k] * row[j]
        total = total + z_nk.tanh()
total.backward()
as_numbers = time.perf_counter() - began

began = time.perf_counter()
weights = minigrad.tensor(columns, requires_grad=True)
(minigrad.tensor(rows) @ weights).tanh().sum().backward()
as_arrays = time.perf_counter() - began
print(f"{n} x {n}: {as_numbers * 1e3:.1f} ms as numbers, {as_arrays * 1e3:.2f} ms as arrays")
assert np.allclose(weights.grad.numpy(), [[v.grad for v in row] for row in values])

# %% [markdown]
# ## A question
#
# The arrays do the same number of multiplications. Where does the time of the numbers go?
#
# <details><summary>Answer</summary>
#
# Into everything but the multiplications: a Python object, a call, and a node for each of them. With
# arrays there is one node for 8,000 products, and a loop in compiled code. The number of products
# grows by 8 when `n` doubles, for both; but at this size the arrays' time is nearly all overhead, so
# it hardly grows at first.
#
# </details>
#
# ## Exercises
#
# 1. Derive what goes back through `y = x.mean(axis=0)`. The attempt below forgets something; the
#    checker says what. Fix it.
# 2. Derive `dA` and `dB` for `C = A @ B.T`, from the shapes first, then from the sum.
# 3. `y = x / x.sum(axis=1, keepdims=True)` uses `x` in two places. How many contributions arrive, and
#    which shapes do they have before and after `unbroadcast`?

# %%
x = rng.standard_normal((4, 3))
dy = rng.standard_normal(3)
dx = np.broadcast_to(dy, x.shape)  # change this line
report = check_gradient(lambda x: (x.mean(axis=0) * dy).sum(), x, dx)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [Softmax and cross-entropy](05_softmax.py), the loss of nearly every classifier, derived.
