"""prove: each claim, and what is said when it does not hold."""

import pytest

from minigrad.cli import main
from minigrad.course import load, new
from minigrad.course.proving import _Prover, _solve
from minigrad.course.publishing import texts

HEAD = """\
import numpy as np
# %%
# BEGIN TESTS
from minigrad.course import Assignment, Limits
assignment = Assignment("Demo", limits=Limits(seconds_per_check=3))
# END TESTS
# %%
def double(x):
    # BEGIN SOLUTION
    return np.asarray(x) * 2
    # END SOLUTION

def plus(x):
    # BEGIN SOLUTION
    return double(x) + 1
    # END SOLUTION

def given(x):
    return np.asarray(x) + 1

# %%
# BEGIN TESTS
task = assignment.task("1", "double", points=2)
"""
TASK_1 = "task.check(double, ([1.0, 2.0],))\n"
TAIL = "# END TESTS\n"


@pytest.fixture
def prover(tmp_path):
    def make(tail, head=HEAD):
        path = tmp_path / "demo.py"
        path.write_text(head + tail)
        prover = _Prover(load(path))
        return prover

    return make


def problems(prover, claim, **names):
    for name, value in names.items():
        setattr(prover, name, value)
    getattr(prover, claim)()
    return prover.proof.problems


def one(prover, claim, **names):
    ((line, said),) = problems(prover, claim, **names)
    return line, said


@pytest.mark.slow
def test_a_new_assignment_is_sound(tmp_path, capsys):
    path = new(tmp_path / "first")
    assert main(["course", "prove", str(path)]) == 0
    said = capsys.readouterr().out
    assert said.count("ok   ") == 8 and "The assignment is sound." in said and "3 known mistakes" in said


def test_exit_codes(prover, capsys):
    path = prover("task.check(double, ('a',))\n" + TAIL).source.path
    assert main(["course", "prove", str(path)]) == 1
    said = capsys.readouterr().out
    assert "WRONG the solution answers each check" in said and "line 24: check 1/0" in said and "NOT sound" in said
    path.write_text(path.read_text().replace("    # END SOLUTION\n", "", 1))
    assert main(["course", "prove", str(path)]) == 2
    assert "demo.py, line 9: BEGIN SOLUTION" in capsys.readouterr().err
    assert main(["course", "prove", str(path.with_name("missing.py"))]) == 2


def test_a_leak_is_unsound(prover):
    head = HEAD.replace("def given(x):", "# return double(x)+1\ndef given(x):")
    made = prover(TASK_1 + TAIL, head)
    made.released = {"core": texts(made.source)}
    line, said = one(made, "no_leaks")
    assert line == 18 and "gives line 15 away" in said


def test_points_without_work(prover):
    tail = TASK_1 + "task.check(given, (1.0,), name='given')\n" + TAIL
    line, said = one(prover(tail), "blanks")
    assert line == 25 and said == "check 1/1 (given) passes on the blank version: 1 points without work"
    assert problems(prover(TASK_1 + "task.check(given, (1.0,), points=0)\n" + TAIL), "blanks") == []


def test_a_blank_that_passes_is_found_even_if_it_raises(prover):
    head = HEAD.replace(
        "def given(x):\n    return np.asarray(x) + 1",
        "def given(x):\n    try:\n        return double(x)\n    except NotImplementedError:\n        return x * 2",
    )
    line, said = one(prover(TASK_1 + "task.check(given, (1.0,))\n" + TAIL, head), "blanks")
    assert "points without work" in said


def test_blanks_of_each_tier(prover):
    head = HEAD.replace("# BEGIN SOLUTION\n    return double", "# BEGIN SOLUTION role=challenge\n    return double")
    tail = TASK_1 + TAIL + "# BEGIN TESTS\nother = assignment.task('2', 'plus')\nother.check(plus, (1.0,))\n" + TAIL
    assert problems(prover(tail, head.replace("challenge\n", "challenge task=2\n")), "blanks") == []


def test_a_task_that_the_core_tier_gives(prover):
    head = HEAD.replace(
        "# BEGIN SOLUTION\n    return double", "# BEGIN SOLUTION role=challenge task=2\n    return double"
    )
    tail = (
        TASK_1 + TAIL + "# BEGIN TESTS\nother = assignment.task('2', 'plus', {})\nother.check(given, (1.0,))\n" + TAIL
    )
    line, said = problems(prover(tail.format(1), head), "blanks")[0]
    assert line == 28 and "tier core strips no solution of task 2: give it points=0 or role=core" in said
    assert problems(prover(tail.format(0), head), "blanks") == []


def test_mistakes_that_no_check_shows(prover):
    mistakes = (
        "task.mistake('one', 'One.', '* 2', '+ 2 * (np.asarray(x) > 1)')\n"
        "task.mistake('two', 'Two.', '* 2', '* 2 + 0.0')\n"
    )
    made = prover("task.check(double, ([0.0, 2.0],))\n" + mistakes + TAIL)
    found = problems(made, "mistakes")
    assert [line for line, _ in found] == [25, 26] and made.proof.unexercised == ["1"]
    assert all("it loses no points; no check of the task shows it" in said for _, said in found)


def test_two_mistakes_with_the_same_outputs(prover):
    tail = TASK_1 + "task.mistake('one', 'One.', '* 2', '* 3')\ntask.mistake('two', 'Two.', '* 2', '* 3.0')\n" + TAIL
    line, said = one(prover(tail), "mistakes")
    assert line == 26 and "names it 'one': its inputs do not tell them apart" in said


def test_mistakes_by_functions_and_mistakes_that_raise(prover):
    tail = (
        TASK_1 + "def wrong(x):\n    return np.asarray(x) ** 3\n"
        "task.mistake('cubed', 'C.', instead={'double': wrong})\n"
        "task.mistake('negative', 'N.', instead={'double': lambda x: -np.asarray(x)})\n"
        "task.mistake('raises', 'R.', '* 2', '* unknown')\n" + TAIL
    )
    made = prover(tail)
    line, said = one(made, "mistakes")
    assert line == 29 and "it is not named" in said and "NameError" in said
    assert made.proof.unexercised == []


def test_tasks_that_need_others_say_so(prover):
    tail = TASK_1 + TAIL + "# BEGIN TESTS\nother = assignment.task('2', 'plus'{})\nother.check(plus, (1.0,))\n" + TAIL
    head = HEAD.replace("# BEGIN SOLUTION\n    return double", "# BEGIN SOLUTION task=2\n    return double")
    line, said = one(prover(tail.format(""), head), "independence")
    assert line == 27 and said.startswith("task 2 cannot be done alone: write needs=[…]")
    assert problems(prover(tail.format(", needs=['1']"), head), "independence") == []


@pytest.mark.slow
def test_margins_of_time(prover):
    head = HEAD.replace(
        "    return np.asarray(x) * 2", "    import time; time.sleep(0.7)\n    return np.asarray(x) * 2"
    )
    made = prover(TASK_1 + TAIL, head)
    made.solved = _solve(made.source)
    ((line, said),) = problems(made, "margins")
    assert line == 25 and "takes " in said and "of 3 s" in said


@pytest.mark.slow
def test_a_solution_that_is_not_the_same_twice(prover):
    head = HEAD.replace("np.asarray(x) * 2", "np.asarray(x) * 2 + np.array([hash('a') % 1000.0])")
    assert "two runs give other bytes" in one(prover(TASK_1 + TAIL, head), "same_bytes")[1]


def test_names_that_only_the_tests_have(prover):
    head = HEAD.replace("import numpy as np\n# %%\n", "# %%\n").replace(
        "# BEGIN TESTS\n", "# BEGIN TESTS\nimport numpy as np\n", 1
    )
    proof = prover(TASK_1 + TAIL, head).prove()
    assert not proof and any("name 'np' is not defined" in said for _, said in proof.problems)


def test_a_solution_that_raises(prover):
    proof = prover("task.check(double, ('a', 2),)\n" + TAIL).prove()
    assert proof.problems[0][0] == 24 and "the solution fails" in proof.problems[0][1]


def test_rules_of_the_catalogue(tmp_path):
    path = tmp_path / "rule.py"
    path.write_text(
        """\
# BEGIN TESTS
from minigrad.course import Assignment
assignment = Assignment("Rules")
# END TESTS
def momentum(x, dx, v, learning_rate, mu=0.9):
    # BEGIN SOLUTION
    v = mu * v - learning_rate * dx
    x = x + v
    return x, v
    # END SOLUTION
def path(x, gradients):
    v, points = 0.0 * x, []
    for t, dx in enumerate(gradients, 1):
        x, v = momentum(x, dx, v, 0.1 / t)
        points.append(x)
    return points
# BEGIN TESTS
task = assignment.task("1", "momentum")
task.check(path, lambda rng: (rng.standard_normal(3), rng.standard_normal((6, 3))), rule="momentum")
# END TESTS
"""
    )
    source = load(path)
    (check,) = source.assignment.checks
    names = [candidate.name for candidate in source.candidates(check)]
    assert "ascent" in names and "rate-missing" in names and len(names) > 20
    made = _Prover(source)
    made.mistakes()
    assert made.proof.problems == [] and made.proof.unexercised == []
    assert "of the catalogue" in made.proof.findings[0].claim


def test_gradients_of_the_catalogue(tmp_path):
    made = _Prover(load(new(tmp_path / "first")))
    assert made.catalogue() == ({"1.2/0": 2, "1.2/1": 2}, [])
    path = made.source.path
    path.write_text(
        path.read_text().replace("(np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.0, 1.0]))", "(np.ones(3), np.ones(3))")
    )
    (problem,) = _Prover(load(path)).catalogue()[1]
    assert "check 1.2/0 (by hand): the gradient is zero for these inputs" in problem[1]
