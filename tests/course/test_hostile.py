"""Hostile submissions: each costs itself its points, and nothing else."""

import contextlib
import glob
import os
import sys
import tempfile

import hostile
import pytest

from minigrad.course import sandbox
from minigrad.course.source import load
from minigrad.course.submission import grade_one

SOURCE = """\
import numpy as np

# %%
# BEGIN TESTS
from minigrad.course import Assignment, Limits
assignment = Assignment("Doubles", limits=Limits(seconds_per_check=20, seconds=60))
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
    task.check(function, (np.array([1.25, 2.0, 3.0]),), seconds=3 if function is f else None)
# END TESTS
"""

FRAME = "# %%\ndef before(x):\n    return 3 * x\n# %%\n{}\n# %%\ndef after(x):\n    return 4 * x\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("hostile") / "doubles.py"
    path.write_text(SOURCE)
    return load(path)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """The same for what never ends: it need not be waited for as long."""
    path = tmp_path_factory.mktemp("hostile") / "doubles.py"
    path.write_text(SOURCE.replace("seconds=3 if", "seconds=1 if"))
    return load(path)


def indented(body):
    return "".join(f"    {line}\n" for line in body.split("\n"))


def function(body):
    return FRAME.format("def f(x):\n" + indented(body))


@pytest.fixture
def outcome(source, monkeypatch, tmp_path):
    """Grade a submission; nothing of it is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def outcome(text, separate=True, source=source):
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


ALONE = {**hostile.ENDS, **hostile.HANGS, **hostile.TRICKS, **hostile.SIGNALS}


@pytest.mark.slow
@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in ALONE.items()])
def test_a_hostile_function_costs_itself(outcome, source, impatient, body):
    record = outcome(function(body), source=impatient if body in hostile.HANGS.values() else source)
    first, itself, _ = (check.status for check in record.checks)
    assert first == "passed" and itself in ("failed", "error", "timeout", "crashed")
    assert record.score <= 2
    if body not in hostile.TRICKS.values():
        assert record.score == 2, record.checks


@pytest.mark.slow
def test_an_answer_that_is_none_is_wrong(tmp_path):
    names = {f"f{i}": name for i, name in enumerate(hostile.ANSWERS)}
    solution = "".join(f"def {f}(x):\n    # BEGIN SOLUTION\n    return 2 * x\n    # END SOLUTION\n" for f in names)
    tasks = f"for i, function in enumerate(({', '.join(names)})):\n    task = assignment.task(str(i), 'task')\n"
    (tmp_path / "answers.py").write_text(
        "import numpy as np\n# BEGIN TESTS\nfrom minigrad.course import Assignment, Limits\n"
        f"assignment = Assignment('Answers', limits=Limits(seconds=300))\n# END TESTS\n{solution}# BEGIN TESTS\n{tasks}"
        "    task.check(function, (np.array([1.25, 2.0, 3.0]),))\n# END TESTS\n"
    )
    text = "".join(f"def {f}(x):\n    f = {f}\n{indented(hostile.ANSWERS[name])}" for f, name in names.items())
    record = grade_one(load(tmp_path / "answers.py"), "eve", text.encode()).record
    assert record.cells == () and len(record.checks) == len(names)
    passed = [names[f"f{i}"] for i, check in enumerate(record.checks) if check.status == "passed"]
    assert passed == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere less is closed")
@pytest.mark.parametrize(
    "name", [*hostile.SIGNALS, "a daemon", "a daemon that ignores signals", "a folder of no rights"]
)
def test_without_namespaces_nothing_survives_either(outcome, name):
    body = {**hostile.SIGNALS, **hostile.TRICKS}[name]
    record = outcome(function(body), separate=False)
    first, itself, last = (check.status for check in record.checks)
    assert first == "passed" and itself in ("failed", "error", "timeout", "crashed")


@pytest.mark.slow
def test_a_hostile_cell_costs_itself(outcome):
    for cell in ("import os; os._exit(0)", "import sys; sys.exit()", "raise BaseException", "import os; os.kill(0, 9)"):
        text = FRAME.format("def f(x):\n    return 2 * x\n# %%\n" + cell)
        record = outcome(text)
        assert [check.status for check in record.checks] == ["passed"] * 3 and len(record.cells) == 1
        assert "line 8" in record.cells[0]


@pytest.mark.slow
@pytest.mark.parametrize("separate", [True, False])
def test_the_teachers_files_are_closed(source, tmp_path, outcome, monkeypatch, separate):
    monkeypatch.setattr(sandbox, "SEPARATE", separate)
    with sandbox.Process(source.assignment.limits) as process:
        facts = process.facts
    if not facts.get("files") or not facts.get("processes"):
        pytest.skip("this system closes no files to submissions")
    secret = tmp_path.parent / "secret"
    body = f"""\
found = []
for path in ({str(source.path)!r}, {__file__!r}):
    try: found.append(len(open(path).read()) > 0)
    except OSError: found.append(False)
try: open({str(secret)!r}, 'w').write('x')
except OSError: pass
print(found)
return 2 * x"""
    record = outcome(function(body), separate)
    assert record.score == 3 and record.output == "[False, True]\n"
    assert not secret.exists()


def test_all_of_a_folder_is_hidden_but_what_is_needed(tmp_path):
    for name in ("layers", "platform/old", "venv/bin", "bin/env", "bin/other"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("/usr")
    top = os.path.realpath(tmp_path)

    def hidden(*needed):
        found = sandbox._hideable([top, f"{top}/layers"], [f"{top}/{name}" for name in needed])
        return [os.path.relpath(path, top) for path in found]

    assert hidden() == ["."]
    assert hidden("venv", "bin/env") == ["bin/other", "layers", "platform"]
    assert sandbox._hideable(["/"], ["/usr"]) == []


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can choose a user")
@pytest.mark.parametrize("separate", [True, False])
def test_another_user(source, monkeypatch, separate):
    import pwd

    monkeypatch.setattr(sandbox, "SEPARATE", separate)
    text = FRAME.format("import os; print(os.getuid(), os.path.expanduser('~') != '/nonexistent')").encode()
    record = grade_one(source, "ada", text, user="nobody").record
    assert record.output == f"{pwd.getpwnam('nobody').pw_uid} True\n"
    with pytest.raises(ValueError, match="no such user"):
        grade_one(source, "ada", text, user="nobody of this name")
