"""A file of models: blocks from a configuration, lazy layers, residual connections, a registry, counts and freezing."""

import numpy as np
import torch
from given import fill
from torch import nn

REGISTRY = {}


def register(cls):
    REGISTRY[cls.__name__.lower()] = cls
    return cls


class ConvBlock(nn.Sequential):
    def __init__(self, channels, stride=1):
        super().__init__(
            nn.LazyConv2d(channels, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.LazyBatchNorm2d(),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    def __init__(self, channels, stride=1):
        super().__init__()
        self.main = nn.Sequential(
            ConvBlock(channels, stride), nn.LazyConv2d(channels, 3, padding=1), nn.LazyBatchNorm2d()
        )
        self.shortcut = nn.LazyConv2d(channels, 1, stride=stride) if stride != 1 else nn.Identity()

    def forward(self, x):
        return torch.relu_(self.main(x) + self.shortcut(x))


@register
class VGG(nn.Module):
    def __init__(self, cfg=(4, "M", 6, "M"), num_classes=3):
        super().__init__()
        layers = [nn.MaxPool2d(2, 2) if c == "M" else ConvBlock(c) for c in cfg]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Flatten(), nn.LazyLinear(num_classes))

    def forward(self, x):
        return self.classifier(self.features(x))


@register
class ResNet(nn.Module):
    def __init__(self, num_classes=3):
        super().__init__()
        self.stem = ConvBlock(4)
        self.stages = nn.ModuleList([Residual(4), Residual(6, stride=2)])
        self.pool, self.head = nn.AdaptiveAvgPool2d((1, 1)), nn.LazyLinear(num_classes)

    def forward(self, x):
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.head(torch.flatten(self.pool(x), 1))


rng = np.random.default_rng(4)
images = torch.tensor(rng.normal(size=(6, 2, 8, 8)), dtype=torch.float32)
targets = torch.tensor([0, 1, 2, 0, 1, 2])
results = []
for name in sorted(REGISTRY):
    model = REGISTRY[name](num_classes=3)
    assert any(isinstance(p, nn.parameter.UninitializedParameter) for p in model.parameters())
    model(images)
    fill(model)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    total = sum(p.numel() for p in model.parameters() if p.requires_grad)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    for _ in range(3):
        loss = nn.CrossEntropyLoss(label_smoothing=0.1)(model(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        results.append(loss.item())
    model.eval()
    results += [total, len(list(model.named_modules())), model(images[:2]).abs().sum().item()]
    results += [len(model.state_dict()), *next(iter(model.buffers())).tolist()]
