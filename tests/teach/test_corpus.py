"""The corpus of mistakes: that it is what it says, and that no less of it is named than once was."""

from __future__ import annotations

import numpy as np
import pytest
from corpus import run
from corpus.subjects import SUBJECTS, Subject, cases, differs, numerical

NAMED = 0.16  # the share of the wrong gradients: raise it as the diagnosis gets better
# right gradients that are called wrong: take a name out as soon as it is left alone
BLAMED = {
    "log at 1e-9",
    "log at 1e-12, summed",
    "root of a small number",
    "float32: affine",
    "float32: tanh of a layer",
    "float32: a mean of squares",
    "float32: log of exponentials",
}


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=lambda subject: subject.name)
def test_backward_pass_is_right_and_each_edit_makes_it_wrong(subject: Subject) -> None:
    right = subject.run()
    for name, dx in right.items():
        assert np.allclose(dx, numerical(subject, name), rtol=1e-6, atol=1e-8), name
    for mistake in subject.mistakes:
        wrong = mistake.gradients()
        assert any(differs(wrong[name], right[name]) for name in wrong), f"{mistake} changes nothing"


def test_corpus_is_large_and_no_case_comes_twice() -> None:
    every = list(cases())
    assert len(every) >= 600 and len({id(mistake) for mistake, _, _ in every}) >= 450
    assert len(run.RIGHT) >= 80


@pytest.mark.parametrize("step", [pytest.param(12, id="sample"), pytest.param(1, id="all", marks=pytest.mark.slow)])
def test_wrong_gradients_are_found_and_named(step: int) -> None:
    outcomes = list(run.wrong_gradients(lambda mistake, number: number % step == 0))
    assert not [one.case for one in outcomes if not one.found]
    named = np.mean([one.named for one in outcomes])
    assert named >= NAMED - (0.05 if step > 1 else 0), f"{named:.1%} are named; run tests/teach/corpus/run.py --misses"


def test_no_right_gradient_is_blamed() -> None:
    assert {one.case for one in run.right_gradients() if not one.named} <= BLAMED
