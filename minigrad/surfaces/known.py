"""Surfaces with names: those of the lecture, and common test functions of optimization."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from minigrad.output.words import class_name
from minigrad.surfaces.digits import digits_plane
from minigrad.surfaces.surface import Surface

_TESTS = "J. J. Moré, B. S. Garbow and K. E. Hillstrom, Testing unconstrained optimization software (1981)"

valley = Surface(
    "valley",
    lambda x, y: (x**2 + 100 * y**2) / 2,
    formula="(x² + 100 y²) / 2",
    view=(-10.0, 3.0, -2.0, 2.0),
    start=(-9.0, 1.2),
    minima=((0.0, 0.0),),
    source="Steep vertically and shallow horizontally: CS231n, lecture Parameter updates",
    rate=0.0185,
    steps=100,
)
saddle = Surface(
    "saddle",
    lambda x, y: x**2 - y**2,
    formula="x² − y²",
    view=(-2.0, 2.0, -2.0, 2.0),
    start=(-1.7, 0.01),
    source="The saddle point is at (0, 0), as in A. Radford's animation in CS231n, lecture Parameter updates",
    rate=0.02,
    steps=150,
)
beale = Surface(
    "beale",
    lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2,
    formula="(1.5 − x + x y)² + (2.25 − x + x y²)² + (2.625 − x + x y³)²",
    view=(-1.5, 4.5, -2.0, 2.0),
    start=(-0.5, -1.25),
    minima=((3.0, 0.5),),
    source=f"E. M. L. Beale (1958); number 5 of {_TESTS}",
    rate=0.01,
    steps=200,
    steep=True,
)
rosenbrock = Surface(
    "rosenbrock",
    lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    formula="(1 − x)² + 100 (y − x²)²",
    view=(-2.0, 2.0, -1.0, 3.0),
    start=(-1.2, 1.0),
    minima=((1.0, 1.0),),
    source=f"H. H. Rosenbrock (1960); number 1 of {_TESTS}",
    rate=0.001,
    steps=300,
    steep=True,
)
himmelblau = Surface(
    "himmelblau",
    lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
    formula="(x² + y − 11)² + (x + y² − 7)²",
    view=(-5.0, 5.0, -5.0, 5.0),
    start=(0.6, -3.8),
    minima=((3.0, 2.0), (-2.805118, 3.131312), (-3.779310, -3.283186), (3.584428, -1.848126)),
    source="D. M. Himmelblau, Applied Nonlinear Programming (1972)",
    rate=0.005,
    steps=100,
    steep=True,
)
noisy = Surface(
    "noisy",
    lambda x, y: (x**2 + 4 * y**2) / 2,
    formula="(x² + 4 y²) / 2, with gradient noise of standard deviation 2",
    view=(-4.0, 2.0, -2.5, 2.5),
    start=(-3.5, 2.0),
    minima=((0.0, 0.0),),
    source="A quadratic with a noisy gradient, like that of a batch",
    rate=0.05,
    steps=100,
    noise=2.0,
)

SURFACES: dict[str, Callable[[], Surface]] = {
    **{s.name: lambda s=s: s for s in (valley, saddle, beale, rosenbrock, himmelblau, noisy)},  # type: ignore[misc]
    "digits": digits_plane,
}
"""Functions that return the surface of a name."""


def surface(of: str | Surface | Callable[[Any, Any], Any]) -> Surface:
    """Return the surface of a name, or make one of your own function of x and y.

    Args:
        of: a name in `SURFACES`, a function, or a Surface, which is returned as it is.

    Raises:
        ValueError: the name is unknown.
        TypeError: `of` is of another type.

    >>> surface("saddle").gradient(surface("saddle").start)[1].tolist()
    [-3.4, -0.02]
    >>> surface(lambda x, y: x**2 + y**4).name
    'your function'
    """
    if isinstance(of, Surface):
        return of
    if isinstance(of, str):
        return find("surface", of, SURFACES)()
    if callable(of):
        name = getattr(of, "__name__", "<lambda>")
        return Surface("your function" if name == "<lambda>" else name, of)
    raise TypeError(f"a surface must be a name, a Surface or a function of x and y, got {class_name(of)}")


def find(what: str, name: str, known: Mapping[str, Any]) -> Any:
    """Look up a name.

    Raises:
        ValueError: the name is unknown; the message suggests a similar one and lists all.
    """
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, 1)
    guess = f", did you mean {close[0]!r}?" if close else "."
    raise ValueError(f"there is no {what} {name!r}{guess} There are: {', '.join(known)}")
