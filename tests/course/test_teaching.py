"""The guide works as it stands: its programs and commands, one after the other in one folder, print what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "teaching.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRESS = re.compile(r"^(step .* left|This system does not close .*)\n", re.MULTILINE)
SAVED = re.compile(r"[Ss]ave this as\s+`([^`]+)`:\s*$")


def folder_with_python(folder: Path) -> dict[str, str]:
    """Return an environment in which `python` is this one with this project."""
    (folder / "bin").mkdir()
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the commands are those of a POSIX shell")
def test_the_guide_goes_through(tmp_path: Path) -> None:
    environment = folder_with_python(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    text = GUIDE.read_text("utf-8")
    printed, at = "", 0
    for block in BLOCK.finditer(text):
        kind, content = block.groups()
        saved = SAVED.search(text[at : block.start()])
        at = block.end()
        if saved:
            (work / saved[1]).parent.mkdir(parents=True, exist_ok=True)
            (work / saved[1]).write_text(content, "utf-8")
        elif kind == "text":
            assert printed.strip() == content.strip()
        else:
            command = ["bash", "-euo", "pipefail", "-c", content] if kind == "sh" else ["python", "-c", content]
            done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=600)
            assert done.returncode == 0, f"{content}\n{done.stdout}\n{done.stderr}"
            printed = PROGRESS.sub("", done.stdout)
