# %% [markdown]
# # Attention and a small GPT
#
# An LSTM carries what it has read in a state of fixed size, step by step. Attention drops the state: at
# each position it looks back at everything that came before and takes what it needs. The model that is
# built from it, the transformer, is behind today's language models. In this lesson you build one, a GPT (generative
# pre-trained transformer) with 112,000 parameters, and train it on forty chapters of *Moby-Dick* in under two minutes.
#
# **You will know** what queries, keys and values are, why scores are divided by sqrt(d), how the mask
# keeps a model from reading the future, and what each part of a transformer block is for.
#
# Before it: [Recurrent networks](15_rnn.py). Run the cells one by one, or all at once:
# `python tutorials/16_gpt.py`. Every number in the text is checked by an `assert` beside it.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import nn, optim
from minigrad.autograd import check_gradient
from minigrad.course.lessons import show
from minigrad.nn import functional as F

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")


# %% [markdown]
# ## The task
#
# The model reads characters and predicts the next one, at every position. A sample is a window of the
# text, and the target is the same window moved by one.

# %%
length = 32
text = minigrad.data.Text(minigrad.data.text(), length)
train, held_out = text.split(0.9)
vocabulary = text.vocabulary
V = len(vocabulary)
X, y = train.sample_data_batch(2)
print(f"{len(text.numbers):,} characters, {V} distinct ones")
print(repr(vocabulary.decode(X[0])), "->", repr(vocabulary.decode(y[0])))
assert V == 78 and X.shape == y.shape == (2, 32) and (X[:, 1:] == y[:, :-1]).all()

# %% [markdown]
# Two numbers to compare with. A model that knows nothing has the loss log(78), about 4.36. A table that
# says how often each character follows each other one, counted on the training part, has about 2.55 on
# the part that was held out. To do better, a model must look further back than one character.

# %%
counts = np.full((V, V), 0.1)
np.add.at(counts, (train.numbers[:-1], train.numbers[1:]), 1)
p = counts / counts.sum(axis=1, keepdims=True)
bigram = -np.log(p[held_out.numbers[:-1], held_out.numbers[1:]]).mean()
print(f"log({V}) = {np.log(V):.2f}, pairs of characters: {bigram:.2f}")
assert 4.35 < np.log(V) < 4.36 and 2.5 < bigram < 2.6

# %% [markdown]
# ## To look back, multiply by a triangle
#
# The simplest summary of the past is its mean. At position t, average the vectors of positions 0 to t.
# Written as a loop, that is slow. Written as a matrix, it is a product with a lower triangle of weights
# that add up to 1 in each row.

# %%
rng = np.random.default_rng(0)
T, d = 5, 4
x = rng.standard_normal((T, d))  # five positions, a vector of four numbers each

loop = np.array([x[: t + 1].mean(axis=0) for t in range(T)])
triangle = np.tril(np.ones((T, T)))
weights = triangle / triangle.sum(axis=1, keepdims=True)
print(weights.round(2))
assert np.allclose(weights @ x, loop)

# %% [markdown]
# A third way to get the same weights: begin with scores of 0, write minus infinity where the future
# would be, and take the softmax of each row. exp(-inf) is 0, so the future gets no weight.

# %%
scores = np.where(triangle == 1, 0.0, -np.inf)
e = np.exp(scores)
assert np.allclose(e / e.sum(axis=1, keepdims=True), weights)

# %% [markdown]
# The mean treats all of the past alike. But the scores need not be 0. If they depend on what stands at
# the two positions, each position can choose where to look. That is attention.
#
# ## Queries, keys, values
#
# Each position makes three vectors from its own, with three matrices: a **query**, what it looks for; a
# **key**, what it offers to be found by; a **value**, what it gives if it is found. The score of position
# j for position i is the dot product of i's query with j's key.


# %%
def attention(x, Wq, Wk, Wv):
    """One head of causal self-attention on x, (T, d)."""
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    scores = q @ k.T / np.sqrt(q.shape[-1])
    scores = np.where(triangle == 1, scores, -np.inf)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    a = e / e.sum(axis=1, keepdims=True)
    return a @ v


Wq, Wk, Wv = (rng.standard_normal((d, d)) / np.sqrt(d) for _ in range(3))
mine = attention(x, Wq, Wk, Wv)
q, k, v = (minigrad.tensor(x @ W) for W in (Wq, Wk, Wv))
assert np.allclose(mine, F.scaled_dot_product_attention(q, k, v, is_causal=True).numpy())

# %% [markdown]
# ## A question
#
# Why is the dot product divided by sqrt(d)? Say that the elements of queries and keys are independent,
# with mean 0 and variance 1. What is the variance of their dot product, and what does the softmax make of
# it when d is 256?
#
# <details><summary>Answer</summary>
#
# A sum of d independent products of variance 1 has the variance d, so the scores have a standard deviation
# of 16. Differences of that size make the softmax put nearly all weight on one position, and there its
# derivative, p (1 - p), is nearly 0: no gradient goes back through the scores, and nothing is learned about
# where to look. Divided by sqrt(d), the scores have the standard deviation 1.
#
# </details>

# %%
for d_k, scale in [(256, 1.0), (256, 16.0)]:
    s = rng.standard_normal((1000, 8, d_k)) @ rng.standard_normal((1000, d_k, 1)) / scale
    e = np.exp(s - s.max(axis=1, keepdims=True))
    largest = (e / e.sum(axis=1, keepdims=True)).max(axis=1).mean()
    print(f"divided by {scale:4}: the largest of 8 weights is {largest:.2f} on average")
    assert (largest > 0.9) == (scale == 1.0)

# %% [markdown]
# ## The way back
#
# Nothing in attention is new to you: three products, a softmax and one more product. Here is its backward
# pass by hand, and below the program that minigrad makes of it. Compare them line by line.

# %%
q, k, v = x @ Wq, x @ Wk, x @ Wv
scores = np.where(triangle == 1, q @ k.T / np.sqrt(d), -np.inf)
e = np.exp(scores - scores.max(axis=1, keepdims=True))
a = e / e.sum(axis=1, keepdims=True)
dout = rng.standard_normal((T, d))  # some upstream gradient

da = dout @ v.T
dv = a.T @ dout
dscores = a * (da - (da * a).sum(axis=1, keepdims=True))  # the softmax of each row
dq = dscores @ k / np.sqrt(d)
dk = dscores.T @ q / np.sqrt(d)
dWq, dWk, dWv = x.T @ dq, x.T @ dk, x.T @ dv
dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T  # x is used three times

given = {"Wq": Wq, "Wk": Wk, "Wv": Wv}
for name, dW in [("Wq", dWq), ("Wk", dWk), ("Wv", dWv)]:
    W = given[name]
    assert check_gradient(lambda W, name=name: (attention(x, **{**given, name: W}) * dout).sum(), W, dW)
assert check_gradient(lambda x: (attention(x, Wq, Wk, Wv) * dout).sum(), x, dx)

tq, tk, tv = (minigrad.tensor(array, requires_grad=True) for array in (q, k, v))
out = F.scaled_dot_product_attention(tq, tk, tv, is_causal=True)
loss = (out * minigrad.tensor(dout)).sum()
print(minigrad.source(loss))
loss.backward()
assert np.allclose(tq.grad.numpy(), dq) and np.allclose(tk.grad.numpy(), dk) and np.allclose(tv.grad.numpy(), dv)

# %% [markdown]
# ## Many heads, and a block around them
#
# One head can look at one thing. So the vector is cut into several parts, each with its own queries, keys
# and values: **heads**, which are computed together as one more dimension of the arrays.


# %%
class Attention(nn.Module):
    """Causal self-attention with several heads: (N, T, width) to (N, T, width)."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x):
        """Look back from each position."""
        N, T, width = x.shape
        qkv = self.qkv(x).reshape(N, T, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (N, heads, T, width // heads)
        found = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(found.transpose(1, 2).reshape(N, T, width))


# %% [markdown]
# Attention moves information between positions; it does not compute much with it. So each block has a
# second part, a network of two layers that is applied to each position by itself. Both parts *add* to the
# vector instead of replacing it. Those additions are the **residual connections**: backward, a sum passes
# its gradient on unchanged, so the gradient reaches the first block however many there are. A **layer
# norm** in front of each part keeps the scale of what the part reads: it is lesson 11's normalization, but
# over the numbers of one vector instead of over a batch.


# %%
class Block(nn.Module):
    """A transformer block: look back, then think."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))

    def forward(self, x):
        """Add what each part finds."""
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Scores for the next character at each position of X, (N, T): (N, T, V)."""

    def __init__(self, width=64, heads=4, blocks=2):
        super().__init__()
        self.token = nn.Embedding(V, width)
        self.position = nn.Embedding(length, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, V, bias=False)
        for table in (self.token, self.position):
            table.weight.data *= 0.02

    def forward(self, X):
        """Embed, look back and think, and score."""
        x = self.token(X) + self.position(minigrad.arange(X.shape[1]))
        return self.head(self.norm(self.blocks(x)))


# %% [markdown]
# Attention does not know which position came first: it sees a *set* of vectors. So each position has a
# vector of its own, which is added to the character's.


# %%
def loss_function(scores, y):
    """The mean cross-entropy over all positions of all windows."""
    return F.cross_entropy(scores.reshape(-1, V), y.reshape(-1))


minigrad.manual_seed(0)
network = minigrad.Network(GPT(), loss_function)
loss = network.forward(train.sample_data_batch(4))
show(loss, pictures / "gpt.svg", depth=1)
print(f"{len(network.x):,} parameters, the first loss is {loss:.2f}")
assert len(network.x) == 111_616 and abs(loss - np.log(V)) < 0.3

# %% [markdown]
# ![The graph of the GPT: two embeddings, two blocks, a norm, the head and the loss](pictures/gpt.svg)
#
# ## Does it read the future?
#
# If it did, it would do wonderfully in training and be useless at writing. Ask the gradient: the score at
# position 10 must not depend on the characters after it.

# %%
model = network.model
vectors = model.token(minigrad.tensor(train.sample_data_batch(1).X)).detach().requires_grad_()
scores = model.head(model.norm(model.blocks(vectors + model.position(minigrad.arange(length)))))
(slope,) = minigrad.grad(scores[0, 10].sum(), [vectors])
reaches = (slope.numpy()[0] != 0).any(axis=1)
print("positions that position 10 depends on:", np.flatnonzero(reaches).tolist())
assert reaches.tolist() == [t <= 10 for t in range(length)]

# %% [markdown]
# ## The lecture's loop
#
# The same loop as for the digits, with Adam, a rate that rises for a hundred steps and then falls along a
# half cosine, and a limit on the length of the gradient.

# %%
steps = 1800
x, state = network.x, {}
losses = []

while True:
    data_batch = train.sample_data_batch(32)
    loss = network.forward(data_batch)
    dx = network.backward()

    t = len(losses)
    learning_rate = 5e-3 * min(1, (t + 1) / 100) * (0.05 + 0.95 * (1 + np.cos(np.pi * t / steps)) / 2)
    dx *= min(1, 1 / np.linalg.norm(dx))
    x[:], state = optim.rules.adam(x, dx, state, learning_rate, beta2=0.99)

    losses.append(loss)
    if len(losses) % 200 == 0:
        print(f"step {len(losses):4}  loss {np.mean(losses[-100:]):.3f}")
    if len(losses) == steps:
        break


# %%
def loss_on(part, batches=20):
    """The mean loss on windows of a part of the text."""
    with minigrad.no_grad():
        return np.mean([network.forward(part.sample_data_batch(64)) for _ in range(batches)])


held = loss_on(held_out)
print(f"training {np.mean(losses[-100:]):.2f}, held out {held:.2f}; pairs of characters had {bigram:.2f}")
assert np.mean(losses[-100:]) < 1.8 and held < bigram - 0.3

# %% [markdown]
# ## It writes
#
# To write, predict the next character, draw one from the probabilities, append it, and go on. A
# temperature below 1 makes likely characters more likely.


# %%
def write(prompt, n, temperature=0.7, seed=0):
    """Go on writing from the prompt for n characters."""
    rng = np.random.default_rng(seed)
    codes = vocabulary.encode(prompt).tolist()
    with minigrad.no_grad():
        for _ in range(n):
            scores = model(minigrad.tensor([codes[-length:]])).numpy()[0, -1] / temperature
            p = np.exp(scores - scores.max(), dtype=float)
            codes.append(int(rng.choice(V, p=p / p.sum())))
    return vocabulary.decode(codes)


written = write("The whale ", 400)
print(written)
words = set(minigrad.data.text().lower().split())
known = [word.lower() in words for word in written.split()[2:-1]]
print(f"{np.mean(known):.0%} of its words stand in the book")
assert np.mean(known) > 0.5

# %% [markdown]
# It has learned to spell, to end sentences, and to sound like Melville, from nothing but the next
# character. It does not know what it says: 32 characters are a window of six words.
#
# ## A question
#
# The loss on the held-out part is above that of the training part. Is that overfitting, or is the last
# tenth of the text harder? How would you find out without training again?
#
# <details><summary>Answer</summary>
#
# Compare with a model that cannot overfit. The table of pairs has 6,084 numbers for 326,000 characters. If
# its loss is higher on the held-out part than on the training part too, then that part is harder by about
# the difference, and only the rest of the gap is overfitting.
#
# </details>

# %%
seen = -np.log(p[train.numbers[:-1], train.numbers[1:]]).mean()
print(f"pairs: training {seen:.2f}, held out {bigram:.2f}; GPT: training {loss_on(train):.2f}, held out {held:.2f}")
assert bigram > seen and counts.size == 6_084 and 325_000 < len(train.numbers) < 327_000

# %% [markdown]
# ## Experiment
#
# Guess what each of these does to the loss after 300 steps, then try: no position table; no residual
# (`return self.mlp(...)`); one head instead of four; a scale of 1 instead of 0.02 for the embeddings;
# `length = 8`. Which one hurts most?
#
# ## Exercises
#
# 1. Leave the mask out of `attention` above. Which assertion of this lesson notices?
# 2. The softmax is the place where hand-written attention goes wrong. The attempt below forgets a term.
#    Read the hint, and fix the line.

# %%
dout = rng.standard_normal((T, T))
z = rng.standard_normal((T, T))


def softmax(z):
    """The softmax of each row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


a = softmax(z)
dz = a * (1 - a) * dout  # change this line
report = check_gradient(lambda z: (softmax(z) * dout).sum(), z, dz)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [How minigrad works](17_how_it_works.py), from the inside.
