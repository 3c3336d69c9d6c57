# %% [markdown]
# # Convolution and pooling
#
# A convolutional layer slides a small filter over an image and asks at every place: how much of this pattern is
# here? You write it twice. First with loops, so that nothing is hidden: each output number is one sum, and the
# backward pass is that sum read from the other side. Then you rearrange the image so that the loops become one
# matrix product, and see how much faster that is. Between the two comes max pooling.
#
# It takes two to three hours. You need NumPy, and the backward pass of a matrix product (puzzle 12 of the
# puzzles, or task 1 of *Layers by hand*).
#
# ## The shapes
#
# | name | shape | what it is |
# | --- | --- | --- |
# | `X` | (N, C, H, W) | N images with C channels, of height H and width W |
# | `filters` | (F, C, K, K) | F filters, each with a K by K square of numbers for every channel |
# | `b` | (F,) | a bias for each filter |
# | `out` | (N, F, OH, OW) | for each image and filter, a picture of where the pattern is |
#
# `pad` rows and columns of zeros are put round every channel, at all four sides. The filter then moves by `stride`
# pixels at a time. As everywhere in deep learning, it is not flipped (a mathematician would call this a
# cross-correlation).
#
# Run the checks in the cells, or all at once with `python -m minigrad course check a5_convolution.py`; with
# `--cause` they also say the cause of a mistake that they know.

# %%
import time

import numpy as np

from minigrad.nn import functional as F

np.set_printoptions(precision=4, suppress=True)

# %%
# BEGIN TESTS
from minigrad.course import Assignment

assignment = Assignment("Convolution and pooling", causes="on request")


def whole(rng, *shape):
    """Draw small integers, which are easy to follow on paper."""
    return rng.integers(-3, 4, shape).astype(float)


# END TESTS

# %% [markdown]
# # Part 1: convolution with loops
#
# ## Task 1.1: how large is the output? (1 point)
#
# Along one side, the padded image has `size + 2 * pad` pixels. The filter covers `kernel` of them and moves by
# `stride`. In how many places does it fit as a whole? Draw a side of 5 pixels, a filter of 3 and a stride of 2.


# %%
def output_size(size, kernel, stride=1, pad=0):
    """Return in how many places the filter fits along a side, an integer."""
    # BEGIN SOLUTION
    return (size + 2 * pad - kernel) // stride + 1
    # END SOLUTION


def output_sizes(cases):
    """Return your answers for several cases (size, kernel, stride, pad)."""
    sizes = [output_size(*map(int, case)) for case in cases]
    if not all(isinstance(size, (int, np.integer)) for size in sizes):
        raise TypeError(f"output_size must return an integer, got {sizes[0]!r}: divide by //")
    return np.array(sizes)


# %%
# BEGIN TESTS
task = assignment.task("1.1", "how large is the output?", points=1)
task.check(output_sizes, ([[5, 3, 2, 0], [5, 3, 1, 1], [4, 2, 2, 0], [6, 3, 2, 0]],), name="four cases")
# END TESTS
# BEGIN HIDDEN TESTS
task.check(output_sizes, ([[32, 5, 1, 2], [7, 3, 3, 1], [8, 3, 2, 0], [3, 3, 1, 0]],), name="four others")
task.mistake(
    "posts and gaps",
    "The first place is not counted: there is one more place than there are moves.",
    "// stride + 1",
    "// stride",
    hint="A filter as large as the image fits once.",
)
task.mistake(
    "padded at one side",
    "The padding is counted once. It is put at both ends of a side.",
    "size + 2 * pad",
    "size + pad",
    hint="How many pixels has a padded side?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.2: forward (3 points)
#
# `out[n, f, i, j]` is the sum, over all channels and all pixels of the window at place (i, j), of image `n` times
# filter `f`, plus the bias of the filter. The window at (i, j) begins at pixel (i * stride, j * stride) of the
# padded image. Write it with loops over n, f, i and j; do not try to be fast. `np.pad` adds the zeros.


# %%
def conv_forward(X, filters, b, stride=1, pad=0):
    """Return the output of the convolution, shape (N, F, OH, OW)."""
    # BEGIN SOLUTION
    (N, _, height, width), (count, _, K, _) = X.shape, filters.shape
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, count, output_size(height, K, stride, pad), output_size(width, K, stride, pad)))
    for n, f, i, j in np.ndindex(out.shape):
        top, left = i * stride, j * stride
        window = padded[n, :, top : top + K, left : left + K]
        out[n, f, i, j] = (window * filters[f]).sum() + b[f]
    return out
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("1.2", "forward", points=3, needs=["1.1"])
task.check(
    conv_forward,
    lambda rng: (whole(rng, 1, 1, 3, 3), whole(rng, 1, 1, 2, 2), np.array([10.0])),
    name="one image, one filter",
    outputs=["out"],
)
task.check(
    conv_forward,
    lambda rng: (whole(rng, 2, 2, 5, 4), whole(rng, 3, 2, 3, 3), np.array([10.0, 20.0, 30.0]), 2, 1),
    name="stride 2, padding 1",
    outputs=["out"],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    conv_forward,
    lambda rng: (rng.standard_normal((2, 3, 6, 7)), rng.standard_normal((2, 3, 3, 3)), rng.standard_normal(2), 1, 2),
    name="padding 2",
    outputs=["out"],
)
task.mistake(
    "flipped",
    "The filter is flipped: that is the convolution of mathematics. Here it lies on the window as it is.",
    "(window * filters[f]).sum() + b[f]",
    "(window * filters[f, :, ::-1, ::-1]).sum() + b[f]",
    hint="Multiply the top left pixel of the window by the top left number of the filter.",
)
task.mistake(
    "no bias",
    "The bias of the filter is not added.",
    "(window * filters[f]).sum() + b[f]",
    "(window * filters[f]).sum()",
    hint="Which argument is not used?",
)
task.mistake(
    "bias for every pixel",
    "The bias is added inside the sum, so it counts once for every number of the window. Add it once.",
    "(window * filters[f]).sum() + b[f]",
    "(window * filters[f] + b[f]).sum()",
    hint="How often is the bias added?",
)
task.mistake(
    "stride forgotten",
    "The window begins at pixel (i, j). With a stride it begins at (i * stride, j * stride).",
    "top, left = i * stride, j * stride\n        window = padded[n, :, top : top + K, left : left + K]\n        out[n",
    "top, left = i, j\n        window = padded[n, :, top : top + K, left : left + K]\n        out[n",
    hint="Where does the second window begin?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 1.3: backward (4 points)
#
# `dout` has the shape of the output. Go through the same loops. Each output number was a sum of products, so each
# `g = dout[n, f, i, j]` contributes in three places:
#
# - to the filter: `g` times the window,
# - to the window: `g` times the filter,
# - to the bias: `g`.
#
# Windows overlap, and every place uses the same filter, so contributions add up. Collect what goes to the windows
# in an array of the size of the *padded* image, and cut the padding off at the end: nobody needs the gradient of a
# zero.


# %%
def conv_backward(X, filters, b, dout, stride=1, pad=0):
    """Return dX, dfilters and db, each of the shape of its array."""
    # BEGIN SOLUTION
    K, (height, width) = filters.shape[2], X.shape[2:]
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dpadded, dfilters, db = np.zeros(padded.shape), np.zeros(filters.shape), np.zeros(b.shape)
    for n, f, i, j in np.ndindex(dout.shape):
        top, left, g = i * stride, j * stride, dout[n, f, i, j]
        dfilters[f] += g * padded[n, :, top : top + K, left : left + K]
        dpadded[n, :, top : top + K, left : left + K] += g * filters[f]
        db[f] += g
    return dpadded[:, :, pad : pad + height, pad : pad + width], dfilters, db
    # END SOLUTION


def conv_loss(X, filters, b, dout, stride=1, pad=0):
    """Return a loss whose gradient with respect to the output is dout. The graph that it records explains mistakes."""
    return (F.conv2d(X, filters, b, stride, pad) * dout).sum()


# %%
# BEGIN TESTS


def conv_small(rng):
    """Draw a small case: the windows overlap."""
    return (
        whole(rng, 1, 1, 3, 3), whole(rng, 1, 1, 2, 2), np.array([1.0]), whole(rng, 1, 1, 2, 2),
    )  # fmt: skip


def conv_strided(rng):
    """Draw a case with padding and stride."""
    return (
        whole(rng, 2, 2, 5, 4), whole(rng, 3, 2, 3, 3), whole(rng, 3), whole(rng, 2, 3, 3, 2), 2, 1,
    )  # fmt: skip


def conv_large(rng):
    """Draw a case with other sizes."""
    return (
        rng.standard_normal((2, 3, 6, 7)), rng.standard_normal((2, 3, 3, 3)), rng.standard_normal(2),
        rng.standard_normal((2, 2, 8, 9)), 1, 2,
    )  # fmt: skip


task = assignment.task("1.3", "backward", points=4)
for inputs, name in ((conv_small, "one image, one filter"), (conv_strided, "stride 2, padding 1")):
    task.check(conv_backward, inputs, name=name, outputs=["dX", "dfilters", "db"], gradient_of=conv_loss, wrt=[0, 1, 2])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    conv_backward,
    conv_large,
    name="padding 2",
    outputs=["dX", "dfilters", "db"],
    gradient_of=conv_loss,
    wrt=[0, 1, 2],
)
task.mistake(
    "the last window wins",
    "What goes to a window overwrites what its neighbours have sent to the same pixels. Windows overlap: +=.",
    "left : left + K] += g * filters[f]",
    "left : left + K] = g * filters[f]",
    hint="How many windows contain the pixel in the middle?",
)
task.mistake(
    "the last place wins",
    "The gradient of the filter is overwritten at each place. Every place contributes: +=.",
    "dfilters[f] += g",
    "dfilters[f] = g",
    hint="How many places use the filter?",
)
task.mistake(
    "the bias is a mean",
    "The gradient of the bias is divided by the number of places. It is used at every place, so their g add up.",
    "db[f] += g",
    "db[f] += g / dout[:, f].size",
    hint="If the bias grows by 1, how many numbers of the output grow by 1?",
)
task.mistake(
    "cut off with minus",
    "Without padding, `pad:-pad` is `0:-0`, which is empty. Cut from pad to pad + height.",
    "return dpadded[:, :, pad : pad + height, pad : pad + width], dfilters, db",
    "return dpadded[:, :, pad:-pad, pad:-pad], dfilters, db",
    hint="What is a[0:-0]?",
)
task.mistake(
    "flipped",
    "The filter is flipped. Each pixel of a window gets g times the number of the filter that it was multiplied by.",
    "left : left + K] += g * filters[f]",
    "left : left + K] += g * filters[f, :, ::-1, ::-1]",
    hint="Which number of the filter was the top left pixel of the window multiplied by?",
)
task.mistake(
    "padding not cut off",
    "dX has the shape of the padded image. Cut the padding off.",
    "return dpadded[:, :, pad : pad + height, pad : pad + width], dfilters, db",
    "return dpadded, dfilters, db",
    hint="Compare the shapes of X and of dX.",
)
# END HIDDEN TESTS

# %% [markdown]
# # Part 2: max pooling
#
# ## Task 2.1: forward (2 points)
#
# Of each K by K window of each channel, take the largest number. There is no padding.


# %%
def pool_forward(X, K, stride):
    """Return the largest number of each window, shape (N, C, OH, OW)."""
    # BEGIN SOLUTION
    N, C, height, width = X.shape
    out = np.zeros((N, C, output_size(height, K, stride), output_size(width, K, stride)))
    for n, c, i, j in np.ndindex(out.shape):
        out[n, c, i, j] = X[n, c, i * stride : i * stride + K, j * stride : j * stride + K].max()
    return out
    # END SOLUTION


# %%
# BEGIN TESTS


def distinct(rng, *shape):
    """Draw different integers, of which some are negative, so that no window has two largest."""
    count = int(np.prod(shape))
    return (rng.permutation(count) - count // 2).astype(float).reshape(shape)


task = assignment.task("2.1", "max pooling, forward", points=2, needs=["1.1"])
task.check(pool_forward, lambda rng: (distinct(rng, 1, 1, 4, 4), 2, 2), name="windows side by side", outputs=["out"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(pool_forward, lambda rng: (distinct(rng, 2, 3, 5, 7), 3, 2), name="windows that overlap", outputs=["out"])
task.check(pool_forward, lambda rng: (-1 - rng.random((1, 2, 3, 3)), 2, 1), name="negative numbers", outputs=["out"])
task.mistake(
    "mean, not max",
    "This is the mean of the window. Max pooling takes its largest number.",
    "j * stride : j * stride + K].max()",
    "j * stride : j * stride + K].mean()",
    hint="Compute the first window on paper.",
)
task.mistake(
    "not below 0",
    "Windows of negative numbers give 0. Their largest number is negative, too.",
    "j * stride : j * stride + K].max()",
    "j * stride : j * stride + K].max(initial=0.0)",
    hint="What is the largest of -3, -2 and -5?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 2.2: backward (3 points)
#
# Only the largest number of a window had an influence on the output, so all of `dout[n, c, i, j]` goes to it.
# Windows may overlap, and one number can be the largest of several. If several numbers of a window are equally
# large, take the first one, row by row, as `argmax` does.


# %%
def pool_backward(X, K, stride, dout):
    """Return dX, of the shape of X."""
    # BEGIN SOLUTION
    dX = np.zeros(X.shape)
    for n, c, i, j in np.ndindex(dout.shape):
        top, left = i * stride, j * stride
        window = X[n, c, top : top + K, left : left + K]
        row, column = np.unravel_index(window.argmax(), window.shape)
        dX[n, c, top + row, left + column] += dout[n, c, i, j]
    return dX
    # END SOLUTION


def pool_loss(X, K, stride, dout):
    """Return a loss whose gradient with respect to the output is dout. The graph that it records explains mistakes."""
    return (F.max_pool2d(X, K, stride) * dout).sum()


# %%
# BEGIN TESTS
task = assignment.task("2.2", "max pooling, backward", points=3)
task.check(
    pool_backward,
    lambda rng: (distinct(rng, 1, 1, 4, 4), 2, 2, whole(rng, 1, 1, 2, 2)),
    name="windows side by side",
    outputs=["dX"],
    gradient_of=pool_loss,
    wrt=[0],
)
task.check(
    pool_backward,
    (
        np.array([[[[1.0, 2.0, 0.0], [3.0, 9.0, 4.0], [5.0, 6.0, 7.0]]]]),
        2,
        1,
        np.array([[[[1.0, 10.0], [100.0, 1000.0]]]]),
    ),
    name="one number that is the largest of four windows",
    outputs=["dX"],
    gradient_of=pool_loss,
    wrt=[0],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    pool_backward,
    lambda rng: (distinct(rng, 2, 3, 5, 7), 3, 2, rng.standard_normal((2, 3, 2, 3))),
    name="windows that overlap",
    outputs=["dX"],
    gradient_of=pool_loss,
    wrt=[0],
)
task.check(
    pool_backward,
    (np.array([[[[2.0, 1.0], [2.0, 2.0]]]]), 2, 2, np.array([[[[6.0]]]])),
    name="three that are equal",
    outputs=["dX"],
)
task.mistake(
    "the last window wins",
    "The second window overwrites what the first has sent to the same number. Contributions add up: +=.",
    "left + column] += dout[n, c, i, j]",
    "left + column] = dout[n, c, i, j]",
    hint="Can a number be the largest of two windows?",
)
task.mistake(
    "everybody gets it",
    "Every number of the window gets the gradient. Only the largest one had an influence.",
    "dX[n, c, top + row, left + column] += dout[n, c, i, j]",
    "dX[n, c, top : top + K, left : left + K] += dout[n, c, i, j]",
    hint="If a number that is not the largest grows a little, what does the output do?",
)
task.mistake(
    "all that are equal",
    "All numbers that equal the maximum get the whole gradient. Only the first of them gets it.",
    "dX[n, c, top + row, left + column] += dout[n, c, i, j]",
    "dX[n, c, top : top + K, left : left + K] += (window == window.max()) * dout[n, c, i, j]",
    hint="What if two numbers of a window are equally large?",
)
# END HIDDEN TESTS

# %% [markdown]
# # Part 3: one matrix product
#
# The loops over places all do the same: a window, as a row of numbers, times a filter, as a row of numbers. So copy
# all windows of all images into one tall matrix, a window a row. Then the whole convolution is one matrix product,
# which is what computers do best.
#
# ## Task 3.1: windows into rows (3 points)
#
# Return a matrix of shape (N * OH * OW, C * K * K). Its rows come in the order of (n, i, j): all places of the
# first image, row by row, then those of the second. Within a row the numbers come in the order of a filter:
# (channel, row, column). Two loops, over i and j, are enough if you take the windows of all images at once.


# %%
def im2col(X, K, stride=1, pad=0):
    """Return the windows of all images as the rows of a matrix."""
    # BEGIN SOLUTION
    N, C, height, width = X.shape
    padded = np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    OH, OW = output_size(height, K, stride, pad), output_size(width, K, stride, pad)
    rows = np.zeros((N, OH, OW, C * K * K))
    for i, j in np.ndindex(OH, OW):
        window = padded[:, :, i * stride : i * stride + K, j * stride : j * stride + K]
        rows[:, i, j] = window.reshape(N, -1)
    return rows.reshape(N * OH * OW, -1)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("3.1", "windows into rows", points=3, needs=["1.1"])
task.check(im2col, (np.arange(9.0).reshape(1, 1, 3, 3), 2), name="3 by 3, with numbers 0 to 8", outputs=["the matrix"])
task.check(im2col, lambda rng: (distinct(rng, 2, 2, 3, 4), 2), name="two images, two channels", outputs=["the matrix"])
# END TESTS
# BEGIN HIDDEN TESTS
task.check(im2col, lambda rng: (distinct(rng, 2, 3, 5, 4), 3, 2, 1), name="stride 2, padding 1", outputs=["the matrix"])
task.mistake(
    "images last",
    "The rows come in the order (i, j, n). They must come in the order (n, i, j): first all places of the first image.",
    "return rows.reshape(N * OH * OW, -1)",
    "return rows.transpose(1, 2, 0, 3).reshape(N * OH * OW, -1)",
    hint="Which image does the second row belong to?",
)
task.mistake(
    "channels last",
    "Within a row the channels come last. They must come first, as in a filter: (channel, row, column).",
    "window.reshape(N, -1)",
    "window.transpose(0, 2, 3, 1).reshape(N, -1)",
    hint="Where in its row is the second pixel of the first channel?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 3.2: rows back into images (3 points)
#
# This is what goes back through task 3.1. `drows` holds a gradient for each number of the matrix. A pixel was
# copied into every window that contains it, so what these copies send back is added up. `shape` is that of the
# images, without padding.


# %%
def col2im(drows, shape, K, stride=1, pad=0):
    """Return the gradient of the images, of shape `shape`."""
    # BEGIN SOLUTION
    N, C, height, width = shape
    OH, OW = output_size(height, K, stride, pad), output_size(width, K, stride, pad)
    windows = drows.reshape(N, OH, OW, C, K, K)
    dpadded = np.zeros((N, C, height + 2 * pad, width + 2 * pad))
    for i, j in np.ndindex(OH, OW):
        dpadded[:, :, i * stride : i * stride + K, j * stride : j * stride + K] += windows[:, i, j]
    return dpadded[:, :, pad : pad + height, pad : pad + width]
    # END SOLUTION


def col2im_of(drows, shape, K, stride, pad):
    """Return your gradient of the images."""
    return col2im(drows, tuple(int(n) for n in shape), K, stride, pad)


# %%
# BEGIN TESTS
task = assignment.task("3.2", "rows back into images", points=3, needs=["1.1"])
task.check(col2im_of, (np.ones((4, 4)), [1, 1, 3, 3], 2, 1, 0), name="how many windows a pixel is in", outputs=["dX"])
task.check(
    col2im_of, lambda rng: (whole(rng, 8, 8), [2, 2, 3, 3], 2, 1, 0), name="two images, two channels", outputs=["dX"]
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    col2im_of,
    lambda rng: (rng.standard_normal((12, 27)), [2, 3, 5, 4], 3, 2, 1),
    name="stride 2, padding 1",
    outputs=["dX"],
)
task.mistake(
    "copied, not added",
    "Each window overwrites what others have sent to the same pixels. What the copies of a number send back adds up.",
    "j * stride : j * stride + K] += windows[:, i, j]",
    "j * stride : j * stride + K] = windows[:, i, j]",
    hint="How many windows contain the pixel in the middle?",
)
task.mistake(
    "channels last",
    "The numbers of a row are taken in the order (row, column, channel). They come as in a filter, channels first.",
    "windows = drows.reshape(N, OH, OW, C, K, K)",
    "windows = drows.reshape(N, OH, OW, K, K, C).transpose(0, 1, 2, 5, 3, 4)",
    hint="Which number of a row belongs to the second pixel of the first channel?",
)
task.mistake(
    "padding not cut off",
    "The result has the shape of the padded images. Cut the padding off.",
    "return dpadded[:, :, pad : pad + height, pad : pad + width]",
    "return dpadded",
    hint="Compare the shape of your result with `shape`.",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 3.3: convolution as a product, forward (2 points)
#
# Write the filters as a matrix, too, a filter a row. One product gives all outputs, of shape (N * OH * OW, F). Then
# put them into their places: (N, F, OH, OW). Mind the order of the axes: first give the product the shape that its
# rows have, then move the axis of the filters.


# %%
def conv_forward_fast(X, filters, b, stride=1, pad=0):
    """Return the output of the convolution, shape (N, F, OH, OW)."""
    # BEGIN SOLUTION
    (N, _, height, width), (count, _, K, _) = X.shape, filters.shape
    product = im2col(X, K, stride, pad) @ filters.reshape(count, -1).T + b
    shape = N, output_size(height, K, stride, pad), output_size(width, K, stride, pad), count
    return product.reshape(shape).transpose(0, 3, 1, 2)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("3.3", "convolution as a product, forward", points=2, needs=["1.1", "3.1"])
task.check(
    conv_forward_fast,
    lambda rng: (whole(rng, 1, 1, 3, 3), whole(rng, 2, 1, 2, 2), np.array([10.0, 20.0])),
    name="one image, two filters",
    outputs=["out"],
)
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    conv_forward_fast,
    lambda rng: (rng.standard_normal((2, 3, 6, 7)), rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4), 2, 1),
    name="stride 2, padding 1",
    outputs=["out"],
)
task.mistake(
    "filters in columns",
    "Reshaping the filters to (C * K * K, F) mixes them: it reads their numbers in order. Make each filter a row, then "
    "transpose.",
    "filters.reshape(count, -1).T + b",
    "filters.reshape(-1, count) + b",
    hint="Which numbers are in the first column of your matrix of filters?",
)
task.mistake(
    "reshaped, not transposed",
    "The product is reshaped to the shape of the output at once. The filters are its last axis: reshape to "
    "(N, OH, OW, F), then transpose.",
    "product.reshape(shape).transpose(0, 3, 1, 2)",
    "product.reshape(N, count, shape[1], shape[2])",
    hint="Which number of the product comes behind the first one? Where does it belong?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## Task 3.4: convolution as a product, backward (3 points)
#
# Bring `dout` into the shape of the product, (N * OH * OW, F), by undoing the last step of task 3.3. What is left
# is the backward pass of a matrix product with a bias, and of the windows (task 3.2).


# %%
def conv_backward_fast(X, filters, b, dout, stride=1, pad=0):
    """Return dX, dfilters and db, each of the shape of its array."""
    # BEGIN SOLUTION
    count, _, K, _ = filters.shape
    dproduct = dout.transpose(0, 2, 3, 1).reshape(-1, count)
    dfilters = (dproduct.T @ im2col(X, K, stride, pad)).reshape(filters.shape)
    drows = dproduct @ filters.reshape(count, -1)
    return col2im(drows, X.shape, K, stride, pad), dfilters, dproduct.sum(axis=0)
    # END SOLUTION


# %%
# BEGIN TESTS
task = assignment.task("3.4", "convolution as a product, backward", points=3, needs=["1.1", "3.1", "3.2"])
for inputs, name in ((conv_small, "one image, one filter"), (conv_strided, "stride 2, padding 1")):
    task.check(
        conv_backward_fast, inputs, name=name, outputs=["dX", "dfilters", "db"], gradient_of=conv_loss, wrt=[0, 1, 2]
    )
# END TESTS
# BEGIN HIDDEN TESTS
task.check(
    conv_backward_fast,
    conv_large,
    name="padding 2",
    outputs=["dX", "dfilters", "db"],
    gradient_of=conv_loss,
    wrt=[0, 1, 2],
)
task.mistake(
    "reshaped, not transposed",
    "dout is reshaped at once, which mixes filters and places. Move the axis of the filters to the end first.",
    "dout.transpose(0, 2, 3, 1).reshape(-1, count)",
    "dout.reshape(-1, count)",
    hint="Undo the steps of the forward pass in reverse: the transpose first.",
)
task.mistake(
    "the bias is a mean",
    "The gradient of the bias is averaged over the places. It is used at every place, so they add up.",
    "dproduct.sum(axis=0)",
    "dproduct.mean(axis=0)",
    hint="If the bias grows by 1, how many numbers of the output grow by 1?",
)
# END HIDDEN TESTS

# %% [markdown]
# ## How much faster?
#
# Nothing to write here. The cell runs both of yours, and minigrad's, on a batch of small images. Guess the ratio
# first.


# %%
def compare():
    """Print how long each of the three needs, and the largest difference."""
    rng = np.random.default_rng(0)
    X, filters, b = rng.standard_normal((4, 3, 12, 12)), rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4)
    results = []
    for name, function in (("loops", conv_forward), ("product", conv_forward_fast)):
        begin = time.perf_counter()
        results.append(function(X, filters, b, 1, 1))
        print(f"{name:8} {1000 * (time.perf_counter() - begin):8.1f} ms")
    begin = time.perf_counter()
    results.append(np.asarray(F.conv2d(X, filters, b, 1, 1)))
    print(f"minigrad {1000 * (time.perf_counter() - begin):8.1f} ms")
    print(f"the largest difference is {max(abs(r - results[0]).max() for r in results):.0e}")


if __name__ == "__main__":  # not when it is graded
    try:
        compare()
    except Exception as error:
        print("The comparison runs when both are written and right. Not yet:", error)

# %% [markdown]
# ## Task 4: in your words (2 points)
#
# The matrix of windows is not free. For 3 by 3 filters with stride 1, about how many times as much memory does it
# need as the images? And why does `col2im` add where `im2col` copies?

# %% [markdown]
# BEGIN SOLUTION
# About 9 times as much: nearly every pixel lies in 9 windows and is copied into each. The loss depends on a pixel
# through each of its copies, so by the chain rule the gradients of the copies are summed: the backward pass of a
# copy is a sum.
# END SOLUTION

# %%
# BEGIN TESTS
task = assignment.task("4", "in your words", points=2)
task.rubric(
    "How much memory does the matrix of windows need, and why does col2im add?",
    {"about 9 times: a pixel lies in 9 windows": 1.0, "a copied number gets the sum of its copies' gradients": 1.0},
    samples=[
        "Nine times as much, since nearly every pixel is in nine windows. The loss depends on a pixel through all of "
        "its copies, so their gradients add up."
    ],
)
# END TESTS
