"""Live progress of a training run: a bar on a terminal, plain lines anywhere else. ASCII, for any terminal."""

from __future__ import annotations

import sys
from typing import TextIO


class Progress:
    """Shows how far a run of `total` steps has come.

    >>> progress = Progress(total=200)
    >>> for step in range(1, 201):
    ...     progress.show(step, "loss 0.5")
    step    1 of 200   loss 0.5
    step  100 of 200   loss 0.5
    step  200 of 200   loss 0.5
    """

    width = 30

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self.total = total
        self.stream = sys.stdout if stream is None else stream
        self.live = self.stream.isatty()
        self.every = max(total // 100, 1) if self.live else max(total // 10, 100)

    def due(self, step: int) -> bool:
        """Whether `show` will show this step; what it takes to compute can be left out if not."""
        return step in (1, self.total) or step % self.every == 0

    def show(self, step: int, text: str) -> None:
        """Show that `step` of `total` steps are done, and a text beside it."""
        if not self.due(step):
            return
        if self.live:
            done = self.width * step // self.total
            bar = "#" * done + "." * (self.width - done)
            self.stream.write(f"\r[{bar}] {step}/{self.total}  {text}\x1b[K" + "\n" * (step == self.total))
        else:
            self.stream.write(f"step {step:{max(4, len(str(self.total)))}} of {self.total}   {text}\n")
        self.stream.flush()
