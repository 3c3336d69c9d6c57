"""The methods that change the dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Casts:
    """The methods that change the dtype. (Apart, for in a class with methods of these names `float` is no type.)"""

    to: Callable[..., Any]

    def float(self) -> Any:
        """As float32."""
        return self.to(np.float32)

    def double(self) -> Any:
        """As float64."""
        return self.to(np.float64)

    def long(self) -> Any:
        """As int64; floats are cut towards zero."""
        return self.to(np.int64)

    def int(self) -> Any:
        """As int32; floats are cut towards zero."""
        return self.to(np.int32)

    def short(self) -> Any:
        """As int16; floats are cut towards zero."""
        return self.to(np.int16)

    def char(self) -> Any:
        """As int8; floats are cut towards zero."""
        return self.to(np.int8)

    def byte(self) -> Any:
        """As uint8; floats are cut towards zero."""
        return self.to(np.uint8)

    def bool(self) -> Any:
        """Whether each element is not 0."""
        return self.to(np.bool_)
