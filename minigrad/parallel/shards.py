"""Shards of a batch: which rows each has, what its mean counts for, its gradient, and their weighted mean.

A loss that is a mean over n rows is the mean of the shards' losses, weighted by their sizes, and so is its gradient:
dx = (n_1 * dx_1 + … + n_p * dx_p) / n. All of data parallel training is this line.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.network import Network
from minigrad.nn.loss_base import Loss
from minigrad.nn.losses import CrossEntropyLoss, NLLLoss
from minigrad.nn.module import Parameter
from minigrad.output.words import class_name
from minigrad.tensors.creation import as_tensor, from_numpy
from minigrad.tensors.rng import default_generator
from minigrad.tensors.tensor import Tensor


def split(n: int, count: int) -> list[slice]:
    """Cut n items into `count` slices whose lengths differ by at most 1; the longer ones come first.

    >>> split(7, 3)
    [slice(0, 3, None), slice(3, 5, None), slice(5, 7, None)]
    >>> split(1, 2)  # the second is empty
    [slice(0, 1, None), slice(1, 1, None)]
    """
    bounds = [i * (n // count) + min(i, n % count) for i in range(count + 1)]
    return [slice(start, stop) for start, stop in zip(bounds, bounds[1:])]


def as_pair(data_batch: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the inputs and the targets of a batch as arrays, whose rows can be dealt out.

    Raises:
        ValueError: if the batch is not a pair, is empty, or has other rows in X than in y.
    """
    if not isinstance(data_batch, list | tuple) or len(data_batch) != 2:
        raise ValueError(
            f"gradient: the batch must be a pair (X, y) of inputs and targets, got {class_name(data_batch)}"
        )
    X = as_tensor(data_batch[0]).detach().numpy()
    y = None if data_batch[1] is None else as_tensor(data_batch[1]).detach().numpy()
    if X.ndim == 0 or len(X) == 0:
        raise ValueError(f"gradient: the batch has no rows to deal out; its inputs have shape {X.shape}")
    if y is not None and y.shape[:1] != X.shape[:1]:
        raise ValueError(
            f"gradient: X has shape {X.shape} and y has shape {y.shape}, but both need one row for each example"
        )
    return X, y


def weight_of(loss: Any, y: np.ndarray | None, n: int) -> float:
    """Return what the mean loss of n rows counts for: n, or the sum of the weights that the loss divides by.

    Raises:
        NotImplementedError: if the loss has a weight for each example, which belongs to the whole batch.
    """
    weight = getattr(loss, "weight", None)
    if isinstance(loss, CrossEntropyLoss | NLLLoss):
        if y is None or y.dtype.kind not in "iu":
            return float(n)
        counted = y != loss.ignore_index
        if weight is None:
            return float(counted.sum())
        return float(as_tensor(weight).detach().numpy()[np.where(counted, y, 0)][counted].sum(dtype=np.float64))
    if weight is not None and y is not None and as_tensor(weight).ndim >= y.ndim:
        raise NotImplementedError(
            f"gradient: {class_name(loss)} has a weight of shape {as_tensor(weight).shape}, one for each example, "
            "which belongs to the whole batch and cannot be split; use reduction='none' in a loss of your own"
        )
    return float(n)


def check_loss(network: Network, X: np.ndarray, y: np.ndarray | None, cuts: Sequence[slice]) -> None:
    """Warn, once, if a loss of the user's own is not the weighted mean of its shards: then dx is not the batch's."""
    if isinstance(network.loss, Loss) or getattr(network, "_loss_checked", None) is network.loss or len(cuts) < 2:
        return
    network._loss_checked = network.loss  # type: ignore[attr-defined]
    modes = [(module, module.training) for module in network.model.modules()]
    before = default_generator.get_state()

    def loss(cut: slice) -> float:
        inputs = as_tensor(X[cut])
        inputs = inputs.to(network.x.dtype) if inputs.dtype.kind == "f" else inputs
        return float(network.loss(network.model(inputs), None if y is None else y[cut]).item())

    try:
        network.model.eval()  # without dropout, and batch normalization by its running statistics
        with no_grad():
            whole = loss(slice(0, len(X)))
            mean = sum((cut.stop - cut.start) / len(X) * loss(cut) for cut in cuts)
    finally:
        for module, training in modes:
            module.training = training
        drew = default_generator.get_state().numpy().tobytes() != before.numpy().tobytes()
        default_generator.set_state(before)
    if not drew and abs(whole - mean) > 1e-3 * (abs(whole) + abs(mean)) + 1e-6:
        warnings.warn(
            f"gradient: the loss of the batch, {whole:.6g}, is not the mean over its {len(cuts)} shards, {mean:.6g}: "
            "dx is not that of the batch. Is it a sum, or does it leave examples out or weight them? Average over the "
            "examples, or pass a module such as nn.CrossEntropyLoss(reduction='sum', ignore_index=…, weight=…)",
            RuntimeWarning,
            stacklevel=5,
        )


def is_sum(loss: Any) -> bool:
    """Return whether the loss adds up examples instead of averaging them: then shards are added, too."""
    return getattr(loss, "reduction", "mean") == "sum"


# ---- the model without its numbers ------------------------------------------------------------------------------


class _Pickler(pickle.Pickler):
    def __init__(self, file: Any, known: dict[int, tuple[Any, ...]]) -> None:
        super().__init__(file, 5)
        self.known = known

    def persistent_id(self, obj: Any) -> Any:
        return self.known.get(id(obj)) if isinstance(obj, Tensor) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.made: dict[tuple[Any, ...], Tensor] = {}

    def persistent_load(self, pid: Any) -> Tensor:
        if pid not in self.made:
            kind, _, shape, dtype, requires_grad = pid
            array = np.zeros(shape, dtype)
            self.made[pid] = from_numpy(array) if kind == "buffer" else Parameter(from_numpy(array), requires_grad)
        return self.made[pid]


def structure(network: Network) -> bytes:
    """Return the model and the loss without their numbers: equal bytes mean the same computation of x and a batch.

    Modes, frozen parameters and settings such as a dropout's p are in it.

    Raises:
        TypeError: if the model or the loss cannot be pickled.
    """
    known: dict[int, tuple[Any, ...]] = {}
    for name, p in network._parameters.items():
        known[id(p)] = ("x", name, p.shape, str(p.dtype), p.requires_grad)
    for name, b in network.model.named_buffers():
        known[id(b)] = ("buffer", name, b.shape, str(b.dtype), False)
    file = io.BytesIO()
    try:
        _Pickler(file, known).dump((network.model, network.loss))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise TypeError(
            f"gradient: the model or its loss cannot be sent to another process: {error}. Define it by `def` or "
            "`class` at the top level of a module, not as a lambda or inside a function"
        ) from error
    return file.getvalue()


def build(data: bytes) -> Network:
    """Make the network again from its `structure`, with zeros for all numbers.

    Raises:
        ImportError: if a class or function of it cannot be imported here.
    """
    try:
        model, loss = _Unpickler(io.BytesIO(data)).load()
    except (AttributeError, ImportError) as error:
        raise ImportError(
            f"gradient: this worker cannot import a part of the model or the loss: {error}. Define it in a module that "
            "is installed on all machines, or on this machine in a module beside the script"
        ) from error
    network = Network(model, loss)
    network._warned = True  # whether x changes is for the sender to see
    return network


def digest(structure: bytes) -> bytes:
    """Return a fingerprint."""
    return hashlib.blake2b(structure, digest_size=16).digest()


def buffers(network: Network) -> dict[str, np.ndarray]:
    """Return copies of the model's buffers, such as the running mean and variance of batch normalization."""
    return {name: np.array(b.detach().numpy()) for name, b in network.model.named_buffers()}


def set_buffers(network: Network, values: dict[str, np.ndarray]) -> None:
    """Write values into the model's buffers."""
    with no_grad():
        for name, b in network.model.named_buffers():
            b.copy_(as_tensor(values[name]))


# ---- one shard ----------------------------------------------------------------------------------------------------


@dataclass
class Part:
    """The gradient of a shard, and what belongs to it."""

    loss: float
    dx: np.ndarray
    weight: float
    buffers: dict[str, np.ndarray]
    drew: bool
    """Whether random numbers were drawn, as by dropout."""

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.loss) and np.isfinite(self.dx).all())


class StepNumbers:
    """The random numbers of one step: a seed from the default generator, which moves on only if a shard drew some."""

    def __enter__(self) -> StepNumbers:
        self._before = default_generator.get_state()
        self.seed = int(default_generator.numpy.integers(2**63))
        self._after = default_generator.get_state()
        default_generator.set_state(self._before)
        self.drew = False
        return self

    def __exit__(self, *_: object) -> None:
        default_generator.set_state(self._after if self.drew else self._before)


_drawing = threading.Lock()
"""Held while random numbers are drawn: threads share one generator."""


@contextmanager
def _numbers_of(seed: int, i: int) -> Iterator[None]:
    """Context manager: shard i draws random numbers of its own, the same on any worker."""
    with _drawing:
        before = default_generator.get_state()
        default_generator.manual_seed(int(np.random.SeedSequence([seed, i]).generate_state(1, np.uint64)[0]))
        try:
            yield
        finally:
            default_generator.set_state(before)


def compute(network: Network, X: np.ndarray, y: np.ndarray | None, seed: int, i: int) -> Part:
    """Return the gradient of shard i; the network's buffers become those after it."""
    weight = weight_of(network.loss, y, len(X))
    if weight == 0.0 and not is_sum(network.loss):  # no row counts, so its mean is undefined and not needed
        return Part(0.0, np.zeros_like(network.x), 0.0, buffers(network), False)
    if is_sum(network.loss):
        weight = 1.0
    if not getattr(network, "_draws", True):  # it drew nothing last time: threads need not wait for each other
        before = buffers(network)
        part = _compute(network, X, y, weight)
        if not part.drew:
            return part
        set_buffers(network, before)
    with _numbers_of(seed, i):
        part = _compute(network, X, y, weight)
    network._draws = part.drew  # type: ignore[attr-defined]
    return part


def _compute(network: Network, X: np.ndarray, y: np.ndarray | None, weight: float) -> Part:
    start = default_generator.get_state().numpy().tobytes()
    with warnings.catch_warnings():
        if threading.current_thread() is threading.main_thread():
            warnings.simplefilter("ignore", RuntimeWarning)  # nan is an error, which names the shard
        loss = float(network.forward((X, y)))
        dx = network.backward()
    drew = default_generator.get_state().numpy().tobytes() != start
    return Part(loss, dx, weight, buffers(network), drew)


def combine(network: Network, parts: Sequence[Part]) -> tuple[float, np.ndarray]:
    """Return the weighted mean of the losses and gradients, in the order of the shards; set buffers and `.grad`."""
    total = 1.0 if is_sum(network.loss) else sum(part.weight for part in parts)
    if total == 0.0:
        raise ValueError("gradient: no row of the batch counts: all targets are ignore_index, or all weights are 0")
    loss, dx = 0.0, np.zeros_like(network.x)
    for part in parts:
        share = part.weight / total
        loss += share * part.loss
        dx += share * part.dx
    set_buffers(network, mean_buffers(parts))
    network._set_gradients(dx)
    return loss, dx


def mean_buffers(parts: Sequence[Part]) -> dict[str, np.ndarray]:
    """Return the weighted means of the shards' buffers; of integers, such as counts of batches, the largest."""
    weighed = [part for part in parts if part.weight] or parts[:1]
    total = sum(part.weight for part in weighed) or 1.0
    found = {}
    for name, first in weighed[0].buffers.items():
        if first.dtype.kind == "f":
            values = np.zeros(first.shape)
            for part in weighed:
                values += part.weight / total * part.buffers[name]
            found[name] = values.astype(first.dtype)
        else:
            found[name] = np.maximum.reduce([part.buffers[name] for part in weighed])
    return found
