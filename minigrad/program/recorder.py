"""Recorder: the flat program of a step, while it is noted; and the same program as a Python function.

A line is one call: of a primitive's function, one of its vector-Jacobian products, or of NumPy. What a line computes is
freed after its last use. The program is a generator: it yields the result of the forward part, is sent the upstream
gradient, and yields the gradient contribution to each input.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import get_ident
from typing import Any
from weakref import WeakValueDictionary, ref

import numpy as np

from minigrad.output.words import printable
from minigrad.program.fast_lines import FastLines, Layout, Line
from minigrad.program.fused_lines import fused
from minigrad.program.operators import IN_PLACE, SYMBOLS
from minigrad.program.stand_ins import StandIn, has_stand_in, real
from minigrad.tensors.saved import memory_owner, record_write

_PACKAGES = (str(Path(__file__).parents[1]) + os.sep, str(Path(np.__file__).parent) + os.sep)
_PROGRAMS = tuple([f"{_PACKAGES[0]}{folder}{os.sep}" for folder in ("course", "demo", "surfaces", "teach", "viz")])
_PYTHON = str(Path(os.__file__).parent) + os.sep


class Stale(Exception):
    """A condition under which the program was recorded does not hold."""


class Variable(StandIn):
    """A stand-in that a variable of the program holds.

    Attributes:
        owner: of a view, the stand-in of the array that owns the memory, the same for all views of it.
    """

    __slots__ = ("_name", "owner")

    def __init__(self, recorder: Recorder, value: Any, name: str) -> None:
        super().__init__(recorder, value)
        self._name = name
        recorder.note_layout(name, value)
        recorder.made.append(ref(self))
        base = getattr(value, "base", None)
        self.owner: Any = recorder.owner(base) if base.__class__ is np.ndarray else None

    @property
    def name(self) -> str:
        """The variable of the program that holds the array."""
        if not self._name:  # an owner, which no line has computed
            self.recorder.refuse("the array behind a view is used")
            self._name = self.recorder.constant(self.value)
        return self._name

    @property
    def base(self) -> Any:
        """The stand-in of the array that owns the memory; None if this one does."""
        return self.value.base if self.owner is None else self.owner


class Recorder:
    """The program of one step.

    Attributes:
        lines: those of the forward part, and after `start_backward` those of the backward part.
        reason: why the step cannot be recorded, "" while it can.
        conditions: how many conditions there are.
        draws: the generators that random numbers were drawn from, and their states before.
        written: the variables of given arrays that the step writes to.
        elementwise: functions of primitives that act on each element alone.
        held: the tensors that hold stand-ins; it can end the recording.
        nodes: those of the graph so far.
        made: weak references to the stand-ins.
    """

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.forward_end = -1
        self._is_active, self._thread = True, get_ident()
        self.reason = ""
        self.conditions = 0
        self.place = ""
        self.draws: dict[Any, Any] = {}
        self.written: dict[str, None] = {}
        self.elementwise: set[Any] = set()
        self.held: Any = None
        self.nodes: list[Any] = []
        self.given: dict[str, Variable] = {}
        self.made: list[Any] = []
        self.names: dict[str, Any] = {"Stale": Stale, "equal": equal}
        self._constants: dict[int, str] = {}
        self._originals: list[Any] = []  # of the constants: the user may write into an array after the forward part
        self._layouts: dict[str, Layout] = {}
        self._owners: Any = WeakValueDictionary()  # the stand-ins of arrays that own memory, by the array's id
        self._sharing: dict[int, list[str]] = {}  # id of the memory's owner -> the given variables on it
        self._memory: dict[str, Any] = {}  # variable -> a weak reference to the owner of its memory
        self._errors = np.geterr()

    @property
    def active(self) -> bool:
        """True while calls are noted: those of the thread that records, and not of another that uses its tensors."""
        return self._is_active and get_ident() == self._thread

    @active.setter
    def active(self, active: bool) -> None:
        self._is_active = active

    def refuse(self, reason: str) -> None:
        """Note that the step cannot be recorded; it still runs to its end."""
        if not self.reason and get_ident() == self._thread:
            self.reason = f"{reason}{_at(user_place())}"

    # ---- variables -------------------------------------------------------------------------------------------------

    def give(self, array: np.ndarray, prefix: str) -> Variable:
        """Return the stand-in of an array that the program is given."""
        found = Variable(self, array, f"{prefix}{len(self.given)}")
        self.given[found.name] = found
        self._sharing.setdefault(id(memory_owner(array)), []).append(found.name)
        if array.base is None:
            self._owners[id(array)] = found
        return found

    def note_layout(self, name: str, value: Any) -> None:
        """Note what a variable holds."""
        if name and isinstance(value, np.ndarray | np.generic):
            self._layouts[name] = Layout(value.shape, value.dtype, bool(value.flags.c_contiguous))
        if name and isinstance(value, np.ndarray):
            self._memory[name] = ref(memory_owner(value))

    def owner(self, array: np.ndarray) -> Variable:
        """Return the stand-in of an array that owns memory."""
        found = self._owners.get(id(array))
        if found is None:
            found = self._owners[id(array)] = Variable(self, array, "")
        return found

    def constant(self, value: Any) -> str:
        """Return the variable of a value that is the same in each run."""
        name = self._constants.get(id(value))
        if name is None:
            name = self._constants[id(value)] = f"k{len(self._constants)}"
            self._originals.append(value)
            self.names[name] = value.copy("K") if type(value) is np.ndarray else value
        return name

    def text(self, value: Any, uses: list[str]) -> str:
        """Return the expression for a value, and add the variables in it to `uses`."""
        kind = type(value)
        if kind is Variable:
            uses.append(value.name)
            return value.name
        if value is None or kind is bool or kind is int or (kind is str and value.isalnum()):
            return repr(value)
        if kind is float and abs(value) < 1e300:
            return repr(value) if value >= 0 else f"({value!r})"
        if has_stand_in(value):
            if kind is list or isinstance(value, tuple):
                parts = [self.text(v, uses) for v in value]
                return f"[{', '.join(parts)}]" if kind is list else f"({', '.join(parts)},)"
            if kind is dict:
                return f"{{{', '.join(f'{k!r}: {self.text(v, uses)}' for k, v in value.items())}}}"
            if kind is slice:
                return f"slice({', '.join(self.text(v, uses) for v in (value.start, value.stop, value.step))})"
            self.refuse(f"a {printable(kind.__name__)} holds arrays")
        return self.constant(value)

    def _arguments(self, args: Any, keywords: Any, uses: list[str]) -> list[str]:
        return [self.text(a, uses) for a in args] + [f"{k}={self.text(v, uses)}" for k, v in keywords.items()]

    # ---- lines -----------------------------------------------------------------------------------------------------

    def _noted(self, text: str, value: Any, uses: list[str]) -> Any:
        target = "" if value is None else f"v{len(self.lines)}"
        before, errors = "", np.geterr()
        if errors != self._errors:
            self.names["errstate"] = np.errstate
            before = f"with errstate(**{errors!r}): "
        self.lines.append(Line(f"{before}{target} = {text}" if target else before + text, target, (*uses,)))
        return self.wrapped(value, target)

    def wrapped(self, value: Any, name: str) -> Any:
        """Return a value with stand-ins for its arrays; `name` is the expression for it."""
        kind = type(value)
        if isinstance(value, np.ndarray | np.generic):
            found = Variable(self, value, name)
            if "[" in name:  # a part of what a call returned
                found = Variable(self, value, f"v{len(self.lines)}")
                self.lines.append(Line(f"{found.name} = {name}", found.name, (name.partition("[")[0],)))
            if kind is np.ndarray and value.base is None:
                self._owners.setdefault(id(value), found)
            return found
        if isinstance(value, tuple | list):
            parts = [self.wrapped(v, f"{name}[{i}]") for i, v in enumerate(value)]
            return value._make(parts) if hasattr(value, "_make") else kind(parts)
        if value is not None and not isinstance(value, bool | int | float | str):
            self.refuse(f"a {printable(kind.__name__)} is computed from arrays")
        return value

    def call(self, function: Callable[..., Any], args: Any, keywords: Any, shaped: bool = False) -> Any:
        """Call a function with real arrays, and note the call.

        Args:
            function: of NumPy, or of a primitive.
            args, keywords: its arguments.
            shaped: True if the shape of the result may depend on the numbers.
        """
        if function in SYMBOLS:
            return self._operator(function, *args)
        if function in IN_PLACE:
            return self._in_place(function, *args)
        value = function(*real(args), **real(keywords))
        if not self.active:
            return value
        out = keywords.get("out") if keywords else None
        if out is not None:
            return self._into(function, args, keywords, out if type(out) is not tuple else out[0])
        uses: list[str] = []
        parts = self._arguments(args, keywords, uses)
        text = self._written_out(function, parts) or f"{self.constant(function)}({', '.join(parts)})"
        if text.isidentifier():  # an argument, unchanged
            return next(a for a in args if type(a) is Variable and a.name == text)
        found = self._noted(text, value, uses)
        if type(value) in _NUMBERS:
            self._hold(f"v{len(self.lines) - 1}", value)
        elif shaped or getattr(function, "__name__", "") in _BY_VALUE:
            self._hold_shape(found)
        return found

    def _written_out(self, function: Any, parts: list[str]) -> str:
        """Return the formula of an elementwise primitive or of its derivative with these operands, "" for others."""
        code = getattr(function, "__code__", None)
        if code is None or not code.co_filename.startswith("<") or function.__name__ != "<lambda>":
            return ""
        try:
            tree = ast.parse(code.co_filename[1:-1], mode="eval")
        except SyntaxError:
            return ""
        operands = dict(zip(code.co_varnames[: code.co_argcount], parts))
        if len(operands) != len(parts):
            return ""
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                if node.id not in operands and node.id not in function.__globals__:
                    return ""
                node.id = operands.get(node.id) or self.constant(function.__globals__[node.id])
        return ast.unparse(tree)

    def _hold_shape(self, found: Any) -> None:
        for x in found if isinstance(found, tuple | list) else [found]:
            if type(x) is Variable:
                self._hold(f"{x.name}.shape", x.value.shape, x.name)

    def _into(self, function: Any, args: Any, keywords: Any, out: Any) -> Any:
        if type(out) is not Variable:
            self.refuse("NumPy writes what it computes from arrays of the step into another array")
            return out
        uses: list[str] = []
        parts = self._arguments(args, keywords, uses)
        self._noted(f"{self.constant(function)}({', '.join(parts)})", None, uses)
        self._writes(out)
        return out

    def _operator(self, function: Callable[..., Any], a: Any, b: Any) -> Any:
        uses: list[str] = []
        value = function(real(a), real(b))
        if value is NotImplemented or not self.active:
            return value
        found = self._noted(f"{self.text(a, uses)} {SYMBOLS[function]} {self.text(b, uses)}", value, uses)
        if isinstance(value, bool):
            self._hold(f"v{len(self.lines) - 1}", value)
        elif type(value) in (int, float):
            return Variable(self, value, f"v{len(self.lines) - 1}")
        return found

    def _in_place(self, function: Callable[..., Any], a: Variable, b: Any) -> Any:
        value = function(a.value, real(b))
        if not self.active:
            return value
        uses: list[str] = []
        text = f"{self.constant(function)}({self.text(a, uses)}, {self.text(b, uses)})"
        if value is not a.value:
            return self._noted(text, value, uses)
        self._noted(text, None, uses)
        self._writes(a)
        return a

    def method(self, x: Variable, name: str, *args: Any, **keywords: Any) -> Any:
        """Call a method of an array, and note the call."""
        value = getattr(x.value, name)(*real(args), **real(keywords))
        if not self.active:
            return value
        uses = [x.name]
        found = self._noted(f"{x.name}.{name}({', '.join(self._arguments(args, keywords, uses))})", value, uses)
        if value is None:
            self._writes(x)
        if type(value) in _NUMBERS:
            self._hold(f"v{len(self.lines) - 1}", value)
        if name in _BY_VALUE:
            self._hold_shape(found)
        out = keywords.get("out")
        if out is not None:
            self.refuse("a method writes into out=")
        return found

    def attribute(self, x: Variable, name: str) -> Any:
        """Note that an attribute is read."""
        value = getattr(x.value, name)
        return self._noted(f"{x.name}.{name}", value, [x.name]) if self.active else value

    def number(self, x: Variable, *index: Any) -> Any:
        """Return x.item() as a stand-in; a condition, of bool."""
        value = x.value.item(*index)
        if not self.active:
            return value
        if isinstance(value, bool):
            return self.decided(x[index] if index else x, bool)
        uses = [x.name]
        self._noted(f"{x.name}.item({', '.join([self.text(i, uses) for i in index])})", value, uses)
        return Variable(self, value, f"v{len(self.lines) - 1}")

    def item(self, x: Variable, index: Any) -> Any:
        """Note that a part of an array is read."""
        value = x.value[real(index)]
        if not self.active:
            return value
        uses = [x.name]
        found = self._noted(f"{x.name}[{self.text(index, uses)}]", value, uses)
        if has_mask(index):
            self._hold_shape(found)
        return found

    def store(self, x: Variable, index: Any, value: Any) -> None:
        """Note that a part of an array is written to."""
        x.value[real(index)] = real(value)
        if self.active:
            uses = [x.name]
            self._noted(f"{x.name}[{self.text(index, uses)}] = {self.text(value, uses)}", None, uses)
            self._writes(x)

    def _writes(self, x: Variable) -> None:
        if self.forward_end < 0:
            record_write(x.value)  # for the graph of this call, which holds real arrays in the end
        names = self._sharing.get(id(memory_owner(x.value)))
        if names is not None:
            self.written.update(dict.fromkeys(names))
        elif x.name.startswith("k"):
            self.refuse("the step writes into an array that it does not make")

    def lives_on(self, x: Variable) -> bool:
        """Return whether the memory of an array is that of one that the program is given."""
        return id(memory_owner(x.value)) in self._sharing

    # ---- conditions ------------------------------------------------------------------------------------------------

    def condition(self, x: Variable) -> None:
        """Note that the numbers of an array are read: the program holds while they are the same."""
        if self.active:
            self._hold(x.name, np.array(x.value), x.name)

    def decided(self, x: Variable, function: Callable[[Any], Any]) -> Any:
        """Return bool(x), int(x) or float(x), and note it as a condition."""
        value = function(x.value)
        if self.active:
            self._hold(f"{self.constant(function)}({x.name})", value, x.name)
        return value

    def _hold(self, text: str, value: Any, *uses: str) -> None:
        if self.forward_end >= 0:
            self.refuse("the backward pass reads the numbers of an array")
        self.conditions += 1
        self.place = place = user_place()
        test = f"if {text} is not {value!r}" if value is True or value is False else ""
        test = test or f"if not equal({text}, {self.constant(value)})"
        self.lines.append(Line(f"{test}: raise Stale({place!r})", "", uses or (text,)))

    # ---- the function ----------------------------------------------------------------------------------------------

    def start_backward(self) -> None:
        """Note that the forward part is complete."""
        self.forward_end = len(self.lines)

    def program(self, result: Variable, contributions: list[Any]) -> Callable[..., Any]:
        """Return the program as a generator function of the arrays that it is given."""
        uses: list[str] = []
        end = self.forward_end
        lines = [*self.lines]
        middle = Line(f"g = yield {self.text(result, uses)}", "g", (*uses,))
        uses = []
        parts = [self._fresh(c, uses) for c in contributions]
        text = f"yield [{', '.join(parts)}]"
        lines = [*lines[:end], middle, *lines[end:], Line(text, "", (*uses,))] if end >= 0 else [*lines, middle]
        fast = FastLines(self._layouts, self.names, self.constant)
        lines = [line._replace(text=fast(line.text)) for line in _needed(lines)]
        lines = fused(lines, self._layouts, self.names, self.elementwise)
        body = _with_deletions(lines, {*self.given})
        source = f"def program({', '.join(self.given)}):\n" + "".join(f"    {line}\n" for line in body)
        exec(compile(source, "<recorded by minigrad.compile>", "exec"), self.names)
        self.source = source
        return self.names["program"]

    def saved(self, result: Variable, contributions: list[Any]) -> tuple[list[str], bool]:
        """Return the given variables whose memory the backward part reads, and whether it reads the result's."""
        lines = self.lines[self.forward_end :] if self.forward_end >= 0 else []
        used = {name for line in lines for name in line.uses} | {c.name for c in contributions if type(c) is Variable}
        owners = {id(owner): owner for n in used if n in self._memory and (owner := self._memory[n]()) is not None}
        given = {name for key in owners for name in self._sharing.get(key, ())}
        return [name for name in self.given if name in given], id(memory_owner(result.value)) in owners

    def _fresh(self, c: Any, uses: list[str]) -> str:
        """Return the expression for a gradient contribution: a copy, where it is an array that lives on."""
        text = self.text(c, uses)
        lives_on = type(c) is not Variable or c.name in self.given or c.name.startswith("k")
        if c is not None and lives_on:
            self.names["copied"] = np.array
            return f"copied({text})"
        return text


_NUMBERS = {bool, int, float, str, bytes}
_BY_VALUE = {"nonzero", "flatnonzero", "argwhere", "unique", "unique_values", "unique_counts", "unique_inverse"}
_BY_VALUE |= {"unique_all", "compress", "extract", "repeat", "trim_zeros", "bincount", "union1d", "intersect1d"}
_BY_VALUE |= {"setdiff1d", "setxor1d", "delete", "histogram", "resize", "split", "array_split", "insert", "pad"}
_BY_VALUE |= {"where", "linspace", "tile"}
"""Names of functions whose results may have another shape for other numbers."""


def _needed(lines: list[Line]) -> list[Line]:
    """Leave out lines that only compute what no line reads. What calls methods, or sets nothing, stays."""
    read: set[str] = set()
    kept = []
    for line in reversed(lines):
        if not line.target or line.target in read or line.target == "g" or not _PURE.match(line.text):
            kept.append(line)
            read.update(line.uses)
    return kept[::-1]


_PURE = re.compile(r"v\d+ = (v\d+(\[\d+\])+|v\d+\.(T|mT|reshape\(.*\)))$")


def _with_deletions(lines: list[Line], given: set[str]) -> Iterable[str]:
    """Yield the lines, with a `del` after the last use of each variable."""
    last: dict[str, int] = {}
    for i, line in enumerate(lines):
        for name in (*line.uses, line.target):
            last[name] = i
    for i, line in enumerate(lines):
        yield line.text
        done = [n for n in {line.target, *line.uses} if n and last[n] == i and n not in given and n[0] not in "k"]
        if done and i < len(lines) - 1:
            yield f"del {', '.join(sorted(done))}"


def has_mask(index: Any) -> bool:
    """Return whether the shape of what an index selects may depend on numbers."""
    parts = index if isinstance(index, tuple) else (index,)
    masks = [i for i in parts if isinstance(i, np.ndarray) and i.dtype == np.bool_]
    return bool(masks) or any(type(i) is slice and has_stand_in(i) for i in parts)


def equal(a: Any, b: Any) -> bool:
    """Return whether two values are the same to the bit."""
    if isinstance(b, np.ndarray):
        a = np.asarray(a)
        return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    return type(a) is type(b) and (a == b or a != a and b != b) and repr(a) == repr(b)


def user_place() -> str:
    """Return the line of the user's program that is running, as file:line."""
    frame: Any = sys._getframe(1)
    while frame is not None and is_library(frame):
        frame = frame.f_back
    return "" if frame is None else f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def is_library(frame: Any) -> bool:
    """Return whether a frame runs code of Python, NumPy or minigrad, and not the user's."""
    file = frame.f_code.co_filename
    if file.startswith(_PACKAGES) or file.startswith("<frozen"):
        return not file.startswith(_PROGRAMS)
    if file.startswith("<"):  # of a function that was made from a text
        module = str(frame.f_globals.get("__name__"))
        return not file.startswith("<doctest") and module.startswith(("minigrad.", "numpy", "namedtuple_"))
    return file.startswith(_PYTHON) and "site-packages" not in file


def _at(place: str) -> str:
    return f" ({place})" if place else ""
