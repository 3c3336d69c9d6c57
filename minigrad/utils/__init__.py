"""PyTorch's package of the same name: `data` has data sets, samplers and loaders; `checkpoint` saves memory.

Three modules that PyTorch has elsewhere are here, too: `amp`, `testing`, and older functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.output.absent import missing_from
from minigrad.utils import checkpoint, data

__all__ = ["checkpoint", "data"]

if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
