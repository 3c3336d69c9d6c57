"""Mistakes at a value, and where contributions meet."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Elementwise
from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.edits import as_operand
from minigrad.teach.mistakes.moves import subsets
from minigrad.teach.mistakes.sites import Edge, Site
from minigrad.teach.tape import Using


@mistake("one example", "node", "the contribution of the {detail} example alone: those of all examples add up (+=, or "
         "a sum over dimension 0)", assumes=0.9)  # fmt: skip
def _one_example(s: Site) -> Iterator[Variant]:
    if s.k == len(s.tape.ops) - 1 and s.op.value.ndim and len(s.op.value) > 1:
        for i, which in ((-1, "last"), (0, "first")):
            yield Variant(lambda g, i=i: np.concatenate([g[i:] if i else g[:1], 0 * g[1:]][:: i or 1]), which)


@mistake("upstream of ones", "node", "the gradient for an upstream gradient of ones: multiply by the gradient that "
         "arrives", assumes=0.9)  # fmt: skip
def _upstream_of_ones(s: Site) -> Iterator[Variant]:
    if s.k == len(s.tape.ops) - 1:
        yield Variant(np.ones_like)


@mistake("no contribution", "node", "no gradient passes {node}{line}: it is treated as a constant", assumes=1.3)
def _no_contribution(s: Site) -> Iterator[Variant]:
    if len(s.op.users) > 1 and s.k:
        yield Variant(lambda g: np.zeros_like(g))


@mistake("sign at a value", "node", "the gradient of {node}{line} has the wrong sign", assumes=1.05)
def _sign(s: Site) -> Iterator[Variant]:
    if len(s.op.users) > 1 and s.k:
        yield Variant(lambda g: -g)


@mistake("upstream ignored at a value", "node", "the gradient that arrives at {node}{line} is ignored (taken as ones)",
         assumes=1.5)  # fmt: skip
def _ones(s: Site) -> Iterator[Variant]:
    if s.k and s.op.value.size > 1:
        yield Variant(lambda g: np.ones_like(g))


@mistake(
    "value for gradient", "node", "the value of {detail} is used instead of the gradient of {node}{line}", assumes=2.4
)
def _value_for_gradient(s: Site) -> Iterator[Variant]:
    if s.k:
        for array, name in s.peers(s.op.value.shape)[:6]:
            # one number may be another one by chance
            yield Variant(lambda g, a=array: np.array(a, float), name, 0.8 * (array.size == 1))


@mistake(
    "other gradient", "node", "the gradient of {detail} is used where that of {node}{line} must be used", assumes=1.6
)
def _other_gradient(s: Site) -> Iterator[Variant]:
    for k, name, near in _later(s):
        yield Variant(Using(k, lambda _, other: other), name, 0.0 if near else 0.6, f"{name} {near}")


@mistake("extra gradient", "node", "the gradient of {detail} is added to that of {node}{line} once more: a "
         "contribution that is not there", assumes=1.7)  # fmt: skip
def _extra_gradient(s: Site) -> Iterator[Variant]:
    for k, name, near in _later(s):
        yield Variant(Using(k, lambda g, other: g + other), name, 0.0 if near else 0.6, f"{name} {near}")


@mistake("multiplied gradients", "node", "the gradient of {node}{line} is multiplied by that of {detail}; "
         "contributions are added", assumes=2.2)  # fmt: skip
def _multiplied(s: Site) -> Iterator[Variant]:
    for k, name, _ in _later(s):
        yield Variant(Using(k, lambda g, other: g * other), name)


@mistake("other term", "node", "a term of the gradient of {node}{line} is wrong: it is off by {detail}", assumes=2.3)
def _other_term(s: Site) -> Iterator[Variant]:
    yield from ()  # the search finds the term


def _later(s: Site) -> Iterator[tuple[int, str, int]]:
    """Yield later operations with results of the same shape, the name, and the number of operations between."""
    near = {k: 1 for k, _ in s.op.users}
    for _ in range(3):
        for k in [*near]:
            for further, _ in s.tape.ops[k].users:
                near.setdefault(further, near[k] + 1)
    several: Iterable[int] = range(s.k + 1, len(s.tape.ops))
    if s.op.value.size == 1:  # in a loop over examples; elsewhere a number is a multiple of any other
        several = [k for k in near if 1 < s.words.passes(k) == s.words.passes(s.k)]
    several = [k for k in several if s.tape.ops[k].value.shape == s.op.value.shape]
    several = [k for k in several if s.tape.gradients[k] is not None]
    for k in sorted(several, key=lambda k: near.get(k, 9))[:8]:
        yield k, s.words.apart(k, s.k), near.get(k, 0)


@mistake("other upstream", "edge", "the contribution of {operand} through {through} is computed from the gradient of "
         "{detail}", assumes=1.4)  # fmt: skip
def _other_upstream(s: Edge) -> Iterator[Variant]:
    for k, name, near in _later(s):
        if near:
            ways = [Edge(s.tape, s.words, k, i) for i, _ in s.tape.ways(s.tape.ops[k])]
            what = "mask" if any(way.is_mask for way in ways) else "local derivative"
            why = f"{s.words.name(s.k)}: the {what} of {name} is left out"
            if s.tape.ops[k].kind in ("setitem", "setview"):
                why += ", and the elements that are set to another value count too"
            change = Using(k, lambda _, other: s.contribution(other))
            yield Variant(change, f"{name}, not of {why}", 0.1 * (near - 1), f"{name} {near}")


@mistake("wrong part", "node", "the parts of {node}{line} get the gradients of other parts: {detail}", assumes=1.4)
def _wrong_part(s: Site) -> Iterator[Variant]:
    """A time step that takes the upstream gradient of another one: dhs[:, -1] in every pass."""
    if s.op.kind not in ("stack", "cat", "setitem", "setview"):
        return
    for d, n in enumerate(s.op.value.shape):
        for said, order in (
            ("always that of the last (a wrong index)", [n - 1] * n),
            ("always that of the first (a wrong index)", [0] * n),
            ("in reverse order (counted from the other end)", [*range(n)][::-1]),
            ("each that of the next one, off by one", [*range(1, n), n - 1]),
            ("each that of the previous one, off by one (before the first is the last)", [-1, *range(n - 1)]),
        ):
            if n > 2:
                far = 0.3 * said.startswith("always")  # a mask that is left out may give the same numbers
                detail = f"along dimension {d}, {said}"
                yield Variant(lambda g, o=order, d=d: g.take(o, axis=d), detail, far)


@mistake("quotient", "node", "the quotient rule of {through} is wrong: {detail}", assumes=1.3)
def _quotient(s: Site) -> Iterator[Variant]:
    """The derivatives of a / b are 1 / b and -a / b**2: in a quotient rule, (a' b - a b') / b**2."""
    if s.op.kind == "div" and s.tape.x.size > 1 and len(s.tape.ways(s.op)) == 2:
        b = np.broadcast_to(s.op.operands[1], s.op.value.shape)
        name = as_operand(s.words.operand(s.k, 1).strip("`"))
        yield Variant(lambda g: g * b, f"(da * b - a * db) / b**2 is divided by b = `{name}` alone, not by its square")


@mistake("averaged", "node", "the gradient of {node}{line} is {detail}", assumes=2.0)
def _averaged(s: Site) -> Iterator[Variant]:
    shape = s.op.value.shape
    for axis in range(len(shape)):
        if shape[axis] > 1:
            averaged = lambda g, a=axis: np.broadcast_to(g.mean(axis=a, keepdims=True), g.shape)  # noqa: E731
            yield Variant(averaged, f"averaged over axis {axis}")
            summed = lambda g, a=axis: np.broadcast_to(g.sum(axis=a, keepdims=True), g.shape)  # noqa: E731
            yield Variant(summed, f"summed over axis {axis}, and every element gets the sum")
            yield Variant(lambda g, a=axis: g / shape[a], f"divided by {shape[axis]}, the size of axis {axis}", -0.4)


@mistake("overwritten", "arrivals", "{node}{line} is used {detail}: contributions must be added (+=), and here they "
         "are overwritten (=)")  # fmt: skip
def _overwritten(s: Site) -> Iterator[Variant]:
    n = len(s.op.users)
    names = [s.words.name(k) for k, _ in s.uses]
    for j, which in ((-1, "first"), (0, "last")):
        lost = [*dict.fromkeys(names[:-1] if j else names[1:])]
        ways = f" (those through {' and '.join(lost)} are missing)" if len(lost) <= 3 else ""
        said = f"{n} times, and only the contribution of its {which} use is left{ways}"
        yield Variant(lambda cs, j=j: cs[j], said, 0.1 * (n == 2), which)
    for j in range(1, n - 1):
        yield Variant(lambda cs, j=j: cs[j], f"{n} times, and only one contribution is left", 0.5, f"use {j}")
    index = [s.tape.ops[k].parameters["index"] if s.tape.ops[k].kind == "getitem" else ... for k, _ in s.uses]

    def written(cs: list[np.ndarray], order: int, which: Sequence[int]) -> np.ndarray:
        out = np.zeros(s.op.value.shape)
        for j in range(len(cs))[::order]:
            if j in which:
                out[index[j]] = cs[j][index[j]]
            else:
                out = out + cs[j]
        return out

    if any(i is not ... for i in index):
        for order in (1, -1):
            said = "in parts that overlap, and a later part overwrites an earlier one"
            yield Variant(lambda cs, o=order: written(cs, o, range(n)), said, key=f"parts {order}")
            alike: dict[Any, list[int]] = {}  # the uses by one instruction
            for j, (k, _) in enumerate(s.uses):
                alike.setdefault(s.words.same_instruction(k)[0], []).append(j)
            for those in [[j] for j in range(n) if n <= 8] + [same for same in alike.values() if 1 < len(same) < n]:
                name = s.words.name(s.uses[those[0]][0])
                said = f"in parts that overlap, and that of {name} overwrites what is there (= for +=)"
                yield Variant(lambda cs, o=order, t=those: written(cs, o, t), said, 0.1, f"part {order} {those}")
        for j in range(n) if 2 < n <= 6 else ():  # the program may add them in another order
            for before in subsets(i for i in range(n) if i != j) if index[j] is not ... else ():

                def over(cs: list[np.ndarray], j: int = j, before: tuple[int, ...] = before) -> np.ndarray:
                    out = np.array(sum(cs[i] for i in (*before, j)), float)
                    out[index[j]] = cs[j][index[j]]
                    return out + sum(c for i, c in enumerate(cs) if i not in (*before, j))

                name = s.words.name(s.uses[j][0])
                said = f"in parts that overlap, and that of {name} overwrites what is there (= for +=)"
                yield Variant(over, said, 0.2, f"part {j} {before}")


@mistake("several contributions", "arrivals", "the contributions to {node}{line} through {detail}", assumes=1.3)
def _several(s: Site) -> Iterator[Variant]:
    """Two or more of the contributions, as all terms of a penalty, are missing or have the wrong sign."""
    n = len(s.op.users)
    if s.words.passes(s.k) > 1 or not 3 <= n <= 6:
        return
    for those in subsets(range(n)):
        # those of some passes of a loop are "dropped" in them
        if 1 < len(those) < n and len({s.words.same_instruction(s.uses[j][0])[0] for j in those}) > 1:
            names = [*dict.fromkeys(s.words.through(s.uses[j][0]) for j in those)]
            ways = f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
            for said, by in (("are missing", 0), ("have the wrong sign", -1)):
                change = lambda cs, t=those, by=by: sum(by * c if j in t else c for j, c in enumerate(cs))  # noqa: E731
                yield Variant(change, f"{ways} {said}", 0.1 * (len(those) - 2), f"{those} {by}")


@mistake("one for both", "arrivals", "two contributions to {node}{line} are taken for the same, as if a matrix were "
         "symmetric: that through {detail} not at all", assumes=1.25)  # fmt: skip
def _one_for_both(s: Site) -> Iterator[Variant]:
    """2 A x for the gradient of x.T A x, which is (A + A.T) x."""
    products = [j for j, (k, _) in enumerate(s.uses) if s.tape.ops[k].kind in ("matmul", "permute", "reshape")]
    for j, other in itertools.permutations(products, 2) if len(products) <= 6 and s.words.passes(s.k) == 1 else ():
        kept, lost = (s.words.through(s.uses[m][0]) for m in (j, other))
        change = lambda cs, j=j, o=other: sum(cs) + cs[j] - cs[o]  # noqa: E731
        yield Variant(change, f"{kept} counts twice, that through {lost}")


@mistake("other time steps", "arrivals", "{node}{line} is used in its own pass of the loop and in the next one: "
         "{detail}", assumes=1.0)  # fmt: skip
def _other_time_steps(s: Site) -> Iterator[Variant]:
    place = s.op.place
    if place is None or s.words.passes(s.k) < 2:
        return
    users = [s.tape.ops[k].place for k, _ in s.uses]
    of_next = [p is not None and p.is_not_after(place) for p in users]
    for missing, said in (
        (True, "the gradient that comes back from the next time step is missing (dh_next is not added)"),
        (False, "the contributions of its own time step are missing: only the gradient from the next step is left"),
    ):
        kept = [j for j, is_next in enumerate(of_next) if is_next is not missing]
        if kept and len(kept) < len(users) - 1:
            yield Variant(lambda cs, kept=kept: sum(cs[j] for j in kept), said, key=f"{missing}")


@mistake("derivative of a part", "arrivals", "the local derivative of {node}{line} is not applied to its whole "
         "gradient: {detail}", assumes=1.5)  # fmt: skip
def _derivative_of_a_part(s: Site) -> Iterator[Variant]:
    """(1 - h**2) * dh + dh_next, with the derivative on one of two contributions."""
    ways = s.tape.ways(s.op)
    if len(ways) != 1 or not isinstance(s.op.primitive, Elementwise) or not 2 <= len(s.op.users) <= 4:
        return
    local = Edge(s.tape, s.words, s.k, ways[0][0]).local
    if local.shape != s.op.value.shape or np.abs(local).min(initial=1) < 1e-9 or np.ptp(local) == 0:
        return
    for j, (k, i) in enumerate(s.uses):
        said = f"what comes back through {s.words.through(k)} goes around it"
        change = lambda cs, j=j: sum(c / local if m == j else c for m, c in enumerate(cs))  # noqa: E731
        yield Variant(change, said, key=f"{s.words.name(k)} {i}")


@mistake("multiplied contributions", "arrivals", "the contributions to the gradient of {node}{line} are multiplied; "
         "contributions are added", assumes=1.5)  # fmt: skip
def _multiplied_contributions(s: Site) -> Iterator[Variant]:
    if len(s.op.users) == 2:
        yield Variant(lambda cs: cs[0] * cs[1])


@mistake("no topological order", "arrivals", "the gradient of {node}{line} is passed on before all its contributions "
         "have arrived (and again after each: earlier ones are counted several times): visit the nodes in reverse "
         "topological order", assumes=1.5)  # fmt: skip
def _no_order(s: Site) -> Iterator[Variant]:
    n = len(s.op.users)
    if s.k == 0 or n < 2 or n > 6:
        return
    for order in (1, -1):
        yield Variant(lambda cs, o=order: sum((n - j) * c for j, c in enumerate(cs[::o])), key=f"{order}")


@mistake("exchanged parts", "arrivals", "the gradients of the parts of {node}{line} are put together in the wrong "
         "order: {detail}", assumes=1.4)  # fmt: skip
def _exchanged_parts(s: Site) -> Iterator[Variant]:
    parts = [j for j, (k, _) in enumerate(s.uses) if s.tape.ops[k].kind == "getitem"]
    names = [_part_name(s, s.uses[j][0]) for j in parts]
    index = [s.tape.ops[s.uses[j][0]].parameters["index"] for j in parts]
    if len({*names}) < len(names):  # of one expression in a loop
        names = [f"`{s.words.name(s.k)[1:-1]}[{_written(i)}]`" for i in index]
    n = len(parts)
    if not 2 <= n <= 12:
        return

    def put(cs: list[np.ndarray], order: Sequence[int]) -> np.ndarray:
        out = np.asarray(sum((c for j, c in enumerate(cs) if j not in parts), np.zeros(s.op.value.shape)))
        for j, to in enumerate(order):
            np.add.at(out, index[to], cs[parts[j]][index[j]])
        return out

    one = [*range(n)]
    orders = [
        (f"{names[b]} and {names[a]} are exchanged", [{a: b, b: a}.get(j, j) for j in one])
        for a in one
        for b in one[:a]
    ]
    orders += [
        ("they are in reverse order", one[::-1]),
        ("each is one place too far", [*one[1:], 0]),
        ("each is one place too early", [n - 1, *one[:-1]]),
    ]
    for number, (said, order) in enumerate(orders):
        yield Variant(lambda cs, o=order: put(cs, o), said, 0.1 * (number >= 15), f"parts {number}")


def _part_name(s: Site, k: int) -> str:
    """Return the name of a part: its own, or that of the one result that is computed from it."""
    op = s.tape.ops[k]
    if not s.words.variable(k) and len(op.users) == 1 and s.words.variable(op.users[0][0]):
        return s.words.name(op.users[0][0])
    return s.words.name(k)


def _written(index: Any) -> str:
    """Return an index as it is written."""
    if isinstance(index, tuple):
        return ", ".join(map(_written, index))
    return f"{index.start or 0}:{'' if index.stop is None else index.stop}" if isinstance(index, slice) else str(index)


@mistake("standard deviation", "edge", "the derivative of {through} with respect to {operand} is wrong: {detail}",
         assumes=1.2)  # fmt: skip
def _spread(s: Edge) -> Iterator[Variant]:
    op, x = s.op, s.operand
    if op.kind not in ("var", "std") or not x.size:
        return
    mean = x.mean(axis=op.parameters["axis"], keepdims=True)
    less, y = x - mean, op.value.reshape(mean.shape)
    n = x.size / mean.size - op.parameters["less"]
    power = 2 if op.kind == "var" else 1
    for said, wrong in {
        "the mean is not subtracted: x for x - mean(x)": power * x / (n * y ** (2 - power)),
        "it is divided by the variance, not by its root": less / (n * y**2) if power == 1 else 0 * x,
        "1/std, of the root, is missing": less / n if power == 1 else 0 * x,
        "1/std, of the root, is there, as if it were the standard deviation": 2 * less / (n * np.sqrt(y)) * (power - 1),
    }.items():
        yield Variant(lambda g, wrong=wrong: g.reshape(mean.shape) * wrong, said)


@mistake("inverse", "edge", "the gradient of the inverse {through} is wrong: {detail}; with Y for the inverse it is "
         "-Y.T @ g @ Y.T", assumes=1.1)  # fmt: skip
def _inverse(s: Edge) -> Iterator[Variant]:
    if s.op.kind != "inv":
        return
    y, t, back = s.op.value, s.op.value.swapaxes(-1, -2), s.operand.swapaxes(-1, -2)
    for said, wrong in {
        "Y.T on the left is missing": lambda g: -g @ t,
        "Y.T on the right is missing": lambda g: -t @ g,
        "Y.T is missing on both sides": lambda g: -g,
        "Y is not transposed on the left": lambda g: -y @ g @ t,
        "Y is not transposed on the right": lambda g: -t @ g @ y,
        "Y is not transposed": lambda g: -y @ g @ y,
        "the matrix itself stands on both sides": lambda g: -back @ g @ back,
    }.items():
        yield Variant(wrong, said)
