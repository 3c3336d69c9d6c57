"""Forms of PyTorch's earlier versions that course code still uses: they work, and say what has replaced them."""

from __future__ import annotations

import sys
import warnings


def warn_deprecated(old: str, new: str) -> None:
    """Warn at the caller's line, outside minigrad, that PyTorch has replaced a form by another.

    Python shows a `DeprecationWarning` once for each line, where the line is in the main program or in a test.
    """
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "minigrad":
        level, frame = level + 1, frame.f_back
    warnings.warn(f"{old} is deprecated in PyTorch; use {new}", DeprecationWarning, stacklevel=level)
