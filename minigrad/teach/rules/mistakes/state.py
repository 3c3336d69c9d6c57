"""Mistakes with the state: what is kept from step to step, where it starts, and with which numbers."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.edits import (
    Formula,
    changed,
    expression,
    expressions,
    filled,
    is_name,
    is_state,
    match,
    replaced,
    replaced_everywhere,
    rewrite,
    statements,
    target,
)

Change = Callable[[ast.AST], ast.AST | None]


@mistake("not-kept", "rule", "`{detail}` is not kept from step to step, nothing is accumulated: the state is not "
         "stored or not returned, or the new term overwrites the old value instead of being added to it",
         assumes=0.95)  # fmt: skip
def _not_kept(formula: Formula) -> Iterator[Variant]:
    for name in _entries(formula):
        yield Variant(replaced_everywhere(formula, _lost(name)), name)


@mistake("nothing-kept", "rule", "no state is kept from step to step: each step starts with an empty state again",
         assumes=1.1)  # fmt: skip
def _nothing_kept(formula: Formula) -> Iterator[Variant]:
    if len(_entries(formula)) > 1:
        yield Variant(replaced_everywhere(formula, _lost(None)))


@mistake("kept-once", "rule", "`{detail}` is stored in the first step and never again: later steps read the first one",
         assumes=1.1)  # fmt: skip
def _kept_once(formula: Formula) -> Iterator[Variant]:
    for i, key, value in _stored(formula):
        yield Variant(replaced(formula, i, value, expression(f"state.get({key!r}, {value.id})")), key)


@mistake("first-term-lost", "rule", "the first gradient is lost: the first step only creates `{detail}`, as zeros, and "
         "the gradient does not enter it", assumes=1.1)  # fmt: skip
def _first_lost(formula: Formula) -> Iterator[Variant]:
    for name in set(_entries(formula)) - {"t"}:
        for i, line in enumerate(formula.body):
            if target(line) == name and isinstance(line, ast.Assign) and any(map(is_state, ast.walk(line))):
                later = ast.IfExp(expression("STEP > 1"), line.value, expression("0.0 * dx"))
                yield Variant(replaced(formula, i, line.value, later), name)


@mistake("starts-at-gradient", "rule", "`{detail}` starts at the first gradient instead of at zero", assumes=1.1)
def _starts_at_gradient(formula: Formula) -> Iterator[Variant]:
    for name in _entries(formula):
        for start in ("dx", "dx ** 2", "np.abs(dx)"):
            instead = expression(f"state[{name!r}] if {name!r} in state else {start}")
            yield Variant(replaced_everywhere(formula, _read_as(name, instead)), name)


@mistake("starts-at-one", "rule", "`{detail}` instead of at zero", assumes=1.3)
def _starts_at_number(formula: Formula) -> Iterator[Variant]:
    for name in _entries(formula):
        for start in ("1", "0.1", "0.01", "0.001", "0.5", "x") if name not in ("t", "theta") else ():
            instead = expression(f"state.get({name!r}, {start})")
            yield Variant(replaced_everywhere(formula, _read_as(name, instead)), f"{name}` starts at `{start}")


@mistake("first-value-undamped", "rule", "`{detail}` starts with the whole first gradient, without its weight",
         assumes=1.2)  # fmt: skip
def _first_undamped(formula: Formula) -> Iterator[Variant]:
    for pattern, first in (("BETA * STATE + (1 - BETA) * A", "A"), ("BETA * STATE - A", "-(A)")):
        for i, node in expressions(formula):
            bound: dict[str, Any] = {}
            if match(expression(pattern), node, bound, formula.settings):
                name = _entry(bound["STATE"])
                new = filled(expression(f"({pattern}) if {name!r} in state else {first}"), bound)
                yield Variant(replaced(formula, i, node, new), name)


@mistake("stale", "rule", "`{detail}` is updated after its use: the step is made with the old, stale `{detail}` of the "
         "step before", assumes=1.1)  # fmt: skip
def _stale(formula: Formula) -> Iterator[Variant]:
    """Uses of a state variable after its assignment read the old value."""
    for name in _entries(formula):
        old = next(node for _, node in expressions(formula) if is_state(node) and _entry(node) == name)
        first = next((i for i, s in enumerate(formula.body) if target(s) == name), len(formula.body))
        uses = [
            (i, node)
            for i, node in expressions(formula)
            if i > first and is_name(node, name) and not isinstance(formula.body[i], ast.Return)
        ]
        if uses:
            stale = dict.fromkeys((id(node) for _, node in uses), old)
            edited = replaced_everywhere(formula, lambda node: stale.get(id(node)))  # noqa: B023 (it is called at once)
            last = uses[-1][0]
            yield Variant(formula.with_body(edited.body, formula.body[last], edited.body[last]), name)


@mistake("other-entry", "rule", "{detail}", assumes=1.2)
def _other_entry(formula: Formula) -> Iterator[Variant]:
    """Another entry of the state is read, or two entries are one array."""
    names = [name for name in _entries(formula) if name != "t"]
    lines = {target(s): i for i, s in enumerate(formula.body)}
    for name in names:
        for other in names:
            if other == name:
                continue
            read = expression(f"state.get({other!r}, 0.0)")
            said = f"the old `{other}` is read in the line of `{name}`, instead of the old `{name}`"
            yield Variant(replaced_everywhere(formula, _read_as(name, read)), said)
            if name in lines and lines.get(other, len(lines)) < lines[name]:
                new = f"the new `{other}` is used in the line of `{name}` instead of the old `{name}`"
                yield Variant(one := replaced_everywhere(formula, _read_as(name, expression(other))), new)
                body = [*one.body[: lines[name] + 1], *statements(f"{other} = {name}"), *one.body[lines[name] + 1 :]]
                both = f"`{other}` and `{name}` are one and the same array: make two"
                yield Variant(one.with_body(body, formula.body[lines[name]], one.body[lines[name]]), both)


@mistake("too-early", "rule", "`{detail}` is updated before its use: the step is made with the new `{detail}` instead "
         "of that of the step before", assumes=1.2)  # fmt: skip
def _too_early(formula: Formula) -> Iterator[Variant]:
    """A line that reads an old entry is computed again after the entry is updated."""
    for name in _entries(formula):
        j = next((j for j, s in enumerate(formula.body) if target(s) == name), 0)
        for statement in formula.body[:j]:
            if target(statement) and target(statement) != name:
                again = changed(statement, _read_as(name, expression(name)))
                if again is not statement:
                    body = [*formula.body[: j + 1], again, *formula.body[j + 1 :]]
                    yield Variant(formula.with_body(body, statement, again), name)


@mistake("stored-value", "rule", "the wrong value is kept in the state: {detail}", assumes=1.1)
def _stored_value(formula: Formula) -> Iterator[Variant]:
    """Another value is kept, such as the corrected m, or the value in another form."""
    names = [name for s in formula.body if (name := target(s)) and name not in ("t", "rho", "rho_max")]
    steps = [ast.unparse(s.value.right) for s in formula.body if isinstance(s, ast.Assign) and target(s) == "x"
             and isinstance(s.value, ast.BinOp) and is_name(s.value.left, "x")]  # fmt: skip
    steps += [f"-({step})" for step in steps]
    for i, key, value in _stored(formula):
        forms = (form.format(value.id) for form in STORED_AS)
        given = ["GIVEN"] if value.id == "dx" else []
        for text in dict.fromkeys([*names, "x", "dx", *given, *steps, *forms]):
            if text != value.id:
                what = f"`{text}` is stored as `{key}`, so it enters again in the next step"
                if text == "GIVEN":
                    what = "the gradient as it was passed in is stored, not the changed one"
                if text in ("mb", "vb"):
                    what += " (the bias correction is then applied twice)"
                yield Variant(replaced(formula, i, value, expression(text)), what)


@mistake("stored-corrected", "rule", "the corrected values {detail} are kept in the state instead of the values "
         "themselves: the bias correction is then applied twice", assumes=1.1)  # fmt: skip
def _stored_corrected(formula: Formula) -> Iterator[Variant]:
    assigned = {target(s) for s in formula.body}
    corrected = {id(value): f"{value.id}b" for _, _, value in _stored(formula) if f"{value.id}b" in assigned}
    if len(corrected) > 1:
        edited = replaced_everywhere(formula, lambda n: expression(corrected[id(n)]) if id(n) in corrected else None)
        yield Variant(edited, " and ".join(f"`{name}`" for name in corrected.values()))


STORED_AS = ("np.sqrt({})", "{} ** 2", "learning_rate * {}", "{} / learning_rate", "-{}")
"""The forms in which a value may be stored by mistake."""


@mistake("stored-swapped", "rule", "two values are swapped where they are kept in the state: {detail}", assumes=1.15)
def _stored_swapped(formula: Formula) -> Iterator[Variant]:
    kept = list(_stored(formula))
    for a, (_, one, first) in enumerate(kept):
        for _, other, second in kept[a + 1 :]:
            swap = {id(first): second, id(second): first}
            edited = replaced_everywhere(formula, lambda node: swap.get(id(node)))  # noqa: B023 (it is called at once)
            yield Variant(edited, f"`{first.id}` is kept as `{other}` and `{second.id}` as `{one}`")


@mistake(
    "gradients-accumulate", "rule", "the gradients add up from step to step: each step uses {detail}", assumes=1.05
)
def _accumulate(formula: Formula) -> Iterator[Variant]:
    total = "total = state.get('total', 0.0) + dx; dx = total"
    yield from _with_kept(formula, total, "total", "the sum of all so far (as without zero_grad)")
    yield from _with_kept(formula, f"{total} / STEP", "total", "the mean of all so far")


@mistake(
    "gradient-late", "rule", "each step uses the gradient of the step before instead of the current one", assumes=1.1
)
def _late(formula: Formula) -> Iterator[Variant]:
    for start in ("0.0 * dx", "dx"):
        yield from _with_kept(formula, f"late = dx; dx = state.get('late', {start})", "late", "")


@mistake("momentum-added", "rule", "the step goes through a velocity with the factor {detail}, a momentum that this "
         "rule does not have", assumes=1.25)  # fmt: skip
def _momentum_added(formula: Formula) -> Iterator[Variant]:
    for mu in (0.9, 0.5, 0.99):
        for edited in rewrite(formula, "x = x + A", f"push = {mu} * state.get('push', 0.0) + A; x = x + push"):
            kept = _with_kept(edited, "", "push", f"{mu:g}")
            yield from (replace(v, change=replace(v.change, line=edited.line)) for v in kept)


def _with_kept(formula: Formula, lines: str, name: str, said: str) -> Iterator[Variant]:
    """Begin the formula with lines that keep something of their own in the state."""
    last = formula.body[-1]
    if isinstance(last, ast.Return) and isinstance(last.value, ast.Tuple):
        x, state = last.value.elts
        both = ast.BinOp(state, ast.BitOr(), expression(f"{{'{name}': {name}}}"))
        body = [*statements(lines), *formula.body[:-1], ast.Return(ast.Tuple([x, both], ast.Load()))]
        yield Variant(formula.with_body(body, "", lines), said)


@mistake("part-moves", "rule", "only {detail} moves: the rest keeps its old values", assumes=1.3)
def _part_moves(formula: Formula) -> Iterator[Variant]:
    if not isinstance(formula.body[-1], ast.Return):
        return
    for part, said in (("[:1]", "the first row of x"), ("[:-1]", "all but the last row of x"),
                       ("[1:]", "all but the first row of x"),
                       (".flat[:1]", "the first element of x"), ("[:, :1]", "the first column of x")):  # fmt: skip
        rest = statements(f"x_new = +x_before; x_new{part} = x{part}; x = x_new")
        body = [*statements("x_before = +x"), *formula.body[:-1], *rest, formula.body[-1]]
        yield Variant(formula.with_body(body, "", f"x{part} moves alone"), said)
    for part, said in (("PART", "the first parameter"), ("PARTS - 1 - PART", "the last parameter")):
        body = [*statements("x_before = x"), *formula.body[:-1], *statements(f"x = x_before if {part} else x")]
        yield Variant(formula.with_body([*body, formula.body[-1]], "", f"{said} moves alone"), said)


def _stored_as(functions: list[str], formula: Formula) -> Iterator[Variant]:
    """Pass what a line of the state computes, or x, through a function."""
    names = {*_entries(formula), "x"} - {"t"}
    for function in functions:
        for i, statement in enumerate(formula.body):
            if (name := target(statement)) in names and isinstance(statement, ast.Assign):
                call = ast.Call(expression(function), [statement.value], [])
                yield Variant(replaced(formula, i, statement.value, call), str(name))


for _name, _sentence, _assumes, *_functions in (
    ("integer-state", "kept as integers: its array has an integer dtype, and fractions are cut off", 1.1, "np.trunc"),
    ("rounded-state", "rounded to integers", 1.3, "np.round", "np.floor"),
    ("half-precision", "kept in float16: tiny squares vanish and large ones overflow", 1.2, "np.float16"),
):
    mistake(_name, "rule", f"`{{detail}}` is {_sentence}", assumes=_assumes)(partial(_stored_as, _functions))


def _stored(formula: Formula) -> Iterator[tuple[int, str, ast.Name]]:
    """Yield (number of the line, name in the state, variable) for what is kept."""
    for i, statement in enumerate(formula.body):
        if isinstance(statement, ast.Return):
            for stored in [node for node in ast.walk(statement) if isinstance(node, ast.Dict)]:
                for key, value in zip(stored.keys, stored.values):
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Name) and value.id != "t":
                        yield i, str(key.value), value


def _entry(node: ast.AST) -> str:
    """Return the name of the state's entry that an expression reads."""
    found = node.args[0] if isinstance(node, ast.Call) else node.slice if isinstance(node, ast.Subscript) else None
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else ""


def _entries(formula: Formula) -> list[str]:
    """Return the names in the state."""
    return list(dict.fromkeys(_entry(node) for _, node in expressions(formula) if is_state(node)))


def _in_state(node: ast.AST) -> str | None:
    """Return the name, for `A if "name" in state else B`."""
    if isinstance(node, ast.IfExp) and isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], ast.In):
        return str(getattr(node.test.left, "value", ""))
    return None


def _read_as(name: str, instead: ast.expr) -> Change:
    """Return the change that reads something else instead of an entry of the state."""
    return lambda node: instead if is_state(node) and _entry(node) == name or _in_state(node) == name else None


def _lost(name: str | None) -> Change:
    """Return the change that makes the state have no entry `name` (None: no entry at all)."""

    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.IfExp) and (found := _in_state(node)) is not None and name in (None, found):
            return node.orelse
        if isinstance(node, ast.Call) and is_state(node) and name in (None, _entry(node)):
            return node.args[1]
        return None

    return change
