"""Make a small assignment to begin from."""

from __future__ import annotations

import re
from pathlib import Path

from minigrad.output.files import write_file

_START = '''\
# %% [markdown]
# # {title}
#
# What the students read, as comments in cells like this one.

# %%
import numpy as np

# %%
# BEGIN TESTS
# For the teacher: this file is a working program. Students get it without what stands between such marks.
# Prove it, release it, grade with it: python -m minigrad course --help
from minigrad.course import Assignment

assignment = Assignment("{title}", causes="on request")
# END TESTS

# %% [markdown]
# ## Task 1.1: the mean of squares, forward (1 point)
#
# For predictions and targets of shape (n,), return their mean squared difference.


# %%
def mse(prediction, target):
    """Return the mean squared difference, a number."""
    # BEGIN SOLUTION
    difference = prediction - target
    return (difference**2).mean()
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("1.1", "the mean of squares, forward", points=1)
task.check(mse, (np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.0, 1.0])), name="by hand")
# END TESTS
# BEGIN HIDDEN TESTS
task.check(mse, lambda rng: (rng.standard_normal(5), rng.standard_normal(5)), name="five numbers")
task.mistake(
    "sum, not mean",
    "The squares are summed. A mean divides by their count.",
    "(difference**2).mean()",
    "(difference**2).sum()",
    hint="Compare the results for one and for two numbers.",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.2: the mean of squares, backward (2 points)
#
# Return the gradient of the loss with respect to the predictions.


# %%
def mse_backward(prediction, target):
    """Return the gradient of the mean squared difference with respect to `prediction`, shape (n,)."""
    # BEGIN SOLUTION
    return 2 * (prediction - target) / prediction.size
    # END SOLUTION


def loss(prediction, target):
    """Given: the loss, whose graph explains a wrong gradient."""
    return ((prediction - target) ** 2).mean()


# %%
# BEGIN TESTS
task = assignment.task("1.2", "the mean of squares, backward", points=2)
task.check(
    mse_backward,
    (np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.0, 1.0])),
    name="by hand",
    outputs=["the gradient"],
    gradient_of=loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    mse_backward,
    lambda rng: (rng.standard_normal(5), rng.standard_normal(5)),
    name="five numbers",
    outputs=["the gradient"],
    gradient_of=loss,
    wrt=[0],
)
task.mistake(
    "the factor 2",
    "The derivative of a square is twice its argument; the 2 is missing.",
    "2 * (prediction - target)",
    "(prediction - target)",
    hint="Look at the derivative of the square.",
)
task.mistake(
    "the mean",
    "The loss is a mean, so each contribution is divided by the number of predictions.",
    " / prediction.size",
    "",
    hint="Look at what the mean does to each contribution.",
)
# END HIDDEN TESTS
'''


def new(directory: str | Path) -> Path:
    """Make a folder with a small assignment to begin from, DIR/DIR.py.

    Args:
        directory: DIR. Its name becomes that of the assignment.

    Returns:
        The path of the assignment.

    Raises:
        FileExistsError: the file exists.
        ValueError: the folder's name cannot be that of a file of Python.
    """
    folder = Path(directory)
    name = re.sub(r"\W+", "_", folder.resolve().name)
    if not name.strip("_"):
        raise ValueError(f"{folder}: the name of the folder becomes that of the assignment, so it needs letters")
    path = folder / f"{name}.py"
    if path.exists():
        raise FileExistsError(f"{path} exists already: choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    title = re.sub(r"[_\W]+", " ", folder.resolve().name).strip().capitalize()
    write_file(path, lambda file: file.write(_START.format(title=title).encode()))
    return path
