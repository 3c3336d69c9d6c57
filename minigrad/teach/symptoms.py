"""Symptoms of a sick training run, in words: each is a function of the measurements.

It yields (kind, text), with the names of layers, or nothing. The bounds are chosen so that healthy runs show no
symptom; each states its source.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import fmean, linear_regression, median, pstdev
from typing import NamedTuple

from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.teach.causes.neighbours import CLEAR
from minigrad.teach.causes.scene import Scene
from minigrad.teach.causes.targets import large_targets
from minigrad.teach.causes.terms import OTHER_TASK
from minigrad.teach.samples import EXAMPLES, Sample, listed, mean_loss, named

PERSISTENT = 5
"""The number of samples in a row that must show a symptom; one bad batch is none."""

USUAL = 1e-3
"""The usual update-to-parameter ratio. Source: CS231n, "Ratio of weights:updates"."""
LARGE, SMALL = 1e-1, 3e-5
"""Bounds of that ratio, around it. At 0.1, ten steps replace a layer; at 3e-5, 3,000 steps move it by a tenth."""

APART = 1e-4
"""The ratio of the gradient's norms in two layers. With a common learning rate, where one needs a hundred steps, the
other needs a million. Healthy networks, in the tests, stay above 5e-3. That gradients shrink or grow with each layer:
Hochreiter (1991), Bengio et al. (1994); between layers at initialization: Glorot and Bengio (2010)."""
GROWN = 100
"""The whole gradient against its norm in the first samples. Pascanu et al. (2013) clip at half to ten times the usual
norm; a gradient that escapes from a plateau grows up to thirty times in the tests."""
OVERSHOT = 1e3
"""The gradient's norm against that of the parameters: with the smallest usual rate, 1e-3, a step is as long as the
layer. It counts where the step is in fact longer than the layer."""
OUTGROWN = 1e15
"""A loss or a gradient beyond this is diverging: its square exceeds 1e30, and float32 ends at 3e38."""

RISEN = 1.1
"""A loss of this many times the first one has risen by more than one bad batch explains."""

DEAD = 0.5
"""The fraction of dead ReLUs in a layer that counts as a symptom. CS231n: at a learning rate that is too high, "as much
as 40% of your network can be dead"; and a deep network with PyTorch's initial values has half of them at 0 in its
first thirty steps, and recovers."""
WAITING = 40
"""The steps for which a gradient of exactly 0 waits for the ReLUs that may be why."""
LEARNING = 0.5
"""Where the loss has fallen below this fraction of the first one, units that are dead do not stop it."""
LASTING = 50
"""The steps for which ReLUs must be dead, unless all of a layer are: those get no gradient that could revive them."""

FADED = 1e-3
"""The fraction of the highest learning rate below which it has decayed to nothing."""

STEADY = 1.01
"""A learning rate that has grown by less than this is the same one, estimated from the steps."""

PATIENCE = 200
"""The number of steps in which a loss should begin to fall."""
ENOUGH = 1000
"""The number of examples in which it should."""
FALLEN = 0.02
"""The fraction of itself by which a loss must fall."""
CLEAR_FALL = 3.0
"""The slope of the losses, in its standard errors, below which they fall, however slowly."""
LEARNED = 0.8
"""A loss below this fraction of the loss of guessing has been learned, in an earlier run if need be."""
FLAT = 1e-3
"""The length of the gradient times that of the parameters, in losses, below which nothing is left to learn."""


BOUNDS = {
    "vanishing gradients": f"a layer's gradient is below {APART:g} of that of a later layer, in {PERSISTENT} samples "
    "in a row (Hochreiter, 1991; Bengio et al., 1994; Glorot and Bengio, 2010)",
    "exploding gradients": f"a gradient is {OVERSHOT:g} times as long as its parameters, and the step longer than "
    f"they are; or it is {1 / APART:g} times as long as that of a later layer, or {GROWN} times as long as at first "
    "(Pascanu et al., 2013)",
    "dead ReLUs": f"all of a layer's units, or {DEAD:.0%} for {LASTING} steps, are 0 for {EXAMPLES} examples in a row "
    "(CS231n)",
    "updates too large": f"a step is longer than a layer, or longer than {LARGE:g} of it while the loss does not fall; "
    f"{USUAL:g} is usual (CS231n)",
    "updates too small": f"a step is shorter than {SMALL:g} of each layer, and the loss has not fallen",
    "not updated": "a layer has a gradient, and stays as it is",
    "no step": "200 losses were logged, and nothing was updated",
    "rate of 0": "a learning rate is 0, and its layers have a gradient",
    "not zeroed": f"gradients are added to those of the step before, in {PERSISTENT} samples in a row",
    "loss does not fall": f"after {PATIENCE} steps it is not {FALLEN:.0%} below the first one, or below ln(classes)",
    "loss stays high": "it hardly falls any more, the nearest example predicts far better, and a cause is known",
    "worse than guessing": f"after {PATIENCE} steps it is above what guessing costs, and a cause is known",
    "rate decayed": f"for half of the run, or its last quarter if it falls in each step, the learning rate is below "
    f"{FADED:g} of its highest",
    "not finite": "the loss or a gradient is nan or infinite",
}
"""The bounds shown in the report."""


class Finding(NamedTuple):
    """A symptom found in a run: its kind, a sentence, and the step."""

    kind: str
    text: str
    step: int


Said = tuple[str, str]


def symptoms(scene: Scene) -> Iterator[Said]:
    """Return the symptoms visible so far."""
    if not math.isfinite(scene.samples[-1].gradient):
        yield from gradient_not_finite(scene)
        return
    yield from gradient_overshot(scene)
    if len(scene.samples) < PERSISTENT:
        return
    looks = [not_zeroed, dead_units, gradients_apart, gradient_grown, updates_too_large, thrown_flat, thrown_back]
    looks += [rate_decayed, updates_too_small, not_updated]
    # what is trained elsewhere may work against it, and targets may move with the model
    moving = _targets_are_large(scene) and scene.own_targets and not (scene.adversarial or scene.judges)
    if (scene.measures_progress or moving) and not scene.moved:
        looks += [no_progress, stays_high]
    for look in looks:
        yield from look(scene)


def gradient_not_finite(scene: Scene) -> Iterator[Said]:
    """A gradient that is nan or infinite although the loss is finite."""
    last, before = scene.samples[-1], scene.samples[-2:-1]
    if math.isfinite(last.loss):
        layers = [layer for layer, norm in last.gradients.items() if not math.isfinite(norm)]
        grown = max([abs(last.loss), *(sample.gradient for sample in before)]) > OUTGROWN
        cause = (
            f"the numbers have overflowed. The learning rate{rate_of(before)} is too high"
            if grown
            else f"an operation behind {layers[-1]} has no derivative there, as sqrt at 0. minigrad.detect_anomaly() "
            "names it"
        )
        yield "not finite", f"the loss is {last.loss:.4g}, but the gradient of {listed(layers)} is not finite: {cause}"


def gradient_overshot(scene: Scene) -> Iterator[Said]:
    """Gradients much longer than the parameters that they update; after long steps, those are the cause."""
    samples = scene.samples
    last, before = samples[-1], samples[-PERSISTENT:-1]
    long = {
        layer: last.gradients[layer] / size
        for layer, size in last.sizes.items()
        if size
        and last.gradients.get(layer, 0) > OVERSHOT * size
        and last.ratio(layer) > 1
        and (samples[0].sizes.get(layer, 1.0) or last.step > PERSISTENT)  # what begins at 0 may grow at first
    }
    if long and not 0 < -last.slope < last.loss:  # small weights may take a step that lowers the loss by a part
        said = f"in {listed([*long])} it is up to {times(max(long.values()))} as long as the parameters"
        if before and any(ratio > 1 for sample in before for ratio in sample.ratios.values()):
            said += f", after steps longer than a layer. The learning rate{rate_of(samples)} is too high: try a tenth "
            said += "of it"
        yield "exploding gradients", f"the gradient explodes: {said}. {against_explosion(scene.model)}"


def against_explosion(model: Module) -> str:
    """Return the usual fixes of exploding gradients that this model does not have yet."""
    kinds = _kinds(model)
    clip = "nn.utils.clip_grad_norm_(model.parameters(), 1.0)"
    norm = [] if any("Norm" in kind for kind in kinds) else ["normalization layers"]
    if any(kind in ("RNN", "RNNCell") for kind in kinds):
        return f"Usual fixes: {clip}, smaller initial weights, an LSTM or a GRU instead of the RNN"
    return f"Usual fixes: {', '.join(['smaller initial weights', *norm, 'inputs of about 1', clip])}"


def against_vanishing(model: Module, functions: Iterable[str]) -> str:
    """Return the usual fixes of vanishing gradients that this model does not have yet, given the functions it calls."""
    kinds = _kinds(model)
    called = {*map(str.lower, kinds), *functions}
    squashing = [name for name in ("sigmoid", "tanh") if name in called]
    fixes = [f"ReLU instead of {' and '.join(squashing)}"] if squashing else []
    fixes.append("initial weights proportional to 1 / sqrt(inputs)")
    fixes += [] if any("Norm" in kind for kind in kinds) else ["normalization layers"]
    return f"Usual fixes: {', '.join([*fixes, 'connections that skip layers'])}"


def _kinds(model: Module) -> set[str]:
    return {class_name(module) for module in model.modules()}


def gradients_apart(scene: Scene) -> Iterator[Said]:
    """Gradients that vanish or explode through the layers; long steps before are the cause."""
    samples, recent = scene.samples, scene.samples[-PERSISTENT:]
    cancelled = _cancelled(scene.model)
    order = [layer for layer in recent[-1].gradients if all(layer in s.gradients for s in recent)]
    order = [layer for layer in order if layer not in cancelled]
    norms = {layer: median(sample.gradients[layer] for sample in recent) for layer in order}
    leaping = any(ratio > 1 for sample in recent for ratio in sample.ratios.values())
    sizes = [abs(size) for size, with_targets in (scene.terms or [[]])[0] if with_targets and size]
    tasks = len(sizes) > 1 and max(sizes) > OTHER_TASK * min(sizes)  # one dominates, which is said later
    if len(order) < 2 or not any(norms.values()) or leaping or tasks or _dead(recent):
        return  # dead ReLUs and saturated layers pass no gradient, which has been reported
    first, last = order[0], order[-1]
    waits = any("relu" in name.lower() for name in recent[-1].outputs.keys() - recent[-1].dead.keys())
    if min(norms.values()) == 0 and recent[0].step < WAITING and waits:
        return  # dead ReLUs cannot be recognized yet
    strongest, weakest = max(order, key=norms.__getitem__), min(order, key=norms.__getitem__)
    largest = norms[strongest]
    small = [layer for layer in order if all(s.gradients[layer] < APART * max(s.gradients.values()) for s in recent)]
    first_norms = samples[0].gradients
    late = first_norms.get(weakest, 0) > APART * first_norms.get(strongest, math.inf)
    long = _long(samples)
    if weakest in small and late and len(long) >= PERSISTENT and long[0].step < PERSISTENT:
        ratio = max(max(s.ratios.values()) for s in long)
        said = f"steps of up to {times(ratio)} the length of a layer have made the gradient of {listed(small)} vanish"
        yield "updates too large", f"{_too_high(long[:1], said)}, or let it rise from 0 in the first steps (warm-up)"
    elif weakest in small and order.index(weakest) < order.index(strongest):
        yield (
            "vanishing gradients",
            f"the gradient vanishes on its way back: its norm is {largest:.2g} in {strongest}, but "
            f"{norms[weakest]:.2g} in {listed(small)}, which hardly learns. "
            f"{against_vanishing(scene.model, (layer.split(' after ')[0] for layer in recent[-1].outputs))}",
        )
    elif weakest in small and 0 < norms[last] < APART * norms[first]:
        yield (
            "exploding gradients",
            f"the gradient explodes on its way back: its norm is {norms[last]:.2g} in {last}, but {largest:.2g} in "
            f"{strongest}. {against_explosion(scene.model)}",
        )


def _too_high(samples: Sequence[Sample], said: str) -> str:
    """Say that the learning rate in the last of these samples is too high, and what shows it."""
    return f"the learning rate{rate_of(samples)} is too high: {said}; {USUAL:g} is usual. Try a tenth of the rate"


def _cancelled(model: Module) -> set[str]:
    """Return the layers of one input before a normalization, which cancels the size of their weights."""
    modules = [(named(path, m), m) for path, m in model.named_modules() if not m._modules]
    pairs = [(layer, m._parameters.get("weight"), after) for (layer, m), (_, after) in pairwise(modules)]
    return {
        layer
        for layer, w, after in pairs
        if w is not None and math.prod(w.shape[1:]) == 1 and "Norm" in class_name(after)
    }


def gradient_grown(scene: Scene) -> Iterator[Said]:
    """A gradient that explodes during the run; that of a generator is small until its critic has learned."""
    # parameters not passed to the optimizer accumulate gradients, since nothing sets them to zero
    samples = scene.samples
    moving = {layer for sample in samples[-PERSISTENT:] for layer, update in sample.updates.items() if update}
    ends = (*samples[:PERSISTENT], *samples[-2:])
    found = [{layer: norm for layer, norm in s.gradients.items() if layer in moving} for s in ends]
    norms = [math.hypot(*gradients.values()) for gradients in found]
    start, now, gradients = max(norms[:-2]), min(norms[-2:]), found[-1]
    if start and now > GROWN * start and not (scene.adversarial and now < GROWN):
        yield (
            "exploding gradients",
            f"the gradient has exploded: its norm is {now:.2g}, and was at most {start:.2g} at first; most of it is in "
            f"{max(gradients, key=gradients.__getitem__)}. Lower the learning rate. {against_explosion(scene.model)}",
        )


def updates_too_large(scene: Scene) -> Iterator[Said]:
    """A learning rate that is too high: steps longer than a layer, or long steps that do not lower the loss.

    Steps that all go the same way do not overshoot: if the loss rises, their sign may be wrong, which is seen later.
    """
    recent, losses = scene.samples[-PERSISTENT:], scene.losses
    now = min(median(sample.loss for sample in recent), _now(losses))
    first = max(_first(losses), mean_loss(losses[:5]))  # the loss of one batch may be low by chance
    # the first steps of a healthy run may be large
    start, guessed = recent[0].step, (1 + FALLEN) * (scene.cost_of_guessing if scene.cost_of_guessing > 0 else math.inf)
    fallen = now < first and _now(losses) < guessed
    # what began at 0 has no length to compare with, if the loss falls or may be anywhere, as a policy's or a likelihood
    begun = scene.samples[0].sizes if fallen or min(scene.known, default=0.0) < 0 else {}
    large = {k: ratio for k, ratio in _ratios(recent).items() if ratio > LARGE and begun.get(k, 1.0)}
    if not large:
        return
    worst = max(large.values())
    risen = start > 2 * PERSISTENT and now > first + (RISEN - 1) * abs(first)
    if worst < 1 and scene.goes_straight_on and len(losses) < LASTING:
        return
    if worst > 1 or risen or (start > LASTING and not fallen):
        said = f"a step changes {listed([*large])} by up to {times(worst)} the length of their parameters"
        yield "updates too large", _too_high(recent, said)


def thrown_flat(scene: Scene) -> Iterator[Said]:
    """A step longer than a layer, after which no gradient is left, and nothing was learned."""
    samples, losses = scene.samples, scene.losses
    recent = samples[-PERSISTENT:]
    long = [s for s in samples[:-PERSISTENT] if max(s.ratios.values(), default=0.0) > 1]
    highest = max(s.gradient for s in samples)
    # a loss near 0 from the start is that of a policy, which says nothing
    learned = _now(losses) < _first(losses) - 1e-3
    if min(scene.known, default=0.0) < 0 or not scene.measures_progress:
        learned = abs(_now(losses)) > FADED * max(map(abs, scene.known))
    if long and recent[0].step > PERSISTENT and all(s.gradient < FADED * highest for s in recent) and not learned:
        said = f"step {long[0].step} was {times(max(long[0].ratios.values()))} as long as a layer, and has thrown the "
        yield "updates too large", _too_high(long[:1], f"{said}results to where the gradient is almost 0")


def thrown_back(scene: Scene) -> Iterator[Said]:
    """A step longer than a layer, and more long ones, after which the loss has not come back to where it was."""
    long, losses = _long(scene.samples), scene.losses
    highest = max((max(s.ratios.values()) for s in long), default=0.0)
    first, most = max(_first(losses), mean_loss(losses[:5])), max(scene.known, default=math.nan)
    start = scene.label_entropy if len(losses) >= PATIENCE else math.inf  # which needs no inputs; nan counts as none
    early = len(long) >= PERSISTENT >= long[0].step and highest >= 1 and scene.samples[-1].step >= LASTING
    if early and first > 0 and most > 1.5 * first and _now(losses) > min(LEARNED * first, start):
        said = f"the first steps were up to {times(highest)} as long as a layer, and the loss rose from {first:.3g} to "
        yield "updates too large", _too_high(long[:1], f"{said}{most:.3g}")


def updates_too_small(scene: Scene) -> Iterator[Said]:
    """A learning rate that is too low, before the loss has fallen; for fine-tuning it may be as low."""
    samples, recent, losses = scene.samples, scene.samples[-PERSISTENT:], scene.losses
    begun = {layer for layer, size in samples[0].sizes.items() if size}  # what began at 0 is still small
    ratio = max((r for layer, r in _ratios(recent).items() if layer in begun), default=math.inf)
    rates = [max(sample.learning_rates, default=0.0) for sample in samples]
    started = recent[0].step > LASTING and rates[-1] <= STEADY * rates[-PERSISTENT]  # and the rate is not warming up
    learned = _first(losses) < LEARNED * scene.guessing
    if 0 < ratio < SMALL and started and not (learned or _dead(recent) or _fallen(_now(losses), _first(losses))):
        if 0 < rates[-1] < FALLEN * max(rates):  # it was high enough
            yield _decayed(rates[-1], max(s.step for s, r in zip(samples, rates) if r > rates[-1]), max(rates))
            return
        yield (
            "updates too small",
            f"the learning rate{rate_of(recent)} is too low: a step changes no layer by more than {ratio:.1e} times "
            f"its length; {USUAL:g} is usual. Try ten times the rate",
        )


def _ratios(recent: Sequence[Sample]) -> dict[str, float]:
    """The usual update-to-parameter ratio of each layer."""
    found = {layer: [s.ratio(layer) for s in recent] for layer in recent[-1].ratios}
    return {layer: median(ratios) for layer, ratios in found.items()}


def rate_decayed(scene: Scene) -> Iterator[Said]:
    """A learning rate that has decayed to nothing long before the end."""
    rates = [(s.step, max(s.learning_rates)) for s in scene.samples if s.learning_rates]
    last = scene.samples[-1]
    if not rates:
        return
    highest = max(rate for _, rate in rates)
    alive = max((step for step, rate in rates if rate > FADED * highest), default=0)
    # a new rate in most samples, and not a few after plateaus of the loss
    early = [f"{rate:.4g}" for step, rate in rates if step <= alive]
    lasting = max(WAITING, alive // 3) if scene.ended and len({*early}) > len(early) / 2 else max(LASTING, alive)
    still = not max(last.ratios.values(), default=0) > SMALL
    if last.step - alive > lasting and highest > 0 and still and last.gradient > 0:
        yield _decayed(rates[-1][1], alive + 1, highest)


def _decayed(now: float, step: int, highest: float) -> Said:
    return (
        "rate decayed",
        f"the learning rate has decayed to {now:.2g} by step {step}, and was {highest:.2g}: nothing is learned any "
        "more. Look at its schedule, which may decay per step what should decay per epoch",
    )


def not_updated(scene: Scene) -> Iterator[Said]:
    """Layers that get a gradient but do not change."""
    recent = scene.samples[-PERSISTENT:]
    moving = any(update for sample in recent for update in sample.updates.values())
    still = [
        layer
        for layer in recent[-1].updates
        if layer not in scene.moved and all(s.updates.get(layer) == 0 and _moves(s, layer) for s in recent)
    ]
    rates = {rate for sample in recent for rate in sample.learning_rates}
    alive = [(s.step, max(s.learning_rates)) for s in scene.samples if any(s.learning_rates)]
    highest = max((rate for _, rate in alive), default=0.0)
    if still and (moving or rates == {0.0}) and any(rate == 0 for rate in recent[-1].learning_rates):
        if rates == {0.0} and alive:
            yield _decayed(0.0, alive[-1][0] + 1, highest)
        else:
            yield (
                "rate of 0",
                f"the learning rate of {listed(still)} is 0, so nothing is learned there: set lr (usual values are "
                "1e-3 for Adam and 1e-2 to 1e-1 for SGD); to freeze layers, requires_grad_(False) says so",
            )
    elif still and moving and not (rates and max(rates) < FADED * highest):
        yield (
            "not updated",
            f"the parameters of {listed(still)} have a gradient, but do not change: does the optimizer have them? "
            "optim.SGD(model.parameters(), ...)",
        )


def _moves(sample: Sample, layer: str) -> bool:
    """Return whether a layer's gradient should move it, and is not so small that the step is rounded away."""
    gradient = sample.gradients.get(layer, 0.0)
    return gradient * max(sample.learning_rates, default=1.0) > 1e-7 * sample.sizes.get(layer, 0.0) or (
        gradient > 0 and not any(sample.learning_rates)
    )


def not_zeroed(scene: Scene) -> Iterator[Said]:
    """Gradients that are never set to zero."""
    if all(sample.added for sample in scene.samples[-PERSISTENT:]):
        yield (
            "not zeroed",
            "each gradient is added to those of the steps before, since backward() adds to .grad: call "
            "optimizer.zero_grad(), or set the gradients to zero yourself, before each backward()",
        )


def dead_units(scene: Scene) -> Iterator[Said]:
    """ReLUs with a negative input for every example: no gradient passes, so they stay dead.

    A network that learns all the same has units enough, or few examples.
    """
    samples, losses, last = scene.samples, scene.losses, scene.samples[-1]
    # where the loss is no measure of progress, units that are left may well suffice
    learns = _now(losses) < max(LEARNING * _first(losses), 0.9 * _now(losses[:-LASTING]))  # or falls fast
    learns = learns or scene.adversarial or scene.own_targets
    long_ago = last.step - LASTING
    before = [s for s in samples if s.step > long_ago] + [s for s in samples if s.step <= long_ago][-1:]
    long = not learns and not scene.resumed and before[-1].step <= long_ago
    dead = {
        relu: share
        for relu, share in last.dead.items()
        if share == 1 or (long and all(s.dead.get(relu, 0) >= DEAD for s in before))
    }
    if dead:
        worst = max(dead, key=dead.__getitem__)
        units = "all units" if dead[worst] == 1 else f"{dead[worst]:.0%} of the units"
        others = f" (also {listed([relu for relu in dead if relu != worst])})" if len(dead) > 1 else ""
        yield (
            "dead ReLUs",
            f"{units} of {worst}{others} are dead: 0 for each of the last {EXAMPLES} examples observed. "
            f"No gradient passes a ReLU that is 0, so they may stay so. {_why_dead(samples, worst)}",
        )


def _why_dead(samples: Sequence[Sample], relu: str) -> str:
    """Say why units died: they were so at first, or a long step came before."""
    begun = samples[0].outputs.get(relu)
    long = [s for s in _long(samples) if s.dead.get(relu, 0) < 1]
    if begun is not None and begun.mean == begun.std == 0:
        return (
            "They were 0 from the start: look at the initial biases (below 0?) and weights before them, and at "
            "the inputs. A LeakyReLU does not die"
        )
    if long:
        ratio = max(long[0].ratios.values())
        return (
            f"They died after steps that were too long, up to {times(ratio)} the length of a layer in step "
            f"{long[0].step}: the learning rate{rate_of(long[:1])} is too high. Try a tenth of it; a LeakyReLU "
            "does not die"
        )
    return (
        "Usual causes: a learning rate that is or was too high, a large negative bias, weights that are all 0. A "
        "LeakyReLU does not die"
    )


def _long(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples with a step that was long for a layer."""
    return [s for s in samples if max(s.ratios.values(), default=0.0) > LARGE]


def no_progress(scene: Scene) -> Iterator[Said]:
    """A loss that does not fall, and that has not fallen before. With large targets, that is soon seen."""
    recent, losses, large = scene.samples[-PERSISTENT:], scene.losses, _targets_are_large(scene)
    if scene.batch is not None and len(scene.batch.shape) == 2 and len(losses) * scene.batch.shape[0] < ENOUGH:
        return  # batches of one or two
    # the loss of one batch may be low by chance
    first, now = max(_first(losses), mean_loss(losses[:5])), _now(losses)
    if min(scene.known, default=0.0) < 0:
        return  # a difference, a likelihood or a reward, which may be anywhere
    sizes = scene.sizes_of_targets
    if not large and len(sizes) >= 10 and median(sizes[-5:]) > 1.5 * median(sizes[:5]):
        return  # the targets grow, as values that are learned from one another
    if first < LEARNED * scene.guessing and now < LEARNED * scene.guessing:
        return  # resumed, and at its floor
    if scene.sizes_of_targets and now < (1 - FALLEN) * fmean(scene.guesses or [math.nan]):
        return  # there is little that the inputs say about the targets, and it is learned
    enough = len(losses) >= (PATIENCE / 2 if scene.ended else PATIENCE)
    at_guessing = enough and now > 0.98 * _guessed(scene) and not _fallen(now, _now(losses[:-50]))
    stays = _at_guessing(scene, now, first, len(losses)) if at_guessing else ()
    if _stationary(recent) and not large:
        yield from stays
        return  # otherwise there is nothing to learn
    counts = (*scene.shape[1:2], *scene.shape[-1:], len(scene.frequencies))
    near = [n for n in counts if n > 1 and abs(first - math.log(n)) < 0.1 * first]
    # falling to the loss of guessing takes no learning
    related = scene.giveaway.related
    known_well = related is False or (len(losses) >= PATIENCE and (related or _guessed(scene) < math.inf))
    frequencies = scene.label_entropy if known_well else math.nan
    known = [
        cost
        for cost in (frequencies, *([fmean(scene.guesses)] if scene.guesses and len(losses) >= PATIENCE else []))
        if 0.5 * first < cost < first
    ]
    start = min([first, *map(math.log, near), *known])
    if len(losses) >= (LASTING if large else PATIENCE):
        by_heart = scene.neighbours.unrelated()  # there is little else to learn
        fallen = not now >= (0.9 if large and len(losses) >= PATIENCE else 0.95 if by_heart else 1 - FALLEN) * start
    else:  # a run that is over, and has not begun to learn
        near_start = 1 - FALLEN if related is False or scene.neighbours.unrelated() else 0.995
        fallen = not scene.ended or len(losses) < PATIENCE / 2 or not now > near_start * start
    if fallen:
        yield from stays
        return
    frequent = start == frequencies and not any(start > (1 - FALLEN) * math.log(n) for n in near)
    guess = (
        f" Guessing by how frequent each class is costs {start:.4g}, so what the inputs say is not used."
        if frequent
        else f" ln({near[0]}) is the loss of guessing among {near[0]} classes."
        if near and abs(now - start) < FALLEN * now
        else ""
    )
    ratio = max(_ratios(recent).values(), default=math.nan)
    gradients = recent[-1].gradients.values()
    if _dead(recent):
        cause = "The dead ReLUs may be why"
    elif gradients and min(gradients) < APART * max(gradients):
        cause = "The layers whose gradient vanishes may be why"
    elif (rates := [max(s.learning_rates, default=0.0) for s in recent])[-1] > STEADY * rates[0]:
        if not ratio < USUAL / 2:
            return  # the rate still rises, as in a test of many rates
        cause = f"The learning rate is still warming up, and only{rate_of(recent)} now: shorten the warm-up"
    elif ratio < USUAL / 2:
        cause = f"The updates are small, at most {ratio:.1e} of a layer; {USUAL:g} is usual. Raise the learning rate"
    elif ratio > LARGE or (now > RISEN * start and (long := _long(scene.samples))):
        cause = f"The learning rate{rate_of(long if ratio <= LARGE else recent)} is too high: try a tenth of it"
    elif related is False:
        cause = (
            "No input says anything about its target in these batches: the targets are of other examples or positions"
        )
    elif related:
        cause = (
            "The inputs say something about the targets, so look at the model: does its result depend on all inputs, "
            "and does a gradient reach each layer? Is the loss given what it expects, as scores before a softmax?"
        )
    else:
        clear = scene.neighbours.unrelated() or scene.neighbours.agreement()[1] > CLEAR
        if not clear and len(losses) < 2 * PATIENCE and pstdev(losses[-50:]) > 0.1 * now:
            return  # the batches differ by more than what may have been learned
        cause = what_the_data_say(scene)
        if clear and now < start and not scene.neighbours.unrelated() and _falls_steadily(losses):
            cause = ""  # it learns, but slowly
    said = f"the loss is {now:.4g} after {len(losses)} steps, and was {first:.4g} at first.{guess} {cause}"
    yield "loss does not fall", said if cause else ""


def _falls_steadily(losses: Sequence[float]) -> bool:
    """Return whether a line through the losses, but for those of the first steps, falls beyond doubt."""
    later = [loss for loss in losses[len(losses) // 5 :] if math.isfinite(loss)]
    slope, _ = linear_regression(steps := range(len(later)), later)
    rest = pstdev(loss - slope * step for step, loss in zip(steps, later))
    clearly = slope * pstdev(steps) * math.sqrt(len(later)) < -CLEAR_FALL * rest
    return clearly and -slope * len(later) > 0.1 * FALLEN * abs(_now(losses))


def _guessed(scene: Scene) -> float:
    """Return what guessing costs: the variance of the targets, or the entropy of classes that are about as frequent.

    Where a class is rare, little else may be learned at first.
    """
    if scene.guesses:
        return fmean(scene.guesses)
    entropy = scene.label_entropy
    return entropy if entropy > 0.9 * math.log(len(scene.frequencies) or 1) else math.inf


def _at_guessing(scene: Scene, now: float, first: float, steps: int) -> Iterator[Said]:
    """A loss that has fallen to that of guessing, and stays there: said if the data show why, or with a cause."""
    unrelated = scene.neighbours.unrelated()
    if unrelated or scene.neighbours.agreement()[1] > CLEAR:
        said = (
            f"the loss is {now:.4g} after {steps} steps, and was {first:.4g} at first: it has fallen to what guessing "
            f"costs, and stays there. {what_the_data_say(scene)}"
        )
        yield "loss does not fall", said if unrelated else ""


def what_the_data_say(scene: Scene) -> str:
    """Say whether the data or the model is at fault, by what the nearest other example predicts."""
    if scene.neighbours.unrelated():
        return (
            "Examples with similar inputs have targets no more alike than others: do inputs and targets belong "
            "together, in the same order, shuffled and cut together?"
        )
    if scene.neighbours.agreement()[1] > CLEAR:
        return (
            f"Inputs and targets belong together, since {scene.neighbours}: look at the model, and at whether the loss "
            "gets what it expects, as scores before a softmax"
        )
    return "Do inputs and targets belong together? Does the loss get what it expects, as scores before a softmax?"


def stays_high(scene: Scene) -> Iterator[Said]:
    """A loss that stays above that of guessing, or far above what the data allow: said with a cause alone."""
    recent, losses, guessing = scene.samples[-PERSISTENT:], scene.losses, scene.cost_of_guessing
    if len(losses) < (PATIENCE / 2 if scene.ended else PATIENCE):
        return
    now = _now(losses)
    if now > 1.05 * guessing:
        yield "worse than guessing", ""
    moves = max(_ratios(recent).values(), default=0.0) > USUAL / 10 or _stationary(recent)
    slow = moves and now > 0.97 * _now(losses[:-50])
    if slow and now > max(3 * scene.neighbours.reachable, 0.5 * guessing):
        yield "loss stays high", ""


def _targets_are_large(scene: Scene) -> bool:
    return any(True for _ in large_targets(scene))


def _stationary(recent: Sequence[Sample]) -> bool:
    """Return whether the gradient is 0 for practical purposes, as at a minimum: moving each parameter by all of its
    length would not change the loss by a thousandth."""
    return all(0 < s.gradient * math.hypot(*s.sizes.values()) < FLAT * abs(s.loss) for s in recent)


def _dead(recent: Sequence[Sample]) -> bool:
    """Return whether dead ReLUs stop the gradient."""
    return any(share >= DEAD for sample in recent for share in sample.dead.values())


def _first(losses: Sequence[float]) -> float:
    """Return the first known loss."""
    return next(filter(math.isfinite, losses), math.nan)


def _now(losses: Sequence[float]) -> float:
    """Return the mean of the last known losses."""
    return mean_loss(losses[-50:])


def _fallen(now: float, start: float) -> bool:
    """Return whether a loss is lower than at the start, or unknown."""
    return not now >= start - FALLEN * abs(start)


def rate_of(samples: Sequence[Sample]) -> str:
    """Return the last learning rate after a space, the highest of several; "" if it is not known."""
    rate = max(samples[-1].learning_rates, default=math.nan) if samples else math.nan
    return f" {rate:.3g}" if math.isfinite(rate) else ""


def times(ratio: float) -> str:
    """Return a ratio in words: `2.5 times`."""
    return f"{ratio:.2g} times" if ratio < 1e3 else f"{ratio:.0e} times"
