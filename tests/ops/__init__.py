"""Every operation in one table: a row each, with what to try it on. The tests that go through all operations read it.

Each file of this folder holds the rows of one subject, in a tuple `OPS`; a new file is found by itself.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Iterable
from typing import Any

from ops.table import Op

_FILES = [importlib.import_module(f"ops.{module.name}") for module in pkgutil.iter_modules(__path__)]
OPS: tuple[Op, ...] = tuple(op for file in _FILES for op in getattr(file, "OPS", ()))
"""The table."""


def each_case(ops: Iterable[Op] = OPS) -> list[Any]:
    """(op, shapes, keywords) for every case, as pytest's parameters with readable names.

    All but an operation's first case are marked `slow`, and that too if it has many numbers.
    """
    import pytest

    def marks(i: int, shapes: Any) -> list[Any]:
        return [pytest.mark.slow] if i or sum(map(math.prod, shapes)) > 40 else []

    def label(op: Op, shapes: Any, keywords: dict[str, Any]) -> str:
        parts = ["x".join(map(str, s)) or "()" for s in shapes] + [f"{k}={v}" for k, v in keywords.items()]
        return f"{op.name}-{' '.join(parts)}".replace("\n", "")

    return [
        pytest.param(op, shapes, keywords, id=label(op, shapes, keywords), marks=marks(i, shapes))
        for op in ops
        for i, (shapes, keywords) in enumerate(op.cases)
    ]
