"""Hooks: watchers of everything that is computed, removable handles, observer hooks. Imports no NumPy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Self

watchers: list[Callable[[Any, Any, str, Any], None]] = []
"""Called as `watcher(primitive, result, direction, node)` for every result that is computed, in every thread.

`direction` is "forward" or "backward"; `node` is the primitive's node, or None if nothing is recorded.
"""


def notify(primitive: Any, result: Any, direction: str, node: Any) -> None:
    """Call every watcher with a result; a result of None is not reported."""
    for watcher in watchers if result is not None else ():
        watcher(primitive, result, direction, node)


class RemovableHandle:
    """The handle returned when a hook is registered: `remove()`, or leaving a `with` block, removes the hook."""

    def __init__(self, hooks: list[Any], hook: Callable[..., Any], first: bool = False) -> None:
        self._hooks, self._entry = hooks, functools.partial(hook)  # unique, also if the same hook is registered twice
        hooks.insert(0 if first else len(hooks), self._entry)

    def remove(self) -> None:
        """Remove the hook; it is not called again."""
        self._hooks[:] = [entry for entry in self._hooks if entry is not self._entry]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class ObserverHook:
    """A hook that only looks on: it returns None, so nothing that is computed changes.

    A model that is copied or pickled does not take the observer along; its copy gets a hook that does nothing.
    """

    def __init__(self, method: Callable[..., None] = lambda *_: None) -> None:
        self.method = method

    def __call__(self, *arguments: Any) -> None:
        self.method(*arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return ObserverHook, ()
