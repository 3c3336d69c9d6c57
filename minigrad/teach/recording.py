"""Run a function that was written for NumPy's arrays on Tensors, so that its graph is recorded, with places and names.

The function receives an `Array` (`program/recorded_arrays.py`), and is rebuilt to see functions of NumPy that record
(`rebinding.py`).
"""

from __future__ import annotations

import builtins
import dis
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CellType
from typing import Any

import numpy as np

from minigrad.grad_mode import enable_grad, mode
from minigrad.hooks import watchers
from minigrad.primitives import layout
from minigrad.program.recorded_arrays import Array, array
from minigrad.teach.rebinding import PACKAGES, Rebinding
from minigrad.tensors.operand_info import Constant
from minigrad.tensors.tensor import Tensor

_UNPACK = dis.opmap["UNPACK_SEQUENCE"]


@dataclass(slots=True, eq=False)
class Place:
    """Where in the learner's program a node was computed: an instruction, and which of its passes.

    Attributes:
        code, instruction, line: the instruction of a function. Without a code, its number in the order of the program.
        calls: the calls that led there, the innermost first: the function and the instruction of each.
        count: how often the instruction had created such a node before.
        integers: the variables of the function that were integers, such as those of its loops.
        part: 0, or which operation it is inside of a primitive that was written out.
        item: the element that it is of an array that is unpacked, `a, b = x`, otherwise None.
        returned: the calls that returned the node's value, the innermost first: function, instruction, line.
        execution: a number that nodes of one execution of the instruction share, such as those of one einsum.
    """

    code: Any
    instruction: int
    line: int = 0
    calls: tuple[tuple[Any, int], ...] = ()
    count: int = 0
    integers: dict[str, int] = field(default_factory=dict)
    part: int = 0
    item: Any = None
    returned: tuple[tuple[Any, int, int], ...] = ()
    execution: int = 0

    @staticmethod
    def of(frame: Any) -> Place:
        """Return the place at which the function of a frame is."""
        place = Place(frame.f_code, frame.f_lasti, frame.f_lineno, integers=_integers(frame))
        calls = []
        while (frame := frame.f_back) is not None and frame.f_code not in _STARTS:
            if not frame.f_code.co_filename.startswith(PACKAGES):
                calls.append((frame.f_code, frame.f_lasti))
                if len(calls) == 1:  # a loop around the call
                    place.integers = {**_integers(frame), **place.integers}
        place.calls = tuple(calls)
        return place

    @property
    def key(self) -> tuple[Any, ...]:
        """What is the same in all passes of a loop."""
        return self.code, self.instruction, self.part, self.item, self.calls

    def is_not_after(self, other: Place) -> bool:
        """Return whether this instruction is another one or stands before it, in the function that reaches both."""
        mine = dict([*self.calls[::-1], (self.code, self.instruction)])
        for code, instruction in ((other.code, other.instruction), *other.calls):
            if code in mine:
                return bool(mine[code] <= instruction)
        return False


def _integers(frame: Any) -> dict[str, int]:
    return {name: value for name, value in frame.f_locals.items() if type(value) is int}


class Recording:
    """The graph of one call of a function, with every value, place and name.

    Attributes:
        output: the result, a Tensor.
        leaf: the node of the argument.
        values: node -> its array, copied when it was computed.
        constants: node -> {position: the operand that has no gradient}.
        places: node -> where it was computed.
        names: node, or id of a constant -> the variable that held it.
        added: nodes that are not the learner's: several results times their gradients, added up.
        sound: nodes whose gradients are known to be right, as other lines of a backward pass show.
        passes: how often each kind of node was created at each place.
    """

    def __init__(self, leaf: Any) -> None:
        self.output: Any = None
        self.leaf = leaf
        self.values: dict[Any, np.ndarray] = {}
        self.constants: dict[Any, dict[int, Any]] = {}
        self.places: dict[Any, Place] = {}
        self.names: dict[Any, str] = {}
        self.added: set[Any] = set()
        self.sound: set[Any] = set()
        self.arrays: dict[tuple[Any, ...], str] = {}
        self.passes: dict[tuple[Any, ...], int] = {}
        self._called: Any = None
        self._executions = 0

    def watch(self, primitive: Any, result: Any, direction: str, node: Any) -> None:
        """Note a new node, its value and the place of its computation."""
        if direction != "forward" or node is None:
            return
        self.values[node] = np.array(result)
        self.constants[node] = {
            i: np.array(c.value) if isinstance(c, Constant) and c.value is not None else c
            for i, c in node.constants.items()
        }
        frame: Any = sys._getframe(1)
        called = None
        while frame is not None and frame.f_code.co_filename.startswith(PACKAGES):
            if frame.f_code in _STARTS:
                frame = None
                break
            frame, called = frame.f_back, frame
        if frame is not None:
            place = Place.of(frame)
            if primitive.name == "getitem" and frame.f_code.co_code[frame.f_lasti] == _UNPACK:
                place.item = node.parameters["index"]
            if called is not self._called:
                self._called = called
                self._executions += 1
            place.execution = self._executions
            key = (frame.f_code, frame.f_lasti, primitive.name)
            place.count = self.passes[key] = self.passes.get(key, -1) + 1
            self.places[node] = place
            for name, value in frame.f_locals.items():
                if isinstance(value, np.ndarray):
                    self.arrays.setdefault(_memory(value), name)
        for i, c in node.constants.items():
            if isinstance(c, Constant) and c.value is not None:
                name = self.arrays.get(_memory(c.value))
                if name:
                    self.names[node, i] = name

    def call_it(self, value: Any, name: str) -> None:
        """Note the name of a constant."""
        if isinstance(value, Array):
            self.names.setdefault(value.tensor.node, name)
        elif isinstance(value, np.ndarray) and not hasattr(builtins, name):
            self.arrays.setdefault(_memory(value), name)

    def call(self, frame: Any, event: str, argument: Any) -> None:
        """As a profiler: note the variables of a function of the learner when it returns, and arrays when it starts."""
        if event in ("call", "return") and not frame.f_code.co_filename.startswith(PACKAGES):
            parameters = frame.f_code.co_varnames[: frame.f_code.co_argcount]
            for name, value in frame.f_locals.items():
                t = value.tensor if isinstance(value, Array) else value
                known = isinstance(t, Tensor) and t._node is not None
                # what the caller has computed has the name that it has there
                if known and (name not in parameters or t.node not in self.places):
                    self.names.setdefault(t.node, name)
            returned = argument.tensor if isinstance(argument, Array) else argument
            caller = frame.f_back
            if event == "return" and isinstance(returned, Tensor) and returned._node is not None and caller is not None:
                place = self.places.get(returned._node)
                if place is not None and not caller.f_code.co_filename.startswith(PACKAGES):
                    place.returned += ((caller.f_code, caller.f_lasti, caller.f_lineno),)


def _memory(a: np.ndarray) -> tuple[Any, ...]:
    return a.__array_interface__["data"][0], a.shape, a.strides


@contextmanager
def _watching(recording: Recording) -> Iterator[None]:
    before = sys.getprofile()
    watchers.append(recording.watch)
    sys.setprofile(recording.call)
    try:
        yield
    finally:
        sys.setprofile(before)
        watchers.remove(recording.watch)


def record_primitive(primitive: Any, operands: list[Any], parameters: dict[str, Any]) -> tuple[Recording, list[Any]]:
    """Return the recording of a primitive's readable form, and the node of each operand (None for a constant)."""
    arrays = [
        Array(Tensor(o.astype(float), requires_grad=True)) if isinstance(o, np.ndarray) and o.dtype.kind == "f" else o
        for o in operands
    ]
    nodes = [a.tensor.node if isinstance(a, Array) else None for a in arrays]
    recording = Recording(None)
    for node, o in zip(nodes, operands):
        if node is not None:
            recording.values[node] = o
    with enable_grad(), _watching(recording), np.errstate(all="ignore"):
        recording.output = primitive.forward(*arrays, **parameters).tensor
    return recording, nodes


def record(
    f: Callable[..., Any],
    x: np.ndarray,
    name: str = "x",
    arguments: Callable[[Any], Iterable[Any]] = lambda x: [x],
    result: Callable[[Any], Any] = lambda result: result,
    created: bool = False,
) -> Recording:
    """Call `f` on an array, and return the recording of its graph.

    The other arrays of the program are recorded too, where that is possible: what is computed from them has a name, and
    may stand in a wrong gradient. The array is called `name`, if the function has no name for it; `arguments` makes
    those of `f` from the array that records, and `result` makes one array of what it returns. With `created`, what
    `np.arange` and `np.random` return is recorded, too.

    Raises:
        Exception: whatever `f` raises on recorded arrays; TypeError if its result has no graph.
    """
    if created:
        return _record(f, x, name, arguments, result, everything=True, created=True)
    try:
        return _record(f, x, name, arguments, result, everything=True)
    except Exception:  # what is computed from constants may be beyond recording
        return _record(f, x, name, arguments, result, everything=False)


def _record(
    f: Callable[..., Any],
    x: np.ndarray,
    name: str,
    arguments: Any,
    single: Any,
    everything: bool,
    created: bool = False,
) -> Recording:
    argument = Array(Tensor(np.array(x, float), requires_grad=True))
    leaf = argument.tensor.node
    recording = Recording(leaf)
    recording.values[leaf] = np.array(x, float)
    rebind = Rebinding(recording.values if everything else None, recording.names, created)
    function = rebind(f)
    for names in rebind.globals.values():
        for key, value in names.items():
            recording.call_it(value, key)
    for made in rebind.functions.values():
        for key, cell in zip(made.__code__.co_freevars, made.__closure__ or ()):
            if cell != CellType():
                recording.call_it(cell.cell_contents, key)
    with enable_grad(), _watching(recording), np.errstate(all="ignore"):
        result = single(function(*arguments(argument)))
        if isinstance(result, list | tuple):
            result = array(result)
        if not isinstance(result, Array) or not result.tensor.requires_grad:
            raise TypeError("the result does not depend on the argument by operations that are recorded")
    recording.names[leaf] = recording.names.get(leaf, name)
    recording.output = result.tensor
    return recording


def record_tensors(f: Callable[..., Any], inputs: Sequence[Any], position: int) -> Recording:
    """Call a function of tensors, and return the recording of its graph; that of what each `Function` in it computes.

    All tensors of floats among the inputs are recorded; that of the given position is the recording's leaf. If `f`
    returns several tensors of floats, the output is all their elements, one after the other.

    Raises:
        Exception: whatever `f` raises on these tensors; TypeError if its result does not depend on the argument by
            recorded operations.
    """
    arguments = [*inputs]
    floats = [i for i, t in enumerate(inputs) if isinstance(t, Tensor) and t.dtype.kind == "f"]
    values = {}
    for i in sorted(floats, key=lambda i: i != position):  # the leaf is the first node of its graph
        arguments[i] = Tensor(inputs[i]._array.astype(float), requires_grad=True)
        values[arguments[i].node] = arguments[i]._array.copy()
    recording = Recording(arguments[position].node)
    recording.values.update(values)
    before = mode.opens_functions
    mode.opens_functions = True
    try:
        with enable_grad(), _watching(recording), np.errstate(all="ignore"):
            out = f(*arguments)
            outputs = [o for o in (out if isinstance(out, tuple | list) else (out,)) if o.dtype.kind == "f"]
            if len(outputs) > 1:
                outputs = [Tensor.apply(layout.cat, *[o.reshape(-1) for o in outputs], axis=0)]
    finally:
        mode.opens_functions = before
    if not outputs or not outputs[0].requires_grad:
        raise TypeError("the result does not depend on the argument by operations that are recorded")
    recording.output = outputs[0]
    return recording


_STARTS = (_record.__code__, record_tensors.__code__)
"""The code in which a recording starts: what called it is not the learner's function."""
