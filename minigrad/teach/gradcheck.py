"""Check the gradients of functions of tensors: `gradcheck`, and `gradgradcheck` for second derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.autograd import grad
from minigrad.autograd.comparison import RTOL
from minigrad.autograd.finite_differences import WeightedOutputs, numerical_gradient
from minigrad.grad_mode import enable_grad, inference_mode
from minigrad.nn.arguments import check_callable, check_not_negative, check_positive
from minigrad.output.words import class_name, in_brackets
from minigrad.teach.diagnosis import Case
from minigrad.teach.gradient_examination import UNSTEADY, WROTE, Question, examine, other_questions, parameter_names
from minigrad.teach.gradient_report import Finding, Report
from minigrad.teach.restoring import same_generators
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor


class GradcheckError(RuntimeError):
    """Raised by `gradcheck` for a gradient that is not right; the text explains it, `report` has the numbers."""

    report: Report | None = None


@inference_mode(False)
@same_generators()
def gradcheck_report(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 0.0,
    rtol: float = RTOL,
    nondet_tol: float = 0.0,
    grad_outputs: Any = None,
) -> Report:
    """The same as `gradcheck`, but return the report, whatever the verdict.

    >>> from minigrad import tensor
    >>> x = tensor([1.0, -2.0, 0.5], dtype="float64", requires_grad=True)
    >>> print(gradcheck_report(lambda x: x.detach() * x, x))
    input 0, float64 of shape (3,): WRONG in 3 of 3 elements
        Cause: a constant factor of 1/2: the 2 of a square, or an input used twice (= for +=)?
    ...
    """
    check_positive("gradcheck", eps=eps)
    check_not_negative("gradcheck", atol=atol, rtol=rtol, nondet_tol=nondet_tol)
    several = _arguments("gradcheck", func, inputs)
    wanted = {i: t for i, t in enumerate(several) if isinstance(t, Tensor) and t.requires_grad}
    if not wanted:
        raise ValueError("gradcheck: none of the inputs requires a gradient: tensor(..., requires_grad=True)")
    for i, t in wanted.items():
        if not t.is_leaf:
            raise ValueError(f"gradcheck: input {i} is a result; pass a leaf: t.detach().clone().requires_grad_()")
        if 0 in t._array.strides and t.numel() > 1 or not t._array.flags.writeable:
            raise ValueError(f"gradcheck: elements of input {i} share memory (an expanded tensor?): .clone() it")
    checked = WeightedOutputs(func, several, grad_outputs)
    sizes: dict[int, str] = {}
    for i, t in enumerate(several):
        for d, n in enumerate(t.shape if isinstance(t, Tensor) else ()):
            if n > 1:
                sizes.setdefault(n, f"the size of dimension {d} of input {i}" + ", the batch" * (d == 0))
    names = parameter_names(func, len(several))
    names = [getattr(t, "name", "") or name for t, name in zip(several, names)]
    before = {i: t._array.copy() for i, t in wanted.items()}
    computed = checked.gradients([*wanted.values()])
    written = [i for i, t in wanted.items() if not np.array_equal(t._array, before[i], equal_nan=True)]
    for i, t in wanted.items():
        t._array[...] = before[i]
    titles = {i: f"input {i}{in_brackets(t.name)}" for i, t in wanted.items()}
    if computed is None:
        return Report([Finding(titles[i], t.shape, t.dtype, notes=[UNSTEADY]) for i, t in wanted.items()])
    findings = []
    for (i, t), g in zip(wanted.items(), computed):
        h = max(eps, 1e-3) if t.dtype == np.float32 else eps
        analytic = np.zeros(t.shape) if g is None else g.detach()._array

        def by(weights: Sequence[np.ndarray], x: np.ndarray = t._array, h: float = h) -> Callable[[], np.ndarray]:
            return lambda: numerical_gradient(lambda: checked.loss(weights), x, h)

        given, others = analytic.astype(float), other_questions(checked.weights, by)
        subject = func, several, i, names, checked.weights
        about = Case(given, given, before[i].astype(float), sizes, others, True, *subject)
        question = Question(
            name=titles[i],
            terms=checked.of(t),
            x=before[i],
            analytic=analytic,
            about=about,
            precision=max(checked.precision, float(np.finfo(t.dtype).eps)),
            # a zero gradient is right where the graph reaches other inputs, but not this one
            reads=lambda: any(g is not None for g in computed),
            eps=h,
            atol=atol,
            rtol=rtol,
            nondet_tol=nondet_tol,
        )
        finding = examine(question)
        if i in written and WROTE not in finding.notes:
            finding = Finding(question.name, t.shape, t.dtype, notes=[WROTE])
        if t.dtype == np.float32:
            finding.notes.append(
                "Differences in float32 have errors of about 1e-3. For a meaningful check use float64, as in "
                "x.double(), model.double()."
            )
        findings.append(finding)
    return Report(findings)


def _arguments(name: str, func: Any, inputs: Any) -> list[Any]:
    """Return the arguments of the function that is checked."""
    check_callable(name, func=func)
    if not isinstance(inputs, Iterable) or isinstance(inputs, str | Mapping | np.ndarray):
        raise TypeError(f"{name}: inputs must be a tensor, or several in a list, got {class_name(inputs)}")
    return [inputs] if isinstance(inputs, Tensor) else list(inputs)


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 0.0,
    rtol: float = RTOL,
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
        eps: the first step of the differences (default 1e-6). Doubtful elements are examined with steps of all sizes.
        atol, rtol: an element is right if |analytic - numeric| <= atol + rtol * max(|analytic|, |numeric|) besides the
            measured accuracy of the difference. Default: 0 and 1e-4; PyTorch's 1e-5 and 1e-3 call each gradient below
            1e-5 right.
        raise_exception: raise for a gradient that is not right, instead of returning False.
        nondet_tol: the largest difference allowed between two calls with the same inputs.
        check_undefined_grad, check_grad_dtypes, fast_mode: accepted for PyTorch's signature, without effect.

    Raises:
        GradcheckError: for a wrong gradient, with index, values, relative errors and the likeliest mistake; for one
            that could not be told, with the reason and what helps.
        ValueError: if no input requires a gradient; if eps is not positive, or another setting is negative.
        TypeError: if func is no function, or inputs is neither a tensor nor several.

    An element at a kink (relu at 0) counts as right if its gradient lies between the slopes on the two sides. Elements
    that share a kink (equal numbers in a maximum) are examined together.

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


@inference_mode(False)
def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 0.0,
    rtol: float = RTOL,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """Check second derivatives: `gradcheck` of the gradients, also with respect to the upstream gradient.

    >>> from minigrad import tensor
    >>> gradgradcheck(lambda x: x**3, tensor([1.0, 2.0], dtype="float64", requires_grad=True))
    True
    """
    several = _arguments("gradgradcheck", func, inputs)
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
