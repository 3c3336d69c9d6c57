"""Forward passes as learners write them, checked against a reference that is written in another way.

`@learners(reference, table, …)` registers the learner's function; the tables are those of `forwards.py`. `RIGHT` holds
right answers in other forms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .forwards import FORWARDS, forward

Function = Callable[..., Any]
RIGHT: list[tuple[Function, Function, tuple[Any, ...]]] = []


def learners(reference: Function, table: str, **inputs: Any) -> Callable[[Function], Function]:
    """Register a learner's forward pass with its reference; the function itself is a right answer."""

    def add(function: Function) -> Function:
        forward(table, **inputs)(function)
        FORWARDS[-1].reference = reference
        RIGHT.append((function, reference, tuple(FORWARDS[-1].inputs.values())))
        return function

    return add


# ---- references --------------------------------------------------------------------------------------------------


def softmax_(z, axis=1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def two_layers_(X, W1, b1, W2, b2):
    h = np.maximum(X @ W1 + b1, 0)
    return h @ W2 + b2


def cross_entropy_(scores, y):
    p = softmax_(scores)
    return -np.log(p[np.arange(len(y)), y]).mean()


def layer_norm_(x, gamma, beta):
    mu = x.mean(axis=-1, keepdims=True)
    var = ((x - mu) ** 2).mean(axis=-1, keepdims=True)
    return gamma * (x - mu) / np.sqrt(var + 1e-5) + beta


def batch_norm_(x, running_mean, running_var, gamma, beta):
    xhat = (x - running_mean) / np.sqrt(running_var + 1e-3)
    return gamma * xhat + beta


def batch_norm_train_(x, gamma, beta):
    mu, var = x.mean(axis=0), x.var(axis=0)
    return gamma * (x - mu) / np.sqrt(var + 1e-3) + beta


def dropout_(x, mask):
    return x * mask / 0.8


def conv_(x, w, b):
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    out = np.zeros((w.shape[0], 4, 4))
    for f in range(w.shape[0]):
        for i in range(4):
            for j in range(4):
                out[f, i, j] = np.sum(x[:, i : i + 3, j : j + 3] * w[f]) + b[f]
    return out


def conv1d_(x, w):
    return np.array([(x[i : i + len(w)] * w).sum() for i in range(0, len(x) - len(w) + 1, 2)])


def max_pool_(x):
    out = np.zeros((x.shape[0] // 2, x.shape[1] // 2))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max()
    return out


def attention_(x, Wq, Wk, Wv):
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    s = q @ k.T / np.sqrt(q.shape[-1])
    s = np.where(np.tril(np.ones(s.shape)) == 1, s, -1e9)
    return softmax_(s) @ v


def lstm_(x, h, c, W, U, b):
    a = x @ W + h @ U + b
    i, f, o, g = np.split(a, 4, axis=1)
    i, f, o = 1 / (1 + np.exp(-i)), 1 / (1 + np.exp(-f)), 1 / (1 + np.exp(-o))
    c = f * c + i * np.tanh(g)
    return o * np.tanh(c)


def gru_(x, h, Wz, Wr, Wn, Uz, Ur, Un):
    z = 1 / (1 + np.exp(-(x @ Wz + h @ Uz)))
    r = 1 / (1 + np.exp(-(x @ Wr + h @ Ur)))
    n = np.tanh(x @ Wn + r * (h @ Un))
    return (1 - z) * n + z * h


def embedding_(E, W, tokens):
    return E[tokens].mean(axis=1) @ W


def svm_(scores, y):
    n = np.arange(len(y))
    margins = np.maximum(0, scores - scores[n, y][:, None] + 1)
    margins[n, y] = 0
    return margins.sum() / len(y)


def mse_(X, w, b, y):
    return np.mean((X @ w + b - y) ** 2)


def ridge_(X, w, y):
    return ((X @ w - y) ** 2).mean() + 0.1 * (w**2).sum()


def bce_(z, y):
    p = 1 / (1 + np.exp(-z))
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def kl_(p, q):
    return (p * np.log(p / q)).sum(axis=1).mean()


def huber_(p, y):
    e = np.abs(p - y)
    return np.where(e < 1, 0.5 * e**2, e - 0.5).mean()


def cosine_(a, b):
    return (a * b).sum(axis=1) / (np.sqrt((a**2).sum(axis=1)) * np.sqrt((b**2).sum(axis=1)))


# ---- learners' functions -----------------------------------------------------------------------------------------


@learners(
    two_layers_,
    """
hidden = np.maximum(0, X.dot(W1) + b1) => hidden = X.dot(W1) + b1 | missing | no ReLU | relu|maximum|activation
hidden = np.maximum(0, X.dot(W1) + b1) => hidden = np.maximum(0, X.dot(W1)) | bias | no first bias | b1
hidden = np.maximum(0, X.dot(W1) + b1) => hidden = np.maximum(0, X.dot(W1)) + b1 | order | the bias after the ReLU | + b1|bias|maximum
hidden = np.maximum(0, X.dot(W1) + b1) => hidden = np.minimum(0, X.dot(W1) + b1) | other function | the minimum | minim
hidden = np.maximum(0, X.dot(W1) + b1) => hidden = np.maximum(0.01 * (X.dot(W1) + b1), X.dot(W1) + b1) | other function | a leaky ReLU | leak|slope|relu
hidden = np.maximum(0, X.dot(W1) + b1) => hidden = np.maximum(1, X.dot(W1) + b1) | other function | 1 for 0 | 1\\b|constant
hidden = np.maximum(0, X.dot(W1) + b1) => hidden = np.tanh(X.dot(W1) + b1) | other function | tanh for ReLU | tanh
hidden.dot(W2) + b2 => hidden.dot(W2.T) + b2 | transposed | W2 is transposed
hidden.dot(W2) + b2 => hidden.dot(W2) | bias | no second bias | b2
hidden.dot(W2) + b2 => hidden.dot(W2) + b1 | other function | b1 for b2 | b1
hidden.dot(W2) + b2 => np.maximum(0, hidden.dot(W2) + b2) | other function | a ReLU on the scores too | relu|maximum
hidden.dot(W2) + b2 => hidden.dot(W1) + b2 | other function | W1 for W2 | W1
hidden.dot(W2) + b2 => X.dot(W2) + b2 | missing | the hidden layer is skipped | \\bX\\b|h\\b|skip
""",
    X=(5, 4),
    W1=(4, 4),
    b1=(4,),
    W2=(4, 4),
    b2=(4,),
)
def two_layers(X, W1, b1, W2, b2):
    hidden = np.maximum(0, X.dot(W1) + b1)
    return hidden.dot(W2) + b2


@learners(
    cross_entropy_,
    """
total / N => total | mean | not divided by N
total / N => total / scores.shape[1] | mean | divided by the classes | class|columns|N|number|3
total / N => total / (N - 1) | mean | divided by N - 1 | N ?- ?1|5|factor
-= np.log(exps[i, y[i]] / exps[i].sum()) => -= np.log(exps[i, y[i]]) | missing | not normalised | normali|sum|divi
-= np.log(exps[i, y[i]] / exps[i].sum()) => -= exps[i, y[i]] / exps[i].sum() | missing | no logarithm | log
-= np.log(exps[i, y[i]] / exps[i].sum()) => -= np.log2(exps[i, y[i]] / exps[i].sum()) | other function | the logarithm to base 2 | log2|base
-= np.log(exps[i, y[i]] / exps[i].sum()) => += np.log(exps[i, y[i]] / exps[i].sum()) | sign | the sign
-= np.log(exps[i, y[i]] / exps[i].sum()) => -= np.log(exps[i, y[i]] / exps[:, y[i]].sum()) | axis | the sum over the batch | axis
-= np.log(exps[i, y[i]] / exps[i].sum()) => -= np.log(exps[i, y[i] - 1] / exps[i].sum()) | index | the label before
-= np.log(exps[i, y[i]] / exps[i].sum()) => -= np.log(exps[i].max() / exps[i].sum()) | index | the largest score for the label's | max|largest|label|target
-= np.log(exps[i, y[i]] / exps[i].sum()) => -= np.log(exps[i, y[i]] / exps.sum()) | axis | the sum over everything | all axes|axis|sum
-= np.log(exps[i, y[i]] / exps[i].sum()) => -= np.log(1 - exps[i, y[i]] / exps[i].sum()) | other function | 1 - p | 1 -
""",
    scores=(6, 3),
    y=np.array([2, 0, 1, 1, 2, 0]),
)
def cross_entropy_in_a_loop(scores, y):
    N, total = len(y), 0.0
    exps = np.exp(scores - scores.max(axis=1)[:, None])
    for i in range(N):
        total -= np.log(exps[i, y[i]] / exps[i].sum())
    return total / N


@learners(
    layer_norm_,
    """
x.std(-1, keepdims=True) ** 2 + 1e-5 => x.std(-1, keepdims=True) + 1e-5 | other function | the deviation for the variance | root|std|square
x.std(-1, keepdims=True) ** 2 + 1e-5 => x.std(-1, keepdims=True, ddof=1) ** 2 + 1e-5 | ddof | N - 1
x.std(-1, keepdims=True) ** 2 + 1e-5 => x.std(0, keepdims=True) ** 2 + 1e-5 | axis | the deviation over the batch
x.mean(-1, keepdims=True) => x.mean(0, keepdims=True) | axis | the mean over the batch
x.mean(-1, keepdims=True) => x.mean() | axis | the mean over everything
x - x.mean(-1, keepdims=True) => x | missing | not centred | mu|mean|cent|sub
gamma * xhat + beta => xhat | missing | neither gamma nor beta | gamma|beta|mul
gamma * xhat + beta => beta * xhat + gamma | transposed | gamma and beta are exchanged | + gamma.*beta|beta.*gamma
gamma * xhat + beta => (1 + gamma) * xhat + beta | factor | 1 + gamma | 1 \\+|1 is added|gamma
gamma * xhat + beta => gamma * (xhat + beta) | order | beta is scaled too | + beta|gamma
gamma * xhat + beta => gamma * xhat - beta | sign | beta is subtracted
""",
    x=(5, 4),
    gamma=np.array([0.5, 2.0, 1.5, -1.0]),
    beta=(4,),
)
def layer_norm(x, gamma, beta):
    xhat = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.std(-1, keepdims=True) ** 2 + 1e-5)
    return gamma * xhat + beta


@learners(
    batch_norm_,
    """
(x - running_mean) => (x - x.mean(axis=0)) | other function | the batch's mean in evaluation | batch|mean of `x`|x\\.mean
running_var + 1e-3 => x.var(axis=0) + 1e-3 | other function | the batch's variance in evaluation | batch|variance of `x`|x\\.var
(x - running_mean) => x | missing | the mean is not subtracted | mean|sub
np.sqrt(running_var + 1e-3) => (running_var + 1e-3) | missing | no root | root|sqrt
np.sqrt(running_var + 1e-3) => np.sqrt(running_var) | epsilon | no epsilon
np.sqrt(running_var + 1e-3) => (np.sqrt(running_var) + 1e-3) | epsilon | epsilon outside | eps|1e-3|0\\.001|order|after
np.sqrt(running_var + 1e-3) => np.sqrt(running_mean + 1e-3) | other function | the mean for the variance | running_mean
/ np.sqrt(running_var + 1e-3) => * np.sqrt(running_var + 1e-3) | other function | multiplied | mul
""",
    x=(6, 3),
    running_mean=np.array([0.3, 0.5, 1.2]),
    running_var=np.array([0.5, 2.0, 1.1]),
    gamma=np.array([2.0, 0.7, 1.3]),
    beta=(3,),
)
def batch_norm_eval(x, running_mean, running_var, gamma, beta):
    scale = gamma / np.sqrt(running_var + 1e-3)
    return (x - running_mean) * 1 * scale + beta


@learners(
    dropout_,
    """
mask / (1 - 0.2) => mask | missing | not divided by the probability to stay | divi|0\\.8|scale|factor
mask / (1 - 0.2) => mask / 0.2 | factor | divided by the probability to drop | 0\\.8|factor|1 ?-
mask / (1 - 0.2) => mask * (1 - 0.2) | factor | multiplied, not divided | mul|0\\.8|factor|invers|invert
mask / (1 - 0.2) => (1 - mask) / (1 - 0.2) | other function | the mask is inverted | 1 -|mask|invert
""",
    x=(5, 4),
    mask=(np.arange(20).reshape(5, 4) % 3 != 0).astype(float),
)
def inverted_dropout(x, mask):
    return x * (mask / (1 - 0.2))


@learners(
    conv_,
    """
i + di - 1, j + dj - 1 => i + di, j + dj | index | the windows lie one too far | + pad
i + di - 1, j + dj - 1 => i + dj - 1, j + di - 1 | transposed | the kernel is transposed
w[f, :, di, dj] => w[f, :, 2 - di, 2 - dj] | index | the kernel is flipped
out[f, i, j] = b[f] => out[f, i, j] = 0 | bias | no bias | \\bb\\b|bias
out[f, i, j] = b[f] => out[f, i, j] = b[0] | bias | the first bias for all | bias|\\bb\\b|filter|index
0 <= r < 4 and 0 <= c < 4 => 0 < r < 4 and 0 < c < 4 | index | the first row and column are left out | + border|pad|row|column|first
range(3) for dj in range(3) => range(2) for dj in range(2) | index | a part of the window is left out | + kernel|part
""",
    x=(2, 4, 4),
    w=(3, 2, 3, 3),
    b=(3,),
)
def convolution_in_loops(x, w, b):
    out = np.zeros((3, 4, 4))
    for f in range(3):
        for i in range(4):
            for j in range(4):
                out[f, i, j] = b[f]
                for di, dj in [(di, dj) for di in range(3) for dj in range(3)]:
                    r, c = i + di - 1, j + dj - 1
                    if 0 <= r < 4 and 0 <= c < 4:
                        out[f, i, j] += x[:, r, c] @ w[f, :, di, dj]
    return out


@learners(
    conv1d_,
    """
x[2 * i + k] => x[i + k] | index | the stride is 1 | + strid|step
x[2 * i + k] => x[2 * i + 1 + k] | index | the windows begin one late
* w[k] => * w[-1 - k] | index | the kernel is flipped
* w[k] => + w[k] | other function | a sum for the product | add|\\+
out[i] += => out[i] = | missing | the last product overwrites the sum | overwr|sum|last|\\+=
""",
    x=(12,),
    w=(3,),
)
def convolution_1d_with_stride(x, w):
    out = np.zeros(5)
    for i in range(5):
        for k in range(3):
            out[i] += x[2 * i + k] * w[k]
    return out


@learners(
    max_pool_,
    """
.max(axis=(1, 3)) => .mean(axis=(1, 3)) | other function | the mean for the maximum | mean|averag
.max(axis=(1, 3)) => .min(axis=(1, 3)) | other function | the minimum | min
.max(axis=(1, 3)) => .sum(axis=(1, 3)) | other function | the sum | sum
.reshape(3, 2, 2, 2) => .T.reshape(3, 2, 2, 2) | transposed | x is transposed | transpos|order|layout
.max(axis=(1, 3)) => .max(axis=1)[..., 0] | axis | the maximum over the columns alone | axis|column|window|part|amax
return x => return np.roll(x, 1, axis=0) | index | the windows begin one row late
""",
    x=(6, 4),
)
def max_pool_by_reshape(x):
    return x.reshape(3, 2, 2, 2).max(axis=(1, 3))


@learners(
    attention_,
    """
/ q.shape[1] ** 0.5 =>  | missing | not divided by the root | sqrt|root|divi|scale|factor
/ q.shape[1] ** 0.5 => / q.shape[1] | factor | divided by d
/ q.shape[1] ** 0.5 => / x.shape[0] ** 0.5 | factor | the number of tokens for d
k=1 => k=0 | index | the token itself is masked too | + mask|diagonal|where
scores[later] = -np.inf => pass | missing | no mask | mask|where|-1e\\+?09
scores[later] = -np.inf => scores[later] = 0 | other function | 0 for minus infinity | mask|where|\\b0\\b
scores[later] = -np.inf => scores[later.T] = -np.inf | transposed | the mask is transposed | + mask
weights / weights.sum(axis=1, keepdims=True) => weights / weights.sum(axis=0, keepdims=True) | axis | over the queries
weights / weights.sum(axis=1, keepdims=True) => weights | missing | not normalised | normali|sum|divi
@ (x @ Wv) => @ (x @ Wk) | other function | the keys for the values | Wk|\\bk\\b
@ (x @ Wv) => @ x | missing | no projection of the values | Wv|\\bv\\b|\\bx\\b
q @ k.T => q @ q.T | other function | queries for keys | \\bq\\b|Wq
""",
    x=(5, 4),
    Wq=(4, 4),
    Wk=(4, 4),
    Wv=(4, 4),
)
def causal_attention(x, Wq, Wk, Wv):
    q, k = x @ Wq, x @ Wk
    scores = q @ k.T / q.shape[1] ** 0.5
    later = np.triu(np.ones(scores.shape), k=1) > 0
    scores[later] = -np.inf
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True) @ (x @ Wv)


@learners(
    lstm_,
    """
c_next = f * c + i * g => c_next = i * c + f * g | transposed | the gates are exchanged | swap|exchang|instead
c_next = f * c + i * g => c_next = c + i * g | missing | no forget gate | \\bf\\b|missing
c_next = f * c + i * g => c_next = f * c + (1 - f) * g | other function | 1 - f for i | 1 -|\\bi\\b
c_next = f * c + i * g => c_next = f * c | missing | nothing is written into the cell | missing|left out|i \\*|mul
return o * np.tanh(c_next) => return o * c_next | missing | no tanh of the cell | tanh
return o * np.tanh(c_next) => return np.tanh(o * c_next) | order | tanh of the product | tanh
return o * np.tanh(c_next) => return o * np.tanh(c) | other function | the old cell | \\bc\\b|old
g = np.tanh(a[:, 3 * H :]) => g = sigmoid(a[:, 3 * H :]) | other function | sigmoid for tanh | sigmoid
g = np.tanh(a[:, 3 * H :]) => g = a[:, 3 * H :] | missing | no tanh of the candidate | tanh
a = x.dot(W) + h.dot(U) + b => a = x.dot(W) + h.dot(U) | bias | no bias | \\bb\\b|bias
a = x.dot(W) + h.dot(U) + b => a = x.dot(W) + b | missing | the old state is left out | \\bh\\b|U
i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H]) => f, i, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H]) | transposed | i and f are in the other order
i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H]) => i, o, f = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H]) | transposed | f and o are in the other order
""",
    x=(3, 4),
    h=(3, 2),
    c=(3, 2),
    W=(4, 8),
    U=(2, 8),
    b=(8,),
)
def lstm_step(x, h, c, W, U, b):
    H = h.shape[1]
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    a = x.dot(W) + h.dot(U) + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    c_next = f * c + i * g
    return o * np.tanh(c_next)


@learners(
    gru_,
    """
n + z * (h - n) => h + z * (n - h) | transposed | z and 1 - z are exchanged, which is the sign in the sigmoid | exchang|swap|instead|1 -|sign|negative
np.tanh(x @ Wn + r * (h @ Un)) => np.tanh(x @ Wn + (r * h) @ Un) | order | r before the product
np.tanh(x @ Wn + r * (h @ Un)) => np.tanh(x @ Wn + h @ Un) | missing | no reset gate | \\br\\b|reset
np.tanh(x @ Wn + r * (h @ Un)) => np.tanh(x @ Wn + z * (h @ Un)) | other function | z for r | \\bz\\b|Wz
r = 1 / (1 + np.exp(-(x @ Wr + h @ Ur))) => r = np.tanh(x @ Wr + h @ Ur) | other function | tanh for sigmoid | tanh
z = 1 / (1 + np.exp(-(x @ Wz + h @ Uz))) => z = 1 / (1 + np.exp(x @ Wz + h @ Uz)) | sign | the sign in the sigmoid
z = 1 / (1 + np.exp(-(x @ Wz + h @ Uz))) => z = 1 / (1 + np.exp(-x @ Wz + h @ Uz)) | sign | parentheses: the sign of one term
""",
    x=(3, 4),
    h=(3, 3),
    Wz=(4, 3),
    Wr=(4, 3),
    Wn=(4, 3),
    Uz=(3, 3),
    Ur=(3, 3),
    Un=(3, 3),
)
def gru_step(x, h, Wz, Wr, Wn, Uz, Ur, Un):
    z = 1 / (1 + np.exp(-(x @ Wz + h @ Uz)))
    r = 1 / (1 + np.exp(-(x @ Wr + h @ Ur)))
    n = np.tanh(x @ Wn + r * (h @ Un))
    return n + z * (h - n)


@learners(
    embedding_,
    """
out[n] += E[t] => out[n] += E[t - 1] | index | the token before
out[n] += E[t] => out[n] = E[t] | missing | the last token alone | last|mean|overwr|\\+=|averag
out / tokens.shape[1] => out | mean | the sum of the embeddings
out / tokens.shape[1] => out / tokens.shape[0] | mean | divided by the batch | mean|divi|number|factor
out[n] += E[t] => out[n] = np.maximum(out[n], E[t]) if t != row[0] else E[t] | other function | the maximum | max
""",
    E=(7, 4),
    W=(4, 3),
    tokens=np.array([[0, 3, 6], [5, 5, 1], [2, 4, 1], [6, 1, 0]]),
)
def mean_of_embeddings(E, W, tokens):
    out = np.zeros((len(tokens), E.shape[1]))
    for n, row in enumerate(tokens):
        for t in row:
            out[n] += E[t]
    return (out / tokens.shape[1]) @ W


@learners(
    svm_,
    """
if j != y[i]: => if True: | missing | the right class counts too | right class|target|place|index|set|label|zero
- scores[i, y[i]] + 1) => - scores[i, y[i]]) | missing | no margin | margin|\\b1\\b|constant
- scores[i, y[i]] + 1) => - scores[i, y[i]] - 1) | sign | the sign of the margin
- scores[i, y[i]] + 1) => - scores[i, y[i]] + 2) | factor | a margin of 2 | 2|twice|constant
max(0, scores[i, j] => (0 + scores[i, j] | missing | no maximum | max
total / len(y) => total | mean | not divided
total / len(y) => total / scores.size | mean | divided by all
total / len(y) => total / len(y) / 2 | factor | half | half|1/2|0\\.5|2
""",
    scores=lambda rng: 2 * rng.standard_normal((5, 4)),
    y=np.array([1, 3, 0, 0, 2]),
)
def svm_loss(scores, y):
    total = 0.0
    for i in range(len(y)):
        for j in range(scores.shape[1]):
            if j != y[i]:
                total += max(0, scores[i, j] - scores[i, y[i]] + 1)
    return total / len(y)


@learners(
    mse_,
    """
(error @ error) / len(y) => (error @ error) | mean | a sum for the mean
(error @ error) / len(y) => (error @ error) / 2 | mean | half the sum | 1/2|half|sum|mean|2
(error @ error) / len(y) => (error @ error) / len(y) / 2 | factor | half
(error @ error) / len(y) => error.mean() ** 2 | order | the square of the mean | + square
(error @ error) / len(y) => np.sqrt((error @ error) / len(y)) | other function | the root | root|sqrt
(error @ error) / len(y) => np.abs(error).mean() | other function | the absolute error | abs
- y => - y[:, None] | broadcast | all pairs: (N,) against (N, 1)
- y => - y.mean() | other function | the mean of y | mean
- y =>  | missing | the targets are not subtracted | \\by\\b
X @ w + b => X @ w | bias | no bias | \\bb\\b|bias
""",
    X=(6, 3),
    w=(3,),
    b=np.array(0.4),
    y=(6,),
)
def squared_errors(X, w, b, y):
    error = X @ w + b - y
    if error.ndim > 1:
        return (error**2).mean()
    return (error @ error) / len(y)


@learners(
    ridge_,
    """
0.1 * w @ w => 0.1 * np.sqrt(w @ w) | other function | the norm, not squared | root|sqrt|norm
0.1 * w @ w => 0.1 * np.abs(w).sum() | other function | L1 | abs|L1
0.1 * w @ w => w @ w | factor | no lambda | 0\\.1|factor|missing|lambda
0.1 * w @ w => 0.1 * w.sum() | missing | not squared | square|\\*\\*
0.1 * w @ w => 0.05 * w @ w | factor | half | half|0\\.05|1/2
0.1 * w @ w => 0.0 | missing | no penalty
0.1 * w @ w => -0.1 * w @ w | sign | the penalty is subtracted
0.1 * w @ w => 0.1 * (w @ w) / len(w) | mean | the mean of the squares
np.square(r).mean() + 0.1 * w @ w => (np.square(r) + 0.1 * w @ w).sum() | mean | sums for means
""",
    X=(6, 3),
    w=(3,),
    y=(6,),
)
def ridge(X, w, y):
    r = X @ w - y
    return np.square(r).mean() + 0.1 * w @ w


@learners(
    bce_,
    """
np.log1p(np.exp(z)) - y * z => np.log1p(np.exp(-z)) - y * z | sign | the sign of z
np.log1p(np.exp(z)) - y * z => np.log1p(np.exp(z)) + y * z | sign | the sign of the second term
np.log1p(np.exp(z)) - y * z => np.log(np.exp(z)) - y * z | missing | the 1 is forgotten | \\b1\\b|missing
np.log1p(np.exp(z)) - y * z => np.log1p(np.exp(z)) - z | missing | no y | \\by\\b
np.log1p(np.exp(z)) - y * z => -y * np.log(1 / (1 + np.exp(-z))) | missing | only the term of y = 1 | missing|left out|second|1 -
np.log1p(np.exp(z)) - y * z => np.log1p(np.exp(z)) - (1 - y) * z | transposed | y and 1 - y are exchanged, which is the sign of z | 1 -|swap|exchang|sign|negative|-z
.mean() => .sum() | mean | the sum
""",
    z=(6,),
    y=np.array([1.0, 0, 0, 1, 1, 0]),
)
def binary_cross_entropy_with_logits(z, y):
    return (np.log1p(np.exp(z)) - y * z).mean()


@learners(
    kl_,
    """
p * (np.log(p) - np.log(q)) => q * (np.log(q) - np.log(p)) | transposed | p and q are exchanged
p * (np.log(p) - np.log(q)) => p * (np.log(p) + np.log(q)) | sign | the sign | sign|mul|instead
p * (np.log(p) - np.log(q)) => (np.log(p) - np.log(q)) | missing | the factor p
p * (np.log(p) - np.log(q)) => p * np.log(p) - np.log(q) | order | parentheses: p scales log(p) alone | order|parenth|before|after|p\\b
p * (np.log(p) - np.log(q)) => -p * np.log(q) | missing | the cross-entropy: no p log p | missing|div|p / q
.sum(axis=1).mean() => .mean() | mean | the mean over everything
.sum(axis=1).mean() => .sum() | mean | the sum over everything
.sum(axis=1).mean() => .sum(axis=0).mean() | axis | the sum over the batch
""",
    p=softmax_(np.random.default_rng(5).standard_normal((5, 3))),
    q=softmax_(np.random.default_rng(6).standard_normal((5, 3))),
)
def kl_divergence(p, q):
    return (p * (np.log(p) - np.log(q))).sum(axis=1).mean()


@learners(
    huber_,
    """
0.5 * d * d if abs(d) < 1 => d * d if abs(d) < 1 | factor | no 0.5
else abs(d) - 0.5 => else abs(d) | missing | the 0.5 of the other branch | 0\\.5|missing
if abs(d) < 1 else => if abs(d) > 1 else | other function | the branches are exchanged | branch|<|>|swap|exchang|where|condition
else abs(d) - 0.5 => else d - 0.5 | missing | no absolute value | abs
if abs(d) < 1 else => if abs(d) < 0.5 else | other function | the other bound | bound|<|bound|condition|where|1\\b
""",
    p=lambda rng: 2 * rng.standard_normal(9),
    y=(9,),
)
def huber(p, y):
    return sum(0.5 * d * d if abs(d) < 1 else abs(d) - 0.5 for d in p - y) / len(y)


@learners(
    cosine_,
    """
(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)) => (np.linalg.norm(a) * np.linalg.norm(b)) | axis | the norms over everything | ax[ie]s|everything|all
(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)) => np.linalg.norm(a, axis=1) | missing | one norm alone | missing|left out|norm
(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)) => (a**2).sum(axis=1) / (b**2).sum(axis=1) | missing | squares for norms
(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)) => ((a**2).sum(axis=1) * (b**2).sum(axis=1)) | missing | no roots | root|sqrt
(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)) => (np.linalg.norm(a, axis=1) + np.linalg.norm(b, axis=1)) | other function | a sum for the product | add|sum
(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)) => (np.abs(a).sum(axis=1) * np.abs(b).sum(axis=1)) | other function | the L1 norms | abs|L1|root.*before the sum
""",
    a=(5, 3),
    b=(5, 3),
)
def cosine_similarity(a, b):
    return np.einsum("ij,ij->i", a, b) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


@learners(
    batch_norm_train_,
    """
mu = x.mean(0) => mu = x.mean(1)[:, None] | axis | the mean over the features
((x - mu) ** 2).mean(0) => ((x - mu) ** 2).sum(0) | mean | a sum for the mean
((x - mu) ** 2).mean(0) => ((x - mu) ** 2).sum(0) / (len(x) - 1) | ddof | N - 1
((x - mu) ** 2).mean(0) => (x**2).mean(0) | missing | the squares of x that is not centred | mu|mean|cent|sub
((x - mu) ** 2).mean(0) => np.abs(x - mu).mean(0) | other function | the mean absolute deviation | abs
((x - mu) ** 2).mean(0) => ((x - mu) ** 2).mean() | axis | one variance for all features
(var + 1e-3) ** -0.5 => (var + 1e-3) ** -1 | missing | no root | root|sqrt
(var + 1e-3) ** -0.5 => var**-0.5 | epsilon | no epsilon
x_hat = (x - mu) => x_hat = (mu - x) | sign | the sign | sign|swap|order
""",
    x=(6, 4),
    gamma=np.array([0.5, 2.0, 1.5, 1.0]),
    beta=(4,),
)
def batch_norm_by_hand(x, gamma, beta):
    mu = x.mean(0)
    var = ((x - mu) ** 2).mean(0)
    x_hat = (x - mu) * (var + 1e-3) ** -0.5
    return x_hat * gamma + beta


# ---- right answers in other forms --------------------------------------------------------------------------------


def right(reference: Function, *inputs: Any) -> Callable[[Function], Function]:
    """Register a right answer."""

    def add(function: Function) -> Function:
        RIGHT.append((function, reference, inputs))
        return function

    return add


_RNG = np.random.default_rng(11)
_X, _W, _Y = _RNG.standard_normal((6, 4)), _RNG.standard_normal((4, 4)), np.array([3, 0, 1, 1, 2, 0])


@right(softmax_, _X)
def softmax_with_any_shift(z):
    e = np.exp(z.T - z.max(1))
    return (e / e.sum(0)).T


@right(softmax_, _X.astype(np.float32))
def softmax_in_float32(z):
    e = np.exp((z - z.max(axis=1, keepdims=True)).astype(np.float32))
    return e / e.sum(axis=1, keepdims=True)


@right(softmax_, _X)
def softmax_by_logarithms(z):
    z = z - z.max(axis=-1)[:, None]
    return np.exp(z - np.log(np.exp(z).sum(-1))[:, None])


@right(cross_entropy_, _X, _Y)
def overflows_cross_entropy(scores, y):
    return (np.log(np.exp(scores).sum(1)) - scores[np.arange(len(y)), y]).mean()


@right(lambda x: (x - x.mean(0)) / x.std(0), _X)
def standardized_by_moments(x):
    n = len(x)
    mean = sum(row for row in x) / n
    return (x - mean) / ((x * x).sum(0) / n - mean**2) ** 0.5


@right(lambda x, w: x @ w, _X, _W)
def product_in_loops_with_a_cache(x, w):
    out = np.empty((len(x), w.shape[1]))
    for i in range(len(x)):
        for j in range(w.shape[1]):
            out[i, j] = sum(x[i, k] * w[k, j] for k in range(len(w)))
    return out, (x, w)


@right(lambda x, p: x * (np.random.rand(*x.shape) < p) / p, _X, 0.7)
def dropout_with_the_same_generator(x, p):
    mask = (np.random.rand(*x.shape) < p) / p
    x *= mask
    return x


@right(lambda x: (x.sum(axis=0), x.mean()), _X)
def two_results(x):
    total = np.ones(len(x)) @ x
    return total, total.sum() / x.size


@right(lambda x: np.tanh(x), _X)
def tanh_by_exponentials(x):
    e = np.exp(-2 * np.abs(x))
    return np.sign(x) * (1 - e) / (1 + e)
