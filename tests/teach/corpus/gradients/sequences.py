"""Recurrent networks and attention."""

from __future__ import annotations

import numpy as np

from ..subjects import labels, subject


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@subject(x=(5, 3), h0=(4,), Wx=(3, 4), Wh=(4, 4), b=(4,))
def rnn(x, h0, Wx, Wh, b):
    h, states = h0, []
    for t in range(len(x)):
        h = np.tanh(x[t] @ Wx + h @ Wh + b)
        states.append(h)
    return np.stack(states)


@rnn.backward("""
dh = dout[t] + dnext => dh = dout[t] | time | the gradient from the next time step is forgotten
dh = dout[t] + dnext => dh = dnext + (dout[t] if t == T - 1 else 0) | time | the upstream gradient of the last step alone | last|step|upstream|output|time|state|contribution
da = dh * (1 - hs[t + 1] ** 2) => da = dh * (1 - hs[t] ** 2) | time | the old state for the new one in tanh's derivative | old|previous|before|state|time|instead|new|step
da = dh * (1 - hs[t + 1] ** 2) => da = dh | derivative | the derivative of tanh is forgotten | tanh|derivative
da = dh * (1 - hs[t + 1] ** 2) => da = dh * hs[t + 1] * (1 - hs[t + 1]) | derivative | the derivative of the sigmoid | sigmoid|derivative
dWh += np.outer(hs[t], da) => dWh += np.outer(hs[t + 1], da) | time | the new state for the old one | new|previous|old|state|time|instead|step|before|after
dWh += np.outer(hs[t], da) => dWh = np.outer(hs[t], da) | overwritten | dWh is overwritten at each step | overwr|\\+=|add|accum|first|time|step|contribution
dWx += np.outer(x[t], da) => dWx += np.outer(x[t], dh) | array | the gradient before tanh's derivative | tanh|derivative|before|after|instead
dnext = da @ Wh.T => dnext = da @ Wh | transposed | Wh is not transposed
dnext = da @ Wh.T => dnext = dh @ Wh.T | derivative | the derivative of tanh is left out on the way back in time | tanh|derivative|time
db += da => db += da / T | mean | a mean over time
for t in reversed(range(T)): => for t in range(T): | order | the steps in the order of the forward pass | order|revers|time|step|later|next|upstream|contribution
""")
def _(dout, x, h0, Wx, Wh, b):
    T = len(x)
    hs = [h0]
    for t in range(T):
        hs.append(np.tanh(x[t] @ Wx + hs[t] @ Wh + b))
    dWx, dWh, db, dx = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b), np.zeros_like(x)
    dnext = np.zeros_like(h0)
    for t in reversed(range(T)):
        dh = dout[t] + dnext
        da = dh * (1 - hs[t + 1] ** 2)
        dWx += np.outer(x[t], da)
        dWh += np.outer(hs[t], da)
        db += da
        dx[t] = da @ Wx.T
        dnext = da @ Wh.T
    dh0 = dnext
    return dx, dh0, dWx, dWh, db


@subject(x=(4, 2, 3), h0=(2, 3), c0=(2, 3), Wx=(3, 12), Wh=(3, 12), b=(12,))
def lstm(x, h0, c0, Wx, Wh, b):
    h, c, states = h0, c0, []
    for t in range(len(x)):
        a = x[t] @ Wx + h @ Wh + b
        i, f, o, g = sigmoid(a[:, :3]), sigmoid(a[:, 3:6]), sigmoid(a[:, 6:9]), np.tanh(a[:, 9:])
        c = f * c + i * g
        h = o * np.tanh(c)
        states.append(h)
    return np.stack(states)


@lstm.backward("""
dc = dcn + dh * o * (1 - np.tanh(c) ** 2) => dc = dh * o * (1 - np.tanh(c) ** 2) | time | the cell's gradient from the next step is forgotten | time|step|cell|next|later|\\bc\\b|contribution
dc = dcn + dh * o * (1 - np.tanh(c) ** 2) => dc = dcn + dh * o | derivative | the derivative of tanh(c) | tanh|derivative
dc = dcn + dh * o * (1 - np.tanh(c) ** 2) => dc = dcn + dh * o * (1 - c**2) | array | c for tanh(c) | tanh|instead|before|\\bc\\b|input
dc = dcn + dh * o * (1 - np.tanh(c) ** 2) => dc = dcn + dh * (1 - np.tanh(c) ** 2) | factor | the output gate is forgotten | \\bo\\b|gate|factor|product
df = dc * cp * f * (1 - f) => df = dc * c * f * (1 - f) | time | the new cell for the old one | old|new|previous|cell|state|time|before|instead
df = dc * cp * f * (1 - f) => df = dc * cp | derivative | the derivative of the sigmoid is forgotten | sigmoid|derivative
dg = dc * i * (1 - g**2) => dg = dc * i * g * (1 - g) | derivative | the sigmoid's derivative for tanh's | sigmoid|tanh|derivative
di = dc * g * i * (1 - i) => di = dc * i * i * (1 - i) | array | i for g | instead|another|\\b[gi]\\b|factor
da = np.hstack([di, df, do, dg]) => da = np.hstack([di, df, dg, do]) | index | the gates in another order | order|gate|index|layout|swap|exchang|block|permut|column
dcn = dc * f => dcn = dc | factor | the forget gate is left out on the way back | \\bf\\b|gate|forget|factor|time
dh = dout[t] + dhn => dh = dout[t] | time | the state's gradient from the next step is forgotten
do = dh * np.tanh(c) * o * (1 - o) => do = dh * c * o * (1 - o) | array | c for tanh(c) | tanh|instead|before
dhn = da @ Wh.T => dhn = da @ Wh.T + dh | path | a skip connection that is not there | twice|skip|contribution|extra|again|adds
""")
def _(dout, x, h0, c0, Wx, Wh, b):
    h, c, saved = h0, c0, []
    for t in range(len(x)):
        a = x[t] @ Wx + h @ Wh + b
        i, f, o, g = sigmoid(a[:, :3]), sigmoid(a[:, 3:6]), sigmoid(a[:, 6:9]), np.tanh(a[:, 9:])
        cn = f * c + i * g
        saved.append((h, c, cn, i, f, o, g))
        h, c = o * np.tanh(cn), cn
    dWx, dWh, db, dx = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b), np.zeros_like(x)
    dhn, dcn = np.zeros_like(h0), np.zeros_like(c0)
    for t in reversed(range(len(x))):
        hp, cp, c, i, f, o, g = saved[t]
        dh = dout[t] + dhn
        do = dh * np.tanh(c) * o * (1 - o)
        dc = dcn + dh * o * (1 - np.tanh(c) ** 2)
        di = dc * g * i * (1 - i)
        df = dc * cp * f * (1 - f)
        dg = dc * i * (1 - g**2)
        da = np.hstack([di, df, do, dg])
        dWx += x[t].T @ da
        dWh += hp.T @ da
        db += da.sum(axis=0)
        dx[t] = da @ Wx.T
        dhn = da @ Wh.T
        dcn = dc * f
    return dx, dWx, dWh, db


@subject(x=(3, 2), h=(3, 4), Wz=(6, 4), Wr=(6, 4), Wn=(6, 4))
def gru(x, h, Wz, Wr, Wn):
    xh = np.concatenate([x, h], axis=1)
    z = sigmoid(xh @ Wz)
    r = sigmoid(xh @ Wr)
    n = np.tanh(np.concatenate([x, r * h], axis=1) @ Wn)
    return (1 - z) * n + z * h


@gru.backward("""
dh = dout * z + drh * r + dz @ Wz.T[:, 2:] + dr @ Wr.T[:, 2:] => dh = drh * r + dz @ Wz.T[:, 2:] + dr @ Wr.T[:, 2:] | path | the direct way z h is forgotten
dh = dout * z + drh * r + dz @ Wz.T[:, 2:] + dr @ Wr.T[:, 2:] => dh = dout * z + drh * r + dr @ Wr.T[:, 2:] | path | the way through the update gate is forgotten
dh = dout * z + drh * r + dz @ Wz.T[:, 2:] + dr @ Wr.T[:, 2:] => dh = dout * z + drh + dz @ Wz.T[:, 2:] + dr @ Wr.T[:, 2:] | factor | the reset gate is forgotten | \\br\\b|gate|reset|factor|product
dh = dout * z + drh * r + dz @ Wz.T[:, 2:] + dr @ Wr.T[:, 2:] => dh = dout * z | path | the gates and the candidate are treated as constants
dz = dout * (h - n) * z * (1 - z) => dz = dout * (n - h) * z * (1 - z) | sign | the sign of h - n
dz = dout * (h - n) * z * (1 - z) => dz = dout * h * z * (1 - z) | path | the way through 1 - z is forgotten | 1 ?- ?z|path|contribution|\\bn\\b|missing
dz = dout * (h - n) * z * (1 - z) => dz = dout * (h - n) | derivative | the derivative of the sigmoid | sigmoid|derivative
dn = dout * (1 - z) * (1 - n**2) => dn = dout * z * (1 - n**2) | array | z for 1 - z | 1 ?- ?z|gate|instead|exchang|swap|factor|side
dr = drh * h * r * (1 - r) => dr = drh * r * (1 - r) | factor | the factor h is forgotten | \\bh\\b|factor|product
dr = drh * h * r * (1 - r) => dr = drh * h * r * (1 - r**2) | derivative | a mixture of the sigmoid's and tanh's derivative | sigmoid|tanh|derivative
dWn = xrh.T @ dn => dWn = xh.T @ dn | array | h for r h | reset|gate|before|instead|\\br\\b
""")
def _(dout, x, h, Wz, Wr, Wn):
    xh = np.concatenate([x, h], axis=1)
    z = sigmoid(xh @ Wz)
    r = sigmoid(xh @ Wr)
    xrh = np.concatenate([x, r * h], axis=1)
    n = np.tanh(xrh @ Wn)
    dz = dout * (h - n) * z * (1 - z)
    dn = dout * (1 - z) * (1 - n**2)
    drh = dn @ Wn.T[:, 2:]
    dr = drh * h * r * (1 - r)
    dWz, dWr = xh.T @ dz, xh.T @ dr
    dWn = xrh.T @ dn
    dh = dout * z + drh * r + dz @ Wz.T[:, 2:] + dr @ Wr.T[:, 2:]
    return dh, dWz, dWr, dWn


@subject(q=(4, 3), k=(5, 3), v=(5, 2))
def attention(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[1])
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p @ v


@attention.backward("""
ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) => ds = p * dp | constant | the normaliser of the softmax is treated as a constant | softmax|sum|normali|diagonal|Jacobian|constant
ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) => ds = p * (1 - p) * dp | diagonal | the diagonal of the softmax's Jacobian alone | softmax|diagonal|Jacobian|sigmoid
ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) => ds = p * (dp - (dp * p).sum(axis=0, keepdims=True)) | axis | summed over the queries
ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) => ds = p * (dp - dp.sum(axis=1, keepdims=True)) | path | the sum without the weight p | sum|softmax|weight|\\bp\\b|Jacobian
ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) => ds = dp - (dp * p).sum(axis=1, keepdims=True) | factor | the factor p in front is forgotten | \\bp\\b|softmax|factor|exp|derivative|probab
dq = ds @ k / np.sqrt(d) => dq = ds @ k | factor | the 1/sqrt(d) is forgotten | sqrt|factor|scale
dk = ds.T @ q / np.sqrt(d) => dk = ds.T @ q / d | factor | divided by d, not by its root | sqrt|root|factor|scale
dk = ds.T @ q / np.sqrt(d) => dk = ds[:, :4].T @ q / np.sqrt(d) | shape | a key too few | shape
dv = p.T @ dout => dv = s.T @ dout | array | the scores for the weights | softmax|before|score|instead|exp
dp = dout @ v.T => dp = np.ones_like(dout) @ v.T | upstream | the upstream gradient is left out
dq = ds @ k / np.sqrt(d) => dq = dp @ k / np.sqrt(d) | path | the softmax is skipped | softmax|skip|derivative|Jacobian|exp|missing
""")
def _(dout, q, k, v):
    d = q.shape[1]
    s = q @ k.T / np.sqrt(d)
    p = softmax(s)
    dv = p.T @ dout
    dp = dout @ v.T
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))
    dq = ds @ k / np.sqrt(d)
    dk = ds.T @ q / np.sqrt(d)
    return dq, dk, dv


@subject(x=(5, 4), Wq=(4, 4), Wk=(4, 4), Wv=(4, 4), Wo=(4, 4))
def multi_head_attention(x, Wq, Wk, Wv, Wo):
    T, D = x.shape
    q, k, v = ((x @ W).reshape(T, 2, D // 2).transpose(1, 0, 2) for W in (Wq, Wk, Wv))
    s = q @ k.transpose(0, 2, 1) / np.sqrt(D // 2)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    y = (p @ v).transpose(1, 0, 2).reshape(T, D)
    return y @ Wo


@multi_head_attention.backward("""
dh = (dout @ Wo.T).reshape(T, 2, D // 2).transpose(1, 0, 2) => dh = (dout @ Wo.T).reshape(2, T, D // 2) | layout | reshape where a transpose belongs: the heads are mixed
dk = merge(ds.transpose(0, 2, 1) @ q) / np.sqrt(D // 2) => dk = merge(ds @ q) / np.sqrt(D // 2) | transposed | ds is not transposed
/ np.sqrt(D // 2)\\n    dWo => / np.sqrt(D)\\n    dWo | factor | the width of the model for that of a head | sqrt|factor|head|scale|root
ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) => ds = p * (dp - (dp * p).sum(axis=-2, keepdims=True)) | axis | the sum over the queries
ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) => ds = p * (dp - (dp * p).sum(axis=(0, 2), keepdims=True)) | axis | the sum over the heads too | ax[ie]s|dim|head|sum
dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T => dx = dq @ Wq.T + dk @ Wk.T | path | the way through the values is forgotten
dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T => dx = dq @ Wk.T + dk @ Wq.T + dv @ Wv.T | array | Wq and Wk are exchanged | exchang|swap|instead|Wq|Wk
dWo = y.T @ dout => dWo = p.mean(axis=0)[:4].T[:4] @ dout[:4] | array | the attention weights for the values | instead|another|attention|before|uses|softmax
dv = merge(p.transpose(0, 2, 1) @ dh) => dv = merge(p @ dh) | transposed | the attention weights are not transposed
""")
def _(dout, x, Wq, Wk, Wv, Wo):
    T, D = x.shape

    def merge(a):
        return a.transpose(1, 0, 2).reshape(T, D)

    q, k, v = ((x @ W).reshape(T, 2, D // 2).transpose(1, 0, 2) for W in (Wq, Wk, Wv))
    p = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(D // 2))
    y = merge(p @ v)
    dh = (dout @ Wo.T).reshape(T, 2, D // 2).transpose(1, 0, 2)
    dv = merge(p.transpose(0, 2, 1) @ dh)
    dp = dh @ v.transpose(0, 2, 1)
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
    dk = merge(ds.transpose(0, 2, 1) @ q) / np.sqrt(D // 2)
    dq = merge(ds @ k) / np.sqrt(D // 2)
    dWo = y.T @ dout
    dWq, dWk, dWv = x.T @ dq, x.T @ dk, x.T @ dv
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    return dx, dWq, dWk, dWv, dWo


@subject(q=(4, 3), k=(4, 3), v=(4, 3))
def causal_attention(q, k, v):
    s = q @ k.T / np.sqrt(3)
    s = np.where(np.tril(np.ones((4, 4))) > 0, s, -1e9)
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True) @ v


@causal_attention.backward("""
p = softmax(np.where(causal, s, -1e9)) => p = softmax(s) | mask | the mask is forgotten when the softmax is computed again | mask|where|future|causal|tril|different forward
p = softmax(np.where(causal, s, -1e9)) => p = softmax(s) * causal | mask | masked after the softmax, which is not normalised again | mask|after|normali|softmax|where
p = softmax(np.where(causal, s, -1e9)) => p = softmax(np.where(causal.T, s, -1e9)) | mask | the mask is the transposed one | mask|transpos|tril|triu|future
dv = p.T @ dout => dv = p @ dout | transposed | p is not transposed
ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) => ds = p * (dp - (dp * p).mean(axis=1, keepdims=True)) | mean | a mean in the softmax's backward pass | mean|sum|softmax
ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) => ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) + dp * ~causal | mask | the masked scores let the gradient through
dq = ds @ k / np.sqrt(3) => dq = ds @ q / np.sqrt(3) | array | q for k | instead|exchang|swap|`?[qk]\\b
dk = ds.T @ q / np.sqrt(3) => dk = ds @ q / np.sqrt(3) | transposed | ds is not transposed
dq = ds @ k / np.sqrt(3) => dq = ds @ k * np.sqrt(3) | factor | multiplied by the root for divided | sqrt|factor|3\\b|divi|root
""")
def _(dout, q, k, v):
    causal = np.tril(np.ones((4, 4))) > 0
    s = q @ k.T / np.sqrt(3)
    p = softmax(np.where(causal, s, -1e9))
    dv = p.T @ dout
    dp = dout @ v.T
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))
    dq = ds @ k / np.sqrt(3)
    dk = ds.T @ q / np.sqrt(3)
    return dq, dk, dv


@subject(W=(4, 4), U=(3, 4), V=(4, 3), tokens=labels(6, 3))
def character_rnn_loss(W, U, V, tokens):
    h, loss = np.zeros(4), 0.0
    for t in range(5):
        h = np.tanh(U[tokens[t]] + h @ W)
        s = h @ V
        loss = loss + np.log(np.exp(s).sum()) - s[tokens[t + 1]]
    return loss


@character_rnn_loss.backward("""
ds[tokens[t + 1]] -= 1 => ds[tokens[t]] -= 1 | time | the present character is the target | target|off by one|time|shift|step|ind(ex|ices)|next
ds[tokens[t + 1]] -= 1 => pass | path | the target is not subtracted | target|1\\b|label|subtract|correct|missing
dU[tokens[t]] += da => dU[tokens[t]] = da | overwritten | a character that comes twice is counted once | overwr|\\+=|add|accum|repeat|set|once
dh = ds @ V.T + dnext => dh = ds @ V.T | time | the gradient of the next step is forgotten
dh = ds @ V.T + dnext => dh = dnext + (ds @ V.T if t == 4 else 0) | time | the loss of the last step alone
dW += np.outer(hs[t], da) => dW += np.outer(da, hs[t]) | transposed | the outer product the other way round
dV += np.outer(hs[t + 1], ds) => dV += np.outer(hs[t], ds) | time | the old state for the new one | old|previous|state|time|before|step|instead|shift
da = dh * (1 - hs[t + 1] ** 2) => da = np.clip(dh * (1 - hs[t + 1] ** 2), -0.3, 0.3) | saturated | clipped inside the loop | clip|limit|bound|truncat
dnext = da @ W.T => dnext = da @ W.T if t > 2 else 0 * da | time | truncated after two steps | time|step|trunc|cut
""")
def _(W, U, V, tokens):
    hs = [np.zeros(4)]
    for t in range(5):
        hs.append(np.tanh(U[tokens[t]] + hs[t] @ W))
    dW, dU, dV, dnext = np.zeros_like(W), np.zeros_like(U), np.zeros_like(V), np.zeros(4)
    for t in reversed(range(5)):
        ds = softmax(hs[t + 1] @ V)
        ds[tokens[t + 1]] -= 1
        dV += np.outer(hs[t + 1], ds)
        dh = ds @ V.T + dnext
        da = dh * (1 - hs[t + 1] ** 2)
        dU[tokens[t]] += da
        dW += np.outer(hs[t], da)
        dnext = da @ W.T
    return dW, dU, dV
