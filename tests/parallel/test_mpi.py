"""`minigrad.parallel` on the ranks of MPI. `on_ranks.py` has what the ranks run."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("on_ranks.py")
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("mpi4py") is None or MPIEXEC is None, reason="needs MPI: pip install mpi4py mpich"
    ),
]


def run(ranks: int, *arguments: str | Path, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run a program on some ranks; more seconds are a failure, as nothing may hang."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [str(MPIEXEC), "-n", str(ranks), sys.executable, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds)


def test_the_numbers_are_those_of_one_process_on_1_to_4_ranks() -> None:
    done = run(4, PROGRAM, "all", seconds=200)
    assert done.returncode == 0, done.stdout + done.stderr
    checks = PROGRAM.read_text("utf-8").count("\n@check\n")
    assert done.stdout.count("ok ") == checks >= 9


def test_a_run_whose_rank_was_killed_goes_on_from_its_checkpoint_on_fewer_ranks(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    assert run(3, PROGRAM, "checkpoint", path).returncode != 0 and path.exists()
    done = run(2, PROGRAM, "checkpoint", path)
    assert done.returncode == 0, done.stderr
    steps = {line.rpartition(" ")[2] for line in done.stdout.splitlines()}
    assert steps <= {"5", "6"} and done.stdout.count("went on") == 2


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no process groups")
def test_control_c_ends_all_ranks() -> None:
    command = [str(MPIEXEC), "-n", "2", sys.executable, str(PROGRAM), "forever"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # rank 0 or 1 trains
        os.killpg(process.pid, signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode != 0 and "KeyboardInterrupt" in said


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("killed", ["killed"]),  # the launcher says it
        ("raises", ["gradient: rank 1 of 3 failed: OSError: the disk of rank 1 is full\n"] * 2 + ["rank 1 of 3:\n"]),
        ("stuck", ["waited 3 s for rank 1;"]),
        ("leaves", ["waited 3 s for rank 1;"]),
    ],
)
def test_a_run_that_cannot_go_on_ends_within_seconds(kind: str, said: list[str]) -> None:
    start = time.monotonic()
    done = run(3, PROGRAM, kind)
    assert done.returncode != 0 and done.stdout.count("trains") == 3
    text = done.stdout + done.stderr
    for sentence in set(said):
        assert text.lower().count(sentence.lower()) >= said.count(sentence), text
    assert time.monotonic() - start < 50
