"""What comes out of the layers of a model, in the forward passes of one step: hooks on its modules."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.engine import Node
from minigrad.grad_mode import is_grad_enabled
from minigrad.hooks import ObserverHook, RemovableHandle
from minigrad.nn.activations import ReLU
from minigrad.nn.module import Module
from minigrad.teach.samples import Outputs, named
from minigrad.tensors.module_calls import calls
from minigrad.tensors.tensor import Tensor


class Stopwatch:
    """Measures the processor's time, of this thread, that is spent in its `with` blocks; the clock on the wall also
    goes while others compute. In the blocks, arithmetic on infinities is no reason to warn."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._began = time.thread_time()
        self._quiet = np.errstate(all="ignore")
        self._quiet.__enter__()

    def __exit__(self, *exc: Any) -> None:
        self._quiet.__exit__(*exc)
        self.seconds += time.thread_time() - self._began


class Looking:
    """Hooks on all modules of a model, and what they see in the forward passes of one step."""

    def __init__(self, model: Module, timed: Stopwatch) -> None:
        self.model, self._timed = model, timed
        self._handles: list[RemovableHandle] = []

    def hang(self) -> None:
        """Begin with nothing seen."""
        self.remove()
        self.found: dict[str, Outputs] = {}
        self.active: dict[str, tuple[int, np.ndarray]] = {}  # of a ReLU: how many examples, which units were above 0
        self.shape: tuple[int, ...] = ()  # of what the model gave
        self._of_modules: set[Node | None] = set()  # the nodes of ReLUs that are modules
        self._names = {module: named(path, module) for path, module in self.model.named_modules()}
        self._since = engine.tick()
        hook = ObserverHook(self._look)
        for module in self._names:
            self._handles.append(module.register_forward_hook(hook))

    def remove(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _look(self, module: Module, inputs: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple | list) and output else output
        if is_grad_enabled() and isinstance(first, Tensor) and first.dtype.kind == "f":  # no evaluation, no indices
            with self._timed:
                self._look_at(module, inputs, first)

    def _look_at(self, module: Module, inputs: Any, first: Tensor) -> None:
        node, array = first.node, first._array
        given = inputs[0]._array if inputs and isinstance(inputs[0], Tensor) else np.empty(0)
        same = np.may_share_memory(given, array) and not getattr(module, "inplace", False)  # as Flatten's
        holds_others = module._modules and not module._parameters
        if not same and not holds_others:
            self._note(self._names[module], array)
        if isinstance(module, ReLU):
            self._note_active(self._names[module], array > 0, node)
            self._of_modules.add(node)
        if module is self.model:
            self.shape = first.shape
            if node is not None:
                self._look_for_functions(node)

    def _note(self, layer: str, array: np.ndarray) -> None:
        outputs = Outputs.of(array)
        self.found[layer] = self.found[layer].joined(outputs) if layer in self.found else outputs

    def _note_active(self, relu: str, active: np.ndarray, node: Node | None) -> None:
        axis = _axis_of_units(node, active.ndim) % max(active.ndim, 1)
        units = np.asarray(active.any(axis=tuple(i for i in range(active.ndim) if i != axis)))
        examples, earlier = self.active.get(relu, (0, units))
        examples += active.size // max(units.size, 1) if axis == 0 else len(active)
        self.active[relu] = examples, units | earlier if earlier.shape == units.shape else units

    def _look_for_functions(self, end: Node) -> None:
        """Those ReLUs that are no modules: `relu(x)` in a forward of one's own."""
        order: list[Any] = engine.reverse_topological_order([end], since=self._since)
        self._since = engine.tick()
        relus = [
            node
            for node in order
            if node.primitive is not None and node.primitive.name == "relu" and node not in self._of_modules
        ]
        if not relus:
            return
        home = {node: call.module for node, call in calls(order).items()}
        count: dict[str, int] = {}
        for node in reversed(relus):
            source = node.inputs[0]
            while home.get(source) is home.get(node) and any(source.inputs):  # to the module that computed its input
                source = next(s for s in source.inputs if s is not None)
            layer = self._names.get(home.get(source, self.model), type(self.model).__name__)
            count[layer] = count.get(layer, 0) + 1
            relu = f"relu after {layer}" + (f", {count[layer]}" if count[layer] > 1 else "")
            self._note(relu, np.maximum(node.saved[0], 0))
            self._note_active(relu, node.saved[0] > 0, node)


def _axis_of_units(node: Any, dimensions: int) -> int:
    """Along which axis a layer's output has its units: the channels of a convolution, else the last."""
    while node is not None and node.primitive is not None:
        if node.primitive.name.startswith("conv"):
            return 1 - len(node.shape)
        if node.primitive.name in ("linear", "matmul"):
            return -1
        node = node.inputs[0]
    return -1 if dimensions <= 3 else 1 - dimensions
