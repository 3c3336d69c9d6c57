"""Grading: what becomes of a submission, of a class, and of a run that was ended."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from minigrad.course.assignment import Limits
from minigrad.course.grading import grade
from minigrad.course.notebooks import notebook
from minigrad.course.source import load
from minigrad.course.submission import grade_one

SOURCE = '''\
import numpy as np

# %%
# BEGIN TESTS
from minigrad.course import Assignment, Limits
assignment = Assignment("Layers", limits=Limits(seconds_per_check=2, seconds=20))
# END TESTS

# %%
def affine(X, W, b):
    """Return X @ W + b."""
    # BEGIN SOLUTION
    return X @ W + b
    # END SOLUTION

def loss(X, W, b, dout):
    return ((X @ W + b) * dout).sum()

# %%
# BEGIN TESTS
task = assignment.task("1", "affine", points=2)
task.check(affine, lambda rng: (rng.standard_normal((4, 3)), rng.standard_normal((3, 2)), np.zeros(2)), name="no bias")
# END TESTS
# BEGIN HIDDEN TESTS
task.check(affine, lambda rng: (rng.standard_normal((1, 3)), rng.standard_normal((3, 2)), np.ones(2)), name="bias")
task.mistake("bias forgotten", "The bias is not added.", "X @ W + b", "X @ W")
# END HIDDEN TESTS

# %%
def backward(X, W, b, dout):
    # BEGIN SOLUTION
    return dout @ W.T, X.T @ dout, dout.sum(axis=0)
    # END SOLUTION

def total(x):
    return np.sum(x) * scale()

def scale():
    # BEGIN SOLUTION
    return 2.0
    # END SOLUTION

# %%
# BEGIN TESTS
task = assignment.task("2", "backward", points=3)
task.check(
    backward,
    lambda rng: (rng.standard_normal((4, 3)), rng.standard_normal((3, 2)), np.zeros(2), rng.standard_normal((4, 2))),
    outputs=("dX", "dW", "db"), gradient_of=loss, wrt=(0, 1, 2), points=2, may_write=False,
)
task.check(total, ([1.0, 2.0],), name="driver", points=1)
# END TESTS
'''

RIGHT = """\
import numpy as np
# %%
def affine(X, W, b):
    return X @ W + b
# %%
def backward(X, W, b, dout):
    return dout @ W.T, X.T @ dout, dout.sum(axis=0)
# %%
def scale():
    return 2
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "layers.py"
    path.write_text(SOURCE)
    return load(path)


@pytest.fixture
def graded(source):
    def graded(text, name="ada", **options):
        content = text if isinstance(text, bytes) else text.encode()
        return grade_one(source, name, content, **options).record

    return graded


def statuses(record):
    return [check.status for check in record.checks]


def test_a_right_submission_earns_all_points(graded):
    record = graded(RIGHT + "print('hello')\n")
    assert statuses(record) == ["passed"] * 4, record.checks
    assert (record.score, record.points, record.output) == (5, 5, "hello\n")


def test_a_known_mistake_and_a_wrong_gradient_are_named(graded):
    record = graded(RIGHT.replace("X @ W + b", "X @ W").replace("dout.sum", "dout.mean"))
    assert statuses(record) == ["passed", "failed", "failed", "passed"]
    assert record.checks[1].mistake == "bias forgotten" and record.checks[1].cause == "The bias is not added."
    assert record.checks[2].mistake == "wrong sum" and record.checks[2].message.startswith("db is ")
    assert record.score == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError(str(X.tolist()))", "It raises ValueError in line 4."),
        ("raise type(str(X.tolist()), (Exception,), {})", "It raises an exception in line 4."),
        ("return str(X.tolist())", "The output is not an array of numbers."),
        ("return type(str(X.tolist()), (), {})()", "The output is not an array of numbers."),
    ],
)
def test_a_hidden_check_does_not_repeat_its_inputs(graded, body, said):
    visible, hidden, *_ = graded(RIGHT.replace("return X @ W + b", body)).checks
    assert "[[" in visible.message or "text" in visible.message
    assert hidden.message.startswith(said) and not any(digit in hidden.message for digit in "56789[")


def test_a_cell_that_raises_costs_itself(graded):
    text = RIGHT.replace("def backward", "1 / 0\ndef backward") + "def total(x):\n    return 6.0\n"
    record = graded(text)
    assert statuses(record) == ["passed", "passed", "error", "passed"]
    assert record.cells == ("ZeroDivisionError in line 6: division by zero",)
    assert "no function backward" in record.checks[2].message and "ZeroDivisionError" in record.checks[2].message


def test_cells_that_end_the_process_until_the_time_is_over_are_gradable(source):
    text = "# %%\nimport os; os._exit(0)\n" * 100
    record = grade_one(source, "eve", text.encode(), limits=Limits(seconds=2)).record
    assert record.gradable and statuses(record) == ["not run"] * 4
    assert record.cells[0] == "line 2: Its process ended with exit code 0"


def test_more_cells_than_are_run_are_reported(graded):
    record = graded("# %%\nx = 1\n" * 1000 + "# %%\n" + RIGHT)
    assert record.cells[0] == "line 2002: only 1000 cells are run" and record.cells[0] in record.checks[0].message


def test_a_syntax_error_is_not_gradable(graded):
    record = graded(RIGHT + "def f(:\n")
    assert not record.gradable and record.problem == "line 11: invalid syntax" and record.checks == ()


def test_a_class(source, tmp_path):
    folder = tmp_path / "submissions"
    folder.mkdir()
    for name, text in (("ada", RIGHT), ("bob", "raise SystemExit"), ("eve", "(")):
        (folder / f"{name}.py").write_text(text)
    paths = [folder / f"{name}.py" for name in ("ada", "bob", "eve", "gone")]
    with ThreadPoolExecutor(2) as threads:
        records = grade(source.path, paths, tmp_path / "a", executor=threads, id_column="Login", progress=False)
    assert (tmp_path / "a" / "grades.csv").read_text("utf-8").startswith("Login,status,score,")
    assert [record.name for record in records] == ["ada", "bob", "eve", "gone"]
    assert [record.score for record in records] == [5, 0, 0, 0]
    assert records[3].missing and not records[3].checks
    assert json.loads((tmp_path / "a" / "ada" / "results.json").read_text())["score"] == 5
    (tmp_path / "a" / "bob" / "record.json").unlink()
    before = files(tmp_path / "a")
    grade(source.path, reversed(paths), tmp_path / "a", jobs=1, progress=False)
    assert {**before, **files(tmp_path / "a")} == files(tmp_path / "a")


def test_a_notebook_is_graded_as_the_program_of_its_cells(source, tmp_path):
    contents = {"ada": notebook(RIGHT), "bob": "{}", "cleo": "[" * 100_000, "dan": "\udc80"}
    for name, text in contents.items():
        (tmp_path / f"{name}.ipynb").write_text(text, "utf-8", "surrogateescape")
    paths = [tmp_path / f"{name}.ipynb" for name in contents]
    records = grade(source.path, paths, tmp_path / "out", jobs=1, progress=False)
    assert [record.score for record in records] == [5, 0, 0, 0]
    assert {record.problem for record in records[1:]} == {"line 1: the file is no Jupyter notebook"}


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.suffix in (".json",)}
