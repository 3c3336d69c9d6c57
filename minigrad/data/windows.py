"""Character-level text: `Vocabulary` numbers the characters, `Text` gives windows for predicting the next one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from minigrad.data.checks import check_integer
from minigrad.data.dataset import Batch
from minigrad.output.words import printable


class Vocabulary:
    """The distinct characters of a text, sorted, and their numbers from 0.

    Args:
        text: a string, or several.

    Attributes:
        characters: the characters; the position of each is its number.

    Raises:
        ValueError: if the text is empty.

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
        """Return the number of each character, int64 (len(text),).

        Raises:
            ValueError: if a character is not in the vocabulary; the message names its position.
        """
        try:
            return np.array([self._numbers[c] for c in text], dtype=np.int64)
        except KeyError:
            i, c = next((i, c) for i, c in enumerate(text) if c not in self._numbers)
            raise ValueError(
                f"encode: the character {c!r} at {i} is not in the vocabulary of {len(self)}; create the vocabulary "
                "from the whole text, before splitting it"
            ) from None

    def decode(self, numbers: Any) -> str:
        """Return the text of these numbers: an array, a tensor or a list.

        Raises:
            ValueError: if a number is outside the vocabulary.
        """
        array = np.asarray(numbers.tolist() if hasattr(numbers, "tolist") else numbers, dtype=np.int64).ravel()
        if array.size and not 0 <= array.min() <= array.max() < len(self):
            raise ValueError(f"decode: numbers must be from 0 to {len(self) - 1}, got {array.min()} to {array.max()}")
        return "".join([self.characters[i] for i in array.tolist()])


class Text:
    """A text as numbers, in windows: sample i is the pair (text[i : i + length], text[i + 1 : i + 1 + length]).

    The second window holds, for each character of the first, the one to predict.

    Args:
        text: the text.
        length: the number of characters in a window.
        vocabulary: that of a larger text that this one is a part of; default this text's own.
        seed: of the random batches (default 0).

    Attributes:
        numbers: the whole text as numbers, int64.
        vocabulary, length: as given.

    Shape: sample (length,) and (length,); batch (size, length) and (size, length).

    Raises:
        ValueError: if the text has fewer than length + 1 characters, or one outside the vocabulary.

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
            raise ValueError(
                f"Text: the text must have at least length + 1 = {length + 1} characters, got {len(self.numbers)}"
            )
        self._rng = np.random.default_rng(check_integer("seed", seed, least=0))

    @classmethod
    def from_file(cls, path: Path | str, length: int, encoding: str = "utf-8", **settings: Any) -> Self:
        """Read the text from a file; further settings are those of the class.

        Raises:
            ValueError: if it is not text in this encoding, or as for the class.
        """
        try:
            text = Path(path).read_text("utf-8-sig" if encoding == "utf-8" else encoding)  # without a byte order mark
        except UnicodeDecodeError as error:
            raise ValueError(f"{printable(path)} is not text in {encoding}: {error}") from None
        return cls(text, length, **settings)

    def split(self, fraction: float) -> Sequence[Self]:
        """Split the text into its first `fraction` and the rest: two texts with the same vocabulary.

        Raises:
            ValueError: if fraction is not between 0 and 1, or a part is shorter than a window.
        """
        if not 0 < fraction < 1:
            raise ValueError(f"split: fraction must be between 0 and 1, got {fraction}")
        cut = int(len(self.numbers) * fraction)
        text = self.vocabulary.decode(self.numbers)
        return [type(self)(part, self.length, self.vocabulary) for part in (text[:cut], text[cut:])]

    def __len__(self) -> int:
        return len(self.numbers) - self.length

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Text: index {i} is out of range for {len(self)} windows")
        i %= len(self)
        window = self.numbers[i : i + self.length + 1]
        return window[:-1].copy(), window[1:].copy()

    def sample_data_batch(self, size: int = 64) -> Batch:
        """Return `size` windows drawn at random, X and y, each int64 (size, length)."""
        starts = self._rng.integers(0, len(self), check_integer("size", size))
        windows = self.numbers[starts[:, None] + np.arange(self.length + 1)]
        return Batch(windows[:, :-1].copy(), windows[:, 1:].copy())
