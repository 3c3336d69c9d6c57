"""Replay the forward and the backward pass of a graph of Tensors on arrays that record what is done with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.output.words import printable
from minigrad.primitives.activations import softplus_below
from minigrad.primitives.elementwise import sigmoid, softplus
from minigrad.primitives.primitive import Elementwise
from minigrad.program.functions import Functions
from minigrad.program.ir import Term
from minigrad.program.names import path_names
from minigrad.program.rebound import tracing
from minigrad.program.replay import Replay
from minigrad.program.traced_array import Traced
from minigrad.program.tracer import Trace
from minigrad.program.values import saved_values
from minigrad.program.views import part_of
from minigrad.program.words import words
from minigrad.tensors.node import fit


class ArrayReplay(Replay):
    """A graph of Tensors as a program."""

    def __init__(self, loss: Any, names: Mapping[Any, str]) -> None:
        self.trace = Trace()
        super().__init__(loss.node, names, self.trace.arrays.terms)
        self.trace.variables = {
            name: a for name, a in getattr(names, "arrays", {}).items() if isinstance(a, np.ndarray) and a.ndim
        }
        self.conditions = self.trace.conditions
        self.inputs, self.deciding, self.helpers = self.trace.inputs, self.trace.deciding, self.trace.helpers
        used = [n for node in self.order for n in (*node.inputs, node) if n is not None and n.primitive is None]
        self._leaf_names = {**names, **path_names(dict.fromkeys(used))}
        self._parameters: dict[Any, dict[str, Any]] = {}
        self._zeros: list[str | None] = []  # the variables of the arrays of zeros so far
        self._operands: dict[Any, list[Any]] = {}
        self._below: dict[Any, Traced] = {}  # what a softplus gets whose threshold no number exceeds
        self._kept = saved_values(self.order)
        self.functions = Functions(self)
        seed = loss.seed()
        with tracing(self.trace):
            self.replay(lambda: self.trace.new(seed, self.trace.constant(seed)))

    def term_of(self, result: Any) -> Term | None:
        return result.term if isinstance(result, Traced) else None

    # ---- forwards ----------------------------------------------------------------------------------------------

    def result_of(self, node: Any) -> Any:
        if node.primitive is None:
            return self._leaf(node)
        out: Any = self._forward(node) if hasattr(node, "plan") else self.functions.forward(node)
        if isinstance(out, Traced) and (node.name or node in self.names):
            out.term.whole = True  # so that nothing is simplified across it
        return out

    def _leaf(self, node: Any) -> Traced:
        array = node.value if node.value is not None else self._kept.get(node)
        if array is None:
            raise RuntimeError(
                f"source: the array of {printable(node.name or 'a leaf')}, of shape {node.shape}, was freed: no "
                "variable holds it any more. Hold it in a variable"
            )
        return self.trace.input(self._leaf_names.get(node, "x"), array, leaf=True)

    def _constant(self, node: Any, i: int) -> Any:
        c = node.constants.get(i)
        array = getattr(c, "_array", c) if not hasattr(c, "value") else c.value
        if array is None and c is not None:
            array = self._kept.get((node, i))
            if array is None:
                raise RuntimeError(
                    f"source: the operand {node.primitive.inputs[min(i, len(node.primitive.inputs) - 1)]!r} of "
                    f"{node.primitive.name!r}, of shape {c.shape}, was freed: no variable holds it any more. "
                    "Hold it in a variable"
                )
        if isinstance(array, np.ndarray) and array.ndim:
            name = getattr(c, "name", None) or self.names.get(id(array))
            if name is None and array.dtype == bool and array.size and (array == array.flat[0]).all():  # a condition
                self.deciding[node.primitive.name] = None
                return self.trace.new(array, self.trace.constant(array))
            if name is None and not any(array.strides) and array.size > 1:  # a broadcast number
                return self.trace.new(array, self.trace.constant(array))
            made = getattr(self.names, "made", ())
            alike = [n for n, a in self.trace.variables.items() if n in made and a.shape == array.shape and not a.any()]
            zeros = next((n for n in alike if n not in self._zeros), alike[0] if alike else None)
            if not array.any() and (name is None or zeros is not None):  # such as an initial state
                self._zeros.append(zeros)
                kind = () if array.dtype == np.float64 else (array.dtype,)
                size = array.shape if array.ndim > 1 else array.shape[0]
                start = self.terms.fresh("call", "np.zeros", size, *kind, shape=array.shape, dtype=array.dtype)
                start.name, start.whole = zeros, zeros is not None
                return self.trace.new(array.copy(), start)
            name_in_primitive = node.primitive.inputs[min(i, len(node.primitive.inputs) - 1)]
            mask = len(values := np.unique(array)) == 2 and 0 in values  # such as dropout's mask
            plain = (
                "c" if name_in_primitive in ("a", "b") else name_in_primitive
            )  # a constant; the name b would suggest a bias
            if name is None and (known := self._of_variables(array)) is not None:
                return known
            operand = self.trace.input(name or ("mask" if mask else plain), array)
            if name is None and mask:
                is_test = array.dtype == bool or values[-1] == 1
                said = "is a condition that was evaluated" if is_test else "is a mask that was made"
                self.conditions[operand.term] = f"{said} for these numbers"
            return operand
        return array

    def _of_variables(self, array: np.ndarray) -> Traced | None:
        """Return a constant without a name as a part of an array that has one, such as X[t], or as 1 - y or -y."""
        for name, whole in self.trace.variables.items():
            if np.may_share_memory(whole, array) and (index := part_of(array, whole)) is not None:
                return self.trace.input(name, whole)[index]
        if (variable := self.trace.variable(array)) is not None:
            return variable
        for minuend in (1, 0) if array.dtype.kind == "f" else ():
            known: Any = self.trace.variable(minuend - array)
            if known is not None and known.dtype == array.dtype:
                return minuend - known if minuend else -known
        return None

    def _forward(self, node: Any) -> Traced:
        primitive = node.primitive
        operands = [
            self._constant(node, i) if source is None else self.results[source] for i, source in enumerate(node.inputs)
        ]
        parameters = {name: self.trace.parameter(name, value) for name, value in node.parameters.items()}
        self._operands[node], self._parameters[node] = operands, parameters
        if primitive is softplus_below and not (operands[0].value > operands[1]).any():
            self.deciding["softplus"] = None
            self._below[node], primitive, operands = operands[0], softplus, operands[:1]
        out = self.trace.forward(primitive, operands, parameters)
        if (out.shape, out.dtype) != (node.shape, node.dtype):
            raise AssertionError(
                f"source: {primitive.name} gave {out.dtype} {out.shape}, not {node.dtype} {node.shape}"
            )
        return out

    # ---- backwards ---------------------------------------------------------------------------------------------

    def contributions(self, node: Any, g: Any) -> list[tuple[Any, Any]]:
        if not hasattr(node, "plan"):
            return self.functions.contributions(node, g)
        if node in self._below:
            self.rules.setdefault(node.inputs[0], []).append(words(softplus, "x"))
            c = g * self.trace.forward(sigmoid, [self._below[node]], {})
            return [(node.inputs[0], self.fitted(c, node.inputs[0]))]
        # as `ArrayNode.vjp` computes them, on traced arrays; leaves come first
        primitive = node.primitive
        each, together = node.plan.calls

        def run(call: Any, function: Any = None) -> Any:
            saved = [self._named(node, node.plan.saved[i]) for i in call[1]]
            return self.trace.run(primitive, function or call[0], [g, *saved], {})

        if together is not None:
            pairs = [(source, c) for source, c in zip(node.inputs, run(together)) if source is not None]
            for source, _ in pairs:
                self.rules.setdefault(source, []).append(words(primitive, primitive.inputs[0]))
            return [(source, self.fitted(c, source)) for source, c in pairs]
        textbook = primitive.textbook_vjps if isinstance(primitive, Elementwise) else {}
        wanted = [i for i, call in enumerate(each) if call is not None and node.inputs[i] is not None]
        wanted.sort(key=lambda i: node.inputs[i].primitive is not None)
        for i in wanted:
            self.rules.setdefault(node.inputs[i], []).append(words(primitive, primitive.inputs[i]))
        if (c := self._of_a_bound(node, g)) is not None:
            return [(node.inputs[wanted[0]], self.fitted(c, node.inputs[wanted[0]]))]
        contributions = ((i, run(each[i], textbook.get(primitive.inputs[i]))) for i in wanted)
        return [(node.inputs[i], self.fitted(c, node.inputs[i])) for i, c in contributions]

    def _of_a_bound(self, node: Any, g: Any) -> Any:
        """Return the gradient of x in np.maximum(0, x) where nothing equals the bound: that of relu."""
        compare = {"maximum": np.greater, "minimum": np.less}.get(node.primitive.name)
        bounds = [c for c in self._operands[node] if isinstance(c, int | float)]
        x = next((x for x in self._operands[node] if isinstance(x, Traced)), None)
        if compare is None or x is None or len(bounds) != 1 or np.isnan(x.value).any() or (x.value == bounds[0]).any():
            return None
        return np.where(compare(x, bounds[0]), g, 0)

    def _named(self, node: Any, name: str) -> Any:
        """Return the saved value that a vector-Jacobian product takes under this name."""
        primitive, operands = node.primitive, self._operands[node]
        if name == "y":
            return self.results[node]
        if name in self._parameters[node]:
            return self._parameters[node][name]
        whole = name.removesuffix("_shape")
        if name == "y_shape":
            return node.shape
        if primitive.variadic:
            return tuple(operands) if name == whole else [o.shape for o in operands]
        operand = operands[primitive.inputs.index(whole)]
        return operand if name == whole else operand.shape

    def fitted(self, c: Any, source: Any) -> Any:
        """Return a gradient contribution in the shape and dtype of the input that it goes to."""
        c = fit(c, source)
        return self.trace.new(c.value, c.term)  # evaluated now, so that it has this place in the program
