"""`source(loss).run(xp=…)`: programs run on another array module. Here a strict one, which accepts no NumPy arrays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cases import each

import minigrad
from minigrad import nn
from minigrad.nn import functional as F


class Array:
    """An array on a device: no NumPy function takes it, and nothing converts it but `asnumpy`."""

    __array_ufunc__ = None  # NumPy's operators and functions refuse it
    __slots__ = ("_on_device",)

    def __init__(self, value: np.ndarray) -> None:
        self._on_device = value

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("implicit conversion of a device array")

    __float__ = __int__ = __index__ = __bool__ = __array__  # each is a copy to the host, which a training step avoids

    def __len__(self) -> int:
        return len(self._on_device)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # such as __array_interface__, by which NumPy would read the memory
            raise AttributeError(name)
        found = getattr(self._on_device, name)
        if name in ("shape", "ndim", "size", "dtype", "itemsize", "strides"):
            return found
        return on_device(found) if callable(found) else wrapped(found)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._on_device[unwrapped(key)] = unwrapped(value)


def unwrapped(value: Any) -> Any:
    if isinstance(value, Array):
        return value._on_device
    if isinstance(value, np.ndarray):
        raise TypeError("a NumPy array, where a device array is needed")
    if isinstance(value, tuple | list):
        return type(value)(unwrapped(v) for v in value)
    if isinstance(value, dict):
        return {k: unwrapped(v) for k, v in value.items()}
    return value


def wrapped(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return Array(np.asarray(value))
    return tuple(map(wrapped, value)) if isinstance(value, tuple) else value


def on_device(function: Any) -> Any:
    return lambda *args, **kwargs: wrapped(function(*unwrapped(args), **unwrapped(kwargs)))


def _operator(name: str) -> Any:
    def method(self: Array, *others: Any) -> Any:
        result = getattr(self._on_device, name)(*unwrapped(others))
        return result if result is NotImplemented else wrapped(result)

    return method


def _in_place(name: str) -> Any:
    def method(self: Array, other: Any) -> Any:
        getattr(self._on_device, name)(unwrapped(other))
        return self

    return method


for _name in [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
]:
    setattr(Array, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(Array, f"__r{_name}__", _operator(f"__r{_name}__"))
    setattr(Array, f"__i{_name}__", _in_place(f"__i{_name}__"))
for _name in ["neg", "pos", "abs", "invert", "lt", "le", "gt", "ge", "eq", "ne", "getitem"]:
    setattr(Array, f"__{_name}__", _operator(f"__{_name}__"))


class Module:
    """NumPy's functions on device arrays, except `without`."""

    __name__ = "device"

    def __init__(self, module: Any = np, without: tuple[str, ...] = ()) -> None:
        self._module, self._without = module, without

    def __getattr__(self, name: str) -> Any:
        if name in self._without:
            raise AttributeError(name)
        found = getattr(self._module, name)
        if isinstance(found, np.ufunc):
            return Ufunc(found)
        if hasattr(found, "__path__") or type(found).__name__ == "module":
            return Module(found)
        return found if isinstance(found, type) or not callable(found) else on_device(found)

    @staticmethod
    def asarray(value: Any) -> Array:
        return value if isinstance(value, Array) else Array(np.array(value))


class Ufunc:
    def __init__(self, ufunc: np.ufunc) -> None:
        self.ufunc = ufunc

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return on_device(self.ufunc)(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return on_device(getattr(self.ufunc, name))


device = Module()


def mlp() -> Any:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.LayerNorm(8), nn.Dropout(0.5), nn.Linear(8, 3))
    return F.cross_entropy(model(minigrad.randn(5, 4)), [0, 1, 2, 0, 1])


def convnet() -> Any:
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3)
    )
    return F.cross_entropy(model(minigrad.randn(2, 1, 6, 6)), [0, 2])


def recurrent() -> Any:
    lstm, head = nn.LSTM(3, 4), nn.Linear(4, 2)
    outputs, _ = lstm(minigrad.randn(3, 2, 3))
    return F.mse_loss(head(outputs[-1]), minigrad.randn(2, 2))


def attention() -> Any:
    embedding, head = nn.Embedding(7, 8), nn.Linear(8, 7)
    numbers = minigrad.tensor([[1, 2, 3], [4, 5, 6]])
    h = embedding(numbers)
    h = h + F.scaled_dot_product_attention(h, h, h, is_causal=True)
    return F.cross_entropy(head(h).reshape(-1, 7), numbers.reshape(-1))


@each("network", [mlp, convnet, recurrent, attention])
def test_networks_run_on_a_strict_module_with_the_numbers_of_numpy(network: Any) -> None:
    program = minigrad.source(network(), max_nodes=5000)
    expected, found = program.run(), program.run(xp=device)
    for name in (program.loss, *program.gradients.values()):
        assert isinstance(found[name], Array), name
        assert np.allclose(found[name]._on_device, expected[name], rtol=1e-5, atol=1e-7), name
    assert found.keys() == expected.keys()


def test_the_training_loop_runs_with_x_on_the_device() -> None:
    minigrad.manual_seed(0)
    X, y = minigrad.data.spiral().sample_data_batch(32)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 3))
    loss = F.cross_entropy(model(minigrad.as_tensor(X)), y)
    program = minigrad.source(loss)

    def train(xp: Any) -> tuple[list[Any], dict[str, Any]]:
        values = {name: xp.asarray(np.array(value)) for name, value in program.inputs.items()}
        losses = []
        for _ in range(20):
            out = program.run(xp=xp, **values)
            for name, gradient in program.gradients.items():
                values[name] -= 0.5 * out[gradient]
            losses.append(out[program.loss])
        return losses, values

    losses, values = train(device)
    expected, right = train(np)
    assert np.allclose([loss._on_device for loss in losses], expected, rtol=1e-4) and expected[-1] < expected[0]
    for name in program.gradients:
        assert isinstance(values[name], Array) and np.allclose(values[name]._on_device, right[name], atol=1e-4)


def test_parts_that_cannot_run_are_named() -> None:
    program = minigrad.source(F.gelu(minigrad.randn(3, requires_grad=True)).sum())
    with pytest.raises(
        NotImplementedError, match=r"cannot run on device.*vectorize.*calls a function of Python.*line \d"
    ):
        program.run(xp=device)
    program = minigrad.source(minigrad.randn(3, requires_grad=True).exp().sum())
    with pytest.raises(NotImplementedError, match=r"does not have exp \(line \d+: \w+ = np.exp"):
        program.run(xp=Module(without=("exp",)))
    windows = minigrad.source(F.conv1d(minigrad.randn(1, 1, 5), minigrad.randn(1, 1, 2, requires_grad=True)).sum())
    with pytest.raises(NotImplementedError, match="lib.stride_tricks.sliding_window_view"):
        windows.run(xp=Module(without=("lib",)))
    with pytest.raises(TypeError, match="xp must be a module with NumPy's functions, such as cupy, got str"):
        program.run(xp="cupy")  # type: ignore[arg-type]


def test_an_error_on_the_device_names_the_line() -> None:
    program = minigrad.source(minigrad.randn(3, requires_grad=True).exp().sum())

    def refuse(_: Any) -> Any:
        raise ValueError("out of memory")

    with pytest.raises(ValueError) as raised:
        program.run(xp=SimpleNamespace(asarray=np.asarray, exp=refuse, ones=np.ones, full=np.full))
    assert "in line" in raised.value.__notes__[0] and "np.exp" in raised.value.__notes__[0]


def test_the_stand_in_is_strict() -> None:
    array = device.asarray(np.ones(3))
    for forbidden in (
        lambda: np.exp(array),
        lambda: np.ones(3) + array,
        lambda: array + np.ones(3),
        lambda: np.asarray(array),
        lambda: float(array[0]),
        lambda: bool(array[0] > 0),
        lambda: device.exp(np.ones(3)),
    ):
        with pytest.raises(TypeError):
            forbidden()
    assert (array + array * 2)._on_device.tolist() == [3.0, 3.0, 3.0]


def test_an_input_called_xp_is_an_input() -> None:
    xp = minigrad.tensor([2.0], requires_grad=True, dtype="float64")
    xp.name = "xp"
    program = minigrad.source((xp * xp).sum())
    assert program.run(xp=np.array([3.0]))[program.loss] == 9.0
