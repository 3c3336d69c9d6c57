"""`digits`: the handwritten digits that come with minigrad.

Source: E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
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
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minigrad.data.dataset import Dataset

SHA256 = "4000812c564d9dc5e07f541d7f704a254c5ac9178075ae5c69649912344d245f"
TRAIN = 1437


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
    return read(Path(__file__).with_name("digits.npz"))


def read(path: Path) -> Split:
    """Read the digits from the `.npz` file at `path` and compare their checksum.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, or holds other pixels or labels.
    """
    fault = f"{path} is damaged or was changed; reinstall minigrad to get the digits it came with"
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
