"""Keep freed memory for the next step instead of returning it to the system.

glibc's `malloc` asks the system for each block above a threshold, at first 128 KiB, and returns it when it is freed. A
training step frees and allocates the same arrays again and again; each time the system maps new pages and clears them,
one page fault for every 4 KiB. The threshold is dynamic: freeing a mapped block raises it to the size of that block, up
to 32 MiB, and lets twice as much stay at the top of the heap (mallopt(3), M_MMAP_THRESHOLD). One block of nearly that
size, freed before anything is written to it, raises both at once and costs no memory.

What is freed then stays with the process, where the next arrays reuse it; larger blocks are still returned.
Other C libraries are left as they are: musl returns every large block, macOS keeps freed blocks in its own cache.
The environment variable MINIGRAD_KEEP_FREED_MEMORY=0 switches this off.
"""

from __future__ import annotations

import os

import numpy as np

LARGEST = 32 << 20
"""DEFAULT_MMAP_THRESHOLD_MAX of glibc's malloc.c on 64-bit systems."""


def keep_freed_memory() -> bool:
    """Raise glibc's thresholds, unless switched off. Return True if they were raised."""
    if os.environ.get("MINIGRAD_KEEP_FREED_MEMORY", "1") == "0" or not _is_glibc():
        return False
    np.empty(LARGEST - (64 << 10), np.uint8)  # freed at once; a page is mapped only when it is written to
    return True


def _is_glibc() -> bool:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") is not None
    except (AttributeError, ValueError, OSError):  # Windows; musl and macOS do not know the name
        return False
