"""Loading an assignment: what it declares, resolved, and what is wrong with it, by line."""

import numpy as np
import pytest

from minigrad.course.marks import SourceError
from minigrad.course.source import find, load

HEAD = """\
import numpy as np
# %%
# BEGIN TESTS
from minigrad.course import Assignment
assignment = Assignment("Demo")
# END TESTS
# %%
def double(x):
    # BEGIN SOLUTION
    x = np.asarray(x)
    return x * 2
    # END SOLUTION

def driver(x):
    return double(x) + 1

# %%
# BEGIN TESTS
task = assignment.task("1", "double", points=2)
"""


@pytest.fixture
def write(tmp_path):
    def write(tail, head=HEAD, name="demo.py"):
        path = tmp_path / name
        path.write_text(head + tail)
        return path

    return write


def said(path):
    with pytest.raises(SourceError) as caught:
        load(path)
    return caught.value.problems


def refuses(path, words):
    found = said(path)
    assert any(words in text for _, text in found), found
    return next(line for line, text in found if words in text)


def test_points_are_shared_and_hidden_is_set_by_the_block(write):
    source = load(
        write(
            """\
task.check(double, ([1.0, 2.0],), points=0.5)
task.check(double, lambda rng: (rng.standard_normal(3),))
# END TESTS
# BEGIN HIDDEN TESTS
task.check(driver, (3.0,), name="plus one")
# END HIDDEN TESTS
"""
        )
    )
    checks = source.assignment.checks
    assert [check.points for check in checks] == [0.5, 0.75, 0.75]
    assert [check.hidden for check in checks] == [False, False, True]
    assert source.functions == {"1/0": "double", "1/1": "double", "1/2": "driver"}
    assert source.drivers == {"driver": "def driver(x):\n    return double(x) + 1\n"}
    assert source.expected(checks[0]).tolist() == [2.0, 4.0]
    assert source.expected(checks[2]) == 7.0
    assert source.task_of(next(block for block in source.blocks if block.kind == "SOLUTION")).number == "1"


def test_inputs_are_fresh_and_personal_ones_come_from_the_name(write):
    tail = """\
task.check(double, ([1.0],))
task.check(double, lambda rng: (rng.standard_normal(3),), personal=True)
task.check(double, lambda rng: (rng.standard_normal(3),))
# END TESTS
"""
    source = load(write(tail))
    fixed, personal, drawn = source.assignment.checks
    source.inputs(fixed)[0][0] = 7.0
    assert source.inputs(fixed) == ([1.0],)
    assert np.array_equal(source.inputs(drawn, "ada")[0], source.inputs(drawn, "bob")[0])
    assert not np.array_equal(source.inputs(personal, "ada")[0], source.inputs(personal, "bob")[0])
    assert np.array_equal(source.inputs(personal, "ada")[0], load(source.path).inputs(personal, "ada")[0])
    assert np.array_equal(source.expected(personal, "ada"), 2 * source.inputs(personal, "ada")[0])
    other = load(write(tail, name="other.py"))
    assert not np.array_equal(source.inputs(drawn)[0], other.inputs(drawn)[0])  # the assignment's name counts


def test_candidates_are_the_solution_edited_or_replaced(write):
    source = load(
        write(
            """\
task.check(driver, (3.0,))
task.mistake("tripled", "Three, not two.", "return x * 2", "return x * 3")
task.mistake("several lines", "Nothing is computed.", "x = np.asarray(x)\\nreturn x * 2", "y = x\\n\\nreturn y")
task.mistake("negative", "The sign is wrong.", instead={"double": lambda x: -2 * x}, hint="Look at the sign.")
task.mistake("raises", "It raises.", "return x * 2", "raise ValueError")
# END TESTS
"""
        )
    )
    (check,) = source.assignment.checks
    found = source.candidates(check)
    assert [(c.name, float(c.outputs)) for c in found] == [
        ("tripled", 10.0),
        ("several lines", 4.0),
        ("negative", -5.0),
    ]
    assert found[2].hint == "Look at the sign." and found[0].task == "1"
    assert source.expected(check) == 7.0


def test_mistakes_of_needed_tasks_follow(write):
    source = load(
        write(
            """\
task.check(double, (3.0,))
task.mistake("tripled", "Three, not two.", "return x * 2", "return x * 3")
# END TESTS
def four(x):
    # BEGIN SOLUTION
    return double(double(x))
    # END SOLUTION
# BEGIN TESTS
task = assignment.task("2", "four", needs=["1"])
task.check(four, (1.0,))
task.mistake("once", "Only once.", "double(double(x))", "double(x)")
# END TESTS
"""
        )
    )
    assert [(c.name, float(c.outputs)) for c in source.candidates(source.assignment.checks[1])] == [
        ("once", 2.0),
        ("tripled", 9.0),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "assert double(3) == 6",
        "assert 6 == double(3)",
        "assert (double(np.ones(2)) == [2, 2]).all()",
        "assert np.all(double(np.ones(2)) == 2)",
        "assert np.allclose(double(np.ones(2)), 2.0, atol=1e-3), 'twice'",
        "assert np.allclose([2.0, 2.0], double([1.0, 1.0]))",
        "np.testing.assert_allclose(double(np.ones(2)), [2, 2], rtol=1e-5)",
        "np.testing.assert_array_equal(double(np.ones(2)), [2, 2])",
        "assert abs(double(3) - 6) < 1e-6",
        "assert np.max(np.abs(double(np.ones(2)) - 2)) <= 1e-6",
        "assert np.abs(double(np.ones(2)) - 2).max() < 1e-6",
        "assert double(np.ones(2)).tolist() == [2.0, 2.0]",
        "assert double(double(1)) == 4",
        "for k in [3]:\n    assert double(k) == 6",
        "k = 3\nassert double(k) == 6\nk = 5",
    ],
)
def test_an_assertion_in_a_hidden_block_becomes_a_check(write, line):
    source = load(write(f"task.check(double, (1.0,))\n# END TESTS\n# BEGIN HIDDEN TESTS\n{line}\n# END HIDDEN TESTS\n"))
    shown, hidden = source.assignment.checks
    assert hidden.hidden and hidden.points == 1.0 and source.functions[hidden.key] == "double"
    assert np.all(np.asarray(source.expected(hidden)) == np.asarray(source.inputs(hidden)[0]) * 2)
    if "'twice'" in line:
        assert (hidden.name, hidden.atol, hidden.rtol) == ("twice", 1e-3, 1e-5)


@pytest.mark.parametrize(
    "line",
    [
        "assert isinstance(double(3), int)",
        "assert True",
        "assert double(3) == 6 and True",
        "assert double(x=3) == 6",
        "assert double(3) > 5",
        "assert len([double(3)]) == 1",
        "def test_it():\n    assert double(3) == 6",
        "np.testing.assert_raises(ValueError, double, 'a')",
    ],
)
def test_an_assertion_that_asks_for_no_call_is_refused_with_its_line(write, line):
    path = write(f"task.check(double, (1.0,))\n# END TESTS\n# BEGIN HIDDEN TESTS\n{line}\n# END HIDDEN TESTS\n")
    at = refuses(path, "does not say which call is checked")
    assert "assert" in path.read_text().split("\n")[at - 1]


def test_a_conjunction_becomes_several_checks(write):
    tail = "task.check(double, (1.0,))\n# END TESTS\n# BEGIN HIDDEN TESTS\nassert double(3) == 6 and double(4) == 8\n"
    source = load(write(tail + "# END HIDDEN TESTS\n"))
    assert [source.inputs(check) for check in source.assignment.checks] == [(1.0,), (3,), (4,)]


def test_an_assertion_that_the_solution_fails_is_refused(write):
    path = write("# END TESTS\n# BEGIN HIDDEN TESTS\nassert double(3) == 7\n# END HIDDEN TESTS\n")
    assert refuses(path, "the solution does not satisfy") == 22


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ("task.check(lambda x: double(x), (1,))\n# END TESTS", "not for a lambda"),
        ("task.check(np.sum, (1,))\n# END TESTS", "not for sum"),
        ("def inner(x): return double(x)\ntask.check(inner, (1,))\n# END TESTS", "move it out of the block"),
        ("task.check(double, (1,), points=3)\n# END TESTS", "has 2 points, but the checks give 3"),
        ("task.check(double, (1,), points=1)\n# END TESTS", "has 2 points, but the checks give 1"),
        ("pass\n# END TESTS", "but no check give 0"),
        ("pass\n# END TESTS\ntask.check(double, (1,))", "a check must be declared inside"),
        ("task.check(double, np.ones(3))\n# END TESTS", "tuple of arguments"),
        ("task.check(double, (1,), personal=True)\n# END TESTS", "personal"),
        ("task.check(double, (1,))\ntask.mistake('m', 's', 'x', 'y')\n# END TESTS", "stands 3 times, in lines 10"),
        ("task.check(double, (1,))\ntask.mistake('m', 's', 'zzz', 'y')\n# END TESTS", "stands 0 times"),
        ("task.check(double, (1,))\ntask.mistake('m', 's', 'x * 2', 'x *')\n# END TESTS", "with the known mistake 'm'"),
        ("task.check(double, (1,))\ntask.mistake('m', 's', instead={'zz': 1})\n# END TESTS", "does not define"),
        ("task.check(double, (1,))\n# END TESTS\n# BEGIN SOLUTION\nz = 1\n# END SOLUTION", "no task is declared after"),
        ("task.check(double, (1,))\n# END TESTS\nz = 1  # SOLUTION task=9", "there is no task 9"),
        ("task.check(double, (1,))\nassignment.task('2', 't', 0, needs=['3'])\n# END TESTS", "needs task 3"),
        ("task.check(double, (1,))\n# END TESTS\n1 / 0", "the source fails: ZeroDivisionError"),
        ("task.check(double, (1,))\nother = Assignment('x')\n# END TESTS", "one Assignment"),
        ("task.check(double, (1,))\n# END TESTS\nimport sys\nsys.exit(3)", "the source fails: SystemExit: 3"),
    ],
)
def test_what_does_not_fit_is_said_with_its_line(write, tail, words):
    assert refuses(write(tail + "\n"), words) > 0


def test_no_assignment_at_all(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    assert said(path)[0] == (0, said(path)[0][1]) and "no assignment is declared" in said(path)[0][1]


def test_errors_of_inputs_and_solution_name_the_check(write):
    source = load(
        write(
            """\
task.check(double, lambda rng: (1 / 0,))
task.check(double, lambda rng: rng.standard_normal(3))
task.check(double, ("a",), name="text")
# END TESTS
"""
        )
    )
    for check, words in zip(
        source.assignment.checks, ["cannot be drawn: Zero", "tuple of arguments", "solution fails"]
    ):
        with pytest.raises(SourceError, match=words) as caught:
            source.expected(check)
        assert caught.value.problems[0][0] == check.line


def test_a_mistake_that_loops_for_ever_is_left_out(write):
    source = load(
        write(
            """\
task.check(double, (1.0,), seconds=0.05)
task.mistake("loop", "It never ends.", "return x * 2", "while True: pass")
# END TESTS
"""
        )
    )
    assert source.candidates(source.assignment.checks[0]) == []


def test_dataclasses_and_printing_in_a_source(write, capsys):
    source = load(
        write(
            """\
task.check(double, (1.0,))
# END TESTS
from __future__ import annotations
""".replace(
                "from __future__ import annotations\n",
                "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: 'int'\n",
            )
            + "print('loud')\n"
        )
    )
    assert source.namespace["A"](1).x == 1 and capsys.readouterr().out == ""


def test_find(tmp_path, write):
    path = write("task.check(double, (1.0,))\n# END TESTS\n")
    assert find(tmp_path) == path
    (tmp_path / "helper.py").write_text("x = 1\n")
    assert find(tmp_path) == path
    (tmp_path / "second.py").write_text("# BEGIN TESTS\n")
    with pytest.raises(ValueError, match="several assignments"):
        find(tmp_path)
    with pytest.raises(FileNotFoundError):
        find(tmp_path / "none.py")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(ValueError, match="Python file"):
        find(tmp_path / "a.txt")
