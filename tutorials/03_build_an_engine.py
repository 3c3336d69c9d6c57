# %% [markdown]
# # Build your own engine
#
# Nothing in the first two lessons was magic, and this one proves it: you write the engine yourself,
# in sixty lines of plain Python. It records what is computed, walks back through the record, and
# adds up gradients. Then you train a small network with it, compare every number with
# `minigrad.Value`, and break it in three ways that are worth knowing.
#
# **You will know** what an operation has to remember, why the order of the backward pass is part of
# the algorithm, and what separates a toy engine from one that you would use.
#
# Before it: [One number](01_one_number.py) and [Step through it](02_step_through.py). Run the cells
# one by one, or all at once: `python tutorials/03_build_an_engine.py`. Every number in the text is
# checked by an `assert` beside it.

# %%
import math
import random
from pathlib import Path

from minigrad import Value
from minigrad.course.lessons import show

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")


# %% [markdown]
# ## A number that remembers
#
# A `Number` holds a value, and two things that a plain float does not: the numbers that it was made
# from, and the local derivative with respect to each of them. That is all an operation has to
# remember. `grad` is where its gradient will be added up.


# %%
class Number:
    """A number that remembers what it was made from."""

    def __init__(self, data, inputs=(), derivatives=()):
        self.data = data
        self.grad = 0.0
        self.inputs = inputs
        self.derivatives = derivatives

    def __add__(self, other):
        other = number(other)
        return Number(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = number(other)
        return Number(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n):
        return Number(self.data**n, (self,), (n * self.data ** (n - 1),))

    def tanh(self):
        y = math.tanh(self.data)
        return Number(y, (self,), (1 - y * y,))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -number(other)

    def __truediv__(self, other):
        return self * number(other) ** -1

    __radd__, __rmul__ = __add__, __mul__


def number(x):
    """Turn a float into a Number that was made from nothing."""
    return x if isinstance(x, Number) else Number(x)


# %% [markdown]
# Only four operations have their own derivative. The rest are written with those four, and
# their derivatives follow: `a / b` is `a * b**-1`, so its derivative with respect to `b` comes out
# as `-a / b**2` without anybody having said so.
#
# ## The way back
#
# The backward pass needs the numbers in an order in which everything that uses a number comes
# before the number itself. Recursion gives it from behind: put a number on the list *after* all of
# its inputs, and read the list backwards. Each number is visited once, which is what `seen` is for.


# %%
def in_order(end):
    """List all numbers that `end` was made from: inputs first, `end` last."""
    order, seen = [], set()

    def visit(n):
        if n not in seen:
            seen.add(n)
            for i in n.inputs:
                visit(i)
            order.append(n)

    visit(end)
    return order


def backward(end):
    """Add d end / d n to the grad of every number n that `end` was made from."""
    end.grad = 1.0
    for n in reversed(in_order(end)):
        for i, derivative in zip(n.inputs, n.derivatives):
            i.grad += n.grad * derivative


# %% [markdown]
# That is the engine. The line `i.grad += n.grad * derivative` is the chain rule; the `+=` is there
# since a number may be used more than once; and the order makes sure that `n.grad` is complete when
# it is passed on.

# %%
p, q, r = Number(2.0), Number(-3.0), Number(10.0)
t = p * q + r
loss = t * t
backward(loss)
print(f"loss {loss.data:g}, dp {p.grad:g}, dq {q.grad:g}, dr {r.grad:g}")
assert (loss.data, p.grad, q.grad, r.grad) == (16.0, -24.0, 16.0, 8.0)

# %% [markdown]
# The numbers of the first lesson.
#
# ## The same as `Value`?
#
# `minigrad.Value` has the same operators, so the same function runs on both. Here are a thousand
# random formulas, each with four inputs and twelve operations; the gradients must agree.


# %%
def formula(inputs, rng):
    """A random formula of the inputs: each line combines two of the results so far."""
    results = list(inputs)
    for _ in range(12):
        a, b = rng.choice(results), rng.choice(results)
        results.append(rng.choice([a + b, a * b, a - b, a.tanh(), (a * b).tanh()]))
    return sum((n.tanh() for n in results[4:]), results[0])


worst = 0.0
for seed in range(1000):
    rng = random.Random(seed)
    start = [rng.uniform(-1, 1) for _ in range(4)]
    mine = [Number(s) for s in start]
    backward(formula(mine, random.Random(seed)))
    theirs = [Value(s) for s in start]
    formula(theirs, random.Random(seed)).backward()
    worst = max([worst, *(abs(m.grad - v.grad) / (1 + abs(v.grad)) for m, v in zip(mine, theirs))])
print(f"the largest difference in 4,000 gradients is {worst:.0e}")
assert worst < 1e-12

# %% [markdown]
# ## It trains
#
# Four points that no straight line separates: the class is +1 where the two inputs differ. A network
# with four hidden neurons learns it. This is the lecture's loop on sixty lines of your own.


# %%
def neuron(weights, inputs):
    """tanh of the weighted sum; the last weight is the bias."""
    total = weights[-1]
    for w, i in zip(weights, inputs):
        total = total + w * i
    return total.tanh()


points = [((-1.0, -1.0), -1.0), ((-1.0, 1.0), 1.0), ((1.0, -1.0), 1.0), ((1.0, 1.0), -1.0)]
rng = random.Random(1)
hidden = [[Number(rng.uniform(-1, 1)) for _ in range(3)] for _ in range(4)]
last = [Number(rng.uniform(-1, 1)) for _ in range(5)]
parameters = [w for weights in [*hidden, last] for w in weights]


def loss_of(hidden, last):
    """The mean squared error over the four points."""
    total = 0.0
    for inputs, target in points:
        output = neuron(last, [neuron(weights, inputs) for weights in hidden])
        total = total + (output - target) ** 2
    return total * (1 / len(points))


losses = []
for _ in range(200):
    loss = loss_of(hidden, last)
    for w in parameters:
        w.grad = 0.0
    backward(loss)
    for w in parameters:
        w.data += -0.3 * w.grad
    losses.append(loss.data)

outputs = [neuron(last, [neuron(w, inputs) for w in hidden]).data for inputs, _ in points]
print(f"{len(parameters)} parameters, loss {losses[0]:.2f} -> {losses[-1]:.3f}")
print("outputs", [round(y, 2) for y in outputs], "for", [target for _, target in points])
assert len(parameters) == 17 and losses[0] > 0.9 and losses[-1] < 0.05
assert all(y * target > 0.5 for y, (_, target) in zip(outputs, points))

# %% [markdown]
# Here is one hidden neuron of that network with its gradients, drawn by minigrad from the same
# numbers.

# %%
names = ["w1", "w2", "bias"]
w1, w2, bias = (Value(w.data, name=name) for w, name in zip(hidden[0], names))
x1, x2 = Value(-1.0, name="x1"), Value(1.0, name="x2")
h = (w1 * x1 + w2 * x2 + bias).tanh()
h.name = "h"
h.backward()
show(h, pictures / "one_neuron.svg")

# %% [markdown]
# ![The graph of one neuron: two products, two sums, and a tanh](pictures/one_neuron.svg)
#
# ## Break it: `=` for `+=`
#
# Predict before you run. With `i.grad = n.grad * derivative`, which of `p`, `q`, `r` in
# `loss = t * t` are wrong, and by which factor?
#
# <details><summary>Answer</summary>
#
# All three, by a factor of 2. `t` is used twice by the product, and the second contribution, 4,
# overwrites the first, 4, instead of being added to it. So `t.grad` is 4 and not 8, and everything
# that `t` was computed from inherits the error.
#
# </details>


# %%
def backward_that_overwrites(end):
    """As `backward`, with = for +=."""
    end.grad = 1.0
    for n in reversed(in_order(end)):
        for i, derivative in zip(n.inputs, n.derivatives):
            i.grad = n.grad * derivative


p, q, r = Number(2.0), Number(-3.0), Number(10.0)
t = p * q + r
backward_that_overwrites(t * t)
print("with =:", p.grad, q.grad, r.grad)
assert (p.grad, q.grad, r.grad) == (-12.0, 8.0, 4.0)

# %% [markdown]
# ## Break it: the wrong order
#
# Instead of the list, let each number pass its gradient on at once to its inputs, and let those go
# on by themselves. It is shorter. On which graphs is it right?
#
# <details><summary>Answer</summary>
#
# With `+=`, and if each call passes on only what has *just* arrived, it is right on every graph: it
# follows every path from the end to the inputs by itself. But the number of paths doubles with each
# doubling, so thirty lines of `b = b + b` take a billion steps. If instead each call passes
# on the *whole* gradient so far, which is what forgetting the order usually looks like, a number that
# is reached twice is counted too often.
#
# </details>


# %%
def backward_without_order(n):
    """Pass the whole gradient of `n` on as soon as a contribution to it arrives."""
    for i, derivative in zip(n.inputs, n.derivatives):
        i.grad += n.grad * derivative
        backward_without_order(i)


a = Number(1.0)
b = a + a
c = b + b  # c = 4 a
c.grad = 1.0
backward_without_order(c)
print("without an order: da =", a.grad)
assert a.grad == 6.0  # 2 when the first contribution to b arrived, 4 more when the second did

# %% [markdown]
# ## Break it: forget to clear
#
# `backward` adds to `grad`, so the loop above sets every `grad` to 0 first. Leave that out where the
# loss is `(w - 3)**2`, a valley with its floor at 3. Does `w` get there?
#
# <details><summary>Answer</summary>
#
# It gets there, and does not stay. Each step now uses the sum of all gradients so far: that is a ball
# that rolls without friction. It gains speed while the slope points the same way, shoots through the
# minimum, climbs the other side, and comes back, forever. You will meet the ball again, with friction,
# in the lesson on momentum.
#
# </details>


# %%
def descend(clear, steps=60):
    """Where w has been, going down (w - 3)**2 from 0."""
    w, path = Number(0.0), []
    for _ in range(steps):
        if clear:
            w.grad = 0.0
        backward((w - 3) ** 2)
        w.data += -0.1 * w.grad
        path.append(w.data)
    return path


cleared, not_cleared = descend(True), descend(False)
print(f"cleared: the last twenty are between {min(cleared[-20:]):.2f} and {max(cleared[-20:]):.2f}")
print(f"not cleared: between {min(not_cleared[-20:]):.2f} and {max(not_cleared[-20:]):.2f}")
assert all(abs(w - 3) < 0.01 for w in cleared[-20:])
assert min(not_cleared[-20:]) < 0.5 and max(not_cleared[-20:]) > 5.5

# %% [markdown]
# ## What is missing
#
# Sixty lines do what `Value` does. What do the others in minigrad do?
#
# - **Depth.** `visit` calls itself once for each step of a chain. Python allows about a thousand
#   nested calls.

# %%
long = Number(1.0)
for _ in range(5_000):
    long = long + 1.0
try:
    backward(long)
    raise AssertionError("this went deeper than Python allows")
except RecursionError:
    print("5,000 additions are too deep for visit")

deep = start = Value(1.0)
for _ in range(5_000):
    deep = deep + 1.0
deep.backward()
assert start.grad == 1.0

# %% [markdown]
# - **Derivatives of derivatives.** Your local derivatives are floats, so nothing is recorded about
#   them. minigrad keeps the formula, `1 - y * y`, and can evaluate it on floats, on arrays, or on
#   Values that record again.
# - **Arrays.** A network of 4,810 numbers makes a few hundred thousand Numbers in each step. The next
#   lesson puts whole arrays into one node.
# - **Mistakes.** Call `backward(loss)` twice without a new forward pass, and your engine passes gradients on
#   that it has passed on before. `p` would get -24 twice, and has -96 instead of -48. minigrad releases a graph
#   after its backward pass, and says so when it is asked again.

# %%
p, q, r = Number(2.0), Number(-3.0), Number(10.0)
t = p * q + r
loss = t * t
backward(loss)
backward(loss)
print("your engine, twice:", p.grad)
assert p.grad == -96.0

square = Value(4.0) ** 2
square.backward()
try:
    square.backward()
    raise AssertionError("this went through a graph that was released")
except RuntimeError as error:
    print("minigrad, twice:", error)

# %% [markdown]
# ## Experiment
#
# Give your engine an operation: ReLU, which is `x` where `x` is positive and 0 elsewhere. What is
# its local derivative, and what do you choose at exactly 0? Replace `tanh` in the network by it. Does
# it still train, and for which seeds?


# %%
def relu(x):
    """max(0, x), with the derivative 0 at 0, as the lecture and PyTorch have it."""
    return Number(max(0.0, x.data), (x,), (1.0 if x.data > 0 else 0.0,))


x = Number(-2.0)
y = relu(x * 3 + 7)
backward(y)
assert (y.data, x.grad) == (1.0, 3.0)

# %% [markdown]
# ## Exercises
#
# 1. Write `exp` and `log` for `Number`, and check them against `Value` as above.
# 2. Write down the derivative of the logistic function `s = 1 / (1 + exp(-x))` by hand. The cell
#    below has an attempt, and the checker says what is wrong with it. Fix the line that computes `dx`.

# %%
import numpy as np  # noqa: E402

from minigrad.autograd import check_gradient  # noqa: E402

x = np.array([-2.0, -0.5, 0.3, 1.7])
s = 1 / (1 + np.exp(-x))
dx = s * s  # change this line
report = check_gradient(lambda x: (1 / (1 + np.exp(-x))).sum(), x, dx)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [From numbers to tensors](04_tensors.py), where one node holds a whole array, and the only new
# question is what happens to shapes.
