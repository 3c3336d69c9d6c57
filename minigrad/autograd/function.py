"""Function: an operation with a user-defined derivative, as in PyTorch.

Its application is recorded as a node, like that of a primitive. If it returns several tensors, an `OutputNode` for each
of them follows this node; the gradients of all outputs are collected there.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from minigrad.engine import tick
from minigrad.grad_mode import enable_grad, is_grad_enabled, mode, no_grad, run_in_mode
from minigrad.hooks import notify, watchers
from minigrad.output.words import class_name, printable
from minigrad.primitives.primitive import Primitive
from minigrad.tensors import saved
from minigrad.tensors.node import ArrayNode, transpose_vjp, unbroadcast
from minigrad.tensors.operand_info import describe_constants
from minigrad.tensors.tensor import Tensor, wrap


class FunctionCtx:
    """The context that `forward` passes to `backward`; any further attribute may be set on it.

    Attributes:
        needs_input_grad: for each argument, True if its gradient is needed.
    """

    needs_input_grad: tuple[bool, ...]

    def __init__(self, name: str) -> None:
        self._name = name
        self._saved: tuple[Tensor | None, ...] | None = ()
        self._constant: tuple[Tensor, ...] = ()
        self._materialize = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Save tensors for `backward`, which raises if they are written to in the meantime.

        Inputs and outputs are restored at their nodes of the graph, so that `backward` can be differentiated too.

        Raises:
            TypeError: for anything but tensors and None; set other values as attributes of the context.
        """
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"{self._name}: save_for_backward takes tensors, but its argument {i} is of type "
                    f"{class_name(t)}; set it on the context itself: ctx.name = value"
                )
        self._saved = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Save tensors for `jvp`: the same as for `backward`.

        Raises:
            NotImplementedError: if they are not the same.
        """
        if not self._saved:
            self.save_for_backward(*tensors)
        elif [*map(id, tensors)] != [*map(id, self._saved)]:
            raise NotImplementedError(f"{self._name}: save the same tensors for forward as for backward")

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors that were passed to `save_for_backward`.

        Raises:
            RuntimeError: outside of forward and backward.
        """
        if self._saved is None:
            raise RuntimeError(f"{self._name}: saved_tensors are available in backward only")
        return self._saved

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """Mark outputs that pass no gradient back. Outputs that are not floats pass none in any case."""
        self._constant = outputs

    def mark_dirty(self, *inputs: Tensor) -> None:
        """Raise: not supported, as a Function must return new tensors."""
        raise NotImplementedError(
            f"{self._name}: mark_dirty is not supported; do not write to an input in forward, return a new tensor"
        )

    def set_materialize_grads(self, value: bool) -> None:
        """Set whether `backward` gets zeros (True, the default) or None for an output without a gradient."""
        self._materialize = value


class Function:
    """Base class of operations with a user-defined derivative. A subclass defines two static methods:

    `forward(ctx, *args)` computes one tensor or a tuple of tensors from its arguments, which may be of any type;
    nothing in it is recorded. (Or `forward(*args)` and `setup_context(ctx, inputs, output)`, which sets the context.)

    `backward(ctx, *grads)` takes the gradient of each output and returns one for each argument of `forward`, None for
    an argument that needs none: the vector-Jacobian product. If it computes with Tensors alone, it can itself be
    differentiated.

    A third method, `jvp(ctx, *tangents)`, may compute the tangents of the outputs from those of the arguments. Without
    it, forward mode differentiates `backward`.

    Call the operation as `TheClass.apply(*args)`, and check it with `gradcheck`.

    >>> class Cube(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x**2
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> Cube.apply(x).sum().backward()
    >>> x.grad
    tensor([ 3., 12.])
    """

    def __init__(self, *args: Any) -> None:
        raise TypeError(f"a Function must not be instantiated; call {class_name(self)}.apply(...)")

    @staticmethod
    def forward(*args: Any, **options: Any) -> Any:
        """Compute the output; subclasses define it."""
        raise NotImplementedError("this Function defines no static method forward(ctx, ...)")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Set the context for `backward`, if `forward` takes no context."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Compute the gradients of the arguments from those of the outputs; subclasses define it."""
        raise NotImplementedError(f"{ctx._name} defines no static method backward(ctx, *grads)")

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """Compute the tangents of the outputs, for forward mode; subclasses may define it."""

    @classmethod
    def _forward(cls, ctx: Any, args: tuple[Any, ...]) -> Any:
        """Call `forward` with the context, or `forward` and `setup_context`."""
        if cls.setup_context is Function.setup_context:
            return cls.forward(ctx, *args)
        result = cls.forward(*args)
        cls.setup_context(ctx, args, result)
        return result

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Compute the output, and record the operation if an argument requires a gradient."""
        ctx: Any = FunctionCtx(printable(cls.__name__))
        primitive = _primitive(cls, len(args))  # type: ignore[arg-type]
        inputs = tuple([a.node if isinstance(a, Tensor) else None for a in args])
        ctx.needs_input_grad = tuple([n is not None for n in inputs])
        if mode.opens_functions:
            return cls._forward(ctx, args)
        start = tick()
        result = run_in_mode(False, cls._forward, ctx, args)
        outputs = list(result) if isinstance(result, tuple) else [result]
        _check_outputs(printable(cls.__name__), outputs, isinstance(result, tuple))
        tensors = [a for a in args if isinstance(a, Tensor)]
        arrays = tuple([t._array for t in tensors])
        if saved.last_event > start and (overwritten := saved.find_overwritten(arrays, start, None)) is not None:
            raise NotImplementedError(
                f"{printable(cls.__name__)}.forward writes to its input of shape {tensors[overwritten].shape} "
                "in place, which a Function must not: compute a new tensor, e.g. from x.clone(), and return that"
            )
        to_save, ctx._saved = ctx._saved, None
        memory = {id(saved.memory_owner(a)) for a in arrays}
        results = [_detached(o, memory) if isinstance(o, Tensor) else o for o in outputs]
        differentiable = [
            isinstance(o, Tensor) and o.dtype.kind == "f" and not any(o is c for c in ctx._constant) for o in outputs
        ]
        node = None
        if mode.recording and any(inputs) and any(differentiable):
            passing = [r._array if d else None for r, d in zip(results, differentiable)]
            node = _FunctionNode(primitive, passing, inputs, isinstance(result, tuple))
            node.function, node.ctx = cls, ctx
            node.output_specs = [TensorSpec(o.shape, o.dtype) if isinstance(o, Tensor) else None for o in outputs]
            node.constants = describe_constants([_shown(a) for a in args], inputs)
            node.argument_specs = [TensorSpec(a.shape, a.dtype) if isinstance(a, Tensor) else None for a in args]
            node.save(to_save, tensors, outputs)
            node.attach(results)
        if watchers:
            for r in results:
                notify(primitive, getattr(r, "_array", None), "forward", node)
        return tuple(results) if isinstance(result, tuple) else results[0]


def _shown(a: Any) -> Any:
    """Return an argument as a drawing shows it: the same in every run, so without a memory address."""
    if a is None or isinstance(a, Tensor | np.ndarray | bool | int | float | str):
        return a
    return getattr(a, "__name__", class_name(a))


def _check_outputs(name: str, outputs: list[Any], several: bool) -> None:
    for o in outputs:
        if isinstance(o, np.ndarray | np.generic) or not several and not isinstance(o, Tensor):
            raise TypeError(
                f"{name}.forward must return a Tensor or a tuple of Tensors, got {class_name(o)}"
                f"{'; convert it: minigrad.as_tensor(array)' if isinstance(o, np.ndarray) else ''}"
            )


def _detached(output: Tensor, memory: set[int]) -> Tensor:
    """Return the output without a history; as a copy if it shares the memory of an input.

    Otherwise a write to the output would change the input, and no node would record that.
    """
    a = output._array
    return wrap(a.copy() if id(saved.memory_owner(a)) in memory else a, None)


@functools.lru_cache
def _primitive(cls: Any, n: int) -> Primitive:
    """Return the primitive that stands for the function in the graph: its name and those of its n arguments."""
    primitive = Primitive(printable(cls.__name__), lambda: None)
    parameters = list(inspect.signature(cls.forward).parameters.values())
    if cls.setup_context is Function.setup_context:
        parameters = parameters[1:]  # the first is the context
    names = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "")
    primitive.inputs = tuple([names[i] if i < len(names) else f"{rest}[{i - len(names)}]" for i in range(n)])
    return primitive


# ---- nodes with several results --------------------------------------------------------------------------------


class TensorSpec(NamedTuple):
    """The shape and dtype of an argument or output."""

    shape: tuple[Any, ...]
    dtype: Any


class Application(ArrayNode):
    """The node of a function with one or several outputs.

    With several, its gradient is a tuple of pairs (number of the output, its gradient); the walk adds such tuples up,
    and thereby collects them.

    Attributes:
        outputs: the spec of each output, None for one that is not a tensor of floats or passes no gradient.
        several: True if each output has an `OutputNode`.
    """

    def __init__(self, primitive: Primitive, arrays: list[Any], inputs: tuple[Any, ...], several: bool) -> None:
        self.outputs = [a if a is None else TensorSpec(a.shape, a.dtype) for a in arrays]
        spec: Any = TensorSpec(tuple([o and o.shape for o in self.outputs]), None) if several else self.outputs[0]
        super().__init__(spec, primitive, inputs)
        self.several = several

    def attach(self, results: Iterable[Any]) -> None:
        """Set the nodes of the results."""
        for i, t in enumerate(results):
            if self.outputs[i] is not None:
                t._node = self.output(i)

    def output(self, i: int) -> ArrayNode:
        """Return a node for the i-th output."""
        return OutputNode(self, i) if self.several else self

    def vjp(self, g: Any, graph: bool) -> Iterable[Any]:
        self.unpack(graph)
        grads: dict[int, Any] = {}
        for i, c in g if self.several else [(0, g)]:  # an output may have two nodes: that of its saved tensor too
            grads[i] = grads[i] + c if i in grads else c
        return run_in_mode(graph, self.differentiate, [grads.get(i) for i in range(len(self.outputs))], graph)

    def differentiate(self, grads: list[Any], graph: bool) -> Iterable[Any]:
        """Return the contributions to the inputs from the gradients of all outputs; None for one without a gradient."""
        raise NotImplementedError

    def jvp(self, tangents: list[Any], graph: bool) -> Any:
        us = {
            i: Tensor(np.zeros(*output), requires_grad=True)
            for i, output in enumerate(self.outputs)
            if output is not None
        }
        contributions = self.vjp(tuple(us.items()) if self.several else us[0], graph=True)
        results = transpose_vjp(list(us.values()), contributions, tangents, graph)
        return tuple(zip(us, results)) if self.several else results[0]

    def unpack(self, graph: bool) -> tuple[Any, ...]:
        overwritten = saved.find_overwritten(self.saved, self.index, self.checksums)
        if overwritten is not None:
            raise RuntimeError(
                f"the backward pass of {self.primitive.name!r} needs a saved tensor of shape "
                f"{self.saved[overwritten].shape}, but that was changed in place after it was saved: by t[...] =, +=, "
                "through .data, by a method ending in _, or through a NumPy view of it. Change it after backward(), or "
                "change a copy (t.clone())."
            )
        return self.saved


class OutputNode(ArrayNode):
    """One of the outputs of an `Application`."""

    def __init__(self, application: Application, i: int) -> None:
        spec: Any = application.outputs[i]
        super().__init__(spec, _output_primitive(application.primitive.name, i), (application,))
        self.i = i

    def vjp(self, g: Any, graph: bool) -> Iterable[Any]:
        return [((self.i, g),)]

    def jvp(self, tangents: list[Any], graph: bool) -> Any:
        return dict(tangents[0])[self.i]


@functools.lru_cache
def _output_primitive(name: str, i: int) -> Primitive:
    primitive = Primitive(f"{name}[{i}]", lambda: None)
    primitive.inputs = (name,)
    return primitive.with_notation(**{name: "g"})


class _FunctionNode(Application):
    """An application of a Function.

    Attributes:
        output_specs: the spec of each output that is a tensor, None for others.
        function: the Function.
        ctx: its context.
        argument_specs: the spec of each argument that is a tensor, None for others.
        sources: for each saved tensor its node, or the number of the output that it is.
    """

    output_specs: list[TensorSpec | None]
    function: type[Function]
    ctx: Any
    argument_specs: list[TensorSpec | None]
    sources: tuple[ArrayNode | int | None, ...]

    def save(self, tensors: Iterable[Tensor | None], arguments: list[Tensor], outputs: list[Any]) -> None:
        """Save the tensors of `save_for_backward`. An output is saved with its number, as its node is this one."""
        arrays: list[Any] = []
        sources: list[Any] = []
        for t in tensors:
            number = next((i for i, o in enumerate(outputs) if o is t), None)
            is_output = t is not None and number is not None and not any(t is a for a in arguments)
            arrays.append(None if t is None else t._array)
            sources.append(number if is_output else None if t is None else t.node)
        self.saved, self.sources = tuple(arrays), tuple(sources)
        if saved.exposed:
            self.checksums = saved.checksums(self.saved)

    def differentiate(self, grads: list[Any], graph: bool) -> Iterable[Any]:
        upstream = [self._argument(g, spec) for g, spec in zip(grads, self.output_specs)]
        returned = self._call(self.function.backward, upstream, graph)
        n = len(self.inputs)
        if len(returned) < n or any(c is not None for c in returned[n:]):
            raise RuntimeError(
                f"{self.primitive.name}.backward returned {len(returned)} gradient{'s' * (len(returned) != 1)} for {n} "
                f"input{'s' * (n != 1)} ({', '.join(self.primitive.inputs)}): return one for each argument of forward, "
                "None for an argument that needs none"
            )
        return [self._contribution(i, c, graph) for i, c in enumerate(returned[:n])]

    def jvp(self, tangents: list[Any], graph: bool) -> Any:
        if self.function.jvp is Function.jvp:
            return super().jvp(tangents, graph)
        self.unpack(graph)
        with enable_grad() if graph else no_grad():
            arguments = [self._argument(t, spec) for t, spec in zip(tangents, self.argument_specs)]
            returned = self._call(self.function.jvp, arguments, graph)
        for t, spec in zip(returned, self.outputs):
            if spec is not None and t is not None and (t.shape, t.dtype) != spec:
                raise RuntimeError(
                    f"{self.primitive.name}.jvp: a tangent is {t.dtype} of shape {t.shape}, but the output is "
                    f"{spec.dtype} of shape {spec.shape}"
                )
        if len(returned) != len(self.outputs):
            raise RuntimeError(
                f"{self.primitive.name}.jvp returned {len(returned)} tangents for {len(self.outputs)} outputs"
            )
        returned = [t if graph or t is None else t._array for t in returned]
        return tuple(enumerate(returned)) if self.several else returned[0]

    def _call(self, method: Callable[..., Any], arguments: list[Any], graph: bool) -> list[Any]:
        """Call `backward` or `jvp` with the saved tensors restored, and return its results as a list."""
        self.ctx._saved = tuple([self._restored(a, s, graph) for a, s in zip(self.saved, self.sources)])
        try:
            result = method(self.ctx, *arguments)
        finally:
            self.ctx._saved = None
        return list(result) if isinstance(result, tuple | list) else [result]

    def _argument(self, g: Any, spec: TensorSpec | None) -> Tensor | None:
        """Return a gradient or tangent as an argument of the user's method: zeros for None, if there is a spec."""
        if isinstance(g, Tensor):
            return g.clone()
        if g is None:
            if not self.ctx._materialize or spec is None:
                return None
            g = np.zeros(*spec)
        g = np.asarray(g)[...]
        g.flags.writeable = False  # others may hold it: to write to it in place, backward must clone it
        return wrap(g, None)

    def _restored(self, array: Any, source: Any, graph: bool) -> Tensor | None:
        """Return a saved array as a Tensor, with `graph` at its node."""
        if array is None or not graph:
            return array if array is None else wrap(array, None)
        return wrap(array, self.output(source) if isinstance(source, int) else source)

    def _contribution(self, i: int, c: Any, graph: bool) -> Any:
        """Return the gradient of argument i after checks, summed to the argument's shape where it was broadcast."""
        source, which = self.inputs[i], f"{self.primitive.name}.backward: the gradient of {self.primitive.inputs[i]!r}"
        if c is None:
            return None
        if self.argument_specs[i] is None:
            raise RuntimeError(f"{which} must be None, as that argument was not a tensor")
        if not isinstance(c, Tensor):
            raise TypeError(f"{which} must be a Tensor or None, got {class_name(c)}")
        if source is None:
            return None
        if c.dtype.kind != "f":
            raise TypeError(f"{which} has dtype {c.dtype}, but the argument has {source.dtype}")
        if c.shape != source.shape:
            if c.ndim < len(source.shape) or any(
                n not in (1, m) for n, m in zip(source.shape[::-1], c.shape[::-1], strict=False)
            ):
                raise RuntimeError(f"{which} has shape {c.shape}, but the argument has shape {source.shape}")
            c = unbroadcast(c, source.shape)
        c = c.to(source.dtype)
        return c if graph else c._array


# ---- derivatives that cannot be differentiated -----------------------------------------------------------------


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that cannot be differentiated, e.g. because it computes with NumPy.

    A second derivative then raises instead of being wrong.
    """

    @functools.wraps(backward)
    def once(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            result = backward(ctx, *grads)
        involved = [t for t in (*grads, *ctx.saved_tensors) if isinstance(t, Tensor) and t.requires_grad]
        if not is_grad_enabled() or not involved:
            return result

        def refusing(c: Any) -> Any:
            return Tensor.apply(_once, c, *involved, name=ctx._name) if isinstance(c, Tensor) else c

        return tuple(map(refusing, result)) if isinstance(result, tuple | list) else refusing(result)

    return once


def _refuse(g: Any, name: str) -> Any:
    raise RuntimeError(
        f"{name}.backward is marked @once_differentiable: it supports no second derivative and no forward mode. "
        "Write it with operations on Tensors, and without that mark"
    )


_once = Primitive("once_differentiable", lambda *xs, name: xs[0].copy(), xs=_refuse)
