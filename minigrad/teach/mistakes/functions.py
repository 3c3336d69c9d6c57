"""Mistakes in functions of several operations: softmax, normalization, activations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Elementwise
from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.mistakes.formulas import functions
from minigrad.teach.mistakes.forward import other_parts
from minigrad.teach.mistakes.sites import Block
from minigrad.teach.tape import Times


@mistake("diagonal", "block", "only the diagonal of the Jacobian of the softmax {node}{line} is used{detail}: each "
         "output depends on all inputs, dx = p * (g - sum(g * p))", assumes=0.8)  # fmt: skip
def _diagonal(s: Block) -> Iterator[Variant]:
    if _softmax_axis(s) is None:
        return
    y = s.y
    yield Variant(lambda g: g * y * (1 - y), ", p * (1 - p)")
    yield Variant(lambda g: g * y, ", p alone", 0.3)


@mistake("softmax", "block", "the gradient of the softmax {node}{line} is {detail}; it must be p * (g - sum(g * p))",
         assumes=1.4)  # fmt: skip
def _softmax(s: Block) -> Iterator[Variant]:
    if (axis := _softmax_axis(s)) is None:
        return
    p, n = s.y, s.y.shape[axis]
    total = _sums_along(axis)
    yield Variant(lambda g: p * g - total(p * g), "p * g - sum(p * g): the sum is not multiplied by p")
    yield Variant(lambda g: p * (g - total(g)), "p * (g - sum(g)): p is missing in the sum")
    yield Variant(lambda g: p * (g + total(g * p)), "p * (g + sum(g * p)): the sign of the sum is wrong")
    yield Variant(lambda g: g - p * total(g), "g - p * sum(g), which is that of the logarithm of the softmax")
    yield Variant(lambda g: g - total(g * p), "g - sum(g * p): the factor p is missing")
    yield Variant(lambda g: p * (g - total(g * p) / n), "p * (g - mean(g * p)): a mean where a sum must be")
    yield Variant(lambda g: -p * total(p * g), "-p * sum(g * p): the diagonal is missing", -0.2)
    yield Variant(lambda g: 1.0 * g, "g alone: the Jacobian of the softmax is left out", -0.2)
    yield Variant(lambda g: p * (g - total(g * p, None)), "p * (g - sum(g * p)) with the sum over everything", 0.1)
    yield Variant(lambda g: p * (1 - p), "p * (1 - p), without the upstream gradient", 0.2)
    for other in range(p.ndim):
        if other != axis:
            yield Variant(lambda g, o=other: p * (g - total(g * p, o)), f"summed over axis {other} instead of {axis}")
    for a, b in itertools.combinations(range(p.ndim), 2):
        if p.shape[a] == p.shape[b]:
            said = "p * (g - sum(g * p)) with a sum that lost its axis (keepdims=True is missing)"
            yield Variant(lambda g, a=a, b=b: p * (g - total(g * p).swapaxes(a, b)), said, 0.1)


def _sums_along(axis: int) -> Callable[..., np.ndarray]:
    return lambda a, over=axis: np.asarray(a.sum(axis=over, keepdims=True))


def _softmax_axis(s: Block) -> int | None:
    """Return the axis along which y is the softmax of x, None if it is not."""
    least = 1 if s.words.passes(s.k) > 1 else 2  # the first step of causal attention sees one key
    if s.x.shape != s.y.shape or not s.x.ndim or s.y.size < least or not (s.y >= 0).all():
        return None
    for axis in range(s.x.ndim):
        if s.x.shape[axis] >= least and np.abs(s.y.sum(axis=axis) - 1).max() < 1e-8:
            # where it is 0, the scores are masked
            shifted = np.exp(s.x - s.x.max(axis=axis, keepdims=True)) * (s.y > 0)
            if np.allclose(shifted / shifted.sum(axis=axis, keepdims=True), s.y, rtol=1e-7, atol=1e-12):
                return axis
    return None


@mistake("probabilities", "block", "the gradient of {node}{line} is computed with other probabilities than those of "
         "the softmax: {detail}", assumes=1.6)  # fmt: skip
def _probabilities(s: Block) -> Iterator[Variant]:
    if (axis := _log_sum_exp_axis(s)) is not None:
        for p, said, assumes in other_probabilities(s, axis):
            hard = -1.1 * said.startswith("1 at the maximum")  # as the maximum before the logarithm alone gives it
            yield Variant(lambda g, p=p: p * _along(g, s.x.shape, axis), said, assumes + hard, said)
        return
    axis = _softmax_axis(s)
    if axis is not None:
        for p, said, assumes in other_probabilities(s, axis):
            yield Variant(lambda g, p=p: p * (g - (g * p).sum(axis=axis, keepdims=True)), said, assumes, said)
        return
    if s.x.shape == s.y.shape and s.y.max() <= 0 and (axis := log_softmax_axis(s)) is not None:
        for p, said, assumes in other_probabilities(s, axis):
            yield Variant(lambda g, p=p: g - p * g.sum(axis=axis, keepdims=True), said, assumes, said)


@mistake("log-sum-exp", "block", "the gradient of the logarithm of a sum of exponentials {node}{line} is {detail}; it "
         "must be softmax * g, g spread along the axis of the sum", assumes=1.2)  # fmt: skip
def _log_sum_exp(s: Block) -> Iterator[Variant]:
    if (axis := _log_sum_exp_axis(s)) is None:
        return
    e = np.exp(s.x - s.x.max(axis=axis, keepdims=True))
    p, n = e / e.sum(axis=axis, keepdims=True), s.x.shape[axis]

    def spread(g: np.ndarray) -> np.ndarray:
        return _along(g, s.x.shape, axis)

    yield Variant(lambda g: p, "softmax alone: the upstream gradient is ignored")
    yield Variant(lambda g: spread(g) + 0 * p, "g alone: the softmax, its derivative, is missing")
    yield Variant(lambda g: spread(g) / n + 0 * p, "g / N, the derivative of a mean: the softmax is missing")
    yield Variant(lambda g: spread(g) * p * (1 - p), "g * p * (1 - p), the derivative of the sigmoid", 0.3)
    yield Variant(lambda g: spread(g) * s.x, "g times the scores: the softmax is missing", 0.6)
    for other in range(s.x.ndim):
        if other != axis and s.x.shape[other] == n and s.y.ndim < s.x.ndim:
            said = f"spread along axis {other}, and the sum goes over axis {axis} (a broadcast or a transpose is wrong)"
            yield Variant(lambda g, o=other: p * _along(g, s.x.shape, o), said)
            yield Variant(lambda g, o=other: p.swapaxes(axis, o) * spread(g), "that of the transposed softmax", 0.1)


@mistake("log-softmax", "block", "the gradient of the logarithm of the softmax {node}{line} is {detail}; it must be g "
         "- softmax * sum(g)", assumes=1.3)  # fmt: skip
def _log_softmax(s: Block) -> Iterator[Variant]:
    if s.x.shape != s.y.shape or not s.x.ndim or s.x.size < 2 or (axis := log_softmax_axis(s)) is None:
        return
    p = np.exp(s.y)
    total = _sums_along(axis)
    yield Variant(lambda g: 1.0 * g, "g alone: the normalization is treated as a constant", -0.3)
    yield Variant(lambda g: g - p, "g - softmax: the sum of g is missing")
    yield Variant(lambda g: g - g * p, "g - softmax * g: the diagonal of the Jacobian alone, without the sum")
    yield Variant(lambda g: g - total(g) / p.shape[axis], "g - mean(g): the softmax is missing")
    yield Variant(lambda g: g - total(g), "g - sum(g): the softmax is missing")
    yield Variant(lambda g: g + p * total(g), "g + softmax * sum(g): the sign is wrong")
    yield Variant(lambda g: g - p * total(g * p), "g - softmax * sum(g * softmax), a factor too many")
    yield Variant(lambda g: p * (g - total(g * p)), "softmax * (g - sum(g * softmax)), that of the softmax itself")
    yield Variant(lambda g: g - p * total(g) / p.shape[axis], "g - softmax * mean(g): a mean where a sum must be")
    yield Variant(lambda g: g - p * total(g, None), "g - softmax * sum(g) with the sum over everything", 0.1)
    for other in range(p.ndim):
        if other != axis:
            said = f"g - softmax * sum(g), summed over axis {other} instead of {axis}"
            yield Variant(lambda g, o=other: g - p * total(g, o), said)


def _log_sum_exp_axis(s: Block) -> int | None:
    """Return the axis along which y is the logarithm of the sum of the exponentials of x, None if it is not."""
    if s.op.kind not in ("log", "add", "logsumexp", "reshape", "squeeze") or s.y.size == s.x.size:
        return None
    high = s.x.max()
    for axis in range(s.x.ndim):
        logs = np.log(np.exp(s.x - high).sum(axis=axis)) + high
        if s.x.shape[axis] > 1 and logs.size == s.y.size and np.allclose(logs.ravel(), s.y.ravel(), rtol=1e-9):
            return axis
    return None


def _along(g: np.ndarray, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """Return the gradient of a reduction along an axis, so that it broadcasts to the array that was reduced."""
    return g.reshape([1 if d == axis else n for d, n in enumerate(shape)])


@mistake("cross entropy", "block", "the gradient of the cross-entropy loss {node}{line} with respect to the scores "
         "{operand} is wrong: {detail}; it must be (softmax - 1 at the target) times the upstream gradient",
         assumes=1.0)  # fmt: skip
def _cross_entropy(s: Block) -> Iterator[Variant]:
    found = _targets(s)
    if found is None:
        return
    target, sign, axis = found
    if s.op.kind == "log" and sign < 0:
        return  # of a sum of exponentials, less its largest element
    x = np.moveaxis(s.x, axis, -1)
    p = np.exp(x - x.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    one = np.zeros_like(p)
    np.put_along_axis(one, np.expand_dims(target, -1), 1, -1)
    columns = np.zeros_like(p)
    columns[..., np.unique(target)] = 1

    def made(p: np.ndarray, one: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return lambda g: np.moveaxis(sign * (one - p) * g.reshape((*target.shape, 1)), -1, axis)

    first, last = np.zeros_like(p), np.zeros_like(p)
    first[..., 0], last[..., -1] = 1, 1
    for said, other in {
        "the 1 of the target is not subtracted": 0 * one,
        "the 1 of the target is added, not subtracted (wrong sign)": -one,
        "1 is subtracted in whole columns: ds[:, y] for ds[np.arange(N), y] (wrong index)": columns,
        "1 is subtracted in column 0, not in that of the target (wrong index)": first,
        "1 is subtracted in the last column, not in that of the target (wrong index)": last,
        "1 is subtracted one column before that of the target (wrong index, off by one)": np.roll(one, -1, -1),
        "1 is subtracted one column after that of the target (wrong index, off by one)": np.roll(one, 1, -1),
        **{
            f"the targets are those of the {when} one along axis {d} (wrong index)": np.roll(one, by, d)
            for d in range(one.ndim - 1)
            for by, when in ((1, "previous"), (-1, "next"))
        },
        "the targets are in the order of other examples": one[::-1],
        **{
            f"the targets are flattened in another order than the scores: the axis of size {m} first": np.concatenate(
                [one[start::m] for start in range(m)]
            )
            for m in s.words.sizes
            if one.ndim == 2 and 1 < m < len(one) and len(one) % m == 0
        },
        "1 is subtracted everywhere": np.ones_like(one),
        "1 is assigned at the target, not subtracted (= 1 for -= 1)": one * p - one,
        "-1 is assigned at the target, not subtracted (= -1 for -= 1)": one * p + one,
        "0 is assigned at the target, and 1 must be subtracted (-= 1)": one * p,
    }.items():
        # forgotten more often than what comes back through the exponential of the target
        far = 0.06 * said.endswith("everywhere") - 0.25 * said.endswith("is not subtracted")
        yield Variant(made(p, other), said, far)
    n = target.size
    yield Variant(made(n * p, one), f"the probabilities lack the factor 1/{n} of the mean (1/N)", 0.1)
    yield Variant(made(p, n * one), f"the 1 of the target lacks the factor 1/{n} of the mean (1/N)", 0.1)
    yield Variant(made(0 * p, one), "the probabilities are missing", 0.1)
    yield Variant(made(p * one, one), "only the target's element gets a gradient: the other classes are left out", 0.1)
    yield Variant(made(p * p, one * p), "times p: the derivative of exp once more", 0.4)
    several = p * p * (1 - p), one * p * (1 - p)
    yield Variant(made(*several), "times p * (1 - p), a factor too many", 0.4)
    yield Variant(made(0 * p, one / p), "it stops at the probabilities: the softmax is left out", 0.4)
    for q, said, assumes in other_probabilities(s, axis):
        q = np.moveaxis(q, axis, -1)
        yield Variant(made(q, one), f"other probabilities are used, {said}", assumes + 0.4, said)


@mistake("soft targets", "block", "the gradient of the cross-entropy loss {node}{line} with respect to the scores "
         "{operand} is wrong: {detail}; it must be (softmax - targets) times the upstream gradient",
         assumes=1.1)  # fmt: skip
def _soft_targets(s: Block) -> Iterator[Variant]:
    """The loss -sum(t * log softmax(x)), where t are probabilities, such as labels that are smoothed."""
    if s.op.kind != "mul" or s.x.shape != s.y.shape or not s.x.ndim or s.early == s.k:
        return
    i = next((i for i, k in enumerate(s.op.sources) if k is None or not s.tape.ops[k].active), 0)
    t, n = np.broadcast_to(s.op.operands[i], s.y.shape), s.x.shape[-1]
    if not np.allclose(t.sum(-1), 1) or t.min() < 0:
        return
    scaled = [s.tape.ops[k] for k, j in s.tape.ops[s.early].users if not j and s.tape.ops[k].kind in ("mul", "div")]
    of_op = [float(op.operands[1]) ** (1 if op.kind == "mul" else -1) for op in scaled if np.ndim(op.operands[1]) == 0]
    for by in (1.0, *of_op):  # a temperature divides the scores
        e = np.exp(by * (s.x - s.x.max(-1, keepdims=True)))
        p = e / e.sum(-1, keepdims=True)
        if np.allclose(np.abs(s.local), by * np.abs(t - p)):
            break
    else:
        return
    sign = by if np.allclose(s.local, by * (t - p)) else -by  # of t * log(t / p), a divergence
    factor = sign * (t - p) * p * (1 - p)
    yield Variant(lambda g: factor * g.mean(-1, keepdims=True), "it has the factor p * (1 - p), which the loss cancels")
    low, hot = t.min(-1, keepdims=True), 1.0 * (t == t.max(-1, keepdims=True))
    eps = n * low
    for said, other in {
        "the targets are not subtracted": 0 * t,
        "the targets are added, not subtracted": -t,
        "the targets are hard, 1 for the likeliest class and 0 for the others: neither smoothed nor probabilities": hot,
        f"eps / {n} is missing in the smoothed targets": t - low,
        f"eps is used instead of eps / {n} in the smoothed targets": t - low + eps,
        "the factor 1 - eps is missing in the smoothed targets": hot + low,
        f"1 - eps is assigned at the class, not added to eps / {n} (= for +=)": t - low * hot,
        f"eps / {n - 1} is used instead of eps / {n} in the smoothed targets": hot * (1 - eps)
        + (1 - hot) * eps / (n - 1),
        f"eps / {n - 1} is added instead of eps / {n} in the smoothed targets": t - low + eps / (n - 1),
    }.items():
        # the upstream gradient is the same for all classes, which are added up
        yield Variant(lambda g, t=other: sign * (t - p) * g.mean(-1, keepdims=True), said)
        in_loss = lambda g, t=sign * other: t * g - p * (t * g).sum(-1, keepdims=True)  # noqa: E731
        yield Variant(in_loss, said, 0.1, f"{said} in the loss")


@mistake("binary cross entropy", "block", "the gradient of {node}{line}, the logarithm of a sigmoid, with respect to "
         "{operand} is wrong: {detail}", assumes=1.2)  # fmt: skip
def _binary_cross_entropy(s: Block) -> Iterator[Variant]:
    if not s.is_elementwise:
        return
    p, right = 1 / (1 + np.exp(-s.x)), s.local
    e = np.exp(s.x - s.x.max(initial=0))
    for sign in (1.0, -1.0):
        target = p - sign * right
        if not np.isclose(target * (1 - target), 0, atol=1e-9).all():
            continue
        must = "; it must be sigmoid - target"
        for said, wrong in {
            "the target is not subtracted (sigmoid alone)": p,
            "the target is added, not subtracted": p + target,
            **({"the targets 0 and 1 are exchanged": p - (1 - target)} if np.ptp(target) > 0.5 else {}),
            "it has 1 - sigmoid for the sigmoid, as with a wrong sign in its exponential": 1 - p - target,
            "it has the factor sigmoid * (1 - sigmoid), which the logarithm cancels": (p - target) * p * (1 - p),
            "it is sigmoid * (1 - sigmoid), the derivative of the sigmoid alone": p * (1 - p),
            "the sigmoid is missing: the scores less the targets": s.x - target,
            "the sigmoid is rounded to the class, 0 or 1 (a prediction, as of the perceptron)": (p > 0.5) - target,
            **{
                f"a softmax along axis {d} stands for the sigmoid": e / e.sum(axis=d, keepdims=True) - target
                for d in range(e.ndim)
            },
        }.items():
            yield Variant(Times(sign * wrong), said + must, -0.1 * said.startswith("it has 1"), said)


def _targets(s: Block) -> tuple[np.ndarray, float, int] | None:
    """Return the targets, a sign and the axis of the classes, if y is the log softmax of x at the targets."""
    for axis in reversed(range(s.x.ndim)):
        x = np.moveaxis(s.x, axis, -1)
        if x.shape[-1] < 2 or s.y.size * x.shape[-1] != x.size:
            continue
        logs = x - x.max(axis=-1, keepdims=True)
        logs = logs - np.log(np.exp(logs).sum(axis=-1, keepdims=True))
        for sign in (1.0, -1.0):
            equal = np.isclose(sign * s.y.reshape((*x.shape[:-1], 1)), logs, rtol=1e-8, atol=1e-12)
            if equal.any(axis=-1).all():
                return equal.argmax(axis=-1), sign, axis
    return None


def log_softmax_axis(s: Block) -> int | None:
    """Return the axis along which y is the logarithm of the softmax of x, None if it is not."""
    for axis in range(s.x.ndim):
        if s.x.shape[axis] > 1:
            logs = s.x - s.x.max(axis=axis, keepdims=True)
            if np.allclose(logs - np.log(np.exp(logs).sum(axis=axis, keepdims=True)), s.y, rtol=1e-8, atol=1e-12):
                return axis
    return None


def other_probabilities(s: Block, axis: int) -> Iterator[tuple[np.ndarray, str, float]]:
    """Yield arrays that may stand for the probabilities of a softmax of x along an axis."""
    x = s.x

    def softmax(a: np.ndarray, over: Any) -> np.ndarray:
        e = np.exp(a - a.max())
        return np.asarray(e / e.sum(axis=over, keepdims=True))

    # the shift of each row matters to the other axes
    for shifted, of in ((x, ""), (x - x.max(axis=axis, keepdims=True), " of the shifted scores")):
        for other in range(x.ndim):
            if other != axis:
                yield softmax(shifted, other), f"normalized along axis {other}, and must be along axis {axis}", 0.0
        if x.ndim > 1:
            yield softmax(shifted, None), "normalized over the whole array, and not for each example", 0.0
        yield np.exp(shifted), f"exp{of} alone, which is not normalized (the sum is missing)", 0.1
    yield softmax(-x, axis), "the softmax of the negative scores", 0.3
    yield x, "the scores themselves, before the softmax", 0.2
    p = softmax(x, axis)
    yield p * (1 - p), "p * (1 - p), the derivative of the sigmoid", 0.3
    yield 1 / (1 + np.exp(-x)), "the sigmoid of the scores", 0.3
    hard = 1.0 * (x == x.max(axis=axis, keepdims=True))
    yield hard, "1 at the maximum, 0 elsewhere (a hard choice, the gradient of max)", 0.4
    for array, name in s.without_a_term():
        if array.shape == x.shape:
            yield softmax(array, axis), f"the softmax of {s.words.name(s.early)} without {name}", 0.4
    masks = [a for a, _ in s.peers(x.shape, bool) if np.isin(a, (0, 1)).all()]
    for array, name in s.peers(x.shape):
        yield softmax(array, axis), f"the softmax of {name}", 0.5
        yield array, f"{name}", 0.6
        for m in masks[:2]:
            yield softmax(array, axis) * m, f"the softmax of {name}, masked afterwards", 0.6
            yield softmax(np.where(m, -1e9, array), axis), f"the softmax of {name} with the mask inverted", 0.7


@mistake("normalization", "block", "the gradient of the normalization {node}{line} is wrong: {detail}", assumes=1.2)
def _normalization(s: Block) -> Iterator[Variant]:
    found = _normalized(s, s.y)
    if found is not None:
        yield from _plain_normalization(s, *found)
    yield from _scaled_normalization(s)  # a gamma close to 1 looks as if there were none


def _plain_normalization(s: Block, axes: tuple[int, ...], std: np.ndarray, kind: str) -> Iterator[Variant]:
    right = {
        "standard": "(g - mean(g) - xhat * mean(g * xhat)) / std",
        "sample": "(g - mean(g) - xhat * sum(g * xhat) / (N - 1)) / std",
        "rms": "(g - y * mean(g * y)) / rms",
        "unit": "(g - y * sum(g * y)) / norm",
    }
    for v in _normalizations(s, s.y, std, axes, kind):
        yield Variant(v.change, f"{v.detail}; it must be {right[kind]}", v.assumes, v.detail)


def _scaled_normalization(s: Block) -> Iterator[Variant]:
    """The same where y is gamma times the normalized x, as in gamma * (x - mean) / std."""
    if s.x.shape != s.y.shape or s.op.kind not in ("mul", "div"):
        return
    for k in s.tape.between(s.k, s.early):
        op = s.tape.ops[k]
        for i, (source, gamma) in enumerate(zip(op.sources, op.operands)):
            factor = op.kind == "mul" or op.kind == "div" and i == 0  # x * (gamma / norm)
            constant = factor and (source is None or not s.tape.ops[source].active)
            if not constant or not np.all(gamma):
                continue
            try:
                xhat = s.y / gamma
            except ValueError:
                continue
            found = _normalized(s, xhat, gamma) if xhat.shape == s.y.shape else None
            if found is None:
                continue
            axes, std, kind = found
            name = s.words.operand(k, i).strip("`")
            every = [*_normalizations(s, xhat, std, axes, kind)]
            for v in every:
                said = f"{v.detail} (g is the upstream gradient times {name})"
                far = 0.5 * (op.kind == "div" or np.size(gamma) == 1)  # its derivative is written step by step
                yield Variant(lambda g, f=v.change, a=gamma: f(g * a), said, v.assumes + far, v.detail)
                if " axis " in v.detail:
                    said = f"{v.detail} (g is the upstream gradient, and the result is multiplied by {name})"
                    yield Variant(lambda g, f=v.change, a=gamma: a * f(g), said, v.assumes + 0.1, f"{v.detail} after")
            if np.ptp(np.broadcast_to(gamma, s.x.shape), axis=axes).any():
                right = next(_normalizations(s, xhat, std, axes, kind, True)).change
                said = f"{name} multiplies the gradient after the normalization, and must multiply g before it"
                yield Variant(lambda g, f=right, a=gamma: a * f(g), said, 0.1)
            for v in every:
                if v.assumes <= 0:
                    said = f"{v.detail}, and the factor {name} is missing"
                    yield Variant(v.change, said, v.assumes + 1.2, f"{v.detail} {name}")
            return


def _normalizations(
    s: Block, xhat: np.ndarray, std: np.ndarray, axes: tuple[int, ...], kind: str, with_right: bool = False
) -> Iterator[Variant]:
    """Yield the variants of (alpha g - beta mean(g) - gamma A mean(g B)) / s that differ in one or two places."""
    centred = kind in ("standard", "sample")
    n = math.prod(s.x.shape[a] for a in axes)
    d = s.x - s.x.mean(axis=axes, keepdims=True) if centred else s.x

    def over(o: Any) -> Callable[[np.ndarray], np.ndarray]:
        reduce = np.sum if kind == "unit" else np.mean
        return lambda a: np.asarray(reduce(a, axis=o, keepdims=True))

    mean = over(axes)
    first = {"the term of g is missing": 0.0, f"g lacks its factor {n}": 1 / n, f"g is {n} times too large": float(n)}
    means: dict[str, tuple[float, Any]] = {}
    if centred:
        means = {
            "the term of the mean, mean(g), is missing (the mean is treated as a constant)": (0.0, mean),
            "a sign is wrong: + mean(g)": (-1.0, mean),
            "the sum of g lacks its 1/N": (float(n), mean),
            "the term of the mean counts twice": (2.0, mean),
            "mean(g) is divided by N once more": (1 / n, mean),
        }
    elif kind == "rms":
        means = {"mean(g) is subtracted, as if the mean of x were (the gradient of a layer norm)": (1.0, mean)}
    c = n / (n - 1) if kind == "sample" else 1.0  # the variance of a sample is divided by N - 1
    spread = {
        "the term of the standard deviation, xhat * mean(g * xhat), is missing (it is treated as a constant)": 0.0,
        "a sign is wrong: + xhat * mean(g * xhat)": -1.0,
        f"the sum of g * xhat lacks its 1/{'(N - 1)' if c > 1 else 'N'}": n / c,
        "the term of the standard deviation counts twice": 2.0,
        "the term of the standard deviation counts half": 0.5,
        "the mean of g * xhat is divided by N once more": 1 / n,
    }
    by = "N, and must be by N - 1, as in the variance" if c > 1 else "N - 1, and must be by N"
    spread[f"the sum of g * xhat is divided by {by}"] = (n - 1) / n if c > 1 else n / (n - 1)
    arrays = {
        "xhat is missing before mean(g * xhat)": (np.ones_like(xhat), xhat),
        "xhat is missing in mean(g * xhat)": (xhat, np.ones_like(xhat)),
    }
    for called, a in {"x": s.x, "x - mean(x)": d}.items() if not np.allclose(s.x, d) else {"x": d}.items():
        if a is d:  # of both, a step of the standard deviation may give the same; of one, the place is of no matter
            power = "or its term lacks a factor 1/std"
            arrays[f"{called} is used instead of xhat, {power}**2"] = (d, d)
            arrays[f"{called} is used instead of one xhat, {power}, as with 1/std**2 for 1/std**3"] = (d, xhat)
        else:
            arrays[f"{called} is used instead of xhat"] = (a, a)
            arrays[f"{called} is used instead of the xhat before the mean"] = (a, xhat)
            arrays[f"{called} is used instead of the xhat in the mean"] = (xhat, a)
    scales = {
        "the factor 1/std is missing": np.ones_like(std),
        "it is divided by the variance, not by its root": std**2,
        "it is multiplied by the standard deviation instead of divided": 1 / std,
    }
    elsewhere = {o: ", ".join(map(str, o)) for o in s.axes if o != axes}
    other_means: dict[str, tuple[Any, Any]] = {}
    here = ", ".join(map(str, axes))
    for o, said in elsewhere.items():
        m = math.prod(s.x.shape[a] for a in o)
        if m != n and kind != "unit":
            too_many = f"sum(g) goes over axis {said}, and must go over {here}"
            other_means[too_many] = (lambda a, o=o, m=m: over(o)(a) * m / n, mean)
            too_many = f"the sum of g * xhat goes over axis {said}, and must go over {here}"
            other_means[too_many] = (mean, lambda a, o=o, m=m: over(o)(a) * m / n)
        other_means[f"its means go over axis {said}, and must go over {here}"] = (over(o), over(o))
        other_means[f"mean(g * xhat) goes over axis {said}, and must go over {here}"] = (mean, over(o))
        if centred:
            other_means[f"mean(g) goes over axis {said}, and must go over {here}"] = (over(o), mean)
    for m, meaning in s.counts.items() if kind != "unit" else ():
        if m != n:
            of_other = lambda a, m=m: mean(a) * n / m  # noqa: E731
            other_means[f"its sums are divided by {m}, {meaning}, and must be by {n}"] = (of_other, of_other)
    said = "mean(g * xhat) is not a mean: each element counts alone (the diagonal of the Jacobian)"
    other_means[said] = (mean, lambda a: a)
    said = "g * xhat is not averaged: each element counts alone, divided by N (the diagonal)"
    other_means[said] = (mean, lambda a: a / n)
    base = float(centred)

    def made(
        alpha: float = 1.0,
        beta: tuple[float, Any] = (base, mean),
        gamma: float = 1.0,
        pair: tuple[Any, Any] = (xhat, xhat),
        scale: Any = std,
        ways: tuple[Any, Any] = (mean, mean),
    ) -> Callable[[np.ndarray], np.ndarray]:
        a, b = pair
        by, second = (beta[1] if beta[1] is not mean else ways[0]), ways[1]
        return lambda g: np.asarray((alpha * g - beta[0] * by(g) - gamma * c * a * second(g * b)) / scale)

    if with_right:
        yield Variant(made())
    places = {"alpha": first, "beta": means, "gamma": spread, "pair": arrays, "scale": scales, "ways": other_means}
    options = [(said, {place: v}) for place, several in places.items() for said, v in several.items()]
    of_both = "mean and standard deviation are treated as constants (g / std)"
    both = of_both if centred else "the norm is treated as a constant"
    yield Variant(made(beta=(0.0, mean), gamma=0.0), both, -0.4)
    for said, alone in (("", lambda a: a), (", divided by N", lambda a: a / n)) if centred else ():
        said = f"neither g nor g * xhat is averaged: each element counts alone{said} (the diagonal of the Jacobian)"
        yield Variant(made(ways=(alone, alone)), said, 0.1)
    eps = float(np.mean(std**2 - mean(d * d)))
    for o, said in elsewhere.items():  # all of it along another axis
        z = s.x - s.x.mean(axis=o, keepdims=True) if centred else s.x
        scale = np.sqrt(over(o)(z * z) + eps)
        said = f"the {'mean and the standard deviation' if centred else 'norm'} are those along axis {said}, not {here}"
        for n_way, way in enumerate((mean, over(o))):
            yield Variant(made(pair=(z / scale, z / scale), scale=scale, ways=(way, way)), said, 0.2, f"{said} {n_way}")
    yield Variant(made(alpha=1 / n, beta=(base / n, mean), gamma=1 / n), "it is divided by N once more", 0.3)
    if centred:
        yield Variant(made(beta=(float(n), mean), gamma=n / c), "sums are taken instead of means (1/N is missing)")
    for said, change in options:
        wide = isinstance(change.get("pair"), tuple) and change["pair"][0] is change["pair"][1]
        yield Variant(made(**change), said, 0.3 * wide)
    for (said, change), (more, further) in itertools.combinations(options[:24], 2):
        if change.keys().isdisjoint(further):
            yield Variant(made(**change, **further), f"{said}, and {more}", 1.2)


def _normalized(s: Block, y: np.ndarray, gamma: Any = 1.0) -> tuple[tuple[int, ...], np.ndarray, str] | None:
    """Return axes, scale and kind, if y is (x - mean) / std, x / rms or x / norm along some axes, and s.y gamma * y."""
    if s.x.shape != y.shape or y.size < 3 or s.op.kind not in ("div", "mul", "standardize", "rms_normalize"):
        return None
    for axes, centred in itertools.product(s.axes, (True, False)):
        if math.prod(s.x.shape[a] for a in axes) < 2:
            continue
        d = s.x - s.x.mean(axis=axes, keepdims=True) if centred else s.x
        if centred and np.abs(y.mean(axis=axes)).max() > 1e-8:
            continue
        with np.errstate(all="ignore"):
            scale = (d * y).sum(axis=axes, keepdims=True) / (y * y).sum(axis=axes, keepdims=True)
        if not np.allclose(y * scale, d, rtol=1e-7, atol=1e-10 * np.abs(d).max()):
            continue
        n = math.prod(s.x.shape[a] for a in axes)
        square = (y * y).sum(axis=axes)
        if centred and np.allclose(square / n, 1, rtol=0.6):
            along = (y * s.contribution(y / gamma)).sum(axis=axes, keepdims=True) * scale
            with np.errstate(all="ignore"):
                c = float(np.median(n * (square - along.reshape(square.shape)) / square**2))
            return axes, scale, "sample" if math.isclose(c * (n - 1), n, rel_tol=1e-6) else "standard"
        if not centred and np.allclose(square, 1, rtol=1e-3):
            return axes, scale, "unit"
        if not centred and np.allclose(square / n, 1, rtol=1e-2):
            return axes, scale, "rms"
    return None


@mistake("other derivative", "block", "the derivative of {node}{line} with respect to {operand} is wrong: it is "
         "computed as {detail}", assumes=1.5)  # fmt: skip
def _other_derivative(s: Block) -> Iterator[Variant]:
    between = s.tape.between(s.k, s.early)
    if s.x.shape != s.y.shape or len(between) < 2:
        return
    if s.x.size < 2 and (s.tape.x.size < 2 or s.words.passes(s.k) == 2):
        return  # a few numbers agree with other formulas by chance
    if all(isinstance(s.tape.ops[k].primitive, Elementwise) for k in between):
        right, known = s.local, s.words.known(s.k, s.early)
        far = 0.0 if s.words.variable(s.k) else 0.25  # what has a name is likelier to be differentiated as a whole
        for v in functions(s.x, s.y, s.words.name(s.early), s.words.name(s.k), right, known):
            yield Variant(v.change, v.detail, v.assumes + far, v.key)
        yield Variant(lambda g: g, "1: its local derivative is missing", -0.1, "1")


@mistake("wrong point", "block", "the derivative of {node}{line} with respect to {operand} is computed at the wrong "
         "place: with {detail}", assumes=1.9)  # fmt: skip
def _wrong_point(s: Block) -> Iterator[Variant]:
    """The whole function, computed again from another array, such as the old state."""
    ways = s.tape.ways(s.op)
    own = {"y", *s.op.primitive.inputs[ways[0][0] : ways[0][0] + 1]}
    if len(s.tape.between(s.k, s.early)) > 8 or len(ways) == 1 and not own & {*s.op.saved(ways[0][0])}:
        return  # of a linear operation the same is said before it
    if s.is_elementwise and np.ptp(s.g):
        said = f"the upstream gradient instead of {s.words.name(s.early)}"
        yield Variant(lambda g: s.contribution_at(g, g), said, -0.4, "upstream")
    early = s.tape.ops[s.early]
    read = [(i, *part) for i, k in enumerate(early.sources) for part in other_parts(s, k) if s.early]
    for i, part, said, far, key in read:
        x = early.again([*early.operands[:i], part, *early.operands[i + 1 :]]).value
        if x.shape == s.x.shape:
            said = f"{s.words.operand(s.early, i)} at the wrong index: {said}"
            yield Variant(lambda g, x=x: s.contribution_at(x, g), said, far, f"{i} {key}")
    for array, called, key, assumes in s.other_points():
        if array is not s.x:
            said = f"{called} instead of {s.words.name(s.early)}"
            yield Variant(lambda g, a=array: s.contribution_at(a, g), said, assumes, key)


@mistake("transposed term", "block", "the gradient of the term {node}{line} is transposed", assumes=1.3)
def _transposed_term(s: Block) -> Iterator[Variant]:
    if s.y.size == 1 and s.early == 0:
        for a, b in itertools.combinations(range(s.x.ndim), 2):
            if s.x.shape[a] == s.x.shape[b] > 1:
                said = "" if s.x.ndim == 2 else f": dimensions {a} and {b} are swapped"
                yield Variant(lambda g, a=a, b=b: s.contribution(g).swapaxes(a, b), said)
