"""Formulas without layers: norms, forms, scans, sorts, gates."""

from __future__ import annotations

import numpy as np

from ..subjects import positive, subject


@subject(x=(3, 5))
def logsumexp(x):
    m = x.max(axis=1, keepdims=True)
    return (m + np.log(np.exp(x - m).sum(axis=1, keepdims=True)))[:, 0]


@logsumexp.backward("""
dx = dout[:, None] * e / e.sum(axis=1, keepdims=True) => dx = dout[:, None] * e | path | the derivative of the logarithm is forgotten | log|sum|normali|divi|derivative|softmax
dx = dout[:, None] * e / e.sum(axis=1, keepdims=True) => dx = dout[:, None] / e.sum(axis=1, keepdims=True) * np.ones_like(x) | derivative | the derivative of exp is forgotten | exp|derivative
dx = dout[:, None] * e / e.sum(axis=1, keepdims=True) => dx = e / e.sum(axis=1, keepdims=True) | upstream | the upstream gradient is left out
dx = dout[:, None] * e / e.sum(axis=1, keepdims=True) => dx = dout[:, None] * e / e.sum(axis=0, keepdims=True) | axis | the sum over the rows
dx = dout[:, None] * e / e.sum(axis=1, keepdims=True) => dx = dout[:, None] * (x == x.max(axis=1, keepdims=True)) | other function | the gradient of max | max
dx = dout[:, None] * e / e.sum(axis=1, keepdims=True) => dx = dout[:, None] * e / e.sum(axis=1, keepdims=True) - dout[:, None] * (x == x.max(axis=1, keepdims=True)) | path | the way through the maximum outside is dropped, that inside kept | max|\\bm\\b|shift|contribution|path
""")
def _(dout, x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    dx = dout[:, None] * e / e.sum(axis=1, keepdims=True)
    return dx


@subject(x=(4, 3))
def l2_normalise(x):
    return x / np.sqrt((x**2).sum(axis=1, keepdims=True))


@l2_normalise.backward("""
dx = (dout - y * (y * dout).sum(axis=1, keepdims=True)) / n => dx = dout / n | constant | the norm is treated as a constant | & norm|\\bn\\b|sqrt|sum|divi
dx = (dout - y * (y * dout).sum(axis=1, keepdims=True)) / n => dx = dout - y * (y * dout).sum(axis=1, keepdims=True) | factor | not divided by the norm | norm|\\bn\\b|sqrt|divi|factor
dx = (dout - y * (y * dout).sum(axis=1, keepdims=True)) / n => dx = (dout - y * y * dout) / n | diagonal | the diagonal of the Jacobian alone | + sum
dx = (dout - y * (y * dout).sum(axis=1, keepdims=True)) / n => dx = (dout - x * (x * dout).sum(axis=1, keepdims=True)) / n | array | x for its normalised form | normali|instead|divi|\\by\\b|before
dx = (dout - y * (y * dout).sum(axis=1, keepdims=True)) / n => dx = (dout + y * (y * dout).sum(axis=1, keepdims=True)) / n | sign | the sign of the way through the norm
dx = (dout - y * (y * dout).sum(axis=1, keepdims=True)) / n => dx = (dout - y * (y * dout).sum()) / n | axis | summed over all rows
dx = (dout - y * (y * dout).sum(axis=1, keepdims=True)) / n => dx = (dout - 2 * y * (y * dout).sum(axis=1, keepdims=True)) / n | factor | a 2 for the square, without the 1/2 of the root | 2\\b|sqrt|root|half|factor
n = np.sqrt((x**2).sum(axis=1, keepdims=True)) => n = np.sqrt((x**2).sum()) | axis | the norm of the whole array | ax[ie]s|dim|row|norm|all
""")
def _(dout, x):
    n = np.sqrt((x**2).sum(axis=1, keepdims=True))
    y = x / n
    dx = (dout - y * (y * dout).sum(axis=1, keepdims=True)) / n
    return dx


@subject(x=(4,), w=(4, 6), a=(6, 2), phase=np.linspace(0, 3, 6))
def sinusoidal_features(x, w, a, phase):
    z = x @ w + phase
    return np.sin(z) @ a


@sinusoidal_features.backward("""
dz = (a @ dout) * np.cos(z) => dz = (a @ dout) * np.sin(z) | derivative | the sine for its derivative | sin|cos|derivative
dz = (a @ dout) * np.cos(z) => dz = -(a @ dout) * np.cos(z) | sign | the derivative of the cosine's sign | sign|negat|minus|-1
dz = (a @ dout) * np.cos(z) => dz = (a @ dout) * np.cos(x @ w) | array | without the phase | phase|before|instead
dz = (a @ dout) * np.cos(z) => dz = (a @ dout) | derivative | the derivative of the sine is forgotten | sin|cos|derivative
da = np.outer(np.sin(z), dout) => da = np.outer(z, dout) | array | z for sin(z) | sin|before|instead
da = np.outer(np.sin(z), dout) => da = np.outer(np.cos(z), dout) | array | the cosine for the sine | sin|cos|derivative|instead
dw = np.outer(x, dz) => dw = np.outer(x, dz) * w | factor | times w | \\bw\\b|factor|times
dz = (a @ dout) * np.cos(z) => dz = (a @ dout) * np.cos(np.radians(z)) | array | in degrees | degree|radian|cos|sin|factor|pi
""")
def _(dout, x, w, a, phase):
    z = x @ w + phase
    da = np.outer(np.sin(z), dout)
    dz = (a @ dout) * np.cos(z)
    dw = np.outer(x, dz)
    dx = w @ dz
    return dx, dw, da


@subject(x=(5, 3), A=(3, 4), y=(5, 4))
def bilinear(x, A, y):
    return (x @ A * y).sum(axis=1)


@bilinear.backward("""
dA = x.T @ (dout[:, None] * y) => dA = (dout[:, None] * y).T @ x | transposed | dA is transposed
dA = x.T @ (dout[:, None] * y) => dA = x.T @ y | upstream | the upstream gradient is left out
dx = dout[:, None] * (y @ A.T) => dx = y @ A.T | upstream | the upstream gradient is left out
dx = dout[:, None] * (y @ A.T) => dx = dout[:, None] * A.sum(axis=1) | path | y is left out | \\by\\b|factor|missing|product|ones|instead
dy = dout[:, None] * (x @ A) => dy = dout[:, None] * y | array | y itself | instead|`?y\\b|product|another|before|input
dA = x.T @ (dout[:, None] * y) => dA = np.outer(x.sum(axis=0), (dout[:, None] * y).sum(axis=0)) | other function | product of sums for the sum of products | sum|product|outer
dA = x.T @ (dout[:, None] * y) => dA = np.outer(x[0], dout[0] * y[0]) | path | the first example alone | first|example|batch|contribution|sum
dx = dout[:, None] * (y @ A.T) => dx = dout.mean() * (y @ A.T) | mean | a mean of the upstream gradient | mean|upstream|averag|each
""")
def _(dout, x, A, y):
    dA = x.T @ (dout[:, None] * y)
    dx = dout[:, None] * (y @ A.T)
    dy = dout[:, None] * (x @ A)
    return dx, dA, dy


@subject(x=(4,), A=(4, 4), b=(4,))
def quadratic_form(x, A, b):
    return 0.5 * x @ A @ x - b @ x


@quadratic_form.backward("""
dx = 0.5 * (A + A.T) @ x - b => dx = A @ x - b | transposed | A is taken as symmetric | symmetr|transpos|A\\.T|\\.T
dx = 0.5 * (A + A.T) @ x - b => dx = (A + A.T) @ x - b | factor | the 0.5 is forgotten | 0\\.5|half|factor|2\\b|twice
dx = 0.5 * (A + A.T) @ x - b => dx = 0.5 * A @ x - b | path | one of the two places of x is forgotten | twice|both|contribution|path|second|transpos|once|missing|used
dx = 0.5 * (A + A.T) @ x - b => dx = 0.5 * (A + A.T) @ x | path | the linear term is forgotten | \\bb\\b|linear|term|contribution|path|missing|offset
dx = 0.5 * (A + A.T) @ x - b => dx = 0.5 * (A + A.T) @ x + b | sign | the sign of b
dA = 0.5 * np.outer(x, x) => dA = np.outer(x, x) | factor | the 0.5 is forgotten | 0\\.5|half|factor|2\\b|twice
dA = 0.5 * np.outer(x, x) => dA = 0.5 * np.diag(x * x) | diagonal | the diagonal alone
db = -x => db = x | sign | the sign of db
""")
def _(x, A, b):
    dx = 0.5 * (A + A.T) @ x - b
    dA = 0.5 * np.outer(x, x)
    db = -x
    return dx, dA, db


@subject(x=positive(3, 6))
def cumulative(x):
    return np.cumsum(np.log(x), axis=1)


@cumulative.backward("""
dx = np.cumsum(dout[:, ::-1], axis=1)[:, ::-1] / x => dx = np.cumsum(dout, axis=1) / x | flip | the cumulative sum runs forward in the backward pass | to the end|from the start|revers|flip|direction|order|forward|from the end
dx = np.cumsum(dout[:, ::-1], axis=1)[:, ::-1] / x => dx = np.cumsum(dout[:, ::-1], axis=1) / x | flip | not reversed back
dx = np.cumsum(dout[:, ::-1], axis=1)[:, ::-1] / x => dx = dout / x | diagonal | each output depends on all before it | cumsum|cumul|diagonal|sum|later|skip
dx = np.cumsum(dout[:, ::-1], axis=1)[:, ::-1] / x => dx = np.cumsum(dout[::-1], axis=0)[::-1] / x | axis | along the other axis
dx = np.cumsum(dout[:, ::-1], axis=1)[:, ::-1] / x => dx = np.cumsum(dout[:, ::-1], axis=1)[:, ::-1] | derivative | the derivative of the logarithm | log|derivative|1 ?/
dx = np.cumsum(dout[:, ::-1], axis=1)[:, ::-1] / x => dx = np.cumsum(dout[:, ::-1], axis=1)[:, ::-1] / np.log(x) | array | log(x) for x | log|instead|before|after
dx = np.cumsum(dout[:, ::-1], axis=1)[:, ::-1] / x => dx = (np.cumsum(dout[:, ::-1], axis=1)[:, ::-1] - dout) / x | index | exclusive for inclusive: the element itself is left out | itself|exclusive|off by one|own|shift|ind(ex|ices)|contribution
""")
def _(dout, x):
    dx = np.cumsum(dout[:, ::-1], axis=1)[:, ::-1] / x
    return dx


@subject(x=(3, 6))
def sorted_weighted(x):
    return np.sort(x, axis=1) * np.arange(1.0, 7.0)


@sorted_weighted.backward("""
np.put_along_axis(dx, order, d, axis=1) => dx = d | index | not put back where it came from | order|sort|permut|ind(ex|ices)|place|position|skip
np.put_along_axis(dx, order, d, axis=1) => dx = np.take_along_axis(d, order, axis=1) | index | the permutation for its inverse | invers|permut|order|ind(ex|ices)|sort
d = dout * np.arange(1.0, 7.0) => d = dout | factor | the weights are forgotten | weight|factor|scale|multipl|arange|product
order = np.argsort(x, axis=1) => order = np.argsort(-x, axis=1) | flip | sorted downward | order|sort|descend|revers|flip
order = np.argsort(x, axis=1) => order = np.argsort(x, axis=0).repeat(2, axis=1)[:, :6] | axis | sorted along the other axis | ax[ie]s|order|sort
d = dout * np.arange(1.0, 7.0) => d = dout * np.arange(6.0) | index | the weights start at 0 | off by one|weight|ind(ex|ices)|arange|factor|shift
""")
def _(dout, x):
    dx = np.zeros_like(x)
    d = dout * np.arange(1.0, 7.0)
    order = np.argsort(x, axis=1)
    np.put_along_axis(dx, order, d, axis=1)
    return dx


@subject(x=(4, 5))
def max_minus_median(x):
    return x.max(axis=1) - np.sort(x, axis=1)[:, 2]


@max_minus_median.backward("""
dx[rows, x.argmax(axis=1)] += dout => pass | path | the way through the maximum is forgotten | max|path|contribution|missing
dx[rows, middle] -= dout => pass | path | the way through the median is forgotten | median|sort|middle|path|contribution|missing
dx[rows, middle] -= dout => dx[rows, middle] += dout | sign | the sign of the median's part
middle = np.argsort(x, axis=1)[:, 2] => middle = 2 | index | the middle of the array, not of the sorted one | sort|order|ind(ex|ices)|middle|median|place|position
dx[rows, x.argmax(axis=1)] += dout => dx[rows, x.argmin(axis=1)] += dout | index | the minimum's place | min|max|argm|ind(ex|ices)
dx[rows, x.argmax(axis=1)] += dout => dx[:, x.argmax(axis=1)] += dout[:, None] | index | whole columns | ind(ex|ices)|column|row|rows|all
dx[rows, x.argmax(axis=1)] += dout => dx[rows, x.argmax(axis=1)] += x.max(axis=1) * dout | derivative | times the maximum | max|times|value|factor|multipl
""")
def _(dout, x):
    rows = np.arange(len(x))
    dx = np.zeros_like(x)
    middle = np.argsort(x, axis=1)[:, 2]
    dx[rows, x.argmax(axis=1)] += dout
    dx[rows, middle] -= dout
    return dx


@subject(a=(3, 4, 2), b=(3, 2, 5), c=(4, 5))
def contraction(a, b, c):
    return np.einsum("nij,njk,ik->n", a, b, c)


@contraction.backward("""
da = np.einsum("n,njk,ik->nij", dout, b, c) => da = np.einsum("n,njk,ik->nij", dout, b, np.ones_like(c)) | path | c is left out | \\bc\\b|factor|ones|missing|product
db = np.einsum("n,nij,ik->njk", dout, a, c) => db = np.einsum("nij,ik->njk", a, c) | upstream | the upstream gradient is left out
dc = np.einsum("n,nij,njk->ik", dout, a, b) => dc = np.einsum("n,nij,njk->ik", dout[:1], a[:1], b[:1]) | path | the first example alone | first|example|batch|sum|contribution
dc = np.einsum("n,nij,njk->ik", dout, a, b) => dc = np.einsum("n,nij,njk->ki", dout, a, b) | transposed | the indices of the output are exchanged
dc = np.einsum("n,nij,njk->ik", dout, a, b) => dc = np.einsum("n,nij,mjk->ik", dout, a, b) | index | the batch is summed over for each operand by itself | batch|sum|ind(ex|ices)|example|product|each
da = np.einsum("n,njk,ik->nij", dout, b, c) => da = np.einsum("m,njk,ik->nij", dout, b, c) | axis | the upstream gradient is summed | sum|upstream|batch|ax[ie]s
dc = np.einsum("n,nij,njk->ik", dout, a, b) => dc = np.einsum("n,nij,njk->ik", dout, a, b) / len(a) | mean | a mean over the batch
""")
def _(dout, a, b, c):
    da = np.einsum("n,njk,ik->nij", dout, b, c)
    db = np.einsum("n,nij,ik->njk", dout, a, c)
    dc = np.einsum("n,nij,njk->ik", dout, a, b)
    return da, db, dc


@subject(x=(4, 3), wg=(3, 5), wh=(3, 5), wt=(3, 5))
def highway(x, wg, wh, wt):
    g = 1 / (1 + np.exp(-(x @ wg)))
    h = np.tanh(x @ wh)
    return g * h + (1 - g) * (x @ wt)


@highway.backward("""
dg = dout * (h - s) => dg = dout * h | path | the way through 1 - g is forgotten | 1 ?- ?g|path|contribution|missing|\\bs\\b|subtract
dg = dout * (h - s) => dg = dout * (h + s) | sign | the sign of the way through 1 - g
dg = dout * (h - s) => dg = dout | factor | the factor h - s is forgotten | factor|product|missing|\\bh\\b
dh = dout * g => dh = dout * (1 - g) | array | the other gate | gate|1 ?- ?g|exchang|swap|instead|side
dh = dout * g => dh = dout | factor | the gate is forgotten | gate|\\bg\\b|factor|product
dah = dh * (1 - h**2) => dah = dh * (1 - ah**2) | array | the input of tanh for its output | tanh|before|instead|input
dag = dg * g * (1 - g) => dag = dg * (1 - g**2) | derivative | tanh's derivative for the sigmoid's | sigmoid|tanh|derivative
dx = dag @ wg.T + dah @ wh.T + ds @ wt.T => dx = dah @ wh.T + ds @ wt.T | path | the way through the gate is forgotten | gate|path|contribution|\\bg\\b|constant|missing
ds = dout * (1 - g) => ds = dout * g | array | the gate of the other branch | gate|1 ?- ?g|exchang|swap|instead|side
""")
def _(dout, x, wg, wh, wt):
    g = 1 / (1 + np.exp(-(x @ wg)))
    ah = x @ wh
    h = np.tanh(ah)
    s = x @ wt
    dg = dout * (h - s)
    dh = dout * g
    ds = dout * (1 - g)
    dag = dg * g * (1 - g)
    dah = dh * (1 - h**2)
    dwg, dwh, dwt = x.T @ dag, x.T @ dah, x.T @ ds
    dx = dag @ wg.T + dah @ wh.T + ds @ wt.T
    return dx, dwg, dwh, dwt


@subject(z=(3,), H=(3, 8), x=(5, 4))
def hypernetwork(z, H, x):
    w = (z @ H).reshape(4, 2)
    return np.tanh(x @ w)


@hypernetwork.backward("""
dw = x.T @ da => dw = x.T @ dout | derivative | the derivative of tanh is forgotten | tanh|derivative
dflat = dw.reshape(8) => dflat = dw.T.reshape(8) | layout | transposed before it is flattened
dz = H @ dflat => dz = H.sum(axis=1) * dflat.sum() | other function | product of sums | sum|product
dH = np.outer(z, dflat) => dH = np.outer(np.ones(3), dflat) | factor | z is left out | \\bz\\b|factor|ones|product|missing
da = dout * (1 - y**2) => da = dout * (1 - y) ** 2 | derivative | (1 - y)² for 1 - y² | tanh|derivative|square
da = dout * (1 - y**2) => da = dout * (1 + y**2) | sign | the sign in tanh's derivative | sign|tanh|derivative|tan\\b
dw = x.T @ da => dw = x.T @ da / len(x) | mean | a mean over the batch
""")
def _(dout, z, H, x):
    y = np.tanh(x @ (z @ H).reshape(4, 2))
    da = dout * (1 - y**2)
    dw = x.T @ da
    dflat = dw.reshape(8)
    dz = H @ dflat
    dH = np.outer(z, dflat)
    return dz, dH


@subject(x=(4, 3), y=(5, 3))
def pairwise_distances(x, y):
    d = x[:, None, :] - y[None, :, :]
    return np.sqrt((d**2).sum(axis=2))


@pairwise_distances.backward("""
dd = dout[:, :, None] * d / r[:, :, None] => dd = dout[:, :, None] * d | derivative | the derivative of the root | sqrt|root|norm|divi|derivative
dd = dout[:, :, None] * d / r[:, :, None] => dd = dout[:, :, None] * 2 * d / r[:, :, None] | factor | the 1/2 of the root | half|0\\.5|1/2|2\\b|factor|sqrt
dx = dd.sum(axis=1) => dx = dd.sum(axis=0)[:4] | axis | summed over the wrong points
dx = dd.sum(axis=1) => dx = dd[:, 0] | path | the first of the other points alone | first|sum|contribution|all|only
dy = -dd.sum(axis=0) => dy = dd.sum(axis=0) | sign | the derivative of x - y by y
dx = dd.sum(axis=1) => dx = dd.mean(axis=1) | mean | a mean over the points
dd = dout[:, :, None] * d / r[:, :, None] => dd = dout[:, :, None] * np.sign(d) | other function | the L1 distance | L1|abs|sign|another
""")
def _(dout, x, y):
    d = x[:, None, :] - y[None, :, :]
    r = np.sqrt((d**2).sum(axis=2))
    dd = dout[:, :, None] * d / r[:, :, None]
    dx = dd.sum(axis=1)
    dy = -dd.sum(axis=0)
    return dx, dy


@subject(x=(6, 3))
def standardise(x):
    return (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)


@standardise.backward("""
dx = (dout - dout.mean(axis=0) - xhat * (dout * xhat).sum(axis=0) / (N - 1)) / s => dx = (dout - dout.mean(axis=0) - xhat * (dout * xhat).mean(axis=0)) / s | mean | N for N - 1 | N ?- ?1|ddof|n - 1|mean|count|1/N|divi
dx = (dout - dout.mean(axis=0) - xhat * (dout * xhat).sum(axis=0) / (N - 1)) / s => dx = (dout - dout.mean(axis=0)) / s | constant | the deviation is treated as a constant | & std|var|\\bs\\b|deviation|sqrt|divi
dx = (dout - dout.mean(axis=0) - xhat * (dout * xhat).sum(axis=0) / (N - 1)) / s => dx = (dout - xhat * (dout * xhat).sum(axis=0) / (N - 1)) / s | constant | the mean is treated as a constant | & mean
dx = (dout - dout.mean(axis=0) - xhat * (dout * xhat).sum(axis=0) / (N - 1)) / s => dx = dout / s | constant | mean and deviation are treated as constants | & std|var|\\bs\\b|deviation|mean|sqrt
dx = (dout - dout.mean(axis=0) - xhat * (dout * xhat).sum(axis=0) / (N - 1)) / s => dx = (dout - dout.mean() - xhat * (dout * xhat).sum(axis=0) / (N - 1)) / s | axis | the mean over everything
dx = (dout - dout.mean(axis=0) - xhat * (dout * xhat).sum(axis=0) / (N - 1)) / s => dx = (dout - dout.sum(axis=0) - xhat * (dout * xhat).sum(axis=0) / (N - 1)) / s | mean | the 1/N of the mean is missing
s = x.std(axis=0, ddof=1) => s = x.var(axis=0, ddof=1) | array | the variance for the deviation | var|std|sqrt|root|deviation|square
""")
def _(dout, x):
    N = len(x)
    s = x.std(axis=0, ddof=1)
    xhat = (x - x.mean(axis=0)) / s
    dx = (dout - dout.mean(axis=0) - xhat * (dout * xhat).sum(axis=0) / (N - 1)) / s
    return dx


@subject(x=(3, 4), y=(4, 2), w=(2,))
def karpathy_chain(x, y, w):
    a = x @ y
    b = a.mean(axis=0)
    c = a - b
    d = np.exp(c)
    e = d.sum(axis=1, keepdims=True)
    f = d / e
    return (f * w * a).sum()


@karpathy_chain.backward("""
da = dg * w * f + dc => da = dc | path | the way of a into the last product is forgotten | product|path|contribution|`?a\\b|missing
da = dg * w * f + dc => da = dg * w * f | path | the way of a through the exponentials is forgotten | exp|\\bc\\b|path|contribution|missing|sub|mean
da += db / len(a) => pass | constant | the mean is treated as a constant | & mean|\\bb\\b
da += db / len(a) => da += db | mean | the 1/N of the mean is missing
db = -dc.sum(axis=0) => db = -dc | not summed | db is not summed over the rows that b was broadcast to
db = -dc.sum(axis=0) => db = dc.sum(axis=0) | sign | the minus of a - b
dd = df / e + de => dd = df / e | constant | the sum e is treated as a constant | sum|\\be\\b|constant|normali|divi|contribution
de = -(df * d / e**2).sum(axis=1, keepdims=True) => de = -(df / e**2).sum(axis=1, keepdims=True) | factor | the numerator d is forgotten | -1 / e|\\bd\\b|numerator|factor|divi|quotient
de = -(df * d / e**2).sum(axis=1, keepdims=True) => de = -(df * d / e**2) | not summed | not summed over the columns that e was broadcast to
dc = dd * d => dc = dd * c | array | c for exp(c) | exp|instead|before
dx = da @ y.T => dx = da @ y.T + 0.1 * x | penalty | a penalty that is not in the loss
""")
def _(x, y, w):
    a = x @ y
    b = a.mean(axis=0)
    c = a - b
    d = np.exp(c)
    e = d.sum(axis=1, keepdims=True)
    f = d / e
    dg = np.ones_like(f)
    dw = (dg * f * a).sum(axis=0)
    df = dg * w * a
    de = -(df * d / e**2).sum(axis=1, keepdims=True)
    dd = df / e + de
    dc = dd * d
    db = -dc.sum(axis=0)
    da = dg * w * f + dc
    da += db / len(a)
    dx = da @ y.T
    dy = x.T @ da
    return dx, dy, dw


@subject(x=(5,), k=(3,))
def correlate1d(x, k):
    return np.array([x[i] * k[0] + x[i + 1] * k[1] + x[i + 2] * k[2] for i in range(3)])


@correlate1d.backward("""
dx[i + j] += dout[i] * k[j] => dx[i + j] = dout[i] * k[j] | overwritten | overlapping windows overwrite each other
dx[i + j] += dout[i] * k[j] => dx[i + j] += dout[i] * k[2 - j] | flip | the kernel is flipped
dx[i + j] += dout[i] * k[j] => dx[i + 2 - j] += dout[i] * k[2 - j] * (j != 1) | path | the middle of the kernel is left out | middle|index 1|k\\[1\\]|ind(ex|ices)|contribution|missing
dk[j] += dout[i] * x[i + j] => dk[j] += dout[i] * x[i] | index | x[i] for x[i + j]
dk[j] += dout[i] * x[i + j] => dk[2 - j] += dout[i] * x[i + j] | flip | dk in reverse order
dk[j] += dout[i] * x[i + j] => dk[j] += x[i + j] | upstream | the upstream gradient is left out
dk[j] += dout[i] * x[i + j] => dk[j] = dout[i] * x[i + j] | overwritten | the last position alone
""")
def _(dout, x, k):
    dx, dk = np.zeros_like(x), np.zeros_like(k)
    for i in range(3):
        for j in range(3):
            dx[i + j] += dout[i] * k[j]
            dk[j] += dout[i] * x[i + j]
    return dx, dk


@subject(x=(4, 3), s=positive(3), t=(3,))
def softplus_scale(x, s, t):
    return np.log1p(np.exp(x * s)) / s + t


@softplus_scale.backward("""
dx = dout * p => dx = dout * p * s | factor | the s of x s, without the 1/s outside | \\bs\\b|factor|times|scale
dx = dout * p => dx = dout * p * (1 - p) | derivative | the derivative of the sigmoid | sigmoid|derivative|twice|second|softplus
dx = dout * p => dx = dout * (x > 0) | other function | the ReLU's derivative | relu|mask|derivative|x > 0|where|step
ds = (dout * (p * x / s - y / s**2)).sum(axis=0) => ds = (dout * p * x / s).sum(axis=0) | path | the way through 1/s is forgotten | 1 ?/ ?s|divi|path|contribution|missing|quotient|constant
ds = (dout * (p * x / s - y / s**2)).sum(axis=0) => ds = (dout * (p * x / s + y / s**2)).sum(axis=0) | sign | the minus of the derivative of 1/s
ds = (dout * (p * x / s - y / s**2)).sum(axis=0) => ds = dout * (p * x / s - y / s**2) | not summed | not summed over the batch
dt = dout.sum(axis=0) => dt = dout.sum() * np.ones(3) | axis | summed over everything | + everything|one number|all elements
p = 1 / (1 + np.exp(-x * s)) => p = 1 / (1 + np.exp(-x)) | array | s is forgotten in the sigmoid | \\bs\\b|before|instead|sigmoid|factor
""")
def _(dout, x, s, t):
    p = 1 / (1 + np.exp(-x * s))
    y = np.log1p(np.exp(x * s))
    dx = dout * p
    ds = (dout * (p * x / s - y / s**2)).sum(axis=0)
    dt = dout.sum(axis=0)
    return dx, ds, dt
