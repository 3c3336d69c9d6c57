"""The update rules, in the lecture's lines and symbols. Source: CS231n, lecture "Parameter updates".

Each is a pure function of (x, dx, state, learning_rate, …) that gives the new x and the new state. x and dx are arrays
of one shape, or numbers; the state is a dictionary under the lecture's names, and empty at the start:

>>> x, state = 1.0, {}
>>> for _ in range(3):
...     dx = 2 * x  # the gradient of x**2
...     x, state = momentum(x, dx, state, learning_rate=0.1, mu=0.5)
>>> round(x, 6)
0.302

In float64 they give the same bits as the lecture's lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np

State = dict[str, Any]


def sgd(x: Any, dx: Any, state: State, learning_rate: float) -> tuple[Any, State]:
    """Gradient descent ("vanilla SGD")."""
    x = x + -learning_rate * dx
    return x, state


def momentum(x: Any, dx: Any, state: State, learning_rate: float, mu: float = 0.9) -> tuple[Any, State]:
    """Momentum: a ball that rolls down the loss surface; mu is its friction, usually 0.5, 0.9 or 0.99.

    The velocity contains the learning rate. PyTorch's does not (`momentum_pytorch`); the two make the same steps
    for as long as the learning rate is constant. When it decays, this velocity still carries the older, larger steps.
    """
    v = mu * state.get("v", 0.0) - learning_rate * dx  # integrate velocity
    x = x + v  # integrate position
    return x, {"v": v}


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


def adagrad(x: Any, dx: Any, state: State, learning_rate: float, epsilon: float = 1e-7) -> tuple[Any, State]:
    """AdaGrad (Duchi et al., 2011): element-wise scaling by the historical sum of squares in each dimension.

    The sum only grows, so the steps shrink towards zero.
    """
    cache = state.get("cache", 0.0) + dx**2
    x = x + -learning_rate * dx / (np.sqrt(cache) + epsilon)
    return x, {"cache": cache}


def rmsprop(
    x: Any, dx: Any, state: State, learning_rate: float, decay_rate: float = 0.99, epsilon: float = 1e-7
) -> tuple[Any, State]:
    """RMSProp (Tieleman and Hinton, 2012): AdaGrad with a sum that leaks, so that the steps do not die."""
    cache = decay_rate * state.get("cache", 0.0) + (1 - decay_rate) * dx**2
    x = x + -learning_rate * dx / (np.sqrt(cache) + epsilon)
    return x, {"cache": cache}


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
    variance = np.maximum(cache - mean**2, 0.0)  # rounding can make it negative
    v = mu * state.get("v", 0.0) + dx / (np.sqrt(variance) + epsilon)
    x = x + -learning_rate * v
    return x, {"cache": cache} | ({"mean": mean} if centered else {}) | ({"v": v} if mu else {})


def adam_incomplete(
    x: Any, dx: Any, state: State, learning_rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-7
) -> tuple[Any, State]:
    """Adam without bias correction: RMSProp with momentum. Its first steps are too long, as v is still near zero."""
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx  # momentum
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * (dx**2)  # RMSProp-like
    x = x + -learning_rate * m / (np.sqrt(v) + epsilon)
    return x, {"m": m, "v": v}


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


def amsgrad(
    x: Any, dx: Any, state: State, learning_rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-7
) -> tuple[Any, State]:
    """Adam with the largest v so far in v's place, so that no step grows again (Reddi et al., 2018)."""
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0.0) + (1 - beta1) * dx
    v = beta2 * state.get("v", 0.0) + (1 - beta2) * (dx**2)
    v_max = np.maximum(state.get("v_max", 0.0), v)
    mb = m / (1 - beta1**t)
    vb = v_max / (1 - beta2**t)
    x = x + -learning_rate * mb / (np.sqrt(vb) + epsilon)
    return x, {"t": t, "m": m, "v": v, "v_max": v_max}
