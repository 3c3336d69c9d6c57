"""Bad input to the checks: a clear error, never a wrong verdict, and nothing of the caller's is changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minigrad import check_backward, check_forward, check_rule, check_schedule, tensor
from minigrad.optim import rules
from tests.cases import each

X = np.random.default_rng(0).standard_normal((3, 4))


def sgd(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
    return x - learning_rate * dx, state


MU = 0.9


def damped(x: Any, dx: Any, state: Any, learning_rate: float, mu: float = MU) -> Any:
    v = state.get("v", 0.0)
    v *= mu
    v += learning_rate * dx
    x -= v
    return x, {"v": v}


@each(
    ("rule", "settings", "error", "said"),
    [
        (None, {}, TypeError, "rule must be the name of a rule or a function, got NoneType"),
        (lambda w, dw: w - dw, {}, TypeError, "must have the arguments x, dx, state, learning_rate"),
        (rules.adam, {"beta1": "a"}, TypeError, "beta1 must be a number, got 'a'"),
        ("adam", {"beta1": np.nan}, ValueError, "beta1 must be finite, got nan"),
        ("adam", {"beta1": 1.0}, ValueError, "adam cannot be computed with beta1=1.0, .* nan or infinite"),
        ("adam", {"betas": (0.9, None)}, TypeError, "betas must be a number, got None"),
        ("sgd", {"learning_rate": "a"}, TypeError, "learning_rate must be a number"),
        ("sgd", {"learning_rate": np.inf}, ValueError, "learning_rate must be finite"),
    ],
)
def test_a_rule_that_cannot_be_compared_with_is_refused(rule: Any, settings: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        check_rule(sgd, rule, **settings)


def test_a_rule_of_ones_own_may_use_names_of_its_module_and_write_in_place() -> None:
    def step(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        v = 0.9 * state.get("v", 0.0) + learning_rate * dx
        return x - v, {"v": v}

    assert check_rule(step, damped)
    assert check_rule(sgd, sgd)
    assert not check_rule(sgd, damped)


def test_rules_that_differ_from_run_to_run_or_are_nan() -> None:
    before = np.random.get_state()[1].copy()
    report = check_rule(lambda x, dx, state, learning_rate: (x - np.random.rand(*x.shape), state), "sgd")
    assert "random numbers" in report.cause
    assert np.array_equal(np.random.get_state()[1], before)
    assert check_rule(lambda x, dx, state, learning_rate: x * np.nan, "sgd").cause.startswith("x is nan or infinite")

    def cyclic(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        state["state"] = state
        return [x - learning_rate * dx, state]

    assert check_rule(cyclic, "sgd")


def test_an_object_that_is_checked_keeps_its_state() -> None:
    class Momentum:
        def __init__(self) -> None:
            self.lr, self.v = 0.1, 0.0

        def update(self, x: Any, dx: Any) -> Any:
            self.v = 0.9 * self.v - self.lr * dx
            return x + self.v

    mine = Momentum()
    assert check_rule(mine, "momentum") and check_rule(mine.update, "momentum")
    assert mine.v == 0.0 and mine.lr == 0.1


@each(
    ("settings", "error", "said"),
    [
        ({"every": 0}, ValueError, "every must be positive, got 0"),
        ({"every": -1}, ValueError, "every must be positive, got -1"),
        ({"every": "a"}, TypeError, "every must be a number, got 'a'"),
        ({"every": np.inf}, ValueError, "every must be finite, got inf"),
        ({"every": 10, "alpha_0": None}, TypeError, "alpha_0 must be a number, got None"),
        ({"every": 10, "factor": np.nan}, ValueError, "factor must be finite, got nan"),
    ],
)
def test_settings_of_a_schedule_are_checked(settings: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        check_schedule(lambda t: 0.1, "step", **{"alpha_0": 0.1, **settings})


def test_what_a_schedule_may_return() -> None:
    right = {"alpha_0": 0.1, "every": 10}
    assert check_schedule(lambda t: np.array([0.1 * 0.5 ** (t // 10)]), "step", **right)
    assert check_schedule(lambda t: tensor(0.1 * 0.5 ** (t // 10), dtype="float64"), "step", **right)
    assert check_schedule(lambda t: 0.1 * 0.5 ** (t // 1.5), "step", alpha_0=0.1, every=1.5)
    for wrong, said in (
        (lambda t: None, "at t = 0 the schedule returns None, not a number"),
        (lambda t: np.ones(2), "returns ndarray of shape (2,)"),
        (lambda t: 1 / 0, "nan or infinite at every t"),
        (lambda t: 0.1 * np.random.rand(), "random numbers"),
    ):
        report = check_schedule(wrong, "step", **right)  # type: ignore[arg-type]
        assert not report and said in report.cause, report


def test_what_a_forward_pass_returns_besides_floats() -> None:
    assert check_forward(lambda x: np.tanh(x.astype(np.float16)), np.tanh, X)
    assert not check_forward(lambda x: 1.05 * np.tanh(x.astype(np.float16)), np.tanh, X)
    for wrong, said in (
        (lambda x: None, "nothing (is the line with return missing?)"),
        (lambda x: np.tanh(x) + 0j, "complex128 instead of real numbers"),
        (lambda x: np.tanh(x).astype(int), "int64, which have no fraction"),
    ):
        assert said in check_forward(wrong, np.tanh, X).cause
    with pytest.raises(TypeError, match="reference must return real numbers, got nothing"):
        check_forward(np.tanh, lambda x: None, X)


def test_a_wrong_gradient_in_float16_is_wrong() -> None:
    w = tensor(X.T, dtype="float64", requires_grad=True)
    loss = ((tensor(X, dtype="float64") @ w) ** 2).sum()
    dw = 2 * X.T @ (X @ X.T)
    assert check_backward(loss, dw=dw.astype(np.float16))
    assert not check_backward(loss, dw=np.ones((4, 3), np.float16))
    assert not check_backward(loss, dw=(1.1 * dw).astype(np.float16))
    with pytest.raises(TypeError, match="the gradients have names"):
        check_backward(loss, {0: dw})  # type: ignore[dict-item]
