"""Every operation in one table: a row each, with what to try it on. The tests that go through all operations read it.

Each file of this folder holds the rows of one subject, in a tuple `OPS`; a new file is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil

from ops.table import Op

_FILES = [importlib.import_module(f"ops.{module.name}") for module in pkgutil.iter_modules(__path__)]
OPS: tuple[Op, ...] = tuple(op for file in _FILES for op in getattr(file, "OPS", ()))
"""The table."""
