# %% [markdown]
# # Softmax and cross-entropy
#
# A network that tells ten digits apart ends with ten scores. The loss that nearly every classifier
# uses turns them into probabilities and asks how surprised those are by the right answer. Its gradient
# is one of the shortest formulas in the field, `p - y`. You derive it here twice, step by step and in
# one go; you see why it must be computed with care; and you check it line by line against the engine.
#
# **You will know** what the loss measures, why its gradient is the error in probability, why frameworks
# join softmax and cross-entropy into one operation, and how to debug a backward pass line by line.
#
# Before it: [From numbers to tensors](04_tensors.py). Run the cells one by one, or all at once:
# `python tutorials/05_softmax.py`. Every number in the text is checked by an `assert` beside it.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import nn
from minigrad.autograd import check_gradient
from minigrad.course.lessons import show

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")


# %% [markdown]
# ## From scores to probabilities
#
# Scores are any numbers. Probabilities are positive and add up to 1. The **softmax** makes the first
# into the second: take exp of each, which makes it positive, and divide by the sum.

# %%
scores = np.array([2.0, 1.0, -1.0])
e = np.exp(scores)
p = e / e.sum()
print("p =", p.round(3), "adds up to", p.sum().round(6))
assert p.round(3).tolist() == [0.705, 0.259, 0.035]

# %% [markdown]
# What matters are the differences between scores: add 100 to all three, and the probabilities stay.
# The largest score gets the largest part, but the others keep something, and a difference of 1 in the
# scores is a factor of e in the probabilities.

# %%
shifted = np.exp(scores + 100) / np.exp(scores + 100).sum()
assert np.allclose(shifted, p)
assert np.isclose(p[0] / p[1], np.e)

# %% [markdown]
# The **cross-entropy** loss is minus the logarithm of the probability of the right answer. It is 0 when
# the network is certain and right, and grows without bound when it is certain and wrong. A network that
# knows nothing gives each of ten digits 1/10, and has the loss log(10), about 2.303: the first number
# to look at when a run begins.

# %%
target = 1
loss = -np.log(p[target])
print(f"the right answer has p = {p[target]:.3f}, the loss is {loss:.3f}")
assert abs(loss - 1.349) < 0.001 and abs(np.log(10) - 2.303) < 0.001

# %% [markdown]
# ## The gradient, step by step
#
# Three lines forward, three lines back. Each backward line is one local derivative of lesson 1, times
# what has arrived:
#
#     e = exp(scores)            dscores = de * e
#     p = e / e.sum()            de      = dp / total  -  sum(dp * e) / total**2
#     loss = -log(p[target])     dp      = 0, but -1 / p[target] at the target
#
# The middle line has two terms because every `e` is used twice: on top of its own fraction, and in the
# sum below all of them. Two uses, two contributions.

# %%
total = e.sum()
dp = np.zeros(3)
dp[target] = -1 / p[target]
de = dp / total - (dp * e).sum() / total**2
dscores = de * e
print("dscores =", dscores.round(3))


def cross_entropy(scores):
    """The loss of one example, in plain NumPy."""
    e = np.exp(scores)
    return -np.log(e[target] / e.sum())


assert check_gradient(cross_entropy, scores, dscores)

# %% [markdown]
# ## A question
#
# Leave out the second term of `de`, as if `total` were a constant. Which elements of `dscores` are
# wrong then, and what do they look like?
#
# <details><summary>Answer</summary>
#
# All of them. Without the term, only the target receives anything: -1, and the others 0. That says
# "make the right score larger", which is true, and nothing about the wrong ones. The term is what adds
# `p` to every element.
#
# </details>

# %%
forgotten = dp / total * e
report = check_gradient(cross_entropy, scores, forgotten)
print(report)
assert np.allclose(forgotten, [0, -1, 0]) and not report

# %% [markdown]
# ## The gradient, in one go
#
# Simplify on paper before you differentiate. The logarithm undoes the exponential:
#
#     loss = -log(exp(s[target]) / sum(exp(s))) = log(sum(exp(s))) - s[target]
#
# The derivative of `log(sum(exp(s)))` with respect to `s[k]` is `exp(s[k]) / sum(exp(s))`, which is
# `p[k]`. The second term gives -1 at the target. So:
#
#     dscores = p - y        where y is 1 at the target and 0 elsewhere
#
# It is the error in probability. Scores of wrong answers are pushed down in proportion to how probable
# the network thinks them; the right one is pushed up by how far it is from 1. The elements add up to 0,
# since adding the same to all scores changes nothing.

# %%
y = np.eye(3)[target]
assert np.allclose(dscores, p - y)
assert np.isclose((p - y).sum(), 0)
print("p - y =", (p - y).round(3))

# %% [markdown]
# ## Without overflow
#
# `exp(1000)` is infinity in floating point, and infinity divided by infinity is nan. As only differences
# count, subtract the largest score first: then the largest exponent is exp(0) = 1, and nothing
# overflows. Then take the logarithm before you divide, not after: `log(0)` for a probability that is too
# small for a float is minus infinity, while `s[target] - log(sum)` is an ordinary number.

# %%
large = np.array([1000.0, 0.0, -1000.0])
with np.errstate(all="ignore"):
    naive = -np.log(np.exp(large) / np.exp(large).sum())
top = large - large.max()
careful = np.log(np.exp(top).sum()) - top
print("the loss for each target, naive:", naive, " careful:", careful)
assert np.isnan(naive[0]) and np.isinf(naive[2])
assert careful.tolist() == [0.0, 1000.0, 2000.0]

# %% [markdown]
# That is why frameworks have one operation for both, which takes scores and not probabilities. Give it
# probabilities by mistake, and the softmax is applied twice: the loss still falls, but it cannot get
# near 0, since probabilities differ by at most 1.

# %%
certain = minigrad.tensor([[1.0, 0.0, 0.0]])  # probabilities, as sure as can be, and right
loss_of_probabilities = nn.functional.cross_entropy(certain, minigrad.tensor([0]))
print(f"the best loss with softmax twice: {loss_of_probabilities.item():.3f}")
assert abs(loss_of_probabilities.item() - 0.551) < 0.001

# %% [markdown]
# ## A batch
#
# For N examples the loss is the mean of their losses, so everything is divided by N. `scores` has a row
# for each example.

# %%
rng = np.random.default_rng(0)
X = rng.standard_normal((5, 4))
W = rng.standard_normal((4, 3))
target = np.array([0, 2, 1, 1, 0])
N = len(target)

scores = X @ W
shifted = scores - scores.max(axis=1, keepdims=True)
e = np.exp(shifted)
p = e / e.sum(axis=1, keepdims=True)
loss = -np.log(p[np.arange(N), target]).mean()

dscores = p.copy()
dscores[np.arange(N), target] -= 1
dscores /= N
dW = X.T @ dscores


def loss_of(W, X=X):
    """The mean cross-entropy of a linear classifier."""
    s = X @ W
    s = s - s.max(axis=1, keepdims=True)
    return (np.log(np.exp(s).sum(axis=1)) - s[np.arange(N), target]).mean()


assert np.isclose(loss, loss_of(W)) and check_gradient(loss_of, W, dW)

# %% [markdown]
# The same from minigrad, as a picture and as a program. `source` finds the short form: one subtraction
# at the target, one division by N.

# %%
W_by_hand, dW_by_hand = W, dW
X = minigrad.tensor(X)
W = minigrad.tensor(W_by_hand, requires_grad=True)
scores = X @ W
loss = nn.functional.cross_entropy(scores, minigrad.tensor(target))
program = minigrad.source(loss)
print(program)
show(loss, pictures / "softmax.svg")
loss.backward()
assert np.allclose(W.grad.numpy(), dW_by_hand)
assert np.allclose(program.run()["dW"], dW_by_hand)

# %% [markdown]
# ![The graph of a linear classifier with the cross-entropy loss](pictures/softmax.svg)
#
# ## A question
#
# You forget `dscores /= N`. `dW` then points in the right direction and is 5 times too long. Does it
# matter?
#
# <details><summary>Answer</summary>
#
# With one learning rate and one batch size: no, a rate of 0.1 then does what 0.5 did. But the step now
# depends on the batch size, so you need a new rate for each size; and the last batch of the data, which is
# often smaller, makes a shorter step. With a mean, the rate and the batch size stay apart.
#
# </details>

# %%
report = check_gradient(loss_of, W_by_hand, 5 * dW_by_hand)
print(report)
assert not report and "5" in str(report)

# %% [markdown]
# ## Experiment
#
# A **temperature** T divides the scores before the softmax. Guess what happens to the probabilities for
# T = 0.1 and T = 10, and to the gradient with respect to the scores. Then run the cell.

# %%
scores = np.array([2.0, 1.0, -1.0])
for T in [0.1, 1.0, 10.0]:  # change these
    e = np.exp((scores - scores.max()) / T)
    p = e / e.sum()
    print(f"T = {T:4}: p = {p.round(3)}, gradient {((p - y) / T).round(3)}")
e = np.exp((scores - scores.max()) / 10)
assert np.ptp(e / e.sum()) < 0.1  # nearly equal

# %% [markdown]
# ## Exercises
#
# The **hinge loss** of a classifier does without probabilities: each wrong score should be at least 1
# below the right one, and the loss is the sum of what is missing. Its gradient is below, nearly. The
# checker says where to look; fix the line.

# %%
scores, target = rng.standard_normal((6, 5)), np.array([1, 0, 2, 0, 4, 3])
rows = np.arange(6)


def hinge(scores):
    """The mean over examples of the sum over wrong classes of max(0, s - s[target] + 1)."""
    margins = np.maximum(0, scores - scores[rows, target][:, None] + 1)
    margins[rows, target] = 0
    return margins.sum() / 6


margins = scores - scores[rows, target][:, None] + 1
dscores = (margins > 0).astype(float)
dscores[rows, target] = 0  # change this line: how often is the right score used?
dscores /= 6
report = check_gradient(hinge, scores, dscores)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [The lecture's loop](06_the_loop.py), where this loss trains a network on digits.
