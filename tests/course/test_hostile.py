"""Hostile submissions: each costs itself its points, and nothing else."""

import contextlib
import glob
import tempfile

import hostile
import pytest

from minigrad.course import sandbox
from minigrad.course.grading import grade_one
from minigrad.course.source import load

SOURCE = """\
import numpy as np

# %%
# BEGIN TESTS
from minigrad.course import Assignment, Limits
assignment = Assignment("Doubles", limits=Limits(seconds_per_check=3, seconds=30))
# END TESTS

# %%
def before(x):
    # BEGIN SOLUTION
    return 3 * x
    # END SOLUTION

def f(x):
    # BEGIN SOLUTION
    return 2 * x
    # END SOLUTION

def after(x):
    # BEGIN SOLUTION
    return 4 * x
    # END SOLUTION

# %%
# BEGIN TESTS
for i, function in enumerate((before, f, after)):
    task = assignment.task(str(i), function.__name__)
    task.check(function, (np.array([1.25, 2.0, 3.0]),))
# END TESTS
"""

FRAME = "# %%\ndef before(x):\n    return 3 * x\n# %%\n{}\n# %%\ndef after(x):\n    return 4 * x\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("hostile") / "doubles.py"
    path.write_text(SOURCE)
    return load(path)


def function(body):
    return FRAME.format("def f(x):\n" + "".join(f"    {line}\n" for line in body.split("\n")))


@pytest.fixture
def outcome(source, monkeypatch, tmp_path):
    """Grade a submission; nothing of it is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def outcome(text, separate=True):
        monkeypatch.setattr(sandbox, "SEPARATE", separate)
        record = grade_one(source, "eve", text.encode(), hidden=[source.path.parent]).record
        assert list(tmp_path.iterdir()) == [] and processes_in(tmp_path) == []
        return record

    return outcome


def processes_in(folder):
    """The processes that have a folder in their environment, as those of submissions have."""
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            if str(folder).encode() in file.read():
                found.append(path)
    return found


ALL = {**hostile.ENDS, **hostile.HANGS, **hostile.ANSWERS, **hostile.TRICKS, **hostile.SIGNALS}


@pytest.mark.slow
@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in ALL.items()])
def test_a_hostile_function_costs_itself(outcome, body):
    record = outcome(function(body))
    first, itself, _ = (check.status for check in record.checks)
    assert first == "passed" and itself in ("failed", "error", "timeout", "crashed")
    assert record.score <= 2
    if body not in hostile.TRICKS.values():
        assert record.score == 2, record.checks
