"""Deep Q-learning: a replay memory, a target network updated softly, the Huber loss, gather and masks."""

import math
import random
from collections import deque, namedtuple

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from given import fill

Transition = namedtuple("Transition", ("state", "action", "next_state", "reward"))


class ReplayMemory:
    def __init__(self, capacity):
        self.memory = deque([], maxlen=capacity)

    def push(self, *args):
        self.memory.append(Transition(*args))

    def sample(self, batch_size):
        return random.sample(self.memory, batch_size)

    def __len__(self):
        return len(self.memory)


class DQN(nn.Module):
    def __init__(self, n_observations, n_actions):
        super().__init__()
        self.layer1, self.layer2 = nn.Linear(n_observations, 16), nn.Linear(16, 16)
        self.layer3 = nn.Linear(16, n_actions)

    def forward(self, x):
        return self.layer3(F.relu(self.layer2(F.relu(self.layer1(x)))))


random.seed(0)
rng = np.random.default_rng(17)
device = torch.device("mps" if torch.backends.mps.is_available() else "cpu")
policy_net, target_net = fill(DQN(3, 2)).to(device), DQN(3, 2).to(device)
target_net.load_state_dict(policy_net.state_dict())
optimizer = optim.AdamW(policy_net.parameters(), lr=1e-3, amsgrad=True)
memory, steps_done = ReplayMemory(50), 0


def select_action(state):
    global steps_done
    eps_threshold = 0.05 + 0.85 * math.exp(-1.0 * steps_done / 20)
    steps_done += 1
    if random.random() > eps_threshold:
        with torch.no_grad():
            return policy_net(state).max(1).indices.view(1, 1)
    return torch.tensor([[random.randrange(2)]], device=device, dtype=torch.long)


results = []
for episode in range(3):
    state = torch.tensor(rng.normal(size=3), dtype=torch.float32, device=device).unsqueeze(0)
    for t in range(12):
        action = select_action(state)
        reward = torch.tensor([1.0 if action.item() == int(state[0, 0] > 0) else 0.0], device=device)
        done = t == 11
        next_state = None if done else torch.tensor(rng.normal(size=(1, 3)), dtype=torch.float32)
        memory.push(state, action, next_state, reward)
        state = next_state
        if len(memory) < 8:
            continue
        batch = Transition(*zip(*memory.sample(8)))
        mask = torch.tensor(tuple(map(lambda s: s is not None, batch.next_state)), device=device, dtype=torch.bool)
        non_final = torch.cat([s for s in batch.next_state if s is not None])
        state_action_values = policy_net(torch.cat(batch.state)).gather(1, torch.cat(batch.action))
        next_state_values = torch.zeros(8, device=device)
        with torch.no_grad():
            next_state_values[mask] = target_net(non_final).max(1)[0]
        expected = (next_state_values * 0.9) + torch.cat(batch.reward)
        loss = nn.SmoothL1Loss()(state_action_values, expected.unsqueeze(1))
        optimizer.zero_grad()
        loss.backward()
        for param in policy_net.parameters():
            param.grad.data.clamp_(-1, 1)
        torch.nn.utils.clip_grad_value_(policy_net.parameters(), 100)
        optimizer.step()
        target_state, policy_state = target_net.state_dict(), policy_net.state_dict()
        for key in policy_state:
            target_state[key] = policy_state[key] * 0.05 + target_state[key] * 0.95
        target_net.load_state_dict(target_state)
    results += [episode, loss.item(), expected.mean().item(), target_net.layer3.weight.abs().sum().item()]
