"""Loops, found in a graph alone: blocks of operations that stand several times after each other."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def repeats(tokens: Sequence[Hashable]) -> list[tuple[int, int, int]]:
    """Return the blocks that are repeated, as (start, length, times), the longest stretch first; none overlap.

    The length is the smallest with which the stretch repeats itself. Nested loops are one block each pass.

    >>> repeats("xabcabcabcy")
    [(1, 3, 3)]
    >>> repeats("aabab")
    [(1, 2, 2)]
    >>> repeats("abcdef")
    []
    """
    found: list[tuple[int, int, int]] = []
    n = len(tokens)
    for length in range(2, n // 2 + 1):
        start = 0
        while start + 2 * length <= n:
            end = start
            while end + length < n and tokens[end] == tokens[end + length]:
                end += 1
            times = (end - start) // length + 1
            if times > 1:
                found.append((start, length, times))
            start = max(end, start + 1)
    found.sort(key=lambda block: (-block[1] * block[2], block[1]))
    kept: list[tuple[int, int, int]] = []
    for start, length, times in found:
        if all(start + length * times <= s or s + m * t <= start for s, m, t in kept):
            kept.append((start, length, times))
    return kept
