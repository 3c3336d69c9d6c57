"""Gradescope: a zip with `setup.sh`, `run_autograder`, the assignment and minigrad itself.

Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/ (file hierarchy): the zip is extracted into
/autograder/source, `setup.sh` runs once, `run_autograder` for each submission, which lies in /autograder/submission,
and writes /autograder/results/results.json. `COURSE_ROOT` puts all of it elsewhere, and `COURSE_PYTHON` names a Python
that has NumPy, to try both scripts on any machine.
"""

from __future__ import annotations

from minigrad.course.exports import kit
from minigrad.course.source import Source

SETUP = """\
#!/usr/bin/env bash
# Installs Python 3.11 or later, and what minigrad needs. It runs once, when the zip is uploaded.
set -euo pipefail
root="${COURSE_ROOT:-/autograder}"

find_python() {
  for python in python3 python3.13 python3.12 python3.11; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$python"
      return 0
    fi
  done
  return 1
}

if ! python=$(find_python); then
  apt-get update
  for version in python3.13 python3.12 python3.11 python3; do
    apt-get install -y "$version" "$version-venv" && python=$(find_python) && break
  done
  python=$(find_python)
fi
"$python" -m venv "$root/venv"
"$root/venv/bin/pip" install --quiet REQUIREMENTS

# Submissions run as a user who cannot read the assignment. They may import minigrad, so it lies outside.
mkdir -p "$root/kit"
cp -R "$root/source/minigrad" "$root/kit/"
"$root/venv/bin/python" -m compileall -q "$root/kit"
chmod -R go+rX "$root/kit"
chmod -R go-rwx "$root/source"
"""

RUN = """\
#!/usr/bin/env bash
# Grades the submission.
set -euo pipefail
root="${COURSE_ROOT:-/autograder}"
kit="$root/kit"
[ -d "$kit" ] || kit="$root/source"
export PYTHONPATH="$kit" PYTHONDONTWRITEBYTECODE=1
exec "${COURSE_PYTHON:-$root/venv/bin/python}" -m minigrad.course.exports.entry "$root/source/NAME.py" \\
  "$root/submission" --format gradescope --result "$root/results/results.json"
"""


def files(source: Source) -> dict[str, bytes]:
    """Return the zip by its name."""
    requirements = " ".join(f'"{requirement}"' for requirement in kit.REQUIREMENTS)
    content = {
        "!setup.sh": SETUP.replace("REQUIREMENTS", requirements).encode(),
        "!run_autograder": RUN.replace("NAME", source.name).encode(),
        f"{source.name}.py": source.text.encode(),
        **kit.package(),
    }
    return {f"{source.name}-gradescope.zip": kit.zipped(content)}
