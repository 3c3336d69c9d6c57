"""Judging an answer: tolerance, shapes, what is not finite, and what a hidden check does not say."""

from dataclasses import replace

import numpy as np
import pytest

from minigrad.course.assignment import Assignment
from minigrad.course.judging import Expectation, clean, judge
from minigrad.course.source import Candidate
from minigrad.course.wire import as_array


def declared(**options):
    task = Assignment("A").task("1", "t")
    task.check(np.exp, (), **options)
    return replace(task.checks[0], points=1.0)


def judged(found, expected, candidates=(), inputs=(), after=(), **options):
    found, expected = ([a if isinstance(a, str) else as_array(a) for a in values] for values in (found, expected))
    wanted = Expectation(expected, lambda: [(c, [as_array(c.outputs)]) for c in candidates], inputs)
    return judge(declared(**options), {"outputs": len(found)}, [*found, *after], wanted)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "found, expected, right",
    [
        (1.0, 1.0, True),
        (1, 1.0, True),
        (1.0 + 1e-8, 1.0, True),
        (1.0 + 1e-6, 1.0, False),
        (NAN, 1.0, False),
        (1.0, NAN, False),
        (NAN, NAN, True),
        (INF, INF, True),
        (-INF, INF, False),
        (1.0, INF, False),
        (INF, 1.0, False),
        (1e308, -1e308, False),
        ([1.0], 1.0, False),
        ([[1.0, 2.0]], [1.0, 2.0], False),
        ([], [], True),
        (np.float32(1 + 5e-5), 1.0, True),
        (np.float32(1 + 5e-4), 1.0, False),
        (1 + 5e-5, np.float32(1), True),
        (True, 1.0, True),
        (False, 1.0, False),
        (2**53 + 1, 2**53 + 1, True),
        (np.uint8(255), -1, False),
        (np.uint64(2**64 - 1), np.int64(-1), False),
    ],
)
def test_an_output_is_right_within_the_tolerance(found, expected, right):
    assert (judged([found], [expected]).status == "passed") is right


def test_messages_say_what_came_and_where():
    def message(found, expected, **options):
        return judged(found, expected, **options).message

    assert message([[1.0, 2.5]], [[1.0, 2.0]]) == "The output is 2.5 at [1], but 2 is expected; 1 of 2 numbers differ."
    assert message([1.0, 2.0], [1.0]) == "2 outputs are returned, but 1 is expected."
    assert message(["text"], [1.0]) == "The output is text, but a number is expected."
    assert message([[1.0]], [1.0], outputs=("dx",)) == "dx is an array of shape (1,), but a number is expected."
    assert "nan (not finite) at [0]" in message([[NAN]], [[1.0]])
    assert message([False], [True]) == "The output is False, but True is expected."
    assert message([], [1.0]).startswith("Nothing is returned")


@pytest.mark.parametrize(
    "found, said",
    [
        ([[1.0, 2.5]], "The output is wrong at [1]; 1 of 2 numbers differ."),
        ([[1.0, np.nan]], "The output is not finite at [1]; 1 of 2 numbers differ."),
        ([np.zeros(2718)], "The output has a wrong shape."),
        (["2.718"], "The output is not an array of numbers."),
        ([2.5] * 27, "The number of outputs is wrong."),
    ],
)
def test_a_hidden_check_says_neither_what_it_expects_nor_what_came(found, said):
    assert judged(found, [[1.0, 2.125]], hidden=True).message == said


def test_a_known_mistake_is_named_only_where_it_differs():
    same = Candidate("same", "Nothing changes.", "", 2.0, "1")
    forgotten = Candidate("forgotten", "It is forgotten.", "Look at the end", 3.0, "1")
    found = judged([3.0], [2.0], [same, forgotten])
    assert (found.mistake, found.cause, found.hint) == ("forgotten", "It is forgotten.", "Look at the end")
    assert judged([4.0], [2.0], [same, forgotten]).mistake == ""


def weighted_loss(x, w, dy):
    """Return a loss."""
    y = x * w
    return (y * dy).sum()


def test_a_wrong_gradient_is_explained_by_the_lines_of_its_function():
    x, w, dy = np.array([1.0, 2.0, 3.0]), np.array([5.0, -7.0, 4.0]), np.array([0.5, 3.0, -2.0])
    options = {"outputs": ("dx", "dw"), "gradient_of": weighted_loss, "wrt": (0, 1), "inputs": (x, w, dy)}
    right = [dy * w, dy * x]
    found = judged([dy, dy * x], right, **options)
    assert "(line 3 of weighted_loss)" in found.cause
    assert not found.cause.startswith("dx")
    found = judged([dy, dy], right, **options)
    assert found.hint.startswith("dx: Look at") and "(line 3 of weighted_loss)" in found.cause


def test_writing_into_the_inputs_is_a_mistake_only_if_the_check_says_so():
    inputs, after = (np.ones(2), 3), [np.zeros(2), np.array(3)]
    assert judged([1.0], [1.0], inputs=inputs, after=after).status == "passed"
    found = judged([1.0], [1.0], inputs=inputs, after=after, may_write=False)
    assert (found.status, found.message) == ("failed", "The function writes into its argument 1.")
    assert judged([1.0], [1.0], inputs=inputs, after=[np.ones(2), np.array(3)], may_write=False).status == "passed"


@pytest.mark.parametrize(
    "answer",
    [{}, {"outputs": -1}, {"outputs": 5}, {"outputs": True}, {"outputs": 1.0}, {"status": "passed", "earned": 9}],
)
def test_an_answer_that_is_none_earns_nothing(answer):
    found = judge(declared(), answer, [np.ones(())], Expectation([np.ones(())], list, ()))
    assert found.status == "error" and found.earned == 0


def test_texts_are_clean():
    assert clean("\x1b[31m\x00 <f at 0x7f0000000000>") == "\\x1b[31m\\x00 <f at 0x…>"
    assert len(clean("x" * 10**6)) <= 1000


def test_a_mistake_in_what_is_returned_is_named():
    a, b, c = np.arange(6.0).reshape(2, 3) + 0.3, np.arange(4.0), np.array([2.5])
    for found, expected, said in (
        (["None"], [a], "returns None"),
        (["generator"], [a], "return instead of yield"),
        ([b, c, a], [a, b, c], "another order: return dX, dW, db"),
        ([a.astype(int), b, c], [a, b, c], "int64, which has no fraction"),
        ([a.astype(np.float16) + np.float16(0.004), b, c], [a, b, c], "float16, which has three digits"),
    ):
        wrong = judged(found, expected, outputs=["dX", "dW", "db"])
        assert wrong.status == "failed" and said in wrong.cause and wrong.mistake and wrong.hint
    assert not judged([a + 1, b, c], [a, b, c]).cause


def test_a_known_mistake_is_not_named_for_numbers_without_their_fraction():
    dropped = Candidate("no bias", "The bias is not added.", "", 11.0, "1")
    assert judged([11.0], [11.5], [dropped]).mistake == "no bias"
    assert judged([11], [11.5], [dropped]).mistake == "integers"
