"""The lecture's loop around x and dx: it trains as written, and every mistake in it is explained."""

from __future__ import annotations

import copy
import json
import math
import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Network, Tensor, data, nn, no_grad, optim, tensor

LOOP = """
while True:
    data_batch = dataset.sample_data_batch()
    loss = network.forward(data_batch)
    dx = network.backward()
    x += - learning_rate * dx
"""
SLIP = LOOP.replace("x += - learning_rate * dx", "x = x - learning_rate * dx")


class Enough(Exception):
    """Ends the loop after the wanted number of rounds."""


class Finite:
    """A data set that ends the loop after a number of batches."""

    def __init__(self, dataset: data.Dataset, batches: int) -> None:
        self.dataset, self.left = dataset, batches

    def sample_data_batch(self) -> data.Batch:
        if not self.left:
            raise Enough
        self.left -= 1
        return self.dataset.sample_data_batch()


def run(program: str, network: Network, dataset: data.Dataset, batches: int) -> dict[str, Any]:
    """Run the loop with a network; return its variables at the end."""
    names = {"network": network, "x": network.x, "learning_rate": 1e-1, "dataset": Finite(dataset, batches)}
    with pytest.raises(Enough):
        exec(program, names)
    return names


def small(seed: int = 0, dtype: str = "float32") -> Network:
    minigrad.manual_seed(seed)
    layers = nn.Linear(2, 6, dtype=dtype), nn.Tanh(), nn.Linear(6, 3, dtype=dtype)
    return Network(nn.Sequential(*layers), nn.CrossEntropyLoss())


BATCH = data.spiral().sample_data_batch(16)


def step(network: Network) -> np.ndarray:
    network.forward(BATCH)
    return network.backward()


@pytest.fixture
def warned() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


# ---- the loop --------------------------------------------------------------------------------------------------


def test_the_lectures_loop_trains_on_the_digits() -> None:
    train, test = data.digits()
    minigrad.manual_seed(0)
    network = Network(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), nn.CrossEntropyLoss())
    before = network.forward((test.X, test.y))
    end = run(LOOP, network, train, 400)
    assert before > 2.2 and network.forward((test.X, test.y)) < 0.4
    assert end["x"] is network.x and end["loss"] < 0.6


def test_two_seeded_runs_end_in_the_same_bytes() -> None:
    ends = [run(LOOP, small(seed), data.spiral(), 50)["x"].tobytes() for seed in (1, 1, 2)]
    assert ends[0] == ends[1] != ends[2]


def test_an_optimiser_on_the_model_makes_the_same_steps_as_the_loop() -> None:
    by_loop, by_optimizer = small(), small()
    run(LOOP, by_loop, data.spiral(), 50)
    optimizer, dataset = optim.SGD(by_optimizer.model.parameters(), lr=1e-1), data.spiral()
    for _ in range(50):
        by_optimizer.forward(dataset.sample_data_batch())
        by_optimizer.backward()
        optimizer.step()
    assert by_optimizer.x.tobytes() == by_loop.x.tobytes()


# ---- x and dx --------------------------------------------------------------------------------------------------


def test_x_and_dx_are_aligned_with_names() -> None:
    network = small(dtype="float64")
    dx, x = step(network), network.x
    parameters = dict(network.model.named_parameters())
    slices = network.names()
    assert list(slices) == list(parameters) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert [(s.start, s.stop) for s in slices.values()] == [(0, 12), (12, 18), (18, 36), (36, 39)]
    assert x.shape == dx.shape == (39,) and x.dtype == dx.dtype == np.float64
    for name, p in parameters.items():
        np.testing.assert_array_equal(x[slices[name]], p.detach().numpy().ravel())
        np.testing.assert_array_equal(dx[slices[name]], p.grad.numpy().ravel())


def test_dx_is_the_slope_of_the_loss_along_x() -> None:
    network = small(dtype="float64")
    dx, x = step(network), network.x
    for i in range(0, len(x), 5):
        middle = x[i]
        x[i] = middle + 1e-6
        above = network.forward(BATCH)
        x[i] = middle - 1e-6
        assert (above - network.forward(BATCH)) / 2e-6 == pytest.approx(dx[i], rel=1e-5, abs=1e-9)
        x[i] = middle


def test_every_parameter_is_a_view_into_x() -> None:
    network = small()
    x = network.x
    x[...] = np.arange(39)
    parameters = list(network.model.parameters())
    assert [p.tolist() for p in parameters[1:]] == [
        [12, 13, 14, 15, 16, 17],
        [[*range(i, i + 6)] for i in (18, 24, 30)],
        [36, 37, 38],
    ]
    with no_grad():
        parameters[1] -= 100.0
    assert x[12:18].tolist() == [-88, -87, -86, -85, -84, -83]


def test_dx_is_new_each_time_and_grad_is_its_view() -> None:
    network = small()
    first = step(network)
    kept = first.copy()
    network.x += 1.0
    second = step(network)
    assert second is not first and first.tobytes() == kept.tobytes() != second.tobytes()
    second *= 0.5
    assert network.model[0].weight.grad.numpy().tobytes() == second[:12].tobytes()


@pytest.mark.parametrize(
    "hold",
    [
        lambda network, dx: dx,
        lambda network, dx: dx[5:],
        lambda network, dx: memoryview(dx[5:]),
        lambda network, dx: network.model[2].weight.grad,
        lambda network, dx: network.model[2].weight.grad.T,
    ],
    ids=["dx", "slice", "memoryview", "grad", "view of grad"],
)
def test_no_part_of_dx_that_is_held_ever_changes(hold: Callable[..., Any]) -> None:
    network, held, copies = small(), [], []
    for _ in range(6):
        held.append(hold(network, step(network)))
        copies.append(np.array(held[-1]))
        network.x *= 0.9
    assert len({c.tobytes() for c in copies}) == 6
    for h, c in zip(held, copies):
        np.testing.assert_array_equal(np.array(h), c)


def test_parameters_that_take_no_part_have_no_slope() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(2, 3), nn.Linear(2, 3)
            self.go = "left"

        def forward(self, x: Tensor) -> Tensor:
            return getattr(self, self.go)(x)

    network = Network(Branches(), nn.CrossEntropyLoss())
    model = network.model
    for model.go in ("left", "right", "left", "right"):
        dx = step(network)
        steep = {name for name, s in network.names().items() if dx[s].any()}
        assert steep == {f"{model.go}.weight", f"{model.go}.bias"}
        network.x -= 0.1 * dx
        del dx  # its memory may be used again
    model.right.bias.requires_grad = False
    dx = step(network)
    assert not dx[network.names()["right.bias"]].any() and model.right.bias.grad is None
    del dx
    model.go, model.right.weight.requires_grad = "left", False
    for _ in range(3):
        dx = step(network)
        assert not any([dx[network.names()[name]].any() for name in ("right.weight", "right.bias")])
        network.x -= 0.1 * dx
        dx.fill(3)
        del dx


def test_new_memory_of_a_parameter_is_taken_over() -> None:
    network = small()
    x, weight = network.x, network.model[0].weight
    weight.data = np.full((6, 2), 3.0)
    assert network.x is x and x[:12].tolist() == [3.0] * 12
    weight.data = tensor(np.full((6, 2), 4.0, np.float32))
    loss = network.forward(BATCH)
    assert x[:12].tolist() == [4.0] * 12
    x -= network.backward()
    assert network.forward(BATCH) < loss and weight.tolist() != [[4.0, 4.0]] * 6
    weight.data = np.zeros((7, 2))
    with pytest.raises(
        ValueError, match=r"0.weight now has shape \(7, 2\), but 12 elements in x: create a new Network"
    ):
        network.forward(BATCH)


def test_new_parameters_ask_for_a_new_network() -> None:
    network = small()
    network.model[2].bias = nn.Parameter([0.0, 0.0, 0.0])
    with pytest.raises(
        RuntimeError, match=r"other parameters than when this network was created.*Network\(model, loss\)"
    ):
        network.forward(BATCH)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))], ids=["copied", "pickled"])
def test_a_copy_has_an_x_of_its_own(again: Callable[[Network], Network]) -> None:
    network = small()
    step(network)
    other = again(network)
    assert other.x.tobytes() == network.x.tobytes() and other.names() == network.names()
    before = network.forward(BATCH)
    other.x[...] = 0.0
    assert other.forward(BATCH) == pytest.approx(math.log(3))
    assert network.forward(BATCH) == before


def test_any_module_and_any_loss_will_do() -> None:
    class Line(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.slope = nn.Parameter(tensor(0.0))  # of no dimensions
            self.nothing = nn.Parameter(np.zeros((0, 3), np.float32))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.slope

    network = Network(Line(), lambda found, wanted: (found - wanted).square().mean())
    X = np.arange(4.0)
    for _ in range(100):
        network.forward([X, 3 * X])
        network.x += -0.1 * network.backward()
    assert network.x == pytest.approx([3.0]) and network.model.slope.item() == network.x[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8, list, tensor])
def test_inputs_of_any_kind_are_computed_in_the_dtype_of_the_parameters(kind: Any, dtype: str) -> None:
    network = small(dtype=dtype)
    X = np.array([[0, 1], [2, 3]])
    inputs = X.tolist() if kind is list else tensor(X) if kind is tensor else X.astype(kind)
    loss = network.forward((inputs, [0, 2]))
    assert loss == network.forward((X.astype(dtype), np.array([0, 2])))
    assert network.x.dtype == network.backward().dtype == dtype


# ---- the classic mistake ---------------------------------------------------------------------------------------


def test_a_copy_of_x_trains_nothing_and_one_warning_says_so(warned: list[warnings.WarningMessage]) -> None:
    network = small()
    before = network.x.copy()
    run(SLIP, network, data.spiral(), 3)
    assert warned == []
    end = run(SLIP + "    network.forward(data_batch)\n", network, data.spiral(), 20)
    (warning,) = warned
    assert issubclass(warning.category, RuntimeWarning) and warning.filename == "<string>"  # the user's own line
    for hint in (
        "not changed in three rounds",
        "`x = x - learning_rate * dx` creates a copy",
        "`x +=",
        "network.x = x",
    ):
        assert hint in str(warning.message)
    assert network.x.tobytes() == before.tobytes() != end["x"].tobytes()


def test_assigning_x_trains(warned: list[warnings.WarningMessage]) -> None:
    by_loop, by_assignment = small(), small()
    run(LOOP, by_loop, data.spiral(), 20)
    run(SLIP + "    network.x = x\n", by_assignment, data.spiral(), 20)
    np.testing.assert_allclose(by_assignment.x, by_loop.x, rtol=1e-6)
    by_assignment.x -= 1.0  # an assignment, too
    np.testing.assert_allclose(by_assignment.model[0].weight.detach().numpy().ravel(), by_loop.x[:12] - 1, rtol=1e-5)
    assert warned == []


@pytest.mark.parametrize(
    ("rounds", "change"),
    [
        (10, lambda network, dx: network.x.__iadd__(-0.1 * dx)),
        (10, lambda network, dx: network.x.__setitem__(0, network.x[0] + 1e-3)),
        (3, lambda network, dx: None),
    ],
    ids=["training", "one element", "not yet"],
)
def test_no_warning_without_a_slip(rounds: int, change: Any, warned: list[warnings.WarningMessage]) -> None:
    network = small()
    for _ in range(rounds):
        change(network, step(network))
    assert warned == []


def test_no_warning_for_looking_without_training(warned: list[warnings.WarningMessage]) -> None:
    network = small()
    for _ in range(10):
        network.forward(BATCH)
    flat = Network(nn.Linear(2, 1), lambda scores, _: (scores * 0.0).sum())
    for _ in range(10):
        dx = step(flat)
        flat.x -= dx  # rightly changes nothing
    assert warned == []


def test_x_refuses_a_wrong_shape() -> None:
    network = small()
    with pytest.raises(ValueError, match=r"vector of shape \(39,\), got one of shape \(38,\)"):
        network.x = np.zeros(38)
    with pytest.raises(ValueError, match=r"got one of shape \(\)"):
        network.x = 0.0


# ---- forward and backward in the wrong order -------------------------------------------------------------------


def under_no_grad(network: Network) -> None:
    with no_grad():
        network.forward(BATCH)


def changed_between(network: Network) -> None:
    network.forward(BATCH)
    network.x[3] += 1.0


def replaced_between(network: Network) -> None:
    network.forward(BATCH)
    network.model[0].weight.data = np.zeros((6, 2))


@pytest.mark.parametrize(
    ("before", "message"),
    [
        (lambda network: None, r"there is no loss yet.*loss = network.forward\(batch\)"),
        (step, "called twice after one forward.*Call network.forward"),
        (under_no_grad, r"requires a gradient: it ran under no_grad\(\), all parameters are frozen"),
        (changed_between, "x was changed between forward and backward.*Update x after backward"),
        (replaced_between, "x was changed between forward and backward"),
    ],
    ids=["no forward", "twice", "no_grad", "changed x", "new data"],
)
def test_backward_without_its_forward_explains_itself(before: Callable[[Network], Any], message: str) -> None:
    network = small()
    before(network)
    with pytest.raises(RuntimeError, match=message):
        network.backward()
    assert step(network).any()  # and the next round is as any


def test_gradients_of_several_rounds_do_not_add_up() -> None:
    network = small()
    first = step(network)
    network.model[0].weight.grad = tensor(np.full((6, 2), 7.0, np.float32))
    assert step(network).tobytes() == first.tobytes()


# ---- the loss --------------------------------------------------------------------------------------------------


def test_the_loss_is_a_float() -> None:
    network = small()
    loss = network.forward(BATCH)
    number = float(loss)
    assert isinstance(loss, float) and type(number) is float
    assert (str(loss), repr(loss), f"{loss:.3f}", f"{loss}") == (
        str(number),
        repr(number),
        f"{number:.3f}",
        str(number),
    )
    assert loss < number + 1 and loss == number and not math.isnan(loss)
    assert sum([loss, loss]) == np.sum([loss, loss]) == 2 * number and np.mean([loss, loss]) == number
    assert np.array([loss]).dtype == np.float64 and json.dumps({"loss": loss}) == json.dumps({"loss": number})
    assert pickle.loads(pickle.dumps([loss])) == copy.deepcopy([loss]) == [number]


def test_the_loss_does_not_hold_on_to_its_graph() -> None:
    network = small()
    loss = network.forward(BATCH)
    assert loss.tensor.item() == loss
    network.backward()
    assert loss.tensor is not None
    network.forward(BATCH)
    assert loss.tensor is None


def test_a_nan_loss_warns_where_forward_was_called() -> None:
    network = small()
    network.x[...] = np.nan
    with pytest.warns(RuntimeWarning, match=r"the loss is nan; .*detect_anomaly\(\).*learning rate") as caught:
        network.forward(BATCH)
    assert caught[0].filename == __file__
    with pytest.raises(FloatingPointError, match="forward pass of 'linear'"), minigrad.detect_anomaly():
        network.forward(BATCH)


# ---- bad input -------------------------------------------------------------------------------------------------


def mixed() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, dtype="float64"))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Network(nn.ReLU(), nn.MSELoss()), ValueError, "ReLU has no parameters to train"),
        (lambda: Network(mixed(), nn.MSELoss()), ValueError, r"one dtype .* got \['float32', 'float64'\]"),
        (lambda: Network(nn.Linear, nn.MSELoss()), TypeError, "model must be an nn.Module, got type"),
        (
            lambda: Network(nn.Linear(2, 2), None),
            TypeError,
            r"loss must be a function of \(scores, targets\), got None",
        ),
    ],
)
def test_bad_networks(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


X, y = BATCH


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (X, ValueError, r"must be a pair \(X, y\) of inputs and targets, got ndarray of 16"),
        (X[:2], ValueError, "got ndarray of 2"),
        ((X, y, y), ValueError, "got tuple of 3"),
        ({"X": X, "y": y}, ValueError, "got dict of 2"),
        (None, ValueError, "got NoneType"),
        ((X[:0], y[:0]), ValueError, r"the batch is empty; its inputs have shape \(0, 2\)"),
        (([[1.0, 2.0], [3.0]], [0, 1]), ValueError, "unequal lengths"),
        ((["a", "b"], [0, 1]), TypeError, "takes booleans, integers and floats"),
        ((X[:, :1], y), ValueError, r"must have 2 features .* got shape \(16, 1\) for 0.weight of shape \(6, 2\)"),
        ((X, y[:5]), ValueError, r"scores of shape \(16, 3\) need targets of shape \(16,\).*got \(5,\)"),
        ((X, y.astype(float)), TypeError, "targets must be class indices, integers; got float64"),
        ((X, y + 1), ValueError, "targets must be from 0 to 2"),
    ],
)
def test_bad_batches(batch: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        small().forward(batch)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (
            nn.CrossEntropyLoss(reduction="none"),
            r"the loss must be a tensor with one element, got shape \(16,\); average it",
        ),
        (lambda scores, targets: scores, r"got shape \(16, 3\)"),
        (lambda scores, targets: 1.0, "got float"),
    ],
)
def test_bad_losses(loss: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Network(nn.Linear(2, 3), loss).forward(BATCH)


def test_a_batch_is_not_changed() -> None:
    X, y = tensor(BATCH.X), BATCH.y.copy()
    small().forward((X, y))
    assert X.name is None and X.grad is None and X.tolist() == BATCH.X.tolist()


def test_a_graph_recorded_outside_the_network_notices_a_change_of_x() -> None:
    network = Network(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), nn.MSELoss())
    loss = network.model(minigrad.ones(4, 2)).square().sum()
    network.x[...] = 5.0
    with pytest.raises(RuntimeError, match=r"'linear' needs its input 'weight' \(1.weight\)"):
        loss.backward()


def test_layers_in_a_plain_list_are_named() -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(2, 2)
            self.rest = [nn.Linear(2, 2)]

    with pytest.raises(ValueError, match=r"rest is a plain list .* would not be trained"):
        Network(Hidden(), nn.MSELoss())


def test_a_network_shows_its_layers_its_loss_and_its_size() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    shown = repr(Network(model, nn.CrossEntropyLoss())).splitlines()
    assert (shown[0], shown[1], shown[-1]) == ("Network(", "  (model): Sequential(", ")")
    assert "    (2): Linear(in_features=4, out_features=2, bias=True)" in shown
    assert shown[-3:-1] == ["  (loss): CrossEntropyLoss()", "  x: 26 parameters, float32"]
    assert "(loss): cross_entropy\n" in repr(Network(model, nn.functional.cross_entropy))
