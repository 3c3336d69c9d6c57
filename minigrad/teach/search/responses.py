"""The backward pass as linear algebra: how every gradient responds to a change of another one.

All gradients of a tape, one after the other, are one vector. A change `delta` of the gradient of operation k changes
the others by `delta @ R[k]`, where R[k] = 1 + sum over its operands of (the Jacobian of the contribution) @ R[source].
So the effect of a mistake in every pass of a loop, or of two mistakes together, needs no walk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Elementwise
from minigrad.teach.tape import Tape, Times, Using

LARGEST = 2500
"""The number of elements of all gradients together, above which the matrix is not made."""
MOST = 4_000_000
"""The number of elements of some columns of the matrix, or of a Jacobian, above which they are not made."""
MOST_ROWS = 320
"""The number of elements of the gradients that a mistake reads, above which its own responses are not computed."""
MOST_USES = 8
"""The number of uses of a value, above which what is wrong with their sum is not made a matrix."""


@dataclass
class Linear:
    """A mistake that is linear in the gradients that it reads."""

    rows: np.ndarray  # their elements, as places in the vector of all gradients
    effect: np.ndarray  # what a unit of each changes along the directions
    # (elements, the operation whose gradient it changes, matrix) for each site
    parts: list[tuple[slice, int, np.ndarray]]


class Responses:
    """The responses of a tape.

    Args:
        tape: the function.
        stacked: for each operation its tangents along the directions, None where they are 0.
    """

    def __init__(self, tape: Tape, stacked: Sequence[Any]) -> None:
        self.tape, self.stacked = tape, stacked
        sizes = [op.value.size if g is not None else 0 for op, g in zip(tape.ops, tape.gradients)]
        self.start = np.concatenate([[0], np.cumsum(sizes)]).tolist()
        self.right = self.vector(tape.gradients)
        self._matrix: np.ndarray | None = None
        self._local: dict[tuple[int, int], np.ndarray | None] = {}  # Jacobians, and the diagonals of others

    @property
    def small(self) -> bool:
        """Whether the matrix is made."""
        return self.start[-1] <= LARGEST

    def vector(self, gradients: Sequence[Any]) -> np.ndarray:
        """Return all gradients as one vector."""
        parts = [
            np.zeros(self.start[k + 1] - self.start[k]) if g is None else np.ravel(g) for k, g in enumerate(gradients)
        ]
        return np.concatenate([p for k, p in enumerate(parts) if self.start[k] < self.start[k + 1]])

    def of(self, k: int) -> slice:
        """Return the place of a gradient in the vector."""
        return slice(self.start[k], self.start[k + 1])

    @property
    def matrix(self) -> np.ndarray:
        """The responses: the row of an element has what a unit more of it adds to all gradients."""
        if self._matrix is None:
            rows = np.eye(self.start[-1])
            for k, op in enumerate(self.tape.ops):
                own = rows[self.of(k)]
                for i, s in self.tape.ways(op) if self.tape.gradients[k] is not None else ():
                    if (local := self._jacobian(k, i)) is not None:
                        below = rows[self.of(s)]
                        own += local * below if self._is_diagonal(k, i) else local @ below
            self._matrix = rows
        return self._matrix

    def through(self, k: int, i: int, changes: np.ndarray) -> np.ndarray | None:
        """Return what changes of the gradient of operation k, one a row, add to that of operand i."""
        op = self.tape.ops[k]
        large = op.value.size > MOST_ROWS and not self._is_diagonal(k, i)  # its Jacobian takes longer
        if large:
            parts = [op.contribution(i, row.reshape(op.value.shape)) for row in changes]
            return None if any(c is None for c in parts) else np.array(parts).reshape(len(changes), -1)
        local = self._jacobian(k, i)
        if local is None:
            return None
        return changes * local.T if self._is_diagonal(k, i) else changes @ local

    def _is_diagonal(self, k: int, i: int) -> bool:
        op = self.tape.ops[k]
        return isinstance(op.primitive, Elementwise) and np.shape(op.operands[i]) == op.value.shape

    def _jacobian(self, k: int, i: int) -> np.ndarray | None:
        """Return the matrix by which a change of the gradient of operation k goes to operand i, or its diagonal."""
        if (k, i) not in self._local:
            op = self.tape.ops[k]
            single = self._is_diagonal(k, i)
            local = op.contribution(i, np.ones(op.value.shape)) if single else None
            if not single and op.value.size * op.operands[i].size > MOST:
                raise ValueError("the matrix is too large")
            matrix = None if single else _matrix_of(lambda e: op.contribution(i, e), op.value.shape, MOST)
            self._local[k, i] = matrix if local is None else local.reshape(-1, 1)
        return self._local[k, i]

    def linear(self, sites: Sequence[Any], changes: Sequence[Any], scope: str = "edge") -> Linear | None:
        """Return a mistake in this form; None if it is not linear."""
        rows: list[np.ndarray] = []
        effects: list[np.ndarray] = []
        parts: list[tuple[slice, int, np.ndarray]] = []
        count = 0
        for site, change in zip(sites, changes):
            made = self._of_arrivals(site, change) if scope == "arrivals" else self._of_site(site, change)
            if made is None:
                return None
            place, tangents = site.source, self.stacked[site.source]
            for k, matrix in made:
                rows.append(np.arange(self.start[k], self.start[k + 1]))
                effects.append(np.zeros((len(matrix), 4)) if tangents is None else matrix @ tangents.T)
                parts.append((slice(count, count + len(matrix)), place, matrix))
                count += len(matrix)
        return Linear(np.concatenate(rows), np.concatenate(effects), parts)

    def _of_site(self, site: Any, change: Any) -> list[tuple[int, np.ndarray]] | None:
        """Return the operations whose gradients a mistake reads at a site, with the matrices of what it changes."""
        tape, k = self.tape, site.k
        if isinstance(change, Times) and site.is_elementwise and site.op.value.shape == site.c.shape:
            wrong = np.broadcast_to(change.derivative, site.local.shape)
            return [(k, np.diag((wrong - site.local).ravel()))]
        right, shape = site.contribution, site.op.value.shape
        if isinstance(change, Using):
            there = tape.ops[change.k].value.shape
            zero, zero_there = np.zeros(shape), np.zeros(there)
            first = _matrix_of(lambda e: change.change(e, zero_there) - right(e), shape)
            second = _matrix_of(lambda e: change.change(zero, e), there)
            exact = change.change(site.g, tape.gradients[change.k]) - right(site.g)
            both = [(k, first), (change.k, second)]
        else:
            both = [(k, _matrix_of(lambda e: change(e) - right(e), shape))]
            exact = change(site.g) - right(site.g)
        made = [(j, matrix) for j, matrix in both if matrix is not None]
        if len(made) < len(both):
            return None
        found = sum(np.ravel(tape.gradients[j]) @ matrix for j, matrix in made)
        size = float(np.abs(exact).max(initial=0))
        return made if np.allclose(found, np.ravel(exact), rtol=1e-9, atol=1e-10 * size) else None

    def _of_arrivals(self, site: Any, change: Any) -> list[tuple[int, np.ndarray]] | None:
        """The same for a mistake in the way in which contributions are put together."""
        gradients = self.tape.gradients
        uses = [use for use in site.uses if gradients[use[0]] is not None]
        several = [self.tape.ops[k].contribution(i, gradients[k]) for k, i in uses]
        if any(c is None for c in several) or len(uses) > MOST_USES:
            return None
        zeros = [np.zeros_like(c) for c in several]
        made = []
        for j, (k, i) in enumerate(uses):

            def one(e: np.ndarray, j: int = j, k: int = k, i: int = i) -> Any:
                c = self.tape.ops[k].contribution(i, e)
                return change([*zeros[:j], c, *zeros[j + 1 :]]) - c

            if (matrix := _matrix_of(one, self.tape.ops[k].value.shape)) is None:
                return None
            made.append((k, matrix))
        exact = change(several) - sum(several)
        found = sum(np.ravel(gradients[k]) @ matrix for k, matrix in made)
        size = float(np.abs(exact).max(initial=0))
        return made if np.allclose(found, np.ravel(exact), rtol=1e-9, atol=1e-10 * size) else None

    def between(self, c: Linear, among: np.ndarray) -> np.ndarray:
        """Return what a unit of each element that a mistake reads adds to some elements."""
        found = np.empty((len(c.rows), len(among)))
        for part, place, matrix in c.parts:
            found[part] = matrix @ self.matrix[self.of(place)][:, among]
        return found

    def within(self, c: Linear) -> np.ndarray:
        """Return the matrix by which what a mistake reads follows what it would read without itself."""
        own = self.between(c, c.rows)
        for part, place, _ in c.parts:
            if c.rows[part.start] == self.start[place]:
                own[part, part] = 0  # a gradient is read before it is changed
        return np.asarray(np.linalg.inv(np.eye(len(own)) - own))


class Together:
    """The effects of pairs of mistakes, each of them in all passes of a loop.

    What the first changes is a part of what the second reads, and the other way round. From the last pass to the first
    both are known after as many rounds as there are passes. Where the matrix of responses is too large, only one of
    the two ways is considered: what is found is a guess.

    Args:
        responses: of the tape.
        several: the mistakes, each with the vector of all gradients that it alone gives.
    """

    def __init__(self, responses: Responses, several: Sequence[tuple[Linear, np.ndarray]]) -> None:
        self.responses, self.several = responses, several
        self.whole: dict[int, tuple[np.ndarray, slice]] = {}
        self._cross: dict[int, np.ndarray] = {}
        end, rows = 0, []
        for n, (c, _) in enumerate(several if responses.small else ()):
            if len(c.rows) <= MOST_ROWS and end + len(c.rows) <= 3000:
                self.whole[n] = responses.within(c), slice(end, end + len(c.rows))
                rows.append(c.rows)
                end += len(c.rows)
        self.rows = np.concatenate(rows) if rows else np.zeros(0, int)

    def _adds(self, i: int) -> np.ndarray:
        if i not in self._cross:
            self._cross[i] = self.responses.between(self.several[i][0], self.rows)
        return self._cross[i]

    def effects(self, i: int, j: int) -> list[np.ndarray]:
        """Return what may be the effect of mistakes i and j together along the directions."""
        (c, c_changed), (d, d_changed) = self.several[i], self.several[j]
        right = self.responses.right
        if i not in self.whole or j not in self.whole:
            return [
                c_changed[c.rows] @ c.effect + c_changed[d.rows] @ d.effect,
                d_changed[d.rows] @ d.effect + d_changed[c.rows] @ c.effect,
            ]
        (of_c, at_c), (of_d, at_d) = self.whole[i], self.whole[j]
        c_adds, d_adds = self._adds(i)[:, at_d], self._adds(j)[:, at_c]
        c_reads = right[c.rows] @ of_c
        for _ in range(50):
            d_reads = (right[d.rows] + c_reads @ c_adds) @ of_d
            before, c_reads = c_reads, (right[c.rows] + d_reads @ d_adds) @ of_c
            if np.abs(c_reads - before).max(initial=0) <= 1e-12 * np.abs(c_reads).max(initial=0):
                break
        return [np.asarray(c_reads @ c.effect + d_reads @ d.effect)]


def _matrix_of(linear: Callable[[np.ndarray], Any], shape: tuple[int, ...], most: int = MOST_ROWS) -> np.ndarray | None:
    """Return the matrix of a linear function of an array of a shape: a row for each element; None if it gives none."""
    size = int(np.prod(shape))
    if size > most:
        return None
    e = np.zeros(shape)
    flat, rows = e.reshape(-1), []
    for n in range(size):
        flat[n] = 1
        made = linear(e)
        if made is None:
            return None
        rows.append(np.array(made, float).ravel())  # a copy: it may be a view of e
        flat[n] = 0
    return np.array(rows).reshape(size, -1)
