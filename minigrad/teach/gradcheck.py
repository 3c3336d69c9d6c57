"""Check gradients against finite differences, and explain a wrong one in words.

The numbers come from `minigrad.autograd.finite_differences`. How close is close enough, as relative error
|a - n| / max(|a|, |n|): up to 1e-7 is fine; up to 1e-4 is all right for functions with kinks, otherwise suspicious;
above 1e-2 is wrong. Source of the scale: CS231n, "Gradient checks".
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.autograd import grad
from minigrad.autograd.finite_differences import Element, WeightedOutputs, examine_element, numerical_gradient
from minigrad.grad_mode import enable_grad
from minigrad.teach.diagnosis import Case, diagnose
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor


class GradcheckError(RuntimeError):
    """Raised by `gradcheck` for a wrong gradient; the text explains it, `report` has the numbers."""

    report: Report | None = None


def verdict(error: float) -> str:
    """Return the word for a relative error, after CS231n.

    >>> [verdict(e) for e in (1e-9, 1e-5, 1e-3, 0.5)]
    ['fine', 'all right', 'suspicious', 'wrong']
    """
    return "fine" if error <= 1e-7 else "all right" if error <= 1e-4 else "suspicious" if error <= 1e-2 else "wrong"


@dataclass
class Finding:
    """The result for one input."""

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
                "two sides, which is right."
            )
        if self.note:
            lines.append(f"    {self.note}")
        return "\n".join(lines)


@dataclass
class Report:
    """The results for all inputs; its text explains them. True if all gradients are right."""

    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """True if all gradients are right."""
        return all(f.ok for f in self.findings)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))

    __repr__ = __str__


# ---- differences -----------------------------------------------------------------------------------------------


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
    subject: dict[str, Any],
) -> Finding:
    analytic = np.zeros(x.shape) if analytic is None else np.asarray(analytic, float)
    numeric = numerical_gradient(loss, x, eps)
    if analytic.shape != x.shape:
        pattern = diagnose(Case(analytic, numeric, x, sizes, others, **subject))
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
        element = examine_element(loss, x, i, float(analytic[i]), float(numeric[i]), off)
        numeric[i] = element.numeric
        trusted[i] = not element.is_kink
        examined.append(element)
    wrong = [e for e in examined if not e.is_kink and off(e.analytic, e.numeric)]
    kinks = sum(e.is_kink for e in examined)
    finding = Finding(name, x.shape, x.dtype, not wrong, kinks=kinks, wrong=len(wrong))
    if wrong:
        finding.worst = sorted(wrong, key=lambda e: -e.error)
        finding.pattern = diagnose(Case(analytic, numeric, x.astype(float), sizes, others, trusted, **subject))
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
            "Differences in float32 have errors of about 1e-3. For a meaningful check use float64, as in "
            "x.double(), model.double()."
        )
    return finding


# ---- of functions of tensors -----------------------------------------------------------------------------------


def _other_questions(checked: WeightedOutputs, x: np.ndarray, eps: float) -> dict[str, Callable[[], np.ndarray]]:
    """Return gradients of related questions, by what it means if the gradient under test equals one of them."""

    def by(weights: list[np.ndarray]) -> Callable[[], np.ndarray]:
        return lambda: numerical_gradient(lambda: checked.loss(weights), x, eps)

    def only(i: int) -> list[np.ndarray]:
        masks = [np.zeros_like(w) for w in checked.weights]
        for mask, w in zip(masks, checked.weights):
            mask[i] = w[i]
        return masks

    answers = {
        "the gradient for an upstream gradient of ones: multiply by the gradient that arrives": by(
            [np.ones_like(w) for w in checked.weights]
        ),
    }
    if all(w.ndim and len(w) > 1 for w in checked.weights):
        for i, which in ((-1, "last"), (0, "first")):
            answers[
                f"the contribution of the {which} example alone: those of all examples add up (+=, or a sum over "
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
    """The same as `gradcheck`, but return the report, right or wrong.

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
            raise ValueError(f"gradcheck: input {i} is a result; pass a leaf: t.detach().clone().requires_grad_()")
        if 0 in t._array.strides and t.numel() > 1 or not t._array.flags.writeable:
            raise ValueError(f"gradcheck: elements of input {i} share memory (an expanded tensor?): .clone() it")
    checked = WeightedOutputs(func, several, grad_outputs)
    first, again = checked.loss(), checked.loss()
    if not np.allclose(first, again, rtol=0, atol=nondet_tol, equal_nan=True):
        raise GradcheckError(
            "gradcheck: the function returns another result when it is called again, so differences mean nothing. Is "
            "there dropout (call model.eval()), or does it draw random numbers or write to its inputs?"
        )
    sizes: dict[int, str] = {}
    for i, t in enumerate(several):
        if isinstance(t, Tensor):
            for d, n in enumerate(t.shape):
                if n > 1:
                    sizes.setdefault(n, f"the size of dimension {d} of input {i}" + ", the batch" * (d == 0))
    names = _parameter_names(func, len(several))
    names = [getattr(t, "name", "") or name for t, name in zip(several, names)]
    subject = {"function": func, "inputs": several, "names": names, "upstream": checked.weights}
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
                _other_questions(checked, t._array, h),
                {**subject, "position": i},
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
    """Check the gradients of a function against finite differences, and explain a wrong one.

    Args:
        func: a function of tensors that returns one or several tensors.
        inputs: a tensor, or several. Leaves that require a gradient are checked, and perturbed during the check.
        eps: the step of the differences (default 1e-6). Suspicious elements are examined with steps of all sizes.
        atol, rtol: a gradient is right if |analytic - numeric| <= atol + rtol * |numeric|.
        raise_exception: raise for a wrong gradient, instead of returning False.
        nondet_tol: the largest difference allowed between two calls with the same inputs.
        check_undefined_grad, check_grad_dtypes, fast_mode: accepted for PyTorch's signature, without effect.

    Raises:
        GradcheckError: for a wrong gradient, with index, values, relative errors and the likeliest mistake.
        ValueError: if no input requires a gradient.

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
    """Check second derivatives: `gradcheck` of the gradients, also with respect to the upstream gradient.

    >>> from minigrad import tensor
    >>> gradgradcheck(lambda x: x**3, tensor([1.0, 2.0], dtype="float64", requires_grad=True))
    True
    """
    several = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    places = [i for i, t in enumerate(several) if isinstance(t, Tensor) and t.requires_grad]
    outputs = [o for o in WeightedOutputs(func, several).outputs() if o.requires_grad]
    if grad_outputs is None:
        rng = np.random.default_rng(1)
        grad_outputs = [as_tensor(rng.standard_normal(o.shape).astype(o.dtype)).requires_grad_() for o in outputs]
    upstream = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)

    def first(*arguments: Any) -> Any:
        with enable_grad():
            outputs = [o for o in WeightedOutputs(func, arguments[: len(several)]).outputs() if o.requires_grad]
            wanted = [arguments[i] for i in places]
            found = grad(outputs, wanted, list(arguments[len(several) :]), create_graph=True, allow_unused=True)
        return tuple([g for g in found if g is not None])

    report = gradcheck_report(first, [*several, *upstream], eps=eps, atol=atol, rtol=rtol, nondet_tol=nondet_tol)
    return _answer(report, raise_exception)


# ---- of gradients written by hand ------------------------------------------------------------------------------


def check_gradient(
    f: Callable[[np.ndarray], Any], x: Any, dx: Any, upstream: Any = None, *, eps: float = 1e-6, name: str = "dx"
) -> Report:
    """Check a gradient computed by hand in NumPy.

    Args:
        f: a function of an array that returns a number or an array.
        x: the point, an array of floats.
        dx: the gradient computed by hand.
        upstream: the gradient with respect to f(x) that dx was computed with. Default: 1, if f returns a number.
        eps: the step of the differences (default 1e-6).
        name: the name of the gradient in the report.

    Returns:
        A report, which is true as a bool if dx is right, and whose text explains what is wrong.

    Raises:
        ValueError: if f returns an array and `upstream` is missing or has another shape.

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
                f"check_gradient: f returns an array of shape {value.shape}; pass the upstream gradient that dx was "
                "computed with (a random one, of that shape)"
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
        others["the gradient for an upstream gradient of ones: multiply by it"] = by(np.ones_like(weights))
    if value.ndim and len(value) > 1:
        for i, which in ((-1, "last"), (0, "first")):
            alone = np.zeros_like(weights)
            alone[i] = weights[i]
            others[f"the contribution of the {which} example alone: those of all examples add up (+=)"] = by(alone)
    sizes = {n: f"the size of dimension {d} of f(x)" + ", the batch" * (d == 0) for d, n in enumerate(value.shape)}
    sizes |= {n: f"the size of dimension {d} of x" for d, n in enumerate(x.shape) if n not in sizes}
    sizes.pop(1, None)
    dx = np.asarray(dx, dtype=float)
    names = _parameter_names(f, 1, name.removeprefix("d") or "x")
    subject = {"function": f, "inputs": [x], "names": names, "upstream": [weights]}
    return Report([_examine_gradient(name, loss, x, dx, eps, 1e-5, 1e-3, sizes, others, subject)])


def _parameter_names(f: Callable[..., Any], count: int, otherwise: str = "input") -> list[str]:
    """Return the names of the first `count` parameters of a function, where it has them."""
    try:
        parameters = [p for p in inspect.signature(f).parameters.values() if p.kind <= p.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):
        parameters = []
    found = [p.name for p in parameters[:count]]
    return found + [f"{otherwise}{i if count > 1 else ''}" for i in range(len(found), count)]
