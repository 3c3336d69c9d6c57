"""Update rules compiled by numba, where it is installed: see `primitives.kernels.compiled`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.kernels import compiled

State = dict[str, Any]


def adam(
    x: Any, dx: Any, state: State, learning_rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-7
) -> tuple[Any, State] | None:
    """Return what `rules.adam` returns; None where the compiled loop does not apply, as in the first step."""
    m: Any
    v: Any
    m, v, t = state.get("m"), state.get("v"), state.get("t")
    numbers = (learning_rate, beta1, beta2, epsilon)
    if not compiled.usable(x, dx, m, v) or t.__class__ is not int or any([n.__class__ is not float for n in numbers]):
        return None
    if not x.shape == dx.shape == m.shape == v.shape:
        return None
    new_x, new_m, new_v = (np.empty_like(x) for _ in range(3))
    arrays = [a.reshape(-1) for a in (x, dx, m, v, new_x, new_m, new_v)]
    compiled.run("adam", *arrays, *numbers, t + 1)
    return new_x, {"t": t + 1, "m": new_m, "v": new_v}


FORMS: dict[str, Callable[..., tuple[Any, State] | None]] = {"adam": adam}
"""By the name of the rule."""
