"""Small models with one or two mistakes each: loops, maps of indices, normalizations, losses."""

from __future__ import annotations

import numpy as np

from ..subjects import bits, labels, positive, subject


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@subject(x=(5, 3), W=(3, 4), U=(4, 4), v=(4,), y=(5,))
def elman_regression(x, W, U, v, y):
    h = np.zeros(4)
    loss = 0.0
    for t in range(5):
        h = np.tanh(x[t] @ W + h @ U)
        loss = loss + (h @ v - y[t]) ** 2
    return loss / 5


@elman_regression.backward("""
da = dh * (1 - hs[t + 1] ** 2) => da = dh * (1 - hs[t] ** 2) | time | the old state in tanh's derivative | old|previous|instead
dh = dnext + e * v => dh = dnext + v | upstream | the error is left out | upstream|error|factor|h @ v|derivative|ignored
dnext = da @ U.T => dnext = da | path | U is left out on the way back | U|matrix|product|skip|missing
dU += np.outer(hs[t], da)\\n        dnext = da @ U.T => dU = np.outer(hs[t], da)\\n        dnext = da @ U | transposed | two mistakes: dU is overwritten and U is not transposed | transpos & overwr|=
e = 2 * (hs[t + 1] @ v - y[t]) / 5 => e = 2 * (hs[t + 1] @ v - y[t]) | mean | the mean over time
da = dh * (1 - hs[t + 1] ** 2) => da = dh * hs[t + 1] * (1 - hs[t + 1]) | derivative | the sigmoid's derivative
e = 2 * (hs[t + 1] @ v - y[t]) / 5 => e = 2 * (hs[t + 1] @ v - y[t]) | mean | no 1/T
dv += e * hs[t + 1] => dv += e * hs[t] | time | the old state | old|previous|instead
dW += np.outer(x[t], da) => dW += np.outer(x[t], dh) | derivative | tanh's derivative is left out
""")
def _(x, W, U, v, y):
    hs = [np.zeros(4)]
    for t in range(5):
        hs.append(np.tanh(x[t] @ W + hs[-1] @ U))
    dW, dU, dv, dnext = np.zeros_like(W), np.zeros_like(U), np.zeros_like(v), np.zeros(4)
    for t in range(4, -1, -1):
        e = 2 * (hs[t + 1] @ v - y[t]) / 5
        dv += e * hs[t + 1]
        dh = dnext + e * v
        da = dh * (1 - hs[t + 1] ** 2)
        dW += np.outer(x[t], da)
        dU += np.outer(hs[t], da)
        dnext = da @ U.T
    return dW, dU, dv


@subject(xs=(3, 2, 3), Wz=(3, 3), Uz=(3, 3), Wn=(3, 3), Un=(3, 3))
def light_recurrent_unit(xs, Wz, Uz, Wn, Un):
    h = np.zeros((2, 3))
    states = []
    for x in xs:
        z = sigmoid(x @ Wz + h @ Uz)
        n = np.maximum(0, x @ Wn + h @ Un)
        h = z * h + (1 - z) * n
        states.append(h)
    return np.stack(states)


@light_recurrent_unit.backward("""
dz = dh * (h - n) * z * (1 - z) => dz = dh * (n - h) * z * (1 - z) | sign | the sign of the gate's gradient
dz = dh * (h - n) * z * (1 - z) => dz = dh * (h - n) | derivative | the sigmoid's derivative is left out
dz = dh * (h - n) * z * (1 - z) => dz = dh * h * z * (1 - z) | path | the way through 1 - z | 1 - z|path|contribution|missing
dn = dh * (1 - z) * (n > 0) => dn = dh * (1 - z) | mask | relu's mask is left out
dn = dh * (1 - z) * (n > 0) => dn = dh * z * (n > 0) | array | z for 1 - z | instead|1 - z
dnext = dh * z + dz @ Uz.T + dn @ Un.T => dnext = dh * z + dn @ Un.T | path | the way through the gate | contribution|path|missing|left out
dnext = dh * z + dz @ Uz.T + dn @ Un.T => dnext = dz @ Uz.T + dn @ Un.T | path | the way past the gates | contribution|path|missing|left out
dh = dout[t] + dnext => dh = dout[t] | time | the later steps
dh = dout[t] + dnext => dh = dnext + (dout[t] if t == 2 else 0) | time | only the last output | last|step|output|stack|contribution|own
dUz += h.T @ dz => dUz += n.T @ dz | array | n for h | instead|`n`
""")
def _(dout, xs, Wz, Uz, Wn, Un):
    h, saved = np.zeros((2, 3)), []
    for x in xs:
        z, n = sigmoid(x @ Wz + h @ Uz), np.maximum(0, x @ Wn + h @ Un)
        saved.append((x, h, z, n))
        h = z * h + (1 - z) * n
    dWz, dUz, dWn, dUn = (np.zeros_like(p) for p in (Wz, Uz, Wn, Un))
    dnext = np.zeros((2, 3))
    for t in (2, 1, 0):
        x, h, z, n = saved[t]
        dh = dout[t] + dnext
        dz = dh * (h - n) * z * (1 - z)
        dn = dh * (1 - z) * (n > 0)
        dWz += x.T @ dz
        dUz += h.T @ dz
        dWn += x.T @ dn
        dUn += h.T @ dn
        dnext = dh * z + dz @ Uz.T + dn @ Un.T
    return dWz, dUz, dWn, dUn


@subject(x=(4, 6), W=(6, 6), gamma=positive(6), beta=(6,), V=(6, 2), y=labels(4, 2))
def post_norm_classifier(x, W, gamma, beta, V, y):
    u = x + np.tanh(x @ W)
    mean = np.mean(u, axis=1, keepdims=True)
    std = np.sqrt(np.mean((u - mean) ** 2, axis=1, keepdims=True) + 1e-5)
    z = gamma * ((u - mean) / std) + beta
    s = z @ V
    logp = s - np.log(np.sum(np.exp(s), axis=1, keepdims=True))
    return -np.sum(logp[np.arange(4), y]) / 4


@post_norm_classifier.backward("""
ds[np.arange(4), y] -= 1 => ds[np.arange(4), y] = 0 | index | = 0 for -= 1 | target|= ?0|-= ?1
ds[np.arange(4), y] -= 1 => ds[np.arange(4), 1 - y] -= 1 | index | the other class | class|index|target|column
dn = dz * gamma => dn = dz | factor | gamma is left out | gamma
du = (dn - m1 - n * m2) / std => du = (dn - m1) / std | constant | the deviation is a constant | std|deviation|constant|contribution
du = (dn - m1 - n * m2) / std => du = (dn - n * m2) / std | constant | the mean is a constant | mean|constant|contribution
du = (dn - m1 - n * m2) / std => du = dn - m1 - n * m2 | factor | not divided by the deviation | std|divi|deviation
m2 = np.mean(dn * n, axis=1, keepdims=True) => m2 = np.sum(dn * n, axis=1, keepdims=True) | mean | the sum for the mean
m1 = np.mean(dn, axis=1, keepdims=True) => m1 = np.mean(dn, axis=0, keepdims=True) | axis | the mean over the batch
dx = du + da @ W.T => dx = da @ W.T | path | the residual | contribution|residual|path|missing|skip
da = du * (1 - a * a) => da = du * (1 - a) * a | derivative | the sigmoid's derivative
dgamma = np.sum(dz * n, axis=0) => dgamma = np.sum(dz * u, axis=0) | array | u for its normalized form | instead|normal|u
ds = ds / 4\\n    dV = z.T @ ds => dV = z.T @ ds | mean | no 1/N
""")
def _(x, W, gamma, beta, V, y):
    a = np.tanh(x @ W)
    u = x + a
    mean = u.mean(axis=1, keepdims=True)
    std = np.sqrt(np.mean((u - mean) ** 2, axis=1, keepdims=True) + 1e-5)
    n = (u - mean) / std
    z = gamma * n + beta
    s = z @ V
    ds = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    ds[np.arange(4), y] -= 1
    ds = ds / 4
    dV = z.T @ ds
    dz = ds @ V.T
    dgamma = np.sum(dz * n, axis=0)
    dbeta = dz.sum(axis=0)
    dn = dz * gamma
    m1 = np.mean(dn, axis=1, keepdims=True)
    m2 = np.mean(dn * n, axis=1, keepdims=True)
    du = (dn - m1 - n * m2) / std
    da = du * (1 - a * a)
    dW = x.T @ da
    dx = du + da @ W.T
    return dx, dW, dgamma, dbeta, dV


@subject(x=(2, 3, 6), w=(4, 3, 2), b=(4,))
def dilated_convolution(x, w, b):
    y = b[:, None]
    for k in range(2):
        y = y + np.einsum("nct,oc->not", x[:, :, 2 * k : 2 * k + 4], w[:, :, k])
    return np.maximum(y, 0)


@dilated_convolution.backward("""
dx[:, :, 2 * k : 2 * k + 4] += np.einsum("not,oc->nct", dy, w[:, :, k]) => dx[:, :, k : k + 4] += np.einsum("not,oc->nct", dy, w[:, :, k]) | index | the dilation is left out | dilat|index|strid|shift|counts
dx[:, :, 2 * k : 2 * k + 4] += np.einsum("not,oc->nct", dy, w[:, :, k]) => dx[:, :, 2 * k : 2 * k + 4] = np.einsum("not,oc->nct", dy, w[:, :, k]) | overwritten | = for +=
dx[:, :, 2 * k : 2 * k + 4] += np.einsum("not,oc->nct", dy, w[:, :, k]) => dx[:, :, 2 * k : 2 * k + 4] += np.einsum("not,oc->nct", dy, w[:, :, 1 - k]) | flip | the kernel is flipped
dw[:, :, k] = np.einsum("not,nct->oc", dy, x[:, :, 2 * k : 2 * k + 4]) => dw[:, :, k] = np.einsum("not,nct->oc", dy, x[:, :, k : k + 4]) | index | the dilation is left out | dilat|index|strid|shift|counts
dy = dout * (y > 0) => dy = dout | mask | relu's mask is left out
db = dy.sum(axis=(0, 2)) => db = dy.sum(axis=0).mean(axis=1) | mean | the mean over time
db = dy.sum(axis=(0, 2)) => db = dy[0].sum(axis=1) | not summed | only the first example | first|sum|index|example
""")
def _(dout, x, w, b):
    y = b[:, None] + sum(np.einsum("nct,oc->not", x[:, :, 2 * k : 2 * k + 4], w[:, :, k]) for k in range(2))
    dy = dout * (y > 0)
    dw, dx = np.zeros_like(w), np.zeros_like(x)
    for k in range(2):
        dw[:, :, k] = np.einsum("not,nct->oc", dy, x[:, :, 2 * k : 2 * k + 4])
        dx[:, :, 2 * k : 2 * k + 4] += np.einsum("not,oc->nct", dy, w[:, :, k])
    db = dy.sum(axis=(0, 2))
    return dx, dw, db


@subject(x=(2, 4, 4, 2), W=(8, 3), g=positive(8))
def patch_merging(x, W, g):
    a, b = x[:, 0::2, 0::2], x[:, 1::2, 0::2]
    c, d = x[:, 0::2, 1::2], x[:, 1::2, 1::2]
    z = np.concatenate([a, b, c, d], axis=3)
    r = np.sqrt(np.mean(z * z, axis=3, keepdims=True))
    return (g * (z / r)) @ W


@patch_merging.backward("""
dx[:, 1::2, 0::2] = dz[..., 2:4] => dx[:, 1::2, 0::2] = dz[..., 4:6] | layout | two parts exchanged | part|exchang|order|other
dx[:, 0::2, 0::2] = dz[..., 0:2] => dx[:, 0::2, 0::2] = 0 | path | one part is left out | part|missing|contribution|path|left out
dn = (dout @ W.T) * g => dn = dout @ W.T | factor | g is left out | `g`|factor
dz = (dn - n * np.mean(dn * n, axis=3, keepdims=True)) / r => dz = dn / r | constant | the root is a constant | `r`|constant|norm|contribution
dz = (dn - n * np.mean(dn * n, axis=3, keepdims=True)) / r => dz = (dn - n * np.sum(dn * n, axis=3, keepdims=True)) / r | mean | the sum for the mean
dz = (dn - n * np.mean(dn * n, axis=3, keepdims=True)) / r => dz = (dn - z * np.mean(dn * n, axis=3, keepdims=True)) / r | array | z for its normalized form | instead|normal|x stands
dz = (dn - n * np.mean(dn * n, axis=3, keepdims=True)) / r => dz = (dn - n * np.mean(dn * n, axis=(1, 2, 3), keepdims=True)) / r | axis | the mean over the image too
dg = np.sum((dout @ W.T) * n, axis=(0, 1, 2)) => dg = np.sum((dout @ W.T) * z, axis=(0, 1, 2)) | array | not normalized | instead|normal|divi|`r`
""")
def _(dout, x, W, g):
    z = np.concatenate([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], axis=3)
    r = np.sqrt(np.mean(z * z, axis=3, keepdims=True))
    n = z / r
    dW = np.einsum("nhwi,nhwo->io", g * n, dout)
    dg = np.sum((dout @ W.T) * n, axis=(0, 1, 2))
    dn = (dout @ W.T) * g
    dz = (dn - n * np.mean(dn * n, axis=3, keepdims=True)) / r
    dx = np.zeros_like(x)
    dx[:, 0::2, 0::2] = dz[..., 0:2]
    dx[:, 1::2, 0::2] = dz[..., 2:4]
    dx[:, 0::2, 1::2] = dz[..., 4:6]
    dx[:, 1::2, 1::2] = dz[..., 6:8]
    return dx, dW, dg


@subject(f=(5, 3), y=np.array([0, 0, 1, 1, 1]), tau=0.5)
def supervised_contrast(f, y, tau):
    s = f @ f.T / tau
    e = np.exp(s) * (1 - np.eye(5))
    logp = s - np.log(np.sum(e, axis=1, keepdims=True))
    same = (y[:, None] == y) * (1 - np.eye(5))
    return -np.mean(np.sum(same * logp, axis=1) / np.sum(same, axis=1))


@supervised_contrast.backward("""
df = (ds + ds.T) @ f / tau => df = ds @ f / tau | path | f is used twice | contribution|twice|missing|path|transpos
df = (ds + ds.T) @ f / tau => df = 2 * ds @ f / tau | transposed | the second use is not transposed | transpos|second
df = (ds + ds.T) @ f / tau => df = (ds + ds.T) @ f | factor | the temperature is left out
ds = (p - q) / 5 => ds = p - q | mean | no 1/N
ds = (p - q) / 5 => ds = (p - same) / 5 | mean | not divided by the number of the same class | count|mean|divi|sum\\(same|number|factor
ds = (p - q) / 5 => ds = -q / 5 | path | the normalizer | log|sum|softmax|normaliz|contribution|missing|constant
p = e / e.sum(axis=1, keepdims=True) => p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True) | mask | the mask of the diagonal | mask|eye|diagonal
""")
def _(f, y, tau):
    s = f @ f.T / tau
    e = np.exp(s) * (1 - np.eye(5))
    p = e / e.sum(axis=1, keepdims=True)
    same = (y[:, None] == y) * (1 - np.eye(5))
    q = same / same.sum(axis=1, keepdims=True)
    ds = (p - q) / 5
    df = (ds + ds.T) @ f / tau
    return df


@subject(x=(6, 3), W=(3, 4), keep=bits(6, 4), V=(4, 1), t=positive(6, 1), lam=0.1)
def poisson_with_dropout(x, W, keep, V, t, lam):
    h = np.maximum(0, x @ W) * keep / 0.5
    s = h @ V
    return np.mean(np.exp(s) - t * s) + lam * (np.sum(W**2) + np.sum(V**2)) / 2


@poisson_with_dropout.backward("""
ds = (np.exp(s) - t) / 6 => ds = (s - t) / 6 | derivative | s for exp(s) | exp|derivative|instead|square
ds = (np.exp(s) - t) / 6 => ds = np.exp(s) / 6 | path | the targets' term | `t`|contribution|missing|path|target
dz = dh * keep / 0.5 * (z > 0) => dz = dh * (z > 0) | mask | dropout's mask and scale | mask|keep|dropout
dz = dh * keep / 0.5 * (z > 0) => dz = dh * keep * (z > 0) | factor | dropout's scale | 0\\.5|factor|scale
dz = dh * keep / 0.5 * (z > 0) => dz = dh * keep / 0.5 | mask | relu's mask
dW = x.T @ dz + lam * W => dW = x.T @ dz + 2 * lam * W | penalty | a 2 too many
dW = x.T @ dz + lam * W => dW = x.T @ dz | penalty | no penalty
dV = h.T @ ds + lam * V => dV = h.T @ ds + lam * V / 6 | penalty | the penalty in the mean | penalt|regular|times the input|1/6|V\\*\\*2|6
ds = (np.exp(s) - t) / 6 => ds = (t - np.exp(s)) / 6 | sign | the sign of the loss's gradient, not of the penalty's
dW = x.T @ dz + lam * W => dW = x.T @ dz * 6 + lam * W | mean | no 1/N, but in the penalty | 6|1/N|mean
""")
def _(x, W, keep, V, t, lam):
    z = x @ W
    h = np.maximum(0, z) * keep / 0.5
    s = h @ V
    ds = (np.exp(s) - t) / 6
    dV = h.T @ ds + lam * V
    dh = ds @ V.T
    dz = dh * keep / 0.5 * (z > 0)
    dW = x.T @ dz + lam * W
    return dW, dV


@subject(q=(4,), K=(5, 4), V=(5, 4), W=(4, 4))
def memory_reader(q, K, V, W):
    for _ in range(3):
        s = K @ q / 2
        e = np.exp(s - np.max(s))
        a = e / np.sum(e)
        q = q + np.tanh((a @ V) @ W)
    return q


@memory_reader.backward(
    """
ds = a * (da - a @ da) => ds = a * da | diagonal | the sum of softmax's Jacobian | softmax|diagonal|sum|constant
ds = a * (da - a @ da) / 2 => ds = a * (da - a @ da) | factor | the scale
dq = dq + K.T @ ds => dq = K.T @ ds | path | the residual | contribution|residual|path|missing|skip
dq = dq + K.T @ ds => dq = dq | time | the way through the scores | contribution|path|missing|constant|left out|K @ q
dK += np.outer(ds, q) => dK += np.outer(ds, q_new) | time | the new query | old|new|instead|next
dV += np.outer(a, du @ W.T) => dV = np.outer(a, du @ W.T) | overwritten | = for +=
du = dq * (1 - u**2) => du = dq * (1 - q_new**2) | array | the sum for tanh | instead|tanh|another
dW += np.outer(a @ V, du) => dW += np.outer(a @ V, dq) | derivative | tanh's derivative is left out
""".replace("ds = a * (da - a @ da) => ds = a * da ", "ds = a * (da - a @ da) / 2 => ds = a * da / 2 ")
)
def _(dout, q, K, V, W):
    saved = []
    for _ in range(3):
        s = K @ q / 2
        a = np.exp(s - s.max())
        a = a / a.sum()
        u = np.tanh((a @ V) @ W)
        saved.append((q, a, u, q + u))
        q = q + u
    dK, dV, dW, dq = np.zeros_like(K), np.zeros_like(V), np.zeros_like(W), dout
    for q, a, u, q_new in saved[::-1]:  # noqa: B007
        du = dq * (1 - u**2)
        dW += np.outer(a @ V, du)
        dV += np.outer(a, du @ W.T)
        da = V @ (du @ W.T)
        ds = a * (da - a @ da) / 2
        dK += np.outer(ds, q)
        dq = dq + K.T @ ds
    return dq, dK, dV, dW
