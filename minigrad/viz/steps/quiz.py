"""Predict, then step: each gradient contribution is a question, and a wrong answer gets the mistake that explains it.

A number is asked for a scalar, the shape for an array. The wrong answers are those that the classic mistakes give for
this node. For Values this file needs no NumPy.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from minigrad.float_math import NUMBERS
from minigrad.program.graph_inspection import named_operands
from minigrad.viz.steps.backward_pass import BackwardPass, Contribution, Step
from minigrad.viz.steps.formatting import number

TOLERANCE = 0.01
"""An answer counts as right within one per cent."""

_OTHER_DERIVATIVES: dict[tuple[str, str], list[tuple[str, str]]] = {
    ("tanh", "x"): [
        ("1 - y", "The square is missing: the derivative of tanh is 1 - y ** 2"),
        ("1 - x * x", "The formula takes the result y of tanh, not its input"),
        ("y * (1 - y)", "That is the derivative of a sigmoid"),
    ],
    ("sigmoid", "x"): [
        ("1 - y", "The factor y is missing: the derivative of a sigmoid is y * (1 - y)"),
        ("1 - y * y", "That is the derivative of tanh"),
        ("x * (1 - x)", "The formula takes the result y of the sigmoid, not its input"),
    ],
    ("exp", "x"): [
        ("x * exp(x - 1)", "That is the rule for a power; the derivative of exp is exp itself"),
        ("x", "That is the exponent; the derivative of exp is exp itself"),
    ],
    ("log", "x"): [
        ("1 / y", "The derivative of log is 1 / x, with the input x, not the result"),
        ("x", "Divide by x; do not multiply"),
    ],
    ("sqrt", "x"): [
        ("1 / y", "The factor 1/2 is missing: the derivative of sqrt is 1 / (2 * y)"),
        ("1 / (2 * x)", "The formula takes the result y of sqrt, not its input"),
    ],
    ("square", "x"): [("x", "The factor 2 is missing: the derivative of x ** 2 is 2 * x")],
    ("pow", "a"): [
        ("a ** (b - 1)", "The exponent as a factor is missing: the derivative is b * a ** (b - 1)"),
        ("b * a ** b", "The exponent is lowered by one: the derivative is b * a ** (b - 1)"),
        ("b * a", "The power is missing: the derivative is b * a ** (b - 1)"),
    ],
    ("mul", "a"): [("a", "The derivative of a product by one factor is the other factor")],
    ("mul", "b"): [("b", "The derivative of a product by one factor is the other factor")],
    ("div", "a"): [("b", "Divide by the denominator; do not multiply")],
    ("div", "b"): [
        ("a / (b * b)", "The sign is missing: the derivative by the denominator is -a / b ** 2"),
        ("-1 / (b * b)", "The numerator is missing: the derivative by the denominator is -a / b ** 2"),
        ("-a / b", "The square is missing: the derivative by the denominator is -a / b ** 2"),
        ("1 / a", "The derivative by the denominator is -a / b ** 2"),
    ],
    ("relu", "x"): [
        ("x", "relu passes the gradient on where x is positive, without a factor"),
        ("1", "relu passes nothing on where x is not positive"),
        ("0", "relu passes the gradient on where x is positive"),
    ],
    ("abs", "x"): [("1", "The derivative of abs is the sign of x")],
    ("sin", "x"): [("-cos(x)", "The derivative of sin is cos, with a plus"), ("y", "The derivative of sin is cos")],
    ("cos", "x"): [("sin(x)", "The derivative of cos is -sin, with a minus"), ("y", "The derivative of cos is -sin")],
}
"""By primitive and input: other local derivatives, and what is wrong with them."""


class Question(NamedTuple):
    """A gradient contribution to be predicted.

    Attributes:
        name: of the gradient, such as `da`.
        text: the question, for a label.
        answer: the number; for an array its shape.
        mistakes: pairs of a wrong answer and the sentence for it.
    """

    name: str
    text: str
    answer: Any
    mistakes: list[tuple[Any, str]]

    def judge(self, answer: str) -> tuple[bool, str]:
        """Return whether an answer is right, and what to say about it.

        Raises:
            ValueError: the text is neither a number nor a shape; the message says what to type.
        """
        if isinstance(self.answer, tuple):
            shape = tuple(int(n) for n in re.findall(r"\d+", answer))
            if not shape and not re.fullmatch(r"\s*\(\s*\)\s*", answer):
                raise ValueError("type a shape, such as (3, 4)")
            right = shape == self.answer
            found: Any = shape
        else:
            found = read_number(answer)
            right = same(found, self.answer)
        if right:
            return True, "Right."
        said = next((text for wrong, text in self.mistakes if same(found, wrong)), "")
        return False, f"Not {found if isinstance(found, tuple) else number(found)}. {said or self.advice}"

    @property
    def advice(self) -> str:
        """What to say about a wrong answer that no mistake explains."""
        if isinstance(self.answer, tuple):
            return "A gradient has the shape of the value that it belongs to."
        return "The contribution is the upstream gradient times the local derivative."


def read_number(text: str) -> float:
    """Read a number, a fraction included.

    >>> read_number("-1/4"), read_number(" 0,5 "), read_number("−2")
    (-0.25, 0.5, -2.0)
    """
    text = text.strip().replace("−", "-").replace(",", ".")
    over, slash, under = text.partition("/")
    try:
        return float(over) / float(under) if slash else float(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError("type a number, such as 0.5 or -3/4") from None


def same(a: Any, b: Any) -> bool:
    """Return whether two answers are the same, numbers within the tolerance."""
    if isinstance(a, tuple) or isinstance(b, tuple):
        return bool(a == b)
    if not (math.isfinite(a) and math.isfinite(b)):
        return bool(a == b or a != a and b != b)
    return bool(abs(a - b) <= max(TOLERANCE * abs(b), 1e-9))


def questions(step: Step) -> list[Question]:
    """Return the questions of a step of the backward pass, one for each contribution.

    >>> from minigrad import Value, step
    >>> a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    >>> first, second = questions(step(a * b)[0])
    >>> first.name, first.judge("2")[1]
    ('da', 'Not 2. The derivative of a product by one factor is the other factor.')
    """
    return [_question(step, c) for c in step.contributions]


def _question(step: Step, c: Contribution) -> Question:
    steps = step.steps
    name = steps.d(c.to)
    of = f", contribution {c.nth} of {c.of}" if c.of > 1 else ""
    if isinstance(c.value, tuple) or _shape(c.value):
        shape = _shape(c.value)
        return Question(name, f"the shape of {name}{of}", shape, list(_shapes(step, c, shape)))
    answer = float(c.value)
    found: list[tuple[Any, str]] = []
    for wrong, text in _numbers(step, c, answer):
        if not same(wrong, answer) and not any(same(wrong, other) for other, _ in found):
            found.append((wrong, f"{text}."))
    return Question(name, f"{name}{of}", answer, found)


def _shapes(step: Step, c: Contribution, shape: tuple[int, ...]) -> Iterator[tuple[Any, str]]:
    steps = step.steps
    upstream = _shape(step.gradient)
    target = steps.name(c.to)
    for wrong, text in [
        (upstream, f"That is the shape of the upstream gradient; {steps.d(c.to)} has the shape of {target}."),
        (shape[::-1], f"That is transposed: {steps.d(c.to)} has the shape of {target}."),
        ((), f"{steps.d(c.to)} is an array, of the shape of {target}."),
        *((_shape(o.to), f"That is the shape of {steps.d(o.to)}.") for o in step.contributions),
    ]:
        if wrong != shape:
            yield wrong, text


def _shape(x: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = getattr(x, "shape", ())
    return shape


def _numbers(step: Step, c: Contribution, answer: float) -> Iterator[tuple[float, str]]:
    """Yield wrong answers with their sentences, the most telling first."""
    steps, primitive, g = step.steps, step.node.primitive, step.gradient
    if getattr(g, "shape", ()) or isinstance(g, tuple):
        return
    g = float(g)
    d_out = steps.d(step.node)
    values = {letter: _scalar(steps.number_of(operand)) for letter, operand in named_operands(step.node)}
    values["y"] = _scalar(step.value)
    local = answer / g if g and math.isfinite(answer / g) else None
    if local is not None and g != 1:
        yield local, f"That is the local derivative without the upstream gradient, {d_out} = {number(g)}"
    for text, said in _OTHER_DERIVATIVES.get((primitive.name, c.name), ()):
        other = _evaluated(text, values)
        if other is not None:
            yield g * other, said
            if g != 1:
                yield other, f"{said}; and the upstream gradient, {d_out}, is missing"
    yield -answer, "The size is right, but the sign is not"
    yield g, f"That is the upstream gradient, {d_out}; multiply it by the local derivative"
    if c.nth > 1:
        yield float(c.total), "That is the sum of the contributions so far; this one alone is asked for"
    for other_c in step.contributions:
        if other_c is not c and other_c.to is not c.to and not _shape(other_c.value):
            yield float(other_c.value), f"That is what goes to {steps.name(other_c.to)}"
    if local is not None:
        yield (
            g + local,
            "The chain rule multiplies the upstream gradient and the local derivative; it does not add them",
        )
        if local:
            yield g / local, "Multiply by the local derivative; do not divide by it"
        yield g * local * local, "The local derivative is a factor once, not twice"
        yield g * g * local, "The upstream gradient is a factor once, not twice"
    own = _scalar(steps.number_of(c.to))
    if own is not None:
        yield own, f"That is the value of {steps.name(c.to)}, not a gradient"
    if values["y"] is not None:
        yield values["y"], f"That is the value of {step.name}, not a gradient"
    for factor in (2.0, 0.5):
        yield factor * answer, f"That is {number(factor)} times the right answer"


def _scalar(x: Any) -> float | None:
    return None if x is None or getattr(x, "size", 1) != 1 else float(x)


def _evaluated(text: str, values: dict[str, float | None]) -> float | None:
    """Evaluate a formula with the numbers of a node; None if one is not known or it has no value."""
    names = {name: value for name, value in values.items() if value is not None}
    try:
        return float(eval(compile(text, "<derivative>", "eval"), {"__builtins__": {}, **NUMBERS}, names))
    except (NameError, ArithmeticError, ValueError, TypeError):
        return None


class Score:
    """The number of questions that were answered, and of those that were right at the first try."""

    def __init__(self) -> None:
        self.asked = self.first_try = 0

    def __str__(self) -> str:
        return f"{self.first_try} of {self.asked} right at the first try"


def ask(steps: BackwardPass, read: Callable[[str], str] = input, write: Callable[[str], Any] = print) -> Score:
    """Ask for each contribution of a backward pass in turn, by lines of text, and return the score.

    An empty answer shows the right one; `q` ends the quiz.

    Args:
        steps: the backward pass.
        read: returns the answer to a prompt.
        write: shows a line.
    """
    score = Score()
    write("Predict each number, or the shape of an array. Enter alone shows the answer, q ends the quiz.")
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
                except EOFError:
                    return score
                if text.lower() in ("q", "quit"):
                    write(f"{score}.")
                    return score
                tries += 1
                if not text:
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
