import doctest

import pytest

from minigrad import Tensor
from minigrad.tensors.methods.method_factories import EXAMPLES

OPTIONS = doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("name", EXAMPLES)  # doctest does not collect the docstrings that a factory composes
def test_the_example_of_a_method_from_a_factory_runs(name: str) -> None:
    doc = getattr(Tensor, name).__doc__
    assert ">>>" in doc
    test = doctest.DocTestParser().get_doctest(doc, {}, name, None, 0)
    assert doctest.DocTestRunner(verbose=False, optionflags=OPTIONS).run(test).failed == 0


def test_methods_that_courses_use_have_an_example() -> None:
    names = "sum mean max argmax exp log tanh relu clamp norm softmax masked_fill add sub mul div pow item tolist numpy"
    for name in names.split():
        assert ">>>" in (getattr(Tensor, name).__doc__ or ""), name
