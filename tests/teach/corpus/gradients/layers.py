"""Layers of a network, as in the assignments of courses: affine to convolution."""

from __future__ import annotations

import numpy as np

from ..subjects import bits, labels, positive, subject


@subject(x=(6, 4), w=(4, 3), b=(3,))
def affine(x, w, b):
    return x @ w + b


@affine.backward("""
dw = x.T @ dout => dw = dout.T @ x | transposed | the operands are exchanged: this is the transpose of dw
db = dout.sum(axis=0) => db = dout | not summed | db is not summed over the batch
db = dout.sum(axis=0) => db = dout.mean(axis=0) | mean | a mean over the batch where a sum belongs
db = dout.sum(axis=0) => db = dout[-1] | path | only the last example contributes to db | last|one example|sum
dw = x.T @ dout => dw = x.T @ np.ones_like(dout) | upstream | dw leaves the upstream gradient out
dw = x.T @ dout => dw = x.T @ dout / len(x) | mean | a 1/N that belongs to the loss
dx = dout @ w.T => dx = np.ones_like(dout) @ w.T | upstream | dx leaves the upstream gradient out
dx = dout @ w.T => dx = -dout @ w.T | sign | the sign of dx
dw = x.T @ dout => dw = x.T @ (dout - dout.mean(axis=0)) | other function | dw has the mean of dout over the batch removed | mean|centr|sum|batch|subtract
dx = dout @ w.T => dx = dout @ w.T + b.sum() | other function | the bias is added in the backward pass too | bias|`?\\bb\\b|constant|offset
""")
def _(dout, x, w, b):
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


@subject(x=(5, 4), w1=(4, 6), b1=(6,), w2=(6, 4), b2=(4,))
def relu_net(x, w1, b1, w2, b2):
    h = np.maximum(0, x @ w1 + b1)
    return h @ w2 + b2


@relu_net.backward("""
da = dh * (a > 0) => da = dh | mask | the mask of the ReLU is forgotten
da = dh * (a > 0) => da = dh * (dh > 0) | mask | the mask is taken from the upstream gradient
da = dh * (a > 0) => da = dh * (a < 0) | mask | the mask is the wrong way round
da = dh * (a > 0) => da = dh * h | array | the activation in the place of its mask | mask|derivative|instead|activation
dw2 = h.T @ dout => dw2 = a.T @ dout | array | a, before the ReLU, for h, after it | before|relu|instead|maximum|activation
dh = dout @ w2.T => dh = dout @ w2.T + b1 | other function | b1 is added in the backward pass too | b1|bias|offset
db2 = dout.sum(axis=0) => db2 = dout.sum(axis=1)[:4] | axis | db2 is summed over the features
da = dh * (a > 0) => da = np.maximum(0, dh) * (a > 0) | mask | a ReLU on the gradient (guided backprop)
dx = da @ w1.T => dx = (da > 0) @ w1.T | upstream | only the sign of da goes on | upstream|mask|sign|magnitude
""")
def _(dout, x, w1, b1, w2, b2):
    a = x @ w1 + b1
    h = np.maximum(0, a)
    dw2 = h.T @ dout
    db2 = dout.sum(axis=0)
    dh = dout @ w2.T
    da = dh * (a > 0)
    dw1 = x.T @ da
    db1 = da.sum(axis=0)
    dx = da @ w1.T
    return dw1, db1, dw2, db2, dx


@subject(x=(6, 4), gamma=positive(4), beta=(4,), eps=1e-5)
def batchnorm(x, gamma, beta, eps):
    mu = x.mean(axis=0)
    var = ((x - mu) ** 2).mean(axis=0)
    xhat = (x - mu) / np.sqrt(var + eps)
    return gamma * xhat + beta


@batchnorm.backward("""
dx = dxc + dmu / N => dx = dxc | constant | the mean is treated as a constant | & mean|mu\\b
dxc = dxhat * inv + dvar * 2 * xc / N => dxc = dxhat * inv | constant | the variance is treated as a constant | & var|std|sqrt|deviation|square
dxc = dxhat * inv + dvar * 2 * xc / N => dxc = dxhat * inv + dvar * xc / N | factor | the 2 of the square is missing | \\b2\\b|square|half|factor
dvar = (dxhat * xc).sum(axis=0) * -0.5 * inv**3 => dvar = (dxhat * xc).sum(axis=0) * 0.5 * inv**3 | sign | the sign of the derivative of 1/sqrt | & var|sqrt|pow|inv|std|-0\\.5|deriv|path|contribution
dvar = (dxhat * xc).sum(axis=0) * -0.5 * inv**3 => dvar = (dxhat * xc).sum(axis=0) * -0.5 * inv | derivative | inv to the power of 1, not 3 | sqrt|pow|inv|std|var|derivative
dgamma = (dout * xhat).sum(axis=0) => dgamma = (dout * x).sum(axis=0) | array | x for its normalised form | normali|xhat|instead|x_hat
dgamma = (dout * xhat).sum(axis=0) => dgamma = (dout * xc).sum(axis=0) | array | the centred x, not divided by the deviation | normali|std|sqrt|divi|instead|xhat|var
dbeta = dout.sum(axis=0) => dbeta = dout.mean(axis=0) | mean | a mean where a sum belongs
dxhat = dout * gamma => dxhat = dout | factor | gamma is left out | gamma|factor|scale
dmu = -dxc.sum(axis=0) => dmu = dxc.sum(axis=0) | sign | the sign of dmu | & mean|mu\\b|sub|deriv|path|contribution
dx = dxc + dmu / N => dx = dxc + dmu | mean | the 1/N of the mean is missing
dx = dxc + dmu / N => dx = dxc + dmu / D | mean | the number of features for the number of examples
dgamma = (dout * xhat).sum(axis=0) => dgamma = dout.sum(axis=0) * xhat.sum(axis=0) | other function | product of sums for the sum of products | sum|product|order
""")
def _(dout, x, gamma, beta, eps):
    N, D = x.shape
    xc = x - x.mean(axis=0)
    inv = 1 / np.sqrt((xc**2).mean(axis=0) + eps)
    xhat = xc * inv
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dxhat = dout * gamma
    dvar = (dxhat * xc).sum(axis=0) * -0.5 * inv**3
    dxc = dxhat * inv + dvar * 2 * xc / N
    dmu = -dxc.sum(axis=0)
    dx = dxc + dmu / N
    return dx, dgamma, dbeta


@subject(x=(4, 6), gamma=positive(6), beta=(6,), eps=1e-5)
def layernorm(x, gamma, beta, eps):
    mu = x.mean(axis=1, keepdims=True)
    sigma = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    return gamma * (x - mu) / sigma + beta


@layernorm.backward("""
dx = (dxhat - m1 - xhat * m2) / sigma => dx = (dxhat - xhat * m2) / sigma | constant | the mean is treated as a constant | & mean|mu\\b
dx = (dxhat - m1 - xhat * m2) / sigma => dx = (dxhat - m1) / sigma | constant | the deviation is treated as a constant | & var|std|sigma|sqrt
dx = (dxhat - m1 - xhat * m2) / sigma => dx = dxhat / sigma | constant | mean and deviation are treated as constants | & used \\d times|mean|mu\\b|var|std|sigma|sqrt
dx = (dxhat - m1 - xhat * m2) / sigma => dx = dxhat - m1 - xhat * m2 | factor | not divided by the deviation | sigma|sqrt|std|divi|var
m1 = dxhat.mean(axis=1, keepdims=True) => m1 = dxhat.mean(axis=0, keepdims=True) | axis | the mean over the batch, as in batch norm | batch|ax[ie]s|dim
m2 = (dxhat * xhat).mean(axis=1, keepdims=True) => m2 = (dxhat * xhat).sum(axis=1, keepdims=True) | mean | a sum for a mean
dxhat = dout * gamma => dxhat = dout | factor | gamma is left out | gamma|factor|scale
dgamma = (dout * xhat).sum(axis=0) => dgamma = (dout * xhat).sum(axis=1) | axis | dgamma is summed over the features
dx = (dxhat - m1 - xhat * m2) / sigma => dx = (dxhat - m1 - xhat * m2) / sigma**2 | derivative | divided by the variance | sigma|sqrt|std|var|twice|divi|root
""")
def _(dout, x, gamma, beta, eps):
    sigma = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    xhat = (x - x.mean(axis=1, keepdims=True)) / sigma
    dxhat = dout * gamma
    m1 = dxhat.mean(axis=1, keepdims=True)
    m2 = (dxhat * xhat).mean(axis=1, keepdims=True)
    dx = (dxhat - m1 - xhat * m2) / sigma
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    return dx, dgamma, dbeta


@subject(x=(4, 6), gain=positive(6))
def rmsnorm(x, gain):
    r = np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-6)
    return gain * x / r


@rmsnorm.backward("""
dx = g / r - x * s / (D * r**3) => dx = g / r | constant | the root mean square is treated as a constant | & mean|sqrt|root|norm|rms|square|\\br\\b
dx = g / r - x * s / (D * r**3) => dx = g / r + x * s / (D * r**3) | sign | the sign of the path through r
dx = g / r - x * s / (D * r**3) => dx = g / r - x * s / r**3 | mean | the 1/D of the mean is missing
dx = g / r - x * s / (D * r**3) => dx = g / r - x * s / (D * r**2) | derivative | r to the power of 2, not 3 | sqrt|pow|root|derivative|factor|\\br\\b
dgain = (dout * x / r).sum(axis=0) => dgain = (dout * x).sum(axis=0) | array | x that is not normalised | normali|instead|divi|\\br\\b|sqrt
s = (g * x).sum(axis=-1, keepdims=True) => s = (g * x) | diagonal | the sum over the features is missing: the diagonal alone | sum|diagonal|Jacobian
g = dout * gain => g = dout | factor | gain is left out | gain|factor|scale
""")
def _(dout, x, gain):
    D = x.shape[-1]
    r = np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-6)
    g = dout * gain
    s = (g * x).sum(axis=-1, keepdims=True)
    dx = g / r - x * s / (D * r**3)
    dgain = (dout * x / r).sum(axis=0)
    return dx, dgain


@subject(x=(5, 6), mask=bits(5, 6), keep=0.5, w=(6, 3))
def dropout_affine(x, mask, keep, w):
    h = np.tanh(x) * mask / keep
    return h @ w


@dropout_affine.backward("""
dt = dh * mask / keep => dt = dh / keep | mask | the mask of the dropout is forgotten
dt = dh * mask / keep => dt = dh * mask | factor | the 1/keep is forgotten | keep|factor|half|1/2|0\\.5|2\\b|scale
dt = dh * mask / keep => dt = dh * mask * keep | factor | multiplied by keep for divided | keep|factor|divi|0\\.25|1/4
dt = dh * mask / keep => dt = dh * (1 - mask) / keep | mask | the mask is inverted
dx = dt * (1 - t**2) => dx = dt * t * (1 - t) | derivative | the derivative of the sigmoid for that of tanh | sigmoid|derivative
dx = dt * (1 - t**2) => dx = dt * (1 - t) | derivative | the square of t is forgotten | square|derivative|tanh
dx = dt * (1 - t**2) => dx = dt * (1 - x**2) | array | x for tanh(x) | tanh|instead|input|before
dx = dt * (1 - t**2) => dx = dt | derivative | the derivative of tanh is forgotten | tanh|derivative
dw = h.T @ dout => dw = t.T @ dout | mask | the activation before the dropout | mask|dropout|before|keep|instead
dx = dt * (1 - t**2) => dx = dt * (1 - h**2) | array | the activation after the dropout for the one before | after|before|instead|h\\b|mask
""")
def _(dout, x, mask, keep, w):
    t = np.tanh(x)
    h = t * mask / keep
    dw = h.T @ dout
    dh = dout @ w.T
    dt = dh * mask / keep
    dx = dt * (1 - t**2)
    return dx, dw


@subject(x=(2, 2, 5, 5), w=(3, 2, 3, 3), b=(3,))
def conv(x, w, b):
    N, C, H, W = x.shape
    F, _, k, _ = w.shape
    out = np.zeros((N, F, H - k + 1, W - k + 1))
    for i in range(H - k + 1):
        for j in range(W - k + 1):
            out[:, :, i, j] = np.tensordot(x[:, :, i : i + k, j : j + k], w, axes=([1, 2, 3], [1, 2, 3])) + b
    return out


@conv.backward("""
dx[:, :, i : i + k, j : j + k] += np.tensordot(d, w, axes=(1, 0)) => dx[:, :, i : i + k, j : j + k] = np.tensordot(d, w, axes=(1, 0)) | overwritten | windows overlap, and each overwrites the one before
dw += np.tensordot(d, window, axes=(0, 0)) => dw = np.tensordot(d, window, axes=(0, 0)) | overwritten | only the last position is kept in dw | overwr|\\+=|last|accum|add up|position
np.tensordot(d, w, axes=(1, 0)) => np.tensordot(d, w[:, :, ::-1, ::-1], axes=(1, 0)) | flip | the kernel is flipped although the loop scatters
db = dout.sum(axis=(0, 2, 3)) => db = dout.sum(axis=0) | not summed | db is not summed over the positions
db = dout.sum(axis=(0, 2, 3)) => db = dout.mean(axis=(0, 2, 3)) | mean | a mean over examples and positions
db = dout.sum(axis=(0, 2, 3)) => db = dout[0].sum(axis=(1, 2)) | path | only the first example | first|example|batch|sum
window = x[:, :, i : i + k, j : j + k] => window = x[:, :, j : j + k, i : i + k] | index | rows and columns of the window are exchanged | transpos|swap|exchang|order|row|index|window
for i in range(H - k + 1): => for i in range(H - k): | index | the last row of windows is left out | last|row|window|border|edge|off by one|index
d = dout[:, :, i, j] => d = dout[:, :, j, i] | transposed | the gradient is read with the indices exchanged | transpos|swap|exchang|order|index
""")
def _(dout, x, w, b):
    N, C, H, W = x.shape
    k = w.shape[2]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    db = dout.sum(axis=(0, 2, 3))
    for i in range(H - k + 1):
        for j in range(W - k + 1):
            d = dout[:, :, i, j]
            window = x[:, :, i : i + k, j : j + k]
            dw += np.tensordot(d, window, axes=(0, 0))
            dx[:, :, i : i + k, j : j + k] += np.tensordot(d, w, axes=(1, 0))
    return dx, dw, db


@subject(x=(2, 2, 4, 4), w=(3, 2, 3, 3))
def conv_im2col(x, w):
    N, C, H, W = x.shape
    p = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    cols = np.stack([p[:, :, i : i + H, j : j + W] for i in range(3) for j in range(3)], axis=2)
    cols = cols.reshape(N, C * 9, H * W)
    return (w.reshape(len(w), -1) @ cols).reshape(N, len(w), H, W)


@conv_im2col.backward("""
dw = (d @ cols.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape) => dw = (d @ cols.transpose(0, 2, 1)).mean(axis=0).reshape(w.shape) | mean | a mean over the batch for a sum
dw = (d @ cols.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape) => dw = (d @ cols.transpose(0, 2, 1)).sum(axis=0).reshape(3, 9, 2).transpose(0, 2, 1).reshape(w.shape) | layout | channels and taps are taken apart in the wrong order
dp[:, :, i : i + H, j : j + W] += dcols[:, :, 3 * i + j] => dp[:, :, i : i + H, j : j + W] = dcols[:, :, 3 * i + j] | overwritten | col2im overwrites where it should add
dcols[:, :, 3 * i + j] => dcols[:, :, i + 3 * j] | layout | the taps in another order | order|transpos|index|reshape|tap|layout|kernel
dx = dp[:, :, 1:-1, 1:-1] => dx = dp[:, :, :-2, :-2] | index | the padding is cut off at the wrong side | pad|shift|offset|moved|roll|off by one|index|window
dx = dp[:, :, 1:-1, 1:-1] => dx = dp | shape | the padding is not cut off | pad|shape|border
dcols = (w.reshape(3, 18).T @ d).reshape(N, C, 9, H, W) => dcols = (w[:, :, ::-1, ::-1].reshape(3, 18).T @ d).reshape(N, C, 9, H, W) | flip | the kernel is flipped although col2im needs none
d = dout.reshape(N, 3, H * W) => d = dout.transpose(0, 1, 3, 2).reshape(N, 3, H * W) | layout | height and width are exchanged | transpos|order|swap|exchang|height|layout
""")
def _(dout, x, w):
    N, C, H, W = x.shape
    p = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    cols = np.stack([p[:, :, i : i + H, j : j + W] for i in range(3) for j in range(3)], axis=2)
    cols = cols.reshape(N, C * 9, H * W)
    d = dout.reshape(N, 3, H * W)
    dw = (d @ cols.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape)
    dcols = (w.reshape(3, 18).T @ d).reshape(N, C, 9, H, W)
    dp = np.zeros_like(p)
    for i in range(3):
        for j in range(3):
            dp[:, :, i : i + H, j : j + W] += dcols[:, :, 3 * i + j]
    dx = dp[:, :, 1:-1, 1:-1]
    return dx, dw


@subject(x=(2, 2, 4, 6))
def max_pool(x):
    N, C, H, W = x.shape
    return x.reshape(N, C, H // 2, 2, W // 2, 2).max(axis=(3, 5))


@max_pool.backward("""
mask = windows == windows.max(axis=(3, 5), keepdims=True) => mask = windows != windows.max(axis=(3, 5), keepdims=True) | mask | the mask is inverted: to all but the maximum | mask|max|invert|all but|where
mask = windows == windows.max(axis=(3, 5), keepdims=True) => mask = np.ones_like(windows) | mask | every element gets the gradient, not the maximum alone | max|mask|average|every|all|where
mask = windows == windows.max(axis=(3, 5), keepdims=True) => mask = np.ones_like(windows) / 4 | other function | the gradient of average pooling | average|mean|max
mask = windows == windows.max(axis=(3, 5), keepdims=True) => mask = windows == windows.min(axis=(3, 5), keepdims=True) | mask | the minimum's place | min|max|argm
mask = windows == windows.max(axis=(3, 5), keepdims=True) => mask = windows == windows.max(axis=5, keepdims=True) | axis | the maximum over one of the two axes | ax[ie]s|dim|row|max|window
windows = x.reshape(N, C, H // 2, 2, W // 2, 2) => windows = x.reshape(N, C, 2, H // 2, 2, W // 2).transpose(0, 1, 3, 2, 5, 4) | layout | windows of elements that are far apart | window|reshape|order|layout|transpos|index
dx = (mask * dout[:, :, :, None, :, None]).reshape(x.shape) => dx = (mask * windows * dout[:, :, :, None, :, None]).reshape(x.shape) | derivative | times the value itself | times|value|input|factor|multipl|\\bx\\b
""")
def _(dout, x):
    N, C, H, W = x.shape
    windows = x.reshape(N, C, H // 2, 2, W // 2, 2)
    mask = windows == windows.max(axis=(3, 5), keepdims=True)
    dx = (mask * dout[:, :, :, None, :, None]).reshape(x.shape)
    return dx


@subject(x=(2, 3, 4, 4))
def avg_pool(x):
    return 0.25 * (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2])


@avg_pool.backward("""
dx = dout.repeat(2, axis=2).repeat(2, axis=3) / 4 => dx = dout.repeat(2, axis=2).repeat(2, axis=3) | mean | not divided by the size of the window | + factor|4
dx = dout.repeat(2, axis=2).repeat(2, axis=3) / 4 => dx = dout.repeat(2, axis=2).repeat(2, axis=3) / 2 | mean | divided by 2, not 4 | + factor|2
dx = dout.repeat(2, axis=2).repeat(2, axis=3) / 4 => dx = np.tile(dout, (1, 1, 2, 2)) / 4 | layout | tile for repeat | tile|repeat|order|index|window|place|position|layout
dx = dout.repeat(2, axis=2).repeat(2, axis=3) / 4 => dx = dout.repeat(2, axis=3).repeat(2, axis=2).transpose(0, 1, 3, 2) / 4 | transposed | height and width are exchanged
dx = dout.repeat(2, axis=2).repeat(2, axis=3) / 4 => dx = np.roll(dout.repeat(2, axis=2).repeat(2, axis=3), 1, axis=3) / 4 | index | the windows lie one column too far right
dx = dout.repeat(2, axis=2).repeat(2, axis=3) / 4 => dx = dout.repeat(2, axis=2).repeat(2, axis=3) * (x > 0) / 4 | mask | a mask where there is no ReLU | mask|>|only where|positive
""")
def _(dout, x):
    dx = dout.repeat(2, axis=2).repeat(2, axis=3) / 4
    return dx


@subject(table=(7, 3), tokens=np.array([[1, 2, 1, 4], [0, 2, 2, 2], [5, 1, 3, 4]]))
def embedding_mean(table, tokens):
    return table[tokens].mean(axis=1)


@embedding_mean.backward("""
np.add.at(dtable, tokens, d) => dtable[tokens] += d | scatter | += with repeated indices counts each once
np.add.at(dtable, tokens, d) => np.add.at(dtable, np.unique(tokens), d[:, 0].sum(axis=0)) | path | every token that occurs gets the sum of the first | each|unique|token|ind(ex|ices)|first|sum|same
d = (dout / L)[:, None, :].repeat(L, axis=1) => d = dout[:, None, :].repeat(L, axis=1) | mean | the 1/L of the mean is missing
d = (dout / L)[:, None, :].repeat(L, axis=1) => d = (dout / N)[:, None, :].repeat(L, axis=1) | mean | divided by the batch, not the length
np.add.at(dtable, tokens, d) => np.add.at(dtable, tokens + 1, d) | index | the indices are off by one
np.add.at(dtable, tokens, d) => np.add.at(dtable, np.sort(tokens, axis=0), d) | index | the tokens in another order | order|ind(ex|ices)|sort|row|token|permut
np.add.at(dtable, tokens, d) => np.add.at(dtable, tokens[:, :1], d[:, :1]) | path | only the first token of each example | first|token|only|time|index|missing|column
""")
def _(dout, table, tokens):
    N, L = tokens.shape
    dtable = np.zeros_like(table)
    d = (dout / L)[:, None, :].repeat(L, axis=1)
    np.add.at(dtable, tokens, d)
    return dtable


@subject(x=(4, 5), w1=(5, 5), w2=(5, 5))
def residual(x, w1, w2):
    h = np.maximum(x @ w1, 0)
    return x + h @ w2


@residual.backward("""
dx = dout + da @ w1.T => dx = da @ w1.T | path | the skip connection is forgotten | skip|residual|identity|contribution|path|missing|dropp|add
dx = dout + da @ w1.T => dx = dout | path | the branch is forgotten | branch|contribution|path|missing|only|dropp|matmul|@
dx = dout + da @ w1.T => dx = dout * (da @ w1.T) | other function | multiplied where the two paths add | add|sum|product|multipl
dx = dout + da @ w1.T => dx = 2 * dout + da @ w1.T | path | the skip counts twice | twice|2\\b|skip|residual|double
dx = dout + da @ w1.T => dx = x + da @ w1.T | array | x itself for the gradient of the skip | upstream|instead|input|\\bx\\b|skip
da = dh * (h > 0) => da = (dh + dout) * (h > 0) | path | the skip's gradient goes through the branch too | skip|twice|contribution|branch|extra|upstream|add
dw2 = h.T @ dout => dw2 = x.T @ dout | array | x for h | instead|relu|`?h\\b|input|before|maximum
da = dh * (h > 0) => da = dh * (x > 0) | mask | the mask from x, not from the ReLU's input
dw1 = x.T @ da => dw1 = h.T @ da | array | h for x | instead|input|`?x\\b
""")
def _(dout, x, w1, w2):
    h = np.maximum(x @ w1, 0)
    dw2 = h.T @ dout
    dh = dout @ w2.T
    da = dh * (h > 0)
    dw1 = x.T @ da
    dx = dout + da @ w1.T
    return dx, dw1, dw2


@subject(x=(4, 5), w1=(5, 6), b1=(6,), w2=(6, 3))
def gelu_mlp(x, w1, b1, w2):
    a = x @ w1 + b1
    u = np.sqrt(2 / np.pi) * (a + 0.044715 * a**3)
    return (0.5 * a * (1 + np.tanh(u))) @ w2


@gelu_mlp.backward("""
dg = 0.5 * (1 + t) + 0.5 * a * (1 - t**2) * du => dg = 0.5 * (1 + t) | path | the path through tanh is forgotten | tanh|product|contribution|path|constant|missing
dg = 0.5 * (1 + t) + 0.5 * a * (1 - t**2) * du => dg = 0.5 * a * (1 - t**2) * du | path | the path through the factor a is forgotten | product|contribution|path|missing|factor
du = c * (1 + 3 * 0.044715 * a**2) => du = c * (1 + 0.044715 * a**2) | factor | the 3 of the cube is missing | \\b3\\b|cube|power|factor|exponent
du = c * (1 + 3 * 0.044715 * a**2) => du = 1 + 3 * 0.044715 * a**2 | factor | sqrt(2/pi) is forgotten | sqrt|0\\.79|factor|scale|pi
dg = 0.5 * (1 + t) + 0.5 * a * (1 - t**2) * du => dg = 0.5 * (1 + t) + 0.5 * a * (1 - t) * du | derivative | the derivative of tanh is 1 - t², not 1 - t | tanh|derivative|square
dg = 0.5 * (1 + t) + 0.5 * a * (1 - t**2) * du => dg = (1 + t) + a * (1 - t**2) * du | factor | the factor 0.5 is missing | 0\\.5|factor|half|1/2|2\\b
da = (dout @ w2.T) * dg => da = (dout @ w2.T) * (a > 0) | other function | the derivative of the ReLU | relu|a > 0|mask|derivative|maximum
dg = 0.5 * (1 + t) + 0.5 * a * (1 - t**2) * du => dg = 1 / (1 + np.exp(-1.702 * a)) | other function | the sigmoid's form of GELU, and its derivative without the product | sigmoid|product|derivative|gelu|another
""")
def _(dout, x, w1, b1, w2):
    a = x @ w1 + b1
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (a + 0.044715 * a**3))
    dw2 = (0.5 * a * (1 + t)).T @ dout
    du = c * (1 + 3 * 0.044715 * a**2)
    dg = 0.5 * (1 + t) + 0.5 * a * (1 - t**2) * du
    da = (dout @ w2.T) * dg
    dw1 = x.T @ da
    db1 = da.sum(axis=0)
    dx = da @ w1.T
    return dx, dw1, db1, dw2


@subject(x=(3, 5), u=(5, 4), v=(4, 2), y=labels(3, 2))
def sigmoid_scores(x, u, v, y):
    z = 1 / (1 + np.exp(-(x @ u)))
    s = z @ v
    return s[np.arange(len(y)), y]


@sigmoid_scores.backward("""
ds[np.arange(len(y)), y] = dout => ds[:, y] = dout[:, None] | index | ds[:, y] selects whole columns | every element|ind(ex|ices)|column|row|arange|select|\\[:, y\\]
ds[np.arange(len(y)), y] = dout => ds[np.arange(len(y)), 0] = dout | index | column 0 always, not that of the label
ds[np.arange(len(y)), y] = dout => ds[np.arange(len(y)), 1 - y] = dout | index | the other class's column
da = dz * z * (1 - z) => da = dz * (1 - z**2) | derivative | the derivative of tanh for that of the sigmoid | tanh|derivative
da = dz * z * (1 - z) => da = dz * z | derivative | the 1 - z is forgotten | derivative|1 ?- ?z|sigmoid|factor
da = dz * z * (1 - z) => da = dz * a * (1 - a) | array | the input of the sigmoid for its output | sigmoid|before|instead|input|output
da = dz * z * (1 - z) => da = dz * (1 - z) | derivative | the factor z is forgotten | derivative|sigmoid|factor
dv = z.T @ ds => dv = a.T @ ds | array | before the sigmoid for after it | sigmoid|before|instead
""")
def _(dout, x, u, v, y):
    a = x @ u
    z = 1 / (1 + np.exp(-a))
    ds = np.zeros((len(y), 2))
    ds[np.arange(len(y)), y] = dout
    dv = z.T @ ds
    dz = ds @ v.T
    da = dz * z * (1 - z)
    du = x.T @ da
    dx = da @ u.T
    return dx, du, dv
