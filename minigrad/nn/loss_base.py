"""What all losses share: how targets must fit, what becomes of the losses of a batch, and the base of the modules."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from minigrad.nn.functional_module import FunctionalModule
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(name: str, reduction: str, allowed: tuple[str, ...] = REDUCTIONS) -> None:
    """Raises:
    ValueError: for what is not one of the `allowed`, naming them.
    """
    if reduction not in allowed:
        *others, last = map(repr, allowed)
        raise ValueError(f"{name}: reduction is {', '.join(others)} or {last}, not {reduction!r}")


def reduced(losses: Tensor, reduction: str, weight: Tensor | None = None) -> Tensor:
    """The losses by themselves, their sum, or their mean: with weights the sum over the sum of the weights."""
    check_reduction("the loss", reduction)
    if reduction == "mean" and not losses.numel():
        raise ValueError("the mean loss of an empty batch is undefined: is the data set, or the last batch, empty?")
    if weight is not None and reduction == "mean":
        with np.errstate(invalid="ignore"):  # where nothing counts, 0 / 0 is the answer
            return losses.sum() / weight.sum()
    return losses if reduction == "none" else getattr(losses, reduction)()


def refuse_others(name: str, *inputs: Any) -> None:
    """Raise for what is not a tensor, as the network's output is."""
    for input in inputs:
        if not isinstance(input, Tensor):
            raise TypeError(f"{name}: input is the network's output, a tensor; got {type(input).__name__}")


def pair(name: str, input: Tensor, target: Any) -> Tensor:
    """The target as a tensor of floats, if it is of the input's shape.

    Raises:
        ValueError: when the shapes differ: broadcasting (N, 1) against (N,) would compare all with all.
        TypeError: when the input is not a tensor of floats.
    """
    refuse_others(name, input)
    if input.dtype.kind != "f":
        raise TypeError(f"{name}: input is the network's output, of floats; got {input.dtype}. Are they swapped?")
    target = as_tensor(target)
    if input.shape != target.shape:
        raise ValueError(f"{name}: input has shape {input.shape}, target {target.shape}; reshape one to the other")
    return target if target.dtype.kind == "f" else target.to(input.dtype)


def class_numbers(name: str, input: Tensor, target: Any) -> np.ndarray:
    """The targets as class numbers, if they fit the scores (N, C, ...) or (C,)."""
    refuse_others(name, input)
    classes = target._array if isinstance(target, Tensor) else np.array(target)  # a copy: the graph keeps it
    wanted = input.shape[:1] + input.shape[2:] if input.ndim > 1 else ()
    if classes.dtype.kind not in "iu" and not (classes.size == 0 and not isinstance(target, Tensor | np.ndarray)):
        raise TypeError(
            f"{name}: targets are class numbers, integers; got {classes.dtype} of shape {classes.shape}. "
            "One-hot rows become class numbers by .argmax(1)"
        )
    if not input.ndim or classes.shape != wanted:
        mend = ". A column becomes a row by .squeeze(1)" if classes.shape == (*wanted, 1) else ""
        raise ValueError(
            f"{name}: scores of shape {input.shape} need targets of shape {wanted}, one class number per "
            f"example; got {classes.shape}{mend}"
        )
    return classes


def in_range(name: str, classes: np.ndarray, count: int, ignore_index: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The class numbers, with 0 in place of those to be ignored; and where those are, None if nowhere.

    Raises:
        ValueError: for a class that is not among `count`.
    """
    if classes.size and classes.min() >= 0 and classes.max() < count and not 0 <= ignore_index < count:
        return classes, None  # the commonest case
    ignored = classes == ignore_index
    kept = classes[~ignored]
    if kept.size and not 0 <= kept.min() <= kept.max() < count:
        mend = " Counted from 1? Subtract 1" if kept.min() == 1 and kept.max() == count else ""
        raise ValueError(
            f"{name}: classes are 0 to {count - 1}, as there are {count} scores per example; "
            f"the targets go from {kept.min()} to {kept.max()}.{mend}"
        )
    return (np.where(ignored, 0, classes), ignored) if ignored.any() else (classes, None)


def class_weights(name: str, weight: Any, count: int, dtype: np.dtype) -> Tensor:
    """The weights, if there is one for each class, in this dtype."""
    weight = as_tensor(weight)
    if weight.shape != (count,):
        raise ValueError(f"{name}: weight has shape {weight.shape}, and should have ({count},), one for each class")
    return weight.to(dtype)


def classes_last(scores: Tensor) -> Tensor:
    """Scores with the classes, dimension 1, moved to the end."""
    return scores if scores.ndim < 3 else scores.permute(0, *range(2, scores.ndim), 1)


def shares_of(losses: Tensor, classes: np.ndarray, ignored: np.ndarray | None, weight: Tensor | None) -> Tensor:
    """How much each example counts: the weight of its class, or 1; and 0 if it is ignored."""
    share = as_tensor(np.ones(classes.shape, losses.dtype)) if weight is None else weight[classes]
    return share if ignored is None else share.masked_fill(as_tensor(ignored), 0.0)


class Loss(FunctionalModule):
    """A loss as a module. Settings that are tensors, the weights, become buffers."""

    settings: ClassVar[tuple[str, ...] | None] = ("reduction",)
    reductions: tuple[str, ...] = REDUCTIONS

    def _set(self, name: str, value: Any) -> None:
        if name.endswith("weight"):
            if isinstance(value, str):
                raise TypeError(
                    f"{type(self).__name__}: {name} is a tensor of weights; {value!r} has to be named: "
                    f"reduction={value!r}"
                )
            self.register_buffer(name, None if value is None else as_tensor(value))
            return
        if name == "reduction":
            check_reduction(type(self).__name__, value, self.reductions)
        super()._set(name, value)
