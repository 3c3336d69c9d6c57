"""Make the playground: a page that runs minigrad's scalar engine in a browser.

    python docs/playground/make.py FOLDER

writes the page to FOLDER and downloads what it needs to run: Pyodide, which is Python for browsers, and Viz.js, which
is Graphviz for browsers. They are npm packages of fixed versions, and their checksums are compared. Building the site
writes the page too, but downloads nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from minigrad.viz.charts.colors import custom_properties  # noqa: E402


class Package(NamedTuple):
    """An npm package.

    Attributes:
        name, version: for `npm pack`.
        file: what `npm pack` writes.
        sha256: of that file.
        licence, source: what the page's NOTICE.txt says.
        members: the files that the page needs, in the package, and their names in the page.
    """

    name: str
    version: str
    file: str
    sha256: str
    licence: str
    source: str
    members: Mapping[str, str]


PYODIDE = Package(
    "pyodide",
    "0.29.5",
    "pyodide-0.29.5.tgz",
    "6749b10ee515a1458ecea36d860c8ce2a48366e85b3f92d749ad1840e4aff181",
    "Mozilla Public License 2.0; it contains Python (PSF License Version 2) and its standard library",
    "https://github.com/pyodide/pyodide",
    {
        "pyodide.mjs": "pyodide.js",  # many servers do not know that .mjs is JavaScript, and browsers insist on it
        **{name: name for name in ("pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")},
    },
)
VIZ = Package(
    "@viz-js/viz",
    "3.31.0",
    "viz-js-viz-3.31.0.tgz",
    "7dc0189874849cca2fed7cbe88bf334cd0e6e012db16657794a812ad6f2b8c70",
    "MIT License, copyright (c) Michael Daines; it contains Graphviz (Eclipse Public License, "
    "https://graphviz.org/license) and Expat (MIT License, copyright (c) the Expat maintainers, "
    "https://libexpat.github.io)",
    "https://github.com/mdaines/viz-js",
    {"dist/viz.js": "viz.js"},
)
PACKAGES = (PYODIDE, VIZ)
MIT = """\
The MIT License:

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
"""The text that has to come with Viz.js and Expat; their package has no file with it."""


def write_page(folder: Path) -> None:
    """Write the page itself: everything but Pyodide and Viz.js, which stay if they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    style = custom_properties() + (ROOT / "minigrad/viz/pages/common.css").read_text("utf-8")
    style += (HERE / "style.css").read_text("utf-8")
    page = (HERE / "index.html").read_text("utf-8").replace("{style}", style)
    if not (folder.parent / "docs" / "playground.html").exists():  # it is not part of the site
        page = re.sub(r"<a href.*About this page</a>\n", "", page)
    (folder / "index.html").write_text(page, "utf-8")
    for name in ("page.js", "worker.js", "session.py"):
        shutil.copyfile(HERE / name, folder / name)
    (folder / "minigrad.zip").write_bytes(library())
    runtime = folder / "runtime"
    found: dict[str, object] = {
        p.name: p.version for p in PACKAGES if (runtime / next(iter(p.members.values()))).exists()
    }
    wheels = sorted(runtime.glob("*.whl"))
    found["packages"] = [wheel.name.partition("-")[0] for wheel in wheels]
    (folder / "runtime.json").write_text(json.dumps(found) + "\n", "utf-8")


def library() -> bytes:
    """Return the package minigrad as a zip file, the same for the same sources."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((ROOT / "minigrad").rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                archive.writestr(zipfile.ZipInfo(path.relative_to(ROOT).as_posix()), path.read_bytes(), 8)
    return content.getvalue()


def add_runtime(folder: Path, packages: Path | None, wheels: Sequence[Path] = ()) -> None:
    """Add Pyodide and Viz.js to the page.

    Args:
        folder: of the page.
        packages: a folder with the npm packages, as `npm pack` writes them; None to download them through npm.
        wheels: packages of Pyodide's own distribution, such as NumPy, which the page then loads as well.

    Raises:
        SystemExit: npm is not installed or fails, or a file is not the one that was expected.
    """
    runtime = folder / "runtime"
    runtime.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        for package in PACKAGES:
            archive = download(package, Path(temporary)) if packages is None else packages / package.file
            content = checked(archive, package.sha256)
            with tarfile.open(fileobj=io.BytesIO(content)) as files:
                for member, name in package.members.items():
                    opened = files.extractfile(f"package/{member}")
                    assert opened is not None
                    (runtime / name).write_bytes(opened.read())
    notice = "".join(f"{p.name} {p.version}\n{p.licence}\nSource: {p.source}\nsha256: {p.sha256}\n\n" for p in PACKAGES)
    (runtime / "NOTICE.txt").write_text(notice + MIT, "utf-8")
    known = json.loads((runtime / "pyodide-lock.json").read_text("utf-8"))["packages"].values()
    for wheel in wheels:
        expected = next((p["sha256"] for p in known if p["file_name"] == wheel.name), None)
        if expected is None:
            raise SystemExit(f"{wheel.name} is not in the distribution of Pyodide {PYODIDE.version}")
        (runtime / wheel.name).write_bytes(checked(wheel, expected))


def download(package: Package, folder: Path) -> Path:
    """Download a package through npm and return its file."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit(
            "npm is not installed. On a machine that has it: "
            f"npm pack {' '.join(f'{p.name}@{p.version}' for p in PACKAGES)}; then here: --packages FOLDER_OF_THE_FILES"
        )
    command = [npm, "pack", "--silent", f"{package.name}@{package.version}"]
    if subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL).returncode:
        raise SystemExit(f"{' '.join(['npm', *command[1:]])} failed")
    return folder / package.file


def checked(file: Path, sha256: str) -> bytes:
    """Return the content of a file, whose checksum must be `sha256`."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SystemExit(f"{file}: {error.strerror}") from None
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{file}: the checksum is {found}, not {sha256}")
    return content


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Make the playground: minigrad in a browser, nothing to install.")
    default = Path("build/site/playground")
    parser.add_argument("folder", type=Path, nargs="?", default=default, help=f"where to (default: {default})")
    parser.add_argument("--packages", type=Path, help="a folder with the npm packages; nothing is downloaded then")
    parser.add_argument("--wheel", type=Path, action="append", default=[], help="a package of Pyodide, such as NumPy")
    given = parser.parse_args()
    add_runtime(given.folder, given.packages, given.wheel)
    write_page(given.folder)
    size = sum(file.stat().st_size for file in given.folder.rglob("*") if file.is_file())
    print(f"{given.folder} is ready, {size / 1e6:.0f} MB. To try it: python -m http.server -d {given.folder}")


if __name__ == "__main__":
    main()
