"""A backward pass by hand, line by line: each mistake is reported where it is made, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from corpus.passes import EXERCISES, Exercise

import minigrad
from minigrad import check_backward, nn, tensor
from minigrad.scalar import Value


@pytest.mark.parametrize("after", [False, True], ids=["before backward", "after backward"])
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_a_right_pass_is_right(exercise: Exercise, after: bool) -> None:
    loss, names = exercise.run()
    if after:
        loss.backward()
    report = check_backward(loss, names)
    assert report and all(line.verdict == "right" for line in report.lines), report
    assert len(report.lines) >= 8 and "WRONG" not in str(report)


def test_two_mistakes_are_two_wrong_lines() -> None:
    exercise = EXERCISES[0]
    one, two = exercise.edits[2], exercise.edits[-1]
    source = one.source().replace(two.row.old, two.row.new)
    loss, names = exercise.run(source)
    report = check_backward(loss, names)
    assert [line.name for line in report.lines if line.verdict == "wrong"] == ["dprobs", "dC"]
    assert "The first wrong line is that of dprobs. 1 more is wrong." in str(report)


# ---- layers, as a class writes them ------------------------------------------------------------------------------


def two_layers(mistake: str = "") -> Any:
    """Affine, batch normalization, ReLU, affine, softmax: the result and all variables."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 5)), rng.integers(0, 3, 8)
    W1, b1 = tensor(rng.standard_normal((5, 4)), requires_grad=True), tensor(np.zeros(4), requires_grad=True)
    gamma, beta = tensor(rng.uniform(1, 2, 4), requires_grad=True), tensor(np.zeros(4), requires_grad=True)
    W2, b2 = tensor(rng.standard_normal((4, 3)), requires_grad=True), tensor(np.zeros(3), requires_grad=True)
    a = tensor(X) @ W1 + b1
    n = nn.functional.batch_norm(a, None, None, gamma, beta, training=True)
    h = n.relu()
    scores = h @ W2 + b2
    loss = nn.functional.cross_entropy(scores, tensor(y))

    probs = np.exp(scores.detach().numpy())
    probs /= probs.sum(axis=1, keepdims=True)
    dscores = probs.copy()
    dscores[np.arange(8), y] -= 1
    dscores /= 1 if mistake == "mean" else 8
    dW2 = h.detach().numpy().T @ dscores
    db2 = dscores if mistake == "sum" else dscores.sum(axis=0)
    dh = dscores @ W2.detach().numpy().T
    dn = dh * (dh > 0) if mistake == "mask" else dh * (n.detach().numpy() > 0)
    xs = a.detach().numpy()
    std = np.sqrt(xs.var(axis=0) + 1e-5)
    xhat = (xs - xs.mean(axis=0)) / std
    dgamma, dbeta = (dn * xhat).sum(axis=0), dn.sum(axis=0)
    dxhat = dn * gamma.detach().numpy()
    da = dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)
    da = da if mistake == "std" else da / std
    dW1 = (X.T @ da).T if mistake == "transposed" else X.T @ da
    db1 = da.sum(axis=0)
    del rng, probs, std, mistake, xs, dxhat, xhat
    return loss, dict(locals())


@pytest.mark.parametrize(
    ("mistake", "line", "follows"),
    [
        ("mean", "dscores", {"dW2", "db2", "dh", "dn", "dgamma", "dbeta", "da", "dW1"}),
        ("sum", "db2", set()),
        ("mask", "dn", {"dgamma", "dbeta", "da", "dW1"}),
        ("std", "da", {"dW1"}),
        ("transposed", "dW1", set()),
    ],
)
def test_layers(mistake: str, line: str, follows: set[str]) -> None:
    loss, names = two_layers(mistake)
    report = check_backward(loss, names)
    assert report.first_wrong is not None and report.first_wrong.name == line, report
    assert {one.name for one in report.lines if one.verdict == "follows"} | {"db1"} >= follows
    assert sum(one.verdict == "wrong" for one in report.lines) == 1
    loss, names = two_layers()
    assert check_backward(loss, names), check_backward(loss, names)


# ---- how it is called --------------------------------------------------------------------------------------------


def small() -> tuple[Any, Any, Any]:
    w = tensor([[1.0, -2.0], [3.0, 0.5]], dtype="float64", requires_grad=True)
    z = w * w
    return w, z, z.sum()


def test_gradients_are_found_by_the_names_of_the_calling_program() -> None:
    w, z, loss = small()
    dz = np.ones((2, 2))
    dw = 2 * w.detach().numpy() * dz
    assert check_backward(loss, dw=dw, dz=dz) and check_backward(loss, locals())
    assert check_backward(loss, {"w": dw, "z": dz}) and check_backward(loss, {"dw": dw})
    report = check_backward(loss, dw=dw / 2, dz=dz)
    assert not report and report["dw"].verdict == "wrong" and report["dz"].verdict == "right"
    assert "factor 2 of a square" in report["dw"].cause


def test_gradients_of_an_array_start_from_its_own() -> None:
    w, z, _ = small()
    dz = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert check_backward(z, dz=dz, dw=2 * w.detach().numpy() * dz)
    with pytest.raises(ValueError, match=r"the result has the shape \(2, 2\).*dz=\.\.\."):
        check_backward(z, dw=dz)


def test_values() -> None:
    a, b = Value(2.0), Value(-3.0)
    c = a * b
    loss = c * c + a
    dc = 2 * c.data
    assert check_backward(loss, dc=dc, da=dc * b.data + 1, db=dc * a.data)
    report = check_backward(loss, dc=dc, da=dc * b.data, db=dc * a.data)
    assert not report and report["da"].verdict == "wrong" and report["db"].verdict == "right"
    assert report["da"].expected == dc * b.data + 1


def test_float32_and_gradients_of_either_precision() -> None:
    minigrad.manual_seed(0)
    x, w = minigrad.randn(64, 100), minigrad.randn(100, 10).requires_grad_()
    z = x @ w
    loss = (z.tanh() ** 2).mean()
    t = np.tanh(z.detach().numpy())
    dz = 2 * t * (1 - t**2) / 640
    assert check_backward(loss, dz=dz, dw=x.numpy().T @ dz)
    assert check_backward(loss, dz=dz.astype(float), dw=x.numpy().T.astype(float) @ dz)
    assert not check_backward(loss, dz=dz, dw=1.01 * x.numpy().T @ dz)


def test_rounding_is_no_mistake() -> None:
    x = tensor(np.random.default_rng(0).standard_normal((50, 4)), requires_grad=True)
    mu = x.mean(0)
    xc = x - mu
    loss = (xc * 1e6).sum()
    dxc = np.full((50, 4), 1e6)
    assert check_backward(loss, dxc=dxc, dmu=-dxc.sum(axis=0), dx=np.full((50, 4), 1e-9))


@pytest.mark.parametrize(
    ("name", "gradient", "verdict", "cause"),
    [
        ("dw", None, "wrong", "None"),
        ("dw", np.ones(3), "wrong", r"the shape is \(3,\), that of w is \(2, 2\)"),
        ("dw", np.ones((2, 2), dtype=complex), "wrong", "complex"),
        ("dw", "text", "wrong", "must be an array of numbers, got a str"),
        ("dw", np.full((2, 2), np.nan), "wrong", "nan or infinite"),
        ("dw", np.ones((2, 2), dtype=int), "wrong", "integers"),
        ("dzz", np.ones((2, 2)), "not checked", "there is no variable zz in the forward pass; did you mean dz?"),
        ("dother", np.ones((2, 2)), "not checked", "other is not in the graph of the loss"),
        ("dconstant", np.ones((2, 2)), "not checked", "constant does not require a gradient"),
    ],
)
def test_what_cannot_be_compared(name: str, gradient: Any, verdict: str, cause: str) -> None:
    w, z, loss = small()
    other = w * 3
    constant = tensor([[1.0, 2.0], [3.0, 4.0]])
    report = check_backward(loss, **{name: gradient})
    (line,) = report.lines
    assert not report and line.verdict == verdict
    assert minigrad is not None and other is not constant and z is not None
    assert __import__("re").search(cause, line.cause), line.cause


def test_nothing_to_check() -> None:
    _, _, loss = small()
    with pytest.raises(ValueError, match="no gradients to check"):
        check_backward(loss, {})
    with pytest.raises(TypeError, match=r"pass locals\(\), or the gradients by name, got int"):
        check_backward(loss, 3)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="check_backward: this tensor has no graph"):
        check_backward(tensor(1.0), dw=1.0)
    distance = np.ones(3)
    w, z, loss = small()
    report = check_backward(loss, {**locals(), "dw": 2 * w.detach().numpy()})
    assert report and "distance" in str(report) and distance is not None and z is not None


def test_table_in_a_notebook() -> None:
    loss, names = two_layers("mask")
    page = check_backward(loss, names)._repr_html_()
    assert page.count("<tr") == 11 and "#fbdfd0" in page and "#d5efe6" in page and "dn" in page
    assert "<code>" in page and "`" not in page
    w, _, loss = small()
    assert "&lt;" not in check_backward(loss, dw=2 * w.detach().numpy())._repr_html_()


def test_the_picture_shows_how_far_the_pass_is_right() -> None:
    w = tensor([[1.0, -2.0], [3.0, 0.5]], dtype="float64", requires_grad=True)
    z = w * w
    h = z.exp()
    loss = h.sum()
    dh = np.ones((2, 2))
    dz = dh * z.detach().numpy()
    dw = 2 * w.detach().numpy() * dz
    report = check_backward(loss, locals())
    text = minigrad.draw(loss, check=report).source
    assert "dh: right" in text and "dz: wrong" in text and "dw: follows" in text
    assert minigrad.draw(loss, check={"dh": dh, "dz": dz, "dw": dw}).source == text
    assert "gradient right" in text and "gradient right" not in minigrad.draw(loss).source
    assert {node: verdict for node, (_, verdict) in report.nodes.items()} == {
        **{loss.node: "right", h.node: "right"},
        **{z.node: "wrong", w.node: "follows"},
    }


def recurrent(forgotten: bool, twice: bool = False) -> Any:
    """Two steps of an RNN, whose sums before tanh have no name; their gradients are dhraw1 and dhraw2."""
    rng = np.random.default_rng(0)
    x1, x2, w, u, h0 = (
        tensor(rng.standard_normal(s), requires_grad=True) for s in ((4, 3), (4, 3), (3, 5), (5, 5), (4, 5))
    )
    h1 = (x1 @ w + h0 @ u).tanh()
    h2 = (x2 @ w + h1 @ u).tanh()
    loss = (h2 * h2).sum()
    v = {k: t.detach().numpy() for k, t in dict(x1=x1, x2=x2, u=u, h0=h0, h1=h1, h2=h2).items()}
    dh2 = 2 * v["h2"]
    dhraw2 = dh2 * (1 - v["h2"] if twice else 1 - v["h2"] ** 2)
    dh1 = dhraw2 @ v["u"].T
    dhraw1 = dh1 if forgotten else dh1 * (1 - v["h1"] ** 2)
    dw = v["x2"].T @ dhraw2 + v["x1"].T @ dhraw1
    du = v["h1"].T @ dhraw2 + v["h0"].T @ dhraw1
    return check_backward(loss, {**locals(), "v": None})


def test_a_gradient_of_a_result_without_a_name_is_the_wrong_line_if_it_explains_the_others() -> None:
    assert (right := recurrent(False)) and "dhraw2, dhraw1" in str(right)
    for twice, wrong, follows in (False, ["dhraw1"], {"dw", "du"}), (True, ["dhraw2", "dhraw1"], {"dh1", "dw", "du"}):
        report = recurrent(True, twice)
        assert [line.name for line in report.lines if line.verdict == "wrong"] == wrong, str(report)
        assert {line.name for line in report.lines if line.verdict == "follows"} == follows, str(report)
        assert "local derivative of `h1` is missing" in str(report)


def test_a_missing_contribution_is_named_by_the_variable_that_it_comes_through() -> None:
    rng = np.random.default_rng(0)
    x, wq, wk = (tensor(rng.standard_normal((3, 3)), requires_grad=True) for _ in range(3))
    q, k = x @ wq, x @ wk
    loss = (q * k * k).sum()
    a, b = q.detach().numpy(), k.detach().numpy()
    dq, dk = b * b, 2 * a * b
    dx = dq @ wq.detach().numpy().T
    assert "the contribution of `x` through `k` is missing" in str(check_backward(loss, locals()))


@pytest.mark.parametrize("rows", [1, 30])  # few elements are moved one by one, many by their values
def test_at_a_kink_and_a_tie_every_subgradient_is_right(rows: int) -> None:
    a = np.tile([[0.0, 1.0, 1.0], [2.0, 0.0, -1.0], [-1.0, 2.0, 2.0]], (rows, 1)) * (1 + np.arange(3 * rows))[:, None]
    x = tensor(a, requires_grad=True)
    r, top, m = x.relu(), x.max(1).values, x.amax(1)
    loss = (r * r + 3 * r).sum() + (top + m).sum()
    ones = np.ones(3 * rows)
    dr, dtop, dm = 2 * np.maximum(a, 0) + 3, ones, ones
    ties = (a == a.max(1, keepdims=True)).astype(float)
    even, first = ties / ties.sum(1, keepdims=True), np.eye(3)[a.argmax(1)]
    last = np.eye(3)[2 - a[:, ::-1].argmax(1)]
    for passed, shares in ((a >= 0, 2 * even), (a > 0, 2 * first), (a >= 0, 0.4 * first + 1.6 * last)):
        dx = dr * passed + shares
        assert (report := check_backward(loss, locals())), str(report)
        assert "kink" in str(report)
    for passed, shares in ((a > 0, 2 * ties), (a >= 0, 0 * ties), (a >= 0, even), (a >= 0, 3 * first)):
        dx = dr * passed + shares
        assert not check_backward(loss, locals())
    assert not check_backward(loss, {**locals(), "dx": dr + 2 * even})


def test_a_line_computed_from_another_gradient_is_named_before_a_pattern() -> None:
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((6, 4)), tensor(rng.standard_normal((4, 5)), requires_grad=True)
    z = tensor(X) @ w
    d = z - z.mean(0)
    kept = np.array([1.0, 1.0, 1.0, 1.0, 0.0])  # dd and dz agree in the last column
    loss = (d**3 * kept).sum()
    dd = 3 * d.detach().numpy() ** 2 * kept
    dz = dd - dd.mean(0)
    report = check_backward(loss, dd=dd, dz=dz, dw=X.T @ dd)
    assert report.first_wrong is not None and report.first_wrong.name == "dw"
    assert report.first_wrong.cause == "it is computed from dd instead of dz", str(report)
