"""What to look at before a network is trained, as a list of checks with verdicts.

After CS231n, "Sanity checks" and "Babysitting the learning process", and A. Karpathy, "A recipe for training neural
networks" (2019): the loss at the start, the scale of inputs, outputs and gradients, and whether a few examples can be
learned by heart. A file has the checks of one subject. They run on the model itself, whose state is restored at the
end: a copy would leave behind what a loss or a forward method refers to.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.grad_mode import enable_grad, inference_mode
from minigrad.network import Network
from minigrad.nn.arguments import check_int
from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.teach.restoring import restored
from minigrad.teach.sanity import data, independence, inside, learning, scales, start
from minigrad.teach.sanity.examples import Examples
from minigrad.teach.sanity.report import Check, SanityReport
from minigrad.teach.sanity.trial import Trial
from minigrad.tensors.creation import as_tensor

__all__ = ["Check", "SanityReport", "sanity"]


def sanity(network: Any, data_batch: Any, loss: Callable[..., Any] | None = None, *, steps: int = 150) -> SanityReport:
    """Check a network before it is trained: a list of what to look at, with verdicts.

    The checks, each by its name:

    - "parameters": those in a plain list, tuple or dictionary of a module, which no optimizer sees.
    - "inputs", "targets": finite, inputs of about mean 0 and standard deviation 1, examples that differ.
    - "forward": the forward and the backward pass raise no error, and loss and gradient are finite.
    - "trained": each parameter that requires a gradient gets one, and the units of a layer are not all the same.
    - "shapes": the loss does not broadcast (N, 1) against (N,).
    - "scores": no softmax before a loss that applies one, no ReLU on the scores, targets in the range of the outputs.
      The gradient of the loss raises the score of each example's class.
    - "layers": an activation between linear layers, no dropout of 90 %, no batch normalization over four examples.
    - "examples": the result for an example does not depend on the other examples, on later tokens that it must predict,
      or on the call before. With batch normalization it depends on the others in training mode, which is right.
    - "outputs": the output depends on the input, also on each of a pair. The standard deviation over the examples
      neither fades nor explodes through the layers.
    - "units": ReLUs that are not dead, tanh and sigmoid that are not saturated.
    - "loss": at the start it is about log(classes), what guessing costs; for the mean squared error, about the mean
      square of the targets. It is a mean over the examples, and no small part of one.
    - "gradients": neither vanish nor explode through the layers.
    - "overfit": eight examples can be learned by heart with Adam.

    The model stays as it is: its parameters, buffers, gradients, modes and attributes are restored at the end, and the
    states of the random generators too.

    Args:
        network: a `Network`, or a model.
        data_batch: a pair (X, y) of inputs and targets, arrays or tensors. 32 examples or more say most.
        loss: for a model, a function of (output of the model, targets), which returns a tensor with one element.
            Default: the model computes it, model(X, y) returns it, alone or beside the outputs.
        steps: the steps of Adam with which the eight examples are learned, for each of three learning rates.

    Returns:
        A report, which is true as a bool if nothing is wrong, and whose text has a line for each check.

    Raises:
        TypeError: if network is neither a Network nor a module, or the loss cannot be called.
        ValueError: if the batch is not a pair (X, y), or is empty, or steps is less than 1.

    >>> import minigrad
    >>> from minigrad import nn
    >>> _ = minigrad.manual_seed(0)
    >>> X, y = minigrad.randn(64, 4), minigrad.arange(64) % 3
    >>> network = minigrad.Network(nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3)), nn.CrossEntropyLoss())
    >>> report = sanity(network, (X, y))
    >>> bool(report), report["overfit"].ok
    (True, True)
    >>> report = sanity(network, (X * 100.0, y))
    >>> bool(report), report["inputs"].ok
    (False, False)
    """
    if isinstance(network, Network):
        if loss is not None:
            raise TypeError("sanity(network, batch): a Network has its own loss; leave the third argument out")
        model, loss = network.model, network.loss
    elif isinstance(network, Module):
        model = network
        if not callable(loss) and (loss is not None or not inside.takes_targets(model)):
            raise TypeError(
                f"sanity(model, batch, loss): loss must be a function of (output, targets), got {class_name(loss)}"
            )
    else:
        raise TypeError(f"sanity(network, batch): network must be a Network or an nn.Module, got {class_name(network)}")
    if not isinstance(data_batch, list | tuple) or len(data_batch) != 2:
        raise ValueError(
            f"sanity: the batch must be a pair (X, y) of inputs and targets, got {class_name(data_batch)}"
            + (f" of {len(data_batch)}" if hasattr(data_batch, "__len__") else "")
        )
    check_int("sanity", steps=steps)
    if steps < 1:
        raise ValueError(f"sanity: steps must be at least 1, got {steps}")
    inputs = as_tensor(data_batch[0])
    if inputs.ndim == 0 or inputs.numel() == 0:
        raise ValueError(f"sanity: the batch is empty; its inputs have shape {inputs.shape}")
    with restored(model, loss), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with inference_mode(False), enable_grad():
            return SanityReport([*_checks(Trial(model, loss, Examples(inputs, data_batch[1])), steps)])


def _checks(trial: Trial, steps: int) -> Iterator[Check]:
    """Yield the checks; without a forward pass, only those that need none."""
    yield from (data.parameters(trial), data.inputs(trial), data.targets(trial))
    try:
        trial.pass_through()
    except Exception as error:
        text = f"it raises {class_name(error)}: {error}"
        if isinstance(error, TypeError) and "int64" in str(error) and trial.output is not None:
            text += ". Indices (argmax), counts and comparisons have no gradient: give the loss the scores"
        yield Check("forward", False, text + start.other_rows(trial))
        return
    fit = learning.overfit(trial, steps)
    # a mistake in what is computed comes before numbers that are too large or too small, which follow from it
    yield from (start.forward(trial), learning.trained(trial), start.shapes(trial), start.scores(trial))
    yield from (scales.layers(trial, bool(fit.ok)), independence.examples(trial), scales.outputs(trial))
    yield from (scales.units(trial, bool(fit.ok)), start.loss(trial, bool(fit.ok)), scales.gradients(trial), fit)
