"""Causes in the inputs: their scale, and examples that do not differ."""

from __future__ import annotations

import math
from collections.abc import Iterator

from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.teach.causes.cause import Said, certain, explains
from minigrad.teach.causes.scene import Scene
from minigrad.teach.loss_graph import node_behind
from minigrad.teach.samples import listed, named

WIDE, OFF_CENTRE = 30.0, 5.0
"""Inputs count as badly scaled if the largest is beyond `WIDE`, or if their mean is `OFF_CENTRE` standard deviations
and more than `OFF_CENTRE` away from 0. Usual are inputs of mean 0 and standard deviation 1 (CS231n, "Data
preprocessing")."""
UNLIKE = 1e3
"""The ratio of the standard deviations of two features that counts as a difference in scale."""
GROWN = 30.0
"""The growth of the largest input, since the first batch, beyond which the data must have been changed."""
PICTURE = 9
"""The number of features from which numbers from 0 to 255 are pixels."""
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


@certain({"inputs not used": "the first layer gets the same numbers for each example, and the model gives the same"})
def unused_inputs(scene: Scene) -> Iterator[Said]:
    """A model whose results do not depend on its inputs."""
    recent = scene.unread[-5:]
    if len(recent) == 5 and all(recent):
        yield (
            "inputs not used",
            f"the model's output does not depend on its input: {recent[-1]} gets the same numbers for each example, "
            "though the inputs differ. Look at what forward() passes on. Two different examples must give two outputs",
        )


@certain({"inputs grow": f"the inputs are {GROWN:g} times as large as in the first batch, and too large"})
def growing_inputs(scene: Scene) -> Iterator[Said]:
    """Inputs that were fine, and grow from step to step."""
    first, now = scene.first_batch, scene.batch
    if first is None or now is None or len(scene.samples) < 10 or scene.own_targets:
        return
    if _normalizes_first(scene.model):
        return
    before, size = max(-first.low, first.high), max(-now.low, now.high)
    if 0 < before < WIDE < size < math.inf and size > GROWN * before:
        yield (
            "inputs grow",
            f"the inputs grow from step to step: the largest was {before:.3g} in the first batch, and is {size:.3g} "
            f"in step {scene.samples[-1].step}. Is the data set changed in place, as by X *= …? Print X.max() before "
            "and after a step",
        )


@certain(
    {
        "targets among the inputs": "features tell the class, or are the target, in each of six batches, and others go "
        "with it"
    },
    assumes=0.8,
)
def given_away(scene: Scene) -> Iterator[Said]:
    """Features that are the targets."""
    columns = scene.giveaway.columns
    if columns:
        which = f"column {columns[0]}" if len(columns) == 1 else f"columns {listed([str(c) for c in columns])}"
        yield (
            "targets among the inputs",
            f"the inputs hold the targets: the target of each example is in {which} of X, so nothing else is "
            "learned, and new data will not have it. Leave it out: the loss should then fall more slowly",
        )


@certain(
    {"targets are the inputs": "the targets of a text are its tokens, in three batches, and no attention looks ahead"},
    assumes=0.8,
)
def copied(scene: Scene) -> Iterator[Said]:
    """A language model that learns to repeat its input."""
    seen = scene.giveaway
    repeats = (seen.copied or (seen.behind and not seen.shifted)) and len(scene.samples) >= 3
    if repeats and _reads_in_order(scene) and seen.is_text():  # otherwise it may be a task of random tokens
        which = ", index by index" if seen.copied else " of one position earlier"
        yield (
            "targets are the inputs",
            f"the targets are the inputs{which}, so the model learns to repeat what it reads. To predict the next one, "
            "shift them by one: inputs ids[:, :-1], targets ids[:, 1:]",
        )


def _reads_in_order(scene: Scene) -> bool:
    """Return whether the model seems to read a token at a time, and is no encoder, or encoder and decoder."""
    recurrent = [m for m in scene.model.modules() if class_name(m) in ("RNN", "GRU", "LSTM")]
    last = node_behind(scene.output)
    if last is None or scene.inputs is None or math.prod(last.shape[:-1]) != scene.inputs.size:
        return False  # the scores of all positions come from one linear function
    return not scene.looks_ahead and len(recurrent) < 2 and not any(m.bidirectional for m in recurrent)


@certain({"targets among the inputs": "a further input of the model is the targets, in three batches"}, assumes=0.8)
def told(scene: Scene) -> Iterator[Said]:
    """A decoder that reads what it must write."""
    if scene.told >= 3:
        yield (
            "targets among the inputs",
            "one of the model's inputs is the targets, index by index, so it learns to repeat them: a decoder reads "
            "the targets shifted by one, with a start token first, y[:, :-1], and its targets are y[:, 1:]",
        )


@certain(
    {"reads the targets": "the targets are the next inputs of a text, and a layer looks at later positions"},
    assumes=0.8,
)
def looks_ahead(scene: Scene) -> Iterator[Said]:
    """A language model that sees the token that it must predict."""
    seen = scene.giveaway
    if not seen.shifted or len(scene.samples) < 3 or not (seen.beyond or seen.is_text()):
        return
    both = [named(path, m) for path, m in scene.model.named_modules() if getattr(m, "bidirectional", False) is True]
    if scene.looks_ahead or both:
        which, fix = (
            (f"{both[0]} reads the sequence backwards too", "use one direction")
            if both
            else (
                "the result at a position depends on later ones",
                "mask attention (scores above the diagonal become -inf), pad a convolution on the left only, and "
                "normalize over features",
            )
        )
        yield (
            "reads the targets",
            f"the model sees the tokens that it must predict: the targets are the next inputs, and {which}. In a "
            f"language model, {fix}",
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
        pixels = b.low >= 0 and 100 < b.high <= 255 and math.prod(b.shape[1:]) >= PICTURE
        divide = "divide by 255, or standardize" if pixels else "standardize"
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
            f"no input is beyond {max(-b.low, b.high):.2g}: standardize them, so that they are about 1 (they may "
            "have been scaled twice)",
        )


@explains(
    {"standardized by row": "each example, and not each feature, has mean 0 and standard deviation 1"},
    symptoms=("loss does not fall", "worse than guessing"),
    assumes=0.9,
)
def standardized_by_row(scene: Scene) -> Iterator[Said]:
    """Inputs that were standardized over the wrong axis."""
    if scene.batch is not None and len(scene.batch.shape) == 2 and scene.neighbours.standardized_by_row():
        yield (
            "standardized by row",
            "each row of X has mean 0 and standard deviation 1, so that examples which differ in size are the same: "
            "the axis is wrong. Standardize each feature, X = (X - X.mean(0)) / X.std(0)",
        )


def _normalizes_first(model: Module) -> bool:
    """Return whether the first layer normalizes its inputs."""
    for _, module in model.named_modules():
        if module._parameters or "Norm" in class_name(module):
            return "Norm" in class_name(module)
    return False
