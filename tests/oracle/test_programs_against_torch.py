"""The programs of tests/programs.py, with minigrad and with PyTorch: the same losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from programs import PROGRAMS

import minigrad

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_the_same_losses(program: Callable[[Any], list[float]]) -> None:
    np.testing.assert_allclose(program(minigrad), program(torch), rtol=2e-4)
