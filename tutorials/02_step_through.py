# %% [markdown]
# # Step through it
#
# A backward pass is over in a millisecond. This lesson takes it apart: `minigrad.step` shows each
# of its steps, with the numbers of your own program. You meet the two questions that are asked most
# about it, why `+=` and why this order, and see the wrong answers go wrong. Then you look for a
# neuron that does not learn, and for the memory that a network needs.
#
# You need the first lesson. Run the cells one by one, or all at once:
# `python tutorials/02_step_through.py`.

# %%
from pathlib import Path

import minigrad
from minigrad import Value, nn

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")


def show(output, name):
    """Draw the graph of `output` into the folder `pictures`, or say why it was not drawn."""
    try:
        minigrad.draw(output).render(outfile=pictures / name, cleanup=True)
        print(f"picture: pictures/{name}")
    except (ImportError, OSError, RuntimeError) as error:
        print("not drawn:", " ".join(str(error).split()))


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
# Read it from the top. A step begins with the node, its value and the gradient that has arrived;
# `dc` is the gradient of `c`, as in the lecture's code. Then it says what the node adds to the
# gradients of its inputs. `b` stands twice in `b + b`, so it gets two contributions. The walk comes
# to `b` when both are there.
#
# Nothing was stored, and the graph is still whole: `c.backward()` makes the same steps.

# %%
c.backward()
assert [s.name for s in steps] == ["c", "b", "a"]
assert [s.gradient for s in steps] == [1.0, 2.0, 4.0] == [c.grad, b.grad, a.grad]

# %% [markdown]
# A step is an object: its `node`, its `gradient`, its `contributions`, each with the node it goes
# `to` and its `value`. So one can make the walk oneself, and make it wrong.

# %%
a.name, b.name, c.name = "a", "b", "c"  # for the picture
show(c, "two_doublings.svg")

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
# A doubling passes on two contributions, and half of them is lost each time: 1 instead of 4. With ten
# doublings it would be 1 instead of 1,024.
#
# ## Why this order
#
# And here are the contributions in another order: each one is passed on at once, as far as it goes,
# before the next one is taken. Many who write their first backward pass write this one.


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
# with 2, in which the first 1 is contained again. Its gradient must be complete before it is passed on, and it
# is complete when all that was computed from `b` has had its turn. That is what a topological order
# means. The engine takes the nodes in reverse order of their creation, for what was computed from
# `b` is younger than `b`.
#
# ## A page to step through
#
# `steps.save("steps.html")` writes a page that shows the same: the graph, the step in it, and the
# numbers beside it. The arrow keys go from step to step. It opens from disk and needs no network.
# In a notebook, a cell that ends with `minigrad.step(c)` shows it at once; in a terminal,
# `python -m minigrad step your_script.py` steps through a program that calls `backward()`.

# %%
page = steps.page()
print(f"The page has {len(page):,} characters, with all that it shows and runs.")
assert "https:" not in page

# %% [markdown]
# ## Experiment
#
# A neuron with a ReLU, and one with a tanh, for the same input. Before you run the cell: what is the
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
# well: no contribution tells `w` to change, and the neuron does not learn from this example. If
# that is so for every example, it is called dead. The tanh has a slope everywhere, though a small
# one far from 0. The step of `h` is where the two differ; all others are the same.
#
# ## The steps of a network
#
# With tensors, a step is a whole layer. Shapes and ranges stand instead of numbers, and for an
# elementwise operation one element is worked out.

# %%
minigrad.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))
network = minigrad.Network(model, nn.CrossEntropyLoss())
loss = network.forward(minigrad.data.spiral(seed=0).sample_data_batch(size=100))
steps = minigrad.step(loss)
print(steps)
assert len(steps) == 9

# %% [markdown]
# The lines of the linear layer are the lecture's: `dW = dz.T @ X`, and the bias gets the sum over
# the examples. `backward() releases` is about memory: what the forward pass has saved for this step
# is not needed after it.
#
# ## A question
#
# How many bytes does this network save in its forward pass for its backward pass, and in which step
# does it release most?
#
# <details><summary>Answer</summary>
#
# Add up what the steps release: 15,600 bytes. The most are a layer's 100 rows of 16
# numbers, 4 bytes each, which are 6,400. They are saved twice, before the ReLU, which must know where
# they are above 0, and after it, for the weights of the second layer. That is why memory grows with
# the batch and with the width of the layers, also where the parameters are few: here they are 99,
# which is 396 bytes.
#
# </details>

# %%
freed = {f"{s.name} = {s.node.primitive.name}": sum(a.nbytes for a in s.saved if a.freed) for s in steps if s.saved}
print(freed, "together", sum(freed.values()))
parameters = sum(p.numel() for p in model.parameters())
assert max(freed.values()) == 100 * 16 * 4 == 6_400
assert sum(freed.values()) == 15_600 and parameters == 99

# %% [markdown]
# Next: [Build your own engine](03_build_an_engine.py), in sixty lines.
