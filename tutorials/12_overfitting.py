# %% [markdown]
# # Overfitting
#
# A low loss on the training data is easy: memorize it. What counts is the loss on data that the
# network has not seen. This lesson makes a network memorize its data on purpose, watches the two losses
# part, and compares the usual remedies, with the care that comparing needs. A network that does well on the
# training data and worse on new data **overfits**.
#
# **You will know** what training, validation and test data are for, how to see overfitting, what weight
# decay, dropout and early stopping do about it, and how a search can overfit too.
#
# Before it: [Watch training](11_watch_training.py). Run the cells one by one, or all at once:
# `python tutorials/12_overfitting.py`. Every number in the text is checked by an `assert` beside it.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import chart, nn, optim

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")
pictures.mkdir(exist_ok=True)

# %% [markdown]
# ## Three parts
#
# **Training** data decides the weights. **Validation** data decides everything that you choose by looking:
# the rate, the size, when to stop. **Test** data is looked at once, at the end. To make overfitting easy to
# see, only 100 digits are for training here, and a tenth of their labels are wrong, as in real data.

# %%
digits, test = minigrad.data.digits()
rng = np.random.default_rng(0)
order = rng.permutation(len(digits))
X, y = digits.X[order], digits.y[order].copy()
wrong = rng.random(100) < 0.1
y[:100][wrong] = rng.integers(0, 10, wrong.sum())
train = minigrad.data.Dataset(X[:100], y[:100])
validation = minigrad.data.Dataset(X[100:600], y[100:600])
print(f"{len(train)} to train on, {len(validation)} to choose by, {len(test)} to test on")
assert (len(train), len(validation), len(test)) == (100, 500, 360)


def fit(width=100, decay=0.0, dropout=0.0, steps=600, seed=0, every=20):
    """Train with Adam; give the losses on both parts every so many steps, and the best validation accuracy."""
    minigrad.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 10))
    optimizer = optim.AdamW(model.parameters(), lr=5e-3, weight_decay=decay)
    loss_function = nn.CrossEntropyLoss()

    def measure(part):
        model.eval()
        with minigrad.no_grad():
            scores = model(minigrad.tensor(part.X))
            loss = loss_function(scores, minigrad.tensor(part.y)).item()
        model.train()
        return loss, float((scores.argmax(1).numpy() == part.y).mean())

    history = []
    for step in range(steps + 1):
        if step % every == 0:
            history.append((step, *measure(train), *measure(validation)))
        loss = loss_function(model(minigrad.tensor(train.X)), minigrad.tensor(train.y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return np.array(history), measure(test)[1]


# %% [markdown]
# ## Memorized
#
# The network has 7,510 parameters for 100 images. Predict: where do its two losses and its two accuracies
# end?

# %%
history, _ = fit()
step, train_loss, train_right, val_loss, val_right = history.T
chart(
    {"training": (step, np.maximum(train_loss, 1e-4)), "validation": (step, val_loss)},
    title="Learned by heart", x="step", y="loss", log_y=True,
).save(pictures / "overfitting.svg")  # fmt: skip
lowest = int(step[val_loss.argmin()])
print(f"training: loss {train_loss[-1]:.4f}, right {train_right[-1]:.0%}")
print(f"validation: loss {val_loss[-1]:.2f}, right {val_right[-1]:.0%}; its loss was lowest at step {lowest}")
assert 64 * 100 + 100 + 100 * 10 + 10 == 7510  # parameters
assert train_right[-1] == 1.0 and train_loss[-1] < 0.01
assert 0 < lowest < 200 and val_loss[-1] > 1.3 * val_loss.min()

# %% [markdown]
# ![The training loss falls to nothing; the validation loss turns and rises](pictures/overfitting.svg)
#
# All 100 are right, the wrong labels included. The validation loss falls first, then rises for the rest of
# the run. Everything after its lowest point was learned about these 100 images, and not about digits.
#
# ## A question
#
# The validation *loss* rises by more than a half, and the validation *accuracy* falls by only a few percentage
# points. How can that be?
#
# <details><summary>Answer</summary>
#
# The accuracy asks only which score is largest. The loss also asks how sure the network is. It becomes
# surer and surer of everything, its mistakes included, and a mistake made with certainty costs a lot. So the
# loss shows overfitting first: the probabilities are spoiled before the answers are.
#
# </details>

# %%
print(f"accuracy at step {lowest}: {val_right[val_loss.argmin()]:.0%}, at the end: {val_right[-1]:.0%}")
assert val_loss[-1] > 1.5 * val_loss.min() and abs(val_right[val_loss.argmin()] - val_right[-1]) < 0.1

# %% [markdown]
# ## Remedies
#
# - **More data** is the best one, and usually the one you cannot have.
# - **Early stopping**: keep the weights of the lowest validation loss. It costs nothing.
# - **Weight decay** pulls every weight toward 0 in each step, so that large weights need a reason.
# - **Dropout** switches off a random half of the units in each step, so that none can rely on another (lesson 11).
# - **A smaller network**, which cannot memorize as much.
#
# Each is tried with three seeds, since a single run says little: the spread between seeds is as large as
# many differences that are reported.

# %%
remedies = {
    "none": {},
    "weight decay": {"decay": 3.0},
    "dropout": {"dropout": 0.5},
    "8 units": {"width": 8},
}
table = {}
for name, settings in remedies.items():
    runs = [fit(**settings, seed=seed)[0] for seed in range(3)]
    table[name] = np.array([(run[:, 3].min(), run[-1, 3], run[-1, 4]) for run in runs])
    low, last, right = table[name].mean(axis=0)
    spread = table[name][:, 2].std(ddof=1)
    print(f"{name:13} lowest validation loss {low:.2f}, last {last:.2f}, right at the end {right:.1%} +- {spread:.1%}")
assert table["weight decay"][:, 1].mean() < table["none"][:, 1].mean()
assert table["dropout"][:, 1].mean() < table["none"][:, 1].mean() < table["8 units"][:, 1].mean()

# %% [markdown]
# With early stopping, the column "lowest" is what you get. Weight decay keeps the last loss near it; dropout
# slows the rise. The smaller network is no remedy here: it memorizes too, and knows less.
#
# ## A question
#
# Weight decay subtracts learning_rate * decay * x from x in each step. The loss pulls the other way. Where does
# a weight come to rest, and what does the network give up first?
#
# <details><summary>Answer</summary>
#
# A weight settles where the pull of the loss equals the pull of the decay. To be very sure of an answer,
# scores must be large, and so must weights; the loss pays little for the last bit of certainty, and the
# decay charges for it. So certainty is given up first, where the data does not insist on it.
#
# </details>

# %%
lengths = {}
for decay in (0.0, 3.0):
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
    optimizer = optim.AdamW(model.parameters(), lr=5e-3, weight_decay=decay)
    for _ in range(300):
        loss = nn.functional.cross_entropy(model(minigrad.tensor(train.X)), minigrad.tensor(train.y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with minigrad.no_grad():
        p = model(minigrad.tensor(train.X)).softmax(1).max(1).values.mean().item()
    lengths[decay] = np.sqrt(sum((w.detach().numpy() ** 2).sum() for w in model.parameters()))
    print(f"decay {decay}: the weights have length {lengths[decay]:.1f}, the mean certainty is {p:.2f}")
assert lengths[3.0] < 0.7 * lengths[0.0]

# %% [markdown]
# ## A small search, and how it fools you
#
# Now choose the decay and the dropout by validation. Draw the decay by its exponent (lesson 9).

# %%
rng = np.random.default_rng(1)
found = []
for _ in range(8):
    settings = {"decay": 10 ** rng.uniform(-2, 1), "dropout": rng.choice([0.0, 0.25, 0.5])}
    run, test_right = fit(**settings, steps=200)
    found.append((run[:, 3].min(), run[-1, 4], test_right, settings))
    print(
        f"decay {settings['decay']:5.2f}, dropout {settings['dropout']:.2f}: lowest validation loss {found[-1][0]:.3f}"
    )
best = min(found, key=lambda f: f[0])
print(f"chosen: validation {best[1]:.1%}; on the test digits, looked at once: {best[2]:.1%}")
assert best[2] > 0.6

# %% [markdown]
# The best of many validation results is too good: among other things it is the luckiest. With 8 tries that
# hardly matters; with 10,000, it does. That is what the test data is for, and why it is looked at once.
#
# ## Experiment
#
# Give the network labels that are all random. Can it still memorize 100 of them? And 1,000? Guess,
# then set `y[:100]` to random digits in the second cell.
#
# ## Exercises
#
# 1. Early stopping needs a rule: stop when the lowest loss is `patience` measurements old. Write it, and see
#    how much of the run it saves.
# 2. L2 regularization adds `decay / 2 * sum(W**2)` to the loss. Below is its gradient, nearly. Fix it.

# %%
from minigrad.autograd import check_gradient  # noqa: E402

W = np.random.default_rng(0).standard_normal((4, 3))
decay = 0.1
dW = 2 * decay * W  # change this line
report = check_gradient(lambda W: decay / 2 * (W**2).sum(), W, dW)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [A convolutional network](13_convnet.py), whose layers know what an image is.
