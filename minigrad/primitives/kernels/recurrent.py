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
    x, w, new = x * half, np.ascontiguousarray(w.T * half), np.empty_like(c)
    for t, all_gates in enumerate(work):
        np.matmul(h, w, out=all_gates)
        all_gates += x[t]
        np.tanh(all_gates, out=all_gates)
        all_gates *= half
        all_gates += shift
        i, f, n, o = gates(all_gates, 4)
        c = np.multiply(f, c, out=out[1, t])
        c += np.multiply(i, n, out=new)
        h = np.tanh(c, out=out[0, t])
        h *= o
    return out, work


def _lstm_vjp(g: Any, y: Any, xs: Any, work: Any) -> Any:
    _, h0, c0, w = xs
    size = h0.shape[-1]
    d = np.empty_like(work)
    dh, dc, passed, tanh_c = np.zeros_like(h0), np.zeros_like(c0), np.empty_like(c0), np.empty_like(c0)
    slopes = np.empty(work.shape[1:], work.dtype)  # of each gate with respect to c, for o to h
    of_i, of_f, of_n, of_o = gates(slopes, 4)
    by_gate, d_by_gate = slopes.reshape(-1, 4, size), d.reshape(len(d), -1, 4, size)
    for t in reversed(range(len(work))):
        i, f, n, o = gates(work[t], 4)
        np.tanh(y[1, t], out=tanh_c)
        np.subtract(1, work[t], out=slopes)
        slopes *= work[t]  # those of the sigmoids
        of_i *= n
        of_f *= y[1, t - 1] if t else c0
        np.multiply(n, n, out=of_n)
        np.subtract(1, of_n, out=of_n)
        of_n *= i
        of_o *= tanh_c
        tanh_c *= tanh_c
        d_of_h = np.subtract(1, tanh_c, out=tanh_c)  # of c with respect to h: o * (1 - tanh(c)**2)
        d_of_h *= o
        dh += g[0, t]
        dc += g[1, t]
        dc += np.multiply(dh, d_of_h, out=passed)
        np.multiply(by_gate[:, :3], dc[:, None], out=d_by_gate[t, :, :3])
        np.multiply(dh, of_o, out=d_by_gate[t, :, 3])
        dc *= f
        np.matmul(d[t], w, out=dh)
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
