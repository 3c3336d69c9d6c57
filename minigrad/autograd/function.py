"""Function: an operation whose derivative one writes oneself, as in PyTorch.

Applied, it leaves a node like any rule. If it gives several tensors, this node is followed by a `Part` for each of
them; the gradients of the parts meet again at the node.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from minigrad import grad_mode as modes
from minigrad.engine import tick
from minigrad.grad_mode import enable_grad, mode, no_grad
from minigrad.hooks import notify, watchers
from minigrad.primitives.primitive import Primitive
from minigrad.tensors import saved
from minigrad.tensors.node import ArrayNode, transpose_vjp, unbroadcast
from minigrad.tensors.operand_info import describe_constants
from minigrad.tensors.tensor import Tensor, wrap


class FunctionCtx:
    """What `forward` hands on to `backward`; any further attribute may be set on it.

    Attributes:
        needs_input_grad: for each argument, whether a gradient is wanted.
    """

    needs_input_grad: tuple[bool, ...]

    def __init__(self, name: str) -> None:
        self._name = name
        self._saved: tuple[Tensor | None, ...] | None = ()
        self._constant: tuple[Tensor, ...] = ()
        self._materialize = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `backward`, which raises if they are written to before. Inputs and outputs come back as
        part of the graph, so that `backward` can be differentiated too.

        Raises:
            TypeError: for anything but tensors and None, which belongs on the context itself.
        """
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"{self._name}: save_for_backward takes tensors, but its argument {i} is of type "
                    f"{type(t).__name__}; keep it on the context itself: ctx.name = value"
                )
        self._saved = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `jvp`: the same as for `backward`.

        Raises:
            NotImplementedError: for others than those.
        """
        if not self._saved:
            self.save_for_backward(*tensors)
        elif [*map(id, tensors)] != [*map(id, self._saved)]:
            raise NotImplementedError(f"{self._name}: save the same tensors for forward as for backward")

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` was given.

        Raises:
            RuntimeError: outside of forward and backward.
        """
        if self._saved is None:
            raise RuntimeError(f"{self._name}: saved_tensors are at hand in backward only")
        return self._saved

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """Say which outputs pass no gradient back. Those that are no floats pass none in any case."""
        self._constant = outputs

    def mark_dirty(self, *inputs: Tensor) -> None:
        """Not supported: a Function gives new tensors."""
        raise NotImplementedError(
            f"{self._name}: mark_dirty is not supported; do not write to an input in forward, return a new tensor"
        )

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` gets zeros (the default), or else None, for an output that no gradient came to."""
        self._materialize = value


class Function:
    """The base of operations with a derivative of one's own. A subclass defines two static methods:

    `forward(ctx, *args)` computes, of tensors and whatever else, one tensor or a tuple of them; nothing in it is
    recorded. (Or `forward(*args)`, and `setup_context(ctx, inputs, output)` which looks after the context.)

    `backward(ctx, *grads)` is given the gradient of each output, and returns one for each argument of `forward`, None
    for what needs none. If it computes with Tensors alone, it can itself be differentiated.

    A third one, `jvp(ctx, *tangents)`, may give the tangents of the outputs from those of the arguments. Without it,
    forward mode differentiates `backward`.

    The operation is called as `TheClass.apply(*args)`.

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
        raise TypeError(f"a Function is not made into an object; call {type(self).__name__}.apply(...)")

    @staticmethod
    def forward(*args: Any, **options: Any) -> Any:
        """What is computed; subclasses define it."""
        raise NotImplementedError("this Function defines no static method forward(ctx, ...)")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """What is kept for `backward`, for a `forward` that takes no context."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The gradients of the arguments; subclasses define it."""
        raise NotImplementedError(f"{ctx._name} defines no static method backward(ctx, *grads)")

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """The tangents of the outputs, in forward mode; subclasses may define it."""

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Compute, and record it if a gradient may be asked through it."""
        ctx: Any = FunctionCtx(cls.__name__)
        primitive = _rule(cls, len(args))  # type: ignore[arg-type]
        inputs = tuple([a.node if isinstance(a, Tensor) else None for a in args])
        ctx.needs_input_grad = tuple([n is not None for n in inputs])
        start = tick()
        with no_grad():
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args)
            else:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
        outputs = list(result) if isinstance(result, tuple) else [result]
        _check_outputs(cls.__name__, outputs, isinstance(result, tuple))
        given = [a for a in args if isinstance(a, Tensor)]
        arrays = tuple([t._array for t in given])
        if saved.last_event > start and (spoilt := saved.find_overwritten(arrays, start, None)) is not None:
            raise NotImplementedError(
                f"{cls.__name__}.forward writes to its input of shape {given[spoilt].shape} in place, which a "
                "Function cannot: compute a new tensor, e.g. of x.clone(), and return that"
            )
        own, ctx._saved = ctx._saved, None
        memory = {id(saved.memory_owner(a)) for a in arrays}
        results = [_own(o, memory) if isinstance(o, Tensor) else o for o in outputs]
        differentiable = [
            isinstance(o, Tensor) and o.dtype.kind == "f" and not any(o is c for c in ctx._constant) for o in outputs
        ]
        node = None
        if mode.recording and any(inputs) and any(differentiable):
            passing = [r._array if d else None for r, d in zip(results, differentiable)]
            node = _FunctionNode(primitive, passing, inputs, isinstance(result, tuple))
            node.function, node.ctx = cls, ctx
            node.forms = [Form(o.shape, o.dtype) if isinstance(o, Tensor) else None for o in outputs]
            node.constants = describe_constants([_shown(a) for a in args], inputs)
            node.argument_forms = [Form(a.shape, a.dtype) if isinstance(a, Tensor) else None for a in args]
            node.save(own, given, outputs)
            node.attach(results)
        if watchers:
            for r in results:
                notify(primitive, getattr(r, "_array", None), "forward", node)
        return tuple(results) if isinstance(result, tuple) else results[0]


def _shown(a: Any) -> Any:
    """An argument as a picture shows it: the same in every run, so without an address."""
    if a is None or isinstance(a, Tensor | np.ndarray | bool | int | float | str):
        return a
    return getattr(a, "__name__", type(a).__name__)


def _check_outputs(name: str, outputs: list[Any], several: bool) -> None:
    for o in outputs:
        if isinstance(o, np.ndarray | np.generic) or not several and not isinstance(o, Tensor):
            raise TypeError(
                f"{name}.forward is to return a Tensor or a tuple of them, not {type(o).__name__}"
                f"{'; make it one: minigrad.as_tensor(array)' if isinstance(o, np.ndarray) else ''}"
            )


def _own(output: Tensor, memory: set[int]) -> Tensor:
    """The output as a tensor of its own: with memory of its own, too, if it shows that of an input. (Otherwise a
    write to it would change the input, whose node knew nothing of it.)"""
    a = output._array
    return wrap(a.copy() if id(saved.memory_owner(a)) in memory else a, None)


@functools.lru_cache
def _rule(cls: Any, n: int) -> Primitive:
    """What stands for the function in the graph: its name, and those of its n arguments."""
    primitive = Primitive(cls.__name__, lambda: None)
    parameters = list(inspect.signature(cls.forward).parameters.values())
    if cls.setup_context is Function.setup_context:
        parameters = parameters[1:]  # the first is the context
    names = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "")
    primitive.inputs = tuple([names[i] if i < len(names) else f"{rest}[{i - len(names)}]" for i in range(n)])
    return primitive


# ---- nodes with several results --------------------------------------------------------------------------------


class Form(NamedTuple):
    """What a node knows of an array."""

    shape: tuple[Any, ...]
    dtype: Any


class Application(ArrayNode):
    """The node of a function of one or several outputs. With several, its gradient is the tuple of all pairs
    (number of the output, its gradient); adding such tuples up, as the walk does, collects them.

    Attributes:
        outputs: the form of each output, None for what is no tensor of floats or passes no gradient.
        several: whether the outputs have a `Part` each.
    """

    def __init__(self, primitive: Primitive, arrays: list[Any], inputs: tuple[Any, ...], several: bool) -> None:
        self.outputs = [a if a is None else Form(a.shape, a.dtype) for a in arrays]
        whole: Any = Form(tuple([o and o.shape for o in self.outputs]), None) if several else self.outputs[0]
        super().__init__(whole, primitive, inputs)
        self.several = several

    def attach(self, results: Iterable[Any]) -> None:
        """Give the results their places in the graph."""
        for i, t in enumerate(results):
            if self.outputs[i] is not None:
                t._node = self.output(i)

    def output(self, i: int) -> ArrayNode:
        """A node for the i-th output."""
        return Part(self, i) if self.several else self

    def vjp(self, g: Any, graph: bool) -> Iterable[Any]:
        self.unpack(graph)
        found: dict[int, Any] = {}
        for i, part in g if self.several else [(0, g)]:  # what was saved of an output is a part of its own
            found[i] = found[i] + part if i in found else part
        with enable_grad() if graph else no_grad():
            return self.differentiate([found.get(i) for i in range(len(self.outputs))], graph)

    def differentiate(self, grads: list[Any], graph: bool) -> Iterable[Any]:
        """What `vjp` returns, from the gradients of all outputs, None where none has come."""
        raise NotImplementedError

    def jvp(self, tangents: list[Any], graph: bool) -> Any:
        us = {
            i: Tensor(np.zeros(*output), requires_grad=True)
            for i, output in enumerate(self.outputs)
            if output is not None
        }
        shares = self.vjp(tuple(us.items()) if self.several else us[0], graph=True)
        found = transpose_vjp(list(us.values()), shares, tangents, graph)
        return tuple(zip(us, found)) if self.several else found[0]

    def unpack(self, graph: bool) -> tuple[Any, ...]:
        spoilt = saved.find_overwritten(self.saved, self.index, self.checksums)
        if spoilt is not None:
            raise RuntimeError(
                f"the backward pass of {self.primitive.name!r} needs a tensor of shape {self.saved[spoilt].shape} that "
                "was saved for it, but that was changed in place after it was saved: by t[...] =, +=, through .data, "
                "by a method ending in _, or through a NumPy view of it. Change it after backward(), or change a copy "
                "(t.clone())."
            )
        return self.saved


class Part(ArrayNode):
    """One of the outputs of an `Application`."""

    def __init__(self, whole: Application, i: int) -> None:
        output: Any = whole.outputs[i]
        super().__init__(output, _part(whole.primitive.name, i), (whole,))
        self.i = i

    def vjp(self, g: Any, graph: bool) -> Iterable[Any]:
        return [((self.i, g),)]

    def jvp(self, tangents: list[Any], graph: bool) -> Any:
        return dict(tangents[0])[self.i]


@functools.lru_cache
def _part(name: str, i: int) -> Primitive:
    primitive = Primitive(f"{name}[{i}]", lambda: None)
    primitive.inputs = (name,)
    return primitive.with_notation(**{name: "g"})


class _FunctionNode(Application):
    """An application of a Function.

    Attributes:
        forms: the form of each output that is a tensor.
        argument_forms: likewise of each argument.
        sources: for each saved tensor its node, or the number of the output that it is.
    """

    forms: list[Form | None]
    function: type[Function]
    ctx: Any
    argument_forms: list[Form | None]
    sources: tuple[ArrayNode | int | None, ...]

    def save(self, tensors: Iterable[Tensor | None], given: list[Tensor], outputs: list[Any]) -> None:
        """Take over what `save_for_backward` was given. An output is saved by its number, for its node is this one."""
        kept: list[Any] = []
        sources: list[Any] = []
        for t in tensors:
            number = next((i for i, o in enumerate(outputs) if o is t), None)
            is_output = t is not None and number is not None and not any(t is g for g in given)
            kept.append(None if t is None else t._array)
            sources.append(number if is_output else None if t is None else t.node)
        self.saved, self.sources = tuple(kept), tuple(sources)
        if saved.exposed:
            self.checksums = saved.checksums(self.saved)

    def differentiate(self, grads: list[Any], graph: bool) -> Iterable[Any]:
        upstream = [self._given(g, form, graph) for g, form in zip(grads, self.forms)]
        shares = self._call(self.function.backward, upstream, graph)
        n = len(self.inputs)
        if len(shares) < n or any(c is not None for c in shares[n:]):
            raise RuntimeError(
                f"{self.primitive.name}.backward returned {len(shares)} gradient{'s' * (len(shares) != 1)} for {n} "
                f"input{'s' * (n != 1)} ({', '.join(self.primitive.inputs)}): return one for each argument of forward, "
                "None for what needs none"
            )
        return [self._share(i, c, graph) for i, c in enumerate(shares[:n])]

    def jvp(self, tangents: list[Any], graph: bool) -> Any:
        if self.function.jvp is Function.jvp:
            return super().jvp(tangents, graph)
        self.unpack(graph)
        with enable_grad() if graph else no_grad():
            given = [self._given(t, form, graph) for t, form in zip(tangents, self.argument_forms)]
            found = self._call(self.function.jvp, given, graph)
        for t, form in zip(found, self.outputs):
            if form is not None and t is not None and (t.shape, t.dtype) != form:
                raise RuntimeError(
                    f"{self.primitive.name}.jvp: a tangent is {t.dtype} of shape {t.shape}, but the output is "
                    f"{form.dtype} of shape {form.shape}"
                )
        if len(found) != len(self.outputs):
            raise RuntimeError(
                f"{self.primitive.name}.jvp returned {len(found)} tangents for {len(self.outputs)} outputs"
            )
        found = [t if graph or t is None else t._array for t in found]
        return tuple(enumerate(found)) if self.several else found[0]

    def _call(self, method: Callable[..., Any], given: list[Any], graph: bool) -> list[Any]:
        """What `backward` or `jvp` answers, with the saved tensors at hand."""
        self.ctx._saved = tuple([self._restored(k, s, graph) for k, s in zip(self.saved, self.sources)])
        try:
            answer = method(self.ctx, *given)
        finally:
            self.ctx._saved = None
        return list(answer) if isinstance(answer, tuple | list) else [answer]

    def _given(self, g: Any, form: Form | None, graph: bool) -> Tensor | None:
        """A gradient or tangent as the user's method is given it; zeros for None where there is a form."""
        if isinstance(g, Tensor):
            return g.clone()
        if g is None:
            if not self.ctx._materialize or form is None:
                return None
            g = np.zeros(*form)
        g = np.asarray(g)[...]
        g.flags.writeable = False  # others may hold it: to write to it in place, backward has to clone it
        return wrap(g, None)

    def _restored(self, kept: Any, source: Any, graph: bool) -> Tensor | None:
        if kept is None or not graph:
            return kept if kept is None else wrap(kept, None)
        return wrap(kept, self.output(source) if isinstance(source, int) else source)

    def _share(self, i: int, c: Any, graph: bool) -> Any:
        """The gradient of argument i, checked; summed to the argument's shape where it was broadcast."""
        source, which = self.inputs[i], f"{self.primitive.name}.backward: the gradient of {self.primitive.inputs[i]!r}"
        if c is None:
            return None
        if self.argument_forms[i] is None:
            raise RuntimeError(f"{which} is to be None, for that argument was not a tensor")
        if not isinstance(c, Tensor):
            raise TypeError(f"{which} is to be a Tensor or None, not {type(c).__name__}")
        if source is None:
            return None
        if c.dtype.kind != "f":
            raise TypeError(f"{which} is of {c.dtype}; the argument is of {source.dtype}")
        if c.shape != source.shape:
            if c.ndim < len(source.shape) or any(
                n not in (1, m) for n, m in zip(source.shape[::-1], c.shape[::-1], strict=False)
            ):
                raise RuntimeError(f"{which} has shape {c.shape}, but the argument has shape {source.shape}")
            c = unbroadcast(c, source.shape)
        c = c.to(source.dtype)
        return c if graph else c._array


# ---- derivatives that are no functions of tensors --------------------------------------------------------------


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator for a `backward` that cannot be differentiated, e.g. because it computes with NumPy: who tries to
    is told so, instead of getting a wrong second derivative."""

    @functools.wraps(backward)
    def once(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            answer = backward(ctx, *grads)
        involved = [t for t in (*grads, *ctx.saved_tensors) if isinstance(t, Tensor) and t.requires_grad]
        if not modes.is_grad_enabled() or not involved:
            return answer

        def refusing(c: Any) -> Any:
            return Tensor.apply(_once, c, *involved, name=ctx._name) if isinstance(c, Tensor) else c

        return tuple(map(refusing, answer)) if isinstance(answer, tuple | list) else refusing(answer)

    return once


def _refuse(g: Any, name: str) -> Any:
    raise RuntimeError(
        f"{name}.backward is marked @once_differentiable: there is no second derivative through it, nor forward mode. "
        "Write it with operations on Tensors, and without that mark"
    )


_once = Primitive("once_differentiable", lambda *xs, name: xs[0].copy(), xs=_refuse)
