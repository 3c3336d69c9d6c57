"""Bad input to the checks: a clear error, never a wrong verdict, and nothing of the caller's is changed."""

from __future__ import annotations

import pickle
import re
import threading
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import numpy as np
import pytest

import minigrad
from minigrad import (
    Network,
    Value,
    check_backward,
    check_forward,
    check_rule,
    check_schedule,
    nn,
    optim,
    sanity,
    tensor,
    watch,
)
from minigrad.autograd import check_gradient, comparison, grad, gradcheck, gradcheck_report, gradgradcheck
from minigrad.optim import rules
from minigrad.teach import gradient_examination
from minigrad.teach.edits import as_operand
from minigrad.teach.mistakes import CATALOGUE, Variant, mistake
from minigrad.teach.schedules import check as schedule_check
from minigrad.viz.steps.answers import rounds_to
from minigrad.viz.training.activation_hooks import Stopwatch
from tests.cases import each

X = np.random.default_rng(0).standard_normal((3, 4))
T = TypeVar("T")


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
    assert check_rule(minigrad.optim.rules.rprop, "rprop", smallest=0.0)
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


@pytest.mark.slow
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
    assert not check_forward(lambda x: x[:, None], lambda x: x, X)
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


@each(
    ("f", "x", "options", "error", "said"),
    [
        (lambda x, y: x, X, {}, TypeError, r"f is called with x alone, but is <lambda>\(x, y\)"),
        (lambda: 1.0, X, {}, TypeError, "f is called with x alone"),
        (np.sum, X.view(np.matrix), {}, TypeError, "x is a matrix; pass a plain array"),
        (np.sum, np.ma.array(X, mask=X > 1), {}, TypeError, "x is a MaskedArray"),
        (np.sum, X.astype(object), {}, TypeError, r"dtype object; if it holds numbers, convert it: x.astype\(float\)"),
        (np.sum, [np.ones(3), np.ones((2, 2))], {}, TypeError, "several arrays are a dictionary"),
        (lambda x: None, X, {}, TypeError, "the value of f .* is the line with return missing"),
        (lambda x: x, X, {"upstream": X * np.nan}, ValueError, "upstream is nan or infinite"),
        (np.sum, X, {"eps": 0}, ValueError, "eps must be positive"),
        (np.sum, X, {"name": None}, TypeError, "name must be the name of a gradient"),
        (np.sum, {}, {}, ValueError, "x is an empty dictionary"),
        (lambda p: p["W"].sum(), {"W": X}, {"dx": {"W": X, "V": X}}, ValueError, "a gradient for 'V'"),
    ],
)
def test_bad_arguments_of_check_gradient(f: Any, x: Any, options: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        check_gradient(f, x, **{"dx": X, **options})


def test_a_loss_of_integers_could_not_be_told() -> None:
    report = check_gradient(lambda x: int((x**2).sum()), X, 2 * X)
    assert report.verdict == "could not be told" and "int64, which have no fraction" in str(report)
    assert check_gradient(lambda x: int((x**2).sum()), X, 0 * X)  # constant between its jumps


def test_values_and_the_random_state() -> None:
    assert check_gradient(lambda x: Value(3.0) * float(x), Value(2.0), Value(3.0))
    before = np.random.get_state()[1].copy()
    assert check_gradient(lambda x: (x**2).sum() + np.random.rand(), X, 2 * X).verdict == "could not be told"
    assert np.array_equal(np.random.get_state()[1], before)


def in_float32(seed: int) -> Iterator[tuple[str, Any, np.ndarray, np.ndarray]]:
    """Yield (what, f, x, dx) where a right gradient in float32 has few digits."""
    rng = np.random.default_rng(seed)
    y, rows = rng.integers(0, 4, 16), np.arange(16)
    z = rng.standard_normal((16, 4)).astype(np.float32)
    t, s = np.tanh(6 * z), 1 / (1 + np.exp(-6 * z))
    yield "tanh", lambda z: np.tanh(6 * z).sum(), z, 6 * (1 - t * t)
    yield "sigmoid", lambda z: (1 / (1 + np.exp(-6 * z))).sum(), z, 6 * s * (1 - s)
    z[rows, y] += 11
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    yield (
        "softmax",
        lambda z: (np.log(np.exp(z).sum(axis=1)) - z[rows, y]).mean(),
        z,
        (p - np.eye(4)[y].astype("f4")) / 16,
    )
    m = (rng.standard_normal(16) + 9).astype(np.float32)
    yield "logistic", lambda m: np.log1p(np.exp(-m)).mean(), m, (1 / (1 + np.exp(-m)) - 1) / np.float32(16)
    X, W = z[:, :3], rng.standard_normal((3, 2)).astype(np.float32)
    fitted = (X @ W + 1e-4 * rng.standard_normal((16, 2))).astype(np.float32)
    yield "least squares", lambda W: ((X @ W - fitted) ** 2).mean(), W, X.T @ ((X @ W - fitted) / 16)


@pytest.mark.slow
def test_right_gradients_in_float32_with_few_digits_are_right() -> None:
    for what, f, x, dx in in_float32(0):
        assert dx.dtype == np.float32
        report = check_gradient(f, x, dx)
        assert report, f"{what}\n{report}"
        if what == "softmax":
            assert check_gradient(f, x, np.float32(1.02) * dx).verdict == "could not be told"
            assert check_gradient(f, x, np.float32(1.2) * dx).verdict == "wrong"


def test_bad_arguments_of_watch_and_of_its_log() -> None:
    model = nn.Linear(4, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    options: list[tuple[dict[str, Any], str]] = [
        ({"steps": 0}, "steps must be at least 1"),
        ({"every": 1.5}, "every must be an integer"),
        ({"seconds": "a"}, "seconds must be a number"),
        ({"live": None}, "live must be True or False"),
        ({"report": 3}, "report must be the name of a file"),
    ]
    for option, said in options:
        with pytest.raises((TypeError, ValueError), match=said):
            watch(model, optimizer, **option)
    with watch(model, optimizer, live=False) as watcher:
        for loss in ("a", [1.0, 2.0], 1j):
            with pytest.raises(TypeError, match="log: loss must be a number or a tensor of one number"):
                watcher.log(loss)
        with pytest.raises(TypeError, match="log: validation must be a number"):
            watcher.log(1.0, validation="a")
    with pytest.raises(TypeError, match="steps must be an integer"):
        sanity(Network(model, nn.MSELoss()), (X, X[:, :3]), steps=1.5)  # type: ignore[arg-type]


def test_several_threads_may_train_a_watched_model() -> None:
    stopwatch, errors = Stopwatch(), []
    inside, outside = threading.Event(), threading.Event()

    def work() -> None:
        try:
            with stopwatch:
                inside.set()
                outside.wait(5)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    with stopwatch:
        thread.start()
        inside.wait(5)
    outside.set()
    thread.join()
    assert not errors and stopwatch.seconds >= 0


def test_a_large_gradient_is_compared_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient_examination, "LARGE", 0)
    x, calls = np.random.default_rng(0).standard_normal((72, 70)), 0

    def f(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return (x**3).sum()

    assert check_gradient(f, x, 3 * x**2) and calls < 2000
    one = 3 * x**2
    one[70, 7] += 0.1  # found among 5,040
    report = check_gradient(f, x, one)
    assert report.verdict == "wrong" and [e.index for e in report.findings[0].worst] == [(70, 7)]
    report = check_gradient(f, x, x**2)
    assert "at least" in str(report) and "a constant factor of 1/3" in str(report)


def test_no_element_of_a_large_gradient_passes_because_others_are_larger() -> None:
    rng = np.random.default_rng(0)
    W, x = rng.standard_normal((5, 80)), rng.standard_normal((80, 70))
    y = np.tanh(W @ x)
    dx = W.T @ (1 - y**2)
    assert "the recorded graph" in str(check_gradient(lambda x: np.tanh(W @ x).sum(), x, dx))
    smallest = np.unravel_index(np.argmin(np.abs(dx)), dx.shape)
    for factor in (1.01, 0.0, -1.0):
        wrong = dx.copy()
        wrong[smallest] *= factor
        report = check_gradient(lambda x: np.tanh(W @ x).sum(), x, wrong)
        assert [e.index for e in report.findings[0].worst] == [smallest], factor
    assert check_gradient(lambda x: np.tanh(W @ x).sum(), x.astype(np.float32), dx.astype(np.float32))


def test_what_groups_do_not_show_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "TOO_MANY", 500)
    x = np.random.default_rng(0).standard_normal((40, 20))
    f = lambda x: (np.array(x.tolist()) ** 2).sum()  # noqa: E731 (which cannot be recorded)
    assert "which do not show an error below 0.0001 of the norm" in str(check_gradient(f, x, 2 * x))


def test_the_factor_of_a_root_is_named() -> None:
    v, up = np.abs(X) + 0.5, X
    for f, dv in (
        (lambda v: np.sqrt(v + 1e-5), up / np.sqrt(v + 1e-5)),
        (lambda v: (v + 1e-5) ** -0.5, -up * (v + 1e-5) ** -1.5),
    ):
        cause = str(check_gradient(f, v, dv, up).findings[0].diagnosis)
        assert re.search(r"the factor (1/2|0\.5) is missing$", cause) and "square" not in cause, cause


def test_operands_are_in_parentheses_where_they_must_be() -> None:
    texts = ["v+1e-5", "x.T", "f(a + b)", "x[0]", "2.5", "-x", "x @ …"]
    assert [*map(as_operand, texts)] == ["(v+1e-5)", "x.T", "f(a + b)", "x[0]", "2.5", "(-x)", "(x @ …)"]


def test_a_bad_entry_of_the_catalogue_is_refused() -> None:
    for name, sentence, assumes, said in (
        (3, "s", 1.0, "name must be a text, got 3"),
        ("a", None, 1.0, "sentence must be a text, got None"),
        ("a", "s", "1", "assumes must be a number"),
    ):
        with pytest.raises(TypeError, match=said):
            mistake(name, "edge", sentence, assumes=assumes)  # type: ignore[arg-type]
    mistake("no variant", "edge", "s")(lambda site: [np.negative])
    try:
        with pytest.raises(TypeError, match="mistake 'no variant' must yield a Variant"):
            check_gradient(lambda x: np.tanh(x).sum(), X, np.exp(X))
    finally:
        del CATALOGUE["no variant"]


class Box(Generic[T]):
    """A class that cannot be copied by calling type()."""

    def __init_subclass__(cls, *, size: int) -> None:
        cls.size = size


def test_unrelated_names_of_the_program_do_not_hinder_the_diagnosis() -> None:
    box = Box[int]()

    def f(x: Any) -> Any:
        return np.tanh(x).sum() if box else x

    found = check_gradient(f, X, 1 - np.tanh(X)).findings[0].diagnosis
    assert found is not None and "`1 - np.tanh(x)` instead of" in found.cause


def test_a_function_that_computes_a_gradient_itself_is_checked() -> None:
    x = tensor([1.0, -2.0], dtype="float64", requires_grad=True)

    def penalty(x: Any) -> Any:
        return (grad((x**3).sum(), x, create_graph=True)[0] ** 2).sum()

    assert gradcheck(penalty, x) and x.grad is None
    for mode in (minigrad.no_grad, minigrad.inference_mode):
        with mode():
            assert gradcheck(penalty, x) and gradgradcheck(lambda x: x**3, x)


def test_a_function_whose_result_has_another_shape_each_time_is_unsteady() -> None:
    calls = 0

    def f(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return x[: 1 + calls % 2]

    report = gradcheck_report(f, tensor([1.0, -2.0], dtype="float64", requires_grad=True))
    assert report.verdict == "could not be told" and "a different result" in str(report)


def test_what_a_function_raises_beside_x_is_named() -> None:
    x = np.array([1.0, -2.0])

    def f(given: Any) -> Any:
        if not np.array_equal(given, x):
            raise KeyError("unknown point")
        return (given**2).sum()

    report = check_gradient(f, x, 2 * x)
    assert report.verdict == "could not be told" and "KeyError ('unknown point') beside x" in str(report)


def test_settings_and_inputs_of_gradcheck_are_checked() -> None:
    x = tensor([1.0, -2.0], dtype="float64", requires_grad=True)
    for error, said, call in (
        (ValueError, "eps must be positive", lambda: gradcheck(minigrad.sin, x, eps=0)),
        (ValueError, "rtol must not be negative", lambda: gradcheck(minigrad.sin, x, rtol=float("nan"))),
        (TypeError, "got dict", lambda: gradcheck(minigrad.sin, {"x": x})),
        (TypeError, "gradgradcheck: func must be a function", lambda: gradgradcheck(3, x)),  # type: ignore[arg-type]
        (ValueError, "the outputs", lambda: gradcheck_report(minigrad.sin, x, grad_outputs=np.ones((1, 3)))),
    ):
        with pytest.raises(error, match=said):
            call()  # type: ignore[no-untyped-call]


def test_a_result_that_is_a_truth_value_has_no_gradient() -> None:
    report = check_gradient(lambda x: bool(x.sum() > 0), np.array([1.0, -2.0]), np.array([1.0, 2.0]))
    assert report.verdict == "could not be told" and "of the type bool" in str(report)


def test_large_numbers_cause_no_warning_of_their_own(recwarn: pytest.WarningsRecorder) -> None:
    x = np.array([1e150, -2e150])
    assert check_gradient(lambda x: (x**2).sum(), x, 2 * x) and not recwarn.list


def test_gradients_by_hand_may_be_tensors_that_require_a_gradient() -> None:
    x, w = tensor(X), tensor(X[:2].T, requires_grad=True)
    h = (x @ w).tanh()
    loss = (h**2).sum()
    dh = 2 * h  # computed from what requires a gradient
    dw = x.T @ (dh * (1 - h**2))
    report = check_backward(loss, locals())
    assert report and [line.name for line in report.lines] == ["dh", "dw"]
    dw = x.T @ dh
    report = check_backward(loss, {"dh": dh, "dw": dw})
    assert report["dh"].verdict == "right" and report["dw"].verdict == "wrong"


def test_objects_among_the_variables_that_raise_for_every_attribute_are_passed_over() -> None:
    class Hostile:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    h = tensor(X, requires_grad=True)
    loss = (h**2).sum()
    dh, other = 2 * X, Hostile()
    assert check_backward(loss, {"h": h, "dh": dh, "other": other, "dother": other})
    with pytest.raises(TypeError, match="names, which are texts"):
        check_backward(loss, {1: h, "dh": dh})  # type: ignore[dict-item]


def test_reports_can_be_pickled() -> None:
    h = tensor(X, requires_grad=True)
    reports: list[Any] = [
        check_gradient(lambda x: np.tanh(x).sum(), X, np.tanh(X)),
        check_backward((h**2).sum(), {"h": h, "dh": X}),
        check_rule(sgd, "momentum"),
        check_schedule(lambda t: 0.1, "inverse", alpha_0=0.1, k=0.5),
        check_forward(lambda x: x.sum(0), lambda x: x.sum(1), X),
    ]
    for report in reports:
        again = pickle.loads(pickle.dumps(report))
        assert not again and str(again) == str(report)
        assert not hasattr(report, "explain") or again.explain() == report.explain()


def test_a_rule_may_take_its_state_and_rate_by_name() -> None:
    def named(x: Any, dx: Any, **options: Any) -> Any:
        v = options["state"]["v"] = 0.9 * options["state"].get("v", 0.0) - options["learning_rate"] * dx
        return x + v, options["state"]

    assert check_rule(named, "momentum") and not check_rule(named, "nesterov")
    with pytest.raises(TypeError, match="learning_rate must be a number"):
        check_rule(named, "momentum", learning_rate=np.ones(2))  # type: ignore[arg-type]


def test_yield_instead_of_return_is_named() -> None:
    def f(x: Any, *_: Any) -> Iterator[Any]:
        yield x.sum()

    assert "return instead of yield" in str(check_rule(f, "sgd"))
    with pytest.raises(TypeError, match="return instead of yield"):
        check_gradient(f, X, X)


def test_a_model_that_draws_numbers_is_not_said_to_mix_the_examples() -> None:
    class Noisy(nn.Module):
        def __init__(self, draw: Any) -> None:
            super().__init__()
            self.linear, self.draw = nn.Linear(4, 2), draw

        def forward(self, x: Any) -> Any:
            return self.linear(x) + tensor(self.draw((len(x), 2)).astype(np.float32))

    inputs, targets = np.random.default_rng(0).standard_normal((16, 4)).astype(np.float32), np.arange(16) % 2
    own = np.random.Generator(np.random.PCG64(0))
    for draw, ok in ((np.random.standard_normal, True), (lambda shape: own.standard_normal(shape), None)):
        report = sanity(Network(Noisy(draw), nn.CrossEntropyLoss()), (inputs, targets), steps=1)
        assert report["examples"].ok is ok, report["examples"]
    assert "another one in the next call" in report["examples"].text
    with minigrad.inference_mode():
        report = sanity(Network(nn.Linear(4, 2), nn.CrossEntropyLoss()), (inputs, targets), steps=1)
    assert report["trained"].ok


def test_sanity_gives_the_model_a_copy_of_the_inputs() -> None:
    seen: list[float] = []

    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            seen.append(float(x._array.max()))
            x._array[...] *= 0.5
            return self.linear(x)

    inputs = np.ones((16, 4), np.float32)
    sanity(Network(InPlace(), nn.CrossEntropyLoss()), (inputs, np.arange(16) % 2), steps=1)
    assert inputs.min() == 1 and min(seen) == 1


def test_log_names_its_arguments() -> None:
    model = nn.Linear(4, 2)
    with watch(model, optim.SGD(model.parameters(), lr=0.1), live=False) as watcher:
        for name in ("loss", "learning_rate", "validation"):
            with pytest.raises(TypeError, match=f"log: {name} must be a number"):
                watcher.log(**{name: "a"})


def test_rates_may_be_a_tensor() -> None:
    rates = tensor([0.1 / (1 + 0.5 * t) for t in range(200)], dtype="float64")
    assert check_schedule(rates, "inverse", alpha_0=0.1, k=0.5)


def test_an_answer_beyond_the_range_of_floats_is_a_wrong_one() -> None:
    for text in ("1e999", "-1e309", "1e-5000", "0.1e-99999"):
        assert not rounds_to(text, 0.148)


def test_a_chaotic_function_takes_no_longer_the_more_elements_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "LOST", 3)
    calls, x = 0, np.linspace(0.1, 0.9, 20)

    def f(x: Any) -> Any:
        nonlocal calls
        calls += 1
        for _ in range(80):
            x = 3.99 * x * (1 - x)
        return x.sum()

    report = check_gradient(f, x, np.ones(20))
    assert report.verdict == "could not be told" and "20 of 20" in str(report)
    assert calls < 800


def test_arrays_under_other_keys_are_not_written_to() -> None:
    def f(p: Any) -> Any:
        p["b"] += 1
        return (p["a"] * p["b"]).sum()

    p = {"a": X.copy(), "b": X.copy()}
    report = check_gradient(f, p, {"a": X + 1, "b": X})
    assert report.findings[0].ok and "writes into its argument" in str(report.findings[1])
    assert np.array_equal(p["b"], X)


@each("bad", [np.inf, -np.inf, np.nan])
def test_a_gradient_with_one_number_that_is_not_finite_is_wrong(bad: float) -> None:
    for size in (12, 6000):  # of a large one, the recorded graph shows which elements are suspect
        x = np.random.default_rng(0).standard_normal(size)
        dx = np.where(np.arange(size) == 5, bad, 2 * x)
        assert check_gradient(lambda x: (x**2).sum(), x, dx).verdict == "wrong"
        assert check_gradient(lambda x: (x**2).sum(), x, dx.astype(np.float32)).verdict == "wrong"
    w = tensor(X, dtype="float64", requires_grad=True)
    h = w.tanh()
    loss = (h**2).sum()
    dh = 2 * np.tanh(X)
    dw = dh * (1 - np.tanh(X) ** 2)
    place = np.arange(12).reshape(3, 4) == 6
    assert check_backward(loss, dh=dh, dw=np.where(place, bad, dw)).first_wrong.name == "dw"
    assert check_backward(loss, dh=np.where(place, bad, dh), dw=dw).first_wrong.name == "dh"
    assert not check_forward(lambda x: np.where(place, bad, np.tanh(x)), np.tanh, X)


def test_what_has_no_finite_number_shows_nothing() -> None:
    with pytest.raises(ValueError, match="nothing but nan and inf"):
        check_forward(np.tanh, np.sin, X * np.nan)
    with pytest.raises(ValueError, match="cannot be computed"):
        check_schedule(lambda t: 0.1, lambda t: np.nan)
    assert check_forward(np.tanh, np.tanh, np.zeros((0, 3)))


def test_a_forward_pass_that_returns_bools() -> None:
    assert check_forward(lambda x: x > 0, lambda x: x > 0, X)
    assert not check_forward(lambda x: x < 0, lambda x: x > 0, X)


def test_each_rate_that_is_known_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_check, "LIMIT", 0.02)

    def cosine(t: int) -> float:
        return 0.05 * (1 + float(np.cos(np.pi * t / 1000)))

    right = {"alpha_0": 0.1, "T": 1000}
    assert check_schedule(cosine, "cosine", **right)
    assert not check_schedule(lambda t: cosine(t) + 0.01 * (t == 437), "cosine", **right)
    rates = [0.1 * 0.5 ** (t // 10) for t in range(50)]
    assert check_schedule(rates, "step", alpha_0=0.1, every=10)
    assert not check_schedule([*rates[:44], 0.1, *rates[45:]], "step", alpha_0=0.1, every=10)
    assert check_schedule([0.1 * max(0.0, 1 - t / 20) for t in range(50)], "linear", alpha_0=0.1, T=20)


def test_a_schedule_of_very_many_steps_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_check, "LIMIT", 0.02)
    report = check_schedule(lambda t: 0.1 * 0.5 ** (t // 10), "cosine", alpha_0=0.1, T=10**9)
    assert not report and check_schedule(lambda t: 0.1 / (1 + t / 1e7), "inverse", alpha_0=0.1, k=1e-7)


def test_a_field_that_no_site_has_stays_in_the_sentence() -> None:
    @mistake("no such field", "edge", "a half of {what}: {operand}", assumes=0.1)
    def no_such_field(site: Any) -> Iterator[Any]:
        yield Variant(lambda g: site.contribution(g) / 2.5)

    try:
        report = check_gradient(lambda x: (np.tanh(x) ** 2).sum(), X, 0.8 * np.tanh(X) * (1 - np.tanh(X) ** 2))
        assert "a half of {what}: " in str(report)
    finally:
        del CATALOGUE["no such field"]


def test_a_dictionary_called_g_has_gradients() -> None:
    parameters = {"W": tensor(X.T, dtype="float64", requires_grad=True)}
    h = tensor(X, dtype="float64") @ parameters["W"]
    loss = (h**2).sum()
    g = {"W": X.T @ (2 * h.detach().numpy())}
    assert [
        line.name for line in check_backward(loss, {"parameters": parameters, "h": h, "loss": loss, "g": g}).lines
    ] == ["dW"]
    g["W"] *= 3
    assert not check_backward(loss, {"parameters": parameters, "h": h, "loss": loss, "g": g})


def test_the_random_generators_are_as_before() -> None:
    before = minigrad.get_rng_state().numpy().tobytes(), np.random.get_state()[1].copy()
    dropout = nn.Dropout(0.5)
    check_forward(dropout, dropout, tensor(X))
    assert not gradcheck(dropout, tensor(X, dtype="float64", requires_grad=True), raise_exception=False)
    assert minigrad.get_rng_state().numpy().tobytes() == before[0]
    assert np.array_equal(np.random.get_state()[1], before[1])
