"""What the updates of a run have in common: with the gradients, with the updates before them, with other changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.teach.causes import Scene
from minigrad.teach.samples import Sample, norm

Layers = list[tuple[str, list[tuple[Any, np.ndarray]]]]
"""For each layer its name, and pairs of a parameter and a copy of its array before the update."""
Changes = list[list[np.ndarray]]
"""What the update added to each of these arrays."""


class UpdateHistory:
    """Compares each sampled update with the one before, and writes what it finds into the scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._parameters: dict[str, Any] = {}
        self._previous: tuple[int, Changes] = 0, []  # the last sampled step and its changes
        self._left: tuple[int, Layers] = 0, []  # the last sampled step and the parameters before it
        self._first_inputs: np.ndarray | None = None  # a copy
        self._idle: dict[str, tuple[int, np.ndarray]] = {}  # Values that did not change, and for how many samples
        self._still: list[tuple[str, Any, np.ndarray]] = []  # parameters that the last sampled step did not change

    def begin(self, step: int, layers: Layers, moved: bool) -> None:
        """Before an update: compare the parameters with those after the last one, which moved some or did not."""
        self._find_moved()
        self._find_undone(step, layers, moved)

    def add(
        self, sample: Sample, layers: Layers, changes: Changes, inputs: np.ndarray | None, first: bool, compared: bool
    ) -> None:
        """Add an update of these layers; `first`: all samples so far had the same inputs; `compared`: with the update
        before."""
        scene = self._scene
        self._left = (sample.step, layers) if compared else (0, [])
        sample.slope = sum(float(np.dot(g, c)) for g, c in _gradients(layers, changes))
        length = sample.gradient * math.hypot(*sample.updates.values())
        scene.uphill.append(sample.slope / length if length and math.isfinite(length) else 0.0)
        now = {f"{layer}.{i}": p for layer, pairs in layers for i, (p, _) in enumerate(pairs)}
        new = {name.rpartition(".")[0] for name, p in now.items() if self._parameters.get(name, p) is not p}
        scene.anew = {layer: scene.anew.get(layer, 0) + 1 for layer in new}
        self._parameters = now
        self._find_still(layers, changes)
        self._find_silent(layers)
        self._find_restarted(sample, layers, changes)
        if inputs is not None and first:
            self._find_repeated(inputs)
        if compared:
            self._explain(sample.step, layers, changes)

    def _explain(self, step: int, layers: Layers, changes: Changes) -> None:
        """Compare an update with the one before; in the lecture's loop, find the momentum or decay that explains it."""
        (before, previous), scene = self._previous, self._scene
        self._previous = step, changes
        if 0 < before == step - 1:
            pairs = [(c.ravel(), e.ravel()) for cs, es in zip(changes, previous) for c, e in zip(cs, es)]
            along = sum(float(np.dot(c, e)) for c, e in pairs if c.shape == e.shape)
            lengths = norm(c for c, _ in pairs) * norm(e for _, e in pairs)
            scene.turns.append(along / lengths if lengths and math.isfinite(lengths) else 0.0)
        if scene.optimizer is not None:
            return
        scene.shrinks = -_share(changes, [[x for _, x in pairs] for _, pairs in layers], layers)
        if before == step - 1:
            scene.momentum = _share(changes, previous, layers)

    def _find_still(self, layers: Layers, changes: Changes) -> None:
        """Find what has a gradient and did not change: layers, and parameters that the optimizer or a loop forgets."""
        scene = self._scene
        each = [(layer, p, c) for (layer, pairs), cs in zip(layers, changes) for (p, _), c in zip(pairs, cs)]
        each = [(layer, p, c) for layer, p, c in each if p.grad is not None and p.grad._array.any()]
        self._still = [(layer, p, p._array.copy()) for layer, p, c in each if not c.any()]
        if scene.optimizer is not None:
            given = {id(p) for group in scene.optimizer.param_groups for p in group["params"]}
            lacking = {id(p) for _, p, _ in self._still} - given
            partly = {layer for layer, pairs in layers if {id(p) for p, _ in pairs} & given}
        else:
            rates = {layer: norm([c]) / norm([p.grad._array]) for layer, p, c in each if c.any()}
            lacking = {
                id(p)
                for layer, p, array in self._still  # and not because the step is rounded away
                if rates.get(layer, 0.0) * norm([p.grad._array]) > 1e-6 * norm([array])
            }
            partly = {*rates}
        where = {id(p): layer for layer, p, _ in self._still}
        scene.still = {
            name: scene.still.get(name, 0) + 1
            for name, p in scene.model.named_parameters()
            if id(p) in lacking and where[id(p)] in partly and name not in scene.moved
        }

        values = {layer for layer, _ in scene.numbers()}
        for (layer, pairs), cs in zip(layers, changes):
            if layer in values and pairs[0][0].grad is not None and cs[0].any():
                self._count_idle(layer, pairs[0][0].grad._array, cs[0])

    def _count_idle(self, layer: str, gradient: np.ndarray, change: np.ndarray) -> None:
        """Count the samples in a row in which the same Values have a gradient, and do not change as others do."""
        fastest = float(np.max(abs(change[gradient != 0] / gradient[gradient != 0]), initial=0.0))
        idle = (change == 0) & (abs(gradient) * fastest > 1e-9)
        times, before = self._idle.get(layer, (0, idle))
        moves = (before & (change != 0)).any()  # as where each step changes another one
        same = (idle & before).any() and not moves
        times, idle = self._idle[layer] = (times + 1, idle & before) if same else (0, idle)
        if times:
            self._scene.still[f"a part of the Values, {idle.sum()} of {idle.size},"] = times

    def _find_silent(self, layers: Layers) -> None:
        """Count the samples in a row in which a weight has the gradient 0, and another of its layer has not."""
        names = {id(p): name for name, p in self._scene.model.named_parameters()}
        silent = {}
        for _, pairs in layers:
            known = [p for p, _ in pairs if p.grad is not None and id(p) in names]
            other = next((p for p in sorted(known, key=lambda p: -p.ndim) if p.grad._array.any()), None)
            for p in known if other is not None else ():
                if p.ndim > 1 and not p.grad._array.any():
                    pair = names[id(p)], names[id(other)]
                    silent[pair] = self._scene.silent.get(pair, 0) + 1
        self._scene.silent = silent

    def _find_restarted(self, sample: Sample, layers: Layers, changes: Changes) -> None:
        """Count the samples in a row in which an optimizer with momentum made a step without any memory."""
        optimizer = self._scene.optimizer
        group = optimizer.param_groups[0] if optimizer is not None and len(optimizer.param_groups) == 1 else {}
        adam = "betas" in group and "eps" in group
        if sample.step <= 3 or not (adam or float(group.get("momentum", 0) or 0) >= 0.5):
            return
        pairs, rate = _gradients(layers, changes), float(group["lr"])
        steps = [(c, g / (abs(g) + group["eps"]) if adam else g) for g, c in pairs]
        plain = any(c.any() for _, c in pairs) and norm(c + rate * s for c, s in steps) < 1e-3 * norm(
            c for _, c in pairs
        )
        if plain and adam:  # the first step has this form, and so have all while the gradient stays the same
            plain = all(state.get("t", 1) == 1 for state in optimizer.state.values())
        self._scene.restarted = self._scene.restarted + 1 if plain else 0

    def _find_moved(self) -> None:
        """Find which of these have changed since: something else updates them, such as a second optimizer."""
        changed = {id(p): layer for layer, p, array in self._still if not np.array_equal(p._array, array)}
        if changed:
            self._scene.moved |= {name for name, p in self._scene.model.named_parameters() if id(p) in changed}
            self._scene.moved |= {*changed.values()}
        self._still = []

    def _find_repeated(self, inputs: np.ndarray) -> None:
        """Count the samples in a row that had the same inputs."""
        if self._first_inputs is None:
            self._first_inputs = inputs.copy()
        if np.array_equal(self._first_inputs, inputs):
            self._scene.repeated += 1
        else:
            self._first_inputs = None

    def _find_undone(self, step: int, layers: Layers, moved: bool) -> None:
        """Count the steps in a row after which the parameters were what they had been before it."""
        before, left = self._left
        self._left = 0, []
        then = [array for _, pairs in left for _, array in pairs]
        now = [array for _, pairs in layers for _, array in pairs]
        if not before or before != step - 1 or not moved:
            return
        scene = self._scene
        undone = len(then) == len(now) and all(map(np.array_equal, then, now))
        scene.undone = scene.undone + 1 if undone else 0
        after = [b + c for b, c in zip(then, [c for cs in self._previous[1] for c in cs])]
        weights = [(a.ravel(), n.ravel()) for a, n in zip(after, now) if a.shape == n.shape and a.ndim > 1]
        redrawn = bool(weights) and not undone and _unlike(*map(np.concatenate, zip(*weights)))
        scene.redrawn = scene.redrawn + 1 if redrawn else 0


def estimated_rate(layers: Layers, changes: Changes, size: float) -> tuple[float, ...]:
    """Return the learning rate if the update was -learning_rate * dx of parameters of this length; otherwise ()."""
    pairs = _gradients(layers, changes)
    steep, along = norm(g for g, _ in pairs), sum(float(np.dot(g, c)) for g, c in pairs)
    length = norm(c for cs in changes for c in cs)
    slope, length = steep * steep, length * length
    if not (along < 0 < slope and math.isfinite(slope + length)):
        return ()
    rounding = np.finfo(pairs[0][1].dtype).eps * size  # the rounding error of x
    return (-along / slope,) if length - along * (along / slope) <= 1e-5 * length + rounding * rounding else ()


def _gradients(layers: Layers, *others: Changes) -> list[tuple[np.ndarray, ...]]:
    """Return vectors: the gradient of each parameter that has one, and what the others have in its place."""
    places = zip(layers, *others)
    each = [(p, *arrays) for (_, pairs), *several in places for (p, _), *arrays in zip(pairs, *several)]
    return [tuple(a.ravel() for a in (p.grad._array, *arrays)) for p, *arrays in each if p.grad is not None]


def _unlike(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two vectors of 100 numbers or more have nothing in common: their cosine is what chance gives."""
    return a.size >= 100 and abs(float(np.dot(a, b))) < 5 / math.sqrt(a.size) * norm([a]) * norm([b])


def _share(changes: Changes, others: Changes, layers: Layers) -> float:
    """Return a, if the changes are a times the others minus a rate times the gradients; otherwise 0."""
    if _shapes(changes) != _shapes(others):
        return 0.0
    triples = [(c, o, g) for g, c, o in _gradients(layers, changes, others)]
    products = [[sum(float(np.dot(t[i], t[j])) for t in triples) for j in range(3)] for i in range(3)]
    (whole, a, b), (_, c, d), (*_, e) = products
    independent = c * e - d * d
    if not independent > 1e-6 * c * e:  # along the gradient, as in a linear regression from 0, either explains them
        return 0.0
    share, rate = (a * e - b * d) / independent, (b * c - a * d) / independent
    return share if rate < 0 and whole - share * a - rate * b <= 1e-5 * whole else 0.0


def _shapes(arrays: Sequence[Sequence[np.ndarray]]) -> list[list[tuple[int, ...]]]:
    return [[a.shape for a in several] for several in arrays]
