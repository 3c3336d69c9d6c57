"""Loss curves for several learning rates, from Python and from the command line."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad.demo import lr_sweep as rates
from minigrad.demo import train_digits as loop


@pytest.mark.slow
def test_the_curves_are_what_the_lecture_draws() -> None:
    found = rates.curves(epochs=12)
    last = {name: curve.losses[-1] for name, curve in found.items()}
    assert max(last["good"], last["high"]) < last["very high"] and last["good"] < 0.2 < last["low"]
    # a high rate jumps about: how far it has come at the end is the rounding's choice, the way there is not
    assert np.mean(found["high"].losses) > 1.2 * np.mean(found["good"].losses)
    assert max(found["very high"].losses) > 10 * math.log(10)
    assert found["good"].accuracy > 0.9 > found["low"].accuracy
    assert np.all(np.diff(found["low"].losses) < 0.02)  # slow, but down
    assert len({curve.losses[0] for curve in found.values()}) == 1  # all from the same parameters
    assert all(len(curve.losses) == 13 for curve in found.values())
    table = rates.table(found)
    assert [line.split("  ")[0] for line in table.splitlines()[1:]] == list(rates.RATES)
    assert ">very high: 30<" in rates.picture(found)


def test_a_point_is_the_mean_over_an_epoch() -> None:
    losses: list[float] = []
    trained = loop.train(46, 0.5, 64, 0, lambda step, loss, *_: losses.append(loss))
    (curve,) = rates.curves({"good": 0.5}, epochs=2).values()
    assert curve.losses == pytest.approx([losses[0], np.mean(losses[:23]), np.mean(losses[23:])], rel=1e-3)
    assert curve.accuracy == pytest.approx(trained.accuracy, abs=0.01)


def test_a_loss_that_is_nan_ends_its_curve_alone() -> None:
    seen: list[tuple[int, int, str]] = []
    found = rates.curves({"absurd": 1e30, "good": 0.5}, epochs=1, watch=lambda *done: seen.append(done))
    assert math.isnan(found["absurd"].accuracy) and found["good"].losses[-1] < 2.3
    assert seen[-1] == (46, 46, "good") and (23, 46, "absurd") in seen
    assert rates.picture(found) and "nan" in rates.table(found)


def test_wrong_numbers_are_told() -> None:
    with pytest.raises(ValueError, match="at least one learning rate and one epoch are needed, got 4 and 0"):
        rates.curves(epochs=0)
    with pytest.raises(ValueError, match="learning_rate must be positive"):
        rates.curves({"a": -1.0})


def shell(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(rates.__file__).parents[2])
    command = [
        sys.executable,
        "-W",
        "error",
        "-c",
        "import sys; sys.path[0] = sys.argv.pop(1); from minigrad import cli; sys.exit(cli.main())",
    ]
    return subprocess.run([*command, root, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_the_command_prints_a_table_and_draws(tmp_path: Path) -> None:
    done = shell(tmp_path, "rates", "--epochs", "2", "--out", "r.svg")
    assert done.returncode == 0 and done.stderr == ""
    assert re.search(r"step +\d+ of 184   very high\n", done.stdout)
    assert re.search(r"\ngood +0\.5 +[\d.]+ +[\d.]+%\n", done.stdout)
    assert (tmp_path / "r.svg").read_text("utf-8").startswith("<svg") and "r.svg" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "r.bmp"], r"--out: r.bmp must end in .svg"),
        (["--out", "nowhere/r.svg"], r"there is no folder nowhere"),
        (["--epochs", "0"], r"one epoch are needed, got 4 and 0"),
    ],
)
def test_a_wrong_call_is_explained_at_once(command: Any, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = command("rates", *arguments)
    assert done.returncode == 2 and re.search(message, done.stderr)
    assert done.stdout == "" and not list(tmp_path.iterdir())
