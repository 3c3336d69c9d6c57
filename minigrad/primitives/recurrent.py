"""Recurrent layers over a whole sequence as one primitive: the loop over time, forwards and backwards.

The input's part of all gates, x Wᵀ + b, does not depend on the time before and comes in computed, as one product for
all steps; likewise the gradient of the hidden weights is one product at the end. Time is the first dimension. What the
steps compute is kept in an array `work`, which the caller provides.

While a backward pass is itself recorded, the same gradients are those of the steps written out, `lstm_steps` and so
on, which other rules are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive, recorded


def _of_steps(steps: Callable[..., Any], g: Any, xs: Any) -> Any:
    """The gradients of the steps written out, as part of the graph."""
    from minigrad.autograd import grad

    xs = [x.clone() for x in xs]  # so that hooks of the inputs are not called here as well
    wanted = [x for x in xs if x.requires_grad]
    found = iter(grad(steps(*xs), wanted, g, create_graph=True, allow_unused=True))
    shares = [next(found) if x.requires_grad else None for x in xs]
    return [g.__class__(np.zeros(x.shape, x.dtype)) if s is None else s for s, x in zip(shares, xs)]


def _gates(a: Any, size: int) -> list[Any]:
    """The parts of the last axis, of that size, as views."""
    return [a[..., start : start + size] for start in range(0, a.shape[-1], size)]


def _before(first: Any, all_: Any) -> Any:
    """The states that the steps started from."""
    return np.concatenate([first[None], all_[:-1]])


def _weights_gradient(d: Any, h: Any) -> Any:
    """Of W in a = h Wᵀ, over all steps at once."""
    return d.reshape(-1, d.shape[-1]).T @ h.reshape(-1, h.shape[-1])


# ---- LSTM ------------------------------------------------------------------------------------------------------
# i, f, o = sigmoid, g = tanh of x + h Wᵀ; c = f c + i g; h = o tanh(c). Source: Hochreiter and Schmidhuber, 1997, with
# the forget gate of Gers et al., 2000. The order of the gates is PyTorch's: i, f, g, o.


def _lstm(*xs: Any, work: Any) -> Any:
    """(T, N, 4H), (N, H), (N, H), (4H, H) -> (2, T, N, H): all h, and all c; `work` is (T, N, 4H)."""
    x, h, c, w = xs
    size = h.shape[-1]
    out = np.empty((2, *x.shape[:-1], size), x.dtype)
    # sigmoid(a) = tanh(a / 2) / 2 + 1/2, so that one tanh does for all gates
    half, shift = np.full(4 * size, 0.5, x.dtype), np.full(4 * size, 0.5, x.dtype)
    half[2 * size : 3 * size], shift[2 * size : 3 * size] = 1, 0
    x, w = x * half, w.T * half
    for t, gates in enumerate(work):
        np.matmul(h, w, out=gates)
        gates += x[t]
        np.tanh(gates, out=gates)
        gates *= half
        gates += shift
        i, f, g, o = _gates(gates, size)
        c = np.add(f * c, i * g, out=out[1, t])
        h = np.multiply(o, np.tanh(c), out=out[0, t])
    return out


def _lstm_xs(g: Any, y: Any, xs: Any, work: Any) -> Any:
    if recorded(g):
        return _of_steps(lstm_steps, g, xs)
    _, h0, c0, w = xs
    size = h0.shape[-1]
    tanh_c = np.tanh(y[1])
    i, f, gate, o = _gates(work, size)
    d_of_h = o * (1 - tanh_c * tanh_c)  # of c with respect to h
    factors = work * (1 - work)  # of each gate with respect to c, for o to h; first the slopes of the sigmoids
    of_i, of_f, of_gate, of_o = _gates(factors, size)
    of_i *= gate
    of_f *= _before(c0, y[1])
    np.multiply(i, 1 - gate * gate, out=of_gate)
    of_o *= tanh_c
    d = np.empty_like(work)
    d_i_f_gate, d_o = d[..., : 3 * size], d[..., 3 * size :]
    dh, dc = np.zeros_like(h0), np.zeros_like(c0)
    for t in reversed(range(len(work))):
        dh = dh + g[0, t]
        dc = dc + g[1, t] + dh * d_of_h[t]
        np.multiply(factors[t, :, : 3 * size], np.tile(dc, 3), out=d_i_f_gate[t])
        np.multiply(dh, of_o[t], out=d_o[t])
        dc = dc * f[t]
        dh = d[t] @ w
    return [d, dh, dc, _weights_gradient(d, _before(h0, y[0]))]


lstm = Primitive("lstm", _lstm, xs=_lstm_xs).written(
    "h = o * tanh(c), where c = f * c + i * n, for each step in time",
    xs=(
        "da for each step in time, from the last: dc += dh * o * (1 - tanh(c) ** 2), through the gates, dh = da @ w",
        "what is left of dh at the first step",
        "what is left of dc at the first step",
        "the sum of da.T @ h over the steps in time, h being that before the step",
    ),
)
lstm.scratch = ("work",)


def lstm_steps(x: Any, h: Any, c: Any, w: Any) -> Any:
    """As the rule, of Tensors, step by step."""
    size = h.shape[-1]
    hs, cs = [], []
    for t in range(x.shape[0]):
        a = x[t] + h @ w.T
        i, f, o = (a[:, k * size : (k + 1) * size].sigmoid() for k in (0, 1, 3))
        c = f * c + i * a[:, 2 * size : 3 * size].tanh()
        h = o * c.tanh()
        hs.append(h)
        cs.append(c)
    return np.stack([np.stack(hs), np.stack(cs)])


# ---- GRU -------------------------------------------------------------------------------------------------------
# r, z = sigmoid(x + h Wᵀ + b), n = tanh(x + r (h Wᵀ + b)); h = (1 - z) n + z h. Source: Cho et al., 2014; the reset
# gate stands behind the product, as in PyTorch.


def _gru(*xs: Any, work: Any) -> Any:
    """(T, N, 3H), (N, H), (3H, H), (3H,) -> (T, N, H): all h; `work` is (T, N, 4H): r, z, n, and h Wᵀ + b for n."""
    x, h, w, b = xs
    size = h.shape[-1]
    out = np.empty((*x.shape[:-1], size), x.dtype)
    for t in range(len(x)):
        a = h @ w.T + b
        gates = work[t]
        rz = gates[:, : 2 * size]
        rz[...] = 0.5 * np.tanh(0.5 * (x[t, :, : 2 * size] + a[:, : 2 * size])) + 0.5
        r, z, n, inner = _gates(gates, size)
        inner[...] = a[:, 2 * size :]
        np.tanh(x[t, :, 2 * size :] + r * inner, out=n)
        h = out[t] = n + z * (h - n)
    return out


def _gru_xs(g: Any, y: Any, xs: Any, work: Any) -> Any:
    if recorded(g):
        return _of_steps(gru_steps, g, xs)
    _, h0, w, _ = xs
    h_before = _before(h0, y)
    size = h0.shape[-1]
    dx, da = np.empty((*work.shape[:-1], 3 * size), work.dtype), np.empty((*work.shape[:-1], 3 * size), work.dtype)
    dh = np.zeros_like(h0)
    for t in reversed(range(len(work))):
        r, z, n, inner = _gates(work[t], size)
        dh = dh + g[t]
        dn = dh * (1 - z) * (1 - n * n)
        dz = dh * (h_before[t] - n) * z * (1 - z)
        dr = dn * inner * r * (1 - r)
        np.concatenate([dr, dz, dn], axis=-1, out=dx[t])
        np.concatenate([dr, dz, dn * r], axis=-1, out=da[t])
        dh = dh * z + da[t] @ w
    return [dx, dh, _weights_gradient(da, h_before), da.sum((0, 1))]


gru = Primitive("gru", _gru, xs=_gru_xs).written(
    "h = n + z * (h - n), for each step in time",
    xs=(
        "for each step in time, from the last one: dn = dh * (1 - z), dz = dh * (h - n), through the gates",
        "what is left of dh at the first step",
        "the sum of da.T @ h over the steps in time, h being that before the step",
        "the sum of da over the steps in time and the examples",
    ),
)
gru.scratch = ("work",)


def gru_steps(x: Any, h: Any, w: Any, b: Any) -> Any:
    """As the rule, of Tensors, step by step."""
    size = h.shape[-1]
    hs = []
    for t in range(x.shape[0]):
        a = h @ w.T + b
        r, z = ((x[t, :, k * size : (k + 1) * size] + a[:, k * size : (k + 1) * size]).sigmoid() for k in (0, 1))
        n = (x[t, :, 2 * size :] + r * a[:, 2 * size :]).tanh()
        h = n + z * (h - n)
        hs.append(h)
    return np.stack(hs)


# ---- the plain network -----------------------------------------------------------------------------------------
# h = tanh(x + h Wᵀ), or relu. Source: Elman, 1990.


def _rnn(*xs: Any, relu: bool) -> Any:
    """(T, N, H), (N, H), (H, H) -> (T, N, H): all h."""
    x, h, w = xs
    out = np.empty(x.shape, x.dtype)
    for t in range(len(x)):
        a = h @ w.T
        a += x[t]
        h = np.maximum(a, 0, out=out[t]) if relu else np.tanh(a, out=out[t])
    return out


def _rnn_xs(g: Any, y: Any, xs: Any, relu: bool) -> Any:
    if recorded(g):
        return _of_steps(lambda x, h, w: rnn_steps(x, h, w, relu), g, xs)
    _, h0, w = xs
    slopes = (y > 0).astype(y.dtype) if relu else 1 - y * y
    d = np.empty_like(y)
    dh = np.zeros_like(h0)
    for t in reversed(range(len(y))):
        np.multiply(dh + g[t], slopes[t], out=d[t])
        dh = d[t] @ w
    return [d, dh, _weights_gradient(d, _before(h0, y))]


rnn = Primitive("rnn", _rnn, xs=_rnn_xs).written(
    "h = tanh(x + h @ w.T), or relu of that, for each step in time",
    xs=(
        "d for each step in time, from the last one: d = (g + dh) * slope, then dh = d @ w",
        "what is left of dh at the first step",
        "the sum of d.T @ h over the steps in time, h being that before the step",
    ),
)


def rnn_steps(x: Any, h: Any, w: Any, relu: bool) -> Any:
    """As the rule, of Tensors, step by step."""
    hs = []
    for t in range(x.shape[0]):
        a = x[t] + h @ w.T
        h = a.relu() if relu else a.tanh()
        hs.append(h)
    return np.stack(hs)
