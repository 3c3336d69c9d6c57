"""Training on several processes or machines, on engines that exist: MPI, and any `concurrent.futures.Executor`.

dx is one vector, so the lecture's loop needs one line more on a cluster:

    loss = network.forward(data_batch)
    dx = network.backward()
    dx = parallel.mean(dx, comm)  # over all ranks of mpi4py's communicator
    x += - learning_rate * dx

See docs/scale.md. Nothing here is imported by the rest of minigrad's core, and nothing imports mpi4py or Dask before a
communicator or an executor of theirs is passed.
"""

from minigrad.parallel.executors import Restarting
from minigrad.parallel.gradients import gradient
from minigrad.parallel.mpi import RankError, all_gather, mean, reduce_scatter, shard
from minigrad.parallel.processes import Processes, WorkerLost
from minigrad.parallel.search import Search, Trial, log_uniform, search, uniform
from minigrad.parallel.sharded import ShardedOptimizer

__all__ = [
    "Processes",
    "RankError",
    "Restarting",
    "Search",
    "ShardedOptimizer",
    "Trial",
    "WorkerLost",
    "all_gather",
    "gradient",
    "log_uniform",
    "mean",
    "reduce_scatter",
    "search",
    "shard",
    "uniform",
]
