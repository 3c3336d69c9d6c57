"""Recurrent layers over a whole sequence: the step as the textbook has it, and backpropagation through time.

The input's part of all gates, x Wᵀ + b, does not depend on earlier steps: it comes in computed, as one product for all
steps. Likewise the gradient of the hidden weights is one product at the end. Time is the first dimension: x is
(T, N, gates * H), the states are (N, H), the weights (gates * H, H).

Each vjp walks through the steps from the last to the first. `dh_t` and `dc_t` carry what the later steps pass to the
states of the current one; `da` is the gradient of what goes into the gates.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.elementwise import relu as positive
from minigrad.primitives.elementwise import sigmoid
from minigrad.primitives.primitive import Primitive


def gates(a: Any, number: int) -> list[Any]:
    """Cut the last axis into this number of equal parts."""
    size = a.shape[-1] // number
    return [a[..., k * size : (k + 1) * size] for k in range(number)]


def before(first: Any, states: Any) -> Any:
    """Return the states that the steps start from: the first one, then each step's result but the last."""
    return np.concatenate([np.expand_dims(first, 0), states[:-1]])


def weight_gradient(da: Any, h: Any) -> Any:
    """Return the gradient of W in a = h Wᵀ, summed over all steps."""
    return np.reshape(da, (-1, da.shape[-1])).T @ np.reshape(h, (-1, h.shape[-1]))


# ---- LSTM ------------------------------------------------------------------------------------------------------------
# Source: Hochreiter and Schmidhuber, 1997, with the forget gate of Gers et al., 2000. The order of the gates is
# PyTorch's: input, forget, new content, output.


def lstm_gates(a: Any) -> list[Any]:
    """Return i, f, n, o, from what goes into the gates."""
    i, f, n, o = gates(a, 4)
    return [sigmoid(i), sigmoid(f), np.tanh(n), sigmoid(o)]


def lstm_step(x: Any, h: Any, c: Any, w: Any) -> tuple[Any, Any]:
    """Return the next h and c."""
    i, f, n, o = lstm_gates(x + h @ w.T)
    c = f * c + i * n
    return o * np.tanh(c), c


def _lstm(*xs: Any) -> Any:
    """(T, N, 4H), (N, H), (N, H), (4H, H) -> (2, T, N, H): all h, and all c."""
    x, h, c, w = xs
    hs, cs = [], []
    for t in range(x.shape[0]):
        h, c = lstm_step(x[t], h, c, w)
        hs.append(h)
        cs.append(c)
    return np.stack([np.stack(hs), np.stack(cs)])


def _lstm_vjp(g: Any, y: Any, xs: Any) -> Any:
    x, h0, c0, w = xs
    h_before, c_before = before(h0, y[0]), before(c0, y[1])
    dh_t, dc_t = np.zeros_like(h0), np.zeros_like(c0)
    das = []
    for t in reversed(range(x.shape[0])):
        i, f, n, o = lstm_gates(x[t] + h_before[t] @ w.T)
        tanh_c = np.tanh(y[1, t])
        dh_t = dh_t + g[0, t]
        dc_t = dc_t + g[1, t] + dh_t * o * (1 - tanh_c * tanh_c)
        di = dc_t * n * i * (1 - i)
        df = dc_t * c_before[t] * f * (1 - f)
        dn = dc_t * i * (1 - n * n)
        do = dh_t * tanh_c * o * (1 - o)
        da = np.concatenate([di, df, dn, do], -1)
        dc_t = dc_t * f
        dh_t = da @ w
        das.append(da)
    dx = np.stack(das[::-1])
    return [dx, dh_t, dc_t, weight_gradient(dx, h_before)]


lstm = Primitive("lstm", _lstm, xs=_lstm_vjp).with_notation(
    "h = o * tanh(c), where c = f * c + i * n, for each step in time",
    xs=(
        "da for each step in time, from the last: dc += dh * o * (1 - tanh(c) ** 2), through the gates, dh = da @ w",
        "what is left of dh at the first step",
        "what is left of dc at the first step",
        "the sum of da.T @ h over the steps in time, h being that before the step",
    ),
)


# ---- GRU -------------------------------------------------------------------------------------------------------------
# Source: Cho et al., 2014. The reset gate r stands behind the product, as in PyTorch; the order is r, z, n.


def gru_gates(x: Any, h: Any, w: Any, b: Any) -> list[Any]:
    """Return r, z, n, and the part of n that r gates."""
    (xr, xz, xn), (hr, hz, hn) = gates(x, 3), gates(h @ w.T + b, 3)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    return [r, z, np.tanh(xn + r * hn), hn]


def _gru(*xs: Any) -> Any:
    """(T, N, 3H), (N, H), (3H, H), (3H,) -> (T, N, H): all h."""
    x, h, w, b = xs
    hs = []
    for t in range(x.shape[0]):
        _, z, n, _ = gru_gates(x[t], h, w, b)
        h = n + z * (h - n)
        hs.append(h)
    return np.stack(hs)


def _gru_vjp(g: Any, y: Any, xs: Any) -> Any:
    x, h0, w, b = xs
    h_before = before(h0, y)
    dh_t = np.zeros_like(h0)
    dxs, das = [], []
    for t in reversed(range(x.shape[0])):
        r, z, n, hn = gru_gates(x[t], h_before[t], w, b)
        dh_t = dh_t + g[t]
        dn = dh_t * (1 - z) * (1 - n * n)
        dz = dh_t * (h_before[t] - n) * z * (1 - z)
        dr = dn * hn * r * (1 - r)
        da = np.concatenate([dr, dz, dn * r], -1)
        dh_t = dh_t * z + da @ w
        dxs.append(np.concatenate([dr, dz, dn], -1))
        das.append(da)
    da = np.stack(das[::-1])
    return [np.stack(dxs[::-1]), dh_t, weight_gradient(da, h_before), np.sum(da, axis=(0, 1))]


gru = Primitive("gru", _gru, xs=_gru_vjp).with_notation(
    "h = n + z * (h - n), for each step in time",
    xs=(
        "for each step in time, from the last one: dn = dh * (1 - z), dz = dh * (h - n), through the gates",
        "what is left of dh at the first step",
        "the sum of da.T @ h over the steps in time, h being that before the step",
        "the sum of da over the steps in time and the examples",
    ),
)


# ---- the plain network -----------------------------------------------------------------------------------------------
# Source: Elman, 1990.


def _rnn(*xs: Any, relu: bool) -> Any:
    """(T, N, H), (N, H), (H, H) -> (T, N, H): all h."""
    x, h, w = xs
    hs = []
    for t in range(x.shape[0]):
        a = x[t] + h @ w.T
        h = positive(a) if relu else np.tanh(a)
        hs.append(h)
    return np.stack(hs)


def _rnn_vjp(g: Any, y: Any, xs: Any, relu: bool) -> Any:
    x, h0, w = xs
    dh_t = np.zeros_like(h0)
    das = []
    for t in reversed(range(x.shape[0])):
        slope = y[t] > 0 if relu else 1 - y[t] * y[t]
        da = (g[t] + dh_t) * slope
        dh_t = da @ w
        das.append(da)
    dx = np.stack(das[::-1])
    return [dx, dh_t, weight_gradient(dx, before(h0, y))]


rnn = Primitive("rnn", _rnn, xs=_rnn_vjp).with_notation(
    "h = tanh(x + h @ w.T), or relu of that, for each step in time",
    xs=(
        "da for each step in time, from the last one: da = (g + dh) * slope, then dh = da @ w",
        "what is left of dh at the first step",
        "the sum of da.T @ h over the steps in time, h being that before the step",
    ),
)
