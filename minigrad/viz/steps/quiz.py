"""Predict, then step: each gradient contribution is a question, and a wrong answer gets the mistake that explains it.

A number is asked for a scalar, the shape for an array. The wrong answers are those that the catalogue of mistakes
(`minigrad.teach.mistakes`) gives for this node.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from minigrad.engine import Node
from minigrad.program.graph_inspection import named_operands
from minigrad.teach.mistakes import Answer
from minigrad.teach.predictions import edge_of, wrong_answers
from minigrad.viz.steps.answers import CLOSE, TOLERANCE, read_number, read_shape, rounds_to, same
from minigrad.viz.steps.backward_pass import BackwardPass, Contribution, Step
from minigrad.viz.steps.formatting import number


class Question(NamedTuple):
    """A gradient contribution to be predicted.

    Attributes:
        name: of the gradient, such as `da`.
        text: the question, for a label.
        answer: the number; for an array its shape.
        mistakes: pairs of a wrong answer and the sentence for it.
        shown: the answer that the rounded numbers on the screen give, None if there is none.
    """

    name: str
    text: str
    answer: Any
    mistakes: list[tuple[Any, str]]
    shown: float | None = None

    def judge(self, answer: str) -> tuple[bool, str]:
        """Return whether an answer is right, and what to say about it.

        Raises:
            ValueError: the text is neither a number nor a shape, or has too few digits; the message says what to type.
        """
        found: Any = read_shape(answer) if isinstance(self.answer, tuple) else read_number(answer)
        if same(found, self.answer):
            return True, "Right."
        said = [
            [text for wrong, text in self.mistakes if same(found, wrong, within)][:1] for within in (CLOSE, TOLERANCE)
        ]
        if not isinstance(found, tuple):
            if self.shown is not None and self._is_between(found, self.shown):
                return True, "Right, for the rounded numbers on the screen."
            rounded = rounds_to(answer, self.answer) if not said[0] else False
            if rounded:
                return True, "Right, rounded."
            if rounded is None and not said[1]:
                raise ValueError("type one more digit")
        explained = next((text for texts in said for text in texts), "")
        return False, f"Not {found if isinstance(found, tuple) else number(found)}. {explained or self.advice}"

    def _is_between(self, found: float, shown: float) -> bool:
        """Return whether a number lies between the right one and what the numbers on the screen give."""
        low, high = sorted((self.answer, shown))
        return low <= found <= high or same(found, shown)

    @property
    def advice(self) -> str:
        """What to say about a wrong answer that no mistake explains."""
        if isinstance(self.answer, tuple):
            return "A gradient has the shape of the value that it belongs to."
        return "The contribution is the upstream gradient times the local derivative."


def questions(step: Step) -> list[Question]:
    """Return the questions of a step of the backward pass, one for each contribution.

    >>> from minigrad import Value, step
    >>> a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    >>> first, second = questions(step(a * b)[0])
    >>> first.name, first.judge("2")[1]
    ('da', 'Not 2. This is what `a * b` passes back to `b`.')
    """
    return [_question(step, c) for c in step.contributions]


def _question(step: Step, c: Contribution) -> Question:
    steps = step.steps
    name = steps.d(c.to)
    of = f", contribution {c.nth} of {c.of}" if c.of > 1 else ""
    is_shape = isinstance(c.value, tuple) or bool(_shape(c.value))
    answer: Any = _shape(c.value) if is_shape else float(c.value)
    shown = None if is_shape else _from_screen(step, c)
    found: list[tuple[Any, str]] = []
    for wrong, text in _wrong_answers(step, c, answer):
        accepted = not is_shape and shown is not None and min(answer, shown) <= wrong <= max(answer, shown)
        if not accepted and not same(wrong, answer) and not any(same(wrong, other, CLOSE) for other, _ in found):
            found.append((wrong, f"{text[0].upper()}{text[1:]}."))
    return Question(name, f"the shape of {name}{of}" if is_shape else f"{name}{of}", answer, found, shown)


def _from_screen(step: Step, c: Contribution) -> float | None:
    """Return what the numbers on the screen give, which are rounded: 1 * (1 - 1 * 1) for the tanh of 6."""
    parts = step.contribution_line(c).split(" = ")
    try:
        shown = read_number(parts[-2]) if len(parts) > 2 else math.nan
    except ValueError:
        return None
    return shown if math.isfinite(shown) else None


def _wrong_answers(step: Step, c: Contribution, answer: Any) -> list[tuple[Any, str]]:
    """Return what the catalogue of mistakes gives for a contribution."""
    steps, g, is_shape = step.steps, step.gradient, isinstance(answer, tuple)
    others = [o for o in step.contributions if o.to is not c.to]
    operands = named_operands(step.node)
    numbers = [_scalar(steps.number_of(operand)) for _, operand in operands]
    value, upstream = _scalar(step.value), None if isinstance(g, tuple) else _scalar(g)
    edge = None
    if not is_shape and upstream is not None and value is not None and None not in numbers:
        i = next((i for i, (letter, operand) in enumerate(operands) if letter == c.name and operand is c.to), None)
        if i is not None:
            labels = [steps.label(operand, letter) for letter, operand in operands]
            is_node = [isinstance(operand, Node) for _, operand in operands]
            parameters = getattr(step.node, "parameters", None) or {}
            edge = edge_of(step.node.primitive, numbers, labels, is_node, value, upstream, i, parameters)
    fields = {"node": step.name, "through": step.call, "operand": steps.name(c.to), "line": ""}
    own = {steps.name(c.to): _scalar(steps.number_of(c.to)), step.name: value}
    own |= {steps.name(o): n for (_, o), n in zip(operands, numbers) if isinstance(o, Node)}
    shapes = {steps.label(o, x): _shape(steps.number_of(o)) for x, o in operands if o is not c.to}
    found = Answer(
        {key: f"`{text}`" if text else "" for key, text in fields.items()},
        answer,
        _shape(g) if is_shape else upstream if upstream is not None else (),
        {f"`{name}`": shape for name, shape in shapes.items() if shape}
        if is_shape
        else {
            f"`{steps.name(o.to)}`": float(o.value)
            for o in others
            if not _shape(o.value) and not isinstance(o.value, tuple)
        },
        {f"`{name}`": number for name, number in own.items() if number is not None},
        float(c.total) if c.nth > 1 and not is_shape else None,
    )
    uses = [o for o in step.contributions if o.to is c.to]  # as of c in c * c
    whole = None if is_shape or len(uses) < 2 else sum(float(o.value) for o in uses)
    name = steps.name(c.to)
    extra = [(whole, f"this is what all uses of `{name}` here pass back together; asked is one contribution")]
    if c.nth < c.of and not is_shape:  # the sum of what several operations pass back
        total = next((_scalar(s.gradient) for s in steps if s.node is c.to), None)
        extra.append(
            (total, f"this is the whole gradient of `{name}`, the sum of all contributions; asked is one of them")
        )
    arrived = [float(o.value) for s in steps for o in s.contributions if o.to is step.node] if not is_shape else []
    if len(arrived) > 1 and upstream:
        part = f"this is what one contribution to the gradient of `{step.name}` gives; add all of them up first"
        extra += [(answer / upstream * each, part) for each in arrived]
    return [*[(wrong, text) for wrong, text in extra if wrong is not None], *wrong_answers(found, edge)]


def _shape(x: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = getattr(x, "shape", ())
    return shape


def _scalar(x: Any) -> float | None:
    return None if x is None or getattr(x, "size", 1) != 1 else float(x)


class Score:
    """The number of questions that were answered, and of those that were right at the first try."""

    def __init__(self) -> None:
        self.asked = self.first_try = 0

    def __str__(self) -> str:
        return f"{self.first_try} of {self.asked} right at the first try"


def ask(steps: BackwardPass, read: Callable[[str], str] = input, write: Callable[[str], Any] = print) -> Score:
    """Ask for each contribution of a backward pass in turn, by lines of text, and return the score.

    An empty answer shows the right one, `?` gives a hint; `q`, Ctrl-D and Ctrl-C end the quiz.

    Args:
        steps: the backward pass.
        read: returns the answer to a prompt.
        write: shows a line.
    """
    score = Score()
    write(
        "Predict each number, or the shape of an array. Enter alone shows the answer, ? gives a hint, q ends the quiz."
    )
    for step in steps:
        first, *_ = step.lines()
        if step.contributions:
            write("")
            write(f"{step.number}. {first}")
        for c, question in zip(step.contributions, questions(step)):
            tries = 0
            while True:
                try:
                    text = read(f"   {question.text} = ").strip()
                except (EOFError, KeyboardInterrupt):  # Ctrl-D, Ctrl-C
                    write("")
                    text = "q"
                if text == "?":
                    write(f"   {question.advice}")
                    continue
                if text.lower() in ("q", "quit"):
                    score.asked += tries > 0  # a question that was begun counts
                    write(f"{score}.")
                    return score
                tries += 1
                if text.lower() in ("", "s", "skip"):
                    break
                try:
                    right, said = question.judge(text)
                except ValueError as error:
                    write(f"   Please {error}.")
                    tries -= 1
                    continue
                write(f"   {said}")
                if right:
                    score.first_try += tries == 1
                    break
            score.asked += 1
            write(f"   {step.contribution_line(c)}")
    write("")
    write(f"{score}.")
    return score
