"""The mistakes that everybody makes once, and what each message must say: what was asked, what was given, the mend.

A row is a line of code and the pieces that its error must contain; `m` is minigrad, `F` nn.functional.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn

MISTAKES = r"""
m.ones(2, 3) @ m.ones(2, 3) | ValueError | matmul; (2, 3); (2, 3); transposed; .mT
m.ones(2, 3) @ 2.0 | TypeError | @
m.ones(2, 3) + m.ones(2) | ValueError | add; (2, 3); (2,); broadcast; .reshape(2, 1)
m.ones(3, 2) * m.ones(2, 3) | ValueError | mul; (3, 2); (2, 3); .T
m.ones(2) + 'a' | TypeError | Tensor; str
m.ones(2) - [1.0, 2.0] | TypeError | Tensor; list
m.exp(2.0) | TypeError | exp; a tensor; float; minigrad.tensor
m.ones(2, 3).sum(2) | IndexError | dimension 2; (2, 3); -2 to 1
m.ones(2, 3).mean('rows') | TypeError | dimension; str; 'rows'
m.arange(3).mean() | TypeError | mean; int64; .float()
m.ones(0).max() | ValueError | no elements; (0,)
m.ones(2, 3).reshape(4) | ValueError | reshape; (2, 3); 6 elements; (4,)
m.ones(2, 3).reshape(-1, -1) | ValueError | reshape; only one size can be -1
m.ones(2, 3).permute(0) | ValueError | permute; (2, 3); 2 dimensions; (0,)
m.ones(2, 3).expand(4, 3) | ValueError | expand; (2, 3); (4, 3)
m.ones(2, 3).transpose(0, 2) | IndexError | 2; (2, 3)
m.ones(2, 3).unsqueeze(3) | IndexError | unsqueeze; 3; (2, 3)
m.cat([m.ones(2, 3), m.ones(2, 4)]) | ValueError | cat; dim 0; (2, 3); (2, 4)
m.cat([]) | TypeError | cat; at least one tensor
m.stack([m.ones(2), m.ones(3)]) | ValueError | stack; (2,); (3,)
m.ones(5).split([2, 2]) | ValueError | split; 5
m.ones(2, 3)[2] | IndexError | 2; (2, 3)
m.ones(3)[m.tensor([0.0])] | IndexError | float32; .long()
m.ones(2, 3).gather(0, m.tensor([0, 1])) | ValueError | gather; (2, 3); (2,)
m.ones(2, 3).gather(0, m.tensor([[2, 0, 0]])) | IndexError | gather; 2
m.ones(2, 3).gather(0, m.ones(2, 3)) | TypeError | gather; float32
m.ones(2, 3).topk(4) | ValueError | topk; 4; 3
m.einsum('ij,jk->ik', m.ones(2, 3), m.ones(4, 5)) | ValueError | einsum; j; 3; 4
m.linalg.inv(m.ones(2, 3)) | ValueError | inv; square; (2, 3)
m.where(m.ones(2) > 0, m.ones(2)) | TypeError | where
m.ones(2).clamp() | ValueError | clamp; min; max
m.tensor([[1.0, 2.0], [3.0]]) | ValueError | unequal lengths; [[1.0, 2.0], [3.0]]
m.tensor(['a']) | TypeError | booleans, integers and floats
m.tensor([m.ones(1, requires_grad=True)]) | RuntimeError | gradients would be lost; stack
m.tensor([1, 2], requires_grad=True) | RuntimeError | int64; .float()
m.ones(2, requires_grad=True).numpy() | RuntimeError | requires a gradient; .detach().numpy()
m.ones(2).item() | ValueError | item; (2,)
bool(m.ones(2) > 0) | ValueError | (2,); .any(); .all()
np.histogram(m.ones(3, requires_grad=True)) | TypeError | np.histogram; no gradient passes through it
m.randint(5, 5, (2,)) | ValueError | randint; 5
m.zeros(2, -1) | ValueError | -1
m.ones(2).to('cuda') | (RuntimeError, NotImplementedError, TypeError) | cuda
m.tensor([1.0], dtype='complex64') | TypeError | complex64
m.multinomial(m.tensor([0.5, -0.5]), 1) | ValueError | multinomial; not negative
m.ones(2, requires_grad=True).backward() | RuntimeError | (2,); .sum(); gradient
m.ones(()).backward() | RuntimeError | backward; require
twice(m.ones(2, requires_grad=True)) | RuntimeError | a second time; 'sum'; retain_graph=True
m.ones(2, requires_grad=True).add_(1) | RuntimeError | add; leaf; no_grad
spoilt(m.ones(2, requires_grad=True)) | RuntimeError | 'mul'; changed in place; .clone()
m.grad(m.ones(2, requires_grad=True).sum(), m.ones(2, requires_grad=True)) | RuntimeError | input 0; allow_unused
m.grad(m.ones(2, requires_grad=True).sum(), m.ones(2)) | RuntimeError | input 0; requires_grad_
m.autograd.gradcheck(lambda x: x * 2, m.ones(2)) | ValueError | none of the inputs requires a gradient
m.ones(2).register_hook(print) | RuntimeError | require
nn.Linear(3, 4)(m.ones(2, 5)) | ValueError | linear; (2, 5); 3 features; weight; (4, 3)
nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(5, 1))(m.ones(2, 3)) | ValueError | Sequential.2:; (2, 4); 5
nn.Linear(784, 10)(m.ones(2, 28, 28)) | ValueError | (2, 28, 28); 784; .flatten(1)
nn.Linear(0, 4) | ValueError | Linear; in_features; 0
nn.Sequential(nn.Linear, nn.ReLU()) | TypeError | item 0; class Linear; Linear(…)
Forgetful() | AttributeError | Forgetful; super().__init__()
nn.Module()(m.ones(2)) | NotImplementedError | Module; forward
nn.Linear(2, 2).weigth | AttributeError | Linear; weigth
nn.Conv2d(3, 8, 3)(m.ones(2, 4, 8, 8)) | ValueError | conv2d; (2, 4, 8, 8); 3; 4
nn.Conv2d(3, 8, 3)(m.ones(2, 8, 8, 3)) | ValueError | conv2d; (2, 8, 8, 3); .permute(0, 3, 1, 2)
nn.Conv2d(3, 8, 3)(m.ones(8, 8)) | ValueError | conv2d; (8, 8)
nn.Conv2d(3, 8, 5)(m.ones(2, 3, 4, 4)) | ValueError | conv2d; kernel; 5 x 5; 4 x 4
nn.Conv2d(3, 8, 3, groups=2) | ValueError | Conv2d; groups; 2; 3
nn.MaxPool2d(3)(m.ones(2, 3, 2, 2)) | ValueError | max_pool2d; 3 x 3; 2 x 2
nn.MaxPool2d(2, padding=2)(m.ones(2, 3, 8, 8)) | ValueError | max_pool2d; padding; half
nn.BatchNorm2d(4)(m.ones(2, 3, 8, 8)) | ValueError | 4; (2, 3, 8, 8)
nn.BatchNorm1d(3)(m.ones(1, 3)) | ValueError | (1, 3); .eval()
nn.BatchNorm2d(3)(m.ones(2, 3)) | ValueError | BatchNorm2d; (2, 3)
nn.LayerNorm(4)(m.ones(2, 3)) | ValueError | layer_norm; (2, 3); 4
nn.GroupNorm(2, 3) | ValueError | 3; 2
nn.Dropout(1.5) | ValueError | Dropout; probability; 1.5
nn.Embedding(10, 3)(m.tensor([10])) | IndexError | embedding; 10 rows; 0 to 9; 10
nn.Embedding(10, 3)(m.tensor([1.0])) | TypeError | embedding; float32; .long()
nn.CrossEntropyLoss()(m.ones(4, 3), m.zeros(4, 1).long()) | ValueError | (4, 3); (4,); (4, 1)
nn.CrossEntropyLoss()(m.ones(4, 3), m.tensor([1, 2, 3, 1])) | (ValueError, IndexError) | 0 to 2; 3
nn.CrossEntropyLoss()(m.ones(4, 3), m.zeros(4)) | (ValueError, TypeError) | class indices; float32
nn.CrossEntropyLoss()(m.tensor([0, 1]), m.ones(2, 3)) | (ValueError, TypeError) | cross_entropy
nn.CrossEntropyLoss(reduction='average') | ValueError | 'mean'; 'average'
nn.MSELoss()(m.ones(4, 1), m.ones(4)) | ValueError | mse_loss; (4, 1); (4,)
nn.BCELoss()(m.tensor([1.5]), m.tensor([1.0])) | ValueError | binary_cross_entropy; 1.5; with_logits
nn.BCEWithLogitsLoss()(m.ones(4, 1), m.ones(4)) | ValueError | binary_cross_entropy_with_logits; (4, 1); (4,)
nn.NLLLoss()(m.ones(4, 3), m.zeros(4)) | TypeError | nll_loss; float32
nn.NLLLoss(None, False) | TypeError | ignore_index; integer; False
nn.KLDivLoss(reduction='batch') | ValueError | 'batch'
nn.LSTM(3, 4)(m.ones(5, 2, 6)) | ValueError | LSTM; 3; (5, 2, 6)
nn.LSTM(3, 4)(m.ones(5, 2, 3), (m.ones(1, 3, 4), m.ones(1, 3, 4))) | ValueError | (1, 3, 4); (1, 2, 4)
nn.RNN(3, 4, nonlinearity='sigmoid') | ValueError | nonlinearity; 'sigmoid'
nn.MultiheadAttention(5, 2) | ValueError | 5; 2
F.scaled_dot_product_attention(m.ones(2, 3, 4), m.ones(2, 5, 6), m.ones(2, 5, 6)) | ValueError | (2, 3, 4); (2, 5, 6)
nn.TransformerEncoderLayer(6, 2)(m.ones(3, 2, 5)) | ValueError | 6; (3, 2, 5)
F.one_hot(m.tensor([3]), 3) | ValueError | one_hot; 3
F.pad(m.ones(1, 2, 2), (3, 3), mode='reflect') | ValueError | pad; 'reflect'; (1, 2, 2); 3
F.interpolate(m.ones(1, 1, 2, 2), size=4, scale_factor=2) | ValueError | size; scale_factor
nn.PixelShuffle(2)(m.ones(1, 3, 2, 2)) | ValueError | pixel_shuffle; 3; 4
nn.init.kaiming_normal_(m.ones(3)) | ValueError | kaiming_normal_; (3,)
nn.Linear(2, 3).load_state_dict({'weight': m.ones(3, 2)}) | RuntimeError | missing: bias; Nothing was loaded
nn.Linear(2, 3).load_state_dict({'weight': m.ones(2, 3), 'bias': m.ones(3)}) | RuntimeError | weight; (2, 3); (3, 2)
nn.utils.clip_grad_norm_(3, 1.0) | TypeError | int
m.optim.SGD([], lr=0.1) | ValueError | SGD; no parameters
m.optim.SGD(nn.Linear(2, 2), lr=0.1) | TypeError | .parameters()
m.optim.SGD(nn.Linear(2, 2).parameters(), lr=-1) | ValueError | lr; -1
m.utils.data.DataLoader([1, 2], batch_size=0) | ValueError | batch_size; 0
m.utils.data.TensorDataset(m.ones(3), m.ones(4)) | ValueError | 3; 4
list(m.utils.data.DataLoader([m.ones(2), m.ones(3)], batch_size=2)) | (ValueError, RuntimeError) | (2,); (3,)
m.Network(nn.Linear(2, 1), nn.MSELoss()).backward() | RuntimeError | forward
m.Network(nn.Linear(2, 1), nn.MSELoss())(m.ones(1, 2)) | TypeError | network.forward((X, y)); network.model(X)
m.Network(nn.Linear(2, 1), nn.MSELoss()).forward(m.ones(1, 2), m.ones(1, 1)) | TypeError | network.forward((X, y))
m.Network(nn.Linear(2, 1), nn.MSELoss) | TypeError | class MSELoss; MSELoss()
nn.ReLU(m.ones(2)) | TypeError | ReLU; (2,); nn.ReLU(…); module(…)
nn.Dropout(m.ones(2, 3)) | TypeError | Dropout; (2, 3); module(…)
nn.Linear(np.ones((2, 3)), 4) | TypeError | Linear; (2, 3); module(…)
nn.CrossEntropyLoss(m.ones(4, 3), m.zeros(4).long()) | TypeError | CrossEntropyLoss; (4, 3); module(…)
nn.MSELoss(m.ones(4), m.ones(4)) | TypeError | MSELoss; (4,); module(…)
nn.CrossEntropyLoss()(m.ones(4, 3), m.ones(4, 3).long()) | ValueError | (4, 3); (4,); .argmax(1)
nn.CrossEntropyLoss()(m.zeros(4).long(), m.ones(4, 3)) | TypeError | swapped
F.kl_div(m.ones(2), m.ones(2), False) | ValueError | kl_div; reduction; False; size_average
np.exp(m.Value(2.0)) | TypeError | np.exp; Value; x.exp()
np.cbrt(m.Value(2.0)) | TypeError | np.cbrt; Value; minigrad.tensor
m.Value(2.0) * np.ones(2) | TypeError | Value; arrays; minigrad.tensor
m.Value(2.0).sigmiod() | AttributeError | sigmiod; sigmoid
m.max(2, m.ones(2)) | TypeError | max; a tensor; int; minigrad.tensor
m.sum([1.0, 2.0]) | TypeError | sum; a tensor; list; minigrad.tensor
m.mean(np.ones(2)) | TypeError | mean; a tensor; ndarray
max(2, m.ones(2)) | ValueError | (2,); minigrad.maximum; .clamp
m.ones(2) * (1.0, 2.0) | TypeError | mul; tuple; minigrad.tensor
[1.0, 2.0] * m.ones(2) | TypeError | mul; list; minigrad.tensor
m.ones(2) * 'a' | TypeError | mul; str
m.ones(2) - None | TypeError | sub; NoneType; .grad; backward()
m.ones(2, 3).masked_scatter(m.ones(2, 3) > 0, m.ones(2)) | ValueError | masked_scatter; 6 elements; (2,); 2
m.arange(0, float('inf')) | ValueError | arange; finite; inf
m.linspace(0, 1, 0.1) | TypeError | integers; float; 0.1
m.zeros(2.0) | TypeError | integers; float; 2.0
m.cat(m.ones(2), m.ones(2)) | TypeError | cat([a, b]); (2,)
m.stack(m.ones(2, 3)) | TypeError | stack([a, b]); (2, 3)
m.tensor([1, None]) | TypeError | NoneType
m.ones(2).to('gpu') | TypeError | 'gpu'; 'cpu'
m.ones(2).sotfmax(0) | AttributeError | Tensor; sotfmax; softmax
m.sotfmax(m.ones(2), 0) | AttributeError | minigrad; sotfmax; softmax
m.Linear(2, 3) | AttributeError | minigrad.nn.Linear
m.cross_entropy | AttributeError | minigrad.nn.functional.cross_entropy
m.DataLoader | AttributeError | minigrad.utils.data.DataLoader
m.jit.script(nn.Linear(2, 3)) | AttributeError | jit; call the function itself
m.array([1.0]) | AttributeError | tensor(...)
nn.Lienar(2, 3) | AttributeError | minigrad.nn; Lienar; Linear
nn.relu | AttributeError | ReLU
nn.SGD | AttributeError | minigrad.optim.SGD
F.crossentropy | AttributeError | cross_entropy
F.ReLU | AttributeError | 'relu'
m.optim.Adamm | AttributeError | Adam
m.optim.lr_scheduler.StepLr | AttributeError | StepLR
nn.init.xavier_unifrom_ | AttributeError | xavier_uniform_
m.optim.SGD(nn.Linear(2, 2).parameters()).zero_grads() | AttributeError | SGD; zero_grad
nn.Linear(2, 2).zero_grads() | AttributeError | Linear; zero_grad
nn.Linear(2, 2).backward() | AttributeError | Linear; loss.backward()
nn.Linear(2, 2).fit() | AttributeError | Linear; write the loop; optimizer.step()
m.optim.SGD(nn.Linear(2, 2).parameters, lr=0.1) | TypeError | SGD(model.parameters(), …)
nn.utils.clip_grad_norm_(nn.Linear(2, 2), 1.0) | TypeError | model.parameters()
nn.Sequential(nn.Linear(2, 2), F.relu) | TypeError | item 1; function relu; nn.ReLU()
nn.ModuleList(nn.Linear(2, 2)) | TypeError | ModuleList; list; Linear
nn.ModuleList([nn.Linear(2, 2)])(m.ones(2)) | NotImplementedError | ModuleList; loop; nn.Sequential(*layers)
nn.Conv2d(1, 8) | TypeError | Conv2d; kernel_size
nn.MaxPool2d() | TypeError | MaxPool2d; kernel_size
nn.AdaptiveAvgPool2d() | TypeError | AdaptiveAvgPool2d; output_size
nn.Conv2d(1, 8, 3, padding='sames') | ValueError | Conv2d; padding; 'same'; 'sames'
F.relu([1.0]) | TypeError | relu; a tensor; list; minigrad.tensor
F.softmax(2.0, 0) | TypeError | softmax; a tensor; float; minigrad.tensor
F.dropout([1.0]) | TypeError | dropout; a tensor; list
"""
ROWS = [[part.strip() for part in line.split(" | ")] for line in MISTAKES.strip().splitlines()]


def twice(x: Any) -> None:
    loss = (x * x).sum()
    loss.backward()
    loss.backward()


def spoilt(x: Any) -> None:
    y = x * 2
    z = y * y
    y += 1
    z.sum().backward()


class Forgetful(nn.Module):
    def __init__(self) -> None:
        self.layer = nn.Linear(2, 2)


@pytest.mark.parametrize(("line", "error", "pieces"), ROWS, ids=[row[0] for row in ROWS])
def test_the_message_says_what_was_given_and_the_mend(line: str, error: str, pieces: str) -> None:
    names = {"m": minigrad, "nn": nn, "F": nn.functional, "np": np}
    names |= {"twice": twice, "spoilt": spoilt, "Forgetful": Forgetful}
    with pytest.raises(eval(error)) as caught:
        eval(line, names)
    message = " ".join(str(caught.value).split())
    assert [piece for piece in pieces.split("; ") if piece not in message] == [], message


def test_the_table_has_enough_mistakes() -> None:
    assert len(ROWS) >= 160


def test_an_error_is_cheap_until_it_is_read() -> None:
    with pytest.raises(AttributeError) as caught:
        _ = nn.Linear(2, 2).weigth
    assert type(caught.value).__name__ == "AttributeError" and caught.value.name is None  # Python adds nothing
    assert str(caught.value) == "Linear has no attribute 'weigth'. Did you mean 'weight'?"
    assert not hasattr(nn.Linear(2, 2), "weigth") and not hasattr(minigrad.ones(2), "iloc")


def test_a_parameter_that_was_replaced() -> None:
    w = minigrad.ones(2, requires_grad=True)
    (w * w).sum().backward()
    w = w - 0.1 * w.grad
    (w * w).sum().backward()
    with pytest.warns(UserWarning, match=r"w -= lr \* w.grad"):
        assert w.grad is None


@pytest.mark.parametrize(
    ("x", "weight", "cause"), [(np.nan, 1.0, "inputs"), (1.0, np.nan, "learning rate"), (-1.0, 1.0, "log")]
)
def test_a_loss_that_is_nan_names_its_cause(x: float, weight: float, cause: str) -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, weight)
    network = minigrad.Network(model, lambda scores, targets: scores.log().sum())
    with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning, match=cause):
        network.forward(([[x]], None))


def test_a_value_computes_with_numbers_of_numpy() -> None:
    x = minigrad.Value(3.0)
    y = np.float64(2) * x + np.float32(1) / x - np.int64(1) ** x
    y.backward()
    assert type(y) is minigrad.Value and x.grad == pytest.approx(2 - 1 / 9)
    assert np.float64(4) > x and np.float64(3) == x


def test_a_count_may_be_a_tensor() -> None:
    assert [0] * minigrad.tensor(3) == [0, 0, 0] and minigrad.tensor(2) * "ab" == "abab"
