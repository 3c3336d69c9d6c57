"""Neural networks: modules, layers and losses, under PyTorch's names."""

from minigrad.nn import functional, init
from minigrad.nn.containers import ModuleDict, ModuleList, Sequential
from minigrad.nn.layers import Flatten, Linear, ReLU, Sigmoid, Tanh
from minigrad.nn.losses import CrossEntropyLoss, MSELoss
from minigrad.nn.module import Module, Parameter

__all__ = [
    "CrossEntropyLoss",
    "Flatten",
    "Linear",
    "MSELoss",
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "functional",
    "init",
]
