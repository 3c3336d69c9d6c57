"""Stepping through a program from the command line: in the terminal, to a file, and with errors."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import minigrad

HERE = Path(minigrad.__file__).parents[1]
PROGRAM = """\
import sys
from minigrad import Value

print("given", sys.argv[1:])
a = Value(1.0)
b = a + a
c = b + b
c.backward()
d = a * a
d.backward()
print("never reached")
"""


def run(folder: Path, *arguments: str, code: str = PROGRAM, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(code, "utf-8")
    settings = {**os.environ, "PYTHONPATH": str(HERE), **environment}
    command = [sys.executable, "-m", "minigrad", "step", *arguments]
    return subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )


# ---- without a terminal


def test_where_there_is_no_terminal_all_steps_are_written(tmp_path: Path) -> None:
    done = run(tmp_path, "script.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert "c = b + b = 2 + 2 = 4" in done.stdout and "never reached" not in done.stdout
    assert "da += db = 2 (contribution 2 of 2, so da = 2 + 2 = 4)" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.slow
def test_another_backward_pass(tmp_path: Path) -> None:
    assert "1. d = mul(a, a) = 1; its gradient" in run(tmp_path, "script.py", "--backward", "2").stdout
    done = run(tmp_path, "--backward", "3", "script.py")
    assert done.returncode == 2 and "--backward is 3, but script.py makes only 2 backward passes" in done.stderr
    assert run(tmp_path, "--backward", "0", "script.py").returncode == 2


def test_the_program_finds_its_arguments(tmp_path: Path) -> None:
    done = run(tmp_path, "script.py", "5", "--rate", "0.1", "--backward", "1", "--", "--html", "x")
    assert "given ['5', '--rate', '0.1', '--html', 'x']" in done.stdout


@pytest.mark.slow
def test_a_page_is_written(tmp_path: Path) -> None:
    done = run(tmp_path, "script.py", "--html", "steps.html")
    assert done.returncode == 0 and "The steps: steps.html" in done.stdout
    assert "c, step by step" in (tmp_path / "steps.html").read_text("utf-8")
    done = run(tmp_path, "script.py", "--html", "steps.pdf")
    assert done.returncode == 2 and "--html: steps.pdf must end in .html or .htm" in done.stderr


@pytest.mark.parametrize(
    "end",
    [
        "loss.backward()",
        "minigrad.autograd.backward(loss)",
        "minigrad.grad(loss, w)",
        "try:\n    loss.backward()\nexcept Exception:\n    pass",
        "",
    ],
)
@pytest.mark.slow
def test_however_the_backward_pass_begins(tmp_path: Path, end: str) -> None:
    code = f"import minigrad\nw = minigrad.tensor(2.0, requires_grad=True)\nx = w * 3\nloss = w * w\n{end}\n"
    done = run(tmp_path, "script.py", code=code)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1. loss = mul(w, w) = 4; its gradient: dloss = 1" in done.stdout


@pytest.mark.slow
def test_a_network_in_the_lectures_loop(tmp_path: Path) -> None:
    code = (
        "import minigrad\nfrom minigrad import nn\nnetwork = minigrad.Network(nn.Linear(2, 3), nn.CrossEntropyLoss())\n"
        "while True:\n    loss = network.forward(minigrad.data.spiral().sample_data_batch())\n"
        "    dx = network.backward()\n    network.x -= 0.1 * dx\n"
    )
    assert "1. loss = mean(n3)" in run(tmp_path, "script.py", code=code).stdout
    assert "1. loss = mean(n3)" in run(tmp_path, "script.py", "--backward", "4", code=code).stdout


@pytest.mark.slow
def test_the_programs_own_error_is_shown_as_python_shows_it(tmp_path: Path) -> None:
    done = run(tmp_path, "script.py", code="def f():\n    return 1 / 0\n\nf()\n")
    assert done.returncode == 1
    assert done.stderr.startswith('Traceback (most recent call last):\n  File "script.py", line 4, in <module>\n')
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n") and "runpy" not in done.stderr
    done = run(tmp_path, "script.py", code="x = = 1\n")
    assert done.returncode == 1 and "SyntaxError" in done.stderr and "runpy" not in done.stderr
    done = run(tmp_path, "script.py", code="import sys\nsys.exit(3)\n")
    assert done.returncode == 3


@pytest.mark.slow
def test_errors_are_a_line_without_a_traceback(tmp_path: Path) -> None:
    done = run(tmp_path, "script.py", code="print(1)\n")
    assert done.returncode == 2 and "makes no backward pass" in done.stderr and "Traceback" not in done.stderr
    done = run(tmp_path)
    assert done.returncode == 2 and done.stderr.endswith("the following arguments are required: script\n")
    done = run(tmp_path, "nothing.py")
    assert done.returncode == 2 and "nothing.py" in done.stderr and "Traceback" not in done.stderr
    released = "from minigrad import Value\na = Value(1.0)\nb = a * a\nb.backward()\nb.backward()\n"
    done = run(tmp_path, "script.py", "--backward", "2", code=released)
    assert done.returncode == 1 and "backward a second time through 'mul'" in done.stderr
    assert "step_script" not in done.stderr


def test_a_terminal_of_ascii_is_enough(tmp_path: Path) -> None:
    code = "from minigrad import Value\na = Value(3.0, name='größe')\n(a * a).backward()\n"
    done = run(tmp_path, "script.py", code=code, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and r"n1 = gr\xf6\xdfe * gr\xf6\xdfe" in done.stdout


# ---- in a terminal


class Terminal:
    """Run the command in a pseudo-terminal and read its screen."""

    def __init__(self, folder: Path, **environment: str) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        settings = {**os.environ, "PYTHONPATH": str(HERE), "TERM": "xterm", **environment}
        settings.pop("COLUMNS", None), settings.pop("LINES", None)
        command = [sys.executable, "-m", "minigrad", "step", "script.py"]

        def with_interrupts() -> None:  # so that ^C arrives, also if the tests run in the background of a shell
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=settings,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=with_interrupts,
        )
        os.close(slave)
        self.seen = ""

    def press(self, keys: str) -> None:
        self.seen = ""
        os.write(self.master, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """Wait until the output since the last key contains a text, and return that output."""
        import select

        end = time.monotonic() + 30
        while not re.search(pattern, self.seen):
            assert time.monotonic() < end, f"{pattern!r} is not in {self.seen!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.master, 65536).decode(errors="replace")
                except OSError:  # how a pseudo-terminal ends on Linux
                    assert re.search(pattern, self.seen), self.seen
        return self.seen


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Any]:
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals")
    opened: list[Terminal] = []

    def open_(**environment: str) -> Terminal:
        (tmp_path / "script.py").write_text(PROGRAM, "utf-8")
        opened.append(Terminal(tmp_path, **environment))
        return opened[-1]

    yield open_
    for t in opened:
        t.process.kill()
        t.process.wait()
        os.close(t.master)


def test_keys_step_on_and_back(terminal: Any) -> None:
    t = terminal()
    assert "> c = add(b, b)" in t.wait_for("q quit")
    for key, where in [
        ("n", "backward 2 of 3"),
        ("\x1b[C", "backward 3 of 3"),
        ("n", "backward 3 of 3"),
        ("p\x1b[D", "backward 1 of 3"),
        ("f", "forward 1 of 3"),
        (" ", "forward 2 of 3"),
        ("\x1b[F", "backward 3 of 3"),
        ("\x1b[H", "forward 1 of 3"),
        ("b", "backward 1 of 3"),
    ]:
        t.press(key)
        t.wait_for(f"{where}(?s:.*)q quit")
    t.press("q")
    t.wait_for(re.escape("\x1b[?1049l"))
    assert t.process.wait(10) == 0


def test_going_to_a_node_by_its_name(terminal: Any) -> None:
    t = terminal()
    t.wait_for("q quit")
    t.press("gax\x7f\r")
    t.wait_for("backward 3 of 3")
    t.press("gzebra\r")
    t.wait_for("no node is called 'zebra'")


def test_an_interrupt_restores_the_terminal(terminal: Any) -> None:
    t = terminal()
    t.wait_for("q quit")
    t.press("\x03")
    t.wait_for("interrupted")
    assert t.process.wait(10) == 130


def test_without_colours_and_symbols(terminal: Any) -> None:
    t = terminal(NO_COLOR="1", PYTHONIOENCODING="ascii")
    t.wait_for("q quit")
    t.press("n")
    seen = t.wait_for("q quit")
    assert re.search(r"\x1b\[[\d;]*m", seen) is None and seen.isascii()


def test_with_colours(terminal: Any) -> None:
    assert "\x1b[1;34m> c = add(b, b)" in terminal().wait_for("q quit")


def test_a_dumb_terminal_gets_all_as_text(terminal: Any) -> None:
    t = terminal(TERM="dumb")
    assert "\x1b" not in t.wait_for(r"3\. a = 1; its gradient: da = 4")
