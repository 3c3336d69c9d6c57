"""Recurrent layers in the memory of a few arrays: what the steps compute is kept for the backward pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.primitive import kernel
from minigrad.primitives.recurrent import before, gates, gru, lstm, rnn, weight_gradient


def _lstm(*xs: Any) -> Any:
    x, h, c, w = xs
    size = h.shape[-1]
    out, work = np.empty((2, *x.shape[:-1], size), x.dtype), np.empty(x.shape, x.dtype)
    # sigmoid(a) = tanh(a / 2) / 2 + 1/2, so that one tanh does for all gates
    half, shift = np.full(4 * size, 0.5, x.dtype), np.full(4 * size, 0.5, x.dtype)
    half[2 * size : 3 * size], shift[2 * size : 3 * size] = 1, 0
    x, w = x * half, w.T * half
    for t, all_gates in enumerate(work):
        np.matmul(h, w, out=all_gates)
        all_gates += x[t]
        np.tanh(all_gates, out=all_gates)
        all_gates *= half
        all_gates += shift
        i, f, n, o = gates(all_gates, 4)
        c = np.add(f * c, i * n, out=out[1, t])
        h = np.multiply(o, np.tanh(c), out=out[0, t])
    return out, work


def _lstm_vjp(g: Any, y: Any, xs: Any, work: Any) -> Any:
    _, h0, c0, w = xs
    size = h0.shape[-1]
    tanh_c = np.tanh(y[1])
    i, f, n, o = gates(work, 4)
    d_of_h = o * (1 - tanh_c * tanh_c)  # of c with respect to h
    factors = work * (1 - work)  # of each gate with respect to c, for o to h; first the slopes of the sigmoids
    of_i, of_f, of_n, of_o = gates(factors, 4)
    of_i *= n
    of_f *= before(c0, y[1])
    np.multiply(i, 1 - n * n, out=of_n)
    of_o *= tanh_c
    d = np.empty_like(work)
    d_i_f_n, d_o = d[..., : 3 * size], d[..., 3 * size :]
    dh, dc = np.zeros_like(h0), np.zeros_like(c0)
    for t in reversed(range(len(work))):
        dh = dh + g[0, t]
        dc = dc + g[1, t] + dh * d_of_h[t]
        np.multiply(factors[t, :, : 3 * size], np.tile(dc, 3), out=d_i_f_n[t])
        np.multiply(dh, of_o[t], out=d_o[t])
        dc = dc * f[t]
        dh = d[t] @ w
    return [d, dh, dc, weight_gradient(d, before(h0, y[0]))]


kernel(lstm, forward=_lstm, xs=_lstm_vjp, keeps=("work",))


def _gru(*xs: Any) -> Any:
    x, h, w, b = xs
    size = h.shape[-1]
    out, work = np.empty((*x.shape[:-1], size), x.dtype), np.empty((*x.shape[:-1], 4 * size), x.dtype)
    for t in range(len(x)):
        a = h @ w.T + b
        rz = work[t, :, : 2 * size]
        rz[...] = 0.5 * np.tanh(0.5 * (x[t, :, : 2 * size] + a[:, : 2 * size])) + 0.5
        r, z, n, inner = gates(work[t], 4)
        inner[...] = a[:, 2 * size :]
        np.tanh(x[t, :, 2 * size :] + r * inner, out=n)
        h = out[t] = n + z * (h - n)
    return out, work


def _gru_vjp(g: Any, y: Any, xs: Any, work: Any) -> Any:
    _, h0, w, _ = xs
    h_before = before(h0, y)
    size = h0.shape[-1]
    dx, da = np.empty((*work.shape[:-1], 3 * size), work.dtype), np.empty((*work.shape[:-1], 3 * size), work.dtype)
    dh = np.zeros_like(h0)
    for t in reversed(range(len(work))):
        r, z, n, inner = gates(work[t], 4)
        dh = dh + g[t]
        dn = dh * (1 - z) * (1 - n * n)
        dz = dh * (h_before[t] - n) * z * (1 - z)
        dr = dn * inner * r * (1 - r)
        np.concatenate([dr, dz, dn], axis=-1, out=dx[t])
        np.concatenate([dr, dz, dn * r], axis=-1, out=da[t])
        dh = dh * z + da[t] @ w
    return [dx, dh, weight_gradient(da, h_before), da.sum((0, 1))]


kernel(gru, forward=_gru, xs=_gru_vjp, keeps=("work",))


def _rnn(*xs: Any, relu: bool) -> Any:
    x, h, w = xs
    out = np.empty(x.shape, x.dtype)
    for t in range(len(x)):
        a = h @ w.T
        a += x[t]
        h = np.maximum(a, 0, out=out[t]) if relu else np.tanh(a, out=out[t])
    return out


def _rnn_vjp(g: Any, y: Any, xs: Any, relu: bool) -> Any:
    _, h0, w = xs
    slopes = (y > 0).astype(y.dtype) if relu else 1 - y * y
    d = np.empty_like(y)
    dh = np.zeros_like(h0)
    for t in reversed(range(len(y))):
        np.multiply(dh + g[t], slopes[t], out=d[t])
        dh = d[t] @ w
    return [d, dh, weight_gradient(d, before(h0, y))]


kernel(rnn, forward=_rnn, xs=_rnn_vjp)
