"""Shared by all losses: checks of inputs and targets, the reduction over a batch, and the modules' base class."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np

from minigrad.nn.arguments import old_reduction, refuse
from minigrad.nn.functional_module import FunctionalModule
from minigrad.output.deprecation import warn_deprecated
from minigrad.output.words import class_name, printable
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

REDUCTIONS = ("mean", "sum", "none")

F = TypeVar("F", bound=Callable[..., Any])


def names_reduction(function: F) -> F:
    """Decorate a loss: PyTorch's old arguments `size_average` and `reduce`, by name, become its `reduction`."""

    @functools.wraps(function)
    def loss(*inputs: Any, **named: Any) -> Any:
        return function(*inputs, **_with_reduction(named))

    return loss  # type: ignore[return-value]


def _with_reduction(named: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with `reduction` instead of `size_average` and `reduce`."""
    if "size_average" not in named and "reduce" not in named:
        return named
    mean, reduce = named.pop("size_average", None), named.pop("reduce", None)
    if mean is not None or reduce is not None:
        named["reduction"] = "none" if reduce is False else "sum" if mean is False else "mean"
        warn_deprecated("size_average or reduce of a loss", f"reduction={named['reduction']!r}")
    return named


def check_reduction(name: str, reduction: str, allowed: tuple[str, ...] = REDUCTIONS) -> None:
    """Raise a ValueError if `reduction` is not one of the `allowed`."""
    if reduction not in allowed:
        *others, last = map(repr, allowed)
        hint = old_reduction(name, reduction)
        raise ValueError(
            f"{name}: reduction must be {', '.join(others)} or {last}, got {printable(repr(reduction))}{hint}"
        )


def reduce_losses(name: str, losses: Tensor, reduction: str, weight: Tensor | None = None) -> Tensor:
    """Return the losses themselves ('none'), their sum, or their mean: sum(losses) / sum(weight) with weights.

    Raises:
        ValueError: if the reduction is unknown, or the mean is over no losses.
    """
    check_reduction(name, reduction)
    if reduction == "mean" and not losses.numel():
        raise ValueError(
            f"{name}: the mean loss of an empty batch is undefined; is the data set, or the last batch, empty?"
        )
    if weight is not None and reduction == "mean":
        with np.errstate(invalid="ignore"):  # 0 / 0 is the right answer where all weights are 0
            return losses.sum() / weight.sum()
    return losses if reduction == "none" else getattr(losses, reduction)()


def check_tensors(name: str, *inputs: Any) -> None:
    """Raise a TypeError if an input is not a tensor, as the network's output is."""
    for input in inputs:
        if not isinstance(input, Tensor):
            raise TypeError(f"{name}: input must be the network's output, a tensor; got {class_name(input)}")


def matching_target(name: str, input: Tensor, target: Any) -> Tensor:
    """Return the target as a float tensor.

    Raises:
        ValueError: if its shape is not the input's: broadcasting (N, 1) against (N,) would compare all with all.
        TypeError: if the input is not a float tensor.
    """
    check_tensors(name, input)
    if input.dtype.kind != "f":
        raise TypeError(
            f"{name}: input must be the network's output, of floats; got {input.dtype}. Are input and target swapped?"
        )
    target = as_tensor(target)
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: input and target must have the same shape, got {input.shape} and {target.shape}; reshape one"
        )
    return target if target.dtype.kind == "f" else target.to(input.dtype)


_ONE_HOT = "One-hot rows become class indices by .argmax(1)"


def class_indices(name: str, input: Tensor, target: Any) -> np.ndarray:
    """Return the targets as an array of integers, one for each example of the scores (N, C, ...) or (C,).

    Raises:
        TypeError: if they are not integers.
        ValueError: if their shape does not fit.
    """
    check_tensors(name, input)
    classes = target._array if isinstance(target, Tensor) else np.array(target)  # a copy, because the graph saves it
    shape = input.shape
    wanted = shape[:1] + shape[2:] if len(shape) > 1 else ()
    if classes.dtype.kind not in "iu" and not (classes.size == 0 and not isinstance(target, Tensor | np.ndarray)):
        what = class_name(target) if classes.dtype == object else f"{classes.dtype} of shape {classes.shape}"
        raise TypeError(
            f"{name}: targets must be class indices, integers; got {what}. "
            + (
                "Are scores and targets swapped?"
                if input.dtype.kind in "iu"
                else _ONE_HOT
                if classes.shape == input.shape
                else "Convert: .long()"
            )
        )
    if not shape or classes.shape != wanted:
        hint = ". A column becomes a row by .squeeze(1)" if classes.shape == (*wanted, 1) else ""
        hint = f". {_ONE_HOT}" if classes.shape == shape else hint
        raise ValueError(
            f"{name}: scores of shape {shape} need targets of shape {wanted}, one class index per example; "
            f"got {classes.shape}{hint}"
        )
    return classes


def split_ignored(
    name: str, classes: np.ndarray, count: int, ignore_index: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the class indices, with 0 where they are `ignore_index`, and a mask of these; None if there are none.

    Raises:
        ValueError: if another index is outside 0 to count - 1.
    """
    if classes.size and classes.min() >= 0 and classes.max() < count and not 0 <= ignore_index < count:
        return classes, None  # the commonest case
    ignored = classes == ignore_index
    kept = classes[~ignored]
    if kept.size and not 0 <= kept.min() <= kept.max() < count:
        hint = ". If classes are counted from 1, subtract 1" if kept.min() == 1 and kept.max() == count else ""
        raise ValueError(
            f"{name}: targets must be from 0 to {count - 1}, because there are {count} scores per example; "
            f"they go from {kept.min()} to {kept.max()}{hint}"
        )
    return (np.where(ignored, 0, classes), ignored) if ignored.any() else (classes, None)


def check_weight(name: str, argument: str, weight: Any) -> None:
    """Raise a TypeError if the weights are a number or a string, which were meant for another argument."""
    if isinstance(weight, bool | int | float | str):
        refuse(name, argument, "a tensor of weights", weight)


def class_weights(name: str, weight: Any, count: int, dtype: np.dtype) -> Tensor:
    """Return the weights of the classes in this dtype; raise a ValueError if there is not one for each class."""
    check_weight(name, "weight", weight)
    weight = as_tensor(weight)
    if weight.shape != (count,):
        raise ValueError(f"{name}: weight must have shape ({count},), one value per class; got {weight.shape}")
    return weight.to(dtype)


def classes_last(scores: Tensor) -> Tensor:
    """Move the classes, dimension 1 of the scores (N, C, d1, ...), to the end."""
    return scores if scores.ndim < 3 else scores.permute(0, *range(2, scores.ndim), 1)


def example_weights(losses: Tensor, classes: np.ndarray, ignored: np.ndarray | None, weight: Tensor | None) -> Tensor:
    """Return the weight of each example: that of its class, or 1; and 0 if it is ignored."""
    weights = as_tensor(np.ones(classes.shape, losses.dtype)) if weight is None else weight[classes]
    return weights if ignored is None else weights.masked_fill(as_tensor(ignored), 0.0)


class Loss(FunctionalModule):
    """The base class of the losses: a function of this package as a module. Weights become buffers."""

    settings: ClassVar[tuple[str, ...] | None] = ("reduction",)
    reductions: tuple[str, ...] = REDUCTIONS

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__(*settings, **_with_reduction(named))

    def _set(self, name: str, value: Any) -> None:
        if name.endswith("weight"):
            check_weight(class_name(self), name, value)
            self.register_buffer(name, None if value is None else as_tensor(value))
            return
        if name == "reduction":
            check_reduction(class_name(self), value, self.reductions)
        super()._set(name, value)
