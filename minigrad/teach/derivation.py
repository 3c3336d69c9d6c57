"""The derivation of a contribution, with the numbers of the learner's function: what `Diagnosis.explain` returns.

The formulas are those that pictures and steps show.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.primitive import Elementwise
from minigrad.program.notation import contribution, formula, substitute
from minigrad.teach.edits import as_operand
from minigrad.teach.mistakes import Block, Edge, Site
from minigrad.teach.wording import Words


def derivation(site: Any, words: Words) -> str:
    """Return the derivation of the contributions at a site, line by line."""
    if isinstance(site, Edge):
        return "\n".join(_contribution(words, site.k, site.i))
    if isinstance(site, Block):
        tape = words.tape
        inside = tape.between(site.k, site.early)[::-1]
        ways = [(k, i) for k in inside for i, _ in tape.ways(tape.ops[k])][:12]
        head = f"The gradient of {words.name(site.early)} follows from that of {words.name(site.k)}, step by step."
        return "\n".join([head, *(line for k, i in ways for line in _contribution(words, k, i))])
    if isinstance(site, Site) and site.op.users:
        head = f"The gradient of {words.name(site.k)} is the sum of {len(site.op.users)} contributions."
        return "\n".join([head, *(line for k, i in site.uses[:8] for line in _contribution(words, k, i))])
    return ""


def _contribution(words: Words, k: int, i: int) -> list[str]:
    """Return what operation k computes, what it passes back to operand i, and its numbers at one element."""
    op = words.tape.ops[k]
    p, name, g = op.primitive, words.name(k).strip("`"), words.tape.gradients[k]
    one = p.inputs[0] if p.variadic else p.inputs[i]
    names = {} if p.variadic else {n: _short(words.operand(k, j)) for j, n in enumerate(p.inputs)}
    operand = words.operand(k, i).strip("`")
    is_named = bool(words.variable(k))
    passed = contribution(p, f"{one}[{i}]" if p.variadic else one)
    lines = [
        f"{name} = {substitute(formula(p), names)}" if is_named else f"{substitute(formula(p), names)}{words.line(k)}",
        f"    to {operand}: {substitute(passed, {**names, 'y': _short(name)})}, where g is the gradient of {name}",
    ]
    if not isinstance(p, Elementwise) or g is None:
        return lines
    c = op.raw(i, g)
    if c is None or not c.size or c.shape != g.shape:
        return lines
    at = np.unravel_index(int(np.abs(c).argmax()), c.shape)
    numbers = {"g": f"{g[at]:.4g}", "y": f"{np.broadcast_to(op.value, c.shape)[at]:.4g}"}
    for n, o in zip(p.inputs, op.operands):
        if np.asarray(o).dtype.kind == "f" or np.ndim(o) == 0:
            numbers[n] = f"{float(np.broadcast_to(o, c.shape)[at]):.4g}"
    place = f"at {[int(a) for a in at]}: " if c.ndim else ""
    return [*lines, f"    {place}{substitute(passed, numbers)} = {c[at]:.4g}"]


def _short(name: str) -> str:
    """Return a name as part of a formula."""
    return as_operand(name.strip("`"))
