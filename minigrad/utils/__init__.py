"""What training code needs around the network: `data`, with data sets, samplers and loaders, and `checkpoint`."""

from __future__ import annotations

from minigrad.utils import checkpoint, data

__all__ = ["checkpoint", "data"]
