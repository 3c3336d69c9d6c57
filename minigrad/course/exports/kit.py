"""The files of minigrad itself, which an autograder brings along, and zips that are the same bytes each time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import minigrad

REQUIREMENTS = ("numpy>=2.0", "graphviz>=0.20")
"""What has to be installed beside these files. Python must be 3.11 or later."""

_ENDINGS = {".py", ".pyi", ".typed", ".npz", ".md", ".css", ".js"}


def package(folder: str = "") -> dict[str, bytes]:
    """Return the contents of the package's files by their paths below `folder`, sorted."""
    root = Path(minigrad.__file__).parent
    paths = sorted(path for path in root.rglob("*") if path.suffix in _ENDINGS and path.is_file())
    return {f"{folder}minigrad/{path.relative_to(root).as_posix()}": path.read_bytes() for path in paths}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of files, the same bytes on every machine.

    The times are the format's first, and nothing is compressed: what compression gives depends on the library.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(files.items(), key=lambda item: item[0].lstrip("!")):
            entry = zipfile.ZipInfo(name.lstrip("!"), (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, so that the mode counts
            entry.external_attr = (0o100755 if name.startswith("!") else 0o100644) << 16
            archive.writestr(entry, data)
    return content.getvalue()
