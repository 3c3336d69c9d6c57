"""Being here, this file puts this folder on the path: `ops` is for all tests."""

from __future__ import annotations

import os
import sys

import hypothesis
import pytest

import minigrad

collect_ignore = ["benchmarks"]  # they are run by hand, and need PyTorch and micrograd

# no examples are too slow on a busy machine; and where a run decides something, they are the same each time
hypothesis.settings.register_profile("here", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("here")


@pytest.fixture(autouse=True)
def the_same_random_numbers_every_time() -> None:
    """What a test draws does not depend on chance, nor on which tests ran before it."""
    minigrad.manual_seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
