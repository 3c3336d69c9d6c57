"""Losses as modules: called with (outputs of the network, targets)."""

from __future__ import annotations

from typing import Any

from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.tensors import Tensor


class CrossEntropyLoss(Module):
    """`functional.cross_entropy`: scores (N, C) and classes (N,) -> the mean loss."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, input: Tensor, target: Any) -> Tensor:
        """(N, C) and (N,) -> ()."""
        return F.cross_entropy(input, target, self.reduction)


class MSELoss(Module):
    """`functional.mse_loss`: two tensors of one shape -> the mean squared difference."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, input: Tensor, target: Any) -> Tensor:
        """Two of the same shape -> ()."""
        return F.mse_loss(input, target, self.reduction)
