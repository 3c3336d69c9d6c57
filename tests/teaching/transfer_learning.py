"""Transfer learning: frozen layers, a new head, groups with their own rates, early stopping, the best weights kept."""

import copy
import time

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from given import fill
from torch.optim import lr_scheduler

rng = np.random.default_rng(14)
backbone = fill(nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.BatchNorm1d(10), nn.Linear(10, 8), nn.ReLU()))
model = nn.Sequential()
model.add_module("backbone", backbone)
model.add_module("fc", fill(nn.Linear(8, 4), seed=1))
for name, param in model.named_parameters():
    if name.startswith("backbone.0"):
        param.requires_grad = False
model.backbone[2].eval()
trainable = [p for p in model.parameters() if p.requires_grad]
assert len(trainable) < len(list(model.parameters()))
in_features = model.fc.in_features
model.fc = fill(nn.Linear(in_features, 2), seed=2)
data = {p: torch.tensor(rng.normal(size=(24, 6)), dtype=torch.float32) for p in ("train", "val")}
labels = {p: (x[:, 0] > x[:, 1]).long() for p, x in data.items()}
criterion = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))
optimizer = optim.SGD(
    [{"params": model.fc.parameters()}, {"params": model.backbone[3].parameters(), "lr": 1e-3}], lr=0.1, momentum=0.9
)
exp_lr_scheduler = lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)
plateau = lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", factor=0.5, patience=0)
best_model_wts, best_acc, since = copy.deepcopy(model.state_dict()), 0.0, time.time()
results = []
before = model.backbone[0].weight.clone()
for epoch in range(4):
    for phase in ["train", "val"]:
        model.train() if phase == "train" else model.eval()
        with torch.set_grad_enabled(phase == "train"):
            outputs = model(data[phase])
            _, preds = torch.max(outputs, 1)
            loss = criterion(outputs, labels[phase])
            if phase == "train":
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        corrects = torch.sum(preds == labels[phase].data)
        if phase == "train":
            exp_lr_scheduler.step()
        epoch_acc = corrects.double() / len(data[phase])
        if phase == "val":
            plateau.step(epoch_acc)
            if epoch_acc > best_acc:
                best_acc = epoch_acc
                best_model_wts = copy.deepcopy(model.state_dict())
        results += [loss.item() * data[phase].size(0), epoch_acc.item(), *[g["lr"] for g in optimizer.param_groups]]
model.load_state_dict(best_model_wts)
assert torch.equal(before, model.backbone[0].weight) and model.backbone[0].weight.grad is None
assert time.time() - since >= 0
results += [float(best_acc), model.fc.weight.sum().item(), model.backbone[2].num_batches_tracked.item()]
