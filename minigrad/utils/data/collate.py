"""From a list of samples to a batch: numbers and arrays become tensors, and what holds them keeps its form."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from minigrad.tensors import creation, joining
from minigrad.tensors.tensor import Tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """A batch of the samples: what the first one is, decides.

    Python floats become a float64 tensor, ints int64, booleans bool; arrays and tensors of one shape are stacked and
    keep their dtype. Strings and bytes stay as they are. Tuples and lists of samples become a list with one batch for
    each position, named tuples and dictionaries the same with one batch for each name.

    Raises:
        TypeError: for samples that are, or hold, something else.
        ValueError: for no samples, or arrays of different shapes.
        RuntimeError: for tuples or lists of different lengths.
        KeyError: for dictionaries of different keys.

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
                f"default_collate: the samples are {type(first).__name__}s of the different lengths "
                f"{sorted(lengths)}; make them alike, or say with collate_fn= how to join them"
            )
        return _like_sequence(first, [default_collate(column) for column in zip(*batch)])
    kind = f"arrays of {first.dtype}" if isinstance(first, np.ndarray) else type(first).__name__
    mend = "is a `return` missing in __getitem__?" if first is None else "say with collate_fn= how to join them"
    raise TypeError(
        f"default_collate: joins tensors, arrays, numbers, strings, and tuples, lists and dictionaries of them, "
        f"got {kind}; {mend}"
    )


def default_convert(data: Any) -> Any:
    """A single sample with tensors in place of its arrays: what is done without batches (`batch_size=None`).

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
                f"default_collate: the first sample is a tensor, another is a {type(t).__name__}; "
                "return the same from __getitem__ each time"
            )
    shapes = dict.fromkeys(t.shape for t in tensors)
    if len(shapes) > 1:
        raise ValueError(
            f"default_collate: the samples have the different shapes {', '.join(map(str, shapes))}; "
            "crop or pad them to one, or say with collate_fn= how to join them"
        )
    return joining.stack(tensors)


def _like_mapping(form: Mapping[Any, Any], value: Callable[[Any], Any]) -> Any:
    """A mapping of the same type (a dict if that cannot be made), with a new value for each key."""
    values = {key: value(key) for key in form}
    try:
        if not isinstance(form, MutableMapping):
            return type(form)(values)  # type: ignore[call-arg]
        # A copy, for the type may have more to it than its items, as defaultdict has.
        mapping = copy.copy(form)
        mapping.update(values)
        return mapping
    except TypeError:
        return values


def _like_sequence(form: Sequence[Any], values: list[Any]) -> Any:
    """A sequence of the same type with new values; but a list for a tuple, or if the type cannot be made."""
    if isinstance(form, tuple):
        return type(form)(*values) if hasattr(form, "_fields") else values
    try:
        if not isinstance(form, MutableSequence):
            return type(form)(values)  # type: ignore[call-arg]
        sequence = copy.copy(form)
        for i, value in enumerate(values):
            sequence[i] = value
        return sequence
    except TypeError:
        return values
