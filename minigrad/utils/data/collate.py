"""Collate samples into a batch: numbers and arrays become tensors, their containers keep their structure."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from minigrad.output.words import class_name
from minigrad.tensors import creation, joining
from minigrad.tensors.tensor import Tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """Join samples into a batch. The type of the first sample decides how:

        tensors and arrays of one shape   a tensor with a new first dimension, of their dtype
        float, int, bool                  a tensor (n,) of float64, int64, bool
        str, bytes                        the samples as they are
        tuples and lists                  a list with one batch per position
        named tuples and dictionaries     the same type, with one batch per name

    Args:
        batch: n samples of one kind.

    Shape: n times (...) -> (n, ...).

    Raises:
        TypeError: if the samples are, or contain, something else.
        ValueError: if there are no samples, or arrays have different shapes.
        RuntimeError: if tuples or lists have different lengths.
        KeyError: if dictionaries have different keys.

    >>> default_collate([("a", 1), ("b", 2)])
    [('a', 'b'), tensor([1, 2])]
    >>> default_collate([{"x": 0.5}, {"x": 1.5}])["x"].dtype
    dtype('float64')
    """
    if not len(batch):
        raise ValueError("default_collate: the batch is empty; check the batch_sampler")
    first = batch[0]
    if isinstance(first, Tensor):
        return _stacked(batch)
    if isinstance(first, np.ndarray) and first.dtype.kind in "biuf":
        return _stacked([creation.as_tensor(a) for a in batch])
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, np.number | np.bool_) and first.dtype.kind in "biuf":
        return creation.tensor(np.array(batch))
    if isinstance(first, float):
        return creation.tensor(list(batch), dtype=np.float64)
    if isinstance(first, int):
        return creation.tensor(list(batch))
    if isinstance(first, Mapping):
        return _like_mapping(first, lambda key: default_collate([sample[key] for sample in batch]))
    if isinstance(first, Sequence):
        lengths = {len(sample) for sample in batch}
        if len(lengths) > 1:
            raise RuntimeError(
                f"default_collate: the samples are {class_name(first)}s of different lengths {sorted(lengths)}; "
                "give them one length, or pass collate_fn= to join them"
            )
        return _like_sequence(first, [default_collate(column) for column in zip(*batch)])
    kind = f"arrays of {first.dtype}" if isinstance(first, np.ndarray) else class_name(first)
    hint = "is a `return` missing in __getitem__?" if first is None else "pass collate_fn= to join them"
    raise TypeError(
        f"default_collate: samples must be tensors, arrays, numbers, strings, or tuples, lists or dictionaries of "
        f"them, got {kind}; {hint}"
    )


def default_convert(data: Any) -> Any:
    """Convert the arrays in a single sample to tensors: what `DataLoader` does with `batch_size=None`.

    Args:
        data: an array, a NumPy number, or mappings and sequences of them; anything else is returned as it is.

    >>> default_convert({"x": np.array([1, 2]), "name": "a"})
    {'x': tensor([1, 2]), 'name': 'a'}
    """
    if isinstance(data, np.ndarray) and data.dtype.kind in "biuf":
        return creation.as_tensor(data)
    if isinstance(data, np.number | np.bool_) and data.dtype.kind in "biuf":
        return creation.tensor(data)
    if isinstance(data, Mapping):
        return _like_mapping(data, lambda key: default_convert(data[key]))
    if isinstance(data, Sequence) and not isinstance(data, str | bytes | Tensor):
        return _like_sequence(data, [default_convert(d) for d in data])
    return data


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(
                f"default_collate: the first sample is a tensor, another is of type {class_name(t)}; "
                "return the same from __getitem__ each time"
            )
    shapes = dict.fromkeys(t.shape for t in tensors)
    if len(shapes) > 1:
        raise ValueError(
            f"default_collate: the samples have different shapes {', '.join(map(str, shapes))}; "
            "crop or pad them to one, or pass collate_fn= to join them"
        )
    return joining.stack(tensors)


def _like_mapping(template: Mapping[Any, Any], value: Callable[[Any], Any]) -> Any:
    """Return a mapping of the template's type (a dict if that fails) with a new value for each key."""
    values = {key: value(key) for key in template}
    try:
        if not isinstance(template, MutableMapping):
            return type(template)(values)  # type: ignore[call-arg]
        # a copy, since the type may hold more than its items, as defaultdict does
        mapping = copy.copy(template)
        mapping.update(values)
        return mapping
    except TypeError:
        return values


def _like_sequence(template: Sequence[Any], values: list[Any]) -> Any:
    """Return a sequence of the template's type with new values; a list for a tuple, or if that fails."""
    if isinstance(template, tuple):
        return type(template)(*values) if hasattr(template, "_fields") else values
    try:
        if not isinstance(template, MutableSequence):
            return type(template)(values)  # type: ignore[call-arg]
        sequence = copy.copy(template)
        for i, value in enumerate(values):
            sequence[i] = value
        return sequence
    except TypeError:
        return values
