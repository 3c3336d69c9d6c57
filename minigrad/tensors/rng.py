"""Random number generators: a default Generator, which `manual_seed` seeds, and the user's own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad.output.words import class_name
from minigrad.tensors.devices import check_device
from minigrad.tensors.node import ArrayNode

_SEED = 67280421310721
"""The seed of a new Generator; it is PyTorch's."""


class Generator:
    """An independent random number generator, to pass as `generator=`. Equal seeds produce equal numbers.

    The numbers are those of NumPy's PCG64, not PyTorch's. A new Generator always starts from the same seed.

    Attributes:
        numpy: the NumPy generator that draws the numbers.

    >>> from minigrad import rand
    >>> bool((rand(3, generator=Generator().manual_seed(1)) == rand(3, generator=Generator().manual_seed(1))).all())
    True
    """

    def __init__(self, device: Any = None) -> None:
        check_device("Generator", device)
        self.numpy = np.random.Generator(np.random.PCG64())
        self.manual_seed(_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Restart from a seed: an integer of at most 64 bits. A negative one counts from 2**64. Return self."""
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise TypeError(f"manual_seed: the seed must be an integer, got {class_name(seed)}: {seed!r}")
        if not -(2**63) <= seed < 2**64:
            raise RuntimeError(f"manual_seed: the seed must fit 64 bits, from -2**63 to 2**64 - 1, got {seed}")
        self._seed = int(seed) % 2**64
        self.numpy.bit_generator.state = np.random.PCG64(self._seed).state
        return self

    def seed(self) -> int:
        """Restart from an unpredictable seed, and return the seed."""
        return self.manual_seed(secrets.randbits(63)).initial_seed()

    def initial_seed(self) -> int:
        """Return the seed that the numbers started from."""
        return self._seed

    def get_state(self) -> Any:
        """Return the state of the generator, a tensor of bytes for `set_state`."""
        state: Any = self.numpy.bit_generator.state
        parts = [(self._seed, 8), (state["state"]["state"], 16), (state["state"]["inc"], 16)]
        parts += [(state["has_uint32"], 1), (state["uinteger"], 4)]
        state_bytes = b"".join([n.to_bytes(size, "little") for n, size in parts])
        return ArrayNode.wrap(np.frombuffer(state_bytes, np.uint8).copy(), None)

    def set_state(self, new_state: Any) -> Generator:
        """Continue from a state that `get_state` returned. Return self."""
        bytes_ = getattr(new_state, "_array", new_state)
        if getattr(bytes_, "dtype", None) != np.uint8 or bytes_.shape != (45,):
            raise TypeError("set_state: takes the tensor of 45 bytes that get_state() of a minigrad.Generator returns")
        seed, state, inc, has_uint32, uinteger = [
            int.from_bytes(piece.tobytes(), "little") for piece in np.split(bytes_, [8, 24, 40, 41])
        ]
        self._seed = seed
        self.numpy.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": state, "inc": inc},
            "has_uint32": has_uint32,
            "uinteger": uinteger,
        }
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.get_state(),)


def _restored(state: Any) -> Generator:
    return Generator().set_state(state)


default_generator = Generator()
"""The generator of everything without `generator=`: random tensors, initial parameters, dropout, shuffling."""
default_generator.seed()


def numbers(generator: Any = None) -> np.random.Generator:
    """Return the NumPy generator to draw from: that of a Generator, or a NumPy one itself; None means the default.

    Raises:
        TypeError: for anything else.
    """
    if generator is None:
        return default_generator.numpy
    if isinstance(generator, Generator):
        return generator.numpy
    if isinstance(generator, np.random.Generator):
        return generator
    raise TypeError(
        f"generator must be a Generator, got {class_name(generator)}: pass minigrad.Generator().manual_seed(seed) "
        "or np.random.default_rng(seed), or None and call minigrad.manual_seed(seed)"
    )


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which all random numbers of minigrad come, and return it.

    Args:
        seed: an integer of at most 64 bits; equal seeds produce equal numbers.

    >>> from minigrad import rand
    >>> _ = manual_seed(0); a = rand(3); _ = manual_seed(0); b = rand(3)
    >>> bool((a == b).all())
    True
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator with an unpredictable number, and return that number."""
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed of the default generator."""
    return default_generator.initial_seed()


@contextmanager
def fork_rng() -> Iterator[None]:
    """Context manager: restore the state of the default generator at the end of the block.

    >>> from minigrad import rand
    >>> _ = manual_seed(0); a = rand(1); _ = manual_seed(0)
    >>> with fork_rng():
    ...     b = rand(5)
    >>> bool((rand(1) == a).all())
    True
    """
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


def get_rng_state() -> Any:
    """Return the state of the default generator, a tensor of bytes for `set_rng_state`."""
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Continue from a state that `get_rng_state` returned."""
    default_generator.set_state(new_state)
