"""Mistakes in an answer to a question: one gradient contribution, as a number or as a shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, permutations, product
from typing import Any

from minigrad.teach.catalogue import Variant, mistake


@dataclass
class Answer:
    """A gradient contribution that is asked for.

    Attributes:
        fields: what the sentences say: node, through, operand, line.
        right: the answer, a number or a shape.
        upstream: the gradient that arrives, likewise.
        others: the contributions of the operation to its other operands, or the shapes of these, by their names.
        values: the values of the operands and of the result by name, where they are numbers.
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
        if self.is_shape or isinstance(self.upstream, tuple) or not self.upstream:
            return None
        return self.right / self.upstream


def _entry(name: str, sentence: str, assumes: float, wrong: Callable[[Answer], Any]) -> None:
    """Add an entry that has one wrong answer, or a list of (detail, answer); None where it does not apply."""

    @mistake(name, "answer", sentence, assumes=assumes)
    def find(s: Answer) -> Iterator[Variant]:
        made = wrong(s)
        for detail, value in made if isinstance(made, list) else [("", made)]:
            if value is not None:
                yield Variant(lambda _, value=value: value, detail)


def _local(wrong: Callable[[float, Any], Any], usual: bool = True) -> Callable[[Answer], Any]:
    """Return a wrong answer made of the local derivative and the upstream gradient, where there is a derivative."""
    return lambda s: None if s.local is None or not usual and s.local in (0, 1) else wrong(s.local, s.upstream)


def _number(wrong: Callable[[Answer], Any]) -> Callable[[Answer], Any]:
    """Return a wrong answer where a number is asked for."""
    return lambda s: None if s.is_shape else wrong(s)


def _shape(wrong: Callable[[Answer], Any]) -> Callable[[Answer], Any]:
    """Return a wrong answer where a shape is asked for."""
    return lambda s: wrong(s) if s.is_shape else None


Shapes = list[tuple[str, tuple[int, ...]]]
"""Wrong shapes, each after what gives it."""


def _either(found: Shapes) -> Shapes:
    """Return each shape once, after all that gives it."""
    return [(" or ".join(dict.fromkeys(w for w, s in found if s == shape)), shape) for _, shape in found]


def _summed(s: Answer) -> Shapes:
    """Return the shapes that sums over some axes give, whether they keep these axes or not."""
    found: Shapes = []
    for shape, of in [(s.upstream, "the upstream gradient"), (s.right, "the gradient")][s.upstream == s.right :]:
        axes = range(len(shape) if len(shape) < 5 else 0)
        for some in (some for n in axes for some in combinations(axes, n + 1)):
            way = f"{of} summed over {' and '.join(f'axis {d}' for d in some)}"
            found.append((way, tuple(1 if d in some else shape[d] for d in axes)))
            found.append((way, tuple(shape[d] for d in axes if d not in some)))
    return _either(found)


def _products(s: Answer) -> Shapes:
    """Return the shapes of products of the operands of a product of matrices, transposed or not, without a gradient."""
    operands = (
        {s.fields["operand"]: s.right, **s.others} if s.fields["through"].startswith(("`matmul(", "`linear(")) else {}
    )
    plain = [(name.strip("`"), shape) for name, shape in operands.items() if len(shape) == 2]
    sides = plain + [(f"{name}.T", shape[::-1]) for name, shape in plain]
    return _either([(f"`{a} @ {b}`", (x[0], y[1])) for (a, x), (b, y) in product(sides, sides) if x[1] == y[0]])


def _more_axes(s: Answer) -> Shapes:
    """Return the shapes with one axis more, of size 1 or of an axis of the upstream gradient."""
    sizes = {1: "", **{n: f", of {n} elements, over which to sum" for n in s.upstream if n > 1}}
    return [(w, (*s.right[:i], n, *s.right[i:])) for n, w in sizes.items() for i in range(len(s.right) + 1)]


# fmt: off
_entry("sum so far", "this is the sum of the contributions to {operand} so far; one contribution is asked for", 1.0,
       _number(lambda s: s.total))
_entry("added to upstream", "the local derivative of {through} is added to the upstream gradient; the chain rule "
       "multiplies them", 1.3, _local(lambda local, upstream: upstream + local, usual=False))
_entry("contribution of another operand", "this is what {through} passes back to {detail}", 1.6,
       _number(lambda s: [*s.others.items()]))
_entry("divided", "the upstream gradient is divided by the local derivative of {through}; multiply by it", 1.9,
       _local(lambda local, upstream: upstream / local if local else None))
_entry("value", "this is the value of {detail}, not a gradient", 1.9, _number(lambda s: [*s.values.items()]))
_entry("zero", "0 says that {operand} does not matter for {through}; a small change of it changes the result", 1.85,
       _number(lambda s: 0.0 if s.right else None))
_entry("times a value", "this is the upstream gradient times {detail}, which is not the local derivative of {through}",
       2.2, _number(lambda s: [(name, s.upstream * v) for name, v in s.values.items()] if s.upstream else None))
_entry("local derivative twice", "the local derivative of {through} is multiplied in twice", 2.0,
       _local(lambda local, upstream: upstream * local * local))
_entry("times a number", "this is {detail} the right contribution of {operand} through {through}", 2.5,
       _number(lambda s: [("twice", 2 * s.right), ("half", s.right / 2)]))

# where NumPy is, entries of the scope `edge` say these three more exactly
_entry("answer with the wrong sign", "the contribution of {operand} through {through} has the wrong sign", 1.4,
       _number(lambda s: -s.right))
_entry("upstream gradient", "the local derivative of {through} is missing: the upstream gradient is passed to "
       "{operand} as it is", 1.7, _local(lambda local, upstream: upstream))
_entry("local derivative", "the upstream gradient is ignored at {through}: the local derivative alone goes to "
       "{operand}; multiply it by the gradient that arrives", 1.8, _local(lambda local, upstream: local))

_entry("shape of the upstream gradient", "this is the shape of the upstream gradient; a gradient has the shape of its "
       "own value, {operand}", 1.0, _shape(lambda s: s.upstream))
_entry("transposed shape", "this shape is transposed: a gradient has the shape of its own value, {operand}", 1.1,
       _shape(lambda s: [("", axes) for axes in permutations(s.right)] if len(s.right) < 5 else s.right[::-1]))
_entry("shape of a number", "the gradient of {operand} is an array, of the shape of {operand}", 1.2,
       _shape(lambda s: ()))
_entry("shape without its axis", "an axis is lost: a gradient keeps the axes of {operand}, those of size 1 too", 1.3,
       _shape(lambda s: tuple(n for n in s.right if n != 1) if 1 in s.right else None))
_entry("shape of another operand", "this is the shape of {detail}, another operand", 1.4,
       _shape(lambda s: [*s.others.items()]))
_entry("transposed shape of another operand", "this is the shape of {detail}, another operand, transposed", 1.45,
       _shape(lambda s: [(name, (*shape[:-2], *shape[-2:][::-1])) for name, shape in s.others.items()]))
_entry("number of elements", "this is the number of elements; a shape has the length of each axis", 1.5,
       _shape(lambda s: (math.prod(s.right),)))
_entry("Jacobian", "this is the shape of a Jacobian; its product with the upstream gradient has the shape of {operand}",
       1.55, _shape(lambda s: [("", s.upstream + s.right), ("", s.right + s.upstream)] + [
           ("", (*s.right[:n], *s.right[-1:] * 2)) for n in (-1, -2) if s.upstream == s.right]))  # of each row, of one
_entry("shape with one more axis", "this has an axis too many{detail}: a gradient has the axes of {operand}", 1.6,
       _shape(_more_axes))
_entry("summed shape", "this is the shape of {detail}; a gradient has the shape of its own value, {operand}", 1.7,
       _shape(_summed))
_entry("shape of another product", "this is the shape of {detail}; the upstream gradient must be a factor", 1.8,
       _shape(_products))
# fmt: on
