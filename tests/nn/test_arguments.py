"""A bool is not an int, and a number is not a bool: arguments that landed in the wrong place are refused."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from cases import each

from minigrad import nn, ones, tensor
from minigrad.nn import functional as F
from minigrad.nn.arguments import check_annotated, check_bool, check_int, check_number


@pytest.mark.parametrize(
    ("check", "fine", "wrong"),
    [
        (check_bool, [True, np.False_], [0, 1.0, None, "yes"]),
        (check_int, [0, -1, np.int64(3)], [True, np.True_, 1.0, None, "1"]),
        (check_number, [0, 0.5, np.float32(1), np.int8(2), tensor(1.0)], [False, np.True_, None, "1", 1j]),
    ],
)
def test_kinds(check: Any, fine: list[Any], wrong: list[Any]) -> None:
    for value in fine:
        check("f", argument=value)
    for value in wrong:
        with pytest.raises(TypeError, match=r"f: argument must be .*, got .* pass it by name$"):
            check("f", argument=value)


def test_annotations() -> None:
    for annotation, value in (("int | None", None), ("float", 1), ("str", 3), ("int | Sequence[int]", (1, 2))):
        check_annotated("f", "argument", value, annotation)
    for annotation, value in (("int", None), ("int | None", False), ("bool", 1), ("float", True)):
        with pytest.raises(TypeError, match="f: argument must be"):
            check_annotated("f", "argument", value, annotation)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.LeakyReLU(True), "LeakyReLU: negative_slope must be a number, got True"),
        (lambda: nn.ELU(True), "ELU: alpha must be a number"),
        (lambda: nn.ReLU(1), "ReLU: inplace must be True or False, got 1"),
        (lambda: nn.Softmax(True), "Softmax: dim must be an integer"),
        (lambda: nn.RReLU(0.1, True), "RReLU: upper must be a number"),
        (lambda: nn.Dropout(True), "Dropout: p must be a number"),
        (lambda: nn.Dropout(0.5, 0.5), "Dropout: inplace must be True or False"),
        (lambda: F.dropout(ones(2), 0.5, 1), "dropout: training must be True or False"),
        (lambda: F.dropout2d(ones(2, 3, 3), 0.5, True, 1), "dropout2d: inplace must be True or False"),
        (lambda: F.relu(ones(2), 1), "relu: inplace must be True or False"),
        (lambda: F.leaky_relu(ones(2), True), "leaky_relu: negative_slope must be a number"),
        (lambda: F.softplus(ones(2), True), "softplus: beta must be a number"),
        (lambda: F.gumbel_softmax(ones(2), 1.0, 1), "gumbel_softmax: hard must be True or False"),
        (lambda: nn.Linear(2, 3, 0.5), "Linear: bias must be True or False, got 0.5"),
        (lambda: nn.Bilinear(2, 3, 4, 1), "Bilinear: bias must be True or False"),
        (lambda: nn.LazyLinear(3, 1), "Linear: bias must be True or False"),
        (lambda: nn.Flatten(False), "Flatten: start_dim must be an integer"),
        (lambda: nn.Embedding(3, 2, True), "embedding: padding_idx must be an integer"),
        (lambda: nn.Embedding(3, 2, None, True), "Embedding: max_norm must be a number"),
        (lambda: F.embedding([0], ones(2, 3), None, None, 2.0, 1), "scale_grad_by_freq must be True or False"),
        (lambda: F.one_hot([0], True), "one_hot: num_classes must be an integer"),
        (lambda: F.cosine_similarity(ones(2, 3), ones(2, 3), True), "cosine_similarity: dim must be an integer"),
        (lambda: nn.MultiheadAttention(4, 2, True), "MultiheadAttention: dropout must be a number"),
        (lambda: nn.MultiheadAttention(4, 2, 0.1, 1), "MultiheadAttention: bias must be True or False"),
        (lambda: nn.MultiheadAttention(4, 2)(*[ones(3, 2, 4)] * 3, None, 0), "need_weights must be True or False"),
        (lambda: nn.TransformerEncoderLayer(4, 2, 8, norm_first=1), "norm_first must be True or False"),
        (lambda: nn.TransformerEncoder(nn.ReLU(), True), "TransformerEncoder: num_layers must be an integer"),
        (lambda: nn.NLLLoss(None, False), "NLLLoss: ignore_index must be an integer, got False"),
        (lambda: nn.CrossEntropyLoss(None, True), "CrossEntropyLoss: ignore_index must be an integer"),
        (lambda: nn.CrossEntropyLoss(False), "CrossEntropyLoss: weight must be a tensor of weights, got False"),
        (lambda: nn.BCELoss(True), "BCELoss: weight must be a tensor of weights"),
        (lambda: nn.PoissonNLLLoss(True, False, True), "PoissonNLLLoss: eps must be a number"),
        (lambda: nn.PoissonNLLLoss(1e-8), "PoissonNLLLoss: log_input must be True or False"),
        (lambda: nn.HuberLoss("mean", True), "HuberLoss: delta must be a number"),
        (lambda: nn.KLDivLoss("mean", 1), "KLDivLoss: log_target must be True or False"),
        (lambda: nn.TripletMarginLoss(1.0, 2.0, 1e-6, 1), "TripletMarginLoss: swap must be True or False"),
        (lambda: nn.MultiMarginLoss(True), "MultiMarginLoss: p must be an integer"),
        (lambda: nn.CTCLoss(True), "CTCLoss: blank must be an integer"),
        (lambda: F.nll_loss(ones(2, 3), [0, 1], None, False), "nll_loss: ignore_index must be an integer"),
        (lambda: F.cross_entropy(ones(2, 3), [0, 1], None, False), "cross_entropy: ignore_index must be an integer"),
        (lambda: F.cross_entropy(ones(2, 3), [0, 1], False), "cross_entropy: weight must be a tensor of weights"),
        (lambda: F.binary_cross_entropy(ones(2), ones(2), False), "weight must be a tensor of weights"),
        (lambda: F.binary_cross_entropy_with_logits(ones(2), ones(2), pos_weight=True), "pos_weight must be a tensor"),
        (lambda: F.mse_loss(ones(2), ones(2), "mean", True), "mse_loss: weight must be a tensor of weights"),
        (lambda: F.smooth_l1_loss(ones(2), ones(2), "mean", True), "smooth_l1_loss: beta must be a number"),
        (lambda: F.poisson_nll_loss(ones(2), ones(2), 0.5), "poisson_nll_loss: log_input must be True or False"),
        (lambda: F.gaussian_nll_loss(ones(2), ones(2), 1.0, 1e-6), "gaussian_nll_loss: full must be True or False"),
        (lambda: F.kl_div(ones(2), ones(2), "mean", 1), "kl_div: log_target must be True or False"),
        (lambda: F.hinge_embedding_loss(ones(2), ones(2), True), "hinge_embedding_loss: margin must be a number"),
        (lambda: F.multi_margin_loss(ones(2, 3), [0, 1], 1, False), "multi_margin_loss: margin must be a number"),
        (lambda: F.ctc_loss(ones(2, 1, 2), [[1]], [2], [1], 0, "mean", 1), "zero_infinity must be True or False"),
        (lambda: F.scaled_dot_product_attention(*[ones(2, 3)] * 3, None, True), "dropout_p must be a number"),
        (lambda: nn.PairwiseDistance(2.0, True), "PairwiseDistance: eps must be a number"),
        (lambda: nn.LSTM(3, 5, 2, 0.5), "LSTM: bias must be True or False, got 0.5"),
        (lambda: nn.RNN(3, 5, 1, "tanh", 0.5), "RNN: bias must be True or False"),
        (lambda: nn.GRU(3, 5, 2, True, True, True), "GRU: dropout must be a number"),
        (lambda: nn.LSTM(3, 5, proj_size=True), "LSTM: proj_size must be an integer"),
        (lambda: nn.GRUCell(3, 5, 0.5), "GRUCell: bias must be True or False"),
        (lambda: nn.LayerNorm(3, True), "LayerNorm: eps must be a number, got True"),
        (lambda: nn.BatchNorm2d(3, False), "BatchNorm2d: eps must be a number"),
        (lambda: nn.BatchNorm1d(3, 1e-5, 0.1, 1e-3), "BatchNorm1d: affine must be True or False"),
        (lambda: nn.LazyBatchNorm1d(affine=1), "BatchNorm1d: affine must be True or False"),
        (lambda: nn.InstanceNorm1d(3, momentum=True), "InstanceNorm1d: momentum must be a number"),
        (lambda: nn.Conv2d(1, 2, 3, bias=0.5), "Conv2d: bias must be True or False, got 0.5"),
        (lambda: nn.ConvTranspose1d(1, 2, 3, 1, 0, 0, 1, 2), "ConvTranspose1d: bias must be True or False, got 2"),
        (lambda: nn.LazyConv1d(2, 3, bias=1), "Conv1d: bias must be True or False"),
        (lambda: nn.MaxPool2d(2, ceil_mode=1), "MaxPool2d: ceil_mode must be True or False, got 1"),
        (lambda: nn.AdaptiveMaxPool1d(2, 1), "AdaptiveMaxPool1d: return_indices must be True or False"),
        (lambda: nn.ConstantPad1d(2, True), "ConstantPad1d: value must be a number"),
        (lambda: nn.Upsample(2, align_corners=1), "Upsample: align_corners must be True or False"),
        (lambda: nn.PixelShuffle(2.0), "PixelShuffle: upscale_factor must be an integer"),
        (lambda: F.layer_norm(ones(2, 3), (3,), eps=True), "layer_norm: eps must be a number"),
        (lambda: F.rms_norm(ones(2, 3), (3,), None, True), "rms_norm: eps must be a number"),
        (lambda: F.group_norm(ones(2, 4), True), "group_norm: num_groups must be an integer"),
        (lambda: F.batch_norm(ones(2, 4), None, None, training=0.1), "batch_norm: training must be True or False"),
        (lambda: F.instance_norm(ones(2, 4, 3), use_input_stats=1), "use_input_stats must be True or False"),
        (lambda: F.max_pool1d(ones(1, 4), 2, 2, 0, 1, 1), "max_pool1d: ceil_mode must be True or False"),
        (lambda: F.max_pool1d(ones(1, 4), 2, return_indices=1), "return_indices must be True or False"),
        (lambda: F.avg_pool2d(ones(1, 4, 4), 2, 2, 0, False, 3), "count_include_pad must be True or False"),
        (lambda: F.avg_pool2d(ones(1, 4, 4), 2, divisor_override=True), "divisor_override must be an integer"),
        (lambda: F.lp_pool1d(ones(1, 4), True, 2), "lp_pool1d: norm_type must be a number"),
        (lambda: F.pad(ones(4), (1, 1), "constant", True), "pad: value must be a number"),
        (lambda: F.interpolate(ones(1, 1, 4), scale_factor=True), "interpolate: scale_factor must be a number"),
        (lambda: F.interpolate(ones(1, 1, 4), 2, None, "linear", 0), "align_corners must be True or False"),
        (lambda: F.local_response_norm(ones(1, 2, 3), 2, True), "local_response_norm: alpha must be a number"),
    ],
)
def test_layers_and_functions_check_kinds(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


_WRONG = {"bool": [1, 0.5], "int": [True, 0.5], "float": [True, "0.5"]}


@each("name", [name for name in dir(nn) if name[0].isupper() and hasattr(getattr(nn, name), "forward")])
def test_every_module_checks_its_settings(name: str) -> None:
    parameters = inspect.signature(getattr(nn, name)).parameters.values()
    needed = {p.name: 4 for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}
    for p in parameters:
        if p.name in ("min_value", "max_value"):  # deprecated
            continue
        kind, _, optional = str(p.annotation).partition(" | ")
        for value in _WRONG.get(kind, []) if optional in ("", "None") else []:
            with pytest.raises((TypeError, ValueError), match="must be"):
                getattr(nn, name)(**{**needed, p.name: value})


def test_a_numpy_bool_is_a_bool() -> None:
    x = tensor([-1.0, 1.0])
    assert F.relu(x, np.False_) is not x and x.tolist() == [-1.0, 1.0]
    assert F.relu(x, inplace=np.True_) is x and x.tolist() == [0.0, 1.0]
    assert nn.Linear(2, 1, np.False_).bias is None


# ---- PyTorch's older forms -----------------------------------------------------------------------------------------

LOSSES = [name for name in dir(nn) if name.endswith("Loss")]
LOSS_FUNCTIONS = [
    name for name in dir(F) if name.endswith("_loss") or name.endswith(("cross_entropy", "with_logits", "kl_div"))
]


@pytest.mark.parametrize(
    "call",
    [
        *(lambda c=c, s=s: c(*s) for c in (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss) for s in ([False], [True])),
        *(lambda c=c, s=s: c(*s) for c in (nn.BCELoss, nn.BCEWithLogitsLoss) for s in ([False], [None, True])),
        *(lambda c=c, s=s: c(*s) for c in (nn.CrossEntropyLoss, nn.NLLLoss) for s in ([False], [None, False])),
        *(lambda c=c: c(1.0, False) for c in (nn.MarginRankingLoss, nn.HingeEmbeddingLoss, nn.CosineEmbeddingLoss)),
        lambda: nn.NLLLoss(None, None, -100),
        lambda: nn.MultiMarginLoss(1, 1.0, None, False),
        lambda: nn.KLDivLoss(False),
        lambda: nn.TripletMarginLoss(1.0, 2.0, 1e-6, False, True),
        lambda: nn.PoissonNLLLoss(True, False, None, 1e-8),
        lambda: F.mse_loss(ones(2), ones(2), False),
        lambda: F.mse_loss(ones(2), ones(2), None, False),
        lambda: F.smooth_l1_loss(ones(2), ones(2), None, True),
        lambda: F.nll_loss(ones(2, 3), tensor([0, 1]), None, None, 1),
        lambda: F.cross_entropy(ones(2, 3), tensor([0, 1]), None, False),
        lambda: F.cross_entropy(ones(2, 3), tensor([0, 1]), None, None, 5),
        lambda: F.binary_cross_entropy(ones(2), ones(2), None, False),
        lambda: F.kl_div(ones(2), ones(2), False),
        lambda: F.hinge_embedding_loss(ones(2), ones(2), 1.0, True),
    ],
)
def test_the_old_positions_of_losses_name_reduction(call: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="reduction"):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: F.gaussian_nll_loss(ones(2), ones(2), None),
        lambda: F.gaussian_nll_loss(ones(2), ones(2), True),
        lambda: nn.init.xavier_uniform_(ones(2, 2), True),
        lambda: nn.init.xavier_normal_(ones(2, 2), gain="relu"),
        lambda: nn.init.kaiming_uniform_(ones(2, 2), "fan_in"),
        lambda: nn.init.kaiming_normal_(ones(2, 2), True),
        lambda: nn.init.uniform_(ones(2), False, True),
        lambda: nn.init.normal_(ones(2), 0.0, True),
        lambda: nn.init.trunc_normal_(ones(2), 0.0, 1.0, True),
        lambda: nn.init.constant_(ones(2), True),
        lambda: nn.init.orthogonal_(ones(2, 2), True),
        lambda: nn.init.sparse_(ones(2, 2), True),
        lambda: nn.init.dirac_(ones(2, 2, 3), 1.0),
        lambda: nn.init.calculate_gain("leaky_relu", True),
    ],
)
def test_initial_values_check_kinds(call: Any) -> None:
    with pytest.raises(TypeError, match="must be a"):
        call()


def test_initial_values_take_the_tensor_by_name() -> None:
    assert nn.init.constant_(tensor=ones(1), val=3.0).tolist() == [3.0]


LAYERS = [name for name in dir(nn) if name[0].isupper() and hasattr(getattr(nn, name), "forward")]
SIZES = {"kernel_size", "stride", "padding", "dilation", "output_size", "output_padding", "size", "normalized_shape"}


def _settings(name: str) -> tuple[dict[str, Any], set[str]]:
    """Return arguments with which a layer can be made, and the names of all."""
    parameters = inspect.signature(getattr(nn, name)).parameters.values()
    needed = {p.name: 4 for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}
    return needed, {p.name for p in parameters}


@pytest.mark.parametrize("name", LAYERS)
def test_sizes_are_checked_when_a_layer_is_made(name: str) -> None:
    needed, names = _settings(name)
    for argument in names & SIZES:
        for value in (True, (True, 2), "x", 2.5, float("nan"), *([] if "Pad" in name else [-1, (-1, 2)])):
            with pytest.raises((TypeError, ValueError), match=rf"{argument} must"):
                getattr(nn, name)(**{**needed, argument: value})


@pytest.mark.parametrize("name", LAYERS)
def test_eps_is_checked_when_a_layer_is_made(name: str) -> None:
    needed, names = _settings(name)
    if name.startswith("Transformer") and "layer" in str(needed):
        return
    for argument in names & {"eps", "layer_norm_eps"}:
        for value in (-1, -1e-5, float("nan")):
            with pytest.raises(ValueError, match="eps must"):
                getattr(nn, name)(**{**needed, argument: value})
        getattr(nn, name)(**{**needed, argument: 0})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Upsample(), "Upsample: give either size or scale_factor, got neither"),
        (lambda: nn.Upsample(2, 2.0), "Upsample: give either size or scale_factor, got both"),
        (lambda: nn.Upsample(None, True), "Upsample: scale_factor must be a number, got True"),
        (lambda: nn.Upsample(True), "Upsample: size must be an integer"),
        (lambda: nn.Upsample(scale_factor=(2, True)), "Upsample: scale_factor must be a number"),
        (lambda: nn.Upsample(scale_factor=-2), "Upsample: scale_factor must be positive"),
        (lambda: nn.Upsample(scale_factor=2, mode="cubic"), "Upsample: mode must be one of"),
        (lambda: nn.Upsample(scale_factor=2, align_corners=True), "Upsample: align_corners is for the linear modes"),
        (lambda: nn.UpsamplingNearest2d(), "give either size or scale_factor"),
        (lambda: nn.PixelShuffle(0), "PixelShuffle: upscale_factor must be positive"),
        (lambda: nn.PixelUnshuffle(-1), "PixelUnshuffle: downscale_factor must be positive"),
        (lambda: nn.ChannelShuffle(0), "ChannelShuffle: groups must be positive"),
        (lambda: nn.AvgPool2d(2, divisor_override=0), "AvgPool2d: divisor_override must not be 0"),
        (lambda: nn.Unflatten(1, (True, 2)), "Unflatten: unflattened_size must be an integer"),
        (lambda: nn.GELU("erf"), "GELU: approximate must be 'none' or 'tanh'"),
        (lambda: nn.CELU(0.0), "CELU: alpha must not be 0"),
        (lambda: nn.Softshrink(-1.0), "Softshrink: lambd must not be negative"),
        (lambda: nn.Hardtanh(1.0, -1.0), "Hardtanh: min_val must be below max_val"),
        (lambda: nn.RReLU(0.5, 0.1), "RReLU: lower must be at most upper"),
        (lambda: nn.HuberLoss(delta=0), "HuberLoss: delta must be positive"),
        (lambda: nn.SmoothL1Loss(beta=-1), "SmoothL1Loss: beta must not be negative"),
        (lambda: nn.TripletMarginLoss(margin=-1), "TripletMarginLoss: margin must be positive"),
        (lambda: nn.TripletMarginWithDistanceLoss(distance_function=2), "distance_function must be a function"),
        (lambda: nn.MultiMarginLoss(3), "MultiMarginLoss: p must be 1 or 2"),
        (lambda: nn.CTCLoss(-1), "CTCLoss: blank must not be negative"),
        (lambda: nn.CrossEntropyLoss(label_smoothing=1.5), "CrossEntropyLoss: label_smoothing must be from 0 to 1"),
        (lambda: nn.NLLLoss(-100), "NLLLoss: weight must be a tensor of weights, got -100"),
        (lambda: nn.MultiheadAttention(4, 2, dropout=2), "MultiheadAttention: dropout must be a probability"),
        (lambda: nn.TransformerEncoderLayer(4, 2, activation=True), "activation must be 'relu', 'gelu' or a function"),
        (lambda: nn.TransformerEncoder(nn.ReLU(), -1), "TransformerEncoder: num_layers must be positive"),
        (lambda: nn.Transformer(4, 2, num_decoder_layers=0), "TransformerDecoder: num_layers must be positive"),
        (lambda: nn.ZeroPad2d((1,)), "ZeroPad2d: padding must be an integer, or 4 of them"),
        (lambda: nn.ReflectionPad1d((1,)), "ReflectionPad1d: padding must be an integer, or 2 of them"),
        (lambda: nn.Conv2d(1, 1, (3,)), "Conv2d: kernel_size must be an integer of at least 1, or 2 of them"),
        (lambda: nn.Unfold(2, padding=(0,)), "Unfold: padding must be an integer"),
        (lambda: nn.Fold(4, 2, stride=(1,)), "Fold: stride must be an integer"),
        (lambda: nn.AdaptiveAvgPool2d(None), "AdaptiveAvgPool2d: output_size must be an integer"),
        (lambda: nn.AdaptiveMaxPool3d((1,)), "AdaptiveMaxPool3d: output_size must be an integer"),
        (lambda: nn.Transformer(4, 2, custom_encoder=True), "Transformer: custom_encoder must be a module"),
        (lambda: nn.InstanceNorm1d(2, dtype="x"), "x"),
        (lambda: nn.Embedding(2, 2, _weight=True), "Embedding: _weight must be a tensor"),
    ],
)
def test_settings_are_checked_when_a_layer_is_made(make: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError, NotImplementedError), match=message):
        make()


def test_instance_norm_of_constant_rows_without_eps_is_0() -> None:
    x = ones(1, 2, 3).requires_grad_()
    y = nn.InstanceNorm1d(2, eps=0)(x)
    y.sum().backward()
    assert y.tolist() == [[[0.0] * 3] * 2] and x.grad.tolist() == [[[0.0] * 3] * 2]
