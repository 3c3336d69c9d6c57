"""Tensor and its vocabulary: recording, views, in-place writes, dtypes, creation."""

from __future__ import annotations

from minigrad.tensors.freed_memory import keep_freed_memory

keep_freed_memory()
