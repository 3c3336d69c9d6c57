"""A book's chapter: a line by the normal equations, by hand, by autograd, and by nn.Module; ridge and polynomials."""

import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(1)
x = torch.from_numpy(rng.uniform(-2, 2, size=(60, 1)).astype("float32"))
noise = torch.tensor(rng.normal(size=(60, 1)), dtype=torch.float32)
y = 1.5 * x - 0.7 + 0.1 * noise

# 1. in closed form
X = torch.cat((torch.ones_like(x), x), dim=1)
theta = torch.linalg.solve(X.T @ X, X.T @ y)
ridge = torch.inverse(X.t().mm(X) + 0.1 * torch.eye(2)).mm(X.t()).mm(y)
by_lstsq = torch.linalg.lstsq(X, y).solution

# 2. by gradient descent, with the gradient written down
w, b = torch.zeros(1), torch.zeros(1)
for _ in range(50):
    error = x * w + b - y
    w -= 0.1 * 2 * (error * x).mean()
    b -= 0.1 * 2 * error.mean()

# 3. by autograd
params = torch.zeros(2, requires_grad=True)
for _ in range(50):
    if params.grad is not None:
        params.grad.zero_()
    loss = ((X @ params.unsqueeze(1) - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        params -= 0.1 * params.grad


# 4. as a module, of a polynomial
class Polynomial(nn.Module):
    def __init__(self, degree):
        super().__init__()
        self.degree = degree
        self.coefficients = nn.Parameter(torch.zeros(degree + 1))

    def forward(self, x):
        powers = torch.stack([x**k for k in range(self.degree + 1)], dim=-1)
        return (powers * self.coefficients).sum(-1)

    def extra_repr(self):
        return f"degree={self.degree}"


model = Polynomial(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
criterion = nn.MSELoss(reduction="sum")
history = []
for epoch in range(40):
    optimizer.zero_grad()
    loss = criterion(model(x), y) / len(x)
    loss.backward()
    optimizer.step()
    history.append(float(loss.detach()))

residual = (y - model(x)).detach()
r2 = 1 - residual.var(unbiased=False) / y.var(unbiased=False)
results = [*theta.flatten().tolist(), *ridge.view(-1).tolist(), *by_lstsq.squeeze().tolist(), w.item(), b.item()]
results += [*params.tolist(), *history[::10], r2.item(), *model.coefficients.data.numpy()]
assert repr(model) == "Polynomial(degree=3)"
