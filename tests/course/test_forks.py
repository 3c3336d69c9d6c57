"""Forks of one process for trusted submissions: nothing of one is there for the next, and the results are the same."""

import sys

import pytest

from minigrad.course.assignment import Limits
from minigrad.course.sandbox import Ended, Forks, Process
from minigrad.course.source import load
from minigrad.course.submission import grade_one

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only where processes have one thread"),
]

SOURCE = """\
import numpy as np
# %%
# BEGIN TESTS
from minigrad.course import Assignment
assignment = Assignment("Demo")
# END TESTS
# %%
def double(x):
    # BEGIN SOLUTION
    return np.asarray(x) * 2
    # END SOLUTION
# %%
# BEGIN TESTS
task = assignment.task("1", "double", points=2)
task.check(double, ([1.0, 2.0],))
task.check(double, (3.0,))
# END TESTS
"""
HEAD = "import numpy as np\n# %%\n"
RIGHT = HEAD + "def double(x):\n    return np.asarray(x) * 2\n"
ENDS = HEAD + "import os\ndef double(x):\n    if np.ndim(x): {}\n    return np.asarray(x) * 2\n"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "demo.py"
    path.write_text(SOURCE)
    return load(path)


@pytest.fixture
def forks():
    with Forks(Limits(), ["numpy.fft", "no_such_module"]) as made:
        yield made


def started(forks):
    return [process._process.pid for process in forks._idle]


def test_the_results_are_those_of_new_processes(source, forks):
    texts = [RIGHT.replace("* 2", "* 3"), "1 +", "print('said')\nimport no_such_module\n"]
    texts += [ENDS.format(end) for end in ("os._exit(3)", "os.kill(os.getpid(), 11)", "exit(4)")]
    texts += [RIGHT]
    new = [grade_one(source, "NAME", text.encode()).record for text in texts]
    forked = [grade_one(source, "NAME", text.encode(), forks=forks).record for text in texts]
    for text, one, other in zip(texts, new, forked):
        assert one.to_dict() | {"output": ""} == other.to_dict(), text
    assert [record.score for record in new] == [0, 0, 0, 1, 1, 1, 2]


def test_a_process_serves_again_unless_a_submission_ends_it(source, forks):
    for text in (RIGHT, "1 / 0\n", RIGHT):
        grade_one(source, "NAME", text.encode(), forks=forks)
        assert started(forks) == started(forks)[:1]
        first = started(forks)
    assert grade_one(source, "NAME", RIGHT.encode(), forks=forks).record.score == 2
    assert started(forks) == first
    grade_one(source, "NAME", ENDS.format("os._exit(3)").encode(), forks=forks)
    assert len(started(forks)) == 1 and started(forks) != first


LEAVES = (
    HEAD
    + """\
import os, builtins, random, sys
np.left = builtins.left = os.environ["LEFT"] = "1"
for folder in (".", os.environ["HOME"], os.environ["TMPDIR"]):
    os.makedirs(f"{folder}/left/inside")
    open(f"{folder}/left/inside/file", "w").close()
os.chdir("/")
def double(x):
    return np.asarray(x) * 2
"""
)
LOOKS = (
    HEAD
    + """\
import os, builtins, sys
found = [hasattr(np, "left"), hasattr(builtins, "left"), "LEFT" in os.environ, "numpy.fft" not in sys.modules]
for folder in (".", os.environ["HOME"], os.environ["TMPDIR"]):
    found += [name for name in os.listdir(folder) if name != "NAME.py"]
assert os.path.basename(os.getcwd()) == "work"
def double(x):
    return np.asarray(x) * 2 if not any(found) else found
"""
)


def test_nothing_of_one_submission_is_there_for_the_next(source, forks):
    assert grade_one(source, "NAME", LEAVES.encode(), forks=forks).record.score == 2
    first = started(forks)
    record = grade_one(source, "NAME", LOOKS.encode(), forks=forks).record
    assert record.score == 2, (record.checks, record.cells)
    assert started(forks) == first


def test_what_cannot_be_removed_ends_the_process(source, forks):
    locked = LEAVES + "os.chmod(os.environ['HOME'] + '/left', 0)\n"
    assert grade_one(source, "NAME", locked.encode(), forks=forks).record.score == 2
    assert grade_one(source, "NAME", LOOKS.replace('"numpy.fft"', '"numpy"').encode(), forks=forks).record.score == 2


def test_the_processes_end_with_the_block(source):
    with Forks(Limits()) as forks:
        grade_one(source, "NAME", RIGHT.encode(), forks=forks)
        (process,) = forks._idle
        assert not process.closed
    assert process.closed and process._process.poll() is not None


def test_a_fork_answers_in_time_or_ends():
    with Process(Limits()) as process:
        process.fork([])
        process.ask({"do": "load", "file": "NAME.py", "text": "while True:\n    pass\n"}, seconds=60)
        with pytest.raises(Ended, match="more than 0.1 s"):
            process.ask({"do": "cell", "cell": 0}, seconds=0.1)
        assert process.closed
