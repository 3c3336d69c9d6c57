"""Modules that hold others, or parameters: in a row, in a list, under names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from minigrad.nn.module import Module, Parameter
from minigrad.tensors.tensor import Tensor


def _module(container: str, key: Any, module: Any) -> Module:
    """The module, if it is one."""
    if isinstance(module, Module):
        return module
    kind = f"the class {module.__name__}: write {module.__name__}(…)" if isinstance(module, type) else repr(module)
    if container == "Sequential" and isinstance(module, list | tuple):
        kind = f"a {type(module).__name__}: hand over its modules one by one, Sequential(*layers)"
    raise TypeError(f"{container} takes modules; number {key} is {kind}")


def _parameter(container: str, key: Any, value: Any) -> Parameter:
    """The value as a parameter, if it can be one."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{container} takes parameters and tensors; number {key} is a {type(value).__name__}")
    return value if isinstance(value, Parameter) else Parameter(value)


class _Holder(Module):
    """A module that is its items: those in one of its books."""

    _book = "_modules"
    _checked = staticmethod(_module)

    @property
    def _items(self) -> dict[str, Any]:
        items: dict[str, Any] = self.__dict__[self._book]
        return items

    def __len__(self) -> int:
        return len(self._items)


# ---- in a row --------------------------------------------------------------------------------------------------


class _Row(_Holder):
    """Items under the names 0, 1, 2 …"""

    _slices_keep_names = False

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items.values())

    def __getitem__(self, i: int | slice) -> Any:
        """One of the items, or for a slice a container of some of them, which shares them."""
        if not isinstance(i, slice):
            return [*self._items.values()][self._place(i)]
        row = self._empty()
        for new, (name, item) in enumerate([*self._items.items()][i]):
            row._items[name if self._slices_keep_names else str(new)] = item
        return row

    def _empty(self) -> Self:
        row = type(self).__new__(type(self))
        Module.__init__(row)
        row.training = self.training
        return row

    def _place(self, i: int) -> int:
        """i counted from 0."""
        if isinstance(i, bool) or not isinstance(i, int | np.integer):
            raise TypeError(f"{type(self).__name__}: an index is an integer, got {i!r}")
        if not -len(self) <= i < len(self):
            raise IndexError(f"{type(self).__name__}: there is no number {i} among {len(self)}")
        return int(i) % len(self)

    def __setitem__(self, i: int, item: Any) -> None:
        setattr(self, [*self._items][self._place(i)], self._checked(type(self).__name__, i, item))

    def __delitem__(self, i: int | slice) -> None:
        items = [*self]
        del items[i if isinstance(i, slice) else self._place(i)]
        self._renumber(items)

    def _renumber(self, items: list[Any]) -> None:
        self._items.clear()
        self.extend(items)

    def append(self, item: Any) -> Self:
        """Add one at the end."""
        setattr(self, str(len(self)), self._checked(type(self).__name__, len(self), item))
        return self

    def extend(self, items: Iterable[Any]) -> Self:
        """Add several at the end."""
        for item in [*items]:
            self.append(item)
        return self

    def insert(self, index: int, item: Any) -> Self:
        """Add one in front of that with this index."""
        items = [*self]
        items.insert(index, self._checked(type(self).__name__, index, item))
        self._renumber(items)
        return self

    def pop(self, i: int = -1) -> Any:
        """Take one out."""
        item = self[i]
        del self[i]
        return item

    def __add__(self, other: Iterable[Any]) -> Self:
        return self._empty().extend([*self, *other])

    def __iadd__(self, other: Iterable[Any]) -> Self:
        return self.extend(other)


class Sequential(_Row):
    """Modules one after the other.

    >>> from minigrad import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    _slices_keep_names = True

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):  # with names, as in an OrderedDict
            for name, module in modules[0].items():
                setattr(self, name, _module("Sequential", name, module))
        else:
            self.extend(modules)

    def forward(self, x: Any) -> Tensor:
        """The output of the last, of the one before, … of the first, of x."""
        for module in self._modules.values():
            x = module(x)
        return x


class ModuleList(_Row):
    """A list of modules, whose parameters are found; a plain list would hide them.

    >>> from minigrad import nn
    >>> layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
    >>> len(layers), len(list(layers.parameters()))
    (3, 6)
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def __repr__(self) -> str:
        """As of any module, but neighbours that look the same are shown once: `(0-5): 6 x Block(…)`."""
        runs: list[tuple[int, int, str]] = []
        for i, text in enumerate(map(repr, self)):
            first = runs.pop()[0] if runs and runs[-1][2] == text else i
            runs.append((first, i, text))
        lines = [f"({a}): {text}" if a == b else f"({a}-{b}): {b - a + 1} x {text}" for a, b, text in runs]
        inner = "\n".join(lines).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {inner}\n)" if runs else f"{type(self).__name__}()"


class ParameterList(_Row):
    """A list of parameters, which are found; a plain list would hide them. Tensors become parameters.

    >>> from minigrad import nn, ones
    >>> weights = nn.ParameterList([ones(2, 2) for _ in range(3)])
    >>> len(weights), [name for name, _ in weights.named_parameters()]
    (3, ['0', '1', '2'])
    """

    _book = "_parameters"
    _checked = staticmethod(_parameter)  # type: ignore[assignment]

    def __init__(self, values: Iterable[Any] = ()) -> None:
        super().__init__()
        self.extend(values)

    def __repr__(self) -> str:
        return _listing(self)


# ---- under names -----------------------------------------------------------------------------------------------


class _Named(_Holder):
    """What ModuleDict and ParameterDict have of a dictionary."""

    def __init__(self, items: Any = None) -> None:
        super().__init__()
        self.update({} if items is None else items)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __contains__(self, name: str) -> bool:
        return name in self._items

    def __getitem__(self, name: str) -> Any:
        if name not in self._items:
            raise KeyError(f"{type(self).__name__} has no {name!r}; it has {[*self]}")
        return self._items[name]

    def __setitem__(self, name: str, item: Any) -> None:
        kind = type(self).__name__
        if not isinstance(name, str):
            raise TypeError(f"{kind}: the names are strings, got {name!r}")
        if not name or "." in name or (name not in self._items and hasattr(self, name)):
            raise KeyError(f"{kind}: {name!r} cannot be a name here: it is empty, has a dot, or means something else")
        setattr(self, name, self._checked(kind, name, item))

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._items.keys()

    def values(self) -> Iterable[Any]:
        """What stands under them."""
        return self._items.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Both."""
        return self._items.items()

    def update(self, items: Any) -> None:
        """Take on those of a mapping, or of pairs."""
        for name, item in items.items() if hasattr(items, "items") else items:
            self[name] = item

    def pop(self, name: str) -> Any:
        """Take one out."""
        item = self[name]
        del self._items[name]
        return item

    def clear(self) -> None:
        """Take out all."""
        self._items.clear()


class ModuleDict(_Named):
    """Modules under names, whose parameters are found; a plain dictionary would hide them."""


class ParameterDict(_Named):
    """Parameters under names; tensors become parameters.

    >>> from minigrad import nn, ones
    >>> [name for name, _ in nn.ParameterDict({"w": ones(2), "b": ones(1)}).named_parameters()]
    ['w', 'b']
    """

    _book = "_parameters"
    _checked = staticmethod(_parameter)  # type: ignore[assignment]

    def __repr__(self) -> str:
        return _listing(self)


def _listing(module: Module) -> str:
    lines = [f"  ({name}): Parameter of {p.dtype}, shape {p.shape}" for name, p in module._parameters.items()]
    return "\n".join([f"{type(module).__name__}(", *lines, ")"]) if lines else f"{type(module).__name__}()"
