"""Training runs, sick and healthy, each a short script as a learner writes it.

A script gets `watched(model, optimizer)`, which opens a watcher, and trains. For a sick one, the words by which a
sentence that names the cause is known stand beside it. All numbers are random, with a seed; nothing depends on time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad
from minigrad import nn, optim, tensor
from minigrad.nn import functional as F

Script = Callable[[Callable[..., Any]], None]


@dataclass
class Run:
    """A script, what is wrong with it (nothing, if it is healthy), and the words that say so."""

    name: str
    script: Script
    cause: str = ""
    words: str = ""


RUNS: list[Run] = []


def sick(cause: str, words: str) -> Callable[[Script], Script]:
    """Register a script in which something is wrong."""

    def add(script: Script) -> Script:
        RUNS.append(Run(script.__name__, script, cause, words))
        return script

    return add


def healthy(script: Script) -> Script:
    """Register a script in which nothing is wrong."""
    RUNS.append(Run(script.__name__, script))
    return script


# ---- data and loops --------------------------------------------------------------------------------------------

DIGITS = minigrad.data.digits()
TRAIN, TEST = DIGITS.train, DIGITS.test


def batches(steps: int, size: int = 32, seed: int = 0) -> Iterator[tuple[Any, Any]]:
    """Batches of digits."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        i = rng.integers(0, len(TRAIN.X), size)
        yield tensor(TRAIN.X[i]), tensor(TRAIN.y[i])


def curve(n: int = 256, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A regression: three inputs, one target with a little noise."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3)).astype(np.float32)
    y = np.sin(X[:, 0]) + 0.5 * X[:, 1] * X[:, 2] + 0.05 * rng.standard_normal(n)
    return X, y.astype(np.float32)


def mlp(*sizes: int, activation: Callable[[], Any] | None = nn.ReLU) -> Any:
    layers: list[Any] = []
    for m, n in zip(sizes, sizes[1:]):
        layers += [nn.Linear(m, n)] + ([activation()] if activation else [])
    return nn.Sequential(*(layers[:-1] if activation else layers))


def fit(watched: Any, model: Any, optimizer: Any, data: Any, loss_of: Any = F.cross_entropy) -> None:
    """PyTorch's loop."""
    with watched(model, optimizer) as watcher:
        for X, y in data:
            loss = loss_of(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watcher.log(loss)


def fit_curve(
    watched: Any, model: Any, optimizer: Any, steps: int = 300, scale: float = 1.0, shift: float = 0.0
) -> None:
    X, y = curve()
    X, y = tensor(X * scale + shift), tensor(y[:, None])
    fit(watched, model, optimizer, ((X, y) for _ in range(steps)), F.mse_loss)


def log(watcher: Any, loss: Any, validation: Any) -> None:
    """Log a validation loss too, where a watcher takes one."""
    try:
        watcher.log(loss, validation=validation)
    except TypeError:
        watcher.log(loss)


# ---- sick ------------------------------------------------------------------------------------------------------


@sick("softmax before a loss that applies it itself", r"softmax(?!\?)|probabilit")
def softmax_before_cross_entropy(watched):
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.Softmax(dim=1))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(300))


@sick("softmax in a module's forward, before the loss", r"softmax(?!\?)|probabilit")
def softmax_in_forward(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.out = nn.Linear(64, 48), nn.Linear(48, 10)

        def forward(self, x):
            return F.softmax(self.out(F.tanh(self.hidden(x))), dim=-1)

    model = Net()
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-3), batches(300))


@sick("sigmoid before binary_cross_entropy_with_logits", r"sigmoid|logits|between 0 and 1|probabilit")
def sigmoid_twice(watched):
    model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    data = ((X, tensor((y.numpy() > 4).astype(np.float32)[:, None])) for X, y in batches(300))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), data, F.binary_cross_entropy_with_logits)


@sick("predictions (N, 1) minus targets (N,): all pairs", r"broadcast|\(256, 1\)|\(N, 1\)|\(32, 1\)|shape")
def column_minus_row(watched):
    X, y = curve()
    model = mlp(3, 32, 1)
    data = ((tensor(X), tensor(y)) for _ in range(300))
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-2), data, lambda p, y: ((p - y) ** 2).mean())


@sick("learning rate far too high", r"rate.*(too high|lower|smaller|large)|too (high|large)|tenth of the")
def rate_too_high(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD(model.parameters(), lr=20.0), batches(200))


@sick("learning rate too high for Adam", r"rate.*(too high|lower|smaller|large)|too (high|large)|tenth of the")
def rate_too_high_for_adam(watched):
    model = mlp(64, 64, 10)
    fit(watched, model, optim.Adam(model.parameters(), lr=1.0), batches(200))


@sick(
    "learning rate too high: a regression diverges to nan",
    r"rate.*(too high|lower|smaller|large)|too (high|large)|tenth of the",
)
def regression_diverges(watched):
    model = nn.Linear(3, 1)
    fit_curve(watched, model, optim.SGD(model.parameters(), lr=2.0), 200)


@sick("learning rate too low", r"rate.*(too low|higher|raise|small)|too (low|small)|ten times")
def rate_too_low(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD(model.parameters(), lr=1e-6), batches(300))


@sick("learning rate too low for Adam", r"rate.*(too low|higher|raise|small)|too (low|small)|ten times")
def rate_too_low_for_adam(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-8), batches(300))


@sick("the sign of the update is wrong", r"sign|uphill|ascen|wrong direction|rises with|maximi")
def wrong_sign(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.02, maximize=True), batches(200))


@sick("the sign of the lecture's update is wrong", r"sign|uphill|ascen|wrong direction|rises with|maximi|\+=|-=")
def wrong_sign_in_the_lectures_loop(watched):
    network = minigrad.Network(mlp(64, 32, 10), nn.CrossEntropyLoss())
    x = network.x
    with watched(network) as watcher:
        for X, y in batches(200):
            watcher.log(network.forward((X.numpy(), y.numpy())))
            dx = network.backward()
            x += 0.02 * dx


@sick("zero_grad is forgotten", r"zero_grad|added to|accumul|add up|not zeroed")
def no_zero_grad(watched):
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    with watched(model, optimizer) as watcher:
        for X, y in batches(200):
            loss = F.cross_entropy(model(X), y)
            loss.backward()
            optimizer.step()
            watcher.log(loss)


@sick("all ReLUs are dead", r"dead|ReLU|negative bias")
def dead_relus(watched):
    model = mlp(64, 32, 10)
    with minigrad.no_grad():
        model[0].bias.fill_(-20.0)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(300))


@sick("ReLUs died in the first large steps", r"dead|rate|ReLU")
def relus_killed_by_the_rate(watched):
    model = mlp(64, 64, 64, 10)
    optimizer = optim.SGD(model.parameters(), lr=8.0)
    with watched(model, optimizer) as watcher:
        for i, (X, y) in enumerate(batches(300)):
            if i == 20:
                optimizer.param_groups[0]["lr"] = 0.01
            loss = F.cross_entropy(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watcher.log(loss)


@sick("inputs from 0 to 255", r"input|scale|255|normali[sz]|standardi[sz]")
def pixels_to_255(watched):
    model = mlp(64, 32, 10, activation=nn.Tanh)
    data = ((X * 255, y) for X, y in batches(300))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), data)


@sick("inputs around 1000: not centred", r"input|scale|cent|normali[sz]|standardi[sz]|mean|shift")
def inputs_not_centred(watched):
    model = mlp(3, 32, 1)
    fit_curve(watched, model, optim.SGD(model.parameters(), lr=1e-2), shift=1000.0)


@sick("features of scales from 1e-3 to 1e4", r"input|scale|normali[sz]|standardi[sz]|feature")
def features_of_unlike_scale(watched):
    X, y = curve()
    X = X * np.array([1e-3, 1.0, 1e4], np.float32)
    model = mlp(3, 32, 1, activation=nn.Tanh)
    data = ((tensor(X), tensor(y[:, None])) for _ in range(300))
    fit(watched, model, optim.SGD(model.parameters(), lr=1e-2), data, F.mse_loss)


@sick("targets in the thousands", r"target|scale|normali[sz]|standardi[sz]|label")
def targets_in_thousands(watched):
    X, y = curve()
    model = mlp(3, 32, 1)
    data = ((tensor(X), tensor(5000 * y[:, None] + 20000)) for _ in range(300))
    fit(watched, model, optim.SGD(model.parameters(), lr=1e-2), data, F.mse_loss)


@sick("labels do not belong to the inputs", r"label|target|belong|shuffl|match")
def labels_shuffled(watched):
    rng = np.random.default_rng(1)
    model = mlp(64, 32, 10)
    data = ((X, tensor(rng.permutation(y.numpy()))) for X, y in batches(400))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), data)


@sick(
    "the optimizer has the last layer only",
    r"optimi[sz]er|not (updated|trained|given)|does not (change|move)|do not change|parameters",
)
def optimizer_lacks_a_layer(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD(model[2].parameters(), lr=0.1), batches(200))


@sick(
    "the optimizer has another model's parameters",
    r"optimi[sz]er|another model|not (updated|trained|given)|do(es)? not (change|move)|parameters",
)
def optimizer_of_another_model(watched):
    model, other = mlp(64, 32, 10), mlp(64, 32, 10)
    fit(watched, model, optim.SGD(other.parameters(), lr=0.1), batches(200))


@sick(
    "the model was replaced after the optimizer was made",
    r"optimi[sz]er|replac|not (updated|trained|given)|do(es)? not (change|move)|parameters",
)
def head_replaced_after_the_optimizer(watched):
    model = mlp(64, 32, 5)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    model[2] = nn.Linear(32, 10)
    fit(watched, model, optimizer, batches(200))


@sick(
    "detach cuts the first layers off",
    r"detach|no gradient|gets? no|cut|not reach|trained by nothing|nothing trains|never",
)
def detached_hidden_layer(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(64, 32), nn.Linear(32, 10)

        def forward(self, x):
            return self.second(F.relu(self.first(x)).detach())

    model = Net()
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(200))


@sick(
    "layers in a plain Python list are no parameters",
    r"list|ModuleList|register|parameters|not (updated|trained)|no gradient|unknown|sees",
)
def layers_in_a_list(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = [nn.Linear(64, 32)]
            self.out = nn.Linear(32, 10)

        def forward(self, x):
            return self.out(F.relu(self.hidden[0](x)))

    model = Net()
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(200))


@sick("saturated tanh: weights far too large", r"saturat|tanh|weights|initial|flat")
def saturated_tanh(watched):
    model = mlp(64, 64, 64, 10, activation=nn.Tanh)
    for layer in (model[0], model[2]):
        nn.init.normal_(layer.weight, 0.0, 5.0)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05), batches(300))


@sick("saturated sigmoids", r"saturat|sigmoid|weights|initial|flat")
def saturated_sigmoid(watched):
    model = mlp(64, 64, 10, activation=nn.Sigmoid)
    nn.init.constant_(model[0].bias, 30.0)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(300))


@sick("gradients vanish in ten layers of sigmoids", r"vanish")
def deep_sigmoids(watched):
    model = mlp(64, *[32] * 10, 10, activation=nn.Sigmoid)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(250))


@sick("an RNN's gradients explode", r"explod|clip")
def exploding_rnn(watched):
    rnn, out = nn.RNN(3, 32, nonlinearity="relu", batch_first=True), nn.Linear(32, 1)
    nn.init.normal_(rnn.weight_hh_l0, 0.0, 0.27)
    model = nn.ModuleList([rnn, out])
    optimizer = optim.SGD(model.parameters(), lr=1e-3)
    rng = np.random.default_rng(0)
    with watched(model, optimizer) as watcher:
        for _ in range(60):
            X = rng.standard_normal((16, 40, 3)).astype(np.float32)
            y = tensor(X[:, :, 0].sum(1, keepdims=True))
            loss = F.mse_loss(out(rnn(tensor(X))[0][:, -1]), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watcher.log(loss)


@sick("no activation between the layers", r"activation|linear|nonlinear")
def no_activation(watched):
    model = mlp(64, 64, 64, 10, activation=None)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05), batches(300))


@sick("all weights start at 0", r"\bzeros?\b|(are|start|all|at) 0\b|initial|symmetr|the same")
def zero_weights(watched):
    model = mlp(64, 32, 10)
    for p in model.parameters():
        nn.init.zeros_(p)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(300))


@sick("all weights of a layer start at the same number", r"same|equal|constant|symmetr|initial|identical")
def equal_weights(watched):
    model = mlp(64, 32, 10, activation=nn.Tanh)
    for p in model.parameters():
        nn.init.constant_(p, 0.02)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(300))


@sick("batch normalization of a batch of 2", r"batch|normali[sz]")
def batch_norm_of_two(watched):
    model = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05), batches(300, size=2))


@sick("the loss is a sum over 512 examples, the rate is for a mean", r"sum|mean|rate|too high|reduction")
def sum_for_mean(watched):
    model = mlp(64, 32, 10)
    loss_of = lambda s, y: F.cross_entropy(s, y, reduction="sum")  # noqa: E731
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(150, size=512), loss_of)


@sick("the examples come in the order of their classes", r"order|shuffl|class")
def sorted_by_class(watched):
    order = np.argsort(TRAIN.y, kind="stable")
    model = mlp(64, 32, 10)
    data = ((tensor(TRAIN.X[i]), tensor(TRAIN.y[i])) for _ in range(7) for i in np.array_split(order, 45))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), data)


@sick("it learns 60 examples by heart: the validation loss rises", r"overfit|validation|by heart|generali[sz]")
def overfitting(watched):
    labels = TRAIN.y[:60].copy()
    labels[::3] = labels[1::3]  # a third of the labels are wrong
    X, y = tensor(TRAIN.X[:60]), tensor(labels)
    VX, Vy = tensor(TEST.X), tensor(TEST.y)
    model = mlp(64, 128, 10)
    optimizer = optim.Adam(model.parameters(), lr=5e-3)
    with watched(model, optimizer) as watcher:
        for i in range(300):
            loss = F.cross_entropy(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if i % 10 == 0:
                with minigrad.no_grad():
                    log(watcher, loss, F.cross_entropy(model(VX), Vy))
            else:
                watcher.log(loss)


@sick("log of a probability that is 0", r"\blog(arithm)?\b|of 0\b")
def log_of_zero(watched):
    model = mlp(64, 32, 10)
    nn.init.normal_(model[2].weight, 0.0, 60.0)
    loss_of = lambda s, y: -(F.softmax(s, dim=1).log() * F.one_hot(y, 10)).mean()  # noqa: E731
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(100), loss_of)


@sick("a nan in the data", r"nan.*(input|data|batch|given|target)|(input|data|batch|target).*nan")
def nan_in_the_data(watched):
    def spoiled():
        for i, (X, y) in enumerate(batches(100)):
            if i == 30:
                X[3, 7] = float("nan")
            yield X, y

    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), spoiled())


@sick("the rate decays to 0 in the first steps", r"rate.*(0|low|small|decay)|schedul|decay|too (low|small)")
def rate_decays_to_zero(watched):
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    with watched(model, optimizer) as watcher:
        for X, y in batches(300):
            loss = F.cross_entropy(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            watcher.log(loss)


@sick("weight decay is far too strong", r"weight[_ ]decay|penalt|regulari[sz]|shrink")
def weight_decay_too_strong(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1, weight_decay=2.0), batches(300))


@sick("dropout of 0.98", r"dropout|dropped")
def dropout_too_strong(watched):
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.98), nn.Linear(32, 10))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(300))


@sick("the ReLU is the last layer: scores below 0 are cut off", r"ReLU|last layer|negative|scores|output")
def relu_on_the_scores(watched):
    model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1), nn.ReLU())
    X, y = curve()
    data = ((tensor(X), tensor(y[:, None] - 3)) for _ in range(250))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05), data, F.mse_loss)


@sick(
    "the same batch, whatever the step: it is learnt by heart",
    r"same batch|same examples|overfit|validation|by heart|new (batch|examples)",
)
def always_the_same_batch(watched):
    X, y = next(batches(1, size=16))
    VX, Vy = tensor(TEST.X), tensor(TEST.y)
    model = mlp(64, 64, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.3)
    with watched(model, optimizer) as watcher:
        for i in range(400):
            loss = F.cross_entropy(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if i % 10 == 0:
                with minigrad.no_grad():
                    log(watcher, loss, F.cross_entropy(model(VX), Vy))
            else:
                watcher.log(loss)


# ---- healthy ---------------------------------------------------------------------------------------------------


@healthy
def digits_with_sgd(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9), batches(300))


@healthy
def digits_with_adam(watched):
    model = mlp(64, 64, 64, 10)
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-3), batches(300))


@healthy
def lectures_loop(watched):
    network = minigrad.Network(mlp(64, 32, 10), nn.CrossEntropyLoss())
    x = network.x
    with watched(network) as watcher:
        for X, y in batches(300):
            watcher.log(network.forward((X.numpy(), y.numpy())))
            dx = network.backward()
            x += -0.1 * dx


@healthy
def resumed_run(watched):
    """The loss is already low when the watcher comes."""
    model = mlp(64, 64, 10)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    for X, y in batches(400):
        loss = F.cross_entropy(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    fit(watched, model, optimizer, batches(300, seed=1))


@healthy
def low_loss_from_the_start(watched):
    X, y = curve()
    model = mlp(3, 16, 1, activation=nn.Tanh)
    data = ((tensor(X), tensor(0.001 * y[:, None])) for _ in range(300))
    nn.init.normal_(model[2].weight, 0.0, 1e-4)
    nn.init.zeros_(model[2].bias)
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-5), data, F.mse_loss)


@healthy
def one_class(watched):
    """Two classes of which one is rare: the loss is low at once."""
    rng = np.random.default_rng(0)
    model = mlp(8, 16, 2)
    data = (
        (tensor(X), tensor((X[:, 0] > 2).astype(int)))
        for X in (rng.standard_normal((64, 8)).astype(np.float32) for _ in range(300))
    )
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), data)


@healthy
def gan(watched):
    """The generator's loss goes up and down."""
    generator, critic = mlp(4, 32, 2), mlp(2, 32, 1)
    for_g = optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.9))
    for_c = optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.9))
    rng = np.random.default_rng(0)
    bce = F.binary_cross_entropy_with_logits
    ones, zeros = tensor(np.ones((64, 1), np.float32)), tensor(np.zeros((64, 1), np.float32))
    with watched(generator, for_g) as watcher:
        for _ in range(300):
            angle = rng.uniform(0, 6.28, 64)
            real = tensor(np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32))
            fake = generator(tensor(rng.standard_normal((64, 4)).astype(np.float32)))
            loss = bce(critic(real), ones) + bce(critic(fake.detach()), zeros)
            for_c.zero_grad()
            loss.backward()
            for_c.step()
            loss = bce(critic(fake), ones)
            for_g.zero_grad()
            loss.backward()
            for_g.step()
            watcher.log(loss)


@healthy
def reinforce(watched):
    """A policy gradient: the loss is no measure of progress."""
    policy = mlp(4, 32, 3, activation=nn.Tanh)
    optimizer = optim.Adam(policy.parameters(), lr=1e-2)
    rng = np.random.default_rng(0)
    baseline = 0.0
    with watched(policy, optimizer) as watcher:
        for _ in range(300):
            state = rng.standard_normal((32, 4)).astype(np.float32)
            logp = F.log_softmax(policy(tensor(state)), dim=1)
            action = np.array([rng.choice(3, p=p / p.sum()) for p in np.exp(logp.detach().numpy().astype(float))])
            reward = (action == state[:, :3].argmax(1)).astype(np.float32)
            loss = -(logp[np.arange(32), action] * tensor(reward - baseline)).mean()
            baseline = 0.9 * baseline + 0.1 * float(reward.mean())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watcher.log(loss)


@healthy
def gradient_accumulation(watched):
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.2)
    with watched(model, optimizer) as watcher:
        for i, (X, y) in enumerate(batches(800, size=8)):
            loss = F.cross_entropy(model(X), y) / 4
            loss.backward()
            if i % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
                watcher.log(loss * 4)


@healthy
def warm_up(watched):
    model = mlp(64, 32, 10)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda t: min(1.0, (t + 1) / 200))
    with watched(model, optimizer) as watcher:
        for X, y in batches(400):
            loss = F.cross_entropy(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            watcher.log(loss)


@healthy
def cosine_to_zero(watched):
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.3)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, 400)
    with watched(model, optimizer) as watcher:
        for X, y in batches(400):
            loss = F.cross_entropy(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            watcher.log(loss)


@healthy
def frozen_backbone(watched):
    model = mlp(64, 64, 10)
    model[0].weight.requires_grad_(False)
    model[0].bias.requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    fit(watched, model, optim.Adam(trained, lr=3e-3), batches(300))


@healthy
def fine_tuning(watched):
    """A trained model gets a new head, and small steps for the rest."""
    model = mlp(64, 64, 10)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    for X, y in batches(200):
        loss = F.cross_entropy(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model[2] = nn.Linear(64, 2)
    groups = [{"params": [*model[0].parameters()], "lr": 1e-5}, {"params": [*model[2].parameters()], "lr": 3e-3}]
    fit(watched, model, optim.Adam(groups), ((X, tensor(y.numpy() % 2)) for X, y in batches(300, seed=2)))


@healthy
def regression(watched):
    model = mlp(3, 32, 32, 1)
    fit_curve(watched, model, optim.Adam(model.parameters(), lr=5e-3))


@healthy
def linear_regression(watched):
    model = nn.Linear(3, 1)
    fit_curve(watched, model, optim.SGD(model.parameters(), lr=0.1))


@healthy
def noisy_regression(watched):
    """Nearly all of the target is noise: the loss hardly falls, and cannot."""
    rng = np.random.default_rng(0)
    model = mlp(3, 16, 1, activation=nn.Tanh)
    data = (
        (tensor(X), tensor((0.6 * X[:, :1] + rng.standard_normal((64, 1))).astype(np.float32)))
        for X in (rng.standard_normal((64, 3)).astype(np.float32) for _ in range(300))
    )
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), data, F.mse_loss)


@healthy
def autoencoder(watched):
    model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 64), nn.Sigmoid())
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), ((X, X) for X, _ in batches(300)), F.mse_loss)


@healthy
def linear_autoencoder(watched):
    """No activation, on purpose: it computes the principal components."""
    model = nn.Sequential(nn.Linear(64, 8, bias=False), nn.Linear(8, 64, bias=False))
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), ((X, X) for X, _ in batches(300)), F.mse_loss)


@healthy
def small_rate_but_progress(watched):
    model = mlp(64, 64, 10)
    fit(watched, model, optim.SGD(model.parameters(), lr=1e-2), batches(400))


@healthy
def large_batch(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.3), batches(200, size=1024))


@healthy
def batch_of_one(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.01), batches(600, size=1))


@healthy
def lstm(watched):
    """The sum of a sequence."""
    net, out = nn.LSTM(2, 16, batch_first=True), nn.Linear(16, 1)
    model = nn.ModuleList([net, out])
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    rng = np.random.default_rng(0)
    with watched(model, optimizer) as watcher:
        for _ in range(200):
            X = rng.standard_normal((16, 8, 2)).astype(np.float32)
            loss = F.mse_loss(out(net(tensor(X))[0][:, -1]), tensor(X[:, :, 0].mean(1, keepdims=True)))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            watcher.log(loss)


@healthy
def small_gpt(watched):
    """Characters of a periodic text, one block of a transformer."""

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.positions = nn.Embedding(8, 16), nn.Embedding(12, 16)
            self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True, norm_first=True)
            self.head = nn.Linear(16, 8)
            self.mask = tensor(np.triu(np.full((12, 12), -np.inf, np.float32), 1))

        def forward(self, t):
            h = self.tokens(t) + self.positions(tensor(np.arange(12)))
            return self.head(self.block(h, src_mask=self.mask))

    rng = np.random.default_rng(0)
    text = np.tile([0, 3, 1, 5, 2, 7, 4, 6, 1, 2], 40)
    model = GPT()
    optimizer = optim.AdamW(model.parameters(), lr=3e-3)
    with watched(model, optimizer) as watcher:
        for _ in range(150):
            rows = np.stack([text[i : i + 13] for i in rng.integers(0, 300, 8)])
            loss = F.cross_entropy(model(tensor(rows[:, :-1])).reshape(-1, 8), tensor(rows[:, 1:].reshape(-1)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watcher.log(loss)


@healthy
def convolutions_with_batch_norm(watched):
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10)
    )
    data = ((X.reshape(-1, 1, 8, 8), y) for X, y in batches(150))
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), data)


@healthy
def with_dropout(watched):
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10))
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), batches(300))


@healthy
def deep_residual(watched):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.a, self.b = nn.LayerNorm(32), nn.Linear(32, 32), nn.Linear(32, 32)

        def forward(self, x):
            return x + self.b(F.gelu(self.a(self.norm(x))))

    model = nn.Sequential(nn.Linear(64, 32), *[Block() for _ in range(6)], nn.LayerNorm(32), nn.Linear(32, 10))
    fit(watched, model, optim.AdamW(model.parameters(), lr=1e-3), batches(200))


@healthy
def logistic_regression(watched):
    """Weights that start at 0: right, for one layer."""
    model = nn.Linear(64, 10)
    for p in model.parameters():
        nn.init.zeros_(p)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.5), batches(300))


@healthy
def nll_of_log_softmax(watched):
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.LogSoftmax(dim=1))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.2), batches(300), F.nll_loss)


@healthy
def probabilities_with_bce(watched):
    model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    data = ((X, tensor((y.numpy() % 2).astype(np.float32)[:, None])) for X, y in batches(400))
    fit(watched, model, optim.Adam(model.parameters(), lr=5e-3), data, F.binary_cross_entropy)


@healthy
def maximised_likelihood(watched):
    """A loss below zero that goes on falling."""
    rng = np.random.default_rng(0)
    model = mlp(1, 16, 2, activation=nn.Tanh)
    x = rng.uniform(-1, 1, (256, 1)).astype(np.float32)
    y = np.sin(3 * x) + 0.02 * rng.standard_normal((256, 1)).astype(np.float32)
    loss_of = lambda p, y: (p[:, 1:] + 0.5 * ((y - p[:, :1]) / p[:, 1:].exp()) ** 2).mean()  # noqa: E731
    fit(watched, model, optim.Adam(model.parameters(), lr=5e-3), ((tensor(x), tensor(y)) for _ in range(400)), loss_of)


@healthy
def with_validation(watched):
    VX, Vy = tensor(TEST.X), tensor(TEST.y)
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with watched(model, optimizer) as watcher:
        for i, (X, y) in enumerate(batches(300)):
            loss = F.cross_entropy(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if i % 10 == 0:
                with minigrad.no_grad():
                    log(watcher, loss, F.cross_entropy(model(VX), Vy))
            else:
                watcher.log(loss)


@healthy
def binarised_pixels(watched):
    model = mlp(64, 32, 10)
    data = ((tensor((X.numpy() > 0.5).astype(np.float32)), y) for X, y in batches(300))
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), data)


@healthy
def sparse_one_hot_inputs(watched):
    """A bag of words: inputs whose mean is near 0 and whose deviation is small."""
    rng = np.random.default_rng(0)
    model = mlp(200, 16, 4)

    def data():
        for _ in range(300):
            y = rng.integers(0, 4, 64)
            X = np.zeros((64, 200), np.float32)
            for i in range(5):
                X[np.arange(64), rng.integers(0, 50, 64) + 50 * np.where(rng.random(64) < 0.8, y, i % 4)] = 1
            yield tensor(X), tensor(y)

    fit(watched, model, optim.Adam(model.parameters(), lr=5e-3), data())


@healthy
def short_run(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05), batches(15))


@healthy
def tanh_network_with_momentum(watched):
    model = mlp(64, 32, 32, 10, activation=nn.Tanh)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True), batches(300))
