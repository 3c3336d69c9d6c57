"""Kernels compiled by numba, where it is installed: one loop over the memory where NumPy needs one for each operation.

For float32 arrays of `LEAST` elements or more, in C order; all else is NumPy's. A kernel is compiled, or read from
numba's cache on disk, when it is first needed; where something is compiled, one line on stderr says so. The loops use
one thread. They add in another order than NumPy and use an exponential of their own, so that results differ in the last
bits: by less than `ERROR`, relative to the largest of them.

Without numba, or with MINIGRAD_COMPILED_KERNELS=0 in the environment, nothing here is used.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.util import find_spec
from typing import Any

import numpy as np

LEAST = 1 << 14
"""The fewest elements: fewer do not take long enough for the import of numba."""
ERROR = 1e-5
"""A bound on the difference from NumPy's results, relative to the largest of them."""

_announced = False


def _installed() -> bool:
    return os.environ.get("MINIGRAD_COMPILED_KERNELS", "1") != "0" and find_spec("numba") is not None


installed = _installed()


def usable(*arrays: Any) -> bool:
    """Whether these arrays, of which the first is the largest, are the compiled kernels' business."""
    return (
        installed
        and arrays[0].size >= LEAST
        and all([a.__class__ is np.ndarray and a.dtype == np.float32 and a.flags.c_contiguous for a in arrays])
    )


def run(name: str, *args: Any) -> Any:
    """Call the loop of this name in `loops`."""
    global _announced
    kernel = getattr(importlib.import_module("minigrad.primitives.kernels.loops"), name)
    result = kernel(*args)
    if not _announced and sum(kernel.stats.cache_misses.values()):
        _announced = True
        place = kernel.stats.cache_path or "memory, for there is no folder for a cache"
        print(f"minigrad: numba compiles kernels when they are first used; they are kept in {place}", file=sys.stderr)
    return result
