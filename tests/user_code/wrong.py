"""A user's mistakes. Each line with a comment E is an error for `mypy --strict`, of that kind; no other line is."""

import minigrad
from minigrad import Value, nn, optim
from minigrad.nn import functional as F

t = minigrad.tensor([1.0, 2.0], requires_grad=True)
u = minigrad.randn(2, 3)

# -- names that do not exist
t.summ()  # E: attr-defined
minigrad.no_such_name(t)  # E: attr-defined
minigrad.summ(t)  # E: attr-defined
nn.Linaer(2, 3)  # E: attr-defined
optim.Adamm([t])  # E: attr-defined
F.cross_entrpy(t, t)  # E: attr-defined
Value(2.0).expp()  # E: attr-defined

# -- arguments
minigrad.randn("three")  # E: arg-type
minigrad.zeros(2.5)  # E: arg-type
t.reshape("2")  # E: arg-type
t.exp(2)  # E: call-arg
minigrad.exp()  # E: call-arg
minigrad.exp(2.0)  # E: arg-type
minigrad.exp(t, 1)  # E: call-arg
t.sum(dimension=1)  # E: call-arg
t.sum(dim="rows")  # E: arg-type
t.add(t, beta=2)  # E: call-arg
t.backward(retain=True)  # E: call-arg
t + "1"  # E: arg-type
t @ "1"  # E: operator
t += None  # E: arg-type
Value(2.0) + "1"  # E: operator
nn.Linear(2)  # E: call-arg
nn.Linear("2", 3)  # E: arg-type
optim.SGD([t], rate=0.1)  # E: arg-type

# -- calls of modules
linear = nn.Linear(2, 3)
linear()  # E: call-arg
linear(t, t)  # E: call-arg
nn.LSTM(2, 3)(t, t)  # E: arg-type


class Scale(nn.Module):
    def forward(self, x: minigrad.Tensor, by: float) -> minigrad.Tensor:
        return x * by


Scale()(t)  # E: call-arg
Scale()(t, "2")  # E: arg-type

# -- results
number: float = t.sum()  # E: assignment
same: minigrad.Tensor = t.max(dim=0)  # E: assignment
shape: int = t.shape  # E: assignment
loss: int = optim.SGD([t], lr=0.1).step()  # E: assignment
t.grad.sum()  # E: union-attr
