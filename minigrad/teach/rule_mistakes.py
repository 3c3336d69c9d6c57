"""The catalogue of mistakes in update rules: each entry is a name, a sentence, and edits of the lecture's lines.

`written` adds an entry made of patterns (see `edits`), `made` one made by a generator of edited formulas:

>>> written("cubed", "`{before}` cubes the gradient", ("A ** 2", "A ** 3"))
>>> CATALOGUE.pop("cubed").sentence
'`{before}` cubes the gradient'

In a sentence, {before} and {after} are the line of the rule and the line that gives the learner's numbers, {target} what
the line computes, {detail} what the edit says of itself. In a pattern, besides x, dx, state and the settings, STEP is
the number of the step from 1, RATE_0 the first learning rate, RATE_BEFORE that of the step before. The cost says how
much an entry assumes: of two entries that explain the same numbers, the cheaper one is said.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from minigrad.teach import edits
from minigrad.teach.edits import NOT_DECAYS, Formula, Line, expression, is_state, replaced, rewrite, shown

Edited = tuple[Formula, Line] | tuple[Formula, Line, str]


@dataclass(frozen=True)
class RuleMistake:
    """An entry of the catalogue."""

    name: str
    sentence: str
    edit: Callable[[Formula], Iterator[Edited]]
    cost: float = 1.0


CATALOGUE: dict[str, RuleMistake] = {}


def written(name: str, sentence: str, *patterns: tuple[str, str], cost: float = 1.0) -> None:
    """Add a mistake that is written as (pattern, what stands instead)."""

    def edit(formula: Formula) -> Iterator[Edited]:
        for pattern, instead in patterns:
            yield from rewrite(formula, pattern, instead)

    CATALOGUE[name] = RuleMistake(name, sentence, edit, cost)


def made(name: str, sentence: str, cost: float = 1.0) -> Callable[[Any], Any]:
    """Add a mistake whose edits a generator makes of a formula."""

    def add(edit: Callable[[Formula], Iterator[Edited]]) -> Callable[[Formula], Iterator[Edited]]:
        CATALOGUE[name] = RuleMistake(name, sentence, edit, cost)
        return edit

    return add


# ---- signs and steps -------------------------------------------------------------------------------------------

written(
    "ascent",
    "the sign of the step is wrong: x goes up the slope instead of down",
    ("-learning_rate", "learning_rate"),
    ("A - learning_rate * dx", "A + learning_rate * dx"),
    ("x - A", "x + A"),
    cost=0.9,
)


@made("ascent-of-dx", "the sign of the gradient is wrong: x goes up the slope instead of down", 1.2)
def _ascent(formula: Formula) -> Iterator[Edited]:
    yield edits.before(formula, "dx = -dx")


written("momentum-sign", "the sign of the momentum is wrong: the old velocity is subtracted instead of added",
        ("BETA * STATE + A", "A - BETA * STATE"), ("BETA * STATE - A", "-BETA * STATE - A"))  # fmt: skip
written("velocity-subtracted", "the sign of the velocity is wrong: it is subtracted from x instead of added",
        ("x + v", "x - v"), ("theta + v", "theta - v"), cost=0.9)  # fmt: skip
written("average-sign", "the sign of the new term of `{target}` is wrong: it is subtracted instead of added",
        ("BETA * STATE + (1 - BETA) * A", "BETA * STATE - (1 - BETA) * A"), ("STATE + A", "STATE - A"))  # fmt: skip
written("lookahead-sign", "the look-ahead of Nesterov's momentum has the wrong sign",
        ("theta + mu * v", "theta - mu * v"), ("dx + mu * v", "dx - mu * v"))  # fmt: skip
written("lookahead-missing", "the look-ahead of Nesterov's momentum is missing: this is plain momentum",
        ("theta + mu * v", "theta"), ("dx + mu * v", "v"))  # fmt: skip
written("lookahead-stale", "Nesterov's look-ahead uses the stale velocity, of the step before, instead of the new one",
        ("theta + mu * v", "theta + mu * state.get('v', 0.0)"),
        ("dx + mu * v", "dx + mu * state.get('v', 0.0)"))  # fmt: skip
written("lookahead-unscaled", "Nesterov's look-ahead goes the whole velocity instead of mu times it",
        ("theta + mu * v", "theta + v"), ("dx + mu * v", "dx + v"))  # fmt: skip
written("lookahead-new-gradient-missing", "Nesterov's step goes along mu * v alone: the gradient itself is missing",
        ("dx + mu * v", "mu * v"))  # fmt: skip
written("lookahead-back", "Nesterov's step back by the old velocity is missing: x is not moved back to theta first",
        ("theta = theta + v", "theta = x + v"))  # fmt: skip
written("step-twice", "the step is taken twice: x moves by two times the rule's step",
        ("x = x + A", "x = x + 2 * (A)"), ("x = x - A", "x = x - 2 * (A)"), cost=1.3)  # fmt: skip
written("x-overwritten", "x is overwritten with the step instead of moved by it (= instead of +=)",
        ("x = x + A", "x = A"), ("x = x - A", "x = -(A)"))  # fmt: skip
written("x-not-moved", "x never moves: the step is computed but x is unchanged (a copy of x was updated, or the new x is "
        "not returned; x += writes in place)", ("x = x + A", "x = x"), ("x = x - A", "x = x"), ("x = theta + A", "x = x"),
        ("x = (1 - lambd * eta) * x - eta * dx", "x = x"))  # fmt: skip

# ---- the learning rate -----------------------------------------------------------------------------------------

written("rate-missing", "the learning rate is missing in `{target}`",
        ("-learning_rate * A", "-(A)"), ("learning_rate * A", "A"), cost=0.9)  # fmt: skip
written("rate-twice", "the learning rate is applied twice",
        ("learning_rate", "learning_rate ** 2"), ("x + v", "x + learning_rate * v"),
        ("x = x + v", "x = x - learning_rate * v"), ("theta = theta + v", "theta = theta + learning_rate * v"))  # fmt: skip
written("rate-frozen", "the learning rate is frozen at its first value: the one that is passed in later is ignored",
        ("learning_rate", "RATE_0"))  # fmt: skip
written("rate-late", "the learning rate of the step before is used instead of the current one",
        ("learning_rate", "RATE_BEFORE"), cost=1.2)  # fmt: skip
written("rate-divided", "the step is divided by the learning rate instead of multiplied",
        ("-learning_rate * A", "-A / learning_rate"), ("learning_rate * A", "A / learning_rate"))  # fmt: skip
written("rate-decays-again", "the learning rate is decayed once more inside the rule, by the number of steps",
        ("learning_rate", "(learning_rate / STEP)"), ("learning_rate", "(learning_rate / np.sqrt(STEP))"),
        ("learning_rate", "(learning_rate / (STEP + 1))"), cost=1.5)  # fmt: skip
written("rate-decays-compounded", "the decay of the learning rate is applied twice (compounded): the rate that is passed "
        "in has decayed already", ("learning_rate", "(learning_rate ** 2 / RATE_0)"), cost=1.4)  # fmt: skip


@made("rate-decays-inside", "the learning rate decays inside the rule, besides the decay of the rate that is passed in: "
      "{detail}", 1.35)  # fmt: skip
def _decays_inside(formula: Formula) -> Iterator[Edited]:
    for rate, what in (("learning_rate", ""), ("RATE_0", ", from the first rate on")):
        for f in (0.5, 0.9, 0.95, 0.96, 0.98, 0.99, 0.995, 0.999, 0.9999):
            for power, said in (
                ("(STEP - 1)", "in each step"), ("STEP", "in each step, before the first one too"),
                ("((STEP - 1) * PARTS + PART)", "for each parameter in each step"),
            ):  # fmt: skip
                for edited, line in rewrite(formula, "learning_rate", f"({rate} * {f} ** {power})"):
                    yield edited, line, f"it is multiplied by {f:g} {said}{what}"
        for k in (1.0, 0.5, 0.1, 0.01, 1e-3, 1e-4):
            for t in ("STEP", "(STEP - 1)"):
                for edited, line in rewrite(formula, "learning_rate", f"({rate} / (1 + {k} * {t}))"):
                    yield edited, line, f"it is divided by 1 + {k:g} * t{what}"


written("rate-elsewhere", "the learning rate is in `{target}` too, where the rule has none: {after}",
        ("dx ** 2", "(learning_rate * dx) ** 2"), ("step ** 2", "(learning_rate * step) ** 2"),
        ("BETA * STATE + (1 - BETA) * dx", "BETA * STATE + (1 - BETA) * learning_rate * dx"),
        ("mu * STATE + A", "mu * STATE + learning_rate * (A)"), cost=1.2)  # fmt: skip


@made("rate-constant", "another learning rate is used than the one passed in: the constant {detail}", 1.5)
def _constant_rate(formula: Formula) -> Iterator[Edited]:
    for value in (1.0, 0.5, 0.1, 0.01, 0.001, 1e-4):
        for edited, line in rewrite(formula, "learning_rate", repr(value)):
            yield edited, line, repr(value)


# ---- accumulators ----------------------------------------------------------------------------------------------

written("decay-missing", "the old `{target}` is not decayed: it is added whole, without its factor",
        ("BETA * STATE + A", "STATE + A"), ("BETA * STATE - A", "STATE - A"))  # fmt: skip
written("weight-missing", "the weight 1 - {beta} of the new term of `{target}` is missing",
        ("BETA * STATE + (1 - BETA) * A", "BETA * STATE + A"))  # fmt: skip
written("weights-missing", "`{target}` is a plain sum: both weights, {beta} and 1 - {beta}, are missing",
        ("BETA * STATE + (1 - BETA) * A", "STATE + A"))  # fmt: skip
written("weights-swapped", "the weights of `{target}` are swapped: {beta} belongs to the old value and 1 - {beta} to the "
        "new one", ("BETA * STATE + (1 - BETA) * A", "(1 - BETA) * STATE + BETA * A"),
        ("BETA * m + (1 - BETA) * A", "(1 - BETA) * m + BETA * A"))  # fmt: skip
written("weights-equal", "both weights of `{target}` are the same: they must be {beta} and 1 - {beta}",
        ("BETA * STATE + (1 - BETA) * A", "BETA * STATE + BETA * A"),
        ("BETA * STATE + (1 - BETA) * A", "(1 - BETA) * STATE + (1 - BETA) * A"))  # fmt: skip
written("dampened", "the gradient is weighed by a factor 1 - {beta} on its way into the velocity (dampening), which this "
        "rule does not have", ("BETA * STATE - A", "BETA * STATE - (1 - BETA) * (A)"),
        ("mu * STATE + (1 - dampening) * A", "mu * STATE + (1 - mu) * A"),
        ("BETA * STATE + A / B", "BETA * STATE + (1 - BETA) * A / B"))  # fmt: skip
written("momentum-weight", "the old velocity is weighed by 1 - {beta} instead of {beta}",
        ("BETA * STATE - A", "(1 - BETA) * STATE - A"), ("BETA * STATE + A", "(1 - BETA) * STATE + A"),
        cost=1.1)  # fmt: skip
written("decay-of-all", "the factor {beta} multiplies the new term of `{target}` too (misplaced parentheses)",
        ("BETA * STATE - A", "BETA * (STATE - A)"), ("BETA * STATE + A", "BETA * (STATE + A)"))  # fmt: skip
written("old-value-lost", "the old `{target}` is overwritten: only the new term remains, nothing is accumulated",
        ("BETA * STATE + A", "A"), ("BETA * STATE - A", "-(A)"), ("STATE + A", "A"),
        ("np.maximum(STATE, A)", "A"), ("np.maximum(BETA * STATE, A)", "A"), cost=1.05)  # fmt: skip
written("new-value-lost", "the new term of `{target}` is missing: the gradient never enters",
        ("BETA * STATE + A", "BETA * STATE"), ("STATE + A", "STATE"), cost=1.3)  # fmt: skip
written("maximum-missing", "the maximum is missing: the old value does not count (for AMSGrad this is plain Adam)",
        ("np.maximum(STATE, A)", "A"))  # fmt: skip
written("minimum", "the minimum is taken instead of the maximum",
        ("np.maximum(A, B)", "np.minimum(A, B)"))  # fmt: skip
written("maximum-is-sum", "the two are added, where the rule takes their maximum",
        ("np.maximum(A, B)", "A + B"))  # fmt: skip
written("maximum-undecayed", "the old maximum is not decayed: its factor {beta} is missing",
        ("np.maximum(BETA * A, B)", "np.maximum(A, B)"))  # fmt: skip


written("increment-overwrites", "the increment overwrites `{target}` instead of being added to it (= instead of +=)",
        ("BETA * STATE + (1 - BETA) * A", "(1 - BETA) * (A - STATE)"))  # fmt: skip
written("increment-sign", "the sign of the increment of `{target}` is wrong",
        ("BETA * STATE + (1 - BETA) * A", "STATE - (1 - BETA) * (A - STATE)"),
        ("BETA * STATE + (1 - BETA) * A", "STATE + (1 - BETA) * (A + STATE)"))  # fmt: skip
written("square-of-deviation", "`{target}` squares the deviation from its old value instead of the gradient alone",
        ("BETA * STATE + (1 - BETA) * A ** 2", "STATE + (1 - BETA) * (A - STATE) ** 2"),
        ("BETA * STATE + (1 - BETA) * A ** 2", "BETA * STATE + (1 - BETA) * (A - STATE) ** 2"))  # fmt: skip
written("old-value-twice", "the old `{target}` counts twice: once decayed and once whole, so its weight is 1 + {beta}",
        ("BETA * STATE + A", "BETA * STATE + STATE + A"), ("BETA * STATE - A", "BETA * STATE + STATE - A"))  # fmt: skip
written("gradient-twice", "the gradient counts twice: in the velocity and once more in the step",
        ("x = x + v", "x = x + v - learning_rate * dx"), ("theta = theta + v", "theta = theta + v - learning_rate * dx"),
        ("x = x + -learning_rate * A", "x = x + -learning_rate * (A + dx)"))  # fmt: skip
written("velocity-weights-swapped", "the weights are swapped: the old velocity has the factor 1 - {beta}, the new term {beta}",
        ("BETA * STATE - A", "(1 - BETA) * STATE - BETA * (A)"), ("BETA * STATE + A", "(1 - BETA) * STATE + BETA * (A)"),
        cost=1.05)  # fmt: skip
written("lookahead-back-unscaled", "the step back by the old velocity lacks its factor mu", ("-mu * A", "-A"))
written("lookahead-back-missing", "the part of the old velocity, -mu * v_before, is missing in the step of Nesterov's momentum",
        ("-mu * v_before + A", "A"), cost=0.93)  # fmt: skip
written("lookahead-factor", "the factor 1 + mu of the new velocity is wrong in the step of Nesterov's momentum: {after}",
        ("(1 + mu) * v", "v"), ("(1 + mu) * v", "mu * v"), ("(1 + mu) * v", "(1 - mu) * v"), cost=0.93)  # fmt: skip
written("lookahead-of-average-missing", "the look-ahead of NAdam is missing: the average of this step alone is used, as in Adam",
        ("mu_next * m / (1 - mu_product * mu_next) + A", "m / (1 - mu_product)"))  # fmt: skip
written("decay-twice", "the factor {beta} acts twice: on the old velocity, and once more on the new one",
        ("BETA * STATE - A", "BETA * (BETA * STATE - A)"), ("BETA * STATE + A", "BETA * (BETA * STATE + A)"), cost=1.05)  # fmt: skip
written("old-value-is-gradient", "the old `{target}` is the gradient itself: `{target} = dx` makes a second name of one array, "
        "and overwrites what was kept", ("BETA * STATE - A", "BETA * dx - A"), ("BETA * STATE + A", "BETA * dx + A"),
        ("STATE + A", "dx + A"), ("BETA * STATE - A * dx", "BETA * dx - A * (BETA * dx)"),
        ("BETA * STATE + A * dx", "BETA * dx + A * (BETA * dx)"), ("BETA * STATE + dx", "2 * BETA * dx"), cost=1.1)  # fmt: skip
written("gradient-for-velocity", "the step is made with dx itself instead of with the velocity `v`: this is plain gradient descent",
        ("-learning_rate * v", "-learning_rate * dx"), ("x - learning_rate * v", "x - learning_rate * dx"),
        ("x + v", "x - learning_rate * dx"), cost=0.95)  # fmt: skip
written("velocity-in-last-step", "the velocity is multiplied by mu once more in the step", ("x + v", "x + mu * v"),
        ("x - v", "x - mu * v"), ("-learning_rate * v", "-learning_rate * mu * v"), cost=1.15)  # fmt: skip
written("mean-is-maximum", "`{target}` takes a maximum, where the rule averages: a running mean",
        ("BETA * STATE + (1 - BETA) * A", "np.maximum(BETA * STATE, A)"),
        ("BETA * STATE + (1 - BETA) * A", "np.maximum(STATE, A)"), ("STATE + A", "np.maximum(STATE, A)"), cost=1.2)  # fmt: skip
written("steps-missing", "the size of the last steps is missing: dx is divided by the root of `cache` alone, as in RMSProp",
        ("np.sqrt((A + epsilon) / (B + epsilon)) * dx", "dx / np.sqrt(B + epsilon)"),
        ("np.sqrt((A + epsilon) / (B + epsilon)) * dx", "dx / (np.sqrt(B) + epsilon)"))  # fmt: skip
written("sum-leaks", "the sum `{target}` leaks (a decaying mean, as in RMSProp), where this rule adds up all squares",
        *[("STATE + A", f"{b} * STATE + {w} * (A)") for b in (0.9, 0.95, 0.99, 0.999) for w in (1, round(1 - b, 6))])  # fmt: skip
written(
    "root-added",
    "a square root is taken, where the rule has none",
    ("A / u", "A / np.sqrt(u)"),
    ("A * m", "A * np.sqrt(m)"),
)
written("abs-is-square", "the square is taken instead of the absolute value", ("np.abs(A)", "A ** 2"))
written("bias-of-u", "u has a bias correction, which this rule does not have: a maximum needs none",
        ("A / u", "A / (u / (1 - beta2 ** t))"))  # fmt: skip


@made("not-kept", "`{detail}` is not kept from step to step: it starts again at each step (the state is not stored, or "
      "not returned)", 0.95)  # fmt: skip
def _not_kept(formula: Formula) -> Iterator[Edited]:
    for name in _entries(formula):
        yield _each(formula, partial(_lost, name=name), name)


@made("nothing-kept", "no state is kept from step to step: each step starts with an empty state again", 1.1)
def _nothing_kept(formula: Formula) -> Iterator[Edited]:
    if len(_entries(formula)) > 1:
        yield _each(formula, partial(_lost, name=None), "")


@made("starts-at-gradient", "`{detail}` starts at the first gradient instead of at zero", 1.1)
def _starts_at_gradient(formula: Formula) -> Iterator[Edited]:
    for name in _entries(formula):
        for start in ("dx", "dx ** 2", "np.abs(dx)"):
            instead = expression(f"state['{name}'] if {name!r} in state else {start}")
            yield _each(formula, partial(_read_as, name=name, instead=instead), name)


@made("starts-at-one", "`{detail}` instead of at zero", 1.3)
def _starts_at_number(formula: Formula) -> Iterator[Edited]:
    for name in _entries(formula):
        for start in (1.0, 0.1, 0.01, 1e-3, 0.5) if name != "t" else ():
            instead = expression(f"state.get({name!r}, {start})")
            edited, line, _ = _each(formula, partial(_read_as, name=name, instead=instead), name)
            yield edited, line, f"{name}` starts at `{start:g}"


@made("first-value-undamped", "`{detail}` starts with the whole first gradient, without its weight", 1.2)
def _first_undamped(formula: Formula) -> Iterator[Edited]:
    for pattern, first in (("BETA * STATE + (1 - BETA) * A", "A"), ("BETA * STATE - A", "-(A)")):
        for i, node in edits.expressions(formula):
            bound: dict[str, Any] = {}
            if edits.match(expression(pattern), node, bound, formula.settings):
                name = _entry(bound["STATE"])
                new = edits.filled(expression(f"({pattern}) if {name!r} in state else {first}"), bound)
                yield *replaced(formula, i, node, new), name


@made(
    "stale",
    "`{detail}` is updated after its use: the step is made with the old, stale `{detail}` of the step before",
    1.2,
)
def _stale(formula: Formula) -> Iterator[Edited]:
    """Uses of a state variable after its assignment read the old value."""
    for name in _entries(formula):
        old = next(node for _, node in edits.expressions(formula) if _reads(node, name) and is_state(node))
        assigned = [i for i, s in enumerate(formula.body) if _target(s) == name]
        if assigned:
            first = assigned[0]
            uses = [
                (i, node)
                for i, node in edits.expressions(formula)
                if i > first and isinstance(node, ast.Name) and node.id == name
                and not isinstance(formula.body[i], ast.Return)
            ]  # fmt: skip
            if uses:
                stale = {id(node) for _, node in uses}
                body = [edits.changed(s, lambda n: old if id(n) in stale else None) for s in formula.body]  # noqa: B023
                last = uses[-1][0]
                yield formula.with_body(body), Line(formula.body[last], body[last]), name


@made("stored-value", "the value kept in the state as `{detail}` is the wrong one: {after}", 1.1)
def _stored_value(formula: Formula) -> Iterator[Edited]:
    """Another value is kept, such as the corrected m, or the value in another form."""
    names = [name for s in formula.body if (name := _target(s)) and name not in ("t", "rho", "rho_max")]
    steps = [ast.unparse(s.value.right) for s in formula.body if isinstance(s, ast.Assign) and _target(s) == "x"
             and isinstance(s.value, ast.BinOp) and _is_name(s.value.left, "x")]  # fmt: skip
    steps += [f"-({step})" for step in steps]
    for i, key, value in _stored(formula):
        for text in dict.fromkeys([*names, "x", "dx", *steps, *(f.format(value.id) for f in STORED_AS)]):
            if text != value.id:
                edited, line = replaced(formula, i, value, expression(text))
                what = f"`{text}` is stored as `{key}`, so it enters again in the next step"
                if text in ("mb", "vb"):
                    what += " (the bias correction then corrects what is corrected already)"
                yield edited, Line(line.before, what), key


STORED_AS = ("np.sqrt({})", "{} ** 2", "learning_rate * {}", "{} / learning_rate", "-{}")
"""The forms in which a value may be stored by mistake."""


@made("stored-swapped", "two values are swapped where they are kept in the state: {detail}", 1.15)
def _stored_swapped(formula: Formula) -> Iterator[Edited]:
    kept = list(_stored(formula))
    for a, (_, one, first) in enumerate(kept):
        for _, other, second in kept[a + 1 :]:
            change = partial(_either, pairs=((first, second), (second, first)))
            yield (*_each(formula, change, "")[:2], f"`{first.id}` is kept as `{other}` and `{second.id}` as `{one}`")


def _stored(formula: Formula) -> Iterator[tuple[int, str, ast.Name]]:
    """Yield (number of the statement, name in the state, variable) for what is kept."""
    for i, statement in enumerate(formula.body):
        if isinstance(statement, ast.Return):
            for stored in [node for node in ast.walk(statement) if isinstance(node, ast.Dict)]:
                for key, value in zip(stored.keys, stored.values):
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Name) and value.id != "t":
                        yield i, str(key.value), value


def _either(node: ast.AST, pairs: tuple[tuple[ast.AST, ast.AST], ...]) -> ast.AST | None:
    return next((new for old, new in pairs if node is old), None)


@made("gradients-accumulate", "the gradients add up from step to step: each step uses the sum of all so far (as without "
      "zero_grad)", 1.05)  # fmt: skip
def _accumulate(formula: Formula) -> Iterator[Edited]:
    kept = expression("{'total': dx_in}")
    last = formula.body[-1]
    if isinstance(last, ast.Return) and isinstance(last.value, ast.Tuple):
        x, state = last.value.elts
        both = ast.Return(ast.Tuple([x, ast.BinOp(state, ast.BitOr(), kept)], ast.Load()))
        first = edits.statements("dx_in = state.get('total', 0.0) + dx; dx = dx_in")
        yield formula.with_body([*first, *formula.body[:-1], both]), Line("", "dx = the sum of all gradients so far")


@made("part-moves", "only {detail} of x moves: the rest keeps its old values", 1.3)
def _part_moves(formula: Formula) -> Iterator[Edited]:
    if not isinstance(formula.body[-1], ast.Return):
        return
    first = edits.statements("x_before = +x")
    for part, said in (("[:1]", "the first row"), ("[:-1]", "all but the last row"), ("[1:]", "all but the first row"),
                       (".flat[:1]", "the first element"), ("[:, :1]", "the first column")):  # fmt: skip
        rest = edits.statements(f"x_new = +x_before; x_new{part} = x{part}; x = x_new")
        body = [*first, *formula.body[:-1], *rest, formula.body[-1]]
        yield formula.with_body(body), Line("", f"x{part} moves alone"), said


@made("line-missing", "a line is missing: `{before}`", 1.15)
def _line_missing(formula: Formula) -> Iterator[Edited]:
    for i, statement in enumerate(formula.body[:-1]):
        if _target(statement) in ("x", "dx", "v", "m", "step", *(_target(s) for s in formula.body[:i])):
            yield formula.with_body([*formula.body[:i], *formula.body[i + 1 :]]), Line(statement, "(nothing)")


@made("names-swapped", "`{detail}` are swapped in `{before}`", 1.25)
def _names_swapped(formula: Formula) -> Iterator[Edited]:
    for i, statement in enumerate(formula.body[:-1]):
        found = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        names = sorted(found - {"np", "state", "t"} - formula.settings)
        for a, one in enumerate(names):
            for two in names[a + 1 :]:
                edited = edits.changed(statement, partial(_renamed, names={one: two, two: one}))
                yield (
                    formula.with_body([*formula.body[:i], edited, *formula.body[i + 1 :]]),
                    Line(statement, edited),
                    f"{one}` and `{two}",
                )


# ---- squares, roots, epsilon -----------------------------------------------------------------------------------

written("square-missing", "the square of the gradient is missing in `{target}`", ("A ** 2", "A"))
written("square-is-abs", "`{target}` takes the absolute value instead of the square", ("A ** 2", "np.abs(A)"), cost=1.1)
written("square-is-double", "`{target}` doubles the gradient instead of squaring it (* 2 instead of ** 2)",
        ("A ** 2", "A * 2"), cost=1.1)  # fmt: skip
written("square-of-sum", "`{target}` squares the sum instead of the gradient alone (misplaced parentheses)",
        ("A + B * C ** 2", "(A + B * C) ** 2"), ("A + B ** 2", "(A + B) ** 2"))  # fmt: skip
written("square-of-weight", "the weight in `{target}` is squared along with the gradient (misplaced parentheses)",
        ("A * B ** 2", "(A * B) ** 2"))  # fmt: skip
written("square-of-average", "`{target}` gathers the square of the average `m` instead of the square of the gradient",
        ("dx ** 2", "m ** 2"), ("dx ** 2", "(dx - m) ** 2"), ("dx ** 2", "dx * m"))  # fmt: skip
written("root-missing", "the square root is missing: dx is divided by the squares themselves", ("np.sqrt(A)", "A"))
written("cube-root", "the cube root is taken instead of the square root", ("np.sqrt(A)", "np.cbrt(A)"), cost=1.2)
written("root-twice", "the square root is taken twice", ("np.sqrt(A)", "np.sqrt(np.sqrt(A))"))
written("square-for-root", "the square is taken instead of the square root", ("np.sqrt(A)", "A ** 2"), cost=1.1)
written("epsilon-inside-root", "epsilon is added inside the square root; the rule adds it outside, after the root",
        ("np.sqrt(A) + B", "np.sqrt(A + B)"), ("np.sqrt(A) + B", "np.sqrt(A + B ** 2)"), cost=0.9)  # fmt: skip
written("epsilon-outside-root", "epsilon is added outside the square root; the rule adds it inside",
        ("np.sqrt((A + epsilon) / (B + epsilon))", "np.sqrt(A + epsilon) / (np.sqrt(B) + epsilon)"),
        ("np.sqrt((A + epsilon) / (B + epsilon))", "(np.sqrt(A) + epsilon) / (np.sqrt(B) + epsilon)"))  # fmt: skip
written("epsilon-missing", "epsilon is missing: where the gradient is zero or tiny the step becomes nan or far too large",
        ("A + epsilon", "A"), ("np.sqrt((A + epsilon) / (B + epsilon))", "np.sqrt(A / (B + epsilon))"), cost=0.9)  # fmt: skip
written("epsilon-in-accumulator", "epsilon is added to the accumulated squares and kept there, instead of to the root",
        ("BETA * STATE + (1 - BETA) * A", "BETA * STATE + (1 - BETA) * A + epsilon"),
        ("STATE + A", "STATE + A + epsilon"), cost=1.4)  # fmt: skip
written("epsilon-before-correction", "epsilon is added to the root before the bias correction of v, instead of after it",
        ("np.sqrt(vb) + epsilon", "(np.sqrt(v) + epsilon) / np.sqrt(1 - beta2 ** t)"))  # fmt: skip
written("epsilon-is-maximum", "epsilon is a lower bound (maximum) here, where the rule adds it",
        ("A + epsilon", "np.maximum(A, epsilon)"), cost=1.1)  # fmt: skip
written("epsilon-added-to-quotient", "epsilon is added to the quotient instead of to the divisor (missing parentheses)",
        ("A / (B + epsilon)", "A / B + epsilon"), cost=1.0)  # fmt: skip
written("epsilon-subtracted", "epsilon is subtracted; the rule adds it", ("A + epsilon", "A - epsilon"), cost=1.1)
written("epsilon-twice", "epsilon is added twice: inside the square root and outside",
        ("np.sqrt(A) + epsilon", "np.sqrt(A + epsilon) + epsilon"), cost=1.2)  # fmt: skip
written("not-divided", "the division by the root of `cache` or `v` is missing: the step is not scaled",
        ("A / (np.sqrt(B) + epsilon)", "A"), cost=1.0)  # fmt: skip
written("multiplied", "the step is multiplied by the root, where the rule divides by it",
        ("A / (np.sqrt(B) + epsilon)", "A * (np.sqrt(B) + epsilon)"), cost=1.0)  # fmt: skip

# ---- bias correction -------------------------------------------------------------------------------------------

written("bias-of-m-missing", "the bias correction of `m` is missing: m starts at zero and is too small in the first steps",
        ("m / (1 - beta1 ** t)", "m"), cost=0.9)  # fmt: skip
written("bias-of-v-missing", "the bias correction of `v` is missing: v starts at zero and is too small in the first steps",
        ("A / (1 - beta2 ** t)", "A"), cost=0.9)  # fmt: skip
written("bias-outside-root", "the bias correction of `v` stands outside the square root: the root of v is divided by "
        "1 - beta2**t instead of by its square root", ("np.sqrt(vb)", "np.sqrt(vb * (1 - beta2 ** t)) / (1 - beta2 ** t)"),
        ("np.sqrt(1 - beta2 ** t)", "(1 - beta2 ** t)"), cost=0.9)  # fmt: skip
written("maximum-of-corrected", "the maximum is taken of the corrected v, v / (1 - beta2**t), instead of v",
        ("np.maximum(STATE, v)", "np.maximum(STATE, v / (1 - beta2 ** t))"))  # fmt: skip
written("maximum-of-gradients", "the maximum is taken of the squares of the gradients, dx**2, instead of their average v",
        ("np.maximum(STATE, v)", "np.maximum(STATE, dx ** 2)"))  # fmt: skip
written("bias-power-missing", "the bias correction uses 1 - beta instead of 1 - beta**t: t is missing",
        ("1 - BETA ** t", "1 - BETA"), cost=0.9)  # fmt: skip
written("bias-product", "the bias correction uses beta * t instead of the power beta ** t",
        ("1 - BETA ** t", "1 - BETA * t"))  # fmt: skip
written("bias-inverted", "the bias correction divides by beta**t instead of by 1 - beta**t",
        ("1 - BETA ** t", "BETA ** t"))  # fmt: skip
written("bias-plus", "the bias correction divides by 1 + beta**t instead of by 1 - beta**t",
        ("1 - BETA ** t", "1 + BETA ** t"))  # fmt: skip
written("bias-multiplied", "the bias correction multiplies by 1 - beta**t instead of dividing by it",
        ("A / (1 - BETA ** t)", "A * (1 - BETA ** t)"))  # fmt: skip
written("t-from-zero", "t of the bias correction counts from 0 instead of from 1 (it must be increased before its use); at "
        "t = 0, 1 - beta**t is 0", ("state.get('t', 0) + 1", "state.get('t', 0)"), ("BETA ** t", "BETA ** (t - 1)"),
        cost=0.9)  # fmt: skip
written("t-one-late", "t of the bias correction is off by one: it is 2 in the first step",
        ("BETA ** t", "BETA ** (t + 1)"))  # fmt: skip
written("t-by-two", "t of the bias correction is increased twice in each step",
        ("state.get('t', 0) + 1", "state.get('t', 0) + 2"))  # fmt: skip


@made("no-bias-correction", "the bias correction is missing altogether: m and v start at zero and are too small in the "
      "first steps", 0.95)  # fmt: skip
def _no_correction(formula: Formula) -> Iterator[Edited]:
    yield from _everywhere(formula, "A / (1 - BETA ** t)", "A")


@made("t-everywhere", "t of the bias correction is off by one: it counts {detail} in the first step", 0.95)
def _t_everywhere(formula: Formula) -> Iterator[Edited]:
    for instead, said in (("t - 1", "from 0 instead of 1"), ("t + 1", "2 instead of 1"), ("2 * t", "twice as fast")):
        for edited, line in _everywhere(formula, "BETA ** t", f"BETA ** ({instead})"):
            yield edited, line, said
        for i, statement in enumerate(formula.body):  # in one line that has it twice
            one = formula.with_body([statement])
            for edited, line in _everywhere(one, "BETA ** t", f"BETA ** ({instead})"):
                yield (
                    formula.with_body([*formula.body[:i], *edited.body, *formula.body[i + 1 :]]),
                    line,
                    f"{said} in this line",
                )


@made("power-missing-everywhere", "the bias correction uses 1 - beta instead of 1 - beta**t: t never counts", 0.9)
def _power_missing(formula: Formula) -> Iterator[Edited]:
    yield from _everywhere(formula, "1 - BETA ** t", "1 - BETA")


# ---- betas and other settings ----------------------------------------------------------------------------------


@made("betas-swapped", "`{detail}` are swapped: each stands where the other belongs", 0.9)
def _swapped(formula: Formula) -> Iterator[Edited]:
    names = [n for n in _settings(formula) if n not in NOT_DECAYS | {"dampening"}]
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            swap = {a: b, b: a}
            edited, line = _each(formula, partial(_renamed, names=swap), "")[:2]
            yield edited, line, f"{a} and {b}"


@made("wrong-setting", "`{before}` uses {detail}", 1.15)
def _wrong_setting(formula: Formula) -> Iterator[Edited]:
    names = [n for n in _settings(formula) if n != "learning_rate"]
    for i, node in edits.expressions(formula):
        if isinstance(node, ast.Name) and node.id in names:
            for other in names:
                if other != node.id:
                    yield (
                        *replaced(formula, i, node, ast.Name(other, ast.Load())),
                        f"{node.id} there; yours uses {other} instead",
                    )


@made("other-value", "`{detail}`: a setting has another value than the one it is checked with", 1.25)
def _other_value(formula: Formula) -> Iterator[Edited]:
    """Usual values for a setting that the learner's code may have written down."""
    for name in _settings(formula):
        if "epsilon" in name:
            values: tuple[float, ...] = (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
        elif name in ("learning_rate", "nesterov", "centered"):
            continue
        else:
            values = (0.0, 0.1, 0.3, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999, 1.0, 1e-4, 1e-3, 1e-2)
        for value in values:
            number = ast.Constant(value)
            edited, line = _each(formula, partial(_renamed_to, name=name, instead=number), "")[:2]
            yield edited, line, f"{name} acts as {value:g}"


# ---- another array ---------------------------------------------------------------------------------------------


@made("wrong-array", "`{before}` uses `{detail}` instead", 1.4)
def _wrong_array(formula: Formula) -> Iterator[Edited]:
    known = ["x", "dx"]
    for i, statement in enumerate(formula.body):
        if isinstance(statement, ast.Return):
            break
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in known:
                for other in known:
                    if other != node.id:
                        yield *replaced(formula, i, node, ast.Name(other, ast.Load())), other
                if node.id != "x":
                    for text in ("dx ** 2", "np.abs(dx)", "x ** 2"):
                        yield *replaced(formula, i, node, expression(text)), text
        target = _target(statement)
        if target and target not in known:
            known.append(target)


@made("gradient-for-average", "the step is made with dx itself instead of with its average `{detail}`", 1.0)
def _gradient_for_average(formula: Formula) -> Iterator[Edited]:
    for i, node in edits.expressions(formula):
        if isinstance(node, ast.Name) and node.id in ("m", "mb") and _target(formula.body[i]) == "x":
            yield *replaced(formula, i, node, ast.Name("dx", ast.Load())), node.id


@made("one-rate-for-all", "`{before}` works on each element; yours uses the {detail} over all elements, one number for "
      "the whole array", 1.2)  # fmt: skip
def _one_for_all(formula: Formula) -> Iterator[Edited]:
    for word, call in (("mean", "np.mean"), ("sum", "np.sum"), ("largest value", "np.max"), ("norm", "np.linalg.norm")):
        for pattern in ("A ** 2", "np.sqrt(A)", "np.abs(A)", "BETA * STATE + (1 - BETA) * A"):
            for edited, line in rewrite(formula, pattern, f"{call}({pattern})"):
                yield edited, line, word
        for axis in (0, 1, -1):
            for edited, line in rewrite(formula, "A ** 2", f"{call}(A ** 2, axis={axis}, keepdims=True)"):
                yield edited, line, f"{word} along axis {axis}"
    for edited, line in rewrite(formula, "np.sqrt(cache)", "np.linalg.norm(np.sqrt(cache))"):
        yield edited, line, "norm"


# ---- what is done to the gradient first -----------------------------------------------------------------------


@made("gradient-changed", "the gradient is changed before the rule uses it: {detail}", 1.3)
def _gradient_changed(formula: Formula) -> Iterator[Edited]:
    for line, said in (
        ("dx = np.clip(dx, -1, 1)", "it is clipped to [-1, 1]"),
        ("dx = np.clip(dx, -5, 5)", "it is clipped to [-5, 5]"),
        ("dx = np.clip(dx, -0.5, 0.5)", "it is clipped to [-0.5, 0.5]"),
        ("dx = np.clip(dx, -2, 2)", "it is clipped to [-2, 2]"),
        ("dx = np.clip(dx, -10, 10)", "it is clipped to [-10, 10]"),
        ("dx = np.clip(dx, -0.1, 0.1)", "it is clipped to [-0.1, 0.1]"),
        ("dx = dx / np.linalg.norm(dx)", "it is divided by its norm"),
        ("dx = dx / max(1.0, np.linalg.norm(dx))", "its norm is clipped to 1"),
        ("dx = dx / max(1.0, np.linalg.norm(dx) / 5)", "its norm is clipped to 5"),
        ("dx = dx / max(1.0, np.linalg.norm(dx) / 10)", "its norm is clipped to 10"),
        ("dx = dx / max(1.0, np.linalg.norm(dx) / 0.5)", "its norm is clipped to 0.5"),
        ("dx = dx / (np.linalg.norm(dx) + epsilon)", "it is divided by its norm"),
        ("dx = np.clip(dx, 0, None)", "its negative elements are cut off"),
        ("dx = np.sign(dx)", "only its sign is used"),
        ("dx = np.abs(dx)", "its absolute value is used: the sign is lost"),
        ("dx = dx * np.ones_like(x) * np.mean(dx) / dx", "its mean over all elements is used"),
        ("dx = dx / len(x)", "it is divided by the number of rows of x (a mean, where the gradient is used as it is)"),
        ("dx = dx / x.size", "it is divided by the number of elements of x (a mean)"),
        ("dx = np.mean(dx, axis=0)", "it is averaged over the rows of x"),
        ("dx = np.sum(dx, axis=0)", "it is summed over the rows of x"),
        ("dx = np.ones_like(dx) * np.sum(dx)", "it is summed over all elements"),
        ("dx = np.ones_like(dx) * np.mean(dx)", "it is averaged over all elements"),
        ("dx = dx * 2", "it is doubled"),
        ("dx = dx / 2", "it is halved"),
        ("dx = dx * x", "it is multiplied by x"),
        ("dx = dx ** 2", "it is squared"),
        ("dx = np.trunc(dx)", "it is rounded to integers (an integer dtype)"),
    ):
        edited, at = edits.before(formula, line)
        yield edited, at, said


# ---- weight decay ---------------------------------------------------------------------------------------------

COUPLED = "dx = dx + weight_decay * x"
DECOUPLED = "x = (1 - learning_rate * weight_decay) * x"

written("weight-decay-missing", "the weight decay is missing", (COUPLED, "dx = dx"), (DECOUPLED, "x = x"),
        ("A + weight_decay * x", "A"), cost=0.9)  # fmt: skip
written("weight-decay-sign", "the sign of the weight decay is wrong: it makes the weights grow",
        ("A + weight_decay * x", "A - weight_decay * x"), ("1 - A * weight_decay", "1 + A * weight_decay"))  # fmt: skip
written("weight-decay-unscaled", "the weight decay is not multiplied by the learning rate",
        ("learning_rate * weight_decay", "weight_decay"), (COUPLED, "x = (1 - weight_decay) * x"))  # fmt: skip
written("weight-decay-in-gradient", "the weight decay is added to the gradient and goes through the adaptive scaling (L2), "
        "where this rule shrinks x itself (decoupled)", (DECOUPLED, COUPLED), cost=0.9)  # fmt: skip
written("weight-decay-decoupled", "the weight decay shrinks x itself (decoupled), where this rule adds it to the gradient",
        (COUPLED, DECOUPLED), cost=0.9)  # fmt: skip
written("weight-decay-factor", "the weight decay has a factor of 2, or 1/2, too much",
        ("weight_decay", "(2 * weight_decay)"), ("weight_decay", "(weight_decay / 2)"))  # fmt: skip
written("weight-decay-of", "the weight decay is applied to the wrong thing instead of to x",
        (COUPLED, "dx = dx + weight_decay * dx"), (COUPLED, "dx = dx + weight_decay * x ** 2"),
        (COUPLED, "dx = dx + weight_decay * np.sign(x)"), (COUPLED, "dx = dx + weight_decay"),
        (COUPLED, "dx = dx + weight_decay * np.sum(x ** 2)"), (DECOUPLED, "x = x; dx = (1 + weight_decay) * dx"),
        (DECOUPLED, "x = x - learning_rate * weight_decay * x ** 2"), (DECOUPLED, "x = x - learning_rate * weight_decay * np.abs(x)"),
        (DECOUPLED, "dx = (1 - learning_rate * weight_decay) * dx"),
        (DECOUPLED, "x = x - learning_rate * weight_decay * dx"),
        (DECOUPLED, "x = x - learning_rate * weight_decay"),
        (DECOUPLED, "x = x - learning_rate * weight_decay * np.sign(x)"))  # fmt: skip
written("weight-decay-twice", "the weight decay is applied twice: to the gradient and to x itself",
        (DECOUPLED, "dx = dx + weight_decay * x; x = (1 - learning_rate * weight_decay) * x"),
        (DECOUPLED, "x = (1 - learning_rate * weight_decay) * x; dx = dx + weight_decay * x"),
        (COUPLED, "dx = dx + weight_decay * x; x = (1 - learning_rate * weight_decay) * x"), cost=1.2)  # fmt: skip


written("weight-decay-twice-unscaled", "the weight decay is applied twice: as the rule has it, and once more without the "
        "learning rate", (COUPLED, "x = (1 - weight_decay) * x; dx = dx + weight_decay * x"),
        (COUPLED, "dx = dx + weight_decay * x; x = (1 - weight_decay) * x"),
        (DECOUPLED, "x = (1 - learning_rate * weight_decay) * x; x = (1 - weight_decay) * x"), cost=1.3)  # fmt: skip
written("weight-decay-of-rate", "the learning rate decays by the weight decay: it is multiplied by 1 - weight_decay, where "
        "x itself must shrink", (DECOUPLED, "learning_rate = learning_rate * (1 - weight_decay)"),
        (COUPLED, "learning_rate = learning_rate * (1 - weight_decay)"), cost=1.2)  # fmt: skip


@made("weight-decay-elsewhere", "the weight decay is added to `{detail}`{after}", 1.1)
def _decay_elsewhere(formula: Formula) -> Iterator[Edited]:
    """Added to one use of the gradient or of its average; beside the right decay, or instead of it."""
    for i, statement in enumerate(formula.body):
        if ast.unparse(statement) not in (DECOUPLED, COUPLED):
            continue
        without = formula.with_body([*formula.body[:i], *formula.body[i + 1 :]])
        for base, said in (
            (without, ", where it does not belong"),
            (formula, ", besides the decay of the rule: it is applied twice"),
        ):
            for j, node in edits.expressions(base):
                if (
                    isinstance(node, ast.Name)
                    and node.id in ("dx", "m", "mb", "step", "v")
                    and base.body[j] is not statement
                ):
                    new = ast.BinOp(node, ast.Add(), expression("weight_decay * x"))
                    line = shown(base.body[j])
                    yield replaced(base, j, node, new)[0], Line(line, said), f"{node.id}` in `{line}"
            if base is formula:
                again = edits.statements("x = x - learning_rate * weight_decay * x")
                after = formula.with_body([*formula.body[:-1], *again, formula.body[-1]])
                yield after, Line(statement, said), "x` in the last line"


@made("weight-decay-last", "the weight decay is applied after the step, to the new x, instead of before it", 1.0)
def _decay_last(formula: Formula) -> Iterator[Edited]:
    for i, statement in enumerate(formula.body):
        if ast.unparse(statement) == DECOUPLED:
            body = [*formula.body[:i], *formula.body[i + 1 : -1], statement, formula.body[-1]]
            yield formula.with_body(body), Line(DECOUPLED, DECOUPLED)


@made(
    "weight-decay-scaled",
    "the weight decay is inside the adaptive scaling: it is divided by the root like the gradient",
    0.95,
)
def _decay_scaled(formula: Formula) -> Iterator[Edited]:
    """Added to the numerator of the step."""
    for i, statement in enumerate(formula.body):
        if ast.unparse(statement) in (DECOUPLED, COUPLED):
            rest = formula.with_body([*formula.body[:i], *formula.body[i + 1 :]])
            for edited, line in rewrite(
                rest, "A / (np.sqrt(B) + epsilon)", "(A + weight_decay * x) / (np.sqrt(B) + epsilon)"
            ):
                yield edited, line
            for edited, line in rewrite(
                rest, "A * B / (np.sqrt(C) + epsilon)", "A * (B + weight_decay * x) / (np.sqrt(C) + epsilon)"
            ):
                yield edited, line
            for edited, line in rewrite(
                rest, "x = x + -learning_rate * A", "x = x + -learning_rate * (A + weight_decay * x)"
            ):
                yield edited, line


@made("weight-decay-added", "there is a weight decay of {detail}, which this rule does not have", 1.4)
def _decay_added(formula: Formula) -> Iterator[Edited]:
    if "weight_decay" not in formula.settings:
        for value in (0.1, 0.01, 1e-3, 1e-4, 5e-4):
            for line in (f"dx = dx + {value} * x", f"x = (1 - learning_rate * {value}) * x"):
                yield *edits.before(formula, line), f"{value:g}"


# ---- numbers of the state -------------------------------------------------------------------------------------


@made("integer-state", "`{detail}` is kept as integers: its array has an integer dtype, and fractions are cut off", 1.1)
def _integers(formula: Formula) -> Iterator[Edited]:
    yield from _stored_as(formula, "np.trunc")


@made("rounded-state", "`{detail}` is rounded to integers", 1.3)
def _rounded(formula: Formula) -> Iterator[Edited]:
    yield from _stored_as(formula, "np.round")
    yield from _stored_as(formula, "np.floor")


@made("half-precision", "`{detail}` is kept in float16: tiny squares vanish and large ones overflow", 1.2)
def _half(formula: Formula) -> Iterator[Edited]:
    yield from _stored_as(formula, "np.float16")


# ---- any operator ---------------------------------------------------------------------------------------------


@made("dropped", "a part is missing in `{before}`: {detail}", 1.6)
def _dropped(formula: Formula) -> Iterator[Edited]:
    for i, node in edits.expressions(formula):
        if isinstance(node, ast.BinOp) and not isinstance(formula.body[i], ast.Return):
            if not (_target(formula.body[i]) == "x" and _is_name(node.left, "x")):
                yield *replaced(formula, i, node, node.left), f"the `{_sign(node)} {shown(node.right)}`"
            if not isinstance(node.op, ast.Div | ast.Pow):
                yield *replaced(formula, i, node, node.right), f"the `{shown(node.left)} {_sign(node)}`"


@made("operator", "an operator is wrong in `{before}`: {detail}", 1.6)
def _operator(formula: Formula) -> Iterator[Edited]:
    others: dict[type[ast.operator], list[ast.operator]] = {
        ast.Add: [ast.Sub(), ast.Mult()],
        ast.Sub: [ast.Add()],
        ast.Mult: [ast.Div(), ast.Add()],
        ast.Div: [ast.Mult()],
    }
    for i, node in edits.expressions(formula):
        if isinstance(node, ast.BinOp):
            for op in others.get(type(node.op), []):
                new = ast.BinOp(node.left, op, node.right)
                what = {"+": "a sign: plus", "-": "a sign: minus"}.get(_sign(new), f"`{_sign(new)}`")
                yield *replaced(formula, i, node, new), f"{what} instead of `{_sign(node)}`"
            if isinstance(node.op, ast.Sub | ast.Div):
                yield (
                    *replaced(formula, i, node, ast.BinOp(node.right, node.op, node.left)),
                    "its two sides are swapped",
                )


@made("negated", "the sign of `{detail}` is wrong", 1.6)
def _negated(formula: Formula) -> Iterator[Edited]:
    for i, node in edits.expressions(formula):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in ("x", "np", "state", "t"):
            yield *replaced(formula, i, node, ast.UnaryOp(ast.USub(), node)), node.id


@made("scaled", "`{detail}` has a constant factor too much", 1.8)
def _scaled(formula: Formula) -> Iterator[Edited]:
    for i, node in edits.expressions(formula):
        if isinstance(node, ast.Name) and node.id in (*_settings(formula), "dx", "m", "v", "mb", "vb", "cache"):
            for factor in (2.0, 0.5, 10.0, 0.1):
                yield (
                    *replaced(formula, i, node, ast.BinOp(ast.Constant(factor), ast.Mult(), node)),
                    f"{node.id} (times {factor:g})",
                )


@made("lines-swapped", "two lines stand in the wrong order: `{before}` comes before the line above it", 1.3)
def _lines_swapped(formula: Formula) -> Iterator[Edited]:
    body = formula.body
    for i in range(len(body) - 2):
        yield formula.with_body([*body[:i], body[i + 1], body[i], *body[i + 2 :]]), Line(body[i + 1], body[i])


@made("branch", "`{before}` takes the other case of a condition, or always the same one", 1.5)
def _branch(formula: Formula) -> Iterator[Edited]:
    for i, node in edits.expressions(formula):
        if isinstance(node, ast.IfExp):
            yield replaced(formula, i, node, node.body)
            yield replaced(formula, i, node, node.orelse)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "np.where":
            yield replaced(formula, i, node, node.args[1])
            yield replaced(formula, i, node, node.args[2])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "np.clip":
            yield replaced(formula, i, node, node.args[0])
        elif isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Lt | ast.Gt):
            flip: ast.cmpop = ast.Gt() if isinstance(node.ops[0], ast.Lt) else ast.Lt()
            yield replaced(formula, i, node, ast.Compare(node.left, [flip], node.comparators))


written("function-missing", "a function is missing in `{before}`", ("np.sign(A)", "A"), ("np.abs(A)", "A"),
        ("float(_rms(A))", "1.0"), ("_rms(A)", "np.linalg.norm(A)"), ("np.sign(A)", "A / np.linalg.norm(A)"), cost=1.2)  # fmt: skip


# ---- helpers --------------------------------------------------------------------------------------------------


def _target(statement: ast.stmt) -> str | None:
    """The variable that a line assigns."""
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return None


def _sign(node: ast.BinOp) -> str:
    signs: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
    return signs.get(type(node.op), "?")


def _settings(formula: Formula) -> list[str]:
    return sorted(formula.settings)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _renamed(node: ast.AST, names: dict[str, str]) -> ast.expr | None:
    return ast.Name(names[node.id], ast.Load()) if isinstance(node, ast.Name) and node.id in names else None


def _entry(node: ast.AST) -> str:
    """The name of the state's entry that an expression reads."""
    found = node.args[0] if isinstance(node, ast.Call) else node.slice if isinstance(node, ast.Subscript) else None
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else ""


def _entries(formula: Formula) -> list[str]:
    """The names in the state."""
    return list(dict.fromkeys(_entry(node) for _, node in edits.expressions(formula) if is_state(node)))


def _reads(node: ast.AST, name: str) -> bool:
    return is_state(node) and _entry(node) == name or _in_state(node) == name


def _in_state(node: ast.AST) -> str | None:
    """The name, for `A if "name" in state else B`."""
    if isinstance(node, ast.IfExp) and isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], ast.In):
        return str(getattr(node.test.left, "value", ""))
    return None


def _read_as(node: ast.AST, name: str, instead: ast.expr) -> ast.expr | None:
    return instead if _reads(node, name) else None


def _renamed_to(node: ast.AST, name: str, instead: ast.expr) -> ast.expr | None:
    return instead if _is_name(node, name) else None


def _lost(node: ast.AST, name: str | None) -> ast.expr | None:
    """What an expression is when the state has no entry `name` (None: no entry at all)."""
    if isinstance(node, ast.IfExp) and (found := _in_state(node)) is not None and name in (None, found):
        return node.orelse
    if isinstance(node, ast.Call) and is_state(node) and name in (None, _entry(node)):
        return node.args[1]
    return None


def _each(formula: Formula, change: Any, detail: str) -> tuple[Formula, Line, str]:
    """Change every expression for which `change` returns another; the line is the first that changes."""
    body, line = [], None
    for statement in formula.body:
        edited = edits.changed(statement, change)
        if edited is not statement and line is None:
            line = Line(statement, edited)
        body.append(edited)
    return formula.with_body(body), line or Line("", ""), detail


def _everywhere(formula: Formula, pattern: str, instead: str) -> Iterator[tuple[Formula, Line]]:
    """Replace a pattern wherever it fits, if that is more than one place."""
    wanted, template, places = expression(pattern), expression(instead), 0
    for _, node in edits.expressions(formula):
        places += edits.match(wanted, node, {}, formula.settings)

    def change(node: ast.AST) -> ast.expr | None:
        bound: dict[str, Any] = {}
        return edits.filled(template, bound) if edits.match(wanted, node, bound, formula.settings) else None

    if places > 1:
        edited, line, _ = _each(formula, change, "")
        yield edited, line


def _stored_as(formula: Formula, function: str) -> Iterator[Edited]:
    """Pass what a line of the state computes, or x, through a function."""
    names = {*_entries(formula), "x"} - {"t"}
    for i, statement in enumerate(formula.body):
        if (name := _target(statement)) in names and isinstance(statement, ast.Assign):
            call = ast.Call(expression(function), [statement.value], [])
            yield *replaced(formula, i, statement.value, call), str(name)
