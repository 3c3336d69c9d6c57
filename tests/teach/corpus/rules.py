"""Update rules by hand, in the lecture's form, and the edits that make them wrong.

    @rule("sgd", learning_rate=0.1)
    def sgd(x, dx, state, learning_rate):
        x = x - learning_rate * dx
        return x, state

A table has the columns of `subjects.py`: the edit, its kind, the cause, and words that a correct sentence has.
`REWRITTEN` are other ways to write a rule, all right.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad import no_grad, optim

from .subjects import Row, row_of

RULES: dict[str, Rule] = {}
Step = Callable[..., Any]

# what a sentence about each kind has, and what rules it out
KINDS: dict[str, tuple[str, str]] = {
    "sign": (r"sign|negat|minus|plus|adds|subtract|uphill|ascen|direction", ""),
    "rate": (r"learning[_ ]rate|\blr\b", ""),
    "not kept": (
        r"kept|carried|stored|saved|state|remember|forgot|lost|each step|previous|accumul|starts? (again|anew)",
        "",
    ),
    "bias": (r"bias|correct|1 ?- ?beta|start at (0|zero)", ""),
    "t": (r"\bt\b|step count|counter|from 0|off by one|number of steps", ""),
    "epsilon": (r"eps", ""),
    "square": (r"squar|\*\* ?2|dx\*dx", ""),
    "root": (r"root|sqrt", ""),
    "swapped": (r"swap|exchang|other way|wrong way|revers|instead|interchang", ""),
    "weight": (r"1 ?-|weight|factor|\bdecay|beta|dampening|averag|coefficient|mu\b|multipl", ""),
    "order": (r"order|before|after|old|stale|previous|instead", ""),
    "convention": (r"convention|pytorch|decays?|learning rate|velocity", ""),
    "decay": (r"weight[_ ]decay|decay|L2|regulari|penalt", ""),
    "other rule": (r"instead|rule|is (that|the)|without|missing|not|same as|update of|plain", ""),
    "array": (r"instead|not the|of (x|dx|v|m)\b|wrong array|\bx\b|\bdx\b", ""),
    "copy": (r"copy|in place|returned|unchanged|moves? not|not move|never (changes|moves)|same x", ""),
    "dtype": (r"integer|int\b|dtype|round|float", ""),
    "shared": (r"element|whole|scalar|mean|norm|sum|each|one number|per", ""),
}


@dataclass
class WrongRule:
    """One edit of a rule."""

    rule: Rule
    row: Row

    def step(self) -> Step:
        """The edited function."""
        assert self.rule.source.count(self.row.old) == 1, f"{self.rule.label}: {self.row.old!r} must occur once"
        return self.rule.compiled(self.rule.source.replace(self.row.old, self.row.new))

    def __str__(self) -> str:
        return f"{self.rule.label}: {self.row.old} => {self.row.new}"


@dataclass
class Rule:
    """A rule as a learner writes it. `name` and `settings` are what it is checked against."""

    label: str
    name: str
    settings: dict[str, Any]
    source: str
    function: Step
    mistakes: list[WrongRule] = field(default_factory=list)

    def compiled(self, source: str | None = None) -> Step:
        """The function, or what an edit makes of it."""
        namespace: dict[str, Any] = {"np": np, "optim": optim, "no_grad": no_grad}
        exec(source or self.source, namespace)
        step: Step = namespace[self.function.__name__]
        return step


def rule(name: str, table: str = "", **settings: Any) -> Callable[[Step], Rule]:
    """Write down a rule that is checked against minigrad's `name`, and the edits that make it wrong."""

    def add(function: Step) -> Rule:
        text = textwrap.dedent(inspect.getsource(function))
        *_, start = (m.start() for m in re.finditer(rf"^(?:def|class) {function.__name__}\b", text, re.MULTILINE))
        made = Rule(function.__name__, name, settings, text[start:], function)
        made.mistakes = [WrongRule(made, row_of(row, KINDS)) for row in table.strip().splitlines() if row.strip()]
        RULES[made.label] = made
        return made

    return add


def wrong_rules() -> Iterator[WrongRule]:
    """Every wrong rule."""
    for one in RULES.values():
        yield from one.mistakes


@rule(
    "sgd",
    """
x = x - learning_rate * dx => x = x + learning_rate * dx | sign | uphill: the gradient is added
x = x - learning_rate * dx => x = x - dx | rate | the learning rate is forgotten
x = x - learning_rate * dx => x = x - learning_rate * learning_rate * dx | rate | the learning rate counts twice
x = x - learning_rate * dx => x = x - learning_rate * x | array | x for dx
x = x - learning_rate * dx => x = -learning_rate * dx | copy | the step is returned, not the new x | + step|old x|lost|x \\+|added to
x = x - learning_rate * dx => y = x - learning_rate * dx | copy | the new x is not returned
x = x - learning_rate * dx => x = x - learning_rate * np.sign(dx) | other rule | the sign of the gradient alone | sign
x = x - learning_rate * dx => x = x - learning_rate * dx / np.linalg.norm(dx) | other rule | the gradient is normalised | norm|length
x = x - learning_rate * dx => x = x - learning_rate * dx.mean() | shared | the mean of the gradient
x = x - learning_rate * dx => x = x - learning_rate * np.clip(dx, -0.5, 0.5) | other rule | the gradient is clipped | clip|limit|bound|larg
x = x - learning_rate * dx => x = x - learning_rate / 2 * dx | weight | half a step | half|halve|1/2|0\\.5|factor|learning rate
x = x - learning_rate * dx => state["dx"] = dx + state.get("dx", 0); x = x - learning_rate * state["dx"] | other rule | gradients add up from step to step (no zero_grad) | add up|accum|sum|zero_grad|momentum|previous
""",
    learning_rate=0.1,
)
def sgd(x, dx, state, learning_rate):
    x = x - learning_rate * dx
    return x, state


@rule(
    "momentum",
    """
x = x + v => x = x - v | sign | the velocity is subtracted
v = mu * v - learning_rate * dx => v = mu * v - dx | rate | the learning rate is forgotten
x = x + v => x = x + learning_rate * v | rate | the learning rate counts twice
v = mu * v - learning_rate * dx => v = mu * v - (1 - mu) * learning_rate * dx | weight | dampened by 1 - mu
v = mu * v - learning_rate * dx => v = (1 - mu) * v - mu * learning_rate * dx | weight | mu and 1 - mu are exchanged
v = mu * v - learning_rate * dx => v = mu * (v - learning_rate * dx) | weight | mu scales the gradient too
v = mu * v - learning_rate * dx => v = v - learning_rate * dx | weight | no friction: mu is forgotten
return x, {"v": v} => return x, {} | not kept | the velocity is not kept
x = x + v => x = x + state.get("v", 0.0) | order | the old velocity moves x
x = x + v => x = x + v - learning_rate * dx | other rule | the gradient counts twice | twice|gradient|nesterov|learning_rate \\* dx
v = mu * v - learning_rate * dx => v = -mu * v - learning_rate * dx | sign | the sign of the velocity
return x, {"v": v} => return x, {"v": learning_rate * v} | rate | the learning rate once more in the state
return x, {"v": v} => return x, {"v": x} | array | x is kept as the velocity | + state|velocity|kept
""",
    learning_rate=0.1,
    mu=0.9,
)
def momentum(x, dx, state, learning_rate, mu=0.9):
    v = state.get("v", 0.0)
    v = mu * v - learning_rate * dx
    x = x + v
    return x, {"v": v}


@rule(
    "momentum_pytorch",
    """
x = x - learning_rate * v => x = x - v | rate | the learning rate is forgotten
v = mu * v + dx => v = mu * v + learning_rate * dx; learning_rate = 1 | convention | the learning rate is in the velocity, as in the lecture
v = mu * v + dx => v = mu * v + (1 - mu) * dx | weight | dampened by 1 - mu
v = mu * v + dx => v = mu * v - dx | sign | the sign of dx
x = x - learning_rate * v => x = x - learning_rate * (dx + mu * v) | other rule | Nesterov's step | nesterov|mu \\* v|look
v = mu * v + dx => v = mu * v + v + dx | weight | the velocity counts twice
state["v"] = v => pass | not kept | the velocity is not kept
x = x - learning_rate * v => x = x - learning_rate**2 * v | rate | the learning rate counts twice
""",
    learning_rate=0.1,
    mu=0.9,
)
def torch_momentum(x, dx, state, learning_rate):
    mu = 0.9
    v = state.get("v", np.zeros_like(x))
    v = mu * v + dx
    state["v"] = v
    x = x - learning_rate * v
    return x, state


@rule(
    "nesterov",
    """
x = x - mu * v_prev + (1 + mu) * v => x = x + mu * v_prev + (1 + mu) * v | sign | the sign of the old velocity
x = x - mu * v_prev + (1 + mu) * v => x = x - mu * v + (1 + mu) * v | order | the new velocity for the old one | + momentum|v_prev
x = x - mu * v_prev + (1 + mu) * v => x = x + (1 + mu) * v | order | the old velocity's part is forgotten | old|previous|v_prev|missing|mu \\* v
v = mu * v - learning_rate * dx => v = mu * v + learning_rate * dx | sign | the gradient is added
x = x - mu * v_prev + (1 + mu) * v => x = x - mu * v_prev + v | weight | 1 + mu is 1 | 1 ?\\+|mu|look|ahead|factor
x = x - mu * v_prev + (1 + mu) * v => x = x - v_prev + (1 + mu) * v | weight | mu of the old velocity is forgotten
return x, {"v": v} => return x, {"v": v_prev} | not kept | the old velocity is kept | + old
""",
    learning_rate=0.1,
    mu=0.9,
)
def nesterov(x, dx, state, learning_rate, mu=0.9):
    v = state.get("v", 0.0)
    v_prev = v
    v = mu * v - learning_rate * dx
    x = x - mu * v_prev + (1 + mu) * v
    return x, {"v": v}


@rule(
    "adagrad",
    """
cache = cache + dx**2 => cache = dx**2 | not kept | the cache does not add up | + add|sum
cache = cache + dx**2 => cache = cache + dx | square | not squared
cache = cache + dx**2 => cache = cache + np.abs(dx) | square | the absolute value for the square
cache = cache + dx**2 => cache = 0.9 * cache + 0.1 * dx**2 | other rule | RMSProp's leaking cache | rmsprop|leak|decay|sum
(np.sqrt(cache) + eps) => (cache + eps) | root | the root is forgotten
(np.sqrt(cache) + eps) => np.sqrt(cache + eps) | epsilon | epsilon inside the root
x = x - learning_rate * dx / (np.sqrt(cache) + eps) => x = x + learning_rate * dx / (np.sqrt(cache) + eps) | sign | uphill
x = x - learning_rate * dx / (np.sqrt(cache) + eps) => x = x - learning_rate * dx * (np.sqrt(cache) + eps) | root | multiplied for divided | multipl|divi
cache = cache + dx**2 => cache = cache + (dx**2).sum() | shared | one cache for all elements
x = x - learning_rate * dx / (np.sqrt(cache) + eps) => x = x - learning_rate * dx / (np.sqrt(state.get("cache", 0.0)) + eps) | order | the old cache
""",
    learning_rate=0.1,
    epsilon=1e-2,
)
def adagrad(x, dx, state, learning_rate):
    eps = 1e-2
    cache = state.get("cache", 0.0)
    cache = cache + dx**2
    x = x - learning_rate * dx / (np.sqrt(cache) + eps)
    return x, {"cache": cache}


@rule(
    "rmsprop",
    """
cache = decay * cache + (1 - decay) * dx**2 => cache = decay * cache + dx**2 | weight | the factor 1 - decay is forgotten
cache = decay * cache + (1 - decay) * dx**2 => cache = (1 - decay) * cache + decay * dx**2 | swapped | decay and 1 - decay are exchanged | + 1 ?-
cache = decay * cache + (1 - decay) * dx**2 => cache = cache + dx**2 | other rule | AdaGrad's sum | adagrad|sum|decay|leak
cache = decay * cache + (1 - decay) * dx**2 => cache = decay * cache + (1 - decay) * dx | square | not squared
cache = decay * cache + (1 - decay) * dx**2 => cache = (decay * cache + (1 - decay) * dx) ** 2 | square | the mean is squared, not the gradient
(np.sqrt(cache) + eps) => np.sqrt(cache + eps) | epsilon | epsilon inside the root
(np.sqrt(cache) + eps) => (cache + eps) | root | the root is forgotten
state["cache"] = cache => state["cache"] = np.sqrt(cache) | root | the root is kept | + kept|state|cache
state["cache"] = cache => pass | not kept | the cache is not kept
(np.sqrt(cache) + eps) => (np.sqrt(cache.mean()) + eps) | shared | one cache for all
x = x - learning_rate * dx / (np.sqrt(cache) + eps) => x = x - dx / (np.sqrt(cache) + eps) | rate | the learning rate is forgotten
x = x - learning_rate * dx / (np.sqrt(cache) + eps) => x = x - learning_rate * dx / np.sqrt(cache) + eps | epsilon | a parenthesis: epsilon is added to x
""",
    learning_rate=0.1,
    decay_rate=0.9,
    epsilon=1e-2,
)
def rmsprop(x, dx, state, learning_rate):
    decay, eps = 0.9, 1e-2
    cache = state.get("cache", np.zeros_like(x))
    cache = decay * cache + (1 - decay) * dx**2
    state["cache"] = cache
    x = x - learning_rate * dx / (np.sqrt(cache) + eps)
    return x, state


@rule(
    "adam",
    """
t = state.get("t", 0) + 1 => t = state.get("t", 0) + 2 | t | t starts at 2
mb = m / (1 - beta1**t) => mb = m | bias | no correction of m | & \\bm\\b|first|beta1|momentum|mb
vb = v / (1 - beta2**t) => vb = v | bias | no correction of v | & \\bv\\b|second|beta2|vb
mb = m / (1 - beta1**t) => mb = m / (1 - beta1) | bias | corrected by 1 - beta1, not its power
mb = m / (1 - beta1**t) => mb = m / (1 - beta2**t) | swapped | beta2 in the correction of m | + beta2|correct
m = beta1 * m + (1 - beta1) * dx => m = beta1 * m + dx | weight | the 1 - beta1 is forgotten
v = beta2 * v + (1 - beta2) * dx**2 => v = beta2 * v + (1 - beta2) * dx | square | not squared
v = beta2 * v + (1 - beta2) * dx**2 => v = beta2 * v + (1 - beta2) * m**2 | array | m for dx | \\bm\\b|dx|gradient|instead
v = beta2 * v + (1 - beta2) * dx**2 => v = v + dx**2 | other rule | AdaGrad's sum | adagrad|sum|beta2|decay|leak
beta1, beta2 = 0.9, 0.99 => beta1, beta2 = 0.99, 0.9 | swapped | the betas are exchanged
(np.sqrt(vb) + eps) => np.sqrt(vb + eps) | epsilon | epsilon inside the root
(np.sqrt(vb) + eps) => (vb + eps) | root | the root is forgotten
return x, {"t": t, "m": m, "v": v} => return x, {"t": t, "m": mb, "v": v} | bias | the corrected m is kept
return x, {"t": t, "m": m, "v": v} => return x, {"t": t, "m": m, "v": vb} | bias | the corrected v is kept
return x, {"t": t, "m": m, "v": v} => return x, {"m": m, "v": v} | t | t is not kept, always 1 | + kept|carried
return x, {"t": t, "m": m, "v": v} => return x, {"t": t, "v": v} | not kept | m is not kept
x = x - learning_rate * mb / (np.sqrt(vb) + eps) => x = x - learning_rate * dx / (np.sqrt(vb) + eps) | array | dx for m | momentum|\\bm\\b|dx|instead|rmsprop|gradient
x = x - learning_rate * mb / (np.sqrt(vb) + eps) => x = x + learning_rate * mb / (np.sqrt(vb) + eps) | sign | uphill
m = beta1 * m + (1 - beta1) * dx => m = (1 - beta1) * m + beta1 * dx | swapped | beta1 and 1 - beta1 are exchanged | + 1 ?-
""",
    learning_rate=0.1,
    beta1=0.9,
    beta2=0.99,
    epsilon=1e-2,
)
def adam(x, dx, state, learning_rate):
    beta1, beta2 = 0.9, 0.99
    eps = 1e-2
    t = state.get("t", 0) + 1
    m, v = state.get("m", 0.0), state.get("v", 0.0)
    m = beta1 * m + (1 - beta1) * dx
    v = beta2 * v + (1 - beta2) * dx**2
    mb = m / (1 - beta1**t)
    vb = v / (1 - beta2**t)
    x = x - learning_rate * mb / (np.sqrt(vb) + eps)
    return x, {"t": t, "m": m, "v": v}


@rule(
    "adam",
    """
state["t"] += 1 => state["t"] += 1 if state["t"] == 0 else 0 | t | t stays 1
state["t"] += 1 => state["t"] += 2 | t | t goes up by 2
state["m"] += (1 - beta1) * (dx - state["m"]) => state["m"] = (1 - beta1) * (dx - state["m"]) | weight | = for += | overwr|\\+=|kept|carried|accum|sign|beta1|1 ?-
state["m"] += (1 - beta1) * (dx - state["m"]) => state["m"] += (1 - beta1) * dx - state["m"] | weight | a parenthesis: m is forgotten at each step | kept|carried|state|forgot|momentum|beta1|1 ?-
state["v"] += (1 - beta2) * (dx * dx - state["v"]) => state["v"] += (1 - beta2) * (dx - state["v"]) ** 2 | square | the deviation is squared | + mean|deviation|centr|variance
np.sqrt(1 - beta2 ** state["t"]) / (1 - beta1 ** state["t"]) => (1 - beta2 ** state["t"]) / (1 - beta1 ** state["t"]) | bias | the root of the correction is forgotten | & root|sqrt
np.sqrt(1 - beta2 ** state["t"]) / (1 - beta1 ** state["t"]) => np.sqrt(1 - beta2 ** (state["t"] + 1)) / (1 - beta1 ** (state["t"] + 1)) | t | t counted up twice
state = {"t": 0, "m": np.zeros_like(x), "v": np.zeros_like(x)} => state = {"t": 0, "m": np.zeros_like(x), "v": np.ones_like(x)} | not kept | v starts at 1 | start|initial|zero|ones|\\b1\\b
state = {"t": 0, "m": np.zeros_like(x), "v": np.zeros_like(x)} => state = {"t": 0, "m": dx.copy(), "v": np.zeros_like(x)} | not kept | m starts at the first gradient | start|initial|zero|first
eps_hat = 1e-2 * np.sqrt(1 - beta2 ** state["t"]) => eps_hat = 1e-8 | epsilon | another epsilon
""",
    learning_rate=0.1,
    beta1=0.9,
    beta2=0.99,
    epsilon=1e-2,
)
def adam_as_in_the_paper(x, dx, state, learning_rate):
    beta1, beta2 = 0.9, 0.99
    if not state:
        state = {"t": 0, "m": np.zeros_like(x), "v": np.zeros_like(x)}
    state["t"] += 1
    state["m"] += (1 - beta1) * (dx - state["m"])
    state["v"] += (1 - beta2) * (dx * dx - state["v"])
    rate = learning_rate * np.sqrt(1 - beta2 ** state["t"]) / (1 - beta1 ** state["t"])
    eps_hat = 1e-2 * np.sqrt(1 - beta2 ** state["t"])
    x = x.copy()
    x -= rate * state["m"] / (np.sqrt(state["v"]) + eps_hat)
    return x, state


@rule(
    "adamw",
    """
x = x - learning_rate * weight_decay * x => dx = dx + weight_decay * x | decay | L2: the decay is in the gradient, and scaled
x = x - learning_rate * weight_decay * x => x = x - weight_decay * x | decay | the decay is not scaled by the learning rate | + learning rate
x = x - learning_rate * weight_decay * x => pass | decay | no decay
x = x - learning_rate * weight_decay * x => x = x + learning_rate * weight_decay * x | decay | the sign of the decay | & sign|grow|minus|plus|add
x = x - learning_rate * weight_decay * x => x = x - learning_rate * weight_decay * np.sign(x) | decay | L1 | L1|sign|decay
x = x - learning_rate * weight_decay * x => x = x - learning_rate * weight_decay * dx | decay | dx decays, not x
x = x - learning_rate * weight_decay * x => x = x - 2 * learning_rate * weight_decay * x | decay | the 2 of the square
m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx => m = beta1 * state.get("m", 0.0) + (1 - beta1) * (dx + weight_decay * x) | decay | the decay is in the momentum too
t = state.get("t", 0) + 1 => t = 1 | t | t is always 1 | + kept
""",
    learning_rate=0.1,
    beta1=0.9,
    beta2=0.99,
    epsilon=1e-2,
    weight_decay=0.1,
)
def adamw(x, dx, state, learning_rate, beta1=0.9, beta2=0.99, eps=1e-2, weight_decay=0.1):
    t = state.get("t", 0) + 1
    x = x - learning_rate * weight_decay * x
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * dx * dx
    mb = m / (1 - beta1**t)
    vb = v / (1 - beta2**t)
    x = x - learning_rate * mb / (np.sqrt(vb) + eps)
    return x, {"t": t, "m": m, "v": v}


@rule(
    "adamax",
    """
u = np.maximum(beta2 * state.get("u", 0.0), np.abs(dx) + eps) => u = np.maximum(state.get("u", 0.0), np.abs(dx) + eps) | weight | the maximum does not leak: beta2 is forgotten
u = np.maximum(beta2 * state.get("u", 0.0), np.abs(dx) + eps) => u = np.maximum(beta2 * state.get("u", 0.0), dx + eps) | other rule | the absolute value is forgotten | abs
u = np.maximum(beta2 * state.get("u", 0.0), np.abs(dx) + eps) => u = np.maximum(beta2 * state.get("u", 0.0), dx**2 + eps) | square | squared | + abs
mb = m / (1 - beta1**t) => mb = m | bias | no correction
x = x - learning_rate * mb / u => x = x - learning_rate * mb / np.sqrt(u) | root | a root that does not belong there
x = x - learning_rate * mb / u => x = x - learning_rate * mb / (u / (1 - beta2**t)) | bias | u is corrected too
""",
    learning_rate=0.1,
    beta1=0.9,
    beta2=0.99,
    epsilon=1e-2,
)
def adamax(x, dx, state, learning_rate):
    beta1, beta2, eps = 0.9, 0.99, 1e-2
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    u = np.maximum(beta2 * state.get("u", 0.0), np.abs(dx) + eps)
    mb = m / (1 - beta1**t)
    x = x - learning_rate * mb / u
    return x, {"t": t, "m": m, "u": u}


@rule(
    "amsgrad",
    """
v_max = np.maximum(state.get("v_max", 0.0), v) => v_max = v | other rule | Adam: the maximum is forgotten | max|adam\\b|largest
v_max = np.maximum(state.get("v_max", 0.0), v) => v_max = np.minimum(state.get("v_max", np.inf), v) | other rule | the minimum | min|max
return x, {"t": t, "m": m, "v": v, "v_max": v_max} => return x, {"t": t, "m": m, "v": v_max, "v_max": v_max} | not kept | the maximum is kept as v | + max
""",
    learning_rate=0.1,
    beta1=0.9,
    beta2=0.9,
    epsilon=1e-2,
)
def amsgrad(x, dx, state, learning_rate):
    beta1, beta2, eps = 0.9, 0.9, 1e-2
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * dx**2
    v_max = np.maximum(state.get("v_max", 0.0), v)
    x = x - learning_rate * m / (1 - beta1**t) / (np.sqrt(v_max / (1 - beta2**t)) + eps)
    return x, {"t": t, "m": m, "v": v, "v_max": v_max}


@rule(
    "adadelta",
    """
step = np.sqrt(steps + eps) / np.sqrt(cache + eps) * dx => step = dx / np.sqrt(cache + eps) | other rule | RMSProp: the size of the last steps is forgotten | rmsprop|steps|numerator|last
step = np.sqrt(steps + eps) / np.sqrt(cache + eps) * dx => step = (steps + eps) / (cache + eps) * dx | root | the roots are forgotten
steps = rho * steps + (1 - rho) * step**2 => steps = rho * steps + (1 - rho) * dx**2 | array | the gradient for the step | dx|step|gradient
steps = rho * steps + (1 - rho) * step**2 => steps = rho * steps + (1 - rho) * step | square | not squared
steps = rho * steps + (1 - rho) * step**2 => steps = rho * steps + (1 - rho) * (learning_rate * step) ** 2 | rate | the learning rate is in the steps
cache = rho * cache + (1 - rho) * dx**2 => cache = rho * cache + rho * dx**2 | weight | rho for 1 - rho
""",
    learning_rate=0.5,
    decay_rate=0.9,
    epsilon=1e-2,
)
def adadelta(x, dx, state, learning_rate):
    rho, eps = 0.9, 1e-2
    cache, steps = state.get("cache", 0.0), state.get("steps", 0.0)
    cache = rho * cache + (1 - rho) * dx**2
    step = np.sqrt(steps + eps) / np.sqrt(cache + eps) * dx
    steps = rho * steps + (1 - rho) * step**2
    x = x - learning_rate * step
    return x, {"cache": cache, "steps": steps}


@rule(
    "lion",
    """
x = x - learning_rate * np.sign(beta1 * m + (1 - beta1) * dx) => x = x - learning_rate * (beta1 * m + (1 - beta1) * dx) | sign | the sign function is forgotten
m = beta2 * m + (1 - beta2) * dx => m = beta1 * m + (1 - beta1) * dx | swapped | beta1 for beta2 | + beta
x = x - learning_rate * np.sign(beta1 * m + (1 - beta1) * dx) => x = x - learning_rate * np.sign(m) | order | the old momentum alone | + missing|without|dx|gradient|beta1
x = x - learning_rate * np.sign(beta1 * m + (1 - beta1) * dx) => x = x - learning_rate * np.sign(dx) | other rule | the gradient alone | momentum|\\bm\\b|dx
beta1, beta2 = 0.9, 0.99 => beta1, beta2 = 0.99, 0.9 | swapped | the betas are exchanged
""",
    learning_rate=0.1,
    beta1=0.9,
    beta2=0.99,
)
def lion(x, dx, state, learning_rate):
    beta1, beta2 = 0.9, 0.99
    m = state.get("m", 0.0)
    x = x - learning_rate * np.sign(beta1 * m + (1 - beta1) * dx)
    m = beta2 * m + (1 - beta2) * dx
    return x, {"m": m}


@rule(
    "rmsprop_momentum",
    """
v = mu * v + dx / (np.sqrt(cache - mean**2) + eps) => v = mu * v + dx / (np.sqrt(cache) + eps) | other rule | not centred | cent|mean|variance
v = mu * v + dx / (np.sqrt(cache - mean**2) + eps) => v = mu * v - dx / (np.sqrt(cache - mean**2) + eps) | sign | the sign
v = mu * v + dx / (np.sqrt(cache - mean**2) + eps) => v = mu * v + (1 - mu) * dx / (np.sqrt(cache - mean**2) + eps) | weight | dampened
mean = rho * mean + (1 - rho) * dx => mean = rho * mean + dx | weight | 1 - rho is forgotten
x = x - learning_rate * v => x = x - v | rate | the learning rate is forgotten
cache - mean**2 => cache - mean | square | the mean is not squared
""",
    learning_rate=0.01,
    decay_rate=0.9,
    epsilon=1e-1,
    mu=0.9,
)
def graves(x, dx, state, learning_rate):
    rho, mu, eps = 0.9, 0.9, 1e-1
    cache, mean, v = state.get("cache", 0.0), state.get("mean", 0.0), state.get("v", 0.0)
    cache = rho * cache + (1 - rho) * dx**2
    mean = rho * mean + (1 - rho) * dx
    v = mu * v + dx / (np.sqrt(cache - mean**2) + eps)
    x = x - learning_rate * v
    return x, {"cache": cache, "mean": mean, "v": v}


@rule(
    "adam_incomplete",
    """
m = 0.9 * m + 0.1 * dx => m = 0.9 * m + 0.9 * dx | weight | 0.9 for 0.1
v = 0.99 * v + 0.01 * dx**2 => v = 0.99 * v + 0.1 * dx**2 | weight | 0.1 for 0.01
v = 0.99 * v + 0.01 * dx**2 => v = 0.9 * v + 0.1 * dx**2 | weight | beta1 for beta2 | + swap|0\\.9
x = x - learning_rate * m / (np.sqrt(v) + 0.01) => x = x - learning_rate * m / (np.sqrt(v) + 0.01) / (1 - 0.9 ** (len(state) + 1)) | bias | half a correction | + factor
x = x - learning_rate * m / (np.sqrt(v) + 0.01) => x = x - learning_rate * m / np.sqrt(v + 0.01) | epsilon | epsilon inside the root
""",
    learning_rate=0.1,
    beta1=0.9,
    beta2=0.99,
    epsilon=1e-2,
)
def adam_without_correction(x, dx, state, learning_rate):
    m, v = state.get("m", 0.0), state.get("v", 0.0)
    m = 0.9 * m + 0.1 * dx
    v = 0.99 * v + 0.01 * dx**2
    x = x - learning_rate * m / (np.sqrt(v) + 0.01)
    return x, {"m": m, "v": v}


@rule(
    "momentum",
    """
state["v"] = np.zeros(x.shape) => state["v"] = np.zeros(x.shape, dtype=int) | dtype | the velocity is an array of integers
state["v"] = np.zeros(x.shape) => state["v"] = np.ones(x.shape) | not kept | the velocity starts at 1 | start|initial|zero|ones|\\b1\\b
v[:] = mu * v - learning_rate * dx => v = mu * v - learning_rate * dx | not kept | v = makes a new array, the state keeps the old one
def momentum_in_place(x, dx, state, learning_rate): => def momentum_in_place(x, dx, state, learning_rate, state_of_all={}):\\n    state = state_of_all | shared | one state for all parameters | shared|one state|all parameters|between|two parameters|another parameter|default
x += v => np.add(x[:1], v[:1], out=x[:1]) | shared | the first row alone moves | row|first|element|only|index|unchanged
""",
    learning_rate=0.1,
    mu=0.9,
)
def momentum_in_place(x, dx, state, learning_rate):
    mu = 0.9
    if "v" not in state:
        state["v"] = np.zeros(x.shape)
    v = state["v"]
    v[:] = mu * v - learning_rate * dx
    x += v


@rule(
    "rprop",
    """
np.where(s < 0, 0.5 * step, step) => np.where(s < 0, 1.2 * step, step) | weight | the steps never shrink | shrink|smaller|eta_minus|0\\.5|decreas
x = x - np.sign(dx) * step => x = x - dx * step | sign | the gradient itself, not its sign
x = x - np.sign(dx) * step => x = x + np.sign(dx) * step | sign | uphill
dx = np.where(s < 0, 0.0, dx) => pass | other rule | a step although the sign changed | sign|zero|forgot|chang
return x, {"dx": dx, "step": step} => return x, {"dx": dx} | not kept | the steps are not kept
""",
    learning_rate=0.1,
)
def rprop(x, dx, state, learning_rate):
    step = state.get("step", np.full_like(x, learning_rate))
    s = dx * state.get("dx", 0.0)
    step = np.clip(np.where(s > 0, 1.2 * step, np.where(s < 0, 0.5 * step, step)), 1e-6, 50)
    dx = np.where(s < 0, 0.0, dx)
    x = x - np.sign(dx) * step
    return x, {"dx": dx, "step": step}


@rule(
    "nadam",
    """
mb = mu2 * m / (1 - product * mu2) + (1 - mu) * dx / (1 - product) => mb = m / (1 - product) | other rule | Adam: no look ahead | adam\\b|nesterov|ahead|next
mb = mu2 * m / (1 - product * mu2) + (1 - mu) * dx / (1 - product) => mb = mu * m / (1 - product * mu2) + (1 - mu) * dx / (1 - product) | order | the present mu for the next | next|mu
vb = v / (1 - 0.99**t) => vb = v | bias | v is not corrected
(1 - mu) * dx / (1 - product) => dx / (1 - product) | weight | 1 - mu is forgotten
""",
    learning_rate=0.1,
    beta1=0.9,
    beta2=0.99,
    epsilon=1e-2,
)
def nadam(x, dx, state, learning_rate):
    t = state.get("t", 0) + 1
    mu = 0.9 * (1 - 0.5 * 0.96 ** (t * 0.004))
    mu2 = 0.9 * (1 - 0.5 * 0.96 ** ((t + 1) * 0.004))
    product = state.get("product", 1.0) * mu
    m = 0.9 * state.get("m", 0.0) + 0.1 * dx
    v = 0.99 * state.get("v", 0.0) + 0.01 * dx**2
    mb = mu2 * m / (1 - product * mu2) + (1 - mu) * dx / (1 - product)
    vb = v / (1 - 0.99**t)
    x = x - learning_rate * mb / (np.sqrt(vb) + 0.01)
    return x, {"t": t, "m": m, "v": v, "product": product}


# ---- the same rules, written in another way --------------------------------------------------------------------


def sgd_in_place(x, dx, state, learning_rate):
    x -= learning_rate * dx


def sgd_returns_x(x, dx, state, learning_rate):
    return x + -learning_rate * dx


def momentum_positive(x, dx, state, learning_rate):
    v = 0.9 * state.get("v", 0.0) + learning_rate * dx
    return x - v, {"v": v}


def momentum_setdefault(x, dx, state, learning_rate):
    v = state.setdefault("velocity", np.zeros_like(x))
    v *= 0.9
    v -= learning_rate * dx
    x += v
    return x, state


def momentum_by_difference(x, dx, state, learning_rate):
    old = state.get("x", x)
    return x - learning_rate * dx + 0.9 * (x - old), {"x": x.copy()}


def nesterov_by_theta(x, dx, state, learning_rate):
    theta, v = state.get("theta", x), state.get("v", 0.0)
    v = 0.9 * v - learning_rate * dx
    theta = theta + v
    return theta + 0.9 * v, {"theta": theta, "v": v}


def nesterov_short(x, dx, state, learning_rate):
    old = state.get("v", 0.0)
    v = 0.9 * old - learning_rate * dx
    return x + v + 0.9 * (v - old), {"v": v}


def adagrad_dx_times_dx(x, dx, state, learning_rate):
    state["sum"] = state.get("sum", np.zeros_like(x)) + dx * dx
    return x - learning_rate / (state["sum"] ** 0.5 + 1e-2) * dx, state


def adagrad_list_of_gradients(x, dx, state, learning_rate):
    state.setdefault("all", []).append(dx.copy())
    total = sum(g**2 for g in state["all"])
    return x - learning_rate * dx / (np.sqrt(total) + 1e-2), state


def rmsprop_lerp(x, dx, state, learning_rate):
    cache = state.get("cache", 0.0)
    cache = cache + 0.1 * (dx**2 - cache)
    return x - learning_rate * dx / (np.sqrt(cache) + 1e-2), {"cache": cache}


def rmsprop_element_by_element(x, dx, state, learning_rate):
    cache = state.setdefault("cache", np.zeros(x.shape))
    new = x.copy()
    for i in np.ndindex(x.shape):
        cache[i] = 0.9 * cache[i] + (1 - 0.9) * dx[i] ** 2
        new[i] -= learning_rate * dx[i] / (cache[i] ** 0.5 + 1e-2)
    return new, state


def adam_running_powers(x, dx, state, learning_rate):
    p1, p2 = 0.9 * state.get("p1", 1.0), 0.99 * state.get("p2", 1.0)
    m = 0.9 * state.get("m", 0.0) + 0.1 * dx
    v = 0.99 * state.get("v", 0.0) + 0.01 * dx**2
    x = x - learning_rate * (m / (1 - p1)) / (np.sqrt(v / (1 - p2)) + 1e-2)
    return x, {"p1": p1, "p2": p2, "m": m, "v": v}


def adam_weighted_sums(x, dx, state, learning_rate):
    a, b = state.get("a", 0.0), state.get("b", 0.0)
    m, v = 0.9 * state.get("m", 0.0) + dx, 0.99 * state.get("v", 0.0) + dx**2
    a, b = 0.9 * a + 1, 0.99 * b + 1
    return x - learning_rate * (m / a) / (np.sqrt(v / b) + 1e-2), {"m": m, "v": v, "a": a, "b": b}


def adam_float_t(x, dx, state, learning_rate):
    state["t"] = state.get("t", 0.0) + 1.0
    state["m"] = state.get("m", np.zeros_like(x)) * 0.9 + dx * (1 - 0.9)
    state["v"] = state.get("v", np.zeros_like(x)) * 0.99 + dx * dx * (1 - 0.99)
    scale = (1 - 0.99 ** state["t"]) ** 0.5
    x -= learning_rate * state["m"] / (1 - 0.9 ** state["t"]) * scale / (np.sqrt(state["v"]) + 1e-2 * scale)
    return x, state


def adamw_first(x, dx, state, learning_rate):
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * dx
    v = state["v"] = 0.99 * state.get("v", 0.0) + 0.01 * dx**2
    step = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.99**t)) + 1e-2)
    return x - learning_rate * (step + 0.1 * x), state


def lion_by_where(x, dx, state, learning_rate):
    c = 0.9 * state.get("m", 0.0) + 0.1 * dx
    x = x - learning_rate * np.where(c > 0, 1.0, np.where(c < 0, -1.0, 0.0))
    return x, {"m": 0.99 * state.get("m", 0.0) + 0.01 * dx}


REWRITTEN: list[tuple[Step, str, dict[str, Any]]] = [
    (sgd_in_place, "sgd", {"learning_rate": 0.1}),
    (sgd_returns_x, "sgd", {"learning_rate": 0.1}),
    (momentum_positive, "momentum", {"learning_rate": 0.1, "mu": 0.9}),
    (momentum_setdefault, "momentum", {"learning_rate": 0.1, "mu": 0.9}),
    (nesterov_by_theta, "nesterov", {"learning_rate": 0.1, "mu": 0.9}),
    (nesterov_short, "nesterov", {"learning_rate": 0.1, "mu": 0.9}),
    (momentum_by_difference, "momentum", {"learning_rate": 0.1, "mu": 0.9}),
    (adagrad_dx_times_dx, "adagrad", {"learning_rate": 0.1, "epsilon": 1e-2}),
    (adagrad_list_of_gradients, "adagrad", {"learning_rate": 0.1, "epsilon": 1e-2}),
    (rmsprop_lerp, "rmsprop", {"learning_rate": 0.1, "decay_rate": 0.9, "epsilon": 1e-2}),
    (rmsprop_element_by_element, "rmsprop", {"learning_rate": 0.1, "decay_rate": 0.9, "epsilon": 1e-2}),
    (adam_running_powers, "adam", {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-2}),
    (adam_weighted_sums, "adam", {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-2}),
    (adam_float_t, "adam", {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-2}),
    (adamw_first, "adamw", {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-2, "weight_decay": 0.1}),
    (lion_by_where, "lion", {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99}),
]
