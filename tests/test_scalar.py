"""Value: expressions with known answers, IEEE 754's corners, agreement with the tensor engine, life without NumPy."""

from __future__ import annotations

import functools
import math
import operator
import re
import struct
import subprocess
import sys
import types
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad import Tensor, Value, no_grad, scalar, tensor
from minigrad.scalar_fast import METHODS


def value_and_slopes(function: Callable[..., Any], *at: float, leaf: Any = Value) -> tuple[float, list[float]]:
    """function(at), and its derivative by each argument, found by backward()."""
    leaves = [leaf(x) for x in at]
    y = function(*leaves)
    y.backward()
    return y.item(), [float(x.grad) if x.grad is not None else 0.0 for x in leaves]


def float64(x: float) -> Tensor:
    return Tensor(x, dtype=np.float64, requires_grad=True)


# ---- expressions -----------------------------------------------------------------------------------------------


def paths(a: Any, b: Any) -> Any:
    """Every operation, and most values used several times."""
    c = 2 * (2 * (a + b) + 1) + 1 - a
    d = 4 * (3 * (a * b + b**3) + (b + a).relu()) + (b - a).relu()
    f = (c - d) ** 2
    return f / 2.0 + 10.0 / f


def gate(x: Any) -> Any:
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    return (z * z).relu() + q + q * x


def neuron(x1: Any, x2: Any, w1: Any, w2: Any, bias: Any) -> Any:
    return (x1 * w1 + x2 * w2 + bias).tanh()


@pytest.mark.parametrize(
    ("function", "at", "value", "slopes"),
    [
        (paths, (-4.0, 2.0), 24.70408163265306, [138.8338192419825, 645.5772594752186]),
        (gate, (-4.0,), -20.0, [46.0]),
        (neuron, (2.0, 0.0, -3.0, 1.0, 6.0 + math.atanh(0.5)), 0.5, [-2.25, 0.75, 1.5, 0.0, 0.75]),
    ],
)
def test_expressions_with_known_answers(
    function: Callable[..., Any], at: tuple[float, ...], value: float, slopes: list[float]
) -> None:
    found, gradients = value_and_slopes(function, *at)
    assert found == pytest.approx(value, rel=1e-14)
    assert gradients == pytest.approx(slopes, rel=1e-14)


OPERATORS: list[Callable[..., Any]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
    lambda a, b: a**b,
    lambda a, b: (a + 2) * (2 + b),
    lambda a, b: (a - 2) * (2 - b),
    lambda a, b: (a * 2) * (2 * b),
    lambda a, b: (a / 2) * (2 / b),
    lambda a, b: (a**2) * (2**b),
    lambda a, b: (a**-1.5) * (-b),
    lambda a, b: abs(a - b) + abs(b),
    lambda a, b: (a + True) * Fraction(1, 4) / (Fraction(1, 2) - b),
]


@pytest.mark.parametrize("function", OPERATORS)
@pytest.mark.parametrize("at", [(1.5, 2.5), (3.0, 0.25)])
def test_operators_compute_as_pythons_floats_do(function: Callable[..., Any], at: tuple[float, float]) -> None:
    value, slopes = value_and_slopes(function, *at)
    assert value == function(*at) and type(value) is float
    assert slopes == pytest.approx(differences(function, *at), rel=1e-8)


def differences(function: Callable[..., Any], *at: float, step: float = 1e-5) -> list[float]:
    """Central differences of a function of floats."""

    def moved(i: int, by: float) -> float:
        return float(function(*[x + by * (i == k) for k, x in enumerate(at)]))

    return [(moved(i, step) - moved(i, -step)) / (2 * step) for i in range(len(at))]


FUNCTIONS: dict[str, tuple[Callable[[float], float], tuple[float, ...]]] = {
    "exp": (math.exp, (-2.0, 0.0, 1.5)),
    "log": (math.log, (0.1, 1.0, 7.0)),
    "sqrt": (math.sqrt, (0.25, 2.0)),
    "sin": (math.sin, (-1.0, 0.0, 2.0)),
    "cos": (math.cos, (-1.0, 0.0, 2.0)),
    "tan": (math.tan, (-1.0, 0.0, 2.0)),
    "atan": (math.atan, (-1.0, 0.0, 20.0)),
    "expm1": (math.expm1, (-2.0, 0.0, 1.5)),
    "log1p": (math.log1p, (-0.5, 0.0, 7.0)),
    "square": (lambda x: x * x, (-2.0, 0.0, 1.5)),
    "tanh": (math.tanh, (-3.0, 0.0, 0.5)),
    "relu": (lambda x: x * (x > 0), (-1.5, 2.0)),
    "sigmoid": (lambda x: 1 / (1 + math.exp(-x)), (-4.0, 0.0, 0.5)),
}


@pytest.mark.parametrize(("name", "at"), [(name, x) for name, (_, places) in FUNCTIONS.items() for x in places])
def test_functions(name: str, at: float) -> None:
    function = FUNCTIONS[name][0]
    value, slopes = value_and_slopes(operator.methodcaller(name), at)
    assert value == pytest.approx(function(at), rel=1e-15) and type(value) is float
    assert slopes == pytest.approx(differences(function, at), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(
    ("function", "at", "value", "slope"),
    [
        (lambda x: x.relu(), 0.0, 0.0, 0.0),
        (abs, 0.0, 0.0, 0.0),
        (lambda x: x.sigmoid(), 1000.0, 1.0, 0.0),
        (lambda x: x.sigmoid(), -1000.0, 0.0, 0.0),
        (lambda x: x.tanh(), 1000.0, 1.0, 0.0),
        (lambda x: x**0, 0.0, 1.0, 0.0),
        (lambda x: 0**x, 2.0, 0.0, 0.0),
    ],
)
def test_kinks_and_far_ends(function: Any, at: float, value: float, slope: float) -> None:
    assert value_and_slopes(function, at) == (value, [slope])


def test_numpys_numbers_count_in_full_precision() -> None:
    x = Value(0.1)
    for y in (x * np.float32(0.5), np.float32(0.5) * x, x * np.float64(0.5), x / np.int64(2), x / Fraction(2)):
        assert y.data == 0.05 and type(y.data) is float
    assert Value(np.float32(0.5)).data == 0.5


def test_sum_and_in_place_operators_make_new_values() -> None:
    x = old = Value(2.0)
    x += 3
    x *= x
    total = sum([x, x, 1.0])
    total.backward()
    assert (total.data, old.data, old.grad) == (51.0, 2.0, 20.0)


def test_gradient_descent_on_values() -> None:
    a, b = Value(1.0), Value(1.0)
    for _ in range(200):
        loss = sum((a * x + b - (3 * x - 2)) ** 2 for x in (-1.0, 0.0, 1.0, 2.0))
        a.grad = b.grad = 0.0
        loss.backward()
        a.data -= 0.05 * a.grad
        b.data -= 0.05 * b.grad
    assert (a.data, b.data) == pytest.approx((3.0, -2.0))


def test_an_upstream_gradient_scales_the_rest() -> None:
    x = Value(3.0)
    (x * x).backward(0.5)
    (x * x).backward(np.float32(0.5))
    assert x.grad == 6.0 and type(x.grad) is float


# ---- a number in all but gradients -----------------------------------------------------------------------------


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge])
def test_comparisons_are_by_value(compare: Callable[[Any, Any], bool]) -> None:
    for a, b in ((1.0, 2.0), (2.0, 1.0), (2.0, 2.0), (2.0, math.nan)):
        wanted = compare(a, b)
        assert compare(Value(a), Value(b)) is compare(Value(a), b) is compare(a, Value(b)) is wanted
    assert max(Value(1.0), Value(3.0), Value(2.0)).data == 3


def test_equal_values_are_still_two_nodes() -> None:
    a, b = Value(2.0), Value(2.0)
    assert a == b and len({a, b}) == 2
    (a * b * b).backward()
    assert (a.grad, b.grad) == (4.0, 8.0)
    assert a != "2.0" and a is not None


def test_conversions() -> None:
    x = Value(2.75, name="x")
    with no_grad():
        assert (float(x), int(x)) == (2.75, 2)
    assert (bool(x), bool(Value(0)), x.item()) == (True, False, 2.75)
    assert f"{x:.1f}" == "2.8"
    assert repr(x) == f"{x}" == "Value(data=2.75, grad=0.0, name='x')"
    assert type(Value(True).data) is float


x = Value(1.0)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: Value("1"),
        lambda: Value([1.0]),
        lambda: Value(1j),
        lambda: Value(None),
        lambda: Value(Value(1.0)),
        lambda: Value(np.ones(2)),
        lambda: Value(tensor(1.0)),
        lambda: x + "1",
        lambda: "1" + x,
        lambda: x * [1.0],
        lambda: [1.0] * x,
        lambda: x - 1j,
        lambda: 1j / x,
        lambda: x ** "2",
        lambda: x * None,
        lambda: np.ones(2) * x,
        lambda: x / np.ones(2),
        lambda: np.ones(2) - x,
        lambda: x + tensor([1.0]),
        lambda: tensor([1.0]) ** x,
        lambda: np.exp(x),
        lambda: (x * x).backward(x.data + 1j),
    ],
)
def test_what_is_no_number_is_refused(refused: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match="Value"):
        refused()


def test_what_to_use_for_many_numbers() -> None:
    with pytest.raises(TypeError, match=r"takes one number, got list: \[1.0\].*use minigrad.tensor"):
        Value([1.0])  # type: ignore[arg-type]


# ---- IEEE 754 --------------------------------------------------------------------------------------------------

inf, nan = math.inf, math.nan
POLES: list[tuple[str, tuple[float, ...], tuple[float, ...]]] = [  # what, where, and the derivatives there
    ("a / b", (1.0, 0.0), (inf, -inf)),
    ("a / b", (1.0, -0.0), (-inf, -inf)),
    ("a / b", (-1.0, 0.0), (inf, inf)),
    ("a / b", (0.0, 0.0), (inf, nan)),
    ("a / b", (inf, inf), (0.0, nan)),
    ("a / b", (2.0**800, 2.0**-800), (2.0**800, -inf)),
    ("a * b", (inf, 0.0), (0.0, inf)),
    ("a * b", (1e200, 1e200), (1e200, 1e200)),
    ("a - b", (inf, inf), (1.0, -1.0)),
    ("a ** b", (0.0, -1.0), (-inf, -inf)),
    ("a ** b", (-0.0, -1.0), (-inf, inf)),
    ("a ** b", (0.0, -2.0), (-inf, -inf)),
    ("a ** b", (0.0, 0.5), (inf, 0.0)),
    ("a ** b", (0.0, 0.0), (0.0, 0.0)),
    ("a ** b", (-8.0, 1 / 3), (nan, nan)),
    ("a ** b", (-8.0, 2.0), (-16.0, nan)),
    ("a ** b", (10.0, 400.0), (inf, inf)),
    ("a ** b", (-10.0, 401.0), (inf, nan)),
    ("a ** b", (0.5, -2000.0), (-inf, -inf)),
    ("a ** b", (nan, 0.0), (0.0, nan)),
    ("a ** b", (inf, -1.0), (0.0, nan)),
    ("exp(a)", (1000.0,), (inf,)),
    ("exp(a)", (-1000.0,), (0.0,)),
    ("exp(a)", (nan,), (nan,)),
    ("log(a)", (0.0,), (inf,)),
    ("log(a)", (-0.0,), (-inf,)),
    ("log(a)", (-1.0,), (-1.0,)),
    ("log(a)", (inf,), (0.0,)),
    ("sqrt(a)", (0.0,), (inf,)),
    ("sqrt(a)", (-1.0,), (nan,)),
    ("sin(a)", (inf,), (nan,)),
    ("cos(a)", (-inf,), (nan,)),
    ("tanh(a)", (-inf,), (0.0,)),
    ("relu(a)", (nan,), (1.0,)),  # as PyTorch has it, so that a nan shows in what comes before
    ("relu(a)", (-inf,), (0.0,)),
    ("sigmoid(a)", (-inf,), (0.0,)),
    ("sigmoid(a)", (nan,), (nan,)),
    ("abs(a)", (-inf,), (-1.0,)),
    ("abs(a)", (nan,), (0.0,)),  # as PyTorch has it
]


@pytest.mark.parametrize(("text", "at", "slopes"), POLES, ids=[f"{text} at {at}" for text, at, _ in POLES])
def test_corners_of_arithmetic_are_numpys(text: str, at: tuple[float, ...], slopes: tuple[float, ...]) -> None:
    def function(*xs: Any) -> Any:
        names = {name: operator.methodcaller(name) for name in FUNCTIONS}
        return eval(text, {**names, "abs": abs, **dict(zip("ab", xs))})

    with np.errstate(all="ignore"):
        more = {"relu": lambda a: np.maximum(a, 0), "sigmoid": lambda a: 1 / (1 + np.exp(-a))}
        wanted = eval(text, {**vars(np), **more, **dict(zip("ab", map(np.float64, at)))})
        of_tensors = value_and_slopes(function, *at, leaf=float64)
    value, found = value_and_slopes(function, *at)
    assert same([value, *found], [float(wanted), *slopes])
    assert same([value, *found], [of_tensors[0], *of_tensors[1]])
    assert math.copysign(1, value) == math.copysign(1, wanted) or math.isnan(value)
    assert all(type(v) is float for v in [value, *found])


def same(found: list[float], wanted: list[float]) -> bool:
    """Whether all numbers are equal, nan to nan."""
    return len(found) == len(wanted) and all(f == w or f != f and w != w for f, w in zip(found, wanted))


@pytest.mark.parametrize(
    ("function", "value", "slope"),
    [
        (lambda a: a / 0, inf, inf),
        (lambda a: 0 / (a - 1), nan, nan),
        (lambda a: (-8) ** (a / 3), nan, nan),
        (lambda a: 0 ** (-a), inf, inf),
        (lambda a: (a - 1) ** -1, inf, -inf),
        (lambda a: (a - 9) ** (1 / 3), nan, nan),
        (lambda a: (a * 1000) ** 1000, inf, inf),
    ],
)
def test_corners_with_a_plain_number_on_one_side(function: Any, value: float, slope: float) -> None:
    found, slopes = value_and_slopes(function, 1.0)
    assert same([found, *slopes], [value, slope])


# ---- the two engines agree -------------------------------------------------------------------------------------

EXACT: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "sqrt": lambda a, b: a.sqrt(),
    "square": lambda a, b: a.square(),
    "relu": lambda a, b: b.relu() + 0.0,  # NumPy's maximum of -0 and 0 is either, depending on the processor
    "abs": lambda a, b: abs(a),
    "neg": lambda a, b: -b,
    "number on the right": lambda a, b: (a - 0.3) / 3,
    "number on the left": lambda a, b: 2 - 0.7 / b,
}
programs = st.lists(
    st.tuples(st.sampled_from(sorted(EXACT)), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=20
)
places = st.lists(st.floats() | st.floats(-3, 3), min_size=3, max_size=3)


@given(programs, places)
@settings(deadline=None, max_examples=150)
def test_random_expressions_agree_to_the_last_bit(program: list[tuple[str, int, int]], at: list[float]) -> None:
    def function(*leaves: Any) -> Any:
        values = list(leaves)
        for name, i, j in program:
            values.append(EXACT[name](values[-1 - i % len(values)], values[-1 - j % len(values)]))
        return values[-1]

    with np.errstate(all="ignore"):
        value, slopes = value_and_slopes(function, *at)
        of_tensor, of_tensors = value_and_slopes(function, *at, leaf=float64)
    assert same([value, *slopes], [of_tensor, *of_tensors])


@pytest.mark.parametrize(
    "name", ["exp", "log", "expm1", "log1p", "sin", "cos", "tan", "atan", "tanh", "sigmoid", "pow"]
)
@given(a=st.floats(-30, 30), b=st.floats(-5, 5))
@settings(deadline=None, max_examples=50)
def test_functions_agree_to_a_few_units_in_the_last_place(name: str, a: float, b: float) -> None:
    def function(a: Any, b: Any) -> Any:
        return a**b if name == "pow" else getattr(a, name)()

    with np.errstate(all="ignore"):
        value, slopes = value_and_slopes(function, a, b)
        of_tensor, of_tensors = value_and_slopes(function, a, b, leaf=float64)
    for found, wanted in zip([value, *slopes], [of_tensor, *of_tensors], strict=True):
        assert found == pytest.approx(wanted, rel=4 * np.finfo(float).eps, abs=3e-16, nan_ok=True)


# ---- without NumPy ---------------------------------------------------------------------------------------------

WITHOUT_NUMPY = """
import sys
import types

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "numpy":
            raise ImportError("NumPy is forbidden here")

sys.meta_path.insert(0, Forbidden())
from minigrad.scalar import Value
from minigrad.autograd import detect_anomaly, no_grad, walk
from minigrad import grad
import minigrad

x, w = Value(2.0), minigrad.Value(-0.5)
with detect_anomaly():
    y = (x * w).sigmoid().log() / x ** w + abs(w - 1.0 / 0.25)
with no_grad():
    assert not (x * w).inputs
print(len(list(walk(y))))
slope = grad(y, x, create_graph=True)
print(grad(slope, w, retain_graph=True) is not None, minigrad.grad(w / (x - 2.0), w))
y.backward()
print(x.grad == slope.data)
print("numpy" in sys.modules)
try:
    minigrad.tensor
except ImportError as error:
    print(error)
"""


def test_the_scalar_engine_lives_without_numpy() -> None:
    command = [sys.executable, "-W", "error", "-c", WITHOUT_NUMPY]
    result = subprocess.run(command, cwd=Path(minigrad.__file__).parents[1], capture_output=True, text=True)
    assert result.stderr == ""
    assert result.stdout.splitlines() == ["10", "True inf", "True", "False", "NumPy is forbidden here"]


# ---- the compiled path -----------------------------------------------------------------------------------------


@functools.cache
def plain_value() -> Any:
    """The class Value as it is written, without `scalar_fast`."""
    source = Path(scalar.__file__).read_text("utf-8")
    assert source.count("\naccelerate(Value)") == 1
    module = types.ModuleType("minigrad.plain_scalar")
    sys.modules[module.__name__] = module
    exec(compile(source.replace("\naccelerate(Value)", "\nNone"), scalar.__file__, "exec"), module.__dict__)
    return module.Value  # type: ignore[attr-defined]


def test_every_operation_is_compiled() -> None:
    source = Path(scalar.__file__).read_text("utf-8")
    assert set(re.findall(r"apply\(ew\.(\w+), self", source)) == {p.name for p in METHODS.values()}
    changed = {name for name, method in vars(plain_value()).items() if callable(method) and name in METHODS}
    assert changed == set(METHODS)
    assert all(vars(Value)[name].__code__.co_name == "operation" for name in METHODS)


NUMBER = st.one_of(st.floats(-3, 3), st.sampled_from([0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e308]))


@settings(max_examples=200)
@given(st.data())
def test_the_compiled_path_computes_the_same_bits(data: st.DataObject) -> None:
    """Random programs of up to ten operations, on Value and on Value as it is written."""
    at = data.draw(st.lists(NUMBER, min_size=2, max_size=3))
    steps = data.draw(
        st.lists(st.tuples(st.sampled_from(sorted(METHODS)), st.integers(0, 99), st.integers(0, 99)), max_size=10)
    )
    found = []
    for kind in (Value, plain_value()):
        values = [kind(x) for x in at]
        for name, i, j in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            binary = len(METHODS[name].inputs) == 2
            values.append(getattr(a, name)(*[b if j % 3 else 0.5] * binary))
        values[-1].backward(0.5, retain_graph=True)
        values[-1].backward()
        numbers = [x for v in values for x in (v.data, v.grad)]
        found.append([struct.pack("<d", math.nan if x != x else x) for x in numbers])  # nan has no sign that counts
    assert found[0] == found[1]


def test_a_value_refuses_arrays_by_its_own_message() -> None:
    np = pytest.importorskip("numpy")
    for compute in (lambda v, a: v * a, lambda v, a: a * v, lambda v, a: v + a, lambda v, a: a - v):
        with pytest.raises(TypeError, match="a Value is one number.*minigrad.tensor"):
            compute(Value(3.0), np.array([1.0, 2.0]))
    assert (np.float64(2.0) * Value(3.0)).data == 6.0
