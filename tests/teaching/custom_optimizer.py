"""Optimizers and schedulers written by learners, in PyTorch's way: state, groups, closures, a scheduler's formula."""

import math

import numpy as np
import torch
from given import fill
from torch import nn
from torch.optim.optimizer import Optimizer


class MyAdam(Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        defaults = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                grad = p.grad.add(p, alpha=group["weight_decay"])
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["exp_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                    state["exp_avg_sq"] = torch.zeros_like(p.data)
                exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
                state["step"] += 1
                exp_avg.mul_(beta1).add_(grad, alpha=1 - beta1)
                exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
                denom = (exp_avg_sq.sqrt() / math.sqrt(1 - beta2 ** state["step"])).add_(group["eps"])
                p.addcdiv_(exp_avg, denom, value=-group["lr"] / (1 - beta1 ** state["step"]))
        return loss


class Lookahead(Optimizer):
    def __init__(self, base, k=2, alpha=0.5):
        self.base, self.k, self.alpha, self.count = base, k, alpha, 0
        self.param_groups, self.defaults = base.param_groups, base.defaults
        self.slow = [[p.clone().detach() for p in group["params"]] for group in self.param_groups]

    def zero_grad(self, set_to_none=True):
        self.base.zero_grad()

    def step(self, closure=None):
        loss = self.base.step(closure)
        self.count += 1
        if self.count % self.k == 0:
            for group, slow in zip(self.param_groups, self.slow):
                for p, q in zip(group["params"], slow):
                    q.add_(p.data - q, alpha=self.alpha)
                    p.data.copy_(q)
        return loss


class Warmup(torch.optim.lr_scheduler.LRScheduler):
    def __init__(self, optimizer, steps, last_epoch=-1):
        self.steps = steps
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [base * min(1.0, (self.last_epoch + 1) / self.steps) for base in self.base_lrs]


rng = np.random.default_rng(13)
x = torch.tensor(rng.normal(size=(30, 3)), dtype=torch.float32)
y = (x.sum(1, keepdim=True) > 0).float()
criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0]))
results, finals = [], []
for make in (MyAdam, torch.optim.Adam):
    model = fill(nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 1)))
    optimizer = make(model.parameters(), lr=0.05, weight_decay=0.01)
    scheduler = Warmup(optimizer, 3)
    for _ in range(6):

        def closure():
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            return loss

        results += [optimizer.step(closure).item(), optimizer.param_groups[0]["lr"]]
        scheduler.step()
    finals.append(torch.nn.utils.parameters_to_vector(model.parameters()))
    results.append(len(optimizer.state_dict()["state"]))
assert torch.allclose(*finals, atol=1e-5)
model = fill(nn.Linear(3, 1))
optimizer = Lookahead(torch.optim.SGD(model.parameters(), lr=0.3))
for _ in range(4):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    results.append(loss.item())
