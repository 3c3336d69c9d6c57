"""Parameter updates: the lecture's rules as functions (`rules`), as optimisers, and the decay of the learning rate."""

from minigrad.optim import lr_scheduler, rules
from minigrad.optim.optimizers import (
    SGD,
    Adagrad,
    Adam,
    AdamIncomplete,
    Momentum,
    Nesterov,
    Optimizer,
    RMSprop,
)

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamIncomplete",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "lr_scheduler",
    "rules",
]
