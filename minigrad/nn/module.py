"""Module: a function with parameters, made of others. And Parameter, the tensor that it learns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, NoReturn, Self

import numpy as np

from minigrad.engine import tick
from minigrad.grad_mode import mode, no_grad
from minigrad.hooks import RemovableHandle
from minigrad.nn.backward_hooks import Gates
from minigrad.tensors.conversion import array_from
from minigrad.tensors.creation import zeros_like
from minigrad.tensors.devices import refuse_device
from minigrad.tensors.dtypes import destination
from minigrad.tensors.module_calls import note
from minigrad.tensors.tensor import Tensor


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


class Mismatch(NamedTuple):
    """What `load_state_dict(strict=False)` found on one side only."""

    missing_keys: list[str]
    unexpected_keys: list[str]


_HOOKS = ("_pre_hooks", "_hooks", "_backward_pre_hooks", "_backward_hooks")
_BOOKS = ("_parameters", "_buffers", "_modules")


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
        books: dict[str, Any] = {book: {} for book in _BOOKS}
        self.__dict__.update(books, _unsaved=set(), training=True)
        self.__dict__.update({book: [] for book in _HOOKS})

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
        elif name in self.__dict__.get("_buffers", ()) and (value is None or isinstance(value, Tensor)):
            self._buffers[name] = value
        elif isinstance(value, Tensor) and self.__dict__.get("_parameters", {}).get(name) is not None:
            raise TypeError(f"{type(self).__name__}.{name} is a parameter: assign nn.Parameter(tensor), or write to it")
        elif isinstance(value, Tensor) and self.__dict__.get("_modules", {}).get(name) is not None:
            raise TypeError(
                f"{type(self).__name__}.{name} is a module, and a tensor would take its place: keep results in local "
                "variables, x = self.layer(x)"
            )
        else:
            self._forget(name)
            object.__setattr__(self, name, value)

    def _refuse_name(self, name: str, book: str) -> None:
        """Raise where a parameter, buffer or module could not be read under its name again."""
        if not name or "." in name or (getattr(self, name, None) is not None and name not in self.__dict__[book]):
            raise KeyError(
                f"{type(self).__name__}: {name!r} cannot be the name of a {book[1:-1]}: it is empty, has a dot, or "
                "means something else already"
            )

    def _forget(self, name: str) -> None:
        self.__dict__.get("_unsaved", set()).discard(name)
        for book in _BOOKS:
            self.__dict__.get(book, {}).pop(name, None)
        self.__dict__.pop(name, None)

    def __getattr__(self, name: str) -> Any:  # only asked for what is not an ordinary attribute
        for book in _BOOKS:
            if name in self.__dict__.get(book, {}):
                return self.__dict__[book][name]
        if name in _BOOKS:
            raise AttributeError(f"{type(self).__name__}.__init__ does not call super().__init__(): call it first")
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        getattr(self, name)
        self._forget(name)

    def forward(self, *inputs: Any) -> Any:
        """What the module computes; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward(self, …)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        try:
            for hook in tuple(self._pre_hooks):
                changed = hook(self, inputs, options)
                if changed is not None:
                    inputs, options = changed
            gates = None
            if self._backward_hooks or self._backward_pre_hooks:
                gates = Gates(self, self._backward_pre_hooks, self._backward_hooks)
                inputs = gates.enter(inputs)
            start = tick()
            output = self.forward(*inputs, **options)
            for hook in tuple(self._hooks):
                changed = hook(self, inputs, options, output)
                output = output if changed is None else changed
            if mode.recording:
                note(self, start, output)
            return output if gates is None else gates.leave(output)
        except Exception as error:
            self._locate(error)
            raise

    def _locate(self, error: Exception) -> None:
        """Put the name of the part where an error arose in front of its message; each enclosing module extends it."""
        if len(error.args) == 1 and isinstance(error.args[0], str):
            part, said = error.__dict__.setdefault("_arose", (self, error.args[0]))
            path = next((path for path, module in self.named_modules() if module is part), "")
            if path:
                error.args = (f"{type(self).__name__}.{path}: {said}",)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, inputs)` before each forward; what it returns, unless None, replaces the inputs.

        Args:
            hook: the function.
            prepend: whether to call it before those that are there already.
            with_kwargs: call `hook(module, inputs, kwargs)`, which returns None or a pair of new ones.
        """
        return RemovableHandle(self._pre_hooks, partial(_before, hook, with_kwargs), first=prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, inputs, output)` after each forward; what it returns, unless None, is the output.

        Args:
            hook: the function.
            prepend: whether to call it before those that are there already.
            with_kwargs: call `hook(module, inputs, kwargs, output)`.
            always_call: not supported: wrap the call of the module in try and finally.
        """
        if always_call:
            raise NotImplementedError("register_forward_hook: always_call=True is not supported; use try and finally")
        return RemovableHandle(self._hooks, hook if with_kwargs else partial(_after, hook), first=prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` in the backward pass, before it enters the module; what it returns, unless
        None, replaces the gradients of the outputs.

        Args:
            hook: the function; `grad_output` is a tuple.
            prepend: whether to call it before those that are there already.
        """
        return RemovableHandle(self._backward_pre_hooks, hook, first=prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the backward pass has come to the module's inputs; what
        it returns, unless None, replaces the gradients of the inputs.

        The inputs are the positional ones; where one is no tensor or requires no gradient, there is None. The
        gradients of the parameters may not be ready yet.

        Args:
            hook: the function; `grad_input` and `grad_output` are tuples.
            prepend: whether to call it before those that are there already.

        >>> from minigrad import nn, ones
        >>> layer = nn.Linear(3, 1)
        >>> handle = layer.register_full_backward_hook(lambda module, grad_input, grad_output: print(grad_output))
        >>> layer(ones(1, 3)).sum().backward()
        (tensor([[1.]]),)
        """
        return RemovableHandle(self._backward_hooks, hook, first=prepend)

    # -- the parts -----------------------------------------------------------------------------------------------

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Hold a tensor that is not learnt, but saved and converted with the parameters (unless not `persistent`)."""
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: {name!r} is to be a tensor or None, got {type(tensor).__name__}")
        self._refuse_name(name, "_buffers")
        self._forget(name)
        self._buffers[name] = tensor
        if not persistent:
            self._unsaved.add(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """`self.name = param`, for names that are computed."""
        self._refuse_name(name, "_parameters")
        setattr(self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """`self.name = module`, for names that are computed."""
        self._refuse_name(name, "_modules")
        setattr(self, name, module)

    register_module = add_module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all its parts, each once, with dotted names; without those in `memo`, which grows."""
        memo = set() if memo is None else memo
        if self not in memo:
            if remove_duplicate:
                memo.add(self)
            yield prefix, self
            for part, child in self._modules.items():
                yield from child.named_modules(memo, f"{prefix}.{part}" if prefix else part, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all its parts."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Its immediate parts, each once, with their names."""
        memo: set[Module] = set()
        for name, child in self._modules.items():
            if child not in memo:
                memo.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """Its immediate parts, each once."""
        return (child for _, child in self.named_children())

    def _named(self, book: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        """What stands in this book of the module and its parts, with dotted names."""
        seen: set[Tensor] = set()
        for path, module in (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        ):
            for name, tensor in getattr(module, book).items():
                if tensor is not None and tensor not in seen:
                    if remove_duplicate:
                        seen.add(tensor)
                    yield f"{path}.{name}" if path else name, tensor

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters, each once, with dotted names ('0.weight'); of this module alone without `recurse`."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once; of this module alone without `recurse`."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers, with dotted names; of this module alone without `recurse`."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers; of this module alone without `recurse`."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The part with a dotted name; "" is the module itself.

        Raises:
            AttributeError: when there is none, naming those that there are.
        """
        parts = dict(self.named_modules())
        if target not in parts:
            raise AttributeError(f"{type(self).__name__} has no part {target!r}; it has {sorted(parts.keys() - {''})}")
        return parts[target]

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with a dotted name.

        Raises:
            AttributeError: when there is none, naming those that there are.
        """
        return self._find("parameter", dict(self.named_parameters(remove_duplicate=False)), target)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with a dotted name.

        Raises:
            AttributeError: when there is none, naming those that there are.
        """
        return self._find("buffer", dict(self.named_buffers(remove_duplicate=False)), target)

    def _find(self, kind: str, tensors: dict[str, Any], target: str) -> Any:
        if target not in tensors:
            raise AttributeError(f"{type(self).__name__} has no {kind} {target!r}; it has {[*tensors]}")
        return tensors[target]

    def apply(self, fn: Callable[[Module], None]) -> Self:
        """Call `fn` of every part, the innermost first, and of the module; as for initialising parameters."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set whether this is training, for layers that then behave differently (dropout, batch norm)."""
        if not isinstance(mode, bool):
            raise TypeError(f"train: mode is True or False, not {mode!r}")
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

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` of all parameters: False freezes them."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def to(self, *args: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False) -> Self:
        """Convert all parameters and buffers of floats to a dtype of floats, in place.

        Args:
            args: a dtype, a tensor whose dtype is meant, or the device "cpu", which changes nothing.

        Raises:
            TypeError: for a dtype that is not one of floats, or another device.
        """
        dtype = destination("to", args, dtype, device)
        if dtype is None:
            return self
        if dtype.kind != "f":
            raise TypeError(f"to: a module computes with floats; {dtype} is none")
        for p in self.parameters():
            grad = p.grad
            p.data, p.grad = p.detach().to(dtype), None
            p.grad = None if grad is None else grad.detach().to(dtype)
        for module in self.modules():
            for name, buffer in module._buffers.items():
                if buffer is not None and buffer.dtype.kind == "f":
                    module._buffers[name] = buffer.to(dtype)
        return self

    def type(self, dst_type: Any) -> Self:
        """`to(dst_type)`."""
        return self.to(dst_type)

    def cpu(self) -> Self:
        """The module itself, which is there already."""
        return self

    def cuda(self, *_: Any, **__: Any) -> NoReturn:
        """Not supported."""
        refuse_device("cuda()")

    def float(self) -> Self:
        """As float32."""
        return self.to(np.float32)

    def double(self) -> Self:
        """As float64."""
        return self.to(np.float64)

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """All parameters and saved buffers by their dotted names; the tensors share the module's memory.

        Args:
            prefix: what the names begin with.
            keep_vars: give the parameters themselves, not detached.

        >>> from minigrad import nn
        >>> {name: t.shape for name, t in nn.Linear(2, 3).state_dict().items()}
        {'weight': (3, 2), 'bias': (3,)}
        """
        state = {}
        for path, module in self.named_modules(remove_duplicate=False):
            path = path and f"{path}."
            saved = {n: b for n, b in module._buffers.items() if b is not None and n not in module._unsaved}
            for name, tensor in [*module._parameters.items(), *saved.items()]:
                if tensor is not None:
                    state[f"{prefix}{path}{name}"] = tensor if keep_vars else tensor.detach()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Mismatch:
        """Copy values into the parameters and buffers of the same names. All or nothing.

        Args:
            state_dict: tensors or arrays by name, as from `state_dict()` or an .npz file.
            strict: whether names that are missing, or that the module does not have, are an error.

        Raises:
            RuntimeError: for such names, or shapes that differ; then nothing has been changed.
            TypeError: for what is no dictionary.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(
                f"load_state_dict: takes a dictionary as state_dict() gives, got {type(state_dict).__name__}; one in a "
                "file is read first, minigrad.load(path)"
            )
        own = self.state_dict()
        missing, unexpected = [n for n in own if n not in state_dict], [n for n in state_dict if n not in own]
        arrays = {n: np.asarray(_values(state_dict[n])) for n in own if n in state_dict}
        wrong = [f"{n}: shape {a.shape} for {own[n].shape}" for n, a in arrays.items() if a.shape != own[n].shape]
        if strict:
            wrong += [f"missing: {', '.join(missing)}"] * bool(missing)
            wrong += [f"unexpected: {', '.join(unexpected)}"] * bool(unexpected)
        if wrong:
            raise RuntimeError(f"load_state_dict into {type(self).__name__}: {'; '.join(wrong)}. Nothing was loaded")
        with no_grad():
            for name, array in arrays.items():
                own[name].copy_(array)
        return Mismatch(missing, unexpected)

    def extra_repr(self) -> str:
        """What stands in the brackets of the module's repr."""
        return ""

    def __repr__(self) -> str:
        parts = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in self._modules.items()]
        inner = self.extra_repr()
        if parts:
            inner = "\n  " + "\n  ".join([*([inner] if inner else []), *parts]) + "\n"
        return f"{type(self).__name__}({inner})"


def bound_settings(
    module: Module, signature: inspect.Signature, settings: tuple[Any, ...], named: dict[str, Any]
) -> inspect.BoundArguments:
    """The arguments of a module whose signature was made, not written.

    Raises:
        TypeError: when they do not fit it, with the module's name and what it takes.
    """
    try:
        return signature.bind(*settings, **named)
    except TypeError as error:
        takes = ", ".join(signature.parameters) or "no arguments"
        raise TypeError(f"{type(module).__name__}: {error}; it takes {takes}") from None


def _values(x: Any) -> Any:
    return x._array if isinstance(x, Tensor) else x


def _before(hook: Callable[..., Any], with_kwargs: bool, module: Module, inputs: Any, options: Any) -> Any:
    """What a forward pre-hook makes of the inputs: None, or (inputs, options)."""
    changed = hook(module, inputs, options) if with_kwargs else hook(module, inputs)
    if changed is None:
        return None
    if not with_kwargs:
        return changed if isinstance(changed, tuple) else (changed,), options
    if not (isinstance(changed, tuple) and len(changed) == 2 and isinstance(changed[1], dict)):
        raise RuntimeError("a forward pre-hook with_kwargs returns None or a pair (inputs, kwargs)")
    inputs, options = changed
    return inputs if isinstance(inputs, tuple) else (inputs,), options


def _after(hook: Callable[..., Any], module: Module, inputs: Any, options: Any, output: Any) -> Any:
    return hook(module, inputs, output)
