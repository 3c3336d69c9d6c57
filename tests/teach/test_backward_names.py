"""Which variable a gradient is of: by its name, in dictionaries, lists and objects, and in the scopes around."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minigrad import check_backward, tensor
from minigrad.scalar import Value
from minigrad.tensors.tensor import Tensor

X = np.arange(8.0).reshape(4, 2) / 7 - 0.4


class Affine:
    def __init__(self, W: np.ndarray) -> None:
        self.W = tensor(W, requires_grad=True)
        self.dW: Any = None

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.W

    def backward(self, dout: np.ndarray) -> np.ndarray:
        self.dW = array(self.x).T @ dout
        return dout @ array(self.W).T


def array(x: Any) -> np.ndarray:
    return x.detach().numpy() if isinstance(x, Tensor) else np.asarray(x)


def network() -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(0)
    W, b = (tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((2, 3), (3,)))
    z = X @ W + b
    return (z**2).sum(), z, W, b


@pytest.mark.parametrize("mark", ["d{}", "d_{}", "grad_{}", "{}_grad", "{}Grad", "grad_of_{}", "g{}"])
def test_a_gradient_is_called_as_courses_call_it(mark: str) -> None:
    loss, z, W, b = network()
    dz = 2 * array(z)
    gradients = {"z": dz, "W": X.T @ dz, "b": dz.mean(axis=0)}  # a sum is right
    names = {"z": z, "W": W, "b": b, **{mark.format(name): g for name, g in gradients.items()}}
    report = check_backward(loss, names)
    assert [(line.name, line.verdict) for line in report.lines] == [
        (mark.format("z"), "right"),
        (mark.format("W"), "right"),
        (mark.format("b"), "wrong"),
    ]
    assert "averaged over axis 0" in report[mark.format("b")].cause


def test_a_letter_alone_is_no_mark() -> None:
    loss, z, W, b = network()
    with pytest.raises(ValueError, match="no gradients to check"):
        check_backward(loss, {"z": z, "W": W, "b": b, "gb": np.ones(3)})  # may be anything
    dz = 2 * array(z)
    assert len(check_backward(loss, {"z": z, "W": W, "b": b, "dz": dz, "gb": np.ones(3), "gW": X}).lines) == 1


def test_gradients_in_dictionaries_lists_and_objects() -> None:
    loss, z, W, b = network()
    dz = 2 * array(z)
    dW, db = X.T @ dz, dz.sum(axis=0)
    parameters = {"W1": W, "b1": b}
    for names, called in [
        ({"parameters": parameters, "grads": {"dW1": dW, "db1": db}}, ["dW1", "db1"]),  # A. Ng
        ({"net": SimpleNamespace(params=parameters), "W1": W, "b1": b, "grads": {"W1": dW, "b1": db}}, ["dW1", "db1"]),
        ({"params": [W, b], "grads": [dW, db]}, ["grads[0]", "grads[1]"]),
        ({"Ws": [W], "dWs": [dW], "b": b, "db": db}, ["dWs[0]", "db"]),
        ({"W": W, "b": b, "grads": {"W": dW, "b": db}, "dW": dW / 2}, ["dW", "db"]),  # the last one is in grads
    ]:
        report = check_backward(loss, names)
        assert [line.name for line in report.lines] == called and report, report
    wrong = check_backward(loss, {"parameters": parameters, "z": z, "dz": dz, "grads": {"dW1": dW, "db1": dz.mean(0)}})
    assert wrong.first_wrong is not None and wrong.first_wrong.cause.startswith("`b1` is broadcast in `z`")


def test_gradients_are_attributes_of_layers() -> None:
    rng = np.random.default_rng(0)
    layers = [Affine(rng.standard_normal((2, 3))), Affine(rng.standard_normal((3, 1)))]
    h = layers[0].forward(X)
    out = layers[1].forward(h.tanh())
    loss = (out**2).sum()
    dh = layers[1].backward(2 * array(out)) * (1 - np.tanh(array(h)) ** 2)
    layers[0].backward(dh)
    assert check_backward(loss, locals())
    layers[0].dW = layers[0].dW.copy() / 4
    first, second = layers
    report = check_backward(loss, {"h": h, "dh": dh, "first": first, "second": second})
    assert report.first_wrong is not None and report.first_wrong.name == "first.dW"
    assert report["second.dW"].verdict == "right"


PARAMETERS = {"w": tensor([[0.3], [-0.7]], requires_grad=True)}
w = PARAMETERS["w"]
b = tensor([1.0, 2.0], requires_grad=True)


def test_the_variables_may_be_those_of_the_scopes_around() -> None:
    def inner(scale: float) -> Any:
        z = X @ w
        loss = (z**2).sum()
        dz = scale * array(z)
        dw = X.T @ dz
        b = 3.0  # not the module's
        db = np.ones(2)
        return check_backward(loss, locals()), b, db

    assert [line.name for line in inner(2.0)[0].lines] == ["dz", "dw"] and inner(2.0)[0]
    assert inner(1.0)[0].first_wrong.name == "dz" and inner(1.0)[0]["dw"].verdict == "follows"


def test_the_gradient_of_a_list_is_that_of_its_elements() -> None:
    hs, u = [tensor(np.full((2, 2), 0.1))], tensor([[0.5, 0.2], [-0.3, 0.4]], requires_grad=True)
    for t in range(3):
        hs.append((X[t : t + 2] + hs[-1] @ u).tanh())
    loss = hs[-1].sum() + hs[1].sum()
    dhs: dict[int, np.ndarray] = {3: np.ones((2, 2))}
    for t in (2, 1):
        dhs[t] = (dhs[t + 1] * (1 - array(hs[t + 1]) ** 2)) @ array(u).T
    report = check_backward(loss, {"hs": hs, "u": u, "dhs": dhs})
    assert [line.name for line in report.lines] == ["dhs[3]", "dhs[2]", "dhs[1]"]
    assert report.first_wrong is not None and report.first_wrong.name == "dhs[1]"
    dhs[1] += 1
    assert check_backward(loss, {"hs": hs, "u": u, "dhs": dhs})


def test_what_an_operation_does_not_pass_on_may_be_anything() -> None:
    """CS231n writes dhidden[hidden <= 0] = 0, and a maximum of zeros after relu is a tie."""
    W = tensor(np.random.default_rng(0).standard_normal((2, 5)), requires_grad=True)
    z = X @ W
    hidden = z.relu()
    loss = (hidden * 3 - 1).sum()
    dhidden = np.full((4, 5), 3.0)
    dhidden[array(hidden) <= 0] = 0
    report = check_backward(loss, {"hidden": hidden, "z": z, "dhidden": dhidden, "dz": dhidden.copy(), "W": W})
    assert (
        report
        and report["dhidden"].cause == "it differs from the gradient of hidden only where hidden passes nothing on"
    )
    dhidden[array(hidden) > 0] *= 2
    assert not check_backward(loss, {"hidden": hidden, "z": z, "dhidden": dhidden})
    pairs = z[:, :4].relu().reshape(4, 2, 2)
    pooled = pairs.amax(2)
    loss = pooled.sum()
    dpairs = 1.0 * (array(pairs) == array(pooled)[:, :, None])
    dpooled = np.ones((4, 2))
    assert (dpairs.sum(axis=2) == 2).any()
    assert check_backward(loss, {"pairs": pairs, "pooled": pooled, "dpairs": dpairs, "dpooled": dpooled})
    dpairs = np.ones((4, 2, 2))
    assert not check_backward(loss, {"pairs": pairs, "pooled": pooled, "dpairs": dpairs, "dpooled": dpooled})
    small = z * 1e-10  # passes a little of each element on, and the sum all of them
    both = (small.sum() * 2).expand(2)
    loss = (both * 3).sum() + (1e10 * small).sum()
    assert check_backward(loss, {"small": small, "both": both, "dsmall": np.full((4, 5), 12 + 1e10)})
    assert not check_backward(loss, {"small": small, "both": both, "dsmall": np.full((4, 5), 2e10)})
    assert not check_backward(loss, {"small": small, "both": both, "dboth": np.array([2.0, 4.0])})


def test_constants_have_the_names_of_the_arrays_that_they_copy() -> None:
    """Two batches go through the same weights; xs[t] is a part of an array, and a mask is no array of floats."""
    xa, xb = np.random.default_rng(0).standard_normal((2, 4, 3))
    W = tensor(np.random.default_rng(1).standard_normal((3, 2)), requires_grad=True)
    ua, ub = tensor(xa) @ W, (tensor(xb) @ W).masked_fill(tensor(xa[:, :2] > 0), 0.0)
    loss = (ua * ub).sum()
    dua, dub = array(ub), array(ua)
    masked = dub * (xa[:, :2] <= 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check_backward(loss, {**locals(), "dW": xa.T @ dua + xa.T @ masked})
    assert "`xa` instead of `xb`" in report["dW"].cause


def test_a_gradient_is_multiplied_by_a_derivative_in_place() -> None:
    W = tensor(np.random.default_rng(0).standard_normal((2, 5)), requires_grad=True)
    h = (X @ W).tanh()
    loss = (h**2).sum()
    dh = 2 * array(h)
    dh *= 1 - array(h) ** 2
    report = check_backward(loss, {"h": h, "W": W, "dh": dh, "dW": X.T @ dh})
    assert report and report["dh"].cause == "it is multiplied by the derivative of h in place"
    assert not check_backward(loss, {"h": h, "W": W, "dh": dh, "dW": X.T @ (dh * (1 - array(h) ** 2))})


def test_the_derivative_is_applied_a_line_too_early() -> None:
    W = tensor(np.random.default_rng(0).standard_normal((2, 5)), requires_grad=True)
    z = X @ W
    h = z.tanh()
    loss = (h**2).sum()
    dh = 2 * array(h) * (1 - array(h) ** 2)
    report = check_backward(loss, {"h": h, "z": z, "dh": dh, "dz": dh * (1 - array(h) ** 2)})
    assert report["dh"].cause == "it is the gradient of z already: the derivative of h belongs to the next line"


def test_gradients_are_named_as_the_program_names_them() -> None:
    loss, z, W, b = network()
    h = z.relu()
    loss = (h**2).sum()
    grad_h = 2 * array(h)
    grad_z = grad_h * (array(z) > 0)
    assert check_backward(loss, {**locals(), "grad_b": grad_z.sum(axis=0)})
    grad_h += array(h) <= 0  # some gradient where relu passes nothing on
    report = check_backward(loss, {**locals(), "grad_b": grad_h.sum(axis=0)})
    assert report["grad_b"].cause == "it is computed from grad_h instead of grad_z"


def test_right_lines_refute_causes_that_would_make_them_wrong() -> None:
    """The gradient of z has no name: dW shows that it is right, so that the mistake is in db itself."""
    W, b = tensor(np.random.default_rng(0).standard_normal((2, 5)), requires_grad=True), tensor([0.1] * 5)
    loss = (((X @ W + b.requires_grad_()) - 1) ** 2).sum() / len(X)
    delta = 2 * (X @ array(W) + array(b) - 1) / len(X)
    report = check_backward(loss, {"W": W, "b": b, "dW": X.T @ delta, "db": delta.mean(axis=0)})
    assert report["dW"].verdict == "right" and "averaged over axis 0, not summed" in report["db"].cause


def test_a_known_cause_comes_before_an_unknown_one() -> None:
    rng = np.random.default_rng(0)
    U, V = (tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((2, 3), (3, 2)))
    h = (X @ U).tanh()
    loss = ((h @ V) ** 2).sum()
    dV = array(h).T @ array(h @ V)
    report = check_backward(loss, {"U": U, "V": V, "dU": rng.standard_normal((2, 3)), "dV": dV})
    assert report.first_wrong is not None and report.first_wrong.name == "dV"


@pytest.mark.parametrize("start", ["variable", "constant", "array"])
def test_after_the_backward_loop_dh_is_of_the_state_before_the_loop(start: str) -> None:
    U, h0 = (tensor(np.random.default_rng(k).standard_normal((3, 3)), requires_grad=True) for k in (0, 1))
    h: Any = {"variable": h0, "constant": h0.detach(), "array": array(h0)}[start]
    names, states = {"h0": h, "U": U}, [array(h0)]
    for _ in range(3):
        h = (h @ U).tanh()
        states.append(array(h))
    loss = (h**2).sum()
    dh, dU = 2 * array(h), np.zeros((3, 3))
    for before, after in list(zip(states, states[1:]))[::-1]:
        da = dh * (1 - after**2)
        dU += before.T @ da
        dh = da @ array(U).T
    assert check_backward(loss, {**names, "h": h, "dh": dh, "dU": dU})
    wrong = check_backward(loss, {**names, "h": h, "dh": dh / 2, "dU": dU})["dh"]
    assert wrong.verdict == "not checked" and "keep them in lists, hs[t] and dhs[t]" in wrong.cause


def test_a_cause_is_said_once() -> None:
    loss, z, W, b = network()
    dz = array(z)
    report = check_backward(loss, {"W": W, "b": b, "dW": X.T @ dz, "db": dz.sum(axis=0)})
    assert "factor 2" in report["dW"].cause and report["db"].cause == "the same mistake as in dW"


def test_another_factor_of_another_shape() -> None:
    rng = np.random.default_rng(0)
    u, v = (tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((5,), (4, 5)))
    s = v @ u
    ds = rng.standard_normal(4)
    report = check_backward(s, {"s": s, "u": u, "v": v, "ds": ds, "dv": ds[:, None] * array(v)})
    assert report["dv"].cause == "it is computed with v instead of u"


def test_values_have_other_names_too() -> None:
    a, b = Value(2.0), Value(3.0)
    c = a * b
    assert check_backward(c, {"a": a, "b": b, "a_grad": 3.0, "b_grad": 2.0})
    assert not check_backward(c, {"a": a, "b": b, "a_grad": 2.0, "b_grad": 2.0})


def test_a_gradient_is_found_once() -> None:
    loss, z, W, b = network()
    names: dict[str, Any] = {"W": W, "z": z, "dz": 2 * array(z), "dW": X.T @ (2 * array(z))}
    names["me"] = names
    assert [line.name for line in check_backward(loss, names).lines] == ["dz", "dW"]
    again = (z * 1.0).sum()
    lost = check_backward((W * 1.0).sum(), {"z": again, "dz": np.ones((4, 3))})
    assert [(line.name, line.verdict) for line in lost.lines] == [("dz", "not checked")]


def test_integers_are_named_first() -> None:
    loss, z, _, _ = network()
    dz = np.zeros(z.shape, int)
    dz[...] = (2 * array(z)).astype(int)
    assert check_backward(loss, dz=dz)["dz"].cause.startswith("it is an array of integers")
