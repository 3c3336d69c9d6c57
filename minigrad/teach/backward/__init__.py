"""Check a whole backward pass by hand, line by line: `dh` is compared with the engine's gradient of `h`.

Each line is judged by the gradients that it was computed from, the learner's own: a line that is right, given a wrong
upstream gradient, is not wrong. So one mistake is one wrong line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minigrad.output.words import class_name
from minigrad.program.graph_inspection import graph_output
from minigrad.program.variables import calling_names, node_of
from minigrad.scalar import Value
from minigrad.teach.backward.judging import Pass
from minigrad.teach.backward.report import BackwardReport, Line
from minigrad.tensors.tensor import Tensor

__all__ = ["BackwardReport", "Line", "check_backward"]


def check_backward(loss: Any, names: Mapping[str, Any] | None = None, /, **gradients: Any) -> BackwardReport:
    """Check a backward pass by hand: compare each gradient `dNAME` with the engine's gradient of `NAME`.

    Args:
        loss: the result of the forward pass, a Tensor or a Value. If it is not a single number, its own gradient
            (dout for out) is the upstream gradient of everything.
        names: the variables of the program, `locals()`: those of the forward pass, and the gradients; or a dictionary
            of gradients alone, with the names of the variables as keys, with or without the d.
        **gradients: gradients by name, as dlogits=…; the variables are those of the calling program.

    Returns:
        A report, which is true as a bool if every line is right. Its text is a table: line, shape, verdict, largest
        error, cause; in a notebook, with colours. `.first_wrong` is the first wrong line, `report["dh"]` that of dh.

        A verdict is "right", "WRONG", "follows" (the line is right, given an upstream gradient that is wrong), or
        "not checked", with the reason.

    Raises:
        ValueError: there is no gradient to check, or `loss` is an array without one.
        RuntimeError: `loss` has no graph.

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
    alone = not any(node_of(v) is not None for v in (names or {}).values())
    program: Mapping[str, Any] = calling_names() if alone else names or {}
    return Pass(output, program).check({**_gradients(names or {}, program), **gradients}, gradients)


def _gradients(names: Mapping[str, Any], program: Mapping[str, Any]) -> dict[str, Any]:
    """Return the gradients among variables."""
    found = {}
    for name, value in names.items():
        if not isinstance(name, str):
            raise TypeError(f"check_backward: the gradients have names, which are texts, got {name!r}")
        if node_of(value) is not None and getattr(value, "requires_grad", True):
            continue
        if name.startswith("d") and isinstance(program.get(name[1:]), Tensor | Value):
            found[name] = value
        elif program.get(name) is not value and isinstance(program.get(name), Tensor | Value):
            found[f"d{name}"] = value
    if not any(node_of(v) is not None for v in names.values()):  # a dictionary of gradients alone
        for name, value in names.items():
            found.setdefault(name if name.startswith("d") or f"d{name}" in found else f"d{name}", value)
    return {name: value for name, value in found.items() if name.startswith("d")}
