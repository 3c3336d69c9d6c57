# %% [markdown]
# # Build a scalar engine
#
# Deep learning runs on one trick: write down how the loss is computed, and get its derivative with respect to every
# number in it for about the price of computing it twice. You build the machine that does this, for single numbers:
# seven operations, an ordering, and a loop of three lines. Then you check it against differences, train with it, and
# compare it with `minigrad.Value`, which does the same.
#
# It takes about two hours. You need Python and the chain rule. NumPy is used for the checks only.
#
# ## A number that remembers
#
# A `Number` holds a value, `data`, and remembers how it was made: the Numbers that it was made from, `inputs`, and a
# function, `vjp`. Suppose that the loss changes by `g` if this number changes by 1: `g` is the gradient of the loss
# with respect to it. Then `vjp(g)` returns what that contributes to the gradient of each input, as a tuple with one
# entry for each. (The name is short for *vector-Jacobian product*. Here, with single numbers, it is `g` times a
# derivative.)
#
# Read the class. The operators at its end call functions that you write below, so `a * b + 1` works as soon as they
# do.

# %%
import math
import random

import numpy as np

from minigrad import Value


class Number:
    """A number that remembers what it was made from."""

    def __init__(self, data, inputs=(), vjp=None):
        self.data = float(data)
        self.inputs = tuple(inputs)
        self.vjp = vjp
        self.grad = 0.0

    def __repr__(self):
        return f"Number({self.data:g}, grad={self.grad:g})"

    def __add__(self, other):
        return add(self, number(other))

    def __mul__(self, other):
        return mul(self, number(other))

    def __pow__(self, n):
        return power(self, n)

    def __neg__(self):
        return neg(self)

    def __sub__(self, other):
        return sub(self, number(other))

    def __rsub__(self, other):
        return sub(number(other), self)

    def __truediv__(self, other):
        return div(self, number(other))

    __radd__, __rmul__ = __add__, __mul__


def number(x):
    """Return x as a Number; a plain float becomes one that was made from nothing."""
    return x if isinstance(x, Number) else Number(x)


# %% [markdown]
# Here is an operation to show the form, a bowl: `f = (a - 3)**2 + 10 * (b + 1)**2`. It computes its value, and
# defines what goes back: `g` times the derivative of `f` with respect to `a`, and `g` times that with respect to
# `b`.


# %%
def bowl(a, b):
    """Return (a - 3)**2 + 10 (b + 1)**2, an operation with two inputs."""

    def vjp(g):
        return g * 2 * (a.data - 3), g * 20 * (b.data + 1)

    return Number((a.data - 3) ** 2 + 10 * (b.data + 1) ** 2, (a, b), vjp)


def look_at(operation, data, g, *settings):
    """Return the value of an operation on some numbers, and what it contributes to each of them."""
    inputs = [Number(x) for x in data]
    output = operation(*inputs, *settings)
    if not isinstance(output, Number):
        raise TypeError(f"the operation must return a Number, got {type(output).__name__}")
    if len(output.inputs) != len(inputs) or any(a is not b for a, b in zip(output.inputs, inputs)):
        raise ValueError(f"its inputs must be the Numbers that it was called with ({len(inputs)}), in their order")
    contributions = output.vjp(g)
    if not isinstance(contributions, tuple) or len(contributions) != len(inputs):
        raise ValueError(f"vjp(g) must return a tuple of {len(inputs)}: (x,) is a tuple of one, (x) is a number")
    return output.data, *contributions


print(look_at(bowl, [1.0, 0.0], 1.0))

# %% [markdown]
# The checks look at your operations in the same way. Run them in the cells, or all at once with
# `python -m minigrad course check a1_scalar_engine.py`; with `--cause` they also say the cause of a mistake that they
# know.

# %%
# BEGIN TESTS
from minigrad.course import Assignment

assignment = Assignment("Build a scalar engine", causes="on request")
# END TESTS

# %% [markdown]
# # Part 1: operations
#
# ## Task 1.1: sum and product (2 points)
#
# Write both in the form of `bowl`. For the product, ask: if `a` grows by a little, by how much does `a * b` grow?


# %%
def add(a, b):
    """Return a + b, a Number made from a and b."""
    # BEGIN SOLUTION
    return Number(a.data + b.data, (a, b), lambda g: (g, g))
    # END SOLUTION


def mul(a, b):
    """Return a * b, a Number made from a and b."""
    # BEGIN SOLUTION
    return Number(a.data * b.data, (a, b), lambda g: (g * b.data, g * a.data))
    # END SOLUTION


def look_at_add(a, b, g):
    """Return the value of your sum, and what goes back."""
    return look_at(add, [a, b], g)


def look_at_mul(a, b, g):
    """Return the value of your product, and what goes back."""
    return look_at(mul, [a, b], g)


# %%
# BEGIN TESTS
task = assignment.task("1.1", "sum and product", points=2)
task.check(look_at_add, (2.0, -3.0, 10.0), name="2 + -3", outputs=["the value", "what goes to a", "what goes to b"])
task.check(look_at_mul, (2.0, -3.0, 10.0), name="2 * -3", outputs=["the value", "what goes to a", "what goes to b"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    look_at_add, (0.5, 0.25, -2.0), name="another sum", outputs=["the value", "what goes to a", "what goes to b"]
)
task.check(look_at_mul, (0.5, 4.0, -2.0), name="a product", outputs=["the value", "what goes to a", "what goes to b"])
task.mistake(
    "factors swapped",
    "What goes back to a factor is g times the other factor.",
    "(g * b.data, g * a.data)",
    "(g * a.data, g * b.data)",
    hint="Let a be 0 and b be 5. If a grows by 1, by how much does a * b grow?",
)
task.mistake(
    "g forgotten",
    "These are the derivatives of the product alone. The chain rule multiplies each by g.",
    "(g * b.data, g * a.data)",
    "(b.data, a.data)",
    hint="What is g for?",
)
task.mistake(
    "the sum passes 1",
    "1 is the derivative of the sum alone. The chain rule multiplies it by g.",
    "lambda g: (g, g)",
    "lambda g: (1.0, 1.0)",
    hint="What is g for?",
)
task.mistake(
    "the sum passes its inputs",
    "A sum contributes g times 1 to each input, whatever the inputs are.",
    "lambda g: (g, g)",
    "lambda g: (g * a.data, g * b.data)",
    hint="If a grows by 1, by how much does a + b grow?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.2: power (1 point)
#
# The exponent `n` is a plain number and no Number, so this operation has one input.


# %%
def power(a, n):
    """Return a**n, a Number made from a."""
    # BEGIN SOLUTION
    return Number(a.data**n, (a,), lambda g: (g * n * a.data ** (n - 1),))
    # END SOLUTION


def look_at_power(a, n, g):
    """Return the value of your power, and what goes back."""
    return look_at(power, [a], g, n)


# %%
# BEGIN TESTS
task = assignment.task("1.2", "power", points=1)
task.check(look_at_power, (2.0, 3, 10.0), name="2**3", outputs=["the value", "what goes to a"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(look_at_power, (4.0, -1, 3.0), name="4**-1", outputs=["the value", "what goes to a"])
task.check(look_at_power, (2.25, 0.5, -1.0), name="a root", outputs=["the value", "what goes to a"])
task.mistake(
    "exponent kept",
    "The exponent goes down by one in the derivative: n * a**(n - 1).",
    "a.data ** (n - 1)",
    "a.data**n",
    hint="What is the derivative of the square?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.3: four functions (4 points)
#
# `math` has `exp`, `log` (the natural logarithm) and `tanh`. ReLU is `a` where `a` is positive, and 0 elsewhere;
# where `a` is exactly 0, let nothing go back. Two of the four derivatives are cheapest in terms of the *output*,
# which you have just computed.


# %%
def exp(a):
    """Return e**a, a Number made from a."""
    # BEGIN SOLUTION
    y = math.exp(a.data)
    return Number(y, (a,), lambda g: (g * y,))
    # END SOLUTION


def log(a):
    """Return the natural logarithm of a, a Number made from a."""
    # BEGIN SOLUTION
    return Number(math.log(a.data), (a,), lambda g: (g / a.data,))
    # END SOLUTION


def tanh(a):
    """Return the hyperbolic tangent of a, a Number made from a."""
    # BEGIN SOLUTION
    y = math.tanh(a.data)
    return Number(y, (a,), lambda g: (g * (1 - y * y),))
    # END SOLUTION


def relu(a):
    """Return a if it is positive, otherwise 0; a Number made from a."""
    # BEGIN SOLUTION
    return Number(max(a.data, 0.0), (a,), lambda g: (g if a.data > 0 else 0.0,))
    # END SOLUTION


def look_at_exp(a, g):
    """Return the value of your exp, and what goes back."""
    return look_at(exp, [a], g)


def look_at_log(a, g):
    """Return the value of your log, and what goes back."""
    return look_at(log, [a], g)


def look_at_tanh(a, g):
    """Return the value of your tanh, and what goes back."""
    return look_at(tanh, [a], g)


def look_at_relu(values, gradients):
    """Return the values of your ReLU, and what goes back."""
    return tuple(np.array([look_at(relu, [a], g) for a, g in zip(values, gradients)]).T)


# %%
# BEGIN TESTS
task = assignment.task("1.3", "four functions", points=4)
task.check(look_at_exp, (0.5, 10.0), name="exp", outputs=["the value", "what goes to a"])
task.check(look_at_log, (4.0, 10.0), name="log", outputs=["the value", "what goes to a"])
task.check(look_at_tanh, (0.5, 10.0), name="tanh", outputs=["the value", "what goes to a"])
task.check(look_at_relu, ([2.0, -3.0, 0.5], [10.0, 20.0, -5.0]), name="relu", outputs=["the value", "what goes back"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(look_at_exp, (-1.5, -2.0), name="another exp", outputs=["the value", "what goes to a"])
task.check(look_at_log, (0.25, -2.0), name="another log", outputs=["the value", "what goes to a"])
task.check(look_at_tanh, (-1.5, -2.0), name="another tanh", outputs=["the value", "what goes to a"])
task.check(
    look_at_relu, ([0.0, -0.0, -1.0], [3.0, 3.0, 3.0]), name="relu at 0", outputs=["the value", "what goes back"]
)
task.mistake(
    "1 - x**2",
    "The derivative of tanh is 1 - y**2 with its output y, not with its input.",
    "g * (1 - y * y)",
    "g * (1 - a.data * a.data)",
    hint="Is it the square of the input or of the output?",
)
task.mistake(
    "log goes back as log",
    "What goes back through log is g divided by a, not by the logarithm of a.",
    "(g / a.data,)",
    "(g / math.log(a.data),)",
    hint="What is the slope of log at 1? And at 2?",
)
task.mistake(
    "gate by the gradient",
    "Whether something passes is decided by the sign of a, not by that of g.",
    "(g if a.data > 0 else 0.0,)",
    "(max(g, 0.0),)",
    hint="Try a positive a and a negative g.",
)
task.mistake(
    "relu at 0",
    "At exactly 0 nothing goes back: the condition is a > 0.",
    "a.data > 0",
    "a.data >= 0",
    hint="What do you do at exactly 0?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.4: the others for free (1 point)
#
# No new derivatives here. Write these three with the operations that you have: whatever is composed of them gets its
# gradient from the engine. You may use the operators `+`, `*` and `**`.


# %%
def neg(a):
    """Return -a, composed of your operations."""
    # BEGIN SOLUTION
    return a * -1
    # END SOLUTION


def sub(a, b):
    """Return a - b, composed of your operations."""
    # BEGIN SOLUTION
    return a + b * -1
    # END SOLUTION


def div(a, b):
    """Return a / b, composed of your operations."""
    # BEGIN SOLUTION
    return a * b**-1
    # END SOLUTION


def composed(a, b):
    """Return the values of -a, a - b and a / b, and how many inputs each remembers."""
    results = [neg(Number(a)), sub(Number(a), Number(b)), div(Number(a), Number(b))]
    return [r.data for r in results], [len(r.inputs) > 0 for r in results]


# %%
# BEGIN TESTS
task = assignment.task("1.4", "the others for free", points=1, needs=["1.1", "1.2"])
task.check(composed, (6.0, 4.0), name="6 and 4", outputs=["the value of -a, a - b, a / b", "whether it has inputs"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    composed, (-1.5, 0.5), name="-1.5 and 0.5", outputs=["the value of -a, a - b, a / b", "whether it has inputs"]
)
task.mistake(
    "made from nothing",
    "The value is right, but the result is a new Number that remembers nothing, so no gradient can go back through it.",
    "return a * b**-1",
    "return Number(a.data / b.data)",
    hint="What are the inputs of your quotient?",
)
task.mistake(
    "b minus a",
    "The difference is turned round: this is b - a.",
    "return a + b * -1",
    "return a * -1 + b",
    hint="Which of the two gets the minus?",
)
# END HIDDEN TESTS

# %% [markdown]
# # Part 2: the way back
#
# ## Task 2.1: an order (3 points)
#
# A number may be used several times. Its gradient is complete only when all that use it have contributed, so the
# backward pass must visit everything that uses a number before the number itself. Return a list of all Numbers that
# `end` was made from, directly or not, `end` included, such that
#
# - each is in it once, however often it is used,
# - each stands *behind* all of its inputs, so that `end` is the last.
#
# Begin with recursion, which is natural here: list what the inputs were made from, then the number itself. One
# check has a chain of 5,000 additions, as a long loop makes it, and Python does not call a function 5,000 times
# inside itself. For that, keep your own stack: a list of the Numbers that wait for their inputs.


# %%
def in_order(end):
    """Return all Numbers that end was made from: inputs first, end last."""
    # BEGIN SOLUTION
    order, listed, stack = [], set(), [(end, False)]
    while stack:
        n, ready = stack.pop()
        if n in listed:
            continue
        if ready:
            listed.add(n)
            order.append(n)
        else:
            stack.append((n, True))
            stack += [(i, False) for i in n.inputs]
    return order
    # END SOLUTION


def order_of(graph):
    """Return how often your order lists each number, and for each use whether the input comes first.

    graph[i] is the list of the inputs of number i. The last number is the end.
    """
    numbers = []
    for inputs in graph:
        numbers.append(Number(0.0, [numbers[i] for i in inputs], lambda g, inputs=inputs: (g,) * len(inputs)))
    order = [id(n) for n in in_order(numbers[-1])]
    ids = [id(n) for n in numbers]
    uses = [(i, j) for j, inputs in enumerate(graph) for i in inputs if ids[i] in order and ids[j] in order]
    return [order.count(n) for n in ids], [order.index(ids[i]) < order.index(ids[j]) for i, j in uses]


def length_of_order(n):
    """Return how many numbers your order lists for a chain of n additions; -1 if Python's recursion ends it."""
    end = Number(0.0)
    for _ in range(n):
        end = Number(0.0, [end], lambda g: (g,))
    try:
        return len(in_order(end))
    except RecursionError:
        return -1


# %%
# BEGIN TESTS
task = assignment.task("2.1", "an order", points=3)
task.check(
    order_of, ([[], [], [0, 1]],), name="a sum", outputs=["how often each is listed", "whether the input comes first"]
)
task.check(
    order_of,
    ([[], [0], [0], [1, 2], [0, 3]],),
    name="a number that is used three times",
    outputs=["how often each is listed", "whether the input comes first"],
)
task.check(length_of_order, (5000,), name="a chain of 5,000", outputs=["the length (-1: too deep)"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    order_of,
    ([[], [], [0, 0], [1], [2, 2], [4, 0, 2]],),
    name="one that the end does not use",
    outputs=["how often each is listed", "whether the input comes first"],
)
task.mistake(
    "recursion",
    "The function calls itself once for each step of the chain, and Python allows about a thousand calls inside each "
    "other. Keep the waiting Numbers on a list of your own.",
    "order, listed, stack = [], set(), [(end, False)]\n    while stack:\n        n, ready = stack.pop()\n"
    "        if n in listed:\n            continue\n        if ready:\n"
    "            listed.add(n)\n            order.append(n)\n        else:\n"
    "            stack.append((n, True))\n            stack += [(i, False) for i in n.inputs]\n    return order",
    "order, listed = [], set()\n\n    def visit(n):\n"
    "        if n not in listed:\n            listed.add(n)\n            for i in n.inputs:\n"
    "                visit(i)\n            order.append(n)\n\n"
    "    visit(end)\n    return order",
    hint="How deep does your recursion go on a chain?",
)
task.mistake(
    "listed again",
    "A number that is used several times is listed several times. Remember which are listed already.",
    "listed.add(n)",
    "pass",
    hint="What if you meet a number for the second time?",
)
task.mistake(
    "first met, last listed",
    "Numbers are put in front of the list when they are first met. A user that is met later then stands in front of "
    "its own input. List a number only when all of its inputs are listed.",
    "        if ready:\n            listed.add(n)\n            order.append(n)\n        else:\n"
    "            stack.append((n, True))\n            stack += [(i, False) for i in n.inputs]",
    "        listed.add(n)\n        order.insert(0, n)\n        stack += [(i, False) for i in n.inputs]",
    hint="Draw the graph in which one number is used three times, and walk through your loop.",
)
task.mistake(
    "users first",
    "A number is listed when it is met, before its inputs. It must wait until they are listed.",
    "if ready:\n            listed.add(n)\n            order.append(n)\n"
    "        else:\n            stack.append((n, True))\n            stack += [(i, False) for i in n.inputs]",
    "listed.add(n)\n        order.append(n)\n        stack += [(i, False) for i in n.inputs]",
    hint="When do you append a number: before or after its inputs?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 2.2: backward (3 points)
#
# The gradient of `end` with respect to itself is 1. Walk through the order from its end to its beginning, ask each
# number what it contributes to its inputs, and add that to their `grad`. Numbers that were made from nothing have
# no `vjp`.
#
# Add, do not assign: a number that is used twice gets two contributions. And leave what is in `grad` before; to
# clear it is the business of whoever calls.


# %%
def backward(end):
    """Add the gradient of end with respect to each number that it was made from to that number's grad."""
    # BEGIN SOLUTION
    end.grad = 1.0
    for n in reversed(in_order(end)):
        if n.vjp is not None:
            for i, contribution in zip(n.inputs, n.vjp(n.grad)):
                i.grad += contribution
    # END SOLUTION


def gradients(graph, before=0.0):
    """Return the gradients of all numbers of a graph of weighted sums, after your backward pass.

    graph[i] lists the inputs of number i, each with its weight: [[0, 2.0], [1, -3.0]] is 2 * n0 - 3 * n1. The grad of
    number 0 begins with `before`.
    """
    numbers = []
    for terms in graph:
        inputs = [numbers[int(i)] for i, _ in terms]
        weights = [w for _, w in terms]
        numbers.append(
            Number(0.0, inputs, (lambda g, weights=weights: tuple(g * w for w in weights)) if terms else None)
        )
    numbers[0].grad = before
    backward(numbers[-1])
    return np.array([n.grad for n in numbers])


# %%
# BEGIN TESTS
task = assignment.task("2.2", "backward", points=3, needs=["2.1"])
task.check(gradients, ([[], [], [[0, 2.0], [1, -3.0]]],), name="a sum", outputs=["grad"])
task.check(
    gradients,
    ([[], [[0, 2.0]], [[0, 5.0], [1, 3.0]], [[1, 7.0], [2, 10.0]]],),
    name="numbers that are used twice",
    outputs=["grad"],
)
task.check(gradients, ([[], [[0, 3.0]], [[1, 2.0], [0, 5.0]]], 100.0), name="a grad of 100 before", outputs=["grad"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    gradients,
    lambda rng: ([[[int(rng.integers(i)), float(rng.standard_normal())] for _ in range(2)] if i > 1 else []
                  for i in range(12)],),
    name="twelve numbers, drawn for you",
    outputs=["grad"],
    personal=True,
)  # fmt: skip
task.mistake(
    "= for +=",
    "The second contribution to a number overwrites the first. Contributions are added: +=.",
    "i.grad += contribution",
    "i.grad = contribution",
    hint="How many contributions does a number get that is used twice?",
)
task.mistake(
    "forwards",
    "The order is walked from its beginning, so every number passes on its gradient before it has got any. Reverse it.",
    "for n in reversed(in_order(end)):",
    "for n in in_order(end):",
    hint="Which number must be the first to pass something on?",
)
task.mistake(
    "1 for grad",
    "Each number passes on 1 times its derivative, and not its own gradient: give n.grad to vjp.",
    "n.vjp(n.grad)",
    "n.vjp(1.0)",
    hint="What is the g of a number in the middle?",
)
task.mistake(
    "no beginning",
    "All gradients stay what they were: that of the end with respect to itself is 1, and must be set first.",
    "    end.grad = 1.0\n    for n",
    "    for n",
    hint="What is the gradient of the end with respect to itself?",
)
task.mistake(
    "cleared",
    "The grad of the inputs is set to 0 first. What is there before must stay: the contributions are added to it.",
    "    end.grad = 1.0\n    for n",
    "    for n in in_order(end):\n        n.grad = 0.0\n    end.grad = 1.0\n    for n",
    hint="What happens to a grad that is there already?",
)
# END HIDDEN TESTS

# %% [markdown]
# # Part 3: use it
#
# ## Task 3.1: differences (2 points)
#
# How do you know that an engine is right? Compare it with something that knows nothing of derivatives: nudge one
# number up by `h`, then down by `h`, and see how the function changes: `(f(up) - f(down)) / (2 h)`. `f` takes a
# list of floats and returns a float. Return the list of all differences; leave `xs` as it was.


# %%
def differences(f, xs, h=1e-5):
    """Return the numerical derivative of f with respect to each of xs."""
    # BEGIN SOLUTION
    found = []
    for i in range(len(xs)):
        up, down = list(xs), list(xs)
        up[i] += h
        down[i] -= h
        found.append((f(up) - f(down)) / (2 * h))
    return found
    # END SOLUTION


def differences_of_cubes(xs, h):
    """Return your differences for f(x) = x0**3 + 2 x1**3 + 3 x2**3 + ..., and xs behind them."""
    xs = [float(x) for x in xs]
    found = differences(lambda x: sum((i + 1) * v**3 for i, v in enumerate(x)), xs, h)
    return np.array(found), np.array(xs)


# %%
# BEGIN TESTS
task = assignment.task("3.1", "differences", points=2)
task.check(
    differences_of_cubes,
    ([1.0, -2.0, 0.5], 0.5),
    name="three cubes, a large h",
    outputs=["the result", "xs"],
    rtol=1e-6,
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    differences_of_cubes,
    ([0.3, 1.2, -0.7, 2.0], 1e-3),
    name="four cubes, a small h",
    outputs=["the result", "xs"],
    rtol=1e-6,
)
task.mistake(
    "one-sided",
    "The function is nudged to one side only: (f(up) - f(xs)) / h. With both sides the error is far smaller.",
    "found.append((f(up) - f(down)) / (2 * h))",
    "found.append((f(up) - f(xs)) / h)",
    hint="At which two points do you compute f?",
)
task.mistake(
    "half the distance",
    "The two points are 2 h apart, and the difference is divided by h.",
    "/ (2 * h)",
    "/ h",
    hint="How far apart are your two points?",
)
task.mistake(
    "nudges stay",
    "The nudge of one number is still there when the next is nudged, so xs changes. Work on copies.",
    "up, down = list(xs), list(xs)",
    "up, down = xs, list(xs)",
    hint="Print xs before and after.",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 3.2: a neuron (1 point)
#
# `weights` and `bias` are Numbers, `xs` are Numbers or floats. Return the tanh of the weighted sum plus the bias.


# %%
def neuron(weights, bias, xs):
    """Return tanh(w0 * x0 + w1 * x1 + ... + bias), a Number."""
    # BEGIN SOLUTION
    total = bias
    for w, x in zip(weights, xs):
        total = total + w * x
    return tanh(total)
    # END SOLUTION


def neuron_output(weights, bias, xs):
    """Return the value of your neuron."""
    return neuron([Number(w) for w in weights], Number(bias), xs).data


# %%
# BEGIN TESTS
task = assignment.task("3.2", "a neuron", points=1, needs=["1.1", "1.3"])
task.check(neuron_output, ([0.5, -1.0], 0.25, [2.0, 1.0]), name="two inputs", outputs=["the output"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(neuron_output, ([0.5, -1.0, 0.1], -0.2, [0.2, 0.1, -1.0]), name="three inputs", outputs=["the output"])
task.mistake(
    "no bias",
    "The bias is not added.",
    "total = bias",
    "total = Number(0.0)",
    hint="Which argument is not used?",
)
task.mistake(
    "a bias for every input",
    "The bias is added once for every input. It is added once.",
    "total = total + w * x",
    "total = total + w * x + (bias if x is not xs[0] else 0)",
    hint="How often is the bias added?",
)
task.mistake(
    "no tanh",
    "This is the weighted sum; the tanh is missing.",
    "return tanh(total)",
    "return total",
    hint="Between which numbers must the output be?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 3.3: train (3 points)
#
# `parameters` is a list of Numbers, and `loss_of()` computes the loss from them, a Number with a new graph at each
# call. In each step: compute the loss, clear the gradients, go backward, and move each parameter's `data` against
# its gradient. Return the losses as a list of floats, one a step, each from before the parameters move.


# %%
def fit(parameters, loss_of, learning_rate, steps):
    """Make some steps of gradient descent; return the losses."""
    # BEGIN SOLUTION
    losses = []
    for _ in range(steps):
        loss = loss_of()
        for p in parameters:
            p.grad = 0.0
        backward(loss)
        for p in parameters:
            p.data -= learning_rate * p.grad
        losses.append(loss.data)
    return losses
    # END SOLUTION


def fit_bowl(a, b, learning_rate, steps):
    """Return the losses of your loop on the bowl, and where it ends."""
    a, b = Number(a), Number(b)
    losses = fit([a, b], lambda: bowl(a, b), learning_rate, steps)
    return np.array([float(getattr(loss, "data", loss)) for loss in losses]), np.array([a.data, b.data])


# %%
# BEGIN TESTS
task = assignment.task("3.3", "train", points=3, needs=["2.1", "2.2"])
task.check(fit_bowl, (0.0, 0.0, 0.04, 4), name="four steps down the bowl", outputs=["losses", "data"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    fit_bowl,
    lambda rng: (rng.standard_normal(), rng.standard_normal(), 0.03, 10),
    name="ten steps from a start of your own",
    outputs=["losses", "data"],
    personal=True,
)
task.mistake(
    "not cleared",
    "The gradients are never cleared, so each step uses the sum of all so far. Set them to 0 before the backward pass.",
    "p.grad = 0.0",
    "pass",
    hint="The first step is right. What is in grad when the second begins?",
)
task.mistake(
    "cleared too late",
    "Nothing moves. Either the gradients are cleared after the backward pass and before they are used, or the new "
    "number never gets into p.data.",
    "        for p in parameters:\n            p.grad = 0.0\n        backward(loss)",
    "        backward(loss)\n        for p in parameters:\n            p.grad = 0.0",
    hint="What is in grad when the parameters move?",
)
task.mistake(
    "uphill",
    "The parameters move along the gradient, which points uphill.",
    "p.data -= learning_rate",
    "p.data += learning_rate",
    hint="Do your losses fall?",
)
task.mistake(
    "the loss after the step",
    "The loss is computed again after the parameters have moved. It is the one from before.",
    "losses.append(loss.data)",
    "losses.append(loss_of().data)",
    hint="What is the loss before any step?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## The same as minigrad?
#
# `minigrad.Value` has the same operators. Here the same random formulas run on your engine and on it, and then your
# engine learns what no straight line can: the two inputs differ, or they do not. Nothing to write here. It is the
# test of everything together.


# %%
def formula(inputs, rng):
    """Return a random formula of the inputs: each of its lines combines two of the results so far."""
    results = list(inputs)
    for _ in range(12):
        a, b = rng.choice(results), rng.choice(results)
        results.append(rng.choice([a + b, a * b, a - b, a / (b * b + 1)]))
    return sum(results[4:], results[0])


def compare(seeds=200):
    """Return the largest relative difference between your gradients and those of minigrad.Value."""
    worst = 0.0
    for seed in range(seeds):
        start = [random.Random(seed).uniform(-1, 1) for _ in range(4)]
        mine, theirs = [Number(s) for s in start], [Value(s) for s in start]
        backward(formula(mine, random.Random(seed)))
        formula(theirs, random.Random(seed)).backward()
        worst = max([worst, *(abs(m.grad - v.grad) / (1 + abs(v.grad)) for m, v in zip(mine, theirs))])
    return worst


def learn(steps=200):
    """Return the losses of a network of five neurons."""
    rng = random.Random(1)
    hidden = [([Number(rng.uniform(-1, 1)) for _ in range(2)], Number(rng.uniform(-1, 1))) for _ in range(4)]
    last = [Number(rng.uniform(-1, 1)) for _ in range(4)], Number(rng.uniform(-1, 1))
    points = [((-1.0, -1.0), -1.0), ((-1.0, 1.0), 1.0), ((1.0, -1.0), 1.0), ((1.0, 1.0), -1.0)]

    def loss_of():
        outputs = [neuron(*last, [neuron(*h, xs) for h in hidden]) for xs, _ in points]
        return sum((y - target) ** 2 for y, (_, target) in zip(outputs, points)) * 0.25

    return fit([p for weights, bias in [*hidden, last] for p in [*weights, bias]], loss_of, 0.3, steps)


if __name__ == "__main__":  # not when it is graded
    try:
        print(f"the largest difference from minigrad.Value is {compare():.0e}")
        losses = learn()
        print(f"a network of five neurons learns: loss {losses[0]:.2f} -> {losses[-1]:.3f}")
    except Exception as error:
        print("The comparison runs when all tasks are done. Not yet:", error)

# %% [markdown]
# ## Task 4: in your words (2 points)
#
# A friend leaves the order out. In her engine each number passes its gradient on as soon as a contribution arrives,
# and calls its inputs to do the same: with `+=`, and with the whole `grad` so far. It works on her first three
# examples. Which graphs does it get wrong, and why? Give the smallest one that you find.

# %% [markdown]
# BEGIN SOLUTION
# It is wrong wherever a number that is itself made from others is reached twice. The first contribution is passed
# on, and when the second arrives, the whole gradient, with the first in it, is passed on again: the first counts
# twice. The smallest: b = a + 0, c = b + b. The gradient of a is 2; her engine passes on 1, then 2, and gets 3.
# END SOLUTION

# %%
# BEGIN TESTS
task = assignment.task("4", "in your words", points=2)
task.rubric(
    "Which graphs does an engine without an order get wrong, and why?",
    {
        "an intermediate number that is used twice": 1.0,
        "what arrived first is passed on again with the second": 0.5,
        "an example with the wrong and the right number": 0.5,
    },
    samples=[
        "Graphs in which an intermediate result is used more than once. b = a + 0, c = b + b: when the second "
        "contribution reaches b, its whole grad, 2, is passed on after 1 has been passed on before, so a gets 3, not 2."
    ],
)
# END TESTS
