"""L-BFGS, which needs the loss several times in a step, and a line search for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NamedTuple, NoReturn, TypeVar, overload

import numpy as np

from minigrad.grad_mode import run_in_mode
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.rules import State
from minigrad.optim.settings import Range, number
from minigrad.tensors import saved
from minigrad.tensors.thread_writes import own

R = TypeVar("R")


class LBFGS(Optimizer):
    """L-BFGS: Newton's steps, with the inverse Hessian H estimated from the last steps and gradients.

        d = -H @ dx
        x = x + t * d           (t = lr, or from a line search along d)

    For losses without noise: use all the data in every evaluation. A step calls the closure up to max_eval times.

    Args:
        params: tensors that require gradients, in one group; all are treated as one vector x.
        lr: the length t of a step along d; with a line search, where it begins (default 1).
        max_iter: how many directions one `step` may follow (default 20).
        max_eval: how often one `step` may call the closure (default None: 5/4 of max_iter).
        tolerance_grad: stop where no number in dx is larger than this (default 1e-7).
        tolerance_change: stop where loss or parameters change by less than this (default 1e-9).
        history_size: how many steps and gradients H is estimated from (default 100; usual values are 10 to 100).
        line_search_fn: "strong_wolfe", or None for steps of lr (default None).

    State: d, t, dx, loss; the last differences s of x and y of dx, and what belongs to them. In `state_dict()` under
    PyTorch's names.

    Raises:
        ValueError: if there are several groups, line_search_fn is unknown, or a setting is out of its range.
        TypeError: if `step` gets no closure.

    >>> from minigrad import optim, tensor
    >>> p = tensor([-1.2, 1.0], dtype="float64", requires_grad=True)
    >>> optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2  # Rosenbrock's valley
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(4):
    ...     loss = optimizer.step(closure)
    >>> [round(value, 3) for value in p.tolist()]
    [1.0, 1.0]

    Source: Nocedal, "Updating quasi-Newton matrices with limited storage", 1980; Nocedal and Wright, "Numerical
    optimization", algorithm 7.4.
    """

    names: ClassVar = {
        "d": "d",
        "t": "t",
        "y": "old_dirs",
        "s": "old_stps",
        "rho": "ro",
        "gamma": "H_diag",
        "dx": "prev_flat_grad",
        "loss": "prev_loss",
        "evaluations": "func_evals",
        "iterations": "n_iter",
    }
    ranges: ClassVar = {
        "lr": Range("1"),
        "max_iter": Range("20"),
        "max_eval": Range("5/4 of max_iter"),
        "tolerance_grad": Range("1e-7"),
        "tolerance_change": Range("1e-9"),
        "history_size": Range("10 to 100"),
    }

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        settings = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, settings)

    def _has_own_step(self) -> bool:
        return False  # in the sense of `check`: its settings are known

    def check(self, group: dict[str, Any]) -> None:
        if group["max_eval"] is None and isinstance(group["max_iter"], int | float):
            group["max_eval"] = group["max_iter"] * 5 // 4
        super().check(group)
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS: line_search_fn must be 'strong_wolfe' or None, got {group['line_search_fn']!r}.")

    def add_param_group(self, group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("LBFGS treats all parameters as one vector: put them into one group.")
        super().add_param_group(group)

    @overload
    def step(self, closure: None = None) -> NoReturn: ...
    @overload
    def step(self, closure: Callable[[], R]) -> R: ...
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Follow up to max_iter directions.

        If anything raises on the way, even KeyboardInterrupt, parameters and state are set back to what they were.

        Args:
            closure: removes the gradients, computes the loss, calls its backward(), and returns it.

        Returns:
            The loss before the first direction.
        """
        return super().step(closure)

    def _step(self, closure: Callable[[], Any] | None) -> Any:
        if closure is None:
            raise TypeError("LBFGS evaluates the loss several times in a step: give step() a closure that returns it.")
        (group,) = self.param_groups
        state = self.state.setdefault(group["params"][0], {"evaluations": 0, "iterations": 0})
        x, before = self._vector(), {name: list(s) if isinstance(s, list) else s for name, s in state.items()}
        try:
            return self._minimize(closure, group, state)
        except BaseException:
            self._write(x)
            self.state[group["params"][0]] = before
            raise

    def _minimize(self, closure: Callable[[], Any], group: dict[str, Any], state: State) -> Any:

        def evaluate() -> tuple[Any, Any]:
            loss = run_in_mode(True, closure)
            self._refuse_nan()
            state["evaluations"] += 1
            return loss, self._gradient()

        before = state["evaluations"]
        first_loss, dx = evaluate()
        loss = number(first_loss)
        for i in range(0 if np.abs(dx).max() <= group["tolerance_grad"] else group["max_iter"]):
            d = self._direction(dx, group["history_size"], state)
            t = group["lr"] * (min(1.0, 1.0 / float(np.abs(dx).sum())) if state["iterations"] == 1 else 1.0)
            state.update(d=d, t=t, dx=dx, loss=loss)
            slope = float(dx @ d)
            if slope > -group["tolerance_change"]:
                break
            x = self._vector()
            if group["line_search_fn"]:

                def along(t: float, x: Any = x, d: Any = d) -> Point:
                    self._write(x + t * d)
                    loss, dx = evaluate()
                    return Point(t, number(loss), float(dx @ d), dx)

                start, size = Point(0.0, loss, slope, dx), float(np.abs(d).max())
                left = group["max_eval"] - (state["evaluations"] - before)
                t, loss, _, dx = strong_wolfe(along, start, t, size, left)
            self._write(x + t * d)
            if not group["line_search_fn"] and i < group["max_iter"] - 1:  # the next step begins with the last one
                new_loss, dx = evaluate()
                loss = number(new_loss)
            last_loss, state["t"] = state["loss"], t
            if (
                state["evaluations"] - before >= group["max_eval"]
                or np.abs(dx).max() <= group["tolerance_grad"]
                or np.abs(t * d).max() <= group["tolerance_change"]
                or abs(loss - last_loss) < group["tolerance_change"]
            ):
                break
        return first_loss

    def _direction(self, dx: Any, history_size: int, state: State) -> Any:
        """Add the last step to the history; return -H @ dx, by Nocedal's two loops."""
        state["iterations"] += 1
        if state["iterations"] == 1:
            state.update(y=[], s=[], rho=[], gamma=1.0)
            return -dx
        y, s = dx - state["dx"], state["t"] * state["d"]
        if (ys := float(y @ s)) > 1e-10:
            if len(state["y"]) == history_size:
                for old in (state["y"], state["s"], state["rho"]):
                    old.pop(0)
            state["y"].append(y)
            state["s"].append(s)
            state["rho"].append(1 / ys)
            state["gamma"] = ys / float(y @ y)
        d, alphas = -dx, []
        pairs = list(zip(state["s"], state["y"], state["rho"], strict=True))
        for s, y, rho in reversed(pairs):
            alphas.append(rho * float(s @ d))
            d = d - alphas[-1] * y
        d = state["gamma"] * d
        for (s, y, rho), alpha in zip(pairs, reversed(alphas), strict=True):
            d = d + (alpha - rho * float(y @ d)) * s
        return d

    def _vector(self) -> Any:
        return np.concatenate([p._array.reshape(-1) for p in self._all_params()])

    def _gradient(self) -> Any:
        return np.concatenate(
            [(np.zeros_like(p._array) if p.grad is None else p.grad._array).reshape(-1) for p in self._all_params()]
        )

    def _write(self, x: Any) -> None:
        start = 0
        for p in self._all_params():
            p._array[...] = x[start : start + p._array.size].reshape(p.shape)
            saved.record_write(p._array, table=own.writes)
            start += p._array.size

    def _name_here(self, name: str) -> str | None:
        return None if name == "al" else super()._name_here(name)  # PyTorch's working memory

    def _restored(self, p: Any, name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._restored(p, name, v) for v in value]
        if name in ("evaluations", "iterations"):
            return int(value)
        return float(value) if np.ndim(value) == 0 else np.array(np.asarray(value), dtype=p.dtype)


class Point(NamedTuple):
    """A point x + t * d on the line, with the loss, its slope along d, and its gradient."""

    t: float
    loss: float
    slope: float
    dx: Any


def strong_wolfe(
    along: Callable[[float], Point],
    start: Point,
    t: float,
    size: float,
    most: int,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance: float = 1e-9,
) -> Point:
    """Find a point that meets the strong Wolfe conditions: the loss is low enough and the slope flat enough.

        loss <= start.loss + c1 * t * start.slope,   abs(slope) <= c2 * abs(start.slope)

    First t grows until such points must lie between the last two; then this bracket is narrowed.

    Args:
        along: returns the point at t.
        start: the point at t = 0.
        t: where to look first.
        size: the largest absolute value in d.
        most: how many further points to evaluate.
        tolerance: stop when the bracket, times size, is smaller than this.

    Source: Nocedal and Wright, "Numerical optimization", algorithms 3.5 and 3.6, with the safeguards of minFunc
    (Schmidt, 2005), as PyTorch has them.
    """

    def too_high(point: Point) -> bool:
        return point.loss > start.loss + c1 * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -c2 * start.slope

    last, point, tries = start, along(t), 0
    while tries < most:
        uphill = too_high(point) or (tries > 1 and point.loss >= last.loss)
        if flat(point) and not uphill:
            return point
        if uphill or point.slope >= 0:
            bracket = [last, point]
            break
        t = cubic_minimum(last, point, point.t + 0.01 * (point.t - last.t), 10 * point.t)
        last, point, tries = point, along(t), tries + 1
    else:
        bracket = [start, point]

    def lower() -> int:
        return 0 if bracket[0].loss <= bracket[1].loss else 1

    low, slow = lower(), False
    while tries < most:
        left, right = sorted(p.t for p in bracket)
        if (right - left) * size < tolerance:
            break
        t = cubic_minimum(bracket[0], bracket[1], left, right)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:  # close to an end: the second time, or at it, move away
            if slow or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                slow = False
            else:
                slow = True
        else:
            slow = False
        point, tries = along(t), tries + 1
        if too_high(point) or point.loss >= bracket[low].loss:
            bracket[1 - low] = point
            low = lower()
            continue
        if flat(point):
            return point
        if point.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = point
    return bracket[low]


def cubic_minimum(a: Point, b: Point, least: float, most: float) -> float:
    """Return where the cubic through two points with their slopes has its minimum, within [least, most].

    If it has none, return the middle.

    Source: Nocedal and Wright, "Numerical optimization", equation 3.59.
    """
    if a.t > b.t:
        a, b = b, a
    if a.t < b.t:
        d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
        square = d1**2 - a.slope * b.slope
        if square >= 0 and (below := b.slope - a.slope + 2 * math.sqrt(square)):
            t = b.t - (b.t - a.t) * ((b.slope + math.sqrt(square) - d1) / below)
            return min(max(t, least), most)
    return (least + most) / 2
