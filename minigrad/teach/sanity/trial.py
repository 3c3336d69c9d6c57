"""A forward and a backward pass of the network, and what `sanity` sees in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minigrad import engine
from minigrad.autograd.gradients import grads
from minigrad.engine import reverse_topological_order
from minigrad.hooks import ObserverHook
from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.program.values import values
from minigrad.teach.causes import Batch, Scene
from minigrad.teach.reach import reach
from minigrad.teach.restoring import is_lazy, same_generators
from minigrad.teach.samples import Outputs, Sample, named, norm
from minigrad.teach.sanity import inside
from minigrad.teach.sanity.examples import Examples
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

EXAMPLES = 128
"""The number of examples that are looked at; of a larger batch, the first."""


class Layer(NamedTuple):
    """The output of a module: its name, shape, and standard deviation over the examples."""

    name: str
    shape: tuple[int, ...]
    signal: float
    outputs: Outputs


class Trial:
    """A forward and a backward pass, and what was seen in them."""

    def __init__(self, model: Module, loss: Any, batch: Examples) -> None:
        self.model, self.loss, self.whole = model, loss, batch
        self.inside = loss is None  # whether the model computes its loss
        self.batch = batch.take(np.arange(EXAMPLES)) or batch if batch.n > EXAMPLES else batch
        self.scene = Scene(model, None, batch=Batch.of(self.floats(batch.X)))
        self.find_trainable()
        self.output: Any = None
        self.layers: list[Layer] = []
        self.gradients: dict[str, np.ndarray | None] = {}
        self.found: dict[Any, np.ndarray] = {}  # the values of the nodes
        self.moved: dict[str, bool] = {}  # whether each parameter had a gradient other than 0
        self.same = ""  # of the units of a layer that stay the same, what there is to say
        self.foreign: list[Any] = []  # the nodes of tensors that the output depends on, and that are no parameters
        self.several = False  # whether the model returns several outputs, of which the first is looked at

    def floats(self, X: np.ndarray) -> np.ndarray:
        """Return inputs as floats, indices of an embedding as they are."""
        embedded = any("Embedding" in type(module).__name__ for module in self.model.modules())
        return X if X.dtype.kind == "f" or embedded else X.astype(np.float64)

    def run(self, batch: Examples) -> tuple[Tensor, Tensor]:
        """Return the model's output and the loss. Random numbers are the same each time."""
        X = as_tensor(batch.X.copy())  # the model may write to it
        dtypes = [p.dtype for p in self.model.parameters() if not is_lazy(p) and p.dtype.kind == "f"]
        if X.dtype.kind == "f" and dtypes:
            X = X.to(dtypes[0])
        with same_generators():
            if self.inside:
                y = batch.targets  # an array becomes a tensor, as the inputs do
                output, result = inside.parts(self.model(X, as_tensor(y) if isinstance(y, np.ndarray) else y))
            else:
                output = self.model(X)
                self.output = output if self.output is None else self.output
                result = self.loss(output, batch.targets)
        if not isinstance(result, Tensor) or result.numel() != 1:
            got = f"shape {result.shape}" if isinstance(result, Tensor) else class_name(result)
            raise ValueError(f"the loss must be a tensor with one element, got {got}; average it, .mean()")
        self.several = isinstance(output, tuple | list)
        return output[0] if self.several else output, result

    def pass_through(self) -> None:
        """Make a forward and a backward pass, and note what is seen in them."""
        handles, since = self._attach(), engine.tick()
        try:
            self.output, self.result = self.run(self.batch)
        finally:
            for handle in handles:
                handle.remove()
        if self.inside:
            self.loss = inside.loss_of(self.output, self.batch.targets, self.result)
        self.scene.reach = reach(self.output.node, self.batch.X, since)
        self.scene.inputs = self.batch.X
        self.find_trainable()
        self.foreign = self._foreign()
        if self.result.node is not None:
            self.found = dict(values(self.result))  # which the backward pass releases
        self.gradients = self.gradients_of(self.result)
        self.moved = {name: g is not None and bool(g.any()) for name, g in self.gradients.items()}
        if self.result.node is not None:
            for node in reverse_topological_order([self.result.node]):
                source: Any = (
                    node.inputs[0] if node.primitive is not None and node.primitive.name == "reshape" else None
                )
                if source is not None and node in self.found:  # of a flattened array, only the copy is saved
                    self.found.setdefault(source, self.found[node].reshape(source.shape))
            self.scene.values = self.found
            self.scene.look_at_loss(self.result.node, self.output.node)
        # some causes wait for more samples, as chance batches may look like them; here there is one batch to look at
        self.scene.ended = True
        outputs = {layer.name: layer.outputs for layer in self.layers}
        sizes = {name: norm([g]) for name, g in self.gradients.items() if g is not None}
        self.scene.samples = 3 * [Sample(1, outputs=outputs, gradients=sizes)]

    def layers_of(self, batch: Examples) -> tuple[np.ndarray, list[Layer]]:
        """Return the output for a batch, and that of each layer."""
        before, self.layers = self.layers, []
        handles = self._attach()
        try:
            output = self.run(batch)[0]._array
        finally:
            for handle in handles:
                handle.remove()
            found, self.layers = self.layers, before
        return output, found

    def find_trainable(self) -> None:
        """Find the parameters to train; lazy layers have theirs only after a forward pass."""
        self.trainable = {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    def said_by(self, *causes: Callable[[Scene], Iterable[tuple[str, str]]]) -> str:
        """Return what the first of these causes says that is seen here; "" if none is."""
        return next((text for cause in causes for _, text in cause(self.scene)), "")

    @property
    def beyond(self) -> list[Any]:
        """The nodes between the model's output and the loss."""
        return self.scene.between

    def rows(self, array: np.ndarray) -> np.ndarray | None:
        """Return the outputs, or what has their shape, as rows of scores for the targets; None if they do not fit."""
        y = self.batch.y
        if y is not None and array.ndim > 1 and y.shape == (array.shape[0], *array.shape[2:]):
            return np.moveaxis(array, 1, -1).reshape(-1, array.shape[1])
        if y is not None and array.ndim > 1 and array.size // array.shape[-1] == y.size:
            return array.reshape(-1, array.shape[-1])
        return None

    def scores_and_labels(self, scores: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the outputs, or other scores, as rows, and their classes; None for other kinds of loss."""
        out, y = self.output._array if scores is None else scores, self.batch.y
        if y is None or y.dtype.kind not in "iu" or out.dtype.kind != "f":
            return None
        rows, labels = self.rows(out), y.reshape(-1)
        if rows is None or rows.shape[1] < 2 or labels.min() < 0 or labels.max() >= rows.shape[1]:
            return None
        return rows.astype(float), labels

    def cross_entropy(self) -> tuple[int, float | None, bool]:
        """Return the number of classes (0 if the loss is no cross entropy), the mean loss, and whether it is a sum."""
        pair, loss = self.scores_and_labels(), self.result.item()
        if pair is not None:
            rows, each = pair[0], cross_entropies(*pair)
            if math.isclose(abs(loss), each.mean(), rel_tol=1e-3):
                return rows.shape[1], loss, False
            if math.isclose(loss, each.sum(), rel_tol=1e-3):
                return rows.shape[1], float(each.mean()), True
        names = {node.primitive.name for node in self.beyond}
        if names & {"cross_entropy", "log_softmax"} and self.output.ndim > 1:
            classes = pair[0].shape[1] if pair is not None else self.output.shape[1]
            return classes, None, False
        return 0, None, False

    def is_contrastive(self) -> bool:
        """Return whether each example is compared with all others, and its class is its own index."""
        n = self.batch.n
        return self.output.shape == (n, n) and self.batch.y is not None and np.array_equal(self.batch.y, np.arange(n))

    def is_squared_error(self) -> bool:
        """Return whether the loss is the mean squared error of outputs and targets."""
        out, y = self.output._array, self.batch.y
        if y is None or y.dtype.kind not in "fiu" or y.shape != out.shape:
            return False
        return math.isclose(self.result.item(), float(np.mean((out.astype(float) - y) ** 2)), rel_tol=1e-3)

    def is_binary(self) -> bool:
        """Return whether the loss is the binary cross entropy of outputs, scores or probabilities, and targets."""
        out, y = self.output._array.astype(float), self.batch.y
        if y is None or y.dtype.kind not in "fiub" or y.shape != out.shape or y.min() < 0 or y.max() > 1:
            return False
        losses = [np.logaddexp(0, out) - y * out]
        if out.min() >= 0 and out.max() <= 1:
            losses.append(-y * np.log(out + 1e-12) - (1 - y) * np.log(1 - out + 1e-12))
        return any(math.isclose(self.result.item(), each.mean(), rel_tol=1e-3) for each in losses)

    def _foreign(self) -> list[Any]:
        """Return the nodes of tensors that require a gradient, are no parameters of the model, and make its output."""
        known = {p.node for p in self.model.parameters()}
        graph: list[Any] = reverse_topological_order([self.output.node]) if self.output.node is not None else []
        return [
            node for node in graph if node.primitive is None and node not in known and node.shape[:1] != (self.batch.n,)
        ]

    def _attach(self) -> list[Any]:
        names = {module: named(path, module) for path, module in self.model.named_modules()}

        def look(module: Module, inputs: Any, output: Any) -> None:
            first = output[0] if isinstance(output, tuple | list) and output else output
            container = module._modules and not module._parameters
            if isinstance(first, Tensor) and first.dtype.kind == "f" and first.ndim and not container:
                self.layers.append(
                    Layer(names[module], first.shape, self.signal(first._array), Outputs.of(first._array))
                )

        return [module.register_forward_hook(ObserverHook(look)) for module in names]

    def signal(self, array: np.ndarray) -> float:
        """Return the standard deviation over the examples, 0 where they differ by rounding alone."""
        axis = next((i for i, size in enumerate(array.shape[:2]) if size == self.batch.n), 0)
        if self.batch.n > 1 and equal_along(array, axis):
            return 0.0
        spread = array.astype(float).std(axis=axis if self.batch.n > 1 else None)
        return float(np.sqrt(np.mean(np.square(spread))))

    def gradients_of(self, result: Tensor) -> dict[str, np.ndarray | None]:
        """Return the gradient of each parameter to train, None where there is none."""
        if result.node is None:
            return dict.fromkeys(self.trainable)
        found = grads(result, [*self.trainable.values()], allow_unused=True)
        return {name: None if g is None else np.array(g._array) for name, g in zip(self.trainable, found)}


@contextmanager
def mode(model: Module, training: bool) -> Iterator[None]:
    """Within the context, all modules are in training or evaluation mode."""
    modes = [(module, module.training) for module in model.modules()]
    for module, _ in modes:
        module.training = training
    try:
        yield
    finally:
        for module, before in modes:
            module.training = before


def equal_along(array: np.ndarray, axis: int = 0) -> bool:
    """Return whether numbers are the same along an axis; a product of matrices may round equal rows differently."""
    eps = 8 * np.finfo(array.dtype).eps if array.dtype.kind == "f" else 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.ptp(array.astype(float), axis=axis).max(initial=0)
    return bool(apart <= eps * np.abs(array).max(initial=0))


def cross_entropies(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the cross entropy of each row of scores."""
    shifted = scores - scores.max(1, keepdims=True)
    each: np.ndarray = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(scores)), labels]
    return each
