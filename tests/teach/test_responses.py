"""Responses of gradients to each other: the effect of two mistakes in a loop without a walk."""

from __future__ import annotations

import itertools

import numpy as np

from minigrad.teach.mistakes import CATALOGUE, Edge
from minigrad.teach.recording import record
from minigrad.teach.search import Search
from minigrad.teach.search.responses import Together
from minigrad.teach.tape import Tape

RNG = np.random.default_rng(0)
X, W = RNG.standard_normal((4, 3)), RNG.standard_normal((3, 3))


def recurrent(w: np.ndarray) -> np.ndarray:
    h = np.zeros(3)
    total = 0.0
    for t in range(4):
        z = 1 / (1 + np.exp(-(X[t] @ w)))
        both = np.concatenate([h, X[t]]).reshape(2, 3).T  # the derivatives of these are views
        h = z * h + np.tanh(both[:, 0] @ w + both[:, 1])
        total += h @ h
    return total


def test_two_mistakes_in_every_pass_have_the_effect_of_a_walk() -> None:
    tape = Tape(record(recurrent, W, "w"), np.ones(()))
    search = Search(tape, np.ones((3, 3)))
    several = []
    for name, kind, i in (("sign", "mul", 1), ("dropped", "matmul", 0), ("doubled", "tanh", 0), ("skipped", "mul", 0)):
        edges = [Edge(tape, search.words, k, j) for k, j in tape.edges if tape.ops[k].kind == kind and j == i]
        made = [(e, v) for e in edges for v in [*CATALOGUE[name].find(e)][:1]]
        changes = {(e.k, e.i): v.change for e, v in made}
        assert len(changes) > 1, name
        linear = search.responses.linear([e for e, _ in made], [v.change for _, v in made])
        assert linear is not None
        several.append((linear, changes))
    right = search.along(tape.gradient)
    vectors = [search.responses.vector(tape.walk(edges=changes)) for _, changes in several]
    together = Together(search.responses, [(linear, v) for (linear, _), v in zip(several, vectors)])
    for i, j in itertools.permutations(range(len(several)), 2):
        if several[i][1].keys().isdisjoint(several[j][1]):
            walked = search.along(tape.gradient_with(edges={**several[i][1], **several[j][1]})) - right
            assert np.allclose(together.effects(i, j), walked, rtol=1e-9), (i, j)


def test_a_row_of_the_matrix_is_what_a_gradient_alone_contributes() -> None:
    tape = Tape(record(recurrent, W, "w"), np.ones(()))
    responses = Search(tape, np.ones((3, 3))).responses
    for k in range(len(tape.ops)):
        if tape.gradients[k] is not None:
            g = RNG.standard_normal(tape.ops[k].value.shape)
            below = tape.below(k, g) + [None] * (len(tape.ops) - k - 1)
            assert np.allclose(g.ravel() @ responses.matrix[responses.of(k)], responses.vector(below), rtol=1e-9), k
