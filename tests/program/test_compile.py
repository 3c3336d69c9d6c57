"""`compile`: the recording gives the numbers of the eager step, to the bit, and is never stale."""

from __future__ import annotations

import copy
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad import nn, optim, tensor
from minigrad.nn import functional as F
from minigrad.program.arguments import Pattern
from minigrad.program.compiled import LIMIT, Compiled
from minigrad.scalar import Value
from minigrad.tensors.tensor import Tensor


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def tensors(*shape: int, seed: int = 0) -> minigrad.Tensor:
    return minigrad.tensor(floats(*shape, seed=seed))


def bits(*values: Any) -> list[bytes | None]:
    return [None if v is None else np.asarray(v.detach() if hasattr(v, "detach") else v).tobytes() for v in values]


def rounds(model: nn.Module, function: Callable[..., Any], batches: Any, **options: Any) -> list[Any]:
    """Losses, gradients and buffers of a few steps of gradient descent, and where the random numbers end."""
    minigrad.manual_seed(1)
    found = []
    for batch in batches:
        model.zero_grad()
        loss = function(*batch, **options)
        loss.backward()
        parameters = [*model.parameters()]
        found.append(bits(loss, *[p.grad for p in parameters], *model.buffers()))
        for p in parameters:
            if p.grad is not None:
                p.data -= 0.1 * p.grad
    return [found, bits(minigrad.rand(1))]


def check(
    model: nn.Module, batches: Any, loss: Any = None, count: int = 1, function: Callable[..., Any] | None = None
) -> Compiled:
    """Train two copies of a model, one of them compiled, and compare all numbers."""
    twin = copy.deepcopy(model)
    loss = loss or (lambda y, target: ((y - target) ** 2).mean())

    def of(model: nn.Module) -> Callable[..., Any]:
        return function(model) if function else lambda x, y: loss(model(x), y)  # type: ignore[no-any-return]

    compiled = minigrad.compile(of(twin))
    assert rounds(model, of(model), batches) == rounds(twin, compiled, batches)
    assert compiled.reason == "" and compiled._count == count, (compiled.reason, compiled._count)
    return compiled  # type: ignore[no-any-return]


def regression(*shape: int, target: tuple[int, ...], n: int = 4) -> list[tuple[Any, Any]]:
    return [(tensors(*shape, seed=i), tensors(*target, seed=9 + i)) for i in range(n)]


class Attend(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        settings: Any = {"dropout": 0.1, "activation": "gelu", "batch_first": True, "norm_first": True}
        self.table, self.block = nn.Embedding(7, 8), nn.TransformerEncoderLayer(8, 2, 16, **settings)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 7)
        self.mask = nn.Transformer.generate_square_subsequent_mask(5)

    def forward(self, tokens: Any) -> Any:
        x = self.table(tokens) + self.table(minigrad.arange(5))
        return self.head(self.norm(self.block(x, src_mask=self.mask, is_causal=True))).reshape(-1, 7)


def test_models_train_as_they_do_eagerly() -> None:
    minigrad.manual_seed(0)
    image = nn.Sequential(
        *(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(12, 6), nn.GELU(), nn.Dropout(0.4), nn.Linear(6, 2)),
    )
    recurrent = nn.LSTM(3, 4, num_layers=2, batch_first=True)
    tokens = [(minigrad.randint(0, 7, (2, 5)), minigrad.randint(0, 7, (10,))) for _ in range(4)]
    check(nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)), regression(6, 3, target=(6, 2)))
    check(image, regression(5, 1, 4, 4, target=(5, 2)))
    check(recurrent, regression(2, 5, 3, target=(2, 5, 4)), lambda y, target: ((y[0] - target) ** 2).mean())
    check(Attend(), tokens, nn.CrossEntropyLoss(), count=1)


def test_a_network_runs_the_lecture_s_loop() -> None:
    def train(compiled: bool) -> list[Any]:
        minigrad.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, 3))
        network = minigrad.Network(model, nn.CrossEntropyLoss())
        if compiled:
            assert minigrad.compile(network) is network
        found, kept = [], []
        x = network.x
        for i in range(6):
            y = np.random.default_rng(i).integers(0, 3, 8)
            loss = network.forward((floats(8, 4, seed=i), y))
            dx = network.backward()
            kept.append((dx, dx.copy()))
            x += -0.1 * dx
            found.append((float(loss), dx.tobytes(), x.tobytes(), bits(*[p.grad for p in model.parameters()])))
            model.train(i != 3)
        assert all((dx == before).all() for dx, before in kept)  # of a step before, and the user's own
        return found

    assert train(False) == train(True)


def test_a_network_checks_as_before() -> None:
    network = minigrad.Network(nn.Linear(2, 1), nn.MSELoss()).compile()
    batch = (floats(3, 2), floats(3, 1))
    for _ in range(3):
        network.forward(batch)
        network.x[:] += 1
        with pytest.raises(RuntimeError, match="changed between forward and backward"):
            network.backward()
        network.forward(batch)
        network.backward()
        with pytest.raises(RuntimeError, match="called twice"):
            network.backward()
        with pytest.raises(ValueError, match="same shape"):
            network.forward((floats(3, 2), floats(2, 1)))
        with pytest.raises(ValueError, match="empty"):
            network.forward((floats(0, 2), floats(0, 1)))
        with minigrad.no_grad():
            network.forward(batch)
        with pytest.raises(RuntimeError, match="requires a gradient"):
            network.backward()


# ---- nothing is stale ------------------------------------------------------------------------------------------------

SCALE = 1.0
SETTINGS = {"power": [1, 2]}


def scaled(x: Any) -> Any:
    return (x * SCALE + SETTINGS["power"][0]).sum()


def follows(function: Callable[..., Any], changes: list[Callable[[], Any]], *args: Any) -> Compiled:
    """Call a function and its recording after each change; both must return the same."""
    compiled = minigrad.compile(function)
    for change in [lambda: None, lambda: None, *changes, lambda: None]:
        change()
        assert bits(function(*args)) == bits(compiled(*args))
        assert bits(function(*args)) == bits(compiled(*args))
    return compiled  # type: ignore[no-any-return]


def test_what_a_function_reads_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    x = tensors(3)
    enclosed, array, counts, options = 2.0, np.ones(3, np.float32), [1], {"a": (1, [2])}
    mask = minigrad.tensor([1.0, 0.0, 1.0])
    thing = SimpleNamespace(rate=0.5, inner=SimpleNamespace(bias=1))

    def closure(x: Any) -> Any:
        y = (x * enclosed * array * counts[0] + options["a"][1][0]).sum()
        return y * mask.sum() * thing.rate + thing.inner.bias

    def set_enclosed() -> None:
        nonlocal enclosed
        enclosed = 3.0

    def set_mask() -> None:
        nonlocal mask
        mask = minigrad.tensor([1.0, 1.0, 1.0])

    changes: list[Callable[[], Any]] = [
        set_enclosed,
        lambda: array.__setitem__(0, 5.0),
        lambda: counts.__setitem__(0, 7),
        lambda: options["a"][1].append(3),
        lambda: mask.__setitem__(1, 9.0),
        set_mask,
        lambda: setattr(thing.inner, "bias", -1),
    ]
    compiled = follows(closure, changes, x)
    assert compiled.reason == ""
    follows(
        scaled,
        [
            lambda: monkeypatch.setattr(f"{__name__}.SCALE", 4.0),
            lambda: monkeypatch.setattr(f"{__name__}.SCALE", 4),
            lambda: SETTINGS["power"].insert(0, 8),
            lambda: SETTINGS["power"].pop(0),
        ],
        x,
    )


class Shift(nn.Module):
    scale = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.epoch, self.names = 0, ["linear"]
        self.register_buffer("offset", minigrad.zeros(3))

    def forward(self, x: Any) -> Any:
        for name in self.names:
            x = getattr(self, name)(x)
        return ((x + self.offset) * self.scale).sum() * (2.0 if self.epoch > 3 else 1.0)


def test_what_a_module_reads_is_followed() -> None:
    model, x = Shift(), tensors(2, 3)

    def later() -> None:
        model.epoch = 5

    def class_attribute() -> None:
        Shift.scale = 3.0

    def other_parameter() -> None:
        model.linear.weight = nn.Parameter(tensors(3, 3, seed=4))

    def other_layer() -> None:
        model.linear = nn.Linear(3, 3, bias=False)

    changes: list[Callable[[], Any]] = [
        *(later, class_attribute, other_parameter, other_layer, lambda: model.names.append("linear")),
        lambda: model.offset.add_(1.0),
        lambda: setattr(model, "offset", minigrad.ones(3)),
        lambda: model.linear.weight.requires_grad_(False),
        lambda: setattr(model.linear.weight, "data", tensors(3, 3, seed=6)),
    ]
    try:
        for change in changes:  # one at a time, so that no function has too many recordings
            compiled = follows(model, [change], x)
            assert compiled.reason == "", change
    finally:
        Shift.scale = 1.0


def test_dictionaries_are_compared_with_their_order() -> None:
    """Short ones with texts as keys entry by entry, others as sequences."""
    weights: dict[Any, float] = {}

    def function(x: Any) -> Any:
        for w in weights.values():
            x = (x + w) * w
        return x.sum()

    x = tensors(3)
    for kind in ({"a": 2.0, "b": 3.0}, {1: 2.0, 2: 3.0}, {**{f"n{i}": 1.0 for i in range(100)}, "a": 2.0, "b": 3.0}):
        compiled = minigrad.compile(function)
        first, *others = kind.items()
        for now in (kind, dict([*others, first]), {**kind, first[0]: 5}, {**kind, first[0]: 5.0}, dict(others)):
            weights.clear()
            weights.update(now)
            assert bits(compiled(x), compiled(x)) == bits(function(x), function(x))
        assert not compiled.reason


def test_an_import_inside_a_step_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy imports some of its modules when they are first used; the finders of packages then run."""

    class Finder:
        def find_spec(self, *_: Any) -> None:
            print("looking", end="")
            locals()

    def importing(x: Any) -> Any:
        try:
            import no_such_module  # type: ignore[import-not-found]  # noqa: F401
        except ImportError:
            return (x * 2).sum()

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    assert follows(importing, [], tensors(3)).reason == ""


def test_conditions_on_numbers_hold_or_the_step_is_recorded_again() -> None:
    def function(x: Any) -> Any:
        y = x.sum()
        if y > 0:
            y = y * 2
        return y + x[x > 0].sum() + float(x.max() > 5)

    compiled = minigrad.compile(function)
    for values in ([1.0, 2.0], [3.0, 1.0], [-1.0, -2.0], [-1.0, 0.5], [1.0, 9.0], [2.0, 2.0], [-3.0, -3.0]):
        x = minigrad.tensor(values)
        assert bits(function(x)) == bits(compiled(x))
    assert compiled.reason == "" and 1 < compiled._count <= 5


def test_numbers_read_at_each_step_are_named() -> None:
    def function(x: Any) -> Any:
        return x.sum() * int(x.max().item() * 1000)

    compiled = minigrad.compile(function)
    with pytest.warns(RuntimeWarning, match=rf"recorded {LIMIT} times, last because of .*test_compile.py:\d+"):
        for i in range(LIMIT + 3):
            x = tensors(3, seed=i)
            assert bits(function(x)) == bits(compiled(x))
    assert compiled.reason


def test_numbers_of_tensors_are_computed_with() -> None:
    def function(x: Any) -> Any:
        largest = x.max().item()
        return x.sum() * (1 / (largest + 1.5)) + min(largest, 10.0) * len(x) + x.numpy().shape[0]

    compiled = minigrad.compile(function)
    for i in range(4):
        x = tensors(3, seed=i)
        assert bits(function(x)) == bits(compiled(x))


def test_named_tuples_of_numpy() -> None:
    x = floats(3, 3) + np.eye(3)

    def function(x: np.ndarray, w: minigrad.Tensor) -> minigrad.Tensor:
        q, _ = found = np.linalg.qr(x)
        return (minigrad.tensor(np.concatenate(found)[:3] + q + np.shape(x)[0]) * w).sum()

    step = minigrad.compile(function)
    w = minigrad.tensor(floats(3, 3), requires_grad=True)
    for k in range(3):
        assert step(x + k, w).item() == function(x + k, w).item(), k
    assert step.reason == ""


def test_random_numbers_are_undone_with_a_condition_that_fails() -> None:
    running = minigrad.zeros(1)

    def function(x: Any) -> Any:
        noise = minigrad.rand(3)
        running.add_(1.0)
        return (x * noise).sum() * (2 if (x * noise).sum() > 0 else 3) + running.sum()

    compiled = minigrad.compile(function)
    results = []
    for f in (function, compiled):
        minigrad.manual_seed(0)
        running.zero_()
        results.append([bits(f(minigrad.tensor([sign, sign, sign]))) for sign in (1.0, 1.0, -1.0, 1.0, -1.0)])
    assert results[0] == results[1] and compiled.reason == ""


STEPS: list[Any] = []


def test_what_cannot_be_recorded_is_named_and_runs() -> None:
    x = tensors(3)
    count = 0
    generator, iterator = np.random.default_rng(0), iter(range(1000))

    def counts(x: Any) -> Any:
        nonlocal count
        count += 1
        return x.sum() * count

    def logs(x: Any) -> Any:
        STEPS.append(1)
        return x.sum() * len(STEPS)

    class Remembers(nn.Module):
        def forward(self, x: Any) -> Any:
            self.last = x * 2
            return self.last.sum()

    def prints(x: Any) -> Any:
        print(end="")
        return x.sum()

    def draws(x: Any) -> Any:
        return x.sum() * float(generator.random() >= 0)

    def draws_globally(x: Any) -> Any:
        return x.sum() + 0.0 * np.random.rand()

    def iterates(x: Any) -> Any:
        return x.sum() * (next(iterator) * 0 + 1)

    def pairs(x: Any) -> Any:
        return x.sum(), x.mean()

    def numpys(x: Any) -> Any:
        return minigrad.tensor(np.sin(x.numpy())).sum() + x.sum()

    def hooks(x: Any) -> Any:
        y = x * minigrad.ones(3, requires_grad=True)
        y.register_hook(lambda g: 2 * g)
        return y.sum()

    cases: list[tuple[str, Any, str]] = [
        *(("counter", counts, "count"), ("list", logs, "STEPS"), ("attribute", Remembers(), "last")),
        *(("print", prints, "print"), ("generator", draws, "generator"), ("numpy", draws_globally, "numpy.random")),
        *(("iterator", iterates, "iterator"), ("two results", pairs, "not one tensor"), ("hooks", hooks, "hook")),
    ]

    for name, function, reason in cases:
        compiled = minigrad.compile(function)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for i in range(5):
                state, count = count, 10 * i
                STEPS.clear()
                expected = function(x)
                count = 10 * i
                STEPS.clear()
                found = compiled(x)
                for a, b in zip(expected, found) if isinstance(found, tuple) else [(expected, found)]:
                    assert bits(a) == bits(b)
                count = state
        assert reason in compiled.reason, name
        assert [str(w.message) for w in caught if w.category is RuntimeWarning and reason in str(w.message)], name
    compiled = minigrad.compile(numpys)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(LIMIT + 2):
            y = tensors(3, seed=i)
            assert bits(numpys(y)) == bits(compiled(y))


def test_arguments_of_many_kinds() -> None:
    def function(batch: Any, scale: float = 1.0, *, mode: str = "sum") -> Any:
        (x, targets), rest = batch["data"], batch["rest"]
        return getattr(x * rest[0] * scale, mode)() + (targets == 1).sum() + minigrad.tensor(targets).sum()

    compiled = minigrad.compile(function)
    for i in range(3):
        batch = {"data": (tensors(4, seed=i), np.arange(4) + i), "rest": [tensors(1, seed=5 + i)]}
        for options in ({}, {"scale": 2.0}, {"scale": 2}, {"mode": "mean"}):
            assert bits(function(batch, **options)) == bits(compiled(batch, **options))
    assert compiled._count == 4 and compiled.reason == ""
    for n in (3, 4, 3, 4, 1):
        batch = {"data": (tensors(n), np.arange(n)), "rest": [minigrad.tensor(2.0)]}
        assert bits(function(batch)) == bits(compiled(batch))
    with pytest.raises(TypeError, match="compile: takes a Network"):
        minigrad.compile(3)


# ---- gradients -------------------------------------------------------------------------------------------------------


def test_each_call_compares_its_arguments_anew() -> None:
    """The arguments of the last call are compared in another way than those of earlier ones."""
    x, y, w = tensors(3, 3), tensors(3, 3, seed=1), tensors(3, 3, seed=2)
    w.requires_grad = True
    kinds = [(x, y), (x, x), (x, y.double()), (x.T, y), (w, y), (floats(3, 3), y), (x, 2), (x, 2.0)]
    assert len(kinds) == LIMIT

    def function(a: Any, b: Any) -> Any:
        return (a * b).sum() if a is not b else (a * 5).sum()

    found = Pattern((x, y)).inputs((y, x))
    assert found is not None and found[0] is y and found[1] is x
    assert Pattern((x, y)).inputs((x.T, y)) is None
    compiled = minigrad.compile(function)
    for i in np.random.default_rng(0).integers(0, LIMIT, 100).tolist():
        a, b = kinds[i]
        result = compiled(a, b)
        assert result.dtype == function(a, b).dtype and bits(result) == bits(function(a, b)), kinds[i]
        assert result.requires_grad is (a is w)
    assert compiled.reason == "" and compiled._count == LIMIT
    a = floats(4)
    twice = minigrad.compile(lambda a: (minigrad.tensor(a) * 2).sum(0))
    for shape in [(4,), (4,), (4,), (2, 2), (2, 2), (4,)]:
        assert twice(a.reshape(shape)).shape == shape[1:]


def test_gradients_reach_arguments_and_the_graph_around() -> None:
    weight = tensors(3, 3).requires_grad_()

    def function(x: Any, y: Any) -> Any:
        return ((x @ weight).tanh() * y).sum(1)

    compiled = minigrad.compile(function)
    for i in range(3):
        found = []
        for f in (function, compiled):
            a, y = tensors(2, 3, seed=i).requires_grad_(), tensors(2, 3, seed=3)
            weight.grad = None
            (f(a * 2, y) * minigrad.tensor([1.0, 3.0])).sum().backward()
            found.append(bits(a.grad, weight.grad, y.grad))
        assert found[0] == found[1]


def test_the_short_backward_pass_does_what_the_engine_s_does() -> None:
    """A recorded result goes to its leaves without a walk over the graph, unless somebody watches or wants more."""

    def function(x: Any, w: Any) -> Any:
        return ((x * w).tanh() @ w.T).sum()

    compiled = minigrad.compile(function)
    ways: list[Callable[[Any, Any, Any, list[Any]], Any]] = [
        lambda y, x, w, seen: y.backward(),
        lambda y, x, w, seen: (w.register_hook(lambda g: seen.append(bits(g)) or g * 2), y.backward()),
        lambda y, x, w, seen: (
            w.register_post_accumulate_grad_hook(lambda t: seen.append((bits(t.grad), minigrad.is_grad_enabled()))),
            y.backward(),
        ),
        lambda y, x, w, seen: (y.retain_grad(), y.backward(), seen.append(bits(y.grad))),
        lambda y, x, w, seen: y.backward(inputs=[w]),
        lambda y, x, w, seen: (y.backward(), function(x, w).backward()),
        lambda y, x, w, seen: minigrad.autograd.backward([y, y * 2]),
        lambda y, x, w, seen: seen.append(bits(*minigrad.autograd.grad(y, [w]))),
        lambda y, x, w, seen: (y * 2).backward(),
    ]
    for i, way in enumerate(ways * 2):
        found = []
        for f in (function, compiled):
            x, w = tensors(2, 3), tensors(2, 3, seed=1)
            x.requires_grad = w.requires_grad = True
            x.name, w.name = "x", "w"
            y, seen = f(x if i < len(ways) else x * 2, w), list[Any]()
            way(y, x, w, seen)
            found.append((bits(x.grad, w.grad), seen))
        assert found[0] == found[1]
        if i == 0:
            with pytest.raises(RuntimeError, match="second time"):
                y.backward()
    found = []
    for f in (function, compiled):
        x.grad = w.grad = None
        y = f(x, w)
        y.backward(retain_graph=True)
        y.backward(minigrad.tensor(3.0))
        found.append(bits(x.grad, w.grad))
    assert found[0] == found[1]
    assert compiled.reason == "" and compiled._count == 1


def test_second_derivatives_and_second_passes() -> None:
    def function(x: Any) -> Any:
        return (x**3).sum()

    compiled = minigrad.compile(function)
    for _ in range(3):
        x = minigrad.tensor([1.0, 2.0], requires_grad=True)
        g = minigrad.grad(compiled(x), x, create_graph=True)
        g.sum().backward()
        assert x.grad.tolist() == [6.0, 12.0]
        y = compiled(x)
        x.grad = None
        y.backward(retain_graph=True)
        y.backward()
        assert x.grad.tolist() == [6.0, 24.0]
        with pytest.raises(RuntimeError, match="a second time"):
            y.backward()
    inner = minigrad.compile(lambda x: minigrad.grad((x**3).sum(), x, create_graph=True).square().sum())
    for _ in range(3):
        x = minigrad.tensor([1.0, 2.0], requires_grad=True)
        inner(x).backward()
        assert x.grad.tolist() == [36.0, 288.0]


def test_an_argument_that_the_function_also_finds_elsewhere() -> None:
    weight, value = tensors(3).requires_grad_(), Value(2.0)
    of_tensors = minigrad.compile(lambda x: (x * weight).sum())
    of_values = minigrad.compile(lambda x: x * value)
    for x, v in ((weight, value), (tensors(3, seed=1), Value(3.0)), (weight, value), (tensors(3, seed=2), Value(4.0))):
        assert bits(of_tensors(x)) == bits((x * weight).sum())
        assert of_values(v).data == v.data * 2.0


def test_writes_between_forward_and_backward_are_noticed() -> None:
    weight = tensors(3).requires_grad_()
    compiled = minigrad.compile(lambda x: (x * weight).sum())
    for _ in range(3):
        x = tensors(3)
        y = compiled(x)
        x.add_(1.0)
        with pytest.raises(RuntimeError, match="changed in place"):
            y.backward()
        array = floats(3)
        weight.grad = None
        y = compiled(array)
        array[:] = 100.0
        y.backward()  # of a copy, as always
        assert bits(weight.grad) == bits(floats(3))


def test_gradients_and_results_are_the_user_s_own() -> None:
    weight = tensors(3).requires_grad_()
    compiled = minigrad.compile(lambda x: (weight * 2 + x).sum())
    kept = []
    for i in range(4):
        weight.grad = None
        y = compiled(tensors(3, seed=i))
        y.backward()
        kept.append((y, weight.grad, bits(y, weight.grad)))
        weight.grad.mul_(10.0)
        y.data.add_(1.0)
    assert len({b"".join(b) for _, _, b in kept}) == 4
    assert all(b[1] == kept[0][2][1] for _, _, b in kept)


def test_in_place_writes_and_views() -> None:
    def function(x: Any) -> Any:
        y = x * 1.0
        y[0] = 3.0
        z = y.reshape(-1)
        z += 1.0
        x.mul_(2.0)
        return (y * y).sum() + x.sum()

    compiled = minigrad.compile(function)
    for i in range(3):
        a, b = tensors(2, 3, seed=i), tensors(2, 3, seed=i)
        assert bits(function(a), a) == bits(compiled(b), b)
    assert compiled.reason == "" and compiled._count == 1


def test_an_exception_leaves_everything_as_it_was() -> None:
    weight = tensors(3).requires_grad_()
    before = weight._array, weight.node

    def function(x: Any, wrong: bool) -> Any:
        y = (x * weight).sum()
        if wrong:
            raise KeyError("mine")
        return y

    compiled = minigrad.compile(function)
    for _ in range(3):
        with pytest.raises(KeyError, match="mine"):
            compiled(tensors(3), True)
        assert (weight._array, weight.node) == before or weight._array is before[0]
        assert bits(function(tensors(3), False)) == bits(compiled(tensors(3), False))
    assert minigrad.Tensor.apply.__module__ == "minigrad.tensors.tensor"
    assert bits(F.relu(weight)) == bits(np.maximum(floats(3), 0))


def test_labels_outside_the_classes_raise_as_always() -> None:
    compiled = minigrad.compile(nn.CrossEntropyLoss())
    scores = tensors(2, 3)
    for _ in range(3):
        compiled(scores, np.array([0, 2]))
        with pytest.raises(ValueError, match="from 0 to 2"):
            compiled(scores, np.array([0, 3]))
        assert bits(compiled(scores, np.array([0, -100]))) == bits(F.cross_entropy(scores, np.array([0, -100])))


def test_methods_and_decorators() -> None:
    class Model:
        def __init__(self, rate: float) -> None:
            self.rate = rate

        @minigrad.compile
        def loss(self, x: Any) -> Any:
            """The loss."""
            return x.sum() * self.rate

    one, two = Model(1.0), Model(2.0)
    x = minigrad.tensor([2.0])
    for _ in range(3):
        assert (one.loss(x).item(), two.loss(x).item()) == (2.0, 4.0)
    assert Model.loss.__doc__ == "The loss."


# ---- Values ----------------------------------------------------------------------------------------------------------


class Neuron:
    def __init__(self, n: int) -> None:
        self.w = [Value(0.1 * i - 0.2) for i in range(n)]
        self.b = Value(0.5)

    def __call__(self, x: list[Any]) -> Value:
        return sum((w * v for w, v in zip(self.w, x)), self.b).tanh()


def scalar_rounds(function: Callable[..., Value], neurons: list[Neuron], *args: Any) -> list[Any]:
    values = [v for neuron in neurons for v in (*neuron.w, neuron.b)]
    found = []
    for _ in range(4):
        for v in values:
            v.grad = 0.0
        loss = function(*args)
        (loss * 2.0).backward()
        found.append((loss.data, [v.grad for v in values]))
        for v in values:
            v.data -= 0.1 * v.grad
    return found


def test_values_train_as_they_do_eagerly() -> None:
    X, y = [[1.0, -2.0, 0.5], [0.3, 0.0, -1.0]], [1.0, -1.0]

    def of(neurons: list[Neuron]) -> Callable[[], Value]:
        def loss() -> Value:
            scores = [neurons[2]([neurons[0](x), neurons[1](x)]) for x in X]
            losses = [(1 + -t * s).relu() for t, s in zip(y, scores)]
            return sum(losses) / len(X) + 1e-3 * sum(w * w for n in neurons for w in n.w)  # type: ignore[return-value]

        return loss

    one, two = ([Neuron(3), Neuron(3), Neuron(2)] for _ in range(2))
    compiled = minigrad.compile(of(two))
    assert scalar_rounds(of(one), one) == scalar_rounds(compiled, two)
    assert compiled.reason == "" and compiled._count == 1
    X[0][0], eager = 7.0, of(two)
    assert eager().data == compiled().data
    assert compiled._count == 2


def test_all_operations_of_values() -> None:
    def function(a: Value, b: Value, n: float) -> Value:
        c = abs(a - b) ** n + (a / b).sin() * -a + b.exp().log() ** 2.0
        d = (a * a + 1).sqrt().atan() + (a * 0.1).tan() + b.sigmoid() + a.cos() - b.square() + (1 / b)
        return (c + d + b.log1p() + a.expm1() + 2.0**a).tanh() * c + (a - b).relu() + (b - a).relu()

    compiled = minigrad.compile(function)
    for n in (2, 3, 1.5):
        for x, y in ((1.0, 2.0), (-0.5, 0.25), (3.0, 3.0), (2.0, 0.0), (0.0, float("inf")), (-2.0, -3.0), (800.0, 1.0)):
            found = []
            for f in (function, compiled, compiled):
                a, b = Value(x), Value(y)
                out = f(a, b, n)
                out.backward()
                found.append(repr((out.data, a.grad, b.grad)))
            assert found[0] == found[1] == found[2], (n, x, y)
    assert compiled.reason == "" and compiled._count == 3


def test_what_values_cannot_record_is_named() -> None:
    w = Value(2.0)

    def steps(x: Value) -> Value:
        loss = x * w
        loss.backward()
        w.data -= 0.1 * w.grad
        return x * w

    def branches(x: Value) -> Value:
        return x * w if x > 1 else x * 3

    compiled = minigrad.compile(steps)
    with pytest.warns(RuntimeWarning, match="Value|grad|backward"):
        first = [compiled(Value(1.0)).data for _ in range(3)]
    w.data, w.grad = 2.0, 0.0
    assert first == [steps(Value(1.0)).data for _ in range(3)]
    compiled = minigrad.compile(branches)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(20):
            x = Value(i * 0.3)
            assert compiled(x).data == branches(x).data
    with pytest.raises(NotImplementedError, match="second derivatives"):
        minigrad.compile(lambda x: x * x)(Value(1.0)).backward(
            create_graph=True
        ) or minigrad.compile  # the first is eager
        square = minigrad.compile(lambda x: x * x)
        square(Value(1.0))
        square(Value(1.0)).backward(create_graph=True)


def test_numpy_s_float64_is_no_condition() -> None:
    def function(x: Any) -> Any:
        return x.sum(0).tanh() * x.mean()

    compiled = minigrad.compile(function)
    for i in range(3):
        x = minigrad.tensor(np.random.default_rng(i).standard_normal(4), requires_grad=True)
        assert bits(function(x)) == bits(compiled(x))
    assert compiled._count == 1 and compiled.reason == ""


def test_arrays_that_minigrad_hands_itself_are_no_conditions() -> None:
    compiled = minigrad.compile(lambda x: x.max(1)[0].sum() + x.sort(1)[0][:, 0].sum())
    for i in range(3):
        x = tensors(3, 4, seed=i).requires_grad_()
        assert bits(compiled(x)) == bits(x.max(1)[0].sum() + x.sort(1)[0][:, 0].sum())
    assert compiled._count == 1


def test_variables_of_the_step_itself_are_no_guards() -> None:
    class Helper:
        def __init__(self, x: Any) -> None:
            self.x, self.count = x, 0

        def total(self) -> Any:
            self.count += 1
            return self.x.sum() * self.count

    def function(x: Any) -> Any:
        def scaled(n: int) -> Any:
            return x * n

        helper = Helper(x)
        return (
            sum(scaled(n).sum() for n in range(3)) + sum(x[i] * i for i in range(3)) + helper.total() + helper.total()
        )

    compiled = minigrad.compile(function)
    for i in range(4):
        x = tensors(3, seed=i)
        assert bits(function(x)) == bits(compiled(x))
    assert compiled._count == 1 and compiled.reason == ""

    def make(n: int) -> Callable[[Any], Any]:
        return lambda x: x * n

    kept = [make(1)]

    def makes_too(x: Any) -> Any:
        return (make(2)(x) + kept[0](x)).sum()

    compiled = minigrad.compile(makes_too)
    for n in (1, 1, 5, 5, 7):
        kept[0] = make(n)
        assert bits(makes_too(tensors(3, seed=n))) == bits(compiled(tensors(3, seed=n)))


def test_each_closure_of_one_code_is_compared() -> None:
    def make(n: int) -> tuple[Callable[[Any], Any], Callable[[int], None]]:
        def times(x: Any) -> Any:
            return x * n

        def set_n(value: int) -> None:
            nonlocal n
            n = value

        return times, set_n

    (one, set_one), (two, set_two) = make(1), make(1)

    def function(x: Any) -> Any:
        return (one(x) + two(x) * 10).sum()

    follows(function, [lambda: set_two(3), lambda: set_one(4), lambda: set_two(5)], tensors(3))

    def defaults(x: Any, scale: Any = [1.0]) -> Any:  # noqa: B006
        return x.sum() * scale[0]

    class Model:
        def loss(self, x: Any, scale: Any = [1.0]) -> Any:  # noqa: B006
            return x.sum() * scale[0]

    for f in (defaults, Model().loss):
        scale = f.__defaults__[0]  # type: ignore[attr-defined]
        follows(f, [lambda scale=scale: scale.__setitem__(0, 2.0)], tensors(3))


def test_gradients_and_attributes_of_tensors_are_no_constants() -> None:
    frozen = tensors(3).requires_grad_()
    frozen.sum().backward()
    frozen.requires_grad_(False)
    frozen.rate = 1.0  # type: ignore[attr-defined]

    def reads(x: Any) -> Any:
        return (x * frozen.grad).sum()

    def has(x: Any) -> Any:
        return (x * frozen).sum() * frozen.rate  # type: ignore[attr-defined]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        follows(reads, [lambda: setattr(frozen, "grad", tensors(3, seed=5))], tensors(3))
    assert follows(has, [lambda: setattr(frozen, "rate", 3.0)], tensors(3)).reason == ""


# ---- random models ---------------------------------------------------------------------------------------------------

LAYERS = ("Linear(L, 4)", "Linear(L, 4, bias=False)", "ReLU()", "Tanh()", "GELU()", "Dropout(0.3)", "LayerNorm(L)")
LAYERS += ("BatchNorm1d(C)", "BatchNorm1d(C, momentum=None)", "Softmax(-1)", "PReLU()", "Softplus()", "LSTM(L, 4)")
LOSSES: tuple[Any, ...] = (
    lambda y, t: F.cross_entropy(y, t),
    lambda y, t: (y * y).mean(),
    lambda y, t: y[y > 0].sum() + y.max(),
    lambda y, t: y[minigrad.arange(len(t)), t].logsumexp(0),
    lambda y, t: F.mse_loss(y, y.detach().roll(1, 0)) * (2.0 if float(y.mean()) > 0 else 1.0),
)


class Part(nn.Module):
    """A layer whose first result counts."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Any) -> Any:
        y = self.layer(x)
        return y[0] if isinstance(y, tuple) else y


def made(names: list[str]) -> nn.Module:
    minigrad.manual_seed(0)
    return nn.Sequential(*[Part(eval(f"nn.{name}", {"nn": nn, "L": 4, "C": 4})) for name in names])


ACTS = ("step", "step", "step", "eval", "train", "freeze", "write", "replace", "no_grad", "short")


@settings(max_examples=12, deadline=None)
@given(
    names=st.lists(st.sampled_from(LAYERS), min_size=1, max_size=4),
    loss=st.integers(0, len(LOSSES) - 1),
    acts=st.lists(st.sampled_from(ACTS), min_size=3, max_size=7),
    exact=st.booleans(),
)
def test_random_models_on_random_batches(names: list[str], loss: int, acts: list[str], exact: bool) -> None:
    compare_random(names, loss, acts, exact)


@pytest.mark.exhaustive
@settings(max_examples=400, deadline=None)
@given(
    names=st.lists(st.sampled_from(LAYERS), min_size=1, max_size=6),
    loss=st.integers(0, len(LOSSES) - 1),
    acts=st.lists(st.sampled_from(ACTS), min_size=3, max_size=12),
    exact=st.booleans(),
)
def test_many_random_models_on_random_batches(names: list[str], loss: int, acts: list[str], exact: bool) -> None:
    compare_random(names, loss, acts, exact)


def compare_random(names: list[str], loss: int, acts: list[str], as_arrays: bool) -> None:
    """Do the same to a model and to its compiled twin, and compare all numbers after each step."""
    found = []
    for compiled in (False, True):
        model = made(names)

        def function(x: Any, t: Any, model: nn.Module = model) -> Any:
            return LOSSES[loss](model(x), t)

        step = minigrad.compile(function) if compiled else function
        minigrad.manual_seed(1)
        trace: list[Any] = []
        for i, act in enumerate(acts):
            parameters = [*model.parameters()]
            if act in ("eval", "train"):
                getattr(model, act)()
            if act == "freeze" and parameters:
                parameters[-1].requires_grad_(not parameters[-1].requires_grad)
            if act == "write" and parameters:
                parameters[0].data[0] += 0.5
            if act == "replace" and parameters:
                parameters[0].data = parameters[0].data * 0.5
            rng = np.random.default_rng(i)
            n = 3 if act == "short" else 5
            x: Any = rng.standard_normal((n, 4)).astype(np.float32)
            t: Any = rng.integers(0, 4, n)
            if not as_arrays:
                x, t = minigrad.tensor(x, requires_grad=i % 2 == 0), minigrad.tensor(t)
            else:
                x = minigrad.as_tensor(x)
            model.zero_grad()
            with minigrad.no_grad() if act == "no_grad" else minigrad.enable_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                y = step(x, t)
                if y.requires_grad:
                    y.backward()
            trace.append(bits(y, x.grad, *[p.grad for p in parameters], *model.buffers(), minigrad.rand(1)))
            for p in parameters:
                if p.grad is not None:
                    p.data -= 0.1 * p.grad
        found.append(trace)
    assert found[0] == found[1]


def test_a_model_that_is_watched_for_a_while_is_recorded_again() -> None:
    model = nn.Linear(2, 1)
    network = minigrad.Network(model, nn.MSELoss()).compile()
    batch, seen = (floats(3, 2), floats(3, 1)), []
    compiled = network._evaluate
    network.forward(batch)
    handle = model.register_forward_hook(lambda module, inputs, output: seen.append(1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(4):
            network.forward(batch)
    assert len(seen) == 4 and compiled.reason and len(caught) <= 2
    handle.remove()
    for _ in range(3):
        network.forward(batch)
    assert len(seen) == 4


def test_to_record_takes_little_more_memory_than_to_run() -> None:
    def function(x: Any) -> Any:
        y = x
        for _ in range(8):
            y = (y * x).tanh()
        return y.sum()

    def peak(function: Callable[..., Any]) -> int:
        x = minigrad.tensor(floats(1 << 16), requires_grad=True)
        tracemalloc.start()
        try:
            function(x).backward()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    minigrad.compile(function)(tensors(2))  # imports what it needs
    assert peak(minigrad.compile(function)) < 1.5 * peak(function)


# ---- a backward pass inside ------------------------------------------------------------------------------------------


def _step(net: Any, optimizer: Any, seen: list[Any]) -> Callable[..., Any]:
    def step(x: Tensor, y: Tensor) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        seen.append(float(nn.utils.clip_grad_norm_(net.parameters(), 0.1)))
        optimizer.step()
        return loss

    return step


def _two_losses(net: Any, optimizer: Any, seen: list[Any]) -> Callable[..., Any]:
    def step(x: Tensor, y: Tensor) -> Any:
        optimizer.zero_grad()
        first, second = net(x).square().mean(), F.cross_entropy(net(x), y)
        first.backward()
        second.backward()
        optimizer.step()
        return second.item()

    return step


def _penalty(net: Any, optimizer: Any, seen: list[Any]) -> Callable[..., Any]:
    def step(x: Tensor, y: Tensor) -> Any:
        optimizer.zero_grad()
        x = x.clone().requires_grad_()
        z = net(x)
        z.retain_grad()
        (slope,) = minigrad.autograd.grad(z.sum(), x, create_graph=True)
        loss = slope.square().sum() + F.cross_entropy(z, y)
        loss.backward(retain_graph=True)
        loss.backward()
        seen.append(z.grad.tolist())
        optimizer.step()
        return loss

    return step


def _closure(net: Any, optimizer: Any, seen: list[Any]) -> Callable[..., Any]:
    optimizer = optim.LBFGS(net.parameters(), lr=0.1, max_iter=3)

    def step(x: Tensor, y: Tensor) -> Any:
        def closure() -> Any:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            minigrad.autograd.backward(loss)
            return loss

        return optimizer.step(closure)

    return step


@pytest.mark.parametrize("make", [_step, _two_losses, _penalty, _closure])
def test_a_backward_pass_inside_loses_nothing(make: Callable[..., Any]) -> None:
    """Also in the first step, which begins on stand-ins."""

    def trained(compiled: bool) -> list[Any]:
        minigrad.manual_seed(0)
        layers: list[Any] = [nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.3), nn.Linear(6, 3)]
        net, seen = nn.Sequential(*layers), []  # type: ignore[var-annotated]
        step = make(net, optim.Adam(net.parameters(), lr=0.05), seen)
        rng = np.random.default_rng(1)
        for i in range(3):
            batch = tensor(rng.standard_normal((5, 4)).astype("f")), tensor(rng.integers(0, 3, 5))
            if compiled and not i:
                step = minigrad.compile(step)
                with pytest.warns(RuntimeWarning, match="runs eagerly: (it runs a backward pass|.grad is set)"):
                    loss = step(*batch)
            else:
                loss = step(*batch)
            seen.append(getattr(loss, "item", lambda loss=loss: loss)())
            seen += [(p.tolist(), p.grad.tolist()) for p in net.parameters()]
            seen += [b.tolist() for b in net.buffers()]
        return seen

    assert trained(False) == trained(True)


def test_an_exception_after_a_backward_pass_inside_does_not_repeat_the_step() -> None:
    p = tensor([1.0], requires_grad=True)

    @minigrad.compile
    def step(x: Tensor) -> Tensor:
        (p * x).sum().backward()
        raise ArithmeticError("afterwards")

    with pytest.raises(ArithmeticError, match="afterwards"):
        step(tensor([2.0]))
    assert p.grad is not None and p.grad.tolist() == [2.0]
