"""An update rule on a large vector, a block of numbers at a time.

A rule makes a new array for each operation. On a large vector each of them goes through main memory; a block's stay in
the processor's cache. A rule that treats every number on its own gives the same bits either way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from minigrad.optim import compiled_rules
from minigrad.primitives.kernels.rows import slices

LARGE = 1 << 19
"""The size from which blocks are faster: below it, their copies cost more than the cache saves."""
LONG = 1 << 16
"""The size from which a compiled loop is faster than the few operations of the simplest rules."""

Rule = TypeVar("Rule", bound=Callable[..., tuple[Any, dict[str, Any]]])


def in_blocks(rule: Rule) -> Rule:
    """Return the elementwise rule with the same results, computed block by block if x has `LARGE` numbers or more.

    Where numba is installed, it is one compiled loop instead.
    """

    @wraps(rule)
    def blockwise(x: Any, dx: Any, state: dict[str, Any], *settings: Any, **named: Any) -> tuple[Any, dict[str, Any]]:
        if (found := compiled_rules.run(rule, x, dx, state, *settings, **named)) is not None:
            return found
        if x.__class__ is not np.ndarray or x.size < LARGE or not _can_be_cut(x, dx, state, *settings, *named.values()):
            return rule(x, dx, state, *settings, **named)
        new_x: Any = None
        after: dict[str, Any] = {}
        for part in slices(x.size):
            before = {name: s[part] if isinstance(s, np.ndarray) else s for name, s in state.items()}
            result, its_state = rule(x[part], dx[part], before, *settings, **named)
            if new_x is None:
                new_x = np.empty(x.shape, result.dtype)
                after = {
                    n: np.empty(x.shape, s.dtype) if isinstance(s, np.ndarray) else s for n, s in its_state.items()
                }
            new_x[part] = result
            for name, s in its_state.items():
                if isinstance(s, np.ndarray):
                    after[name][part] = s
        return new_x, after

    return blockwise  # type: ignore[return-value]


def as_a_loop(rule: Rule) -> Rule:
    """Return the elementwise rule, one compiled loop if x has `LONG` numbers or more and numba is installed.

    For rules of so few operations that blocks do not make them faster.
    """

    @wraps(rule)
    def looped(x: Any, dx: Any, state: dict[str, Any], *settings: Any, **named: Any) -> tuple[Any, dict[str, Any]]:
        long = x.__class__ is np.ndarray and x.size >= LONG
        found = compiled_rules.run(rule, x, dx, state, *settings, **named) if long else None
        return found or rule(x, dx, state, *settings, **named)

    return looped  # type: ignore[return-value]


def _can_be_cut(x: np.ndarray, dx: Any, state: dict[str, Any], *settings: Any) -> bool:
    """Whether x, dx and the arrays of the state are vectors of one size, and everything else is a number."""
    arrays = [dx, *[s for s in state.values() if not isinstance(s, int | float)]]
    return (
        x.ndim == 1
        and all([a.__class__ is np.ndarray and a.shape == x.shape for a in arrays])
        and all([isinstance(s, int | float | np.generic) for s in settings])
    )
