"""`Module`, the base class of layers and models, and `Parameter`, a tensor that a module trains."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, NoReturn, ParamSpec, Protocol, Self, TypeVar

import numpy as np

from minigrad.engine import tick
from minigrad.grad_mode import mode, no_grad
from minigrad.hooks import RemovableHandle
from minigrad.nn.backward_hooks import Gates
from minigrad.output.absent import no_attribute
from minigrad.output.words import class_name, printable, printable_lines
from minigrad.tensors.conversion import array_from
from minigrad.tensors.creation import zeros_like
from minigrad.tensors.devices import refuse_device
from minigrad.tensors.dtypes import destination
from minigrad.tensors.module_calls import note
from minigrad.tensors.tensor import Tensor


class Parameter(Tensor):
    """A tensor that a module trains. Assigned to an attribute of a `Module`, it appears in `Module.parameters`.

    Args:
        data: a tensor, whose memory the parameter shares, or anything that `minigrad.tensor` takes.
        requires_grad: whether gradients are computed for it; False freezes it.

    >>> from minigrad import nn
    >>> nn.Parameter([1.0, 2.0])
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    has_shape = True  # False before a lazy layer has seen an input

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        self._array = data._array if isinstance(data, Tensor) else array_from(data)
        self._node = None
        self.requires_grad = requires_grad

    def __reduce__(self) -> tuple[Any, ...]:
        restored, (*arguments, _) = super().__reduce__()
        return restored, (*arguments, None)  # a copy has no gradient yet, as in PyTorch

    def _convert(self, dtype: Any) -> None:
        grad = self.grad
        self.data, self.grad = self.detach().to(dtype), None
        self.grad = None if grad is None else grad.detach().to(dtype)

    def materialise(self, p: Parameter) -> None:
        """Take over the shape and values of `p`: of a lazy layer's parameter only."""
        raise RuntimeError("this parameter has a shape and values already")

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Mismatch(NamedTuple):
    """The names that `load_state_dict(strict=False)` did not find: in the given state, and in the module."""

    missing_keys: list[str]
    unexpected_keys: list[str]


_REGISTRIES = ("_parameters", "_buffers", "_modules")
_EXTRA_STATE = "_extra_state"
_LEVELS = 25  # of nested modules that are copied by recursion
_PLAIN = (list, tuple, dict, set)


P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class _Computes(Protocol[P, R]):
    """Gives `module(...)` the signature of the `forward` that its class defines."""

    def forward(self, *inputs: P.args, **options: P.kwargs) -> R: ...


class Module:
    """The base class of all layers and models.

    A subclass creates its parameters and submodules in `__init__`, after calling `super().__init__()`, and computes
    its output in `forward`. Call the module itself, `net(x)`, not `net.forward(x)`: the call runs the hooks.

    Attributes:
        training: True in training mode, False in evaluation mode; set by `train()` and `eval()`.

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
    _pre_hooks: Sequence[Any] = ()
    _hooks: Sequence[Any] = ()
    _backward_pre_hooks: Sequence[Any] = ()
    _backward_hooks: Sequence[Any] = ()

    def __new__(cls, *settings: Any, **_: Any) -> Self:
        _refuse_data(cls, settings)
        return super().__new__(cls)

    def __init__(self) -> None:
        registries: dict[str, Any] = {registry: {} for registry in _REGISTRIES}
        self.__dict__.update(registries, _unsaved=set(), training=True)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter | Module):
            if "_parameters" not in self.__dict__:
                raise AttributeError(
                    f"{class_name(self)}.{printable(name)} was set before super().__init__() was called: call it first"
                )
            registry = self._parameters if isinstance(value, Parameter) else self._modules
            if isinstance(value, Module):
                _check_depth(f"{class_name(self)}.{printable(name)}", value)
            if name not in registry:  # otherwise it keeps its position in the order
                self._forget(name)
            registry[name] = value
            for path, p in [(name, value)] if isinstance(value, Parameter) else value._named_parameters(name):
                p.name = path  # for pictures and errors; each enclosing module puts its own name in front
        elif name in self.__dict__.get("_buffers", ()) and (value is None or isinstance(value, Tensor)):
            self._buffers[name] = value
        elif isinstance(value, Tensor) and self.__dict__.get("_parameters", {}).get(name) is not None:
            raise TypeError(
                f"{class_name(self)}.{printable(name)} is a parameter: assign nn.Parameter(tensor), or write "
                "into it in place"
            )
        elif isinstance(value, Tensor) and self.__dict__.get("_modules", {}).get(name) is not None:
            raise TypeError(
                f"{class_name(self)}.{printable(name)} is a module, and assigning a tensor would replace it: "
                "keep results in local variables, x = self.layer(x)"
            )
        else:
            self._forget(name)
            object.__setattr__(self, name, value)

    def _check_name(self, name: str, registry: str) -> None:
        """Raise if a parameter, buffer or module could not be read back under this name."""
        if not name or "." in name or (getattr(self, name, None) is not None and name not in self.__dict__[registry]):
            raise KeyError(
                f"{class_name(self)}: {name!r} cannot be the name of a {registry[1:-1]}: it is empty, contains "
                "a dot, or is an attribute already"
            )

    def _forget(self, name: str) -> None:
        self.__dict__.get("_unsaved", set()).discard(name)
        for registry in _REGISTRIES:
            self.__dict__.get(registry, {}).pop(name, None)
        self.__dict__.pop(name, None)

    def __getattr__(self, name: str) -> Any:  # called only for what is not an ordinary attribute
        attributes = self.__dict__
        for registry in _REGISTRIES:
            if registry in attributes and name in attributes[registry]:
                return attributes[registry][name]
        if name in _REGISTRIES:
            raise AttributeError(f"{class_name(self)}.__init__ does not call super().__init__(): call it first")
        raise no_attribute(class_name(self), name, lambda: dir(self))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._parameters, *self._buffers, *self._modules]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Copy and pickle modules of any depth: some inner ones come first, so that Python's stack does not grow."""
        reduced: Any = super().__reduce_ex__(protocol)
        function, arguments, *state = reduced
        heights: dict[Module, int] = {}
        for module in reversed([*self.modules()]):  # the inner ones first
            below = [heights.get(child, 0) for child in module._modules.values() if child is not None]
            heights[module] = 1 + max(below, default=0)
        heights.pop(self)
        first = sorted((m for m, height in heights.items() if not height % _LEVELS), key=heights.__getitem__)
        return (_restored_after, (first, function, arguments), *state) if first else (function, arguments, *state)

    def __delattr__(self, name: str) -> None:
        getattr(self, name)
        self._forget(name)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Compute the output of the module. Every subclass defines it.

        Raises:
            NotImplementedError: if the subclass does not.
        """
        raise NotImplementedError(f"{class_name(self)} does not define forward(self, …)")

    def __call__(self: _Computes[P, R], *inputs: P.args, **options: P.kwargs) -> R:
        module: Any = self  # the type above knows forward only
        try:
            if not (module._pre_hooks or module._hooks or module._backward_pre_hooks or module._backward_hooks):
                start = tick()  # the commonest case
                output = module.forward(*inputs, **options)
                if mode.recording:
                    note(module, start, output)
                return output
            for hook in tuple(module._pre_hooks):
                changed = hook(module, inputs, options)
                if changed is not None:
                    inputs, options = changed
            gates: Any = None
            if module._backward_hooks or module._backward_pre_hooks:
                gates = Gates(module, module._backward_pre_hooks, module._backward_hooks)
                inputs = gates.enter(inputs)
            start = tick()
            output = module.forward(*inputs, **options)
            for hook in tuple(module._hooks):
                changed = hook(module, inputs, options, output)
                output = output if changed is None else changed
            if mode.recording:
                note(module, start, output)
            return output if gates is None else gates.leave(output)
        except Exception as error:
            if isinstance(error, TypeError) and error.__traceback__ and error.__traceback__.tb_next is None:
                _, _, message = str(error).rpartition("forward()")  # the call itself failed: name the user's class
                error.args = (f"{class_name(module)}.forward(){message}",)
            module._locate(error)
            raise

    def _locate(self, error: Exception) -> None:
        """Prefix an error's message with the path of the submodule that raised it; each enclosing module extends it."""
        if len(error.args) == 1 and isinstance(error.args[0], str):
            origin, message = error.__dict__.setdefault("_origin", (self, error.args[0]))
            path = next((path for path, module in self.named_modules() if module is origin), "")
            if path:
                error.args = (f"{class_name(self)}.{printable(path)}: {message}",)

    def _register(self, hooks: str, hook: Callable[..., Any], first: bool) -> RemovableHandle:
        """Add a hook to this module's list of this name, which it has from its first hook on."""
        return RemovableHandle(self.__dict__.setdefault(hooks, []), hook, first)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, inputs)` before each `forward`; a return value other than None replaces the inputs.

        Args:
            hook: the function; `inputs` is the tuple of positional arguments.
            prepend: whether to call it before the hooks registered earlier (default False).
            with_kwargs: call `hook(module, inputs, kwargs)` instead; it returns None or a pair (inputs, kwargs).

        Returns:
            A handle; its `remove()` removes the hook.

        >>> from minigrad import nn, ones
        >>> layer = nn.ReLU()
        >>> handle = layer.register_forward_pre_hook(lambda module, inputs: -inputs[0])
        >>> layer(ones(2))
        tensor([0., 0.])
        >>> handle.remove()
        >>> layer(ones(2))
        tensor([1., 1.])
        """
        return self._register("_pre_hooks", partial(_call_pre_hook, hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, inputs, output)` after each `forward`; a return value other than None replaces the output.

        Args:
            hook: the function; `inputs` is the tuple of positional arguments.
            prepend: whether to call it before the hooks registered earlier (default False).
            with_kwargs: call `hook(module, inputs, kwargs, output)` instead.
            always_call: not supported; wrap the call of the module in try and finally.

        Returns:
            A handle; its `remove()` removes the hook.

        Raises:
            NotImplementedError: if `always_call` is True.

        >>> from minigrad import nn, ones
        >>> layer = nn.Linear(3, 2)
        >>> handle = layer.register_forward_hook(lambda module, inputs, output: print(output.shape))
        >>> y = layer(ones(4, 3))
        (4, 2)
        """
        if always_call:
            raise NotImplementedError("register_forward_hook: always_call=True is not supported; use try and finally")
        return self._register("_hooks", hook if with_kwargs else partial(_call_hook, hook), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the backward pass reaches the module's outputs.

        A return value other than None replaces the gradients of the outputs.

        Args:
            hook: the function; `grad_output` is a tuple with one gradient per output.
            prepend: whether to call it before the hooks registered earlier (default False).

        Returns:
            A handle; its `remove()` removes the hook.
        """
        return self._register("_backward_pre_hooks", hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the backward pass has reached the module's inputs.

        A return value other than None replaces the gradients of the inputs. `grad_input` has one entry per positional
        input: None for one that is not a tensor or does not require a gradient. The gradients of the parameters may
        not be complete yet.

        Args:
            hook: the function; `grad_input` and `grad_output` are tuples.
            prepend: whether to call it before the hooks registered earlier (default False).

        Returns:
            A handle; its `remove()` removes the hook.

        >>> from minigrad import nn, ones
        >>> layer = nn.Linear(3, 1)
        >>> handle = layer.register_full_backward_hook(lambda module, grad_input, grad_output: print(grad_output))
        >>> layer(ones(1, 3)).sum().backward()
        (tensor([[1.]]),)
        """
        return self._register("_backward_hooks", hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Register a full backward hook, under PyTorch's old name, which is deprecated there."""
        warnings.warn(
            "register_backward_hook is PyTorch's old name: use register_full_backward_hook",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.register_full_backward_hook(hook)

    # ---- parameters, buffers and submodules --------------------------------------------------------------------

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is not trained but belongs to the module's state, as the running mean of batch norm does.

        A buffer is converted by `to` and saved in `state_dict` with the parameters.

        Args:
            name: the attribute under which the buffer is read.
            tensor: its value, or None for a buffer that is not there yet.
            persistent: whether `state_dict` includes it (default True).

        Raises:
            TypeError: if `tensor` is neither a tensor nor None.
            KeyError: if the name is empty, contains a dot, or is an attribute already.

        >>> from minigrad import nn, zeros
        >>> layer = nn.Linear(2, 1)
        >>> layer.register_buffer("mean", zeros(2))
        >>> layer.mean, [*layer.state_dict()]
        (tensor([0., 0.]), ['weight', 'bias', 'mean'])
        """
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: {name!r} must be a tensor or None, got {class_name(tensor)}")
        self._check_name(name, "_buffers")
        self._forget(name)
        self._buffers[name] = tensor
        if not persistent:
            self._unsaved.add(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set the attribute `name` to a parameter, for names that are computed.

        Raises:
            KeyError: if the name is empty, contains a dot, or is an attribute already.
        """
        self._check_name(name, "_parameters")
        setattr(self, name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """Set the attribute `name` to a submodule, for names that are computed.

        Raises:
            KeyError: if the name is empty, contains a dot, or is an attribute already.
        """
        self._check_name(name, "_modules")
        setattr(self, name, module)

    register_module = add_module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Iterate over this module and all its submodules, each once, with dotted names.

        Args:
            memo: modules to skip; the ones visited are added to it.
            prefix: the name of this module (default "").
            remove_duplicate: whether a module used in several places comes once (default True).

        >>> from minigrad import nn
        >>> [name for name, _ in nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU())).named_modules()]
        ['', '0', '1', '1.0']
        """
        memo = set() if memo is None else memo
        if self not in memo:
            if remove_duplicate:
                memo.add(self)
            yield prefix, self
            for part, child in self._modules.items():
                yield from child.named_modules(memo, f"{prefix}.{part}" if prefix else part, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """Iterate over this module and all its submodules, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Iterate over the immediate submodules, each once, with their names."""
        memo: set[Module] = set()
        for name, child in self._modules.items():
            if child not in memo:
                memo.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """Iterate over the immediate submodules, each once."""
        return (child for _, child in self.named_children())

    def _named(self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        """Iterate over the tensors in this registry (`_parameters` or `_buffers`) of the module and its submodules."""
        seen: set[Tensor] = set()
        for path, module in (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        ):
            for name, tensor in getattr(module, registry).items():
                if tensor is not None and tensor not in seen:
                    if remove_duplicate:
                        seen.add(tensor)
                    yield f"{path}.{name}" if path else name, tensor

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Iterate over all parameters with their dotted names.

        Warns of parameters in plain lists, tuples and dictionaries, which it does not find.

        Args:
            prefix: what the names begin with (default "").
            recurse: whether to include the parameters of submodules (default True).
            remove_duplicate: whether a shared parameter comes once (default True).

        >>> from minigrad import nn
        >>> [name for name, _ in nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).named_parameters()]
        ['0.weight', '0.bias', '2.weight', '2.bias']
        """
        if recurse:
            self.warn_of_unregistered()
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def _named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        return self._named("_parameters", prefix, recurse=True, remove_duplicate=True)

    def _all_parameters(self) -> list[Parameter]:
        return [p for _, p in self._named_parameters()]

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Iterate over all parameters, each once: what an optimizer takes.

        Warns of parameters in plain lists, tuples and dictionaries, which it does not find.

        Args:
            recurse: whether to include the parameters of submodules (default True).

        >>> from minigrad import nn
        >>> sum(p.numel() for p in nn.Linear(4, 3).parameters())
        15
        """
        if recurse:
            self.warn_of_unregistered()
        return (p for _, p in self._named("_parameters", "", recurse, remove_duplicate=True))

    def unregistered(self) -> Iterator[tuple[str, str]]:
        """Iterate over the attributes with parameters that `parameters` does not find.

        Yields:
            The dotted name of the attribute, and what it is and should be.
        """
        known: set[Parameter] | None = None
        for path, module in self.named_modules():
            for name, value in vars(module).items():
                if not isinstance(value, _PLAIN) or not value or name in _REGISTRIES:
                    continue
                found = [*_parameters_in(value, 0)]
                if found and known is None:
                    known = {*self._all_parameters()}
                if any(p.requires_grad and p not in known for _, p in found):  # type: ignore[operator]
                    what = "Module" if any(in_module for in_module, _ in found) else "Parameter"
                    should_be = f"nn.{what}{'Dict' if isinstance(value, dict) else 'List'}"
                    kind = f"a plain {class_name(value)} of {what.lower()}s"
                    yield (
                        printable(f"{path}.{name}" if path else name),
                        f"{kind}, which would not be trained: use {should_be}",
                    )

    def warn_of_unregistered(self, stacklevel: int = 3) -> None:
        """Warn of parameters that `parameters` does not find, see `unregistered`; by default, the caller's caller."""
        for attribute, what in self.unregistered():
            warnings.warn(
                f"{class_name(self)}.{attribute} is {what}; parameters() and state_dict() do not look into it",
                UserWarning,
                stacklevel=stacklevel,
            )

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Iterate over all buffers with their dotted names; see `named_parameters` for the arguments."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Iterate over all buffers, each once; see `parameters` for the argument."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """Return the submodule with this dotted name; "" is the module itself.

        Raises:
            AttributeError: if there is none; the message names those that there are.

        >>> from minigrad import nn
        >>> nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU())).get_submodule("1.0")
        ReLU()
        """
        modules = dict(self.named_modules())
        if target not in modules:
            raise AttributeError(
                f"{class_name(self)} has no submodule {target!r}; it has {sorted(modules.keys() - {''})}"
            )
        return modules[target]

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter with this dotted name.

        Raises:
            AttributeError: if there is none; the message names those that there are.
        """
        return self._find("parameter", dict(self.named_parameters(remove_duplicate=False)), target)

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer with this dotted name.

        Raises:
            AttributeError: if there is none; the message names those that there are.
        """
        return self._find("buffer", dict(self.named_buffers(remove_duplicate=False)), target)

    def _find(self, kind: str, tensors: dict[str, Any], target: str) -> Any:
        if target not in tensors:
            raise AttributeError(f"{class_name(self)} has no {kind} {target!r}; it has {[*tensors]}")
        return tensors[target]

    def apply(self, fn: Callable[[Module], None]) -> Self:
        """Call `fn(module)` on every submodule, children before parents, then on this module; return the module.

        >>> from minigrad import nn
        >>> def init(module):
        ...     if isinstance(module, nn.Linear):
        ...         nn.init.ones_(module.weight)
        >>> nn.Sequential(nn.Linear(2, 1), nn.ReLU()).apply(init)[0].weight.tolist()
        [[1.0, 1.0]]
        """
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode (or evaluation mode, for False) for all submodules; return the module.

        Dropout drops and batch norm uses the batch's own statistics in training mode only.

        Raises:
            TypeError: if `mode` is not True or False.
        """
        if not isinstance(mode, bool):
            raise TypeError(f"train: mode must be True or False, got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set evaluation mode, `train(False)`; return the module.

        >>> from minigrad import nn, ones
        >>> nn.Dropout(0.5).eval()(ones(3))
        tensor([1., 1., 1.])
        """
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset the gradients of all parameters: to None, or to zeros without `set_to_none`."""
        for p in self._all_parameters():
            if p.grad is not None:
                p.grad = None if set_to_none else zeros_like(p.grad)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` of all parameters (False freezes them); return the module.

        >>> from minigrad import nn
        >>> [p.requires_grad for p in nn.Linear(2, 1).requires_grad_(False).parameters()]
        [False, False]
        """
        for p in self._all_parameters():
            p.requires_grad_(requires_grad)
        return self

    def to(self, *args: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False) -> Self:
        """Convert all floating-point parameters and buffers to another dtype, in place; return the module.

        Args:
            args: a dtype, a tensor whose dtype is taken, or the device "cpu", which changes nothing.
            dtype, device: the same, by keyword.
            non_blocking: accepted and ignored.

        Raises:
            TypeError: if the dtype is not float32 or float64.

        >>> import minigrad
        >>> minigrad.nn.Linear(2, 1).to(minigrad.float64).weight.dtype
        dtype('float64')
        """
        dtype = destination("to", args, dtype, device)
        if dtype is None:
            return self
        if dtype.kind != "f":
            raise TypeError(f"to: a module needs a floating-point dtype, got {dtype}")
        for p in self._all_parameters():
            p._convert(dtype)
        for module in self.modules():
            for name, buffer in module._buffers.items():
                if buffer is not None and buffer.dtype.kind == "f":
                    module._buffers[name] = buffer.to(dtype)
        return self

    def type(self, dst_type: Any) -> Self:
        """Convert to the dtype `dst_type`: `to(dst_type)`."""
        return self.to(dst_type)

    def cpu(self) -> Self:
        """Return the module; everything is on the CPU already."""
        return self

    def cuda(self, *_: Any, **__: Any) -> NoReturn:
        """Raise: minigrad runs on the CPU only."""
        refuse_device("cuda()")

    def float(self) -> Self:
        """Convert all floating-point parameters and buffers to float32; return the module."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert all floating-point parameters and buffers to float64; return the module."""
        return self.to(np.float64)

    def get_extra_state(self) -> Any:
        """Return what `state_dict` saves of this module besides tensors, under the name `_extra_state`.

        A subclass overrides it, together with `set_extra_state`. `minigrad.save` writes numbers, strings, tensors, and
        lists and dictionaries of these.

        >>> from minigrad import nn
        >>> class Counter(nn.Module):
        ...     calls = 0
        ...
        ...     def get_extra_state(self):
        ...         return {"calls": self.calls}
        ...
        ...     def set_extra_state(self, state):
        ...         self.calls = state["calls"]
        >>> a, b = Counter(), Counter()
        >>> a.calls = 7
        >>> a.state_dict()
        {'_extra_state': {'calls': 7}}
        >>> _ = b.load_state_dict(a.state_dict())
        >>> b.calls
        7
        """
        raise NotImplementedError(f"{class_name(self)} does not define get_extra_state(self)")

    def set_extra_state(self, state: Any) -> None:
        """Take over what `get_extra_state` has returned; `load_state_dict` calls it."""
        raise NotImplementedError(f"{class_name(self)} does not define set_extra_state(self, state)")

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Any]:
        """Return all parameters and persistent buffers by their dotted names. The tensors share the module's memory.

        Modules that define `get_extra_state` add what it returns, as `_extra_state`.

        Args:
            prefix: what the names begin with (default "").
            keep_vars: whether to return the parameters themselves instead of detached tensors (default False).

        >>> from minigrad import nn
        >>> {name: t.shape for name, t in nn.Linear(2, 3).state_dict().items()}
        {'weight': (3, 2), 'bias': (3,)}
        """
        self.warn_of_unregistered()
        state: dict[str, Any] = {}
        for path, module in self._paths(prefix):
            for name, tensor in module._saved_tensors().items():
                state[path + name] = tensor if keep_vars else tensor.detach()
            if module._overrides("get_extra_state"):
                state[path + _EXTRA_STATE] = module.get_extra_state()
        return state

    def _paths(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Iterate over all submodules, with what the names of their tensors begin with."""
        for path, module in self.named_modules(remove_duplicate=False):
            yield f"{prefix}{path}." if path else prefix, module

    def _saved_tensors(self) -> dict[str, Tensor]:
        """Return the parameters and persistent buffers of this module alone."""
        tensors = {**self._parameters, **{n: b for n, b in self._buffers.items() if n not in self._unsaved}}
        return {name: tensor for name, tensor in tensors.items() if tensor is not None}

    def _overrides(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(Module, method)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Mismatch:
        """Copy values into the parameters and buffers of the same names: all of them, or none.

        Args:
            state_dict: tensors or arrays by name, as from `state_dict()`, `minigrad.load` or an .npz file.
            strict: whether missing and unexpected names are an error (default True).
            assign: whether the parameters and buffers take over the tensors, with their dtypes and their memory,
                instead of copying the numbers (default False).

        Returns:
            The pair (missing_keys, unexpected_keys).

        Raises:
            RuntimeError: if names are missing or unexpected, or shapes differ. Nothing has been changed then.
            TypeError: if `state_dict` is not a dictionary.

        >>> from minigrad import nn
        >>> net, copy = nn.Linear(2, 1), nn.Linear(2, 1)
        >>> copy.load_state_dict(net.state_dict())
        Mismatch(missing_keys=[], unexpected_keys=[])
        >>> bool((net.weight == copy.weight).all())
        True
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(
                f"load_state_dict: expected a dictionary as state_dict() returns it, got {class_name(state_dict)}; "
                "read a file first, minigrad.load(path)"
            )
        own = {path + name: t for path, module in self._paths() for name, t in module._saved_tensors().items()}
        extras = {path + _EXTRA_STATE: module for path, module in self._paths() if module._overrides("set_extra_state")}
        expected = own | extras
        missing = [n for n in expected if n not in state_dict and not _may_be_missing(n, state_dict)]
        unexpected = [name for name in state_dict if name not in expected]
        lazy = {n for n, t in own.items() if not getattr(t, "has_shape", True)}  # they take any shape
        arrays = {
            n: np.asarray(_array_of(state_dict[n]))
            for n in own
            if n in state_dict and not (n in lazy and not getattr(state_dict[n], "has_shape", True))
        }
        wrong = [
            f"{printable(n)}: expected shape {own[n].shape}, got {a.shape}"
            for n, a in arrays.items()
            if n not in lazy and a.shape != own[n].shape
        ]
        if strict:
            wrong += [f"missing: {', '.join(map(printable, missing))}"] * bool(missing)
            wrong += [f"unexpected: {', '.join([printable(str(name)) for name in unexpected])}"] * bool(unexpected)
        if wrong:
            raise RuntimeError(f"load_state_dict into {class_name(self)}: {'; '.join(wrong)}. Nothing was loaded")
        with no_grad():
            for name, array in arrays.items():
                if name in lazy:
                    own[name].materialise(Parameter(array.copy()))  # type: ignore[attr-defined]
                elif assign:
                    own[name].data = state_dict[name]
                else:
                    own[name].detach().copy_(array)
        for name, module in extras.items():
            if name in state_dict:
                module.set_extra_state(state_dict[name])
        return Mismatch(missing, unexpected)

    def extra_repr(self) -> str:
        """Return what the module's repr shows in brackets, before its submodules. Subclasses override it."""
        return ""

    def __repr__(self) -> str:
        parts = [f"({printable(n)}): {module!r}".replace("\n", "\n  ") for n, module in self._modules.items()]
        inner = printable_lines(self.extra_repr())
        if parts:
            inner = "\n  " + "\n  ".join([*([inner] if inner else []), *parts]) + "\n"
        return f"{class_name(self)}({inner})"


def _refuse_data(cls: type, settings: tuple[Any, ...]) -> None:
    """Raise if a layer of this package is created with data: nn.ReLU(x) instead of nn.ReLU()(x)."""
    data = [i for i, value in enumerate(settings) if isinstance(value, Tensor | np.ndarray) and value.ndim]
    if not data or not cls.__module__.startswith("minigrad."):
        return
    names = [*inspect.signature(cls).parameters]
    if len(data) > 1 or not (names[data[0] :] or [""])[0].endswith("weight"):
        name, shape = cls.__name__, settings[data[0]].shape
        raise TypeError(
            f"{name}(…) creates the module and takes its settings, got data of shape {shape}. Create it once, then "
            f"call it: module = nn.{name}(…); module(…)"
        )


def _may_be_missing(name: str, state_dict: Mapping[str, Any]) -> bool:
    """Whether a batch normalization is from before PyTorch 0.4.1, which did not count batches."""
    path, _, last = name.rpartition("num_batches_tracked")
    return not last and f"{path}running_mean" in state_dict


def _restored_after(_: list[Module], function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Return the shell of a copied or unpickled module, once some modules inside it are there."""
    return function(*arguments)


def _check_depth(place: str, module: Module) -> None:
    """Raise if modules are nested so deep that a call of the outermost one would not fit Python's stack."""
    most = sys.getrecursionlimit() // 4  # a level takes up to four calls
    if max(path.count(".") for path, _ in module.named_modules(prefix="m")) >= most:
        raise ValueError(
            f"{printable(place)}: modules must not be nested deeper than {most} levels, because every level calls the "
            "next one. Put the layers into one nn.Sequential, or raise the limit: sys.setrecursionlimit(...)"
        )


def bound_settings(
    module: Module, signature: inspect.Signature, settings: tuple[Any, ...], named: dict[str, Any]
) -> inspect.BoundArguments:
    """Bind arguments to the signature of a module whose signature is computed.

    Raises:
        TypeError: if they do not fit; the message names the module and its arguments.
    """
    try:
        return signature.bind(*settings, **named)
    except TypeError as error:
        takes = ", ".join(signature.parameters) or "no arguments"
        raise TypeError(f"{class_name(module)}: {error}; it takes {takes}") from None


def _parameters_in(value: Any, depth: int) -> Iterator[tuple[bool, Parameter]]:
    """Iterate over the parameters in containers, and whether each belongs to a module there."""
    if isinstance(value, Module):
        yield from ((True, p) for p in value._all_parameters())
    elif isinstance(value, Parameter):
        yield False, value
    elif isinstance(value, _PLAIN) and depth < 5:
        items = value.values() if isinstance(value, dict) else value
        for item in islice(items, 1000):  # a longer one is of data
            yield from _parameters_in(item, depth + 1)


def _array_of(x: Any) -> Any:
    return x._array if isinstance(x, Tensor) else x


def _call_pre_hook(hook: Callable[..., Any], with_kwargs: bool, module: Module, inputs: Any, options: Any) -> Any:
    """Call a forward pre-hook; return None, or the replacement (inputs, options)."""
    changed = hook(module, inputs, options) if with_kwargs else hook(module, inputs)
    if changed is None:
        return None
    if not with_kwargs:
        return changed if isinstance(changed, tuple) else (changed,), options
    if not (isinstance(changed, tuple) and len(changed) == 2 and isinstance(changed[1], dict)):
        raise RuntimeError(
            "a forward pre-hook registered with_kwargs=True must return None or a pair (inputs, kwargs); got "
            f"{class_name(changed)}"
        )
    inputs, options = changed
    return inputs if isinstance(inputs, tuple) else (inputs,), options


def _call_hook(hook: Callable[..., Any], module: Module, inputs: Any, options: Any, output: Any) -> Any:
    return hook(module, inputs, output)
