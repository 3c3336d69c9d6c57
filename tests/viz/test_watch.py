"""Watching a training run: the numbers are NumPy's, the run is unchanged, and problems are found when they occur."""

from __future__ import annotations

import copy
import html
import io
import math
import pickle
import re
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Network, Tensor, data, nn, optim, tensor, watch
from minigrad.data.progress import Progress
from minigrad.hooks import watchers
from minigrad.teach.causes import CAUSES, Scene
from minigrad.teach.samples import BINS, EXAMPLES, Histogram, Outputs, Sample, norm
from minigrad.teach.symptoms import BOUNDS, gradient_grown
from minigrad.viz.training.watch import Watcher

CROSS_ENTROPY = nn.CrossEntropyLoss()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Silence warnings; the tests read `findings` instead."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def mlp(*sizes: int, act: type[nn.Module] = nn.ReLU, std: float | None = None) -> nn.Sequential:
    layers: list[nn.Module] = []
    for m, n in zip(sizes, sizes[1:]):
        layers += [nn.Linear(m, n), act()]
        if std is not None:
            nn.init.normal_(layers[-2].weight, 0.0, std)
            nn.init.zeros_(layers[-2].bias)
    return nn.Sequential(*layers[:-1])


def lecture(
    network: Network,
    learning_rate: float,
    steps: int,
    every: int | None = 1,
    then: Callable[[int, np.ndarray], None] = lambda *_: None,
) -> Watcher:
    """The lecture's loop on the digits, watched."""
    dataset, x = data.digits().train, network.x
    with watch(network, live=False, every=every) as watcher:
        for i in range(steps):
            network.forward(dataset.sample_data_batch())
            dx = network.backward()
            x += -learning_rate * dx
            then(i, x)
    return watcher


def with_optimizer(
    model: nn.Module, optimizer: optim.Optimizer, steps: int, shape: tuple[int, ...] = (64,), every: int | None = 1
) -> Watcher:
    """PyTorch's loop on the digits, watched."""
    dataset = data.digits().train
    with watch(model, optimizer, live=False, every=every) as watcher:
        for _ in range(steps):
            X, y = dataset.sample_data_batch()
            loss = CROSS_ENTROPY(model(tensor(X).reshape(-1, *shape)), y)
            watcher.log(loss)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return watcher


def kinds(watcher: Watcher) -> set[str]:
    """Return the kinds of findings; the report explains each of them."""
    assert all(finding.kind in {**BOUNDS, **CAUSES} for finding in watcher.findings)
    return {finding.kind for finding in watcher.findings}


def said(watcher: Watcher) -> str:
    return "\n".join(finding.text for finding in watcher.findings)


def hooks(model: nn.Module, *others: Any) -> int:
    """Return the number of hooks."""
    books = ("_pre_hooks", "_hooks", "_backward_pre_hooks", "_backward_hooks", "_post_hooks")
    return sum(len(getattr(m, book, ())) for m in (*model.modules(), *others) for book in books) + len(watchers)


# ---- the numbers -----------------------------------------------------------------------------------------------


def test_the_numbers_are_those_of_numpy() -> None:
    network = Network(mlp(64, 20, 10), CROSS_ENTROPY)
    x, names = network.x, network.names()
    X, y = data.digits().train.sample_data_batch()
    before = x.copy()
    with watch(network, live=False) as watcher:
        loss = network.forward((X, y))
        dx = network.backward().copy()
        x += -0.1 * dx
    (sample,) = watcher.samples
    assert (sample.step, sample.loss) == (1, loss) and watcher.losses == [loss]
    assert sample.learning_rates == (pytest.approx(0.1, rel=1e-5),)
    hidden = X.astype(np.float32) @ before[names["0.weight"]].reshape(20, 64).T + before[names["0.bias"]]
    for layer, i in ("0 (Linear)", 0), ("2 (Linear)", 2):
        both = slice(names[f"{i}.weight"].start, names[f"{i}.bias"].stop)
        assert sample.gradients[layer] == pytest.approx(np.linalg.norm(dx[both]), rel=1e-5)
        assert sample.sizes[layer] == pytest.approx(np.linalg.norm(before[both]), rel=1e-5)
        assert sample.updates[layer] == pytest.approx(np.linalg.norm(x[both] - before[both]), rel=1e-5)
        ratio = np.linalg.norm(x[both] - before[both]) / np.linalg.norm(before[both])
        assert sample.ratio(layer) == sample.ratios[layer] == pytest.approx(ratio, rel=1e-5)
    assert sample.gradient == pytest.approx(np.linalg.norm(dx), rel=1e-5)
    assert list(sample.outputs) == ["0 (Linear)", "1 (ReLU)", "2 (Linear)"]
    for layer, expected in ("0 (Linear)", hidden), ("1 (ReLU)", np.maximum(hidden, 0)):
        outputs = sample.outputs[layer]
        assert (outputs.mean, outputs.std) == (pytest.approx(expected.mean()), pytest.approx(expected.std()))
        span = outputs.histogram.span
        counts, _ = np.histogram(expected, BINS, (-span, span))
        assert np.abs(outputs.histogram.counts - counts).sum() <= 4  # two numbers at an edge may be rounded otherwise
        assert outputs.histogram.counts.sum() == expected.size


def test_histograms_are_those_of_numpy_and_can_be_joined() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=1000), 100 * rng.normal(size=1000)
    edge = np.array([-1e-9, 0.9], np.float32)  # which added to 64 would be 64
    for values in (a, b, np.zeros(3), np.array([-1.0, 1.0]), edge):
        span, counts = Histogram.of(values)
        assert span > np.abs(values).max() and math.log2(span) == round(math.log2(span))
        np.testing.assert_array_equal(counts, np.histogram(values, BINS, (-span, span))[0])
    both = Histogram.of(a) + Histogram.of(b)
    np.testing.assert_array_equal(both.counts, Histogram.of(np.concatenate([a, b])).counts)
    assert both.over(2.0**40).counts.sum() == 2000
    finer = both.over(both.span / 4)
    inside = np.abs(np.concatenate([a, b])) < finer.span
    assert finer.counts.sum() == pytest.approx(inside.sum(), abs=30)


def test_what_is_not_finite_is_counted_apart() -> None:
    mean, std, histogram, lost = Outputs.of(np.array([1.0, 3.0, np.nan, -np.inf], np.float32))
    assert (mean, std, histogram.counts.sum(), lost) == (2.0, 1.0, 2, 0.5)
    assert Outputs.of(np.full(2, np.nan)).not_finite == 1.0


def test_norms_beyond_the_range_of_float32() -> None:
    assert norm([np.full(4, 1e30, np.float32)]) == pytest.approx(2e30)
    assert norm([np.full(4, 1e-30, np.float32)]) == pytest.approx(2e-30)


def test_the_fraction_of_dead_units() -> None:
    network = Network(mlp(64, 8, 10), CROSS_ENTROPY)
    network.x[network.names()["0.bias"]][:3] = -1e3
    watcher = lecture(network, 0.01, 8)
    assert [bool(sample.dead) for sample in watcher.samples] == [64 * step >= EXAMPLES for step in range(1, 9)]
    with minigrad.no_grad():
        X = tensor(data.digits().train.X)
        active = (network.model[:2](X).numpy() > 0).any(0)
    assert watcher.samples[-1].dead["1 (ReLU)"] == 1 - active.mean() >= 3 / 8


def test_a_unit_that_wakes_up_now_and_then_is_not_dead() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.relu = nn.Linear(1, 4), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.relu(self.layer(-x)) + self.relu(self.layer(x))

    model = Twice()
    with minigrad.no_grad():
        model.layer.weight[:] = tensor([[1.0], [-1.0], [0.0], [0.0]])
        model.layer.bias[:] = tensor([0.0, 0.0, -1.0, -2.0])
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    with watch(model, optimizer, live=False, every=1) as watcher:
        for step in range(12):
            with minigrad.no_grad():
                model.layer.bias[2] = 1.0 if step % 3 == 2 else -1.0
            model(minigrad.ones(64, 1)).sum().backward()
            optimizer.step()
    # the first two units are above 0 in one of the two calls, the third in every third step, the last never
    assert watcher.samples[-1].dead == {"relu (ReLU)": 1 / 4}


def test_a_units_channel_is_dead_only_if_it_is_0_everywhere() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.wide, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4, 6), nn.Linear(6, 10)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x).relu().flatten(2).transpose(1, 2)  # (N, positions, 4)
            return self.head(nn.functional.relu(self.wide(x)).mean(1))

    net = Net()
    with minigrad.no_grad():
        net.conv.bias[0] = -1e3
        net.wide.bias[:3] = -1e3
    watcher = with_optimizer(net, optim.SGD(net.parameters(), lr=1e-3), 6, (1, 8, 8))
    dead = watcher.samples[-1].dead
    assert list(dead) == ["relu after conv (Conv2d)", "relu after wide (Linear)"]
    assert dead["relu after conv (Conv2d)"] >= 1 / 4 and dead["relu after wide (Linear)"] >= 1 / 2
    x = tensor(data.digits().train.X).reshape(-1, 1, 8, 8)
    with minigrad.no_grad():
        h = net.conv(x).relu()
        assert dead["relu after conv (Conv2d)"] == 1 - (h.numpy() > 0).any((0, 2, 3)).mean()
        h = net.wide(h.flatten(2).transpose(1, 2)).relu()
        assert dead["relu after wide (Linear)"] == pytest.approx(1 - (h.numpy() > 0).any((0, 1)).mean())


# ---- the run stays as it was -----------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 3, None])
def test_the_lectures_loop_trains_bit_for_bit_the_same(every: int | None) -> None:
    results = []
    for watched in (True, False):
        minigrad.manual_seed(0)
        network = Network(nn.Sequential(nn.Linear(64, 20), nn.ReLU(), nn.Dropout(), nn.Linear(20, 10)), CROSS_ENTROPY)
        if watched:
            lecture(network, 0.1, 30, every)
        else:
            dataset, x = data.digits().train, network.x
            for _ in range(30):
                network.forward(dataset.sample_data_batch())
                x += -0.1 * network.backward()
        results.append((network.x.tobytes(), minigrad.rand(3).tolist()))
    assert results[0] == results[1]


def test_an_optimizer_trains_bit_for_bit_the_same() -> None:
    results = []
    for watched in (True, False):
        minigrad.manual_seed(0)
        model = nn.Sequential(nn.Linear(64, 20), nn.BatchNorm1d(20), nn.ReLU(inplace=True), nn.Linear(20, 10))
        optimizer = optim.Adam(model.parameters(), lr=1e-2)
        if watched:
            with_optimizer(model, optimizer, 20)
        else:
            dataset = data.digits().train
            for _ in range(20):
                X, y = dataset.sample_data_batch()
                loss = CROSS_ENTROPY(model(tensor(X)), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        results.append([t.numpy().tobytes() for t in model.state_dict().values()])
    assert results[0] == results[1]


def test_no_hook_is_left() -> None:
    model = mlp(64, 20, 10)
    network, optimizer = Network(model, CROSS_ENTROPY), optim.SGD(model.parameters(), lr=0.1)
    lecture(network, 0.1, 3)
    with_optimizer(model, optimizer, 3)
    assert hooks(model, network, optimizer) == 0
    watcher = watch(network, live=False)
    assert hooks(model, network, optimizer) > 0
    watcher.close()
    watcher.close()
    assert hooks(model, network, optimizer) == 0 and watcher.samples == []


def test_an_exception_in_the_middle_ends_the_watching_and_goes_on() -> None:
    class Breaks(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            if self.calls == 3:
                raise KeyError("in the third step")
            return x

    model = nn.Sequential(nn.Linear(64, 10), Breaks())
    network = Network(model, CROSS_ENTROPY)
    with pytest.raises(KeyError):
        lecture(network, 0.1, 5)
    assert hooks(model, network) == 0
    batch, x = data.digits().train.sample_data_batch(), network.x
    with watch(network, live=False) as watcher:  # one that is caught inside the loop costs no more than its step
        for i in range(5):
            model[1].calls = 1 if i != 2 else 2
            try:
                network.forward(batch)
            except KeyError:
                continue
            x += -0.1 * network.backward()
    assert [sample.step for sample in watcher.samples] == [1, 2, 3, 4]


def test_a_copy_of_what_is_watched_is_not_watched() -> None:
    model = mlp(64, 20, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    X, y = data.digits().train.sample_data_batch()
    with watch(model, optimizer, live=False, every=1) as watcher:
        for copied in (copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))):
            twin, its_optimizer = copied((model, optimizer))
            CROSS_ENTROPY(twin(tensor(X)), y).backward()
            its_optimizer.step()
            assert pickle.dumps(twin) and watcher.losses == []
        CROSS_ENTROPY(model(tensor(X)), y).backward()
        optimizer.step()
    assert watcher.samples[0].outputs["0 (Linear)"].histogram.counts.sum() == 64 * 20


def test_a_report_that_cannot_be_written_does_not_end_the_run(tmp_path: Path) -> None:
    network = Network(nn.Linear(64, 10), CROSS_ENTROPY)
    dataset, x = data.digits().train, network.x
    (tmp_path / "nowhere").mkdir()
    watcher = watch(network, live=False, report=tmp_path / "nowhere" / "run.html", seconds=0)
    (tmp_path / "nowhere").rmdir()
    for _ in range(3):
        network.forward(dataset.sample_data_batch())
        x += -0.1 * network.backward()
    assert [f.kind for f in watcher.findings] == ["no report"] and "nowhere" in said(watcher)
    with pytest.raises(FileNotFoundError):
        watcher.close()
    assert hooks(network.model, network) == 0


def test_a_report_that_can_never_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    network = Network(nn.Linear(64, 10), CROSS_ENTROPY)
    for name, error in (("run.png", ValueError), ("no/such/run.html", FileNotFoundError), ("", ValueError)):
        with pytest.raises(error, match="watch: report"):
            watch(network, live=False, report=tmp_path / name)
        assert hooks(network.model, network) == 0
    with watch(network, live=False) as watcher, pytest.raises(ValueError, match=r"must end in .html or .htm"):
        watcher.report(tmp_path / "run.pdf")
    assert not list(tmp_path.iterdir())


# ---- all kinds of models ---------------------------------------------------------------------------------------


def test_tied_weights_count_once_and_layers_used_twice_are_seen_twice() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.outer = nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False)
            self.outer.weight = self.inner.weight
            self.head = nn.Linear(64, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.outer(self.inner(self.inner(x).tanh()).tanh()))

    model = Net()
    sample = with_optimizer(model, optim.SGD(model.parameters(), lr=0.1), 1).samples[0]
    assert list(sample.gradients) == ["inner (Linear)", "head (Linear)"]
    assert sample.gradients["inner (Linear)"] == pytest.approx(
        np.linalg.norm(model.inner.weight.grad.numpy()), rel=1e-5
    )
    assert sample.outputs["inner (Linear)"].histogram.counts.sum() == 2 * 64 * 64
    assert sample.outputs["outer (Linear)"].histogram.counts.sum() == 64 * 64


def test_frozen_parameters_and_modules_without_any() -> None:
    model = nn.Sequential(nn.Linear(64, 20), nn.Flatten(), nn.Tanh(), nn.Linear(20, 10))
    model[0].requires_grad_(False)
    watcher = lecture(Network(model, CROSS_ENTROPY), 0.1, 6)
    sample = watcher.samples[-1]
    assert list(sample.gradients) == list(sample.updates) == ["3 (Linear)"]
    assert list(sample.outputs) == ["0 (Linear)", "2 (Tanh)", "3 (Linear)"]
    assert watcher.frozen == ["0 (Linear)"] and not watcher.findings
    assert "Frozen: 0 (Linear)" in watcher.report()


def test_a_module_that_is_replaced_in_the_run_is_seen() -> None:
    model = mlp(64, 20, 10)
    old = model[1]
    optimizer, dataset = optim.SGD(model.parameters(), lr=0.1), data.digits().train
    with watch(model, optimizer, live=False, every=1) as watcher:
        for i in range(4):
            if i == 2:
                model[1] = nn.Tanh()
            X, y = dataset.sample_data_batch()
            loss = CROSS_ENTROPY(model(tensor(X)), y)
            loss.backward()
            optimizer.step()
    assert "1 (ReLU)" in watcher.samples[0].outputs and "1 (Tanh)" in watcher.samples[3].outputs
    assert hooks(model, old, optimizer) == 0
    assert watcher.report()


def test_evaluations_on_the_way_are_no_steps() -> None:
    network = Network(mlp(64, 20, 10), CROSS_ENTROPY)
    dataset, x = data.digits().train, network.x
    with watch(network, live=False, every=1) as watcher:
        for _ in range(3):
            loss = network.forward(dataset.sample_data_batch())
            x += -0.1 * network.backward()
            with minigrad.no_grad():
                network.model(tensor(dataset.X))
            network.forward((dataset.X, dataset.y))
    assert len(watcher.losses) == len(watcher.samples) == 3 and watcher.losses[-1] == loss
    assert {s.outputs["0 (Linear)"].histogram.counts.sum() for s in watcher.samples} == {64 * 20}
    assert {round(s.learning_rates[0], 5) for s in watcher.samples} == {0.1}


def test_several_backward_passes_and_clipping_before_a_step() -> None:
    model = nn.Linear(64, 10)
    optimizer, dataset = optim.SGD(model.parameters(), lr=0.1), data.digits().train
    with watch(model, optimizer, live=False) as watcher:
        for _ in range(2):
            X, y = dataset.sample_data_batch()
            CROSS_ENTROPY(model(tensor(X)), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        optimizer.step()
    (sample,) = watcher.samples
    assert sample.gradient == pytest.approx(0.01, rel=1e-3)  # what the step used
    assert sample.outputs["Linear"].histogram.counts.sum() == 2 * 64 * 10


def test_a_step_with_a_closure() -> None:
    model = nn.Linear(2, 1)
    optimizer = optim.LBFGS(model.parameters())
    X, y = minigrad.randn(8, 2), minigrad.randn(8, 1)
    with watch(model, optimizer, live=False) as watcher:

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = ((model(X) - y) ** 2).mean()
            loss.backward()
            return loss

        watcher.log(optimizer.step(closure))
    (sample,) = watcher.samples
    assert math.isfinite(sample.loss) and sample.gradients["Linear"] > 0 < sample.updates["Linear"]


# ---- loss and learning rate ------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [True, False])
def test_the_loss_may_be_logged_before_or_after_the_step(before: bool) -> None:
    model = nn.Linear(64, 10)
    optimizer, dataset, losses = optim.SGD(model.parameters(), lr=0.1), data.digits().train, []
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    with watch(model, optimizer, live=False, every=1) as watcher:
        for _ in range(4):
            X, y = dataset.sample_data_batch()
            loss = CROSS_ENTROPY(model(tensor(X)), y)
            optimizer.zero_grad()
            loss.backward()
            if before:
                watcher.log(loss)
            optimizer.step()
            scheduler.step()
            if not before:
                watcher.log(float(loss.item()))
            losses.append(loss.item())
    assert watcher.losses == losses == [sample.loss for sample in watcher.samples]
    assert [sample.learning_rates for sample in watcher.samples] == [(0.1,), (0.05,), (0.025,), (0.0125,)]


def test_a_network_with_an_optimizer_tells_its_loss() -> None:
    network = Network(nn.Linear(64, 10), CROSS_ENTROPY)
    optimizer, dataset = optim.Momentum(network.model.parameters(), lr=0.1), data.digits().train
    with watch(network, optimizer, live=False, every=1) as watcher:
        for _ in range(3):
            loss = network.forward(dataset.sample_data_batch())
            network.backward()
            optimizer.step()
    assert watcher.losses[-1] == loss and watcher.samples[-1].learning_rates == (0.1,)


def test_a_rate_that_does_not_explain_the_step_is_not_guessed() -> None:
    network = Network(nn.Linear(64, 10), CROSS_ENTROPY)
    dataset, x, v = data.digits().train, network.x, 0.0
    with watch(network, live=False, every=1) as watcher:
        for i in range(6):
            network.forward(dataset.sample_data_batch())
            v = 0.9 * v - 0.1 * network.backward()
            x += v
            if i == 3:
                watcher.log(learning_rate=0.1)
    rates = [sample.learning_rates for sample in watcher.samples]
    assert rates == [(pytest.approx(0.1, rel=1e-5),), (), (), (0.1,), (0.1,), (0.1,)]


def test_wrong_calls_raise() -> None:
    model = nn.Linear(2, 1)
    with pytest.raises(TypeError, match=r"watch\(model, optimizer\)"):
        watch(model)
    with pytest.raises(TypeError, match="got Tensor"):
        watch(minigrad.ones(2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="optimizer must be a minigrad.optim.Optimizer, got generator"):
        watch(model, model.parameters())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        watch(Network(model, nn.MSELoss()), every=0)


def test_samples_are_thinned_and_stay_even(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 60
    monkeypatch.setattr("minigrad.viz.training.watch.MAX_SAMPLES", most)
    network = Network(nn.Linear(64, 10), CROSS_ENTROPY)
    watcher = lecture(network, 0.01, 3 * most)
    steps = [sample.step for sample in watcher.samples]
    assert most // 2 <= len(steps) <= most and steps[0] == 1 and steps[-1] > 3 * most - 5
    assert max(np.diff(steps)) <= 5
    assert len(watcher.losses) == 3 * most


# ---- words -----------------------------------------------------------------------------------------------------


def convnet() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))


class Recurrent(nn.Module):
    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.rnn, self.head = rnn, nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 32)
        self.block = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(self.embed(x)).mean(1))


def healthy() -> dict[str, Callable[[], Watcher]]:
    """Healthy runs."""

    def run(model: nn.Module, optimizer: Any, steps: int, shape: tuple[int, ...], **settings: Any) -> Watcher:
        return with_optimizer(model, optimizer(model.parameters(), **settings), steps, shape, every=2)

    lstm = lambda: Recurrent(nn.LSTM(8, 32, batch_first=True))  # noqa: E731
    return {
        "digits": lambda: lecture(Network(mlp(64, 64, 10), CROSS_ENTROPY), 0.1, 600, every=5),
        "digits, at a rate of 1": lambda: lecture(Network(mlp(64, 64, 10), CROSS_ENTROPY), 1.0, 300, every=2),
        "digits with Adam": lambda: run(mlp(64, 64, 10), optim.Adam, 300, (64,), lr=1e-3),
        "six layers": lambda: run(mlp(*[64] * 7, 10), optim.Adam, 300, (64,), lr=1e-3),
        "four of tanh": lambda: run(mlp(64, *[32] * 4, 10, act=nn.Tanh), optim.SGD, 250, (64,), lr=0.1, momentum=0.9),
        "convnet": lambda: run(convnet(), optim.SGD, 60, (1, 8, 8), lr=0.1, momentum=0.9),
        "lstm": lambda: run(lstm(), optim.Adam, 210, (8, 8), lr=3e-3),
        "transformer": lambda: run(Transformer(), optim.AdamW, 60, (8, 8), lr=1e-3),
    }


@pytest.mark.parametrize("name", healthy())
@pytest.mark.slow
def test_nothing_is_said_of_a_healthy_run(name: str) -> None:
    watcher = healthy()[name]()
    assert watcher.findings == []
    assert np.mean(watcher.losses[-20:]) < 0.8 * watcher.losses[0]
    assert "Nothing unusual" in watcher.report()


def test_a_learning_rate_that_is_too_high() -> None:
    watcher = lecture(Network(mlp(64, 64, 10), CROSS_ENTROPY), 10.0, 210)
    assert [f.kind for f in watcher.findings] == ["updates too large"]  # and not what follows from it
    assert watcher.samples[-1].dead["1 (ReLU)"] > 0.5
    assert "the learning rate 10 is too high: a step changes 0 (Linear) and 2 (Linear) by" in said(watcher)


def test_a_learning_rate_that_is_too_low() -> None:
    watcher = lecture(Network(mlp(64, 64, 10), CROSS_ENTROPY), 1e-5, 220)
    assert [f.kind for f in watcher.findings] == ["updates too small"]
    assert re.search(r"the learning rate 1e-05 is too low: a step changes no layer by more than \d", said(watcher))


@pytest.mark.slow
def test_sigmoids_in_a_deep_network_let_the_gradient_vanish() -> None:
    watcher = lecture(Network(mlp(*[64] * 7, 10, act=nn.Sigmoid, std=0.05), CROSS_ENTROPY), 0.1, 210)
    assert [f.kind for f in watcher.findings] == ["vanishing gradients"]
    assert re.search(r"its norm is \S+ in 12 \(Linear\), but \S+ in 0 \(Linear\) and 2 \(Linear\)", said(watcher))


def test_large_weights_in_a_recurrent_network_let_the_gradient_explode() -> None:
    model = Recurrent(nn.RNN(8, 32, batch_first=True, nonlinearity="relu"))
    with minigrad.no_grad():
        model.rnn.weight_hh_l0 *= 30.0
    watcher = with_optimizer(model, optim.SGD(model.parameters(), lr=0.1), 6, (8, 8))
    assert [f.kind for f in watcher.findings] == ["exploding gradients", "not finite"]
    assert "the gradient explodes: in rnn (RNN) and head (Linear) it is up to" in said(watcher)
    assert "the loss is nan: the first operation to give nan is '" in said(watcher)  # which is the rounding's choice
    assert re.search(r"The update of step 1 was \S+ times as long as head \(Linear\); 0.001 is usual", said(watcher))


def test_a_large_step_of_the_bias_kills_the_relus() -> None:
    network = Network(mlp(64, 64, 10), CROSS_ENTROPY)

    def push(i: int, x: np.ndarray) -> None:
        if i == 20:
            x[network.names()["0.bias"]] -= 100

    watcher = lecture(network, 0.1, 100, then=push)
    assert kinds(watcher) == {"dead ReLUs"}
    (finding,) = watcher.findings
    assert 21 < finding.step < 40 and finding.text.startswith("all units of 1 (ReLU) are dead")


def test_a_parameter_that_the_optimizer_was_not_given() -> None:
    model = mlp(64, 20, 10)
    watcher = with_optimizer(model, optim.SGD(model[2].parameters(), lr=0.1), 10)
    assert kinds(watcher) == {"not updated"}
    assert said(watcher).startswith("the parameters of 0 (Linear) have a gradient, but do not change")


def test_gradients_that_are_never_set_to_zero() -> None:
    """No finding if a step has several backward passes, or if another loss has left a gradient."""
    found = {}
    for zeroed in ("never", "in time", "by zeros", "before the second backward"):
        model = mlp(64, 16, 10)
        optimizer = optim.SGD(model.parameters(), lr=0.01)
        dataset = data.digits().train
        with watch(model, optimizer, live=False) as watcher:
            for _ in range(8):
                X, y = dataset.sample_data_batch()
                if zeroed in ("in time", "by zeros"):
                    optimizer.zero_grad(set_to_none=zeroed == "in time")
                CROSS_ENTROPY(model(tensor(X)), y).backward()
                if zeroed.startswith("before"):
                    optimizer.zero_grad()
                CROSS_ENTROPY(model(tensor(X)), y).backward()
                optimizer.step()
        found[zeroed] = kinds(watcher)
        assert not [p for p in model.parameters() if p.node.hooks]  # type: ignore[union-attr]
    assert found == {"never": {"not zeroed"}, "in time": set(), "by zeros": set(), "before the second backward": set()}


def test_a_run_that_has_arrived_is_not_taken_for_one_without_an_optimizer() -> None:
    rng = np.random.default_rng(0)
    X, y = tensor(rng.standard_normal((20, 3))), tensor(rng.standard_normal((20, 1)))
    model = nn.Linear(3, 1).double()
    optimizer = optim.LBFGS(model.parameters(), lr=0.5, max_iter=100)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.MSELoss()(model(X), y)
        loss.backward()
        return loss

    with watch(model, optimizer, live=False) as watcher:
        for _ in range(12):
            watcher.log(optimizer.step(closure))
    assert watcher.samples[-1].updates == {"Linear": 0.0} and watcher.findings == []


def test_steps_and_programs_do_not_see_the_watcher() -> None:
    model = mlp(4, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, live=False):
        loss = model(minigrad.ones(2, 4)).sum()
        assert "hook" not in str(minigrad.step(loss)) and "dW" in minigrad.source(loss)


@pytest.mark.parametrize("given", [True, False])
def test_gradients_that_gather_where_no_optimizer_is_do_not_explode(given: bool) -> None:
    samples = [Sample(i, gradients={"0": 10.0**i, "1": 1.0}, updates={"0": float(given), "1": 1.0}) for i in range(9)]
    scene = Scene(nn.Linear(1, 1), None, samples)
    assert [kind for kind, _ in gradient_grown(scene)] == ["exploding gradients"] * given


def test_the_report_lists_all_conditions() -> None:
    model = mlp(4, 3)
    with watch(model, optim.SGD(model.parameters(), lr=0.1), live=False) as watcher:
        pass
    page = html.unescape(str(watcher.report()))
    assert all(when in page for when in (*BOUNDS.values(), *CAUSES.values()))


@pytest.mark.slow
def test_labels_that_do_not_belong_to_the_inputs() -> None:
    network = Network(mlp(64, 64, 10), CROSS_ENTROPY)
    rng, x = np.random.default_rng(0), network.x
    with watch(network, live=False, every=1) as watcher:
        for _ in range(210):
            network.forward((rng.normal(size=(64, 64)), rng.integers(0, 10, 64)))
            x += -0.01 * network.backward()
    assert kinds(watcher) == {"loss does not fall"}
    assert "ln(10) is the loss of guessing among 10 classes. Examples with similar inputs" in said(watcher)


# ---- nan and infinity ------------------------------------------------------------------------------------------


class LogOfSum(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sum(1).log()


def test_a_nan_is_traced_to_its_operation_and_layer() -> None:
    model = nn.Sequential(nn.Linear(3, 2), LogOfSum())
    network = Network(model, lambda scores, y: scores.mean())
    nn.init.constant_(model[0].weight, -1.0)
    nn.init.zeros_(model[0].bias)
    with watch(network, live=False) as watcher:
        network.forward((np.ones((4, 3)), np.zeros(4)))
    assert kinds(watcher) == {"not finite"}
    assert (
        said(watcher)
        == "the loss is nan: the first operation to give nan is 'log' in 1 (LogOfSum), of numbers from -6 to -6"
    )


def test_a_nan_that_comes_of_an_infinity_names_both() -> None:
    class Softmax(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            e = x.exp()
            return e / e.sum(1, keepdim=True)

    model = nn.Sequential(nn.Linear(3, 2), Softmax())
    nn.init.constant_(model[0].weight, 1000.0)
    network = Network(model, lambda scores, y: scores.mean())
    with watch(network, live=False) as watcher:
        network.forward((np.ones((4, 3)), np.zeros(4)))
    assert "the first operation to give nan is 'div' in 1 (Softmax), after 'exp' in 1 (Softmax) gave infinity" in (
        said(watcher)
    )


def test_a_nan_in_a_loop_with_an_optimizer_and_one_in_the_data() -> None:
    model = nn.Linear(3, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, live=False) as watcher:
        watcher.log(model(tensor([[1.0, math.nan, 2.0]])).mean())
    assert said(watcher) == "the loss is nan: the batch has nan in its inputs. Are values missing in the data?"
    with watch(model, optimizer, live=False) as watcher:
        watcher.log(math.inf)
    assert said(watcher).startswith("the loss is inf; to see which operation made it, run under")


def test_a_gradient_that_is_nan_while_the_loss_is_not() -> None:
    class Root(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x * 0).sqrt()

    model = nn.Sequential(nn.Linear(3, 2), Root())
    network = Network(model, lambda scores, y: scores.mean())
    x = network.x
    with watch(network, live=False) as watcher:
        for _ in range(2):
            network.forward((np.ones((4, 3)), np.zeros(4)))
            x += -0.1 * network.backward()
    assert said(watcher).startswith("the loss is 0, but the gradient of 0 (Linear) is not finite: an operation behind")


def test_a_run_that_diverges_without_a_nan_in_its_loss() -> None:
    network = Network(mlp(5, 16, 1, act=nn.Tanh), nn.MSELoss())
    rng, x = np.random.default_rng(0), network.x
    with watch(network, live=False, every=1) as watcher:
        for _ in range(20):
            network.forward((rng.normal(size=(32, 5)), rng.normal(size=(32, 1))))
            x += -5.0 * network.backward()
    assert kinds(watcher) == {"updates too large", "exploding gradients", "not finite"}
    assert "The learning rate is too high" in said(watcher)


def test_detect_anomaly_is_heard() -> None:
    model = nn.Sequential(nn.Linear(3, 2), LogOfSum())
    nn.init.constant_(model[0].weight, -1.0)
    network = Network(model, lambda scores, y: scores.mean())
    watcher = watch(network, live=False)
    with pytest.raises(FloatingPointError), watcher, minigrad.detect_anomaly():
        network.forward((np.ones((4, 3)), np.zeros(4)))
    assert said(watcher).startswith("Sequential.1: the forward pass of 'log' returned nan")
    assert "Sequential.1: the forward pass of &#x27;log&#x27; returned nan" in watcher.report()


def test_nan_is_reported_once_and_not_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr("minigrad.viz.training.watch.not_finite", lambda *args: calls.append(args) or "the loss is nan")
    network = Network(nn.Linear(64, 10), CROSS_ENTROPY)
    network.x[0] = math.nan
    watcher = lecture(network, 0.1, 5)
    assert len(calls) == len(watcher.findings) == 1


# ---- in the terminal -------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_live_line(capsys: pytest.CaptureFixture[str]) -> None:
    network = Network(mlp(64, 64, 10), CROSS_ENTROPY)
    dataset, x = data.digits().train, network.x
    with watch(network, steps=200):
        for _ in range(200):
            network.forward(dataset.sample_data_batch())
            x += -10.0 * network.backward()
    lines = capsys.readouterr().out.splitlines()
    steps = [line for line in lines if line.startswith("step")]
    assert [line[:16] for line in steps] == ["step    1 of 200", "step  100 of 200", "step  200 of 200"]
    assert re.search(r"loss \d+\.\d{1,3}  lr 10  \|dx\| \S+  update/x \d\.\de[+-]\d\d", steps[1])
    told = [line for line in lines if line.startswith("watch: step")]
    assert len(told) == len(lines) - 3 >= 1 and "the learning rate 10 is too high" in told[0]


def test_a_bar_on_a_terminal_and_lines_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    screen = Terminal()
    progress = Progress(100, screen)
    progress.show(50, "loss 0.5")
    progress.say("watch: hear, hear")
    progress.show(51, "loss " + 100 * "5")
    progress.end()
    bar, told, *rest = screen.getvalue().split("\n")
    assert bar.endswith("\r\x1b[Kwatch: hear, hear") and "#" * 15 + "." * 15 + "] 50/100  loss 0.5" in bar
    assert told.startswith("[####") and len(told.split("\r")[-1].removesuffix("\x1b[K")) <= 59
    assert rest == [""]


def test_progress_without_a_total_is_shown_rarely() -> None:
    screen = io.StringIO()
    progress = Progress(stream=screen)
    for step in range(1, 1001):
        progress.show(step, "on")
    assert [int(line.split()[1]) for line in screen.getvalue().splitlines()] == [
        1,
        2,
        5,
        10,
        20,
        50,
        100,
        200,
        500,
        1000,
    ]


def test_without_a_live_line_it_warns() -> None:
    network = Network(nn.Linear(64, 10), CROSS_ENTROPY)
    network.x[0] = math.nan
    with warnings.catch_warnings(record=True) as caught, watch(network, live=False):
        warnings.simplefilter("always")
        network.forward(data.digits().train.sample_data_batch())
    assert any("step 1: the loss is nan" in str(w.message) for w in caught)


# ---- the report ------------------------------------------------------------------------------------------------


def test_the_report(tmp_path: Path) -> None:
    watcher = lecture(Network(mlp(64, 64, 10), CROSS_ENTROPY), 10.0, 60)
    page = watcher.report(tmp_path / "run.html")
    assert (tmp_path / "run.html").read_text("utf-8") == page
    assert [p.name for p in tmp_path.iterdir()] == ["run.html"]
    assert "4,810 parameters, updated by the lecture&#x27;s loop at a learning rate of 10" in page
    for finding in watcher.findings:
        assert finding.kind[0].upper() + finding.kind[1:] in page
    for title in ("Loss", "Norm of the gradient", "Update-to-parameter ratio", "Fraction of dead ReLUs"):
        assert f">{title}</text>" in page
    assert '<th scope="row">2 (Linear)</th>' in page and page.count("data:image/png") == 3
    assert not re.search(r'(src|href)="(?!data:)', page) and "http" not in page.replace(
        "http://www.w3.org/2000/svg", ""
    ).replace("http-equiv", "")
    assert '"seconds":0' in page


def test_a_report_before_anything_has_happened() -> None:
    watcher = watch(Network(nn.Linear(2, 1), nn.MSELoss()), live=False)
    page = watcher.report()
    assert "0 steps" in page and "Nothing unusual" in page and '"seconds":10' in page
    watcher.close()


def test_the_report_is_written_on_the_way_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.html"
    network = Network(nn.Linear(64, 10), CROSS_ENTROPY)
    dataset, x = data.digits().train, network.x
    with watch(network, live=False, report=path, seconds=0) as watcher:
        for step in range(3):
            network.forward(dataset.sample_data_batch())
            assert step == 0 or f"{step} step" in path.read_text("utf-8")
            x += -0.1 * network.backward()
    assert "3 steps" in path.read_text("utf-8") and "The run continues" not in path.read_text("utf-8")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(PermissionError("read only")))
    with pytest.raises(PermissionError):
        watcher.report(path)
    assert "3 steps" in path.read_text("utf-8") and len(list(tmp_path.iterdir())) == 1


def test_names_of_others_are_only_text_in_the_report() -> None:
    model = nn.Sequential()
    model.add_module('<img src=x onerror="alert(1)">', nn.Linear(64, 10))
    page = lecture(Network(model, CROSS_ENTROPY), 0.1, 3).report()
    assert "<img" not in page and "&lt;img" in page


def test_many_layers_are_drawn_in_part_and_listed_in_full() -> None:
    page = lecture(Network(mlp(*[64] * 14, 10), CROSS_ENTROPY), 0.01, 3).report()
    chart = page[page.index(">Norm of the gradient<") : page.index(">Update-to-parameter ratio<")]
    drawn = re.findall(r">(\d+) \(Linear\)</text>", chart)
    assert len(drawn) == 8 and {"0", "26"} <= {*drawn}
    assert page.count('<th scope="row">') == 14 + 13


@pytest.mark.browser
def test_the_report_in_a_browser(tmp_path: Path, browser: Any) -> None:
    path = tmp_path / "run.html"
    network = Network(mlp(64, 64, 10), CROSS_ENTROPY)
    dataset, x = data.digits().train, network.x
    with watch(network, live=False, every=1, report=path, seconds=1) as watcher:
        for _ in range(20):
            network.forward(dataset.sample_data_batch())
            x += -10.0 * network.backward()
        watcher.report(path)
        browser.get(path.as_uri())
        assert "The run continues" in browser.page_source
    deadline = time.monotonic() + 20
    while "The run continues" in browser.page_source:  # it loads itself again, and finds the end
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for width in (1200, 390):
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        assert browser.execute_script("return document.documentElement.scrollWidth") == width
        for picture in browser.find_elements("css selector", ".charts svg.drawing, .maps svg.drawing"):
            assert 250 < picture.size["width"] <= width
    assert len(browser.find_elements("css selector", ".charts svg.drawing")) == 4
    assert len(browser.find_elements("css selector", ".maps image")) == 3
    assert "The learning rate 10 is too high" in browser.find_element("css selector", ".finding").text


# ---- causes ----------------------------------------------------------------------------------------------------


def classes(steps: int = 60) -> Any:
    rng = np.random.default_rng(0)
    for _ in range(steps):
        y = rng.integers(0, 4, 32)
        yield minigrad.tensor(rng.normal(size=(32, 8)) + y[:, None]), minigrad.tensor(y)


def trained(model: Any, data: Any, loss_of: Any, rate: float = 0.1, optimizer: Any = None) -> Watcher:
    optimizer = optimizer or optim.SGD(model.parameters(), lr=rate)
    with watch(model, optimizer, live=False, every=1) as watcher:
        for X, y in data:
            loss = loss_of(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watcher.log(loss)
    return watcher


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    ("kind", "build", "loss_of"),
    [
        ("softmax twice", lambda: nn.Sequential(*mlp(8, 16, 4), nn.Softmax(dim=1)), nn.CrossEntropyLoss()),
        ("no activation", lambda: nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 4)), nn.CrossEntropyLoss()),
        ("all pairs", lambda: mlp(8, 16, 1), lambda out, y: ((out - y.float()) ** 2).mean()),
        ("uphill", lambda: mlp(8, 16, 4), None),
        ("no gradient", lambda: nn.Sequential(nn.Linear(8, 16), _Cut(), nn.Linear(16, 4)), nn.CrossEntropyLoss()),
        ("saturated", lambda: _large(mlp(8, 16, 4, act=nn.Tanh)), nn.CrossEntropyLoss()),
    ],
)
def test_a_cause_is_named_first(kind: str, build: Any, loss_of: Any) -> None:
    minigrad.manual_seed(0)
    if kind == "uphill":
        model = build()
        watcher = trained(
            model, classes(), nn.functional.cross_entropy, optimizer=Uphill(model.parameters(), {"lr": 0.05})
        )
    else:
        watcher = trained(build(), classes(), loss_of)
    assert watcher.findings and watcher.findings[0].kind == kind, watcher.findings


class Uphill(optim.Optimizer):
    def update(self, x: Any, dx: Any, state: Any, group: dict[str, Any]) -> Any:
        return x + group["lr"] * dx, state


class _Cut(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.detach().relu()


def _large(model: Any) -> Any:
    with minigrad.no_grad():
        model[0].weight *= 100
    return model


def test_a_frozen_layer_is_looked_at_like_others() -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4))
    model[2].requires_grad_(False)
    assert trained(model, classes(), nn.CrossEntropyLoss()).findings == []
    model[0].requires_grad_(False)
    assert trained(model, classes(), nn.CrossEntropyLoss()).findings == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_only_the_graphs_of_sampled_steps_are_searched(when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.teach import loss_graph

    searched: list[int] = []
    monkeypatch.setattr(loss_graph, "label_of", lambda between: searched.append(len(watcher.losses)))
    model, X = mlp(8, 16, 4), minigrad.randn(32, 8)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, live=False, every=50) as watcher:
        for _ in range(120):
            loss = nn.functional.cross_entropy(model(X), minigrad.zeros(32, dtype="int64"))
            optimizer.zero_grad()
            loss.backward()
            if when == "before":
                watcher.log(loss)
            optimizer.step()
            if when == "after":
                watcher.log(loss)
        assert len(searched) == len(watcher.samples) == 12 and watcher.findings == []
    assert watcher._scene.output is None and watcher._scene.loss is None


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_large_targets_are_named_also_if_the_loss_is_logged_after_the_step() -> None:
    model, rng = mlp(8, 16, 1), np.random.default_rng(0)
    data = (
        (minigrad.tensor(rng.normal(size=(32, 8))), minigrad.tensor(3e4 * rng.normal(size=(32, 1)))) for _ in range(9)
    )
    watcher = trained(model, data, nn.functional.mse_loss)
    assert watcher.findings[0].kind == "targets too large"


def test_a_bottleneck_is_no_missing_activation() -> None:
    model = nn.Sequential(nn.Linear(8, 2), nn.Linear(2, 4))
    assert trained(model, classes(), nn.CrossEntropyLoss()).findings == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_rising_validation_loss_is_overfitting() -> None:
    model = mlp(8, 16, 4)
    with watch(model, optim.SGD(model.parameters(), lr=0.1), live=False) as watcher:
        watcher.losses += [1 / (1 + k) for k in range(100)]
        for loss in (3.0, 2.0, 1.0, 1.05, 1.0, 0.9, 1.2, 1.3, 1.4):
            watcher.log(validation=loss)
            watcher.losses += [0.5 * watcher.losses[-1]] * 20
        assert [f.kind for f in watcher.findings] == ["overfitting"] and "lowest at step 200" in watcher.findings[
            0
        ].text


def two_runs() -> list[Watcher]:
    watchers = []
    for rate in (0.1, 1e-4):
        minigrad.manual_seed(0)
        network = Network(mlp(64, 16, 10), CROSS_ENTROPY)
        watchers.append(lecture(network, rate, 30))
        watchers[-1].log(validation=2.0)
    return watchers


def test_two_runs_stand_side_by_side(tmp_path: Path) -> None:
    a, b = two_runs()
    page = a.report(tmp_path / "two.html", compare=b)
    assert "Two training runs: Sequential and Sequential" in page and "Run A" in page and "run B" in page
    assert (
        '<div class="beside">' in page
        and "A: validation" in page
        and page == (tmp_path / "two.html").read_text("utf-8")
    )
    with pytest.raises(TypeError, match="compare must be the Watcher of another run, got str"):
        a.report(compare="two.html")  # type: ignore[arg-type]


def test_the_default_samples_spread_over_the_steps_whatever_the_time() -> None:
    watcher = lecture(Network(mlp(64, 16, 10), CROSS_ENTROPY), 0.1, 400, every=None)
    steps = [sample.step for sample in watcher.samples]
    assert steps[:10] == [*range(1, 11)] and steps[-1] > 360
    assert all(after - before <= before / 9 + 1 for before, after in pairwise(steps[9:]))


@pytest.mark.browser
def test_the_numbers_of_a_chart_are_read_with_keys_and_pointer(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains, Keys

    a, b = two_runs()
    browser.get(a.report(tmp_path / "two.html", compare=b).save(tmp_path / "again.html").as_uri())
    chart = browser.find_element("css selector", "figure.chart")
    browser.execute_script("arguments[0].focus()", chart)
    ActionChains(browser).send_keys(Keys.END).perform()
    card = chart.find_element("css selector", ".card")
    assert card.text.startswith("step 30\nA: each batch: ") and card.get_attribute("aria-live") == "polite"
    ActionChains(browser).send_keys(Keys.HOME).perform()
    assert card.text.startswith("step 1\n")
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    assert not card.is_displayed()
    ActionChains(browser).move_to_element(chart).perform()
    assert card.is_displayed() and "B: each batch: 2." in card.text
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def test_a_watcher_is_copied_and_pickled_as_the_run_so_far() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    X, y = np.random.default_rng(0).standard_normal((16, 4)), np.arange(16) % 3
    with watch(model, optimizer, live=False) as watcher:
        for step in range(12):
            loss = nn.functional.cross_entropy(model(minigrad.tensor(X).float()), minigrad.tensor(y))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watcher.log(loss)
            if step == 5:
                copies = [pickle.loads(pickle.dumps(watcher)), copy.deepcopy(watcher), copy.copy(watcher)]
    copies.append(pickle.loads(pickle.dumps(watcher)))
    assert [len(one.losses) for one in copies[:2]] == [6, 6] and copies[3].losses == watcher.losses
    for one in copies:
        assert one.closed and one.samples and "<figure" in str(one.report(compare=watcher))
        one.close()
        with pytest.raises(RuntimeError, match="a copy of a watcher"):
            one.log(loss)
    assert "<figure" in str(watcher.report(compare=copies[0]))
