"""Data sets, samplers and `DataLoader`, under PyTorch's names.

>>> import minigrad
>>> from minigrad.utils.data import DataLoader, TensorDataset
>>> points = TensorDataset(minigrad.tensor([[0, 0], [0, 1], [1, 1]]), minigrad.tensor([0, 1, 0]))
>>> for x, y in DataLoader(points, batch_size=2):
...     print(x.tolist(), y.tolist())
[[0, 0], [0, 1]] [0, 1]
[[1, 1]] [0]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.output.absent import missing_from
from minigrad.utils.data.collate import default_collate, default_convert
from minigrad.utils.data.datasets import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)
from minigrad.utils.data.loader import DataLoader, get_worker_info
from minigrad.utils.data.samplers import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
]

if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__, "dataset", "dataloader", "sampler")
