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
# # 01 · History
#
# **How did we get from a logic gate to systems that write and draw?**
#
# You need: Python, and NumPy arrays. You will rebuild the machines of 1943, 1958 and 1986, prove
# what one of them can never do, race old methods against new ones, and check four popular claims.
# The graded lab is the last section.
#
# | profile | data | needs | time |
# |---|---|---|---|
# | `quick` | 1,797 real digits (in scikit-learn) | 2 CPU cores, 2 GB | 40 to 60 s |
# | `full` | MNIST | a GPU, 12 MB download | not measured yet |
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

lab = runtime.start("01_history", seed=1)

import time
from itertools import product

import keras
import numpy as np
from keras import layers
from scipy.optimize import linprog

from dlutils import callbacks, checks, claims, datasets, ensemble, plotting, widgets

# %% [markdown]
# ### How to read these lessons
#
# A **notebook** is text and code in turn. Click on a cell of code and press Shift+Enter: it runs,
# and its output appears below. Run from the top, change what you like, run again. If all gets
# muddled, choose *Restart* in the menu *Kernel* and begin at the top.
#
# A line such as `accuracy 0.91 (at least 0.9): holds` is a **claim**: the figure was measured just
# now, on your machine. A claim that fails stops the notebook. In the lab, a **check** asks your
# function questions with fresh numbers; its hint names the likely mistake.

# %% [markdown]
# ## 1 · Eighty years on one line
#
# Each event with a source that you can look up; the full list stands at the end. (What an LSTM, a
# transformer, an autoencoder, a GAN or diffusion is: lessons 06 to 10.) First: neurons as logic,
# the first machine that learned, and the first disappointment.

# %%
beginnings = [
    (1943, "McCulloch and Pitts: a neuron as a logic gate", "Bull. Math. Biophysics 5"),
    (1958, "Rosenblatt: the perceptron learns", "Psychological Review 65"),
    (1962, "Novikoff: proof that such learning ends", "Symp. Math. Theory of Automata 12"),
    (1969, "Minsky and Papert: what it cannot learn", "Perceptrons, MIT Press"),
    (1970, "Linnainmaa: all derivatives in one backward sweep", "thesis, Univ. of Helsinki"),
    (1973, "Lighthill's report; Britain cuts funds", "Science Research Council"),
    (1974, "Werbos: the backward sweep, for learning", "thesis, Harvard"),
]

# %% [markdown]
# Then: layers that learn, and networks that see and remember. Most of it was there before the year
# 2000. What was missing: examples, and faster computers.

# %%
layered = [
    (1980, "Fukushima: neocognitron, layers that see", "Biological Cybernetics 36"),
    (1986, "Rumelhart, Hinton and Williams: hidden units learn", "Nature 323"),
    (1986, "Dechter writes “deep learning” (about search)", "AAAI-86"),
    (1989, "LeCun et al.: a network reads ZIP codes", "Neural Computation 1"),
    (1997, "Hochreiter and Schmidhuber: long short-term memory", "Neural Computation 9"),
    (1998, "LeCun et al.: LeNet-5 reads cheques", "Proc. IEEE 86"),
    (2006, "Hinton and Salakhutdinov: deep autoencoders", "Science 313"),
    (2009, "Deng et al.: ImageNet, millions of labelled pictures", "CVPR"),
]

# %% [markdown]
# Then scale. Much the same ideas, with far more arithmetic (section 7), and systems that see,
# play, write and draw.

# %%
scaled = [
    (2012, "Krizhevsky et al.: AlexNet wins the ImageNet contest", "NIPS 25"),
    (2012, "Le et al.: a network finds cats in video frames by itself", "ICML, arXiv 1112.6209"),
    (2013, "Kingma and Welling: variational autoencoder", "arXiv 1312.6114"),
    (2014, "Goodfellow et al.: generative adversarial networks", "NIPS 27"),
    (2015, "Mnih et al.: one design learns 49 video games (DQN)", "Nature 518"),
    (2015, "Sohl-Dickstein et al.: diffusion, from noise to picture", "ICML"),
    (2015, "He et al.: residual networks, 152 layers", "arXiv 1512.03385"),
]

# %%
latest = [
    (2016, "Silver et al.: AlphaGo", "Nature 529"),
    (2017, "Vaswani et al.: the transformer", "NIPS 30"),
    (2020, "Ho et al.: diffusion that rivals GANs (DDPM)", "NeurIPS 33"),
    (2021, "Ramesh et al.: DALL·E draws what you describe", "ICML"),
    (2022, "ChatGPT", "OpenAI, 30 November"),
    (2024, "Trinh et al.: AlphaGeometry solves olympiad problems", "Nature 625"),
]
title = "From a logic gate to systems that write and draw"
plotting.timeline(beginnings + layered + scaled + latest, title=title)

# %% [markdown]
# Nearly half of all events lie after 2011. Before, there are long gaps, and twice interest and
# money went away: after 1969, and around 1990. These are the "AI winters". Why? A history can only
# be believed where it can be checked. So we rebuild the milestones, beginning with the first.

# %% [markdown]
# ## 2 · 1943: a neuron as a logic gate
#
# McCulloch and Pitts reduced a nerve cell to one decision. It adds up its inputs $x_i$, each
# weighted by $w_i$, and **fires** (answers 1) where the sum reaches a threshold $\theta$:
#
# $$y = 1 \text{ if } \sum_i w_i x_i \ge \theta, \text{ otherwise } 0.$$
#
# (So it is told today. In their paper all exciting inputs count the same, and an inhibiting one has
# a veto.)


# %%
def unit(x, w, theta):
    """One threshold unit, one example. x, w: one number for each input. Returns 1 or 0."""
    total = 0.0
    for x_i, w_i in zip(x, w, strict=True):
        total += w_i * x_i
    return 1 if total >= theta else 0


made_by_hand = {"AND": ([1, 1], 1.5), "OR": ([1, 1], 0.5), "first, not second": ([1, -1], 0.5)}
corners = np.array(list(product([0, 1], repeat=2)))
for gate, (w, theta) in made_by_hand.items():
    print(f"{gate:18}", {f"{x[0]} {x[1]}": unit(x, w, theta) for x in corners})

# %% [markdown]
# Three weights and thresholds, three gates, and from such gates a whole computer can be wired: that
# was the news of 1943. A weight below zero inhibits, as some nerve cells do. Nothing *learns* yet:
# we chose every number.
#
# Deep learning's libraries hold the same sum: Keras calls a layer of such units `Dense`. With our
# weights and a step as its activation, it must agree with our loop on every corner.


# %%
def step(z):
    return keras.ops.cast(z >= 0, "float32")


dense = layers.Dense(3, activation=step)
dense.build((None, 2))
w = np.array([w for w, _ in made_by_hand.values()]).T
theta = np.array([theta for _, theta in made_by_hand.values()])
dense.set_weights([w, -theta])  # a bias is a threshold that has changed sides: b = -theta
by_keras = keras.ops.convert_to_numpy(dense(corners.astype("float32")))
by_loops = [[unit(x, *gate) for gate in made_by_hand.values()] for x in corners]
claims.close("our unit against Dense, largest difference", by_loops, by_keras, 1e-5)

# %% [markdown]
# ### Play with it
#
# With two inputs, the unit's answer changes along a straight line in the plane. The marks are the
# four corners and what the gate *should* answer. In a running notebook, move the line until all
# four lie on their own side (elsewhere you see some settings). For AND and OR you will succeed. For
# XOR (one or the other, not both)?

# %%
gates = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}
weights = [1.0, 0.5, 0.0, -0.5, -1.0]


def line(gate, theta, w1, w2):
    """The plane of inputs, divided by one threshold unit."""

    def answer(x):
        return (x @ np.array([w1, w2]) >= theta).astype(int)

    title, classes = f"{gate} wanted, threshold {theta:g}", ["silent", "fires"]
    return plotting.decision_regions(answer, corners, gates[gate], classes, title)


widgets.explore(line, gate=list(gates), theta=(0.5, 1.5, 0.25), w1=weights, w2=weights)

# %% [markdown]
# ## 3 · 1958: learning from examples
#
# Rosenblatt's **perceptron** is such a unit whose weights are learned. In July 1958 the US Navy
# showed the press a computer of five tons that was fed cards marked on the left or on the right.
# Nobody told it the rule. After 50 trials it told them apart. Here are such cards: 20×20 points, a
# square of 4×4 on one side.


# %%
def card(rng, left, right):
    """A card of 20 x 20 points with a square on the left, on the right, on both or on neither."""
    points = np.zeros((20, 20))
    for there, first in ((left, 0), (right, 10)):
        if there:
            row, column = rng.integers(0, 17), first + rng.integers(0, 7)
            points[row : row + 4, column : column + 4] = 1
    return points


rng = lab.rng(0)
y = rng.choice([-1, 1], size=400)  # -1: left, +1: right
cards = np.array([card(rng, left=side < 0, right=side > 0) for side in y])
names = ["left" if side < 0 else "right" for side in y[:10]]
plotting.images(cards[:10], names, columns=5, title="Cards and what they are called")

# %% [markdown]
# Rosenblatt's rule in its later form (1962), for labels $y = \pm 1$ and no threshold. Show a card
# $x$ (400 numbers). If the sign of $w \cdot x$ is that of $y$, change nothing. If not, or if the
# sum is 0 (no answer), it was a mistake. Start from $w = 0$.
#
# $$w \leftarrow w + y\,x$$
#
# The points of the card move their weights towards the right answer, by 1 each. (His machine had
# fixed random connections in between; ours has a weight for each point.)


# %%
def learn(x, y, passes):
    """x: (cards, points), y: (cards,). Returns w and the mistakes: (trial, card, w afterwards)."""
    w, mistakes = np.zeros(x.shape[1]), []
    for trial in range(passes * len(x)):
        i = trial % len(x)
        if y[i] * (w @ x[i]) <= 0:
            w = w + y[i] * x[i]
            mistakes.append((trial, i, w))
    return w, mistakes


x = cards.reshape(len(cards), -1)
w, mistakes = learn(x, y, passes=5)

# %% [markdown]
# Below, each frame is one mistake (from the second on): the card, and the 400 weights after it, as
# a picture. Between two frames many cards were right. Blue weights speak for *right*, orange ones
# for *left*. On these cards every mistake is a sum of 0, a square on points that no print has
# touched yet; it leaves its own print, until every card meets one.

# %%
frames = []
for k, (trial, i, w_then) in enumerate(mistakes, start=1):
    if w_then.min() < 0 < w_then.max():
        pictures = {"card": cards[i], "weights after it": w_then.reshape(20, 20)}
        frames.append(plotting.beside(pictures, title=f"Trial {trial + 1}: mistake number {k}"))
alt = "Cards leave prints of their squares, orange on the left and blue on the right."
plotting.animate(frames, fps=1, alt=alt)

# %% [markdown]
# For readers without animation, the last frame: after it, a whole pass over all 400 cards was free
# of mistakes.

# %%
frames[-1]

# %% [markdown]
# ### It must come to an end
#
# Novikoff (1962) proved it. Suppose some weights $u$ of length $\|u\| = 1$ are right about every
# card, with room $\gamma$: $y\,(u \cdot x) \ge \gamma$. Let $R$ be the length of the longest card.
# A mistake makes $u \cdot w$ grow by $y\,(u \cdot x)$, at least $\gamma$. And as $y\,(w \cdot x)
# \le 0$ then,
#
# $$\|w + y\,x\|^2 = \|w\|^2 + 2\,y\,(w \cdot x) + \|x\|^2 \le \|w\|^2 + R^2.$$
#
# So after $k$ mistakes (and since $u \cdot w$ is at most $\|w\|$)
#
# $$k\,\gamma \;\le\; u \cdot w \;\le\; \|w\| \;\le\; \sqrt{k}\,R, \qquad \text{hence} \qquad
# k \le (R / \gamma)^2.$$

# %% [markdown]
# For our cards we can write down a $u$: 1/20 for all points on the right, -1/20 on the left, so
# that its length is 1. $R$ is 4, the root of 16 points; $\gamma$ is 16/20.

# %%
u = np.repeat([[-1, 1]], 10, axis=1).repeat(20, axis=0).ravel() / 20
R, gamma = np.linalg.norm(x, axis=1).max(), (y * (x @ u)).min()
bound = (R / gamma) ** 2
claims.at_most("mistakes until no card is misjudged", len(mistakes), round(bound))

# %%
k = np.arange(1, 31)
corridor = {"‖w‖ at most √k R": np.sqrt(k) * R, "‖w‖ at least k γ": k * gamma}
title = "No room beyond 25 mistakes (dots: measured)"
figure = plotting.curves(k, corridor, "mistakes k", "length of the weights ‖w‖", title)
lengths = [np.linalg.norm(w_then) for _, _, w_then in mistakes]
figure.axes[0].plot(k[: len(lengths)], lengths, "o", color=plotting.PALETTE[2])
figure

# %% [markdown]
# (The dots lie on the upper curve: with sums of 0, the middle term vanishes.) The bound holds for
# any number of cards, in any order. Two further questions. Is our rule the known one?
# scikit-learn's `Perceptron`, given the same cards in the same order, must end with the same
# weights. And are *new* cards read? Only 238 different ones exist. Stop after 50 trials, as in
# 1958, and show all others.

# %%
from sklearn.linear_model import Perceptron

library = Perceptron(fit_intercept=False, shuffle=False, max_iter=5, tol=None).fit(x, y)
claims.close("weights, ours against scikit-learn's", w, library.coef_[0], 1e-5)

w50, _ = learn(x[:50], y[:50], passes=1)
places = list(product((0, 10), range(17), range(7)))  # side, row, column
others = np.zeros((len(places), 20, 20))
for points, (side, row, column) in zip(others, places, strict=True):
    points[row : row + 4, side + column : side + column + 4] = 1
others, sides = others.reshape(len(places), -1), np.repeat([-1, 1], 17 * 7)
shown = {each.tobytes() for each in x[:50]}
new = np.array([each.tobytes() not in shown for each in others])
right = (sides * (others @ w50) > 0)[new].mean()
claims.at_least("new cards called right after 50 trials", right, 0.75)

# %% [markdown]
# So it had learned something that holds beyond its examples. The press wrote of machines that would
# walk, talk and be conscious. What came next?

# %% [markdown]
# ## 4 · 1969: what one unit cannot do
#
# Minsky and Papert asked which questions a perceptron can answer at all. The smallest that it
# cannot is XOR. Write down what its four corners demand of $w_1, w_2, \theta$:
#
# $$0 < \theta, \qquad w_1 \ge \theta, \qquad w_2 \ge \theta, \qquad w_1 + w_2 < \theta.$$
#
# The middle two add up to $w_1 + w_2 \ge 2\theta$, which is more than $\theta$. No weights can do
# it.

# %% [markdown]
# A computer can do this reasoning for any gate. Where there is a solution at all, there is one with
# room (lower $\theta$ a little, then multiply all by a large number): with $s = +1$ where the unit
# must fire and $-1$ where not, $s\,(w \cdot x - \theta) \ge 1$ for every corner. These are
# **linear** inequalities; whether any numbers satisfy them all is a *linear programme*. SciPy
# solves it, or proves that nothing can.
#
# `linprog(cost, A_ub, b_ub, bounds=…)` finds the $v$ with the smallest $\text{cost} \cdot v$ for
# which `A_ub @ v <= b_ub`. `bounds` is one pair (lowest, highest) for all unknowns, or a list with
# a pair for each; None means no bound.


# %%
def unit_for(x, fires):
    """Weights and threshold of a unit that fires exactly there, or None where there is none.

    x: (cases, inputs). fires: (cases,), 1 or 0.
    """
    s = 2 * np.asarray(fires) - 1
    demands = -s[:, None] * np.column_stack([x, -np.ones(len(x))])  # demands @ (w, theta) <= -1
    nothing = np.zeros(x.shape[1] + 1)  # to minimise: any solution will do
    found = linprog(nothing, A_ub=demands, b_ub=-np.ones(len(x)), bounds=(None, None))
    assert found.status in (0, 2), found.message  # solved, or proved to have no solution
    return found.x if found.status == 0 else None


# %%
for gate, fires in gates.items():
    found = unit_for(corners, fires)
    if found is None:
        print(f"{gate}: no unit can do it (proved)")
    else:
        answers = [unit(x, found[:-1], found[-1]) for x in corners]
        print(f"{gate}: a unit is found; it answers {answers}, wanted {fires}")

# %% [markdown]
# AND and OR are solved, XOR is proved impossible. Is XOR a rare exception? Count: of all gates with
# one, two or three inputs, how many can one unit do? (For four inputs it is known from the
# literature: 1,882 of 65,536. About a second.)

# %%
possible = {}
for inputs in (1, 2, 3):
    cases = np.array(list(product([0, 1], repeat=inputs)))
    tables = list(product([0, 1], repeat=len(cases)))
    possible[inputs] = sum(unit_for(cases, fires) is not None for fires in tables)
claims.between("gates of two inputs that one unit can do, of 16", possible[2], 14, 14)
claims.between("gates of three inputs that one unit can do, of 256", possible[3], 104, 104)
share = {f"inputs: {n}": possible[n] / 2**2**n for n in possible}
share["inputs: 4 (literature)"] = 1882 / 2**16
plotting.bars(share, "gates that one unit can do", percent=True, title="XOR is no rare exception")

# %% [markdown]
# ### Cards that are never learned
#
# The same on cards. New question: is there a square on *exactly one* side? That is XOR of "left"
# and "right". (An input that is always 1 is added: its weight serves as a threshold.) We give the
# machine 100 passes, and count its mistakes in each.

# %%
both = rng.integers(0, 2, size=(400, 2))
pictures = np.array([card(rng, *each) for each in both])
one_side = np.where(both.sum(1) == 1, 1, -1)
names = ["exactly one" if each > 0 else "not one" for each in one_side[:5]]
plotting.images(pictures[:5], names, columns=5, title="The new question")

# %%
tasks = {"left or right?": (cards, y), "exactly one side?": (pictures, one_side)}
passes, wrong = 100, {}
for task, (shown, wanted) in tasks.items():
    x = np.column_stack([shown.reshape(400, -1), np.ones(400)])
    _, made = learn(x, wanted, passes)
    wrong[task] = np.bincount([trial // 400 for trial, _, _ in made], minlength=passes)
title = "One question is learned at once, the other never without mistakes"
axes = "pass over the 400 cards", "mistakes in it"
plotting.curves(np.arange(1, passes + 1), wrong, *axes, title)

# %%
late = wrong["exactly one side?"][-10:].mean() / 400
claims.at_least("share of cards misjudged in the last 10 of 100 passes, one side", late, 0.15)
learned = wrong["left or right?"][-10:].sum()
claims.at_most("mistakes in the last 10 passes, left or right", learned, 0)
impossible = unit_for(pictures.reshape(400, -1), one_side > 0) is None
claims.at_least("no weights are right about all these cards (1: proved)", int(impossible), 1)

# %% [markdown]
# This is our honest failure, and history's: the mistakes fall, ever more slowly, and never vanish.
# The rule cannot say so; it goes on for ever. (`unit_for` does say so: the linear programme again,
# with 401 unknowns.)

# %% [markdown]
# Did the book of 1969 "prove that neural networks cannot do XOR, and so kill them"? **Half true.**
# What it proves is about *one* layer that learns. Of more layers it has no theorem, only the
# "intuitive judgment that the extension is sterile" (p. 232). And the cold years had more causes:
# promises unkept, other projects funded, computers too slow (Olazaran 1996), and Lighthill's
# report of 1973, whose main target was robotics.

# %% [markdown]
# ## 5 · 1986: a hidden layer
#
# Three units do what one cannot. Two **hidden** units look at the inputs: $h_1$ is OR, $h_2$ is
# AND. A third looks at *them* and fires for "OR, but not AND". All three are in section 2.

# %%
h = np.array([[unit(x, *made_by_hand["OR"]), unit(x, *made_by_hand["AND"])] for x in corners])
answers = [unit(each, *made_by_hand["first, not second"]) for each in h]
right = int(np.sum(np.equal(answers, gates["XOR"])))
claims.at_least("corners of XOR that three units get right, of 4", right, 4)

# %% [markdown]
# Why does that work? Draw the corners where the hidden layer puts them. Two of them have become
# one, and a single line now divides what must fire from what must not. This is the one idea behind
# all deep networks: **move the points until the last unit has an easy task.**


# %%
def third(h):
    return (h @ np.array([1, -1]) >= 0.5).astype(int)


title, classes = "XOR, as the third unit sees it", ["silent", "fires"]
names = "h1: OR", "h2: AND"
plotting.decision_regions(third, h, gates["XOR"], classes, title, names)

# %% [markdown]
# We chose these weights by hand. Rosenblatt's rule cannot find them: it needs to know what each
# unit *should* have said, and nobody tells a hidden unit. The cure was **backpropagation**: replace
# the step by a smooth curve, and let derivatives say which weight to blame. Lesson 03 builds it.
# Here Keras does it, for 40 random starts at once.

# %%
xor, wanted = np.tile(corners, (25, 1)), np.tile(gates["XOR"], 25)
solved = {}
for hidden in (2, 8):
    starts = [{"seed": 100 * lab.seed + i, "rate": 0.05, "activation": "tanh"} for i in range(40)]
    networks = ensemble.MLPs(starts, inputs=2, classes=2, hidden=(hidden,))
    networks.fit(xor, wanted, lab.epochs(25), 4, callbacks=[callbacks.Progress(f"{hidden} hidden")])
    answers = networks.predict(corners).argmax(-1)
    solved[f"{hidden} hidden units"] = np.mean((answers == gates["XOR"]).all(1))
title = "Two hidden units suffice, but are not always found"
plotting.bars(solved, "starts that learned XOR, of 40", percent=True, title=title)

# %%
claims.at_most("starts that learned XOR with 2 hidden units", solved["2 hidden units"], 0.9)
claims.at_least("starts that learned XOR with 8 hidden units", solved["8 hidden units"], 0.9)

# %% [markdown]
# Two hidden units can do XOR, as we saw by hand; from many starts, learning gets stuck all the
# same. Eight nearly always succeed. Being *able* and being *found* are two questions: lessons 02
# and 04.

# %% [markdown]
# Did Rumelhart, Hinton and Williams "invent backpropagation in 1986"? **Wrong, as it stands.** The
# backward sweep is in Linnainmaa's thesis of 1970; Werbos proposed it for such learning in 1974.
# What the paper of 1986 showed is what hidden units then *learn*, and it convinced people.

# %% [markdown]
# ## 6 · Machine learning against deep learning
#
# Neural networks had rivals. Here are the real ones, on real handwriting (in `quick`: 8×8 pixels,
# by 13 people, the same in training and test). The **linear** model weighs pixels, as the
# perceptron did. **3 neighbours** asks the three most similar training images. The **support vector
# machine** (SVM) compares with chosen training images, the support vectors; the nearer, the more it
# counts.

# %%
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

digits = lab.load("digits", "mnist")
most = lab.pick(quick=None, full=5_000)  # an SVM's time grows with the square of the examples


# %%
def flat(x):
    """Forget where pixels stand: (images, height, width, 1) to (images, pixels)."""
    return x.reshape(len(x), -1)


def rivals():
    neighbours = KNeighborsClassifier(3)
    found = {"linear": LogisticRegression(max_iter=200), "3 neighbours": neighbours}
    found["SVM"] = SVC(C=10)
    return {name: make_pipeline(FunctionTransformer(flat), m) for name, m in found.items()}


# %% [markdown]
# Against them, two networks of many layers. The **dense** one is layers of units as in section 5.
# The **convolutional** one slides small windows over the image and keeps each window's strongest
# answer; lesson 05 is all about it. Read the code as a list of layers; no more is needed now.


# %%
def dense_network(shape):
    hidden = [layers.Dense(128, activation="relu"), layers.Dense(128, activation="relu")]
    return keras.Sequential([layers.Input(shape), layers.Flatten(), *hidden, layers.Dense(10)])


def convolutional(shape):
    inputs = x = keras.Input(shape)
    for filters in lab.pick(quick=(24, 48), full=(24, 48, 96)):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D(2)(x)
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalMaxPooling2D()(x)))


# %%
class Network:
    """Learns and answers as scikit-learn's methods do. Lesson 04 explains every word of `fit`."""

    def __init__(self, build, epochs, rate):
        self.build, self.epochs, self.rate = build, lab.epochs(epochs), rate

    def fit(self, x, y):
        self.model, bar = self.build(x.shape[1:]), callbacks.Progress(self.build.__name__)
        falling = keras.optimizers.schedules.CosineDecay(self.rate, self.epochs * -(-len(x) // 64))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(keras.optimizers.Adam(falling), loss, jit_compile=lab.jit)
        self.model.fit(x, y, 64, self.epochs, verbose=0, callbacks=[bar])

    def predict(self, x):
        return self.model.predict(x, 200, verbose=0).argmax(-1)


# %% [markdown]
# One race for all: the share of test images judged right, the seconds to learn, the seconds to
# judge. A network's time to learn includes what Keras needs to prepare it.


# %%
def race(method, x, y, x_test):
    """Returns accuracy, seconds of learning, seconds for all test images."""
    with threadpool_limits(1):  # for matrices this small, more threads only wait for each other
        begin = time.perf_counter()
        method.fit(x, y)
        learned = time.perf_counter() - begin
        method.predict(x_test)  # once untimed: the first call prepares
        begin = time.perf_counter()
        right = method.predict(x_test) == digits.y_test
        return right.mean(), learned, time.perf_counter() - begin


# %%
def contest(x, y, x_test, epochs):
    """Returns a dict name -> (accuracy, seconds of learning, seconds of judging)."""
    methods = {name: race(m, x[:most], y[:most], x_test) for name, m in rivals().items()}
    methods["dense"] = race(Network(dense_network, 2 * epochs, 2e-3), x, y, x_test)
    methods["convolutional"] = race(Network(convolutional, epochs, 5e-3), x, y, x_test)
    return methods


# %% [markdown]
# Round one: digits in the middle of their image. Round two: the same digits at a random place on a
# larger canvas, three times each. No human would call that harder. About 25 seconds for both. (In
# `full`, each digit is placed once, and the rivals get the first 5,000 digits only: with 60,000 an
# SVM would take hours.)

# %%
x, y = lab.part(digits.x_train), lab.part(digits.y_train)  # all of it, but for short trials
size, times = digits.x_train.shape[1] * 7 // 4, lab.pick(quick=3, full=1)
x_anywhere = np.concatenate([datasets.place(x, size, lab.rng(i)) for i in range(times)])
x_test_anywhere = datasets.place(digits.x_test, size, lab.rng(99))
plotting.images(x_anywhere[:10], title=f"The same digits, anywhere on {size}×{size} pixels")

# %%
epochs = lab.pick(quick=8, full=6)
centred = contest(x, y, digits.x_test, times * epochs)
anywhere = contest(x_anywhere, np.tile(y, times), x_test_anywhere, epochs)

# %% [markdown]
# With so few test digits (600 in `quick`) chance alone moves such figures. The whiskers say by how
# much: half the width of the 95 % interval (Wilson 1927).


# %%
def half_widths(accuracies, z=1.96):
    n, a = len(digits.y_test), np.array(list(accuracies.values()))
    half = z / (1 + z**2 / n) * np.sqrt(a * (1 - a) / n + (z / n / 2) ** 2)
    return dict(zip(accuracies, half, strict=True))


rounds = {"middle": centred, "anywhere": anywhere}
table = {f"{name}, {place}": rounds[place][name][0] for name in centred for place in rounds}
title, label = "The same digits, in the middle and anywhere", "test accuracy, with 95 % interval"
plotting.bars(table, label, errors=half_widths(table), percent=True, title=title)

# %%
middle, moved = ({name: found[0] for name, found in each.items()} for each in rounds.values())
tie, quick = abs(middle["SVM"] - middle["convolutional"]), lab.profile == "quick"
claims.at_most("middle: SVM and convolutional network apart by", tie, 0.02 if quick else 0.06)
claims.at_most("anywhere: linear", moved["linear"], 0.35)
claims.at_least("anywhere: 3 neighbours", moved["3 neighbours"], 0.7 if quick else 0.4)
claims.at_least("anywhere: SVM", moved["SVM"], 0.8 if quick else 0.5)
claims.at_least("anywhere: convolutional", moved["convolutional"], 0.97)
if quick:
    claims.at_least("anywhere: SVM minus dense network", moved["SVM"] - moved["dense"], 0)
lead = moved["convolutional"] - moved["SVM"]
claims.at_least("anywhere: convolutional minus SVM", lead, 0.03)

# %% [markdown]
# "Traditional machine learning is linear" is a claim often made to explain why deep learning won.
# **Wrong, by measurement.** Anywhere on the canvas the linear model fails, and neighbours and SVM
# do not: both bend. In the middle, the SVM ties the convolutional network. Nor are layers alone the
# answer: in `quick` the dense network is behind the SVM. What the convolutional one adds is
# knowledge about images: a digit stays the same wherever it stands.

# %% [markdown]
# And the price? Both axes below are logarithmic: each step is a factor of ten. (Seconds depend on
# your machine, so no claim rests on them.)

# %%
seconds = {name: (learned, judged) for name, (_, learned, judged) in anywhere.items()}
groups = {"rivals": list(seconds)[:3], "networks": list(seconds)[3:]}
groups = {group: {name: seconds[name] for name in names} for group, names in groups.items()}
labels = "seconds to learn", f"seconds to judge {len(digits.y_test):,} digits"
title = "What a method costs, digits anywhere"
plotting.landmarks(groups, *labels, xscale="log", yscale="log", title=title)

# %% [markdown]
# The networks pay while they learn. For neighbours and SVM a *question* costs the more the more
# training data there are, since it is compared with them all, or with the support vectors; small
# data hide that. With small data, tidy and centred, the rivals are as good for less, today as in
# the years before 2012.

# %% [markdown]
# ## 7 · Three catalysts
#
# So why after 2012? **Algorithms**: most were there by 1998; dropout, residual and attention layers
# came later, and ReLU (Fukushima 1969) came back. **Data**: ImageNet had 1.2 million labelled
# photographs in its contest where the ZIP codes had 7,291. **Compute**: the number of additions and
# multiplications in a training run can be estimated for most famous systems, and the sources below
# have done so.

# %%
epoch_ai = {  # Epoch AI, Notable AI Models (begun by Sevilla et al. 2022)
    "perceptron": (1957.0, 10**5.8),
    "NETtalk": (1987.4, 10**10.5),
    "ZIP codes": (1989.9, 10**12.2),
    "TD-Gammon": (1992.3, 10**13.3),
    "LSTM": (1997.9, 10**13.5),
    "neural language model": (2000.9, 10**15.8),
    "AlphaGo": (2016.1, 10**21.3),
    "PaLM": (2022.3, 10**24.4),
}

# %%
openai = {  # Amodei and Hernandez 2018, from their formulas; 1 PF is 1e15 operations
    "AlexNet": (2012.8, 4.7e17),
    "sequence to sequence": (2014.7, 7.3e18),
    "Xception": (2016.8, 4.5e20),
    "Google's translator": (2016.7, 6.9e21),
}

# %%
papers = {  # Vaswani et al. 2017; Brown et al. 2020 (two); Hoffmann et al. 2022; Llama Team 2024
    "transformer": (2017.5, 2.3e19),
    "BERT": (2018.8, 5.3e20),
    "GPT-3": (2020.4, 3.1e23),
    "Chinchilla": (2022.2, 5.8e23),
    "Llama 3.1": (2024.6, 3.8e25),
}

# %% [markdown]
# Our own convolutional network belongs on the chart. Each weight of a window is used once at every
# place: a multiplication and an addition. Learning costs about three times as much as answering
# (the way back through the layers costs two more), for each image and each pass over the images.

# %%
products = 0
for layer in convolutional(x_anywhere.shape[1:]).layers:
    if isinstance(layer, layers.Conv2D):
        products += np.prod(layer.output.shape[1:3]) * np.prod(layer.kernel.shape)
operations = 2 * 3 * products * len(x_anywhere) * epochs
power = lab.pick(quick=(10.5, 12.2), full=(12.5, 15.5))
claims.between("operations in that training, as a power of ten", np.log10(operations), *power)

# %%
sources = {"Epoch AI": epoch_ai, "Amodei and Hernandez 2018": openai, "the papers": papers}
known = np.array(sorted([each for group in sources.values() for each in group.values()]))
months, trends = {}, {}
for era, part in (("before", known[known[:, 0] < 2012]), ("since", known[known[:, 0] >= 2012])):
    slope, start = np.polyfit(part[:, 0], np.log2(part[:, 1]), 1)
    months[era], years = 12 / slope, np.array([part[0, 0], part[-1, 0]])
    trends[f"{era} 2012"] = np.column_stack([years, 2 ** (start + slope * years)])
sources["this notebook"] = {"yours": (2026.0, operations)}
labels = "year", "operations in the training run"
title = "Training compute: two eras"
plotting.landmarks(sources, *labels, trends, yscale="log", title=title)

# %%
claims.between("months in which compute doubled, before 2012", months["before"], 12, 24)
claims.between("months in which compute doubled, since 2012", months["since"], 4, 8)

# %% [markdown]
# The chart is a choice of famous systems, and each figure is good to a factor of two or three.
# Sevilla et al. (2022), with 123 systems, find about 20 months before 2010 and 6 since. The often
# quoted 3.4 months (Amodei & Hernandez 2018) hold for the record runs of 2012 to 2018 alone.

# %% [markdown]
# On the small digits (`quick`), our convolutional network's training took about as many operations
# as the famous networks of 1987 to 1989. Scale made the difference, and it is paid for in money and
# energy: lesson 16.

# %% [markdown]
# ## 8 · What articles say
#
# | claim | verdict | why |
# |---|---|---|
# | Traditional machine learning is linear | wrong | section 6: neighbours and SVM bend |
# | Minsky and Papert proved that networks cannot do XOR | half true | one unit cannot; three can |
# | Backpropagation was invented in 1986 | wrong | 1970, 1974; in 1986 it convinced |
# | "Deep learning" was coined in 2006 | wrong | 1986, about search; 2000, about networks |

# %% [markdown]
# The last: Dechter (1986) contrasts *deep* and *shallow learning* in search with constraints.
# Aizenberg et al. (2000) use the words for networks. In 2006 Hinton and others showed how deep
# stacks could be trained at last, layer by layer, and soon the words meant that.

# %% [markdown]
# ## What you take along
#
# **How did we get from a logic gate to systems that write and draw?** To a sum and a threshold
# (1943) came a rule that learns from examples (1958) and a proof that it ends (1962). One layer has
# limits that can be proved (1969); a hidden layer goes beyond them, but needs derivatives to learn
# (1970 to 1986). The rest is the right layers for the data, far more data, and, from the perceptron
# to Llama, nearly $10^{20}$ times the arithmetic.

# %% [markdown]
# What this cannot do: a history of winners does not say why they won. Compute, data and ideas grew
# together, and a chart cannot separate them. Nor does a race on one small data set say who wins on
# yours: measure.
#
# Next: **02** builds layers of such units and counts what they can express, **03** explains how a
# network finds the weight to blame, **04** makes learning work when it does not.

# %% [markdown]
# ### Sources
#
# The time line:
#
# - McCulloch & Pitts 1943, A Logical Calculus of the Ideas Immanent in Nervous Activity, Bulletin
#   of Mathematical Biophysics 5, doi:10.1007/BF02478259
# - Rosenblatt 1958, The Perceptron, Psychological Review 65, doi:10.1037/h0042519; the
#   demonstration: Lefkowitz 2019, Professor's perceptron paved the way for AI, Cornell Chronicle,
#   and New Navy Device Learns by Doing, The New York Times, 8 July 1958
# - Rosenblatt 1962, Principles of Neurodynamics, Spartan Books
# - Novikoff 1962, On Convergence Proofs on Perceptrons, Symposium on the Mathematical Theory of
#   Automata 12, Polytechnic Institute of Brooklyn
# - Minsky & Papert 1969, Perceptrons: An Introduction to Computational Geometry, MIT Press
# - Linnainmaa 1970, master's thesis, University of Helsinki; in English: Taylor Expansion of the
#   Accumulated Rounding Error, BIT 16 (1976), doi:10.1007/BF01931367
# - Lighthill 1973, Artificial Intelligence: A General Survey, Science Research Council
# - Werbos 1974, Beyond Regression, PhD thesis, Harvard University
# - Fukushima 1980, Neocognitron, Biological Cybernetics 36, doi:10.1007/BF00344251
# - Rumelhart, Hinton & Williams 1986, Learning Representations by Back-Propagating Errors, Nature
#   323, doi:10.1038/323533a0
# - Dechter 1986, Learning While Searching in Constraint-Satisfaction-Problems, AAAI-86
# - LeCun et al. 1989, Backpropagation Applied to Handwritten Zip Code Recognition, Neural
#   Computation 1, doi:10.1162/neco.1989.1.4.541
# - Hochreiter & Schmidhuber 1997, Long Short-Term Memory, Neural Computation 9,
#   doi:10.1162/neco.1997.9.8.1735
# - LeCun, Bottou, Bengio & Haffner 1998, Gradient-Based Learning Applied to Document Recognition,
#   Proceedings of the IEEE 86, doi:10.1109/5.726791
# - Hinton & Salakhutdinov 2006, Reducing the Dimensionality of Data with Neural Networks, Science
#   313, doi:10.1126/science.1127647
# - Deng et al. 2009, ImageNet, CVPR, doi:10.1109/CVPR.2009.5206848
# - Krizhevsky, Sutskever & Hinton 2012, ImageNet Classification with Deep CNNs, NIPS 25;
#   reprinted 2017, doi:10.1145/3065386
# - Le et al. 2012, Building High-Level Features Using Large Scale Unsupervised Learning, ICML,
#   arXiv:1112.6209
# - Kingma & Welling 2013, Auto-Encoding Variational Bayes, ICLR 2014, arXiv:1312.6114
# - Goodfellow et al. 2014, Generative Adversarial Nets, NIPS 27, arXiv:1406.2661
# - Mnih et al. 2015, Human-Level Control through Deep Reinforcement Learning, Nature 518,
#   doi:10.1038/nature14236
# - Sohl-Dickstein et al. 2015, Deep Unsupervised Learning Using Nonequilibrium Thermodynamics,
#   ICML, arXiv:1503.03585
# - He, Zhang, Ren & Sun 2015, Deep Residual Learning, CVPR 2016, arXiv:1512.03385
# - Silver et al. 2016, Mastering the Game of Go with Deep Neural Networks and Tree Search, Nature
#   529, doi:10.1038/nature16961
# - Vaswani et al. 2017, Attention Is All You Need, NIPS 30, arXiv:1706.03762
# - Ho, Jain & Abbeel 2020, Denoising Diffusion Probabilistic Models, NeurIPS 33, arXiv:2006.11239
# - Ramesh et al. 2021, Zero-Shot Text-to-Image Generation, ICML, arXiv:2102.12092
# - OpenAI 2022, ChatGPT, openai.com/blog/chatgpt, 30 November; the method: Ouyang et al. 2022,
#   Training Language Models to Follow Instructions, NeurIPS 35, arXiv:2203.02155
# - Trinh et al. 2024, Solving Olympiad Geometry without Human Demonstrations, Nature 625,
#   doi:10.1038/s41586-023-06747-5
#
# About it:
#
# - Aizenberg, Aizenberg & Vandewalle 2000, Multi-Valued and Universal Binary Neurons, Kluwer,
#   doi:10.1007/978-1-4757-3115-6
# - Olazaran 1996, A Sociological Study of the Official History of the Perceptrons Controversy,
#   Social Studies of Science 26, doi:10.1177/030631296026003005
# - Wilson 1927, Probable Inference, the Law of Succession, and Statistical Inference, Journal of
#   the American Statistical Association 22, doi:10.1080/01621459.1927.10502953
# - Gates that one unit can do: The On-Line Encyclopedia of Integer Sequences, A000609
#
# Compute:
#
# - Amodei & Hernandez 2018, AI and Compute, openai.com/blog/ai-and-compute
# - Brown et al. 2020, Language Models Are Few-Shot Learners, NeurIPS 33, arXiv:2005.14165, table
#   D.1
# - Epoch AI, Notable AI Models, epoch.ai/data (figures rounded to a tenth of a power of ten)
# - Hoffmann et al. 2022, Training Compute-Optimal Large Language Models, NeurIPS 35,
#   arXiv:2203.15556
# - Llama Team 2024, The Llama 3 Herd of Models, arXiv:2407.21783
# - Sevilla et al. 2022, Compute Trends across Three Eras of Machine Learning, IJCNN,
#   arXiv:2202.05924

# %% [markdown]
# ## Lab (10 points)
#
# Write each function in place of `raise NotImplementedError`, run the cell, then the check below
# it. A check draws fresh numbers every time and tells you what to look at next. NumPy arrays go
# in; arrays or lists may come out. The first cell of the notebook is all that the lab needs, and
# all that a grader runs before it: use NumPy and SciPy, not the functions of the lesson.

# %% [markdown]
# ### Exercise 1: threshold units (2 points)
#
# Section 2 asked one unit about one example. Now a layer of units, and many examples at once: unit
# $j$ has its own weights (column $j$) and its own threshold.
#
# $$y_{n,j} = 1 \text{ if } \sum_i x_{n,i}\, w_{i,j} \ge \theta_j, \text{ otherwise } 0$$


# %% exercise="threshold_units"
def threshold_units(x, w, theta):
    """What each unit answers to each example.

    x: (examples, inputs). w: (inputs, units). theta: (units,).
    Returns (examples, units) of 0 and 1.
    """
    ### BEGIN SOLUTION
    return (x @ w >= theta).astype(int)
    ### END SOLUTION


# %% checks="threshold_units" points=2
@checks.exercise("threshold_units")
def _(check):
    for examples, inputs, units in [(4, 2, 3), (7, 3, 2), (5, 4, 1), (1, 3, 4), (6, 5, 6)] * 2:
        # Quarters: every sum is exact, whatever its order.
        x, w = (check.rng.integers(-6, 7, s) / 4 for s in [(examples, inputs), (inputs, units)])
        total = (x[:, :, None] * w).sum(axis=1)
        theta = total[check.rng.integers(examples, size=units), np.arange(units)]  # met exactly
        right = (total >= theta).astype(int)
        hint = "One row for each example, one column for each unit."
        y = check.array(check.ask("threshold_units", x, w, theta), right.shape, hint)
        check.that(np.isin(y, (0, 1)).all(), "A unit answers 1 or 0, nothing else.")
        both = right.min() < right.max()
        hint = "Fires and does not fire are exchanged."
        check.that(not both or not np.array_equal(y, 1 - right), hint)
        strict = np.array_equal(y, total > theta)
        check.that(not strict, "A sum that just reaches the threshold fires.")
        hint = "Weighted sums come first: each unit has its own column of w and its own theta."
        check.equal(y, right, hint)


# %% [markdown]
# ### Exercise 2: perceptron update (3 points)
#
# Section 3 learned without a threshold, from labels ±1. The form used today has labels 0 and 1 and
# a bias $b$: the unit fires where $w \cdot x + b \ge 0$. After a mistake, $x$ is added to $w$ if
# the unit should have fired and subtracted if not; $b$ changes as the weight of an input that is
# always 1 would. Go once through all examples, in their order; count the mistakes.


# %% exercise="perceptron_update"
def perceptron_update(w, b, x, y):
    """One pass of Rosenblatt's rule; each example meets the weights that the last one left.

    w: (inputs,). b: a number. x: (examples, inputs). y: (examples,) of 0 and 1.
    Returns three things: the new w, the new b, the number of mistakes.
    """
    ### BEGIN SOLUTION
    mistakes = 0
    for example, wanted in zip(x, y, strict=True):
        error = wanted - (w @ example + b >= 0)
        w, b = w + error * example, b + error
        mistakes += error != 0
    return w, b, int(mistakes)
    ### END SOLUTION


# %% checks="perceptron_update" points=3
@checks.exercise("perceptron_update")
def _(check):
    def one_pass(w, b, x, y, sign=(-1, 1), bias=1, tie=(1, 0), at_once=False, weigh=1, rate=1):
        """The rule, with a mistake where one is named. tie: for 0 and 1, is a sum of 0 one?"""
        start, w, mistakes = (w, b), w.copy(), 0
        for example, wanted in zip(x, y, strict=True):
            v, c = start if at_once else (w, b)
            score = v @ example + weigh * c
            if tie[wanted] if score == 0 else (score > 0) != wanted:
                w, b = w + rate * sign[wanted] * example, b + rate * bias * sign[wanted]
                mistakes += 1
        return w, b, mistakes

    slips = {
        "The bias changes after a mistake, too.": {"bias": 0},
        "The bias moves the wrong way: it is the weight of an input of 1.": {"bias": -1},
        "A unit that fired by mistake must lose x: labels are 0 and 1, not -1 and 1.": {
            "sign": (0, 1)
        },
        "After a mistake the weights move away from the right answer: look at the sign.": {
            "sign": (1, -1)
        },
        "Each example must meet the weights that the one before it left.": {"at_once": True},
        "A sum of exactly 0 fires: a mistake where the label is 0 only.": {"tie": (1, 1)},
        "A sum of exactly 0 fires.": {"tie": (0, 1)},
        "The bias counts in the sum: the unit fires where w · x + b is at least 0.": {"weigh": 0},
        "The bias is added to the sum; it is not a threshold.": {"weigh": -1},
        "The whole of x is added or subtracted, and 1 for b: no half steps.": {"rate": 0.5},
    }
    for case in range(8):
        inputs, examples = int(check.rng.integers(2, 6)), int(check.rng.integers(20, 30))
        x = check.rng.integers(-4, 5, (examples, inputs)) / 2  # halves: all sums are exact
        y = check.rng.integers(0, 2, examples)
        w, b = check.rng.integers(-4, 5, inputs) / 2, float(check.rng.integers(-2, 3))
        if case == 7:
            w, b = np.zeros(inputs), 0.0  # the first sum is exactly 0
            y[0] = 1
        right = one_pass(w, b, x, y)
        found = check.ask("perceptron_update", w, b, x, y)
        hint = "Return three things: the new w, the new b, the number of mistakes."
        check.that(isinstance(found, list) and len(found) == 3, hint)
        new_w = check.array(found[0], (inputs,), "The new w has as many numbers as the old one.")
        new_b = check.number(found[1], "The new b is one number.")
        count = check.number(found[2], "The number of mistakes is one number.")
        if not (np.allclose(new_w, right[0]) and np.isclose(new_b, right[1])):
            for hint, slip in slips.items():
                wrong = one_pass(w, b, x, y, **slip)
                same = np.allclose(new_w, wrong[0]) and np.isclose(new_b, wrong[1])
                check.that(not same, hint)
        hint = "w is not what the rule gives: change it after mistakes only, one example at a time."
        check.close(new_w, right[0], hint)
        check.close(new_b, right[1], "b is not what the rule gives: +1, -1, or no change.")
        hint = "w and b are right; the count is not: one for each example misjudged in this pass."
        check.equal(count, right[2], hint)


# %% [markdown]
# ### Exercise 3: hidden units by hand (2 points)
#
# Section 5 solved XOR with two hidden units that count: "at least one input is on", "at least two
# are". Do the same for **parity** of $n$ inputs: the network must fire where an *odd* number of
# inputs is 1. (With $n = 2$ that is XOR.) One hidden layer of at most $n$ threshold units and one
# output unit, all firing where their sum is $\ge$ their threshold.


# %% exercise="parity_network"
def parity_network(n):
    """Weights by hand; nothing is learned.

    Returns four things: the hidden units' weights (n, hidden) and thresholds (hidden,), and the
    output unit's weights (hidden,) and threshold, a number. hidden is n at most.
    """
    ### BEGIN SOLUTION
    counts = np.arange(1, n + 1)  # unit k fires where at least k inputs are on
    return np.ones((n, n)), counts, np.where(counts % 2 == 1, 1.0, -1.0), 0.5
    ### END SOLUTION


# %% checks="parity_network" points=2
@checks.exercise("parity_network")
def _(check):
    for n in (2, 1, 3, 4, 5, 6, 7):
        found = check.ask("parity_network", n)
        hint = "Return four things: hidden weights, hidden thresholds, output weights, threshold."
        check.that(isinstance(found, list) and len(found) == 4, hint)
        hint = f"For n = {n}, hidden weights have the shape ({n}, hidden): a column for each unit."
        w = check.array(check.array(found[0]), (n, None), hint)
        hidden = w.shape[1]
        hint = f"For n = {n}, at most {n} hidden units are allowed: yours are {hidden}."
        check.that(1 <= hidden <= n, hint)
        theta = check.array(check.array(found[1]), (hidden,), "One threshold for each hidden unit.")
        v = check.array(check.array(found[2]), (hidden,), "One output weight for each hidden unit.")
        phi = check.number(found[3], "The output unit's threshold is one number.")
        for x in check.rng.permutation(np.array(list(product([0, 1], repeat=n)))):
            h = (x @ w >= theta).astype(int)
            fires, wanted = h @ v >= phi, x.sum() % 2 == 1
            hint = f"For n = {n}, the network {'fires' if fires else 'is silent'} for the input "
            hint += f"{x.tolist()}, where its hidden units answer {h.tolist()}."
            check.that(fires == wanted, hint)


# %% [markdown]
# ### Exercise 4: separability test (3 points)
#
# Section 4 only asked *whether* a unit exists. Ask for more: the largest **margin** $m$ with which
# a line, plane or hyperplane can divide the two classes. With $s_n = +1$ where the label is 1 and
# $-1$ where it is 0:
#
# $$\text{largest } m \text{ such that } s_n\,(w \cdot x_n + b) \ge m \text{ for all } n, \quad
# -1 \le w_i \le 1, \quad b \text{ free}$$
#
# Positive: separable. Zero: not. $m$ is one more unknown of the linear programme, beside $w$ and
# $b$. (Both labels occur. If `linprog` finds nothing, its `x` and `fun` are None: its `message`
# says why. Each unknown can have a pair of bounds of its own.)


# %% exercise="separability"
def separability(x, y):
    """The largest margin, by a linear programme; 0 where no hyperplane divides the classes.

    x: (points, inputs). y: (points,) of 0 and 1, both of which occur. Returns a number.
    """
    ### BEGIN SOLUTION
    signs = np.where(np.asarray(y) == 1, 1.0, -1.0)
    unknowns = x.shape[1] + 2  # w, b and m
    rows = np.column_stack([-signs[:, None] * x, -signs, np.ones(len(x))])
    limits = [(-1, 1)] * x.shape[1] + [(None, None)] * 2
    goal = -np.eye(unknowns)[-1]  # linprog minimises
    return float(linprog(goal, A_ub=rows, b_ub=np.zeros(len(x)), bounds=limits).x[-1])
    ### END SOLUTION


# %% checks="separability" points=3
@checks.exercise("separability")
def _(check):
    rng = check.rng

    def margin(x, y, signed=True, free=True):
        """The dual programme: how near weighted means of the two classes come, in the 1-norm."""
        s, (n, d) = 2.0 * y - 1, x.shape
        apart, t = (s[:, None] * x).T, -np.eye(d)
        rows = np.vstack([np.hstack([side, t]) for side in (apart, -apart)][: 1 + signed])
        totals = np.array([np.append(each, np.zeros(d)) for each in ([np.ones(n), s][: 1 + free])])
        cost, zeros = np.append(np.zeros(n), np.ones(d)), np.zeros(len(rows))
        return linprog(cost, rows, zeros, totals, [1.0, 0.0][: len(totals)]).fun

    corners = np.array(list(product([0.0, 1.0], repeat=2)))
    cloud = rng.normal(size=(24, 3)) / 2
    plane = rng.permutation([1, 1, -1]) * rng.uniform(0.5, 1, 3)
    side = (cloud @ plane > np.median(cloud @ plane)).astype(int)
    gap = cloud + np.where(side == 1, 4, -4)[:, None] * plane
    along = np.sort(rng.uniform(0, 5, 8))[:, None] * [[1.0, -2.0]]
    twins = np.concatenate([cloud, cloud[:1]])
    tiny = np.concatenate([corners, np.add(corners, [0.0, 1.002])])
    cases = {
        "two clouds with a gap": (gap, side),
        "AND": (corners, np.array([0, 0, 0, 1])),
        "first and not second": (corners, np.array([0, 0, 1, 0])),
        "XOR": (corners, np.array([0, 1, 1, 0])),
        "two clouds far from the origin": (np.add(gap, [100.0, -50.0, 80.0]), side),
        "random labels": (cloud, np.resize(rng.permutation([0, 1, 1, 0]), 24)),
        "points on a line, one class after the other": (along, np.repeat([1, 0], 4)),
        "points on a line, the classes in turn": (along, np.tile([0, 1], 4)),
        "one point with both labels": (twins, np.append(side, 1 - side[0])),
        "a narrow gap": (tiny, np.repeat([0, 1], 4)),
        "more inputs than points": (rng.normal(size=(6, 9)), rng.permutation([0, 0, 0, 1, 1, 1])),
    }
    for name, (x, y) in cases.items():
        order = rng.permutation(len(y))
        x, y = x[order], y[order]
        right = margin(x, y)
        hint = f"The margin is one number ({name})."
        m = check.number(check.ask("separability", x, y), hint)
        if abs(m - right) > 1e-5 + 1e-4 * right:
            slips = {
                "linprog minimises: turn the sign of what it finds.": -right,
                "Weights may be negative: linprog's bounds are 0 to infinity unless told.": margin(
                    x, y, signed=False
                ),
                "The plane need not pass through the origin: b is free.": margin(x, y, free=False),
            }
            for hint, wrong in slips.items():
                telling = min(abs(wrong), abs(wrong - right)) > 1e-3
                check.that(not telling or abs(m - wrong) > 1e-3 * abs(wrong), f"{hint} ({name})")
            check.that(right > 1e-5, f"No hyperplane divides these ({name}): the margin is 0.")
            check.that(m > 1e-5, f"These are separable ({name}), so the margin is above 0.")
        hint = f"Separable, but with another margin ({name}): w_i from -1 to 1, b free."
        check.close(m, right, hint, rtol=1e-4, atol=1e-5)


# %% [markdown]
# ### Going further (no points)
#
# Make the cards harder: squares that cross the middle, or noise. When does Novikoff's bound stop
# being of use? Count the gates of four inputs yourself (65,536 programmes; symmetry saves most).
# Add three systems of this year to the compute chart, with their sources.
