"""A correct backward pass of a different forward pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from minigrad.primitives import elementwise as ew
from minigrad.primitives import layout, reductions
from minigrad.primitives.primitive import Elementwise, Primitive
from minigrad.teach.catalogue import REDUCTIONS, Variant, mistake
from minigrad.teach.mistakes.moves import dimensions
from minigrad.teach.mistakes.sites import Site
from minigrad.teach.tape import Op

Change = Callable[[list[Any]], tuple[Any, list[Any], Any, Sequence[Any]]]
"""An operation's operands to the primitive, operands, parameters and sources of what stands there instead."""


@mistake(
    "different forward", "forward", "this is the right gradient of a different forward pass: {detail}", assumes=2.0
)
def _different_forward(s: Site) -> Iterator[Variant]:
    op, name = s.op, s.words.through(s.k)
    for i, source in enumerate(op.sources):
        if source is not None and np.shape(op.operands[i]) == op.value.shape and op.kind not in ("clone", "reshape"):
            without = ""
            if op.kind == "where":
                without = ", without the mask"
            elif len(op.sources) == 2 and (other := s.words.operand(s.k, 1 - i)) != "`a constant`":
                without = f", without {other}"
            yield Variant(
                lambda operands, i=i: (layout.clone, [operands[i]], {}, (op.sources[i],)),
                f"one with {s.words.apart(source, s.k)} instead of {name}{without}",
                -0.1,
                f"identity {i}",
            )
    for i, source in enumerate(op.sources):
        if source is not None and op.kind not in ("clone", "reshape", "setitem", "setview"):
            for k, called in s.earlier(np.shape(op.operands[i])):
                if k not in op.sources:
                    said = f"one with {called} instead of {s.words.operand(s.k, i)} in {name}"
                    sources = (*op.sources[:i], k, *op.sources[i + 1 :])
                    yield Variant(_with_operand(op, i, k, sources), said, 0.1, f"{i} from {called}")
    if op.kind == "mul":
        yield from _at_one_term(s)
    for other in _OTHERS.get(op.kind, ()):
        yield Variant(
            lambda operands, p=other: (p, operands, op.parameters, op.sources),
            f"one with {other.name} instead of {op.kind} in {name}",
            key=other.name,
        )
    if op.kind in REDUCTIONS and "axis" in op.parameters:
        for axes in _other_axes(op):
            said = f"one in which {name} goes over {dimensions(axes)}"
            yield Variant(_with_parameters(op, axis=axes, keepdims=True), said, key=f"axis {axes}")
            if len(axes) == 1:
                said = f"one in which {name} goes over dimension {axes[0]}"
                yield Variant(_with_parameters(op, axis=axes[0]), said, key=f"axis {axes} alone")
    for i, (source, o) in enumerate(zip(op.sources, op.operands)):
        if source is not None or o is None:
            continue
        value = np.asarray(o)
        said = s.words.operand(s.k, i)
        if value.dtype.kind == "f" and not value.ndim:
            one = [(-1 / value, "-1")] if value < 0 and value != -1 else []
            for factor, text in ((0.0, "0"), (2.0, "twice as large"), (0.5, "half as large"), (-1.0, "negative"), *one):
                change = _with_operand(op, i, value * factor)
                yield Variant(change, f"one in which {said} in {name} is {text}", 0.2, f"{i} {text}")
        elif value.dtype.kind == "f" and value.ndim == 2 and value.shape[0] == value.shape[1]:
            yield Variant(_with_operand(op, i, value.T), f"one in which {said} is transposed in {name}")
        if value.dtype.kind == "f" and value.ndim:
            for array, called in s.peers(value.shape)[:5]:
                if not np.array_equal(array, value):
                    yield Variant(_with_operand(op, i, array), f"one with {called} instead of {said} in {name}", 0.3)
    if op.kind == "reshape":
        for d in range(op.value.ndim - 1):
            a, b = op.value.shape[d : d + 2]
            if a > 1 and b > 1 and a * b in np.shape(op.operands[0]):
                yield Variant(
                    lambda operands, d=d: (_interleaved(d, op.value.shape), operands, op.parameters, op.sources),
                    f"one in which dimension {d} of {name} has every {a}th element, not {b} that follow each other: "
                    f"another order of the axes in a reshape",
                    0.1,
                    f"interleaved {d}",
                )
    if op.kind == "matmul" and None not in op.sources and all(np.ndim(o) == 2 for o in op.operands):
        yield Variant(
            lambda operands: (op.primitive, operands[::-1], op.parameters, op.sources[::-1]),
            f"one in which the factors of {name} are exchanged",
        )


def _at_one_term(s: Site) -> Iterator[Variant]:
    """A factor, such as a mask, that is applied to one term of a sum: M * y - pred for M * (y - pred)."""

    def constant(op: Any) -> list[int]:
        return [i for i, k in enumerate(op.sources) if k is None or not s.tape.ops[k].active]

    (i, *_), of = constant(s.op) or [-1], s.tape.ops
    source = s.op.sources[1 - i] if i >= 0 else None
    total = s.op if source is None else of[source]
    if source is None or total.kind not in ("add", "sub") or not (own := constant(total)):
        return
    factor, j = s.op.operands[i], own[0]
    value = factor * total.operands[j]
    sources = (*total.sources[:j], None, *total.sources[j + 1 :])
    if not np.ndim(factor) or value.shape != np.shape(total.operands[j]):
        return
    said, term = s.words.operand(s.k, i), s.words.operand(source, j)
    yield Variant(
        lambda operands: (total.primitive, _at([*total.operands], j, value), {}, sources),
        f"one in which {said} multiplies {term} alone, not all of {s.words.name(source)}, in {s.words.through(s.k)}",
        0.1,
        "one term",
    )


def _other_axes(op: Any) -> Iterator[tuple[int, ...]]:
    """Yield the other axes that a reduction may go over."""
    ndim, axis = np.ndim(op.operands[0]), op.parameters["axis"]
    own = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    own = tuple(sorted(a % ndim for a in own))
    for n in range(1, ndim + 1):
        yield from (axes for axes in itertools.combinations(range(ndim), n) if axes != own)


@mistake("wrong array computed again", "forward", "{through} is computed again in the backward pass from the wrong "
         "array: {detail}", assumes=1.9)  # fmt: skip
def _computed_again(s: Site) -> Iterator[Variant]:
    op = s.op
    if op.kind in ("getitem", "reshape", "permute", "clone", "expand", "setitem", "setview"):
        return
    read = any(s.tape.ops[j].uses(n) for j, n in op.users)
    for i, source in enumerate(op.sources):
        if source is None or not (read or s.tape.ops[source].active):
            continue  # "other array" says so of a constant
        value, said = np.asarray(op.operands[i]), s.words.operand(s.k, i)
        others = [(a, f"that of the {when} pass of the loop", when, 0.0) for a, when in s.other_passes(i)]
        others += [(a, called, key, 0.2) for a, called, key in s.neighbours(value.shape)[:8]]
        others += [(a, called, key, 0.2) for a, called, key in s.alternatives(source)]
        for array, called, key, assumes in others:
            if array is not value and array.shape == value.shape:
                yield Variant(_with_operand(op, i, array), f"{called} instead of {said}", assumes, f"{i} {key}")


@mistake("broadcast", "forward", "{through} {detail}", assumes=1.2)
def _broadcast(s: Site) -> Iterator[Variant]:
    """A column (N, 1) and a vector (N,) are broadcast to (N, N): in the forward pass, or in the backward pass alone."""
    op = s.op
    if len(op.sources) != 2 or not isinstance(op.primitive, Elementwise):
        return
    for i, source in enumerate(op.sources):
        o, own, other = op.operands[i], np.shape(op.operands[i]), np.shape(op.operands[1 - i])
        if np.size(o) < 2 or source is not None and s.tape.ops[source].active:
            continue
        vector, column = (np.size(o),), (np.size(o), 1)
        if {own, other} == {vector, column}:
            said = (
                f"broadcasts the shapes {other} and {own} to {op.value.shape} in the forward pass; this is the "
                f"gradient for two arrays of one shape: reshape {s.words.operand(s.k, i)} to {other}"
            )
            shape = other
        elif own == other and own in (vector, column):
            shape = column if own == vector else vector
            said = (
                f"has two arrays of the shape {own}, and this is the gradient for {other} and {shape}, which "
                f"are broadcast to {(o.size, o.size)}: one of them was reshaped in the backward pass"
            )
        else:
            continue
        yield Variant(_with_operand(op, i, np.reshape(o, shape)), said, key=f"{i}")


@mistake("wrong index of a part", "forward", "{through} is taken at the wrong index in the backward pass: {detail}",
         assumes=1.6)  # fmt: skip
def _wrong_part(s: Site) -> Iterator[Variant]:
    """Parts x[index] with another index: of the loop's variables, or as another part has it."""
    if s.op.kind == "roll":
        yield from _wrong_roll(s)
    if s.op.kind not in ("getitem", "setitem", "place") or not s.tape.gradients:
        return
    for index, said, assumes, key in other_indices(s):
        yield Variant(_with_parameters(s.op, index=index), said, assumes, key)


def _wrong_roll(s: Site) -> Iterator[Variant]:
    shifts = s.op.parameters["shifts"]
    for said, made in (
        ("one place too far", lambda n: n + 1),
        ("one place too little", lambda n: n - 1),
        ("in the other direction", lambda n: -n),
        ("not at all", lambda n: 0),
    ):
        other = tuple(map(made, shifts)) if isinstance(shifts, tuple) else made(shifts)
        yield Variant(_with_parameters(s.op, shifts=other), f"it is rolled {said}", key=f"roll {said}")


def other_indices(s: Site) -> list[tuple[Any, str, float, str]]:
    """Return other indices of a part: the index, what is wrong with it, how far-fetched it is, and a key."""
    if s.k not in s.words.indices:
        s.words.indices[s.k] = [*_other_indices(s)]
    return s.words.indices[s.k]


def other_parts(s: Site, k: int | None) -> Iterator[tuple[np.ndarray, str, float, str]]:
    """Yield what operation k reads of an array in a loop, x[i, j], at other indices."""
    if k is not None and s.tape.ops[k].kind == "getitem" and s.words.passes(k) > 1:
        for index, said, far, key in other_indices(Site(s.tape, s.words, k)):
            with suppress(IndexError):
                yield np.asarray(s.tape.ops[k].operands[0][index], float), said, far - 0.2, key


def _other_indices(s: Site) -> Iterator[tuple[Any, str, float, str]]:
    op = s.op
    index = op.parameters["index"]
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(p, np.ndarray) for p in parts):
        yield from _other_arrays_of_indices(s, parts)
        return
    source = op.sources[0] if op.kind != "place" else None
    read = [k for k, _ in s.tape.ops[source].users if s.tape.ops[k].kind == op.kind] if source is not None else []
    if len(read) == 1 and all(isinstance(p, int) for p in parts):  # such as scores[y[i]]
        read = s.words.same_instruction(s.k)
    if s.words.passes(s.k) > 1 and s.k in read:
        here_read = read.index(s.k)
        for which, j in (("before", read[here_read - 1]), ("after", read[(here_read + 1) % len(read)])):
            if j != s.k and s.tape.ops[j].value.shape == op.value.shape:
                said = f"that of the step {which}, off by one"
                yield s.tape.ops[j].parameters["index"], said, 0.05, f"step {which}"
    places = [d for d, p in enumerate(parts) if isinstance(p, int) or isinstance(p, slice) and p != slice(None)]
    shape = op.parameters["shape"] if op.kind == "place" else np.shape(op.operands[0])
    if len(shape) == 2 and shape[0] == shape[1] and len(places) == 1:  # A[:, j] for A[j]
        turned = (slice(None), parts[0]) if places == [0] else (parts[1],)
        yield turned, "a row for a column, or a column for a row (a transpose)", 0.0, "turned"
    yield from _elsewhere(parts, places, shape)
    here, every = s.variables
    if not here or not places:
        return
    known = s.words.indices.setdefault((every[0][1], "passes"), [])  # the same in all passes
    if not known:
        known += [{tuple(v[n] for n in here): k for v, k in every}, {n: sorted({v[n] for v, _ in every}) for n in here}]
    at, ranges = known

    # as in another pass of the loop
    def of_pass(**other: int) -> Any:
        k = at.get(tuple({**here, **other}[n] for n in here))
        return None if k is None else s.tape.ops[k].parameters["index"]

    for n in here:
        values = ranges[n]
        low, high = values[0], values[-1]
        if low == high:
            continue
        for value, said, assumes in (
            (low + high - here[n], f"`{n}` is counted from the other end (flipped, in reverse order)", 0.0),
            (low, f"it is always that of the first `{n}`", 0.0),
            (high, f"it is always that of the last `{n}`", 0.1),
            (values[(values.index(here[n]) + 1) % len(values)], f"that of the next `{n}`: off by one", 0.1),
            (values[values.index(here[n]) - 1], f"that of the previous `{n}`: off by one", 0.1),
        ):
            if (found := of_pass(**{n: value})) is not None:
                yield found, said, assumes, said
    for n, m in itertools.combinations(here, 2):
        if (found := of_pass(**{n: here[m], m: here[n]})) is not None:
            yield found, f"`{n}` and `{m}` are exchanged, rows for columns (a transpose)", 0.0, f"{n} {m}"
    for d, n in itertools.product(places, here):
        if isinstance(parts[d], int) and parts[d] == here[n]:  # where not every pass is made
            found = (*parts[:d], shape[d] - 1 - parts[d], *parts[d + 1 :])
            yield found, f"`{n}` is counted from the end of dimension {d} (flipped)", 0.05, f"{d} end {n}"
        elif isinstance(parts[d], int) and 0 <= here[n] < shape[d]:
            found = (*parts[:d], here[n], *parts[d + 1 :])
            yield found, f"`{n}` is the index of dimension {d}, a wrong variable", 0.0, f"{d} is {n}"
    # with another stride or offset
    places = [d for d in places if isinstance(parts[d], slice)] or places[:2]
    for factor in (-1, -2, 1, 2):
        said = f"`{{}}` counts {'less' if factor < 0 else 'more'} than it must (a stride, a dilation or an offset)"
        for d, n in itertools.product(places, here):
            if (found := _moved(parts, {d: factor * here[n]}, shape)) is not None:
                yield found, said.format(n), 0.1, f"{d} {n} {factor}"
        for d, e in itertools.combinations(places, 2):
            for n, m in itertools.permutations(here, 2):
                if (found := _moved(parts, {d: factor * here[n], e: factor * here[m]}, shape)) is not None:
                    yield found, said.format(f"{n}`, `{m}"), 0.2, f"{d} {n} {e} {m} {factor}"


def _elsewhere(
    parts: tuple[Any, ...], places: list[int], shape: tuple[int, ...]
) -> Iterator[tuple[Any, str, float, str]]:
    """Yield the same part moved along one dimension, or along all, and without its stride."""
    slices = [d for d in places if isinstance(parts[d], slice) and len(range(*parts[d].indices(shape[d]))) < shape[d]]
    for n, by in itertools.product({1, len(slices)}, (1, -1, 2, -2)):
        for moved in itertools.combinations(places if n == 1 else slices, n):
            if (found := _moved(parts, dict.fromkeys(moved, by), shape)) is not None:
                off = "one" if abs(by) == 1 else "two"
                said = f"off by {off} along {dimensions(moved)}"
                yield found, said, 0.1 + 0.1 * abs(by), f"{moved} {by}"
    ends = {d: range(*parts[d].indices(shape[d])) for d in slices}
    for said, to in (
        ("from index 0 on (the padding is cut off at the end)", {d: -r[0] for d, r in ends.items() if r}),
        (
            "up to the end (the padding is cut off at the start)",
            {d: shape[d] - 1 - r[-1] for d, r in ends.items() if r},
        ),
    ):
        if max(map(abs, to.values()), default=0) > 2 and (found := _moved(parts, to, shape)) is not None:
            yield found, said, 0.2, said
    strided = [d for d in slices if parts[d].indices(shape[d])[2] > 1]
    if strided:
        plain = list(parts)
        for d in strided:
            start, stop, step = parts[d].indices(shape[d])
            plain[d] = slice(start, start + len(range(start, stop, step)))
        yield tuple(plain), f"without the stride along {dimensions(tuple(strided))}", 0.0, "no stride"


def _moved(parts: tuple[Any, ...], by: dict[int, int], shape: tuple[int, ...]) -> tuple[Any, ...] | None:
    """Return an index whose parts lie elsewhere, None if they would lie outside."""
    found = list(parts)
    for d, n in by.items():
        p = parts[d]
        if isinstance(p, int):
            found[d] = (p % shape[d]) + n
            if not 0 <= found[d] < shape[d]:
                return None
        else:
            start, stop, step = p.indices(shape[d])
            found[d] = slice(start + n, stop + n, step)
            if start + n < 0 or stop + n > shape[d]:
                return None
    return tuple(found)


def _other_arrays_of_indices(s: Site, parts: tuple[Any, ...]) -> Iterator[tuple[Any, str, float, str]]:
    """Yield indices by another array of integers."""
    shape = np.shape(s.op.operands[0])
    others: list[tuple[np.ndarray, str]] = []
    for k, op in enumerate(s.tape.ops):
        index = op.parameters.get("index") if op.parameters else None
        for p in index if isinstance(index, tuple) else (index,):
            if isinstance(p, np.ndarray) and p.dtype.kind in "iu":
                others.append((p, f"the index of {s.words.apart(k, s.k)}"))
    for d, p in enumerate(parts):
        if not isinstance(p, np.ndarray) or p.dtype.kind not in "iu" or shape[d : d + 1] == ():
            continue
        n = shape[d]
        several = [
            *((a, said) for a, said in others if a.shape == p.shape and not np.array_equal(a, p)),
            (np.zeros_like(p), "always index 0 (the first column or row)"),
            (np.full_like(p, n - 1), "always the last index (the last column or row)"),
            ((p + 1) % n, "off by one"),
            ((p - 1) % n, "off by one"),
            (n - 1 - p, "counted from the other end (flipped)"),
            (p[::-1], "the indices in reverse order"),
            (np.roll(p, 1, 0), "the indices of the previous one: off by one"),
            (np.roll(p, -1, 0), "the indices of the next one: off by one"),
            *((np.sort(p, axis=axis), "the indices in another order, sorted") for axis in (0, -1)),
            *((np.argsort(p, axis=axis), "argsort of the indices: the inverse permutation") for axis in (0, -1)),
            (np.arange(p.size).reshape(p.shape) % n, "in order, 0, 1, 2, ..., without the index"),
        ]
        if p.ndim == 2 and p.shape[0] == p.shape[1]:
            several.append((p.T, "the transpose of the indices"))
        several += [
            (np.full_like(p, value), f"always `{name}`, a wrong variable")
            for name, value in (s.variables[0] if s.op.place is not None else {}).items()
            if 0 <= value < n
        ]
        for number, (array, said) in enumerate(several):
            if not np.array_equal(array, p):
                yield (*parts[:d], array, *parts[d + 1 :]), said, 0.1, f"{d} {number}"


def _at(operands: list[Any], i: int, value: Any) -> list[Any]:
    return [*operands[:i], value, *operands[i + 1 :]]


def _with_operand(op: Op, i: int, value: Any, sources: Sequence[Any] = ()) -> Change:
    """Return the same operation of another operand i: of a value, or of the result of another operation."""
    return lambda operands: (op.primitive, _at(operands, i, value), op.parameters, sources or op.sources)


def _with_parameters(op: Op, **changed: Any) -> Change:
    """Return the same operation with other parameters."""
    return lambda operands: (op.primitive, operands, {**op.parameters, **changed}, op.sources)


SIBLINGS: dict[str, tuple[Any, ...]] = {
    "exp": (ew.exp2, ew.expm1, ew.log), "log": (ew.log2, ew.log10, ew.log1p, ew.exp), "sqrt": (ew.square, ew.abs),
    "abs": (ew.square, ew.relu), "square": (ew.abs,), "sin": (ew.cos, ew.tanh), "cos": (ew.sin,),
    "maximum": (ew.minimum, ew.add), "minimum": (ew.maximum,), "add": (ew.sub, ew.mul, ew.maximum),
    "sub": (ew.add, ew.mul, ew.div), "mul": (ew.div, ew.add), "div": (ew.mul, ew.sub), "log1p": (ew.log,),
    "log2": (ew.log,), "log10": (ew.log,), "expm1": (ew.exp,),
}  # fmt: skip
"""Functions and operators that are easily taken for each other."""
_OTHERS: dict[str, tuple[Any, ...]] = {
    **SIBLINGS, "tanh": (ew.sigmoid, ew.relu, ew.sin), "sigmoid": (ew.tanh, ew.relu), "relu": (ew.tanh, ew.abs),
    "sum": (reductions.mean, reductions.amax), "mean": (reductions.sum, reductions.amax),
    "amax": (reductions.mean, reductions.amin), "amin": (reductions.amax,),
}  # fmt: skip


def _interleaved(d: int, made: tuple[int, ...]) -> Primitive:
    """Return the reshape to `made` that lays dimensions d and d + 1 out the other way round."""
    laid = (*made[:d], made[d + 1], made[d], *made[d + 2 :])
    return Primitive(
        "reshape",
        lambda x, *, shape: x.reshape(laid).swapaxes(d, d + 1),
        x=lambda g, x_shape: g.swapaxes(d, d + 1).reshape(x_shape),
    )
