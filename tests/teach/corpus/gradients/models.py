"""Statistical and physical models: likelihoods, contrastive losses, mixtures, chains, simulations, kernels."""

from __future__ import annotations

import numpy as np

from ..subjects import distribution, labels, positive, signs, subject


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@subject(emit=(4, 3), trans=(3, 3))
def chain_partition(emit, trans):
    alpha = emit[0]
    for t in range(1, len(emit)):
        alpha = np.log(np.exp(alpha[:, None] + trans).sum(axis=0)) + emit[t]
    return np.log(np.exp(alpha).sum())


@chain_partition.backward("""
d = np.exp(a[-1]) / np.exp(a[-1]).sum() => d = np.ones(3) / 3 | derivative | the softmax at the end is forgotten | softmax|derivative|log|exp|missing|same for all|mean
d = np.exp(a[-1]) / np.exp(a[-1]).sum() => d = np.exp(a[-1]) | factor | not normalised | normali[sz]|sum|1/|log|factor|derivative
p = e / e.sum(axis=0) => p = e / e.sum(axis=1, keepdims=True) | axis | normalised along the other axis
p = e / e.sum(axis=0) => p = e / e.sum() | axis | normalised over the whole array | ax[ie]s|whole|everything|dim
demit[t] = d => demit[t] = d * emit[t] | factor | times the score
dtrans += p * d => dtrans += p * d[:, None] | axis | broadcast along the other axis | ax[ie]s|dim|transpos|broadcast|spread
dtrans += p * d => dtrans = p * d | overwritten | overwritten at each step
d = (p * d).sum(axis=1) => d = p.sum(axis=1) | upstream | the upstream gradient is forgotten
d = (p * d).sum(axis=1) => d = (p * d).sum(axis=0) | axis | summed over the other axis
d = (p * d).sum(axis=1) => d = p.T @ d | transposed | p is transposed
""")
def _(emit, trans):
    a = [emit[0]]
    for t in range(1, len(emit)):
        a.append(np.log(np.exp(a[-1][:, None] + trans).sum(axis=0)) + emit[t])
    demit, dtrans = np.zeros_like(emit), np.zeros_like(trans)
    d = np.exp(a[-1]) / np.exp(a[-1]).sum()
    for t in reversed(range(1, len(emit))):
        demit[t] = d
        e = np.exp(a[t - 1][:, None] + trans)
        p = e / e.sum(axis=0)
        dtrans += p * d
        d = (p * d).sum(axis=1)
    demit[0] = d
    return demit, dtrans


@subject(a=(4, 3), b=(4, 3), tau=0.7)
def info_nce(a, b, tau):
    u = a / np.sqrt((a**2).sum(axis=1, keepdims=True))
    v = b / np.sqrt((b**2).sum(axis=1, keepdims=True))
    s = u @ v.T / tau
    return (np.log(np.exp(s).sum(axis=1)) - np.diag(s)).mean()


@info_nce.backward("""
ds = (softmax(s) - np.eye(4)) / 4 => ds = softmax(s) / 4 | path | the positive pairs are forgotten | diag|target|missing|contribution|1 of|forgotten
ds = (softmax(s) - np.eye(4)) / 4 => ds = softmax(s) - np.eye(4) | mean | the 1/N is missing
ds = (softmax(s) - np.eye(4)) / 4 => ds = (softmax(s.T).T - np.eye(4)) / 4 | axis | the softmax along the other axis
ds = (softmax(s) - np.eye(4)) / 4 => ds = (sigmoid(s) - np.eye(4)) / 4 | other function | the sigmoid for the softmax | sigmoid|softmax|instead|probab
du = ds @ v / tau => du = ds @ v | factor | the temperature is forgotten | tau|temperat|factor|0\\.7|1\\.4
du = ds @ v / tau => du = ds @ u / tau | array | u for v
dv = ds.T @ u / tau => dv = ds @ u / tau | transposed | ds is not transposed
da = (du - u * (du * u).sum(axis=1, keepdims=True)) / na => da = du / na | constant | the norm is treated as a constant | & norm|sqrt
da = (du - u * (du * u).sum(axis=1, keepdims=True)) / na => da = (du - u * (du * u).sum()) / na | axis | a sum over everything
da = (du - u * (du * u).sum(axis=1, keepdims=True)) / na => da = (du - u * (du * u).sum(axis=1, keepdims=True)) / na**2 | factor | divided by the square of the norm | square|norm|power|factor|divid
da = (du - u * (du * u).sum(axis=1, keepdims=True)) / na => da = du - u * (du * u).sum(axis=1, keepdims=True) | factor | the norm is forgotten | norm|factor|divid|1/
""")
def _(a, b, tau):
    na, nb = np.sqrt((a**2).sum(axis=1, keepdims=True)), np.sqrt((b**2).sum(axis=1, keepdims=True))
    u, v = a / na, b / nb
    s = u @ v.T / tau
    ds = (softmax(s) - np.eye(4)) / 4
    du = ds @ v / tau
    dv = ds.T @ u / tau
    da = (du - u * (du * u).sum(axis=1, keepdims=True)) / na
    db = (dv - v * (dv * v).sum(axis=1, keepdims=True)) / nb
    return da, db


@subject(X=(5, 3), W=(3, 4), y=labels(5, 4))
def squared_hinge(X, W, y):
    s = X @ W
    m = np.maximum(0, s - s[np.arange(5), y][:, None] + 1)
    return ((m**2).sum() - 5) / 5 + 0.05 * (W**2).sum()


@squared_hinge.backward("""
ds = 2 * m / 5 => ds = m / 5 | factor | the 2 of the square
ds = 2 * m / 5 => ds = 2 * (m > 0) / 5 | array | the mask for the margin | mask|instead|derivative|square|computed
ds = 2 * m / 5 => ds = 2 * m | mean | the 1/N is missing
ds[np.arange(5), y] -= ds.sum(axis=1) => ds[np.arange(5), y] = 0 | path | the target's score gets no gradient
ds[np.arange(5), y] -= ds.sum(axis=1) => ds[np.arange(5), y] += ds.sum(axis=1) | sign | the wrong sign
ds[np.arange(5), y] -= ds.sum(axis=1) => ds[np.arange(5), y] -= ds.sum(axis=0)[y] | axis | summed over the examples | ax[ie]s|dim|sum
ds[np.arange(5), y] -= ds.sum(axis=1) => ds[np.arange(5), (y + 1) % 4] -= ds.sum(axis=1) | index | the class after the target
dW = X.T @ ds + 0.1 * W => dW = X.T @ ds | penalty | the penalty is forgotten
dW = X.T @ ds + 0.1 * W => dW = X.T @ ds + 0.05 * W | penalty | the penalty lacks its 2 | + factor|half|small
""")
def _(X, W, y):
    s = X @ W
    m = np.maximum(0, s - s[np.arange(5), y][:, None] + 1)
    ds = 2 * m / 5
    ds[np.arange(5), y] -= ds.sum(axis=1)
    dX = ds @ W.T
    dW = X.T @ ds + 0.1 * W
    return dX, dW


@subject(X=(6, 3), w=(3,), t=(6,), delta=0.8)
def pseudo_huber(X, w, t, delta):
    r = X @ w - t
    return delta**2 * (np.sqrt(1 + (r / delta) ** 2) - 1).mean()


@pseudo_huber.backward("""
dr = r / np.sqrt(1 + (r / delta) ** 2) / 6 => dr = r / 6 | derivative | the square loss's derivative | derivative|factor|instead|without|missing|square
dr = r / np.sqrt(1 + (r / delta) ** 2) / 6 => dr = np.clip(r, -delta, delta) / 6 | other function | the derivative of Huber's own loss | clip|derivative|huber|instead|min|max
dr = r / np.sqrt(1 + (r / delta) ** 2) / 6 => dr = r / (1 + (r / delta) ** 2) / 6 | derivative | the root is forgotten | root|sqrt|derivative|power
dr = r / np.sqrt(1 + (r / delta) ** 2) / 6 => dr = delta * r / np.sqrt(1 + (r / delta) ** 2) / 6 | factor | a delta too many | delta|factor|0\\.8
dr = r / np.sqrt(1 + (r / delta) ** 2) / 6 => dr = np.sign(r) / np.sqrt(1 + (r / delta) ** 2) / 6 | array | the sign of r for r | sign\\(|instead|derivative
dw = X.T @ dr => dw = X.T @ dr / 3 | mean | divided by the number of features too
dX = np.outer(dr, w) => dX = np.outer(w, dr).reshape(6, 3) | layout | the transpose, reshaped
""")
def _(X, w, t, delta):
    r = X @ w - t
    dr = r / np.sqrt(1 + (r / delta) ** 2) / 6
    dw = X.T @ dr
    dX = np.outer(dr, w)
    return dX, dw


@subject(x=(5, 2), mu=(3, 2), logpi=(3,), logs=(3,))
def gaussian_mixture(x, mu, logpi, logs):
    d2 = ((x[:, None, :] - mu) ** 2).sum(axis=2)
    ll = logpi - np.log(np.exp(logpi).sum()) - 0.5 * d2 * np.exp(-2 * logs) - 2 * logs
    return -np.log(np.exp(ll).sum(axis=1)).mean()


@gaussian_mixture.backward("""
r = softmax(ll) => r = np.exp(ll) | factor | the responsibilities are not normalised | normali[sz]|sum|1/|log|probab|softmax
r = softmax(ll) => r = np.exp(ll) / np.exp(ll).sum(axis=0) | axis | normalised over the points | ax[ie]s|dim|normali[sz]
g = -r / 5 => g = -r | mean | the 1/N is missing
dmu = (g[:, :, None] * diff * inv[:, None]).sum(axis=0) => dmu = (g[:, :, None] * diff * inv[:, None]).mean(axis=0) | mean | a mean for the sum
dmu = (g[:, :, None] * diff * inv[:, None]).sum(axis=0) => dmu = (g[:, :, None] * diff).sum(axis=0) | factor | the precision is forgotten | exp|logs|factor|precision|varian
dmu = (g[:, :, None] * diff * inv[:, None]).sum(axis=0) => dmu = -(g[:, :, None] * diff * inv[:, None]).sum(axis=0) | sign | the wrong sign
dlogs = (g * (d2 * inv - 2)).sum(axis=0) => dlogs = (g * d2 * inv).sum(axis=0) | path | the term of the normalising constant is forgotten
dlogs = (g * (d2 * inv - 2)).sum(axis=0) => dlogs = (g * (0.5 * d2 * inv - 2)).sum(axis=0) | factor | the 2 of the exponent is forgotten
dlogs = (g * (d2 * inv - 2)).sum(axis=0) => dlogs = (g * (d2 * np.exp(-logs) - 2)).sum(axis=0) | array | the deviation for the variance
dlogpi = g.sum(axis=0) - g.sum() * softmax(logpi) => dlogpi = g.sum(axis=0) | constant | the normalisation of the weights is treated as a constant
""")
def _(x, mu, logpi, logs):
    diff = x[:, None, :] - mu
    d2 = (diff**2).sum(axis=2)
    inv = np.exp(-2 * logs)
    ll = logpi - np.log(np.exp(logpi).sum()) - 0.5 * d2 * inv - 2 * logs
    r = softmax(ll)
    g = -r / 5
    dmu = (g[:, :, None] * diff * inv[:, None]).sum(axis=0)
    dlogs = (g * (d2 * inv - 2)).sum(axis=0)
    dlogpi = g.sum(axis=0) - g.sum() * softmax(logpi)
    return dmu, dlogpi, dlogs


@subject(p=positive(2), s=(2,), data=(6,), dt=0.2)
def damped_spring(p, s, data, dt):
    x, v, loss = s[0], s[1], 0.0
    for t in range(6):
        v = v + dt * (-p[0] * x - p[1] * v)
        x = x + dt * v
        loss = loss + (x - data[t]) ** 2
    return loss / 6


@damped_spring.backward("""
dx = dx + 2 * (xs[t + 1] - data[t]) / 6 => dx = 2 * (xs[t + 1] - data[t]) / 6 | time | the gradient from later steps is lost
dx = dx + 2 * (xs[t + 1] - data[t]) / 6 => dx = dx + 2 * (xs[t] - data[t]) / 6 | time | the old position for the new one | old|new|previous|instead|step|pass|\\bx\\b
dx = dx + 2 * (xs[t + 1] - data[t]) / 6 => dx = dx + 2 * (xs[t + 1] - data[t]) | mean | the 1/N is missing
dv = dv + dt * dx => dv = dt * dx | time | the velocity's gradient from later steps is lost
dv = dv + dt * dx => dv = dv + dx | factor | dt is forgotten | dt|factor|0\\.2|times
dk -= dt * dv * xs[t] => dk -= dt * dv * xs[t + 1] | time | the new position for the old one | old|new|next|instead|step|pass
dk -= dt * dv * xs[t] => dk += dt * dv * xs[t] | sign | the wrong sign
dc -= dt * dv * vs[t] => dc = -dt * dv * vs[t] | overwritten | only the first step's contribution is left | overwr|\\+=|add|accum|first|last|left|missing
dx = dx - dt * p[0] * dv => dx = dx | path | the force is treated as a constant
dv = dv - dt * p[1] * dv => dv = -dt * p[1] * dv | path | the identity in v + dt a is forgotten
""")
def _(p, s, data, dt):
    xs, vs = [s[0]], [s[1]]
    for _ in range(6):
        vs.append(vs[-1] + dt * (-p[0] * xs[-1] - p[1] * vs[-1]))
        xs.append(xs[-1] + dt * vs[-1])
    dk = dc = dx = dv = 0.0
    for t in reversed(range(6)):
        dx = dx + 2 * (xs[t + 1] - data[t]) / 6
        dv = dv + dt * dx
        dk -= dt * dv * xs[t]
        dc -= dt * dv * vs[t]
        dx = dx - dt * p[0] * dv
        dv = dv - dt * p[1] * dv
    dp, ds = np.array([dk, dc]), np.array([dx, dv])
    return dp, ds


@subject(h=(3, 2), W=(2, 2), b=(2,), dt=0.3)
def midpoint_ode(h, W, b, dt):
    for _ in range(3):
        k1 = np.tanh(h @ W + b)
        mid = h + dt / 2 * k1
        k2 = np.tanh(mid @ W + b)
        h = h + dt * k2
    return h


@midpoint_ode.backward("""
da2 = dt * dh * (1 - k2**2) => da2 = dh * (1 - k2**2) | factor | dt is forgotten | dt|factor|0\\.3|times
da2 = dt * dh * (1 - k2**2) => da2 = dt * dh * (1 - k1**2) | array | k1 for k2
dmid = da2 @ W.T => dmid = da2 @ W | transposed | W is not transposed
da1 = dt / 2 * dmid * (1 - k1**2) => da1 = dt * dmid * (1 - k1**2) | factor | the half of the step is forgotten
da1 = dt / 2 * dmid * (1 - k1**2) => da1 = dt / 2 * dmid * (1 - k1) | derivative | 1 - y for 1 - y**2
dW += mid.T @ da2 + h.T @ da1 => dW += mid.T @ da2 | path | the first slope's contribution is forgotten
dW += mid.T @ da2 + h.T @ da1 => dW += h.T @ da2 + h.T @ da1 | array | h for the midpoint
dh = dh + dmid + da1 @ W.T => dh = dh + dmid | path | the way through k1 is forgotten
dh = dh + dmid + da1 @ W.T => dh = dmid + da1 @ W.T | path | the identity in h + dt k is forgotten
dh = dh + dmid + da1 @ W.T => dh = dh + da1 @ W.T | path | the direct way into the midpoint is forgotten
""")
def _(dout, h, W, b, dt):
    saved = []
    for _ in range(3):
        k1 = np.tanh(h @ W + b)
        mid = h + dt / 2 * k1
        k2 = np.tanh(mid @ W + b)
        saved.append((h, k1, mid, k2))
        h = h + dt * k2
    dW, db, dh = np.zeros_like(W), np.zeros_like(b), dout
    for h, k1, mid, k2 in reversed(saved):
        da2 = dt * dh * (1 - k2**2)
        dmid = da2 @ W.T
        da1 = dt / 2 * dmid * (1 - k1**2)
        dW += mid.T @ da2 + h.T @ da1
        db += (da1 + da2).sum(axis=0)
        dh = dh + dmid + da1 @ W.T
    return dh, dW, db


@subject(x=(5, 3), mu=(3,), L=(3, 3))
def gaussian_likelihood(x, mu, L):
    z = (x - mu) @ L
    return 0.5 * (z**2).sum(axis=1).mean() - np.log(np.abs(np.diag(L))).sum()


@gaussian_likelihood.backward("""
dL = (x - mu).T @ dz - np.diag(1 / np.diag(L)) => dL = (x - mu).T @ dz | path | the term of the determinant is forgotten
dL = (x - mu).T @ dz - np.diag(1 / np.diag(L)) => dL = (x - mu).T @ dz - 1 / L | diagonal | the reciprocal of all elements, not of the diagonal | diag|all|elsewhere|index|1 ?/
dL = (x - mu).T @ dz - np.diag(1 / np.diag(L)) => dL = (x - mu).T @ dz + np.diag(1 / np.diag(L)) | sign | the wrong sign
dL = (x - mu).T @ dz - np.diag(1 / np.diag(L)) => dL = x.T @ dz - np.diag(1 / np.diag(L)) | array | x, not centred
dL = (x - mu).T @ dz - np.diag(1 / np.diag(L)) => dL = (x - mu).T @ dz - np.diag(np.log(np.abs(np.diag(L)))) | derivative | the logarithm itself for its derivative
dmu = -(dz @ L.T).sum(axis=0) => dmu = -(dz @ L).sum(axis=0) | transposed | L is not transposed
dmu = -(dz @ L.T).sum(axis=0) => dmu = (dz @ L.T).sum(axis=0) | sign | the wrong sign
dmu = -(dz @ L.T).sum(axis=0) => dmu = -(dz @ L.T) | not summed | the examples are not summed | sum|shape
dz = z / 5 => dz = z / 15 | mean | a mean over all elements
dz = z / 5 => dz = 2 * z / 5 | factor | the half of the square is forgotten
""")
def _(x, mu, L):
    z = (x - mu) @ L
    dz = z / 5
    dmu = -(dz @ L.T).sum(axis=0)
    dL = (x - mu).T @ dz - np.diag(1 / np.diag(L))
    return dmu, dL


@subject(U=(5, 3), V=(6, 3), centre=labels(4, 5), context=labels(4, 6), noise=lambda rng: rng.integers(0, 6, (4, 2)))
def skip_gram(U, V, centre, context, noise):
    u = U[centre]
    good = (u * V[context]).sum(axis=1)
    bad = (u[:, None, :] * V[noise]).sum(axis=2)
    return -np.log(sigmoid(good)).sum() - np.log(sigmoid(-bad)).sum()


@skip_gram.backward("""
dgood = sigmoid(good) - 1 => dgood = sigmoid(good) | path | the 1 of the positive pair is forgotten | 1|contribution|missing|derivative|sign
dgood = sigmoid(good) - 1 => dgood = 1 - sigmoid(good) | sign | the wrong sign
dbad = sigmoid(bad) => dbad = sigmoid(-bad) | sign | the sigmoid of -bad | sign|negat|sigmoid|derivative
dbad = sigmoid(bad) => dbad = bad | derivative | the score itself
np.add.at(dV, noise, dbad[:, :, None] * u[:, None, :]) => dV[noise] += dbad[:, :, None] * u[:, None, :] | scatter | a repeated word is added once
np.add.at(dV, context, dgood[:, None] * u) => np.add.at(dV, centre, dgood[:, None] * u) | index | the rows of the centre word
np.add.at(dV, context, dgood[:, None] * u) => np.add.at(dV, context, dgood[:, None] * V[context]) | array | V for u
du = dgood[:, None] * V[context] + (dbad[:, :, None] * V[noise]).sum(axis=1) => du = dgood[:, None] * V[context] | path | the noise is forgotten
du = dgood[:, None] * V[context] + (dbad[:, :, None] * V[noise]).sum(axis=1) => du = dgood[:, None] * V[context] + (dbad[:, :, None] * V[noise]).mean(axis=1) | mean | a mean over the noise
np.add.at(dU, centre, du) => np.add.at(dU, centre, du / 4) | mean | a mean where the loss is a sum
""")
def _(U, V, centre, context, noise):
    u = U[centre]
    good = (u * V[context]).sum(axis=1)
    bad = (u[:, None, :] * V[noise]).sum(axis=2)
    dgood = sigmoid(good) - 1
    dbad = sigmoid(bad)
    dU, dV = np.zeros_like(U), np.zeros_like(V)
    np.add.at(dV, context, dgood[:, None] * u)
    np.add.at(dV, noise, dbad[:, :, None] * u[:, None, :])
    du = dgood[:, None] * V[context] + (dbad[:, :, None] * V[noise]).sum(axis=1)
    np.add.at(dU, centre, du)
    return dU, dV


@subject(x=(4, 3), We=(3, 4), Wd=(2, 3), noise=(4, 2), beta=0.5)
def variational_autoencoder(x, We, Wd, noise, beta):
    h = x @ We
    mu, logvar = h[:, :2], h[:, 2:]
    z = mu + np.exp(0.5 * logvar) * noise
    out = sigmoid(z @ Wd)
    fit = ((out - x) ** 2).sum()
    kl = -0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum()
    return (fit + beta * kl) / len(x)


@variational_autoencoder.backward("""
dout = 2 * (out - x) / 4 => dout = (out - x) / 4 | factor | the 2 of the square
da = dout * out * (1 - out) => da = dout | derivative | the sigmoid is left out | sigmoid|derivative|missing
da = dout * out * (1 - out) => da = dout * (1 - out**2) | derivative | tanh's derivative for the sigmoid's
dmu = dz + beta * mu / 4 => dmu = dz | path | the KL term is forgotten | missing|contribution|constant|mu\\*\\*2|KL|beta|off by
dmu = dz + beta * mu / 4 => dmu = dz + mu / 4 | factor | beta is forgotten | beta|factor|0\\.5|twice|2
dmu = dz + beta * mu / 4 => dmu = dz + beta * 2 * mu / 4 | factor | the half of the KL is forgotten | factor|2|twice|half|0\\.5
dlogvar = dz * noise * 0.5 * s + beta * 0.5 * (s**2 - 1) / 4 => dlogvar = dz * noise * s + beta * 0.5 * (s**2 - 1) / 4 | factor | the half of the exponent is forgotten
dlogvar = dz * noise * 0.5 * s + beta * 0.5 * (s**2 - 1) / 4 => dlogvar = dz * noise * 0.5 + beta * 0.5 * (s**2 - 1) / 4 | derivative | the exponential is left out | exp|derivative|factor|missing
dlogvar = dz * noise * 0.5 * s + beta * 0.5 * (s**2 - 1) / 4 => dlogvar = dz * 0.5 * s + beta * 0.5 * (s**2 - 1) / 4 | factor | the noise is forgotten | noise|factor
dlogvar = dz * noise * 0.5 * s + beta * 0.5 * (s**2 - 1) / 4 => dlogvar = dz * noise * 0.5 * s + beta * 0.5 * (1 - s**2) / 4 | sign | the sign of the KL term
dlogvar = dz * noise * 0.5 * s + beta * 0.5 * (s**2 - 1) / 4 => dlogvar = dz * noise * 0.5 * s + beta * 0.5 * (s - 1) / 4 | array | the deviation for the variance | instead|derivative|sqrt|0\\.5|computed|exp|term
dh = np.hstack([dmu, dlogvar]) => dh = np.hstack([dlogvar, dmu]) | index | the halves are exchanged | order|exchang|swap|other part|half|index
""")
def _(x, We, Wd, noise, beta):
    h = x @ We
    mu, logvar = h[:, :2], h[:, 2:]
    s = np.exp(0.5 * logvar)
    z = mu + s * noise
    out = sigmoid(z @ Wd)
    dout = 2 * (out - x) / 4
    da = dout * out * (1 - out)
    dWd = z.T @ da
    dz = da @ Wd.T
    dmu = dz + beta * mu / 4
    dlogvar = dz * noise * 0.5 * s + beta * 0.5 * (s**2 - 1) / 4
    dh = np.hstack([dmu, dlogvar])
    dWe = x.T @ dh
    return dWe, dWd


@subject(z=(4, 3), teacher=distribution(4, 3), y=labels(4, 3), T=3.0)
def distillation(z, teacher, y, T):
    soft = z / T
    logq = soft - np.log(np.exp(soft).sum(axis=1, keepdims=True))
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -T * T * (teacher * logq).sum(axis=1).mean() - logp[np.arange(4), y].mean()


@distillation.backward("""
d1 = T * (softmax(z / T) - teacher) => d1 = T * T * (softmax(z / T) - teacher) | factor | the 1/T of the scores is forgotten
d1 = T * (softmax(z / T) - teacher) => d1 = T * (softmax(z) - teacher) | array | the softmax without the temperature | temperat|\\bT\\b|softmax|instead|scores|probab
d1 = T * (softmax(z / T) - teacher) => d1 = T * softmax(z / T) | path | the teacher is forgotten | teacher|missing|contribution
d1 = T * (softmax(z / T) - teacher) => d1 = T * (teacher - softmax(z / T)) | sign | the wrong sign
d2 = softmax(z) - np.eye(3)[y] => d2 = softmax(z) | path | the 1 of the target is not subtracted | target|1|missing|contribution
d2 = softmax(z) - np.eye(3)[y] => d2 = softmax(z / T) - np.eye(3)[y] | array | the softmax with the temperature
d2 = softmax(z) - np.eye(3)[y] => d2 = softmax(z.T).T - np.eye(3)[y] | axis | the softmax along the other axis
dz = (d1 + d2) / 4 => dz = d1 + d2 / 4 | mean | only one of the two is a mean
dz = (d1 + d2) / 4 => dz = d1 / 4 | path | the second loss is forgotten
""")
def _(z, teacher, y, T):
    d1 = T * (softmax(z / T) - teacher)
    d2 = softmax(z) - np.eye(3)[y]
    dz = (d1 + d2) / 4
    return dz


@subject(x=(6, 3), w=(3,), V=(3, 2), y=signs(6))
def factorisation_machine(x, w, V, y):
    linear = x @ w
    pair = 0.5 * ((x @ V) ** 2 - x**2 @ V**2).sum(axis=1)
    return np.log(1 + np.exp(-y * (linear + pair))).mean()


@factorisation_machine.backward("""
ds = -y * sigmoid(-y * s) / 6 => ds = -y * sigmoid(y * s) / 6 | sign | the sigmoid of the wrong sign | sign|negat|sigmoid|exp|derivative
ds = -y * sigmoid(-y * s) / 6 => ds = -sigmoid(-y * s) / 6 | factor | y is forgotten
dV = x.T @ (ds[:, None] * (x @ V)) - (x**2).T @ ds[:, None] * V => dV = x.T @ (ds[:, None] * (x @ V)) | path | the squares are not subtracted
dV = x.T @ (ds[:, None] * (x @ V)) - (x**2).T @ ds[:, None] * V => dV = x.T @ (ds[:, None] * (x @ V)) - x.T @ ds[:, None] * V | array | x for its square | square|instead|\\bx\\b
dV = x.T @ (ds[:, None] * (x @ V)) - (x**2).T @ ds[:, None] * V => dV = x.T @ (ds[:, None] * (x @ V)) + (x**2).T @ ds[:, None] * V | sign | plus for minus
dV = x.T @ (ds[:, None] * (x @ V)) - (x**2).T @ ds[:, None] * V => dV = 2 * x.T @ (ds[:, None] * (x @ V)) - 2 * (x**2).T @ ds[:, None] * V | factor | the half is forgotten
dx = ds[:, None] * (w + (x @ V) @ V.T - x * (V**2).sum(axis=1)) => dx = ds[:, None] * (w + (x @ V) @ V.T) | path | the squares are not subtracted
dx = ds[:, None] * (w + (x @ V) @ V.T - x * (V**2).sum(axis=1)) => dx = ds[:, None] * ((x @ V) @ V.T - x * (V**2).sum(axis=1)) | path | the linear part is forgotten
dx = ds[:, None] * (w + (x @ V) @ V.T - x * (V**2).sum(axis=1)) => dx = ds[:, None] * (w + (x @ V) @ V.T - (V**2).sum(axis=1)) | factor | x is forgotten
""")
def _(x, w, V, y):
    s = x @ w + 0.5 * ((x @ V) ** 2 - x**2 @ V**2).sum(axis=1)
    ds = -y * sigmoid(-y * s) / 6
    dw = x.T @ ds
    dV = x.T @ (ds[:, None] * (x @ V)) - (x**2).T @ ds[:, None] * V
    dx = ds[:, None] * (w + (x @ V) @ V.T - x * (V**2).sum(axis=1))
    return dx, dw, dV


@subject(x=(4, 2), c=(3, 2), a=(3,), gamma=0.4)
def rbf_regression(x, c, a, gamma):
    d = x[:, None, :] - c[None, :, :]
    k = np.exp(-gamma * (d**2).sum(axis=2))
    return k @ a


@rbf_regression.backward("""
dd = -2 * gamma * (dk * k)[:, :, None] * d => dd = -2 * gamma * dk[:, :, None] * d | derivative | the exponential is left out | exp|derivative|factor|missing|\\bk\\b
dd = -2 * gamma * (dk * k)[:, :, None] * d => dd = -gamma * (dk * k)[:, :, None] * d | factor | the 2 of the square
dd = -2 * gamma * (dk * k)[:, :, None] * d => dd = -2 * (dk * k)[:, :, None] * d | factor | gamma is forgotten | gamma|0\\.4|factor|times
dd = -2 * gamma * (dk * k)[:, :, None] * d => dd = -2 * gamma * (dk * k)[:, :, None] * np.sign(d) | array | the sign of the difference | sign\\(|instead|derivative|abs
dx = dd.sum(axis=1) => dx = dd.sum(axis=0)[[0, 1, 2, 0]] | axis | summed over the points
dx = dd.sum(axis=1) => dx = dd.mean(axis=1) | mean | a mean over the centres
dc = -dd.sum(axis=0) => dc = dd.sum(axis=0) | sign | the wrong sign
dc = -dd.sum(axis=0) => dc = -dd[-1] | overwritten | only the last point's contribution | overwr|last|add|sum|\\+=
da = k.T @ dout => da = (k**2).T @ dout | array | the square of the kernel | square|instead|\\*\\*
""")
def _(dout, x, c, a, gamma):
    d = x[:, None, :] - c[None, :, :]
    k = np.exp(-gamma * (d**2).sum(axis=2))
    da = k.T @ dout
    dk = np.outer(dout, a)
    dd = -2 * gamma * (dk * k)[:, :, None] * d
    dx = dd.sum(axis=1)
    dc = -dd.sum(axis=0)
    return dx, dc, da
