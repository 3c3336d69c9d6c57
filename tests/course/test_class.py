"""A class: the same bytes on any executor, and nothing is lost when a run is killed."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from test_grading import RIGHT, SOURCE
from test_hostile import processes_in

from minigrad.course.grading import grade
from minigrad.course.reports import report
from minigrad.parallel import processes as workers

pytestmark = pytest.mark.slow

PROGRAM = """\
import sys
from minigrad.course import grade
if __name__ == "__main__":
    {before}
        grade(sys.argv[1], sys.argv[3:], sys.argv[2], {options})
"""


@pytest.fixture
def submissions(tmp_path):
    (tmp_path / "layers.py").write_text(SOURCE)
    texts = [
        RIGHT,
        RIGHT.replace("W + b", "W"),
        RIGHT.replace("return dout", "import os; os._exit(0)\n    return dout"),
        RIGHT + "print([object()], {'a', 'b', 'c'}, open)\nraise ValueError(object())\n",
        "(",
        "import numpy as np\ndef affine(X, W, b):\n    return np.random.rand(4, 2)\n",
    ]
    paths = []
    for i, text in enumerate(texts):
        paths.append(tmp_path / f"student {i}.py")
        paths[-1].write_text(text)
    return [*paths, tmp_path / "missing.py"]


def content(folder):
    """All results: times are none."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "times.csv"
    }


def program(tmp_path, name, submissions, before="if True:", options="progress=False", command=(sys.executable,)):
    """Start a program that grades."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.format(before=before, options=options))
    arguments = [str(path), str(tmp_path / "layers.py"), str(tmp_path / name), *map(str, submissions)]
    temporary = tmp_path / "temporary"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen([*command, *arguments], env=environment, stderr=subprocess.PIPE)


def test_the_same_bytes_in_any_order_and_on_any_executor(tmp_path, submissions):
    def graded(name, *, reverse=False, **options):
        grade(tmp_path / "layers.py", submissions[:: -1 if reverse else 1], tmp_path / name, progress=False, **options)
        return content(tmp_path / name)

    wanted = graded("processes", jobs=2)
    assert len(wanted) == 2 * len(submissions) + 1
    assert graded("one", reverse=True, jobs=1) == wanted
    with ThreadPoolExecutor(3) as threads:
        assert graded("threads", executor=threads) == wanted
    with ProcessPoolExecutor(2) as pool:
        assert graded("pool", executor=pool, reverse=True) == wanted


def test_the_same_bytes_on_dask(tmp_path, submissions):
    pytest.importorskip("distributed", reason="pip install distributed")
    grade(tmp_path / "layers.py", submissions, tmp_path / "here", progress=False)
    cluster = "LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)"
    before = (
        "from distributed import Client, LocalCluster\n"
        f"    with {cluster} as cluster, Client(cluster) as client, client.get_executor() as executor:"
    )
    run = program(tmp_path, "dask", submissions, before, "progress=False, executor=executor")
    _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said.decode()
    assert content(tmp_path / "dask") == content(tmp_path / "here")


def test_the_same_bytes_on_mpi(tmp_path, submissions):
    pytest.importorskip("mpi4py", reason="pip install mpi4py mpich")
    mpiexec = os.path.join(os.path.dirname(sys.executable), "mpiexec")
    if not os.path.exists(mpiexec):
        pytest.skip("no mpiexec beside Python: pip install mpich")
    grade(tmp_path / "layers.py", submissions, tmp_path / "here", progress=False)
    before = "from mpi4py.futures import MPIPoolExecutor\n    with MPIPoolExecutor() as executor:"
    command = (mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures")
    run = program(tmp_path, "mpi", submissions, before, "progress=False, executor=executor", command)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said.decode()
    assert content(tmp_path / "mpi") == content(tmp_path / "here")


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_killed_run_goes_on_and_its_processes_end(tmp_path, submissions):
    loop = tmp_path / "zoe.py"
    loop.write_text("while True: pass\n")
    run = program(tmp_path, "out", [*submissions, loop], options="progress=False, jobs=2")
    first = tmp_path / "out" / "student 0" / "record.json"
    until(first.exists)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    until(lambda: not processes_in(tmp_path))
    before = first.stat().st_mtime_ns
    grade(tmp_path / "layers.py", submissions, tmp_path / "out", progress=False)
    assert first.stat().st_mtime_ns == before
    grade(tmp_path / "layers.py", submissions, tmp_path / "again", progress=False)
    assert content(tmp_path / "again").items() <= content(tmp_path / "out").items()


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_result_is_kept_only_if_nothing_has_changed(tmp_path, submissions):
    def graded():
        grade(tmp_path / "layers.py", submissions[:1], tmp_path / "out", progress=False)
        return (tmp_path / "out" / "student 0" / "record.json").stat().st_mtime_ns

    first = graded()
    assert graded() == first
    submissions[0].write_text(RIGHT + "# a comment\n")
    second = graded()
    assert second != first
    (tmp_path / "layers.py").write_text(SOURCE + "# a comment\n")
    third = graded()
    assert third != second
    record = tmp_path / "out" / "student 0" / "record.json"
    record.write_text(record.read_text()[:100])
    assert graded() != third and record.read_text().endswith("}\n")


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_names_and_files_of_any_kind(tmp_path):
    (tmp_path / "layers.py").write_text(SOURCE.replace('name="no bias")', 'name="no bias", personal=True)'))
    names = ["\udcff", "=1+1", "-x", "new\nline", "numpy", ".hidden", "a" * 240]
    paths = [tmp_path / f"{name}.py" for name in names]
    for path in paths:
        path.write_text(RIGHT)
    (tmp_path / "large.py").write_bytes(b"#" * 11_000_000)
    (tmp_path / "latin.py").write_bytes(b'x = "\xe9"\n')
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    paths += [tmp_path / f"{name}.py" for name in ("large", "latin", "folder", "pipe")]
    paths.append(Path("/dev/missing.py"))  # what else is in its folder is needed
    records = grade(tmp_path / "layers.py", paths, tmp_path / "out", progress=False)
    assert [record.score for record in records[: len(names)]] == [5] * len(names)
    assert [(record.gradable, record.missing) for record in records[len(names) :]] == [(False, False)] * 2 + [
        (False, True)
    ] * 3
    assert "\n'=1+1,graded,5" in (tmp_path / "out" / "grades.csv").read_text()
    report(tmp_path / "out")
    assert (tmp_path / "out" / names[0] / "report.html").is_file()
    assert "%FF/report.html" in (tmp_path / "out" / "class.html").read_text("utf-8")
    for name in ("..py", "grades.csv.py", "gradebook.csv.py"):
        with pytest.raises(ValueError, match="cannot be the name"):
            grade(tmp_path / "layers.py", [tmp_path / name], tmp_path / "out")
    with pytest.raises(ValueError, match="have the name"):
        grade(tmp_path / "layers.py", [paths[0], tmp_path / "other" / paths[0].name], tmp_path / "out")


ENDLESS = """
# BEGIN TESTS
from minigrad.course import Assignment, Limits
assignment = Assignment("Endless", limits=Limits(seconds=1.5, seconds_per_check=0.5))
# END TESTS
def f(n):
    # BEGIN SOLUTION
    total = 0
    while n > 0:
        total += n
        n -= 1
    return total
    # END SOLUTION
# BEGIN TESTS
task = assignment.task("1", "sum", points=4)
for n in range(1, 5):
    task.check(f, (n,))
task.mistake("n stays", "n is not counted down.", "n -= 1", "n -= 0")
# END TESTS
"""


def test_a_known_mistake_that_never_ends_costs_nobody(tmp_path):
    (tmp_path / "sums.py").write_text(ENDLESS)
    for name, body in (("a", "return n * (n + 1) // 2"), ("b", "return n")):
        (tmp_path / f"{name}.py").write_text(f"def f(n):\n    {body}\n")
    paths = [tmp_path / "a.py", tmp_path / "b.py"]
    with ThreadPoolExecutor(2) as threads:
        for executor in (None, threads):
            records = grade(tmp_path / "sums.py", paths, tmp_path / str(executor is None), executor=executor)
            assert [record.score for record in records] == [4, 1]


def test_a_worker_that_ends_costs_its_call():
    with workers.Processes(2) as pool:
        lost, kept = pool.submit(os._exit, 3), [pool.submit(abs, -n) for n in range(20)]
        assert [future.result() for future in kept] == list(range(20))
        with pytest.raises(workers.WorkerLost):
            lost.result()
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
