"""Draw the graph of a function with a verdict at each gradient: the wrong ones coloured."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.teach.backward import check_backward
from minigrad.tensors.tensor import Tensor
from minigrad.viz.graph.draw import draw


def wrong_gradients(
    function: Callable[..., Any], inputs: Sequence[Any], wrt: Sequence[int], found: Sequence[Any]
) -> str:
    """Return an SVG of the graph of a scalar function with a verdict at each gradient, or nothing if there is none.

    Args:
        function: the function whose gradients were asked for.
        inputs: its arguments.
        wrt: for each gradient, the position of its argument.
        found: the gradients.
    """
    names = list(inspect.signature(function).parameters)
    arguments = list(inputs)
    program: dict[str, Any] = {}
    try:
        for position, gradient in zip(wrt, found):
            name = names[position]
            arguments[position] = program[name] = Tensor(np.array(inputs[position], float), requires_grad=True)
            program[f"d{name}"] = np.asarray(gradient, float)
        loss = function(*arguments)
        report = check_backward(loss, program)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            svg = draw(loss, check=report, max_nodes=40).pipe("svg", encoding="utf-8")
    except Exception:  # a function that is not recorded, or no program that renders the graph
        return ""
    return str(svg[svg.index("<svg") :])
