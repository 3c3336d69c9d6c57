"""Text, character by character: the vocabulary, and windows to learn the next character from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from minigrad.data.checks import check_integer
from minigrad.data.dataset import Batch


class Vocabulary:
    """The characters of a text, in order, and their numbers from 0.

    >>> vocabulary = Vocabulary("hello")
    >>> vocabulary.characters, vocabulary.encode("hole").tolist()
    ('ehlo', [1, 3, 2, 0])
    >>> vocabulary.decode([1, 0, 2, 2, 3])
    'hello'
    """

    def __init__(self, text: Iterable[str]) -> None:
        self.characters = "".join(sorted({c for piece in text for c in piece}))
        if not self.characters:
            raise ValueError("Vocabulary: the text is empty")
        self._numbers = {c: i for i, c in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def __repr__(self) -> str:
        return f"Vocabulary({self.characters!r})"

    def encode(self, text: str) -> np.ndarray:
        """The number of each character, int64 (len(text),).

        Raises:
            ValueError: for a character that is not in the vocabulary, with its place.
        """
        try:
            return np.array([self._numbers[c] for c in text], dtype=np.int64)
        except KeyError:
            i, c = next((i, c) for i, c in enumerate(text) if c not in self._numbers)
            raise ValueError(
                f"encode: the character {c!r} at {i} is not in the vocabulary of {len(self)}; make the vocabulary from "
                "the whole text, before it is split"
            ) from None

    def decode(self, numbers: Any) -> str:
        """The text of these numbers, an array, a tensor or a list.

        Raises:
            ValueError: for a number outside the vocabulary.
        """
        array = np.asarray(numbers.tolist() if hasattr(numbers, "tolist") else numbers, dtype=np.int64).ravel()
        if array.size and not 0 <= array.min() <= array.max() < len(self):
            raise ValueError(
                f"decode: the vocabulary has the numbers 0 to {len(self) - 1}; got {array.min()} to {array.max()}"
            )
        return "".join([self.characters[i] for i in array.tolist()])


class Text:
    """A text as numbers, and windows of it: sample i is (characters i to i + length, those one place further on).

    Args:
        text: the text.
        length: the number of characters in a window.
        vocabulary: that of a larger text, if this is a part of it; else this one's own.
        seed: where the sequence of random batches starts.

    Raises:
        ValueError: for a text that is shorter than a window and one, or has a character outside the vocabulary.

    >>> text = Text("to be or not to be", length=5)
    >>> X, y = text[0]
    >>> text.vocabulary.decode(X), text.vocabulary.decode(y)
    ('to be', 'o be ')
    >>> X, y = text.sample_data_batch(size=32)
    >>> X.shape, y.shape, y.dtype
    ((32, 5), (32, 5), dtype('int64'))
    """

    def __init__(self, text: str, length: int, vocabulary: Vocabulary | None = None, seed: int = 0) -> None:
        self.length = check_integer("length", length)
        self.vocabulary = Vocabulary(text) if vocabulary is None else vocabulary
        self.numbers = self.vocabulary.encode(text)
        if len(self.numbers) <= self.length:
            raise ValueError(f"Text: {len(self.numbers)} characters are too few for windows of {length} and one more")
        self._rng = np.random.default_rng(check_integer("seed", seed, least=0))

    @classmethod
    def from_file(cls, path: Path | str, length: int, encoding: str = "utf-8", **settings: Any) -> Self:
        """The text in a file.

        Raises:
            ValueError: when it is not text in this encoding; and as the class itself.
        """
        try:
            text = Path(path).read_text(encoding)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not text in {encoding}: {error}") from None
        return cls(text, length, **settings)

    def split(self, fraction: float) -> Sequence[Self]:
        """Two texts with the same vocabulary: the first `fraction` of this one, and the rest."""
        if not 0 < fraction < 1:
            raise ValueError(f"split: fraction is between 0 and 1, not {fraction}")
        cut = int(len(self.numbers) * fraction)
        text = self.vocabulary.decode(self.numbers)
        return [type(self)(part, self.length, self.vocabulary) for part in (text[:cut], text[cut:])]

    def __len__(self) -> int:
        return len(self.numbers) - self.length

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Text: window {i} of {len(self)}")
        i %= len(self)
        window = self.numbers[i : i + self.length + 1]
        return window[:-1].copy(), window[1:].copy()

    def sample_data_batch(self, size: int = 64) -> Batch:
        """`size` windows at random: X and y, each int64 (size, length)."""
        starts = self._rng.integers(0, len(self), check_integer("size", size))
        windows = self.numbers[starts[:, None] + np.arange(self.length + 1)]
        return Batch(windows[:, :-1].copy(), windows[:, 1:].copy())
