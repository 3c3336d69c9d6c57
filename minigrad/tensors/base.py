"""What the groups of a Tensor's methods share: the other half of the class as they see it, dimensions and sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np

from minigrad.tensors.devices import check_options

Dims: TypeAlias = int | Sequence[int] | None
Size: TypeAlias = int | np.integer | Sequence[int]
"""One size, or all of them."""
Array: TypeAlias = "Base[Any] | np.ndarray"
Operand: TypeAlias = "Base[Any] | np.ndarray | np.generic | float"
"""What a tensor computes with: a tensor, an array or a number, which broadcast."""
Out = TypeVar("Out", bound="Base[Any]")
"""The class of what a method computes: Tensor, also where it computes with an object of a subclass, as a Parameter."""
Method: TypeAlias = Callable[..., Any]


class Base(Generic[Out]):
    """The base of all groups of methods. It declares what a group uses that it does not define itself."""

    # Tensor's
    _array: np.ndarray
    shape: tuple[int, ...]
    ndim: int
    dtype: np.dtype
    requires_grad: Any
    is_leaf: Any
    grad_fn: Any
    _node: Any
    _base: Any
    apply: Method
    astype: Method
    detach: Method
    requires_grad_: Method
    __getitem__: Method
    __setitem__: Method
    copy_: Method
    _become_view: Method
    _of: Method
    _past: Method
    _wrap: Method
    _write: Method

    # Of other groups. Whoever uses a Tensor sees their signatures; a group does not. Methods that a factory makes are
    # not declared, for that would hide their signatures: a group that uses one says `t: Any = self`.
    clone: Method
    cumsum: Method
    diff: Method
    expand: Method
    masked_fill: Method
    mean: Method
    narrow: Method
    numel: Method
    ravel: Method
    reshape: Method
    roll: Method
    sort: Method
    squeeze: Method
    sum: Method
    transpose: Method
    unsqueeze: Method
    _choose: Method
    _joined: Method
    _scaled: Method
    _summable: Method

    def _dims(self, dim: Dims, axis: Dims) -> int | tuple[int, ...] | None:
        """The one of `dim` and `axis` that was given, checked against the shape; from 0 on."""
        if dim is not None and axis is not None:
            raise TypeError("dim and axis are two names for the same: give one")
        dim = axis if dim is None else dim
        if dim is None or dim == ():
            return None
        many = isinstance(dim, Sequence) and not isinstance(dim, str)
        dims = []
        for d in dim if many else [dim]:  # type: ignore[union-attr]
            if isinstance(d, bool) or not isinstance(d, int | np.integer):
                raise TypeError(f"a dimension is an integer, got {type(d).__name__}: {d!r}")
            if not -max(self.ndim, 1) <= d < max(self.ndim, 1):
                raise IndexError(
                    f"dimension {d} is out of range for a tensor of shape {self.shape}, which has {self.ndim} "
                    f"dimension{'s' * (self.ndim != 1)}: it may be {-max(self.ndim, 1)} to {max(self.ndim, 1) - 1}"
                )
            dims.append(int(d) % max(self.ndim, 1))
        if len(set(dims)) < len(dims):
            raise ValueError(f"dimensions {tuple(dim)} name one of the {self.ndim} twice")  # type: ignore[arg-type]
        if not self.ndim:
            return None
        return tuple(dims) if many else dims[0]

    def _dim(self, dim: Any) -> int:
        """One dimension, checked and from 0 on; a 0-d tensor counts as 1-d, as in PyTorch."""
        if isinstance(dim, bool) or not isinstance(dim, int | np.integer):
            raise TypeError(f"a dimension is an integer, got {type(dim).__name__}: {dim!r}")
        return self._dims(int(dim), None) or 0  # type: ignore[return-value]

    def _sizes_along(self, dims: int | tuple[int, ...] | None) -> list[int]:
        """The sizes of these dimensions; None means all."""
        return [
            self.shape[d] for d in (range(self.ndim) if dims is None else (dims,) if isinstance(dims, int) else dims)
        ]


def sizes(args: Any) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence."""
    if len(args) == 1 and not isinstance(args[0], int | np.integer):
        args = tuple(args[0])
    for n in args:
        if isinstance(n, bool) or not isinstance(n, int | np.integer):
            raise TypeError(f"sizes are integers, got {type(n).__name__}: {n!r}")
    return tuple([int(n) for n in args])


def sizes_of(name: str, size: Any, options: dict[str, Any]) -> tuple[int, ...]:
    """The sizes given one by one, as one sequence, or as `size=`; the other options are checked.

    Raises:
        ValueError: for a size below 0.
    """
    if options:
        options = dict(options)
        size = (options.pop("size"),) if "size" in options and not size else size
        check_options(name, options)
    shape = sizes(size)
    if any(n < 0 for n in shape):
        raise ValueError(f"{name}: a size is at least 0, and of {shape} one is {min(shape)}")
    return shape
