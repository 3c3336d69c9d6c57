"""Layers for images: normalisation over positions and groups, strides, padding, pooling with overlap, upsampling."""

from __future__ import annotations

import numpy as np

from ..subjects import labels, positive, subject


@subject(x=(3, 2, 2, 3), gamma=positive(2), beta=(2,))
def spatial_batchnorm(x, gamma, beta):
    mu = x.mean(axis=(0, 2, 3), keepdims=True)
    var = ((x - mu) ** 2).mean(axis=(0, 2, 3), keepdims=True)
    xhat = (x - mu) / np.sqrt(var + 1e-5)
    return gamma[:, None, None] * xhat + beta[:, None, None]


@spatial_batchnorm.backward("""
M = N * H * W => M = N | mean | N for N H W
M = N * H * W => M = H * W | mean | H W for N H W
s1 = d.sum(axis=(0, 2, 3), keepdims=True) => s1 = d.sum(axis=0, keepdims=True) | axis | the batch alone, not the positions
s2 = (d * xhat).sum(axis=(0, 2, 3), keepdims=True) => s2 = (d * xhat).sum(axis=(2, 3), keepdims=True) | axis | the positions alone, not the batch
s2 = (d * xhat).sum(axis=(0, 2, 3), keepdims=True) => s2 = (d * xhat).sum(axis=(0, 1, 2, 3), keepdims=True) | axis | the channels too
dx = inv * (d - s1 / M - xhat * s2 / M) => dx = inv * (d - xhat * s2 / M) | constant | the mean is treated as a constant | & mean|mu\\b
dx = inv * (d - s1 / M - xhat * s2 / M) => dx = inv * (d - s1 / M) | constant | the variance is treated as a constant | & var|std|sqrt|deviation|square
dgamma = (dout * xhat).sum(axis=(0, 2, 3)) => dgamma = (dout * xhat).mean(axis=(0, 2, 3)) | mean | a mean for the sum
dgamma = (dout * xhat).sum(axis=(0, 2, 3)) => dgamma = (dout * xhat).sum(axis=0)[:, 0, 0] | path | the first position alone | first|position|sum|ax[ie]s|contribution|pixel
dbeta = dout.sum(axis=(0, 2, 3)) => dbeta = dout.sum(axis=0) | not summed | not summed over the positions
d = dout * gamma[:, None, None] => d = dout | factor | gamma is forgotten | gamma|factor|scale
""")
def _(dout, x, gamma, beta):
    N, C, H, W = x.shape
    M = N * H * W
    mu = x.mean(axis=(0, 2, 3), keepdims=True)
    inv = 1 / np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + 1e-5)
    xhat = (x - mu) * inv
    dbeta = dout.sum(axis=(0, 2, 3))
    dgamma = (dout * xhat).sum(axis=(0, 2, 3))
    d = dout * gamma[:, None, None]
    s1 = d.sum(axis=(0, 2, 3), keepdims=True)
    s2 = (d * xhat).sum(axis=(0, 2, 3), keepdims=True)
    dx = inv * (d - s1 / M - xhat * s2 / M)
    return dx, dgamma, dbeta


@subject(x=(2, 4, 2, 2), G=2)
def groupnorm(x, G):
    N, C, H, W = x.shape
    g = x.reshape(N, G, C // G * H * W)
    mu = g.mean(axis=2, keepdims=True)
    sigma = np.sqrt(((g - mu) ** 2).mean(axis=2, keepdims=True) + 1e-5)
    return ((g - mu) / sigma).reshape(x.shape)


@groupnorm.backward("""
g = x.reshape(N, G, -1) => g = x.reshape(N, 1, -1) | layout | one group: layer norm | group|ax[ie]s|dim|all|channel|mean over
g = x.reshape(N, G, -1) => g = x.reshape(N, C, -1) | layout | a group for each channel: instance norm | group|ax[ie]s|dim|channel|each
g = x.reshape(N, G, -1) => g = x.transpose(0, 2, 3, 1).reshape(N, G, -1) | layout | groups of positions, not of channels | group|order|transpos|layout|reshape|channel
dx = (d - d.mean(axis=2, keepdims=True) - xhat * (d * xhat).mean(axis=2, keepdims=True)) / sigma => dx = (d - xhat * (d * xhat).mean(axis=2, keepdims=True)) / sigma | constant | the mean is treated as a constant | & mean|mu\\b
dx = (d - d.mean(axis=2, keepdims=True) - xhat * (d * xhat).mean(axis=2, keepdims=True)) / sigma => dx = d / sigma | constant | both statistics are treated as constants | & mean|var|sigma|std|sqrt
dx = (d - d.mean(axis=2, keepdims=True) - xhat * (d * xhat).mean(axis=2, keepdims=True)) / sigma => dx = (d - d.mean(axis=2, keepdims=True) - xhat * (d * xhat).sum(axis=2, keepdims=True) / (g.shape[2] - 1)) / sigma | mean | N - 1 for N | + ddof|N ?- ?1
dx = (d - d.mean(axis=2, keepdims=True) - xhat * (d * xhat).mean(axis=2, keepdims=True)) / sigma => dx = (d - d.mean(axis=(1, 2), keepdims=True) - xhat * (d * xhat).mean(axis=2, keepdims=True)) / sigma | axis | the mean over all groups | ax[ie]s|dim|group|all
""")
def _(dout, x, G):
    N, C, H, W = x.shape
    g = x.reshape(N, G, -1)
    d = dout.reshape(g.shape)
    sigma = np.sqrt(g.var(axis=2, keepdims=True) + 1e-5)
    xhat = (g - g.mean(axis=2, keepdims=True)) / sigma
    dx = (d - d.mean(axis=2, keepdims=True) - xhat * (d * xhat).mean(axis=2, keepdims=True)) / sigma
    dx = dx.reshape(x.shape)
    return dx


@subject(x=(1, 2, 7, 7), w=(3, 2, 3, 3))
def strided_conv(x, w):
    out = np.zeros((1, 3, 3, 3))
    for i in range(3):
        for j in range(3):
            out[:, :, i, j] = np.einsum("nchw,fchw->nf", x[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3], w)
    return out


@strided_conv.backward("""
dx[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += np.einsum("nf,fchw->nchw", d, w) => dx[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] = np.einsum("nf,fchw->nchw", d, w) | overwritten | where windows touch, each overwrites the one before
dx[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += np.einsum("nf,fchw->nchw", d, w) => dx[:, :, i : i + 3, j : j + 3] += np.einsum("nf,fchw->nchw", d, w) | index | the stride is forgotten | stride|window|index|position|place|offset|step
np.einsum("nf,nchw->fchw", d, window) => np.einsum("nf,nchw->fchw", d, window[:, ::-1]) | layout | the input channels in reverse order | channel|order|flip|revers|layout
window = x[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] => window = x[:, :, i : i + 3, j : j + 3] | index | the stride is forgotten in the window | stride|window|index|position|place|offset|step
d = dout[:, :, i, j] => d = dout[:, :, 2 - i, j] | flip | the rows of the upstream gradient from the end
dw += np.einsum => dw = np.einsum | overwritten | the last position alone
""")
def _(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(3):
        for j in range(3):
            d = dout[:, :, i, j]
            window = x[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            dw += np.einsum("nf,nchw->fchw", d, window)
            dx[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += np.einsum("nf,fchw->nchw", d, w)
    return dx, dw


@subject(x=(2, 2, 5, 5))
def overlapping_max_pool(x):
    out = np.zeros((2, 2, 2, 2))
    for i in range(2):
        for j in range(2):
            out[:, :, i, j] = x[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max(axis=(2, 3))
    return out


@overlapping_max_pool.backward("""
dx[n, c, 2 * i + k // 3, 2 * j + k % 3] += dout[n, c, i, j] => dx[n, c, 2 * i + k // 3, 2 * j + k % 3] = dout[n, c, i, j] | overwritten | a pixel that is the maximum of two windows is counted once | overwr|\\+=|add|accum|twice|two windows|overlap
dx[n, c, 2 * i + k // 3, 2 * j + k % 3] += dout[n, c, i, j] => dx[n, c, 2 * i + k % 3, 2 * j + k // 3] += dout[n, c, i, j] | index | row and column of the maximum are exchanged | transpos|swap|exchang|order|index|row|column
dx[n, c, 2 * i + k // 3, 2 * j + k % 3] += dout[n, c, i, j] => dx[n, c, i + k // 3, j + k % 3] += dout[n, c, i, j] | index | the stride is forgotten | stride|window|index|position|offset|place
k = window.argmax() => k = window.argmin() | index | the minimum | min|max|argm
k = window.argmax() => k = 4 | index | the middle of the window | middle|cent|max|index|argm|position|place
k = window.argmax() => k = np.abs(window).argmax() | index | the largest by absolute value | abs|max|argm|index|position
dx[n, c, 2 * i + k // 3, 2 * j + k % 3] += dout[n, c, i, j] => dx[n, c, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += dout[n, c, i, j] / 9 | other function | average pooling | average|mean|max|every|all
""")
def _(dout, x):
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dout.shape):
        window = x[n, c, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        k = window.argmax()
        dx[n, c, 2 * i + k // 3, 2 * j + k % 3] += dout[n, c, i, j]
    return dx


@subject(x=(2, 3, 3, 3), w=(3, 2, 2))
def depthwise_conv(x, w):
    return sum(x[:, :, i : i + 2, j : j + 2] * w[:, i, j][:, None, None] for i in range(2) for j in range(2))


@depthwise_conv.backward("""
dx[:, :, i : i + 2, j : j + 2] += dout * w[:, i, j][:, None, None] => dx[:, :, i : i + 2, j : j + 2] += dout * w[:, 1 - i, 1 - j][:, None, None] | flip | the kernel is flipped
dx[:, :, i : i + 2, j : j + 2] += dout * w[:, i, j][:, None, None] => dx[:, :, i : i + 2, j : j + 2] += dout * w[:, j, i][:, None, None] | transposed | the kernel is transposed
dw[:, i, j] = (dout * x[:, :, i : i + 2, j : j + 2]).sum(axis=(0, 2, 3)) => dw[:, i, j] = (dout * x[:, :, i : i + 2, j : j + 2]).sum(axis=(0, 2, 3)).sum() | axis | summed over the channels too | ax[ie]s|dim|channel|sum
dw[:, i, j] = (dout * x[:, :, i : i + 2, j : j + 2]).sum(axis=(0, 2, 3)) => dw[:, i, j] = (dout * x[:, :, :2, :2]).sum(axis=(0, 2, 3)) | index | always the first window | window|index|offset|shift|position|first
dw[:, i, j] = (dout * x[:, :, i : i + 2, j : j + 2]).sum(axis=(0, 2, 3)) => dw[:, i, j] = (dout * x[:, :, i : i + 2, j : j + 2]).mean(axis=(0, 2, 3)) | mean | a mean for the sum
dx[:, :, i : i + 2, j : j + 2] += dout * w[:, i, j][:, None, None] => dx[:, :, i : i + 2, j : j + 2] = dout * w[:, i, j][:, None, None] | overwritten | overwritten where windows overlap
dx[:, :, i : i + 2, j : j + 2] += dout * w[:, i, j][:, None, None] => dx[:, :, i : i + 2, j : j + 2] += dout * w[[1, 2, 0], i, j][:, None, None] | layout | the channels in another order
""")
def _(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(2):
        for j in range(2):
            dw[:, i, j] = (dout * x[:, :, i : i + 2, j : j + 2]).sum(axis=(0, 2, 3))
            dx[:, :, i : i + 2, j : j + 2] += dout * w[:, i, j][:, None, None]
    return dx, dw


@subject(x=(2, 2, 3, 3), w=(4, 2))
def upsample_mix(x, w):
    up = x.repeat(2, axis=2).repeat(2, axis=3)
    return np.einsum("fc,nchw->nfhw", w, up)


@upsample_mix.backward("""
dx = dup.reshape(2, 2, 3, 2, 3, 2).sum(axis=(3, 5)) => dx = dup.reshape(2, 2, 3, 2, 3, 2).mean(axis=(3, 5)) | mean | a mean for the sum over the copies
dx = dup.reshape(2, 2, 3, 2, 3, 2).sum(axis=(3, 5)) => dx = dup.reshape(2, 2, 2, 3, 2, 3).sum(axis=(2, 4)) | layout | copies that lie apart, as tile makes them | tile|repeat|order|reshape|index|layout|apart|position
dx = dup.reshape(2, 2, 3, 2, 3, 2).sum(axis=(3, 5)) => dx = dup[:, :, ::2, ::2] | path | one of the four copies | copy|copies|one of|sum|first|every second|stride|contribution|missing
dx = dup.reshape(2, 2, 3, 2, 3, 2).sum(axis=(3, 5)) => dx = dup.reshape(2, 2, 3, 2, 3, 2).max(axis=(3, 5)) | other function | the largest of the copies | max|largest|sum
dup = np.einsum("fc,nfhw->nchw", w, dout) => dup = np.einsum("fc,nfhw->nchw", w, dout.transpose(0, 1, 3, 2)) | transposed | height and width are exchanged
dw = np.einsum("nfhw,nchw->fc", dout, up) => dw = np.einsum("nfhw,nchw->fc", dout, up) / 36 | mean | divided by the positions
dw = np.einsum("nfhw,nchw->fc", dout, up) => dw = np.einsum("nfhw,nchw->fc", dout[:, :, ::2, ::2], x) | path | a quarter of the positions | position|quarter|copies|every second|sum|contribution|stride|missing
""")
def _(dout, x, w):
    up = x.repeat(2, axis=2).repeat(2, axis=3)
    dw = np.einsum("nfhw,nchw->fc", dout, up)
    dup = np.einsum("fc,nfhw->nchw", w, dout)
    dx = dup.reshape(2, 2, 3, 2, 3, 2).sum(axis=(3, 5))
    return dx, dw


@subject(x=(3, 4, 2, 2), w1=(4, 2), w2=(2, 4))
def squeeze_excite(x, w1, w2):
    s = x.mean(axis=(2, 3))
    g = 1 / (1 + np.exp(-(np.maximum(s @ w1, 0) @ w2)))
    return x * g[:, :, None, None]


@squeeze_excite.backward("""
dx = dout * g[:, :, None, None] + ds[:, :, None, None] / 4 => dx = dout * g[:, :, None, None] | constant | the gate is treated as a constant | gate|\\bg\\b|constant|path|contribution|mean|missing|exp
dx = dout * g[:, :, None, None] + ds[:, :, None, None] / 4 => dx = ds[:, :, None, None] / 4 + 0 * x | path | the direct way is forgotten | product|direct|path|contribution|factor|missing
dx = dout * g[:, :, None, None] + ds[:, :, None, None] / 4 => dx = dout * g[:, :, None, None] + ds[:, :, None, None] | mean | the 1/(H W) of the mean is missing
dx = dout * g[:, :, None, None] + ds[:, :, None, None] / 4 => dx = dout * g[:, :, None, None] + ds[:, :, None, None] / 12 | mean | divided by N H W
dg = (dout * x).sum(axis=(2, 3)) => dg = (dout * x).mean(axis=(2, 3)) | mean | a mean over the positions
dg = (dout * x).sum(axis=(2, 3)) => dg = dout.sum(axis=(2, 3)) | factor | the factor x is forgotten | \\bx\\b|factor|product
dh = (dz @ w2.T) * (h > 0) => dh = dz @ w2.T | mask | the mask of the ReLU
dz = dg * g * (1 - g) => dz = dg * g | derivative | 1 - g is forgotten | sigmoid|derivative|1 ?-
""")
def _(dout, x, w1, w2):
    s = x.mean(axis=(2, 3))
    h = np.maximum(s @ w1, 0)
    g = 1 / (1 + np.exp(-(h @ w2)))
    dg = (dout * x).sum(axis=(2, 3))
    dz = dg * g * (1 - g)
    dw2 = h.T @ dz
    dh = (dz @ w2.T) * (h > 0)
    dw1 = s.T @ dh
    ds = dh @ w1.T
    dx = dout * g[:, :, None, None] + ds[:, :, None, None] / 4
    return dx, dw1, dw2


@subject(x=(4, 5))
def total_variation(x):
    return ((x[1:] - x[:-1]) ** 2).sum() + ((x[:, 1:] - x[:, :-1]) ** 2).sum()


@total_variation.backward("""
dx[1:] += 2 * v => pass | path | one of the two ends of the vertical differences | path|contribution|missing|index|slice|one of|border|sub
dx[:-1] -= 2 * v => dx[:-1] += 2 * v | sign | the sign of the subtrahend
dx[:, 1:] += 2 * h => dx[:, 1:] = 2 * h | overwritten | the second direction overwrites the first
dx[:, :-1] -= 2 * h => dx[:, 1:] -= 2 * h | index | the slice of the other end | slice|index|shift|off by one|end|border|contribution|missing|offset
dx[:, :-1] -= 2 * h => dx[:, :-1] -= h | factor | the 2 of the square | 2\\b|square|factor|half
v = x[1:] - x[:-1] => v = np.sign(x[1:] - x[:-1]) | other function | the sign: the absolute differences | abs|sign|square|L1
""")
def _(x):
    dx = np.zeros_like(x)
    v = x[1:] - x[:-1]
    h = x[:, 1:] - x[:, :-1]
    dx[1:] += 2 * v
    dx[:-1] -= 2 * v
    dx[:, 1:] += 2 * h
    dx[:, :-1] -= 2 * h
    return dx


@subject(f=(2, 3, 8), y=labels(2, 2))
def gram_style(f, y):
    g = np.einsum("ncp,ndp->ncd", f, f) / 8
    return (g**2).sum(axis=(1, 2)) * (1.0 + y)


@gram_style.backward("""
df = np.einsum("ncd,ndp->ncp", dg + dg.transpose(0, 2, 1), f) / 8 => df = np.einsum("ncd,ndp->ncp", dg, f) / 8 | path | f occurs twice in the product | twice|both|second|symmetr|transpos|contribution|path|2\\b|half
df = np.einsum("ncd,ndp->ncp", dg + dg.transpose(0, 2, 1), f) / 8 => df = np.einsum("ncd,ndp->ncp", dg + dg.transpose(0, 2, 1), f) | mean | the 1/8 is missing | + factor|8
dg = 2 * g * (dout * (1.0 + y))[:, None, None] => dg = 2 * g * dout[:, None, None] | factor | the weights 1 + y are forgotten | \\by\\b|weight|factor
dg = 2 * g * (dout * (1.0 + y))[:, None, None] => dg = 2 * (dout * (1.0 + y))[:, None, None] * np.eye(3) | diagonal | the diagonal alone | diagonal|off-diag|g\\b|factor|derivative|square
dg = 2 * g * (dout * (1.0 + y))[:, None, None] => dg = 2 * g * (dout * (1.0 + y)).sum() | axis | summed over the batch | ax[ie]s|batch|sum|example
""")
def _(dout, f, y):
    g = np.einsum("ncp,ndp->ncd", f, f) / 8
    dg = 2 * g * (dout * (1.0 + y))[:, None, None]
    df = np.einsum("ncd,ndp->ncp", dg + dg.transpose(0, 2, 1), f) / 8
    return df
