"""The assignments under tutorials/assignments: each has its parts, runs, and `prove` finds it sound."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from minigrad.course import prove
from minigrad.course.source import load

FOLDER = Path(__file__).parents[2] / "tutorials" / "assignments"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir() and any(path.glob("*.py")))


def test_links() -> None:
    pages = [FOLDER / "README.md", *(FOLDER / name / "README.md" for name in NAMES)]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8"))]
    assert [(page.parent.name, link) for page, link in links if not (page.parent / link).exists()] == []
    assert {link for page, link in links if page == pages[0]} >= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_parts(name: str) -> None:
    source = load(FOLDER / name)
    tasks = source.assignment.tasks
    assert source.name == name
    assert (FOLDER / name / "README.md").read_text("utf-8").startswith("# ")
    assert sum(len(task.mistakes) for task in tasks) >= 8
    for task in tasks:
        if task.checks:
            assert {check.hidden for check in task.checks} == {True, False}, task.number
    said = [mistake.sentence for task in tasks for mistake in task.mistakes]
    assert all(sentence.endswith(".") for sentence in said)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_runs_as_a_script(name: str) -> None:
    done = subprocess.run([sys.executable, FOLDER / name / f"{name}.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Not yet" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_sound(name: str) -> None:
    proof = prove(FOLDER / name)
    assert proof, str(proof)
    assert not proof.unexercised
