"""The update rules against the lecture's own lines, bit for bit; the optimisers built on them; decays; errors."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Network, Tensor, data, nn, optim, tensor
from minigrad.optim import rules

Gradient = Callable[[np.ndarray], np.ndarray]
STEPS = 50
learning_rate, mu, decay_rate, beta1, beta2 = 0.05, 0.9, 0.99, 0.9, 0.999

# ---- the specification: the lecture's lines, each in a loop that shows x after every step ------------------------


def lecture_sgd(x: np.ndarray, gradient: Gradient) -> Iterator[np.ndarray]:
    while True:
        dx = gradient(x)
        x += -learning_rate * dx
        yield x


def lecture_momentum(x: np.ndarray, gradient: Gradient) -> Iterator[np.ndarray]:
    v = np.zeros_like(x)
    while True:
        dx = gradient(x)
        v = mu * v - learning_rate * dx
        x += v
        yield x


def lecture_nesterov(x: np.ndarray, gradient: Gradient) -> Iterator[np.ndarray]:
    """Shows the looked-ahead point, where the gradient is taken."""
    theta, v = x.copy(), np.zeros_like(x)
    while True:
        v = mu * v - learning_rate * gradient(theta + mu * v)
        theta = theta + v
        yield theta + mu * v


def lecture_adagrad(x: np.ndarray, gradient: Gradient) -> Iterator[np.ndarray]:
    cache = np.zeros_like(x)
    while True:
        dx = gradient(x)
        cache += dx**2
        x += -learning_rate * dx / (np.sqrt(cache) + 1e-7)
        yield x


def lecture_rmsprop(x: np.ndarray, gradient: Gradient) -> Iterator[np.ndarray]:
    cache = np.zeros_like(x)
    while True:
        dx = gradient(x)
        cache = decay_rate * cache + (1 - decay_rate) * dx**2
        x += -learning_rate * dx / (np.sqrt(cache) + 1e-7)
        yield x


def lecture_adam_incomplete(x: np.ndarray, gradient: Gradient) -> Iterator[np.ndarray]:
    m, v = np.zeros_like(x), np.zeros_like(x)
    while True:
        dx = gradient(x)
        m = beta1 * m + (1 - beta1) * dx
        v = beta2 * v + (1 - beta2) * (dx**2)
        x += -learning_rate * m / (np.sqrt(v) + 1e-7)
        yield x


def lecture_adam(x: np.ndarray, gradient: Gradient) -> Iterator[np.ndarray]:
    m, v = np.zeros_like(x), np.zeros_like(x)
    for t in range(1, STEPS + 1):
        dx = gradient(x)
        m = beta1 * m + (1 - beta1) * dx
        v = beta2 * v + (1 - beta2) * (dx**2)
        mb = m / (1 - beta1**t)
        vb = v / (1 - beta2**t)
        x += -learning_rate * mb / (np.sqrt(vb) + 1e-7)
        yield x


# rule: the lecture's loop, the rule's settings by name, and the optimiser built on it, made from parameters
RULES: dict[str, tuple[Any, dict[str, float], Callable[[Any], optim.Optimizer]]] = {
    "sgd": (lecture_sgd, {}, lambda p: optim.SGD(p, lr=0.05)),
    "momentum": (lecture_momentum, {"mu": mu}, lambda p: optim.Momentum(p, lr=0.05, mu=0.9)),
    "nesterov": (lecture_nesterov, {"mu": mu}, lambda p: optim.Nesterov(p, lr=0.05, mu=0.9)),
    "adagrad": (lecture_adagrad, {}, lambda p: optim.Adagrad(p, lr=0.05, eps=1e-7)),
    "rmsprop": (lecture_rmsprop, {"decay_rate": 0.99}, lambda p: optim.RMSprop(p, lr=0.05, alpha=0.99, eps=1e-7)),
    "adam_incomplete": (lecture_adam_incomplete, {}, lambda p: optim.AdamIncomplete(p, lr=0.05, eps=1e-7)),
    "adam": (lecture_adam, {"beta1": 0.9, "beta2": 0.999}, lambda p: optim.Adam(p, lr=0.05, eps=1e-7)),
}
OTHERS = {"momentum_pytorch", "rmsprop_momentum", "amsgrad", "adadelta", "adamax", "nadam", "radam", "asgd", "rprop"}
OTHERS |= {"adafactor", "lion", "lamb"}
"""The rules that are not the lecture's; the oracle is PyTorch, but for Lion and LAMB, which it does not have."""
each_rule = pytest.mark.parametrize("name", RULES)


class Quadratic:
    """A random bowl of 10 dimensions; its gradient is plain NumPy."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        root = rng.standard_normal((10, 10))
        self.A, self.centre = root.T @ root / 5, rng.standard_normal(10)
        self.x = rng.standard_normal(10)
        self.parameters = [nn.Parameter(Tensor(self.x))]

    def gradient(self, x: np.ndarray) -> np.ndarray:
        return self.A @ (x - self.centre)

    def fill_grad(self) -> None:
        (p,) = self.parameters
        p.grad = Tensor(self.gradient(p.detach().numpy()))

    def where(self) -> np.ndarray:
        return self.parameters[0].detach().numpy()


class SmallNetwork:
    """Two layers on a fixed batch, in float64."""

    def __init__(self) -> None:
        minigrad.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 5, dtype="float64"), nn.Tanh(), nn.Linear(5, 3, dtype="float64"))
        self.network = Network(model, nn.CrossEntropyLoss())
        self.batch = data.spiral().sample_data_batch(32)
        self.x = self.network.x
        self.parameters = list(model.parameters())

    def gradient(self, x: np.ndarray) -> np.ndarray:
        self.network.x = x
        self.network.forward(self.batch)
        return self.network.backward()

    def fill_grad(self) -> None:
        self.gradient(self.x)

    def where(self) -> np.ndarray:
        return self.network.x


each_problem = pytest.mark.parametrize("problem", [Quadratic, SmallNetwork])


@each_rule
@each_problem
def test_rules_give_the_bits_of_the_lectures_lines(name: str, problem: Any) -> None:
    lecture, settings, _ = RULES[name]
    theirs, ours = problem(), problem()
    rule, x, state, start = getattr(rules, name), ours.x.copy(), {}, ours.x.copy()
    for _, wanted in zip(range(STEPS), lecture(theirs.x, theirs.gradient)):
        x, state = rule(x, ours.gradient(x), state, learning_rate, **settings)
        assert x.dtype == np.float64 and x.tobytes() == wanted.tobytes()
    assert not np.allclose(x, start)


@each_rule
@each_problem
def test_optimisers_give_the_bits_of_the_lectures_lines(name: str, problem: Any) -> None:
    lecture, _, make = RULES[name]
    theirs, ours = problem(), problem()
    optimizer = make(ours.parameters)
    for _, wanted in zip(range(STEPS), lecture(theirs.x, theirs.gradient)):
        ours.fill_grad()
        optimizer.step()
        assert ours.where().tobytes() == wanted.tobytes()


def test_nesterov_keeps_the_lectures_theta_beside_the_looked_ahead_x() -> None:
    bowl = Quadratic()
    theta, v = bowl.x, np.zeros(10)
    x, state = bowl.x, {}
    for _ in range(STEPS):
        v = mu * v - learning_rate * bowl.gradient(theta + mu * v)
        theta = theta + v
        x, state = rules.nesterov(x, bowl.gradient(x), state, learning_rate, mu)
        assert state["theta"].tobytes() == theta.tobytes()
        assert x.tobytes() == (theta + mu * v).tobytes()


# ---- two conventions of momentum -------------------------------------------------------------------------------


@pytest.mark.parametrize("looking_ahead", [False, True], ids=["momentum", "nesterov"])
@pytest.mark.parametrize(("k", "agree"), [(0.0, True), (0.1, False)], ids=["constant", "decaying"])
def test_conventions_agree_at_a_constant_rate_and_part_when_it_decays(
    looking_ahead: bool, k: float, agree: bool
) -> None:
    bowl = Quadratic()
    lecture = rules.nesterov if looking_ahead else rules.momentum
    x, state, z, other = bowl.x, {}, bowl.x, {}
    optimizers = [
        (optim.Nesterov if looking_ahead else optim.Momentum)([nn.Parameter(Tensor(bowl.x))], lr=1.0, mu=mu),
        optim.SGD([nn.Parameter(Tensor(bowl.x))], lr=1.0, momentum=mu, nesterov=looking_ahead),
    ]
    for t in range(20):
        rate = optim.ExponentialDecay(learning_rate, k)(t)
        x, state = lecture(x, bowl.gradient(x), state, rate, mu)
        z, other = rules.momentum_pytorch(z, bowl.gradient(z), other, rate, mu, nesterov=looking_ahead)
        for optimizer in optimizers:
            (group,) = optimizer.param_groups
            group["lr"] = rate
            (p,) = group["params"]
            p.grad = Tensor(bowl.gradient(p.detach().numpy()))
            optimizer.step()
    assert (np.abs(x - z).max() < 1e-12) if agree else (np.abs(x - z).max() > 0.01)
    ends = [optimizer.param_groups[0]["params"][0].detach().numpy() for optimizer in optimizers]
    assert (ends[0].tobytes(), ends[1].tobytes()) == (x.tobytes(), z.tobytes())


def test_bias_correction_matters_in_the_first_steps() -> None:
    x, dx = np.zeros(3), np.array([1e-3, -1.0, 1e3])
    first, _ = rules.adam(x, dx, {}, 0.1)
    uncorrected, _ = rules.adam_incomplete(x, dx, {}, 0.1)
    np.testing.assert_allclose(first, [-0.1, 0.1, -0.1], rtol=1e-3)  # the learning rate, whatever the scale
    np.testing.assert_allclose(uncorrected, first * 0.1 / math.sqrt(0.001), rtol=1e-2)


# ---- the functions ---------------------------------------------------------------------------------------------

FUNCTIONS = [
    f
    for _, f in inspect.getmembers(rules, inspect.isfunction)
    if f.__module__ == rules.__name__ and f.__name__[0] != "_"
]


def test_every_rule_is_tried() -> None:
    assert {f.__name__ for f in FUNCTIONS} == {*RULES, *OTHERS}


@pytest.mark.parametrize("rule", FUNCTIONS)
def test_rules_change_nothing_they_are_given_and_keep_none_of_it(rule: Any) -> None:
    x, dx, state = np.array([1.0, -2.0]), np.array([0.5, 3.0]), {}
    for _ in range(3):
        given = copy.deepcopy((x, dx, state))
        new, after = rule(x, dx, state, 0.1)
        assert repr((x, dx, state)) == repr(given)
        expected = copy.deepcopy((new, after))
        x[...], dx[...] = 77.0, 88.0  # the caller's to overwrite
        assert repr((new, after)) == repr(expected)
        x, dx, state = new, np.array([0.25, -1.0]), after


@pytest.mark.parametrize("rule", FUNCTIONS)
def test_rules_take_numbers_and_keep_float32(rule: Any) -> None:
    x, state, number, of_number = np.ones(2, np.float32), {}, 1.0, {}
    for _ in range(3):
        x, state = rule(x, 2 * x, state, 0.01)
        number, of_number = rule(number, 2 * number, of_number, 0.01)
    assert x.dtype == np.float32 and {s.dtype for s in state.values() if isinstance(s, np.ndarray)} <= {x.dtype}
    assert 0 < number < 1 and x == pytest.approx([number] * 2, rel=1e-5)


# ---- Lion and LAMB, which PyTorch does not have: as in the papers ----------------------------------------------


def lion_of_the_paper(w: np.ndarray, gradient: Gradient, eta: float, lamda: float) -> Iterator[np.ndarray]:
    """Chen et al., "Symbolic discovery of optimization algorithms" (2023), algorithm 2."""
    beta1, beta2, m = 0.95, 0.7, 0 * w
    while True:
        g = gradient(w)
        c = beta1 * m + (1 - beta1) * g
        w = w - eta * (np.sign(c) + lamda * w)
        m = beta2 * m + (1 - beta2) * g
        yield w


def lamb_of_the_paper(x: np.ndarray, gradient: Gradient, eta: float, lamda: float) -> Iterator[np.ndarray]:
    """You et al., "Large batch optimization for deep learning" (2020), algorithm 2, with phi(z) = z."""
    beta1, beta2, epsilon, m, v = 0.8, 0.9, 1e-3, 0 * x, 0 * x
    for t in range(1, STEPS + 1):
        g = gradient(x)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        r = (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
        u = r + lamda * x
        x = x - eta * np.sqrt((x**2).sum()) / np.sqrt((u**2).sum()) * u
        yield x


PAPERS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "Lion": (optim.Lion, lion_of_the_paper, {"betas": (0.95, 0.7)}),
    "LAMB": (optim.LAMB, lamb_of_the_paper, {"betas": (0.8, 0.9), "eps": 1e-3}),
}


@pytest.mark.parametrize("lamda", [0.0, 0.2])
@pytest.mark.parametrize("name", PAPERS)
def test_lion_and_lamb_are_those_of_their_papers(name: str, lamda: float) -> None:
    kind, paper, settings = PAPERS[name]
    bowl = Quadratic()
    matrix = bowl.x.reshape(5, 2)

    def gradient(x: np.ndarray) -> np.ndarray:
        return bowl.gradient(x.reshape(-1)).reshape(x.shape)

    p, upward = parameter(*bowl.x).reshape(5, 2).detach().requires_grad_(), parameter(*bowl.x)
    optimizers = [
        kind([p], lr=0.01, weight_decay=lamda, **settings),
        kind([upward], lr=0.01, weight_decay=lamda, maximize=True, **settings),
    ]
    for _, x in zip(range(STEPS), paper(matrix, gradient, 0.01, lamda)):
        p.grad, upward.grad = Tensor(gradient(p.detach().numpy())), Tensor(-bowl.gradient(upward.detach().numpy()))
        for optimizer in optimizers:
            optimizer.step()
        np.testing.assert_allclose(p.detach().numpy(), x, rtol=1e-11)
        np.testing.assert_allclose(upward.detach().numpy(), x.reshape(-1), rtol=1e-11)
    fresh = kind([p], **settings)
    fresh.load_state_dict(optimizers[0].state_dict())
    assert repr(fresh.state) == repr(optimizers[0].state)
    assert (
        set(optimizers[0].state_dict()["state"][0])
        == {"Lion": {"exp_avg"}, "LAMB": {"step", "exp_avg", "exp_avg_sq"}}[name]
    )


def test_lamb_makes_adams_step_where_lengths_are_zero() -> None:
    for x, dx in ((0.0, 2.0), (2.0, 0.0)):
        p = parameter(x)
        p.grad = tensor([dx], dtype="float64")
        optim.LAMB([p], lr=0.1, weight_decay=0).step()
        assert p.item() == pytest.approx(x - 0.1 * (dx > 0))


# ---- optimisers ------------------------------------------------------------------------------------------------


def parameter(*values: float) -> nn.Parameter:
    return nn.Parameter(Tensor(list(values), dtype="float64"))


@each_rule
def test_optimisers_go_down(name: str) -> None:
    p = parameter(2.0, -3.0)
    optimizer = RULES[name][2]([p])
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_parameters_without_a_gradient_stay() -> None:
    used, unused = parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([used, unused], lr=0.5, weight_decay=0.1)
    (used * 2.0).sum().backward()
    optimizer.step()
    assert used.tolist() == [1 - 0.5 * (2 + 0.1)] and unused.tolist() == [1]
    assert list(optimizer.state) == [used]


def test_groups_have_settings_of_their_own() -> None:
    a, b, c = parameter(1.0), parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.25}], lr=0.5)
    optimizer.add_param_group({"params": [c], "weight_decay": 1.0})
    (a + b + c).sum().backward()
    optimizer.step()
    assert [p.item() for p in (a, b, c)] == [0.5, 0.75, 0.0]
    optimizer.param_groups[1]["lr"] = 1.0
    optimizer.step()
    assert b.item() == -0.25
    assert repr(optimizer).startswith("SGD({'lr': 0.5, ") and "'lr': 1.0" in repr(optimizer)


@pytest.mark.parametrize("holder", [lambda layer: layer, lambda layer: optim.SGD(layer.parameters())])
def test_zero_grad_forgets_even_what_is_not_finite(holder: Any) -> None:
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.grad = tensor([[math.nan, math.inf]])
    holder(layer).zero_grad(set_to_none=False)
    assert layer.weight.grad.tolist() == [[0, 0]]
    for set_to_none in (True, False):
        holder(layer).zero_grad(set_to_none)
        assert layer.weight.grad is None


def test_the_velocity_is_not_the_gradients_memory() -> None:
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.5, momentum=0.5)
    for _ in range(2):
        p.sum().backward()
        optimizer.step()
        p.grad.zero_()  # in place
    assert p.item() == 1 - 0.5 * 1 - 0.5 * (0.5 * 1 + 1)


def test_a_closure_is_called_first_and_its_loss_returned() -> None:
    p = parameter(3.0)
    optimizer = optim.SGD([p], lr=0.5)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 9
    assert p.item() == 0
    assert optimizer.step() is None


def test_a_step_keeps_the_leaf_and_its_memory() -> None:
    p = parameter(1.0)
    node, memory = p.node, p._array
    p.sum().backward()
    optim.Adam([p]).step()
    assert p.node is node and p._array is memory and p.requires_grad


def test_weight_decay_is_coupled_or_decoupled() -> None:
    coupled, decoupled = parameter(2.0), parameter(2.0)
    for p, optimizer in ((coupled, optim.Adam), (decoupled, optim.AdamW)):
        p.grad = tensor([0.0], dtype="float64")
        optimizer([p], lr=0.1, weight_decay=0.5).step()
    assert coupled.item() == pytest.approx(2 - 0.1)  # a whole step, whatever the decay
    assert decoupled.item() == 2 * (1 - 0.1 * 0.5)


def test_rmsprop_of_a_constant_gradient_has_no_negative_variance() -> None:
    p = parameter(0.0)
    optimizer = optim.RMSprop([p], lr=0.01, alpha=0.5, centered=True)
    for _ in range(100):
        p.grad = tensor([0.7], dtype="float64")
        optimizer.step()
    assert math.isfinite(p.item())


def test_maximize_goes_up() -> None:
    p = parameter(2.0)
    p.sum().backward()
    optim.SGD([p], lr=0.5, maximize=True).step()
    assert p.item() == 2.5


def test_a_parameter_of_any_layout_is_updated_alike() -> None:
    start = np.random.default_rng(0).standard_normal((300, 200))
    ends = []
    for array in (start.copy(), np.asfortranarray(start)):
        p = nn.Parameter(Tensor(array))
        p._array = array.copy(order="K")
        optimizer = optim.Adam([p], lr=0.1)
        for _ in range(3):
            p.grad = p.detach() ** 2
            optimizer.step()
        ends.append(p.detach().numpy())
    assert not ends[1].flags.c_contiguous and np.array_equal(*ends)


@pytest.mark.parametrize("size", [3, 2 * optim.flat.BLOCK + 5])
@each_rule
@pytest.mark.slow
def test_a_saved_state_goes_on(name: str, size: int) -> None:
    start = np.random.default_rng(0).standard_normal(size)
    ours, fresh = (RULES[name][2]([p]) for p in (parameter(*start), parameter(*start)))

    def step(optimizer: optim.Optimizer) -> np.ndarray:
        (p,) = optimizer.param_groups[0]["params"]
        p.grad = p.detach() * 2
        optimizer.step()
        return p.detach().numpy()

    for _ in range(3):
        step(ours)
    ours.param_groups[0]["lr"] = 0.01
    saved = ours.state_dict()
    fresh.param_groups[0]["params"][0].data = ours.param_groups[0]["params"][0].detach().clone()
    fresh.load_state_dict(saved)
    ends = [step(ours) for _ in range(3)][-1]
    assert fresh.param_groups[0]["lr"] == 0.01
    assert [step(fresh) for _ in range(3)][-1].tobytes() == ends.tobytes()  # `saved` has seen no step since


def test_a_state_has_pytorchs_form() -> None:
    a, b = parameter(1.0), parameter(1.0, 2.0)
    optimizer = optim.Adam([{"params": [a]}, {"params": [b], "lr": 0.5}])
    b.sum().backward()
    optimizer.step()
    saved = optimizer.state_dict()
    assert [g["params"] for g in saved["param_groups"]] == [[0], [1]]
    assert [g["lr"] for g in saved["param_groups"]] == [0.001, 0.5]
    assert list(saved["state"]) == [1] and list(saved["state"][1]) == ["step", "exp_avg", "exp_avg_sq"]
    assert saved["state"][1]["step"] == 1 and saved["state"][1]["exp_avg"].tolist() == pytest.approx([0.1, 0.1])


def test_adamw_stays_decoupled_after_the_state_of_adam() -> None:
    optimizer = optim.AdamW([PARAMETER])
    optimizer.load_state_dict(optim.Adam([PARAMETER], weight_decay=0.5).state_dict())
    (group,) = optimizer.param_groups
    assert group["decoupled_weight_decay"] and group["weight_decay"] == 0.5


def test_hooks_are_called_around_a_step() -> None:
    p, calls = parameter(1.0), []
    optimizer = optim.SGD([p], lr=1.0)
    p.sum().backward()
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append(("before", p.item())))
    optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append(("after", p.item())))
    optimizer.step()
    before.remove()
    optimizer.step()
    assert calls == [("before", 1.0), ("after", 0.0), ("after", -1.0)]


def test_lbfgs_finds_the_minimum_of_rosenbrocks_valley() -> None:
    p = parameter(-1.2, 1.0)
    optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(4)]
    assert losses[0] == pytest.approx(24.2) and losses == sorted(losses, reverse=True)
    assert p.tolist() == pytest.approx([1, 1], abs=1e-4)  # tolerance_change is 1e-9


@pytest.mark.parametrize("at", range(1, 12))
def test_an_interrupted_step_of_lbfgs_changes_nothing(at: int) -> None:
    def make() -> tuple[Tensor, optim.LBFGS, Callable[[], Tensor]]:
        p = parameter(-1.2, 1.0)
        optimizer = optim.LBFGS([p], max_iter=6, history_size=2, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2
            loss.backward()
            return loss

        optimizer.step(closure)
        return p, optimizer, closure

    (p, ours, closure), (q, theirs, other) = make(), make()
    before, calls = p.tolist(), 0

    def interrupted() -> Tensor:
        nonlocal calls
        calls += 1
        if calls == at:
            raise KeyboardInterrupt
        return closure()

    try:
        ours.step(interrupted)
    except KeyboardInterrupt:
        assert p.tolist() == before
        ours.step(closure)
    else:
        assert calls < at
    theirs.step(other)
    assert p.tolist() == q.tolist()
    assert repr(ours.state_dict()) == repr(theirs.state_dict())


PARAMETER = parameter(1.0)
RESULT = PARAMETER * 2.0
GIVEN_TWICE = nn.Linear(2, 2)


def moved(kind: Any, *values: float) -> optim.Optimizer:
    """After a step."""
    p = parameter(*values)
    p.sum().backward()
    optimizer = kind([p])
    optimizer.step()
    return optimizer


def strange() -> dict[str, Any]:
    """The settings of SGD with the state of Adam."""
    return {**moved(optim.Adam, 1.0).state_dict(), "param_groups": optim.SGD([PARAMETER]).state_dict()["param_groups"]}


def load(kind: Any, saved: Any) -> None:
    kind([PARAMETER]).load_state_dict(saved if isinstance(saved, dict) else saved.state_dict())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optim.SGD([]), ValueError, "SGD got no parameters to train"),
        (lambda: optim.Adam(iter(())), ValueError, "Adam got no parameters"),
        (lambda: optim.SGD(PARAMETER), TypeError, "got one tensor: put it into a list"),
        (lambda: optim.SGD(nn.Linear(2, 2)), TypeError, r"SGD\(model.parameters\(\), …\)"),
        (lambda: optim.SGD([np.ones(2)]), TypeError, "parameter 0 is ndarray"),
        (lambda: optim.SGD([("a", PARAMETER), PARAMETER]), TypeError, "parameter 0 is tuple: .'a'"),
        (lambda: optim.SGD([PARAMETER, RESULT]), ValueError, r"parameter 1, of shape \(1,\), is a result of <mul"),
        (lambda: optim.SGD([PARAMETER, PARAMETER]), ValueError, r"parameter 1 of shape \(1,\) is given twice"),
        (lambda: optim.SGD([GIVEN_TWICE.bias] * 2), ValueError, r"parameter 1 \(bias\) of shape \(2,\) is given twice"),
        (lambda: optim.SGD([{"params": [PARAMETER]}, {"params": [PARAMETER]}]), ValueError, "given twice"),
        (lambda: optim.SGD([{"params": [PARAMETER], "rate": 1}]), TypeError, r"SGD has no setting \['rate'\]; it has"),
        (lambda: optim.SGD([{"lr": 1}]), TypeError, r'a group must be {"params": \[...\]} and settings'),
        (lambda: optim.SGD([{"params": [PARAMETER]}, RESULT]), TypeError, "a group must be"),
        (lambda: optim.SGD([PARAMETER], lr=-0.1), ValueError, r"SGD: lr must be in \[0, inf\), got -0.1"),
        (lambda: optim.SGD([PARAMETER], lr=math.nan), ValueError, "lr must be in .* got nan"),
        (lambda: optim.SGD([PARAMETER], lr="0.1"), TypeError, "SGD: lr must be a number, got '0.1'"),
        (lambda: optim.SGD([PARAMETER], weight_decay=-1), ValueError, "weight_decay must .* got -1"),
        (lambda: optim.SGD([{"params": [PARAMETER], "momentum": -1}]), ValueError, "momentum must .* got -1"),
        (
            lambda: optim.SGD([PARAMETER], nesterov=True),
            ValueError,
            "nesterov needs momentum > 0, usually 0.9, and dampening 0",
        ),
        (lambda: optim.Momentum([PARAMETER], mu=1.0), ValueError, r"Momentum: mu must be in \[0, 1\), got 1.0"),
        (lambda: optim.RMSprop([PARAMETER], alpha=1.5), ValueError, "RMSprop: alpha must be in .* got 1.5"),
        (lambda: optim.Adam([PARAMETER], betas=(0.9, 1.0)), ValueError, r"Adam: betas must be in .* got \(0.9, 1.0\)"),
        (lambda: optim.Adam([PARAMETER], betas=0.9), TypeError, "betas must be two numbers, got 0.9"),
        (lambda: optim.Adam([PARAMETER], eps=-1e-8), ValueError, "eps must .* got -1e-08"),
        (lambda: optim.SGD([PARAMETER], lr=-1), ValueError, r"lr must be in \[0, inf\), got -1; usual is 0.1 to 1e-4."),
        (lambda: optim.SGD([PARAMETER], rate=1), TypeError, r"SGD has no setting 'rate'; it has \['dampening', "),
        (lambda: optim.AdamW([PARAMETER], fused=True), NotImplementedError, "AdamW: fused=True is not supported"),
        (lambda: optim.Adagrad([PARAMETER], lr_decay=-1), ValueError, "Adagrad: lr_decay must .* got -1"),
        (lambda: optim.LBFGS([{"params": [PARAMETER]}] * 2), ValueError, "into one group"),
        (
            lambda: optim.LBFGS([PARAMETER], line_search_fn="armijo"),
            ValueError,
            "must be 'strong_wolfe' or None, got 'armijo'",
        ),
        (lambda: optim.LBFGS([PARAMETER]).step(), TypeError, "give step\\(\\) a closure"),
        (
            lambda: load(optim.SGD, optim.SGD([parameter(1.0), PARAMETER])),
            ValueError,
            "groups have",
        ),
        (lambda: optim.SGD({PARAMETER}), TypeError, "got a set, which has none: give a list"),
        (lambda: optim.SGD([{"params": {PARAMETER}}]), TypeError, "got a set, which has none: give a list"),
        (
            lambda: optim.Rprop([PARAMETER], step_sizes=(50, 1e-6)),
            ValueError,
            r"the least and the most, got 50 and 1e-06; usual is \(1e-6,",
        ),
        (lambda: optim.Rprop([PARAMETER], etas=(1.2, 0.5)), ValueError, "one number below 1 and one above"),
        (lambda: optim.NAdam([PARAMETER], momentum_decay=-1), ValueError, "NAdam: momentum_decay must .* got -1"),
        (lambda: optim.Adafactor([PARAMETER], d=0.5), ValueError, r"d must be in \[1, inf\), got 0.5; usual is 1"),
        (lambda: optim.Adafactor([PARAMETER], beta2_decay=0.8), ValueError, "beta2_decay must not be above 0, got 0.8"),
        (
            lambda: optim.Adafactor([PARAMETER], eps=(-1, 0)),
            ValueError,
            r"eps must be two numbers from 0 up, got \(-1, 0\)",
        ),
        (lambda: optim.Adafactor([PARAMETER], eps=1e-3), TypeError, "eps must be two numbers, got 0.001"),
        (lambda: optim.Muon([PARAMETER]), ValueError, r"Muon trains matrices, got a parameter of shape \(1,\)"),
        (lambda: optim.Muon(GIVEN_TWICE.weight), TypeError, "into a list"),
        (
            lambda: optim.Muon([GIVEN_TWICE.weight], ns_steps=100),
            ValueError,
            r"ns_steps must be in \[0, 100\), got 100",
        ),
        (
            lambda: optim.Muon([GIVEN_TWICE.weight], ns_coefficients=(1, 2)),
            TypeError,
            "ns_coefficients must be 3 numbers",
        ),
        (
            lambda: optim.Muon([GIVEN_TWICE.weight], adjust_lr_fn="no"),
            ValueError,
            "adjust_lr_fn must be one of .* got 'no'",
        ),
        (lambda: load(optim.SGD, optim.Adam([PARAMETER])), TypeError, r"SGD has no setting \['amsgrad', 'betas'"),
        (lambda: load(optim.Adam, moved(optim.Adam, 1.0, 2.0)), ValueError, r"'exp_avg' has shape \(2,\), its"),
        (lambda: load(optim.SGD, strange()), ValueError, r"SGD has a state of \['momentum_buffer'\], got 'step'"),
    ],
)
def test_errors(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


OPTIMIZERS = [kind for kind in vars(optim).values() if inspect.isclass(kind) and issubclass(kind, optim.Optimizer)]
OPTIMIZERS.remove(optim.Optimizer)
FREE = {(optim.Adafactor, "eps"), (optim.Muon, "ns_coefficients"), (optim.LBFGS, "max_eval")}
"""Settings whose defaults are no plain numbers from 0 up; they have tests of their own."""


def of_numbers(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_number_among_the_settings_is_checked_and_the_usual_one_said(kind: Any) -> None:
    matrix = minigrad.zeros(2, 2, requires_grad=True)
    kind([matrix])
    seen = 0
    for name, p in inspect.signature(kind).parameters.items():
        pair = isinstance(p.default, tuple)
        if (kind, name) in FREE or not (pair or of_numbers(p.default)):
            continue
        seen += 1
        for wrong, error in (
            (math.nan, ValueError),
            (1 if p.default < 0 else -1, ValueError) if not pair else (-1, ValueError),
            ("0.1", TypeError),
            (None, TypeError),
            (minigrad.ones(1), TypeError),
        ):
            value = (p.default[0], wrong) if pair else wrong
            with pytest.raises(error, match=f"{kind.__name__}: {name}.* usual is"):
                kind([matrix], **{name: value})
            with pytest.raises(error, match=f"{kind.__name__}: {name}.* usual is"):
                kind([{"params": [matrix], name: value}])
    assert seen


def test_a_groups_used_up_iterator_is_told_and_an_empty_list_is_not() -> None:
    parameters = nn.Linear(2, 2).parameters()
    with pytest.raises(ValueError, match="params of a group is a used-up iterator"):
        optim.SGD([{"params": parameters}, {"params": parameters, "lr": 0.1}])
    optim.SGD([{"params": [PARAMETER]}, {"params": []}]).step()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_nan_in_a_gradient_reaches_the_parameter_or_raises_where_anomalies_are_detected(kind: Any) -> None:
    layer = nn.Linear(2, 2)
    for p in layer.parameters():
        p.grad = minigrad.ones_like(p)
    assert layer.bias.grad is not None
    layer.bias.grad[1] = math.nan
    parameters = [layer.weight] if kind is optim.Muon else [layer.weight, layer.bias]
    if kind is optim.Muon:
        assert layer.weight.grad is not None
        layer.weight.grad[0, 1] = math.nan
    optimizer = kind(parameters, lr=0.1)
    before = [p.tolist() for p in parameters]

    def closure() -> Tensor:
        return tensor(1.0)

    name, number = ("weight", 0) if kind is optim.Muon else ("bias", 1)
    with (
        minigrad.detect_anomaly(),
        pytest.raises(
            FloatingPointError, match=rf"{kind.__name__}: the gradient of parameter {number} \({name}\) of sh"
        ),
    ):
        optimizer.step(closure)
    assert [p.tolist() for p in parameters] == before and not any(
        isinstance(s, np.ndarray) for state in optimizer.state.values() for s in state.values()
    )
    with minigrad.autograd.set_detect_anomaly(True, check_nan=False):
        optimizer.step(closure)
    after = np.array([p.tolist() for p in parameters][-1])
    if kind in (optim.LBFGS, optim.Rprop):  # no direction; a sign of its own
        return
    assert np.isnan(after).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda w: optim.SGD(w, True), "SGD: lr must be a number, got True"),
        (lambda w: optim.SGD(w, 0.1, True), "SGD: momentum must be a number, got True"),
        (lambda w: optim.SGD(w, 0.1, maximize=0.5), "SGD: maximize must be True or False, got 0.5"),
        (lambda w: optim.SGD(w, 0.1, 0.9, nesterov=1), "SGD: nesterov must be True or False, got 1"),
        (lambda w: optim.Adam(w, amsgrad=1e-4), "Adam: amsgrad must be True or False"),
        (lambda w: optim.RMSprop(w, centered=1), "RMSprop: centered must be True or False"),
        (lambda w: optim.Adam(w, 0.1, (True, 0.9)), "Adam: betas must be two numbers"),
        (lambda w: optim.LBFGS(w, 1, 2.5), "LBFGS: max_iter must be an integer, got 2.5"),
        (lambda w: optim.LBFGS(w, history_size=True), "LBFGS: history_size must be a number, got True"),
        (lambda w: optim.Adam([{"params": w, "maximize": 1}]), "Adam: maximize must be True or False"),
    ],
)
def test_a_bool_is_no_number_among_the_settings(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make([nn.Parameter(tensor([1.0]))])
