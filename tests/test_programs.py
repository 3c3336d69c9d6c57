"""Programs written for PyTorch run with `import minigrad as torch`, and learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from programs import PROGRAMS

import minigrad as torch


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_programs(program: Callable[[Any], list[float]]) -> None:
    losses = program(torch)
    assert np.isfinite(losses).all()
    if program.__name__ not in ("two_players", "variational"):
        assert min(losses[1:]) < losses[0]
    assert program(torch) == losses
