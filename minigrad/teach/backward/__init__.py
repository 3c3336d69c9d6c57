"""Check a whole backward pass by hand, line by line: `dh` is compared with the engine's gradient of `h`.

Each line is judged by the gradients that it was computed from, the learner's own: a line that is right, given a wrong
upstream gradient, is not wrong. So one mistake is one wrong line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minigrad.output.words import class_name
from minigrad.program.graph_inspection import graph_output
from minigrad.teach.backward.judging import Pass
from minigrad.teach.backward.report import BackwardReport, Line

__all__ = ["BackwardReport", "Line", "check_backward"]


def check_backward(loss: Any, names: Mapping[str, Any] | None = None, /, **gradients: Any) -> BackwardReport:
    """Check a backward pass by hand: compare each gradient `dNAME` with the engine's gradient of `NAME`.

    Args:
        loss: the result of the forward pass, a Tensor or a Value. If it is not a single number, its own gradient
            (dout for out) is the upstream gradient of everything.
        names: the variables of the program, `locals()`: those of the forward pass, and the gradients; or a dictionary
            of gradients alone, with the names of the variables as keys, with or without the d. Variables of the scopes
            around are found too.
        **gradients: gradients by name, as dlogits=…; the variables are those of the calling program.

    Returns:
        A report, which is true as a bool if every line is right. Its text is a table: line, shape, verdict, largest
        error, cause; in a notebook, with colours. `.first_wrong` is the first wrong line, `report["dh"]` that of dh.

        A verdict is "right", "WRONG", "follows" (the line is right, given an upstream gradient that is wrong), or
        "not checked", with the reason.

    Raises:
        ValueError: there is no gradient to check, or `loss` is an array without one.
        RuntimeError: `loss` has no graph.

    The gradient of W is called dW, d_W, grad_W, W_grad or gW. In dictionaries, lists and objects, `grads["dW"]` and
    `grads["W"]` are that of `parameters["W"]`, `dhs[3]` is that of `hs[3]`, `layer.dW` is that of `layer.W`.

    A gradient is compared with the product of the local derivatives and the gradients that the program computed
    downstream of it, wrong or not. So each mistake is reported where it is made, and nowhere else.

    >>> from minigrad import tensor
    >>> x, w = tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([[1.0], [-1.0]], requires_grad=True)
    >>> z = x @ w
    >>> loss = (z**2).mean()
    >>> dz = 2 * z.detach().numpy() / 2
    >>> dw = dz.T @ x.numpy()
    >>> print(check_backward(loss, dz=dz, dw=dw))
    line  shape   verdict  error    cause
    dz    (2, 1)  right    0.0e+00
    dw    (2, 1)  WRONG             the shape is (1, 2), that of w is (2, 1): the transpose of the right answer
    The first wrong line is that of dw.
    """
    output = graph_output(loss, "check_backward")
    if not isinstance(names, Mapping | None):
        raise TypeError(f"check_backward: pass locals(), or the gradients by name, got {class_name(names)}")
    for name in names or {}:
        if not isinstance(name, str):
            raise TypeError(f"check_backward: the gradients have names, which are texts, got {name!r}")
    return Pass(output, names or {}, gradients).check()
