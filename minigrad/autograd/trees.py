"""Nested tuples, lists and dicts of tensors, as functions take and return them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.tensors.tensor import Tensor


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of a tree, in order.

    >>> leaves({"a": 1, "b": (2, [3])})
    [1, 2, 3]
    """
    if isinstance(tree, tuple | list):
        return [leaf for branch in tree for leaf in leaves(branch)]
    if isinstance(tree, dict):
        return [leaf for branch in tree.values() for leaf in leaves(branch)]
    return [tree]


def tensors(tree: Any) -> list[Tensor]:
    """Return the tensors in a tree, in order."""
    return [leaf for leaf in leaves(tree) if isinstance(leaf, Tensor)]


def mapped(f: Callable[[Any], Any], tree: Any) -> Any:
    """Return a tree of the same structure, with `f` applied to each leaf.

    >>> mapped(lambda n: -n, {"a": 1, "b": (2, [3])})
    {'a': -1, 'b': (-2, [-3])}
    """
    if isinstance(tree, tuple | list):
        branches = [mapped(f, branch) for branch in tree]
        return type(tree)(*branches) if hasattr(tree, "_fields") else type(tree)(branches)  # (a namedtuple)
    if isinstance(tree, dict):
        return type(tree)({key: mapped(f, branch) for key, branch in tree.items()})
    return f(tree)


def filled(tree: Any, values: list[Any]) -> Any:
    """Return a tree of the same structure, with the leaves replaced by `values`."""
    remaining = iter(values)
    return mapped(lambda _: next(remaining), tree)
