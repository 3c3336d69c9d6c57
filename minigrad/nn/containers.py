"""Containers: modules that hold modules or parameters, in a sequence, in a list or by name."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn, Self

import numpy as np

from minigrad.nn.module import Module, Parameter
from minigrad.output.words import class_name, printable
from minigrad.tensors.tensor import Tensor


def _as_module(container: str, key: Any, module: Any) -> Module:
    """Return the module; raise a TypeError if it is none."""
    if isinstance(module, Module):
        return module
    kind = f"the class {module.__name__}: call it, {module.__name__}(…)" if isinstance(module, type) else repr(module)
    if inspect.isfunction(module) or inspect.ismethod(module):
        kind = f"the function {module.__name__}: write a module that calls it, or use one, such as nn.ReLU() for relu"
    kind = printable(kind)
    if container == "Sequential" and isinstance(module, list | tuple):
        kind = f"a {class_name(module)}: pass its modules one by one, Sequential(*layers)"
    raise TypeError(f"{container}: item {key!r} must be a module, got {kind}")


def _as_parameter(container: str, key: Any, value: Any) -> Parameter:
    """Return the value as a parameter; raise a TypeError if it is no tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{container}: item {key!r} must be a parameter or a tensor, got {class_name(value)}")
    return value if isinstance(value, Parameter) else Parameter(value)


class _Container(Module):
    """The base class of containers, whose items are the entries of one of the module's registries."""

    _registry = "_modules"
    _check_item = staticmethod(_as_module)

    @property
    def _items(self) -> dict[str, Any]:
        items: dict[str, Any] = self.__dict__[self._registry]
        return items

    def __len__(self) -> int:
        return len(self._items)


# ---- by index --------------------------------------------------------------------------------------------------


class _ListContainer(_Container):
    """A container whose items are named by their index: 0, 1, 2, …"""

    _slices_keep_names = False

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items.values())

    def __getitem__(self, i: int | slice) -> Any:
        """Return one item; for a slice, a container that shares some of them."""
        if not isinstance(i, slice):
            return [*self._items.values()][self._position(i)]
        part = self._empty()
        for new, (name, item) in enumerate([*self._items.items()][i]):
            part._items[name if self._slices_keep_names else str(new)] = item
        return part

    def _empty(self) -> Self:
        part = type(self).__new__(type(self))
        Module.__init__(part)
        part.training = self.training
        return part

    def _position(self, i: int) -> int:
        """Return the index counted from 0; negative ones count from the end."""
        if isinstance(i, bool) or not isinstance(i, int | np.integer):
            raise TypeError(f"{class_name(self)}: the index must be an integer, got {i!r}")
        if not -len(self) <= i < len(self):
            raise IndexError(f"{class_name(self)}: the index {i} is out of range for {len(self)} items")
        return int(i) % len(self)

    def __setitem__(self, i: int, item: Any) -> None:
        setattr(self, [*self._items][self._position(i)], self._check_item(class_name(self), i, item))

    def __delitem__(self, i: int | slice) -> None:
        items = [*self]
        del items[i if isinstance(i, slice) else self._position(i)]
        self._renumber(items)

    def _renumber(self, items: list[Any]) -> None:
        self._items.clear()
        self.extend(items)

    def append(self, item: Any) -> Self:
        """Add an item at the end, and return the container."""
        setattr(self, str(len(self)), self._check_item(class_name(self), len(self), item))
        return self

    def extend(self, items: Iterable[Any]) -> Self:
        """Add several items at the end, and return the container."""
        if not isinstance(items, Iterable):
            raise TypeError(f"{class_name(self)}: takes a list of items, got {class_name(items)}: put it into a list")
        for item in [*items]:
            self.append(item)
        return self

    def insert(self, index: int, item: Any) -> Self:
        """Insert an item before that with this index, and return the container."""
        items = [*self]
        items.insert(index, self._check_item(class_name(self), index, item))
        self._renumber(items)
        return self

    def pop(self, i: int = -1) -> Any:
        """Remove an item, by default the last, and return it."""
        item = self[i]
        del self[i]
        return item

    def __add__(self, other: Iterable[Any]) -> Self:
        return self._empty().extend([*self, *other])

    def __iadd__(self, other: Iterable[Any]) -> Self:
        return self.extend(other)


class Sequential(_ListContainer):
    """y = module[-1](… module[1](module[0](x))): call modules in sequence, each with the output of the one before.

    Args:
        modules: the modules; or one mapping from names to modules.

    Shape: that of the first module's input -> that of the last one's output.

    Raises:
        TypeError: if an item is not a module.

    >>> from minigrad import nn, ones
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> net
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    >>> net(ones(5, 2)).shape
    (5, 3)
    >>> net[0]
    Linear(in_features=2, out_features=3, bias=True)
    """

    _slices_keep_names = True

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                setattr(self, name, _as_module("Sequential", name, module))
        else:
            self.extend(modules)

    def forward(self, input: Any) -> Tensor:
        """Return the output of the last module."""
        for module in self._modules.values():
            input = module(input)
        return input


class ModuleList(_ListContainer):
    """A list of modules whose parameters `Module.parameters` finds; it does not look into plain lists.

    It has the methods of a list (`append`, `extend`, `insert`, `pop`, indices and slices), and no `forward`.

    Args:
        modules: the modules (default: none).

    Raises:
        TypeError: if an item is not a module.

    >>> from minigrad import nn
    >>> layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
    >>> len(layers), len(list(layers.parameters()))
    (3, 6)
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def forward(self, *_: Any, **__: Any) -> NoReturn:
        """Raise: a list has no order of calls."""
        raise NotImplementedError("ModuleList is not called: loop over it, x = layer(x), or use nn.Sequential(*layers)")

    def __repr__(self) -> str:
        """As for any module, with neighbours that look the same shown once: `(0-5): 6 x Block(…)`."""
        runs: list[tuple[int, int, str]] = []
        for i, text in enumerate(map(repr, self)):
            first = runs.pop()[0] if runs and runs[-1][2] == text else i
            runs.append((first, i, text))
        lines = [f"({a}): {text}" if a == b else f"({a}-{b}): {b - a + 1} x {text}" for a, b, text in runs]
        inner = "\n".join(lines).replace("\n", "\n  ")
        return f"{class_name(self)}(\n  {inner}\n)" if runs else f"{class_name(self)}()"


class ParameterList(_ListContainer):
    """A list of parameters that `Module.parameters` finds; it does not look into plain lists.

    It has the methods of a list (`append`, `extend`, `insert`, `pop`, indices and slices).

    Args:
        values: parameters, or tensors, which become parameters (default: none).

    Raises:
        TypeError: if an item is not a tensor.

    >>> from minigrad import nn, ones
    >>> weights = nn.ParameterList([ones(2, 2) for _ in range(3)])
    >>> len(weights), [name for name, _ in weights.named_parameters()]
    (3, ['0', '1', '2'])
    """

    _registry = "_parameters"
    _check_item = staticmethod(_as_parameter)  # type: ignore[assignment]

    def __init__(self, values: Iterable[Any] = ()) -> None:
        super().__init__()
        self.extend(values)

    def __repr__(self) -> str:
        return _parameters_repr(self)


# ---- by name -----------------------------------------------------------------------------------------------


class _DictContainer(_Container):
    """A container with the methods of a dictionary."""

    def __init__(self, items: Any = None) -> None:
        super().__init__()
        self.update({} if items is None else items)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __contains__(self, name: str) -> bool:
        return name in self._items

    def __getitem__(self, name: str) -> Any:
        if name not in self._items:
            raise KeyError(f"{class_name(self)} has no item {name!r}; it has {[*self]}")
        return self._items[name]

    def __setitem__(self, name: str, item: Any) -> None:
        kind = class_name(self)
        if not isinstance(name, str):
            raise TypeError(f"{kind}: a name must be a string, got {name!r}")
        if not name or "." in name or (name not in self._items and hasattr(self, name)):
            raise KeyError(f"{kind}: {name!r} cannot be a name: it is empty, has a dot, or is an attribute already")
        setattr(self, name, self._check_item(kind, name, item))

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._items.keys()

    def values(self) -> Iterable[Any]:
        """Return the items without their names."""
        return self._items.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return pairs of name and item."""
        return self._items.items()

    def update(self, items: Any) -> None:
        """Add the items of a mapping, or of pairs of name and item."""
        for name, item in items.items() if hasattr(items, "items") else items:
            self[name] = item

    def pop(self, name: str) -> Any:
        """Remove an item and return it."""
        item = self[name]
        del self._items[name]
        return item

    def clear(self) -> None:
        """Remove all items."""
        self._items.clear()


class ModuleDict(_DictContainer):
    """A dictionary of modules whose parameters `Module.parameters` finds; it does not look into plain ones.

    Args:
        modules: a mapping from names to modules, or pairs of name and module (default: none).

    Raises:
        TypeError: if a name is not a string, or an item not a module.
        KeyError: if a name is empty, has a dot or is an attribute already.

    >>> from minigrad import nn
    >>> heads = nn.ModuleDict({"policy": nn.Linear(4, 2), "value": nn.Linear(4, 1)})
    >>> heads["value"]
    Linear(in_features=4, out_features=1, bias=True)
    >>> [name for name, _ in heads.named_parameters()]
    ['policy.weight', 'policy.bias', 'value.weight', 'value.bias']
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__(modules)


class ParameterDict(_DictContainer):
    """A dictionary of parameters that `Module.parameters` finds; it does not look into plain ones.

    Args:
        parameters: a mapping from names to parameters, or pairs of both; tensors become parameters (default: none).

    Raises:
        TypeError: if a name is not a string, or an item not a tensor.
        KeyError: if a name is empty, has a dot or is an attribute already.

    >>> from minigrad import nn, ones
    >>> [name for name, _ in nn.ParameterDict({"w": ones(2), "b": ones(1)}).named_parameters()]
    ['w', 'b']
    """

    _registry = "_parameters"
    _check_item = staticmethod(_as_parameter)  # type: ignore[assignment]

    def __init__(self, parameters: Any = None) -> None:
        super().__init__(parameters)

    def __repr__(self) -> str:
        return _parameters_repr(self)


def _parameters_repr(module: Module) -> str:
    """Return the repr of a container of parameters: the dtype and shape of each."""
    lines = [
        f"  ({printable(name)}): Parameter of {p.dtype}, shape {p.shape}" for name, p in module._parameters.items()
    ]
    return "\n".join([f"{class_name(module)}(", *lines, ")"]) if lines else f"{class_name(module)}()"
