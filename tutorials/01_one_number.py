# %% [markdown]
# # One number
#
# Training asks one question of every number in a network: if this number were a little larger, how
# much larger would the loss be? The answer is a derivative. This lesson finds it for three numbers:
# first by hand in plain Python, then with `minigrad.Value`, which does the same steps by itself.
#
# **You will know** what the chain rule does to a program, why gradients are added up with `+=`, and
# why the order of the backward pass matters.
#
# Before it: nothing but Python and an idea of what a derivative is. Run the cells one by one (VS Code opens this
# file as a notebook, Jupyter does so with Jupytext), or all at once:
# `python tutorials/01_one_number.py`. Every number in the text is checked by an `assert` beside it.

# %%
from pathlib import Path

import minigrad
from minigrad import Value, walk
from minigrad.course.lessons import show

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")


# %% [markdown]
# ## By hand
#
# Three numbers go in, and one comes out.

# %%
p, q, r = 2.0, -3.0, 10.0
s = p * q
t = s + r
loss = t**2
print(f"s = {s:g}, t = {t:g}, loss = {loss:g}")
assert (s, t, loss) == (-6.0, 4.0, 16.0)

# %% [markdown]
# Each of these lines has a **local derivative** for each of its inputs: how fast its result grows
# with that input while the other one is held still. For `t**2` it is `2 * t`; for `s + r` it is 1
# both times; for `p * q` it is each time the other factor.
#
# The **chain rule** joins them. Write `dt` for the derivative of `loss` with respect to `t`, and so
# on. The derivative of `loss` with respect to an input is its derivative with respect to the line's
# result, called the **upstream gradient**, times the local derivative. So start at the end, where
# the derivative of `loss` with respect to itself is 1, and take the lines in reverse.

# %%
dloss = 1.0
dt = dloss * (2 * t)  # upstream times local, for loss = t**2
ds = dt * 1  # for t = s + r
dr = dt * 1
dp = ds * q  # for s = p * q
dq = ds * p
print(f"dp = {dp:g}, dq = {dq:g}, dr = {dr:g}")
assert (dp, dq, dr) == (-24.0, 16.0, 8.0)

# %% [markdown]
# Is it true? Make `p` larger by a millionth, compute `loss` again, and see how much it grew per
# unit of `p`.

# %%
h = 1e-6
slope = (((p + h) * q + r) ** 2 - loss) / h
print(f"loss changes by {slope:.4f} per unit of p")
assert abs(slope - dp) < 1e-4

# %% [markdown]
# The whole computation from `loss` back to `p`, `q` and `r` is called the **backward pass**; the lines
# from `p`, `q` and `r` to `loss` are the **forward pass**. A derivative of `loss` is called a **gradient**.
#
# ## A question
#
# Let `q` be 0 instead of -3. Which of `dp`, `dq` and `dr` are 0 then?
#
# <details><summary>Answer</summary>
#
# Only `dp`. Multiplied by 0, `p` no longer changes `loss`. The other two need their *factors*: `dq` is
# `ds * p`, and `p` is still 2. With `t = 10`, `ds` and `dr` are 20 and `dq` is 40.
#
# </details>

# %%
upstream = 2 * (p * 0.0 + r)  # ds and dr
print(f"q = 0: dp = {upstream * 0.0:g}, dq = {upstream * p:g}, dr = {upstream:g}")
assert (upstream * 0.0, upstream * p, upstream) == (0.0, 40.0, 20.0)

# %% [markdown]
# ## Why `+=`
#
# Write the last line as `loss = t * t`. It is the same function, but now `t` is used twice, as the
# left factor and as the right one. Each of the two makes its own contribution: the other factor,
# 4, times the upstream 1. Storing the second contribution with `=` overwrites the first one, and
# half of the gradient is lost.

# %%
dt = dloss * t  # the left factor's contribution
dt = dloss * t  # the right factor's, instead of it
print(f"with  = : dt = {dt:g}")
assert dt == 4.0

dt = 0.0
dt += dloss * t
dt += dloss * t
print(f"with += : dt = {dt:g}")
assert dt == 8.0 == 2 * t

# %% [markdown]
# The sum is right because a nudge of `t` moves both factors: (t + h)(t + h) = t·t + t·h + h·t +
# h·h. The two middle terms are the two contributions. A value that is used several times
# collects one contribution from each use.
#
# ## Why the order
#
# If a value has to collect contributions, when may it pass its gradient on? Take `b = a + a` and
# `c = b + b`. So c = 4a, and the derivative of `c` with respect to `a` is 4. Here is this graph as
# a table: for each result, its inputs and the local derivatives, all 1.

# %%
doubled_twice = {"c": [("b", 1.0), ("b", 1.0)], "b": [("a", 1.0), ("a", 1.0)], "a": []}

# %% [markdown]
# A first idea is to follow each edge at once, all the way down, before taking the next edge.

# %%
grads = {"c": 1.0, "b": 0.0, "a": 0.0}


def depth_first(result):
    """Give each input its contribution, and at once let it do the same."""
    for source, local in doubled_twice[result]:
        grads[source] += grads[result] * local
        print(f"{result} has {grads[result]:g} and passes it on: {source} now has {grads[source]:g}")
        depth_first(source)


depth_first("c")
assert grads["b"] == 2.0
assert grads["a"] == 6.0  # wrong: it is 4

# %% [markdown]
# `b` passed its gradient on before it was complete: first the 1 that had arrived by then, and later
# the whole 2, in which that 1 is contained again. Hence 1 + 1 + 2 + 2 = 6 instead of 4.
#
# The fix is an order: a value passes its gradient on once, and only after every result that used
# it has delivered. A result is always younger than what it was computed from. So the reverse order
# of creation is such an order.


# %%
def in_order(graph, order):
    """The gradients of the first result in `order`, every value being handled once."""
    grads = dict.fromkeys(order, 0.0)
    grads[order[0]] = 1.0
    for result in order:
        for source, local in graph[result]:
            grads[source] += grads[result] * local
    return grads


grads = in_order(doubled_twice, ["c", "b", "a"])
print(grads)
assert grads == {"c": 1.0, "b": 2.0, "a": 4.0}

# %% [markdown]
# Another fix would be to pass on only what has just arrived, and so to follow every path from the
# end to the start by itself. This gives 4 as well, but every doubling doubles the number of paths.
# Counting the visits shows the price: 7 visits for the 3 values here, and 2,047 for the 11 values
# of ten doublings.


# %%
def along_every_path(graph, result, arrived, grads):
    """Add what has arrived, pass just that on, and return how many values were visited."""
    grads[result] += arrived
    return 1 + sum(along_every_path(graph, source, arrived * local, grads) for source, local in graph[result])


grads = {"c": 0.0, "b": 0.0, "a": 0.0}
visits = along_every_path(doubled_twice, "c", 1.0, grads)
print(f"2 doublings: {visits} visits, the gradient of a is {grads['a']:g}")
assert grads["a"] == 4.0 and visits == 7

ten_doublings = {0: [], **{i: [(i - 1, 1.0), (i - 1, 1.0)] for i in range(1, 11)}}
visits = along_every_path(ten_doublings, 10, 1.0, dict.fromkeys(ten_doublings, 0.0))
print(f"10 doublings: {visits:,} visits")
assert visits == 2047 and len(ten_doublings) == 11

# %% [markdown]
# ## With minigrad
#
# A `Value` is a number that remembers how it was computed: by which **primitive** (minigrad's word for an
# operation with a known derivative, such as a product), from which operands, and with which local
# derivatives. They are `da` and `db`, since a primitive calls its operands a and b. Arithmetic on Values
# looks like arithmetic on floats.

# %%
p, q, r = Value(2.0, name="p"), Value(-3.0, name="q"), Value(10.0, name="r")
s = p * q
t = s + r
loss = t * t
print(f"s = {s:g} by the primitive {s.primitive.name!r}, local derivatives {s.da:g} and {s.db:g}")
assert loss == 16.0
assert s.primitive.name == "mul" and (s.da, s.db) == (-3.0, 2.0)

# %% [markdown]
# `backward` goes through them from the youngest to the oldest, multiplies and adds as you did
# above, and leaves each derivative in `.grad`.

# %%
loss.backward()
print(f"p.grad = {p.grad:g}, q.grad = {q.grad:g}, r.grad = {r.grad:g}, t.grad = {t.grad:g}")
assert (p.grad, q.grad, r.grad) == (dp, dq, dr) == (-24.0, 16.0, 8.0)
assert t.grad == 8.0  # two contributions of 4

# %% [markdown]
# ## Watch the walk
#
# `minigrad.walk` is the backward pass as an iterator. It stores nothing; at each step it yields
# which value is handled, with which gradient, and what goes to each of its inputs. `backward` makes
# the same steps. Here is the graph for which the order mattered: `b` is handled once, with the
# whole 2.

# %%
a = Value(3.0, name="a")
b = a + a
c = b + b
b.name, c.name = "b", "c"

seen = []
for node, upstream, contributions in walk(c):
    print(f"{node.name}: gradient {upstream:g}, to its inputs {contributions}")
    seen.append((node.name, upstream, contributions))
assert seen == [("c", 1.0, (1.0, 1.0)), ("b", 2.0, (2.0, 2.0)), ("a", 4.0, ())]
assert a.grad == 0.0  # nothing was stored

# %% [markdown]
# Thirty doublings have over a billion paths, but only 31 values. The walk visits each once.

# %%
start = doubled = Value(1.0)
for _ in range(30):
    doubled = doubled + doubled
visits = sum(1 for _ in walk(doubled))
doubled.backward()
print(f"30 doublings: {visits} visits, the gradient is {start.grad:,.0f}")
assert visits == 31
assert start.grad == 2.0**30 == 1_073_741_824

# %% [markdown]
# ## The picture
#
# `minigrad.draw` draws the graph of a Value; `show` writes the picture to a file. A blue box is a number that
# you put in, a white one a result, with its operands at the left edge, and the green one is the end, where the
# backward pass begins. Below the line are the box's turn in the backward pass (1, 2, 3, ...) and its gradient. On each
# edge, in orange, is the local derivative, in the letters of the primitive: y is its result, a and b are
# its operands. Check one: the gradient in a box, times the number on an edge into it, is the contribution
# that goes back along this edge.

# %%
p, q, r = Value(2.0, name="p"), Value(-3.0, name="q"), Value(10.0, name="r")
s = p * q
t = s + r
loss = t * t
s.name, t.name, loss.name = "s", "t", "loss"
loss.backward()
assert p.grad == s.grad * s.da == 8.0 * -3.0
show(loss, pictures / "one_number.svg")

# %% [markdown]
# ![The graph of loss = t * t with t = p * q + r, after its backward pass](pictures/one_number.svg)
#
# In a notebook, a cell that ends in `minigrad.draw(loss)` shows the picture itself.
#
# ## Experiment
#
# A gradient says in which direction `loss` grows; a small step the other way makes it smaller. How
# large may the step be? Before you run the cell, guess for which of the steps `loss`, which is 16
# now, gets smaller. Then put in your own.


# %%
def after(step):
    """What loss = (p * q + r)**2 is after one step against its gradient."""
    numbers = p, q, r = Value(2.0), Value(-3.0), Value(10.0)
    ((p * q + r) ** 2).backward()
    for v in numbers:
        v.data -= step * v.grad
    return ((p * q + r) ** 2).item()


for step in [0.001, 0.01, 0.02, 0.1]:  # change these
    print(f"step {step:g}: loss goes from 16 to {after(step):.2f}")

assert round(after(0.001), 2) == 15.11
assert round(after(0.01), 2) == 8.07
assert round(after(0.02), 2) == 2.58
assert round(after(0.1), 2) == 121.88

# %% [markdown]
# The gradient describes `loss` where the numbers are now. A step of 0.1 leads so far away that this
# description no longer holds, and `loss` grows. The step is what training calls the **learning rate**;
# [lesson 6](06_the_loop.py) tries some on a real network.
#
# ## A question
#
# The walk takes the youngest first. Could it go level by level instead: first `c`, then all inputs of
# `c`, then all inputs of those? On `b = a + a`, `c = b + b` this works. Is there a graph for which
# it does not?
#
# <details><summary>Answer</summary>
#
# Yes: where a value is used both near the end and farther from it. Let `b = a + a`,
# `d = b + 1` and `c = b + d`, so that c = 4a + 1. Both `b` and `d` are inputs of `c`, so level by level
# `b` may have its turn before `d` has delivered.
#
# </details>

# %%
used_near_and_far = {"c": [("b", 1.0), ("d", 1.0)], "d": [("b", 1.0)], "b": [("a", 1.0), ("a", 1.0)], "a": []}
print("level by level:", in_order(used_near_and_far, ["c", "b", "d", "a"])["a"])
print("the youngest first:", in_order(used_near_and_far, ["c", "d", "b", "a"])["a"])
assert in_order(used_near_and_far, ["c", "b", "d", "a"])["a"] == 2.0  # wrong
assert in_order(used_near_and_far, ["c", "d", "b", "a"])["a"] == 4.0

# %% [markdown]
# ## The same number in a tensor
#
# A tensor is an array of such numbers that go through the operations together. The first element of
# this `p` is the 2 from above, and its gradient is the same -24.

# %%
p = minigrad.tensor([2.0, 1.0, 0.0], requires_grad=True)
q = minigrad.tensor(-3.0, requires_grad=True)
r = minigrad.tensor(10.0, requires_grad=True)
t = p * q + r
loss = (t * t).sum()
loss.backward()
print(f"p.grad = {p.grad.tolist()}, q.grad = {q.grad:g}, r.grad = {r.grad:g}")
assert p.grad.tolist() == [-24.0, -42.0, -60.0]

# %% [markdown]
# `q` is one number that meets all three elements of `p`: it is used three times. Its gradient is
# the sum of three contributions, of which the first is the 16 from above. It is `+=` once more.

# %%
contributions = [16.0, 14.0, 0.0]  # 2 * t * p, for each element
assert q.grad == sum(contributions) == 30.0
assert r.grad == 8.0 + 14.0 + 20.0

# %% [markdown]
# Values and tensors share the walk, and the primitives too: there is one for a product, and it
# defines the local derivatives in one place.

# %%
primitive = (Value(2.0) * Value(-3.0)).primitive
print(f"{primitive.formula}: dy/da = {primitive.partials['a']}, dy/db = {primitive.partials['b']}")
assert (p * q).grad_fn.primitive is primitive
assert primitive.partials == {"a": "b", "b": "a"}

# %% [markdown]
# ## Exercises
#
# 1. In `loss = (a * b + a)**2`, `a` is used twice. The cell below has its gradient by hand, for three
#    values of `a` and `b` at once, nearly right. The checker compares it with differences, as you did with
#    `slope`, and names the line at fault. Fix `da`.
# 2. Work out `dx` for `y = x * x * x`, one contribution for each use of `x`, and check it in the same way.

# %%
import numpy as np  # noqa: E402

from minigrad.autograd import check_gradient  # noqa: E402

a, b = np.array([2.0, 1.0, -1.5]), np.array([-3.0, 0.5, 2.0])
dt = 2 * (a * b + a)
da = dt * b  # change this line
report = check_gradient(lambda a: ((a * b + a) ** 2).sum(), a, da)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [Step through it](02_step_through.py), where you watch the same pass, step by step.
