"""PyTorch's path to `minigrad.autograd.checkpoint`."""

from minigrad.autograd.checkpoint import checkpoint, checkpoint_sequential

__all__ = ["checkpoint", "checkpoint_sequential"]
