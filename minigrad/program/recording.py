"""While a function is recorded: this thread's primitives, conversions to arrays and attributes are watched."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.grad_mode import mode
from minigrad.hooks import watchers
from minigrad.primitives.primitive import Call, Calls, Elementwise, Primitive
from minigrad.program import escaped
from minigrad.program.held import Input
from minigrad.program.recorder import Recorder, has_mask, is_library
from minigrad.program.stand_ins import NumPy, is_array, real
from minigrad.tensors import saved
from minigrad.tensors.dtypes import default
from minigrad.tensors.graph_attributes import GraphAttributes
from minigrad.tensors.tensor import Tensor, wrap


class _Thread(threading.local):
    """The recorder of this thread."""

    recorder: Recorder | None = None


this_thread = _Thread()
_lock = threading.RLock()


class _Turns:
    """A count that goes up when a recording begins and ends: meanwhile, tensors hold the stand-ins of one thread."""

    count = 0

    @property
    def are_odd(self) -> int:
        """Whether a thread records."""
        return self.count & 1

    @staticmethod
    def wait() -> bool:
        """Wait until no thread records; not for ever, since that thread may be waiting for this one."""
        if _lock.acquire(timeout=10.0):
            _lock.release()
            return True
        return False


all_turns = _Turns()


def current_recorder() -> Recorder | None:
    """Return the recorder of this thread, if it records."""
    recorder = this_thread.recorder
    return recorder if recorder is not None and recorder.active else None


@contextmanager
def record_calls() -> Iterator[Recorder]:
    """Context manager: this thread's primitives, conversions to arrays and random numbers are noted."""
    with _lock:
        recorder = this_thread.recorder = Recorder()
        all_turns.count += 1
        apply, record, checksum, backward = Tensor.apply, Tensor._record, saved._checksum, engine.backward

        def recorded_apply(primitive: Primitive, *operands: Any, **parameters: Any) -> Any:
            if current_recorder() is None:
                operands = operands if this_thread.recorder is recorder else tuple(map(_for_other_threads, operands))
                return apply(primitive, *operands, **parameters)
            operands = tuple([wrap(o, None) if is_array(o) else o for o in operands])
            noted: Any = _Noted(primitive, recorder)
            return apply(noted, *operands, **parameters)

        def recorded_node(primitive: Any, *rest: Any) -> Any:
            primitive = getattr(primitive, "noted", primitive)
            node = record(primitive, *rest)
            if node is not None and current_recorder() is not None:
                recorder.nodes.append(node)
                calls = node.plan.array_calls
                if isinstance(primitive, Elementwise):
                    recorder.elementwise.update([call[0] for call in calls.each if call is not None])
                calls = _noted_calls(calls, recorder)
                node.plan = replace(node.plan, array_calls=calls, written_out=None)
            return node

        def recorded_backward(seeds: Any, **options: Any) -> None:
            if current_recorder() is not None:
                recorder.refuse("it runs a backward pass")
                seeds = recorder.held.end(seeds)
            backward(seeds, **options)

        def watched_attribute(name: str) -> property:
            before = getattr(Tensor, name)

            def read(t: Tensor) -> Any:
                found = current_recorder()
                if found is not None and found.held.holds(t) and not is_library(sys._getframe(1)):
                    found.refuse(f".{name} is read")
                return before.__get__(t)

            return property(read, before.__set__ if before.fset else None)

        def node(t: Tensor) -> Any:
            found = GraphAttributes.node.__get__(t)
            return found.original if isinstance(found, Input) and this_thread.recorder is not recorder else found

        attributes = [(name, vars(Tensor).get(name), watched_attribute(name)) for name in _OF_THE_GRAPH]
        attributes.append(("node", None, property(node)))
        shim = NumPy(current_recorder)
        modules = [m for name, m in [*sys.modules.items()] if name.startswith("minigrad.") and _converts(name, m)]
        try:
            saved._checksum = lambda a: 0 if is_array(a) else checksum(a)
            engine.backward = recorded_backward
            watchers.append(_watch)  # so that every operation goes through `Tensor.apply`
            Tensor.apply, Tensor._record = staticmethod(recorded_apply), staticmethod(recorded_node)  # type: ignore
            for name, _, watched in attributes:
                setattr(Tensor, name, watched)
            for module in modules:
                module.np = shim  # type: ignore[attr-defined]
            yield recorder
        finally:
            for module in modules:
                module.np = np  # type: ignore[attr-defined]
            Tensor.apply, Tensor._record = staticmethod(apply), staticmethod(record)  # type: ignore
            for name, original, _ in attributes:
                delattr(Tensor, name) if original is None else setattr(Tensor, name, original)
            this_thread.recorder = None
            all_turns.count += 1
            watchers.remove(_watch)
            saved._checksum, engine.backward = checksum, backward
            if recorder.reason:
                escaped.replace([s for made in recorder.made if (s := made()) is not None])
            recorder.made = []


_OF_THE_GRAPH = ("is_leaf", "grad_fn", "name", "grad")
"""Attributes of a given tensor that may differ from call to call."""


def current_modes() -> tuple[Any, ...]:
    """Return settings of the thread or the process that a function may change."""
    return mode.recording, mode.inference, default.dtype, np.geterr()


def _for_other_threads(t: Any) -> Any:
    """Return a tensor as it is in other threads than the one that records."""
    if not (isinstance(t, Tensor) and is_array(t._array)):
        return t
    return wrap(real(t._array), t._node.original if isinstance(t._node, Input) else t._node)


def _watch(*_: Any) -> None:
    """Watch nothing."""


def _converts(name: str, module: Any) -> bool:
    return not name.startswith(("minigrad.program", "minigrad.primitives")) and vars(module).get("np") is np


class _Noted:
    """A primitive whose function is noted when it runs."""

    def __init__(self, primitive: Primitive, recorder: Recorder) -> None:
        self.noted, self._recorder = primitive, recorder

    def __getattr__(self, name: str) -> Any:
        return getattr(self.noted, name)

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        return self.noted(*operands, **parameters)

    def run(self, *operands: Any, **parameters: Any) -> Any:
        """Run the primitive's function, and note it."""
        shaped = any(map(has_mask, parameters.values()))
        if isinstance(self.noted, Elementwise):
            self._recorder.elementwise.add(self.noted.run)
        return self._recorder.call(self.noted.run, operands, parameters, shaped)


def _noted_calls(calls: Calls, recorder: Recorder) -> Calls:
    """Return vector-Jacobian products that are noted when they run."""

    def noted(call: Call | None) -> Call | None:
        if call is None:
            return None
        function, places = call
        return lambda *args: recorder.call(function, args, {}), places

    return Calls(tuple([noted(call) for call in calls.each]), noted(calls.together))
