"""The update rules, in the lecture's lines and symbols. Source: CS231n, lecture "Parameter updates", and papers.

Each is a pure function of (x, dx, state, learning_rate, …) that gives the new x and the new state. x and dx are arrays
of one shape, or numbers; the state is a dictionary under the lecture's names, and empty at the start:

>>> x, state = 1.0, {}
>>> for _ in range(3):
...     dx = 2 * x  # the gradient of x**2
...     x, state = momentum(x, dx, state, learning_rate=0.1, mu=0.5)
>>> round(x, 6)
0.302

In float64 they give the same bits as the lecture's lines. On large vectors those marked `elementwise` run as programs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.optim.traced_rules import elementwise

State = dict[str, Any]


@elementwise
def sgd(x: Any, dx: Any, state: State, learning_rate: float) -> tuple[Any, State]:
    """Gradient descent ("vanilla SGD")."""
    x = x + -learning_rate * dx
    return x, state


@elementwise
def momentum(x: Any, dx: Any, state: State, learning_rate: float, mu: float = 0.9) -> tuple[Any, State]:
    """Momentum: a ball that rolls down the loss surface; mu is its friction, usually 0.5, 0.9 or 0.99.

    The velocity contains the learning rate. PyTorch's does not (`momentum_pytorch`); the two make the same steps
    for as long as the learning rate is constant. When it decays, this velocity still carries the older, larger steps.
    """
    v = mu * state.get("v", 0.0) - learning_rate * dx  # integrate velocity
    x = x + v  # integrate position
    return x, {"v": v}


@elementwise
def momentum_pytorch(
    x: Any, dx: Any, state: State, learning_rate: float, mu: float = 0.9, dampening: float = 0.0, nesterov: bool = False
) -> tuple[Any, State]:
    """Momentum as PyTorch has it: v gathers gradients, and the current learning rate scales the whole of it.

    The first v is dx itself, whatever the dampening. `nesterov` moves by dx + mu * v: the step after the next
    momentum step, with the gradient where x is (Sutskever et al., 2013).
    """
    v = mu * state["v"] + (1 - dampening) * dx if "v" in state else +dx  # + makes a copy
    x = x + -learning_rate * (dx + mu * v if nesterov else v)
    return x, {"v": v}


@elementwise
def nesterov(x: Any, dx: Any, state: State, learning_rate: float, mu: float = 0.9) -> tuple[Any, State]:
    """Nesterov momentum: as momentum, but the gradient is taken where the momentum step will lead.

    x is therefore the looked-ahead point theta + mu * v, at which one takes the gradient; theta, where the lecture's
    formula is, stands in the state. At the start, with v = 0, they are the same.
    """
    theta = state.get("theta", x)
    v = mu * state.get("v", 0.0) - learning_rate * dx  # dx = grad f(theta + mu * v)
    theta = theta + v
    x = theta + mu * v  # look ahead
    return x, {"v": v, "theta": theta}


@elementwise
def adagrad(x: Any, dx: Any, state: State, learning_rate: float, epsilon: float = 1e-7) -> tuple[Any, State]:
    """AdaGrad (Duchi et al., 2011): element-wise scaling by the historical sum of squares in each dimension.

    The sum only grows, so the steps shrink towards zero.
    """
    cache = state.get("cache", 0.0) + dx**2
    x = x + -learning_rate * dx / (np.sqrt(cache) + epsilon)
    return x, {"cache": cache}


@elementwise
def rmsprop(
    x: Any, dx: Any, state: State, learning_rate: float, decay_rate: float = 0.99, epsilon: float = 1e-7
) -> tuple[Any, State]:
    """RMSProp (Tieleman and Hinton, 2012): AdaGrad with a sum that leaks, so that the steps do not die."""
    cache = decay_rate * state.get("cache", 0.0) + (1 - decay_rate) * dx**2
    x = x + -learning_rate * dx / (np.sqrt(cache) + epsilon)
    return x, {"cache": cache}


@elementwise
def rmsprop_momentum(
    x: Any,
    dx: Any,
    state: State,
    learning_rate: float,
    decay_rate: float = 0.99,
    epsilon: float = 1e-7,
    mu: float = 0.9,
    centered: bool = True,
) -> tuple[Any, State]:
    """RMSProp with momentum: v gathers scaled gradients. If centered, they are scaled by the deviation from their mean.

    Source: Graves, "Generating sequences with recurrent neural networks" (2013). As in `momentum_pytorch`, v does not
    contain the learning rate.
    """
    cache = decay_rate * state.get("cache", 0.0) + (1 - decay_rate) * dx**2
    mean = decay_rate * state.get("mean", 0.0) + (1 - decay_rate) * dx if centered else 0.0
    variance = np.maximum(cache - mean**2, 0.0) if centered else cache  # rounding can make it negative
    v = mu * state.get("v", 0.0) + dx / (np.sqrt(variance) + epsilon)
    x = x + -learning_rate * v
    return x, {"cache": cache} | ({"mean": mean} if centered else {}) | ({"v": v} if mu else {})


@elementwise
def adam_incomplete(
    x: Any, dx: Any, state: State, learning_rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-7
) -> tuple[Any, State]:
    """Adam without bias correction: RMSProp with momentum. Its first steps are too long, as v is still near zero."""
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx  # momentum
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * (dx**2)  # RMSProp-like
    x = x + -learning_rate * m / (np.sqrt(v) + epsilon)
    return x, {"m": m, "v": v}


@elementwise
def adam(
    x: Any, dx: Any, state: State, learning_rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-7
) -> tuple[Any, State]:
    """Adam (Kingma and Ba, 2014), with the correction of m and v for their start at zero."""
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * (dx**2)
    mb = m / (1 - beta1**t)  # bias correction
    vb = v / (1 - beta2**t)
    x = x + -learning_rate * mb / (np.sqrt(vb) + epsilon)
    return x, {"t": t, "m": m, "v": v}


@elementwise
def amsgrad(
    x: Any, dx: Any, state: State, learning_rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-7
) -> tuple[Any, State]:
    """Adam with the largest v so far instead of v, so that no number's rate grows again (Reddi et al., 2018)."""
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * (dx**2)
    v_max = np.maximum(state.get("v_max", 0.0), v)
    mb = m / (1 - beta1**t)
    vb = v_max / (1 - beta2**t)
    x = x + -learning_rate * mb / (np.sqrt(vb) + epsilon)
    return x, {"t": t, "m": m, "v": v, "v_max": v_max}


# ---- more rules, in the same symbols ---------------------------------------------------------------------------


@elementwise
def adadelta(
    x: Any, dx: Any, state: State, learning_rate: float = 1.0, decay_rate: float = 0.9, epsilon: float = 1e-6
) -> tuple[Any, State]:
    """Adadelta (Zeiler, 2012): RMSProp whose steps have the size of the last ones, in the units of x.

    The paper has no learning rate: it is 1.
    """
    cache = decay_rate * state.get("cache", 0.0) + (1 - decay_rate) * dx**2
    step = np.sqrt((state.get("steps", 0.0) + epsilon) / (cache + epsilon)) * dx
    steps = decay_rate * state.get("steps", 0.0) + (1 - decay_rate) * step**2
    x = x + -learning_rate * step
    return x, {"cache": cache, "steps": steps}


@elementwise
def adamax(
    x: Any, dx: Any, state: State, learning_rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-7
) -> tuple[Any, State]:
    """AdaMax: Adam with a leaking maximum of abs(dx) instead of the root of squares (Kingma and Ba, 2014, 7.1)."""
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    u = np.maximum(beta2 * state.get("u", 0.0), np.abs(dx) + epsilon)
    mb = m / (1 - beta1**t)
    x = x + -learning_rate * mb / u
    return x, {"t": t, "m": m, "u": u}


@elementwise
def nadam(
    x: Any,
    dx: Any,
    state: State,
    learning_rate: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-7,
    momentum_decay: float = 0.004,
) -> tuple[Any, State]:
    """NAdam (Dozat, 2016): Adam with Nesterov momentum, and a mu that grows with t from beta1 / 2 to beta1."""
    t = state.get("t", 0) + 1
    mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
    mu_product = state.get("mu_product", 1.0) * mu
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * (dx**2)
    mb = mu_next * m / (1 - mu_product * mu_next) + (1 - mu) * dx / (1 - mu_product)
    vb = v / (1 - beta2**t)
    x = x + -learning_rate * mb / (np.sqrt(vb) + epsilon)
    return x, {"t": t, "mu_product": mu_product, "m": m, "v": v}


@elementwise
def radam(
    x: Any, dx: Any, state: State, learning_rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-7
) -> tuple[Any, State]:
    """RAdam (Liu et al., 2020): Adam that makes plain momentum's steps until v has seen enough, then rectified ones.

    rho is how many gradients v averages over; with few, its variance is too large to divide by it.
    """
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * (dx**2)
    mb = m / (1 - beta1**t)
    rho_max = 2 / (1 - beta2) - 1
    rho = rho_max - 2 * t * beta2**t / (1 - beta2**t)
    if rho > 5:
        r = np.sqrt((rho - 4) * (rho - 2) * rho_max / ((rho_max - 4) * (rho_max - 2) * rho))
        mb = mb * float(r * np.sqrt(1 - beta2**t)) / (np.sqrt(v) + epsilon)
    x = x + -learning_rate * mb
    return x, {"t": t, "m": m, "v": v}


@elementwise
def asgd(
    x: Any, dx: Any, state: State, learning_rate: float, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6
) -> tuple[Any, State]:
    """Averaged gradient descent (Polyak and Juditsky, 1992): x with a decaying rate eta; ax is its mean after step t0.

    lambd is a weight decay.
    """
    t = state.get("t", 0) + 1
    eta, mu = state.get("eta", learning_rate), state.get("mu", 1.0)
    x = (1 - lambd * eta) * x - eta * dx
    ax = +x if mu == 1 else state["ax"] + mu * (x - state["ax"])  # + makes a copy
    eta = learning_rate / (1 + lambd * learning_rate * t) ** alpha
    mu = 1 / max(1, t - t0)
    return x, {"t": t, "eta": eta, "mu": mu, "ax": ax}


def rprop(
    x: Any,
    dx: Any,
    state: State,
    learning_rate: float,
    eta_minus: float = 0.5,
    eta_plus: float = 1.2,
    smallest: float = 1e-6,
    largest: float = 50.0,
) -> tuple[Any, State]:
    """Rprop (Riedmiller and Braun, 1993): only the sign of dx counts; each number has its own step size.

    It grows while the sign stays, and shrinks when it changes: then the minimum was jumped over, and this dx is
    forgotten. learning_rate is the first step size. For full batches: noise turns signs.
    """
    same = dx * state.get("dx", 0.0)
    step = state["step"] if "step" in state else np.full_like(x, learning_rate)
    step = np.clip(np.where(same > 0, eta_plus * step, np.where(same < 0, eta_minus * step, step)), smallest, largest)
    dx = np.where(same < 0, 0.0, dx)
    x = x - np.sign(dx) * step
    return x, {"dx": dx, "step": step}


@elementwise
def lion(
    x: Any, dx: Any, state: State, learning_rate: float, beta1: float = 0.9, beta2: float = 0.99
) -> tuple[Any, State]:
    """Lion (Chen et al., 2023): every number moves by the learning rate, in the direction of a momentum's sign.

    The step weighs the new gradient more (beta1) than the m that is kept (beta2). Found by a search among programs.
    """
    m = state.get("m", 0.0)
    x = x + -learning_rate * np.sign(beta1 * m + (1 - beta1) * dx)
    m = beta2 * m + (1 - beta2) * dx
    return x, {"m": m}


def lamb(
    x: Any,
    dx: Any,
    state: State,
    learning_rate: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-6,
    weight_decay: float = 0.0,
) -> tuple[Any, State]:
    """LAMB (You et al., 2020): Adam whose step has the length of x times the learning rate, for very large batches.

    x is one layer's weights or biases. Where it or the step is zero, the step stays Adam's.
    """
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * (dx**2)
    mb = m / (1 - beta1**t)
    vb = v / (1 - beta2**t)
    step = mb / (np.sqrt(vb) + epsilon) + weight_decay * x
    ratio = float(_rms(x)) / float(_rms(step)) if np.any(x) and np.any(step) else 1.0  # of their lengths
    x = x + -learning_rate * ratio * step
    return x, {"t": t, "m": m, "v": v}


def adafactor(
    x: Any,
    dx: Any,
    state: State,
    learning_rate: float,
    beta2_decay: float = -0.8,
    epsilon1: float = 1e-7,
    epsilon2: float = 1e-3,
    d: float = 1.0,
    weight_decay: float = 0.0,
) -> tuple[Any, State]:
    """Adafactor (Shazeer and Stern, 2018): of a matrix' v only the means of rows and columns are kept.

    Their product estimates v. The steps are relative to the size of x, and cut down where larger than d on average.
    """
    t = state.get("t", 0) + 1
    beta2 = 1 - t**beta2_decay
    alpha = max(epsilon2, float(_rms(x))) * min(learning_rate, 1 / t**0.5)

    def leaking_mean(name: str, new: Any) -> Any:
        return beta2 * state.get(name, 0.0) + (1 - beta2) * new

    after: State = {"t": t}
    if np.ndim(x) > 1:
        after["rows"] = rows = leaking_mean("rows", np.mean(dx**2, axis=-1, keepdims=True))
        after["columns"] = columns = leaking_mean("columns", np.mean(dx**2, axis=-2, keepdims=True))
        v = rows @ columns / np.maximum(np.mean(rows, axis=-2, keepdims=True), epsilon1)
    else:
        after["v"] = v = leaking_mean("v", dx**2)
    step = dx / np.sqrt(np.maximum(v, epsilon1**2))
    x = (1 - learning_rate * weight_decay) * x - alpha / max(1.0, float(_rms(step)) / d) * step
    return x, after


def _rms(x: Any) -> Any:
    return np.sqrt(np.mean(x**2))
