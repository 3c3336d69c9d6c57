"""Mistakes of position: indices, order, borders, masks, passes of a loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.forward.mistakes.sites import Site


def _along(site: Site) -> Iterator[tuple[str, tuple[int, ...], str, Any]]:
    """Yield (name, axes, the axes in words, a maker of edits) for each axis of each spot, and for the last two axes."""
    if site.op.kind == "setitem" and len(site.passes) > 1 and site.k < len(site.tape.ops) - 1:
        return
    for name, shape, make in site.spots:
        axes: list[tuple[int, ...]] = [(axis,) for axis in range(len(shape)) if shape[axis] > 1]
        axes += [tuple(range(len(shape)))[-2:]] if len(shape) > 1 else []
        yield from ((name, axis, " and ".join(map(str, axis)), make) for axis in axes)


@mistake("border", "operation", "{detail} is left out (it counts as 0): a range or the padding is off by one",
         assumes=1.4)  # fmt: skip
def _border(site: Site) -> Iterator[Variant]:
    for name, axes, where, make in _along(site):
        for at, which in ((0, "first"), (-1, "last")):
            said = f"the {which} element along axis {where} of {name}"
            yield Variant(make(partial(_without, at=at, axes=axes)), said)


def _without(a: Any, at: int, axes: tuple[int, ...]) -> Any:
    a = np.array(a)
    for axis in axes:
        a[(slice(None),) * axis + (at,)] = 0
    return a


@mistake("first-alone", "operation", "only the first element along axis {detail} is used", assumes=1.35)
def _first_alone(site: Site) -> Iterator[Variant]:
    for name, axes, where, make in _along(site):
        if len(axes) == 1 and site.op.kind == "input":
            yield Variant(make(partial(_alone, axis=axes[0])), f"{where} of {name}")


@mistake("padding", "operation", "the padding of {detail}", assumes=1.1)
def _padding(site: Site) -> Iterator[Variant]:
    """An array that is written into zeros, as np.pad does: padded with something else."""
    if site.op.kind != "setitem" or site.op.sources[0] is not None or len(site.passes) > 1:
        return
    index, shape = site.op.parameters["index"], site.op.value.shape
    around = np.array(site.op.value)
    around[index] = 0
    slices = isinstance(index, tuple) and all(isinstance(part, slice) for part in index)
    if slices and len(index) == len(shape) and not around.any():
        ends = [part.indices(n)[:2] for part, n in zip(index, shape)]
        widths = [(start, n - stop) for (start, stop), n in zip(ends, shape)]
        for mode, said in (("edge", "repeats the border"), ("reflect", "mirrors the array"), ("wrap", "goes around"),
                           ("symmetric", "mirrors the array with its border")):  # fmt: skip
            yield Variant(lambda v, m=mode: np.pad(site.operands(v)[1], widths, m),
                          f"{site.operand(1)} {said} (mode={mode!r}) instead of 0")  # fmt: skip


def _alone(a: Any, axis: int) -> Any:
    only = np.zeros_like(a)
    first = (slice(None),) * axis + (0,)
    only[first] = a[first]
    return only


@mistake("off-by-one", "operation", "{detail}", assumes=1.3)
def _off_by_one(site: Site) -> Iterator[Variant]:
    for name, axes, where, make in _along(site):
        for shift in (1, -1):
            said = f"{name} is shifted by one along axis {where}: an index is off by one"
            moved: Any = partial(np.roll, shift=(shift,) * len(axes), axis=axes)
            yield Variant(make(moved), said, 0.05 * (len(axes) - 1))


@mistake("reversed", "operation", "{detail}", assumes=1.3)
def _reversed(site: Site) -> Iterator[Variant]:
    for name, axes, where, make in _along(site):
        yield Variant(make(partial(np.flip, axis=axes)), f"{name} is flipped: in reverse order along axis {where}")


@mistake("layout", "operation", "the dimensions of {detail} are in another order (reshape instead of transpose, or the "
         "reverse)")  # fmt: skip
def _layout(site: Site) -> Iterator[Variant]:
    for name, shape, make in site.spots:
        if len(shape) > 1 and math.prod(shape) > max(shape):
            yield Variant(make(lambda a: np.swapaxes(a, -1, -2).reshape(a.shape)), name, 0.2)
    if site.op.kind == "reshape":
        wanted = site.op.parameters["shape"]
        by_columns = lambda v: np.reshape(site.operands(v)[0], wanted, order="F")  # noqa: E731
        yield Variant(by_columns, site.words.name(site.k), 0.1, "F")
        if len(site.op.value.shape) == 2:
            back = site.op.value.shape[::-1]
            yield Variant(lambda v: np.reshape(site.operands(v)[0], back).T, site.words.name(site.k), 0.1, "T")
        yield from _splits(site, wanted)
    if site.op.kind == "permute":
        shape = site.op.value.shape
        yield Variant(lambda v: np.reshape(site.operands(v)[0], shape), site.words.name(site.k), 0.1, "reshape")


def _splits(site: Site, wanted: tuple[int, ...]) -> Iterator[Variant]:
    """A dimension that is split into groups (heads, channels): in another order, or into another number of groups."""
    for d in range(len(wanted) - 1):
        a, b = wanted[d : d + 2]
        if a < 1 or b < 1 or a * b not in site.shapes[0]:
            continue
        turned = (*wanted[:d], b, a, *wanted[d + 2 :])
        if a > 1 < b:
            said = f"{site.words.name(site.k)}, whose groups interleave instead of standing side by side,"
            yield Variant(
                lambda v, t=turned, d=d: np.swapaxes(np.reshape(site.operands(v)[0], t), d, d + 1), said, 0.05, f"{d}"
            )


@mistake("alternating", "operation", "the columns of {detail}", assumes=1.2)
def _alternating(site: Site) -> Iterator[Variant]:
    """Even and odd columns, as of a positional encoding."""
    for i, shape in enumerate(site.shapes):
        if len(shape) == 2 and shape[1] % 2 == 0 and site.op.kind == "add" and site.op.value.shape == shape:
            name = site.operand(i).replace("`a constant`", "the constant that is added")
            yield Variant(site.at(i, lambda a, v: a.reshape(len(a), -1, 2)[..., ::-1].reshape(a.shape)),
                          f"{name} are exchanged in pairs (sin for cos)")  # fmt: skip
            yield Variant(site.at(i, lambda a, v: np.concatenate([a[:, ::2], a[:, 1::2]], axis=1)),
                          f"{name} stand in two halves instead of alternating")  # fmt: skip


@mistake("permuted", "operation", "the axes of {what} are in another order: {detail}")
def _permuted(site: Site) -> Iterator[Variant]:
    if site.op.kind == "permute" and len(site.shapes[0]) > 2 and not site.words.is_inside(site.k):
        axes = site.op.parameters["axes"]
        for other in permutations(range(len(site.shapes[0]))):
            if other != axes and tuple(site.shapes[0][a] for a in other) == site.op.value.shape:
                said = f"{other} instead of {axes}"
                yield Variant(lambda v, a=other: np.transpose(site.operands(v)[0], a), said, 0.0, said)


@mistake("groups", "operation", "{what} has another number of groups: {detail}", assumes=1.05)
def _groups(site: Site) -> Iterator[Variant]:
    if site.op.kind != "reshape":
        return
    wanted = site.op.parameters["shape"]
    for d in range(len(wanted) - 1):
        a, b = wanted[d : d + 2]
        if a > 0 and b > 0 and a * b in site.shapes[0] and a * b <= 512:
            for n in range(1, a * b + 1):
                if n != a and a * b % n == 0:
                    other = (*wanted[:d], n, a * b // n, *wanted[d + 2 :])
                    said = f"{n} of {a * b // n} instead of {a} of {b}"
                    yield Variant(lambda v, t=other: np.reshape(site.operands(v)[0], t), said, 0.0, f"{d} {n}")


@mistake("index", "operation", "the index is wrong in {what}: {detail}", assumes=1.1)
def _index(site: Site) -> Iterator[Variant]:
    if site.op.kind != "getitem" or site.op.primitive is None:
        return
    index, source = site.op.parameters["index"], site.shapes[0]
    parts = list(index) if isinstance(index, tuple) else [index]

    def take(new: Any) -> Any:
        return lambda v: site.operands(v)[0][new]

    for d, part in enumerate(parts):
        n = source[d] if d < len(source) and len(parts) <= len(source) else 0

        def put(new: Any, d: int = d) -> Any:
            return take(tuple([*parts[:d], new, *parts[d + 1 :]]))

        whole = isinstance(part, np.ndarray) and part.dtype.kind in "iu"
        if n > 1 and (whole or isinstance(part, int | np.integer)):
            for shift, which in ((1, "the next one"), (-1, "the one before")):
                said = f"off by one: {which} is taken (index {shift:+d})"
                yield Variant(put((part + shift) % n), said, 0.1 * (not whole), f"{d} {shift}")
        if n and whole and len(parts) > 1:
            said = f"all of dimension {d} is taken (a whole row or column, [:, ...]) instead of one element for each"
            yield Variant(put(slice(None)), said, 0.0, f"{d} all")
        elif isinstance(part, slice) and n:
            start, stop, step = part.indices(n)
            for name, new in _slices(start, stop, step).items():
                yield Variant(put(new), name, 0.1, f"{d} {name}")
            if step == 1 and 1 < (size := stop - start) < n and n % size == 0 and start % size == 0:
                said = "the blocks interleave (every nth element) instead of lying side by side"
                yield Variant(put(slice(start // size, None, n // size)), said, 0.1, f"{d} interleaved")
    if len(parts) > 1 and all(isinstance(p, np.ndarray) for p in parts[:2]):
        reduce: dict[str, Callable[..., Any]] = {"largest": np.max, "sum of all": np.sum, "mean of all": np.mean}
        for word, f in reduce.items():
            said = f"the {word} of each row is taken instead of that of the target (label)"
            yield Variant(lambda v, f=f: f(site.operands(v)[0], axis=1), said, 0.2)
    if len(parts) == 2 and all(isinstance(p, slice | int) for p in parts):
        yield Variant(take((parts[1], parts[0])), "rows and columns are exchanged (transposed)", 0.0, "exchanged")
    if len(site.passes) > 1:
        yield from _strides(site, parts)


def _slices(start: int, stop: int, step: int) -> dict[str, slice]:
    """Slices that are taken for one."""
    return {
        "the last one is left out": slice(start, stop - step, step),
        "the first one is left out": slice(start + step, stop, step),
        "one more is taken": slice(start, stop + step, step),
        "one more before it is taken": slice(start - step, stop, step),
        "all is taken": slice(None),
        "it is in reverse order": slice(stop - step, start - step if start >= step else None, -step),
        "the step is 1": slice(start, stop, 1),
    }


def _strides(site: Site, parts: list[Any]) -> Iterator[Variant]:
    """Windows with another stride."""
    for factor, said in ((0.5, "half"), (1 / 3, "a third"), (2, "twice")):
        new, change = [], False
        for part in parts:
            if isinstance(part, slice) and isinstance(part.start, int) and isinstance(part.stop, int):
                start = part.start * factor
                if start == int(start):
                    change = change or start != part.start
                    part = slice(int(start), int(start) + part.stop - part.start, part.step)
            new.append(part)
        if change or site.passes[0] == site.k:
            text = f"the windows lie {said} as far from each other (the stride or step)"
            yield Variant(lambda v, i=tuple(new): site.operands(v)[0][i], text, 0.1, f"stride {factor}")


@mistake("loop", "operation", "{detail}", assumes=1.25)
def _loop(site: Site) -> Iterator[Variant]:
    """What another pass of the loop computes."""
    passes = site.passes
    unpacked = site.op.kind == "getitem" and passes[-1] - passes[0] == len(passes) - 1  # a, b = np.split(x, 2)
    if len(passes) < 2 or site.op.kind == "setitem" or unpacked:
        return
    at = passes.index(site.k)
    where = {
        "the value of the pass before": at - 1, "the value of the next pass": at + 1, "the value of the first pass": 0,
        "the value of the last pass": len(passes) - 1, "the values in reverse order": len(passes) - 1 - at,
    }  # fmt: skip
    for said, p in where.items():
        q = passes[p % len(passes)]
        if site.tape.ops[q].value.shape == site.op.value.shape:
            yield Variant(lambda v, q=q: site.tape.ops[q].value, f"{site.what} has {said} of the loop", 0.0, said)
    if at == len(passes) - 1:
        q = passes[at - 1]
        yield Variant(
            lambda v: v[q], f"the last pass of the loop is left out in {site.what} (off by one)", -0.05, "left out"
        )
    if at == 0 and site.op.value.ndim:
        said = f"the first pass of the loop is left out in {site.what} (off by one)"
        yield Variant(lambda v: np.zeros(site.op.value.shape), said, 0.0, "first left out")


@mistake("not-carried", "operation", "{what} gets the value of the first pass each time: what a pass computes is not "
         "carried on to the next", assumes=1.04)  # fmt: skip
def _not_carried(site: Site) -> Iterator[Variant]:
    """The state at the start, in every pass of a loop."""
    first = Site(site.reference, site.passes[0])
    for i, (s, start) in enumerate(zip(site.op.sources, first.op.operands)):
        if s is not None and s != first.op.sources[i] and first.feeds(s) and np.shape(start) == site.shapes[i]:
            yield Variant(site.at(i, lambda a, v, x=start: x), "", 0.0, str(i))


@mistake("branch", "operation", "{detail}")
def _branch(site: Site) -> Iterator[Variant]:
    if site.op.kind != "where" or len(site.shapes) != 3:
        return
    right, name = np.asarray(site.op.operands[0], bool), site.what
    for i, said in ((1, "holds"), (2, "does not hold")):
        text = f"{name} always takes {site.operand(i)}, as if the condition {said} everywhere: the mask is missing"
        yield Variant(lambda v, i=i: np.broadcast_to(site.operands(v)[i], site.op.value.shape), text)
    masks: list[tuple[np.ndarray, str, float]] = [
        (right, "", 0.0), (~right, f"the branches of {name} are exchanged: the condition (mask) is inverted", 0.0)
    ]  # fmt: skip
    if right.ndim > 1 and right.shape[-1] == right.shape[-2]:
        masks.append((np.swapaxes(right, -1, -2), f"the mask in {name} is transposed", 0.0))
        n = right.shape[-1]
        for k in (2, 1, 0, -1, -2):
            for f, said in ((np.tril, "lower"), (np.triu, "upper")):
                part = "with the diagonal" if k == 0 else f"off by one diagonal ({k:+d})"
                masks.append((f(np.ones((n, n)), k) > 0, f"the mask in {name} is the {said} triangle {part}", 0.1))
    for axis in range(right.ndim):
        for shift in (1, -1):
            masks.append((np.roll(right, shift, axis), f"the mask in {name} is shifted by one along axis {axis}", 0.15))
    bounds: dict[bytes, tuple[np.ndarray, str, float]] = {}
    for mask, said in _bounds(site, right):
        said = f"the condition of {name} compares with another bound: {said}"
        bounds.setdefault(mask.tobytes(), (mask, said, 0.1))
    masks += bounds.values()
    for mask, said, cost in masks:
        if said and not np.array_equal(mask, right):
            yield Variant(lambda v, m=mask: np.where(m, *site.operands(v)[1:]), said, cost)
        for i in (1, 2):
            if site.op.sources[i] is None and not site.shapes[i]:
                for n in (0.0, -np.inf, 1.0, -1e9):
                    filled = f"{n:g} is filled in where the mask of {name} is off, instead of {site.operand(i)}"
                    text = f"{said}; and {filled}" if said and n > -1e9 else filled
                    if said and max(n, float(site.op.operands[i])) <= -1e4:  # with all masked, -inf gives nan
                        text = said
                    yield Variant(
                        lambda v, m=mask, i=i, n=n: np.where(
                            m, *[n if j == i else a for j, a in enumerate(site.operands(v))][1:]
                        ),
                        text,
                        cost + 0.1,
                    )


_BOUNDS = (0.0, 0.5, 1.0, 2.0, 0.1, -1.0)


def _bounds(site: Site, right: np.ndarray) -> Iterator[tuple[np.ndarray, str]]:
    """The condition with other bounds, where it compares a value of the reference with one."""
    ops = site.tape.ops
    for q in sorted(range(1, site.k), key=lambda q: (ops[q].kind != "abs", site.k - q)):
        a = ops[q].value
        if a.shape != right.shape or right.all() or not right.any():
            continue
        low, high = (right, ~right) if a[right].max() < a[~right].min() else (~right, right)
        if a[low].max() < a[high].min():
            name = site.words.name(q)
            for bound in _BOUNDS + (float(a.mean()),):
                mask = a < bound if low is right else a > bound
                yield mask, f"{name} {'<' if low is right else '>'} {bound:g}"
            between = [n for n in _BOUNDS if a[low].max() <= n <= a[high].min()]
            for p in site.reference.by_shape.get(right.shape, ()) if between else ():
                other = site.tape.ops[p].value
                if p != q and p < site.k and other.dtype.kind == "f":
                    mask = other <= between[0] if low is right else other > between[0]
                    yield mask, f"{site.words.name(p)} is compared with {between[0]:g} instead of {name}"


@mistake("joined", "operation", "the parts of {what} are put together in {detail}", assumes=1.1)
def _joined(site: Site) -> Iterator[Variant]:
    if site.op.kind in ("cat", "stack") and len(site.shapes) > 1:
        yield Variant(lambda v: site.of(site.operands(v)[::-1]), "reverse order")
        for q, name, _ in site.arrays(site.shapes[0]) if len(set(site.shapes)) == 1 else ():
            said = (
                f"the order of the pass before: {name} is the first, and the last is left out (added before the update)"
            )
            yield Variant(lambda v, q=q: site.of([v[q], *site.operands(v)[:-1]]), said)
        for axis in range(len(site.op.value.shape)):
            if axis != site.op.parameters.get("axis"):
                said = f"axis {axis} instead of {site.op.parameters.get('axis')}"
                yield Variant(lambda v, a=axis: site.again(v, axis=a), said)
