"""Schedulers called as in older programs."""

from __future__ import annotations

import pytest

from minigrad import nn, optim

SCHEDULERS = {
    "StepLR": lambda o: optim.lr_scheduler.StepLR(o, 2, 0.1),
    "ExponentialLR": lambda o: optim.lr_scheduler.ExponentialLR(o, 0.9),
    "CosineAnnealingLR": lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 10),
    "LambdaLR": lambda o: optim.lr_scheduler.LambdaLR(o, lambda t: 1 / (t + 1)),
    "MultiStepLR": lambda o: optim.lr_scheduler.MultiStepLR(o, [2, 4]),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_step_to_an_epoch(name: str) -> None:
    def rate(epochs: list[int | None]) -> float:
        optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
        scheduler = SCHEDULERS[name](optimizer)
        optimizer.step()
        for epoch in epochs:
            if epoch is None:
                scheduler.step()
            else:
                with pytest.warns(DeprecationWarning, match=r"scheduler\.step\(epoch\).*for each epoch") as caught:
                    scheduler.step(epoch)
                assert caught[0].filename == __file__
        assert scheduler.last_epoch == 5
        return optimizer.param_groups[0]["lr"]

    assert rate([5]) == rate([3, 5]) == pytest.approx(rate([None] * 5))


def test_a_plateau_takes_an_epoch() -> None:
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0))
    with pytest.warns(DeprecationWarning, match="once for each epoch"):
        scheduler.step(1.0, 7)
    assert scheduler.last_epoch == 7
