"""Parameter updates: the lecture's rules as functions (`rules`), as optimizers, and schedules of the learning rate."""

from typing import TYPE_CHECKING

from minigrad.optim import lr_scheduler, rules, swa_utils
from minigrad.optim.adaptive import ASGD, LAMB, Adadelta, Adafactor, Adamax, Lion, NAdam, RAdam, Rprop
from minigrad.optim.lbfgs import LBFGS
from minigrad.optim.muon import Muon
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.optimizers import (
    SGD,
    Adagrad,
    Adam,
    AdamIncomplete,
    AdamW,
    Momentum,
    Nesterov,
    RMSprop,
)
from minigrad.optim.schedule import ExponentialDecay, InverseDecay, MomentumAnnealing, Schedule, StepDecay
from minigrad.output.absent import missing_from

__all__ = [
    "ASGD",
    "Adadelta",
    "Adafactor",
    "LAMB",
    "Lion",
    "Adamax",
    "NAdam",
    "RAdam",
    "Rprop",
    "Muon",
    "LBFGS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamIncomplete",
    "AdamW",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "StepDecay",
    "ExponentialDecay",
    "InverseDecay",
    "MomentumAnnealing",
    "Schedule",
    "lr_scheduler",
    "rules",
    "swa_utils",
]

if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
