"""`compile`: programs that change something between two calls, or between forward and backward, run as eagerly.

Each program is a generator that is given `compile`, or a function that returns the function itself, and yields what it
observes.
"""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.autograd import Function
from minigrad.nn import functional as F
from minigrad.scalar import Value

Compile = Callable[[Any], Any]
Program = Callable[[Compile], Iterator[Any]]


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def tensor(*shape: int, seed: int = 0, grad: bool = False) -> minigrad.Tensor:
    return minigrad.tensor(floats(*shape, seed=seed), requires_grad=grad)


def bits(value: Any) -> Any:
    if isinstance(value, minigrad.Tensor):
        return str(value.dtype), value.shape, value.detach().numpy().tobytes(), value.requires_grad
    if isinstance(value, list | tuple):
        return [bits(v) for v in value]
    return repr(value.data if isinstance(value, Value) else value)


def observed(program: Program, compile: Compile) -> list[Any]:
    minigrad.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [bits(value) for value in program(compile)]


def gradient(y: Any, *tensors: Any) -> list[Any]:
    """Run backward; return the gradients, or the error if something needed was changed in place."""
    for t in tensors:
        t.grad = None
    try:
        y.backward()
    except RuntimeError as error:
        return ["changed in place" in str(error)]
    return [None if t.grad is None else t.grad.clone() for t in tensors]


# ---- between two calls -----------------------------------------------------------------------------------------------


def other_defaults(compile: Compile) -> Iterator[Any]:
    def inner(x: Any, *, times: float = 2.0) -> Any:
        return x * times

    def outer(x: Any, times: float = 2.0) -> Any:
        return (inner(x) * times).sum() * outer.scale  # type: ignore[attr-defined]

    outer.scale = 1.0  # type: ignore[attr-defined]
    step = compile(outer)
    for i in range(6):
        if i == 2:
            outer.__defaults__ = (5.0,)
        if i == 3:
            inner.__kwdefaults__ = {"times": 3.0}
        if i == 4:
            outer.scale = 7.0  # type: ignore[attr-defined]
        yield step(tensor(3))


def other_code(compile: Compile) -> Iterator[Any]:
    def inner(x: Any) -> Any:
        return x * 2

    def outer(x: Any) -> Any:
        return inner(x).sum()

    step = compile(outer)
    for i in range(4):
        if i == 2:
            inner.__code__ = (lambda x: x * 3).__code__
        yield step(tensor(3))


def modes_that_remain(compile: Compile) -> Iterator[Any]:
    def without(x: Any) -> Any:
        minigrad.set_grad_enabled(False)
        return x.sum()

    step = compile(without)
    for _ in range(3):
        minigrad.set_grad_enabled(True)
        yield step(tensor(3))
        yield minigrad.is_grad_enabled()
    minigrad.set_grad_enabled(True)


class Scaled(minigrad.Tensor):
    scale = 2.0


class Number(Value):
    scale = 2.0


def arguments_with_attributes(compile: Compile) -> Iterator[Any]:
    step = compile(lambda x: (x * x.scale).sum())
    number = compile(lambda v: v * v.scale)
    value = compile(lambda v: v * (2.0 if v.name == "a" else 3.0))
    named = compile(lambda x: x.sum() * len(x.name or "") * (2 if x.is_leaf else 3) * (1 if x.grad is None else 5))
    masked = compile(lambda x: minigrad.tensor(np.asarray(x)).sum())
    array = np.ma.masked_array([1.0, 2.0])
    try:
        for i in range(6):
            x: Any = tensor(3) if i % 2 else Scaled(floats(3))
            v = Number(3.0)
            if i % 2:
                x.scale = float(i)
                v.scale = float(i)
            if i == 4:
                Scaled.scale = Number.scale = 4.0
            yield step(x)
            yield number(v)
            v = Value(1.0)
            v.name = "ab"[i % 2]
            yield value(v)
            y = tensor(3, grad=i > 1)
            y.name = "ab" if i == 1 else None
            if i == 3:
                y.grad = tensor(3)
            yield named(y * 1 if i == 2 else y)
            array[0] = i
            yield masked(array)
    finally:
        Scaled.scale = Number.scale = 2.0


class Doubled(Function):
    calls: list[int] = []
    slope = 2.0
    count = 0

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * Doubled.slope


class Counted(Doubled):
    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        Counted.calls.append(1)
        Counted.count += 1
        return g * len(Counted.calls) * Counted.count


def functions_with_state(compile: Compile) -> Iterator[Any]:
    Counted.calls.clear()
    Counted.count = 0
    steps = [compile(lambda x: Doubled.apply(x).sum()), compile(lambda x: Counted.apply(x).sum())]
    for i in range(5):
        Doubled.slope = float(i // 2)
        for step in steps:
            x = tensor(3, grad=True)
            yield gradient(step(x), x)
    Doubled.slope = 2.0


def hooks_of_modules(compile: Compile) -> Iterator[Any]:
    model, seen = nn.Linear(3, 1), list[int]()
    model.register_full_backward_hook(lambda module, before, after: seen.append(1))
    step = compile(lambda x: model(x).sum())
    for _ in range(3):
        yield gradient(step(tensor(2, 3)), *model.parameters())
        yield [*seen]


def arrays_that_share_memory(compile: Compile) -> Iterator[Any]:
    w = tensor(3, grad=True)

    def function(x: Any, y: Any) -> Any:
        z = y * w
        x.mul_(3.0)
        return z.sum() + x.sum()

    step = compile(function)
    for i in range(8):
        base = tensor(2, 3)
        y = step(base[0], base[i // 2 % 2].reshape(3))
        yield y
        yield gradient(y, w)


ABSENT_AT_FIRST = "THREE"


def names_that_come_later(compile: Compile) -> Iterator[Any]:
    def function(x: Any) -> Any:
        try:
            return (x * THREE).sum()  # type: ignore[name-defined]  # noqa: F821
        except NameError:
            return x.sum() * max(1, 2)

    step = compile(function)
    for i in range(5):
        if i == 2:
            globals()["max"] = min
        if i == 3:
            globals()[ABSENT_AT_FIRST] = 3.0
        yield step(tensor(3))
    del globals()[ABSENT_AT_FIRST], globals()["max"]
    yield step(tensor(3))


def other_classes(compile: Compile) -> Iterator[Any]:
    class One:
        times = 1.0

    class Two:
        times = 2.0

    class Child(One):
        pass

    child = Child()
    step = compile(lambda x: (x * child.times).sum())
    changes: list[Callable[[], Any]] = [
        lambda: setattr(Child, "__bases__", (Two,)),
        lambda: setattr(Child, "times", 3.0),
        lambda: setattr(child, "__class__", One),
    ]
    for change in changes:
        yield step(tensor(3))
        yield step(tensor(3))
        change()
    yield step(tensor(3))


def other_library(compile: Compile) -> Iterator[Any]:
    model = nn.Linear(3, 2)
    steps = [compile(lambda x: F.relu(x).sum()), compile(lambda x: model(x).sum())]
    relu, forward = F.relu, nn.Linear.forward
    try:
        for i in range(4):
            if i == 2:
                F.relu, nn.Linear.forward = minigrad.exp, lambda self, x: x * 5  # type: ignore
            for step in steps:
                yield step(tensor(2, 3))
    finally:
        F.relu, nn.Linear.forward = relu, forward  # type: ignore


def keys_that_are_equal(compile: Compile) -> Iterator[Any]:
    keys: dict[Any, int] = {1: 0}
    step = compile(lambda x: (x * (2 if isinstance([*keys][0], bool) else 3)).sum())
    for i in range(4):
        if i == 2:
            keys.clear()
            keys[True] = 0
        yield step(tensor(3))


def lists_that_are_arguments(compile: Compile) -> Iterator[Any]:
    shared: list[Any] = [tensor(3)]
    array = [floats(3), {"a": floats(3)}]

    def grows(xs: list[Any]) -> Any:
        xs.append(tensor(3))
        return sum(x.sum() for x in shared) + len(xs)

    steps = [compile(lambda xs: (xs[0] * len(shared) * (3 if xs is shared else 1)).sum()), compile(grows)]
    of_arrays = compile(lambda xs: minigrad.tensor(xs[0]).sum() + xs[1]["a"].sum() * (3 if xs is array else 1))
    for i in range(4):
        for step in steps:
            yield step(shared)
            yield step([tensor(3)])
        for xs in (array, [floats(3, seed=i), {"a": floats(3)}]):
            yield of_arrays(xs)
            yield [type(xs[0]), type(xs[1]["a"])]


def what_is_stored(compile: Compile) -> Iterator[Any]:
    """In the first calls too it is what the eager step would store, and not a stand-in."""
    w, losses, outputs = tensor(3, grad=True), list[Any](), dict[str, Any]()

    def function(x: Any, fails: bool) -> Any:
        y = x * w
        losses.append((len(losses), y.sum().item()))
        outputs["last"] = y
        outputs["array"] = x.numpy()
        if fails:
            raise KeyError(losses)
        return y.sum()

    step = compile(function)
    for i in range(4):
        try:
            step(tensor(3, seed=i), i == 1)
        except KeyError as error:
            yield type(error.args[0][-1][1])
        yield [*losses]
        yield [type(losses[-1][1]), type(outputs["array"]), type(outputs["last"]._array)]
        yield gradient(outputs["last"].sum(), w)


def copies_of_what_is_compiled(compile: Compile) -> Iterator[Any]:
    model = nn.Linear(3, 2)
    step = compile(model)
    for _ in range(2):
        yield step(tensor(2, 3))
    twin = copy.deepcopy(step)
    with minigrad.no_grad():
        model.weight.add_(1.0)
    for each in (step, twin, step, twin):
        yield each(tensor(2, 3))


# ---- between forward and backward ------------------------------------------------------------------------------------


def views_of_what_is_given(compile: Compile) -> Iterator[Any]:
    w = tensor(4, 3, grad=True)
    steps = [
        compile(lambda x: (x[0] * w.T.reshape(3, 4)[0]).sum()),
        compile(lambda x: (x.T[:, 1] * w.reshape(-1)[:4]).sum()),
        compile(lambda x: (minigrad.as_tensor(x)[1] * w[:, 0]).sum()),
    ]
    big = compile(lambda x: (minigrad.as_tensor(x)[1] * w[0, 0]).sum())
    given: list[Callable[[], Any]] = [
        lambda: tensor(2, 4),
        lambda: floats(2, 4),
        lambda: minigrad.from_numpy(floats(2, 4)),
    ]
    for step in steps:
        for make in given * 2:
            x = make()
            y = step(x)
            x += 1
            yield gradient(y, w)
            if step is not steps[2]:
                y = step(make())
                with minigrad.no_grad():
                    w.add_(1.0)
                yield gradient(y, w)
    for _ in range(3):
        x = np.ones((2, 1 << 17), np.float32)
        y = big(x)
        x += 1
        yield gradient(y, w)


def memory_of_others(compile: Compile) -> Iterator[Any]:
    base, constant, w = floats(4, 3), floats(3), tensor(3, grad=True)
    shared, buffer = minigrad.from_numpy(base), tensor(3)

    def written(x: Any) -> Any:
        buffer.add_(1.0)
        return (x * w * buffer).sum()

    def later() -> None:
        base[1] += 1
        constant[0] += 1
        buffer.mul_(2.0)

    steps = [
        compile(lambda x: (x * w * shared[1]).sum()),
        compile(lambda x: (x * w * constant).sum()),
        compile(written),
    ]
    for _ in range(3):
        for step in steps:
            y = step(tensor(3))
            later()
            yield gradient(y, w)


def results_that_are_saved(compile: Compile) -> Iterator[Any]:
    w = tensor(3, grad=True)
    for step in (compile(lambda x: (x * w).exp()), compile(lambda x: (x * w).tanh()[1:])):
        for _ in range(3):
            y = step(tensor(3))
            z = y.sum()
            with minigrad.no_grad():
                y.mul_(3.0)
            yield gradient(z, w)
            y = step(tensor(3))
            z = y.sum()
            y.detach().numpy()[:] = 100.0
            yield gradient(z, w)
            y = step(tensor(3))
            yield gradient(y.mul_(3.0).sum(), w)


PROGRAMS: list[Program] = [
    *(other_defaults, other_code, modes_that_remain, arguments_with_attributes, functions_with_state),
    *(names_that_come_later, other_classes, other_library, keys_that_are_equal, lists_that_are_arguments),
    *(what_is_stored, copies_of_what_is_compiled, hooks_of_modules, arrays_that_share_memory),
    *(views_of_what_is_given, memory_of_others, results_that_are_saved),
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_run_as_they_do_eagerly(program: Program) -> None:
    expected, found = observed(program, lambda function: function), observed(program, minigrad.compile)
    for i, (a, b) in enumerate(zip(expected, found, strict=True)):
        assert a == b, i


def test_other_threads_compute_while_a_step_is_recorded() -> None:
    w, value, x = tensor(3, 3, grad=True), Value(2.0), tensor(2, 3)
    found: list[Any] = []

    def elsewhere() -> None:
        y = (x @ w).tanh().sum()
        (g,) = minigrad.autograd.grad(y, [w], retain_graph=True)
        y.backward()
        v = value * value.data
        v.backward()
        found.append([y.detach(), g, w.grad.clone(), type(g._array), v.data, value.grad])

    def step(t: Any) -> Any:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return (t @ w).sum() * value.data

    elsewhere()
    w.grad, value.grad = None, 0.0
    with pytest.warns(RuntimeWarning, match="threading"):
        minigrad.compile(step)(x)
    assert bits(found[0]) == bits(found[1])


def test_threads_call_one_compiled_function() -> None:
    w, start = tensor(3, 3, grad=True), threading.Barrier(3)
    found: dict[tuple[int, int], Any] = {}

    def function(x: Any) -> Any:
        return ((x @ w).tanh() * x).sum()

    def work(thread: int) -> None:
        start.wait()
        for i in range(6):
            y = step(tensor(2, 3, seed=10 * thread + i))
            found[thread, i] = [y.detach(), minigrad.grad(y, w)]

    step = minigrad.compile(function)
    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for (thread, i), result in found.items():
        y = function(tensor(2, 3, seed=10 * thread + i))
        assert bits(result) == bits([y.detach(), minigrad.grad(y, w)])
    assert len(found) == 18 and step.reason == ""


def test_a_second_backward_pass_after_a_change_raises() -> None:
    """It runs the function again, which would not give the gradient of the first call."""
    w, settings, array = tensor(3, grad=True), [1.0], floats(3)

    def function(xs: list[Any]) -> Any:
        return (sum(x * w for x in xs) ** 2 * settings[0]).sum()  # type: ignore[attr-defined]

    def set_array() -> None:
        w.data = w.data + 1

    changes: list[Callable[[list[Any]], Any]] = [
        lambda xs: w.data.add_(1.0),
        lambda xs: set_array(),
        lambda xs: settings.append(settings.pop() + 1),
        lambda xs: xs[0].add_(1.0),
        lambda xs: array.__setitem__(0, array[0] + 1),
    ]
    step = minigrad.compile(function)
    for change in changes:
        for _ in range(2):
            xs = [tensor(3), array]
            step(xs)  # the first call of a recording is an ordinary one
            y = step(xs)
            y.backward(retain_graph=True)
            w.grad = None
            xs.append(tensor(3, seed=1))  # of a list of its own
            y.backward(retain_graph=True)
            expected = minigrad.grad(function(xs[:2]), w)
            assert np.allclose(w.grad, expected, rtol=1e-5)
            change(xs)
            with pytest.raises(RuntimeError, match="since the recorded function was called|changed in place"):
                y.backward()
            step(xs[:2])
            y = step(xs[:2])
            change(xs)
            with pytest.raises(RuntimeError, match="since the recorded function was called|changed in place"):
                minigrad.grad(y, w, create_graph=True)
