"""Read-only attributes, conversion to Python and NumPy, repr and dtype casts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn, Self, overload

import numpy as np

from minigrad.grad_mode import mode, warn_of_plain_number
from minigrad.output.absent import no_attribute
from minigrad.output.words import class_name
from minigrad.primitives import layout as moves
from minigrad.tensors import devices, saved
from minigrad.tensors.base import Base, Out
from minigrad.tensors.dtypes import TYPES, destination, scalar_type
from minigrad.tensors.printing import tensor_text


class Attributes(Base[Out]):
    """The part of Tensor that only reads: shape, dtype, conversion and printing."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:  # called only for what is not an ordinary attribute
            raise no_attribute(f"{class_name(self)!r} object", name, lambda: dir(self))

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """The sizes of the dimensions, a tuple.

        >>> from minigrad import zeros
        >>> zeros(2, 3).shape
        (2, 3)
        """
        return self._array.shape

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """The type of the elements, a NumPy dtype.

        >>> from minigrad import tensor
        >>> tensor([1.0]).dtype, tensor([1]).dtype, tensor([True]).dtype
        (dtype('float32'), dtype('int64'), dtype('bool'))
        """
        return self._array.dtype

    @property
    def ndim(self) -> int:  # type: ignore[override]
        """The number of dimensions.

        >>> from minigrad import zeros
        >>> zeros(2, 3).ndim
        2
        """
        return self._array.ndim

    def ndimension(self) -> int:
        """Return the number of dimensions."""
        return self._array.ndim

    def dim(self) -> int:
        """Return the number of dimensions, as `ndim`."""
        return self._array.ndim

    @overload
    def size(self, dim: None = None) -> tuple[int, ...]: ...
    @overload
    def size(self, dim: int) -> int: ...
    def size(self, dim: int | None = None) -> tuple[int, ...] | int:
        """Return the shape, or the size of dimension `dim`.

        >>> from minigrad import zeros
        >>> zeros(2, 3).size(), zeros(2, 3).size(-1)
        ((2, 3), 3)
        """
        return self.shape if dim is None else self.shape[self._dim(dim)]

    @overload
    def stride(self, dim: None = None) -> tuple[int, ...]: ...
    @overload
    def stride(self, dim: int) -> int: ...
    def stride(self, dim: int | None = None) -> tuple[int, ...] | int:
        """Return the step in memory between neighbors, in elements: of each dimension, or of dimension `dim`.

        >>> from minigrad import zeros
        >>> zeros(2, 3).stride(), zeros(2, 3).T.stride()
        ((3, 1), (1, 3))
        """
        strides = tuple([n // self._array.itemsize for n in self._array.strides])
        return strides if dim is None else strides[self._dim(dim)]

    def nelement(self) -> int:
        """Return the number of elements, as `numel`."""
        return self._array.size

    def element_size(self) -> int:
        """Return the size of an element in bytes."""
        return self._array.itemsize

    @property
    def itemsize(self) -> int:
        """The size of an element in bytes."""
        return self._array.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """The distance in bytes between neighbours along each dimension, as NumPy's; `stride()` counts elements."""
        return self._array.strides

    @property
    def nbytes(self) -> int:
        """The size of all elements together in bytes."""
        return self._array.nbytes

    def is_floating_point(self) -> bool:
        """Return True if the elements are floats; only such tensors can require a gradient."""
        return self._array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Return False: minigrad computes with real numbers."""
        return False

    @property
    def device(self) -> devices.device:
        """The device that holds the tensor: always the CPU."""
        return devices.cpu

    is_cuda = is_sparse = is_quantized = False

    def item(self) -> float | int | bool:
        """Return the value of a tensor with one element as a Python number.

        Raises:
            ValueError: if the tensor does not have exactly one element.

        >>> from minigrad import tensor
        >>> tensor([[2.5]]).item()
        2.5
        """
        if self._array.size != 1:
            raise ValueError(f"item: a tensor of shape {self.shape} has {self._array.size} elements, not one")
        return self._array.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers.

        >>> from minigrad import tensor
        >>> tensor([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
        """
        return self._array.tolist()

    def numpy(self) -> np.ndarray:
        """Return the elements as a NumPy array that shares this tensor's memory.

        Raises:
            RuntimeError: if the tensor requires a gradient, which NumPy would lose. For the values alone:
                `t.detach().numpy()`.

        >>> from minigrad import tensor
        >>> tensor([1.0, 2.0]).numpy()
        array([1., 2.], dtype=float32)
        """
        if self.requires_grad:
            raise RuntimeError(
                "numpy() of a tensor that requires a gradient: NumPy would compute without it. For the values alone: "
                "t.detach().numpy(). To compute with gradients: np.exp(t), np.sum(t), a @ t, … take the tensor itself."
            )
        return saved.expose(self._array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.requires_grad and sys._getframe(1).f_globals.get("__name__") == "numpy.ma.core":
            raise RuntimeError(
                "a masked array does not record gradients, and a tensor has no mask. Make a plain array of it: "
                "a.filled(0) * t, or select the elements that have values: a.compressed() * t[~a.mask]"
            )
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __bool__(self) -> bool:
        if self._array.size != 1:
            raise ValueError(
                f"the truth value of a tensor of shape {self.shape} is ambiguous: use .any() or .all(), "
                "& | ~ instead of and, or, not, and minigrad.maximum or .clamp instead of Python's max and min"
            )
        return bool(self._array.item())

    def __float__(self) -> float:
        if mode.recording and self._node is not None:
            warn_of_plain_number("tensor that requires a gradient", "t")
        return float(self.item())

    def __int__(self) -> int:
        if mode.recording and self._node is not None:
            warn_of_plain_number("tensor that requires a gradient", "t")
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
        """Return the tensor converted to `dtype`; the tensor itself if it has that dtype already. NumPy's name.

        >>> from minigrad import tensor
        >>> tensor([1.7, -1.7]).astype(int)
        tensor([ 1, -1])
        """
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
        """Return the tensor converted to another dtype; the tensor itself if it has that dtype already.

        Gradients pass through a conversion between float dtypes.

        Args:
            args: a dtype, a tensor whose dtype is taken, the device "cpu", or "cpu" and a dtype.
            dtype: the dtype, by name.
            device: the device, by name; only the CPU is available.
            non_blocking: has no effect; accepted for PyTorch's programs.
            copy: True to copy also when the dtype is unchanged.
            memory_format: has no effect; accepted for PyTorch's programs.

        Raises:
            TypeError: for a dtype that tensors do not support.
            RuntimeError: for a device other than the CPU.

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
        """Return the tensor converted to `dtype`; without one, the name of its type.

        >>> from minigrad import tensor
        >>> tensor([1.0]).type(), tensor([1.0]).type("minigrad.LongTensor")
        ('minigrad.FloatTensor', tensor([1]))
        """
        if dtype is None:
            return f"minigrad.{next(name for name, dtype in TYPES.items() if dtype == self.dtype)}"
        return self.to(dtype)

    def type_as(self, other: Any) -> Out:
        """Return the tensor converted to the dtype of `other`."""
        return self.to(other)

    def cpu(self) -> Self:
        """Return the tensor itself: it is on the CPU already."""
        return self

    def cuda(self, *_: Any, **__: Any) -> NoReturn:
        """Raise: a GPU was requested, but minigrad computes on the CPU only."""
        devices.refuse_device("cuda()")
