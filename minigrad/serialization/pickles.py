"""Pickles as data: a reader and a writer for the part of the protocol that plain data needs. Nothing is ever run.

A pickle is a program for a machine with a stack and a memo; its opcodes push values, put them into containers, and call
functions by name. This machine knows the opcodes that make plain data, and it calls only the functions that its caller
lists. Everything else, among it every attribute and every import, raises.

Python's `pickletools.genops` decodes the opcodes; it executes none. Opcodes: `Lib/pickletools.py` of CPython.
"""

from __future__ import annotations

import pickletools
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from minigrad.output.words import printable


class MoreThanData(ValueError):
    """A pickle asks for something to be run."""


@dataclass(frozen=True)
class Global:
    """A function, class or constant, by its name: "module.name"."""

    name: str


@dataclass(frozen=True)
class Call:
    """A call of a global."""

    name: str
    args: tuple[Any, ...]


@dataclass(frozen=True)
class PersistentId:
    """A reference to what lies outside the pickle."""

    id: Any


PUSHED = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
"""The opcodes whose argument is the value."""
VALUES: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def read(
    pickle: bytes,
    functions: Mapping[str, Callable[..., Any]],
    constants: Mapping[str, Any],
    persistent: Callable[[Any], Any],
) -> Any:
    """Return the value that a pickle describes.

    Args:
        pickle: the bytes.
        functions: what may be called, by name. Each must accept any arguments, and raise for those that are wrong.
        constants: what other names stand for.
        persistent: returns what a persistent id refers to.

    Raises:
        MoreThanData: if it needs another function, class or opcode.
        ValueError, and others: for a damaged pickle.
    """
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def top() -> list[Any]:
        """Remove and return what lies above the last mark."""
        at = marks.pop()
        values = stack[at:]
        del stack[at:]
        return values

    def look_up(name: str) -> Any:
        name = name.replace("__builtin__.", "builtins.")  # as protocol 2 has it
        if name not in functions and name not in constants:
            raise MoreThanData(f"contains {printable(name)}, which is more than data")
        return Global(name) if name in functions else constants[name]

    arg: Any
    for opcode, arg, _ in pickletools.genops(pickle):
        op = opcode.name
        if op in PUSHED:
            stack.append(arg)
        elif op in VALUES:
            stack.append(VALUES[op]())
        elif op in ("BINPUT", "LONG_BINPUT", "PUT"):
            memo[arg] = stack[-1]
        elif op == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif op in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[arg])
        elif op == "MARK":
            marks.append(len(stack))
        elif op in TUPLES:
            stack[-TUPLES[op] :] = [tuple(stack[-TUPLES[op] :])]
        elif op == "TUPLE":
            stack.append(tuple(top()))
        elif op == "LIST":
            stack.append(top())
        elif op == "DICT":
            stack.append(with_items({}, top()))
        elif op in ("APPEND", "APPENDS"):
            values = top() if op == "APPENDS" else [stack.pop()]
            _expect(stack[-1], list).extend(values)
        elif op == "ADDITEMS":
            values = top()
            _expect(stack[-1], set).update(map(checked_key, values))
        elif op in ("SETITEM", "SETITEMS"):
            values = top() if op == "SETITEMS" else [stack.pop(-2), stack.pop()]
            with_items(_expect(stack[-1], dict, OrderedDict), values)
        elif op == "GLOBAL":
            stack.append(look_up(arg.replace(" ", ".")))
        elif op == "STACK_GLOBAL":
            name = stack.pop()
            stack.append(look_up(f"{stack.pop()}.{name}"))
        elif op == "REDUCE":
            args = _expect(stack.pop(), tuple)
            stack.append(functions[_expect(stack.pop(), Global).name](*args))
        elif op == "BUILD":  # the versions of the modules in PyTorch's state dictionaries
            state = _expect(stack.pop(), dict)
            _expect(stack[-1], OrderedDict)._metadata = state.get("_metadata")
        elif op == "BINPERSID":
            stack.append(persistent(stack.pop()))
        elif op not in ("PROTO", "FRAME", "STOP"):
            raise MoreThanData(f"has the opcode {op}, which is more than data")
    if len(stack) != 1 or marks:
        raise ValueError("its pickle ends in the middle")
    return stack[0]


def _expect(value: Any, *types: type) -> Any:
    if type(value) not in types:
        raise ValueError(f"its pickle uses a {type(value).__name__} as a {types[0].__name__}")
    return value


def with_items(container: Any, values: list[Any]) -> Any:
    """Put items, key and value in turn, into a dictionary, and return it."""
    for key, value in zip(values[::2], values[1::2], strict=True):
        container[checked_key(key)] = value
    return container


def checked_key(value: Any) -> Any:
    """Return a value that may be hashed: deeply nested tuples would overflow the stack of Python's own hash."""
    for part in value if type(value) is tuple else (value,):
        if not (part is None or type(part) in (bool, int, float, str, bytes)):
            raise ValueError(f"its pickle has a key of type {type(part).__name__}")
    return value


def write(value: Any) -> bytes:
    """Return the pickle (protocol 2) of plain data with `Global`, `Call` and `PersistentId` in it."""
    parts = [b"\x80\x02"]  # PROTO 2
    _write(value, parts.append)
    return b"".join([*parts, b"."])  # STOP


def _write(value: Any, put: Callable[[bytes], None]) -> None:
    if value is None or value is True or value is False:
        put({None: b"N", True: b"\x88", False: b"\x89"}[value])
    elif type(value) is int:
        if -(2**31) <= value < 2**31:
            put(b"J" + struct.pack("<i", value))  # BININT
        else:
            data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            put(b"\x8a" + struct.pack("<B", len(data)) if len(data) < 256 else b"\x8b" + struct.pack("<i", len(data)))
            put(data)  # LONG1, LONG4
    elif type(value) is float:
        put(b"G" + struct.pack(">d", value))  # BINFLOAT
    elif type(value) is str:
        data = value.encode("utf-8", "surrogatepass")
        put(b"X" + struct.pack("<I", len(data)) + data)  # BINUNICODE
    elif type(value) is tuple:
        put(b"(")  # MARK
        _write_all(value, put)
        put(b"t")  # TUPLE
    elif type(value) is list:
        put(b"](")  # EMPTY_LIST MARK
        _write_all(value, put)
        put(b"e")  # APPENDS
    elif type(value) is dict:
        put(b"}(")  # EMPTY_DICT MARK
        _write_all([part for item in value.items() for part in item], put)
        put(b"u")  # SETITEMS
    elif type(value) is OrderedDict:
        _write(Call("collections.OrderedDict", ()), put)
        put(b"(")
        _write_all([part for item in value.items() for part in item], put)
        put(b"u")
    elif isinstance(value, Global):
        module, _, name = value.name.rpartition(".")
        put(f"c{module}\n{name}\n".encode())  # GLOBAL
    elif isinstance(value, Call):
        _write(Global(value.name), put)
        _write(value.args, put)
        put(b"R")  # REDUCE
    elif isinstance(value, PersistentId):
        _write(value.id, put)
        put(b"Q")  # BINPERSID
    else:
        raise TypeError(f"not plain data: {type(value).__name__}")


def _write_all(values: Any, put: Callable[[bytes], None]) -> None:
    for value in values:
        _write(value, put)
