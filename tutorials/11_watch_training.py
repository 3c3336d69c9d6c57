# %% [markdown]
# # Watch training
#
# A loss that does not fall says that something is wrong, and not what. This lesson looks inside: at
# the gradient of each layer, at how far each step goes, and at what comes out of the layers. You see
# a healthy run first, then break it in three ways, and read what each looks like from inside.
#
# You need the second lesson, [The lecture's loop](06_the_loop.py). Run the cells one by one, or all
# at once: `python tutorials/11_watch_training.py`.

# %%
from pathlib import Path

import numpy as np

import minigrad
from minigrad import nn
from minigrad.viz.charts.chart import chart

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")
pictures.mkdir(exist_ok=True)


def network_of(*layers):
    """A network for the digits, the same each time."""
    minigrad.manual_seed(0)
    return minigrad.Network(nn.Sequential(*(layer() for layer in layers)), nn.CrossEntropyLoss())


def two_layers():
    """The network of the second lesson."""
    return network_of(lambda: nn.Linear(64, 64), nn.ReLU, lambda: nn.Linear(64, 10))


# %% [markdown]
# ## A run, watched
#
# `minigrad.watch(network)` attaches hooks to the network, and the loop stays as it is. It shows a line
# now and then (on a terminal, one that moves), and says in words what is wrong. By default it looks
# at as many steps as 1 % of the time allow; `every=5` makes it the same in each run.


# %%
def train(network, learning_rate, steps, then=None):
    """The lecture's loop, watched."""
    dataset = minigrad.data.digits().train
    x = network.x
    with minigrad.watch(network, steps=steps, every=5) as watcher:
        for step in range(steps):
            data_batch = dataset.sample_data_batch()
            network.forward(data_batch)
            dx = network.backward()
            x += -learning_rate * dx
            if then is not None:
                then(step, x)
    return watcher


watcher = train(two_layers(), 0.1, 500)
assert watcher.findings == []  # nothing is wrong with it

# %% [markdown]
# The same run is in `watcher.samples`, one for each step that was sampled. Each has, for every
# layer, the norm of its gradient, the norm of its parameters, and the norm of what the step added to
# them. The last divided by the second is the **update-to-parameter ratio**: about 0.001 is usual
# (CS231n). Ten times more is still fine in the first steps.

# %%
for sample in (watcher.samples[0], watcher.samples[-1]):
    print(f"step {sample.step}: learning rate {sample.learning_rates[0]:.3g}")
    for layer, gradient in sample.gradients.items():
        print(f"  {layer}: |gradient| {gradient:.2f}, update / parameters {sample.ratio(layer):.1e}")
ratios = [ratio for sample in watcher.samples for ratio in sample.ratios.values()]
assert min(ratios) > 1e-4 and max(ratios) < 0.03 and np.median(ratios) < 0.01

# %% [markdown]
# The learning rate was not told to the watcher: it has seen that `x` moved along `-dx`, and how far.
# With momentum `x` does not, and then it is unknown, unless one says it: `watcher.log(learning_rate=…)`.
#
# ## A rate that is too high
#
# In the second lesson, a learning rate of 10 ruined the network. Run it again and read what is said.

# %%
watcher = train(two_layers(), 10, 300)
told = [finding.kind for finding in watcher.findings]
assert told == ["updates too large", "dead ReLUs", "loss does not fall"]

# %% [markdown]
# Three lines, each once, and each the cause of the next. The first steps were longer than the
# parameters themselves. They threw the sums of the first layer far below 0, for every digit; behind
# the ReLU that is 0, and its derivative is 0 as well. A unit that gets no gradient cannot come back.
#
# A unit counts as dead when it was 0 for 320 examples in a row.

# %%
dead = {sample.step: sample.dead["1 (ReLU)"] for sample in watcher.samples if sample.dead}
print({step: f"{part:.0%}" for step, part in dead.items() if step in (25, 50, 100, 300)})
assert dead[300] > 0.9

# %% [markdown]
# ## A gradient that vanishes
#
# Seven layers with sigmoids between them, and small initial weights. The sigmoid's derivative is at
# most 1/4, and each layer multiplies the gradient by it and by its weights.


# %%
def deep(activation, std):
    """Seven linear layers with initial weights of this standard deviation."""
    layers = [lambda: nn.Linear(64, 64), activation] * 6
    network = network_of(*layers, lambda: nn.Linear(64, 10))
    rng = np.random.default_rng(0)
    for name, place in network.names().items():
        network.x[place] = std * rng.normal(size=place.stop - place.start) if "weight" in name else 0.0
    return network


vanished = train(deep(nn.Sigmoid, 0.1), 0.1, 210)
assert [finding.kind for finding in vanished.findings] == ["vanishing gradients", "loss does not fall"]

steps = [sample.step for sample in vanished.samples]
norms = {layer: [s.gradients[layer] for s in vanished.samples] for layer in vanished.samples[0].gradients}
curves = {layer: (steps, values) for layer, values in norms.items()}
picture = chart(curves, title="Norm of the gradient, layer by layer", x="step", log_y=True)
picture.save(pictures / "vanishing_gradient.svg")

# %% [markdown]
# ![Seven curves, one below the other, evenly spaced on an axis of powers of ten](pictures/vanishing_gradient.svg)
#
# From layer to layer the gradient shrinks by the same factor, about 5: that is an even step on an
# axis of powers of ten. After six layers it is 1/15,000 of what it was. The loss stays at 2.30,
# which is ln(10): what guessing costs.

# %%
first, last = norms["0 (Linear)"][-1], norms["12 (Linear)"][-1]
print(f"{last:.2g} in the last layer, {first:.2g} in the first: a factor of {last / first:,.0f}")
assert 1e4 < last / first < 3e4
assert 4 < (last / first) ** (1 / 6) < 6

# %% [markdown]
# The fixes are those that the line names. ReLUs with weights proportional to 1 / sqrt(inputs)
# (He et al., 2015) keep the gradient's size:

# %%
watcher = train(deep(nn.ReLU, np.sqrt(2 / 64)), 0.02, 210)
norms = watcher.samples[0].gradients
print(", ".join(f"{layer} {norm:.2f}" for layer, norm in norms.items()))
assert watcher.findings == [] and max(norms.values()) < 10 * min(norms.values())

# %% [markdown]
# ## nan
#
# When the loss becomes nan, the graph is searched for the first operation that gave one.


# %%
class Log(nn.Module):
    """A logarithm where there should be none."""

    def forward(self, x):
        """(N, D) -> (N, D)."""
        return x.log()


network = network_of(lambda: nn.Linear(64, 64), Log, lambda: nn.Linear(64, 10))
with np.errstate(all="ignore"), minigrad.watch(network) as watcher:
    try:
        network.forward(minigrad.data.digits().train.sample_data_batch())
    except RuntimeWarning as warning:  # the network warns as well
        print(warning)
assert "the first operation to give nan is 'log' in 1 (Log), of numbers from -" in watcher.findings[0].text

# %% [markdown]
# ## The report
#
# `watcher.report("run.html")` writes a page with all of this: the curves, a table of the layers, and
# for each layer how the numbers that come out of it are spread, step by step. It opens from disk. To
# see it while the run goes on: `minigrad.watch(network, report="run.html")`.
#
# In a loop with an optimiser, the watcher is given both, and told the loss:
#
#     with minigrad.watch(model, optimizer) as watcher:
#         ...
#         watcher.log(loss)

# %%
page = vanished.report()
print(f"The page has {len(page):,} characters, and asks no network.")
assert "Findings" in page and "https:" not in page

# %% [markdown]
# ## Experiment
#
# Push the biases of the first layer down in step 100, as one step that is far too large would. Guess
# first: from how far down on are most units dead? And does the loss come back?

# %%
push = -10  # change this
network = two_layers()


def pushed(step, x):
    """Change the biases of the first layer, once."""
    if step == 100:
        x[network.names()["0.bias"]] += push


watcher = train(network, 0.1, 400, pushed)
part = watcher.samples[-1].dead["1 (ReLU)"]
print(f"{part:.0%} are dead, the loss is {np.mean(watcher.losses[-20:]):.2f}")
assert push != -10 or (part == 1 and [f.kind for f in watcher.findings] == ["dead ReLUs", "loss does not fall"])

# %% [markdown]
# With -10 all are dead, and with -3 as well: no gradient passes, and the loss stays at 2.30. With -1
# four in ten are, and the others learn on.
#
# ## A question
#
# A gradient 1,000 times as small needs a learning rate 1,000 times as high. Could one not give the
# first layers of the sigmoid network a higher rate, and be done?
#
# <details><summary>Answer</summary>
#
# For this network, in part: Adam does nearly that, as it divides each number's step by
# the size of its gradients, and the layers then move equally fast.
#
# </details>

# %%
network = deep(nn.Sigmoid, 0.1)
optimizer, loss_function = minigrad.optim.Adam(network.model.parameters(), lr=1e-3), nn.CrossEntropyLoss()
dataset = minigrad.data.digits().train
with minigrad.watch(network.model, optimizer, steps=300, every=5) as watcher:
    for _ in range(300):
        X, y = dataset.sample_data_batch()
        loss = loss_function(network.model(minigrad.tensor(X)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        watcher.log(loss)
last = watcher.samples[-1]
print({layer: f"{ratio:.1e}" for layer, ratio in last.ratios.items()})
print(f"the loss is {np.mean(watcher.losses[-20:]):.2f}")

# %% [markdown]
# But what arrives in the first layer has passed through all the others, and says little of the
# digits: the layers in between have to learn first. So the gradient is kept alive where it is made,
# by the activation, the initial weights, and normalisation.
#
# Next: [Overfitting](12_overfitting.py), where the loss is low and the network still does not know digits.
