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
# # 07 · Transformers
#
# **What does attention buy, and what does a language model not know?**
#
# You need: NumPy; softmax, cross-entropy and layer normalisation (lessons 02 to 04); recurrent
# networks and bits per character (lesson 06). You will write attention, translate dates, train a
# small GPT and make it answer questions, and catch it inventing things. The graded lab is the last
# section.
#
# | profile | data | needs | time |
# |---|---|---|---|
# | `quick` | generated dates, Python's documentation, digits | 2 CPU cores, 2 GB | 100 to 120 s |
# | `full` | the same; MNIST; tiny Shakespeare | a GPU, 15 MB download | not measured yet |
#
# Without a GPU you get `quick`; the line that the first cell prints says which. Times are for an
# idle machine.

# %% setup=true
import importlib.util
import itertools
import subprocess
import sys
import time

if importlib.util.find_spec("dlutils") is None:  # on Colab: fetch the course's helper package
    course = "git+{{repository}}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", course], check=True)

from dlutils import runtime

lab = runtime.start("07_transformers", seed=7)

import keras
import numpy as np
from keras import layers, ops

from dlutils import callbacks, checks, claims, datasets, ngrams, plotting, widgets

# %% [markdown]
# ## 1 · Looking back at once
#
# A recurrent network passes what it knows from step to step, and it tends to fade on the way.
# **Attention** (Bahdanau et al. 2015) looks everything up directly. Each place asks with a
# **query** $q$; every place offers a **key** $k_j$ and a **value** $v_j$. How well the keys fit
# decides how much of each value is taken:
#
# $$a_j = \mathrm{softmax}_j\!\left(\frac{q \cdot k_j}{\sqrt d}\right), \qquad
# y = \sum_j a_j\, v_j$$
#
# With $n$ queries and $m$ keys of width $d$, the weights $a$ form a table $n \times m$ whose rows
# sum to 1.


# %%
def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attend(Q, K, V, allowed):
    """Q: (n, d), K: (m, d), V: (m, e), allowed: (n, m) of True and False. Returns y and a."""
    a = np.zeros(allowed.shape)
    for i, q in enumerate(Q):
        scores = K @ q / np.sqrt(len(q))
        a[i] = softmax(np.where(allowed[i], scores, -np.inf))
    return a @ V, a


# %% [markdown]
# Try it where the answer is plain: the queries and keys of *banana* are arrows, one direction for
# each letter, so that each letter asks for letters like itself. The longer the arrows, the sharper
# the choice: compare the numbers, as each panel has its own scale of blue. With the **causal mask**
# a place sees only itself and what came before: its row ends at the diagonal. Move the settings.

# %%
word = "banana"
arrows = np.eye(3)[["abn".index(letter) for letter in word]]


def look(length, causal):
    allowed = np.tri(6, dtype=bool) if causal else np.ones((6, 6), bool)
    _, a = attend(length * arrows, length * arrows, arrows, allowed)
    return plotting.attention(a, list(word), list(word))


widgets.explore(look, length=[1, 2, 4], causal=False)

# %% [markdown]
# ### Why divide by √d?
#
# Let the numbers in $q$ and $k$ be independent with mean 0 and variance 1. Each product then has
# mean 0 and variance $1 \cdot 1$, and $q \cdot k$, a sum of $d$ of them, has variance $d$. Wide
# vectors would make large scores, and softmax of large scores is all or nothing. Then hardly any
# gradient is left, since $\partial a_i / \partial s_j = a_i\,([i = j] - a_j)$ for scores $s$.

# %%
widths, rng = [4, 16, 64, 256, 1024], lab.rng(0)
largest, deviation = {"divided by √d": [], "not divided": []}, []
for d in widths:
    q, k = rng.normal(size=(300, 1, d)), rng.normal(size=(300, 16, d))
    scores = (q * k).sum(-1)
    deviation.append(scores.std() / np.sqrt(d))
    largest["divided by √d"].append(softmax(scores / np.sqrt(d)).max(-1).mean())
    largest["not divided"].append(softmax(scores).max(-1).mean())
claims.between("deviation of q·k over √d, smallest", min(deviation), 0.85, 1.15)
claims.between("deviation of q·k over √d, largest", max(deviation), 0.85, 1.15)
title = "Undivided and wide, one key of 16 takes almost all"
plotting.curves(widths, largest, "width d", "largest of 16 weights, mean", title, xscale="log")

# %% [markdown]
# ### Several heads
#
# One table of weights can follow one relation. So **heads** $h = 1 \ldots H$ work side by side,
# each with queries, keys and values of its own, made from the input by matrices; a last matrix
# mixes what they find. $X$ asks, $M$ is asked: for **self-attention** both are the same, for
# **cross-attention** they are two different sequences.
#
# $$Q_h = X W^Q_h + b^Q_h, \quad K_h = M W^K_h + b^K_h, \quad V_h = M W^V_h + b^V_h, \quad
# Y = \sum_h \mathrm{attend}(Q_h, K_h, V_h)\, W^O_h + b^O$$


# %%
def multi_head(X, M, weights, allowed):
    """X: (n, width), M: (m, width). weights: eight arrays, in the order in which Keras has them."""
    WQ, bQ, WK, bK, WV, bV, WO, bO = weights  # (width, heads, d), (heads, d), ..., (width,)
    Y = bO
    for h in range(WQ.shape[1]):
        Q, K, V = X @ WQ[:, h] + bQ[h], M @ WK[:, h] + bK[h], M @ WV[:, h] + bV[h]
        Y = Y + attend(Q, K, V, allowed)[0] @ WO[h]
    return Y


# %% [markdown]
# Keras calls this `MultiHeadAttention`. With the same weights the two must agree: without a mask,
# with a causal one, and where the last two keys are only padding that nobody may look at.

# %%
X, M = rng.normal(size=(5, 12)), rng.normal(size=(7, 12))
layer = layers.MultiHeadAttention(num_heads=3, key_dim=4)
layer.build(query_shape=(1, 5, 12), value_shape=(1, 7, 12))
weights = [rng.normal(scale=0.3, size=w.shape) for w in layer.weights]
layer.set_weights(weights)
masks = {"all": np.ones((5, 7), bool), "causal": np.tri(5, dtype=bool)}
masks["padding"] = np.arange(7) < np.full((5, 1), 5)
for name, allowed in masks.items():
    memory = X if name == "causal" else M
    found = layer(X[None], memory[None], attention_mask=allowed[None])[0]
    mine = multi_head(X, memory, weights, allowed)
    claims.close(f"ours against MultiHeadAttention, mask: {name}", mine, found, 1e-5)

# %% [markdown]
# ### Attention knows no order
#
# Without a mask, nothing uses *where* a key stands. Shuffle the input, and the output is shuffled
# in the same way, with the same numbers in it: to such attention a sentence is a bag of words. (A
# causal mask tells some of the order, by what it hides.)

# %%
order = rng.permutation(5)
free = np.ones((5, 5), bool)
shuffled = multi_head(X[order], X[order], weights, free)
claims.close(
    "shuffled before against shuffled after", shuffled, multi_head(X, X, weights, free)[order], 1e-9
)

# %% [markdown]
# So the position is written into the input. Vaswani et al. (2017), who built the **transformer**
# from attention alone, add waves: for each of $w/2$ pairs of dimensions, $i = 0, 1, \ldots$, place
# $p$ gets $\sin(p\,\omega_i)$ and $\cos(p\,\omega_i)$ with $\omega_i = 10000^{-2i/w}$, from fast to
# slow, like the hands of a clock. As $\sin a \sin b + \cos a \cos b = \cos(a - b)$, the product of
# two places depends on their distance alone, though not on its sign. Which way it goes, $W^Q$ and
# $W^K$ can learn: a step of three turns each pair by the same angle everywhere.


# %%
def waves(places, width):
    """The waves of `places` positions: (places, width), the sines first, then the cosines."""
    omega = 10000.0 ** (-np.arange(width // 2) / (width // 2))
    angle = np.arange(places)[:, None] * omega
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype("float32")


P = waves(60, 64)
products = P[10] @ P[13], P[40] @ P[43]
claims.close("product of places 10 and 13 against 40 and 43", *products, 1e-3)
hands = {f"sine of pair {i}": P[:, i] for i in (0, 6, 12, 18)}
plotting.curves(np.arange(60), hands, "position", "value added", title="Fast hands and slow hands")

# %% [markdown]
# ## 2 · The transformer block
#
# A block is two corrections, each added to what it is given (lesson 05's shortcut): attention,
# which moves information *between* places, and a small network of two layers, which works on *each*
# place by itself. Vaswani et al. put layer normalisation (lesson 04) after each. Now it usually
# comes before (Xiong et al. 2020), and once more after the last block, whose sums nobody else
# would normalise.

# %%
parts = {"x": "x", "n1": "norm", "att": "attention: between places", "s1": "+", "n2": "norm"}
parts |= {"mlp": "two layers: each place", "s2": "+", "y": "next block"}
edges = [("x", "n1"), ("n1", "att"), ("att", "s1"), ("x", "s1"), ("s1", "n2"), ("n2", "mlp")]
edges += [("mlp", "s2"), ("s1", "s2"), ("s2", "y")]
plotting.graph(parts, edges, title="One block: two corrections")


# %%
class Places(layers.Layer):
    """Adds a vector for each position: the waves to begin with, then whatever training makes."""

    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], initializer=lambda s, **_: waves(*s))

    def call(self, x):
        return x + self.table


def corrected(x, *memory, heads=4, **mask):
    """x plus what attention finds: in x itself, or in `memory`, another sequence."""
    asks = layers.LayerNormalization()(x)
    asked = memory[0] if memory else asks
    attention = layers.MultiHeadAttention(heads, x.shape[-1] // heads)
    return x + attention(asks, asked, **mask)  # keys and values both come from `asked`


def two_layers(x):
    hidden = layers.Dense(4 * x.shape[-1], "relu")(layers.LayerNormalization()(x))
    return x + layers.Dense(x.shape[-1])(hidden)


# %% [markdown]
# The same few lines train every network below. `draw` makes fresh examples for each round. The rate
# rises over the first tenth, while Adam's averages are still poor, and then falls along half a
# cosine wave (lesson 04). Labels of −1 are left out of the loss.


# %%
def ready(model):
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    model.compile(keras.optimizers.Adam(beta_2=0.99), entropy, jit_compile=lab.jit)
    return model


def warm(done):
    """The share of the highest rate, when a share `done` of the training is over."""
    return min(10 * done, 0.5 + 0.5 * np.cos(np.pi * done))


def train(model, draw, rounds, rate, batch=32, label="training"):
    """rounds: how often `draw(round)` is asked for examples x, y, which are seen once."""
    for r in callbacks.progress(range(rounds), label):
        model.optimizer.learning_rate = rate * warm((r + 0.5) / rounds)
        model.fit(*draw(r), batch, verbose=0, shuffle=False)


def tokens_in(vocabulary, width):
    return layers.Embedding(vocabulary, width, keras.initializers.RandomNormal(stddev=1.0))


# %% [markdown]
# ## 3 · Encoder and decoder: a translator of dates
#
# People write dates in many ways; databases want one. The **encoder** reads the whole input, its
# attention unmasked. The **decoder** writes the answer from left to right: causal attention to what
# it has written, then cross-attention to the encoder's result. It starts from the symbol `>`.
# Inputs are filled up with `_`; no mask hides that here, the network learns to pass over it.

# %%
dates = datasets.load("dates", count=50_000)
width_in, width_out = dates.x_train.shape[1], dates.y_train.shape[1]
for k in range(4):
    print(f"{dates.inputs_train[k]:37} {dates.targets_train[k]}")


# %%
def translator(vocabulary, places_in, places_out, width=64):
    embed = tokens_in(vocabulary, width)
    source = keras.Input((places_in,), dtype="int32")
    memory = layers.LayerNormalization()(two_layers(corrected(Places()(embed(source)))))
    written = keras.Input((places_out,), dtype="int32")
    y = corrected(Places()(embed(written)), use_causal_mask=True)
    y = two_layers(corrected(y, memory))
    logits = layers.Dense(vocabulary)(layers.LayerNormalization()(y))
    return ready(keras.Model([source, written], logits))


# %% [markdown]
# In training the decoder is given the correct answer, shifted by one place, and must say at each
# place what comes next: all places learn at once (*teacher forcing*). Width, rate and rounds
# were chosen on dates held out of training. About 15 seconds.


# %%
def one_right(y, start=1):
    """What the decoder reads: the start symbol, then the answer without its last token."""
    return np.concatenate([np.full_like(y[:, :1], start), y[:, :-1]], axis=1)


def draw_dates(r, count=1600):
    rows = lab.rng(r).integers(0, len(dates.x_train), count)
    x, y = dates.x_train[rows], dates.y_train[rows]
    return [x, one_right(y)], y


translate = translator(len(dates.alphabet), width_in, width_out)
train(translate, draw_dates, lab.epochs(26), 8e-3, label="dates")


# %% [markdown]
# To answer, the decoder writes one token, reads it back, writes the next: always the most likely.
# Its confidence in the whole answer is the product of the probabilities it gave to each token.


# %%
def write(model, x, places):
    """The most likely answers token by token: (n, places), and the confidence in each: (n,)."""
    y, sure = np.zeros((len(x), places), "int32"), np.ones(len(x))
    for i in range(places):
        p = softmax(model.predict([x, one_right(y)], 500, verbose=0)[:, i])
        y[:, i], sure = p.argmax(-1), sure * p.max(-1)
    return y, sure


written, confidence = write(translate, dates.x_test, width_out)
exact = (written == dates.y_test).all(axis=1)
claims.at_least("test dates translated without a mistake", exact.mean(), 0.98)

# %% [markdown]
# Where did it look? The cross-attention of its four heads, averaged, for one date in the longest
# way of writing: each row is a character about to be written, each column one that was read.


# %%
def looked_at(x, y):
    """Mean weights of the cross-attention's heads for one date: (places of y, places of x)."""
    cross = [layer for layer in translate.layers if "multi_head" in layer.name][-1]
    inside = keras.Model(translate.inputs, cross.input)  # up to what this layer is given
    asks, asked = (part[0] for part in inside.predict([x, one_right(y)], verbose=0))
    WQ, bQ, WK, bK = cross.get_weights()[:4]
    heads, d = range(WQ.shape[1]), WQ.shape[2]
    scores = [(asks @ WQ[:, h] + bQ[h]) @ (asked @ WK[:, h] + bK[h]).T for h in heads]
    return softmax(np.array(scores) / np.sqrt(d)).mean(axis=0)


# %%
longest = max(range(16), key=lambda i: len(dates.formats[i]))
k = int(np.argmax((dates.format_test == longest) & exact))  # the first that is right
read_in, iso = dates.inputs_test[k], dates.targets_test[k]
table = looked_at(dates.x_test[k : k + 1], dates.y_test[k : k + 1])[:, : len(read_in)]
plotting.attention(table, list(iso), list(read_in), title="Which characters each answer looks at")

# %% [markdown]
# The digits of the year look mostly at the year, those of the day at the day. Nobody said so; it
# was learned from pairs alone. Other rows are less clear, and such a picture proves little: what is
# looked at was mixed with its neighbours by the encoder before.

# %% [markdown]
# ## 4 · Decoder only: a small GPT
#
# Leave the encoder out, and what remains writes on whatever it has read: a language model, as in
# lesson 06, on the same text and measured in the same bits per character.
#
# ### From characters to tokens
#
# First, what does it read? Characters make long sequences, whole words leave unknown ones.
# **Byte-pair encoding** (Gage 1994; Sennrich et al. 2016) lies between: begin with characters
# (large models: with the 256 bytes); find the most frequent pair of neighbours; make it a new
# token; repeat. Our 103 characters and 297 merges make 400 tokens. These lines are all of it.

# %%
text = datasets.load("english")


def merge(ids, a, b, new):
    """From left to right, each a and the b after it become one token `new`."""
    places, last = [], -2
    for i in np.flatnonzero((ids[:-1] == a) & (ids[1:] == b)):
        if i > last + 1:  # in "aaa" the second pair has lost its first letter
            places.append(i)
            last = i
    places = np.array(places, dtype=int)
    ids = ids.copy()
    ids[places] = new
    return np.delete(ids, places + 1)


# %%
def learn_merges(ids, size, count):
    """The `count` merges of a text as pairs of tokens, the text after them, its lengths."""
    merges, lengths = [], [len(ids)]
    for new in range(size, size + count):
        codes = ids[:-1].astype("int64") * new + ids[1:]  # one number a * new + b for each pair
        a, b = divmod(int(np.bincount(codes).argmax()), new)
        ids = merge(ids, a, b, new)
        merges.append((a, b))
        lengths.append(len(ids))
    return merges, ids, lengths


def encode(string):
    ids = text.encode(string)
    for new, (a, b) in enumerate(merges, len(text.alphabet)):
        ids = merge(ids, a, b, new)
    return ids


merges, train_ids, lengths = learn_merges(text.train_ids, len(text.alphabet), 297)

# %%
pieces = list(text.alphabet)
for a, b in merges:
    pieces.append(pieces[a] + pieces[b])


def decode(ids):
    return "".join(pieces[i] for i in ids)


test_ids = encode(text.test)
same = int(decode(test_ids) == text.test)
claims.between("test text equal after the way to tokens and back", same, 1, 1)
claims.at_least("characters per token, test text", len(text.test) / len(test_ids), 2.0)
shorter = {"training text": len(text.train) / np.array(lengths)}
title = "Each merge makes tokens longer, the first ones most"
plotting.curves(np.arange(298), shorter, "merges", "characters per token", title)

# %% tags=["nbval-ignore-output"]
print("|".join(pieces[i] for i in encode("The statement raises an exception if no name is found.")))

# %% [markdown]
# ### The network
#
# A GPT (generative pre-trained transformer, Radford et al. 2018): embedding, positions, blocks,
# logits. One thing more: a switch in the mask. At 0 a token sees itself and its past; at 1 it sees
# all, which makes an encoder of it (section 7).


# %%
class Mask(layers.Layer):
    """Who may look at whom: (1, n, n). `all` is a switch that training leaves alone."""

    def build(self, shape):
        self.all = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        past = ops.convert_to_tensor(np.tri(x.shape[1], dtype="float32")[None])
        return past + self.all > 0


def gpt(vocabulary, places, width=96, blocks=2, dropout=0.0):
    ids = keras.Input((places,), dtype="int32")
    x = Places()(tokens_in(vocabulary, width)(ids))
    allowed = Mask(name="mask")(x)
    for _ in range(blocks):
        x = corrected(layers.Dropout(dropout)(x), attention_mask=allowed)
        x = two_layers(layers.Dropout(dropout)(x))
    return keras.Model(ids, layers.Dense(vocabulary)(layers.LayerNormalization()(x)))


# %% [markdown]
# ### Three ways to remember, at equal seconds
#
# The recurrent rivals read the same tokens: a plain RNN and an LSTM of lesson 06, with roughly as
# many weights. Each gets the same seconds of processor time, all cores counted, so whoever is
# faster sees more text; what else the machine does hardly matters. About 15 seconds.

# %%
VOCABULARY, PLACES = len(pieces), 64


def recurrent(layer):
    ids = keras.Input((PLACES,), dtype="int32")
    x = layer(layers.Embedding(VOCABULARY, 96)(ids))
    return keras.Model(ids, layers.Dense(VOCABULARY)(x))


makers = {
    "RNN": lambda: recurrent(layers.SimpleRNN(256, return_sequences=True)),
    "LSTM": lambda: recurrent(layers.LSTM(192, return_sequences=True)),
    "transformer": lambda: gpt(VOCABULARY, PLACES),
}
networks = {name: ready(make()) for name, make in makers.items()}
rates = {"RNN": (4e-3, 3e-3), "LSTM": (3e-2, 1e-2), "transformer": (1e-2, 4e-3)}  # text, memory
SECONDS = 5  # of the processor, for each network and task


# %%
def draw_text(r, count=320):
    starts = lab.rng(r).integers(0, len(train_ids) - PLACES, count)
    rows = starts[:, None] + np.arange(PLACES + 1)
    return train_ids[rows[:, :-1]], train_ids[rows[:, 1:]]


def until(seconds):
    """The share of the processor seconds that is over, again and again, until all are."""
    begin, done = time.process_time(), 0.0
    while done < 1:
        yield done
        done = (time.process_time() - begin) / (lab.work * seconds)


# %%
def train_for(name, draw, rate):
    """Train a network until its seconds are over; returns how many steps it made."""
    model, r = networks[name], 0
    model.optimizer.learning_rate = 0.0
    model.fit(*draw(0), 16, verbose=0)  # compiles, and learns nothing
    for r, done in enumerate(callbacks.progress(until(SECONDS), name), 1):
        model.optimizer.learning_rate = rate * warm(done + 0.01)
        model.fit(*draw(r), 16, verbose=0)
    return 20 * r


# %% [markdown]
# A network gives bits per token; times tokens over characters, that is bits per character.


# %%
def bits_a_character(model):
    """On the test text, in windows of 64 tokens, each read without what came before it."""
    n = (len(test_ids) - 1) // PLACES * PLACES
    x, y = test_ids[:n].reshape(-1, PLACES), test_ids[1 : n + 1].reshape(-1, PLACES)
    nats = model.evaluate(x, y, 128, verbose=0)
    return nats / np.log(2) * len(test_ids) / len(text.test)


steps = {name: train_for(name, draw_text, rates[name][0]) for name in networks}
bits = {name: bits_a_character(model) for name, model in networks.items()}
gpt_weights = networks["transformer"].get_weights()  # needed again in sections 5 and 8

# %%
counted = ngrams.kneser_ney(text.train_ids, order=5, symbols=len(text.alphabet))
letters = ngrams.kneser_ney(text.train_ids, order=1, symbols=len(text.alphabet))
others = {"letters' frequencies": letters.bits(text.test_ids)}
others["counting 5-grams (Kneser–Ney)"] = counted.bits(text.test_ids)
gain = others["letters' frequencies"] - max(bits.values())
claims.at_least("bits per character that even the worst network saves", gain, 0.3)
ahead = min(bits.values()) - others["counting 5-grams (Kneser–Ney)"]
claims.at_least("bits per character, best network behind counting", ahead, 0.05)
title = "Less is better: after equal seconds, and by counting"
plotting.bars({**bits, **others}, "bits per character, test text", title=title)

# %% [markdown]
# No triumph for attention: after so few seconds a table of counts, which sees four letters and
# predicts the fifth, beats all three (it reads on, though, where the networks begin each window
# afresh). Which network leads may change with the machine. What attention buys shows elsewhere: it
# treats all places at once, which feeds a GPU, and it forgets nothing.
#
# ### The memory task again
#
# Lesson 06's task: ten kinds of first symbol, then noise, 63 steps of it; what was the first? The
# same networks, restarted, get equal seconds again. The LSTM's biases are drawn for long memory
# (Tallec & Ollivier 2018). Given more time it learns this too, as lesson 06 shows: what attention
# buys here is speed.


# %%
def restart(name):
    """Fresh weights in a compiled model, and an optimizer that has forgotten."""
    model = networks[name]
    model.set_weights(makers[name]().get_weights())
    for variable in model.optimizer.variables:
        if variable is not model.optimizer.learning_rate:
            variable.assign(ops.zeros(variable.shape, variable.dtype))


def chrono(model, units=192):
    bias = model.layers[2].cell.bias
    forget = np.log(lab.rng(5).uniform(1, PLACES - 1, units))
    bias.assign(np.concatenate([-forget, forget, np.zeros(2 * units)]).astype("float32"))


def draw_memory(r, count=320):
    x, first = datasets.memory(count, PLACES - 1, lab.rng(r))
    y = np.full_like(x, -1)
    y[:, -1] = first
    return x, y


# %%
recall = {}
x, y = draw_memory(10_000, count=1000)
for name in ("RNN", "LSTM", "transformer"):
    restart(name)
    if name == "LSTM":
        chrono(networks[name])
    train_for(name, draw_memory, rates[name][1])
    said = networks[name].predict(x, 100, verbose=0)[:, -1].argmax(-1)
    recall[name] = np.mean(said == y[:, -1])
claims.at_least("first symbol named by the transformer", recall["transformer"], 0.95)
title = "What was the first of 64 symbols? (guessing: 10 %)"
plotting.bars(recall, "correct answers", percent=True, title=title)

# %% [markdown]
# To attention the first symbol is as near as the last. The price: every place looks at every other,
# so for $n$ places that part of the work grows as $n^2$, where a recurrent network's grows as $n$.
# Measured on single layers of width 96, on longer and longer inputs (the fastest of eleven runs):
# at these lengths attention, whose projections also grow as $n$, is still on its way to $n^2$.


# %%
def layer_seconds(layer, n):
    x = keras.Input((n, 96))
    model = keras.Model(x, layer(x, x) if "Attention" in type(layer).__name__ else layer(x))
    data, seconds = np.zeros((1, n, 96), "float32"), []
    for _ in range(12):
        begin = time.perf_counter()
        model.predict_on_batch(data)
        seconds.append(time.perf_counter() - begin)
    return min(seconds[1:])


sizes = [256, 512, 1024, 2048]
kinds = {"RNN": lambda: layers.SimpleRNN(96), "LSTM": lambda: layers.LSTM(96)}
kinds["attention"] = lambda: layers.MultiHeadAttention(4, 24)
grown = {name: [1e3 * layer_seconds(make(), n) for n in sizes] for name, make in kinds.items()}
rise = {name: times[-1] / times[1] for name, times in grown.items()}
claims.at_least("attention's growth over the LSTM's", rise["attention"] / rise["LSTM"], 1.05)
options = {"xscale": "log", "yscale": "log", "title": "Attention's time grows faster with length"}
plotting.curves(sizes, grown, "length n of the input", "ms for one input", **options)

# %% [markdown]
# All of it in one table, at equal seconds. Its figures differ from machine to machine, the claims
# hold on each. The rates for the text were chosen on the last tenth of the training text, those for
# the memory task by a few trials; as small changes can turn the order, no claim says who leads.

# %% tags=["nbval-ignore-output"]
print(f"{SECONDS} processor seconds for the text, as many for the memory task; steps of 16")
print(f"{'':12} weights  steps  ms/step  bits/character  memory task  time, 512 to 2048")
for name in ("RNN", "LSTM", "transformer"):
    growth = rise["attention" if name == "transformer" else name]
    row = f"{name:12}{networks[name].count_params():8,}{steps[name]:7}"
    row += f"{1e3 * SECONDS / steps[name]:9.0f}{bits[name]:16.2f}{recall[name]:13.0%}"
    print(f"{row}{growth:13.1f} times")

# %% [markdown]
# ## 5 · Writing with a memory: the key–value cache
#
# A GPT writes one token, reads everything again, writes the next. But with a causal mask a place
# depends, block after block, only on the places up to it: keys and values of old tokens never
# change. Keep them, and each step has only *one* new query. Here is our GPT once more, in NumPy,
# with weights copied from Keras.


# %%
def unpack(weights):
    """The arrays of a GPT by their use: embedding, positions, blocks, last norm and layer."""
    w = [array.astype("float64") for array in weights if array.ndim]  # all but the switch
    blocks = [w[i : i + 16] for i in range(2, len(w) - 4, 16)]
    return w[0], w[1], blocks, w[-4:]


def norm(x, scale, shift):
    x = x - x.mean(-1, keepdims=True)
    return scale * x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-3) + shift


def heads_of(x, W, b):
    return np.einsum("nw,whd->hnd", x, W) + b[:, None]


# %% [markdown]
# `read` takes the new tokens and the cache: keys and values of all tokens before, for each block.
# Row $i$ of the new ones may look at all the old ones and at the new ones up to itself: with two
# old ones and three new, `np.tri(3, 5, 2)` has the rows 11100, 11110 and 11111.


# %%
def look_back(x, block, past):
    """One block for new places x: (n, width). Returns x and all keys and values so far."""
    s, t, WQ, bQ, WK, bK, WV, bV, WO, bO, s2, t2, W1, b1, W2, b2 = block
    normed = norm(x, s, t)
    Q, K, V = (heads_of(normed, *wb) for wb in ((WQ, bQ), (WK, bK), (WV, bV)))
    if past is not None:
        K, V = (np.concatenate(pair, axis=1) for pair in zip(past, (K, V), strict=True))
    n, m = Q.shape[1], K.shape[1]
    scores = Q @ K.swapaxes(1, 2) / np.sqrt(Q.shape[-1])
    a = softmax(np.where(np.tri(n, m, m - n, dtype=bool), scores, -np.inf))
    x = x + np.einsum("hnd,hdw->nw", a @ V, WO) + bO
    return x + np.maximum(norm(x, s2, t2) @ W1 + b1, 0) @ W2 + b2, (K, V)


def read(tokens, net, cache=None):
    """Logits at each of the new tokens, and the cache with them in it."""
    embedding, places, blocks, (s, t, W, b) = net
    cache = cache or [None] * len(blocks)
    start = 0 if cache[0] is None else cache[0][0].shape[1]
    x, kept = embedding[tokens] + places[start : start + len(tokens)], []
    for block, past in zip(blocks, cache, strict=True):
        x, pair = look_back(x, block, past)
        kept.append(pair)
    return norm(x, s, t) @ W + b, kept


# %%
small = networks["transformer"]
small.set_weights(gpt_weights)
net = unpack(gpt_weights)
sentence = test_ids[:PLACES]
by_keras = small.predict(sentence[None], verbose=0)[0]
claims.close("logits, NumPy against Keras", read(sentence, net)[0], by_keras, 1e-3)

# %% [markdown]
# Now the text goes on from a beginning, token by token at temperature 0.7 (lesson 06), once with
# the cache and once without. A number $u$ between 0 and 1, the same for both, draws the first token
# at which the running sum of the probabilities passes $u$.


# %%
def go_on(beginning, net, cached, draws, temperature=0.7):
    """Tokens after `beginning`, one for each number in draws; and the seconds of each."""
    tokens, cache, seconds = list(beginning), None, []
    for u in draws:
        start = time.perf_counter()
        new = tokens[-1:] if cache else tokens
        logits, kept = read(np.array(new), net, cache)
        cache = kept if cached else None
        p = softmax(logits[-1] / temperature)
        tokens.append(min(int(np.searchsorted(p.cumsum(), u)), len(p) - 1))
        seconds.append(time.perf_counter() - start)
    return tokens, seconds


opening = encode("The statement ")
draws = lab.rng(11).random(PLACES - len(opening))
runs = {c: [go_on(opening, net, c, draws) for _ in range(3)] for c in (True, False)}
same = runs[True][0][0] == runs[False][0][0]
fastest = {c: np.min([seconds for _, seconds in runs[c]], axis=0) for c in runs}
claims.between("texts with and without cache that are equal token by token", int(same), 1, 1)
gain = fastest[False][-10:].sum() / fastest[True][-10:].sum()
claims.at_least("times faster with the cache, last ten tokens", gain, 2)

# %%
lines = {"without cache": 1e3 * fastest[False][1:], "with cache": 1e3 * fastest[True][1:]}
title = "Without the cache, tokens cost more and more"
axis = np.arange(1, len(draws)) + len(opening)
plotting.curves(axis, lines, "place in the text", "ms per token, fastest of 3", title)

# %% tags=["nbval-ignore-output"]
print(decode(runs[True][0][0]))

# %% [markdown]
# From far away it looks like the documentation of Python. It must end where the table of places
# does, here at 64 tokens; longer texts need positions that go on, such as rotations of queries and
# keys (Su et al. 2021).
# The cache's price is memory: two vectors for each token, block and sequence. You will write a
# step of it in the lab, with a limit.
#
# ## 6 · Experts: more weights, the same work
#
# A block's two layers hold most of its weights. A **mixture of experts** (Jacobs et al. 1991) holds
# several such pairs; here each token passes only the $k$ that a **router**, a matrix $R$, gives the
# highest scores (Shazeer et al. 2017). With $g$, the softmax over the chosen scores alone:
#
# $$y = \sum_{e\,\in\,\text{top } k} g_e\, W^2_e\, \mathrm{relu}(W^1_e x), \qquad
# \text{scores } R x$$
#
# With $k = 1$ this $g$ would always be 1, and the router would learn nothing: there the softmax
# over all scores is used (Fedus et al. 2022). What it buys: weights, at hardly any work.


# %%
def cost(width, hidden, experts, chosen):
    """Weights of the pairs of layers and the router; multiplications per token."""
    router = width * experts if experts > 1 else 0
    return router + experts * 2 * width * hidden, router + chosen * 2 * width * hidden


counts = {e: cost(1024, 4096, e, chosen=min(e, 2)) for e in (1, 2, 4, 8, 16, 32, 64)}
axis, table = list(counts), np.array(list(counts.values())) / 1e6
lines = {"weights": table[:, 0], "multiplications per token": table[:, 1]}
title = "Two are chosen: beyond two experts, the work hardly grows"
scales = {"xscale": "log", "yscale": "log"}
plotting.curves(axis, lines, "experts", "millions, width 1024", title, **scales)

# %% [markdown]
# The trouble is fairness. An expert that is chosen more learns more and is chosen more still, and
# others are neglected. The cure is a second loss: with $f_e$, the share of choices that fell on
# expert $e$, and $P_e$, the router's mean probability for it (softmax over all $E$ scores), add
# $\lambda\, E \sum_e f_e P_e$. Where all are used alike, it is $\lambda$. That is not its smallest
# value, but $f_e$ is a count and has no gradient: the loss lowers $P_e$ most where $f_e$ is large,
# and so pushes towards balance.


# %%
class Experts(layers.Layer):
    """Pairs of layers, of which each token uses k. All are computed, and those not chosen get 0."""

    def __init__(self, experts=8, hidden=64, k=2, **options):
        super().__init__(**options)
        self.experts, self.hidden, self.k = experts, hidden, k

    def build(self, shape):
        e, h, w = self.experts, self.hidden, shape[-1]
        self.router = self.add_weight(shape=(w, e))
        self.W1, self.W2 = self.add_weight(shape=(e, w, h)), self.add_weight(shape=(e, h, w))
        self.strength = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        logits = x @ self.router
        chosen = ops.sum(ops.one_hot(ops.top_k(logits, self.k)[1], self.experts), axis=-2)
        gates = ops.softmax(ops.where(chosen > 0, logits, -1e9))
        share, mean = (ops.mean(t, axis=(0, 1)) for t in (chosen / self.k, ops.softmax(logits)))
        self.add_loss(self.strength * self.experts * ops.sum(share * mean))
        hidden = ops.relu(ops.einsum("bnw,ewh->bneh", x, self.W1))
        return ops.einsum("bneh,ehw,bne->bnw", hidden, self.W2, gates)


# %% [markdown]
# A layer that computes all experts and multiplies most by zero saves nothing; on large machines
# the experts stand on different devices, and tokens travel. What we measure here is the balance:
# one small block on our text, trained without and with the second loss, about 5 seconds.


# %%
def sparse_network():
    ids = keras.Input((32,), dtype="int32")
    x = corrected(Places()(tokens_in(VOCABULARY, 48)(ids)), use_causal_mask=True)
    x = x + Experts(name="experts")(layers.LayerNormalization()(x))
    return keras.Model(ids, layers.Dense(VOCABULARY)(layers.LayerNormalization()(x)))


def draw_short(r):
    x, y = draw_text(r)
    return x[:, :32], y[:, :32]


makers["experts"] = sparse_network
networks["experts"] = sparse = ready(sparse_network())
given = keras.Model(sparse.inputs, sparse.get_layer("experts").input)
loads = {}
for strength in (0.0, 0.1):
    restart("experts")
    sparse.get_layer("experts").strength.assign(strength)
    train(sparse, draw_short, lab.epochs(9), 2e-2, label=f"experts, λ = {strength}")
    scores = given.predict(draw_short(99)[0], 400, verbose=0) @ ops.convert_to_numpy(
        sparse.get_layer("experts").router
    )
    chosen = np.argsort(scores.reshape(-1, 8), axis=-1)[:, -2:]
    loads[strength] = np.sort(np.bincount(chosen.ravel(), minlength=8) / chosen.size)[::-1]

# %%
claims.at_most("share of the busiest expert, with the second loss", loads[0.1][0], 0.2)
claims.at_least("busiest expert without it over with it", loads[0.0][0] / loads[0.1][0], 1.2)
lines = {"without": loads[0.0], "with the second loss": loads[0.1]}
title = "How busy are the eight experts? (Fair: 0.125)"
axes = "expert, busiest first", "share of all choices"
figure = plotting.curves(np.arange(1, 9), lines, *axes, title, bar=0.125)
figure.axes[0].set_ylim(bottom=0)
figure

# %% [markdown]
# Without the second loss one expert does clearly more than its share, though none is idle in so
# short a training; with it the load is almost even.

# %% [markdown]
# ## 7 · Encoder only: fill the gap
#
# Turn the switch of the mask to 1 and every token sees both sides. Such a network cannot be trained
# to say the next token: it would see it. So hide a word and ask for that, as BERT does (Devlin et
# al. 2019). Our first try, on the English text, failed: in these seconds it guessed hidden tokens
# hardly better than by always naming the most frequent one. So our tokens are whole words here, in
# four ways to say where a capital lies.

# %%
capitals = {
    "France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Germany": "Berlin",
    "Austria": "Vienna", "Greece": "Athens", "Poland": "Warsaw", "Norway": "Oslo",
    "Sweden": "Stockholm", "Finland": "Helsinki", "Egypt": "Cairo", "Kenya": "Nairobi",
    "Canada": "Ottawa", "China": "Beijing", "Japan": "Tokyo", "Cuba": "Havana", "Peru": "Lima",
    "Chile": "Santiago", "Iran": "Tehran", "Turkey": "Ankara", "Russia": "Moscow",
    "Portugal": "Lisbon", "Ireland": "Dublin", "Hungary": "Budapest",
}  # fmt: skip
ways = ["{1} lies in {0}", "the capital of {0} is {1}", "from {1} they rule all of {0}"]
ways.append("{0} has its capital in {1}")
learn = [(i, c) for k, c in enumerate(capitals) for i in range(4) if (k + i) % 4]
unseen = [(i, c) for k, c in enumerate(capitals) for i in range(4) if not (k + i) % 4]
print(len(learn), "to learn from,", len(unseen), "in words not yet used for this country")


# %%
words = sorted({w for i, c in learn for w in ways[i].format(c, capitals[c]).split()})
named = {*capitals, *capitals.values()}


def gaps(choices):
    """Each sentence twice, its first and its second name hidden; labels stand there alone."""
    x, y = np.full((2, len(choices), 7), len(words)), np.full((2, len(choices), 7), -1)
    for k, (i, country) in enumerate(choices):
        sentence = ways[i].format(country, capitals[country]).split()
        for hidden, gap in enumerate(j for j, w in enumerate(sentence) if w in named):
            x[hidden, k, : len(sentence)] = [words.index(w) for w in sentence]
            x[hidden, k, gap], y[hidden, k, gap] = len(words) + 1, x[hidden, k, gap]
    return x.reshape(-1, 7), y.reshape(-1, 7)


every_x, every_y = gaps(learn)


def draw_gaps(r, count=800):
    rows = lab.rng(r).integers(0, len(every_x), count)
    return every_x[rows], every_y[rows]


# %% [markdown]
# The same network is trained twice: once it may look to both sides, once only back, as a GPT does.
# It is asked in sentences not seen in training. A few seconds.

# %%
makers["gaps"] = lambda: gpt(len(words) + 2, 7, width=48, blocks=1)
networks["gaps"] = ready(makers["gaps"]())
filled, (x, y) = {}, gaps(unseen)
for name, switch in (("only back", 0.0), ("both sides", 1.0)):
    restart("gaps")
    networks["gaps"].get_layer("mask").all.assign(switch)
    train(networks["gaps"], draw_gaps, lab.epochs(14), 5e-3, label=name)
    said = networks["gaps"].predict(x, 500, verbose=0).argmax(-1)
    found = (said[y >= 0] == y[y >= 0]).reshape(2, -1).mean(axis=1)
    filled |= {f"{name}, first name hidden": found[0], f"{name}, second": found[1]}

# %%
back, both = np.array(list(filled.values())).reshape(2, 2).mean(axis=1)
claims.at_least("hidden names found, seeing both sides", both, 0.8)
claims.at_least("lead of both sides over only back", both - back, 0.2)
plotting.bars(filled, "hidden names found", percent=True, title="What seeing both sides buys")

# %% [markdown]
# "The capital of ▢ is Paris": what names the country comes after the gap. Whoever only looks back
# can only guess the first of the two names, and, taught by half as many answerable gaps, finds the
# second less often too. The map of the families: BERT (bidirectional encoder representations from
# transformers), GPT, T5 (text-to-text transfer transformer).
#
# | | mask | learns to | good for | example |
# |---|---|---|---|---|
# | encoder only | all | fill gaps | reading: search, labels | BERT (Devlin et al. 2019) |
# | decoder only | causal | go on | writing | GPT (Radford et al. 2018) |
# | encoder–decoder | both, and cross | answer an input | translation | T5 (Raffel et al. 2020) |

# %% [markdown]
# ### Pictures are sequences too
#
# Cut a picture into patches, take each for a word, and an encoder reads pictures: the **vision
# transformer** (ViT, Dosovitskiy et al. 2021). Only the waves of `Places` hint that patches in a
# row are neighbours; lesson 05's networks knew all neighbours. Settings were chosen by looking at
# held-out training digits. About 8 seconds.

# %%
data = lab.load(quick="digits", full="mnist")
side = data.x_train.shape[1]
patch = lab.pick(quick=2, full=4)
across = side // patch


def patches(x):
    """(n, side, side, 1) to (n, patches, pixels of a patch)."""
    x = x.reshape(len(x), across, patch, across, patch)
    return x.transpose(0, 1, 3, 2, 4).reshape(len(x), across**2, patch**2)


def vision_transformer(width=64):
    inputs = keras.Input((across**2, patch**2))
    x = Places()(layers.Dense(width)(layers.Rescaling(4, -2)(inputs)))
    x = two_layers(corrected(two_layers(corrected(x))))
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return ready(keras.Model(inputs, layers.Dense(10)(x)))


# %%
def draw_digits(r):
    rng, count = lab.rng(r), lab.pick(quick=1152, full=12_800)
    rows = rng.permutation(len(data.x_train))[:count]
    return patches(datasets.shift(data.x_train[rows], 1, rng)), data.y_train[rows]


vision = vision_transformer()
train(vision, draw_digits, lab.epochs(28), 3e-3, 64, label="vision transformer")
right = vision.predict(patches(data.x_test), 600, verbose=0).argmax(-1) == data.y_test
claims.at_least("test accuracy of the vision transformer", right.mean(), 0.88)

# %% [markdown]
# Good, but lesson 05's convolutions reached 99 % on these digits: with few pictures, what is built
# in need not be learned. With millions of pictures the order turns around (Dosovitskiy et al.
# 2021).
#
# ## 8 · From the next word to a chatbot
#
# Our GPT goes on with documentation; asked a question, it would go on with the question. Large
# models become assistants in two more steps. **Instruction tuning** (Wei et al. 2022; Ouyang et al.
# 2022): train on questions with their answers, the loss on the answers alone. Again, one of four
# forms is kept from each country.

# %%
forms = ["What is the capital of {}?", "Name the capital of {}.", "{}: what is its capital?"]
forms.append("Tell me which city is the capital of {}.")


# %%
def question(form, country):
    return encode(f"Q: {forms[form].format(country)}\nA: ")


ready_made = [(question(f, c), encode(capitals[c] + "\n")) for f, c in learn]


def draw_chat(r, count=160):
    x, y = np.zeros((count, PLACES), "int32"), np.full((count, PLACES), -1)
    for row, k in enumerate(lab.rng(r).integers(0, len(learn), count)):
        asks, answer = ready_made[k]
        both = np.concatenate([asks, answer])
        x[row, : len(both)] = both
        y[row, len(asks) - 1 : len(both) - 1] = answer  # what comes after each token
    return x, y


def reply(tokens, net, most=14):
    """The most likely answer, to the end of its line, and the confidence in it."""
    said, sure, new, cache = [], 1.0, tokens, None
    while len(said) < most and "\n" not in decode(said):
        logits, cache = read(np.array(new), net, cache)
        p = softmax(logits[-1])
        new = [int(p.argmax())]
        said, sure = said + new, sure * p.max()
    return decode(said).strip(), sure


# %%
def share_right(net):
    return np.mean([reply(question(f, c), net)[0] == capitals[c] for f, c in unseen])


small.set_weights(gpt_weights)
before = share_right(net)
small.get_layer("mask").all.assign(0.0)
train(small, draw_chat, lab.epochs(18), 3e-3, batch=16, label="instruction tuning")
tuned = unpack(small.get_weights())
after = share_right(tuned)

# %%
claims.at_most("questions answered before the tuning", before, 0.05)
claims.at_least("questions answered after it, in a form not seen with this country", after, 0.8)

# %% [markdown]
# It answers in the form that was asked for, and carries a fact over to a wording in which it never
# met it. One question, before and after:

# %% tags=["nbval-ignore-output"]
first = question(*unseen[0])
print("before:", decode(first) + repr(reply(first, unpack(gpt_weights))[0]))
print("after: ", decode(first) + repr(reply(first, tuned)[0]))

# %% [markdown]
# **Preference tuning** is the second step: people say which of two answers they prefer, the winner
# $w$ or the loser $l$. In RLHF (reinforcement learning from human feedback, Ouyang et al. 2022) a
# network learns a reward $r$, assuming that $w$ wins with probability $\sigma(r_w - r_l)$ (Bradley
# & Terry 1952). Then the model, which gives answers the probabilities $\pi$, is moved towards
# reward, but held near where it was, $\pi_0$. With $\mathrm{KL}(\pi \,\|\, \pi_0) = \mathrm{E}_\pi
# \log (\pi / \pi_0)$, which is 0 for equals and positive otherwise:
#
# $$\max_\pi\; \mathrm{E}_\pi[r] - \beta\, \mathrm{KL}(\pi \,\|\, \pi_0)
# = \max_\pi\; \beta \log Z - \beta\, \mathrm{KL}(\pi \,\|\, \pi^*),
# \qquad \pi^* = \pi_0\, e^{r/\beta} / Z.$$
#
# So $\pi^*$ is best, where $Z$ makes the sum 1.

# %% [markdown]
# Turned round, $r = \beta \log (\pi^* / \pi_0) + \beta \log Z$. In $r_w - r_l$ the $Z$ falls out,
# and no reward is needed: direct preference optimisation (DPO, Rafailov et al. 2023) minimises
#
# $$-\log \sigma\!\left(\beta \log \frac{\pi(w)}{\pi_0(w)}
# - \beta \log \frac{\pi(l)}{\pi_0(l)}\right).$$
#
# Five answers, their rewards known to us alone: does DPO, told only how often which is preferred,
# find the same as the formula?


# %%
def sigmoid(t):
    return 1 / (1 + np.exp(-t))


reward, beta = np.array([2.0, 1.0, 0.0, -1.0, -2.0]), 1.0
start = softmax(np.array([0.0, 0.5, 2.0, 1.0, 0.5]))
preferred = sigmoid(reward[:, None] - reward)  # how often row is preferred to column
z = np.log(start)  # the model: logits of the five answers
for _ in range(500):
    u = beta * (np.log(softmax(z)) - np.log(start))
    z -= beta * (sigmoid(u[:, None] - u) - preferred).sum(axis=1)  # the loss's gradient for z
best = start * np.exp(reward / beta)

# %%
claims.close("DPO against the formula, probabilities", softmax(z), best / best.sum(), 1e-4)
answers = [f"reward {r:+.0f}" for r in reward]
table = np.stack([start, softmax(z)])
head = "DPO moves probability to reward, from where it was"
names = "answer", "model", "probability", ".2f", head
plotting.heat(table, ["before", "after DPO"], answers, *names)

# %% [markdown]
# The answer that was likely before, of reward 0, keeps a large share: the KL term holds it near
# where it was; a smaller $\beta$ would let go. Preferences shape how a model speaks. Neither step
# checks truth itself: there are only examples, and what people think of answers.
#
# ## 9 · What it does not know
#
# ### It has not learned to add
#
# The translator of section 3 reads `__58+__17`, as one writes numbers in columns, and writes the
# sum, ones first (75 as `57__`). Both numbers have one, two or three digits, each equally often.
# Of the longer ones a tenth of all pairs, in both orders, is never shown, and asked at the end;
# then come numbers one digit longer. Settings were chosen on a second tenth, held out of training
# for that, with several seeds. About 15 seconds.

# %%
SIGNS, MOST = "_>0123456789+", 3


def to_ids(texts):
    return np.array([[SIGNS.index(sign) for sign in text] for text in texts])


def draw_sums(r, count=1600, digits=None, kept=False):
    """digits: of both numbers, or None for a mixture. kept: only the pairs kept for testing."""
    rng, many = lab.rng(r), 20 * count
    d = rng.integers(1, MOST + 1, many) if digits is None else np.full(many, digits)
    a, b = rng.integers(np.where(d > 1, 10 ** (d - 1), 0), 10**d, (2, many))
    mine = (np.minimum(a, b) * 7919 + np.maximum(a, b) * 104729) // 97 % 10 == 0
    rows = np.flatnonzero((mine == kept) | (d == 1))[:count]  # of one digit there are too few
    x = to_ids(f"{i:_>{MOST + 1}}+{j:_>{MOST + 1}}" for i, j in zip(a[rows], b[rows], strict=True))
    y = to_ids(f"{total}"[::-1].ljust(MOST + 2, "_") for total in (a + b)[rows])
    return [x, one_right(y)], y


# %%
adder = translator(len(SIGNS), 2 * MOST + 3, MOST + 2)
train(adder, draw_sums, lab.epochs(29), 6e-3, batch=64, label="addition")
sums = {}
for digits in range(1, MOST + 2):
    (x, _), y = draw_sums(500 + digits, 500, digits, kept=True)
    sums[digits] = np.mean((write(adder, x, MOST + 2)[0] == y).all(axis=1))
# %%
claims.at_least("new sums of two and three digits, correct", (sums[2] + sums[3]) / 2, 0.95)
claims.at_most("sums one digit longer, correct", sums[MOST + 1], 0.05)
by_length = {"1 digit (all 100 pairs shown)": sums[1]}
by_length |= {f"{d} digits, new pairs": sums[d] for d in range(2, MOST + 2)}
title = "It adds within the lengths seen, and only there"
plotting.bars(by_length, "sums without a mistake", percent=True, title=title)

# %% [markdown]
# A child who adds three digits adds four. This network has learned no method that is independent of
# length. We claim no more than that: places that only ever held padding may be part of the cause,
# and with positions made for digits, transformers add far longer numbers than they saw (McLeish et
# al. 2024). See how sure it is of what it then writes:

# %% tags=["nbval-ignore-output"]
(x, _), y = draw_sums(504, 6, MOST + 1, kept=True)
wrong, sure = write(adder, x, MOST + 2)
for k in range(6):
    asks, true, says = ("".join(SIGNS[i] for i in ids).strip("_") for ids in (x[k], y[k], wrong[k]))
    print(f"{asks} = {true[::-1]}, it says {says[::-1]}, {sure[k]:.0%} sure")

# %% [markdown]
# ### It does not know that it does not know
#
# Ask the tuned GPT for capitals of countries that do not exist, and the translator for days that
# do not, such as the 31st of February. There is no right answer. How sure are they, beside real
# countries (in the wordings kept back) and real dates (test days written in the same way)?

# %%
invented = ["Ruritania", "Freedonia", "Genovia", "Latveria", "Elbonia", "Florin", "Borduria"]
invented += ["Syldavia", "Graustark", "Sylvania"]
known = [reply(question(f, c), tuned) for f, c in unseen]
nonsense = [reply(question(i % 4, c), tuned) for i, c in enumerate(invented)]

months = ["February", "April", "June", "September", "November"]
no_days = [f"31 {m} {y}" for m in months for y in range(1950, 1990)]
x = dates.encode(no_days, width_in)
impossible, sure = write(translate, x, width_out)
same_way = dates.format_test == dates.formats.index("3 March 1987")
sureness = {"real countries": [s for _, s in known], "invented countries": [s for _, s in nonsense]}
sureness |= {"real dates": confidence[same_way], "days that do not exist": sure}

# %%
claims.at_least("mean confidence, invented countries", np.mean(sureness["invented countries"]), 0.2)
claims.at_least("mean confidence, days that do not exist", sure.mean(), 0.5)
as_31 = np.mean([day.endswith("-31") for day in dates.decode(impossible)])
claims.at_least("days that do not exist, written as the 31st", as_31, 0.5)
certain = {name: np.mean(np.array(values) > 0.8) for name, values in sureness.items()}
title = "How often more than 80 % sure, with and without a true answer"
plotting.bars(certain, "answers", percent=True, title=title)

# %% tags=["nbval-ignore-output"]
for country, (said, sure_of_it) in zip(invented, nonsense, strict=True):
    print(f"The capital of {country}? {said}, {sure_of_it:.0%} sure")
print(no_days[0], "is", dates.decode(impossible[0]))

# %% [markdown]
# Both always answer. Of invented countries the GPT is less sure, so a threshold on confidence
# catches many, at the price of some true answers. Some of what it says is no name at all; the rest
# looks like any true answer. With the translator no threshold helps: it writes the 31st of February
# as surely as a real date. It learned to rewrite, not what a calendar is: its probabilities speak
# of texts, not of truth.

# %% [markdown]
# ### On a GPU: tiny Shakespeare, in `full` only
#
# The text of lesson 06's `full` profile, split as there: the first nine tenths to learn from, all
# 111,540 characters after them for the test, all 65 symbols. 1.465 nats per character is this
# course's aim, not yet measured. Karpathy's nanoGPT reports 1.4697 for validation, averaged over
# whole windows; here every character has half a window before it, which is the easier measure.


# %%
def shakespeare(places=256, batch=64):
    play = datasets.load("tiny_shakespeare")
    model = ready(gpt(len(play.alphabet), places, width=384, blocks=6, dropout=0.2))

    def draw(r):
        starts = lab.rng(r).integers(0, len(play.train_ids) - places, 25 * batch)
        rows = starts[:, None] + np.arange(places + 1)
        return play.train_ids[rows[:, :-1]], play.train_ids[rows[:, 1:]]

    train(model, draw, lab.epochs(160), 1e-3, batch, label="tiny Shakespeare")
    return model, lab.part(play.test_ids)


def nats_a_character(model, ids, places=256):
    """Mean over all characters but the first, each after at least half a window where there is."""
    total, half = 0.0, places // 2
    for start in range(0, len(ids) - 1, half):
        x = ids[max(0, start - half) : start + half][: len(ids) - 1]
        p = softmax(model.predict(np.resize(x, (1, places)), verbose=0)[0].astype("float64"))
        x_next = ids[max(0, start - half) + 1 :][: len(x)]
        new = min(half, len(ids) - 1 - start)
        k = np.arange(len(x_next) - new, len(x_next))
        total -= np.log(p[k, x_next[k]]).sum()
    return total / (len(ids) - 1)


# %%
if lab.pick(quick=False, full=True):
    try:
        model, ids = shakespeare()
        claims.at_most("nats per character, tiny Shakespeare", nats_a_character(model, ids), 1.465)
    except datasets.DatasetUnavailable as problem:
        print(problem)  # the lesson does not need it

# %% [markdown]
# ## What you take along
#
# **What does attention buy?** Every place reaches every other in one step, however far: the first
# of 64 symbols is found after a few seconds of training (section 4), and all places train at once.
# A part of the price grows with the square of the length; the cache spares the repetition (5),
# experts add weights at hardly any work (6), and one block serves readers, writers, translators and
# pictures, by its mask (7).
#
# **What does a language model not know?** What is true. It goes on with what is likely: it adds
# within the lengths it saw, and answers for countries and days that do not exist (9). In a few
# seconds and on little data it beats neither counting (4) nor convolutions (7). Kalai et al. (2025)
# argue that models go on inventing since training and tests reward guessing. Lesson 08 turns from
# words to pictures: what is left of an image after squeezing it through a bottleneck?
#
# ### Sources
#
# - Bahdanau, Cho & Bengio 2015, Neural Machine Translation by Jointly Learning to Align and
#   Translate, ICLR, arXiv:1409.0473
# - Bradley & Terry 1952, Rank Analysis of Incomplete Block Designs: I. The Method of Paired
#   Comparisons, Biometrika 39, doi:10.2307/2334029
# - Devlin, Chang, Lee & Toutanova 2019, BERT, NAACL, arXiv:1810.04805
# - Dosovitskiy et al. 2021, An Image is Worth 16x16 Words, ICLR, arXiv:2010.11929
# - Fedus, Zoph & Shazeer 2022, Switch Transformers, Journal of Machine Learning Research 23,
#   arXiv:2101.03961
# - Gage 1994, A New Algorithm for Data Compression, The C Users Journal 12(2)
# - Jacobs, Jordan, Nowlan & Hinton 1991, Adaptive Mixtures of Local Experts, Neural Computation 3,
#   doi:10.1162/neco.1991.3.1.79
# - Kalai, Nachum, Vempala & Zhang 2025, Why Language Models Hallucinate, arXiv:2509.04664
# - McLeish et al. 2024, Transformers Can Do Arithmetic with the Right Embeddings, NeurIPS,
#   arXiv:2405.17399
# - Ouyang et al. 2022, Training Language Models to Follow Instructions with Human Feedback,
#   NeurIPS, arXiv:2203.02155
# - Radford, Narasimhan, Salimans & Sutskever 2018, Improving Language Understanding by Generative
#   Pre-Training, OpenAI
# - Rafailov et al. 2023, Direct Preference Optimization, NeurIPS, arXiv:2305.18290
# - Raffel et al. 2020, Exploring the Limits of Transfer Learning with a Unified Text-to-Text
#   Transformer, Journal of Machine Learning Research 21, arXiv:1910.10683
# - Sennrich, Haddow & Birch 2016, Neural Machine Translation of Rare Words with Subword Units, ACL,
#   arXiv:1508.07909
# - Shazeer et al. 2017, Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts
#   Layer, ICLR, arXiv:1701.06538
# - Su et al. 2021, RoFormer: Enhanced Transformer with Rotary Position Embedding, arXiv:2104.09864
# - Tallec & Ollivier 2018, Can Recurrent Neural Networks Warp Time?, ICLR, arXiv:1804.11188
# - Vaswani et al. 2017, Attention Is All You Need, NIPS, arXiv:1706.03762
# - Wei et al. 2022, Finetuned Language Models Are Zero-Shot Learners, ICLR, arXiv:2109.01652
# - Xiong et al. 2020, On Layer Normalization in the Transformer Architecture, ICML,
#   arXiv:2002.04745

# %% [markdown]
# ## Lab (10 points)
#
# Write each function in place of `raise NotImplementedError`, run the cell, then the check below
# it. A check draws fresh numbers every time and tells you what to look at next. NumPy arrays go in;
# arrays or lists may come out, and dicts with exactly the entries named. Sizes differ from call to
# call. The first cell of the notebook is all that the lab needs, and
# all that a grader runs before it: use NumPy and Keras, not the functions of the lesson.
#
# ### Exercise 1: attention with masks (3 points)
#
# Section 1 asked one query after another. Now a whole batch with several heads at once, and both
# masks: sequence $b$ has `lengths[b]` real keys, and what stands after them is padding that nobody
# may look at; if `causal`, query $i$ may look at the keys $0 \ldots i$ only (there are then as many
# queries as keys). Every row of weights sums to 1, also the rows of padded queries.


# %% exercise="masked_attention"
def masked_attention(queries, keys, values, lengths, causal):
    """Scaled dot-product attention in all heads of all sequences.

    queries: (batch, heads, n, d). keys and values: (batch, heads, m, d) each.
    lengths: batch integers from 1 to m. causal: True or False. Returns (batch, heads, n, d).
    """
    ### BEGIN SOLUTION
    n, m = queries.shape[2], keys.shape[2]
    scores = queries @ np.swapaxes(keys, 2, 3) / np.sqrt(queries.shape[-1])
    seen = np.arange(m) < np.asarray(lengths)[:, None, None, None]
    if causal:
        seen = seen & np.tri(n, m, dtype=bool)
    weights = np.exp(np.where(seen, scores - scores.max(-1, keepdims=True), -np.inf))
    return weights / weights.sum(-1, keepdims=True) @ values
    ### END SOLUTION


# %% checks="masked_attention" points=3
@checks.exercise("masked_attention")
def _(check):
    def by_keras(q, k, v, seen):
        q, k, v = (np.swapaxes(t, 1, 2) for t in (q, k, v))  # Keras has the heads third
        y = ops.dot_product_attention(q, k, v, mask=seen, scale=1.0, flash_attention=False)
        return np.swapaxes(ops.convert_to_numpy(y), 1, 2)

    masks = [(False, False), (True, False), (False, True), (True, True)]
    sizes = [(2, 3, 6, 8), (3, 2, 7, 5)]
    for (causal, padded), (batch, heads, m, d) in itertools.product(masks, sizes):
        n = m if causal else 4
        shapes = (batch, heads, n, d), (batch, heads, m, d), (batch, heads, m, d)
        for q, k, v in check.arrays(*shapes, count=1):
            q, lengths = 2 * q, np.array([2, 4, 5][:batch] if padded else [m] * batch)
            real = np.arange(m) < lengths[:, None, None, None]
            past = np.tri(n, m, dtype=bool) if causal else np.ones((n, m), bool)
            seen = np.broadcast_to(real & past, (batch, heads, n, m))
            case = (
                f"({'causal' if causal else 'not causal'}, lengths {lengths.tolist()}, width {d})"
            )
            hint = f"A row with every key forbidden {case}? Each query may look at one key or more."
            y = check.array(check.ask("masked_attention", q, k, v, lengths, causal), hint=hint)
            hint = f"The output has another shape {case}: one vector of width d for each query."
            y = check.array(y, (batch, heads, n, d), hint)
            wrong = {}
            e = np.exp(q @ np.swapaxes(k, 2, 3) / np.sqrt(d))
            wrong["Are the scores scaled for the width d?"] = by_keras(q, k, v, seen)
            wrong["The scores are scaled too much for the width d."] = by_keras(q / d, k, v, seen)
            a = e / e.sum(-1, keepdims=True) * seen
            if causal or padded:
                wrong["A row of weights must still sum to 1: mask before the softmax."] = a @ v
                zero = np.exp(np.where(seen, np.log(e), 0))
                zero = zero / zero.sum(-1, keepdims=True) @ v
                wrong["A score of 0 is not forbidden: exp(0) is 1."] = zero
            if causal:
                future = np.broadcast_to(real & past.T, seen.shape)
                hint = "Your causal mask is turned: query i looks at the keys up to i."
                if not padded:
                    wrong[hint] = by_keras(q / np.sqrt(d), k, v, future)
            if padded:
                hint = "Padding is looked at: keys from lengths[b] on must get no weight."
                open_to = np.broadcast_to(past, seen.shape)
                wrong[hint] = by_keras(q / np.sqrt(d), k, v, open_to)
                hint = "The padding begins one place too late: lengths[b] keys are real."
                longer = np.arange(m) <= lengths[:, None, None, None]
                open_to = np.broadcast_to(longer & past, seen.shape)
                wrong[hint] = by_keras(q / np.sqrt(d), k, v, open_to)
            if causal:
                hint = "The future is looked at: causal means keys up to i."
                open_to = np.broadcast_to(real, seen.shape)
                wrong[hint] = by_keras(q / np.sqrt(d), k, v, open_to)
                hint = "The causal mask is one place off: query i looks at key i, not at i + 1."
                open_to = np.broadcast_to(real & np.tri(n, m, 1, dtype=bool), seen.shape)
                wrong[hint] = by_keras(q / np.sqrt(d), k, v, open_to)
            over = (e * seen / np.maximum((e * seen).sum(2, keepdims=True), 1e-9)) @ v
            wrong["Softmax runs over the keys, the last axis."] = over
            for hint, other in wrong.items():
                check.that(not np.allclose(y, other, atol=1e-3), f"{hint} {case}")
            right = by_keras(q / np.sqrt(d), k, v, seen)
            hint = f"Some values differ {case}: scores, mask, softmax over the keys, times values; "
            check.close(y, right, hint + "each head and sequence by itself.", rtol=1e-3)
            if padded:  # weights that are nearly 0 would let these through
                v = np.where(real.swapaxes(2, 3), v, np.float32(1e8))
                y = check.array(check.ask("masked_attention", q, k, v, lengths, causal))
                hint = f"Padding keeps a little weight {case}: exactly none is allowed."
                check.close(y, right, hint, rtol=1e-3)


# %% [markdown]
# ### Exercise 2: a decoding step with a cache (3 points)
#
# Section 5 kept keys and values for ever. Now one layer of causal self-attention (no biases) takes
# *one* new token for each sequence of a batch, and its cache has a limit: it holds the newest
# `most` keys and values, the new token's among them. The new token looks at all that the cache then
# holds. At the very beginning the cache has $t = 0$ entries.


# %% exercise="cached_step"
def cached_step(x, cache, weights, most):
    """x: (batch, width). cache: {"k": (batch, heads, t, d), "v": the same}, oldest first.

    weights: {"q", "k", "v", "o"}, each (width, width); head h has the columns h * d to
    (h + 1) * d of q, k and v, and these rows of o. most: a whole number of at least 1.
    Returns {"y": (batch, width), "k": (batch, heads, min(t + 1, most), d), "v": the same}.
    """
    ### BEGIN SOLUTION
    batch, heads, _, d = cache["k"].shape
    q, k, v = ((x @ weights[name]).reshape(batch, heads, 1, d) for name in "qkv")
    k = np.concatenate([cache["k"], k], axis=2)[:, :, -most:]
    v = np.concatenate([cache["v"], v], axis=2)[:, :, -most:]
    scores = q @ k.swapaxes(2, 3) / np.sqrt(d)
    a = np.exp(scores - scores.max(-1, keepdims=True))
    y = a / a.sum(-1, keepdims=True) @ v
    return {"y": y.reshape(batch, heads * d) @ weights["o"], "k": k, "v": v}
    ### END SOLUTION


# %% checks="cached_step" points=3
@checks.exercise("cached_step")
def _(check):
    steps = 5

    def split(t):
        return t.reshape(batch, -1, heads, d).swapaxes(1, 2)

    def whole(x, w, most, scale=1.0, order=False):
        """All places at once, under a mask: what the steps must come to."""
        n = x.shape[1]
        q, k, v = (split(x @ w[name]) for name in "qkv")
        i, j = np.arange(n)[:, None], np.arange(n)
        scores = np.where((j <= i) & (j > i - most), q @ k.swapaxes(2, 3) * scale, -np.inf)
        a = np.exp(scores - scores.max(-1, keepdims=True))
        y = (a / a.sum(-1, keepdims=True) @ v).swapaxes(1, 2).reshape(batch, n, width)
        return y @ w["o"], k, v

    for most, (batch, heads, d) in {9: (2, 3, 4), 3: (3, 2, 5), 1: (1, 4, 3)}.items():
        width = heads * d
        shapes = [(batch, steps, width)] + [(width, width)] * 4
        x, *matrices = next(check.arrays(*shapes, count=1))
        w = {name: m / np.sqrt(width) * 2 for name, m in zip("qkvo", matrices, strict=True)}
        cache = {name: np.zeros((batch, heads, 0, d), "float32") for name in "kv"}
        right, k, v = whole(x, w, most, 1 / np.sqrt(d))
        unscaled, _, _ = whole(x, w, most)
        endless, _, _ = whole(x, w, steps, 1 / np.sqrt(d))
        for t in range(steps):
            case = f"(token {t}, most = {most})"
            found = check.ask("cached_step", x[:, t], cache, w, most)
            hint = 'Return a dict with exactly the entries "y", "k" and "v", and no others.'
            check.that(isinstance(found, dict) and {*found} == {"y", "k", "v"}, hint)
            for name in "ykv":
                check.that(found[name] is not None, f'The entry "{name}" is None {case}.')
            size = min(t + 1, most)
            keys = check.array(found["k"])
            if keys.ndim == 4 and keys.shape[2] != size:
                said = "at the limit the oldest must go"
                if keys.shape[2] < size:
                    said = "is the new one added, and is not more cut than needed?"
                hint = f"Entries in the cache: {keys.shape[2]}, not {size} {case}: {said}"
                check.that(False, hint)
            hint = f"The cache keeps its shape (batch, heads, entries, d) {case}."
            keys = check.array(keys, (batch, heads, size, d), hint)
            values = check.array(check.array(found["v"]), (batch, heads, size, d), hint)
            kept = slice(t + 1 - size, t + 1)
            newest = np.allclose(keys, k[:, :, :size], atol=1e-4) and t + 1 > size
            check.that(not newest, f"Beyond the limit the oldest go, not the newest {case}.")
            turned = np.allclose(keys, k[:, :, kept][:, :, ::-1], atol=1e-4) and size > 1
            check.that(not turned, f"The oldest come first: the new key goes at the end {case}.")
            known = [[np.allclose(keys[:, :, i], k[:, :, j], atol=1e-4) for j in range(t + 1)]
                     for i in range(size)]  # fmt: skip
            others = np.any(known, axis=1).all() and not np.diagonal(known, t + 1 - size).all()
            check.that(not others, f"The newest `most` entries stay, in their order {case}.")
            hint = f"Keys in the cache differ {case}: x times weights['k'], cut into heads."
            check.close(keys, k[:, :, kept], hint, rtol=1e-3)
            hint = f"Values in the cache differ {case}: x times weights['v'], cut into heads."
            check.close(values, v[:, :, kept], hint, rtol=1e-3)
            y = check.array(
                check.array(found["y"]), (batch, width), f"y has one vector per sequence {case}."
            )
            for hint, wrong in {
                "Are the scores scaled for the width d?": unscaled[:, t],
                "y looks further back than the limit: cut the cache first.": endless[:, t],
            }.items():
                same = np.allclose(wrong, right[:, t], atol=1e-3)
                check.that(same or not np.allclose(y, wrong, atol=1e-3), f"{hint} {case}")
            hint = f"y differs {case}: the new token looks at all that the cache now holds, itself "
            check.close(y, right[:, t], hint + 'too; join the heads, then weights["o"].', rtol=1e-3)
            cache = {"k": keys.astype("float32"), "v": values.astype("float32")}


# %% [markdown]
# ### Exercise 3: one merge (2 points)
#
# Section 4 merged in one long text. Real tokenisers count inside words, so that no token spans a
# space, and each word counts as often as it occurs. Do one step: count all pairs of neighbours
# within the words (in `a a a` the pair occurs twice), take the most frequent one (of equals the
# first in alphabetical order, as Python compares lists), and merge it from left to right.


# %% exercise="merge_step"
def merge_step(words, counts):
    """words: a list of words, each a list of tokens (strings). counts: how often each word occurs.

    Returns {"pair": [left, right], "words": the words after the merge}. Some word has two tokens.
    """
    ### BEGIN SOLUTION
    total = {}
    for word, count in zip(words, counts, strict=True):
        for i in range(len(word) - 1):
            pair = (word[i], word[i + 1])
            total[pair] = total.get(pair, 0) + int(count)
    best = min(total, key=lambda pair: (-total[pair], pair))
    merged = []
    for word in words:
        new = []
        for token in word:
            open_left = new and new[-1] == (best[0], True)
            if open_left and token == best[1]:
                new[-1] = (best[0] + best[1], False)
            else:
                new.append((token, True))
        merged.append([token for token, _ in new])
    return {"pair": list(best), "words": merged}
    ### END SOLUTION


# %% checks="merge_step" points=2
@checks.exercise("merge_step")
def _(check):
    def count_pairs(words, counts):
        total = {}
        for word, count in zip(words, counts, strict=True):
            for pair in itertools.pairwise(word):
                total[pair] = total.get(pair, 0) + count
        return total

    def plain(value):
        return value.tolist() if isinstance(value, np.ndarray) else value

    def first(total):
        return min(total, key=lambda pair: (-total[pair], pair))

    def merged(word, a, b):
        new, i = [], 0
        while i < len(word):
            both = word[i : i + 2] == [a, b]
            new.append(a + b if both else word[i])
            i += 2 if both else 1
        return new

    fixed = [
        ([[*"low"], [*"lot"], [*"lo"], [*"new"], [*"ne"]], [1, 1, 1, 3, 2]),
        ([[*"xab"], [*"yab"], [*"xa"]], [3, 3, 2]),
        ([["a", "b"], ["b", "a"], ["b", "a"], ["c", "d"]], [1, 1, 1, 3]),
        ([["a", "a", "a"], ["b", "c"], ["b", "c"]], [2, 2, 1]),
        ([["x", "y"], ["p", "q"], ["p", "r"]], [2, 2, 1]),
        ([["a", "z"], ["a", "b"]], [1, 1]),
        ([["ab", "c"], ["a", "z"]], [1, 1]),
        ([["a", "a", "a"], ["a", "a", "a", "a"], ["b"]], [2, 1, 9]),
        ([["th", "e"], ["th", "e", "n"], ["t", "h", "e"]], [3, 2, 4]),
        ([["th", "e"], ["t", "he"]], [3, 1]),
        ([["a", "b"], ["b", "a"], ["c", "d"], []], [2, 1, 2, 7]),
    ]
    drawn = []
    for _ in range(4):
        words = [list("".join(check.rng.choice(list("abc"), 6))) for _ in range(5)]
        drawn.append((words, check.rng.integers(1, 9, 5).tolist()))
    for words, counts in fixed + drawn:
        found = check.ask("merge_step", words, counts)
        hint = 'Return a dict with exactly the entries "pair" and "words", and no others.'
        check.that(isinstance(found, dict) and {*found} == {"pair", "words"}, hint)
        total = count_pairs(words, counts)
        best = first(total)
        pair, new = plain(found["pair"]), plain(found["words"])
        new = [plain(word) for word in new] if isinstance(new, list) else new
        good = isinstance(pair, list) and len(pair) == 2 and all(type(t) is str for t in pair)
        check.that(good, "The pair is a list of two tokens, as strings: left and right.")
        pair, case = tuple(pair), f"(words {words}, counts {counts})"
        once = count_pairs(words, [1] * len(words))
        across = count_pairs([[token for word in words for token in word]], [1])
        sets = dict.fromkeys(total, 0)
        for word, count in zip(words, counts, strict=True):
            for neighbours in {*itertools.pairwise(word)}:
                sets[neighbours] += count
        hint = f"{list(pair)} never stand side by side within a word, and no pair spans two {case}."
        check.that(pair in total, hint)
        if pair != best:
            hint = (
                f"Another pair is more frequent than {list(pair)} {case}: count each word's pairs, "
            )
            hint += "from its first to its last."
            if total[pair] == total[best]:
                hint = f"Of equally frequent pairs take the first in alphabetical order {case}."
            elif once[pair] == max(once.values()) > once[best]:
                hint = f"Each word counts as often as it occurs: use counts {case}."
            elif sets[pair] == max(sets.values()) > sets[best]:
                hint = f"A pair may occur more than once in a word: count all {case}."
            elif across[pair] == max(across.values()) and across[pair] > once[pair]:
                hint = f"Pairs do not span words: count within each {case}."
            check.that(False, hint)
        right = [merged(word, *best) for word in words]
        fit = isinstance(new, list) and len(new) == len(words)
        fit = fit and all(isinstance(w, list) and all(type(t) is str for t in w) for w in new)
        check.that(fit, "words is a list of as many words, each a list of tokens (strings).")
        before, after = (["".join(w) for w in ws] for ws in (words, new))
        check.that(before == after, f"A merge must not lose or double a letter {case}.")
        check.that(new != words, f"The pair is found, but nothing is merged {case}.")
        for word, mine, theirs in zip(words, right, new, strict=True):
            hint = (
                f"{word} came out as {theirs}: merge every place where {best[0]!r} and {best[1]!r} "
            )
            check.equal(theirs, mine, hint + "are neighbours, and only these, from left to right.")


# %% [markdown]
# ### Exercise 4: routing to k experts (2 points)
#
# Section 6 left the routing to a layer. Do it yourself: each token chooses the $k$ experts with the
# highest scores; their weights are the softmax over *their* scores alone, all others get 0. And
# measure the balance, $E \sum_e f_e P_e$, where $f_e$ is the share of all choices (tokens times
# $k$) that fell on expert $e$, and $P_e$ the mean over the tokens of the softmax over *all* $E$
# scores. Scores may be in the hundreds.


# %% exercise="route"
def route(scores, k):
    """scores: (tokens, experts), no two of a token alike. k: experts chosen for each token.

    Returns {"weights": (tokens, experts), "balance": a number, 1 where all are used alike}.
    """
    ### BEGIN SOLUTION
    experts = scores.shape[1]
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    chosen = scores >= np.sort(scores, axis=1)[:, -k][:, None]
    weights = e * chosen / (e * chosen).sum(axis=1, keepdims=True)
    mean = (e / e.sum(axis=1, keepdims=True)).mean(axis=0)
    return {"weights": weights, "balance": experts * float((chosen.mean(axis=0) / k) @ mean)}
    ### END SOLUTION


# %% checks="route" points=2
@checks.exercise("route")
def _(check):
    def soft(t):
        e = np.exp(t - t.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    sizes = [(7, 5, 2, 2), (5, 6, 3, 2), (6, 4, 1, 2), (4, 3, 3, 2), (5, 4, 2, 300)]
    for tokens, experts, k, scale in sizes:
        scores = next(check.arrays((tokens, experts), scale=scale, count=1))
        case = f"({tokens} tokens, {experts} experts, k = {k})"
        found = check.ask("route", scores, k)
        hint = 'Return a dict with exactly the entries "weights" and "balance", and no others.'
        check.that(isinstance(found, dict) and {*found} == {"weights", "balance"}, hint)
        overflow = "exp overflowed: scores may be in the hundreds." if scale > 100 else ""
        w = check.array(found["weights"], hint=overflow)
        hint = "weights has a row for each token and a column for each expert."
        w = check.array(w, (tokens, experts), hint)
        order = np.argsort(-scores, axis=1)
        chosen = np.zeros((tokens, experts), bool)
        np.put_along_axis(chosen, order[:, :k], True, axis=1)
        full = soft(scores)
        last = np.zeros_like(chosen)
        np.put_along_axis(last, order[:, -k:], True, axis=1)
        for hint, wrong in {
            "Weights of the chosen must sum to 1: softmax over their scores alone": full * chosen,
            "All experts have weight: those not chosen get 0": full,
            "Those with the smallest scores were chosen": soft(np.where(last, scores, -np.inf)),
            "The chosen are weighted by softmax, not alike": chosen / k,
            "A score of 0 is not left out: exp(0) is 1": soft(np.where(chosen, scores, 0)),
        }.items():
            right = soft(np.where(chosen, scores, -np.inf))
            same = np.allclose(wrong, right, atol=1e-3)
            check.that(same or not np.allclose(w, wrong, atol=1e-3), f"{hint} {case}.")
        hint = f"The weights differ {case}: in each row the k largest scores, softmax over them."
        check.close(w, soft(np.where(chosen, scores, -np.inf)), hint, rtol=1e-3)
        balance = check.number(found["balance"], overflow or "balance is one number.")
        f, mean = chosen.mean(0) / k, full.mean(0)
        for hint, wrong in {
            "balance lacks the factor E, or a mean stands for the sum": f @ mean,
            "f counts choices: weights do not enter": experts * (w.mean(0) @ mean),
            "f is a share of all choices, of which there are tokens times k": experts
            * k
            * (f @ mean),
            "P is the mean softmax over all scores, before any is left out": experts
            * (f @ w.mean(0)),
            "balance multiplies f by P, not f by f": experts * (f @ f),
            "balance multiplies f by P, not P by P": experts * (mean @ mean),
        }.items():
            same = abs(wrong - experts * (f @ mean)) < 1e-3
            check.that(same or abs(balance - wrong) > 1e-4, f"{hint} {case}.")
        hint = f"balance differs {case}: E times the sum of f times P over the experts."
        check.close(balance, experts * (f @ mean), hint, rtol=1e-3)


# %% [markdown]
# ### Going further (no points)
#
# Write the addition with both numbers reversed: does it learn faster? Add "I do not know" as the
# answer for some invented countries: does the tuned GPT then say it for *other* invented ones, and
# does it begin to doubt real ones? Take the waves out of the translator: which formats survive?
