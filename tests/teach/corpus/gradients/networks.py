"""Networks and their parts, as a learner writes them: a convnet by im2col, causal heads, gates, norms, dropout."""

from __future__ import annotations

import numpy as np

from ..subjects import bits, labels, positive, subject


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def im2col(x, k):
    N, C, H, W = x.shape
    rows = [x[:, :, i : i + k, j : j + k].reshape(N, -1) for i in range(H - k + 1) for j in range(W - k + 1)]
    return np.stack(rows, axis=1)


@subject(x=(2, 2, 4, 4), w=(3, 2, 3, 3), b=(3,), v=(12, 3), y=labels(2, 3))
def convnet(x, w, b, v, y):
    cols = im2col(x, 3)
    a = cols @ w.reshape(3, -1).T + b
    h = np.maximum(a, 0).transpose(0, 2, 1).reshape(2, -1)
    s = h @ v
    p = softmax(s)
    return -np.log(p[np.arange(2), y]).mean()


@convnet.backward("""
ds = p / 2 => ds = p | mean | the loss is a mean over two examples
ds[np.arange(2), y] -= 1 / 2 => ds[np.arange(2), y] -= 1 | factor | the 1 of the target is not divided by N | factor|1/|mean|times|target|twice|divid|2 is
ds[np.arange(2), y] -= 1 / 2 => ds[:, y] -= 1 / 2 | index | whole columns instead of the target's elements | ind(ex|ices)|column|row|target
dh = (ds @ v.T).reshape(2, 3, 4).transpose(0, 2, 1) => dh = (ds @ v.T).reshape(2, 4, 3) | layout | a reshape where a transpose must be
da = dh * (a > 0) => da = dh | mask | the ReLU's mask is forgotten | relu|mask|maximum|derivative
da = dh * (a > 0) => da = dh * (dh > 0) | mask | the mask is that of the gradient
da = dh * (a > 0) => da = np.maximum(dh * a, 0) | mask | the ReLU of a product
dw = np.einsum("npf,npk->fk", da, cols).reshape(w.shape) => dw = np.einsum("npf,npk->kf", da, cols).reshape(w.shape) | layout | the transpose is reshaped
dcols = da @ w.reshape(3, -1) => dcols = da @ w.transpose(0, 2, 3, 1).reshape(3, -1) | layout | the channels last in the kernel | channel|reshape|permut|transpos|order|layout
dcols = da @ w.reshape(3, -1) => dcols = da @ w[:, :, ::-1, ::-1].reshape(3, -1) | flip | the kernel is flipped
db = da.sum(axis=(0, 1)) => db = da.sum(axis=(0, 1)) / 4 | mean | a mean over the positions
dx[:, :, i : i + 3, j : j + 3] += dcols[:, 2 * i + j].reshape(2, 2, 3, 3) => dx[:, :, i : i + 3, j : j + 3] = dcols[:, 2 * i + j].reshape(2, 2, 3, 3) | overwritten | the windows overlap and overwrite each other
dx[:, :, i : i + 3, j : j + 3] += dcols[:, 2 * i + j].reshape(2, 2, 3, 3) => dx[:, :, i : i + 3, j : j + 3] += dcols[:, 2 * j + i].reshape(2, 2, 3, 3) | index | rows and columns of the positions are exchanged | order|ind(ex|ices)|swap|exchang|transpos|position|place
dx[:, :, i : i + 3, j : j + 3] += dcols[:, 2 * i + j].reshape(2, 2, 3, 3) => dx[:, :, i : i + 3, j : j + 3] += dcols[:, 2 * i + j].reshape(2, 3, 3, 2).transpose(0, 3, 1, 2) | layout | the columns are read with the channels last
""")
def _(x, w, b, v, y):
    cols = im2col(x, 3)
    a = cols @ w.reshape(3, -1).T + b
    h = np.maximum(a, 0).transpose(0, 2, 1).reshape(2, -1)
    p = softmax(h @ v)
    ds = p / 2
    ds[np.arange(2), y] -= 1 / 2
    dv = h.T @ ds
    dh = (ds @ v.T).reshape(2, 3, 4).transpose(0, 2, 1)
    da = dh * (a > 0)
    dw = np.einsum("npf,npk->fk", da, cols).reshape(w.shape)
    db = da.sum(axis=(0, 1))
    dcols = da @ w.reshape(3, -1)
    dx = np.zeros_like(x)
    for i in range(2):
        for j in range(2):
            dx[:, :, i : i + 3, j : j + 3] += dcols[:, 2 * i + j].reshape(2, 2, 3, 3)
    return dx, dw, db, dv


@subject(x=(2, 3, 4), m=(2, 3, 4), Wq=(4, 4), Wk=(4, 4), Wv=(4, 4), Wo=(4, 4))
def cross_attention(x, m, Wq, Wk, Wv, Wo):
    def heads(u):
        return u.reshape(2, 3, 2, 2).transpose(0, 2, 1, 3)

    q, k, v = heads(x @ Wq), heads(m @ Wk), heads(m @ Wv)
    s = q @ k.transpose(0, 1, 3, 2) / np.sqrt(2)
    s = np.where(np.tril(np.ones((3, 3))) > 0, s, -1e9)
    p = softmax(s)
    o = (p @ v).transpose(0, 2, 1, 3).reshape(2, 3, 4)
    return o @ Wo


@cross_attention.backward("""
do = heads(dout @ Wo.T) => do = (dout @ Wo.T).reshape(2, 2, 3, 2) | layout | the heads are split by a reshape alone
do = heads(dout @ Wo.T) => do = heads(dout @ Wo.T)[:, ::-1] | layout | the heads in another order | head|order|flip|revers|permut
do = heads(dout @ Wo.T) => do = heads(dout @ Wo) | transposed | Wo is not transposed
dp = do @ v.transpose(0, 1, 3, 2) => dp = do @ k.transpose(0, 1, 3, 2) | array | k for v
ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) => ds = p * dp * (1 - p) | diagonal | the diagonal of the softmax's Jacobian
ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) => ds = p * (dp - (dp * p).sum(axis=-2, keepdims=True)) | axis | the sum over the queries
ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) => ds = p * (dp - (dp * p).mean(axis=-1, keepdims=True)) | mean | a mean where a sum must be
ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) => ds = dp - (dp * p).sum(axis=-1, keepdims=True) | factor | p is missing in front
dq = ds @ k / np.sqrt(2) => dq = ds @ k | factor | the scale is forgotten | sqrt|scale|factor|1\\.41|0\\.707
dk = ds.transpose(0, 1, 3, 2) @ q / np.sqrt(2) => dk = ds @ q / np.sqrt(2) | transposed | ds is not transposed
dv = p.transpose(0, 1, 3, 2) @ do => dv = p @ do | transposed | p is not transposed
dv = p.transpose(0, 1, 3, 2) @ do => dv = softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(2)).transpose(0, 1, 3, 2) @ do | mask | the causal mask is forgotten when p is computed again | mask|instead|softmax|where|another
dm = joined(dk) @ Wk.T + joined(dv) @ Wv.T => dm = joined(dk) @ Wk.T | path | the values' way is forgotten
dx = joined(dq) @ Wq.T => dx = joined(dq) @ Wq.T + dout | path | a residual connection that is not there | extra|once more|residual|not there|skip|added|contribution
dWo = np.einsum("nti,ntj->ij", joined(p @ v), dout) => dWo = np.einsum("nti,ntj->ij", (p @ v).reshape(2, 3, 4), dout) | layout | the heads are joined by a reshape alone
""")
def _(dout, x, m, Wq, Wk, Wv, Wo):
    def heads(u):
        return u.reshape(2, 3, 2, 2).transpose(0, 2, 1, 3)

    def joined(u):
        return u.transpose(0, 2, 1, 3).reshape(2, 3, 4)

    q, k, v = heads(x @ Wq), heads(m @ Wk), heads(m @ Wv)
    s = q @ k.transpose(0, 1, 3, 2) / np.sqrt(2)
    p = softmax(np.where(np.tril(np.ones((3, 3))) > 0, s, -1e9))
    dWo = np.einsum("nti,ntj->ij", joined(p @ v), dout)
    do = heads(dout @ Wo.T)
    dp = do @ v.transpose(0, 1, 3, 2)
    dv = p.transpose(0, 1, 3, 2) @ do
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
    dq = ds @ k / np.sqrt(2)
    dk = ds.transpose(0, 1, 3, 2) @ q / np.sqrt(2)
    dx = joined(dq) @ Wq.T
    dm = joined(dk) @ Wk.T + joined(dv) @ Wv.T
    return dx, dm, dWo


@subject(x=(4, 2, 3), h0=(2, 3), W=(3, 9), U=(3, 9))
def gru_sequence(x, h0, W, U):
    h, loss = h0, 0.0
    for t in range(len(x)):
        u, v = x[t] @ W, h @ U
        z = sigmoid(u[:, :3] + v[:, :3])
        r = sigmoid(u[:, 3:6] + v[:, 3:6])
        n = np.tanh(u[:, 6:] + r * v[:, 6:])
        h = (1 - z) * n + z * h
        loss = loss + 0.5 * (h**2).sum()
    return loss


@gru_sequence.backward("""
dh = dh + hn => dh = hn | time | the gradient from later steps is forgotten | time|step|later|next|state|contribution|constant|missing
dn = dh * (1 - z) * (1 - n**2) => dn = dh * z * (1 - n**2) | array | z for 1 - z | instead|1 - z|factor|wrong|computed as
dn = dh * (1 - z) * (1 - n**2) => dn = dh * (1 - z) | derivative | the derivative of tanh is forgotten | tanh|derivative
dn = dh * (1 - z) * (1 - n**2) => dn = dh * (1 - z) * n * (1 - n) | derivative | the sigmoid's derivative for tanh's
dz = dh * (h - n) * z * (1 - z) => dz = dh * (hn - n) * z * (1 - z) | time | the new state for the old one | instead|state|new|old|next|pass|step
dz = dh * (h - n) * z * (1 - z) => dz = dh * (n - h) * z * (1 - z) | sign | the wrong sign
dz = dh * (h - n) * z * (1 - z) => dz = dh * h * z * (1 - z) | path | the way through (1 - z) n is forgotten
dr = dn * v[:, 6:] * r * (1 - r) => dr = dn * r * (1 - r) | factor | the factor h U is forgotten
da = np.hstack([dz, dr, dn]) => da = np.hstack([dr, dz, dn]) | index | the gates in another order | order|gate|index|layout|swap|exchang|block|part|permut|other part
dv = np.hstack([dz, dr, dn * r]) => dv = np.hstack([dz, dr, dn]) | factor | the reset gate is forgotten | \\br\\b|gate|reset|factor|product
dh = dh * z + dv @ U.T => dh = dv @ U.T | path | the direct way z h is forgotten
dh = dh * z + dv @ U.T => dh = dh * z + dv @ U[::-1].T | flip | U is taken in reverse order | revers|flip|order
dU += h.T @ dv => dU += hn.T @ dv | time | the new state for the old one | instead|state|new|old|next|pass|step
dU += h.T @ dv => dU = h.T @ dv | overwritten | dU is overwritten at each step
""")
def _(x, h0, W, U):
    h, saved = h0, []
    for t in range(len(x)):
        u, v = x[t] @ W, h @ U
        z = sigmoid(u[:, :3] + v[:, :3])
        r = sigmoid(u[:, 3:6] + v[:, 3:6])
        n = np.tanh(u[:, 6:] + r * v[:, 6:])
        new = (1 - z) * n + z * h
        saved.append((h, v, z, r, n, new))
        h = new
    dW, dU, dh = np.zeros_like(W), np.zeros_like(U), np.zeros_like(h0)
    for t in reversed(range(len(x))):
        h, v, z, r, n, hn = saved[t]
        dh = dh + hn
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (h - n) * z * (1 - z)
        dr = dn * v[:, 6:] * r * (1 - r)
        da = np.hstack([dz, dr, dn])
        dv = np.hstack([dz, dr, dn * r])
        dW += x[t].T @ da
        dU += h.T @ dv
        dh = dh * z + dv @ U.T
    dh0 = dh
    return dh0, dW, dU


@subject(x=(2, 3, 2, 3), gamma=positive(3), beta=(3,))
def instance_norm(x, gamma, beta):
    mean = x.mean(axis=(2, 3), keepdims=True)
    std = np.sqrt(((x - mean) ** 2).mean(axis=(2, 3), keepdims=True) + 1e-5)
    z = (x - mean) / std
    return z * gamma[None, :, None, None] + beta[None, :, None, None]


@instance_norm.backward("""
g = dout * gamma[None, :, None, None] => g = dout | factor | gamma is forgotten | gamma|factor|scale
dx = (g - g.mean(axis=(2, 3), keepdims=True) - z * (g * z).mean(axis=(2, 3), keepdims=True)) / std => dx = (g - g.mean(axis=(0, 2, 3), keepdims=True) - z * (g * z).mean(axis=(0, 2, 3), keepdims=True)) / std | axis | the means of batch norm
dx = (g - g.mean(axis=(2, 3), keepdims=True) - z * (g * z).mean(axis=(2, 3), keepdims=True)) / std => dx = (g - g.mean(axis=(1, 2, 3), keepdims=True) - z * (g * z).mean(axis=(1, 2, 3), keepdims=True)) / std | axis | the means of layer norm
dx = (g - g.mean(axis=(2, 3), keepdims=True) - z * (g * z).mean(axis=(2, 3), keepdims=True)) / std => dx = (g - z * (g * z).mean(axis=(2, 3), keepdims=True)) / std | constant | the mean is treated as a constant | & mean
dx = (g - g.mean(axis=(2, 3), keepdims=True) - z * (g * z).mean(axis=(2, 3), keepdims=True)) / std => dx = (g - g.mean(axis=(2, 3), keepdims=True)) / std | constant | the deviation is treated as a constant | & std|var|deviation|sqrt
dx = (g - g.mean(axis=(2, 3), keepdims=True) - z * (g * z).mean(axis=(2, 3), keepdims=True)) / std => dx = (g - g.sum(axis=(2, 3), keepdims=True) / 18 - z * (g * z).sum(axis=(2, 3), keepdims=True) / 18) / std | mean | the number of elements of the example
dx = (g - g.mean(axis=(2, 3), keepdims=True) - z * (g * z).mean(axis=(2, 3), keepdims=True)) / std => dx = (g - g.mean(axis=(2, 3), keepdims=True) - z * (g * z).mean(axis=(2, 3), keepdims=True)) / std**2 | factor | the variance for the deviation | varian|std|divid|root|factor|power
dgamma = (dout * z).sum(axis=(0, 2, 3)) => dgamma = (dout * x).sum(axis=(0, 2, 3)) | array | x for its normalised form
dgamma = (dout * z).sum(axis=(0, 2, 3)) => dgamma = (dout * z).sum(axis=(0, 2)).sum(axis=0) | axis | the channels are summed, not the columns
dgamma = (dout * z).sum(axis=(0, 2, 3)) => dgamma = (dout * z).sum(axis=(2, 3)) | not summed | the batch is not summed | sum|shape
""")
def _(dout, x, gamma, beta):
    mean = x.mean(axis=(2, 3), keepdims=True)
    std = np.sqrt(x.var(axis=(2, 3), keepdims=True) + 1e-5)
    z = (x - mean) / std
    dgamma = (dout * z).sum(axis=(0, 2, 3))
    dbeta = dout.sum(axis=(0, 2, 3))
    g = dout * gamma[None, :, None, None]
    dx = (g - g.mean(axis=(2, 3), keepdims=True) - z * (g * z).mean(axis=(2, 3), keepdims=True)) / std
    return dx, dgamma, dbeta


@subject(x=(4, 3), v=(3, 5), g=positive(5))
def weight_norm(x, v, g):
    norm = np.sqrt((v**2).sum(axis=0))
    w = g * v / norm
    return np.tanh(x @ w)


@weight_norm.backward("""
da = dout * (1 - y**2) => da = dout * (1 - y) ** 2 | derivative | (1 - y)**2 for 1 - y**2
dg = (dw * v).sum(axis=0) / norm => dg = (dw * v).sum(axis=0) | factor | the norm is forgotten | norm|factor|divid|1/
dv = g / norm * (dw - u * (dw * u).sum(axis=0)) => dv = g / norm * dw | constant | the norm is treated as a constant | & norm
dv = g / norm * (dw - u * (dw * u).sum(axis=0)) => dv = g / norm * (dw - v * (dw * v).sum(axis=0)) | array | v for the unit vector
dv = g / norm * (dw - u * (dw * u).sum(axis=0)) => dv = g / norm * (dw - u * (dw * u).sum(axis=1, keepdims=True)) | axis | the sum over the other axis
dv = g / norm * (dw - u * (dw * u).sum(axis=0)) => dv = g / norm * (dw + u * (dw * u).sum(axis=0)) | sign | plus for minus
dv = g / norm * (dw - u * (dw * u).sum(axis=0)) => dv = 1 / norm * (dw - u * (dw * u).sum(axis=0)) | factor | g is forgotten | \\bg\\b|factor
dv = g / norm * (dw - u * (dw * u).sum(axis=0)) => dv = g / norm * (dw - u * (dw * u)) | diagonal | the diagonal of the norm's Jacobian
""")
def _(dout, x, v, g):
    norm = np.sqrt((v**2).sum(axis=0))
    u = v / norm
    y = np.tanh(x @ (g * u))
    da = dout * (1 - y**2)
    dw = x.T @ da
    dx = da @ (g * u).T
    dg = (dw * v).sum(axis=0) / norm
    dv = g / norm * (dw - u * (dw * u).sum(axis=0))
    return dx, dv, dg


@subject(x=(2, 4, 3, 3), w1=(4, 2), w2=(2, 4))
def squeeze_excite(x, w1, w2):
    s = x.mean(axis=(2, 3))
    h = np.maximum(s @ w1, 0)
    g = sigmoid(h @ w2)
    return x * g[:, :, None, None]


@squeeze_excite.backward("""
dx = dout * g[:, :, None, None] + ds[:, :, None, None] / 9 => dx = dout * g[:, :, None, None] | path | the gate is treated as a constant
dx = dout * g[:, :, None, None] + ds[:, :, None, None] / 9 => dx = dout * g[:, :, None, None] + ds[:, :, None, None] | mean | the 1/N of the pooling is missing
dx = dout * g[:, :, None, None] + ds[:, :, None, None] / 9 => dx = dout * g[:, :, None, None] + ds[:, :, None, None] / 18 | mean | divided by another number
dx = dout * g[:, :, None, None] + ds[:, :, None, None] / 9 => dx = dout + ds[:, :, None, None] / 9 | factor | the gate is left out | \\bg\\b|gate|factor|sigmoid
dg = (dout * x).sum(axis=(2, 3)) => dg = dout.sum(axis=(2, 3)) | factor | x is left out
dg = (dout * x).sum(axis=(2, 3)) => dg = (dout * x).mean(axis=(2, 3)) | mean | a mean for the sum
dg = (dout * x).sum(axis=(2, 3)) => dg = (dout * x).max(axis=(2, 3)) | other function | the largest instead of the sum | max|largest|sum
dz = dg * g * (1 - g) => dz = dg * (1 - g**2) | derivative | tanh's derivative for the sigmoid's
dz = dg * g * (1 - g) => dz = dg * x.mean(axis=(2, 3)) * (1 - g) | array | s for g | instead|another|computed|array
dh = dz @ w2.T * (h > 0) => dh = dz @ w2.T * (s > 0)[:, :2] | mask | the mask of another array
dw1 = s.T @ dh => dw1 = x[:, :, 0, 0].T @ dh | array | the first pixel for the pooled value
""")
def _(dout, x, w1, w2):
    s = x.mean(axis=(2, 3))
    h = np.maximum(s @ w1, 0)
    g = sigmoid(h @ w2)
    dg = (dout * x).sum(axis=(2, 3))
    dz = dg * g * (1 - g)
    dw2 = h.T @ dz
    dh = dz @ w2.T * (h > 0)
    dw1 = s.T @ dh
    ds = dh @ w1.T
    dx = dout * g[:, :, None, None] + ds[:, :, None, None] / 9
    return dx, dw1, dw2


@subject(x=(3, 4), gamma=positive(4), w1=(4, 5), b1=(5,), w2=(5, 4), keep=bits(3, 5))
def transformer_mlp(x, gamma, w1, b1, w2, keep):
    rms = np.sqrt((x**2).mean(axis=1, keepdims=True) + 1e-6)
    n = gamma * x / rms
    a = n @ w1 + b1
    h = a * sigmoid(a) * keep / 0.5
    return x + h @ w2


@transformer_mlp.backward("""
dx = dout + (dn - xn * (dn * xn).mean(axis=1, keepdims=True)) / rms => dx = (dn - xn * (dn * xn).mean(axis=1, keepdims=True)) / rms | path | the residual connection is forgotten
dx = dout + (dn - xn * (dn * xn).mean(axis=1, keepdims=True)) / rms => dx = dout + dn / rms | constant | rms is treated as a constant
dx = dout + (dn - xn * (dn * xn).mean(axis=1, keepdims=True)) / rms => dx = dout + (dn - xn * (dn * xn).sum(axis=1, keepdims=True)) / rms | mean | the 1/N is missing
dx = dout + (dn - xn * (dn * xn).mean(axis=1, keepdims=True)) / rms => dx = dout + (dn - x * (dn * xn).mean(axis=1, keepdims=True)) / rms | array | x for its normalised form | instead|stands|\\bx\\b
dx = dout + (dn - xn * (dn * xn).mean(axis=1, keepdims=True)) / rms => dx = dout + (dn - xn * (dn * xn).mean()) / rms | axis | a mean over everything
dn = da @ w1.T * gamma => dn = da @ w1.T | factor | gamma is forgotten | gamma|factor
dh = dout @ w2.T * keep / 0.5 => dh = dout @ w2.T * keep | factor | the scale of the dropout is forgotten
dh = dout @ w2.T * keep / 0.5 => dh = dout @ w2.T / 0.5 | mask | the dropout's mask is forgotten | mask|keep|dropout
da = dh * (s + a * s * (1 - s)) => da = dh * s * (1 - s) | derivative | the derivative of the sigmoid alone | derivative|sigmoid|contribution|factor|missing
da = dh * (s + a * s * (1 - s)) => da = dh * s | path | the derivative of the sigmoid is forgotten | constant|missing|contribution|sigmoid|derivative
da = dh * (s + a * s * (1 - s)) => da = dh * (s + s * (1 - s)) | factor | a is forgotten
dgamma = (da @ w1.T * xn).sum(axis=0) => dgamma = (da @ w1.T * n).sum(axis=0) | array | n, which gamma is in already, for x / rms
db1 = da.sum(axis=0) => db1 = da.sum(axis=0, keepdims=True).T @ np.ones((1, 5)) | shape | an outer product
""")
def _(dout, x, gamma, w1, b1, w2, keep):
    rms = np.sqrt((x**2).mean(axis=1, keepdims=True) + 1e-6)
    xn = x / rms
    n = gamma * xn
    a = n @ w1 + b1
    s = sigmoid(a)
    h = a * s * keep / 0.5
    dw2 = h.T @ dout
    dh = dout @ w2.T * keep / 0.5
    da = dh * (s + a * s * (1 - s))
    dw1 = n.T @ da
    db1 = da.sum(axis=0)
    dgamma = (da @ w1.T * xn).sum(axis=0)
    dn = da @ w1.T * gamma
    dx = dout + (dn - xn * (dn * xn).mean(axis=1, keepdims=True)) / rms
    return dx, dgamma, dw1, db1, dw2


@subject(tokens=labels(10, 6), E=(6, 4), w=(3, 4, 3), u=(3,))
def text_cnn(tokens, E, w, u):
    e = E[tokens]
    c = np.zeros((8, 3))
    for i in range(3):
        c = c + e[i : i + 8] @ w[i]
    h = np.maximum(c, 0).max(axis=0)
    return np.log(1 + np.exp(-h @ u))


@text_cnn.backward("""
ds = -1 / (1 + np.exp(s)) => ds = -1 / (1 + np.exp(-s)) | sign | the sigmoid of s for that of -s | sign|negat|sigmoid|instead|exp|derivative
ds = -1 / (1 + np.exp(s)) => ds = 1 / (1 + np.exp(s)) | sign | the wrong sign
dc[best, np.arange(3)] = dh * (h > 0) => dc[best] = dh * (h > 0) | index | whole rows, not one place of each column | ind(ex|ices)|row|column|place|every|max
dc[best, np.arange(3)] = dh * (h > 0) => dc[:] = dh * (h > 0) | path | to every position, not to the largest alone | max|largest|every|mask
dc[best, np.arange(3)] = dh * (h > 0) => dc[best, np.arange(3)] = dh * h | array | h for its mask | mask|instead|derivative|factor|computed as
dw[i] = e[i : i + 8].T @ dc => dw[i] = e[:8].T @ dc | index | always the first window | window|index|offset|shift|first|pass|instead
dw[i] = e[i : i + 8].T @ dc => dw[2 - i] = e[i : i + 8].T @ dc | flip | the kernel from its end
de[i : i + 8] += dc @ w[i].T => de[i : i + 8] = dc @ w[i].T | overwritten | windows overwrite each other
de[i : i + 8] += dc @ w[i].T => de[i : i + 8] += dc @ w[2 - i].T | flip | the kernel is flipped
de[i : i + 8] += dc @ w[i].T => de[2 - i : 10 - i] += dc @ w[i].T | index | the windows from the other end | ind(ex|ices)|flip|revers|window|order|shift|offset
np.add.at(dE, tokens, de) => dE[tokens] = de | scatter | a repeated token keeps its last gradient
np.add.at(dE, tokens, de) => dE[tokens] += de | scatter | a repeated token is added once
""")
def _(tokens, E, w, u):
    e = E[tokens]
    c = sum(e[i : i + 8] @ w[i] for i in range(3))
    best = c.argmax(axis=0)
    h = np.maximum(c, 0).max(axis=0)
    s = h @ u
    ds = -1 / (1 + np.exp(s))
    du = ds * h
    dh = ds * u
    dc = np.zeros_like(c)
    dc[best, np.arange(3)] = dh * (h > 0)
    dw, de, dE = np.zeros_like(w), np.zeros_like(e), np.zeros_like(E)
    for i in range(3):
        dw[i] = e[i : i + 8].T @ dc
        de[i : i + 8] += dc @ w[i].T
    np.add.at(dE, tokens, de)
    return dE, dw, du


@subject(x=(9, 2), w=(2, 2, 3), b=(3,))
def dilated_causal_conv(x, w, b):
    out = np.zeros((9, 3)) + b
    for t in range(9):
        for k in range(2):
            if t - 2 * k >= 0:
                out[t] += x[t - 2 * k] @ w[k]
    return np.tanh(out)


@dilated_causal_conv.backward("""
dx[t - 2 * k] += da[t] @ w[k].T => dx[t - k] += da[t] @ w[k].T | index | the dilation is forgotten | dilat|ind(ex|ices)|offset|shift|off by|position|place
dx[t - 2 * k] += da[t] @ w[k].T => dx[t - 2 * k] = da[t] @ w[k].T | overwritten | overwritten
dx[t - 2 * k] += da[t] @ w[k].T => dx[t - 2 * k] += da[t] @ w[1 - k].T | flip | the kernel is flipped
dx[t - 2 * k] += da[t] @ w[k].T => dx[t] += da[t] @ w[k].T | index | the shift is forgotten | ind(ex|ices)|offset|shift|off by|position|place
dw[k] += np.outer(x[t - 2 * k], da[t]) => dw[k] += np.outer(x[t], da[t]) | index | the shift is forgotten | ind(ex|ices)|offset|shift|pass|step|instead
dw[k] += np.outer(x[t - 2 * k], da[t]) => dw[k] += np.outer(x[t - 2 * k], dout[t]) | derivative | the derivative of tanh is left out | tanh|derivative|upstream|before
db = da.sum(axis=0) => db = da[-1] | time | the last step alone | last|step|sum|contribution
""")
def _(dout, x, w, b):
    out = np.zeros((9, 3)) + b
    for t in range(9):
        for k in range(2):
            if t - 2 * k >= 0:
                out[t] += x[t - 2 * k] @ w[k]
    da = dout * (1 - np.tanh(out) ** 2)
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(9):
        for k in range(2):
            if t - 2 * k >= 0:
                dx[t - 2 * k] += da[t] @ w[k].T
                dw[k] += np.outer(x[t - 2 * k], da[t])
    db = da.sum(axis=0)
    return dx, dw, db
