"""A user's programs, without errors for `mypy --strict`. A comment T is the type that it reveals on that line."""

from typing import reveal_type

import numpy as np

import minigrad as m
from minigrad import Network, Tensor, Value, data, nn, no_grad, optim, tensor
from minigrad.nn import functional as F
from minigrad.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau, StepLR
from minigrad.utils.data import DataLoader, TensorDataset

# -- tensors
x = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
reveal_type(x)  # T: Tensor
reveal_type(x + 1)  # T: Tensor
reveal_type(2 - x)  # T: Tensor
reveal_type(2**x)  # T: Tensor
reveal_type(-x)  # T: Tensor
reveal_type(x @ x)  # T: Tensor
reveal_type(x > 0)  # T: Tensor
reveal_type(x == x)  # T: Tensor
reveal_type(x + np.ones((2, 2)))  # T: Tensor
reveal_type(x[0, :])  # T: Tensor
reveal_type(x.exp())  # T: Tensor
reveal_type(x.relu().sum())  # T: Tensor
reveal_type(x.maximum(0))  # T: Tensor
reveal_type(x.T)  # T: Tensor
reveal_type(x.reshape(-1, 1))  # T: Tensor
reveal_type(x.reshape((4,)))  # T: Tensor
reveal_type(x.view(4).float())  # T: Tensor
reveal_type(x.max())  # T: Tensor
reveal_type(x.max(dim=1).values)  # T: Tensor
reveal_type(x.sort().indices)  # T: Tensor
reveal_type(x.shape)  # T: tuple[int, ...]
reveal_type(x.size(0))  # T: int
reveal_type(x.requires_grad)  # T: bool
number: float = x.sum().item()
reveal_type(x.detach().numpy())  # T: ndarray
reveal_type(x.detach())  # T: Tensor
reveal_type(x.grad)  # T: Tensor | None
reveal_type(x.backward(m.ones_like(x)))  # T: None
reveal_type([row.sum() for row in x])  # T: list[Tensor]
reveal_type(m.exp(x))  # T: Tensor
reveal_type(m.add(2, x))  # T: Tensor
reveal_type(m.matmul(x, x))  # T: Tensor
reveal_type(m.max(x, dim=1)[0])  # T: Tensor
reveal_type(m.cat([x, x], dim=1))  # T: Tensor
reveal_type(m.where(x > 0, x, 0.0))  # T: Tensor
reveal_type(m.zeros(2, 3, dtype=m.float64))  # T: Tensor
reveal_type(m.grad(x.sum(), x))  # T: Tensor
reveal_type(m.grad(x.sum(), [x, x])[0])  # T: Tensor

# -- Values
a, b = Value(2.0), Value(-3.0, name="b")
reveal_type(a * b + 1)  # T: Value
reveal_type(1 / a)  # T: Value
reveal_type((a * b).tanh())  # T: Value
reveal_type(a.data)  # T: float
reveal_type(a.backward())  # T: None
a.data -= 0.1 * a.grad


# -- the lecture's loop
examples = data.spiral()
reveal_type(examples)  # T: Dataset
batch = examples.sample_data_batch(32)
reveal_type(batch.X)  # T: ndarray
network = Network(nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3)), nn.CrossEntropyLoss())
for _ in range(2):
    loss_number = network.forward(examples.sample_data_batch(32))
    dx = network.backward()
    network.x += -0.1 * dx
    print(f"{loss_number:.3f}")
    reveal_type(loss_number)  # T: Loss
    reveal_type(dx)  # T: ndarray


# -- modules
class Residual(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(size, size), nn.Tanh())
        self.scale = nn.Parameter(m.ones(size))
        self.register_buffer("steps", m.zeros(1))

    def forward(self, x: Tensor, *, twice: bool = False) -> Tensor:
        h = self.scale * x
        reveal_type(h)  # T: Tensor
        h = F.relu(h)
        for _ in range(2 if twice else 1):
            h = h + self.inner(h)
        return h


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, int]:
        return x, 1


class Blocks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Residual(2) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x


reveal_type(Residual(2)(x, twice=True))  # T: Tensor
reveal_type(Pair()(x))  # T: tuple[Tensor, int]
reveal_type(Blocks()(x))  # T: Tensor
reveal_type(m.nn.Linear(2, 3)(x))  # T: Tensor
reveal_type(nn.Linear(2, 3).weight)  # T: Parameter
reveal_type(nn.Sequential(nn.Linear(2, 3))(x))  # T: Tensor
reveal_type(nn.Conv2d(1, 2, 3)(m.randn(1, 1, 8, 8)))  # T: Tensor
reveal_type(nn.MaxPool2d(2)(m.randn(1, 1, 8, 8)))  # T: Tensor
reveal_type(nn.BatchNorm1d(2)(x))  # T: Tensor
reveal_type(nn.Dropout(0.5)(x))  # T: Tensor
reveal_type(nn.Embedding(5, 2)(tensor([1, 2])))  # T: Tensor
output, (hidden, cell) = nn.LSTM(2, 3)(x)
reveal_type(output)  # T: Tensor
reveal_type(hidden)  # T: Tensor
reveal_type(nn.GRU(2, 3)(x)[1])  # T: Tensor
reveal_type(nn.LSTMCell(2, 3)(x))  # T: tuple[Tensor, Tensor]
reveal_type(nn.TransformerEncoderLayer(2, 1)(x))  # T: Tensor
reveal_type(nn.MSELoss()(x, x))  # T: Tensor
reveal_type(F.softmax(x, dim=1))  # T: Tensor
reveal_type(F.max_pool2d(m.randn(1, 1, 4, 4), 2))  # T: Tensor
reveal_type(F.max_pool2d(m.randn(1, 1, 4, 4), 2, return_indices=True))  # T: tuple[Tensor, Tensor]


# -- an optimiser, a scheduler, a loader
@m.no_grad
def doubled(x: Tensor) -> Tensor:
    return x * 2


print(doubled(x))


@no_grad()
def accuracy(model: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    scores: Tensor = model(inputs)
    return float((scores.argmax(1) == labels).float().mean())


model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3))
optimizer = optim.Adam(model.parameters(), lr=0.01)
scheduler = CosineAnnealingLR(optimizer, T_max=10)
plateau = ReduceLROnPlateau(optimizer)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
loader = DataLoader(TensorDataset(tensor(examples.X), tensor(examples.y)), batch_size=16, shuffle=True)
for _ in range(2):
    total = 0.0
    model.train()
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        reveal_type(loss)  # T: Tensor
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    plateau.step(total)
    reveal_type(scheduler.get_last_lr())  # T: list[float]
    with m.no_grad():
        model.eval()
    reveal_type(accuracy(model, tensor(examples.X), tensor(examples.y)))  # T: float
m.save(model.state_dict(), "model.npz")
model.load_state_dict(m.load("model.npz"))
reveal_type(StepLR(optimizer, 3)(4))  # T: float


def closure() -> Tensor:
    optimizer.zero_grad()
    loss = criterion(model(x), tensor([0, 1]))
    loss.backward()
    return loss


reveal_type(optim.LBFGS(model.parameters()).step(closure))  # T: Tensor
reveal_type(optim.SGD(model.parameters(), lr=0.1).step(lambda: 2.0))  # T: float
