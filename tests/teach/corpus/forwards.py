"""Forward passes by hand, right and in wrong variants, and learning-rate schedules in the same form.

`@forward(table, x=(4, 3))` registers a function with its inputs; `@schedule(table, "step", …)` one of the step's number.
The tables have the columns of `subjects.py`.
"""

from __future__ import annotations

import inspect
import textwrap
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .subjects import Row, row_of

KINDS: dict[str, tuple[str, str]] = {
    "axis": (r"ax[ie]s|dim|rows|columns|batch|features", ""),
    "mean": (r"mean|sum\b|averag|divi|1/N|count|number of|size", ""),
    "ddof": (r"ddof|N ?- ?1|n ?- ?1|unbiased|Bessel|correction|sample variance", ""),
    "shift": (r"shift|maximum|overflow|subtract|stab", ""),
    "bias": (r"bias|\bb\b|offset|constant|added", ""),
    "broadcast": (r"broadcast|\(\d+,\)|\(\d+, 1\)|shape|keepdims|all pairs|outer", ""),
    "order": (r"order|before|after|first", ""),
    "missing": (r"missing|forgot|without|left out|lacks|skip|not (applied|divided|scaled|multiplied)|instead", ""),
    "transposed": (r"transpos|\.T\b|swap|exchang|order", ""),
    "factor": (r"factor|twice|half|times|scale|multipl|divi|sqrt|2\b", ""),
    "other function": (r"instead|another|is that of|function|derivative|not the", ""),
    "sign": (r"sign|negat|minus|plus|subtract|added", ""),
    "index": (r"index|off by one|shift|position|order|roll|window|flip|revers|class|label|target", ""),
    "epsilon": (r"eps", ""),
    "off by one": (
        r"off by one|one (step|epoch) (late|early|before|after|too)|from (0|1)|t ?[+-] ?1|starts|begins|shift",
        "",
    ),
    "unit": (r"unit|epoch|step|per|instead", ""),
    "decay": (r"decay|factor|gamma|instead|power|expon|rate", ""),
}


@dataclass
class Written:
    """A function, its inputs, and edits that make it wrong. `name` and `settings` are those of a schedule."""

    label: str
    source: str
    inputs: dict[str, Any]
    name: str = ""
    reference: Callable[..., Any] | None = None
    rows: list[Row] = field(default_factory=list)

    def function(self, row: Row | None = None) -> Callable[..., Any]:
        """The function, or what an edit makes of it."""
        source = self.source
        if row:
            assert source.count(row.old) == 1, f"{self.label}: {row.old!r} must occur once"
            source = source.replace(row.old, row.new)
        namespace: dict[str, Any] = {"np": np}
        exec(source, namespace)
        return namespace[self.label]  # type: ignore[no-any-return]


FORWARDS: list[Written] = []
SCHEDULES: list[Written] = []


def _written(table: str, function: Callable[..., Any], inputs: dict[str, Any], name: str = "") -> Written:
    text = textwrap.dedent(inspect.getsource(function))
    source = text[text.rindex(f"\ndef {function.__name__}(") + 1 :]
    rows = [row_of(row, KINDS) for row in table.strip().splitlines()]
    return Written(function.__name__, source, inputs, name, rows=rows)


def forward(table: str, **inputs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a forward pass."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        rng = np.random.default_rng(zlib.crc32(function.__name__.encode()))
        values = {
            k: rng.standard_normal(v) if isinstance(v, tuple) else v(rng) if callable(v) else v
            for k, v in inputs.items()
        }
        FORWARDS.append(_written(table, function, values))
        return function

    return add


def schedule(table: str, name: str, **settings: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a learning rate as a function of the number of the step (or epoch), from 0."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        SCHEDULES.append(_written(table, function, settings, name))
        return function

    return add


def wrong(written: list[Written]) -> Iterator[tuple[Written, Row]]:
    """Every edit."""
    for one in written:
        for row in one.rows:
            yield one, row


@forward(
    """
return x @ w + b => return x @ w | bias | no bias
return x @ w + b => return x @ w - b | sign | the bias is subtracted
return x @ w + b => return x @ w + b.sum() | bias | the sum of the biases | + sum
return x @ w + b => return (x + b[:1]) @ w | order | the bias is added before the product | + bias
""",
    x=(5, 4),
    w=(4, 4),
    b=(4,),
)
def affine(x, w, b):
    return x @ w + b


@forward(
    """
e / e.sum(axis=1, keepdims=True) => e / e.sum(axis=0, keepdims=True) | axis | over the batch
e / e.sum(axis=1, keepdims=True) => e / e.sum() | axis | over everything | + sum
e / e.sum(axis=1, keepdims=True) => e | missing | not normalised | normali|sum|divi
np.exp(x - x.max(axis=1, keepdims=True)) => np.exp(x - x.max(axis=1, keepdims=True)) + 1 | other function | 1 is added | constant|add|1\\b|offset
np.exp(x - x.max(axis=1, keepdims=True)) => np.exp(-x + x.min(axis=1, keepdims=True)) | sign | the sign: softmin
e / e.sum(axis=1, keepdims=True) => e / e.mean(axis=1, keepdims=True) | mean | a mean for the sum
""",
    x=(5, 4),
)
def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@forward(
    """
].mean() => ].sum() | mean | a sum for the mean
return -logp[ => return logp[ | sign | the minus
y].mean() => (y + 1) % 3].mean() | index | the labels are off by one
sum(axis=1, keepdims=True)) => sum(axis=0, keepdims=True)) | axis | over the batch
-logp[np.arange(len(y)), y] => -logp[:, y] | index | whole columns | column|index|arange|pairs|\\[:, y\\]
].mean() => ].mean() / logp.shape[1] | mean | divided by the classes too
""",
    x=(6, 3),
    y=np.array([0, 2, 1, 1, 0, 2]),
)
def cross_entropy(x, y):
    x = x - x.max(axis=1, keepdims=True)
    logp = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    return -logp[np.arange(len(y)), y].mean()


@forward(
    """
x.mean(axis=0) => x.mean(axis=1, keepdims=True) | axis | the mean over the features
x.var(axis=0) => x.var(axis=0, ddof=1) | ddof | divided by N - 1
x.var(axis=0) => x.std(axis=0) | other function | the deviation for the variance | std|var|root|deviation|sqrt|square
gamma * xhat + beta => xhat + beta | missing | gamma is forgotten | gamma|scale
gamma * xhat + beta => gamma * xhat | bias | beta is forgotten | beta|bias|constant|shift
gamma * xhat + beta => gamma * (xhat + beta) | order | beta is scaled too | + beta|gamma
np.sqrt(var + 1e-2) => np.sqrt(var) + 1e-2 | epsilon | epsilon outside the root
np.sqrt(var + 1e-2) => (var + 1e-2) | missing | the root is forgotten | root|sqrt|var|std
x.mean(axis=0) => x.sum(axis=0) | mean | the sum for the mean
""",
    x=(6, 4),
    gamma=np.array([0.5, 1.5, 2, 1]),
    beta=(4,),
)
def batch_norm(x, gamma, beta):
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    xhat = (x - mu) / np.sqrt(var + 1e-2)
    return gamma * xhat + beta


@forward(
    """
axis=1, keepdims=True)\\n    xc => axis=0, keepdims=True)\\n    xc | axis | the mean over the batch
(xc**2).mean(axis=1, keepdims=True) => (xc**2).sum(axis=1, keepdims=True) | mean | a sum for the mean
(xc**2).mean(axis=1, keepdims=True) => (x**2).mean(axis=1, keepdims=True) | missing | the variance of x that is not centred | cent|mean|xc|subtract|instead|before
(xc**2).mean(axis=1, keepdims=True) => (xc**2).sum(axis=1, keepdims=True) / (x.shape[1] - 1) | ddof | N - 1
""",
    x=(4, 5),
)
def layer_norm(x):
    mu = x.mean(axis=1, keepdims=True)
    xc = x - mu
    return xc / np.sqrt((xc**2).mean(axis=1, keepdims=True) + 1e-5)


@forward(
    """
p = (x @ w)[:, 0] => p = x @ w | broadcast | (N, 1) minus (N,): all pairs
.mean() => .sum() | mean | a sum for the mean
(p - y) ** 2 => np.abs(p - y) | other function | the absolute error | abs|L1|square
(p - y) ** 2 => 0.5 * (p - y) ** 2 | factor | half
(p - y) ** 2 => (p + y) ** 2 | sign | the sign of y
""",
    x=(6, 3),
    w=(3, 1),
    y=(6,),
)
def squared_error(x, w, y):
    p = (x @ w)[:, 0]
    return ((p - y) ** 2).mean()


@forward(
    """
/ np.sqrt(q.shape[1]) =>  | missing | not divided by the root | sqrt|scale|divi|root|factor
/ np.sqrt(q.shape[1]) => / q.shape[1] | factor | divided by d
axis=1, keepdims=True)\\n    return => axis=0, keepdims=True)\\n    return | axis | normalised over the queries
return p @ v => return p.T @ v | transposed | p is transposed
q @ k.T => k @ q.T | transposed | q and k are exchanged
return p @ v => return s @ v | missing | the scores without the softmax | softmax|instead|scores|before
""",
    q=(4, 3),
    k=(4, 3),
    v=(4, 3),
)
def attention(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[1])
    e = np.exp(s)
    p = e / e.sum(axis=1, keepdims=True)
    return p @ v


@forward(
    """
np.tanh(x[t] @ Wx + h @ Wh + b) => np.tanh(x[t] @ Wx + b) | missing | the old state is left out | \\bh\\b|Wh|state|recurr
np.tanh(x[t] @ Wx + h @ Wh + b) => np.tanh(x[t] @ Wx + h @ Wh) | bias | the bias is left out
np.tanh(x[t] @ Wx + h @ Wh + b) => np.tanh(x[t] @ Wx + h @ Wh.T + b) | transposed | Wh is transposed
np.tanh(x[t] @ Wx + h @ Wh + b) => np.maximum(x[t] @ Wx + h @ Wh + b, 0) | other function | a ReLU | relu|tanh|activation|maximum
np.tanh(x[t] @ Wx + h @ Wh + b) => np.tanh(x[t] @ Wx) + h @ Wh + b | order | tanh of the first term alone | + tanh
range(len(x)) => range(len(x) - 1, -1, -1) | index | in reverse order
range(len(x)) => range(len(x) - 1) | index | the last step is left out | last|step|off by one|index
""",
    x=(4, 3),
    Wx=(3, 4),
    Wh=(4, 4),
    b=(4,),
)
def rnn(x, Wx, Wh, b):
    h = np.zeros(len(b))
    for t in range(len(x)):
        h = np.tanh(x[t] @ Wx + h @ Wh + b)
    return h


@forward(
    """
[i : i + 3, j : j + 3] => [j : j + 3, i : i + 3] | transposed | rows and columns are exchanged
* w => * w[::-1, ::-1] | index | the kernel is flipped
+ b =>  | bias | no bias
.sum() + b => .mean() + b | mean | a mean for the sum
""",
    x=(5, 5),
    w=(3, 3),
    b=np.array(0.7),
)
def convolution(x, w, b):
    out = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            out[i, j] = (x[i : i + 3, j : j + 3] * w).sum() + b
    return out


@forward(
    """
0.5 * x * (1 + => x * (1 + | factor | the 0.5
0.044715 * x**3 => 0.044715 * x**2 | other function | a square for the cube | cube|power|\\*\\* ?3|\\*\\* ?2|square|exponent|x3|instead
np.sqrt(2 / np.pi) => np.sqrt(2) / np.pi | factor | the root of 2 alone
0.5 * x * (1 + => 0.5 * (1 + | missing | the factor x
""",
    x=(4, 3),
)
def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


# ---- schedules -------------------------------------------------------------------------------------------------


@schedule(
    """
t // 10 => (t + 1) // 10 | off by one | one epoch early
t // 10 => (t - 1) // 10 | off by one | one epoch late
t // 10 => t / 10 | decay | no steps: the division is not rounded down | // ?10|floor|round|integer|smooth|stairs|steps
0.5 ** (t // 10) => 0.5 * (t // 10) | decay | multiplied for raised to the power
0.5 ** (t // 10) => 0.5 ** t | unit | at every epoch
0.1 * => 0.1 / 10 * | decay | a tenth of the rate | factor|rate|initial|tenth
""",
    "step",
    learning_rate=0.1,
    step_size=10,
    gamma=0.5,
)
def step_decay(t):
    return 0.1 * 0.5 ** (t // 10)


@schedule(
    """
np.exp(-0.05 * t) => np.exp(-0.05 * (t + 1)) | off by one | one step early
np.exp(-0.05 * t) => np.exp(0.05 * t) | decay | the sign: the rate grows | sign|grow|minus|negat|rises
np.exp(-0.05 * t) => 0.05**t | decay | k to the power of t
np.exp(-0.05 * t) => (1 - 0.05 * t) | decay | linear | linear|exp|instead
""",
    "exponential",
    learning_rate=0.1,
    k=0.05,
)
def exponential_decay(t):
    return 0.1 * np.exp(-0.05 * t)


@schedule(
    """
(1 + 0.1 * t) => (1 + 0.1 * (t + 1)) | off by one | one step early
(1 + 0.1 * t) => (0.1 + t) | decay | k beside t, not times it
(1 + 0.1 * t) => np.sqrt(1 + 0.1 * t) | decay | the root | root|sqrt|1/t
""",
    "1/t",
    learning_rate=0.1,
    k=0.1,
)
def one_over_t(t):
    return 0.1 / (1 + 0.1 * t)


@schedule(
    """
np.pi * t / 50 => 2 * np.pi * t / 50 | decay | a whole period for a half one | period|half|2\\b|twice|pi|factor
(1 + np.cos => (1 - np.cos | decay | the sign: the rate rises | sign|rises|grow|minus
0.5 * => 1.0 * | decay | the 0.5 | factor|0\\.5|half|twice
""",
    "cosine",
    learning_rate=0.1,
    steps=50,
)
def cosine(t):
    return 0.1 * 0.5 * (1 + np.cos(np.pi * t / 50))
