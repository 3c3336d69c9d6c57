"""L-BFGS, which needs the loss several times in a step, and a line search for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NamedTuple, NoReturn, TypeVar, overload

import numpy as np

from minigrad.grad_mode import enable_grad
from minigrad.optim.optimizer import Optimizer, Range
from minigrad.optim.rules import State
from minigrad.tensors import saved

R = TypeVar("R")


class LBFGS(Optimizer):
    """L-BFGS (Nocedal, 1980): Newton's steps, with the inverse Hessian estimated from the last steps and gradients.

    For losses without noise: all the data in every evaluation. The closure is called up to max_eval times in a step.

    Args:
        params: the parameters, in one group; all are treated as one vector.
        lr: the length of a step along the direction; with a line search, where the search begins.
        max_iter: how many directions one `step` may follow.
        max_eval: how often one `step` may evaluate the closure; 5/4 of max_iter if not given.
        tolerance_grad: where the largest gradient is not above it, the minimum is reached.
        tolerance_change: neither is there more to do where loss or parameters change by less.
        history_size: how many steps are remembered.
        line_search_fn: "strong_wolfe", or None for steps of lr.
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

    def check(self, group: dict[str, Any]) -> None:
        if group["max_eval"] is None and isinstance(group["max_iter"], int | float):
            group["max_eval"] = group["max_iter"] * 5 // 4
        super().check(group)
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS: line_search_fn={group['line_search_fn']!r} is neither 'strong_wolfe' nor None")

    def add_param_group(self, group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("LBFGS takes all parameters as one vector: it has one group only")
        super().add_param_group(group)

    @overload
    def step(self, closure: None = None) -> NoReturn: ...
    @overload
    def step(self, closure: Callable[[], R]) -> R: ...
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Follow up to max_iter directions, and give the loss before the first of them.

        Args:
            closure: zeroes the gradients, computes the loss, calls its backward(), and returns it.
        """
        return super().step(closure)

    def _step(self, closure: Callable[[], Any] | None) -> Any:
        if closure is None:
            raise TypeError("LBFGS evaluates the loss several times in a step: give step() a closure that returns it")
        (group,) = self.param_groups
        state = self.state.setdefault(group["params"][0], {"evaluations": 0, "iterations": 0})

        def evaluate() -> tuple[Any, Any]:
            with enable_grad():
                loss = closure()
            self._look_for_nan()
            state["evaluations"] += 1
            return loss, self._gradient()

        before = state["evaluations"]
        first_loss, dx = evaluate()
        loss = float(first_loss)
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
                    return Point(t, float(loss), float(dx @ d), dx)

                start, size = Point(0.0, loss, slope, dx), float(np.abs(d).max())
                left = group["max_eval"] - (state["evaluations"] - before)
                t, loss, _, dx = strong_wolfe(along, start, t, size, left)
            self._write(x + t * d)
            if not group["line_search_fn"] and i < group["max_iter"] - 1:  # at the end it is left to the next step
                new_loss, dx = evaluate()
                loss = float(new_loss)
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
        """Remember the last step; minus the estimated inverse Hessian times dx, by Nocedal's two loops."""
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
            saved.record_write(p._array)
            start += p._array.size

    def _name_here(self, name: str) -> str | None:
        return None if name == "al" else super()._name_here(name)  # PyTorch's scratch paper

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
    """A point where the loss is low enough and the slope flat enough: the strong Wolfe conditions.

    loss <= start.loss + c1 * t * start.slope, and abs(slope) <= c2 * abs(start.slope). First t grows until such points
    must lie behind; then the bracket is narrowed down. Source: Nocedal and Wright, "Numerical optimization",
    algorithms 3.5 and 3.6, with the safeguards of minFunc (Schmidt, 2005), as PyTorch has them.

    Args:
        along: the point at t.
        start: the point at t = 0.
        t: where to look first.
        size: the largest number in d.
        most: how many further points are looked at.
        tolerance: how small the bracket gets, in the number of d that is the largest.
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
    """Where the cubic through two points with their slopes has its minimum, within [least, most]; else the middle.

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
