"""Functions with other globals: rebuilt so that they see arrays and functions of NumPy that record.

So are the functions, modules, classes and objects that they use. Nothing of the caller's program changes.
"""

from __future__ import annotations

import functools
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from minigrad.program.recorded_arrays import CREATION, NUMPY, REPLACED, Array, Float, Namespace, Plain
from minigrad.tensors.tensor import Tensor

PACKAGES = tuple(f"{Path(module.__file__ or '').parent}{'/'}" for module in (np, sys.modules["minigrad"]))
"""Where the code lies that is not the learner's."""
_LIBRARIES = PACKAGES + tuple(f"{sysconfig.get_path(name)}{'/'}" for name in ("stdlib", "purelib", "platlib"))
"""Where modules and classes lie that are not the learner's."""
LARGE = 1 << 14
"""The number of elements above which a constant of the program is not recorded."""


class Rebinding:
    """Rebuild functions so that they, and the functions that they call, see the replacements.

    Args:
        values: the arrays that record, by node, to which those of the program are added; None: they do not record.
        names: the names of nodes, to which those of created arrays are added.
        created: whether what `np.arange` and `np.random` return records, too.
    """

    def __init__(self, values: dict[Any, np.ndarray] | None, names: dict[Any, str], created: bool = False) -> None:
        self.values, self.names = values, names
        self.numpy = Namespace(np, CREATION | self._creators()) if created else NUMPY
        self.created: list[np.ndarray] = []
        self.arrays: dict[int, Any] = {}
        self.globals: dict[int, dict[str, Any]] = {}
        self.functions: dict[int, Any] = {}
        self.classes: dict[int, type] = {}
        self.objects: dict[int, Any] = {}

    def __call__(self, x: Any) -> Any:
        if x is np:
            return self.numpy
        if id(x) in REPLACED:
            return REPLACED[id(x)]
        if isinstance(x, FunctionType) and not x.__code__.co_filename.startswith(_LIBRARIES):
            return self.functions[id(x)] if id(x) in self.functions else self._function(x)
        if isinstance(x, MethodType) and isinstance(x.__func__, FunctionType):
            return MethodType(self(x.__func__), self(x.__self__))
        if isinstance(x, functools.partial):
            return functools.partial(self(x.func), *map(self, x.args), **{k: self(v) for k, v in x.keywords.items()})
        if type(x) is np.ndarray and x.dtype.kind == "f":
            return self._array(x)
        if type(x) in (list, tuple):
            return type(x)(map(self, x)) if any(map(_may_record, x)) else x
        if type(x) is dict and any(map(_may_record, x.values())):
            return {k: self(v) for k, v in x.items()}
        if isinstance(x, ModuleType) and _is_learners(x):
            return Namespace(x, self._globals(vars(x)))
        if isinstance(x, type):
            return self._class(x)
        return self._object(x)

    def _creators(self) -> dict[str, Any]:
        """Functions of NumPy that make arrays of numbers, as arrays that record."""

        def recorded(create: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **options: Any) -> Any:
                made = np.asarray(create(*args, **options), float)
                self.created.append(made)  # so that its id stays unique
                array = self._array(made)
                if isinstance(array, Array):
                    self.names[array.tensor.node] = f"{create.__name__}(...)"
                return array

            return call

        drawn = ("rand", "randn", "random", "random_sample", "normal", "uniform", "standard_normal")
        random = Namespace(np.random, {name: recorded(getattr(np.random, name)) for name in drawn})
        return {"random": random, **{name: recorded(getattr(np, name)) for name in ("arange", "linspace", "eye")}}

    def _array(self, x: np.ndarray) -> Any:
        if self.values is None or x.size > LARGE:
            return x.view(Plain)
        if id(x) not in self.arrays:
            t = Tensor(x.astype(float), requires_grad=True)
            self.values[t.node] = np.array(x, float)
            self.arrays[id(x)] = Array(t)
        return self.arrays[id(x)]

    def _function(self, f: FunctionType) -> Any:
        names = self._globals(f.__globals__)
        cells = tuple([CellType() for _ in f.__closure__ or ()])
        new = FunctionType(f.__code__, names, f.__name__, None, cells)
        self.functions[id(f)] = new
        new.__defaults__ = None if f.__defaults__ is None else tuple(map(self, f.__defaults__))
        new.__kwdefaults__ = f.__kwdefaults__
        for cell, given in zip(cells, f.__closure__ or ()):
            try:
                cell.cell_contents = self(given.cell_contents)
            except ValueError:  # an empty cell
                continue
        return new

    def _class(self, cls: type) -> type:
        """Return a class whose methods, and those of its bases, see the replacements."""
        if type(cls) is not type or not _is_learners(sys.modules.get(cls.__module__)) or "__slots__" in vars(cls):
            return cls
        if id(cls) not in self.classes:
            bases = tuple(map(self._class, cls.__bases__))
            try:
                self.classes[id(cls)] = new = type(cls.__name__, bases, {"__module__": cls.__module__})
                for name, value in vars(cls).items():
                    if name not in ("__dict__", "__weakref__", "__module__"):
                        setattr(new, name, self._attribute(value))
            except Exception:  # a class that no other can be made like, such as one of typing's generic classes
                self.classes[id(cls)] = cls
        return self.classes[id(cls)]

    def _attribute(self, x: Any) -> Any:
        if isinstance(x, staticmethod | classmethod):
            return type(x)(self(x.__func__))
        if isinstance(x, property):
            return property(self(x.fget), self(x.fset), self(x.fdel))
        return self(x)

    def _object(self, x: Any) -> Any:
        """Return a copy of an object of a class of the learner, which keeps what the function writes to it."""
        if id(x) not in self.objects and (cls := self._class(type(x))) is not type(x) and hasattr(x, "__dict__"):
            new: Any = object.__new__(cls)
            self.objects[id(x)] = new
            vars(new).update({name: self(value) for name, value in vars(x).items()})
        return self.objects.get(id(x), x)

    def _globals(self, given: dict[str, Any]) -> dict[str, Any]:
        if id(given) not in self.globals:
            self.globals[id(given)] = names = {"float": Float, **given}
            for name, value in given.items():
                if not name.startswith("__"):
                    names[name] = self(value)
        return self.globals[id(given)]


def _is_learners(module: Any) -> bool:
    """Return whether a module is part of the learner's program: not of Python, nor installed."""
    if module is None or module.__name__ in sys.builtin_module_names:
        return False
    return not (getattr(module, "__file__", None) or "").startswith(_LIBRARIES)


def _may_record(x: Any) -> bool:
    return not isinstance(x, int | float | str | None)
