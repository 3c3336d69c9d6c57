"""Mistakes in an answer to a question: one gradient contribution, as a number or as a shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from minigrad.teach.catalogue import Variant, mistake


@dataclass
class Answer:
    """A gradient contribution that is asked for.

    Attributes:
        fields: what the sentences say: node, through, operand, line.
        right: the answer, a number or a shape.
        upstream: the gradient that arrives, likewise.
        others: the contributions of the operation to its other operands, by the names of these.
        values: the values of the operand and of the result by name, where they are numbers.
        total: the sum of the contributions so far, None for the first.
    """

    fields: Mapping[str, str]
    right: Any
    upstream: Any
    others: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    total: Any = None

    @property
    def is_shape(self) -> bool:
        """Whether a shape is asked for."""
        return isinstance(self.right, tuple)

    @property
    def local(self) -> float | None:
        """The local derivative, where it is a number."""
        return (
            None
            if self.is_shape or isinstance(self.upstream, tuple) or not self.upstream
            else self.right / self.upstream
        )


@mistake(
    "sum so far", "answer", "this is the sum of the contributions to {operand} so far; one contribution is asked for"
)
def _sum_so_far(s: Answer) -> Iterator[Variant]:
    if s.total is not None and not s.is_shape:
        yield Variant(lambda _: s.total)


@mistake("contribution of another operand", "answer", "this is what {through} passes back to {detail}", assumes=1.6)
def _other_operand(s: Answer) -> Iterator[Variant]:
    if not s.is_shape:
        for name, value in s.others.items():
            yield Variant(lambda _, value=value: value, name)


@mistake(
    "added to upstream",
    "answer",
    "the local derivative of {through} is added to the upstream gradient; the chain rule multiplies them",
    assumes=1.3,
)
def _added(s: Answer) -> Iterator[Variant]:
    if s.local is not None and s.local not in (0, 1):
        yield Variant(lambda right: s.upstream + s.local)


# the next three say the same of any operation; where NumPy is, the entries of the scope `edge` say it more exactly


@mistake(
    "answer with the wrong sign",
    "answer",
    "the contribution of {operand} through {through} has the wrong sign",
    assumes=1.4,
)
def _wrong_sign(s: Answer) -> Iterator[Variant]:
    if not s.is_shape:
        yield Variant(lambda right: -right)


@mistake(
    "upstream gradient",
    "answer",
    "the local derivative of {through} is missing: the upstream gradient is passed to {operand} as it is",
    assumes=1.7,
)
def _upstream(s: Answer) -> Iterator[Variant]:
    if s.local is not None:
        yield Variant(lambda _: s.upstream)


@mistake(
    "local derivative",
    "answer",
    "the upstream gradient is ignored at {through}: the local derivative alone goes to {operand}; multiply it by the "
    "gradient that arrives",
    assumes=1.8,
)
def _local(s: Answer) -> Iterator[Variant]:
    if s.local is not None:
        yield Variant(lambda _: s.local)


@mistake(
    "divided",
    "answer",
    "the upstream gradient is divided by the local derivative of {through}; multiply by it",
    assumes=1.9,
)
def _divided(s: Answer) -> Iterator[Variant]:
    if s.local:
        yield Variant(lambda right: s.upstream / s.local)


@mistake("local derivative twice", "answer", "the local derivative of {through} is multiplied in twice", assumes=2.0)
def _local_twice(s: Answer) -> Iterator[Variant]:
    if s.local is not None:
        yield Variant(lambda right: right * s.local)


@mistake("value", "answer", "this is the value of {detail}, not a gradient", assumes=1.9)
def _value(s: Answer) -> Iterator[Variant]:
    if not s.is_shape:
        for name, value in s.values.items():
            yield Variant(lambda _, value=value: value, name)


@mistake(
    "times a number",
    "answer",
    "this is {detail} the right contribution of {operand} through {through}",
    assumes=2.5,
)
def _times(s: Answer) -> Iterator[Variant]:
    if not s.is_shape:
        yield Variant(lambda right: 2 * right, "twice")
        yield Variant(lambda right: right / 2, "half")


@mistake(
    "shape of the upstream gradient",
    "answer",
    "this is the shape of the upstream gradient; a gradient has the shape of its own value, {operand}",
)
def _upstream_shape(s: Answer) -> Iterator[Variant]:
    if s.is_shape:
        yield Variant(lambda _: s.upstream)


@mistake(
    "transposed shape",
    "answer",
    "this shape is transposed: a gradient has the shape of its own value, {operand}",
    assumes=1.1,
)
def _transposed_shape(s: Answer) -> Iterator[Variant]:
    if s.is_shape:
        yield Variant(lambda right: right[::-1])


@mistake("shape of a number", "answer", "the gradient of {operand} is an array, of the shape of {operand}", assumes=1.2)
def _no_shape(s: Answer) -> Iterator[Variant]:
    if s.is_shape:
        yield Variant(lambda _: ())


@mistake(
    "shape without its axis",
    "answer",
    "an axis is lost: a gradient keeps the axes of {operand}, those of size 1 too",
    assumes=1.3,
)
def _lost_axis(s: Answer) -> Iterator[Variant]:
    if s.is_shape and 1 in s.right:
        yield Variant(lambda right: tuple(n for n in right if n != 1))


@mistake("shape of another operand", "answer", "this is the shape of the gradient of {detail}", assumes=1.4)
def _other_shape(s: Answer) -> Iterator[Variant]:
    if s.is_shape:
        for name, value in s.others.items():
            yield Variant(lambda _, value=value: value, name)
