"""How a wrong gradient is written down: a forward pass, its backward pass, and edits of the backward pass.

    @subject(x=(5, 4), w=(4, 3))
    def product(x, w):
        return x @ w

    @product.backward(\"\"\"
    x.T @ dout => dout.T @ x | transposed | the two operands are exchanged, which gives the transpose of dw
    \"\"\")
    def _(dout, x, w):
        dw = x.T @ dout
        dx = dout @ w.T
        return dx, dw

A tuple stands for an array of that shape, drawn from the normal distribution; a function is called with the random
generator; anything else stands for itself. Arrays whose gradient is returned are what the gradient is checked for.

A row of the table has four columns: the edit, its kind, the cause in plain words, and optionally the words by which a
correct sentence is known, a regular expression. Those of the kind (`kinds.py`) hold where there are none; `& word`
adds a second expression that must be found too, `! word` one that must not be, and `+ word` an alternative.
"""

from __future__ import annotations

import inspect
import itertools
import linecache
import re
import textwrap
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .kinds import KINDS

SUBJECTS: dict[str, Subject] = {}


@dataclass
class Row:
    """A row of a table: an edit, and what is wrong with it."""

    old: str
    new: str
    kind: str
    cause: str
    needed: list[str]
    forbidden: list[str]

    def is_named_by(self, sentence: str) -> bool:
        """Whether a sentence says this cause."""
        said = [re.search(words, sentence, re.IGNORECASE) for words in self.needed]
        return all(said) and not any(re.search(words, sentence, re.IGNORECASE) for words in self.forbidden)


def row_of(text: str, kinds: dict[str, tuple[str, str]]) -> Row:
    """Read a row."""
    edit, kind, cause, *words = (column.strip() for column in text.split(" | "))
    old, new = edit.split(" => ") if " => " in edit else (edit.removesuffix(" =>"), "")
    needed, forbidden = kinds[kind]
    wanted, unwanted = [needed], [forbidden] if forbidden else []
    for word in filter(None, re.split(r"(?:^| )(?=[&!+] )", words[0])) if words else ():
        mark, rest = (word[0], word[2:]) if word[:2] in ("& ", "! ", "+ ") else ("", word)
        if mark == "&":
            wanted.append(rest)
        elif mark == "!":
            unwanted.append(rest)
        else:
            wanted[0] = f"{needed}|{rest}" if mark else rest
    return Row(old.replace("\\n", "\n"), new.replace("\\n", "\n"), kind, cause, wanted, unwanted)


@dataclass
class Mistake:
    """One edit of a backward pass."""

    subject: Subject
    row: Row

    def gradients(self) -> dict[str, np.ndarray]:
        """The gradients that the edited backward pass computes, by the name of their array."""
        assert self.subject.source.count(self.row.old) == 1, f"{self.subject.name}: {self.row.old!r} must occur once"
        return self.subject.run(self.subject.source.replace(self.row.old, self.row.new))

    def __str__(self) -> str:
        return f"{self.subject.name}: {self.row.old} => {self.row.new}"


@dataclass
class Subject:
    """A function, a point, and its backward pass by hand."""

    name: str
    forward: Callable[..., Any]
    arguments: dict[str, Any]
    source: str = ""
    mistakes: list[Mistake] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)

    def backward(self, table: str) -> Callable[[Callable[..., Any]], Subject]:
        """Add the backward pass and the edits that make it wrong."""

        def add(function: Callable[..., Any]) -> Subject:
            text = textwrap.dedent(inspect.getsource(function))
            self.source = text[text.index("def _(") :].replace("def _(", f"def {self.name}_backward(", 1)
            self.checked = re.findall(r"\bd(\w+)", self.source[self.source.rindex("return ") :])
            self.mistakes = [Mistake(self, row_of(row, KINDS)) for row in table.strip().splitlines() if row.strip()]
            return self

        return add

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what the function returns."""
        return np.shape(self.forward(**self.arguments))

    @property
    def upstream(self) -> np.ndarray | None:
        """The upstream gradient: none, if the function returns a number."""
        return np.random.default_rng(1).standard_normal(self.shape) if self.shape else None

    def run(self, source: str | None = None) -> dict[str, np.ndarray]:
        """The gradients by this backward pass. Default: the right one."""
        namespace = dict(self.forward.__globals__)
        exec(source or self.source, namespace)
        inputs = {name: np.copy(a) if isinstance(a, np.ndarray) else a for name, a in self.arguments.items()}
        if self.upstream is not None:
            inputs = {"dout": self.upstream, **inputs}
        with np.errstate(all="ignore"):
            found = namespace[f"{self.name}_backward"](**inputs)
        found = found if isinstance(found, tuple) else (found,)
        return {name: np.asarray(dx) for name, dx in zip(self.checked, found)}

    def of(self, name: str) -> Callable[[np.ndarray], Any]:
        """The function of one array, with the others fixed, as a learner writes it in a cell of a notebook."""
        line = f"lambda {name}: {self.name}({', '.join(self.arguments)})"
        namespace = {self.name: self.forward, "np": np, **self.arguments}
        file = f"<{self.name} of {name}>"
        linecache.cache[file] = (len(line), None, [line + "\n"], file)
        f = eval(compile(line, file, "eval"), namespace)
        return f  # type: ignore[no-any-return]


def subject(**arguments: Any) -> Callable[[Callable[..., Any]], Subject]:
    """Write down a function at a point."""

    def add(forward: Callable[..., Any]) -> Subject:
        rng = np.random.default_rng(zlib.crc32(forward.__name__.encode()))
        values = {
            name: rng.standard_normal(a) if isinstance(a, tuple) else a(rng) if callable(a) else a
            for name, a in arguments.items()
        }
        SUBJECTS[forward.__name__] = made = Subject(forward.__name__, forward, values)
        return made

    return add


def labels(n: int, classes: int) -> Callable[[np.random.Generator], np.ndarray]:
    """`n` classes, every one of them at least once if there are enough."""
    return lambda rng: rng.permutation(np.arange(n) % classes)


def positive(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    """Numbers between 0.5 and 2."""
    return lambda rng: rng.uniform(0.5, 2, shape)


def signs(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    """-1 or 1."""
    return lambda rng: rng.choice([-1.0, 1.0], shape)


def bits(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    """0 or 1, as often as the other."""
    return lambda rng: rng.permutation(np.arange(np.prod(shape)) % 2).reshape(shape).astype(float)


def distribution(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    """Rows that sum to 1."""
    return lambda rng: rng.dirichlet(np.full(shape[-1], 2.0), shape[:-1])


def numerical(subject: Subject, name: str) -> np.ndarray:
    """The gradient by differences of fourth order. It knows nothing of minigrad."""
    x = subject.arguments[name].astype(float)
    weights = 1.0 if subject.upstream is None else subject.upstream
    dx = np.empty_like(x)
    for i in itertools.product(*map(range, x.shape)):

        def at(h: float, i: tuple[int, ...] = i) -> float:
            moved = x.copy()
            moved[i] += h
            return float(np.sum(weights * subject.forward(**{**subject.arguments, name: moved})))

        h = 1e-4 * max(1.0, abs(x[i]))
        dx[i] = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
    return dx


def differs(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two gradients are not the same."""
    if a.shape == b.shape and not (np.isfinite(a).all() and np.isfinite(b).all()):
        return not np.array_equal(a, b, equal_nan=True)
    return a.shape != b.shape or not np.allclose(a, b, rtol=1e-5, atol=1e-7 * (1 + np.abs(b).max()))


def cases() -> Iterator[tuple[Mistake, str, np.ndarray]]:
    """Every wrong gradient, once: the mistake, the name of the array, what was computed."""
    for one in SUBJECTS.values():
        seen = {name: [dx] for name, dx in one.run().items()}
        for mistake in one.mistakes:
            for name, dx in mistake.gradients().items():
                if all(differs(dx, other) for other in seen[name]):
                    seen[name].append(dx)
                    yield mistake, name, dx
