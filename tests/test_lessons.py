"""`python -m minigrad tutorials`: the lessons listed, copied, run; and they are in the wheel."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from minigrad.cli import main
from minigrad.course import lessons

ROOT = Path(__file__).resolve().parent.parent


def test_all_lessons_are_listed_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tutorials"]) == 0
    listed = re.findall(r"^ *(\d+)  (.+)$", capsys.readouterr().out, re.MULTILINE)
    assert [int(number) for number, _ in listed] == [*range(1, len(listed) + 1)]
    assert len(listed) == len(list((ROOT / "tutorials").glob("*.py")))
    assert listed[0] == ("1", "One number")


@pytest.mark.parametrize("name", ["3", "engine", "03_build_an_engine.py"])
def test_a_lesson_is_found_by_number_or_name(name: str) -> None:
    assert lessons.find(name).path.stem == "03_build_an_engine"


def test_what_does_not_name_one_lesson_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tutorials", "99"]) == 2
    assert "no lesson is called '99'" in capsys.readouterr().err
    assert main(["tutorials", "_"]) == 2
    assert "several lessons fit '_'" in capsys.readouterr().err
    assert main(["tutorials", "--copy", "x"]) == 2


def test_copies_are_the_program_and_its_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tutorials", "1", "--copy", str(tmp_path), "--notebook", str(tmp_path / "n")]) == 0
    program, notebook = (tmp_path / "01_one_number.py").read_text("utf-8"), tmp_path / "n" / "01_one_number.ipynb"
    assert program == (ROOT / "tutorials" / "01_one_number.py").read_text("utf-8")
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    assert "".join(cells[0]["source"]).startswith("# One number") and cells[0]["cell_type"] == "markdown"
    assert len(cells) == program.count("# %%")
    (tmp_path / "01_one_number.py").write_text("my own work")
    assert main(["tutorials", "1", "--copy", str(tmp_path)]) == 2  # nothing is overwritten
    assert (tmp_path / "01_one_number.py").read_text() == "my own work"
    assert "exists already" in capsys.readouterr().err


def test_a_lesson_runs_and_draws_where_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minigrad.draw", lambda *_: (_ for _ in ()).throw(OSError("no picture")), raising=False)
    assert main(["tutorials", "1"]) == 0
    assert "dp = -24, dq = 16, dr = 8" in capsys.readouterr().out


@pytest.mark.slow
def test_the_wheel_has_the_lessons(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for path in [*(ROOT / "tutorials").glob("*.py"), *(ROOT / "tutorials" / "pictures").glob("*.svg")]:
        assert any(name.endswith(f"share/minigrad/{path.relative_to(ROOT).as_posix()}") for name in names), path
