"""REINFORCE with a baseline on a line world: Categorical, log_prob, entropy, discounted and standardized returns."""

import numpy as np
import torch
import torch.nn.functional as F
from given import fill
from torch import nn, optim
from torch.distributions import Categorical

rng = np.random.default_rng(11)


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(2, 12)
        self.action_head, self.value_head = nn.Linear(12, 2), nn.Linear(12, 1)
        self.saved, self.rewards = [], []

    def forward(self, x):
        x = F.relu(self.affine1(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


def select_action(state):
    probs, value = policy(torch.from_numpy(state).float())
    m = Categorical(probs)
    assert m.sample().shape == () and 0 <= m.sample().item() < 2
    action = torch.tensor(int(rng.random() < probs[1].item()))  # the same with all generators
    policy.saved.append((m.log_prob(action), value.squeeze(-1), m.entropy()))
    return action.item()


policy = fill(Policy(), 0.5)
optimizer = optim.Adam(policy.parameters(), lr=3e-2)
eps = np.finfo(np.float32).eps.item()
results = []
for episode in range(5):
    position, R = 0.0, 0
    for t in range(10):
        action = select_action(np.array([position, t / 10]))
        position += 1.0 if action else -1.0
        policy.rewards.append(position / 10)
    returns = []
    for r in policy.rewards[::-1]:
        R = r + 0.99 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    policy_losses, value_losses = [], []
    for (log_prob, value, entropy), R in zip(policy.saved, returns):
        advantage = R - value.item()
        policy_losses.append(-log_prob * advantage - 0.01 * entropy)
        value_losses.append(F.smooth_l1_loss(value, torch.tensor(R.item())))
    optimizer.zero_grad()
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()
    loss.backward()
    optimizer.step()
    results += [loss.item(), sum(policy.rewards)]
    del policy.rewards[:]
    del policy.saved[:]
