"""PyTorch's package of the same name: `data` has data sets, samplers and loaders; `checkpoint` saves memory."""

from __future__ import annotations

from minigrad.utils import checkpoint, data

__all__ = ["checkpoint", "data"]
