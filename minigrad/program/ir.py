"""The intermediate representation of a program: terms, before they are emitted as statements.

A term is a function applied to earlier terms and literals. Equal terms are one object, so nothing is computed twice,
and a term that no output needs is not emitted. An array that is written to becomes a new term for each of its contents
(`store`), as in static single assignment form. Imports no NumPy.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from minigrad.output.words import class_name

VIEWS = {"index", "reshape", "transpose", "broadcast", "view"}
"""Operations whose result may share the memory of the first argument."""
WRITES = {"store", "update"}
"""Writes to the first argument: an assignment to a part of it, or a function such as np.add.at."""


class Term:
    """A function of terms and literals.

    Attributes:
        op: the function: a ufunc by its NumPy name, a shape operation, "call" with the function's dotted name as the
            first argument, "input", "fill", or one of `WRITES`.
        args: terms and literals, also within tuples and lists. Of a store: the old content, the path to the part that
            is written to (steps as in `views`), and the new content of that part.
        keywords: pairs of names and literals.
        shape, dtype: those of the result; () and None for plain numbers.
        order: the tick of its creation; arguments are older than the terms made of them.
        name: its name, if it gets a line; or the term that it is the gradient of, to be named d<that name>.
        whole: True if it must get a line, since it has its own meaning.
        shows: the argument whose memory the result of a call shares.
    """

    __slots__ = ("args", "dtype", "keywords", "name", "op", "order", "shape", "shows", "whole")

    def __init__(self, op: str, args: Any, keywords: Any, shape: Any, dtype: Any, order: int) -> None:
        self.op, self.args, self.keywords, self.shape, self.dtype, self.order = op, args, keywords, shape, dtype, order
        self.name: str | Term | None = None
        self.whole = False
        self.shows: Term | None = None

    def __repr__(self) -> str:
        return f"<{self.op} {self.order}>"

    @property
    def sources(self) -> Iterator[Term]:
        """The terms among its arguments."""
        return found(self.args)


class Terms:
    """All terms of a program."""

    def __init__(self) -> None:
        self._known: dict[Any, Term] = {}
        self._count = itertools.count()

    def __call__(
        self, op: str, *args: Any, shape: Any = (), dtype: Any = None, keywords: Mapping[str, Any] | None = None
    ) -> Term:
        """Return the term for this function of these arguments; equal arguments give the same object."""
        named = tuple(sorted((keywords or {}).items()))
        key = (op, frozen(args), frozen(named), shape, str(dtype))
        term = self._known.get(key)
        if term is None:
            term = self._known[key] = Term(op, args, named, shape, dtype, next(self._count))
        return term

    def fresh(self, op: str, *args: Any, shape: Any, dtype: Any) -> Term:
        """Return a term that is equal to no other."""
        return Term(op, args, (), shape, dtype, next(self._count))

    @property
    def tick(self) -> int:
        """A tick after all terms so far and before all later ones."""
        return next(self._count)


def found(structure: Any) -> Iterator[Term]:
    """Yield all terms in nested tuples and lists."""
    if isinstance(structure, Term):
        yield structure
    elif isinstance(structure, tuple | list):
        for part in structure:
            yield from found(part)


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """Apply a function to every leaf of nested tuples and lists, and return the same structure."""
    if isinstance(structure, list):
        return [mapped(function, part) for part in structure]
    if isinstance(structure, tuple):
        parts = [mapped(function, part) for part in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else tuple(parts)
    return function(structure)


def frozen(structure: Any) -> Any:
    """Return a hashable key of the structure that distinguishes 1, 1.0 and True, and 0.0 and -0.0."""
    if isinstance(structure, Term):
        return id(structure)
    if isinstance(structure, tuple | list):
        return (class_name(structure), *map(frozen, structure))
    return class_name(structure), repr(structure)


def same_number(a: Any, b: float) -> bool:
    """Return whether `a` is a literal equal to `b`."""
    return isinstance(a, int | float) and a == b


def fraction(x: float, rounded: Callable[[float], Any] = float) -> tuple[int, int] | None:
    """Return (n, d), n at most 9, if x > 0 is n / d, as `rounded` to its dtype, and its digits do not end early.

    >>> fraction(1 / 7), fraction(2 / 3), fraction(0.25)
    ((1, 7), (2, 3), None)
    """
    if not 1e-9 < x < 10 or len(repr(x)) < 8:
        return None
    for n in range(1, 10):
        d = round(n / x)
        if d > 2 and same_rounded(n / d, x, rounded):
            return n, d
    return None


def reciprocal(x: float, rounded: Callable[[float], Any] = float) -> int | None:
    """Return n > 2 if x is 1 / n, as `rounded` to its dtype; otherwise None."""
    if not 0 < x < 0.5 or 1 / x > 1 << 31:
        return None
    n = round(1 / x)
    return n if same_rounded(1 / n, x, rounded) else None


def same_rounded(a: float, b: float, rounded: Callable[[float], Any]) -> bool:
    """Whether two numbers are the same as rounded to a dtype; 0.01 / 6 is 1 / 600 but for the last digit."""
    return bool(rounded(a) == rounded(b) or rounded(a) == a and math.isclose(a, b, rel_tol=4e-16))


def root_of(x: float, rounded: Callable[[float], Any] = float) -> int | None:
    """Return n if x is the square root of n, which is no square, as `rounded` to its dtype; otherwise None.

    >>> root_of(3**0.5), root_of(2.0), root_of(1.5)
    (3, None, None)
    """
    n = round(x * x) if 1 < x < 100 else 0
    return n if n and math.isqrt(n) ** 2 != n and rounded(n**0.5) == rounded(x) else None


def shortest(x: float, rounded: Callable[[float], Any]) -> float:
    """Return the number with the shortest text that is the same as `rounded` to its dtype: a fraction, or a decimal."""
    if n := root_of(abs(x), rounded):
        return math.copysign(n**0.5, x)
    ratio = fraction(abs(x), rounded)
    return math.copysign(ratio[0] / ratio[1], x) if ratio else float(str(rounded(x)))


def trivial(op: str, args: Any) -> Any:
    """Return the result of a trivial operation, which is one of its arguments (x * 1, x + 0, True | x); else None."""
    if op == "where" and isinstance(args[0], bool):
        return args[1] if args[0] else args[2]
    if op == "negative" and isinstance(args[0], Term) and args[0].op == "negative":
        return args[0].args[0]
    if len(args) != 2:
        return None
    a, b = args
    if op in ("bitwise_or", "bitwise_and") and any(isinstance(v, bool) for v in args):
        known, other = (a, b) if isinstance(a, bool) else (b, a)
        return known if known is (op == "bitwise_or") else other
    if op in ("add", "subtract") and same_number(b, 0) or op in ("multiply", "divide", "power") and same_number(b, 1):
        return a
    if op == "add" and same_number(a, 0) or op == "multiply" and same_number(a, 1):
        return b
    return None


def equal_nodes(order: Iterable[Any], values: Mapping[Any, Term]) -> dict[Any, Any]:
    """Map each node that computes what an earlier one has computed to that one; it gets the gradients of both.

    Args:
        order: the nodes of a graph, the oldest first.
        values: the term of each node.
    """
    known: dict[Any, Any] = {}
    first: dict[Any, Any] = {}
    for node in order:
        if node.primitive is not None and node in values:
            key = values[node], node.primitive, *(first.get(source, source) for source in node.inputs)
            if known.setdefault(key, node) is not node:
                first[node] = known[key]
    return first


def root(term: Term) -> Term:
    """Return the term whose memory this one may share."""
    while is_view(term):
        term = term.shows or term.args[0]
    return term


def is_view(term: Term) -> bool:
    """Return whether a term may share the memory of an argument; indexing with arrays copies."""
    if term.op == "index":
        return all(i is None or isinstance(i, int | slice) for i in term.args[1])
    return term.op in VIEWS or term.shows is not None
