"""Averages of a model's parameters along the training: `AveragedModel`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from minigrad.grad_mode import no_grad
from minigrad.nn.module import Module
from minigrad.tensors.creation import tensor
from minigrad.tensors.tensor import Tensor

Average = Callable[[Tensor, Tensor, Tensor], Tensor]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return the exponential moving average as an `avg_fn`: average <- decay * average + (1 - decay) * parameter.

    Raises:
        ValueError: if the decay is not from 0 to 1.
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"get_ema_avg_fn: decay must be from 0 to 1, got {decay}")
    return lambda average, p, n: decay * average + (1 - decay) * p


class AveragedModel(Module):
    """A copy of a model whose parameters are averages: the mean of those at each `update_parameters`, by default.

    Args:
        model: the model that is trained; `module` is the copy.
        device: the CPU, the only one.
        avg_fn: the next average from (average, parameter, number of updates so far); default the mean of all.
        use_buffers: whether buffers are averaged too (default False: copied).

    >>> from minigrad import nn, no_grad
    >>> model = nn.Linear(1, 1, bias=False)
    >>> average = AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = nn.init.constant_(model.weight, value)
    ...     average.update_parameters(model)
    >>> average.module.weight.item(), int(average.n_averaged)
    (3.0, 3)

    Source: Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018.
    """

    n_averaged: Tensor

    def __init__(
        self, model: Module, device: Any = None, avg_fn: Average | None = None, use_buffers: bool = False
    ) -> None:
        super().__init__()
        self.module = copy.deepcopy(model).to(device or "cpu")
        self.register_buffer("n_averaged", tensor(0))
        self.avg_fn = avg_fn or (lambda average, p, n: average + (p - average) / (n.item() + 1))
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the output of the averaged model."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Include the present parameters of `model` in the averages."""
        averaged: list[Any] = [[*self.module.parameters()], [*model.parameters()]]
        copied: list[Any] = [[*self.module.buffers()], [*model.buffers()]]
        if self.use_buffers:
            averaged, copied = [a + c for a, c in zip(averaged, copied)], [[], []]
        with no_grad():
            for average, p in zip(*averaged):
                average.detach().copy_(p if self.n_averaged == 0 else self.avg_fn(average.detach(), p, self.n_averaged))
            for mine, buffer in zip(*copied):
                mine.copy_(buffer)
            self.n_averaged += 1


def update_bn(loader: Any, model: Module, device: Any = None) -> None:
    """Compute the running statistics of the batch norms anew, from one pass over the data; for an averaged model.

    Args:
        loader: batches, or tuples of which the first is the batch.
        model: the model; its batch norms get the mean over all batches.
        device: the CPU, the only one.
    """
    norms: list[Any] = [m for m in model.modules() if getattr(m, "running_mean", None) is not None]
    if not norms:
        return
    training, momenta = model.training, [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # a cumulative mean
    model.train()
    with no_grad():
        for batch in loader:
            model(batch[0] if isinstance(batch, list | tuple) else batch)
    for m, momentum in zip(norms, momenta):
        m.momentum = momentum
    model.train(training)
