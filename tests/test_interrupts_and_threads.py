"""An interrupt leaves the old state or the new one, and threads that train one model lose no gradient."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim, tensor
from minigrad.scalar import Value

PACKAGE = str(Path(minigrad.__file__).parent)


def interrupted_everywhere(start: Callable[[], Callable[[], Any]], opcodes: bool = True) -> Iterator[bool]:
    """Interrupt what `start()` returns at its first line (or opcode) in minigrad, then at its second one, and so on.

    Yield after each run whether it was interrupted; end after the first that was not.
    """
    stop, more = 0, True
    while more:
        run, count = start(), 0

        def trace(frame: Any, event: str, argument: Any) -> Any:
            nonlocal count
            if not frame.f_code.co_filename.startswith(PACKAGE):
                return None
            frame.f_trace_opcodes = opcodes
            count += 1
            if count == stop + 1:  # noqa: B023
                raise KeyboardInterrupt
            return trace

        earlier = sys.gettrace()
        sys.settrace(trace)
        try:
            run()
            more = False
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(earlier)
        stop += 1
        yield more
    assert stop > 50


def test_an_interrupt_anywhere_in_backward_leaves_the_gradients_and_the_mode() -> None:
    old, new = ([2.0], [5.0]), ([6.0], [7.0])
    seen = set()
    a, b = tensor([2.0], requires_grad=True), tensor([4.0], requires_grad=True)

    def start() -> Callable[[], None]:
        a.grad, b.grad = tensor(old[0]), tensor(old[1])
        return (a * b).sum().backward

    for more in interrupted_everywhere(start):
        assert minigrad.is_grad_enabled()
        assert a.grad is not None and b.grad is not None
        assert (a.grad.tolist(), b.grad.tolist()) in (old, new) if more else True
        seen.add(tuple(a.grad.tolist()))
    assert seen == {(2.0,), (6.0,)}
    done = threading.Thread(target=lambda: (a * b).sum().backward())  # nothing is left locked
    done.start()
    done.join(60)
    assert not done.is_alive()


def test_an_interrupt_anywhere_in_a_backward_pass_of_values() -> None:
    a, b = Value(2.0), Value(4.0)
    seen = set()

    def start() -> Callable[[], None]:
        a.grad, b.grad = 2.0, 5.0
        return (a * b).tanh().exp().backward

    for _ in interrupted_everywhere(start):
        assert minigrad.is_grad_enabled()
        assert (a.grad == 2.0) == (b.grad == 5.0)
        seen.add(a.grad)
    assert len(seen) == 2


def test_an_interrupt_anywhere_in_autograd_grad() -> None:
    x = tensor([2.0], requires_grad=True)

    def start() -> Callable[[], Any]:
        y = (x * x).sum()
        return lambda: minigrad.autograd.grad(y, x)

    for _ in interrupted_everywhere(start):
        assert minigrad.is_grad_enabled() and x.grad is None


OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9),
    "Adam": lambda ps: optim.Adam(ps, lr=0.1),
    "Muon": lambda ps: optim.Muon(ps, lr=0.1),
    "Adafactor": lambda ps: optim.Adafactor(ps),
    "Rprop": lambda ps: optim.Rprop(ps),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_interrupt_anywhere_in_a_step_leaves_each_parameter_old_or_new(name: str) -> None:
    values = [np.eye(2, dtype=np.float32), np.full((3, 1), 2.0, np.float32)]
    gradients = [np.full_like(v, 0.5) for v in values]

    def fresh() -> tuple[list[Any], optim.Optimizer]:
        ps = [nn.Parameter(v.copy()) for v in values]
        return ps, OPTIMIZERS[name](ps)

    def state(ps: list[Any], optimizer: optim.Optimizer, i: int) -> str:
        own = optimizer.state.get(ps[i]) or {}
        return repr((ps[i].tolist(), sorted((k, np.asarray(v).tolist()) for k, v in own.items())))

    current: list[Any] = []

    def start(steps: int = 1) -> Callable[[], None]:
        ps, optimizer = fresh()
        for p, g in zip(ps, gradients):
            p.grad = tensor(g)
        optimizer.step()
        current[:] = ps, optimizer
        return optimizer.step

    run = start()
    before = [state(*current, i) for i in range(2)]
    run()
    after = [state(*current, i) for i in range(2)]
    for _ in interrupted_everywhere(start, opcodes=False):
        for i in range(2):
            assert state(*current, i) in (before[i], after[i])
        assert minigrad.is_grad_enabled()


@pytest.mark.slow
@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_an_interrupt_anywhere_in_a_step_of_lbfgs_leaves_all_parameters_old_or_new(search: Any) -> None:
    current: list[Any] = []

    def start() -> Callable[[], Any]:
        p = nn.Parameter([2.0])
        optimizer = optim.LBFGS([p], max_iter=2, line_search_fn=search)

        def closure() -> Any:
            optimizer.zero_grad()
            loss = (p * p * p * p).sum()
            loss.backward()
            return loss

        current[:] = p, optimizer
        return lambda: optimizer.step(closure)

    start()()
    after = current[0].tolist()
    for _ in interrupted_everywhere(start, opcodes=False):
        p, optimizer = current
        done = optimizer.state.get(p, {}).get("iterations", 0)
        assert p.tolist() == ([2.0] if not done else after)
        assert minigrad.is_grad_enabled()


def test_real_interrupts_of_backward_leave_the_mode_and_whole_gradients() -> None:
    if not hasattr(signal, "setitimer"):
        pytest.skip("no timers that send signals")
    a, b = tensor([2.0], requires_grad=True), tensor([2.0], requires_grad=True)
    u, v = Value(2.0), Value(2.0)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    def work(
        seconds: float,
    ) -> None:  # a function: on 3.13.0 an interrupt at a `while` within `try` is not caught there
        signal.setitimer(signal.ITIMER_REAL, seconds)
        end = time.perf_counter() + 0.05
        while time.perf_counter() < end:
            (a * b).sum().backward()
            (u * v).backward()

    earlier = signal.signal(signal.SIGALRM, interrupt)
    count = 0
    try:
        for i in range(300):
            try:
                try:
                    work(1e-4 + 7e-6 * (i % 50))
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:  # on a busy machine it may come as late as in `finally`
                count += 1
            assert minigrad.is_grad_enabled()
            assert repr(a.grad) == repr(b.grad) and u.grad == v.grad
    finally:
        signal.signal(signal.SIGALRM, earlier)
    assert count > 0


@pytest.mark.parametrize("kind", ["tensor", "large tensor", "value"])
def test_threads_that_share_a_leaf_lose_no_gradient(kind: str) -> None:
    shape = 20_000 if kind == "large tensor" else 1
    w: Any = Value(1.0) if kind == "value" else minigrad.ones(shape, requires_grad=True)
    passes = 50 if kind == "large tensor" else 300

    def work() -> None:
        for _ in range(passes):
            ((w * 2.0) if kind == "value" else (w * 2.0).sum()).backward()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(interval)
    assert w.grad == 6 * passes * 2 if kind == "value" else w.grad.tolist() == [6 * passes * 2] * shape


@pytest.mark.parametrize("shared", [False, True])
def test_threads_train_one_model_without_locks(shared: bool) -> None:
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
    X = np.random.default_rng(0).normal(size=(256, 4)).astype(np.float32)
    Y = X[:, :1] * 2 - X[:, 1:2]
    one, errors = optim.SGD(model.parameters(), lr=0.02), []

    def loss(i: Any = slice(None)) -> Any:
        return ((model(tensor(X[i])) - tensor(Y[i])) ** 2).mean()

    def work(seed: int) -> None:
        optimizer = one if shared else optim.SGD(model.parameters(), lr=0.02)
        rng = np.random.default_rng(seed)
        try:
            for _ in range(150):
                optimizer.zero_grad()
                loss(rng.integers(0, 256, 32)).backward()
                optimizer.step()
        except BaseException as error:
            errors.append(error)

    before, interval = loss().item(), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == [] and loss().item() < before / 4


def test_a_step_in_this_thread_and_a_write_in_another_are_noticed() -> None:
    w = nn.Parameter([1.0])

    def write() -> None:
        with minigrad.no_grad():
            w.mul_(2.0)

    for change in ("step", "write"):
        y = (w * w).sum()
        w.grad = tensor([1.0])
        if change == "step":
            optim.SGD([w], lr=0.1).step()
        else:
            thread = threading.Thread(target=write)
            thread.start()
            thread.join()
        with pytest.raises(RuntimeError, match="changed in place"):
            y.backward()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_process_that_is_forked_while_a_thread_accumulates_can_go_backward() -> None:
    from minigrad import grad_mode

    holding, go = threading.Event(), threading.Event()

    def hold() -> None:
        with grad_mode._accumulating:
            holding.set()
            go.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait()
    child = os.fork()
    if not child:
        signal.alarm(30)
        w = tensor([1.0], requires_grad=True)
        (w * 2.0).sum().backward()
        os._exit(0 if w.grad is not None else 1)
    go.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
