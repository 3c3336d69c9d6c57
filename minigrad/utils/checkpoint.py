"""`minigrad.autograd.checkpoint` under PyTorch's import path."""

from minigrad.autograd.checkpoint import checkpoint, checkpoint_sequential

__all__ = ["checkpoint", "checkpoint_sequential"]
