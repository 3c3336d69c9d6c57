"""A container recipe: an image that grades what is mounted into it, without a network.

Source: https://docs.docker.com/reference/dockerfile/. Any builder that reads a Dockerfile will do.
"""

from __future__ import annotations

from minigrad.course.exports import kit
from minigrad.course.source import Source

DOCKERFILE = """\
# The grader runs as root, and each submission as a user without rights, who cannot read the assignment.
FROM python:3.12-slim
RUN pip install --no-cache-dir REQUIREMENTS
COPY kit /opt/kit
COPY assignment /opt/assignment
RUN python -m compileall -q /opt/kit && chmod -R go+rX /opt/kit && chmod -R go-rwx /opt/assignment \\
    && mkdir -p /submissions /results
ENV PYTHONPATH=/opt/kit PYTHONDONTWRITEBYTECODE=1
COPY grade.sh /opt/grade.sh
ENTRYPOINT ["sh", "/opt/grade.sh"]
"""

GRADE = """\
# Grade the programs and notebooks in /submissions, with the options of `course grade`.
for file in /submissions/*.py /submissions/*.ipynb; do
  if [ -e "$file" ]; then set -- "$@" "$file"; fi
done
exec python -m minigrad course grade /opt/assignment/NAME.py --out /results "$@"
"""

README = """\
# Grade NAME in a container

```sh
docker build --tag grade-NAME .
docker run --rm --network none --memory 8g --pids-limit 1024 \\
  --mount type=bind,source="$PWD/submissions",target=/submissions,readonly \\
  --mount type=bind,source="$PWD/results",target=/results \\
  grade-NAME --jobs 2
```

The folder `submissions` holds a file NAME.py or NAME.ipynb for each student. The results are in `results`, as
`course grade` writes them. What a submission may use is set in the assignment; these options bound all submissions
together.
"""


def files(source: Source) -> dict[str, bytes]:
    """Return the recipe and what it copies."""
    requirements = " ".join(f'"{requirement}"' for requirement in kit.REQUIREMENTS)
    return {
        "Dockerfile": DOCKERFILE.replace("REQUIREMENTS", requirements).encode(),
        "grade.sh": GRADE.replace("NAME", source.name).encode(),
        "README.md": README.replace("grade-NAME", f"grade-{source.name.lower()}")
        .replace("# Grade NAME", f"# Grade {source.name}")
        .encode(),
        f"assignment/{source.name}.py": source.text.encode(),
        **kit.package("kit/"),
    }
