# %% [markdown]
# # Is my gradient right?
#
# A wrong gradient is the quietest of all mistakes. Nothing fails; the loss often falls, only less than it
# could. This lesson compares gradients with the one thing that cannot share their mistake, differences of
# the function itself, shows where that comparison goes wrong, and ends with a whole backward pass by hand,
# checked line by line.
#
# **You will know** how exact a difference can be, what kinks and float32 do to it, and how to find the first
# wrong line of a backward pass.
#
# Before it: [Softmax and cross-entropy](05_softmax.py). Run the cells one by one, or all at once:
# `python tutorials/10_check_a_gradient.py`. Every number in the text is checked by an `assert` beside it.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import chart, nn
from minigrad.autograd import check_gradient

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")
pictures.mkdir(exist_ok=True)

# %% [markdown]
# ## One side or two
#
# The derivative is the limit of (f(x + h) - f(x)) / h. A computer does not take limits, so h stays finite,
# and the difference has an error: on one side in proportion to h, on two sides,
# (f(x + h) - f(x - h)) / 2h, in proportion to h². Halve h, and the second error falls to a quarter.

# %%
x = 1.0
exact = np.cos(x)  # the derivative of sin
for h in [1e-1, 1e-2, 1e-3]:
    one = (np.sin(x + h) - np.sin(x)) / h
    two = (np.sin(x + h) - np.sin(x - h)) / (2 * h)
    print(f"h = {h:g}: error of one side {abs(one - exact):.1e}, of two sides {abs(two - exact):.1e}")
assert 3e-4 < abs(one - exact) < 6e-4 and 5e-8 < abs(two - exact) < 2e-7

# %% [markdown]
# ## A question
#
# Then make h as small as possible: 1e-15? Sketch the error over h, from 1e-1 down to 1e-15, before you look.
#
# <details><summary>Answer</summary>
#
# It falls, and then rises again. sin(x + h) and sin(x - h) are rounded to about 16 digits. If they agree in
# the first 12, their difference has 4 digits left. The rounding error of the quotient is about 1e-16 / h, so
# it grows as h shrinks. The best h balances the two, and lies near 1e-5 for two sides.
#
# </details>

# %%
h = 10.0 ** -np.arange(1, 15, 0.25)
error = np.abs((np.sin(x + h) - np.sin(x - h)) / (2 * h) - exact)
h32 = h[h > 1e-7]
x32 = np.float32(x)
above, below = (x32 + h32.astype("f4")).astype("f4"), (x32 - h32.astype("f4")).astype("f4")
error32 = np.abs((np.sin(above) - np.sin(below)) / (2 * h32.astype("f4")) - exact)
curves = {"float64": (h, np.maximum(error, 1e-14)), "float32": (h32, np.maximum(error32, 1e-14))}
chart(curves, title="The error of a two-sided difference", x="h", y="error", log_x=True, log_y=True).save(
    pictures / "difference_error.svg"
)
best = h[error.argmin()]
print(f"the best h in float64 is about {best:.0e}, with an error of {error.min():.0e}")
print(f"in float32 it is about {h32[error32.argmin()]:.0e}, with an error of {error32.min():.0e}")
assert 1e-8 < best < 1e-3 and error.min() < 1e-9 and error[-1] > 1e-4

# %% [markdown]
# ![The error falls with h to about 1e-5 and rises again; in float32 it stays large](pictures/difference_error.svg)
#
# In float32 there are only seven digits, so a difference is good to three or four. **Check gradients in
# float64**, train in float32.
#
# ## How close is close?
#
# Compare relative errors, |a - n| / max(|a|, |n|): a difference of 0.001 is nothing for a gradient of 1,000,
# and everything for one of 0.001. The lecture's rule of thumb in float64: above 1e-2 it is wrong, below
# 1e-7 be happy, and between them look for a kink.
#
# ## Kinks
#
# max(0, x) has no derivative at 0. A two-sided difference there gives 0.5, whatever h is; your code says
# either 0 or 1, and neither is wrong. With thousands of ReLUs some are always within h of their kink.

# %%
kink = 1e-7
relu_difference = (max(0, kink + 1e-5) - max(0, kink - 1e-5)) / 2e-5
print(f"at {kink:g} the derivative of max(0, x) is 1; the difference says {relu_difference:.3f}")
assert abs(relu_difference - 0.505) < 1e-9

report = check_gradient(lambda x: np.maximum(0, x).sum(), np.array([-1.0, 0.0, 2.0]), np.array([0.0, 0.0, 1.0]))
print(report)
assert report  # minigrad sees the kink, and accepts any slope between the two sides

# %% [markdown]
# ## A question
#
# Your loss is a sum of two terms. The one of the data has a gradient of about 1e-3, and the weight decay (the
# term `decay / 2 * sum(w**2)`, lesson 8) one of about 10. You check the
# whole loss, and all relative errors are below 1e-3. Why is that no proof?
#
# <details><summary>Answer</summary>
#
# The gradient of the decay is so large that the other may be entirely wrong: 1e-3 is a ten-thousandth of 10.
# Check each term by itself, with the others off. For the same reason, switch off whatever is random, and check
# again after some training: at the very start many gradients are small for other reasons.
#
# </details>

# %%
w = np.array([1000.0, -2000.0])
a = np.array([3e-3, 1e-3])


def loss_of(w, decay=1e-2):
    """A small data term and a large weight decay."""
    return np.sin(a * w).sum() + decay / 2 * (w**2).sum()


wrong_data_gradient = a * np.sin(a * w)  # the derivative of sin is not sin
dw = wrong_data_gradient + 1e-2 * w
relative = np.abs(dw - (a * np.cos(a * w) + 1e-2 * w)) / np.abs(dw)
print("relative error of the whole:", relative)
assert relative.max() < 1e-3
assert not check_gradient(lambda w: loss_of(w, decay=0.0), w, wrong_data_gradient)

# %% [markdown]
# ## A whole backward pass
#
# This is a network for the digits, forward in single steps. It contains **batch normalization**, the lines from
# `mu` to `scaled`: each of the H sums of the first layer is shifted and scaled so that over the batch its mean
# is 0 and its variance 1, and then gets a scale and a shift, `gamma` and `beta`, that are learned. (What it is
# good for is the next lesson's subject; here it is a long chain of derivatives.) Below it is the backward pass,
# written by hand. Called with `mean_depends_on_z=False`, it has one mistake. What is the mistake, and which
# gradients does it spoil? Read it first.

# %%
rng = np.random.default_rng(0)
N, D, H, C = 32, 64, 20, 10
dataset = minigrad.data.digits().train
X = minigrad.tensor(dataset.X[:N].astype(float))
y = dataset.y[:N]
W1 = minigrad.tensor(rng.standard_normal((D, H)) / 8, requires_grad=True)
gamma = minigrad.tensor(1 + 0.1 * rng.standard_normal(H), requires_grad=True)
beta = minigrad.tensor(0.1 * rng.standard_normal(H), requires_grad=True)
W2 = minigrad.tensor(rng.standard_normal((H, C)) / 4, requires_grad=True)
b2 = minigrad.tensor(np.zeros(C), requires_grad=True)

z = X @ W1
mu = z.mean(0)
centred = z - mu
var = (centred**2).mean(0)
std = (var + 1e-5).sqrt()
normal = centred / std
scaled = gamma * normal + beta
h = scaled.tanh()
scores = h @ W2 + b2
loss = nn.functional.cross_entropy(scores, minigrad.tensor(y))


# %%
def backward_by_hand(mean_depends_on_z):
    """The gradients of the pass above, in plain NumPy."""
    X_, W2_, h_, normal_, centred_, std_, gamma_ = (t.detach().numpy() for t in (X, W2, h, normal, centred, std, gamma))
    s = scores.detach().numpy()
    p = np.exp(s - s.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(N), y] -= 1

    dscores = p / N
    dW2 = h_.T @ dscores
    db2 = dscores.sum(axis=0)
    dh = dscores @ W2_.T
    dscaled = dh * (1 - h_**2)
    dgamma = (dscaled * normal_).sum(axis=0)
    dbeta = dscaled.sum(axis=0)
    dnormal = dscaled * gamma_
    dstd = -(dnormal * centred_ / std_**2).sum(axis=0)
    dvar = dstd / (2 * std_)
    dcentred = dnormal / std_ + 2 * centred_ * dvar / N
    dz = dcentred - dcentred.mean(axis=0) if mean_depends_on_z else dcentred
    dW1 = X_.T @ dz
    del X_, W2_, h_, normal_, centred_, std_, gamma_, s, p
    return locals()


attempt = backward_by_hand(mean_depends_on_z=False)
gradients = {name: value for name, value in attempt.items() if name.startswith("d")}
report = minigrad.check_backward(loss, gradients)
print(report)
assert not report

# %% [markdown]
# The table goes through the lines in the order of the backward pass. The first wrong one is named with its
# cause, and the lines after it are judged *given what arrived in them*: `dW1` is wrong too, but only because
# `dz` was. One mistake is one mistake.

# %%
report = minigrad.check_backward(
    loss, {name: value for name, value in backward_by_hand(True).items() if name.startswith("d")}
)
print(report)
assert report

# %% [markdown]
# ## Experiment
#
# Plant a mistake of your own in `backward_by_hand`: a forgotten `/ N`, an `axis=1`, `1 - h_` for
# `1 - h_**2`. Predict which lines turn wrong, and what the cause will be called. Which of your mistakes
# would have been hard to see in a loss curve?

# %%
attempt = backward_by_hand(True)
attempt["dgamma"] = attempt["dgamma"] / N  # change this
report = minigrad.check_backward(loss, {name: value for name, value in attempt.items() if name.startswith("d")})
print(report)
assert not report

# %% [markdown]
# ## Exercises
#
# 1. The lines from `dstd` to `dz` can be one. Derive it: for batch normalization,
#    dz = (N dn - sum(dn) - n sum(dn * n)) / (N std), with n for `normal` and dn for `dnormal`. Check it
#    with `check_gradient`.
# 2. Check the gradient of a function of your own in float32 and in float64. How many digits do you get?

# %%
n, std_of = np.asarray(normal.detach()), np.asarray(std.detach())
dn = rng.standard_normal((N, H))
dz = (N * dn - dn.sum(axis=0) - n * dn.sum(axis=0)) / (N * std_of)  # change this line


def normalize(z):
    """Batch normalization without scale and shift."""
    centred = z - z.mean(axis=0)
    return centred / np.sqrt((centred**2).mean(axis=0) + 1e-5)


report = check_gradient(lambda z: (normalize(z) * dn).sum(), z.detach().numpy(), dz)
print(str(report).splitlines()[0])
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [Watch training](11_watch_training.py), where every gradient is right and the network still does not
# learn.
