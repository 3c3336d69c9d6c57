"""Mistakes at their sites, explanations made of them, and what is said of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.teach.catalogue import filled_in
from minigrad.teach.mistakes import REDUCTIONS, Block, Edge, Mistake, Variant
from minigrad.teach.wording import Words


@dataclass
class Candidate:
    """A mistake at a site, or at the sites of all passes of a loop, in one of its variants."""

    mistake: Mistake
    sites: list[Any]
    variants: list[Variant]
    effect: np.ndarray  # the change of the gradient along each direction
    assumes: float  # how much must be assumed for it to be the explanation
    # the passes of a loop in which it is not made, such as "last 2", or those in which it is made, such as "where `k`
    # is 2"
    part: str = ""
    changed: np.ndarray | None = None  # all gradients with the mistake, once they are known

    @property
    def site(self) -> Any:
        """The first site."""
        return self.sites[0]

    def changes(self) -> dict[str, Any]:
        """Return the arguments of `Tape.walk` that make the mistake."""
        pairs = [(s, v.change) for s, v in zip(self.sites, self.variants)]
        if isinstance(self.site, Edge):
            return {"edges": {(s.k, s.i): c for s, c in pairs}}
        if isinstance(self.site, Block):
            return {"blocks": {s.k: (s.early, c) for s, c in pairs}}
        return {"nodes" if self.mistake.scope == "node" else "arrivals": {s.k: c for s, c in pairs}}


@dataclass
class Explanation:
    """One or two mistakes that give the learner's gradient."""

    candidates: tuple[Candidate, ...]  # the mistakes
    assumes: float  # how much must be assumed


def sentence(c: Candidate, words: Words | None, template: str = "") -> str:
    """Return the sentence of a mistake at its site, or the hint."""
    fields = dict(c.site.fields) if c.sites else {"node": "", "line": "", "through": "", "operand": ""}
    same = [s for s in c.sites if s.op.place and c.site.op.place and s.op.place.key == c.site.op.place.key]
    if named := [s.fields["operand"] for s in same]:  # in some passes F[i] and F[j] may be one
        fields["operand"] = max(named, key=named.count)
    text = filled_in(template or c.mistake.sentence, **fields, detail=c.variants[0].detail)
    if template:
        return text
    if c.part.startswith(("where", "in pass")):
        return f"{text}; this holds {c.part}"
    if c.part:
        cut = " (truncated in time)" * (c.mistake.name == "dropped" and c.part.startswith("last"))
        return f"{text}; this holds in all passes of the loop but the {c.part}{cut}"
    passes = words.same_instruction(c.site.k) if c.sites and words is not None else []
    if c.mistake.scope == "partners":
        return text + "; this holds in every pass of the loop" * (len(passes) > 1)
    if len(c.sites) > 1:
        others = dict.fromkeys(s.fields["through"] for s in c.sites if s.k not in passes)
        text += f"; the same at {' and '.join([*others][:3])}" * bool(others)
        text += "; this holds in every pass of the loop" * bool(passes[1:])
    elif isinstance(c.site if c.sites else None, Edge) and passes[1:] and words.is_loop(c.site.k):  # type: ignore[union-attr]
        text += f"; this holds in pass {passes.index(c.site.k) + 1} of {len(passes)} of the loop alone"
    return text


def representative(explanations: list[Explanation]) -> list[Explanation]:
    """Return one explanation for each mistake: where the same cut can be made at several places, the best named one."""
    kept: list[Explanation] = []
    by_name: dict[tuple[tuple[str, ...], ...], list[Explanation]] = {}
    for e in explanations:
        by_name.setdefault(tuple(_kind(c) for c in e.candidates), []).append(e)
    for same in by_name.values():
        least = min(e.assumes for e in same)
        kept.append(min((e for e in same if e.assumes <= least + 0.05), key=_plainness))
    return sorted(kept, key=lambda e: e.assumes)


def _kind(c: Candidate) -> tuple[str, ...]:
    """Return what candidates have in common of which only one is said: the mistake; that of a number, at its place."""
    number = c.mistake.name == "skipped" and len(c.sites) == 1 and c.site.op.kind in ("mul", "div")
    return (c.mistake.name, c.site.fields["through"]) if number else (c.mistake.name,)


def _plainness(e: Explanation) -> tuple[int, ...]:
    c = e.candidates[0]
    if not c.sites:
        return (0,)
    site = c.site
    variable = bool(site.words.variable(site.k))
    early = site.tape.ops[site.early].place if isinstance(site, Block) else None
    depth = 0 if early is None or early.returned else len(early.calls)  # inside of a function that is called
    constant = site.op.kind in REDUCTIONS and c.mistake.name == "constant"
    if c.mistake.name == "wrong index of a part":  # of an example and its label, the label
        return (site.op.value.size, site.k)
    itself = site.fields["operand"] == site.fields["node"]  # total = total + part: of the part is plainer
    return int(not constant), int(itself), int(not variable), site.k, depth, len(c.variants[0].detail)
