"""Base class of the groups of Tensor methods: the declarations that they share, and checks of dimensions and sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np

from minigrad.output.words import class_name
from minigrad.tensors.devices import check_options

Dims: TypeAlias = int | Sequence[int] | None
Size: TypeAlias = int | np.integer | Sequence[int]
"""One size, or a sequence of sizes."""
Array: TypeAlias = "Base[Any] | np.ndarray"
Operand: TypeAlias = "Base[Any] | np.ndarray | np.generic | float"
"""An operand: a tensor, an array or a number; they broadcast."""
Out = TypeVar("Out", bound="Base[Any]")
"""The class of a method's result: Tensor, also when the method belongs to an object of a subclass, as a Parameter."""
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
    _is_users: bool = False  # True if the memory is the user's own, to which NumPy may write
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

    # Of other groups. The user of a Tensor sees their signatures; a group does not. Methods from a factory are not
    # declared, because that would hide their signatures: a group that uses one says `t: Any = self`.
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
        """Return `dim` or `axis`, whichever was given, checked against the shape and counted from 0."""
        if dim is not None and axis is not None:
            raise TypeError("dim and axis are two names of one argument: pass only one of them")
        dim = axis if dim is None else dim
        if dim is None or isinstance(dim, tuple) and not dim:
            return None
        many = isinstance(dim, Sequence) and not isinstance(dim, str)
        dims = []
        for d in map(plain_int, dim if many else [dim]):  # type: ignore[arg-type]
            if isinstance(d, bool) or not isinstance(d, int | np.integer):
                raise TypeError(f"a dimension must be an integer, got {class_name(d)}: {d!r}")
            if not -max(self.ndim, 1) <= d < max(self.ndim, 1):
                raise IndexError(
                    f"dimension {d} is out of range for a tensor of shape {self.shape}, which has {self.ndim} "
                    f"dimension{'s' * (self.ndim != 1)}: it must be {-max(self.ndim, 1)} to {max(self.ndim, 1) - 1}"
                )
            dims.append(int(d) % max(self.ndim, 1))
        if len(set(dims)) < len(dims):
            raise ValueError(
                f"dimensions {tuple(dim)} of {self.ndim} contain a repeat: each must be given once"  # type: ignore[arg-type]
            )
        if not self.ndim:
            return None
        return tuple(dims) if many else dims[0]

    def _dim(self, dim: Any) -> int:
        """Return one dimension, checked and counted from 0; a 0-d tensor counts as 1-d, as in PyTorch."""
        dim = plain_int(dim)
        if isinstance(dim, bool) or not isinstance(dim, int | np.integer):
            raise TypeError(f"a dimension must be an integer, got {class_name(dim)}: {dim!r}")
        return self._dims(int(dim), None) or 0  # type: ignore[return-value]

    def _sizes_along(self, dims: int | tuple[int, ...] | None) -> list[int]:
        """Return the sizes of these dimensions; None means all."""
        return [
            self.shape[d] for d in (range(self.ndim) if dims is None else (dims,) if isinstance(dims, int) else dims)
        ]


def plain_int(n: Any) -> Any:
    """Return a 0-d tensor of an integer, where a size or count may be one, as an int; anything else as it is."""
    array = getattr(n, "_array", None)
    return int(array) if array is not None and not array.ndim and array.dtype.kind in "iu" else n


def sizes(args: Any) -> tuple[int, ...]:
    """Return the sizes of a shape that was given one by one or as one sequence."""
    args = tuple([plain_int(n) for n in args])
    if len(args) == 1 and isinstance(args[0], Iterable) and not isinstance(args[0], int | np.integer):
        args = tuple([plain_int(n) for n in args[0]])
    for n in args:
        if isinstance(n, bool) or not isinstance(n, int | np.integer):
            raise TypeError(f"sizes and dimensions must be integers, got {class_name(n)}: {n!r}")
    return tuple([int(n) for n in args])


def sizes_of(name: str, size: Any, options: dict[str, Any]) -> tuple[int, ...]:
    """Return the shape that was given as sizes, as one sequence, or as `size=`; check the other options.

    Raises:
        ValueError: for a negative size.
    """
    if options:
        options = dict(options)
        size = (options.pop("size"),) if "size" in options and not size else size
        check_options(name, options)
    shape = sizes(size)
    if any(n < 0 for n in shape):
        raise ValueError(f"{name}: a size must not be negative, got {min(shape)} in {shape}")
    return shape
