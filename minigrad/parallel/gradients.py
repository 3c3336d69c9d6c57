"""`gradient`: the lecture's two lines, forward and backward, on many workers."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np

from minigrad.network import Network
from minigrad.output.words import class_name
from minigrad.parallel import mpi, shards
from minigrad.parallel.executors import name_of, parts_of, workers_of


def gradient(
    network: Network,
    data_batch: Any,
    executor: Any = None,
    *,
    shards: int | None = None,
    timeout: float = 60.0,
    retries: int = 2,
) -> tuple[float, np.ndarray]:
    """Compute the loss and its gradient on a batch whose rows are dealt out to workers.

    This is `loss = network.forward(data_batch); dx = network.backward()`, and the loop stays the lecture's:

        loss, dx = parallel.gradient(network, data_batch, executor)
        x += - learning_rate * dx

    The batch is cut into shards; each worker computes the gradient of its own, and dx is their mean, weighted by their
    sizes: the same numbers as in one process, to rounding. Every parameter's `.grad` is its view of dx, so
    `optimizer.step()` works as well.

    With an executor, this process sends x once a step and the model once to each worker; the workers keep no state
    between steps. The same shards give the same bits on any number of workers, also when a shard had to be sent again.
    With a communicator, all ranks call `gradient` with the same batch and the same x, and all get the same dx.

    Args:
        network: the model, its loss and x.
        data_batch: a pair (X, y). Each has one row for each example; y may be None.
        executor: a `concurrent.futures.Executor`, such as `ProcessPoolExecutor(4)`, Dask's `client.get_executor()` or
            `mpi4py.futures.MPIPoolExecutor()`; or a communicator, such as `mpi4py.MPI.COMM_WORLD`. Default: None, this
            process alone.
        shards: the number of shards. Default: the number of workers, at most the number of rows.
        timeout: the longest wait for the next shard, in seconds. Default: 60.
        retries: how often a shard is sent again whose worker was lost. Default: 2.

    Returns:
        The loss, a float, and dx, of the shape of x.

    Batch normalization normalizes each shard by itself, as in PyTorch without SyncBatchNorm: its dx differs from that
    of one process. Its running mean and variance become the weighted means of the shards'. Dropout draws other
    numbers for each shard, which depend on `manual_seed`. Of a loss that is a mean, each example must count the same;
    the class weights and the ignore_index of `CrossEntropyLoss` and `NLLLoss` are taken into account. A loss of your
    own is compared once with the mean over its shards; if it is another number, a RuntimeWarning says so.

    Raises:
        ValueError: if the batch is not a pair, or X and y have different numbers of rows.
        TypeError: if the model cannot be pickled, or the executor is none.
        FloatingPointError: if the loss or the gradient of a shard is not finite; the error names the shard. x is as
            before.
        WorkerLost: if workers ended and nobody is left to compute a shard.
        TimeoutError: if a shard is not there in time; the error names it.
        RankError: if ranks do not have the same model, x, batch or version.

    >>> import minigrad
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from minigrad import data, nn
    >>> network = minigrad.Network(nn.Linear(2, 3), nn.CrossEntropyLoss())
    >>> data_batch = data.spiral().sample_data_batch(10)
    >>> with ThreadPoolExecutor(3) as executor:  # shards of 4, 3 and 3 rows
    ...     loss, dx = gradient(network, data_batch, executor)
    >>> abs(loss - network.forward(data_batch)) < 1e-6, bool(np.allclose(dx, network.backward(), atol=1e-6))
    (True, True)
    """
    if not isinstance(network, Network):
        raise TypeError(f"gradient: network must be a minigrad.Network, got {class_name(network)}")
    if isinstance(shards, bool) or not (shards is None or isinstance(shards, int) and shards > 0):
        raise ValueError(f"gradient: shards must be a positive integer, got {shards!r}")
    if isinstance(timeout, str) or not timeout > 0:
        raise ValueError(f"gradient: timeout must be a positive number of seconds, got {timeout!r}")
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise ValueError(f"gradient: retries must be an integer, 0 or more, got {retries!r}")
    if mpi.is_communicator(executor):
        if shards not in (None, executor.Get_size()):
            raise ValueError(f"gradient: each of the {executor.Get_size()} ranks has one shard, got shards={shards}")
        return mpi.gradient(network, data_batch, executor, timeout)
    if not (executor is None or isinstance(executor, Executor)):
        raise TypeError(
            "gradient: executor must be a concurrent.futures.Executor or a communicator of mpi4py, got "
            f"{class_name(executor)}" + ("; pass client.get_executor()" if hasattr(executor, "get_executor") else "")
        )
    return _on_workers(network, data_batch, executor, shards, timeout, retries)


def _on_workers(
    network: Network, data_batch: Any, executor: Executor | None, count: int | None, timeout: float, retries: int
) -> tuple[float, np.ndarray]:
    X, y = shards.as_pair(data_batch)
    count = count or (1 if executor is None else workers_of(executor))
    cuts = shards.split(len(X), min(count, len(X)))
    shards.check_loss(network, X, y, cuts)
    with shards.StepNumbers() as numbers:
        parts = parts_of(network, X, y, cuts, executor, numbers.seed, timeout, retries)
        numbers.drew = any(part.drew for part in parts)
    for i, part in enumerate(parts):
        if not part.is_finite:
            what = f"a loss of {part.loss}" if not np.isfinite(part.loss) else "a gradient with nan or inf"
            raise FloatingPointError(
                f"gradient: {name_of(i, cuts)} has {what}; x is as before the step. The usual causes are a learning "
                "rate that is too high, and nan in the data"
            )
    return shards.combine(network, parts)
