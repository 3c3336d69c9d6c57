"""Loops over the windows of a convolution or of a max pooling, as one operation.

Naive loops are hundreds of operations, and a mistake in them is one in all of their passes. As one operation the
function is small, and the mistakes that the catalogue knows of convolutions and poolings are made at it. Which arrays
the windows lie in, and where, is read off the indices; that the operation computes the same numbers is tested.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.primitives.convolution import Geometry, conv
from minigrad.primitives.layout import permute
from minigrad.primitives.pooling import Windows, max_pool
from minigrad.teach.tape import Op, Tape
from minigrad.tensors.tensor import Tensor

FEWEST = 8
"""The number of passes below which a loop is left as it is."""


def vectorized(tape: Tape) -> Tape | None:
    """Return the tape with a loop over windows as one operation; None if there is no such loop."""
    writes: dict[Any, list[int]] = {}
    for k, op in enumerate(tape.ops):
        if op.kind == "setitem" and op.place is not None:
            writes.setdefault(op.place.key, []).append(k)
    for several in writes.values():
        if len(several) < FEWEST:
            continue
        for base, axes in _windows(tape, several):
            new = _with_one_operation(tape, several[-1], base, axes)
            if new is not None:
                return new
    return None


def _windows(tape: Tape, writes: list[int]) -> Iterator[tuple[int, list[Any]]]:
    """Yield an array that is read window by window, with (starts, length) for the axes along which windows lie."""
    reads: dict[int, list[list[Any]]] = {}
    for k, op in enumerate(tape.ops[: writes[-1]]):
        if op.kind == "getitem" and (read := _read(tape, k)) is not None:
            whole = zip(read[1], tape.ops[read[0]].value.shape)
            if not all(i == slice(0, n) or not isinstance(i, slice) for i, n in whole):
                reads.setdefault(read[0], []).append(read[1])
    for base, indices in reads.items():
        axes: list[Any] = []
        for size, of in zip(tape.ops[base].value.shape, zip(*indices)):
            parts = {(i.start, i.stop - i.start) for i in of if isinstance(i, slice)}
            starts, lengths = sorted({start for start, _ in parts}), {length for _, length in parts}
            axes.append((starts, lengths.pop()) if len(lengths) == 1 and lengths != {size} else None)
        even = all(len({b - a for a, b in itertools.pairwise(starts)}) <= 1 for starts, _ in filter(None, axes))
        if len(indices) >= FEWEST and len(axes) in (3, 4) and axes.count(None) == 2 and even:
            yield base, axes


def _read(tape: Tape, k: int) -> tuple[int, list[Any]] | None:
    """Return the array that a part is read from, and the index of the part for each axis; through several parts."""
    op = tape.ops[k]
    index = op.parameters["index"]
    index = index if isinstance(index, tuple) else (index,)
    source = op.sources[0]
    if source is None or not all(isinstance(i, int | np.integer | slice) for i in index):
        return None
    inner = _read(tape, source) if tape.ops[source].kind == "getitem" else None
    base, given = inner or (source, [slice(0, n) for n in tape.ops[source].value.shape])
    rest = iter(index)
    found: list[Any] = []
    for at in given:
        i = next(rest, slice(None)) if isinstance(at, slice) else None
        if isinstance(i, slice):
            start, stop, step = i.indices(at.stop - at.start)
            if step != 1:
                return None
            i = slice(at.start + start, at.start + stop)
        found.append(at if i is None else i)
    return base, found


def _with_one_operation(tape: Tape, last: int, base: int, axes: list[Any]) -> Tape | None:
    """Return the tape with one operation instead of the writes up to the last, None if it is neither of the two."""
    out = tape.ops[last].value
    x, padding = _unpadded(tape, base, axes)
    along = [d for d, one in enumerate(axes) if one]
    starts, kernel = [axes[d][0] for d in along], tuple(axes[d][1] for d in along)
    small = tuple(map(len, starts))
    images = tape.ops[x].value
    large = tuple(images.shape[d] for d in along)
    stride = tuple(s[1] - s[0] if len(s) > 1 else 1 for s in starts)
    geometry = Geometry(large, small, kernel, stride, padding, (1,) * len(along), 1)
    windows = tuple(
        Windows(n, tuple(i - p for i in s), tuple(i - p + k for i in s))
        for n, s, k, p in zip(large, starts, kernel, padding)
    )
    if out.ndim != images.ndim or any(s[0] for s in starts):
        return None
    front = [d for d, one in enumerate(axes) if not one]
    loose = [k for k, op in enumerate(tape.ops[:last]) if op.kind != "getitem" and op.value.ndim == out.ndim and k != x]
    for first in (front, front[::-1]):
        order = (*first, *along)
        a = images.transpose(order)
        for places in itertools.combinations(range(out.ndim), 2):
            for f in (places, places[::-1]):
                to = (*f, *[d for d in range(out.ndim) if d not in f])
                wanted = out.transpose(to)
                if wanted.shape[0] != a.shape[0] or wanted.shape[2:] != small:
                    continue
                pooled = wanted.shape[1] == a.shape[1] and not any(padding) and max_pool.forward(a, windows=windows)
                if pooled is not False and np.allclose(pooled, wanted, rtol=1e-9, atol=1e-12):
                    return _joined(tape, last, x, order, to, max_pool, {"windows": windows}, [])
                for k in loose:
                    found = _weight(tape, k, a, geometry, wanted)
                    if found is not None:
                        return _joined(tape, last, x, order, to, conv, {"geometry": geometry}, found)
    return None


def _unpadded(tape: Tape, base: int, axes: list[Any]) -> tuple[int, tuple[int, ...]]:
    """Return what is padded with zeros for an array that windows lie in, and how wide the padding is."""
    op = tape.ops[base]
    none = (0,) * sum(map(bool, axes))
    index = op.parameters.get("index")
    if op.kind == "setitem" and op.sources[0] is None and isinstance(index, tuple):
        inner, around = op.sources[1], op.value.copy()
        around[index] = 0
        if inner is not None and all(isinstance(i, slice) for i in index) and len(index) == op.value.ndim:
            bounds = [i.indices(n)[:2] for i, n in zip(index, op.value.shape)]
            even = all(start == n - stop for (start, stop), n in zip(bounds, op.value.shape))
            if even and not around.any() and not any(start for (start, _), one in zip(bounds, axes) if not one):
                return inner, tuple(start for (start, _), one in zip(bounds, axes) if one)
    return base, none


def _weight(tape: Tape, k: int, a: np.ndarray, geometry: Geometry, wanted: np.ndarray) -> list[Any] | None:
    """Return the weight's operation and its order of axes, and the bias, if a convolution gives what is wanted."""
    weight = tape.ops[k].value
    shape = (wanted.shape[1], a.shape[1], *geometry.kernel)
    if sorted(weight.shape) != sorted(shape):
        return None
    for order in itertools.permutations(range(weight.ndim)):
        w = weight.transpose(order)
        if w.shape != shape:
            continue
        bias = wanted - conv.forward(a, w, None, geometry=geometry)
        each = bias.mean(axis=(0, *range(2, bias.ndim)))
        if np.allclose(bias, each.reshape(-1, *[1] * (bias.ndim - 2)), rtol=1e-9, atol=1e-9):
            return [(k, order), each]
    return None


def _joined(
    tape: Tape, last: int, x: int, order: Any, to: Any, primitive: Any, parameters: dict[str, Any], others: list[Any]
) -> Tape | None:
    """Return the tape with the operation, and with those that it depends on and that depend on it."""
    joined = Tape.of([], tape.seed, tape.recording)
    ops, where = joined.ops, dict[int, int]()

    def keep(k: int) -> int:
        """Append an operation with what it is computed from, and return its place."""
        if k not in where:
            where[k] = append(tape.ops[k], [None if s is None else keep(s) for s in tape.ops[k].sources])
        return where[k]

    def append(op: Op, sources: Any) -> int:
        return joined.append(op.but(sources=tuple(sources), users=[], active=not ops or joined.depends(sources)))

    def computed(primitive: Any, values: list[Any], parameters: dict[str, Any]) -> Op:
        tensors = [None if v is None else Tensor(v.astype(float), requires_grad=True) for v in values]
        result = Tensor.apply(primitive, *tensors, **parameters)
        return Op(primitive, (), values, parameters, result.detach()._array, result.node)

    def moved(k: int, dims: Any) -> int:
        """Append what moves the axes, if they are in another order."""
        if [*dims] == [*range(len(dims))]:
            return k
        new = computed(permute, [ops[k].value], {"axes": tuple(int(d) for d in dims)})
        new.name = ops[k].name
        return append(new, (k,))

    keep(0)
    operands: list[int | None] = [moved(keep(x), order)]
    values: list[Any] = [ops[operands[0] or 0].value]
    names = {}
    if others:
        (k, dims), bias = others
        operands.append(moved(keep(k), dims))
        values.append(ops[operands[1] or 0].value)
        same = [j for j, op in enumerate(tape.ops[:last]) if op.kind == "input" and op.value.shape == bias.shape]
        same = [j for j in same if np.allclose(tape.ops[j].value, bias, rtol=1e-9, atol=1e-12)]
        operands.append(keep(same[0]) if same else None)
        values.append((ops[operands[2] or 0].value if same else bias) if same or bias.any() else None)
        names = {2: "the bias"}
    end = tape.ops[last]
    new = computed(primitive, values, parameters)
    new.place, new.names, new.name = end.place, names, end.name
    where[last] = moved(append(new, operands), np.argsort(to).tolist())
    if where[last] != len(ops) - 1 or not ops[-1].active:
        return None
    inside = {k for k in range(last) if k not in where and tape.ops[k].active}  # not the targets of a loss
    for k in range(last + 1, len(tape.ops)):
        if inside.isdisjoint(s for s in tape.ops[k].sources if s is not None):
            keep(k)
        else:
            inside.add(k)
    if len(tape.ops) - 1 not in where:
        return None
    joined.gradients = joined.walk()
    return joined if np.allclose(joined.gradient, tape.gradient, rtol=1e-8, atol=1e-10) else None
