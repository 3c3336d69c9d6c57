"""A real loss surface: the loss of the digits network on a plane through the space of its 4,810 parameters."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from minigrad.data import digits
from minigrad.demo import train_digits as loop
from minigrad.surfaces.surface import Surface
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.rng import get_rng_state, set_rng_state

STEPS = 400
"""The length of the training run that the plane is fitted to."""
EXAMPLES = 128
"""The number of digits that the loss is averaged over."""


@cache
def digits_plane() -> Surface:
    """Return the loss of the lecture's network on digits, on the plane closest to the path of its training.

    The network of `minigrad.demo.train_digits` is trained by gradient descent. The plane is spanned by the first two
    principal components of the points on the training path relative to the last one, which is the origin: H. Li,
    Z. Xu, G. Taylor, C. Studer and T. Goldstein, "Visualizing the loss landscape of neural nets" (2018), section 7.
    The components have length 1, so that x and y are distances between parameters. Races start at the projection of
    the start of the training. The surface is computed once, which takes about a second.
    """
    path: list[np.ndarray] = []

    def watch(step: int, loss: object, network: Any, held_out: object) -> None:
        if step % 4 == 1 or step == STEPS:
            path.append(network.x.astype(np.float64))

    before = get_rng_state()
    names = loop.train(STEPS, watch=watch).network.names()
    set_rng_state(before)  # drawing a surface must not change the program's random numbers
    end = path[-1]
    away = np.array(path) - end
    # the right singular vectors of `away`, from the left ones: a small eigenproblem
    _, left = np.linalg.eigh(away @ away.T)
    plane = left[:, :-3:-1].T @ away
    plane /= np.linalg.norm(plane, axis=1, keepdims=True)
    plane *= -np.sign(plane @ away[0])[:, None]  # the training starts at negative x and y
    start_x, start_y = (plane @ away[0]).tolist()

    train = digits().train
    X, y = train.X[:EXAMPLES].astype(np.float64), train.y[:EXAMPLES]
    # W1, b1, W2 and b2 are linear in (1, x, y), and so is the first layer's output: one array for each of the three
    W1, b1, W2, b2 = (np.array([part[piece] for part in (end, *plane)]) for piece in names.values())
    z1 = [as_tensor(X @ W.reshape(64, 64).T + b) for W, b in zip(W1, b1)]
    V2, c2 = ([as_tensor(part) for part in parts] for parts in (W2.reshape(3, 10, 64).swapaxes(1, 2), b2[:, None]))

    def loss_of(a: Any, b: Any) -> Any:
        a, b = a[..., None, None], b[..., None, None]
        h1 = (z1[0] + a * z1[1] + b * z1[2]).relu()
        scores = h1 @ (V2[0] + a * V2[1] + b * V2[2]) + (c2[0] + a * c2[1] + b * c2[2])
        return (scores.logsumexp(-1) - scores[..., range(EXAMPLES), y]).mean(-1)

    return Surface(
        "digits",
        loss_of,
        formula=f"the mean softmax loss of {EXAMPLES} digits at w + x·d1 + y·d2",
        view=(start_x - 1.0, 6.5, -4.0, 4.0),
        start=(start_x, start_y),
        source="The network of minigrad.demo.train_digits; the plane as in section 7 of H. Li et al. (2018)",
        rate=0.5,
        steps=100,
    )
