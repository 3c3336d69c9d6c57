"""Functions of courses, small, with the backward passes that students hand in: losses, layers, pairs of mistakes."""

from __future__ import annotations

import numpy as np

from ..subjects import bits, distribution, labels, positive, signs, subject


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@subject(X=(7, 3), y=(7,), w=(3,), b=(1,))
def ridge_regression(X, y, w, b):
    residual = X @ w + b - y
    return np.mean(residual**2) + 0.1 * np.sum(w**2)


@ridge_regression.backward("""
dw = 2 * X.T @ residual / n + 0.2 * w => dw = 2 * X.T @ residual + 0.2 * w | mean | 1/N is missing in the data term
dw = 2 * X.T @ residual / n + 0.2 * w => dw = 2 * X.T @ residual / n + 0.1 * w | penalty | the 2 of the square of the penalty is missing | 2|half|penal|decay|\\bw\\b
dw = 2 * X.T @ residual / n + 0.2 * w => dw = X.T @ residual / n + 0.2 * w | factor | the 2 of the data term is missing | 2|half
dw = 2 * X.T @ residual / n + 0.2 * w => dw = (2 * X.T @ residual + 0.2 * w) / n | penalty | the penalty is divided by N too | penal|decay|\\bw\\b
db = np.array([2 * residual.mean()]) => db = np.array([2 * residual.sum()]) | mean | a sum for the mean
db = np.array([2 * residual.mean()]) => db = np.array([2 * residual.mean() + 0.2 * b[0]]) | penalty | the bias is penalized
dy = -2 * residual / n => dy = 2 * residual / n | sign | the sign
""")
def _(X, y, w, b):
    n = len(y)
    residual = X @ w + b - y
    dw = 2 * X.T @ residual / n + 0.2 * w
    db = np.array([2 * residual.mean()])
    dy = -2 * residual / n
    return dw, db, dy


@subject(X=(6, 4), t=signs(6), w=(4,), b=(1,))
def hinge_classifier(X, t, w, b):
    margin = t * (X @ w + b)
    return np.mean(np.maximum(0, 1 - margin)) + 0.05 * np.sum(np.abs(w))


@hinge_classifier.backward("""
inside = margin < 1 => inside = margin > 1 | mask | the mask is the wrong way round
dw = -X.T @ (inside * t) / len(t) + 0.05 * np.sign(w) => dw = -X.T @ inside / len(t) + 0.05 * np.sign(w) | factor | the label is left out | \\bt\\b|label|factor
dw = -X.T @ (inside * t) / len(t) + 0.05 * np.sign(w) => dw = X.T @ (inside * t) / len(t) + 0.05 * np.sign(w) | sign | the sign of the hinge
dw = -X.T @ (inside * t) / len(t) + 0.05 * np.sign(w) => dw = -X.T @ (inside * t) / len(t) + 0.05 * w | derivative | w for its sign | sign|derivative
dw = -X.T @ (inside * t) / len(t) + 0.05 * np.sign(w) => dw = -X.T @ (inside * t) / len(t) | penalty | the L1 term is forgotten | penal|sign|abs|contribution
""")
def _(X, t, w, b):
    margin = t * (X @ w + b)
    inside = margin < 1
    dw = -X.T @ (inside * t) / len(t) + 0.05 * np.sign(w)
    db = np.array([-np.mean(inside * t)])
    return dw, db


@subject(X=(6, 4), y=labels(6, 3), W=(4, 3), b=(3,))
def softmax_regression(X, y, W, b):
    scores = X @ W + b
    p = softmax(scores)
    return -np.mean(np.log(p[np.arange(len(y)), y])) + 0.01 * np.sum(W * W)


@softmax_regression.backward("""
ds[np.arange(n), y] -= 1 => ds[:, y] -= 1 | index | 1 is subtracted in whole columns
ds[np.arange(n), y] -= 1 => ds[np.arange(n), y] += 1 | sign | 1 is added | sign|added|subtract
ds[np.arange(n), y] -= 1 => ds -= 1 | index | 1 is subtracted everywhere | everywhere|target|index
ds /= n => ds /= ds.shape[1] | mean | divided by the number of classes | class|divid|mean|count|/
ds /= n => | mean | 1/N is missing
dW = X.T @ ds + 0.02 * W => dW = X.T @ ds + 0.01 * W | penalty | half of the penalty
dW = X.T @ ds + 0.02 * W => dW = X.T @ ds | penalty | the penalty is forgotten | penal|decay|W|contribution
dX = ds @ W.T => dX = p @ W.T / n | index | the 1 of the target is not subtracted | target|subtract|\\b1\\b
db = ds.sum(axis=0) => db = ds.mean(axis=0) | mean | divided by N twice
""")
def _(X, y, W, b):
    n = len(y)
    scores = X @ W + b
    p = softmax(scores)
    ds = p.copy()
    ds[np.arange(n), y] -= 1
    ds /= n
    dW = X.T @ ds + 0.02 * W
    dX = ds @ W.T
    db = ds.sum(axis=0)
    return dW, db, dX


@subject(X=(5, 3), W1=(3, 4), b1=(4,), W2=(4, 4), b2=(4,), W3=(4, 2))
def deep_mlp(X, W1, b1, W2, b2, W3):
    h1 = np.maximum(0, X @ W1 + b1)
    h2 = np.tanh(h1 @ W2 + b2)
    return h2 @ W3


@deep_mlp.backward("""
da2 = dh2 * (1 - h2**2) => da2 = dh2 * (1 - h2) ** 2 | derivative | (1 - h)^2 for 1 - h^2
da2 = dh2 * (1 - h2**2) => da2 = dh2 * (1 - (h1 @ W2 + b2) ** 2) | array | the input for the output of tanh
dh1 = da2 @ W2.T => dh1 = da2 @ W2 | transposed | W2 is not transposed
dh1 = da2 @ W2.T => dh1 = dh2 @ W2.T | derivative | the derivative of tanh is left out
da1 = dh1 * (h1 > 0) => da1 = dh1 * (dh1 > 0) | mask | the mask of the upstream gradient | upstream|gradient
da1 = dh1 * (h1 > 0) => da1 = dh1 * (X @ W1 > 0) | mask | the mask without the bias
da1 = dh1 * (h1 > 0) => da1 = dh1 * h1 | derivative | h1 for the mask | mask|derivative|instead
dW2 = h1.T @ da2 => dW2 = h1.T @ dh2 | derivative | the gradient before tanh
dW2 = h1.T @ da2 => dW2 = da2.T @ h1 | transposed | the transpose
da2 = dh2 * (1 - h2**2) => da2 = dh2 * h2 * (1 - h2) | derivative | the derivative of the sigmoid
""")
def _(dout, X, W1, b1, W2, b2, W3):
    h1 = np.maximum(0, X @ W1 + b1)
    h2 = np.tanh(h1 @ W2 + b2)
    dW3 = h2.T @ dout
    dh2 = dout @ W3.T
    da2 = dh2 * (1 - h2**2)
    dW2 = h1.T @ da2
    db2 = da2.sum(axis=0)
    dh1 = da2 @ W2.T
    da1 = dh1 * (h1 > 0)
    dW1 = X.T @ da1
    db1 = da1.sum(axis=0)
    dX = da1 @ W1.T
    return dW1, db1, dW2, db2, dW3, dX


@subject(x=(6, 4), gamma=positive(4), beta=(4,))
def batch_normalization(x, gamma, beta):
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    xhat = (x - mu) / np.sqrt(var + 1e-5)
    return gamma * xhat + beta


@batch_normalization.backward("""
dxhat = dout * gamma => dxhat = dout | factor | gamma is left out | gamma
dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + 1e-5) ** -1.5, axis=0) => dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + 1e-5) ** -0.5, axis=0) | derivative | the exponent -1.5 | power|expon|-1.5|std|variance|\\*\\*|sqrt
dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + 1e-5) ** -1.5, axis=0) => dvar = np.sum(dxhat * (x - mu) * 0.5 * (var + 1e-5) ** -1.5, axis=0) | sign | the sign of the variance's gradient
dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + 1e-5) ** -1.5, axis=0) => dvar = np.sum(dxhat * (x - mu) * -1.0 * (var + 1e-5) ** -1.5, axis=0) | factor | the 1/2 of the root is missing | 2|twice|doubl
dmu = -dxhat.sum(axis=0) / std => dmu = dxhat.sum(axis=0) / std | sign | the sign of the mean's gradient
dx = dxhat / std + dvar * 2 * (x - mu) / n + dmu / n => dx = dxhat / std + dvar * (x - mu) / n + dmu / n | factor | the 2 of the square is missing | 2|half|twice
dx = dxhat / std + dvar * 2 * (x - mu) / n + dmu / n => dx = dxhat / std + dvar * 2 * (x - mu) / n | constant | the way through the mean is forgotten
dx = dxhat / std + dvar * 2 * (x - mu) / n + dmu / n => dx = dxhat / std + dmu / n | constant | the way through the variance is forgotten
dx = dxhat / std + dvar * 2 * (x - mu) / n + dmu / n => dx = dxhat / std + dvar * 2 * (x - mu) + dmu | mean | 1/N is missing
dx = dxhat / std + dvar * 2 * (x - mu) / n + dmu / n => dx = dxhat / std + dvar * 2 * (x - mu) / n + dmu | mean | 1/N of the mean is missing in one of the ways
dgamma = np.sum(dout * xhat, axis=0) => dgamma = np.sum(dout * x, axis=0) | array | x for xhat | xhat|normal
dgamma = np.sum(dout * xhat, axis=0) => dgamma = np.sum(dout, axis=0) | factor | xhat is left out | xhat
""")
def _(dout, x, gamma, beta):
    n = len(x)
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    std = np.sqrt(var + 1e-5)
    xhat = (x - mu) / std
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + 1e-5) ** -1.5, axis=0)
    dmu = -dxhat.sum(axis=0) / std
    dx = dxhat / std + dvar * 2 * (x - mu) / n + dmu / n
    return dgamma, dbeta, dx


@subject(x=(3, 5), gamma=positive(5), beta=(5,))
def layer_normalization(x, gamma, beta):
    mu = x.mean(axis=-1, keepdims=True)
    var = ((x - mu) ** 2).mean(axis=-1, keepdims=True)
    return gamma * (x - mu) / np.sqrt(var + 1e-6) + beta


@layer_normalization.backward("""
m1 = dxhat.mean(axis=-1, keepdims=True) => m1 = dxhat.mean(axis=0, keepdims=True) | axis | the mean over the batch
m1 = dxhat.mean(axis=-1, keepdims=True) => m1 = 0 | constant | the mean is a constant
m2 = (dxhat * xhat).mean(axis=-1, keepdims=True) => m2 = 0 | constant | the variance is a constant
m2 = (dxhat * xhat).mean(axis=-1, keepdims=True) => m2 = dxhat.mean(axis=-1, keepdims=True) | factor | xhat is missing in the mean | xhat
m2 = (dxhat * xhat).mean(axis=-1, keepdims=True) => m2 = (dxhat * xhat).sum(axis=-1, keepdims=True) | mean | a sum for a mean
dx = (dxhat - m1 - xhat * m2) / std => dx = (dxhat - m1 - m2) / std | factor | xhat before the mean is missing | xhat
dx = (dxhat - m1 - xhat * m2) / std => dx = (dxhat - m1 + xhat * m2) / std | sign | the sign of the last term
dx = (dxhat - m1 - xhat * m2) / std => dx = (dxhat - m1 - xhat * m2) / std**2 | factor | divided by the variance | varianc|std|root|1/
dx = (dxhat - m1 - xhat * m2) / std => dx = (dout - m1 - xhat * m2) / std | array | dout for dxhat, gamma is left out in one term | gamma
dgamma = (dout * xhat).sum(axis=0) => dgamma = (dout * xhat).sum(axis=0) * gamma | factor | gamma once too often | gamma|factor
""")
def _(dout, x, gamma, beta):
    mu = x.mean(axis=-1, keepdims=True)
    std = np.sqrt(((x - mu) ** 2).mean(axis=-1, keepdims=True) + 1e-6)
    xhat = (x - mu) / std
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    m1 = dxhat.mean(axis=-1, keepdims=True)
    m2 = (dxhat * xhat).mean(axis=-1, keepdims=True)
    dx = (dxhat - m1 - xhat * m2) / std
    return dgamma, dbeta, dx


@subject(x=(2, 4, 3), gamma=positive(4), beta=(4,))
def group_normalization(x, gamma, beta):
    n, c, length = x.shape
    groups = x.reshape(n, 2, c // 2 * length)
    mu = groups.mean(axis=2, keepdims=True)
    std = np.sqrt(groups.var(axis=2, keepdims=True) + 1e-5)
    xhat = ((groups - mu) / std).reshape(n, c, length)
    return gamma[:, None] * xhat + beta[:, None]


@group_normalization.backward("""
dgroups = (d - d.mean(axis=2, keepdims=True) - h * (d * h).mean(axis=2, keepdims=True)) / std => dgroups = d / std | constant | mean and variance are constants
dgroups = (d - d.mean(axis=2, keepdims=True) - h * (d * h).mean(axis=2, keepdims=True)) / std => dgroups = (d - d.mean(axis=2, keepdims=True) - h * (d * h).mean(axis=2, keepdims=True)) | factor | 1/std is missing | std|1/
dgroups = (d - d.mean(axis=2, keepdims=True) - h * (d * h).mean(axis=2, keepdims=True)) / std => dgroups = (d - d.mean(axis=1, keepdims=True) - h * (d * h).mean(axis=1, keepdims=True)) / std | axis | the means go over the groups
dgroups = (d - d.mean(axis=2, keepdims=True) - h * (d * h).mean(axis=2, keepdims=True)) / std => dgroups = (d - d.sum(axis=2, keepdims=True) / 3 - h * (d * h).sum(axis=2, keepdims=True) / 3) / std | mean | divided by the length, not by the size of the group
dgamma = (dout * xhat).sum(axis=(0, 2)) => dgamma = (dout * xhat).mean(axis=(0, 2)) | mean | a mean for a sum
dgamma = (dout * xhat).sum(axis=(0, 2)) => dgamma = (dout * x).sum(axis=(0, 2)) | array | x for xhat | xhat|normal|\\bx\\b
dbeta = dout.sum(axis=(0, 2)) => dbeta = dout.sum(axis=2)[0] | not summed | only the first example | first|sum|axis
""")
def _(dout, x, gamma, beta):
    n, c, length = x.shape
    groups = x.reshape(n, 2, c // 2 * length)
    mu = groups.mean(axis=2, keepdims=True)
    std = np.sqrt(groups.var(axis=2, keepdims=True) + 1e-5)
    h = (groups - mu) / std
    xhat = h.reshape(n, c, length)
    dgamma = (dout * xhat).sum(axis=(0, 2))
    dbeta = dout.sum(axis=(0, 2))
    d = (dout * gamma[:, None]).reshape(groups.shape)
    dgroups = (d - d.mean(axis=2, keepdims=True) - h * (d * h).mean(axis=2, keepdims=True)) / std
    dx = dgroups.reshape(x.shape)
    return dgamma, dbeta, dx


@subject(x=(3, 4), Wq=(4, 3), Wk=(4, 3), Wv=(4, 3))
def self_attention(x, Wq, Wk, Wv):
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    a = softmax(q @ k.T / np.sqrt(3))
    return a @ v


@self_attention.backward("""
dv = a.T @ dout => dv = a @ dout | transposed | the weights are not transposed
ds = a * (da - (da * a).sum(axis=-1, keepdims=True)) => ds = a * (1 - a) * da | diagonal | only the diagonal
ds = a * (da - (da * a).sum(axis=-1, keepdims=True)) => ds = a * (da - (da * a).sum(axis=0, keepdims=True)) | axis | the sum over the queries
ds = a * (da - (da * a).sum(axis=-1, keepdims=True)) => ds = a * da | diagonal | the sum is missing | sum|diag|p alone
dq = ds @ k / np.sqrt(3) => dq = ds @ k | factor | the scale is missing | sqrt|scale|3
dk = ds.T @ q / np.sqrt(3) => dk = ds @ q / np.sqrt(3) | transposed | ds is not transposed
dk = ds.T @ q / np.sqrt(3) => dk = dq | array | dq for dk | dq|`q`|instead|gradient of
dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T => dx = dv @ Wv.T | path | only the way through v
dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T => dx = dq @ Wq.T + dk @ Wk.T | path | the way through v is forgotten
dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T => dx = dq @ Wk.T + dk @ Wq.T + dv @ Wv.T | array | Wq and Wk are exchanged | exchang|instead|W[qk]
dq = ds @ k / np.sqrt(3)\\n    dk = ds.T @ q / np.sqrt(3) => dq = ds @ k / 3\\n    dk = ds.T @ q / 3 | factor | divided by d, not by sqrt(d) | sqrt|3|scale
""")
def _(dout, x, Wq, Wk, Wv):
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    a = softmax(q @ k.T / np.sqrt(3))
    dv = a.T @ dout
    da = dout @ v.T
    ds = a * (da - (da * a).sum(axis=-1, keepdims=True))
    dq = ds @ k / np.sqrt(3)
    dk = ds.T @ q / np.sqrt(3)
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    dWq = x.T @ dq
    dWk = x.T @ dk
    dWv = x.T @ dv
    return dx, dWq, dWk, dWv


@subject(x=(2, 3, 4), Wq=(4, 4), Wk=(4, 4), Wv=(4, 4))
def attention_with_heads(x, Wq, Wk, Wv):
    n, t, d = x.shape
    q = (x @ Wq).reshape(n, t, 2, 2).transpose(0, 2, 1, 3)
    k = (x @ Wk).reshape(n, t, 2, 2).transpose(0, 2, 1, 3)
    v = (x @ Wv).reshape(n, t, 2, 2).transpose(0, 2, 1, 3)
    a = softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(2))
    return (a @ v).transpose(0, 2, 1, 3).reshape(n, t, d)


@attention_with_heads.backward("""
do = dout.reshape(n, t, 2, 2).transpose(0, 2, 1, 3) => do = dout.reshape(n, 2, t, 2) | layout | the heads of the upstream gradient: reshape for transpose
dv = (a.transpose(0, 1, 3, 2) @ do).transpose(0, 2, 1, 3).reshape(n, t, d) => dv = (a.transpose(0, 1, 3, 2) @ do).reshape(n, t, d) | layout | the heads of dv: reshape without the transpose
dv = (a.transpose(0, 1, 3, 2) @ do).transpose(0, 2, 1, 3).reshape(n, t, d) => dv = (a @ do).transpose(0, 2, 1, 3).reshape(n, t, d) | transposed | a is not transposed
dq = (ds @ k).transpose(0, 2, 1, 3).reshape(n, t, d) / np.sqrt(2) => dq = (ds @ k).reshape(n, t, d) / np.sqrt(2) | layout | the heads of dq: reshape without the transpose
dk = (ds.transpose(0, 1, 3, 2) @ q).transpose(0, 2, 1, 3).reshape(n, t, d) / np.sqrt(2) => dk = (ds @ q).transpose(0, 2, 1, 3).reshape(n, t, d) / np.sqrt(2) | transposed | ds is not transposed
dk = (ds.transpose(0, 1, 3, 2) @ q).transpose(0, 2, 1, 3).reshape(n, t, d) / np.sqrt(2) => dk = (ds.transpose(0, 1, 3, 2) @ q).transpose(0, 2, 1, 3).reshape(n, t, d) / np.sqrt(4) | factor | the scale is that of the model, not that of the head | sqrt|scale|2
ds = a * (da - (da * a).sum(axis=-1, keepdims=True)) => ds = a * (da - (da * a).sum(axis=-2, keepdims=True)) | axis | the sum over the queries
ds = a * (da - (da * a).sum(axis=-1, keepdims=True)) => ds = a * (da - (da * a).sum(axis=1, keepdims=True)) | axis | the sum over the heads
""")
def _(dout, x, Wq, Wk, Wv):
    n, t, d = x.shape
    q = (x @ Wq).reshape(n, t, 2, 2).transpose(0, 2, 1, 3)
    k = (x @ Wk).reshape(n, t, 2, 2).transpose(0, 2, 1, 3)
    v = (x @ Wv).reshape(n, t, 2, 2).transpose(0, 2, 1, 3)
    a = softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(2))
    do = dout.reshape(n, t, 2, 2).transpose(0, 2, 1, 3)
    dv = (a.transpose(0, 1, 3, 2) @ do).transpose(0, 2, 1, 3).reshape(n, t, d)
    da = do @ v.transpose(0, 1, 3, 2)
    ds = a * (da - (da * a).sum(axis=-1, keepdims=True))
    dq = (ds @ k).transpose(0, 2, 1, 3).reshape(n, t, d) / np.sqrt(2)
    dk = (ds.transpose(0, 1, 3, 2) @ q).transpose(0, 2, 1, 3).reshape(n, t, d) / np.sqrt(2)
    dWq = np.einsum("nti,ntj->ij", x, dq)
    dWk = np.einsum("nti,ntj->ij", x, dk)
    dWv = np.einsum("nti,ntj->ij", x, dv)
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    return dWq, dWk, dWv, dx


@subject(x=(8,), w=(3,), b=(1,))
def convolution_1d(x, w, b):
    out = np.zeros(6)
    for j in range(6):
        out[j] = np.sum(w * x[j : j + 3]) + b[0]
    return out


@convolution_1d.backward("""
dx[j : j + 3] += dout[j] * w => dx[j : j + 3] += dout[j] * w[::-1] | flip | the kernel is flipped
dx[j : j + 3] += dout[j] * w => dx[j : j + 3] = dout[j] * w | overwritten | windows overwrite each other
dx[j : j + 3] += dout[j] * w => dx[j] += dout[j] * w.sum() | index | everything goes to the first element of the window | first|index|window|element|place
dx[j : j + 3] += dout[j] * w => dx[j : j + 3] += dout[j] | factor | the kernel is left out | \\bw\\b
dw += dout[j] * x[j : j + 3] => dw = dout[j] * x[j : j + 3] | overwritten | only the last window
dw += dout[j] * x[j : j + 3] => dw += dout[j] * x[j + 2 - np.arange(3)] | flip | the window is reversed
dw += dout[j] * x[j : j + 3] => dw += dout[j] * x[j] | index | the window is its first element | index|off|window|first|offset
db += dout[j] => db = dout[j : j + 1].copy() | overwritten | only the last
""")
def _(dout, x, w, b):
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
    for j in range(6):
        dx[j : j + 3] += dout[j] * w
        dw += dout[j] * x[j : j + 3]
        db += dout[j]
    return dx, dw, db


@subject(x=(2, 2, 5), w=(3, 2, 2))
def convolution_of_channels(x, w):
    out = np.zeros((2, 3, 4))
    for t in range(4):
        out[:, :, t] = np.tensordot(x[:, :, t : t + 2], w, axes=([1, 2], [1, 2]))
    return out


@convolution_of_channels.backward("""
dw += np.tensordot(dout[:, :, t], x[:, :, t : t + 2], axes=([0], [0])) => dw = np.tensordot(dout[:, :, t], x[:, :, t : t + 2], axes=([0], [0])) | overwritten | only the last position
dw += np.tensordot(dout[:, :, t], x[:, :, t : t + 2], axes=([0], [0])) => dw += np.tensordot(dout[:, :, t], x[:, :, t : t + 2], axes=([0], [0])).transpose(0, 2, 1) | layout | channel and position are exchanged | transpos|swap|order|exchang
dw += np.tensordot(dout[:, :, t], x[:, :, t : t + 2], axes=([0], [0])) => dw += np.tensordot(dout[:, :, t], x[:, :, t : t + 2], axes=([0], [0]))[:, :, ::-1] | flip | the kernel is flipped
dx[:, :, t : t + 2] += np.tensordot(dout[:, :, t], w, axes=([1], [0])) => dx[:, :, t : t + 2] += np.tensordot(dout[:, :, t], w[:, :, ::-1], axes=([1], [0])) | flip | the kernel is flipped
dx[:, :, t : t + 2] += np.tensordot(dout[:, :, t], w, axes=([1], [0])) => dx[:, :, t : t + 2] = np.tensordot(dout[:, :, t], w, axes=([1], [0])) | overwritten | windows overwrite each other
dx[:, :, t : t + 2] += np.tensordot(dout[:, :, t], w, axes=([1], [0])) => dx[:, :, t : t + 2] += np.tensordot(dout[:, :, t], w[:, ::-1], axes=([1], [0])) | layout | the channels are in another order
dx[:, :, t : t + 2] += np.tensordot(dout[:, :, t], w, axes=([1], [0])) => dx[:, :, t : t + 2] += np.tensordot(dout[:, :, 3 - t], w, axes=([1], [0])) | flip | the positions of the upstream gradient run backwards | revers|flip|other end|order
""")
def _(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(4):
        dw += np.tensordot(dout[:, :, t], x[:, :, t : t + 2], axes=([0], [0]))
        dx[:, :, t : t + 2] += np.tensordot(dout[:, :, t], w, axes=([1], [0]))
    return dx, dw


@subject(x=(5, 5), k=(3, 3))
def convolution_2d(x, k):
    out = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            out[i, j] = (x[i : i + 3, j : j + 3] * k).sum()
    return np.maximum(out, 0)


@convolution_2d.backward("""
d = dout * (out > 0) => d = dout | mask | the mask of the rectifier is left out | mask|relu|maximum|derivative
dk += d[i, j] * x[i : i + 3, j : j + 3] => dk += d[j, i] * x[i : i + 3, j : j + 3] | index | rows and columns are exchanged | row|column|exchang|transpos|swap
dk += d[i, j] * x[i : i + 3, j : j + 3] => dk += d[i, j] * np.rot90(x[i : i + 3, j : j + 3], 2) | flip | the patch is rotated by 180 degrees
dx[i : i + 3, j : j + 3] += d[i, j] * k => dx[i : i + 3, j : j + 3] += d[i, j] * k.T | transposed | the kernel is transposed
dx[i : i + 3, j : j + 3] += d[i, j] * k => dx[i : i + 3, j : j + 3] += d[i, j] * np.rot90(k, 2) | flip | the kernel is rotated by 180 degrees
dx[i : i + 3, j : j + 3] += d[i, j] * k => dx[i : i + 3, j : j + 3] = d[i, j] * k | overwritten | windows overwrite each other
dx[i : i + 3, j : j + 3] += d[i, j] * k => dx[j : j + 3, i : i + 3] += d[i, j] * k | index | rows and columns are exchanged | row|column|exchang|transpos|swap
dk += d[i, j] * x[i : i + 3, j : j + 3] => dk += d[i, j] * x[:3, :3] | index | always the first window | first|index|window
""")
def _(dout, x, k):
    out = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            out[i, j] = (x[i : i + 3, j : j + 3] * k).sum()
    d = dout * (out > 0)
    dk, dx = np.zeros_like(k), np.zeros_like(x)
    for i in range(3):
        for j in range(3):
            dk += d[i, j] * x[i : i + 3, j : j + 3]
            dx[i : i + 3, j : j + 3] += d[i, j] * k
    return dk, dx


@subject(x=(2, 4, 6))
def pool_then_square(x):
    tiles = x.reshape(2, 2, 2, 3, 2)
    return (tiles.max(axis=(2, 4)) ** 2).mean(axis=(1, 2))


@pool_then_square.backward("""
mask = tiles == top => mask = tiles == tiles.max(axis=2, keepdims=True) | mask | the maximum of the columns alone | max|largest|ax[ie]s|mask
dtop = dout[:, None, None, None, None] * 2 * top / 6 => dtop = dout[:, None, None, None, None] * 2 * top | mean | 1/N of the mean is missing
dtop = dout[:, None, None, None, None] * 2 * top / 6 => dtop = dout[:, None, None, None, None] * 2 / 6 | derivative | the factor of the square is missing | square|factor|\\*\\*
dx = (mask * dtop).reshape(x.shape) => dx = (dtop * np.ones(tiles.shape) / 4).reshape(x.shape) | mask | as an average | max|largest|alike|average|every
dx = (mask * dtop).reshape(x.shape) => dx = (dtop * np.ones(tiles.shape)).reshape(x.shape) | mask | to all elements of the tile | max|largest|every|all
dx = (mask * dtop).reshape(x.shape) => dx = (mask * dtop).transpose(0, 1, 3, 2, 4).reshape(x.shape) | layout | the tiles are laid out in another way
dtop = dout[:, None, None, None, None] * 2 * top / 6 => dtop = dout[:, None, None, None, None] * top / 6 | factor | the 2 of the square
""")
def _(dout, x):
    tiles = x.reshape(2, 2, 2, 3, 2)
    top = tiles.max(axis=(2, 4), keepdims=True)
    mask = tiles == top
    dtop = dout[:, None, None, None, None] * 2 * top / 6
    dx = (mask * dtop).reshape(x.shape)
    return dx


@subject(table=(6, 3), tokens=np.array([[0, 2, 2], [5, 0, 1]]), W=(3, 4))
def bag_of_words(table, tokens, W):
    vectors = table[tokens]
    return np.tanh(vectors.mean(axis=1) @ W)


@bag_of_words.backward("""
np.add.at(dtable, tokens, dvectors) => dtable[tokens] += dvectors | scatter | repeated words count once
np.add.at(dtable, tokens, dvectors) => dtable[tokens] = dvectors | scatter | repeated words overwrite each other
dvectors = np.repeat(dmean[:, None], 3, axis=1) / 3 => dvectors = np.repeat(dmean[:, None], 3, axis=1) | mean | 1/N is missing
dvectors = np.repeat(dmean[:, None], 3, axis=1) / 3 => dvectors = np.repeat(dmean[:, None], 3, axis=1) / 2 | mean | divided by the number of sentences
da = dout * (1 - y**2) => da = dout * (1 - y) | derivative | 1 - y for 1 - y^2
da = dout * (1 - y**2) => da = dout | derivative | the derivative of tanh is left out
dmean = da @ W.T => dmean = dout @ W.T | derivative | the derivative of tanh is left out
dW = vectors.mean(axis=1).T @ da => dW = vectors.sum(axis=1).T @ da | mean | the sum for the mean
dW = vectors.mean(axis=1).T @ da => dW = vectors[:, 0].T @ da | array | the first word for the mean | first|mean|instead
""")
def _(dout, table, tokens, W):
    vectors = table[tokens]
    y = np.tanh(vectors.mean(axis=1) @ W)
    da = dout * (1 - y**2)
    dW = vectors.mean(axis=1).T @ da
    dmean = da @ W.T
    dvectors = np.repeat(dmean[:, None], 3, axis=1) / 3
    dtable = np.zeros_like(table)
    np.add.at(dtable, tokens, dvectors)
    return dtable, dW


@subject(x=(5, 3), target=bits(5, 3), W=(3, 2), V=(2, 3), b=(2,), c=(3,), eps=(5, 1))
def small_vae(x, target, W, V, b, c, eps):
    h = x @ W + b
    mu, logvar = h[:, :1], h[:, 1:]
    z = mu + np.exp(0.5 * logvar) * eps
    p = sigmoid(np.hstack([z, z**2]) @ V + c)
    reconstruction = -np.sum(target * np.log(p) + (1 - target) * np.log(1 - p))
    kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))
    return (reconstruction + kl) / len(x)


@small_vae.backward("""
dmu = dz + mu / n => dmu = dz | penalty | the KL term of mu is forgotten | KL|mu|contribution|missing
dmu = dz + mu / n => dmu = mu / n | path | the way through z is forgotten
dmu = dz + mu / n => dmu = dz + mu | mean | the KL term is not divided by N
dmu = dz + mu / n => dmu = dz - mu / n | sign | the sign of the KL term
dlogvar = dz * eps * 0.5 * s + 0.5 * (s**2 - 1) / n => dlogvar = dz * eps * s + 0.5 * (s**2 - 1) / n | factor | the 1/2 in exp(logvar / 2) | 2|0\\.5|half|twice
dlogvar = dz * eps * 0.5 * s + 0.5 * (s**2 - 1) / n => dlogvar = dz * eps * 0.5 * s + 0.5 * s**2 / n | path | the -1 of the KL term | logvar|\\b1\\b|contribution|missing
dlogvar = dz * eps * 0.5 * s + 0.5 * (s**2 - 1) / n => dlogvar = dz * 0.5 * s + 0.5 * (s**2 - 1) / n | factor | eps is left out | eps
dlogvar = dz * eps * 0.5 * s + 0.5 * (s**2 - 1) / n => dlogvar = dz * eps * 0.5 + 0.5 * (s**2 - 1) / n | derivative | the derivative of exp is left out | exp|derivative
da = (p - target) / n => da = (p - target) * p * (1 - p) / n | factor | the sigmoid's derivative once too often | sigmoid|p|twice|factor
dz = df[:, :1] + df[:, 1:] * 2 * z => dz = df[:, :1] | path | the way through z^2 is forgotten
dz = df[:, :1] + df[:, 1:] * 2 * z => dz = df[:, :1] + df[:, 1:] * 2 | derivative | z is missing in the derivative of z^2 | z|square|\\*\\*
""")
def _(x, target, W, V, b, c, eps):
    n = len(x)
    h = x @ W + b
    mu, logvar = h[:, :1], h[:, 1:]
    s = np.exp(0.5 * logvar)
    z = mu + s * eps
    features = np.hstack([z, z**2])
    p = sigmoid(features @ V + c)
    da = (p - target) / n
    dV = features.T @ da
    dc = da.sum(axis=0)
    df = da @ V.T
    dz = df[:, :1] + df[:, 1:] * 2 * z
    dmu = dz + mu / n
    dlogvar = dz * eps * 0.5 * s + 0.5 * (s**2 - 1) / n
    dh = np.hstack([dmu, dlogvar])
    dW = x.T @ dh
    db = dh.sum(axis=0)
    return dV, dc, dW, db


@subject(x=(8,), y=bits(8))
def binary_focal_loss(x, y):
    p = sigmoid(x)
    pt = y * p + (1 - y) * (1 - p)
    return -np.mean((1 - pt) ** 2 * np.log(pt))


@binary_focal_loss.backward("""
dpt = (2 * (1 - pt) * np.log(pt) - (1 - pt) ** 2 / pt) / n => dpt = -((1 - pt) ** 2) / pt / n | path | the way through the weight is forgotten
dpt = (2 * (1 - pt) * np.log(pt) - (1 - pt) ** 2 / pt) / n => dpt = (2 * (1 - pt) * np.log(pt)) / n | path | the way through the logarithm is forgotten
dpt = (2 * (1 - pt) * np.log(pt) - (1 - pt) ** 2 / pt) / n => dpt = (-2 * (1 - pt) * np.log(pt) - (1 - pt) ** 2 / pt) / n | sign | the sign of the weight's derivative
dpt = (2 * (1 - pt) * np.log(pt) - (1 - pt) ** 2 / pt) / n => dpt = ((1 - pt) * np.log(pt) - (1 - pt) ** 2 / pt) / n | factor | the exponent is missing as a factor | 2|factor|half
dp = dpt * (2 * y - 1) => dp = dpt * y | path | the negative examples are left out | 1 - y|contribution|missing|negativ
dp = dpt * (2 * y - 1) => dp = dpt | sign | the sign for negative examples | sign|y|1 - p|negativ
dx = dp * p * (1 - p) => dx = dp | derivative | the derivative of the sigmoid
dx = dp * p * (1 - p) => dx = dp * pt * (1 - p) | array | pt for p | pt|instead
""")
def _(x, y):
    n = len(x)
    p = sigmoid(x)
    pt = y * p + (1 - y) * (1 - p)
    dpt = (2 * (1 - pt) * np.log(pt) - (1 - pt) ** 2 / pt) / n
    dp = dpt * (2 * y - 1)
    dx = dp * p * (1 - p)
    return dx


@subject(a=(4, 3), b=(4, 3))
def simclr(a, b):
    u = a / np.sqrt((a**2).sum(axis=1, keepdims=True))
    v = b / np.sqrt((b**2).sum(axis=1, keepdims=True))
    s = u @ v.T / 0.5
    return np.mean(np.log(np.exp(s).sum(axis=1)) - np.diag(s))


@simclr.backward("""
ds = (softmax(s) - np.eye(4)) / 4 => ds = (softmax(s) - np.eye(4)) | mean | 1/N is missing
ds = (softmax(s) - np.eye(4)) / 4 => ds = softmax(s) / 4 | path | the positive pair is forgotten | diag|target|contribution|missing|positive
ds = (softmax(s) - np.eye(4)) / 4 => ds = (softmax(s.T).T - np.eye(4)) / 4 | axis | the softmax over the other axis
du = ds @ v / 0.5 => du = ds @ v | factor | the temperature is missing | 0\\.5|temperature|factor|2
du = ds @ v / 0.5 => du = ds.T @ v / 0.5 | transposed | ds is transposed
du = ds @ v / 0.5 => du = ds @ b / 0.5 | array | b for v | normal|`v`|instead
dv = ds.T @ u / 0.5 => dv = ds @ u / 0.5 | transposed | ds is not transposed
da = (du - u * (du * u).sum(axis=1, keepdims=True)) / na => da = du / na | constant | the norm is a constant
da = (du - u * (du * u).sum(axis=1, keepdims=True)) / na => da = du | constant | the normalization is left out | norm|skip|left out|derivative|missing
da = (du - u * (du * u).sum(axis=1, keepdims=True)) / na => da = (du - u * (du * u).sum(axis=1, keepdims=True)) | factor | 1/norm is missing | norm|1/
da = (du - u * (du * u).sum(axis=1, keepdims=True)) / na => da = (du - a * (du * u).sum(axis=1, keepdims=True)) / na | array | a for its normalized form | instead|norm|`a`|`u`
db = (dv - v * (dv * v).sum(axis=1, keepdims=True)) / nb => db = (dv - v * (dv * v).sum()) / nb | axis | the sum over everything
""")
def _(a, b):
    na = np.sqrt((a**2).sum(axis=1, keepdims=True))
    nb = np.sqrt((b**2).sum(axis=1, keepdims=True))
    u, v = a / na, b / nb
    s = u @ v.T / 0.5
    ds = (softmax(s) - np.eye(4)) / 4
    du = ds @ v / 0.5
    dv = ds.T @ u / 0.5
    da = (du - u * (du * u).sum(axis=1, keepdims=True)) / na
    db = (dv - v * (dv * v).sum(axis=1, keepdims=True)) / nb
    return da, db


@subject(a=(5, 3), p=(5, 3), n=(5, 3))
def triplet_margin(a, p, n):
    positive = ((a - p) ** 2).sum(axis=1)
    negative = ((a - n) ** 2).sum(axis=1)
    return np.maximum(positive - negative + 1, 0).mean()


@triplet_margin.backward("""
active = (positive - negative + 1 > 0)[:, None] / len(a) => active = np.ones((5, 1)) / len(a) | mask | the margin's mask is left out
active = (positive - negative + 1 > 0)[:, None] / len(a) => active = (positive - negative + 1 > 0)[:, None] | mean | 1/N is missing
da = active * 2 * (n - p) => da = active * 2 * (a - p) | path | the way through the negative is forgotten
da = active * 2 * (n - p) => da = active * 2 * ((a - p) + (a - n)) | sign | the sign of the negative
dp = active * -2 * (a - p) => dp = active * 2 * (a - p) | sign | the sign
dn = active * 2 * (a - n) => dn = active * (a - n) | factor | the 2 of the square
dn = active * 2 * (a - n) => dn = active * 2 * (p - n) | array | p for a | instead|`p`|`a`
""")
def _(a, p, n):
    positive = ((a - p) ** 2).sum(axis=1)
    negative = ((a - n) ** 2).sum(axis=1)
    active = (positive - negative + 1 > 0)[:, None] / len(a)
    da = active * 2 * (n - p)
    dp = active * -2 * (a - p)
    dn = active * 2 * (a - n)
    return da, dp, dn


@subject(x=(4, 5), W=(5, 3), mask=bits(4, 5))
def inverted_dropout(x, W, mask):
    kept = x * mask / 0.5
    return np.maximum(kept @ W, 0).sum(axis=1)


@inverted_dropout.backward("""
dkept = dh @ W.T => dkept = dh @ W.T * 0.5 | factor | 1/keep is missing or multiplied | 0\\.5|factor|2|half
dx = dkept * mask / 0.5 => dx = dkept * mask | factor | 1/keep is missing | 0\\.5|factor|2|half
dx = dkept * mask / 0.5 => dx = dkept / 0.5 | mask | the mask is left out
dx = dkept * mask / 0.5 => dx = dkept * (1 - mask) / 0.5 | mask | the mask is inverted
dx = dkept * mask / 0.5 => dx = dkept * (mask / 0.5) ** 2 | factor | the scale twice | 0\\.5|factor|2|half|twice
dW = kept.T @ dh => dW = x.T @ dh | array | x for the dropped x | kept|mask|before|instead
dW = kept.T @ dh => dW = (x * mask).T @ dh | factor | 1/keep is missing | 0\\.5|factor|2|half
dh = dout[:, None] * (kept @ W > 0) => dh = dout[:, None] * (x @ W > 0) | mask | the mask from the input without dropout | mask|kept|forward|instead
""")
def _(dout, x, W, mask):
    kept = x * mask / 0.5
    dh = dout[:, None] * (kept @ W > 0)
    dW = kept.T @ dh
    dkept = dh @ W.T
    dx = dkept * mask / 0.5
    return dW, dx


@subject(e=(5, 3), T=(3, 3))
def crf_partition(e, T):
    alpha = e[0]
    for t in range(1, 5):
        alpha = np.log(np.sum(np.exp(alpha[:, None] + T), axis=0)) + e[t]
    return np.log(np.sum(np.exp(alpha)))


@crf_partition.backward("""
de[t] = da => de[t] = np.exp(alphas[t]) / np.exp(alphas[t]).sum() | time | the forward messages alone, not the marginals | softmax|alpha|probab|constant|instead|contribution|upstream|stop|step
pairs = np.exp(alphas[t - 1][:, None] + T - logsum[t]) => pairs = np.exp(alphas[t][:, None] + T - logsum[t]) | time | the new alpha for the old one | old|new|previous|step|instead|pass|`alpha`
pairs = np.exp(alphas[t - 1][:, None] + T - logsum[t]) => pairs = np.exp(alphas[t - 1][:, None] + T - logsum[t]).T | transposed | the pairs are transposed
dT += pairs * da => dT = pairs * da | overwritten | only the first step
dT += pairs * da => dT += pairs * da[:, None] | axis | spread along the other axis | spread|ax[ie]s|broadcast|transpos
dT += pairs * da => dT += pairs | upstream | the upstream gradient is left out | upstream|ignored|derivative|alone
da = (pairs * da).sum(axis=1) => da = (pairs * da).sum(axis=0) | axis | the sum over the other axis | ax[ie]s|transpos
""")
def _(e, T):
    alphas, logsum = [e[0]], [None]
    for t in range(1, 5):
        logsum.append(np.log(np.sum(np.exp(alphas[-1][:, None] + T), axis=0)))
        alphas.append(logsum[-1] + e[t])
    da = np.exp(alphas[4] - np.log(np.sum(np.exp(alphas[4]))))
    de, dT = np.zeros_like(e), np.zeros_like(T)
    for t in range(4, 0, -1):
        de[t] = da
        pairs = np.exp(alphas[t - 1][:, None] + T - logsum[t])
        dT += pairs * da
        da = (pairs * da).sum(axis=1)
    de[0] = da
    return de, dT


@subject(x=(4, 3), y=distribution(4, 5), W=(3, 5))
def soft_target_entropy(x, y, W):
    s = x @ W / 2.0
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    entropy = -(np.exp(logp) * logp).sum(axis=1)
    return np.mean(-(y * logp).sum(axis=1) - 0.1 * entropy)


@soft_target_entropy.backward("""
dlogp = (-y + 0.1 * p * (logp + 1)) / n => dlogp = -y / n | path | the entropy is forgotten
dlogp = (-y + 0.1 * p * (logp + 1)) / n => dlogp = (-y - 0.1 * p * (logp + 1)) / n | sign | the sign of the entropy
ds = dlogp - p * dlogp.sum(axis=1, keepdims=True) => ds = dlogp | constant | the normalization is left out
ds = dlogp - p * dlogp.sum(axis=1, keepdims=True) => ds = dlogp - p | path | the sum of the gradient is left out | sum
dW = x.T @ ds / 2.0 => dW = x.T @ ds | factor | the temperature is missing | 2|temperature
dx = ds @ W.T / 2.0 => dx = ds @ W.T * 2.0 | factor | multiplied by the temperature | 2|temperature|4
""")
def _(x, y, W):
    n = len(x)
    s = x @ W / 2.0
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    p = np.exp(logp)
    dlogp = (-y + 0.1 * p * (logp + 1)) / n
    ds = dlogp - p * dlogp.sum(axis=1, keepdims=True)
    dW = x.T @ ds / 2.0
    dx = ds @ W.T / 2.0
    return dW, dx


@subject(x=(4, 3), W=(3, 3), b=(3,))
def swish_residual(x, W, b):
    a = x @ W + b
    return x + a * sigmoid(a)


@swish_residual.backward("""
da = dout * (s + a * s * (1 - s)) => da = dout * s | path | the way through the sigmoid is forgotten
da = dout * (s + a * s * (1 - s)) => da = dout * (a * s * (1 - s)) | path | the way through a is forgotten
da = dout * (s + a * s * (1 - s)) => da = dout * s * (1 - s) | derivative | the derivative of the sigmoid alone
da = dout * (s + a * s * (1 - s)) => da = dout * (s + s * (1 - s)) | factor | the factor a is missing | \\ba\\b
da = dout * (s + a * s * (1 - s)) => da = dout * (s + x * s * (1 - s)) | array | x for a | `x`|instead
dx = dout + da @ W.T => dx = da @ W.T | path | the skip connection is forgotten
dx = dout + da @ W.T => dx = dout + da @ W | transposed | W is not transposed
dx = dout + da @ W.T => dx = dout * (da @ W.T) | path | multiplied, not added | multipl
""")
def _(dout, x, W, b):
    a = x @ W + b
    s = sigmoid(a)
    da = dout * (s + a * s * (1 - s))
    dW = x.T @ da
    db = da.sum(axis=0)
    dx = dout + da @ W.T
    return dW, db, dx


@subject(x=(6,), y=(6,))
def correlation(x, y):
    a, b = x - x.mean(), y - y.mean()
    return (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())


@correlation.backward("""
da = b / (na * nb) - r * a / na**2 => da = b / (na * nb) | constant | the norm is a constant
da = b / (na * nb) - r * a / na**2 => da = b / (na * nb) + r * a / na**2 | sign | the sign of the norm's gradient
da = b / (na * nb) - r * a / na**2 => da = b / (na * nb) - r * a / na | factor | one norm too few | norm|factor|sqrt|power|derivative|\\*\\*
""")
def _(x, y):
    a, b = x - x.mean(), y - y.mean()
    na, nb = np.sqrt((a**2).sum()), np.sqrt((b**2).sum())
    r = (a * b).sum() / (na * nb)
    da = b / (na * nb) - r * a / na**2
    dx = da - da.mean()
    return dx


@subject(w=(4, 3), x=(5, 3), y=positive(5, 4))
def poisson_glm(w, x, y):
    rate = np.exp(np.clip(x @ w.T, -1, 1))
    return (rate - y * np.log(rate)).sum() / len(x)


@poisson_glm.backward("""
inside = (np.abs(a) < 1) / len(x) => inside = np.ones_like(a) / len(x) | mask | the clipping is left out | clip|mask
inside = (np.abs(a) < 1) / len(x) => inside = (np.abs(a) > 1) / len(x) | mask | the mask is the wrong way round
da = (rate - y) * inside => da = (1 - y / rate) * inside | derivative | the derivative of exp is left out | exp|derivative
da = (rate - y) * inside => da = rate * inside | path | the term of the targets is forgotten
da = (rate - y) * inside => da = (rate - y / rate) * inside | derivative | the derivative of log once too often | log|rate|derivative|factor
dw = da.T @ x => dw = (rate - y).T @ x / len(x) | mask | the clipping is left out | clip|mask
""")
def _(w, x, y):
    a = x @ w.T
    rate = np.exp(np.clip(a, -1, 1))
    inside = (np.abs(a) < 1) / len(x)
    da = (rate - y) * inside
    dw = da.T @ x
    dx = da @ w
    return dw, dx


@subject(U=(4, 2), V=(5, 2), bu=(4,), R=(4, 5), seen=bits(4, 5))
def recommender(U, V, bu, R, seen):
    error = (U @ V.T + bu[:, None] - R) * seen
    return (error**2).sum() + 0.1 * ((U**2).sum() + (V**2).sum())


@recommender.backward("""
e = 2 * (U @ V.T + bu[:, None] - R) * seen => e = 2 * (U @ V.T + bu[:, None] - R) | mask | the unseen are not left out
dU = e @ V + 0.2 * U => dU = e.T[:4] @ np.ones((4, 2)) + 0.2 * U | array | nonsense | V|product|factor
dU = e @ V + 0.2 * U => dU = e @ V + 0.2 * V[:4] | array | the penalty of the other factor | V|U|penal|instead|decay
dV = e.T @ U + 0.2 * V => dV = e.T @ U | penalty | the penalty is forgotten | penal|contribution|V
dV = e.T @ U + 0.2 * V => dV = e.T @ (U - 0.1 * (e @ V + 0.2 * U)) + 0.2 * V | stale | U was updated before dV was computed | updat|changed
dbu = e.sum(axis=1) => dbu = e.mean(axis=1) | mean | the mean for the sum
""")
def _(U, V, bu, R, seen):
    e = 2 * (U @ V.T + bu[:, None] - R) * seen
    dU = e @ V + 0.2 * U
    dV = e.T @ U + 0.2 * V
    dbu = e.sum(axis=1)
    return dU, dV, dbu


@subject(x=(6, 2), centers=(3, 2), s=positive(3))
def soft_kmeans(x, centers, s):
    d = ((x[:, None] - centers) ** 2).sum(axis=-1)
    return -np.log((np.exp(-d * s)).sum(axis=1)).mean()


@soft_kmeans.backward("""
r = np.exp(-d * s) / np.exp(-d * s).sum(axis=1, keepdims=True) / len(x) => r = np.exp(-d * s) / np.exp(-d * s).sum(axis=0, keepdims=True) / len(x) | axis | normalized over the points | ax[ie]s|normal
r = np.exp(-d * s) / np.exp(-d * s).sum(axis=1, keepdims=True) / len(x) => r = np.exp(-d * s) / len(x) | path | not normalized | normal|log|sum|derivative|1 /
r = np.exp(-d * s) / np.exp(-d * s).sum(axis=1, keepdims=True) / len(x) => r = np.exp(-d * s) / np.exp(-d * s).sum(axis=1, keepdims=True) | mean | 1/N is missing
dcenters = ((r * s)[:, :, None] * -2 * (x[:, None] - centers)).sum(axis=0) => dcenters = (r[:, :, None] * -2 * (x[:, None] - centers)).sum(axis=0) | factor | s is left out | \\bs\\b
dcenters = ((r * s)[:, :, None] * -2 * (x[:, None] - centers)).sum(axis=0) => dcenters = ((r * s)[:, :, None] * 2 * (x[:, None] - centers)).sum(axis=0) | sign | the sign
dx = ((r * s)[:, :, None] * 2 * (x[:, None] - centers)).sum(axis=1) => dx = ((r * s)[:, :, None] * 2 * (x[:, None] - centers)).mean(axis=1) | mean | the mean over the centres
ds = (r * d).sum(axis=0) => ds = r.sum(axis=0) | factor | d is left out | \\bd\\b
""")
def _(x, centers, s):
    d = ((x[:, None] - centers) ** 2).sum(axis=-1)
    r = np.exp(-d * s) / np.exp(-d * s).sum(axis=1, keepdims=True) / len(x)
    dcenters = ((r * s)[:, :, None] * -2 * (x[:, None] - centers)).sum(axis=0)
    dx = ((r * s)[:, :, None] * 2 * (x[:, None] - centers)).sum(axis=1)
    ds = (r * d).sum(axis=0)
    return dcenters, dx, ds


# ---- two mistakes at once ------------------------------------------------------------------------------------------


@subject(X=(6, 3), W1=(3, 4), b1=(4,), W2=(4, 3), y=labels(6, 3))
def mlp_classifier(X, W1, b1, W2, y):
    h = np.tanh(X @ W1 + b1)
    s = h @ W2
    logp = s - s.max(axis=1, keepdims=True)
    logp = logp - np.log(np.exp(logp).sum(axis=1, keepdims=True))
    return -logp[np.arange(len(y)), y].mean()


@mlp_classifier.backward("""
ds[np.arange(n), y] -= 1\\n    ds /= n => ds[np.arange(n), y] -= 1 | mean | 1/N is missing
ds /= n\\n    dh = ds @ W2.T\\n    da = dh * (1 - h**2) => dh = ds @ W2.T\\n    da = dh * (1 - h) | derivative | 1/N is missing, and 1 - h for 1 - h^2 | 1/N|mean & 1 - h|deriv
ds /= n\\n    dh = ds @ W2.T\\n    da = dh * (1 - h**2) => ds /= n\\n    dh = ds @ W2.T\\n    da = -dh | derivative | a wrong sign, and the derivative of tanh left out | sign|negat & tanh|deriv
dh = ds @ W2.T\\n    da = dh * (1 - h**2)\\n    dW1 = X.T @ da => dh = ds @ W2.T\\n    da = dh * h * (1 - h)\\n    dW1 = X.T @ da / n | derivative | the sigmoid's derivative, and divided by N twice | sigmoid|deriv & 1/N|mean|6|divid
da = dh * (1 - h**2)\\n    dW1 = X.T @ da\\n    db1 = da.sum(axis=0) => da = dh\\n    dW1 = X.T @ da\\n    db1 = da.mean(axis=0) | derivative | the derivative of tanh left out, and a mean for a sum | tanh|deriv & mean|averag|6|sum
""")
def _(X, W1, b1, W2, y):
    n = len(y)
    h = np.tanh(X @ W1 + b1)
    ds = softmax(h @ W2)
    ds[np.arange(n), y] -= 1
    ds /= n
    dh = ds @ W2.T
    da = dh * (1 - h**2)
    dW1 = X.T @ da
    db1 = da.sum(axis=0)
    return dW1, db1


@subject(q=(3, 4), k=(5, 4), v=(5, 2))
def attention_twice_wrong(q, k, v):
    a = softmax(q @ k.T / 2.0)
    return a @ v


@attention_twice_wrong.backward("""
ds = a * (da - (da * a).sum(axis=1, keepdims=True)) / 2.0 => ds = a * (1 - a) * da | diagonal | the diagonal alone, and no scale | diag|Jacobian & 2|scale|factor
ds = a * (da - (da * a).sum(axis=1, keepdims=True)) / 2.0 => ds = -a * (da - (da * a).sum(axis=1, keepdims=True)) | factor | a sign and no scale | sign|negat|-2 & 2|scale|factor
ds = a * (da - (da * a).sum(axis=1, keepdims=True)) / 2.0 => ds = a * (da - (da * a).sum(axis=1, keepdims=True)) / 4.0 | factor | the scale twice | 2|scale|factor|twice
""")
def _(dout, q, k, v):
    a = softmax(q @ k.T / 2.0)
    da = dout @ v.T
    ds = a * (da - (da * a).sum(axis=1, keepdims=True)) / 2.0
    dq = ds @ k
    dk = ds.T @ q
    return dq, dk


@subject(x=(5, 4), gamma=positive(4), W=(4, 2), y=(5, 2))
def normalized_regression(x, gamma, W, y):
    xhat = (x - x.mean(axis=0)) / x.std(axis=0)
    return ((gamma * xhat @ W - y) ** 2).mean()


@normalized_regression.backward("""
de = 2 * (gamma * xhat @ W - y) / y.size\\n    dz = de @ W.T => de = 2 * (gamma * xhat @ W - y) / len(y)\\n    dz = de @ W.T | mean | divided by the rows, not by all elements
de = 2 * (gamma * xhat @ W - y) / y.size\\n    dz = de @ W.T\\n    dgamma = (dz * xhat).sum(axis=0) => de = (gamma * xhat @ W - y) / y.size\\n    dz = de @ W.T\\n    dgamma = (dz * x).sum(axis=0) | array | the 2 is missing, and x for xhat | 2|half & xhat|`x`
dxhat = dz * gamma\\n    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / x.std(axis=0) => dxhat = dz\\n    dx = dxhat / x.std(axis=0) | constant | gamma is left out, and mean and variance are constants | gamma & constant
dxhat = dz * gamma\\n    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / x.std(axis=0) => dxhat = dz * gamma\\n    dx = -(dxhat - dxhat.mean(axis=0)) / x.std(axis=0) | constant | a sign, and the variance is a constant | sign|negat & constant|varian|std|mean\\(g
""")
def _(x, gamma, W, y):
    xhat = (x - x.mean(axis=0)) / x.std(axis=0)
    de = 2 * (gamma * xhat @ W - y) / y.size
    dz = de @ W.T
    dgamma = (dz * xhat).sum(axis=0)
    dxhat = dz * gamma
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / x.std(axis=0)
    return dgamma, dx
