# %% [markdown]
# # Names
#
# A language model says which character comes next. Nothing else: from that alone it learns to spell, and with
# enough of everything, to write. This lesson makes three models of first names, by counting, by the same
# table learned with gradients, and by a small network that looks three characters back, and lets each of
# them invent names.
#
# **You will know** how a text becomes numbers, that counting and gradient descent find the same table, what
# an embedding is, and how to draw from a model.
#
# Before it: [Softmax and cross-entropy](05_softmax.py) and [Update rules II](08_adaptive_rates.py). Run the
# cells one by one, or all at once: `python tutorials/14_names.py`. Every number in the text is checked by an
# `assert` beside it.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import nn, optim
from minigrad.course.lessons import show
from minigrad.nn import functional as F

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")


# %% [markdown]
# ## The data
#
# 8,403 first names come with minigrad. A dot marks where a name begins and ends, so there are 27 characters.

# %%
names = minigrad.data.names()
rng = np.random.default_rng(0)
rng.shuffle(names)
train_names, held_out_names = names[:7500], names[7500:]
vocabulary = minigrad.data.Vocabulary("." + "".join(names))
V = len(vocabulary)
print(len(names), "names, such as", ", ".join(names[:5]))
assert (len(names), V, vocabulary.characters[0]) == (8403, 27, ".")

# %% [markdown]
# ## Count
#
# How often does each character follow each other one? Row a, column b of a table. Divided by its sum, a row
# is the probability of what comes after a.


# %%
def pairs(names):
    """The characters of all names and what follows each: two arrays of numbers."""
    text = "." + "".join(name + "." for name in names)
    numbers = vocabulary.encode(text)
    return numbers[:-1], numbers[1:]


first, second = pairs(train_names)
counts = np.zeros((V, V))
np.add.at(counts, (first, second), 1)
p = (counts + 1) / (counts + 1).sum(axis=1, keepdims=True)  # + 1: what was never seen is not impossible
q = vocabulary.encode("q")[0]
print(f"after q comes u with probability {p[q, vocabulary.encode('u')[0]]:.2f}; a name begins with a: {p[0, 1]:.2f}")
assert p.sum(axis=1).round(6).tolist() == [1.0] * V and p[q].argmax() == vocabulary.encode("u")[0]

# %% [markdown]
# How good is the table? The same question as for digits: how surprised is it by what comes? The mean of
# -log p is the cross-entropy, here on names that were not counted.

# %%
held_first, held_second = pairs(held_out_names)
by_counting = -np.log(p[held_first, held_second]).mean()
print(f"knowing nothing: {np.log(V):.2f}; pairs: {by_counting:.3f}")
assert abs(np.log(V) - 3.296) < 0.001 and 2.2 < by_counting < 2.5


def invent(next_probabilities, n=8, seed=1):
    """Draw names: begin with a dot, draw one character after the other, end at the next dot."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        name = [0]
        while len(name) < 16 and (len(name) == 1 or name[-1]):
            name.append(int(rng.choice(V, p=next_probabilities(name))))
        found.append(vocabulary.decode(name).strip("."))
    return found


print("pairs:", ", ".join(invent(lambda name: p[name[-1]])))

# %% [markdown]
# Better than nothing, but not names. It knows what follows an a, and has forgotten what came before it.
#
# ## The same table by gradient descent
#
# Now forget counting. Let the table be scores, all 0, and let the lecture's loop minimize the cross-entropy.

# %%
scores = np.zeros((V, V))
everything = minigrad.tensor(first), minigrad.tensor(second)
for step in range(201):
    W = minigrad.tensor(scores, requires_grad=True)
    loss = F.cross_entropy(W[everything[0]], everything[1])
    loss.backward()
    scores += -50.0 * W.grad.numpy()
    if step % 50 == 0:
        print(f"step {step:3}: loss {loss.item():.3f}")

learned = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
counted = counts / counts.sum(axis=1, keepdims=True)
often = counts > 200
worst = np.abs(learned - counted)[often].max()
print(f"where a pair is frequent, the tables differ by at most {worst:.3f}")
assert worst < 0.03

# %% [markdown]
# Gradient descent has found the relative frequencies without counting anything: they are where the
# cross-entropy is lowest.
#
# ## A question
#
# Why is the minimum exactly there? Look at the gradient of one row of scores: what must be equal for it to
# be 0? (Lesson 5: for one example it is p - y.)
#
# <details><summary>Answer</summary>
#
# The gradient of row a is the sum of p - y over all places where a stands. It is 0 when n p[b] is the number
# of times that b followed, so p[b] = count / n. The model's mean prediction equals the mean of what happened.
#
# </details>

# %%
W = minigrad.tensor(np.log(counted + 1e-12), requires_grad=True)
F.cross_entropy(W[everything[0]], everything[1]).backward()
print(f"the gradient at the counted table: at most {np.abs(W.grad.numpy()).max():.0e}")
assert np.abs(W.grad.numpy()).max() < 1e-9 and V**4 == 531_441

# %% [markdown]
# Then why the detour? Because counting does not scale. For three characters of context the table has
# 27**4 = 531,441 entries, and most are never seen. A network can be given a context of any length, and what
# it learns about one context helps with similar ones.
#
# ## A network that looks three back
#
# Each character gets a vector of ten numbers, an **embedding**, which is learned like everything else. The
# three vectors of the context are put side by side and go through two layers. (Bengio and others, 2003.)

# %%
context = 3


def windows(names):
    """Contexts of three characters and what follows each."""
    X, y = [], []
    for name in names:
        numbers = [0] * context + vocabulary.encode(name + ".").tolist()
        for i in range(len(numbers) - context):
            X.append(numbers[i : i + context])
            y.append(numbers[i + context])
    return np.array(X), np.array(y)


X, y = windows(train_names)
held_X, held_y = windows(held_out_names)
examples = [vocabulary.decode(x) + "->" + vocabulary.decode([t]) for x, t in zip(X[:5], y[:5])]
print("the name", train_names[0], "gives", examples)

minigrad.manual_seed(0)
model = nn.Sequential(nn.Embedding(V, 10), nn.Flatten(), nn.Linear(10 * context, 128), nn.Tanh(), nn.Linear(128, V))
small = F.cross_entropy(model(minigrad.tensor(X[:4])), minigrad.tensor(y[:4]))
show(small, pictures / "names.svg", depth=2)
print(nn.summary(model, minigrad.tensor(X[:1])))

# %% [markdown]
# ![The graph: embedding, flatten, two layers with a tanh between, and the loss](pictures/names.svg)
#
# An embedding is a table with a row for each character, and looking up row i is the product of a row of
# zeros with a single 1 and that table. Backward, the gradient of a row is the sum over all places where it
# was looked up. Once more `+=`.

# %%
optimizer = optim.Adam(model.parameters(), lr=1e-2)
steps = 3000
for step in range(steps):
    optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / steps)  # the rate of all parameters, falling to 0
    rows = rng.integers(0, len(X), 128)
    loss = F.cross_entropy(model(minigrad.tensor(X[rows])), minigrad.tensor(y[rows]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 500 == 0:
        print(f"step {step:4}: loss {loss.item():.2f}")

with minigrad.no_grad():
    by_network = F.cross_entropy(model(minigrad.tensor(held_X)), minigrad.tensor(held_y)).item()
print(f"pairs {by_counting:.3f}, network {by_network:.3f}")
assert by_network < by_counting - 0.15


def next_of_network(name, temperature=1.0):
    """The probabilities of the next character after the numbers of a name."""
    with minigrad.no_grad():
        scores = model(minigrad.tensor([([0] * context + name)[-context:]])).numpy()[0] / temperature
    p = np.exp(scores - scores.max(), dtype=float)
    return p / p.sum()


print("network:", ", ".join(invent(next_of_network)))

# %% [markdown]
# ## A question
#
# The loss of the network is lower by about 0.33. What does that mean for a whole name of seven characters?
# By which factor has its probability grown?
#
# <details><summary>Answer</summary>
#
# The loss is minus the mean logarithm per character. A name of seven characters and its final dot has eight
# predictions: exp(8 * 0.33) is about 14. On average a real name is fourteen times as probable to the network
# as to the table.
#
# </details>

# %%
factor = np.exp(8 * (by_counting - by_network))
print(f"a name is {factor:.1f} times as probable")
assert 8 < factor < 25

# %% [markdown]
# ## Experiment
#
# A temperature below 1 makes it prefer what is probable. Guess what the names look like at 0.3 and at 2.
# Then change the context to 1 and to 6, and look at both losses.

# %%
for temperature in (0.3, 1.0, 2.0):  # change these
    found = invent(lambda name, t=temperature: next_of_network(name, t), n=6)
    print(f"{temperature}: {', '.join(found)}")

# %% [markdown]
# ## Exercises
#
# 1. How many of 1,000 invented names are in the list? Is that memorizing?
# 2. Write the backward pass of the embedding. The attempt below looks right and is not: two of the indices
#    are equal. The checker says what happens. (Hint: `np.add.at`.)

# %%
from minigrad.autograd import check_gradient  # noqa: E402

table, looked_up = rng.standard_normal((5, 3)), np.array([1, 4, 1, 0])
dout = rng.standard_normal((4, 3))
dtable = np.zeros_like(table)
dtable[looked_up] += dout  # change this line
report = check_gradient(lambda table: (table[looked_up] * dout).sum(), table, dtable)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [Recurrent networks](15_rnn.py), which read a text of any length.
