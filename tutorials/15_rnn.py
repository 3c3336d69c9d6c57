# %% [markdown]
# # Recurrent networks
#
# The network of the last lesson saw three characters. A recurrent one sees all of them: it reads one after
# the other, and keeps a state of what it has read. The same weights are used at every step, so its graph is
# as long as the text, and the gradient goes back through all of it. This lesson unrolls it, does the backward
# pass by hand, looks at what becomes of the gradient on the way, and builds the LSTM that survives it.
#
# **You will know** what backpropagation through time is (nothing new), why gradients vanish or explode, what
# the gates of an LSTM are for, and how a character model is trained.
#
# Before it: [Names](14_names.py). Run the cells one by one, or all at once:
# `python tutorials/15_rnn.py`. Every number in the text is checked by an `assert` beside it.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import chart, nn, optim
from minigrad.autograd import check_gradient
from minigrad.nn import functional as F

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")
pictures.mkdir(exist_ok=True)

# %% [markdown]
# ## One step, many times
#
# The state h is a vector. Each step makes a new one from the old one and the input:
#
#     h[t] = tanh(x[t] @ Wx + h[t - 1] @ Wh + b)
#
# Here it reads five inputs of three numbers, with a state of four.


# %%
def read(x, Wx, Wh, b):
    """All states of a recurrent network, h[0] to h[T]; h[0] is zero."""
    h = [np.zeros(Wh.shape[0])]
    for t in range(len(x)):
        h.append(np.tanh(x[t] @ Wx + h[-1] @ Wh + b))
    return h


rng = np.random.default_rng(0)
T, D, H = 5, 3, 4
x = rng.standard_normal((T, D))
Wx, Wh, b = rng.standard_normal((D, H)) * 0.5, rng.standard_normal((H, H)) * 0.5, rng.standard_normal(H) * 0.1
h = read(x, Wx, Wh, b)
target = rng.standard_normal(H)
loss = ((h[-1] - target) ** 2).sum()
print(f"{T} steps, a state of {H}, loss {loss:.3f}")

# %% [markdown]
# ## Backpropagation through time
#
# A grand name for what you know. Unroll the loop: there are five layers, which happen to share their weights.
# Go back through them, last step first. The weights are used five times, so their gradients have five
# contributions. It is `+=` again.

# %%
dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
dh = 2 * (h[-1] - target)
for t in reversed(range(T)):
    dz = dh * (1 - h[t + 1] ** 2)
    dWx += np.outer(x[t], dz)
    dWh += np.outer(h[t], dz)
    db += dz
    dh = dz @ Wh.T  # what goes on to the step before


def loss_of(Wx=Wx, Wh=Wh, b=b):
    """The loss of the last state."""
    return ((read(x, Wx, Wh, b)[-1] - target) ** 2).sum()


assert check_gradient(lambda W: loss_of(Wx=W), Wx, dWx)
assert check_gradient(lambda W: loss_of(Wh=W), Wh, dWh)
assert check_gradient(lambda b: loss_of(b=b), b, db)

# %% [markdown]
# ## A question
#
# Here only the last state has a loss. In a model that predicts at every step, each h[t] gets a contribution
# from its own loss too. Where in the loop does it have to be added, and what happens if you forget the `dh`
# that comes from the step after?
#
# <details><summary>Answer</summary>
#
# At the top of the loop body: dh of step t is what came from step t + 1 *plus* the gradient of step t's own
# loss. If you overwrite instead of adding, each step learns only from its own loss; nothing says to an early
# step what would have helped a later one. The loss still falls. The network just has no reason to remember.
#
# </details>

# %%
dWh_forgotten = np.zeros_like(Wh)
for t in reversed(range(T)):
    dh = 2 * (h[t + 1] - target)  # = for +=
    dWh_forgotten += np.outer(h[t], dh * (1 - h[t + 1] ** 2))


def loss_of_all(Wh):
    """The loss of all states."""
    return sum(((s - target) ** 2).sum() for s in read(x, Wx, Wh, b)[1:])


report = check_gradient(loss_of_all, Wh, dWh_forgotten)
print(report)
assert not report

# %% [markdown]
# ## What becomes of the gradient
#
# In each step back, dh is multiplied by tanh' and by Wh.T. After fifty steps that is a product of fifty
# nearly equal factors, and such a product does what powers do: it vanishes, or it explodes. Which one
# depends on the size of Wh.

# %%
curves = {}
for scale in (0.5, 1.0, 2.0):
    rng = np.random.default_rng(1)
    W = rng.standard_normal((32, 32)) / np.sqrt(32) * scale
    h, states = np.zeros(32), []
    for _ in range(50):
        h = np.tanh(h @ W + 0.1 * rng.standard_normal(32))
        states.append(h)
    dh, lengths = rng.standard_normal(32), []
    for h in reversed(states):
        lengths.append(np.linalg.norm(dh))
        dh = (dh * (1 - h**2)) @ W.T
    curves[f"Wh times {scale}"] = np.array(lengths) / lengths[0]
    print(f"Wh times {scale}: after 50 steps back the gradient is {curves[f'Wh times {scale}'][-1]:.1e} of itself")
chart(curves, title="The gradient on its way back", x="steps back", y="length", log_y=True).save(
    pictures / "through_time.svg"
)
assert curves["Wh times 0.5"][-1] < 1e-12 and curves["Wh times 1.0"][-1] < 0.5 and curves["Wh times 2.0"][-1] > 2

# %% [markdown]
# ![Three lines: the smallest weights make the gradient vanish fastest](pictures/through_time.svg)
#
# Against explosion there is a simple remedy, **clipping**: if the gradient is longer than some limit, shorten
# it, and keep its direction. Against vanishing you need another network.
#
# ## The LSTM
#
# It has a second state c, which is *added to* instead of being multiplied by a matrix:
#
#     c[t] = f * c[t - 1] + i * g          f: forget gate, i: input gate, g: what is new
#     h[t] = o * tanh(c[t])                o: output gate
#
# The gates are sigmoids of the input and the old h, between 0 and 1, learned. Where f is 1, the gradient goes
# from c[t] to c[t - 1] unchanged: the sum passes it on. (The residual connections of the next lesson use the
# same trick.)


# %%
def sigmoid(z):
    """1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))


def lstm_step(x, h, c, Wx, Wh, b):
    """One step of an LSTM; the four parts of z are i, f, g and o, in PyTorch's order."""
    i, f, g, o = np.split(x @ Wx + h @ Wh + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


minigrad.manual_seed(0)
cell = nn.LSTMCell(D, H)
Wx4, Wh4 = cell.weight_ih.detach().numpy().T, cell.weight_hh.detach().numpy().T
b4 = (cell.bias_ih + cell.bias_hh).detach().numpy()
h = c = np.zeros(H)
state = None
for t in range(T):
    h, c = lstm_step(x[t], h, c, Wx4, Wh4, b4)
    state = cell(minigrad.tensor(x[t : t + 1], dtype=minigrad.float32), state)
print("h by hand:", h.round(4))
assert np.allclose(h, state[0].detach().numpy()[0], atol=1e-6)

# %% [markdown]
# ## A question
#
# The bias of the forget gate is often set to 1 or 2 at the start. What does that change for the gradient in
# the first steps of training?
#
# <details><summary>Answer</summary>
#
# With a bias of 0 the gate is about sigmoid(0) = 0.5, so c loses half in each step, and the gradient too:
# after 20 steps a millionth is left. sigmoid(2) = 0.88 leaves 8 % after 20 steps. The network can only learn
# to remember over a distance that the gradient crosses at the start.
#
# </details>

# %%
for bias in (0.0, 1.0, 2.0):
    print(f"bias {bias}: gate {sigmoid(bias):.2f}, after 20 steps {sigmoid(bias) ** 20:.1e}")
assert sigmoid(0.0) ** 20 < 1e-6 < 0.07 < sigmoid(2.0) ** 20 < 0.09

# %% [markdown]
# ## A model that reads
#
# Now on text: forty chapters of *Moby-Dick*, character by character. An embedding, an LSTM, and scores for
# the next character at every step.

# %%
book = minigrad.data.text()
text = minigrad.data.Text(book[:120_000], length=32)
V = len(text.vocabulary)


class Reader(nn.Module):
    """Scores for the next character after each character of X, (N, T): (N, T, V), and the state."""

    def __init__(self, width=96):
        super().__init__()
        self.embedding = nn.Embedding(V, 24)
        self.lstm = nn.LSTM(24, width, batch_first=True)
        self.scores = nn.Linear(width, V)

    def forward(self, X, state=None):
        """Read X, beginning with the state."""
        out, state = self.lstm(self.embedding(X), state)
        return self.scores(out), state


minigrad.manual_seed(0)
reader = Reader()
optimizer = optim.Adam(reader.parameters(), lr=6e-3)
losses, steps = [], 400
for step in range(steps):
    optimizer.param_groups[0]["lr"] = 6e-3 * (1 - 0.9 * step / steps)
    X, y = text.sample_data_batch(32)
    scores, _ = reader(minigrad.tensor(X))
    loss = F.cross_entropy(scores.reshape(-1, V), minigrad.tensor(y).reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(reader.parameters(), max_norm=1.0)
    optimizer.step()
    losses.append(loss.item())
    if step % 100 == 99:
        print(f"step {step + 1}: loss {np.mean(losses[-50:]):.2f}, length of the gradient {norm.item():.2f}")
assert losses[0] > 4 and np.mean(losses[-50:]) < 2.2

# %% [markdown]
# To write, it is given the beginning, and then always what it has just written itself. The state goes from
# one call to the next, so each call reads one character.


# %%
def write(prompt, n, temperature=0.6, seed=0):
    """Go on writing from the prompt for n characters."""
    rng = np.random.default_rng(seed)
    codes, state = text.vocabulary.encode(prompt)[None], None
    with minigrad.no_grad():
        for _ in range(n):
            scores, state = reader(minigrad.tensor(codes), state)
            s = scores.numpy()[0, -1] / temperature
            p = np.exp(s - s.max(), dtype=float)
            codes = np.array([[int(rng.choice(V, p=p / p.sum()))]])
            prompt += text.vocabulary.decode(codes)
    return prompt


written = write("The ", 200)
print(written)
assert len(written) == 204 and written.count(" ") > 20

# %% [markdown]
# Words of the right length, some of them real, after a minute of training or less. The next lesson does better.
#
# ## Experiment
#
# Replace `nn.LSTM` by `nn.RNN` (its state is a single array), and train again. Compare the loss, and the
# lengths of the gradients that are printed. Then take the clipping out, and raise the rate until something
# breaks. What breaks first, in which of the two?
#
# ## Exercises
#
# 1. Write the backward pass of `lstm_step` by hand, and check it with `minigrad.check_backward`.
# 2. Truncated backpropagation: stop the loop above after the last two steps. Which gradients are wrong?
#    The cell has it; the checker sees how many steps were taken.

# %%
h = read(x, Wx, Wh, b)
dWh, dh = np.zeros_like(Wh), 2 * (h[-1] - target)
for t in reversed(range(T - 2, T)):  # change this line
    dz = dh * (1 - h[t + 1] ** 2)
    dWh += np.outer(h[t], dz)
    dh = dz @ Wh.T
report = check_gradient(lambda W: loss_of(Wh=W), Wh, dWh)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [Attention and a small GPT](16_gpt.py), which looks back without a state.
