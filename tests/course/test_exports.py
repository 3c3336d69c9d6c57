"""An exported assignment grades on its platform: in the folders that the platform makes, or by its own reader."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad.course.exports import TARGETS, export, kit, plain_checks
from minigrad.course.marks import SourceError
from minigrad.course.source import load
from minigrad.course.stripping import published, solution

SOURCE = '''\
# %% [markdown]
# # Layers

# %%
import numpy as np

import minigrad

# %%
# BEGIN TESTS
from minigrad.course import Assignment, Limits

assignment = Assignment("Layers <by hand>", limits=Limits(seconds_per_check=5, seconds=60))
# END TESTS

# %% [markdown]
# ## Task 1.1

# %%
def affine(X, W, b):
    """Return the affine map."""
    # BEGIN SOLUTION
    return X @ W + b
    # END SOLUTION

def twice(x):
    return affine(x, x, 0.0), [affine(x, x, 1.0), (affine(x, x, 2.0), 3)]

# %%
# BEGIN TESTS
task = assignment.task("1.1", "affine", points=2)
task.check(affine, (np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), [0.5]), name="one row")
# END TESTS
# BEGIN HIDDEN TESTS
task.check(affine, lambda rng: (rng.standard_normal((3, 2)).astype("float32"), np.eye(2), np.ones(2)), name="secret")
task.check(twice, lambda rng: (rng.standard_normal((2, 2)),), name="nested outputs", points=0.5)
task.mistake("bias forgotten", "The bias is not added.", "X @ W + b", "X @ W")
# END HIDDEN TESTS

# %%
def odd(x, flag, words):
    slope = 2.0  # SOLUTION
    return minigrad.tensor(x) * slope if flag else float("nan")

# %%
# BEGIN TESTS
other = assignment.task("2", "odd", points=3)
other.check(odd, ([1.0, float("inf")], True, [1, 2]), name="a Tensor")
other.check(odd, (np.zeros((0, 3)), True, None), name="empty")
other.check(odd, (np.float64(1), False, "text"), name="nan")
other.rubric("Why is it odd?", {"the reason": 1.0}, ["Because it is."])
# END TESTS
'''


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "src" / "layers.py"
    path.parent.mkdir()
    path.write_text(SOURCE, "utf-8")
    return path


def solved(source: Path) -> str:
    return solution(load(source))


def blank(source: Path) -> str:
    return published(load(source))[0]


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("to", TARGETS)
def test_an_export_is_the_same_bytes_each_time(to: str, source: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        path = export(source.parent if name == "b" else source, to, tmp_path / name)
        one = {"gradescope": "layers-gradescope.zip", "nbgrader": "source/layers/layers.ipynb"}
        assert path == tmp_path / name / one.get(to, "")
        os.utime(source, (0, 0))
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.parametrize("to", TARGETS)
def test_no_export_names_a_registry_or_this_machine(to: str, source: Path, tmp_path: Path) -> None:
    export(source, to, tmp_path / "out")
    for name, content in tree(tmp_path / "out").items():
        if "minigrad/" not in name and not name.endswith(".zip"):
            text = content.decode()
            assert not re.search(r"https?://|\b[\w-]+\.(io|com|org)/", text), name
            assert str(tmp_path) not in text


def test_wrong_use_is_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no platform 'moodle'; the platforms are gradescope"):
        export(source, "moodle", tmp_path)
    place = tmp_path / "assignment" / "layers.py"
    place.parent.mkdir()
    shutil.copy(source, place)
    with pytest.raises(ValueError, match="is the source itself"):
        export(place, "container", tmp_path)
    assert place.read_text("utf-8") == SOURCE


def test_a_zip_holds_its_files_at_the_root_in_order(source: Path, tmp_path: Path) -> None:
    path = export(source, "gradescope", tmp_path / "out")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert names == sorted(names) and {"setup.sh", "run_autograder", "layers.py"} <= set(names)
        assert {info.filename for info in archive.infolist() if info.external_attr >> 16 & 0o111} == {
            "setup.sh",
            "run_autograder",
        }
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert not any("__pycache__" in name or "/." in name for name in names)


def test_the_kit_runs_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(kit.zipped(kit.package()))) as archive:
        archive.extractall(tmp_path)
    code = "import minigrad.course.exports.entry, minigrad; print(minigrad.__file__)"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "minigrad" / "__init__.py")


def platform(root: Path, script: Path) -> subprocess.CompletedProcess[str]:
    """Run a platform's script with its folders below `root`, without this project on the path."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"COURSE_ROOT": str(root), "COURSE_PYTHON": sys.executable}
    return subprocess.run([script], cwd=root, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the platform runs Linux")
def test_the_gradescope_zip_grades_in_the_folders_of_the_platform(source: Path, tmp_path: Path) -> None:
    path = export(source, "gradescope", tmp_path / "out")
    root = tmp_path / "autograder"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", path, root / "source"], check=True)
    shutil.copy(root / "source" / "run_autograder", root / "run_autograder")
    (root / "run_autograder").chmod(0o755)
    (root / "results").mkdir()
    answers = {
        "solution": ("layers.py", solved(source), (4.0, 6, "")),
        "wrong": ("my work.py", solved(source).replace("X @ W + b", "X @ W"), (2.0, 6, "")),
        "broken": ("layers.py", "def f(:", (0, 0, "Not gradable: line 1: ")),
        "forged": ("layers.py", 'import os\nopen("/autograder/results/results.json", "w")\nos._exit(0)', (0.0, 6, "")),
    }
    for case, (name, text, (score, tests, output)) in answers.items():
        shutil.rmtree(root / "submission", ignore_errors=True)
        (root / "submission").mkdir()
        (root / "submission" / name).write_text(text, "utf-8")
        done = platform(root, root / "run_autograder")
        assert done.returncode == 0, (case, done.stderr)
        results = json.loads((root / "results" / "results.json").read_text("utf-8"))
        assert (results["score"], len(results["tests"])) == (score, tests), case
        assert results["output"].startswith(output), case
        assert all(test["status"] in ("passed", "failed") for test in results["tests"]), case
    for found, said in (((), "there is no program"), (("a.py", "b.py"), "there is a.py, b.py")):
        shutil.rmtree(root / "submission")
        (root / "submission").mkdir()
        for name in found:
            (root / "submission" / name).write_text("x = 1")
        assert platform(root, root / "run_autograder").returncode == 0
        results = json.loads((root / "results" / "results.json").read_text("utf-8"))
        assert (results["score"], results["tests"]) == (0, [])
        assert results["output"] == f"Not gradable: hand in one file layers.py or layers.ipynb; {said}"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the platform runs Linux")
def test_the_prairielearn_question_grades_in_the_folders_of_the_platform(source: Path, tmp_path: Path) -> None:
    export(source, "prairielearn", tmp_path / "out")
    question = tmp_path / "out" / "questions" / "layers"
    info = json.loads((question / "info.json").read_text("utf-8"))
    assert info["gradingMethod"] == "External" and info["externalGradingOptions"]["timeout"] == 120
    assert "Layers &lt;by hand&gt;" in (question / "question.html").read_text("utf-8")
    assert "X @ W + b" not in "".join(p.read_text("utf-8") for p in (question / "clientFilesQuestion").iterdir())
    root = tmp_path / "grade"
    shutil.copytree(question / "tests", root / "tests")
    (root / "student").mkdir()
    for text, expected in ((solved(source), {"gradable": True, "score": 1.0}), ("(", {"gradable": False})):
        (root / "student" / "layers.py").write_text(text, "utf-8")
        done = platform(root, root / "tests" / "run.sh")
        assert done.returncode == 0, done.stderr
        result = json.loads((root / "results" / "results.json").read_text("utf-8"))
        assert {key: result[key] for key in expected} == expected


@pytest.mark.slow
def test_the_classroom50_autograder_grades_the_checkout(source: Path, tmp_path: Path) -> None:
    export(source, "classroom50", tmp_path / "out")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "layers.py").write_text(solved(source), "utf-8")
    script = tmp_path / "out" / "autograders" / "layers" / "autograder.py"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"CLASSROOM": "cs", "ASSIGNMENT": "layers", "SUBMISSION_TAG": "submit/2026-06-01T14-32-05Z-a1b2c3d"}
    subprocess.run([sys.executable, script], cwd=checkout, env=environment, check=True, timeout=300)
    result = json.loads((checkout / "result.json").read_text("utf-8"))
    assert (result["classroom"], result["score"], result["max-score"]) == ("cs", result["max-score"], result["score"])
    assert result["datetime"] == "2026-06-01T14:32:05Z"
    assert "public address" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_the_container_recipe_copies_what_it_names(source: Path, tmp_path: Path) -> None:
    export(source, "container", tmp_path)
    recipe = (tmp_path / "Dockerfile").read_text("utf-8")
    for place in re.findall(r"^COPY (\S+)", recipe, re.MULTILINE):
        assert (tmp_path / place).exists()
    assert "layers.py --out /results" in (tmp_path / "grade.sh").read_text("utf-8")
    assert re.search(r"^FROM python:3\.\d+-slim$", recipe, re.MULTILINE)
    assert "--network none" in (tmp_path / "README.md").read_text("utf-8")
    assert (tmp_path / "assignment" / "layers.py").read_text("utf-8") == SOURCE


def run(program: str, statements: list[str]) -> None:
    namespace: dict[str, Any] = {}
    exec(program, namespace)
    with np.errstate(all="ignore"):
        exec("\n".join(statements), namespace)


def test_plain_checks_accept_the_solution_and_refuse_what_differs(source: Path) -> None:
    loaded = load(source)
    program = solved(source).split("from minigrad.course")[0] + solved(source).split("check = ")[1].split("\n", 1)[1]
    program = re.sub(r"^check\(.*$", "", program, flags=re.MULTILINE)
    for check in loaded.assignment.checks:
        lines = plain_checks.statements(loaded, check)
        assert all(len(ast.parse(line).body) == 1 for line in lines)
        run(program, lines)
    wrong = program.replace("X @ W + b", "X @ W").replace("slope = 2.0", "slope = 2.5").replace('float("nan")', "0.0")
    for check in loaded.assignment.checks:
        if check.name != "empty":
            with pytest.raises(AssertionError):
                run(wrong, plain_checks.statements(loaded, check))
    shaped = program.replace("X @ W + b", "(X @ W + b)[0]")
    with pytest.raises(AssertionError, match=r"the shape is \(1,\) instead of \(1, 1\)"):
        run(shaped, plain_checks.statements(loaded, loaded.assignment.checks[0]))


def test_what_has_no_literal_is_refused_with_its_line(source: Path) -> None:
    text = SOURCE.replace("True, [1, 2])", "True, print)")
    source.write_text(text, "utf-8")
    line = next(i for i, words in enumerate(text.split("\n"), 1) if "print" in words)
    with pytest.raises(SourceError, match=f"layers.py, line {line}: check 2/0 .* builtin_function"):
        export(source, "nbgrader", source.parent / "out")


def notebook(source: Path, folder: Path) -> dict[str, Any]:
    export(source, "nbgrader", folder)
    made: dict[str, Any] = json.loads((folder / "source" / "layers" / "layers.ipynb").read_text("utf-8"))
    return made


def test_the_nbgrader_notebook_has_a_cell_for_each_check(source: Path, tmp_path: Path) -> None:
    cells = notebook(source, tmp_path)["cells"]
    marked = [cell["metadata"]["nbgrader"] for cell in cells if "nbgrader" in cell["metadata"]]
    assert len({mark["grade_id"] for mark in marked}) == len(marked)
    points = {mark["grade_id"]: mark["points"] for mark in marked if mark["grade"]}
    assert sum(points.values()) == 5 and len(points) == 7
    texts = ["".join(cell["source"]) for cell in cells]
    assert sum("### BEGIN SOLUTION" in text for text in texts) == 3
    hidden = [text for text in texts if "### BEGIN HIDDEN TESTS" in text]
    assert len(hidden) == 2 and all(text.startswith("# Task 1.1: ") for text in hidden)
    assert not any("Assignment(" in text or "task.check" in text or "# SOLUTION" in text for text in texts)


def test_nbgrader_accepts_the_notebook(source: Path, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    formats = pytest.importorskip("nbgrader.nbgraderformat")
    made = notebook(source, tmp_path)
    nbformat.validate(made)
    formats.MetadataValidator().validate_nb(nbformat.from_dict(made))


@pytest.mark.slow
def test_nbgrader_grades_the_solution_and_the_blank(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nbgrader")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # it runs alembic
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    notebook(source, tmp_path)
    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    api = NbGraderAPI(config=config)
    assert api.generate_assignment("layers")["success"]
    released = (tmp_path / "release" / "layers" / "layers.ipynb").read_text("utf-8")
    assert "X @ W + b" not in released and "Because it is" not in released and "HIDDEN" not in released
    for name, text in {
        "ada": (tmp_path / "source" / "layers" / "layers.ipynb").read_text("utf-8"),
        "ben": released,
    }.items():
        place = tmp_path / "submitted" / name / "layers"
        place.mkdir(parents=True)
        (place / "layers.ipynb").write_text(text, "utf-8")
        result = api.autograde("layers", name)
        assert result["success"], result["log"]
    scores = {s["student"]: s["code_score"] for s in api.get_submissions("layers")}
    assert scores == pytest.approx({"ada": 4.0, "ben": 0.0})


def test_otter_files_hold_the_hidden_checks_for_the_grader_only(source: Path, tmp_path: Path) -> None:
    export(source, "otter", tmp_path)
    for folder, names in (("autograder", ["one row", "secret", "nested outputs"]), ("student", ["one row"])):
        namespace: dict[str, Any] = {}
        exec((tmp_path / "layers" / folder / "tests" / "q1_1.py").read_text("utf-8"), namespace)
        cases = namespace["test"]["suites"][0]["cases"]
        assert len(cases) == len(names) and namespace["OK_FORMAT"] is True
    notebook = (tmp_path / "layers" / "student" / "layers.ipynb").read_text("utf-8")
    assert 'grader.check(\\"q1_1\\")' in notebook and "otter.Notebook" in notebook
    assert "minigrad.course" not in notebook and "X @ W + b" not in notebook


def test_otter_reads_the_files_and_grades_with_them(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("otter")
    from otter.test_files import OKTestFile

    export(source, "otter", tmp_path)
    program = re.sub(r"^(from minigrad.course.*|check.*)$", "", solved(source), flags=re.MULTILINE)
    for text, share in (
        (program, 1.0),
        (program.replace("X @ W + b", "X @ W").replace("slope = 2.0", "slope = 3.0"), 0.2),
    ):
        namespace: dict[str, Any] = {}
        exec(text, namespace)
        earned = possible = 0.0
        for path in sorted((tmp_path / "layers" / "autograder" / "tests").iterdir()):
            file = OKTestFile.from_file(str(path))
            file.run(dict(namespace))
            earned, possible = earned + file.score, possible + file.possible
        assert possible == pytest.approx(4.0)
        assert earned / possible == pytest.approx(share, abs=0.2)
