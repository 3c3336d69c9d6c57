"""Classroom 50: an `autograder.py` for one assignment, and its bundle.

Source: https://github.com/foundation50/classroom50/wiki/Advanced-Autograding (writing an `autograder.py`): the runner
calls it in the student's checkout, with the bundle beside it, and reads `./result.json`. The platform serves bundles
from a public address, so whoever finds it can read the solution and the hidden checks; the export's README says so.
"""

from __future__ import annotations

from minigrad.course.exports import kit
from minigrad.course.source import Source

AUTOGRADER = '''\
"""Grade the checkout that is the current directory, and write result.json."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

if any(importlib.util.find_spec(name) is None for name in ("numpy", "graphviz")):
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", REQUIREMENTS], check=True)
command = [sys.executable, "-m", "minigrad.course.exports.entry", str(HERE / "NAME.py"), "."]
command += ["--format", "classroom50", "--result", "result.json"]
environment = {**os.environ, "PYTHONPATH": str(HERE)}
sys.exit(subprocess.run(command, env=environment, check=False).returncode)
'''

README = """\
# NAME on Classroom 50

Copy the folder `autograders/NAME` into the classroom's folder of the `classroom50` repository, and give the assignment
a runtime with Python 3.11 to 3.13: `{ "python": "3.13" }`.

The platform serves these files from a public address that nobody is told. Whoever finds it can read the solution and
the hidden checks. For an assignment that counts, grade on a machine of your own: `python -m minigrad course grade`.
"""


def files(source: Source) -> dict[str, bytes]:
    """Return the bundle's files."""
    place = f"autograders/{source.name}/"
    requirements = ", ".join(f'"{requirement}"' for requirement in kit.REQUIREMENTS)
    autograder = AUTOGRADER.replace("REQUIREMENTS", requirements).replace("NAME", source.name)
    return {
        "README.md": README.replace("NAME", source.name).encode(),
        f"{place}autograder.py": autograder.encode(),
        f"{place}{source.name}.py": source.text.encode(),
        **kit.package(place),
    }
