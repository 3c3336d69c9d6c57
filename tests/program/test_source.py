"""The program that `minigrad.source` writes: it computes what the engine did, and reads as if written by hand."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from cases import each
from hypothesis import assume, given
from hypothesis import strategies as st
from module_calls import IMAGES, PROGRAMS, tensors
from numpy import zeros
from ops import OPS, Op

import minigrad
from minigrad import Tensor, Value, nn, source
from minigrad.autograd import Function
from minigrad.autograd.checkpoint import checkpoint
from minigrad.primitives.primitive import Primitive
from minigrad.program.source import Source
from minigrad.program.words import words

ROOT = Path(__file__).resolve().parents[2]


def executed(text: Source) -> dict[str, Any]:
    """All that the program computes, in a namespace with its inputs alone; they are not changed."""
    before = {name: np.array(value) for name, value in text.inputs.items()}
    modules = [n.names[0].name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import)]
    assert {*modules} <= {"numpy", "math"}
    names = dict(text.inputs)
    with np.errstate(all="ignore"):
        exec(text, names)
    for name, value in before.items():
        np.testing.assert_array_equal(text.inputs[name], value)
    return names


def check(loss: Tensor, leaves: list[Tensor]) -> Source:
    """The program of a loss gives the loss, and the gradients that backward gives."""
    text: Source = source(loss)
    found = executed(text)
    for name in found:
        if f"d{name}" in found:  # the gradient of that, or of nothing that has a name
            assert np.shape(found[f"d{name}"]) == np.shape(found[name]), name
    loss.backward()
    names = {id(value): name for name, value in text.inputs.items()}
    gradients = [(found[text.gradients[names[id(t.node.value)]]], t.grad) for t in leaves if t.grad is not None]  # type: ignore[union-attr]
    for here, there in [(found[text.loss], loss.detach()), *gradients]:
        assert (here.shape, here.dtype) == (there.shape, there.dtype)
        scale = max(1.0, np.abs(there.numpy()).max(initial=0))
        tolerance = 1e-12 if there.dtype == np.float64 else 1e-4
        np.testing.assert_allclose(here, there.numpy(), rtol=tolerance, atol=tolerance * scale)
    return text


@pytest.mark.parametrize("op", [op for op in OPS if op.grad], ids=lambda op: op.name)
@pytest.mark.slow
def test_every_operation(op: Op) -> None:
    for shapes, keywords in op.cases:
        xs = [Tensor(a, requires_grad=a.dtype.kind == "f") for a in op.inputs(shapes)]
        y = op.call(minigrad, *xs, **keywords).double()
        if y.node is None:
            continue
        u = np.random.default_rng(1).standard_normal(y.shape)
        check((y * Tensor(u)).sum(), xs)


@pytest.mark.parametrize(("dtype", "training"), [("float64", True), ("float32", False)], ids=["train", "eval"])
@pytest.mark.parametrize(("text", "call"), PROGRAMS, ids=[text for text, _ in PROGRAMS])
@pytest.mark.slow
def test_every_module(text: str, call: str, dtype: str, training: bool) -> None:
    """Layers and losses, each in its own dtype."""
    inputs: list[Tensor] = []

    def x(*shape: int) -> Tensor:
        inputs.append(minigrad.randn(*shape, dtype=dtype).requires_grad_())
        return inputs[-1]

    def pooled(d: int) -> tuple[Tensor, Tensor]:
        return getattr(nn, f"MaxPool{d}d")(2, return_indices=True)(x(*IMAGES[d]))  # type: ignore[no-any-return]

    space = {"nn": nn, "minigrad": minigrad, "np": np, "x": x, "pooled": pooled}
    space["module"] = module = eval(f"nn.{text}", space)
    if "Lazy" in text:
        module(minigrad.randn(*eval(call[1:])))
    module.to(dtype).train(training)
    outputs = [t for t in tensors(eval(f"module({call})", space)) if t.dtype.kind == "f"]
    u = [np.random.default_rng(0).standard_normal(t.shape).astype(dtype) for t in outputs]
    check(sum((t * Tensor(v)).sum() for t, v in zip(outputs, u)), [*inputs, *module.parameters()])  # type: ignore[arg-type]


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
    assert f"```py\n{text}\n```" in (ROOT / "docs" / "tour.md").read_text("utf-8")
    assert len(text.splitlines()) <= 40
    assert str(text) == (
        """\
import numpy as np

# given: W1 (64, 64), b1 (64,), W2 (10, 64), b2 (10,), X (64, 64), target (64,)

# forward
z1 = X @ W1.T + b1                                       # (64, 64)
h1 = np.maximum(0, z1)                                   # (64, 64)
scores = h1 @ W2.T + b2                                  # (64, 10)
shifted = scores - scores.max(axis=1, keepdims=True)     # (64, 10)
e = np.exp(shifted)                                      # (64, 10)
total = e.sum(axis=1)                                    # (64,)
losses = np.log(total) - shifted[np.arange(64), target]  # (64,)
loss = losses.mean()

# backward
p = e / total[:, None]          # (64, 10)
p[np.arange(64), target] -= 1
dscores = p / 64                # (64, 10)
dW2 = dscores.T @ h1            # (10, 64)
db2 = dscores.sum(axis=0)       # (10,)
dh1 = dscores @ W2              # (64, 64)
dz1 = np.where(z1 > 0, dh1, 0)  # (64, 64)
dW1 = dz1.T @ X                 # (64, 64)
db1 = dz1.sum(axis=0)           # (64,)

# the loss: loss; its gradients: dW1, db1, dW2, db2"""
    )
    found = text.run()
    dx = network.backward()
    assert found["loss"] == pytest.approx(loss, rel=1e-6)
    gradients = np.concatenate([found[name].ravel() for name in ("dW1", "db1", "dW2", "db2")])
    np.testing.assert_allclose(gradients, dx, rtol=1e-5, atol=1e-8)  # the parameters are float32


def test_equal_results_are_merged_and_their_gradients_added_before_the_product() -> None:
    X, w = (t.requires_grad_() for t in (minigrad.randn(7, 5), minigrad.randn(5)))
    X.name, w.name = "X", "w"
    lines = str(check((np.exp(X @ w) + (X @ w) ** 2).sum() / 7, [w]))
    assert "dz = 2 * z / 7 + exp / 7" in lines and "dw = X.T @ dz " in lines and lines.count("@") == 2
    v = minigrad.randn(4, requires_grad=True)
    left = minigrad.randn(4, 3)
    assert "0]" not in str(check((v @ left).sum() + (left.T @ v).mean(), [v]))
    a = Value(2.0, name="a")
    text = source((a * 3).exp() + (a * 3) ** 2)
    assert text.count("3 * a") == 1 and text.run()["da"] == pytest.approx(3 * np.exp(6) + 36)


def test_what_looks_equal_but_has_other_inputs_keeps_its_gradient() -> None:
    x, a, b = (minigrad.randn(2, 2, requires_grad=True) for _ in range(3))
    check(minigrad.addmm(x, a, b, beta=0).sum() + (a @ b).sum(), [x, a, b])


def test_a_gradient_is_that_of_its_variable() -> None:
    gru = nn.GRU(3, 4)
    text = str(check((gru(minigrad.randn(2, 1, 3))[0] ** 2).mean(), [*gru.parameters()]))
    shapes = dict(re.findall(r"^(\w+) = .*# (\(.*\))$", text, re.MULTILINE))
    assert shapes["z"] == shapes["dz"] and shapes["z2"] == shapes["dz2"] != shapes["z"]
    assert text.count("sigmoid(") == 5 and text.count("np.tanh") == 2  # no step is computed again


@pytest.mark.parametrize(
    ("function", "helper"),
    [("gelu", "normal_cdf"), ("softplus", "softplus"), ("silu", "sigmoid"), ("mish", "softplus")],
)
def test_functions_that_numpy_lacks_are_defined_above(function: str, helper: str) -> None:
    layer = nn.Linear(4, 3).double()
    text = check((getattr(nn.functional, function)(layer(minigrad.randn(6, 4).double())) ** 2).mean(), [])
    assert f"def {helper}(x):" in text and len(text.splitlines()) < 32
    assert helper not in text.run()


def test_numbers_are_written_as_fractions() -> None:
    x, n = minigrad.randn(6, requires_grad=True), 7.0
    a = Value(2.0, name="a")
    for text in (source(x.exp().sum() / n), source(x.relu().sum() / n), source(a.exp() / 7 + a * (2 / 3))):
        assert "14285" not in text and "6666" not in text and "/ 7" in text
    logits, mu = minigrad.randn(3, 5, requires_grad=True), minigrad.randn(4, requires_grad=True)
    picked = logits.log_softmax(1)[range(3), target(3, 5)]
    assert "[np.arange(3), index] = -1 / 3" in str(check(-picked.mean(), [logits]))
    mu.name = "mu"
    assert "dmu = mu + exp / 8 ** 0.5" in str(check((mu / 8**0.5).exp().sum() - 0.5 * (1 - mu**2).sum(), [mu]))


def test_each_line_of_the_backward_pass_says_its_rule() -> None:
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    text = str(source((a * b).tanh() * a, explain=True))
    assert "dz1 = a * (1 - h1 * h1)  # tanh: times 1 - y ** 2" in text
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    loss = nn.CrossEntropyLoss()(model(minigrad.randn(5, 4)), target(5, 2))
    plain, text = source(loss), source(loss, explain=True)
    assert "relu: where x is positive; elsewhere 0" in text and "linear: summed over the examples" in text
    backward = [line for line in text.split("# backward")[1].split("# the loss")[0].splitlines() if line]
    assert all("  # " in line and any(c.isalpha() for c in line.split("  # ")[1]) for line in backward)
    assert plain.split("# backward")[0] == text.split("# backward")[0]
    assert (
        max(map(len, source((nn.LSTM(3, 4)(minigrad.randn(2, 1, 3))[0] ** 2).mean(), explain=True).splitlines())) <= 120
    )


@each("op", [op for op in OPS if op.grad and not op.name.endswith("_")])
def test_every_primitive_has_words(op: Op) -> None:
    shapes, keywords = op.cases[0]
    xs = [Tensor(a, requires_grad=a.dtype.kind == "f") for a in op.inputs(shapes)]
    y = op.call(minigrad, *xs, **keywords).double()
    if y.node is not None and y.node.primitive is not None and hasattr(y.node, "plan"):
        primitive = y.node.primitive
        for name in primitive.vjps:
            assert words(primitive, name).startswith(f"{primitive.name}")


def test_a_convolution_of_single_places_is_a_product() -> None:
    conv = nn.Conv2d(3, 4, 1, stride=2).double()
    text = str(check((conv(images(2, 3, 5, 5)) ** 2).mean(), [*conv.parameters()]))
    assert "sliding_window_view" not in text and "W[:, :, 0, 0]" in text


def test_a_condition_that_is_no_part_of_the_program_is_said_to_be_fixed() -> None:
    x = minigrad.tensor([1.0, -2.0], requires_grad=True)
    text = source(np.where(x > 0, x, x * 0.1).sum())
    assert "mask is a condition that was evaluated for these numbers" in text


def test_the_document_shows_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    text = (ROOT / "docs" / "code.md").read_text("utf-8")
    blocks = re.findall(r"^```(python|py|latex|text)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 8
    for (_, program), (_, printed) in zip(blocks[::2], blocks[1::2], strict=True):
        exec(program, names)
        assert capsys.readouterr().out == printed


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
c = h1 * a

# backward
dz1 = a * (1 - h1 * h1)
da = h1 + dz1 * b
db = dz1 * a

# the loss: c; its gradients: da, db"""
    )
    c.backward()
    found = text.run()
    assert (found["c"], found["da"], found["db"]) == pytest.approx((c.data, a.grad, b.grad), rel=1e-15)


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
h = np.maximum(0, z1)            # (5, 4)
z = h @ W2                       # (5, 1)
difference = z - y               # (5, 1)
loss = (difference ** 2).mean()

# backward
dz = 2 * difference / 5        # (5, 1)
dy = -dz                       # (5, 1)
dW2 = h.T @ dz                 # (4, 1)
dh = dz @ W2.T                 # (5, 4)
dz1 = np.where(z1 > 0, dh, 0)  # (5, 4)
db1 = dz1.sum(axis=0)          # (4,)
dX = dz1 @ W1.T                # (5, 3)
dW1 = X.T @ dz1                # (3, 4)

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
        "import sys; from minigrad.scalar import Value; from minigrad.program.source import source\n"
        "source(Value(2.0) * Value(3.0)).run(); assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# ---- random programs ---------------------------------------------------------------------------------------------

STEPS: list[Any] = [
    *(lambda x, y: x + y, lambda x, y: x * y, lambda x, y: x - y.sum(0), lambda x, y: x @ y.T @ x, lambda x, y: -x),
    *(lambda x, y: (x * 0.1).exp(), lambda x, y: x.tanh() * 3, lambda x, y: 1 / (2 + y.abs()), lambda x, y: x.relu()),
    *(lambda x, y: minigrad.cat([x[:1], y[1:]]), lambda x, y: x.flip(0), lambda x, y: x.T.reshape(3, 4).clone()),
    *(lambda x, y: x.cumsum(0), lambda x, y: x.softmax(1), lambda x, y: x.where(x > y, y)),
    *(lambda x, y: x[minigrad.tensor([2, 0, 2])], lambda x, y: x.max(1, keepdim=True).values + y),
    *(lambda x, y: written(x, y), lambda x, y: x.var(1, keepdim=True) - y, lambda x, y: x.expand(2, 3, 4)[1]),
]
"""Of two tensors (3, 4), one of that shape."""


def written(x: Tensor, y: Tensor) -> Tensor:
    """Views, and writes through them."""
    x = x.clone()
    view = x[:, 1:3]
    view *= y[:, :2]
    x[0] += view.sum()
    x.T[2] = y[:, 0]
    return x + view.mean()


def test_views_that_numpy_gives_stay_as_they_were() -> None:
    x = images(6).requires_grad_()
    y = x.clone()
    windows = y.unfold(0, 2, 1)
    square = x[:, None] * x
    diagonal = square.diagonal()
    before = windows.exp().sum() * diagonal.exp().sum()
    square[1, 1] = 3.0
    y[2] = 5.0
    check(before + (windows * windows).sum() + (diagonal**3).sum() + y.tanh().sum(), [x])


def test_numbers_that_functions_of_numpy_return_are_no_constants() -> None:
    x = minigrad.tensor(0.25, dtype="float64", requires_grad=True)
    text = source(x.clamp(-0.5, 0.5) * minigrad.logsumexp(x.reshape(1), 0))
    assert text.run(x=np.array(0.75))[text.loss] == pytest.approx(0.5 * 0.75)


def test_arrays_of_lists() -> None:
    ends = Primitive(
        "ends",
        lambda x: np.array([x[0], 3.0]) * np.asarray([[x[1], 1.0], [2.0, x[0]]]),
        x=lambda g, x: np.array([g.sum(), g[0, 0] * x[0]]),
    )
    text = source(Tensor.apply(ends, minigrad.tensor([2.0, 5.0], requires_grad=True)).sum())
    assert text.run()[text.loss] == 2 * 5 + 3 * 1 + 2 * 2 + 3 * 2
    assert text.run()[text.gradients["x"]].tolist() == [4.0, 2.0]


def test_functions_with_several_results_and_looks_at_numbers() -> None:
    def forward(x: Any) -> Any:
        whole, rest = np.divmod(x, 2.0)
        full = np.empty_like(x)
        full.fill(whole[0])
        return rest + full if np.array_equal(x, x) else x

    parts = Primitive("parts", forward, x=lambda g: g)
    text = source(Tensor.apply(parts, minigrad.tensor([3.0, 7.5], requires_grad=True)).sum())
    assert text.run()[text.loss] == 1 + 1.5 + 2
    assert "# parts looks at its numbers" in text
    swapped = Primitive("swapped", lambda x: x.byteswap(), x=lambda g: g)
    with pytest.raises(TypeError, match=r"'swapped' calls byteswap\(\) of an array"):
        source(Tensor.apply(swapped, minigrad.tensor([3.0, 7.5], requires_grad=True)).sum())


def test_shapes_are_no_terms() -> None:
    outer = Primitive(
        "outer",
        lambda a, b: np.prod(np.broadcast_arrays(a, b)[0]) * np.ndim(b) * np.shape(b)[0],
        a=lambda g, a: g * a,
    )
    text = source(Tensor.apply(outer, minigrad.tensor([2.0, 3.0], requires_grad=True), minigrad.tensor([[1.0]])))
    assert text.run()[text.loss] == 12.0
    assert "shape" not in text


@given(st.lists(st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, 9), st.integers(0, 9)), max_size=12))
@pytest.mark.slow
def test_random_programs(steps: list[tuple[int, int, int]]) -> None:
    rng = np.random.default_rng(5)
    leaves = [Tensor(rng.standard_normal((3, 4)), requires_grad=True) for _ in range(2)]
    made = [x * 1.5 for x in leaves]
    for step, i, j in steps:
        made.append(STEPS[step](made[i % len(made)], made[j % len(made)]))
        assume(np.abs(made[-1].detach().numpy()).max() < 600)  # beyond, an exponential overflows
    check(sum((x * x).mean() for x in made[-3:]), leaves)  # type: ignore[arg-type]


NUMBER_STEPS: list[Any] = [
    *(lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - 2 * b, lambda a, b: a / (1 + b * b)),
    *(lambda a, b: (a * a + 1) ** 0.5, lambda a, b: a.tanh(), lambda a, b: 2 ** a.sigmoid(), lambda a, b: -abs(b)),
    *(lambda a, b: (a.tanh() + 2).log(), lambda a, b: a.sin() * b.cos(), lambda a, b: a**2, lambda a, b: a.relu() - b),
]


@given(st.lists(st.tuples(st.integers(0, len(NUMBER_STEPS) - 1), st.integers(0, 9), st.integers(0, 9)), max_size=15))
def test_random_programs_of_numbers(steps: list[tuple[int, int, int]]) -> None:
    leaves = [Value(0.75), Value(-1.25)]
    made = list(leaves)
    for step, i, j in steps:
        made.append(NUMBER_STEPS[step](made[i % len(made)], made[j % len(made)]))
    loss = made[-1] * made[-2]
    text = source(loss)
    found = executed(text)
    loss.backward()
    assert found[text.loss] == pytest.approx(loss.data, rel=1e-12, abs=1e-12)
    for name, leaf in zip(text.inputs, (leaf for leaf in leaves if leaf.data in text.inputs.values())):
        assert found[text.gradients[name]] == pytest.approx(leaf.grad, rel=1e-12, abs=1e-12)


# ---- names, and what goes wrong ----------------------------------------------------------------------------------

HOSTILE = [
    "'",
    '"""',
    "import os",
    "lambda",
    "x\n__import__('os').abort()",
    "1st",
    "",
    "π",
    "你好",
    "np",
    "loss",
    "a#b",
]


def test_names_that_are_no_identifiers() -> None:
    xs = [Tensor([1.0, 2.0], requires_grad=True) for _ in range(2 * len(HOSTILE))]
    for x, name in zip(xs, HOSTILE * 2):
        x.name = name
    ys = [x * 2 for x in xs]
    for y, name in zip(ys, HOSTILE):
        y.name = name
    text = check((minigrad.stack(ys) ** 2).sum(), xs)
    assert len(text.inputs) == len(xs) and all(name.isidentifier() for name in text.inputs)
    imports = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import | ast.Attribute)]
    assert "abort" not in {getattr(n, "attr", "") for n in imports}
    formulas = source((xs[4] * xs[5]).sum(), format="latex")
    assert "\\mathrm{x\\_import\\_os\\_abort}" in formulas


def test_what_has_no_name_is_called_as_its_variable() -> None:
    X, W, b = np.ones((5, 3)), images(3, 2).requires_grad_(), images(2).requires_grad_()
    scores = X @ W + b
    text = source((scores.tanh() * scores).sum())
    assert [*text.inputs] == ["W", "b", "X"] and "scores = X @ W + b " in text and "dW = X.T @ dscores " in text
    assert W.name is None and scores.name is None
    check((scores.tanh() * scores).sum(), [W, b])


def test_an_infinite_bound_is_none() -> None:
    x = images(4).requires_grad_()
    text = check((x.clamp(max=0.5) * x.clamp(min=-0.5)).sum(), [x])
    assert "inf" not in text and "np.minimum(x, 0.5)" in text and "np.maximum(-0.5, x)" in text


def test_parameters_are_called_by_their_paths() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1, bias=False))
    text = source(model(minigrad.ones(4, 2)).sum())
    assert [*text.inputs] == ["W1", "b1", "gamma2", "beta2", "W3", "x"]
    model = nn.Sequential(nn.LSTM(2, 3), nn.Linear(3, 1))
    text = source(model[1](model[0](minigrad.ones(4, 1, 2))[0]).sum())
    assert "layer0_weight_ih_l0" in text.inputs and "layer1_weight" in text.inputs


def test_comments_stay_on_their_line() -> None:
    name = "look\nabort()"
    look = Primitive(name, lambda x: x * 2 if x.sum() > 0 else x * 3, x=lambda g, x: g * 2 if x.sum() > 0 else g * 3)
    x = minigrad.tensor([1.0, 2.0], requires_grad=True)
    text = source(look(x).sum())
    assert executed(text)["loss"] == 6.0 and "# look abort() looks at its numbers" in text
    model = nn.Sequential()
    for i in range(30):
        model.add_module(f"{i}\nabort()", nn.Tanh() if i % 2 else nn.Linear(2, 2))
    check(nn.Sequential(model, model)(x).sum(), [x])


def test_rules_of_the_user() -> None:
    def put(x: Any) -> Any:
        out = np.zeros((2, 3))
        out[1] = x
        return out

    def plain(x: Any) -> Any:
        out = zeros(3)
        out[...] = x
        return out

    x = minigrad.tensor([1.0, 2.0, 3.0], requires_grad=True).double()
    text = source((Primitive("put", put, x=lambda g: g[1])(x) ** 2).sum())
    assert executed(text)["loss"] == 14.0 and "put[1] = " in text
    with pytest.raises(TypeError, match="the primitive 'plain' converts its operand"):
        source(Primitive("plain", plain, x=lambda g: g)(x).sum())


class Attend(Function):
    """Several results, one of which need not be used, and an argument that is no tensor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, k: float) -> Any:
        e = (x @ w).exp() * k
        ctx.save_for_backward(x, w, e)
        return e, x.sum()

    @staticmethod
    def backward(ctx: Any, ge: Tensor, gs: Tensor) -> Any:
        x, w, e = ctx.saved_tensors
        return (ge * e) @ w.T + gs, x.T @ (ge * e), None


class ByNumPy(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return minigrad.as_tensor(np.exp(x.detach().numpy()))


@pytest.mark.parametrize("both", [True, False])
def test_functions_of_the_user_are_what_they_compute(both: bool) -> None:
    x, w = images(4, 3).requires_grad_(), images(3, 2).requires_grad_()
    e, s = Attend.apply(x * 2, w, 0.5)
    text = check((e * e).sum() * (s if both else 2.0), [x, w])
    assert "0.5 * np.exp" in text
    with pytest.raises(NotImplementedError, match="ByNumPy.forward computes with arrays"):
        source(ByNumPy.apply(x).sum())


def test_what_is_checkpointed_is_written_once() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.5)).double()
    x = images(5, 3).requires_grad_()
    text = check((checkpoint(model, x) ** 2).sum() + (x**2).sum(), [x, *model.parameters()])
    assert text.count("np.tanh") == 1 and "mask" in text.inputs


def test_the_last_of_several_values_written_to_one_place_gets_the_gradient() -> None:
    x, v = images(4).requires_grad_(), images(3).requires_grad_()
    y = x.clone()
    y[minigrad.tensor([1, 2, 1])] = v * 2
    check((y * y).sum(), [x, v])


def test_second_derivatives() -> None:
    x, w = images(4, 3).requires_grad_(), images(3, 2).requires_grad_()
    (slope,) = minigrad.grad((x @ w).tanh().sum(), [w], create_graph=True)
    text = check((slope**2).sum(), [x, w])
    assert len(text.inputs) == 2


def test_leaves_that_share_memory_have_a_gradient_each() -> None:
    x = images(3).requires_grad_()
    y = x.detach().requires_grad_()
    x.name, y.name = "x", "y"
    text = source((x * x * y * x.detach()).sum())
    found = executed(text)
    assert [*text.gradients] == ["x", "y"] and [*text.inputs] == ["x", "y"]
    np.testing.assert_allclose(found["dx"], 2 * x.detach().numpy() ** 3, rtol=1e-12)
    np.testing.assert_allclose(found["dy"], x.detach().numpy() ** 3, rtol=1e-12)


def test_names_that_were_given_come_before_others() -> None:
    a, b = Value(2.0), Value(3.0, name="x")
    assert [*source(lambda: a * b).inputs] == ["a", "x"]  # of a variable here
    assert [*source(lambda: Value(2.0) * Value(3.0, name="x")).inputs] == ["x2", "x"]


def test_memory_of_a_gradient_has_its_name() -> None:
    text = source(lambda X: (X[0] * 2).sum() + (X[1] * 3).sum(), images(2, 3))
    assert "dX[1] = 3" in text and "dX[0] = 2" in text and "out" not in text


def test_masks_of_dropout_are_given() -> None:
    loss = nn.functional.dropout(images(3, 4).requires_grad_(), 0.5).sum()
    assert "mask" in source(loss).inputs


def test_a_released_graph_is_still_written_and_a_lost_array_named() -> None:
    x = images(3, 4).requires_grad_()
    loss = (x * images(3, 4)).tanh().sum()
    before = source(loss)
    loss.backward()
    assert source(loss) == before
    y = x * minigrad.randn(200, 3, 4).double()  # held by nobody
    loss = y.sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="source: the operand 'b' of 'mul', of shape .200, 3, 4., was freed"):
        source(loss)


def test_what_has_no_program_is_told() -> None:
    x = minigrad.tensor([1.0, 2.0], requires_grad=True)
    for wrong, error, message in [
        (x.detach().sum(), RuntimeError, "source: this tensor has no graph"),
        (x, RuntimeError, "source: nothing was computed yet"),
        (x * 2, RuntimeError, "only a single number has one gradient"),
        (3.0, TypeError, "source expects a Value, a Tensor"),
    ]:
        with pytest.raises(error, match=message):
            source(wrong)
    with pytest.raises(TypeError, match="arguments are for a function"):
        source(x.sum(), 1.0)
    with pytest.raises(ValueError, match="format is 'python' or 'latex'"):
        source(x.sum(), format="c")
    y = x
    for _ in range(10_000):
        y = y + 1
    with pytest.raises(ValueError, match=r"has 10,002 nodes.*max_nodes"):
        source(y.sum())
    z = x * 2
    z.register_hook(lambda g: g)
    with pytest.raises(NotImplementedError, match="hook"):
        source(z.sum())
    with pytest.raises(TypeError, match="no input .'w'.; it has x"):
        source(x.sum()).run(w=1)


@pytest.mark.slow
def test_thousands_of_nodes_are_written_if_asked_for() -> None:
    x = minigrad.tensor([1.0], requires_grad=True)
    y = x
    for _ in range(1000):
        y = y * 1.0001 + 0.5
    text = source(y.sum(), max_nodes=20_000)
    assert executed(text)[text.loss] == pytest.approx(y.sum().item(), rel=1e-4)


def test_the_arguments_of_a_function_stay_as_they_are() -> None:
    x, v = images(2, 3), Value(2.0)
    text = source(lambda a, n: (a * n).sum(), x, 3)
    assert [*text.inputs] == ["a"] and text.gradients == {"a": "da"}
    assert not x.requires_grad and x.name is None
    assert [*source(lambda a, b: a * b, v, 3).inputs] == ["a", "b"] and v.name is None
    assert [*source(nn.Sequential(nn.Linear(3, 1), nn.Flatten(0)), x[:1].float()).gradients] == ["W1", "b1", "inputs"]


def test_results_are_called_as_the_variables_of_the_function() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.outer = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            hidden = self.inner(x).sigmoid()
            for _ in range(2):
                hidden = hidden * 2 + 1
            return self.outer(hidden)

    net, before = Net(), images(2).requires_grad_() * 2

    def objective(x: Tensor) -> Tensor:
        logits = net(x)
        penalty = (before * before).sum()
        return nn.functional.cross_entropy(logits, target(5, 2)) + penalty

    text = source(objective, images(5, 3).float())
    for line in ("hidden2 = 2 * hidden + 1", "logits = hidden3 @ W2.T + b2", "dhidden3 = dlogits @ W2", "penalty ="):
        assert line in text
    assert before.name is None

    def power(x: Value) -> Value:
        for _ in range(3):
            x = x * x
        return x

    assert "x3 = x2 * x2" in source(power, 1.5)


def test_it_runs_with_other_inputs() -> None:
    text = source(lambda w, x: (w * x).sum(), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert text.run()["loss"] == 11.0
    assert text.run(x=np.array([1.0, 1.0]))["loss"] == 3.0
    assert text._repr_markdown_().startswith("```python\nimport numpy as np\n")


def test_windows_that_tile_an_image_are_reshaped_and_others_add_up() -> None:
    x = images(2, 3, 6, 8).requires_grad_()
    tiled = check((nn.functional.max_pool2d(x, (3, 2)) ** 2).sum(), [])
    assert "add.at" not in tiled and ".reshape(2, 3, 2, 3, 4, 2).swapaxes(3, 4)" in tiled
    for options in ({"stride": 1}, {"stride": 3}, {"padding": 1}, {"dilation": 2}):
        overlap = options == {"stride": 1} or "dilation" in options
        text = check((nn.functional.max_pool2d(x, 2, **options) ** 2).sum(), [])
        assert ("add.at" in text) == overlap
    ties = minigrad.zeros(1, 1, 4, 4).requires_grad_()
    check((nn.functional.max_pool2d(ties, 2) * minigrad.arange(4.0).reshape(2, 2)).sum(), [])


def test_arrays_of_float32_are_filled_with_a_fraction() -> None:
    W, x = minigrad.randn(8, 16, dtype="float32").requires_grad_(), minigrad.randn(6, 16, dtype="float32")
    assert "1 / 48" in check((x @ W.T).mean(), [])


def test_rules_that_look_at_numbers_are_told() -> None:
    assert "looks at its numbers" in check(nn.functional.max_pool1d(images(1, 2, 6).requires_grad_(), 2).sum(), [])
    assert "looks at its numbers" not in source((images(2, 3).requires_grad_() ** 2).sum())


# ---- as formulas -------------------------------------------------------------------------------------------------


def test_the_chain_rule() -> None:
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    formulas = source((a * b + 5.0).tanh() * a, format="latex")
    assert formulas.splitlines() == [
        r"z_{1} = a \, b + 5",
        r"h_{1} = \tanh\left(z_{1}\right)",
        r"L = h_{1} \, a",
        r"\frac{\partial L}{\partial z_{1}} = \frac{\partial L}{\partial h_{1}}\,\frac{\partial h_{1}}{\partial z_{1}}"
        r" = a \, \left(1 - h_{1}^{2}\right)",
        r"\frac{\partial L}{\partial a} = h_{1} + \frac{\partial L}{\partial z_{1}} \, b",
        r"\frac{\partial L}{\partial b} = \frac{\partial L}{\partial z_{1}}\,\frac{\partial z_{1}}{\partial b}"
        r" = \frac{\partial L}{\partial z_{1}} \, a",
    ]
    assert formulas._repr_latex_().startswith("$$\\begin{aligned}\nz_{1} &= a")


@pytest.mark.slow
def test_formulas_compile() -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("agg")
    x = images(3, 4).requires_grad_()
    numbers = [Value(0.5), Value(1.5)]
    programs = [*(step(*numbers) for step in NUMBER_STEPS), *(step(x * 1, x.exp()).sum() for step in STEPS[::3])]
    for program in programs:
        for line in source(program, format="latex").splitlines():
            parser.parse(f"${line}$")


def test_what_has_no_name_is_called_as_the_variable_that_holds_it() -> None:
    slope = minigrad.tensor([1.0, -2.0], requires_grad=True)
    data = minigrad.tensor([3.0, 4.0])
    h = slope * data
    found = source((h * h).sum())
    assert "h = slope * data" in found and found.gradients == {"slope": "dslope"}


class Layer(NamedTuple):
    W: Any
    b: Any


def _model(X: Any, W: Any, b: Any, power: Any = 2, on: bool = True) -> Any:
    return (((X @ W + b) ** power).mean() if on else X.sum()) * 1


X, W = 1 + np.arange(12.0).reshape(4, 3) / 10, np.array([1.0, 2.0, 0.5])


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "leaves"),
    [
        (_model, (X, W, 0.5), {}, "X W b"),
        (_model, (X, W), {"b": 0.5}, "X W b"),
        (_model, (), {"X": X, "W": W, "b": np.float32(0.5)}, "X W b"),
        (_model, (X, W, np.array(0.5)), {"power": 2.0}, "X W b power"),
        (_model, (X, W, 1), {}, "X W"),  # integers beside arrays count and choose
        (_model, (X, W, np.int64(1)), {"power": np.int64(2)}, "X W"),
        (_model, (X, W, True), {"on": True}, "X W"),
        (_model, (X.astype("f"), W.astype("f"), 0.5), {}, "X W b"),
        (lambda p, X: _model(X, *p), ([W, 0.5], X), {}, "p_0 p_1 X"),
        (lambda p, X: _model(X, **p), ({"W": W, "b": 0.5}, X), {}, "W b X"),
        (lambda p, X: _model(X, p.W, p.b), (Layer(W, 0.5), X), {}, "W b X"),
        (lambda p, X: _model(X, p[0][0], p[1]["b"]), (((W,), {"b": 0.5}), X), {}, "p_0_0 b X"),
        (lambda X, shape, dim: X.reshape(shape).sum(dim).exp().sum(), (X, (2, 6), np.int64(1)), {}, "X"),
        (lambda a, n, b=1.0: a * n + b, (2.0, 3), {"b": 4.0}, "a n b"),  # without arrays all numbers
        (lambda p: p[0] * p[1], ([2.0, Value(3.0)],), {}, "p_0 p_1"),
        (lambda a, b: a * b, (np.float64(2.0), 3.0), {}, "a b"),
    ],
)
def test_a_function_is_differentiated_by_every_float(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], leaves: str
) -> None:
    found = source(function, *args, **kwargs)
    assert {*found.gradients} == {*leaves.split()}
    ran = executed(found)
    for name, derivative in found.gradients.items():
        nudged = {}
        for sign in (1, -1):
            inputs = {n: np.array(v, float) for n, v in found.inputs.items()}
            inputs[name] = inputs[name] + sign * 1e-6
            nudged[sign] = found.run(**inputs)[found.loss]
        numeric = (nudged[1] - nudged[-1]) / 2e-6
        np.testing.assert_allclose(np.sum(ran[derivative]), numeric, rtol=1e-4)


def test_floats_get_the_dtype_of_the_arrays_beside_them() -> None:
    for dtype in ("float32", "float64"):
        found = source(_model, X.astype(dtype), W.astype(dtype), 0.1)
        assert found.inputs["b"].dtype == dtype and found.run()["db"].dtype == dtype


def test_arguments_beside_an_output_are_refused() -> None:
    for call in (lambda: source(Value(1.0) * 2, 1.0), lambda: source(Value(1.0) * 2, indent=4)):
        with pytest.raises(TypeError, match="arguments are for a function"):
            call()


def test_programs_read_as_one_would_write_them() -> None:
    """Divisions stay divisions, transposes leave products, parts of variables and 1 - y are written as such."""
    minigrad.manual_seed(0)
    X, W, y = minigrad.randn(2, 3, 4), minigrad.randn(4, 5, requires_grad=True), minigrad.tensor([0.0, 1.0, 1.0])
    labels = np.array([0, 2, 4])
    s = X[1] @ W
    p = s.sigmoid()[:, 0]
    z = s - s[np.arange(3), labels][:, None]
    loss = -(y * p.log() + (1 - y) * (1 - p).log()).mean() + z.clamp(min=0).sum()
    text = source(loss)
    check(loss, [W])
    assert "X[1] @ W" in text and "1 - y" in text and "labels" in text and "index" not in text
    assert "dz[np.arange(3), labels] -= dz.sum(axis=1)" in text and "(1 / " not in text

    q, k = minigrad.randn(3, 5, requires_grad=True), minigrad.randn(3, 5, requires_grad=True)
    loss = ((q @ k.T) / 3**0.5).tanh().sum()
    text = source(loss)
    check(loss, [q, k])
    assert "/ 3 ** 0.5" in text and "@ q" in text.split("dk = ")[1] and "0.577" not in text

    x = minigrad.randn(3, 6, requires_grad=True)
    m, v = x.mean(1, keepdim=True), x.var(1, keepdim=True, correction=0)
    hidden = (x - m) / (v + 1e-5).sqrt()
    loss = (hidden * hidden * hidden).sum()
    text = source(loss)
    check(loss, [x])
    assert "v = (difference * difference).mean(axis=1, keepdims=True)" in text and "hidden = " in text

    x.grad = None
    mask = (x > 0) * x
    loss = (mask * 2).sum() + x[x > 1].sum()
    text = source(loss)
    check(loss, [x])
    assert text.count("is a condition that was evaluated for these numbers") == 2
    assert not any(line.strip() == "#" for line in text.splitlines())

    explained = source((X[0] @ W).tanh().mul(2.0).sum(), explain=True)
    assert "tanh: times 1 - y ** 2" in next(line for line in explained.splitlines() if line.startswith("dz"))


def test_guards_and_thresholds_have_names() -> None:
    def of(function: Any, scale: float = 1.0) -> Source:
        x = (minigrad.randn(4, 3, dtype="float64") * scale).requires_grad_()
        return check(function(x), [x])

    weights = minigrad.arange(3.0)
    for text in (of(lambda x: (x.std(axis=0) * weights).sum()), of(lambda x: x.norm(dim=1).square().mean())):
        assert "def quotient(a, b):" in text and text.count("np.where") == 2, text
    still = minigrad.ones(4, 3, dtype="float64", requires_grad=True)
    check(still.std(axis=0).sum() + (still - 1).norm(), [still])  # the gradients are 0
    text = of(lambda x: nn.functional.softplus(x).sum())
    assert "= softplus(x)" in text and "dx = sigmoid(x)" in text and "# softplus looks at its numbers" in text
    assert "np.where(greater" in of(lambda x: nn.functional.softplus(x).sum(), 1e3)
    assert "dx = phi + x * normal_pdf(x)" in of(lambda x: nn.functional.gelu(x).sum())


def test_average_pooling_of_tiles_is_one_line_forward_and_backward() -> None:
    x = minigrad.randn(2, 1, 4, 6, dtype="float64", requires_grad=True)
    text = check((nn.functional.avg_pool2d(x, (2, 3)) ** 2).sum(), [x])
    assert "x.reshape(2, 1, 2, 2, 2, 3).sum(axis=(3, 5))" in text
    assert "np.repeat(np.repeat(dpooled, 2, axis=2), 3, axis=3)" in text
    assert "reshape" not in check((nn.functional.avg_pool2d(x, 2, stride=1) ** 2).sum(), [])


def test_transposed_products_of_stacks() -> None:
    q, k = (minigrad.randn(2, 3, 4, dtype="float64", requires_grad=True) for _ in range(2))
    assert "dx2 = dz1.swapaxes(-2, -1) @ x " in check((q @ k.transpose(1, 2)).tanh().sum(), [q, k])


rng = np.random.default_rng(0)
y, labels, eps = (rng.random(6) > 0.4).astype(float), np.array([0, 2, 1, 1, 0, 2]), rng.standard_normal((6, 2))


def gate(h: Any, W: Any, U: Any) -> Any:
    z = 1 / (1 + np.exp(-(h @ W)))
    n = np.tanh(z * h @ U)
    return (((1 - z) * h + z * n) ** 2).sum()


def logistic(w: Any, b: Any, X: Any) -> Any:
    p = 1 / (1 + np.exp(-(X @ w + b)))
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def normalized(x: Any, gamma: Any) -> Any:
    xhat = (x - x.mean(0)) / np.sqrt(x.var(axis=0) + 1e-5)
    return np.sin(gamma * xhat).sum() + x.std(0).sum()


def softmax_loss(W: Any, X: Any) -> Any:
    scores = np.maximum(0, X @ W)
    scores = scores - scores.max(1, keepdims=True)
    logp = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -logp[np.arange(6), labels].mean() - 0.01 * (np.exp(logp) * logp).sum(axis=1).mean()


def kernel(centers: Any, sigma: Any) -> Any:
    d2 = ((eps[:, None, :] - centers) ** 2).sum(axis=2)
    return np.exp(-d2 / (2 * sigma**2)).sum()


def windows(x: Any, w: Any) -> Any:
    return (np.stack([x[i : i + 3] @ w for i in range(4)]) ** 2).sum()


def rolled(W: Any) -> Any:
    h = np.zeros((1, 3))
    for t in range(2):
        x = np.zeros((1, 3))
        x[0, labels[t]] = 1
        h = np.tanh(x + h @ W)
    return h.sum()


def fitted(a: Any, b: Any) -> Any:
    return ((a + b * y - labels) ** 2).sum()


@pytest.mark.parametrize(
    ("function", "sizes", "lines", "never"),
    [
        (gate, [(6, 3), (3, 3), (3, 3)], ["z = 1 / z3", "dz = ", "** 2"], ["/ z2 / z2", "* (-"]),
        (logistic, [(3,), (), (6, 3)], ["y * log + ", "dw = X.T @ dz", "dX = dz[:, None] * w"], ["mask", "[:, 0]"]),
        (normalized, [(6, 3), (3,)], ["mean(axis=0"], ["/ 5", "(0.5"]),
        (softmax_loss, [(3, 3), (6, 3)], ["labels]", "/ 600", "> 0, "], ["broadcast", "product", "== 0"]),
        (kernel, [(3, 2), ()], ["eps[:, None] - centers", "[..., None]"], ["+ -", "* -", "(2 * difference)"]),
        (windows, [(6,), (3,)], ["dx = np.zeros(6)", "dx[2:5] += dz3 * w"], ["out", "None", "total"]),
        (rolled, [(3, 3)], ["h = np.zeros((1, 3))", "h2 = np.tanh(x + h @ W)"], ["mask"]),
        (fitted, [(), ()], ["b * y", "- labels"], ["mask"]),
    ],
)  # fmt: skip
def test_functions_of_arrays_are_written_as_by_hand(function: Any, sizes: Any, lines: Any, never: Any) -> None:
    """With NumPy's conventions and the function's own names, and the gradients that differences give."""
    local = np.random.default_rng(1)
    given = [local.standard_normal(size) if size or function is not fitted else local.random() for size in sizes]
    text = source(function, *[a if np.ndim(a) else float(a) for a in given])
    assert all(line in text for line in lines) and not any(line in text for line in never), text
    found, direction = text.run(), [local.standard_normal(np.shape(a)) for a in given]
    ends = [function(*[a + sign * 1e-6 * d for a, d in zip(given, direction)]) for sign in (1, -1)]
    slope = sum(np.sum(found[name] * d) for name, d in zip(text.gradients.values(), direction))
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-5)
