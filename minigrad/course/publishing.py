"""Release an assignment: the student's program and notebook, and the visible checks, without a solution line."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minigrad.course import checks_file
from minigrad.course.assignment import Check
from minigrad.course.leaks import leaks, reveals
from minigrad.course.marks import SOLUTION, SourceError
from minigrad.course.notebooks import notebook
from minigrad.course.source import Source, load
from minigrad.course.stripping import check_tier, published
from minigrad.output.files import write_file

_CATALOGUE = 100_000
"""Characters of the outputs of a check's mistakes from the catalogue of rules that are released; likely ones first."""


def release(source: str | Path, directory: str | Path, tier: str = "core", force: bool = False) -> list[Path]:
    """Write the student's version of an assignment: DIR/NAME.py, DIR/NAME.ipynb and DIR/NAME.checks.json.

    The same source gives the same bytes. A release that fails changes nothing.

    Args:
        source: the assignment's file, or its folder.
        directory: DIR; it is made if it does not exist.
        tier: whose solutions are stripped. `"core"`: those of role core. `"scaffold"`: those of role scaffold, too.
            `"challenge"`: those of role challenge only, in a program that works. The others are given.
        force: replace files that are not unchanged releases, too.

    Returns:
        The paths of the files.

    Raises:
        SourceError: the source is wrong, does not compile without its solutions, or what remains gives a solution away.
        FileExistsError: a file is in the way that is not an unchanged release.
        ValueError: there is no such tier, or DIR is the source's own folder.
    """
    check_tier(tier)
    loaded = load(source)
    folder = Path(directory)
    if folder.resolve() == loaded.path.resolve().parent:
        raise ValueError(f"{folder} is the folder of the source: release into another one, or the solution is replaced")
    files = contents(loaded, tier)
    for name in files:
        if (folder / name).exists() and (folder / name).samefile(loaded.path):
            raise ValueError(f"{folder / name} is a link to the source, which a release would replace")
    _check_targets(folder, loaded.name, files, force)
    _write_all(folder, files)
    return [folder / name for name in files]


def contents(source: Source, tier: str = "core") -> dict[str, str]:
    """Return the texts of a release by file name.

    Raises:
        SourceError: as `release`.
    """
    if not any(block.kind == SOLUTION and block.stripped(tier) and block.stub for block in source.blocks):
        raise SourceError(source.path.name, [(0, f"tier {tier!r} strips no solution, so there is nothing to do")])
    files = texts(source, tier)
    found = leaks(source, files, tier)
    if found:
        raise SourceError(source.path.name, [(leak.where, str(leak)) for leak in found])
    return files


def texts(source: Source, tier: str = "core") -> dict[str, str]:
    """Return the texts of a release without searching them for solutions."""
    text, _ = published(source, tier)
    program = {f"{source.name}.py": text, f"{source.name}.ipynb": notebook(text)}
    return {**program, f"{source.name}.checks.json": _checks(source, tier, program)}


def _checks(source: Source, tier: str, program: dict[str, str]) -> str:
    """Return the text of NAME.checks.json."""
    assignment = source.assignment
    revealing = reveals(source, tier)
    tasks = [
        {
            "number": task.number,
            "title": task.title,
            "points": task.points,
            "needs": list(task.needs),
            "hidden": sum(check.hidden for check in task.checks),
            "rubrics": [{"question": rubric.question, "criteria": [list(pair) for pair in rubric.criteria]}
                        for rubric in task.rubrics],
        }
        for task in assignment.tasks
    ]  # fmt: skip
    return checks_file.dumps({
        "format": checks_file.FORMAT,
        "name": source.name,
        "title": assignment.title,
        "tier": tier,
        "causes": assignment.causes,
        "limits": dict(vars(assignment.limits)),
        "files": {name: checks_file.digest(text) for name, text in program.items()},
        "tasks": tasks,
        "checks": [_visible(source, check, revealing) for check in assignment.checks if not check.hidden],
    })  # fmt: skip


def _visible(source: Source, check: Check, revealing: Callable[[str], bool]) -> dict[str, Any]:
    """Return a visible check as plain data."""
    try:
        inputs, expected = checks_file.encode(source.inputs(check)), checks_file.encode(source.expected(check))
    except TypeError as error:
        said = f"check {check.key} ({check.name}): what it passes and what the solution returns {error}"
        raise SourceError(source.path.name, [(check.line, said)]) from None
    candidates: list[dict[str, Any]] = []
    size = 0
    for candidate in source.candidates(check):
        with contextlib.suppress(TypeError):  # a mistake whose output is no array is seen by that
            outputs = checks_file.encode(candidate.outputs)
            size += len(json.dumps(outputs)) if candidate.catalogue else 0
            if outputs != expected and size < _CATALOGUE:
                hide = source.assignment.causes == "never" or (candidate.catalogue and revealing(candidate.sentence))
                cause = "" if hide else candidate.sentence
                candidates.append({"name": candidate.name, "sentence": cause, "hint": candidate.hint,
                                   "task": candidate.task, "outputs": outputs})  # fmt: skip
    name = source.functions[check.key]
    return {
        "task": check.task, "index": check.index, "name": check.name, "points": check.points,
        "function": name, "driver": source.drivers.get(name), "seed": source.seed(check),
        "inputs": inputs, "expected": expected, "rtol": check.rtol, "atol": check.atol,
        "float32_rtol": check.float32_rtol, "seconds": check.seconds, "outputs": list(check.outputs),
        "gradient_of": _self_contained(source, getattr(check.gradient_of, "__name__", "")), "wrt": list(check.wrt),
        "may_write": check.may_write, "candidates": candidates,
    }  # fmt: skip


def _self_contained(source: Source, name: str) -> str | None:
    """Return the text of a given function after those that it calls, or None if a student's function is among them."""
    order = [name]
    for other in order:
        if other not in source.given:
            return None
        names = {node.id for node in ast.walk(ast.parse(source.given[other])) if isinstance(node, ast.Name)}
        order += [used for used in sorted(names) if used in source.bound and used not in order]
    return "".join(source.given[used] for used in reversed(order))


def _check_targets(folder: Path, name: str, files: dict[str, str], force: bool) -> None:
    """Raise if a file is in the way."""
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file, not a folder")
    recorded: dict[str, str] = {}
    checks = folder / f"{name}.checks.json"
    intact = False
    if checks.is_file():
        with contextlib.suppress(ValueError, OSError):
            before = checks_file.loads(checks.read_text("utf-8"), checks.name)
            intact = checks_file.unchanged(before)
            recorded = before["files"] if intact else {}
    for file, text in files.items():
        path = folder / file
        if not path.exists() and not path.is_symlink():
            continue
        if not path.is_file():
            raise FileExistsError(f"{path} is in the way: it is not a file")
        if force:
            continue
        there = path.read_bytes()
        if there == text.encode() or (path == checks and intact):
            continue
        if recorded.get(file) != hashlib.sha256(there).hexdigest():
            raise FileExistsError(
                f"{path} is not an unchanged release: somebody may have worked in it; "
                "move it away, or replace it with --force (force=True)"
            )


def _write_all(folder: Path, files: dict[str, str]) -> None:
    """Write all files or none; that of the checks, which has the digests of the others, comes last."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    before = {name: (folder / name).read_bytes() if (folder / name).exists() else None for name in files}
    done: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            done.append(name)
            write_file(folder / name, lambda file, text=text: file.write(text.encode()))  # type: ignore[misc]
    except BaseException:
        with contextlib.suppress(OSError):
            for name in done:
                old = before[name]
                if old is None:
                    (folder / name).unlink(missing_ok=True)
                elif (folder / name).read_bytes() != old:
                    write_file(folder / name, lambda file, old=old: file.write(old))  # type: ignore[misc]
            for parent in missing:
                parent.rmdir()
        raise
