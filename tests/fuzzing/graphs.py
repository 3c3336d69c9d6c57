"""Random graphs: operations with broadcasting, views, in-place writes, hooks, and derivatives of derivatives."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from fuzzing.runner import Program, Unusable, forms

UNARY = forms("""
a.tanh() a.sigmoid() a.sin() a.cos() a.clamp(-2,2).exp() a.abs() a.relu() a.square() -a F.softplus(a) a.erf()
(a*a+0.5).sqrt() a.abs().log1p() a.atan() F.gelu(a) F.silu(a) F.elu(a) F.leaky_relu(a,0.2) F.hardtanh(a)
a.sign()*a a.clamp(-1,1).expm1() (a*a+1).rsqrt() (a*a+1).log() (a*a+1).reciprocal() a**3 a.tanh().asin()
a.tanh()**2 a*2-1 3/(a*a+1) a.frac() a.trunc()+a a.float() a.double() a.detach() a.clone() a.contiguous()
a.nan_to_num() F.logsigmoid(a) F.mish(a) F.softmax(a,-1) F.log_softmax(a,0) F.normalize(a,dim=-1) a.cumsum(-1)
a.tanh().cumprod(0) a.logcumsumexp(-1) a.sinc() a.sort(-1).values a.sort(0,descending=True).values a.round()*a
a.floor()+a (a>0).double()*a (a>0).sum() a.long()*a
""")
BINARY = forms("""
a+b a-b a*b a/(b*b+1) m.maximum(a,b) m.minimum(a,b) m.where(a>b,a,b) m.atan2(a,b*b+1) m.hypot(a,b+3)
m.lerp(a,b,0.3) a@b m.logaddexp(a,b) a.tanh()*b (a*a+1)**b.tanh() m.addcmul(a,a,b) a.sub(b,alpha=2) m.outer(a,b)
a.mv(b) m.stack([a,b]) m.cat([a,b]) m.cat([a,b],-1) m.where(a>0,a,b) F.mse_loss(a,b) F.smooth_l1_loss(a,b)
F.huber_loss(a.double(),b.double()) m.cdist(a,b) m.einsum('ij,kj->ik',a,b) m.tensordot(a,b,1) a.expand_as(b)
a.reshape(b.shape) a.masked_fill(b>0,2) a.fmod(b*b+1) a.remainder(b*b+1) F.cosine_similarity(a,b,-1)
a.to(b.dtype) m.dot(a,b) a.xlogy(b*b+1)
""")
# contiguous: PyTorch's median of an expanded tensor reads memory that nothing has written
REDUCED = forms("""
a.sum(D) a.mean(D) a.var(D) a.std(D) a.amax(D) a.amin(D) a.logsumexp(D) a.prod(D) a.norm(dim=D) a.max(D).values
a.min(D).values a.contiguous().median(D).values a.sum() a.mean() a.max() a.norm() a.var() a.prod() a.sum(D,keepdim=True)
a.std(D,correction=0) a.amax(D,keepdim=True) a.mean((0,-1)) a.logsumexp((0,-1)) a.nansum(D) a.cummax(D).values
a.contiguous().kthvalue(1,D).values a.norm(1,D) a.quantile(0.3,D) a.argmax(D) a.topk(1,D).values
a.logsumexp(D,keepdim=True) a.aminmax(dim=D).max a.norm(float('inf'),D)
""")
VIEWS = forms("""
a[...,None] a.T a.mT a.reshape(-1) a.flatten() a.unsqueeze(D) a.squeeze() a.transpose(0,-1) a.view(-1) a[0]
a[-1] a.expand(2,*a.shape) a.narrow(D,0,1) a.chunk(2,D)[0] a.split(1,D)[-1] a.unbind(D)[0] a.diagonal()
a.movedim(0,-1) a.flip(D) a.roll(1,D) a[::2] a[[0,-1]] a[a>0] a[...,0] a[...,1:] a[None] a.select(D,0) a.tril()
a.triu(1) a.repeat(2,*[1]*a.ndim) a.unfold(D,2,1) a.index_select(D,m.tensor([0,0])) a.gather(D,a.argsort(D))
a.masked_select(a>0.1) a.take(m.tensor([0,0,-1])) a.unflatten(-1,(2,-1)) a.swapaxes(0,-1) a[m.tensor([True])]
a[[0,0]] a[m.tensor([[0],[-1]]),0] a.repeat_interleave(2,D) F.pad(a,(1,0)) F.pad(a,(1,1),value=0.5) a.rot90()
a.diag() a.view_as(a) a.tile(2) a.ravel()
""")
INPLACE = forms("""
a.mul_(0.5) a.add_(b.tanh()) a[0]=b[0] a[...,0]+=1 a.relu_() a.clamp_(-1,1) a.zero_() a.copy_(b) a.fill_(0.25)
a.masked_fill_(a>0.5,0.1) a.T.mul_(0.5) a[0].sin_() a.sub_(0.1) a.neg_() a[a>0]=0.2
a.tanh_() a[::2]*=b a.index_fill_(0,m.tensor([0]),0.4) a.sigmoid_() a.div_(2) a.diagonal().fill_(0.1)
a.addcmul_(a,b,value=0.1) a[0]=1 a[...,-1]=a[...,0] a.view(-1)[1:]+=a.view(-1)[:1] a.t_() a.squeeze_()
a.unsqueeze_(0) a.cumsum_(0) a.lerp_(b,0.5) a.index_add_(0,m.tensor([0]),b[:1]) a.detach().mul_(0.5)
a.scatter_(0,m.zeros(1,1,dtype=m.int64),0.2) a+=1 a*=b a/=2
""")


_UNLIKE = re.compile("(logical_(and|or|xor|not)|eq|ne|lt|le|gt|ge)_|kron")


@cache
def _rows() -> list[Any]:
    """Return the operations of the table that PyTorch has, with the number of their cases.

    Without `logical_and_` and the like, which pass PyTorch's gradients on as if they had changed nothing, `gt_` and the
    like, whose gradients are 0 there and None here, and `kron`, where PyTorch misses writes to the operands.
    """
    from ops import OPS

    return [(op.name, len(op.cases), len(op.cases[0][0])) for op in OPS if op.torch and not _UNLIKE.match(op.name)]


def _moderate(x: Any) -> bool:
    """Whether the next statements can go on from a result, with finite numbers that are not many."""
    return hasattr(x, "numel") and 0 < x.numel() <= 200 and bool((x.double().abs() < 100).all())


def write(program: Program) -> None:
    """Write a graph of ten to thirty operations and its backward passes."""
    choose, add = program.random, program.add
    leaves, values = [], []
    for i in range(choose.randint(2, 4)):
        shape = choose.choice(["", ", 3", ", 2, 3", ", 3, 3", ", 2, 1, 3", ", 4, 2", ", 1, 3", ", 1"])
        dtype = choose.choice([""] * 5 + [', dtype="float32"'])
        leaves.append(name := f"x{i}")
        add(f"{name} = noise(m, {choose.randrange(10**6)}{shape}{dtype}, grad={choose.random() < 0.8})")
    values += leaves
    writes = choose.random() < 0.6
    for _ in range(choose.randint(8, 30)):
        name, kind = program.name(), choose.random()
        a, b = choose.choice(values), choose.choice(values[-6:])
        if choose.random() < 0.5:
            a, b = b, a
        if kind < 0.14:
            row, cases, operands = choose.choice(_rows())
            given = [choose.choice(values) for _ in range(min(operands, 3) or 1)]
            line = f"{name} = table(m, {row!r}, {choose.randrange(cases)}, {', '.join(given)})"
        elif kind < 0.8:
            form = choose.choice(choose.choices([UNARY, BINARY, REDUCED, VIEWS], [3, 4, 2, 3])[0])
            line = f"{name} = {_filled(form, a, b, choose)}"
        elif kind < 0.9:
            if writes:
                add(_filled(choose.choice(INPLACE), a, b, choose))
            continue
        elif kind < 0.92:
            if program.space[a]._is_view():  # PyTorch crashes if the base of a view was written
                continue
            add(f"{a}.register_hook(lambda g: {choose.choice(['g * 2', 'g.clamp(-1, 1)', 'None', '-g', 'g.exp()'])})")
            continue
        elif kind < 0.94:
            if not writes:  # whether the gradient of a written view passes by its base differs
                add(f"{a}.retain_grad()")
            continue
        elif kind < 0.96:
            add(f"with m.no_grad(): {name} = {a} * 2") and values.append(name)
            continue
        else:
            x = choose.choice([*leaves, a])
            inner = choose.choice([f"{b}.sum()", f"({b} * {b}).sum()", f"{b}.sin().sum()"])
            line = f"{name} = m.autograd.grad({inner}, {x}, create_graph=True)[0]"
        if add(line, _moderate):
            values.append(name)
    ends = [v for v in values[-5:] if program.space[v].dtype.is_floating_point] or values
    add(f"loss = {' + '.join(f'{v}.double().tanh().sum()' for v in ends)}")
    again = choose.random() < 0.25
    first = choose.choice(
        ["loss.backward({})", f"g = m.autograd.grad(loss, [{', '.join(leaves)}], allow_unused=True, {{}})"]
    )
    if not add(first.format("retain_graph=True" if again else "")):
        raise Unusable  # what an in-place write has changed is needed, or nothing is recorded
    if again:
        add("loss.backward()")


def _filled(form: str, a: str, b: str, choose: Any) -> str:
    """Put operands and a dimension into a form."""
    names = {"a": a, "b": b, "D": str(choose.randint(-2, 1))}
    return re.sub(r"(?<![\w.'])[abD](?![\w'])", lambda found: names[found[0]], form)
