"""What a wrong factor may mean."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from minigrad.teach.catalogue import REDUCTIONS
from minigrad.teach.mistakes.sites import CHOICES
from minigrad.teach.tape import Tape
from minigrad.teach.wording import Words

SQUARE = "the 2 of a square"
"""What a factor of 2 means; a dimension of size 2 is named beside it."""
AVERAGED = "the number of elements that are averaged"


def nearest_factor(a: np.ndarray, of: np.ndarray) -> float:
    """Return the factor of an array with which it is nearest to another one, by least squares; 0 if it is 0."""
    square = float(np.vdot(of, of))
    return float(np.vdot(of, a)) / square if square else 0.0


def factor_words(c: float, tape: Tape) -> tuple[str, float]:
    """Return what a wrong factor may mean, and how much that assumes."""
    known = meaningful(tape)
    for op in tape.ops:
        if op.value.size == 1 and f"the value of `{op.name}`" in dict(known) and _is(c, op.value.item()):
            return f"multiplied by `{op.name}`, a factor too many", 0.0
    every = _meanings(abs(c), known, [n for n, _ in divisors(tape)])
    found = [(far, said) for value, said, far in every if value > 0 and _is(abs(c), value)]
    far, said = min(found, key=lambda one: max(one[0], 0.5), default=(1.5, f"off by a factor of {c:.6g}"))
    return ("of the wrong sign and " * (c < 0 and bool(found))) + said, max(far, 0.3 * (c < 0))


def _is(c: float, value: float) -> bool:
    return math.isclose(c, value, rel_tol=1e-6)


def _meanings(c: float, known: list[tuple[str, float]], divided: list[float]) -> Iterator[tuple[float, str, float]]:
    """Yield factors that are wrong, what each means, and how much that assumes.

    `c` is the one that is asked for, and `divided` are the numbers that the function divides by.
    """
    for called, n in known:
        if n < 1:  # such as 1 / m, a constant of the function
            once = f"the factor {n:g} ({called}) is missing, or 1/{n:g} is applied once too often"
            yield 1 / n, f"{1 / n:g} times too large: {once}", 0.0
            yield n, f"{1 / n:g} times too small: the factor {n:g} ({called}) is applied once too often", 0.0
            continue
        yield n, f"{n:g} times too large: the factor 1/{n:g} ({called}) is missing", 0.0
        once = f"the factor {n:g} ({called}) is missing, or 1/{n:g} is applied once too often"
        yield 1 / n, f"{n:g} times too small: {once}", 0.0
    plain = [one for one in known if one[0] != SQUARE]
    of_data = [one for one in plain[12:] if one[0].startswith(("the constant", "the value"))]
    pairs = [*itertools.permutations(plain[:12] + of_data[-4:], 2)]
    for (first, n), (second, m) in pairs:
        if not n.is_integer() and m.is_integer():
            yield n / math.sqrt(m), f"divided by sqrt({m:g}), {second}, instead of by {n:g}, {first}", 0.0
    for called, n in known:
        if not math.sqrt(n).is_integer():  # 3, not sqrt(9)
            yield math.sqrt(n), f"sqrt({n:g}) times too large: the factor 1/sqrt({n:g}), {called}, is missing", 0.0
            yield 1 / math.sqrt(n), f"sqrt({n:g}) times too small: the factor sqrt({n:g}), {called}, is missing", 0.0
        far = 0.0 if called.startswith(("the constant", "the value")) else 0.4
        yield n * n, f"{n:g}**2 times too large: multiplied by {n:g}, {called}, where it must be divided by it", far
        said = f"{n:g}**2 times too small: {n:g}**2 is missing, or {n:g} divides for multiplies ({called})"
        yield 1 / n**2, said, far
        if n > 2 and not called.startswith(("the constant", "the value")):
            yield n - 1, f"{n - 1:g} times too large ({called}, less 1)", 0.0
    for (first, n), (second, m) in pairs:
        if max(n, m) < 1:  # such as alpha and 1 - alpha
            yield n / m, f"off by {n:g}/{m:g}: multiplied by {n:g} ({first}) instead of {m:g} ({second})", 0.4
        else:
            far = 0.4 if m > 2 and any(_is(n, d) for d in divided) else 0.9
            yield n / m, f"off by {n:g}/{m:g}: {_instead(m, second, n, first)}", far
    for called, n in known:
        for wrong, right in ((n, n - 1), (n - 1, n)):
            yield (
                right / wrong,
                f"off by {right:g}/{wrong:g}: divided by {wrong:g} instead of {right:g} ({called})",
                0.0,
            )
    for called, n in known:  # such as 2 * sigma**2
        root = math.sqrt((n if n > 1 else 1 / n) / 2)
        if called.startswith("the constant"):
            by = f"by {root:g} where its square must stand, in {called}"
            yield root, f"{root:g} times too large: divided {by}", 0.3
            yield 1 / root, f"{root:g} times too small: multiplied {by}", 0.3
    for (first, n), (second, m) in pairs:
        yield math.sqrt(n / m), f"divided by sqrt({m:g}), {second}, instead of sqrt({n:g}), {first}", 0.5
    several = dict.fromkeys([*plain[:8], *of_data[-4:], (SQUARE, 2.0)])
    two = itertools.combinations(_powers([*several]), 2)
    for _, first, second, value in sorted((i + j, a, b, x * y) for (x, a, i), (y, b, j) in two):
        yield value, f"off by two factors: {first}; and {second}", 0.8
    whole = round(max(c, 1 / c))
    if whole <= 1000:
        yield whole if c > 1 else 1 / whole, f"{whole} times too {'large' if c > 1 else 'small'}", 0.5


def _instead(m: float, second: str, n: float, first: str) -> str:
    return f"divided by {m:g}, {second}, instead of {n:g}, {first}"


def ratio_words(c: float, tape: Tape) -> str:
    """Return which number of elements a mean is divided by instead of its own, "" if that does not explain a factor."""
    words = Words(tape)
    ops = [(words.name(k), op.value) for k, op in enumerate(tape.ops) if op.value.size > 1]
    sizes = [(f"the size of dimension {d} of {name}", m) for name, y in ops for d, m in enumerate(y.shape) if m > 1]
    sizes += [(f"the number of elements of {name}", y.size) for name, y in ops]
    for (n, of), (called, m) in itertools.product(divisors(tape), sizes):
        if math.isclose(c, n / m, rel_tol=1e-6):
            return _instead(m, called, n, of)
    return ""


def divisors(tape: Tape) -> list[tuple[float, str]]:
    """Return the numbers that the function divides by, and what each is."""
    averages = [op for op in tape.ops if op.kind in ("mean", "var", "std") and op.value.size]
    found = [(op.operands[0].size / op.value.size, AVERAGED) for op in averages]
    for k, op in enumerate(tape.ops):
        if op.kind == "div" and np.size(op.operands[1]) == 1:
            source, n = op.sources[1], float(np.ravel(op.operands[1])[0])
            if source is None or not tape.ops[source].active:
                found.append((abs(n), Words(tape).operand(k, 1)))
    return found


def _powers(known: list[tuple[str, float]]) -> list[tuple[float, str, int]]:
    """Return the factors that a number may stand for, in words, and how far-fetched each is."""
    found = []
    for called, n in known:
        far = int(called == SQUARE)
        found += [
            (n, f"a factor 1/{n:g} is missing ({called})", far),
            (1 / n, f"a factor {n:g} is missing, or 1/{n:g} is applied once too often ({called})", far),
            (n * n, f"it is multiplied by {n:g}, {called}, where it must be divided by it", far + 1),
            (1 / n**2, f"it is divided by {n:g}, {called}, where it must be multiplied by it", far + 1),
        ]
    return found


def meaningful(tape: Tape) -> list[tuple[str, float]]:
    """Return the numbers that a factor may be made of, with their meaning."""
    found: dict[float, str] = {2.0: SQUARE}
    words = Words(tape)
    squares = f"{SQUARE}, or " * any(op.is_square for op in tape.ops)
    of_2 = ""

    def add(n: float, called: str) -> None:
        if n == 2 and found[n] == SQUARE:
            found[n] = squares + called
        found.setdefault(n, called)

    for op in tape.ops:
        for i, o in enumerate(op.operands):
            if op.sources[i] is None and o is not None and np.ndim(o) == 0 and float(o) not in (0, 1, -1):
                found.setdefault(abs(float(o)), f"the constant {op.names.get(i) or f'{float(o):g}'}")
                if abs(float(o)) in (2, 0.5) and op.kind != "pow":
                    of_2 = of_2 or f"the constant {abs(float(o)):g}"
    for k, op in enumerate(tape.ops):
        if not op.active and op.value.size == 1 and float(op.value.ravel()[0]) not in (0, 1, -1):
            found.setdefault(abs(float(op.value.ravel()[0])), f"the value of {words.name(k)}")
    for k in (0, *range(len(tape.ops) - 1, -1, -1)) if tape.ops else ():
        for d, n in enumerate(tape.ops[k].value.shape):
            if n > 1:
                add(float(n), f"the size of dimension {d} of {words.name(k)}")
    for k, op in enumerate(tape.ops):
        if op.kind in REDUCTIONS and op.value.size:
            add(float(op.operands[0].size / op.value.size), AVERAGED)
        if op.value.size > 1:
            add(float(op.value.size), f"the number of elements of {words.name(k)}")
        if op.value.ndim > 2:
            several = (range(op.value.ndim - 1), range(op.value.ndim - 2, op.value.ndim))
            for dims in several:  # the examples and steps of sequences, the positions of images
                n = math.prod(op.value.shape[d] for d in dims)
                add(float(n), f"the number of elements along dimensions {', '.join(map(str, dims))} of {words.name(k)}")
    for k, op in enumerate(tape.ops):
        if op.kind in CHOICES and 0 < (n := np.count_nonzero(op.value)) < op.value.size:
            add(float(n), f"the number of elements of {words.name(k)} that are not 0")
        for i, o in enumerate(op.operands):
            if op.sources[i] is None and isinstance(o, np.ndarray) and o.ndim and len(values := np.unique(o)) == 2:
                for v in values.tolist():
                    if v > 0 and v != 1:  # such as the weights of two classes, or the mask of dropout
                        found.setdefault(v, f"in {words.operand(k, i)}")
    if of_2:
        add(2.0, of_2)
    known = [(meaning, n) for n, meaning in found.items() if n > 0 and n != 1]
    # sizes first: a constant of the function may be the inverse of one by chance, and a number of the data any
    return sorted(known, key=lambda one: (one[0].startswith("the number of elements"), _is_of_data(*one)))


def _is_of_data(meaning: str, n: float) -> bool:
    return meaning.startswith(("the constant", "the value")) and n % 1 > 0
