"""Whole backward passes by hand, line by line: the forward pass on Tensors, the backward pass in NumPy.

Every intermediate result has a name, and every line of the backward pass computes the gradient of one: `dh` is that of
`h`. An edit makes one line wrong, the first whose gradient is wrong; the lines below it are right, given that one.
In the backward pass the names stand for the values of the Tensors.
"""

from __future__ import annotations

import re
import textwrap
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minigrad
from minigrad import tensor

from .kinds import KINDS
from .subjects import Row, row_of


@dataclass
class Edit:
    """One wrong line."""

    exercise: Exercise
    row: Row

    @property
    def line(self) -> str:
        """The name of the gradient that becomes wrong first, as dh."""
        source = self.exercise.backward
        assert source.count(self.row.old) == 1, f"{self.exercise.name}: {self.row.old!r} must occur once"
        start = source.rindex("\n", 0, source.index(self.row.old)) + 1
        found = re.match(r"(?:for .*?: )?(?:np\.add\.at\()?(d\w+)", source[start:])
        assert found, f"{self.exercise.name}: {self.row.old!r}"
        return found[1]

    def source(self) -> str:
        """The edited backward pass."""
        return self.exercise.backward.replace(self.row.old, self.row.new)

    def __str__(self) -> str:
        return f"{self.exercise.name}: {self.row.old} => {self.row.new}"


@dataclass
class Exercise:
    """A forward pass and its backward pass."""

    name: str
    inputs: dict[str, Any]
    forward: str
    backward: str
    edits: list[Edit] = field(default_factory=list)

    def run(self, backward: str | None = None) -> tuple[Any, dict[str, Any]]:
        """The loss, and all variables: Tensors of the forward pass, and the gradients by hand."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        names: dict[str, Any] = {"np": np, "m": minigrad, "F": minigrad.nn.functional}
        for name, given in self.inputs.items():
            value = rng.standard_normal(given) if isinstance(given, tuple) else given
            names[name] = tensor(value, requires_grad=True) if isinstance(given, tuple) else value
        exec(self.forward, names)
        for value in names.values():
            if isinstance(value, minigrad.Tensor) and value.requires_grad and not value.is_leaf:
                value.retain_grad()
        arrays = {k: np.array(v.detach().numpy()) if isinstance(v, minigrad.Tensor) else v for k, v in names.items()}
        before = set(arrays)
        exec(backward or self.backward, arrays)
        by_hand = {k: v for k, v in arrays.items() if k not in before and re.match(r"d\w+$", k) and k[1:] in names}
        return names["loss"], {k: v for k, v in names.items() if k not in ("np", "m", "F", "__builtins__")} | by_hand


EXERCISES: list[Exercise] = []


def exercise(name: str, forward: str, backward: str, table: str, **inputs: Any) -> None:
    """Register an exercise."""
    made = Exercise(name, inputs, textwrap.dedent(forward), textwrap.dedent(backward))
    made.edits = [Edit(made, row_of(row, KINDS)) for row in table.strip().splitlines()]
    EXERCISES.append(made)


def all_edits() -> Iterator[Edit]:
    """Every edit of every exercise."""
    for one in EXERCISES:
        yield from one.edits


exercise(
    "makemore_mlp",
    """
    emb = C[Xb]
    embcat = emb.reshape(6, 6)
    hprebn = embcat @ W1 + b1
    bnmeani = hprebn.sum(0, keepdim=True) / n
    bndiff = hprebn - bnmeani
    bndiff2 = bndiff ** 2
    bnvar = bndiff2.sum(0, keepdim=True) / (n - 1)
    bnvar_inv = (bnvar + 1e-5) ** -0.5
    bnraw = bndiff * bnvar_inv
    hpreact = bngain * bnraw + bnbias
    h = hpreact.tanh()
    logits = h @ W2 + b2
    logit_maxes = logits.max(1, keepdim=True).values
    norm_logits = logits - logit_maxes
    counts = norm_logits.exp()
    counts_sum = counts.sum(1, keepdim=True)
    counts_sum_inv = counts_sum ** -1
    probs = counts * counts_sum_inv
    logprobs = probs.log()
    loss = -logprobs[np.arange(n), Yb].mean()
    """,
    """
    dlogprobs = np.zeros_like(logprobs)
    dlogprobs[np.arange(n), Yb] = -1 / n
    dprobs = dlogprobs / probs
    dcounts_sum_inv = (counts * dprobs).sum(axis=1, keepdims=True)
    dcounts_sum = -dcounts_sum_inv / counts_sum**2
    dcounts = counts_sum_inv * dprobs + dcounts_sum
    dnorm_logits = counts * dcounts
    dlogit_maxes = -dnorm_logits.sum(axis=1, keepdims=True)
    dlogits = dnorm_logits + (logits == logit_maxes) * dlogit_maxes
    dh = dlogits @ W2.T
    dW2 = h.T @ dlogits
    db2 = dlogits.sum(axis=0)
    dhpreact = (1 - h**2) * dh
    dbngain = (bnraw * dhpreact).sum(axis=0, keepdims=True)
    dbnbias = dhpreact.sum(axis=0, keepdims=True)
    dbnraw = bngain * dhpreact
    dbnvar_inv = (bndiff * dbnraw).sum(axis=0, keepdims=True)
    dbnvar = -0.5 * (bnvar + 1e-5) ** -1.5 * dbnvar_inv
    dbndiff2 = np.ones_like(bndiff2) / (n - 1) * dbnvar
    dbndiff = bnvar_inv * dbnraw + 2 * bndiff * dbndiff2
    dbnmeani = -dbndiff.sum(axis=0, keepdims=True)
    dhprebn = dbndiff + dbnmeani / n
    dembcat = dhprebn @ W1.T
    dW1 = embcat.T @ dhprebn
    db1 = dhprebn.sum(axis=0)
    demb = dembcat.reshape(emb.shape)
    dC = np.zeros_like(C)
    for k in range(n): np.add.at(dC, Xb[k], demb[k])
    """,
    r"""
dlogprobs[np.arange(n), Yb] = -1 / n => dlogprobs[np.arange(n), Yb] = -1 | mean | the 1/n of the mean is missing
dlogprobs[np.arange(n), Yb] = -1 / n => dlogprobs[np.arange(n), Yb] = 1 / n | sign | the minus of the loss
dprobs = dlogprobs / probs => dprobs = dlogprobs * probs | derivative | multiplied for divided: the derivative of the logarithm | log|derivative|divi|1/
dcounts_sum_inv = (counts * dprobs).sum(axis=1, keepdims=True) => dcounts_sum_inv = counts * dprobs | not summed | not summed over the columns that it was broadcast to
dcounts_sum = -dcounts_sum_inv / counts_sum**2 => dcounts_sum = dcounts_sum_inv / counts_sum**2 | sign | the minus of the derivative of 1/x
dcounts = counts_sum_inv * dprobs + dcounts_sum => dcounts = counts_sum_inv * dprobs | path | the way through the sum is forgotten | & sum
dnorm_logits = counts * dcounts => dnorm_logits = norm_logits * dcounts | array | the input of exp for its output | exp|instead|before|input
dW2 = h.T @ dlogits => dW2 = hpreact.T @ dlogits | array | before tanh for after it | tanh|before|instead|hpreact
dh = dlogits @ W2.T => dh = dlogits @ W2.T / n | mean | a second 1/n
dhpreact = (1 - h**2) * dh => dhpreact = (1 - h) * dh | derivative | 1 - h for 1 - h² | tanh|derivative|square
dbngain = (bnraw * dhpreact).sum(axis=0, keepdims=True) => dbngain = (bndiff * dhpreact).sum(axis=0, keepdims=True) | array | bndiff for bnraw | instead|bnraw|bndiff|normali
dbnraw = bngain * dhpreact => dbnraw = dhpreact | factor | the gain is forgotten | gain|factor
dbnvar = -0.5 * (bnvar + 1e-5) ** -1.5 * dbnvar_inv => dbnvar = -0.5 * (bnvar + 1e-5) ** -0.5 * dbnvar_inv | derivative | the exponent does not go down by 1 | pow|exponent|derivative
dbndiff2 = np.ones_like(bndiff2) / (n - 1) * dbnvar => dbndiff2 = np.ones_like(bndiff2) / n * dbnvar | mean | n for n - 1 | n ?- ?1|mean|1/|divi|count|N
dbndiff = bnvar_inv * dbnraw + 2 * bndiff * dbndiff2 => dbndiff = bnvar_inv * dbnraw | path | the way through the variance is forgotten
dhprebn = dbndiff + dbnmeani / n => dhprebn = dbndiff | constant | the mean is treated as a constant | mean|bnmeani|sum
dhprebn = dbndiff + dbnmeani / n => dhprebn = dbndiff + dbnmeani | mean | the 1/n of the mean is missing
demb = dembcat.reshape(emb.shape) => demb = dembcat.T.reshape(emb.shape) | layout | transposed before it is reshaped
np.add.at(dC, Xb[k], demb[k]) => dC[Xb[k]] = demb[k] | scatter | = for +=: an index that comes twice is counted once | overwr|\+=|add|accum|repeat|twice|index|set
""",
    C=(5, 2), W1=(6, 4), b1=(4,), W2=(4, 5), b2=(5,), bngain=(1, 4), bnbias=(1, 4), n=6,
    Xb=np.array([[0, 1, 1], [2, 2, 2], [4, 0, 3], [1, 4, 4], [3, 2, 1], [0, 0, 2]]), Yb=np.array([0, 3, 2, 4, 1, 1]),
)  # fmt: skip

exercise(
    "two_layers",
    """
    a = x @ w1 + b1
    h = a.relu()
    s = h @ w2 + b2
    data = F.cross_entropy(s, m.tensor(y))
    penalty = (w1 ** 2).sum() + (w2 ** 2).sum()
    loss = data + 0.1 * penalty
    """,
    """
    p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    ds = (p - np.eye(3)[y]) / len(y)
    dw2 = h.T @ ds + 0.2 * w2
    db2 = ds.sum(axis=0)
    dh = ds @ w2.T
    da = dh * (a > 0)
    dw1 = x.T @ da + 0.2 * w1
    db1 = da.sum(axis=0)
    dx = da @ w1.T
    """,
    r"""
ds = (p - np.eye(3)[y]) / len(y) => ds = p - np.eye(3)[y] | mean | the 1/N is missing
ds = (p - np.eye(3)[y]) / len(y) => ds = p / len(y) | path | the target is not subtracted | target|label|1\b|one-hot|missing
ds = (p - np.eye(3)[y]) / len(y) => ds = (np.eye(3)[y] - p) / len(y) | sign | the sign
dw2 = h.T @ ds + 0.2 * w2 => dw2 = h.T @ ds | penalty | the penalty is missing
dw2 = h.T @ ds + 0.2 * w2 => dw2 = h.T @ ds + 0.1 * w2 | penalty | the 2 of the penalty is missing
db2 = ds.sum(axis=0) => db2 = ds | not summed | not summed over the batch
db2 = ds.sum(axis=0) => db2 = ds.mean(axis=0) | mean | a mean for a sum
da = dh * (a > 0) => da = dh | mask | the mask is forgotten
da = dh * (a > 0) => da = dh * (dh > 0) | mask | the mask of the upstream gradient
dw1 = x.T @ da + 0.2 * w1 => dw1 = x.T @ dh + 0.2 * w1 | mask | dh for da | mask|relu|instead|before
dw1 = x.T @ da + 0.2 * w1 => dw1 = x.T @ da - 0.2 * w1 | penalty | the sign of the penalty
dx = da @ w1.T => dx = -da @ w1.T | sign | the sign
db1 = da.sum(axis=0) => db1 = da.sum() * np.ones(5) | axis | summed over everything | + everything|one number
""",
    x=(6, 4), w1=(4, 5), b1=(5,), w2=(5, 3), b2=(3,), y=np.array([0, 2, 1, 1, 0, 2]),
)  # fmt: skip

exercise(
    "batch_norm",
    """
    mu = x.mean(0)
    xc = x - mu
    sq = xc ** 2
    var = sq.mean(0)
    std = (var + 1e-5).sqrt()
    inv = 1 / std
    xhat = xc * inv
    scaled = gamma * xhat
    out = scaled + beta
    loss = (out * weight).sum()
    """,
    """
    dout = weight
    dbeta = dout.sum(axis=0)
    dscaled = dout
    dgamma = (dscaled * xhat).sum(axis=0)
    dxhat = dscaled * gamma
    dinv = (dxhat * xc).sum(axis=0)
    dstd = -dinv / std**2
    dvar = dstd * 0.5 / std
    dsq = np.ones_like(sq) * dvar / len(x)
    dxc = dxhat * inv + 2 * xc * dsq
    dmu = -dxc.sum(axis=0)
    dx = dxc + dmu / len(x)
    """,
    r"""
dgamma = (dscaled * xhat).sum(axis=0) => dgamma = (dscaled * xc).sum(axis=0) | array | xc for xhat | instead|xhat|xc\b|normali
dxhat = dscaled * gamma => dxhat = dscaled | factor | gamma is forgotten | gamma|factor
dinv = (dxhat * xc).sum(axis=0) => dinv = dxhat * xc | not summed | not summed over the batch
dinv = (dxhat * xc).sum(axis=0) => dinv = (dxhat * x).sum(axis=0) | array | x for xc | instead|`?xc?\b|cent
dstd = -dinv / std**2 => dstd = dinv / std**2 | sign | the minus of the derivative of 1/x
dstd = -dinv / std**2 => dstd = -dinv / std | derivative | the square is forgotten | square|derivative|pow|1/|factor
dvar = dstd * 0.5 / std => dvar = dstd * 0.5 * std | derivative | multiplied by the root | sqrt|root|derivative|divi
dvar = dstd * 0.5 / std => dvar = dstd / std | factor | the 1/2 of the root | 1/2|half|0\.5|factor|2\b
dsq = np.ones_like(sq) * dvar / len(x) => dsq = np.ones_like(sq) * dvar | mean | the 1/N of the mean is missing
dxc = dxhat * inv + 2 * xc * dsq => dxc = dxhat * inv + xc * dsq | factor | the 2 of the square | 2\b|square|factor|half
dxc = dxhat * inv + 2 * xc * dsq => dxc = dxhat * inv | path | the way through the variance is forgotten
dx = dxc + dmu / len(x) => dx = dxc | path | the way through the mean is forgotten | mean|mu\b
dbeta = dout.sum(axis=0) => dbeta = dout.sum(axis=1)[:4] | axis | summed over the features
dmu = -dxc.sum(axis=0) => dmu = dxc.sum(axis=0) | sign | the minus of x - mu
""",
    x=(6, 4), gamma=(4,), beta=(4,), weight=np.random.default_rng(3).standard_normal((6, 4)),
)  # fmt: skip

exercise(
    "attention",
    """
    q = x @ Wq
    k = x @ Wk
    v = x @ Wv
    s = q @ k.T / 2
    e = s.exp()
    z = e.sum(1, keepdim=True)
    p = e / z
    y = p @ v
    loss = (y ** 2).mean()
    """,
    """
    dy = 2 * y / y.size
    dp = dy @ v.T
    dv = p.T @ dy
    dz = -(dp * e / z**2).sum(axis=1, keepdims=True)
    de = dp / z + dz
    ds = de * e
    dq = ds @ k / 2
    dk = ds.T @ q / 2
    dWq = x.T @ dq
    dWk = x.T @ dk
    dWv = x.T @ dv
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    """,
    r"""
dy = 2 * y / y.size => dy = 2 * y / len(y) | mean | a mean over the rows alone
dy = 2 * y / y.size => dy = y / y.size | factor | the 2 of the square | 2\b|square|factor|half
dv = p.T @ dy => dv = p @ dy | transposed | p is not transposed
dz = -(dp * e / z**2).sum(axis=1, keepdims=True) => dz = -(dp / z**2).sum(axis=1, keepdims=True) | factor | the numerator is forgotten | numerator|factor|\be\b|divi
de = dp / z + dz => de = dp / z | constant | the sum is treated as a constant | sum|\bz\b|constant|missing
ds = de * e => ds = de * s | array | the input of exp for its output | exp|instead|before|input
dq = ds @ k / 2 => dq = ds @ k | factor | the 1/2 is forgotten | 2\b|half|factor|scale
dk = ds.T @ q / 2 => dk = ds @ q / 2 | transposed | ds is not transposed
dWq = x.T @ dq => dWq = dq.T @ x | transposed | the transpose
dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T => dx = dq @ Wq.T + dk @ Wk.T | path | the way through v is forgotten
dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T => dx = dq @ Wq + dk @ Wk + dv @ Wv | transposed | the weights are not transposed
""",
    x=(3, 4), Wq=(4, 4), Wk=(4, 4), Wv=(4, 4),
)  # fmt: skip

exercise(
    "lstm_step",
    """
    a = x @ Wx + h @ Wh + b
    i = a[:, :3].sigmoid()
    f = a[:, 3:6].sigmoid()
    o = a[:, 6:9].sigmoid()
    g = a[:, 9:].tanh()
    fc = f * c
    ig = i * g
    cn = fc + ig
    tc = cn.tanh()
    hn = o * tc
    loss = (hn * weight).sum() + (cn ** 2).sum()
    """,
    """
    dhn = weight
    do = dhn * tc
    dtc = dhn * o
    dcn = dtc * (1 - tc**2) + 2 * cn
    dfc = dcn
    dig = dcn
    df = dfc * c
    dc = dfc * f
    di = dig * g
    dg = dig * i
    da = np.concatenate([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)], axis=1)
    dWx = x.T @ da
    dWh = h.T @ da
    db = da.sum(axis=0)
    dx = da @ Wx.T
    dh = da @ Wh.T
    """,
    r"""
do = dhn * tc => do = dhn * cn | array | cn for tanh(cn) | tanh|tc\b|cn\b|instead|before
dcn = dtc * (1 - tc**2) + 2 * cn => dcn = dtc * (1 - tc**2) | path | the way through the second term of the loss is forgotten | path|contribution|missing|square|term
dcn = dtc * (1 - tc**2) + 2 * cn => dcn = dtc * (1 - cn**2) + 2 * cn | array | cn for tanh(cn) | tanh|tc\b|instead|before
dcn = dtc * (1 - tc**2) + 2 * cn => dcn = dtc + 2 * cn | derivative | the derivative of tanh is forgotten | tanh|derivative
df = dfc * c => df = dfc * cn | time | the new cell for the old one | old|new|instead|cn\b|`?c\b|after
dc = dfc * f => dc = dfc | factor | the forget gate is left out | \bf\b|gate|factor|product
di = dig * g => di = dig * i | array | i for g | instead|\bg\b|factor|operand
dg * (1 - g**2)], axis=1) => dg * g * (1 - g)], axis=1) | derivative | the derivative of the sigmoid | sigmoid|tanh|derivative
di * i * (1 - i), df * f * (1 - f), do => df * f * (1 - f), di * i * (1 - i), do | index | the gates in another order | order|gate|index|swap|exchang|layout|slice|block|column
do * o * (1 - o), dg => do * o, dg | derivative | the 1 - o is forgotten | derivative|sigmoid|1 ?-|factor
dWh = h.T @ da => dWh = hn.T @ da | time | the new state for the old one | old|new|instead|hn\b|`?h\b|after
dx = da @ Wx.T => dx = da @ Wx.T * 2 | factor | twice
""",
    x=(2, 3), h=(2, 3), c=(2, 3), Wx=(3, 12), Wh=(3, 12), b=(12,), weight=np.random.default_rng(4).standard_normal((2, 3)),
)  # fmt: skip

exercise(
    "convolution_pool",
    """
    out = F.conv2d(x, w, b)
    r = out.relu()
    pooled = F.max_pool2d(r, 2)
    flat = pooled.reshape(2, 12)
    scores = flat @ v
    loss = (scores * weight).sum()
    """,
    """
    dscores = weight
    dflat = dscores @ v.T
    dv = flat.T @ dscores
    dpooled = dflat.reshape(pooled.shape)
    dr = (r == pooled.repeat(2, axis=2).repeat(2, axis=3)) * dpooled.repeat(2, axis=2).repeat(2, axis=3) * (r > 0)
    dout = dr * (out > 0)
    db = dout.sum(axis=(0, 2, 3))
    dw = sum(np.einsum("nf,nckl->fckl", dout[:, :, i, j], x[:, :, i : i + 3, j : j + 3]) for i in range(4) for j in range(4))
    dx = np.zeros_like(x)
    for i in range(4): dx[:, :, i : i + 3, :] += sum(np.pad(np.einsum("nf,fckl->nckl", dout[:, :, i, j], w), ((0, 0), (0, 0), (0, 0), (j, 3 - j))) for j in range(4))
    """,
    r"""
dflat = dscores @ v.T => dflat = dscores @ v.T + 1 | other function | a constant is added | constant|offset|add
dpooled = dflat.reshape(pooled.shape) => dpooled = dflat.reshape(2, 2, 2, 3).transpose(0, 3, 1, 2) | layout | channels last
db = dout.sum(axis=(0, 2, 3)) => db = dout.sum(axis=0) | not summed | not summed over the positions
db = dout.sum(axis=(0, 2, 3)) => db = dout.mean(axis=(0, 2, 3)) | mean | a mean for a sum
x[:, :, i : i + 3, j : j + 3]) => x[:, :, j : j + 3, i : i + 3]) | index | rows and columns are exchanged | transpos|swap|exchang|order|row|index|window
dout[:, :, i, j], w) => dout[:, :, i, j], w[:, :, ::-1, ::-1]) | flip | the kernel is flipped
dout = dr * (out > 0) => dout = dr * out | array | the value for the mask | mask|relu|instead|derivative
dv = flat.T @ dscores => dv = dscores.T @ flat | transposed | the transpose
""",
    x=(2, 2, 6, 6), w=(3, 2, 3, 3), b=(3,), v=(12, 3), weight=np.random.default_rng(5).standard_normal((2, 3)),
)  # fmt: skip
