"""The record of a training run: plain data that the watcher collects and the report shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minigrad.teach.samples import Sample
from minigrad.teach.symptoms import Finding


@dataclass(frozen=True)
class RunRecord:
    """A training run up to now.

    Attributes:
        model: the name of the model's class.
        parameters: the number of parameters.
        updated_by: what updates the parameters: the optimizer's class, or the lecture's loop.
        frozen: the layers that have parameters but train none of them.
        samples: the sampled steps.
        losses: the loss of each step, nan if it is not known.
        validation: pairs of a step and the validation loss then.
        findings: the problems found.
        elapsed: the seconds since the start.
        share: the fraction of this thread's processor time that watching took.
        running: whether the run continues.
        seconds: the interval between reports of a running run.
    """

    model: str
    parameters: int
    updated_by: str
    frozen: Sequence[str]
    samples: Sequence[Sample]
    losses: Sequence[float]
    validation: Sequence[tuple[int, float]]
    findings: Sequence[Finding]
    elapsed: float
    share: float
    running: bool
    seconds: float
