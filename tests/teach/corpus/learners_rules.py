"""Update rules as learners write them: classes, optimizers, closures, states as arguments, in place, in several steps.

Each is right as it stands; the tables are those of `rules.py`.
"""

from __future__ import annotations

import numpy as np

from minigrad import no_grad, optim

from .rules import rule


@rule(
    "momentum",
    """
np.zeros_like(x) => np.zeros_like(x, dtype=int) | dtype | the velocity is an array of integers
self.v *= self.mu => self.v = dx; self.v *= self.mu | order | the velocity is the gradient itself, which it overwrites | dx|gradient|alias|same array|old|lost
self.v -= self.learning_rate * dx => self.v += self.learning_rate * dx | sign | the gradient is added
return x + self.v => return x + self.learning_rate * self.v | rate | the rate counts twice
return x + self.v => return x - self.v | sign | the velocity is subtracted
if self.v is None: => if True: | not kept | the velocity starts anew at each step
self.v *= self.mu => self.v *= 1 - self.mu | weight | 1 - mu for mu
self.v *= self.mu => self.v *= -self.mu | sign | the sign of the momentum
self.v -= self.learning_rate * dx => self.v -= self.learning_rate * dx; self.learning_rate *= 0.9 | rate | the rate decays inside too | learning_rate|rate
self.v -= self.learning_rate * dx => self.v -= self.learning_rate * dx; self.v *= self.mu | weight | mu acts twice | twice|mu
self.v -= self.learning_rate * dx => self.v -= self.learning_rate * np.clip(dx, -1, 1) | other rule | the gradient is clipped | clip
self.v -= self.learning_rate * dx => self.v -= self.learning_rate * dx / max(1.0, np.linalg.norm(dx)) | other rule | the gradient's norm is clipped | clip|norm
""",
    learning_rate=0.1,
    mu=0.9,
)
class OwnMomentum:
    def __init__(self, learning_rate, mu):
        self.learning_rate, self.mu, self.v = learning_rate, mu, None

    def update(self, x, dx):
        if self.v is None:
            self.v = np.zeros_like(x)
        self.v *= self.mu
        self.v -= self.learning_rate * dx
        return x + self.v


@rule(
    "momentum_pytorch",
    """
buf = state["buf"] = group["momentum"] * buf + p.grad => buf = group["momentum"] * buf + p.grad | not kept | the buffer is not stored
p -= group["lr"] * buf => p += group["lr"] * buf | sign | uphill
p -= group["lr"] * buf => p -= group["lr"] * p.grad | array | the gradient for the buffer | momentum|velocity|\\bdx\\b|gradient|buf|sgd
buf = state["buf"] = group["momentum"] * buf + p.grad => buf = state["buf"] = group["momentum"] * buf + (1 - group["momentum"]) * p.grad | weight | dampened
buf = state["buf"] = group["momentum"] * buf + p.grad => buf = state["buf"] = group["momentum"] * (buf + p.grad) | weight | mu scales the gradient too
buf = state["buf"] = group["momentum"] * buf + p.grad => buf = state["buf"] = buf + p.grad | weight | mu is forgotten
state = self.state[p] => state = self.shared | shared | one state for all parameters | shared|one state|all parameters
p -= group["lr"] * buf => p -= group["lr"] * (p.grad + group["momentum"] * buf) | other rule | Nesterov's | nesterov
buf = state["buf"] = group["momentum"] * buf + p.grad => buf = state["buf"] = group["momentum"] * buf + group["lr"] * p.grad | convention | the rate is in the buffer and counts twice | learning_rate|twice
p -= group["lr"] * buf => p -= group["lr"] * buf; p -= group["lr"] * buf | weight | two steps | twice|two|2
""",
    learning_rate=0.1,
    mu=0.9,
)
class TorchLikeMomentum(optim.Optimizer):
    shared = {}

    def __init__(self, params, lr=0.1, momentum=0.9):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                buf = state.get("buf", 0.0)
                buf = state["buf"] = group["momentum"] * buf + p.grad
                p -= group["lr"] * buf


@rule(
    "adam",
    """
state["step"] = state.get("step", 0) + 1 => self.steps += 1; state["step"] = self.steps | t | one counter for all parameters | shared|\\bt\\b
m = group["beta1"] * state.get("m", 0.0) + (1 - group["beta1"]) * dx => m = group["beta1"] * state.get("m", dx) + (1 - group["beta1"]) * dx | not kept | m starts at the gradient | start|first
v = group["beta2"] * state.get("v", 0.0) + (1 - group["beta2"]) * dx * dx => v = group["beta2"] * state.get("v", 1.0) + (1 - group["beta2"]) * dx * dx | not kept | v starts at one | start|one
bias2 = 1 - group["beta2"] ** state["step"] => bias2 = 1 - group["beta1"] ** state["step"] | swapped | beta1 in the correction of v | + beta1
bias1 = 1 - group["beta1"] ** state["step"] => bias1 = 1 - group["beta1"] * state["step"] | bias | a product for the power | & power|product|\\*
(np.sqrt(v / bias2) + group["eps"]) => (np.sqrt(v) / bias2 + group["eps"]) | bias | the correction outside the root | root|sqrt
(np.sqrt(v / bias2) + group["eps"]) => np.sqrt(v / bias2) + group["eps"] | epsilon | missing parentheses
(np.sqrt(v / bias2) + group["eps"]) => (np.sqrt(v / bias2 + group["eps"])) | epsilon | epsilon inside
state["m"], state["v"] = m, v => state["m"], state["v"] = m / bias1, v | bias | the corrected m is kept
state["m"], state["v"] = m, v => state["m"], state["v"] = v, m | swapped | m and v are exchanged | swap|exchang|\\bm\\b.*\\bv\\b
m / bias1 => m * bias1 | bias | multiplied by the correction
m / bias1 => dx / bias1 | array | dx for m | \\bdx\\b|gradient|momentum
""",
    learning_rate=0.05,
    beta1=0.8,
    beta2=0.95,
    epsilon=1e-3,
)
class MyAdam(optim.Optimizer):
    def __init__(self, params, lr=0.05, beta1=0.8, beta2=0.95, eps=1e-3):
        super().__init__(params, {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps})
        self.steps = 0

    def update(self, x, dx, state, group):
        state["step"] = state.get("step", 0) + 1
        m = group["beta1"] * state.get("m", 0.0) + (1 - group["beta1"]) * dx
        v = group["beta2"] * state.get("v", 0.0) + (1 - group["beta2"]) * dx * dx
        bias1 = 1 - group["beta1"] ** state["step"]
        bias2 = 1 - group["beta2"] ** state["step"]
        state["m"], state["v"] = m, v
        return x - group["lr"] * (m / bias1) / (np.sqrt(v / bias2) + group["eps"]), state


@rule(
    "adam",
    """
step_size = learning_rate / bias1 => step_size = learning_rate * bias1 | bias | multiplied by the correction
step_size = learning_rate / bias1 => step_size = learning_rate | bias | m is not corrected
denom = np.sqrt(v) / np.sqrt(bias2) + eps => denom = np.sqrt(v) / bias2 + eps | bias | the root of the correction is forgotten | root|sqrt
denom = np.sqrt(v) / np.sqrt(bias2) + eps => denom = (np.sqrt(v) + eps) / np.sqrt(bias2) | epsilon | epsilon before the correction
denom = np.sqrt(v) / np.sqrt(bias2) + eps => denom = np.sqrt(v) + eps | bias | v is not corrected
denom = np.sqrt(v) / np.sqrt(bias2) + eps => denom = v / bias2 + eps | root | no root
m *= beta1 => m *= beta2 | swapped | beta2 for beta1 | + beta
m += (1 - beta1) * dx => m += dx | weight | 1 - beta1 is forgotten
v += (1 - beta2) * dx * dx => v += (1 - beta2) * dx * m | square | dx * m for dx * dx | \\bm\\b
v += (1 - beta2) * dx * dx => v += ((1 - beta2) * dx) ** 2 | square | the weight is squared too
v += (1 - beta2) * dx * dx => v += (1 - beta2) * (dx * dx).mean() | shared | one number for all
state["t"] += 1 => pass | t | t stays 0 | \\bt\\b
""",
    learning_rate=0.01,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-3,
)
def adam_as_torch_does(x, dx, state, learning_rate, beta1=0.9, beta2=0.999, eps=1e-3):
    if len(state) == 0:
        state["t"] = 0
        state["exp_avg"] = np.zeros_like(x)
        state["exp_avg_sq"] = np.zeros_like(x)
    m, v = state["exp_avg"], state["exp_avg_sq"]
    state["t"] += 1
    bias1, bias2 = 1 - beta1 ** state["t"], 1 - beta2 ** state["t"]
    m *= beta1
    m += (1 - beta1) * dx
    v *= beta2
    v += (1 - beta2) * dx * dx
    denom = np.sqrt(v) / np.sqrt(bias2) + eps
    step_size = learning_rate / bias1
    x -= step_size * m / denom
    return x, state


@rule(
    "adamw",
    """
x = x - learning_rate * wd * x => dx = dx + wd * x | decay | L2 in the gradient
x = x - learning_rate * wd * x => x = x - learning_rate * wd * x**2 | decay | the square of x decays
x = x - learning_rate * wd * x => x = (1 - wd) * x | decay | not scaled by the rate | + learning rate
x = x - learning_rate * wd * x => x = x - learning_rate * wd * x; dx = dx + wd * x | decay | both kinds
x = x - learning_rate * m_hat => x = x - learning_rate * wd * x - learning_rate * m_hat | decay | twice the decay | twice|factor
x = x - learning_rate * m_hat / (v_hat**0.5 + eps) => x = x - learning_rate * (m_hat + wd * x) / (v_hat**0.5 + eps) | decay | twice: also inside the adaptive scaling
x = x - learning_rate * wd * x => learning_rate = learning_rate * (1 - wd) | decay | the rate decays, not x | rate|decay
v_hat**0.5 => v_hat**2 | root | a square for the root | & root|square
""",
    learning_rate=0.05,
    beta1=0.9,
    beta2=0.99,
    epsilon=1e-6,
    weight_decay=0.2,
)
def adamw_by_hand(x, dx, state, learning_rate):
    b1, b2, eps, wd = 0.9, 0.99, 1e-6, 0.2
    state["t"] = state.get("t", 0) + 1
    x = x - learning_rate * wd * x
    state["m"] = b1 * state.get("m", 0) + (1 - b1) * dx
    state["v"] = b2 * state.get("v", 0) + (1 - b2) * np.square(dx)
    m_hat = state["m"] / (1 - b1 ** state["t"])
    v_hat = state["v"] / (1 - b2 ** state["t"])
    x = x - learning_rate * m_hat / (v_hat**0.5 + eps)
    return x, state


@rule(
    "sgd",
    """
dx + reg * x => dx - reg * x | decay | the sign of the decay | sign|grow
dx + reg * x => dx | decay | no decay
dx + reg * x => dx + 2 * reg * x | decay | the 2 of the square | 2|factor|twice
dx + reg * x => dx + reg * x * x | decay | the penalty itself | decay|\\*\\* ?2|square
dx + reg * x => dx + reg | decay | the decay without x
x - learning_rate * g => x - learning_rate * g - reg * x | decay | decays twice, once without the rate
""",
    learning_rate=0.1,
    weight_decay=0.05,
)
def sgd_with_l2(x, dx, state, learning_rate):
    reg = 0.05
    g = dx + reg * x
    return x - learning_rate * g, state


@rule(
    "nesterov",
    """
x += -self.mu * before + (1 + self.mu) * self.v => x += self.v | other rule | plain momentum | look|plain|momentum
x += -self.mu * before + (1 + self.mu) * self.v => x += -self.mu * before + self.mu * self.v | weight | 1 + mu is mu | 1 ?\\+|whole|missing|v
x += -self.mu * before + (1 + self.mu) * self.v => x += -self.mu * self.v + (1 + self.mu) * before | swapped | the velocities are exchanged
before = self.v.copy() => before = self.v | order | the old velocity is the new one: no copy | copy|stale|old|new|plain|look
self.v -= self.lr * dx => self.v -= self.lr * self.lr * dx | rate | the rate counts twice
self.v *= self.mu => self.v *= 1 - self.mu | weight | 1 - mu for mu
""",
    learning_rate=0.05,
    mu=0.8,
)
class OwnNesterov:
    def __init__(self, lr, mu=0.8):
        self.lr, self.mu = lr, mu
        self.v = 0.0

    def step(self, x, dx):
        if np.ndim(self.v) == 0:
            self.v = np.zeros(x.shape)
        before = self.v.copy()
        self.v *= self.mu
        self.v -= self.lr * dx
        x = x.copy()
        x += -self.mu * before + (1 + self.mu) * self.v
        return x


@rule(
    "adagrad",
    """
G += dx**2 => G = dx**2 | not kept | nothing adds up | overwr|accum|only the new|kept|add
G += dx**2 => G += dx | square | not squared
G += dx**2 => G += 2 * dx | square | doubled, not squared | doubl|\\* 2|square
G += dx**2 => G += (learning_rate * dx) ** 2 | rate | the rate is in the cache
G += dx**2 => G += np.mean(dx**2) | shared | one number for all
np.zeros_like(dx) => np.ones_like(dx) | not kept | the cache starts at one | start|one
np.zeros_like(dx) => np.full_like(dx, 0.1) | not kept | the cache starts at 0.1 | start
(eps + np.sqrt(G)) => (eps * np.sqrt(G)) | epsilon | times epsilon
(eps + np.sqrt(G)) => np.maximum(eps, np.sqrt(G)) | epsilon | a lower bound
x -= learning_rate * dx => x -= learning_rate / 4 * dx | weight | a quarter of the step | 0\\.25|1/4|factor|quarter
""",
    learning_rate=0.3,
    epsilon=1e-5,
)
def adagrad_in_place(x, dx, state, learning_rate):
    eps = 1e-5
    G = state.setdefault("G", np.zeros_like(dx))
    G += dx**2
    state["G"] = G
    x -= learning_rate * dx / (eps + np.sqrt(G))


@rule(
    "rmsprop",
    """
r = alpha * r + (1 - alpha) * np.square(dx) => r = alpha * r + (1 - alpha) * np.abs(dx) | square | the absolute value
r = alpha * r + (1 - alpha) * np.square(dx) => r = alpha * (r + (1 - alpha) * np.square(dx)) | weight | alpha scales the new term too
r = alpha * r + (1 - alpha) * np.square(dx) => r = alpha * r + (1 - alpha) * np.square(dx - r) | square | the deviation | deviation|cache|\\br\\b
r = alpha * r + (1 - alpha) * np.square(dx) => r = max(alpha, 1) * r + (1 - alpha) * np.square(dx) | weight | the old cache does not decay | decay|whole|factor
r = alpha * r + (1 - alpha) * np.square(dx) => r = np.maximum(alpha * r, np.square(dx)) | other rule | a maximum for the mean | maxim
(np.sqrt(r) + 1e-6) => np.sqrt(r + 1e-6) | epsilon | epsilon inside
(np.sqrt(r) + 1e-6) => (np.cbrt(r) + 1e-6) | root | the cube root
lr * dx => lr * dx / (1 - alpha) | weight | divided by 1 - alpha | 1 ?-|factor|times
return x - step, r => return x - step, step | array | the step is kept as the cache | + kept|cache|state
""",
    learning_rate=0.02,
    decay_rate=0.9,
    epsilon=1e-6,
)
def rmsprop_state_as_argument(x, dx, r, lr, alpha=0.9):
    r = alpha * r + (1 - alpha) * np.square(dx)
    step = lr * dx / (np.sqrt(r) + 1e-6)
    return x - step, r


@rule(
    "amsgrad",
    """
largest = np.maximum(state.get("largest", 0.0), v) => largest = max(np.max(state.get("largest", 0.0)), np.max(v)) | shared | one maximum for all elements | element|whole|all|one
largest = np.maximum(state.get("largest", 0.0), v) => largest = np.maximum(state.get("largest", 0.0), v / (1 - 0.95**t)) | bias | the corrected v enters the maximum | correct
largest = np.maximum(state.get("largest", 0.0), v) => largest = np.maximum(state.get("largest", 0.0), m) | array | m for v | \\bm\\b
largest = np.maximum(state.get("largest", 0.0), v) => largest = np.maximum(state.get("largest", 0.0), dx**2) | array | dx**2 for v | dx
largest = np.maximum(state.get("largest", 0.0), v) => largest = state.get("largest", 0.0) + v | other rule | a sum for the maximum | sum|add
"largest": largest} => } | not kept | the maximum is not kept | kept|plain Adam|max
largest / (1 - 0.95**t) => v / (1 - 0.95**t) | array | v for the maximum | max
""",
    learning_rate=0.05,
    beta1=0.8,
    beta2=0.95,
    epsilon=1e-4,
)
def amsgrad_by_hand(x, dx, state, learning_rate):
    t = state.get("t", 0) + 1
    m = 0.8 * state.get("m", 0.0) + 0.2 * dx
    v = 0.95 * state.get("v", 0.0) + 0.05 * dx**2
    largest = np.maximum(state.get("largest", 0.0), v)
    x = x - learning_rate * m / (1 - 0.8**t) / (np.sqrt(largest / (1 - 0.95**t)) + 1e-4)
    return x, {"t": t, "m": m, "v": v, "largest": largest}


@rule(
    "sgd",
    """
p.data -= self.lr * p.grad => p.data += self.lr * p.grad | sign | uphill
p.data -= self.lr * p.grad => self.total = self.total + p.grad; p.data -= self.lr * self.total | other rule | gradients add up over the steps and parameters | add up|accum|sum|zero_grad
p.data -= self.lr * p.grad => p.data = p.data - self.lr * p.grad / p.grad.size | weight | divided by the number of elements | number of|size|mean|divid
p.data -= self.lr * p.grad => p.data -= self.lr * p.grad; self.lr *= 0.95 | rate | the rate decays for each parameter and step | rate
p.data -= self.lr * p.grad => y = p.data - self.lr * p.grad | copy | a copy moves
p.data -= self.lr * p.grad => p.data = -self.lr * p.grad | copy | x is overwritten | overwr|instead
p.data -= self.lr * p.grad => p.grad *= self.lr; p.data -= self.lr * p.grad | rate | the rate counts twice
""",
    learning_rate=0.1,
)
class PlainSGD:
    def __init__(self, parameters, lr=0.1):
        self.parameters, self.lr, self.total = list(parameters), lr, 0.0

    def step(self):
        for p in self.parameters:
            p.data -= self.lr * p.grad


@rule(
    "momentum",
    """
config["velocity"] = v => pass | not kept | the velocity is not stored
next_w = w + v => next_w = w + mu * v | weight | mu once more | mu
next_w = w + v => next_w = w + mu * v - config["learning_rate"] * dw | other rule | Nesterov's | nesterov|look
v = mu * v - config["learning_rate"] * dw => v = mu * v - config["learning_rate"] * w | array | w for dw | \\bx\\b
""",
    learning_rate=0.2,
    mu=0.5,
)
def cs231n_momentum(w, dw, config=None):
    mu = config["momentum"]
    v = config.get("velocity", np.zeros_like(w))
    v = mu * v - config["learning_rate"] * dw
    next_w = w + v
    config["velocity"] = v
    return next_w, config
