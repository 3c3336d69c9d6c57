"""The largest and the smallest element, as PyTorch's `max` and `min` without a dimension have them.

They differ from `amax` and `amin` in the gradient at nan: here it goes to the elements that are nan.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive
from minigrad.primitives.reductions import Axis, amax, amin, spread


def _extremum_x(g: Any, x: Any, y: Any, axis: Axis, keepdims: bool) -> Any:
    """The gradient in equal parts to all elements that attain the extremum; to all nan, if it is nan."""
    attains = (x == spread(y, x.shape, axis, keepdims)) | (x != x)
    part = g / np.sum(attains, axis=axis, keepdims=keepdims)
    return np.where(attains, spread(part, x.shape, axis, keepdims), 0)


max = Primitive("max", amax.forward, x=_extremum_x).with_notation("max(x)", x=amax.notation["x"])
min = Primitive("min", amin.forward, x=_extremum_x).with_notation("min(x)", x=amin.notation["x"])
