"""Random networks: layers that fit one another, training and evaluation, buffers, and states that are handed over."""

from __future__ import annotations

from fuzzing.runner import Program, Unusable, forms

ANY = forms("""
ReLU() Tanh() Sigmoid() ELU(0.7) SELU() CELU(0.5) GELU() GELU('tanh') SiLU() Mish() Hardtanh(-0.5,0.5)
Hardswish() Hardsigmoid() LeakyReLU(0.2) PReLU() PReLU(C) Softplus(2.0) Softsign() LogSigmoid() Tanhshrink()
Softshrink(0.2) Hardshrink() Softmax(-1) LogSoftmax(1) Dropout(0.0) Identity() LayerNorm(L)
LayerNorm(L,elementwise_affine=False) LayerNorm(L,bias=False) RMSNorm(L) ReLU6() Threshold(0.1,0.3)
RReLU(0.2,0.2) Softmin(-1) Dropout(0.3).eval() AlphaDropout(0.2).eval() GLU() Linear(L,4) Linear(L,3,bias=False)
Unflatten(-1,(L,1)) Flatten() Flatten(0,1) GroupNorm(1,C) GroupNorm(C,C) GroupNorm(2,C,affine=False)
""")
LAYERS = {
    2: forms("""
BatchNorm1d(C) BatchNorm1d(C,affine=False) BatchNorm1d(C,momentum=None) BatchNorm1d(C,track_running_stats=False)
Linear(L,6) Linear(L,5,bias=False) Unflatten(1,(1,-1)) RNN(L,3) LSTM(L,2)
"""),
    3: forms("""
Conv1d(C,3,2) Conv1d(C,2,3,padding=1) Conv1d(C,C,2,groups=C) Conv1d(C,2,2,stride=2,bias=False)
Conv1d(C,2,2,dilation=2) Conv1d(C,2,3,padding='same',padding_mode='circular') ConvTranspose1d(C,2,2)
ConvTranspose1d(C,3,3,stride=2,output_padding=1) MaxPool1d(2) AvgPool1d(2,1) AdaptiveAvgPool1d(2)
AdaptiveMaxPool1d(2) BatchNorm1d(C) InstanceNorm1d(C) InstanceNorm1d(C,affine=True,track_running_stats=True)
LPPool1d(2,2) ConstantPad1d(1,0.5) ReflectionPad1d(1) ReplicationPad1d((1,0)) Upsample(scale_factor=2)
Upsample(size=5,mode='linear') RNN(L,3,batch_first=True) RNN(L,2,2,nonlinearity='relu') LSTM(L,3)
LSTM(L,2,2,bidirectional=True) LSTM(L,4,proj_size=2,batch_first=True) GRU(L,3,bias=False)
GRU(L,2,1,bidirectional=True) MultiheadAttention(L,1) MultiheadAttention(L,2,batch_first=True)
TransformerEncoderLayer(L,1,5,0.0,batch_first=True)
TransformerEncoderLayer(L,2,4,0.0,activation='gelu',norm_first=True) Bilinear(L,L,3) LocalResponseNorm(2)
ZeroPad1d(1)
"""),
    4: forms("""
Conv2d(C,3,2) Conv2d(C,2,(1,3),padding=(0,1)) Conv2d(C,C,2,groups=C) Conv2d(C,4,3,2,1,bias=False)
Conv2d(C,2,2,dilation=2) Conv2d(C,2,3,padding=1,padding_mode='reflect') Conv2d(C,2,3,padding='same')
ConvTranspose2d(C,2,2,stride=2) ConvTranspose2d(C,2,3,2,1,1) MaxPool2d(2) MaxPool2d(3,1,1)
MaxPool2d(2,ceil_mode=True) AvgPool2d(2) AvgPool2d(3,2,1,count_include_pad=False) LPPool2d(2,2)
AdaptiveAvgPool2d((2,3)) AdaptiveMaxPool2d(2) BatchNorm2d(C) BatchNorm2d(C,momentum=0.3,eps=1e-3)
InstanceNorm2d(C,affine=True) LocalResponseNorm(3) PixelShuffle(2) PixelUnshuffle(2) ChannelShuffle(2)
Upsample(scale_factor=2,mode='bilinear') ZeroPad2d(1) Upsample(size=(3,4),mode='bicubic',align_corners=True)
ReflectionPad2d(1) ReplicationPad2d((1,0,0,1)) CircularPad2d(1) Dropout2d(0.5).eval() Softmax2d() Fold((3,3),2)
Unfold(2) UpsamplingNearest2d(scale_factor=2) ConstantPad2d(1,-0.5)
"""),
    5: forms("""
Conv3d(C,2,2) Conv3d(C,2,1,groups=1,bias=False) MaxPool3d(2) AvgPool3d(2,1) BatchNorm3d(C) AdaptiveAvgPool3d(1)
ConvTranspose3d(C,1,2) InstanceNorm3d(C) Upsample(scale_factor=2) ZeroPad3d(1)
"""),
}
LOSSES = forms("""
(h*h).mean() h.tanh().sum() F.mse_loss(h,h.detach()+1) F.smooth_l1_loss(h,h.detach().roll(1,0))
h.logsumexp(-1).sum() F.binary_cross_entropy_with_logits(h,(h.detach()>0.1).double())
F.cross_entropy(h,h.detach().softmax(1)) h.std() F.cross_entropy(h,h.detach().argmin(1))
F.cross_entropy(h,h.detach().argmin(1),label_smoothing=0.1) F.huber_loss(h,h.detach()*2)
F.kl_div(h.log_softmax(1),h.detach().softmax(1),reduction='batchmean') F.soft_margin_loss(h,h.detach().sign())
F.poisson_nll_loss(h.clamp(max=3),h.detach().abs()) F.gaussian_nll_loss(h,h.detach()*2,h*h+0.5)
F.l1_loss(h,h.detach()-0.3) F.multi_margin_loss(h,h.detach().argmin(1))
F.nll_loss(h.log_softmax(1),h.detach().argmax(1)) F.hinge_embedding_loss(h,h.detach().sign())
F.multilabel_soft_margin_loss(h,(h.detach()>0).double())
F.cosine_embedding_loss(h,h.detach()+0.2,h.detach()[:,0].sign())
""")
INPUTS = ["3, 4", "2, 4, 6", "3, 2, 4", "2, 3, 6, 5", "1, 4, 4, 4", "2, 4, 5, 5", "1, 2, 4, 4, 4", "2, 2, 3, 3, 3"]


def write(program: Program) -> None:
    """Write a network of one to six layers and what is done with it."""
    choose, add, space = program.random, program.add, program.space
    add(f"x = noise(m, {choose.randrange(10**6)}, {choose.choice(INPUTS)}, grad={choose.random() < 0.7})")
    add("h = x")
    layers: list[str] = []
    size = choose.randint(1, 6)
    for _ in range(40):
        shape = space["h"].shape
        forms = LAYERS.get(len(shape), ()) if choose.random() < 0.7 else ANY
        if len(layers) >= size or len(shape) < 2 or not forms:
            break
        form = choose.choice(forms).replace("(C", f"({shape[1]}").replace(",C", f",{shape[1]}")
        form = form.replace("(L", f"({shape[-1]}").replace(",L", f",{shape[-1]}")
        name, before = program.name("l"), space["h"]
        space["h"] = before
        if not add(f"{name} = seeded(m, nn.{form}.double(), {choose.randrange(10**4)})"):
            continue
        call = "h, h" if "Bilinear" in form else "h, h, h" if "Multihead" in form else "h"
        line = f"h = {name}({call})" + "[0]" * form.startswith(("RNN", "LSTM", "GRU", "Multihead"))
        if add(line, lambda h: h.dtype.is_floating_point and 0 < h.numel() < 2000 and bool((h.abs() < 1e4).all())):
            layers.append(name)
        else:
            program.lines.pop()
            del space[name]
            space["h"] = before
    if not layers:
        raise Unusable
    last = next(
        (i for i in range(20) if add(f"loss = {choose.choice(LOSSES)}", lambda x: bool(x.isfinite().all()))), None
    )
    if last is None or not add("loss.backward()"):
        raise Unusable
    chain = ", ".join(layers)
    if choose.random() < 0.5:  # the state goes into a copy, which is evaluated
        simple = all(("h, h" not in line and ")[0]" not in line) for line in program.lines)
        add(f"net = nn.ModuleList([{chain}]).eval()")
        add("import copy; twin = copy.deepcopy(net)")
        add("for p in twin.parameters(): p.detach().zero_()")
        add("twin.load_state_dict(net.state_dict())")
        if simple and add("out = x.detach()"):
            add("for layer in twin: out = layer(out)")
    elif choose.random() < 0.5:  # an SGD step, then the first layer again
        add(f"parameters = [p for layer in [{chain}] for p in layer.parameters() if p.grad is not None]")
        add("optim.SGD(parameters, lr=0.1).step() if parameters else None")
