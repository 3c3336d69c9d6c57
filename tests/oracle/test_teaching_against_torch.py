"""The teaching programs of tests/teaching run after changing the import, and give the numbers that PyTorch gives."""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "teaching"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "given")

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle


def with_minigrad(source: str) -> str:
    """Change the imports of a program, as its author would.

    >>> print(with_minigrad("import torch\\nimport torch.nn as nn\\nfrom torch.optim import SGD"))
    import minigrad as torch
    import minigrad.nn as nn
    from minigrad.optim import SGD
    """
    source = re.sub(r"^import torch$", "import minigrad as torch", source, flags=re.MULTILINE)
    return re.sub(r"^(\s*)(import|from) torch\b", r"\1\2 minigrad", source, flags=re.MULTILINE)


def results(name: str, source: str) -> np.ndarray:
    module = sys.modules[name] = ModuleType(name)  # where dataclasses look for it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(source, f"{name}.py", "exec"), vars(module))
    finally:
        del sys.modules[name]
    return np.array([float(r) for r in module.results])


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_numbers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    source = (FOLDER / f"{name}.py").read_text("utf-8")
    changed = with_minigrad(source)
    assert not re.search(r"^\s*(import|from) torch\b", changed, re.MULTILINE)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # such small arrays are slower on several
    ours, theirs = results(name, changed), results(name, source)
    torch.set_num_threads(threads)
    assert len(ours) >= 10 and np.isfinite(ours).all()
    np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-5)
