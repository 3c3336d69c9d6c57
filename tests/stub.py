"""Writes minigrad/__init__.pyi, from which type checkers and editors know the names that minigrad loads on first use.

    python tests/stub.py

A name with a home is imported from there. A function that is a method of Tensor is declared with the signature of the
method. `tests/test_types.py` compares the file with what this module makes of the code.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import minigrad
from minigrad.tensors.tensor import Tensor

STUB = Path(minigrad.__file__).with_name("__init__.pyi")

HEADER = '''"""The names of minigrad and their types. Written by tests/stub.py; do not edit."""

import builtins
from builtins import tuple as Size
from collections.abc import Sequence
from math import e as e, inf as inf, nan as nan, pi as pi
from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy import dtype as dtype

from minigrad.tensors.base import Array, Dims, Operand, Size as _Size
from minigrad.tensors.methods.linalg import SignLogDet
from minigrad.tensors.methods.reductions import Bounds
from minigrad.tensors.methods.selection import Histogram, Selected
from minigrad.utils import amp as amp, testing as testing

_T = TypeVar("_T", bound=Tensor)

__version__: str
'''


def stub() -> str:
    """The text of the file."""
    lines = [HEADER]
    lines += [f"from minigrad import {name} as {name}" for name in sorted(minigrad._MODULES)]
    lines += [f"from minigrad.{home} import {name} as {name}" for name, home in sorted(minigrad._HOME.items())]
    lines += [f"{name}: np.dtype[np.{scalar.removesuffix('_')}]" for name, scalar in _dtypes()]
    taken = {*minigrad._MODULES, *minigrad._HOME, *minigrad._DTYPES}
    for name, function in minigrad._functions().items():
        if name not in taken:
            lines += _declared(name, function)
    return "\n".join(lines) + "\n"


def _dtypes() -> Iterator[tuple[str, str]]:
    return ((name, getattr(minigrad, name).type.__name__) for name in minigrad._DTYPES)


def _declared(name: str, function: Callable[..., Any]) -> list[str]:
    written = SimpleNamespace(__module__=function.__module__, __qualname__=function.__code__.co_qualname)
    overloads = typing.get_overloads(written)  # under the name that the method has in its class, not in errors
    if overloads:
        return [line for f in overloads for line in ("@overload", _signature(name, f))]
    return [_signature(name, function)]


def _signature(name: str, function: Callable[..., Any]) -> str:
    """The declaration. What is written in place, and returned, keeps its type; all else is a Tensor."""
    first = "_T" if name.endswith("_") else "Operand" if _takes_number_first(name) else "Tensor"
    result = "_T" if name.endswith("_") else "Tensor"
    signature = inspect.signature(function)
    parameters = [
        p.replace(annotation=_Text(first if i == 0 else _translated(p.annotation, result)), default=_default(p.default))
        for i, p in enumerate(signature.parameters.values())
    ]
    returned = _Text(_translated(signature.return_annotation, result))
    return f"def {name}{signature.replace(parameters=parameters, return_annotation=returned)}: ..."


def _takes_number_first(name: str) -> bool:
    """True for minigrad.add, as add(2, t) is 2 + t."""
    try:
        return isinstance(getattr(minigrad, name)(2, minigrad.tensor([1, 2])), Tensor)
    except Exception:  # of any kind, for the other functions are called with what they do not take
        return False


class _Text(str):
    """A text that a signature shows as it is, without quotes."""

    __repr__ = str.__str__


def _default(value: Any) -> Any:
    if value is inspect.Parameter.empty or value is None or isinstance(value, bool | int | float | str):
        return value
    return _Text("...")


class _Names(ast.NodeTransformer):
    """An annotation of a method as that of a function here, where `float` and `bool` are dtypes."""

    def __init__(self, result: str) -> None:
        self.result = result

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in ("Out", "Self", "Itself"):
            return ast.Name(self.result)
        if node.id == "Size":
            return ast.Name("_Size")
        if hasattr(builtins, node.id) and hasattr(minigrad, node.id):
            return ast.Attribute(ast.Name("builtins"), node.id)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id == "Base":
            return ast.Name("Tensor")
        if isinstance(node.value, ast.Name) and node.value.id == "Literal":
            return node
        return typing.cast(ast.expr, self.generic_visit(node))


def _translated(annotation: str, result: str) -> str:
    return ast.unparse(_Names(result).visit(ast.parse(annotation, mode="eval")))


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
