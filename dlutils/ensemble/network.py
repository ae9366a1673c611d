"""All members as one Keras model: each weight array has the members as its first axis."""

import functools

import numpy as np


def groups(kinds):
    """Which members share a kind: dict kind -> int array of members."""
    return {kind: np.flatnonzero([k == kind for k in kinds]) for kind in dict.fromkeys(kinds)}


@functools.cache
def model_class():
    """The Keras model class, made when first needed: a lesson chooses the backend before."""
    import keras
    from keras import ops

    class Totals(keras.metrics.Metric):
        """A mean over examples for each member."""

        def __init__(self, members, name):
            super().__init__(name=name)
            self.total = self.add_variable((members,), "zeros", name="total")
            self.examples = self.add_variable((), "zeros", name="examples")

        def update_state(self, means, examples):
            self.total.assign_add(means * ops.cast(examples, "float32"))
            self.examples.assign_add(ops.cast(examples, "float32"))

        def result(self):
            return self.total / ops.maximum(self.examples, 1.0)

    class Network(keras.Model):
        """Members side by side: (batch, members or 1, inputs) -> (batch, members, outputs)."""

        def __init__(self, settings, starts, classes):
            super().__init__(name="members")
            self.classes = classes
            self.norms = groups([s.norm for s in settings])
            self.activations = groups([s.activation for s in settings])
            self.penalties = {key: _column(settings, key) for key in ("l1", "l2")}
            self.rates = _column(settings, "dropout")
            self.owners = []  # of each weight array, in the order of add: (variable, members)
            self.blocks = self._blocks(settings, starts)
            seeds = np.random.SeedSequence([s.seed for s in settings])
            self.noise = keras.random.SeedGenerator(int(seeds.generate_state(1)[0] >> 1))
            self.losses_seen = Totals(len(settings), "losses")
            self.hits_seen = Totals(len(settings), "accuracies")
            self.built = True

        def _blocks(self, settings, starts):
            """Variables by layer: what each holds, and the positions of a member's arrays."""
            self.places = [[] for _ in settings]
            left, blocks = [list(arrays) for arrays in starts], []
            while left[0]:
                every = np.arange(len(settings))
                block = {"kernel": self._add(left, every), "bias": self._add(left, every)}
                for norm, members in self.norms.items() if left[0] else ():
                    parts = {None: 0, "layer": 2, "batch": 4}[norm]
                    block[norm or "none"] = [self._add(left, members, i < 2) for i in range(parts)]
                blocks.append(block)
            return blocks

        def _add(self, left, members, trainable=True):
            stacked = np.stack([left[member].pop(0) for member in members])
            variable = self.add_weight(shape=stacked.shape, trainable=trainable)
            variable.assign(stacked)
            for i, member in enumerate(members):
                self.places[member].append((len(self.owners), i))
            self.owners.append((variable, members))
            return variable

        def call(self, x, training=False):
            x = ops.transpose(x, (1, 0, 2))  # a matrix product for each member
            for block in self.blocks[:-1]:
                x = _dense(x, block)
                x = _each(self.norms, x, functools.partial(_normed, block, training))
                x = _each(self.activations, x, lambda name, part: keras.activations.get(name)(part))
                x = self._dropped(x) if training and self.rates.any() else x
            return ops.transpose(_dense(x, self.blocks[-1]), (1, 0, 2))

        def _dropped(self, x):
            """Inverted dropout (Srivastava et al. 2014), each member at its own rate."""
            rates = self.rates[:, None, None]
            kept = keras.random.uniform(ops.shape(x), seed=self.noise) >= rates
            return ops.where(kept, x / (1 - rates), 0.0)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            losses = self._losses_of(y, y_pred)
            self.losses_seen.update_state(losses, ops.shape(y_pred)[0])
            if self.classes:
                guesses = ops.cast(ops.argmax(y_pred, -1), "int32")
                hits = ops.cast(ops.equal(guesses, ops.cast(y, "int32")), "float32")
                self.hits_seen.update_state(ops.mean(hits, 0), ops.shape(y_pred)[0])
            # A sum, so that no member's gradient depends on another, not even on a NaN.
            return ops.sum(losses + self._penalty())

        def _losses_of(self, y, y_pred):
            if self.classes:
                each = keras.losses.sparse_categorical_crossentropy(y, y_pred, from_logits=True)
                return ops.mean(each, 0)
            return ops.mean(ops.square(y - y_pred), (0, 2))

        def _penalty(self):
            kernels, total = [block["kernel"] for block in self.blocks], 0.0
            for key, norm in (("l1", ops.abs), ("l2", ops.square)):
                if self.penalties[key].any():
                    total += self.penalties[key] * sum(ops.sum(norm(w), (1, 2)) for w in kernels)
            return total

    return Network


def _column(settings, key):
    return np.array([getattr(setting, key) for setting in settings], "float32")


def _dense(x, block):
    from keras import ops

    return ops.matmul(x, block["kernel"]) + block["bias"][:, None, :]


def _each(groups, x, function):
    """`function(kind, x of its members)` for every kind, the members back in their order."""
    from keras import ops

    if len(groups) == 1:
        return function(next(iter(groups)), x)
    # Split, not computed for all and masked: 0 × infinity in a branch not taken would be NaN.
    parts = [function(kind, ops.take(x, members, axis=0)) for kind, members in groups.items()]
    back = np.argsort(np.concatenate(list(groups.values())))
    return ops.take(ops.concatenate(parts, axis=0), back, axis=0)


def _normed(block, training, norm, x, momentum=0.99, epsilon=1e-3):
    """Normalise x (members, batch, units) as Keras's layers do, with their default values."""
    from keras import ops

    if norm is None:
        return x
    scale, offset, *moving = block[norm]
    if norm == "layer":
        mean, variance = ops.moments(x, -1, keepdims=True)
    elif training:
        mean, variance = ops.moments(x, 1, keepdims=True)
        for old, new in zip(moving, (mean, variance), strict=True):
            old.assign(old * momentum + new[:, 0] * (1 - momentum))
    else:
        mean, variance = (old[:, None, :] for old in moving)
    factor = ops.rsqrt(variance + epsilon) * scale[:, None, :]
    return (x - mean) * factor + offset[:, None, :]
