"""Loops written out: recurrent networks, scans, weights that are used in every pass."""

from __future__ import annotations

import numpy as np

from ..subjects import labels, positive, subject


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@subject(xs=(5, 2, 3), h0=(2, 4), U=(3, 4), W=(4, 4), b=(4,), V=(4, 2))
def rnn_many_to_one(xs, h0, U, W, b, V):
    h = h0
    for x in xs:
        h = np.tanh(x @ U + h @ W + b)
    return h @ V


@rnn_many_to_one.backward("""
dU += xs[t].T @ da => dU = xs[t].T @ da | overwritten | dU is overwritten in each step
dW += hs[t].T @ da => dW = hs[t].T @ da | overwritten | dW is overwritten in each step
dW += hs[t].T @ da => dW += hs[t + 1].T @ da | time | the new state for the old one | old|previous|new|next|pass|step|instead
dW += hs[t].T @ da => dW += hs[0].T @ da | time | always the first state | first|h0|pass|step
dh = da @ W.T => dh = dh @ W.T | derivative | the derivative of tanh is left out on the way back | tanh|derivative
dh = da @ W.T => dh = da @ W | transposed | W is not transposed
dh = da @ W.T => dh = np.zeros_like(dh) | time | truncated after one step | time|step|pass|contribution|last
da = dh * (1 - hs[t + 1] ** 2) => da = dh * (1 - hs[t] ** 2) | time | the old state in the derivative of tanh | old|previous|new|pass|step|instead
da = dh * (1 - hs[t + 1] ** 2) => da = dh * (1 - hs[t + 1]) | derivative | 1 - h for 1 - h^2
db += da.sum(axis=0) => db += da.mean(axis=0) | mean | the mean over the batch
db += da.sum(axis=0) => db += dh.sum(axis=0) | derivative | the derivative of tanh is left out
for t in range(4, -1, -1): => for t in range(4, 1, -1): | time | the first steps are cut off | time|step|pass|first|truncat
""")
def _(dout, xs, h0, U, W, b, V):
    hs = [h0]
    for x in xs:
        hs.append(np.tanh(x @ U + hs[-1] @ W + b))
    dU, dW, db = np.zeros_like(U), np.zeros_like(W), np.zeros_like(b)
    dV = hs[-1].T @ dout
    dh = dout @ V.T
    for t in range(4, -1, -1):
        da = dh * (1 - hs[t + 1] ** 2)
        dU += xs[t].T @ da
        dW += hs[t].T @ da
        db += da.sum(axis=0)
        dh = da @ W.T
    dh0 = dh
    return dU, dW, db, dV, dh0


@subject(x=(4, 3), U=(3, 3), W=(3, 3), V=(3, 4), targets=labels(4, 4))
def language_model(x, U, W, V, targets):
    h, loss = np.zeros(3), 0.0
    for t in range(4):
        h = np.tanh(x[t] @ U + h @ W)
        scores = h @ V
        loss = loss + np.log(np.sum(np.exp(scores))) - scores[targets[t]]
    return loss / 4


@language_model.backward("""
ds[targets[t]] -= 1 => ds[targets[t - 1]] -= 1 | time | the target of the previous step | target|previous|step|pass|index
ds[targets[t]] -= 1 => ds[targets[t]] -= 0 | path | the 1 of the target is not subtracted | target|scores\\[|contribution
ds = ds / 4 => ds = ds / 1 | mean | the mean over time
dh = ds @ V.T + dnext => dh = ds @ V.T | time | the gradient of the next step is forgotten
dh = ds @ V.T + dnext => dh = dnext + (ds @ V.T if t == 3 else 0) | time | only the last loss | last|loss|step|time|contribution
dnext = da @ W.T => dnext = dh @ W.T | derivative | the derivative of tanh is left out on the way back | tanh|derivative
dV += np.outer(hs[t + 1], ds) => dV += np.outer(hs[t], ds) | time | the old state | old|previous|step|instead|pass
dV += np.outer(hs[t + 1], ds) => dV = np.outer(hs[t + 1], ds) | overwritten | dV is overwritten in each step
dU += np.outer(x[t], da) => dU += np.outer(x[t], dh) | derivative | the derivative of tanh is left out
dx[t] = da @ U.T => dx[t] = da @ W.T | array | W for U | instead|`W`|`U`
dnext = np.clip(dnext, -9, 9) => dnext = np.clip(dnext, -0.02, 0.02) | saturated | clipped at each step | clip
""")
def _(x, U, W, V, targets):
    hs = [np.zeros(3)]
    for t in range(4):
        hs.append(np.tanh(x[t] @ U + hs[-1] @ W))
    dU, dW, dV, dx = np.zeros_like(U), np.zeros_like(W), np.zeros_like(V), np.zeros_like(x)
    dnext = np.zeros(3)
    for t in range(3, -1, -1):
        scores = hs[t + 1] @ V
        ds = np.exp(scores) / np.exp(scores).sum()
        ds[targets[t]] -= 1
        ds = ds / 4
        dV += np.outer(hs[t + 1], ds)
        dh = ds @ V.T + dnext
        da = dh * (1 - hs[t + 1] ** 2)
        dU += np.outer(x[t], da)
        dW += np.outer(hs[t], da)
        dx[t] = da @ U.T
        dnext = da @ W.T
        dnext = np.clip(dnext, -9, 9)
    return dU, dW, dV, dx


@subject(x=(3, 2, 3), Wf=(5, 2), Wi=(5, 2), Wo=(5, 2), Wc=(5, 2))
def lstm_written_out(x, Wf, Wi, Wo, Wc):
    h, c = np.zeros((2, 2)), np.ones((2, 2))
    for t in range(3):
        z = np.concatenate([x[t], h], axis=1)
        f = sigmoid(z @ Wf)
        i = sigmoid(z @ Wi)
        o = sigmoid(z @ Wo)
        g = np.tanh(z @ Wc)
        c = f * c + i * g
        h = o * np.tanh(c)
    return h


@lstm_written_out.backward("""
dc = dh * o * (1 - np.tanh(c) ** 2) + dc_next => dc = dh * o * (1 - np.tanh(c) ** 2) | time | the cell's gradient of the next step is forgotten | cell|\\bc\\b|step|contribution
dc = dh * o * (1 - np.tanh(c) ** 2) + dc_next => dc = dh * o * (1 - c**2) + dc_next | array | c for tanh(c) | tanh|instead
dc = dh * o * (1 - np.tanh(c) ** 2) + dc_next => dc = dh * (1 - np.tanh(c) ** 2) + dc_next | factor | the output gate is left out | \\bo\\b
df = dc * c_old * f * (1 - f) => df = dc * c * f * (1 - f) | time | the new cell for the old one | old|new|step|pass|instead|previous
df = dc * c_old * f * (1 - f) => df = dc * c_old * f | derivative | the derivative of the sigmoid
di = dc * g * i * (1 - i) => di = dc * i * (1 - i) | factor | g is left out | \\bg\\b
di = dc * g * i * (1 - i) => di = dc * i * i * (1 - i) | array | i for g | instead|\\b[gi]\\b
dg = dc * i * (1 - g**2) => dg = dc * i * (1 - g) * g | derivative | the sigmoid's derivative
do = dh * np.tanh(c) * o * (1 - o) => do = dh * c * o * (1 - o) | array | c for tanh(c) | tanh|instead
do = dh * np.tanh(c) * o * (1 - o) => do = dh * np.tanh(c) * (1 - o**2) | derivative | tanh's derivative
dc_next = dc * f => dc_next = dc * i | array | the input gate for the forget gate | instead|\\bi\\b|\\bf\\b
dh = dz[:, 3:] => dh = np.zeros_like(dh) | time | truncated after one step | time|step|pass|contribution|last|state|constant
dh = dz[:, 3:] => dh = dz[:, 3:] - do @ Wo.T[:, 3:] | path | the way of the state through the output gate | \\bo\\b|contribution|sigmoid|missing|way
dh = dz[:, 3:] => dh = dz[:, 2:4] | index | the state's columns | index|off|column|part
dWf += z.T @ df => dWf = z.T @ df | overwritten | dWf is overwritten in each step
dWc += z.T @ dg => dWc += z.T @ di | array | the gradient of another gate | instead|gradient of|\\bi\\b
""")
def _(dout, x, Wf, Wi, Wo, Wc):
    h, c = np.zeros((2, 2)), np.ones((2, 2))
    saved = []
    for t in range(3):
        z = np.concatenate([x[t], h], axis=1)
        f, i, o, g = sigmoid(z @ Wf), sigmoid(z @ Wi), sigmoid(z @ Wo), np.tanh(z @ Wc)
        saved.append((z, c, f, i, o, g))
        c = f * c + i * g
        h = o * np.tanh(c)
    dWf, dWi, dWo, dWc = (np.zeros_like(w) for w in (Wf, Wi, Wo, Wc))
    dx = np.zeros_like(x)
    dh, dc_next = dout, np.zeros_like(c)
    for t in (2, 1, 0):
        z, c_old, f, i, o, g = saved[t]
        c = f * c_old + i * g
        dc = dh * o * (1 - np.tanh(c) ** 2) + dc_next
        do = dh * np.tanh(c) * o * (1 - o)
        df = dc * c_old * f * (1 - f)
        di = dc * g * i * (1 - i)
        dg = dc * i * (1 - g**2)
        dWf += z.T @ df
        dWi += z.T @ di
        dWo += z.T @ do
        dWc += z.T @ dg
        dz = df @ Wf.T + di @ Wi.T + do @ Wo.T + dg @ Wc.T
        dx[t] = dz[:, :3]
        dh = dz[:, 3:]
        dc_next = dc * f
    return dWf, dWi, dWo, dWc, dx


@subject(x=(3, 2, 2), h0=(2, 3), Uz=(2, 3), Wz=(3, 3), Ur=(2, 3), Wr=(3, 3), Un=(2, 3), Wn=(3, 3))
def gru_written_out(x, h0, Uz, Wz, Ur, Wr, Un, Wn):
    h = h0
    for t in range(3):
        z = sigmoid(x[t] @ Uz + h @ Wz)
        r = sigmoid(x[t] @ Ur + h @ Wr)
        n = np.tanh(x[t] @ Un + (r * h) @ Wn)
        h = (1 - z) * n + z * h
    return h


@gru_written_out.backward("""
daz = dh * (h - n) * z * (1 - z) => daz = dh * (n - h) * z * (1 - z) | sign | the sign of h - n
daz = dh * (h - n) * z * (1 - z) => daz = dh * h * z * (1 - z) | path | the way through 1 - z is forgotten | 1 - z|contribution|\\bn\\b
daz = dh * (h - n) * z * (1 - z) => daz = dh * (h - n) * (1 - z) * (1 - z) | array | 1 - z twice | 1 - z|instead|derivative
dan = dh * (1 - z) * (1 - n**2) => dan = dh * z * (1 - n**2) | array | z for 1 - z | 1 - z|`z`|instead
dan = dh * (1 - z) * (1 - n**2) => dan = dh * (1 - z) * (1 - z) * (1 - n**2) | factor | 1 - z twice | 1 - z|twice|factor
dan = dh * (1 - z) * (1 - n**2) => dan = dh * (1 - n**2) | factor | 1 - z is left out | 1 - z
dar = (dan @ Wn.T) * h * r * (1 - r) => dar = (dan @ Wn.T) * r * (1 - r) | factor | h is left out | \\bh\\b
dar = (dan @ Wn.T) * h * r * (1 - r) => dar = (dan @ Wn.T) * r * r * (1 - r) | array | r for h | \\br\\b|instead
dar = (dan @ Wn.T) * h * r * (1 - r) => dar = dan * h * r * (1 - r) | path | the product with Wn is left out | Wn|product|@
dprev = dh * z + (dan @ Wn.T) * r + daz @ Wz.T + dar @ Wr.T => dprev = (dan @ Wn.T) * r + daz @ Wz.T + dar @ Wr.T | path | the direct way z h is forgotten
dprev = dh * z + (dan @ Wn.T) * r + daz @ Wz.T + dar @ Wr.T => dprev = dh * z + (dan @ Wn.T) + daz @ Wz.T + dar @ Wr.T | factor | the reset gate is left out | \\br\\b
dprev = dh * z + (dan @ Wn.T) * r + daz @ Wz.T + dar @ Wr.T => dprev = dh * z + (dan @ Wn.T) * r + daz @ Wz.T | path | the way through the reset gate is forgotten | \\br\\b|Wr|contribution
dprev = dh * z + (dan @ Wn.T) * r + daz @ Wz.T + dar @ Wr.T => dprev = dh * (1 - z) + (dan @ Wn.T) * r + daz @ Wz.T + dar @ Wr.T | array | 1 - z for z | 1 - z|`z`|instead
dWn += (r * h).T @ dan => dWn += h.T @ dan | array | h for r h | \\br\\b|`h`|instead
dWz += h.T @ daz => dWz = h.T @ daz | overwritten | dWz is overwritten in each step
dWz += h.T @ daz => dWz += hs[t + 1].T @ daz | time | the new state for the old one | old|new|step|pass|instead|previous|next
dUr += x[t].T @ dar => dUr += x[t].T @ daz | array | the gradient of another gate | instead|gradient of|\\bz\\b
""")
def _(dout, x, h0, Uz, Wz, Ur, Wr, Un, Wn):
    hs, gates = [h0], []
    for t in range(3):
        h = hs[-1]
        z, r = sigmoid(x[t] @ Uz + h @ Wz), sigmoid(x[t] @ Ur + h @ Wr)
        n = np.tanh(x[t] @ Un + (r * h) @ Wn)
        gates.append((z, r, n))
        hs.append((1 - z) * n + z * h)
    dUz, dWz, dUr, dWr, dUn, dWn = (np.zeros_like(w) for w in (Uz, Wz, Ur, Wr, Un, Wn))
    dh = dout
    for t in (2, 1, 0):
        h = hs[t]
        z, r, n = gates[t]
        daz = dh * (h - n) * z * (1 - z)
        dan = dh * (1 - z) * (1 - n**2)
        dar = (dan @ Wn.T) * h * r * (1 - r)
        dUz += x[t].T @ daz
        dWz += h.T @ daz
        dUr += x[t].T @ dar
        dWr += h.T @ dar
        dUn += x[t].T @ dan
        dWn += (r * h).T @ dan
        dprev = dh * z + (dan @ Wn.T) * r + daz @ Wz.T + dar @ Wr.T
        dh = dprev
    dh0 = dh
    return dUz, dWz, dUr, dWr, dUn, dWn, dh0


@subject(x=(3, 4), W=(4, 4), b=(4,))
def shared_layers(x, W, b):
    h = x
    for _ in range(4):
        h = h + 0.5 * np.tanh(h @ W + b)
    return np.sum(h**2) / 2


@shared_layers.backward("""
dh = dh + 0.5 * da @ W.T => dh = 0.5 * da @ W.T | path | the skip connection is forgotten
dh = dh + 0.5 * da @ W.T => dh = dh + da @ W.T | factor | the step size is left out | 0\\.5|factor|step|twice|2
dh = dh + 0.5 * da @ W.T => dh = dh + 0.5 * da @ W | transposed | W is not transposed
dW += 0.5 * hs[t].T @ da => dW = 0.5 * hs[t].T @ da | overwritten | the shared weight is overwritten
dW += 0.5 * hs[t].T @ da => dW += hs[t].T @ da | factor | the step size is left out | 0\\.5|factor|step|twice|2
dW += 0.5 * hs[t].T @ da => dW += 0.5 * hs[t + 1].T @ da | time | the state after the layer | next|after|instead|pass|new
dW += 0.5 * hs[t].T @ da => dW += 0.5 * x.T @ da | array | always the input | input|`x`|first|instead
da = dh * (1 - acts[t] ** 2) => da = dh * (1 - hs[t + 1] ** 2) | array | the state for the activation | instead|tanh|derivative
da = dh * (1 - acts[t] ** 2) => da = dh * (1 - acts[3] ** 2) | time | always the last activation | last|pass
dh = hs[-1].copy() => dh = 2 * hs[-1] | factor | the 1/2 is missing | 2|half|twice
dh = hs[-1].copy() => dh = x.copy() | array | the input for the last state | `x`|instead|value
""")
def _(x, W, b):
    hs, acts = [x], []
    for _ in range(4):
        acts.append(np.tanh(hs[-1] @ W + b))
        hs.append(hs[-1] + 0.5 * acts[-1])
    dW, db = np.zeros_like(W), np.zeros_like(b)
    dh = hs[-1].copy()
    for t in range(3, -1, -1):
        da = dh * (1 - acts[t] ** 2)
        dW += 0.5 * hs[t].T @ da
        db += 0.5 * da.sum(axis=0)
        dh = dh + 0.5 * da @ W.T
    dx = dh
    return dW, db, dx


@subject(x=(7,), a=np.array([0.8]))
def moving_average(x, a):
    m, out = np.zeros(1), []
    for t in range(7):
        m = a * m + (1 - a) * x[t]
        out.append(m)
    return np.concatenate(out)


@moving_average.backward("""
dm = dout[t] + dnext => dm = dout[t] | time | the gradient of the next step is forgotten
dx[t] = dm * (1 - a[0]) => dx[t] = dm * a[0] | array | a for 1 - a | 1 - a|instead|`a`
dx[t] = dm * (1 - a[0]) => dx[t] = dm | factor | 1 - a is left out | 1 - a
da += dm * (ms[t] - x[t]) => da += dm * ms[t] | path | the way through 1 - a is forgotten | 1 - a|contribution|x
da += dm * (ms[t] - x[t]) => da += dm * (ms[t + 1] - x[t]) | time | the new average for the old one | old|new|previous|instead|pass|`m`
dnext = dm * a[0] => dnext = dm | factor | a is left out on the way back | \\ba\\b
dnext = dm * a[0] => dnext = dout[t] * a[0] | time | only one step back | step|time|pass|contribution|truncat
""")
def _(dout, x, a):
    ms = [0.0]
    for t in range(7):
        ms.append(a[0] * ms[-1] + (1 - a[0]) * x[t])
    dx, da, dnext = np.zeros_like(x), np.zeros_like(a), 0.0
    for t in range(6, -1, -1):
        dm = dout[t] + dnext
        dx[t] = dm * (1 - a[0])
        da += dm * (ms[t] - x[t])
        dnext = dm * a[0]
    return dx, da


@subject(w0=(3,), lr=positive(3), A=(4, 3), y=(4,))
def unrolled_descent(w0, lr, A, y):
    w = w0
    for _ in range(3):
        g = A.T @ (A @ w - y) / 20
        w = w - lr * g
    return np.mean((A @ w - y) ** 2)


@unrolled_descent.backward("""
dw = dw - A.T @ (A @ (dw * lr)) / 20 => dw = dw - dw * lr | path | the Hessian is left out | A|product|derivative
dw = dw - A.T @ (A @ (dw * lr)) / 20 => dw = dw + 0 | constant | the gradient is a constant in w (first order) | constant|contribution|\\bg\\b|missing
dw = dw - A.T @ (A @ (dw * lr)) / 20 => dw = dw + A.T @ (A @ (dw * lr)) / 20 | sign | the sign
dw = dw - A.T @ (A @ (dw * lr)) / 20 => dw = dw - A.T @ (A @ dw) / 20 | factor | the learning rate is left out | lr
dlr -= dw * gs[t] => dlr += dw * gs[t] | sign | the sign
dlr -= dw * gs[t] => dlr = -dw * gs[t] | overwritten | the rate is overwritten in each step
dlr -= dw * gs[t] => dlr -= dw * gs[2] | time | always the last gradient | last|pass|step
dw = 2 * A.T @ (A @ ws[3] - y) / 4 => dw = 2 * A.T @ (A @ ws[2] - y) / 4 | time | the weights before the last step | before|previous|last|step|pass|instead|`w`
""")
def _(w0, lr, A, y):
    ws, gs = [w0], []
    for _ in range(3):
        gs.append(A.T @ (A @ ws[-1] - y) / 20)
        ws.append(ws[-1] - lr * gs[-1])
    dlr = np.zeros_like(lr)
    dw = 2 * A.T @ (A @ ws[3] - y) / 4
    for t in (2, 1, 0):
        dlr -= dw * gs[t]
        dw = dw - A.T @ (A @ (dw * lr)) / 20
    dw0 = dw
    return dw0, dlr


@subject(x=(5, 2), W=(2, 3), U=(3, 3), v=(3,))
def attention_over_time(x, W, U, v):
    h, states = np.zeros(3), []
    for t in range(5):
        h = np.tanh(x[t] @ W + h @ U)
        states.append(h)
    H = np.stack(states)
    e = np.exp(H @ v)
    a = e / e.sum()
    return a @ H


@attention_over_time.backward("""
dH = np.outer(a, dout) + np.outer(ds, v) => dH = np.outer(a, dout) | path | the way through the weights is forgotten | weight|contribution|constant|`a`|scores
dH = np.outer(a, dout) + np.outer(ds, v) => dH = np.outer(ds, v) | path | the way through the average is forgotten
ds = a * (da - a @ da) => ds = a * (1 - a) * da | diagonal | only the diagonal
ds = a * (da - a @ da) => ds = a * da | diagonal | the sum is missing | sum|diag|constant
dv = H.T @ ds => dv = H.T @ da | path | the softmax is left out | softmax|`a`|left out|derivative|gradient of
dh = dH[t] + dnext => dh = dH[t] | time | the gradient of the next step is forgotten
dh = dH[t] + dnext => dh = dH[-1] + dnext | time | always the last state's | last|index|step|pass
dU += np.outer(Hp[t], da_) => dU += np.outer(H[t], da_) | time | the new state for the old one | old|new|previous|next|pass|instead
dnext = U @ da_ => dnext = U.T @ da_ | transposed | U is transposed
""")
def _(dout, x, W, U, v):
    h, states = np.zeros(3), []
    for t in range(5):
        h = np.tanh(x[t] @ W + h @ U)
        states.append(h)
    H = np.stack(states)
    Hp = np.vstack([np.zeros(3), H[:-1]])
    a = np.exp(H @ v) / np.exp(H @ v).sum()
    da = H @ dout
    ds = a * (da - a @ da)
    dv = H.T @ ds
    dH = np.outer(a, dout) + np.outer(ds, v)
    dW, dU, dx, dnext = np.zeros_like(W), np.zeros_like(U), np.zeros_like(x), np.zeros(3)
    for t in range(4, -1, -1):
        dh = dH[t] + dnext
        da_ = dh * (1 - H[t] ** 2)
        dW += np.outer(x[t], da_)
        dU += np.outer(Hp[t], da_)
        dx[t] = W @ da_
        dnext = U @ da_
    return dv, dW, dU, dx
