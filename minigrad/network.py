"""`Network`: a model and a loss for the lecture's training loop, with one vector x and one gradient dx."""

from __future__ import annotations

import math
import sys
import warnings
import weakref
from collections.abc import Callable
from typing import Any, NoReturn, Self

import numpy as np

from minigrad import engine
from minigrad.grad_mode import accumulate
from minigrad.hooks import RemovableHandle
from minigrad.nn.module import Module
from minigrad.output.words import class_name, printable
from minigrad.tensors import saved
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor


class Loss(float):
    """The loss as a float, which `minigrad.draw` can still draw: its `tensor` is the output of the graph.

    >>> from minigrad import nn
    >>> loss = Network(nn.Linear(2, 1), lambda scores, targets: scores.sum() * 0.0 + 1.5).forward(([[1.0, 2.0]], None))
    >>> loss, loss / 2
    (1.5, 0.75)
    """

    _tensor: weakref.ref[Tensor]

    @property
    def tensor(self) -> Tensor | None:
        """The loss as a tensor; None once the next forward pass has replaced its graph."""
        return self._tensor()

    def __reduce__(self) -> tuple[Any, ...]:
        return float, (float(self),)  # a copy or pickle is only the number


def _references(vectors: list[np.ndarray], i: int) -> int:
    return sys.getrefcount(vectors[i])


_ALONE = _references(
    [np.empty(0)], 0
)  # the count for an array that only the list holds; it depends on the Python version


class Network:
    """A model and its loss, with all parameters in one flat vector `x`.

    Args:
        model: any module; it is called with the inputs of a batch.
        loss: a function or module, called with (output of the model, targets of the batch); it returns a tensor with
            one element.

    `x` is a NumPy vector that shares its memory with the parameters, so the lecture's loop trains the model:

        x = network.x
        while True:
            data_batch = dataset.sample_data_batch()
            loss = network.forward(data_batch)
            dx = network.backward()
            x += - learning_rate * dx

    The `+=` matters: `x = x - learning_rate * dx` creates another vector and leaves the parameters unchanged. To copy
    such a vector into the parameters, assign `network.x = x`.

    Raises:
        TypeError: if the model is not a module, or the loss cannot be called.
        ValueError: if the model has no parameters, parameters of several dtypes, or layers in a plain list.

    >>> from minigrad import nn, data, manual_seed
    >>> _ = manual_seed(0)
    >>> network = Network(nn.Linear(2, 3), nn.CrossEntropyLoss())
    >>> network.names()
    {'weight': slice(0, 6, None), 'bias': slice(6, 9, None)}
    >>> network
    Network(
      (model): Linear(in_features=2, out_features=3, bias=True)
      (loss): CrossEntropyLoss()
      x: 9 parameters, float32
    )
    >>> loss = network.forward(data.spiral().sample_data_batch())
    >>> dx = network.backward()
    >>> dx.shape == network.x.shape
    True
    """

    def __init__(self, model: Module, loss: Callable[..., Tensor]) -> None:
        if not isinstance(model, Module):
            raise TypeError(f"Network(model, loss): model must be an nn.Module, got {class_name(model)}")
        if not callable(loss) or isinstance(loss, type):
            got = f"the class {loss.__name__}: call it, {loss.__name__}()" if isinstance(loss, type) else repr(loss)
            raise TypeError(f"Network(model, loss): loss must be a function of (scores, targets), got {got}")
        self.model, self.loss = model, loss
        self._parameters = dict(model._named_parameters())
        for attribute, what in model.unregistered():
            raise ValueError(f"Network: {attribute} is {what}")
        dtypes = {str(p.dtype) for p in self._parameters.values()}
        if len(dtypes) != 1:
            raise ValueError(
                f"Network: all parameters must have one dtype to share the vector x, got {sorted(dtypes)}"
                if dtypes
                else f"Network: {class_name(model)} has no parameters to train"
            )
        ends = np.cumsum([p.numel() for p in self._parameters.values()]).tolist()
        self._slices = {n: slice(e - p.numel(), e) for (n, p), e in zip(self._parameters.items(), ends)}
        self._x = np.empty(ends[-1], dtypes.pop())
        self._views: dict[str, np.ndarray] = {}
        self._owners: dict[str, np.ndarray] = {}  # the memory owners of the views, by which writes are tracked
        self._adopt()
        self._before = bytearray(self._x.tobytes())  # x at the last forward pass
        self._before_array = np.frombuffer(self._before, self._x.dtype)
        self._result: Tensor | None = None
        self._unchanged = 0  # rounds of forward and backward with a nonzero dx since x last changed
        self._warned = False
        self._backward_done = False
        self._vectors: list[np.ndarray] = []  # the last two dx, reused when nobody holds them
        self._pre_hooks: list[Any] = []
        self._hooks: list[Any] = []
        self._backward_hooks: list[Any] = []
        self._evaluate: Callable[..., Any] = _Evaluation([*self._parameters.values()])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.model, self.loss)  # a copy gets its own x, shared with its own parameters

    def __repr__(self) -> str:
        loss = getattr(self.loss, "__name__", None) or repr(self.loss)
        parts = [f"(model): {self.model!r}", f"(loss): {loss}", f"x: {self._x.size:,} parameters, {self._x.dtype}"]
        return "Network(\n  " + "\n".join(parts).replace("\n", "\n  ") + "\n)"

    def _adopt(self) -> None:
        """Make every parameter a view into x; copy the values of a parameter that was given other memory."""
        for name, p in self._parameters.items():
            if p._array is self._views.get(name):
                continue
            piece = self._x[self._slices[name]]
            if p.numel() != piece.size:
                raise ValueError(
                    f"{printable(name)} now has shape {p.shape}, but {piece.size} elements in x: create a new Network"
                )
            piece[...] = p._array.ravel()
            # through a memoryview, so that each parameter owns its memory when writes are tracked
            self._owners[name] = np.asarray(piece.data)
            self._views[name] = self._owners[name].reshape(p.shape)
            saved.expose(self._owners[name])
            p._set_array(self._views[name])

    @property
    def x(self) -> np.ndarray:
        """All parameters as one vector, in the order of `names()`. `x += …` trains, `network.x = v` copies v."""
        self._adopt()
        return self._x

    @x.setter
    def x(self, value: Any) -> None:
        value = np.asarray(value)
        if value.shape != self._x.shape:
            raise ValueError(f"network.x must be a vector of shape {self._x.shape}, got one of shape {value.shape}")
        if value is not self._x:
            self._adopt()
            self._x[...] = value

    def names(self) -> dict[str, slice]:
        """Return, for each parameter by name, its slice of x and dx."""
        return dict(self._slices)

    def __call__(self, *_: Any) -> NoReturn:
        """Raise: which of the two is meant?"""
        raise TypeError(
            "a Network is not called: network.forward((X, y)) computes the loss on a batch, network.model(X) the output"
        )

    def forward(self, data_batch: Any, *others: Any) -> Loss:
        """Compute the loss on a batch: loss(model(X), y).

        Args:
            data_batch: a pair (X, y) of inputs and targets, arrays or tensors, as `sample_data_batch` returns it.

        Returns:
            The loss as a float; its `tensor` can be drawn.

        Raises:
            TypeError: if inputs and targets are two arguments instead of a pair.
            ValueError: if the batch is not a pair or is empty, or the loss is not one number.
            RuntimeError: if the model has other parameters than when the network was created.
        """
        if others:
            raise TypeError("forward takes one batch, a pair: network.forward((X, y)) instead of network.forward(X, y)")
        if not isinstance(data_batch, list | tuple) or len(data_batch) != 2:
            raise ValueError(
                f"forward: the batch must be a pair (X, y) of inputs and targets, got {class_name(data_batch)}"
                + (f" of {len(data_batch)}" if hasattr(data_batch, "__len__") else "")
            )
        inputs, targets = as_tensor(data_batch[0]), data_batch[1]
        if inputs.shape[:1] == (0,):
            raise ValueError(f"forward: the batch is empty; its inputs have shape {inputs.shape}")
        self._adopt()
        self._note_x()
        for hook in tuple(self._pre_hooks):
            hook(self, data_batch)
        if inputs.dtype.kind == "f" and inputs.dtype != self._x.dtype:
            inputs = inputs.to(self._x.dtype)
        if inputs is not data_batch[0]:
            inputs.name = inputs.name or "X"
        with saved.trusted(self._owners.values()):  # x is exposed to the caller, but backward compares all of it
            result = self._evaluate(self.model, self.loss, inputs, targets)
        if not isinstance(result, Tensor) or result.numel() != 1:
            got = f"shape {result.shape}" if isinstance(result, Tensor) else class_name(result)
            raise ValueError(f"forward: the loss must be a tensor with one element, got {got}; average it, .mean()")
        if result.node is not None:
            result.node.check = weakref.WeakMethod(self._check_x)
        self._result, self._backward_done = result, False
        loss = Loss(result.item())
        loss._tensor = weakref.ref(result)
        for hook in tuple(self._hooks):
            hook(self, data_batch, loss)
        if math.isnan(loss):
            if np.isnan(inputs._array).any():
                cause = "The inputs of the batch contain nan: are values missing in the data?"
            elif np.isnan(self._x).any():
                cause = "x contains nan. The usual cause is a learning rate that is too high"
            else:
                cause = "x has no nan: look for log, sqrt or a division at 0 in the model or the loss"
            warnings.warn(
                "the loss is nan; run this forward under minigrad.detect_anomaly() to see which operation produced it. "
                + cause,
                RuntimeWarning,
                stacklevel=2,
            )
        return loss

    def _note_x(self) -> None:
        """Record x for `_check_x`; warn if the user's updates do not reach it."""
        if not self._same_x():
            self._before_array[...] = self._x
            self._unchanged = 0
        elif self._unchanged >= 3 and not self._warned:
            self._warned = True
            warnings.warn(
                "x has not changed in three rounds of forward and backward, so nothing is being trained. "
                "`x = x - learning_rate * dx` creates a copy: write `x += -learning_rate * dx`, or assign "
                "network.x = x",
                RuntimeWarning,
                stacklevel=3,
            )

    def _same_x(self) -> bool:
        return self._before == self._x.data  # one call of memcmp: nan equals nan

    def _check_x(self) -> None:
        """Raise if x has changed since the last forward pass; the graph calls this when a backward pass starts."""
        self._adopt()
        if not self._same_x():
            raise RuntimeError(
                "x was changed between forward and backward, but the gradient is that at the x of the forward pass. "
                "Update x after backward"
            )

    def backward(self) -> np.ndarray:
        """Compute the gradient of the last loss with respect to x: one vector dx, d loss / d x, new each time.

        Every parameter's `.grad` becomes its view of dx.

        Shape: dx has the shape of x.

        Raises:
            RuntimeError: if there was no forward pass since the last backward, or x was changed in between.
        """
        result = self._result
        if result is None:
            raise RuntimeError("backward: there is no loss yet. Call loss = network.forward(batch) first")
        if self._backward_done:
            raise RuntimeError(
                "backward was called twice after one forward, whose graph is freed; the gradient would be the same. "
                "Call network.forward(data_batch) again"
            )
        if not result.requires_grad:
            raise RuntimeError(
                "backward: nothing in the last forward pass requires a gradient: it ran under no_grad(), all "
                "parameters are frozen, or the result was detached"
            )
        for p in self._parameters.values():
            p.grad = None
        dx, others = self._vector(), dict[Any, np.ndarray]()
        views = self._views_of(dx)
        missing = {*views}
        walk: Any = getattr(result.node, "walk", engine.walk)  # a recorded loss has a shorter one
        for node, g, _ in walk({result.node: result.seed()}):
            if node in views:
                views[node][...] = g  # copy at once, so that the memory of g can be reused
                missing.discard(node)
            elif node.stores_grad:
                others[node] = np.array(g)
        for key in missing:  # frozen parameters, and those that the loss does not depend on
            views[key].fill(0)
        if others:
            accumulate(others)
        self._set_gradients(dx, views)
        self._backward_done = True
        self._unchanged += bool(dx[-1000:].any() or dx.any())  # where the loss is flat, x rightly stays
        for hook in tuple(self._backward_hooks):
            hook(self, dx)
        return dx

    def _views_of(self, dx: np.ndarray) -> dict[Any, np.ndarray]:
        """Return the view of dx for each parameter, by its node; by its name, if it requires no gradient."""
        return {p.node or name: dx[self._slices[name]].reshape(p._array.shape) for name, p in self._parameters.items()}

    def _set_gradients(self, dx: np.ndarray, views: dict[Any, np.ndarray] | None = None) -> None:
        """Make the `.grad` of every parameter that requires one its view of dx."""
        for node, view in (self._views_of(dx) if views is None else views).items():
            if not isinstance(node, str):
                node.grad = as_tensor(view)
                for hook in tuple(node.post_accumulate_hooks or ()):
                    hook()

    def _vector(self) -> np.ndarray:
        """Return a vector for the next dx: in the memory of an earlier dx that nobody holds any more, or new.

        New memory costs a page fault per 4 KiB, which can take longer than the arithmetic.
        """
        for i in range(len(self._vectors)):
            if _references(self._vectors, i) == _ALONE:
                return self._vectors[i]
        vector = np.empty_like(self._x)
        self._vectors = [
            *self._vectors[-1:],
            vector,
        ]  # two: the caller still holds the last dx when the next one is needed
        return vector

    def compile(self) -> Self:
        """Record the first round of forward and backward, and run the recording from then on. Return the network.

        The numbers stay the same, to the bit. When a round is recorded again, and what runs as before, is that of
        `minigrad.compile`. The loss of a recorded round has no graph to draw.

        >>> from minigrad import nn
        >>> network = Network(nn.Linear(2, 1), nn.MSELoss()).compile()
        >>> for _ in range(50):
        ...     loss = network.forward(([[1.0, 2.0]], np.array([[3.0]], np.float32)))
        ...     network.x[:] -= 0.1 * network.backward()
        >>> loss < 0.01
        True
        """
        from minigrad.program.compiled import Compiled

        self._evaluate = Compiled(_Evaluation([*self._parameters.values()]))
        return self

    # ---- hooks: their return values are ignored ----------------------------------------------------------------

    def register_forward_pre_hook(self, hook: Callable[[Network, Any], None]) -> RemovableHandle:
        """Call hook(network, data_batch) before each forward pass, after the update; return a removable handle."""
        return RemovableHandle(self._pre_hooks, hook)

    def register_forward_hook(self, hook: Callable[[Network, Any, Loss], None]) -> RemovableHandle:
        """Call hook(network, data_batch, loss) after each forward pass; return a removable handle."""
        return RemovableHandle(self._hooks, hook)

    def register_backward_hook(self, hook: Callable[[Network, np.ndarray], None]) -> RemovableHandle:
        """Call hook(network, dx) after each backward pass; return a removable handle.

        >>> from minigrad import nn
        >>> network = Network(nn.Linear(2, 1), nn.MSELoss())
        >>> handle = network.register_backward_hook(lambda network, dx: print(dx.shape))
        >>> loss = network.forward(([[1.0, 2.0]], [[3.0]]))
        >>> dx = network.backward()
        (3,)
        >>> handle.remove()
        """
        return RemovableHandle(self._backward_hooks, hook)


class _Evaluation:
    """The loss of a batch, of a model that has these parameters."""

    def __init__(self, parameters: list[Any]) -> None:
        self.parameters = parameters

    def __call__(self, model: Any, loss: Any, inputs: Any, targets: Any) -> Any:
        if [*map(id, model._all_parameters())] != [*map(id, self.parameters)]:
            raise RuntimeError(
                "forward: the model has other parameters than when this network was created, which x does not contain. "
                "Create a new one, Network(model, loss), and use its x"
            )
        return loss(model(inputs), targets)
