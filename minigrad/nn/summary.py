"""`summary`: a table of a model's modules with the shapes of their outputs and the numbers of their parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.nn.activations import Softmax
from minigrad.nn.layers import Linear
from minigrad.nn.module import Module
from minigrad.output.words import class_name, printable
from minigrad.tensors.creation import as_tensor, zeros
from minigrad.tensors.tensor import Tensor


class Row(NamedTuple):
    """One module of the model."""

    path: str
    kind: str
    depth: int
    shape: str  # of its output; empty if it was not called
    parameters: int  # of the module and its submodules, each counted once
    calls: int


class Summary(NamedTuple):
    """A table of modules with totals; `print` shows it as text, with what looks like a mistake in the model."""

    rows: tuple[Row, ...]
    total: int
    trainable: int
    buffers: int
    megabytes: float
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        lines = [("layer", "output shape", "parameters")]
        for path, kind, depth, shape, parameters, calls in self.rows:
            name = "  " * depth + (f"{path.rpartition('.')[2]}: {kind}" if path else kind)
            lines.append(
                (
                    printable(name),
                    shape + (f"  x{calls}" if calls > 1 else ""),
                    f"{parameters:,}" if parameters else "-",
                )
            )
        widths = [max(len(row[i]) for row in lines) for i in range(3)]
        table = [f"{a:{widths[0]}}  {b:{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in lines]
        line = "-" * (sum(widths) + 4)
        frozen = f" ({self.total - self.trainable:,} of them frozen)" if self.total > self.trainable else ""
        extra = f", and {self.buffers:,} numbers in buffers" if self.buffers else ""
        foot = f"{self.total:,} parameters{frozen}{extra}; {self.megabytes:.2f} MB"
        return "\n".join([table[0], line, *table[1:], line, foot, *self.notes])


def summary(model: Module, *inputs: Any, depth: int | None = None) -> Summary:
    """Return a table of a model's modules, with the shapes of their outputs and the numbers of their parameters.

    Args:
        model: any module. It is called once, in evaluation mode and under `no_grad`.
        inputs: the arguments of that call: tensors or arrays; a tuple of integers stands for zeros of that shape.
            Without inputs the model is not called, and no shapes are shown.
        depth: how many levels of submodules to show (default all).

    Returns:
        A `Summary`: the rows, the numbers of parameters in total and of trainable ones, the numbers in buffers, and
        the megabytes of both. If the model was called, also notes: on two linear layers without an activation between
        them, and on a softmax at the end, since cross_entropy applies one.

    >>> from minigrad import nn
    >>> print(summary(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), (1, 64)))
    layer        output shape  parameters
    -------------------------------------
    Sequential   (1, 10)            2,410
      0: Linear  (1, 32)            2,080
      1: ReLU    (1, 32)                -
      2: Linear  (1, 10)              330
    -------------------------------------
    2,410 parameters; 0.01 MB
    """
    shapes: dict[Module, str] = {}
    calls: dict[Module, int] = {}

    sources: dict[int, Module] = {}  # id of an output -> the module that computed it
    outputs: list[Any] = []  # held, so that no id is given twice
    notes: list[str] = []

    def note(module: Module, inputs: Any, output: Any) -> None:
        notes.extend(_without_activation(sources.get(id(inputs[0])), module, names) if inputs else ())
        outputs.append(output)
        if not [*module.children()] and not (inputs and output is inputs[0]):
            sources[id(output)] = module
        shapes[module] = _shape(output)
        calls[module] = calls.get(module, 0) + 1

    if inputs:
        training = [(module, module.training) for module in model.modules()]
        names = {module: path for path, module in model.named_modules()}
        hooks = [module.register_forward_hook(note) for module in model.modules()]
        try:
            with no_grad():
                result = model.eval()(*map(_input, inputs))
            if isinstance(sources.get(id(result)), Softmax):
                notes.append(_SOFTMAX)
        finally:
            for hook in hooks:
                hook.remove()
            for module, mode in training:
                module.training = mode

    rows = []
    for path, module in model.named_modules():
        level = path.count(".") + 1 if path else 0
        if depth is None or level <= depth:
            n = sum(p.numel() for p in module._all_parameters())
            rows.append(Row(path, class_name(module), level, shapes.get(module, ""), n, calls.get(module, 0)))
    parameters, buffers = model._all_parameters(), list(model.buffers())
    return Summary(
        tuple(rows),
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
        sum(b.numel() for b in buffers),
        sum(t.numel() * t.dtype.itemsize for t in [*parameters, *buffers]) / 1e6,
        tuple(dict.fromkeys(notes)),
    )


_SOFTMAX = (
    "the model ends with a softmax: cross_entropy applies one itself and takes the scores before it; nll_loss takes "
    "their log_softmax"
)


def _without_activation(before: Module | None, module: Module, names: dict[Module, str]) -> Iterator[str]:
    """Note that a linear layer's input is another's output, unless the first is a bottleneck."""
    if isinstance(before, Linear) and isinstance(module, Linear):
        inputs, hidden, outputs = before.in_features, before.out_features, module.out_features
        if hidden >= min(inputs, outputs):
            yield (
                f"there is no activation between {names[before]} and {names[module]}: two linear layers in a row "
                "compute what one linear function computes. Put a ReLU or a tanh between them"
            )


def _input(given: Any) -> Any:
    if isinstance(given, tuple) and all(isinstance(n, int) for n in given):
        return zeros(given)
    return as_tensor(given) if isinstance(given, np.ndarray) else given


def _shape(output: Any) -> str:
    if isinstance(output, Tensor):
        return str(tuple(output.shape))
    if isinstance(output, tuple | list):
        return ", ".join([_shape(o) for o in output if o is not None])
    return class_name(output)
