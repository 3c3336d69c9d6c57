"""Neural networks: modules, layers and losses, under PyTorch's names."""

from minigrad.nn import functional, init
from minigrad.nn.layers import Flatten, Linear, ReLU, Sigmoid, Tanh
from minigrad.nn.losses import CrossEntropyLoss, MSELoss
from minigrad.nn.module import Module, Parameter, Sequential

__all__ = [
    "CrossEntropyLoss",
    "Flatten",
    "Linear",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "functional",
    "init",
]
