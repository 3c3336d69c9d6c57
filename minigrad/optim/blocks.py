"""An update rule on a large vector, a block of numbers at a time.

A rule makes a new array for each operation. On a large vector each of them goes through main memory; a block's stay in
the processor's cache. A rule that treats every number on its own gives the same bits either way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from minigrad.optim.compiled_rules import FORMS

BLOCK = 1 << 15
"""How many numbers a rule is called with at a time."""
LARGE = 1 << 19
"""The size from which blocks are faster: below it, their copies cost more than the cache saves."""

Rule = TypeVar("Rule", bound=Callable[..., tuple[Any, dict[str, Any]]])


def in_blocks(rule: Rule) -> Rule:
    """Return the elementwise rule with the same results, computed block by block if x has `LARGE` numbers or more.

    Where numba is installed, a rule in `FORMS` is one compiled loop instead.
    """

    compiled = FORMS.get(rule.__name__)

    @wraps(rule)
    def blockwise(x: Any, dx: Any, state: dict[str, Any], *settings: Any, **named: Any) -> tuple[Any, dict[str, Any]]:
        if compiled is not None and (found := compiled(x, dx, state, *settings, **named)) is not None:
            return found
        if x.__class__ is not np.ndarray or x.size < LARGE or not _can_be_cut(x, dx, state, *settings, *named.values()):
            return rule(x, dx, state, *settings, **named)
        new_x: Any = None
        after: dict[str, Any] = {}
        for start in range(0, x.size, BLOCK):
            part = slice(start, start + BLOCK)
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


def _can_be_cut(x: np.ndarray, dx: Any, state: dict[str, Any], *settings: Any) -> bool:
    """Whether x, dx and the arrays of the state are vectors of one size, and everything else is a number."""
    arrays = [dx, *[s for s in state.values() if not isinstance(s, int | float)]]
    return (
        x.ndim == 1
        and all([a.__class__ is np.ndarray and a.shape == x.shape for a in arrays])
        and all([isinstance(s, int | float | np.generic) for s in settings])
    )
