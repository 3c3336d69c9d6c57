"""Functions in which a value is used more than once, kept, changed or rounded: order, staleness, arithmetic."""

from __future__ import annotations

import numpy as np

from ..subjects import bits, labels, positive, subject


@subject(x=(4,), w=(4, 4))
def diamond(x, w):
    a = np.tanh(w @ x)
    b = a * a
    c = np.sin(a)
    d = b * c + a
    return d


@diamond.backward("""
da = dd + dc * np.cos(a) + db * 2 * a => da = dd + dc * np.cos(a) | path | the way through b is forgotten
da = dd + dc * np.cos(a) + db * 2 * a => da = dc * np.cos(a) + db * 2 * a | path | the direct way is forgotten
da = dd + dc * np.cos(a) + db * 2 * a => da = db * 2 * a | overwritten | the last contribution overwrites those before it | overwr|\\+=|add|accum|contribution|missing|path
da = dd + dc * np.cos(a) + db * 2 * a => da = dd; dz = da * (1 - a**2); da = dd + dc * np.cos(a) + db * 2 * a | order | passed on before the other contributions arrived
dz = da * (1 - a**2)\\n => dz = dc * np.cos(a) * (1 - a**2) + 0 * da\\n | order | only the contribution of c was there when it was passed on
db = dd * c => db = dd * b | array | b for c | instead|another|factor|operand|product|`?[bc]\\b
db = dd * c => db = dd | factor | the factor c is forgotten | \\bc\\b|factor|product
dw = np.outer(dz, x) => dw = np.outer(x, dz) | transposed | the outer product the other way round | transpos|outer|order|swap|exchang
dx = w.T @ dz => dx = w @ dz | transposed | w is not transposed
da = dd + dc * np.cos(a) + db * 2 * a => da = dd + dc * np.cos(a) + db * a | path | a a is a square: the second factor's contribution | 2\\b|square|twice|second|contribution|factor|both
""")
def _(dout, x, w):
    a = np.tanh(w @ x)
    b = a * a
    c = np.sin(a)
    dz = None
    dd = dout
    db = dd * c
    dc = dd * b
    da = dd + dc * np.cos(a) + db * 2 * a
    if dz is None:
        dz = da * (1 - a**2)
    dw = np.outer(dz, x)
    dx = w.T @ dz
    return dx, dw


@subject(w=(4, 4), x=(3, 4))
def tied_layers(w, x):
    h = np.tanh(x @ w)
    return np.tanh(h @ w.T)


@tied_layers.backward("""
dw = x.T @ da + (h.T @ db).T => dw = x.T @ da | path | the second use of w is forgotten | second|twice|both|contribution|path|used|use of|missing|tied|shared
dw = x.T @ da + (h.T @ db).T => dw = (h.T @ db).T | path | the first use of w is forgotten | first|twice|both|contribution|path|used|use of|missing|tied|shared
dw = x.T @ da + (h.T @ db).T => dw = x.T @ da + h.T @ db | transposed | the second contribution is not transposed
dh = db @ w => dh = db @ w.T | transposed | w transposed where it is not
db = dout * (1 - y**2) => db = dout * (1 - h**2) | array | h for y | instead|`?[hy]\\b|tanh|before|another
da = dh * (1 - h**2) => da = dh * (1 - y**2) | array | y for h | instead|`?[hy]\\b|tanh|after|another
dx = da @ w.T => dx = da @ w.T @ w.T | other function | through w twice | twice|@|matmul|extra|again|once
""")
def _(dout, w, x):
    h = np.tanh(x @ w)
    y = np.tanh(h @ w.T)
    db = dout * (1 - y**2)
    dh = db @ w
    da = dh * (1 - h**2)
    dw = x.T @ da + (h.T @ db).T
    dx = da @ w.T
    return dw, dx


@subject(x=(5, 3), w=(3, 4), v=(4, 2))
def relu_in_place(x, w, v):
    a = x @ w
    h = np.maximum(a, 0) + 0.1 * a
    return h @ v


@relu_in_place.backward("""
mask = a > 0 => mask = h > 0.05 | mask | the mask of another array, with another bound | mask|>|condition|where|instead
da = dh * (mask + 0.1) => da = dh * mask | path | the way 0.1 a is forgotten | 0\\.1|path|contribution|missing|linear|leaky|skip
da = dh * (mask + 0.1) => da = dh * np.where(mask, 1, 0.1) | factor | a leaky ReLU: 1 for 1.1 | leaky|1\\.1|0\\.1|add|instead|where
da = dh * (mask + 0.1) => da = dh * (~mask + 0.1) | mask | the mask is inverted
dx = da @ w.T => w = w - 0.1 * dw; dx = da @ w.T | stale | w was updated before it is used | + updat|w\\b
dh = dout @ v.T => v = v - 0.1 * dv; dh = dout @ v.T | stale | v was updated before it is used | + updat|v\\b
dw = x.T @ da => x = np.maximum(x, 0); dw = x.T @ da | stale | x was changed in place | + x\\b|input|maximum|relu
dv = h.T @ dout => h -= h.mean(axis=0); dv = h.T @ dout | stale | h was centred in place | + h\\b|mean|centr|subtract
""")
def _(dout, x, w, v):
    a = x @ w
    h = np.maximum(a, 0) + 0.1 * a
    mask = a > 0
    dv = h.T @ dout
    dh = dout @ v.T
    da = dh * (mask + 0.1)
    dw = x.T @ da
    dx = da @ w.T
    return dx, dw, dv


@subject(z=lambda rng: 6 * rng.standard_normal((5, 4)), y=labels(5, 4))
def softmax_loss_of_large_scores(z, y):
    s = z - z.max(axis=1, keepdims=True)
    return (np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(y)), y]).sum()


@softmax_loss_of_large_scores.backward("""
p = e / e.sum(axis=1, keepdims=True) => p = np.clip(e / e.sum(axis=1, keepdims=True), 0.02, 0.98) | saturated | the probabilities are clipped
p = e / e.sum(axis=1, keepdims=True) => p = np.round(e / e.sum(axis=1, keepdims=True), 1) | saturated | the probabilities are rounded to one digit | + digit
p = e / e.sum(axis=1, keepdims=True) => p = (e + 0.01) / (e + 0.01).sum(axis=1, keepdims=True) | saturated | 0.01 is added to the exponentials | + add|0\\.01|constant
p = e / e.sum(axis=1, keepdims=True) => p = e / (e.sum(axis=1, keepdims=True) + 1) | other function | 1 is added to the sum | + 1\\b|add|sum|normali|constant
p = e / e.sum(axis=1, keepdims=True) => p = 1 / (1 + np.exp(-z)) | other function | a sigmoid for each class | sigmoid|softmax|each class
e = np.exp(z - z.max(axis=1, keepdims=True)) => e = np.exp(z - z.max(axis=1, keepdims=True)) * (z > 0) | mask | the exponentials of negative scores are dropped
dz = p - np.eye(4)[y] => dz = p - (p == p.max(axis=1, keepdims=True)) | index | the largest score for the target | target|label|max|argm|correct|y\\b
""")
def _(z, y):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    dz = p - np.eye(4)[y]
    return dz


@subject(a=(4, 3), b=(4, 3), T=0.5)
def info_nce(a, b, T):
    s = a @ b.T / T
    return (np.log(np.exp(s).sum(axis=1)) - s[np.arange(4), np.arange(4)]).mean()


@info_nce.backward("""
ds = (p - np.eye(4)) / 4 => ds = p / 4 | path | the positive pairs are not subtracted | positive|target|diagonal|eye|1\\b|missing|subtract|contribution
ds = (p - np.eye(4)) / 4 => ds = p - np.eye(4) | mean | the 1/N is missing
p = e / e.sum(axis=1, keepdims=True) => p = e / e.sum(axis=0, keepdims=True) | axis | the softmax over the columns
da = ds @ b / T => da = ds @ b | factor | the 1/T is forgotten | \\bT\\b|temperature|factor|2\\b|half
db = ds.T @ a / T => db = ds @ a / T | transposed | ds is not transposed
db = ds.T @ a / T => db = ds.T @ a * T | factor | multiplied by T for divided | \\bT\\b|temperature|factor|divi|4\\b|1/4
ds = (p - np.eye(4)) / 4 => ds = (p - np.eye(4)) * np.eye(4) / 4 | diagonal | the positive pairs alone | diagonal|negative|positive|pairs|eye|contribution|missing
ds = (p - np.eye(4)) / 4 => ds = (p - np.eye(4)[::-1]) / 4 | index | the wrong partner | target|partner|index|order|diagonal|flip|label
""")
def _(a, b, T):
    e = np.exp(a @ b.T / T)
    p = e / e.sum(axis=1, keepdims=True)
    ds = (p - np.eye(4)) / 4
    da = ds @ b / T
    db = ds.T @ a / T
    return da, db


@subject(h=(3, 5, 4), w=(4,), mask=np.array([[1.0, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]))
def masked_mean(h, w, mask):
    s = np.tanh(h @ w) * mask
    return s.sum(axis=1) / mask.sum(axis=1)


@masked_mean.backward("""
ds = dout[:, None] * mask / n => ds = dout[:, None] / n | mask | the mask is forgotten: padding gets a gradient | + padd
ds = dout[:, None] * mask / n => ds = dout[:, None] * mask / mask.shape[1] | mean | the padded length for the number of words
ds = dout[:, None] * mask / n => ds = dout[:, None] * mask / mask.sum() | mean | the words of all sentences
ds = dout[:, None] * mask / n => ds = dout[:, None] * mask | mean | the mean is missing
ds = dout[:, None] * mask / n => ds = dout.mean() * mask / n | mean | a mean of the upstream gradient | mean|upstream|each|averag
da = ds * (1 - t**2) => da = ds * (1 - (t * mask).mean(axis=1, keepdims=True) ** 2) | array | the pooled value for each word's | mean|instead|tanh|after|pool|each
dw = np.einsum("nt,ntd->d", da, h) => dw = np.einsum("nt,ntd->d", da, h) / len(h) | mean | a mean over the sentences
dh = da[:, :, None] * w => dh = da[:, :, None] * w * h | factor | times h | \\bh\\b|factor|times|multipl
""")
def _(dout, h, w, mask):
    n = mask.sum(axis=1, keepdims=True)
    t = np.tanh(h @ w)
    ds = dout[:, None] * mask / n
    da = ds * (1 - t**2)
    dw = np.einsum("nt,ntd->d", da, h)
    dh = da[:, :, None] * w
    return dh, dw


@subject(x=(5, 6), theta=np.linspace(0.1, 1.5, 15).reshape(5, 3))
def rotary(x, theta):
    a, b = x[:, 0::2], x[:, 1::2]
    return np.concatenate([a * np.cos(theta) - b * np.sin(theta), a * np.sin(theta) + b * np.cos(theta)], axis=1)


@rotary.backward("""
dx[:, 0::2] = du * cos + dv * sin => dx[:, 0::2] = du * cos - dv * sin | sign | turned the same way as forward | sign|revers|direction|angle|transpos|invers
dx[:, 1::2] = -du * sin + dv * cos => dx[:, 1::2] = dv * cos | path | the way of b to the first half is forgotten | path|contribution|missing|sin|sub
dx[:, 0::2] = du * cos + dv * sin => dx[:, :3] = du * cos + dv * sin | layout | the first half for the even columns | half|even|order|layout|index|column|interleav|stride|slice
du, dv = dout[:, :3], dout[:, 3:] => du, dv = dout[:, 0::2], dout[:, 1::2] | layout | the output is taken as interleaved | half|even|order|layout|index|column|interleav|slice
cos, sin = np.cos(theta), np.sin(theta) => cos, sin = np.sin(theta), np.cos(theta) | array | sine and cosine are exchanged | sin|cos|exchang|swap
cos, sin = np.cos(theta), np.sin(theta) => cos, sin = np.cos(theta[0]), np.sin(theta[0]) | index | the angles of the first position | first|position|index|row|angle|theta
""")
def _(dout, x, theta):
    dx = np.zeros_like(x)
    cos, sin = np.cos(theta), np.sin(theta)
    du, dv = dout[:, :3], dout[:, 3:]
    dx[:, 0::2] = du * cos + dv * sin
    dx[:, 1::2] = -du * sin + dv * cos
    return dx


@subject(x=(4, 2), Wf=(2, 3), Wb=(2, 3), Uf=(3, 3), Ub=(3, 3))
def bidirectional_rnn(x, Wf, Wb, Uf, Ub):
    T = len(x)
    f, b, fs, bs = np.zeros(3), np.zeros(3), [], []
    for t in range(T):
        f = np.tanh(x[t] @ Wf + f @ Uf)
        b = np.tanh(x[T - 1 - t] @ Wb + b @ Ub)
        fs.append(f)
        bs.append(b)
    return np.concatenate([np.stack(fs), np.stack(bs[::-1])], axis=1)


@bidirectional_rnn.backward("""
gb = dout[::-1, 3:] => gb = dout[:, 3:] | flip | the backward half's gradients are not reversed | revers|flip|order|direction|time
dxb = dxb[::-1] => dxb = dxb | flip | the gradient for x is not reversed back | revers|flip|order|direction|time
dx = dxf + dxb => dx = dxf | path | the backward direction is forgotten | backward|direction|second|path|contribution|missing|bidirect
gf = dout[:, :3] => gf = dout[:, 3:] | index | the other half | half|index|slice|exchang|swap|column|order
d = g[t] + carry => d = g[t] | time | the gradient from the next step is forgotten
dU += np.outer(s[t - 1] if t else 0 * d, da) => dU += np.outer(s[t], da) | time | the new state for the old one | old|previous|new|state|time|instead|step|before
carry = da @ U.T => carry = da @ U | transposed | U is not transposed
""")
def _(dout, x, Wf, Wb, Uf, Ub):
    def direction(x, W, U, g):
        s, h = [], np.zeros(3)
        for t in range(len(x)):
            h = np.tanh(x[t] @ W + h @ U)
            s.append(h)
        dx, dW, dU, carry = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros(3)
        for t in reversed(range(len(x))):
            d = g[t] + carry
            da = d * (1 - s[t] ** 2)
            dW += np.outer(x[t], da)
            dU += np.outer(s[t - 1] if t else 0 * d, da)
            dx[t] = da @ W.T
            carry = da @ U.T
        return dx, dW, dU

    gf = dout[:, :3]
    gb = dout[::-1, 3:]
    dxf, dWf, dUf = direction(x, Wf, Uf, gf)
    dxb, dWb, dUb = direction(x[::-1], Wb, Ub, gb)
    dxb = dxb[::-1]
    dx = dxf + dxb
    return dx, dWf, dWb, dUf, dUb


@subject(x=(6, 4), g=(4, 3), w=(3, 4, 2))
def mixture_of_experts(x, g, w):
    s = x @ g
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    y = np.einsum("nd,kdo->nko", x, w)
    return (p[:, :, None] * y).sum(axis=1)


@mixture_of_experts.backward("""
dx = np.einsum("nko,kdo->nd", dy, w) + ds @ g.T => dx = np.einsum("nko,kdo->nd", dy, w) | constant | the gate is treated as a constant | gate|softmax|\\bp\\b|\\bs\\b|path|contribution|missing|constant
dx = np.einsum("nko,kdo->nd", dy, w) + ds @ g.T => dx = ds @ g.T | path | the way through the experts is forgotten | expert|path|contribution|missing|\\by\\b|einsum
dy = p[:, :, None] * dout[:, None, :] => dy = dout[:, None, :] * np.ones((6, 3, 1)) | factor | the gate's weight is forgotten | gate|\\bp\\b|weight|factor|softmax
dy = p[:, :, None] * dout[:, None, :] => dy = (p == p.max(axis=1, keepdims=True))[:, :, None] * dout[:, None, :] | other function | the best expert alone | max|best|top|hard|argm|softmax|one-hot
ds = p * (dp - (p * dp).sum(axis=1, keepdims=True)) => ds = p * dp | constant | the sum of the softmax is treated as a constant | softmax|sum|normali|constant|diagonal
ds = p * (dp - (p * dp).sum(axis=1, keepdims=True)) => ds = p * (1 - p) * dp | diagonal | the diagonal alone | diagonal|softmax|Jacobian|sigmoid
dw = np.einsum("nd,nko->kdo", x, dy) => dw = np.einsum("nd,nko->kdo", x, dy).mean(axis=0, keepdims=True).repeat(3, axis=0) | axis | the mean over the experts | expert|mean|ax[ie]s|averag|dim
dp = (dout[:, None, :] * y).sum(axis=2) => dp = (dout[:, None, :] * y).sum(axis=2) / 2 | mean | a mean over the outputs
""")
def _(dout, x, g, w):
    s = x @ g
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    y = np.einsum("nd,kdo->nko", x, w)
    dp = (dout[:, None, :] * y).sum(axis=2)
    dy = p[:, :, None] * dout[:, None, :]
    ds = p * (dp - (p * dp).sum(axis=1, keepdims=True))
    dg = x.T @ ds
    dw = np.einsum("nd,nko->kdo", x, dy)
    dx = np.einsum("nko,kdo->nd", dy, w) + ds @ g.T
    return dx, dg, dw


@subject(k=positive(3), x0=(2,), y=(5, 2))
def euler_steps(k, x0, y):
    x, loss = x0, 0.0
    for t in range(5):
        a = -k[0] * x + k[1] * np.sin(x) - k[2] * x**3
        x = x + 0.1 * a
        loss = loss + ((x - y[t]) ** 2).sum()
    return loss


@euler_steps.backward("""
dx = dx + 2 * (xs[t + 1] - y[t]) => dx = 2 * (xs[t + 1] - y[t]) | time | the gradient from later steps is lost
dx = dx + da * (-k[0] + k[1] * np.cos(xs[t]) - 3 * k[2] * xs[t] ** 2) => dx = da * (-k[0] + k[1] * np.cos(xs[t]) - 3 * k[2] * xs[t] ** 2) | path | the identity in x + h a is forgotten | identity|skip|path|contribution|direct|missing|add
dx = dx + da * (-k[0] + k[1] * np.cos(xs[t]) - 3 * k[2] * xs[t] ** 2) => dx = dx + da * (-k[0] + k[1] * np.cos(xs[t + 1]) - 3 * k[2] * xs[t + 1] ** 2) | time | the new state for the old one | old|previous|new|state|time|instead|step|before
da = 0.1 * dx => da = dx | factor | the step size is forgotten | 0\\.1|factor|step|10
dk += [-(da * xs[t]).sum(), (da * np.sin(xs[t])).sum(), -(da * xs[t] ** 3).sum()] => dk += [-(da * xs[t]).sum(), (da * np.cos(xs[t])).sum(), -(da * xs[t] ** 3).sum()] | derivative | the cosine for the sine | sin|cos|derivative
dk += [-(da * xs[t]).sum(), (da * np.sin(xs[t])).sum(), -(da * xs[t] ** 3).sum()] => dk = np.array([-(da * xs[t]).sum(), (da * np.sin(xs[t])).sum(), -(da * xs[t] ** 3).sum()]) | overwritten | the first step alone | overwr|\\+=|add|accum|first|step|time|contribution
3 * k[2] * xs[t] ** 2) => k[2] * xs[t] ** 2) | factor | the 3 of the cube | 3\\b|cube|power|factor|exponent|derivative
""")
def _(k, x0, y):
    xs = [x0]
    for _step in range(5):
        x = xs[-1]
        xs.append(x + 0.1 * (-k[0] * x + k[1] * np.sin(x) - k[2] * x**3))
    dk, dx = np.zeros(3), np.zeros(2)
    for t in reversed(range(5)):
        dx = dx + 2 * (xs[t + 1] - y[t])
        da = 0.1 * dx
        dk += [-(da * xs[t]).sum(), (da * np.sin(xs[t])).sum(), -(da * xs[t] ** 3).sum()]
        dx = dx + da * (-k[0] + k[1] * np.cos(xs[t]) - 3 * k[2] * xs[t] ** 2)
    dx0 = dx
    return dk, dx0


@subject(x=(6, 3), w=(3, 4), keep=bits(6, 4), v=(4, 2))
def dropout_twice(x, w, keep, v):
    h = np.maximum(x @ w, 0) * keep * 2
    return (h @ v) ** 2


@dropout_twice.backward("""
da = dh * (a > 0) * keep * 2 => da = dh * (a > 0) * (np.random.default_rng(5).random(keep.shape) > 0.5) * 2 | stale | another mask is drawn in the backward pass | mask|drawn|another|random|keep|instead|different
da = dh * (a > 0) * keep * 2 => da = dh * (a > 0) * keep | factor | the scale of the dropout | 2\\b|factor|half|scale|keep
da = dh * (a > 0) * keep * 2 => da = dh * keep * 2 | mask | the mask of the ReLU
da = dh * (a > 0) * keep * 2 => da = dh * (a > 0) * 2 | mask | the mask of the dropout
ds = 2 * s * dout => ds = 2 * dout | factor | the factor s of the square | \\bs\\b|square|factor|derivative
ds = 2 * s * dout => ds = 2 * s**2 * dout | array | the square for s | square|output|after|instead|factor
dv = h.T @ ds => dv = np.maximum(a, 0).T @ ds | array | before the dropout for after it | dropout|mask|keep|before|instead|factor
dv = h.T @ ds => dv = h.T @ np.maximum(ds, 0) | mask | a ReLU on the gradient
""")
def _(dout, x, w, keep, v):
    a = x @ w
    h = np.maximum(a, 0) * keep * 2
    s = h @ v
    ds = 2 * s * dout
    dv = h.T @ ds
    dh = ds @ v.T
    da = dh * (a > 0) * keep * 2
    dw = x.T @ da
    return dw, dv
