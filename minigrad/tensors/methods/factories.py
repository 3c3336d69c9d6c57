"""Methods that create a new tensor in the dtype of this one, unless another is given, without a history."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.tensors.base import Base, Out, Size, sizes_of
from minigrad.tensors.conversion import array_from
from minigrad.tensors.devices import check_options
from minigrad.tensors.dtypes import check_range, scalar_type


class Factories(Base[Out]):
    """Methods that create a new tensor in the dtype of this one."""

    def new_tensor(self, data: Any, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Out:
        """Return a new tensor with a copy of the data."""
        check_options("new_tensor", options)
        return self._made(array_from(data, scalar_type("new_tensor", dtype, self.dtype)), requires_grad)

    def new_zeros(self, *size: Size, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Out:
        """Return a new tensor of the given shape filled with 0.

        >>> from minigrad import tensor
        >>> tensor([1, 2]).new_zeros(3)
        tensor([0, 0, 0])
        """
        return self.new_full(options.pop("size", size), 0, dtype=dtype, requires_grad=requires_grad, **options)

    def new_ones(self, *size: Size, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Out:
        """Return a new tensor of the given shape filled with 1."""
        return self.new_full(options.pop("size", size), 1, dtype=dtype, requires_grad=requires_grad, **options)

    def new_empty(self, *size: Size, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Out:
        """Return a new tensor of the given shape, to write to."""
        return self.new_full(options.pop("size", size), 0, dtype=dtype, requires_grad=requires_grad, **options)

    def new_full(
        self, size: Any, fill_value: float, *, dtype: Any = None, requires_grad: bool = False, **options: Any
    ) -> Out:
        """Return a new tensor of shape `size` filled with `fill_value`."""
        size = size if not isinstance(size, tuple | list) or len(size) != 1 else size[0]
        shape = sizes_of("new_full", (size,), options)
        dtype = scalar_type("new_full", dtype, self.dtype)
        check_range("new_full", fill_value, dtype)
        return self._made(np.full(shape, fill_value, dtype), requires_grad)

    def _made(self, array: Any, requires_grad: bool) -> Out:
        return self._of(array).requires_grad_(requires_grad)
