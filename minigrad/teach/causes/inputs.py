"""Causes in the inputs: their scale, and examples that do not differ."""

from __future__ import annotations

import math
from collections.abc import Iterator

from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.teach.causes.cause import Said, certain, explains
from minigrad.teach.causes.scene import Scene

WIDE, OFF_CENTRE = 30.0, 5.0
"""Inputs count as badly scaled if the largest is beyond `WIDE`, or if their mean is `OFF_CENTRE` standard deviations
and more than `OFF_CENTRE` away from 0. Usual are inputs of mean 0 and standard deviation 1 (CS231n, "Data
preprocessing")."""
UNLIKE = 1e3
"""The ratio of the standard deviations of two features that counts as a difference in scale."""
TINY = 1e-2
"""Inputs whose numbers are all below this count as too small."""


@certain({"inputs all 0": "all inputs are 0 in five samples in a row"})
def zero_inputs(scene: Scene) -> Iterator[Said]:
    """Inputs that are all 0."""
    if len(scene.zeros) >= 5 and all(scene.zeros):
        yield (
            "inputs all 0",
            "all inputs are 0, in each batch: look at how they are read and scaled, such as a division of integers",
        )


@certain({"same examples": "all examples of a batch are the same, in five samples in a row"})
def same_examples(scene: Scene) -> Iterator[Said]:
    """Batches of one example, repeated."""
    if len(scene.same) >= 5 and all(scene.same) and math.isfinite(scene.guessing):
        yield (
            "same examples",
            "all examples of a batch are the same, in each batch: look at how the inputs are indexed and read",
        )


@explains(
    {
        "inputs of unlike scale": f"the standard deviations of two features differ by more than {UNLIKE:g} times",
        "inputs not centred": f"the mean of the inputs is {OFF_CENTRE:g} standard deviations and {OFF_CENTRE:g} from 0",
        "inputs too large": f"an input is beyond {WIDE:g}",
    },
    assumes=1.0,
)
def badly_scaled(scene: Scene) -> Iterator[Said]:
    """Inputs that are far from mean 0 and standard deviation 1."""
    b = scene.batch
    if b is None or not math.isfinite(b.std) or _normalizes_first(scene.model):
        return
    if b.std and b.scales[1] > UNLIKE * b.scales[0] and b.scales[1] > 1:
        yield (
            "inputs of unlike scale",
            f"the features of the inputs have scales from {b.scales[0]:.2g} to {b.scales[1]:.2g}: standardize each "
            "feature, X = (X - X.mean(0)) / X.std(0)",
        )
    elif abs(b.mean) > OFF_CENTRE and abs(b.mean) > OFF_CENTRE * b.std:
        yield (
            "inputs not centred",
            f"the inputs have a mean of {b.mean:.3g} and a standard deviation of {b.std:.2g}: subtract the mean and "
            "divide by the standard deviation",
        )
    elif max(-b.low, b.high) > WIDE:
        divide = "divide by 255, or standardize" if b.low >= 0 and 100 < b.high <= 255 else "standardize"
        yield (
            "inputs too large",
            f"the inputs go from {b.low:.3g} to {b.high:.3g}: {divide} them, so that they are about 1",
        )


@explains({"inputs too small": f"no input is beyond {TINY:g}"}, assumes=1.1)
def small_inputs(scene: Scene) -> Iterator[Said]:
    """Inputs that are all almost 0."""
    b = scene.batch
    if b is not None and 0 < max(-b.low, b.high) < TINY and not _normalizes_first(scene.model):
        yield (
            "inputs too small",
            f"no input is beyond {max(-b.low, b.high):.2g}: standardize them, so that they are about 1. Were they "
            "scaled twice?",
        )


def _normalizes_first(model: Module) -> bool:
    """Return whether the first layer normalizes its inputs."""
    for _, module in model.named_modules():
        if module._parameters or "Norm" in class_name(module):
            return "Norm" in class_name(module)
    return False
