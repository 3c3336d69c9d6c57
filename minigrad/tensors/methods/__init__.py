"""The Tensor methods that compute: each applies a primitive, or composes some. PyTorch's names and semantics.

`dim`/`keepdim` (PyTorch) and `axis`/`keepdims` (NumPy) are the same. A function `minigrad.f(t, …)` is the method
`t.f(…)`, and `np.f(t, …)` arrives here as well. One file for each group of methods.
"""

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

from minigrad.tensors.base import Base, Out, sizes
from minigrad.tensors.methods.casts import Casts
from minigrad.tensors.methods.cumulative import Cumulative
from minigrad.tensors.methods.factories import Factories
from minigrad.tensors.methods.in_place import InPlace
from minigrad.tensors.methods.linalg import LinearAlgebra
from minigrad.tensors.methods.logic import Logic
from minigrad.tensors.methods.method_factories import not_of
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


for _group in Operations.__mro__:
    for _method in vars(_group).values():
        if isinstance(_method, FunctionType) and _group.__module__.startswith(__name__):
            _method.__qualname__ = f"Tensor.{_method.__name__}"  # the name that errors about arguments show


def as_function(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method as a function, whose first argument has PyTorch's name: sum(input=t) is t.sum().

    Raises:
        TypeError: if the arguments do not fit, or the first is no tensor; the message names the function.
    """
    name = method.__name__

    @functools.wraps(method)
    def function(*args: Any, **named: Any) -> Any:
        if not args and "input" in named:
            args = (named.pop("input"),)
        if name in ("max", "min") and "axis" in named:
            named["dim"] = named.pop("axis")  # in PyTorch's functions; of the method, it asks for NumPy's answer
        try:
            return method(*args, **named)
        except AttributeError:
            if args and not isinstance(args[0], Base):
                raise not_of(name, args[0]) from None
            raise
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is None:  # the call itself failed
                message = str(error).replace(f"Tensor.{name}()", f"{name}()").replace("'self'", "'input'")
                raise TypeError(message) from None
            raise

    function.__qualname__ = name
    return function


__all__ = ["Casts", "Factories", "Logic", "Operations", "Pointwise", "as_function", "sizes"]
