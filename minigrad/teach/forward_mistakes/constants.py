"""Mistakes in constants, signs and factors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.forward_mistakes.sites import Site, is_epsilon
from minigrad.teach.tape import MOVING


@mistake("constant", "operation", "the constant {detail}", assumes=1.2)
def _constant(site: Site) -> Iterator[Variant]:
    for i, (source, o) in enumerate(zip(site.op.sources, site.op.operands)):
        if source is not None or o is None or np.ndim(o) or not np.issubdtype(np.asarray(o).dtype, np.number):
            continue
        value = float(o)
        called = f"{'epsilon, ' if is_epsilon(value) and site.op.kind == 'add' else ''}{value:g} in {site.what}"
        ways = {
            "missing": 0.0, "twice as large": 2 * value, "half as large": value / 2, "negative": -value,
            "inverted: 1 over it stands there": 1 / value if value else 1.0,
            "replaced by its square root": abs(value) ** 0.5,
            "squared": value**2, "ten times as large": 10 * value, "a tenth as large": value / 10,
        }  # fmt: skip
        if value:
            ways |= {f"replaced by 1 - {value:g}": 1 - value, f"replaced by 1 + {value:g}": 1 + value}
        if site.op.kind in ("mul", "div", "pow"):
            ways["missing"] = 1.0
        for said, n in ways.items():
            if n != value and np.isfinite(n):
                meant = said == "squared" and site.reference.sizes.get(round(n, 9))
                where = f" ({meant})" if meant else ""
                yield Variant(site.at(i, lambda a, v, n=n: n), f"{called} is {said}{where}", -0.03 if meant else 0.0)
        near = {n: f"{n:g}" for n in (0.0, 1.0, 2.0, 0.5, -1.0, value + 1, value - 1)}
        if value == round(value) or value**2 == round(value**2, 9):
            near |= {n: f"{n:g}, {meaning}" for n, meaning in site.reference.sizes.items()}
            near |= {n**0.5: f"the square root of {n:g}, {meaning}" for n, meaning in site.reference.sizes.items()}
        elif is_epsilon(value):
            near |= {10.0**-n: f"{10.0**-n:g}" for n in range(1, 13)}
        for n, said in near.items():
            if n != value and n not in ways.values():
                yield Variant(site.at(i, lambda a, v, n=n: n), f"{called} is replaced by {said}", 0.15)


@mistake("sign", "operation", "the sign of {detail} is wrong", assumes=1.1)
def _sign(site: Site) -> Iterator[Variant]:
    for name, _, make in site.spots:
        yield Variant(make(lambda a: -a), name)


@mistake("factor", "operation", "{detail}", assumes=1.35)
def _factor(site: Site) -> Iterator[Variant]:
    if site.op.kind == "input":
        for n in (2.0, 0.5):
            yield Variant(lambda v, n=n: n * site.op.value, f"{site.what} has a factor of {n:g} too much")
    if site.op.primitive is None or site.op.kind in MOVING:
        return
    for n in (2.0, 0.5):
        yield Variant(lambda v, n=n: n * site.again(v), f"{site.what} has a factor of {n:g} too much")
    if site.k == len(site.tape.ops) - 1:
        for n, meaning in site.reference.sizes.items():
            yield Variant(lambda v, n=n: n * site.again(v), f"the result is multiplied by {n:g}, {meaning}", 0.1)
            yield Variant(lambda v, n=n: site.again(v) / n, f"the result is divided by {n:g}, {meaning}", 0.1)
    if site.op.kind == "matmul":
        for n, meaning in site.reference.sizes.items():
            text = f"{site.what} is divided by"
            yield Variant(lambda v, n=n: site.again(v) / n, f"{text} {n:g}, {meaning}", 0.1)
            yield Variant(lambda v, n=n: site.again(v) / n**0.5, f"{text} the square root of {n:g}, {meaning}", 0.1)
