"""Tensor: an array that remembers how it was computed. The graph's side of it; what it can compute is in `operations`.

A Tensor is a handle: an array, and the graph node that made it (None where no gradient is wanted). Every operation
goes through `Tensor.apply`, which computes on the arrays and, while recording, makes the next node. A write in place
gives the handle a new node: see `writing`.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from operator import add
from typing import Any, Self

import numpy as np

from minigrad import engine
from minigrad import grad_mode as modes
from minigrad.engine import Node, RemovableHandle, now, report, watchers
from minigrad.grad_mode import mode
from minigrad.primitives import indexing as ix
from minigrad.primitives.primitive import Elementwise, Plan, Rule
from minigrad.tensors import numpy_protocols as protocols
from minigrad.tensors import saved as guard
from minigrad.tensors.attributes import Reading
from minigrad.tensors.conversion import array_from, index_from, selected_first
from minigrad.tensors.dtypes import kind, operand
from minigrad.tensors.inplace import Writing
from minigrad.tensors.methods import Casts, Factories, Operations
from minigrad.tensors.operand_info import described


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum g over the axes along which an array of `shape` was repeated to meet another. The only place that does.

    >>> unbroadcast(np.ones((2, 3)), (3,)).tolist(), unbroadcast(np.ones((2, 3)), (2, 1)).tolist()
    ([2.0, 2.0, 2.0], [[3.0], [3.0]])
    """
    new = g.ndim - len(shape)
    stretched = tuple([i + new for i, n in enumerate(shape) if n == 1 and i + new >= 0 and g.shape[i + new] != 1])
    if new > 0 or stretched:
        g = g.sum(axis=(*range(new), *stretched), keepdims=True)
    return g.reshape(shape)


def transposed(us: list[Tensor], shares: Iterable[Any], tangents: Iterable[Any], graph: bool) -> list[Any]:
    """The Jacobian-vector product, of a vector-Jacobian product: `shares` were computed from the upstream gradients
    `us`, in which they are linear. The vjp of that linear map is its transpose, which is what turns tangents into
    tangents.

    This gives every rule its forward mode (the trick is J. Townsend's, 2017); the values of `us` do not matter.
    """
    seeds: dict[Node, Any] = {}
    for share, t in zip(shares, tangents):
        node = None if share is None or t is None else share.node
        if node is not None:
            seeds[node] = seeds[node] + t if node in seeds else t
    targets: Any = [u.node for u in us]
    walk = engine.walk(seeds, create_graph=graph, targets=targets, since=targets[0].index)
    found = {node: g for node, g, _ in walk}
    return [found.get(node) for node in targets]


def _hook_name(hook: Any) -> str:
    return f"the hook {getattr(hook.func, '__name__', repr(hook.func))}"


class ArrayNode(Node):
    """A node of the graph of Tensors. It knows its array's shape and dtype, but keeps only the arrays it needs.

    Attributes:
        value: the array of a leaf.
        kept: what the rule's derivatives need, in the order of `plan.kept`.
        constants: the operands that get no gradient, by position.
        parameters: the rule's keyword parameters.
        calls: the calls of modules that gave it, each a module and when it began, see `nn.calls`.
    """

    # what every node has is in slots, for speed; the rest is rarely set
    __slots__ = ("__dict__", "__weakref__", "dtype", "index", "inputs", "kept", "plan", "released", "rule", "shape")
    inputs: tuple[ArrayNode | None, ...]
    plan: Plan
    keeps = False
    grad: Tensor | None = None
    name: str | None = None
    value: np.ndarray | None = None
    calls: list[tuple[Any, int]] | None = None
    constants: dict[int, Any] = {}
    parameters: dict[str, Any] = {}
    prints: tuple[int | None, ...] | None = None  # of the kept arrays, see `guard`
    check: Callable[[], Callable[[], None] | None] | None = None  # a weak reference to what to ask before `pull`

    def __init__(self, array: np.ndarray, rule: Rule | None = None, inputs: tuple[Any, ...] = ()) -> None:
        self.shape = array.shape
        self.dtype = array.dtype
        self.index = now()
        self.rule = rule
        self.inputs = inputs
        self.kept: tuple[Any, ...] = ()
        self.released = False

    def __repr__(self) -> str:
        return f"<{'leaf' if self.rule is None else self.rule.name} of shape {self.shape}>"

    def pull(self, g: Any, graph: bool) -> Iterable[Any]:
        kept = self.kept
        if graph or guard.latest > self.index or self.prints is not None or self.check is not None:
            kept = self.saved(graph)
        if self.rule.variadic:
            function, places = self.plan.calls[0]  # type: ignore[misc]
            shares = function(g, *[kept[i] for i in places])
            return [None if n is None else _fitted(c, n) for n, c in zip(self.inputs, shares)]
        contributions: list[Any] = []
        for source, call in zip(self.inputs, self.plan.calls):
            if call is None or source is None:
                contributions.append(None)
                continue
            function, places = call
            # the commonest cases written out: it matters on tiny arrays
            if len(places) == 1:
                c = function(g, kept[places[0]])
            elif places:
                c = function(g, *[kept[i] for i in places])
            else:
                c = function(g)
            if c.shape != source.shape:
                c = unbroadcast(c, source.shape)
            if c.dtype is not source.dtype:
                c = c.astype(source.dtype)
            contributions.append(c)
        return contributions

    def push(self, tangents: list[Any], graph: bool) -> Any:
        if not isinstance(self.rule, Elementwise):
            u = Tensor(np.zeros(self.shape, self.dtype), requires_grad=True)
            with modes.enable_grad():
                shares = self.pull(u, graph=True)
            return transposed([u], shares, tangents, graph)[0]
        # each element acts on its own: the same factor turns g into a share and a tangent into a tangent
        kept = self.saved(graph)
        parts = [
            call[0](t, *[kept[i] for i in call[1]])
            for t, call in zip(tangents, self.plan.calls)
            if t is not None and call is not None
        ]
        return np.broadcast_to(reduce(add, parts), self.shape).astype(self.dtype) if parts else None

    def saved(self, graph: bool) -> tuple[Any, ...]:
        """What was kept, as arrays or as part of the graph again; raises where it was written to since."""
        kept = self.kept
        if self.check is not None and (check := self.check()) is not None:
            check()
        if guard.latest > self.index or self.prints is not None:
            spoilt = guard.changed(kept, self.index, self.prints)
            if spoilt is not None:
                self._explain_write(spoilt)
        return tuple([self._as_tensor(name, k) for name, k in zip(self.plan.kept, kept)]) if graph else kept

    def hooked(self, g: Any) -> Any:
        # a copy: others may hold the same g, and the hook may write to it
        t = g.clone() if isinstance(g, Tensor) else _tensor(np.array(g), None)
        for hook in tuple(self.hooks or ()):
            changed = hook(t)
            if changed is None:
                continue
            if not isinstance(changed, Tensor):
                raise TypeError(f"{_hook_name(hook)}: returns a Tensor or None, not {type(changed).__name__}")
            if (changed.shape, changed.dtype) != (self.shape, self.dtype):
                raise RuntimeError(
                    f"{_hook_name(hook)}: returned {changed.dtype} of shape {changed.shape} for the gradient of "
                    f"{self.name or self!r}, which is {self.dtype} of shape {self.shape}"
                )
            t = changed
        return t if isinstance(g, Tensor) else t._array[...]  # a view, for the hook's owner may have kept it

    def _position(self, name: str) -> int | None:
        """Which input `name` is, if it is one."""
        inputs = self.rule.inputs
        return inputs.index(name) if name in inputs and not self.rule.variadic else None

    def _as_tensor(self, name: str, kept: Any) -> Any:
        """What was kept, as part of the graph again, for a backward pass that is itself recorded."""
        if name == "y":
            return _tensor(kept, self)
        if isinstance(kept, tuple) and name in self.rule.inputs:  # of an open number of inputs
            return tuple([_tensor(k, n) if isinstance(k, np.ndarray) else k for k, n in zip(kept, self.inputs)])
        position = self._position(name)
        return kept if position is None or not isinstance(kept, np.ndarray) else _tensor(kept, self.inputs[position])

    def _explain_write(self, spoilt: int) -> None:
        name = self.plan.kept[spoilt]
        position = self._position(name)
        source: Any = self if position is None else self.inputs[position] or self.constants.get(position)
        called = f" ({source.name})" if getattr(source, "name", None) else ""
        if not called and getattr(getattr(source, "rule", None), "gives_view", False) and source.inputs[0].name:
            called = f" (a view of {source.inputs[0].name})"
        kept = self.kept[spoilt]
        what = "its result" if name == "y" else "its inputs" if isinstance(kept, tuple) else f"its input {name!r}"
        shape = "tensors, of which one" if isinstance(kept, tuple) else f"a tensor of shape {kept.shape}, but that"
        raise RuntimeError(
            f"the backward pass of {self.rule.name!r} needs {what}{called}, {shape} was changed in place after it was "
            "used: by t[...] =, +=, through .data, by a method ending in _, or through a NumPy view of it. "
            "Change it after backward(), or change a copy (t.clone())."
        )

    def release(self) -> None:
        self.released, self.kept = True, ()

    def store(self, g: Any, shared: bool) -> None:
        g = self.given(g, shared)
        self.grad = g if self.grad is None else self.grad + g

    def given(self, g: Any, shared: bool) -> Tensor:
        """A gradient as it is given to the user: a Tensor with memory of its own, with a history only if one was
        asked for."""
        t = g if isinstance(g, Tensor) else _tensor(np.asarray(g), None)
        # others may hold what is shared, and change it; and a view is of something that others may hold
        return t.clone() if shared or t._array.base is not None else t


def _fitted(share: Any, source: ArrayNode) -> Any:
    """A share in the shape and dtype of the input that it goes to."""
    if share.shape != source.shape:
        share = unbroadcast(share, source.shape)
    return share if share.dtype == source.dtype else share.astype(source.dtype)


class Tensor(Writing, Reading, Operations, Factories, Casts, protocols.NumPy):
    """An n-dimensional array of numbers that can take part in differentiation.

    Args:
        data: nested lists of numbers, an array, or a number; copied. See `minigrad.tensor`, which this is.
        requires_grad: whether gradients with respect to this tensor are wanted.

    >>> w = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> loss = (w * w).sum()
    >>> loss.backward()
    >>> w.grad
    tensor([[2., 4.],
            [6., 8.]])
    """

    _array: np.ndarray
    _node: ArrayNode | None
    _leaf: ArrayNode | None = None  # the node of a leaf, also while requires_grad is off: it holds .grad
    _name: str | None = None

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False) -> None:
        self._array = array_from(data, dtype)
        self._node = None
        if requires_grad:
            self.requires_grad = True

    def __reduce__(self) -> tuple[Any, ...]:
        if not self.is_leaf:
            raise RuntimeError(
                f"only leaves can be copied or pickled, not results of {self._node.rule.name!r}, which would "  # type: ignore[union-attr]
                "lose its graph: t.detach() first, or t.clone() to go on computing with a copy"
            )
        return _restored, (type(self), self._array, self.requires_grad, self._name, self.grad)

    # -- recording -----------------------------------------------------------------------------------------------

    @staticmethod
    def apply(rule: Rule, *operands: Any, **parameters: Any) -> Any:
        """Compute `rule` of tensors, arrays and numbers, and record it if a gradient may be asked through it."""
        arrays: list[Any] = []
        inputs: list[ArrayNode | None] = []
        for o in operands:
            if isinstance(o, Tensor):
                if o._base is not None:
                    o._catch_up()
                arrays.append(o._array)
                inputs.append(o._node)
            else:
                arrays.append(o)
                inputs.append(None)
        array = rule.forward(*arrays, **parameters) if parameters else rule.forward(*arrays)
        if array.__class__ is not np.ndarray:
            array = np.asarray(array)
        out = _new(Tensor)
        out._array = array
        out._node = Tensor._record(rule, operands, arrays, inputs, array, parameters)
        if rule.gives_view and array.base is not None and guard.owner(array) is guard.owner(operands[0]._array):
            base = operands[0]
            out._base, out._view, out._seen = base, (rule, parameters, base._layout), base._generation
            out._root = base if base._root is None else base._root
            out._seen_writes = out._root._writes
        return out

    @staticmethod
    def _record(
        rule: Rule,
        operands: Any,
        arrays: list[Any],
        inputs: list[ArrayNode | None],
        array: np.ndarray,
        parameters: dict[str, Any],
    ) -> ArrayNode | None:
        """The node for `array`, if there is anything to differentiate."""
        if not mode.recording or not any(inputs) or array.dtype.kind != "f":
            if watchers:
                report(rule, array, "forward", None)
            return None
        node = ArrayNode(array, rule, tuple(inputs))
        if rule.variadic:
            plan, values = rule.whole_plan, (array, tuple(arrays))
        else:
            plan = rule.plan(tuple([n is not None for n in inputs])) if None in inputs else rule.whole_plan
            values = (array, *arrays)
        node.plan = plan
        if plan.kept:
            node.kept = plan.keep((*values, *[parameters[p] for p in rule.parameters]) if parameters else values)
            if guard.shown:
                node.prints = guard.fingerprints(node.kept)
        if None in inputs:
            node.constants = described(operands, inputs)
        if parameters:
            node.parameters = parameters
        if watchers:
            report(rule, array, "forward", node)
        return node

    # -- what autograd knows of it -------------------------------------------------------------------------------

    @property
    def node(self) -> ArrayNode | None:
        """The graph node that this tensor is at; None if no gradient flows here."""
        if self._base is not None:
            self._catch_up()
        return self._node

    @property
    def grad_fn(self) -> ArrayNode | None:
        """The node of the operation that made this tensor; None for a leaf."""
        return None if self.is_leaf else self._node

    @property
    def is_leaf(self) -> bool:
        """Whether this was made by the user and not by an operation on what requires a gradient."""
        return self.node is None or self._node is self._leaf

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this tensor; may be set on leaves of floats."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted and self._array.dtype.kind != "f":
            raise RuntimeError(
                f"a tensor of {self.dtype} cannot require a gradient: derivatives need real numbers. "
                "Make it of floats, as in tensor([1.0, 2.0]), or convert it: t.float()"
            )
        if not self.is_leaf:
            if not wanted:
                raise RuntimeError("only a leaf can stop requiring a gradient; for a result without one: t.detach()")
            return
        self._node = self._own_leaf() if wanted else None
        if wanted:
            self._base = self._root = None  # a view that is made a leaf is differentiated by itself

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad`; returns the tensor.

        Raises:
            RuntimeError: for a tensor of integers.
        """
        self.requires_grad = requires_grad
        return self

    def _own_leaf(self) -> ArrayNode:
        if self._leaf is None:
            self._leaf = ArrayNode(self._array)
            self._leaf.value = self._array
            self._leaf.keeps = True
            self._leaf.name = self._name
        return self._leaf

    def _hold(self, array: np.ndarray) -> None:
        """Have other memory from now on, and let the leaf's node know."""
        self._array = array
        if self._leaf is not None:
            self._leaf.value, self._leaf.shape, self._leaf.dtype = array, array.shape, array.dtype

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` has added up here; None before the first. May be set, also to None."""
        node = self.node if self._node is not None else self._leaf
        if node is None:
            return None
        if not node.keeps and node.grad is None:
            warnings.warn(
                "the .grad of a tensor that is not a leaf is not kept; call .retain_grad() on it before backward()",
                UserWarning,
                stacklevel=2,
            )
        return node.grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f".grad is a Tensor or None, got {type(value).__name__}: {value!r}")
            if value.shape != self.shape or value.dtype != self.dtype:
                raise ValueError(
                    f".grad must be as the tensor, {self.dtype} of shape {self.shape}; got {value.dtype} of shape "
                    f"{value.shape}"
                )
        (self._node or self._own_leaf()).grad = value

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(gradient)` whenever a backward pass has finished the gradient of this tensor; what it returns,
        unless None, goes on in its place, to what this was computed from, to `.grad`, and to who asks for it.

        Returns:
            A handle, whose `remove()` takes the hook away again.

        Raises:
            RuntimeError: when no gradient flows here.

        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> handle = x.register_hook(lambda g: g * 10)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([20., 40.])
        """
        return self._hook("register_hook", "hooks", hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook(self)` after each backward pass that has added to the `.grad` of this leaf.

        Raises:
            RuntimeError: for a tensor that is no leaf, or requires no gradient.
        """
        if not self.is_leaf:
            raise RuntimeError(
                f"register_post_accumulate_grad_hook: only leaves accumulate gradients, and this is a result of "
                f"{self._node.rule.name!r}; use register_hook"  # type: ignore[union-attr]
            )
        me = weakref.ref(self)  # not to keep the tensor alive by its own hook

        def call() -> None:
            if (tensor := me()) is not None:
                hook(tensor)

        return self._hook("register_post_accumulate_grad_hook", "after", hook, call)

    def _hook(self, name: str, kind: str, hook: Any, call: Any = None) -> RemovableHandle:
        if self.node is None:
            raise RuntimeError(f"{name}: no gradient flows to this tensor; set requires_grad_() first")
        if not callable(hook):
            raise TypeError(f"{name}: takes a function, got {type(hook).__name__}: {hook!r}")
        if getattr(self._node, kind) is None:
            setattr(self._node, kind, [])
        return RemovableHandle(getattr(self._node, kind), call or hook)

    def retain_grad(self) -> None:
        """Have `backward` store `.grad` here too, although this is not a leaf."""
        if self.node is None:
            raise RuntimeError("retain_grad: no gradient flows to this tensor; nothing it was made of requires one")
        assert self._node is not None
        self._node.keeps, self._node.retains = True, not self.is_leaf

    @property
    def name(self) -> str | None:
        """What pictures and errors call this tensor; modules name their parameters."""
        return self._name

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = name
        if self.node is not None:
            self._node.name = name  # type: ignore[union-attr]

    def seed(self, gradient: Any = None, graph: bool = False) -> Any:
        """The gradient that a backward pass from here starts with.

        Raises:
            RuntimeError: when it cannot start here: nothing requires a gradient, or there is more than one number
                and no `gradient` that says how they are weighted; also if that has another shape.
        """
        if self.node is None:
            raise RuntimeError(
                "backward: this tensor does not require a gradient, and nothing it was computed from does. Was "
                "requires_grad=True forgotten, or was it computed under no_grad() or from .detach(), .data or .item()?"
            )
        if gradient is None:
            if self._array.size != 1:
                raise RuntimeError(
                    f"backward from a tensor of shape {self.shape}: only a single number has one gradient. Reduce it, "
                    "as in loss.sum() or loss.mean(), or give the upstream one: backward(gradient) of the same shape."
                )
            gradient = np.ones_like(self._array)
        shape = np.shape(gradient._array if isinstance(gradient, Tensor) else gradient)
        if shape != self.shape:
            raise RuntimeError(f"backward: the gradient has shape {shape}, but the tensor has shape {self.shape}")
        guard.forget_looks()
        if graph:
            return gradient.clone().to(self.dtype) if isinstance(gradient, Tensor) else Tensor(gradient, self.dtype)
        return array_from(gradient, self.dtype)

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Iterable[Tensor] | Tensor | None = None,
    ) -> None:
        """Add d self / d leaf to `leaf.grad` for every leaf that this was computed from.

        Args:
            gradient: d loss / d self, of this tensor's shape; 1 if not given, which only a single number permits.
            retain_graph: keep the graph for another backward pass (default: as `create_graph`).
            create_graph: record the pass, so that the gradients can be differentiated.
            inputs: give gradients to these tensors only.

        Raises:
            RuntimeError: from `seed`; on a second pass through a graph that was not retained; and when an array
                that the pass needs was written to in the meantime.
        """
        if inputs is not None:
            inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        targets = None
        if inputs is not None:
            targets = [t.node for t in inputs if t.node is not None]
            if not targets or len(targets) < len(inputs):
                raise RuntimeError("backward: inputs are to be tensors that require a gradient, at least one")
        engine.backward(
            {self.node: self.seed(gradient, create_graph)},  # type: ignore[dict-item]
            retain_graph=create_graph if retain_graph is None else retain_graph,
            create_graph=create_graph,
            targets=targets,
        )

    def detach(self) -> Tensor:
        """The same memory without the history: no gradient flows through the result."""
        out = _tensor(self._array, None)
        out._name = self._name
        return out

    def detach_(self) -> Self:
        """Forget the history of this very tensor.

        Raises:
            RuntimeError: for a view, whose history is that of its base.
        """
        if self._base is not None:
            raise RuntimeError("detach_: not of a view, whose history is its base's; use .detach()")
        self._node = None
        return self

    @property
    def data(self) -> Tensor:
        """As `detach()`; in-place changes of it change this tensor, unrecorded but not unnoticed: where a pending
        backward pass needs the old values, it raises. May be set to a tensor or array of the same kind."""
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        array = value._array if isinstance(value, Tensor) else array_from(value, self.dtype)
        if kind(array.dtype) != kind(self.dtype):
            raise TypeError(f".data of a tensor of {self.dtype} cannot become {array.dtype}")
        if self.is_leaf:
            self._hold(array)
        elif array.shape == self.shape:
            self._array = array
        else:
            raise ValueError(f".data of a result of shape {self.shape} cannot take the shape {array.shape}")

    # -- reading -------------------------------------------------------------------------------------------------

    @staticmethod
    def _handle(array: np.ndarray, node: ArrayNode | None) -> Tensor:
        """A tensor of just this array, at this node of the graph."""
        return _tensor(array, node)

    @staticmethod
    def _of(array: Any) -> Tensor:
        """A tensor of these values alone, without a history."""
        return _tensor(np.asarray(array), None)

    def __getitem__(self, index: Any) -> Tensor:
        index = index_from(index)
        if index.__class__ is tuple and (steps := selected_first(index)):
            return self[steps[0]][steps[1]]
        try:
            return Tensor.apply(ix.getitem, self, index=index)
        except IndexError as error:
            raise IndexError(f"index {index!r} into a tensor of shape {self.shape}: {error}") from None

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d tensor: it is a single number")
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor: it is a single number")
        return len(self._array)

    def __contains__(self, value: Any) -> bool:
        if operand(value) is None:
            raise TypeError(f"in: a tensor holds numbers, and {value!r} is a {type(value).__name__}")
        return bool((self._array == (value._array if isinstance(value, Tensor) else value)).any())

    __hash__ = object.__hash__  # by identity, although == compares elements


def _restored(kind: type[Tensor], array: np.ndarray, requires_grad: bool, name: str | None, grad: Any) -> Tensor:
    """A leaf again, made now: its place in the order of creation is a new one."""
    t = object.__new__(kind)
    t._array, t._node, t._name = array, None, name
    t.requires_grad = requires_grad
    if grad is not None:
        t.grad = grad
    return t


def _tensor(array: np.ndarray, node: ArrayNode | None) -> Tensor:
    """A Tensor of just this array, without a copy."""
    t = _new(Tensor)
    t._array = array
    t._node = node
    return t


_new: Callable[[type[Tensor]], Tensor] = object.__new__
