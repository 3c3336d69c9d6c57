# %% [markdown]
# # Beyond one machine
#
# The networks of these lessons train in seconds on one processor. Those that make the news train for
# weeks on thousands. What is between the two is not a new algorithm. It is the loop that you know, with
# one more line: the gradients of all machines are averaged before x is changed. In this lesson you write
# that line by hand, count what it sends, see what it waits for, and find out why a thousand machines are
# not a thousand times as fast.
#
# **You will know** why the gradient of a batch can be computed in pieces, how machines that know only
# their two neighbours compute a sum (allreduce), what that costs, and why a larger batch needs another
# learning rate.
#
# Before it: [The loop](06_the_loop.py) and [Learning rates](09_learning_rates.py). Run the cells one by
# one, or all at once: `python tutorials/18_beyond_one_machine.py`; with MPI (`pip install mpi4py mpich`)
# also on two ranks, `mpiexec -n 2 python tutorials/18_beyond_one_machine.py`. Every number in the text is
# checked by an `assert` beside it.

# %%
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import minigrad
from minigrad import Value, nn, parallel
from minigrad.autograd import check_gradient
from minigrad.data import Dataset, digits

pictures = Path(__file__).parent / "pictures" if "__file__" in globals() else Path("pictures")


def show(output, name):
    """Draw the graph of `output` into the folder `pictures`, or say why it was not drawn."""
    try:
        minigrad.draw(output).render(outfile=pictures / name, cleanup=True)
        print(f"picture: pictures/{name}")
    except (ImportError, OSError, RuntimeError) as error:
        print("not drawn:", " ".join(str(error).split()))


# %% [markdown]
# ## A batch in pieces
#
# Take one parameter x, and a loss that is a mean over three examples: (x - 1)², (x - 2)² and (x - 6)².
# Two workers share the batch: the first has the examples 1 and 2, the second has 6. Such a part of a
# batch is called a **shard**. Each worker computes the mean over its own shard; the loss of the batch is
# the mean of the two, weighted by their sizes.

# %%
x = Value(0.0, name="x")
loss_1 = ((x - 1) ** 2 + (x - 2) ** 2) / 2
loss_2 = (x - 6) ** 2
loss = loss_1 * (2 / 3) + loss_2 * (1 / 3)
loss.backward()
show(loss, "two_shards.svg")
print("loss", loss.data, " dx", x.grad)
assert abs(loss.data - (1 + 4 + 36) / 3) < 1e-12 and abs(x.grad - -6) < 1e-12

# %% [markdown]
# ![The loss of a batch as the weighted mean over two shards](pictures/two_shards.svg)
#
# Look at x in the picture: it is used by both shards, so its gradient is a sum of two contributions, 2/3
# of the first worker's and 1/3 of the second's. Nothing else in the graph connects the two halves. Each
# worker can run its own forward and backward pass, alone, and only the gradients have to meet:
#
#     dx = (n_1 * dx_1 + n_2 * dx_2) / n
#
# In a network, dx is one vector of all parameters, and the line is the same.

# %%
train, held_out = digits()


def network(hidden=32, seed=0):
    """Return a network for the digits; the same seed gives the same x."""
    minigrad.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    return minigrad.Network(model, nn.CrossEntropyLoss())


net = network()
X, y = train.sample_data_batch(50)
net.forward((X, y))
dx = net.backward()

net.forward((X[:30], y[:30]))  # worker 1
dx_1 = net.backward()
net.forward((X[30:], y[30:]))  # worker 2
dx_2 = net.backward()
difference = np.abs((30 * dx_1 + 20 * dx_2) / 50 - dx).max()
print(f"the largest difference: {difference:.1e}, of numbers up to {np.abs(dx).max():.2f}")
assert difference < 1e-6

# %% [markdown]
# ## A question
#
# The plain mean (dx_1 + dx_2) / 2 is simpler. Is it wrong? When does it matter?
#
# <details><summary>Answer</summary>
#
# It gives each example of the smaller shard more weight: 1/40 instead of 1/50. With shards of equal size
# the two are the same, and with random batches the plain mean still points downhill on average. But it
# is not the gradient of the batch any more, and the numbers depend on how the batch was cut.
#
# </details>

# %%
plain = np.abs((dx_1 + dx_2) / 2 - dx).max()
print(f"the plain mean is off by {plain:.1e}, the weighted mean by {difference:.1e}")
assert plain > 1000 * difference

# %% [markdown]
# ## Allreduce by hand
#
# Now four processes, which stand for four machines. Each has a gradient, and each must end up with the
# sum of all four. (Divided by four, that is the mean.) If all of them send theirs to one, that one has
# four times the work, and with a thousand machines a thousand times. In a **ring**, everyone does the
# same: each process knows only its neighbours, the left one, from which it receives, and the right one,
# to which it sends.
#
# Cut each vector into four pieces. In each turn, everyone sends one piece to the right and receives
# another from the left. For three turns, what comes is added to one's own piece: after them, each process
# has one piece of the sum that is complete (**reduce-scatter**). For three more turns, the complete
# pieces go round, and what comes replaces one's own (**all-gather**). This is the whole program:

# %%
RANK = """
import sys
from multiprocessing.connection import Client, Listener

import numpy as np

rank, p, n = map(int, sys.argv[1:])
door = Listener(("localhost", 0))
print(door.address[1], flush=True)            # where my left neighbour finds me
right = Client(("localhost", int(input())))   # where I find my right neighbour
left = door.accept()

dx = np.random.default_rng(rank).standard_normal(n)  # my gradient
pieces = np.array_split(dx, p)                       # views of it
sent = 0
for turn in range(2 * (p - 1)):
    mine = pieces[(rank - turn) % p]
    theirs = pieces[(rank - turn - 1) % p]
    if rank == 0:                             # someone must listen first
        came = np.frombuffer(left.recv_bytes())
        right.send_bytes(mine.tobytes())
    else:
        right.send_bytes(mine.tobytes())
        came = np.frombuffer(left.recv_bytes())
    sent += mine.nbytes
    if turn < p - 1:
        theirs += came                        # reduce-scatter
    else:
        theirs[...] = came                    # all-gather
print(sent, *dx[:3], dx.sum())
"""


def ring(p, n):
    """Run p processes in a ring, and return what each has sent and has at the end."""
    command = [sys.executable, "-c", RANK]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    ranks = [subprocess.Popen([*command, str(rank), str(p), str(n)], **pipes) for rank in range(p)]
    doors = [rank.stdout.readline() for rank in ranks]
    for i, rank in enumerate(ranks):
        rank.stdin.write(doors[(i + 1) % p])
        rank.stdin.flush()
    return [[float(word) for word in rank.communicate(timeout=60)[0].split()] for rank in ranks]


n = 40_000
results = ring(4, n)
expected = sum(np.random.default_rng(rank).standard_normal(n) for rank in range(4))
for rank, (sent, *found) in enumerate(results):
    print(f"rank {rank} sent {sent:,.0f} bytes and has {found[0]:.4f}, {found[1]:.4f}, ...")
    assert np.allclose(found, [*expected[:3], expected.sum()])

# %% [markdown]
# ## What is sent
#
# dx has 40,000 numbers of 8 bytes, 320,000 bytes. Each process sent six pieces of a quarter of that. In
# general it sends 2 (p - 1) pieces of a p-th: 2 (p - 1) / p times the vector. For four processes that is
# 1.5 times, and for a thousand it is 1.998 times: **what a process sends does not grow with the number of
# processes.** What grows is the number of turns, and each turn waits for a message to arrive.

# %%
vector = 8 * n
assert all(sent == 2 * 3 / 4 * vector == 480_000 for sent, *_ in results)
print("bytes sent by a process of p, over those of the vector:", {p: 2 * (p - 1) / p for p in (2, 4, 1000)})
assert 2 * 999 / 1000 == 1.998

# %% [markdown]
# A message costs its length over the bandwidth, and the time that even an empty message takes, the
# latency. For a ring:
#
#     seconds = 2 (p - 1) * latency + 2 (p - 1) / p * bytes / bandwidth
#
# Take machines with a latency of 50 microseconds and a bandwidth of 1 gigabyte a second, and a network
# of a million parameters in float32, 4 megabytes.


# %%
def allreduce(p, size, latency=50e-6, bandwidth=1e9):
    """Return the seconds that a ring of p machines needs for a vector of `size` bytes."""
    return 2 * (p - 1) * latency + 2 * (p - 1) / p * size / bandwidth


for p in (2, 10, 100, 1000):
    print(f"{p:5} machines: {1e3 * allreduce(p, 4e6):6.1f} ms")
assert 0.004 < allreduce(2, 4e6) < 0.005 and 0.1 < allreduce(1000, 4e6) < 0.11

# %% [markdown]
# ## A question
#
# A step on one machine takes 100 ms of computing, and 100 machines share the batch, so each computes for
# 1 ms. How much faster is a step? What would help: a better network, a larger batch, or more machines?
#
# <details><summary>Answer</summary>
#
# 1 ms of computing and 17.8 ms of allreduce: 5.3 times as fast, with a hundred machines. More machines
# make it worse, as the 1 ms shrinks and the 17.8 ms grow. A better network helps with the 17.8 ms. But
# the cheapest is a larger batch: with 100 times as many examples each machine computes for 100 ms, and
# the allreduce, whose size is that of x and not of the batch, still takes 17.8 ms. A hundred machines
# then do 85 times the work of one.
#
# </details>

# %%
wait = allreduce(100, 4e6)
faster, work = 0.100 / (0.001 + wait), 100 * 0.100 / (0.100 + wait)
print(f"allreduce {1e3 * wait:.1f} ms; {faster:.1f} times as fast; with the larger batch {work:.0f} times the work")
assert abs(1e3 * wait - 17.8) < 0.05 and abs(faster - 5.3) < 0.05 and 84.5 < work < 85.5

# %% [markdown]
# ## What waits
#
# An allreduce is complete when the last process has come, so a step takes as long as its slowest worker.
# Suppose that each worker needs 100 ms, give or take 10: the mean of one is 100 ms, but a step is the
# largest of p such times.

# %%
rng = np.random.default_rng(0)
for p in (1, 10, 100, 1000):
    times = rng.normal(100, 10, (1000, p))
    print(f"{p:5} workers: a step takes {times.max(axis=1).mean():.0f} ms")
assert 130 < times.max(axis=1).mean() < 135  # a thousand workers

# %% [markdown]
# A worker that hangs stops all of them. So programs that run on many machines give each wait a limit, say
# for whom they waited, and save x often.
#
# ## The line in the loop
#
# `minigrad.parallel` has the ring of a well-tested library, MPI, behind one function:
#
#     loss = network.forward(my_shard)
#     dx = network.backward()
#     dx = parallel.mean(dx, comm)
#     x += - learning_rate * dx
#
# All ranks run the same program. They start with the same x, get the same dx, and so they have the same
# x forever, though nobody ever sends it. `parallel.gradient` does the first three lines: it cuts the
# batch, weights the shards, and compares x and the model between the ranks first. With an executor
# instead of a communicator, one program deals out the shards to workers, sends x with them, and
# averages what comes back. Here are both against one process. (The first only if you run this lesson
# under `mpiexec`.)

# %%
LAUNCHED = any(name in os.environ for name in ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"))


def train_on(workers, steps=30):
    """Return the losses of the lecture's loop with the gradients of `workers`."""
    net, dataset = network(), Dataset(train.X, train.y, seed=1)
    x, losses = net.x, []
    for _ in range(steps):
        data_batch = dataset.sample_data_batch(64)
        loss, dx = parallel.gradient(net, data_batch, workers)
        x += -0.5 * dx
        losses.append(loss)
    return losses


alone = train_on(None)
with parallel.Processes(2) as executor:
    in_processes = train_on(executor)
print(
    f"one process: {alone[0]:.4f} ... {alone[-1]:.4f}   two processes: {in_processes[0]:.4f} ... {in_processes[-1]:.4f}"
)
assert np.allclose(alone, in_processes, rtol=1e-3) and alone[-1] < 1.2

if LAUNCHED:
    from mpi4py import MPI

    on_ranks = train_on(MPI.COMM_WORLD)
    print(f"rank {MPI.COMM_WORLD.rank} of {MPI.COMM_WORLD.size}: from {on_ranks[0]:.4f} to {on_ranks[-1]:.4f}")
    assert np.allclose(alone, on_ranks, rtol=1e-3)

# %% [markdown]
# ## Why large batches need other rates
#
# More machines want larger batches, as you saw. But a pass over the data is then fewer steps, and with
# the same learning rate x does not get as far. With 8 times the batch, dx is nearly the mean of the 8
# small ones, so one step can replace 8 if it is 8 times as long: multiply the rate by 8, too (the
# *linear scaling rule*; Goyal et al., 2017). It works while x hardly moves during those 8 steps, so that
# the 8 gradients are nearly the same. When it does not, the long step leads elsewhere.


# %%
def four_epochs(size, rate):
    """Train for four passes over the digits, and return the loss on all of them."""
    net, dataset = network(), Dataset(train.X, train.y, seed=1)
    x = net.x
    for _ in range(4 * len(train) // size):
        net.forward(dataset.sample_data_batch(size))
        x += -rate * net.backward()
    return float(net.forward((train.X, train.y)))


found = {(size, rate): four_epochs(size, rate) for size, rate in [(16, 0.05), (128, 0.05), (128, 0.4), (512, 1.6)]}
for (size, rate), loss in found.items():
    print(f"batch {size:3}, rate {rate:4}, {4 * len(train) // size:3} steps: loss {loss:.2f}")
small, same_rate, scaled, too_far = found.values()
assert 0.4 < small < 0.9 and same_rate > 1.6 and 0.4 < scaled < 1.0 and too_far > 1.2

# %% [markdown]
# The batch of 128 with the same rate is far behind, and with 8 times the rate it is where the small
# batch is. The batch of 512 with 32 times the rate is not: 11 steps cannot do what 359 did. There is a
# size beyond which a larger batch saves nothing, and it depends on the task. This, and not the network,
# often decides how many machines are of use.
#
# ## Experiment
#
# Send less: let each worker take some steps alone, and average x instead of dx (*local SGD*). On MPI that
# is one line, `if step % every == 0: parallel.mean(x, comm)`. Here four workers live in one process.
# Guess before you run: how much worse is the loss if they meet only every 50 steps, and send a fiftieth?

# %%
every = [1, 10, 50]  # change this


def local_sgd(every, workers=4, steps=200):
    """Return the loss on all digits, and the megabytes that a worker has sent."""
    nets = [network() for _ in range(workers)]
    datasets = [Dataset(train.X, train.y, seed=seed) for seed in range(workers)]
    sent = 0
    for step in range(1, steps + 1):
        for net, dataset in zip(nets, datasets):
            net.forward(dataset.sample_data_batch(16))
            net.x += -0.1 * net.backward()
        if step % every == 0:
            x = np.mean([net.x for net in nets], axis=0)
            for net in nets:
                net.x = x
            sent += 2 * (workers - 1) / workers * x.nbytes
    return float(nets[0].forward((train.X, train.y))), sent / 1e6


tried = {k: local_sgd(k) for k in every}
for k, (loss, sent) in tried.items():
    print(f"every {k:2} steps: loss {loss:.3f}, {sent:.2f} MB sent")
if every == [1, 10, 50]:
    assert np.isclose(tried[50][1], tried[1][1] / 50)
    assert 0.98 * tried[1][0] < tried[50][0] < 1.3 * tried[1][0]

# %% [markdown]
# ## Exercises
#
# 1. The function below is meant to return the gradient of mean((X @ w - y)²) in shards, one for each of
#    `workers`. Its report says what is wrong. Repair it; then cut 10 rows for 3 workers.
# 2. Write the reduce-scatter half of the ring alone: `turn` goes up to p - 1. Each rank then has the mean
#    of its own piece of dx, and can apply Adam to that piece of x with a p-th of m and v. What must be
#    sent afterwards? Compare with `parallel.ShardedOptimizer`.
# 3. In the ring, a process waits for its left neighbour in each turn. Draw who sends what in each turn
#    for p = 3, and find the turn after which rank 0 has the sum of piece 1.

# %%
rows, target = rng.standard_normal((12, 5)), rng.standard_normal(12)


def loss_of(w):
    """Return mean((X @ w - y)²)."""
    return ((rows @ w - target) ** 2).mean()


def gradient_in_shards(w, workers=3):
    """Return its gradient, computed in shards."""
    dw = np.zeros_like(w)
    for rows_i, target_i in zip(np.array_split(rows, workers), np.array_split(target, workers)):
        dw += 2 * rows_i.T @ (rows_i @ w - target_i) / len(rows_i)  # change this line
    return dw


w = rng.standard_normal(5)
report = check_gradient(loss_of, w, gradient_in_shards(w))
print(report)
assert not report and "3" in str(report)  # delete this line when it is right

# %% [markdown]
# Next: [Beyond one machine, measured](../docs/scale.md), what this costs on 2 processes here, and by the
# same formulas on a thousand machines.
