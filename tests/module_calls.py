"""A call of every module, for tests that hold of all of them: `PROGRAMS`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minigrad import Tensor

# a module, and what it is called with: `x` stands for floats of the shape that follows
SPATIAL = """
AdaptiveAvgPool1d(2) AdaptiveMaxPool1d(2) AvgPool1d(2) MaxPool1d(2) LPPool1d(2,2) Conv1d(2,3,2) ConvTranspose1d(2,3,2)
BatchNorm1d(2) BatchNorm1d(2,momentum=None) InstanceNorm1d(2,affine=True,track_running_stats=True) CircularPad1d(1)
ConstantPad1d(1,2.5) ReflectionPad1d(1) ReplicationPad1d(1) ZeroPad1d(1) LazyBatchNorm1d() LazyConv1d(3,2)
LazyConvTranspose1d(3,2) Dropout1d() Conv1d(2,3,3,padding='same',padding_mode='reflect')
"""
IMAGES = {1: (2, 2, 6), 2: (2, 2, 6, 6), 3: (2, 2, 4, 4, 4)}
ON_ROWS = """
AlphaDropout() CELU() Dropout() ELU() Flatten() GELU() GELU('tanh') GLU() Hardshrink() Hardsigmoid() Hardswish()
Hardtanh() Identity() LayerNorm(4) LazyLinear(3) LeakyReLU() Linear(4,3) LogSigmoid() LogSoftmax(1) Mish() PReLU()
PReLU(4) RMSNorm(4) RReLU() ReLU() ReLU6() SELU() SiLU() Sigmoid() Softmax(1) Softmin(1) Softplus() Softshrink()
Softsign() Tanh() Tanhshrink() Threshold(0.1,2.0) Unflatten(1,(2,2)) Sequential(nn.Linear(4,3),nn.Tanh())
ModuleList([nn.Linear(4,3)])[0] ModuleDict({'a':nn.Linear(4,3)})['a'] GroupNorm(2,4)
"""
ON_IMAGES = """
ChannelShuffle(2) LocalResponseNorm(2) PixelShuffle(2) PixelUnshuffle(2) Softmax2d() Unfold(2)
UpsamplingNearest2d((8,7)) UpsamplingBilinear2d(scale_factor=1.5) Upsample((7,5),mode='bicubic')
Upsample(scale_factor=2.5)
GroupNorm(2,4)
"""
LOSSES = """
BCELoss() BCEWithLogitsLoss(pos_weight=minigrad.tensor([2.0,1.0,3.0])) CosineEmbeddingLoss(0.1) CrossEntropyLoss()
CrossEntropyLoss(weight=minigrad.tensor([2.0,1.0,3.0]),label_smoothing=0.1) GaussianNLLLoss(full=True)
HingeEmbeddingLoss() HuberLoss() KLDivLoss() L1Loss() MSELoss() MarginRankingLoss(0.3) MultiLabelMarginLoss()
MultiLabelSoftMarginLoss() MultiMarginLoss(p=2) NLLLoss() PoissonNLLLoss(full=True) SmoothL1Loss() SoftMarginLoss()
TripletMarginLoss(p=3.0,swap=True) TripletMarginWithDistanceLoss() PairwiseDistance() CosineSimilarity() CTCLoss()
"""
CLASSES, ONES = "minigrad.tensor([1, 2, 0, 1])", "minigrad.tensor([1, -1, 1, -1])"
TARGETS = {
    **dict.fromkeys(["CrossEntropyLoss", "NLLLoss", "MultiMarginLoss"], CLASSES),
    "CosineEmbeddingLoss": f"x(4,3), {ONES}",
    "MarginRankingLoss": "x(4,3), 1 - 2 * minigrad.eye(4, 3).long()",
    "HingeEmbeddingLoss": "1 - 2 * minigrad.eye(4, 3).long()",
    "SoftMarginLoss": "1 - 2 * minigrad.eye(4, 3).long()",
    "GaussianNLLLoss": "x(4,3), 1.5",
    "MultiLabelMarginLoss": "minigrad.tensor([[1, -1, 0]] * 4)",
    "TripletMarginLoss": "x(4,3), x(4,3)",
    "TripletMarginWithDistanceLoss": "x(4,3), x(4,3)",
    "CTCLoss": "minigrad.tensor([[1, 2], [2, 1]]), [4, 3], [2, 1]",
}
MASKS = ", attn_mask=np.triu(np.ones((5, 5), bool), 1), key_padding_mask=np.zeros((2, 5))"
OTHERS = [
    ("Bilinear(2,3,4)", "x(5,2), x(5,3)"),
    ("Embedding(4,3,padding_idx=0,max_norm=1.0,scale_grad_by_freq=True)", CLASSES),
    ("EmbeddingBag(4,3)", "minigrad.tensor([1, 2, 0, 1]), minigrad.tensor([0, 3])"),
    ("Fold((3,3),2)", "x(2,8,4)"),
    *[(f"MaxUnpool{d}d(2)", f"*pooled({d})") for d in IMAGES],
    *[(f"{kind}(3,4,2,bidirectional=True)", "x(5,2,3)") for kind in ("RNN", "GRU", "LSTM")],
    ("LSTM(3,4,proj_size=2)", "x(5,2,3)"),
    ("RNN(3,4,nonlinearity='relu',bias=False)", "x(5,3)"),
    *[(f"{kind}Cell(3,4)", "x(2,3)") for kind in ("RNN", "GRU", "LSTM")],
    ("MultiheadAttention(4,2,0.1,add_bias_kv=True,add_zero_attn=True)", f"{', '.join(['x(5,2,4)'] * 3)}{MASKS}"),
    ("TransformerEncoderLayer(4,2,6,activation='gelu')", "x(5,2,4)"),
    ("TransformerDecoderLayer(4,2,6)", "x(5,2,4), x(3,2,4)"),
    ("TransformerEncoder(nn.TransformerEncoderLayer(4,2,6),2,nn.LayerNorm(4))", "x(5,2,4)"),
    ("TransformerDecoder(nn.TransformerDecoderLayer(4,2,6),2)", "x(5,2,4), x(3,2,4)"),
    ("Transformer(4,2,1,1,6)", "x(5,2,4), x(3,2,4), tgt_mask=nn.Transformer.generate_square_subsequent_mask(3)"),
]


def programs() -> Iterator[tuple[str, str]]:
    for text in SPATIAL.split():
        for d, shape in IMAGES.items():
            yield text.replace("1d", f"{d}d"), f"x{shape}"
    yield from ((text, "x(3,4)") for text in ON_ROWS.split())
    yield from ((text, "x(2,4,6,6)") for text in ON_IMAGES.split())
    for text in LOSSES.split():
        first = {"BCELoss": "x(4,3).sigmoid()", "CTCLoss": "x(4,2,3).log_softmax(-1)"}.get(name(text), "x(4,3)")
        yield text, f"{first}, {TARGETS.get(name(text), 'x(4,3).sigmoid()')}"
    yield from OTHERS


def name(text: str) -> str:
    return text.partition("(")[0]


PROGRAMS = list(programs())


def tensors(out: Any) -> list[Tensor]:
    return [t for o in out for t in tensors(o)] if isinstance(out, tuple) else [out] if isinstance(out, Tensor) else []
