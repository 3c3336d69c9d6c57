"""Network: a model and a loss as the lecture's loop wants them: one vector x, one gradient dx."""

from __future__ import annotations

import math
import sys
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.hooks import RemovableHandle
from minigrad.nn.module import Module, Parameter
from minigrad.tensors import saved
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor


class Loss(float):
    """The loss as the float it is, which `minigrad.draw` can still draw: `.tensor` is the end of its graph, or None
    once the next forward pass has replaced it."""

    _tensor: weakref.ref[Tensor]

    @property
    def tensor(self) -> Tensor | None:
        """The loss as a tensor, for as long as the network holds its graph."""
        return self._tensor()

    def __reduce__(self) -> tuple[Any, ...]:
        return float, (float(self),)  # copied or pickled, it is only the number


def _references(vectors: list[np.ndarray], i: int) -> int:
    return sys.getrefcount(vectors[i])


_ALONE = _references([np.empty(0)], 0)  # for an array that only the list holds; other Pythons count otherwise


class Network:
    """A model and its loss, with all parameters in one flat vector `x`.

    Args:
        model: any module; called with the batch's inputs.
        loss: called with (what the model gave, the batch's targets); gives a tensor of one number.

    `x` is a NumPy vector that shares its memory with the parameters, so the lecture's line trains the model:

        x = network.x
        while True:
            data_batch = dataset.sample_data_batch()
            loss = network.forward(data_batch)
            dx = network.backward()
            x += - learning_rate * dx

    The `+=` matters: `x = x - learning_rate * dx` makes another vector, which is nobody's parameters. To take values
    over from such a vector: `network.x = x`.

    Raises:
        ValueError: for a model without parameters, or with parameters of several dtypes.

    >>> from minigrad import nn, data, manual_seed
    >>> _ = manual_seed(0)
    >>> network = Network(nn.Linear(2, 3), nn.CrossEntropyLoss())
    >>> network.names()
    {'weight': slice(0, 6, None), 'bias': slice(6, 9, None)}
    >>> loss = network.forward(data.spiral().sample_data_batch())
    >>> dx = network.backward()
    >>> dx.shape == network.x.shape
    True
    """

    def __init__(self, model: Module, loss: Callable[..., Tensor]) -> None:
        if not isinstance(model, Module):
            raise TypeError(f"Network(model, loss): the model is an nn.Module, got {type(model).__name__}")
        if not callable(loss):
            raise TypeError(f"Network(model, loss): the loss is called with (scores, targets); got {loss!r}")
        self.model, self.loss = model, loss
        self._parameters = dict(model.named_parameters())
        self._refuse_hidden()
        dtypes = {str(p.dtype) for p in self._parameters.values()}
        if len(dtypes) != 1:
            raise ValueError(
                f"Network: the parameters have {len(dtypes)} dtypes, {sorted(dtypes)}, and do not fit into one vector x"
                if dtypes
                else f"Network: {type(model).__name__} has no parameters to train"
            )
        ends = np.cumsum([p.numel() for p in self._parameters.values()]).tolist()
        self._slices = {n: slice(e - p.numel(), e) for (n, p), e in zip(self._parameters.items(), ends)}
        self._x = np.empty(ends[-1], dtypes.pop())
        self._views: dict[str, np.ndarray] = {}
        self._owners: dict[str, np.ndarray] = {}  # of the views, as the guard knows them
        self._adopt()
        self._before = self._x.copy()  # x at the last forward pass
        self._result: Tensor | None = None
        self._unchanged = 0  # rounds of forward and backward, with a dx that is not 0, since x last changed
        self._warned = False
        self._went_back = False
        self._vectors: list[np.ndarray] = []  # the last two dx
        self._pre_hooks: list[Any] = []
        self._hooks: list[Any] = []
        self._backward_hooks: list[Any] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.model, self.loss)  # a copy has an x of its own, which its own parameters show

    def _refuse_hidden(self) -> None:
        """Raise for modules and parameters in plain lists, which a module does not see and nothing would train."""
        known: set[Any] = {*self._parameters.values(), *self.model.modules()}
        for path, module in self.model.named_modules():
            for attribute, value in vars(module).items():
                if isinstance(value, list | tuple) and {v for v in value if isinstance(v, Module | Parameter)} - known:
                    raise ValueError(
                        f"Network: {f'{path}.' if path else ''}{attribute} is a plain {type(value).__name__} of "
                        "modules or parameters, which would not be trained: make it nn.Sequential(*layers)"
                    )

    def _adopt(self) -> None:
        """Make every parameter a view into x; a parameter that was given other memory brings its values along."""
        for name, p in self._parameters.items():
            if p._array is self._views.get(name):
                continue
            piece = self._x[self._slices[name]]
            if p.numel() != piece.size:
                raise ValueError(f"{name} now has shape {p.shape}, but {piece.size} elements in x: make a new Network")
            piece[...] = p._array.ravel()
            # through a memoryview, so that each parameter counts as memory of its own when writes are watched
            self._owners[name] = np.asarray(piece.data)
            self._views[name] = self._owners[name].reshape(p.shape)
            saved.expose(self._owners[name])
            p._set_array(self._views[name])

    @property
    def x(self) -> np.ndarray:
        """All parameters as one vector, in the order of `names()`; `x += …` trains, `network.x = v` copies v in."""
        self._adopt()
        return self._x

    @x.setter
    def x(self, value: Any) -> None:
        value = np.asarray(value)
        if value.shape != self._x.shape:
            raise ValueError(f"network.x is a vector of shape {self._x.shape}; got one of shape {value.shape}")
        if value is not self._x:
            self._adopt()
            self._x[...] = value

    def names(self) -> dict[str, slice]:
        """Which slice of x (and dx) is which parameter."""
        return dict(self._slices)

    def forward(self, data_batch: Any) -> Loss:
        """The loss on a batch.

        Args:
            data_batch: a pair (X, y) of inputs and targets, as `sample_data_batch` gives; arrays or tensors.

        Raises:
            ValueError: for what is not a pair, an empty batch, or a loss that is not one number.
        """
        if not isinstance(data_batch, list | tuple) or len(data_batch) != 2:
            raise ValueError(
                f"forward takes a batch (X, y) of inputs and targets; got {type(data_batch).__name__}"
                + (f" of {len(data_batch)}" if hasattr(data_batch, "__len__") else "")
            )
        if [*map(id, self.model.parameters())] != [*map(id, self._parameters.values())]:
            raise RuntimeError(
                "forward: the model has other parameters than when this network was made, and x does not hold them. "
                "Make a new one, Network(model, loss), and take its x"
            )
        inputs, targets = as_tensor(data_batch[0]), data_batch[1]
        if inputs.shape[:1] == (0,):
            raise ValueError(f"forward: the batch is empty; its inputs have shape {inputs.shape}")
        self._adopt()
        self._note_x()
        for hook in tuple(self._pre_hooks):
            hook(self, data_batch)
        if inputs.dtype.kind == "f":
            inputs = inputs.to(self._x.dtype)
        if inputs is not data_batch[0]:
            inputs.name = inputs.name or "X"
        with saved.trusted(self._owners.values()):  # x is handed out, but backward compares all of it
            result = self.loss(self.model(inputs), targets)
        if not isinstance(result, Tensor) or result.numel() != 1:
            got = f"shape {result.shape}" if isinstance(result, Tensor) else type(result).__name__
            raise ValueError(f"forward: the loss is to be a tensor of one number, got {got}; average it: .mean()")
        if result.node is not None:
            result.node.check = weakref.WeakMethod(self._check_x)
        self._result, self._went_back = result, False
        loss = Loss(result.item())
        loss._tensor = weakref.ref(result)
        for hook in tuple(self._hooks):
            hook(self, data_batch, loss)
        if math.isnan(loss):
            warnings.warn(
                "the loss is nan; run this forward under minigrad.detect_anomaly() to see which operation made it. "
                "A learning rate that is too high is the usual cause",
                RuntimeWarning,
                stacklevel=2,
            )
        return loss

    def _note_x(self) -> None:
        """Remember x as it is now, and see whether the user's updates reach it at all."""
        if not self._same_x():
            self._before[...] = self._x
            self._unchanged = 0
        elif self._unchanged >= 3 and not self._warned:
            self._warned = True
            warnings.warn(
                "x has not changed in three rounds of forward and backward, so nothing is being trained. "
                "`x = x - learning_rate * dx` makes a copy: write `x += -learning_rate * dx`, or assign network.x = x",
                RuntimeWarning,
                stacklevel=3,
            )

    def _same_x(self) -> bool:
        bits = f"u{self._x.itemsize}"  # as bits, nan equals nan
        return np.array_equal(self._before.view(bits), self._x.view(bits))

    def _check_x(self) -> None:
        """Raise when x is not what it was in the last forward pass; asked by the graph when a pass goes back."""
        self._adopt()
        if not self._same_x():
            raise RuntimeError(
                "x was changed between forward and backward, but the gradient belongs to the x of the forward pass. "
                "Update x after backward"
            )

    def backward(self) -> np.ndarray:
        """The gradient of the last forward's loss with respect to x: one vector dx, new each time.

        Every parameter's `.grad` becomes its view of dx.

        Raises:
            RuntimeError: without a forward pass before it, or when x was changed in between.
        """
        result = self._result
        if result is None:
            raise RuntimeError("backward comes after forward: there is no loss yet. Call loss = network.forward(batch)")
        if self._went_back:
            raise RuntimeError(
                "backward was called twice after one forward: its graph is used up, and the gradient would be the "
                "same. Call network.forward(data_batch) again"
            )
        if not result.requires_grad:
            raise RuntimeError(
                "backward: nothing in the last forward pass requires a gradient: it ran under no_grad(), or all "
                "parameters are frozen, or the result was detached"
            )
        for p in self._parameters.values():
            p.grad = None
        dx = self._vector()
        others = []
        places = {p.node: dx[self._slices[name]].reshape(p.shape) for name, p in self._parameters.items()}
        for node, g, _ in engine.walk({result.node: result.seed()}):  # type: ignore[dict-item]
            if node in places:
                places[node][...] = g  # at once, so that the memory of g can serve the next one
            elif node.stores_grad:
                others.append((node, g))
        for node, g in others:
            node.accumulate_grad(g, shared=True)
        for name, p in self._parameters.items():
            if p.requires_grad:
                p.grad = as_tensor(dx[self._slices[name]].reshape(p.shape))
                for hook in tuple(p.node.post_accumulate_hooks or ()):  # type: ignore[union-attr]
                    hook()
        self._went_back = True
        self._unchanged += bool(dx.any())  # at a flat place, x is right to stay
        for hook in tuple(self._backward_hooks):
            hook(self, dx)
        return dx

    def _vector(self) -> np.ndarray:
        """Zeros to become the next dx: new memory, or that of an earlier dx which nobody holds any more.

        (Fresh memory costs a page fault per 4 KiB, which can take longer than the arithmetic.)
        """
        for i in range(len(self._vectors)):
            if _references(self._vectors, i) == _ALONE:
                self._vectors[i].fill(0)
                return self._vectors[i]
        vector = np.zeros_like(self._x)
        self._vectors = [*self._vectors[-1:], vector]  # two: the caller's dx is still there when the next is made
        return vector

    # ---- hooks: they look, and what they return is not used ----------------------------------------------------

    def register_forward_pre_hook(self, hook: Callable[[Network, Any], None]) -> RemovableHandle:
        """Have hook(network, data_batch) called before each forward pass: after the update, if there was one."""
        return RemovableHandle(self._pre_hooks, hook)

    def register_forward_hook(self, hook: Callable[[Network, Any, Loss], None]) -> RemovableHandle:
        """Have hook(network, data_batch, loss) called after each forward pass."""
        return RemovableHandle(self._hooks, hook)

    def register_backward_hook(self, hook: Callable[[Network, np.ndarray], None]) -> RemovableHandle:
        """Have hook(network, dx) called after each backward pass.

        >>> from minigrad import nn
        >>> network = Network(nn.Linear(2, 1), nn.MSELoss())
        >>> handle = network.register_backward_hook(lambda network, dx: print(dx.shape))
        >>> loss = network.forward(([[1.0, 2.0]], [[3.0]]))
        >>> dx = network.backward()
        (3,)
        >>> handle.remove()
        """
        return RemovableHandle(self._backward_hooks, hook)
