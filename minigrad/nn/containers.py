"""Modules that hold others: in a row, in a list, under names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from minigrad.nn.module import Module


def _checked(container: str, key: Any, module: Any) -> Module:
    """The module, if it is one."""
    if isinstance(module, Module):
        return module
    kind = f"the class {module.__name__}: write {module.__name__}(…)" if isinstance(module, type) else repr(module)
    raise TypeError(f"{container} takes modules; number {key} is {kind}")


class _Row(Module):
    """Modules under the names 0, 1, 2 …"""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, i: int | slice) -> Any:
        """One of the modules, or for a slice a container of some of them, which shares them."""
        chosen = [*self._modules.values()][i]
        return type(self)(*self._arguments(chosen)) if isinstance(i, slice) else chosen

    @staticmethod
    def _arguments(modules: list[Module]) -> tuple[Any, ...]:
        """What makes a container of these."""
        raise NotImplementedError

    def __setitem__(self, i: int, module: Module) -> None:
        name = [*self._modules][i]
        setattr(self, name, _checked(type(self).__name__, i, module))

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        setattr(self, str(len(self)), _checked(type(self).__name__, len(self), module))
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several at the end."""
        for module in modules:
            self.append(module)
        return self


class Sequential(_Row):
    """Modules one after the other.

    >>> from minigrad import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):  # with names, as in an OrderedDict
            for name, module in modules[0].items():
                setattr(self, name, _checked("Sequential", name, module))
        else:
            self.extend(modules)  # type: ignore[arg-type]

    @staticmethod
    def _arguments(modules: list[Module]) -> tuple[Any, ...]:
        return tuple(modules)

    def forward(self, x: Any) -> Any:
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

    @staticmethod
    def _arguments(modules: list[Module]) -> tuple[Any, ...]:
        return (modules,)


class ModuleDict(Module):
    """Modules under names, whose parameters are found; a plain dictionary would hide them."""

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        for name, module in (modules or {}).items():
            self[name] = module

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def __getitem__(self, name: str) -> Module:
        module: Module = self._modules[name]
        return module

    def __setitem__(self, name: str, module: Module) -> None:
        setattr(self, name, _checked("ModuleDict", name, module))

    def __delitem__(self, name: str) -> None:
        delattr(self, name)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Names and modules."""
        return self._modules.items()
