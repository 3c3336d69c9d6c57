"""Checks of arguments that data sets, samplers and loaders share."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minigrad.output.words import class_name


def check_integer(name: str, value: object, least: int = 1) -> int:
    """Return the argument called `name` as an int.

    Raises:
        TypeError: if `value` is not an integer. True and False are not: whoever passes one has mixed up two arguments.
        ValueError: if `value` is less than `least`.

    >>> import numpy
    >>> check_integer("size", numpy.int64(3))
    3
    """
    if getattr(value, "ndim", None) == 0 and value.dtype.kind in "iu":  # type: ignore[attr-defined]
        value = int(value)  # type: ignore[call-overload]
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(
            f"{name} must be an integer, got {value!r} ({class_name(value)}); "
            "divide with // rather than /, or round with int(...)"
        )
    if value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value}")
    return int(value)


def given_folder(name: str, folder: Path | str | None, files: str) -> Path:
    """Return the folder given to the loader called `name`.

    Raises:
        TypeError: if it is None; the message says how to get the data.
    """
    if folder is None:
        raise TypeError(
            f"{name}() needs the folder of {files}: {name}({name!r}, download=True) downloads them "
            "there. Without a download, digits() loads 8x8 digits that come with minigrad"
        )
    return Path(folder)
