"""Mistakes in sums, means and other reductions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, combinations
from typing import Any

import numpy as np

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.forward.mistakes.sites import REDUCED, Site, Values
from minigrad.teach.tape import MOVING


def _axis_name(op: Any) -> str:
    return next((name for name in ("axis", "dim", "axes") if name in op.parameters), "")


def _said_axis(axis: Any) -> str:
    return "all axes" if axis is None else f"axis {axis}" if np.ndim(axis) == 0 else f"axes {axis}"


@mistake("axis", "operation", "{what} goes over {detail}")
def _axis(site: Site) -> Iterator[Variant]:
    name = _axis_name(site.op)
    if not name or not site.shapes or not site.shapes[0] or site.op.kind in MOVING:
        return
    axis, n = site.op.parameters[name], len(site.shapes[0])
    several = chain.from_iterable(combinations(range(n), m) for m in range(2, n)) if n < 7 else ()
    for other in (None, *range(n), *several):
        if other != axis and not (axis is not None and other == 0 == n - 1):
            text = f"{_said_axis(other)} instead of {_said_axis(axis)}"
            yield Variant(lambda v, a=other: site.again(v, **{name: a}), text)
            if "keepdims" in site.op.parameters:
                keep = not site.op.parameters["keepdims"]
                without = "with" if keep else "without"
                yield Variant(
                    lambda v, a=other, k=keep: site.again(v, **{name: a}, keepdims=k),
                    f"{text}, {without} keepdims",
                    0.1,
                )
                if not keep or axis is not None and {*np.atleast_1d(other)} > {*np.atleast_1d(axis)}:
                    yield Variant(partial(_one_for_all, site, name, other), text, 0.1, f"{text} for all")


def _one_for_all(site: Site, name: str, axis: Any, values: Values) -> Any:
    """Reduce over more axes, and give all that are reduced together the one result."""
    whole = site.again(values, **{name: axis}, keepdims=True)
    return np.broadcast_to(
        whole
        if site.op.parameters["keepdims"]
        else np.ravel(whole)[0]
        if axis is None
        else np.squeeze(whole, site.op.parameters[name]),
        site.op.value.shape,
    )


SCALINGS: dict[str, Callable[..., Any]] = {
    "(x - min) / (max - min)": lambda x, **k: (x - np.min(x, **k)) / (np.max(x, **k) - np.min(x, **k)),
    "(x - mean) / (max - min)": lambda x, **k: (x - np.mean(x, **k)) / (np.max(x, **k) - np.min(x, **k)),
    "x / max": lambda x, **k: x / np.max(x, **k), "x / sum": lambda x, **k: x / np.sum(x, **k),
    "x / max(abs(x))": lambda x, **k: x / np.max(np.abs(x), **k),
    "x / norm": lambda x, **k: x / np.sqrt(np.sum(x**2, **k)),
}  # fmt: skip


@mistake("other-scaling", "operation", "{what} is scaled as {detail} instead of (x - mean) / std")
def _other_scaling(site: Site) -> Iterator[Variant]:
    top = site.op.sources[0] if site.op.kind == "div" else None
    of = site.tape.ops[top].sources[0] if top is not None and site.tape.ops[top].kind == "sub" else None
    if of is None or (x := site.tape.ops[of].value).shape != site.op.value.shape:
        return
    for axis in (None, *range(x.ndim)):
        along: Any = {"axis": axis, "keepdims": True}
        if np.allclose((x - np.mean(x, **along)) / np.std(x, **along), site.op.value, rtol=1e-3, atol=1e-3):
            for said, scale in SCALINGS.items():
                yield Variant(lambda v, f=scale, along=along: f(v[of], **along), said)


@mistake("own-statistics", "operation", "the mean and the variance of {detail} itself are used in {what}, instead of "
         "those that are given", assumes=1.2)  # fmt: skip
def _own_statistics(site: Site) -> Iterator[Variant]:
    """(x - mean) / sqrt(var + epsilon) with given statistics, as of batch normalization after training."""
    ops, y = site.tape.ops, site.op.value
    for k in range(site.k) if site.op.kind == "div" else ():
        x, mean = ops[k].sources if ops[k].kind == "sub" else (None, None)
        if x is None or mean is None or ops[x].value.shape != y.shape:
            continue
        known = [q for q in range(1, site.k) if not Site(site.reference, x).feeds(q)]
        if mean not in known or not Site(site.reference, k).feeds(site.k):
            continue
        for var in [ops[q].value for q in known if q != mean and ops[q].value.shape == ops[mean].value.shape]:
            if not var.size or np.min(var) <= 0:
                continue
            scale = y / ((ops[x].value - ops[mean].value) / np.sqrt(var + 1e-5))  # such as gamma
            for axis in range(y.ndim):
                if np.allclose(scale, np.mean(scale, axis, keepdims=True), rtol=1e-4):
                    yield Variant(partial(_by_its_own, x, axis, scale), site.words.name(x))


def _by_its_own(x: int, axis: int, scale: Any, values: Values) -> Any:
    a = values[x]
    return scale * (a - np.mean(a, axis, keepdims=True)) / np.sqrt(np.var(a, axis, keepdims=True) + 1e-5)


@mistake("keepdims", "operation", "keepdims is missing in {what}: the result is broadcast along another dimension",
         assumes=1.05)  # fmt: skip
def _keepdims(site: Site) -> Iterator[Variant]:
    if site.op.parameters.get("keepdims"):
        yield Variant(lambda v: site.again(v, keepdims=False))


@mistake("ddof", "operation", "{what} divides by {detail} (ddof)", assumes=0.95)
def _ddof(site: Site) -> Iterator[Variant]:
    for name in ("less", "correction", "ddof"):
        if name in site.op.parameters:
            right = site.op.parameters[name]
            other = 0 if right else 1
            said = ["N" if not d else f"N - {d}" for d in (other, right)]
            yield Variant(lambda v, n=name, d=other: site.again(v, **{n: d}), " instead of ".join(said))
    if site.op.kind == "mean" and (n := site.op.operands[0].size / site.op.value.size) > 1:
        yield Variant(lambda v: site.again(v) * n / (n - 1), "N - 1 instead of N")


@mistake("other-reduction", "operation", "the {detail} is taken instead of {what}", assumes=0.98)
def _other_reduction(site: Site) -> Iterator[Variant]:
    if site.op.kind not in REDUCED or "axis" not in site.op.parameters:
        return
    axis, keepdims = site.op.parameters["axis"], bool(site.op.parameters.get("keepdims"))
    names = {"amax": "maximum", "amin": "minimum", "var": "variance", "std": "standard deviation (its square root)"}
    for kind, function in REDUCED.items():
        if kind != site.op.kind:
            cost = 0.0 if {kind, site.op.kind} in ({"sum", "mean"}, {"var", "std"}) else 0.2
            take = partial(function, axis=axis, keepdims=keepdims)
            if np.all(take(site.op.operands[0]) == 1):  # as the maximum of exp after a shift: it cannot be seen
                cost = 0.08
            yield Variant(lambda v, f=take: f(site.operands(v)[0]), names.get(kind, kind), cost)
    more: dict[str, Any] = {
        "product": np.prod, "median": np.median, "sum of squares": lambda a, **k: np.sum(a**2, **k),
        "square root of the sum of squares (the norm)": lambda a, **k: np.sqrt(np.sum(a**2, **k)),
        "mean of the absolute values": lambda a, **k: np.mean(np.abs(a), **k),
        "sum of the absolute values": lambda a, **k: np.sum(np.abs(a), **k),
        "sum of the squares of the deviations (not divided by N)": lambda a, **k: np.sum(_deviations(a, k) ** 2, **k),
        "mean absolute deviation": lambda a, **k: np.mean(np.abs(_deviations(a, k)), **k),
        "mean of the squares" + ", without subtracting the mean," * (site.op.kind == "var"):
            lambda a, **k: np.mean(a**2, **k),
    }  # fmt: skip
    if len(site.shapes[0]) > 1 and axis is None and site.op.kind in ("sum", "mean"):
        for word, f in (("largest", np.max), ("smallest", np.min)):
            of_rows = lambda a, f=f, **k: np.sum(f(a, axis=-1)) / (1 if site.op.kind == "sum" else len(a))  # noqa: E731
            more[f"{site.op.kind} of the {word} element of each row"] = of_rows
    if site.op.kind in ("amax", "amin") and axis is not None:
        more["first element, without comparing,"] = partial(_first, axis)
    for said, of in more.items():
        yield Variant(lambda v, f=of: f(site.operands(v)[0], axis=axis, keepdims=keepdims), said, 0.3)


def _deviations(a: Any, along: dict[str, Any]) -> Any:
    return a - np.mean(a, axis=along["axis"], keepdims=True)


def _first(axes: Any, a: Any, axis: Any, keepdims: bool) -> Any:
    for d in {d % a.ndim for d in np.atleast_1d(axes)}:
        a = np.take(a, [0], d)
    return a if keepdims else np.squeeze(a, axes)


@mistake("penalty", "operation", "{detail} is part of {what} too", assumes=1.2)
def _penalty(site: Site) -> Iterator[Variant]:
    """A penalty of the weights that the biases get too."""
    ops = site.tape.ops
    inner = ops[site.op.sources[0]] if site.op.kind == "sum" and site.op.sources[0] is not None else site.op
    for f in (np.square, np.abs):
        of = inner.operands[0] if inner.sources and inner.sources[0] is not None and not site.op.value.ndim else None
        if of is None or of.shape != inner.value.shape or not np.allclose(f(of), inner.value):
            continue
        for q in range(1, site.k):
            if ops[q].kind == "input" and q != inner.sources[0]:
                yield Variant(lambda v, q=q, f=f: site.again(v) + np.sum(f(v[q])), site.words.name(q))


@mistake("overlapping", "operation", "the windows of {what} overlap: their step is 1 instead of {detail}", assumes=1.05)
def _overlapping(site: Site) -> Iterator[Variant]:
    """Pooling of blocks that a reshape has made: (N, C, H // 2, 2, W // 2, 2)."""
    source = site.op.sources[0] if site.op.kind in REDUCED else None
    axes, blocks = site.op.parameters.get("axis"), site.tape.ops[source] if source is not None else site.op
    if (
        not isinstance(axes, tuple)
        or blocks.kind != "reshape"
        or len(blocks.value.shape) != len(axes) + np.ndim(blocks.operands[0])
    ):
        return
    sizes = tuple(blocks.value.shape[a] for a in axes)
    where = tuple(a - 1 - i for i, a in enumerate(sorted(axes)))
    windows = np.lib.stride_tricks.sliding_window_view

    def overlapping(v: Values) -> Any:
        x = v[blocks.sources[0]] if blocks.sources[0] is not None else blocks.operands[0]
        all_of_them = windows(x, sizes, where)
        index = [slice(None)] * x.ndim
        for a, size in zip(where, sizes):
            index[a] = slice(x.shape[a] // size)
        last = tuple(range(-len(axes), 0))
        return REDUCED[site.op.kind](all_of_them[tuple(index)], axis=last).reshape(site.op.value.shape)

    yield Variant(overlapping, " and ".join(map(str, dict.fromkeys(sizes))))


@mistake("count", "operation", "{what} is divided by {detail}", assumes=1.2)
def _count(site: Site) -> Iterator[Variant]:
    """A mean over the wrong number, a sum that is divided, a mean that is divided once more."""
    if site.op.kind not in ("mean", "sum", "var"):
        return
    right = site.op.operands[0].size / site.op.value.size if site.op.kind != "sum" else 1.0
    sizes = {right - 1: "one less", right + 1: "one more", 2.0: "", **site.reference.sizes}
    for n, meaning in sizes.items():
        called = f"{n:g}, {meaning}" if meaning else f"{n:g}"
        if n > 0 and n != right:
            instead = f" instead of {right:g}" if right != 1 else ", where it is not divided"
            yield Variant(lambda v, n=n: site.again(v) * right / n, called + instead)
        if n > 1 and right > 1:
            yield Variant(lambda v, n=n: site.again(v) / n, f"{called}, besides the mean", 0.15)


def _cut_product(site: Site, cut: slice, rows: int, values: Values) -> Any:
    a, b = site.operands(values)
    return a[..., cut] @ np.moveaxis(np.moveaxis(b, rows, 0)[cut], 0, rows)


@mistake("part", "operation", "only a part goes into {what}: {detail}", assumes=1.25)
def _part(site: Site) -> Iterator[Variant]:
    if site.op.kind not in (*REDUCED, "matmul") or not site.shapes[0]:
        return
    if site.op.kind == "matmul":
        rows = -2 if len(site.shapes[1]) > 1 else -1
        for said, cut in (("last", slice(None, -1)), ("first", slice(1, None))):
            said = f"the {said} element of the inner dimension is left out"
            yield Variant(partial(_cut_product, site, cut, rows), said)
        return
    for axis in range(len(site.shapes[0])):
        for said, cut in (
            ("the last element is left out", slice(None, -1)),
            ("the first element is left out", slice(1, None)),
            ("the last element alone (overwritten: = instead of +=, or a return inside the loop)", slice(-1, None)),
            ("the first element alone (a return inside the loop?)", slice(0, 1)),
        ):  # fmt: skip
            index = (slice(None),) * axis + (cut,)
            yield Variant(lambda v, c=index: site.of([site.operands(v)[0][c]]), f"{said} along axis {axis}")
            if site.op.kind == "mean":
                share = np.size(site.op.operands[0][index]) / np.size(site.op.operands[0])
                change = lambda v, c=index, n=share: n * site.of([site.operands(v)[0][c]])  # noqa: E731
                yield Variant(change, f"{said} along axis {axis}", 0.02, f"{said} {axis} divided")
