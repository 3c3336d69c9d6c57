"""Normalizations, weighted and masked losses, contrasts, densities, as a student differentiates them by hand."""

from __future__ import annotations

import numpy as np

from ..subjects import bits, labels, positive, subject


@subject(x=(3, 2, 4), gamma=positive(2), beta=(2,))
def instance_normalization(x, gamma, beta):
    mu = np.mean(x, axis=2, keepdims=True)
    d = x - mu
    var = np.mean(d * d, axis=2, keepdims=True)
    return gamma[:, None] * d / np.sqrt(var + 1e-3) + beta[:, None]


@instance_normalization.backward("""
dvar = np.sum(dxhat * d, axis=2, keepdims=True) * -0.5 * (var + 1e-3) ** -1.5 => dvar = np.sum(dxhat * d, axis=2, keepdims=True) * 0.5 * (var + 1e-3) ** -1.5 | sign | the sign of the variance's share
dvar = np.sum(dxhat * d, axis=2, keepdims=True) * -0.5 * (var + 1e-3) ** -1.5 => dvar = np.sum(dxhat * d, axis=(0, 2), keepdims=True) * -0.5 * (var + 1e-3) ** -1.5 | axis | the statistics of batch norm
dd = dxhat / std + 2 * d * dvar / 4 => dd = dxhat / std | constant | the variance is a constant | constant|var|std|sqrt|contribution
dd = dxhat / std + 2 * d * dvar / 4 => dd = dxhat / std + 2 * d * dvar | mean | the mean of the variance
dd = dxhat / std + 2 * d * dvar / 4 => dd = dxhat / std + 2 * d * dvar / 8 | mean | the number of all elements of an example
dx = dd - dd.mean(axis=2, keepdims=True) => dx = dd | constant | the mean is a constant | constant|mean|mu|contribution
dx = dd - dd.mean(axis=2, keepdims=True) => dx = dd - dd.mean(axis=(1, 2), keepdims=True) | axis | the mean over the wrong axes
dgamma = np.sum(dout * d / std, axis=(0, 2)) => dgamma = np.sum(dout * d, axis=(0, 2)) | array | not divided by the deviation | std|sqrt|var|instead|divi
dx = dd - dd.mean(axis=2, keepdims=True) => dx = dd - dd.sum(axis=2, keepdims=True) | mean | the sum for the mean
""")
def _(dout, x, gamma, beta):
    mu = np.mean(x, axis=2, keepdims=True)
    d = x - mu
    var = np.mean(d * d, axis=2, keepdims=True)
    std = np.sqrt(var + 1e-3)
    dbeta = dout.sum(axis=(0, 2))
    dgamma = np.sum(dout * d / std, axis=(0, 2))
    dxhat = dout * gamma[:, None]
    dvar = np.sum(dxhat * d, axis=2, keepdims=True) * -0.5 * (var + 1e-3) ** -1.5
    dd = dxhat / std + 2 * d * dvar / 4
    dx = dd - dd.mean(axis=2, keepdims=True)
    return dx, dgamma, dbeta


@subject(x=(4, 5), gamma=positive(5), W=(5, 3))
def layer_norm_with_std(x, gamma, W):
    mu = np.mean(x, axis=-1, keepdims=True)
    std = np.sqrt(np.mean((x - mu) ** 2, axis=-1, keepdims=True))
    return (gamma * (x - mu) / std) @ W


@layer_norm_with_std.backward("""
dx = (dn - dn.mean(axis=1, keepdims=True) - n * np.mean(dn * n, axis=1, keepdims=True)) / std => dx = (dn - dn.mean(axis=1, keepdims=True)) / std | constant | std is a constant | std|constant|contribution|var|sqrt
dx = (dn - dn.mean(axis=1, keepdims=True) - n * np.mean(dn * n, axis=1, keepdims=True)) / std => dx = (dn - n * np.mean(dn * n, axis=1, keepdims=True)) / std | constant | the mean is a constant | mu|mean|constant|contribution
dx = (dn - dn.mean(axis=1, keepdims=True) - n * np.mean(dn * n, axis=1, keepdims=True)) / std => dx = (dn - dn.mean(axis=0, keepdims=True) - n * np.mean(dn * n, axis=1, keepdims=True)) / std | axis | one mean over the batch
dx = (dn - dn.mean(axis=1, keepdims=True) - n * np.mean(dn * n, axis=1, keepdims=True)) / std => dx = (dn - dn.mean(axis=1, keepdims=True) - n * np.mean(dn * n, axis=0, keepdims=True)) / std | axis | the other mean over the batch
dx = (dn - dn.mean(axis=1, keepdims=True) - n * np.mean(dn * n, axis=1, keepdims=True)) / std => dx = dn / std | constant | both are constants | constant|contribution|mu|std
dx = (dn - dn.mean(axis=1, keepdims=True) - n * np.mean(dn * n, axis=1, keepdims=True)) / std => dx = (dn - dn.mean(axis=1, keepdims=True) - n * np.mean(dn * n, axis=1, keepdims=True)) | factor | not divided by std | std|factor|divi
dx = (dn - dn.mean(axis=1, keepdims=True) - n * np.mean(dn * n, axis=1, keepdims=True)) / std => dx = (dn - dn.mean(axis=1, keepdims=True) - x * np.mean(dn * n, axis=1, keepdims=True)) / std | array | x for its normalized form | instead|normal|mean|constant|contribution
dn = dz * gamma => dn = dz | factor | gamma is left out | gamma
dgamma = np.sum(dz * n, axis=0) => dgamma = np.sum(dz * (x - mu), axis=0) | array | not divided by std | std|instead|divi
dx = (dn - dn.mean(axis=1, keepdims=True) - n * np.mean(dn * n, axis=1, keepdims=True)) / std => dx = (dn + dn.mean(axis=1, keepdims=True) - n * np.mean(dn * n, axis=1, keepdims=True)) / std | sign | the sign of the mean's share
""")
def _(dout, x, gamma, W):
    mu = np.mean(x, axis=-1, keepdims=True)
    std = np.sqrt(np.mean((x - mu) ** 2, axis=-1, keepdims=True))
    n = (x - mu) / std
    dW = (gamma * n).T @ dout
    dz = dout @ W.T
    dgamma = np.sum(dz * n, axis=0)
    dn = dz * gamma
    dx = (dn - dn.mean(axis=1, keepdims=True) - n * np.mean(dn * n, axis=1, keepdims=True)) / std
    return dx, dgamma, dW


@subject(x=(5, 3), W=(3, 4), gamma=positive(4), beta=(4,), v=(4,), y=bits(5))
def batch_norm_in_a_classifier(x, W, gamma, beta, v, y):
    z = x @ W
    mu = z.mean(axis=0)
    var = ((z - mu) ** 2).mean(axis=0)
    zhat = (z - mu) / np.sqrt(var + 1e-5)
    a = np.tanh(gamma * zhat + beta)
    s = a @ v
    return np.mean(np.log(1 + np.exp(s)) - y * s)


@batch_norm_in_a_classifier.backward("""
dz = (5 * g - g.sum(axis=0) - zhat * np.sum(g * zhat, axis=0)) / (5 * np.sqrt(var + 1e-5)) => dz = (5 * g - g.sum(axis=0) - zhat * np.sum(g * zhat, axis=0)) / np.sqrt(var + 1e-5) | mean | the 1/N of the formula
dz = (5 * g - g.sum(axis=0) - zhat * np.sum(g * zhat, axis=0)) / (5 * np.sqrt(var + 1e-5)) => dz = (5 * g - g.sum(axis=0) - z * np.sum(g * zhat, axis=0)) / (5 * np.sqrt(var + 1e-5)) | array | z for its normalized form | instead|normal|zhat|before
dz = (5 * g - g.sum(axis=0) - zhat * np.sum(g * zhat, axis=0)) / (5 * np.sqrt(var + 1e-5)) => dz = (5 * g - g.sum() - zhat * np.sum(g * zhat, axis=0)) / (5 * np.sqrt(var + 1e-5)) | axis | the sum over everything
dz = (5 * g - g.sum(axis=0) - zhat * np.sum(g * zhat, axis=0)) / (5 * np.sqrt(var + 1e-5)) => dz = (g - g.sum(axis=0) - zhat * np.sum(g * zhat, axis=0)) / (5 * np.sqrt(var + 1e-5)) | mean | N is left out | N|count|mean|1/5|factor|sum
dz = (5 * g - g.sum(axis=0) - zhat * np.sum(g * zhat, axis=0)) / (5 * np.sqrt(var + 1e-5)) => dz = (5 * g - zhat * np.sum(g * zhat, axis=0)) / (5 * np.sqrt(var + 1e-5)) | constant | the mean is a constant | mu|mean|constant|contribution
dz = (5 * g - g.sum(axis=0) - zhat * np.sum(g * zhat, axis=0)) / (5 * np.sqrt(var + 1e-5)) => dz = (5 * g - g.sum(axis=0) - zhat * np.sum(g, axis=0)) / (5 * np.sqrt(var + 1e-5)) | path | a factor zhat is left out of the sum | zhat|factor|sum|var
ds = (1 / (1 + np.exp(-s)) - y) / 5 => ds = 1 / (1 + np.exp(-s)) - y | mean | no 1/N
ds = (1 / (1 + np.exp(-s)) - y) / 5 => ds = (s - y) / 5 | array | the score for the probability | sigmoid|instead|score|probab|exp|square
g = dpre * gamma => g = dpre * beta | array | beta for gamma | beta|gamma
dpre = np.outer(ds, v) * (1 - a**2) => dpre = np.outer(ds, v) * (1 - a**2) * (a > 0) | mask | a mask too many | mask|relu|> 0|gate
""")
def _(x, W, gamma, beta, v, y):
    z = x @ W
    mu = z.mean(axis=0)
    var = ((z - mu) ** 2).mean(axis=0)
    zhat = (z - mu) / np.sqrt(var + 1e-5)
    a = np.tanh(gamma * zhat + beta)
    s = a @ v
    ds = (1 / (1 + np.exp(-s)) - y) / 5
    dv = a.T @ ds
    dpre = np.outer(ds, v) * (1 - a**2)
    dgamma = np.sum(dpre * zhat, axis=0)
    dbeta = dpre.sum(axis=0)
    g = dpre * gamma
    dz = (5 * g - g.sum(axis=0) - zhat * np.sum(g * zhat, axis=0)) / (5 * np.sqrt(var + 1e-5))
    dW = x.T @ dz
    dx = dz @ W.T
    return dx, dW, dgamma, dbeta, dv


@subject(x=(3, 6), g=positive(6), W=(6, 4), V=(4, 6))
def rms_norm_block(x, g, W, V):
    r = np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-6)
    n = g * x / r
    u = n @ W
    return x + (u / (1 + np.exp(-u))) @ V


@rms_norm_block.backward("""
dx = dout + dxg / r - x * np.sum(dxg * x, axis=1, keepdims=True) / (6 * r**3) => dx = dxg / r - x * np.sum(dxg * x, axis=1, keepdims=True) / (6 * r**3) | path | the residual | contribution|residual|skip|path|missing|left out
dx = dout + dxg / r - x * np.sum(dxg * x, axis=1, keepdims=True) / (6 * r**3) => dx = dout + dxg / r | constant | r is a constant | `r`|constant|contribution|sqrt|mean
dx = dout + dxg / r - x * np.sum(dxg * x, axis=1, keepdims=True) / (6 * r**3) => dx = dout + dxg / r - x * np.sum(dxg * x, axis=1, keepdims=True) / (6 * r**2) | factor | a power of r | `r`|factor|power|sqrt|derivative|1 ?/
dx = dout + dxg / r - x * np.sum(dxg * x, axis=1, keepdims=True) / (6 * r**3) => dx = dout + dxg / r - x * np.sum(dxg * x, axis=1, keepdims=True) / r**3 | mean | the 1/D of the mean
du = dsilu * (s + u * s * (1 - s)) => du = dsilu * s | path | silu's derivative: the sigmoid taken as a constant | contribution|constant|sigmoid|exp|silu|derivative|missing|left out
du = dsilu * (s + u * s * (1 - s)) => du = dsilu * s * (1 - s) | derivative | the sigmoid's derivative
du = dsilu * (s + u * s * (1 - s)) => du = dsilu * u * s * (1 - s) | path | one part of the product rule | contribution|product|missing|left out|path|numerator
dg = np.sum(dn * x / r, axis=0) => dg = np.sum(dn * x, axis=0) | factor | not divided by r | `r`|divi|instead
""")
def _(dout, x, g, W, V):
    r = np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-6)
    n = g * x / r
    u = n @ W
    s = 1 / (1 + np.exp(-u))
    dV = (u * s).T @ dout
    dsilu = dout @ V.T
    du = dsilu * (s + u * s * (1 - s))
    dW = n.T @ du
    dn = du @ W.T
    dg = np.sum(dn * x / r, axis=0)
    dxg = dn * g
    dx = dout + dxg / r - x * np.sum(dxg * x, axis=1, keepdims=True) / (6 * r**3)
    return dx, dg, dW, dV


@subject(X=(6, 3), W=(3, 3), b=(3,), y=labels(6, 3), c=np.array([1.0, 3.0, 0.5]))
def class_weighted_loss(X, W, b, y, c):
    s = X @ W + b
    logp = s - np.log(np.sum(np.exp(s), axis=1, keepdims=True))
    weights = c[y]
    return -np.sum(weights * logp[np.arange(6), y]) / np.sum(weights)


@class_weighted_loss.backward("""
ds = p * w[:, None] / w.sum() => ds = p / 6 | factor | the weights are forgotten: the mean of all examples | weight|`c`|\\bc\\b|factor
ds = p * w[:, None] / w.sum() => ds = p * c / w.sum() | index | the weight of each score's class instead of the example's | weight|class|column|`c`|row|index|shape|broadcast
ds = p * w[:, None] / w.sum() => ds = p * w[:, None] / 6 | mean | the number of examples for the sum of the weights | sum|mean|weight|1/6|1/N|divi
ds = p * w[:, None] / w.sum() => ds = p * w[:, None] / c.sum() | mean | the sum of the class weights | sum|mean|weight|divi|factor
ds = p * w[:, None] / w.sum() => ds = p / w[:, None] / (1 / w).sum() | factor | the weights' inverse | weight|1 ?/|inver|factor|divi
p[np.arange(6), y] -= 1 => p[np.arange(6), y] = 1 | index | = 1 for -= 1 | -= ?1|= ?1|target|subtract
p[np.arange(6), y] -= 1 => p[np.arange(6), y] -= w | factor | the weight subtracted for 1, and applied twice | weight|twice|factor|target
p[np.arange(6), y] -= 1 => p[np.arange(6), y] -= 1 / 6 | mean | 1/N subtracted for 1 | 1/N|1/6|target|subtract
""")
def _(X, W, b, y, c):
    s = X @ W + b
    p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    w = c[y]
    p[np.arange(6), y] -= 1
    ds = p * w[:, None] / w.sum()
    dW = X.T @ ds
    db = ds.sum(axis=0)
    dX = ds @ W.T
    return dX, dW, db


@subject(h=(2, 4, 3), W=(3, 5), y=np.array([[1, 4, 0, 0], [2, 2, 3, 0]]), mask=np.array([[1.0, 1, 0, 0], [1, 1, 1, 0]]))
def padded_sequence_loss(h, W, y, mask):
    s = h @ W
    logz = np.log(np.sum(np.exp(s), axis=2))
    chosen = np.sum(s * np.eye(5)[y], axis=2)
    return np.sum(mask * (logz - chosen)) / np.sum(mask)


@padded_sequence_loss.backward("""
ds = (p - np.eye(5)[y]) * mask[:, :, None] / mask.sum() => ds = (p - np.eye(5)[y]) / mask.sum() | mask | the mask is left out
ds = (p - np.eye(5)[y]) * mask[:, :, None] / mask.sum() => ds = (p - np.eye(5)[y]) * mask[:, :, None] / 8 | mean | all places for those that count
ds = (p - np.eye(5)[y]) * mask[:, :, None] / mask.sum() => ds = (p - np.eye(5)[y] * mask[:, :, None]) / mask.sum() | mask | the mask on the target alone | mask
ds = (p - np.eye(5)[y]) * mask[:, :, None] / mask.sum() => ds = (p * mask[:, :, None] - np.eye(5)[y]) / mask.sum() | mask | the mask on the probabilities alone | mask
ds = (p - np.eye(5)[y]) * mask[:, :, None] / mask.sum() => ds = (p - np.eye(5)[y]) * mask[:, :, None] / mask.sum(axis=1)[:, None, None] | mean | the length of each sequence | mean|sum|axis|row|length|count|sequence
ds = (p - np.eye(5)[y]) * mask[:, :, None] / mask.sum() => ds = (p - np.eye(5)[y]) * mask[:, :, None] | mean | not divided
dW = np.einsum("ntd,ntk->dk", h, ds) => dW = np.einsum("ntd,ntk->dk", h, ds) / 2 | mean | another mean over the batch
""")
def _(h, W, y, mask):
    p = np.exp(h @ W)
    p /= p.sum(axis=2, keepdims=True)
    ds = (p - np.eye(5)[y]) * mask[:, :, None] / mask.sum()
    dW = np.einsum("ntd,ntk->dk", h, ds)
    dh = ds @ W.T
    return dh, dW


@subject(u=(4, 3), v=(4, 3), scale=0.7)
def symmetric_contrast(u, v, scale):
    a = u / np.sqrt(np.sum(u * u, axis=1, keepdims=True))
    b = v / np.sqrt(np.sum(v * v, axis=1, keepdims=True))
    s = np.exp(scale) * a @ b.T
    rows = np.log(np.sum(np.exp(s), axis=1)) - np.diag(s)
    columns = np.log(np.sum(np.exp(s), axis=0)) - np.diag(s)
    return (np.mean(rows) + np.mean(columns)) / 2


@symmetric_contrast.backward("""
ds = (p + q - 2 * np.eye(4)) / 8 => ds = (p - np.eye(4)) / 8 | path | the columns' loss | columns|contribution|missing|left out|path
ds = (p + q - 2 * np.eye(4)) / 8 => ds = (p + p - 2 * np.eye(4)) / 8 | axis | the softmax of the rows twice | axis|columns|rows
ds = (p + q - 2 * np.eye(4)) / 8 => ds = (p + q - np.eye(4)) / 8 | factor | the diagonal once | diag|factor|half|contribution|missing
ds = (p + q - 2 * np.eye(4)) / 8 => ds = (p + q - 2 * np.eye(4)) / 4 | factor | the half of the mean of both
da = np.exp(scale) * ds @ b => da = ds @ b | factor | the scale is left out
da = np.exp(scale) * ds @ b => da = scale * ds @ b | array | the logarithm of the scale | scale|exp|instead|factor
da = np.exp(scale) * ds @ b => da = np.exp(scale) * ds @ v | array | v for its normalized form | instead|normal|before
du = (da - a * np.sum(a * da, axis=1, keepdims=True)) / nu => du = da / nu | constant | the norm is a constant | norm|constant|sqrt|contribution|sum
du = (da - a * np.sum(a * da, axis=1, keepdims=True)) / nu => du = da | path | the normalization is skipped | normal|skip|norm|factor|divi
du = (da - a * np.sum(a * da, axis=1, keepdims=True)) / nu => du = (da - a * np.sum(a * da, axis=1, keepdims=True)) | factor | not divided by the norm | norm|divi|sqrt|factor
dv = (db - b * np.sum(b * db, axis=1, keepdims=True)) / nv => dv = (db - v * np.sum(v * db, axis=1, keepdims=True)) / nv | array | v for its normalized form | instead|normal|factor|before|norm
db = np.exp(scale) * ds.T @ a => db = np.exp(scale) * ds @ a | transposed | the scores' gradient is not transposed
""")
def _(u, v, scale):
    nu, nv = np.sqrt((u * u).sum(axis=1, keepdims=True)), np.sqrt((v * v).sum(axis=1, keepdims=True))
    a, b = u / nu, v / nv
    s = np.exp(scale) * a @ b.T
    p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    q = np.exp(s) / np.exp(s).sum(axis=0, keepdims=True)
    ds = (p + q - 2 * np.eye(4)) / 8
    da = np.exp(scale) * ds @ b
    db = np.exp(scale) * ds.T @ a
    du = (da - a * np.sum(a * da, axis=1, keepdims=True)) / nu
    dv = (db - b * np.sum(b * db, axis=1, keepdims=True)) / nv
    return du, dv


@subject(x=(4, 3), Wm=(3, 2), Ws=(3, 2), V=(2, 3), noise=(4, 2), t=bits(4, 3), beta=0.5)
def bernoulli_autoencoder(x, Wm, Ws, V, noise, t, beta):
    mu = x @ Wm
    logvar = x @ Ws
    z = mu + np.exp(logvar / 2) * noise
    s = z @ V
    rec = np.sum(np.log(1 + np.exp(s)) - t * s)
    kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))
    return (rec + beta * kl) / 4


@bernoulli_autoencoder.backward("""
dmu = dz + beta * mu / 4 => dmu = dz | penalty | the divergence is forgotten in the mean | KL|contribution|kl|missing|left out|path
dmu = dz + beta * mu / 4 => dmu = dz + beta * mu | mean | no 1/N in the divergence
dmu = dz + beta * mu / 4 => dmu = dz + mu / 4 | factor | beta is forgotten
dmu = dz + beta * mu / 4 => dmu = dz - beta * mu / 4 | sign | the sign of the divergence
dlogvar = dz * noise * std / 2 + beta * (np.exp(logvar) - 1) / 8 => dlogvar = dz * noise / 2 + beta * (np.exp(logvar) - 1) / 8 | factor | the deviation is left out | exp|std|derivative|factor
dlogvar = dz * noise * std / 2 + beta * (np.exp(logvar) - 1) / 8 => dlogvar = dz * noise * std + beta * (np.exp(logvar) - 1) / 8 | factor | the half of exp(logvar / 2)
dlogvar = dz * noise * std / 2 + beta * (np.exp(logvar) - 1) / 8 => dlogvar = beta * (np.exp(logvar) - 1) / 8 | path | the way through the sample | contribution|sample|noise|missing|left out|path
dlogvar = dz * noise * std / 2 + beta * (np.exp(logvar) - 1) / 8 => dlogvar = dz * noise * std / 2 + beta * np.exp(logvar) / 8 | path | the -1 of the divergence | contribution|missing|left out|path|-1
dlogvar = dz * noise * std / 2 + beta * (np.exp(logvar) - 1) / 8 => dlogvar = dz * std / 2 + beta * (np.exp(logvar) - 1) / 8 | factor | the noise is left out
ds = (1 / (1 + np.exp(-s)) - t) / 4 => ds = (1 / (1 + np.exp(-s)) - t) / 12 | mean | all pixels
dmu = dz + beta * mu / 4 => dmu = dz - mu / 4 | factor | two mistakes: sign and beta | sign & beta|factor
""")
def _(x, Wm, Ws, V, noise, t, beta):
    mu, logvar = x @ Wm, x @ Ws
    std = np.exp(logvar / 2)
    z = mu + std * noise
    s = z @ V
    ds = (1 / (1 + np.exp(-s)) - t) / 4
    dV = z.T @ ds
    dz = ds @ V.T
    dmu = dz + beta * mu / 4
    dlogvar = dz * noise * std / 2 + beta * (np.exp(logvar) - 1) / 8
    dWm = x.T @ dmu
    dWs = x.T @ dlogvar
    dx = dmu @ Wm.T + dlogvar @ Ws.T
    return dx, dWm, dWs, dV


@subject(a=(5, 3), m=(5, 3), r=(5, 3), y=(5,))
def mixture_density(a, m, r, y):
    pi = np.exp(a) / np.sum(np.exp(a), axis=1, keepdims=True)
    sigma = np.exp(r)
    density = np.exp(-0.5 * ((y[:, None] - m) / sigma) ** 2) / sigma
    return -np.mean(np.log(np.sum(pi * density, axis=1)))


@mixture_density.backward("""
da = (pi - post) / 5 => da = (post - pi) / 5 | sign | the sign
da = (pi - post) / 5 => da = -post / 5 | diagonal | the mixture's softmax: its normalizer is left out | softmax|diagonal|contribution|sum|constant|denominator|missing
da = (pi - post) / 5 => da = pi - post | mean | no 1/N
dm = post * (m - y[:, None]) / sigma**2 / 5 => dm = post * (m - y[:, None]) / sigma / 5 | factor | sigma for its square | sigma|factor|power|square
dm = post * (m - y[:, None]) / sigma**2 / 5 => dm = pi * (m - y[:, None]) / sigma**2 / 5 | array | the prior for the posterior | pi|instead|density|factor
dm = post * (m - y[:, None]) / sigma**2 / 5 => dm = (m - y[:, None]) / sigma**2 / 5 | factor | the responsibilities are left out | log|sum|density|factor|softmax
dr = post * (1 - ((y[:, None] - m) / sigma) ** 2) / 5 => dr = -post * ((y[:, None] - m) / sigma) ** 2 / 5 | path | the normalizer of the density | contribution|sigma|missing|left out|path|constant
dr = post * (1 - ((y[:, None] - m) / sigma) ** 2) / 5 => dr = post / sigma * (1 - ((y[:, None] - m) / sigma) ** 2) / 5 | factor | the gradient of sigma for that of its logarithm | exp|sigma|derivative|factor
dr = post * (1 - ((y[:, None] - m) / sigma) ** 2) / 5 => dr = post * (1 - (y[:, None] - m) ** 2 / sigma) / 5 | factor | sigma for its square | sigma|factor|power|square
""")
def _(a, m, r, y):
    pi = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    sigma = np.exp(r)
    joint = pi * np.exp(-0.5 * ((y[:, None] - m) / sigma) ** 2) / sigma
    post = joint / joint.sum(axis=1, keepdims=True)
    da = (pi - post) / 5
    dm = post * (m - y[:, None]) / sigma**2 / 5
    dr = post * (1 - ((y[:, None] - m) / sigma) ** 2) / 5
    return da, dm, dr


@subject(X=(5, 4), W1=(4, 3), W2=(3, 2), b=(3,), Y=(5, 2), l1=0.05, l2=0.3)
def two_penalties(X, W1, W2, b, Y, l1, l2):
    h = np.maximum(0, X @ W1 + b)
    e = h @ W2 - Y
    return np.mean(np.sum(e * e, axis=1)) + l2 * np.sum(W1 * W1) + l1 * np.sum(np.abs(W2))


@two_penalties.backward("""
dW1 = X.T @ dz + 2 * l2 * W1 => dW1 = X.T @ dz + l2 * W1 | penalty | the 2 of the square
dW1 = X.T @ dz + 2 * l2 * W1 => dW1 = X.T @ dz | penalty | no penalty | penalt|contribution|missing|left out|l2
dW1 = X.T @ dz + 2 * l2 * W1 => dW1 = X.T @ dz + l1 * np.sign(W1) | penalty | the other penalty | l1|abs|sign|penalt|instead|other
dW1 = X.T @ dz + 2 * l2 * W1 => dW1 = X.T @ dz - 2 * l2 * W1 | sign | the sign of the penalty
dW1 = X.T @ dz + 2 * l2 * W1 => dW1 = X.T @ dz + 2 * W1 | factor | lambda is forgotten | l2|lambda|factor
dW2 = h.T @ de + l1 * np.sign(W2) => dW2 = h.T @ de + l1 * W2 | penalty | W2 for its sign | sign|instead|penalt|derivative
dW2 = h.T @ de + l1 * np.sign(W2) => dW2 = h.T @ de + 2 * l2 * W2 | penalty | the other penalty | l2|penalt|instead|other
dW2 = h.T @ de + l1 * np.sign(W2) => dW2 = h.T @ de + l1 * np.abs(W2) | penalty | the absolute value for its derivative | sign|abs|derivative|penalt
db = dz.sum(axis=0) => db = dz.sum(axis=0) + 2 * l2 * b | penalty | the bias is decayed too | penalt|l2|decay|b
de = 2 * e / 5 => de = 2 * e / 10 | mean | all elements for the rows
""")
def _(X, W1, W2, b, Y, l1, l2):
    z = X @ W1 + b
    h = np.maximum(0, z)
    e = h @ W2 - Y
    de = 2 * e / 5
    dW2 = h.T @ de + l1 * np.sign(W2)
    dz = (de @ W2.T) * (z > 0)
    dW1 = X.T @ dz + 2 * l2 * W1
    db = dz.sum(axis=0)
    return dW1, dW2, db


@subject(z=(5, 3), w=(5, 3))
def redundancy_reduction(z, w):
    a = (z - z.mean(axis=0)) / np.sqrt(((z - z.mean(axis=0)) ** 2).mean(axis=0))
    b = (w - w.mean(axis=0)) / np.sqrt(((w - w.mean(axis=0)) ** 2).mean(axis=0))
    c = a.T @ b / 5
    on = np.sum((np.diag(c) - 1) ** 2)
    off = np.sum((c * (1 - np.eye(3))) ** 2)
    return on + 0.1 * off


@redundancy_reduction.backward("""
dc = 2 * (c - np.eye(3)) * np.where(np.eye(3) == 1, 1, 0.1) => dc = 2 * (c - np.eye(3)) | factor | the weight of the other elements | 0\\.1|factor|weight
dc = 2 * (c - np.eye(3)) * np.where(np.eye(3) == 1, 1, 0.1) => dc = 2 * (c - np.eye(3)) * np.eye(3) | path | the other elements' loss | off|contribution|missing|path|left out|diagonal
da = b @ dc.T / 5 => da = b @ dc / 5 | transposed | not transposed
da = b @ dc.T / 5 => da = b @ dc.T | mean | no 1/N
dz = (da - da.mean(axis=0) - a * (da * a).mean(axis=0)) / sz => dz = (da - da.mean(axis=0)) / sz | constant | the deviation is a constant | sqrt|std|constant|contribution|mean|norm
dz = (da - da.mean(axis=0) - a * (da * a).mean(axis=0)) / sz => dz = (da - da.mean(axis=1, keepdims=True) - a * (da * a).mean(axis=0)) / sz | axis | one mean over the wrong axis
dz = (da - da.mean(axis=0) - a * (da * a).mean(axis=0)) / sz => dz = (da - da.mean(axis=0) - a * (da * a).mean(axis=0)) / sz**2 | factor | divided twice | sqrt|std|twice|divi|factor|power
""")
def _(z, w):
    sz, sw = z.std(axis=0), w.std(axis=0)
    a, b = (z - z.mean(axis=0)) / sz, (w - w.mean(axis=0)) / sw
    c = a.T @ b / 5
    dc = 2 * (c - np.eye(3)) * np.where(np.eye(3) == 1, 1, 0.1)
    da = b @ dc.T / 5
    dz = (da - da.mean(axis=0) - a * (da * a).mean(axis=0)) / sz
    return dz


@subject(logp=(6,), old=(6,), adv=(6,), eps=0.2)
def clipped_surrogate(logp, old, adv, eps):
    ratio = np.exp(logp - old)
    return -np.mean(np.minimum(ratio * adv, np.clip(ratio, 1 - eps, 1 + eps) * adv))


@clipped_surrogate.backward("""
dlogp = -np.where(active, ratio * adv, 0) / 6 => dlogp = -ratio * adv / 6 | mask | the clipping is left out | clip|minimum|mask
dlogp = -np.where(active, ratio * adv, 0) / 6 => dlogp = -np.where(active, adv, 0) / 6 | factor | the ratio is left out | ratio|exp|derivative|factor
dlogp = -np.where(active, ratio * adv, 0) / 6 => dlogp = -np.where(np.abs(ratio - 1) < eps, ratio * adv, 0) / 6 | mask | zero wherever the ratio is clipped, whatever the minimum | clip|minimum|mask|branch
dlogp = -np.where(active, ratio * adv, 0) / 6 => dlogp = -np.where(active, ratio, 0) / 6 | factor | the advantage is left out | adv
dlogp = -np.where(active, ratio * adv, 0) / 6 => dlogp = np.where(active, ratio * adv, 0) / 6 | sign | the sign
""")
def _(logp, old, adv, eps):
    ratio = np.exp(logp - old)
    clipped = np.clip(ratio, 1 - eps, 1 + eps)
    active = (ratio * adv <= clipped * adv) | (ratio == clipped)
    dlogp = -np.where(active, ratio * adv, 0) / 6
    return dlogp


@subject(x=(5, 4), w0=0.4, w=(4,), V=(4, 2), y=(5,))
def factorization_machine(x, w0, w, V, y):
    s = x @ V
    pairs = 0.5 * np.sum(s * s - (x * x) @ (V * V), axis=1)
    return np.mean((w0 + x @ w + pairs - y) ** 2)


@factorization_machine.backward("""
dV = x.T @ (d[:, None] * s) - (x * x).T @ d[:, None] * V => dV = x.T @ (d[:, None] * s) | path | the squares are left out | contribution|missing|path|left out
dV = x.T @ (d[:, None] * s) - (x * x).T @ d[:, None] * V => dV = x.T @ (d[:, None] * s) + (x * x).T @ d[:, None] * V | sign | the sign of the squares
dV = x.T @ (d[:, None] * s) - (x * x).T @ d[:, None] * V => dV = x.T @ (d[:, None] * s) - x.T @ d[:, None] * V | array | x for its square | x \\* x|square|instead|factor
dV = x.T @ (d[:, None] * s) - (x * x).T @ d[:, None] * V => dV = 2 * x.T @ (d[:, None] * s) - (x * x).T @ d[:, None] * V | factor | a 2 too many
dw = x.T @ d => dw = x.T @ d / 5 | mean | 1/N twice
dx = np.outer(d, w) + d[:, None] * (s @ V.T - x * np.sum(V * V, axis=1)) => dx = np.outer(d, w) | path | the pairs | contribution|pairs|missing|path|left out
dx = np.outer(d, w) + d[:, None] * (s @ V.T - x * np.sum(V * V, axis=1)) => dx = d[:, None] * (s @ V.T - x * np.sum(V * V, axis=1)) | path | the linear part | contribution|missing|path|left out|w
""")
def _(x, w0, w, V, y):
    s = x @ V
    pairs = 0.5 * np.sum(s * s - (x * x) @ (V * V), axis=1)
    d = 2 * (w0 + x @ w + pairs - y) / 5
    dw = x.T @ d
    dV = x.T @ (d[:, None] * s) - (x * x).T @ d[:, None] * V
    dx = np.outer(d, w) + d[:, None] * (s @ V.T - x * np.sum(V * V, axis=1))
    return dw, dV, dx


@subject(x=(4, 3), W=(3, 5), y=labels(4, 5))
def margin_classifier(x, W, y):
    xn = x / np.linalg.norm(x, axis=1, keepdims=True)
    Wn = W / np.linalg.norm(W, axis=0)
    s = 4 * (xn @ Wn - 0.2 * np.eye(5)[y])
    e = np.exp(s)
    p = e / e.sum(axis=1, keepdims=True)
    return -np.mean(np.log(np.sum(p * np.eye(5)[y], axis=1)))


@margin_classifier.backward("""
dc = 4 * (p - np.eye(5)[y]) / 4 => dc = (p - np.eye(5)[y]) / 4 | factor | the scale is left out
dWn = xn.T @ dc => dWn = x.T @ dc | array | x for its normalized form | instead|normal|before|norm
dW = (dWn - Wn * np.sum(dWn * Wn, axis=0)) / nW => dW = (dWn - Wn * np.sum(dWn * Wn, axis=1, keepdims=True)) / nW | axis | the sum over the wrong axis
dW = (dWn - Wn * np.sum(dWn * Wn, axis=0)) / nW => dW = dWn / nW | constant | the norm is a constant | norm|constant|sqrt|contribution
dx = (dxn - xn * np.sum(dxn * xn, axis=1, keepdims=True)) / nx => dx = (dxn - xn * np.sum(dxn * x, axis=1, keepdims=True)) / nx | array | x for its normalized form in the sum | instead|normal|norm|factor
dx = (dxn - xn * np.sum(dxn * xn, axis=1, keepdims=True)) / nx => dx = (dxn + xn * np.sum(dxn * xn, axis=1, keepdims=True)) / nx | sign | the sign of the norm's share
p = e / e.sum(axis=1, keepdims=True) => p = e / e.sum(axis=0, keepdims=True) | axis | softmax over the batch
p = e / e.sum(axis=1, keepdims=True) => s = s + 0.8 * np.eye(5)[y]; p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True) | other function | the margin is left out | margin|0\\.2|eye|without
""")
def _(x, W, y):
    nx, nW = np.sqrt((x * x).sum(axis=1, keepdims=True)), np.sqrt((W * W).sum(axis=0))
    xn, Wn = x / nx, W / nW
    s = 4 * (xn @ Wn - 0.2 * np.eye(5)[y])
    e = np.exp(s)
    p = e / e.sum(axis=1, keepdims=True)
    dc = 4 * (p - np.eye(5)[y]) / 4
    dWn = xn.T @ dc
    dxn = dc @ Wn.T
    dW = (dWn - Wn * np.sum(dWn * Wn, axis=0)) / nW
    dx = (dxn - xn * np.sum(dxn * xn, axis=1, keepdims=True)) / nx
    return dx, dW


@subject(img=(2, 2, 4, 4), w=(3, 2), V=(12, 2))
def pooled_rows(img, w, V):
    c = np.einsum("nchw,oc->nohw", img, w)
    r = np.maximum(c, 0)
    p = r.reshape(2, 3, 2, 2, 2, 2).max(axis=(3, 5))
    return p.reshape(2, 12) @ V


@pooled_rows.backward("""
hit = blocks == p[:, :, :, None, :, None] => hit = blocks == blocks.max(axis=3, keepdims=True) | axis | the maximum over one axis of the window only | axis|max|window
hit = blocks == p[:, :, :, None, :, None] => hit = blocks == blocks.max(axis=5, keepdims=True) | axis | the maximum over the other axis of the window only | axis|max|window
dc = dr * (c > 0) => dc = dr | mask | relu's mask
dr = (hit * dp[:, :, :, None, :, None]).reshape(2, 3, 4, 4) => dr = (np.ones_like(hit) * dp[:, :, :, None, :, None]).reshape(2, 3, 4, 4) / 4 | mask | average pooling for maximum pooling | max|average|mean|pool
dr = (hit * dp[:, :, :, None, :, None]).reshape(2, 3, 4, 4) => dr = (hit * dp[:, :, :, None, :, None]).transpose(0, 1, 2, 4, 3, 5).reshape(2, 3, 4, 4) | layout | the windows' axes in another order
dp = (dout @ V.T).reshape(2, 3, 2, 2) => dp = (dout @ V.T).reshape(2, 2, 2, 3).transpose(0, 3, 1, 2) | layout | channels last
""")
def _(dout, img, w, V):
    c = np.einsum("nchw,oc->nohw", img, w)
    r = np.maximum(c, 0)
    blocks = r.reshape(2, 3, 2, 2, 2, 2)
    p = blocks.max(axis=(3, 5))
    dV = p.reshape(2, 12).T @ dout
    dp = (dout @ V.T).reshape(2, 3, 2, 2)
    hit = blocks == p[:, :, :, None, :, None]
    dr = (hit * dp[:, :, :, None, :, None]).reshape(2, 3, 4, 4)
    dc = dr * (c > 0)
    dw = np.einsum("nohw,nchw->oc", dc, img)
    dimg = np.einsum("nohw,oc->nchw", dc, w)
    return dimg, dw, dV
