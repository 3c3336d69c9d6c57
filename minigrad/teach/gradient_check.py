"""Check a gradient written by hand in NumPy: `check_gradient`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from minigrad.autograd.finite_differences import numerical_gradient
from minigrad.nn.arguments import check_callable, check_positive
from minigrad.output.words import class_name
from minigrad.scalar import Value
from minigrad.teach.diagnosis import Case
from minigrad.teach.gradient_examination import INTEGERS, Question, examine, other_questions, parameter_names
from minigrad.teach.gradient_report import Finding, Report
from minigrad.teach.restoring import same_generators
from minigrad.tensors.tensor import Tensor


@same_generators()
def check_gradient(
    f: Callable[[Any], Any], x: Any, dx: Any = None, upstream: Any = None, *, eps: float = 1e-6, name: str = "dx"
) -> Report:
    """Check a gradient computed by hand in NumPy.

    Args:
        f: a function of an array that returns a number or an array. It may return a tuple that starts with it, such as
            (loss, gradient) or (out, cache).
        x: the point, an array of floats; or a dictionary of arrays, such as the parameters of a network.
        dx: the gradient computed by hand; for a dictionary, a dictionary with the same keys. Default: the gradient that
            f returns beside its value, an array or a dictionary.
        upstream: the gradient with respect to f(x) that dx was computed with. Default: 1, if f returns a number.
        eps: the first step of the differences (default 1e-6). Doubtful elements are examined with steps of all sizes.
        name: the name of the gradient in the report; of several gradients that f returns, the one to examine.

    Returns:
        A report with a verdict. It is true as a bool only if dx is right: not if dx is wrong, and not if that could not
        be told. Its text explains what is wrong, or why it could not be told and what helps.

    Raises:
        ValueError: if f returns an array and `upstream` is missing, has another shape or is not finite; if there is no
            gradient, or one for something that is not in x; if eps is not positive.
        TypeError: if x or dx are not numbers, or complex; if f needs several arguments.

    An element is right to a relative error of 1e-4, besides the accuracy of its difference, which is measured.

    >>> W, x = np.ones((3, 4)), np.arange(8.0).reshape(2, 4)
    >>> dscores = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> print(check_gradient(lambda W: x @ W.T, W, dscores.T @ x, dscores))
    dx, float64 of shape (3, 4): the worst relative error is ..., fine

    A function that returns its loss and its gradient, as those of CS231n do, needs no more:

    >>> def loss_and_gradient(w):
    ...     return (w**2).sum(), 2 * w
    >>> bool(check_gradient(loss_and_gradient, np.array([1.0, -2.0])))
    True
    """
    check_positive("check_gradient", eps=eps)
    if not isinstance(name, str):
        raise TypeError(f"check_gradient: name must be the name of a gradient, such as 'dx', got {class_name(name)}")
    check_callable("check_gradient", f=f)
    if isinstance(x, Mapping):
        if not x:
            raise ValueError("check_gradient: x is an empty dictionary, with nothing to check")
        if isinstance(dx, Mapping) and (unknown := [key for key in dx if key not in x]):
            raise ValueError(f"check_gradient: dx has a gradient for {unknown[0]!r}, x has no such key")
        findings = []
        for key in x:
            if dx is not None and not (isinstance(dx, Mapping) and key in dx):
                raise ValueError(f"check_gradient: x is a dictionary; dx must be one, too, with a gradient for {key!r}")
            of_one = check_gradient(
                functools.partial(_value_at, f, dict(x), key),
                *(x[key], None if dx is None else dx[key], upstream),
                eps=eps,
                name=f"d{key}",
            )
            findings += of_one.findings
        return Report(findings)
    point = _numbers(x, "x").astype(float)
    if not _takes_one(f):
        signature = f"{getattr(f, '__name__', 'f')}{inspect.signature(f)}"
        raise TypeError(
            f"check_gradient: f is called with x alone, but is {signature}; fix the others: lambda x: f(x, ...)"
        )
    is_array = isinstance(x, np.ndarray | list | tuple | Tensor)
    given = None if upstream is None else _numbers(upstream, "upstream").astype(float)
    if given is not None and not np.isfinite(given).all():
        raise ValueError("check_gradient: upstream is nan or infinite")

    # not a function of this module: the recording must see f, to rebuild it
    value_of = functools.partial(_value_of, f, point, given)
    out, own = _split(f(_argument(point, is_array)), point, given)
    value = _numbers(out, "the value of f")
    analytic = _numbers(_own_gradient(own, point, name) if dx is None else dx, name)
    if given is None:
        if value.size != 1:
            raise ValueError(
                f"check_gradient: f returns an array of shape {value.shape}; pass the upstream gradient that dx was "
                "computed with (a random one, of that shape)"
            )
        given = np.ones(value.shape)
    if value.dtype.kind != "f" and (value.any() or value.dtype.kind == "b") and analytic.any():
        return Report([Finding(name, point.shape, point.dtype, notes=[INTEGERS.format(value.dtype)])])
    if given.shape != value.shape:
        raise ValueError(f"check_gradient: upstream has shape {given.shape}, the value of f {value.shape}")

    def loss(array: np.ndarray, w: np.ndarray = given) -> np.ndarray:
        return (w * np.asarray(_plain(value_of(_argument(array, is_array))), dtype=float)).ravel()

    def by(weights: Sequence[np.ndarray]) -> Callable[[], np.ndarray]:
        at = point.copy()
        return lambda: numerical_gradient(lambda: loss(at.copy(), *weights), at, eps)

    sizes = {n: f"the size of dimension {d} of f(x)" + ", the batch" * (d == 0) for d, n in enumerate(value.shape)}
    sizes |= {n: f"the size of dimension {d} of x" for d, n in enumerate(point.shape) if n not in sizes}
    sizes.pop(1, None)
    others = other_questions([given], by) if value.ndim else {}
    names = parameter_names(f, 1, name.removeprefix("d") or "x")
    if isinstance(f, functools.partial) and f.func is _value_at:  # an array of a dictionary
        names = [f'{parameter_names(f.args[0], 1, "x")[0]}["{f.args[2]}"]']
    numbers = np.asarray(analytic, dtype=float)
    about = Case(numbers, numbers, point, sizes, others, True, value_of, [point], 0, names, [given])
    question = Question(
        *(name, loss, point, analytic, about),
        precision=float(np.finfo(value.dtype).eps) if value.dtype.kind == "f" else 0.0,
        reads=lambda: _reads(value_of, point),
        eps=eps,
        complex_terms=lambda z: (given * np.asarray(value_of(_argument(z, is_array)))).ravel(),
    )
    return Report([examine(question)])


def _value_at(f: Callable[[Any], Any], arrays: Mapping[Any, Any], key: Any, array: Any) -> Any:
    """Return the value of a function of a dictionary of arrays, one of which is another one.

    The other arrays are copies, which the function may write to.
    """
    copied = {k: value.copy() if isinstance(value, np.ndarray) else value for k, value in arrays.items()}
    return f({**copied, key: array})


def _argument(array: np.ndarray, is_array: bool) -> Any:
    """Return what a function is called with: an array, or a number where a number was given."""
    return array if is_array else array[()]


def _takes_one(f: Callable[..., Any]) -> bool:
    """Return whether a function can be called with one argument."""
    try:
        inspect.signature(f).bind(None)
    except TypeError:
        return False
    except ValueError:  # a builtin has no signature
        pass
    return True


def _plain(value: Any) -> Any:
    return value.data if isinstance(value, Value) else value.detach()._array if isinstance(value, Tensor) else value


def _numbers(value: Any, what: str) -> np.ndarray:
    """Return an array of real numbers."""
    if isinstance(value, np.matrix | np.ma.MaskedArray):  # their operators are others, and f would get an array
        raise TypeError(f"check_gradient: {what} is a {class_name(value)}; pass a plain array: np.array({what})")
    plain = _plain(value)
    try:
        array = np.asarray(plain)
    except (TypeError, ValueError):  # lists of several lengths, or of Values
        array = np.asarray(None)
    if array.dtype.kind == "c":
        raise TypeError(
            f"check_gradient: {what} is complex; pass the real and the imaginary part as two arrays of floats"
        )
    if array.dtype.kind not in "fiub":
        got = f"an array of dtype {array.dtype}" if isinstance(plain, np.ndarray) else class_name(value)
        fix = ""
        if value is None and what == "the value of f":
            fix = ": is the line with return missing?"
        elif inspect.isgenerator(value) or inspect.iscoroutine(value):
            fix = ": write return instead of yield, and no async"
        elif isinstance(plain, list | tuple):
            fix = "; several arrays are a dictionary, such as {'W': W, 'b': b}"
        elif array.dtype == object and array.ndim:
            fix = f"; if it holds numbers, convert it: {'f(x)' if what.startswith('the') else what}.astype(float)"
        raise TypeError(f"check_gradient: {what} must be an array of numbers, got {got}{fix}")
    return array


def _value_of(f: Callable[[Any], Any], x: np.ndarray, upstream: np.ndarray | None, array: Any) -> Any:
    """Return the value of f at an array, without what f returns beside it."""
    return _split(f(array), x, upstream)[0]


def _split(out: Any, x: np.ndarray, upstream: np.ndarray | None) -> tuple[Any, tuple[Any, ...]]:
    """Return the value of a function, and what it returns beside it: a gradient, several, a cache."""
    if not isinstance(out, tuple | list) or not out:
        return out, ()
    plain = all(isinstance(o, int | float | np.number) for o in out)
    if plain and not (isinstance(out, tuple) and len(out) == 2 and x.ndim == 0):
        return np.asarray(out), ()  # an array, written as a list
    if isinstance(out, list):
        with suppress(TypeError, ValueError):
            if len({np.shape(o) for o in out}) == 1:
                return out, ()
    if upstream is not None and upstream.ndim and len(out) == len(upstream) and np.shape(out[0]) != upstream.shape:
        return out, ()
    return out[0], tuple(out[1:])


def _own_gradient(found: tuple[Any, ...], x: np.ndarray, name: str) -> Any:
    """Return the gradient among what a function returns beside its value."""
    letter = name.removeprefix("d")
    gradients: dict[str, Any] = {}
    for number, one in enumerate(found):
        gradients.update(one if isinstance(one, Mapping) else {"" if len(found) == 1 else str(number): one})
    if not gradients:
        raise ValueError(
            "check_gradient: there is no gradient to check. Pass dx, or a function that returns (loss, gradient)"
        )
    for key in (letter, name):
        if key in gradients:
            return gradients[key]
    if len(gradients) == 1:
        return next(iter(gradients.values()))
    fitting = [g for g in gradients.values() if np.shape(_plain(g)) == x.shape]
    if len(fitting) == 1:
        return fitting[0]
    raise ValueError(
        f"check_gradient: f returns several gradients, and {len(fitting)} of them have the shape of x, {x.shape}. Say "
        f"which one: dx=..., or name={next(iter(gradients))!r} for a dictionary ({', '.join(map(repr, gradients))})"
    )


def _reads(f: Callable[[Any], Any], x: np.ndarray) -> bool:
    """Return whether a function computes with its argument: with a Tensor, its result then has a graph."""
    try:
        out = f(Tensor(x.copy(), requires_grad=True))
        return bool(getattr(out, "requires_grad", False))
    except Exception:  # a function written for arrays
        return False
