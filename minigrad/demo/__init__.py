"""Demonstrations: training on the handwritten digits, and loss curves for several learning rates."""
