"""Maps of indices: heads, windows, patches, embeddings, rolls, strides, as a student differentiates them by hand."""

from __future__ import annotations

import numpy as np

from ..subjects import bits, labels, subject


def softmax(s):
    e = np.exp(s)
    return e / np.sum(e, axis=-1, keepdims=True)


@subject(x=(4, 6), Wqkv=(6, 18), Wo=(6, 6))
def fused_heads(x, Wqkv, Wo):
    qkv = (x @ Wqkv).reshape(4, 3, 2, 3)
    q, k, v = qkv[:, 0], qkv[:, 1], qkv[:, 2]
    s = np.einsum("ihd,jhd->hij", q, k) / np.sqrt(3)
    e = np.exp(s)
    a = e / np.sum(e, axis=2, keepdims=True)
    return np.einsum("hij,jhd->ihd", a, v).reshape(4, 6) @ Wo


@fused_heads.backward("""
dheads = (dout @ Wo.T).reshape(4, 2, 3) => dheads = (dout @ Wo.T).reshape(2, 4, 3).transpose(1, 0, 2) | layout | the heads are split in another order
ds = a * (da - np.sum(a * da, axis=2, keepdims=True)) => ds = a * (da - np.sum(a * da, axis=1, keepdims=True)) | axis | softmax's sum over the wrong axis
ds = ds / np.sqrt(3) => ds = ds / np.sqrt(6) | factor | the root of the model's width for the head's
dk = np.einsum("hij,ihd->jhd", ds, q) => dk = np.einsum("hji,ihd->jhd", ds, q) | transposed | the scores' gradient is not transposed
dv = np.einsum("hij,ihd->jhd", a, dheads) => dv = np.einsum("hij,jhd->ihd", a, dheads) | transposed | a for its transpose
dqkv = np.stack([dq, dk, dv], axis=1).reshape(4, 18) => dqkv = np.stack([dk, dq, dv], axis=1).reshape(4, 18) | array | q and k in the wrong order | order|instead|index|swap|exchang
dqkv = np.stack([dq, dk, dv], axis=1).reshape(4, 18) => dqkv = np.stack([dq, dk, dv], axis=2).reshape(4, 18) | layout | the heads before q, k, v
dqkv = np.stack([dq, dk, dv], axis=1).reshape(4, 18) => dqkv = np.stack([dq, dk, 0 * dv], axis=1).reshape(4, 18) | path | the values' share | contribution|`v`|missing|path|left out|index
""")
def _(dout, x, Wqkv, Wo):
    qkv = (x @ Wqkv).reshape(4, 3, 2, 3)
    q, k, v = qkv[:, 0], qkv[:, 1], qkv[:, 2]
    a = softmax(np.einsum("ihd,jhd->hij", q, k) / np.sqrt(3))
    heads = np.einsum("hij,jhd->ihd", a, v)
    dWo = heads.reshape(4, 6).T @ dout
    dheads = (dout @ Wo.T).reshape(4, 2, 3)
    dv = np.einsum("hij,ihd->jhd", a, dheads)
    da = np.einsum("ihd,jhd->hij", dheads, v)
    ds = a * (da - np.sum(a * da, axis=2, keepdims=True))
    ds = ds / np.sqrt(3)
    dq = np.einsum("hij,jhd->ihd", ds, k)
    dk = np.einsum("hij,ihd->jhd", ds, q)
    dqkv = np.stack([dq, dk, dv], axis=1).reshape(4, 18)
    dWqkv = x.T @ dqkv
    dx = dqkv @ Wqkv.T
    return dx, dWqkv, dWo


@subject(img=(2, 4, 6), W=(4, 5), pos=(6, 5))
def patch_embedding(img, W, pos):
    patches = img.reshape(2, 2, 2, 3, 2).transpose(0, 1, 3, 2, 4).reshape(2, 6, 4)
    return np.tanh(patches @ W + pos)


@patch_embedding.backward("""
dpatches = dz @ W.T => dpatches = dout @ W.T | derivative | tanh's derivative is left out
dimg = dpatches.reshape(2, 2, 3, 2, 2).transpose(0, 1, 3, 2, 4).reshape(2, 4, 6) => dimg = dpatches.reshape(2, 4, 6) | layout | a reshape alone
dimg = dpatches.reshape(2, 2, 3, 2, 2).transpose(0, 1, 3, 2, 4).reshape(2, 4, 6) => dimg = dpatches.reshape(2, 2, 3, 2, 2).transpose(0, 1, 4, 2, 3).reshape(2, 4, 6) | layout | rows and columns of a patch exchanged
dimg = dpatches.reshape(2, 2, 3, 2, 2).transpose(0, 1, 3, 2, 4).reshape(2, 4, 6) => dimg = dpatches.reshape(2, 3, 2, 2, 2).transpose(0, 2, 3, 1, 4).reshape(2, 4, 6) | layout | the patches' rows and columns exchanged
dpos = dz.sum(axis=0) => dpos = dz.mean(axis=0) | mean | the mean over the batch
dpos = dz.sum(axis=0) => dpos = dz[0] | not summed | only the first image | sum|first|index|image
dW = np.einsum("bpi,bpo->io", patches, dz) => dW = np.einsum("bpi,bpo->io", img.reshape(2, 6, 4), dz) | layout | the image's own order for that of the patches
dz = dout * (1 - y**2) => dz = dout * (1 - (patches @ W) ** 2) | array | before the activation | instead|before|tanh
""")
def _(dout, img, W, pos):
    patches = img.reshape(2, 2, 2, 3, 2).transpose(0, 1, 3, 2, 4).reshape(2, 6, 4)
    y = np.tanh(patches @ W + pos)
    dz = dout * (1 - y**2)
    dW = np.einsum("bpi,bpo->io", patches, dz)
    dpos = dz.sum(axis=0)
    dpatches = dz @ W.T
    dimg = dpatches.reshape(2, 2, 3, 2, 2).transpose(0, 1, 3, 2, 4).reshape(2, 4, 6)
    return dimg, dW, dpos


@subject(x=(2, 8, 3, 2), w=(2, 3))
def pixel_shuffle(x, w):
    up = x.reshape(2, 2, 2, 2, 3, 2).transpose(0, 1, 4, 2, 5, 3).reshape(2, 2, 6, 4)
    return np.einsum("bchw,cd->bdhw", up, w)


@pixel_shuffle.backward("""
dx = dup.reshape(2, 2, 3, 2, 2, 2).transpose(0, 1, 3, 5, 2, 4).reshape(2, 8, 3, 2) => dx = dup.reshape(2, 8, 3, 2) | layout | a reshape alone
dx = dup.reshape(2, 2, 3, 2, 2, 2).transpose(0, 1, 3, 5, 2, 4).reshape(2, 8, 3, 2) => dx = dup.reshape(2, 2, 3, 2, 2, 2).transpose(0, 1, 5, 3, 2, 4).reshape(2, 8, 3, 2) | layout | the two factors exchanged
dx = dup.reshape(2, 2, 3, 2, 2, 2).transpose(0, 1, 3, 5, 2, 4).reshape(2, 8, 3, 2) => dx = dup.reshape(2, 2, 3, 2, 2, 2).transpose(0, 3, 5, 1, 2, 4).reshape(2, 8, 3, 2) | layout | channels last
dup = np.einsum("bdhw,cd->bchw", dout, w) => dup = np.einsum("bdhw,cd->bchw", dout, w) / 4 | factor | a mean over the block
dw = np.einsum("bchw,bdhw->cd", up, dout) => dw = np.einsum("bchw,bdhw->cd", up[:1], dout[:1]) | not summed | only the first image | first|sum|index|image
""")
def _(dout, x, w):
    up = x.reshape(2, 2, 2, 2, 3, 2).transpose(0, 1, 4, 2, 5, 3).reshape(2, 2, 6, 4)
    dw = np.einsum("bchw,bdhw->cd", up, dout)
    dup = np.einsum("bdhw,cd->bchw", dout, w)
    dx = dup.reshape(2, 2, 3, 2, 2, 2).transpose(0, 1, 3, 5, 2, 4).reshape(2, 8, 3, 2)
    return dx, dw


@subject(E=(5, 3), W=(3, 3), tokens=np.array([2, 0, 2, 4]), targets=np.array([0, 2, 4, 1]))
def tied_embedding(E, W, tokens, targets):
    h = np.tanh(E[tokens] @ W)
    s = h @ E.T
    m = np.max(s, axis=1, keepdims=True)
    logp = s - m - np.log(np.sum(np.exp(s - m), axis=1, keepdims=True))
    return -np.mean(logp[np.arange(4), targets])


@tied_embedding.backward("""
dE = ds.T @ h => dE = np.zeros_like(E) | path | the output's use of E | contribution|path|missing|use|left out
np.add.at(dE, tokens, dx) => dE[tokens] += dx | scatter | a repeated token counts once
np.add.at(dE, tokens, dx) => np.add.at(dE, targets, dx) | index | the targets for the tokens | targets|tokens|index
np.add.at(dE, tokens, dx) => pass | path | the input's use of E | contribution|path|missing|use|left out
np.add.at(dE, tokens, dx) => dE[tokens] = dx | scatter | what was there is overwritten | overwr|set|add|contribution|missing
p[np.arange(4), targets] -= 1 => p[np.arange(4), targets] = 1 | index | = 1 for -= 1 | -= ?1|= ?1|target|subtract
p[np.arange(4), targets] -= 1 => p[:, targets] -= 1 | index | a block of columns instead of pairs | pair|row|index|target
ds = p / 4 => ds = p / 20 | mean | the number of scores for the number of tokens
dh = ds @ E => dh = ds @ E[tokens].sum(axis=0)[None].repeat(5, 0) | array | nonsense: the sum of the tokens' rows | unknown
""")
def _(E, W, tokens, targets):
    h = np.tanh(E[tokens] @ W)
    s = h @ E.T
    p = np.exp(s - s.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(4), targets] -= 1
    ds = p / 4
    dE = ds.T @ h
    dh = ds @ E
    dz = dh * (1 - h * h)
    dW = E[tokens].T @ dz
    dx = dz @ W.T
    np.add.at(dE, tokens, dx)
    return dE, dW


@subject(
    x=(4, 3), W=(3, 4), src=np.array([0, 1, 1, 3, 2]), dst=np.array([1, 0, 2, 2, 3]), deg=np.array([1.0, 1.0, 2.0, 1.0])
)
def message_passing(x, W, src, dst, deg):
    m = (x @ W)[src]
    S = np.eye(4)[dst].T
    return np.maximum(0, x @ W + (S @ m) / deg[:, None])


@message_passing.backward("""
dm = (da / deg[:, None])[dst] => dm = da[dst] | mean | the degree is left out | deg|mean|divi|factor|count
dm = (da / deg[:, None])[dst] => dm = da[dst] / deg[src][:, None] | index | the degree of the source | deg|src|dst|index
dm = (da / deg[:, None])[dst] => dm = (da / deg[:, None])[src] | index | the source's gradient for the target's | src|dst|index|S
np.add.at(dh, src, dm) => np.add.at(dh, dst, dm) | index | added at the target | src|dst|index
np.add.at(dh, src, dm) => dh[src] += dm | scatter | a source of two edges counts once
dh = da.copy() => dh = np.zeros_like(da) | path | the node's own share | contribution|path|missing|self|own|left out
da = dout * (y > 0) => da = dout * (x @ W > 0) | mask | the mask of the projection alone | mask|instead|before|relu|maximum
""")
def _(dout, x, W, src, dst, deg):
    h = x @ W
    S = np.eye(4)[dst].T
    y = np.maximum(0, h + (S @ h[src]) / deg[:, None])
    da = dout * (y > 0)
    dh = da.copy()
    dm = (da / deg[:, None])[dst]
    np.add.at(dh, src, dm)
    dW = x.T @ dh
    dx = dh @ W.T
    return dx, dW


@subject(x=(2, 6), w=(3,), b=(1,))
def ring_filter(x, w, b):
    y = b
    for k in range(3):
        y = y + w[k] * np.roll(x, k - 1, axis=1)
    return np.tanh(y)


@ring_filter.backward("""
dx += w[k] * np.roll(dz, 1 - k, axis=1) => dx += w[k] * np.roll(dz, k - 1, axis=1) | index | rolled in the same direction | roll|direction|shift|revers|flip
dx += w[k] * np.roll(dz, 1 - k, axis=1) => dx += w[k] * np.roll(dz, -k, axis=1) | index | off by one
dw[k] = np.sum(dz * np.roll(x, k - 1, axis=1)) => dw[k] = np.sum(dz * np.roll(x, k, axis=1)) | index | off by one
dw[k] = np.sum(dz * np.roll(x, k - 1, axis=1)) => dw[k] = np.sum(dz * x) | index | not rolled | roll|shift|instead|index
dw[k] = np.sum(dz * np.roll(x, k - 1, axis=1)) => dw[k] = np.mean(dz * np.roll(x, k - 1, axis=1)) | mean | the mean
db = dz.sum(keepdims=True).reshape(1) => db = dz.sum(axis=1).mean(keepdims=True) | mean | the mean over the batch
""")
def _(dout, x, w, b):
    y = b + sum(w[k] * np.roll(x, k - 1, axis=1) for k in range(3))
    dz = dout * (1 - np.tanh(y) ** 2)
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(3):
        dw[k] = np.sum(dz * np.roll(x, k - 1, axis=1))
        dx += w[k] * np.roll(dz, 1 - k, axis=1)
    db = dz.sum(keepdims=True).reshape(1)
    return dx, dw, db


@subject(x=(2, 2, 9), w=(3, 2, 3), b=(3,))
def strided_convolution(x, w, b):
    out = []
    for i in range(4):
        window = x[:, :, 2 * i : 2 * i + 3]
        out.append(np.einsum("nck,ock->no", window, w) + b)
    z = np.stack(out, axis=2)
    return np.maximum(0.1 * z, z)


@strided_convolution.backward("""
dx[:, :, 2 * i : 2 * i + 3] += np.einsum("no,ock->nck", d, w) => dx[:, :, 2 * i : 2 * i + 3] = np.einsum("no,ock->nck", d, w) | overwritten | windows overlap: = for +=
dx[:, :, 2 * i : 2 * i + 3] += np.einsum("no,ock->nck", d, w) => dx[:, :, i : i + 3] += np.einsum("no,ock->nck", d, w) | index | the stride is left out | stride|window|index|shift
dx[:, :, 2 * i : 2 * i + 3] += np.einsum("no,ock->nck", d, w) => dx[:, :, 2 * i : 2 * i + 3] += np.einsum("no,ock->nck", d, w[:, :, ::-1]) | flip | the kernel is flipped
dx[:, :, 2 * i : 2 * i + 3] += np.einsum("no,ock->nck", d, w) => dx[:, :, 2 * i + 1 : 2 * i + 4][:, :, :] += np.einsum("no,ock->nck", d, w)[:, :, : 9 - 2 * i - 1] | index | off by one
dw += np.einsum("no,nck->ock", d, x[:, :, 2 * i : 2 * i + 3]) => dw += np.einsum("no,nck->ock", d, x[:, :, i : i + 3]) | index | the stride is left out | stride|window|index|shift
dz = dout * np.where(z > 0, 1, 0.1) => dz = dout * np.where(z > 0, 1, 0) | mask | relu for leaky relu | 0\\.1|slope|relu|mask|maximum
dz = dout * np.where(z > 0, 1, 0.1) => dz = dout * np.where(dout > 0, 1, 0.1) | mask | the mask from the upstream gradient | + upstream
db = dz.sum(axis=(0, 2)) => db = dz.sum(axis=0).mean(axis=1) | mean | the mean over the places
""")
def _(dout, x, w, b):
    z = np.stack([np.einsum("nck,ock->no", x[:, :, 2 * i : 2 * i + 3], w) + b for i in range(4)], axis=2)
    dz = dout * np.where(z > 0, 1, 0.1)
    db = dz.sum(axis=(0, 2))
    dw, dx = np.zeros_like(w), np.zeros_like(x)
    for i in range(4):
        d = dz[:, :, i]
        dw += np.einsum("no,nck->ock", d, x[:, :, 2 * i : 2 * i + 3])
        dx[:, :, 2 * i : 2 * i + 3] += np.einsum("no,ock->nck", d, w)
    return dx, dw, db


@subject(x=(2, 2, 4), w=(2, 3, 3))
def transposed_convolution_in_one_dimension(x, w):
    pieces = np.einsum("nci,cok->noik", x, w)
    zero = np.zeros((2, 3, 1))
    y = 0
    for i in range(4):
        left = [zero] * (2 * i)
        right = [zero] * (9 - 3 - 2 * i)
        y = y + np.concatenate([*left, pieces[:, :, i], *right], axis=2)
    return y


@transposed_convolution_in_one_dimension.backward("""
dx[:, :, i] = np.einsum("nok,cok->nc", window, w) => dx[:, :, i] = np.einsum("nok,cok->nc", window, w[:, :, ::-1]) | flip | the kernel is flipped
window = dout[:, :, 2 * i : 2 * i + 3] => window = dout[:, :, i : i + 3] | index | the stride is left out | stride|window|index|shift
window = dout[:, :, 2 * i : 2 * i + 3] => window = dout[:, :, 2 * i : 2 * i + 3] * [1, 1, 0] | path | the last element of the kernel | last|index|element|window|missing|contribution
dw += np.einsum("nc,nok->cok", x[:, :, i], window) => dw = np.einsum("nc,nok->cok", x[:, :, i], window) | overwritten | dw is overwritten
dw += np.einsum("nc,nok->cok", x[:, :, i], window) => dw += np.einsum("nc,nok->cok", x[:, ::-1, i], window) | index | the channels in the wrong order | channel|order|flip|revers
""")
def _(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(4):
        window = dout[:, :, 2 * i : 2 * i + 3]
        dx[:, :, i] = np.einsum("nok,cok->nc", window, w)
        dw += np.einsum("nc,nok->cok", x[:, :, i], window)
    return dx, dw


@subject(x=(3, 7, 2), w=(3, 2, 4), V=(4, 2), y=labels(3, 2))
def sentence_classifier(x, w, V, y):
    c = np.stack([np.einsum("nkd,kdf->nf", x[:, i : i + 3], w) for i in range(5)], axis=1)
    p = np.max(c, axis=1)
    s = np.maximum(p, 0) @ V
    return np.mean(np.log(np.sum(np.exp(s), axis=1)) - s[np.arange(3), y])


@sentence_classifier.backward("""
hit = c == p[:, None] => hit = np.ones_like(c) | mask | every place gets the gradient of the maximum | max|place|argmax|mask|every
hit = c == p[:, None] => hit = c == c.max(axis=(1, 2), keepdims=True) | axis | the maximum over both axes
hit = c == p[:, None] => hit = c == c.max(axis=2, keepdims=True) | axis | the maximum over the filters
dp = (ds @ V.T) * (p > 0) => dp = ds @ V.T | mask | relu's mask is missing
dx[:, i : i + 3] += np.einsum("nf,kdf->nkd", dc[:, i], w) => dx[:, i : i + 3] = np.einsum("nf,kdf->nkd", dc[:, i], w) | overwritten | windows overlap: = for +=
ds[np.arange(3), y] -= 1 => ds[np.arange(3), y] += 1 | sign | + 1 for - 1 at the target | sign|target|\\+ ?1|subtract
ds /= 3 => ds /= 6 | mean | all scores
""")
def _(x, w, V, y):
    c = np.stack([np.einsum("nkd,kdf->nf", x[:, i : i + 3], w) for i in range(5)], axis=1)
    p = np.max(c, axis=1)
    r = np.maximum(p, 0)
    s = r @ V
    ds = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    ds[np.arange(3), y] -= 1
    ds /= 3
    dV = r.T @ ds
    dp = (ds @ V.T) * (p > 0)
    hit = c == p[:, None]
    dc = hit * dp[:, None]
    dw, dx = np.zeros_like(w), np.zeros_like(x)
    for i in range(5):
        dw += np.einsum("nkd,nf->kdf", x[:, i : i + 3], dc[:, i])
        dx[:, i : i + 3] += np.einsum("nf,kdf->nkd", dc[:, i], w)
    return dx, dw, dV


@subject(a=(3, 4), W=(2, 4, 5), b=(3, 5), c=(2,))
def bilinear_layer(a, W, b, c):
    return np.tanh(np.einsum("ni,kij,nj->nk", a, W, b) + c)


@bilinear_layer.backward("""
dW = np.einsum("nk,ni,nj->kij", dz, a, b) => dW = np.einsum("nk,ni,mj->kij", dz, a, b) | index | the two inputs are of different examples | sum|example|index|pair
da = np.einsum("nk,kij,nj->ni", dz, W, b) => da = np.einsum("nk,kij,nj->ni", dz, W, np.ones_like(b)) | factor | b is left out | `b`|factor
da = np.einsum("nk,kij,nj->ni", dz, W, b) => da = np.einsum("nk,kij,mj->ni", dz, W, b) | not summed | b summed over the batch | sum|batch|example|axis
db = np.einsum("nk,kij,ni->nj", dz, W, a) => db = np.einsum("nk,kij,ni->nj", dout, W, a) | derivative | tanh's derivative is left out
dc = dz.sum(axis=0) => dc = dz.mean(axis=0) | mean | the mean
dz = dout * (1 - y * y) => dz = dout * (1 - y) | derivative | 1 - y for 1 - y^2
""")
def _(dout, a, W, b, c):
    y = np.tanh(np.einsum("ni,kij,nj->nk", a, W, b) + c)
    dz = dout * (1 - y * y)
    dW = np.einsum("nk,ni,nj->kij", dz, a, b)
    da = np.einsum("nk,kij,nj->ni", dz, W, b)
    db = np.einsum("nk,kij,ni->nj", dz, W, a)
    dc = dz.sum(axis=0)
    return da, dW, db, dc


@subject(signal=(8,), at=np.array([0.3, 2.6, 5.1, 2.2]), target=(4,))
def linear_interpolation(signal, at, target):
    i = np.floor(at).astype(int)
    f = at - i
    return np.sum(((1 - f) * signal[i] + f * signal[i + 1] - target) ** 2)


@linear_interpolation.backward("""
np.add.at(dsignal, i + 1, d * f) => np.add.at(dsignal, i + 1, d * (1 - f)) | array | 1 - f for f | instead|1 - f
np.add.at(dsignal, i + 1, d * f) => np.add.at(dsignal, i, d * f) | index | the left neighbour twice | index|i \\+ 1|off
np.add.at(dsignal, i + 1, d * f) => pass | path | the right neighbour | contribution|path|missing|left out
np.add.at(dsignal, i, d * (1 - f)) => dsignal[i] += d * (1 - f) | scatter | a repeated index
""")
def _(signal, at, target):
    i = np.floor(at).astype(int)
    f = at - i
    d = 2 * ((1 - f) * signal[i] + f * signal[i + 1] - target)
    dsignal = np.zeros_like(signal)
    np.add.at(dsignal, i, d * (1 - f))
    np.add.at(dsignal, i + 1, d * f)
    return dsignal


@subject(x=(2, 4, 6), mask=bits(2, 4), w=(6, 6), g=(6,))
def masked_pooling_of_windows(x, mask, w, g):
    y = np.tanh(x @ w)
    m = mask[:, :, None]
    pooled = np.sum(y * m, axis=1) / np.sum(m, axis=1)
    folded = pooled.reshape(2, 2, 3)
    return folded[:, 0] * folded[:, 1] @ g.reshape(2, 3).T


@masked_pooling_of_windows.backward("""
dpooled = np.concatenate([d * second, d * first], axis=1) => dpooled = np.concatenate([d * first, d * second], axis=1) | array | each factor with itself | instead|factor|other
dy = dpooled[:, None] * m / m.sum(axis=1, keepdims=True) => dy = dpooled[:, None] * m / 4 | mean | all words for those that count
dy = dpooled[:, None] * m / m.sum(axis=1, keepdims=True) => dy = dpooled[:, None] / m.sum(axis=1, keepdims=True) | mask | the mask is left out
dy = dpooled[:, None] * m / m.sum(axis=1, keepdims=True) => dy = dpooled[:, None] * m / m.sum() | mean | the number of all words in the batch
dw = np.einsum("nti,nto->io", x, dz) => dw = np.einsum("nti,nto->io", x * m, dy) | derivative | tanh's derivative is left out | tanh|derivative
dg = (dout.T @ (first * second)).reshape(6) => dg = ((first * second).T @ dout).reshape(6) | transposed | transposed
""")
def _(dout, x, mask, w, g):
    y = np.tanh(x @ w)
    m = mask[:, :, None]
    pooled = np.sum(y * m, axis=1) / np.sum(m, axis=1)
    first, second = pooled[:, :3], pooled[:, 3:]
    d = dout @ g.reshape(2, 3)
    dg = (dout.T @ (first * second)).reshape(6)
    dpooled = np.concatenate([d * second, d * first], axis=1)
    dy = dpooled[:, None] * m / m.sum(axis=1, keepdims=True)
    dz = dy * (1 - y**2)
    dw = np.einsum("nti,nto->io", x, dz)
    dx = dz @ w.T
    return dx, dw, dg
