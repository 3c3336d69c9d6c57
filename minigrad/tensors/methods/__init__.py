"""The Tensor methods that compute: each applies a primitive, or composes some. PyTorch's names and semantics.

`dim`/`keepdim` (PyTorch) and `axis`/`keepdims` (NumPy) are the same. A function `minigrad.f(t, …)` is the method
`t.f(…)`, and `np.f(t, …)` arrives here as well. One file for each group of methods.
"""

from minigrad.tensors.base import Out, sizes
from minigrad.tensors.methods.casts import Casts
from minigrad.tensors.methods.cumulative import Cumulative
from minigrad.tensors.methods.factories import Factories
from minigrad.tensors.methods.in_place import InPlace
from minigrad.tensors.methods.linalg import LinearAlgebra
from minigrad.tensors.methods.logic import Logic
from minigrad.tensors.methods.pointwise import Pointwise
from minigrad.tensors.methods.reductions import Reductions
from minigrad.tensors.methods.sampling import Sampling
from minigrad.tensors.methods.selection import Selection
from minigrad.tensors.methods.shape import Shapes
from minigrad.tensors.methods.statistics import Statistics


class Operations(
    Pointwise[Out],
    Logic[Out],
    InPlace[Out],
    Reductions[Out],
    Statistics[Out],
    Cumulative[Out],
    LinearAlgebra[Out],
    Selection[Out],
    Shapes[Out],
    Sampling[Out],
):
    """The part of Tensor that computes."""


__all__ = ["Casts", "Factories", "Logic", "Operations", "Pointwise", "sizes"]
