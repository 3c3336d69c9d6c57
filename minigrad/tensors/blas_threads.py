"""The number of threads of the BLAS library, which computes NumPy's matrix products. Set through threadpoolctl."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np  # noqa: F401  # loads the BLAS library

from minigrad.output.words import class_name


def set_num_threads(n: int) -> None:
    """Set the number of threads that a matrix product uses, for the whole process, as torch.set_num_threads does.

    Use 1 on a computer that you share with others: on a busy one, threads wait for each other.

    Args:
        n: the number of threads, at least 1.

    Raises:
        TypeError: n is not an integer.
        ValueError: n is less than 1.
        ImportError: threadpoolctl is not installed.
        RuntimeError: threadpoolctl cannot set the threads of the BLAS library that NumPy uses.

    The environment variable OPENBLAS_NUM_THREADS, set before Python starts, does the same without threadpoolctl.
    """
    try:
        threads = operator.index(n)
    except TypeError:
        raise TypeError(f"set_num_threads: n must be an integer, got {class_name(n)}") from None
    if isinstance(n, bool) or threads < 1:
        raise ValueError(f"set_num_threads: n must be at least 1, got {n!r}")
    _blas("set_num_threads").limit(limits=threads)


def get_num_threads() -> int:
    """Return the number of threads that a matrix product uses at most.

    Raises:
        ImportError: threadpoolctl is not installed.
        RuntimeError: threadpoolctl cannot read the threads of the BLAS library that NumPy uses.
    """
    return max(library["num_threads"] for library in _blas("get_num_threads").info())


def _blas(name: str) -> Any:
    """Return threadpoolctl's controller of the BLAS libraries that are loaded."""
    advice = "set OPENBLAS_NUM_THREADS=1 (or MKL_NUM_THREADS, VECLIB_MAXIMUM_THREADS) before Python starts"
    try:
        from threadpoolctl import ThreadpoolController  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise ImportError(
            f"{name} needs threadpoolctl: pip install 'minigrad-course[threads]'. Without it, {advice}"
        ) from error
    found = ThreadpoolController().select(user_api="blas")
    if not found.info():
        raise RuntimeError(f"{name}: threadpoolctl does not know the BLAS library that NumPy uses here; {advice}")
    return found
