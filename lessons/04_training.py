# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · Training
#
# **Why does training fail, and what makes it work?**
#
# You need: NumPy; layers and softmax (lesson 02); gradients and optimizers (lesson 03). You will
# make a network learn by heart and treat it in eight ways, find its learning rate, search its
# settings with a budget, and hunt a planted bug. The graded lab is the last section.
#
# | profile | data | needs | time |
# |---|---|---|---|
# | `quick` | 1,797 real digits (in scikit-learn) | 2 CPU cores, 2 GB | 60 to 100 s |
# | `full` | MNIST | 2 CPU cores, 12 MB download | not measured yet |
#
# Without a GPU you get `quick`; the line that the first cell prints says which. Times are for an
# idle machine.

# %% setup=true
import importlib.util
import math
import subprocess
import sys
import tempfile

if importlib.util.find_spec("dlutils") is None:  # on Colab: fetch the course's helper package
    course = "git+{{repository}}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", course], check=True)

from dlutils import runtime

lab = runtime.start("04_training", seed=4)

import keras
import numpy as np
from keras import layers, ops

from dlutils import callbacks, checks, claims, datasets, ensemble, plotting, widgets

# %% [markdown]
# ## 1 · Three sets of data
#
# A network that is asked about what it has seen tells us how well it remembers. So the data is cut
# in three: the **training** set moves the weights, the **validation** set decides everything else
# (when to stop, which rate), and the **test** set is asked once, at the end.

# %%
data = lab.load(quick="digits", full="mnist")
few, more, held = lab.pick(quick=(200, 800, 300), full=(1000, 8000, 4000))
order = lab.rng(0).permutation(len(data.x_train))
x, y = data.x_train[order], data.y_train[order]
x_train, y_train = x[:more], y[:more]
x_valid, y_valid = x[more : more + held], y[more : more + held]
valid, inputs = (x_valid, y_valid), x_train[0].size
print(f"{len(x_train):,} to train, {len(x_valid):,} to validate, {len(data.x_test):,} to test")

# %% [markdown]
# The digits are real (Alpaydin & Kaynak 1998). Now make it hard, as life does: a careless clerk
# types every fifth training label wrong. Validation and test labels stay right, since what we want
# is the truth.

# %%
rng = lab.rng(1)
wrong = rng.random(more) < 0.2
y_clerk = np.where(wrong, (y_train + rng.integers(1, 10, more)) % 10, y_train)
titles = [f"{t}!" if w else f"{t}" for t, w in zip(y_clerk[:20], wrong[:20], strict=True)]
plotting.images(x_train[:20], titles=titles, title="The clerk's labels (! marks a wrong one)")

# %% [markdown]
# ### Learning by heart, on purpose
#
# Few examples and many weights: 200 digits for a network of 26,000 numbers. Luck plays a part (the
# start, the order of examples), so **every comparison here runs five seeds**, but for the search in
# section 7. `ensemble.MLPs` trains them side by side as one model, each as it would train alone, by
# Adam (lesson 03) where nothing else is said. About 4 seconds.

# %%
seeds, epochs, hidden = range(5), lab.epochs(15), (128, 128)
plain = ensemble.MLPs([{"seed": s, "rate": 2e-3} for s in seeds], inputs, 10, hidden)
bar = [callbacks.Progress("by heart")]
run = plain.fit(x_train[:few], y_clerk[:few], 4 * epochs, validation_data=valid, callbacks=bar)
curves = {"training (clerk's labels)": run["loss"], "validation (true labels)": run["val_loss"]}
epoch = np.arange(1, 4 * epochs + 1)
title = "One falls, the other turns: learning by heart"
plotting.curves(epoch, curves, "epoch", "loss (nats)", title)

# %% [markdown]
# These two lines are **learning curves**, the first picture to draw of any training. Both high: the
# network has not learned yet (**underfitting**). Training falls and validation turns: it learns the
# training set by heart, the clerk's mistakes included (**overfitting**). The best network came at
# the turn, and training went past it. (At first validation is the *lower* one: its labels are
# right, and it is measured at the end of an epoch, the training loss all through it.)

# %%
turn = run["val_loss"].mean(0)
claims.at_least("training accuracy at the end", run["accuracy"][:, -1].mean(), 0.95)
claims.at_least("validation loss, end over lowest", turn[-1] / turn.min(), 1.1)

# %% [markdown]
# ## 2 · Cures, one by one
#
# | treatment | what it does |
# |---|---|
# | L2 | adds $\lambda \sum w^2$ to the loss: large weights must earn their size |
# | L1 | adds $\lambda \sum \lvert w \rvert$: a weight that earns nothing ends near 0 |
# | dropout | switches random units off, so that none relies on another |
# | early stopping | goes back to the epoch of lowest validation loss |
# | augmentation | shows each digit moved by up to a pixel |
# | more data | 800 digits in place of 200, from the same clerk |
# | batch, layer norm | keeps sums inside the network in range (section 4) |
#
# Why the first two: the slope of $\lambda w^2$ is $2 \lambda w$, so each step pulls every weight
# towards 0 by a share of its size, and only what many examples ask for grows against the pull. The
# slope of $\lambda \lvert w \rvert$ is $\pm \lambda$ whatever the size.

# %% [markdown]
# ### Dropout from scratch
#
# In training, each unit is kept with probability $1 - p$ and then divided by $1 - p$, so that
# the mean stays what it was; afterwards nothing is done at all. That is **inverted** dropout
# (Srivastava et al. 2014 scaled the other way round, at test time).
#
# $$y_i = \frac{m_i}{1 - p}\, x_i, \qquad m_i = 1 \text{ with probability } 1 - p, \text{ else } 0$$


# %%
def drop(x, p, rng):
    m = rng.random(x.shape) < 1 - p
    return m * x / (1 - p)


ones, p = np.ones((400, 500), "float32"), 0.4
ours = drop(ones, p, lab.rng(2))
by_keras = ops.convert_to_numpy(layers.Dropout(p, seed=1)(ones, training=True))
claims.close("mean after dropout, ours against Keras's", ours.mean(), by_keras.mean(), 0.02)
claims.close("values that occur", np.unique(ours), np.unique(by_keras), 1e-5)
claims.close("after training: nothing", layers.Dropout(p)(ones, training=False), ones, 0)

# %% [markdown]
# ### The experiment
#
# The same network, the same 200 digits, each cure alone. A short row of examples is repeated, so
# that all make equally many steps. The strengths (0.003, 0.01 and 0.6) were picked beforehand: of
# four values each, the one with the best validation accuracy over five other seeds. About 15
# seconds.

# %%
cures = {
    "no cure": {},
    "L1": {"l1": 3e-3},
    "L2": {"l2": 1e-2},
    "dropout": {"dropout": 0.6},
    "batch norm": {"norm": "batch"},
    "layer norm": {"norm": "layer"},
    "more data": {},
}
treated = [dict(seed=s, rate=2e-3, **cure) for cure in cures.values() for s in seeds]
repeated = np.tile(np.arange(few), more // few)
rows = [np.arange(more) if name == "more data" else repeated for name in cures for s in seeds]

# %%
curves, tested = {}, {}


def experiment(name, settings, rows, **options):
    """Train five members for each name; keep validation curves and test accuracies."""
    members = ensemble.MLPs(settings, inputs, 10, hidden)
    options |= {"indices": np.array(rows), "validation_data": valid}
    bar = [callbacks.Progress(" and ".join(name) if len(name) < 3 else "cures")]
    run = members.fit(x_train, y_clerk, epochs, callbacks=bar, **options)
    right = (members.predict(data.x_test).argmax(-1) == data.y_test).mean(1)
    for i, each in enumerate(name):
        five = slice(5 * i, 5 * i + 5)
        curves[each] = run["accuracy"][five], run["val_accuracy"][five]
        tested[each] = right[five]


# %%
def shifted(pictures, rng):
    side = data.x_train.shape[1]
    moved = datasets.shift(pictures.reshape(-1, side, side, 1), 1, rng)
    return moved.reshape(pictures.shape)


experiment(list(cures), treated, rows)
experiment(["augmentation"], treated[:5], rows[:5], augment=shifted)
experiment(["early stopping"], treated[:5], rows[:5], patience=3)  # stop 3 epochs after the best
plotting.spread(tested, "test accuracy", title="Eight treatments of one overfitted network")

# %% [markdown]
# Look at one at a time. A fifth of the clerk's labels is wrong, so **0.8 on the training set is
# perfect** (dotted), and whoever climbs beyond it learns mistakes by heart. Validation labels are
# true: there 1.0 is perfect, which is why a healthy network scores *higher* on them. Training
# accuracy is taken as training goes, dropout included. With early stopping the weights of the best
# epoch are kept, not the last. (Without a running kernel you see six.)


# %%
def compare(cure):
    lines = {"training": curves[cure][0], "validation": curves[cure][1]}
    at = np.arange(1, lines["training"].shape[1] + 1)
    figure = plotting.curves(at, lines, "epoch", "accuracy", bar=0.8)
    figure.axes[0].set_ylim(0, 1)
    return figure


names = "no cure, L1, dropout, more data, L2, batch norm, early stopping, layer norm, augmentation"
widgets.explore(compare, cure=names.split(", "))

# %%
nothing = tested["no cure"].mean()
for name, gain in {
    "more data": 0.06,
    "dropout": 0.04,
    "early stopping": 0.02,
    "augmentation": 0.02,
    "L1": 0.0,
    "L2": 0.02,
}.items():
    claims.at_least(f"test accuracy gained by {name}", tested[name].mean() - nothing, gain)
best = max(tested, key=lambda name: tested[name].mean())
claims.between("more data is the best cure (1: yes)", int(best == "more data"), 1, 1)

# %% [markdown]
# More data wins: it is not a trick but information. Dropout comes next. Note the **spread**: two
# runs of *one* setting differ as much as L1, L2, augmentation and early stopping do from each
# other, so one run each could not put these four in order. Early stopping has a price that is not
# in the picture: it looks at 300 true labels to choose an epoch.
#
# Neither normalisation cures what ails this network: both gain a little, and both still know every
# mistake of the clerk's by heart.

# %%
gap = max(np.ptp(tested[name]) for name in ("L1", "L2", "augmentation", "early stopping"))
claims.at_least("test accuracy, best minus worst of five equal runs", gap, 0.01)
for name in ("batch norm", "layer norm"):
    claims.at_least(f"{name}: training labels known by heart", curves[name][0][:, -1].mean(), 0.95)

# %% [markdown]
# ## 3 · Starts: keep the signal alive
#
# Lesson 03 followed blame backwards through 30 layers. The signal on its way forwards has the same
# trouble. With independent weights of mean 0, a sum $z = \sum w_i x_i$ of $n$ terms has variance
# $\operatorname{E}[z^2] = n \operatorname{Var}(w) \operatorname{E}[x^2]$: each layer multiplies the
# mean square by $n \operatorname{Var}(w)$. Then ReLU: $z$ is as often negative as positive, so half
# of the mean square is lost. tanh leaves small sums nearly as they are. To keep the signal:
#
# - **He et al. (2015)**: $n \operatorname{Var}(w) / 2 = 1$, so
#   $\operatorname{Var}(w) = 2 / n_{\text{in}}$, for ReLU
# - **Glorot & Bengio (2010)**: $n \operatorname{Var}(w) = 1$, for tanh; on the way back the sum has
#   $n_{\text{out}}$ terms, so as a compromise
#   $\operatorname{Var}(w) = 2 / (n_{\text{in}} + n_{\text{out}})$


# %%
def through(bend, variance, depth=30, width=100):
    """Mean square of the activations after each layer, for five random networks."""
    found = []
    for s in seeds:
        rng = lab.rng(10 + s)
        x = rng.normal(size=(100, width))
        found.append([])
        for _ in range(depth):
            x = bend(x @ rng.normal(size=(width, width)) * np.sqrt(variance(width, width)))
            found[-1].append((x**2).mean())
    return np.array(found)


def relu(z):
    return np.maximum(0, z)


# %%
starts = {
    "tanh, Glorot": (np.tanh, lambda n, m: 2 / (n + m)),
    "ReLU, Glorot": (relu, lambda n, m: 2 / (n + m)),
    "ReLU, He": (relu, lambda n, m: 2 / n),
    "ReLU, twice He": (relu, lambda n, m: 4 / n),
}
squares = {name: through(*start) for name, start in starts.items()}
title = "What is left of the signal, layer by layer"
plotting.curves(np.arange(1, 31), squares, "layer", "mean square", title, yscale="log")

# %% [markdown]
# A scale per layer: up is alive, down is silent. With Glorot's variance ReLU halves the signal 30
# times, $2^{-30} \approx 10^{-9}$; with twice He's it doubles 30 times. He's holds it. tanh loses a
# little at every layer, since it is flatter than the identity. (The networks of this lesson with
# two layers start by Glorot, Keras's default: over two layers it hardly matters.)

# %%
left = {name: s[:, -1].mean() for name, s in squares.items()}
claims.between("ReLU, He: mean square after 30 layers", left["ReLU, He"], 0.02, 50)
claims.at_most("ReLU, Glorot: mean square after 30 layers", left["ReLU, Glorot"], 1e-6)
claims.at_least("ReLU, twice He: mean square after 30 layers", left["ReLU, twice He"], 1e6)
for name, variance in {"GlorotNormal": 2 / (256 + 256), "HeNormal": 2 / 256}.items():
    W = getattr(keras.initializers, name)(seed=1)((256, 256))
    ratio = np.var(ops.convert_to_numpy(W)) / variance
    claims.close(f"Keras's {name}, variance over the formula", ratio, 1, 0.03)

# %% [markdown]
# ## 4 · Normalisation: correct the signal on its way
#
# Instead of hoping for a good start, bring the sums to mean 0 and variance 1 at every layer. For a
# batch $x$ of $n$ examples and $d$ units:
#
# $$\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad y = \gamma \hat x + \beta$$
#
# **Batch normalisation** (Ioffe & Szegedy 2015) takes $\mu$ and $\sigma^2$ of each unit over the
# batch, **layer normalisation** (Ba et al. 2016) of each example over its units. $\gamma$ and
# $\beta$ are learned, so that a unit can have another mean and variance where that serves it.


# %%
def normalise(x, axis, epsilon=1e-3):
    """x: (n, d). axis: 0 for batch, 1 for layer normalisation. γ = 1 and β = 0, as at the start."""
    mu = x.mean(axis, keepdims=True)
    variance = ((x - mu) ** 2).mean(axis, keepdims=True)
    return (x - mu) / np.sqrt(variance + epsilon)


sums = lab.rng(3).normal(2, 5, size=(32, 20)).astype("float32")
by_batch = layers.BatchNormalization()(sums, training=True)
claims.close("batch normalisation, ours against Keras's", normalise(sums, 0), by_batch, 1e-5)
by_layer = layers.LayerNormalization()(sums)
claims.close("layer normalisation, ours against Keras's", normalise(sums, 1), by_layer, 1e-5)

# %% [markdown]
# One difference matters. A batch norm layer looks at the *batch*, and a single example has none. So
# it keeps moving averages of $\mu$ and $\sigma^2$ for the time after training; you will write that
# part in the lab. Layer norm needs nothing of the kind.
#
# Now the network that failed in lesson 03: 15 hidden ReLU layers, weights of variance $1 / n$.

# %%
deep = {"no norm": None, "batch norm": "batch", "layer norm": "layer"}
settings = [
    {"seed": s, "rate": 0.02, "init": 64**-0.5, "norm": n} for n in deep.values() for s in seeds
]
members = ensemble.MLPs(settings, inputs, 10, hidden=(64,) * 15)
bar = [callbacks.Progress("15 layers")]
run = members.fit(x_train, y_train, lab.epochs(10), optimizer="sgd", callbacks=bar)
learned = {name: run["accuracy"][5 * i : 5 * i + 5] for i, name in enumerate(deep)}
epoch = np.arange(1, lab.epochs(10) + 1)
title = "15 layers with a bad start"
plotting.curves(epoch, learned, "epoch", "training accuracy", title)

# %%
final = {name: five[:, -1].mean() for name, five in learned.items()}
claims.at_most("training accuracy, no norm", final["no norm"], 0.4)
claims.at_least("training accuracy, batch norm", final["batch norm"], 0.6)
claims.at_least("training accuracy, layer norm", final["layer norm"], 0.5)

# %% [markdown]
# That is what normalisation is for: it does not stop a network from learning by heart (section 2),
# it lets one learn at all. Why it helps is still argued about; Santurkar et al. (2018) show that it
# smooths the loss rather than, as first proposed, keeping distributions in place.
#
# ## 5 · How far to step: the learning rate
#
# No other setting matters as much. Eight rates, five seeds each, plain SGD, correct labels. About 5
# seconds.

# %%
rates = [1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1, 10]
settings = [{"seed": s, "rate": rate} for rate in rates for s in seeds]
members = ensemble.MLPs(settings, inputs, 10, hidden=(64, 64))
bar = [callbacks.Progress("rates")]
run = members.fit(x_train, y_train, lab.epochs(8), 16, optimizer="sgd", callbacks=bar)
final = np.nan_to_num(run["loss"][:, -1], nan=1e3, posinf=1e3).reshape(8, 5).clip(0, 1e3)
title = "Too low stalls, too high learns nothing"
names = ("learning rate", "training loss, epoch 8 (nats)")
plotting.curves(rates, {"SGD": final.T}, *names, title, bar=2.30, xscale="log", yscale="log")

# %% [markdown]
# The dotted line is $\ln 10$, the loss of a network that knows nothing: each of ten classes gets
# one tenth. Too low a rate has not left it yet. Too high a rate has **diverged**: at 10, the loss
# leaps into the thousands within the first epoch. The picture shows what is left after it: ReLU
# units thrown so far that they are silent for every digit, and a bias that wanders.

# %%
by_rate = dict(zip(rates, final.mean(1), strict=True))
claims.at_least("too low, 0.0001: loss", by_rate[1e-4], 2.0)
claims.at_most("fitting, 0.1: loss", by_rate[1e-1], 0.3)
claims.at_least("too high, 10: loss", by_rate[10], 2.0)
leap = np.median(np.nan_to_num(run["loss"][-5:, 0], nan=1e9, posinf=1e9).clip(0, 1e9))
claims.at_least("too high, 10: loss in the first epoch, median of five", leap, 10)

# %% [markdown]
# ### The range test
#
# Forty trainings for one number are a luxury. Smith (2017) raises the rate during *one* short
# training and watches how the network takes it. `callbacks.RangeTest` multiplies it by the same
# factor from batch to batch, watches the loss, and gives the model its weights back.


# %%
def network(last=None):
    keras.utils.set_random_seed(lab.seed)
    units = [layers.Dense(64, activation="relu"), layers.Dense(64, activation="relu")]
    return keras.Sequential([layers.Input((inputs,)), *units, layers.Dense(10, activation=last)])


def flat(x):
    return x.reshape(len(x), -1)


entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model = network()
model.compile(keras.optimizers.SGD(0.1), entropy, metrics=["accuracy"], jit_compile=lab.jit)
test = callbacks.RangeTest(1e-3, 10)
model.fit(flat(x_train), y_train, 16, lab.epochs(5), verbose=0, callbacks=[test])
title = "Range test: one training, all rates"
line = {"smoothed loss": test.losses}
plotting.curves(test.rates, line, "learning rate", "loss (nats)", title, xscale="log", yscale="log")

# %% [markdown]
# The loss is lowest just before it flies off. A tenth of that rate is the usual choice: safe, and
# it has a price. The sweep above, which cost forty times as much, ended lower at 0.3 than at 0.03.

# %%
low, high = lab.pick(quick=(0.01, 0.3), full=(0.005, 0.3))
claims.between("rate suggested by the range test", test.suggestion, low, high)
claims.at_least("loss at 0.03 over loss at 0.3, in the sweep", by_rate[0.03] / by_rate[0.3], 1.2)

# %% [markdown]
# ### Let it fall: schedules
#
# A high rate gets far, a low one settles: so begin high and end low. With the peak $\eta$, at step
# $t$ of $T$:
#
# - step: $\eta \cdot 0.1^{\lfloor 3t / T \rfloor}$; exponential: $\eta \cdot 0.01^{t / T}$
# - cosine (Loshchilov & Hutter 2017): $\eta\, (1 + \cos (\pi t / T)) / 2$
# - warm-up (after Goyal et al. 2017): first rise, here from 0 for a tenth of the steps, then fall

# %%
laps = lab.epochs(12)
T = laps * -(-more // 16)  # rounded up
rise = T // 10 + 1
schedules = {
    "constant": lambda t: 1.0,
    "step": lambda t: 0.1 ** (3 * t // T),
    "exponential": lambda t: 0.01 ** (t / T),
    "cosine": lambda t: (1 + math.cos(math.pi * t / T)) / 2,
    "warm-up, cosine": lambda t: min(
        t / rise, (1 + math.cos(math.pi * (t - rise) / (T - rise))) / 2
    ),
}
steps = np.arange(T)
shapes = {name: [f(int(t)) for t in steps] for name, f in schedules.items()}
plotting.curves(steps, shapes, "step", "share of the peak rate", "Five schedules")

# %% [markdown]
# The four that fall are in Keras too, `keras.optimizers.schedules`. Same numbers?

# %%
keras_schedules = keras.optimizers.schedules
twins = {
    "step": keras_schedules.PiecewiseConstantDecay(
        [math.ceil(T / 3) - 1, math.ceil(2 * T / 3) - 1],  # the last step at each value
        [1.0, 0.1, 0.01],
    ),
    "exponential": keras_schedules.ExponentialDecay(1.0, T, 0.01),
    "cosine": keras_schedules.CosineDecay(1.0, T),
    "warm-up, cosine": keras_schedules.CosineDecay(
        0.0, T - rise, warmup_target=1.0, warmup_steps=rise
    ),
}
for name, twin in twins.items():
    theirs = [float(twin(t)) for t in range(0, T, 60)]
    claims.close(f"{name}, ours against Keras's", shapes[name][::60], theirs, 1e-5)

# %% [markdown]
# The race: the clerk's labels, batches of 16, peak 0.6. That is too bold to keep for long, so the
# constant rate also runs at 0.2, which suits it best (of six values tried beforehand). And a timid
# peak of 0.05, kept and falling. About 6 seconds.

# %%
race = {name: (0.6, f) for name, f in schedules.items()}
race["constant, 0.2"] = (0.2, schedules["constant"])
race["constant, 0.05"] = (0.05, schedules["constant"])
race["cosine, 0.05"] = (0.05, schedules["cosine"])
racers = [{"seed": s, "rate": rate, "schedule": f} for rate, f in race.values() for s in seeds]
members = ensemble.MLPs(racers, inputs, 10, hidden=(64, 64))
options = {"validation_data": valid, "optimizer": "sgd"}
options["callbacks"] = [callbacks.Progress("schedules")]
run = members.fit(x_train, y_clerk, laps, 16, **options)
falling = {name: run["val_loss"][5 * i : 5 * i + 5] for i, name in enumerate(race)}

# %%
four = {name: falling[name] for name in ("constant", "constant, 0.2", "exponential", "cosine")}
title = "A bold rate that falls beats those that stay"
plotting.curves(np.arange(1, laps + 1), four, "epoch", "validation loss (nats)", title)

# %%
end = {name: five[:, -1] for name, five in falling.items()}
plotting.spread(end, "validation loss (nats)", title="All eight at the end", percent=False)

# %%
for name in ("step", "exponential", "cosine"):
    claims.at_least(f"{name}: loss below constant", end["constant"].mean() - end[name].mean(), 0.02)
best = end["constant, 0.2"].mean() - end["cosine"].mean()
claims.at_least("cosine: loss below constant at its own best rate", best, 0.02)
lost = end["cosine, 0.05"].mean() - end["constant, 0.05"].mean()
claims.at_least("timid peak: loss of cosine above constant", lost, 0.02)
gain = end["cosine"].mean() - end["warm-up, cosine"].mean()
claims.between("warm-up: loss below cosine without it", gain, -0.05, 0.05)

# %% [markdown]
# So a falling rate is no magic. It lets you *start* higher than you could stay, and that wins; from
# a timid peak, falling only loses time.
#
# **A popular trick that does not help here**: warm-up. It was made for huge batches and deep
# networks, whose first steps are dangerous. Ours is small, and survives its first steps: with and
# without warm-up, the dots overlap. A single lucky run could have "proved" either.
#
# ### Batch size
#
# With batches of $B$ examples an epoch has $B$ times fewer steps than one by one. As long as the
# slope hardly changes, $k$ small steps along it add up to one of $k$ times the length, so with $k$
# times the batch take $k$ times the rate (Goyal et al. 2017). Ten epochs, fixed and scaled; about 5
# seconds.

# %%
sizes, by_size = (16, 64, 256), {"rate fixed": [], "rate scaled": []}
for size in sizes:
    pair = [0.03] * 5 + [0.03 * size / 16] * 5
    settings = [{"seed": s % 5, "rate": rate} for s, rate in enumerate(pair)]
    members = ensemble.MLPs(settings, inputs, 10, hidden=(64, 64))
    bar = [callbacks.Progress(f"batches of {size}")]
    run = members.fit(x_train, y_train, lab.epochs(10), size, optimizer="sgd", callbacks=bar)
    by_size["rate fixed"].append(run["loss"][:5, -1])
    by_size["rate scaled"].append(run["loss"][5:, -1])
lines = {name: np.transpose(found) for name, found in by_size.items()}
names = ("examples in a batch", "training loss, epoch 10 (nats)")
plotting.curves(sizes, lines, *names, "Large batches need large steps", xscale="log")

# %%
fixed, scaled = (found.mean(0) for found in lines.values())
claims.at_least("batches of 256 over 16, loss, rate fixed", fixed[2] / fixed[0], 3)
claims.at_most("batches of 256, loss, rate scaled over fixed", scaled[2] / fixed[2], 0.6)

# %% [markdown]
# With a fixed rate large batches stay behind. Scaling makes up for it at 64, and only in part at
# 256: sixteen times the rate is near the edge that section 5 found, and the slope changes under
# such steps. Does warm-up help *there*? That is what it was made for: try it.
#
# ## 6 · From scratch, or from a tuned start?
#
# A trained network is a place to start from. Take five that know upright digits, and give them 30
# examples of a new task: digits one pixel further right, or digits in a mirror. Beside them, five
# networks that start from nothing. About 6 seconds.

# %%
source = ensemble.MLPs([{"seed": s, "rate": 3e-3} for s in seeds], inputs, 10, hidden=(64, 64))
source.fit(x_train, y_train, lab.epochs(15), callbacks=[callbacks.Progress("upright digits")])
tasks = {"moved": lambda x: np.roll(x, 1, axis=2), "mirrored": lambda x: x[:, :, ::-1]}
cold = [{"seed": s, "rate": 2e-3} for s in seeds]
warm = [{"seed": s, "rate": 2e-3, "init": source.weights(s)} for s in seeds]
own = [np.stack([task(x)] * 10) for task in tasks.values() for x in [x_train[:30]]]
own_valid = [np.stack([task(x_valid)] * 10) for task in tasks.values()]

# %%
members = ensemble.MLPs((cold + warm) * 2, inputs, 10, hidden=(64, 64))
options = {"validation_data": (np.concatenate(own_valid), y_valid)}
options["callbacks"] = [callbacks.Progress("new tasks")]
run = members.fit(np.concatenate(own), y_train[:30], lab.epochs(30), 16, **options)
names = [f"{task}, {start}" for task in tasks for start in ("from scratch", "tuned start")]
lines = {name: run["val_accuracy"][5 * i : 5 * i + 5] for i, name in enumerate(names)}
epoch = np.arange(1, lab.epochs(30) + 1)
title = "Thirty examples, two starts"
plotting.curves(epoch, lines, "epoch", "validation accuracy", title)

# %%
early = {name: five[:, : max(1, lab.epochs(5))].mean() for name, five in lines.items()}
last = {name: five[:, -1].mean() for name, five in lines.items()}
for task, lead in {"moved": 0.1, "mirrored": 0.03}.items():
    gain = early[f"{task}, tuned start"] - early[f"{task}, from scratch"]
    claims.at_least(f"{task}: lead of the tuned start, epochs 1 to 5", gain, lead)
moved, mirrored = (last[f"{t}, tuned start"] - last[f"{t}, from scratch"] for t in tasks)
claims.at_least("moved: lead of the tuned start at the end", moved, 0.02)
claims.between("mirrored: lead of the tuned start at the end", mirrored, -0.12, 0.12)
claims.at_least("moved: lead at the end minus that of mirrored", moved - mirrored, 0.0)

# %% [markdown]
# One pixel to the right, and a network that knew nine digits in ten knows about half: its weights
# look at places, not at shapes (lesson 05 mends that). Still, in both tasks the tuned start begins
# ahead. For moved digits it ends ahead too; for mirrored ones, a task less alike, the lead is gone.
# Lesson 11 makes a method of this.
#
# ## 7 · Search, with a budget
#
# Rate, dropout and L2 interact, so they must be set together. Trying every combination is hopeless;
# trying at random is surprisingly good (Bergstra & Bengio 2012); or the results so far can guide
# the next trials. **Optuna** (Akiba et al. 2019) does that: we *ask* for settings, train, and
# *tell*.
#
# The budget, stated beforehand: **32 trainings** of 15 epochs with the clerk's 200 labels: 16 at
# random, then 16 guided by a tree-structured Parzen estimator (Bergstra et al. 2011), which
# models where good trials lie and where bad ones. All 16 are asked for at once, because they train
# side by side: they are guided by the random ones, not by each other. About 10 seconds.

# %%
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
sampler = optuna.samplers.TPESampler(n_startup_trials=16, seed=lab.seed)
study = optuna.create_study(direction="maximize", sampler=sampler)


def draw(trial):
    return {
        "rate": trial.suggest_float("rate", 1e-4, 1e-1, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.8),
        "l2": trial.suggest_float("l2", 1e-5, 1e-1, log=True),
    }


# %%
def train(settings):
    """Settings without seeds, trained side by side: (validation, test) accuracies."""
    members = ensemble.MLPs(settings, inputs, 10, hidden)
    rows = np.tile(repeated, (len(settings), 1))
    bar = [callbacks.Progress(f"{len(settings)} trials")]
    members.fit(x_train, y_clerk, lab.epochs(15), indices=rows, callbacks=bar)
    pairs = ((x_valid, y_valid), (data.x_test, data.y_test))
    return [(members.predict(x).argmax(-1) == y).mean(1) for x, y in pairs]


for budget in (16, 16):
    trials = [study.ask() for _ in range(budget)]
    reached, _ = train([dict(seed=t.number, **draw(t)) for t in trials])
    for trial, value in zip(trials, reached, strict=True):
        study.tell(trial, value)

# %%
reached = np.array([trial.value for trial in study.trials])
lines = {"this trial": reached, "best so far": np.maximum.accumulate(reached)}
title = "32 trials: 16 at random, then guided"
plotting.curves(np.arange(1, 33), lines, "trial", "validation accuracy", title)

# %% [markdown]
# Two things to see. The guided trials are better *on average*, though some still fail. But the line
# of the best had climbed before the first of them came: chance had found a good place already.
#
# Where did the search look? Every dot is a trial. The guided ones keep away from little dropout and
# from the highest rates; the third setting, L2, is not in the picture.

# %%
places = [[math.log10(t.params["rate"]), t.params["dropout"]] for t in study.trials]
kind = (np.arange(32) >= 16).astype(int)
names = ("log₁₀ of the learning rate", "dropout")
plotting.embedding(places, kind, ["random", "guided"], "Where the search looked", names=names)

# %% [markdown]
# The winner's validation accuracy flatters it: the best of 32 was partly lucky. So train it anew
# with five seeds, and only now ask the test digits.

# %%
flattered, winner = study.best_value, study.best_params
anew, again = train([dict(seed=100 + s, **winner) for s in seeds])
compared = {"no cure": tested["no cure"], "dropout, best of 4": tested["dropout"]}
compared["found by the search"] = again
plotting.spread(compared, "test accuracy", title="What the search was worth")

# %%
claims.at_least("test accuracy, search over no cure", again.mean() - nothing, 0.03)
claims.at_least("validation accuracy of the winner in the search", flattered, 0.8)
guided = reached[16:].mean() - reached[:16].mean()
claims.at_least("validation accuracy, mean of guided trials over random ones", guided, 0.0)
claims.at_most(
    "validation accuracy, best of all over best at random", flattered - reached[:16].max(), 0.05
)
hand = again.mean() - tested["dropout"].mean()
claims.between("test accuracy, search over dropout, best of 4", hand, -0.06, 0.06)
claims.between(
    "winner's validation accuracy, search over anew", flattered - anew.mean(), -0.02, 0.1
)

# %% [markdown]
# An honest result: the search beats doing nothing by far. It does as well as section 2 did by
# trying four strengths of dropout, once somebody knew that dropout is the knob to turn: 32
# trainings bought what that knowledge is worth. A search pays where many settings matter and nobody
# knows which; and its budget must be told, since enough trials always find something lucky.

# %% [markdown]
# ## 8 · Keep a log
#
# Long trainings are watched from outside. The common format is TensorBoard's event file: a row of
# records, each a length, a checksum, and a message with step, name and number. `EventLog` writes
# them by tensorboardX, which needs no TensorFlow. `tensorboard --logdir FOLDER` (a package of its
# own) draws them in a browser.

# %%
folder = tempfile.TemporaryDirectory()
model.optimizer.learning_rate = min(test.suggestion, 0.2)  # the network of section 5; never bolder
watch = [callbacks.EventLog(folder.name), callbacks.Progress("logged")]
options = {"validation_data": (flat(x_valid), y_valid), "callbacks": watch}
run = model.fit(flat(x_train), y_train, 16, lab.epochs(10), verbose=0, **options)
logged = callbacks.read_events(folder.name)
folder.cleanup()
print("in the log:", ", ".join(sorted(logged)))

# %%
at, _ = logged["loss"]
lines = {"training": logged["loss"][1], "validation": logged["val_loss"][1]}
plotting.curves(at, lines, "epoch", "loss (nats)", "Read back from the event file")

# %%
claims.close("loss in the log against fit's history", logged["loss"][1], run.history["loss"], 1e-6)
score = run.history["val_accuracy"][-1]
claims.at_least("validation accuracy at the suggested rate", score, 0.8)

# %% [markdown]
# ## 9 · When larger is better again
#
# In section 1 a network with too many weights learned by heart, and that did harm. Does a still
# larger one do more harm? Measure it where it can be computed exactly: $k$ random ReLU features of
# 200 digits, the last layer by least squares, the smallest solution where there are many. One label
# in ten is wrong here. (With one in five the second fall ends about where the first did: try it.)


# %%
widths = np.unique([*np.geomspace(10, 2400, 20).astype(int), few])
rng = lab.rng(20)
y_tenth = np.where(rng.random(more) < 0.1, (y_train + rng.integers(1, 10, more)) % 10, y_train)


def errors_by_width(seed, n=few):
    """Training and test error of one random network, for each width."""
    rng = lab.rng(30 + seed)
    W = rng.normal(size=(inputs, widths[-1])) / np.sqrt(inputs)
    pick = rng.choice(more, n, replace=False)
    features, features_test = relu(flat(x_train[pick]) @ W), relu(flat(data.x_test) @ W)
    found = []
    for k in widths:
        A = features[:, :k]  # its pseudo-inverse Aᵀ (A Aᵀ)⁺ gives the smallest best solution
        inverse = np.linalg.pinv(A @ A.T, rcond=1e-12, hermitian=True)
        last = A.T @ (inverse @ np.eye(10)[y_tenth[pick]])
        pairs = ((features, y_tenth[pick]), (features_test, data.y_test))
        found.append([np.mean((f[:, :k] @ last).argmax(1) != y) for f, y in pairs])
    return np.transpose(found)


# %%
found = np.array([errors_by_width(s) for s in seeds])
lines = {"training error": found[:, 0], "test error": found[:, 1]}
title = f"Double descent: {few} examples"
plotting.curves(widths, lines, "features k", "error", title, xscale="log")

# %%
error = dict(zip(widths.tolist(), found[:, 1].mean(0), strict=True))
small = min(error[k] for k in error if k < few)
claims.at_least("test error at k = n over the best below", error[few] / small, 1.5)
claims.at_most("test error of the largest over the best below n", error[widths[-1]] / small, 0.95)

# %% [markdown]
# **Double descent** (Belkin et al. 2019; in deep networks Nakkiran et al. 2020). Every training
# label is right from about 130 features on; but the numbers 0 and 1 that least squares aims at can
# be hit only from $k = n = 200$ on, and there by one solution alone, mistakes included, whatever it
# costs. With more features there are many such solutions, and the smallest is tame. All of them
# know the labels by heart: learning by heart need not do harm, and more weights than examples are
# no illness by themselves.
#
# ## 10 · Debugging drill
#
# A network with a bug still trains, a bit worse. Two tests before every long training:
#
# 1. **The first loss.** Ten classes, nothing known: $\ln 10 = 2.30$.
# 2. **One batch.** Any sound network can learn 20 examples by heart, loss near 0.
#
# Three versions of one network and its data, with a loss written by hand; one is sound. Which bugs
# were planted?

# %%
suspects = {
    "A": (network(last="softmax"), flat(x_train)),
    "B": (network(), flat(x_train)),
    "C": (network(), 255 * flat(x_train)),
}


def surprise(y, z):
    label = ops.one_hot(ops.cast(ops.reshape(y, (-1,)), "int32"), 10)
    return ops.logsumexp(z, axis=-1) - ops.sum(label * z, axis=-1)


first = {}
for name, (suspect, x) in suspects.items():
    first[name] = float(ops.mean(surprise(y_train, suspect(x))))
plotting.bars(first, "loss before training (nats)", bar=2.30, title="Test 1: the first loss")

# %%
claims.between("first loss of A", first["A"], 2.1, 2.7)
claims.between("first loss of B", first["B"], 2.1, 2.7)
claims.at_least("first loss of C", first["C"], 5)

# %% [markdown]
# C is caught: it is sure before it has seen anything, since its pixels run from 0 to 255, not to 1.
# A and B pass. Test 2: twenty digits, over and over.

# %%
by_heart = {}
for name in ("A", "B"):
    suspect, x = suspects[name]
    suspect.compile(keras.optimizers.Adam(0.01), surprise, jit_compile=lab.jit)
    batch = np.tile(np.arange(20), 100)  # 100 steps an epoch, all of them the same batch
    bar = [callbacks.Progress(name)]
    one = suspect.fit(
        x[batch], y_train[batch], 20, lab.epochs(5), shuffle=False, verbose=0, callbacks=bar
    )
    by_heart[name] = one.history["loss"]
at = 100 * np.arange(1, lab.epochs(5) + 1)
floor = round(math.log(math.e + 9) - 1, 2)
plotting.curves(at, by_heart, "step", "loss (nats)", "Test 2: one batch by heart", bar=floor)

# %%
claims.at_least("A: loss on one batch", by_heart["A"][-1], 1.46)
claims.at_most("B: loss on one batch", by_heart["B"][-1], 0.05)

# %% [markdown]
# A is caught, and the height of its floor says why. Its last layer is a softmax, and the loss takes
# a softmax again. A probability is at most 1, so the second softmax gives the right class at most
# $e / (e + 9)$: no loss below $\ln (e + 9) - 1 = 1.46$ (dotted). Here it may end still higher: a
# first softmax that is sure of a wrong class has no slope left, and such a digit costs one nat
# more, for ever. A network like this trains, only badly.

# %%
suspect, x = suspects["A"]
scores = suspect(x[:20])
loss = float(ops.mean(surprise(y_train[:20], scores)))
stuck = np.mean(ops.convert_to_numpy(scores).argmax(-1) != y_train[:20])
claims.close(
    "A: loss at the end against floor plus a nat for each stuck", loss, floor + stuck, 0.05
)

# %% [markdown]
# (On TensorFlow, Keras's own cross-entropy looks through a softmax right before it and warns; on
# JAX it cannot. That is why the loss here is written by hand.)

# %% [markdown]
# ## What you take along
#
# **Why does training fail, and what makes it work?** The signal dies on the way (cured by a start
# that fits the activation, section 3, or by normalisation, 4); steps are too small or too large
# (range test and a falling rate, 5); the network learns by heart (more data, augmentation, dropout,
# early stopping, 2); or there is a bug (10). Each cure is for one illness: measure first.
#
# What all this cannot do: make up for data that is missing or wrong. No cure reached what four
# times the data did. And every comparison here holds for this data and this size; double descent
# (9) is a warning against rules of thumb. Lesson 05 builds knowledge about images into the network
# itself.
#
# ### Sources
#
# - Akiba et al. 2019, Optuna, KDD, arXiv:1907.10902
# - Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI, doi:10.24432/C50P49
# - Ba, Kiros & Hinton 2016, Layer Normalization, arXiv:1607.06450
# - Belkin, Hsu, Ma & Mandal 2019, Reconciling Modern Machine-Learning Practice and the Classical
#   Bias–Variance Trade-off, PNAS 116, doi:10.1073/pnas.1903070116
# - Bergstra, Bardenet, Bengio & Kégl 2011, Algorithms for Hyper-Parameter Optimization, NIPS
# - Bergstra & Bengio 2012, Random Search for Hyper-Parameter Optimization, Journal of Machine
#   Learning Research 13
# - Glorot & Bengio 2010, Understanding the Difficulty of Training Deep Feedforward Neural Networks,
#   AISTATS
# - Goyal et al. 2017, Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour, arXiv:1706.02677
# - He, Zhang, Ren & Sun 2015, Delving Deep into Rectifiers, ICCV, arXiv:1502.01852
# - Ioffe & Szegedy 2015, Batch Normalization, ICML, arXiv:1502.03167
# - Loshchilov & Hutter 2017, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR,
#   arXiv:1608.03983
# - Nakkiran et al. 2020, Deep Double Descent, ICLR, arXiv:1912.02292
# - Santurkar, Tsipras, Ilyas & Mądry 2018, How Does Batch Normalization Help Optimization?,
#   NeurIPS, arXiv:1805.11604
# - Smith 2017, Cyclical Learning Rates for Training Neural Networks, WACV, arXiv:1506.01186
# - Srivastava et al. 2014, Dropout, Journal of Machine Learning Research 15

# %% [markdown]
# ## Lab (10 points)
#
# Write each function in place of `raise NotImplementedError`, run the cell, then the check below
# it. A check draws fresh numbers every time and tells you what to look at next. NumPy arrays and
# lists go in; arrays or lists may come out. The first cell of the notebook is all that the lab
# needs, and all that a grader runs before it: use NumPy and Keras, not the functions of the lesson.
#
# ### Exercise 1: dropout, there and back (2 points)
#
# Section 2 went forwards. On the way back, blame passes through a unit as the signal did. The
# random numbers come in as `noise`, uniform in [0, 1): a number is kept where its noise is at least
# `rate`. Without noise (`None`) training is over, and nothing is dropped.


# %% exercise="dropout"
def dropout(x, noise, rate, blame):
    """x, blame: (n, units), what goes in, and the loss's slope by what comes out.

    noise: (n, units) or None. rate: in [0, 1). Returns two arrays (n, units): what comes out, and
    the loss's slope by x.
    """
    ### BEGIN SOLUTION
    if noise is None:
        return x, blame
    scale = (noise >= rate) / (1 - rate)
    return x * scale, blame * scale
    ### END SOLUTION


# %% checks="dropout" points=2
@checks.exercise("dropout")
def _(check):
    def ask(x, noise, rate, blame):
        found = check.ask("dropout", x, noise, rate, blame)
        form = "Return two arrays: what comes out, and the slope by x."
        check.that(isinstance(found, list | np.ndarray) and len(found) == 2, form)
        hint = "Each array has the shape of x, and all its numbers are finite."
        return [check.array(one, x.shape, hint) for one in found]

    def judge(found, right, mistakes, case, else_):
        for hint, wrong in mistakes.items():
            told = np.allclose(found, wrong, atol=1e-4) and not np.allclose(right, wrong, atol=1e-4)
            check.that(not told, case + hint)
        check.close(found, right, case + else_)

    for rate in (0.25, 0.75):  # exact in float32 too, so that a tie is one
        for x, blame in check.arrays((12, 9), (12, 9), count=2):
            x = np.maximum(x, 0)  # as after a ReLU: many are zero, which are not dropped
            noise = check.rng.random(x.shape)
            noise[:, 0], x[:, 0] = rate, 1 + check.rng.random(12)
            keep = noise >= rate
            y, back = ask(x, noise, rate, blame)
            case = f"At rate {rate}: "
            right, right_back = keep * x / (1 - rate), keep * blame / (1 - rate)
            small = noise < 1 - rate
            mistakes = {
                "what stays and what falls are swapped: a number stays where its noise is at least "
                "the rate.": ~keep * x,
                "right scale, wrong units: a number stays where its noise is at least the rate.": (
                    ~keep * x / (1 - rate)
                ),
                "section 2 kept where the noise was small; here a number stays where it is at "
                "least the rate.": small * x / (1 - rate),
                "noise equal to the rate is at least the rate: it stays.": (
                    (noise > rate) * x / (1 - rate)
                ),
                "what stays must grow, so that the mean is as before.": keep * x,
                "what stays is divided by the share that is kept, not by the rate.": keep
                * x
                / rate,
                "what stays must grow, not shrink.": keep * x * (1 - rate),
                "nothing was dropped.": x,
                "what comes out stands first, the slope second.": right_back,
            }
            judge(y, right, mistakes, case, "what comes out is wrong.")
            mistakes = {
                "the blame of dropped units must be dropped too.": blame,
                "the blame is scaled as the signal was.": keep * blame,
                "the blame is scaled, but that of dropped units must be dropped.": blame
                / (1 - rate),
                "the slope is the blame times how the signal was changed, not that alone.": keep
                / (1 - rate),
                "a number that is 0 by itself was not dropped: use the noise.": right_back
                * (x != 0),
            }
            judge(back, right_back, mistakes, case, "the slope by x is wrong.")
    for x, blame in check.arrays((4, 5), (4, 5), count=2):
        y, back = ask(x, None, 0.5, blame)
        check.close(y, x, "Without noise training is over: nothing is dropped or scaled.")
        check.close(back, blame, "Without noise the blame passes as it is.")
        y, back = ask(x, check.rng.random(x.shape), 0.0, blame)
        check.close(y, x, "At rate 0 everything stays.")
        check.close(back, blame, "At rate 0 the blame passes as it is.")


# %% [markdown]
# ### Exercise 2: batch normalisation in training and inference (3 points)
#
# Section 4 had one batch of rows. Now any number of axes, the last one the channels: mean and
# variance run over all others. In training, normalise by the batch and move the averages,
# $m \leftarrow \rho\, m + (1 - \rho)\, \mu$, the variance likewise. Afterwards, use the averages
# and leave them alone.


# %% exercise="batch_norm"
def batch_norm(x, gamma, beta, mean, variance, training, momentum=0.99, epsilon=1e-3):
    """x: (..., channels). gamma, beta, mean, variance: (channels,), the last two averages so far.

    training: True or False. momentum is ρ. Returns three arrays: the normalised x, of its shape,
    and the new averages of mean and variance, (channels,).
    """
    ### BEGIN SOLUTION
    mu, var = mean, variance
    if training:
        axes = tuple(range(x.ndim - 1))
        mu, var = x.mean(axes), x.var(axes)
        mean = momentum * mean + (1 - momentum) * mu
        variance = momentum * variance + (1 - momentum) * var
    return gamma * (x - mu) / np.sqrt(var + epsilon) + beta, mean, variance
    ### END SOLUTION


# %% checks="batch_norm" points=3
@checks.exercise("batch_norm")
def _(check):
    def by_keras(x, gamma, beta, mean, variance, training, momentum, epsilon):
        layer = layers.BatchNormalization(momentum=momentum, epsilon=epsilon)
        layer.build(x.shape)
        layer.set_weights([gamma, beta, mean, variance])
        y = ops.convert_to_numpy(layer(x, training=training))
        return [y, *layer.get_weights()[2:]]

    def ask(*arguments):
        found = check.ask("batch_norm", *arguments)
        form = "Return three arrays: the normalised x, and the two new averages."
        check.that(isinstance(found, list) and len(found) == 3, form)
        x, channels = arguments[0], arguments[1].shape
        y = check.array(found[0], x.shape, "The normalised x has the shape of x.")
        hint = "Each average is one number for each channel."
        return [y, *(check.array(one, channels, hint) for one in found[1:])]

    for shape in [(16, 4), (5, 4, 6, 3)]:
        case = f"For x of shape {shape}"
        for training in (True, False):
            c = shape[-1]
            x = next(check.arrays(shape, scale=3, count=1)) + np.float32(check.rng.uniform(2, 4, c))
            gamma, beta, mean = (np.float32(check.rng.uniform(0.5, 2, c)) for _ in range(3))
            variance = np.float32(check.rng.uniform(2, 5, c))
            momentum, epsilon = 0.8, 0.5  # an epsilon that shows where it stands
            arguments = (x, gamma, beta, mean, variance, training, momentum, epsilon)
            y, m, v = ask(*arguments)
            right = by_keras(*arguments)
            axes = tuple(range(x.ndim - 1))
            mu, var = x.mean(axes), x.var(axes)
            form = "in training" if training else "after training"
            own = gamma * (x - mu) / np.sqrt(var + epsilon) + beta
            old = gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
            u, s = (mu, var) if training else (mean, variance)
            every = gamma * (x - x.mean()) / np.sqrt(x.var() + epsilon) + beta
            rows = x.size // c
            first = gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + epsilon) + beta
            mistakes = {
                "use the averages, not the batch.": own,
                "the batch's own mean and variance count.": old,
                "normalise by the batch itself, not by the averages just moved.": gamma
                * (x - right[1])
                / np.sqrt(right[2] + epsilon)
                + beta,
                "mean and variance run over all axes but the last.": first,
                "each channel has a mean and a variance of its own.": every,
                "epsilon stands under the root.": gamma * (x - u) / (np.sqrt(s) + epsilon) + beta,
                "epsilon is missing, or not the one given.": gamma * (x - u) / np.sqrt(s) + beta,
                "epsilon is the one given, not 0.001.": gamma * (x - u) / np.sqrt(s + 1e-3) + beta,
                "gamma and beta are missing.": (x - u) / np.sqrt(s + epsilon),
                "beta is missing.": gamma * (x - u) / np.sqrt(s + epsilon),
                "gamma is missing.": (x - u) / np.sqrt(s + epsilon) + beta,
                "gamma multiplies, beta is added.": beta * (x - u) / np.sqrt(s + epsilon) + gamma,
                "divide by the root of the variance.": gamma * (x - u) / (s + epsilon) + beta,
                "the variance divides by n, not by n - 1.": gamma
                * (x - u)
                / np.sqrt(s * rows / (rows - 1) + epsilon)
                + beta,
            }
            for hint, wrong in mistakes.items():
                told = np.allclose(y, wrong, atol=1e-4)
                told = told and not np.allclose(wrong, right[0], atol=2e-3)
                check.that(not told, f"{case}, {form}: {hint}")
            check.close(y, right[0], f"{case}, {form}: the values are wrong.", 1e-3)
            if not training:
                hint = f"{case}: after training the averages stay as they are."
                check.close(m, mean, hint, 1e-5)
                check.close(v, variance, hint, 1e-5)
                continue
            wrong_averages = {
                "the two averages are swapped: the mean's first, then the variance's.": right[
                    :0:-1
                ],
                "in training the averages move.": [mean, variance],
                "an average keeps the share momentum of itself; this is the batch's alone.": [
                    mu,
                    var,
                ],
                "the old average keeps the share momentum, the batch gets the rest.": [
                    momentum * mu + (1 - momentum) * mean,
                    momentum * var + (1 - momentum) * variance,
                ],
                "momentum is the one given, not 0.99.": [
                    0.99 * mean + 0.01 * mu,
                    0.99 * variance + 0.01 * var,
                ],
            }
            for hint, (wrong_m, wrong_v) in wrong_averages.items():
                same = np.allclose(m, wrong_m, atol=1e-4) or np.allclose(v, wrong_v, atol=1e-4)
                check.that(not same, f"{case}: {hint}")
            check.close(m, right[1], f"{case}: the new average of the mean is wrong.", 1e-3)
            wrong_variances = {
                "what is averaged is the variance, not its root.": np.sqrt(var),
                "what is averaged is the variance, without epsilon.": var + epsilon,
                "the variance is the mean squared distance: divide by n, not n - 1.": var
                * rows
                / (rows - 1),
            }
            for hint, other in wrong_variances.items():
                wrong = momentum * variance + (1 - momentum) * other
                check.that(not np.allclose(v, wrong, atol=1e-4), f"{case}: {hint}")
            check.close(v, right[2], f"{case}: the new average of the variance is wrong.", 1e-4)


# %% [markdown]
# ### Exercise 3: cosine decay with warm-up (3 points)
#
# Section 5 drew shares of a peak. Now the whole schedule, for many steps at once: from 0 at step 0
# straight up to `peak` at step `warmup`; from there half a cosine wave down to `floor` at step
# `total`; `floor` ever after. Without warm-up (`warmup` is 0), it begins at the peak.


# %% exercise="schedule"
def schedule(steps, peak, floor, warmup, total):
    """steps: (n,) whole numbers from 0. peak, floor: rates, peak > floor >= 0. warmup < total.

    Returns the learning rate at each step, (n,).
    """
    ### BEGIN SOLUTION
    share = np.clip((steps - warmup) / (total - warmup), 0, 1)
    falling = floor + (peak - floor) * (1 + np.cos(np.pi * share)) / 2
    return np.where(steps < warmup, peak * steps / max(warmup, 1), falling)
    ### END SOLUTION


# %% checks="schedule" points=3
@checks.exercise("schedule")
def _(check):
    def by_keras(steps, peak, floor, warmup, total):
        wave = keras.optimizers.schedules.CosineDecay(peak, total - warmup, alpha=floor / peak)
        falling = ops.convert_to_numpy(wave(np.float32(np.maximum(steps - warmup, 0))))
        return np.where(steps < warmup, peak * steps / max(warmup, 1), falling)

    for warm in (False, True):
        for _ in range(2):
            total = int(check.rng.integers(60, 90))
            warmup = int(check.rng.integers(9, 20)) if warm else 0
            peak, floor = float(check.rng.uniform(1, 2)), float(check.rng.uniform(0.1, 0.3))
            steps = np.concatenate([[0, warmup, total], check.rng.integers(0, total, 12)])
            late = total + check.rng.integers(1, 50, 3)
            steps = np.concatenate([steps, late])
            right = by_keras(steps, peak, floor, warmup, total)
            found = check.ask("schedule", steps, peak, floor, warmup, total)
            case = f"With warmup {warmup}, total {total}"
            found = check.array(found, steps.shape, f"{case}: one finite rate for each step.")
            hint = f"{case}: rates are fractions, and yours are whole: of what type is your array?"
            check.that((found % 1).any(), hint)
            rise = steps < warmup
            if warm:
                hint = f"{case}: at step 0 the rate is 0, at step warmup it is the peak."
                check.close(found[:2], right[:2], hint, rtol=1e-3)
                hint = f"{case}: during warm-up the rate rises along a straight line."
                check.close(found[rise], right[rise], hint, rtol=1e-3)
            else:
                hint = f"{case}: without warm-up the rate begins at the peak."
                check.close(found[0], peak, hint, rtol=1e-3)
            hint = f"{case}: at step total the rate is the floor, reached along half a wave."
            check.close(found[2], floor, hint, rtol=1e-3)
            hint = f"{case}: after step total the rate stays at the floor."
            check.close(found[-3:], right[-3:], hint, rtol=1e-3)
            share = np.clip((steps - warmup) / (total - warmup), 0, 1)
            drop = peak - floor
            mistakes = {
                "it falls along a cosine wave, not a straight line.": peak - drop * share,
                "the wave is half a period long, not a quarter.": peak
                - drop * (1 - np.cos(np.pi * share / 2)),
                "the wave ends at the floor; it is not cut off there.": np.maximum(
                    floor, peak * (1 + np.cos(np.pi * share)) / 2
                ),
                "the wave begins at step warmup, not at step 0.": floor
                + drop * (1 + np.cos(np.pi * np.clip(steps / total, 0, 1))) / 2,
            }
            for hint, wrong in mistakes.items():
                same = np.allclose(found[~rise], wrong[~rise], rtol=1e-3)
                same = same and not np.allclose(wrong[~rise], right[~rise], rtol=1e-3)
                check.that(not same, f"{case}: {hint}")
            hint = f"{case}: between peak and floor, half a cosine wave."
            check.close(found, right, hint, rtol=1e-3)


# %% [markdown]
# ### Exercise 4: early stopping (2 points)
#
# After each epoch the validation loss is looked at. It counts as better if it is lower than the
# best so far by *more than* `margin`. The first loss that is a number counts as better; a NaN never
# does, and is an epoch without a better one. As soon as `patience` epochs in a row had no better
# one, training stops. Which epoch was the last that ran, and which one's weights are kept?


# %% exercise="early_stopping"
def early_stopping(losses, patience, margin):
    """losses: list, the validation loss after epochs 0, 1, … if training went on to the end.

    patience: at least 1. margin: at least 0. Returns two whole numbers: the last epoch that is
    run, and the epoch of the best loss (0 if none was better than none).
    """
    ### BEGIN SOLUTION
    best, lowest = 0, math.inf
    waited = 0
    for epoch, loss in enumerate(losses):
        waited += 1
        if loss < lowest - margin:
            best, lowest, waited = epoch, loss, 0
        if waited >= patience:
            return epoch, best
    return len(losses) - 1, best
    ### END SOLUTION


# %% checks="early_stopping" points=2
@checks.exercise("early_stopping")
def _(check):
    def replay(losses, patience, margin):
        seen = []  # (epoch, loss) of every better one
        for epoch, loss in enumerate(losses):
            if not np.isnan(loss) and (not seen or loss < seen[-1][1] - margin):
                seen.append((epoch, loss))
            last = seen[-1][0] if seen else -1
            if epoch - last >= patience:
                return [epoch, max(last, 0)]
        return [len(losses) - 1, max(last, 0)]

    def ask(losses, patience, margin, hint):
        losses = [float(loss) for loss in losses]
        found = check.ask("early_stopping", losses, patience, margin)
        form = "Return two whole numbers: the last epoch, and the best one."
        found = check.array(found, (2,), form).tolist()
        right = replay(losses, patience, margin)
        swapped = found == right[::-1] and found != right
        check.that(not swapped, "The last epoch comes first, then the best one.")
        told = ", ".join(f"{loss:.3g}" for loss in losses)
        check.equal(found, right, f"{hint} (losses {told}; patience {patience}, margin {margin:g})")

    a, b = np.sort(check.rng.uniform(0.5, 1, 2))
    nan = math.nan
    cases = {
        "A loss that keeps falling never stops: the last epoch is the last, counted from 0": (
            [b, b - 0.1, b - 0.2],
            2,
            0.0,
        ),
        "Stop at the second epoch in a row without a better loss, no sooner, no later": (
            [a, a + 1, a + 1, a + 1],
            2,
            0.0,
        ),
        "Count epochs without a better loss than the best, not the last": ([a, 9, 8, 7, 6], 2, 0.0),
        "A better loss starts the count of epochs anew": ([1, 2, 0.9, 2, 0.8, 2, 2, 2], 3, 0.0),
        "A loss as low as the best is not lower": ([1, 1, 1, 1, 1, 1], 3, 0.0),
        "Lower by less than the margin is no better": ([1, 0.97, 0.94, 0.91, 0.88], 3, 0.1),
        "The margin is a difference, not a share of the loss": ([5, 4.7, 4.4, 4.1], 2, 0.1),
        "The margin is measured from the best so far": ([1, 0.95, 0.88, 0.88, 0.88], 3, 0.1),
        "NaN is never better, nor a best to compare with": ([nan, 1, nan, 0.9, 2, 2, 2], 2, 0.0),
        "With NaN alone no epoch is better: stop when patience is spent, keep epoch 0": (
            [nan] * 5,
            3,
            0.0,
        ),
        "With patience 1 the first epoch that is no better is the last": ([1, 2], 1, 0.0),
    }
    for hint, (losses, patience, margin) in cases.items():
        ask(losses, patience, margin, hint)
    for _ in range(12):
        n, patience = int(check.rng.integers(1, 12)), int(check.rng.integers(1, 5))
        losses = np.exp(-np.arange(n) / 5) + 0.1 * check.rng.random(n)
        margin = float(check.rng.choice([0.0, 0.05]))
        ask(losses, patience, margin, "Replay it epoch by epoch: something is off")


# %% [markdown]
# ### Going further (no points)
#
# Does warm-up help with batches of 256 and the scaled rate (section 5)? Give the clerk a rest: with
# correct labels, which cures still help? Combine the two best. Search with twice the budget. Plot
# the range test for Adam: is its best rate higher or lower than SGD's?
