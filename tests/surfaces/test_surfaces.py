"""Loss surfaces and races: gradients of the engine, minima, and rules compared with loops by hand."""

from __future__ import annotations

import functools
import itertools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import surfaces
from minigrad.demo import train_digits
from minigrad.optim import rules
from minigrad.surfaces import RULES, SURFACES, Surface, race, surface
from minigrad.surfaces.digits import EXAMPLES


def differences(s: Surface, x: Any, h: float = 1e-5) -> np.ndarray:
    """Estimate the gradient from the losses at four points around x."""
    e = np.eye(2) * h
    return np.array([(s(*(x + d)) - s(*(x - d))) / (2 * h) for d in e])


# ---- surfaces --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SURFACES)
def test_gradients_are_those_of_the_surface_that_is_shown(name: str) -> None:
    s = surface(name)
    left, right, low, high = s.view
    for x in np.random.default_rng(0).uniform((left, low), (right, high), (10, 2)):
        loss, dx = s.gradient(x)
        assert loss == pytest.approx(s(*x), rel=1e-12)
        assert dx == pytest.approx(differences(s, x), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(("name", "minimum"), [(n, m) for n in SURFACES if n != "digits" for m in surface(n).minima])
def test_known_minima_are_minima(name: str, minimum: tuple[float, float]) -> None:
    s = surface(name)
    loss, dx = s.gradient(minimum)
    assert loss == pytest.approx(0, abs=1e-9) and dx == pytest.approx([0, 0], abs=1e-4)
    around = [s(*(minimum + 0.1 * np.array([np.cos(a), np.sin(a)]))) for a in np.linspace(0, 6, 13)]
    assert min(around) > loss


@pytest.mark.parametrize("name", SURFACES)
def test_start_and_minima_are_in_view(name: str) -> None:
    s = surface(name)
    left, right, low, high = s.view
    for x, y in (s.start, *s.minima):
        assert left < x < right and low < y < high
    assert s.source and s.formula


def test_the_saddle_has_a_saddle() -> None:
    s = surface("saddle")
    assert s.gradient((0.0, 0.0))[1].tolist() == [0, 0]
    assert s(0.1, 0.0) > s(0.0, 0.0) > s(0.0, 0.1)


def test_functions_of_numpy_are_differentiated_as_well() -> None:
    s = Surface("waves", lambda x, y: np.sin(x) * np.exp(-(y**2)) + minigrad.cos(y))
    assert s.gradient((0.3, 0.4))[1] == pytest.approx(differences(s, np.array([0.3, 0.4])), rel=1e-6)
    assert s.grid(5)[2].shape == (5, 5)


def test_a_function_may_choose_by_the_numbers() -> None:
    s = Surface("bent", lambda x, y: x**2 + y**2 if x > 0 else 3 * y**2 - x)
    assert s.gradient((1.0, 1.0))[1].tolist() == [2, 2] and s.gradient((-1.0, 1.0))[1].tolist() == [-1, 6]
    x, y, z = s.grid(5)
    assert z[0, 0] == s(x[0], y[0]) == 14 and z[4, 4] == 8


def test_a_grid_has_a_row_for_each_y() -> None:
    x, y, z = surface("beale").grid(7)
    for i, j in itertools.product(range(7), range(7)):
        assert z[i, j] == surface("beale")(x[j], y[i])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x, y: float(x) + float(y), "'mine'.*return one of them.*returned float"),
        (lambda x: x, "'mine'.*positional argument"),
        (lambda x, y: x + "y", "'mine'.*cannot be differentiated at the start"),
        (lambda x, y: math.sin(x) + y**2, r"'mine'.*x or y to plain numbers.*Use np.sin\(x\)"),
        (lambda x, y: x**2 + y**2 - 10 * math.cos(6 * x) - 10 * math.cos(6 * y), "'mine'.*plain numbers"),
        (lambda x, y: np.exp(x) * y.item() if hasattr(y, "item") else y, "'mine'.*plain numbers"),
    ],
)
def test_a_function_without_a_gradient_raises(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Surface("mine", function)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: np.maximum(x, 0) + abs(y),
        lambda x, y: np.sin(1000 * x) + y,
        lambda x, y: 1e12 + x + y,
        lambda x, y: x.float() ** 2 + y.float() ** 2,
        lambda x, y: x**2 + y**2 + np.random.default_rng().normal(),
        lambda x, y: np.log(-1 - x) + 1 / y,
        lambda x, y: x**2,
    ],
)
def test_a_function_that_is_hard_to_differentiate_is_taken(function: Callable[..., Any]) -> None:
    Surface("mine", function)


def test_an_empty_view_raises() -> None:
    with pytest.raises(ValueError, match="'mine': view must be the smallest and the largest x"):
        Surface("mine", lambda x, y: x + y, view=(1, 0, 0, 1))


def test_the_plane_of_the_digits_is_where_it_is_said_to_be() -> None:
    s = surface("digits")
    assert surface("digits") is s
    path: list[np.ndarray] = []
    network = train_digits.train(400, watch=lambda step, loss, network, _: path.append(network.x.copy())).network
    away = (np.array(path, float) - path[-1])[[*range(0, 400, 4), -1]]
    plane = np.linalg.svd(away, full_matrices=False)[2][:2]
    plane *= -np.sign(plane @ away[0])[:, None]
    assert s.start == pytest.approx(plane @ away[0], abs=1e-3)
    train = minigrad.data.digits().train
    for x, y in ((0.0, 0.0), s.start, (-3.0, 1.5), (2.0, -3.0)):
        network.x = path[-1] + x * plane[0] + y * plane[1]
        assert s(x, y) == pytest.approx(network.forward((train.X[:EXAMPLES], train.y[:EXAMPLES])), rel=1e-3)


# ---- races -----------------------------------------------------------------------------------------------------


def by_hand(rule: Any, s: Surface, rate: float, steps: int) -> list[np.ndarray]:
    x, state, positions = np.array(s.start), {}, [np.array(s.start)]
    for _ in range(steps):
        x, state = rule(x, s.gradient(x)[1], state, rate)
        positions.append(x)
    return positions


@pytest.mark.parametrize("name", RULES)
def test_a_race_is_the_rule_run_by_hand_bit_for_bit(name: str) -> None:
    for ground in ("himmelblau", "valley"):
        run = race(ground, ["sgd", name] if name != "sgd" else ["sgd"], steps=60)[name]
        positions = by_hand(RULES[name], surface(ground), run.learning_rate, len(run.positions) - 1)
        assert run.positions.tobytes() == np.array(positions).tobytes()
        assert run.losses.tolist() == [surface(ground).gradient(x)[0] for x in positions]
        assert run.gradients.tolist() == [surface(ground).gradient(x)[1].tolist() for x in positions]
        assert run.diverged is None or name in ("radam", "rmsprop_momentum")


def test_the_lectures_lines_give_the_same_bits() -> None:
    x, v = np.array(surface("beale").start), np.zeros(2)
    run = race("beale", ["momentum"], learning_rate=0.01, steps=50)["momentum"]
    for t in range(50):
        dx = surface("beale").gradient(x)[1]
        # fmt: off
        v = 0.9 * v - 0.01 * dx
        x += v
        # fmt: on
        assert run.positions[t + 1].tolist() == x.tolist()
        assert run.states["v"][t].tolist() == v.tolist()


def test_adams_states_have_the_corrected_moments_that_make_its_steps() -> None:
    slow = functools.partial(rules.adam, beta1=0.5, epsilon=1e-3)
    result = race("rosenbrock", {"adam": rules.adam, "slow": slow}, learning_rate=0.1, steps=20)
    for name, epsilon in (("adam", 1e-7), ("slow", 1e-3)):
        run = result[name]
        assert set(run.states) == {"t", "m", "v", "mb", "vb"}
        assert run.states["t"].tolist() == list(range(1, 21)) and run.states["mb"].shape == (20, 2)
        steps = -0.1 * run.states["mb"] / (np.sqrt(run.states["vb"]) + epsilon)
        assert np.diff(run.positions, axis=0) == pytest.approx(steps, rel=1e-9, abs=1e-12)
    assert result["slow"].states["mb"][0].tolist() == pytest.approx(result["slow"].gradients[0].tolist())


@pytest.mark.parametrize("rate", [0.03, 1e3, 1e300])
def test_divergence_is_told_and_stops_that_rule_alone(rate: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = race("valley", ["sgd", "adam"], learning_rate={"sgd": rate}, steps=100)
    run = result["sgd"]
    assert run.diverged is not None and run.diverged < 20
    assert len(run.positions) in (run.diverged, run.diverged + 1)
    for array in (run.positions, run.losses, run.gradients, *run.states.values()):
        assert np.isfinite(array).all()
    assert len(run.positions) == len(run.losses) == len(run.gradients)
    assert result["adam"].diverged is None and len(result["adam"].positions) == 101
    assert f"diverged in step {run.diverged}" in str(result)


def test_to_leave_a_saddle_is_not_to_diverge() -> None:
    run = race("saddle", ["momentum"])["momentum"]
    assert run.diverged is None and run.losses[-1] < -1e6


def test_noise_is_seeded_and_the_same_for_all_rules() -> None:
    first, again, other = (race("noisy", ["sgd", "adam"], steps=30, seed=seed) for seed in (1, 1, 2))
    assert first["sgd"].positions.tolist() == again["sgd"].positions.tolist() != other["sgd"].positions.tolist()
    noise = {n: run.gradients - [surface("noisy").gradient(x)[1] for x in run.positions] for n, run in first.items()}
    assert noise["sgd"] == pytest.approx(noise["adam"], abs=1e-9)
    assert np.std(noise["sgd"]) == pytest.approx(2, rel=0.3)


def test_a_rule_of_your_own_may_write_in_place() -> None:
    def mine(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        state["v"] = state.get("v", np.zeros(2))
        state["v"] *= 0.9
        state["v"] -= learning_rate * dx
        x += state["v"]
        return x, state

    result = race(lambda x, y: x**2 + y**2, ["momentum", mine], steps=30)
    assert result["mine"].positions == pytest.approx(result["momentum"].positions)
    assert result["mine"].states["v"] == pytest.approx(result["momentum"].states["v"])


def test_every_step_is_reported() -> None:
    seen: list[tuple[int, int]] = []
    race(
        "valley",
        ["sgd", "adam"],
        steps=3,
        learning_rate={"sgd": 1e9},
        watch=lambda done, of, name: seen.append((done, of)),
    )
    assert seen[-1] == (6, 6) and [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: race("sadle"), "there is no surface 'sadle', did you mean 'saddle'.*valley, saddle, beale"),
        (lambda: race("mars"), "there is no surface 'mars'. There are: valley"),
        (lambda: race("saddle", ["sgd", "adm"]), "there is no rule 'adm', did you mean 'adam'.*There are: sgd, "),
        (lambda: race("saddle", []), "rules is empty; the names are: sgd"),
        (lambda: race("saddle", "sgd"), r"a list of names such as \['sgd', 'adam'\]"),
        (lambda: race("saddle", ["sgd", "sgd"]), "two rules are called 'sgd'"),
        (lambda: race("saddle", [functools.partial(rules.sgd)]), "a rule has no name; pass a dictionary"),
        (lambda: race("saddle", start=(1, 2, 3)), "two finite numbers, x and y"),
        (lambda: race("saddle", start=(np.nan, 0)), "two finite numbers, x and y"),
        (lambda: race("saddle", steps=0), "steps must be a positive integer, got 0"),
        (lambda: race("saddle", steps=1.5), "steps must be a positive integer, got 1.5"),
        (lambda: race("saddle", learning_rate=-1), "learning_rate of 'sgd' must be a positive number, got -1"),
        (lambda: race("saddle", ["sgd"], learning_rate={"adam": 1}), "no rule in this race called 'adam'.*sgd"),
    ],
)
def test_a_wrong_call_is_explained(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_other_types_than_surfaces_and_rules_raise() -> None:
    with pytest.raises(TypeError, match="a name, a Surface or a function of x and y, got int"):
        race(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'still' must return the new x, of shape"):
        race("saddle", {"still": lambda x, dx, state, learning_rate: x[0]})
    with pytest.raises(TypeError, match="'a' must be a function"):
        race("saddle", {"a": 3})  # type: ignore[dict-item]


@pytest.mark.slow
def test_every_rule_has_a_rate_with_which_it_goes_down() -> None:
    for ground in ("valley", "himmelblau", "rosenbrock", "beale"):
        for name, run in race(ground, list(RULES)).items():
            assert run.losses.min() < run.losses[0], (ground, name)
    assert surfaces.default_rate(functools.partial(rules.adam, beta1=0.5), surface("saddle")) == 0.04


def test_races_can_be_compared() -> None:
    one, other = race("saddle", ["sgd"], steps=2), race("saddle", ["sgd"], steps=2)
    assert one == one and one != other and one["sgd"] in one.values() and other["sgd"] not in one.values()
