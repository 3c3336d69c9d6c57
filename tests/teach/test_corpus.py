"""The corpus of mistakes: that it is what it says, and that no less of it is named than once was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest
from corpus import learners_rules as _registers  # noqa: F401
from corpus import run
from corpus.forwards import FORWARDS, SCHEDULES, wrong
from corpus.passes import EXERCISES, Exercise
from corpus.random_programs import random_program
from corpus.rules import REWRITTEN, RULES, wrong_rules
from corpus.runs import RUNS
from corpus.subjects import SUBJECTS, Subject, cases, differs, numerical
from hypothesis import strategies as st

from minigrad.optim import rules

# the shares that are named: raise them as the diagnosis gets better
NAMED, NAMED_RANDOM, NAMED_PASSES, NAMED_RULES, NAMED_FORWARDS, NAMED_RUNS = 0.84, 0.85, 0.90, 0.95, 0.93, 0.95

EVERY = pytest.param(1, id="all", marks=pytest.mark.exhaustive)


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=lambda subject: subject.name)
def test_backward_pass_is_right_and_each_edit_makes_it_wrong(subject: Subject) -> None:
    right = subject.run()
    for name, dx in right.items():
        assert np.allclose(dx, numerical(subject, name), rtol=1e-6, atol=1e-8), name
    for mistake in subject.mistakes:
        wrong = mistake.gradients()
        assert any(differs(wrong[name], right[name]) for name in wrong), f"{mistake} changes nothing"


@pytest.mark.slow
def test_corpus_is_large_and_no_case_comes_twice() -> None:
    every = list(cases())
    assert len(every) >= 2600 and len({id(mistake) for mistake, _, _ in every}) >= 1500
    assert len(run.RIGHT) >= 80


@pytest.mark.parametrize("step", [pytest.param(400, id="sample"), EVERY])
@pytest.mark.slow
def test_wrong_gradients_are_found_and_named(step: int) -> None:
    outcomes = list(run.wrong_gradients(lambda mistake, number: number % step == 0))
    assert not [one.case for one in outcomes if not one.found]
    named = np.mean([one.named for one in outcomes])
    assert named >= NAMED - (0.2 if step > 1 else 0), f"{named:.1%} are named; run tests/teach/corpus/run.py --misses"


@pytest.mark.slow
def test_a_gate_is_told_from_the_others_that_call_the_same_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minigrad.teach.search.comparison.LIMIT", 60)
    chosen = lambda mistake, number: mistake.row.new == "df = dc * c_old * f"  # noqa: E731
    one = next(iter(run.wrong_gradients(chosen)))
    assert one.named and "`f` (line" in one.sentence and "`f` instead of `f * (1 - f)`" in one.sentence, one
    assert "in every pass of the loop" in one.sentence


@pytest.mark.parametrize("step", [pytest.param(9, id="sample"), EVERY])
@pytest.mark.slow
def test_no_right_gradient_is_blamed(step: int) -> None:
    assert not [one.case for one in run.right_gradients(step) if not one.named]


@pytest.mark.slow
@hypothesis.settings(max_examples=3, derandomize=True)
@hypothesis.given(st.integers(0, 10**6))
def test_random_programs_are_left_alone_and_mistakes_in_them_are_found(seed: int) -> None:
    program = random_program(seed)
    hypothesis.assume(abs(program.function()(**program.arguments)) < 1e6)  # beyond, rounding hides the small gradients
    assert all(one.named for one in run.random_gradients([seed], right=True))
    assert all(one.found for one in run.random_gradients([seed]))


@pytest.mark.slow
@pytest.mark.exhaustive
def test_mistakes_in_random_programs_are_named() -> None:
    named = np.mean([one.named for one in run.random_gradients(range(100))])
    assert named >= NAMED_RANDOM, f"{named:.1%} are named; run tests/teach/corpus/run.py random --misses"


# ---- update rules ----------------------------------------------------------------------------------------------


def path(step: Callable[..., Any], learning_rate: float, **settings: Any) -> np.ndarray:
    """Where a rule goes: fixed gradients of mixed scale under a decaying rate."""
    rng = np.random.default_rng(0)
    x, state, points = rng.standard_normal((2, 3)), {}, []
    for t in range(12):
        after = step(x, rng.standard_normal((2, 3)) * [1, 10, 0.1], state, learning_rate * 0.9**t, **settings)
        x, state = after if isinstance(after, tuple) else (x if after is None else after, state)
        points.append(x.copy())
    return np.array(points)


def adamw(x: Any, dx: Any, state: Any, learning_rate: float, weight_decay: float, **settings: Any) -> Any:
    return rules.adam(x - learning_rate * weight_decay * x, dx, state, learning_rate, **settings)


def test_rules_are_right_and_each_edit_makes_them_wrong() -> None:
    for one in RULES.values():
        if "(x, dx, state, learning_rate" not in one.source or one.label == "sgd_with_l2":
            continue  # called in another way
        right = path(adamw if one.name == "adamw" else getattr(rules, one.name), **one.settings)
        assert np.allclose(path(one.compiled(), one.settings["learning_rate"]), right, rtol=1e-9), one.label
        for mistake in one.mistakes:
            with np.errstate(all="ignore"):
                try:
                    wrong = path(mistake.step(), one.settings["learning_rate"])
                except ZeroDivisionError:
                    continue
            # one state for all parameters is no mistake while there is one parameter
            assert mistake.row.cause == "one state for all parameters" or not np.allclose(wrong, right), str(mistake)
    for step, name, settings in REWRITTEN:
        right = path(adamw if name == "adamw" else getattr(rules, name), **settings)
        assert np.allclose(path(step, settings["learning_rate"]), right, rtol=1e-9), step.__name__
    assert len(list(wrong_rules())) >= 240


@pytest.mark.parametrize("step", [pytest.param(60, id="sample"), EVERY])
@pytest.mark.slow
def test_wrong_rules_are_found_and_named(step: int) -> None:
    outcomes = list(run.wrong_updates(lambda mistake, number: number % step == 0))
    # of nadam's two values of mu, one for the other changes the fifth digit
    assert {one.case for one in outcomes if not one.found} <= {
        one.case for one in outcomes if "nadam: mb = mu2" in one.case
    }
    named = np.mean([one.named for one in outcomes])
    assert named >= NAMED_RULES - (0.3 if step > 1 else 0), f"{named:.1%} are named; run corpus/run.py rules --misses"


def test_no_right_rule_is_blamed() -> None:
    assert not [one.case for one in run.right_updates() if not one.named]


# ---- backward passes line by line, forward passes, schedules -----------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_each_line_is_right_and_each_edit_makes_its_line_wrong_first(exercise: Exercise) -> None:
    loss, names = exercise.run()
    loss.backward()
    by_hand = [name for name in names if name.startswith("d") and name[1:] in names and name in exercise.backward]
    right = {name: names[name[1:]].grad.numpy() for name in by_hand}
    for name, dx in right.items():
        assert names[name].shape == dx.shape and np.allclose(names[name], dx), name
    for edit in exercise.edits:
        found = exercise.run(edit.source())[1]
        wrong = [name for name in right if found[name].shape != right[name].shape or differs(found[name], right[name])]
        assert min(wrong, key=lambda name: exercise.backward.index(f"\n{name} ")) == edit.line, str(edit)


@pytest.mark.parametrize("step", [pytest.param(5, id="sample"), EVERY])
@pytest.mark.slow
def test_a_wrong_line_is_the_only_one_called_wrong_and_its_cause_is_named(step: int) -> None:
    outcomes = list(run.wrong_passes(lambda number: number % step == 0))
    assert not [one.case for one in outcomes if not one.found]
    named = np.mean([one.named for one in outcomes])
    assert named >= NAMED_PASSES - (0.3 if step > 1 else 0), f"{named:.1%} are named; run corpus/run.py passes --misses"


def test_each_edit_of_a_forward_pass_and_of_a_schedule_changes_it() -> None:
    for one, row in wrong(FORWARDS):
        a = (one.reference or one.function())(*map(np.copy, one.inputs.values()))
        with np.errstate(all="ignore"):
            b = one.function(row)(*map(np.copy, one.inputs.values()))
        assert np.shape(a) != np.shape(b) or not np.allclose(a, b), f"{one.label}: {row.old} => {row.new}"
    for one, row in wrong(SCHEDULES):
        f, g = one.function(), one.function(row)
        assert not np.allclose([f(t) for t in range(50)], [g(t) for t in range(50)]), f"{one.label}: {row.new}"


@pytest.mark.parametrize("step", [pytest.param(29, id="sample"), EVERY])
@pytest.mark.slow
def test_wrong_forward_passes_are_found_and_named(step: int) -> None:
    outcomes = list(run.wrong_forwards(lambda one, number: number % step == 0))
    assert not [one.case for one in outcomes if not one.found]
    named = np.mean([one.named for one in outcomes])
    assert named >= NAMED_FORWARDS - (0.2 if step > 1 else 0), f"{named:.1%} are named; run corpus/run.py forwards"


def test_no_right_forward_pass_is_blamed() -> None:
    assert not [(one.case, one.sentence) for one in run.right_forwards() if not one.named]


# ---- training runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [pytest.param(60, id="sample"), EVERY])
@pytest.mark.slow
def test_healthy_runs_are_left_alone_and_sick_ones_are_named(step: int) -> None:
    outcomes = list(run.training_runs(RUNS[::step].__contains__))
    assert not [one.case for one in outcomes if one.kind == "healthy" and not one.named]
    named = np.mean([one.named for one in outcomes if one.kind == "sick"])
    assert named >= NAMED_RUNS - (0.2 if step > 1 else 0), f"{named:.1%} are named; run tests/teach/corpus/run.py runs"
