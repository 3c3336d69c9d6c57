"""Run an iterator ahead in a background thread."""

from __future__ import annotations

import contextvars
import queue
import sys
import threading
from collections.abc import Callable, Generator
from typing import Any

from minigrad.grad_mode import enable_grad, is_grad_enabled, no_grad

# The thread and its reader share only SimpleQueues and a flag that the thread reads. The garbage collector may clean up
# an abandoned iteration at any moment, in either thread, and these never need a lock that is already held.


def prefetched(
    items: Generator[Any, None, None], ahead: int, timeout: float, setup: Callable[[], object]
) -> Generator[Any, None, None]:
    """Yield the items in order, while a thread computes up to `ahead` of them in advance.

    An exception in the thread is raised here, in the position of the item that failed, with the thread's traceback. The
    thread ends with the iteration; if the iteration is abandoned, as soon as the current item is finished.

    Args:
        items: advanced in the thread, in the context and the grad mode of the reader's first request.
        ahead: how many items to compute in advance, at least 1.
        timeout: how many seconds to wait for an item; 0 waits without limit.
        setup: called first in the thread.

    Raises:
        RuntimeError: if no item arrives within the timeout.

    >>> list(prefetched((i * i for i in range(4)), ahead=2, timeout=0, setup=lambda: None))
    [0, 1, 4, 9]
    """
    results: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    permits: queue.SimpleQueue[None] = queue.SimpleQueue()
    for _ in range(ahead - 1):
        permits.put(None)
    stop = threading.Event()
    grad_mode = enable_grad() if is_grad_enabled() else no_grad()
    arguments = (items, setup, grad_mode, results, permits, stop)
    # a daemon, so that a program can end while it holds an unfinished iteration
    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(_work, *arguments), name="minigrad-prefetch", daemon=True
    )
    thread.start()
    timed_out = False
    try:
        while True:
            try:
                kind, item = results.get(timeout=timeout or None)
            except queue.Empty:
                timed_out = True
                raise RuntimeError(
                    f"DataLoader: no batch arrived within timeout={timeout} seconds; is the data set blocked or slow?"
                ) from None
            if kind == "end":
                return
            if kind == "error":
                raise item
            permits.put(None)
            yield item
    finally:
        item = None  # break the cycle between an exception and this frame in its traceback
        stop.set()
        permits.put(None)
        if not timed_out and thread is not threading.current_thread() and not sys.is_finalizing():
            thread.join()


def _work(
    items: Generator[Any, None, None],
    setup: Callable[[], object],
    grad_mode: no_grad,
    results: queue.SimpleQueue[tuple[str, Any]],
    permits: queue.SimpleQueue[None],
    stop: threading.Event,
) -> None:
    try:
        with grad_mode:
            setup()
            for item in items:
                results.put(("item", item))
                permits.get()
                if stop.is_set():
                    items.close()
                    return
    except BaseException as error:  # not only Exception: the reader waits, and must learn of every end
        results.put(("error", error))
    else:
        results.put(("end", None))
