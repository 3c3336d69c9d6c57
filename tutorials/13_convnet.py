# %% [markdown]
# # A convolutional network
#
# To the networks so far an image was a row of 64 numbers in any order: shuffle the pixels of all images in
# the same way, and they learn as well as before. A convolution knows what an image is. It looks at small
# patches, for the same thing in all places. This lesson does its arithmetic by hand, forward and backward,
# and then builds a network that reads digits with it.
#
# **You will know** what a convolution computes and how large its result is, why its backward pass is again
# a convolution, and what pooling, batch normalization and dropout add.
#
# Before it: [From numbers to tensors](04_tensors.py) and [Overfitting](12_overfitting.py). Run the cells one
# by one, or all at once: `python tutorials/13_convnet.py`. Every number in the text is checked by an
# `assert` beside it.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import nn, optim
from minigrad.autograd import check_gradient
from minigrad.course.lessons import show
from minigrad.nn import functional as F
from minigrad.utils.data import DataLoader, TensorDataset

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")

# %% [markdown]
# ## One dimension first
#
# A kernel of three weights slides along a row of numbers. At each place it takes the dot product with the
# three numbers under it:
#
#     z[i] = w[0] * x[i] + w[1] * x[i + 1] + w[2] * x[i + 2]
#
# Seven numbers have five places for a kernel of three: n - k + 1.


# %%
def convolve(x, w):
    """Slide w along x: the dot product at each place."""
    n = len(x) - len(w) + 1
    return sum(w[j] * x[j : j + n] for j in range(len(w)))


x = np.array([0.0, 0, 1, 1, 1, 0, 0])
edge = np.array([-1.0, 0, 1])
print("an edge detector:", convolve(x, edge))
assert convolve(x, edge).tolist() == [1, 1, 0, -1, -1]
assert np.allclose(convolve(x, edge), F.conv1d(minigrad.tensor(x[None, None]), minigrad.tensor(edge[None, None])))

# %% [markdown]
# It is positive where the numbers rise, and negative where they fall. (Mathematics calls this a
# *cross-correlation*, and flips the kernel for a convolution. Frameworks do not flip; a kernel that is
# learned does not care.)
#
# ## Backward
#
# Ask what you have asked since lesson 4: where is each number used? `w[j]` is used at every place i, each
# time with the factor `x[i + j]`. So its gradient adds up over all places:
#
#     dw[j] = sum over i of dz[i] * x[i + j]
#
# which slides `dz` along `x`: a convolution. And `x[m]` is used at the places i = m - j, with the factor
# `w[j]`:
#
#     dx[m] = sum over j of dz[m - j] * w[j]
#
# Here the index of `w` rises while that of `dz` falls: it slides the *flipped* kernel along `dz`, with
# zeros around `dz` for the places that do not exist.

# %%
rng = np.random.default_rng(0)
x, w, dz = rng.standard_normal(7), rng.standard_normal(3), rng.standard_normal(5)
dw = convolve(x, dz)
dx = convolve(np.pad(dz, 2), w[::-1])
assert check_gradient(lambda w: (convolve(x, w) * dz).sum(), w, dw)
assert check_gradient(lambda x: (convolve(x, w) * dz).sum(), x, dx)

# %% [markdown]
# ## A question
#
# Forget to flip the kernel in `dx`. For which kernels is the result right all the same, and what happens in
# training otherwise?
#
# <details><summary>Answer</summary>
#
# For symmetric ones, such as a blur. Otherwise each pixel gets the contributions that are meant for its mirror
# image. The layers *after* it learn as usual, since dw does not need dx; only what lies before it
# is pulled in wrong directions. Such a network learns, less well than it should, and nothing fails.
#
# </details>

# %%
report = check_gradient(lambda x: (convolve(x, w) * dz).sum(), x, convolve(np.pad(dz, 2), w))
print(report)
assert not report

# %% [markdown]
# ## Two dimensions, many channels
#
# An image has two directions, and a filter slides in both. It also looks at all **channels** at once (red,
# green and blue, or the results of the layer before), and a layer has many filters; each makes one channel
# of the result. So the weight has four dimensions: (filters, channels, height, width).
#
# **Padding** puts rows and columns of zeros around the image, so that the filter also has places at its edge.
# With a **stride** of 2 the filter moves two pixels at a time. The size of the result, in each direction:
# (n + 2 padding - k) / stride + 1, rounded down.

# %%
for n, k, padding, stride in [(8, 3, 0, 1), (8, 3, 1, 1), (8, 2, 0, 2), (28, 5, 2, 2)]:
    size = (n + 2 * padding - k) // stride + 1
    out = F.conv2d(minigrad.zeros(1, 1, n, n), minigrad.zeros(1, 1, k, k), stride=stride, padding=padding)
    print(f"n {n:2}, kernel {k}, padding {padding}, stride {stride}: {size}")
    assert out.shape == (1, 1, size, size)

# %% [markdown]
# Padding by (k - 1) / 2 keeps the size (`padding="same"` chooses it). A layer of 16 filters of 3 by 3 on one
# channel has 16 * 9 + 16 = 160 parameters, whatever the image's size. Between 64 pixels and 16 * 64 results, a
# linear layer would have 66,560: it would have to learn each edge anew at each place.

# %%
conv, linear = nn.Conv2d(1, 16, 3, padding=1), nn.Linear(64, 16 * 64)
counts = [sum(p.numel() for p in layer.parameters()) for layer in (conv, linear)]
print("parameters:", counts)
assert counts == [160, 66_560]

# %% [markdown]
# This is the graph of a convolution, batch normalization and a ReLU on two images of 4 by 4 pixels. The
# convolution has no bias here, which the normalization would take away again.

# %%
minigrad.manual_seed(1)
small = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU())
mean = small(minigrad.randn(2, 1, 4, 4)).mean()
mean.backward()
show(mean, pictures / "convolution.svg")

# %% [markdown]
# ![The graph of a convolution, batch normalization and ReLU](pictures/convolution.svg)
#
# ## Pooling
#
# **Max pooling** keeps the largest of each 2 by 2 patch. The image becomes half as wide, and a feature that
# moves by a pixel often gives the same result. Backward, the gradient goes to the one that was the largest,
# and to no other.

# %%
patch = minigrad.tensor([[[[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 1.0, 6.0]]]], requires_grad=True)
pooled = F.max_pool2d(patch, 2)
(pooled * minigrad.tensor([[[[10.0, 20.0]]]])).sum().backward()
print(pooled.detach().numpy().ravel(), patch.grad.numpy()[0, 0].tolist())
assert patch.grad.numpy()[0, 0].tolist() == [[0, 10, 0, 0], [0, 0, 0, 20]]

# %% [markdown]
# ## The network
#
# Two rounds of convolution, normalization, ReLU and pooling, and a linear layer that scores. `nn.summary`
# shows what comes out of each part.


# %%
def convnet(normalize=True):
    """A fresh network, the same each time."""
    minigrad.manual_seed(0)
    layers = [
        *(nn.Conv2d(1, 16, 3, padding="same"), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding="same"), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.2), nn.Linear(32 * 2 * 2, 10)),
    ]
    return nn.Sequential(*(layer for layer in layers if normalize or not isinstance(layer, nn.BatchNorm2d)))


table = nn.summary(convnet(), (1, 1, 8, 8))
print(table)
assert table.total == 6186

# %% [markdown]
# Training is PyTorch's loop: an optimizer, and a `DataLoader` that shuffles. One pass over the training images
# is an epoch. In training, batch normalization uses the batch's own mean and variance, and dropout drops;
# `model.eval()` switches both to what a single image needs (lesson 11).

# %%
train, test = minigrad.data.digits()
images = TensorDataset(minigrad.tensor(train.X.reshape(-1, 1, 8, 8)), minigrad.tensor(train.y))


def accuracy(model, X=test.X):
    """The share of the held-out digits that the model reads right."""
    model.eval()
    with minigrad.no_grad():
        scores = model(minigrad.tensor(X.reshape(-1, 1, 8, 8)))
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
assert accuracy(model) >= 0.97

# %% [markdown]
# ## A question
#
# Move all test images one pixel to the right. What happens to this network, and what to the two linear layers
# of lesson 6, which also read more than 95 %?
#
# <details><summary>Answer</summary>
#
# Both get worse, the linear ones far more. To them a moved digit is other numbers in other places. The
# convolutions find the same edges one place further on, and pooling forgives part of the move; but the last
# layer still knows places, of two by two. If a network should not care, move the images in training.
#
# </details>

# %%
moved = np.roll(test.X.reshape(-1, 8, 8), 1, axis=2)
moved[:, :, 0] = 0
minigrad.manual_seed(0)
plain = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
train_for(plain, epochs=20)
of_convnet, of_linear = accuracy(model, moved), accuracy(plain, moved)
print(f"moved by a pixel: {of_convnet:.0%} with convolutions, {of_linear:.0%} with linear layers")
assert of_convnet > of_linear + 0.1

# %% [markdown]
# ## Experiment
#
# Take the batch normalization out and train again with the same rate. What do you expect after one epoch,
# and after five? Then make the rate ten times larger in both.

# %%
without = train_for(convnet(normalize=False), epochs=1)
normal = train_for(convnet(), epochs=1)
assert accuracy(normal) > accuracy(without)

# %% [markdown]
# ## Exercises
#
# 1. A stride of 2 skips every other place: `z[i] = sum of w[j] * x[2 i + j]`. Derive `dw` and `dx`.
# 2. Average pooling keeps the mean of each pair. Its backward pass below forgets something. Fix it.

# %%
x, dz = rng.standard_normal(8), rng.standard_normal(4)
dx = np.repeat(dz, 2)  # change this line
report = check_gradient(lambda x: (x.reshape(4, 2).mean(axis=1) * dz).sum(), x, dx)
print(report)
assert not report  # delete this line when it is right

# %% [markdown]
# Next: [Names](14_names.py), where the data is text.
