"""What the programs of this folder share: numbers that do not depend on a library's random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np


def fill(module: Any, scale: float = 0.3, seed: int = 0) -> Any:
    """Write the same small weights into a module of either library; biases become 0, norms stay."""
    rng = np.random.default_rng(seed)
    for _, p in module.named_parameters():
        if p.dim() > 1:
            numbers = rng.normal(size=tuple(p.shape)) * scale
            p.data = type(p.data)(numbers.astype(np.float32))
        elif not bool((p.data == 1).all()):
            p.data = p.data * 0
    return module
