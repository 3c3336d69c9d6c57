"""Trace: a program while it is recorded. Operations on traced arrays become terms."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Elementwise, Primitive
from minigrad.program import helpers
from minigrad.program.ir import Term, found, mapped, same_number
from minigrad.program.numpy_semantics import KNOWN
from minigrad.program.operators import IN_PLACE, NAMES
from minigrad.program.rebound import names_of_locals, rebound
from minigrad.program.simplify import Arrays, elementwise
from minigrad.program.stand_ins import real
from minigrad.program.traced_array import Memory, Traced
from minigrad.program.views import joined, normal_index

_BIG = 12
"""The largest number of elements of a constant that is written into the program."""


class Trace:
    """A program while it is recorded: its terms and its input arrays."""

    def __init__(self) -> None:
        self.arrays = Arrays()
        self.variables: dict[str, np.ndarray] = {}
        self.conditions: dict[Term, str] = {}
        self.make = self.arrays.make
        self.inputs: dict[Term, np.ndarray] = {}
        self._by_memory: dict[Any, Traced] = {}
        self.deciding: dict[str, None] = {}  # the primitives whose control flow depends on numbers
        self.helpers = self.arrays.helpers
        self._running: list[Primitive] = []
        self._depths: dict[Term, int] = {}  # term -> the stack depth of the function that named it

    # ---- making traced arrays --------------------------------------------------------------------------------------

    def new(self, value: Any, term: Term) -> Traced:
        """Return a traced array with memory of its own."""
        return Traced(self, np.asarray(value), Memory(term))

    @property
    def running(self) -> str:
        """The name of the primitive that is running."""
        return self._running[0].name if self._running else ""

    def call_it(self, term: Term, name: str | Term, depth: int) -> None:
        """Name a term, unless a function further out has named it; by a term: as the gradient of that."""
        if term.op != "input" and term is not name and depth < self._depths.get(term, sys.maxsize):
            term.name, self._depths[term] = name, depth

    def input(self, name: str, array: np.ndarray, leaf: bool = False) -> Traced:
        """Return an input array of the program; the same memory is one input, except for leaves."""
        key = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        if array.size == 0 or leaf or key not in self._by_memory:
            term = self.arrays.terms.fresh("input", shape=array.shape, dtype=array.dtype)
            term.name = name
            self.inputs[term] = array
            value = array.view()
            value.flags.writeable = False
            self._by_memory[key] = self.new(value, term)
        known = self._by_memory[key]
        return self.new(known.value, known.term)

    def parameter(self, name: str, value: Any) -> Any:
        """Return a primitive's parameter: its arrays become inputs, except for ranges in an index."""

        def each(v: Any) -> Any:
            if not isinstance(v, np.ndarray) or not v.ndim:
                return v
            counts = v is not value and v.dtype.kind in "iu" and v.size > 1 and (v.ravel() == np.arange(v.size)).all()
            short = self._short(v) if counts else None
            if short is not None:
                return self.new(v, short)
            if (variable := self.variable(v)) is not None:
                return variable
            given = self.input(name, v)
            if v.dtype == bool:
                self.conditions[given.term] = "is a condition that was evaluated for these numbers"
            return given

        return mapped(each, value)

    def variable(self, array: np.ndarray) -> Traced | None:
        """Return the variable of the program that has these numbers, as the labels y, which were copied; or None."""
        for name, known in self.variables.items():
            if np.array_equal(known, array):
                return self.input(name, known if known.dtype == array.dtype else array)  # or converted
        return None

    def term(self, value: Any) -> Any:
        """Return the term of an array in a primitive, traced or not; numbers are returned unchanged."""
        if isinstance(value, Traced):
            return value.term
        if isinstance(value, np.ndarray):
            return self.constant(value)
        return value

    def constant(self, array: np.ndarray) -> Term:
        """Return the shortest term for an array that a primitive created from numbers."""
        found = self._short(array)
        if found is None and array.size <= _BIG:
            dtype = {} if array.dtype in (np.float64, np.int64, np.bool_) and array.size else {"dtype": array.dtype}
            call = self.make("call", "np.array", array.tolist(), shape=array.shape, dtype=array.dtype, keywords=dtype)
            return call
        return self.input("constant", array).term if found is None else found

    def _short(self, array: np.ndarray) -> Term | None:
        shape, dtype = array.shape, array.dtype
        if array.size and (array == array.flat[0]).all():
            return self.arrays.fill(array.flat[0], shape, dtype)
        if not array.size:
            return self.arrays.fill(0, shape, dtype)
        flat = array.ravel()
        step = int(flat[1]) - int(flat[0]) if dtype.kind in "iu" else 0
        if step and (step == 1 or array.size > _BIG) and max(shape) == array.size and (np.diff(flat) == step).all():
            start, stop = int(flat[0]), int(flat[-1]) + step
            bounds = (stop,) if (start, step) == (0, 1) else (start, stop) if step == 1 else (start, stop, step)
            kind = {} if dtype == np.int64 else {"dtype": dtype}
            line = self.make("call", "np.arange", *bounds, shape=flat.shape, dtype=dtype, keywords=kind)
            return self.make("reshape", line, shape, shape=shape, dtype=dtype)
        if array.ndim == 2 and shape[0] == shape[1] and (array == np.eye(shape[0])).all():
            kind = {} if dtype == np.float64 else {"dtype": dtype}
            return self.make("call", "np.eye", shape[0], shape=shape, dtype=dtype, keywords=kind)
        return None

    def fitted(self, value: Any, shape: tuple[int, ...], dtype: Any) -> Term:
        """Return a term or number broadcast and cast to this shape and dtype, as an assignment would."""
        if not isinstance(value, Term):
            return self.arrays.fill(value, shape, dtype)
        if value.shape != shape:
            value = self.make("broadcast", value, shape, shape=shape, dtype=value.dtype)
        return self.make("astype", value, dtype, shape=shape, dtype=dtype)

    def bare(self, value: Any) -> Any:
        """Return the right-hand side of an assignment that broadcasts and casts it anyway."""
        while isinstance(value, Term) and value.op in ("broadcast", "astype"):
            value = value.args[0]
        return value.args[0] if isinstance(value, Term) and value.op == "fill" and value.args[0] is not None else value

    # ---- views -----------------------------------------------------------------------------------------------------

    def step(self, term: Term, step: Any) -> Term:
        """Apply one operation of a path to a term."""
        op, argument, shape, dtype = step
        return self.make(op, term, argument, shape=shape, dtype=dtype)

    def shown(self, x: Traced, value: np.ndarray, op: str, argument: Any) -> Traced:
        """Return the result of an operation that moves elements, as a view if it is one."""
        step = (op, argument, value.shape, value.dtype)
        if np.may_share_memory(x.value, value):
            return Traced(self, value, x.memory, (*x.path, step))
        return self.new(value, self.step(x.term, step))

    def item(self, x: Traced, index: Any) -> Traced:
        plain = real(index)
        value = x.value[plain]
        normal = normal_index(index, x.shape, self._index_term)
        if any(isinstance(i, Term) for i in normal):
            return self.new(value, self.make("index", x.term, normal, shape=np.shape(value), dtype=x.dtype))
        if not isinstance(value, np.ndarray):
            value = x.value[(*plain, ...) if isinstance(plain, tuple) else (plain, ...)]
        return Traced(self, value, x.memory, (*x.path, ("index", normal, value.shape, value.dtype)))

    def _index_term(self, i: Any) -> Term:
        return self.term(i if isinstance(i, Traced) else np.asarray(i))

    def store(self, x: Traced, index: Any, value: Any) -> None:
        content = self.term(value)
        plain = real(index)
        part = x.value[plain]
        normal = normal_index(index, x.shape, self._index_term)
        with np.errstate(all="ignore"):
            x.value[plain] = real(value)
        step = ("index", normal, np.shape(part), x.dtype)
        Traced(self, part, x.memory, (*x.path, step)).write(content)

    # ---- operations ------------------------------------------------------------------------------------------------

    def call(self, function: Any, args: Any, keywords: Any) -> Any:
        """Call a function of NumPy, a method of a ufunc, or an operator, and make a term of it."""
        if function in NAMES:
            keywords = {"out": args[0]} if function in IN_PLACE else {}
            function = getattr(np, NAMES[function])
        known = KNOWN.get(function)
        if known is not None:
            return known(self, *args, **keywords)
        if function.__name__ == "at":
            return self._at(function.__self__, *args)
        keywords = {**keywords}
        out = keywords.pop("out", None)
        with np.errstate(all="ignore"):
            value = function(*real(args), **real(keywords))
        if isinstance(value, bool | int) or type(value) is float:  # NumPy's float64 is a float, too
            return self.decided(value, lambda number: number)
        if isinstance(value, str | np.dtype | type):
            return value
        is_ufunc = isinstance(getattr(function, "__self__", function), np.ufunc)
        if not is_ufunc:
            args, keywords = _needed(function, args, keywords)
        name = function.__name__
        terms = mapped(self.term, list(args))
        several = isinstance(value, tuple | list)
        if function is np.matmul or elementwise(name) and (is_ufunc or not keywords) and not several:
            made = self.make(name, *terms, shape=value.shape, dtype=value.dtype, keywords=real(keywords))
        else:
            made = self._call_term(_dotted(function), terms, keywords, value)
            for a in args:
                if isinstance(a, Traced) and isinstance(value, np.ndarray) and np.may_share_memory(a.value, value):
                    made.shows = a.term
        if several:
            picks = [
                self.new(v, self.make("pick", made, i, shape=np.shape(v), dtype=np.asarray(v).dtype))
                for i, v in enumerate(value)
            ]
            return value._make(picks) if hasattr(value, "_make") else type(value)(picks)
        return self._out(value, made, out[0] if isinstance(out, tuple) else out)

    def method(self, x: Traced, name: str, *args: Any, **keywords: Any) -> Any:
        """Call a method, as the function of the same name."""
        known = KNOWN.get(getattr(np.ndarray, name))
        if known is not None:
            return known(self, x, *args, **keywords)
        function = getattr(np, name, None)
        if function is None:
            raise TypeError(f"source: the primitive {self.running!r} calls {name}() of an array. Call a function of np")
        return self.call(function, (x, *args), keywords)

    def attribute(self, x: Traced, name: str) -> Any:
        """Return x.T, x.mT, x.real or x.imag."""
        return self.call({"T": np.transpose, "mT": np.matrix_transpose}.get(name) or getattr(np, name), (x,), {})

    def number(self, x: Traced, *index: Any) -> Any:
        """Return x.item(*index)."""
        return self.decided(x, lambda array: array.item(*index))

    def decided(self, x: Any, function: Any) -> Any:
        """Return what a primitive reads from a number."""
        self.deciding[self.running] = None
        return function(real(x))

    def condition(self, x: Traced) -> None:
        """Refuse to show all numbers of an array."""
        raise TypeError(
            f"source: the primitive {self.running!r} converts its operand to a plain array. Create "
            "arrays with np.zeros, np.empty and their like, under `import numpy as np`"
        )

    def _out(self, value: Any, made: Term, target: Any) -> Any:
        if target is None:
            return self.new(value, made)
        if not isinstance(target, Traced):
            raise TypeError("a traced array is written to one that is not")
        target.value[...] = value
        target.write(made)
        return target

    def _at(self, ufunc: np.ufunc, x: Traced, index: Any, *rest: Any) -> None:
        whole = x.memory.content
        places = mapped(self.term, index)
        if ufunc is np.add and not x.path and _is_zero(whole) and _never_twice(places):
            return self.store(x, index, rest[0])
        with np.errstate(all="ignore"):
            ufunc.at(x.value, real(index), *real(rest))
        values = [self.bare(self.term(r)) for r in rest]
        given = (whole, joined(x.path, whole.shape), f"np.{ufunc.__name__}.at", places, *values)
        x.memory.content = self.make("update", *given, shape=whole.shape, dtype=whole.dtype)

    def _call_term(self, name: str, terms: Any, keywords: Any, value: Any) -> Term:
        several = isinstance(value, tuple | list)
        shape = (len(value),) if several else np.shape(value)
        dtype = None if several else np.asarray(value).dtype
        named = {k: mapped(self.term, v) for k, v in keywords.items()}
        return self.make("call", name, *terms, shape=shape, dtype=dtype, keywords=named)

    def converted(self, x: Traced, dtype: Any) -> Traced:
        """Record x.astype(dtype)."""
        dtype = np.dtype(dtype)
        return self.new(x.value.astype(dtype), self.make("astype", x.term, dtype, shape=x.shape, dtype=dtype))

    # ---- primitives ------------------------------------------------------------------------------------------------

    def forward(self, primitive: Primitive, operands: Any, parameters: Any) -> Traced:
        """Run the forward function of a primitive, or record the call of the function that stands for it."""
        if primitive.name in helpers.NAMES and isinstance(operands[0], Traced):
            x = operands[0]
            with np.errstate(all="ignore"):
                value = np.asarray(primitive.recompute(x.value))
            self.helpers[helpers.NAMES[primitive.name]] = None
            return self.new(value, self._call_term(helpers.NAMES[primitive.name], [x.term], {}, value))
        return self.run(primitive, primitive.recompute, operands, parameters)

    def run(self, primitive: Primitive, function: Any, operands: Any, parameters: Any) -> Any:
        """Run one of the functions of a primitive."""
        operands = [self.new(o, self.term(o)) if type(o) is np.ndarray else o for o in operands]
        if not isinstance(primitive, Elementwise):
            function = rebound(function)
        self._running.append(primitive)
        with names_of_locals():
            out = function(*operands, **parameters)
        self._running.pop()
        if isinstance(out, list | tuple):
            return [self._traced(o) for o in out]
        return self._traced(out)

    def _traced(self, out: Any) -> Any:
        if isinstance(out, Traced) or out is None:
            return out
        value = np.asarray(out)
        return self.new(value, self.constant(value))


def _dotted(function: Any) -> str:
    ufunc = getattr(function, "__self__", None)
    if isinstance(ufunc, np.ufunc):
        return f"np.{ufunc.__name__}.{function.__name__}"
    module = "numpy" if isinstance(function, np.ufunc) else function.__module__
    return f"{module}.{function.__name__}".replace("numpy", "np", 1)


def _needed(function: Any, args: Any, keywords: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments without those that equal the defaults."""
    parameters = _parameters(function)
    keywords = {k: v for k, v in keywords.items() if k not in parameters or v is not parameters[k].default}
    given = list(args)
    defaults = [p.default for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD][: len(given)]
    while not keywords and len(defaults) == len(given) and isinstance(given[-1], int) and given[-1] == defaults[-1]:
        given.pop()
        defaults.pop()
    return given, keywords


@cache
def _parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    """Return the function's parameters; none for a C function without a signature (before NumPy 2.4)."""
    try:
        return inspect.signature(function).parameters
    except ValueError:
        return {}


def _is_zero(term: Term) -> bool:
    return term.op == "fill" and same_number(term.args[0], 0)


def _never_twice(places: Any) -> bool:
    """Return whether an index selects no element twice, because one of its arrays is a range."""
    arrays = [*found(places)]
    counting = any(t.op == "call" and t.args[0] == "np.arange" for t in arrays)
    return counting and len({t.shape for t in arrays}) == 1 and all(len(t.shape) == 1 for t in arrays)
