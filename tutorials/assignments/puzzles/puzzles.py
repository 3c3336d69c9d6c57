# %% [markdown]
# # Twenty puzzles: what goes back?
#
# Backpropagation is one question, asked again and again. An operation has computed `y` from `x`. Something
# behind it, you need not know what, says how the loss changes with each number of `y`: that is `dy`, the
# gradient of the loss with respect to `y`, an array of the shape of `y`. What is `dx`, the gradient of the loss
# with respect to `x`?
#
# Each puzzle gives you the operation; you write what goes back through it. Five minutes each, three or four
# lines at most, and nothing but NumPy. They start easy, and the last ones have kept people up.
#
# Three things help with all of them.
#
# - **Shapes.** `dx` always has the shape of `x`. That alone often leaves only one answer.
# - **One number at a time.** Take the number `x[i]`. Which numbers of `y` does it reach, and what is the
#   derivative of each with respect to it? Multiply each derivative by its `dy`, and add them up. That is `dx[i]`.
# - **A small case.** Two or three numbers on paper, then the general line.
#
# The functions called `..._loss` are given for the checks: with a fixed `dy`, the number `(y * dy).sum()` is a
# loss whose gradient with respect to `y` is exactly `dy`. You can use them, too: nudge a number of `x` by 1e-6
# and see what the loss does.
#
# After each puzzle is a line `check("1", globals())`. Run it: it compares with the right answer on small inputs,
# and where your mistake is a known one, it gives a hint. `cause=True` as a further argument says the cause.
# When the puzzles are graded, other inputs are used as well.

# %%
import numpy as np

# %%
# BEGIN TESTS
from minigrad.course import Assignment

assignment = Assignment("Twenty puzzles", causes="on request")
# END TESTS

# %% [markdown]
# ## Puzzle 1: a constant factor
#
# `c` is a number and no variable: nothing goes back to it.


# %%
def scale(x, c):
    """Return c times x."""
    return c * x


def scale_loss(x, c, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return (scale(x, c) * dy).sum()


def scale_backward(x, c, dy):
    """Return dx."""
    # BEGIN SOLUTION
    return dy * c
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("1", "a constant factor")
task.check(
    scale_backward,
    (np.array([1.0, -2.0, 4.0]), 3.0, np.array([1.0, 10.0, -1.0])),
    name="three numbers",
    outputs=["dx"],
    gradient_of=scale_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    scale_backward,
    lambda rng: (rng.standard_normal((2, 3)), rng.standard_normal(), rng.standard_normal((2, 3))),
    name="a matrix",
    outputs=["dx"],
    gradient_of=scale_loss,
    wrt=[0],
)
task.mistake(
    "dy forgotten",
    "This is dy/dx, the derivative of the operation alone. The chain rule multiplies it by dy.",
    "return dy * c",
    "return np.full(np.shape(x), c)",
    hint="One of the arguments is not used.",
)
task.mistake(
    "forward again",
    "This is the operation applied once more. Its derivative with respect to x does not contain x.",
    "return dy * c",
    "return c * x",
    hint="What is the derivative of 3 x?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 2: a product
#
# Both factors are variables now, so there are two answers, one for each.


# %%
def product(a, b):
    """Return a times b, element by element."""
    return a * b


def product_loss(a, b, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return (product(a, b) * dy).sum()


def product_backward(a, b, dy):
    """Return da and db."""
    # BEGIN SOLUTION
    return dy * b, dy * a
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("2", "a product")
task.check(
    product_backward,
    (np.array([2.0, -3.0]), np.array([5.0, 7.0]), np.array([1.0, 10.0])),
    name="two numbers",
    outputs=["da", "db"],
    gradient_of=product_loss,
    wrt=[0, 1],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    product_backward,
    lambda rng: tuple(rng.standard_normal((3, 2)) for _ in range(3)),
    name="matrices",
    outputs=["da", "db"],
    gradient_of=product_loss,
    wrt=[0, 1],
)
task.mistake(
    "factors swapped",
    "The two answers are swapped: what goes back to a factor is dy times the other factor.",
    "return dy * b, dy * a",
    "return dy * a, dy * b",
    hint="Let a be 0 and b be 5, and nudge a.",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 3: a power
#
# The exponent `n` is a fixed integer, at least 1.


# %%
def power(x, n):
    """Return x to the power of n, element by element."""
    return x**n


def power_loss(x, n, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return (power(x, n) * dy).sum()


def power_backward(x, n, dy):
    """Return dx."""
    # BEGIN SOLUTION
    return dy * n * x ** (n - 1)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("3", "a power")
task.check(
    power_backward,
    (np.array([1.5, -2.0, 3.0]), 3, np.array([1.0, 1.0, -2.0])),
    name="cubes",
    outputs=["dx"],
    gradient_of=power_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    power_backward,
    lambda rng: (rng.standard_normal(6), 4, rng.standard_normal(6)),
    name="fourth powers",
    outputs=["dx"],
    gradient_of=power_loss,
    wrt=[0],
)
task.mistake(
    "exponent kept",
    "The exponent goes down by 1: the derivative of x**n is n * x**(n - 1).",
    "x ** (n - 1)",
    "x**n",
    hint="Look at the exponent.",
)
task.mistake(
    "factor n forgotten",
    "The factor n is missing: the derivative of x**n is n * x**(n - 1).",
    "dy * n * x",
    "dy * x",
    hint="What is the slope of x**3 at 1?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 4: ReLU
#
# Where `x` is negative, the output is 0. At exactly 0 there is no derivative; as everybody else, take 0.


# %%
def relu(x):
    """Return x where it is positive, otherwise 0."""
    return np.maximum(x, 0)


def relu_loss(x, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return (relu(x) * dy).sum()


def relu_backward(x, dy):
    """Return dx."""
    # BEGIN SOLUTION
    return dy * (x > 0)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("4", "ReLU")
task.check(
    relu_backward,
    (np.array([-1.0, 2.0, 0.5, -3.0]), np.array([5.0, 6.0, -7.0, 8.0])),
    name="four numbers",
    outputs=["dx"],
    gradient_of=relu_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    relu_backward,
    lambda rng: (np.append(rng.standard_normal(6), [0.0, 0.0]), rng.standard_normal(8)),
    name="with zeros",
    outputs=["dx"],
)
task.mistake(
    "ReLU of the gradient",
    "The gate is opened and closed by the sign of x, not by that of dy: negative gradients pass, too.",
    "return dy * (x > 0)",
    "return np.maximum(dy, 0)",
    hint="Which of the two arrays decides whether something passes?",
)
task.mistake(
    "gate forgotten",
    "Where x is negative, the output is 0 whatever x is, so nothing goes back there.",
    "return dy * (x > 0)",
    "return dy",
    hint="Nudge a negative x. What does the output do?",
)
task.mistake(
    "x for its sign",
    "What passes is multiplied by x. The slope of the output is 1 where x is positive: dy passes as it is.",
    "return dy * (x > 0)",
    "return dy * np.maximum(x, 0)",
    hint="What is the slope of the output where x is 2? And where it is 3?",
)
task.mistake(
    "zero passes",
    "At exactly 0 the derivative is taken to be 0: the gate is x > 0, not x >= 0.",
    "(x > 0)",
    "(x >= 0)",
    hint="What do you do where x is exactly 0?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 5: the logistic function
#
# You are given the output `y`, and not `x`. It is enough: an engine that remembers `y` can forget `x`.


# %%
def logistic(x):
    """Return 1 / (1 + exp(-x)), element by element."""
    return 1 / (1 + np.exp(-x))


def logistic_backward(y, dy):
    """Return dx, given the output y = logistic(x)."""
    # BEGIN SOLUTION
    return dy * y * (1 - y)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("5", "the logistic function")
task.check(
    logistic_backward,
    (np.array([0.5, 0.9, 0.2]), np.array([1.0, 10.0, -1.0])),
    name="three outputs",
    outputs=["dx"],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    logistic_backward,
    lambda rng: (rng.uniform(0.05, 0.95, (2, 4)), rng.standard_normal((2, 4))),
    name="a matrix",
    outputs=["dx"],
)
task.mistake(
    "dy forgotten",
    "This is dy/dx, the derivative of the operation alone. The chain rule multiplies it by dy.",
    "return dy * y * (1 - y)",
    "return y * (1 - y)",
    hint="One of the arguments is not used.",
)
task.mistake(
    "y taken for x",
    "The logistic function is applied to y, which is its output already. The derivative is y * (1 - y).",
    "return dy * y * (1 - y)",
    "s = 1 / (1 + np.exp(-y))\n    return dy * s * (1 - s)",
    hint="What is the first argument, the input or the output?",
)
task.mistake(
    "derivative of tanh",
    "1 - y**2 is the derivative of tanh. That of the logistic function is y * (1 - y).",
    "dy * y * (1 - y)",
    "dy * (1 - y * y)",
    hint="Write y as (1 + exp(-x))**-1, and use the last puzzles but one.",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 6: a quotient


# %%
def quotient(a, b):
    """Return a divided by b, element by element."""
    return a / b


def quotient_loss(a, b, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return (quotient(a, b) * dy).sum()


def quotient_backward(a, b, dy):
    """Return da and db."""
    # BEGIN SOLUTION
    return dy / b, -dy * a / b**2
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("6", "a quotient")
task.check(
    quotient_backward,
    (np.array([6.0, -3.0]), np.array([2.0, 4.0]), np.array([1.0, 8.0])),
    name="two numbers",
    outputs=["da", "db"],
    gradient_of=quotient_loss,
    wrt=[0, 1],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    quotient_backward,
    lambda rng: (rng.standard_normal(5), rng.uniform(1, 2, 5), rng.standard_normal(5)),
    name="five numbers",
    outputs=["da", "db"],
    gradient_of=quotient_loss,
    wrt=[0, 1],
)
task.mistake(
    "minus forgotten",
    "The sign of db is wrong: a larger denominator makes the quotient of positive numbers smaller.",
    "-dy * a / b**2",
    "dy * a / b**2",
    hint="Does 6 / 2 grow or shrink when the 2 grows?",
)
task.mistake(
    "not squared",
    "The denominator of db is b squared: the derivative of a * b**-1 is -a * b**-2.",
    "b**2",
    "b",
    hint="Write the quotient as a power.",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 7: used twice
#
# `x` is used in two places. A gradient comes back through each of them.


# %%
def wave(x):
    """Return x times its sine, element by element."""
    return x * np.sin(x)


def wave_loss(x, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return (wave(x) * dy).sum()


def wave_backward(x, dy):
    """Return dx."""
    # BEGIN SOLUTION
    return dy * (np.sin(x) + x * np.cos(x))
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("7", "used twice")
task.check(
    wave_backward,
    (np.array([0.5, -2.0, 3.0]), np.array([1.0, 10.0, -1.0])),
    name="three numbers",
    outputs=["dx"],
    gradient_of=wave_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    wave_backward,
    lambda rng: (rng.standard_normal((3, 2)), rng.standard_normal((3, 2))),
    name="a matrix",
    outputs=["dx"],
    gradient_of=wave_loss,
    wrt=[0],
)
task.mistake(
    "only through the sine",
    "Only the contribution through the sine is there. That through the factor x, dy * sin(x), is missing.",
    "(np.sin(x) + x * np.cos(x))",
    "(x * np.cos(x))",
    hint="Count the places where x is used, and the terms of your answer.",
)
task.mistake(
    "only through the factor",
    "Only the contribution through the factor x is there. That through the sine, dy * x * cos(x), is missing.",
    "(np.sin(x) + x * np.cos(x))",
    "np.sin(x)",
    hint="Count the places where x is used, and the terms of your answer.",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 8: a sum
#
# The output is one number, so `dy` is one number as well.


# %%
def total(x):
    """Return the sum of all numbers of x."""
    return x.sum()


def total_loss(x, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return total(x) * dy


def total_backward(x, dy):
    """Return dx, of the shape of x."""
    # BEGIN SOLUTION
    return np.full(x.shape, dy)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("8", "a sum")
task.check(
    total_backward,
    (np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), 10.0),
    name="two rows",
    outputs=["dx"],
    gradient_of=total_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    total_backward,
    lambda rng: (rng.standard_normal((2, 1, 4)), rng.standard_normal()),
    name="three dimensions",
    outputs=["dx"],
    gradient_of=total_loss,
    wrt=[0],
)
task.mistake(
    "one number",
    "This is one number. Each number of x gets its own gradient, so dx has the shape of x.",
    "return np.full(x.shape, dy)",
    "return dy",
    hint="Compare the shapes of x and of your dx.",
)
task.mistake(
    "times x",
    "The derivative of a sum with respect to each of its terms is 1, whatever the term is: dx does not contain x.",
    "return np.full(x.shape, dy)",
    "return dy * x",
    hint="Nudge one of the numbers by h. By how much does the sum grow?",
)
task.mistake(
    "mean, not sum",
    "dy is divided by the number of terms. That is the mean: a sum passes the whole of dy to every term.",
    "np.full(x.shape, dy)",
    "np.full(x.shape, dy / x.size)",
    hint="Nudge one of the numbers by h. By how much does the sum grow?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 9: the mean of each column
#
# `X` has shape (n, d), `dy` has shape (d,).


# %%
def column_means(X):
    """Return the mean of each column, shape (d,)."""
    return X.mean(axis=0)


def column_means_loss(X, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return (column_means(X) * dy).sum()


def column_means_backward(X, dy):
    """Return dX, shape (n, d)."""
    # BEGIN SOLUTION
    return np.ones(X.shape) * dy / X.shape[0]
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("9", "the mean of each column")
task.check(
    column_means_backward,
    (np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([2.0, 20.0, -2.0])),
    name="two rows",
    outputs=["dX"],
    gradient_of=column_means_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    column_means_backward,
    lambda rng: (rng.standard_normal((5, 2)), rng.standard_normal(2)),
    name="five rows",
    outputs=["dX"],
    gradient_of=column_means_loss,
    wrt=[0],
)
task.mistake(
    "one row",
    "This is what each row gets. dX has the shape of X, so it needs a row for each row of X.",
    "np.ones(X.shape) * dy / X.shape[0]",
    "dy / X.shape[0]",
    hint="Compare the shapes of X and of your dX.",
)
task.mistake(
    "wrong count",
    "dy is divided by the number of columns. Each mean is taken over the rows of its column, so it is their number.",
    "X.shape[0]",
    "X.shape[1]",
    hint="How many numbers is each mean taken over?",
)
task.mistake(
    "divided by all",
    "dy is divided by the number of all numbers of X. Each mean is taken over one column.",
    "X.shape[0]",
    "X.size",
    hint="How many numbers is each mean taken over?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 10: a bias
#
# `X` has shape (n, d), `b` has shape (d,): NumPy adds the same `b` to every row. Forward, `b` was copied n times.
# Backward, the copies meet.


# %%
def add_bias(X, b):
    """Return X with b added to every row."""
    return X + b


def add_bias_loss(X, b, dY):
    """Return a loss whose gradient with respect to the output is dY."""
    return (add_bias(X, b) * dY).sum()


def add_bias_backward(X, b, dY):
    """Return dX, shape (n, d), and db, shape (d,)."""
    # BEGIN SOLUTION
    return dY, dY.sum(axis=0)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("10", "a bias")
task.check(
    add_bias_backward,
    (np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([0.5, -0.5]), np.array([[1.0, 2], [10, 20], [-3, 4]])),
    name="three rows",
    outputs=["dX", "db"],
    gradient_of=add_bias_loss,
    wrt=[0, 1],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    add_bias_backward,
    lambda rng: (rng.standard_normal((3, 3)), rng.standard_normal(3), rng.standard_normal((3, 3))),
    name="a square",
    outputs=["dX", "db"],
    gradient_of=add_bias_loss,
    wrt=[0, 1],
)
task.mistake(
    "mean over the rows",
    "db is averaged over the rows. Every row contributes to it in full: their contributions are summed.",
    "dY.sum(axis=0)",
    "dY.mean(axis=0)",
    hint="Nudge one number of b by h. How many numbers of the output move, and by how much?",
)
task.mistake(
    "not summed",
    "db has the shape of X. The same b is added to every row, so the contributions of the rows are summed.",
    "dY.sum(axis=0)",
    "dY",
    hint="Compare the shapes of b and of your db.",
)
task.mistake(
    "wrong axis",
    "The sum goes along the rows. db[j] collects column j, so it goes along axis 0.",
    "dY.sum(axis=0)",
    "dY.sum(axis=1)",
    hint="Which numbers of the output does b[0] reach?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 11: a factor for each row
#
# `X` has shape (n, d), `s` has shape (n,). The last two puzzles but one, together with the second.


# %%
def scale_rows(X, s):
    """Return X with row i multiplied by s[i]."""
    return X * s[:, None]


def scale_rows_loss(X, s, dY):
    """Return a loss whose gradient with respect to the output is dY."""
    return (scale_rows(X, s) * dY).sum()


def scale_rows_backward(X, s, dY):
    """Return dX, shape (n, d), and ds, shape (n,)."""
    # BEGIN SOLUTION
    return dY * s[:, None], (dY * X).sum(axis=1)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("11", "a factor for each row")
task.check(
    scale_rows_backward,
    (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, -1.0]), np.array([[1.0, 3.0], [-2.0, 5.0]])),
    name="two rows",
    outputs=["dX", "ds"],
    gradient_of=scale_rows_loss,
    wrt=[0, 1],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    scale_rows_backward,
    lambda rng: (rng.standard_normal((4, 3)), rng.standard_normal(4), rng.standard_normal((4, 3))),
    name="four rows",
    outputs=["dX", "ds"],
    gradient_of=scale_rows_loss,
    wrt=[0, 1],
)
task.mistake(
    "X forgotten",
    "What goes back to a factor is dY times the other factor. In ds the other factor, X, is missing.",
    "(dY * X).sum(axis=1)",
    "dY.sum(axis=1)",
    hint="Which argument does ds not use?",
)
task.mistake(
    "summed over the rows",
    "The sum goes down the columns. s[i] multiplies row i, so ds[i] collects row i: axis=1.",
    "(dY * X).sum(axis=1)",
    "(dY * X).sum(axis=0)",
    hint="Which numbers of the output does s[0] reach?",
)
task.mistake(
    "by columns",
    "s is multiplied to the columns, as NumPy does with a vector. Row i belongs to s[i]: s[:, None].",
    "dY * s[:, None], ",
    "dY * s, ",
    hint="Which number of s does the first row of dX need?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 12: a matrix product
#
# `X` has shape (n, d), `W` has shape (d, m). Let the shapes lead you, then check one number on paper.


# %%
def matmul(X, W):
    """Return the matrix product, shape (n, m)."""
    return X @ W


def matmul_loss(X, W, dY):
    """Return a loss whose gradient with respect to the output is dY."""
    return (matmul(X, W) * dY).sum()


def matmul_backward(X, W, dY):
    """Return dX, shape (n, d), and dW, shape (d, m)."""
    # BEGIN SOLUTION
    return dY @ W.T, X.T @ dY
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("12", "a matrix product")
task.check(
    matmul_backward,
    (np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[2.0, 0.0], [1.0, 3.0]]), np.array([[1.0, 10.0], [-1.0, 2.0]])),
    name="two by two, where no shape helps",
    outputs=["dX", "dW"],
    gradient_of=matmul_loss,
    wrt=[0, 1],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    matmul_backward,
    lambda rng: (rng.standard_normal((4, 3)), rng.standard_normal((3, 2)), rng.standard_normal((4, 2))),
    name="three shapes",
    outputs=["dX", "dW"],
    gradient_of=matmul_loss,
    wrt=[0, 1],
)
task.mistake(
    "W not transposed",
    "W must be transposed: dX[i, k] sums dY[i, j] * W[k, j] over j.",
    "dY @ W.T",
    "dY @ W",
    hint="Look at dX: which index do the two factors share?",
)
task.mistake(
    "dW transposed",
    "This is the transpose of dW: dW[k, j] sums X[i, k] * dY[i, j] over i.",
    "X.T @ dY",
    "dY.T @ X",
    hint="Look at dW: which of its indices belongs to X?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 13: moved around
#
# Nothing is computed here; numbers only change their places. The gradient moves back.


# %%
def by_columns(X):
    """Return the numbers of X as a vector, column after column."""
    return X.T.reshape(-1)


def by_columns_loss(X, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return (by_columns(X) * dy).sum()


def by_columns_backward(X, dy):
    """Return dX, of the shape of X."""
    # BEGIN SOLUTION
    return dy.reshape(X.T.shape).T
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("13", "moved around")
task.check(
    by_columns_backward,
    (np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0])),
    name="two rows",
    outputs=["dX"],
    gradient_of=by_columns_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    by_columns_backward,
    lambda rng: (rng.standard_normal((3, 3)), rng.standard_normal(9)),
    name="a square",
    outputs=["dX"],
    gradient_of=by_columns_loss,
    wrt=[0],
)
task.mistake(
    "by rows",
    "The gradient is put back row by row, but the numbers were taken column by column. Undo the steps in reverse: "
    "first reshape to the transposed shape, then transpose.",
    "dy.reshape(X.T.shape).T",
    "dy.reshape(X.shape)",
    hint="Where does the second number of dy come from?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 14: differences
#
# `y[i] = x[i + 1] - x[i]`, so `y` is one shorter than `x`. How many numbers of `y` does `x[i]` reach? And the first
# and the last `x`?


# %%
def differences(x):
    """Return what each number of x has more than the one before it."""
    return x[1:] - x[:-1]


def differences_loss(x, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return (differences(x) * dy).sum()


def differences_backward(x, dy):
    """Return dx, one longer than dy."""
    # BEGIN SOLUTION
    dx = np.zeros(x.shape)
    dx[1:] += dy
    dx[:-1] -= dy
    return dx
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("14", "differences")
task.check(
    differences_backward,
    (np.array([1.0, 4.0, 9.0, 16.0]), np.array([1.0, 10.0, 100.0])),
    name="four numbers",
    outputs=["dx"],
    gradient_of=differences_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    differences_backward,
    lambda rng: (rng.standard_normal(7), rng.standard_normal(6)),
    name="seven numbers",
    outputs=["dx"],
    gradient_of=differences_loss,
    wrt=[0],
)
task.mistake(
    "overwritten",
    "The second contribution overwrites the first: numbers in the middle reach two outputs, so use += and -=.",
    "dx[:-1] -= dy",
    "dx[:-1] = -dy",
    hint="Look at a number in the middle: how many contributions does it get?",
)
task.mistake(
    "signs swapped",
    "All signs are wrong: x[i + 1] enters y[i] with a plus, x[i] with a minus.",
    "dx[1:] += dy\n    dx[:-1] -= dy",
    "dx[1:] -= dy\n    dx[:-1] += dy",
    hint="Nudge the last number of x up. Does the last difference grow or shrink?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 15: look up
#
# A table `E` of shape (v, d) has a row for each word, and `ids` are the numbers of the words of a text. The same
# word can come several times.


# %%
def look_up(E, ids):
    """Return the rows of E that ids name, shape (len(ids), d)."""
    return E[ids]


def look_up_loss(E, ids, dY):
    """Return a loss whose gradient with respect to the output is dY."""
    return (look_up(E, ids) * dY).sum()


def look_up_backward(E, ids, dY):
    """Return dE, shape (v, d)."""
    # BEGIN SOLUTION
    dE = np.zeros(E.shape)
    np.add.at(dE, ids, dY)
    return dE
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("15", "look up")
task.check(
    look_up_backward,
    (np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([2, 0, 2]), np.array([[1.0, 2], [10, 20], [100, 200]])),
    name="a word that comes twice",
    outputs=["dE"],
    gradient_of=look_up_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    look_up_backward,
    lambda rng: (rng.standard_normal((4, 3)), np.array([1, 3, 1, 1, 0, 3]), rng.standard_normal((6, 3))),
    name="words that come several times",
    outputs=["dE"],
    gradient_of=look_up_loss,
    wrt=[0],
)
task.mistake(
    "last one wins",
    "A word that comes twice gets the gradient of its last place only. `dE[ids] += dY` adds once for each row; "
    "np.add.at adds every time.",
    "np.add.at(dE, ids, dY)",
    "dE[ids] += dY",
    hint="Look at the row of the word that comes twice.",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 16: the largest of each row
#
# `X` has shape (n, d), `dy` has shape (n,). No row has two numbers that are largest.


# %%
def row_max(X):
    """Return the largest number of each row, shape (n,)."""
    return X.max(axis=1)


def row_max_loss(X, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return (row_max(X) * dy).sum()


def row_max_backward(X, dy):
    """Return dX, shape (n, d)."""
    # BEGIN SOLUTION
    dX = np.zeros(X.shape)
    dX[np.arange(len(X)), X.argmax(axis=1)] = dy
    return dX
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("16", "the largest of each row")
task.check(
    row_max_backward,
    (np.array([[1.0, 7.0, 3.0], [9.0, 2.0, 4.0]]), np.array([10.0, -20.0])),
    name="two rows",
    outputs=["dX"],
    gradient_of=row_max_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    row_max_backward,
    lambda rng: (rng.standard_normal((3, 3)), rng.standard_normal(3)),
    name="a square",
    outputs=["dX"],
    gradient_of=row_max_loss,
    wrt=[0],
)
task.mistake(
    "everybody gets it",
    "Every number of a row gets its dy. Only the largest decides the output; the others get 0.",
    "dX[np.arange(len(X)), X.argmax(axis=1)] = dy",
    "dX += dy[:, None]",
    hint="Nudge a number that is not the largest. What does the output do?",
)
task.mistake(
    "in every row",
    "A slice for the rows writes to the columns of all largest numbers in every row. Give each row its own column: "
    "np.arange(n) for the rows.",
    "dX[np.arange(len(X)), X.argmax(axis=1)] = dy",
    "dX[:, X.argmax(axis=1)] = dy",
    hint="How many numbers of dX are not 0? How many should it be?",
)
task.mistake(
    "the largest of all",
    "Only the largest number of the whole matrix gets something. Each row has its own output.",
    "dX[np.arange(len(X)), X.argmax(axis=1)] = dy",
    "dX += (X == X.max()) * dy[:, None]",
    hint="How many numbers of dX are not 0?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 17: running sums
#
# `y[i] = x[0] + ... + x[i]`. Write down which outputs the first number reaches, and which the last.


# %%
def running_sums(x):
    """Return the sums of the first 1, 2, 3, ... numbers of x."""
    return np.cumsum(x)


def running_sums_loss(x, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return (running_sums(x) * dy).sum()


def running_sums_backward(x, dy):
    """Return dx."""
    # BEGIN SOLUTION
    return np.cumsum(dy[::-1])[::-1]
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("17", "running sums")
task.check(
    running_sums_backward,
    (np.array([2.0, -1.0, 5.0, 3.0]), np.array([1.0, 10.0, 100.0, 1000.0])),
    name="four numbers",
    outputs=["dx"],
    gradient_of=running_sums_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    running_sums_backward,
    lambda rng: (rng.standard_normal(8), rng.standard_normal(8)),
    name="eight numbers",
    outputs=["dx"],
    gradient_of=running_sums_loss,
    wrt=[0],
)
task.mistake(
    "from the wrong end",
    "dy is summed from the front. x[i] reaches y[i] and all outputs behind it, so dx[i] sums dy from i to the end.",
    "np.cumsum(dy[::-1])[::-1]",
    "np.cumsum(dy)",
    hint="Which outputs does the last number of x reach?",
)
task.mistake(
    "not turned back",
    "The sums are right, but they are in reverse order: turn the result back.",
    "np.cumsum(dy[::-1])[::-1]",
    "np.cumsum(dy[::-1])",
    hint="Which of the numbers should be largest here?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 18: softmax
#
# Each row of `P` is a softmax: positive numbers with the sum 1. As in puzzle 5 you get the output and not the
# input. Every input of a row reaches every output of it, since they share the denominator; yet the answer is one
# line.


# %%
def softmax(X):
    """Return exp(X) with each row divided by its sum."""
    E = np.exp(X - X.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def softmax_backward(P, dP):
    """Return dX, given the output P = softmax(X)."""
    # BEGIN SOLUTION
    return P * (dP - (P * dP).sum(axis=1, keepdims=True))
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("18", "softmax")
task.check(
    softmax_backward,
    (np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]), np.array([[1.0, 0.0, 0.0], [2.0, -1.0, 3.0]])),
    name="two rows",
    outputs=["dX"],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    softmax_backward,
    lambda rng: (softmax(rng.standard_normal((4, 4))), rng.standard_normal((4, 4))),
    name="a square",
    outputs=["dX"],
)
task.mistake(
    "as if alone",
    "P * (1 - P) is the derivative of an output with respect to its own input. The other outputs of the row depend on "
    "that input, too, through the denominator.",
    "P * (dP - (P * dP).sum(axis=1, keepdims=True))",
    "dP * P * (1 - P)",
    hint="If x[0] grows, what do the other outputs of its row do?",
)
task.mistake(
    "sum without weights",
    "The mean that is subtracted is weighted by P: sum P * dP over the row, not dP.",
    "(P * dP).sum(axis=1, keepdims=True)",
    "dP.sum(axis=1, keepdims=True)",
    hint="Add the same number to all of dP: the loss gets a constant, so dX must not change.",
)
task.mistake(
    "sum over the column",
    "The sum goes down the columns. The numbers of one row share a denominator: axis=1.",
    "(P * dP).sum(axis=1, keepdims=True)",
    "(P * dP).sum(axis=0, keepdims=True)",
    hint="Which outputs does one input reach?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 19: unit length
#
# A vector is divided by its own length. Before you compute, look: if `x` becomes longer in its own direction, `y`
# does not change at all. So what must the product of `dx` and `x` be, whatever `dy` is?


# %%
def unit(x):
    """Return x divided by its length."""
    return x / np.sqrt((x**2).sum())


def unit_loss(x, dy):
    """Return a loss whose gradient with respect to the output is dy."""
    return (unit(x) * dy).sum()


def unit_backward(x, dy):
    """Return dx."""
    # BEGIN SOLUTION
    length = np.sqrt((x**2).sum())
    y = x / length
    return (dy - y * (y * dy).sum()) / length
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("19", "unit length")
task.check(
    unit_backward,
    (np.array([3.0, 4.0]), np.array([1.0, 10.0])),
    name="3, 4, 5",
    outputs=["dx"],
    gradient_of=unit_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    unit_backward,
    lambda rng: (rng.standard_normal(6), rng.standard_normal(6)),
    name="six numbers",
    outputs=["dx"],
    gradient_of=unit_loss,
    wrt=[0],
)
task.mistake(
    "length is a constant",
    "The length is treated as a constant. It depends on x, too, and that contribution takes away what points along x.",
    "return (dy - y * (y * dy).sum()) / length",
    "return dy / length",
    hint="Is the product of your dx and x zero?",
)
task.mistake(
    "x for y",
    "The part that is taken away is that along the unit vector y, not along x: it is too large by the squared length.",
    "dy - y * (y * dy).sum()",
    "dy - x * (x * dy).sum()",
    hint="Try it with x and with 2 x: the part that is taken away must be the same.",
)
task.mistake(
    "not divided",
    "What is left must be divided by the length: the longer x is, the less a nudge turns it.",
    "(dy - y * (y * dy).sum()) / length",
    "dy - y * (y * dy).sum()",
    hint="Try it with x and with 2 x: the second dx must be half of the first.",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Puzzle 20: the inverse of a matrix
#
# The last one. Begin with `X @ Y = I`, nudge both sides, and solve for the nudge of `Y`. Then ask what it does to
# the loss. In one dimension the answer must be that of `1 / x`.


# %%
def inverse(X):
    """Return the inverse of a square matrix."""
    return np.linalg.inv(X)


def inverse_loss(X, dY):
    """Return a loss whose gradient with respect to the output is dY."""
    return (inverse(X) * dY).sum()


def inverse_backward(X, dY):
    """Return dX."""
    # BEGIN SOLUTION
    Y = np.linalg.inv(X)
    return -Y.T @ dY @ Y.T
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("20", "the inverse of a matrix")
task.check(
    inverse_backward,
    (np.array([[2.0, 1.0], [0.0, 4.0]]), np.array([[1.0, 0.0], [10.0, -3.0]])),
    name="two by two",
    outputs=["dX"],
    gradient_of=inverse_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    inverse_backward,
    lambda rng: (rng.standard_normal((3, 3)) + 3 * np.eye(3), rng.standard_normal((3, 3))),
    name="three by three",
    outputs=["dX"],
    gradient_of=inverse_loss,
    wrt=[0],
)
task.mistake(
    "not transposed",
    "Both inverses must be transposed: dX[i, j] collects Y[k, i] * dY[k, l] * Y[j, l].",
    "-Y.T @ dY @ Y.T",
    "-Y @ dY @ Y",
    hint="Look at the indices, not only at the formula for the nudge of Y.",
)
task.mistake(
    "dY at the end",
    "Matrix products do not commute: dY stands between the two inverses.",
    "-Y.T @ dY @ Y.T",
    "-Y.T @ Y.T @ dY",
    hint="In which order do the matrices come in the nudge of Y?",
)
task.mistake(
    "minus lost",
    "The minus is missing: as with 1 / x, the derivative of an inverse is negative.",
    "-Y.T @ dY @ Y.T",
    "Y.T @ dY @ Y.T",
    hint="Try a matrix of one number.",
)
task.mistake(
    "as if each number alone",
    "1 / x has the derivative -1 / x**2, but the numbers of Y squared one by one are not it: the inverse mixes rows "
    "and columns, so the products are matrix products.",
    "return -Y.T @ dY @ Y.T",
    "return -dY * Y * Y",
    hint="Which numbers of the inverse does one number of X reach?",
)
# END HIDDEN TESTS

# %% [markdown]
# Whoever has done these twenty can write the backward pass of nearly every layer that there is: the rest is
# putting them one behind the other, in reverse.
