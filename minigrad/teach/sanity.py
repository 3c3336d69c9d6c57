"""What to look at before a network is trained, as a list of checks with verdicts.

After CS231n, "Sanity checks" and "Babysitting the learning process", and A. Karpathy, "A recipe for training neural
networks" (2019): the loss at the start, the scale of inputs, outputs and gradients, and whether a few examples can be
learned by heart. The checks run on the model itself, whose state is restored at the end: a copy would leave behind
what a loss or a forward method refers to.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any, NamedTuple

import numpy as np

from minigrad.autograd.gradients import grads
from minigrad.engine import reverse_topological_order
from minigrad.grad_mode import enable_grad, no_grad
from minigrad.hooks import ObserverHook
from minigrad.network import Network
from minigrad.nn.module import Module
from minigrad.optim import rules
from minigrad.output.words import class_name, printable_lines
from minigrad.program.values import values
from minigrad.teach import causes, loss_graph
from minigrad.teach.causes import Batch, Scene
from minigrad.teach.restoring import is_lazy, restored
from minigrad.teach.samples import Outputs, Sample, axis_of_units, listed, named, norm
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.module_calls import calls
from minigrad.tensors.rng import fork_rng
from minigrad.tensors.tensor import Tensor

EXAMPLES = 128
"""The number of examples that are looked at; of a larger batch, the first."""
EIGHT = 8
"""The number of examples to overfit."""
RATES = (1e-2, 1e-3, 1e-1)
"""The learning rates of Adam that are tried, one after the other, until one overfits."""
ABOVE_GUESSING = 1.5
"""How far the loss may lie above log(classes). Scores of standard deviation 1 add about 0.5."""
FADED, BLOWN = 1e-3, 100.0
"""Bounds on the standard deviation over the examples of a layer's output, in those of the inputs."""
APART = 1e-4
"""The ratio of the gradient's norms in two layers that counts as vanishing or exploding, as in `watch`."""
FLAT, SATURATED = 0.99, 0.5
"""A tanh is at its ends beyond `FLAT`; a layer is saturated if that is so for the fraction `SATURATED`."""
DEAD = 0.5
"""The fraction of the units of a ReLU that may be 0 for all examples."""


class Check(NamedTuple):
    """One thing that was looked at.

    Attributes:
        name: of the check, such as "inputs".
        ok: True, False, or None if it could not be told.
        text: what was found, with numbers, and the likeliest fix.
    """

    name: str
    ok: bool | None
    text: str


_WORDS = {True: "ok", False: "WRONG", None: "unclear"}


class SanityReport:
    """What `sanity` found: true as a bool if nothing is wrong. Its text has a line for each check.

    Attributes:
        checks: the checks in order, each with `.name`, `.ok` (True, False, None for "could not be told") and `.text`.
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        self.checks = [check._replace(text=printable_lines(check.text)) for check in checks]

    def __bool__(self) -> bool:
        return all(check.ok is not False for check in self.checks)

    def __getitem__(self, name: str) -> Check:
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(f"{name!r} is none of the checks {', '.join(check.name for check in self.checks)}")

    @property
    def wrong(self) -> list[Check]:
        """The checks that failed, in order; the first is often the cause of the others."""
        return [check for check in self.checks if check.ok is False]

    def __str__(self) -> str:
        width = max((len(check.name) for check in self.checks), default=0)
        return "\n".join(f"{_WORDS[check.ok]:8} {check.name.ljust(width)}  {check.text}" for check in self.checks)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        colours = {True: "#d5efe6", None: "#eeeeee", False: "#fbdfd0"}
        cell = 'style="padding: 2px 8px; text-align: left; color: #222"'
        rows = "".join(
            f'<tr style="background: {colours[check.ok]}">'
            + "".join(f"<td {cell}>{escape(text)}</td>" for text in (_WORDS[check.ok], check.name, check.text))
            + "</tr>"
            for check in self.checks
        )
        titles = "".join(f'<th style="padding: 2px 8px; text-align: left">{t}</th>' for t in ("", "check", "found"))
        return f'<table style="border-collapse: collapse"><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>'


def sanity(network: Any, data_batch: Any, loss: Callable[..., Any] | None = None, *, steps: int = 150) -> SanityReport:
    """Check a network before it is trained: a list of what to look at, with verdicts.

    The checks, each by its name:

    - "parameters": those in a plain list, tuple or dictionary of a module, which no optimizer sees.
    - "forward": the forward and the backward pass raise no error, and loss and gradient are finite.
    - "inputs", "targets": finite, inputs of about mean 0 and standard deviation 1, examples that differ.
    - "loss": at the start it is about log(classes), what guessing costs; for the mean squared error, about the mean
      square of the targets.
    - "scores": no softmax before a loss that applies one, no ReLU on the scores, targets in the range of the outputs.
    - "shapes": the loss does not broadcast (N, 1) against (N,).
    - "outputs": the standard deviation over the examples neither fades nor explodes through the layers.
    - "gradients": neither vanish nor explode through the layers.
    - "units": ReLUs that are not dead, tanh and sigmoid that are not saturated.
    - "layers": an activation between linear layers, no dropout of 90 %, no batch normalization over four examples.
    - "trained": each parameter that requires a gradient gets one.
    - "examples": the result for an example does not depend on the other examples. With batch normalization it does in
      training mode, which is right.
    - "overfit": eight examples can be learned by heart with Adam.

    The model stays as it is: its parameters, buffers, gradients, modes and attributes are restored at the end, and the
    states of the random generators too.

    Args:
        network: a `Network`, or a model.
        data_batch: a pair (X, y) of inputs and targets, arrays or tensors. 32 examples or more say most.
        loss: for a model, a function of (output of the model, targets), which returns a tensor with one element.
        steps: the steps of Adam with which the eight examples are learned, for each of three learning rates.

    Returns:
        A report, which is true as a bool if nothing is wrong, and whose text has a line for each check.

    Raises:
        TypeError: if network is neither a Network nor a module, or the loss is missing or cannot be called.
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
        if not callable(loss):
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
    if steps < 1:
        raise ValueError(f"sanity: steps must be at least 1, got {steps}")
    inputs = as_tensor(data_batch[0])
    if inputs.ndim == 0 or inputs.numel() == 0:
        raise ValueError(f"sanity: the batch is empty; its inputs have shape {inputs.shape}")
    with restored(model, loss), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with enable_grad():
            return SanityReport([*_Trial(model, loss, _Examples(inputs, data_batch[1])).checks(steps)])


class _Examples:
    """A batch: which axis has the examples, and parts of it.

    Sequence models may have it second, (T, N, features); language models may have N * T targets for N sequences.
    """

    def __init__(self, inputs: Tensor, targets: Any) -> None:
        self.X = np.array(inputs.detach()._array)
        self.tensor = isinstance(targets, Tensor)
        target = targets.detach()._array if isinstance(targets, Tensor) else targets
        self.y: Any = np.array(target) if isinstance(target, np.ndarray | list | tuple) and len(target) else None
        self.other = targets if self.y is None else None
        self.kind = self.y.dtype.kind if self.y is not None else ""
        m = len(self.y) if self.y is not None and self.y.ndim else 0
        second = self.X.ndim > 1 and m == self.X.shape[1] != self.X.shape[0] and m > 0
        self.axis = 1 if second and m != self.X.shape[0] else 0
        self.n = self.X.shape[self.axis]
        self.each = m // self.n if m and m % self.n == 0 else 0  # the number of targets of an example

    def take(self, index: Any) -> _Examples | None:
        """Return some of the examples; None if the targets cannot be divided."""
        if self.y is not None and not self.each:
            return None
        part = object.__new__(_Examples)
        part.__dict__.update(self.__dict__, X=self.X.take(index, self.axis), n=len(index))
        if self.y is not None:
            part.y = self.y.reshape(self.n, self.each, *self.y.shape[1:])[index].reshape(-1, *self.y.shape[1:])
        return part

    @property
    def targets(self) -> Any:
        """The targets as the loss gets them."""
        if self.y is None:
            return self.other
        return as_tensor(self.y) if self.tensor else self.y


class _Layer(NamedTuple):
    """The output of a module: its name and the standard deviation over the examples."""

    name: str
    signal: float
    outputs: Outputs


class _Trial:
    """A forward and a backward pass, and what was seen in them."""

    def __init__(self, model: Module, loss: Any, batch: _Examples) -> None:
        self.model, self.loss, self.whole = model, loss, batch
        self.batch = batch.take(np.arange(EXAMPLES)) or batch if batch.n > EXAMPLES else batch
        self.scene = Scene(model, None, Batch.of(self._floats(batch.X)))
        self.layers: list[_Layer] = []
        self.several = False  # whether the model returns several outputs, of which the first is looked at

    def _floats(self, X: np.ndarray) -> np.ndarray:
        embedded = any("Embedding" in type(module).__name__ for module in self.model.modules())
        return X if X.dtype.kind == "f" or embedded else X.astype(np.float64)

    def run(self, batch: _Examples) -> tuple[Tensor, Tensor]:
        """Return the model's output and the loss. Random numbers are the same each time."""
        X = as_tensor(batch.X)
        dtypes = [p.dtype for p in self.model.parameters() if not is_lazy(p) and p.dtype.kind == "f"]
        if X.dtype.kind == "f" and dtypes:
            X = X.to(dtypes[0])
        with fork_rng():
            output = self.model(X)
            result = self.loss(output, batch.targets)
        if not isinstance(result, Tensor) or result.numel() != 1:
            got = f"shape {result.shape}" if isinstance(result, Tensor) else class_name(result)
            raise ValueError(f"the loss must be a tensor with one element, got {got}; average it, .mean()")
        self.several = isinstance(output, tuple | list)
        return output[0] if self.several else output, result

    # ---- the checks ------------------------------------------------------------------------------------------------

    def checks(self, steps: int) -> Iterator[Check]:
        """Yield the checks; without a forward pass, only those that need none."""
        unregistered = [text for _, text in causes.unregistered(self.model)]
        self.trainable = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        yield self._parameters(unregistered)
        yield self._inputs()
        yield self._targets()
        handles = self._attach()
        try:
            self.output, self.result = self.run(self.batch)
            for handle in handles:
                handle.remove()
            self.trainable = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
            self.gradients = self._gradients(self.result)
        except Exception as error:
            yield Check("forward", False, f"it raises {class_name(error)}: {error}")
            return
        finally:
            for handle in handles:
                handle.remove()
        self.scene.output, self.scene.loss = self.output.node, self.result.node
        self.found = values(self.result) if self.result.node is not None else {}
        beyond = loss_graph.nodes_between(self.output.node, self.result.node) if self.result.node is not None else []
        self.beyond = [node for node in beyond if node.primitive is not None]
        start = self._start()
        yield self._finite()
        yield from (start, self._scores(), self._shapes(), self._outputs())
        fit, moved = self._overfit(steps)
        yield self._gradient_scale(moved)
        yield from (self._units(bool(fit.ok)), self._settings(), self._trained(moved), self._examples(), fit)

    def _parameters(self, unregistered: list[str]) -> Check:
        if unregistered:
            return Check("parameters", False, "; ".join(unregistered))
        n = sum(p.numel() for p in self.trainable.values() if not is_lazy(p))
        if any(map(is_lazy, self.trainable.values())):
            return Check("parameters", True, f"{len(self.trainable)} to train, some of lazy layers without a shape yet")
        if not self.trainable:
            return Check("parameters", False, "none requires a gradient: is all of the model frozen?")
        said = "" if self.model.training else "; the model is in evaluation mode, call model.train() before training"
        return Check("parameters", True, f"{n:,} numbers in {len(self.trainable)} parameters to train{said}")

    def _inputs(self) -> Check:
        b, X = self.scene.batch, self.whole.X
        same = self.whole.n > 1 and not self._differ(X)
        if b is None and same and self.whole.n >= EIGHT:
            return Check("inputs", False, f"all examples are the same: are the indices all {X.flat[0]}?")
        if b is None:
            return Check("inputs", True, f"integers from {X.min()} to {X.max()}, of shape {X.shape}")
        if b.nan or not np.isfinite(X).all():
            bad = int((~np.isfinite(X)).sum())
            return Check("inputs", False, f"{bad} of {X.size} numbers are nan or infinite: look for missing values")
        for _, text in causes.badly_scaled(self.scene):
            return Check("inputs", False, text)
        if X.size > 1 and b.std == 0:
            return Check("inputs", False, f"all numbers are {b.mean:.3g}: is the data loaded?")
        if same:
            return Check(
                "inputs", False, "all examples are the same: does the loader return one example again and again?"
            )
        usual = "" if abs(b.mean) < 1 and 0.1 < b.std < 3 else "; usual are 0 and 1"
        return Check("inputs", True, f"mean {b.mean:.2g} and standard deviation {b.std:.2g}, shape {X.shape}{usual}")

    def _differ(self, X: np.ndarray) -> bool:
        return bool((X.take([0], self.whole.axis) != X).any())

    def _targets(self) -> Check:
        y = self.whole.y
        if y is None or y.dtype.kind not in "fiub":
            return Check("targets", None, "they are no array of numbers")
        if not np.isfinite(y).all():
            return Check("targets", False, f"{int((~np.isfinite(y)).sum())} of {y.size} are nan or infinite")
        if y.size >= 16 and (y == y.flat[0]).all() and y.ndim < 3:
            return Check(
                "targets", None, f"all {y.size} of this batch are {y.flat[0]}: is the data sorted? Shuffle the examples"
            )
        if y.dtype.kind == "f":
            size = float(np.abs(y).max())
            if size > causes.LARGE_TARGET and size > 3 * self._largest_output():
                return Check(
                    "targets",
                    False,
                    f"they {causes.large(size)}",
                )
            return Check("targets", True, f"mean {y.mean():.2g} and standard deviation {y.std():.2g}, shape {y.shape}")
        return Check("targets", True, f"integers from {int(y.min())} to {int(y.max())}, shape {y.shape}")

    def _largest_output(self) -> float:
        with no_grad():
            try:
                return float(np.abs(self.run(self.batch)[0]._array).max())
            except Exception:
                return 0.0

    def _finite(self) -> Check:
        if not math.isfinite(self.result.item()):
            return Check(
                "forward",
                False,
                f"the loss is {self.result.item():g}: minigrad.detect_anomaly() names the operation that gives it",
            )
        bad = [name for name, g in self.gradients.items() if g is not None and not np.isfinite(g).all()]
        if bad:
            return Check(
                "forward", False, f"the gradient of {bad[0]} is not finite: an operation has no derivative there"
            )
        return Check("forward", True, f"output of shape {self.output.shape}, loss and gradient are finite")

    def _start(self) -> Check:
        """The loss at the start against that of guessing."""
        loss = self.result.item()
        nodes = {p.node for p in self.trainable.values() if p.node is not None}
        squares = loss_graph.penalty(self.result.node, nodes) if self.result.node is not None else 0.0
        size = norm(p._array.astype(float) for p in self.trainable.values()) if squares > 0 else 0.0
        if squares * size**2 > 0.9 * loss > 0:
            return Check(
                "loss",
                False,
                f"{loss:.3g} at the start, and {squares * size**2:.3g} of it is the penalty of {squares:g} times the "
                "squared weights: it outweighs the rest. Usual is a weight decay of 1e-5 to 1e-2",
            )
        classes, average, summed = self._cross_entropy()
        if average is not None and average < 0:
            text = f"{loss:.3g} at the start: minus the cross entropy, so the steps go uphill. Leave the minus sign out"
            return Check("loss", False, text)
        if classes > 1:
            guess = math.log(classes)
            if average is None and abs(loss - guess) > 0.5 * guess:
                return Check("loss", None, f"{loss:.3g} at the start; there is no known loss of guessing")
            value = loss if average is None else average
            what = f"{value:.3g} at the start; guessing among {classes} classes gives ln({classes}) = {guess:.3g}"
            if summed:
                what += ". It is a sum over the examples: the gradient grows with the batch; take the mean"
            if not math.isfinite(value) or value > guess + ABOVE_GUESSING:
                return Check(
                    "loss", False, f"{what}. Usual fixes: smaller initial weights in the last layer, inputs of about 1"
                )
            if value < 0.5 * guess:
                return Check(
                    "loss", None, f"{what}. Was the model trained before? Otherwise the targets may be in the inputs"
                )
            return Check("loss", True, what)
        y = self.batch.y
        if self._squared():
            guess = float(np.mean(np.square(y.astype(float))))
            what = f"{loss:.3g} at the start; predicting 0 gives {guess:.3g}"
            if loss > 10 * guess + 1:
                return Check("loss", False, f"{what}. Usual fixes: smaller initial weights, inputs of about 1")
            return Check("loss", True, what)
        if self._binary():
            what = f"{loss:.3g} at the start; guessing between two classes gives ln(2) = 0.693"
            return Check("loss", loss < math.log(2) + ABOVE_GUESSING, what)
        return Check(
            "loss",
            None if math.isfinite(loss) else False,
            f"{loss:.3g} at the start; there is no known loss of guessing",
        )

    def _scores_and_labels(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The outputs as rows of scores, and their classes; None for other kinds of loss."""
        out, y = self.output._array, self.batch.y
        if y is None or y.dtype.kind not in "iu" or out.dtype.kind != "f" or out.ndim < 2:
            return None
        if y.shape == (out.shape[0], *out.shape[2:]):
            rows = np.moveaxis(out, 1, -1).reshape(-1, out.shape[1])
        elif out.size // out.shape[-1] == y.size:
            rows = out.reshape(-1, out.shape[-1])
        else:
            return None
        labels = y.reshape(-1)
        if rows.shape[1] < 2 or labels.min() < 0 or labels.max() >= rows.shape[1]:
            return None
        return rows.astype(float), labels

    def _cross_entropy(self) -> tuple[int, float | None, bool]:
        """Return the number of classes (0 if the loss is no cross entropy), the mean loss, and whether it is a sum."""
        pair, loss = self._scores_and_labels(), self.result.item()
        if pair is not None:
            rows, labels = pair
            shifted = rows - rows.max(1, keepdims=True)
            each = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(rows)), labels]
            if math.isclose(abs(loss), each.mean(), rel_tol=1e-3):
                return rows.shape[1], loss, False
            if math.isclose(loss, each.sum(), rel_tol=1e-3):
                return rows.shape[1], float(each.mean()), True
        names = {node.primitive.name for node in self.beyond}
        if names & {"cross_entropy", "log_softmax"} and self.output.ndim > 1:
            classes = pair[0].shape[1] if pair is not None else self.output.shape[1]
            return classes, None, False
        return 0, None, False

    def _squared(self) -> bool:
        """Return whether the loss is the mean squared error of outputs and targets."""
        out, y = self.output._array, self.batch.y
        if y is None or y.dtype.kind not in "fiu" or y.shape != out.shape:
            return False
        return math.isclose(self.result.item(), float(np.mean((out.astype(float) - y) ** 2)), rel_tol=1e-3)

    def _binary(self) -> bool:
        """Return whether the loss is the binary cross entropy of outputs, scores or probabilities, and targets."""
        out, y = self.output._array.astype(float), self.batch.y
        if y is None or y.dtype.kind not in "fiub" or y.shape != out.shape or y.min() < 0 or y.max() > 1:
            return False
        losses = [np.logaddexp(0, out) - y * out]
        if out.min() >= 0 and out.max() <= 1:
            losses.append(-y * np.log(out + 1e-12) - (1 - y) * np.log(1 - out + 1e-12))
        return any(math.isclose(self.result.item(), each.mean(), rel_tol=1e-3) for each in losses)

    def _scores(self) -> Check:
        """What the loss gets: softmax and sigmoid twice, outputs that cannot reach the targets."""
        for _, text in (
            *loss_graph.over_the_batch(self.beyond),
            *loss_graph.one_unit(self.output.node),
            *loss_graph.applied_twice(self.beyond),
            *loss_graph.squashed_scores(self.beyond),
            *loss_graph.without_logarithm(self.beyond),
        ):
            return Check("scores", False, text)
        pair, loss = self._scores_and_labels(), self.result.item()
        last = loss_graph.node_behind(self.output.node)
        kind = last.primitive.name if last is not None and last.primitive is not None else ""
        out, y = self.output._array, self.batch.y
        if pair is not None:
            rows, labels = pair
            chosen = -float(rows[np.arange(len(rows)), labels].mean())
            if math.isclose(loss, chosen, rel_tol=1e-3) and not np.allclose(np.exp(rows).sum(1), 1, atol=1e-2):
                return Check(
                    "scores",
                    False,
                    "the loss is minus the score of the right class, without a logarithm of a softmax: NLLLoss takes "
                    "log_softmax(scores); CrossEntropyLoss takes the scores",
                )
            classes, _, _ = self._cross_entropy()
            if classes and kind in ("softmax", "sigmoid", "relu"):
                twice = " The loss applies a softmax itself" if kind == "softmax" else ""
                return Check(
                    "scores",
                    False,
                    f"the model ends with a {kind}, which limits the scores of the softmax in the loss.{twice} Give "
                    f"the loss the scores, without the {kind}",
                )
        low, high = {"sigmoid": (0, 1), "softmax": (0, 1), "tanh": (-1, 1)}.get(kind, (-math.inf, math.inf))
        low = 0 if kind in ("relu", "softplus", "exp", "square", "abs") else low
        comparable = y is not None and y.dtype.kind == "f" and y.shape == out.shape
        if comparable and (y.min() < 0 or y.max() > 1):
            logistic = float(np.mean(np.logaddexp(0, out.astype(float)) - y * out))
            if math.isclose(loss, logistic, rel_tol=1e-3):
                return Check(
                    "scores",
                    False,
                    f"the targets of a binary cross entropy must lie in [0, 1], but they go from {y.min():.3g} "
                    f"to {y.max():.3g}: y = (y > 0) makes classes of signs",
                )
        if comparable and (y.min() < low - 0.05 or y.max() > high + 0.05):
            return Check(
                "scores",
                False,
                f"the model ends with a {kind}, whose results lie {_range(low, high)}, but the targets go from "
                f"{y.min():.3g} to {y.max():.3g}: leave the {kind} out, or scale the targets",
            )
        return Check("scores", True, f"from {out.min():.3g} to {out.max():.3g}; the loss can reach its targets")

    def _shapes(self) -> Check:
        for _, text in loss_graph.all_pairs(self.beyond):
            return Check("shapes", False, text)
        shape = self.batch.y.shape if self.batch.y is not None else None
        return Check("shapes", True, f"outputs {self.output.shape}, targets {shape}")

    def _attach(self) -> list[Any]:
        names = {module: named(path, module) for path, module in self.model.named_modules()}

        def look(module: Module, inputs: Any, output: Any) -> None:
            first = output[0] if isinstance(output, tuple | list) and output else output
            container = module._modules and not module._parameters
            if (steps := causes.time_steps(module, inputs)) is not None:
                self.scene.lengths[names[module]] = steps
            if isinstance(first, Tensor) and first.dtype.kind == "f" and first.ndim and not container:
                self.layers.append(_Layer(names[module], self._signal(first._array), Outputs.of(first._array)))

        return [module.register_forward_hook(ObserverHook(look)) for module in names]

    def _signal(self, array: np.ndarray) -> float:
        """The standard deviation over the examples."""
        axis = next((i for i, size in enumerate(array.shape[:2]) if size == self.batch.n), 0)
        spread = array.astype(float).std(axis=axis if self.batch.n > 1 else None)
        return float(np.sqrt(np.mean(np.square(spread))))

    def _outputs(self) -> Check:
        if self.batch.n < 2 or not self.layers:
            return Check("outputs", None, "one example, or no layer: the scales of the outputs cannot be compared")
        X = self._floats(self.batch.X)
        first = self._signal(X) if X.dtype.kind == "f" and self.batch.axis == 0 else self.layers[0].signal
        if not first or not math.isfinite(first):
            return Check("outputs", None, "the inputs do not differ")
        scales = {layer.name: layer.signal for layer in self.layers}
        faded = [layer.name for layer in self.layers if 0 < layer.signal < FADED * first]
        blown = [layer.name for layer in self.layers if not layer.signal < BLOWN * first]
        if blown:
            return Check(
                "outputs",
                False,
                f"the outputs explode: their standard deviation over the examples is {first:.2g} in the inputs and "
                f"{scales[blown[-1]]:.2g} in {blown[-1]}. Use initial weights proportional to 1 / sqrt(inputs) "
                "(nn.init.kaiming_normal_), or normalization layers",
            )
        if faded and not (len(faded) == 1 and faded[0] == self.layers[-1].name):
            return Check(
                "outputs",
                False,
                f"the outputs fade: their standard deviation over the examples is {first:.2g} in the inputs and "
                f"{scales[faded[-1]]:.2g} in {faded[-1]}, so all examples look alike there. Use larger initial "
                "weights, proportional to 1 / sqrt(inputs) (nn.init.kaiming_normal_), or normalization layers",
            )
        low, high = min(scales.values()), max(scales.values())
        return Check("outputs", True, f"standard deviations over the examples from {low:.2g} to {high:.2g}")

    def _gradients(self, result: Tensor) -> dict[str, np.ndarray | None]:
        if result.node is None:
            return dict.fromkeys(self.trainable)
        found = grads(result, [*self.trainable.values()], allow_unused=True)
        return {name: None if g is None else np.array(g._array) for name, g in zip(self.trainable, found)}

    def _gradient_scale(self, moved: dict[str, bool]) -> Check:
        norms: dict[str, float] = {}
        for name, g in self.gradients.items():
            if g is not None and g.any() and np.isfinite(g).all():
                layer = name.rpartition(".")[0] or name
                norms[layer] = math.hypot(norms.get(layer, 0.0), norm([g.astype(float)]))
        if not norms:
            return Check("gradients", False, "no parameter has a gradient other than 0")
        for _, text in causes.forgotten(self.scene, {layer.name: layer.outputs for layer in self.layers}):
            return Check("gradients", None, text)
        if len(norms) == 1:
            return Check("gradients", True, f"norm {next(iter(norms.values())):.2g}")
        order = [*norms]
        weak, strong = min(order, key=norms.__getitem__), max(order, key=norms.__getitem__)
        if norms[weak] < APART * norms[strong]:
            verb = "vanishes" if order.index(weak) < order.index(strong) else "explodes"
            fix = (
                "ReLU instead of sigmoid or tanh, initial weights proportional to 1 / sqrt(inputs), normalization"
                if verb == "vanishes"
                else "smaller initial weights, normalization layers, inputs of about 1"
            )
            return Check(
                "gradients",
                False,
                f"the gradient {verb} on its way back: its norm is {norms[order[-1]]:.2g} in {order[-1]}, and "
                f"{norms[weak if verb == 'vanishes' else strong]:.2g} in {weak if verb == 'vanishes' else strong}. "
                f"Usual fixes: {fix}",
            )
        return Check("gradients", True, f"norms from {norms[weak]:.2g} ({weak}) to {norms[strong]:.2g} ({strong})")

    def _units(self, learns: bool) -> Check:
        """Dead ReLUs, and tanh and sigmoid at their ends, in modules and functions.

        A deep network with PyTorch's initial values has half of its units at 0 at first; it may learn all the same.
        """
        graph: list[Any] = reverse_topological_order([self.result.node]) if self.result.node is not None else []
        order, home, said = [node for node in graph if node.primitive is not None][::-1], calls(graph), []
        last, worst = loss_graph.node_behind(self.output.node), 0.0
        counted = False
        for node in order:
            kind, array = node.primitive.name, self.found.get(node)
            if kind not in ("relu", "tanh", "sigmoid") or array is None or node is last or array.ndim < 2:
                continue
            call = home.get(node)
            place = named(call.path, call.module) if call else kind
            if kind == "relu":
                counted = True
                axis = axis_of_units(node, array.ndim) % array.ndim
                alive = (array > 0).any(axis=tuple(i for i in range(array.ndim) if i != axis))
                dead = float(1 - alive.mean())
                worst = max(worst, dead)
                if dead == 1 or (dead > DEAD and self.batch.n >= 16 and not learns):
                    said.append(
                        f"{dead:.0%} of the units of {place} are dead, 0 for all {self.batch.n} examples: no gradient "
                        "passes there. Usual causes: a large negative bias, weights that are 0 or too large, inputs "
                        "that are not centred"
                    )
            elif call is None or not any(word in type(call.module).__name__ for word in ("RNN", "LSTM", "GRU")):
                counted = True
                ends = np.abs(array if kind == "tanh" else 2 * array - 1) > FLAT
                if ends.mean() > SATURATED:
                    said.append(
                        f"{place} is saturated: {ends.mean():.0%} of its results are at its ends, where its derivative "
                        "is almost 0. Use smaller initial weights (nn.init.xavier_uniform_) or smaller inputs"
                    )
        if said:
            return Check("units", False, said[0])
        return Check(
            "units", True, f"at most {worst:.0%} of a layer are dead" if counted else "no ReLU, tanh or sigmoid"
        )

    def _settings(self) -> Check:
        for _, text in causes.no_activation(self.scene) if self.output.node is not None else ():
            return Check("layers", False, text)
        for _, text in causes.strong_dropout(self.model, self.output.node):
            return Check("layers", False, text)
        for _, text in causes.settings(self.scene, [Sample(1)]):
            return Check("layers", False, text)
        return Check("layers", True, "an activation between linear layers, usual settings")

    def _trained(self, moved: dict[str, bool]) -> Check:
        never = [name for name, g in self.gradients.items() if g is None]
        if never and len(never) == len(self.gradients):
            return Check("trained", False, f"no parameter gets a gradient: {_CUT}")
        if never:
            return Check("trained", False, f"{listed(never)} {_get(never)} no gradient: {_CUT}")
        if self.same:
            return Check("trained", False, self.same)
        zero = [name for name, p in self.trainable.items() if p.ndim > 1 and not moved.get(name, True)]
        if zero:
            text = f"the gradient of {listed(zero)} is 0: behind {zero[-1]}, units are dead, or a factor is 0"
            return Check("trained", False, text)
        return Check("trained", True, f"each of the {len(self.gradients)} parameters gets a gradient")

    def _examples(self) -> Check:
        """Whether an example's output or loss depends on the other examples: those become one example, repeated.

        The last and the first example are looked at, as a recurrent network along the wrong axis looks back only.
        """
        n, depends, mixes = self.batch.n, {True: 0.0, False: 0.0}, False
        try:
            for kept in (n - 1, 0) if n > 1 else ():
                index = np.full(n, n // 2 if n > 2 else kept)
                index[kept] = kept
                changed = self.batch.take(index)
                if changed is None:
                    return Check("examples", None, "there is no target for each example")
                for training in (True, False):
                    with no_grad(), _mode(self.model, training):
                        one, other = (
                            self._row(self.run(b)[0]._array, kept).astype(float) for b in (self.batch, changed)
                        )
                    error, size = float(np.abs(one - other).max()), float(np.abs(one).max()) or 1.0
                    depends[training] = max(depends[training], error / size)
                mixes |= self._loss_mixes(index, kept, changed)
        except Exception as error:
            return Check("examples", None, f"it could not be tried: {class_name(error)}: {error}")
        if n < 2:
            return Check("examples", None, "there is one example only")
        if not depends[False] <= 1e-3:
            return Check(
                "examples",
                False,
                f"the output for an example changes by {depends[False]:.0%} if the other examples change: look for "
                "a reshape that should be a permute, batch_first, or a softmax or normalization over axis 0",
            )
        if mixes:
            return Check(
                "examples",
                False,
                "the loss of an example depends on the scores of the others: look for a softmax or a mean over "
                "axis 0, the batch. (In a contrastive loss that is right)",
            )
        if not depends[True] <= 1e-3:
            return Check("examples", True, "they depend on each other in training mode only, as in batch normalization")
        return Check("examples", True, "the output for an example does not depend on the others")

    def _row(self, out: np.ndarray, i: int) -> np.ndarray:
        """The part of the output that belongs to an example."""
        n = self.batch.n
        if out.ndim > 1 and out.shape[1] == n and self.batch.axis == 1:
            return out[:, i]
        if out.ndim and out.shape[0] and out.shape[0] % n == 0:
            each = out.shape[0] // n
            return out[i * each : (i + 1) * each]
        raise ValueError(f"the output of shape {out.shape} has no row for each of the {n} examples")

    def _loss_mixes(self, index: np.ndarray, kept: int, changed: _Examples) -> bool:
        """Whether the direction of the gradient of an example's scores depends on the scores of the others."""
        out = self.output._array
        if self.batch.y is None or self.several or not out.ndim or out.shape[0] != self.batch.n or out[0].size < 2:
            return False  # of one number the gradient has no direction, and its length depends on averages
        rows = []
        for array, targets in (out, self.batch.targets), (out[index], changed.targets):
            scores = as_tensor(array.copy()).requires_grad_()
            with fork_rng():
                g = grads(self.loss(scores, targets), [scores], allow_unused=True)[0]
            if g is None:
                return False
            rows.append(g._array[kept].astype(float).ravel())
        a, b = rows
        return bool(a.any() != b.any() or a @ b < 0.99 * np.linalg.norm(a) * np.linalg.norm(b))

    # ---- eight examples ------------------------------------------------------------------------------------------

    def _overfit(self, steps: int) -> tuple[Check, dict[str, bool]]:
        """Learn eight examples by heart; also return which parameters had a gradient other than 0 meanwhile."""
        self.same = ""
        moved = {name: g is not None and bool(g.any()) for name, g in self.gradients.items()}
        few = self.whole.take(np.unique(np.linspace(0, self.whole.n - 1, EIGHT).astype(int)))
        few = few or self.batch
        if not self.trainable or self.result.node is None:
            return Check("overfit", False, "nothing can be trained"), moved
        best, start, taken = math.inf, math.nan, 0
        before = {name: p._array.copy() for name, p in self.trainable.items()}
        for rate in RATES:
            for name, p in self.trainable.items():
                p._array[...] = before[name]
            try:
                run = self._learn(few, rate, steps, moved)
            except Exception as error:
                return Check("overfit", None, f"it could not be tried: {class_name(error)}: {error}"), moved
            start = run.first
            if run.solved or run.loss < best:
                best, taken = run.loss, run.steps
            if rate == RATES[0]:
                self.same = self._symmetric(before)
            if run.solved:
                text = (
                    f"{few.n} examples are learned by heart in {taken} steps: the loss falls {start:.3g} -> {best:.3g}"
                )
                break
        else:
            text = f"after {steps} steps on {few.n} examples, the loss is {best:.3g}, and was {start:.3g}"
        for name, p in self.trainable.items():
            p._array[...] = before[name]
        if run.solved:
            return Check("overfit", True, text), moved
        numbers = sum(p.numel() for p in self.trainable.values())
        each = self.output.numel() // max(self.batch.n, 1) or 1
        if numbers < EIGHT * each:
            return Check(
                "overfit", None, f"{text}. With {numbers} parameters it cannot learn each of them by heart"
            ), moved
        if best < 0:
            return Check("overfit", None, f"{text}. It can be negative, so it does not say what is learned"), moved
        if best < 0.5 * start:
            return Check(
                "overfit", None, f"{text}: it falls, but not to 0. More steps, or a larger model, may do"
            ), moved
        if self._known():
            return Check(
                "overfit",
                False,
                f"{text}. A network that cannot learn {few.n} examples by heart has a mistake, or the other verdicts "
                "say why. Do inputs and targets belong together?",
            ), moved
        return Check("overfit", None if best < 0.98 * start else False, text), moved

    def _known(self) -> bool:
        return bool(self._cross_entropy()[0] or self._squared() or self._binary())

    def _learn(self, few: _Examples, rate: float, steps: int, moved: dict[str, bool]) -> _Learned:
        states: dict[str, Any] = {name: {} for name in self.trainable}
        first = loss = math.nan
        limit, t = math.nan, 0
        with _without_dropout(self.model):
            for t in range(steps + 1):
                output, result = self.run(few)
                loss = result.item()
                if t == 0:
                    first, limit = loss, self._limit(few, loss)
                right = self._right(output._array, few)
                if loss <= limit or (right == 1.0 and t >= 10 and loss < 0.5 * first):
                    return _Learned(first, loss, t, True)
                if t == steps or not math.isfinite(loss):
                    break
                for name, g in self._gradients(result).items():
                    if g is not None:
                        moved[name] |= bool(g.any())
                        p = self.trainable[name]
                        p._array[...], states[name] = rules.adam(p._array, g, states[name], rate)
        return _Learned(first, loss if math.isfinite(loss) else math.inf, t, False)

    def _limit(self, few: _Examples, first: float) -> float:
        """The loss that counts as learned by heart: a tenth of what guessing costs."""
        if self._squared() and few.y is not None and np.ptp(few.y) > 0:
            return 0.1 * float(few.y.astype(float).var())
        classes = self._cross_entropy()[0]
        return 0.1 * min(first, math.log(classes)) if classes > 1 else 0.1 * first if first > 0 else -math.inf

    def _right(self, out: np.ndarray, few: _Examples) -> float:
        """The fraction of right classes; -1 where there are none."""
        other = object.__new__(_Trial)
        other.output, other.batch = as_tensor(out), few
        pair = other._scores_and_labels()
        return float((pair[0].argmax(1) == pair[1]).mean()) if pair is not None and self._cross_entropy()[0] else -1.0

    def _symmetric(self, before: dict[str, np.ndarray]) -> str:
        """Say whether units of a layer that were the same still are, after some steps."""
        for name, p in self.trainable.items():
            start, now = before[name], p._array
            if start.ndim > 1 and min(start.shape) > 1 and name.endswith("weight") and (start == start[:1]).all():
                apart, change = np.abs(now - now[:1]).max(), np.abs(now - start).max()
                if apart <= 1e-2 * change or not change:
                    what = "0" if not start.any() else "the same for each unit"
                    return (
                        f"the weights of {name.rpartition('.')[0] or name} are all {what}: its units get the same "
                        "gradient and stay the same. Initialize them at random, as nn.init.kaiming_normal_ does"
                    )
        return ""


class _Learned(NamedTuple):
    """A run on a few examples: the first and the last loss, the steps, and whether they were learned by heart."""

    first: float
    loss: float
    steps: int
    solved: bool


_CUT = "between there and the loss the graph is cut (detach(), .data, .numpy(), no_grad()), or the result is not used"


def _range(low: float, high: float) -> str:
    return f"in [{low:g}, {high:g}]" if math.isfinite(high) else "above 0"


def _get(names: Sequence[str]) -> str:
    return "gets" if len(names) == 1 else "get"


@contextmanager
def _mode(model: Module, training: bool) -> Iterator[None]:
    """Within the context, all modules are in training or evaluation mode."""
    modes = [(module, module.training) for module in model.modules()]
    for module, _ in modes:
        module.training = training
    try:
        yield
    finally:
        for module, before in modes:
            module.training = before


@contextmanager
def _without_dropout(model: Module) -> Iterator[None]:
    """Within the context, nothing is dropped; all else, as batch normalization, is in training mode."""
    with _mode(model, True):
        for module in model.modules():
            if "Dropout" in type(module).__name__ or isinstance(getattr(module, "dropout", None), float):
                module.training = False
        yield
