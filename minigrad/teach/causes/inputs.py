"""Causes in the inputs: their scale, and examples that do not differ."""

from __future__ import annotations

import math
from collections.abc import Iterator

from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.teach.causes.cause import Said, Seen, certain, explains
from minigrad.teach.causes.scene import Batch, Scene
from minigrad.teach.loss_graph import labels_of, node_behind
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


@certain("inputs all 0", "all inputs are 0 in five samples in a row",
         "all inputs are 0, in each batch: look at how they are read and scaled, such as a division of "
         "integers")  # fmt: skip
def zero_inputs(scene: Scene) -> Seen:
    return len(scene.zeros) >= 5 and all(scene.zeros)


@certain("same examples", "all examples of a batch are the same, in five samples in a row",
         "all examples of a batch are the same, in each batch: look at how the inputs are indexed and "
         "read")  # fmt: skip
def same_examples(scene: Scene) -> Seen:
    known = scene.batch != scene.first_batch if scene.own_targets else math.isfinite(scene.guessing)
    return len(scene.same) >= 5 and all(scene.same) and known  # a bandit has one state


@certain("inputs not used", "the first layer gets the same numbers for each example, and the model gives the same",
         "the model's output does not depend on its input: {layer} gets the same numbers for each example, though the "
         "inputs differ. Look at what forward() passes on. Two different examples must give two outputs")  # fmt: skip
def unused_inputs(scene: Scene) -> Seen:
    recent = scene.unread[-5:]
    return len(recent) == 5 and all(recent) and {"layer": recent[-1]}


@certain("inputs not used", "the graph of the model has the numbers of its first input alone",
         "forward() does not use its further inputs: the graph of its result has no numbers for each example besides "
         "the first input. A denoising network, for one, must know the time step (as one more feature, or an "
         "embedding)", graph=True)  # fmt: skip
def ignored_inputs(scene: Scene) -> Seen:
    return scene.ignored >= 2 and labels_of(scene.between) is None


@certain("inputs grow", f"the inputs are {GROWN:g} times as large as in the first batch, and too large",
         "the inputs grow from step to step: the largest was {before:.3g} in the first batch, and is {size:.3g} in "
         "step {step}. Is the data set changed in place, as by X *= ...? Print X.max() before and after a "
         "step")  # fmt: skip
def growing_inputs(scene: Scene) -> Seen:
    first, now = scene.first_batch, scene.batch
    made = scene.own_targets or scene.calls > 1  # the model makes them, or another one
    if first is None or now is None or len(scene.samples) < 10 or made or _normalizes_first(scene.model):
        return None
    before, size = max(-first.low, first.high), max(-now.low, now.high)
    grow = 0 < before < WIDE < size < math.inf and size > GROWN * before
    return grow and {"before": before, "size": size, "step": scene.samples[-1].step}


@certain("targets among the inputs", "features tell the class, or are the target, in each of six batches, and others "
         "go with it",
         "the inputs hold the targets: the target of each example is in {which} of X, so nothing else is learned, and "
         "new data will not have it. Leave it out: the loss should then fall more slowly", assumes=0.8)  # fmt: skip
def given_away(scene: Scene) -> Seen:
    seen = scene.giveaway
    if seen.part and len(scene.samples) >= 3 and scene.sizes_of_targets:
        # as that of an autoencoder, which may get a condition besides
        bottleneck = any(min(p.shape[:2]) < seen.part for p in scene.model.parameters() if p.ndim > 1)
        return not bottleneck and (
            "the targets are among the inputs, so the model learns to copy them. A denoising network reads x + "
            "noise, and predicts the noise or x"
        )
    if seen.position is not None and _is_text(scene):
        return (
            f"the target of each example is token {seen.position} of its input, so the model learns to repeat it: "
            "leave the word that must be predicted out of its context"
        )
    columns = [str(column) for column in seen.columns]
    return bool(columns) and {"which": f"column{'s' * (len(columns) > 1)} {listed(columns)}"}


@certain("targets are the inputs", "the targets of a text are its tokens, in three batches, and no attention looks "
         "ahead",
         "the targets are the inputs{which}, so the model learns to repeat what it reads. To predict the next one, "
         "shift them by one: inputs ids[:, :-1], targets ids[:, 1:]", assumes=0.8)  # fmt: skip
def copied(scene: Scene) -> Seen:
    seen = scene.giveaway
    if seen.outside_mask > 0.5 and _is_text(scene):
        return (
            f"{seen.outside_mask:.0%} of the targets are tokens that are not masked, which the model only repeats: "
            "compute the loss of the masked ones alone, with targets of -100 elsewhere (ignore_index)"
        )
    repeats = seen.copied or (seen.behind and not seen.shifted)
    if repeats and _reads_in_order(scene) and _is_text(scene):
        return {"which": ", token by token" if seen.copied else " of one position earlier"}
    return None


def _is_text(scene: Scene) -> bool:
    """Return whether three samples look like text; the targets of random tokens may be meant to be among them."""
    return len(scene.samples) >= 3 and scene.giveaway.is_text()


def _reads_in_order(scene: Scene) -> bool:
    """Return whether the model seems to read a token at a time, and is no encoder, or encoder and decoder."""
    recurrent = [m for m in scene.model.modules() if class_name(m) in ("RNN", "GRU", "LSTM")]
    last = node_behind(scene.output)
    if last is None or scene.inputs is None or math.prod(last.shape[:-1]) != scene.inputs.size:
        return False  # the scores of all positions come from one linear function
    return not scene.looks_ahead and len(recurrent) < 2 and not any(m.bidirectional for m in recurrent)


@certain("targets among the inputs", "a masked language model reads the tokens that it must predict, in three batches",
         "the tokens that the model must predict are among its inputs, at the same positions, so it learns to repeat "
         "them: replace them by a mask token in what it reads, inputs[mask] = MASK", assumes=0.8)  # fmt: skip
def unmasked(scene: Scene) -> Seen:
    return scene.giveaway.unmasked and _is_text(scene)


@certain("targets among the inputs", "a further input of the model is the targets, in three batches",
         "one of the model's inputs is the targets, token by token, so it learns to repeat them: a decoder reads the "
         "targets shifted by one, with a start token first, y[:, :-1], and its targets are y[:, 1:]",
         assumes=0.8)  # fmt: skip
def told(scene: Scene) -> Seen:
    return scene.told >= 3


@certain("reads the targets", "the targets are the next inputs of a text, and a layer looks at later positions",
         "the model sees the tokens that it must predict: the targets are the next inputs, and {why}. In a language "
         "model, {fix}", assumes=0.8)  # fmt: skip
def looks_ahead(scene: Scene) -> Seen:
    seen = scene.giveaway
    if not seen.shifted or len(scene.samples) < 3 or not (scene.others or seen.beyond or seen.is_text()):
        return None
    for path, module in scene.model.named_modules():
        if getattr(module, "bidirectional", False) is True:
            return {"why": f"{named(path, module)} reads the sequence backwards too", "fix": "use one direction"}
    return scene.looks_ahead and {
        "why": "the result at a position depends on later ones",
        "fix": "mask attention (scores above the diagonal become -inf), pad a convolution on the left only, and "
        "normalize over features",
    }


@explains("inputs of unlike scale", f"the standard deviations of two features differ by more than {UNLIKE:g} times",
          "the features of the inputs have scales from {least:.2g} to {most:.2g}: standardize each feature, X = (X - "
          "X.mean(0)) / X.std(0)")  # fmt: skip
def unlike_scales(scene: Scene) -> Seen:
    b = _raw(scene)
    least, most = b.scales if b is not None and b.std else (1.0, 1.0)
    return most > 1 and most > UNLIKE * least and {"least": least, "most": most}


@explains("inputs not centred",
          f"the mean of the inputs is {OFF_CENTRE:g} standard deviations and {OFF_CENTRE:g} from 0",
          "the inputs have a mean of {mean:.3g} and a standard deviation of {std:.2g}: subtract the mean and divide by "
          "the standard deviation")  # fmt: skip
def off_centre(scene: Scene) -> Seen:
    b = _raw(scene)
    return b is not None and abs(b.mean) > OFF_CENTRE * max(1.0, b.std) and {"mean": b.mean, "std": b.std}


@explains("inputs too large", f"an input is beyond {WIDE:g}",
          "the inputs go from {low:.3g} to {high:.3g}: {divide} them, so that they are about 1")  # fmt: skip
def large_inputs(scene: Scene) -> Seen:
    b = _raw(scene)
    if b is None or max(-b.low, b.high) <= WIDE:
        return None
    pixels = b.low >= 0 and 100 < b.high <= 255 and math.prod(b.shape[1:]) >= PICTURE
    return {"low": b.low, "high": b.high, "divide": "divide by 255, or standardize" if pixels else "standardize"}


def badly_scaled(scene: Scene) -> Iterator[Said]:
    """Yield what is said of inputs that are far from mean 0 and standard deviation 1."""
    for cause in (unlike_scales, off_centre, large_inputs):
        yield from cause(scene)


@explains("inputs too small", f"no input is beyond {TINY:g}",
          "no input is beyond {size:.2g}: standardize them, so that they are about 1 (they may have been scaled twice)",
          assumes=1.1)  # fmt: skip
def small_inputs(scene: Scene) -> Seen:
    b = _raw(scene)
    size = max(-b.low, b.high) if b is not None else 0.0
    return 0 < size < TINY and {"size": size}


@certain("standardized by row", "each example, and not each feature, has mean 0 and standard deviation 1",
         "each row of X has mean 0 and standard deviation 1, so that examples which differ in size are the same: the "
         "axis is wrong. Standardize each feature, X = (X - X.mean(0)) / X.std(0)", assumes=0.9)  # fmt: skip
def standardized_by_row(scene: Scene) -> Seen:
    return scene.batch is not None and len(scene.batch.shape) == 2 and scene.neighbours.standardized_by_row()


def _raw(scene: Scene) -> Batch | None:
    """Return the statistics of the inputs, if they are numbers and the model does not normalize them first."""
    b = scene.batch
    return None if b is None or not math.isfinite(b.std) or _normalizes_first(scene.model) else b


def _normalizes_first(model: Module) -> bool:
    """Return whether the first layer normalizes its inputs."""
    for _, module in model.named_modules():
        if module._parameters or "Norm" in class_name(module):
            return "Norm" in class_name(module)
    return False
