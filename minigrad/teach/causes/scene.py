"""What a run looks like from outside its numbers: model, optimizer, batch, and the graph of the loss."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.teach import loss_graph
from minigrad.teach.causes.giveaway import Giveaway
from minigrad.teach.causes.neighbours import Neighbours
from minigrad.teach.reach import Reach
from minigrad.teach.samples import Sample, named

STRAIGHT_ON = 0.5
"""The cosine between two steps in a row above which, mostly, they go the same way; it is never below half of it."""
MIXED = 1e-3
"""The dependence on other examples, as a part of that on the own input, that is no rounding."""
AHEAD = 1e-6
"""The part of a result's dependence on later positions that rounding does not make."""

SEVERAL = 8
"""The number of Values from which, if all of them but zeros are the same at first, they were not drawn at random."""
UNDECIDED = 0.75
"""The largest probability of an action where a policy must also draw others."""


@dataclass
class Batch:
    """The inputs of a step: their range, mean and standard deviation, and the scales of the features."""

    shape: tuple[int, ...]
    low: float
    high: float
    mean: float
    std: float
    nan: bool
    scales: tuple[float, float] = (1.0, 1.0)

    @staticmethod
    def of(array: np.ndarray) -> Batch | None:
        """Return the statistics of an array of floats; None for other inputs, such as indices."""
        if array.dtype.kind != "f" or not array.size:
            return None
        with np.errstate(all="ignore"):
            nan = bool(np.isnan(array).any())
            numbers = array[np.isfinite(array)].astype(np.float64) if nan else array.astype(np.float64)
            if not numbers.size:
                return Batch(array.shape, math.nan, math.nan, math.nan, math.nan, nan)
            scales = (1.0, 1.0)
            if array.ndim == 2 and len(array) > 3 and not nan:
                deviations = numbers.std(axis=0)
                used = deviations[deviations > 0]
                scales = (float(used.min()), float(used.max())) if used.size else scales
            low, high, mean, std = (float(f(numbers)) for f in (np.min, np.max, np.mean, np.std))
            return Batch(array.shape, low, high, mean, std, nan, scales)


@dataclass
class Scene:
    """What a run looks like from outside its numbers."""

    model: Module  # the model
    optimizer: Any  # its optimizer, or None
    samples: list[Sample] = field(default_factory=list)  # the sampled steps
    losses: list[float] = field(default_factory=list)  # of all steps, nan where not known
    validation: list[tuple[int, float]] = field(default_factory=list)  # pairs of a step and the validation loss then
    batch: Batch | None = None  # the inputs of the latest sampled step
    output: Any = None  # the node of the model's output in that step
    shape: tuple[int, ...] = ()  # of what the model gave last; with a softmax loss it has the number of classes in it
    loss: Any = None  # the node of the loss, where it is known
    between: list[Any] = field(default_factory=list)  # the nodes between output and loss
    uphill: list[float] = field(default_factory=list)  # the cosine between update and gradient in the latest samples
    # in each sample the class that all targets had, None if they differed
    labels: list[int | None] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)  # the names of the layers with trainable parameters
    goals: list[int] = field(default_factory=list)  # in each sample where the graph of the loss is known, the goal
    goal: int = 0  # 1 if the loss must be minimized, -1 if it must be maximized, 0 where that is not known
    guessing: float = math.nan  # the loss of guessing, nan where it is not known
    adversarial: bool = False  # whether other parameters than the model's lie between its output and the loss
    training: list[bool] = field(default_factory=list)  # in each sample whether the model was in training mode
    validated_in_training: bool = False  # whether a validation loss was computed in training mode
    # names of parameters of layers that change: for how many samples in a row they had a gradient and did not change,
    # since the optimizer, or a loop by hand, does not have them
    still: dict[str, int] = field(default_factory=dict)
    # names of layers and parameters that something else than the optimizer updates
    moved: set[str] = field(default_factory=set)
    zeros: list[bool] = field(default_factory=list)  # in each sample whether all inputs were 0
    same: list[bool] = field(default_factory=list)  # in each sample whether all examples of the batch were the same
    # the inputs of the latest sampled step, and those of the latest validation
    prepared: tuple[Batch | None, Batch | None] = (None, None)
    first_batch: Batch | None = None  # the inputs of the first sampled step
    others: list[Any] = field(default_factory=list)  # its further inputs, as arrays of indices
    inputs: Any = None  # the inputs of the latest sampled step, as an array
    table: Any = None  # those of a model with several inputs, as the columns of one array
    repeated: int = 0  # the number of samples in a row whose inputs are those of the first
    ended: bool = False  # whether the run is over
    predicted: bool = False  # whether the model was called without recording in the latest sampled step
    # in each sample the first layer, if the model gives all examples the same result because that layer gets the same
    # numbers for each; None otherwise
    unread: list[str | None] = field(default_factory=list)
    guesses: list[float] = field(default_factory=list)  # what guessing costs in each sample of a regression
    # the largest target of a regression in each sample, by its absolute value
    sizes_of_targets: list[float] = field(default_factory=list)
    giveaway: Giveaway = field(default_factory=Giveaway)  # what the inputs say about the targets
    # whether examples that are alike have targets that are alike
    neighbours: Neighbours = field(default_factory=Neighbours)
    linear: bool = False  # whether the model computes a linear function
    unbiased: bool = False  # whether its last layer is linear and has no bias
    offset: float = 0.0  # the mean of the targets of a regression in the first sample, in their standard deviations
    # the number of samples in a row in which a layer had new parameters
    anew: dict[str, int] = field(default_factory=dict)
    # in each sample the shape of a weight that the forward pass created, None if it created none
    created: list[tuple[int, ...] | None] = field(default_factory=list)
    # in each sample the normalization that gives all examples the same result, None if none does
    levelled: list[str | None] = field(default_factory=list)
    undone: int = 0  # the number of samples in a row before which the step before was undone
    redrawn: int = 0  # and before which the weights had nothing in common with those that the step had left
    # the cosines between the updates of two consecutive steps, among the first
    turns: list[float] = field(default_factory=list)
    momentum: float = 0.0  # in the lecture's loop, the momentum that explains the steps; 0 where none does
    # in the lecture's loop, the part by which a step shrinks the parameters, as weight decay; 0 where none
    shrinks: float = 0.0
    called: set[str] = field(default_factory=set)  # the names of the modules that were called in a sampled step
    # what the result of an example depends on, in the first samples; None where that is not known
    reach: Reach | None = None
    connected: bool | None = None  # whether the loss depends on the model's output; None where that is not known
    penalty: float = 0.0  # the factor of the sum of a parameter's squares in the loss
    lasso: float = 0.0  # that of the sum of a parameter's absolute values
    summed: int = 0  # the number of examples that the loss is a sum over, 0 for other losses
    factor: float = 0.0  # what the mean is multiplied by that the loss is a multiple of, 0 for other losses
    discriminates: bool = False  # whether a sigmoid follows those other parameters, as in a generator's loss
    judges: bool = False  # whether a loss with a sigmoid has several calls of the model in it, as a critic's
    # the results of the operations of the latest sampled step, by node, in the steps that are due
    values: dict[Any, np.ndarray] = field(default_factory=dict)
    # in each step that is due, the terms of the loss: their values, and whether they have targets
    terms: list[list[tuple[float, bool]]] = field(default_factory=list)
    # in each of them, the divergence of a posterior from the standard normal, for each number; nan for none
    latents: list[float] = field(default_factory=list)
    frequencies: Counter[int] = field(default_factory=Counter)  # how often each class was a target
    # in each sample the most frequent class among the targets, and the fraction of them that it is
    majorities: list[tuple[int, float]] = field(default_factory=list)
    # two linear layers without an activation between them, and what they are; None if there are none
    stacked: tuple[str, str, str] | None = None
    rates: list[float] = field(default_factory=list)  # the learning rate of the optimizer's first group in all steps
    # in each sample the one number that all targets of its binary cross entropies are, nan if they differ
    answers: list[float] = field(default_factory=list)
    told: int = 0  # the number of samples in which a further input was the targets
    # in each step that is due, the range of the scores of a cross entropy; nan for other losses
    narrow: list[float] = field(default_factory=list)
    scaled: bool = False  # whether the scores of a cross entropy are a product with a constant
    # in each sample of a sequence of indices, the fraction of targets that are padding, as their inputs
    padded: list[float] = field(default_factory=list)
    # in each step that is due, the fraction of the targets that are of other classes than the one that the model
    # predicts for all; nan if it predicts several
    overlooked: list[float] = field(default_factory=list)
    # in each sample, the standard deviation of the model's results over the examples, and that as a part of their size
    spreads: list[tuple[float, float]] = field(default_factory=list)
    # whether the targets come from the model itself, as in temporal differences: they move with it
    own_targets: bool = False
    greedy: float = 0.0  # the number of actions of a policy that were all the likeliest one; -inf after another one
    # of the loss of a policy, in each step that is due, the sign of the log-probabilities, their number, and the sign
    # of the returns that they are multiplied by; 0 where these may be something else
    taken: list[tuple[int, int, int]] = field(default_factory=list)
    returns: list[np.ndarray] = field(default_factory=list)  # these
    pairs: list[np.ndarray] = field(default_factory=list)  # the users, items and ratings of samples, as rows
    states: set[int] = field(default_factory=set)  # checksums of those whose actions' values are learned
    highest: float = 0.0  # the number of batches in which the values learned are all the highest; -inf after another
    valued: float = 0.0  # the number of states whose action had the highest value; -inf after another one
    # in each sample where the model gets two batches of one shape, the mean distance between a row and its partner, as
    # a part of that between any two; 0 where they are the same
    views: list[float] = field(default_factory=list)
    ignored: int = 0  # the number of samples in which the model's graph had no numbers from its further inputs
    resumed: bool = False  # whether the optimizer had a state when watching began
    # of pairs of weights of a layer, the number of samples in a row in which the gradient of the first was exactly 0
    # and that of the second was not
    silent: dict[tuple[str, str], int] = field(default_factory=dict)
    restarted: int = 0  # the number of samples in a row, after the first steps, in which the optimizer had no memory
    calls: int = 1  # the number of calls of the model in the latest sampled step
    alike: list[str] = field(default_factory=list)  # the layers whose units had the same weights at first, and not 0
    equal: list[np.ndarray] = field(default_factory=list)  # the Values that were the same at first, biases of 0 aside

    def __post_init__(self) -> None:
        self.alike = [layer for layer, weight in self.weights() if weight.any() and not np.ptp(weight, axis=0).any()]
        self.equal = [p for _, p in self.numbers() if p.size >= SEVERAL and len({*p.tolist()} - {0.0}) <= 1]
        self.resumed = any(state for state in getattr(self.optimizer, "state", {}).values())

    def numbers(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the layers that are Values, and their numbers."""
        for path, module in self.model.named_modules():
            if getattr(module, "of_values", False):
                yield from ((named(path, module), p._array) for p in module._parameters.values() if p is not None)

    def weights(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the layers that train a weight of several units and inputs, and this, its units along axis 0."""
        for path, module in self.model.named_modules():
            by_hand = class_name(module) == "Weights"  # which multiply from the right, x @ W
            for name, p in module._parameters.items() if "Norm" not in class_name(module) else ():
                known = p is not None and p.node is not None and p.ndim >= 2 and min(p.shape[:2]) >= 2
                if p is not None and known and (by_hand or name == "weight"):
                    yield named(path, module), p._array.T if by_hand else p._array

    @property
    def known(self) -> list[float]:
        """The losses that are finite."""
        return [loss for loss in self.losses if math.isfinite(loss)]

    def look_at_inputs(self, seen: Any) -> None:
        """Note what a forward pass has shown of its inputs: `inputs`, `reach` and `predicted`."""
        self.inputs, self.others, self.predicted, self.table = seen.inputs, seen.others, seen.predicted, seen.table
        self.reach = seen.reach or self.reach

    def look_at_loss(self, loss: Any, output: Any) -> None:
        """Note what the graph of the loss shows, whose node and the output's are given."""
        self.loss, self.output = loss, output
        self.between = between = loss_graph.nodes_between(output, loss)
        self.labels.append(loss_graph.label_of(between))
        own = {p.node for p in self.model.parameters() if p.node is not None}
        self.goal, self.adversarial = loss_graph.goal(loss), loss_graph.other_parameters(between, own)
        self.goals.append(self.goal)
        entropies = [node for node in between if node.primitive.name == "cross_entropy"]
        self.scaled = any(loss_graph.input_names(node) in (["mul"], ["div"]) for node in entropies)
        names = {node.primitive.name for node in between}
        self.discriminates = self.adversarial and bool(names & {"sigmoid", "softplus"})
        # a critic is called twice, for real and generated examples, and gives each one score
        twice = loss_graph.other_parameters(between, ()) and not self.adversarial
        self.judges = twice and math.prod(output.shape) == max(output.shape[:1], default=0)
        self.guessing = loss_graph.guessing(loss, output)
        self.connected = loss is output or any(output in node.inputs for node in between)
        self.penalty = loss_graph.penalty(loss, own)
        self.lasso = loss_graph.penalty(loss, own, absolute=True)
        self.summed = loss_graph.summed(loss)
        node, factor = loss_graph.multiplied(loss)
        self.factor = abs(factor) if loss_graph.kind_of(node) == "mean" else 0.0
        self.unbiased = loss_graph.without_bias(output)
        # the graph does not have the layers that are frozen
        self.linear = loss_graph.is_linear(output) and all(p.requires_grad for p in self.model.parameters())
        targets = next(loss_graph.targets(between, output), None)
        if targets is not None:
            if not self.sizes_of_targets and targets.std():
                self.offset = abs(float(targets.mean() / targets.std()))
            self.sizes_of_targets.append(float(np.abs(targets).max()))
            self.guesses += [self.guessing] if math.isfinite(self.guessing) else []
        labels = loss_graph.labels_of(between)
        if self.inputs is None and labels is not None:  # the tokens that a decoder reads
            self.inputs = next((other for other in self.others if other.ndim == 2 and other.size == labels.size), None)
        bits = loss_graph.bits_of(between) if labels is None else None
        classes = labels if bits is None else bits
        if classes is not None:
            left_out = loss_graph.left_out(between, classes.shape)
            classes = np.where(left_out, -1, classes)
            if (counted := classes[~left_out]).size:
                self.frequencies.update(counted.tolist())
                label, times = Counter(counted.tolist()).most_common(1)[0]
                self.majorities.append((label, times / counted.size))
        if labels is not None:
            read = [other.ravel() for other in self.others if other.ndim > 1 and len(other[0]) > 3]
            self.told += any(np.array_equal(other, labels.ravel()) for other in read)
            self.padded.append(loss_graph.padded(self.inputs, labels, between))
        binary = [*map(np.unique, (*loss_graph.binary_targets(between), *loss_graph.likelihood_targets(between)))]
        if binary:
            kinds = np.unique(np.concatenate(binary))
            self.answers.append(float(kinds[0]) if len(kinds) == 1 else math.nan)
        if self.values:
            scores = [self.values.get(node.inputs[0]) for node in entropies if node.inputs[0]]
            ranges = [float(np.ptp(s)) for s in scores if s is not None]
            self.narrow.append(max(ranges, default=math.nan))
            terms = [(term, factor) for term, factor in loss_graph.terms(loss) if term in self.values]
            self.terms.append([(float(self.values[t]) * f, loss_graph.has_targets(t)) for t, f in terms])
            self.overlooked.append(loss_graph.overlooked(between, self.values))
            self.latents.append(loss_graph.divergence(loss, self.values))
            for taken in loss_graph.actions_taken(between):
                sign = loss_graph.linear_terms(loss).get(taken.product, 0) * (-1 if taken.negated else 1)
                self.taken.append((sign, len(taken.actions), taken.brought(between, self.values)))
                self.returns.append(taken.weights)
                if (p := taken.probabilities(self.values)) is not None:
                    undecided = p.max(axis=1) < UNDECIDED
                    same = (p.argmax(axis=1) == taken.actions)[undecided]
                    self.greedy = self.greedy + len(same) if same.all() else -math.inf
            for source, actions in loss_graph.values_taken(between):
                batch = self.inputs if max(self.valued, self.highest) >= 0 else None
                if source in self.values and batch is not None and len(batch) == len(actions):
                    # the values have changed since actions of long ago were taken
                    rows = [zlib.crc32(row.tobytes()) for row in batch]
                    new = [row not in self.states for row in rows]
                    same, known = self.values[source].argmax(axis=1) == actions, len(self.states)
                    self.states.update(rows)
                    self.valued = self.valued + len(self.states) - known if same[new].all() else -math.inf
                    self.highest = self.highest + 1 if same.all() else -math.inf
        if len(self.pairs) < SEVERAL * 5 and (pair := loss_graph.rated(loss, own)) is not None:
            self.pairs.append(pair)
        X = self.table if self.inputs is None else self.inputs
        self.giveaway.look(X, targets if classes is None else classes)
        self.neighbours.look(X, targets if classes is None else classes)
        bootstrapped = self.predicted and any(True for _ in loss_graph.targets(between, output))
        self.own_targets = bootstrapped or loss_graph.learns_values(between) or loss_graph.has_queue(between)

    def is_flat(self, count: int) -> bool:
        """Return whether no gradient other than 0 has arrived in the last samples, of which there are so many."""
        recent = self.samples[-count:]
        return len(recent) == count and not any(any(sample.gradients.values()) for sample in recent)

    def forget_graph(self) -> None:
        """Let go of the graph of this step."""
        self.loss = self.output = self.inputs = self.table = None
        self.between, self.values = [], {}

    @property
    def measures_progress(self) -> bool:
        """Whether the loss of a model that learns falls: not if another model works against it, if its targets come
        from itself, or if the log-probabilities of a policy's actions are weighted by what they brought."""
        weighted = bool(self.taken) or {1, -1} <= {*self.goals}
        return not (self.adversarial or self.judges or self.own_targets or weighted)

    @property
    def is_due(self) -> bool:
        """Whether the graph should be searched again: that of most steps is the same."""
        return len(self.samples) <= 3 or len(self.samples) % 8 == 0

    @property
    def will_be_due(self) -> bool:
        """Whether the next sample is."""
        return len(self.samples) < 3 or (len(self.samples) + 1) % 8 == 0

    @property
    def label_entropy(self) -> float:
        """What guessing by the frequencies of the classes costs; nan where they are not known well enough."""
        n, k = self.frequencies.total(), len(self.frequencies)
        if k < 2 or n < 20 * k:
            return math.nan
        return -sum(c / n * math.log(c / n) for c in self.frequencies.values()) + (k - 1) / (2 * n)  # Miller (1955)

    @property
    def shows_graph(self) -> bool:
        """Whether the graph from the output to the loss is known, and due."""
        return self.loss is not None and self.output is not None and self.is_due

    @property
    def goes_straight_on(self) -> bool:
        """Whether the first steps, without momentum, all went the same way; steps that overshoot go back and forth."""
        groups = self.optimizer.param_groups if self.optimizer is not None else ()
        plain = not self.momentum and all("nesterov" in group and not group["momentum"] for group in groups)
        return plain and len(self.turns) >= 5 and median(self.turns) > STRAIGHT_ON and min(self.turns) > STRAIGHT_ON / 2

    @property
    def cost_of_guessing(self) -> float:
        """What guessing costs: ln(classes), or the mean variance of the targets of a regression; nan if not known."""
        return math.fsum(self.guesses) / len(self.guesses) if self.guesses else self.guessing

    @property
    def has_modes(self) -> bool:
        """Whether the model computes something else in evaluation mode."""
        kinds = [class_name(module) for module in self.model.modules()]
        return any(kind.startswith(("Dropout", "AlphaDropout", "BatchNorm", "InstanceNorm")) for kind in kinds)

    @property
    def mixes(self) -> bool:
        """Whether the result of an example depends on others, by more than a normalization over the batch."""
        return self.reach is not None and self.reach.others > MIXED and not self.normalizes_over_batch

    @property
    def normalizes_over_batch(self) -> bool:
        """Whether a layer of the model is a batch normalization."""
        return any("BatchNorm" in class_name(module) for module in self.model.modules())

    @property
    def looks_ahead(self) -> bool:
        """Whether the result at a position depends on later ones, as attention without a mask."""
        return self.reach is not None and self.reach.ahead > AHEAD
