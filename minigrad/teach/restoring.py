"""Restore a model, and the random generators, after something was tried on it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad.hooks import ObserverHook
from minigrad.nn.lazy import UninitializedParameter
from minigrad.nn.module import Module
from minigrad.tensors.rng import Generator, default_generator
from minigrad.tensors.tensor import Tensor


def is_lazy(p: Any) -> bool:
    """Return whether a parameter has no shape yet."""
    return isinstance(p, UninitializedParameter)


@contextmanager
def same_generators() -> Iterator[None]:
    """Restore the random generators of Python, NumPy and minigrad at the end of the block."""
    states = random.getstate(), np.random.get_state(), default_generator.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        default_generator.set_state(states[2])


@contextmanager
def restored(model: Module, loss: Any) -> Iterator[None]:
    """Restore modules, their numbers and modes, and the random generators at the end of the block."""
    modules = [*model.modules()]
    if isinstance(loss, Module):
        modules += [module for module in loss.modules() if module not in modules]
    kept = [(module, type(module), {name: _kept(value) for name, value in vars(module).items()}) for module in modules]
    tensors = [t for module in modules for t in (*module._parameters.values(), *module._buffers.values())]
    arrays = [(t, t._array, t._array.copy()) for t in tensors if t is not None and not is_lazy(t)]
    lazy = [(p, vars(p).copy()) for p in tensors if p is not None and is_lazy(p)]
    for module in modules:  # whoever watches the model sees nothing of this
        for hooks in [vars(module)[name] for name in ("_pre_hooks", "_hooks") if name in vars(module)]:
            hooks[:] = [hook for hook in hooks if not isinstance(getattr(hook, "func", hook), ObserverHook)]
    try:
        with same_generators():
            yield
    finally:
        for module, kind, restore in kept:
            if type(module) is not kind:
                module.__class__ = kind
            content = {name: put_back() for name, put_back in restore.items()}
            vars(module).clear()
            vars(module).update(content)
        for p, content in lazy:
            p.__class__ = UninitializedParameter
            vars(p).clear()
            vars(p).update(content)
            p._node = None
        for t, array, copy in arrays:
            array[...] = copy
            if t._array is not array:
                t._set_array(array)


def _kept(value: Any) -> Callable[[], Any]:
    """Return a function that gives an attribute of a module back as it is now."""
    if isinstance(value, list | dict | set):
        content = value.copy()

        def refill() -> Any:
            value.clear()
            if isinstance(value, list):
                value.extend(content)
            else:
                value.update(content)
            return value

        return refill
    if isinstance(value, np.ndarray) or (isinstance(value, Tensor) and value.is_leaf):
        array = value if isinstance(value, np.ndarray) else value._array
        numbers = array.copy()

        def rewrite() -> Any:
            array[...] = numbers
            return value

        return rewrite
    if isinstance(value, Generator):
        state = value.get_state()
        return lambda: value.set_state(state)
    if isinstance(value, np.random.Generator):
        bits = value.bit_generator.state

        def rewind() -> Any:
            value.bit_generator.state = bits
            return value

        return rewind
    return lambda: value
