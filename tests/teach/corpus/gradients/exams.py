"""Functions that were written after the diagnosis, to measure it once: loops, index maps, losses, pairs of mistakes."""

from __future__ import annotations

import numpy as np

from ..subjects import labels, positive, subject


def logistic(a):
    return 1.0 / (1.0 + np.exp(-a))


@subject(words=np.array([1, 3, 1, 0]), E=(4, 3), A=(3, 3), B=(3, 3), C=(3, 2), label=np.array(1))
def sentiment_rnn(words, E, A, B, C, label):
    state = np.zeros(3)
    for word in words:
        state = np.tanh(E[word] @ A + state @ B)
    scores = state @ C
    scores = scores - scores.max()
    return np.log(np.exp(scores).sum()) - scores[label]


@sentiment_rnn.backward("""
dE[words[t]] += dpre @ A.T => dE[words[t]] = dpre @ A.T | scatter | a repeated word overwrites its row
dE[words[t]] += dpre @ A.T => dE[words[t]] += dpre @ B.T | array | B for A | `?B`?|instead
dE[words[t]] += dpre @ A.T => dE[words[t]] += dpre @ A | transposed | A is not transposed
dB += np.outer(states[t], dpre) => dB += np.outer(states[t + 1], dpre) | time | the new state for the old one | old|new|previous|next|pass|step
dB += np.outer(states[t], dpre) => dB += np.outer(dpre, states[t]) | transposed | the outer product is transposed
dA += np.outer(E[words[t]], dpre) => dA = np.outer(E[words[t]], dpre) | overwritten | dA is overwritten in each step
dstate = dpre @ B.T => dstate = dpre | path | the product with B is left out | B|product|as it is
dpre = dstate * (1 - states[t + 1] ** 2) => dpre = dstate * (1 - states[t + 1] ** 2) if t == 3 else dstate | derivative | the derivative of tanh only in the last step | tanh|derivative
p[label] -= 1 => p[label] = 1 | index | the target's probability is set to 1 | target|1|label
""")
def _(words, E, A, B, C, label):
    states = [np.zeros(3)]
    for word in words:
        states.append(np.tanh(E[word] @ A + states[-1] @ B))
    p = np.exp(states[-1] @ C)
    p = p / p.sum()
    p[label] -= 1
    dC = np.outer(states[-1], p)
    dstate = C @ p
    dE, dA, dB = np.zeros_like(E), np.zeros_like(A), np.zeros_like(B)
    for t in (3, 2, 1, 0):
        dpre = dstate * (1 - states[t + 1] ** 2)
        dE[words[t]] += dpre @ A.T
        dA += np.outer(E[words[t]], dpre)
        dB += np.outer(states[t], dpre)
        dstate = dpre @ B.T
    return dE, dA, dB, dC


@subject(x=(4, 2), W=(2, 8), R=(2, 8), b=(8,))
def lstm_in_one_matrix(x, W, R, b):
    h, c, total = np.zeros(2), np.zeros(2), 0.0
    for t in range(4):
        a = x[t] @ W + h @ R + b
        i = logistic(a[0:2])
        f = logistic(a[2:4])
        o = logistic(a[4:6])
        g = np.tanh(a[6:8])
        c = f * c + i * g
        h = o * np.tanh(c)
        total = total + np.sum(h**2)
    return total


@lstm_in_one_matrix.backward("""
dh = 2 * h + dh_next => dh = 2 * h | time | the state's gradient of the next step is forgotten
dh = 2 * h + dh_next => dh = h + dh_next | factor | the 2 of the square
dc = dc_next + dh * o * (1 - np.tanh(c) ** 2) => dc = dc_next + dh * o * (1 - np.tanh(c_old) ** 2) | time | the old cell in the derivative of tanh | old|previous|new|instead|pass|step
dc = dc_next + dh * o * (1 - np.tanh(c) ** 2) => dc = dc_next + dh * o | derivative | the derivative of tanh(c) is left out
dg = dc * i * (1 - g**2) => dg = dc * i * (1 - g) | derivative | 1 - g for 1 - g^2
da = np.concatenate([di, df, do, dg]) => da = np.concatenate([df, di, do, dg]) | index | i and f are exchanged | order|exchang|swap|instead|index
di = dc * g * i * (1 - i) => di = dc * g * (1 - i) | derivative | 1 - i for i (1 - i)
df = dc * c_old * f * (1 - f) => df = dc * f * f * (1 - f) | array | f for the old cell | instead|`?f`?|`?c`?
dR += np.outer(h_old, da) => dR += np.outer(h, da) | time | the new state for the old one | old|new|previous|next|pass|step
dc_next = dc * f => dc_next = dc | factor | the forget gate is left out on the way back | \\bf\\b
dc_next = dc * f => dc_next = dc * f * (1 - f) | derivative | the derivative of the sigmoid on the way back | sigmoid|1 - f|\\bf\\b
db += da => db = da | overwritten | db is overwritten in each step
""")
def _(x, W, R, b):
    h, c, saved = np.zeros(2), np.zeros(2), []
    for t in range(4):
        a = x[t] @ W + h @ R + b
        i, f, o, g = logistic(a[0:2]), logistic(a[2:4]), logistic(a[4:6]), np.tanh(a[6:8])
        h_old, c_old = h, c
        c = f * c + i * g
        h = o * np.tanh(c)
        saved.append((h_old, c_old, h, c, i, f, o, g))
    dW, dR, db = np.zeros_like(W), np.zeros_like(R), np.zeros_like(b)
    dh_next, dc_next = np.zeros(2), np.zeros(2)
    for t in (3, 2, 1, 0):
        h_old, c_old, h, c, i, f, o, g = saved[t]
        dh = 2 * h + dh_next
        dc = dc_next + dh * o * (1 - np.tanh(c) ** 2)
        di = dc * g * i * (1 - i)
        df = dc * c_old * f * (1 - f)
        do = dh * np.tanh(c) * o * (1 - o)
        dg = dc * i * (1 - g**2)
        da = np.concatenate([di, df, do, dg])
        dW += np.outer(x[t], da)
        dR += np.outer(h_old, da)
        db += da
        dh_next = R @ da
        dc_next = dc * f
    return dW, dR, db


@subject(x=(9,), k=(3,), b=(1,))
def dilated_convolution(x, k, b):
    y = np.zeros(5)
    for i in range(5):
        for j in range(3):
            y[i] += k[j] * x[i + 2 * j]
    return np.tanh(y + b)


@dilated_convolution.backward("""
dx[i + 2 * j] += d[i] * k[j] => dx[i + j] += d[i] * k[j] | index | the dilation is forgotten | index|dilat|stride|offset|off
dx[i + 2 * j] += d[i] * k[j] => dx[i + 2 * j] += d[i] * k[2 - j] | flip | the kernel is flipped
dx[i + 2 * j] += d[i] * k[j] => dx[i + 2 * j] = d[i] * k[j] | overwritten | contributions overwrite each other
dk[j] += d[i] * x[i + 2 * j] => dk[j] += d[i] * x[i + j] | index | the dilation is forgotten | index|dilat|stride|offset|off|instead|array
dk[j] += d[i] * x[i + 2 * j] => dk[j] = d[i] * x[i + 2 * j] | overwritten | only the last position
d = dout * (1 - out**2) => d = dout * (1 - out) ** 2 | derivative | (1 - y)^2 for 1 - y^2
db = np.array([d.sum()]) => db = np.array([d.mean()]) | mean | a mean over the positions
""")
def _(dout, x, k, b):
    y = np.zeros(5)
    for i in range(5):
        for j in range(3):
            y[i] += k[j] * x[i + 2 * j]
    out = np.tanh(y + b)
    d = dout * (1 - out**2)
    dx, dk = np.zeros_like(x), np.zeros_like(k)
    for i in range(5):
        for j in range(3):
            dx[i + 2 * j] += d[i] * k[j]
            dk[j] += d[i] * x[i + 2 * j]
    db = np.array([d.sum()])
    return dx, dk, db


@subject(x=(2, 3, 2, 2), W=(3, 4), b=(4,))
def pointwise_then_shuffle(x, W, b):
    n, c, h, w = x.shape
    rows = x.transpose(0, 2, 3, 1).reshape(-1, c)
    y = np.maximum(rows @ W + b, 0)
    return y.reshape(n, h, w, 2, 2).transpose(0, 3, 1, 4, 2).reshape(n, 2, 2 * h, w)


@pointwise_then_shuffle.backward("""
dy = dout.reshape(n, 2, h, 2, w).transpose(0, 2, 4, 1, 3).reshape(-1, 4) => dy = dout.reshape(n, 2, h, 2, w).reshape(-1, 4) | layout | the axes are not permuted back
dy = dout.reshape(n, 2, h, 2, w).transpose(0, 2, 4, 1, 3).reshape(-1, 4) => dy = dout.reshape(n, 2, h, 2, w).transpose(0, 2, 4, 3, 1).reshape(-1, 4) | layout | the channels are in another order
dx = drows.reshape(n, h, w, c).transpose(0, 3, 1, 2) => dx = drows.reshape(n, c, h, w) | layout | reshape for transpose
dx = drows.reshape(n, h, w, c).transpose(0, 3, 1, 2) => dx = drows.reshape(n, w, h, c).transpose(0, 3, 2, 1) | layout | height and width are exchanged | transpos|order|swap|dimension|laid|permut
da = dy * (y > 0) => da = dy | mask | the mask is left out
dW = rows.T @ da => dW = x.reshape(-1, c).T @ da | layout | reshape for transpose | order|reshape|instead|transpos
db = da.sum(axis=0) => db = da.sum(axis=0) / n | mean | divided by the number of images
""")
def _(dout, x, W, b):
    n, c, h, w = x.shape
    rows = x.transpose(0, 2, 3, 1).reshape(-1, c)
    y = np.maximum(rows @ W + b, 0)
    dy = dout.reshape(n, 2, h, 2, w).transpose(0, 2, 4, 1, 3).reshape(-1, 4)
    da = dy * (y > 0)
    dW = rows.T @ da
    db = da.sum(axis=0)
    drows = da @ W.T
    dx = drows.reshape(n, h, w, c).transpose(0, 3, 1, 2)
    return dx, dW, db


@subject(s=(4, 5), y=labels(4, 5), alpha=positive(5))
def weighted_cross_entropy(s, y, alpha):
    z = s - s.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    weights = alpha[y]
    return -np.sum(weights * logp[np.arange(4), y]) / np.sum(weights)


@weighted_cross_entropy.backward("""
ds = weights[:, None] * (p - one) / weights.sum() => ds = (p - one) / weights.sum() | factor | the weights are left out | weight
ds = weights[:, None] * (p - one) / weights.sum() => ds = weights[:, None] * (p - one) / len(y) | mean | divided by N, not by the sum of the weights
ds = weights[:, None] * (p - one) / weights.sum() => ds = weights[:, None] * (p - one) | mean | not divided | sum|divid|weight|mean|1/
ds = weights[:, None] * (p - one) / weights.sum() => ds = alpha * (p - one) / weights.sum() | index | the weights of the columns, not of the targets | alpha|weight|index|instead
ds = weights[:, None] * (p - one) / weights.sum() => ds = (weights[:, None] * p - one) / weights.sum() | factor | the weight is left out at the target | weight|target
np.add.at(dalpha, y, -(logp[np.arange(4), y] + loss) / weights.sum()) => np.add.at(dalpha, y, -logp[np.arange(4), y] / weights.sum()) | constant | the sum of the weights is a constant
np.add.at(dalpha, y, -(logp[np.arange(4), y] + loss) / weights.sum()) => np.add.at(dalpha, y, -(logp[np.arange(4), y] - loss) / weights.sum()) | sign | the sign of the normalization
""")
def _(s, y, alpha):
    z = s - s.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    p, one = np.exp(logp), np.eye(5)[y]
    weights = alpha[y]
    loss = -np.sum(weights * logp[np.arange(4), y]) / np.sum(weights)
    ds = weights[:, None] * (p - one) / weights.sum()
    dalpha = np.zeros_like(alpha)
    np.add.at(dalpha, y, -(logp[np.arange(4), y] + loss) / weights.sum())
    return ds, dalpha


@subject(x=(4, 3), W=(3, 5), g=positive(5), b=(5,), V=(5, 1), y=(4, 1))
def norm_in_the_middle(x, W, g, b, V, y):
    a = x @ W
    d = a - a.mean(axis=1, keepdims=True)
    s = np.sqrt((d**2).mean(axis=1, keepdims=True) + 1e-5)
    n = d / s
    z = n * g + b
    r = np.maximum(z, 0.1 * z)
    return np.sum((r @ V - y) ** 2) / len(y)


@norm_in_the_middle.backward("""
e = 2 * (r @ V - y) / len(y) => e = (r @ V - y) / len(y) | factor | the 2 of the square
dz = dr * np.where(z > 0, 1.0, 0.1) => dz = dr * (z > 0) | derivative | the slope 0.1 is left out | 0\\.1|slope|mask|maximum|branch|contribution
dz = dr * np.where(z > 0, 1.0, 0.1) => dz = dr * np.where(n > 0, 1.0, 0.1) | mask | the mask from n | `n`|mask|array
dn = dz * g => dn = dz | factor | g is left out | \\bg\\b
da = (dn - dn.mean(axis=1, keepdims=True) - n * (dn * n).mean(axis=1, keepdims=True)) / s => da = (dn - n * (dn * n).mean(axis=1, keepdims=True)) / s | constant | the mean is a constant
da = (dn - dn.mean(axis=1, keepdims=True) - n * (dn * n).mean(axis=1, keepdims=True)) / s => da = (dn - dn.mean(axis=1, keepdims=True) - d * (dn * n).mean(axis=1, keepdims=True)) / s | array | d for n | `d`|instead|mean
da = (dn - dn.mean(axis=1, keepdims=True) - n * (dn * n).mean(axis=1, keepdims=True)) / s => da = (dn - dn.mean(axis=1, keepdims=True) - n * (dn * n).sum(axis=1, keepdims=True)) / s | mean | a sum for a mean
dn = dz * g\\n    da = (dn - dn.mean(axis=1, keepdims=True) - n * (dn * n).mean(axis=1, keepdims=True)) / s => dn = dz * g\\n    da = -dn / s | constant | a sign, and mean and deviation are constants | sign|negat & constant
e = 2 * (r @ V - y) / len(y)\\n    dr = e @ V.T\\n    dz = dr * np.where(z > 0, 1.0, 0.1) => e = 2 * (r @ V - y)\\n    dr = e @ V.T\\n    dz = dr | derivative | not divided by N, and the derivative of the leaky rectifier is left out | 1/N|mean|number|4 & derivative|mask|maximum|left out|missing
dg = (dz * n).sum(axis=0) => dg = (dz * d).sum(axis=0) | array | d for n | `d`|instead
""")
def _(x, W, g, b, V, y):
    a = x @ W
    d = a - a.mean(axis=1, keepdims=True)
    s = np.sqrt((d**2).mean(axis=1, keepdims=True) + 1e-5)
    n = d / s
    z = n * g + b
    r = np.maximum(z, 0.1 * z)
    e = 2 * (r @ V - y) / len(y)
    dr = e @ V.T
    dz = dr * np.where(z > 0, 1.0, 0.1)
    dg = (dz * n).sum(axis=0)
    db = dz.sum(axis=0)
    dn = dz * g
    da = (dn - dn.mean(axis=1, keepdims=True) - n * (dn * n).mean(axis=1, keepdims=True)) / s
    dW = x.T @ da
    return dg, db, dW


@subject(q0=(2,), K=(2, 2), u=(4, 2))
def controlled_system(q0, K, u):
    q, cost = q0, 0.0
    for t in range(4):
        force = np.sin(q) + u[t]
        q = q + 0.1 * (force @ K)
        cost = cost + np.sum(q * q) + 0.5 * np.sum(u[t] ** 2)
    return cost


@controlled_system.backward("""
dq = dq + 2 * qs[t + 1] => dq = 2 * qs[t + 1] | time | the gradient of the later steps is forgotten
dq = dq + 2 * qs[t + 1] => dq = dq + 2 * qs[t] | time | the old state for the new one
dq = dq + 2 * qs[t + 1] => dq = dq + qs[t + 1] | factor | the 2 of the square
du[t] = dforce + u[t] => du[t] = dforce | penalty | the cost of the control is forgotten | u\\[t\\]|contribution|cost
du[t] = dforce + u[t] => du[t] = dforce + 0.5 * u[t] | factor | the 2 of the square | 2|half|0\\.5
dq = dq + dforce * np.cos(qs[t]) => dq = dforce * np.cos(qs[t]) | path | the direct way of the state is forgotten
dq = dq + dforce * np.cos(qs[t]) => dq = dq + dforce * np.sin(qs[t]) | derivative | sin for cos
dq = dq + dforce * np.cos(qs[t]) => dq = dq + dforce * np.cos(qs[t + 1]) | time | the new state in the cosine
dforce = 0.1 * dq @ K.T => dforce = dq @ K.T | factor | the step is left out | 0\\.1|10
dK += 0.1 * np.outer(np.sin(qs[t]) + u[t], dq) => dK += 0.1 * np.outer(np.sin(qs[t]), dq) | path | the control is left out | u\\[t\\]|instead|`?sin
dK += 0.1 * np.outer(np.sin(qs[t]) + u[t], dq) => dK = 0.1 * np.outer(np.sin(qs[t]) + u[t], dq) | overwritten | dK is overwritten in each step
""")
def _(q0, K, u):
    qs = [q0]
    for t in range(4):
        qs.append(qs[-1] + 0.1 * ((np.sin(qs[-1]) + u[t]) @ K))
    dq, dK, du = np.zeros(2), np.zeros_like(K), np.zeros_like(u)
    for t in (3, 2, 1, 0):
        dq = dq + 2 * qs[t + 1]
        dK += 0.1 * np.outer(np.sin(qs[t]) + u[t], dq)
        dforce = 0.1 * dq @ K.T
        du[t] = dforce + u[t]
        dq = dq + dforce * np.cos(qs[t])
    dq0 = dq
    return dq0, dK, du


@subject(anchor=(5, 3), other=(5, 3), same=np.array([1.0, 0.0, 1.0, 0.0, 0.0]))
def siamese_loss(anchor, other, same):
    distance = np.sqrt(((anchor - other) ** 2).sum(axis=1) + 1e-9)
    near = same * distance**2
    far = (1 - same) * np.maximum(0, 3 - distance) ** 2
    return np.mean(near + far) / 2


@siamese_loss.backward("""
dd = (same * distance - (1 - same) * np.maximum(0, 3 - distance)) / n => dd = same * distance / n | path | the different pairs are forgotten
dd = (same * distance - (1 - same) * np.maximum(0, 3 - distance)) / n => dd = (same * distance + (1 - same) * np.maximum(0, 3 - distance)) / n | sign | the sign of the margin
dd = (same * distance - (1 - same) * np.maximum(0, 3 - distance)) / n => dd = (same * distance - (1 - same) * (3 - distance)) / n | mask | the margin's mask is left out
dd = (same * distance - (1 - same) * np.maximum(0, 3 - distance)) / n => dd = 2 * (same * distance - (1 - same) * np.maximum(0, 3 - distance)) / n | factor | the 1/2 is missing
danchor = (dd / distance)[:, None] * (anchor - other) => danchor = dd[:, None] * (anchor - other) | factor | 1/distance is missing | distance|sqrt|root|derivative
danchor = (dd / distance)[:, None] * (anchor - other) => danchor = (dd / (2 * distance))[:, None] * (anchor - other) | factor | the 2 of the square is missing
dother = -danchor => dother = danchor | sign | the sign
""")
def _(anchor, other, same):
    n = len(same)
    distance = np.sqrt(((anchor - other) ** 2).sum(axis=1) + 1e-9)
    dd = (same * distance - (1 - same) * np.maximum(0, 3 - distance)) / n
    danchor = (dd / distance)[:, None] * (anchor - other)
    dother = -danchor
    return danchor, dother
