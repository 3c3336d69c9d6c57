"""Functions as learners write them: sums by += in loops, einsum over a batch, np.where, matrix functions."""

from __future__ import annotations

import numpy as np

from ..subjects import subject


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@subject(X=(6, 3), Y=(6, 2), W1=(3, 5), b1=(5,), W2=(5, 4), b2=(4,), W3=(4, 2), b3=(2,))
def elu_regressor(X, Y, W1, b1, W2, b2, W3, b3):
    z1 = X @ W1 + b1
    a1 = np.where(z1 > 0, z1, np.exp(z1) - 1)
    z2 = a1 @ W2 + b2
    a2 = np.tanh(z2)
    out = a2 @ W3 + b3
    return np.mean((out - Y) ** 2)


@elu_regressor.backward("""
2 * (out - Y) / out.size => 2 * (out - Y) / len(out) | mean | divided by N instead of all elements
2 * (out - Y) / out.size => (out - Y) / out.size | factor | 2 missing | 2|half|twice
2 * (out - Y) / out.size => 2 * (Y - out) / out.size | sign | the sign of the residual
2 * (out - Y) / out.size => 2 * (out - Y) | mean | mean forgotten
1 - a2**2 => 1 - z2**2 | array | input instead of output of tanh
1 - a2**2 => a2 * (1 - a2) | derivative | sigmoid's derivative
1 - a2**2 => 1 - a2 | derivative | 1 - a instead of 1 - a^2
np.where(z1 > 0, 1, np.exp(z1)) => (z1 > 0) | derivative | relu's derivative for elu's | relu|derivative|branch|mask|zero|contribution|missing
np.where(z1 > 0, 1, np.exp(z1)) => np.where(z1 > 0, 1, a1) | derivative | a1 instead of a1+1 | derivative|instead|exp|\\ba1\\b
np.where(z1 > 0, 1, np.exp(z1)) => np.where(da1 > 0, 1, np.exp(z1)) | mask | mask of the upstream gradient
da1 = dz2 @ W2.T => da1 = da2 @ W2.T | derivative | tanh skipped
dW2 = a1.T @ dz2 => dW2 = z1.T @ dz2 | array | before the activation
db2 = dz2.sum(axis=0) => db2 = dz2.mean(axis=0) | mean | bias mean
db1 = dz1.sum(axis=0) => db1 = dz1.sum(axis=1)[:5] | axis | wrong axis
""")
def _(X, Y, W1, b1, W2, b2, W3, b3):
    z1 = X @ W1 + b1
    a1 = np.where(z1 > 0, z1, np.exp(z1) - 1)
    z2 = a1 @ W2 + b2
    a2 = np.tanh(z2)
    out = a2 @ W3 + b3
    dout = 2 * (out - Y) / out.size
    dW3 = a2.T @ dout
    db3 = dout.sum(axis=0)
    da2 = dout @ W3.T
    dz2 = da2 * (1 - a2**2)
    dW2 = a1.T @ dz2
    db2 = dz2.sum(axis=0)
    da1 = dz2 @ W2.T
    dz1 = da1 * np.where(z1 > 0, 1, np.exp(z1))
    dW1 = X.T @ dz1
    db1 = dz1.sum(axis=0)
    return dW1, db1, dW2, db2, dW3, db3


@subject(logits=(6, 4))
def ctc_small(logits):
    labels_ = [0, 1, 0, 2, 0]
    e = np.exp(logits)
    y = e / e.sum(axis=1, keepdims=True)
    T, S = len(logits), len(labels_)
    alpha = [y[0, labels_[0]], y[0, labels_[1]], 0.0, 0.0, 0.0]
    for t in range(1, T):
        new = []
        for s in range(S):
            a = alpha[s]
            if s > 0:
                a = a + alpha[s - 1]
            if s > 1 and labels_[s] != 0 and labels_[s] != labels_[s - 2]:
                a = a + alpha[s - 2]
            new.append(a * y[t, labels_[s]])
        alpha = new
    return -np.log(alpha[-1] + alpha[-2])


@ctc_small.backward("""
dalpha[S - 2] = -1 / total => pass | path | the ending without the last blank forgotten
dy[t, labels_[s]] += => dy[t, labels_[s]] = | overwritten | the repeated blank is overwritten
new[s - 1] += da => pass | path | moves from s-1 forgotten
new[s - 2] += da => pass | path | skip moves forgotten
da = dalpha[s] * y[t, labels_[s]] => da = dalpha[s] | factor | y missing in the recursion | \\by\\b|factor|multipl|deriv
dlogits = y * (dy - (dy * y).sum(axis=1, keepdims=True)) => dlogits = y * (1 - y) * dy | diagonal | diagonal of the softmax
dlogits = y * (dy - (dy * y).sum(axis=1, keepdims=True)) => dlogits = y * (dy - (dy * y).sum(axis=0, keepdims=True)) | axis | wrong axis
dlogits = y * (dy - (dy * y).sum(axis=1, keepdims=True)) => dlogits = dy - (dy * y).sum(axis=1, keepdims=True) | factor | y missing
dy[0, labels_[1]] += dalpha[1] => pass | path | the start at the first label is forgotten
new[s] += da => new[s] = da | overwritten | overwritten
""")
def _(logits):
    labels_ = [0, 1, 0, 2, 0]
    e = np.exp(logits)
    y = e / e.sum(axis=1, keepdims=True)
    T, S = len(logits), len(labels_)
    alphas = np.zeros((T, S))
    alphas[0, :2] = y[0, labels_[0]], y[0, labels_[1]]
    pre = np.zeros((T, S))
    for t in range(1, T):
        for s in range(S):
            a = alphas[t - 1, s]
            if s > 0:
                a = a + alphas[t - 1, s - 1]
            if s > 1 and labels_[s] != 0 and labels_[s] != labels_[s - 2]:
                a = a + alphas[t - 1, s - 2]
            pre[t, s] = a
            alphas[t, s] = a * y[t, labels_[s]]
    total = alphas[-1, -1] + alphas[-1, -2]
    dy = np.zeros_like(y)
    dalpha = np.zeros(S)
    dalpha[S - 1] = -1 / total
    dalpha[S - 2] = -1 / total
    for t in reversed(range(1, T)):
        new = np.zeros(S)
        for s in reversed(range(S)):
            dy[t, labels_[s]] += dalpha[s] * pre[t, s]
            da = dalpha[s] * y[t, labels_[s]]
            new[s] += da
            if s > 0:
                new[s - 1] += da
            if s > 1 and labels_[s] != 0 and labels_[s] != labels_[s - 2]:
                new[s - 2] += da
        dalpha = new
    dy[0, labels_[0]] += dalpha[0]
    dy[0, labels_[1]] += dalpha[1]
    dlogits = y * (dy - (dy * y).sum(axis=1, keepdims=True))
    return dlogits


@subject(Q=(3, 4, 3), K=(3, 6, 3), V=(3, 6, 2), valid=np.array([6, 3, 4]))
def padded_attention(Q, K, V, valid):
    scores = np.einsum("bqd,bkd->bqk", Q, K) / np.sqrt(3)
    mask = np.arange(6)[None, :] < valid[:, None]
    scores = scores + np.where(mask, 0.0, -1e6)[:, None, :]
    w = np.exp(scores - scores.max(-1, keepdims=True))
    w = w / w.sum(-1, keepdims=True)
    return np.einsum("bqk,bkv->bqv", w, V)


@padded_attention.backward("""
ds = w * (dw - np.sum(w * dw, -1, keepdims=True)) => ds = dw | derivative | softmax skipped | softmax|skip|deriv|diag|missing
ds = w * (dw - np.sum(w * dw, -1, keepdims=True)) => ds = w * dw | diagonal | sum missing | sum|diag|cross|missing|normal|constant
ds = w * (dw - np.sum(w * dw, -1, keepdims=True)) => ds = w * (dw - np.mean(w * dw, -1, keepdims=True)) | mean | mean for sum
dQ = np.einsum("bqk,bkd->bqd", ds, K) / np.sqrt(3) => dQ = np.einsum("bqk,bkd->bqd", ds, K) | factor | scale missing | sqrt|scale|factor|1/
dQ = np.einsum("bqk,bkd->bqd", ds, K) / np.sqrt(3) => dQ = np.einsum("bqk,bqd->bqd", ds, Q) / np.sqrt(3) | array | Q for K | K\\b|Q\\b
dK = np.einsum("bqk,bqd->bkd", ds, Q) / np.sqrt(3) => dK = np.einsum("bqk,cqd->bkd", ds, Q) / np.sqrt(3) | axis | summed over the other batch items too | sum|batch|ax|dim|einsum|index
dV = np.einsum("bqk,bqv->bkv", w, dout) => dV = np.einsum("bqk,cqv->ckv", w, dout) | axis | weights summed over batch | sum|batch|ax|dim|einsum|index
dV = np.einsum("bqk,bqv->bkv", w, dout) => dV = np.einsum("bqk,bqv->bkv", scores, dout) | array | scores for weights
scores = scores + np.where(mask, 0.0, -1e6)[:, None, :] => pass | mask | mask forgotten
mask = np.arange(6)[None, :] < valid[:, None] => mask = np.arange(6)[None, :] <= valid[:, None] | mask | off by one | mask|off|<=|index
ds = w * (dw - np.sum(w * dw, -1, keepdims=True)) => ds = w * (dw - np.sum(w * dw, 1, keepdims=True)) | axis | axis
""")
def _(dout, Q, K, V, valid):
    scores = np.einsum("bqd,bkd->bqk", Q, K) / np.sqrt(3)
    mask = np.arange(6)[None, :] < valid[:, None]
    scores = scores + np.where(mask, 0.0, -1e6)[:, None, :]
    w = softmax(scores)
    dV = np.einsum("bqk,bqv->bkv", w, dout)
    dw = np.einsum("bqv,bkv->bqk", dout, V)
    ds = w * (dw - np.sum(w * dw, -1, keepdims=True))
    dQ = np.einsum("bqk,bkd->bqd", ds, K) / np.sqrt(3)
    dK = np.einsum("bqk,bqd->bkd", ds, Q) / np.sqrt(3)
    return dQ, dK, dV


@subject(src=(4, 3), tgt=(3, 3), We=(3, 3), Ue=(3, 3), Wd=(3, 3), Ud=(3, 3), P=(3, 3))
def seq2seq(src, tgt, We, Ue, Wd, Ud, P):
    h = np.zeros(3)
    for x in src:
        h = np.tanh(We @ x + Ue @ h)
    s = h
    loss = 0
    prev = np.zeros(3)
    for y in tgt:
        s = np.tanh(Wd @ prev + Ud @ s)
        err = P @ s - y
        loss += err @ err
        prev = y
    return loss / len(tgt)


@seq2seq.backward("""
derr = 2 * err / len(tgt) => derr = err / len(tgt) | factor | 2
derr = 2 * err / len(tgt) => derr = 2 * err | mean | mean
ds = P.T @ derr + ds_next => ds = P.T @ derr | time | cut in the decoder
ds = P.T @ derr + ds_next => ds = P @ derr + ds_next | transposed | P
dWd += np.outer(da, prev) => dWd += np.outer(da, tgt[t]) | index | own target instead of the previous | index|previous|prev|off|shift|pass|step
dWd += np.outer(da, prev) => dWd += np.outer(prev, da) | transposed | outer swapped
dUd += np.outer(da, ss[t]) => dUd += np.outer(da, ss[t + 1]) | array | new state
ds_next = Ud.T @ da => ds_next = Ud @ da | transposed | Ud
ds_next = Ud.T @ da => ds_next = Ud.T @ ds | derivative | tanh skipped
dh = ds_next => dh = np.zeros(3) + P.T @ derr | path | decoder's start not followed | contribution|state|step|encoder|decoder|missing|instead|s\\b
dWe += np.outer(db, src[t]) => dWe = np.outer(db, src[t]) | overwritten | overwritten
dUe += np.outer(db, hs[t]) => dUe += np.outer(db, hs[t + 1]) | array | new
(1 - hs[t + 1] ** 2) => (1 - hs[t] ** 2) | array | old state in tanh's derivative
(1 - ss[t + 1] ** 2) => (1 - ss[t + 1]) | derivative | 1 - s
""")
def _(src, tgt, We, Ue, Wd, Ud, P):
    hs = [np.zeros(3)]
    for x in src:
        hs.append(np.tanh(We @ x + Ue @ hs[-1]))
    ss, prevs, errs = [hs[-1]], [], []
    prev = np.zeros(3)
    for y in tgt:
        prevs.append(prev)
        ss.append(np.tanh(Wd @ prev + Ud @ ss[-1]))
        errs.append(P @ ss[-1] - y)
        prev = y
    dWe, dUe, dWd, dUd, dP = [np.zeros((3, 3)) for _ in range(5)]
    ds_next = np.zeros(3)
    for t in reversed(range(len(tgt))):
        err, prev = errs[t], prevs[t]
        derr = 2 * err / len(tgt)
        dP += np.outer(derr, ss[t + 1])
        ds = P.T @ derr + ds_next
        da = ds * (1 - ss[t + 1] ** 2)
        dWd += np.outer(da, prev)
        dUd += np.outer(da, ss[t])
        ds_next = Ud.T @ da
    dh = ds_next
    for t in reversed(range(len(src))):
        db = dh * (1 - hs[t + 1] ** 2)
        dWe += np.outer(db, src[t])
        dUe += np.outer(db, hs[t])
        dh = Ue.T @ db
    return dWe, dUe, dWd, dUd


@subject(A=lambda rng: np.eye(4) * 3 + rng.standard_normal((4, 4)), b=(4,), D=(4, 4))
def matrix_functions(A, b, D):
    x = np.linalg.solve(A, b)
    S = A.T @ A
    return x @ D @ x + 0.5 * np.log(np.linalg.det(S)) + np.trace(A @ A @ D)


@matrix_functions.backward("""
gx = (D + D.T) @ x => gx = 2 * D @ x | transposed | D not symmetric | transpos|symmetr|D\\b|twice
gx = (D + D.T) @ x => gx = D @ x | path | half of the quadratic form
lam = np.linalg.solve(A.T, gx) => lam = np.linalg.solve(A, gx) | transposed | A not transposed
dA = -np.outer(lam, x) => dA = np.outer(lam, x) | sign | sign
dA = -np.outer(lam, x) => dA = -np.outer(x, lam) | transposed | outer
dA += np.linalg.inv(A).T => dA += np.linalg.inv(A) | transposed | inverse not transposed
dA += np.linalg.inv(A).T => dA += 2 * np.linalg.inv(A).T | factor | twice
dA += np.linalg.inv(A).T => pass | path | log det
dA += (A @ D + D @ A).T => dA += 2 * (A @ D).T | order | AD = DA assumed | order|commut|transpos|D @ A|contribution|instead|twice|one
dA += (A @ D + D @ A).T => dA += A @ D + D @ A | transposed | not transposed
dA += (A @ D + D @ A).T => dA += (A @ D).T | path | second use
db = lam => db = gx | path | solve skipped | solve|skip|inverse|A\\b|missing
""")
def _(A, b, D):
    x = np.linalg.solve(A, b)
    gx = (D + D.T) @ x
    lam = np.linalg.solve(A.T, gx)
    dA = -np.outer(lam, x)
    dA += np.linalg.inv(A).T
    dA += (A @ D + D @ A).T
    db = lam
    return dA, db


@subject(h=(5, 4), W=(4, 2), asrc=(2,), adst=(2,))
def graph_attention(h, W, asrc, adst):
    A = np.array([[1, 1, 0, 0, 1], [1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [1, 0, 0, 1, 1]])
    u = h @ W
    e = (u @ asrc)[:, None] + (u @ adst)[None, :]
    e = np.where(e > 0, e, 0.2 * e)
    w = np.exp(e) * A
    w = w / w.sum(axis=1, keepdims=True)
    return w @ u


@graph_attention.backward("""
du = w.T @ dout => du = w @ dout | transposed | w.T
du = w.T @ dout => du = np.zeros_like(u) | path | direct path
w * (dw - (dw * w).sum(axis=1, keepdims=True)) => w * (1 - w) * dw | diagonal | diag
w * (dw - (dw * w).sum(axis=1, keepdims=True)) => w * (dw - (dw * w).sum(axis=0, keepdims=True)) | axis | axis
np.where(e0 > 0, 1, 0.2) => np.where(e0 > 0, 1, 0) | derivative | relu | relu|slope|0\\.2|branch|mask|contribution|deriv|where
np.where(e0 > 0, 1, 0.2) => 1 | derivative | leaky skipped | leaky|slope|0\\.2|where|mask|deriv|skip|missing|factor
np.where(e0 > 0, 1, 0.2) => np.where(de > 0, 1, 0.2) | mask | upstream's mask
dasrc = u.T @ de.sum(axis=1) => dasrc = u.T @ de.sum(axis=0) | axis | axis
dadst = u.T @ de.sum(axis=0) => dadst = u.T @ de.mean(axis=0) | mean | mean
du += np.outer(de.sum(axis=1), asrc) => pass | path | source's path
du += np.outer(de.sum(axis=0), adst) => du += np.outer(de.sum(axis=0), asrc) | array | asrc for adst
du += np.outer(de.sum(axis=1), asrc) => du = np.outer(de.sum(axis=1), asrc) | overwritten | overwritten
""")
def _(dout, h, W, asrc, adst):
    A = np.array([[1, 1, 0, 0, 1], [1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [1, 0, 0, 1, 1]])
    u = h @ W
    e0 = (u @ asrc)[:, None] + (u @ adst)
    w = np.exp(np.where(e0 > 0, e0, 0.2 * e0)) * A
    w = w / w.sum(axis=1, keepdims=True)
    du = w.T @ dout
    dw = dout @ u.T
    de = w * (dw - (dw * w).sum(axis=1, keepdims=True))
    de = de * np.where(e0 > 0, 1, 0.2)
    dasrc = u.T @ de.sum(axis=1)
    dadst = u.T @ de.sum(axis=0)
    du += np.outer(de.sum(axis=1), asrc)
    du += np.outer(de.sum(axis=0), adst)
    dW = h.T @ du
    return dW, dasrc, dadst


@subject(r=(4, 2))
def lennard_jones(r):
    energy = 0.0
    for i in range(4):
        for j in range(i):
            d = r[i] - r[j]
            r2 = d @ d + 0.5
            inv6 = 1 / r2**3
            energy += 4 * (inv6**2 - inv6)
    return energy


@lennard_jones.backward("""
dinv6 = 4 * (2 * inv6 - 1) => dinv6 = 4 * (inv6 - 1) | factor | 2 of the square | 2|half|square|factor
dinv6 = 4 * (2 * inv6 - 1) => dinv6 = 2 * inv6 - 1 | factor | 4 | 4|factor
dinv6 = 4 * (2 * inv6 - 1) => dinv6 = 4 * (2 * inv6 + 1) | sign | sign
dr2 = -3 / r2**4 * dinv6 => dr2 = -3 / r2**3 * dinv6 | derivative | exponent | power|expon|deriv|factor|\\*\\*
dr2 = -3 / r2**4 * dinv6 => dr2 = 3 / r2**4 * dinv6 | sign | sign
dr2 = -3 / r2**4 * dinv6 => dr2 = -1 / r2**4 * dinv6 | factor | 3 | 3|factor
dd = 2 * d * dr2 => dd = d * dr2 | path | 2 of d@d | 2|twice|half|contribution|missing|factor
dr[j] -= dd => pass | path | reaction force
dr[j] -= dd => dr[j] += dd | sign | sign
dr[i] += dd => dr[i] = dd | overwritten | overwritten
""")
def _(r):
    dr = np.zeros_like(r)
    for i in range(4):
        for j in range(i):
            d = r[i] - r[j]
            r2 = d @ d + 0.5
            inv6 = 1 / r2**3
            dinv6 = 4 * (2 * inv6 - 1)
            dr2 = -3 / r2**4 * dinv6
            dd = 2 * d * dr2
            dr[i] += dd
            dr[j] -= dd
    return dr
