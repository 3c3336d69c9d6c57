"""Read-only attributes, conversion to Python and NumPy, repr and dtype casts."""

from __future__ import annotations

from typing import Any, NoReturn, Self, overload

import numpy as np

from minigrad.primitives import layout as moves
from minigrad.tensors import devices, saved
from minigrad.tensors.base import Base, Out
from minigrad.tensors.dtypes import TYPES, destination, scalar_type
from minigrad.tensors.printing import tensor_text


class Attributes(Base[Out]):
    """The part of Tensor that only reads."""

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """The sizes of the dimensions."""
        return self._array.shape

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """The type of the elements, NumPy's."""
        return self._array.dtype

    @property
    def ndim(self) -> int:  # type: ignore[override]
        """The number of dimensions."""
        return self._array.ndim

    def dim(self) -> int:
        """The number of dimensions."""
        return self._array.ndim

    @overload
    def size(self, dim: None = None) -> tuple[int, ...]: ...
    @overload
    def size(self, dim: int) -> int: ...
    def size(self, dim: int | None = None) -> tuple[int, ...] | int:
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self.shape[self._dim(dim)]

    @overload
    def stride(self, dim: None = None) -> tuple[int, ...]: ...
    @overload
    def stride(self, dim: int) -> int: ...
    def stride(self, dim: int | None = None) -> tuple[int, ...] | int:
        """How many elements apart in memory neighbours are, along each dimension or one."""
        strides = tuple([n // self._array.itemsize for n in self._array.strides])
        return strides if dim is None else strides[self._dim(dim)]

    def nelement(self) -> int:
        """The number of elements."""
        return self._array.size

    def element_size(self) -> int:
        """The bytes of an element."""
        return self._array.itemsize

    @property
    def itemsize(self) -> int:
        """The bytes of an element."""
        return self._array.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self._array.nbytes

    def is_floating_point(self) -> bool:
        """Whether the elements are floats."""
        return self._array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """No: minigrad computes with real numbers."""
        return False

    @property
    def device(self) -> devices.device:
        """The CPU."""
        return devices.cpu

    is_cuda = is_sparse = is_quantized = False

    def item(self) -> float | int | bool:
        """The one element, as a Python number.

        Raises:
            ValueError: if there is not exactly one.
        """
        if self._array.size != 1:
            raise ValueError(f"item: a tensor of shape {self.shape} has {self._array.size} elements, not one")
        return self._array.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._array.tolist()

    def numpy(self) -> np.ndarray:
        """The elements as an array that shares this tensor's memory.

        Raises:
            RuntimeError: if the tensor requires a gradient, which NumPy would lose.
        """
        if self.requires_grad:
            raise RuntimeError(
                "numpy() of a tensor that requires a gradient: NumPy would compute without it. For the values alone: "
                "t.detach().numpy(). To compute with gradients: np.exp(t), np.sum(t), a @ t, … take the tensor itself."
            )
        return saved.expose(self._array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __bool__(self) -> bool:
        if self._array.size != 1:
            raise ValueError(
                f"the truth of a tensor of shape {self.shape} is not one answer: use .any() or .all(), "
                "and & | ~ in place of and, or, not"
            )
        return bool(self._array.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iub" or self._array.size != 1:
            raise TypeError(f"only a single integer can be an index, not a tensor of {self.dtype}, shape {self.shape}")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        if not self.ndim and type(self).__name__ == "Tensor":
            return format(self.item(), spec)
        if spec:
            raise TypeError(f"a tensor of shape {self.shape} has no format {spec!r}, only a single number: t.item()")
        return str(self)

    def __repr__(self) -> str:
        if self.grad_fn is not None:
            return tensor_text(self._array, f"grad_fn=<{self.grad_fn.primitive.name}>")
        return tensor_text(self._array, *["requires_grad=True"] * self.requires_grad)

    def astype(self, dtype: Any) -> Out:
        """The elements as `dtype`; the tensor itself if they are so already."""
        target = scalar_type("astype", dtype)
        t: Any = self
        return t if target == self.dtype else self.apply(moves.cast, self, dtype=target)

    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        non_blocking: bool = False,
        copy: bool = False,
        memory_format: Any = None,
    ) -> Out:
        """The elements as another dtype; the tensor itself if they are so already, unless a `copy` is wanted.

        Args:
            args: a dtype, a tensor whose dtype is meant, the device "cpu", or "cpu" and a dtype.

        Raises:
            TypeError: for a dtype that tensors cannot be of.
            RuntimeError: for another device.

        >>> from minigrad import tensor
        >>> tensor([1, 2]).to("cpu", np.float64)
        tensor([1., 2.], dtype=float64)
        """
        target = destination("to", args, dtype, device)
        if target is None or target == self.dtype:
            t: Any = self
            return t.clone() if copy else t
        return self.apply(moves.cast, self, dtype=target)

    @overload
    def type(self, dtype: None = None) -> str: ...
    @overload
    def type(self, dtype: Any, non_blocking: bool = False) -> Out: ...
    def type(self, dtype: Any = None, non_blocking: bool = False) -> str | Out:
        """The elements as another dtype; without one, the name of this, as "minigrad.FloatTensor"."""
        if dtype is None:
            return f"minigrad.{next(name for name, dtype in TYPES.items() if dtype == self.dtype)}"
        return self.to(dtype)

    def type_as(self, other: Any) -> Out:
        """The elements as another tensor's dtype."""
        return self.to(other)

    def cpu(self) -> Self:
        """The tensor itself, which is there already."""
        return self

    def cuda(self, *_: Any, **__: Any) -> NoReturn:
        """Not supported."""
        devices.refuse_device("cuda()")
