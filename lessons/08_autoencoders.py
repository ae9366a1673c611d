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
# # 08 · Autoencoders
#
# **What is left of an image after squeezing it through a bottleneck?**
#
# You need: NumPy; dense and convolutional layers (lessons 02 and 05); cross-entropy as a negative
# log-likelihood (03); Adam and epochs (04). You will squeeze digits into a few numbers, clean and
# colour photographs, look for what does not belong, and draw new digits. The graded lab is the
# last section.
#
# | profile | data | needs | time |
# |---|---|---|---|
# | `quick` | 1,797 real digits, two real photographs | 2 CPU cores, 2 GB | 70 to 100 s |
# | `full` | MNIST, Fashion-MNIST, the photographs | a GPU, 45 MB download | not measured yet |
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

lab = runtime.start("08_autoencoders", seed=8)

import keras
import numpy as np
import scipy.linalg
import scipy.ndimage
import scipy.spatial
import scipy.special
from keras import layers, ops

from dlutils import autodiff, callbacks, checks, claims, datasets, ensemble, plotting, referee
from dlutils import scores, widgets

# %% [markdown]
# ## 1 · Eight numbers for sixty-four pixels
#
# An **autoencoder** is a network that must answer with its own input. In between stands a
# **bottleneck** of few numbers, the **code** $z$, so copying is impossible: it must find out what
# matters. The simplest has two matrices: encoder $E$ ($d \times k$) and decoder $D$ ($k \times d$),
#
# $$z = xE, \qquad \hat x = zD, \qquad L = \tfrac1n \sum_i \lVert x_i E D - x_i \rVert^2 .$$

# %%
data = lab.load(quick="digits", full="mnist")
side, n = data.x_train.shape[1], len(data.x_train)
flat, flat_test = (a.reshape(len(a), -1) for a in (data.x_train, data.x_test))
mean = flat.mean(axis=0)
centred, centred_test = flat - mean, flat_test - mean
print(f"{n:,} training and {len(flat_test):,} test images of {flat.shape[1]} pixels")
plotting.images(data.x_train[:10], title="What goes in, and should come out")

# %% [markdown]
# With $C = \tfrac1n X^\top X$ of the centred images, $L = \mathrm{tr}\,(ED - I)^\top C\,(ED - I)$:
# a square with the weights $C$, whose gradient by its base $ED - I$ is $2\,C\,(ED - I)$. The chain
# rule through the product $ED$ gives
#
# $$\frac{\partial L}{\partial E} = 2\,C\,(ED - I)\,D^\top, \qquad
# \frac{\partial L}{\partial D} = 2\,E^\top C\,(ED - I).$$
#
# So plain gradient descent needs $C$ only.


# %%
def linear_autoencoder(C, k, steps, rng):
    """C: (d, d) covariance. Returns E: (d, k), D: (k, d) after gradient descent."""
    d = len(C)
    E, D = rng.normal(size=(d, k)) / np.sqrt(d), rng.normal(size=(k, d)) / np.sqrt(d)
    rate = 0.2 / np.linalg.eigvalsh(C)[-1]  # a safe step where the loss is steepest
    for _ in range(steps):
        missed = C @ (E @ D - np.eye(d))
        E, D = E - rate * 2 * missed @ D.T, D - rate * 2 * E.T @ missed
    return E, D


k = 8
C = centred.T @ centred / n
E, D = linear_autoencoder(C, k, lab.epochs(lab.pick(quick=12_000, full=3000)), lab.rng(0))

# %% [markdown]
# Statistics has had an answer since Pearson 1901: **principal component analysis** (PCA) takes the
# $k$ directions along which the data vary most, the eigenvectors of $C$ with the largest
# eigenvalues. Does gradient descent find them? Compare the two bases, row by row.

# %%
values, vectors = np.linalg.eigh(C)
components = vectors[:, ::-1][:, :k].T  # (k, d), largest variance first
unit_rows = D / np.linalg.norm(D, axis=1, keepdims=True)
pair = np.concatenate([components, unit_rows]).reshape(2 * k, side, side).transpose(1, 2, 0)
names = [f"PCA {i + 1}" for i in range(k)] + [f"row {i + 1}" for i in range(k)]
plotting.kernels(pair[:, :, None], names, title="Principal components (PCA), and rows of D")

# %% [markdown]
# They look nothing alike. But a plane (here one of eight dimensions) can be described by many sets
# of directions. What matters is which images $zD$ can be written at all. Two planes are compared by
# their **principal angles**: the smallest angle between a direction of one and one of the other,
# then the next one at right angles to these, and so on (Björck & Golub 1973). All zero: the same
# plane.

# %%
angles = np.rad2deg(scipy.linalg.subspace_angles(D.T, components.T))
alike = np.abs(unit_rows @ components.T)  # |cosine| of each decoder row with each component
claims.at_most("largest principal angle, decoder and PCA (degrees)", angles.max(), 1.0)
claims.at_most("best match of a decoder row with a component, mean |cos|", alike.max(1).mean(), 0.9)

# %% [markdown]
# The same plane, other axes. Why? For every invertible $A$ ($k \times k$) the pair
# $EA,\; A^{-1}D$ gives the same $\hat x$, since $EA A^{-1}D = ED$. The loss cannot tell them apart,
# so training ends at whichever $A$ the start leads to. That the best plane is PCA's was proved by
# Bourlard & Kamp (1988) and Baldi & Hornik (1989). What comes out is unique:

# %%
by_descent, by_pca = centred @ E @ D, centred @ components.T @ components
apart = np.sqrt(np.mean((by_descent - by_pca) ** 2))
claims.at_most("what comes out, against PCA (root mean square)", apart, 0.005)

# %% [markdown]
# Now in Keras: two dense layers without activation, trained on batches by Adam. Batches are noisy,
# so the angles end small, not zero.


# %%
def fit(model, x, y, epochs, rate=5e-3, batch=None, loss="mse", label="training", extra=()):
    """Train with Adam at a rate that falls along a cosine; compile only the first time."""
    batch = batch or lab.pick(quick=32, full=128)
    if not model.compiled:
        steps = epochs * -(-len(x) // batch)
        falling = keras.optimizers.schedules.CosineDecay(rate, steps)
        model.compile(keras.optimizers.Adam(falling), loss, jit_compile=lab.jit)
    watch = [callbacks.Progress(label), *extra]
    return model.fit(x, y, batch, epochs, verbose=0, callbacks=watch)


# %%
linear = keras.Sequential([layers.Dense(k, use_bias=False), layers.Dense(side**2, use_bias=False)])
fit(linear, centred, centred, lab.epochs(lab.pick(quick=60, full=4)), 1e-2, label="linear")
by_keras = linear.layers[1].get_weights()[0]
angles_keras = np.rad2deg(scipy.linalg.subspace_angles(by_keras.T, components.T))
found = {"NumPy, gradient descent": np.sort(angles), "Keras, Adam": np.sort(angles_keras)}
which = np.arange(1, k + 1)
title = "Two linear autoencoders end on PCA's plane"
claims.at_most("largest principal angle in Keras (degrees)", angles_keras.max(), 15.0)
plotting.curves(which, found, "principal angle, from the smallest", "degrees", title=title)

# %% [markdown]
# What does the plane keep? Move the number of components: with few, only the coarse shape of a
# digit is left, and rare strokes go first. (The slider needs a live notebook.)


# %%
def squeezed(components):
    """Five test images before and after PCA with so many components."""
    basis = vectors[:, ::-1][:, :components]
    back = centred_test[:5] @ basis @ basis.T + mean
    both = np.concatenate([flat_test[:5], back.clip(0, 1)]).reshape(10, side, side)
    return plotting.images(both, columns=5, title=f"Test images, and from {components} numbers")


widgets.explore(squeezed, components=[2, 4, 8, 16, 32, side**2])

# %% [markdown]
# ## 2 · A bent bottleneck
#
# A plane is a poor map of digits: the average of two digits is no digit. Let encoder and decoder be
# networks (Hinton & Salakhutdinov 2006), here convolutional. The encoder shrinks by strides; the
# decoder grows by **transposed convolutions**, which spread each value over a window where a
# convolution gathers one. A mask after the code closes all but the first $k$ numbers, so one
# compiled network serves every size.


# %%
class Mask(layers.Layer):
    """Lets through the numbers of the code whose switch is 1."""

    def build(self, shape):
        self.open = self.add_weight(shape=(shape[-1],), initializer="ones", trainable=False)

    def call(self, z):
        return z * self.open


def autoencoder(latents=16, filters=16):
    shrink = {"strides": 2, "padding": "same"}
    inputs = x = keras.Input((side, side, 1))
    for f in (filters, 2 * filters):
        x = layers.Conv2D(f, 3, activation="relu", **shrink)(x)
    code = Mask(name="code")(layers.Dense(latents)(layers.Flatten()(x)))
    y = layers.Dense(int(np.prod(x.shape[1:])), activation="relu")(code)
    y = layers.Reshape(x.shape[1:])(y)
    y = layers.Conv2DTranspose(filters, 3, activation="relu", **shrink)(y)
    return keras.Model(inputs, layers.Conv2DTranspose(1, 3, **shrink)(y))


# %% [markdown]
# Luck matters, so each size is trained from three starts. A compiled network is *restarted*: fresh
# weights, and an optimizer that has forgotten. About 20 seconds.


# %%
def restart(model, fresh):
    """Give a compiled model the weights of a fresh one, and let its optimizer forget."""
    model.set_weights(fresh.get_weights())
    for variable in model.optimizer.variables:
        if variable is not model.optimizer.learning_rate:
            variable.assign(ops.zeros(variable.shape, variable.dtype))


x_conv = lab.part(data.x_train)
sizes, errors = [2, 8, 16], []
conv = autoencoder()
for size in sizes:
    errors.append([])
    for _ in range(3):
        if conv.compiled:
            restart(conv, autoencoder())
        conv.get_layer("code").open.assign(np.arange(16) < size)
        epochs_conv = lab.epochs(lab.pick(quick=16, full=3))
        fit(conv, x_conv, x_conv, epochs_conv, 1e-2, label=f"{size} numbers")
        errors[-1].append(conv.evaluate(data.x_test, data.x_test, 500, verbose=0))

# %%
bases = [vectors[:, ::-1][:, :size] for size in sizes]
pca_errors = [np.mean((centred_test @ b @ b.T - centred_test) ** 2) for b in bases]
series = {"convolutional, 3 starts": np.transpose(errors), "PCA": np.array(pca_errors)}
title = "Error over the size of the bottleneck"
claims.at_most("error with 8 numbers, network over PCA", np.mean(errors[1]) / pca_errors[1], 0.9)
plotting.curves(sizes, series, "numbers in the code", "test error (MSE)", title)

# %% [markdown]
# With eight numbers a bent surface fits digits much better than a plane. With two, neither gets
# far. With sixteen PCA is close again: its answer is exact and takes milliseconds, the network's
# depends on the start and on how long you train. Measure PCA first.
#
# ## 3 · Clean photographs
#
# If a network must give back the *clean* image from a spoiled one, it must learn what images look
# like: a **denoising autoencoder** (Vincent et al. 2008). Here on two real photographs, a temple
# and a flower. Three upright strips of each, 72 pixels wide, are kept for the test, with a gap of
# 16 pixels on either side; the patches to learn from come from the rest.

# %%
photos = datasets.load("photos").images
starts = (64, 280, 496)  # the strips' first columns
strips = np.concatenate([photos[:, :408, s : s + 72] for s in starts], axis=2)  # (2, 408, 216, 3)


def cut(part, size=24):
    """All patches side by side: (n, size, size, 3)."""
    rows, columns = part.shape[1] // size, part.shape[2] // size
    part = part.reshape(2, rows, size, columns, size, 3).transpose(0, 1, 3, 2, 4, 5)
    return part.reshape(-1, size, size, 3)


rng = lab.rng(3)
lefts = [j for j in range(617) if all(j + 40 <= s or j >= s + 88 for s in starts)]
corners = [(i // 1000, rng.integers(404), rng.choice(lefts)) for i in range(2000)]
colour = np.stack([photos[p, i : i + 24, j : j + 24] for p, i, j in corners])
colour_test = cut(strips)
grey, grey_test = (a.mean(axis=-1, keepdims=True) for a in (colour, colour_test))
half = len(grey_test) // 2
seen = {"temple": slice(0, 1000), "flower": slice(1000, None)}
kept = {"temple": slice(0, half), "flower": slice(half, None)}
print(f"from each photograph: 1,000 patches to learn from, {half} for the test")

# %% [markdown]
# Noise: each pixel gets its own Gaussian error of deviation $\sigma = 0.1$ (white is 1). The
# measure is the **peak signal-to-noise ratio** of a photograph in decibels,
# $\mathrm{PSNR} = 10 \log_{10} (1 / \mathrm{MSE})$, over all pixels of its test patches: 10 dB more
# is a tenth of the error. The opponents are two old filters. Each gets the setting that is best on
# *training* patches of the same photograph.

# %%
sigma = 0.1
noisy, noisy_test = (g + sigma * rng.normal(size=g.shape) for g in (grey, grey_test))


def psnr(clean, restored):
    """In dB, of all patches together, as if they were one picture."""
    return scores.psnr(*(a.reshape(1, -1, 24, 1) for a in (clean, restored))).mean


def gaussian_filter(images, s):
    return scipy.ndimage.gaussian_filter(images, (0, s, s, 0))  # within each image alone


def median_filter(images, s):
    return scipy.ndimage.median_filter(images, (1, s, s, 1))


filters = {
    "Gaussian filter": (gaussian_filter, (0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 4.0)),
    "median filter": (median_filter, (1, 3, 5, 7, 9, 13, 17)),  # 1: nothing is changed
}

# %%
best, inside = {}, []
for where, part in seen.items():
    clean, spoiled = grey[part][:300], noisy[part][:300]
    for name, (f, grid) in filters.items():
        at = int(np.argmax([psnr(clean, f(spoiled, s)) for s in grid]))
        best[where, name] = grid[at]
        inside.append(min(at, len(grid) - 1 - at))
claims.at_least("steps from a winner to the end of its grid, fewest", min(inside), 1)

# %% [markdown]
# The network sees the patch at two sizes: a coarse path of half the width, and a fine one that is
# handed across, as in lesson 05's U-Net. So nothing is squeezed: of the autoencoder only the task
# is left. It answers with the *noise*, which is then subtracted (Zhang et al. 2017): nothing to
# remove is an easy first guess. One network serves both photographs.


# %%
def hourglass(channels_out, filters=16):
    def convolve(x, filters, stride=1):
        return layers.Conv2D(filters, 3, stride, "same", activation="relu")(x)

    inputs = keras.Input((None, None, 1))  # any size: there is no dense layer
    fine = convolve(inputs, filters)
    coarse = convolve(convolve(fine, 2 * filters, stride=2), 2 * filters)
    y = layers.Concatenate()([layers.UpSampling2D(2)(coarse), fine])
    return keras.Model(inputs, layers.Conv2D(channels_out, 3, padding="same")(convolve(y, filters)))


epochs = lab.epochs(lab.pick(quick=6, full=20))
cleaner = hourglass(1)
fit(cleaner, noisy, noisy - grey, epochs, 4e-3, 16, label="cleaner")
cleaned = noisy_test - cleaner.predict(noisy_test, 200, verbose=0)

# %%
gain = {}
for where, part in kept.items():
    clean, spoiled = grey_test[part], noisy_test[part]
    gain[f"{where}, noisy"] = psnr(clean, spoiled)
    for name, (f, _) in filters.items():
        s = best[where, name]
        gain[f"{where}, {name} {s:g}"] = psnr(clean, f(spoiled, s))
    gain[f"{where}, network"] = psnr(clean, cleaned[part])
    rival = max(psnr(clean, f(spoiled, s)) for f, grid in filters.values() for s in grid)
    name = f"PSNR, {where}, network minus any filter at any setting (dB)"
    claims.at_least(name, gain[f"{where}, network"] - rival, 1.0)
plotting.bars(gain, "PSNR (dB)", title="Test patches, each filter at its setting")

# %% [markdown]
# On the temple the best filter hardly dares to blur: tiles are as fine as the noise. The flower's
# soft background bears more. The network beats both on both, even where the filter may choose its
# setting on the test patches themselves (the claims).
#
# But the measure decides, too. Take the PSNR of *each patch* and average those: now every flat
# patch, where decibels are cheap, counts as much as a leaf's edge. On the flower a very wide
# Gaussian then beats the network:

# %%
part = kept["flower"]
wide = gaussian_filter(noisy_test[part], 4.0)
each = [scores.psnr(grey_test[part], y).mean for y in (wide, cleaned[part])]
claims.at_least("flower, patch by patch, wide Gaussian minus network (dB)", each[0] - each[1], 1.0)
pieces = strips[:, 190:286, 72:144].mean(axis=-1)[..., None]
spoiled = pieces + sigma * lab.rng(4).normal(size=pieces.shape)
by_network = spoiled - cleaner.predict(spoiled, verbose=0)
views = {}
for i, where in enumerate(kept):
    views |= {f"{where}, clean": pieces[i], f"{where}, noisy": spoiled[i]}
    blurred = gaussian_filter(spoiled, best[where, "Gaussian filter"])
    views |= {f"{where}, Gaussian": blurred[i], f"{where}, network": by_network[i]}
views = {name: v[..., 0].clip(0, 1) for name, v in views.items()}
plotting.beside(views, columns=4, title="Pieces that were never trained on")

# %% [markdown]
# A filter knows one thing about images: neighbours are alike. Its one setting must serve the
# flower's soft background and its busy middle. The network has seen edges, and keeps them; where
# all is flat it leaves stains that a wide filter would have smoothed. Fair to add: other parts of
# both photographs were in the training, noise of another strength it has never met, and stronger
# hand-made methods exist.
#
# ## 4 · Colour for grey patches
#
# The same network with three outputs: what must be added to the grey value to get red, green and
# blue. Grey alone cannot tell, so context must. The baseline looks only at the pixel: the **mean
# colour** of all training pixels of that grey value. And "leave it grey" costs nothing.

# %%
painter = hourglass(3)
fit(painter, grey, colour - grey, epochs, 2e-3, 16, label="painter")
levels, levels_test = ((g[..., 0] * 31.99).astype(int) for g in (grey, grey_test))
paints = np.array([colour[levels == v].mean(axis=0) for v in range(32)])
coloured = {
    "left grey": grey_test.repeat(3, axis=-1),
    "mean colour": paints[levels_test],
    "network": (grey_test + painter.predict(grey_test, 200, verbose=0)).clip(0, 1),
}
off = {name: ((y - colour_test) ** 2).mean(axis=(1, 2, 3)) for name, y in coloured.items()}
for name in ("left grey", "mean colour"):
    ratio = off["network"].mean() / off[name].mean()
    claims.at_most(f"colour error, network over {name}", ratio, 0.8)
by_photo = {f"{w}, {name}": e[part].mean() for w, part in kept.items() for name, e in off.items()}
plotting.bars(by_photo, "error of the colour (MSE)", title="How far the guessed colours are off")

# %%
pieces = strips[:, 190:286, 72:144]
views = {"photograph": pieces, "grey": pieces.mean(axis=-1, keepdims=True)}
views["network"] = (views["grey"] + painter.predict(views["grey"], verbose=0)).clip(0, 1)
views["mean colour"] = paints[(views["grey"][..., 0] * 31.99).astype(int)]
views = {f"{w}, {name}": v[i] for i, w in enumerate(kept) for name, v in views.items()}
plotting.beside(views, columns=4, title="Guessed colours, on parts never trained on")

# %% [markdown]
# The network beats both: the same grey is leaf here and petal there, and context tells. But look:
# where it is in doubt it paints a dull brown. Trained by squared error, it answers with the *mean*
# of all colours that could be. Drawing one of them instead needs a model that generates: section 6.
# And it knows two photographs only.
#
# ## 5 · What does not belong?
#
# An autoencoder gives back what it has learned to give back. So a large error marks what is *not*
# like the training data: an **anomaly**. Test it: train on nine digits, and look whether the tenth,
# never seen, stands out. Ten networks, one for each digit left out, trained side by side as one
# batched model (64, 6 and 64 ReLU units).

# %%
some, labels = flat[:5000], data.y_train[:5000]
normal = [np.flatnonzero(labels != c) for c in range(10)]
# One list of images for each network, all of one length: shorter ones begin again.
rows = np.stack([np.resize(i, max(map(len, normal))) for i in normal])
settings = [{"seed": lab.seed + c, "rate": 5e-3} for c in range(10)]
guards = ensemble.MLPs(settings, side**2, hidden=(64, 6, 64), outputs=side**2)
guards.fit(some, some, lab.epochs(30), indices=rows, callbacks=[callbacks.Progress("ten guards")])
back = guards.predict(flat_test)
error = ((back - flat_test) ** 2).sum(axis=-1)  # (10 guards, test images)

# %% [markdown]
# The judge is the **area under the ROC curve** (AUC): how likely a random anomaly scores higher
# than a random normal image. 1 (100 %) separates perfectly, 0.5 is chance. Three baselines that
# need no training: the distance to the mean of the normal images, what PCA with six components
# misses, and the distance to the nearest training image.


# %%
def baselines(normal):
    """Scores of the test images by three methods that saw normal images only."""
    middle = normal.mean(axis=0)
    basis = np.linalg.eigh(np.cov(normal.T))[1][:, -6:].T
    off = flat_test - middle
    near = scipy.spatial.distance.cdist(flat_test, normal).min(axis=1)
    missed = ((off - off @ basis.T @ basis) ** 2).sum(axis=1)
    return {"from the mean": (off**2).sum(axis=1), "PCA error": missed, "nearest image": near}


auc = {}
for c in range(10):
    methods = {"autoencoder": error[c]} | baselines(some[normal[c]])
    for name, score in methods.items():
        auc.setdefault(name, []).append(scores.roc_auc(score, data.y_test == c))
found = {name: np.mean(values) for name, values in auc.items()}
claims.at_least("AUC, autoencoder minus PCA error", found["autoencoder"] - found["PCA error"], 0.03)
ahead = found["nearest image"] - found["autoencoder"]
claims.at_least("AUC, nearest image minus autoencoder", ahead, 0.0)
cells = 100 * np.array([[*values, found[name]] for name, values in auc.items()])
columns = [*map(str, range(10)), "all"]  # the last column: the mean
title = "Finding a digit never seen"
plotting.heat(cells, list(auc), columns, "digit left out", "method", "AUC (%)", ".0f", title=title)

# %%
left_out = 0
unseen = data.y_test == left_out
both = {"digits 1 to 9": error[left_out][~unseen], "0, never seen": error[left_out][unseen]}
limit = {"5 % false alarms": round(scores.threshold_at(both["digits 1 to 9"], 0.05), 1)}
title = "Errors of the guard that never saw a 0"
plotting.distribution(both, xlabel="error (sum of squares)", bar=limit, title=title)

# %% [markdown]
# The autoencoder beats PCA and the mean, but the winner is the oldest method: look at the nearest
# training image. That is this lesson's honest failure. The distance to the mean can fall below
# chance: a digit whose strokes lie where most others have theirs is *nearer* to the mean than they
# are. What speaks for the autoencoder is size: it keeps no training image. The threshold is a
# choice: a rate of false alarms that you can bear, measured on normal images (exercise 4).
#
# ## 6 · From codes to new images
#
# Can a decoder draw? Give it a code that no image had. But which codes are any good? A plain
# autoencoder leaves its codes wherever they fell, with holes between. The **variational
# autoencoder** (VAE; Kingma & Welling 2014, Rezende et al. 2014) fixes that from the start: codes
# shall follow a prior $p(z) = N(0, I)$, and an image is drawn from $p(x \mid z)$, the decoder.
#
# Then $p(x) = \int p(x \mid z)\, p(z)\, dz$, and learning should make $\log p(x)$ large. The
# integral is out of reach for a network. So let the encoder propose codes, $q(z \mid x)$, here
# written $q(z)$ for short. How far it is from another density $p$ is measured by the
# **Kullback-Leibler divergence** $\mathrm{KL}(q \,\|\, p) = \mathbb{E}_q[\log q(z) - \log p(z)]$,
# in **nats** (logarithms to base $e$). It is never negative: as the logarithm bends down,
# $-\mathrm{KL} = \mathbb{E}_q[\log \tfrac pq] \le \log \mathbb{E}_q[\tfrac pq] = \log 1 = 0$. Now
# derive:
#
# $$\begin{aligned}
# \log p(x) &= \mathbb{E}_q[\log p(x)] &&\text{(1) no } z \text{ in it}\\
# &= \mathbb{E}_q\!\left[\log \tfrac{p(x \mid z)\,p(z)}{p(z \mid x)}\right] &&\text{(2) Bayes}\\
# &= \mathbb{E}_q\!\left[\log \tfrac{p(x \mid z)\,p(z)}{q(z)}\right]
# + \mathbb{E}_q\!\left[\log \tfrac{q(z)}{p(z \mid x)}\right] &&\text{(3) times } q/q\\
# &= \underbrace{\mathbb{E}_q[\log p(x \mid z)] - \mathrm{KL}(q \,\|\, p(z))}_{\text{ELBO}}
# + \underbrace{\mathrm{KL}(q \,\|\, p(z \mid x))}_{\ge 0} &&\text{(4)}
# \end{aligned}$$
#
# The first part is a bound from below, the **evidence lower bound** (ELBO). It needs no posterior
# $p(z \mid x)$, and raising it raises $\log p(x)$ or brings $q$ closer to the posterior.
#
# With one number $z$ every line can be computed on a grid. Take a bent decoder,
# $x \sim N(2 \tanh z,\; 0.5^2)$, one observed $x = 1.2$, and a proposal $q = N(\mu, \sigma^2)$ with
# $\mu = 0.9$, $\sigma = 0.5$:

# %%
from scipy.stats import norm

zs, dz = np.linspace(-8, 8, 8001, retstep=True)
observed, mu_q, sd_q = 1.2, 0.9, 0.5
prior, likelihood = norm.pdf(zs), norm.pdf(observed, 2 * np.tanh(zs), 0.5)
evidence = np.sum(likelihood * prior) * dz  # p(x)
posterior, q = likelihood * prior / evidence, norm.pdf(zs, mu_q, sd_q)


def expect(values):
    """Mean of values(z) where z follows q."""
    return np.sum(q * values) * dz


# %%
line1 = expect(np.log(evidence))
line2 = expect(np.log(likelihood * prior / posterior))
line3 = expect(np.log(likelihood * prior / q)) + expect(np.log(q / posterior))
lower = expect(np.log(likelihood)) - expect(np.log(q / prior))
gap = expect(np.log(q / posterior))
claims.close("the four lines", [line1, line2, line3, lower + gap], [np.log(evidence)] * 4, 1e-6)
claims.at_least("what the bound leaves out, KL(q, posterior) (nats)", gap, 0.01)
near = (zs > -1) & (zs < 1.4)  # beyond, all three fall to 0
densities = {"prior p(z)": prior, "posterior p(z | x)": posterior, "proposal q(z)": q}
densities = {name: density[near] for name, density in densities.items()}
title = "A Gaussian proposal near the posterior"
plotting.curves(zs[near], densities, "z", "density", title=title)

# %% [markdown]
# ### The distance between Gaussians
#
# For $q = N(\mu, \sigma^2)$ and $p = N(0, 1)$ the KL divergence needs no sampling. With
# $z = \mu + \sigma\varepsilon$: $\log q = -\tfrac12\varepsilon^2 - \log\sigma + c$ and
# $\log p = -\tfrac12 z^2 + c$. Since $\mathbb{E}[\varepsilon^2] = 1$ and
# $\mathbb{E}[z^2] = \mu^2 + \sigma^2$,
#
# $$\mathrm{KL}(q \,\|\, p) = \tfrac12\left(\mu^2 + \sigma^2 - 1 - \log \sigma^2\right).$$


# %%
def kl_to_prior(mu, log_variance):
    """KL of N(mu, e^log_variance) from N(0, 1), for each number of the code."""
    return 0.5 * (mu**2 + np.exp(log_variance) - 1 - log_variance)


closed = kl_to_prior(mu_q, 2 * np.log(sd_q))
samples = mu_q + sd_q * lab.rng(6).normal(size=1_000_000)
sampled = np.mean(norm.logpdf(samples, mu_q, sd_q) - norm.logpdf(samples))
claims.close("closed form against a million samples (nats)", closed, sampled, 0.01)
claims.close("closed form against the grid", closed, expect(np.log(q / prior)), 1e-6)

# %% [markdown]
# ### Getting a gradient through chance
#
# The ELBO's first term is a mean over $z \sim q$, and $q$ is what we train. A drawn $z$ has no
# derivative. The **reparameterisation trick** writes it as $z = \mu + \sigma\varepsilon$ with
# $\varepsilon \sim N(0, 1)$ drawn outside: now $\partial z / \partial \mu = 1$ and
# $\partial z / \partial \sigma = \varepsilon$, and the gradient passes. For $f(z) = z^2$ the truth
# is known: $\mathbb{E} f = \mu^2 + \sigma^2$, so $2\mu$ and $2\sigma$.


# %%
def mean_of_squares(mu, sd, eps):
    return ops.mean((mu + sd * eps) ** 2)


eps = lab.rng(7).normal(size=200_000).astype("float32")
by_mu = autodiff.grad(mean_of_squares, 0)(np.float32(mu_q), np.float32(sd_q), eps)
by_sd = autodiff.grad(mean_of_squares, 1)(np.float32(mu_q), np.float32(sd_q), eps)
by_both = [float(ops.convert_to_numpy(g)) for g in (by_mu, by_sd)]
claims.close("gradients through the samples, and exact", by_both, [2 * mu_q, 2 * sd_q], 0.03)

# %% [markdown]
# There is another way: $\nabla_\mu \mathbb{E} f = \mathbb{E}[f(z)\, \nabla_\mu \log q(z)]$ (the
# **score function**), which needs no derivative of $f$ and will return in lesson 14. Both are right
# on average. But what do *single* samples say?

# %%
z_drawn = mu_q + sd_q * eps
single = {
    "through the sample: f'(z)": 2 * z_drawn,
    "score function: f(z) (z - μ) / σ²": z_drawn**2 * (z_drawn - mu_q) / sd_q**2,
}
through, score = single.values()
claims.at_least("spread, score function over reparameterisation", score.std() / through.std(), 2.0)
claims.at_least("largest single estimate by the score function", score.max(), 20.0)
title, edges = "Estimates of one gradient from one sample each", np.linspace(-6, 12, 61)
truth = {"truth": round(2 * mu_q, 1)}
plotting.distribution(single, edges, "estimate of the gradient by μ", truth, title)

# %% [markdown]
# The tall peak deceives. Most estimates by the score function lie near 0, far from the truth, and a
# few far beyond the right edge of the picture (they are counted in the shares) make up for it. A
# mean of few samples depends on whether one of those is among them.
#
# ### The same in Keras
#
# The encoder answers with $\mu$ and $\log\sigma^2$, the decoder with one logit a pixel. The loss is
# minus the ELBO: cross-entropy as $-\log p(x \mid z)$, plus the KL by `add_loss`. Three switches
# wait for sections 7 and 8: a factor `beta` on the KL (1 now), a floor `free` under it (0), and a
# factor `loud` on the noise (1): with `beta` and `loud` 0, a plain autoencoder is left.


# %%
def dense_stack(*widths):
    hidden = [layers.Dense(width, activation="relu") for width in widths[:-1]]
    return keras.Sequential([*hidden, layers.Dense(widths[-1])])


class VAE(keras.Model):
    """Flat images in [0, 1] to logits; adds β · max(KL, free), summed over the code."""

    def __init__(self, latents, width=256):
        super().__init__()
        self.encode = dense_stack(width, width // 2, 2 * latents)
        self.decode = dense_stack(width // 2, width, side**2)
        self.noise = keras.random.SeedGenerator(lab.seed)
        self.beta = self.add_weight(initializer="ones", trainable=False, name="beta")
        self.free = self.add_weight(initializer="zeros", trainable=False, name="free")
        self.loud = self.add_weight(initializer="ones", trainable=False, name="loud")

    def call(self, x):
        mu, log_variance = ops.split(self.encode(x), 2, axis=-1)
        eps = self.loud * keras.random.normal(ops.shape(mu), seed=self.noise)
        kl = 0.5 * (mu**2 + ops.exp(log_variance) - 1 - log_variance)
        self.add_loss(self.beta * ops.sum(ops.maximum(ops.mean(kl, axis=0), self.free)))
        return self.decode(mu + ops.exp(0.5 * log_variance) * eps)


def nats(x, logits):
    """Cross-entropy of each image, summed over its pixels."""
    return ops.sum(ops.binary_crossentropy(x, logits, from_logits=True), axis=-1)


# %% [markdown]
# Two numbers for a code, so that we can look at all of them. About 8 seconds.

# %%
x_flat = lab.part(flat)
flat_vae = VAE(2, lab.pick(quick=256, full=512))
epochs_two = lab.epochs(lab.pick(quick=40, full=25))
fit(flat_vae, x_flat, x_flat, epochs_two, 3e-3, loss=nats, label="VAE, 2 numbers")


def answer(stack, x):
    """What dense layers with ReLU between them answer, in NumPy: nothing to compile."""
    for layer in stack.layers:
        weights, bias = layer.get_weights()
        x = x @ weights + bias
        x = np.maximum(x, 0) if layer is not stack.layers[-1] else x
    return x


def codes(model, images):
    """(mean, variance) of the codes of images, both (n, latents)."""
    mu, log_variance = np.split(answer(model.encode, images), 2, axis=-1)
    return mu, np.exp(log_variance)


def draw(model, z):
    """Images (n, side, side, 1) that codes decode to: each pixel's mean."""
    return scipy.special.expit(answer(model.decode, z)).reshape(-1, side, side, 1)


# %%
mu_two, _ = codes(flat_vae, flat_test)
title = "Test digits in two numbers (no label was seen in training)"
plotting.embedding(mu_two[:300], data.y_test[:300], data.class_names, title, names=("z1", "z2"))

# %%
ticks = norm.ppf(np.linspace(0.04, 0.96, 8))
lattice = np.stack(np.meshgrid(ticks, ticks), axis=-1)  # [i, j] holds (ticks[j], ticks[i])
pictures = draw(flat_vae, lattice.reshape(-1, 2)).reshape(8, 8, side, side)
pictures = np.pad(pictures, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=1)  # a white frame
title = "What each place decodes to (equal shares of the prior)"
plotting.latent_map(pictures, ticks, ticks, names=("z1", "z2"), title=title)

# %% [markdown]
# Nobody named the classes, yet digits of one kind lie together, and between two kinds the map shows
# mixtures. Is it worth the price? Compare minus the ELBO with two numbers to a model without any
# code, which answers with each pixel's mean, and to an exact copy at no KL.


# %%
def entropy(x, p):
    """Cross-entropy of p against x, summed over the pixels, its mean over the images."""
    x, p = np.asarray(x, "float64"), np.clip(np.asarray(p, "float64"), 1e-6, 1 - 1e-6)
    return -np.mean(np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=1))


def bound(model, images, rng):
    """Minus the ELBO in nats, one drawn code for each image."""
    mu, variance = codes(model, images)
    z = mu + np.sqrt(variance) * rng.normal(size=mu.shape)
    p = draw(model, z).reshape(len(images), -1)
    return entropy(images, p) + kl_to_prior(mu, np.log(variance)).sum(axis=1).mean()


cost = {"no code: each pixel's mean": entropy(flat_test, mean)}
cost["VAE, two numbers"] = two = bound(flat_vae, flat_test, lab.rng(8))
cost["exact copy, KL not counted"] = entropy(flat_test, flat_test)
saved = cost["no code: each pixel's mean"] - two
claims.at_least("nats that two numbers save", saved, lab.pick(quick=1.5, full=40.0))
if lab.profile == "full":
    claims.at_most("MNIST, two latents, test: minus ELBO (nats)", two, 142.0)
plotting.bars(cost, "cost of a test image (nats)", title="What two numbers save")

# %% [markdown]
# Two numbers save a few nats. But why does an exact copy cost any?
#
# ### A likelihood that is none
#
# The cross-entropy $-x \log\lambda - (1 - x)\log(1 - \lambda)$ is $-\log p$ of a coin, which knows
# 0 and 1. Our pixels are grey. Over $[0, 1]$, the density $\lambda^x (1 - \lambda)^{1 - x}$ does
# not integrate to 1, so all these "nats" are a loss, no code length. The missing factor has a
# closed form (the **continuous Bernoulli**, Loaiza-Ganem & Cunningham 2019); leaving it out makes
# blurry greys cheap.

# %%
rates = np.array([0.02, 0.1, 0.3, 0.45, 0.6, 0.9, 0.98])  # λ
grid = (np.arange(20_000) + 0.5) / 20_000
area = np.mean(rates[:, None] ** grid * (1 - rates[:, None]) ** (1 - grid), axis=1)
formula = (2 * rates - 1) / np.log(rates / (1 - rates))
claims.close("integral of the density, closed form against grid", formula, area, 1e-6)
claims.at_most("integral at λ = 0.02", area[0], 0.5)

# %% [markdown]
# So the weight between the two terms of our loss is arbitrary, and $\beta$ is a choice, not a law
# (Higgins et al. 2017). For what follows we take $\beta = 0.3$: in short trials, 0.2 to 0.4 did
# similarly well by section 7's referee, scored against *training* digits.
#
# ## 7 · Between two digits, and new ones
#
# A VAE with 16 numbers, about 12 seconds. Then walk from one digit to another: in a straight line
# through pixels, and in a straight line through codes.

# %%
vae, epochs_vae = VAE(16), lab.epochs(lab.pick(quick=60, full=25))
vae.beta.assign(0.3)
fit(vae, x_flat, x_flat, epochs_vae, 3e-3, loss=nats, label="VAE, 16 numbers")
ends = [np.flatnonzero(data.y_test == c)[0] for c in (0, 4)]
z_ends, _ = codes(vae, flat_test[ends])
t = np.linspace(0, 1, 9)[:, None]
in_pixels = ((1 - t) * flat_test[ends[0]] + t * flat_test[ends[1]]).reshape(-1, side, side, 1)
in_codes = draw(vae, (1 - t) * z_ends[0] + t * z_ends[1])
title = "From 0 to 4: through pixels (top), through codes (bottom)"
plotting.images(np.concatenate([in_pixels, in_codes]), columns=9, title=title)

# %%
line = np.ones((side, 1, 1))
pairs = zip(in_pixels, in_codes, strict=True)
frames = [(255 * np.hstack([a, line, b])[..., 0]).astype("uint8") for a, b in pairs]
frames = [f.repeat(20, axis=0).repeat(20, axis=1) for f in frames]
plotting.animate(frames, fps=4, alt="Left a cross-fade of a 0 and a 4, right a 0 that becomes a 4.")

# %% [markdown]
# Halfway in pixels lie two digits on top of each other; halfway in codes should lie something like
# one digit. Measure it for 300 random pairs of test digits of different classes: how far is the
# middle from the nearest training image? Decoded images are smooth, which alone brings them nearer.
# So the fair rival blends the two *decoded* ends in pixels.

# %%
rng = lab.rng(9)
a, b = rng.integers(0, len(flat_test), (2, 600))
a, b = (i[data.y_test[a] != data.y_test[b]][:300] for i in (a, b))
mu_test, _ = codes(vae, flat_test)
middles = {
    "halfway in codes": draw(vae, (mu_test[a] + mu_test[b]) / 2),
    "both ends decoded, blended in pixels": (draw(vae, mu_test[a]) + draw(vae, mu_test[b])) / 2,
    "a test image": flat_test[a],
}
far = {
    name: scipy.spatial.distance.cdist(m.reshape(len(m), -1), some).min(axis=1)
    for name, m in middles.items()
}
codes_mean, pixels_mean, _ = (d.mean() for d in far.values())
ratio = codes_mean / pixels_mean
claims.at_most("distance of the middle, in codes over decoded and blended", ratio, 0.95)
title = "Halfway between two digits"
plotting.distribution(far, 30, "distance to the nearest training image", title=title)

# %% [markdown]
# So the line through codes stays nearer to real digits than a cross-fade, smoothness aside.
#
# ### Judged by numbers
#
# To draw a new digit: draw $z \sim N(0, I)$, decode. Is it any good? The eye is easily pleased, so
# lessons 08 to 10 share one **referee**: a small convolutional network that learned to read real
# training digits and never sees a generator. It compares real test images with generated ones in
# the features of its last hidden layer:
#
# - the **Fréchet distance** between Gaussians fitted to both (Heusel et al. 2017), low is good;
# - **coverage**: the share of real images with a generated one close by (Naeem et al. 2020), high
#   is good.
#
# Real test images against others of them show what is as good as real. The referee does not punish
# copying: training images handed in as "generated" would score like real ones.
#
# Two rivals. **PCA + Gaussian**: draw pixels from the Gaussian with the training images' mean and
# covariance. **Plain autoencoder**: the VAE's own layers, loss and epochs, without noise and KL. It
# gets two chances: codes from the prior $N(0, I)$, as for the VAE, and codes from the Gaussian
# fitted to its training codes ("fitted"). About 12 seconds.

# %%
plain = VAE(16)
plain.beta.assign(0.0)
plain.loud.assign(0.0)
fit(plain, x_flat, x_flat, epochs_vae, 3e-3, loss=nats, label="plain autoencoder")
judge, rng = referee.train(data, seed=lab.seed), lab.rng(10)
new, z_plain = rng.normal(size=(1000, 16)), codes(plain, x_flat)[0]
fitted = rng.multivariate_normal(z_plain.mean(axis=0), np.cov(z_plain.T), 1000)
pixels = mean + (rng.normal(size=(1000, side**2)) * np.sqrt(np.maximum(values, 0))) @ vectors.T
generated = {
    "VAE": draw(vae, new),
    "plain (prior)": draw(plain, new),
    "plain (fitted)": draw(plain, fitted),
    "PCA + Gaussian": pixels.clip(0, 1).reshape(-1, side, side, 1),
}
both = [data.x_test[:10], *(images[:10] for images in generated.values())]
title = "Rows: real, " + ", ".join(generated)
plotting.images(np.concatenate(both), columns=10, title=title)

# %%
judged = {name: judge.scores(data.x_test, images) for name, images in generated.items()}
judged = {"real against real": judge.floor(data.x_test)} | judged
frechet = {name: row.frechet for name, row in judged.items()}
plotting.bars(frechet, "Fréchet distance in the referee's features", title="Low is good")

# %%
covered = {name: row.coverage for name, row in judged.items()}
title = "Real test images with a drawn one close by: high is good"
plotting.bars(covered, "coverage", percent=True, title=title)

# %%
claims.at_least("referee's accuracy on real test images", judge.accuracy, 0.96)
claims.at_least("Fréchet, VAE over real", frechet["VAE"] / frechet["real against real"], 3.0)
for rival, bar in {"PCA + Gaussian": 1.0, "plain (prior)": 0.7}.items():
    claims.at_most(f"Fréchet, VAE over {rival}", frechet["VAE"] / frechet[rival], bar)
for rival in ("PCA + Gaussian", "plain (prior)", "plain (fitted)"):
    claims.at_least(f"coverage, VAE minus {rival}", covered["VAE"] - covered[rival], 0.1)
claims.at_most("Fréchet, plain (fitted) over VAE", frechet["plain (fitted)"] / frechet["VAE"], 1.0)
back = [draw(m, codes(m, flat_test)[0]).reshape(flat_test.shape) for m in (vae, plain)]
by_vae, by_plain = (np.mean((y - flat_test) ** 2) for y in back)
claims.at_least("error of the reconstruction, VAE over plain", by_vae / by_plain, 1.3)

# %% [markdown]
# What do noise and KL term buy? Codes that follow a prior known beforehand: drawn from $N(0, I)$,
# the plain decoder is lost. Even when a Gaussian is fitted to its codes, it covers fewer of the
# real digits: nothing made the space between its codes worth decoding. What do they cost? The VAE
# gives test images back less exactly, and by Fréchet distance the plain autoencoder with fitted
# codes is *ahead*. So by these numbers neither wins outright, and real images are far from both.
# Lessons 09 and 10 are held against the same numbers.
#
# ## 8 · When the code falls silent
#
# The KL term charges for every nat that the code carries. If that price is too high, or the decoder
# can do without, training may give up the code altogether: $q(z \mid x) = p(z)$ for every image.
# That is **posterior collapse**. A number of the code counts as *active* if the variance of its
# mean $\mu$ over the images is above 0.01 (Burda et al. 2016). Provoke it with $\beta = 3$.
#
# Two known cures: **KL annealing** (Bowman et al. 2016) raises $\beta$ slowly from 0, so that the
# decoder learns to use the code first; **free bits** (Kingma et al. 2016) charge nothing for the
# first 0.15 nats (our choice) of each number, so silence saves nothing. About 15 seconds.


# %%
class Anneal(keras.callbacks.Callback):
    """Raises β from 0 to where it stands, over the first two thirds of the epochs."""

    def on_train_begin(self, logs=None):
        self.top = float(ops.convert_to_numpy(self.model.beta))

    def on_epoch_begin(self, epoch, logs=None):
        share = min(1.0, epoch / (2 * self.params["epochs"] / 3))
        self.model.beta.assign(self.top * share)


plans = {
    "β = 1": (1.0, 0.0, ()),
    "β = 3": (3.0, 0.0, ()),
    "β = 3, annealed": (3.0, 0.0, (Anneal(),)),
    "β = 3, free bits": (3.0, 0.15, ()),
}

# %%
carried, active, lost = {}, {}, {}
pupil = VAE(16)
for name, (beta, free, extra) in plans.items():
    fresh = VAE(16)
    fresh(x_flat[:2])
    if pupil.compiled:
        restart(pupil, fresh)
    pupil.beta.assign(beta)
    pupil.free.assign(free)
    rounds = lab.epochs(lab.pick(quick=30, full=10))
    fit(pupil, x_flat, x_flat, rounds, 3e-3, loss=nats, label=name, extra=extra)
    mu, variance = codes(pupil, flat_test)
    carried[name] = np.sort(kl_to_prior(mu, np.log(variance)).mean(axis=0))[::-1]
    active[name] = int(np.sum(mu.var(axis=0) > 0.01))
    lost[name] = np.mean((draw(pupil, mu).reshape(len(mu), -1) - flat_test) ** 2)

# %%
title = "What the eight busiest numbers of the code carry"
rows, order = [each[:8] for each in carried.values()], list(map(str, range(1, 9)))
plotting.heat(rows, list(plans), order, "number", "training", "KL (nats)", ".2f", title=title)

# %%
names = [f"{name} ({active[name]} active)" for name in plans]
worth = dict(zip(names, lost.values(), strict=True))
nothing = np.mean(centred_test**2)  # every image answered with the mean image
title = "What a silent code costs"
bar = {"mean image": round(float(nothing), 3)}
plotting.bars(worth, "error of the reconstruction (MSE)", bar=bar, title=title)

# %%
claims.at_most("active numbers, β = 3", active["β = 3"], 2)
claims.at_least("its error, over that of the mean image", lost["β = 3"] / nothing, 0.9)
claims.at_least("active numbers, β = 3 with free bits", active["β = 3, free bits"], 12)
cured = lost["β = 3, free bits"] / lost["β = 3"]
claims.at_most("error, free bits over collapsed", cured, 0.75)
slowly = lost["β = 3, annealed"] / lost["β = 3"]
claims.at_least("error, annealed over collapsed", slowly, 0.7)

# %% [markdown]
# With $\beta = 3$ the decoder answers every image with the mean image. Free bits bring the numbers
# back, but look how little each says: about what is free, and no more. Look at $\beta = 1$, too,
# the true ELBO: several numbers are silent even there, and the few that speak say more. Active
# numbers alone do not make a good code. Annealing helps little *here*, and that tells two causes
# apart: it cures a training that takes a wrong turn early, but at $\beta = 3$ silence is nearly
# what the loss asks for. Free bits change what is asked.
#
# ### Larger images, in `full` only
#
# Three aims on the test splits, which no run on a GPU has checked yet: Fashion-MNIST through 30
# numbers, MSE at most 0.0085; the same with half of the input pixels set to 0, at most 0.0125; and
# above, MNIST in two numbers at 142 nats.


# %%
def halved(x, rng):
    """Every pixel is set to 0 with probability a half."""
    return x * (rng.random(x.shape) < 0.5).astype("float32")


for corrupt, aim in lab.pick(quick=[], full=[(None, 0.0085), (halved, 0.0125)]):
    fashion = lab.load("digits", "fashion_mnist")
    x, x_test = (lab.part(a.reshape(len(a), -1)) for a in (fashion.x_train, fashion.x_test))
    model = keras.Sequential([dense_stack(512, 256, 30), dense_stack(256, 512, 784)])
    model.add(layers.Activation("sigmoid"))
    rounds, shown = lab.epochs(40), datasets.batches(x, x, 128, lab.seed, augment=corrupt)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, rounds * len(shown))
    model.compile(keras.optimizers.Adam(rate), "mse", jit_compile=lab.jit)
    model.fit(shown, epochs=rounds, verbose=0, callbacks=[callbacks.Progress("Fashion-MNIST")])
    given = corrupt(x_test, lab.rng(11)) if corrupt else x_test
    name = "from half the pixels" if corrupt else "from all pixels"
    claims.at_most(f"Fashion-MNIST {name}, MSE", model.evaluate(given, x_test, verbose=0), aim)

# %% [markdown]
# ## What you take along
#
# **What is left of an image after squeezing it through a bottleneck?** What the images of its kind
# share and vary in: with linear layers PCA's plane exactly (1), with bent ones more per number (2).
# What is *not* of that kind gets lost, which betrays strangers (5). Trained to give back what was
# spoiled, such networks clean and colour (3, 4). Give the codes an order, and the decoder draws
# (6, 7).
#
# It cannot know what was thrown away: colours come out averaged, samples blurred (4, 7). The
# nearest training image finds strangers better (5), and a wide blur smooths a flat background
# better (3). The loss is no likelihood on grey pixels, order costs sharpness (7), and the code can
# fall silent (8). Lesson 09 drops the likelihood and lets a second network judge instead.
#
# ### Sources
#
# - Baldi & Hornik 1989, Neural Networks and Principal Component Analysis, Neural Networks 2,
#   doi:10.1016/0893-6080(89)90014-2
# - Björck & Golub 1973, Numerical Methods for Computing Angles Between Linear Subspaces,
#   Mathematics of Computation 27, doi:10.1090/S0025-5718-1973-0348991-3
# - Bourlard & Kamp 1988, Auto-Association by Multilayer Perceptrons and Singular Value
#   Decomposition, Biological Cybernetics 59, doi:10.1007/BF00332918
# - Bowman et al. 2016, Generating Sentences from a Continuous Space, CoNLL, arXiv:1511.06349
# - Burda, Grosse & Salakhutdinov 2016, Importance Weighted Autoencoders, ICLR, arXiv:1509.00519
# - Heusel et al. 2017, GANs Trained by a Two Time-Scale Update Rule, NIPS, arXiv:1706.08500
# - Higgins et al. 2017, beta-VAE, ICLR
# - Hinton & Salakhutdinov 2006, Reducing the Dimensionality of Data with Neural Networks, Science
#   313, doi:10.1126/science.1127647
# - Kingma & Welling 2014, Auto-Encoding Variational Bayes, ICLR, arXiv:1312.6114
# - Kingma et al. 2016, Improved Variational Inference with Inverse Autoregressive Flow, NIPS,
#   arXiv:1606.04934
# - Loaiza-Ganem & Cunningham 2019, The Continuous Bernoulli, NeurIPS, arXiv:1907.06845
# - Naeem et al. 2020, Reliable Fidelity and Diversity Metrics for Generative Models, ICML,
#   arXiv:2002.09797
# - Pearson 1901, On Lines and Planes of Closest Fit to Systems of Points in Space, Philosophical
#   Magazine 2, doi:10.1080/14786440109462720
# - Rezende, Mohamed & Wierstra 2014, Stochastic Backpropagation and Approximate Inference in Deep
#   Generative Models, ICML, arXiv:1401.4082
# - Vincent, Larochelle, Bengio & Manzagol 2008, Extracting and Composing Robust Features with
#   Denoising Autoencoders, ICML, doi:10.1145/1390156.1390294
# - Zhang, Zuo, Chen, Meng & Zhang 2017, Beyond a Gaussian Denoiser, IEEE Transactions on Image
#   Processing 26, arXiv:1608.03981

# %% [markdown]
# ## Lab (10 points)
#
# Write each function in place of `raise NotImplementedError`, run the cell, then the check below
# it. A check draws fresh numbers every time and tells you what to look at next. NumPy arrays go
# in; arrays or lists may come out. The first cell of the notebook is all that the lab needs, and
# all that a grader runs before it.
#
# ### Exercise 1: PCA by singular values (2 points)
#
# Section 1 took eigenvectors of the covariance, which is huge for large images. The singular value
# decomposition needs none: for centred images $X = U S V^\top$ the rows of $V^\top$ are the
# components, and $S_i^2$ is in proportion to the variance along component $i$. The sign of a
# component is free.


# %% exercise="pca"
def pca(x, k):
    """Principal components of the rows of x, best without a covariance matrix.

    x: (n, d), more rows than columns or fewer. k: number of components, at most n - 1 and d.
    Returns mean (d,); components (k, d), orthonormal rows, largest variance first; and
    shares (k,), the share of the total variance (all components) that lies along each.
    """
    ### BEGIN SOLUTION
    mean = x.mean(axis=0)
    _, s, vt = np.linalg.svd(x - mean, full_matrices=False)
    return mean, vt[:k], (s**2 / np.sum(s**2))[:k]
    ### END SOLUTION


# %% checks="pca" points=2
@checks.exercise("pca")
def _(check):
    def drawn(n, d):
        u, v = (np.linalg.qr(check.rng.normal(size=shape))[0] for shape in ((n, n), (d, d)))
        m = min(n, d)
        s = 10 * 0.75 ** np.arange(m)  # well apart, so that each component is certain
        return (u[:, :m] * s) @ v[:, :m].T + 5 * check.rng.normal(size=d)

    for n, d, k in [(40, 10, 4), (9, 30, 5), (25, 25, 1)]:
        x = drawn(n, d)
        mean = x.mean(axis=0)
        _, s, vt = np.linalg.svd(x - mean, full_matrices=False)
        case = f"({n} rows, {d} columns, k = {k})"
        hint = "Return three things: the mean, the components, their shares."
        found = check.ask("pca", x, k)
        check.that(found is not None, "Nothing came back: is the return statement missing?")
        check.that(isinstance(found, list) and len(found) == 3, hint)
        hint = f"The mean has one number for each column {case}."
        check.close(check.array(found[0], (d,), hint), mean, f"{hint} Average over the rows.")
        hint = f"The components are {k} rows of {d} numbers {case}."
        c = check.array(found[1], (k, d), f"{hint} Are yours transposed, or too many?")
        hint = "Components are orthonormal: length 1, at right angles."
        check.close(c @ c.T, np.eye(k), hint, atol=1e-3)
        raw = np.linalg.svd(x, full_matrices=False)[2][:k]
        hint = "Subtract the mean before the decomposition."
        check.that(not np.allclose(np.abs(np.sum(c * raw, axis=1)), 1, atol=1e-3), hint)
        hint = "The order differs: the largest variance comes first."
        check.that(
            k == 1 or not np.allclose(np.abs(np.sum(c * vt[:k][::-1], 1)), 1, atol=1e-3), hint
        )
        hint = (
            "Those are other directions: rows of Vᵀ belong to columns of x, those of U to its rows."
        )
        check.close(np.abs(np.sum(c * vt[:k], axis=1)), np.ones(k), hint, atol=1e-3)
        shares = check.array(found[2], (k,), f"There is one share for each of the {k} components.")
        right = (s**2 / np.sum(s**2))[:k]
        mistakes = {
            "Variance goes with the square of the singular values.": (s / s.sum())[:k],
            "Shares are of the total variance, the components left out included.": right
            / right.sum(),
            "Each component's own share is asked for, not the sum up to it.": np.cumsum(right),
            "Shares are fractions, not per cent.": 100 * right,
        }
        for hint, wrong in mistakes.items():
            same = np.allclose(shares, wrong, atol=1e-4) and not np.allclose(right, wrong)
            check.that(not same, hint)
        check.close(shares, right, "The shares differ: Sᵢ² over the sum of all.")


# %% [markdown]
# ### Exercise 2: reparameterisation and Gaussian KL (3 points)
#
# Section 6 had the prior $N(0, 1)$. Let the prior have a mean $m$ and a log-variance of its own,
# $p = N(m, s^2)$, one for each number of the code. Write $\log q - \log p$ with
# $z = \mu + \sigma\varepsilon$ as there, take the mean, and check that $m = 0$, $s = 1$ gives the
# old formula.


# %% exercise="sample_and_kl"
def sample_and_kl(mu, log_variance, noise, prior_mu, prior_log_variance):
    """Codes drawn from q = N(mu, exp(log_variance)), and the KL of q from the prior.

    mu, log_variance, noise: (n, k), noise standard normal. prior_mu, prior_log_variance: (k,).
    Returns z: (n, k), and kl: (n,), summed over the code, in nats.
    """
    ### BEGIN SOLUTION
    z = mu + np.exp(0.5 * log_variance) * noise
    off = (mu - prior_mu) ** 2 + np.exp(log_variance)
    kl = off / np.exp(prior_log_variance) - 1 - log_variance + prior_log_variance
    return z, 0.5 * kl.sum(axis=1)
    ### END SOLUTION


# %% checks="sample_and_kl" points=3
@checks.exercise("sample_and_kl")
def _(check):
    def kl(mu, lv, m, ls):
        terms = ((mu - m) ** 2 + np.exp(lv)) / np.exp(ls) - 1 - lv + ls
        return 0.5 * terms

    for standard in (True, False, False):
        mu, lv, noise = next(check.arrays(*[(6, 4)] * 3, count=1, dtype="float64"))
        m, ls = np.zeros((2, 4)) if standard else check.rng.normal(size=(2, 4))
        where = "With the prior N(0, 1)" if standard else "With another prior"
        found = check.ask("sample_and_kl", mu, lv, noise, m, ls)
        check.that(found is not None, "Nothing came back: is the return statement missing?")
        hint = "Return two things: z and the KL."
        check.that(isinstance(found, list) and len(found) == 2, hint)
        z = check.array(found[0], (6, 4), "z has the shape of mu: one number for each of the code.")
        hint = (
            "z: the noise is scaled by the deviation σ. From log σ², that is exp of a half of it."
        )
        factors = (np.exp(lv), np.exp(2 * lv), lv, 0.5 * lv, 1.0)
        for wrong in (mu + np.exp(0.5 * lv), *(mu + f * noise for f in factors)):
            check.that(not np.allclose(z, wrong, atol=1e-3), hint)
        check.close(z, mu + np.exp(0.5 * lv) * noise, "z differs: μ plus σ times the noise given.")
        terms = kl(mu, lv, m, ls)
        hint = "One KL for each example: sum over the numbers of the code, not over the examples."
        answer = check.array(found[1])
        check.that(answer.shape == (6,), f"{hint} Yours has the shape {answer.shape}.")
        mistakes = {
            "The KL is summed over the code, not averaged.": terms.mean(axis=1),
            "A factor is missing: the logarithm of a Gaussian has a half in it.": 2 * terms.sum(1),
            "The sign is wrong: a KL divergence is never negative.": -terms.sum(axis=1),
            "That is one sample's log q - log p: take its mean, in closed form.": 0.5
            * (((z - m) ** 2 / np.exp(ls)) - noise**2 + ls - lv).sum(axis=1),
        }
        swapped = kl(m, ls, mu, lv).sum(axis=1)
        mistakes["That is the KL of the prior from q: the other way round."] = swapped
        if not standard:
            s2, square, own = np.exp(ls), (mu - m) ** 2, np.exp(lv)
            rest = ls - lv - 1
            hint = "Both (μ - m)² and σ² are divided by the prior's variance s², e^(its logarithm)."
            others = [
                ("The prior is not N(0, 1) here.", kl(mu, lv, 0, 0)),
                (hint, 0.5 * (square + own + rest)),
                (hint, 0.5 * (square + own / s2 + rest)),
                (hint, 0.5 * (square / s2 + own + rest)),
                (hint, 0.5 * ((square + own) / np.sqrt(s2) + rest)),
                (hint, 0.5 * ((square + own) / ls + rest)),
                ("The means are μ - m apart: look at the sign of m.", kl(mu, lv, -m, ls)),
                (
                    "The prior's own log s² is missing: log p has it too.",
                    kl(mu, lv, m, ls) - ls / 2,
                ),
                ("The prior's own log s² has the wrong sign.", kl(mu, lv, m, ls) - ls),
            ]
            for hint, wrong in others:
                check.that(not np.allclose(answer, wrong.sum(axis=1), atol=1e-3), hint)
        for hint, wrong in mistakes.items():
            check.that(not np.allclose(answer, wrong, atol=1e-3), hint)
        hint = f"{where} the KL differs: log q - log p in ε, then the mean over ε."
        check.close(answer, terms.sum(axis=1), hint, rtol=1e-3)


# %% [markdown]
# ### Exercise 3: the ELBO (3 points)
#
# Section 6 took one drawn code for each image. Now $S$ codes for each, which makes the estimate of
# $\mathbb{E}_q[\log p(x \mid z)]$ quieter. The decoder answers with logits $l$, one a pixel, so
# that $\log p(x \mid z) = \sum_j \big(x_j l_j - \log(1 + e^{l_j})\big)$. Logits may be large:
# $e^{800}$ overflows.


# %% exercise="elbo"
def elbo(images, logits, mu, log_variance):
    """The evidence lower bound of each image (not its negative), in nats.

    images: (n, pixels) in [0, 1]. logits: (S, n, pixels), what S codes drawn for each image
    decode to. mu, log_variance: (n, k), of q; the prior is N(0, 1). Returns (n,).
    """
    ### BEGIN SOLUTION
    log_p = np.sum(images * logits - np.logaddexp(0, logits), axis=-1)  # (S, n)
    kl = 0.5 * np.sum(mu**2 + np.exp(log_variance) - 1 - log_variance, axis=-1)
    return log_p.mean(axis=0) - kl
    ### END SOLUTION


# %% checks="elbo" points=3
@checks.exercise("elbo")
def _(check):
    def overflowed(found):
        try:
            return not np.isfinite(np.asarray(found, dtype=float)).all()
        except (TypeError, ValueError):
            return False  # no numbers at all, which is another mistake

    for scale in (2, 2, 600):
        S, n, pixels, k = 5, 4, 7, 3
        logits = check.rng.normal(size=(S, n, pixels)) * scale
        mu, lv = check.rng.normal(size=(2, n, k))
        x = check.rng.random((n, pixels))
        each = x * logits - np.logaddexp(0, logits)
        log_p = each.sum(axis=-1)
        terms = 0.5 * (mu**2 + np.exp(lv) - 1 - lv)
        kl = terms.sum(axis=-1)
        right = log_p.mean(axis=0) - kl
        found = check.ask("elbo", x, logits, mu, lv)
        large = scale > 100
        hint = "With large logits something overflowed: log(1 + eˡ) is close to l then."
        if large:
            check.that(not overflowed(found), hint)
        y = check.array(found)
        check.that(y.shape == (n,), f"One number for each image is expected, yours is {y.shape}.")
        top = log_p.max(axis=0)
        iw = top + np.log(np.mean(np.exp(log_p - top), axis=0)) - kl
        mistakes = {
            "That is minus the ELBO, the loss.": -right,
            "The KL is subtracted: it makes the bound smaller.": log_p.mean(axis=0) + kl,
            "The KL is missing.": log_p.mean(axis=0),
            "Sum over the pixels, do not average.": each.mean(axis=-1).mean(axis=0) - kl,
            "Average over the S codes, do not add them up.": log_p.sum(axis=0) - kl,
            "Sum the KL over the numbers of the code.": log_p.mean(axis=0) - terms.mean(axis=-1),
            "The KL has a factor of a half.": log_p.mean(axis=0) - 2 * kl,
            "Average log p over the codes, not p itself.": iw,
            "The KL is of each image: it is not averaged over codes or images.": log_p.mean(axis=0)
            - kl / S,
            "Each image has its own KL: do not add up those of all images.": log_p.mean(axis=0)
            - kl.sum(),
            "All S codes count, not only one.": log_p[0] - kl,
            "Average log p over the codes, not the logits.": np.sum(
                x * logits.mean(axis=0) - np.logaddexp(0, logits.mean(axis=0)), axis=-1
            )
            - kl,
        }
        for hint, wrong in mistakes.items():
            check.that(not np.allclose(y, wrong, rtol=1e-6, atol=1e-3), hint)
        hint = "The values differ: the mean over codes of the sum over pixels, minus the KL."
        hint = (
            "With large logits the values differ: clipping probabilities changes them."
            if large
            else hint
        )
        check.close(y, right, hint)


# %% [markdown]
# ### Exercise 4: a threshold at a false-alarm rate (2 points)
#
# A guard scores images; what lies strictly above a threshold is an alarm. You have scores of normal
# images and the rate of false alarms that you can bear. Choose the threshold as low as that allows,
# and say what share of the anomalies it then finds.


# %% exercise="alarm"
def alarm(normal, anomalies, rate):
    """The lowest threshold that keeps to a rate of false alarms, and what it finds.

    normal: (n,) scores of normal images. anomalies: (m,). rate: from 0 to below 1.
    Returns two numbers: the threshold, which is the lowest of the normal scores that at most the
    share `rate` of normal scores lies strictly above; and the share of the anomalies that lies
    strictly above it.
    """
    ### BEGIN SOLUTION
    ordered = np.sort(normal)
    allowed = int(np.floor(rate * len(ordered) + 1e-9))
    threshold = ordered[len(ordered) - 1 - allowed]
    return threshold, np.mean(np.asarray(anomalies) > threshold)
    ### END SOLUTION


# %% checks="alarm" points=2
@checks.exercise("alarm")
def _(check):
    for n, rate, skewed in [(200, 0.05, 0), (37, 0.1, 1), (150, 0.0, 1), (61, 0.25, 0)]:
        draw = check.rng.exponential if skewed else check.rng.normal
        normal, anomalies = draw(size=n), draw(size=80) + 1.5
        if n == 61:  # ties
            normal, anomalies = np.round(8 * normal) / 8, np.round(8 * anomalies) / 8
        # Scores that float32 holds exactly: an answer in float32 is as right.
        normal, anomalies = (a.astype("float32").astype(float) for a in (normal, anomalies))
        right = scores.threshold_at(normal, rate)
        anomalies[check.rng.permutation(80)[:8]] = right  # these are no alarms
        case = f"({n} normal scores, rate {rate:g})"
        found = check.ask("alarm", normal, anomalies, rate)
        hint = "Return two numbers: the threshold and the share of anomalies found."
        t, share = check.array(found, (2,), hint)
        alarms, allowed = int(np.sum(normal > t + 1e-6)), int(np.sum(normal > right))

        def near(value, t=t):
            return np.isclose(t, value, rtol=1e-6, atol=1e-6)

        if not near(right):
            hint = f"That is the wrong end {case}: {alarms} of {n} normal scores lie above it."
            check.that(not (near(np.sort(normal)[int(rate * n)]) and alarms > n / 2), hint)
            hint = "The threshold comes from the normal scores; the anomalies are not known before."
            check.that(rate == 0 or not near(np.quantile(anomalies, 1 - rate)), hint)
            hint = f"A quantile that interpolates lands between two scores {case}: take a score."
            check.that(not near(np.quantile(normal, 1 - rate)), hint)
            hint = f"Too many false alarms {case}: {alarms} of {n} lie above your threshold."
            check.that(t > right, hint)
            hint = f"Your threshold is too high {case}: more alarms are allowed than your {alarms}."
            check.that(alarms == allowed, hint)
            hint = f"Your threshold is too high {case}: it is no normal score, take the one below."
            check.that(False, hint)
        hint = "That counts anomalies: their share is asked for."
        check.that(share <= 1, hint)
        hint = "A score that equals the threshold is no alarm: count those strictly above."
        tied = np.mean(anomalies >= right)
        check.that(not np.isclose(share, tied, atol=1e-6), hint)
        hint = "The share of anomalies counts those strictly above the threshold, over all of them."
        check.close(share, np.mean(anomalies > right), hint)


# %% [markdown]
# ### Going further (no points)
#
# Replace the cross-entropy by a Gaussian with a deviation that is learned too: which $\beta$ does
# that correspond to? Train the cleaner on one strength of noise and test it on another. Draw codes
# for the plain autoencoder from a mixture of ten Gaussians: does it overtake the VAE?
