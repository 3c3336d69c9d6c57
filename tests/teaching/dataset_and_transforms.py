"""A Dataset of one's own with transforms, splits, samplers, a collate function and an iterable data set."""

import math
import random

import numpy as np
import torch
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, TensorDataset, random_split
from torch.utils.data.dataloader import default_collate
from torch.utils.data.sampler import SequentialSampler, SubsetRandomSampler, WeightedRandomSampler


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, sample):
        for t in self.transforms:
            sample = t(sample)
        return sample


class Normalize:
    def __init__(self, mean, std):
        self.mean, self.std = torch.as_tensor(mean).view(-1, 1, 1), torch.as_tensor(std).view(-1, 1, 1)

    def __call__(self, sample):
        sample["image"] = sample["image"].float().div(255).sub_(self.mean).div_(self.std)
        return sample


class Flip:
    def __call__(self, sample):
        return {**sample, "image": sample["image"].flip(-1)} if sample["label"] % 2 else sample


class Faces(Dataset):
    def __init__(self, n, transform=None, target_transform=None):
        rng = np.random.default_rng(10)
        self.images = rng.integers(0, 256, size=(n, 2, 4, 4), dtype=np.uint8)
        self.labels = rng.integers(0, 3, size=n)
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        if torch.is_tensor(idx):
            idx = idx.tolist()
        sample = {"image": torch.from_numpy(self.images[idx]), "label": int(self.labels[idx]), "name": f"{idx}.png"}
        return self.transform(sample) if self.transform else sample


class Stream(IterableDataset):
    def __iter__(self):
        return iter([(torch.tensor([i, i**2]), float(i)) for i in range(5)])


faces = Faces(11, Compose([Normalize([0.5, 0.4], [0.2, 0.3]), Flip()]))
loader = DataLoader(faces, batch_size=4, shuffle=False, num_workers=0, pin_memory=False, drop_last=True)
results = [len(loader), len(loader.dataset)]
for batch_idx, batch in enumerate(loader):
    results += [batch_idx, batch["image"].mean().item(), *batch["label"].tolist(), len(batch["name"])]
    assert batch["image"].dtype == torch.float32 and batch["label"].dtype == torch.int64
train, test = random_split(faces, [8, 3], generator=torch.Generator().manual_seed(42))
assert sorted([*train.indices, *test.indices]) == list(range(11))
thirds = random_split(range(9), [1 / 3, 2 / 3])
results += [len(train), len(test), *map(len, thirds)]
for x, y in DataLoader(Stream(), batch_size=2):
    results += [*x.flatten().tolist(), *y.tolist()]
both = ConcatDataset([TensorDataset(torch.arange(3)), Subset(TensorDataset(torch.arange(10, 20)), [1, 3])])
results += [x.item() for (x,) in DataLoader(both, sampler=SequentialSampler(both))]
sampler = SubsetRandomSampler([1, 2, 3])
assert sorted(x.item() for (x,) in DataLoader(both, sampler=sampler)) == [1, 2, 11]
weighted = WeightedRandomSampler([0.0, 1.0, 0.0], num_samples=4, replacement=True)
results += list(weighted)
custom = DataLoader(faces, batch_size=3, collate_fn=lambda samples: default_collate([s["label"] for s in samples]))
results += torch.cat(list(custom)).tolist()
first = next(iter(custom))
results += [first.sum().item(), math.ceil(len(faces) / 3) == len(custom)]
random.seed(0)
