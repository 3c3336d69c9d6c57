"""`compile`: programs that change something between two calls, or between forward and backward, run as eagerly.

Each program is a generator that is given `compile`, or a function that returns the function itself, and yields what it
observes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.autograd import Function
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
    *(hooks_of_modules, arrays_that_share_memory, views_of_what_is_given, memory_of_others, results_that_are_saved),
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_run_as_they_do_eagerly(program: Program) -> None:
    expected, found = observed(program, lambda function: function), observed(program, minigrad.compile)
    for i, (a, b) in enumerate(zip(expected, found, strict=True)):
        assert a == b, i


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
