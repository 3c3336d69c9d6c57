"""Losses: from least squares to mixture densities."""

from __future__ import annotations

import numpy as np

from ..subjects import bits, distribution, labels, positive, signs, subject


@subject(x=(6, 4), w1=(4, 5), b1=(5,), w2=(5, 3), b2=(3,), y=labels(6, 3), reg=0.1)
def two_layer_net(x, w1, b1, w2, b2, y, reg):
    h = np.maximum(0, x @ w1 + b1)
    scores = h @ w2 + b2
    scores = scores - scores.max(axis=1, keepdims=True)
    logp = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -logp[np.arange(len(y)), y].mean() + reg * ((w1**2).sum() + (w2**2).sum())


@two_layer_net.backward("""
ds[np.arange(N), y] -= 1 =>  | path | the 1 of the target is not subtracted | target|label|1\\b|one-hot|subtract|correct class|missing
ds /= N =>  | mean | the 1/N of the mean is missing
dw2 = h.T @ ds + 2 * reg * w2 => dw2 = h.T @ ds | penalty | the penalty's gradient is missing
dw2 = h.T @ ds + 2 * reg * w2 => dw2 = h.T @ ds + reg * w2 | penalty | the 2 of the penalty's square is missing
dw1 = x.T @ da + 2 * reg * w1 => dw1 = x.T @ da - 2 * reg * w1 | penalty | the sign of the penalty
dw1 = x.T @ da + 2 * reg * w1 => dw1 = x.T @ da + 2 * reg * w1 / N | penalty | the penalty divided by N
dw1 = x.T @ da + 2 * reg * w1 => dw1 = x.T @ da + 2 * reg | penalty | the penalty without w
db2 = ds.sum(axis=0) => db2 = ds.sum(axis=0) + 2 * reg * b2 | penalty | the biases are decayed too
da = dh * (h > 0) => da = dh | mask | the mask of the ReLU is missing
ds = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True) => ds = np.exp(s) / np.exp(s).sum() | axis | normalised over the batch too | ax[ie]s|dim|sum|row|softmax|batch
ds[np.arange(N), y] -= 1 => ds[np.arange(N), y] += 1 | sign | 1 is added at the target | sign|target|subtract|add|label|1\\b|correct class
ds[np.arange(N), y] -= 1 => ds[:, y] -= 1 | index | ds[:, y] goes through whole columns | ind(ex|ices)|column|row|arange|target|label|\\[:, y\\]
""")
def _(x, w1, b1, w2, b2, y, reg):
    N = len(y)
    h = np.maximum(0, x @ w1 + b1)
    s = h @ w2 + b2
    ds = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    ds[np.arange(N), y] -= 1
    ds /= N
    dw2 = h.T @ ds + 2 * reg * w2
    db2 = ds.sum(axis=0)
    dh = ds @ w2.T
    da = dh * (h > 0)
    dw1 = x.T @ da + 2 * reg * w1
    db1 = da.sum(axis=0)
    return dw1, db1, dw2, db2


@subject(W=(4, 3), X=(6, 4), y=labels(6, 3), reg=0.2)
def svm_loss(W, X, y, reg):
    scores = X @ W
    margins = np.maximum(0, scores - scores[np.arange(len(y)), y][:, None] + 1)
    margins = margins * (np.arange(3) != y[:, None])
    return margins.sum() / len(y) + reg * (W * W).sum()


@svm_loss.backward("""
mask[np.arange(N), y] = -mask.sum(axis=1) => mask[np.arange(N), y] = 0 | path | the row of the right class is left out | correct|target|label|class|contribution|missing|right class
mask[np.arange(N), y] = -mask.sum(axis=1) => mask[np.arange(N), y] = -1 | mask | -1, however many classes are inside the margin | count|number|-1|sum|class|target|label
mask[np.arange(N), y] = -mask.sum(axis=1) => mask[np.arange(N), y] = mask.sum(axis=1) | sign | the sign of the right class's row | sign|correct|target|label
margins = scores - scores[np.arange(N), y][:, None] + 1 => margins = scores - scores[np.arange(N), y][:, None] | mask | the margin of 1 is left out in the mask | margin|mask|1\\b|delta|condition|>
mask = (margins > 0) * 1.0 => mask = (scores > 0) * 1.0 | mask | the mask from the scores
mask = (margins > 0) * 1.0 => mask = np.maximum(margins, 0) | other function | the gradient of the squared hinge | margin|mask|squared|hinge|instead|maximum
dW = X.T @ mask / N + 2 * reg * W => dW = X.T @ mask + 2 * reg * W | mean | the 1/N is missing
dW = X.T @ mask / N + 2 * reg * W => dW = (X.T @ mask + 2 * reg * W) / N | penalty | the penalty is divided by N too
dW = X.T @ mask / N + 2 * reg * W => dW = X.T @ mask / N + reg * W | penalty | the 2 of the penalty is missing
dW = X.T @ mask / N + 2 * reg * W => dW = X.T @ mask / N | penalty | the penalty is missing
""")
def _(W, X, y, reg):
    N = len(y)
    scores = X @ W
    margins = scores - scores[np.arange(N), y][:, None] + 1
    mask = (margins > 0) * 1.0
    mask[np.arange(N), y] = 0
    mask[np.arange(N), y] = -mask.sum(axis=1)
    dW = X.T @ mask / N + 2 * reg * W
    return dW


@subject(z=(5, 4), y=labels(5, 4), a=0.2)
def label_smoothing(z, y, a):
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    q = (1 - a) * np.eye(4)[y] + a / 4
    return -(q * np.log(p)).sum(axis=1).mean()


@label_smoothing.backward("""
dz = (p - q) / N => dz = p - q | mean | the 1/N is missing
dz = (p - q) / N => dz = (q - p) / N | sign | the sign
q = (1 - a) * np.eye(K)[y] + a / K => q = np.eye(K)[y] | other function | the smoothing is forgotten | smooth|target|label|\\bq\\b|\\ba\\b
q = (1 - a) * np.eye(K)[y] + a / K => q = (1 - a) * np.eye(K)[y] + a | factor | the smoothing is not divided by the classes | class|a ?/|divi|factor|4|smooth|target|sum to 1|1/4|constant
q = (1 - a) * np.eye(K)[y] + a / K => q = np.eye(K)[y] + a / K | factor | the 1 - a is missing | 1 ?- ?a|target|sum to|factor|label|smooth|correct class
p = e / e.sum(axis=1, keepdims=True) => p = e / e.sum(axis=0, keepdims=True) | axis | softmax over the batch
p = e / e.sum(axis=1, keepdims=True) => p = e | path | the exponentials are not normalised | normali|sum|softmax|divi
dz = (p - q) / N => dz = (p - q) / (N * K) | mean | divided by all elements, not by the examples
dz = (p - q) / N => dz = -q / p / N | path | stops at the gradient for p | softmax|Jacobian|chain|probab|path|exp|before
""")
def _(z, y, a):
    N, K = z.shape
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    q = (1 - a) * np.eye(K)[y] + a / K
    dz = (p - q) / N
    return dz


@subject(z=(4, 3), y=bits(4, 3))
def bce_with_logits(z, y):
    return (np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))).mean()


@bce_with_logits.backward("""
dz = (p - y) / z.size => dz = (p - y) / len(z) | mean | divided by the rows, not by all elements
dz = (p - y) / z.size => dz = p - y | mean | the mean's division is missing
dz = (p - y) / z.size => dz = (y - p) / z.size | sign | the sign
dz = (p - y) / z.size => dz = (p - y) * p * (1 - p) / z.size | other function | the derivative of the sigmoid once more | sigmoid|derivative|square|twice|p\\*|factor|saturat
dz = (p - y) / z.size => dz = ((1 - y) / (1 - p) - y / p) / z.size | path | stops at the probability: the sigmoid's derivative is missing | sigmoid|derivative|probab|chain|p ?\\(1
dz = (p - y) / z.size => dz = -y * (1 - p) / z.size | path | the term of the other class is forgotten | other|term|1 ?- ?y|class|contribution|negative|where|missing|y ==? ?0|target
dz = (p - y) / z.size => dz = (z - y) / z.size | array | the logits for the probabilities | sigmoid|logit|instead|probab
p = 1 / (1 + np.exp(-z)) => p = 1 / (1 + np.exp(z)) | sign | the sigmoid of -z | sign|-z|sigmoid
""")
def _(z, y):
    p = 1 / (1 + np.exp(-z))
    dz = (p - y) / z.size
    return dz


@subject(X=(6, 4), w=(4,), b=0.3, y=signs(6))
def logistic_regression(X, w, b, y):
    return np.log(1 + np.exp(-y * (X @ w + b))).mean()


@logistic_regression.backward("""
ds = -y / (1 + np.exp(y * s)) / N => ds = y / (1 + np.exp(y * s)) / N | sign | the minus of -y
ds = -y / (1 + np.exp(y * s)) / N => ds = -1 / (1 + np.exp(y * s)) / N | factor | the derivative of y s by s is forgotten | \\by\\b|label|factor|derivative|chain|sign
ds = -y / (1 + np.exp(y * s)) / N => ds = -y / (1 + np.exp(-y * s)) / N | sign | the sigmoid of the other sign | sign|sigmoid|1 ?-|exp|negat
ds = -y / (1 + np.exp(y * s)) / N => ds = -y / (1 + np.exp(y * s)) | mean | the 1/N is missing
dw = X.T @ ds => dw = X.T @ ds + w | penalty | a penalty that the loss does not have
ds = -y / (1 + np.exp(y * s)) / N => ds = -y / (1 + np.exp(-y * s)) * np.exp(-y * s) / N / len(w) | mean | the number of features in the mean
dw = X.T @ ds => dw = X.sum(axis=0) * ds.sum() | other function | the sums are multiplied, not the products summed | sum|product|each|per example
ds = -y / (1 + np.exp(y * s)) / N => ds = (1 / (1 + np.exp(-s)) - y) / N | other function | the gradient for labels 0 and 1 | label|0 and 1|target|another|-1|\\by\\b
""")
def _(X, w, b, y):
    N = len(y)
    s = X @ w + b
    ds = -y / (1 + np.exp(y * s)) / N
    dw = X.T @ ds
    return dw


@subject(X=(6, 4), V=(4, 2))
def pca_loss(X, V):
    R = X @ V @ V.T - X
    return (R**2).sum() / len(X)


@pca_loss.backward("""
dV = 2 / N * (X.T @ R @ V + R.T @ X @ V) => dV = 2 / N * X.T @ R @ V | path | V occurs twice; the second place is forgotten | twice|second|V\\.?T|contribution|both|one of|path|transpos|missing|used
dV = 2 / N * (X.T @ R @ V + R.T @ X @ V) => dV = 2 / N * R.T @ X @ V | path | the first place is forgotten | twice|first|contribution|both|one of|path|missing|used
dV = 2 / N * (X.T @ R @ V + R.T @ X @ V) => dV = 1 / N * (X.T @ R @ V + R.T @ X @ V) | factor | the 2 of the square | 2\\b|square|half|factor
dV = 2 / N * (X.T @ R @ V + R.T @ X @ V) => dV = 2 * (X.T @ R @ V + R.T @ X @ V) | mean | the 1/N is missing
dV = 2 / N * (X.T @ R @ V + R.T @ X @ V) => dV = 2 / N * (X.T @ R @ V + X.T @ R @ V) | transposed | X.T R for R.T X in the second term | transpos|twice|exchang|contribution
R = X @ V @ V.T - X => R = X - X @ V @ V.T | sign | the residual's sign
dV = 2 / N * (X.T @ R @ V + R.T @ X @ V) => dV = -4 / N * X.T @ X @ V | other function | the gradient of -2 tr(V'X'XV), right for orthonormal V alone | orthonorm|another|term|contribution|V\\.T|missing|instead|path
dV = 2 / N * (X.T @ R @ V + R.T @ X @ V) => dV = 2 / (N * X.shape[1]) * (X.T @ R @ V + R.T @ X @ V) | mean | a mean over the features too
""")
def _(X, V):
    N = len(X)
    R = X @ V @ V.T - X
    dV = 2 / N * (X.T @ R @ V + R.T @ X @ V)
    return dV


@subject(U=(4, 2), V=(5, 2), R=(4, 5), seen=bits(4, 5), lam=0.3)
def matrix_factorisation(U, V, R, seen, lam):
    E = seen * (R - U @ V.T)
    return (E**2).sum() + lam * ((U**2).sum() + (V**2).sum())


@matrix_factorisation.backward("""
dU = -2 * E @ V + 2 * lam * U => dU = 2 * E @ V + 2 * lam * U | sign | the minus of R - U V'
dU = -2 * E @ V + 2 * lam * U => dU = -2 * E @ V | penalty | the penalty is missing
dV = -2 * E.T @ U + 2 * lam * V => dV = -E.T @ U + lam * V | factor | the 2s are missing | 2\\b|square|half|factor
E = seen * (R - U @ V.T) => E = R - U @ V.T | mask | the mask of what was seen is forgotten | as `2 \\* \\(R|mask|seen|where
dV = -2 * E.T @ U + 2 * lam * V => dV = -2 * E.T @ U_new + 2 * lam * V | stale | dV from the updated U
dU = -2 * E @ V + 2 * lam * U => dU = -2 * E.sum(axis=1, keepdims=True) * V.sum(axis=0) + 2 * lam * U | other function | product of sums | sum|product
dV = -2 * E.T @ U + 2 * lam * V => dV = -2 * E.T @ U + 2 * lam * V * seen.sum(axis=0)[:, None] | penalty | the penalty once per rating
dU = -2 * E @ V + 2 * lam * U => dU = -2 * E @ V / seen.sum() + 2 * lam * U | mean | a mean where the loss sums
""")
def _(U, V, R, seen, lam):
    E = seen * (R - U @ V.T)
    dU = -2 * E @ V + 2 * lam * U
    U_new = U - 0.1 * dU  # noqa: F841
    dV = -2 * E.T @ U + 2 * lam * V
    return dU, dV


@subject(a=(4, 5), b=(4, 5))
def cosine_loss(a, b):
    na = np.sqrt((a**2).sum(axis=1))
    nb = np.sqrt((b**2).sum(axis=1))
    return (1 - (a * b).sum(axis=1) / (na * nb)).mean()


@cosine_loss.backward("""
da = -(b / (na * nb) - c * a / na**2) / N => da = -b / (na * nb) / N | constant | the norm of a is treated as a constant | & norm|a\\*\\*2|na\\b|sqrt|length
da = -(b / (na * nb) - c * a / na**2) / N => da = -(b / (na * nb) + c * a / na**2) / N | sign | the sign of the norm's path
da = -(b / (na * nb) - c * a / na**2) / N => da = (b / (na * nb) - c * a / na**2) / N | sign | the minus of 1 - cos
da = -(b / (na * nb) - c * a / na**2) / N => da = -(b / (na * nb) - c * a / na) / N | derivative | divided by the norm, not by its square | norm|na\\b|sqrt|square|power|derivative|root
da = -(b / (na * nb) - c * a / na**2) / N => da = -(b / nb - c * a / na) / N | factor | not divided by the norm of a | norm|na\\b|divi|sqrt|factor
db = -(a / (na * nb) - c * b / nb**2) / N => db = -(a / (na * nb) - c * b / na**2) / N | array | the norm of a for that of b | norm|na\\b|nb\\b|instead
db = -(a / (na * nb) - c * b / nb**2) / N => db = -(a / (na * nb) - c * b / nb**2) | mean | the 1/N is missing
db = -(a / (na * nb) - c * b / nb**2) / N => db = -(b / (na * nb) - c * a / nb**2) / N | array | a and b are exchanged | exchang|swap|instead|another
""")
def _(a, b):
    N = len(a)
    na = np.sqrt((a**2).sum(axis=1, keepdims=True))
    nb = np.sqrt((b**2).sum(axis=1, keepdims=True))
    c = (a * b).sum(axis=1, keepdims=True) / (na * nb)
    da = -(b / (na * nb) - c * a / na**2) / N
    db = -(a / (na * nb) - c * b / nb**2) / N
    return da, db


@subject(a=(7, 3), p=(7, 3), n=(7, 3))
def triplet_loss(a, p, n):
    dp = ((a - p) ** 2).sum(axis=1)
    dn = ((a - n) ** 2).sum(axis=1)
    return np.maximum(dp - dn + 1.0, 0).mean()


@triplet_loss.backward("""
da = 2 * m * ((a - p) - (a - n)) => da = 2 * m * (a - p) | path | the way through the negative is forgotten | negative|second|contribution|`?n\\b|path|dn|missing|one of
da = 2 * m * ((a - p) - (a - n)) => da = 2 * m * ((a - p) + (a - n)) | sign | the sign of the negative's term
dp = -2 * m * (a - p) => dp = 2 * m * (a - p) | sign | the derivative of a - p by p is -1
dn = 2 * m * (a - n) => dn = m * (a - n) | factor | the 2 of the square | 2\\b|square|half|factor
m = (dist > 0)[:, None] / len(a) => m = np.ones((len(a), 1)) / len(a) | mask | the mask of the hinge is forgotten | mask|hinge|max|where|>
m = (dist > 0)[:, None] / len(a) => m = (dist > 0)[:, None] / (dist > 0).sum() | mean | divided by the active triplets, not by all | active|1/N|mean|count|divi|number
dist = ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1) + 1.0 => dist = ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1) | mask | the margin is left out in the mask | margin|mask|condition|1\\.?0?\\b|where|>
dn = 2 * m * (a - n) => dn = 2 * m * (p - n) | array | p for a | instead|`?[ap]\\b|another
""")
def _(a, p, n):
    dist = ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1) + 1.0
    m = (dist > 0)[:, None] / len(a)
    da = 2 * m * ((a - p) - (a - n))
    dp = -2 * m * (a - p)
    dn = 2 * m * (a - n)
    return da, dp, dn


@subject(z=(8,), y=bits(8), g=2.0)
def focal_loss(z, y, g):
    p = 1 / (1 + np.exp(-z))
    pt = y * p + (1 - y) * (1 - p)
    return (-((1 - pt) ** g) * np.log(pt)).sum()


@focal_loss.backward("""
dpt = g * (1 - pt) ** (g - 1) * np.log(pt) - (1 - pt) ** g / pt => dpt = -((1 - pt) ** g) / pt | constant | the weight (1 - pt)^g is treated as a constant | constant|weight|product|contribution|path|pow|factor|missing
dpt = g * (1 - pt) ** (g - 1) * np.log(pt) - (1 - pt) ** g / pt => dpt = g * (1 - pt) ** (g - 1) * np.log(pt) | path | the way through the logarithm is forgotten | log|product|contribution|path|missing
dpt = g * (1 - pt) ** (g - 1) * np.log(pt) - (1 - pt) ** g / pt => dpt = -g * (1 - pt) ** (g - 1) * np.log(pt) - (1 - pt) ** g / pt | sign | the sign of the derivative of 1 - pt
dpt = g * (1 - pt) ** (g - 1) * np.log(pt) - (1 - pt) ** g / pt => dpt = (1 - pt) ** (g - 1) * np.log(pt) - (1 - pt) ** g / pt | factor | the exponent in front is missing | factor|pow|exponent|\\bg\\b|2\\b|gamma
dpt = g * (1 - pt) ** (g - 1) * np.log(pt) - (1 - pt) ** g / pt => dpt = g * (1 - pt) ** g * np.log(pt) - (1 - pt) ** g / pt | derivative | the exponent does not go down by one | pow|exponent|derivative|g ?- ?1
dp = dpt * (2 * y - 1) => dp = dpt | sign | the sign for y = 0 | sign|1 ?- ?y|where|label|\\by\\b|path|contribution|2 ?\\*
dp = dpt * (2 * y - 1) => dp = dpt * y | path | the examples with y = 0 are forgotten | \\by\\b|where|contribution|path|1 ?- ?y|label|zero
dz = dp * p * (1 - p) => dz = dp | derivative | the derivative of the sigmoid is missing | sigmoid|derivative|chain|exp
dz = dp * p * (1 - p) => dz = dp * pt * pt | array | pt for p in the derivative of the sigmoid | pt\\b|sigmoid|instead|derivative
""")
def _(z, y, g):
    p = 1 / (1 + np.exp(-z))
    pt = y * p + (1 - y) * (1 - p)
    dpt = g * (1 - pt) ** (g - 1) * np.log(pt) - (1 - pt) ** g / pt
    dp = dpt * (2 * y - 1)
    dz = dp * p * (1 - p)
    return dz


@subject(z=(4, 5), q=distribution(4, 5), T=2.0)
def distillation_kl(z, q, T):
    s = z / T
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    return (q * (np.log(q) - logp)).sum() / len(z) * T**2


@distillation_kl.backward("""
dz = (p - q) * T / N => dz = (p - q) / N | factor | the factor T (T² of the loss, 1/T of the logits) | \\bT\\b|factor|temperature|2\\b|half
dz = (p - q) * T / N => dz = (p - q) * T**2 / N | factor | the 1/T of the logits is forgotten | \\bT\\b|factor|temperature|2\\b|twice
dz = (p - q) * T / N => dz = (q - p) * T / N | sign | the sign
p = np.exp(z / T) / np.exp(z / T).sum(axis=1, keepdims=True) => p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) | array | the softmax without the temperature | temperature|\\bT\\b|z ?/|instead|before|softmax|divi
dz = (p - q) * T / N => dz = (p - q) * T / z.size | mean | a mean over the elements
dz = (p - q) * T / N => dz = -q * T / N | path | the way through the normaliser is forgotten | softmax|log|sum|normali|contribution|path|constant|missing
dz = (p - q) * T / N => dz = p * (p - q) * T / N | other function | times p: the derivative of exp once more | \\bp\\b|softmax|twice|exp|derivative|times|factor
""")
def _(z, q, T):
    N = len(z)
    p = np.exp(z / T) / np.exp(z / T).sum(axis=1, keepdims=True)
    dz = (p - q) * T / N
    return dz


@subject(mu=(7,), logvar=(7,), y=(7,))
def gaussian_nll(mu, logvar, y):
    return 0.5 * (logvar + (y - mu) ** 2 / np.exp(logvar)).sum()


@gaussian_nll.backward("""
dlogvar = 0.5 * (1 - (y - mu) ** 2 / var) => dlogvar = 0.5 * (1 + (y - mu) ** 2 / var) | sign | the derivative of exp(-logvar) has a minus
dlogvar = 0.5 * (1 - (y - mu) ** 2 / var) => dlogvar = -0.5 * (y - mu) ** 2 / var | path | the term logvar itself is forgotten | term|contribution|path|missing|constant|offset|0\\.5
dlogvar = 0.5 * (1 - (y - mu) ** 2 / var) => dlogvar = 0.5 * (1 / var - (y - mu) ** 2 / var**2) | other function | the gradient for var, not for its logarithm | exp|log|var|chain|instead|derivative
dmu = -(y - mu) / var => dmu = (y - mu) / var | sign | the derivative of y - mu by mu is -1
dmu = -(y - mu) / var => dmu = -(y - mu) | factor | not divided by the variance | var|divi|exp|factor
dmu = -(y - mu) / var => dmu = -2 * (y - mu) / var | factor | the 0.5 is forgotten | 0\\.5|half|factor|2\\b|twice
var = np.exp(logvar) => var = np.exp(2 * logvar) | other function | logvar taken for the logarithm of the deviation | 2\\b|square|exp|std|deviation|sqrt|instead|var
dlogvar = 0.5 * (1 - (y - mu) ** 2 / var) => dlogvar = 0.5 * (1 - (y - mu) / var) | derivative | the square is forgotten | square|pow|\\*\\* ?2|derivative|instead|factor
""")
def _(mu, logvar, y):
    var = np.exp(logvar)
    dmu = -(y - mu) / var
    dlogvar = 0.5 * (1 - (y - mu) ** 2 / var)
    return dmu, dlogvar


@subject(w=(3, 2), x=(7, 3), y=(7, 2), delta=0.8)
def huber(w, x, y, delta):
    r = x @ w - y
    small = 0.5 * r**2
    large = delta * (np.abs(r) - 0.5 * delta)
    return np.where(np.abs(r) <= delta, small, large).mean()


@huber.backward("""
dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / r.size => dr = r / r.size | other function | the squared loss everywhere | large|where|delta|branch|squar|linear|another|clip|mask
dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / r.size => dr = np.where(np.abs(r) <= delta, r, delta) / r.size | sign | the sign of r in the linear part | sign|abs
dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / r.size => dr = np.where(np.abs(r) <= delta, r, np.sign(r)) / r.size | factor | the factor delta in the linear part | delta|factor|0\\.8
dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / r.size => dr = np.where(r <= delta, r, delta * np.sign(r)) / r.size | mask | the abs is forgotten in the condition | abs|mask|condition|where|<
dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / r.size => dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / len(r) | mean | divided by the rows alone
dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / r.size => dr = np.where(np.abs(r) <= delta, 2 * r, delta * np.sign(r)) / r.size | factor | the 0.5 of the quadratic part is forgotten | 2\\b|0\\.5|half|factor|twice
dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / r.size => dr = np.where(np.abs(r) <= delta, r, 0) / r.size | path | the linear part has no gradient | linear|branch|path|contribution|outside|where|clip|mask|zero
dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / r.size => dr = np.where(np.abs(r) > delta, r, delta * np.sign(r)) / r.size | mask | the condition is the wrong way round | mask|condition|where|exchang|swap|branch|invert|<|>
""")
def _(w, x, y, delta):
    r = x @ w - y
    dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / r.size
    dw = x.T @ dr
    return dw


@subject(c=(4,), t=np.linspace(-1, 1, 9), y=(9,))
def polynomial_regression(c, t, y):
    p = c[0] + c[1] * t + c[2] * t**2 + c[3] * t**3
    return ((p - y) ** 2).mean()


@polynomial_regression.backward("""
dp = 2 * (p - y) / len(t) => dp = (p - y) / len(t) | factor | the 2 of the square | 2\\b|square|half|factor
dp = 2 * (p - y) / len(t) => dp = 2 * (p - y) | mean | the 1/N is missing
dp = 2 * (p - y) / len(t) => dp = 2 * (y - p) / len(t) | sign | the sign of the residual
dc = np.array([(dp * t**k).sum() for k in range(4)]) => dc = np.array([(dp * k * t ** max(k - 1, 0)).sum() for k in range(4)]) | other function | the derivative with respect to t | derivative|respect|\\bt\\b|pow|another
dc = np.array([(dp * t**k).sum() for k in range(4)]) => dc = np.array([(dp * t ** (k + 1)).sum() for k in range(4)]) | index | the powers are off by one | off by one|ind(ex|ices)|pow|exponent|shift|\\bt\\b
dc = np.array([(dp * t**k).sum() for k in range(4)]) => dc = np.array([(dp * t**k).sum() for k in range(3, -1, -1)]) | flip | the coefficients in reverse order
dp = 2 * (p - y) / len(t) => dp = 2 * (p - y) / len(c) | mean | divided by the number of coefficients
dc = np.array([(dp * t**k).sum() for k in range(4)]) => dc = np.array([dp.sum() * (t**k).sum() for k in range(4)]) | other function | product of sums for the sum of products | sum|product
dp = 2 * (p - y) / len(t) => dp = 2 * np.abs(p - y) / len(t) | sign | the absolute residual | sign|abs
""")
def _(c, t, y):
    p = sum(c[k] * t**k for k in range(4))
    dp = 2 * (p - y) / len(t)
    dc = np.array([(dp * t**k).sum() for k in range(4)])
    return dc


@subject(a=(3,), mu=(3,), s=(3,), y=(8,))
def mixture_density(a, mu, s, y):
    logw = a - np.log(np.exp(a).sum())
    z = (y[:, None] - mu) / np.exp(s)
    logp = logw - s - 0.5 * z**2
    return -np.log(np.exp(logp).sum(axis=1)).mean()


@mixture_density.backward("""
da = (w - r).mean(axis=0) => da = -r.mean(axis=0) | constant | the normaliser of the weights is treated as a constant | softmax|normali|constant|weight|sum|path|contribution|log
da = (w - r).mean(axis=0) => da = (r - w).mean(axis=0) | sign | the sign
da = (w - r).mean(axis=0) => da = (w - r).sum(axis=0) | mean | a sum for a mean
dmu = -(r * z / np.exp(s)).mean(axis=0) => dmu = -(z / np.exp(s)).mean(axis=0) | path | the responsibilities are forgotten | respons|softmax|weight|log|sum|derivative|exp|factor|\\br\\b
dmu = -(r * z / np.exp(s)).mean(axis=0) => dmu = -(r * z).mean(axis=0) | factor | the 1/sigma of z is forgotten | exp|sigma|\\bs\\b|divi|factor|scale
ds = (r * (1 - z**2)).mean(axis=0) => ds = (r * z**2).mean(axis=0) * -1 | path | the term -s is forgotten | term|path|contribution|missing|constant|-s|`s`
ds = (r * (1 - z**2)).mean(axis=0) => ds = (r * (1 - z)).mean(axis=0) | derivative | the square of z is forgotten | square|pow|\\*\\* ?2|factor|derivative|instead
r = p / p.sum(axis=1, keepdims=True) => r = p / p.sum(axis=0, keepdims=True) | axis | normalised over the examples
r = p / p.sum(axis=1, keepdims=True) => r = np.exp(logw) * np.ones_like(p) | array | the prior weights for the responsibilities | respons|weight|prior|instead|posterior|softmax|density
""")
def _(a, mu, s, y):
    logw = a - np.log(np.exp(a).sum())
    w = np.exp(logw)
    z = (y[:, None] - mu) / np.exp(s)
    p = np.exp(logw - s - 0.5 * z**2)
    r = p / p.sum(axis=1, keepdims=True)
    da = (w - r).mean(axis=0)
    dmu = -(r * z / np.exp(s)).mean(axis=0)
    ds = (r * (1 - z**2)).mean(axis=0)
    return da, dmu, ds


@subject(mu=(4, 3), logvar=(4, 3), noise=(4, 3), w=(3, 5), x=(4, 5))
def vae_loss(mu, logvar, noise, w, x):
    z = mu + np.exp(0.5 * logvar) * noise
    error = z @ w - x
    kl = -0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum()
    return ((error**2).sum() + kl) / len(x)


@vae_loss.backward("""
dmu = dz + mu / N => dmu = dz | path | the way through the KL term is forgotten | KL|term|path|contribution|missing|penalt|times the input
dmu = dz + mu / N => dmu = mu / N | path | the way through the sample is forgotten | sample|\\bz\\b|path|contribution|missing|matmul|recon
dlogvar = dz * noise * 0.5 * np.exp(0.5 * logvar) - 0.5 * (1 - np.exp(logvar)) / N => dlogvar = dz * 0.5 * np.exp(0.5 * logvar) - 0.5 * (1 - np.exp(logvar)) / N | factor | the noise is forgotten | noise|factor|product
dlogvar = dz * noise * 0.5 * np.exp(0.5 * logvar) - 0.5 * (1 - np.exp(logvar)) / N => dlogvar = dz * noise * np.exp(0.5 * logvar) - 0.5 * (1 - np.exp(logvar)) / N | factor | the 0.5 of exp(0.5 logvar) is forgotten | 0\\.5|half|factor|2\\b|twice
dlogvar = dz * noise * 0.5 * np.exp(0.5 * logvar) - 0.5 * (1 - np.exp(logvar)) / N => dlogvar = -0.5 * (1 - np.exp(logvar)) / N | constant | the sample is not differentiated (no reparameterisation) | sample|noise|path|contribution|missing|constant|\\bz\\b
dz = 2 * error @ w.T / N => dz = 2 * error @ w.T | mean | the 1/N of the reconstruction is missing | + upstream
dz = 2 * error @ w.T / N => dz = error @ w.T / N | factor | the 2 of the square | 2\\b|square|half|factor
- 0.5 * (1 - np.exp(logvar)) / N => + 0.5 * (1 - np.exp(logvar)) / N | sign | the sign of the KL term
dw = 2 * z.T @ error / N => dw = 2 * mu.T @ error / N | array | the mean for the sample | sample|noise|instead|\\bmu\\b|\\bz\\b
""")
def _(mu, logvar, noise, w, x):
    N = len(x)
    z = mu + np.exp(0.5 * logvar) * noise
    error = z @ w - x
    dw = 2 * z.T @ error / N
    dz = 2 * error @ w.T / N
    dmu = dz + mu / N
    dlogvar = dz * noise * 0.5 * np.exp(0.5 * logvar) - 0.5 * (1 - np.exp(logvar)) / N
    return dmu, dlogvar, dw


@subject(w=(4,), x=(7, 4), y=positive(7))
def poisson_regression(w, x, y):
    rate = np.exp(x @ w)
    return (rate - y * np.log(rate)).mean()


@poisson_regression.backward("""
ds = (rate - y) / len(y) => ds = (1 - y / rate) / len(y) | path | stops at the rate: the derivative of exp is missing | exp|derivative|chain|rate
ds = (rate - y) / len(y) => ds = (rate - y) | mean | the 1/N is missing
ds = (rate - y) / len(y) => ds = (s - y) / len(y) | array | the input of exp for its output | exp|instead|rate|before
ds = (rate - y) / len(y) => ds = rate / len(y) | path | the way through the logarithm is forgotten | log|term|path|contribution|missing|\\by\\b
ds = (rate - y) / len(y) => ds = (y - rate) / len(y) | sign | the sign
ds = (rate - y) / len(y) => ds = (rate - y) * rate / len(y) | other function | the derivative of exp twice (least squares) | twice|square|rate|exp|derivative|times
""")
def _(w, x, y):
    s = x @ w
    rate = np.exp(s)
    ds = (rate - y) / len(y)
    dw = x.T @ ds
    return dw
