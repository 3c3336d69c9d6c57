"""Names for what a program computes: those of the model, as valid Python identifiers. Imports no NumPy.

A parameter is named after its place in the model: W1, b1, W2 for a few layers with weight and bias, otherwise by its
path. A result has the name of its tensor, or the usual name in the field.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any


def identifier(name: str) -> str:
    """Return the closest valid Python identifier.

    >>> identifier("encoder.0.weight"), identifier("0.weight"), identifier("it's"), identifier("π")
    ('encoder_0_weight', 'x0_weight', 'it_s', 'π')
    """
    name = unicodedata.normalize("NFKC", name)
    name = "".join(c if c.isidentifier() or c.isdecimal() and c.isascii() else "_" for c in name)
    name = re.sub("__+", "_", name).strip("_") or "x"
    return name if name.isidentifier() else f"x{name}"


class Names:
    """A generator of unique identifiers.

    Args:
        taken: names that must not be used, such as imported modules.
    """

    def __init__(self, *taken: str) -> None:
        self._taken = {*taken, *keyword.kwlist, *keyword.softkwlist, *dir(builtins)}
        self._used: set[str] = set()
        self.given: dict[Any, str] = {}  # the names of the program's variables, which others do not take

    def unique(self, wanted: str, of: str = "", given: bool = True) -> str:
        """Return the name, or the name with the first number that is free and does not mislead.

        A name dV is for the gradient of V alone.

        Args:
            wanted: the name.
            of: the name of the variable whose gradient this is.
            given: False if the name is none of the program.
        """
        base = name = identifier(wanted)
        i = 2
        while name in self._taken or self._misleads(name, of) or not given and name in self.given.values():
            name = f"{base}{'_' if base[-1].isdigit() else ''}{i}"
            i += 1
        self._taken.add(name)
        self._used.add(name)
        return name

    def is_free(self, name: str, of: str) -> bool:
        """Return whether the gradient of `of` can get this name."""
        return name == identifier(name) and name not in self._taken and not self._misleads(name, of)

    def _misleads(self, name: str, of: str) -> bool:
        return f"d{name}" in self._used or name[0] == "d" and name[1:] in self._used and name[1:] != of


def path_names(leaves: Iterable[Any]) -> dict[Any, str]:
    """Name the parameters that have a path in a model; `leaves` are nodes, in the order of their use."""
    named: dict[Any, str] = {leaf: leaf.name for leaf in leaves if leaf.name}
    layers: dict[str, list[Any]] = {}
    for leaf, name in named.items():
        path, dot, last = name.rpartition(".")
        if last in ("weight", "bias") and (dot or name == last):
            layers.setdefault(path, []).append(leaf)
        elif dot:
            layers.clear()
            break
    if 0 < len(layers) < 10:
        number = {path: str(i) if len(layers) > 1 or path else "" for i, path in enumerate(layers, 1)}
        for path, members in layers.items():
            # a vector of weights belongs to a normalization
            scales = any(leaf.name.endswith("weight") and len(leaf.shape) == 1 for leaf in members)
            letters = {"weight": "gamma", "bias": "beta"} if scales else {"weight": "W", "bias": "b"}
            named.update({leaf: letters[leaf.name.rpartition(".")[2]] + number[path] for leaf in members})
        return named
    return {leaf: f"layer{name}" if name[0].isdigit() else name for leaf, name in named.items()}


_CALLED = {
    **{"add": "total", "subtract": "difference", "sub": "difference", "multiply": "product", "mul": "product"},
    **{"matmul": "product", "divide": "ratio", "div": "ratio", "pow": "power", "neg": "negative", "abs": "size"},
    **{"absolute": "size", "round": "rounded", "maximum": "largest", "minimum": "least", "where": "chosen"},
    **{"sum": "total", "max": "top", "amax": "top", "min": "bottom", "amin": "bottom", "all": "every", "any": "some"},
    **{"reshape": "reshaped", "index": "part", "getitem": "part", "transpose": "turned", "permute": "turned"},
    **{"broadcast": "spread", "expand": "spread", "clone": "copy", "astype": "converted", "to": "converted"},
    **{"concatenate": "joined", "cat": "joined", "stack": "stacked", "pad": "padded", "store": "out", "update": "out"},
    **{"cross_entropy": "losses", "binary_cross_entropy": "losses", "max_pool": "pooled", "sum_pool": "pooled"},
    **{"sliding_window_view": "windows", "resample": "resampled", "standardize": "xhat", "layer_norm": "normed"},
    **{"ndtr": "phi", "normal_cdf": "phi", "erf": "erf_x", "erfc": "erfc_x"},
    **{"fill": "full", "norm of a power": "norm"},
}
"""The name of the result of a primitive or function, where its own name would not read well."""


def made_by(function: str) -> str:
    """Return the usual name of the result of a primitive or a function."""
    return _CALLED.get(function, function.lower())


_ACTIVATIONS = {"relu", "tanh", "sigmoid", "softplus", "hardtanh"}
_SUMS = {"linear", "matmul", "conv", "add"}
PLAIN = {
    *("add", "sub", "mul", "div", "neg", "pow", "square", "reciprocal"),
    *("reshape", "permute", "expand", "to", "clone", "getitem"),
}
"""Primitives without a meaning by themselves: they can be part of a longer line."""


def value_names(nodes: Iterable[Any], given: Mapping[Any, str], short: bool = False) -> dict[Any, str]:
    """Name the results of primitives.

    An activation h is computed from the pre-activation z of the same number.

    Args:
        nodes: in the order in which they were computed.
        given: the names of the program's variables.
        short: name with one letter, v if there is no other.
    """
    found: dict[Any, str] = {}
    count = 0
    results = [node for node in nodes if node.primitive is not None]
    named = {node.name or given.get(node) for node in results}
    for node in results:
        for name, operand in zip(node.primitive.inputs, node.inputs):
            if (
                operand is not None
                and operand.primitive is not None
                and len(name) > 4
                and name not in ("weight", "where")
            ):
                found[operand] = name  # the primitive's name of its operand, such as "scores"
    for node in results:
        if node.primitive.name in _ACTIVATIONS or node.primitive.name in ("maximum", "minimum") and None in node.inputs:
            before = next(source for source in node.inputs if source is not None)
            count += 1
            name = "relu" if node.primitive.name == "maximum" else node.primitive.name
            found[node] = name if "h" in named else f"h{count}"
            if before.primitive is not None and before.primitive.name in {*_SUMS, *PLAIN}:
                found.setdefault(before, f"z{count}")
    for node in results:
        name = node.primitive.name
        if node.name or node in given:
            found[node] = node.name or given[node]
        elif node not in found:
            found[node] = "z" if name in _SUMS else "v" if short else made_by(name)
    return found
