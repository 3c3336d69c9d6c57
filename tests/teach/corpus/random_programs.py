"""Random functions of three to eight lines, their backward pass line by line, and a mistake at one random line.

An operation is written as in a textbook: `forward`, for each operand what it contributes to its gradient, and edits of
these contributions. `y` is the result, `a` and `b` the operands, `dy` the upstream gradient.
"""

from __future__ import annotations

import itertools
import linecache
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .kinds import KINDS
from .subjects import Row, row_of

OPERATIONS = r"""
y = np.tanh(a)
    da: dy * (1 - y**2)
        dy * (1 - y) | derivative | 1 - y for 1 - y² | tanh|derivative|square
        dy * (1 - a**2) | array | the input of tanh for its output | tanh|before|input|instead
        dy * y * (1 - y) | derivative | the derivative of the sigmoid | sigmoid|derivative
        dy | derivative | the derivative of tanh is forgotten | tanh|derivative
y = 1 / (1 + np.exp(-a))
    da: dy * y * (1 - y)
        dy * (1 - y**2) | derivative | the derivative of tanh | tanh|derivative
        dy * y | derivative | the factor 1 - y is forgotten | derivative|sigmoid|exp|factor|1 ?-
        dy * a * (1 - a) | array | the input for the output | before|input|instead|output
        dy | derivative | the derivative of the sigmoid is forgotten | derivative|sigmoid
y = np.maximum(a, 0)
    da: dy * (a > 0)
        dy | mask | the mask is forgotten
        dy * (dy > 0) | mask | the mask of the upstream gradient
        dy * (a < 0) | mask | the mask is inverted
        dy * y | array | the output for the mask | mask|derivative|instead|output
y = np.sin(a)
    da: dy * np.cos(a)
        dy * np.sin(a) | derivative | the sine itself | sin|cos|derivative
        -dy * np.cos(a) | sign | the sign
        dy * np.cos(y) | array | the output for the input | after|output|instead|input
y = np.exp(0.3 * a)
    da: dy * 0.3 * y
        dy * y | factor | the factor 0.3 is forgotten | 0\.3|factor|inner|chain|scale
        dy * 0.3 | derivative | the derivative of exp is forgotten | exp|derivative
        dy * 0.3 * a | array | the input for the output | exp|input|before|instead
y = a**2
    da: dy * 2 * a
        dy * a | factor | the 2 is forgotten | 2\b|square|half|factor
        dy * 2 * y | array | the output for the input | output|after|square|instead
        dy * 2 | derivative | the factor a is forgotten | derivative|square|factor
y = np.log(1 + a**2)
    da: dy * 2 * a / (1 + a**2)
        dy / (1 + a**2) | path | the derivative of the square is forgotten | square|inner|chain|derivative|\*\* ?2|pow|missing
        dy * 2 * a | derivative | the derivative of the logarithm is forgotten | log|derivative
y = a * b
    da: dy * b
        dy * a | array | the other factor | instead|factor|product|another|operand|multipl
        dy | factor | the other factor is forgotten | factor|product|multipl|missing|without
    db: dy * a
        dy * y | array | the product for the other factor | instead|output|product|after
y = a + b
    da: dy
        -dy | sign | the sign
    db: dy
        2 * dy | factor | twice
y = a - b
    da: dy
        dy / 2 | factor | half | half|1/2|0\.5|2\b|factor
    db: -dy
        dy | sign | the sign
y = a / (1 + b**2)
    da: dy / (1 + b**2)
        dy | factor | the denominator is forgotten | denominator|divi|factor|quotient
    db: -dy * y * 2 * b / (1 + b**2)
        dy * y * 2 * b / (1 + b**2) | sign | the minus of the quotient rule
        -dy * 2 * b / (1 + b**2) ** 2 | path | the numerator is forgotten | numerator|factor|quotient|divi|\ba\b|product|missing
y = a + a.mean(axis=0)
    da: dy + dy.mean(axis=0)
        dy | constant | the mean is treated as a constant | & mean
        dy + dy.sum(axis=0) | mean | the 1/N is missing
        dy + dy.mean(axis=1, keepdims=True) | axis | the other axis
y = a - a.max(axis=1, keepdims=True)
    da: dy - (a == a.max(axis=1, keepdims=True)) * dy.sum(axis=1, keepdims=True)
        dy | constant | the maximum is treated as a constant | & max
y = a * a.sum(axis=1, keepdims=True)
    da: dy * a.sum(axis=1, keepdims=True) + (dy * a).sum(axis=1, keepdims=True)
        dy * a.sum(axis=1, keepdims=True) | constant | the sum is treated as a constant | & sum
        (dy * a).sum(axis=1, keepdims=True) + 0 * a | path | the direct way is forgotten | product|factor|path|contribution|direct|missing|constant
y = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    da: y * (dy - (dy * y).sum(axis=1, keepdims=True))
        y * dy | constant | the sum is treated as a constant | softmax|sum|normali|constant|diagonal
        y * (1 - y) * dy | diagonal | the diagonal of the Jacobian alone | softmax|diagonal|Jacobian|sigmoid
        y * (dy - (dy * y).sum(axis=0)) | axis | the other axis
y = a / np.sqrt(1 + (a**2).sum(axis=1, keepdims=True))
    da: (dy - y * (dy * y).sum(axis=1, keepdims=True)) / np.sqrt(1 + (a**2).sum(axis=1, keepdims=True))
        dy / np.sqrt(1 + (a**2).sum(axis=1, keepdims=True)) | constant | the norm is treated as a constant | & sqrt|norm|sum|divi|root
        dy - y * (dy * y).sum(axis=1, keepdims=True) | factor | not divided by the norm | sqrt|norm|divi|factor|root
y = np.cumsum(a, axis=1)
    da: np.cumsum(dy[:, ::-1], axis=1)[:, ::-1]
        np.cumsum(dy, axis=1) | flip | not from the end | revers|flip|direction|order|from the (end|start)|backward|cumsum
        dy | diagonal | the diagonal alone | cumsum|cumul|diagonal|later|sum|skip
y = a[:, ::-1]
    da: dy[:, ::-1]
        dy | flip | not reversed back | revers|flip|order|index|skip
y = np.roll(a, 1, axis=1)
    da: np.roll(dy, -1, axis=1)
        np.roll(dy, 1, axis=1) | index | rolled the same way | roll|shift|direction|index|revers|order|back
        dy | index | not rolled back | roll|shift|index|order|skip
y = np.abs(a)
    da: dy * np.sign(a)
        dy | derivative | the sign function is forgotten | abs|sign|derivative
        dy * (a > 0) | derivative | the derivative of the ReLU | relu|sign|abs|derivative|only where|mask
y = np.where(a > b, a - b, 0.5 * (a - b))
    da: dy * np.where(a > b, 1, 0.5)
        dy | mask | the condition is forgotten | + factor|0\.5
        dy * (a > b) | mask | the other branch has no gradient | + branch|factor|0\.5
        dy * np.where(a < b, 1, 0.5) | mask | the condition is inverted | + branch|exchang|swap
    db: -dy * np.where(a > b, 1, 0.5)
        dy * np.where(a > b, 1, 0.5) | sign | the sign
"""

# kinds that any line can have; `sum` is what is contributed, `alone` that for an upstream gradient of ones
ANYWHERE = """
0 * (sum) | path | a contribution is dropped
(alone) | upstream | the local derivative without the upstream gradient
-(sum) | sign | the sign of a contribution
2 * (sum) | factor | a contribution counts twice
"""


@dataclass
class Operand:
    """An operand of an operation: what it contributes, and how that can be wrong."""

    contribution: str
    mistakes: list[Row] = field(default_factory=list)


@dataclass
class Operation:
    """A line of the table."""

    forward: str
    operands: dict[str, Operand] = field(default_factory=dict)


def read() -> list[Operation]:
    """Read the table."""
    found: list[Operation] = []
    for line in OPERATIONS.strip().splitlines():
        if line.startswith("        "):
            row = row_of(f"x => {line.strip()}", KINDS)
            row.needed[0] += "|computed as" if row.kind in ("array", "derivative") else ""
            row.needed[0] += "|as it is" if row.new == "dy" else ""  # "passed on as it is"
            [*found[-1].operands.values()][-1].mistakes.append(row)
        elif line.startswith("    "):
            name, contribution = line.strip().split(": ", 1)
            found[-1].operands[name[1:]] = Operand(contribution)
        else:
            found.append(Operation(line.removeprefix("y = ")))
    return found


TABLE = read()
GENERAL = [row_of(f"x => {line}", KINDS) for line in ANYWHERE.strip().splitlines()]


@dataclass
class Program:
    """A random function with one mistake in its backward pass."""

    forward: str
    backward: str
    wrong: str
    row: Row
    arguments: dict[str, np.ndarray]

    def function(self) -> Any:
        """The function as written."""
        return self._made(self.forward, "f")

    def gradients(self, wrong: bool) -> dict[str, np.ndarray]:
        """The gradients by the right or by the wrong backward pass."""
        found = self._made(self.wrong if wrong else self.backward, "backward")(**self.arguments)
        return dict(zip(self.arguments, found))

    def of(self, name: str) -> Any:
        """The function of one array."""
        line = f"lambda {name}: f({', '.join(self.arguments)})"
        return eval(line, {"f": self.function(), **self.arguments})

    def _made(self, source: str, name: str) -> Any:
        file = f"<random program {hash(source)}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        namespace: dict[str, Any] = {"np": np}
        exec(compile(source, file, "exec"), namespace)
        return namespace[name]


def substituted(text: str, names: dict[str, str]) -> str:
    """Write an operation with the names of a program."""
    return re.sub(r"\bd?[yab]\b", lambda m: (m[0][:-1] if len(m[0]) > 1 else "") + names[m[0][-1]], text)


def random_program(seed: int) -> Program:
    """A program by a seed: x @ w + bias, then operations on what there is, then a mean of squares or a weighted sum."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(3, 6))
    names = iter("hpqrstuvz")
    arguments = {
        "x": rng.standard_normal((4, size)),
        "w": 0.5 * rng.standard_normal((size, size)),
        "bias": rng.standard_normal(size),
    }
    first = next(names)
    lines, there = [f"{first} = x @ w + bias"], [first]
    steps: list[tuple[str, str, Row | None]] = []
    undo: list[list[tuple[str, Operand, dict[str, str]]]] = []
    for _ in range(int(rng.integers(2, 7))):
        operation = TABLE[rng.integers(len(TABLE))]
        a = there[-1]
        b = str(rng.choice([*there[:-1], "x"]))
        y = next(names)
        with_names = {"y": y, "a": a, "b": b}
        lines.append(f"{y} = {substituted(operation.forward, with_names)}")
        undo.append([(with_names[k], operand, with_names) for k, operand in operation.operands.items()])
        there.append(y)
    last = there[-1]
    weights = "np.cos(np.arange(x.size)).reshape(x.shape)"
    end, start = [
        (f"({last} ** 2).mean()", f"2 * {last} / {last}.size"),
        (f"({last} * {weights}).sum()", weights),
        (f"0.5 * (({last} - x) ** 2).sum(axis=1).mean()", f"({last} - x) / len(x)"),
    ][rng.integers(3)]
    forward = f"def f(x, w, bias):\n    {chr(10).join(lines).replace(chr(10), chr(10) + '    ')}\n    return {end}\n"

    for operands in reversed(undo):
        for name, operand, with_names in operands:
            steps.append((name, substituted(operand.contribution, with_names), None))
    # where the mistake is: a contribution at random, then an edit at random
    places = list(itertools.chain.from_iterable(reversed(undo)))
    place = int(rng.integers(len(places)))
    name, operand, with_names = places[place]
    rows = operand.mistakes if operand.mistakes and rng.random() < 0.7 else GENERAL
    row = rows[rng.integers(len(rows))]
    sum_ = steps[place][1]
    alone = re.sub(rf"\bd{with_names['y']}\b", f"np.ones_like({with_names['y']})", sum_)
    edited = substituted(row.new, with_names).replace("(sum)", f"({sum_})").replace("(alone)", alone)

    def backward(contributions: list[str]) -> str:
        zeros = [f"d{n} = np.zeros_like({n})" for n in ["x", *there]]
        text = [*lines, *zeros, f"d{last} += {start}"]
        text += ["dx -= " + start] if "- x" in end else []
        text += [f"d{n} += {c}" for (n, _, _), c in zip(steps, contributions)]
        text += [f"dw = x.T @ d{first}", f"dbias = d{first}.sum(axis=0)", f"dx += d{first} @ w.T"]
        return "def backward(x, w, bias):\n    " + "\n    ".join([*text, "return dx, dw, dbias"]) + "\n"

    right = [c for _, c, _ in steps]
    wrong = [*right[:place], edited, *right[place + 1 :]]
    return Program(forward, backward(right), backward(wrong), row, arguments)
