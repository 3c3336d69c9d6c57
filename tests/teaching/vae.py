"""A variational autoencoder with the reparameterization trick, its loss by hand and by distributions."""

import numpy as np
import torch
import torch.nn.functional as F
from given import fill
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.distributions.bernoulli import Bernoulli

rng = np.random.default_rng(6)


class VAE(nn.Module):
    def __init__(self, d=12, h=10, z=3):
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(d, h), nn.Linear(h, z), nn.Linear(h, z)
        self.fc3, self.fc4 = nn.Linear(z, h), nn.Linear(h, d)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.as_tensor(rng.normal(size=std.shape), dtype=std.dtype)
        return eps.mul(std).add_(mu)

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 12))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 12), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD, KLD


model = fill(VAE())
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
data = torch.tensor(rng.integers(0, 2, size=(20, 3, 4)), dtype=torch.float32)
results = []
for epoch in range(5):
    recon, mu, logvar = model(data)
    loss, kld = loss_function(recon, data, mu, logvar)
    q, p = Normal(mu, (0.5 * logvar).exp()), Normal(torch.zeros_like(mu), torch.ones_like(logvar))
    same = kl_divergence(q, p).sum()
    likelihood = Bernoulli(probs=recon.clamp(1e-6, 1 - 1e-6)).log_prob(data.reshape(20, -1)).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    results += [loss.item(), kld.item(), same.item(), likelihood.item(), q.entropy().mean().item()]
assert abs(results[1] - results[2]) < 1e-3
