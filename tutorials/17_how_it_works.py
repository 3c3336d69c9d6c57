# %% [markdown]
# # How minigrad works
#
# In lesson 3 you wrote an engine of sixty lines. This lesson opens the one that you have used since,
# and shows that it is the same idea with three changes: a derivative is written once, as a string; a
# node holds arrays; and one loop serves numbers, tensors, pictures and programs. At the end you add an
# operation to it in five lines, and everything works on it: gradients of any order, the picture, the
# program, the checker.
#
# **You will know** where in the source each step of `loss.backward()` happens, how a derivative is
# written so that five parts of a library can use it, and how to add your own.
#
# Before it: [Build your own engine](03_build_an_engine.py) and [From numbers to tensors](04_tensors.py).
# Run the cells one by one, or all at once: `python tutorials/17_how_it_works.py`. Every number in the
# text is checked by an `assert` beside it.

# %%
import inspect
from pathlib import Path

import numpy as np

import minigrad
from minigrad import Value, engine
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.course.lessons import show
from minigrad.primitives import elementwise as ew
from minigrad.primitives.primitive import Primitive, elementwise

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")


# %% [markdown]
# ## One derivative, written once
#
# This is all that minigrad knows about `tanh`:

# %%
print(ew.tanh.formula, "   dy/dx =", ew.tanh.partials["x"])
assert ew.tanh.formula == "tanh(x)" and ew.tanh.partials == {"x": "1 - y * y"}

# %% [markdown]
# Two strings: a formula and its derivative, in which `x` is the input and `y` the result. A string can be
# compiled with the functions of `math` for Values, with NumPy's for tensors, and with functions that
# record, for second derivatives. It can be shown on an edge of a picture, and printed in a program. And
# its letters say what the forward pass must keep: this derivative needs `y` and not `x`, so `tanh` keeps
# its result.

# %%
t = minigrad.tensor([0.5, 1.0], requires_grad=True)
y = t.tanh()
print("tanh keeps", y.node.plan.saved, " exp keeps", t.exp().node.plan.saved, " sin keeps", t.sin().node.plan.saved)
assert y.node.plan.saved == ("y",) and t.sin().node.plan.saved == ("x",)
assert np.array_equal(y.node.saved[0], y.detach().numpy())

# %% [markdown]
# ## A node
#
# Your `Number` kept its inputs and the local derivatives as floats. A node of a tensor keeps its inputs,
# its primitive, and the arrays that the derivatives name. The derivative is not computed in the forward
# pass: it may never be needed.

# %%
a = minigrad.tensor([1.0, 2.0], requires_grad=True)
b = minigrad.tensor([3.0, 4.0])
product = a * b
node = product.node
print(node.primitive.name, "of", [i is not None for i in node.inputs], "saved", [s.tolist() for s in node.saved])
assert node.inputs == (a.node, None)  # b needs no gradient, so there is no node for it
assert len(node.saved) == 1 and node.saved[0].tolist() == [3.0, 4.0]  # the derivative with respect to a is b

# %% [markdown]
# ## The loop
#
# Here is the source of the backward pass, the one loop that all of minigrad goes through. Find the three
# lines of your own engine in it: the order, the chain rule (`vjp`, the vector-Jacobian product: from the
# upstream gradient to the contributions), and the sum.

# %%
source = inspect.getsource(engine.walk)
body = source[source.rindex('"""') + 3 :]
print(body)
for line in ("reverse_topological_order", "vjp", "+ c"):
    assert line in body

# %% [markdown]
# `walk` yields each node with its gradient and its contributions. `backward` stores what it yields,
# `grad` returns it, `draw` numbers the boxes with it, and `step` shows it. Nothing else computes a
# gradient, so a picture cannot disagree with a training run.
#
# The files in reading order, nine of them, are in [docs/reading.md](../docs/reading.md). Reading them takes an
# afternoon.
#
# ## A question
#
# The order is not found by recursion, as yours was. Each node has a number that says when it was made,
# and the walk takes the youngest first. Why is that an order in which everything that uses a node comes
# before it?
#
# <details><summary>Answer</summary>
#
# A node is made from nodes that exist already, so whatever uses it is younger. From the youngest to the
# oldest, all users come first. So it is enough to collect the nodes and to sort them by age; nothing calls
# itself, and a chain may be as long as memory allows.
#
# </details>

# %%
x = Value(1.0)
y = x
for _ in range(100_000):
    y = y * 1.00001
y.backward()
print(f"through 100,000 products: {x.grad:.4f}")
assert abs(x.grad - 1.00001**100_000) < 1e-9

# %% [markdown]
# ## Add an operation
#
# Say that you need the Gaussian bump, exp(-x²). Its derivative is -2 x exp(-x²), which is `-2 * x * y`:

# %%
gaussian = elementwise("gaussian", "exp(-x * x)", x="-2 * x * y")

# %% [markdown]
# That was one line. It is an operation like every other:

# %%
t = minigrad.tensor([-1.0, 0.0, 0.5], dtype="float64", requires_grad=True)
y = gaussian(t)
loss = (y * y).sum()
show(loss, pictures / "gaussian.svg")
print(minigrad.source(loss))
assert gradcheck(gaussian, t)
assert gradgradcheck(gaussian, t)  # nobody wrote the second derivative

# %% [markdown]
# ![The graph of the new operation, with its derivative on the edge](pictures/gaussian.svg)
#
# The second derivative comes from the string: `-2 * x * y` is computed by functions that record, so it has
# its own graph, and can be differentiated again.
#
# ## A question
#
# Write the derivative with the wrong sign, `x="2 * x * y"`. Which of the following notice: the picture,
# the program, second derivatives, `gradcheck`?
#
# <details><summary>Answer</summary>
#
# Only `gradcheck`. The others believe the string: the picture shows it, the program prints it, the second
# derivative differentiates it. That is the price of saying a thing once. If it is wrong, it is wrong
# everywhere, so it must be compared with something that does not use it: differences of the function.
#
# </details>

# %%
wrong = elementwise("gaussian", "exp(-x * x)", x="2 * x * y")
try:
    gradcheck(wrong, t)
    raise AssertionError("this has the wrong sign")
except RuntimeError as error:
    said = str(error)
print(next(line.strip() for line in said.splitlines() if "wrong sign" in line))
assert "wrong sign" in said

# %% [markdown]
# ## An operation on whole arrays
#
# An operation in which elements meet is a function and, for each input, a second function: from the
# upstream gradient `g` to the contribution. Here is the cumulative sum. Element i of the input is in all
# results from i on, so its gradient is a sum from the end: flip, sum, flip. `g` is an array, or a Tensor
# where the gradient is itself recorded; NumPy's functions take both.

# %%
cumulative = Primitive(
    "cumulative",
    lambda x: np.cumsum(x),
    x=lambda g: np.flip(np.cumsum(np.flip(g))),
)

t = minigrad.tensor([1.0, 2.0, 3.0], dtype="float64", requires_grad=True)
(cumulative(t) * minigrad.tensor([1.0, 10.0, 100.0], dtype="float64")).sum().backward()
print("gradient:", t.grad.tolist())
assert t.grad.tolist() == [111.0, 110.0, 100.0]
assert gradcheck(cumulative, t)

# %% [markdown]
# ## Experiment
#
# Change `x="-2 * x * y"` so that the derivative is right and keeps less: can it be written with `y`
# alone, or with `x` alone? Print `y.node.plan.saved` and see which arrays are kept. Which is cheaper, and
# when?

# %%
from_x = elementwise("gaussian", "exp(-x * x)", x="-2 * x * exp(-x * x)")  # change this
kept = from_x(t).node.plan.saved
print("kept:", kept)
assert kept == ("x",) and gradcheck(from_x, t)

# %% [markdown]
# ## Exercises
#
# 1. Add `logistic`, `1 / (1 + exp(-x))`, with a derivative in `y` alone, and check it.
# 2. Add `hypotenuse(a, b) = sqrt(a * a + b * b)`: two inputs, two derivatives. What happens at (0, 0)?
# 3. Put `gaussian` into the library for good: [CONTRIBUTING.md](../CONTRIBUTING.md) says where its four
#    lines go, and the tests name what is missing.

# %%
logistic = elementwise("logistic", "1 / (1 + exp(-x))", x="y * (1 + y)")  # change this line
try:
    fine = gradcheck(logistic, t)
except RuntimeError as error:
    fine = False
    print(error)
assert not fine  # delete this line when it is right

# %% [markdown]
# Next: [Beyond one machine](18_beyond_one_machine.py), the same loop on many machines. The nine files in which
# reverse mode happens are in [the afternoon](../docs/reading.md).
