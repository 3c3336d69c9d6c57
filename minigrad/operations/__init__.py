"""The methods of a Tensor that compute: each names a rule, or is a composition of such. PyTorch's names and meaning.

`dim`/`keepdim` (PyTorch) and `axis`/`keepdims` (NumPy) are the same. A function `minigrad.f(t, …)` is the method
`t.f(…)`, and `np.f(t, …)` arrives here as well. One file for each group of methods.
"""

from minigrad.operations.base import sizes
from minigrad.operations.casts import Casts
from minigrad.operations.cumulative import Cumulative
from minigrad.operations.factories import Factories
from minigrad.operations.in_place import InPlace
from minigrad.operations.linalg import LinearAlgebra
from minigrad.operations.logic import Logic
from minigrad.operations.pointwise import Pointwise
from minigrad.operations.reductions import Reductions
from minigrad.operations.sampling import Sampling
from minigrad.operations.selection import Selection
from minigrad.operations.shape import Shapes
from minigrad.operations.statistics import Statistics


class Operations(
    Pointwise, Logic, InPlace, Reductions, Statistics, Cumulative, LinearAlgebra, Selection, Shapes, Sampling
):
    """The computing half of Tensor."""


__all__ = ["Casts", "Factories", "Logic", "Operations", "Pointwise", "sizes"]
