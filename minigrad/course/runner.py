"""The program in the student's process: runs a submission cell by cell, and calls its functions.

It gets requests and gives answers as frames (`wire`). Nothing here decides anything: a submission shares this process
and can make it answer whatever it likes, which changes its own answers and nothing else.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import contextlib
import functools
import importlib
import linecache
import math
import os
import random
import re
import shutil
import sys
import types
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from minigrad.course import wire
from minigrad.tensors.rng import manual_seed

ACTIVE = False
"""True in the student's process: `Checks` of a released file does nothing there, the grader asks instead."""

Answer: TypeAlias = "tuple[dict[str, Any], list[Any]]"

TEXT = 2000  # characters of what an exception says
FOLDERS = ("home", "tmp", "work")
LEFT = 86  # the exit status of a fork that was asked to leave
_MARK = re.compile(r"^# *%%", re.MULTILINE)
_FUTURE = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})


class Runner:
    """A submission: its text, its cells and its names."""

    def __init__(self) -> None:
        self.module = types.ModuleType("submission")
        self.names: dict[str, Any] = self.module.__dict__
        self.cells: list[tuple[int, types.CodeType]] = []
        self.path = ""
        sys.modules["submission"] = self.module  # dataclasses and pickles look there

    def load(self, header: dict[str, Any], _: list[Any]) -> Answer:
        """Write the submission's file into this folder and compile its cells."""
        text = header["text"]
        self.path = path = os.path.abspath(header["file"])
        with contextlib.suppress(OSError), open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)  # larger than a file may be: then there is no copy, and the text runs all the same
        self.names.update(__name__="submission", __file__=path, __builtins__=builtins)
        linecache.cache[path] = (len(text), None, text.splitlines(True), path)
        try:
            self.cells = compile_cells(text, path)
        except SyntaxError as error:
            return {"problem": f"line {error.lineno or 1}: {error.msg}"}, []
        except (ValueError, RecursionError, MemoryError, OverflowError) as error:
            return {"problem": f"line 1: {str(error) or type(error).__name__}"}, []
        return {"cells": [line for line, _ in self.cells]}, []

    def cell(self, header: dict[str, Any], _: list[Any]) -> Answer:
        """Run one cell."""
        exec(self.cells[header["cell"]][1], self.names)
        return {}, []

    def define(self, header: dict[str, Any], _: list[Any]) -> Answer:
        """Define a driver: a function of the source, whatever the submission calls by this name."""
        path = f"<driver {header['name']}>"
        linecache.cache[path] = (len(header["text"]), None, header["text"].splitlines(True), path)
        exec(compile(header["text"], path, "exec", dont_inherit=True), self.names)
        return {}, []

    def call(self, header: dict[str, Any], arrays: list[Any]) -> Answer:
        """Call a function by position; return its outputs, and the inputs as they are afterwards if asked for."""
        if header["function"] not in self.names:
            return {"missing": header["function"]}, []
        arguments = wire.unpack(header["arguments"], arrays)
        found = self.names[header["function"]](*arguments)
        answer = arrays_of(found, header["limit"])
        after = arrays_of(tuple(arguments), header["limit"]) if header["inputs"] else []
        return {"outputs": len(answer)}, [*answer, *after]


def compile_cells(text: str, path: str) -> list[tuple[int, types.CodeType]]:
    """Return the first line and the code of each cell of a text in percent format.

    A mark inside a statement ends no cell.

    >>> len(compile_cells("a = 1\\n# %%\\nb = '''\\n# %%\\n'''\\n", "file.py"))
    2
    """
    tree = ast.parse(text, path)
    flags = compile(tree, path, "exec", dont_inherit=True).co_flags & _FUTURE  # also: errors that parsing leaves
    marks = [text.count("\n", 0, mark.start()) + 1 for mark in _MARK.finditer(text)]
    cells: dict[int, list[ast.stmt]] = {}
    for statement in tree.body:
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
        cells.setdefault(sum(mark < first for mark in marks), []).append(statement)
    return [
        (body[0].lineno, compile(ast.Module(body, []), path, "exec", flags, dont_inherit=True))
        for body in cells.values()
    ]


def arrays_of(value: Any, limit: float) -> list[np.ndarray | str]:
    """Return the outputs as arrays, and a description for each that is none."""
    found: list[np.ndarray | str] = []
    left = limit
    try:
        items = wire.outputs(value)
    except wire.Unsendable as error:
        return [str(error)[:TEXT]]
    for item in items:
        try:
            found.append(wire.as_array(item, left))
        except wire.Unsendable as error:
            found.append(str(error)[:TEXT])
        left -= getattr(found[-1], "nbytes", 0)
    return found


def failure(error: BaseException, path: str) -> dict[str, Any]:
    """Describe an exception. Its `__str__` is the submission's: it may raise, or be no text."""
    name, said, line = "exception", "", 0
    try:
        name = str(type(error).__name__)[:100]
        said = str.__str__(str(error))[:TEXT]
    except BaseException as other:
        said = f"(its text cannot be shown: {type(other).__name__})"
    with contextlib.suppress(BaseException):
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == path:
                line = trace.tb_lineno
            trace = trace.tb_next
    return {"error": name, "text": said, "line": line, "blank": isinstance(error, NotImplementedError)}


def main() -> None:
    """Answer requests until the other side is gone."""
    global ACTIVE
    ACTIVE = True
    requests, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)  # what is printed goes where errors go: to the output that is kept
    os.close(null)
    greeting = {"user": os.getuid() if hasattr(os, "getuid") else None, **_closed()}
    _folders()
    serve(greeting, functools.partial(os.read, requests), functools.partial(os.write, replies), os._exit)


def _folders() -> None:
    for name in FOLDERS:
        os.makedirs(name, exist_ok=True)
    os.chdir("work")


def _closed() -> dict[str, bool]:
    """Return what of the system is closed to this process: others' processes and files, and the network."""
    if sys.platform != "linux":
        return {}
    import socket

    facts = {"processes": os.getppid() == 1 and os.getpid() < 10, "files": True}
    facts["network"] = [name for _, name in socket.if_nameindex() if name != "lo"] == []
    try:
        os.kill(os.getppid(), 0)
    except PermissionError:
        facts["processes"] = True
    with contextlib.suppress(OSError):
        os.close(os.open("..", os.O_TMPFILE | os.O_WRONLY))
        facts["files"] = False
    return facts


def serve(
    greeting: dict[str, Any], read: Callable[[int], bytes], write: Callable[[bytes], int], leave: Callable[[int], Any]
) -> None:
    """Answer requests. What is called here was looked up before the submission runs, which may replace it."""
    runner = Runner()
    steps: dict[str, Callable[..., Answer]] = {
        "fork": lambda *_: ({}, []), "load": runner.load, "cell": runner.cell, "define": runner.define,
        "call": runner.call,
    }  # fmt: skip
    flush = sys.stdout.flush, sys.stderr.flush
    _send(write, wire.frame({"id": 0, **greeting}))
    while True:
        try:
            header, arrays = wire.receive(read, lambda: math.inf)
        except BaseException:
            leave(0)
        if header["do"] == "fork":
            header = _fork(header, read, leave)
        elif header["do"] == "leave":
            leave(LEFT)
        _seed(header.get("seed", 0))
        try:
            answer, values = steps[header["do"]](header, arrays)
        except BaseException as error:
            answer, values = failure(error, runner.path), []
        for each in flush:
            with contextlib.suppress(BaseException):
                each()
        try:
            data = wire.frame({"id": header["id"], "memory": _peak(), **answer}, values)
        except BaseException as error:
            data = wire.frame({"id": header["id"], **failure(error, runner.path)})
        _send(write, data)


def _fork(header: dict[str, Any], read: Callable[[int], bytes], leave: Callable[[int], Any]) -> dict[str, Any]:
    """Import modules, and return in a child, with the request to answer. Go on with the next child when one leaves."""
    for name in header["imports"]:
        with contextlib.suppress(BaseException):
            importlib.import_module(name)  # the children need not
    while child := os.fork():
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != LEFT:
            leave(status if status >= 0 else 128 - status)
        os.chdir("..")
        for name in FOLDERS:
            shutil.rmtree(name)
        _folders()
        try:
            header, _ = wire.receive(read, lambda: math.inf)
        except BaseException:
            leave(0)
    return header


def _peak() -> int:
    """Return the most address space that this process had, in bytes; 0 where the system does not say."""
    with contextlib.suppress(BaseException), open("/proc/self/status") as file:
        return int(file.read().partition("VmPeak:")[2].split()[0]) * 1024
    return 0


def _seed(seed: int) -> None:
    """Seed the global generators, as the source does before it calls the solution."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    manual_seed(seed)


def _send(write: Callable[[bytes], int], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[write(view) :]  # type: ignore[arg-type]
