"""`parallel.gradient` on executors: the numbers of one process, whatever happens to the workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from models import Fatal, alone, close, random_case

import minigrad
from minigrad import nn, optim, parallel
from minigrad.data import digits
from minigrad.parallel import executors, shards


class Inline(Executor):
    """Runs calls at once, in this thread; counts what is sent."""

    _max_workers = 2

    def __init__(self) -> None:
        self.tasks: list[executors.Task] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.tasks += args
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2) as pool:
        yield pool


def digits_network(*more: nn.Module) -> minigrad.Network:
    minigrad.manual_seed(0)
    return minigrad.Network(
        nn.Sequential(nn.Linear(64, 20), *more, nn.ReLU(), nn.Linear(20, 10)), nn.CrossEntropyLoss()
    )


@given(st.integers(0, 10**6), st.integers(1, 4))
@settings(max_examples=60)
def test_random_models_have_the_gradient_of_one_process(seed: int, shards: int) -> None:
    network, batch = random_case(seed)
    loss, dx = alone(network, batch)
    grads = [None if p.grad is None else p.grad.numpy().copy() for p in network.model.parameters()]
    for executor in (None, Inline()):
        found, mean = parallel.gradient(network, batch, executor, shards=shards)
        assert abs(found - loss) < 1e-10 * (1 + abs(loss)) and close(mean, dx)
        for p, g in zip(network.model.parameters(), grads, strict=True):
            assert g is None or close(p.grad.numpy(), g)


def test_processes_train_as_one_process_does(pool: ProcessPoolExecutor) -> None:
    one, many = digits_network(), digits_network()
    train = digits().train
    for size in (64, 64, 3, 1, 64):  # short batches, too
        batch = train.sample_data_batch(size)
        loss = one.forward(batch)
        one.x += -0.1 * one.backward()
        found, dx = parallel.gradient(many, batch, pool, shards=4)
        many.x += -0.1 * dx
        assert abs(found - loss) < 1e-5
    assert np.allclose(one.x, many.x, atol=1e-6)
    optimizer = optim.Adam(many.model.parameters(), lr=1e-3)
    before = many.x.copy()
    parallel.gradient(many, batch, pool)
    optimizer.step()  # with .grad, which is dx
    assert np.abs(many.x - before).max() == pytest.approx(1e-3, rel=1e-2)


def test_the_same_shards_give_the_same_bits_on_any_number_of_workers(pool: ProcessPoolExecutor) -> None:
    batch = digits().train.sample_data_batch(50)
    found = []
    with ThreadPoolExecutor(1) as single:
        for executor in (None, Inline(), single, pool):
            network = digits_network(nn.Dropout(0.5), nn.BatchNorm1d(20))
            minigrad.manual_seed(3)
            steps = [parallel.gradient(network, batch, executor, shards=3) for _ in range(2)]
            buffers = [b.numpy().tobytes() for b in network.model.buffers()]
            found.append(([(loss, dx.tobytes()) for loss, dx in steps], buffers))
    assert all(other == found[0] for other in found)
    assert found[0][0][0] != found[0][0][1]  # dropout draws anew in each step


def test_the_network_is_sent_once_and_again_only_if_it_changes() -> None:
    network, batch, executor = digits_network(nn.Dropout(0.5)), digits().train.sample_data_batch(8), Inline()
    sizes = []

    def step() -> int:
        executor.tasks.clear()
        sizes.append(parallel.gradient(network, batch, executor)[0])
        return sum(task.structure is not None for task in executor.tasks)

    assert [step(), step()] == [2, 0]
    network.x += 0.01  # x goes out with each step
    assert step() == 0 and all(np.array_equal(task.x, network.x) for task in executor.tasks)
    network.model.eval()
    assert step() == 2
    loss, dx = alone(network, batch)
    assert abs(sizes[-1] - loss) < 1e-6  # without dropout
    network.model.train()
    network.model[1].p = 0.0
    assert step() == 2 and abs(sizes[-1] - loss) < 1e-6
    network.model[0].weight.requires_grad = False
    assert step() == 2
    _, dx = parallel.gradient(network, batch, executor)
    assert not dx[: 64 * 20].any() and dx[64 * 20 :].any()


def test_threads_share_a_generator_and_draw_the_same_numbers_all_the_same() -> None:
    batch = digits().train.sample_data_batch(40)
    network = digits_network(nn.Dropout(0.5))
    minigrad.manual_seed(5)
    expected = [parallel.gradient(network, batch, shards=8)[0] for _ in range(3)]
    state = minigrad.get_rng_state().numpy()
    with ThreadPoolExecutor(4) as executor:
        minigrad.manual_seed(5)
        assert [parallel.gradient(network, batch, executor, shards=8)[0] for _ in range(3)] == expected
    assert np.array_equal(state, minigrad.get_rng_state().numpy())


def test_random_numbers_are_drawn_for_dropout_alone() -> None:
    batch = digits().train.sample_data_batch(8)
    state = minigrad.get_rng_state()
    parallel.gradient(digits_network(), batch, shards=2)  # seeds 0
    after = minigrad.get_rng_state().numpy()
    minigrad.manual_seed(0)
    digits_network()
    assert np.array_equal(after, minigrad.get_rng_state().numpy())
    minigrad.set_rng_state(state)


def test_batch_norm_normalizes_each_shard() -> None:
    batch = digits().train.sample_data_batch(40)
    _, whole = parallel.gradient(digits_network(nn.BatchNorm1d(20)), batch)
    network = digits_network(nn.BatchNorm1d(20))
    _, parts = parallel.gradient(network, batch, shards=4)
    assert not np.allclose(whole, parts, atol=1e-4)
    halves = [digits_network(nn.BatchNorm1d(20)) for _ in range(4)]
    dxs = [alone(half, (batch.X[i : i + 10], batch.y[i : i + 10]))[1] for half, i in zip(halves, range(0, 40, 10))]
    assert np.allclose(parts, np.mean(dxs, axis=0), atol=1e-6)
    variances = [half.model[1].running_var.numpy() for half in halves]
    assert np.allclose(network.model[1].running_var.numpy(), np.mean(variances, axis=0), rtol=1e-5)
    assert network.model[1].num_batches_tracked.item() == 1


def test_a_shard_without_a_counted_row_has_no_weight() -> None:
    network = minigrad.Network(nn.Linear(3, 2), nn.CrossEntropyLoss(ignore_index=-1))
    X, y = np.random.default_rng(0).standard_normal((4, 3)), np.array([-1, -1, 0, 1])
    loss, dx = alone(network, (X, y))
    found, mean = parallel.gradient(network, (X, y), shards=2)
    assert abs(found - loss) < 1e-6 and np.allclose(mean, dx, atol=1e-6)
    with pytest.raises(ValueError, match="no row of the batch counts"):
        parallel.gradient(network, (X, np.full(4, -1)), shards=2)


def summed(scores: Any, y: Any) -> Any:
    return nn.functional.cross_entropy(scores, y, reduction="sum")


def averaged(scores: Any, y: Any) -> Any:
    return nn.functional.cross_entropy(scores, y)


def with_noise(scores: Any, y: Any) -> Any:
    return nn.functional.cross_entropy(nn.functional.dropout(scores), y)


def test_a_loss_that_is_no_mean_is_said_once(recwarn: pytest.WarningsRecorder) -> None:
    batch = digits().train.sample_data_batch(9)
    model = nn.Sequential(nn.Linear(64, 10), nn.BatchNorm1d(10), nn.Dropout(0.5))
    for executor in (None, Inline()):
        for loss in (averaged, with_noise, nn.MSELoss(reduction="sum")):
            network = minigrad.Network(model, loss)
            parallel.gradient(
                network, (batch.X, batch.X[:, :10] if isinstance(loss, nn.MSELoss) else batch.y), executor, shards=2
            )
    assert not [w for w in recwarn if "not the mean over" in str(w.message)] and model[1].training
    network = minigrad.Network(nn.Linear(64, 10), summed)
    with pytest.warns(RuntimeWarning, match="is not the mean over its 2 shards.*is not that of the batch"):
        parallel.gradient(network, batch, shards=2)
    parallel.gradient(network, batch, shards=2)


def test_bad_arguments_are_named() -> None:
    network, (X, y) = digits_network(), digits().train.sample_data_batch(4)
    gradient: Any = parallel.gradient
    for error, text, call in (
        (TypeError, "must be a minigrad.Network, got Linear", lambda: gradient(nn.Linear(1, 1), (X, y))),
        (TypeError, "executor must be a concurrent.futures.Executor", lambda: gradient(network, (X, y), 4)),
        (ValueError, r"X has shape \(4, 64\) and y has shape \(3,\)", lambda: gradient(network, (X, y[:3]))),
        (ValueError, "must be a pair", lambda: gradient(network, X)),
        (ValueError, "no rows to deal out", lambda: gradient(network, (X[:0], y[:0]))),
        (ValueError, "shards must be a positive integer, got 0", lambda: gradient(network, (X, y), shards=0)),
        (ValueError, "timeout must be a positive", lambda: gradient(network, (X, y), timeout=0)),
        (ValueError, "timeout must be a positive", lambda: gradient(network, (X, y), timeout="a")),
        (ValueError, "retries must be an integer", lambda: gradient(network, (X, y), retries=-1)),
    ):
        with pytest.raises(error, match=text):
            call()
    unsendable = minigrad.Network(nn.Linear(64, 10), lambda scores, y: nn.functional.cross_entropy(scores, y))
    assert gradient(unsendable, (X, y), shards=2)[1].size == 650  # in one process nothing is sent
    with pytest.raises(TypeError, match="cannot be sent to another process.*not as a lambda"):
        gradient(unsendable, (X, y), Inline())
    weighted = minigrad.Network(nn.Linear(64, 1), nn.BCELoss(weight=minigrad.ones(4, 1)))
    with pytest.raises(NotImplementedError, match="weight of shape .* one for each example"):
        gradient(weighted, (X, np.ones((4, 1))), shards=2)


def test_nan_names_the_shard_and_leaves_x() -> None:
    network, (X, y) = digits_network(), digits().train.sample_data_batch(8)
    X[5] = np.nan
    before = network.x.copy()
    for executor in (None, Inline()):
        with pytest.raises(FloatingPointError, match=r"shard 3 of 4 \(rows 4 to 5\) has a loss of nan"):
            parallel.gradient(network, (X, y), executor, shards=4)
    assert np.array_equal(network.x, before)


def test_what_a_shard_raises_names_it(pool: ProcessPoolExecutor) -> None:
    network, (X, y) = digits_network(), digits().train.sample_data_batch(8)
    y[7] = 12
    with pytest.raises(ValueError) as raised:
        parallel.gradient(network, (X, y), pool, shards=2)
    notes = " ".join(raised.value.__notes__)
    assert "shard 2 of 2 (rows 4 to 7)" in notes and "worker process" in notes


def test_no_engine_is_imported_before_it_is_passed() -> None:
    program = "import sys, minigrad.parallel, minigrad.cli; print({'mpi4py', 'dask', 'distributed'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ})
    assert done.stdout == "set()\n", done.stderr


def test_another_version_on_a_worker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    task = executors.Task("0.0.1", b"", None, *[None] * 6)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="this worker has minigrad .*, but the sender has 0.0.1"):
        executors.work(task)


# ---- workers that end: `Fatal` ends its process if a file is there ---------------------------------------------------


needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")


@needs_kill
@pytest.mark.parametrize(
    ("how", "timeout", "processes"),
    [("kill", 60.0, False), ("kill", 60.0, True), pytest.param("stick", 4.0, False, marks=pytest.mark.slow)],
)
def test_the_shard_of_a_lost_worker_goes_to_another(how: str, timeout: float, processes: bool, tmp_path: Path) -> None:
    batch = digits().train.sample_data_batch(40)
    expected = parallel.gradient(digits_network(Fatal(tmp_path / "no", how)), batch, shards=4)
    network = digits_network(Fatal(tmp_path / "now", how))
    (tmp_path / "now").touch()
    with parallel.Processes(2) if processes else parallel.Restarting(lambda: ProcessPoolExecutor(2)) as executor:
        loss, dx = parallel.gradient(network, batch, executor, shards=4, timeout=timeout, retries=5)
        assert loss == expected[0] and np.array_equal(dx, expected[1])
        assert not (tmp_path / "now").exists() and (processes or executor.restarts >= 1)


def test_a_worker_that_cannot_import_the_model_says_so() -> None:
    class Local(nn.Linear):
        pass

    Local.__module__, Local.__qualname__ = "__main__", "Local"
    sys.modules["__main__"].Local = Local  # type: ignore[attr-defined]
    network = minigrad.Network(Local(64, 10), nn.CrossEntropyLoss())
    task = shards.structure(network)
    del sys.modules["__main__"].Local  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="this worker cannot import a part of the model.*Local"):
        shards.build(task)


def test_dask_is_an_executor() -> None:
    distributed = pytest.importorskip("distributed", reason="needs Dask: pip install distributed")
    batch = digits().train.sample_data_batch(20)
    options = {"processes": False, "n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.Client(**options) as client:
        found = parallel.gradient(digits_network(), batch, client.get_executor(), shards=2)
        with pytest.raises(TypeError, match=r"got Client; pass client.get_executor\(\)"):
            parallel.gradient(digits_network(), batch, client)
    expected = parallel.gradient(digits_network(), batch, shards=2)
    assert found[0] == expected[0] and np.array_equal(found[1], expected[1])


@needs_kill
def test_a_pool_that_broke_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "now").touch()
    network, batch = digits_network(Fatal(tmp_path / "now")), digits().train.sample_data_batch(8)
    before = network.x.copy()
    with ProcessPoolExecutor(1) as broken, pytest.raises(parallel.WorkerLost) as raised:
        parallel.gradient(network, batch, broken)
    assert "shard 1 of 1 (rows 0 to 7)" in str(raised.value) and "Restarting(lambda" in str(raised.value)
    assert np.array_equal(network.x, before)


def test_a_wait_has_a_limit_and_says_for_whom() -> None:
    network, batch = digits_network(), digits().train.sample_data_batch(8)
    go_on = threading.Event()

    class Slow(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            if args[0].i == 1:
                return super().submit(lambda: (go_on.wait(), fn(*args))[1])
            there = super().submit(fn, *args)
            there.exception()  # however busy the machine is, this shard is there before the wait begins
            return there

    with Slow(2) as executor:
        with pytest.raises(TimeoutError, match=r"waited 0.2 s for shard 2 of 2 \(rows 4 to 7\); the other 1 are there"):
            parallel.gradient(network, batch, executor, timeout=0.2)
        go_on.set()
