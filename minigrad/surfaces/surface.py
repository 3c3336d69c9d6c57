"""Loss surfaces: functions of two variables, with gradients from the engine and a region to view."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.output.words import class_name
from minigrad.scalar import Value
from minigrad.tensors.creation import as_tensor, tensor
from minigrad.tensors.tensor import Tensor

Pair = tuple[float, float]


@dataclass(frozen=True)
class Surface:
    """A loss that depends on two variables, x and y.

    Args:
        name: the name, for titles and messages.
        function: computes the loss from x and y. It is called with Values; if it does not accept them, because it calls
            functions of NumPy or minigrad, with float64 Tensors. For pictures it is called with Tensors of many points
            if it accepts them.
        formula: the function as text. Default: none.
        view: the region to draw: smallest and largest x, smallest and largest y. Default: -2 to 2 for both.
        start: where races start. Default: (-1.5, 1).
        minima: the known minima. Default: none.
        source: where the function and its minima are from. Default: none.
        rate: a learning rate for gradient descent. Default: one whose first step is 1/50 of the view.
        steps: the number of steps of a race. Default: 150.
        noise: the standard deviation of normal noise added to each component of the gradient, like that of a batch.
            Default: 0.
        steep: whether heights vary so much that pictures should show their logarithms. Default: False.

    Raises:
        ValueError: the view is empty, the function cannot be differentiated at the start, or part of its gradient is
            lost because it converts x or y to plain numbers.

    >>> bowl = Surface("bowl", lambda x, y: x**2 + 10 * y**2)
    >>> loss, dx = bowl.gradient([1.0, 0.5])
    >>> loss, dx.tolist()
    (3.5, [2.0, 10.0])
    >>> bowl(1.0, 0.5)
    3.5
    """

    name: str
    function: Callable[[Any, Any], Any]
    formula: str = ""
    view: tuple[float, float, float, float] = (-2.0, 2.0, -2.0, 2.0)
    start: Pair = (-1.5, 1.0)
    minima: tuple[Pair, ...] = ()
    source: str = ""
    rate: float = 0.0
    steps: int = 150
    noise: float = 0.0
    steep: bool = False
    _on_values: bool = field(init=False, repr=False, default=True)

    def __post_init__(self) -> None:
        left, right, low, high = self.view
        if not (left < right and low < high and np.isfinite(self.view).all()):
            raise ValueError(
                f"surface {self.name!r}: view must be the smallest and the largest x, then those of y, got {self.view}"
            )
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of a lost gradient: the error says it
            self._check_function()
        if not self.rate:
            slope = float(np.hypot(*self.gradient(self.start)[1]))
            object.__setattr__(self, "rate", self.size / 50 / slope if 0 < slope < np.inf else 0.01)

    def _check_function(self) -> None:
        """Raise if the function cannot be differentiated, or loses a part of its gradient."""
        try:
            self._gradient_by_values(self.start)
        except (TypeError, AttributeError):
            object.__setattr__(self, "_on_values", False)
            try:
                self._gradient_by_tensors(self.start)
            except (TypeError, AttributeError, ValueError, RuntimeError) as error:
                raise ValueError(
                    f"surface {self.name!r}: the function cannot be differentiated at the start {self.start}. It is "
                    f"called with x and y as Values or Tensors, and must return one of them: {error}"
                ) from error
        with np.errstate(all="ignore"):
            loses_gradient = self._loses_gradient()
        if loses_gradient:
            raise ValueError(
                f"surface {self.name!r}: the function converts x or y to plain numbers, as float(x) and math.sin(x) "
                "do, so part of its gradient is lost. Use np.sin(x)"
            )

    @property
    def size(self) -> float:
        """The mean of the width and the height of the view."""
        left, right, low, high = self.view
        return (right - left + high - low) / 2

    def _loses_gradient(self) -> bool:
        """Whether the gradients differ from finite differences at three points."""
        left, right, low, high = self.view
        h = 1e-4 * self.size
        for a, b in ((0.3, 0.6), (0.55, 0.25), (0.8, 0.85)):
            x, y = left + a * (right - left), low + b * (high - low)
            try:
                (loss, dx), repeated = self.gradient((x, y)), self.gradient((x, y))[0]
                ahead = np.array([self.gradient(p)[0] for p in ((x + h, y), (x, y + h))])
                behind = np.array([self.gradient(p)[0] for p in ((x - h, y), (x, y - h))])
            except Exception:  # an error there is raised when a race gets there
                return False
            slope = (ahead - behind) / (2 * h)
            wrong = np.abs(slope - dx) > 0.1 * (np.abs(slope) + np.abs(dx)) + 0.01 * abs(loss) / self.size
            if not wrong.any() or repeated != loss or not np.isfinite([*slope, *dx, loss]).all():
                return False
        return True

    def gradient(self, x: Sequence[float] | np.ndarray) -> tuple[float, np.ndarray]:
        """Compute the loss at a point and its gradient by a backward pass, without noise.

        Args:
            x: the point, two numbers.

        Returns:
            The loss and the gradient, an array of two numbers.
        """
        pair = (float(x[0]), float(x[1]))
        return self._gradient_by_values(pair) if self._on_values else self._gradient_by_tensors(pair)

    def _gradient_by_values(self, pair: Pair) -> tuple[float, np.ndarray]:
        x, y = Value(pair[0], "x"), Value(pair[1], "y")
        loss = self.function(x, y)
        if not isinstance(loss, Value):
            raise TypeError(f"called with Values, it returned {class_name(loss)}")
        loss.backward()
        return loss.data, np.array([x.grad, y.grad])

    def _gradient_by_tensors(self, pair: Pair) -> tuple[float, np.ndarray]:
        x, y = (tensor(number, dtype=np.float64, requires_grad=True) for number in pair)
        loss = self.function(x, y)
        if not isinstance(loss, Tensor):
            raise TypeError(f"called with Tensors, it returned {class_name(loss)}")
        loss.backward()
        return loss.item(), np.array([0.0 if p.grad is None else p.grad.item() for p in (x, y)])

    def __call__(self, x: Any, y: Any) -> Any:
        """Compute the loss at one point, or at many: x and y are arrays of the same shape."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        try:
            with no_grad(), np.errstate(all="ignore"):
                values = self.function(as_tensor(x), as_tensor(y))
            found = np.broadcast_to(np.asarray(getattr(values, "_array", values), np.float64), x.shape)
        except (TypeError, ValueError, AttributeError, RuntimeError):  # the function has an `if`: one point at a time
            found = np.array([self.gradient(pair)[0] for pair in zip(x.ravel(), y.ravel())]).reshape(x.shape)
        return found if found.ndim else found.item()

    def grid(self, points: int = 81) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Evaluate the loss on a grid over the view.

        Args:
            points: the number of rows and of columns. Default: 81.

        Returns:
            The x of the columns, the y of the rows, and the losses, of shape (points, points).

        >>> x, y, z = Surface("plane", lambda x, y: x + 10 * y, view=(0, 1, 0, 2)).grid(3)
        >>> z.tolist()
        [[0.0, 0.5, 1.0], [10.0, 10.5, 11.0], [20.0, 20.5, 21.0]]
        """
        left, right, low, high = self.view
        x, y = np.linspace(left, right, points), np.linspace(low, high, points)
        return x, y, np.array([self(x, np.full_like(x, b)) for b in y])
