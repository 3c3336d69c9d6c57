"""Random tensors: reproducible, and distributed as they say (seeded, so that no run differs from another)."""

from __future__ import annotations

import copy
import pickle
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Generator, nn
from minigrad.utils.data import DataLoader, random_split

MAKERS: dict[str, Callable[[Any], Any]] = {
    "rand": lambda g: minigrad.rand(50, generator=g),
    "randn": lambda g: minigrad.randn((5, 10), generator=g),
    "randint": lambda g: minigrad.randint(100, (50,), generator=g),
    "randperm": lambda g: minigrad.randperm(50, generator=g),
    "normal": lambda g: minigrad.normal(1.0, 2.0, (50,), generator=g),
    "rand_like": lambda g: minigrad.rand_like(minigrad.zeros(50), generator=g),
    "randn_like": lambda g: minigrad.randn_like(minigrad.zeros(50), generator=g),
    "randint_like": lambda g: minigrad.randint_like(minigrad.zeros(50), 100, generator=g),
    "bernoulli": lambda g: minigrad.bernoulli(minigrad.full((50,), 0.5), generator=g),
    "poisson": lambda g: minigrad.poisson(minigrad.full((50,), 3.0), generator=g),
    "multinomial": lambda g: minigrad.ones(50).multinomial(50, generator=g),
    "multinomial again": lambda g: minigrad.multinomial(minigrad.ones(50), 50, True, generator=g),
    "uniform_": lambda g: minigrad.zeros(50).uniform_(generator=g),
    "normal_": lambda g: minigrad.zeros(50).normal_(generator=g),
    "random_": lambda g: minigrad.zeros(50).random_(generator=g),
    "bernoulli_": lambda g: minigrad.zeros(50).bernoulli_(generator=g),
    "exponential_": lambda g: minigrad.zeros(50).exponential_(generator=g),
    "nn.init.uniform_": lambda g: nn.init.uniform_(minigrad.zeros(50), generator=g),
    "nn.init.orthogonal_": lambda g: nn.init.orthogonal_(minigrad.zeros(5, 10), generator=g),
    "random_split": lambda g: minigrad.tensor(random_split(range(50), [50], g)[0].indices),
    "DataLoader": lambda g: next(iter(DataLoader(range(50), 50, shuffle=True, generator=g))),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_seed_says_all_numbers(make: Callable[[Any], Any]) -> None:
    minigrad.manual_seed(5)
    first, second = make(None), make(None)
    minigrad.manual_seed(5)
    assert (make(None) == first).all() and (make(None) == second).all()
    assert not (first == second).all()
    of_its_own = make(Generator().manual_seed(5))
    assert (of_its_own == first).all()
    assert (make(np.random.Generator(np.random.PCG64(5))) == first).all()


def test_a_generator_of_ones_own_leaves_the_others_alone() -> None:
    minigrad.manual_seed(1)
    expected = minigrad.rand(3)
    minigrad.manual_seed(1)
    minigrad.rand(3, generator=Generator())
    assert (minigrad.rand(3) == expected).all()


def test_states() -> None:
    minigrad.manual_seed(1)
    minigrad.randint(10, (3,))
    state = minigrad.get_rng_state()
    assert state.dtype == np.uint8
    expected = minigrad.randn(4)
    minigrad.manual_seed(2)
    minigrad.set_rng_state(state)
    assert (minigrad.randn(4) == expected).all() and minigrad.initial_seed() == 1
    g = Generator().manual_seed(7)
    g.numpy.integers(10, dtype=np.uint32)  # leaves half a number over
    for other in (Generator().set_state(g.get_state()), copy.deepcopy(g), pickle.loads(pickle.dumps(g))):
        assert other.initial_seed() == 7
        assert (
            other.numpy.integers(2**32, size=5, dtype=np.uint32).tolist()
            == copy.deepcopy(g).numpy.integers(2**32, size=5, dtype=np.uint32).tolist()
        )


def test_seeds() -> None:
    g = Generator()
    assert g.initial_seed() == Generator().initial_seed() == 67280421310721
    assert g.manual_seed(-1) is g and g.initial_seed() == 2**64 - 1
    assert g.seed() == g.initial_seed() != Generator().seed()
    assert isinstance(minigrad.manual_seed(3), Generator)
    assert minigrad.seed() == minigrad.initial_seed()
    with pytest.raises(TypeError, match="must be an integer, got float"):
        g.manual_seed(1.5)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="64 bits"):
        g.manual_seed(2**64)
    with pytest.raises(TypeError, match="45 bytes"):
        g.set_state(minigrad.zeros(45))


def moments(t: Any) -> tuple[float, float]:
    return float(t.double().mean()), float(t.double().var())


@pytest.mark.parametrize(
    "make, mean, variance",
    [
        (lambda n: minigrad.rand(n), 1 / 2, 1 / 12),
        (lambda n: minigrad.randn(n), 0, 1),
        (lambda n: minigrad.randint(-2, 3, (n,)), 0, 2),
        (lambda n: minigrad.normal(minigrad.full((n,), 2.0), 3.0), 2, 9),
        (lambda n: minigrad.normal(1.0, minigrad.full((n,), 2.0)), 1, 4),
        (lambda n: minigrad.normal(1.0, 2.0, (n,)), 1, 4),
        (lambda n: minigrad.full((n,), 0.3).bernoulli(), 0.3, 0.21),
        (lambda n: minigrad.zeros(n).bernoulli(0.2), 0.2, 0.16),
        (lambda n: minigrad.poisson(minigrad.full((n,), 3.0)), 3, 3),
        (lambda n: minigrad.empty(n).uniform_(-1, 3), 1, 16 / 12),
        (lambda n: minigrad.empty(n).uniform_(**{"from": -1, "to": 3}), 1, 16 / 12),
        (lambda n: minigrad.empty(n).normal_(1, 2), 1, 4),
        (lambda n: minigrad.empty(n).exponential_(0.5), 2, 4),
        (lambda n: minigrad.empty(n).random_(5), 2, 2),
        (lambda n: minigrad.empty(n, dtype=int).random_(3, 8), 5, 2),
        (lambda n: minigrad.empty(n).bernoulli_(0.3), 0.3, 0.21),
        (lambda n: minigrad.tensor([1.0, 0.0, 3.0]).multinomial(n, True), 1.5, 0.75),
    ],
)
def test_moments(make: Callable[[int], Any], mean: float, variance: float) -> None:
    minigrad.manual_seed(11)
    n = 40_000
    t = make(n)
    m, v = moments(t)
    assert abs(m - mean) < 5 * (variance / n) ** 0.5
    assert abs(v - variance) < 0.06 * variance


def test_whole_range_of_random_() -> None:
    minigrad.manual_seed(0)
    assert set(minigrad.empty(5000, dtype=np.uint8).random_().tolist()) == set(range(256))
    assert set(minigrad.empty(5000, dtype=np.int8).random_().tolist()) == set(range(128))
    assert set(minigrad.empty(50, dtype=bool).random_().tolist()) == {False, True}
    assert minigrad.empty(5000).random_().max() > 2**23
    assert minigrad.empty(500, dtype=np.int64).random_().max() > 2**61


def test_uniform_excludes_its_end() -> None:
    class Top:
        """A source that draws the greatest number below 1 that there is."""

        def random(self, shape: Any, dtype: Any) -> Any:
            return np.full(shape, np.nextafter(dtype.type(1), dtype.type(0)))

    g = Generator()
    g.numpy = Top()  # type: ignore[assignment]
    assert (minigrad.rand(2, generator=g) < 1).all()
    assert (minigrad.empty(2).uniform_(1000, 1001, generator=g) < 1001).all()


def test_without_replacement_the_first_has_its_probability() -> None:
    minigrad.manual_seed(0)
    weights = minigrad.tensor([[1.0, 2.0, 0.0, 7.0]]).repeat(20_000, 1)
    drawn = weights.multinomial(3)
    assert drawn.shape == (20_000, 3) and drawn.dtype == np.int64
    assert (drawn.sort(1).values == minigrad.tensor([0, 1, 3])).all()
    counts = drawn[:, 0].bincount(minlength=4) / 20_000
    assert np.allclose(counts.numpy(), [0.1, 0.2, 0, 0.7], atol=0.012)
    second_after_three = drawn[drawn[:, 0] == 3][:, 1].float().mean()  # 1 with probability 2/3
    assert abs(second_after_three - 2 / 3) < 0.02


def test_with_replacement_zero_weights_are_never_drawn() -> None:
    minigrad.manual_seed(0)
    drawn = minigrad.tensor([[0.0, 1.0, 0.0, 3.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]]).multinomial(
        10_000, replacement=True
    )
    assert set(drawn[0].tolist()) == {1, 3} and set(drawn[1].tolist()) == {0}
    assert abs((drawn[0] == 3).float().mean() - 0.75) < 0.02


def test_randn_is_normal() -> None:
    minigrad.manual_seed(0)
    t = minigrad.randn(100_000).numpy()
    for q in (-2.0, -1.0, 0.0, 0.5, 2.5):
        assert abs((t < q).mean() - statistics.NormalDist().cdf(q)) < 0.006


def test_shapes_and_dtypes() -> None:
    assert minigrad.rand(()).shape == minigrad.rand(size=()).shape == ()
    assert minigrad.rand(2, 0).shape == (2, 0)
    assert minigrad.rand(2, dtype=np.float64).dtype == np.float64
    assert minigrad.randint(3, (2,)).dtype == minigrad.randperm(3).dtype == np.int64
    assert minigrad.randint(3, (2,), dtype=np.float32).dtype == np.float32
    assert minigrad.randint(high=3, low=1, size=(2, 2)).shape == (2, 2)
    assert minigrad.randint_like(minigrad.zeros(3, 1), 2, 5).shape == (3, 1)
    assert sorted(minigrad.randperm(6).tolist()) == list(range(6)) and minigrad.randperm(0).shape == (0,)
    assert minigrad.normal(minigrad.zeros(3, 1), minigrad.ones(2)).shape == (3, 2)
    assert minigrad.bernoulli(minigrad.rand(2, 3).double()).dtype == np.float64
    assert minigrad.randn(2, requires_grad=True, device="cpu").requires_grad
    assert minigrad.tensor(0.5).bernoulli().shape == ()


def test_filling_in_place_is_as_any_write() -> None:
    w = minigrad.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="in place on a leaf"):
        w.normal_()
    with minigrad.no_grad():
        assert w.uniform_(5, 6) is w and (w >= 5).all()
    h = w * 2
    h[:2].uniform_()
    h.sum().backward()
    assert w.grad is not None and w.grad.tolist() == [0, 0, 2]


ZEROS = minigrad.zeros(2)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: minigrad.rand(-1), ValueError, "rand: a size must not be negative, got -1"),
        (lambda: minigrad.rand(2, dtype=int), TypeError, "float32 or float64, not int64"),
        (
            lambda: minigrad.rand(2, generator=3),
            TypeError,
            "generator must be a Generator, got int: pass minigrad.Generator",
        ),
        (lambda: minigrad.rand(2, device="cuda"), RuntimeError, "CPU only"),
        (lambda: minigrad.rand(2, pin_memory=True), NotImplementedError, "pin_memory=True"),
        (lambda: minigrad.rand(2, seed=3), TypeError, "unexpected keyword argument 'seed'"),
        (lambda: Generator("cuda"), RuntimeError, "CPU only"),
        (lambda: minigrad.randint(5), TypeError, "the size is missing"),
        (lambda: minigrad.randint(5, 5, (1,)), ValueError, "low=5 must be less than high=5"),
        (lambda: minigrad.randperm(-1), ValueError, "n must not be negative"),
        (lambda: minigrad.normal(0.0, -1.0, (2,)), ValueError, "must not be negative, got -1"),
        (lambda: minigrad.normal(0.0, 1.0), TypeError, "size must be given"),
        (lambda: minigrad.normal(ZEROS, 1.0, (2,)), TypeError, "size must not be given with tensors"),
        (lambda: ZEROS.long().normal_(), TypeError, "normal_: takes a tensor of floats, not of int64"),
        (lambda: ZEROS.clone().normal_(0, -1), ValueError, "std must not be negative"),
        (lambda: ZEROS.clone().uniform_(1, 0), ValueError, "from=1 must not be greater than to=0"),
        (lambda: ZEROS.clone().uniform_(frm=1), TypeError, "unexpected keyword argument 'frm'"),
        (lambda: ZEROS.clone().random_(3, 3), ValueError, "from=3 must be less than to=3"),
        (lambda: ZEROS.clone().exponential_(0), ValueError, "greater than 0"),
        (lambda: ZEROS.clone().bernoulli_(1.5), ValueError, "from 0 to 1, got 1.5"),
        (lambda: minigrad.bernoulli(minigrad.tensor([1.0, 2.0])), ValueError, "from 0 to 1"),
        (lambda: minigrad.bernoulli(0.5), TypeError, "bernoulli: takes a tensor, got float"),
        (lambda: minigrad.poisson(minigrad.tensor([-1.0])), ValueError, "rates must not be negative"),
        (lambda: minigrad.multinomial(ZEROS, 1), ValueError, "all 0"),
        (lambda: minigrad.multinomial(ZEROS - 1, 1), ValueError, "softmax"),
        (lambda: minigrad.multinomial(ZEROS + 1, 3), ValueError, "without replacement 3 samples .* there are 2"),
        (lambda: minigrad.multinomial(ZEROS + 1, 0), ValueError, "positive integer, got 0"),
        (lambda: minigrad.multinomial(minigrad.ones(2, 2, 2), 1), ValueError, r"shape \(2, 2, 2\)"),
        (lambda: minigrad.multinomial(ZEROS.long(), 1), TypeError, "floats, not of int64"),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
