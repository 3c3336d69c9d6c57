"""Small programs as courses write them, each for a module called `torch`, which may be minigrad.

All random numbers are NumPy's, so that the losses they give are the same with both.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def tensors_by_hand(torch: Any) -> list[float]:
    """A polynomial for a sine, the gradients by hand and then by autograd."""
    dtype = torch.float
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    x = torch.linspace(-np.pi, np.pi, 200, device=device, dtype=dtype)
    y = torch.sin(x)
    a, b = torch.zeros((), device=device, dtype=dtype), torch.full((), 0.1, device=device, dtype=dtype)
    losses = []
    for _ in range(20):
        y_pred = a + b * x
        losses.append((y_pred - y).pow(2).sum().item())
        grad_y_pred = 2.0 * (y_pred - y)
        a -= 1e-4 * grad_y_pred.sum()
        b -= 1e-4 * (grad_y_pred * x).sum()
    w = torch.tensor([0.0, 0.1, 0.0, 0.0], requires_grad=True)
    powers = x.unsqueeze(-1).pow(torch.tensor([0, 1, 2, 3]))
    for _ in range(20):
        loss = (powers @ w - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            w -= 1e-6 * w.grad
            w.grad.zero_()
        losses.append(loss.item())
    return losses


def linear_regression(torch: Any) -> list[float]:
    """nn.Linear, MSELoss and SGD on mini-batches that are sliced by hand."""
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.normal(size=(100, 2))).float()
    y = X @ torch.tensor([[2.0], [-3.4]]) + 4.2 + 0.01 * torch.tensor(rng.normal(size=(100, 1)), dtype=torch.float32)
    model = torch.nn.Linear(2, 1)
    model.weight.data.fill_(0.1)
    torch.nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-3)
    criterion = torch.nn.MSELoss()
    losses = []
    for _ in range(3):
        for i in range(0, len(X), 10):
            loss = criterion(model(X[i : i + 10]), y[i : i + 10])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses + model.weight.detach().numpy().ravel().tolist()


def classifier(torch: Any) -> list[float]:
    """A class of layers, DataLoader, CrossEntropyLoss, Adam; accuracy; the state saved into another model."""
    rng = np.random.default_rng(1)
    points = rng.normal(size=(120, 2)).astype(np.float32)
    labels = (points[:, 0] * points[:, 1] > 0).astype(np.int64) + (points[:, 0] > 1)
    nn, F = torch.nn, torch.nn.functional

    class Net(nn.Module):  # type: ignore[misc]
        def __init__(self, hidden: int) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, hidden, bias=False))
            self.norm = nn.BatchNorm1d(hidden)
            self.head = nn.Linear(hidden, 3)

        def forward(self, x: Any) -> Any:
            return self.head(F.leaky_relu(self.norm(self.body(x)), 0.1))

    def weights(module: Any) -> None:
        if isinstance(module, nn.Linear):
            with torch.no_grad():
                module.weight.copy_(torch.from_numpy(rng.normal(size=tuple(module.weight.shape)) * 0.5))
                if module.bias is not None:
                    module.bias.zero_()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = Net(8).to(device).apply(weights)
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(points), torch.tensor(labels))
    loader = torch.utils.data.DataLoader(dataset, batch_size=32, shuffle=False, drop_last=False)
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    history = []
    for _ in range(4):
        net.train()
        running = 0.0
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            optimizer.zero_grad()
            loss = criterion(net(inputs), targets)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            running += loss.item() * inputs.size(0)
        scheduler.step()
        net.eval()
        with torch.no_grad():
            logits = net(torch.from_numpy(points))
            _, predicted = torch.max(logits, 1)
            accuracy = (predicted == torch.LongTensor(labels)).sum().item() / len(labels)
        history += [running / len(dataset), accuracy]
    other = Net(8)
    other.load_state_dict(net.state_dict())
    other.eval()
    assert torch.allclose(other(torch.from_numpy(points)), logits)
    return history


def characters(torch: Any) -> list[float]:
    """A recurrent network by hand over one-hot characters, back-propagated through time."""
    text = "hello world, hello minigrad"
    alphabet = sorted(set(text))
    indices = torch.tensor([alphabet.index(c) for c in text])
    rng = np.random.default_rng(2)
    n, hidden = len(alphabet), 16
    shapes = {"Wxh": (n, hidden), "Whh": (hidden, hidden), "bh": (hidden,), "Why": (hidden, n), "by": (n,)}
    p = {k: torch.tensor(rng.normal(size=s) * 0.1, dtype=torch.float32, requires_grad=True) for k, s in shapes.items()}
    losses = []
    for _ in range(8):
        h, loss = torch.zeros(1, hidden), torch.tensor(0.0)
        for t in range(len(text) - 1):
            x = torch.nn.functional.one_hot(indices[t], num_classes=n).float().view(1, -1)
            h = torch.tanh(x @ p["Wxh"] + h @ p["Whh"] + p["bh"])
            log_probs = torch.log_softmax(h @ p["Why"] + p["by"], dim=1)
            loss = loss - log_probs[0, indices[t + 1]]
        loss = loss / (len(text) - 1)
        for w in p.values():
            w.grad = None
        loss.backward()
        for w in p.values():
            w.data -= 0.5 * torch.clamp(w.grad, min=-1, max=1)
        losses.append(loss.item())
    return losses


def bigrams(torch: Any) -> list[float]:
    """Counts and their probabilities, then the same learnt; an embedding with a hidden layer."""
    words = ["emma", "olivia", "ava", "isabella", "sophia"]
    stoi = {s: i + 1 for i, s in enumerate(sorted(set("".join(words))))}
    stoi["."] = 0
    N = torch.zeros((len(stoi), len(stoi)), dtype=torch.int32)
    xs, ys = [], []
    for w in words:
        chs = ["."] + list(w) + ["."]
        for a, b in zip(chs, chs[1:]):
            N[stoi[a], stoi[b]] += 1
            xs.append(stoi[a])
            ys.append(stoi[b])
    P = (N + 1).float()
    P /= P.sum(1, keepdim=True)
    x, y = torch.tensor(xs), torch.tensor(ys)
    losses = [-P[x, y].log().mean().item()]
    rng = np.random.default_rng(3)
    C = torch.tensor(rng.normal(size=(len(stoi), 4)), dtype=torch.float)
    W1, b1 = torch.tensor(rng.normal(size=(4, 20)), dtype=torch.float) * 0.5, torch.zeros(20)
    W2 = torch.tensor(rng.normal(size=(20, len(stoi))) * 0.1).float()
    parameters = [C, W1, b1, W2]
    for p in parameters:
        p.requires_grad = True
    assert sum(p.nelement() for p in parameters) == 24 * len(stoi) + 100
    for _ in range(10):
        h = torch.tanh(C[x].view(-1, 4) @ W1 + b1)
        loss = torch.nn.functional.cross_entropy(h @ W2, y) + 0.01 * (W2**2).mean()
        for p in parameters:
            p.grad = None
        loss.backward()
        for p in parameters:
            p.data += -0.5 * p.grad
        losses.append(loss.item())
    g = torch.Generator().manual_seed(1)
    drawn = torch.multinomial(P[0], num_samples=5, replacement=True, generator=g)
    assert drawn.dtype == torch.int64 and drawn.shape == (5,)
    return losses


def two_players(torch: Any) -> list[float]:
    """A generator and a discriminator with an optimiser each; labels of ones and zeros; detached samples."""
    nn, rng = torch.nn, np.random.default_rng(4)
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    discriminator = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1), nn.Sigmoid())
    for p in [*generator.parameters(), *discriminator.parameters()]:
        p.data = torch.tensor(rng.normal(size=tuple(p.shape)) * 0.4, dtype=p.dtype)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    d_optimizer = torch.optim.RMSprop(discriminator.parameters(), lr=2e-3)
    criterion = nn.BCELoss()
    losses = []
    for _ in range(6):
        real = torch.from_numpy(rng.normal(size=(16, 2)) + 2).to(torch.float32)
        fake = generator(torch.as_tensor(rng.normal(size=(16, 2)), dtype=torch.float32))
        d_loss = criterion(discriminator(real), torch.ones(16, 1))
        d_loss = d_loss + criterion(discriminator(fake.detach()), torch.zeros(16, 1))
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        g_loss = criterion(discriminator(fake), torch.ones_like(d_loss).expand(16, 1))
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        losses += [d_loss.item(), g_loss.item()]
    return losses


def images(torch: Any) -> list[float]:
    """A small convolutional network, its loss by nll_loss."""
    nn, F, rng = torch.nn, torch.nn.functional, np.random.default_rng(5)

    class LeNet(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 6, kernel_size=3)
            self.pool, self.flatten, self.fc = nn.MaxPool2d(2, 2), nn.Flatten(), nn.Linear(6 * 2 * 2, 3)

        def forward(self, x: Any) -> Any:
            x = self.pool(F.relu(self.conv1(x)))
            x = self.pool(torch.relu(self.conv2(x)))
            return F.log_softmax(self.fc(self.flatten(x)), dim=-1)

    model = LeNet()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.tensor(rng.normal(size=tuple(p.size())) * 0.3))
    x = torch.tensor(rng.normal(size=(12, 1, 12, 12)), dtype=torch.float)
    t = torch.from_numpy(rng.integers(0, 3, 12))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.8, 0.99))
    losses = []
    for _ in range(5):
        loss = F.nll_loss(model(x), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [*losses, model(x).argmax(dim=1, keepdim=True).eq(t.view(-1, 1)).sum().item()]


def attention(torch: Any) -> list[float]:
    """One head of causal self-attention over embeddings, with masks and a layer norm."""
    nn, F, rng = torch.nn, torch.nn.functional, np.random.default_rng(6)
    B, T, V, D = 2, 6, 7, 8

    def w(*shape: int) -> Any:
        return nn.Parameter(torch.tensor(rng.normal(size=shape) * 0.3, dtype=torch.float32))

    table, key, query, value, out = w(V, D), w(D, D), w(D, D), w(D, D), w(D, V)
    norm = nn.LayerNorm(D)
    idx = torch.tensor(rng.integers(0, V, (B, T + 1)), dtype=torch.long)
    tril = torch.tril(torch.ones(T, T))
    optimizer = torch.optim.SGD([table, key, query, value, out, *norm.parameters()], lr=0.1)
    losses = []
    for _ in range(6):
        x = norm(F.embedding(idx[:, :-1], table) + torch.arange(T, dtype=torch.float32).view(1, T, 1) / T)
        k, q, v = x @ key, x @ query, x @ value
        wei = q @ k.transpose(-2, -1) * k.shape[-1] ** -0.5
        wei = wei.masked_fill(tril[:T, :T] == 0, float("-inf"))
        logits = (F.softmax(wei, dim=-1) @ v + x) @ out
        loss = F.cross_entropy(logits.view(B * T, V), idx[:, 1:].reshape(B * T))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def variational(torch: Any) -> list[float]:
    """The reparameterisation with given noise, the divergence by distributions, a policy gradient."""
    rng = np.random.default_rng(7)
    x = torch.tensor(rng.normal(size=(20, 3)), dtype=torch.float64)
    mean = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    log_var = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    logits = torch.zeros(4, requires_grad=True)
    optimizer = torch.optim.Adagrad([mean, log_var, logits], lr=0.1)
    losses = []
    for i in range(6):
        q = torch.distributions.Normal(mean, torch.exp(0.5 * log_var))
        z = mean + torch.exp(0.5 * log_var) * torch.from_numpy(rng.normal(size=(20, 3)))
        kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(torch.zeros_like(mean), 1.0)).sum()
        policy = torch.distributions.Categorical(logits=logits)
        reward = -policy.log_prob(torch.tensor(i % 4)) - 0.1 * policy.entropy()
        loss = ((x - z) ** 2).mean() + 0.1 * kl + reward
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


PROGRAMS = [tensors_by_hand, linear_regression, classifier, characters, bigrams, two_players, images, attention]
PROGRAMS += [variational]
