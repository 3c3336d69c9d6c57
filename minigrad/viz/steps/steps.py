"""The public side of stepping: `step`, and the steps as text, as a page and in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minigrad.program.variables import variables
from minigrad.viz.charts.files import check_target
from minigrad.viz.page import ENDINGS, Page
from minigrad.viz.steps.backward_pass import BackwardPass


def step(output: Any, gradient: Any = None, *, quiz: bool = False) -> Steps:
    """Record the backward pass of `output` step by step, with all its numbers.

    The pass runs at once. It is the one that `backward` runs, hooks included, but it stores no gradients and does not
    release the graph. The steps hold all values and gradients as long as they exist. Values and tensors without a name
    get the names of the variables that hold them where `step` is called. Print the steps as text; in a notebook they
    display as an interactive page; `.save("steps.html")` writes that page.

    Args:
        output: a Value, a Tensor, or the loss returned by a Network.
        gradient: the upstream gradient, of the shape of `output`. Default: 1.
        quiz: True to hide each gradient contribution until the learner has predicted it, on the page and in `show`:
            the number or a calculation, such as `2 * (1 - 0.5**2)`, or the shape of an array. A wrong answer gets the
            mistake that explains it; `?` gives a hint.

    Returns:
        The steps, a sequence; see `Steps`.

    Raises:
        RuntimeError: `output` has no graph, or a backward pass has released it.
        TypeError: `output` is of another type.

    >>> from minigrad.scalar import Value
    >>> a = Value(3.0)
    >>> b = a + a
    >>> c = b * b
    >>> for s in step(c):
    ...     print(s)
    1. c = mul(b, b) = 36; its gradient: dc = 1
       db += dc * b = 1 * 6 = 6 (contribution 1 of 2)
       db += dc * b = 1 * 6 = 6 (contribution 2 of 2, so db = 6 + 6 = 12)
    2. b = add(a, a) = 6; its gradient: db = 12
       da += db = 12 (contribution 1 of 2)
       da += db = 12 (contribution 2 of 2, so da = 12 + 12 = 24)
    3. a = 3; its gradient: da = 24
    """
    if not isinstance(quiz, bool):
        raise TypeError(f"step: quiz must be True or False, got {quiz!r}")
    steps = Steps(output, gradient, variables())
    steps.quiz = quiz
    return steps


class Steps(BackwardPass):
    """The steps of a backward pass, as `step` returns them.

    A sequence of the backward steps: iterate over it, take its `len`, index it. `at` finds the step of a node.

    Attributes:
        nodes: the nodes of the graph, the oldest first.
        values: the number or array of each node, where it is known.
        forward: the steps of the forward pass.
        backward: the steps of the backward pass.
        quiz: whether the page and `show` ask for the gradients first.
    """

    def page(self) -> Page:
        """Return a page with the graph, to step through in a browser."""
        from minigrad.viz.steps.page import step_page

        return step_page(self)

    def save(self, path: str | Path) -> Path:
        """Write the page, a single file that opens without a network, and return its path.

        Raises:
            ValueError: the file ends neither in `.html` nor in `.htm`.
            OSError: it cannot be written.
        """
        return self.page().save(check_target(path, ENDINGS, "save"))

    def show(self) -> None:
        """Step through in the terminal, with keys; as a quiz, question by question."""
        if self.quiz:
            from minigrad.viz.steps.quiz import ask

            ask(self)
        else:
            from minigrad.viz.steps.terminal import show

            show(self)

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()
