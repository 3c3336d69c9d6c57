"""Mistakes in constants, signs and factors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.forward.mistakes.sites import Site, is_epsilon
from minigrad.teach.tape import MOVING


@mistake("constant", "operation", "the constant {detail}", assumes=1.2)
def _constant(site: Site) -> Iterator[Variant]:
    sizes = site.reference.sizes
    for i, value in site.numbers:
        called = f"{'epsilon, ' if is_epsilon(value) and site.op.kind == 'add' else ''}{value:g} in {site.what}"
        ways = {
            "missing": 0.0, "twice as large": 2 * value, "half as large": value / 2, "negative": -value,
            "replaced by its square root": abs(value) ** 0.5,
            "squared": value**2, "ten times as large": 10 * value, "a tenth as large": value / 10,
        }  # fmt: skip
        if value:
            ways |= {"inverted (1 divided by it)": 1 / value}
            ways |= {f"replaced by 1 - {value:g}": 1 - value, f"replaced by 1 + {value:g}": 1 + value}
        if site.op.kind in ("mul", "div", "pow"):
            ways["missing"] = 1.0
        if site.op.kind in ("clip", "clamp"):
            ways["missing"] = np.inf if i == 2 else -np.inf
        for said, n in ways.items():
            if n != value and (np.isfinite(n) or site.op.kind in ("clip", "clamp")):
                meant = said == "squared" and site.reference.sizes.get(round(n, 9))
                where = f" ({meant})" if meant else ""
                yield Variant(site.at(i, lambda a, v, n=n: n), f"{called} is {said}{where}", -0.03 if meant else 0.0)
        near = {n: f"{n:g}" for n in (0.0, 1.0, 2.0, 0.5, -1.0, value + 1, value - 1)}
        if value == round(value) or value**2 == round(value**2, 9):
            near |= {n: f"{n:g}, {meaning}" for n, meaning in sizes.items()}
            near |= {n**0.5: f"the square root of {n:g}, {meaning}" for n, meaning in sizes.items()}
            near |= {n: f"{n:g}, {meaning}, not N - 1 (ddof)" for n, meaning in sizes.items() if n == value + 1}
        elif abs(round(1 / value) * value - 1) < 1e-12 and abs(value) < 1:
            sign = np.sign(value)
            near |= {sign / n: f"{sign:g} / {n:g}, {meaning}" for n, meaning in sizes.items()}
        elif is_epsilon(value):
            near |= {10.0**-n: f"{10.0**-n:g}" for n in range(1, 13)}
        for n, said in near.items():
            if n != value and (n not in ways.values() or "ddof" in said):
                cost = -0.03 if "ddof" in said else 0.15
                yield Variant(site.at(i, lambda a, v, n=n: n), f"{called} is replaced by {said}", cost)


@mistake("spread", "operation", "{detail}", assumes=1.15)
def _spread(site: Site) -> Iterator[Variant]:
    """The factor of initial values: the root of 1, 2 or 6 over the number of inputs, or of inputs and outputs."""
    for i, o in site.numbers:
        if site.op.kind not in ("mul", "div") or o <= 0:
            continue
        value = o if site.op.kind == "mul" else 1 / o
        sizes = {n: meaning for n, meaning in site.reference.sizes.items() if "dimension" in meaning}
        sums = {n + m: f"{meaning} and {other}" for n, meaning in sizes.items() for m, other in sizes.items() if n < m}
        spreads: dict[float, tuple[str, str]] = {}
        for n, meaning in {**sizes, **sums}.items():
            for a in (1, 2, 6):
                spreads.setdefault((a / n) ** 0.5, (f"sqrt({a} / {n:g})", f" ({n:g} is {meaning})"))
        right = next((root for root in spreads if abs(root - value) < 1e-9 * root), None)
        if right is None:
            continue
        called = f"the factor in {site.what} is {{}} instead of {spreads[right][0]}{{}}"
        others = {root: called.format(*said) for root, said in spreads.items() if root != right}
        others[right**2] = called.format(f"{right**2:g}", ": the square root is missing")
        for factor, said in others.items():
            yield Variant(site.at(i, lambda a, v, n=factor if site.op.kind == "mul" else 1 / factor: n), said)


@mistake("start", "operation", "{detail}", assumes=1.1)
def _start(site: Site) -> Iterator[Variant]:
    """An array of zeros or ones, such as the first state of a recurrent network."""
    for i, o in site.constants:
        for n, right, wrong in ((0, "zeros", "ones"), (1, "ones", "zeros")):
            if o.ndim and site.op.kind not in MOVING and np.all(o == n):
                said = f"the {right} in {site.what} are {wrong}: another initial state"
                yield Variant(site.at(i, lambda a, v: 1 - a), said)


@mistake("dropout", "operation", "{detail}", assumes=1.02)
def _dropout(site: Site) -> Iterator[Variant]:
    """A mask of 0 and 1 / (the probability to keep an element)."""
    for i, a in site.constants:
        found = np.unique(a)
        if site.op.kind != "mul" or not a.ndim or len(found) != 2 or found[0] != 0 or found[1] <= 1:
            continue
        on, keep, name = a > 0, 1 / float(found[1]), site.operand(i)
        for said, mask in {
            f"{name} is not divided by {keep:g}, the probability to keep an element (inverted dropout)": on,
            f"{name} is divided by {1 - keep:g}, the probability to drop an element, instead of {keep:g}":
                on / (1 - keep),
            f"{name} is multiplied by {keep:g}, the probability to keep an element, instead of divided": on * keep,
            f"{name} keeps what it should drop: the comparison is the wrong way round": ~on / keep,
            f"{name} keeps what it should drop, and is not divided by the probability": ~on * 1.0,
            f"{1 - keep:g}, the probability to drop an element, is taken for the one to keep it in {name}":
                ~on / (1 - keep),
        }.items():  # fmt: skip
            yield Variant(site.at(i, lambda a, v, m=mask: m), said)


@mistake("smoothing", "operation", "{detail}", assumes=1.05)
def _smoothing(site: Site) -> Iterator[Variant]:
    """Targets of label smoothing: eps / K for each of K classes, and 1 - eps more for the right one."""
    for i, a in site.constants:
        low, *high = np.unique(np.round(a, 12))[:3] if a.ndim == 2 and a.size else (0.0,)
        if len(high) != 1 or not low or not np.allclose(a.sum(axis=1), 1):
            continue
        classes, on, name = a.shape[1], a > low, site.operand(i)
        eps = float(low) * classes
        for said, off, of_target in (
            ("spread eps over the other classes alone, eps / (K - 1) instead of eps / K", eps / (classes - 1), 1 - eps),
            ("are not smoothed: eps / K for the other classes is missing", 0.0, 1 - eps),
            ("are one-hot: the smoothing is missing", 0.0, 1.0),
            ("have 1 - eps at the right class, without eps / K", float(low), 1 - eps),
            ("have 1 at the right class instead of 1 - eps + eps / K", float(low), 1.0),
            ("add eps to the other classes without dividing it by K", eps, 1 - eps),
        ):
            text = f"the targets{f' {name}' * (name != '`a constant`')} {said}"
            yield Variant(site.at(i, lambda a, v, on=on, x=of_target, y=off: np.where(on, x, y)), text)


@mistake("log-probability", "operation", "{detail}", assumes=1.04)
def _log_probability(site: Site) -> Iterator[Variant]:
    """Where log-probabilities are computed: the logarithm is missing, or has another base."""
    value = site.op.value
    if site.op.kind not in ("sub", "log_softmax", "log") or value.ndim < 1 or value.max(initial=0) > 0:
        return
    if any(np.allclose(np.exp(value).sum(axis=axis), 1) for axis in range(value.ndim)):
        name = site.words.name(site.k)
        yield Variant(lambda v: np.exp(site.again(v)), f"the logarithm is missing: probabilities stand for {name}")
        for base in (2, 10):
            said = f"the logarithm in {name} has base {base} instead of e (np.log{base})"
            yield Variant(lambda v, b=base: site.again(v) / np.log(b), said)
        for k, _ in site.op.users:
            user = site.tape.ops[k]
            index = user.parameters.get("index") if user.kind == "getitem" else None
            if isinstance(index, tuple) and len(index) == value.ndim == 2:
                yield Variant(lambda v, at=index: _binary(site.again(v), at),
                    f"log(1 - p) of the other classes is added to {name} (binary cross-entropy)")  # fmt: skip


def _binary(logp: Any, at: Any) -> Any:
    others = np.log1p(-np.exp(logp))
    others[at] = 0
    new = np.array(logp)
    new[at] += others.sum(axis=1)[at[0]]
    return new


@mistake("averaged-logarithm", "operation", "the logarithm is taken after {what} instead of before it", assumes=1.05)
def _averaged_logarithm(site: Site) -> Iterator[Variant]:
    """log(mean(p)) instead of mean(log(p)), where the logarithm is part of a longer expression."""
    if site.op.kind in ("mean", "sum") and site.op.operands and np.max(site.op.operands[0], initial=-1) <= 0:
        yield Variant(lambda v: np.log(site.of([np.exp(site.operands(v)[0])])))
        if site.op.kind == "sum":  # which is divided by their number later
            n = site.op.operands[0].size / site.op.value.size
            yield Variant(lambda v: n * np.log(site.of([np.exp(site.operands(v)[0])]) / n))


@mistake("other-mean", "operation", "the {detail}", assumes=1.05)
def _other_mean(site: Site) -> Iterator[Variant]:
    """2 a b / (a + b), as of precision and recall: the arithmetic or geometric mean instead of the harmonic one."""
    ops = site.tape.ops
    below = site.op.sources[1] if site.op.kind == "div" else None
    if below is None or ops[below].kind != "add":
        return
    pair = [s for s in dict.fromkeys(ops[below].sources) if s is not None]
    if len(pair) == 2:
        a, b = (float(x) if np.ndim(x) == 0 else x for x in (ops[pair[0]].value, ops[pair[1]].value))
        if np.allclose(site.op.value, 2 * a * b / (a + b)):
            one, other = map(site.words.name, pair)
            names = f"of {one} and {other} is taken instead of the harmonic mean"
            yield Variant(lambda v: (v[pair[0]] + v[pair[1]]) / 2, f"arithmetic mean {names}")
            yield Variant(lambda v: np.sqrt(v[pair[0]] * v[pair[1]]), f"geometric mean {names}")


@mistake("sign", "operation", "the sign of {detail} is wrong", assumes=1.1)
def _sign(site: Site) -> Iterator[Variant]:
    of_all = site.k == len(site.tape.ops) - 1 and site.op.kind != "neg"
    for i, (name, _, make) in enumerate(site.spots):
        yield Variant(make(lambda a: -a), name, -0.04 if of_all and i == 0 else 0.0)


@mistake("factor", "operation", "{detail}", assumes=1.35)
def _factor(site: Site) -> Iterator[Variant]:
    if site.op.kind == "input":
        for n in (2.0, 0.5):
            yield Variant(lambda v, n=n: n * site.op.value, f"{site.what} has an extra factor of {n:g}")
    if site.op.primitive is None or site.op.kind in MOVING:
        return
    for n in (2.0, 0.5):
        yield Variant(lambda v, n=n: n * site.again(v), f"{site.what} has an extra factor of {n:g}")
    if site.k == len(site.tape.ops) - 1:
        for n, meaning in site.reference.sizes.items():
            yield Variant(lambda v, n=n: n * site.again(v), f"the result is multiplied by {n:g}, {meaning}", 0.1)
            yield Variant(lambda v, n=n: site.again(v) / n, f"the result is divided by {n:g}, {meaning}", 0.1)
    if site.op.kind == "matmul":
        inner = {float(site.shapes[0][-1]): "the inner dimension: a mean for a sum"}
        for n, meaning in (inner | site.reference.sizes).items():
            text = f"{site.what} is divided by"
            yield Variant(lambda v, n=n: site.again(v) / n, f"{text} {n:g}, {meaning}", 0.1)
            yield Variant(lambda v, n=n: site.again(v) / n**0.5, f"{text} the square root of {n:g}, {meaning}", 0.1)
