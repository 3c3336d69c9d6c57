"""Optimizers that learners write as subclasses, as PyTorch's documentation shows it: step, state, groups, closure."""

from __future__ import annotations

import copy
import importlib
import io
import pickle
from typing import Any

import pytest

import minigrad


def own_optimizers(lib: Any) -> tuple[type, type]:
    class HeavyBall(lib.optim.Optimizer):
        def __init__(self, params: Any, lr: float = 0.1, decay: Any = None) -> None:
            super().__init__(params, dict(lr=lr, decay=decay))

        def __setstate__(self, state: Any) -> None:
            super().__setstate__(state)
            for group in self.param_groups:
                group.setdefault("added", True)

        @lib.no_grad()
        def step(self, closure: Any = None) -> Any:
            loss = None
            if closure is not None:
                with lib.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    state = self.state[p]
                    if len(state) == 0:
                        state["step"] = 0
                        state["v"] = lib.zeros_like(p)
                        state["count"] = lib.tensor(0.0)
                    state["step"] += 1
                    state["count"] += 1
                    state["v"].mul_(0.9).add_(p.grad)
                    p.add_(state["v"], alpha=-group["lr"])
            return loss

    class Older(HeavyBall):
        def step(self, closure: Any = None) -> Any:
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    if "v" not in state:
                        state["v"] = lib.clone(p.grad.data).detach()
                    p.data.add_(state["v"], alpha=-group["lr"] * (group["decay"] or 1))

    return HeavyBall, Older


def run(lib: Any, which: int) -> list[Any]:
    """Two runs that go on from a saved state, with groups, a schedule and a closure; return all numbers."""
    kind = own_optimizers(lib)[which]
    a, b = (lib.tensor(v, requires_grad=True) for v in ([1.0, 2.0], [3.0]))

    def made() -> Any:
        return kind([{"params": [a], "name": "body"}, {"params": [b], "lr": 0.01, "decay": 0.5}])

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (a * a).sum() + (b * b * b).sum()
        loss.backward()
        return loss

    optimizer = made()
    scheduler = lib.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    seen: list[Any] = []
    for i in range(4):
        closure()
        loss = optimizer.step(closure)
        scheduler.step()
        seen += [a.tolist(), b.tolist(), None if loss is None else loss.item(), optimizer.param_groups[1]["lr"]]
        if i == 1:
            file = io.BytesIO()
            lib.save(optimizer.state_dict(), file)
            file.seek(0)
            optimizer = made()
            optimizer.load_state_dict(lib.load(file))
            scheduler.optimizer = optimizer
    saved = optimizer.state_dict()
    seen.append(
        {i: {n: getattr(v, "tolist", lambda v=v: v)() for n, v in s.items()} for i, s in saved["state"].items()}
    )
    seen.append([{k: v for k, v in g.items()} for g in saved["param_groups"]])
    return seen


def flat(value: Any) -> list[float]:
    """Return all numbers in a value."""
    if isinstance(value, dict):
        value = [value[k] for k in sorted(value)]
    return [n for v in value for n in flat(v)] if isinstance(value, list) else [] if value is None else [value]


@pytest.mark.parametrize("which", [0, 1])
def test_they_run_as_in_pytorch(which: int) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for lib in ("minigrad", "torch"):
        importlib.import_module(f"{lib}.optim")
    here, there = run(minigrad, which), run(torch, which)
    assert [flat(v) for v in here[:-1]] == [pytest.approx(flat(v)) for v in there[:-1]]
    assert [sorted(g) for g in here[-1]] == [sorted(g) for g in there[-1]]
    assert sorted(here[-2]) == sorted(there[-2])


def test_the_state_is_the_learners_own() -> None:
    kind, _ = own_optimizers(minigrad)
    w = minigrad.tensor([1.0], requires_grad=True)
    optimizer = kind([w])
    assert optimizer.state[w] == {}
    (w * w).sum().backward()
    optimizer.step()
    saved = optimizer.state_dict()
    optimizer.step()
    assert saved["state"][0]["v"].tolist() == [2.0]  # a copy
    other = pickle.loads(pickle.dumps(copy.deepcopy(minigrad.optim.SGD([w], lr=0.1))))
    assert other.param_groups[0]["lr"] == 0.1
    with pytest.raises(TypeError, match="SGD has no setting"):
        minigrad.optim.SGD([{"params": [w], "name": "body"}], lr=0.1)


def test_named_parameters() -> None:
    model = minigrad.nn.Linear(2, 1)
    for kind in (minigrad.optim.SGD, minigrad.optim.Adam):
        optimizer = kind(model.named_parameters(), lr=0.1)
        model(minigrad.ones(1, 2)).sum().backward()
        optimizer.step()
        group = optimizer.state_dict()["param_groups"][0]
        assert group["param_names"] == ["weight", "bias"] and group["params"] == [0, 1]
        kind(model.parameters(), lr=0.5).load_state_dict(optimizer.state_dict())
        optimizer.load_state_dict(kind(model.parameters(), lr=0.5).state_dict())
        assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    optimizer = minigrad.optim.SGD([{"params": list(model.named_parameters())[:1], "lr": 0.2}], lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["weight"]
