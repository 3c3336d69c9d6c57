"""Live progress of a run: a bar on a terminal, plain lines elsewhere. ASCII only, for any terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from typing import TextIO

from minigrad.output.words import printable, printable_lines


class Progress:
    """Show the progress of a run of `total` steps; without a total, the current step.

    On a terminal it is one line, with a total a bar, redrawn in place. Elsewhere it is a line for the first and last
    step and every tenth of the run, at least 100 steps apart; without a total, for the steps 1, 2, 5, 10, 20, 50, ...

    Args:
        total: the number of steps, or None (default).
        stream: where to write; default `sys.stdout`.

    >>> progress = Progress(total=200)
    >>> for step in range(1, 201):
    ...     progress.show(step, "loss 0.5")
    step    1 of 200   loss 0.5
    step  100 of 200   loss 0.5
    step  200 of 200   loss 0.5
    >>> progress = Progress()
    >>> for step in range(1, 31):
    ...     progress.show(step, "loss 0.5")
    step 1   loss 0.5
    step 2   loss 0.5
    step 5   loss 0.5
    step 10   loss 0.5
    step 20   loss 0.5
    """

    width = 30

    def __init__(self, total: int | None = None, stream: TextIO | None = None) -> None:
        self.total = total
        self.stream = sys.stdout if stream is None else stream
        self.live = self.stream.isatty()
        self.every = 1 if total is None else max(total // 100, 1) if self.live else max(total // 10, 100)
        self._shown = -1.0  # the time of the last line, in seconds
        self._line = ""  # the line that the terminal shows now

    def due(self, step: int) -> bool:
        """Return whether `show` shows this step, so that the caller can skip computing the text for the others."""
        if self.total is not None:
            return step in (1, self.total) or step % self.every == 0
        return time.monotonic() - self._shown > 0.1 if self.live else str(step).rstrip("0") in ("1", "2", "5")

    def show(self, step: int, text: str) -> None:
        """Show that `step` of `total` steps are done, followed by `text`."""
        if not self.due(step):
            return
        text = printable(text)
        self._shown = time.monotonic()
        if self.live:
            self._line = self._fitting(step, text)
            self.stream.write(f"\r{self._line}\x1b[K" + "\n" * (step == self.total))
            if step == self.total:
                self._line = ""
        elif self.total is None:
            self.stream.write(f"step {step}   {text}\n")
        else:
            self.stream.write(f"step {step:{max(4, len(str(self.total)))}} of {self.total}   {text}\n")
        self.stream.flush()

    def _fitting(self, step: int, text: str) -> str:
        """Return the live line; on a narrow terminal the bar is shortened first, then the text."""
        columns = shutil.get_terminal_size().columns - 1
        if self.total is None:
            return f"step {step}  {text}"[:columns]
        line = f" {step}/{self.total}  {text}"
        width = min(self.width, max(columns - len(line) - 2, 5))
        done = width * step // self.total
        return f"[{'#' * done}{'.' * (width - done)}]{line}"[:columns]

    def say(self, text: str) -> None:
        """Print a line that stays; the live line continues below it."""
        text = printable_lines(text)
        if self.live:
            text = textwrap.fill(text, max(shutil.get_terminal_size().columns - 1, 20), subsequent_indent="  ")
        self.stream.write(f"\r\x1b[K{text}\n{self._line}" if self._line else f"{text}\n")
        self.stream.flush()

    def end(self) -> None:
        """End the run, perhaps before its last step: leave the live line as it is."""
        if self._line:
            self.stream.write("\n")
            self.stream.flush()
        self._line = ""
