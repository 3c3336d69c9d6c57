"""Data sets for learning: bundled ones, toy sets, the files that courses hand out; and random batches of them.

>>> train, test = digits()
>>> X, y = train.sample_data_batch(size=32)
>>> X.shape, X.dtype, y.shape, y.dtype
((32, 64), dtype('float32'), (32,), dtype('int64'))
"""

from minigrad.data.bundled import Split, digits, names, text
from minigrad.data.cifar import cifar10
from minigrad.data.dataset import Batch, Dataset
from minigrad.data.download import download
from minigrad.data.idx import fashion_mnist, mnist, read_idx
from minigrad.data.toy import spiral, two_moons
from minigrad.data.windows import Text, Vocabulary

__all__ = [
    "Batch",
    "Dataset",
    "Split",
    "Text",
    "Vocabulary",
    "cifar10",
    "digits",
    "download",
    "fashion_mnist",
    "mnist",
    "names",
    "read_idx",
    "spiral",
    "text",
    "two_moons",
]
