"""watch: a training run, looked at from inside: gradients, updates, activations, layer by layer.

The watcher hangs hooks on the network, or on a model and its optimiser. They look at some steps and let the others
pass; a step that is looked at gives a `Sample` (`samples`), and what is wrong with the run is told in words
(`symptoms`). Nothing that the run computes is changed.
"""

from __future__ import annotations

import math
import time
import warnings
from pathlib import Path
from typing import Any, Self

import numpy as np

from minigrad.data.progress import Progress
from minigrad.hooks import ObserverHook, RemovableHandle
from minigrad.network import Loss, Network
from minigrad.nn.module import Module
from minigrad.optim.optimizer import Optimizer
from minigrad.teach.samples import EXAMPLES, Sample, named, norm
from minigrad.teach.symptoms import Finding, not_finite, symptoms
from minigrad.tensors.tensor import Tensor
from minigrad.viz.page import Page
from minigrad.viz.training.activation_hooks import Looking, Stopwatch

SHARE, ALLOWANCE = 0.01, 0.005
"""What looking may take: this share of the run's time on the processor, and these seconds at first, where most runs go
wrong. The steps after it are slower too, for a while: what they need is no longer in the caches."""
FIRST = 10
"""The first steps are looked at in any case."""
KEPT = 400
"""Of more samples, every second is dropped, and from then on half as many are taken."""


def watch(
    network: Network | Module,
    optimizer: Optimizer | None = None,
    *,
    steps: int | None = None,
    every: int | None = None,
    live: bool = True,
    report: str | Path | None = None,
    seconds: float = 10,
) -> Watcher:
    """Look at a training run from now on: gradient norms, update-to-parameter ratios, dead ReLUs, activations, loss
    and learning rate; say in words what goes wrong; write a report.

    The lecture's loop needs nothing else. In a loop with an optimiser, hand over the loss: `watcher.log(loss)`.

    Args:
        network: a Network, or a model.
        optimizer: that updates it; without one, `x += …` does.
        steps: how many there will be, for the bar in the terminal.
        every: after the first ten steps, look at those whose number this divides. By default at as many as 1 % of the
            time allow.
        live: whether to show the run in the terminal.
        report: where to write a report, again every few seconds, and at the end.
        seconds: how often.

    Raises:
        TypeError: for a model without its optimiser.

    >>> import minigrad
    >>> from minigrad import nn
    >>> dataset = minigrad.data.digits().train
    >>> model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    >>> network = minigrad.Network(model, nn.CrossEntropyLoss())
    >>> x, learning_rate = network.x, 0.1
    >>> with watch(network, live=False) as watcher:
    ...     for _ in range(20):
    ...         loss = network.forward(dataset.sample_data_batch())
    ...         dx = network.backward()
    ...         x += -learning_rate * dx
    >>> sample = watcher.samples[-1]
    >>> list(sample.gradients), list(sample.dead)
    (['0 (Linear)', '2 (Linear)'], ['1 (ReLU)'])
    >>> round(sample.learning_rates[0], 3), watcher.findings
    (0.1, [])
    """
    return Watcher(network, optimizer, steps, every, live, report, seconds)


class Watcher:
    """What `watch` gives: a context manager, or an object to `close()`.

    Attributes:
        samples: the steps that were looked at.
        losses: of all steps, nan where it is not known.
        findings: what was said.
    """

    def __init__(
        self,
        network: Network | Module,
        optimizer: Optimizer | None,
        steps: int | None,
        every: int | None,
        live: bool,
        report: str | Path | None,
        seconds: float,
    ) -> None:
        if not isinstance(network, Network | Module):
            raise TypeError(f"watch(network): a Network, or a module and its optimizer; got {type(network).__name__}")
        if optimizer is not None and not isinstance(optimizer, Optimizer):
            raise TypeError(f"watch(network, optimizer): this is no optimizer but {type(optimizer).__name__}")
        if isinstance(network, Module) and optimizer is None:
            raise TypeError(
                "watch(model, optimizer): a model is watched with the optimizer that updates it; for the lecture's "
                "loop, watch(network) with network = Network(model, loss)"
            )
        if every is not None and every < 1:
            raise ValueError(f"watch: every={every} is to be a number of steps, 1 or more")
        self.model = network.model if isinstance(network, Network) else network
        self.optimizer, self.every = optimizer, every
        self.samples: list[Sample] = []
        self.losses: list[float] = []
        self.findings: list[Finding] = []
        self.shape: tuple[int, ...] = ()
        self.closed = False
        self._progress = Progress(steps) if live else None
        self._path = None if report is None else Path(report)
        self.seconds = seconds
        self._written = time.perf_counter()
        self._started = self._written, time.thread_time()
        self._ended: tuple[float, float] | None = None
        self._timed = Stopwatch()
        self._next = 0
        self._gap = 1
        self._outputs = Looking(self.model, self._timed)
        self._sample: Sample | None = None  # of the step that is going on, if it is looked at
        self._before: list[tuple[str, list[tuple[Any, np.ndarray]]]] = []
        self._silent: dict[str, tuple[int, np.ndarray]] = {}  # of a ReLU: examples seen; for how many each unit was 0
        self._loss = math.nan
        self._went_back = False
        self._told: tuple[float, ...] = ()  # the learning rate, by the user
        self._handles: list[RemovableHandle] = []
        self._arrival: RemovableHandle | None = None
        if isinstance(network, Network):
            self._handles.append(network.register_forward_hook(ObserverHook(self._forward)))
            if optimizer is None:
                self._handles.append(network.register_forward_pre_hook(ObserverHook(self._next_round)))
                self._handles.append(network.register_backward_hook(ObserverHook(self._back)))
        if optimizer is not None:
            self._handles.append(optimizer.register_step_pre_hook(ObserverHook(self._back)))
            self._handles.append(optimizer.register_step_post_hook(ObserverHook(self._next_round)))
            self._begin()

    # ---- the user's side ---------------------------------------------------------------------------------------

    def log(self, loss: Any = None, learning_rate: float | None = None) -> None:
        """Tell what cannot be seen from here.

        Args:
            loss: of this step, before or after `optimizer.step()`; a tensor of one number or a number. Told before
                `backward()`, it can say which operation made a nan.
            learning_rate: where the update is neither an optimiser's nor -learning_rate * dx.
        """
        if loss is not None:
            late = bool(self.losses) and math.isnan(self.losses[-1])  # told after the step that it belongs to
            self._got(loss, len(self.losses) + (not late))
            if late:
                self.losses[-1], self._loss = self._loss, math.nan
                if self.samples and self.samples[-1].step == len(self.losses):
                    self.samples[-1].loss = self.losses[-1]
        if learning_rate is not None:
            self._told = (float(learning_rate),)

    def report(self, path: str | Path | None = None) -> Page:
        """The report as one page of HTML; with a path, it is also written there."""
        from minigrad.viz.training.report import report, write

        page = report(self)
        if path is not None:
            write(page, path)
        return page

    def close(self) -> None:
        """Take all hooks away, and write the report if one was asked for."""
        if self.closed:
            return
        if self.optimizer is None and self._went_back:
            with self._timed:
                self._updated()
            self._show()
        self.closed, self._ended = True, (time.perf_counter(), time.thread_time())
        self._take_down()
        for handle in self._handles:
            handle.remove()
        if self._progress is not None:
            self._progress.end()
        if self._path is not None:
            self.report(self._path)

    @property
    def elapsed(self) -> float:
        """Seconds from the start to the end, or to now."""
        return (time.perf_counter() if self._ended is None else self._ended[0]) - self._started[0]

    @property
    def share(self) -> float:
        """The part of the processor's time, of this thread, that watching took."""
        whole = (time.thread_time() if self._ended is None else self._ended[1]) - self._started[1]
        return self._timed.seconds / max(whole, self._timed.seconds, 1e-9)

    @property
    def frozen(self) -> list[str]:
        """The layers that have parameters, but none to be trained."""
        return [
            named(path, module)
            for path, module in self.model.named_modules()
            if (own := [p for p in module._parameters.values() if p is not None])
            and not any(p.requires_grad for p in own)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, *_: object) -> None:
        if isinstance(error, FloatingPointError):  # detect_anomaly's, which knows the operation and the layer
            self._say("not finite", str(error), len(self.losses) + (not self._went_back))
        self.close()

    def __repr__(self) -> str:
        return f"<watcher of {type(self.model).__name__}: {len(self.losses)} steps, {len(self.samples)} looked at>"

    # ---- the moments of a step ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        """A step begins: is it to be looked at?"""
        self._take_down()
        self._sample = None
        step = len(self.losses) + 1
        if step > FIRST:
            if step < self._next or (self.every is not None and step % self.every):
                return
            allowed = ALLOWANCE + SHARE * (time.thread_time() - self._started[1])
            if self.every is None and self._timed.seconds > allowed:
                return
        with self._timed:
            self._sample = Sample(step)
            self._outputs.hang()
            p = self.optimizer.param_groups[-1]["params"][-1] if self.optimizer is not None else None
            if p is not None and p.requires_grad:
                self._arrival = p.register_hook(ObserverHook(lambda _: self._arrives(p)))

    def _take_down(self) -> None:
        self._outputs.remove()
        if self._arrival is not None:
            self._arrival.remove()

    def _arrives(self, p: Tensor) -> None:
        """A gradient is about to be added to what is in the `.grad` of this parameter."""
        if self._sample is not None:
            full = p.grad is not None and bool(p.grad._array.any())
            self._sample.added = full and self._sample.added is not False

    def _forward(self, network: Network, data_batch: Any, loss: Loss) -> None:
        self._got(loss, len(self.losses) + 1)

    def _got(self, loss: Any, step: int) -> None:
        """The loss of this step is known."""
        self._loss = loss.item() if isinstance(loss, Tensor) else float(loss)
        if not math.isfinite(self._loss) and not self._has_said("not finite"):
            with self._timed:
                end = loss.tensor if isinstance(loss, Loss) else loss
                self._say("not finite", not_finite(self._loss, end, self.model, self.samples), step)

    def _back(self, *_: Any) -> None:
        """The gradient of this step is there, and is about to be used."""
        self.losses.append(self._loss)
        self._loss, self._went_back = math.nan, True
        if self._sample is None:
            return
        with self._timed:
            sample = self._sample
            sample.loss = self.losses[-1]
            self._before = [(layer, [(p, p._array.copy()) for p in ps]) for layer, ps in layers(self.model).items()]
            self._measure_gradients(sample)

    def _measure_gradients(self, sample: Sample) -> None:
        for layer, pairs in self._before:
            gradients = [p.grad._array for p, _ in pairs if p.grad is not None]
            if gradients:
                sample.gradients[layer] = norm(gradients)

    def _next_round(self, *_: Any) -> None:
        """x has been updated, or this is the first round, or the last forward pass was not for training."""
        if self._went_back:
            if self._sample is not None:
                with self._timed:
                    self._updated()
            self._show()
        self._went_back = False
        self._begin()

    def _updated(self) -> None:
        """x has been updated."""
        sample, self._sample = self._sample, None
        if sample is None or not self._went_back:
            return
        if not sample.gradients:  # step(closure) has just made them
            self._measure_gradients(sample)
        changes = [[p._array - before for p, before in pairs] for _, pairs in self._before]
        for (layer, pairs), change in zip(self._before, changes):
            sample.sizes[layer] = norm(before for _, before in pairs)
            sample.updates[layer] = norm(change)
        if self._told:
            sample.learning_rates = self._told
        elif self.optimizer is not None:
            sample.learning_rates = tuple(float(group["lr"]) for group in self.optimizer.param_groups)
        else:
            sample.learning_rates = self._rate_along(changes, math.hypot(*sample.sizes.values()))
        self._before = []
        sample.outputs = self._outputs.found
        self.shape = self._outputs.shape or self.shape
        self._count_dead(sample)
        self._keep(sample)
        for kind, text in symptoms(self.samples, self.losses, self.shape):
            self._say(kind, text, sample.step)

    def _rate_along(self, changes: list[list[np.ndarray]], size: float) -> tuple[float, ...]:
        """The learning rate for which x has changed by -learning_rate * dx, if there is one."""
        pairs = [
            (p.grad._array.ravel(), c.ravel())
            for (_, ps), cs in zip(self._before, changes)
            for (p, _), c in zip(ps, cs)
            if p.grad is not None
        ]
        slope, along = norm(g for g, _ in pairs) ** 2, sum(float(np.dot(g, c)) for g, c in pairs)
        length = norm(c for cs in changes for c in cs) ** 2
        if not (along < 0 < slope and math.isfinite(slope + length)):
            return ()
        rounding = np.finfo(pairs[0][1].dtype).eps * size  # so far x may miss its place
        return (-along / slope,) if length - along**2 / slope <= 1e-5 * length + rounding**2 else ()

    def _count_dead(self, sample: Sample) -> None:
        for relu, (examples, active) in self._outputs.active.items():
            seen, silent = self._silent.get(relu, (0, np.zeros(0, int)))
            if silent.shape != active.shape:
                seen, silent = 0, np.zeros(active.shape, int)
            self._silent[relu] = seen, silent = seen + examples, np.where(active, 0, silent + examples)
            if seen >= EXAMPLES:
                sample.dead[relu] = float(np.mean(silent >= EXAMPLES))

    def _keep(self, sample: Sample) -> None:
        self.samples.append(sample)
        if len(self.samples) > KEPT:
            del self.samples[1:-1:2]
            self._gap = 2 * sample.step // KEPT
        self._next = sample.step + self._gap

    # ---- what is said ------------------------------------------------------------------------------------------

    def _say(self, kind: str, text: str, step: int) -> None:
        """Say it, once."""
        if self._has_said(kind):
            return
        finding = Finding(kind, text, step)
        self.findings.append(finding)
        if self._progress is not None:
            self._progress.say(f"watch: step {finding.step}: {text}")
        else:
            warnings.warn(f"step {finding.step}: {text}", RuntimeWarning, stacklevel=2)

    def _has_said(self, kind: str) -> bool:
        return any(finding.kind == kind for finding in self.findings)

    def _show(self) -> None:
        """The live line, and the report on the way."""
        if self._progress is not None and self._progress.due(len(self.losses)):
            self._progress.show(len(self.losses), self._line())
        if self._path is not None and time.perf_counter() - self._written >= self.seconds:
            with self._timed:
                try:
                    self.report(self._path)
                except OSError as error:  # no reason to end the run
                    self._say("no report", f"the report was not written: {error}", len(self.losses))
            self._written = time.perf_counter()

    def _line(self) -> str:
        known = [loss for loss in self.losses[-2:] if not math.isnan(loss)]  # the last one may be told later
        parts = [f"loss {known[-1]:.4f}"] if known else []
        if self.samples:
            last = self.samples[-1]
            parts += [f"lr {last.learning_rates[0]:.3g}"] if last.learning_rates else []
            parts.append(f"|dx| {last.gradient:.2g}")
            if ratios := last.ratios.values():
                parts.append(f"update/x {max(ratios):.1e}")
            if dead := max(last.dead.values(), default=0):
                parts.append(f"dead {dead:.0%}")
        return "  ".join(parts)


# ---- what belongs to which layer -------------------------------------------------------------------------------


def layers(model: Module) -> dict[str, list[Any]]:
    """For each module that has trainable parameters of its own: its name, and those. What is tied counts once, where
    it comes first."""
    found: dict[str, list[Any]] = {}
    seen: set[Any] = set()
    for path, module in model.named_modules():
        for p in module._parameters.values():
            if p is not None and p not in seen:
                seen.add(p)
                if p.requires_grad:
                    found.setdefault(named(path, module), []).append(p)
    return found
