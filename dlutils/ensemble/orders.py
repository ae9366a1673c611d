"""In which order a member sees its examples, and what each batch of all members holds."""

import functools

import numpy as np


def order(seed, epoch, count):
    """The order in which the member with this seed sees its `count` examples in an epoch.

    seed, epoch: whole numbers from 0; epochs are counted over all fits of an `MLPs`. Returns int64
    (count,), a permutation of 0 … count - 1, the same on every backend.

    >>> sorted(order(seed=3, epoch=0, count=5).tolist())
    [0, 1, 2, 3, 4]
    """
    return np.random.default_rng((seed, epoch)).permutation(count)


class Batches:
    """The batches of one epoch after another, every member with its own examples in its own order.

    x: (n, …) for all members or (members, n, …). y: (n, …) or (members, n, …), where `own` says
    for each of the two whether the member's axis is there. rows: (members, k), which of the n
    examples each member learns from, or None for all. augment: function (examples, generator) ->
    examples, or None.
    """

    def __init__(self, seeds, x, y, own, rows, batch_size, augment):
        self.seeds, self.x, self.y, self.own = seeds, x, y, own
        self.rows, self.batch_size, self.augment = rows, batch_size, augment
        self.examples = rows.shape[1] if rows is not None else x.shape[1 if own[0] else 0]
        self.members = np.arange(len(seeds))

    def begin(self, epoch):
        """Shuffle, and change the examples, for an epoch."""
        picks = np.stack([order(seed, epoch, self.examples) for seed in self.seeds])
        self.picks = picks if self.rows is None else np.take_along_axis(self.rows, picks, axis=1)
        if self.augment:
            changed = [self._changed(member, epoch) for member in self.members]
            self.changed = np.stack(changed)  # (members, k, inputs), in the order of this epoch

    def __len__(self):
        return -(-self.examples // self.batch_size)

    def __getitem__(self, index):
        """A batch: x (batch, members, inputs) and y (batch, members, …)."""
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        picks = self.picks[:, part].T
        if self.augment:
            x = self.changed[:, part].swapaxes(0, 1)
        else:
            x = self._taken(self.x, self.own[0], picks).reshape(*picks.shape, -1)
        return np.ascontiguousarray(x), self._taken(self.y, self.own[1], picks)

    def _taken(self, table, own, picks):
        return table[self.members, picks] if own else table[picks]

    def _changed(self, member, epoch):
        examples = (self.x[member] if self.own[0] else self.x)[self.picks[member]]
        rng = np.random.default_rng((self.seeds[member], epoch, 1))
        changed = np.asarray(self.augment(examples, rng), "float32")
        if changed.shape != examples.shape:
            raise ValueError(
                f"augment returned shape {changed.shape} for examples of shape {examples.shape}, "
                "but it must keep the shape: return one changed example for each given."
            )
        return changed.reshape(len(changed), -1)


@functools.cache
def dataset_class():
    """The Keras class that hands `Batches` to `fit`."""
    import keras

    class Dataset(keras.utils.PyDataset):
        def __init__(self, batches):
            super().__init__()
            self.batches = batches
            batches.begin(0)  # Keras looks at a batch for its shapes before the first epoch

        def __len__(self):
            return len(self.batches)

        def __getitem__(self, index):
            return self.batches[index]

    return Dataset
