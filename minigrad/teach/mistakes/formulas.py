"""Derivatives that are taken for each other, and formulas in the learner's names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minigrad.teach.catalogue import Variant
from minigrad.teach.edits import as_operand
from minigrad.teach.mistakes.sites import Edge
from minigrad.teach.tape import Times

_TEXTS = {
    "x, y": (
        "1 - y**2; y * (1 - y); 1 - y; y; 1 - x**2; x * (1 - x); x; 1 / x; -1 / x**2; 1 / y; 2 * x; cos(x); sin(x); "
        "exp(x); 1.0 * (x > 0); 1 - tanh(x)**2",
        "1 - x; y**2; x**2; 1 + y**2; -1 / x; 1 / x**2; -1 / y; 2 * y; 1 / (2 * x); 1 / (2 * y); 1 / (1 + x**2); "
        "-cos(x); -sin(x); exp(-x); -exp(-x); -exp(x); sign(x); abs(x); 1 - abs(y); tanh(x); 1 - tanh(x); "
        "1 - tanh(y)**2; sigmoid(x); 1 - sigmoid(x); sigmoid(x) * (1 - sigmoid(x)); (1 - y)**2; -y; -x; y - 1; "
        "y * (1 - y**2); x * y; 2 * y * (1 - y); 1 / y**2; 0.5 * y; y / x; y**2 * (1 - y); y * (1 - y)**2; "
        "1 / (1 + x)**2",
        "3 * x**2; 1 / sqrt(abs(x)); 2 * sqrt(abs(x)); sqrt(abs(x)); log(abs(x)); 1 + y; cosh(x); sinh(x); 1 + x; "
        "sigmoid(y) * (1 - sigmoid(y)); y * (1 + y); 1 + x**2; sqrt(abs(1 - y**2)); -y**2; y + x; 1 / (1 - x**2); "
        "1 / (1 + x); 1 / (1 + exp(x)); 1 - y**3; x * (1 - y); y * (1 - x); y + y * (1 - y); 1 - 2 * y; "
        "2 * (1 - y**2); 0.5 * (1 - y**2); -0.5 / y; 1 / y**3; -0.5 / y**3; (1 - y**2)**2; (y * (1 - y))**2; "
        "1 / (x * (1 - x)); 1 / sqrt(1 - y**2)",
    ),
    "a, b, y": (
        "a; b; 1 / b; y; 1 / a; a * b",
        "-b; -1 / b; 1 / b**2; -1 / b**2; a / b; -a / b; a / b**2; -a / b**2; -y; b**2; a**2; -a; y / a; b / a",
        "log(abs(b)); log(abs(a)); y * b; y * a; -b / a**2; 1 / a**2; 1 / sqrt(abs(b)); sqrt(abs(b)); 2 * b; 2 * a; "
        "a * (1 - a); b * (1 - b); 1 - a; 1 - b",
    ),
}
"""Derivatives that a function may be given by mistake: the plausible ones, others, and the far-fetched ones.

They are in terms of its argument x, or its two operands a and b, and its result y.
"""
FUNCTIONS, OF_TWO = (
    {
        text: eval(f"lambda {letters}: {text}", {**vars(np), "sigmoid": lambda t: 1 / (1 + np.exp(-t))})
        for part in parts
        for text in part.split("; ")
    }
    for letters, parts in _TEXTS.items()
)
PLAUSIBLE, _, FAR_FETCHED = ({*"; ".join(parts).split("; ")} for parts in zip(*_TEXTS.values()))


_OF = {
    "1 - y**2": ", the derivative of tanh",
    "y * (1 - y)": ", the derivative of the sigmoid",
    "sigmoid(x) * (1 - sigmoid(x))": ", the derivative of the sigmoid",
}


def functions(
    x: Any, y: Any, x_name: str, y_name: str, right: Any = None, known: dict[Any, Any] | None = None, said: str = ""
) -> Iterator[Variant]:
    """Yield the derivatives of other functions, for an argument x and a result y; `right` is the right derivative.

    `said` is its formula; by default the shortest one that gives its numbers.

    What is said of them is the same in all passes of a loop: `known` keeps it.
    """
    several = np.empty((len(FUNCTIONS), *np.shape(y)))
    for row, of_both in enumerate(FUNCTIONS.values()):
        several[row] = of_both(x, y)
    finite = np.all(np.isfinite(several).reshape(len(several), -1), axis=1)
    found = {text: d for text, d, good in zip(FUNCTIONS, several, finite) if good}
    if known is None or not known:
        # where the right one is 0, they agree by chance
        mixed = (
            {}
            if right is None or not np.any(right)
            else {
                f": the input {x_name} is used instead of the output {y_name}": _equal_to(right, y),
                f": the output {y_name} is used instead of the input {x_name}": _equal_to(right, x),
            }
        )
        formula = "" if said else _right_text(found, right)
        formula = said or formula and spoken(formula, {"x": x_name, "y": y_name})
        instead = f" instead of {formula}" if formula else ""
        known = {} if known is None else known
        for text in FUNCTIONS:
            of = _of(text, y) or next((why for why, texts in mixed.items() if text in texts), "")
            spelled = spoken(text, {"x": x_name, "y": y_name})
            known[text] = spelled + (of or instead), -0.2 * bool(of) + 0.2 * (len(text) > 12) * (text not in _OF)
    for text, d in found.items():
        detail, assumes = known[text]
        yield Variant(Times(d), detail, assumes, text)


def _of(text: str, y: Any) -> str:
    """Return of which function a formula is the derivative, if it can be: its result y has the range."""
    return _OF[text] if text in _OF and ("x" in text or np.max(np.abs(y), initial=0) <= 1) else ""


def _right_text(found: Mapping[str, Any], right: Any) -> str:
    """Return the shortest formula of the right derivative, "" if there is none."""
    if right is None or not np.any(right):
        return ""
    several = sorted((text for text in found if len(text) <= 14), key=len)
    return next((t for t in several if np.abs(found[t] - right).max() <= 1e-9 * np.abs(right).max()), "")


def _equal_to(right: Any, a: Any) -> set[str]:
    """Return the formulas that give the right derivative if both x and y are `a`."""
    found = np.empty((len(FUNCTIONS), *np.shape(right)))
    for row, derivative in enumerate(FUNCTIONS.values()):
        found[row] = derivative(a, a)
    axes = tuple(range(1, found.ndim))
    same = (np.abs(found - right) <= 1e-12 + 1e-9 * np.abs(right)).all(axis=axes)
    return {text for text, equal in zip(FUNCTIONS, same) if equal}


def spoken(text: str, names: Mapping[str, str]) -> str:
    """Return a formula with the learner's names for its letters."""

    def called(letter: re.Match[str]) -> str:
        name = names.get(letter[0], letter[0]).strip("`")
        alone = text == letter[0] or text[: letter.start()].endswith("(") and text[letter.end() :].startswith(")")
        return name if alone else as_operand(name)

    said = re.sub(r"[a-z](?![a-z0-9])(?<![a-z]{2})", called, text)
    inner = re.fullmatch(r"1 - \(1 - ([^()]*)\)", said)
    return f"`{inner[1] if inner else said}`"


def derivative(s: Edge) -> str:
    """Return the right local derivative of an elementwise operation, in the learner's names; "" if it is not short."""
    p = s.op.primitive
    name = p.inputs[s.i]
    text = str(p.notation.get(name) or getattr(p, "partials", {}).get(name, ""))
    text = re.sub(r"^\((.*)\) \+ 0\.5 \* \(\w+ == \w+\)$", r"\1", text)  # the mask of max(x, 0), as courses write it
    if not text or len(text) > 30:
        return ""
    names = {other: s.words.operand(s.k, i) for i, other in enumerate(p.inputs)}
    return spoken(text, {**names, "y": s.words.name(s.k)})
