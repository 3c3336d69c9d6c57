"""The program that `minigrad.source` writes: it computes what the engine did, and reads as if written by hand."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ops import OPS, Op

import minigrad
from minigrad import Tensor, Value, nn, source
from minigrad.show.source import Source

ROOT = Path(__file__).resolve().parent.parent


def executed(text: Source) -> dict[str, Any]:
    """All that the program computes, in a namespace with its inputs alone; they are not changed."""
    before = {name: np.array(value) for name, value in text.inputs.items()}
    modules = [n.names[0].name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import)]
    assert modules in ([], ["numpy"], ["math"])
    names = dict(text.inputs)
    with np.errstate(all="ignore"):
        exec(text, names)
    for name, value in before.items():
        np.testing.assert_array_equal(text.inputs[name], value)
    return names


def check(loss: Tensor, leaves: list[Tensor]) -> Source:
    """The program of a loss gives the loss, and the gradients that backward gives."""
    text = source(loss)
    found = executed(text)
    loss.backward()
    np.testing.assert_allclose(found[text.loss], loss.item(), rtol=1e-12, atol=1e-12)
    names = {id(value): name for name, value in text.inputs.items()}
    for t in leaves:
        if t.grad is not None:
            g = found[text.gradients[names[id(t.node.value)]]]  # type: ignore[union-attr]
            assert np.shape(g) == t.shape
            scale = max(1.0, np.abs(t.grad.numpy()).max(initial=0))
            np.testing.assert_allclose(g, t.grad.numpy(), rtol=1e-12, atol=1e-12 * scale)
    return text


@pytest.mark.parametrize("op", [op for op in OPS if op.grad], ids=lambda op: op.name)
def test_every_operation(op: Op) -> None:
    for shapes, keywords in op.cases:
        xs = [Tensor(a, requires_grad=a.dtype.kind == "f") for a in op.inputs(shapes)]
        for i, x in enumerate(xs):
            x.name = f"x{i}"
        y = op.call(minigrad, *xs, **keywords).double()
        if y.node is None:
            continue
        u = np.random.default_rng(1).standard_normal(y.shape)
        loss = (y * Tensor(u)).sum()
        text = source(loss)
        found = executed(text)
        loss.backward()
        np.testing.assert_allclose(found[text.loss], loss.item(), rtol=1e-12, atol=1e-12)
        for x in xs:
            if x.grad is not None:
                g = found[text.gradients[x.name]]  # type: ignore[index]
                assert np.shape(g) == x.shape
                np.testing.assert_allclose(g, x.grad.numpy(), rtol=1e-12, atol=1e-12)


# ---- models ------------------------------------------------------------------------------------------------------


def target(n: int, classes: int) -> Tensor:
    return minigrad.tensor(np.random.default_rng(2).integers(0, classes, n))


def images(*shape: int) -> Tensor:
    return minigrad.tensor(np.random.default_rng(3).standard_normal(shape))


def test_a_convolutional_network_with_batch_norm() -> None:
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(24, 10)),
    ).double()
    text = check(nn.CrossEntropyLoss()(model(images(5, 1, 8, 8)), target(5, 10)), [*model.parameters()])
    assert "xhat" in text and "dgamma2" in text and "dW3" in text


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_recurrent_network_over_several_steps(layer: Any) -> None:
    recurrent, head = layer(3, 5).double(), nn.Linear(5, 4).double()
    out = recurrent(images(4, 2, 3))[0]
    check(nn.CrossEntropyLoss()(head(out[-1]), target(2, 4)), [*recurrent.parameters(), *head.parameters()])


def test_a_transformer_block() -> None:
    embed, head = nn.Embedding(11, 8).double(), nn.Linear(8, 11).double()
    block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).double()
    y = head(block(embed(target(12, 11).reshape(2, 6))))
    parameters = [*embed.parameters(), *block.parameters(), *head.parameters()]
    check(nn.CrossEntropyLoss()(y.reshape(12, 11), target(12, 11)), parameters)


# ---- how it reads ------------------------------------------------------------------------------------------------


def test_the_network_on_the_digits() -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    network = minigrad.Network(model, nn.CrossEntropyLoss())
    loss = network.forward(minigrad.data.digits().train.sample_data_batch())
    text = source(loss)
    assert f"```py\n{text}\n```" in (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 40
    assert str(text) == (
        """\
import numpy as np

# given: W1 (64, 64), b1 (64,), W2 (10, 64), b2 (10,), X (64, 64), target (64,)

# forward
z1 = X @ W1.T + b1                                                 # (64, 64)
h1 = np.maximum(0, z1)                                             # (64, 64)
scores = h1 @ W2.T + b2                                            # (64, 10)
shifted = scores - scores.max(axis=1, keepdims=True)               # (64, 10)
exp = np.exp(shifted)                                              # (64, 10)
losses = np.log(exp.sum(axis=1)) - shifted[np.arange(64), target]  # (64,)
loss = losses.mean()

# backward
p = exp / exp.sum(axis=1, keepdims=True)  # (64, 10)
p[np.arange(64), target] -= 1
dscores = p / 64                          # (64, 10)
dW2 = dscores.T @ h1                      # (10, 64)
db2 = dscores.sum(axis=0)                 # (10,)
dh1 = dscores @ W2                        # (64, 64)
dz1 = np.where(z1 > 0, dh1, 0)            # (64, 64)
dW1 = dz1.T @ X                           # (64, 64)
db1 = dz1.sum(axis=0)                     # (64,)

# the loss: loss; its gradients: dW1, db1, dW2, db2"""
    )
    found = text.run()
    dx = network.backward()
    assert found["loss"] == pytest.approx(loss, rel=1e-6)
    gradients = np.concatenate([found[name].ravel() for name in ("dW1", "db1", "dW2", "db2")])
    np.testing.assert_allclose(gradients, dx, rtol=1e-5, atol=1e-8)  # the parameters are float32


def test_numbers() -> None:
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    c = (a * b + 5.0).tanh() * a
    text = source(c)
    assert str(text) == (
        """\
import math

# given: a, b

# forward
z1 = a * b + 5
h1 = math.tanh(z1)
loss = h1 * a

# backward
dz1 = a * (1 - h1 * h1)
da = h1 + dz1 * b
db = dz1 * a

# the loss: loss; its gradients: da, db"""
    )
    c.backward()
    found = text.run()
    assert (found["loss"], found["da"], found["db"]) == pytest.approx((c.data, a.grad, b.grad), rel=1e-15)


def test_a_network_written_by_hand() -> None:
    def loss(X: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, y: Tensor) -> Tensor:
        h = np.maximum(0, X @ W1 + b1)
        return ((h @ W2 - y) ** 2).mean()  # type: ignore[no-any-return]

    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((5, 3), (3, 4), (4,), (4, 1), (5, 1))]
    text = source(loss, *arrays)
    assert str(text) == (
        """\
import numpy as np

# given: X (5, 3), W1 (3, 4), b1 (4,), W2 (4, 1), y (5, 1)

# forward
z1 = X @ W1 + b1                 # (5, 4)
h1 = np.maximum(0, z1)           # (5, 4)
z = h1 @ W2                      # (5, 1)
difference = z - y               # (5, 1)
loss = (difference ** 2).mean()

# backward
dz = 2 * difference / 5                          # (5, 1)
dy = -dz                                         # (5, 1)
dW2 = h1.T @ dz                                  # (4, 1)
dh1 = dz @ W2.T                                  # (5, 4)
subtract = 1 - 0.5 * (z1 < 0) - 0.5 * (z1 <= 0)  # (5, 4)
dz1 = np.where(subtract, dh1, 0) * subtract      # (5, 4)
db1 = dz1.sum(axis=0)                            # (4,)
dX = dz1 @ W1.T                                  # (5, 3)
dW1 = X.T @ dz1                                  # (3, 4)

# the loss: loss; its gradients: dX, dW1, db1, dW2, dy"""
    )


def test_an_empty_file_is_enough(tmp_path: Any) -> None:
    """The text, as a script of its own in another process, where minigrad is not."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    loss = nn.MSELoss()(model(images(5, 3)), images(5, 1))
    text = source(loss)
    given = "\n".join(f"{name} = np.array({value.tolist()})" for name, value in text.inputs.items())
    script = tmp_path / "by_hand.py"
    script.write_text(f"import numpy as np\n{given}\n{text}\nprint(loss, dW1.sum())")
    printed = subprocess.run([sys.executable, "-I", script], capture_output=True, text=True, check=True).stdout
    loss.backward()
    weight = next(model.parameters())
    assert [float(x) for x in printed.split()] == pytest.approx([loss.item(), weight.grad.sum().item()], rel=1e-12)


def test_programs_of_numbers_need_no_numpy() -> None:
    program = (
        "import sys; from minigrad.scalar import Value; from minigrad.show.source import source\n"
        "source(Value(2.0) * Value(3.0)).run(); assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
