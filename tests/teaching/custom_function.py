"""Functions and layers of one's own: autograd.Function with a context, gradcheck, a straight-through estimator."""

import numpy as np
import torch
from torch import nn
from torch.autograd import Function, gradcheck
from torch.autograd.function import once_differentiable


class Exp(Function):
    @staticmethod
    def forward(ctx, i):
        result = i.exp()
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx, grad_output):
        (result,) = ctx.saved_tensors
        return grad_output * result


class LinearFunction(Function):
    @staticmethod
    def forward(ctx, input, weight, bias=None):
        ctx.save_for_backward(input, weight, bias)
        output = input.mm(weight.t())
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias


class MulConstant(Function):
    @staticmethod
    def forward(tensor, constant):
        return tensor * constant

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.constant = inputs

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.constant, None


class Sign(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g.clone().masked_fill_(x.abs() > 1, 0)


class MyLinear(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.empty(out_features))
        nn.init.constant_(self.weight, 0.1)
        nn.init.zeros_(self.bias)

    def forward(self, input):
        return LinearFunction.apply(input, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}"


rng = np.random.default_rng(12)
x = torch.tensor(rng.normal(size=(3, 4)), dtype=torch.double, requires_grad=True)
w = torch.tensor(rng.normal(size=(2, 4)), dtype=torch.double, requires_grad=True)
assert gradcheck(
    LinearFunction.apply, (x, w, torch.zeros(2, dtype=torch.double, requires_grad=True)), eps=1e-6, atol=1e-4
)
assert gradcheck(Exp.apply, (x,)) and gradcheck(lambda t: MulConstant.apply(t, 5.0), (x,))
y = Exp.apply(x).sum() + MulConstant.apply(x, 3).pow(2).sum()
(g,) = torch.autograd.grad(y, x, create_graph=True)
(gg,) = torch.autograd.grad(g.sum(), x)
results = [y.item(), *g.flatten().tolist(), *gg.flatten().tolist()]
layer = MyLinear(4, 2)
optimizer = torch.optim.Adagrad(layer.parameters(), lr=0.1)
for _ in range(4):
    loss = (Sign.apply(layer(x.detach().float())) - 1).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    results += [loss.item(), layer.weight.grad.abs().sum().item()]
assert str(layer) == "MyLinear(in_features=4, out_features=2)"
