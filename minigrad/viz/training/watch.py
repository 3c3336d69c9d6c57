"""`watch`: gradients, updates and activations of a training run, layer by layer, and what is wrong with it.

The watcher attaches hooks to a network, or to a model and its optimizer. Some steps are sampled (`teach/samples.py`);
the samples are searched for problems (`teach/symptoms.py`). Watching does not change what the run computes.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from minigrad.data.progress import Progress
from minigrad.grad_mode import is_grad_enabled
from minigrad.hooks import ObserverHook, RemovableHandle, watchers
from minigrad.network import Loss, Network
from minigrad.nn.arguments import check_bool, check_int, check_not_negative
from minigrad.nn.module import Module
from minigrad.optim.optimizer import Optimizer
from minigrad.output.words import class_name
from minigrad.scalar import Value
from minigrad.teach.causes import Batch, Scene, certain, explanations
from minigrad.teach.causes.validation import overfitting
from minigrad.teach.loss_graph import result_of
from minigrad.teach.not_finite import not_finite, why_not_finite
from minigrad.teach.samples import EXAMPLES, Outputs, Sample, named, norm
from minigrad.teach.symptoms import Finding, symptoms
from minigrad.tensors.tensor import Tensor
from minigrad.viz.charts.files import check_target
from minigrad.viz.page import ENDINGS, Page
from minigrad.viz.training.activation_hooks import ActivationHooks, Stopwatch
from minigrad.viz.training.loose_parameters import Parameters, is_loose
from minigrad.viz.training.records import RunRecord
from minigrad.viz.training.update_history import UpdateHistory, estimated_rate

SHARE = 0.01
"""The time for sampling: a fraction of the run's processor time. Sampling also slows the next steps a little, because
their data are no longer in the caches."""
FIRST, SPREAD = 10, 10
"""The number of steps at the start that are always sampled; after it, the next sample comes after a tenth of the
steps so far at the latest. Most runs fail at the start, and their causes must be seen in short runs too."""
_OWN_CAUSE = {"not zeroed", "not updated", "rate decayed", "rate of 0"}
"""The symptoms that name their cause."""
_FOLLOWS = {
    "exploding gradients": {"updates too large"},
    "dead ReLUs": {"updates too large"},
    "loss does not fall": {
        "updates too large",
        "updates too small",
        "vanishing gradients",
        "dead ReLUs",
        "rate decayed",
    },
    "updates too small": {"rate decayed"},
    "learned by heart": {"loss does not fall", "rare class overlooked"},
    "same examples": {"inputs all 0"},
}
"""What each of these follows from; after it, it is not reported."""
WALKED = 2
"""The number of steps at the start in which the graph is walked, to see what a result depends on."""
UNSTEPPED = 200
"""The number of losses logged without any update after which that is said; gradients may be accumulated for a while."""
_NO_STEP = (
    "the loss was logged {} times, but the optimizer has made no step: call optimizer.step() after backward(), of the "
    "optimizer that watch was given"
)
MAX_SAMPLES = 400
"""Beyond this number, every second sample is dropped and sampling continues at half the rate."""


def watch(
    network: Network | Module | Mapping[str, Any] | Sequence[Any],
    optimizer: Optimizer | None = None,
    *,
    steps: int | None = None,
    every: int | None = None,
    live: bool = True,
    report: str | Path | None = None,
    seconds: float = 10,
) -> Watcher:
    """Watch a training run: record statistics of each layer, report problems in words, write a report.

    Records gradient norms, update-to-parameter ratios, dead ReLUs, activations, losses and learning rates. The
    lecture's loop needs no change. In a loop with an optimizer, pass the loss of each step to `watcher.log(loss)`.

    Args:
        network: a Network, or a model; or the parameters of a network written by hand: a dictionary or list of
            tensors, or of Values. Their losses must be logged, with `watcher.log(loss)` at the end of each step.
        optimizer: the optimizer that updates the model. Default: none, `x += …` updates the network.
        steps: the number of steps of the run, for the progress bar. Default: unknown.
        every: sample every n-th step after the first ten. Default: at least one in each tenth of the steps so far, and
            more as long as they fit into 1 % of the run's time.
        live: whether to show progress in the terminal. Default: True.
        report: a file for the report, `.html`, written every few seconds and at the end. Default: none.
        seconds: the interval between reports. Default: 10.

    Returns:
        A `Watcher`, to be used in a `with` block or closed with `close()`.

    Raises:
        TypeError: `network` is a model and there is no optimizer, or an argument is of another type, or a parameter is
            no tensor or Value.
        ValueError: `every` is less than 1, or `report` does not end in `.html` or `.htm`.
        OSError: the report cannot be written: no folder, or no permission.

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
    """A watched run, as `watch` returns it: a context manager, or an object to `close()`.

    Attributes:
        samples: the sampled steps.
        losses: the loss of each step, nan if it is not known.
        findings: the problems found.
    """

    def __init__(
        self,
        network: Network | Module | Mapping[str, Any] | Sequence[Any],
        optimizer: Optimizer | None,
        steps: int | None,
        every: int | None,
        live: bool,
        report: str | Path | None,
        seconds: float,
    ) -> None:
        if is_loose(network):
            network = Parameters(network)
        if not isinstance(network, Network | Module):
            raise TypeError(
                "watch: network must be a Network, a model with its optimizer, or a list or dictionary of parameters, "
                f"got {class_name(network)}"
            )
        if optimizer is not None and not isinstance(optimizer, Optimizer):
            raise TypeError(f"watch: optimizer must be a minigrad.optim.Optimizer, got {class_name(optimizer)}")
        if isinstance(network, Module) and optimizer is None and not isinstance(network, Parameters):
            raise TypeError(
                "watch: a model needs the optimizer that updates it: watch(model, optimizer). For the lecture's loop: "
                "watch(network) with network = Network(model, loss)"
            )
        for name, value in (("steps", steps), ("every", every)):
            if value is not None:
                check_int("watch", **{name: value})
                if value < 1:
                    raise ValueError(f"watch: {name} must be at least 1, got {value}")
        check_bool("watch", live=live)
        check_not_negative("watch", seconds=seconds)
        if not isinstance(report, str | Path | None):
            raise TypeError(f"watch: report must be the name of a file, got {class_name(report)}")
        self.model = network.model if isinstance(network, Network) else network
        self.model.warn_of_unregistered(stacklevel=4)
        self.optimizer, self.every = optimizer, every
        self.samples: list[Sample] = []
        self.losses: list[float] = []
        self.validation: list[tuple[int, float]] = []
        self.findings: list[Finding] = []
        self.closed = False
        self._progress = Progress(steps) if live else None
        self._path = None if report is None else check_target(report, ENDINGS, "watch: report")
        self.seconds = seconds
        self._written = time.perf_counter()
        self._started = self._written, time.thread_time()
        self._ended: tuple[float, float] | None = None
        self._stopwatch = Stopwatch()
        self._next = self._last = self._sampled = 0  # the next step to be sampled, the last one, their number
        self._gap = 1
        self._inputs: Any = ()  # of the model in the latest forward pass
        self._trained_on: np.ndarray | None = None  # those of the latest sampled step
        self._result: tuple[int, np.ndarray] | None = None  # of it: the id of its node, so that no graph is held
        self._in_training = False  # the latest forward pass was in training mode, without recording
        self._handles: list[RemovableHandle] = [
            self.model.register_forward_pre_hook(ObserverHook(self._before_forward)),
            self.model.register_forward_hook(ObserverHook(self._keep_result)),
        ]
        self._activations = ActivationHooks(self.model, self._stopwatch)
        self._sample: Sample | None = None  # of the current step, if it is sampled
        self._before: list[tuple[str, list[tuple[Any, np.ndarray]]]] = []
        self._silent: dict[str, tuple[int, np.ndarray]] = {}  # of a ReLU: examples seen, zeros in a row per unit
        self._scene = Scene(self.model, optimizer, self.samples, self.losses, self.validation)
        self._history = UpdateHistory(self._scene)
        self._undiagnosed = False
        self._explained = False  # a cause was said, which the other symptoms come from
        self._loss = math.nan
        self._has_gradient = False
        self._logged_rate: tuple[float, ...] = ()  # the learning rate passed to log
        self._accumulation: list[RemovableHandle] = []
        self._added: dict[int, bool] = {}
        self._logged = 0  # losses logged since the last update
        # of parameters that no optimizer updates, the arrays and gradients when a loss was logged
        self._kept: dict[str, np.ndarray] | None = None
        self._held: dict[str, Any] = {}
        self._early = False  # the loss is logged before the update
        if isinstance(network, Parameters) and optimizer is None:
            self._end_by_hand()
        if isinstance(network, Network):
            self._handles.append(network.register_forward_hook(ObserverHook(self._after_forward)))
            if optimizer is None:
                self._handles.append(network.register_forward_pre_hook(ObserverHook(self._after_update)))
                self._handles.append(network.register_backward_hook(ObserverHook(self._before_update)))
        if optimizer is not None:
            self._handles.append(optimizer.register_step_pre_hook(ObserverHook(self._before_update)))
            self._handles.append(optimizer.register_step_post_hook(ObserverHook(self._after_update)))
            self._begin_step()

    # ---- the public interface ----------------------------------------------------------------------------------

    def log(self, loss: Any = None, learning_rate: float | None = None, validation: Any = None) -> None:
        """Log what the watcher cannot observe.

        Args:
            loss: the loss of this step, a tensor of one number or a number; the graph of a tensor shows more causes, so
                pass `loss` and not `loss.item()`. Call before or after `optimizer.step()`;
                before `backward()`, the watcher can find the operation that returned nan. Default: none.
            learning_rate: the learning rate, if the update is neither an optimizer's nor -learning_rate * dx. Default:
                none.
            validation: the loss of the validation set at this point, a tensor of one number or a number; log it now and
                then, such as once per epoch. If it rises while the training loss falls, the watcher says so. Default:
                none.
        """
        for name, value in (("loss", loss), ("learning_rate", learning_rate), ("validation", validation)):
            if value is not None:
                _number(name, value)  # raises before anything is logged
        if self._scene is None:
            raise RuntimeError(
                "log: this is a copy of a watcher, which sees no run; log to the one that watch returned"
            )
        if loss is not None:
            self._logged += 1
            if self._logged == UNSTEPPED and not self.losses:
                self._add_finding("no step", _NO_STEP.format(self._logged), 0)
            late = bool(self.losses) and math.isnan(self.losses[-1])  # logged after the step that it belongs to
            self._set_loss(loss, len(self.losses) + (not late))
            if late:
                self.losses[-1], self._loss = self._loss, math.nan
                if self.samples and self.samples[-1].step == len(self.losses):
                    self.samples[-1].loss = self.losses[-1]
                    if self._undiagnosed:
                        with self._stopwatch:
                            self._diagnose(len(self.losses))
        if validation is not None:
            number = _number("validation", validation)
            self.validation.append((len(self.losses), number))
            given = [a._array for a in self._inputs if isinstance(a, Tensor)]
            if len(given) == 1 and self._trained_on is not None:
                self._scene.prepared = Batch.of(self._trained_on), Batch.of(given[0])
            if self._in_training and self._scene.has_modes:
                self._scene.validated_in_training = True
            for kind, text in overfitting(self._scene):
                self._add_finding(kind, text, len(self.losses))
        if learning_rate is not None:
            self._logged_rate = (_number("learning_rate", learning_rate),)
        if loss is not None and self._kept is not None:
            self._end_by_hand()

    def report(self, path: str | Path | None = None, *, compare: Watcher | None = None) -> Page:
        """Return the report as an HTML page.

        Args:
            path: a file that the page is also written to. Default: none.
            compare: the watcher of another run, which is shown beside this one. Default: none.

        Raises:
            TypeError: `compare` is no Watcher.
        """
        from minigrad.viz.training.report import report

        if compare is not None and not isinstance(compare, Watcher):
            raise TypeError(f"report: compare must be the Watcher of another run, got {class_name(compare)}")
        page = report(self._record(), None if compare is None else compare._record())
        if path is not None:
            page.save(check_target(path, ENDINGS, "report"))
        return page

    def close(self) -> None:
        """Remove all hooks, and write the report if `watch` was given a file for it."""
        if self.closed:
            return
        if self.optimizer is None and self._has_gradient:
            with self._stopwatch:
                self._measure_update()
            self._show()
        if self._undiagnosed:
            self._diagnose(len(self.losses))
        if self.samples and not self.findings:  # what the last steps, which were not sampled, add to the losses
            with self._stopwatch:
                self._scene.ended = True
                self._diagnose(len(self.losses))
        if self._logged >= 2 and not self.losses:
            self._add_finding("no step", _NO_STEP.format(self._logged), 0)
        self.closed, self._ended = True, (time.perf_counter(), time.thread_time())
        self._detach()
        for handle in self._handles:
            handle.remove()
        self._inputs, self._result, self._trained_on = (), None, None
        if self._progress is not None:
            self._progress.end()
        if self._path is not None:
            self.report(self._path)

    @property
    def elapsed(self) -> float:
        """The seconds from the start to the end of the run, or to now."""
        return (time.perf_counter() if self._ended is None else self._ended[0]) - self._started[0]

    @property
    def share(self) -> float:
        """The fraction of this thread's processor time that watching took."""
        total = (time.thread_time() if self._ended is None else self._ended[1]) - self._started[1]
        return self._stopwatch.seconds / max(total, self._stopwatch.seconds, 1e-9)

    @property
    def frozen(self) -> list[str]:
        """The layers that have parameters but train none of them."""
        return [
            named(path, module)
            for path, module in self.model.named_modules()
            if (own := [p for p in module._parameters.values() if p is not None])
            and not any(p.requires_grad for p in own)
        ]

    def _record(self) -> RunRecord:
        return RunRecord(
            model=class_name(self.model),
            parameters=sum(p.numel() for p in self.model._all_parameters()),
            updated_by="the lecture's loop" if self.optimizer is None else class_name(self.optimizer),
            frozen=self.frozen,
            samples=self.samples,
            losses=self.losses,
            validation=self.validation,
            findings=self.findings,
            elapsed=self.elapsed,
            share=self.share,
            running=not self.closed,
            seconds=self.seconds,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, *_: object) -> None:
        if isinstance(error, FloatingPointError):  # from detect_anomaly, which knows the operation and the layer
            self._add_finding("not finite", str(error), len(self.losses) + (not self._has_gradient))
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        """What a copy has, as of `pickle` or `copy`: the run so far, for its report. The hooks stay with this one."""
        kept = "model samples losses validation findings seconds optimizer every _path _started _stopwatch _logged"
        ended = self._ended or (time.perf_counter(), time.thread_time())
        empty: dict[str, Any] = {"_progress": None, "_scene": None, "_kept": None, "_held": {}, "_undiagnosed": False}
        return {name: vars(self)[name] for name in kept.split()} | {"closed": True, "_ended": ended, **empty}

    def __repr__(self) -> str:
        return f"<watcher of {class_name(self.model)}: {len(self.losses)} steps, {len(self.samples)} sampled>"

    # ---- the phases of a step ----------------------------------------------------------------------------------

    def _begin_step(self) -> None:
        """Start of a step: decide whether to sample it, and attach the hooks if so."""
        self._detach()
        self._sample = None
        step = len(self.losses) + 1
        if step > FIRST:
            if step < self._next or (self.every is not None and step % self.every):
                return
            if self.every is None and SPREAD * (step - self._last) < step and not self._affordable(step):
                return
        with self._stopwatch:
            self._sample = Sample(step)
            self._activations.attach(walks=step <= WALKED, keeps_values=self._scene.will_be_due)
            self._added = {}
            groups = self.optimizer.param_groups if self.optimizer else []
            given = [p for group in groups for p in group["params"]]
            given += self.model.parameters() if isinstance(self.model, Parameters) and not groups else []
            for p in {id(p): p for p in (*given[:1], *given[-1:]) if p.requires_grad}.values():
                self._accumulation.append(p.register_hook(ObserverHook(lambda g, p=p: self._accumulating(p, g))))
            if step <= FIRST and isinstance(self.model, Parameters) and next(self.model.values(), None) is not None:
                watchers.append(self._way_back)

    def _affordable(self, step: int) -> bool:
        """Return whether a sample fits into the share of the time, evenly spread over the steps."""
        elapsed = time.thread_time() - self._started[1]
        cost = self._stopwatch.seconds / self._sampled
        return self._stopwatch.seconds + cost < SHARE * elapsed and (step - self._last) * SHARE * elapsed > step * cost

    def _detach(self) -> None:
        self._activations.detach()
        for handle in self._accumulation:
            handle.remove()
        self._accumulation = []
        watchers[:] = [watcher for watcher in watchers if watcher != self._way_back]

    def _way_back(self, primitive: Any, result: Any, direction: str, node: Any) -> None:
        """Called for each result: where a backward pass begins, record whether Values still have their gradients."""
        if direction == "backward" and isinstance(node, Value) and self._sample and self._sample.added is None:
            assert isinstance(self.model, Parameters)
            self._sample.added = any(p.grad for p in self.model.values())

    def _accumulating(self, p: Tensor, gradient: Any) -> None:
        """Called before a gradient is added to `p.grad`: record whether an earlier one is still there."""
        if self._sample is not None:
            is_nonzero = p.grad is not None and bool(p.grad._array.any())
            self._added[id(p)] = is_nonzero and self._added.get(id(p), True)
            self._sample.added = any(self._added.values())
            self._sample.arrived = bool(self._sample.arrived) or bool(gradient._array.any())

    def _before_forward(self, module: Module, inputs: Any) -> None:
        self._inputs = inputs
        self._in_training = module.training and not is_grad_enabled()

    def _keep_result(self, module: Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.node is not None:
            self._result = id(output.node), output._array

    def _after_forward(self, network: Network, data_batch: Any, loss: Loss) -> None:
        self._set_loss(loss, len(self.losses) + 1)

    def _set_loss(self, loss: Any, step: int) -> None:
        """Set the loss of this step, and report it if it is not finite."""
        self._loss = _number("loss", loss)
        tensor = loss.tensor if isinstance(loss, Loss) else loss
        node: Any = tensor.node if isinstance(tensor, Tensor) else None
        if isinstance(loss, Value) and isinstance(self.model, Parameters) and self.optimizer is None:
            node = loss
        if node is not None:
            self._look_at_loss(node, step)
        if not math.isfinite(self._loss) and not self._has_finding("not finite"):
            with self._stopwatch:
                arrays = [a._array for a in self._inputs if isinstance(a, Tensor) and a.dtype.kind == "f"]
                if not all(np.isfinite(a).all() for a in arrays):
                    said = f"the loss is {self._loss:g}: the batch has {why_not_finite(arrays)}"
                else:
                    before = [sample for sample in self.samples if sample.step < step]
                    known = self._activations.values or self._scene.values
                    outputs = self._outputs(step)
                    said = not_finite(self._loss, tensor, self.model, before, self._result, outputs, known)
                self._add_finding("not finite", said, step)

    def _outputs(self, step: int) -> dict[str, Outputs]:
        """Return the outputs of the layers in this step, if it is sampled."""
        if self._sample is not None and self._sample.step == step:
            return self._activations.outputs
        return self.samples[-1].outputs if self.samples and self.samples[-1].step == step else {}

    def _look_at_loss(self, node: Any, step: int) -> None:
        """Keep what lies between the model's output and the loss of a sampled step, until the diagnosis."""
        if self._sample is not None and self._sample.step == step:
            if isinstance(self.model, Parameters):
                with self._stopwatch:
                    node = self._activations.record_by_hand(node)
            elif not self._activations.calls:  # a container whose parts are called
                self._activations.output = result_of(node, {p.node for p in self.model.parameters()})
            output: Any = self._activations.output
            self._scene.look_at_inputs(self._activations)
            self._scene.values = self._activations.values
        elif self._undiagnosed and self.samples[-1].step == step:  # logged after the step
            output = self._scene.output
            if not self._scene.calls:
                self._scene.output = output = result_of(node, {p.node for p in self.model.parameters()})
        else:
            return
        if output is not None and node is not None:
            with self._stopwatch:
                self._scene.look_at_loss(node, output)

    def _before_update(self, *_: Any) -> None:
        """Called between backward pass and update: the gradient of this step is complete."""
        if self._undiagnosed:  # the loss was not logged
            with self._stopwatch:
                self._diagnose(len(self.losses))
        self.losses.append(self._loss)
        if self.optimizer is not None:
            self._scene.rates.append(float(self.optimizer.param_groups[0]["lr"]))
        self._loss, self._has_gradient = math.nan, True
        if self._sample is None:
            return
        with self._stopwatch:
            sample = self._sample
            sample.loss = self.losses[-1]
            kept = {id(p): (self._kept or {}).get(name, p._array) for name, p in self.model.named_parameters()}
            self._before = [(layer, [(p, kept[id(p)].copy()) for p in ps]) for layer, ps in layers(self.model).items()]
            moved = bool(self.samples) and any(self.samples[-1].updates.values())
            self._history.begin(sample.step, self._before, moved)
            self._measure_gradients(sample)

    def _end_by_hand(self) -> None:
        """A loss of parameters that no optimizer updates was logged: the step that has changed them is over."""
        assert isinstance(self.model, Parameters)
        self.model.refresh()
        parameters = dict(self.model.named_parameters())
        gradients = {name: p.grad for name, p in parameters.items()}
        if self._kept is None:
            self._begin_step()
        else:
            moved = any((p._array != self._kept.get(name, p._array)).any() for name, p in parameters.items())
            arrived = any(g is not None and g._array.any() for g in gradients.values())
            self._early = self._early or (arrived and not self.losses and not moved)
            for name, p in parameters.items() if self._early and self.losses else ():
                p.grad = self._held.get(name)  # of which the update was made
            self._before_update()
            self._after_update()
            self._scene.anew.clear()  # a loop by hand may replace them
            for name, p in parameters.items():
                p.grad = gradients[name]
        self._kept = {name: p._array.copy() for name, p in parameters.items()}
        self._held = {name: None if g is None else g.clone() for name, g in gradients.items()} if self._early else {}

    def _measure_gradients(self, sample: Sample) -> None:
        for layer, pairs in self._before:
            gradients = [p.grad._array for p, _ in pairs if p.grad is not None]
            if gradients:
                sample.gradients[layer] = norm(gradients)
                if len(sample.gradients) == 1:
                    _find_clipped(sample, "gradient", gradients[0])

    def _after_update(self, *_: Any) -> None:
        """Called after an update, before the first step, and after a forward pass that was not for training."""
        if self._has_gradient:
            if self._sample is not None:
                with self._stopwatch:
                    self._measure_update()
            self._show()
        self._has_gradient = False
        self._begin_step()

    def _measure_update(self) -> None:
        """Complete the sample with the update that has just been made."""
        sample, self._sample = self._sample, None
        if sample is None or not self._has_gradient:
            return
        if not sample.gradients:  # step(closure) has just computed them
            self._measure_gradients(sample)
        changes = [[p._array - before for p, before in pairs] for _, pairs in self._before]
        if changes and self.optimizer is None:
            _find_clipped(sample, "step", changes[0][0])
        for (layer, pairs), change in zip(self._before, changes):
            sample.sizes[layer] = norm(before for _, before in pairs)
            sample.updates[layer] = norm(change)
        if self._logged_rate:
            sample.learning_rates = self._logged_rate
        elif self.optimizer is not None:
            sample.learning_rates = tuple(float(group["lr"]) for group in self.optimizer.param_groups)
        else:
            size = math.hypot(*sample.sizes.values())
            sample.learning_rates = estimated_rate(self._before, changes, size)
        before, self._before = self._before, []
        sample.outputs = self._activations.outputs
        self._scene.shape = self._activations.shape or self._scene.shape
        self._count_dead(sample)
        self._add_sample(sample)
        self._add_activations()
        is_first = self._scene.repeated >= self._sampled - 1
        self._history.add(sample, before, changes, self._activations.inputs, is_first, sample.step <= FIRST)
        if math.isnan(sample.loss):
            self._undiagnosed = True  # the loss may be logged after the step
        else:
            self._diagnose(sample.step)

    def _add_activations(self) -> None:
        """Write what the hooks have seen of this step into the scene."""
        scene, seen = self._scene, self._activations
        scene.look_at_inputs(seen)
        self._trained_on = seen.inputs
        scene.batch, scene.output, scene.values = seen.batch or seen.batch_of_parts, seen.output, seen.values
        scene.first_batch = scene.first_batch or seen.batch
        scene.layers = list(layers(self.model))
        scene.called |= seen.called
        if seen.output is None and seen.shape:
            scene.connected = False  # its result has no graph
        scene.unread.append(seen.unread)
        scene.created.append(seen.created)
        scene.levelled.append(seen.levelled)
        scene.spreads.append(seen.spread)
        scene.views.append(seen.views)
        scene.ignored += seen.ignores
        scene.calls = seen.calls
        scene.same += [] if seen.same is None else [seen.same]
        scene.zeros += [] if seen.zero is None else [seen.zero]
        scene.training += [] if seen.training is None else [seen.training]

    def _diagnose(self, step: int) -> None:
        """Report what is wrong: a cause that is certain, or a symptom with its likeliest cause; one cause, once."""
        self._undiagnosed = False
        for kind, text in certain(self._scene):
            if not self._follows(kind):
                self._explained = True
                self._add_finding(kind, text, step)
        for kind, text in symptoms(self._scene):
            if self._explained and kind not in ("not finite", "not zeroed"):
                continue
            cause = next(explanations(self._scene, kind), None) if kind not in _OWN_CAUSE else None
            if cause is not None:
                self._explained = True
                self._add_finding(cause[0], f"{cause[1]}. It shows in: {kind}", step)
            elif text and not self._follows(kind):
                self._add_finding(kind, text, step)
        self._scene.forget_graph()

    def _follows(self, kind: str) -> bool:
        """Return whether this follows from what has been reported."""
        return any(map(self._has_finding, _FOLLOWS.get(kind, ())))

    def _count_dead(self, sample: Sample) -> None:
        for relu, (examples, active) in self._activations.active.items():
            seen, silent = self._silent.get(relu, (0, np.zeros(0, int)))
            if silent.shape != active.shape:
                seen, silent = 0, np.zeros(active.shape, int)
            self._silent[relu] = seen, silent = seen + examples, np.where(active, 0, silent + examples)
            if seen >= EXAMPLES:
                sample.dead[relu] = float(np.mean(silent >= EXAMPLES))

    def _add_sample(self, sample: Sample) -> None:
        self.samples.append(sample)
        if len(self.samples) > MAX_SAMPLES:
            del self.samples[1:-1:2]
            self._gap = 2 * sample.step // MAX_SAMPLES
        self._next, self._last = sample.step + self._gap, sample.step
        self._sampled += 1

    # ---- output ------------------------------------------------------------------------------------------------

    def _add_finding(self, kind: str, text: str, step: int) -> None:
        """Report a finding, once for each kind."""
        if self._has_finding(kind):
            return
        finding = Finding(kind, text, step)
        self.findings.append(finding)
        if self._progress is not None:
            self._progress.say(f"watch: step {finding.step}: {text}")
        else:
            warnings.warn(f"step {finding.step}: {text}", RuntimeWarning, stacklevel=2)

    def _has_finding(self, kind: str) -> bool:
        return any(finding.kind == kind for finding in self.findings)

    def _show(self) -> None:
        """Update the progress line, and the report if it is due."""
        if self._progress is not None and self._progress.due(len(self.losses)):
            self._progress.show(len(self.losses), self._line())
        if self._path is not None and time.perf_counter() - self._written >= self.seconds:
            with self._stopwatch:
                try:
                    self.report(self._path)
                except OSError as error:  # an unwritable report must not end the run
                    self._add_finding("no report", f"the report was not written: {error}", len(self.losses))
            self._written = time.perf_counter()

    def _line(self) -> str:
        known = [loss for loss in self.losses[-2:] if not math.isnan(loss)]  # the last one may be logged later
        parts = [f"loss {known[-1]:.4g}"] if known else []
        if self.samples:
            last = self.samples[-1]
            parts += [f"lr {last.learning_rates[0]:.3g}"] if last.learning_rates else []
            parts.append(f"|dx| {last.gradient:.2g}")
            if ratios := last.ratios.values():
                parts.append(f"update/x {max(ratios):.1e}")
            if dead := max(last.dead.values(), default=0):
                parts.append(f"dead {dead:.0%}")
        return "  ".join(parts)


# ---- layers ----------------------------------------------------------------------------------------------------


def _number(name: str, value: Any) -> float:
    """Return a number that was logged, of a tensor or a number."""
    array = np.asarray(value.data if isinstance(value, Value) else getattr(value, "_array", value))
    if array.size != 1 or array.dtype.kind not in "fiub":
        said = f" of shape {array.shape}: log its mean" if array.size != 1 else ""
        raise TypeError(f"log: {name} must be a number or a tensor of one number, got {class_name(value)}{said}")
    return float(array.item())


def _find_clipped(sample: Sample, what: str, numbers: np.ndarray) -> None:
    """Note whether half of these numbers have the same size, but for rounding, and no number a larger one."""
    sizes = np.abs(numbers.ravel()[:10000])
    largest = float(sizes.max(initial=0.0))
    many = largest > 0 and sizes.size > 9 and float(np.mean(sizes > 0.9 * largest)) > 0.5
    if many and (what == "gradient" or (sizes[sizes > 0] < 0.9 * largest).any()):
        sample.clipped[what] = largest


def layers(model: Module) -> dict[str, list[Any]]:
    """Return the trainable parameters of each module that has some of its own, by name.

    A tied parameter counts once, in the first module.
    """
    found: dict[str, list[Any]] = {}
    seen: set[Any] = set()
    for path, module in model.named_modules():
        for p in module._parameters.values():
            if p is not None and p not in seen:
                seen.add(p)
                if p.requires_grad:
                    found.setdefault(named(path, module), []).append(p)
    return found
