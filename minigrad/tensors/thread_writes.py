"""The writes of a thread's own optimizers, which do not concern the backward passes of other threads.

Threads may train one model without locks: each computes a gradient while the steps of the others move the parameters
under it. That gradient is one of slightly older parameters, and training works all the same. Source: Niu, Recht, Ré and
Wright, "Hogwild!: A lock-free approach to parallelizing stochastic gradient descent", 2011.
"""

from __future__ import annotations

import threading
from typing import Any


class _Own(threading.local):
    def __init__(self) -> None:
        self.writes: dict[int, Any] = {}


own = _Own()
"""`own.writes` is for this thread's steps what `saved.writes` is for all other in-place writes of all threads."""
