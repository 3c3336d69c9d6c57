"""Run a program with minigrad and with PyTorch, compare all of its variables, and shorten a program that fails.

A program is a list of statements for a module `m`, which is minigrad or torch; `nn`, `F` and `optim` are its parts. The
generators execute each statement with PyTorch at once, and leave out what PyTorch refuses; so they need to know neither
shapes nor dtypes, and a program is one that PyTorch runs.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import random
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

GENERATORS = ("graphs", "networks", "optimizers", "schedulers")
"""The files of this folder that write programs; each has `write(program)`."""


class Unusable(Exception):
    """PyTorch does not run the program, so there is nothing to compare."""


# ---- what programs may call; these functions are printed with a program ---------------------------------------------


NUDGE = 0.0
"""Moves all numbers of a program a little, to see whether it amplifies rounding."""


def noise(m: Any, seed: int, *shape: int, dtype: str = "float64", grad: bool = False) -> Any:
    """Return a tensor of normal numbers, the same with both libraries."""
    rng = np.random.default_rng(seed)
    step = NUDGE * (1e3 if dtype == "float32" else 1)
    numbers = rng.standard_normal(shape) + step * rng.standard_normal(shape)
    return m.tensor(numbers, dtype=getattr(m, dtype), requires_grad=grad)


def seeded(m: Any, module: Any, seed: int) -> Any:
    """Give a module the same parameters with both libraries."""
    with m.no_grad():
        for i, p in enumerate(module.parameters()):
            p.copy_(noise(m, 1000 * seed + i, *p.shape) * 0.4)
    return module


def fit(m: Any, t: Any, shape: tuple[int, ...], domain: str) -> Any:
    """Return the elements of `t`, repeated or left out to fill a shape, without ties, in a domain of `ops.table`."""
    n = int(np.prod(shape))
    flat = t.double().reshape(-1) if t.numel() else m.zeros(1, dtype=m.float64)
    flat = flat[m.tensor(np.arange(n) % flat.numel())] + m.tensor(np.linspace(NUDGE, 0.7, n), dtype=m.float64)
    signs = m.tensor((-1.0) ** np.arange(n), dtype=m.float64)
    forms = {"p": lambda: flat.tanh() + 1.5, "u": lambda: flat.tanh() * 0.9, "g": lambda: flat.tanh() + 2.25}
    forms |= {"n": lambda: (flat.tanh() + 1.5) * signs, "b": lambda: flat > 0, "r": lambda: flat.tanh() * 2}
    return forms[domain]().reshape(shape)


def table(m: Any, name: str, case: int, *operands: Any) -> Any:
    """Call an operation of the table `ops` on operands that are made to fit."""
    from ops import OPS

    op = next(op for op in OPS if op.name == name)
    shapes, keywords = op.cases[case]
    inputs = [fit(m, operands[i % len(operands)], shape, op.letter(i)) for i, shape in enumerate(shapes)]
    return (op.torch if m.__name__ == "torch" and op.torch else op.call)(m, *inputs, **keywords)


# ---- programs ------------------------------------------------------------------------------------------------------


def namespace(library: str) -> dict[str, Any]:
    """Return what a program starts with."""
    m = importlib.import_module(library)
    helpers = {f.__name__: f for f in (noise, seeded, fit, table)}
    return {"m": m, "nn": m.nn, "F": m.nn.functional, "optim": m.optim, "np": np, **helpers}


class Program:
    """A program while it is written.

    Attributes:
        random: the source of all choices.
        lines: the statements so far.
        space: the variables, as PyTorch computed them.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.space = namespace("torch")
        self.names = 0

    def name(self, letter: str = "v") -> str:
        """Return a name that is not used yet."""
        self.names += 1
        return f"{letter}{self.names}"

    def add(self, line: str, keep: Callable[[Any], bool] | None = None) -> bool:
        """Append a statement if PyTorch runs it, and if `keep` accepts the variable that it assigns."""
        try:
            with quiet():
                exec(line, self.space)
        except Exception:
            return False
        if keep is not None and not keep(self.space[(name := line.split(" = ")[0])]):
            del self.space[name]
            return False
        self.lines.append(line)
        return True


def forms(text: str) -> list[str]:
    """Return the forms of statements in a text, which have no spaces."""
    return text.split()


def written(kind: str, seed: int) -> list[str]:
    """Return the program of a seed; `Unusable` if PyTorch does not run what came out."""
    program = Program(seed)
    with quiet():
        importlib.import_module(f"fuzzing.{kind}").write(program)
    return program.lines


class quiet(warnings.catch_warnings):  # noqa: N801
    """Context manager: no warnings, of Python or NumPy."""

    def __enter__(self) -> Any:
        self._floats = np.errstate(all="ignore")
        self._floats.__enter__()
        super().__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._floats.__exit__(*error)


def run(lines: list[str], library: str, nudge: float = 0.0) -> dict[str, Any]:
    """Execute a program and return its variables as plain data."""
    global NUDGE
    space = namespace(library)
    given = {*space}
    NUDGE = nudge
    with quiet():
        try:
            exec("\n".join(lines), space)
        finally:
            NUDGE = 0.0
        return {name: plain(v) for name, v in space.items() if name not in given and not name.startswith("_")}


def plain(x: Any) -> Any:
    """Return tensors as arrays with their dtype and gradient, modules and optimizers as what they contain."""
    if hasattr(x, "requires_grad") and hasattr(x, "detach"):
        array = np.array(x.detach().tolist(), dtype=float).reshape(tuple(x.shape))
        if not x.shape and not x.requires_grad and x.grad is None:
            return float(array)  # what is a number in one library may be a tensor in the other
        dtype = str(x.dtype).removeprefix("torch.")
        return {"array": array, "dtype": dtype, "recorded": bool(x.requires_grad), "grad": plain(x.grad)}
    if hasattr(x, "named_parameters"):
        state = {**dict(x.named_parameters()), **dict(x.named_buffers())}
        return {"training": x.training, **{name: plain(t) for name, t in state.items()}}
    if hasattr(x, "param_groups"):
        return plain([{k: v for k, v in group.items() if k != "params"} for group in x.param_groups])
    if isinstance(x, dict):
        return {str(k): plain(v) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return [plain(v) for v in x]
    return x if isinstance(x, bool | int | float | str | None) else None


def difference(want: Any, got: Any, tolerance: float, at: str = "") -> str:
    """Return where two plain values differ, "" if nowhere.

    Keys that one library has and the other not are left out. A gradient to which nothing contributes may be None or 0.
    """
    if want is None or got is None:
        given = got if want is None else want
        if not np.any(given["array"] if isinstance(given, dict) and "array" in given else given):
            return ""
    if isinstance(want, dict) and isinstance(got, dict):
        found = (difference(want[k], got[k], tolerance, f"{at}.{k}") for k in want if k in got)
    elif isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            return f"{at[1:]}: {len(want)} values in PyTorch, {len(got)} in minigrad"
        found = (difference(a, b, tolerance, f"{at}[{i}]") for i, (a, b) in enumerate(zip(want, got)))
    elif isinstance(want, np.ndarray | float | int) and isinstance(got, np.ndarray | float | int):
        a, b = np.asarray(want), np.asarray(got)
        finite = np.abs(a[np.isfinite(a)])
        top = max(float(finite.max()) if finite.size else 0.0, 1.0)
        if a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance * top, equal_nan=True):
            return ""
        return f"{at[1:]}: PyTorch has {a.shape} {a.tolist()!s:.160}, minigrad {b.shape} {b.tolist()!s:.160}"
    else:
        return "" if want == got else f"{at[1:]}: PyTorch has {want!r:.160}, minigrad {got!r:.160}"
    return next(filter(None, found), "")


# refusals that the documentation names: a program with one of them is not compared
REFUSED = re.compile(
    r"input and target must have the same shape|mT: needs at least two dimensions|a tensor of \w+ cannot hold|"
    r"in place on an expanded|nesterov needs momentum|input must be the network's output, of floats|"
    r"was changed in place after it was used|group_norm: each of the|cannot be viewed in shape|does not go with|"
    r"lr must be in \[0, inf\), got -"
)


def failure(lines: list[str]) -> str:
    """Return how minigrad differs from PyTorch on a program, "" if it does not."""
    try:
        want = run(lines, "torch")
    except Exception:
        return ""
    tolerance = 2e-3 if re.search(r"float32|float\(\)", "\n".join(lines)) else 1e-6
    try:
        got = run(lines, "minigrad")
    except Exception as error:
        return "" if REFUSED.search(str(error)) else f"minigrad raises {type(error).__name__}: {error}"
    found = difference(want, got, tolerance)
    if found:  # unless the program amplifies rounding: at a step of a function, or where differences cancel
        nudged = [run(lines, "torch", 1e-9), run(lines, "torch", -1e-9)]
        if any(difference(want, other, tolerance) for other in nudged):
            return ""
    return found


def shortened(lines: list[str]) -> list[str]:
    """Leave out all statements without which the program still fails in the same way."""

    def kind(text: str) -> str:
        return re.sub(r"[\d.\[\]()e+-]+", "", text.partition("PyTorch has")[0])[:60] if "raises" in text else "values"

    def attempts(size: int) -> Iterator[list[str]]:
        for i in range(len(lines) - 1, -1, -1):
            if i < len(lines):
                yield lines[:i] + lines[i + size :]
            if i < len(lines) and lines[i].startswith("loss = "):
                for term in lines[i].removeprefix("loss = ").split(" + "):
                    yield [*lines[:i], lines[i].replace(f"{term} + ", "").replace(f" + {term}", ""), *lines[i + 1 :]]

    wanted = kind(failure(lines))
    for size in (8, 2, 1, 1):
        for fewer in attempts(size):
            if (text := failure(fewer)) and kind(text) == wanted:
                lines = fewer
    return lines


def script(lines: list[str]) -> str:
    """Return a program as a file that runs with both libraries and prints its variables."""
    text = "\n".join(lines)
    used = [f for f in (noise, seeded, fit, table) if f.__name__ in text or f is noise or f is fit and "table(" in text]
    head = [
        "from typing import Any",
        "import sys; sys.path.insert(0, 'tests')" * ("table(" in text),
        "import numpy as np",
    ]
    names = sorted({line.split(" = ")[0] for line in lines if re.match(r"\w+ = ", line)})
    show = [
        f"for name in {names!r}:",
        "    x = globals()[name]; print(name, x, getattr(x, 'is_leaf', False) and x.grad, sep='\\n')",
    ]
    return "\n".join(
        [
            *filter(None, head),
            "import minigrad as m  # or: import torch as m",
            "NUDGE = 0.0",
            "nn, F, optim = m.nn, m.nn.functional, m.optim",
        ]
        + [inspect.getsource(f) for f in used]
        + [*lines, *show]
    )


def report(kind: str, seed: int) -> str:
    """Return the shortened program of a seed with what is wrong, "" if nothing is."""
    try:
        lines = written(kind, seed)
    except Unusable:
        return ""
    if not failure(lines):
        return ""
    lines = shortened(lines)
    return f"{kind} {seed}: {failure(lines)}\n\n{script(lines)}\n"


def failures(kind: str, seconds: float, first: int = 0) -> Iterator[str]:
    """Try programs until the time is up, and report those that fail."""
    end, seed = time.perf_counter() + seconds, first
    while time.perf_counter() < end:
        if text := report(kind, seed):
            yield text
        seed += 1
    print(f"{kind}: seeds {first} to {seed - 1}", file=sys.stderr)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Compare random programs with PyTorch.")
    parser.add_argument("kind", choices=GENERATORS)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="write the program of this seed, and what is wrong with it")
    options = parser.parse_args()
    if options.seed is not None:
        print(script(written(options.kind, options.seed)), report(options.kind, options.seed), sep="\n\n")
        return
    for text in failures(options.kind, options.seconds, options.first):
        print(text, flush=True)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])
    from fuzzing import runner

    runner.main()
