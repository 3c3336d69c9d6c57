"""Forward hooks that record the outputs of a model's layers during one step."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.engine import Node
from minigrad.grad_mode import is_grad_enabled
from minigrad.hooks import ObserverHook, RemovableHandle, watchers
from minigrad.nn.activations import ReLU, Sigmoid, Tanh
from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.scalar import Value
from minigrad.teach.causes import Batch
from minigrad.teach.lanes import as_arrays
from minigrad.teach.loss_graph import arrays, nodes_of, result_of
from minigrad.teach.reach import Reach, ignores, reach
from minigrad.teach.samples import Outputs, axis_of_units, named, norm
from minigrad.tensors.module_calls import calls
from minigrad.tensors.tensor import Tensor
from minigrad.viz.training.loose_parameters import Parameters

MULTIPLYING = ("linear", "matmul", "conv")
"""The primitives whose second operand is a weight."""
ACTIVATIONS = ("relu", "tanh", "sigmoid")
KEPT = 1 << 16
"""The number of elements of a result beyond which it is not kept."""


class Stopwatch:
    """Measures the processor time spent in `with` blocks, and silences NumPy's warnings in them.

    Wall-clock time would also count the time of other processes. Several threads may train the model.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._entered: dict[int, list[tuple[float, np.errstate]]] = {}  # for each thread, the blocks that it is in

    def __enter__(self) -> None:
        errstate = np.errstate(all="ignore")
        self._entered.setdefault(threading.get_ident(), []).append((time.thread_time(), errstate))
        errstate.__enter__()

    def __exit__(self, *exc: Any) -> None:
        started, errstate = self._entered[threading.get_ident()].pop()
        errstate.__exit__(*exc)
        self.seconds += time.thread_time() - started


class ActivationHooks:
    """Forward hooks on all modules of a model, and what they record during one step.

    Attributes:
        outputs: the outputs of each layer.
        active: for each ReLU the number of examples, and which units were above 0.
        shape, output: the shape and the node of the model's output.
        batch: statistics of the inputs of the model's first call.
        calls: the number of calls of the model.
        same: whether all examples of the inputs were the same, in each call; None for fewer than four.
        zero: whether all inputs were 0, in each call; None if they were no floats.
        predicted: whether the model was called without recording.
        takes_targets: whether the model returns the loss as well, which it computes from its second input.
        called: the names of the modules that were called.
        values: the results of the operations of this step, by node.
        training: whether the model was in training mode.
        inputs: the inputs of the model, as an array; None where it gets several.
        table: of several inputs, such as x and a time, the columns of all; None for one.
        others: its further inputs that are indices.
        reach: what the result of an example depends on; None where that is not known.
        created: the shape of a weight that the forward pass created, which no module has; None if there is none.
        levelled: a normalization that gives all examples the same result, though they differ; None if there is none.
        spread: the standard deviation of the results over the examples, and that as a part of their size; nan for one
            example, or one number each.
        views: where the model gets two batches of one shape, how far apart their rows are; nan for others.
        ignores: whether the graph has no numbers from the further inputs.
        unread: the first layer, if it gets the same numbers for each example and the model gives the same results.
    """

    def __init__(self, model: Module, stopwatch: Stopwatch) -> None:
        self.model, self._stopwatch = model, stopwatch
        self._handles: list[RemovableHandle] = []
        self._watches: list[Any] = []

    def attach(self, walks: bool = False, keeps_values: bool = False) -> None:
        """Attach the hooks and discard earlier records.

        If `walks`, the graph is walked for `reach`; if `keeps_values`, the results of all operations are kept.
        """
        self.detach()
        self.walks = walks
        self.outputs: dict[str, Outputs] = {}
        self.active: dict[str, tuple[int, np.ndarray]] = {}
        self.shape: tuple[int, ...] = ()
        self.output: Any = None
        self.batch: Batch | None = None
        self.calls = 0
        self.same: bool | None = None
        self.zero: bool | None = None
        self.predicted = self.takes_targets = False
        self.called: set[str] = set()
        self.training: bool | None = None
        self.inputs: np.ndarray | None = None
        self.table: np.ndarray | None = None
        self.others: list[np.ndarray] = []
        self.reach: Reach | None = None
        self.created: tuple[int, ...] | None = None
        self.levelled: str | None = None
        self.unread: str | None = None
        self.spread = (math.nan, math.nan)
        self.views = math.nan
        self.ignores = False
        self._views: list[np.ndarray] = []  # of the first call
        self._first: tuple[str, np.ndarray] | None = None  # the first layer with parameters, and what it got
        self._from_modules: set[Node | None] = set()  # the nodes computed by modules of their own
        self._names = {module: named(path, module) for path, module in self.model.named_modules()}
        self._since = engine.tick()
        self.values: dict[Any, np.ndarray] = {}
        self._activations: dict[Any, tuple[str, np.ndarray]] = {}  # of a network by hand, the results of activations
        self._keeps_values, by_hand = keeps_values, isinstance(self.model, Parameters)
        if keeps_values or by_hand:
            self._watches, self._thread = [self._keep], threading.get_ident()
            watchers.extend(self._watches)
        hook = ObserverHook(self._record)
        for module in self._names:
            self._handles.append(module.register_forward_hook(hook))

    def detach(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        watchers[:] = [w for w in watchers if w not in self._watches] if self._watches else watchers
        self._watches = []

    @property
    def batch_of_parts(self) -> Batch | None:
        """Statistics of what the first layer gets, of a model that is not called itself."""
        return None if self.calls or self.inputs is None else Batch.of(self.inputs)

    def _are_all(self, inputs: Any) -> bool:
        """Return whether the first of the inputs is the data: tokens, beside lengths or a state, which may be None."""
        tokens = _array(inputs[0]) if inputs else np.empty(0)
        given = all(i is None for i in inputs[1:])
        return given or (tokens.ndim == 2 and tokens.dtype.kind in "iu" and all(a.ndim < 2 for a in self.others))

    def _keep(self, primitive: Any, result: Any, direction: str, node: Any) -> None:
        """Keep a result of the forward pass, as a watcher of everything that is computed."""
        own = threading.get_ident() == self._thread
        if own and direction == "forward" and isinstance(node, Node) and getattr(result, "size", KEPT + 1) <= KEPT:
            array = np.asarray(result)
            if self._keeps_values:
                self.values[node] = array
            kind = "relu" if primitive.name == "maximum" and array.size and array.min() == 0 else primitive.name
            if kind in ACTIVATIONS:
                self._activations[node] = kind, array

    def record_by_hand(self, loss: Any) -> Any:
        """Record what a network without modules was given and has computed, from the graph of its loss.

        Returns:
            The node of the loss, that of arrays for Values; None where these cannot be compared.
        """
        if isinstance(loss, Value):
            assert isinstance(self.model, Parameters)
            found = as_arrays(loss, {*map(id, self.model.values())}) if self._keeps_values else None
            if found is None:
                return None
            loss, self.output, inputs = found
            if inputs is not None:
                self._take_inputs(inputs)
            return loss
        each = ((p, name) for module, name in self._names.items() for p in module._parameters.values())
        own = {p.node: name for p, name in each if p is not None}
        self.output = result_of(loss, own)
        order = [*nodes_of(self.output)]
        weighed = [n for n in order if n.primitive.name in MULTIPLYING and n.inputs[1] in own]
        given = {id(a): a for n in weighed if n.inputs[0] is None for a in arrays(n)}
        if len(given) == 1:  # of several, as of a recurrent network, one may be a state
            self._take_inputs(*given.values())
        layer = ""
        for node in reversed(order):
            layer = own.get(node.inputs[1], layer) if node in weighed else layer
            if node in self._activations and node is not self.output:
                kind, array = self._activations[node]
                self._add_outputs(name := f"{kind} after {layer}", array)
                if kind == "relu":
                    self._add_active(name, array > 0, node)
        return loss

    def _take_inputs(self, inputs: np.ndarray) -> None:
        self.inputs, self.batch, self.shape, self.calls = inputs, Batch.of(inputs), self.output.shape, 1
        self._compare_examples(inputs)

    def _record(self, module: Module, inputs: Any, output: Any) -> None:
        self.called.add(self._names[module])
        self.predicted |= module is self.model and module.training and not is_grad_enabled()
        first = first_result(output)
        self.takes_targets = isinstance(output, tuple | list) and any(getattr(o, "ndim", 1) == 0 for o in output)
        if is_grad_enabled() and isinstance(first, Tensor) and first.dtype.kind == "f":  # not evaluation or indices
            with self._stopwatch:
                self._record_output(module, inputs, first)

    def _record_output(self, module: Module, inputs: Any, first: Tensor) -> None:
        node, array = first.node, first._array
        input_array = _array(inputs[0]) if inputs else np.empty(0)
        shares_memory = np.may_share_memory(input_array, array)
        is_view = shares_memory and not getattr(module, "inplace", False)  # as the output of Flatten
        is_container = module._modules and not module._parameters
        if not is_view and not is_container:
            self._add_outputs(self._names[module], array)
        name = self._names[module]
        if self._first is None and module._parameters and not module._modules:
            self._first = name, input_array
            self.inputs = input_array  # those of the model, if it is called
        if "Norm" in class_name(module) and _is_constant(array) and not _is_constant(input_array):
            self.levelled = self.levelled or name
        if isinstance(module, ReLU):
            self._add_active(self._names[module], array > 0, node)
        if isinstance(module, ReLU | Sigmoid | Tanh):
            self._from_modules.add(node)
        if module is self.model:
            self.training = module.training
            self.shape, self.output = first.shape, node
            if self.calls == 0:  # what later calls get may come from the model itself, as a sampler's examples
                fed = self._first[1] if self._first is not None else input_array
                self.batch = Batch.of(fed if fed.dtype.kind == "f" and fed.size else input_array)
                self._views = [a for a in map(_array, inputs) if a.dtype.kind == "f"]
            self.calls += 1
            views = self._views[:2] if self.calls == 1 else [*self._views[:1], input_array]
            self.views = apart(*views) if len(views) == 2 and self.calls <= 2 else self.views
            self._compare_examples(input_array)
            self.spread = _spread(array)
            self.others = [a for a in map(_array, inputs[1:]) if a.dtype.kind in "iu" and a.size]
            self.others = [] if self.takes_targets else self.others
            self.inputs = input_array if len(inputs) == 1 or self.takes_targets or self._are_all(inputs) else None
            parts = [a.reshape(len(a), -1) for a in map(_array, inputs) if a.shape[:1] == input_array.shape[:1]]
            whole = len(parts) == len(inputs) > 1 and not self.takes_targets and input_array.dtype.kind == "f"
            self.table = np.concatenate(parts, 1) if whole and input_array.ndim == 2 else None
            if self._first is not None and _is_constant(array) and _is_constant(self._first[1]):
                self.unread = self._first[0] if not _is_constant(input_array) else None
            if node is not None:
                if self.walks and self.reach is None:
                    decoded = next((a for a in self.others if a.ndim == 2), None)
                    self.reach = reach(node, self.inputs if decoded is None else decoded, self._since)
                    self.ignores = len(inputs) > 1 and ignores(node, [*map(_array, inputs)], self._since)
                self._record_functions(node)

    def _compare_examples(self, inputs: np.ndarray) -> None:
        if inputs.ndim and len(inputs) >= 4:
            self.same = self.same is not False and bool((inputs == inputs[:1]).all())
        if self.batch is not None:
            self.zero = self.zero is not False and self.batch.low == 0 == self.batch.high

    def _add_outputs(self, layer: str, array: np.ndarray) -> None:
        outputs = Outputs.of(array)
        self.outputs[layer] = self.outputs[layer].joined(outputs) if layer in self.outputs else outputs

    def _add_active(self, relu: str, active: np.ndarray, node: Node | None) -> None:
        axis = axis_of_units(node, active.ndim) % max(active.ndim, 1)
        units = np.asarray(active.any(axis=tuple(i for i in range(active.ndim) if i != axis)))
        examples, earlier = self.active.get(relu, (0, units))
        examples += active.size // max(units.size, 1) if axis == 0 else len(active)
        self.active[relu] = examples, units | earlier if earlier.shape == units.shape else units

    def _record_functions(self, end: Node) -> None:
        """Record activations that are not modules: `relu(x)`, `x.tanh()` in the forward method of a model."""
        order: list[Any] = engine.reverse_topological_order([end], since=self._since)
        self._since = engine.tick()
        own = {p.node for p in self.model.parameters()}
        weights = (node.inputs[1] for node in order if node.primitive and node.primitive.name in MULTIPLYING)
        new = (w for w in weights if w is not None and w.primitive is None and w not in own and w in order)
        self.created = self.created or next((w.shape for w in new), None)
        found = [
            node
            for node in order
            if node.primitive is not None
            and node.primitive.name in ACTIVATIONS
            and node not in self._from_modules
            and node is not end  # the results may be at its ends, as the targets are
        ]
        if not found:
            return
        module_of = {node: call.module for node, call in calls(order).items()}
        count: dict[str, int] = {}
        for node in reversed(found):
            kind, home = node.primitive.name, module_of.get(node)
            if kind != "relu" and class_name(home).endswith(("Cell", "RNN", "GRU", "LSTM")):
                continue  # gates may be open or closed
            source = node.inputs[0]
            # go back to the module that computed the input
            while module_of.get(source) is home and any(source.inputs):
                source = next(s for s in source.inputs if s is not None)
            layer = self._names.get(module_of.get(source, self.model), class_name(self.model))
            name = f"{kind} after {layer}"
            count[name] = count.get(name, 0) + 1
            name += f", {count[name]}" if count[name] > 1 else ""
            self._add_outputs(name, np.maximum(node.saved[0], 0) if kind == "relu" else node.saved[0])
            if kind == "relu":
                self._add_active(name, node.saved[0] > 0, node)


def _array(given: Any) -> np.ndarray:
    """Return what a module was given as an array, an empty one for what is none."""
    return given._array if isinstance(given, Tensor) else given if isinstance(given, np.ndarray) else np.empty(0)


def first_result(output: Any) -> Any:
    """Return what a module returns; of several results, the first that is more than a number."""
    if not isinstance(output, tuple | list):
        return output
    return next((o for o in output if getattr(o, "ndim", 0)), output[0] if output else None)


def _spread(rows: np.ndarray) -> tuple[float, float]:
    """Return the root of the mean variance over the rows, and that as a part of the root of the mean square."""
    if rows.ndim < 2 or len(rows) < 4 or rows[0].size < 2 or rows.size > KEPT:
        return math.nan, math.nan
    deviation = math.sqrt(float(rows.var(axis=0, dtype=np.float64).mean()))
    return deviation, deviation / (norm([rows]) / math.sqrt(rows.size) or 1.0)


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean distance of the rows of two batches, as a part of that of any two rows; nan for other shapes."""
    if a.shape != b.shape or a.ndim < 2 or len(a) < 16 or a.size > KEPT:
        return math.nan
    x, y = (v.reshape(len(v), -1).astype(np.float64) for v in (a, b))
    squares = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1) - 2 * x @ y.T
    return float(squares.trace() / (len(x) * squares.mean() or 1.0)) if (a != b).any() else 0.0


def _is_constant(rows: np.ndarray) -> bool:
    """Return whether all of four rows or more are the same."""
    return rows.ndim > 1 and len(rows) >= 4 and bool((rows == rows[:1]).all())
