"""The table of docs/benchmarks.md: training steps of minigrad, PyTorch and NumPy by hand, a fresh process for each.

    python -m tests.benchmarks [--threads 1] [--rounds 15] [part of a name ...]

A process of its own for each workload and each contender: what another one has freed would hide page faults. They take
turns, with a pause between them: the threads of OpenBLAS and OpenMP go on spinning for a while after their last work.
OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE, which choose old and slow kernels, are unset for them alone. With `--threads 1`
the time is the processor's, which other programs on the machine disturb least; otherwise it is the wall clock's, with
the libraries' default threads. Shortest step of each; page faults and memory are those of minigrad: faults of a step
after the first rounds, and what the process holds at the end beyond what it held after the imports.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from datetime import date
from typing import Any

from tests.benchmarks.workloads import WORKLOADS, Recorded

SLOW_KERNELS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
LEAST = 0.05
"""Seconds of a turn, at least."""
PAUSE = 0.25
"""Seconds between turns."""


def held() -> float:
    """Return the resident memory of this process in MB; 0 where the system does not say."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return 0.0


def serve(name: str, contender: str) -> None:
    """In a process of its own: for each line on stdin, run a turn and print its time of a step, faults and memory."""
    clock = time.process_time if os.environ.get("OMP_NUM_THREADS") == "1" else time.perf_counter
    make, by_hand = WORKLOADS[name]
    module = "minigrad" if contender == "recorded" else contender
    library: Any = importlib.import_module(module)
    if contender != "numpy":
        importlib.import_module(f"{module}.nn")
        importlib.import_module(f"{module}.optim")
        library.tensor([1.0])
    if contender == "recorded":
        library = Recorded(library)
    before = held()
    assert by_hand is not None or contender != "numpy"
    step = by_hand() if contender == "numpy" and by_hand else make(library)
    step()
    began = time.perf_counter()
    step()
    n = max(1, int(LEAST / (time.perf_counter() - began)))
    for _ in sys.stdin:
        faults, began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, clock()
        for _ in range(n):
            step()
        seconds = clock() - began
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
        print(seconds / n, faults / n, held() - before, flush=True)


def measure(name: str, contenders: list[str], rounds: int, environment: dict[str, str]) -> list[list[list[float]]]:
    """Return what the turns of each contender have printed; [] for one that does not run, such as a missing torch."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks", "--serve", c, name],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for c in contenders
    ]
    turns: list[list[list[float]]] = [[] for _ in processes]
    for _ in range(rounds):
        for process, mine in zip(processes, turns):
            assert process.stdin is not None and process.stdout is not None
            time.sleep(PAUSE)
            try:
                process.stdin.write("\n")
                process.stdin.flush()
            except BrokenPipeError:
                continue
            if line := process.stdout.readline():
                mine.append([float(text) for text in line.split()])
    for process in processes:
        process.communicate()
    return turns


def row(name: str, rounds: int, environment: dict[str, str]) -> str:
    contenders = ["minigrad", "recorded", "torch", *(["numpy"] if WORKLOADS[name][1] else [])]
    turns = dict(zip(contenders, measure(name, contenders, rounds, environment)))
    shortest = {c: min(turn[0] for turn in mine) * 1e3 for c, mine in turns.items() if mine}
    if "minigrad" not in shortest:
        raise RuntimeError(
            f"minigrad does not run {name!r}; for the error: python -m tests.benchmarks --serve minigrad"
        )

    def ratio(contender: str) -> str:
        return f"{shortest[contender] / shortest['torch']:.2f}" if {contender, "torch"} <= {*shortest} else "–"

    faults = statistics.median(turn[1] for turn in turns["minigrad"][rounds // 2 :])
    memory = [f"{turns[c][-1][2]:.0f}" if turns[c] else "–" for c in ("minigrad", "recorded", "torch")]
    times = [f"{shortest['minigrad']:.2f}", f"{shortest['torch']:.2f}" if "torch" in shortest else "–"]
    ratios = [ratio(c) for c in ("minigrad", "recorded", "numpy")]
    return f"| {' | '.join([name, *times, *ratios, f'{faults:.0f}', *memory])} |"


def version(name: str) -> str:
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return f"no {name}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wanted", nargs="*", help="parts of names; default all workloads")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, help="threads of each contender; 1 measures processor time")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.wanted[0], arguments.serve)
        return
    environment = {k: v for k, v in os.environ.items() if k not in SLOW_KERNELS}
    if arguments.threads:
        environment |= dict.fromkeys(THREADS, str(arguments.threads))
    threads = f"{arguments.threads} thread{'s' * (arguments.threads != 1)}" if arguments.threads else "default threads"
    versions = [f"Python {platform.python_version()}", *map(version, ("numpy", "torch"))]
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, {', '.join(versions)}, {threads}\n")
    print(
        "| training step | minigrad, ms | PyTorch, ms | minigrad / PyTorch | recorded / PyTorch | NumPy / PyTorch |"
        " faults | MB | recorded, MB | PyTorch's MB |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for name in WORKLOADS:
        if not arguments.wanted or any(text in name for text in arguments.wanted):
            print(row(name, arguments.rounds, environment), flush=True)


if __name__ == "__main__":
    main()
