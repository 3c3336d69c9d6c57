"""What a row of the table of operations is: an operation, and what to try it on.

A row's `call(m, *inputs, **keywords)` is written once for both libraries, where `m` is minigrad or torch: what is
learnt here carries over. Where PyTorch says it differently the row has a `torch` of its own, and None where PyTorch
has no such operation.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Case = tuple[tuple[Shape, ...], dict[str, Any]]
"""The shapes of the inputs, and the keywords."""


@dataclass(frozen=True)
class Op:
    """One operation.

    Attributes:
        name: its first word is the name of the method, operator or rule.
        call: the operation.
        cases: what to call it with.
        domain: a letter for each input, the last one for all further ones: r any real, p positive, n not 0, u within
            (-1, 1), g greater than 1, b boolean.
        grad: whether gradients pass.
        torch: the operation in PyTorch.
        only_floats: whether it is meant for floats of one dtype, and nothing else.
    """

    name: str
    call: Callable[..., Any]
    cases: tuple[Case, ...]
    domain: str = "r"
    grad: bool = True
    torch: Callable[..., Any] | None = None
    only_floats: bool = False

    def letter(self, i: int) -> str:
        """The domain of input i."""
        return self.domain[min(i, len(self.domain) - 1)]

    def inputs(self, shapes: Iterable[Shape], dtypes: Any = "float64") -> list[np.ndarray]:
        """Random arrays of these shapes, of one dtype or one each, the same every time; booleans stay booleans."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        shapes = list(shapes)
        dtypes = [dtypes] * len(shapes) if isinstance(dtypes, str) else dtypes
        return [sample(rng, shape, self.letter(i), dtype) for i, (shape, dtype) in enumerate(zip(shapes, dtypes))]


def sample(rng: np.random.Generator, shape: Shape, letter: str, dtype: str = "float64") -> np.ndarray:
    """Random numbers from the domain of a letter."""
    if letter == "b" or dtype == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype.startswith("float"):
        if letter in "ug":
            return np.asarray(rng.uniform(-0.9, 0.9, shape) if letter == "u" else rng.uniform(1.25, 3, shape), dtype)
        out = rng.standard_normal(shape) if letter == "r" else rng.uniform(0.5, 2, shape)
        return np.asarray(out * np.where(rng.random(shape) < 0.5, -1, 1) if letter == "n" else out, dtype)
    return np.asarray(rng.integers(0 if letter == "r" else 1, 4, shape), dtype)


def cases(shapes: Iterable[Any], *keywords: dict[str, Any]) -> tuple[Case, ...]:
    """Each choice of shapes with each choice of keywords; the shape of a single input may stand alone."""
    listed = [s if s and isinstance(s[0], tuple) else (s,) for s in shapes]
    return tuple((s, k) for s in listed for k in keywords or ({},))


def row(name: str, call: Callable[..., Any], cases: tuple[Case, ...], domain: str = "r", **options: Any) -> Op:
    """A row; PyTorch does it the same way unless `torch` says otherwise."""
    return Op(name, call, cases, domain, **{"torch": call, **options})


ONE = cases([(), (3,), (2, 3), (2, 1, 3), (0, 3)])
TWO = cases(
    [
        *(((), ()), ((3,), ()), ((), (2, 3)), ((2, 3), (2, 3)), ((2, 3), (3,)), ((3, 1), (1, 4)), ((2, 1, 3), (4, 1))),
        *(((0, 3), (3,)), ((1, 3), (0, 3)), ((0, 3), ())),
    ]
)
FEW = cases([((), ()), ((2, 3), (3,)), ((2, 3), ())])
"""Two shapes, the second of which broadcasts to the first."""
ALL = cases([(), (3,), (2, 3), (2, 3, 4)])
ONE_DIM = (
    *cases([()], {"dim": 0}, {"dim": -1, "keepdim": True}),
    *cases([(3,)], {"dim": 0}, {"dim": -1, "keepdim": True}),
    *cases([(2, 3, 4)], {"dim": 0}, {"dim": -2}, {"dim": 2, "keepdim": True}, {"dim": -3, "keepdim": True}),
    *cases([(0, 3), (2, 1)], {"dim": 1}),
)
DIMS = (*ONE_DIM, *cases([(2, 3, 4)], {"dim": (0, 2)}, {"dim": (-1, 0), "keepdim": True}, {"dim": (1,)}))
NONE_LEFT = cases([(0, 3)], {}, {"dim": 0}, {"dim": (0, 1), "keepdim": True})
ALONG = cases([()], {"dim": 0}) + cases([(3,), (2, 3, 4)], {"dim": 0}, {"dim": -1}) + cases([(0, 3)], {"dim": 1})


def in_place(name: str) -> Callable[..., Any]:
    return lambda m, x, *v, **keywords: getattr(x.clone(), name)(*v, **keywords)


def attribute(name: str) -> Callable[..., Any]:
    return lambda m, x: getattr(x, name)


def method(name: str) -> Callable[..., Any]:
    return lambda m, x, *rest, **keywords: getattr(x, name)(*rest, **keywords)
