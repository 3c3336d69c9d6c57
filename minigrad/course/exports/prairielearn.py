"""PrairieLearn: a question whose submissions an external grader grades.

Source: https://docs.prairielearn.com/externalGrading/ (options, special directories, the grading process): the
question's folder `tests` is copied to /grade/tests, submitted files to /grade/student, and the result is read from
/grade/results/results.json. The image must have Python 3.11 or later with NumPy 2 and graphviz; to be sure, build one
from the container recipe and name it in `info.json`.
"""

from __future__ import annotations

import json
import uuid
from html import escape

from minigrad.course import publishing
from minigrad.course.exports import kit
from minigrad.course.source import Source

_PLACE = uuid.UUID("6f1f0f36-6d52-5b0e-9b0e-7a3c2f4f9d11")  # of this kit; a question's identifier is derived from it

QUESTION = """\
<pl-question-panel>
  <h3>TITLE</h3>
  <p>
    Work in <pl-file-download file-name="NAME.py"></pl-file-download>, or in the notebook
    <pl-file-download file-name="NAME.ipynb"></pl-file-download> with
    <pl-file-download file-name="NAME.checks.json"></pl-file-download> beside it, and hand in <code>NAME.py</code>.
  </p>
  <pl-file-upload file-names="NAME.py"></pl-file-upload>
</pl-question-panel>
<pl-submission-panel>
  <pl-external-grader-results></pl-external-grader-results>
  <pl-file-preview></pl-file-preview>
</pl-submission-panel>
"""

RUN = """\
#!/usr/bin/env bash
# Grades the submission.
set -euo pipefail
root="${COURSE_ROOT:-/grade}"
kit="$(mktemp -d)"
cp -R "$root/tests/minigrad" "$kit/"
chmod -R go+rX "$kit"
chmod -R go-rwx "$root/tests"
mkdir -p "$root/results"
export PYTHONPATH="$kit"
exec "${COURSE_PYTHON:-python3}" -m minigrad.course.exports.entry "$root/tests/NAME.py" "$root/student" \\
  --format prairielearn --result "$root/results/results.json"
"""


def files(source: Source) -> dict[str, bytes]:
    """Return the question's files."""
    place = f"questions/{source.name}/"
    info = {
        "uuid": str(uuid.uuid5(_PLACE, source.name)),
        "title": source.assignment.title,
        "topic": "Programming",
        "type": "v3",
        "gradingMethod": "External",
        "singleVariant": True,
        "externalGradingOptions": {
            "enabled": True,
            "image": "prairielearn/grader-python",
            "entrypoint": "/grade/tests/run.sh",
            "timeout": min(round(source.assignment.limits.seconds) + 60, 600),
        },
    }
    question = QUESTION.replace("NAME", source.name).replace("TITLE", escape(source.assignment.title))
    released = publishing.contents(source)
    return {
        f"{place}info.json": (json.dumps(info, indent=2, ensure_ascii=False) + "\n").encode(),
        f"{place}question.html": question.encode(),
        **{f"{place}clientFilesQuestion/{name}": text.encode() for name, text in released.items()},
        f"!{place}tests/run.sh": RUN.replace("NAME", source.name).encode(),
        f"{place}tests/{source.name}.py": source.text.encode(),
        **kit.package(f"{place}tests/"),
    }
