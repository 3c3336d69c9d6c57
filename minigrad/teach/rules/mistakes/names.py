"""Mistakes of one thing for another: another setting, another array, a gradient that is changed first."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.edits import (
    NOT_DECAYS,
    Formula,
    changed,
    expression,
    expressions,
    is_name,
    is_state,
    replaced,
    replaced_everywhere,
    rewrite,
    shown,
    target,
)

# fmt: off
mistake("gradient-changed", "rule", "the gradient is changed before the rule uses it: {detail}",
        *[("", f"dx = np.clip(dx, -{c}, {c})", f"it is clipped to [-{c}, {c}]") for c in (1, 5, 0.5, 2, 10, 0.1)],
        ("", "dx = dx / np.linalg.norm(dx)", "it is divided by its norm (always, or where the norm is above 1)"),
        *[("", f"dx = dx / max(1.0, np.linalg.norm(dx) / {c})", f"its norm is clipped to {c}")
          for c in (5, 10, 0.5)],
        ("", "dx = dx / (np.linalg.norm(dx) + epsilon)", "it is divided by its norm"),
        ("", "dx = np.clip(dx, 0, None)", "its negative elements are cut off"),
        ("", "dx = np.sign(dx)", "only its sign is used"),
        ("", "dx = np.abs(dx)", "its absolute value is used: the sign is lost"),
        ("", "dx = dx * np.ones_like(x) * np.mean(dx) / dx", "its mean over all elements is used"),
        ("", "dx = dx / len(x)", "it is divided by the number of rows of x (a mean)"),
        ("", "dx = dx / x.size", "it is divided by the number of elements of x (a mean)"),
        ("", "dx = np.mean(dx, axis=0)", "it is averaged over the rows of x"),
        ("", "dx = np.sum(dx, axis=0)", "it is summed over the rows of x"),
        ("", "dx = np.ones_like(dx) * np.sum(dx)", "it is summed over all elements"),
        ("", "dx = np.ones_like(dx) * np.mean(dx)", "it is averaged over all elements"),
        ("", "dx = dx * x", "it is multiplied by x"),
        ("", "dx = dx ** 2", "it is squared"),
        ("", "dx = np.trunc(dx)", "it is rounded to integers (an integer dtype)"), assumes=1.3)
mistake("schedule-ignored", "rule", "the constant beta1 is used in `{target}` instead of `{detail}`, which changes "
        "with t", ("mu_next", "beta1", "mu_next"), ("mu", "beta1", "mu"))
mistake("x-is-integer", "rule", "x is rounded to integers before the step (an integer dtype)", ("", "x = np.trunc(x)"),
        assumes=1.2)
# fmt: on


@mistake("betas-swapped", "rule", "`{detail}` are swapped: each is used where the other belongs", assumes=0.9)
def _betas_swapped(formula: Formula) -> Iterator[Variant]:
    names = [name for name in sorted(formula.settings) if name not in NOT_DECAYS | {"dampening"}]
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            yield Variant(replaced_everywhere(formula, _renamed({a: b, b: a})), f"{a} and {b}")
        if "learning_rate" in formula.settings:
            both = {a: "learning_rate", "learning_rate": a}
            yield Variant(replaced_everywhere(formula, _renamed(both)), f"{a} and learning_rate", 0.45)


@mistake("wrong-setting", "rule", "`{before}` uses {detail}", assumes=1.15)
def _wrong_setting(formula: Formula) -> Iterator[Variant]:
    names = sorted(formula.settings - {"learning_rate", "nesterov", "centered"})
    for i, node in expressions(formula):
        for other in names if isinstance(node, ast.Name) and node.id in names else ():
            if not is_name(node, other):
                said = f"{ast.unparse(node)} there; yours uses {other} instead"
                yield Variant(replaced(formula, i, node, expression(other)), said)
        for power, what in (("2", "its square"), ("STEP", "its power t")):
            if isinstance(node, ast.Name) and node.id in names:
                new = ast.BinOp(node, ast.Pow(), expression(power))
                yield Variant(replaced(formula, i, node, new), f"{node.id} there; yours uses {what} instead", 0.2)
    for i, line in enumerate(formula.body):  # at all places of a line
        for name in names:
            if sum(is_name(node, name) for node in ast.walk(line)) > 1:
                for other in names:
                    if other != name:
                        said = f"{name} there; yours uses {other} instead"
                        yield Variant(formula.with_line(i, changed(line, _renamed({name: other}))), said, 0.16)


@mistake("other-value", "rule", "{detail}: a setting has another value than the one it is checked with", assumes=1.25)
def _other_value(formula: Formula) -> Iterator[Variant]:
    """Usual values for a setting that the learner's code may have written down."""
    small = (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
    others = (0.0, 0.1, 0.3, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999, 1.0, 1e-4, 1e-3, 1e-2)
    for name in sorted(formula.settings - {"learning_rate", "nesterov", "centered"}):
        for value in small if "epsilon" in name else others:
            number = ast.Constant(value)
            edited = replaced_everywhere(formula, lambda node: number if is_name(node, name) else None)  # noqa: B023
            yield Variant(edited, f"`{name}` acts as {value:g}")


@mistake("wrong-array", "rule", "`{before}` uses `{detail}`", assumes=1.4)
def _wrong_array(formula: Formula) -> Iterator[Variant]:
    known = ["x", "dx"]
    for i, statement in enumerate(formula.body):
        if isinstance(statement, ast.Return):
            break
        for node in ast.walk(statement):
            if is_state(node):
                for other in ("x", "dx"):
                    yield Variant(
                        replaced(formula, i, node, expression(other)), f"{other}` instead of the old `{shown(node)}"
                    )
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in known:
                forms = ("dx ** 2", "np.abs(dx)", "np.sign(dx)", "x ** 2") if node.id != "x" else ()
                form = "dx - {}" if node.id == "dx" else "{} ** 2"
                for other in (*known, *forms, *map(form.format, known[2:])):
                    if other != node.id:
                        yield Variant(replaced(formula, i, node, expression(other)), f"{other}` instead of `{node.id}")
        if (name := target(statement)) and name not in known:
            known.append(name)


@mistake("gradient-for-average", "rule", "the step is made with dx itself instead of with its average `{detail}`",
         assumes=0.95)  # fmt: skip
def _gradient_for_average(formula: Formula) -> Iterator[Variant]:
    for i, node in expressions(formula):
        if isinstance(node, ast.Name) and node.id in ("m", "mb") and target(formula.body[i]) in ("x", "mb"):
            yield Variant(replaced(formula, i, node, expression("dx")), node.id)


@mistake("names-swapped", "rule", "`{detail}` are swapped in `{before}`", assumes=1.25)
def _names_swapped(formula: Formula) -> Iterator[Variant]:
    for i, statement in enumerate(formula.body[:-1]):
        found = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        names = sorted(found - {"np", "state", "t"} - formula.settings)
        for a, one in enumerate(names):
            for two in names[a + 1 :]:
                edited = changed(statement, _renamed({one: two, two: one}))
                yield Variant(formula.with_line(i, edited), f"{one}` and `{two}")


@mistake("one-rate-for-all", "rule", "`{before}` works on each element; yours uses the {detail}, one number for all of "
         "them", assumes=1.2)  # fmt: skip
def _one_for_all(formula: Formula) -> Iterator[Variant]:
    for word, call in (("mean", "np.mean"), ("sum", "np.sum"), ("largest value", "np.max"), ("norm", "np.linalg.norm")):
        for pattern in ("A ** 2", "np.sqrt(A)", "np.abs(A)", "BETA * STATE + (1 - BETA) * A"):
            for edited in rewrite(formula, pattern, f"{call}({pattern})"):
                yield Variant(edited, f"{word} over all elements")
        for axis in (0, 1, -1):
            for edited in rewrite(formula, "A ** 2", f"{call}(A ** 2, axis={axis}, keepdims=True)"):
                yield Variant(edited, f"{word} along axis {axis}")


def _renamed(names: dict[str, str]) -> Callable[[ast.AST], ast.AST | None]:
    """Return the change that gives variables other names."""
    return lambda node: (
        ast.Name(names[node.id], ast.Load()) if isinstance(node, ast.Name) and node.id in names else None
    )
