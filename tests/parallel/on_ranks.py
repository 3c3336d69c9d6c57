"""What the ranks of `mpiexec` run: `python on_ranks.py NAME`. Each function is a test; an assertion ends all ranks."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from models import alone, close, random_case
from mpi4py import MPI

import minigrad
from minigrad import nn, optim, parallel
from minigrad.data import Dataset, digits
from minigrad.optim import rules

WORLD = MPI.COMM_WORLD
RANK = WORLD.Get_rank()
CHECKS = []


def check(function):
    """Run with the first 1, 2, 3, … ranks as the communicator."""
    CHECKS.append(function)
    return function


def digits_network(seed: int = 0, dropout: float = 0.0, batch_norm: bool = False) -> minigrad.Network:
    minigrad.manual_seed(seed)
    layers = [
        nn.Linear(64, 20),
        *[nn.BatchNorm1d(20)] * batch_norm,
        nn.ReLU(),
        *[nn.Dropout(dropout)] * (dropout > 0),
        nn.Linear(20, 10),
    ]
    return minigrad.Network(nn.Sequential(*layers), nn.CrossEntropyLoss())


@check
def random_models(comm):
    for seed in range(40):
        network, batch = random_case(seed)
        loss, dx = alone(network, batch)
        network.x = network.x  # a new step
        found, mean = parallel.gradient(network, batch, comm)
        assert abs(found - loss) < 1e-9 * (1 + abs(loss)) and close(mean, dx), (seed, comm.size, found, loss)
        for name, p in network.model.named_parameters():
            assert not p.requires_grad or close(p.grad.numpy().ravel(), dx[network.names()[name]])


@check
def the_lectures_loop(comm):
    one, all_of_us = digits_network(), digits_network()
    train, again = digits().train, digits().train
    for step in range(5):
        batch = train.sample_data_batch(50 - 12 * step)
        loss = one.forward(batch)
        one.x += -0.1 * one.backward()
        batch = again.sample_data_batch(50 - 12 * step)
        mine = parallel.shard(len(batch.X), comm)
        size = mine.stop - mine.start
        my_loss, dx = 0.0, np.zeros_like(all_of_us.x)
        if size:
            my_loss, dx = alone(all_of_us, (batch.X[mine], batch.y[mine]))
        dx = parallel.mean(dx, comm, size)
        all_of_us.x += -0.1 * dx
        assert abs(parallel.mean(my_loss, comm, size) - loss) < 1e-5
    assert np.allclose(one.x, all_of_us.x, atol=1e-6)
    assert len({*comm.allgather(all_of_us.x.tobytes())}) == 1  # the same bits on all ranks


@check
def means(comm):
    p = comm.Get_size()
    dx = np.full(5, comm.rank + 1, np.float32)
    assert parallel.mean(dx, comm) is dx and np.allclose(dx, (p + 1) / 2)
    size = comm.rank  # rank 0 has no examples
    dx = np.full((2, 3), np.nan if size == 0 else size, np.float64)
    if p > 1:
        assert np.allclose(parallel.mean(dx, comm, size), sum(k * k for k in range(p)) / sum(range(p)))
    assert parallel.mean(3, comm) == 3.0
    for wrong in (np.arange(3), np.ones((4, 4))[:, ::2], [1.0], None, True, minigrad.ones(3)):
        raises(TypeError, "mean: ", lambda wrong=wrong: parallel.mean(wrong, comm))
    for call in (parallel.mean, parallel.all_gather, parallel.reduce_scatter, parallel.shard):
        raises(TypeError, "comm must be a communicator of mpi4py", lambda call=call: call(np.ones(3), None))
    raises(ValueError, "size must be", lambda: parallel.mean(np.ones(3), comm, -1))
    network = digits_network()
    for wrong, text in ((optim.Adafactor, "does not treat each number"), (optim.LBFGS, "ShardedOptimizer: LBFGS")):
        raises(TypeError, text, lambda make=wrong: parallel.ShardedOptimizer(network, comm, make))
    raises(TypeError, "network must be", lambda: parallel.ShardedOptimizer(network.model, comm, optim.Adam))


@check
def buffers_are_averaged_and_batch_norm_differs(comm):
    network, same = digits_network(batch_norm=True), digits_network(batch_norm=True)
    batch = digits().train.sample_data_batch(24)
    _, dx = parallel.gradient(network, batch, comm)
    _, expected = parallel.gradient(same, batch, shards=comm.Get_size())
    assert np.allclose(dx, expected, atol=1e-6)
    for (_, a), (_, b) in zip(network.model.named_buffers(), same.model.named_buffers(), strict=True):
        assert np.allclose(a.numpy(), b.numpy(), rtol=1e-5)
    assert len({*comm.allgather(network.model[1].running_var.numpy().tobytes())}) == 1


@check
def dropout_draws_other_numbers_on_each_rank(comm):
    network, same = digits_network(dropout=0.5), digits_network(dropout=0.5)
    batch = digits().train.sample_data_batch(30)
    minigrad.manual_seed(7)
    found = [parallel.gradient(network, batch, comm) for _ in range(2)]
    minigrad.manual_seed(7)
    expected = [parallel.gradient(same, batch, shards=comm.Get_size()) for _ in range(2)]
    for (loss, dx), (right, right_dx) in zip(found, expected):
        assert abs(loss - right) < 1e-5 and np.allclose(dx, right_dx, atol=1e-6)
    assert abs(found[0][0] - found[1][0]) > 1e-6  # and in each step


@check
def sharded_rule(comm):
    one, network = digits_network(), digits_network()
    train = digits().train
    state, my_state = {}, {}
    for _ in range(3):
        batch = train.sample_data_batch(32)
        loss, dx = alone(one, batch)
        one.x, state = rules.adam(one.x, dx, state, 0.01)

        mine, x = parallel.shard(len(network.x), comm), network.x
        rows = parallel.shard(32, comm)
        _, dx = alone(network, (batch.X[rows], batch.y[rows]))
        my_dx = parallel.reduce_scatter(dx, comm, rows.stop - rows.start)
        x[mine], my_state = rules.adam(x[mine], my_dx, my_state, 0.01)
        parallel.all_gather(x, comm)
    assert np.allclose(one.x, network.x, atol=1e-4)
    assert my_state["m"].nbytes == my_dx.nbytes <= -(-state["m"].nbytes // 4 // comm.size) * 4


@check
def sharded_optimizers(comm):
    for make in (
        lambda params: optim.Adam(params, lr=0.01, weight_decay=0.1),
        lambda params: optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True),
        lambda params: optim.RMSprop(params, lr=0.01),
    ):
        one, network = digits_network(), digits_network()
        for some in (one, network):
            some.model[0].bias.requires_grad = False
        optimizer, sharded = make(one.model.parameters()), parallel.ShardedOptimizer(network, comm, make)
        train = digits().train
        for step in range(4):
            batch = train.sample_data_batch(32)
            alone(one, batch)
            optimizer.step()
            rows = parallel.shard(32, comm)
            alone(network, (batch.X[rows], batch.y[rows]))
            sharded.step(size=rows.stop - rows.start)
            if step == 1:  # go on from what was saved, each from the other
                a, b = optimizer.state_dict(), sharded.state_dict()
                optimizer, sharded = make(one.model.parameters()), parallel.ShardedOptimizer(network, comm, make)
                optimizer.load_state_dict(b)
                sharded.load_state_dict(a)
        assert np.allclose(one.x, network.x, atol=1e-3), (make, abs(one.x - network.x).max())
        whole = sum(s.nbytes for state in optimizer.state.values() for s in state.values() if hasattr(s, "nbytes"))
        assert sharded.state_bytes() <= whole / comm.size + 200  # frozen numbers have none


@check
def resumed_with_other_numbers_of_ranks(comm):
    folder = Path(comm.bcast(tempfile.mkdtemp() if comm.rank == 0 else None, root=0))
    path = folder / "checkpoint.npz"
    network, train = digits_network(), digits().train
    for _ in range(3):
        _, dx = parallel.gradient(network, train.sample_data_batch(30), comm)
        network.x += -0.1 * dx
    if comm.rank == 0:
        minigrad.save(network.model.state_dict(), path)
    comm.Barrier()
    fewer = comm.Split(color=0 if comm.rank < max(comm.size - 1, 1) else 1, key=comm.rank)
    other = digits_network(seed=5)
    other.model.load_state_dict(minigrad.load(path))
    assert np.array_equal(other.x, network.x)
    batch = train.sample_data_batch(30)
    _, dx = parallel.gradient(other, batch, fewer)
    _, expected = parallel.gradient(network, batch)
    assert np.allclose(dx, expected, atol=1e-6)


def raises(kind: type[Exception], text: str, call) -> None:
    try:
        call()
    except kind as error:
        assert text in str(error), f"rank {RANK}: {error}"
        return
    raise AssertionError(f"rank {RANK}: no {kind.__name__}")


@check
def what_differs_is_said_on_every_rank(comm):
    if comm.size < 2:
        return
    last = comm.rank == comm.size - 1
    odd = f"rank {comm.size - 1}"
    network, batch = digits_network(), digits().train.sample_data_batch(30)

    def differs(what: str, call) -> None:
        raises(parallel.RankError, f"{odd} {what}", call)

    def gradient(network=network, X=batch.X, y=batch.y):
        return lambda: parallel.gradient(network, (X, y), comm)

    of = f"of {comm.size} has"
    differs(f"{of} an array of another length (8 instead of 7)", lambda: parallel.mean(np.ones(7 + last), comm))
    differs(f"{of} an array of another dtype", lambda: parallel.mean(np.ones(7, "f4" if last else "f8"), comm))
    differs("called all_gather", lambda: (parallel.all_gather if last else parallel.mean)(np.ones(7), comm))
    differs(f"{of} another x", gradient(digits_network(seed=int(last))))
    differs(f"{of} another batch", gradient(X=batch.X + last))
    differs(f"{of} another batch", gradient(X=batch.X[last:], y=batch.y[last:]))
    frozen = digits_network()
    frozen.model[0].bias.requires_grad = not last
    differs(f"{of} another model", gradient(frozen))
    differs(f"{of} another model", gradient(digits_network(dropout=0.5 if last else 0.4)))
    version = minigrad.__version__
    minigrad.__version__ = "0.0.1" if last else version
    differs(f"{of} another version", gradient())
    minigrad.__version__ = version
    dx = np.full(3, np.nan if last else 1.0)
    raises(FloatingPointError, f"the values of {odd} of {comm.size} are not", lambda: parallel.mean(dx, comm))
    X = batch.X.copy()
    X[-1] = np.nan  # a row of the last rank
    raises(FloatingPointError, f"of {odd} of {comm.size} is not finite", gradient(X=X))
    raises(ValueError, "size is 0 on all ranks", lambda: parallel.mean(np.ones(3), comm, 0))
    y = batch.y.copy()
    y[-1] = 77  # there is no such class
    if last:
        raises(ValueError, "targets must be from 0 to 9", gradient(y=y))
    else:
        differs(f"of {comm.size} failed: ValueError", gradient(y=y))


# ---- runs that end badly: NAME is one of these --------------------------------------------------------------------


def train_for_long(steps: int = 10**6, comm=WORLD, timeout: float = 60.0) -> None:
    network, train = digits_network(), digits().train
    for step in range(steps):
        loss, dx = parallel.gradient(network, train.sample_data_batch(32), comm, timeout=timeout)
        network.x += -0.1 * dx
        if step == 3:
            print(f"rank {RANK} trains", flush=True)
            if RANK == 1:
                misbehave()


def train_with_checkpoints(path: Path, steps: int = 8) -> None:
    """Train for some steps; in a run that did not resume, rank 1 ends in the middle."""
    network, train, start = digits_network(), digits().train, 0
    if path.exists():
        saved = minigrad.load(path)
        network.model.load_state_dict(saved["model"])
        start = saved["step"]
    one = digits_network()
    for step in range(steps):
        batch = Dataset(train.X, train.y, seed=step).sample_data_batch(32)
        one.forward(batch)
        one.x += -0.1 * one.backward()
        if step < start:
            continue
        _, dx = parallel.gradient(network, batch, WORLD)
        network.x += -0.1 * dx
        if RANK == 0:
            minigrad.save({"model": network.model.state_dict(), "step": step + 1}, path)
        if step == 5 and start == 0 and RANK == 1:
            os.kill(os.getpid(), signal.SIGKILL)
    assert np.allclose(network.x, one.x, atol=1e-6)
    print(f"rank {RANK} went on from step {start}", flush=True)


def misbehave() -> None:
    kind = sys.argv[1]
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "raises":
        raise OSError("the disk of rank 1 is full")
    if kind == "stuck":
        time.sleep(600)
    if kind == "leaves":
        sys.exit(0)


if __name__ == "__main__":
    name = sys.argv[1]
    if name == "all":
        for function in CHECKS:
            for count in range(1, WORLD.Get_size() + 1):
                comm = WORLD.Split(color=int(count <= RANK), key=RANK)
                if count > RANK:
                    function(comm)
                WORLD.Barrier()
            if RANK == 0:
                print("ok", function.__name__, flush=True)
    elif name == "checkpoint":
        train_with_checkpoints(Path(sys.argv[2]))
    else:
        train_for_long(timeout=3.0 if name in ("stuck", "leaves") else 60.0)
