"""The methods that change the dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic

import numpy as np

from minigrad.tensors.base import Out


class Casts(Generic[Out]):
    """The methods that change the dtype. (A class of its own: beside these methods, `float` is no longer the type.)"""

    to: Callable[..., Out]

    def float(self) -> Out:
        """Convert to float32.

        >>> from minigrad import tensor
        >>> tensor([1, 2]).float()
        tensor([1., 2.])
        """
        return self.to(np.float32)

    def double(self) -> Out:
        """Convert to float64.

        >>> from minigrad import tensor
        >>> tensor([1, 2]).double()
        tensor([1., 2.], dtype=float64)
        """
        return self.to(np.float64)

    def long(self) -> Out:
        """Convert to int64; floats are truncated towards 0.

        >>> from minigrad import tensor
        >>> tensor([1.7, -1.7]).long()
        tensor([ 1, -1])
        """
        return self.to(np.int64)

    def int(self) -> Out:
        """Convert to int32; floats are truncated towards 0."""
        return self.to(np.int32)

    def short(self) -> Out:
        """Convert to int16; floats are truncated towards 0."""
        return self.to(np.int16)

    def char(self) -> Out:
        """Convert to int8; floats are truncated towards 0."""
        return self.to(np.int8)

    def byte(self) -> Out:
        """Convert to uint8; floats are truncated towards 0."""
        return self.to(np.uint8)

    def bool(self) -> Out:
        """Convert to bool: True for each element that is not 0."""
        return self.to(np.bool_)
