# %% [markdown]
# # Networks that see and read
#
# The lecture's loop does not care what the network is made of. This lesson puts other parts into it: a
# layer whose backward pass you write yourself, and a checker that says what is wrong with it; a
# convolutional network that reads digits; and a recurrent one that reads text. All names are
# PyTorch's: with `import minigrad as torch` at the top, most of these lines are programs for either.
#
# Before it: [The lecture's loop](06_the_loop.py). Run the cells one by one, or all at once:
# `python tutorials/13_networks.py`. Every number in the text is checked by an `assert` beside it.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import nn, optim
from minigrad.autograd import Function, check_gradient, gradcheck
from minigrad.utils.data import DataLoader, TensorDataset

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")

# %% [markdown]
# ## A gradient by hand, and a checker that explains
#
# A layer makes scores = x Wᵀ + b for a batch of 32 examples, and the loss is the mean of their squares.
# Somebody writes its gradients in NumPy, and gets them wrong in ways that everybody does once.
# `check_gradient` compares with differences, (f(W + h) - f(W - h)) / 2h, and looks for the mistake.

# %%
rng = np.random.default_rng(0)
x, W, b = rng.standard_normal((32, 5)), rng.standard_normal((3, 5)), rng.standard_normal(3)


def loss_of(W, b):
    """The mean over the examples of the squared length of their scores."""
    return ((x @ W.T + b) ** 2).sum(axis=1).mean()


dscores = 2 * (x @ W.T + b) / 32
attempts = {
    "dW": check_gradient(lambda W: loss_of(W, b), W, dscores.T @ x, name="dW"),
    "dW without the mean": check_gradient(lambda W: loss_of(W, b), W, 32 * dscores.T @ x, name="dW"),
    "dW transposed": check_gradient(lambda W: loss_of(W, b), W, x.T @ dscores, name="dW"),
    "db not summed": check_gradient(lambda b: loss_of(W, b), b, dscores, name="db"),
}
for title, report in attempts.items():
    print(f"{title}:\n{report}\n")
assert [bool(report) for report in attempts.values()] == [True, False, False, False]
assert "without the factor 1/N, N = 32, of the mean" in str(attempts["dW without the mean"])
assert "the transpose of the right answer" in str(attempts["dW transposed"])
assert "not summed over dimension 0" in str(attempts["db not summed"])

# %% [markdown]
# ## An operation of your own
#
# `Function` takes both halves of an operation: what it computes, and what it passes back. Here is a
# ReLU that lets a little through below zero. It goes into a network like any other operation, and
# `gradcheck` checks it where it stands.


# %%
class Leaky(Function):
    """x above 0, a tenth of it below."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0) + 0.1 * x.clamp(max=0)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * ((x > 0) + 0.1 * (x <= 0))


points = minigrad.randn(4, 3, dtype="float64", requires_grad=True)
assert gradcheck(Leaky.apply, points)

# %% [markdown]
# ## A convolutional network
#
# An image is more than a row of numbers: neighbours belong together. A convolution slides the same
# small filter over all places. Behind each one here stand batch normalisation, which keeps the
# numbers at a size that learns well, and a ReLU. `nn.summary` shows what comes out of each part.


# %%
def convnet():
    """A fresh network, the same each time."""
    minigrad.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding="same"), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding="same"), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.2), nn.Linear(32 * 2 * 2, 10)),
    )


table = nn.summary(convnet(), (1, 1, 8, 8))
print(table)
assert table.total == 6186

# %% [markdown]
# This is the graph of such layers on two images of 4 by 4 pixels, with the backward pass. The
# convolution is without a bias here, which the normalisation would take away again.

# %%
small = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU())
minigrad.manual_seed(1)
mean = small(minigrad.randn(2, 1, 4, 4)).mean()
mean.backward()
try:
    minigrad.draw(mean).render(outfile=pictures / "convolution.svg", cleanup=True)
    print("picture: pictures/convolution.svg")
except RuntimeError as error:
    print("not drawn:", " ".join(str(error).split()))

# %% [markdown]
# ![The graph of a convolution, batch normalisation and ReLU](pictures/convolution.svg)
#
# Training is PyTorch's loop: an optimiser, and a `DataLoader` that shuffles. In training, batch
# normalisation uses the batch's own mean and variance, and dropout drops; `model.eval()` switches
# both to what a single image needs.

# %%
train, test = minigrad.data.digits()
images = TensorDataset(minigrad.tensor(train.X.reshape(-1, 1, 8, 8)), minigrad.tensor(train.y))


def accuracy(model):
    """The share of the held-out digits that the model reads right."""
    model.eval()
    with minigrad.no_grad():
        scores = model(minigrad.tensor(test.X.reshape(-1, 1, 8, 8)))
    model.train()
    return float((scores.argmax(1).numpy() == test.y).mean())


def train_for(model, epochs, lr=3e-3):
    """Go through the training images so many times, with Adam."""
    optimizer, loss_function = optim.Adam(model.parameters(), lr=lr), nn.CrossEntropyLoss()
    for epoch in range(epochs):
        for X, y in DataLoader(images, batch_size=64, shuffle=True):
            loss = loss_function(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: {accuracy(model):.1%} of the held-out digits")
    return model


model = train_for(convnet(), epochs=5)
assert accuracy(model) >= 0.975

# %% [markdown]
# ## Experiment
#
# Take the batch normalisation out, and train again with the same rate. What do you expect after one
# epoch, and after five? Then put it back and make the rate ten times larger in both.


# %%
def without_normalisation():
    """The same network without its BatchNorm2d."""
    return nn.Sequential(*(layer for layer in convnet() if not isinstance(layer, nn.BatchNorm2d)))


plain = train_for(without_normalisation(), epochs=1)
normal = train_for(convnet(), epochs=1)
assert accuracy(normal) > accuracy(plain)

# %% [markdown]
# ## A network that reads
#
# A recurrent network takes one character after the other and keeps a state of what it has read. Its
# task is to say which character comes next. The text is a sentence said again and again, so there is
# little to learn, and it is learnt in seconds.

# %%
text = minigrad.data.Text("the gradient flows back through every step of time. " * 20, length=24)
size = len(text.vocabulary)


class Reader(nn.Module):
    """Characters as vectors, an LSTM, and scores for the next character."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(size, 16)
        self.lstm = nn.LSTM(16, 48, batch_first=True)
        self.scores = nn.Linear(48, size)

    def forward(self, x, state=None):
        out, state = self.lstm(self.embedding(x), state)
        return self.scores(out), state


minigrad.manual_seed(0)
reader = Reader()
optimizer = optim.Adam(reader.parameters(), lr=1e-2)
for step in range(150):
    X, y = text.sample_data_batch(16)
    scores, _ = reader(X)
    loss = nn.functional.cross_entropy(scores.reshape(-1, size), y.reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(reader.parameters(), max_norm=1.0)
    optimizer.step()
    if step % 50 == 0 or step == 149:
        print(f"step {step:3}: loss {loss.item():.3f}, norm of the gradient {norm.item():.3f}")
assert loss.item() < 0.2

# %% [markdown]
# To write, it is given the beginning, and then always what it has just written itself. The state
# goes from one call to the next.

# %%
written, state = "the", None
codes = text.vocabulary.encode(written)[None]
with minigrad.no_grad():
    for _ in range(48):
        scores, state = reader(codes, state)
        codes = scores[:, -1].argmax(-1, keepdim=True).numpy()
        written += text.vocabulary.decode(codes)
print(written)
assert written == "the gradient flows back through every step of time."

# %% [markdown]
# ## A question
#
# In the loop above the gradient is clipped before each step: if the norm of all gradients together
# is above 1, all are scaled down. Why is that more often needed in a recurrent network than in the
# convolutional one?
#
# <details><summary>Answer</summary>
#
# The gradient goes back through the same weights once for each character. In 24 steps it
# is multiplied 24 times by nearly the same matrix, and a product of 24 factors grows or shrinks much
# faster than one of five. Shrinking is what the LSTM's gates are for. Against growing, one clips.
#
# </details>
#
# ## Parameters from elsewhere
#
# `minigrad.load` reads the parameters of a model that was trained in PyTorch, from `.npz` or
# `.safetensors` files; [docs/pytorch.md](../docs/pytorch.md) says what of PyTorch is here, and what is different.
#
# Next: [How minigrad works](17_how_it_works.py), from the inside.
