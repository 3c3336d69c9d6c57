"""What a release contains, what it never contains, and what it does to files that are there."""

import ast
import json
import os

import numpy as np
import pytest

from minigrad.course import SourceError, checks_file, load, release
from minigrad.course.leaks import _segment, leaks
from minigrad.course.notebooks import notebook, percent
from minigrad.course.publishing import contents
from minigrad.course.stripping import published, solution

SOURCE = '''\
# %% [markdown]
# # Layers by hand
#
# Some *prose*.

# %%
import numpy as np

# %% Set up
# BEGIN TESTS
from minigrad.course import Assignment

assignment = Assignment("Layers by hand")
# END TESTS


# %%
def affine(x, w, b):
    """Return the affine layer's output."""
    # BEGIN SOLUTION
    # the bias is broadcast
    y = np.asarray(x) @ np.asarray(w)
    return y + b
    # END SOLUTION


def norm(x):
    # BEGIN SOLUTION role=scaffold
    return np.sqrt((x**2).sum())
    # END SOLUTION


def fast(x):
    """One line."""
    return np.einsum("i,i->", x, x)  # SOLUTION role=challenge


def driver(x, w, b):
    """Return the sum."""
    return affine(x, w, b).sum()


rate = 0.1  # SOLUTION

# %%
# BEGIN TESTS
task = assignment.task("1.1", 'affine, "forward"', points=2)
task.check(affine, ([[1.0, 2.0]], [[3.0], [4.0]], [1.0]), name="by hand")
# END TESTS

# BEGIN HIDDEN TESTS
task.check(driver, lambda rng: (rng.standard_normal((2, 3)), np.ones((3, 1)), 1.0), name="the secret check")
task.mistake("bias forgotten", "The bias is not added.", "return y + b", "return y")
# END HIDDEN TESTS

# %%
# BEGIN HIDDEN TESTS
assert np.allclose(affine([[2.0]], [[2.0]], 1.0), 5.0)
# END HIDDEN TESTS

# %% [markdown]
# Why is the bias broadcast?
#
# BEGIN SOLUTION
# Because there is one for each output.
# END SOLUTION

# %%
# BEGIN TESTS
question = assignment.task("1.2", "a question", points=1)
question.rubric("Why?", {"names the axis": 1}, samples=["Over the batch."])
# END TESTS
'''


@pytest.fixture
def path(tmp_path):
    (tmp_path / "source").mkdir()
    made = tmp_path / "source" / "layers.py"
    made.write_text(SOURCE)
    return made


def replaced(path, old, new, count=1):
    text = path.read_text()
    assert text.count(old) == count
    path.write_text(text.replace(old, new))
    return path


def test_the_released_program(path, tmp_path):
    files = release(path, tmp_path / "out")
    assert [file.name for file in files] == ["layers.py", "layers.ipynb", "layers.checks.json"]
    assert (
        files[0].read_text()
        == '''\
# %% [markdown]
# # Layers by hand
#
# Some *prose*.

# %%
import numpy as np

# %% Set up
from minigrad.course import Checks

check = Checks("layers")


# %%
def affine(x, w, b):
    """Return the affine layer's output."""
    raise NotImplementedError("Task 1.1: affine, \\"forward\\"")


def norm(x):
    return np.sqrt((x**2).sum())


def fast(x):
    """One line."""
    return np.einsum("i,i->", x, x)


def driver(x, w, b):
    """Return the sum."""
    return affine(x, w, b).sum()


raise NotImplementedError("Task 1.1: affine, \\"forward\\"")  # rate = ...

# %%
check("1.1", globals())

# %% [markdown]
# Why is the bias broadcast?
#
# *Your answer to Task 1.2: a question*

# %%
check("1.2", globals())
'''
    )


def test_lines_marked_one_by_one_leave_one_blank(path):
    replaced(
        path,
        '    return np.einsum("i,i->", x, x)  # SOLUTION role=challenge',
        "    y = x * 5 + 1  # SOLUTION\n    y += 1; y *= 2  # SOLUTION\n    return y  # SOLUTION",
    )
    blank = '    raise NotImplementedError("Task 1.1: affine, \\"forward\\"")'
    assert f'"""One line."""\n{blank}  # y = ...\n{blank}\n\n\ndef driver' in published(load(path))[0]


def test_what_the_tiers_leave(path):
    source = load(path)
    blanks = {
        tier: [line.split("def ")[1].split("(")[0] for line in _functions_that_raise(published(source, tier)[0])]
        for tier in ("core", "scaffold", "challenge")
    }
    assert blanks == {"core": ["affine"], "scaffold": ["affine", "norm"], "challenge": ["fast"]}
    assert "SOLUTION" not in "".join(published(source, tier)[0] for tier in blanks)
    solved = solution(source)
    assert "raise" not in solved and "rate = 0.1\n" in solved and "Because there is one" in solved


def _functions_that_raise(text):
    parts = text.split("\ndef ")[1:]
    return [f"def {part}" for part in parts if "raise NotImplementedError" in part.split("\n\n\n")[0]]


def test_the_notebook_is_valid_and_has_the_same_cells(path):
    nbformat = pytest.importorskip("nbformat")
    files = contents(load(path))
    made = nbformat.reads(files["layers.ipynb"], as_version=4)
    nbformat.validate(made)
    assert [cell.cell_type for cell in made.cells][:3] == ["markdown", "code", "code"]


def test_the_cells_of_the_notebook(path):
    files = contents(load(path))
    cells = json.loads(files["layers.ipynb"])["cells"]
    assert "".join(cells[0]["source"]) == "# Layers by hand\n\nSome *prose*."
    assert cells[2]["metadata"] == {"title": "Set up"} and cells[2]["outputs"] == []
    assert len({cell["id"] for cell in cells}) == len(cells)
    back = percent(files["layers.ipynb"])
    assert json.loads(notebook(back))["cells"][3] == cells[3]
    assert compile(back, "x", "exec")


def test_a_notebook_of_a_student_becomes_a_program():
    cell = {"cell_type": "code", "source": ["%matplotlib inline\n", "x = 1\n", "if x:\n", "    !ls\n"], "outputs": []}
    text = percent(json.dumps({"cells": [cell], "nbformat": 4}))
    assert text == "# %%\npass  # %matplotlib inline\nx = 1\nif x:\n    pass  # !ls\n"
    for bad in ["", "[]", "{}", '{"cells": [{}]}', '{"cells": 3}']:
        with pytest.raises(ValueError, match=r"a\.ipynb is not a Jupyter notebook"):
            percent(bad, "a.ipynb")


def test_the_visible_checks_as_data(path):
    content = checks_file.loads(contents(load(path))["layers.checks.json"], "layers.checks.json")
    assert checks_file.unchanged(content)
    (check,) = content["checks"]
    assert checks_file.decode(check["inputs"]) == ([[1.0, 2.0]], [[3.0], [4.0]], [1.0])
    assert checks_file.decode(check["expected"]).tolist() == [[12.0]]
    (candidate,) = check["candidates"]
    assert (candidate["name"], candidate["sentence"]) == ("bias forgotten", "The bias is not added.")
    assert [task["hidden"] for task in content["tasks"]] == [2, 0]
    assert "secret" not in json.dumps(content) and "Over the batch" not in json.dumps(content)


def test_causes_that_are_never_said_are_not_released(path):
    replaced(path, '("Layers by hand")', '("Layers by hand", causes="never")')
    assert "The bias is not added." not in contents(load(path))["layers.checks.json"]


@pytest.mark.parametrize(
    "value",
    [
        1, True, None, "text", 1.5, float("nan"), [1, [2.0]], (1, (2,)), {"a": 1.0, 2: [3]}, np.float32(0.1),
        np.arange(6, dtype="uint8").reshape(2, 3), np.array([np.nan, np.inf, -np.inf]), np.zeros((0, 3)),
        np.array(True), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(3, dtype=">i4"),
    ],
)  # fmt: skip
def test_values_as_json_and_back(value):
    data = json.loads(json.dumps(checks_file.encode(value), allow_nan=False))
    back = checks_file.decode(data)
    assert repr(checks_file.encode(back)) == repr(checks_file.encode(value))
    if isinstance(value, np.ndarray):
        assert back.shape == value.shape and back.dtype == value.dtype.newbyteorder("=")
        assert np.array_equal(back, value, equal_nan=value.dtype.kind == "f")


def test_tensors_as_json_and_other_values():
    import minigrad

    back = checks_file.decode(checks_file.encode(minigrad.tensor([1.0, 2.0], dtype="float64", requires_grad=True)))
    assert back.tolist() == [1.0, 2.0] and back.requires_grad
    for value in [1j, {1}, np.array([1j]), np.array(["a"]), (i for i in [])]:
        with pytest.raises(TypeError, match="must be numbers"):
            checks_file.encode(value)


# what must never be released


def test_no_solution_line_and_no_hidden_test_is_released(path):
    """Without the leak test's own code: blanks ignored, no line of a solution that is not given stands anywhere."""
    source = load(path)
    files = contents(source)
    given = "".join(published(source)[0].split())
    hidden = [block for block in source.blocks if block.kind in ("SOLUTION", "HIDDEN TESTS") and block.stripped("core")]
    lines = ["".join(source.lines[i - 1].split()) for block in hidden for i in range(block.first, block.last + 1)]
    secret = [line for line in lines if line and line not in given]
    assert len(secret) >= 7
    for content in files.values():
        squeezed = "".join(content.split())
        assert not [line for line in secret if line in squeezed or line.replace('"', '\\"') in squeezed]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            '"""Return the affine layer\'s output."""',
            '"""Return the affine layer\'s output.\n\n    return y+b\n    """',
        ),
        ("# Some *prose*.", "# At the end: `y = np.asarray( x ) @ np.asarray(w)`"),
        ('"""Return the sum."""', "# TODO: np.asarray(x) @ np.asarray(w)"),
        ('"""Return the sum."""', 'text = "return y + b"'),
        ('name="by hand"', 'name="return y + b"'),
        ('affine, "forward"', "return y + b"),
        ("The bias is not added.", "It must be: return y + b"),
        ("# Some *prose*.", "# Because there is one for each output."),
        ("# Some *prose*.", "# assert np.allclose(affine([[2.0]], [[2.0]], 1.0), 5.0)"),
    ],
)
def test_a_release_that_gives_something_away_is_refused(path, tmp_path, old, new):
    replaced(path, old, new)
    with pytest.raises(SourceError, match=r"gives line \d+ away, .*: write it differently"):
        release(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_words_that_give_nothing_away(path, tmp_path):
    replaced(path, "# Some *prose*.", "# Return y, else: rate = 0.1. y + c; np.asarray(x); (return y + bias)")
    release(path, tmp_path / "out")


def test_quotes_alone_give_nothing_away(path, tmp_path):
    replaced(path, '"return y + b", "return y")', '"return y + b",\n    """\n    return y\n    """)')
    release(path, tmp_path / "out")


def test_outputs_of_a_notebook_are_searched(path):
    source = load(path)
    book = json.loads(contents(source)["layers.ipynb"])
    book["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["x\n", "return y + b\n"]}]
    found = leaks(source, {"layers.ipynb": json.dumps(book)})
    assert [(leak.file, leak.text) for leak in found] == [("layers.ipynb", "return y + b")]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    # END SOLUTION\n\n\ndef norm", "# END SOLUTION\n    print(1)\n\ndef norm", None),
        ("def fast(x):\n", "def fast(x):\n    try:\n        pass\n", "line 36: .*expected 'except'"),
        (
            '    """One line."""\n    return np.einsum("i,i->", x, x)  # SOLUTION role=challenge',
            '    return np.einsum("i,i->", x, x)  # SOLUTION NO PROMPT',
            "without the blocks: expected an indented block",
        ),
        (
            "    # BEGIN SOLUTION role=scaffold\n    return np.sqrt((x**2).sum())\n    # END SOLUTION",
            "    # BEGIN SOLUTION\n    if x:\n        pass\n    # END SOLUTION\n    else:\n        pass",
            "without the blocks: invalid syntax",
        ),
    ],
)
def test_what_remains_compiles_or_the_line_is_said(path, tmp_path, old, new, words):
    replaced(path, old, new)
    if words is None:
        compile(release(path, tmp_path / "out")[0].read_text(), "x", "exec")
    else:
        with pytest.raises(SourceError, match=words.replace("line 36: ", "")) as caught:
            release(path, tmp_path / "out")
        assert caught.value.problems[0][0] > 20


# files


def listing(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_release_is_reproducible(path, tmp_path):
    release(path, tmp_path / "one")
    release(path, tmp_path / "two")
    before = listing(tmp_path / "one")
    assert before == listing(tmp_path / "two")
    release(path, tmp_path / "one")
    assert listing(tmp_path / "one") == before


def test_an_unchanged_release_is_replaced_and_an_edited_file_is_not(path, tmp_path):
    out = tmp_path / "out"
    release(path, out)
    replaced(path, "Some *prose*", "Other prose")
    release(path, out)
    assert "Other prose" in (out / "layers.py").read_text()
    (out / "layers.py").write_text("my work\n")
    before = listing(out)
    with pytest.raises(FileExistsError, match="--force"):
        release(path, out)
    assert listing(out) == before
    release(path, out, force=True)
    assert "Other prose" in (out / "layers.py").read_text()


@pytest.mark.parametrize("name", ["layers.py", "layers.ipynb", "layers.checks.json"])
def test_any_file_in_the_way_is_kept(path, tmp_path, name):
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("{}")
    with pytest.raises(FileExistsError, match="not an unchanged release"):
        release(path, out)
    assert listing(out) == {name: b"{}"}


def test_the_source_is_never_replaced(path):
    for force in (False, True):
        with pytest.raises(ValueError, match="folder of the source"):
            release(path, path.parent, force=force)
    out = path.parent.parent / "out"
    out.mkdir()
    (out / "layers.py").symlink_to(path)
    with pytest.raises(ValueError, match="link to the source"):
        release(path, out, force=True)
    assert path.read_text() == SOURCE


def test_a_release_that_fails_while_it_writes_changes_nothing(path, tmp_path, monkeypatch):
    out = tmp_path / "new" / "out"
    real = os.replace

    def fails(source, target):
        if str(target).endswith(".ipynb"):
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="No space"):
        release(path, out)
    assert not out.parent.exists()
    monkeypatch.setattr(os, "replace", real)
    release(path, out)
    before = listing(out)
    replaced(path, "Some *prose*", "Other prose")
    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="No space"):
        release(path, out)
    assert listing(out) == before


def test_a_release_that_was_killed_can_go_on(path, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    release(path, out)
    replaced(path, "Some *prose*", "Other prose")
    release(path, other)
    (out / "layers.py").write_bytes((other / "layers.py").read_bytes())  # as far as a killed one came
    release(path, out)
    assert listing(out) == listing(other)


def test_wrong_tiers_and_folders(path, tmp_path):
    with pytest.raises(ValueError, match="tier must be one of 'core', 'scaffold', 'challenge', got 'student'"):
        release(path, tmp_path / "out", tier="student")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        release(path, tmp_path / "file")
    replaced(path, " role=challenge", "")
    with pytest.raises(SourceError, match="strips no solution"):
        release(path, tmp_path / "out", tier="challenge")


def test_the_text_of_an_expression_is_that_which_python_finds():
    text = "é = f('ü', x)\ny = (1 +\n     g('ß'))\r\nif y: z = [a for a in\n  'ä' 'ö']\n".replace("\r", "")
    rows = text.encode().split(b"\n")
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.expr)]
    assert len(nodes) > 15
    for node in nodes:
        assert _segment(rows, node) == ast.get_source_segment(text, node)
