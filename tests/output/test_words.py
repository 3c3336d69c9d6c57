"""No name reaches the terminal with characters that change it: escape codes, ends of lines, directions of writing."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Network, nn, optim, tensor
from minigrad.output.words import printable
from minigrad.scalar import Value

EVIL = "\x1b[31mx\x07\x9b\u202e\r\u2028"


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.add_module("m" + EVIL, nn.Linear(2, 2))
        self.register_parameter("p" + EVIL, nn.Parameter([1.0]))
        self.register_buffer("b" + EVIL, minigrad.ones(1))

    def forward(self, x: Any) -> Any:
        inner: Any = self._modules["m" + EVIL]
        return inner(x) * self._parameters["p" + EVIL]

    def extra_repr(self) -> str:
        return EVIL


def is_clean(text: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in text)


def named() -> Any:
    t = tensor([1.0, 2.0], requires_grad=True)
    t.name = "t" + EVIL
    return t


def overwritten() -> None:
    t = named()
    y = (t * t).sum()
    with minigrad.no_grad():
        t.mul_(2.0)
    y.backward()


def nan_gradient() -> None:
    t = named()
    t.grad = tensor([float("nan"), 1.0])
    with minigrad.detect_anomaly():
        optim.SGD([t], lr=0.1).step()


def nan_forward() -> Any:
    model = Named()
    with minigrad.detect_anomaly():
        return model(tensor([[float("nan"), 1.0]]))


SHOWN: dict[str, Callable[[], Any]] = {
    "repr": lambda: repr(Named()),
    "ModuleDict": lambda: repr(nn.ModuleDict({"a" + EVIL: nn.ReLU()})),
    "ParameterDict": lambda: repr(nn.ParameterDict({"a" + EVIL: nn.Parameter([1.0])})),
    "class": lambda: repr(type("C" + EVIL, (nn.Module,), {})()),
    "summary": lambda: repr(nn.summary(Named(), (3, 2))),
    "tensor": lambda: repr(named()),
    "Value": lambda: repr(Value(1.0, name="v" + EVIL)),
    "steps of a Value": lambda: str(minigrad.step(Value(1.0, name="v" + EVIL) * 2)),
    "steps": lambda: str(minigrad.step((named() * 2).sum())),
    "source": lambda: str(minigrad.source((named() * 2).sum())),
    "picture": lambda: minigrad.draw((named() * 2).sum()).source.replace("\t", ""),
    "loaded": lambda: repr({"a" + EVIL: tensor(1.0)}),
    "optimizer": lambda: repr(optim.SGD([named()], lr=0.1)),
}
RAISED: dict[str, Callable[[], Any]] = {
    "missing": lambda: Named().load_state_dict({}),
    "unexpected": lambda: Named().load_state_dict({**Named().state_dict(), "u" + EVIL: tensor(1.0)}),
    "shape": lambda: Named().load_state_dict({**Named().state_dict(), "p" + EVIL: minigrad.ones(3)}),
    "attribute": lambda: getattr(Named(), "x" + EVIL),
    "submodule": lambda: Named().get_submodule("x" + EVIL),
    "add_module": lambda: Named().add_module("." + EVIL, nn.ReLU()),
    "inside a module": lambda: Named()(minigrad.ones(1, 3)),
    "functional_call": lambda: minigrad.func.functional_call(Named(), {"x" + EVIL: tensor(1.0)}, (tensor(1.0),)),
    "save": lambda: minigrad.save({"a" + EVIL: object()}, "a.npz"),
    "suffix": lambda: minigrad.load("a" + EVIL),
    "overwritten": overwritten,
    "written leaf": lambda: named().mul_(2.0),
    "nan in a gradient": nan_gradient,
    "nan in a module": nan_forward,
    "given twice": lambda: optim.SGD([(t := named()), t], lr=0.1),
    "grad": lambda: minigrad.autograd.grad(named().sum(), named()),
}


@pytest.mark.parametrize("what", SHOWN)
def test_what_is_shown_has_printable_names(what: str) -> None:
    assert is_clean(SHOWN[what]())


@pytest.mark.parametrize("what", RAISED)
def test_what_is_raised_has_printable_names(what: str) -> None:
    with pytest.raises(Exception) as raised:
        RAISED[what]()
    assert is_clean(str(raised.value))


def test_a_damaged_file_with_such_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m.npz"
    path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="damaged") as raised:
        minigrad.load(path)
    assert is_clean(str(raised.value))


def test_a_watched_run(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with warnings.catch_warnings(record=True) as warned, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        network = Network(Named(), nn.MSELoss())
        with minigrad.watch(network) as watcher:
            for _ in range(5):
                network.forward((np.ones((4, 2), np.float32), np.zeros((4, 2), np.float32)))
                network.x[:] += -1e3 * network.backward()
        report = watcher.report()
    assert "(Linear)" in out.getvalue() and is_clean(out.getvalue())
    assert all(is_clean(str(w.message)) for w in warned)
    assert is_clean(report.replace("\t", "")) and "\\x1b[31m" in report


def test_printable_keeps_what_can_be_read() -> None:
    assert printable("Schicht 1: größe π 層 😀") == "Schicht 1: größe π 層 😀"
    assert printable("\ud800\u2066\x00\n") == r"\ud800\u2066\x00\n"


NASTY: Any = type("C" + EVIL, (), {})
EVIL_MODULE: Any = type("M" + EVIL, (nn.Module,), {"forward": lambda self, x: self.layer(x)})
CLASSES: dict[str, Callable[[], Any]] = {
    "no forward": lambda: type("M" + EVIL, (nn.Module,), {})()(1),
    "missing": lambda: EVIL_MODULE().load_state_dict({"a": tensor(1.0)}),
    "attribute": lambda: EVIL_MODULE().missing,
    "an item": lambda: nn.Sequential(NASTY()),
    "a class as an item": lambda: nn.Sequential(EVIL_MODULE),
    "index": lambda: type("S" + EVIL, (nn.Sequential,), {})(nn.ReLU())[3],
    "a size": lambda: type("P" + EVIL, (nn.MaxPool2d,), {})(-1),
    "a layer's input": lambda: type("L" + EVIL, (nn.Linear,), {})(2, 2)("x"),
    "a setting": lambda: nn.Linear(2, 2, NASTY()),
    "optimizer": lambda: optim.SGD([NASTY()], 0.1),
    "network": lambda: Network(NASTY(), nn.MSELoss()),
    "no parameters": lambda: Network(EVIL_MODULE(), nn.MSELoss()),
    "Value": lambda: Value(NASTY()),
    "tensor": lambda: tensor(NASTY()),
    "an element": lambda: tensor([NASTY()]),
    "an index": lambda: minigrad.ones(2)[NASTY()],
    "func": lambda: minigrad.func.grad(lambda x: NASTY())(tensor(1.0)),
    "Function": lambda: (
        type("F" + EVIL, (minigrad.autograd.Function,), {"forward": lambda ctx, x: x * 2})
        .apply(named())
        .backward(tensor([1.0, 1.0]))
    ),
    "scheduler": lambda: optim.lr_scheduler.StepLR(NASTY(), 1),
    "loader": lambda: minigrad.utils.data.default_collate([NASTY()]),
    "a folder of digits": lambda: minigrad.data.mnist("no" + EVIL),
    "a folder of pictures": lambda: minigrad.data.cifar10("no" + EVIL),
    "a picture": lambda: minigrad.draw(Value(1.0) * 2).save(f"no{EVIL}/a.svg"),
    "a page": lambda: minigrad.step(Value(1.0) * 2).save(f"no{EVIL}/a.html"),
}


@pytest.mark.parametrize("what", CLASSES)
def test_errors_show_printable_names_of_classes_and_files(what: str) -> None:
    with pytest.raises(Exception) as raised:
        CLASSES[what]()
    assert is_clean(str(raised.value))


def test_sanity_shows_printable_names() -> None:
    model = EVIL_MODULE()
    model.layer = nn.Linear(2, 1)
    model.add_module("unused" + EVIL, nn.Linear(2, 2))
    report = minigrad.sanity(model, (np.ones((4, 2), "f"), np.ones((4, 1), "f")), nn.MSELoss())
    assert "unused\\x1b" in str(report) and is_clean(str(report))
