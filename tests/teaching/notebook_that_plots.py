"""A notebook: a table of data, a decision boundary on a grid, a confusion matrix, and matplotlib on tensors."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from given import fill

rng = np.random.default_rng(2)
angle = rng.uniform(0, 2 * np.pi, 150)
radius = np.repeat([0.5, 1.0, 1.5], 50) + 0.05 * rng.normal(size=150)
points = torch.tensor(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), dtype=torch.float)
labels = torch.arange(3).repeat_interleave(50)
mean, std = points.mean(dim=0), points.std(dim=0)
points = (points - mean) / std

net = fill(nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)))
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
losses, accuracies = [], []
for epoch in range(40):
    out = net(points)
    loss = F.cross_entropy(out, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    accuracies.append((out.argmax(1) == labels).float().mean())

axis = torch.linspace(-2, 2, 9)
xx, yy = torch.meshgrid(axis, axis, indexing="xy")
with torch.no_grad():
    regions = net(torch.column_stack((xx.ravel(), yy.ravel()))).softmax(dim=-1).reshape(9, 9, 3)
confusion = torch.zeros(3, 3, dtype=torch.long)
for true, guess in zip(labels, net(points).argmax(1)):
    confusion[true, guess] += 1
try:
    import matplotlib
except ImportError:
    pass
else:
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    fig, (left, right) = plt.subplots(1, 2, figsize=(3, 2), dpi=40)
    left.plot(losses)
    left.plot(range(40), torch.stack(accuracies))
    left.hist(points[:, 0], bins=10)
    right.contourf(xx, yy, regions.argmax(-1))
    right.scatter(points[:, 0], points[:, 1], c=labels, s=5)
    right.imshow(regions[..., 0], alpha=0.1)
    right.set_title(f"loss {losses[-1]:.2f}")
    fig.canvas.draw()
    plt.close(fig)
results = [*losses[::8], torch.stack(accuracies)[-1].item(), *np.asarray(regions)[::4, ::4].ravel(), *confusion.ravel()]
results += [np.percentile(points.numpy(), 30), points[:, 1].median().item(), points.quantile(0.9).item()]
