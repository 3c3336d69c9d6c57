"""Every name of PyTorch that is promised, in `names.txt`, is there and takes PyTorch's arguments by name."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from cases import each

import minigrad

LINES = [line for line in Path(__file__).with_name("names.txt").read_text("utf-8").splitlines() if line[:1] not in "#"]

OURS = {"input", "self", "tensor"}
"""What PyTorch calls the first argument; here it is the tensor whose method the function is."""
ELSEWHERE = {"out_dtype": "for accelerators only"}


def resolve(name: str) -> Any:
    found: Any = minigrad
    for part in name.split("."):
        found = getattr(found, part)
    return found


def arguments(text: str) -> list[str]:
    """The names of the arguments in the brackets of a signature."""
    inside = re.sub(r"\[[^\]]*\]|\([^()]*\)|'[^']*'", "", text[text.index("(") + 1 : -1])
    names = [re.match(r"\**(\w+)", part.strip()) for part in inside.split(",")]
    return [name[1] for name in names if name is not None]


@each("line", LINES)
def test_the_name_is_there_with_its_arguments(line: str) -> None:
    found = resolve(re.split(r"[(, ]", line)[0])
    if not line.endswith(")"):
        return
    parameters = inspect.signature(found).parameters.values()
    if any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters):
        return  # (those of sizes: zeros(2, 3))
    taken = {p.name for p in parameters}
    wanted = arguments(line)
    assert [a for a in wanted[wanted[0] in OURS if wanted else 0 :] if a not in taken | ELSEWHERE.keys()] == []


def test_arguments_are_read() -> None:
    assert arguments("f(input: Tensor, *, p=(1, 2), mode='a, b')") == ["input", "p", "mode"]
    assert len(LINES) > 600
