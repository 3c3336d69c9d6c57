"""A backward pass in the terminal: one step at a time, with keys; all steps as text if there is no terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from minigrad.program.notation import with_symbols
from minigrad.viz.steps.backward_pass import BackwardPass, Step, texts
from minigrad.viz.steps.formatting import describe

_HELP = "right/n next   left/p previous   home/end   f forward   b backward   g go to a node   q quit"
_SHORT_HELP = "n next   p previous   g go   q quit"
_COMMANDS = {
    **dict.fromkeys(["n", " ", "\r", "\n", "j", "\x1b[C", "\x1bOC", "\x1b[B", "\x1bOB"], "next"),
    **dict.fromkeys(["p", "k", "\x7f", "\x08", "\x1b[D", "\x1bOD", "\x1b[A", "\x1bOA"], "previous"),
    **dict.fromkeys(["\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"], "first"),
    **dict.fromkeys(["\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~", "G"], "last"),
    **dict.fromkeys(["q", "Q", "\x04", ""], "quit"),
    **{"f": "forward", "b": "backward", "g": "go", "/": "go"},
}
_BOLD, _PALE, _BLUE, _ORANGE = "1", "2", "1;34", "33"


def show(steps: BackwardPass, stream: TextIO | None = None) -> None:
    """Step through in the terminal; write all steps if input or output is no terminal."""
    stream = sys.stdout if stream is None else stream
    if stream.isatty() and sys.stdin.isatty() and os.environ.get("TERM") != "dumb":
        with _keys() as keys:
            Viewer(steps, stream).run(keys)
    else:
        stream.write(f"{all_steps(steps, _supports_symbols(stream))}\n")


def all_steps(steps: BackwardPass, symbols: bool = False) -> str:
    """Return the steps of both passes as text, with mathematical symbols if `symbols`."""
    parts = ["The forward pass", *texts(steps.forward, symbols)]
    parts += ["", "The backward pass", *texts(steps.backward, symbols)]
    return "\n".join(parts)


def _supports_symbols(stream: TextIO) -> bool:
    """Whether the terminal can show mathematical symbols."""
    try:
        "·≥≤≠ᵀ−²".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


class Viewer:
    """The screen: the list of nodes, and below it the details of the current step."""

    def __init__(self, steps: BackwardPass, stream: TextIO) -> None:
        self.steps, self.stream = steps, stream
        self.both: list[Step] = [*steps.forward, *steps.backward]
        self.current = len(steps.forward)
        self.symbols = _supports_symbols(stream)
        self.color = not os.environ.get("NO_COLOR")
        self.message = ""

    def run(self, keys: Callable[[], str]) -> None:
        """Handle keys until the user quits."""
        self.stream.write("\x1b[?1049h\x1b[?25l")  # the alternate screen, without a cursor
        try:
            while True:
                self.paint()
                key = _COMMANDS.get(keys(), "")
                self.message = ""
                if key == "quit":
                    return
                if key == "go":
                    self.go(keys)
                else:
                    last, start = len(self.both) - 1, len(self.steps.forward)
                    targets = {"next": self.current + 1, "previous": self.current - 1, "first": 0, "last": last}
                    targets |= {"forward": 0, "backward": start}
                    self.current = max(0, min(last, targets.get(key, self.current)))
        finally:
            self.stream.write("\x1b[?25h\x1b[?1049l")
            self.stream.flush()

    def go(self, keys: Callable[[], str]) -> None:
        """Ask for a node and go to its step in the current pass."""
        text = ""
        while True:
            self.message = f"go to the node: {text}_"
            self.paint()
            key = keys()
            if key in ("\r", "\n"):
                break
            if key in ("\x1b", "\x04", ""):
                self.message = ""
                return
            text = text[:-1] if key in ("\x7f", "\x08") else text + key if key.isprintable() and len(key) == 1 else text
        self.message = ""
        steps = self._pass()
        found = [s for s in steps if text in (s.name, f"n{self.steps.number(s.node)}")]
        found = found or [s for s in steps if text and text in f"{s.name} {s.call}"]
        if found:
            self.current = self.both.index(found[0])
        else:
            self.message = f"no node is called {text!r}" if text else ""

    def _pass(self) -> list[Step]:
        return self.steps.backward if self.both[self.current].backward else self.steps.forward

    # -- output -------------------------------------------------------------------------------------------------

    def paint(self) -> None:
        """Draw the screen."""
        width, height = shutil.get_terminal_size()
        step = self.both[self.current]
        details = [line for text in self._details(step) for line in _wrapped(text, width - 2)]
        details = details[: max(3, height - 8)]
        room = max(1, height - len(details) - 5)
        which = "backward" if step.backward else "forward"
        lines = [self._styled(f"{which} {step.number} of {len(self._pass())}", _BOLD), ""]
        lines += self._list(step, room, width)
        lines += ["", *details]
        lines = lines[: height - 1]
        lines += [""] * (height - 1 - len(lines))
        help_ = _HELP if len(_HELP) < width else _SHORT_HELP
        lines.append(self._styled((self.message or help_)[: width - 1], _BOLD if self.message else _PALE))
        self.stream.write("\x1b[H" + "\n".join(f"{line}\x1b[K" for line in lines))
        self.stream.flush()

    def _list(self, step: Step, room: int, width: int) -> Iterator[str]:
        """Return lines for the nodes around the current one, in the order of the pass."""
        steps = self._pass()
        start = max(0, min(step.number - 1 - room // 2, len(steps) - room))
        sums: dict[object, object] = {}
        complete: dict[object, bool] = {}
        for s in steps[: step.number] if step.backward else ():
            sums.update((c.to, c.total) for c in s.contributions)
            complete.update((c.to, c.nth == c.of) for c in s.contributions)
        for s in steps[start : start + room]:
            is_current = s is step
            title = " = ".join(t for t in (s.name, s.call) if t)
            gradient = ""
            if step.backward and (s.number <= step.number or s.node in sums):
                g = s.gradient if s.number <= step.number else sums[s.node]
                gradient = self.steps.gradient(s.node, g)
                gradient += "" if complete.get(s.node, True) else " so far"
            known = describe(s.value, s.node) if step.backward or s.number <= step.number else ""
            third = max(12, (width - 4) // 3)
            columns = f"{_shortened(title, third):<{third}} {_shortened(known, third):<{third}}"
            line = f"{'>' if is_current else ' '} {columns} {_shortened(gradient, third - 1)}"
            waiting = s.number > step.number
            yield self._styled(line.rstrip(), _BLUE if is_current else _ORANGE if gradient and waiting else "")

    def _details(self, step: Step) -> Iterator[str]:
        first, *rest = step.lines()
        yield self._styled(first, _BOLD)
        if step.node.primitive is not None:
            rest.insert(0, step.primitive_line())
        for line in rest:
            yield "  " + (with_symbols(line) if self.symbols else line)

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if style and self.color else text


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _wrapped(text: str, width: int) -> list[str]:
    """Wrap a line to the width, with an indent after the first piece."""
    style = re.fullmatch(r"(\x1b\[[\d;]*m)(.*)(\x1b\[0m)", text, re.DOTALL)
    start, text, end = style.groups() if style else ("", text, "")
    indent = " " * (len(text) - len(text.lstrip()) + 4)
    pieces = textwrap.wrap(text, max(20, width), subsequent_indent=indent, drop_whitespace=False) or [""]
    return [f"{start}{piece}{end}" for piece in pieces]


# ---- keys ------------------------------------------------------------------------------------------------------


@contextmanager
def _keys() -> Iterator[Callable[[], str]]:
    """Return a function that waits for a key and returns what the terminal sends, "" at the end of the input."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        yield _windows_key
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    waiting: list[str] = []

    def key() -> str:
        if not waiting:
            text = os.read(fd, 1024).decode(errors="replace")  # the characters of an arrow key arrive together
            waiting.extend(re.findall(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Z]|.", text, re.DOTALL))
        return waiting.pop(0) if waiting else ""

    try:
        tty.setcbreak(fd)
        yield key
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _windows_key() -> str:
    import msvcrt

    key: str = msvcrt.getwch()  # type: ignore[attr-defined]
    if key in ("\x00", "\xe0"):
        return {"M": "\x1b[C", "K": "\x1b[D", "H": "\x1b[A", "P": "\x1b[B", "G": "\x1b[H", "O": "\x1b[F"}.get(
            msvcrt.getwch(),  # type: ignore[attr-defined]
            "?",
        )
    if key == "\x03":
        raise KeyboardInterrupt
    return key
