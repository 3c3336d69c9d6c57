"""Module: a function with parameters, made of others; and the two that everything is built from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from minigrad.arrays import array_from
from minigrad.creation import zeros_like
from minigrad.tensors import Tensor


class Parameter(Tensor):
    """A tensor that a module learns: it requires a gradient, and `Module.parameters` finds it.

    Args:
        data: a tensor, whose memory it shares, or what `minigrad.tensor` takes.
        requires_grad: whether it is to be learnt.
    """

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        self._array = data._array if isinstance(data, Tensor) else array_from(data)
        self._node = None
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Module:
    """The base of all layers and models. A subclass makes its parameters and parts in `__init__`, after
    `super().__init__()`, and computes in `forward`; one calls the module itself.

    >>> from minigrad import nn, tensor
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter([2.0])
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> net = Scale()
    >>> net(tensor([1.0, 3.0]))
    tensor([2., 6.], grad_fn=<mul>)
    >>> [name for name, _ in net.named_parameters()]
    ['factor']
    """

    training: bool

    def __init__(self) -> None:
        self.__dict__.update(_parameters={}, _modules={}, training=True)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter | Module):
            if "_parameters" not in self.__dict__:
                raise AttributeError(
                    f"{type(self).__name__}.{name} is set before super().__init__() was called: call it first"
                )
            book = self._parameters if isinstance(value, Parameter) else self._modules
            if name not in book:  # else it keeps its place in the order
                self._forget(name)
            book[name] = value
            for path, p in [(name, value)] if isinstance(value, Parameter) else value.named_parameters(name):
                p.name = path  # so that pictures and errors know it; each enclosing module puts its own in front
        else:
            self._forget(name)
            object.__setattr__(self, name, value)

    def _forget(self, name: str) -> None:
        for book in ("_parameters", "_modules"):
            self.__dict__.get(book, {}).pop(name, None)
        self.__dict__.pop(name, None)

    def __getattr__(self, name: str) -> Any:  # only asked for what is not an ordinary attribute
        for book in ("_parameters", "_modules"):
            if name in self.__dict__.get(book, {}):
                return self.__dict__[book][name]
        if name in ("_parameters", "_modules"):
            raise AttributeError(f"{type(self).__name__}.__init__ does not call super().__init__(): call it first")
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        getattr(self, name)
        self._forget(name)

    def forward(self, *inputs: Any) -> Any:
        """What the module computes; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward(self, …)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.forward(*inputs, **options)

    def named_modules(self, prefix: str = "", memo: set[Module] | None = None) -> Iterator[tuple[str, Module]]:
        """This module and all its parts, each once, with dotted names; without those in `memo`, which grows."""
        memo = set() if memo is None else memo
        if self not in memo:
            memo.add(self)
            yield prefix, self
            for part, child in self._modules.items():
                yield from child.named_modules(f"{prefix}.{part}" if prefix else part, memo)

    def modules(self) -> Iterator[Module]:
        """This module and all its parts."""
        return (module for _, module in self.named_modules())

    def children(self) -> Iterator[Module]:
        """Its immediate parts."""
        return iter(self._modules.values())

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """All parameters, each once, with dotted names ('0.weight')."""
        seen: set[Parameter] = set()
        for path, module in self.named_modules(prefix):
            for name, p in module._parameters.items():
                if p not in seen:
                    seen.add(p)
                    yield f"{path}.{name}" if path else name, p

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, each once."""
        return (p for _, p in self.named_parameters())

    def train(self, mode: bool = True) -> Self:
        """Set whether this is training, for layers that then behave differently (dropout, batch norm)."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """`train(False)`."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients: `.grad` is None again, or 0."""
        for p in self.parameters():
            p.grad = None if set_to_none or p.grad is None else zeros_like(p.grad)

    def extra_repr(self) -> str:
        """What stands in the brackets of the module's repr."""
        return ""

    def __repr__(self) -> str:
        parts = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in self._modules.items()]
        inner = self.extra_repr()
        if parts:
            inner = "\n  " + "\n  ".join([*([inner] if inner else []), *parts]) + "\n"
        return f"{type(self).__name__}({inner})"


class Sequential(Module):
    """Modules one after the other.

    >>> from minigrad import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *modules: Module) -> None:
        super().__init__()
        for i, module in enumerate(modules):
            if not isinstance(module, Module):
                kind = (
                    f"the class {module.__name__}: write {module.__name__}(…)"
                    if isinstance(module, type)
                    else repr(module)
                )
                raise TypeError(f"Sequential takes modules; number {i} is {kind}")
            setattr(self, str(i), module)

    def forward(self, x: Any) -> Any:
        """The output of the last, of the one before, … of the first, of x."""
        for module in self._modules.values():
            x = module(x)
        return x

    def __len__(self) -> int:
        return len(self._modules)

    def __getitem__(self, i: int) -> Module:
        modules: list[Module] = list(self._modules.values())
        return modules[i]

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())
