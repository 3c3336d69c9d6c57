"""A script that saves a checkpoint each epoch, is stopped, and resumes: the same losses as without a stop."""

import os
import tempfile

import numpy as np
import torch
from given import fill
from torch import nn, optim
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

rng = np.random.default_rng(3)
X, y = torch.tensor(rng.normal(size=(64, 5)), dtype=torch.float32), torch.tensor(rng.integers(0, 2, (64, 1))).float()


def build():
    model = fill(nn.Sequential(nn.Linear(5, 8, bias=False), nn.BatchNorm1d(8), nn.GELU(), nn.Linear(8, 1)))
    optimizer = optim.AdamW(
        [
            {"params": [p for p in model.parameters() if p.ndim > 1]},
            {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0},
        ],
        lr=1e-2,
        betas=(0.9, 0.95),
        weight_decay=0.1,
    )
    warmup = LinearLR(optimizer, start_factor=0.1, total_iters=3)
    scheduler = SequentialLR(optimizer, [warmup, CosineAnnealingLR(optimizer, T_max=9, eta_min=1e-4)], milestones=[3])
    return model, optimizer, scheduler


def train(model, optimizer, scheduler, epochs):
    model.train()
    losses = []
    for _ in range(*epochs):
        for batch in range(0, 64, 16):
            loss = nn.functional.binary_cross_entropy_with_logits(model(X[batch : batch + 16]), y[batch : batch + 16])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.5)
            optimizer.step()
        scheduler.step()
        losses += [loss.item(), norm.item(), scheduler.get_last_lr()[0]]
    return losses


whole = train(*build(), epochs=(0, 8))
model, optimizer, scheduler = build()
first = train(model, optimizer, scheduler, epochs=(0, 4))
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "checkpoint.pth")
    torch.save(
        {
            "epoch": 4,
            "model_state_dict": model.state_dict(),
            "optimizer_state_dict": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "rng": torch.get_rng_state(),
            "best": min(first),
        },
        path,
    )
    checkpoint = torch.load(path, map_location=torch.device("cpu"), weights_only=True)
model, optimizer, scheduler = build()
missing = model.load_state_dict(checkpoint["model_state_dict"], strict=True)
optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
scheduler.load_state_dict(checkpoint["scheduler"])
rest = train(model, optimizer, scheduler, epochs=(checkpoint["epoch"], 8))
assert first + rest == whole and not missing.missing_keys
model.eval()
results = whole + model(X[:3]).sigmoid().squeeze(-1).tolist() + list(model.state_dict()["1.running_var"])
