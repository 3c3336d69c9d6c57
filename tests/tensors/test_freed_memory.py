"""Freed memory stays with the process on glibc, and only there."""

import os
import subprocess
import sys

import pytest

from minigrad.tensors import freed_memory

PROGRAM = """
import resource
import numpy as np
import minigrad
minigrad.tensor([1.0])
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(1 << 20)                       # 8 MiB
before = faults()
for _ in range(50):
    np.ones(1 << 20)
print(faults() - before)
"""


def faults(keep: str) -> int:
    """Page faults of a fresh process that writes fifty arrays of 8 MiB, one after the other."""
    environment = {**os.environ, "MINIGRAD_KEEP_FREED_MEMORY": keep}
    environment.pop("MALLOC_TOP_PAD_", None)
    return int(subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True).stdout)


@pytest.mark.skipif(not freed_memory._is_glibc(), reason="only glibc returns every large block and can be told not to")
def test_arrays_reuse_the_pages_of_freed_ones():
    assert faults("1") < 50  # 2,048 pages each, if they were mapped anew


def test_it_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("MINIGRAD_KEEP_FREED_MEMORY", "0")
    assert freed_memory.keep_freed_memory() is False


def test_other_c_libraries_are_left_alone(monkeypatch):
    def unknown(name):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "confstr", unknown, raising=False)
    assert freed_memory.keep_freed_memory() is False
