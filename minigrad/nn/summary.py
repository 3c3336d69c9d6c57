"""`summary`: a table of a model's modules with the shapes of their outputs and the numbers of their parameters."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad.grad_mode import no_grad
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
    """A table of modules with totals; `print` shows it as text."""

    rows: tuple[Row, ...]
    total: int
    trainable: int
    buffers: int
    megabytes: float

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
        return "\n".join([table[0], line, *table[1:], line, foot])


def summary(model: Module, *inputs: Any, depth: int | None = None) -> Summary:
    """Return a table of a model's modules, with the shapes of their outputs and the numbers of their parameters.

    Args:
        model: any module. It is called once, in evaluation mode and under `no_grad`.
        inputs: the arguments of that call: tensors or arrays; a tuple of integers stands for zeros of that shape.
            Without inputs the model is not called, and no shapes are shown.
        depth: how many levels of submodules to show (default all).

    Returns:
        A `Summary`: the rows, the numbers of parameters in total and of trainable ones, the numbers in buffers, and
        the megabytes of both.

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

    def note(module: Module, inputs: Any, output: Any) -> None:
        shapes[module] = _shape(output)
        calls[module] = calls.get(module, 0) + 1

    if inputs:
        training = [(module, module.training) for module in model.modules()]
        hooks = [module.register_forward_hook(note) for module in model.modules()]
        try:
            with no_grad():
                model.eval()(*map(_input, inputs))
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
