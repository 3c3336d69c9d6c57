"""The report of a gradient check: a verdict on each input, true as a bool only if it is right, and the text for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from minigrad.autograd.comparison import Element
from minigrad.output.words import printable
from minigrad.teach.diagnosis import Diagnosis
from minigrad.teach.report import ended


def verdict(error: float) -> str:
    """Return the word for a relative error, after CS231n.

    >>> [verdict(e) for e in (1e-9, 1e-5, 1e-3, 0.5)]
    ['fine', 'all right', 'suspicious', 'wrong']
    """
    return "fine" if error <= 1e-7 else "all right" if error <= 1e-4 else "suspicious" if error <= 1e-2 else "wrong"


@dataclass
class Finding:
    """The result for one input.

    Attributes:
        name, shape, dtype: the input.
        verdict: "right", "wrong" or "could not be told".
        worst: the elements to show, the worst first.
        wrong, unknown, kinks: the number of elements that are wrong, that could not be told, that are at a kink.
        unexamined: the number of suspicious elements that were not examined, as enough others are wrong.
        sampled: whether the gradient is so large that not all elements were compared one by one.
        diagnosis: the likeliest mistake: its name in the catalogue, a hint, the cause, and a derivation.
        summary: of a right gradient, how right it is.
        notes: what else there is to say; of "could not be told", why and what helps.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    verdict: str = "could not be told"
    worst: list[Element] = field(default_factory=list)
    wrong: int = 0
    unknown: int = 0
    kinks: int = 0
    unexamined: int = 0
    sampled: bool = False
    diagnosis: Diagnosis | None = None
    summary: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True if the gradient is right."""
        return self.verdict == "right"

    @property
    def pattern(self) -> str | None:
        """The likeliest mistake, as a sentence."""
        return None if self.diagnosis is None else self.diagnosis.cause

    def __str__(self) -> str:
        size = int(np.prod(self.shape))
        count = self.wrong if self.verdict == "wrong" else self.unknown
        among = f" in {'at least ' * self.sampled}{count} of {size} elements" if count else ""
        if self.ok:
            says = self.summary if size else "no elements, nothing to check"
        else:
            says = ("WRONG" if self.verdict == "wrong" else "COULD NOT BE TOLD") + among
        lines = [f"{printable(self.name)}, {self.dtype} of shape {self.shape}: {says}"]
        if self.diagnosis is not None and self.diagnosis.hint:
            lines.append(f"    Hint: {self.diagnosis.hint}.")
        if self.pattern:
            lines.append(f"    Cause: {ended(self.pattern)}")
        if not self.ok and self.worst:
            lines.append(f"    {'index':12} {'analytic':>14} {'numeric':>14} {'rel. error':>10} {'accurate to':>11}")
            lines += [
                f"    {str(list(e.index)):12} {e.analytic:14.7g} {e.numeric:14.7g} {e.error:10.1e} {e.accuracy:11.1e}"
                for e in self.worst[:5]
            ]
        return "\n".join([*lines, *(f"    {ended(note)}" for note in self.notes)])


@dataclass
class Report:
    """The results for all inputs; its text explains them. True if all gradients are right."""

    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """True if all gradients are right."""
        return all(f.ok for f in self.findings)

    @property
    def verdict(self) -> str:
        """The verdict on all: "right", "wrong" if one is, otherwise "could not be told"."""
        verdicts = [f.verdict for f in self.findings]
        return "right" if self.ok else "wrong" if "wrong" in verdicts else "could not be told"

    def explain(self) -> str:
        """Return the derivations of the contributions in which mistakes were found."""
        return "\n".join(f.diagnosis.explain() for f in self.findings if f.diagnosis is not None)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))

    __repr__ = __str__
