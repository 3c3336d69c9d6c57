# %% [markdown]
# # Step through it
#
# A backward pass is over in a millisecond. This lesson takes it apart: `minigrad.step` shows each
# of its steps, with the numbers of your own program. You meet the two questions that are asked most
# about it, why `+=` and why this order, and see the wrong answers go wrong. Then you find a neuron
# that does not learn, and the memory that a network needs.
#
# **You will know** how to read a backward pass step by step, what breaks with `=` or with another order,
# why a neuron can stop learning, and what a network must remember between its two passes.
#
# Before it: [One number](01_one_number.py). Run the cells one by one, or all at once:
# `python tutorials/02_step_through.py`. Every number in the text is checked by an `assert` beside it.

# %%
from pathlib import Path

import minigrad
from minigrad import Value, nn
from minigrad.course.lessons import show

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")


# %% [markdown]
# ## Each step, with its numbers
#
# Two doublings: c is 4 a, so the derivative of `c` with respect to `a` is 4.

# %%
a = Value(1.0)
b = a + a
c = b + b
steps = minigrad.step(c)
print(steps)

# %% [markdown]
# Read it from the top. A step begins with the **node** (a value in the graph), its number and the gradient
# that has arrived; `dc` is the gradient of `c`. Then it says what the node adds to the gradients of its
# inputs. `b` appears twice in `b + b`, so it gets two contributions. The walk comes to `b` when both are
# there.
#
# Nothing was stored, and the graph is still whole: `c.backward()` makes the same steps.

# %%
c.backward()
assert [s.name for s in steps] == ["c", "b", "a"]
assert [s.gradient for s in steps] == [1.0, 2.0, 4.0] == [c.grad, b.grad, a.grad]

# %% [markdown]
# A step is an object: its `node`, its `gradient`, its `contributions`, each with the node it goes
# `to` and its `value`. So you can make the walk yourself, and get it wrong on purpose.

# %%
a.name, b.name, c.name = "a", "b", "c"  # for the picture
show(c, pictures / "two_doublings.svg")

# %% [markdown]
# ![The graph of b = a + a and c = b + b: two edges lead from a to b, and two from b to c](pictures/two_doublings.svg)
#
# ## Why `+=`
#
# Here is the walk again, with `=` instead of `+=`. The second contribution overwrites the first one.


# %%
def walk_with(put_together):
    """The gradients by name; put_together(stored, contribution) replaces what is stored."""
    grads = {"c": 1.0, "b": 0.0, "a": 0.0}
    for s in steps:
        for contribution in s.contributions:
            local = contribution.value / s.gradient  # the local derivative
            name = steps.name(contribution.to)
            grads[name] = put_together(grads[name], grads[s.name] * local)
    return grads


right = walk_with(lambda stored, contribution: stored + contribution)
wrong = walk_with(lambda stored, contribution: contribution)
print("with += :", right)
print("with =  :", wrong)
assert right == {"c": 1.0, "b": 2.0, "a": 4.0}
assert wrong == {"c": 1.0, "b": 1.0, "a": 1.0}  # as if c were a

# %% [markdown]
# A doubling passes on two contributions, and one of them is lost each time: 1 instead of 4. With ten
# doublings it would be 1 instead of 1,024.
#
# ## Why this order
#
# And here are the contributions in another order: each one is passed on at once, as far as it goes,
# before the next one is taken. Many first attempts at a backward pass look like this.


# %%
def at_once(s, grads):
    """Add each contribution of a step to its input, and at once make the step of that node."""
    for contribution in s.contributions:
        following = steps.at(contribution.to)
        grads[following.name] += grads[s.name] * contribution.value / s.gradient
        at_once(following, grads)
    return grads


wrong = at_once(steps[0], {"c": 1.0, "b": 0.0, "a": 0.0})
print("at once :", wrong)
assert wrong == {"c": 1.0, "b": 2.0, "a": 6.0}  # and not 4

# %% [markdown]
# The step of `b` was made twice: first with 1, when only one contribution had arrived, and then
# with 2, which contains the first 1 again. Its gradient must be complete before it is passed on, and it
# is complete when everything that was computed from `b` has had its turn. An order with this property is
# called **topological**. The engine takes the nodes in reverse order of creation, since whatever was
# computed from `b` is younger than `b`.
#
# ## A question
#
# In lesson 1 the loss was `t * t` with `t = p * q + r`. How many steps does its backward pass have, and how
# many contributions?
#
# <details><summary>Answer</summary>
#
# Six steps, one for each value: `loss`, `t`, `s = p * q`, `r`, `q` and `p`. Six contributions, one for each
# use: two from `loss` to `t`, two from `t`, two from `s`. Each costs about as much as the operation that
# it goes back through, so a backward pass takes about as long as one or two forward passes, however many
# inputs there are.
#
# </details>

# %%
p, q, r = Value(2.0), Value(-3.0), Value(10.0)
t = p * q + r
of_loss = minigrad.step(t * t)
print(f"{len(of_loss)} steps, {sum(len(s.contributions) for s in of_loss)} contributions")
assert len(of_loss) == sum(len(s.contributions) for s in of_loss) == 6

# %% [markdown]
# ## A page to step through
#
# `steps.save("steps.html")` writes a page that shows the same: the graph, the step in it, and the
# numbers beside it. The arrow keys go from step to step. It opens from disk and needs no network.
# In a notebook, a cell that ends with `minigrad.step(c)` shows it at once, as below; in a terminal,
# `python -m minigrad step your_script.py` steps through a program that calls `backward()`.

# %%
page = steps.page()
print(f"The page has {len(page):,} characters, with all that it shows and runs.")
assert "https:" not in page
page

# %% [markdown]
# ## Experiment
#
# A **neuron** multiplies its input by a **weight**, adds a **bias**, and puts the sum through an
# **activation**. Two common ones are ReLU, `max(0, z)`, and `tanh(z)`, which squeezes every number between
# -1 and 1. Here is one neuron of each kind, with the same input. Before you run the cell: what is the
# gradient of the weight `w` in each? Then change the bias, and guess again.

# %%
bias = -4.0  # change this
gradients = {}
for activation in ("relu", "tanh"):
    w, x = Value(1.5, name="w"), 2.0
    z = w * x + bias
    h = getattr(z, activation)()
    steps = minigrad.step(h)
    gradients[activation] = steps.at("w").gradient
    print(steps, "\n")

assert bias != -4.0 or gradients["relu"] == 0.0
assert bias != -4.0 or round(gradients["tanh"], 2) == 0.84

# %% [markdown]
# z is -1, so the ReLU's step says `dz = dh * (z > 0)`, and that is 0. Everything before it gets 0 as
# well: nothing asks `w` to change, and the neuron does not learn from this example. If that is so for
# every example, the neuron is called **dead**. The tanh has a slope everywhere, though a small one far
# from 0. The step of `h` is where the two differ; what follows from it differs only by that factor.
#
# ## The steps of a network
#
# A **layer** is a row of such neurons with the same inputs: here 2 inputs, 16 neurons with a ReLU, and 3
# neurons after them. It computes on a **batch** of 100 examples at once, so its numbers are arrays, which
# minigrad calls tensors, and a step handles a whole array: it shows shapes and ranges, and works out one
# element. (The loss, cross-entropy, is lesson 5; the network is lesson 6. Only the steps matter here.)

# %%
minigrad.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))
network = minigrad.Network(model, nn.CrossEntropyLoss())
loss = network.forward(minigrad.data.spiral(seed=0).sample_data_batch(size=100))
steps = minigrad.step(loss)
print(steps)
assert len(steps) == 9

# %% [markdown]
# A linear layer has one line for the weights, such as `dW = dz.T @ X`, which lesson 4 derives; its bias
# gets the sum over the examples. `backward() releases` is about memory: what the forward pass saved for
# this step is not needed after it.
#
# ## A question
#
# How many bytes does this network save in its forward pass for its backward pass, and in which step
# does it release most?
#
# <details><summary>Answer</summary>
#
# Add up what the steps release: 16,400 bytes. The largest are a layer's 100 rows of 16
# numbers, 4 bytes each, which is 6,400. They are saved twice: before the ReLU, which must know where
# they are above 0, and after it, for the weights of the second layer. That is why memory grows with
# the batch and with the width of the layers, even if there are few **parameters** (weights and biases):
# here there are 99, which is 396 bytes.
#
# </details>

# %%
freed = {f"{s.name} = {s.node.primitive.name}": sum(a.nbytes for a in s.saved if a.freed) for s in steps if s.saved}
print(freed, "together", sum(freed.values()))
parameters = sum(p.numel() for p in model.parameters())
assert max(freed.values()) == 100 * 16 * 4 == 6_400
assert sum(freed.values()) == 16_400 and parameters == 99

# %% [markdown]
# ## Exercises
#
# 1. The cell has the gradient of a ReLU neuron's weights by hand, for four examples (rows) of three inputs.
#    It forgets the step in which the Experiment's two neurons differed. The checker says which; fix `dz`.
# 2. Step through `loss = (w * 2.0 - 4.0).tanh() ** 2` with `w = Value(1.5)` on paper, then with
#    `minigrad.step`.

# %%
import numpy as np  # noqa: E402

from minigrad.autograd import check_gradient  # noqa: E402

x = np.array([[1.0, -2.0, 0.5], [0.0, 1.5, -1.0], [2.0, 1.0, 1.0], [-1.0, 0.5, -0.5]])
w, dh = np.array([0.5, 1.0, -0.3]), np.array([1.0, -2.0, 3.0, -0.5])  # dh: some upstream gradient
dz = dh  # change this line
dw = x.T @ dz
report = check_gradient(lambda w: (np.maximum(0, x @ w) * dh).sum(), w, dw)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [Build your own engine](03_build_an_engine.py), in sixty lines.
