"""Constants of docs/scale.md, measured on this machine, and what they predict beside what 1, 2 and 4 processes do.

    python tests/benchmarks/scale.py

needs mpi4py and mpiexec (`pip install mpi4py mpich`). Times are the smallest of many, as other programs only add to
them; computing is measured in time of the processor, which they disturb least. One BLAS thread a process.
`--variants` compares local SGD and gradient accumulation on the digits instead, in one process.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = ((784, 32, 10), (784, 128, 10), (784, 512, 512, 10))
MODELS = {"-".join(map(str, widths)): widths for widths in WIDTHS}
BATCH = 64
REPEATS = 200
PROCESSES = (1, 2, 4)
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def network(widths: tuple[int, ...]) -> Any:
    import minigrad
    from minigrad import nn

    minigrad.manual_seed(0)
    layers: list[nn.Module] = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return minigrad.Network(nn.Sequential(*layers[:-1]), nn.CrossEntropyLoss())


def on_ranks() -> None:
    """Run on each rank: measure, and print one JSON line on rank 0."""
    import numpy as np
    from mpi4py import MPI

    from minigrad import parallel

    comm = MPI.COMM_WORLD
    found: dict[str, Any] = {}

    def fastest(function: Any, repeats: int, clock: Any = time.perf_counter) -> float:
        times = []
        for _ in range(repeats):
            comm.Barrier()
            start = clock()
            function()
            times.append(comm.allreduce(clock() - start, MPI.MAX))
        return min(times)

    for elements in (2, 10**4, 10**5, 10**6, 4 * 10**6):
        dx = np.ones(elements, np.float32)
        found[f"allreduce {elements}"] = fastest(lambda dx=dx: comm.Allreduce(MPI.IN_PLACE, dx), REPEATS)
    rng = np.random.default_rng(0)
    X, y = rng.random((BATCH, 784), np.float32), rng.integers(0, 10, BATCH)
    for name, widths in MODELS.items():
        net = network(widths)
        found[f"parameters {name}"] = net.x.size

        def step(net: Any = net) -> None:
            loss, dx = parallel.gradient(net, (X, y), comm)
            net.x += -1e-3 * dx

        step()
        found[f"step {name}"] = fastest(step, REPEATS)
        if comm.Get_size() == 1:
            for rows in (BATCH // 4, BATCH // 2, BATCH):

                def alone(net: Any = net, rows: int = rows) -> None:
                    _, dx = parallel.gradient(net, (X[:rows], y[:rows]), comm)
                    net.x += -1e-3 * dx

                found[f"compute {name} {rows}"] = fastest(alone, REPEATS // 2, time.process_time)
    if comm.Get_rank() == 0:
        print(json.dumps(found), flush=True)


def measure(rounds: int = 2) -> dict[int, dict[str, float]]:
    """Return the smallest times for each number of processes; the rounds alternate between them."""
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    mpiexec = shutil.which("mpiexec", path=places)
    if mpiexec is None:
        raise SystemExit("needs MPI: pip install mpi4py mpich")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    best: dict[int, dict[str, float]] = {p: {} for p in PROCESSES}
    for _ in range(rounds):
        for p in PROCESSES:
            command = [mpiexec, "-n", str(p), sys.executable, __file__, "--rank"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=True)
            for name, value in json.loads(done.stdout.splitlines()[-1]).items():
                best[p][name] = min(value, best[p].get(name, value))
    return best


def ring(p: float, size: float, latency: float, bandwidth: float) -> float:
    """Return the seconds of an allreduce of `size` bytes in a ring of p."""
    return 2 * (p - 1) * latency + 2 * (p - 1) / p * size / bandwidth


def report(best: dict[int, dict[str, float]]) -> None:
    two = best[2]
    latency = two["allreduce 2"] / 2  # a ring of two takes two turns
    large = 4 * 4 * 10**6
    bandwidth = large / (two["allreduce 4000000"] - 2 * latency)
    print(f"{CORES} processors, load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else f"{CORES} processors")
    print(f"latency {1e6 * latency:.1f} us, bandwidth {bandwidth / 1e9:.2f} GB/s (allreduce of 2 processes)\n")
    print("| model | parameters | a | b | computing |\n| --- | --- | --- | --- | --- |")
    fits = {}
    for name in MODELS:
        quarter, whole = best[1][f"compute {name} {BATCH // 4}"], best[1][f"compute {name} {BATCH}"]
        slope = (whole - quarter) / (BATCH * 3 / 4)
        fits[name] = fixed, slope = max(whole - slope * BATCH, 0.0), slope
        n = int(best[1][f"parameters {name}"])
        flops = 6 * n / slope  # a multiplication and an addition per parameter, forward once and backward twice
        print(f"| {name} | {n:,} | {1e3 * fixed:.2f} ms | {1e6 * slope:.1f} µs | {flops / 1e9:.0f} GFLOP a second |")
    print("\n| model | processes | predicted | measured |\n| --- | --- | --- | --- |")
    for name in MODELS:
        fixed, slope = fits[name]
        size = 4 * best[1][f"parameters {name}"]
        for p in PROCESSES:
            sharing = max(1.0, p / CORES)  # processes that share a processor take turns
            asked = 2 * ring(p, 0, latency, bandwidth)  # before a step and after it, the ranks compare a few numbers
            predicted = sharing * (fixed + slope * BATCH / p + asked + ring(p, size, latency, bandwidth))
            print(f"| {name} | {p} | {1e3 * predicted:.1f} ms | {1e3 * best[p][f'step {name}']:.1f} ms |")


def variants() -> None:
    """Compare ways to send less: loss on the digits against bytes sent by each of four workers."""
    import numpy as np

    from minigrad.data import Dataset, digits

    train = digits().train

    def run(kind: str, every: int, steps: int = 400, workers: int = 4, rate: float = 0.1) -> tuple[float, float]:
        nets = [network((64, 32, 10)) for _ in range(workers)]
        sets = [Dataset(train.X, train.y, seed=seed) for seed in range(workers)]
        total = [np.zeros_like(net.x) for net in nets]
        sent = 0.0
        for step in range(1, steps + 1):
            for i, (net, data) in enumerate(zip(nets, sets)):
                net.forward(data.sample_data_batch(16))
                dx = net.backward()
                if kind == "local":
                    net.x += -rate * dx
                else:
                    total[i] += dx
            if step % every == 0:
                sent += 2 * (workers - 1) / workers * nets[0].x.nbytes
                if kind == "local":
                    x = np.mean([net.x for net in nets], axis=0)
                else:
                    scale = rate * (1 if kind == "accumulate" else every)
                    x = nets[0].x - scale * np.mean(total, axis=0) / every
                    total = [np.zeros_like(x) for _ in nets]
                for net in nets:
                    net.x = x
        return float(nets[0].forward((train.X, train.y))), sent / 1e6

    print("| variant | every | loss | MB sent |\n| --- | --- | --- | --- |")
    for kind, title in (
        ("local", "local SGD"),
        ("accumulate", "accumulation, same rate"),
        ("scaled", "accumulation, rate times every"),
    ):
        for every in (1, 4, 16, 50):
            loss, sent = run(kind, every)
            print(f"| {title} | {every} | {loss:.3f} | {sent:.2f} |")


if __name__ == "__main__":
    if "--rank" in sys.argv:
        on_ranks()
    elif "--variants" in sys.argv:
        variants()
    else:
        report(measure())
