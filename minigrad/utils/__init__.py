"""What training code needs around the network; so far `data`: data sets, samplers and loaders."""

from __future__ import annotations

from minigrad.utils import data

__all__ = ["data"]
