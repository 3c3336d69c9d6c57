"""The student's side: check, Checks in a script or notebook, and the plugin of pytest."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad.cli import main
from minigrad.course import Checks, check, new, release, runner
from minigrad.course.graph_pictures import wrong_gradients
from minigrad.course.pictures import where_wrong

BLANK_1 = '    raise NotImplementedError("Task 1.1: the mean of squares, forward")'
BLANK_2 = '    raise NotImplementedError("Task 1.2: the mean of squares, backward")'
RIGHT_1 = "    return ((prediction - target) ** 2).mean()"
RIGHT_2 = "    return 2 * (prediction - target) / len(target)"


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("released")
    release(new(folder / "first"), folder / "out")
    return folder / "out"


@pytest.fixture
def submission(released, tmp_path):
    """Return a function that makes a folder with the released files and an edited program."""

    def make(first=BLANK_1, second=BLANK_2, tail=""):
        for file in released.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        path = tmp_path / "first.py"
        text = path.read_text().replace(BLANK_1, first).replace(BLANK_2, second)
        path.write_text(text + tail)
        return path

    return make


def names_of(path, folder=None):
    """Return the names of a program whose checks do nothing, run in this process."""
    names = {"__name__": "student", "__file__": str(path)}
    runner.ACTIVE = True
    try:
        exec(path.read_text(), names)
    finally:
        runner.ACTIVE = False
    return names


# check


def test_blanks_and_what_is_said_when_all_passes(submission, capsys):
    assert main(["course", "check", str(submission())]) == 1
    said = capsys.readouterr().out
    assert said.count("This is not written yet.") == 2 and "0 of 2 tasks" in said
    assert "0 of 2 visible checks passed; 2 hidden ones run when it is graded." in said
    assert main(["course", "check", str(submission(RIGHT_1, RIGHT_2))]) == 0
    said = capsys.readouterr().out
    assert f"[{'#' * 30}] 2 of 2 tasks" in said
    assert "all *visible* checks passed; 2 hidden ones run when it is graded." in said


def test_hint_and_cause(submission):
    path = submission(RIGHT_1.replace("mean", "sum"), RIGHT_2.replace("/ len(target)", ""))
    report = check(path)
    assert not report and report.done == 0
    said = str(report)
    assert "Hint: Compare the results for one and for two numbers." in said and "Cause" not in said
    assert "--cause" in said
    assert [result.mistake for result in report.record.checks] == ["sum, not mean", "the mean"]
    assert "Cause: The squares are summed." in str(check(path, cause=True))


def test_a_wrong_task_says_which_task_it_calls_is_wrong(tmp_path):
    source = new(tmp_path / "first")
    text = source.read_text()
    source.write_text(text.replace('backward", points=2)', 'backward", points=2, needs=["1.1"])'))
    release(source, tmp_path / "out")
    path = tmp_path / "out" / "first.py"
    blank = path.read_text()
    assert "begin there" not in str(check(path))  # all is blank
    path.write_text(blank.replace(BLANK_1, "    return 0.0").replace(BLANK_2, "    return mse(prediction, target)"))
    report = check(path)
    assert str(report).count("It calls task 1.1, which is not right yet: begin there.") == 1
    assert "It calls task 1.1" in report._repr_html_()
    path.write_text(blank.replace(BLANK_1, RIGHT_1).replace(BLANK_2, "    return mse(prediction, target)"))
    assert "It calls" not in str(check(path))


def test_a_notebook_is_checked_too(submission):
    path = submission().with_suffix(".ipynb")
    book = json.loads(path.read_text())
    for cell in book["cells"]:
        cell["source"] = "".join(cell["source"]).replace(BLANK_1, RIGHT_1)
    path.write_text(json.dumps(book))
    assert [result.status for result in check(path).record.checks] == ["passed", "blank"]


def test_syntax_errors_and_wrong_use(submission, capsys, tmp_path):
    path = submission(tail="\ndef (:\n")
    assert main(["course", "check", str(path)]) == 1
    assert "Not gradable: line" in capsys.readouterr().out
    assert main(["course", "check", str(tmp_path / "missing.py")]) == 2
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "a.py").write_text("")
    assert main(["course", "check", str(tmp_path / "alone" / "a.py")]) == 2
    assert "a.checks.json is not beside" in capsys.readouterr().err
    path.with_name("first.checks.json").write_text("{}")
    assert main(["course", "check", str(path)]) == 2
    assert "is damaged" in capsys.readouterr().err


def test_a_renamed_file_finds_its_checks(submission):
    path = submission(RIGHT_1, RIGHT_2)
    renamed = path.rename(path.with_name("ada.py"))
    assert check(renamed).record.name == "ada"


# inside a program


def test_checks_in_a_program(submission, capsys):
    path = submission(RIGHT_1, RIGHT_2.replace("2 *", "1 *"))
    names = names_of(path)
    checks = Checks("first", path.parent)
    checks("1.1", names)
    assert "Task 1.1: all *visible* checks passed; 1 hidden one runs" in capsys.readouterr().out
    checks("1.2", names, cause=True)
    assert "Cause: The derivative of a square is twice its argument" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"no task 9; the tasks are 1\.1, 1\.2"):
        checks("9", names)
    whole = checks.report(None, names)
    assert whole.done == 1 and "1 of 2 tasks" in str(whole)


def test_checks_leave_the_generators_and_names_as_they_were(submission):
    path = submission("    return random_sum(prediction)", RIGHT_2)
    names = names_of(path) | {"random_sum": lambda x: np.random.rand() + random.random()}
    before = dict(names)
    np.random.seed(3)
    random.seed(3)
    expected = np.random.rand(), random.random()
    np.random.seed(3)
    random.seed(3)
    Checks("first", path.parent).report(None, names)
    assert (np.random.rand(), random.random()) == expected and names == before


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    return 1 / 0", "It raises ZeroDivisionError in line"),
        ("    import sys; sys.exit(0)", "It raises SystemExit"),
        ("    return 'text'", "is text, but a number is expected"),
        ("    return (x for x in [])", "is generator"),
        ("    prediction[:] = 0.0\n    return 13 / 3", "ok"),  # no mistake unless the check says so
        ("    return np.float32(13 / 3)", "ok"),
    ],
)
def test_what_is_said_of_wrong_answers(submission, body, said):
    path = submission(body)
    assert said in str(Checks("first", path.parent).report("1.1", names_of(path)))


def test_checks_without_their_file_say_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checks = Checks("first", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"first\.checks\.json is not in"):
        checks("1.1", {})
    monkeypatch.setattr(runner, "ACTIVE", True)
    assert checks("1.1", {}) is None  # the grader's process has no such file


def test_the_report_in_a_notebook(submission):
    path = submission(RIGHT_1, RIGHT_2.replace("len(target)", "<len>").replace("<len>", "2"))
    report = Checks("first", path.parent).report(None, names_of(path), cause=True)
    html = report._repr_html_()
    assert "✓ right" in html and "✗ wrong" in html and "data:image/svg+xml;base64," in html
    assert '<progress value="1" max="2"' in html


def test_the_picture_of_what_is_wrong():
    right = np.ones((2, 3), bool)
    right[1, 2] = False
    svg = where_wrong(right)
    assert svg.count("<rect") == 6 and svg.count("<path") == 1 and "1 of 6 elements are wrong; shape (2, 3)" in svg
    large = np.ones((2, 50, 100), bool)
    large[1, 49, 99] = False
    assert where_wrong(large).count("<path") == 1 and where_wrong(large).count("<rect") <= 32 * 32
    assert where_wrong(np.array(False)) == ""


def test_the_graph_with_the_wrong_gradient_coloured():
    from minigrad.viz.graph.draw import draw

    x = np.array([1.0, 2.0])
    try:
        draw(-minigrad.tensor(1.0, requires_grad=True)).pipe("svg")
    except RuntimeError:
        pytest.skip("nothing renders graphs here")
    right, wrong = (wrong_gradients(lambda x: (x * x).sum(), (x,), [0], [k * x]) for k in (2, 3))
    assert "<svg" in right and "wrong" not in right.lower() and "wrong" in wrong.lower()
    assert wrong_gradients(lambda x: float(x), (x,), [0], [x]) == ""


def test_a_graph_shows_formulas_so_it_is_drawn_only_where_the_cause_may_be_said(submission, monkeypatch):
    path = submission(RIGHT_1, "    return prediction - target")
    drawn = []
    monkeypatch.setattr("minigrad.course.student.wrong_gradients", lambda *words: drawn.append(words) or "<svg/>")
    checks, names = Checks("first", path.parent), names_of(path)
    assert "<path" in checks.report("1.2", names, graphs=True).record.checks[0].picture and not drawn
    assert checks.report("1.2", names, cause=True, graphs=True).record.checks[0].picture == "<svg/>"


# the plugin


def pytest_in(folder, *words):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:minigrad_course",
               "-p", "minigrad.course.pytest_plugin", "-p", "no:hypothesispytest", *words]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"})
    return done.returncode, done.stdout


def test_the_plugin_runs_the_visible_checks(submission):
    path = submission(RIGHT_1)
    path.with_name("test_own.py").write_text(
        "import pytest\n@pytest.mark.task('1.2')\n@pytest.mark.points(1)\ndef test_own(): pass\n"
    )
    status, said = pytest_in(path.parent, "--strict-markers", "first.py", "test_own.py")
    assert status == 1 and "1 failed, 2 passed" in said
    assert "Task 1.1   0.5 of 0.5 visible points" in said and "Task 1.2   1 of 2 visible points" in said
    assert "This is not written yet." in said and "1 of 2 tasks" in said
    status, said = pytest_in(path.parent, "--collect-only", "-q", "-m", "points")
    assert "first.py::1.1: by hand" in said and "3 tests collected" in said


def test_the_plugin_costs_other_projects_nothing(tmp_path):
    (tmp_path / "test_a.py").write_text(
        "import sys\n\ndef test_a():\n    loaded = [name for name in sys.modules if name.startswith('minigrad')]\n"
        "    assert sorted(loaded) == ['minigrad', 'minigrad.course', 'minigrad.course.pytest_plugin']\n"
    )
    status, said = pytest_in(tmp_path, "-q")
    assert status == 0 and "tasks" not in said


def test_the_entry_point_is_declared():
    text = Path(__file__).parents[2].joinpath("pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\nminigrad_course = "minigrad.course.pytest_plugin"' in text
