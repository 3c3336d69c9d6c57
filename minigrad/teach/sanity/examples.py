"""A batch as `sanity` looks at it: where the examples are, and parts of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor


class Examples:
    """A batch: which axis has the examples, and parts of it.

    Sequence models may have it second, (T, N, features); language models may have N * T targets for N sequences.
    """

    def __init__(self, inputs: Tensor, targets: Any) -> None:
        self.X = np.array(inputs.detach()._array)
        self.tensor = isinstance(targets, Tensor)
        target = targets.detach()._array if isinstance(targets, Tensor) else targets
        self.y: Any = np.array(target) if isinstance(target, np.ndarray | list | tuple) and len(target) else None
        self.other = targets if self.y is None else None
        self.kind = self.y.dtype.kind if self.y is not None else ""
        m = len(self.y) if self.y is not None and self.y.ndim else 0
        second = self.X.ndim > 1 and m == self.X.shape[1] != self.X.shape[0] and m > 0
        self.axis = 1 if second and m != self.X.shape[0] else 0
        self.n = self.X.shape[self.axis]
        self.each = m // self.n if m and m % self.n == 0 else 0  # the number of targets of an example

    def with_inputs(self, X: np.ndarray) -> Examples:
        """Return the same targets with other inputs."""
        other = object.__new__(Examples)
        other.__dict__.update(self.__dict__, X=X)
        return other

    def take(self, index: Any) -> Examples | None:
        """Return some of the examples; None if the targets cannot be divided."""
        if self.y is not None and not self.each:
            return None
        part = object.__new__(Examples)
        part.__dict__.update(self.__dict__, X=self.X.take(index, self.axis), n=len(index))
        if self.y is not None:
            part.y = self.y.reshape(self.n, self.each, *self.y.shape[1:])[index].reshape(-1, *self.y.shape[1:])
        return part

    @property
    def targets(self) -> Any:
        """The targets as the loss gets them."""
        if self.y is None:
            return self.other
        return as_tensor(self.y) if self.tensor else self.y
