"""`Variable`, which tensors that record were called until PyTorch 0.4. Every tensor is one now."""

from __future__ import annotations

from typing import Any

from minigrad.tensors.tensor import Tensor


class _EveryTensor(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_EveryTensor):
    """Return a tensor that shares the memory of `data`: what older programs write instead of `requires_grad=True`.

    Args:
        data: a tensor.
        requires_grad: whether gradients are computed for it (default False).
        volatile: PyTorch's name, before 0.4, for what is now `no_grad`; without effect, as there.

    >>> from minigrad import tensor
    >>> x = Variable(tensor([1.0, 2.0]), requires_grad=True)
    >>> x.sum().backward()
    >>> x.grad, isinstance(x, Variable)
    (tensor([1., 1.]), True)
    """

    def __new__(cls, data: Any, requires_grad: bool = False, volatile: bool = False) -> Any:
        """Return the tensor."""
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Variable: data must be a tensor, got {type(data).__name__}; minigrad.tensor(...) makes one"
            )
        if data.requires_grad and not requires_grad:
            return data
        return data.detach().requires_grad_(requires_grad)
