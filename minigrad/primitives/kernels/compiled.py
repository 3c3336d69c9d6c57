"""Kernels compiled by numba, where it is installed: one loop over the memory where NumPy needs one for each operation.

For float32 arrays of `LEAST` elements or more, in C order; all else is NumPy's. A kernel is compiled, or read from
numba's cache on disk, when it is first needed; where something is compiled, one line on stderr says so. The loops use
one thread. They add in another order than NumPy and use an exponential of their own, so that results differ in the last
bits: by less than `ERROR`, relative to the largest of them.

Without numba, or with MINIGRAD_COMPILED_KERNELS=0 in the environment, nothing here is used.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

LEAST = 1 << 14
"""The fewest elements: fewer do not take long enough for the import of numba."""
ERROR = 1e-5
"""A bound on the difference from NumPy's results, relative to the largest of them."""

_announced = False
_used: set[int] = set()  # the ids of loops, which live as long as the process


def _installed() -> bool:
    return os.environ.get("MINIGRAD_COMPILED_KERNELS", "1") != "0" and find_spec("numba") is not None


installed = _installed()


def usable(*arrays: Any) -> bool:
    """Whether the compiled kernels apply to these operands, of which the first is the largest."""
    return (
        installed
        and all([a.__class__ is np.ndarray and a.dtype == np.float32 and a.flags.c_contiguous for a in arrays])
        and arrays[0].size >= LEAST
        and _loops() is not None
    )


def run(name: str, *args: Any) -> Any:
    """Call the loop of this name in `loops`."""
    return call(getattr(_loops(), name), *args)


def call(kernel: Any, *args: Any) -> Any:
    """Call a compiled loop."""
    result = _unwatched(kernel, *args)
    if id(kernel) not in _used:
        _used.add(id(kernel))
        _announce(_unwatched(getattr, kernel, "stats"))
    return result


def made(name: str, *constants: Any) -> Any:
    """Return the loop that this function in `loops` makes for some constants."""
    return _unwatched(getattr(_loops(), name), *constants)


def loop(function: Callable[..., None]) -> Any:
    """Return the function compiled as those in `loops` are."""
    return _unwatched(_loops().compiled, function)


@functools.cache
def _loops() -> Any:
    """Return the module `loops`; None, and say so, if this numba does not work with this NumPy."""
    try:
        return _unwatched(importlib.import_module, "minigrad.primitives.kernels.loops")
    except ImportError as error:
        print(f"minigrad: numba cannot be imported, so that no kernel is compiled: {error}", file=sys.stderr)
        return None


def _unwatched(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of numba. `minigrad.compile` watches the functions of a program; numba's are none of them."""
    profile = sys.getprofile()
    if not callable(profile):
        return function(*args)
    sys.setprofile(None)
    try:
        return function(*args)
    finally:
        sys.setprofile(profile)


def _announce(stats: Any) -> None:
    """Print a line, once, if a kernel was compiled instead of read from the cache."""
    global _announced
    if not _announced and sum(stats.cache_misses.values()):
        _announced = True
        place = stats.cache_path or "memory, for there is no folder for a cache"
        print(f"minigrad: numba compiles kernels when they are first used; they are kept in {place}", file=sys.stderr)
