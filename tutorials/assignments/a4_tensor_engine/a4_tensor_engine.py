# %% [markdown]
# # A tensor engine
#
# An engine for single numbers fits on a page, and is a hundred times too slow to train anything. An engine for arrays
# fits on two pages. You write one here, and train a network with it. Three things are new:
#
# - a node is an array, and its gradient is an array of the same shape;
# - NumPy repeats small arrays without asking, and what was repeated forward must be added up backward;
# - sums, products of matrices and indexing move numbers around, and backward they must find their way home.
#
# You need the chain rule, NumPy's shapes and axes, and two to three hours. It helps to have written an engine for
# numbers first.
#
# ## The plan
#
# A `Tensor` holds its array in `data`, and in `parents` where it came from: a pair `(parent, vjp)` for each argument of
# the operation that made it. `vjp` is a function. Given the gradient of the loss with respect to this node, it returns
# what that contributes to the gradient of the loss with respect to the parent. (The name stands for vector-Jacobian
# product: the gradient times the operation's derivative.)
#
# So an operation is one statement: here is my result, and this goes back to each of my arguments. `negative` below is
# an example. A Tensor that nothing made has no parents: it is a *leaf*, and only leaves get a `grad`.
#
# The functions called `..._loss` are given, and so are those called `..._gradients`. The checks use them: the first are
# plain formulas, which help to say what is wrong; the second call your operation and each of its vjps.

# %%
import numpy as np

import minigrad

# %%
# BEGIN TESTS
from minigrad.course import Assignment

assignment = Assignment("A tensor engine", causes="on request")
# END TESTS


# %%
class Tensor:
    """An array, where it came from, and for a leaf its gradient."""

    def __init__(self, data, parents=()):
        self.data = np.asarray(data, dtype=float)
        self.parents = tuple(parents)
        self.grad = None

    def backward(self):
        """Add the gradient of this Tensor, which holds one number, to the grad of each leaf. (Task 2.1)"""
        # BEGIN SOLUTION task=2.1
        order, seen, stack = [], set(), [(self, False)]
        while stack:  # depth first without recursion: a Tensor is listed after all that it came from
            node, left = stack.pop()
            if left:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack.extend((parent, False) for parent, _ in node.parents)
        gradients = {id(self): np.ones_like(self.data)}
        for node in reversed(order):
            g = gradients.pop(id(node))
            if not node.parents:
                node.grad = g if node.grad is None else node.grad + g
            for parent, vjp in node.parents:
                gradients[id(parent)] = gradients.get(id(parent), 0.0) + vjp(g)
        # END SOLUTION

    def __add__(self, other):
        return add(self, tensor(other))

    def __mul__(self, other):
        return multiply(self, tensor(other))

    def __matmul__(self, other):
        return matmul(self, tensor(other))

    def __sub__(self, other):
        return self + negative(tensor(other))

    def __neg__(self):
        return negative(self)


def tensor(value):
    """Return a Tensor as it is, and anything else as a new one."""
    return value if isinstance(value, Tensor) else Tensor(value)


def negative(a):
    """Return -a."""
    return Tensor(-a.data, [(a, lambda g: -g)])


def contributions(out, g):
    """Return what goes back to each argument of the operation that made `out`."""
    return tuple(vjp(g) for _, vjp in out.parents)


# %% [markdown]
# ## Task 1.1: undo broadcasting (3 points)
#
# `z + b` with `z` of shape (4, 3) and `b` of shape (3,) uses each number of `b` four times. Four uses give four
# contributions, and contributions are added: the gradient of `b` is a sum over the rows.
#
# NumPy repeats an array along two kinds of axes: those that it does not have at all, which are put in front, and those
# where its length is 1. Sum the gradient over both kinds, so that it gets exactly the given shape. Beware: (3, 1) and
# (3,) are different shapes, and so are (1,) and ().


# %%
def unbroadcast(g, shape):
    """Return g, summed over the axes along which an array of this shape was repeated."""
    # BEGIN SOLUTION
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    ones = tuple(i for i, n in enumerate(shape) if n == 1)
    return g.sum(axis=ones, keepdims=True)
    # END SOLUTION


def unbroadcast_like(g, array):
    """Given: unbroadcast g to the shape of an array."""
    return unbroadcast(g, np.shape(array))


def repeated_loss(g, array):
    """Given: the array is repeated to the shape of g, so that the gradient with respect to the result is g."""
    return (array * g).sum()


# %%
# BEGIN TESTS
task = assignment.task("1.1", "undo broadcasting", points=3)
numbers = np.arange(12.0).reshape(4, 3)
for name, array in [
    ("a row", np.zeros(3)),
    ("a column", np.zeros((4, 1))),
    ("one number", np.zeros(())),
    ("nothing to undo", np.zeros((4, 3))),
]:
    task.check(
        unbroadcast_like, (numbers, array), name=name, outputs=["the gradient"], gradient_of=repeated_loss, wrt=[1]
    )
# END TESTS
# BEGIN HIDDEN TESTS
for name, array in [
    ("both kinds of axes", np.zeros((1, 4, 1))),
    ("an axis in the middle", np.zeros((3, 1, 2))),
    ("shape (1,)", np.zeros(1)),
]:
    task.check(
        unbroadcast_like,
        (np.arange(24.0).reshape(3, 4, 2), array),
        name=name,
        outputs=["the gradient"],
        gradient_of=repeated_loss,
        wrt=[1],
    )
task.mistake(
    "axes of length 1 forgotten",
    "Only the axes in front are summed. An axis of length 1 was repeated, too: sum over it and keep it.",
    "return g.sum(axis=ones, keepdims=True)",
    "return g",
    hint="Which axes of an array of shape (4, 1) does NumPy repeat?",
)
task.mistake(
    "axes of length 1 lost",
    "The axes of length 1 are summed and gone. Keep them: keepdims=True.",
    "g.sum(axis=ones, keepdims=True)",
    "g.sum(axis=ones)",
    hint="Compare the two shapes, axis by axis.",
)
task.mistake(
    "mean for sum",
    "The contributions are averaged. Each use of a number contributes to its gradient: add them up.",
    "return g.sum(axis=ones, keepdims=True)",
    "return g.mean(axis=ones, keepdims=True)",
    hint="If b goes up by 1, how many numbers of z + b go up?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.2: add and multiply (2 points)
#
# The result, and for each argument, in order, a pair with its vjp. Both arguments may have been repeated.


# %%
def add(a, b):
    """Return a + b."""
    # BEGIN SOLUTION
    back = [(a, lambda g: unbroadcast(g, a.data.shape)), (b, lambda g: unbroadcast(g, b.data.shape))]
    return Tensor(a.data + b.data, back)
    # END SOLUTION


def multiply(a, b):
    """Return a * b, element by element."""
    # BEGIN SOLUTION
    back_a = (a, lambda g: unbroadcast(g * b.data, a.data.shape))
    back_b = (b, lambda g: unbroadcast(g * a.data, b.data.shape))
    return Tensor(a.data * b.data, [back_a, back_b])
    # END SOLUTION


def add_gradients(a, b, g):
    """Given: what goes back through add."""
    return contributions(add(Tensor(a), Tensor(b)), g)


def add_loss(a, b, g):
    """Given: a loss whose gradient with respect to the sum is g."""
    return ((a + b) * g).sum()


def multiply_gradients(a, b, g):
    """Given: what goes back through multiply."""
    return contributions(multiply(Tensor(a), Tensor(b)), g)


def multiply_loss(a, b, g):
    """Given: a loss whose gradient with respect to the product is g."""
    return (a * b * g).sum()


def results(a, b):
    """Given: the results of add and multiply."""
    return add(Tensor(a), Tensor(b)).data, multiply(Tensor(a), Tensor(b)).data


# %%
# BEGIN TESTS
task = assignment.task("1.2", "add and multiply", points=2, needs=["1.1"])
row_and_matrix = (np.array([1.0, -2.0]), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [10.0, -1.0]]))
task.check(results, row_and_matrix[:2], name="results", outputs=["a + b", "a * b"])
task.check(add_gradients, row_and_matrix, name="add", outputs=["to a", "to b"], gradient_of=add_loss, wrt=[0, 1])
task.check(
    multiply_gradients,
    row_and_matrix,
    name="multiply",
    outputs=["to a", "to b"],
    gradient_of=multiply_loss,
    wrt=[0, 1],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    multiply_gradients,
    lambda rng: [rng.standard_normal(shape) for shape in [(4, 1), (1, 3), (4, 3)]],
    name="a column times a row",
    outputs=["to a", "to b"],
    gradient_of=multiply_loss,
    wrt=[0, 1],
)
task.mistake(
    "factors swapped",
    "What goes back to a factor is g times the other factor, not times itself.",
    "unbroadcast(g * b.data, a.data.shape)",
    "unbroadcast(g * a.data, a.data.shape)",
    hint="Let a be 0 and b be 5, and nudge a.",
)
task.mistake(
    "summed before multiplied",
    "g is summed before it is multiplied by the other factor. Each use has its own factor: multiply first.",
    "unbroadcast(g * b.data, a.data.shape)",
    "unbroadcast(g, a.data.shape) * unbroadcast(b.data, a.data.shape)",
    hint="Write out the contribution of each row, then add.",
)
task.mistake(
    "product not unbroadcast",
    "The contribution has the shape of the product. The argument was repeated: sum over what was repeated.",
    "unbroadcast(g * b.data, a.data.shape)",
    "g * b.data",
    hint="Which shape has a, and which shape goes back to it?",
)
task.mistake(
    "sum not unbroadcast",
    "The contribution of add has the shape of the sum. The argument was repeated: sum over what was repeated.",
    "[(a, lambda g: unbroadcast(g, a.data.shape)),",
    "[(a, lambda g: g),",
    hint="Which shape has a, and which shape goes back to it?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.3: the matrix product (2 points)
#
# For two matrices. You need not remember where the transpose goes: what goes back to `a` has the shape of `a`, and
# there is one way to get that from `g` and `b`.


# %%
def matmul(a, b):
    """Return a @ b, for matrices."""
    # BEGIN SOLUTION
    return Tensor(a.data @ b.data, [(a, lambda g: g @ b.data.T), (b, lambda g: a.data.T @ g)])
    # END SOLUTION


def matmul_gradients(a, b, g):
    """Given: what goes back through matmul."""
    return contributions(matmul(Tensor(a), Tensor(b)), g)


def matmul_loss(a, b, g):
    """Given: a loss whose gradient with respect to the product is g."""
    return ((a @ b) * g).sum()


# %%
# BEGIN TESTS
task = assignment.task("1.3", "the matrix product", points=2)
square = (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [-1.0, 2.0]]), np.array([[1.0, 0.0], [2.0, -1.0]]))
task.check(
    matmul_gradients,
    square,
    name="square matrices",
    outputs=["to a", "to b"],
    gradient_of=matmul_loss,
    wrt=[0, 1],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    matmul_gradients,
    lambda rng: [rng.standard_normal(shape) for shape in [(2, 3), (3, 4), (2, 4)]],
    name="other shapes",
    outputs=["to a", "to b"],
    gradient_of=matmul_loss,
    wrt=[0, 1],
)
task.mistake(
    "not transposed",
    "b is multiplied as it is. It goes back transposed; with square matrices only the numbers show it, not the shape.",
    "g @ b.data.T",
    "g @ b.data",
    hint="Try shapes (2, 3) and (3, 4).",
)
task.mistake(
    "order of the factors",
    "The factors are in the wrong order. With a of shape (n, k) and g of shape (n, m), only one order fits.",
    "a.data.T @ g",
    "g @ a.data.T",
    hint="Try shapes (2, 3) and (3, 4).",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.4: sums (3 points)
#
# A sum uses each element once, with derivative 1, so each element receives the gradient of the sum that it is in. The
# work is in the shapes: without `keepdims`, the axis is gone, and NumPy would line `g` up with the wrong one. For a
# square matrix it does so without an error.
#
# `axis` is None (sum everything), or one axis, which may be negative.


# %%
def sum_along(a, axis=None, keepdims=False):
    """Return the sum of a along an axis."""

    # BEGIN SOLUTION
    def vjp(g):
        if axis is not None and not keepdims:
            g = np.expand_dims(g, axis)
        return np.broadcast_to(g, a.data.shape)

    return Tensor(a.data.sum(axis=axis, keepdims=keepdims), [(a, vjp)])
    # END SOLUTION


def sum_all_gradient(a, g):
    """Given: what goes back through the sum of everything."""
    return contributions(sum_along(Tensor(a)), np.asarray(g))[0]


def sum_all_loss(a, g):
    """Given: its formula."""
    return a.sum() * g


def sum_gradient(a, axis, keepdims, g):
    """Given: what goes back through a sum along an axis."""
    return contributions(sum_along(Tensor(a), axis, bool(keepdims)), g)[0]


def sum_loss(a, axis, keepdims, g):
    """Given: its formula."""
    return (a.sum(axis=axis, keepdims=keepdims) * g).sum()


# %%
# BEGIN TESTS
task = assignment.task("1.4", "sums", points=3)
numbers = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
task.check(sum_all_gradient, (numbers, 2.0), name="everything", outputs=["to a"], gradient_of=sum_all_loss, wrt=[0])
task.check(
    sum_gradient,
    (numbers, 1, False, np.array([1.0, 10.0, 100.0])),
    name="rows of a square",
    outputs=["to a"],
    gradient_of=sum_loss,
    wrt=[0],
)
task.check(
    sum_gradient,
    (numbers, 1, True, np.array([[1.0], [10.0], [100.0]])),
    name="rows, the axis kept",
    outputs=["to a"],
    gradient_of=sum_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    sum_gradient,
    lambda rng: (rng.standard_normal((2, 3, 4)), -2, False, rng.standard_normal((2, 4))),
    name="a negative axis",
    outputs=["to a"],
    gradient_of=sum_loss,
    wrt=[0],
)
task.mistake(
    "along the wrong axis",
    "g is spread along the wrong axis: NumPy lines up last axes. Give g the axis that is gone, by np.expand_dims.",
    "g = np.expand_dims(g, axis)",
    "pass",
    hint="Row 0 must receive g[0] in all of its columns. Which numbers are in your row 0?",
)
task.mistake(
    "divided by the number",
    "This is what goes back through a mean. In a sum each element has derivative 1.",
    "return np.broadcast_to(g, a.data.shape)",
    "return np.broadcast_to(g, a.data.shape) * g.size / a.data.size",
    hint="If one element goes up by 1, by how much does the sum go up?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.5: exp, log and ReLU (1 point)
#
# One line each. ReLU has the derivative 0 where its argument is 0.


# %%
def exp(a):
    """Return e to the power of a."""
    # BEGIN SOLUTION
    out = np.exp(a.data)
    return Tensor(out, [(a, lambda g: g * out)])
    # END SOLUTION


def log(a):
    """Return the natural logarithm of a."""
    # BEGIN SOLUTION
    return Tensor(np.log(a.data), [(a, lambda g: g / a.data)])
    # END SOLUTION


def relu(a):
    """Return a where it is positive, 0 elsewhere."""
    # BEGIN SOLUTION
    return Tensor(np.maximum(a.data, 0), [(a, lambda g: g * (a.data > 0))])
    # END SOLUTION


def elementwise(a, g):
    """Given: exp(a), log(a) and relu(a - 1), and what goes back to each of the three."""
    made = exp(Tensor(a)), log(Tensor(a)), relu(Tensor(a - 1))
    return *(out.data for out in made), *(contributions(out, g)[0] for out in made)


# %%
# BEGIN TESTS
task = assignment.task("1.5", "exp, log and ReLU", points=1)
names = ["exp(a)", "log(a)", "relu(a)", "to a of exp", "to a of log", "to a of relu"]
task.check(elementwise, (np.array([0.5, 1.0, 2.0]), np.array([1.0, -1.0, 3.0])), name="three numbers", outputs=names)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    elementwise, lambda rng: (rng.random((2, 3)) + 0.5, rng.standard_normal((2, 3))), name="a matrix", outputs=names
)
task.mistake(
    "power rule for exp",
    "exp is differentiated as if it were a power. Its derivative is exp itself, the result.",
    "(a, lambda g: g * out)",
    "(a, lambda g: g * a.data * np.exp(a.data - 1))",
    hint="Which function is its own derivative?",
)
task.mistake(
    "argument for result in exp",
    "g is multiplied by the argument of exp. The derivative is exp itself, the result.",
    "(a, lambda g: g * out)",
    "(a, lambda g: g * a.data)",
    hint="Which function is its own derivative?",
)
task.mistake(
    "log multiplied",
    "The derivative of log is 1 / a: divide g by a.",
    "(a, lambda g: g / a.data)",
    "(a, lambda g: g * a.data)",
    hint="Is log steeper at 0.5 or at 2?",
)
task.mistake(
    "passes at 0",
    "ReLU passes the gradient where its argument is 0. The text asks for 0 there.",
    "g * (a.data > 0)",
    "g * (a.data >= 0)",
    hint="Look at the number where relu gets 0.",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.6: indexing (2 points)
#
# `a[index]`, with any index that NumPy knows: a number, a slice, a list of rows, a pair of lists. Backward, each
# element goes home to the place that it was taken from; what was not taken gets 0. An index may take the same row
# twice, as a text with two equal letters does in a table of embeddings. Two uses, two contributions. `d[index] += g`
# does not do that; NumPy has a function for it.


# %%
def take(a, index):
    """Return a[index]."""

    # BEGIN SOLUTION
    def vjp(g):
        d = np.zeros_like(a.data)
        np.add.at(d, index, g)
        return d

    return Tensor(a.data[index], [(a, vjp)])
    # END SOLUTION


def take_gradient(a, index, g):
    """Given: what goes back through take, for a list of rows."""
    return contributions(take(Tensor(a), index), g)[0]


def take_loss(a, index, g):
    """Given: its formula."""
    return (a[index] * g).sum()


# %%
# BEGIN TESTS
task = assignment.task("1.6", "indexing", points=2)
task.check(
    take_gradient,
    (np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([0, 2]), np.array([[1.0, 2.0], [3.0, 4.0]])),
    name="two rows",
    outputs=["to a"],
    gradient_of=take_loss,
    wrt=[0],
)
task.check(
    take_gradient,
    (np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([1, 1]), np.array([[1.0, 2.0], [30.0, 40.0]])),
    name="the same row twice",
    outputs=["to a"],
    gradient_of=take_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    take_gradient,
    lambda rng: (rng.standard_normal((4, 3)), rng.integers(0, 4, 9), rng.standard_normal((9, 3))),
    name="nine rows of four",
    outputs=["to a"],
    gradient_of=take_loss,
    wrt=[0],
)
task.mistake(
    "last contribution only",
    "A row that is taken twice gets one contribution: d[index] = g and d[index] += g both write once. Use np.add.at.",
    "np.add.at(d, index, g)",
    "d[index] += g",
    hint="Which row is taken twice, and what should it receive?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 2.1: backward (4 points)
#
# Now the engine: `Tensor.backward`, at the top. It must
#
# - begin with 1, the gradient of the loss with respect to itself;
# - call a node's vjps *after* all contributions to that node have arrived, and only once. A node that is used on a
#   short road and on a long one must wait for the long one. So visit the nodes in an order where each one comes after
#   all nodes that use it (topological order);
# - add contributions that meet;
# - add the result to the `grad` of each leaf, where None counts as 0. A second `backward` adds to the first. Nodes that
#   are not leaves get no `grad`.
#
# A text of 5,000 characters makes a graph that is 5,000 nodes deep, and Python allows about 1,000 nested calls: use a
# list as a stack, not recursion. The checks of this task make their nodes by hand, so you can do it before part 1.


# %%
def times(a, b):
    """Given: a product of two Tensors of the same shape."""
    return Tensor(a.data * b.data, [(a, lambda g: g * b.data), (b, lambda g: g * a.data)])


def plus(a, b):
    """Given: a sum of two Tensors of the same shape."""
    return Tensor(a.data + b.data, [(a, lambda g: g), (b, lambda g: g)])


def total(a):
    """Given: the sum of all elements, one number."""
    return Tensor(a.data.sum(), [(a, lambda g: np.broadcast_to(g, a.data.shape))])


def used_twice(x, y):
    """Given: the gradients of x * y + x, summed."""
    x, y = Tensor(x), Tensor(y)
    total(plus(times(x, y), x)).backward()
    return x.grad, y.grad


def used_twice_loss(x, y):
    """Given: its formula."""
    return (x * y + x).sum()


def two_roads(x, y):
    """Given: h goes to the output on a short road and on a long one."""
    x, y = Tensor(x), Tensor(y)
    h = times(x, y)
    total(plus(times(plus(times(h, h), y), y), h)).backward()
    return x.grad, y.grad


def two_roads_loss(x, y):
    """Given: its formula."""
    h = x * y
    return ((h * h + y) * y + h).sum()


def other_order(x, y):
    """Given: the same roads, the short one first."""
    x, y = Tensor(x), Tensor(y)
    h = times(x, y)
    total(plus(h, times(y, plus(times(h, h), y)))).backward()
    return x.grad, y.grad


def backward_twice(x, y):
    """Given: the gradients after two backward passes, and whether a node that is no leaf has none."""
    x, y = Tensor(x), Tensor(y)
    h = times(x, y)
    total(plus(h, x)).backward()
    total(times(h, y)).backward()
    return x.grad, y.grad, h.grad is None


def deep(x, steps):
    """Given: the gradient of a chain of many nodes, each of which uses the one before twice."""
    leaf = h = Tensor(x)
    half = Tensor(0.5)
    for _ in range(steps):
        h = times(plus(h, h), half)
    h.backward()
    return leaf.grad


# %%
# BEGIN TESTS
task = assignment.task("2.1", "backward", points=4)
names = ["x.grad", "y.grad"]
pair = (np.array([3.0, 1.0, -1.0]), np.array([-2.0, 4.0, 0.5]))
task.check(used_twice, pair, name="x * y + x", outputs=names, gradient_of=used_twice_loss, wrt=[0, 1])
task.check(two_roads, pair, name="two roads", outputs=names, gradient_of=two_roads_loss, wrt=[0, 1])
task.check(backward_twice, pair, name="two passes", outputs=[*names, "an inner node has no grad"])
task.check(deep, (np.array(1.5), 5000), name="10,000 nodes deep", outputs=["grad"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    other_order,
    lambda rng: (rng.standard_normal(4) + 2, rng.standard_normal(4)),
    name="the short road first",
    outputs=names,
    gradient_of=two_roads_loss,
    wrt=[0, 1],
    personal=True,
)


def breadth_first(self):
    """Go on from each node as soon as it is reached."""
    gradients, queue = {id(self): np.ones_like(self.data)}, [self]
    for node in queue:
        for parent, vjp in node.parents:
            if id(parent) not in gradients:
                queue.append(parent)
            gradients[id(parent)] = gradients.get(id(parent), 0.0) + vjp(gradients[id(node)])
    for node in queue:
        if not node.parents:
            node.grad = gradients[id(node)] if node.grad is None else node.grad + gradients[id(node)]


task.mistake(
    "before all has arrived",
    "A node goes on as soon as it is reached, and what arrives later on a longer road is lost. Visit the nodes in an "
    "order where each comes after all that use it.",
    instead={"Tensor.backward": breadth_first},
    hint="Draw the graph of the two roads, and write down in which order your nodes are visited.",
)
task.mistake(
    "contributions overwritten",
    "A later contribution replaces an earlier one. What meets at a node is added.",
    "gradients[id(parent)] = gradients.get(id(parent), 0.0) + vjp(g)",
    "gradients[id(parent)] = vjp(g)",
    hint="x is used twice. How many contributions does it get?",
)
task.mistake(
    "second pass overwrites",
    "The second backward replaces the grad of the first. It must be added to what is there.",
    "node.grad = g if node.grad is None else node.grad + g",
    "node.grad = g",
    hint="What does the text say of a second backward?",
)
task.mistake(
    "value for gradient",
    "The pass begins with the value of the loss. It begins with the gradient of the loss with respect to itself, 1.",
    "gradients = {id(self): np.ones_like(self.data)}",
    "gradients = {id(self): self.data}",
    hint="By how much does the loss change if the loss changes by 1?",
)
task.mistake(
    "inner nodes get a grad",
    "Nodes that are not leaves get a grad, too. Only a Tensor without parents does.",
    """
    if not node.parents:
        node.grad = g if node.grad is None else node.grad + g
    """,
    """
    node.grad = g if node.grad is None else node.grad + g
    """,
    hint="Which nodes are leaves?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 2.2: a loss made of your operations (2 points)
#
# The mean cross-entropy of a batch: `scores` is a Tensor of shape (N, C), `y` an array with the right class of each
# row. Use your operations only, and the backward pass comes for free. As a number, the loss of one row is
#
#     log(sum of exp(s)) - s[right class],   with the largest number of the row subtracted from s before exp
#
# The subtracted maximum changes nothing, so it may be a constant: a new Tensor made from `scores.data`.


# %%
def cross_entropy(scores, y):
    """Return the mean cross-entropy loss, a Tensor that holds one number."""
    # BEGIN SOLUTION
    shifted = scores - scores.data.max(axis=1, keepdims=True)
    right = take(shifted, (np.arange(len(y)), y))
    of_each = log(sum_along(exp(shifted), axis=1)) - right
    return sum_along(of_each) * (1 / len(y))
    # END SOLUTION


def cross_entropy_gradient(scores, y):
    """Given: its gradient, by your engine."""
    leaf = Tensor(scores)
    cross_entropy(leaf, y).backward()
    return leaf.grad


def cross_entropy_value(scores, y):
    """Given: its value."""
    return cross_entropy(Tensor(scores), y).data


def cross_entropy_loss(scores, y):
    """Given: its formula, for numbers that are not too large."""
    of_each = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(y)), y]
    return of_each.mean()


# %%
# BEGIN TESTS
part_1 = ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "2.1"]
task = assignment.task("2.2", "a loss", points=2, needs=part_1)
rows = (np.array([[2.0, 1.0, -1.0], [0.0, 0.5, 3.0]]), np.array([1, 2]))
task.check(cross_entropy_value, rows, name="value", outputs=["loss"])
task.check(
    cross_entropy_gradient,
    rows,
    name="gradient",
    outputs=["scores.grad"],
    gradient_of=cross_entropy_loss,
    wrt=[0],
)
task.check(cross_entropy_value, (np.array([[1000.0, 0.0], [-1000.0, -1001.0]]), np.array([0, 1])), name="large numbers")
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    cross_entropy_gradient,
    lambda rng: (rng.standard_normal((5, 4)), rng.integers(0, 4, 5)),
    name="five rows",
    outputs=["scores.grad"],
    gradient_of=cross_entropy_loss,
    wrt=[0],
)
task.mistake(
    "sum for mean",
    "The losses of the rows are added up. Divide by their number.",
    "sum_along(of_each) * (1 / len(y))",
    "sum_along(of_each)",
    hint="What becomes of your loss if each row stands in the batch twice?",
)
task.mistake(
    "not shifted",
    "exp overflows: subtract the largest number of each row first.",
    "shifted = scores - scores.data.max(axis=1, keepdims=True)",
    "shifted = scores",
    hint="What is np.exp(1000)?",
)
task.mistake(
    "sum over the rows",
    "exp is summed over the batch. Each row has its own sum, over its classes.",
    "exp(shifted), axis=1)",
    "exp(shifted), axis=0)",
    hint="What belongs to one row: its classes, or the other rows?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 2.3: train (2 points)
#
# A network with two layers and ReLU in between, trained by your engine. In each step, compute the loss on all of `X`
# and keep its number, clear the gradients of the four parameters, go back, and move each parameter's `data` against its
# `grad`. Make the parameters Tensors once, before the loop.


# %%
def train(X, y, W1, b1, W2, b2, learning_rate, steps):
    """Return the losses, and the four trained arrays."""
    # BEGIN SOLUTION
    parameters = W1, b1, W2, b2 = Tensor(W1), Tensor(b1), Tensor(W2), Tensor(b2)
    losses = []
    for _ in range(steps):
        loss = cross_entropy(relu(Tensor(X) @ W1 + b1) @ W2 + b2, y)
        losses.append(float(loss.data))
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        for parameter in parameters:
            parameter.data = parameter.data - learning_rate * parameter.grad
    return losses, W1.data, b1.data, W2.data, b2.data
    # END SOLUTION


def few_steps(X, y, W1, b1, W2, b2, learning_rate):
    """Given: five steps."""
    return train(X, y, W1, b1, W2, b2, learning_rate, 5)


def small_network(rng):
    """Given: six points, four hidden units, three classes."""
    weights = [rng.standard_normal(shape) for shape in [(2, 4), (4,), (4, 3), (3,)]]
    return rng.standard_normal((6, 2)), rng.integers(0, 3, 6), *weights, 0.5


def spirals(steps=1000):
    """Given: train on three spiral arms, and print the share of points that is on its own arm."""
    data = minigrad.data.spiral()
    rng = np.random.default_rng(0)
    X, y = np.asarray(data.X, float), data.y
    weights = [rng.standard_normal((2, 64)), np.zeros(64), rng.standard_normal((64, 3)) * 0.1, np.zeros(3)]
    losses, W1, b1, W2, b2 = train(X, y, *weights, 1.0, steps)
    guesses = (np.maximum(X @ W1 + b1, 0) @ W2 + b2).argmax(axis=1)
    print(f"loss {losses[0]:.3f} at first, {losses[-1]:.3f} at last; {(guesses == y).mean():.1%} right")


# %%
# BEGIN TESTS
task = assignment.task("2.3", "train", points=2, needs=[*part_1, "2.2"])
names = ["losses", "W1", "b1", "W2", "b2"]
task.check(few_steps, small_network, name="five steps", outputs=names, rtol=1e-6)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(few_steps, small_network, name="your own network", outputs=names, rtol=1e-6, personal=True)
task.mistake(
    "gradients not cleared",
    "The gradients are not cleared, so each step follows the sum of all gradients so far.",
    "parameter.grad = None",
    "pass",
    hint="What does a second backward do to a grad that is there?",
)
task.mistake(
    "uphill",
    "The step follows the gradient, so the loss grows. Subtract.",
    "parameter.data - learning_rate * parameter.grad",
    "parameter.data + learning_rate * parameter.grad",
    hint="Print the losses. Where do they go?",
)
task.mistake(
    "steps into new Tensors",
    "Each step makes a new Tensor and forgets it: the next loss uses the old parameters. Assign to parameter.data.",
    "parameter.data = parameter.data - learning_rate * parameter.grad",
    "parameter = Tensor(parameter.data - learning_rate * parameter.grad)",
    hint="Do the losses change at all?",
)
task.mistake(
    "no ReLU",
    "There is no ReLU between the layers, so the two are no more than one.",
    "relu(Tensor(X) @ W1 + b1)",
    "(Tensor(X) @ W1 + b1)",
    hint="What stands between the two layers?",
)
# END HIDDEN TESTS

# %% [markdown]
# When all is green, run `spirals()`. Straight lines cannot part three spirals; yours are bent.
#
# ## Task 3: in your words (2 points)
#
# The vjp of `multiply` uses `a.data` and `b.data` during the backward pass. Somebody saves memory by writing the
# product into the array of `a` (`a.data *= b.data`) and using it again. What goes wrong, and why does it not for `add`?
# Two or three sentences.

# %% [markdown]
# BEGIN SOLUTION
# The backward pass runs later, and then a.data holds the product instead of the factor, so what goes back to b is wrong
# although no error is raised. The vjp of add uses no numbers of its arguments, only their shapes.
# END SOLUTION

# %%
# BEGIN TESTS
task = assignment.task("3", "in your words", points=2)
task.rubric(
    "What goes wrong with an in-place product, and why not with a sum?",
    {"the backward pass reads a changed array": 1, "the derivative of a sum uses no values": 1},
    samples=[
        "The lambda looks at a.data when backward runs, and by then it is the product. Adding needs only shapes.",
    ],
)
# END TESTS
