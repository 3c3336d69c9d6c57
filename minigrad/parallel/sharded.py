"""An optimizer whose state is cut up between the ranks: each has that of its own slice of x (ZeRO, stage 1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad.network import Network
from minigrad.optim.optimizer import Optimizer
from minigrad.output.words import class_name
from minigrad.parallel import mpi
from minigrad.tensors.creation import from_numpy
from minigrad.tensors.tensor import Tensor


class ShardedOptimizer:
    """An optimizer of which each rank has the state of one slice of x only.

    Adam keeps two numbers for each number of x. With p ranks, each keeps those of a p-th of x: a step averages dx and
    leaves each rank its slice of it (reduce-scatter), applies the rule to that slice of x, and collects x (all-gather).
    These two operations send as many bytes as the Allreduce of `mean`. In the loop:

        optimizer = parallel.ShardedOptimizer(network, comm, lambda params: optim.Adam(params, lr=1e-3))
        while True:
            loss = network.forward(my_batch)
            network.backward()
            optimizer.step()

    Args:
        network: the network; its x must be the same on all ranks.
        comm: the communicator, such as `mpi4py.MPI.COMM_WORLD`.
        make: a function from a list of parameters to an optimizer of one group, of an elementwise rule.
        timeout: the longest wait for other ranks, in seconds. Default: 60.

    Attributes:
        local: this rank's optimizer. Its settings may be changed, the same on all ranks.

    Raises:
        TypeError: if network or comm is something else, or the rule is not elementwise, such as Adafactor's, which
            needs whole parameters.
        RankError: if the ranks do not have the same number of parameters or other states.

    Source: Rajbhandari et al., "ZeRO: memory optimizations toward training trillion parameter models", 2020.
    """

    def __init__(
        self, network: Network, comm: Any, make: Callable[[list[Any]], Optimizer], *, timeout: float = 60.0
    ) -> None:
        if not isinstance(network, Network):
            raise TypeError(f"ShardedOptimizer: network must be a minigrad.Network, got {class_name(network)}")
        mpi.check_communicator("ShardedOptimizer", comm)
        self.network, self.comm, self.timeout = network, comm, timeout
        x = network.x
        self._mine = mpi.shard(x.size, comm)
        self._make = make
        self._pieces: dict[str, tuple[slice, Tensor]] = {}
        for name, cut in network.names().items():
            start, stop = max(cut.start, self._mine.start), min(cut.stop, self._mine.stop)
            if start < stop and network._parameters[name].requires_grad:
                self._pieces[name] = slice(start, stop), _leaf(x[start:stop])
        # a rank whose slice is all frozen still takes part in each step
        self.local = make([p for _, p in self._pieces.values()] or [_leaf(np.zeros(1, x.dtype))])
        if not self.local.elementwise:
            raise TypeError(
                f"ShardedOptimizer: {class_name(self.local)} does not treat each number on its own, so x cannot be cut "
                "anywhere"
            )
        if len(self.local.param_groups) != 1:
            raise TypeError("ShardedOptimizer: make must return an optimizer with one group of parameters")

    def step(self, size: float | None = None) -> None:
        """Average the gradients of the last backward pass over all ranks, and update x.

        Args:
            size: the number of this rank's examples, see `mean`. Default: all ranks count the same.

        Raises:
            RuntimeError: if there is no gradient.
            As `mean`.
        """
        mine = mpi.reduce_scatter(self._dx(), self.comm, size, timeout=self.timeout)
        for cut, p in self._pieces.values():
            p.grad = from_numpy(mine[cut.start - self._mine.start : cut.stop - self._mine.start])
        self.local.step()
        mpi.all_gather(self.network.x, self.comm, timeout=self.timeout)

    def _dx(self) -> np.ndarray:
        dx = np.zeros_like(self.network.x)
        found = False
        for name, cut in self.network.names().items():
            if (g := self.network._parameters[name].grad) is not None:
                dx[cut] = g.detach().numpy().ravel()
                found = True
        if not found:
            raise RuntimeError("ShardedOptimizer.step: there is no gradient; call network.backward() first")
        return dx

    def state_bytes(self) -> int:
        """Return the size of this rank's state, in bytes."""
        states: Iterable[dict[str, Any]] = self.local.state.values()
        return sum(s.nbytes for state in states for s in state.values() if isinstance(s, np.ndarray))

    def state_dict(self) -> dict[str, Any]:
        """Return the whole state, on every rank, as `make(network.model.parameters()).state_dict()` would.

        All ranks must call it, though one is enough to save it. Any number of ranks can go on from it, also one with
        the optimizer alone.
        """
        whole = self._whole()
        names = {p: name for name, (_, p) in self._pieces.items()}
        mine: dict[str, dict[str, Any]] = {names[p]: state for p, state in self.local.state.items() if p in names}
        keys = self.comm.allgather({k: isinstance(v, np.ndarray) for state in mine.values() for k, v in state.items()})
        numbers = self.comm.allgather({k: v for state in mine.values() for k, v in state.items() if np.ndim(v) == 0})
        vectors = {}
        for key in sorted({k for kinds in keys for k, is_array in kinds.items() if is_array}):
            vectors[key] = np.zeros_like(self.network.x)
            for name, state in mine.items():
                vectors[key][self._pieces[name][0]] = state[key].ravel()
            mpi.all_gather(vectors[key], self.comm, timeout=self.timeout)
        scalars = {k: v for found in numbers for k, v in found.items()}
        if vectors or scalars:
            for name, p in self.network._parameters.items():
                if p.requires_grad:
                    cut = self.network.names()[name]
                    whole.state[p] = {**scalars, **{k: v[cut].reshape(p.shape).copy() for k, v in vectors.items()}}
        return whole.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict()` returned, of any number of ranks, or of the optimizer alone."""
        whole = self._whole()
        whole.load_state_dict(state_dict)
        (group,) = whole.param_groups
        self.local.param_groups[0].update({k: v for k, v in group.items() if k not in ("params", "param_names")})
        states = self.local.state
        for name, (cut, p) in self._pieces.items():
            start = self.network.names()[name].start
            part = slice(cut.start - start, cut.stop - start)
            state = whole.state.get(self.network._parameters[name], {})
            states[p] = {k: v.ravel()[part].copy() if isinstance(v, np.ndarray) else v for k, v in state.items()}
        self.local.state = states
        self.local.has_stepped = True

    def _whole(self) -> Optimizer:
        """Return an optimizer of all parameters, with the settings of now."""
        whole = self._make(list(self.network._parameters.values()))
        settings = {k: v for k, v in self.local.param_groups[0].items() if k not in ("params", "param_names")}
        whole.param_groups[0].update(settings)
        return whole


def _leaf(x: np.ndarray) -> Any:
    leaf = from_numpy(x)
    leaf.requires_grad = True
    return leaf
