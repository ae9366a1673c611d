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
# # 02 · Neurons
#
# **What can one neuron do, and what changes when there are layers of them?**
#
# You need: NumPy; matrix products; the threshold unit and XOR (lesson 01). You will build a neuron,
# a layer and a network from equations, count what they are made of, and measure what they can and
# cannot express. How `fit` finds the weights is a promise here: lesson 03 keeps it. The graded lab
# is the last section.
#
# | profile | data | needs | time |
# |---|---|---|---|
# | `quick` | 1,797 real digits (in scikit-learn) | 2 CPU cores, 2 GB | 35 to 60 s |
# | `full` | MNIST, Fashion-MNIST | a GPU (or patience), 45 MB download | not measured yet |
#
# Without a GPU you get `quick`; the line that the first cell prints says which. Times are for an
# idle machine.

# %% setup=true
import importlib.util
import itertools
import subprocess
import sys

if importlib.util.find_spec("dlutils") is None:  # on Colab: fetch the course's helper package
    course = "git+{{repository}}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", course], check=True)

from dlutils import runtime

lab = runtime.start("02_neurons", seed=2)

import keras
import numpy as np
from keras import layers
from scipy import special

from dlutils import callbacks, checks, claims, datasets, ensemble, plotting, widgets

# %% [markdown]
# ## 1 · One neuron
#
# A neuron takes numbers $x_1, \dots, x_k$, gives each a **weight**, adds them up with a **bias**
# $b$, and bends the sum by an **activation** $f$:
#
# $$y = f(z), \qquad z = b + \sum_{i=1}^{k} w_i x_i$$
#
# With a step as $f$ this is the threshold unit of lesson 01. Here is a smooth step, the *sigmoid*.


# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def neuron(x, w, b, f=sigmoid):
    """x: (k,), w: (k,), b: a number. Returns a number."""
    z = b
    for i in range(len(w)):
        z = z + w[i] * x[i]
    return f(z)


print(f"{neuron([1.0, 2.0], [0.5, -1.0], 0.3):.4f}")

# %% [markdown]
# With two inputs we can see all it does. Turn the weights $w$, make them longer, move the bias.
# On the line where the output is 0.5 the neuron is undecided. (Without a running kernel you see
# some settings.)


# %%
def view(degrees, bias, length):
    towards = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    w, along = length * towards, np.array([-towards[1], towards[0]])
    border = -bias / length * towards + np.array([[-9], [9]]) * along
    paths = {"the weights w": np.array([[0, 0], w]), "output 0.5": border}
    names, title = ("x1", "x2"), f"w = ({w[0]:.1f}, {w[1]:.1f}), b = {bias:.1f}"
    options = {"label": "output", "names": names, "title": title}
    figure = plotting.surface(lambda x: neuron(x.T, w, bias), [-5, 5], [-5, 5], paths, **options)
    figure.axes[0].set_aspect("equal")  # else right angles do not look it
    return figure


widgets.explore(view, degrees=(0, 90, 15), bias=(-4.0, 4.0, 2.0), length=[2, 4])

# %% [markdown]
# The weights point to where the answer grows; their length says how steeply. The border between
# "rather no" and "rather yes" is a straight line at right angles to $w$, and the bias shifts it:
# its distance from the origin is $|b| / \lVert w \rVert$. One neuron draws one straight border,
# as long as its $f$ only rises. That is all it can do.
#
# (Every claim of this course is measured. Where two things should agree, the line below shows their
# largest difference and whether it is small enough; one that is not stops the notebook.)

# %%
w, b = np.array([3.0, -4.0]), 2.0
nearest = -b * w / np.sum(w**2)  # the border's point nearest to the origin
claims.close("output on the border", neuron(nearest, w, b), 0.5, 1e-12)
claims.close("distance of the border", np.hypot(*nearest), abs(b) / np.hypot(*w), 1e-12)

# %% [markdown]
# ## 2 · Why bend at all?
#
# The usual activations:
#
# | name | $f(z)$ | why |
# |---|---|---|
# | sigmoid | $1 / (1 + e^{-z})$ | from 0 to 1: a probability |
# | tanh | $2\,\mathrm{sigmoid}(2z) - 1$ | the same curve around zero |
# | ReLU | $\max(0, z)$ | cheap, never flat above zero (Fukushima 1969) |
# | GELU | $z\,\Phi(z)$ | a smooth ReLU (Hendrycks & Gimpel 2016) |
#
# $\Phi(z) = \frac12 (1 + \mathrm{erf}(z / \sqrt2))$ is the cumulative normal distribution: how
# likely a normal random number lies below $z$.


# %%
def tanh(z):
    return 2 * sigmoid(2 * z) - 1


def relu(z):
    return np.maximum(0, z)


def gelu(z):
    return z * (1 + special.erf(z / np.sqrt(2))) / 2


z = np.linspace(-4, 4, 401)
bends = {"sigmoid": sigmoid, "tanh": tanh, "ReLU": relu, "GELU": gelu}
values = {name: f(z) for name, f in bends.items()}
plotting.curves(z, values, "sum z", "output f(z)", title="Four ways to bend")

# %%
for name, f in bends.items():
    by_keras = getattr(keras.activations, name.lower())(z.astype("float32"))
    claims.close(f"{name} against Keras", f(z), by_keras, 1e-5)

# %% [markdown]
# What training uses is the *slope* of $f$: it says how the output reacts to a small change. Sigmoid
# and tanh are flat at both ends, they **saturate**: whatever happens there, hardly anything passes
# through. ReLU has slope 1 wherever it answers, and 0 where it is silent. GELU rounds that corner
# off; it even falls a little below zero, and its slope overshoots 1.

# %%
slopes = {name: np.gradient(f(z), z) for name, f in bends.items()}
plotting.curves(z, slopes, "sum z", "slope of f at z", title="Where a change passes, and where not")

# %%
passed = {depth: slopes["sigmoid"].max() ** depth for depth in (1, 10)}
claims.at_most("largest slope of the sigmoid", passed[1], 0.2501)
claims.at_most("ten of them in a row, at best", passed[10], 1e-6)

# %% [markdown]
# A chain of ten sigmoids multiplies their slopes: of a change, less than a millionth comes through,
# unless large weights in between make up for it. Keep that in mind for lesson 03, where errors
# travel back through all layers.
#
# ### Without a bend, depth is an illusion
#
# Two layers that only weigh and add are one layer: $W_2 (W_1 x) = (W_2 W_1)\, x$. However many you
# stack, the border stays straight.

# %%
rng = lab.rng(1)
one, two, x = rng.normal(size=(5, 4)), rng.normal(size=(3, 5)), rng.normal(size=4)
claims.close("two linear layers against one", two @ (one @ x), (two @ one) @ x, 1e-12)

# %% [markdown]
# ### Softmax: many answers at once
#
# For ten classes we want ten probabilities. **Softmax** (Bridle 1990) makes scores positive by
# $e^z$ and divides by their sum; with two classes it is a sigmoid of the difference.
#
# $$p_i = \frac{e^{z_i}}{\sum_j e^{z_j}} = \frac{e^{z_i - m}}{\sum_j e^{z_j - m}} \quad
# \text{for any } m$$


# %%
def softmax_naive(z):
    return np.exp(z) / np.exp(z).sum()


def softmax(z):
    """z: (classes,). Subtracting the largest score changes nothing but the size of the numbers."""
    e = np.exp(z - z.max())
    return e / e.sum()


large = np.array([1000.0, 999.0, 0.0])
with np.errstate(all="ignore"):
    print("naive: ", softmax_naive(large))
print("stable:", softmax(large).round(4))

# %% [markdown]
# $e^{1000}$ is more than a computer's numbers can hold: infinity over infinity is NaN, "not a
# number". With $m = \max_j z_j$ every exponent is at most 0. Multiply the scores and the answer
# gets more certain; add a constant to all, and nothing changes.

# %%
scores = np.array([2.0, 1.0, 0.0, -1.0])
factors = [0.2, 1, 2, 5]
table = np.stack([softmax(c * scores) for c in factors])
rows, columns = [f"× {c}" for c in factors], [f"{s:.0f}" for s in scores]
title = "The same scores, multiplied: softmax gets more certain"
names = "score of a class", "all scores"
plotting.heat(table, rows, columns, *names, "probability", fmt=".2f", title=title)

# %%
claims.close("softmax against Keras", softmax(scores), keras.ops.softmax(scores), 1e-6)
claims.close("plus 100: no change", softmax(scores + 100), softmax(scores), 1e-12)
claims.close("two classes: sigmoid", softmax(scores[:2])[0], sigmoid(scores[0] - scores[1]), 1e-12)

# %% [markdown]
# ## 3 · A layer is a matrix product
#
# A layer has several neurons, or **units**, all looking at the same inputs. Put the weights of unit
# $j$ into column $j$ of a matrix, the examples into rows:
#
# | what | symbol | shape | here |
# |---|---|---|---|
# | a batch of examples | $X$ | (examples, inputs) | (6, 3) |
# | weights, one column a unit | $W$ | (inputs, units) | (3, 4) |
# | biases, one a unit | $b$ | (units,) | (4,) |
# | answers, $f(XW + b)$ | $Y$ | (examples, units) | (6, 4) |


# %%
def layer_loops(X, W, b, f):
    Y = np.zeros((len(X), W.shape[1]))
    for n in range(len(X)):
        for j in range(W.shape[1]):
            Y[n, j] = neuron(X[n], W[:, j], b[j], f)
    return Y


def layer(X, W, b, f):
    return f(X @ W + b)  # b is added to every row


X, W, b = rng.normal(size=(6, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)
print(X.shape, "@", W.shape, "+", b.shape, "->", layer(X, W, b, relu).shape)

# %% [markdown]
# `keras.layers.Dense` keeps its weights in just these shapes. Give it ours, and it must agree with
# our loops and with our matrix product.

# %%
for name, f in bends.items():
    dense = layers.Dense(4, activation=name.lower())
    dense.build((None, 3))
    dense.set_weights([W, b])
    by_keras = dense(X.astype("float32"))
    claims.close(f"loops against Dense, {name}", layer_loops(X, W, b, f), by_keras, 1e-5)
    claims.close(f"matrix against Dense, {name}", layer(X, W, b, f), by_keras, 1e-5)

# %% [markdown]
# ### Layers of layers
#
# Feed one layer's answers to the next. The inputs form the **visible** layer: we set them. Layers
# between input and output are **hidden**: nobody says what their units should mean. Computing from
# left to right is called **forward propagation**.

# %%
sizes = {"x": 3, "h": 4, "y": 2}
nodes = {f"{s}{i}": f"{s}{i}" for s, count in sizes.items() for i in range(1, count + 1)}
edges = [(a, b) for a in nodes for b in nodes if a[0] + b[0] in ("xh", "hy")]
title = "3 visible inputs, 4 hidden units, 2 outputs; each arrow is a weight"
plotting.graph(nodes, edges, title=title)


# %%
def forward(X, stack):
    """X: (examples, inputs). stack: list of (W, b, f), first layer first."""
    for W, b, f in stack:
        X = layer(X, W, b, f)
    return X


def linear(z):
    return z


V, c = rng.normal(size=(4, 2)), rng.normal(size=2)
stack = [(W, b, relu), (V, c, linear)]
model = keras.Sequential([layers.Input((3,)), layers.Dense(4, "relu"), layers.Dense(2)])
model.set_weights([W, b, V, c])
claims.close("two layers against Keras", forward(X, stack), model(X.astype("float32")), 1e-5)

# %% [markdown]
# ### What there is to learn
#
# A layer with $n$ inputs and $m$ units has $n m$ weights and $m$ biases:
#
# $$\text{parameters} = \sum_{\text{layers}} (n + 1)\, m$$
#
# Activations add none, nor does flattening (images into rows of numbers) or dropout (silencing
# units at random in training, lesson 04). Count first, then ask Keras.


# %%
def parameters(sizes):
    """sizes: numbers in the input, of units in each hidden layer, and of outputs."""
    return sum((n + 1) * m for n, m in itertools.pairwise(sizes))


for sizes in [(3, 4, 2), (64, 10), (64, 128, 10), (784, 512, 512, 10)]:
    stacked = [layers.Input((sizes[0],)), *[layers.Dense(m) for m in sizes[1:]]]
    by_keras = keras.Sequential(stacked).count_params()
    claims.between(f"parameters of {sizes}", parameters(sizes), by_keras, by_keras)

# %%
sizes = (784, 512, 512, 10)
where = {f"{n} to {m}": parameters((n, m)) for n, m in itertools.pairwise(sizes)}
plotting.bars(where, "parameters", title="An MNIST network: most of it looks at pixels")

# %% [markdown]
# ## 4 · Adding units
#
# Points inside a disc against points around it: no straight line can part them. A hidden unit with
# ReLU is a fold along one line; the output weighs the folds, and its border can bend at every fold.
# How many are needed? (`quick` and `full` do the same here.)

# %%
points = lab.rng(3).uniform(-1, 1, (500, 2))
distance = np.hypot(*points.T)
points = points[(distance < 0.5) | (distance > 0.65)]  # leave a gap
inside = (np.hypot(*points.T) < 0.575).astype(int)
print(f"{len(points)} points, {inside.mean():.0%} inside")

# %% [markdown]
# To compare widths fairly we train each several times, from different random weights, all side by
# side. They share arrays as wide as the widest; what a narrow network lacks is filled with zeros. A
# ReLU unit with only zeros is **dead**: it is silent, has no slope, and stays so. Here that is
# handy. (`ensemble.MLPs` trains networks with one hidden layer; take its settings as given until
# lessons 03 and 04.)


# %%
def start(width, most, inputs, outputs, rng):
    """Random weights for `width` hidden units, zeros for the others (Glorot & Bengio 2010)."""
    W, V = np.zeros((inputs, most)), np.zeros((most, outputs))
    for weights in (W[:, :width], V[:width]):
        limit = np.sqrt(6 / sum(weights.shape))
        weights[:] = rng.uniform(-limit, limit, weights.shape)
    return [W, np.zeros(most), V, np.zeros(outputs)]


def side_by_side(widths, runs, inputs, outputs, classes=None, **options):
    """An ensemble: `runs` networks of the first width, then of the second, and so on."""
    seeds = 1000 * lab.seed + np.arange(runs)
    each = [(w, int(s)) for w in widths for s in seeds]
    starts = [start(w, max(widths), inputs, outputs, lab.rng(s)) for w, s in each]
    settings = [dict(seed=s, init=a, **options) for (_, s), a in zip(each, starts, strict=True)]
    return ensemble.MLPs(settings, inputs, classes, (max(widths),), outputs)


# %% [markdown]
# Thirty networks, five of each width, about 3 seconds. `fit` changes all weights step by step so
# that an error on the points, the **loss**, gets smaller. It goes through all points 40 times, 40
# **epochs**. *How* is lesson 03.

# %%
widths, runs = [1, 2, 3, 4, 8, 16], 5
networks = side_by_side(widths, runs, 2, 2, classes=2, rate=0.03)
bar = callbacks.Progress("thirty networks")
history = networks.fit(points, inside, lab.epochs(40), callbacks=[bar])
losses = history["loss"][:, -1].reshape(len(widths), runs)
right = (networks.predict(points).argmax(-1) == inside).mean(axis=1).reshape(losses.shape)
best = losses.argmin(axis=1)  # of five runs, the one with the lowest loss

# %%
labels = [f"{units} hidden unit{'s' * (units > 1)}" for units in widths]
shares = dict(zip(labels, right, strict=True))
plotting.spread(shares, "points on the right side", title="More units, and fewer unlucky runs")


# %% [markdown]
# Our own `forward` draws what the best of each five learned. Move the slider.


# %%
def regions(units):
    i = widths.index(units)
    W, b, V, c = networks.weights(i * runs + best[i])
    stack, classes = [(W, b, relu), (V, c, linear)], ["around", "inside"]
    title = f"{units} hidden unit{'s' * (units > 1)}"
    answer = lambda x: forward(x, stack)  # noqa: E731
    figure = plotting.decision_regions(answer, points, inside, classes, title)
    figure.axes[0].set_aspect("equal")
    return figure


widgets.explore(regions, units=widths)

# %%
claims.at_most(
    "best run with 1 unit, over calling all “around”", right[0].max() - (1 - inside.mean()), 0.02
)
claims.at_most("best run with 2 units", right[1].max(), 0.92)
claims.at_least("best run with 4 units", right[3].max(), 0.97)
claims.at_least("mean of five runs with 16 units", right[5].mean(), 0.97)

# %% [markdown]
# One unit could draw a straight border, but here none is better than to call everything *around*.
# Two: a corner or a strip, still open. Three folds can close around the disc, nearly. But *can* is
# not *does*: with three or four units some runs end far from the best. More units make it likely
# that some start in a useful place.
#
# ### XOR, trained
#
# In lesson 01 two hidden units solved XOR, with weights set by hand. Let `fit` look for them, forty
# times for each width.

# %%
corners, xor = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
xor_widths, xor_runs = [2, 3, 4, 8, 16], 40
networks = side_by_side(xor_widths, xor_runs, 2, 2, classes=2, rate=0.03)
many = np.tile(corners, (400, 1)), np.tile(xor, 400)  # the same four points over and over
networks.fit(*many, lab.epochs(8), callbacks=[callbacks.Progress("200 networks")])
solved = (networks.predict(corners).argmax(-1) == xor).all(axis=1)
share = solved.reshape(-1, xor_runs).mean(axis=1)
named = {f"{units} hidden units": s for units, s in zip(xor_widths, share, strict=True)}
plotting.bars(named, "share of 40 runs that solve XOR", percent=True, title="Enough is not enough")


# %%
def silent(W, b):
    """Which of the first two units answer 0 to all four corners."""
    return (relu(corners @ W + b) == 0).all(axis=0)[:2]


two = range(xor_runs)
at_start = np.array([silent(*start(2, 16, 2, 2, lab.rng(1000 * lab.seed + i))[:2]) for i in two])
at_end = np.array([silent(*networks.weights(i)[:2]) for i in two])
failed = ~solved[:xor_runs]
claims.at_most("share of runs that solve XOR with 2 units", share[0], 0.45)
claims.at_least("share of runs that solve XOR with 16 units", share[-1], 0.8)
claims.at_least(
    "of the runs that fail, share with a silent unit", at_end[failed].any(1).mean(), 0.5
)
born = (at_start & at_end).any(1).sum() / at_end.any(1).sum()
claims.between("of those, share with a unit silent from the start", born, 0.2, 1)

# %% [markdown]
# An honest failure: two units suffice, and yet most trainings with two units fail. In most of the
# failures a unit answers 0 to all four points and has no slope to learn by. Many of these units
# were silent from the first moment, others died on the way. What a network *can express* and what
# training *finds* are two questions. The rest of this lesson is mostly about the first one.

# %% [markdown]
# ## 5 · Any curve, with enough units
#
# The **universal approximation theorem** (Cybenko 1989; Hornik 1991; Leshno et al. 1993): one
# hidden layer comes as near as you like to any continuous function on a closed, bounded region, if
# it has enough units and its activation is no polynomial. For one input and ReLU we can build the
# proof. Unit $j$ switches on at a corner $k_j$:
#
# $$y(x) = c + \sum_{j=1}^{n} v_j \,\mathrm{ReLU}(x - k_j)$$


# %%
def target(x):
    return np.sin(2 * x)


def build(n, low=-2.0, high=2.0):
    """n units through n + 1 points of the target: n + 1 equations for v_1, …, v_n and c."""
    x = np.linspace(low, high, n + 1)
    W, b = np.ones((1, n)), -x[:-1]  # unit j has its corner at the j-th point
    units = relu(x[:, None] @ W + b)
    v = np.linalg.solve(np.column_stack([units, np.ones(n + 1)]), target(x))
    return [(W, b, relu), (v[:-1, None], v[-1:], linear)]


# %% [markdown]
# Watch it close in on the target, one unit more in each frame. Below, two of the frames in one
# picture: all units together make straight pieces with a corner at each point.

# %%
x = np.linspace(-2, 2, 2001)[:, None]
goal = target(x[:, 0]).round(9)  # rounded, so that pictures do not depend on the last digit
fitted = {n: forward(x, build(n))[:, 0].round(9) for n in range(2, 17)}
frames = []
for n, y in fitted.items():
    title = f"{n} hidden unit{'s' * (n > 1)}"
    frames.append(plotting.curves(x[:, 0], {"sin(2x)": goal, "network": y}, "x", "y", title))
plotting.animate(frames, fps=2, alt="A network of 2 to 16 ReLU units closes in on sin(2x).")

# %%
lines = {"sin(2x)": goal, "4 units": fitted[4], "8 units": fitted[8]}
title = "A ReLU network is made of straight pieces"
plotting.curves(x[:, 0], lines, "x", "y", title=title)

# %% [markdown]
# How fast does the error fall? For a smooth function each straight piece of length $h$ misses by at
# most $\frac{h^2}{8} \max |f''|$, so twice the units should give a quarter of the error. Beside it
# two rivals: the same network *trained*, five times each (about 8 seconds; training lowers the mean
# error, the chart shows the largest), and units that square their input, a polynomial, which the
# theorem excludes.

# %%
units = [2, 4, 8, 16, 32, 64, 128]
built = [np.abs(forward(x, build(n)) - target(x)).max() for n in units]
samples, epochs = np.linspace(-2, 2, 257)[:, None], lab.epochs(100)
steps = epochs * -(-len(samples) // 32)
networks = side_by_side(
    units, 5, 1, 1, rate=0.01, schedule=lambda s: (1 + np.cos(np.pi * min(1, s / steps))) / 2
)
bar = callbacks.Progress("35 networks")
networks.fit(samples, target(samples), epochs, callbacks=[bar])
trained = np.abs(networks.predict(x)[..., 0] - target(x[:, 0])).max(axis=1).reshape(-1, 5).T
parabola = np.polyval(np.polyfit(x[:, 0], target(x[:, 0]), 2), x[:, 0])
squares = [np.abs(parabola - target(x[:, 0])).max()] * len(units)

# %%
errors = {"built": built, "trained, mean of 5": trained.mean(axis=0), "squaring units": squares}
title = "Error by width: the theorem, and what training makes of it"
names = "hidden units", "largest error on [-2, 2]"
plotting.curves(units, errors, *names, title, xscale="log", yscale="log")

# %%
slope = np.polyfit(np.log(units[-4:]), np.log(built[-4:]), 1)[0]
claims.between("slope of the built error on logarithmic axes", slope, -2.1, -1.9)
bound = (4 / 128) ** 2 / 8 * 4  # the largest curvature of sin(2x) is 4
claims.at_most("error of 128 units, built, over the bound", built[-1] / bound, 1.001)
claims.at_most("trained, error of 16 units over 2", trained.mean(0)[3] / trained.mean(0)[0], 0.4)
claims.at_least(
    "trained, error of 128 units over 32", trained.mean(0)[-1] / trained.mean(0)[4], 0.4
)
claims.at_least("128 units, error trained over built", trained.mean(0)[-1] / built[-1], 10)
claims.at_least("error of squaring units, any number of them", squares[0], 0.5)

# %% [markdown]
# Built by hand, the error falls with the square of the width. Trained, it falls more slowly, and
# then no more: with these steps, 128 units end where 32 are already. Squaring units never gain,
# since a sum of parabolas is a parabola. The theorem promises that good weights *exist*. It does
# not say how many units a hard function needs, nor that training finds the weights.

# %%
wide = np.linspace(-4, 4, 801)[:, None]
beyond = forward(wide, build(32))[:, 0]
lines = {"sin(2x)": target(wide[:, 0]), "32 units": beyond}
label, title = "x (points were given from -2 to 2)", "Beyond the points"
plotting.curves(wide[:, 0], lines, label, "y", title=title)

# %%
claims.at_least("error at x = 4", np.abs(beyond - target(wide[:, 0]))[-1], 1)

# %% [markdown]
# To the right of the points the last piece goes on, straight, for ever. To the left every unit is
# silent, and the network answers its last bias. Nothing in it knows that a sine returns.
#
# ## 6 · Why layers, if one is enough?
#
# Because a second layer folds what the first has folded. Two units make a tent, $t(x) =
# 2\,\mathrm{ReLU}(x) - 4\,\mathrm{ReLU}(x - \frac12)$ on $[0, 1]$. Feed the tent to a tent: two
# tents; again: four; again: eight (Telgarsky 2016). Each layer adds two units and *doubles* the
# pieces; in one wide layer a unit adds a single piece.


# %%
def tents(depth):
    W, b, V = np.ones((1, 2)), np.array([0, -0.5]), np.array([[2.0], [-4.0]])
    again = [(V @ W, b, relu)] * (depth - 1)  # out of one tent and into the next
    return [(W, b, relu), *again, (V, np.zeros(1), linear)]


def pieces(stack, x):
    slopes = np.diff(forward(x[:, None], stack)[:, 0])
    return 1 + np.count_nonzero(np.diff(slopes))


x = np.arange(4097) / 4096  # exact in binary
lines = {f"{d} layer{'s' * (d > 1)}": forward(x[:, None], tents(d))[:, 0] for d in (1, 2, 3)}
plotting.curves(x, lines, "x", "y", title="Two, four and six units, two in a layer")

# %%
depths = np.arange(1, 9)
deep = [pieces(tents(d), x) for d in depths]
counted = {"tents, two units a layer": deep, "one layer, at most": 2 * depths + 1}
names = "hidden units", "straight pieces", "Depth multiplies, width adds"
plotting.curves(2 * depths, counted, *names, yscale="log")

# %%
claims.close("pieces with d layers of two units, against 2 to the d", deep, 2**depths, 0)
claims.at_least("pieces, 16 units deep over 16 units wide", deep[-1] / (2 * 8 + 1), 15)

# %% [markdown]
# With two or four units one layer is still ahead; from six on, depth wins, and exponentially. That
# is one reason to make networks deep, not only wide. Only one: weights this special are not what
# training finds by itself, and training deep stacks has troubles of its own (lessons 03 to 05).
#
# ## 7 · A network that reads
#
# Real digits, scanned (Alpaydin & Kaynak 1998), 600 kept for the test. Two contestants: ten units
# on the pixels with a softmax, a *linear* model, and a **multilayer perceptron** (MLP) with two
# hidden layers. How to train (dropout, Adam, a learning rate that falls) is lesson 04's subject.

# %%
data = lab.load(quick="digits", full="mnist")
shape = data.x_train.shape[1:]
plotting.images(data.x_train[:10], data.y_train[:10], title="Images and their labels")


# %%
def network(shape, hidden):
    stack, share = [layers.Input(shape), layers.Flatten()], lab.pick(quick=0.4, full=0.3)
    for units in hidden:
        stack += [layers.Dense(units, activation="relu"), layers.Dropout(share)]
    return keras.Sequential([*stack, layers.Dense(10, activation="softmax")])


def fit(model, x, y, epochs, rate, label, batch=64):
    """Let Keras find the weights, with a learning rate that falls to zero."""
    x, y, epochs = lab.part(x), lab.part(y), lab.epochs(epochs)
    falling = keras.optimizers.schedules.CosineDecay(rate, epochs * -(-len(x) // batch))
    adam, loss = keras.optimizers.Adam(falling), "sparse_categorical_crossentropy"
    model.compile(adam, loss, metrics=["accuracy"], jit_compile=lab.jit)
    bar = callbacks.Progress(label)
    return model.fit(x, y, batch, epochs, verbose=0, callbacks=[bar])


# %% [markdown]
# About 8 seconds for both. The test digits are only measured: nothing is chosen by them.

# %%
hidden, epochs, rate = lab.pick(quick=((256, 256), 40, 0.007), full=((1024, 1024), 30, 1e-3))
contest = {
    "linear": (network(shape, ()), lab.pick(quick=0.05, full=3e-3)),
    "MLP": (network(shape, hidden), rate),
}
centred = {}
for name, (model, rate) in contest.items():
    fit(model, data.x_train, data.y_train, epochs, rate, name, lab.pick(quick=32, full=128))
    centred[name] = model.evaluate(data.x_test, data.y_test, 200, verbose=0)[1]

# %%
mlp = contest["MLP"][0]
dense = [one for one in mlp.layers if isinstance(one, layers.Dense)]
stack = [(*one.get_weights(), relu) for one in dense[:-1]]
stack.append((*dense[-1].get_weights(), lambda z: special.softmax(z, axis=-1)))
flat = data.x_test[:500].reshape(500, -1)
ours, by_keras = forward(flat, stack), mlp.predict(data.x_test[:500], 250, verbose=0)
claims.close("our forward propagation against the trained model", ours, by_keras, 1e-5)

# %% [markdown]
# What did the linear model learn? Each of its units has one weight for each pixel. Blue pixels
# speak for the digit, orange ones against it; the line below each picture says how large its
# weights are.

# %%
templates = contest["linear"][0].layers[-1].get_weights()[0]
pictures = {f"digit {c}": templates[:, c].reshape(shape[:2]) for c in range(10)}
plotting.beside(pictures, columns=5, title="The weights of the ten units, as pictures")

# %% [markdown]
# Now put every digit at a random place on a larger canvas, as in section 6 of lesson 01. About 15
# seconds.

# %%
size, copies = shape[0] * 7 // 4, lab.pick(quick=3, full=1)
x = np.concatenate([datasets.place(data.x_train, size, lab.rng(10 + i)) for i in range(copies)])
y, x_test = np.tile(data.y_train, copies), datasets.place(data.x_test, size, lab.rng(99))
anywhere = {}
for name, units, rate in [("linear", (), 0.01), ("MLP", hidden, lab.pick(quick=4e-3, full=1e-3))]:
    model = network(x.shape[1:], units)
    fit(model, x, y, epochs // 2, rate, f"{name}, anywhere", lab.pick(quick=64, full=128))
    anywhere[name] = model.evaluate(x_test, data.y_test, 200, verbose=0)[1]

# %%
# Whiskers: half the 95 % interval (Wilson 1927), as far as chance alone moves an accuracy.
both = {"in the middle": centred, "anywhere": anywhere}
table = {f"{n}, {place}": a for place, found in both.items() for n, a in found.items()}
n, a = len(data.y_test), np.array(list(table.values()))
half = 1.96 / (1 + 1.96**2 / n) * np.sqrt(a * (1 - a) / n + (1.96 / n / 2) ** 2)
errors = dict(zip(table, half, strict=True))
label, title = "test accuracy, with 95 % interval", "The same digits, in the middle and anywhere"
plotting.bars(table, label, errors=errors, percent=True, title=title)

# %%
lead = centred["MLP"] - centred["linear"]
claims.at_least("MLP, digits in the middle", centred["MLP"], lab.pick(quick=0.965, full=0.985))
bars = lab.pick(quick=(-0.01, 0.035), full=(0.04, 0.1))
claims.between("its lead over the linear model", lead, *bars)
claims.at_least("MLP, digits anywhere", anywhere["MLP"], 0.8)
claims.at_most("linear model, digits anywhere", anywhere["linear"], 0.35)

# %% [markdown]
# In the middle of a small image the linear model is about as good: templates suffice, and hidden
# layers buy a point or two, hardly more than chance makes of 600 digits. Anywhere on the canvas,
# one template a digit fails, since every pixel is part of every digit somewhere. Hidden units can
# take sides: this stroke *here*, that one *there*. Still the MLP learns each place anew; lesson 05
# cures that.
#
# ### Clothes, in `full` only
#
# Fashion-MNIST with the same network. (In `quick` the next cell does nothing.)

# %%
for name in lab.pick(quick=[], full=["fashion_mnist"]):
    try:
        more = datasets.load(name)
    except datasets.DatasetUnavailable as problem:
        print(problem)  # the lesson does not need it
        continue
    model = network(more.x_train.shape[1:], hidden)
    fit(model, more.x_train, more.y_train, epochs, 1e-3, name, batch=128)
    found = model.evaluate(more.x_test, more.y_test, 200, verbose=0)[1]
    claims.at_least(f"{name} test accuracy", found, 0.9)


# %% [markdown]
# ## 8 · And the neurons in your head?
#
# What McCulloch & Pitts (1943) simplified: a cell adds up currents from other cells; above a
# threshold it sends a short pulse, a *spike*. The **leaky integrate-and-fire** model (Lapicque
# 1907) keeps the time: a voltage $v$ leaks away with $\tau = 20$ ms, is driven by a current $u$,
# and is reset by each spike.
#
# $$\tau \frac{dv}{dt} = -v + u, \qquad v \ge 1:\ \text{spike},\ v = 0 \text{ for 2 ms}$$


# %%
def spiking(u, time=2000, dt=0.1, tau=20, rest=2):
    """u: (cells,). Returns spikes per second (cells,), and voltages (steps, cells)."""
    v, silent, spikes = np.zeros_like(u), np.zeros_like(u), np.zeros_like(u)
    trace = []
    for _ in range(round(time / dt)):
        silent = silent - dt
        v = np.where(silent > 1e-9, 0, v + dt * (u - v) / tau)
        fired = v >= 1
        v, silent, spikes = np.where(fired, 0, v), np.where(fired, rest, silent), spikes + fired
        trace.append(v)
    return 1000 * spikes / time, np.array(trace)


u = np.linspace(0, 3, 61)
rates, trace = spiking(u)

# %%
shown = {f"u = {u[i]:.2f}": trace[:1500, i] for i in (19, 23, 40)}
title = "Three cells: below the threshold, above, far above"
plotting.curves(np.arange(1500) / 10, shown, "time (ms)", "voltage (thresholds)", title=title)

# %%
fits = [np.polyfit(relu(u - k), rates, 1) for k in np.linspace(0, 1.5, 31)]
lines = [a * relu(u - k) + b for (a, b), k in zip(fits, np.linspace(0, 1.5, 31), strict=True)]
nearest = min(lines, key=lambda line: np.sum((line - rates) ** 2))
curves = {"spiking cell": rates, "ReLU": nearest}
title = "How often a cell spikes, and the ReLU nearest to it"
plotting.curves(u, curves, "current u (thresholds)", "spikes per second", title=title)

# %%
above = u > 1
exact = 1000 / (2 + 20 * np.log(u[above] / (u[above] - 1)))  # solve the equation for the period
claims.close("spikes per second against the exact solution", rates[above], exact, 2)
claims.at_most("spikes per second below the threshold", rates[u < 1].max(), 0)
explained = 1 - np.var(nearest - rates) / np.var(rates)
claims.at_least("share of the variance that a ReLU explains", explained, 0.95)

# %% [markdown]
# The nearest ReLU (its threshold, slope and offset fitted) explains nearly all of it, and misses
# what matters to some: the cell is silent up to its threshold, then starts with a jump.
#
# What the analogy gets right:
#
# - Many inputs are weighed and added, and a threshold decides.
# - A stronger stimulus means more spikes (Adrian & Zotterman 1926).
# - Learning changes the strength of connections.
#
# What it does not:
#
# - Spikes have times; our numbers have none.
# - A dendrite, one branch of one cell, can compute XOR (Gidon et al. 2020). To imitate one cortical
#   cell took a network of five to eight layers (Beniaguev et al. 2021).
# - A cell acts through the same transmitter at all its endings (Eccles et al. 1954), so it excites
#   or inhibits; a unit has weights of both signs, and training may change them.

# %% [markdown]
# A human brain has some 86 billion neurons (Azevedo et al. 2009). Whether it learns by anything
# like lesson 03 is doubtful (Crick 1989) and open (Lillicrap et al. 2020). Take "neural" as a name
# for a useful piece of mathematics with a story, not as a claim about brains.

# %% [markdown]
# ## What you take along
#
# **What can one neuron do, and what changes when there are layers of them?** One neuron draws one
# straight border (section 1). A hidden layer with a bend comes as near as you like to any
# continuous curve on an interval, given enough units (4, 5); further layers can multiply what each
# unit is worth (6). All of it is matrix products and bends, equal to Keras's to 1e-5 (3).
#
# What it cannot do: tell you its weights. Training found worse weights than we built by hand,
# missed XOR with just enough units, and nothing is known beyond the data (4, 5). And where a linear
# model is as good, it is the better choice (7). Lesson 03 opens `fit`: how a network finds out
# which weight to blame.

# %% [markdown]
# ### Sources
#
# - Adrian & Zotterman 1926, The Impulses Produced by Sensory Nerve-Endings II, Journal of
#   Physiology 61, doi:10.1113/jphysiol.1926.sp002281
# - Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI, doi:10.24432/C50P49
# - Azevedo et al. 2009, Equal Numbers of Neuronal and Nonneuronal Cells, Journal of Comparative
#   Neurology 513, doi:10.1002/cne.21974
# - Beniaguev, Segev & London 2021, Single Cortical Neurons as Deep Artificial Neural Networks,
#   Neuron 109, doi:10.1016/j.neuron.2021.07.002
# - Bridle 1990, Probabilistic Interpretation of Feedforward Classification Network Outputs,
#   Neurocomputing (NATO ASI F68), doi:10.1007/978-3-642-76153-9_28
# - Crick 1989, The Recent Excitement about Neural Networks, Nature 337, doi:10.1038/337129a0
# - Cybenko 1989, Approximation by Superpositions of a Sigmoidal Function, Mathematics of Control,
#   Signals and Systems 2, doi:10.1007/BF02551274
# - Eccles, Fatt & Koketsu 1954, Cholinergic and Inhibitory Synapses, Journal of Physiology 126,
#   doi:10.1113/jphysiol.1954.sp005226
# - Fukushima 1969, Visual Feature Extraction by a Multilayered Network of Analog Threshold
#   Elements, IEEE Transactions on Systems Science and Cybernetics 5, doi:10.1109/TSSC.1969.300225
# - Gidon et al. 2020, Dendritic Action Potentials and Computation in Human Layer 2/3 Cortical
#   Neurons, Science 367, doi:10.1126/science.aax6239
# - Glorot & Bengio 2010, Understanding the Difficulty of Training Deep Feedforward Neural
#   Networks, AISTATS, PMLR 9
# - Hendrycks & Gimpel 2016, Gaussian Error Linear Units, arXiv:1606.08415
# - Hornik 1991, Approximation Capabilities of Multilayer Feedforward Networks, Neural Networks 4,
#   doi:10.1016/0893-6080(91)90009-T
# - Lapicque 1907, Recherches quantitatives sur l'excitation électrique des nerfs, Journal de
#   Physiologie et de Pathologie Générale 9; translated by Brunel & van Rossum 2007, Biological
#   Cybernetics 97, doi:10.1007/s00422-007-0190-0
# - Leshno, Lin, Pinkus & Schocken 1993, Multilayer Feedforward Networks with a Nonpolynomial
#   Activation Function Can Approximate Any Function, Neural Networks 6,
#   doi:10.1016/S0893-6080(05)80131-5
# - Lillicrap et al. 2020, Backpropagation and the Brain, Nature Reviews Neuroscience 21,
#   doi:10.1038/s41583-020-0277-3
# - McCulloch & Pitts 1943, A Logical Calculus of the Ideas Immanent in Nervous Activity, Bulletin
#   of Mathematical Biophysics 5, doi:10.1007/BF02478259
# - Telgarsky 2016, Benefits of Depth in Neural Networks, COLT, arXiv:1602.04485
# - Wilson 1927, Probable Inference, the Law of Succession, and Statistical Inference, Journal of
#   the American Statistical Association 22, doi:10.1080/01621459.1927.10502953

# %% [markdown]
# ## Lab (10 points)
#
# Write each function in place of `raise NotImplementedError`, run the cell, then the check below
# it. A check draws fresh numbers every time and tells you what to look at next. NumPy arrays go
# in; arrays or lists may come out. The first cell of the notebook is all that the lab needs, and
# all that a grader runs before it: use NumPy, SciPy and Keras, not the functions of the lesson.
#
# ### Exercise 1: activations that cannot overflow (3 points)
#
# Section 2 had softmax for one row. Now arrays of any shape, with values from -1000 to 1000, and no
# answer may be NaN or infinite. (Warnings are allowed: $1/(1 + e^{1000})$ overflows on the way and
# is still right.) New is the **softplus**, a smooth ReLU: $\log(1 + e^z)$, which needs a rewriting.
# Softmax works along the last axis, each row by itself. GELU is the exact one of section 2.


# %% exercise="activation"
def activation(name, z):
    """name: "sigmoid", "tanh", "relu", "gelu", "softplus" or "softmax".

    z: array of any shape, at least one axis. Returns an array of the same shape.
    """
    ### BEGIN SOLUTION
    if name == "softmax":
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)
    formulas = {
        "sigmoid": special.expit,
        "tanh": np.tanh,
        "relu": lambda z: np.maximum(0, z),
        "gelu": lambda z: z * special.ndtr(z),
        "softplus": lambda z: np.logaddexp(0, z),
    }
    return formulas[name](z)
    ### END SOLUTION


# %% checks="activation" points=3
@checks.exercise("activation")
def _(check):
    def tilted(z):  # GELU by its tanh approximation
        return z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))) / 2

    right = {
        "relu": lambda z: np.where(z > 0, z, 0),
        "sigmoid": special.expit,
        "tanh": np.tanh,
        "gelu": lambda z: z * special.ndtr(z),
        "softplus": lambda z: np.logaddexp(0, z),
        "softmax": lambda z: special.softmax(z, axis=-1),
    }
    hints = {
        "relu": "ReLU keeps what is above zero and answers 0 otherwise.",
        "sigmoid": "sigmoid: look at the sign in the exponent, and at where the 1 stands.",
        "tanh": "tanh rises from -1 to 1 and is 0 at 0.",
        "gelu": "gelu weighs z by the normal distribution function at z, with sqrt(2) inside erf.",
        "softplus": "softplus is the natural logarithm of 1 + e^z, for each value by itself.",
        "softmax": "softmax: larger scores get exponentially larger shares of their own row.",
    }
    for name, exact in right.items():
        for shape in [(7,), (4, 6), (2, 3, 5)]:
            z = next(check.arrays(shape, scale=2, count=1)).astype("float64")
            y = check.ask("activation", name, z)
            y = check.array(y, shape, f"{name}: the answer has the shape of z, here {shape}.")
            if name == "softmax":
                hint = "Each row, along the last axis, must sum to 1: which axis did you sum over?"
                check.close(y.sum(-1), np.ones(shape[:-1]), hint)
            if name == "gelu":
                hint = "That is the tanh approximation of GELU; the exact one is asked for."
                told_apart = np.abs(tilted(z) - exact(z)).max() > 1e-4
                check.that(not (told_apart and np.allclose(y, tilted(z), atol=1e-6)), hint)
            check.close(y, exact(z), hints[name], rtol=2e-5, atol=2e-6)
        z = check.rng.permuted(np.array([-1000.0, -900, -50, 0, 50, 900, 1000, 3])).reshape(2, 4)
        low, most = check.rng.uniform(-1000, -990, (1, 4)), np.full((1, 4), -1000.0)
        most[0, check.rng.integers(4)] = 1000  # far above the mean of its row
        z = np.concatenate([z, low, most, np.full((1, 4), 1000.0)])
        hint = f"{name} fails for values of ±1000: an exponential overflows, or a whole row "
        hint += "becomes 0. Which rewriting keeps every exponent at or below zero?"
        if name == "softmax":
            hint = (
                "softmax fails for ±1000: subtract a number before exp, for each row its own, so "
            )
            hint += "that no exponent is above zero."
        y = check.array(check.ask("activation", name, z), z.shape, hint)
        check.close(y, exact(z), f"{name} is wrong for values as large as ±1000.", rtol=2e-5)


# %% [markdown]
# ### Exercise 2: a whole network, remembered (2 points)
#
# Section 3 returned the last answer only. To learn, a network needs to remember what every layer
# said (lesson 03 uses it all). And an example may come alone, or in a batch of batches: any leading
# shape. A layer may have no biases. Softmax runs along the last axis and must not overflow.


# %% exercise="forward_all"
def forward_all(x, stack):
    """x: (..., inputs). stack: list of layers, each a list [weights, biases, name].

    weights: (inputs, units). biases: (units,) or None. name: "linear", "relu", "tanh" or
    "softmax". Returns a list: x itself, then the output (..., units) of every layer.
    """
    ### BEGIN SOLUTION
    outputs = [x]
    for weights, biases, name in stack:
        z = outputs[-1] @ weights
        if biases is not None:
            z = z + biases
        if name == "relu":
            z = np.maximum(0, z)
        elif name == "tanh":
            z = np.tanh(z)
        elif name == "softmax":
            z = special.softmax(z, axis=-1)
        outputs.append(z)
    return outputs
    ### END SOLUTION


# %% checks="forward_all" points=2
@checks.exercise("forward_all")
def _(check):
    bend = {
        "linear": lambda z: z,
        "relu": lambda z: np.maximum(z, 0),
        "tanh": np.tanh,
        "softmax": lambda z: special.softmax(z, axis=-1),
    }
    plans = [
        ((5, 3), [4], ["linear"], [True]),
        ((3,), [4, 2], ["relu", "linear"], [True, True]),
        ((6, 5), [5, 5, 4], ["relu", "tanh", "softmax"], [True, True, True]),
        ((4, 5), [3, 4], ["tanh", "softmax"], [False, True]),
        ((2, 4, 3), [6, 4], ["relu", "softmax"], [True, False]),
        ((3, 4), [5], ["softmax"], [True]),
    ]
    for shape, units, names, biased in plans:
        sizes = [shape[-1], *units]
        large = names == ["softmax"]  # 1000 is added to every sum, which changes nothing
        x = check.rng.normal(size=shape)
        stack, right = [], [x]
        for n, m, name, has in zip(sizes[:-1], sizes[1:], names, biased, strict=True):
            W = check.rng.normal(size=(n, m))
            b = check.rng.normal(size=m) + 1000 * large if has else None
            stack.append([W, b, name])
            right.append(bend[name](right[-1] @ W + (0 if b is None else b)))
        found = check.ask("forward_all", x, stack)
        where = f"x of shape {shape}, layers {names}"
        hint = "A list is expected: x itself, then the output of every layer, "
        hint += f"so {len(right)} arrays for {len(stack)} layers."
        check.that(isinstance(found, list) and len(found) == len(right), hint)
        check.close(found[0], x, "The list begins with x itself.")
        for i, (y, exact) in enumerate(zip(found[1:], right[1:], strict=True)):
            what = f"Layer {i + 1} of {names}"
            hint = f"{what}, {where}: the last axis becomes the units, all others stay."
            if large:
                hint = f"{what}: exp overflows for large sums. Section 2 says how to avoid that."
            y = check.array(y, exact.shape, hint)
            W, b, name = stack[i]
            f, bias = bend[name], 0 if b is None else b
            mistakes = {
                f"{what}: that is the sum before the activation {name}.": right[i] @ W + bias,
                f"{what}: the bias belongs inside the activation.": f(right[i] @ W) + bias,
                f"{what}: the biases are missing.": f(right[i] @ W),
            }
            if i and x.shape[-1] == W.shape[0]:
                hint = f"{what}: each layer is fed the output of the one before, not x."
                mistakes[hint] = f(x @ W + bias)
            for hint, wrong in mistakes.items():
                check.that(
                    np.allclose(y, exact, atol=1e-4) or not np.allclose(y, wrong, atol=1e-4), hint
                )
            if name == "softmax":
                hint = f"{what}, {where}: softmax runs along the last axis, row by row."
                check.close(y.sum(-1), np.ones(y.shape[:-1]), hint)
            check.close(y, exact, f"{what} is wrong for {where}: f(x W + b), with its own f.")


# %% [markdown]
# ### Exercise 3: counting parameters (2 points)
#
# Now from the description of a model, as Keras builds it: flattening turns an example into one row
# of numbers; a dense layer acts along the **last axis** alone, whatever stands before it; it may
# have no biases; dropout has nothing to learn.


# %% exercise="count_parameters"
def count_parameters(shape, plan):
    """shape: list, the shape of one example, such as [28, 28, 1].

    plan: list of layers, first to last, each "flatten", "dropout", or a list [units, biased]
    for a dense layer, biased True or False. Returns an integer.
    """
    ### BEGIN SOLUTION
    shape, total = list(shape), 0
    for step in plan:
        if step == "flatten":
            shape = [int(np.prod(shape))]
        elif step != "dropout":
            units, biased = step
            total += (shape[-1] + bool(biased)) * units
            shape[-1] = units
    return total
    ### END SOLUTION


# %% checks="count_parameters" points=2
@checks.exercise("count_parameters")
def _(check):
    def arrays(shape, plan):  # the shapes of all arrays that Keras would make
        for step in plan:
            if step == "flatten":
                shape = [int(np.prod(shape))]
            elif step != "dropout":
                units, biased = step
                yield shape[-1], units
                if biased:
                    yield (units,)
                shape = [*shape[:-1], units]

    def draw(*plan):
        drawn = [[int(check.rng.integers(2, 40)), s] if isinstance(s, bool) else s for s in plan]
        return drawn

    def size():
        return int(check.rng.integers(3, 12))

    cases = [
        ([size()], draw(True), "one dense layer has a weight for each input and unit, and biases."),
        ([size()], draw(True, True, True), "each layer's inputs are the units before it."),
        ([size()], draw(True, False, True), "a layer without biases has its weights only."),
        ([size()], draw(True, "dropout", True), "dropout neither learns nor changes a shape."),
        ([size(), size(), 2], draw("flatten", True, True), "flattening multiplies all the axes."),
        ([size(), 3], draw(True, True), "without flattening, only the last axis is looked at."),
        ([size(), 3], draw(True, "flatten", False), "flattening comes after the first layer here."),
    ]
    for shape, plan, reason in cases:
        answer = check.number(
            check.ask("count_parameters", shape, plan), hint="One integer is expected."
        )
        right = sum(int(np.prod(one)) for one in arrays(shape, plan))
        check.equal(answer, right, f"Wrong for {shape} and {plan}: {reason}")


# %% [markdown]
# ### Exercise 4: a network through given points (3 points)
#
# Section 5 solved equations for equally spaced points. Yours come at any distances and in **any
# order**. Give the weights of a network with one hidden layer of ReLU units that passes through all
# of them and is straight between neighbours, with fewer hidden units than points:
#
# $$y(x) = \mathrm{ReLU}(x W_1 + b_1)\, W_2 + b_2$$


# %% exercise="relu_through"
def relu_through(x, y):
    """x, y: (points,), at least two, all x different. Hidden units: at most points - 1.

    Returns a list of four arrays: W1 (1, units), b1 (units,), W2 (units, 1), b2 (1,).
    """
    ### BEGIN SOLUTION
    order = np.argsort(x)
    corners, heights = x[order][:-1], y[order]
    slopes = np.diff(heights) / np.diff(x[order])
    changes = np.diff(slopes, prepend=0)
    return [np.ones((1, len(changes))), -corners, changes[:, None], heights[:1]]
    ### END SOLUTION


# %% checks="relu_through" points=3
@checks.exercise("relu_through")
def _(check):
    def run(x, W1, b1, W2, b2):
        return (np.maximum(x[:, None] @ W1 + b1, 0) @ W2 + b2)[:, 0]

    def draw(points, mixed):
        x = np.cumsum(check.rng.uniform(0.4, 2.0, points)) - points / 2 - 1
        order = check.rng.permutation(points) if mixed else np.arange(points)
        if mixed and (np.diff(order) > 0).all():
            order = order[::-1]
        return x[order], check.rng.uniform(0.5, 4, points) * check.rng.choice([-1, 1], points)

    for points, mixed in [(2, False), (3, False), (6, False), (3, True), (8, True), (12, True)]:
        x, y = draw(points, mixed)
        where = f"With {points} points " + ("in any order" if mixed else "from left to right")
        found = check.ask("relu_through", x, y)
        hint = "Four arrays are expected: W1, b1, W2, b2."
        check.that(isinstance(found, list) and len(found) == 4, hint)
        W1 = check.array(found[0], (1, None), "W1 has the shape (1, units).")
        units = W1.shape[1]
        b1 = check.array(found[1], (units,), "b1 has one number for each hidden unit.")
        W2 = check.array(found[2], (units, 1), "W2 has the shape (units, 1).")
        b2 = check.array(found[3], (1,), "b2 is one finite number, of the shape (1,).")
        hint = f"{where}, at most {points - 1} hidden units are allowed, and you use {units}."
        check.that(units <= points - 1, hint)
        out, s = run(x, W1, b1, W2, b2), np.sort(x)
        off = out - y
        hint = f"{where} all outputs are off by the same amount: "
        hint += "what does the network answer where every unit is silent?"
        check.that(np.abs(off).max() < 1e-3 or np.ptp(off) > 1e-3, hint)
        inner = np.sort(-b1 / np.where(W1[0] == 0, np.inf, W1[0]))
        rising = np.diff(y[np.argsort(x)]) / np.diff(s)
        if np.abs(off).max() > 1e-3 and units == points - 1:
            hint = "A unit bends where its sum is zero: look at the sign of b1."
            check.that(mixed or not np.allclose(inner, -s[:-1][::-1]), hint)
            hint = (
                "A unit acts to the right of its corner: the last point needs none, the first does."
            )
            check.that(mixed or not np.allclose(inner, s[1:]), hint)
            hint = "The first piece is right, then slopes go wrong: units further left are still "
            hint += "on, and their slopes add up."
            check.that(points == 2 or not np.allclose(W2[:, 0], rising), hint)
        hint = f"{where} the network misses some of them: "
        hint += "a piece needs a unit of its own." if units < points - 1 else ""
        if units == points - 1:
            hint += (
                "sort by x, and keep each y with its own x."
                if mixed
                else "look from left to right."
            )
        check.close(out, y, hint, rtol=1e-3, atol=1e-3)
        between = check.rng.uniform(s[0], s[-1], 200)
        straight = np.interp(between, s, y[np.argsort(x)])
        hint = f"{where} it passes through all, but is not straight between neighbours: "
        hint += "a corner may stand at a point only."
        check.close(run(between, W1, b1, W2, b2), straight, hint, rtol=1e-3, atol=1e-3)


# %% [markdown]
# ### Going further (no points)
#
# Start the trained networks of section 5 from the built weights: does training keep them, or make
# them better? Give the XOR networks tanh in place of ReLU: which fail now? How many units does a
# disc in three dimensions need, and why?
