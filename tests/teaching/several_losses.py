"""Short ones: a learning-rate finder, mixup, knowledge distillation, a siamese net with triplets, a mixture density."""

import copy
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from given import fill
from torch.optim.swa_utils import AveragedModel

rng = np.random.default_rng(15)
x = torch.tensor(rng.normal(size=(40, 4)), dtype=torch.float32)
y = torch.from_numpy(rng.integers(0, 3, 40))
results = []

# a learning-rate finder
net = fill(nn.Sequential(nn.Linear(4, 8), nn.ELU(), nn.Linear(8, 3)))
start = copy.deepcopy(net.state_dict())
optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)
finder = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=(10 / 1e-4) ** (1 / 9))
smoothed, beta = 0.0, 0.8
for i in range(10):
    loss = F.cross_entropy(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    finder.step()
    smoothed = beta * smoothed + (1 - beta) * loss.item()
    results += [math.log10(optimizer.param_groups[0]["lr"]), smoothed / (1 - beta ** (i + 1))]
net.load_state_dict(start)

# mixup, with an exponential moving average of the weights
optimizer = torch.optim.NAdam(net.parameters(), lr=0.01)
ema = AveragedModel(net, avg_fn=lambda averaged, new, n: 0.9 * averaged + 0.1 * new)
for _ in range(5):
    lam, index = rng.beta(0.4, 0.4), torch.as_tensor(rng.permutation(40))
    pred = net(lam * x + (1 - lam) * x[index])
    loss = lam * F.cross_entropy(pred, y) + (1 - lam) * F.cross_entropy(pred, y[index])
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    optimizer.step()
    ema.update_parameters(net)
    results.append(loss.item())
results.append(F.nll_loss(F.log_softmax(ema(x), dim=1), y).item())

# distillation
teacher, student = net.eval().requires_grad_(False), fill(nn.Linear(4, 3))
optimizer, T = torch.optim.Adamax(student.parameters(), lr=0.02), 3.0
for _ in range(5):
    logits = student(x)
    soft = F.kl_div(F.log_softmax(logits / T, dim=1), F.softmax(teacher(x) / T, dim=1), reduction="batchmean") * T * T
    loss = 0.7 * soft + 0.3 * F.cross_entropy(logits, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    results += [soft.item(), loss.item()]

# a siamese network
embed = fill(nn.Sequential(nn.Linear(4, 6), nn.PReLU(), nn.Linear(6, 2)))
optimizer = torch.optim.Adadelta(embed.parameters())
triplet, cosine = nn.TripletMarginLoss(margin=0.5, p=2), nn.CosineEmbeddingLoss(margin=0.1)
for i in range(5):
    a, p, n = (F.normalize(embed(x[k : k + 10]), dim=1) for k in (0, 10, 20))
    pairs = torch.tensor([1.0, -1.0] * 5)
    loss = triplet(a, p, n) + cosine(a, n, pairs) + F.pairwise_distance(a, p).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    results += [loss.item(), F.cosine_similarity(a, n).mean().item()]
results.append(torch.cdist(a, n).topk(3, largest=False).values.sum().item())

# a mixture density network
mdn = fill(nn.Linear(4, 9))
optimizer = torch.optim.LBFGS(mdn.parameters(), max_iter=5, line_search_fn="strong_wolfe")
target = x[:, :1].sin() + 0.1


def closure():
    optimizer.zero_grad()
    logits, mu, log_sigma = mdn(x).chunk(3, dim=1)
    normal = torch.distributions.Normal(mu, F.softplus(log_sigma) + 1e-2)
    loss = -torch.logsumexp(F.log_softmax(logits, 1) + normal.log_prob(target), dim=1).mean()
    loss.backward()
    return loss


results += [optimizer.step(closure).item(), closure().item()]
