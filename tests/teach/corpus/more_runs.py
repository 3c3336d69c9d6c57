"""Further training runs, sick and healthy: other models, other loops and other mistakes than those of `runs`."""

from __future__ import annotations

import numpy as np

import minigrad
from corpus.runs import TEST, TRAIN, batches, curve, fit, healthy, mlp, sick
from minigrad import nn, optim, tensor
from minigrad.nn import functional as F

HIGH = r"rate.*(too high|lower|smaller|large)|too (high|large)|tenth of the"
LOW = r"rate.*(too low|higher|raise)|too low|ten times the rate"


def step(optimizer, loss):
    """Backward pass and update."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def binary(steps, size=32):
    """Digits above 4, as a column of 0 and 1."""
    return ((X, tensor((y.numpy() > 4).astype(np.float32)[:, None])) for X, y in batches(steps, size))


def regression(steps=250):
    X, y = curve()
    return ((tensor(X), tensor(y[:, None])) for _ in range(steps))


def images(steps, size=32):
    return ((X.reshape(-1, 1, 8, 8), y) for X, y in batches(steps, size))


# ---- sick: the rate and the sign -------------------------------------------------------------------------------


@sick("the loss is negated: it is maximized", r"sign|uphill|ascen|wrong direction|maximi|negat|minus")
def negated_loss(watched):
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.02)
    with watched(model, optimizer) as watcher:
        for X, y in batches(200):
            loss = F.cross_entropy(model(X), y)
            step(optimizer, -loss)
            watcher.log(loss)


@sick("the gradient is added by hand, without a minus", r"sign|uphill|ascen|wrong direction|maximi|negat|minus|\+=")
def squared_error_uphill(watched):
    network = minigrad.Network(mlp(3, 16, 1, activation=nn.Tanh), nn.MSELoss())
    X, y = curve()
    with watched(network) as watcher:
        for _ in range(200):
            watcher.log(network.forward((X, y[:, None])))
            network.x[...] = network.x + 1e-3 * network.backward()


@sick("learning rate too high in the lecture's loop", HIGH)
def lectures_rate_too_high(watched):
    network = minigrad.Network(mlp(64, 32, 10, activation=nn.Tanh), nn.CrossEntropyLoss())
    with watched(network) as watcher:
        for X, y in batches(200):
            watcher.log(network.forward((X.numpy(), y.numpy())))
            dx = network.backward()
            network.x += -40.0 * dx


@sick("learning rate too low in the lecture's loop", LOW)
def lectures_rate_too_low(watched):
    network = minigrad.Network(mlp(64, 32, 10), nn.CrossEntropyLoss())
    with watched(network) as watcher:
        for X, y in batches(300):
            watcher.log(network.forward((X.numpy(), y.numpy())))
            dx = network.backward()
            network.x += -3e-6 * dx


@sick("learning rate too high for a small convnet with momentum", HIGH + r"|dead|explod")
def convnet_rate_too_high(watched):
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 10))
    fit(watched, model, optim.SGD(model.parameters(), lr=3.0, momentum=0.9), images(120))


@sick("momentum of 0.999 at a usual rate", r"momentum|" + HIGH)
def momentum_too_high(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.5, momentum=0.999), batches(250))


@sick("gradients are clipped to 1e-4", r"clip")
def clipped_to_nothing(watched):
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with watched(model, optimizer) as watcher:
        for X, y in batches(300):
            loss = F.cross_entropy(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1e-4)
            optimizer.step()
            watcher.log(loss)


@sick("the scheduler steps per batch, not per epoch", r"schedul|decay|rate.*(is 0|fallen|of step|at first)")
def step_lr_per_batch(watched):
    model = mlp(64, 32, 10)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.1)
    with watched(model, optimizer) as watcher:
        for X, y in batches(300):
            loss = F.cross_entropy(model(X), y)
            step(optimizer, loss)
            scheduler.step()
            watcher.log(loss)


@sick("the rate reaches 0 after 20 steps of 300", r"schedul|decay|rate.*(is 0|fallen|of step|at first)")
def linear_decay_too_short(watched):
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.02)
    scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda t: max(0.0, 1 - t / 20))
    with watched(model, optimizer) as watcher:
        for X, y in batches(300):
            loss = F.cross_entropy(model(X), y)
            step(optimizer, loss)
            scheduler.step()
            watcher.log(loss)


@sick("the lecture's rate decays by half in each step", r"schedul|decay|rate.*(is 0|fallen|of step|at first)")
def lectures_rate_decays(watched):
    network = minigrad.Network(mlp(64, 32, 10), nn.CrossEntropyLoss())
    rate = 0.05
    with watched(network) as watcher:
        for X, y in batches(300):
            watcher.log(network.forward((X.numpy(), y.numpy())))
            dx = network.backward()
            network.x += -rate * dx
            rate *= 0.8


# ---- sick: gradients that are not what they should be ----------------------------------------------------------


@sick("zero_grad once, before the loop", r"zero_grad|added to|accumul|add up|not zeroed")
def zero_grad_before_the_loop(watched):
    model = mlp(3, 32, 1, activation=nn.Tanh)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    optimizer.zero_grad()
    with watched(model, optimizer) as watcher:
        for X, y in regression(200):
            loss = F.mse_loss(model(X), y)
            loss.backward()
            optimizer.step()
            watcher.log(loss)


@sick(
    "zero_grad between backward and step",
    r"zero_grad|order|before (each )?backward|set to (0|zero)|cleared|gradient.*0",
)
def zero_grad_before_step(watched):
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with watched(model, optimizer) as watcher:
        for X, y in batches(250):
            loss = F.cross_entropy(model(X), y)
            loss.backward()
            optimizer.zero_grad()
            optimizer.step()
            watcher.log(loss)


@sick("the hidden layer runs under no_grad", r"no_grad|no gradient|detach|gets? no|cut")
def hidden_layer_under_no_grad(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(64, 32), nn.Linear(32, 10)

        def forward(self, x):
            with minigrad.no_grad():
                h = F.relu(self.first(x))
            return self.second(h)

    model = Net()
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), batches(200))


@sick("a numpy() in the middle cuts the graph", r"numpy|no gradient|detach|gets? no|cut")
def through_numpy(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.out = nn.Conv2d(1, 4, 3), nn.Linear(144, 10)

        def forward(self, x):
            h = F.relu(self.conv(x)).detach().numpy().reshape(len(x), -1)
            return self.out(tensor(h))

    model = Net()
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), images(150))


@sick("the weights are tensors, not parameters", r"Parameter|register|parameters\(\)|not train")
def tensors_for_parameters(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = minigrad.randn(64, 32, requires_grad=True)
            self.out = nn.Linear(32, 10)

        def forward(self, x):
            return self.out((x @ self.w).tanh())

    model = Net()
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05), batches(200))


@sick("layers in a plain dictionary", r"dict|register|parameters\(\)|not train")
def layers_in_a_dictionary(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = {"in": nn.Linear(64, 32), "out": nn.Linear(32, 32)}
            self.head = nn.Linear(32, 10)

        def forward(self, x):
            return self.head(F.relu(self.layers["out"](F.relu(self.layers["in"](x)))))

    model = Net()
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(200))


@sick("the optimizer was given the biases only", r"optimi[sz]er.*given|has the optimi|not change")
def optimizer_of_biases(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD([model[0].bias, model[2].bias], lr=0.1), batches(250))


# ---- sick: activations and initial weights ---------------------------------------------------------------------


@sick("F.tanh saturates: inputs times 30", r"saturat|input|flat")
def functional_tanh_saturated(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 32), nn.Linear(32, 1)
            nn.init.normal_(self.a.weight, 0.0, 40.0)

        def forward(self, x):
            return self.b(F.tanh(self.a(x)))

    model = Net()
    fit(watched, model, optim.SGD(model.parameters(), lr=1e-2), regression(), F.mse_loss)


@sick("torch.sigmoid in forward saturates", r"saturat|input|weights|flat")
def functional_sigmoid_saturated(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(64, 32), nn.Linear(32, 32), nn.Linear(32, 10)
            nn.init.normal_(self.b.weight, 0.0, 30.0)

        def forward(self, x):
            return self.c(self.b(self.a(x).sigmoid()).sigmoid())

    model = Net()
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-3), batches(250))


@sick("dead ReLUs, functional, after a first step that was too long", r"dead|ReLU")
def functional_relus_dead(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(64, 48), nn.Linear(48, 10)
            nn.init.constant_(self.a.bias, -30.0)

        def forward(self, x):
            return self.b(F.relu(self.a(x)))

    model = Net()
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-3), batches(250))


@sick("initial weights of standard deviation 1 in a wide network", r"initial|weights|explod|scale")
def initial_weights_of_one(watched):
    model = mlp(64, 256, 256, 10)
    for layer in (model[0], model[2], model[4]):
        nn.init.normal_(layer.weight, 0.0, 1.0)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.01), batches(150))


@sick("initial weights of 0.01 in a deep tanh network", r"vanish|initial|weights.*small|small.*weights")
def initial_weights_too_small(watched):
    model = mlp(64, *[32] * 8, 10, activation=nn.Tanh)
    for layer in [*model][::2]:
        nn.init.normal_(layer.weight, 0.0, 0.01)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05), batches(250))


@sick("gradients explode in a deep linear-ish network", r"explod|initial|weights")
def deep_leaky_network_explodes(watched):
    model = mlp(64, *[64] * 12, 10, activation=lambda: nn.LeakyReLU(0.5))
    for layer in [*model][::2]:
        nn.init.normal_(layer.weight, 0.0, 0.5)
    fit(watched, model, optim.SGD(model.parameters(), lr=1e-3), batches(60))


@sick("an LSTM-free recurrence by cells explodes", r"explod|clip|recurren")
def recurrence_by_cells_explodes(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inp, self.rec, self.out = nn.Linear(2, 24), nn.Linear(24, 24, bias=False), nn.Linear(24, 1)
            nn.init.normal_(self.rec.weight, 0.0, 0.4)

        def forward(self, x):
            h = minigrad.zeros(len(x), 24)
            for t in range(x.shape[1]):
                h = F.relu(self.inp(x[:, t]) + self.rec(h))
            return self.out(h)

    rng = np.random.default_rng(0)
    model = Net()
    data = (
        (tensor(X), tensor(X[:, :, 0].mean(1, keepdims=True)))
        for X in (rng.standard_normal((16, 25, 2)).astype(np.float32) for _ in range(60))
    )
    fit(watched, model, optim.SGD(model.parameters(), lr=1e-3), data, F.mse_loss)


@sick("two convolutions in a row without an activation", r"activation|nonlinear")
def convolutions_without_activation(watched):
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1), nn.Flatten(), nn.Linear(512, 10)
    )
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-3), images(120))


@sick("no activation in a forward method", r"activation|nonlinear")
def no_activation_in_forward(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 32), nn.Linear(32, 32), nn.Linear(32, 1)

        def forward(self, x):
            return self.c(self.b(self.a(x)))

    model = Net()
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-2), regression(), F.mse_loss)


@sick("no activation: plain matrix products", r"activation|nonlinear")
def products_without_activation(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.W1 = nn.Parameter(0.1 * minigrad.randn(64, 32))
            self.b1 = nn.Parameter(minigrad.zeros(32))
            self.W2 = nn.Parameter(0.1 * minigrad.randn(32, 10))

        def forward(self, x):
            return (x @ self.W1 + self.b1) @ self.W2

    model = Net()
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(200))


# ---- sick: the loss --------------------------------------------------------------------------------------------


@sick("nll_loss of scores: log_softmax is missing", r"log_softmax|log.prob|cross_entropy|log of")
def nll_of_scores(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05), batches(250), F.nll_loss)


@sick("nll_loss of probabilities: the log is missing", r"log_softmax|log.prob|cross_entropy|\blog\b")
def nll_of_probabilities(watched):
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.Softmax(dim=1))
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), batches(250), F.nll_loss)


@sick(
    "cross entropy over one score: it is always 0", r"one (class|score|output)|single|always 0|binary_cross|\(\d+, 1\)"
)
def cross_entropy_of_one_score(watched):
    model = mlp(64, 32, 1)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), binary(250))


@sick("tanh on the scores of a cross entropy", r"tanh|scores|-1 (and|to) 1|bounded|limit|range")
def tanh_on_the_scores(watched):
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.Tanh())
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(300))


@sick("ReLU on the scores of a cross entropy", r"ReLU|scores|negative|cut")
def relu_on_the_class_scores(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(64, 32), nn.Linear(32, 10)

        def forward(self, x):
            return F.relu(self.b(F.relu(self.a(x))))

    model = Net()
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(250))


@sick("a sigmoid for targets from -3 to 3", r"sigmoid|range|between 0 and 1|0 to 1|targets|output")
def sigmoid_for_a_regression(watched):
    X, y = curve()
    model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    data = ((tensor(X), tensor(3 * y[:, None])) for _ in range(300))
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-2), data, F.mse_loss)


@sick("a tanh for targets of about 50", r"tanh|range|-1 (and|to) 1|targets|output")
def tanh_for_large_targets(watched):
    X, y = curve()
    model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1), nn.Tanh())
    data = ((tensor(X), tensor(10 * y[:, None] + 50)) for _ in range(300))
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-2), data, F.mse_loss)


@sick("predictions (N,) minus targets (N, 1)", r"broadcast|\(256, 1\)|\(N, 1\)|shape")
def row_minus_column(watched):
    X, y = curve()
    model = mlp(3, 32, 1)
    data = ((tensor(X), tensor(y[:, None])) for _ in range(250))
    loss_of = lambda p, t: (p.squeeze(1) - t).abs().mean()  # noqa: E731
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-2), data, loss_of)


@sick("(N, 1) against (N,) in the lecture's loop", r"broadcast|\(256, 1\)|\(N, 1\)|shape")
def column_against_row_in_the_lectures_loop(watched):
    X, y = curve()
    network = minigrad.Network(mlp(3, 32, 1), lambda p, y: ((p - y) ** 2).mean())
    with watched(network) as watcher:
        for _ in range(200):
            watcher.log(network.forward((X, y)))
            dx = network.backward()
            network.x += -0.05 * dx


@sick("log of 1 - p, where p is 1", r"\blog(arithm)?\b|of 0\b")
def log_of_one_minus_p(watched):
    model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    nn.init.normal_(model[2].weight, 0.0, 200.0)
    loss_of = lambda p, y: -(y * p.log() + (1 - y) * (1 - p).log()).mean()  # noqa: E731
    fit(watched, model, optim.SGD(model.parameters(), lr=0.01), binary(100), loss_of)


@sick("sqrt of 0 in the loss", r"sqrt|root")
def distance_of_equal_points(watched):
    model = nn.Linear(3, 3)
    nn.init.eye_(model.weight)
    nn.init.zeros_(model.bias)
    loss_of = lambda p, y: ((p - y) ** 2).sum(dim=1).sqrt().mean()  # noqa: E731
    data = ((tensor(X), tensor(X)) for X, _ in [curve(32)] * 30)
    fit(watched, model, optim.SGD(model.parameters(), lr=0.01), data, loss_of)


@sick("division by a standard deviation of 0", r"div|standard deviation|\bstd\b|0 / 0|of 0\b|constant")
def standardized_in_the_model(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(64, 10)

        def forward(self, x):
            return self.out((x - x.mean(dim=0)) / x.std(dim=0))  # pixels at the border are always 0

    model = Net()
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(60))


# ---- sick: the data --------------------------------------------------------------------------------------------


@sick("age and income, as they come, in the lecture's loop", r"input|feature|scale|normali[sz]|standardi[sz]")
def age_and_income(watched):
    rng = np.random.default_rng(0)
    X = np.stack([rng.uniform(18, 80, 256), rng.normal(45000, 12000, 256)], 1).astype(np.float32)
    y = ((X[:, 0] > 40) ^ (X[:, 1] > 45000)).astype(int)
    network = minigrad.Network(mlp(2, 16, 2), nn.CrossEntropyLoss())
    with watched(network) as watcher:
        for _ in range(250):
            watcher.log(network.forward((X, y)))
            dx = network.backward()
            network.x += -0.01 * dx


@sick("pixels from 0 to 255 in a convnet with Adam", r"input|255|scale|normali[sz]|standardi[sz]")
def pixels_to_255_in_a_convnet(watched):
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Tanh(), nn.Flatten(), nn.Linear(288, 10))
    data = ((255 * X, y) for X, y in images(150))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05), data)


@sick("an integer division makes all inputs 0", r"inputs?.*(0|same|constant)")
def inputs_all_zero(watched):
    model = mlp(64, 32, 10)
    data = ((tensor((X.numpy() * 255 // 256).astype(np.float32)), y) for X, y in batches(250))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), data)


@sick("inputs divided by 255 twice", r"inputs?.*(small|scale|standardi[sz]|normali[sz]|divid)")
def inputs_too_small(watched):
    model = mlp(64, 32, 10)
    data = ((X / 65025, y) for X, y in batches(250))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), data)


@sick("X was shuffled, y was not", r"label|target|belong|shuffl|match")
def inputs_shuffled_alone(watched):
    rng = np.random.default_rng(0)
    X, y = curve(20000)
    rng.shuffle(X)
    y = (y - y.mean()) / y.std()
    model = mlp(3, 8, 1, activation=nn.Tanh)
    nn.init.normal_(model[2].weight, 0.0, 0.05)
    data = ((tensor(X[i : i + 64]), tensor(y[i : i + 64, None])) for i in range(0, 64 * 300, 64))
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-3), data, F.mse_loss)


@sick("all labels of all batches are one class", r"class|label|target")
def one_label_only(watched):
    model = mlp(64, 32, 10)
    data = ((X, tensor(np.full(len(X), 3))) for X, _ in batches(200))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), data)


@sick("the lecture's loop learns 40 examples by heart", r"overfit|validation|by heart|generali[sz]")
def overfitting_in_the_lectures_loop(watched):
    labels = TRAIN.y[:40].copy()
    labels[::4] = labels[1::4]
    network = minigrad.Network(mlp(64, 100, 10), nn.CrossEntropyLoss())
    criterion = nn.CrossEntropyLoss()
    with watched(network) as watcher:
        for i in range(600):
            watcher.log(network.forward((TRAIN.X[:40], labels)))
            dx = network.backward()
            network.x += -0.5 * dx
            if i % 20 == 19:
                with minigrad.no_grad():
                    watcher.log(validation=criterion(network.model(tensor(TEST.X)), tensor(TEST.y)))


@sick("a regression on 20 noisy points", r"overfit|validation|by heart|generali[sz]")
def overfitting_a_regression(watched):
    rng = np.random.default_rng(0)
    x, vx = (rng.uniform(-1, 1, (n, 1)).astype(np.float32) for n in (20, 200))
    y, vy = (np.sin(3 * a) + 0.4 * rng.standard_normal(a.shape).astype(np.float32) for a in (x, vx))
    model = mlp(1, 64, 64, 1, activation=nn.Tanh)
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    with watched(model, optimizer) as watcher:
        for i in range(600):
            loss = F.mse_loss(model(tensor(x)), tensor(y))
            step(optimizer, loss)
            watcher.log(loss)
            if i % 20 == 0:
                with minigrad.no_grad():
                    watcher.log(validation=F.mse_loss(model(tensor(vx)), tensor(vy)))


# ---- sick: layers with two modes -------------------------------------------------------------------------------


def with_modes():
    return nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 10))


@sick("model.eval() for the validation, and never train() again", r"eval|train\(\)|mode")
def train_mode_forgotten(watched):
    VX, Vy = tensor(TEST.X), tensor(TEST.y)
    model = with_modes()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    with watched(model, optimizer) as watcher:
        model.train()
        for i, (X, y) in enumerate(batches(250)):
            loss = F.cross_entropy(model(X), y)
            step(optimizer, loss)
            watcher.log(loss)
            if i % 20 == 19:
                model.eval()
                with minigrad.no_grad():
                    watcher.log(validation=F.cross_entropy(model(VX), Vy))


@sick("the validation runs in training mode", r"eval|mode")
def eval_mode_forgotten(watched):
    VX, Vy = tensor(TEST.X), tensor(TEST.y)
    model = with_modes()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    with watched(model, optimizer) as watcher:
        for i, (X, y) in enumerate(batches(250)):
            loss = F.cross_entropy(model(X), y)
            step(optimizer, loss)
            watcher.log(loss)
            if i % 20 == 19:
                with minigrad.no_grad():
                    watcher.log(validation=F.cross_entropy(model(VX), Vy))


@sick("dropout of the scores", r"dropout|drops")
def dropout_on_the_scores(watched):
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.Dropout(0.5))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.1), batches(250))


@sick("weight decay of 0.5 with AdamW", r"weight[_ ]decay|penalt|regulari[sz]|shrink")
def adamw_decay_too_strong(watched):
    model = mlp(64, 32, 10)
    fit(watched, model, optim.AdamW(model.parameters(), lr=3e-3, weight_decay=20.0), batches(250))


@sick("the bottleneck of a deep network is saturated from the data's scale", r"saturat|input|scale|standardi[sz]")
def temperatures_in_kelvin(watched):
    rng = np.random.default_rng(0)
    X = rng.normal(290, 8, (256, 4)).astype(np.float32)
    y = ((X[:, :1] - 290) / 8).astype(np.float32)
    model = mlp(4, 16, 1, activation=nn.Sigmoid)
    data = ((tensor(X), tensor(y)) for _ in range(250))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05), data, F.mse_loss)


# ---- healthy ---------------------------------------------------------------------------------------------------


@healthy
def low_loss_in_the_lectures_loop(watched):
    """It continues a run that has converged, at a small rate."""
    network = minigrad.Network(mlp(64, 64, 10), nn.CrossEntropyLoss())
    for X, y in batches(600):
        network.forward((X.numpy(), y.numpy()))
        network.x += -0.3 * network.backward()
    with watched(network) as watcher:
        for X, y in batches(250, seed=1):
            watcher.log(network.forward((X.numpy(), y.numpy())))
            dx = network.backward()
            network.x += -0.003 * dx


@healthy
def critic_of_a_gan(watched):
    generator, critic = mlp(4, 32, 2), mlp(2, 32, 1, activation=lambda: nn.LeakyReLU(0.2))
    for_g, for_c = (optim.Adam(m.parameters(), lr=1e-3, betas=(0.5, 0.9)) for m in (generator, critic))
    rng = np.random.default_rng(0)
    bce = F.binary_cross_entropy_with_logits
    ones, zeros = minigrad.ones(64, 1), minigrad.zeros(64, 1)
    with watched(critic, for_c) as watcher:
        for _ in range(250):
            real = tensor(rng.normal(1.0, 0.3, (64, 2)).astype(np.float32))
            fake = generator(tensor(rng.standard_normal((64, 4)).astype(np.float32)))
            loss = bce(critic(real), ones) + bce(critic(fake.detach()), zeros)
            step(for_c, loss)
            watcher.log(loss)
            step(for_g, bce(critic(fake), ones))


@healthy
def wasserstein_critic(watched):
    """Its loss is a difference of means, below 0, and its weights are clipped."""
    generator, critic = mlp(2, 16, 2), mlp(2, 32, 1)
    for_g, for_c = optim.RMSprop(generator.parameters(), lr=5e-4), optim.RMSprop(critic.parameters(), lr=5e-4)
    rng = np.random.default_rng(0)
    with watched(critic, for_c) as watcher:
        for _ in range(250):
            real = tensor(rng.normal(2.0, 0.5, (64, 2)).astype(np.float32))
            fake = generator(tensor(rng.standard_normal((64, 2)).astype(np.float32)))
            loss = critic(fake.detach()).mean() - critic(real).mean()
            step(for_c, loss)
            with minigrad.no_grad():
                for p in critic.parameters():
                    p.clamp_(-0.1, 0.1)
            watcher.log(loss)
            step(for_g, -critic(fake).mean())


@healthy
def temporal_differences(watched):
    """Q-learning with a target network: the targets move, and the loss rises before it falls."""
    rng = np.random.default_rng(0)
    q, old = mlp(4, 32, 3), mlp(4, 32, 3)
    optimizer = optim.Adam(q.parameters(), lr=3e-3)
    with watched(q, optimizer) as watcher:
        for i in range(400):
            if i % 40 == 0:
                old.load_state_dict(q.state_dict())
            s, s2 = (rng.standard_normal((32, 4)).astype(np.float32) for _ in range(2))
            a = rng.integers(0, 3, 32)
            r = (a == s[:, :3].argmax(1)).astype(np.float32)
            with minigrad.no_grad():
                goal = tensor(r) + 0.9 * old(tensor(s2)).max(dim=1)[0]
            loss = F.smooth_l1_loss(q(tensor(s))[np.arange(32), a], goal)
            step(optimizer, loss)
            watcher.log(loss)


@healthy
def accumulation_logged_in_parts(watched):
    """Four backward passes for each step; every part of the loss is logged."""
    model = mlp(64, 32, 10)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    with watched(model, optimizer) as watcher:
        for i, (X, y) in enumerate(batches(600, size=8)):
            loss = F.cross_entropy(model(X), y)
            (loss / 4).backward()
            watcher.log(loss)
            if i % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()


@healthy
def one_cycle(watched):
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=300)
    with watched(model, optimizer) as watcher:
        for X, y in batches(300):
            loss = F.cross_entropy(model(X), y)
            step(optimizer, loss)
            scheduler.step()
            watcher.log(loss)


@healthy
def cyclic_rates(watched):
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    scheduler = optim.lr_scheduler.CyclicLR(optimizer, base_lr=1e-4, max_lr=0.3, step_size_up=40)
    with watched(model, optimizer) as watcher:
        for X, y in batches(400):
            loss = F.cross_entropy(model(X), y)
            step(optimizer, loss)
            scheduler.step()
            watcher.log(loss)


@healthy
def warm_restarts_to_zero(watched):
    model = mlp(3, 32, 1, activation=nn.Tanh)
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    scheduler = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 60)
    with watched(model, optimizer) as watcher:
        for X, y in regression(300):
            loss = F.mse_loss(model(X), y)
            step(optimizer, loss)
            scheduler.step()
            watcher.log(loss)


@healthy
def decayed_after_convergence(watched):
    """The rate falls by ten each 80 steps; at the end little is left to learn."""
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.3)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 80, gamma=0.1)
    with watched(model, optimizer) as watcher:
        for X, y in batches(400):
            loss = F.cross_entropy(model(X), y)
            step(optimizer, loss)
            scheduler.step()
            watcher.log(loss)


@healthy
def frozen_features_in_eval_mode(watched):
    """The backbone runs under no_grad, in eval mode, and is frozen."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU())
            self.head = nn.Linear(64, 10)
            for p in self.backbone.parameters():
                p.requires_grad_(False)
            self.backbone.eval()

        def forward(self, x):
            with minigrad.no_grad():
                h = self.backbone(x)
            return self.head(h)

    model = Net()
    fit(watched, model, optim.Adam(model.head.parameters(), lr=1e-2), batches(250))


@healthy
def fine_tuned_in_eval_mode(watched):
    """Batch normalization keeps its statistics, from the first step on."""
    model = with_modes()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    for X, y in batches(150):
        step(optimizer, F.cross_entropy(model(X), y))
    model.eval()
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-4), batches(250, seed=1))


@healthy
def modes_switched(watched):
    VX, Vy = tensor(TEST.X), tensor(TEST.y)
    model = with_modes()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    with watched(model, optimizer) as watcher:
        for i, (X, y) in enumerate(batches(250)):
            model.train()
            loss = F.cross_entropy(model(X), y)
            step(optimizer, loss)
            watcher.log(loss)
            if i % 20 == 19:
                model.eval()
                with minigrad.no_grad():
                    watcher.log(validation=F.cross_entropy(model(VX), Vy))


@healthy
def batch_of_two_with_layer_norm(watched):
    model = nn.Sequential(nn.Linear(64, 32), nn.LayerNorm(32), nn.GELU(), nn.Linear(32, 10))
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-3), batches(500, size=2))


@healthy
def plateau_at_the_optimum(watched):
    """Least squares from the solution: nothing to learn, and noise remains."""
    X, y = curve()
    A = np.c_[X, np.ones(len(X))]
    w = np.linalg.lstsq(A, y, rcond=None)[0]
    model = nn.Linear(3, 1)
    with minigrad.no_grad():
        model.weight.copy_(tensor(w[None, :3].astype(np.float32)))
        model.bias.fill_(float(w[3]))
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05), regression(300), F.mse_loss)


@healthy
def converged_long_ago(watched):
    """Full batches of a logistic regression, far beyond what it needs."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 2)).astype(np.float32)
    y = ((X[:, :1] + 0.8 * rng.standard_normal((200, 1))) > 0).astype(np.float32)
    model = nn.Linear(2, 1)
    data = ((tensor(X), tensor(y)) for _ in range(600))
    fit(watched, model, optim.SGD(model.parameters(), lr=1.0), data, F.binary_cross_entropy_with_logits)


@healthy
def noise_floor(watched):
    """The signal is a fifth of the noise."""
    rng = np.random.default_rng(0)
    network = minigrad.Network(mlp(3, 16, 1), nn.MSELoss())
    with watched(network) as watcher:
        for _ in range(300):
            X = rng.standard_normal((128, 3)).astype(np.float32)
            y = (0.5 * np.tanh(X[:, :1]) + rng.standard_normal((128, 1))).astype(np.float32)
            watcher.log(network.forward((X, y)))
            network.x += -0.05 * network.backward()


@healthy
def variational_autoencoder(watched):
    class VAE(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.mean, self.log_var = nn.Linear(64, 32), nn.Linear(32, 4), nn.Linear(32, 4)
            self.decoder, self.pixels = nn.Linear(4, 32), nn.Linear(32, 64)

        def forward(self, x):
            h = F.relu(self.encoder(x))
            mean, log_var = self.mean(h), self.log_var(h)
            z = mean + (0.5 * log_var).exp() * minigrad.randn(*mean.shape)
            return self.pixels(F.relu(self.decoder(z))).sigmoid(), mean, log_var

    def loss_of(found, x):
        pixels, mean, log_var = found
        kl = -0.5 * (1 + log_var - mean**2 - log_var.exp()).sum(dim=1).mean()
        return F.mse_loss(pixels, x) * 64 + 0.1 * kl

    model = VAE()
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), ((X, X) for X, _ in batches(250)), loss_of)


@healthy
def triplets(watched):
    model = mlp(64, 32, 8)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    rng = np.random.default_rng(0)
    with watched(model, optimizer) as watcher:
        for _ in range(250):
            digit = rng.integers(0, 10, 32)
            a, p = (tensor(np.stack([TRAIN.X[rng.choice(np.nonzero(TRAIN.y == d)[0])] for d in digit])) for _ in "ap")
            n = tensor(np.stack([TRAIN.X[rng.choice(np.nonzero(TRAIN.y != d)[0])] for d in digit]))
            loss = F.triplet_margin_loss(model(a), model(p), model(n), margin=0.3)
            step(optimizer, loss)
            watcher.log(loss)


@healthy
def label_smoothing(watched):
    model = mlp(64, 32, 10)
    loss_of = lambda s, y: F.cross_entropy(s, y, label_smoothing=0.3)  # noqa: E731
    fit(watched, model, optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1), batches(400), loss_of)


@healthy
def clipped_to_one(watched):
    """Each gradient is longer than 1, so each has the norm 1."""
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with watched(model, optimizer) as watcher:
        for X, y in batches(300):
            loss = 10 * F.cross_entropy(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            watcher.log(loss)


@healthy
def convnet_with_functions(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2, self.out = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 16, 3), nn.Linear(64, 10)

        def forward(self, x):
            x = F.relu(self.conv1(x))
            x = F.max_pool2d(F.relu(self.conv2(x)), 2)
            return self.out(x.flatten(1))

    model = Net()
    fit(watched, model, optim.SGD(model.parameters(), lr=0.05, momentum=0.9), images(200))


@healthy
def separable_convolution(watched):
    """Depthwise and pointwise, without an activation between, as is usual."""
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.Conv2d(8, 16, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    fit(watched, model, optim.Adam(model.parameters(), lr=5e-3), images(200))


@healthy
def attention_by_hand(watched):
    """Projections in a row: values, heads and the output have no activation between them."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Linear(8, 16)
            self.q, self.k, self.v, self.o = (nn.Linear(16, 16) for _ in range(4))
            self.head = nn.Linear(16, 10)

        def forward(self, x):
            h = self.embed(x.reshape(-1, 8, 8))
            weights = F.softmax(self.q(h) @ self.k(h).transpose(1, 2) / 4, dim=-1)
            h = h + self.o(weights @ self.v(h))
            return self.head(h.mean(dim=1))

    model = Net()
    fit(watched, model, optim.Adam(model.parameters(), lr=5e-3), batches(300))


@healthy
def low_rank_layer(watched):
    """A factorized layer: two products in a row, on purpose, through a bottleneck."""
    model = nn.Sequential(nn.Linear(64, 4, bias=False), nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 10))
    fit(watched, model, optim.Adam(model.parameters(), lr=5e-3), batches(250))


@healthy
def distillation(watched):
    teacher, student = mlp(64, 64, 10), mlp(64, 16, 10)
    optimizer = optim.Adam(teacher.parameters(), lr=5e-3)
    for X, y in batches(200):
        step(optimizer, F.cross_entropy(teacher(X), y))

    def data():
        for X, _ in batches(250, seed=1):
            yield X, F.softmax(teacher(X).detach() / 2, dim=1)

    loss_of = lambda s, p: F.kl_div(F.log_softmax(s / 2, dim=1), p, reduction="batchmean")  # noqa: E731
    fit(watched, student, optim.Adam(student.parameters(), lr=3e-3), data(), loss_of)


@healthy
def brier_score(watched):
    """Probabilities against one-hot targets: a softmax without a cross entropy."""
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.Softmax(dim=1))
    loss_of = lambda p, y: ((p - F.one_hot(y, 10)) ** 2).sum(dim=1).mean()  # noqa: E731
    fit(watched, model, optim.Adam(model.parameters(), lr=5e-3), batches(300), loss_of)


@healthy
def cross_entropy_by_hand(watched):
    """A softmax at the end of the model, and the log of it in the loss."""
    model = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10), nn.Softmax(dim=1))
    loss_of = lambda p, y: -p[np.arange(len(y)), y.numpy()].log().mean()  # noqa: E731
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), batches(300), loss_of)


@healthy
def likelihood_by_ascent(watched):
    """maximize=True, for what should be maximized."""
    rng = np.random.default_rng(0)
    policy = mlp(4, 16, 3, activation=nn.Tanh)
    optimizer = optim.Adam(policy.parameters(), lr=1e-2, maximize=True)
    with watched(policy, optimizer) as watcher:
        for _ in range(200):
            s = rng.standard_normal((64, 4)).astype(np.float32)
            reward = F.log_softmax(policy(tensor(s)), dim=1)[np.arange(64), s[:, :3].argmax(1)].mean()
            step(optimizer, reward)
            watcher.log(reward)


@healthy
def ascent_of_a_negated_loss(watched):
    """The sign is turned twice."""
    model = mlp(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=0.1, maximize=True)
    with watched(model, optimizer) as watcher:
        for X, y in batches(250):
            score = -F.cross_entropy(model(X), y)
            step(optimizer, score)
            watcher.log(score)


@healthy
def house_prices(watched):
    """Targets of about 200, unscaled, which Adam learns all the same."""
    X, y = curve()
    model = mlp(3, 32, 1)
    data = ((tensor(X), tensor(20 * y[:, None] + 30)) for _ in range(600))
    fit(watched, model, optim.Adam(model.parameters(), lr=5e-2), data, F.mse_loss)


@healthy
def counts_as_inputs(watched):
    """Counts from 0 to 16, as the digits come."""
    model = mlp(64, 32, 10)
    data = ((X * 16, y) for X, y in batches(300))
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-3), data)


@healthy
def sparse_autoencoder(watched):
    """Most hidden units are 0 for most inputs, as the penalty asks."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = nn.Linear(64, 128), nn.Linear(128, 64)

        def forward(self, x):
            h = F.relu(self.encoder(x))
            return self.decoder(h), h

    loss_of = lambda found, x: F.mse_loss(found[0], x) + 3e-3 * found[1].mean()  # noqa: E731
    model = Net()
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), ((X, X) for X, _ in batches(300)), loss_of)


@healthy
def two_heads_in_turn(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.trunk, self.digit, self.parity = nn.Linear(64, 32), nn.Linear(32, 10), nn.Linear(32, 2)

    model = Net()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    with watched(model, optimizer) as watcher:
        for i, (X, y) in enumerate(batches(300)):
            h = F.relu(model.trunk(X))
            loss = F.cross_entropy(model.parity(h), y % 2) if i % 2 else F.cross_entropy(model.digit(h), y)
            step(optimizer, loss)
            watcher.log(loss)


@healthy
def tied_weights(watched):
    """Input and output embedding of a small language model are one array."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(20, 16)
            self.hidden = nn.Linear(16, 16)
            self.out = nn.Linear(16, 20, bias=False)
            self.out.weight = self.tokens.weight

        def forward(self, t):
            return self.out(F.tanh(self.hidden(self.tokens(t))))

    rng = np.random.default_rng(0)
    after = rng.permutation(20)
    model = Net()
    data = ((tensor(t), tensor(after[t])) for t in (rng.integers(0, 20, 64) for _ in range(250)))
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-2), data)


@healthy
def full_batches_with_rprop(watched):
    X, y = curve()
    model = mlp(3, 8, 1, activation=nn.Tanh)
    optimizer = optim.Rprop(model.parameters(), lr=1e-3)
    fit(watched, model, optimizer, ((tensor(X), tensor(y[:, None])) for _ in range(150)), F.mse_loss)


@healthy
def warm_up_and_decay(watched):
    """The rate rises for 150 steps and falls as one over the root after that."""
    model = mlp(64, 64, 64, 10, activation=nn.GELU)
    optimizer = optim.AdamW(model.parameters(), lr=3e-3)
    scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda t: min((t + 1) / 150, (150 / (t + 1)) ** 0.5))
    with watched(model, optimizer) as watcher:
        for X, y in batches(400):
            loss = F.cross_entropy(model(X), y)
            step(optimizer, loss)
            scheduler.step()
            watcher.log(loss)


@healthy
def sequence_of_tanh_cells(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.out = nn.GRUCell(1, 12), nn.Linear(12, 1)

        def forward(self, x):
            h = minigrad.zeros(len(x), 12)
            for t in range(x.shape[1]):
                h = self.cell(x[:, t], h)
            return self.out(h)

    rng = np.random.default_rng(0)
    model = Net()

    def data():
        for _ in range(150):
            phase = rng.uniform(0, 6, (32, 1, 1))
            wave = np.sin(phase + 0.6 * np.arange(9)[None, :, None]).astype(np.float32)
            yield tensor(wave[:, :8]), tensor(wave[:, 8])

    fit(watched, model, optim.Adam(model.parameters(), lr=1e-2), data(), F.mse_loss)


@healthy
def separable_points_learnt_perfectly(watched):
    """The loss goes to 0, the sigmoid to its ends, and the gradient with it."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(-2, 0.4, (100, 2)), rng.normal(2, 0.4, (100, 2))]).astype(np.float32)
    y = np.repeat([0.0, 1.0], 100).astype(np.float32)[:, None]
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
    data = ((tensor(X), tensor(y)) for _ in range(600))
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-2), data, F.binary_cross_entropy)


@healthy
def imbalanced_classes(watched):
    """Small batches of which most have one class only."""
    rng = np.random.default_rng(0)
    model = mlp(8, 16, 2)
    data = (
        (tensor(X), tensor((X[:, 0] > 1.6).astype(int)))
        for X in (rng.standard_normal((8, 8)).astype(np.float32) for _ in range(400))
    )
    fit(watched, model, optim.Adam(model.parameters(), lr=3e-3), data)


@healthy
def bounded_regression(watched):
    """A tanh at the end, for targets between -1 and 1; a sigmoid for others would be as good."""
    X, y = curve()
    model = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1), nn.Tanh())
    data = ((tensor(X), tensor(np.tanh(y[:, None]))) for _ in range(300))
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-2), data, F.mse_loss)


@healthy
def two_optimizers(watched):
    """One for the weights, which is watched, and one for the biases."""
    model = mlp(64, 32, 10)
    weights = optim.SGD([model[0].weight, model[2].weight], lr=0.1)
    biases = optim.SGD([model[0].bias, model[2].bias], lr=0.2)
    with watched(model, weights) as watcher:
        for X, y in batches(250):
            loss = F.cross_entropy(model(X), y)
            biases.zero_grad()
            step(weights, loss)
            biases.step()
            watcher.log(loss)


@healthy
def an_optimizer_for_each_layer(watched):
    model = mlp(64, 32, 10)
    first, second = (optim.Adam(layer.parameters(), lr=1e-3) for layer in (model[0], model[2]))
    with watched(model, first) as watcher:
        for X, y in batches(250):
            loss = F.cross_entropy(model(X), y)
            second.zero_grad()
            step(first, loss)
            second.step()
            watcher.log(loss)


@healthy
def dropout_for_uncertainty(watched):
    """Predictions under no_grad in training mode, on purpose."""
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 10))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with watched(model, optimizer) as watcher:
        for X, y in batches(200):
            loss = F.cross_entropy(model(X), y)
            step(optimizer, loss)
            watcher.log(loss)
            with minigrad.no_grad():
                model(X)


@sick("a rate of 1e-7 on full batches: nothing changes, the gradient neither", LOW)
def rate_too_low_on_full_batches(watched):
    model = mlp(3, 16, 1)
    fit(watched, model, optim.AdamW(model.parameters(), lr=1e-7), regression(300), F.mse_loss)


@sick("a dropout is no activation", r"activation|nonlinear")
def dropout_between_linear_layers(watched):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Dropout(0.2), nn.Linear(64, 10))
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-3), batches(150))


@sick("an RNN explodes, and Adam hides it from the steps", r"explod|clip")
def exploding_rnn_with_adam(watched):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = nn.RNN(2, 16, nonlinearity="relu", batch_first=True), nn.Linear(16, 1)
            nn.init.normal_(self.rnn.weight_hh_l0, 0.0, 0.5)

        def forward(self, x):
            return self.out(self.rnn(x)[0][:, -1])

    rng = np.random.default_rng(0)
    model = Net()
    data = (
        (tensor(X), tensor(X[:, :, 0].sum(1, keepdims=True)))
        for X in (rng.standard_normal((8, 30, 2)).astype(np.float32) for _ in range(60))
    )
    fit(watched, model, optim.Adam(model.parameters(), lr=1e-3), data, F.mse_loss)
