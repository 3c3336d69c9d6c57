"""Gradients checked against differences, and a wrong one explained.

The derivative of a number L by an element of x is, for a small h, close to (L(x + h) - L(x - h)) / 2h. L is here the
sum of a function's outputs times random weights, the upstream gradient. With an upstream gradient of ones some
mistakes would be hidden: the gradient of the sum of a softmax is 0. Differences are taken of each term of L and then
summed: so a small change is not lost beside a large output that has nothing to do with it.

How close is close enough, as relative error |a - n| / max(|a|, |n|) (the scale of the course CS231n, "Gradient
checks"): up to 1e-7 is fine, 1e-4 is all right for functions with kinks and else suspicious, 1e-2 is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.autograd import grad
from minigrad.grad_mode import enable_grad, no_grad
from minigrad.teach.diagnosis import Case, diagnose
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

STEPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
"""The steps of the sweep, relative to the size of x where that is above 1."""


class GradcheckError(RuntimeError):
    """What `gradcheck` raises for a wrong gradient; the text explains it, `report` has the numbers."""

    report: Report | None = None


@dataclass
class Element:
    """One element of a gradient: what was computed, what differences say, and what kind of point it is.

    `slopes` are the one-sided derivatives, from the left and the right; where they differ, x is at a kink.
    """

    index: tuple[int, ...]
    analytic: float
    numeric: float
    slopes: tuple[float, float] | None = None
    is_kink: bool = False

    @property
    def error(self) -> float:
        """The relative error."""
        size = max(abs(self.analytic), abs(self.numeric))
        return abs(self.analytic - self.numeric) / size if size else 0.0


def verdict(error: float) -> str:
    """The course's word for a relative error.

    >>> [verdict(e) for e in (1e-9, 1e-5, 1e-3, 0.5)]
    ['fine', 'all right', 'suspicious', 'wrong']
    """
    return "fine" if error <= 1e-7 else "all right" if error <= 1e-4 else "suspicious" if error <= 1e-2 else "wrong"


@dataclass
class Finding:
    """What was found for one input."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    ok: bool
    worst: list[Element] = field(default_factory=list)
    wrong: int = 0
    kinks: int = 0
    pattern: str | None = None
    note: str | None = None

    def __str__(self) -> str:
        worst = max((e.error for e in self.worst if not e.is_kink), default=0.0)
        head = f"{self.name}, {self.dtype} of shape {self.shape}: "
        lines = [head + (f"the worst relative error is {worst:.1e}, {verdict(worst)}" if self.ok else "")]
        if not self.ok:
            size = int(np.prod(self.shape))
            lines[0] += f"WRONG in {self.wrong} of {size} elements" if self.wrong else "WRONG"
        if self.pattern:
            lines.append(f"    Pattern: {self.pattern}{'' if self.pattern.endswith('?') else '.'}")
        if not self.ok and self.worst:
            lines.append(f"    {'index':12} {'analytic':>14} {'numeric':>14} {'rel. error':>10}")
            lines += [
                f"    {str(list(e.index)):12} {e.analytic:14.7g} {e.numeric:14.7g} {e.error:10.1e}"
                for e in self.worst[:5]
            ]
        if self.ok and self.kinks:
            lines.append(
                f"    {self.kinks} of its elements are at a kink, where the gradient lies between the slopes on the "
                "two sides, as it may."
            )
        if self.note:
            lines.append(f"    {self.note}")
        return "\n".join(lines)


@dataclass
class Report:
    """The findings for all inputs; its text explains them."""

    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """Whether all gradients are right."""
        return all(f.ok for f in self.findings)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))

    __repr__ = __str__


# ---- differences -----------------------------------------------------------------------------------------------


def _differences(loss: Callable[[], Any], x: np.ndarray, i: tuple[int, ...], h: float) -> tuple[float, float, float]:
    """(central, left, right) difference quotients by x[i] of the loss, a number or terms to be summed; x is as it was
    afterwards."""
    middle = x[i]
    step = h * max(1.0, abs(float(middle)))
    try:
        x[i] = middle + step
        above, up = loss(), float(x[i]) - float(middle)  # the step that was made, after rounding
        x[i] = middle - step
        below, down = loss(), float(middle) - float(x[i])
    finally:
        x[i] = middle
    if not up or not down:
        return np.nan, np.nan, np.nan
    here = loss()
    central, left, right = (float(np.sum(change)) for change in (above - below, here - below, above - here))
    return central / (up + down), left / down, right / up


def numerical_gradient(loss: Callable[[], Any], x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    """The gradient of `loss()` by each element of x, by central differences. It reads x, which is moved in place, and
    gives a number, or an array of terms whose sum is meant.

    >>> x = np.array([1.0, 2.0])
    >>> numerical_gradient(lambda: (x ** 2).sum(), x).round(6).tolist()
    [2.0, 4.0]
    """
    out = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        middle = x[i]
        step = h * max(1.0, abs(float(middle)))
        try:
            x[i] = middle + step
            above, high = loss(), float(x[i])
            x[i] = middle - step
            below, low = loss(), float(x[i])
        finally:
            x[i] = middle
        out[i] = np.sum(above - below) / (high - low)
    return out


def _examine(
    loss: Callable[[], Any],
    x: np.ndarray,
    i: tuple[int, ...],
    analytic: float,
    numeric: float,
    off: Callable[[float, float], Any],
) -> Element:
    """Look at one element again, with steps of all sizes; kinks are recognised.

    A wrong derivative disagrees at every step. A right one is hidden by curvature at large steps and by rounding at
    small ones, and agrees in between.
    """
    fine = np.finfo(x.dtype).eps
    tried = {h: _differences(loss, x, i, h) for h in STEPS if h > 100 * fine}
    # at a kink the two sides differ by the same amount at every step, elsewhere by an amount in proportion to it
    small, large = (1e-6, 1e-4) if x.itemsize == 8 else (1e-3, 1e-2)
    _, left, right = tried[small]
    gap, size = abs(right - left), max(abs(left), abs(right))
    rounding = 20 * fine * np.sum(np.abs(loss())) / small
    if gap > 1e-3 * size + rounding and gap > 0.5 * abs(tried[large][2] - tried[large][1]):
        between = min(left, right) - 1e-3 * size <= analytic <= max(left, right) + 1e-3 * size
        return Element(i, analytic, numeric, (left, right), between)
    agreeing = [central for central, *_ in tried.values() if not off(analytic, central)]
    return Element(i, analytic, agreeing[0] if agreeing else numeric, (left, right))


def _examine_gradient(
    name: str,
    loss: Callable[[], Any],
    x: np.ndarray,
    analytic: np.ndarray | None,
    eps: float,
    atol: float,
    rtol: float,
    sizes: dict[int, str],
    others: dict[str, Callable[[], np.ndarray]],
) -> Finding:
    analytic = np.zeros(x.shape) if analytic is None else np.asarray(analytic, float)
    numeric = numerical_gradient(loss, x, eps)
    if analytic.shape != x.shape:
        pattern = diagnose(Case(analytic, numeric, x, sizes, others))
        note = f"The gradient has the shape {analytic.shape}; it must have that of its input, {x.shape}."
        return Finding(name, x.shape, x.dtype, False, pattern=pattern, note=note)

    def off(a: Any, n: Any) -> Any:
        with np.errstate(invalid="ignore"):
            return ~(np.abs(a - n) <= atol + rtol * np.abs(n))

    suspects = np.argwhere(off(analytic, numeric))
    order = np.argsort([-abs(analytic[tuple(i)] - numeric[tuple(i)]) for i in suspects], kind="stable")
    examined, trusted = [], np.ones(x.shape, bool)
    for number in order[:2000]:
        i = tuple(suspects[number].tolist())
        element = _examine(loss, x, i, float(analytic[i]), float(numeric[i]), off)
        numeric[i] = element.numeric
        trusted[i] = not element.is_kink
        examined.append(element)
    wrong = [e for e in examined if not e.is_kink and off(e.analytic, e.numeric)]
    kinks = sum(e.is_kink for e in examined)
    finding = Finding(name, x.shape, x.dtype, not wrong, kinks=kinks, wrong=len(wrong))
    if wrong:
        finding.worst = sorted(wrong, key=lambda e: -e.error)
        finding.pattern = diagnose(Case(analytic, numeric, x.astype(float), sizes, others, trusted))
        if not np.isfinite(numeric).all():
            finding.pattern = "the function itself is nan or infinite here: move x to where it is defined"
        elif not np.isfinite(analytic).all():
            finding.pattern = "nan or infinite: detect_anomaly() names the operation that made it"
    else:
        size = np.maximum(np.abs(analytic), np.abs(numeric))
        # below this, differences are rounding
        significant = trusted & (size > 1e-3 * np.max(size, initial=0.0))
        if significant.any():
            errors = np.where(significant, np.abs(analytic - numeric) / np.where(size, size, 1), -1)
            i = np.unravel_index(int(errors.argmax()), errors.shape)
            place = tuple(int(k) for k in i)
            finding.worst = [Element(place, float(analytic[i]), float(numeric[i]))]
    if x.dtype == np.float32:
        finding.note = (
            "Differences of float32 are exact to 1e-3 or so: for a check that means something use float64, as in "
            "x.double(), model.double()."
        )
    return finding


# ---- of functions of tensors -----------------------------------------------------------------------------------


class _Checked:
    """A function of tensors with random weights for its outputs: one number to differentiate."""

    def __init__(self, func: Callable[..., Any], inputs: Sequence[Any], upstream: Any = None) -> None:
        self.func, self.inputs = func, inputs
        outputs = self.outputs()
        rng = np.random.default_rng(0)
        self.weights = [rng.standard_normal(o.shape).astype(o.dtype) for o in outputs]
        if upstream is not None:
            self.weights = [np.asarray(u.detach().numpy() if isinstance(u, Tensor) else u) for u in upstream]

    def outputs(self) -> list[Tensor]:
        """The results that have gradients."""
        out = self.func(*self.inputs)
        several = out if isinstance(out, tuple | list) else (out,)
        for o in several:
            if not isinstance(o, Tensor):
                raise TypeError(f"gradcheck: the function is to return tensors, got {type(o).__name__}")
        several = [o for o in several if o.dtype.kind == "f"]
        if not several:
            raise ValueError("gradcheck: the function returns no floats, so there is nothing to differentiate")
        return several

    def loss(self, weights: Sequence[np.ndarray] | None = None) -> np.ndarray:
        """All outputs, weighted, in a row: their sum is meant."""
        with no_grad():
            outputs = self.outputs()
        return np.concatenate(
            [(w.astype(float) * o._array.astype(float)).ravel() for w, o in zip(weights or self.weights, outputs)]
        )

    def gradients(self, wanted: list[Tensor]) -> Any:
        """By the engine."""
        with enable_grad():
            outputs = self.outputs()
            reached = [(o, as_tensor(w)) for o, w in zip(outputs, self.weights) if o.requires_grad]
            if not reached:
                return (None,) * len(wanted)
            return grad([o for o, _ in reached], wanted, [w for _, w in reached], allow_unused=True)

    def others(self, x: np.ndarray, eps: float) -> dict[str, Callable[[], np.ndarray]]:
        """Questions whose answers a wrong gradient may be."""

        def by(weights: list[np.ndarray]) -> Callable[[], np.ndarray]:
            return lambda: numerical_gradient(lambda: self.loss(weights), x, eps)

        def only(i: int) -> list[np.ndarray]:
            masks = [np.zeros_like(w) for w in self.weights]
            for mask, w in zip(masks, self.weights):
                mask[i] = w[i]
            return masks

        answers = {
            "what it would be if the upstream gradient were all ones: it is to be multiplied by the gradient that "
            "arrives": by([np.ones_like(w) for w in self.weights]),
        }
        if all(w.ndim and len(w) > 1 for w in self.weights):
            for i, which in ((-1, "last"), (0, "first")):
                answers[
                    f"the share of the {which} example alone: the shares of all examples add up (+=, or a sum over "
                    "dimension 0)"
                ] = by(only(i))
        return answers


def gradcheck_report(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    nondet_tol: float = 0.0,
    grad_outputs: Any = None,
) -> Report:
    """As `gradcheck`, but gives the report, right or wrong.

    >>> from minigrad import tensor
    >>> x = tensor([1.0, -2.0, 0.5], dtype="float64", requires_grad=True)
    >>> print(gradcheck_report(lambda x: x.detach() * x, x))
    input 0, float64 of shape (3,): WRONG in 3 of 3 elements
        Pattern: a constant factor of 1/2: the 2 of a square, or an input used twice (= for +=)?
    ...
    """
    several = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wanted = {i: t for i, t in enumerate(several) if isinstance(t, Tensor) and t.requires_grad}
    if not wanted:
        raise ValueError("gradcheck: none of the inputs requires a gradient: tensor(..., requires_grad=True)")
    for i, t in wanted.items():
        if not t.is_leaf:
            raise ValueError(f"gradcheck: input {i} is a result; give a leaf: t.detach().clone().requires_grad_()")
        if 0 in t._array.strides and t.numel() > 1 or not t._array.flags.writeable:
            raise ValueError(f"gradcheck: elements of input {i} share memory (an expanded tensor?): .clone() it")
    checked = _Checked(func, several, grad_outputs)
    first, again = checked.loss(), checked.loss()
    if not np.allclose(first, again, rtol=0, atol=nondet_tol, equal_nan=True):
        raise GradcheckError(
            "gradcheck: the function gives another result when it is called again, so differences mean nothing. Is "
            "there dropout (model.eval()), or does it draw random numbers or write to its inputs?"
        )
    sizes: dict[int, str] = {}
    for i, t in enumerate(several):
        if isinstance(t, Tensor):
            for d, n in enumerate(t.shape):
                if n > 1:
                    sizes.setdefault(n, f"the size of dimension {d} of input {i}" + ", the batch" * (d == 0))
    findings = []
    for (i, t), g in zip(wanted.items(), checked.gradients([*wanted.values()])):
        name = f"input {i}" + (f" ({t.name})" if t.name else "")
        h = max(eps, 1e-3) if t.dtype == np.float32 else eps
        coarse = 1e-2 if t.dtype == np.float32 else 0.0
        findings.append(
            _examine_gradient(
                name,
                checked.loss,
                t._array,
                None if g is None else g.detach()._array,
                h,
                max(atol, coarse),
                max(rtol, coarse),
                sizes,
                checked.others(t._array, h),
            )
        )
    return Report(findings)


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    fast_mode: bool = False,
) -> bool:
    """Whether the gradients of a function are right, checked against differences; a wrong one is explained.

    Args:
        func: a function of tensors that gives a tensor or several.
        inputs: a tensor, or several; those that require gradients, leaves, are checked, and moved a little meanwhile.
        eps: the step of the differences. Suspicious elements are examined with steps of all sizes.
        atol, rtol: right is |analytic - numeric| <= atol + rtol |numeric|.
        raise_exception: raise for a wrong gradient, instead of returning False.
        nondet_tol: by how much two calls with the same inputs may differ.
        check_undefined_grad, check_grad_dtypes, fast_mode: PyTorch's; they make no difference here.

    Raises:
        GradcheckError: for a wrong gradient, with index, values, relative errors and the likeliest mistake.
        ValueError: when no input requires a gradient.

    An element at a kink (relu at 0) counts as right if its gradient lies between the slopes on the two sides.

    >>> from minigrad import tensor
    >>> gradcheck(lambda a, b: (a @ b).tanh(), [tensor(np.eye(2), requires_grad=True), tensor(np.ones(2))])
    True
    """
    report = gradcheck_report(func, inputs, eps=eps, atol=atol, rtol=rtol, nondet_tol=nondet_tol)
    return _answer(report, raise_exception)


def _answer(report: Report, raise_exception: bool) -> bool:
    if not report.ok and raise_exception:
        error = GradcheckError(f"gradcheck:\n{report}")
        error.report = report
        raise error
    return report.ok


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """`gradcheck` of the gradients themselves: whether second derivatives are right, also by the upstream gradient.

    >>> from minigrad import tensor
    >>> gradgradcheck(lambda x: x**3, tensor([1.0, 2.0], dtype="float64", requires_grad=True))
    True
    """
    several = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    places = [i for i, t in enumerate(several) if isinstance(t, Tensor) and t.requires_grad]
    outputs = [o for o in _Checked(func, several).outputs() if o.requires_grad]
    if grad_outputs is None:
        rng = np.random.default_rng(1)
        grad_outputs = [as_tensor(rng.standard_normal(o.shape).astype(o.dtype)).requires_grad_() for o in outputs]
    upstream = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)

    def first(*arguments: Any) -> Any:
        with enable_grad():
            outputs = [o for o in _Checked(func, arguments[: len(several)]).outputs() if o.requires_grad]
            wanted = [arguments[i] for i in places]
            found = grad(outputs, wanted, list(arguments[len(several) :]), create_graph=True, allow_unused=True)
        return tuple([g for g in found if g is not None])

    report = gradcheck_report(first, [*several, *upstream], eps=eps, atol=atol, rtol=rtol, nondet_tol=nondet_tol)
    return _answer(report, raise_exception)


# ---- of gradients written by hand ------------------------------------------------------------------------------


def check_gradient(
    f: Callable[[np.ndarray], Any], x: Any, dx: Any, upstream: Any = None, *, eps: float = 1e-6, name: str = "dx"
) -> Report:
    """Check a gradient that was computed by hand, in NumPy.

    Args:
        f: the function, of an array, giving a number or an array.
        x: where, an array of floats.
        dx: the gradient that was computed by hand.
        upstream: the gradient by f's result that dx was computed with; 1, if f gives a number.
        eps: the step of the differences.
        name: what to call the gradient.

    Returns:
        A report, which is true if dx is right, and whose text explains what is wrong.

    Raises:
        ValueError: when f gives an array, and the upstream gradient is missing or of another shape.

    >>> W, x = np.ones((3, 4)), np.arange(8.0).reshape(2, 4)
    >>> dscores = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> print(check_gradient(lambda W: x @ W.T, W, dscores.T @ x, dscores))
    dx, float64 of shape (3, 4): the worst relative error is ..., fine
    """
    x = np.array(x, dtype=float)
    value = np.asarray(f(x), dtype=float)
    if upstream is None:
        if value.ndim:
            raise ValueError(
                f"check_gradient: f gives an array of shape {value.shape}; say with which upstream gradient dx was "
                "computed (a random one, of that shape)"
            )
        upstream = 1.0
    weights = np.asarray(upstream, dtype=float)
    if weights.shape != value.shape:
        raise ValueError(f"check_gradient: upstream has shape {weights.shape}, the value of f {value.shape}")

    def loss(w: np.ndarray = weights) -> np.ndarray:
        return w * np.asarray(f(x), dtype=float)

    def by(w: np.ndarray) -> Callable[[], np.ndarray]:
        return lambda: numerical_gradient(lambda: loss(w), x, eps)

    others = {}
    if value.ndim:
        others["what it would be if the upstream gradient were all ones: multiply by it"] = by(np.ones_like(weights))
    if value.ndim and len(value) > 1:
        for i, which in ((-1, "last"), (0, "first")):
            alone = np.zeros_like(weights)
            alone[i] = weights[i]
            others[f"the share of the {which} example alone: the shares of all examples add up (+=)"] = by(alone)
    sizes = {n: f"the size of dimension {d} of f(x)" + ", the batch" * (d == 0) for d, n in enumerate(value.shape)}
    sizes |= {n: f"the size of dimension {d} of x" for d, n in enumerate(x.shape) if n not in sizes}
    sizes.pop(1, None)
    dx = np.asarray(dx, dtype=float)
    return Report([_examine_gradient(name, loss, x, dx, eps, 1e-5, 1e-3, sizes, others)])
