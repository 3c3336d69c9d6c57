"""The methods that change the dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic

import numpy as np

from minigrad.tensors.base import Out


class Casts(Generic[Out]):
    """The methods that change the dtype. (Apart, for in a class with methods of these names `float` is no type.)"""

    to: Callable[..., Out]

    def float(self) -> Out:
        """As float32."""
        return self.to(np.float32)

    def double(self) -> Out:
        """As float64."""
        return self.to(np.float64)

    def long(self) -> Out:
        """As int64; floats are cut towards zero."""
        return self.to(np.int64)

    def int(self) -> Out:
        """As int32; floats are cut towards zero."""
        return self.to(np.int32)

    def short(self) -> Out:
        """As int16; floats are cut towards zero."""
        return self.to(np.int16)

    def char(self) -> Out:
        """As int8; floats are cut towards zero."""
        return self.to(np.int8)

    def byte(self) -> Out:
        """As uint8; floats are cut towards zero."""
        return self.to(np.uint8)

    def bool(self) -> Out:
        """Whether each element is not 0."""
        return self.to(np.bool_)
