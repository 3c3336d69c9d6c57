"""The checks that make steps: eight examples are learned by heart, and each parameter is trained by that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minigrad.nn.module import Module
from minigrad.optim import rules
from minigrad.output.words import class_name
from minigrad.teach import loss_graph
from minigrad.teach.causes.layers import equal_weights
from minigrad.teach.samples import listed
from minigrad.teach.sanity.examples import Examples
from minigrad.teach.sanity.report import Verdict, check
from minigrad.teach.sanity.trial import Trial, mode
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

EIGHT = 8
"""The number of examples to overfit."""
RATES = (1e-2, 1e-3, 1e-1)
"""The learning rates of Adam that are tried, one after the other, until one overfits."""
_CUT = (
    "between there and the loss the graph is cut (detach(), .data, .numpy(), no_grad(), a comparison, rounding), or "
    "the result is not used"
)


@check
def trained(trial: Trial) -> Verdict:
    """Whether each parameter gets a gradient, in the pass or while eight examples are learned."""
    for node in trial.foreign:
        return False, (
            f"the output depends on a tensor of shape {node.shape} that requires a gradient, but is no parameter of "
            "the model, so no optimizer trains it. Layers made in forward() are new, and random, in each call: make "
            "them in __init__"
        )
    if fixed := _plain(trial.model):
        return (
            False,
            f"{fixed} is no parameter, though its bias is one, so it stays as it is: wrap the tensor in nn.Parameter",
        )
    if trial.result.node is None and trial.output.node is not None:
        text = "the loss has no graph, though the output has one: argmax, rounding, a comparison, .item() and detach() "
        return False, f"{text}pass no gradient. Train with cross_entropy, and only look at the accuracy"
    never = [name for name, g in trial.gradients.items() if g is None]
    if never and len(never) == len(trial.gradients):
        out = trial.output._array
        same = out.shape == trial.batch.X.shape and np.array_equal(out, trial.batch.X)
        why = "the output is the input itself, so forward() uses no layer" if same else _CUT
        if trial.output.node is None and np.array_equal(out, np.round(out)):
            why = "the output is whole numbers: a comparison, rounding and argmax pass none. Give the loss the scores"
        return False, f"no parameter gets a gradient: {why}"
    if never:
        return False, f"{listed(never)} {'gets' if len(never) == 1 else 'get'} no gradient: {_CUT}"
    if text := trial.same or _constant(trial):
        return False, text
    return True, f"each of the {len(trial.gradients)} parameters gets a gradient"


@check
def overfit(trial: Trial, steps: int) -> Verdict:
    """Whether eight examples can be learned by heart."""
    few = trial.whole.take(np.unique(np.linspace(0, trial.whole.n - 1, EIGHT).astype(int)))
    few = few or trial.batch
    if not trial.trainable or trial.result.node is None:
        return False, "nothing can be trained"
    best, start, taken, largest = math.inf, math.nan, 0, 0.0
    before = {name: p._array.copy() for name, p in trial.trainable.items()}
    for rate in RATES:
        for name, p in trial.trainable.items():
            p._array[...] = before[name]
        try:
            run = _learn(trial, few, rate, steps)
        except Exception as error:
            return None, f"it could not be tried: {class_name(error)}: {error}"
        start = run.first
        if run.solved or run.loss < best:
            best, taken = run.loss, run.steps
        largest = max(largest, run.largest)
        if rate == RATES[0]:
            trial.same = _symmetric(trial, before)
        if run.solved:
            text = f"{few.n} examples are learned by heart in {taken} steps: the loss falls {start:.3g} -> {best:.3g}"
            break
    else:
        text = f"after {steps} steps on {few.n} examples, the loss is {best:.3g}, and was {start:.3g}"
    for name, p in trial.trainable.items():
        p._array[...] = before[name]
    if run.solved:
        return True, text
    scores = trial.output._array.min() < 0  # and no probabilities
    if scores and 0.9 < largest < 1 + 1e-4 and (trial.cross_entropy()[0] or trial.is_binary()):
        text = f"{text}. The scores stay within [-1, 1], as those of a tanh or a cosine do, so no probability is near 1"
        return False, f"{text}: leave the tanh out, or divide a cosine by a temperature, such as 0.1"
    numbers = sum(p.numel() for p in trial.trainable.values())
    each = trial.output.numel() // max(trial.batch.n, 1) or 1
    if numbers < EIGHT * each:
        return None, f"{text}. With {numbers} parameters it cannot learn each of them by heart"
    if best < 0:
        return None, f"{text}. It can be negative, so it does not show what is learned"
    if best < 0.5 * start:
        return None, f"{text}: it falls, but not to 0. More steps or a larger model may help"
    if _is_known(trial):
        frozen = [name for name, p in trial.model.named_parameters() if p.ndim > 1 and not p.requires_grad]
        why = (
            f"A network that cannot learn {few.n} examples by heart has a mistake, or the other verdicts say why. Do "
            "inputs and targets belong together?"
        )
        if frozen:
            are = f"{listed(frozen)} {'is' if len(frozen) == 1 else 'are'}"
            why = f"{are} frozen: is too little left to train? A new last layer needs requires_grad_(True)"
        return False, f"{text}. {why}"
    return None if best < 0.98 * start else False, text


def _plain(model: Module) -> str:
    """Return the name of a plain tensor that is a layer's weights by its shape, as its bias is a parameter; or ""."""
    for path, module in model.named_modules():
        biases = {p.shape[0] for p in module.parameters(recurse=False) if p.ndim == 1}
        for name, value in vars(module).items():
            if isinstance(value, Tensor) and value.ndim == 2 and value.dtype.kind == "f" and value.shape[1] in biases:
                return f"{path}.{name}".lstrip(".")
    return ""


def _is_known(trial: Trial) -> bool:
    """Whether the loss falls to 0 if all is learned: soft targets of a cross entropy leave their entropy."""
    soft = trial.batch.kind == "f" and trial.batch.y is not None and not np.isin(trial.batch.y, (0, 1)).all()
    return bool(((trial.cross_entropy()[0] or trial.is_binary()) and not soft) or trial.is_squared_error())


def _learn(trial: Trial, few: Examples, rate: float, steps: int) -> Learned:
    states: dict[str, Any] = {name: {} for name in trial.trainable}
    first = loss = math.nan
    limit, t, largest = math.nan, 0, math.nan
    with _without_dropout(trial.model):
        for t in range(steps + 1):
            output, result = trial.run(few)
            loss = result.item()
            if t == 0:
                first, limit = loss, _limit(trial, few, loss)
            right = _right(trial, output._array, few)
            largest = float(np.abs(output._array).max())
            if loss <= limit or (right == 1.0 and t >= 10 and loss < 0.5 * first):
                return Learned(first, loss, t, True, largest)
            if t == steps or not math.isfinite(loss):
                break
            for name, g in trial.gradients_of(result).items():
                if g is not None:
                    trial.moved[name] |= bool(g.any())
                    p = trial.trainable[name]
                    p._array[...], states[name] = rules.adam(p._array, g, states[name], rate)
    return Learned(first, loss if math.isfinite(loss) else math.inf, t, False, largest)


def _limit(trial: Trial, few: Examples, first: float) -> float:
    """The loss that counts as learned by heart: a tenth of what guessing costs."""
    if trial.is_squared_error() and few.y is not None and np.ptp(few.y) > 0:
        return 0.1 * float(few.y.astype(float).var())
    classes = trial.cross_entropy()[0]
    return 0.1 * min(first, math.log(classes)) if classes > 1 else 0.1 * first if first > 0 else -math.inf


def _right(trial: Trial, out: np.ndarray, few: Examples) -> float:
    """The fraction of right classes; -1 where there are none."""
    other = object.__new__(Trial)
    other.output, other.batch = as_tensor(out), few
    pair = other.scores_and_labels()
    return float((pair[0].argmax(1) == pair[1]).mean()) if pair is not None and trial.cross_entropy()[0] else -1.0


def _symmetric(trial: Trial, before: dict[str, np.ndarray]) -> str:
    """Say whether units of a layer that were the same still are, after some steps."""
    for name, p in trial.trainable.items():
        start, now = before[name], p._array
        if start.ndim > 1 and min(start.shape) > 1 and name.endswith("weight") and (start == start[:1]).all():
            apart, change = np.abs(now - now[:1]).max(), np.abs(now - start).max()
            if apart <= 1e-2 * change or not change:
                what = "0" if not start.any() else "the same for each unit"
                return equal_weights.sentence.format(layer=name.rpartition(".")[0] or name, what=what)
    return ""


def _constant(trial: Trial) -> str:
    """Say that all weights of a layer are one number, other than 0."""
    names = {p.node: name for name, p in trial.trainable.items() if p.ndim > 1 and min(p.shape) > 1}
    for node in loss_graph.nodes_of(trial.output.node):
        for source in node.inputs if node.primitive.name in ("linear", "matmul", "conv") else ():
            w = trial.trainable[names[source]]._array if source in names else np.zeros(1)
            if w.flat[0] and (w == w.flat[0]).all():
                return (
                    f"all weights of {names[source]} are {w.flat[0]:.3g}, so its units compute the same, apart from "
                    "their bias. Initialize them at random, as nn.init.kaiming_normal_ does"
                )
    return ""


class Learned(NamedTuple):
    """A run on a few examples: first and last loss, steps, whether they were learned by heart, largest output."""

    first: float
    loss: float
    steps: int
    solved: bool
    largest: float


@contextmanager
def _without_dropout(model: Module) -> Iterator[None]:
    """Within the context, nothing is dropped; all else, as batch normalization, is in training mode."""
    with mode(model, True):
        for module in model.modules():
            if "Dropout" in type(module).__name__ or isinstance(getattr(module, "dropout", None), float):
                module.training = False
        yield
