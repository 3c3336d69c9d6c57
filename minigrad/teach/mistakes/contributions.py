"""Mistakes at one contribution: between an operation and one of its operands."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Elementwise
from minigrad.primitives.reductions import spread
from minigrad.teach.catalogue import REDUCTIONS, Variant, mistake
from minigrad.teach.edits import as_operand
from minigrad.teach.mistakes.factors import factor_words
from minigrad.teach.mistakes.formulas import OF_TWO, derivative, functions, spoken
from minigrad.teach.mistakes.forward import other_indices, other_parts
from minigrad.teach.mistakes.moves import dimensions, orders, shifted, subsets
from minigrad.teach.mistakes.sites import Edge
from minigrad.teach.tape import MOVING, Times


@mistake("dropped", "edge", "the contribution of {operand} through {through} is missing: forgotten, or overwritten by "
         "a later one (= for +=)")  # fmt: skip
def _dropped(s: Edge) -> Iterator[Variant]:
    if s.is_half or s.is_total:
        return  # "half of a square" or "earlier terms" says so
    # in the last pass of a loop, some uses are of no consequence
    several = any(s.tape.ops[k].users[1:] for k in s.words.same_instruction(s.source))
    source = s.tape.ops[s.source]
    several = several or source.kind == "matmul" and len({*source.sources}) == 1  # x @ x
    is_term = s.op.kind in ("add", "sub") and s.operand.size == 1 == s.op.value.size and s.words.passes(s.k) == 1
    if is_term and source.kind not in REDUCTIONS and not source.users[1:]:
        yield Variant(lambda g: np.zeros(s.operand.shape), assumes=-0.05)
    elif several or s.source == 0 or s.is_of_pass_before or s.is_term or source.kind == "getitem":
        users = [s.tape.ops[k].kind for k, _ in source.users]
        softmax = users == ["exp", "exp"]  # written out: what is forgotten there is the 1 of the target
        yield Variant(lambda g: np.zeros(s.operand.shape), assumes=1.5 * softmax)


@mistake("earlier terms", "edge", "only what is added to {node} last{line} gets a gradient: the contributions of "
         "earlier passes are missing, forgotten or overwritten (= for +=)")  # fmt: skip
def _earlier_terms(s: Edge) -> Iterator[Variant]:
    if s.is_total:
        yield Variant(lambda g: np.zeros(s.operand.shape))


@mistake("half of a square", "edge", "{operand} stands twice in {through}, and only one of its two contributions is "
         "there: the factor 2 of a square", assumes=0.9)  # fmt: skip
def _half_of_a_square(s: Edge) -> Iterator[Variant]:
    if s.is_half and s.i == 0:
        yield Variant(lambda g: np.zeros(s.operand.shape))


@mistake("constant", "edge", "{through} is treated as a constant: it depends on {operand} too, and that contribution "
         "is missing", assumes=0.9)  # fmt: skip
def _constant(s: Edge) -> Iterator[Variant]:
    if ((s.op.kind in REDUCTIONS and not s.op.added) or _leads_to_reduction(s)) and not s.is_half:
        yield Variant(lambda g: np.zeros(s.operand.shape))


def _leads_to_reduction(s: Edge) -> bool:
    """Whether the operand reaches a reduction on its only way, within a few operations."""
    k = s.k
    for _ in range(4):
        if s.tape.ops[k].added:
            return False
        if s.tape.ops[k].kind in REDUCTIONS and k != len(s.tape.ops) - 1:
            return True
        if len(s.tape.ops[k].users) != 1:
            return False
        k = s.tape.ops[k].users[0][0]
    return False


@mistake("sign", "edge", "the contribution of {operand} through {through} has the wrong sign")
def _sign(s: Edge) -> Iterator[Variant]:
    yield Variant(lambda g: -s.contribution(g), assumes=0.5 * (s.op.sources.count(s.source) > 1))  # x * x is forgotten


@mistake("doubled", "edge", "the contribution of {operand} through {through} is counted twice: a factor of 1/2 is "
         "missing, it is added twice, or it is passed on before all contributions have arrived and then again",
         assumes=1.5)  # fmt: skip
def _doubled(s: Edge) -> Iterator[Variant]:
    yield Variant(lambda g: 2 * s.contribution(g))


@mistake("skipped", "edge", "the local derivative of {through} is missing: the upstream gradient is passed to "
         "{operand} as it is{detail}")  # fmt: skip
def _skipped(s: Edge) -> Iterator[Variant]:
    op = s.op
    if op.kind in ("add", "expand", "reshape", "clone", "to", "stack", "cat", "setitem", "sum"):
        return
    if op.kind in REDUCTIONS:
        axis, keep = op.parameters.get("axis"), op.parameters.get("keepdims", False)
        detail = {
            "mean": f", without the factor 1/N, N = {s.operand.size // max(op.value.size, 1)}, of the mean",
            "amax": ", to every element and not to the largest alone",
            "amin": ", to every element",
        }.get(op.kind, "")
        yield Variant(lambda g: np.array(spread(g, s.operand.shape, axis, keep)), detail, key="spread")
        return
    detail = ""
    if op.kind == "mul" or op.kind == "div" and s.i == 0:
        detail = f", without the factor {'1/' * (op.kind == 'div')}{s.words.operand(s.k, 1 - s.i)}"
    if s.fitted(s.g) is not None and (op.kind, s.i) != ("sub", 1):
        yield Variant(lambda g: s.fitted(g), detail, 0.6 * s.is_mask, "as it is")


@mistake("upstream ignored", "edge", "the upstream gradient is ignored at {through}: the local derivative alone goes "
         "to {operand}; multiply it by the gradient that arrives{detail}", assumes=1.2)  # fmt: skip
def _upstream_ignored(s: Edge) -> Iterator[Variant]:
    if s.k != len(s.tape.ops) - 1 or s.op.value.size > 1:
        factor = _everywhere(s.g) if s.words.passes(s.k) == 1 else ""
        yield Variant(lambda g: s.contribution(np.ones_like(g)), factor, key="ones")


def _everywhere(g: np.ndarray) -> str:
    """Return what an upstream gradient is if it is the same for all elements, such as the 1/N of a mean."""
    c = float(g.flat[0]) if g.size else 0.0
    if not c or not np.allclose(g, c, rtol=1e-9):
        return ""
    n = round(1 / abs(c)) if abs(c) < 1 else 0
    mean = f", the 1/{n} of a mean" if n and g.size > 1 and math.isclose(n * abs(c), 1, rel_tol=1e-9) else ""
    return f", the factor {c:.6g}{mean}"


@mistake("upstream twice", "edge", "the upstream gradient is multiplied in twice at {through}", assumes=2.0)
def _upstream_twice(s: Edge) -> Iterator[Variant]:
    yield Variant(lambda g: s.contribution(g * g))


@mistake("other function", "edge", "the local derivative of {through} with respect to {operand} is wrong: it is "
         "computed as {detail}", assumes=1.8)  # fmt: skip
def _other_function(s: Edge) -> Iterator[Variant]:
    op = s.op
    if not isinstance(op.primitive, Elementwise):
        return
    names = dict(zip(op.primitive.inputs, op.operands))
    if op.kind == "pow" and s.i == 0 and op.sources[1] is None:
        a, p = op.operands
        base, n = spoken("a", {"a": s.words.operand(s.k, 0)}).strip("`"), float(np.mean(p))
        bare, base = base, as_operand(base)
        powers: list[tuple[str, str, Callable[[], Any]]] = [
            (f"{base}**{n - 1:g}" if n != 2 else bare, f": the factor {n:g} is missing", lambda: a ** (p - 1)),
            (f"{n:g} * {base}**{n:g}", ": the exponent is not lowered by one, a power too many", lambda: p * a**p),
            (f"{n:g} * {base}", "", lambda: p * a),
            (f"{n - 1:g} * {base}**{n - 1:g}", "", lambda: (p - 1) * a ** (p - 1)),
            (f"{n - 1:g} * {base}**{n:g}", "", lambda: (p - 1) * a**p),
            (f"{n:g} * {base}**{n - 2:g}", "", lambda: p * a ** (p - 2)),
            (f"{n + 1:g} * {base}**{n:g}", "", lambda: (p + 1) * a**p),
            (f"{base}**{n:g}", "", lambda: a**p),
            (f"{n:g}", f": the factor {base} is missing", lambda: p * np.ones_like(a)),
            (f"{n:g} * sign({base})", ": that of an absolute value", lambda: p * np.sign(a)),
            (f"sign({base})", ": that of the absolute value", lambda: np.sign(a)),
        ]
        if n < 0:
            powers.append((f"-{base}**{n - 1:g}", f": the factor {-n:g} is missing", lambda: -(a ** (p - 1))))
        for number, (text, why, d) in enumerate(powers):
            if n == 2 and number in (3, 5, 7):  # said by another one
                continue
            yield Variant(Times(d(), s.fitted), f"`{text}`{why}", -0.6, f"power {number}")
        return
    if op.kind == "sqrt":
        said = spoken("1 / y", {"y": s.words.name(s.k)})
        yield Variant(Times(1 / op.value, s.fitted), f"{said}: the factor 1/2 is missing", -0.6, "sqrt")
        half = np.full(op.value.shape, 0.5)
        yield Variant(Times(half, s.fitted), f"`1/2`: the factor 1 / {s.words.name(s.k)} is missing", -0.2, "half")
    if len([o for o in op.sources if o is not None]) == 1 and op.kind not in ("add", "sub", "neg", "mul"):
        x, y = s.operand, op.value
        if x.shape == y.shape:
            right = s.contribution(np.ones(y.shape))
            known = s.words.known(s.k, s.source)
            said = derivative(s) if y.size < 3 else ""  # a few numbers agree with other formulas by chance
            yield from functions(x, y, s.words.operand(s.k, s.i), s.words.name(s.k), right, known, said)
            if not s.is_mask and (s.g > 0).any() and (s.g < 0).any():
                text = "1 where the upstream gradient is positive, 0 elsewhere: the mask of a relu on the wrong array"
                yield Variant(lambda g: g * (g > 0), text, 0.0, "g > 0")
    if op.kind in ("mul", "div", "pow", "logaddexp", "atan2", "hypot"):
        a, b = (np.asarray(o, float) for o in names.values())
        y = op.value
        instead = derivative(s)
        for text, of_operands in OF_TWO.items():
            said = spoken(text, {"a": s.words.operand(s.k, 0), "b": s.words.operand(s.k, 1), "y": s.words.name(s.k)})
            yield Variant(Times(of_operands(a, b, y), s.fitted), f"{said} instead of {instead}", 0.0, text)


@mistake("other array", "edge", "the derivative of {through} with respect to {operand} is computed from the wrong "
         "array: {detail}", assumes=2.0)  # fmt: skip
def _other_array(s: Edge) -> Iterator[Variant]:
    op = s.op
    ones = np.ones(op.value.shape)

    def instead(name: str, a: np.ndarray) -> Any:
        """Compute the contribution with another array of a name."""
        if s.is_elementwise and (derivative := op.raw(s.i, ones, {name: a})) is not None:
            return Times(derivative, s.fitted)
        return lambda g: op.contribution(s.i, g, {name: a})

    for name in op.saved(s.i):
        right = np.asarray(op.argument(name))
        if right.dtype.kind != "f":
            continue
        said = s.words.name(s.k) if name == "y" else s.words.operand(s.k, op.primitive.inputs.index(name))
        if s.is_elementwise and op.kind not in ("mul", "div") and right.shape == s.g.shape and not s.is_mask:
            text = f"the upstream gradient instead of {said}"
            yield Variant(lambda g, n=name: op.contribution(s.i, g, {n: g}), text, -0.2, f"{name} upstream")
        if right.size > 1 or s.words.passes(s.k) > 1:
            for array, text, assumes, key in _instead_of(s, name, right, said):
                if np.shape(array) == right.shape and not np.array_equal(array, right):
                    yield Variant(instead(name, array), text, assumes, f"{name} {key}")


def _instead_of(s: Edge, name: str, right: np.ndarray, said: str) -> Iterator[tuple[Any, str, float, str]]:
    """Yield the arrays that may stand for a saved one: what is said of each, how far-fetched it is, and a key."""
    for array, called, key in s.neighbours(right.shape):
        text = f"{called} instead of {said}"
        if called == said:
            this, that = ("old", "new") if " True " in key or key.startswith("way ") else ("new", "old")
            text = f"the {this} {said} instead of the {that} one"
        yield array, text, 0.0, key
    i = None if name == "y" else s.op.primitive.inputs.index(name)
    for array, when in s.other_passes(i):
        yield array, f"{said} of the {when} pass of the loop (a wrong step or index)", 0.1, when
    if i is None:
        return
    if s.op.kind == "matmul" and right.ndim == 1 == s.operand.ndim:
        yield s.operand, f"{s.words.operand(s.k, s.i)} itself instead of {said}", -0.1, "own"
    for a, b in itertools.combinations(range(right.ndim), 2) if s.op.kind != "matmul" else ():
        yield right.swapaxes(a, b), f"{said} transposed", 0.4, f"turned {a} {b}"
    if s.op.kind in ("mul", "matmul") and right.ndim <= 4:
        for axes in subsets(d for d in range(right.ndim) if right.shape[d] > 1):
            text = f"{said} flipped along {dimensions(axes)}, in reverse order"
            yield np.flip(right, axes), text, 0.3 + 0.1 * (len(axes) == 3), f"flip {axes}"
    if (source := s.op.sources[i]) is None:
        return
    for j, array in enumerate(s.tape.ops[source].operands):
        called = s.words.operand(source, j)
        text = f"the old {said} instead of the new one" if called == said else f"{called} instead of {said}"
        yield array, text, -0.1, f"from {j}"
    for array, called, key in s.alternatives(source):
        yield array, f"{called} instead of {said}", 0.1, key
    for array, called, far, key in other_parts(s, source):
        yield array, f"{said} is read at the wrong index: {called}", far, key
    base, moves = source, []
    while s.tape.ops[base].kind in ("reshape", "permute") and s.tape.ops[base].sources[0] is not None:
        moves.append(s.tape.ops[base])
        base = moves[-1].sources[0]
    whole, called = s.tape.ops[base].value, s.words.name(base)

    def moved(array: np.ndarray) -> np.ndarray:
        for move in moves[::-1]:
            array = move.again([array]).value
        return array

    if moves:  # as w in x @ w.T, or M in an einsum
        for array, other, key in s.neighbours(whole.shape):
            yield moved(array), f"{other} instead of {called}", 0.0, f"of {key}"
        for a, b in itertools.combinations(range(whole.ndim), 2):
            if whole.shape[a] == whole.shape[b]:
                yield moved(whole.swapaxes(a, b)), f"{called} transposed", 0.2, f"of {a} {b}"
        text = f"{called} is only reshaped where its axes must be permuted too (a transpose)"
        yield whole.reshape(right.shape), text, -0.2, "flat"


@mistake("changed upstream", "edge", "the contribution of {operand} through {through} is computed from an upstream "
         "gradient that was changed before it was used: it is already multiplied by {detail}", assumes=1.7)  # fmt: skip
def _changed_upstream(s: Edge) -> Iterator[Variant]:
    """Two lines in the wrong order: dh *= z, then dn = dh * (1 - z)."""
    total, i = s.op, s.i
    if s.is_elementwise and s.op.kind not in ("add", "sub") and len(s.op.users) == 1:  # a term of the sum
        k, i = s.op.users[0]
        total = s.tape.ops[k]
    source = total.sources[1 - i] if total.kind in ("add", "sub") else None
    if source is None or total.value.shape != s.op.value.shape:
        return
    other = s.tape.ops[source]
    for j in range(2 if other.kind in ("mul", "div") and other.value.shape == s.op.value.shape else 0):
        edge = Edge(s.tape, s.words, source, j)
        text = f"the local derivative of {s.words.through(source)} with respect to {s.words.operand(source, j)}"
        yield Variant(Times(s.local * edge.local, s.fitted), text, key=f"{j}")


@mistake("changed array", "edge", "the derivative of {through} with respect to {operand} is computed from an array "
         "that was changed after the forward pass: {detail}", assumes=1.8)  # fmt: skip
def _changed_array(s: Edge) -> Iterator[Variant]:
    """A parameter after its update, an array that was overwritten in place: the stale value is gone."""
    op = s.op
    if op.kind not in ("matmul", "mul") or np.size(op.operands[1 - s.i]) < 2:
        return
    other, name = np.asarray(op.operands[1 - s.i], float), op.primitive.inputs[1 - s.i]
    said = s.words.operand(s.k, 1 - s.i)
    source = op.sources[1 - s.i]
    gradient = None if source is None else s.tape.gradients[source]
    if gradient is None and source is not None and s.tape.ops[source].kind == "input":
        gradient = s.tape.gradient_of(source)
    if gradient is None:
        gradient = np.asarray(op.contribution(1 - s.i, s.g))
    changed = [(f"{said} - {rate:g} * its gradient, after the update", 0.0, other - rate * gradient) for rate in _RATES]
    changed += [
        (f"np.maximum({said}, 0)", 0.1, np.maximum(other, 0)),
        (f"{said} less its mean over axis 0", 0.2, other - other.mean(axis=0)),
        (f"{said} less its mean", 0.2, other - other.mean()),
        (f"{said} less its largest element", 0.4, other - other.max()),
    ]
    for text, assumes, array in changed:
        yield Variant(lambda g, a=array: op.contribution(s.i, g, {name: a}), text.replace("`", ""), assumes, text)


_RATES = (0.1, 0.01, 0.001, 1.0, 0.5, 0.05)


@mistake("mask", "edge", "the mask of {through} is wrong: the gradient passes where {detail}", assumes=1.3)
def _mask(s: Edge) -> Iterator[Variant]:
    if not s.is_mask:
        if one := _one_weight(s):
            said = f"{s.words.operand(s.k, 1 - s.i)} is 0 too: only the factor {one:g} of its other elements is left"
            yield Variant(lambda g: s.fitted(one * g), said)
        return
    c = s.contribution(np.ones(s.op.value.shape))
    x = s.operand
    second = s.is_second_branch
    others: list[tuple[str, Callable[[np.ndarray], Any]]] = [
        ("the upstream gradient is positive, not where the input is", lambda g: g * ((g > 0) ^ second)),
        ("the upstream gradient is positive as well as the input", lambda g: s.contribution(g * (g > 0))),
        ("it must not, and is 0 where it must pass", lambda g: g * (c == 0)),
        ("the input is at least 0 (>= for >)", lambda g: g * (x >= 0)),
        ("the input is positive", lambda g: g * (x > 0)),
        ("the input is negative", lambda g: g * (x < 0)),
        ("the input is not 0", lambda g: g * (x != 0)),
    ]
    for detail, change in others:
        if np.array_equal(change(s.g), s.g):
            continue  # no mask at all: "skipped" says so
        if s.fitted(change(s.g)) is not None:
            yield Variant(lambda g, f=change: s.fitted(f(g)), detail)
    name = s.words.name(s.k)
    for array, when in s.other_passes():
        said = f"{name} of the {when} pass of the loop is positive"
        yield Variant(lambda g, a=array: s.fitted(g * ((a > 0) ^ second)), said, 0.1, f"mask {when}")
    for array, called, key in s.neighbours(s.op.value.shape):
        if called == s.words.operand(s.k, s.i) and array is not x:
            called = f"{called} of another pass (the wrong layer or step)"
        yield Variant(Times((array > 0) ^ second, s.fitted), f"{called} is positive", 0.55, f"mask {key}")


def _one_weight(s: Edge) -> float:
    """Return the weight of a class, or the 1/keep of dropout: what an operand is multiplied by where that is not 0."""
    weights = np.asarray(s.op.operands[1 - s.i] if s.op.kind == "mul" and not s.is_half else 0.0)
    several = np.unique(weights[weights != 0])
    return float(several[0]) if weights.size > 1 and len(several) == 1 else 0.0


@mistake("factor", "edge", "the contribution of {operand} through {through} is {detail}", assumes=1.7)
def _factor(s: Edge) -> Iterator[Variant]:
    c = s.scale
    if c is not None and c not in (0, 1, -1, 2):
        text, assumes = factor_words(c, s.tape)
        others = [o for n, o in enumerate(s.op.operands) if n != s.i and s.op.sources[n] is None]
        if s.op.kind in ("mul", "div") and len(others) == 1 and np.size(others[0]) == 1:
            n = float(np.ravel(others[0])[0])
            square = n > 1 and np.isclose(n * n, round(n * n)) and round(n * n) in s.words.sizes  # sqrt(d), and d
            if square and np.isclose(c, n if s.op.kind == "mul" else 1 / n, rtol=1e-6):
                way = "multiplied" if s.op.kind == "mul" else "divided"
                twice = f"{way} by {s.words.operand(s.k, 1 - s.i)} twice"
                text, assumes = f"{twice}, as by {n * n:.6g} instead of {n:.6g}, its root", -0.9
            if s.op.kind == "mul" and math.isclose(c * n, 1 - n, rel_tol=1e-6):
                text, assumes = f"multiplied by {1 - n:.6g} instead of {n:.6g}, as x for 1 - x", -0.5
        if (one := _one_weight(s)) and math.isclose(c * one, 1):
            text, assumes = f"without the factor {one:g} of {s.words.operand(s.k, 1 - s.i)}", -0.5
        if assumes > 1 and s.tape.x.size < 2:
            return  # one number is a multiple of any other
        yield Variant(lambda g: c * s.contribution(g), text, assumes, f"{c:.6g}")


@mistake("wrong product", "edge", "the matrix product for the gradient of {operand} in {through} is wrong: it is "
         "{detail}", assumes=1.3)  # fmt: skip
def _wrong_product(s: Edge) -> Iterator[Variant]:
    if s.op.kind != "matmul":
        return
    other = np.asarray(s.op.operands[1 - s.i])
    name = s.words.operand(s.k, 1 - s.i).strip("`")
    name = as_operand(name)
    own = s.words.operand(s.k, s.i).strip("`")
    if s.g.ndim == 1 and other.ndim == 2:
        for text, m in ((f"{name} @ g", other), (f"{name}.T @ g", other.T)):
            if m.shape == (s.operand.size, s.g.size):
                said = f"`{text}`, where g is the upstream gradient: a transpose is wrong"
                yield Variant(lambda g, m=m: m @ g, said, key=f"{m is other}")
    yield from _of_a_part(s, name)
    factors = [(other, name, 0.0), (s.operand, as_operand(own), 0.6)]
    for (m, called, far), turned, turned_g, first in itertools.product(factors, (0, 1), (0, 1), (0, 1)):
        if m.ndim < 2 or s.g.ndim < 2:
            continue

        def product(g: Any, m: Any = m, t: int = turned, tg: int = turned_g, first: int = first) -> Any:
            a, b = (g.swapaxes(-1, -2) if tg else g), (m.swapaxes(-1, -2) if t else m)
            return s.fitted(b @ a if first else a @ b)

        try:
            found = product(s.g)
        except ValueError:
            continue
        if found is not None and found.shape == s.operand.shape:
            g_text, m_text = f"g{'.T' * turned_g}", f"{called}{'.T' * turned}"
            text = f"`{m_text} @ {g_text}`" if first else f"`{g_text} @ {m_text}`"
            why = "a transpose is wrong" if m is other else f"`{own}` is used instead of `{name}`"
            key = f"{m is other} {turned} {turned_g} {first}"  # the text has the name of the pass
            yield Variant(product, f"{text}, where g is the upstream gradient: {why}", far, key)
    if s.operand.ndim == 2 < other.ndim == s.g.ndim and s.i == 1:
        rows, columns = s.operand.shape
        text = f"in another order than those of {name}: two axes are exchanged, or reshaped instead of transposed"
        x = other.reshape(-1, rows)
        for d in range(other.ndim - 2):
            said = f"{name}.T @ g, where the axes of g are flattened {text}"
            yield Variant(lambda g, d=d: x.T @ g.swapaxes(d, d + 1).reshape(-1, columns), said, 0.3, f"flat g {d}")
        said = f"`{name}.reshape({rows}, -1) @ g`: a reshape where a transpose must be"
        yield Variant(lambda g: other.reshape(rows, -1) @ g.reshape(-1, columns), said, 0.3, "flat")
    for d in range(other.ndim - 2) if s.g.ndim == other.ndim else ():
        if other.shape[d] == s.g.shape[d] > 1:
            text = f"{{}} is summed over dimension {d} first, and each of its elements belongs to one product"
            summed = np.broadcast_to(other.sum(d, keepdims=True), other.shape)
            change = lambda g, m=summed: s.op.contribution(s.i, g, {s.op.primitive.inputs[1 - s.i]: m})  # noqa: E731
            yield Variant(change, text.format(f"`{name}`"), 0.3, f"sum {d}")
            change = lambda g, d=d: s.contribution(np.broadcast_to(g.sum(d, keepdims=True), g.shape))  # noqa: E731
            yield Variant(change, text.format("the upstream gradient"), 0.3, f"sum g {d}")
    try:
        if s.fitted(s.g * other) is not None:
            yield Variant(lambda g: s.fitted(g * other), "an elementwise product", 0.7)
    except ValueError:
        return


def _of_a_part(s: Edge, name: str) -> Iterator[Variant]:
    """The product with the diagonal, with a matrix that is reshaped, or with some of the columns, as of one gate."""
    other, axis = np.asarray(s.op.operands[1 - s.i]), -1 if s.i == 0 or s.g.ndim < 2 else -2
    if other.ndim != 2 or s.operand.ndim > 2:
        return
    n = s.g.shape[axis]
    if other.shape[0] == n == other.shape[1]:
        diagonal = np.diag(other) if axis == -1 else np.diag(other)[:, None]
        said = f"`g * np.diag({name})`: each element goes back through the diagonal alone"
        yield Variant(lambda g: g * diagonal, said, 0.1)
    else:
        flat = other.reshape(other.shape[::-1]).T
        change = lambda g: s.op.contribution(s.i, g, {s.op.primitive.inputs[1 - s.i]: flat})  # noqa: E731
        yield Variant(change, f"computed with `{name}` reshaped, where it must be transposed", 0.1, "reshaped")
    for parts in (2, 3, 4):
        for part in range(parts if n % parts == 0 and n > parts else 0):
            size = n // parts
            here = np.zeros(n, bool)
            here[part * size : part * size + size] = True
            here = here if axis == -1 else here[:, None]
            where = f"{part * size}:{part * size + size} of dimension {s.g.ndim + axis} of the upstream gradient"
            without = f"computed without the part {where}: the path of one of {parts} parts, as of a gate, is missing"
            only = f"computed from the part {where} alone: the paths of the other parts, as of gates, are missing"
            for key, mask, said in (("without", ~here, without), ("only", here, only)):
                yield Variant(lambda g, m=mask: s.contribution(g * m), said, 0.4, f"{key} {part} of {parts}")


@mistake("transposed", "edge", "the contribution of {operand} through {through} is transposed{detail}", assumes=1.4)
def _transposed(s: Edge) -> Iterator[Variant]:
    for a, b in itertools.combinations(range(s.operand.ndim), 2):
        if s.operand.shape[a] == s.operand.shape[b] > 1:
            detail = "" if s.operand.ndim == 2 else f": dimensions {a} and {b} are swapped"
            yield Variant(lambda g, a=a, b=b: s.contribution(g).swapaxes(a, b), detail)
    if s.op.kind not in MOVING:
        for a, b in itertools.combinations(range(s.g.ndim), 2):
            if s.g.shape[a] == s.g.shape[b] > 1 and s.g.ndim > 1:
                detail = ", or its upstream gradient is"
                yield Variant(lambda g, a=a, b=b: s.contribution(g.swapaxes(a, b)), detail, 0.2)


@mistake("wrong order", "edge", "the elements of the contribution of {operand} through {through} are in the wrong "
         "order: {detail}", assumes=1.7)  # fmt: skip
def _wrong_order(s: Edge) -> Iterator[Variant]:
    op, shape = s.op, s.operand.shape
    if op.kind == "reshape":
        for axes in itertools.permutations(range(len(shape))) if 1 < len(shape) <= 5 else ():
            laid, name = tuple(shape[a] for a in axes), s.words.name(s.k)
            said = f"they are laid out as {laid} and then permuted; a reshape to {shape} undoes {name}"
            back = tuple(np.argsort(axes))
            yield Variant(lambda g, n=laid, b=back: g.reshape(n).transpose(b), said, key=f"laid {axes}")
        over = [s.tape.ops[k].parameters.get("axis") or () for k, _ in op.users if s.tape.ops[k].kind in REDUCTIONS]
        spread_over = {d + side for axes in over for d in np.atleast_1d(axes).tolist() for side in (-1, 0)}
        for axes in orders(s.g.ndim):
            moved = {d for d, axis in enumerate(axes) if axis != d}
            tiled = " (np.tile for np.repeat)" * bool(spread_over and moved == spread_over)
            said = f"the upstream gradient is permuted by {axes} before it is reshaped to {shape}{tiled}"
            yield Variant(lambda g, a=axes: g.transpose(a).reshape(shape), said, 0.1)
    if op.kind == "permute":
        said = "they are reshaped where the axes must be permuted back (a transpose)"
        yield Variant(lambda g: g.reshape(shape), said, -0.3)
        for axes in itertools.permutations(range(s.g.ndim)) if s.g.ndim <= 6 else ():
            if tuple(s.g.shape[a] for a in axes) == shape:
                forward = " (those of the forward pass, not their inverse)" * (axes == tuple(op.parameters["axes"]))
                yield Variant(lambda g, a=axes: g.transpose(a), f"the axes are permuted by {axes}{forward}")
    if op.kind in MOVING or op.kind in ("matmul", "windows", "conv"):
        dims = [d for d in range(len(shape)) if shape[d] > 1]
        for axes in [a for n in (1, 2) for a in itertools.combinations(dims, n)]:
            said = f"they are flipped along {dimensions(axes)}"
            yield Variant(lambda g, a=axes: np.flip(s.contribution(g), a), said, 0.3)
        for d, by, move in itertools.product(dims, (1, -1), (np.roll, shifted)):
            said, key = f"they are off by one along dimension {d}", f"{move.__name__} {d} {by}"
            yield Variant(lambda g, d=d, by=by, move=move: move(s.contribution(g), by, d), said, 0.3, key)
    if op.kind in MOVING:
        for d in [d for d in range(s.g.ndim) if s.g.shape[d] > 1]:
            said = "the upstream gradient is taken in reverse order"
            yield Variant(lambda g, d=d: s.contribution(np.flip(g, d)), said, 0.4)
            for by in (1, -1):
                said = "the upstream gradient is taken off by one"
                yield Variant(lambda g, d=d, by=by: s.contribution(np.roll(g, by, d)), said, 0.5, f"upstream {by}")
    if op.primitive.variadic:
        for j, o in enumerate(op.operands):
            if j != s.i and np.shape(o) == shape:
                said = "they are those of another part that was joined"
                yield Variant(lambda g, j=j: op.raw(j, g), said, 0.0, f"p{j - s.i}")


@mistake(
    "wrong sum", "edge", "{operand} is broadcast in {through}, so its contributions are added up: {detail}", assumes=1.0
)
def _wrong_sum(s: Edge) -> Iterator[Variant]:
    if s.op.raw(s.i, s.g) is None or s.raw(s.g).shape == s.operand.shape:
        return
    raw, shape = s.raw(s.g), s.operand.shape
    new = raw.ndim - len(shape)
    axes = (*range(new), *(d + new for d, n in enumerate(shape) if n == 1 and raw.shape[d + new] > 1))
    count = math.prod(raw.shape[a] for a in axes)
    where = _axes(axes)
    said = f"they are averaged over {where}, not summed (a factor of 1/{count} too many)"
    # a factor of 2 may be that of a square
    yield Variant(lambda g: s.contribution(g) / count, said, 0.2 * (count == 2), key="mean")
    for some, (name, index) in itertools.product(subsets(axes), (("last", -1), ("first", 0))):
        place: Any = tuple([index] if d in some else slice(None) for d in range(raw.ndim))
        said = f"only that of the {name} index of {_axes(some)} is there (= for +=, or no sum)"
        change = lambda g, p=place: s.raw(g)[p].sum(axis=axes).reshape(shape)  # noqa: E731
        yield Variant(change, said, 0.1 * (some != axes), key=name if some == axes else f"{name} {some}")
    shown = raw[raw != 0]
    if shown.size and np.ptp(shown) <= 1e-9 * np.abs(shown).max():  # a mask: -1 for -mask.sum(axis=1)

        def once(g: np.ndarray) -> np.ndarray:
            c = s.raw(g)
            return np.full(shape, c[c != 0].mean())

        text = f"each counts once, however many elements along {where} contribute (1 for their number)"
        yield Variant(once, text, 0.1, "once")
        yield Variant(lambda g: once(g) * (s.contribution(g) != 0), text, 0.1, "once, or not at all")
    # a column and a vector that are broadcast to a square matrix: "broadcast" says so
    far = 0.8 * (len(set(raw.shape)) == 1 and all(np.size(o) < s.op.value.size for o in s.op.operands))
    for others in itertools.combinations(range(raw.ndim), len(axes)):
        kept = [n for d, n in enumerate(raw.shape) if d not in others]
        if others != axes and math.prod(kept) == math.prod(shape):
            said = f"the sum goes over axis {', '.join(map(str, others))}, and must go over {where}"
            yield Variant(lambda g, o=others: s.raw(g).sum(axis=o).reshape(shape), said, far, f"axis {others}")
    for n in range(1, len(axes)):
        for part in itertools.combinations(axes, n):
            place = tuple(0 if d in axes and d not in part else slice(None) for d in range(raw.ndim))
            said = f"the sum goes over axis {', '.join(map(str, part))} alone, and must go over {where}"
            yield Variant(lambda g, p=part, w=place: s.raw(g).sum(p, keepdims=True)[w].reshape(shape), said, 0.3)
    further = [d for d in range(new, raw.ndim) if d not in axes and raw.shape[d] > 1]
    for n in range(1, len(further)):
        for more in itertools.combinations(further, n):
            over, own = tuple(sorted((*axes, *more))), tuple(d - new for d in more)
            said = f"the sum goes over axis {', '.join(map(str, over))}, and must go over {where}"
            change = lambda g, o=own: np.broadcast_to(s.contribution(g).sum(o, keepdims=True), shape)  # noqa: E731
            yield Variant(change, said, 0.1, f"more {over}")
    said = f"their number along {where}, of those that are not 0, is taken instead of their sum"
    yield Variant(lambda g: (s.raw(np.sign(g)).sum(axis=axes)).reshape(shape), said, 0.3, "number")
    said = f"only the largest along {where} is there (max for sum)"
    yield Variant(lambda g: np.asarray(s.raw(g).max(axis=axes)).reshape(shape), said, 0.5, "max")
    if math.prod(shape) > 1:
        said = "everything is summed to one number, for all elements"
        yield Variant(lambda g: np.full(shape, s.raw(g).sum()), said, 0.2, "all")
        said = "everything is averaged to one number"
        yield Variant(lambda g: np.full(shape, s.raw(g).mean()), said, 0.5, "all mean")


def _axes(axes: tuple[int, ...]) -> str:
    return f"{'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"


@mistake("wrong spread", "edge", "the gradient of {through} goes back to the wrong elements of {operand}: {detail}",
         assumes=1.4)  # fmt: skip
def _wrong_spread(s: Edge) -> Iterator[Variant]:
    op, shape = s.op, s.operand.shape
    if op.kind not in REDUCTIONS or "axis" not in op.parameters:
        return
    axis, keep = op.parameters["axis"], op.parameters.get("keepdims", False)
    if op.kind in ("amax", "amin"):
        x, best = s.operand, s.contribution(np.ones(op.value.shape)) > 0
        extreme, opposite = (np.amax, np.amin) if op.kind == "amax" else (np.amin, np.amax)
        low, size = x == opposite(x, axis, keepdims=True), np.abs(x)
        for said, mask, total in (
            ("to all elements but the extreme one: the mask is inverted", ~best, 1),
            ("to the smallest for the largest, or the other way round (argmin for argmax)", low, 1),
            ("to the largest by absolute value", size == size.max(axis, keepdims=True), 1),
            ("to every element alike, as that of an average", np.ones_like(best), x.size // op.value.size),
            ("to the positive ones: the mask of a relu", x > 0, 1),
        ):
            yield Variant(lambda g, m=mask / total: m * spread(g, shape, axis, keep), said, 0.2)
        for n in range(1, len(shape) + 1):
            for over in itertools.combinations(range(len(shape)), n):
                mask = x == extreme(x, axis=over, keepdims=True)
                said = f"to the extreme ones along {dimensions(over)}, another maximum than that of the forward pass"
                yield Variant(lambda g, m=mask: m * spread(g, shape, axis, keep), said, 0.1, f"extreme {over}")
        for array, name in s.peers(shape)[:6]:
            mask = array == extreme(array, axis=axis, keepdims=True)
            said = f"to those where {name} is extreme, not {s.words.operand(s.k, 0)}"
            yield Variant(lambda g, m=mask: m * spread(g, shape, axis, keep), said, 0.0, name)
    if op.kind in ("mean", "sum"):
        largest = s.operand == s.operand.max(axis, keepdims=True)
        said = "to the largest alone, as that of a maximum"
        yield Variant(lambda g: largest * spread(g, shape, axis, keep), said, 0.2, "largest")
    if op.kind in ("mean", "sum", "amax", "amin"):
        share = s.contribution(np.ones(op.value.shape)) if op.kind == "mean" else np.ones(shape)
        along = [*range(len(shape))] if axis is None else [a % len(shape) for a in np.atleast_1d(axis)]
        for number, which in enumerate(("first", "middle", "last")):
            at = [shape[d] // 2 * (number == 1) + (shape[d] - 1) * (number == 2) for d in range(len(shape))]
            alone = np.zeros(shape)
            alone[tuple(at[d] if d in along else slice(None) for d in range(len(shape)))] = 1
            for by, far in ((share, ""), (1.0, ", without the 1/N of the mean"))[: 1 + (op.kind == "mean")]:
                change = lambda g, a=alone * by: a * spread(g, shape, axis, keep)  # noqa: E731
                yield Variant(change, f"to the {which} one alone{far}", 0.1 + 0.2 * bool(far), f"{which}{far}")
    if axis is None or np.ndim(axis) and len(axis) == len(shape):
        return
    one = (axis,) if isinstance(axis, int) else tuple(axis)
    one = tuple(a % len(shape) for a in one)
    local = s.contribution(np.ones(op.value.shape))
    for other in itertools.combinations(range(len(shape)), len(one)):
        if other != one and np.delete(shape, other).tolist() == np.delete(shape, one).tolist():
            yield Variant(
                lambda g, o=other: local * spread(np.squeeze(g, one) if keep else g, shape, o, False),
                f"it is spread along axis {', '.join(map(str, other))}, and was reduced along "
                f"{', '.join(map(str, one))} (is keepdims=True missing?)",
                key=f"{other}",
            )
    if op.kind in ("amax", "amin") and isinstance(axis, int):
        index, mask = (np.argmax if op.kind == "amax" else np.argmin)(s.operand, axis), np.zeros(shape)
        np.put_along_axis(mask, np.expand_dims(index, axis), 1, axis)
        said = "to the first of several equal ones alone"
        yield Variant(lambda g: mask * spread(g, shape, axis, keep), said, 0.3, "first")


@mistake("set, not added", "edge", "{through} reads some elements of {operand} several times; their gradients must add "
         "up (np.add.at), and here the last one overwrites the others (dx[index] = ..., or dx[index] += ..., which "
         "adds once)")  # fmt: skip
def _set_not_added(s: Edge) -> Iterator[Variant]:
    if s.op.kind == "windows":
        axis, size, step = (s.op.parameters[n] for n in ("axis", "size", "step"))

        def written(g: np.ndarray) -> np.ndarray:
            out = np.zeros(s.operand.shape)
            before = (slice(None),) * axis
            for p in range(g.shape[axis]):
                out[(*before, slice(p * step, p * step + size))] = np.moveaxis(g[(*before, p)], -1, axis)
            return out

        yield Variant(written)
    if s.op.kind == "getitem":
        yield Variant(lambda g: _put(s.operand.shape, s.op.parameters["index"], g, sets=True))


@mistake(
    "wrong index", "edge", "the gradient of {through} is put at the wrong index of {operand}: {detail}", assumes=1.6
)
def _wrong_index(s: Edge) -> Iterator[Variant]:
    op, shape = s.op, s.operand.shape
    if op.kind == "setitem" and s.i == 0:
        yield Variant(lambda g: g, "what was overwritten still receives a gradient; it must be 0 at the written index")
    if op.kind != "getitem":
        return
    for other, said, assumes, key in other_indices(s):
        yield Variant(lambda g, o=other: _put(shape, o, g), said, assumes, key)
    index = op.parameters["index"]
    if s.g.ndim and s.g.shape == shape[1:]:
        said = "in every row, not in that of the index alone (dx[:] = ... for dx[i] = ...)"
        yield Variant(lambda g: np.broadcast_to(g, shape), said, -1.5)
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [j for j, p in enumerate(parts) if isinstance(p, np.ndarray) and p.dtype.kind in "iu"]
    if len(arrays) == 2:
        rows, columns = (parts[j] for j in arrays)
        if len(shape) == 2 and np.size(columns) == np.size(s.g):
            all_rows = lambda g: _put(shape, (slice(None), columns.ravel()), np.ravel(g), sets=True)  # noqa: E731
            yield Variant(all_rows, "in every row, not in its own (dx[:, y] for dx[np.arange(N), y])")
        if len(shape) == 2 and shape[0] == shape[1]:
            yield Variant(lambda g: _put(shape, (columns, rows), g), "rows and columns are exchanged", 0.2)


@mistake("wrong index read", "edge", "the gradient of {through} is read at the wrong index: {detail}", assumes=1.6)
def _wrong_index_read(s: Edge) -> Iterator[Variant]:
    if s.op.kind == "place" or s.op.kind == "setitem" and s.i == 1:  # a[index] += b, a[index] = b
        for other, said, assumes, key in other_indices(s):
            yield Variant(lambda g, o=other: s.fitted(g[o]), said, assumes, key)


def _put(shape: tuple[int, ...], index: Any, g: np.ndarray, sets: bool = False) -> np.ndarray:
    """Return zeros to which a gradient is added at an index, or where it is set."""
    out = np.zeros(shape)
    if sets:
        out[index] = g
    else:
        np.add.at(out, index, g)
    return out


@mistake("wrong scan", "edge", "the gradient of {through} is a sum from each element to the end (flip, cumsum, flip), "
         "{detail}", assumes=1.3)  # fmt: skip
def _wrong_scan(s: Edge) -> Iterator[Variant]:
    if s.op.kind == "cumsum":
        axis = s.op.parameters["axis"]
        yield Variant(lambda g: np.cumsum(g, axis), "not from the start")
        yield Variant(lambda g: s.contribution(g) - g, "including the element itself, which is missing", 0.2)
