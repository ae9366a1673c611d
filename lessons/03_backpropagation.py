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
# # 03 · Backpropagation
#
# **How does a network find out which weight to blame?**
#
# You need: NumPy; derivatives of functions of one variable; what a probability is; layers,
# activations and softmax (lesson 02). You will build an engine that differentiates whatever is
# computed with it, train a network by hand-written matrix products, and race five optimizers. The
# graded lab is the last section.
#
# | profile | data | needs | time |
# |---|---|---|---|
# | `quick` | 1,797 real digits (in scikit-learn) | 2 CPU cores, 2 GB | 25 to 50 s |
# | `full` | MNIST | 2 CPU cores, 12 MB download | not measured yet |
#
# Without a GPU you get `quick`; the line that the first cell prints says which. Times are for an
# idle machine.

# %% setup=true
import importlib.util
import itertools
import math
import subprocess
import sys
import time

if importlib.util.find_spec("dlutils") is None:  # on Colab: fetch the course's helper package
    course = "git+{{repository}}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", course], check=True)

from dlutils import runtime

lab = runtime.start("03_backpropagation", seed=3)

import keras
import numpy as np
from keras import layers, ops
from scipy import special, stats

from dlutils import autodiff, callbacks, checks, claims, plotting, widgets

# %% [markdown]
# ## 1 · Blame is a slope
#
# A network answers, and a **loss** $L$ says how wrong the answer was. Which weight is to blame?
# Wiggle one: if the loss moves a lot, that weight matters. How much it moves is the derivative
# $\partial L / \partial w$, a slope. All slopes together are the **gradient**.
#
# $$\frac{\partial L}{\partial w} \approx \frac{L(w + h) - L(w - h)}{2h}
# \qquad \text{(central difference)}$$


# %%
def loss_of_one(w, b=0.3, x=0.5, y=1.0):
    """Squared error of one neuron with one input."""
    return (np.tanh(w * x + b) - y) ** 2


def wiggle(f, w, h=1e-5):
    """w: an array. Returns the central difference of f for each number in w."""
    slopes = np.zeros_like(w)
    for i in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[i] = h
        slopes[i] = (f(w + step) - f(w - step)) / (2 * h)
    return slopes


# %% [markdown]
# How small a step? Mathematics says: the smaller, the better. A computer keeps 16 digits, and for a
# tiny $h$ the two losses agree in most of them, so their difference is mostly rounding. Measure it
# against the true slope, $2 (p - y) (1 - p^2)\, x$ with $p = \tanh(w x + b)$.

# %%
w, p = 0.8, np.tanh(0.8 * 0.5 + 0.3)
true = 2 * (p - 1) * (1 - p**2) * 0.5
steps = 10.0 ** np.arange(-13, 0)
central = [wiggle(loss_of_one, np.array(w), h) - true for h in steps]
one_sided = [(loss_of_one(w + h) - loss_of_one(w)) / h - true for h in steps]
errors = {"one-sided": one_sided, "central": central}
errors = {name: np.maximum(np.abs(e), 1e-16) for name, e in errors.items()}
title = "Too large a step, too small a step"
plotting.curves(steps, errors, "step h", "error of the slope", title, xscale="log", yscale="log")

# %%
claims.at_most("error of the central difference at h = 1e-5", errors["central"][8], 1e-9)
claims.at_least(
    "error at h = 1e-13 over h = 1e-5", errors["central"][0] / errors["central"][8], 100
)

# %% [markdown]
# On the right the error falls with $h$ (one-sided) or $h^2$ (central), on the left rounding takes
# over. With $h = 10^{-5}$ nine digits are right: a fine *test*. As a method it is hopeless: it runs
# the network twice for each weight. The answer of this lesson costs about two runs for all weights
# together.

# %% [markdown]
# ## 2 · The chain rule on a graph
#
# Break the computation into small steps, $u = wx$, $z = u + b$, $p = \tanh z$, and so on. Each step
# knows its own slope: $\partial u / \partial w = x$, $\partial z / \partial u = 1$. The **chain
# rule** says how slopes combine:
#
# - along a path, slopes multiply;
# - where several paths lead from $w$ to $L$, their products add up.


# %%
births = itertools.count()


class Value:
    """A number that remembers its parents, and how steeply it follows each of them."""

    def __init__(self, data, parents=(), slopes=(), name=""):
        self.data, self.parents, self.slopes = float(data), parents, slopes
        self.name, self.birth = name, next(births)
        self.blame = 0.0  # the slope of the output by this number, once known


def value(x):
    return x if isinstance(x, Value) else Value(x, name=f"{x:g}")


# %% [markdown]
# Adding and multiplying make a new `Value`, and note the slopes while the numbers are at hand:
# $\partial (a + b) / \partial a = 1$, and $\partial (a b) / \partial a = b$.


# %%
def add(a, b):
    a, b = value(a), value(b)
    return Value(a.data + b.data, (a, b), (1.0, 1.0), "+")


def multiply(a, b):
    a, b = value(a), value(b)
    return Value(a.data * b.data, (a, b), (b.data, a.data), "*")


Value.__add__ = Value.__radd__ = add
Value.__mul__ = Value.__rmul__ = multiply
Value.__neg__ = lambda a: a * -1.0
Value.__sub__ = lambda a, b: a + -value(b)

# %% [markdown]
# Functions of one number follow a pattern: the value $y = f(x)$, and its slope, written with $x$ or
# with $y$, whichever is shorter.


# %%
def unary(name, f, slope):
    def operation(x):
        x = value(x)
        y = f(x.data)
        return Value(y, (x,), (slope(x.data, y),), name)

    return operation


tanh = unary("tanh", math.tanh, lambda x, y: 1 - y**2)
exp = unary("exp", math.exp, lambda x, y: y)
log = unary("log", math.log, lambda x, y: 1 / x)


# %% [markdown]
# ### First try: walk every path
#
# The rule, word for word: start at the output with blame 1, go back along each path, multiply by
# the slopes on the way, add what arrives. It is correct. Count its visits in a chain of numbers,
# each the product of the last one with itself.


# %%
def walk(node, blame=1.0):
    """Add blame along every path into node. Returns the number of visits."""
    node.blame += blame
    pairs = zip(node.parents, node.slopes, strict=True)
    return 1 + sum(walk(parent, blame * slope) for parent, slope in pairs)


links, visits = np.arange(1, 15), []
for n in links:
    x = y = Value(1.0)
    for _ in range(n):
        y = y * y
    visits.append(walk(y))

# %% [markdown]
# Every number that is used twice doubles the paths: with $n$ in a row there are $2^n$. A network
# uses every number many times. The way out is to wait: let each number first collect the blame
# from *all* that was made from it, then pass on the sum, once. Children are born after their
# parents, so go from the youngest to the oldest.


# %%
def ancestors(output):
    """Everything that output was made from, and itself, youngest first."""
    found, waiting = {output}, [output]
    while waiting:
        new = set(waiting.pop().parents) - found
        found |= new
        waiting += new
    return sorted(found, key=lambda node: -node.birth)


def backpropagate(output):
    """Set the blame of all ancestors. Returns the number of visits."""
    order = ancestors(output)
    for node in order:
        node.blame = float(node is output)
    for node in order:
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.blame += slope * node.blame
    return len(order)


# %%
counts = {"every path": visits, "each number once": links + 1}
plotting.curves(
    links, counts, "products in the chain", "visits", "Collect first, then pass on", yscale="log"
)

# %%
claims.close("walking every path against 2 to the 14, difference", x.blame, 2.0**14, 0)
once = backpropagate(y)
claims.close("visiting each number once against 2 to the 14", x.blame, 2.0**14, 0)
claims.at_least("visits, every path over each number once", visits[-1] / once, 2000)

# %% [markdown]
# That is **backpropagation**: differentiation in *reverse mode*, from one output back to all inputs
# (Linnainmaa 1970; forward mode goes from one input to all outputs), proposed for networks by
# Werbos (1974), and made famous by Rumelhart, Hinton & Williams (1986), who showed what hidden
# units learn by it. Our engine fits on a page. Let it draw its own graph for the neuron of section
# 1: name, number, blame.


# %%
def draw(output, title):
    order = ancestors(output)[::-1]
    key = {node: f"{node.name} ({i})" for i, node in enumerate(order)}
    texts = {key[v]: [v.name, f"{v.data:.3f}", f"blame {v.blame:.3f}"] for v in order}
    edges = [(key[parent], key[v]) for v in order for parent in v.parents]
    return plotting.graph(texts, edges, title=title)


w, x, b, y = (Value(v, name=n) for n, v in zip("wxby", (0.8, 0.5, 0.3, 1.0), strict=True))
error = tanh(w * x + b) - y
L = error * error
backpropagate(L)
draw(L, "What the engine saw: every number with its blame")

# %% [markdown]
# Read it from the bottom up. The last product, the loss, has one parent, used twice (drawn as one
# arrow): that parent, the error, gets the blame $2 \cdot \text{error}$. Weights and inputs get
# blame alike; for training we use that of $w$ and $b$.

# %%
claims.close("engine against the formula of section 1", w.blame, true, 1e-12)
by_wiggling = wiggle(lambda pair: loss_of_one(*pair), np.array([0.8, 0.3]))
claims.close("engine against central differences", [w.blame, b.blame], by_wiggling, 1e-9)

# %% [markdown]
# ## 3 · Is it right? The gradient check
#
# A wrong gradient rarely crashes. The network trains a bit worse, and nobody knows why. So test
# every gradient that you write by hand: against central differences, and against a library. The
# subject: a network for XOR (lesson 01), two inputs, eight tanh units, one output.


# %%
def weighted(w, x):
    """w: one weight per input, the bias last."""
    z = value(w[-1])
    for weight, given in zip(w[:-1], x, strict=True):
        z = z + weight * given
    return z


def network(theta, x, bend=tanh):
    """theta: 4 n + 1 numbers, three for each of n hidden units, the others for the output."""
    n = len(theta) // 4
    hidden = [bend(weighted(theta[3 * j : 3 * j + 3], x)) for j in range(n)]
    return weighted(theta[3 * n :], hidden)


# %%
corners, xor = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), [0.0, 1.0, 1.0, 0.0]


def mean_squared_error(theta, bend=tanh):
    total = value(0.0)
    for x, y in zip(corners, xor, strict=True):
        miss = network(theta, x, bend) - y
        total = total + miss * miss
    return 0.25 * total


def gradient_of(theta, bend=tanh):
    theta = [Value(w) for w in theta]
    L = mean_squared_error(theta, bend)
    backpropagate(L)
    return L.data, np.array([w.blame for w in theta])


# %% [markdown]
# The same network once more for the library, as a function of all 33 numbers in Keras operations;
# `autodiff.grad` asks the backend (TensorFlow or JAX) for its gradient. Both are reverse mode too
# (Baydin et al. 2018 survey the family).


# %%
def by_keras(theta):
    W, c = ops.reshape(theta[:24], (8, 3)), theta[24:]
    hidden = ops.tanh(ops.matmul(corners.astype("float32"), ops.transpose(W[:, :2])) + W[:, 2])
    p = ops.matmul(hidden, ops.reshape(c[:8], (8, 1)))[:, 0] + c[8]
    return ops.mean((p - ops.convert_to_tensor(xor, "float32")) ** 2)


theta = lab.rng(1).normal(size=33)
_, gradient = gradient_of(theta)
by_wiggling = wiggle(lambda t: mean_squared_error(t).data, theta)
by_backend = autodiff.grad(by_keras)(theta.astype("float32"))

# %%
claims.close("33 slopes, engine against central differences", gradient, by_wiggling, 1e-7)
claims.close("33 slopes, engine against the backend", gradient, by_backend, 1e-5)

# %% [markdown]
# Nobody told the engine about networks: it differentiates whatever is computed. Now use the blame.
# **Gradient descent** moves every weight a little against its slope, $w \leftarrow w - \eta\,
# \partial L / \partial w$; $\eta$ is the **learning rate**. About 2 seconds.

# %%
losses = []
for _ in range(lab.epochs(400)):
    L, gradient = gradient_of(theta)
    losses.append(L)
    theta = theta - 0.1 * gradient
title = "XOR, learned by our own engine"
names = "step", "mean squared error"
plotting.curves(range(len(losses)), {"loss": losses}, *names, title, yscale="log")


# %%
def sides(points):
    W, c = theta[:24].reshape(8, 3), theta[24:]  # all points at once, for the picture
    return (np.tanh(points @ W[:, :2].T + W[:, 2]) @ c[:8] + c[8] > 0.5).astype(int)


labels, points = np.array(xor, int), corners
plotting.decision_regions(sides, points, labels, ["0", "1"], title="The borders that it found")

# %%
claims.at_most("loss after training", losses[-1], 0.05)
answers = np.array([network(theta, x).data for x in corners])
claims.between("corners on the right side", int(((answers > 0.5) == labels).sum()), 4, 4)

# %% [markdown]
# What did it cost? Count the numbers that are made or visited for one gradient. Wiggling makes the
# whole graph twice for each weight, backpropagation makes it once and visits it once. About 3
# seconds.

# %%
weights, cost = [], {"wiggling": [], "backpropagation": []}


def output_of(theta):
    return network([Value(w) for w in theta], (0.5, -1.0))


for n in (1, 2, 4, 8, 16, 32, 64):
    theta_n, begin = lab.rng(2).normal(size=4 * n + 1), next(births)
    weights.append(len(theta_n))
    wiggle(lambda t: output_of(t).data, theta_n)
    cost["wiggling"].append(next(births) - begin)
    begin, visits = next(births), backpropagate(output_of(theta_n))
    cost["backpropagation"].append(next(births) - begin + visits)
title = "What one gradient costs"
plotting.curves(weights, cost, "weights", "numbers handled", title, xscale="log", yscale="log")

# %%
saved = cost["wiggling"][-1] / cost["backpropagation"][-1]
claims.between("numbers handled, 257 weights, wiggling over backpropagation", saved, 250, 260)

# %% [markdown]
# The price is memory: all numbers of the forward pass must be kept until the way back.

# %% [markdown]
# ## 4 · What to call wrong: losses
#
# Let the network predict a *distribution*: how probable each answer is. Call the **surprise** at
# the true answer $y$ the loss, $-\log p(y)$: zero if it was certain, without bound if it was
# thought impossible. (For many examples probabilities multiply; logarithms add. This is the
# **negative log-likelihood**, in *nats*, as the logarithm is natural.) The usual losses are nothing
# else. $z$ are the last sums, a classifier's **logits**; $[i = y]$ is 1 where that is true,
# otherwise 0:
#
# | the network predicts | $-\log p(y)$ is | slope by the last sum $z$ |
# |---|---|---|
# | a normal's mean $z$ | $(y - z)^2 / 2\sigma^2$ + const. | $(z - y) / \sigma^2$ |
# | $p = \mathrm{sigmoid}(z)$ of a yes | $-y \log p - (1 - y) \log (1 - p)$ | $p - y$ |
# | $p = \mathrm{softmax}(z)$ of classes | $-\log p_y$ (**cross-entropy**) | $p_i - [i = y]$ |

# %%
rng = lab.rng(3)
z, y, sigma = rng.normal(size=5), rng.normal(size=5), 0.5
constant = np.log(sigma * np.sqrt(2 * np.pi))
squares = (y - z) ** 2 / (2 * sigma**2) + constant
claims.close("squared error against SciPy's normal", squares, -stats.norm.logpdf(y, z, sigma), 1e-9)
yes, logits, label = rng.integers(0, 2, 5), rng.normal(size=4).astype("float32"), np.array(2)
two = keras.losses.BinaryCrossentropy(from_logits=True)(yes.astype("float32"), z.astype("float32"))
bernoulli = -stats.bernoulli.logpmf(yes, special.expit(z)).mean()
claims.close("Keras's binary cross-entropy against SciPy's Bernoulli", two, bernoulli, 1e-5)
many = keras.losses.sparse_categorical_crossentropy(label, logits, from_logits=True)
claims.close(
    "Keras's cross-entropy against -log p", many, -np.log(special.softmax(logits)[2]), 1e-5
)

# %% [markdown]
# Look at the last column: the slope is *predicted minus true*, each time. That is why softmax goes
# with cross-entropy. Derive it: $L = -\log p_y = -z_y + \log \sum_j e^{z_j}$, so
#
# $$\frac{\partial L}{\partial z_i} = \frac{e^{z_i}}{\sum_j e^{z_j}} - [i = y] = p_i - [i = y].$$
#
# The row of all $[i = y]$, a 1 at the label and zeros elsewhere, is called **one-hot**. Check it by
# the engine and by the backend.

# %%
z = [Value(v) for v in logits]
backpropagate(log(exp(z[0]) + exp(z[1]) + exp(z[2]) + exp(z[3])) - z[label])
formula = special.softmax(logits.astype("float64")) - np.eye(4)[label]
claims.close("p minus one-hot against the engine", formula, [v.blame for v in z], 1e-12)
entropy = keras.losses.sparse_categorical_crossentropy
by_backend = autodiff.grad(lambda z: entropy(label, z, from_logits=True))(logits)
claims.close("p minus one-hot against the backend", formula, by_backend, 1e-5)

# %% [markdown]
# ### Why not squared error for classes?
#
# The right answer is "yes". Let the network be wrong with growing certainty ($z$ towards $-8$), and
# ask the engine how much blame each loss sends back to $z$.

# %%
z_axis, slopes = np.linspace(-8, 8, 65), {"cross-entropy": [], "squared error": []}
for at in z_axis:
    for name, found in slopes.items():
        z = Value(at)
        surprise = log(exp(-z) + 1.0)  # -log sigmoid(z)
        miss = exp(-surprise) - 1.0  # sigmoid(z) - 1
        backpropagate(surprise if name == "cross-entropy" else miss * miss)
        found.append(z.blame)
title = "Sure and wrong: squared error sends almost no blame back"
plotting.curves(z_axis, slopes, "sum z (the answer is yes)", "slope of the loss by z", title)

# %%
claims.at_most("cross-entropy, slope where z = -8", slopes["cross-entropy"][0], -0.99)
claims.at_least("squared error, slope where z = -8", slopes["squared error"][0], -0.001)

# %% [markdown]
# The sigmoid is flat there, and squared error multiplies by that flatness. The logarithm cancels
# it.

# %% [markdown]
# ## 5 · A whole layer at once
#
# A layer computes $Z = XW + b$ for $n$ examples (lesson 02). Write $dZ$ for the loss's slope by
# each number in $Z$. With indices, $Z_{nj} = \sum_i X_{ni} W_{ij} + b_j$. A weight $W_{ij}$ acts on
# $Z_{nj}$, with slope $X_{ni}$, for every example $n$. Sum over these paths:
#
# $$dW_{ij} = \sum_n X_{ni}\, dZ_{nj}, \quad \text{a matrix product.}$$
#
# The others follow in the same way:
#
# | blame of | formula | shape |
# |---|---|---|
# | weights | $dW = X^\top dZ$ | (inputs, units) |
# | biases | $db = \sum_{\text{rows}} dZ$ | (units,) |
# | inputs | $dX = dZ\, W^\top$ | (n, inputs) |
# | sums $S$ before a ReLU, $X = \max(0, S)$ | $dS = dX \cdot [X > 0]$, each | (n, inputs) |


# %%
def forward_pass(X, net):
    """net: a list of [W, b]. Returns all layers' answers, X first and the logits last."""
    answers = [X]
    for i, (W, b) in enumerate(net):
        Z = answers[-1] @ W + b
        answers.append(Z if i == len(net) - 1 else np.maximum(0, Z))
    return answers


def backward_pass(answers, net, dZ):
    """dZ: blame of the logits. Returns a list of [dW, db, dZ], first layer first."""
    blames = []
    for (W, _), X in zip(net[::-1], answers[-2::-1], strict=True):
        blames.append([X.T @ dZ, dZ.sum(axis=0), dZ])
        dZ = dZ @ W.T * (X > 0)
    return blames[::-1]


# %% [markdown]
# The last layer's blame is that of section 4, over $n$ because the loss is a mean. Weights start
# random; section 8 says why with this spread.


# %%
def logits_blame(logits, y):
    """Slope of the mean cross-entropy by the logits (n, classes), for integer labels y."""
    return (special.softmax(logits, axis=1) - np.eye(logits.shape[1])[y]) / len(y)


def mean_entropy(logits, y):
    return -np.mean(special.log_softmax(logits, axis=1)[np.arange(len(y)), y])


def random_net(sizes, rng, gain=2.0):
    """Weights with variance gain / inputs (section 8 calls the gain c), biases zero."""
    pairs = itertools.pairwise(sizes)
    return [[rng.normal(size=(n, m)) * np.sqrt(gain / n), np.zeros(m)] for n, m in pairs]


# %% [markdown]
# First the gradient check, as always: real digits (Alpaydin & Kaynak 1998), all slopes against a
# Keras model with the same weights, and all biases against wiggling. ReLU has a corner: where
# wiggling carries a sum across it, two slopes are averaged, a false alarm. So a few may disagree.

# %%
data = lab.load(quick="digits", full="mnist")
x_train, x_test = (x.reshape(len(x), -1).astype("float64") for x in (data.x_train, data.x_test))
sizes = (x_train.shape[1], 128, 64, 10)
net, x, y = random_net(sizes, lab.rng(4)), x_train[:50], data.y_train[:50]
answers = forward_pass(x, net)
blames = backward_pass(answers, net, logits_blame(answers[-1], y))

model = keras.Sequential([layers.Input((sizes[0],))])
for units, bend in zip(sizes[1:], ("relu", "relu", None), strict=True):
    model.add(layers.Dense(units, activation=bend))
model.set_weights([array for pair in net for array in pair])

# %%
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
_, by_backend = autodiff.model_gradients(model, x.astype("float32"), y, loss)
ours = [array for dW, db, _ in blames for array in (dW, db)]
gap = max(np.abs(a - b).max() for a, b in zip(ours, by_backend, strict=True))
claims.at_most("all slopes, matrix products against the backend", gap, 1e-5)
agree = []
for i, (_, b) in enumerate(net):

    def loss_by_bias(b, i=i):
        changed = [*net[:i], [net[i][0], b], *net[i + 1 :]]
        return mean_entropy(forward_pass(x, changed)[-1], y)

    agree += list(np.abs(wiggle(loss_by_bias, b) - blames[i][1]) < 1e-6)
claims.at_least("share of biases that agree with wiggling", np.mean(agree), 0.97)

# %% [markdown]
# Now train. **Stochastic** gradient descent looks at a few examples a step, a **mini-batch**, and
# once at every example in an **epoch**. Three runs from different random weights, about 2 seconds.


# %%
def train(net, x, y, epochs, rate, rng, batch=32):
    """Changes net in place; yields after each epoch."""
    for _ in range(epochs):
        order = rng.permutation(len(x)) if rng else np.arange(len(x))
        for i in np.split(order, range(batch, len(x), batch)):
            answers = forward_pass(x[i], net)
            blames = backward_pass(answers, net, logits_blame(answers[-1], y[i]))
            for pair, (dW, db, _) in zip(net, blames, strict=True):
                pair[0], pair[1] = pair[0] - rate * dW, pair[1] - rate * db
        yield net


def accuracy(net, x, y):
    return np.mean(forward_pass(x, net)[-1].argmax(axis=1) == y)


# %%
x, y, epochs = lab.part(x_train), lab.part(data.y_train), lab.epochs(lab.pick(quick=40, full=5))
learned = {"training digits": [], "test digits": []}
path = []  # all weights after each epoch of the last run, for section 7
for run in range(3):
    net, found = random_net(sizes, lab.rng(10 + run)), []
    for _ in train(net, x, y, epochs, 0.1, lab.rng(20 + run)):
        found.append([accuracy(net, x, y), accuracy(net, x_test, data.y_test)])
        path.append(np.concatenate([array.ravel() for pair in net for array in pair]))
    for one, name in zip(np.transpose(found), learned, strict=True):
        learned[name].append(one)
path = np.array(path[-epochs:])

# %%
title = "Digits, learned by five lines of matrix products"
epoch = np.arange(1, epochs + 1)
plotting.curves(epoch, learned, "epoch", "share read correctly", title, bar=0.95)

# %%
reached = [run[-1] for run in learned["test digits"]]
claims.at_least(
    "test accuracy, worst of three runs", min(reached), lab.pick(quick=0.95, full=0.965)
)

# %% [markdown]
# ### The same in Keras
#
# `fit` does what `train` does. Same weights at the start, same batches in the same order, one
# epoch of 1,000 digits: the same network comes out, up to Keras's seven digits. Then let it go on.

# %%
net = random_net(sizes, lab.rng(4))
model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"], jit_compile=lab.jit)
model.fit(x[:1000], y[:1000], 32, shuffle=False, verbose=0)
for _ in train(net, x[:1000], y[:1000], 1, 0.1, None):
    ours = [array for pair in net for array in pair]
gap = max(np.abs(a - b).max() for a, b in zip(ours, model.get_weights(), strict=True))
claims.at_most("weights after an epoch, ours against Keras's", gap, 1e-5)

# %%
model.fit(x, y, 32, epochs, verbose=0, callbacks=[callbacks.Progress("Keras")])
by_fit = model.evaluate(x_test, data.y_test, 200, verbose=0)[1]
claims.at_least("test accuracy of the Keras twin", by_fit, lab.pick(quick=0.95, full=0.965))

# %% [markdown]
# ## 6 · Downhill: five optimizers
#
# The gradient $g$ says which way is down, not how far. Momentum remembers where it was going, like
# a heavy ball ($m$, the last move). RMSprop divides each slope by its usual size ($\sqrt v$), so
# that all weights move about equally fast. Adam does both; its hats make up for memories that begin
# at zero.

# %% [markdown]
# The five rules, with learning rate $\eta$. $\beta$ and $\rho$, near 1, say how much of the memory
# is kept; $\epsilon = 10^{-7}$ keeps from dividing by 0:
#
# - **GD**, gradient descent (Cauchy 1847), $g$ over all examples: $w \leftarrow w - \eta g$
# - **SGD** (Robbins & Monro 1951): the same, with $g$ over a few examples
# - **momentum** (Polyak 1964): $m \leftarrow \beta m - \eta g$, then $w \leftarrow w + m$
# - **RMSprop** (Tieleman & Hinton 2012): $v \leftarrow \rho v + (1 - \rho) g^2$, then
#   $w \leftarrow w - \eta g / \sqrt{v + \epsilon}$
# - **Adam** (Kingma & Ba 2015): $m \leftarrow \beta_1 m + (1 - \beta_1) g$ and
#   $v \leftarrow \beta_2 v + (1 - \beta_2) g^2$, then
#   $w \leftarrow w - \eta\, \hat m / (\sqrt{\hat v} + \epsilon)$, where
#   $\hat m = m / (1 - \beta_1^t)$ and $\hat v = v / (1 - \beta_2^t)$ at step $t = 1, 2, \dots$


# %%
def descent(g, s, t, rate):
    """g: the gradient. s: a dict, the rule's memory. t: the step, from 1. Returns the move."""
    return -rate * g


def momentum(g, s, t, rate, beta=0.9):
    s["m"] = beta * s.get("m", 0) - rate * g
    return s["m"]


def rmsprop(g, s, t, rate, rho=0.9, epsilon=1e-7):
    s["v"] = rho * s.get("v", 0) + (1 - rho) * g**2
    return -rate * g / np.sqrt(s["v"] + epsilon)


# %%
def adam(g, s, t, rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
    s["m"] = beta1 * s.get("m", 0) + (1 - beta1) * g
    s["v"] = beta2 * s.get("v", 0) + (1 - beta2) * g**2
    m_hat, v_hat = s["m"] / (1 - beta1**t), s["v"] / (1 - beta2**t)
    return -rate * m_hat / (np.sqrt(v_hat) + epsilon)


# %% [markdown]
# The surface of the race: 200 examples of two inputs with two weights to find, a squared error.
# The inputs differ in size by a factor of 10, so the loss is a **ravine**, 100 times as steep
# across as along. `degrees` turns it.


# %%
def ravine(degrees):
    """Returns inputs (200, 2), targets (200,), and where the race starts (2,)."""
    rng, n, a = lab.rng(6), 200, np.radians(degrees)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    x = np.linalg.qr(rng.normal(size=(n, 2)))[0] * np.sqrt(n)  # unrelated, both of size 1
    return x * [1, 10] @ turn.T, 0.5 * rng.normal(size=n), turn @ [-4, 1]


def race_loss(w, x, y):
    """w: (..., 2). Returns (...)."""
    return np.mean((w @ x.T - y) ** 2, axis=-1) / 2


def race_gradient(w, x, y):
    return x.T @ (x @ w - y) / len(y)


# %% [markdown]
# Before the race, the test: 50 steps of each rule beside Keras's own optimizer, both fed the same
# gradients, positions compared after every step.

# %%
x, y, start = ravine(30)
twins = {
    "GD": (descent, keras.optimizers.SGD, 200, 0.01),
    "SGD": (descent, keras.optimizers.SGD, 16, 0.01),
    "momentum": (momentum, lambda rate: keras.optimizers.SGD(rate, momentum=0.9), 16, 0.002),
    "RMSprop": (rmsprop, keras.optimizers.RMSprop, 16, 0.05),
    "Adam": (adam, keras.optimizers.Adam, 16, 0.05),
}
for name, (rule, twin, batch, rate) in twins.items():
    w, memory, ours, keras_path, rng = start / 4, {}, [], [], lab.rng(7)
    v, optimizer = keras.Variable(w.astype("float32")), twin(rate)
    for t in range(1, 51):
        i = rng.choice(200, batch, replace=False)
        g = race_gradient(w, x[i], y[i])
        w = w + rule(g, memory, t, rate)
        optimizer.apply([ops.convert_to_tensor(g, "float32")], [v])
        ours.append(w)
        keras_path.append(ops.convert_to_numpy(v))
    claims.close(f"{name}, 50 steps beside Keras", ours, keras_path, 1e-5)

# %% [markdown]
# A fair race gives each rule the learning rate that suits it: the best of 22, by its mean loss over
# the last 30 of 60 steps. A rate that is too large flies off to infinity and loses.


# %%
rules = {
    "GD": (descent, None),
    "SGD": (descent, 16),
    "momentum": (momentum, None),
    "RMSprop": (rmsprop, None),
    "Adam": (adam, None),
}
rates = np.geomspace(1e-3, 10**0.5, 22)


def run(rule, batch, rate, x, y, w, steps=60):
    """Returns the positions, (steps + 1, 2)."""
    memory, path, rng = {}, [w], lab.rng(8)
    for t in range(1, steps + 1):
        i = rng.choice(len(x), batch, replace=False) if batch else slice(None)
        path.append(path[-1] + rule(race_gradient(path[-1], x[i], y[i]), memory, t, rate))
    return np.array(path)


def race(degrees):
    """Each rule's best path, and the loss above the lowest possible along it."""
    x, y, w = ravine(degrees)
    lowest, paths = race_loss(np.linalg.lstsq(x, y, rcond=None)[0], x, y), {}
    for name, (rule, batch) in rules.items():
        tried = [run(rule, batch, rate, x, y, w) for rate in rates]
        paths[name] = min(tried, key=lambda path: race_loss(path[-30:], x, y).mean())
    return paths, {name: race_loss(path, x, y) - lowest for name, path in paths.items()}


# %%
paths, above = race(30)
x, y, _ = ravine(30)


def scene(t):
    so_far = {name: path[: t + 1] for name, path in paths.items()}
    title = f"Five rules in one ravine, step {t}"
    return plotting.surface(
        lambda w: race_loss(w, x, y), [-4.6, 1.2], [-3, 1.2], so_far, True, title=title
    )


scene(60)

# %%
frames = [scene(t) for t in [1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36, 47, 60]]
plotting.animate(frames, fps=2, alt="Five optimizers run down one ravine, step by step.")

# %% [markdown]
# Across the ravine the slope is steep, so GD's rate must be small, and along the ravine it crawls.
# SGD goes the same way with noise, but reads 16 of 200 examples a step. Momentum swings across the
# ravine and gathers speed along it. Who ends lowest? Turn the ravine before you answer. (Without a
# running kernel you see four angles; losses below $10^{-9}$ are drawn there.)


# %%
def standings(degrees):
    above = race(degrees)[1]
    lines = {name: np.maximum(values, 1e-9) for name, values in above.items()}
    title = "How far above the lowest place?"
    return plotting.curves(range(61), lines, "step", "loss above the lowest", title, yscale="log")


widgets.explore(standings, degrees=[0, 15, 30, 45])

# %%
final, straight = (
    {name: values[-30:].mean() for name, values in found.items()} for found in (above, race(0)[1])
)
claims.at_least(
    "mean loss above the lowest, GD over momentum, 30°", final["GD"] / final["momentum"], 3
)
claims.at_least("GD over Adam, 30°", final["GD"] / final["Adam"], 3)
claims.at_least("RMSprop, 30° over 0°", final["RMSprop"] / straight["RMSprop"], 100)
claims.close("GD, 30° against 0°", final["GD"], straight["GD"], 1e-6)
for found, angle, low, high in ((straight, "0°", 0, 0.05), (final, "30°", 2, 10)):
    lead = found["RMSprop"] / found["momentum"]
    claims.between(f"RMSprop over momentum, {angle}", lead, low, high)
claims.at_least("Adam, 30° over 0°", final["Adam"] / straight["Adam"], 1.5)

# %% [markdown]
# With the ravine along an axis, RMSprop divides the steep direction's slope away and wins by far.
# Turn the same ravine, and it ends behind momentum, since it rescales *weights*, not directions.
# Adam suffers less; GD and momentum do not notice the turn. There is no best optimizer, only one
# that suits a surface (Wilson et al. 2017 show tasks where Adam ends behind SGD).

# %% [markdown]
# ## 7 · The landscape of a real network
#
# The digits network has thousands of weights; we can only look at a plane. Take the two directions
# in which its path in section 5 spread most, and compute the loss on 250 training digits all over
# the plane through the end (Li et al. 2018 draw random directions instead).


# %%
def to_net(theta):
    """All weights in one row, back to [W, b] for each layer."""
    net = []
    for n, m in itertools.pairwise(sizes):
        W, b, theta = np.split(theta, [n * m, n * m + m])[:3]
        net.append([W.reshape(n, m), b])
    return net


spreads, directions = np.linalg.svd(path - path[-1], full_matrices=False)[1:]
walked = (path - path[-1]) @ directions[:2].T
reach = np.abs(walked).max()
across, up = np.linspace(-1.3, 1.3, 25) * reach, np.linspace(-0.7, 0.7, 19) * reach
few_x, few_y = x_train[:250], data.y_train[:250]

# %%
heights = [
    [
        mean_entropy(forward_pass(few_x, to_net(path[-1] + [a, u] @ directions[:2]))[-1], few_y)
        for a in across
    ]
    for u in up
]
plotting.surface(
    np.array(heights),
    across,
    up,
    {"training, from epoch 1 on": walked},
    log=True,
    label="training loss (nats)",
    names=("first direction", "second direction"),
    title="The loss around a trained network",
)

# %%
share = (spreads[:2] ** 2).sum() / (spreads**2).sum()
claims.at_least("share of the path's spread in these two directions", share, 0.8)
here = mean_entropy(forward_pass(few_x, to_net(path[-1]))[-1], few_y)
claims.at_most("lowest loss in this plane over that at the end", np.min(heights) / here, 0.9)

# %% [markdown]
# A smooth slope into a wide valley, no maze; training stopped on its way to the lowest place. Be
# careful with such pictures: two directions out of thousands show little, and these two were chosen
# because the path lies in them.

# %% [markdown]
# ## 8 · Blame that fades, blame that explodes
#
# On its way back through $k$ layers, blame is multiplied by $W^\top$ and by the slope of the bend,
# $k$ times. Let the weights be random with variance $c / n$ (their mean square). Each number of
# $dZ\, W^\top$ sums $n$ products, so the squared length grows by $n \cdot c / n = c$. With ReLU
# half the units are silent and pass nothing. That leaves $c / 2$ per layer:
#
# $$\lVert dZ \rVert \;\to\; \Bigl(\frac c2\Bigr)^{k/2} \lVert dZ \rVert$$
#
# Measure it: 30 hidden layers of 128, real digits, five random networks for each $c$.


# %%
def fading(gain, depth=30, width=128, runs=5):
    """Length of the blame after k layers back, as a share of that at the last hidden layer."""
    lengths = []
    for r in range(runs):
        net = random_net((sizes[0], *[width] * depth, 10), lab.rng(100 + r), gain)
        answers = forward_pass(x_train[:50], net)
        dZ = lab.rng(200 + r).normal(size=answers[-1].shape)  # any blame, so that only W differs
        lengths.append([np.linalg.norm(dZ) for *_, dZ in backward_pass(answers, net, dZ)[-2::-1]])
    return np.array(lengths) / np.array(lengths)[:, :1]


starts = {"c = 1": 1.0, "c = 2 (He et al.)": 2.0, "c = 4": 4.0}
lengths = {name: fading(gain) for name, gain in starts.items()}
back = np.arange(30)
title, name = "The same network with three initialisations", "blame over that at the end"
plotting.curves(back, lengths, "layers travelled back", name, title, yscale="log")

# %%
for c, gain in starts.items():
    rate = np.log(lengths[c][:, -1]).mean() / 29
    claims.close(f"factor per layer, {c}, against √(c / 2)", np.exp(rate), np.sqrt(gain / 2), 0.08)
claims.at_most("c = 1, what is left after 29 layers", lengths["c = 1"].mean(0)[-1], 1e-3)
claims.at_least("c = 4, what became of it after 29 layers", lengths["c = 4"].mean(0)[-1], 1e3)

# %% [markdown]
# With ReLU only $c = 2$ (He et al. 2015) keeps blame alive. And the bend matters: the sigmoid's
# slope is at most 1/4. Take weights of variance $1 / n$ and follow the blame of one layer's sums
# through three bends (ReLU's curve is that of $c = 1$ again). This was found in recurrent networks
# first (Hochreiter 1991; Bengio et al. 1994).


# %%
def through(bend, slope, depth=30, width=128, runs=5):
    lengths = []
    for r in range(runs):
        rng = lab.rng(300 + r)
        Ws = [rng.normal(size=(width, width)) / np.sqrt(width) for _ in range(depth)]
        x, sums = rng.normal(size=(50, width)), []
        for W in Ws:
            sums.append(x @ W)
            x = bend(sums[-1])
        dZ = rng.normal(size=x.shape)
        found = [np.linalg.norm(dZ)]
        for W, z in zip(Ws[:0:-1], sums[-2::-1], strict=True):
            dZ = dZ @ W.T * slope(z)
            found.append(np.linalg.norm(dZ))
        lengths.append(np.array(found) / found[0])
    return np.array(lengths)


# %%
bends = {
    "sigmoid": through(special.expit, lambda z: special.expit(z) * special.expit(-z)),
    "tanh": through(np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "ReLU": through(lambda z: np.maximum(0, z), lambda z: z > 0),
}
title = "Three bends, weights of variance 1 / n"
plotting.curves(back, bends, "layers travelled back", name, title, yscale="log")

# %%
claims.at_most("sigmoid, left after 10 layers", bends["sigmoid"].mean(0)[10], 1e-5)
claims.at_least(
    "tanh over ReLU, left after 29 layers",
    bends["tanh"][:, -1].mean() / bends["ReLU"][:, -1].mean(),
    10,
)

# %% [markdown]
# ### An honest failure
#
# Train networks of 16 layers with correct gradients and the digits of section 5, three runs for
# each start, about 5 seconds. Every gradient below would pass the check of section 3.

# %%
deep = {name: [] for name in starts}
x, y = x_train[:1200], data.y_train[:1200]
with np.errstate(all="ignore"):  # where blame explodes, numbers overflow
    for name, gain in starts.items():
        for r in range(3):
            net = random_net((sizes[0], *[64] * 15, 10), lab.rng(400 + r), gain)
            for _ in train(net, x, y, lab.epochs(12), 0.02, lab.rng(500 + r)):
                pass
            deep[name].append(accuracy(net, x_test, data.y_test))
plotting.spread(deep, "test accuracy", title="16 layers, gradients correct, learning or not")

# %%
claims.at_most("test accuracy, 16 layers, c = 1", np.mean(deep["c = 1"]), 0.4)
claims.at_most("test accuracy, 16 layers, c = 4", np.mean(deep["c = 4"]), 0.4)
claims.at_least("test accuracy, 16 layers, c = 2", np.mean(deep["c = 2 (He et al.)"]), 0.7)

# %% [markdown]
# The blame was right, and two of three starts learned next to nothing in 12 epochs. For $c = 1$ so
# little blame arrives that learning crawls. For $c = 4$ the answers explode on the way forward and
# the blame on the way back: the first steps turn the weights into NaN, "not a number". Knowing whom
# to blame is not yet knowing how to train; lesson 04 goes on here.
#
# ### Where there is no slope
#
# The threshold units of lesson 01 have slope 0 wherever they have one. Put them into the XOR
# network:

# %%
step = unary("step", lambda x: float(x > 0), lambda x, y: 0.0)
theta = lab.rng(9).normal(size=33)
_, gradient = gradient_of(theta, step)
by_wiggling = wiggle(lambda t: mean_squared_error(t, step).data, theta)
claims.close("threshold units, engine against central differences", gradient, by_wiggling, 1e-6)
claims.at_most("largest blame of a weight behind a threshold", np.abs(gradient[:24]).max(), 0)

# %% [markdown]
# ## What you take along
#
# **How does a network find out which weight to blame?** It takes the slopes of all small steps,
# multiplies them along paths and adds over paths, from the loss back, each number once (section 2).
# That costs about as much as two forward passes, for any number of weights (3). In a layer it is
# two matrix products (5), and an optimizer turns blame into steps (6).
#
# What it cannot do: get through thresholds; promise that blame arrives in a useful size through
# many layers (8); see further than the slope under its feet, or say how far to step (6). Lesson 04
# makes it work: starts, rates, normalisation, and what to do when a network learns too well.

# %% [markdown]
# ### Sources
#
# - Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI, doi:10.24432/C50P49
# - Baydin, Pearlmutter, Radul & Siskind 2018, Automatic Differentiation in Machine Learning: a
#   Survey, Journal of Machine Learning Research 18, arXiv:1502.05767
# - Bengio, Simard & Frasconi 1994, Learning Long-Term Dependencies with Gradient Descent Is
#   Difficult, IEEE Transactions on Neural Networks 5, doi:10.1109/72.279181
# - Cauchy 1847, Méthode générale pour la résolution des systèmes d'équations simultanées, Comptes
#   Rendus de l'Académie des Sciences 25
# - He, Zhang, Ren & Sun 2015, Delving Deep into Rectifiers, ICCV, arXiv:1502.01852
# - Hochreiter 1991, Untersuchungen zu dynamischen neuronalen Netzen, diploma thesis, TU München
# - Kingma & Ba 2015, Adam: A Method for Stochastic Optimization, ICLR, arXiv:1412.6980
# - Li, Xu, Taylor, Studer & Goldstein 2018, Visualizing the Loss Landscape of Neural Nets,
#   NeurIPS, arXiv:1712.09913
# - Linnainmaa 1970, master's thesis, University of Helsinki; in English 1976, Taylor Expansion of
#   the Accumulated Rounding Error, BIT 16, doi:10.1007/BF01931367
# - Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization, ICLR, arXiv:1711.05101
# - Polyak 1964, Some Methods of Speeding up the Convergence of Iteration Methods, USSR
#   Computational Mathematics and Mathematical Physics 4, doi:10.1016/0041-5553(64)90137-5
# - Robbins & Monro 1951, A Stochastic Approximation Method, Annals of Mathematical Statistics 22,
#   doi:10.1214/aoms/1177729586
# - Rumelhart, Hinton & Williams 1986, Learning Representations by Back-propagating Errors, Nature
#   323, doi:10.1038/323533a0
# - Tieleman & Hinton 2012, RMSprop, Lecture 6.5 of Neural Networks for Machine Learning, Coursera
# - Werbos 1974, Beyond Regression, PhD thesis, Harvard University
# - Wilson, Roelofs, Stern, Srebro & Recht 2017, The Marginal Value of Adaptive Gradient Methods in
#   Machine Learning, NIPS, arXiv:1705.08292

# %% [markdown]
# ## Lab (10 points)
#
# Write each function in place of `raise NotImplementedError`, run the cell, then the check below
# it. A check draws fresh numbers every time and tells you what to look at next. NumPy arrays and
# lists go in; arrays or lists may come out. The first cell of the notebook is all that the lab
# needs, and all that a grader runs before it: use NumPy, SciPy and Keras, not the functions of the
# lesson.
#
# ### Exercise 1: more operations for the engine (2 points)
#
# Section 2 taught the engine to add, to multiply, and three functions. Teach it seven more. Each
# gives its value and its slope by each input: by the first as if the second stood still, and the
# other way round.
#
# | name | value | inputs |
# |---|---|---|
# | `"subtract"`, `"divide"` | $x - y$, $x / y$ | any, $y \ne 0$ |
# | `"power"` | $x^y$ | $x > 0$ |
# | `"maximum"` | the larger of $x$ and $y$ | $x \ne y$ |
# | `"sqrt"` | $\sqrt x$ | $x > 0$ |
# | `"sigmoid"`, `"softplus"` | $1 / (1 + e^{-x})$, $\log(1 + e^x)$ | from -1000 to 1000 |


# %% exercise="operation"
def operation(name, inputs):
    """name: see the table. inputs: a list of one or two numbers, [x] or [x, y].

    Returns two things: the value, and a list with one slope for each input.
    """
    ### BEGIN SOLUTION
    x, y = inputs[0], inputs[-1]
    table = {
        "subtract": lambda: (x - y, [1, -1]),
        "divide": lambda: (x / y, [1 / y, -x / y**2]),
        "power": lambda: (x**y, [y * x ** (y - 1), x**y * math.log(x)]),
        "maximum": lambda: (max(x, y), [int(x > y), int(y > x)]),
        "sqrt": lambda: (math.sqrt(x), [0.5 / math.sqrt(x)]),
        "sigmoid": lambda: (special.expit(x), [special.expit(x) * special.expit(-x)]),
        "softplus": lambda: (np.logaddexp(0, x), [special.expit(x)]),
    }
    return table[name]()
    ### END SOLUTION


# %% checks="operation" points=2
@checks.exercise("operation")
def _(check):
    hints = {
        "subtract": "when the second input rises, does the difference rise or fall?",
        "divide": "a larger divisor makes the quotient smaller, and the less the larger it is.",
        "power": "one slope treats the exponent as fixed, the other the base.",
        "maximum": "only the larger input moves the result.",
        "sqrt": "write the root as a power.",
        "sigmoid": "it is steepest at 0 and flat at both ends.",
        "softplus": "far to the right it follows its input one to one.",
    }
    for name, hint in hints.items():
        two = name in ("subtract", "divide", "power", "maximum")
        f = getattr(ops, name)
        both = autodiff.value_and_grad(lambda *xs, f=f: f(*xs), (0, 1)[: 1 + two])
        drawn = np.float32(check.rng.uniform(0.5, 2, (4, 2))) * (1, check.rng.choice([-1, 1]))
        if not two:
            drawn = np.concatenate([drawn[:, :1], check.rng.normal(size=(2, 1)) ** 2 + 0.1])
        if name in ("subtract", "maximum", "divide"):
            drawn = np.concatenate([drawn, drawn[:, ::-1], -drawn])
        if name in ("sigmoid", "softplus"):
            far = check.rng.uniform([3, 5, 8, 15, 100, 900], [4, 6, 12, 30, 500, 1000])[:, None]
            drawn = np.concatenate([drawn, far, -drawn, -far])
        for row in drawn:
            inputs = [float(x) for x in row]
            found = check.ask("operation", name, inputs)
            where = f"{name} of {', '.join(f'{x:.4g}' for x in inputs)}: "
            form = where + "return the value, and a list with one slope for each input."
            check.that(isinstance(found, list) and len(found) == 2, form)
            value, slopes = both(*inputs)
            y = check.number(found[0], where + "the value is no number; did exp overflow?")
            check.close(y, value, where + "the value is wrong.")
            check.that(isinstance(found[1], list | np.ndarray), form)
            found = check.array(found[1], (1 + two,), where + "one finite slope for each input.")
            check.close(found, slopes, where + "the slopes are wrong: " + hint)


# %% [markdown]
# ### Exercise 2: backward in topological order (3 points)
#
# Section 2 sorted numbers by birth. Here nobody wrote down births: a graph arrives with its nodes
# in any order. Find an order in which a node comes only after everything that was made from it, and
# pass the blame on. The graph may be 5,000 steps deep, which is deeper than a Python function may
# call itself, and nodes may be used many times.


# %% exercise="backward"
def backward(parents, slopes, output):
    """parents[i]: list of the nodes that node i was made from, [] for an input; one may be twice.

    slopes[i]: list of the slopes of node i by each of these. output: the number of a node.
    Returns a list: the slope of the output by each node; 1 for itself, 0 for what it does not need.
    """
    ### BEGIN SOLUTION
    needed, waiting = {output}, [output]
    children = [0] * len(parents)  # how many reports a node must wait for
    while waiting:
        for parent in parents[waiting.pop()]:
            children[parent] += 1
            if parent not in needed:
                needed.add(parent)
                waiting.append(parent)
    blame = [0.0] * len(parents)
    blame[output], ready = 1.0, [output]
    while ready:
        node = ready.pop()
        for parent, slope in zip(parents[node], slopes[node], strict=True):
            blame[parent] += slope * blame[node]
            children[parent] -= 1
            if children[parent] == 0:
                ready.append(parent)
    return blame
    ### END SOLUTION


# %% checks="backward" points=3
@checks.exercise("backward")
def _(check):
    def draw(parents):
        return [[float(s) for s in check.rng.uniform(0.4, 0.9, len(p))] for p in parents]

    def shuffled(parents, slopes, output):
        new = [int(i) for i in check.rng.permutation(len(parents))]  # node i becomes new[i]
        order = sorted(range(len(new)), key=lambda i: new[i])
        moved = [[new[p] for p in parents[i]] for i in order]
        return moved, [slopes[i] for i in order], new[output]

    def solved(parents, slopes, output):
        A = np.eye(len(parents))  # each blame is 1 at the output, plus what children pass on
        for i, pairs in enumerate(zip(parents, slopes, strict=True)):
            for parent, slope in zip(*pairs, strict=True):
                A[parent, i] -= slope
        return np.linalg.solve(A, np.eye(len(parents))[output])

    def ask(parents, slopes, output, right, hint):
        form = "Return one number for each node."
        found = check.array(check.ask("backward", parents, slopes, output), len(parents), form)
        check.close(found, right, hint)

    late = "A node passed its blame on before all that was made from it had reported."
    cases = [
        (
            [[], [0], [1]],
            2,
            "A chain of three: multiply the slopes, and begin with 1 at the output.",
        ),
        (
            [[], [0], [1], [2]],
            2,
            "What was made from the output has no influence on it.",
        ),
        (
            [[], [0], [1], [1]],
            3,
            "Wait only for what leads to the output: what was made beside it never reports.",
        ),
        ([[], [0, 0]], 1, "A node used twice is blamed twice: add, do not overwrite."),
        ([[], [0], [0], [1, 2]], 3, "Two paths lead to one node: add, do not overwrite."),
        ([[], [0], [1], [2], [3, 0], [4, 1]], 5, late),
        ([[], [0], [1], [2, 0], [3, 0], [4]], 5, late),
    ]
    for parents, output, hint in cases:
        slopes = draw(parents)
        ask(parents, slopes, output, solved(parents, slopes, output), hint)
    mixed = "The same kind of graph with its nodes numbered in another order: parents may come "
    mixed += "after their children in the list."
    for parents, output, _ in cases:
        graph = shuffled(parents, draw(parents), output)
        ask(*graph, solved(*graph), mixed)
    for _ in range(5):
        parents = [[int(p) for p in check.rng.integers(0, i, min(i, 2))] for i in range(14)]
        graph = shuffled(parents, draw(parents), 12)
        ask(*graph, solved(*graph), late)

    n = 5000
    parents, slopes = [[], *[[i] for i in range(n - 1)]], check.rng.choice([-1.0, 1.0], n)
    slopes = [[], *[[float(s)] for s in slopes[1:]]]
    right = np.cumprod([1.0, *[s for [s] in slopes[:0:-1]]])[::-1]
    moved, slopes, last = shuffled(parents, slopes, n - 1)
    right_moved, at = np.zeros(n), last
    for blame in right[::-1]:
        right_moved[at] = blame
        at = moved[at][0] if moved[at] else -1
    ask(moved, slopes, last, right_moved, "A chain of 5,000 nodes comes out wrong.")

    parents = [[]]
    for _ in range(21):  # 21 diamonds in a row: two million paths over 64 nodes
        top = len(parents) - 1
        parents += [[top], [top], [top + 1, top + 2]]
    slopes = [
        [0.8 if len(p) == 2 else s for s in each]
        for p, each in zip(parents, draw(parents), strict=True)
    ]
    right, spent = solved(parents, slopes, 63), []
    while not spent or (min(spent) > 0.5 and len(spent) < 2):
        begun = time.perf_counter()
        ask(parents, slopes, 63, right, "21 nodes in a row, each used twice, come out wrong.")
        spent.append(time.perf_counter() - begun)
    check.that(min(spent) < 0.5, "Right, but slow: you walk every path. Visit each node once.")


# %% [markdown]
# ### Exercise 3: the gradient of softmax and cross-entropy (3 points)
#
# Section 4 had one example. Now a batch, in which some examples have no label: their label is -1,
# and they count for nothing, neither in the loss nor in the mean. Logits may be as large as 1,000.
#
# $$L = -\frac1N \sum_{n:\, y_n \ge 0} \log \mathrm{softmax}(z_n)_{y_n}, \qquad N =
# \text{number of labels}$$


# %% exercise="cross_entropy"
def cross_entropy(logits, labels):
    """logits: (n, classes). labels: (n,) integers, -1 for none; at least one is not -1.

    Returns two things: the loss, a number, and its slope by each logit, (n, classes).
    """
    ### BEGIN SOLUTION
    known = labels >= 0
    count = known.sum()
    log_p = special.log_softmax(logits, axis=-1)
    target = np.zeros(logits.shape)
    target[known, labels[known]] = 1
    loss = -(target * log_p).sum() / count
    return loss, (np.exp(log_p) - target) * known[:, None] / count
    ### END SOLUTION


# %% checks="cross_entropy" points=3
@checks.exercise("cross_entropy")
def _(check):
    def by_backend(z, y):
        known, gradient = y >= 0, np.zeros(z.shape)
        entropy = keras.losses.sparse_categorical_crossentropy
        both = autodiff.value_and_grad(lambda z: ops.mean(entropy(y[known], z, from_logits=True)))
        loss, gradient[known] = both(z[known])
        return loss, gradient

    def ask(z, y):
        found = check.ask("cross_entropy", z, y)
        form = "Return two things: the loss, and an array of slopes."
        check.that(isinstance(found, list) and len(found) == 2, form)
        hint = (
            "First comes the loss, one finite number (did exp or log overflow?), then the slopes."
        )
        loss = check.number(found[0], hint)
        return loss, check.array(found[1], z.shape, "One finite slope for each logit.")

    for n, classes in [(1, 4), (6, 5), (7, 3)]:
        for z in check.arrays((n, classes), scale=2, count=2):
            y = check.rng.integers(0, classes, n)
            right, slopes = by_backend(z, y)
            loss, found = ask(z, y)
            check.that(n == 1 or abs(loss - n * right) > 1e-3, "The loss is a mean, not a sum.")
            columns = -special.log_softmax(z.astype("float64"), axis=0)[np.arange(n), y].mean()
            hint = "Each row is an example: softmax runs along the classes."
            check.that(abs(loss - columns) > 1e-4 or abs(right - columns) < 1e-3, hint)
            check.close(loss, right, "The loss is wrong: minus the logarithm of the label's share.")
            p = special.softmax(z.astype("float64"), axis=-1)
            mistakes = {
                "The slopes have the wrong sign: more score for the label, less loss.": -slopes,
                "The loss is a mean, so its slopes are too: you have those of a sum.": n * slopes,
                "These are the probabilities: what is subtracted for the label?": p / n,
                "You have the slope of softmax alone; the loss's slope is simpler.": p
                * (1 - p)
                / n,
                "Each row is an example: softmax runs along the classes.": (
                    special.softmax(z.astype("float64"), axis=0) - p + n * slopes
                )
                / n,
            }
            for hint, wrong in mistakes.items():
                same = np.allclose(found, wrong, atol=1e-4) and not np.allclose(
                    wrong, slopes, atol=1e-3
                )
                check.that(not same, hint)
            check.close(found, slopes, "The slopes are wrong.")

    for z in check.arrays((9, 4), scale=2):
        y = check.rng.integers(0, 4, 9)
        y[check.rng.choice(9, 4, replace=False)] = -1
        right, slopes = by_backend(z, y)
        loss, found = ask(z, y)
        hint = "With labels of -1 the loss is wrong: the mean runs over those that have a label"
        last = by_backend(z, np.where(y < 0, 3, y))[0]
        check.that(abs(loss - last) > 1e-4, hint + ", and -1 is not the last class.")
        check.that(abs(loss - right * 5 / 9) > 1e-4, hint + "; you divided by all examples.")
        check.close(loss, right, hint + ".")
        hint = "An example without a label has no part in the loss, so all its slopes are 0."
        check.close(found[y < 0], slopes[y < 0], hint)
        hint = "With labels of -1 the loss is right, and its slopes are not: divide by what?"
        check.close(found, slopes, hint)

    for z in check.arrays((6, 4), scale=500, count=2):
        y = z.argmin(axis=-1)
        right, slopes = by_backend(z, y)
        loss, found = ask(z, y)
        check.close(loss, right, "For large logits the loss is wrong: the logarithm of 0?")
        check.close(found, slopes, "For large logits the slopes are wrong.")


# %% [markdown]
# ### Exercise 4: Adam for a whole network (2 points)
#
# Section 6 moved one pair of weights. A network has many arrays, and training must be able to stop
# and go on: the memory comes in as `state` and goes out again. New is **decoupled weight decay**
# (Loshchilov & Hutter 2019): beside Adam's move, every weight shrinks by $\eta \lambda w$ (the old
# $w$), which never enters $m$ and $v$. $\beta_1 = 0.9$, $\beta_2 = 0.999$, $\epsilon = 10^{-7}$.


# %% exercise="adam_step"
def adam_step(weights, gradients, state, rate, decay):
    """weights, gradients: lists of arrays, alike in shapes. rate: η. decay: λ, may be 0.

    state: {} at the first step, later what your last call returned: a dict whose keys are strings
    (numbers, arrays, lists in it). Returns two things: the list of new weights, the new state.
    """
    ### BEGIN SOLUTION
    t = state.get("t", 0) + 1
    old_m = state.get("m", [0.0] * len(weights))
    old_v = state.get("v", [0.0] * len(weights))
    new, ms, vs = [], [], []
    for w, g, m, v in zip(weights, gradients, old_m, old_v, strict=True):
        ms.append(0.9 * m + 0.1 * g)
        vs.append(0.999 * v + 0.001 * g * g)
        move = ms[-1] / (1 - 0.9**t) / (np.sqrt(vs[-1] / (1 - 0.999**t)) + 1e-7)
        new.append(w - rate * (move + decay * w))
    return new, {"t": t, "m": ms, "v": vs}
    ### END SOLUTION


# %% checks="adam_step" points=2
@checks.exercise("adam_step")
def _(check):
    shapes = [(3, 2), (2,)]

    class Training:
        def __init__(self, rate, decay):
            self.rate, self.decay, self.state = rate, decay, {}
            self.weights = list(next(check.arrays(*shapes, count=1)))
            self.variables = [keras.Variable(w) for w in self.weights]
            self.adam = keras.optimizers.AdamW(rate, weight_decay=decay)

        def step(self, gradients):
            """Ask for a step, take it with Keras too. Returns the new weights and Keras's."""
            rest = self.state, self.rate, self.decay
            found = check.ask("adam_step", self.weights, gradients, *rest)
            form = "Return two things: a list of arrays, the new weights, and a dict, the state."
            check.that(isinstance(found, list) and len(found) == 2, form)
            check.that(isinstance(found[0], list) and len(found[0]) == len(shapes), form)
            check.that(isinstance(found[1], dict), form)
            self.state, one = found[1], "Each array of weights keeps its shape, and is finite: "
            one += "was there a division by 0, or the root of a negative number?"
            self.weights = [check.array(w, s, one) for w, s in zip(found[0], shapes, strict=True)]
            self.adam.apply([ops.convert_to_tensor(g) for g in gradients], self.variables)
            return self.weights, [ops.convert_to_numpy(v) for v in self.variables]

    def compare(found, right, hint):
        for ours, by_keras in zip(found, right, strict=True):
            check.close(ours, by_keras, hint, rtol=0, atol=1e-4)

    def draw():
        sizes = check.rng.uniform(0.5, 2, 2)
        signs = [check.rng.choice([-1, 1], s) for s in shapes]
        return [
            np.float32(s * k * check.rng.uniform(0.5, 1.5, s.shape))
            for s, k in zip(signs, sizes, strict=True)
        ]

    plain, gradients = Training(0.1, 0.0), draw()
    before = plain.weights
    found, right = plain.step(gradients)
    moves = [(a - b) / -np.sign(g) / 0.1 for a, b, g in zip(found, before, gradients, strict=True)]
    move = np.concatenate([m.ravel() for m in moves])
    check.that((np.abs(move) > 1e-6).all(), "In the first step some weights have not moved.")
    check.that((move > 0).all(), "A step goes downhill, against the sign of the gradient.")
    hint = (
        "The first step is 3.16 times too long: m and v begin at zero, which must be made up for."
    )
    check.that(not np.allclose(move, 0.1 / 0.001**0.5, rtol=0.02), hint)
    hint = "After the first step: its length is the rate, whatever the size of the gradient. "
    compare(found, right, hint + "Look at squares, roots, betas, and count steps from 1.")
    for _ in range(9):
        hint = (
            "The first step is right, a later one is not: m, v (without the hats) and the number "
        )
        hint += "of the step must travel in the state; each has its own beta, to the power of t."
        compare(*plain.step(draw()), hint)
    halted, gradients = Training(0.1, 0.0), draw()
    for g in gradients:
        g.flat[0] = 0  # what epsilon is for
    compare(*halted.step(gradients), "A weight whose gradient is 0 from the start must not move.")

    one, two = Training(0.1, 0.5), Training(0.03, 0.0)
    for _ in range(2):
        hint = "With decay the weights are wrong: shrink them by rate times decay times weight, "
        compare(*one.step(draw()), hint + "beside Adam's move, not by way of the gradient.")
    hint = "Two trainings in turn disturb each other: all memory belongs in the state."
    for training in (two, one, two, one):
        compare(*training.step(draw()), hint)


# %% [markdown]
# ### Going further (no points)
#
# Teach the engine of section 2 to divide and train the XOR network with a softmax and
# cross-entropy. Start the 16-layer network of section 8 with $c = 1$ and Adam instead: does it
# learn now? Draw the landscape of that network around its start.
