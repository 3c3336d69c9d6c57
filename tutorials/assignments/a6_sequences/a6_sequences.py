# %% [markdown]
# # Sequences
#
# Text, speech and music come one piece after the other, and what a piece means depends on those before it. There are
# two ways to read such a thing. A recurrent network reads from left to right and keeps a state: all of the past,
# squeezed into one vector. Attention keeps everything and looks back. You write what goes backward through both, and
# through the LSTM, which made the first way work; and you build a model that invents names, letter by letter.
#
# You need the backward pass of an affine layer and of softmax, and about three hours. N is the number of sequences in a
# batch, T the number of steps, D the size of an input, H that of the state. `dout` is always the gradient of the loss
# with respect to an output.
#
# The functions called `..._loss` are given: with a fixed `dout`, the number `(out * dout).sum()` is a loss whose
# gradient with respect to `out` is exactly `dout`. The checks use them to explain what is wrong.

# %%
import numpy as np

import minigrad

# %%
# BEGIN TESTS
from minigrad.course import Assignment

assignment = Assignment("Sequences", causes="on request")
# END TESTS

# %% [markdown]
# ## Task 1.1: one step back (2 points)
#
# A recurrent network makes its next state from the input and the state before, with the same weights at every step:
#
#     h[t] = tanh(x[t] @ Wx + h[t - 1] @ Wh + b)
#
# That is an affine layer with two inputs, and a tanh. Given `dout`, the gradient with respect to the new state, return
# five gradients. The derivative of tanh is 1 - tanh**2, so it is made of the *new* state.


# %%
def rnn_step(x, h, Wx, Wh, b):
    """Return the next state: x has shape (N, D), h has shape (N, H)."""
    return np.tanh(x @ Wx + h @ Wh + b)


def rnn_step_loss(x, h, Wx, Wh, b, dout):
    """Given: a loss whose gradient with respect to the next state is dout."""
    return (np.tanh(x @ Wx + h @ Wh + b) * dout).sum()


def rnn_step_backward(x, h, Wx, Wh, b, dout):
    """Return dx, dh, dWx, dWh and db."""
    # BEGIN SOLUTION
    new = rnn_step(x, h, Wx, Wh, b)
    dz = dout * (1 - new**2)
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, h.T @ dz, dz.sum(axis=0)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("1.1", "one step back", points=2)
names = ["dx", "dh", "dWx", "dWh", "db"]


def step_inputs(rng, N=2, D=3, H=3):
    """Draw inputs of a step."""
    return [rng.standard_normal(shape) for shape in [(N, D), (N, H), (D, H), (H, H), (H,), (N, H)]]


task.check(
    rnn_step_backward, step_inputs, name="two sequences", outputs=names, gradient_of=rnn_step_loss, wrt=[0, 1, 2, 3, 4]
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    rnn_step_backward,
    lambda rng: step_inputs(rng, 4, 2, 5),
    name="other sizes",
    outputs=names,
    gradient_of=rnn_step_loss,
    wrt=[0, 1, 2, 3, 4],
)
task.mistake(
    "tanh forgotten",
    "The gradient goes past tanh as if it were not there. Multiply dout by 1 - tanh**2 first.",
    "dz = dout * (1 - new**2)",
    "dz = dout",
    hint="Read the step from the outside in: what is its last operation?",
)
task.mistake(
    "derivative at the old state",
    "1 - tanh**2 is made of the state before. tanh has returned the new one.",
    "dz = dout * (1 - new**2)",
    "dz = dout * (1 - h**2)",
    hint="Whose derivative is it, and what has that function returned?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.2: back through time (4 points)
#
# Unroll the loop, and a recurrent network is a deep one whose layers share their weights. Every state has an output, so
# `dout` has shape (N, T, H). Begin at the last step. The state h[t] is used twice, for the output at t and by the step
# after, so two contributions meet there. The weights are used T times.
#
# Call your function of task 1.1 for each step; the states are those that `rnn` returns.


# %%
def rnn(x, h0, Wx, Wh, b):
    """Return all states, of shape (N, T, H), for inputs of shape (N, T, D) and a first state of shape (N, H)."""
    h, states = h0, []
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, Wx, Wh, b)
        states.append(h)
    return np.stack(states, axis=1)


def rnn_loss(x, h0, Wx, Wh, b, dout):
    """Given: a loss whose gradient with respect to the states is dout."""
    h, loss = h0, 0.0
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ Wx + h @ Wh + b)
        loss = loss + (h * dout[:, t]).sum()
    return loss


def rnn_backward(x, h0, Wx, Wh, b, dout):
    """Return dx, dh0, dWx, dWh and db."""
    # BEGIN SOLUTION
    states = rnn(x, h0, Wx, Wh, b)
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dh = np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        before = states[:, t - 1] if t > 0 else h0
        dx[:, t], dh, dWx_t, dWh_t, db_t = rnn_step_backward(x[:, t], before, Wx, Wh, b, dout[:, t] + dh)
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return dx, dh, dWx, dWh, db
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("1.2", "back through time", points=4, needs=["1.1"])
names = ["dx", "dh0", "dWx", "dWh", "db"]


def sequence_inputs(rng, N=2, T=3, D=3, H=3):
    """Draw inputs of a network."""
    shapes = [(N, T, D), (N, H), (D, H), (H, H), (H,), (N, T, H)]
    return [rng.standard_normal(shape) * 0.7 for shape in shapes]


task.check(
    rnn_backward,
    lambda rng: sequence_inputs(rng, N=1, T=2, D=1, H=2),
    name="two steps",
    outputs=names,
    gradient_of=rnn_loss,
    wrt=[0, 1, 2, 3, 4],
)
task.check(rnn_backward, sequence_inputs, name="three steps", outputs=names, gradient_of=rnn_loss, wrt=[0, 1, 2, 3, 4])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    rnn_backward,
    lambda rng: sequence_inputs(rng, N=3, T=6, D=2, H=4),
    name="six steps",
    outputs=names,
    gradient_of=rnn_loss,
    wrt=[0, 1, 2, 3, 4],
)
task.mistake(
    "later steps forgotten",
    "Each step gets the gradient of its own output only. What comes back from the step after it is to be added.",
    "Wx, Wh, b, dout[:, t] + dh)",
    "Wx, Wh, b, dout[:, t])",
    hint="Who reads h[t]? There are two readers.",
)
task.mistake(
    "outputs forgotten",
    "Only the last output counts: the gradient of each earlier state's own output is to be added to what comes back.",
    "Wx, Wh, b, dout[:, t] + dh)",
    "Wx, Wh, b, dh if t < x.shape[1] - 1 else dout[:, t])",
    hint="Who reads h[t]? There are two readers.",
)
task.mistake(
    "weights of one step",
    "The gradients of the weights are those of one step. The weights are used at every step: add the contributions.",
    "dWx += dWx_t\n        dWh += dWh_t\n        db += db_t",
    "dWx, dWh, db = dWx_t, dWh_t, db_t",
    hint="How many times does the network use Wx?",
)
task.mistake(
    "from first to last",
    "The steps are visited from the first to the last. A step must wait for what comes back from the step after it.",
    "for t in reversed(range(x.shape[1])):",
    "for t in range(x.shape[1]):",
    hint="What must be known before step t can go back?",
)
task.mistake(
    "first state ignored",
    "The first step gets zeros as the state before. It has read h0.",
    "before = states[:, t - 1] if t > 0 else h0",
    "before = states[:, t - 1] if t > 0 else np.zeros_like(h0)",
    hint="Which state does the first step read?",
)
task.mistake(
    "state after for state before",
    "The step gets the state that it made. It needs the one that it read.",
    "before = states[:, t - 1] if t > 0 else h0",
    "before = states[:, t]",
    hint="Which state does step t read?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.3: clip (1 point)
#
# Going back through T steps multiplies the gradient T times by nearly the same matrix, and such products explode or
# vanish. Against explosion there is a simple remedy. Take all gradients together as one long vector. If its length is
# more than `limit`, scale all of them by the same factor so that it is exactly `limit`; the direction stays. If it is
# not, change nothing. Return new arrays.


# %%
def clip(gradients, limit):
    """Return a list of the gradients, scaled down together if they are too long."""
    # BEGIN SOLUTION
    length = np.sqrt(sum((g**2).sum() for g in gradients))
    scale = min(1.0, limit / length) if length > 0 else 1.0
    return [g * scale for g in gradients]
    # END SOLUTION


def clip_two(a, b, limit):
    """Given: clip two arrays."""
    return tuple(clip([a, b], limit))


# %%
# BEGIN TESTS
task = assignment.task("1.3", "clip", points=1)
task.check(
    clip_two, (np.array([1.0, 2.0]), np.array([[2.0]]), 1.0), name="length 3, limit 1", outputs=["first", "second"]
)
task.check(
    clip_two, (np.array([1.0, 2.0]), np.array([[2.0]]), 10.0), name="length 3, limit 10", outputs=["first", "second"]
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    clip_two,
    lambda rng: (rng.standard_normal((3, 2)), rng.standard_normal(4), 0.5),
    name="random gradients",
    outputs=["first", "second"],
)
task.check(clip_two, (np.zeros(2), np.zeros(1), 1.0), name="zeros", outputs=["first", "second"])
task.mistake(
    "one by one",
    "Each array is clipped by its own length, which changes the direction of the whole. Compute one length of all.",
    "return [g * scale for g in gradients]",
    "return [g * min(1.0, limit / max(np.sqrt((g**2).sum()), 1e-300)) for g in gradients]",
    hint="What is the length of (1, 2, 2)?",
)
task.mistake(
    "also made longer",
    "A gradient that is shorter than the limit is made longer. Leave it as it is.",
    "scale = min(1.0, limit / length)",
    "scale = limit / length",
    hint="What happens to a short gradient?",
)
task.mistake(
    "element by element",
    "Each number is cut at the limit. That changes the direction; scale all numbers by one factor.",
    "return [g * scale for g in gradients]",
    "return [np.clip(g, -limit, limit) for g in gradients]",
    hint="Do the numbers keep their ratios?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 2: the LSTM, one step back (4 points)
#
# Against vanishing, clipping does not help. The LSTM has a second state `c` that is not multiplied by a matrix; it is
# kept in part, and added to:
#
#     i, f, o = sigmoid of three parts of z      g = tanh of the fourth      z = x @ Wx + h @ Wh + b
#     c_new = f * c + i * g                      h_new = o * tanh(c_new)
#
# The parts of z have PyTorch's order, i, f, g, o, each H wide. The forward step is given. Note that `c_new` is used
# twice: it is an output, and `h_new` is made of it. Go back line by line; `np.concatenate(..., axis=1)` puts four parts
# together. The derivative of a sigmoid s is s * (1 - s).


# %%
def sigmoid(z):
    """Return 1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))


def lstm_step(x, h, c, Wx, Wh, b):
    """Return the new h and c, of shape (N, H)."""
    i, f, g, o = np.split(x @ Wx + h @ Wh + b, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def lstm_step_loss(x, h, c, Wx, Wh, b, dh_new, dc_new):
    """Given: a loss whose gradients with respect to the new h and c, as outputs, are dh_new and dc_new."""
    H = h.shape[1]
    z = x @ Wx + h @ Wh + b
    i = 1 / (1 + np.exp(-z[:, :H]))
    f = 1 / (1 + np.exp(-z[:, H : 2 * H]))
    g = np.tanh(z[:, 2 * H : 3 * H])
    o = 1 / (1 + np.exp(-z[:, 3 * H :]))
    c_new = f * c + i * g
    h_new = o * np.tanh(c_new)
    return (h_new * dh_new).sum() + (c_new * dc_new).sum()


def lstm_step_backward(x, h, c, Wx, Wh, b, dh_new, dc_new):
    """Return dx, dh, dc, dWx, dWh and db."""
    # BEGIN SOLUTION
    z_i, z_f, z_g, z_o = np.split(x @ Wx + h @ Wh + b, 4, axis=1)
    i, f, g, o = sigmoid(z_i), sigmoid(z_f), np.tanh(z_g), sigmoid(z_o)
    t = np.tanh(f * c + i * g)
    dc_total = dc_new + dh_new * o * (1 - t**2)
    dz_i = dc_total * g * i * (1 - i)
    dz_f = dc_total * c * f * (1 - f)
    dz_g = dc_total * i * (1 - g**2)
    dz_o = dh_new * t * o * (1 - o)
    dz = np.concatenate([dz_i, dz_f, dz_g, dz_o], axis=1)
    return dz @ Wx.T, dz @ Wh.T, dc_total * f, x.T @ dz, h.T @ dz, dz.sum(axis=0)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("2", "the LSTM, one step back", points=4)
names = ["dx", "dh", "dc", "dWx", "dWh", "db"]


def lstm_inputs(rng, N=2, D=2, H=2):
    """Draw inputs of a step."""
    shapes = [(N, D), (N, H), (N, H), (D, 4 * H), (H, 4 * H), (4 * H,), (N, H), (N, H)]
    return [rng.standard_normal(shape) for shape in shapes]


task.check(
    lstm_step_backward,
    lambda rng: lstm_inputs(rng, N=1, D=2, H=2),
    name="one sequence",
    outputs=names,
    gradient_of=lstm_step_loss,
    wrt=[0, 1, 2, 3, 4, 5],
)
task.check(
    lstm_step_backward,
    lstm_inputs,
    name="two sequences",
    outputs=names,
    gradient_of=lstm_step_loss,
    wrt=[0, 1, 2, 3, 4, 5],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    lstm_step_backward,
    lambda rng: lstm_inputs(rng, N=3, D=2, H=4),
    name="other sizes",
    outputs=names,
    gradient_of=lstm_step_loss,
    wrt=[0, 1, 2, 3, 4, 5],
)
task.mistake(
    "c as an output forgotten",
    "What comes back to c_new as the second output, dc_new, is not used.",
    "dc_total = dc_new + dh_new * o * (1 - t**2)",
    "dc_total = dh_new * o * (1 - t**2)",
    hint="Which argument is not used?",
)
task.mistake(
    "h not brought back to c",
    "h_new is made of c_new, and that contribution to c_new is missing.",
    "dc_total = dc_new + dh_new * o * (1 - t**2)",
    "dc_total = dc_new",
    hint="c_new is used twice. Where?",
)
task.mistake(
    "output gate forgotten",
    "From h_new to c_new, the gradient passes the output gate: multiply by o.",
    "dc_total = dc_new + dh_new * o * (1 - t**2)",
    "dc_total = dc_new + dh_new * (1 - t**2)",
    hint="h_new is a product of two factors. What goes back to the second?",
)
task.mistake(
    "tanh of c forgotten",
    "From h_new to c_new, the gradient passes a tanh: multiply by 1 - tanh(c_new)**2.",
    "dc_total = dc_new + dh_new * o * (1 - t**2)",
    "dc_total = dc_new + dh_new * o",
    hint="Which function lies between c_new and h_new?",
)
task.mistake(
    "forget gate forgotten",
    "What goes back to c is multiplied by the forget gate.",
    "dz @ Wh.T, dc_total * f, x.T @ dz",
    "dz @ Wh.T, dc_total, x.T @ dz",
    hint="By what is c multiplied in the forward step?",
)
task.mistake(
    "new c in the forget gate",
    "The forget gate multiplies the c before, not the new one.",
    "dz_f = dc_total * c * f * (1 - f)",
    "dz_f = dc_total * (f * c + i * g) * f * (1 - f)",
    hint="By what is f multiplied in the forward step?",
)
task.mistake(
    "parts in another order",
    "The third and the fourth part of dz are swapped. The parts of z are i, f, g, o.",
    "np.concatenate([dz_i, dz_f, dz_g, dz_o], axis=1)",
    "np.concatenate([dz_i, dz_f, dz_o, dz_g], axis=1)",
    hint="In which order does the forward step split z?",
)
task.mistake(
    "sigmoid for the tanh of g",
    "g is a tanh, but it is differentiated as a sigmoid. Its derivative is 1 - g**2.",
    "dz_g = dc_total * i * (1 - g**2)",
    "dz_g = dc_total * i * g * (1 - g)",
    hint="Three of the four parts are sigmoids. Which one is not?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 3.1: attention (2 points)
#
# Each position makes three vectors of d numbers: a query, what it looks for; a key, by which it is found; a value, what
# it gives. `q`, `k` and `v` have shape (T, d). The score of position j for position i is the dot product of i's query
# and j's key, divided by sqrt(d). Softmax over j makes weights of the scores, and the output of i is the weighted sum
# of the values.
#
# If `causal`, position i must not look at positions after it. Make those scores minus infinity *before* the softmax:
# then exp gives 0, and the others still add up to 1.
#
# Return the output and the weights.


# %%
def softmax(scores):
    """Return the softmax of each row."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(q, k, v, causal):
    """Return the output, of shape (T, d), and the weights, of shape (T, T)."""
    # BEGIN SOLUTION
    scores = q @ k.T / np.sqrt(q.shape[1])
    if causal:
        past = np.tril(np.ones(scores.shape, dtype=bool))
        scores = np.where(past, scores, -np.inf)
    weights = softmax(scores)
    return weights @ v, weights
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("3.1", "attention", points=2)
names = ["output", "weights"]
by_hand = (
    np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]),
    np.eye(3)[:, :2],
    np.array([[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]),
)
task.check(attention, (*by_hand, False), name="three positions", outputs=names)
task.check(attention, (*by_hand, True), name="three positions, causal", outputs=names)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    attention,
    lambda rng: (*(rng.standard_normal((5, 4)) for _ in range(3)), True),
    name="five positions, causal",
    outputs=names,
)
task.mistake(
    "not scaled",
    "The scores are not divided by sqrt(d).",
    "scores = q @ k.T / np.sqrt(q.shape[1])",
    "scores = q @ k.T",
    hint="Compare your scores with the text.",
)
task.mistake(
    "scaled by d",
    "The scores are divided by d, not by its square root.",
    "scores = q @ k.T / np.sqrt(q.shape[1])",
    "scores = q @ k.T / q.shape[1]",
    hint="A sum of d products of variance 1 has the variance d. What is its standard deviation?",
)
task.mistake(
    "queries and keys swapped",
    "The scores are transposed: row i must hold the scores of query i, one for each key.",
    "scores = q @ k.T / np.sqrt(q.shape[1])",
    "scores = k @ q.T / np.sqrt(q.shape[1])",
    hint="In a row of scores, what changes from one number to the next: the query or the key?",
)
task.mistake(
    "masked after the softmax",
    "The weights of the future are set to 0 after the softmax, so the others no longer add up to 1.",
    """
    weights = softmax(scores)
    return weights @ v, weights
    """,
    """
    weights = softmax(q @ k.T / np.sqrt(q.shape[1]))
    weights = np.tril(weights) if causal else weights
    return weights @ v, weights
    """,
    hint="What do the weights of one row add up to?",
)
task.mistake(
    "masked by zero",
    "The scores of the future are 0, and exp(0) is 1: they still get weight. Use minus infinity.",
    "np.where(past, scores, -np.inf)",
    "np.where(past, scores, 0.0)",
    hint="What is exp(0)?",
)
task.mistake(
    "looks ahead",
    "The past is hidden and the future is seen. Position i may look at positions 0 to i.",
    "past = np.tril(np.ones(scores.shape, dtype=bool))",
    "past = np.triu(np.ones(scores.shape, dtype=bool))",
    hint="Which weights may the first position have?",
)
task.mistake(
    "cannot see itself",
    "A position does not see itself. The first one sees nothing then, and gets nan.",
    "past = np.tril(np.ones(scores.shape, dtype=bool))",
    "past = np.tril(np.ones(scores.shape, dtype=bool), -1)",
    hint="What is left for the first position to look at?",
)
task.mistake(
    "softmax over the queries",
    "The weights add up to 1 in the columns, over the positions that look. Each row, one position that looks, must add "
    "up to 1.",
    "weights = softmax(scores)",
    "weights = softmax(scores.T).T",
    hint="What do the weights of one row add up to?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 3.2: attention, backward (4 points)
#
# Three products and a softmax. For one row, with weights `a` and the gradient `da` that arrives at them, what goes back
# through the softmax is `a * (da - (da * a).sum())`; derive it, if you have not yet. A weight of 0 sends nothing back,
# so the mask needs no care. Causal.


# %%
def attention_loss(q, k, v, dout):
    """Given: a loss whose gradient with respect to the output of causal attention is dout."""
    T, d = q.shape
    seen = np.arange(T)[:, None] >= np.arange(T)
    e = np.exp(q @ k.T / np.sqrt(d)) * seen
    a = e / e.sum(axis=1, keepdims=True)
    return ((a @ v) * dout).sum()


def attention_backward(q, k, v, dout):
    """Return dq, dk and dv."""
    # BEGIN SOLUTION
    _, a = attention(q, k, v, True)
    da = dout @ v.T
    dscores = a * (da - (da * a).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
    return dscores @ k, dscores.T @ q, a.T @ dout
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("3.2", "attention, backward", points=4, needs=["3.1"])
names = ["dq", "dk", "dv"]
task.check(
    attention_backward,
    lambda rng: [rng.standard_normal((3, 3)) for _ in range(4)],
    name="three positions",
    outputs=names,
    gradient_of=attention_loss,
    wrt=[0, 1, 2],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    attention_backward,
    lambda rng: [rng.standard_normal((5, 2)) for _ in range(4)],
    name="five positions",
    outputs=names,
    gradient_of=attention_loss,
    wrt=[0, 1, 2],
)
task.mistake(
    "softmax without its sum",
    "In the softmax each number is used on top of its own fraction and in the sum below all of them. The second "
    "contribution is missing.",
    "dscores = a * (da - (da * a).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])",
    "dscores = a * da / np.sqrt(q.shape[1])",
    hint="What do the gradients of the scores of one row add up to, and what must they?",
)
task.mistake(
    "scale forgotten",
    "The scores were divided by sqrt(d). What goes back is, too.",
    "dscores = a * (da - (da * a).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])",
    "dscores = a * (da - (da * a).sum(axis=1, keepdims=True))",
    hint="Look at the size of dq and dk.",
)
task.mistake(
    "weights that see the future",
    "The weights are those of attention without the mask. Here it is causal.",
    "_, a = attention(q, k, v, True)",
    "_, a = attention(q, k, v, False)",
    hint="Which weights did the forward pass use?",
)
task.mistake(
    "keys not transposed",
    "dk sums over the keys. Key j is used by all queries: sum over those, with dscores transposed.",
    "dscores.T @ q",
    "dscores @ q",
    hint="Over which positions must dk sum: those that look, or those that are looked at?",
)
task.mistake(
    "values not transposed",
    "dv sums over the values. Value j is used by all queries: sum over those, with the weights transposed.",
    "a.T @ dout",
    "a @ dout",
    hint="With causal weights, where can the last value go?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 3.3: many heads (2 points)
#
# One head looks at one thing. So the `width` numbers of `q`, `k` and `v` are cut into `heads` equal parts, side by
# side: the first head gets the first width / heads columns, and so on. Each head attends on its own, causally, and the
# outputs are put side by side again. Use `attention`.


# %%
def many_heads(q, k, v, heads):
    """Return the output, of shape (T, width)."""
    # BEGIN SOLUTION
    parts = zip(*(np.split(array, heads, axis=1) for array in (q, k, v)))
    return np.concatenate([attention(*each, True)[0] for each in parts], axis=1)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("3.3", "many heads", points=2, needs=["3.1"])
task.check(many_heads, lambda rng: (*(rng.standard_normal((3, 4)) for _ in range(3)), 2), name="two heads of two")
# END TESTS
# BEGIN HIDDEN TESTS
task.check(many_heads, lambda rng: (*(rng.standard_normal((4, 6)) for _ in range(3)), 3), name="three heads of two")
task.mistake(
    "columns dealt out like cards",
    "Head 0 gets every other column. It should get the first columns side by side.",
    """
    parts = zip(*(np.split(array, heads, axis=1) for array in (q, k, v)))
    return np.concatenate([attention(*each, True)[0] for each in parts], axis=1)
    """,
    """
    out = np.zeros_like(v)
    for head in range(heads):
        out[:, head::heads] = attention(q[:, head::heads], k[:, head::heads], v[:, head::heads], True)[0]
    return out
    """,
    hint="Which columns does the first head get?",
)
task.mistake(
    "one large head",
    "All columns attend together: the number of heads is not used.",
    """
    parts = zip(*(np.split(array, heads, axis=1) for array in (q, k, v)))
    return np.concatenate([attention(*each, True)[0] for each in parts], axis=1)
    """,
    "return attention(q, k, v, True)[0]",
    hint="Which argument is not used?",
)
task.mistake(
    "heads look ahead",
    "The heads see the future. They must be causal.",
    "attention(*each, True)[0]",
    "attention(*each, False)[0]",
    hint="Change the last position: may the first output change?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 4.1: a name as numbers (1 point)
#
# Now a model of names. It reads a name letter by letter and guesses, at every step, what comes next. The letters have
# the numbers 1 to 26. The number 0 is a full stop, which stands before the first letter and after the last one, so the
# model also learns how names begin and end. For the name `ada` the model reads `.ada` and should guess `ada.`.
#
# Return `x`, of shape (T, 27), with a row of zeros and a single 1 for each letter that is read, and `y`, the T numbers
# that should be guessed.


# %%
LETTERS = ".abcdefghijklmnopqrstuvwxyz"


def example(name):
    """Return x and y of a name, a str of the letters a to z."""
    # BEGIN SOLUTION
    numbers = [LETTERS.index(letter) for letter in name]
    return np.eye(27)[[0, *numbers]], np.array([*numbers, 0])
    # END SOLUTION


def example_of(number):
    """Given: the example of a name in the list of names."""
    return example(minigrad.data.names()[number])


# %%
# BEGIN TESTS
task = assignment.task("4.1", "a name as numbers", points=1)
task.check(example_of, (13,), name="one name", outputs=["x", "y"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(example_of, (5000,), name="another name", outputs=["x", "y"])
task.mistake(
    "guesses what it reads",
    "x and y are the same letters: the model would learn to repeat what it has just read. y is one letter ahead.",
    "np.array([*numbers, 0])",
    "np.array([0, *numbers])",
    hint="What does the model read when it should guess the first letter?",
)
task.mistake(
    "no end",
    "The full stop after the last letter is missing, so the model cannot learn to end a name.",
    "return np.eye(27)[[0, *numbers]], np.array([*numbers, 0])",
    "return np.eye(27)[[0, *numbers[:-1]]], np.array(numbers)",
    hint="How many guesses does a name of three letters make?",
)
task.mistake(
    "letters from 0",
    "The letter a has the number 0, but that is the full stop.",
    "[LETTERS.index(letter) for letter in name]",
    "[ord(letter) - ord('a') for letter in name]",
    hint="Which number has the letter a?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 4.2: its loss and gradients (3 points)
#
# The model: the recurrent network of task 1, beginning with a state of zeros; then scores, `states @ Wo + bo`, of shape
# (T, V) for V symbols; then softmax. The loss is the *mean* over the T guesses of minus the log of the probability of
# the right symbol. `rnn` and your `rnn_backward` want a batch: `x[None]` is a batch of one.


# %%
def letters_loss(x, y, Wx, Wh, b, Wo, bo):
    """Given: the loss as a formula."""
    h, total = np.zeros(b.shape[0]), 0.0
    for t in range(len(y)):
        h = np.tanh(x[t] @ Wx + h @ Wh + b)
        s = h @ Wo + bo
        total = total + np.log(np.exp(s).sum()) - s[y[t]]
    return total / len(y)


def model(x, y, Wx, Wh, b, Wo, bo):
    """Return the loss, dWx, dWh, db, dWo and dbo."""
    # BEGIN SOLUTION
    start = np.zeros((1, len(b)))
    states = rnn(x[None], start, Wx, Wh, b)[0]
    p = softmax(states @ Wo + bo)
    steps = np.arange(len(y))
    loss = -np.log(p[steps, y]).mean()
    dscores = p.copy()
    dscores[steps, y] -= 1
    dscores /= len(y)
    dstates = dscores @ Wo.T
    _, _, dWx, dWh, db = rnn_backward(x[None], start, Wx, Wh, b, dstates[None])
    return loss, dWx, dWh, db, states.T @ dscores, dscores.sum(axis=0)
    # END SOLUTION


def model_gradients(x, y, Wx, Wh, b, Wo, bo):
    """Given: the gradients alone."""
    return model(x, y, Wx, Wh, b, Wo, bo)[1:]


def model_loss(x, y, Wx, Wh, b, Wo, bo):
    """Given: the loss alone."""
    return model(x, y, Wx, Wh, b, Wo, bo)[0]


# %%
# BEGIN TESTS
task = assignment.task("4.2", "its loss and gradients", points=3, needs=["1.1", "1.2"])
names = ["dWx", "dWh", "db", "dWo", "dbo"]


def model_inputs(rng, T=3, V=4, H=3):
    """Draw a text and weights."""
    text = rng.integers(0, V, T + 1)
    weights = [rng.standard_normal(shape) for shape in [(V, H), (H, H), (H,), (H, V), (V,)]]
    return np.eye(V)[text[:-1]], text[1:], *weights


task.check(model_loss, model_inputs, name="loss of three letters", outputs=["loss"])
task.check(
    model_gradients,
    model_inputs,
    name="gradients of three letters",
    outputs=names,
    gradient_of=letters_loss,
    wrt=[2, 3, 4, 5, 6],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    model_gradients,
    lambda rng: model_inputs(rng, T=6, V=5, H=4),
    name="your own letters",
    outputs=names,
    gradient_of=letters_loss,
    wrt=[2, 3, 4, 5, 6],
    personal=True,
)
task.mistake(
    "gradient of a sum",
    "The loss is a mean over the guesses, so the gradient is divided by their number, too.",
    "dscores /= len(y)",
    "pass",
    hint="The numbers have the right direction. Look at their size.",
)
task.mistake(
    "probabilities handed down",
    "The states get the probabilities times Wo.T. They must get the gradient of the scores times Wo.T.",
    "dstates = dscores @ Wo.T",
    "dstates = p @ Wo.T",
    hint="What goes back through states @ Wo?",
)
task.mistake(
    "right symbol not subtracted",
    "At the right symbol 1 is subtracted from its probability.",
    "dscores[steps, y] -= 1",
    "",
    hint="Raise the right score a little: does the loss grow or fall? And what does your gradient say?",
)
task.mistake(
    "sum for mean",
    "The losses of the guesses are added up. Take their mean.",
    "-np.log(p[steps, y]).mean()",
    "-np.log(p[steps, y]).sum()",
    hint="Is your loss larger for longer names?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 4.3: let it speak (2 points)
#
# Begin with a state of zeros and read the full stop, symbol 0. Draw the next symbol from the probabilities, read it,
# draw the next one, and so on. Stop at a full stop, which is not part of the name, or when `u` is used up.
#
# `u` holds random numbers between 0 and 1, one for each draw. Add up the probabilities from symbol 0 on, and choose the
# first symbol at which the sum is more than the number. So a symbol of probability 0.3 is chosen 30 % of the time.


# %%
def speak(Wx, Wh, b, Wo, bo, u):
    """Return the numbers of the symbols, an array of at most len(u) integers."""
    # BEGIN SOLUTION
    h, symbol, name = np.zeros(len(b)), 0, []
    for number in u:
        h = rnn_step(np.eye(len(Wx))[symbol], h, Wx, Wh, b)
        sums = np.cumsum(softmax(h @ Wo + bo))
        symbol = min(int(np.searchsorted(sums, number, side="right")), len(sums) - 1)
        if symbol == 0:
            break
        name.append(symbol)
    return np.array(name, dtype=int)
    # END SOLUTION


def train_on_names(steps=10000, hidden=64, seed=0):
    """Given: train your model on names, print its loss now and then, and some names that it invents."""
    rng = np.random.default_rng(seed)
    names = minigrad.data.names()
    shapes = [(27, hidden), (hidden, hidden), (hidden,), (hidden, 27), (27,)]
    weights = [rng.standard_normal(shape) * (0.1 if len(shape) == 2 else 0.0) for shape in shapes]
    squares = [np.zeros(shape) for shape in shapes]
    mean = np.log(27)
    for step in range(steps + 1):
        loss, *gradients = model(*example(names[rng.integers(len(names))]), *weights)
        for weight, gradient, square in zip(weights, clip(gradients, 5.0), squares):
            square += gradient**2
            weight -= 0.05 * gradient / (np.sqrt(square) + 1e-8)  # AdaGrad
        mean += 0.002 * (loss - mean)
        if step % 2000 == 0:
            invented = ["".join(LETTERS[i] for i in speak(*weights, rng.random(20))) for _ in range(5)]
            print(f"step {step:5}, loss {mean:.2f}:", " ".join(invented))


# %%
# BEGIN TESTS
task = assignment.task("4.3", "let it speak", points=2)


def speakers(rng, V=5, H=4, most=8, stop=-2.0):
    """Draw weights and random numbers; the full stop gets the bias `stop`."""
    weights = [2 * rng.standard_normal(shape) for shape in [(V, H), (H, H), (H,), (H, V), (V,)]]
    weights[4][0] = stop
    return *weights, rng.random(most)


task.check(speak, lambda rng: speakers(rng, 6, 4, 12), name="twelve draws", outputs=["symbols"])
task.check(speak, lambda rng: speakers(rng, most=20, stop=0.0), name="a full stop", outputs=["symbols"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(speak, lambda rng: speakers(rng, 6, 3, 30, -1.0), name="thirty draws", outputs=["symbols"])
task.mistake(
    "always the likeliest",
    "The likeliest symbol is taken each time, so the model says one name for ever. Draw.",
    'symbol = min(int(np.searchsorted(sums, number, side="right")), len(sums) - 1)',
    "symbol = int(softmax(h @ Wo + bo).argmax())",
    hint="Which argument is not used?",
)
task.mistake(
    "one symbol too far",
    "The symbol after the right one is chosen: choose the first at which the sum of probabilities is more than u.",
    'symbol = min(int(np.searchsorted(sums, number, side="right")), len(sums) - 1)',
    'symbol = min(int(np.searchsorted(sums, number, side="right")) + 1, len(sums) - 1)',
    hint="With probabilities 0.3 and 0.7, which symbol belongs to the number 0.1?",
)
task.mistake(
    "no memory",
    "The state begins anew with each symbol. Keep it from step to step.",
    "h = rnn_step(np.eye(len(Wx))[symbol], h, Wx, Wh, b)",
    "h = rnn_step(np.eye(len(Wx))[symbol], np.zeros(len(b)), Wx, Wh, b)",
    hint="What does the model know of the letters before the last?",
)
task.mistake(
    "reads only full stops",
    "The model reads a full stop at every step. It must read the symbol that it has drawn.",
    "np.eye(len(Wx))[symbol], h, Wx",
    "np.eye(len(Wx))[0], h, Wx",
    hint="What does the second step read?",
)
task.mistake(
    "does not stop",
    "The name goes on after a full stop. End it there.",
    "if symbol == 0:\n            break",
    "if symbol == 0:\n            continue",
    hint="How do your names end?",
)
# END HIDDEN TESTS

# %% [markdown]
# When all is green, run `train_on_names()`, which takes about a minute. At step 0 it babbles. Look at what it has found
# out about English names at the end, and count how many of its inventions you have heard before.
#
# ## Task 5: in your words (2 points)
#
# Going back through 50 steps, the gradient of a plain recurrent network usually vanishes, while that of an LSTM's `c`
# can survive. What is the gradient multiplied by at each step in the one and in the other? And why are the biases of
# the forget gates often set to 1 or 2 at the start? Three or four sentences.

# %% [markdown]
# BEGIN SOLUTION
# In the plain network it is multiplied by the transposed Wh and by 1 - tanh**2, which is at most 1, so it shrinks like
# a power unless Wh is large. Along c it is multiplied by the forget gate only, element by element, and a gate near 1
# passes it on. With a bias of 0 the gate begins at 0.5, and 0.5**50 is nothing; with 2 it begins at 0.88.
# END SOLUTION

# %%
# BEGIN TESTS
task = assignment.task("5", "in your words", points=2)
task.rubric(
    "Why does the gradient survive in an LSTM?",
    {"a matrix and tanh' in the one, the forget gate in the other": 1, "a gate near 1 at the start passes it on": 1},
    samples=["Each step multiplies by Wh and tanh', but c only by f; a bias of 2 makes f 0.88 instead of 0.5."],
)
# END TESTS
