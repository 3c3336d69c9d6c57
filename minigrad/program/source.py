"""source: the forward and the backward pass as a program as one would write it by hand.

The primitives run again on numbers or arrays that record the operations applied to them (`tracer`); the recorded terms
are simplified (`simplify`) and written as statements (`emit`). No primitive has its own text for this. This file
imports NumPy for Tensors only.
"""

from __future__ import annotations

import inspect
import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from types import ModuleType
from typing import Any, Literal, overload

from minigrad.engine import Node, reverse_topological_order, tick
from minigrad.output.words import printable
from minigrad.program import array_modules, helpers
from minigrad.program.emit import Statements
from minigrad.program.expressions import IMPORTED
from minigrad.program.graph_inspection import graph_output
from minigrad.program.ir import Term
from minigrad.program.latex import chain_rule
from minigrad.program.names import PLAIN, Names, identifier, value_names
from minigrad.program.replay import Replay
from minigrad.program.scalar_replay import ScalarReplay
from minigrad.program.variables import Variables, is_array, variables
from minigrad.program.words import words
from minigrad.scalar import Value


class Source(str):
    """The text of a program, with its inputs.

    Attributes:
        inputs: the inputs of the program by name: parameters and data, with their current values.
        loss: the name of the loss in the program.
        gradients: maps each input that gets a gradient to the name of that gradient.
        nodes: for each line, the node of the graph that it is a part of, and whether in the backward pass; or None.
    """

    inputs: dict[str, Any]
    loss: str
    gradients: dict[str, str]
    nodes: list[tuple[Any, bool] | None]

    def run(self, *, xp: Any = None, **inputs: Any) -> dict[str, Any]:
        """Execute the program in its own namespace and return all of its variables by name.

        Args:
            xp: a module with NumPy's functions to compute with, such as `cupy` for a GPU. The inputs become its arrays,
                unless they are some already, and so do all results. Default: NumPy. (If the program has an input called
                xp, this is its value.)
            inputs: values to use instead of those in `self.inputs`.

        Raises:
            TypeError: if the program has no input of that name, or xp is no such module.
            NotImplementedError: if the program uses functions that xp does not have; the error names them and the lines
                of the program.
        """
        if xp is not None and "xp" in self.inputs:
            inputs, xp = {**inputs, "xp": xp}, None
        if unknown := inputs.keys() - self.inputs.keys():
            raise TypeError(f"run: the program has no input {sorted(unknown)}; it has {', '.join(self.inputs)}")
        names = {**self.inputs, **inputs}
        if xp is not None:
            names = array_modules.run(self, names, xp)
            return {name: value for name, value in names.items() if not (name == "__builtins__" or _is_code(value))}
        exec(compile(self, "<minigrad.source>", "exec"), names)
        return {name: value for name, value in names.items() if not (name == "__builtins__" or _is_code(value))}

    def _repr_markdown_(self) -> str:
        """Markdown for notebooks."""
        return f"```python\n{self}\n```"


def _is_code(value: Any) -> bool:
    """Return whether a value in the namespace of a program is a module or a function."""
    return isinstance(value, ModuleType) or callable(value)


class Formulas(str):
    """Formulas in LaTeX, one per line."""

    def _repr_latex_(self) -> str:
        """LaTeX for notebooks: the formulas one below the other, aligned at the relation sign."""
        lines = [re.sub(r" (=|\\leftarrow) ", r" &\1 ", line, count=1) for line in self.splitlines()]
        return "$$\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}$$"


@overload
def source(
    output: Any,
    *args: Any,
    format: Literal["python"] = "python",
    max_nodes: int = 1000,
    explain: bool = False,
    **kwargs: Any,
) -> Source: ...


@overload
def source(output: Any, *args: Any, format: Literal["latex"], max_nodes: int = 1000, **kwargs: Any) -> Formulas: ...


def source(
    output: Any, *args: Any, format: str = "python", max_nodes: int = 1000, explain: bool = False, **kwargs: Any
) -> Source | Formulas:
    """Return the forward and the backward pass of `output` as straight-line NumPy code that needs no minigrad.

    For Values the program is plain Python. `print` it; `.run()` executes it. Unnamed values get the name of the
    variable that holds them where `source` is called, or the usual name in the field.

    Args:
        output: the loss: a Value, a Tensor of one element, or the loss returned by a Network. Or a function that
            computes the loss from `args`.
        args, kwargs: the arguments of the function: tensors, Values, arrays, numbers, and nested lists, tuples and
            dictionaries of these. It is differentiated with respect to the float arrays and the floats among them; if
            there is no array, with respect to all numbers. Integers beside arrays are constants.
        format: "python" (default), or "latex" for formulas, which show the factors of the chain rule for Values.
        max_nodes: the largest graph that is written.
        explain: True to end each line of the backward pass with its rule in words.

    Returns:
        A `Source`, which is a str with `run`; or `Formulas`, a str with one formula per line.

    Raises:
        ValueError: for a larger graph, or another format.
        RuntimeError: if `output` has no graph or several elements, or if an array of its graph was freed.
        NotImplementedError: if the graph contains a hook, or an `autograd.Function` that computes with arrays.
        TypeError: if `output` is of another type.

    >>> from minigrad.scalar import Value
    >>> a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    >>> print(source((a * b).tanh() * a))
    import math
    <BLANKLINE>
    # given: a, b
    <BLANKLINE>
    # forward
    z1 = a * b
    h1 = math.tanh(z1)
    loss = h1 * a
    <BLANKLINE>
    # backward
    dz1 = a * (1 - h1 * h1)
    da = h1 + dz1 * b
    db = dz1 * a
    <BLANKLINE>
    # the loss: loss; its gradients: da, db
    """
    if format not in ("python", "latex"):
        raise ValueError(f"source: format is 'python' or 'latex', not {format!r}")
    names = variables()
    if callable(output) and not hasattr(output, "node"):
        output, names = _called(output, args, kwargs)
    elif args or kwargs:
        raise TypeError("source: arguments are for a function; an output has been computed already")
    output = graph_output(output, "source")
    if output.node.primitive is None:
        raise RuntimeError(
            f"source: nothing was computed yet: {printable(output.node.name or 'this')} is a leaf of the graph"
        )
    count = len(reverse_topological_order([output.node]))
    if count > max_nodes:
        raise ValueError(
            f"source: this graph has {count:,} nodes, more than anyone reads as a program. Take a smaller one, with "
            "fewer time steps or layers, or an intermediate result; or raise the limit: source(output, max_nodes=...)"
        )
    return write(output, names, format, explain)


def write(output: Any, variables: Mapping[Any, str], format: str = "python", explain: bool = False) -> Any:
    """Return the program or the formulas of an output, see `source`; `variables` names its nodes."""
    replay: Replay
    numpy = not isinstance(output, Value)
    if numpy:
        from minigrad.program.array_replay import ArrayReplay

        replay = ArrayReplay(output, variables)
        names = Names("np", "math", *IMPORTED.values(), *replay.helpers)
    else:
        replay = ScalarReplay(output, variables)
        names = Names("math", *replay.helpers)
    statements, gradients = _statements(replay, names, numpy, short=format == "latex")
    if format == "latex":
        return _formulas(statements, gradients, numpy)
    return _program(statements, replay, gradients, numpy, explain)


def _called(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Variables]:
    """Call the function with leaves made from the arguments, named after its parameters; return the names of arrays.

    A function of NumPy's arrays gets arrays that behave as such, var(axis=0) with the divisor n; if it is none, as it
    calls methods of tensors, it gets tensors. A function of numbers gets Values; if it computes with arrays, arrays.
    """
    leaves = _leaves([*args, *kwargs.values()])
    dtypes = [a.dtype for a in leaves if hasattr(a, "shape") and (a.shape or a.dtype.kind == "f")]
    plain = not any(hasattr(a, "_array") or isinstance(a, Value) for a in leaves)

    def array(a: Any, name: str) -> Any:
        if isinstance(a, float) or hasattr(a, "shape") and not isinstance(a, np.integer | np.bool_):
            floats = [dtype for dtype in dtypes if dtype.kind == "f"]
            # the caller's tensor must not change; a float gets the dtype of the arrays beside it
            t = as_tensor(a, np.result_type(*floats) if isinstance(a, float) and floats else None).detach()
            t.requires_grad = t.dtype.kind == "f"
            t.name = name
            return t
        return a

    def recorded(a: Any, name: str) -> Any:
        is_number = isinstance(a, int | float) and not isinstance(a, bool)
        t = array(np.float64(a) if is_number and not dtypes else a, name)
        return Array(t) if getattr(t, "requires_grad", False) else a

    def number(a: Any, name: str) -> Any:
        if isinstance(a, Value | float | int) and not isinstance(a, bool):
            return Value(a.data if isinstance(a, Value) else a, name=name)
        return a

    ways: list[Any] = [recorded, array] if dtypes and plain else [array] if dtypes else [number, recorded]
    try:
        positional = [p.name for p in inspect.signature(function).parameters.values() if p.kind <= p.VAR_POSITIONAL]
    except ValueError:  # a function written in C
        positional = []
    names = [positional[i] if i < len(positional) else f"{[*positional, 'x'][-1]}{i}" for i in range(len(args))]
    failed: list[Exception] = []
    for leaf in ways:
        if leaf is not number:
            import numpy as np

            from minigrad.program.recorded_arrays import Array
            from minigrad.tensors.creation import as_tensor
        given = [_with_leaves(a, name, leaf) for a, name in zip(args, names)]
        named = {name: _with_leaves(a, name, leaf) for name, a in kwargs.items()}
        found = variables()
        try:
            with _names_of_variables(found):
                output = function(*given, **named)
            return getattr(output, "tensor", output), found
        except Exception as error:
            failed.append(error)
    raise failed[0 if number in ways else -1]


def _with_leaves(tree: Any, name: str, leaf: Callable[[Any, str], Any]) -> Any:
    """Return nested lists, tuples and dictionaries with `leaf(value, name)` for each value in them."""
    if isinstance(tree, dict):
        return type(tree)({key: _with_leaves(branch, str(key), leaf) for key, branch in tree.items()})
    if isinstance(tree, list | tuple):
        fields = getattr(tree, "_fields", [f"{name}_{i}" for i in range(len(tree))])
        branches = [_with_leaves(branch, field, leaf) for branch, field in zip(tree, fields)]
        return type(tree)(*branches) if hasattr(tree, "_fields") else type(tree)(branches)
    return leaf(tree, name)


def _leaves(tree: Any) -> list[Any]:
    """Return the values in nested lists, tuples and dictionaries."""
    found: list[Any] = []
    _with_leaves(tree, "", lambda value, _: found.append(value))
    return found


@contextmanager
def _names_of_variables(found: Variables) -> Iterator[None]:
    """Context manager: results of the user's functions are named after their variables; those of arrays are added."""
    start = tick()

    def look(frame: Any, event: str, arg: Any) -> Any:
        for name, value in [*frame.f_locals.items()]:
            if is_array(value):
                found.hold(name, value, made=name not in frame.f_code.co_freevars)
                continue
            value = getattr(value, "tensor", value) if type(value).__name__ == "Array" else value
            node = value if isinstance(value, Node) else getattr(value, "_node", None)
            if isinstance(node, Node) and node.index > start and node.primitive is not None and node.name is None:
                value.name = name
        return look

    def enter(frame: Any, event: str, arg: Any) -> Any:
        module = frame.f_globals.get("__name__", "minigrad.")  # (generated functions have none)
        return None if module.partition(".")[0] in ("minigrad", "numpy") else look

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)


def _statements(replay: Any, names: Names, numpy: bool, short: bool) -> tuple[Statements, dict[str, str]]:
    """Return the statements for the loss and the gradients, and the names of gradients by those of the leaves."""
    leaves = [node for node in replay.order if node.primitive is None]
    unnamed_last = sorted(leaves, key=lambda node: node.name is None and node not in replay.names)
    called = {replay.values[node]: names.unique(replay.values[node].name) for node in unnamed_last}
    end = replay.end.name or replay.names.get(replay.end)
    if end is None or any(node.name == end for node in replay.order[:-1]):
        end = "loss"
    outputs = {names.unique(end): replay.values[replay.end]}
    gradients = {}
    for node in leaves:
        if node in replay.gradients:
            name = called[replay.values[node]]
            gradients[name] = names.unique(f"d{name}", of=name)
            outputs[gradients[name]] = replay.gradients[node]
    _name_terms(replay, short)
    for node, term in replay.values.items():
        if node.primitive is not None and (name := node.name or replay.names.get(node)):
            names.given[term] = identifier(name)
    return Statements(outputs, called, names, numpy), gradients


def _formulas(statements: Statements, gradients: dict[str, str], numpy: bool) -> Formulas:
    lines = [line for _, line, _ in statements.lines()]
    loss = next(iter(statements.outputs))
    of = {d: x for x, d in gradients.items()}
    for term in statements.terms:
        if isinstance(term.name, Term) and (name := statements.name_of(term)) is not None:
            of.setdefault(name, statements.name_of(term.name) or name)
    return Formulas("\n".join(chain_rule(lines, of, loss, numpy)))


def _program(statements: Statements, replay: Any, gradients: dict[str, str], numpy: bool, explain: bool) -> Source:
    lines = statements.lines()
    named = [(statements.name_of(term), value) for term, value in replay.inputs.items()]
    inputs = {name: value for name, value in named if name is not None}
    definitions = helpers.definitions(replay.helpers, numpy)
    math = any("math." in line for line in (*definitions, *(line for _, line, _ in lines)))
    text = ["import math"] if math else []
    text += ["", "import numpy as np", *_imports(lines)][not math :] if numpy else []
    text += [*definitions, ""] if text else definitions
    given = ", ".join(f"{name} {value.shape}" if numpy else name for name, value in inputs.items())
    text += _wrapped(f"# given: {given}", "# ")
    for term, said in replay.conditions.items():
        text += [_comment(f"{name} {said}")] if (name := statements.name_of(term)) else []
    rules: dict[Any, str] = {}
    for node, g in replay.gradients.items():  # of what passes a gradient on as it is, only the first says a rule
        rules.setdefault(g, _comment("; ".join(dict.fromkeys(replay.rules.get(node, ()))))[2:])
    times = [time for time, _ in replay.begun]

    def node_of(order: int) -> Any:
        """Return the node that a line is a part of."""
        return replay.begun[max(bisect_right(times, order) - 1, 0)][1]

    nodes: dict[int, tuple[Any, bool]] = {}
    for title, backward in (("forward", False), ("backward", True)):
        part = [line for line in lines if (line[0] > replay.middle) == backward]
        width = max((len(line) for _, line, _ in part if len(line) <= 72), default=0)
        stage: str | None = ""
        for (order, line, term), here in zip(part, _stages(part, replay) if numpy else [None] * len(part)):
            if here != stage:
                text += ["", _comment(f"{title}: {here}" if here else title)]
                stage = here
            *before, last = _wrapped(line, "    ")
            comment = str(term.shape) if term is not None and term.shape else ""
            rule = ""
            if explain and backward:
                of = node_of(order).primitive
                rule = (
                    rules.get(term) or _comment(words(of, of.inputs[0]) if term is None else f"part of {of.name}")[2:]
                )
            if rule and len(f"{last:{width}}  # {comment}  {rule}") > 120:
                text, rule = [*text, f"# {rule}"], ""
            comment = "  ".join(filter(None, (comment, rule)))
            nodes.update({len(text) + i: (node_of(order), backward) for i in range(len(before) + 1)})
            text += [*before, f"{last:{width}}  # {comment}" if comment else last]
    loss = next(iter(statements.outputs))
    text += ["", *_wrapped(f"# the loss: {loss}; its gradients: {', '.join(gradients.values())}", "# ")]
    for name in replay.deciding:
        text.append(_comment(f"{name} looks at its numbers: for others, such as nan, it may do something else"))
    found = Source("\n".join(text))
    found.inputs, found.loss, found.gradients = inputs, loss, gradients
    found.nodes = [nodes.get(i) for i in range(len(text))]
    return found


def _stages(lines: Sequence[tuple[int, str, Any]], replay: Any) -> list[str | None]:
    """Return the module that each line of a long program belongs to, as deep as leaves enough lines for each."""
    if len(lines) < 24:
        return [None] * len(lines)
    from minigrad.tensors.module_calls import calls

    known = calls(reversed(replay.order))
    times = [time for time, _ in replay.begun]
    chains: list[list[str]] = []
    for order, _, _ in lines:
        call, chain = known.get(replay.begun[bisect_right(times, order) - 1][1]), []
        while call is not None:
            chain.append(call.path)
            call = call.parent
        chains.append(chain[::-1])
    for depth in range(max(map(len, chains)), 1, -1):
        stages = [chain[min(depth, len(chain)) - 1] if len(chain) > 1 else None for chain in chains]
        if sum(a != b for a, b in pairwise(stages)) < len(lines) / 4:
            return stages
    return [None] * len(lines)


def _imports(lines: Sequence[tuple[int, str, Any]]) -> list[str]:
    """Return import lines for functions that are used under a shorter name."""
    found = []
    for dotted, name in IMPORTED.items():
        if any(f"{name}(" in line for _, line, _ in lines):
            found.append(f"from {dotted.removesuffix(f'.{name}').replace('np', 'numpy', 1)} import {name}")
    return found


def _name_terms(replay: Any, short: bool) -> None:
    """Name the terms of each node and of its gradient; with `short`, by single letters.

    A gradient that several values share is named after the last of them that has its own line.
    """
    names, values = value_names(replay.order, replay.names, short), {*replay.values.values()}
    added = {
        source for node in replay.order if node.primitive and node.primitive.name == "add" for source in node.inputs
    }
    for node in replay.order:
        if node.primitive is None:
            continue
        value, g = replay.values.get(node), replay.gradients.get(node)
        if value is None:  # a function of several results
            continue
        if value.op != "input":
            value.name = names[node]
            plain = node.primitive.name in PLAIN or node.primitive.name == "matmul" and node in added  # as in x @ W + b
            value.whole = not plain or bool(node.name) or node in replay.names
        made = g is not None and g.op not in ("input", "fill", "number") and g.order > replay.middle
        if made and g not in values:
            if value.whole or not isinstance(g.name, Term) or not g.name.whole:
                g.name = value
            g.whole = g.whole or value.whole or short


def _comment(text: str) -> str:
    """Return a comment on one line, whatever characters the names of primitives and modules contain."""
    return "# " + "".join(c if c.isprintable() else " " for c in text)


def _wrapped(line: str, indent: str) -> list[str]:
    """Break a line after commas into pieces of at most 120 characters."""
    lines = []
    while len(line) > 120 and (at := line.rfind(", ", 40, 118)) > 0:
        lines.append(line[: at + 1])
        line = indent + line[at + 2 :]
    return [*lines, line]
