"""Run a program's text with the functions of another array module, such as CuPy, instead of NumPy's."""

from __future__ import annotations

import ast
from functools import lru_cache
from types import CodeType
from typing import Any

from minigrad.output.words import class_name

FILE = "<minigrad.source>"


@lru_cache(maxsize=64)
def without_numpy(text: str) -> tuple[CodeType, dict[str, str], tuple[tuple[str, int], ...]]:
    """Return the program without its imports of NumPy, what these would bind, and the functions of NumPy it uses.

    The functions are dotted names with line numbers: ("np.exp", 7).
    """
    tree = ast.parse(text)
    bound: dict[str, str] = {}
    body = []
    for statement in tree.body:
        if isinstance(statement, ast.Import) and statement.names[0].name == "numpy":
            bound[statement.names[0].asname or "numpy"] = ""
        elif isinstance(statement, ast.ImportFrom) and (statement.module or "").split(".")[0] == "numpy":
            folder = (statement.module or "").partition(".")[2]
            bound |= {a.asname or a.name: f"{folder}.{a.name}".lstrip(".") for a in statement.names}
        else:
            body.append(statement)
    tree.body = body
    used = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (dotted := _dotted(node)) and dotted.partition(".")[0] in bound:
            used.append((dotted, node.lineno))
    return compile(tree, FILE, "exec"), bound, tuple(used)


def _dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute):
        inside = _dotted(node.value)
        return None if inside is None else f"{inside}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else None


def run(text: str, inputs: dict[str, Any], xp: Any) -> dict[str, Any]:
    """Execute the program and return its namespace; NumPy arrays among the inputs become arrays of `xp`.

    Raises:
        TypeError: if xp is not a module of array functions.
        NotImplementedError: if the program uses functions that xp does not have, or that run on Python's numbers.
    """
    if not callable(getattr(xp, "asarray", None)):
        raise TypeError(f"run: xp must be a module with NumPy's functions, such as cupy, got {class_name(xp)}")
    code, bound, used = without_numpy(text)
    found = {name: _resolved(xp, path) for name, path in bound.items()}
    lines = text.splitlines()
    missing = [f"{bound[name]} (imported as {name})" for name, value in found.items() if value is None]
    for dotted, line in used:
        root, _, path = dotted.partition(".")
        path = f"{bound[root]}.{path}".lstrip(".")
        if path == "vectorize":
            what = "vectorize, which calls a function of Python for each number"
            missing.append(f"{what} (line {line}: {lines[line - 1].strip()})")
        elif _resolved(xp, path) is None:
            missing.append(f"{path} (line {line}: {lines[line - 1].strip()})")
    if missing:
        name = getattr(xp, "__name__", class_name(xp))
        raise NotImplementedError(
            f"run: this program cannot run on {name}, which does not have " + "; ".join(dict.fromkeys(missing))
        )
    import numpy as np

    names = {name: xp.asarray(v) if isinstance(v, np.ndarray | np.generic) else v for name, v in inputs.items()}
    names = {**found, **names}
    try:
        exec(code, names)
    except Exception as error:
        trace, line = error.__traceback__, 0
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == FILE:
                line = trace.tb_lineno
            trace = trace.tb_next
        if line:
            error.add_note(f"(in line {line} of the program: {lines[line - 1].strip()})")
        raise
    return {name: value for name, value in names.items() if name not in found}


def _resolved(xp: Any, path: str) -> Any:
    """Return an attribute by its dotted path, None if there is none; xp itself for the empty path."""
    found = xp
    for part in filter(None, path.split(".")):
        found = getattr(found, part, None)
    return found
