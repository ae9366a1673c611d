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
# # 11 · Transfer learning
#
# **How little data is enough, if something similar was learned before?**
#
# You need: NumPy; convolutions (lesson 05); training and its tricks (lesson 04). You will carry a
# network from one task to the next, freeze it, adapt it with a handful of numbers, watch it forget,
# teach it without labels, move it to another machine, and look inside. The graded lab is the last
# section.
#
# | profile | data | needs | time |
# |---|---|---|---|
# | `quick` | 1,797 real digits (in scikit-learn) | 2 CPU cores, 2 GB | 75 to 100 s |
# | `full` | MNIST, blood cells, ImageNet weights | a GPU, 30 MB download | not measured yet |
#
# Without a GPU you get `quick`; the line that the first cell prints says which. Times are for an
# idle machine.

# %% setup=true
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("dlutils") is None:  # on Colab: fetch the course's helper package
    course = "git+{{repository}}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", course], check=True)

from dlutils import runtime

lab = runtime.start("11_transfer_learning", seed=11)

import gc
import itertools
import os
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from IPython.display import display
from keras import layers, ops
from scipy.special import softmax

from dlutils import callbacks, checks, claims, datasets, plotting, widgets

# %% [markdown]
# ## 1 · Two tasks
#
# A clinic has a scanner with thousands of labelled pictures of one organ. Now it should read
# another organ, and a specialist's hour buys twenty labels. Can the old pictures help? Handwriting
# stands in for the clinic: the digits 0 to 4 are the **old task** with many labels, 5 to 9 the
# **new task** with few.

# %% [markdown]
# As in a scanner, the object lies anywhere in the picture: each digit is put at a random place of a
# larger, black canvas. Where the analogy ends: nobody is harmed by a misread 7, all our pictures
# come from one source until section 9, and two halves of the digits are more alike than two organs.

# %%
data = lab.load(quick="digits", full="mnist")
side = data.x_train.shape[1]
canvas = lab.pick(quick=12, full=36)


def placed(x, rng):
    """Put each picture (n, side, side, 1) at a random place of a black canvas."""
    out = np.zeros((len(x), canvas, canvas, 1), "float32")
    corners = rng.integers(canvas - side + 1, size=(len(x), 2))
    for picture, spot, (i, j) in zip(x, out, corners, strict=True):
        spot[i : i + side, j : j + side] = picture
    return out


shown = np.concatenate([data.x_train[data.y_train == k][:2] for k in range(10)])
titles = [f"{'old' if k < 5 else 'new'}: {k}" for k in np.repeat(np.arange(10), 2)]
plotting.images(placed(shown, lab.rng(0)), titles, 10, "The old task, and the new one")

# %% [markdown]
# The network is small: two convolutions, then the largest answer of each filter over the whole
# picture, then five scores. We call everything below the scores the **body**; it turns a picture
# into a few dozen **features**. The last layer is the **head**. Training on the old task, about 5
# seconds.

# %%
k1, f1, pool, k2, f2 = lab.pick(quick=(3, 8, 2, 4, 48), full=(5, 24, 4, 6, 64))


def make_body():
    return keras.Sequential(
        [
            keras.Input((canvas, canvas, 1)),
            layers.Conv2D(f1, k1, padding="same", activation="relu"),
            layers.MaxPooling2D(pool),
            layers.Conv2D(f2, k2, activation="relu"),
            layers.GlobalMaxPooling2D(),
        ]
    )


body = make_body()
print(f"{body.count_params():,} weights in the body, {f2} features")

# %%
is_old = data.y_train < 5
x_old, y_old = lab.part(data.x_train[is_old]), lab.part(data.y_train[is_old])
views = lab.pick(quick=15, full=2)  # places at which each old picture is seen
x_many, y_many = placed(np.repeat(x_old, views, axis=0), lab.rng(1)), np.repeat(y_old, views)
some = lab.pick(quick=600, full=3000)  # test pictures that are used
x_test, y_test = placed(data.x_test[:some], lab.rng(2)), data.y_test[:some]
test_old = y_test < 5

net = keras.Sequential([body, layers.Dense(5)])
falling = keras.optimizers.schedules.CosineDecay(1e-2, -(-len(x_many) // 16))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
net.compile(keras.optimizers.Adam(falling), loss, metrics=["accuracy"], jit_compile=lab.jit)
net.fit(x_many, y_many, 16, verbose=0, callbacks=[callbacks.Progress("old task")])
right = net.evaluate(x_test[test_old], y_test[test_old], verbose=0)[1]
claims.at_least("old task, test accuracy", right, 0.95)

# %% [markdown]
# ## 2 · What are the features worth?
#
# The head knows five classes, none of which we want. Throw it away. Keep the body as it is,
# **frozen**, and train a new head alone, on ten labelled pictures of each new digit: softmax
# regression on the features $f$, which is called a **linear probe**.
#
# $$p = \mathrm{softmax}(f\,W + b), \qquad
# \frac{\partial L}{\partial W} = \frac1n f^\top (p - y), \qquad
# \frac{\partial L}{\partial b} = \frac1n \sum_i (p_i - y_i)$$
#
# Here $y$ is a row of zeros with a single one. Gradient descent from $W = 0$:


# %%
def descend(f, y, steps, rate, classes=5):
    """Softmax regression. f: (n, d) features, y: (n,) labels from 0. Returns W and b."""
    W, b, y = np.zeros((f.shape[1], classes)), np.zeros(classes), np.eye(classes)[y]
    for _ in range(steps):
        p = softmax(f @ W + b, axis=1)
        W -= rate * f.T @ (p - y) / len(f)
        b -= rate * (p - y).mean(axis=0)
    return W, b


# %% [markdown]
# The few labelled pictures come from a pool of 100 for each new class; training pictures outside
# the pool are **held out**, to choose learning rates. Test digits choose nothing.

# %%
rows = {k: lab.rng(3).permutation(np.flatnonzero(data.y_train == k)) for k in range(10)}
pool_rows = np.concatenate([rows[k][:100] for k in range(5, 10)])
x_pool, y_pool = placed(data.x_train[pool_rows], lab.rng(4)), data.y_train[pool_rows]
held_rows = np.concatenate([np.repeat(rows[k][100:200], 4) for k in range(5, 10)])  # four places
x_held, y_held = placed(data.x_train[held_rows], lab.rng(5)), data.y_train[held_rows]


def few(labels, draw, classes=5):
    """Rows of the pool: so many of each new class, drawn at random."""
    rng = lab.rng(100 + draw)
    return np.concatenate([100 * k + rng.permutation(100)[:labels] for k in range(classes)])


ten = few(10, draw=0)
f = body.predict(x_pool[ten], verbose=0).astype("float64")
W, b = descend(f, y_pool[ten] - 5, steps=50, rate=0.01)

# %% [markdown]
# In Keras the same is one attribute, `trainable = False`, set before `compile`: what learns is
# settled there. Both must end with the same head, and the body must not have moved at all.

# %%
body.trainable = False
before = body.get_weights()
head = layers.Dense(5, kernel_initializer="zeros")
probe_net = keras.Sequential([body, head])
probe_net.compile(keras.optimizers.SGD(0.01), loss, jit_compile=lab.jit)
rounds = np.tile(ten, 50)  # fifty batches, each of all the pictures
probe_net.fit(x_pool[rounds], y_pool[rounds] - 5, len(ten), shuffle=False, verbose=0)
claims.close("head, NumPy against frozen Keras model", head.get_weights()[0], W, 1e-4)
moved = max(np.abs(a - b).max() for a, b in zip(body.get_weights(), before, strict=True))
claims.at_most("frozen body, largest change", moved, 0)

# %% [markdown]
# ### A trap
#
# Batch normalisation has weights that no gradient moves: its running means and variances. To stop
# the optimizer is therefore not to freeze. Below, a network with a `BatchNormalization` layer is
# fitted at learning rate 0. Its answers change all the same. With `trainable = False` Keras runs
# the layer with stored statistics and leaves them alone (Exercise 1 of the lab).

# %%
drift = {}
for frozen in (False, True):
    parts = [keras.Input((f2,)), layers.BatchNormalization(momentum=0.9)]
    trap = keras.Sequential([*parts, layers.Dense(5)])
    trap.layers[0].trainable = not frozen
    trap.compile(keras.optimizers.SGD(0.0), loss, jit_compile=lab.jit)
    answer = trap.predict(f, verbose=0)
    trap.fit(f, y_pool[ten] - 5, len(ten), epochs=10, verbose=0)
    drift[frozen] = np.abs(trap.predict(f, verbose=0) - answer).max()
claims.at_least("answers at learning rate 0, largest change", drift[False], 0.1)
claims.at_most("answers with trainable = False, largest change", drift[True], 0)

# %% [markdown]
# ### Against pixels
#
# Is a feature worth more than a pixel? Probes on both, and on a body that was never trained, with 1
# to 100 labels of each class. Pixels and bodies differ in overall scale, so we subtract the mean
# and divide by one number, the root of the mean square, before `descend`; the result is put back
# into the features' own units. (Exercise 2 solves another probe in closed form.)


# %%
def probe(f, y, classes=5, steps=200, rate=2.0):
    """A linear probe whose training does not depend on the features' scale."""
    mean = f.mean(axis=0)
    scale = np.sqrt(((f - mean) ** 2).sum(axis=1).mean()) + 1e-12
    W, b = descend((f - mean) / scale, y, steps, rate, classes)
    return W / scale, b - mean @ W / scale


# %%
sizes, draws = [1, 2, 5, 10, 20, 50, 100], range(5)
test_new = y_test >= 5
centre = (canvas - side) // 2
frame = ((0, 0), (centre, centre), (centre, centre), (0, 0))
still = np.pad(data.x_train[pool_rows], frame), np.pad(data.x_test[:some][test_new], frame)
moving, never = (x_pool, x_test[test_new]), make_body()


def worth(f_pool, f_test, y=None, classes=5):
    """Test accuracy (draws, sizes) of probes; features (draws, n, ...), of each draw its own."""
    y, y_there = y or (y_pool - 5, y_test[test_new] - 5)
    found = np.empty((len(draws), len(sizes)))
    for i, (j, n) in itertools.product(draws, enumerate(sizes)):
        taken = few(n, i, classes)
        W, b = probe(f_pool[i][taken].astype("float64"), y[taken], classes)
        found[i, j] = np.mean((f_test[i] @ W + b).argmax(axis=1) == y_there)
    return found


# %%
def five(x):
    """The same features for every draw, pictures laid flat: (5, n, d)."""
    return np.repeat(x.reshape(1, len(x), -1), 5, axis=0)


seen = {"pixels": worth(*map(five, moving))}
for name, model in {"untrained body": never, "carried body": body}.items():
    seen[name] = worth(*(five(model.predict(x, verbose=0)) for x in moving))
seen["pixels, digit in the middle"] = worth(*map(five, still))
seen["carried, digit in the middle"] = worth(*(five(body.predict(x, verbose=0)) for x in still))
gain = seen["carried body"] - seen["pixels"]
claims.at_least("10 labels: carried features minus pixels", gain[:, 3].mean(), 0.15)
lines = {name: 100 * each for name, each in seen.items()}
axes = "labels of each new class", "test accuracy (%)"
plotting.curves(sizes, lines, *axes, "Probes on new digits", {"guessing": 20}, xscale="log")

# %% [markdown]
# What was carried over beats pixels, and beats the same network untrained. Now put all digits in
# the middle: pixels and features both rise, and plain pixels are no worse than what we carry. So
# what we carry has to do with the place. How much do features still change when one digit moves?
# The share of their variance that comes from the place, over 50 digits at 20 places each:

# %%
fifty = data.x_train[pool_rows][::10]
places = placed(np.repeat(fifty, 20, axis=0), lab.rng(131))


def share_of_place(f):
    """f: (digits · 20, ...). Variance over the places of one digit, as a share of all variance."""
    f = f.reshape(len(fifty), 20, -1)
    return f.var(axis=1).mean(axis=0).sum() / f.var(axis=(0, 1)).sum()


by_place = {"pixels": share_of_place(places)}
for name, model in {"untrained body": never, "carried body": body}.items():
    by_place[name] = share_of_place(model.predict(places, verbose=0))
plotting.bars(by_place, "share of the variance", percent=True, title="What the place decides")

# %%
less = by_place["untrained body"] - by_place["carried body"]
claims.at_least("variance by place, untrained minus carried", less, 0.2)
lead = (seen["pixels, digit in the middle"] - seen["carried, digit in the middle"])[:, 3].mean()
claims.at_least("10 labels, digits in the middle: pixels minus carried", lead, -0.02)

# %% [markdown]
# The old task has taught the body a good part of one fact: *the place does not matter*. A part, not
# all of it; section 4 comes back to that.

# %% [markdown]
# ## 3 · LoRA: a small change to a large matrix
#
# To adapt a network of billions of weights, and to store a copy for every task, is expensive.
# **LoRA** (low-rank adaptation, Hu et al. 2021) freezes $W$ (d × k) and learns a change of low rank
# $r$:
#
# $$W' = W + \frac{\alpha}{r}\, A\, B, \qquad A: d \times r, \quad B: r \times k$$

# %% [markdown]
# $A$ starts at random and $B$ at zero, so that at first nothing changes. The number $\alpha$ scales
# the change. Of $d\,k$ numbers only $r\,(d + k)$ are trained.


# %%
def lora(W, A, B, alpha):
    """The adapted matrix. W: (d, k), A: (d, r), B: (r, k)."""
    return W + alpha / A.shape[1] * A @ B


rng, d, k, r, alpha = lab.rng(6), 64, 32, 4, 8
x = rng.standard_normal((10, d)).astype("float32")
dense = layers.Dense(k)
plain = dense(x)
dense.enable_lora(rank=r, lora_alpha=alpha)
claims.close("LoRA at its start against the plain layer", dense(x), plain, 1e-6)
trained = sum(np.prod(w.shape) for w in dense.trainable_variables) - k  # without the bias
claims.close("trained numbers against r (d + k)", trained, r * (d + k), 0)

# %% [markdown]
# Now let $B$ be something, as after training. Three ways to the same output: our equation, Keras's
# layer, and a plain layer whose one matrix is $W'$. The last is **merging**: an adapter that is
# added to the weights costs nothing when the network is used. (In Exercise 4 you build the layer.)

# %%
A, B = rng.standard_normal((d, r)) / 8, rng.standard_normal((r, k)) / 8
dense.lora_kernel_a.assign(A)
dense.lora_kernel_b.assign(B)
W, bias = ops.convert_to_numpy(dense._kernel), ops.convert_to_numpy(dense.bias)
ours = x @ lora(W, A, B, alpha) + bias
claims.close("from the equation against enable_lora", ours, dense(x), 1e-4)
merged = layers.Dense(k)
merged.build((None, d))
merged.set_weights([lora(W, A, B, alpha), bias])
claims.close("merged into one matrix against enable_lora", merged(x), dense(x), 1e-4)

# %% [markdown]
# How much is saved? It depends on the size of the matrix: below for the square ones of a small and
# a large network.

# %%
ranks = [1, 2, 4, 8, 16, 32]
share = {f"{d} × {d}": [100 * 2 * r / d for r in ranks] for d in (64, 512, 4096)}
title = "The larger the matrix, the smaller LoRA's share"
plotting.curves(ranks, share, "rank r", "trained numbers (%)", title, None, "log", "log")

# %% [markdown]
# ## 4 · How few labels are enough?
#
# Now the main measurement. Seven ways to learn the new digits, seven numbers of labels, five draws
# of labelled pictures: 245 trainings. One after the other they would take many minutes. So we train
# all **members** side by side as one model: every array gets a leading axis $m$ for the member.

# %% [markdown]
# A convolution becomes a matrix product: cut out the window at each place and lay it flat as a row
# (lesson 05). Shapes: (m, b, h, w, c) to (m, b, h', w', k·k·c).


# %%
def windows(x, k):
    """All k × k windows of x (m, b, h, w, c), each as a row."""
    h, w = x.shape[2] - k + 1, x.shape[3] - k + 1
    parts = [x[:, :, i : i + h, j : j + w] for i in range(k) for j in range(k)]
    return ops.concatenate(parts, axis=-1)


def product(x, W):
    """x: (m or 1, b, h, w, i), W: (m, i, o). One matrix product for each member."""
    rows = ops.matmul(ops.reshape(x, (ops.shape(x)[0], -1, x.shape[-1])), W)
    return ops.reshape(rows, (ops.shape(W)[0], -1, *x.shape[2:4], W.shape[-1]))


# %% [markdown]
# The network of section 1 for many members at once. It returns four stages: the sums of both layers
# before their activation (of the first, pooled: the largest sum first or the activation first is
# all the same), the features, and ten scores, five of each task. The adapter $A\,B$ is added to the
# second kernel; without LoRA both are zero.


# %%
def forward(p, x):
    """p: dict of arrays (m, ...); x: (m or 1, b, canvas, canvas, 1). Four stages, (m, b, ...)."""
    spread = k1 // 2
    x = ops.pad(x, [(0, 0), (0, 0), (spread, spread), (spread, spread), (0, 0)])
    one, s = product(windows(x, k1), p["kernel 1"]), canvas // pool
    one = ops.max(ops.reshape(one, (ops.shape(one)[0], -1, s, pool, s, pool, f1)), axis=(3, 5))
    one = one + p["bias 1"][:, None, None, None]
    kernel = p["kernel 2"] + ops.matmul(p["A"], p["B"])
    two = product(windows(ops.relu(one), k2), kernel) + p["bias 2"][:, None, None, None]
    top = ops.relu(ops.max(two, axis=(2, 3)))
    return one, two, top, ops.matmul(top, p["head"]) + p["head bias"][:, None]


# %% [markdown]
# What differs between the ways? Where a number starts, and how fast it learns. So write every
# number as $w = w_0 + s\,\delta$, with $\delta$ learned from zero by Adam. Adam's step does not
# depend on the gradient's scale (but for a tiny $\epsilon$ in it); so $s$ multiplies the learning
# rate of $w$. At $s = 0$ it is frozen. Ways are now *data*: a start $w_0$ and a speed $s$ for each
# member and array.


# %%
class Members(keras.Model):
    """start: dict of arrays (m, ...); speed: dict of (m,); bank: pictures."""

    def __init__(self, start, speed, bank):
        super().__init__()
        self.start = {k: self.room(v.shape, False) for k, v in start.items()}
        self.change = {k: self.room(v.shape, True) for k, v in start.items()}
        self.speed = {
            k: self.room((len(v),) + (1,) * (v.ndim - 1), False) for k, v in start.items()
        }
        self.bank = self.room(bank.shape, False)

    def room(self, shape, trainable):
        return self.add_weight(shape=shape, initializer="zeros", trainable=trainable)

    def begin(self, start, speed, bank):
        """Forget all; begin with these."""
        for name, array in start.items():
            self.start[name].assign(array)
            self.speed[name].assign(speed[name].reshape(self.speed[name].shape))
        for variable in [*self.change.values(), *self.optimizer.variables]:
            variable.assign(np.zeros(variable.shape, variable.dtype))
        self.bank.assign(bank)

    def arrays(self):
        return {k: self.start[k] + self.speed[k] * self.change[k] for k in self.start}

    def now(self):
        return {k: ops.convert_to_numpy(array) for k, array in self.arrays().items()}


# %% [markdown]
# Each member looks at its own rows of a bank of pictures. The loss of a picture counts the five
# scores of its own task only: a reader is told which organ it sees.


# %%
class Team(Members):
    def call(self, rows):
        """rows: (b, m), which picture of the bank each member looks at."""
        x = ops.take(self.bank, ops.transpose(rows), axis=0)
        return ops.transpose(forward(self.arrays(), x)[-1], (1, 0, 2))

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        """Cross-entropy among the five classes of the digit's own task, summed over members."""
        mine = ops.equal(y[..., None] // 5, np.arange(10) // 5)
        scores = ops.where(mine, y_pred, -1e9)
        each = keras.losses.sparse_categorical_crossentropy(y, scores, from_logits=True)
        return ops.sum(ops.mean(each, axis=0))


# %% [markdown]
# Two helpers: one starts arrays as Keras does (Glorot & Bengio 2010), the other trains a team and
# hands back its arrays. The rate, 0.01 times the speed, rises and falls within each training.

# %%
shapes = {"kernel 1": (k1 * k1, f1), "bias 1": (f1,), "kernel 2": (k2 * k2 * f1, f2)}
shapes |= {"bias 2": (f2,), "A": (k2 * k2 * f1, 4), "B": (4, f2), "head": (f2, 10)}
shapes["head bias"] = (10,)


def newborn(rng):
    """One member's start: kernels at random, all else zero."""
    p = {name: np.zeros(shape, "float32") for name, shape in shapes.items()}
    for name, fan in {"kernel 1": k1 * k1 * (1 + f1), "kernel 2": k2 * k2 * (f1 + f2)}.items():
        p[name] = rng.uniform(-1, 1, shapes[name]).astype("float32") * np.sqrt(6 / fan)
    return p


def stack(members):
    return {name: np.stack([p[name] for p in members]) for name in shapes}


def schedule(steps, speed=1.0):
    """Up to 0.01 · speed in the first third of the steps, then down to 0 along half a cosine."""
    decay, top = keras.optimizers.schedules.CosineDecay, 1e-2 * speed
    return decay(0.0, steps - steps // 3, warmup_target=top, warmup_steps=steps // 3)


# %% [markdown]
# With TensorFlow on CPUs the course does not compile as a rule; for teams, of up to 245 members, it
# does.


# %%
def speed_of(speeds):
    return {name: np.array([s.get(name, 0.0) for s in speeds]) for name in shapes}


def train(members, speeds, bank, rows, labels, label, kind=Team, looks=None, team=None):
    """members, speeds: lists of dicts; rows, labels: (steps, b, m). Returns arrays (m, ...).

    looks: returns a list instead, the arrays before and after each of so many equal parts. team:
    one from before, for as many members, pictures and steps: it need not be compiled again.
    """
    steps, b, m = rows.shape
    if team is None:
        team = kind(stack(members), speed_of(speeds), bank)
        team.compile(keras.optimizers.Adam(schedule(steps)), jit_compile=True)
    team.begin(stack(members), speed_of(speeds), bank)
    bar, path = callbacks.Progress(label, fits=looks or 1), [team.now()]
    for x, y in zip(*(np.split(each, looks or 1) for each in (rows, labels)), strict=True):
        flat = x.reshape(-1, m).astype("int32"), y.reshape(-1, m).astype("int32")
        team.fit(*flat, batch_size=b, shuffle=False, verbose=0, callbacks=[bar])
        path.append(team.now())
    del team
    gc.collect()
    return path if looks else path[-1]


# %% [markdown]
# Can we trust it? The acid test: two members, one at speed 1 and one at a half, against Keras
# networks trained alone, at the full and at half the rate, on the same batches from the same
# weights. (Adam's $\epsilon$ is doubled with the halved rate: the member's gradient is halved, and
# only thus are both the same to the last digits.)

# %%
all_of_it = dict.fromkeys(["kernel 1", "bias 1", "kernel 2", "bias 2", "head", "head bias"], 1.0)
pair = [newborn(lab.rng(7)), newborn(lab.rng(8))]
picks = lab.rng(9).integers(len(x_pool), size=(30, 16, 2))
halved = dict.fromkeys(all_of_it, 0.5)
together = train(pair, [all_of_it, halved], x_pool, picks, y_pool[picks], "a pair")
theirs = []
for i, speed in enumerate((1.0, 0.5)):
    alone = keras.Sequential([make_body(), layers.Dense(5, kernel_initializer="zeros")])
    start = [pair[i][name] for name in ("kernel 1", "bias 1", "kernel 2", "bias 2")]
    alone.build((None, canvas, canvas, 1))
    now = alone.get_weights()
    alone.set_weights([w.reshape(v.shape) for w, v in zip(start, now[:4], strict=True)] + now[4:])
    adam = keras.optimizers.Adam(schedule(len(picks), speed), epsilon=1e-7 / speed)
    alone.compile(adam, loss, jit_compile=lab.jit)
    mine = picks[..., i].ravel()
    alone.fit(x_pool[mine], y_pool[mine] - 5, 16, shuffle=False, verbose=0)
    theirs.append(alone.get_weights()[2].reshape(-1, f2))
kernel = together["kernel 2"]
claims.close("kernels trained side by side against Keras alone", kernel, theirs, 1e-3)

# %% [markdown]
# First five bodies that know the old task, each with its own start and its own order of pictures:
# draw $i$ of labels will use body $i$, so that the spread holds both kinds of luck. About 6
# seconds.


# %%
def batches(pools, steps, size, rng):
    """Rows (steps, size, members), drawn with replacement from each member's pool."""
    return np.stack([rng.choice(pool, (steps, size)) for pool in pools], axis=-1)


# %%
class Reader(keras.Model):
    """`forward`, compiled where that pays."""

    def call(self, inputs):
        return forward(inputs["p"], inputs["x"])


reader = Reader()
reader.built = True
reader.compile(jit_compile=lab.jit, run_eagerly=not lab.jit)


def ask(p, x, stage=-1):
    """What a stage of every member answers. x: (n, canvas, canvas, 1). Returns (m, n, ...)."""
    some = max(
        1, lab.pick(quick=3000, full=600) // len(p["head"])
    )  # at once, for the memory's sake
    some = min(some, len(x))
    full = np.concatenate([x, x[: -len(x) % some]])  # parts of one size: compiled once
    parts = [full[i : i + some] for i in range(0, len(full), some)]
    p = {name: array.astype("float32") for name, array in p.items()}
    said = [reader.predict_on_batch({"p": p, "x": part[None]})[stage] for part in parts]
    return np.concatenate(said, axis=1)[:, : len(x)]


def accuracy(p, x, y):
    """Share of right answers of each member; all digits are of one task."""
    first = 5 * (y[0] // 5)
    return (ask(p, x)[..., first : first + 5].argmax(-1) == y - first).mean(axis=1)


# %%
steps = school = lab.epochs(lab.pick(quick=400, full=3000))
order = batches([np.arange(len(x_many))] * 5, steps, 32, lab.rng(10))
newborns = [newborn(lab.rng(20 + i)) for i in draws]
schoolmates = Team(stack(newborns), speed_of([all_of_it] * 5), x_many)
schoolmates.compile(keras.optimizers.Adam(schedule(steps)), jit_compile=True)
again = {"kind": Team, "team": schoolmates}  # compiled once, used three times
taught = train(newborns, [all_of_it] * 5, x_many, order, y_many[order], "five bodies", **again)
old_right = accuracy(taught, x_test[test_old], y_test[test_old])
claims.at_least("old task, worst of five bodies", old_right.min(), 0.95)
bodies = [{name: array[i] for name, array in taught.items()} for i in draws]

# %% [markdown]
# ### Seven ways
#
# - *from scratch*: a random body, all of it learns;
# - *scratch, moved*: the same, but each labelled picture is put at one of 25 random places in
#   every step: what the old task taught about places, told by hand;
# - *frozen*: a carried body, only the head learns;
# - *fine-tuned*: a carried body, all of it learns;
# - *LoRA*: a carried, frozen body; the head learns, and an adapter of the second layer (rank 4 and
#   $\alpha = 4$, so $\alpha / r = 1$);
# - *fine-tuned, moved*: carried, and told by hand as well;
# - *probe, then tuned*: fine-tuned from a finished probe as its head (Kumar et al. 2022).
#
# Every head but that of the last starts at zero, and all take equally many steps of equal batches.

# %%
mirror = 25  # places at which each labelled picture is seen where it is moved
x_moved = placed(np.repeat(data.x_train[pool_rows], mirror, axis=0), lab.rng(30))
bank = np.concatenate([x_pool, x_moved])  # all pictures, then each picture's places
y_bank = np.concatenate([y_pool, np.repeat(y_pool, mirror)])
zeros = {name: np.zeros(shape, "float32") for name, shape in shapes.items()}
features = ask(taught, x_pool, stage=2).astype("float64")  # (5, pool, features)
top = {"head": 1.0, "head bias": 1.0}
kinds = {"from scratch": all_of_it, "scratch, moved": all_of_it, "frozen": top}
kinds |= {"fine-tuned": all_of_it, "LoRA": top | {"A": 1.0, "B": 1.0}}
kinds |= {"fine-tuned, moved": all_of_it, "probe, then tuned": all_of_it}


# %%
def entrant(way, draw, taken):
    """Where one member starts, and the rows of the bank that it learns from."""
    p = bodies[draw] | {"head": zeros["head"], "head bias": zeros["head bias"]}
    if "scratch" in way:
        p = newborn(lab.rng(50 + draw))
    if way == "LoRA":
        A = lab.rng(140 + draw).standard_normal(shapes["A"])
        p |= {"A": A / np.sqrt(shapes["A"][0])}
    if way.startswith("probe"):
        W, b = probe(features[draw][taken], y_pool[taken] - 5)
        p |= {"head": np.pad(W, ((0, 0), (5, 0))), "head bias": np.pad(b, (5, 0))}
    moved = (len(x_pool) + mirror * taken[:, None] + np.arange(mirror)).ravel()
    return p, moved if way.endswith("moved") else taken


# %% [markdown]
# Each way deserves its own learning rate. The rule: of four rates the smallest whose accuracy on
# *held-out training digits* is within one point of the best, averaged over three draws of ten
# labels of each class. That is a team of 84 members, about 5 seconds. (The held-out digits have
# labels, too, more than a clinic would spare, and the rate found at ten labels serves all sizes: a
# convenience that all ways share.)


# %%
def race(entries, steps, rng, label):
    """Train [(way, rate, draw, labels)] side by side. Returns arrays (m, ...)."""
    found = [entrant(way, draw, few(labels, draw)) for way, _, draw, labels in entries]
    speeds = [{k: rate / 0.01 * s for k, s in kinds[way].items()} for way, rate, *_ in entries]
    rows = batches([rows for _, rows in found], steps, lab.pick(quick=10, full=20), rng)
    return train([p for p, _ in found], speeds, bank, rows, y_bank[rows], label)


steps = lab.epochs(lab.pick(quick=150, full=400))
rates = [0.003, 0.01, 0.03, 0.1]
entries = list(itertools.product(kinds, rates, (0, 1, 2), (10,)))
swept = race(entries, steps, lab.rng(31), "learning rates")
found = accuracy(swept, x_held, y_held).reshape(len(kinds), len(rates), -1).mean(axis=-1)
near = found >= found.max(axis=1, keepdims=True) - 0.01
best = {name: rates[i] for name, i in zip(kinds, near.argmax(axis=1), strict=True)}
label, title = "held-out accuracy (%)", "Learning rates, on held-out training digits"
plotting.heat(100 * found, list(kinds), rates, "learning rate", "way", label, ".0f", title)

# %% [markdown]
# Now the race: seven ways, seven sizes, five draws. The same draw has the same pictures in every
# way. About 8 seconds.

# %%
entries = [(name, best[name], i, n) for name in kinds for i in draws for n in sizes]
raced = race(entries, steps, lab.rng(32), "seven ways")
scores = accuracy(raced, x_test[test_new], y_test[test_new])
result = dict(zip(kinds, scores.reshape(len(kinds), len(draws), len(sizes)), strict=True))

# %%
at, percent = {n: i for i, n in enumerate(sizes)}, {k: 100 * each for k, each in result.items()}
lines = {name: percent[name] for name in ("from scratch", "frozen", "LoRA", "fine-tuned")}
title = "New digits: labels against accuracy"
plotting.curves(sizes, lines, *axes, title, {"guessing": 20}, xscale="log")

# %%
mean = {name: each.mean(axis=0) for name, each in result.items()}
scratch, frozen, tuned = mean["from scratch"], mean["frozen"], mean["fine-tuned"]
gap, n20, n100 = tuned - scratch, at[20], at[100]
few_gap = np.mean(frozen[:2] - scratch[:2])
claims.at_least("1 and 2 labels, mean: frozen minus from scratch", few_gap, 0.03)
claims.at_least("2 to 20 labels, mean: fine-tuned minus from scratch", np.mean(gap[1:5]), 0.03)
claims.at_least("100 labels: from scratch minus frozen", scratch[n100] - frozen[n100], 0.0)
claims.at_most("1 label: fine-tuned minus frozen", tuned[0] - frozen[0], 0.04)
claims.at_least("100 labels: fine-tuned minus frozen", tuned[n100] - frozen[n100], 0.04)

# %% [markdown]
# With a label or two, carried features are above the same network from scratch, and fine-tuning
# stays ahead while labels are few. Whether any of that lead is left at a hundred differs from seed
# to seed. The frozen body is then behind a body trained from nothing: its features were made for
# another question (and so few steps do not finish its head: compare section 2's probes). At one
# label it does not pay to touch the body; at a hundred it does.

# %% [markdown]
# Now the other three, beside *fine-tuned*. What is one sentence of knowledge worth?

# %%
told = ("scratch, moved", "probe, then tuned", "fine-tuned, moved", "fine-tuned")
lines = {name: percent[name] for name in told}
title = "Told by hand that the place does not matter"
plotting.curves(sizes, lines, *axes, title, {"guessing": 20}, xscale="log")

# %%
by_hand, both_ways = mean["scratch, moved"], mean["fine-tuned, moved"]
claims.at_least("1 label: scratch, moved, minus fine-tuned", by_hand[0] - tuned[0], 0.08)
more = np.mean(both_ways - by_hand)
claims.between("mean of all sizes: carried and moved, minus moved", more, -0.07, 0.09)

# %% [markdown]
# **This is the honest failure of this lesson.** At few labels, a network from scratch that is
# *told* to move its pictures about (and so sees 25 of each) beats what was carried over from
# hundreds of labelled pictures. With that told, carrying adds little more. The old task was worth
# much; but it taught only a part of one fact that we could have said. Whether a probe as a first
# head helps is not decided here: look at the bands.

# %%
cells = {}
for name, each in result.items():
    spread = each.std(axis=0, ddof=1)
    cells[name] = [
        f"{100 * m:.0f} ± {100 * s:.0f}" for m, s in zip(mean[name], spread, strict=True)
    ]
title = "New digits, test accuracy (%): mean and spread of five draws"
plotting.table(cells, [f"{n} label{'s' if n > 1 else ''}" for n in sizes], title)


# %%
def at_size(labels):
    values = {name: each[:, at[labels]] for name, each in result.items()}
    return plotting.spread(values, "test accuracy", {"guessing": 0.2}, "Five draws of each way")


widgets.explore(at_size, labels=sizes)

# %% [markdown]
# How large is a change by fine-tuning, really? Take $\Delta = W' - W$ of the second layer at 100
# labels, and its **singular values**: the squares of the largest $r$ of them, over the sum of all
# squares, say how much of the change a matrix of rank $r$ could hold. For comparison, a random
# matrix of that shape.

# %%
late = [m for m, (way, _, _, n) in enumerate(entries) if way == "fine-tuned" and n == 100]
deltas = raced["kernel 2"][late] - taught["kernel 2"]


def held_by_rank(matrices):
    """(m, ranks): share of the squared change that the first r singular values hold."""
    squares = np.linalg.svd(matrices, compute_uv=False) ** 2
    return np.cumsum(squares, axis=-1) / (squares.sum(axis=-1, keepdims=True) + 1e-12)


held = {"fine-tuning": held_by_rank(deltas)}
held["random matrix"] = held_by_rank(lab.rng(33).standard_normal(deltas.shape))
ranks, lines = np.arange(1, f2 + 1), {name: 100 * each for name, each in held.items()}
title = "How much of the change fits into a low rank?"
plotting.curves(ranks, lines, "rank r", "share of the squared change (%)", title)

# %%
four = {name: each[:, 3].mean() for name, each in held.items()}
held_more = four["fine-tuning"] - four["random matrix"]
claims.at_least("held by rank 4, fine-tuning minus random", held_more, 0.15)
part = sum(np.prod(shapes[k]) for k in ("A", "B")) / body.count_params()
claims.at_most("numbers that LoRA trains over those of the body", part, 0.12)
lifted = np.mean(mean["LoRA"][n20:] - frozen[n20:])
claims.at_least("20 to 100 labels, mean: LoRA minus frozen", lifted, 0.02)

# %% [markdown]
# The change is far from random: few directions hold much of it; whether they are the ones that
# count, this picture does not say. With a tenth of the body's numbers LoRA is ahead of frozen
# features from twenty labels on; with one or two it gains nothing.

# %% [markdown]
# ## 5 · What is forgotten?
#
# The clinic still needs the old organ. Keep the old head beside the new one, train on twenty labels
# of each new digit, and look back now and then: how many *old* test digits are still read right?
# McCloskey & Cohen (1989) called the answer **catastrophic interference**. Five ways:
#
# - *fine-tuned*, all at the rate of section 4;
# - *slower below*: the first layer at a hundredth, the second at a tenth of that rate (Howard &
#   Ruder 2018 grade rates by depth; Exercise 3);
# - *LoRA*, and *frozen*;
# - *rehearsal*: all learns, and on average half of each batch is old: ten labelled pictures of each
#   old digit.
#
# All but LoRA take the rate of *fine-tuned*.

# %%
keep = np.concatenate([np.flatnonzero(y_old == k)[:10] for k in range(5)])
x_keep = placed(x_old[keep], lab.rng(34))
bank_5, y_5 = np.concatenate([x_pool, x_keep]), np.concatenate([y_pool, y_old[keep]])
slow = dict(zip(all_of_it, (0.01, 0.01, 0.1, 0.1, 1.0, 1.0), strict=True))
memory = {"rehearsal": all_of_it, "frozen": top, "LoRA": kinds["LoRA"]}
memory |= {"fine-tuned": all_of_it, "slower below": slow}
members, speeds, pools = [], [], []
for name, i in itertools.product(memory, draws):
    taken, (start, _) = few(20, i), entrant("LoRA" if name == "LoRA" else "frozen", i, few(20, i))
    both = {k: np.concatenate([bodies[i][k][..., :5], 0 * start[k][..., 5:]], -1) for k in top}
    members.append(start | both)
    rate = best["LoRA" if name == "LoRA" else "fine-tuned"]
    speeds.append({k: rate / 0.01 * s for k, s in memory[name].items()})
    old_too = np.tile(len(x_pool) + np.arange(len(keep)), 2)
    pools.append(np.concatenate([taken, old_too]) if name == "rehearsal" else taken)

# %% [markdown]
# One training in fifteen pieces, and after each a look at both tasks. About 8 seconds.

# %%
looks = 15
rows = batches(pools, max(1, steps // looks) * looks, 10, lab.rng(35))
path = train(members, speeds, bank_5, rows, y_5[rows], "forgetting", looks=looks)
old_x, old_y, new_x, new_y = x_test[test_old], y_test[test_old], x_test[test_new], y_test[test_new]
shape = (len(memory), len(draws))
then = [accuracy(p, old_x, old_y).reshape(shape) for p in path]
now = [accuracy(p, new_x, new_y).reshape(shape) for p in path]
then, now = np.stack(then, axis=-1), np.stack(now, axis=-1)  # (ways, draws, looks)
at_step = np.linspace(0, len(rows), looks + 1)
lines = {name: 100 * then[i] for i, name in enumerate(memory)}
title = "The old task, while the new one is learned"
plotting.curves(at_step, lines, "step", "old digits read right (%)", title)

# %%
lines = {name: 100 * now[i] for i, name in enumerate(memory)}
title = "The new task meanwhile"
plotting.curves(at_step, lines, "step", "new digits read right (%)", title, {"guessing": 20})

# %%
lost = dict(zip(memory, (then[..., 0] - then[..., -1]).mean(axis=1), strict=True))
claims.at_least("old task lost, fine-tuned", lost["fine-tuned"], 0.15)
claims.at_most("old task lost, frozen", np.abs(lost["frozen"]), 0)
claims.at_least(
    "lost, fine-tuned minus slower below", lost["fine-tuned"] - lost["slower below"], 0.1
)
claims.at_least("lost, fine-tuned minus rehearsal", lost["fine-tuned"] - lost["rehearsal"], 0.1)
last = path[-1]
removed = last | {name: 0 * last[name] for name in ("A", "B")}
off = accuracy(removed, old_x, old_y).reshape(shape)[2]
claims.close("old task, LoRA taken off again, against the start", off, then[2, :, 0], 0)

# %% [markdown]
# The same as a race: each dot is one draw; to the right is better at the new task, upwards better
# at the old one. A way that forgets nothing stays at the height where it began.

# %%
frames, names = [], [*memory, "guessing", "perfect"]
for t in [*range(0, looks, 2), looks]:
    spots = np.stack([100 * now[..., t].ravel(), 100 * then[..., t].ravel()], axis=1)
    spots = np.concatenate([spots, [[20, 20], [100, 100]]])
    labels = np.repeat(np.arange(len(names)), [len(draws)] * len(memory) + [1, 1])
    both_tasks, title = ("new task (%)", "old task (%)"), f"After {at_step[t]:.0f} steps"
    frames.append(plotting.embedding(spots, labels, names, title, False, both_tasks))
plotting.animate(frames, fps=3, alt="While the new task is learned, fine-tuning loses the old one.")

# %% [markdown]
# Full fine-tuning pays with the old task. (It also gets furthest with the new one, as the second
# picture shows; rehearsal comes close.) Frozen features lose nothing, by construction, and an
# adapter can be taken off: the old task is read as before. A few old pictures shown again do much;
# they must be kept, though, which a clinic may not be allowed to. Kirkpatrick et al. (2017) hold on
# to the weights that mattered instead.

# %% [markdown]
# ## 6 · Without labels
#
# Labels are dear, pictures are cheap. **Self-supervised** learning makes its own questions from
# unlabelled pictures. Two of them:
#
# - *rotation* (Gidaris et al. 2018): by how much was the picture turned, 0, 90, 180 or 270 degrees?
# - *contrast* (Chen et al. 2020): which two pictures show the same digit, at two places? With $z$
#   the head's answers at length 1, batch pairs $(i, j)$ and temperature $\tau$:
#
# $$L_i = -\ln \frac{\exp(z_i \cdot z_j / \tau)}{\sum_{k \ne i} \exp(z_i \cdot z_k / \tau)}$$


# %%
class Pairs(Team):
    """Rows i and i + b/2 of a batch show the same digit; all others are strangers."""

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        z = ops.transpose(y_pred, (1, 0, 2))
        z = z / ops.sqrt(ops.sum(z**2, axis=-1, keepdims=True) + 1e-9)
        b = z.shape[1] or ops.shape(z)[1]
        alike = ops.matmul(z, ops.transpose(z, (0, 2, 1))) / 0.2 - 1e9 * ops.eye(b)
        twin = (ops.arange(b) + b // 2) % b
        chosen = ops.sum(alike * ops.one_hot(twin, b), axis=-1)
        return ops.sum(ops.mean(ops.logsumexp(alike, axis=-1) - chosen, axis=1))


# %% [markdown]
# Five bodies for each question learn from the pictures of the *old* digits, labels hidden: the same
# pictures as in section 4. Five more learn by contrast from the pool of *new* digits, of which
# labels are rare but pictures are not. About 12 seconds.

# %%
y_turned = lab.rng(38).integers(4, size=len(x_many))
turned = np.stack([np.rot90(x, k) for x, k in zip(x_many, y_turned, strict=True)])
asked = batches([np.arange(len(x_many))] * 5, school, 32, lab.rng(36))
infants, rng = [newborn(lab.rng(60 + i)) for i in draws], lab.rng(37)
rotated = train(infants, [all_of_it] * 5, turned, asked, y_turned[asked], "rotation", **again)


# %%
def twins(count, first, seen, rng):
    """Rows (steps, 32): 16 of `count` pictures, each at two of the places where it was seen."""
    which = np.stack([rng.choice(count, 16, replace=False) for _ in range(school)])
    place = rng.integers(seen, size=which.shape)
    other = (place + rng.integers(1, seen, size=which.shape)) % seen
    return np.concatenate([first + seen * which + each for each in (place, other)], axis=1)


archive = np.concatenate([x_many, x_moved])
sets = [(len(x_old), 0, views)] * 5 + [(len(x_pool), len(x_many), mirror)] * 5
both = np.stack([twins(*each, lab.rng(70 + i)) for i, each in enumerate(sets)], axis=-1)
loose = [p | {"head": rng.standard_normal((f2, 10)) / f2**0.5} for p in infants * 2]
pairs = train(loose, [all_of_it] * 10, archive, both, 0 * both, "contrast", kind=Pairs)
halves = ("old", slice(0, 5)), ("new", slice(5, 10))

# %%
taught_by = {"labels, old digits": taught, "rotation, old digits": rotated}
taught_by |= {f"contrast, {k} digits": {n: v[s] for n, v in pairs.items()} for k, s in halves}
taught_by["untrained"] = stack(infants)
learned = {name: worth(ask(p, x_pool, 2), ask(p, new_x, 2)) for name, p in taught_by.items()}
lines = {name: 100 * each for name, each in learned.items()}
title = "Probes on bodies taught with and without labels"
plotting.curves(sizes, lines, *axes, title, {"guessing": 20}, xscale="log")

# %%
at_ten = {name: each[:, at[10]] for name, each in learned.items()}
plotting.spread(at_ten, "test accuracy", {"guessing": 0.2}, "Ten labels of each new digit")

# %%
ten_mean = {name: each.mean() for name, each in at_ten.items()}
old_pairs, new_pairs = ten_mean["contrast, old digits"], ten_mean["contrast, new digits"]
for name, bar in {"rotation": 0.0, "contrast": 0.1}.items():
    gain = ten_mean[f"{name}, old digits"] - ten_mean["untrained"]
    claims.at_least(f"10 labels: {name} minus untrained", gain, bar)
claims.at_least("10 labels: contrast, new pictures minus old", new_pairs - old_pairs, 0.04)
gain = new_pairs - ten_mean["labels, old digits"]
claims.at_least("10 labels: contrast on new pictures minus labels on old", gain, 0.06)

# %% [markdown]
# Both questions teach without a label. Best of all are pictures of the *new* task: those are the
# ones to be told apart later. (They were seen at more places, too.) But look at how contrast asks.
# "The same digit at two places is the same" is our sentence from section 4 once more; the choice of
# the question is where the knowledge comes in.

# %% [markdown]
# ### A question that some digits cannot answer
#
# Which digits can be turned and stay what they are? A 0 or an 8 looks nearly the same upside down,
# so its four turns form two pairs, and within a pair they cannot be told apart. Below, how often
# each digit's rotation is recognised (five bodies, test digits). The digits from 5 on these bodies
# had never seen.


# %%
def turn_right(x):
    """Share of rotations recognised, (m, n): mean over the four turns of each picture."""
    said = [ask(rotated, np.rot90(x, k, axes=(1, 2)))[..., :4].argmax(-1) == k for k in range(4)]
    return np.mean(said, axis=0)


by_picture = turn_right(x_test)
by_digit = [by_picture[:, y_test == k].mean(axis=1) for k in range(10)]
named = {f"{k} ({'old' if k < 5 else 'never seen'})": each for k, each in enumerate(by_digit)}
plotting.spread(named, "rotation recognised", {"guessing": 0.25}, "Rotations, digit by digit")

# %%
gap = by_digit[4].mean() - by_digit[0].mean()
claims.at_least("rotation recognised, fours minus noughts", gap, 0.15)

# %% [markdown]
# Noughts and eights stand near one half, about the best possible for them. Among the strangers
# some are answered well; the seven is worse than guessing: perhaps an upright seven looks like a
# turned acquaintance.

# %% [markdown]
# ## 7 · Another machine
#
# A new scanner arrives: softer optics, another brightness and contrast, more noise. The digits are
# the old ones, and so are the labels; only the pictures differ. That is **domain shift**. Move the
# slider from the old machine (0) to the new one (1).


# %%
def scanned(x, strength, rng):
    """Pictures as another machine would give them: softer, paler, on grey, with noise."""
    p = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    ring = p[:, :-2, 1:-1] + p[:, 2:, 1:-1] + p[:, 1:-1, :-2] + p[:, 1:-1, 2:]
    soft = x + strength * (ring / 4 - x) * 0.6
    noise = rng.normal(0, 0.08, x.shape)
    return (soft * (1 - 0.5 * strength) + strength * (0.35 + noise)).astype("float32")


two_each = np.concatenate([np.flatnonzero(old_y == k)[:2] for k in range(5)])


def look(strength):
    x = np.clip(scanned(old_x[two_each], strength, lab.rng(90)), 0, 1)
    return plotting.images(x, old_y[two_each])


widgets.explore(look, strength=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0])

# %%
strengths = np.linspace(0, 1, 6)
fall = np.stack([accuracy(taught, scanned(old_x, s, lab.rng(90)), old_y) for s in strengths], 1)
title = "The old task on the way to another machine, nothing adapted"
plotting.curves(
    strengths, {"as it is": 100 * fall}, "strength of the shift", *axes[1:], title, {"guessing": 20}
)

# %% [markdown]
# The network still knows what a 3 looks like; but its first layer now receives other numbers. So
# tell each channel what is normal. Let the sums $a$ before a layer's activation have mean $\mu$ and
# standard deviation $\sigma$ on the old machine, $\mu'$ and $\sigma'$ on the new one. Then replace
#
# $$a \to \sigma\, \frac{a - \mu'}{\sigma'} + \mu$$

# %% [markdown]
# It needs pictures of the new machine, and *no labels*. This is adaptive batch normalisation
# (**AdaBN**, Li et al. 2016): a `BatchNormalization` layer with $\gamma = \sigma$ and $\beta = \mu$
# whose statistics are taken anew.


# %%
def realigned(p, x_from, x_to):
    """Arrays that see pictures of a new machine as p saw those of the old one. No labels."""
    new = dict(p)
    for stage, (kernel, bias) in enumerate([("kernel 1", "bias 1"), ("kernel 2", "bias 2")]):
        before, after = ask(p, x_from, stage), ask(new, x_to, stage)
        mu, mu_new = (a.mean(axis=(1, 2, 3)) for a in (before, after))
        ratio = before.std(axis=(1, 2, 3)) / (after.std(axis=(1, 2, 3)) + 1e-6)
        new[kernel] = new[kernel] * ratio[:, None]
        new[bias] = (new[bias] - mu_new) * ratio + mu
    return new


x_seen = placed(x_old[:300], lab.rng(91))  # what each machine saw; no labels are used
x_other = placed(x_old[-300:], lab.rng(92))
x_there = scanned(x_other, 1.0, lab.rng(93))
adapted = realigned(taught, x_seen, x_there)

# %% [markdown]
# Is that a batch normalisation? Put Keras's layer after the first layer's sums, give it the old
# machine's numbers as $\gamma$ and $\beta$, and show it pictures of the new machine in training
# mode, in which it takes their statistics.

# %%
sums = ask(taught, x_seen, 0)[0]
norm = layers.BatchNormalization(epsilon=0.0)
norm.build(sums.shape)
norm.gamma.assign(sums.std(axis=(0, 1, 2)))
norm.beta.assign(sums.mean(axis=(0, 1, 2)))
theirs = norm(ask(taught, x_there, 0)[0], training=True)
claims.close("realigned sums against BatchNormalization", ask(adapted, x_there, 0)[0], theirs, 1e-2)

# %% [markdown]
# A second way needs no picture of the new machine, only to know what *kind* of change to expect:
# pre-train on *many* machines. Five more bodies see each training picture through a machine of its
# own, at a strength between 0 and 0.6; the test goes to 1. About 3 seconds.

# %%
anyhow = lab.rng(94).uniform(0, 0.6, (len(x_many), 1, 1, 1))
varied = scanned(x_many, anyhow, lab.rng(95))
order = batches([np.arange(len(x_many))] * 5, school, 32, lab.rng(96))
label = "many machines"
versatile = train(newborns, [all_of_it] * 5, varied, order, y_many[order], label, **again)
views_of = {s: scanned(old_x, s, lab.rng(90)) for s in strengths}
moved_to = {"as it is": fall}
aligned = [realigned(taught, x_seen, scanned(x_other, s, lab.rng(97))) for s in strengths]
pairs_7 = zip(aligned, views_of.values(), strict=True)
moved_to["AdaBN"] = np.stack([accuracy(p, x, old_y) for p, x in pairs_7], axis=1)
moved_to["many machines"] = np.stack([accuracy(versatile, x, old_y) for x in views_of.values()], 1)
lines = {name: 100 * each for name, each in moved_to.items()}
title = "Without a single label from the new machine"
plotting.curves(strengths, lines, "strength of the shift", axes[1], title, {"guessing": 20})

# %% [markdown]
# With labels from the new machine, ten of each old digit, what should learn? Only the head, only
# the first layer, only the second, all? Or is it best to begin anew? The learning rate is chosen as
# in section 4, on 200 other training digits (which the carried bodies have seen on the old
# machine). About 6 seconds.

# %%
parts = {"head": top, "first layer": dict.fromkeys(["kernel 1", "bias 1"], 1.0)}
parts |= {"second layer": dict.fromkeys(["kernel 2", "bias 2"], 1.0), "all": all_of_it}
parts["from scratch"] = all_of_it
bank_7 = scanned(x_keep, 1.0, lab.rng(98))
trials = list(itertools.product(parts, rates, draws))
members = [newborns[i] if way == "from scratch" else bodies[i] for way, _, i in trials]
speeds = [{k: rate / 0.01 * s for k, s in parts[way].items()} for way, rate, _ in trials]
rows = batches([np.arange(len(keep))] * len(trials), steps, 10, lab.rng(99))
mended = train(members, speeds, bank_7, rows, y_old[keep][rows], "new machine")

# %%
spare = np.setdiff1d(np.arange(len(x_old)), keep)[:200]
x_spare = scanned(placed(x_old[spare], lab.rng(110)), 1.0, lab.rng(111))
shape = len(parts), len(rates), len(draws)
held = accuracy(mended, x_spare, y_old[spare]).reshape(shape).mean(axis=2)
pick = (held >= held.max(axis=1, keepdims=True) - 0.01).argmax(axis=1)
scores = accuracy(mended, views_of[1.0], old_y).reshape(shape)
cure = {"as it is": fall[:, -1], "AdaBN, no labels": moved_to["AdaBN"][:, -1]}
cure["many machines, no labels"] = moved_to["many machines"][:, -1]
cure |= {f"10 labels: {name}": scores[i, pick[i]] for i, name in enumerate(parts)}
title = "The old digits on the new machine"
plotting.spread(cure, "test accuracy", {"guessing": 0.2}, title)

# %%
now_7 = {name: each.mean() for name, each in cure.items()}
plain, aligned_7 = now_7["as it is"], now_7["AdaBN, no labels"]
claims.at_least("accuracy that the shift costs", fall[:, 0].mean() - plain, 0.25)
claims.at_least("AdaBN minus as it is", aligned_7 - plain, 0.25)
claims.at_least("many machines minus as it is", now_7["many machines, no labels"] - plain, 0.1)
claims.at_least("AdaBN minus 10 labels for the head", aligned_7 - now_7["10 labels: head"], -0.03)
gain = now_7["10 labels: all"] - now_7["10 labels: from scratch"]
claims.at_least("10 labels: carried and all tuned minus from scratch", gain, 0.25)

# %% [markdown]
# The shift costs much, though no digit changed. Realigned statistics win back most of it without a
# label, from 300 pictures of each machine: here about what tuning the old head on ten labels of
# each digit does, or more. Which part to tune is not decided here; Lee et al. (2023) found the
# first layers best for shifts of the picture, on larger networks. Two limits: AdaBN assumes that
# the new machine sees the same mixture of digits, and this machine is artificial.

# %% [markdown]
# ## 8 · What became of the layers?
#
# Yosinski et al. (2014) found lower layers general and upper ones special. To compare two networks'
# layers we need a measure that does not care which filter stands where. Let $X$ (n × d) and $Y$
# (n × e) hold the answers of two layers to the same $n$ pictures, columns centred. **Linear CKA**
# (centred kernel alignment, Kornblith et al. 2019):
#
# $$\mathrm{CKA} = \frac{\|Y^\top X\|_F^2}{\|X^\top X\|_F\, \|Y^\top Y\|_F}$$


# %%
def cka(X, Y):
    """Linear CKA of two layers' answers (n, ...) to the same pictures: from 0 to 1."""
    X, Y = (Z.reshape(len(Z), -1) - Z.reshape(len(Z), -1).mean(axis=0) for Z in (X, Y))
    norm = np.linalg.norm
    return norm(Y.T @ X) ** 2 / (norm(X.T @ X) * norm(Y.T @ Y))


X, rng = lab.rng(112).standard_normal((200, 30)), lab.rng(113)
turn, _ = np.linalg.qr(rng.standard_normal((30, 30)))
claims.close("CKA of a layer with itself, turned, scaled, moved", cka(X, 3 * X @ turn + 2), 1, 1e-9)
Y = X + rng.standard_normal(X.shape)
centre_n = np.eye(200) - 1 / 200
K, L = centre_n @ X @ X.T @ centre_n, centre_n @ Y @ Y.T @ centre_n
by_kernels = np.sum(K * L) / np.sqrt(np.sum(K * K) * np.sum(L * L))
claims.close("CKA from features against from similarities of pictures", cka(X, Y), by_kernels, 1e-9)

# %% [markdown]
# The formula of `by_kernels` shows what is compared: which *pictures* a layer finds similar (an n ×
# n table), whatever its filters are. Now the networks, on test digits of the new task. How similar
# is each layer of a pre-trained body to the same layer fine-tuned with 100 labels, to another
# pre-trained body, to a body trained from scratch on the new digits, and, as a control, to its own
# random start?


# %%
def chosen(way, labels):
    """The five members of the race with this way and number of labels."""
    found = [m for m, (w, _, _, n) in enumerate(entries) if (w, n) == (way, labels)]
    return {name: array[found] for name, array in raced.items()}


stages = ["layer 1", "layer 2", "features"]
nets = {"pre-trained": taught, "fine-tuned": chosen("fine-tuned", 100)}
nets |= {"from scratch": chosen("from scratch", 100), "its random start": stack(newborns)}


# %%
answers = {
    name: [np.maximum(ask(p, new_x, s), 0 if s < 2 else -np.inf) for s in range(3)]
    for name, p in nets.items()
}
likeness = {}
for name in ("from scratch", "its random start", "fine-tuned"):
    likeness[name] = [
        [cka(answers["pre-trained"][s][i], answers[name][s][i]) for s in range(3)] for i in draws
    ]
mine = answers["pre-trained"]
likeness["another pre-trained"] = [
    [cka(mine[s][i], mine[s][i - 1]) for s in range(3)] for i in draws
]
named = "from scratch", "its random start", "another pre-trained", "fine-tuned"
likeness = {name: np.array(likeness[name]) for name in named}
title = "A pre-trained body, layer by layer, beside others"
plotting.curves([1, 2, 3], likeness, "1 first layer, 2 second layer, 3 features", "CKA", title)

# %%
like_tuned, like_random = likeness["fine-tuned"].mean(0), likeness["its random start"].mean(0)
fell = like_tuned[0] - like_tuned[2]
claims.at_least("CKA with fine-tuned, layer 1 minus features", fell, 0.08)
claims.at_least("CKA with the random start, layer 1", like_random[0], 0.9)
kept = like_tuned[2] - like_random[2]
claims.at_least("CKA of features, fine-tuned minus random start", kept, 0.05)

# %%
table = np.mean(
    [[[cka(a[i], b[i]) for b in answers["fine-tuned"]] for a in mine] for i in draws], axis=0
)
title = "Pre-trained against fine-tuned, mean of five"
plotting.heat(table, stages, stages, "fine-tuned", "pre-trained", "CKA", ".2f", title, (0, 1))

# %% [markdown]
# The first layer hardly differs, its own random start included (a body from scratch a little more):
# a few small windows see much the same, trained or not. Mind also that the two layers are compared
# with their places and the features without. So "lower layers are general" may say here no more
# than that they do little. Upwards the networks part. And similar is not yet useful: CKA asks which
# pictures are near each other, not whether the right ones are.

# %% [markdown]
# ## 9 · From photographs to blood cells, in `full` only
#
# The usual practice: take a network that learned from 1.3 million photographs (ImageNet), and probe
# it on medical pictures. Raghu et al. (2019) found that on large medical sets such transfer gains
# little, and most with few labels. Weights come from the network; where they cannot be had, this
# course says so and goes on.

# %%
WEIGHTS = "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"
STORE = "https://storage.googleapis.com/"


def missing(home, store=STORE):
    """Why the ImageNet weights cannot be had, as a sentence; None where they can."""
    file = Path(home) / "models" / WEIGHTS
    if file.exists() or datasets.network_reachable(store):
        return None
    return (
        f"ImageNet weights cannot be had: {file} is not there and {store} does not answer; their "
        "line in section 9 stays out; put a file of that name there, or set KERAS_HOME to the "
        "folder above `models`."
    )


# %% [markdown]
# That sentence must come at once, not after minutes of waiting. So it is tried here in every
# profile: an empty folder, and an address on this machine where nobody listens.

# %%
began = time.perf_counter()
with tempfile.TemporaryDirectory() as empty:
    nobody = "http://127.0.0.1:9/"
    said = missing(empty, nobody) or ""
    (Path(empty) / "models").mkdir()
    (Path(empty) / "models" / WEIGHTS).touch()
    cached = missing(empty, nobody)
claims.at_least("says what is missing and names the cure", int("KERAS_HOME" in said), 1)
claims.at_least("asks nobody where the file is there", int(cached is None), 1)
claims.at_most("seconds until it says so", time.perf_counter() - began, 3.5)

# %% [markdown]
# The cells: red and white ones and platelets, cut out of photographs of blood (BCCD) along their
# boxes. Probes on pixels, on our bodies that learned from *handwriting*, and on MobileNetV3 from
# photographs.


# %%
def crops(x, boxes, classes, size, most, rng):
    """Up to `most` cells of each class, resized to size × size, in the order of the classes."""
    found = [[], [], []]
    for i in rng.permutation(len(x)):
        h, w = x[i].shape[:2]
        for box, k in zip(boxes[i] * [w, h, w, h], classes[i], strict=True):
            half = max(4, (box[2:] - box[:2]).max() / 2)
            middle = (box[:2] + box[2:]) / 2
            (a, b), (c, d) = np.maximum(middle - half, 0).astype(int), (middle + half).astype(int)
            found[k].append(ops.convert_to_numpy(ops.image.resize(x[i][b:d, a:c], (size, size))))
    kept = [each[:most] for each in found]
    return np.concatenate(kept), np.repeat(range(3), [len(each) for each in kept])


# %%
if lab.profile == "quick":
    print("Skipped in the profile quick: blood cells and ImageNet weights are for full.")
for name in lab.pick(quick=[], full=["bccd"]):
    try:
        blood = datasets.load(name, scale=0.5)
    except datasets.DatasetUnavailable as problem:
        print(problem)  # the lesson does not need it
        continue
    train_part = blood.x_train, blood.boxes_train, blood.classes_train
    test_part = blood.x_test, blood.boxes_test, blood.classes_test
    x_cells, y_cells = crops(*train_part, 96, 100, lab.rng(120))
    x_blood, y_blood = crops(*test_part, 96, 60, lab.rng(121))
    titles = [blood.class_names[k] for k in y_cells[::20]]
    display(plotting.images(x_cells[::20], titles, title="Cells, cut out along their boxes"))
    small = [ops.image.resize(x.mean(-1, keepdims=True), (canvas,) * 2) for x in (x_cells, x_blood)]
    small = [1 - ops.convert_to_numpy(x) for x in small]  # as in handwriting: bright on dark
    blood_seen = {"pixels": [five(x) for x in small]}
    blood_seen["bodies from handwriting"] = [ask(taught, x, 2) for x in small]
    blood_seen["untrained bodies"] = [ask(stack(newborns), x, 2) for x in small]
    home = os.environ.get("KERAS_HOME", Path.home() / ".keras")
    if said := missing(home):
        print(said)
    else:
        mobile = keras.applications.MobileNetV3Small((96, 96, 3), include_top=False, pooling="avg")
        photos = [mobile.predict(255 * x, verbose=0) for x in (x_cells, x_blood)]
        blood_seen["MobileNetV3, photographs"] = [five(x) for x in photos]
    y_both = y_cells, y_blood
    blood_right = {k: worth(*f, y=y_both, classes=3) for k, f in blood_seen.items()}
    lines = {k: 100 * v for k, v in blood_right.items()}
    label, title = "labels of each kind of cell", "Blood cells: what other tasks are worth"
    display(plotting.curves(sizes, lines, label, axes[1], title, {"guessing": 33}, xscale="log"))

# %% [markdown]
# ## What you take along
#
# **How little data is enough, if something similar was learned before?** It depends on the number
# and on *what* is carried. Part of it here seems to be that the place does not matter (section 2):
# worth a good deal at few labels, less at many, and less than the same fact told by hand (4).
#
# - One label: freezing is as good as tuning, and cheaper. A hundred: freezing falls behind (4).
# - LoRA trains a tenth of the numbers, beats frozen features at many labels, and can be taken off
#   (3, 5).
# - Fine-tuning forgets; slow lower layers and rehearsal hold on to the old task (5).
# - Unlabelled pictures of the *new* task can beat labelled ones of the old (6).
# - Another machine: realign the statistics first (7).
#
# What it cannot do: help where nothing alike was learned; say beforehand whether it will help;
# carry what the old task never asked for. And an old bias travels along as well as a good feature.
# Our numbers speak for small pictures of digits and small networks. Lesson 12 asks how a change
# that nobody sees can break a network.
#
# ### Sources
#
# - McCloskey, Cohen, *Catastrophic interference in connectionist networks*, Psychology of Learning
#   and Motivation 24 (1989), doi:10.1016/S0079-7421(08)60536-8.
# - Glorot, Bengio, *Understanding the difficulty of training deep feedforward neural networks*,
#   AISTATS 2010.
# - Yosinski, Clune, Bengio, Lipson, *How transferable are features in deep neural networks?*,
#   NeurIPS 2014, arXiv:1411.1792.
# - Li, Wang, Shi, Liu, Hou, *Revisiting batch normalization for practical domain adaptation*, 2016,
#   arXiv:1603.04779.
# - Kirkpatrick et al., *Overcoming catastrophic forgetting in neural networks*, PNAS 114 (2017),
#   doi:10.1073/pnas.1611835114.
# - Howard, Ruder, *Universal language model fine-tuning for text classification*, ACL 2018,
#   arXiv:1801.06146.
# - Gidaris, Singh, Komodakis, *Unsupervised representation learning by predicting image rotations*,
#   ICLR 2018, arXiv:1803.07728.
# - Raghu, Zhang, Kleinberg, Bengio, *Transfusion: understanding transfer learning for medical
#   imaging*, NeurIPS 2019, arXiv:1902.07208.
# - Kornblith, Norouzi, Lee, Hinton, *Similarity of neural network representations revisited*, ICML
#   2019, arXiv:1905.00414.
# - Chen, Kornblith, Norouzi, Hinton, *A simple framework for contrastive learning of visual
#   representations*, ICML 2020, arXiv:2002.05709.
# - Hu et al., *LoRA: low-rank adaptation of large language models*, ICLR 2022, arXiv:2106.09685.
# - Kumar, Raghunathan, Jones, Ma, Liang, *Fine-tuning can distort pretrained features and
#   underperform out-of-distribution*, ICLR 2022, arXiv:2202.10054.
# - Lee et al., *Surgical fine-tuning improves adaptation to distribution shifts*, ICLR 2023,
#   arXiv:2210.11466.

# %% [markdown]
# ## Lab (10 points)
#
# Write each function in place of `raise NotImplementedError`, run the cell, then the check below
# it. A check draws fresh numbers every time and tells you what to look at next. NumPy arrays go
# in; arrays or lists may come out. The first cell of the notebook is all that the lab needs, and
# all that a grader runs before it: use NumPy and Keras, not the functions of the lesson.
#
# ### Exercise 1: freeze all but the last layers (2 points)
#
# Pre-trained networks come as models inside models, some of their layers frozen by whoever had
# them last. Walk through the layers in the order in which `model.layers` lists them, go into every
# model inside, and count only layers that have weights (`BatchNormalization` has): the last $k$
# train, all the others are frozen, with their statistics.
#
# Two traps. The model that is compiled must have its own flag `trainable` on, or nothing trains,
# whatever the flags inside it say. And setting a model's flag passes it down to all layers inside,
# so set flags from the outside inwards; on TensorFlow a flag that already has the value is not
# passed down.


# %% exercise="freeze_below"
def freeze_below(model, k):
    """Let exactly the last k layers with weights train; change the model in place.

    model: a built Keras model. It may hold models, which may hold models; each stands for its own
    layers. Some of all these may come frozen. k: from 0 to the number of layers with weights.
    A frozen BatchNormalization must not move its statistics in training. Returns nothing.
    """

    ### BEGIN SOLUTION
    def walk(part):
        part.trainable = True
        if isinstance(part, keras.Model):
            return [found for layer in part.layers for found in walk(layer)]
        return [part] if part.weights else []

    found = walk(model)
    for layer in found[: len(found) - k]:
        layer.trainable = False
    ### END SOLUTION


# %% [markdown]
# Run this cell once too. The check sees your function through it: it builds a model, freezes what
# the check wants, calls you, compiles, trains one step and reports what could train and what moved.


# %% harness="freeze_below"
def run_freeze_below(plan, frozen, k, x, y):
    """Build a model (a list in the plan is a model inside), let freeze_below act, train a step."""
    kinds = {"dense": lambda name: layers.Dense(4, name=name), "norm": layers.BatchNormalization}
    kinds["tanh"] = lambda name: layers.Activation("tanh", name=name)
    parts, leaves = [], {}

    def build(plan, shape):
        inputs = outputs = keras.Input(shape)
        for part in plan:
            if isinstance(part, list):
                layer = build(part, shape)
            else:
                layer = leaves[part] = kinds[part.rstrip("0123456789")](name=part)
            outputs = layer(outputs)
        parts.append(keras.Model(inputs, outputs))
        return parts[-1]

    model = build(plan, x.shape[1:])
    for name in frozen:  # a number is a model: those inside come first
        (parts[name] if isinstance(name, int) else leaves[name]).trainable = False
    freeze_below(model, k)
    names = {id(w): f"{name} {w.name}" for name, layer in leaves.items() for w in layer.weights}
    found = {"trains": sorted(names.get(id(w), w.name) for w in model.trainable_weights)}
    weights = [w for layer in leaves.values() for w in layer.weights]
    before = [np.copy(ops.convert_to_numpy(w)) for w in weights]
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    if found["trains"]:
        model.train_on_batch(x, y)
    else:
        model(x, training=True)
    pairs = zip(weights, before, strict=True)
    moved = [names[id(w)] for w, old in pairs if np.any(ops.convert_to_numpy(w) != old)]
    found["moved"] = sorted(moved)
    return found


# %% checks="freeze_below" points=2
@checks.exercise("freeze_below")
def _(check):
    own = {"dense": ["kernel", "bias"], "norm": ["gamma", "beta"], "tanh": []}
    statistics = ["moving_mean", "moving_variance"]

    def kind(name):
        return name.rstrip("0123456789")

    def flat(plan):
        return [x for part in plan for x in (flat(part) if isinstance(part, list) else [part])]

    def weights(names):
        return sorted(f"{name} {w}" for name in names for w in own[kind(name)])

    deep = ["dense1", ["tanh1", "norm1", "dense2", ["tanh2", "norm2", "dense3"]], "tanh3", "dense4"]
    base = [["dense1", "tanh1", "norm1", "dense2", "tanh2", "norm2"], "dense3", "tanh3", "dense4"]
    plain_one = ["norm1", "dense1", "tanh1", "dense2", "norm2", "dense3"]
    two = [["dense1", "tanh1", "norm1"], ["dense2", "tanh2", "norm2", "dense3", "tanh3"], "dense4"]
    for plan, frozen, k in [
        (plain_one, [], 3),
        (deep, [], 2),
        (base, [], 4),
        (base, [0], 3),
        (two, ["dense4", "norm2", "norm1"], 4),
        (two, [0, 1, 2], 2),
        (base, [], 0),
    ]:
        everything = [name for name in flat(plan) if own[kind(name)]]
        n = len(everything)
        right = everything[n - k :]
        inner = [part for part in plan if isinstance(part, list)]
        one_deep = [x for part in plan for x in (part if isinstance(part, list) else [part])]
        where = f"(k = {k} of {n} layers with weights, {len(inner) or 'no'} model"
        came = "some came" if frozen else "nothing came"
        where += f"{'s' * (len(inner) > 1)} inside, {came} frozen)"
        x, y = next(check.arrays((8, 4), (8, 4), count=1))
        found = check.ask("run_freeze_below", plan, frozen, k, x, y)
        check.that(isinstance(found, dict), "Run the cell above, too.")
        trains, moved = found["trains"], found["moved"]
        tensors = [w for name in everything for w in weights([name])[::-1]]
        counted = [name for name in flat(plan)[len(flat(plan)) - k :] if own[kind(name)]]
        plain = [name for name in everything if kind(name) != "norm"]

        def last(parts, k=k):
            """The last k of these that have weights, a model counted as one."""
            groups = [[x for x in flat([part]) if own[kind(x)]] for part in parts]
            groups = [group for group in groups if group]
            return [x for group in groups[max(len(groups) - k, 0) :] for x in group]

        hidden = set(frozen)
        for i in frozen:
            hidden |= {*(inner[i] if i < len(inner) else everything)} if isinstance(i, int) else {i}
        skipping = last(plain)
        model_hint = "A model inside is not one layer: go into it, and into those inside it."
        norm_hint = "BatchNormalization has weights, so it counts."
        mistakes = [
            (
                "What came frozen stays so in yours: the last k train, whoever froze them or the "
                "model around them.",
                [name for name in right if name not in hidden],
            ),
            (
                "Index trap: with k = 0 nothing trains, and [:-0] is an empty list.",
                right if k else everything,
            ),
            ("The wrong end: the first layers stay as they are, the last train.", everything[:k]),
            ("Turned round: the last k train, the others are frozen.", everything[: n - k]),
            (
                "All layers train still: freeze the others, in the very model that was given. (Or "
                "did a model's flag, set later, pass down and undo it?)",
                everything,
            ),
            (
                "Nothing can train. A model whose own flag is off hides all its layers, whatever "
                "their flags say.",
                [],
            ),
            (model_hint, last(plan)),
            (model_hint, last(one_deep)),
            ("Layers without weights, such as Activation, are not counted.", counted),
            (norm_hint, skipping),
            (
                "A BatchNormalization below the last k is frozen, too.",
                [name for name in everything if name in right or kind(name) == "norm"],
            ),
            (
                "A BatchNormalization among the last k trains like any other layer.",
                [name for name in right if kind(name) != "norm"],
            ),
            ("One layer too few trains: look at the edge of your slice.", right[1:]),
            ("One layer too many trains: look at the edge of your slice.", everything[n - k - 1 :]),
            (norm_hint, everything[everything.index(skipping[0]) :] if k else right),
        ]
        for hint, wrong in mistakes:
            same = set(wrong) == set(right)
            check.that(same or trains != weights(wrong), f"{hint} {where}")
        wrong = sorted(tensors[len(tensors) - k :])
        same = wrong == weights(right)
        hint = "Count layers, not weights: a Dense layer has two, kernel and bias."
        check.that(same or trains != wrong, f"{hint} {where}")
        may = ", ".join(right) or "none"
        got = ", ".join(
            name for name in everything if any(t.startswith(f"{name} ") for t in trains)
        )
        hint = f"Other layers train than the last k: {got or 'none'} in place of {may} {where}."
        check.equal(trains, weights(right), hint)
        still = [m for m in moved if m.split()[0] not in right]
        hint = (
            "A frozen BatchNormalization moved its statistics: they are no trainable weights, so "
        )
        hint += "freeze the layer itself."
        check.that(not any(m.split()[1] in statistics for m in still), f"{hint} {where}")
        check.equal(still, [], f"In one step of training frozen weights moved {where}.")
        hint = f"A BatchNormalization among the last k did not move its statistics {where}."
        sure = [f"{name} {s}" for name in right if kind(name) == "norm" for s in statistics]
        check.that(set(sure) <= set(moved), hint)
        hint = f"In one step of training a layer of the last k did not move {where}."
        check.that({m.split()[0] for m in moved} >= set(right), hint)


# %% [markdown]
# ### Exercise 2: a linear probe in closed form (3 points)
#
# A probe is a linear classifier on frozen features. With squared errors it needs no training
# (**ridge regression**). Let $z$ be the features, each minus its mean and divided by its standard
# deviation *in training*, and $y_i$ the one-hot label of example $i$:
#
# $$\min_{W,\,b}\; \sum_i \lVert z_i W + b - y_i \rVert^2 + \lambda \lVert W \rVert^2$$
#
# The intercept $b$ is not penalised. A feature may be the same in all examples, a class may have
# none, and there may be fewer examples than features.


# %% exercise="ridge_probe"
def ridge_probe(features, labels, classes, strength, new):
    """Fit the probe and return its scores z W + b for new examples, (m, classes).

    features: (n, d). labels: (n,) whole numbers from 0 to classes - 1. strength: λ > 0.
    new: (m, d). Standard deviations divide by n; a feature that never varies has no say.
    """
    ### BEGIN SOLUTION
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    z, targets = (features - mean) / deviation, np.eye(classes)[labels]
    b = targets.mean(axis=0)  # since the columns of z have mean 0
    W = np.linalg.solve(z.T @ z + strength * np.eye(z.shape[1]), z.T @ (targets - b))
    return (new - mean) / deviation @ W + b
    ### END SOLUTION


# %% checks="ridge_probe" points=3
@checks.exercise("ridge_probe")
def _(check):
    def holds_nan(value):
        try:
            return value is not None and not np.isfinite(np.asarray(value, "float64")).all()
        except (TypeError, ValueError):
            return False  # check.array says what is wrong with it

    def solve(z, y, strength):
        return np.linalg.lstsq(
            np.concatenate([z, np.sqrt(strength) * np.eye(z.shape[1])]),
            np.concatenate([y, np.zeros((z.shape[1], y.shape[1]))]),
            rcond=None,
        )[0]

    for n, d, classes, constant, absent in [
        (32, 5, 3, None, False),
        (16, 7, 4, None, True),
        (8, 20, 3, None, False),
        (16, 9, 3, 0.0, False),
        (16, 6, 4, 2.0, True),
    ]:
        m = 6
        strength = float(check.rng.uniform(3, 6))
        there = np.arange(classes - absent)
        labels = np.concatenate([there, check.rng.choice(there, n - len(there))])
        labels = check.rng.permutation(labels).astype("int64")
        centres = check.rng.normal(size=(classes, d))
        scale = 10 ** check.rng.uniform(-0.7, 0.7, d)
        x = (centres[labels] + check.rng.normal(size=(n, d)) + 2) * scale
        new = (
            centres[check.rng.integers(0, classes, m)] + check.rng.normal(size=(m, d)) + 3
        ) * scale
        if constant is not None:
            x[:, 1] = new[:, 1] = constant
        where = f"({n} examples, {d} features, {classes} classes"
        where += ", one without an example" if absent else ""
        where += ", one feature never varies)" if constant is not None else ")"

        answer = check.ask("ridge_probe", x, labels, classes, strength, new)
        hint = f"NaN or infinite scores {where}: "
        hint += "a deviation of 0 is no divisor." if constant is not None else "what divides by 0?"
        check.that(not holds_nan(answer), hint)
        hint = f"One score for each new example and class {where}."
        answer = check.array(check.array(answer), (m, classes), hint)

        mean, own = x.mean(0), x.std(0)
        s = np.where(own > 0, own, 1.0)
        z, t, y = (x - mean) / s, (new - mean) / s, np.eye(classes)[labels]
        b = y.mean(0)
        W = solve(z, y - b, strength)
        right = t @ W + b
        ones, spread = np.ones((n, 1)), new.std(0)
        both = solve(np.concatenate([z, ones], 1), y, strength)
        sample = s * np.sqrt(n / (n - 1))
        raw, least = solve(x - mean, y - b, strength), np.linalg.lstsq(z, y - b, rcond=None)[0]
        free = np.linalg.lstsq(x - mean, y - b, rcond=None)[0]
        e = np.exp(right - right.max(1, keepdims=True))
        mistakes = [
            (
                "The intercept is missing: the scores of a class have its share as their mean.",
                t @ W,
            ),
            (
                "The intercept is not penalised: yours is drawn towards 0.",
                t @ both[:-1] + both[-1],
            ),
            ("λ has no part in your fit.", t @ least + b),
            (
                "λ has no part in your fit, and the features are not standardised.",
                (new - mean) @ free + b,
            ),
            ("Standardise new examples, too, before W.", new @ W + b),
            (
                "New examples are standardised by mean and deviation of training, not their own.",
                (new - new.mean(0)) / np.where(spread > 0, spread, 1) @ W + b,
            ),
            ("New examples lose the mean of training, too.", new / s @ W + b),
            ("New examples are divided by the deviations of training, too.", (new - mean) @ W + b),
            (
                "Centred, but not divided by the deviations: features differ in scale.",
                (new - mean) @ raw + b,
            ),
            (
                "Nothing is standardised: λ weighs on all features alike.",
                new @ solve(x, y, strength),
            ),
            ("Centre the features as well as divide them.", new / s @ solve(x / s, y, strength)),
            (
                "Divide by the standard deviation, not by the variance.",
                (new - mean) / s**2 @ solve((x - mean) / s**2, y - b, strength) + b,
            ),
            (
                "The deviations divide by n here, not by n - 1.",
                (new - mean) / sample @ solve((x - mean) / sample, y - b, strength) + b,
            ),
            (
                "Errors are summed over the examples: λ is not multiplied by n.",
                t @ solve(z, y - b, n * strength) + b,
            ),
            (
                "Errors are summed over the examples: λ is not divided by n.",
                t @ solve(z, y - b, strength / n) + b,
            ),
            (
                "λ itself stands in the equations, not its square.",
                t @ solve(z, y - b, strength**2) + b,
            ),
            (
                "λ itself stands in the equations, not its root.",
                t @ solve(z, y - b, strength**0.5) + b,
            ),
            (
                "The gradients of both terms have a factor of 2, so λ needs none.",
                t @ solve(z, y - b, 2 * strength) + b,
            ),
            (
                "The gradients of both terms have a factor of 2, so λ is not halved.",
                t @ solve(z, y - b, strength / 2) + b,
            ),
            (
                "λ is added on the diagonal alone: λ times the identity.",
                t @ np.linalg.pinv(z.T @ z + strength) @ z.T @ (y - b) + b,
            ),
            ("The targets are 0 and 1, not -1 and 1.", 2 * right - 1),
            ("Return the scores themselves, not probabilities.", e / e.sum(1, keepdims=True)),
            (
                "Return the scores, not only which class is largest.",
                np.eye(classes)[right.argmax(1)],
            ),
            ("Classes are counted from 0: yours are off by one.", np.roll(right, 1, axis=1)),
        ]
        for hint, wrong in mistakes:
            same = np.allclose(right, wrong, rtol=0, atol=2e-3)
            check.that(same or not np.allclose(answer, wrong, rtol=0, atol=5e-4), f"{hint} {where}")
        hint = (
            f"Some scores differ {where}: standardise by training, solve for W, add the intercept."
        )
        check.close(answer, right, hint, atol=3e-3)  # keras.ops on a GPU round to 10 bits


# %% [markdown]
# ### Exercise 3: a step with a rate for each layer (2 points)
#
# Early layers know what all pictures share, so they should move least. Howard and Ruder (2018) gave
# each layer its own rate: with $L$ layers, numbered $l = 0$ at the bottom to $L - 1$, the head,
#
# $$\eta_l = \eta\, \gamma^{\,L - 1 - l}, \qquad v \leftarrow \mu v - \eta_l\, g, \qquad
# w \leftarrow w + v$$
#
# That is Keras's `SGD` with momentum $\mu$. A layer has several arrays, such as kernel and bias;
# layers numbered below `frozen` keep both their arrays and their velocities $v$.


# %% exercise="layerwise_step"
def layerwise_step(arrays, gradients, velocities, layer, rate, decay, momentum, frozen):
    """One step of SGD with momentum, slower from layer to layer towards the bottom.

    arrays, gradients, velocities: three lists of p arrays, of equal shapes place by place.
    layer: (p,), the layer that each array belongs to, from 0 to L - 1, in any order; each occurs.
    rate: η. decay: γ, 0 < γ < 1. momentum: μ. frozen: layers numbered below it stay.
    Returns two lists of p arrays: the new arrays and the new velocities.
    """
    ### BEGIN SOLUTION
    arrays, velocities = list(arrays), list(velocities)
    for i, number in enumerate(layer):
        if number >= frozen:
            eta = rate * decay ** (max(layer) - number)
            velocities[i] = momentum * velocities[i] - eta * gradients[i]
            arrays[i] = arrays[i] + velocities[i]
    return arrays, velocities
    ### END SOLUTION


# %% checks="layerwise_step" points=2
@checks.exercise("layerwise_step")
def _(check):
    def answered(p, shapes, arguments, where):
        found = check.ask("layerwise_step", *arguments)
        check.that(found is not None, "Nothing came back: is the return statement missing?")
        hint = "Return two lists: the new arrays, then the new velocities."
        check.that(isinstance(found, list) and len(found) == 2, hint)
        y = []
        for part, word in zip(found, ("arrays", "velocities"), strict=True):
            hint = f"The new {word} are a list of {p} arrays {where}."
            check.that(isinstance(part, list) or getattr(part, "ndim", 0), hint)
            check.that(len(part) == p, hint)
            for i, (value, shape) in enumerate(zip(part, shapes, strict=True)):
                hint = f"Item {i} of the new {word} has another shape than the array {where}."
                y.append(check.array(check.array(value), shape, hint).ravel())
        return np.concatenate(y[:p]), np.concatenate(y[p:])

    def tried(layer, frozen):
        layer, p, L = np.array(layer), len(layer), max(layer) + 1
        shapes = [(3, 2), (2,), (2, 2, 1), (4,), (2, 3), (1,)][:p]
        lists = [[check.rng.normal(size=shape) for shape in shapes] for _ in range(3)]
        rate, decay = check.rng.uniform(0.3, 0.6, 2).tolist()
        mu = float(check.rng.uniform(0.6, 0.9))
        where = f"(layers {', '.join(map(str, layer))}; frozen = {frozen})"
        y = answered(p, shapes, (*lists, layer, rate, decay, mu, frozen), where)

        w, g, v = (np.concatenate([a.ravel() for a in arrays]) for arrays in lists)  # all in one

        def each(values):
            return np.repeat(values, [np.prod(shape, dtype=int) for shape in shapes])

        def go(eta, still=None):
            still = each(layer < frozen) if still is None else still
            new = np.where(still, v, mu * v - each(eta) * g)
            return w + np.where(still, 0, new), new

        power = rate * decay ** (L - 1 - layer)
        right, still, e, place = go(power), each(layer < frozen), each(power), np.arange(p)

        def moved(dw, dv):  # what layers that train do
            return w + np.where(still, 0, dw), np.where(still, v, dv)

        def at_rest(dw, dv):  # what frozen layers do
            return np.where(still, w + dw, right[0]), np.where(still, dv, right[1])

        new, turned = mu * v - e * g, mu * v + e * g
        power_hint = "γ is a power: each layer further down multiplies once more."
        keeps = "A frozen layer keeps its velocity, too: yours"
        mistakes = [
            ("Velocities came first in yours: the new arrays come first.", right[::-1]),
            ("Nothing moved.", (w, v)),
            ("The wrong end is slow: the head has the full rate.", go(rate * decay**layer)),
            ("The head has the full rate η: yours is slowed once too often.", go(power * decay)),
            ("γ goes with the number of layers above: yours is off by one.", go(power / decay)),
            (
                "Go by the array's layer, not by its place in the list.",
                go(rate * decay ** (p - 1 - place)),
            ),
            ("L is the number of layers, not of arrays.", go(rate * decay ** (p - 1 - layer))),
            ("γ has no part: all layers move at one rate.", go(rate + 0 * power)),
            ("Rates fall towards the bottom: multiply by γ, not divide.", go(rate**2 / power)),
            (power_hint, go(np.where(layer == L - 1, rate, rate * decay))),
            (power_hint, go(rate * decay * (L - 1 - layer))),
            (power_hint, go(rate * np.where(layer == L - 1, 1, decay * (L - 1 - layer)))),
            ("γ is taken to a power, not η.", go((rate * decay) ** (L - 1 - layer))),
            (
                "Powers of γ are counted from the head, not from the lowest layer that trains.",
                go(rate * decay ** (layer - frozen).clip(0)),
            ),
            (
                "A frozen layer moves on by its old velocity: rate 0 is not enough.",
                at_rest(mu * v, mu * v),
            ),
            ("Layers numbered below `frozen` may not move.", go(power, each(layer < 0))),
            (
                "The wrong end is frozen: the lowest layers stay as they are.",
                go(power, each(layer >= L - frozen)),
            ),
            (
                "One layer too many is frozen: the one numbered `frozen` trains.",
                go(power, each(layer <= frozen)),
            ),
            ("One layer too few is frozen.", go(power, each(layer < frozen - 1))),
            ("`frozen` counts layers, not arrays in the list.", go(power, each(place < frozen))),
            (f"{keeps} becomes 0.", at_rest(0, 0 * v)),
            (f"{keeps} gathers gradients.", at_rest(0, new)),
            (f"{keeps} fades.", at_rest(0, mu * v)),
            ("Uphill: the gradient is subtracted.", moved(turned, turned)),
            ("The velocity has its sign already: it is added to the weights.", moved(-new, new)),
            (
                "The rate belongs inside the velocity, as in Keras: v is what is added to w.",
                moved(-e * (mu * v + g), mu * v + g),
            ),
            ("μ has no part: the old velocity counts, too.", moved(-e * g, v)),
            ("μ has no part: the old velocity counts, too.", moved(-e * g, -e * g)),
            ("μ multiplies the old velocity.", moved(v - e * g, v - e * g)),
            (
                "The gradient is not weighed by 1 - μ here.",
                moved(mu * v - (1 - mu) * e * g, mu * v - (1 - mu) * e * g),
            ),
            ("The weights move by the new velocity, not by the old one.", moved(v, new)),
            (
                "That is Nesterov's momentum: here the new velocity itself is added.",
                moved(mu * new - e * g, new),
            ),
            (
                "γ slows the gradient's part alone, not the velocity gathered before.",
                moved(e / rate * (mu * v - rate * g), e / rate * (mu * v - rate * g)),
            ),
            ("The velocities returned are the old ones.", (right[0], v)),
            ("The weights did not move, only the velocities.", (w, right[1])),
        ]
        for hint, wrong in mistakes:
            same = all(np.allclose(a, b, atol=2e-3) for a, b in zip(right, wrong, strict=True))
            hit = all(np.allclose(a, b, atol=1e-4) for a, b in zip(y, wrong, strict=True))
            check.that(same or not hit, f"{hint} {where}")
        hint = f"Some velocities differ {where}: μ v - η g, with the rate of the array's own layer."
        check.close(y[1], right[1], hint)
        check.close(y[0], right[0], f"Some new arrays differ {where}: add the new velocity.")

    tried([0, 0, 1, 1, 2, 2], 0)
    tried([0, 1, 1, 2, 3], 2)
    tried([2, 0, 0, 3, 1, 3], 1)
    tried([1, 1, 0, 2, 2, 2], 2)


# %% [markdown]
# ### Exercise 4: a LoRA layer (3 points)
#
# Section 3 had LoRA (Hu et al. 2021) as an equation. Now as a layer that takes the place of a
# `Dense` one and learns a correction of low rank $r$:
#
# $$y = x\,\Big(W + \frac{\alpha}{r}\, A B\Big) + b$$
#
# $A$ starts at random and $B$ at zero, so that at first nothing changes. Only $A$ and $B$ train.
# Write a class inside your function that derives from `layers.Layer`, and return an instance; what
# its `call` computes must be tensors, so use `ops`, not NumPy. The check holds it against Keras's
# own `enable_lora`, which therefore is no answer.


# %% exercise="add_lora"
def add_lora(dense, rank, alpha):
    """A Keras layer that computes what `dense` does, plus a correction that can be trained.

    dense: a built Dense layer without activation; its kernel W (d, k), its bias b (k,), or None
    where it has none. The layer takes x (..., d). It has two weights that train, `A` (d, rank),
    random afresh for each layer, and `B` (rank, k), zeros, as attributes of these names; W and b
    are frozen. Its method `merged()` returns the one matrix W + alpha / rank * A B, (d, k), as A
    and B then are.
    """

    ### BEGIN SOLUTION
    class Lora(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = dense
            self.dense.trainable = False
            d, k = dense.kernel.shape
            self.A = self.add_weight(shape=(d, rank), initializer="he_uniform", name="A")
            self.B = self.add_weight(shape=(rank, k), initializer="zeros", name="B")

        def call(self, x):
            correction = ops.matmul(ops.matmul(x, self.A), self.B)
            return self.dense(x) + alpha / rank * correction

        def merged(self):
            return self.dense.kernel + alpha / rank * ops.matmul(self.A, self.B)

    return Lora()
    ### END SOLUTION


# %% [markdown]
# Run this cell once too. The check sees your layer through it: it builds a `Dense` layer, gives it
# to you, sets `A` and `B` to what the check wants, trains one step and reports all numbers.


# %% harness="add_lora"
def run_add_lora(kernel, bias, rank, alpha, A, B, x, target):
    """Build the layer, then report it at the start, with A and B as given, and trained a step."""
    dense = layers.Dense(kernel.shape[1], use_bias=bias is not None)
    dense.build((None, kernel.shape[0]))
    dense.set_weights([kernel] if bias is None else [kernel, bias])
    layer = add_lora(dense, rank, alpha)
    if not isinstance(layer, layers.Layer):
        return type(layer).__name__
    inputs = keras.Input(x.shape[1:])
    try:
        outputs = layer(inputs)
    except AttributeError as problem:  # on JAX, what Keras makes of an error that it cannot copy
        while problem.__context__ is not None:
            problem = problem.__context__
        raise problem
    model = keras.Model(inputs, outputs)
    found = {"trains": [list(w.shape) for w in model.trainable_weights]}
    found["borrowed"] = bool(dense.lora_enabled)
    for name, given in (("A", A), ("B", B)):
        weight = getattr(layer, name, None)
        found[name] = list(weight.shape) if isinstance(weight, keras.Variable) else None
        if found[name] != list(given.shape):
            return found

    def now():
        numbers = layer.A, layer.B, layer(x), layer.merged()
        return [None if a is None else np.array(ops.convert_to_numpy(a)) for a in numbers]

    found["start"] = now()
    layer.A.assign(A)
    layer.B.assign(B)
    found["set"] = now()
    if found["trains"] and np.any(found["set"][2] != found["start"][2]):
        model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
        model.train_on_batch(x, target)
    found["trained"] = now()
    return found


# %% checks="add_lora" points=3
@checks.exercise("add_lora")
def _(check):
    def refuse(y, right, mistakes, where):
        for hint, wrong in mistakes:
            same = np.allclose(right, wrong, rtol=0, atol=0.1)
            check.that(same or not np.allclose(y, wrong, rtol=0, atol=0.02), f"{hint} {where}")

    starts = []
    for shape, k, rank, with_bias in [
        ((6, 5), 4, 2, True),
        ((6, 5), 4, 2, True),
        ((2, 3, 5), 4, 1, True),
        ((6, 5), 4, 3, False),
    ]:
        d = shape[-1]
        W, A, B = next(check.arrays((d, k), (d, rank), (rank, k), count=1))
        x, target = next(check.arrays(shape, (*shape[:-1], k), count=1))
        b = check.rng.normal(size=k).astype("float32") if with_bias else None
        alpha = float(check.rng.uniform(5, 6.5))  # so that no two mistakes are alike
        where = f"(W {d} × {k}, rank {rank}, {'with' if with_bias else 'without'} a bias)"
        found = check.ask("run_add_lora", W, b, rank, alpha, A, B, x, target)
        hint = f"Return an instance of your layer: yours is of type {found}."
        check.that(isinstance(found, dict), hint)
        hint = "enable_lora is Keras's own LoRA: write the correction yourself, from the equation."
        check.that(not found["borrowed"], hint)
        for name, right in (("A", [d, rank]), ("B", [rank, k])):
            hint = f"The layer has no weight called {name}: make it by self.add_weight and keep it "
            check.that(found[name] is not None, f"{hint}as self.{name} {where}.")
            hint = f"{name} has the shape {found[name]}, expected {right} {where}."
            check.that(found[name] == right, hint)
            if name == "A" and "B" not in found:
                break
        trains, two = sorted(found["trains"]), sorted([[d, rank], [rank, k]])
        hint = "W trains still: freeze the Dense layer (or keep its kernel out of training)."
        check.that([d, k] not in trains, f"{hint} {where}")
        check.that([k] not in trains, f"The bias trains still: b is frozen, like W {where}.")
        check.that(trains, f"Nothing trains: A and B must {where}.")
        hint = f"Exactly A and B train; in yours, weights of shapes {trains} do {where}."
        check.equal(trains, two, hint)

        offset = 0 if b is None else b
        base, s = x @ W + offset, alpha / rank
        A0, B0, y0, _ = found["start"]
        A0, B0 = check.array(A0), check.array(B0)
        if not np.any(B0):
            hint = "A and B are both zero: then neither ever gets a gradient. Draw A at random."
            check.that(np.any(A0), f"{hint} {where}")
        hint = f"Turned round: A starts at random and B at zero {where}."
        check.that(np.any(A0) or not np.any(B0), hint)
        hint = f"B does not start at zero, so the layer's answers change at once {where}."
        check.that(not np.any(B0), hint)
        hint = "A is not random: all its values, or its columns, are the same."
        alike = np.ptp(A0) == 0 or (rank > 1 and np.ptp(A0, axis=1).max() == 0)
        check.that(not alike, f"{hint} {where}")
        hint = f"A begins with the same numbers each time: draw it at random {where}."
        check.that(not any(np.array_equal(A0, old) for old in starts), hint)
        starts.append(A0)

        hint = f"The output has another shape than that of the Dense layer {where}."
        y0 = check.array(check.array(y0), base.shape, hint)
        correction = s * (x @ A @ B)
        mistakes = [
            ("The Dense layer's own answer is missing.", 0 * base),
            ("The Dense layer's own answer is missing: b alone is left.", 0 * base + offset),
            ("The bias is missing.", x @ W),
            ("The bias is added twice: the Dense layer adds it already.", base + offset),
        ]

        refuse(y0, base, mistakes, where)
        hint = f"At the start, B = 0, the layer must answer as the Dense layer does {where}."
        check.close(y0, base, hint, rtol=5e-3)

        oracle = layers.Dense(k, use_bias=with_bias)
        oracle.build((None, d))
        oracle.enable_lora(rank, lora_alpha=alpha)
        values = [W, A, B] if b is None else [W, b, A, B]
        for weight, value in zip(oracle.weights, values, strict=True):
            weight.assign(value)
        right = ops.convert_to_numpy(oracle(x))
        A1, B1, y1, merged = found["set"]
        wrong_scales = [
            ("α / r is missing: A B is scaled.", 1),
            ("Divide by the rank: A B is scaled by α / r, not by α.", alpha),
            ("α is missing: A B is scaled by α / r, not by 1 / r.", 1 / rank),
            ("α is divided by the rank, not multiplied.", alpha * rank),
            ("The scale is turned round: α / r, not r / α.", rank / alpha),
            ("α / r is meant, not α over the root of r.", alpha / rank**0.5),
            ("The scale counts once: yours is squared.", s**2),
            ("The correction is added, not subtracted.", -s),
        ]
        mistakes = [
            ("A and B have no part in the output: it is still the one of the start.", base),
            ("The Dense layer's own answer is missing.", correction),
            ("W's part is missing.", correction + offset),
            ("The bias is missing.", right - offset),
            ("The bias is added twice: the Dense layer adds it already.", right + offset),
        ]
        mistakes += [(hint, base + f * (x @ A @ B)) for hint, f in wrong_scales]
        y1 = check.array(check.array(y1), base.shape, "The output changed its shape.")
        refuse(y1, right, mistakes, where)
        hint = f"With A and B set to other values the output differs from Keras's {where}."
        check.close(y1, right, hint, rtol=5e-3)

        hint = f"merged() returns nothing: is the return statement missing {where}?"
        check.that(merged is not None, hint)
        hint = f"merged() returns one matrix of the shape of W {where}."
        merged, whole = check.array(check.array(merged), (d, k), hint), W + s * A @ B
        mistakes = [
            ("merged() returns W alone (or what it was at the start): add the correction.", W),
            ("merged() returns the correction alone: add W.", s * A @ B),
            ("merged() returns A B alone: scale it and add W.", A @ B),
            ("The bias is no part of the merged matrix.", whole + offset),
        ]
        mistakes += [(f"merged(): {hint}", W + f * A @ B) for hint, f in wrong_scales]
        refuse(merged, whole, mistakes, where)
        check.close(merged, whole, f"merged() differs from W + α/r A B {where}.", rtol=5e-3)

        A2, B2, y2, merged = (check.array(part) for part in found["trained"])
        rows, error = x.reshape(-1, d), 2 * (right - target).reshape(-1, k) / target.size
        dA, dB = s * rows.T @ error @ B.T, s * (rows @ A).T @ error
        hint = f"A step of training moved neither A nor B {where}."
        check.that(np.any(A2 != A1) or np.any(B2 != B1), hint)
        check.that(np.any(A2 != A1), f"A step of training did not move A {where}.")
        check.that(np.any(B2 != B1), f"A step of training did not move B {where}.")
        hint = f"One step of SGD moved A otherwise than the gradient of the squared error {where}."
        check.close(A2, A - 0.1 * dA, hint, rtol=5e-3)
        check.close(B2, B - 0.1 * dB, hint.replace(" A ", " B "), rtol=5e-3)
        hint = f"After a step, output or merged() do not follow from the new A and B {where}."
        check.close(merged, W + s * A2 @ B2, hint, rtol=5e-3)
        check.close(y2, x @ (W + s * A2 @ B2) + offset, hint, rtol=5e-3)


# %% [markdown]
# ### Going further (no points)
#
# Freeze from the other end: which single layer, trained alone, helps most on the new digits? Let
# the probe look at each layer of the frozen network in turn: where are the new digits easiest to
# read? Give LoRA rank 1 in one layer and 4 in another, at an equal count of weights. Add two
# learned corrections to one $W$: does it then do both tasks?
