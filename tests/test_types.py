"""What type checkers see: mypy on a user's programs, and the stub of minigrad beside the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import stub

import minigrad

HERE = Path(__file__).parent
USER_CODE = HERE / "user_code"


@pytest.fixture(scope="module")
def said() -> list[tuple[str, int, str, str]]:
    """What `mypy --strict` says of the user's programs: file, line, "error" or "note", text."""
    pytest.importorskip("mypy")
    # follow-imports=silent: a user of an installed package sees no errors of the package
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(USER_CODE)]
    out = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False)
    assert not out.stderr
    found = re.findall(r"^(?:.*[\\/])?(\w+\.py):(\d+): (error|note): (.*)$", out.stdout, re.MULTILINE)
    return [(file, int(line), kind, text) for file, line, kind, text in found]


def commented(file: str, mark: str) -> dict[int, str]:
    """The comments after this mark, by line."""
    lines = (USER_CODE / file).read_text(encoding="utf-8").splitlines()
    return {i: line.partition(f"# {mark}: ")[2] for i, line in enumerate(lines, 1) if f"  # {mark}: " in line}


def test_each_mistake_is_found_and_nothing_else(said):
    errors = {(file, line, text.rpartition(" [")[2].rstrip("]")) for file, line, kind, text in said if kind == "error"}
    expected = {("wrong.py", line, kind) for line, kind in commented("wrong.py", "E").items()}
    assert errors == expected
    assert len(expected) > 30


def test_no_type_is_lost(said):
    shown = {}
    for file, line, _, text in said:
        if file == "right.py" and text.startswith("Revealed type is"):
            text = re.sub(r"\b(\w+\.)+", "", text.split('"')[1])  # without the modules
            shown[line] = re.sub(r"\bndarray\[.*\]", "ndarray", text)  # whose arguments depend on NumPy's version
    assert shown == commented("right.py", "T")
    assert len(shown) > 60


def test_the_correct_program_runs(tmp_path):
    command = [sys.executable, "-W", "error", str(USER_CODE / "right.py")]
    environment = {"PYTHONPATH": str(HERE.parent), "PATH": ""}
    out = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr


def test_the_stub_is_that_of_the_code():
    assert stub.STUB.read_text(encoding="utf-8") == stub.stub(), "minigrad changed: run `python tests/stub.py`"


@pytest.mark.slow
def test_stubtest_agrees(tmp_path):
    pytest.importorskip("mypy")
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nignore_errors = True\n")  # mypy itself checks what is inside of functions
    command = [sys.executable, "-m", "mypy.stubtest", "minigrad", "--concise", "--mypy-config-file", str(config)]
    out = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False)
    assert "not checking stubs" not in out.stdout
    # it also compares modules that have no stub with themselves, and reads their decorators wrongly: not meant here
    assert re.findall(r"^minigrad(?:\.autograd)?\.\w+ .*$", out.stdout, re.MULTILINE) == []


def test_dir_lists_the_public_names():
    names = dir(minigrad)
    assert {"nn", "Value", "Tensor", "exp", "add_", "float32", "Size", "__version__"} <= {*names}
    assert not {"annotations", "importlib", "Any", "TYPE_CHECKING", "T", "mro"} & {*names}
    assert [name for name in names if name.startswith("_")] == ["__version__"]
    assert all(hasattr(minigrad, name) for name in names)


def test_what_is_not_public_is_no_attribute():
    for name in ("no_such_name", "T", "mro", "_choose"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
            getattr(minigrad, name)
