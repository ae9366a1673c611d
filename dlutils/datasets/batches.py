"""`batches`: what `fit` takes, with the same batches in the same order on every backend."""

import functools
import math
import numbers
from collections.abc import Mapping

import numpy as np

LIMITS = {"batch": (1, 2**31 - 1), "seed": (0, 2**32 - 1)}


def batches(x, y=None, batch=32, seed=0, augment=None, shuffle=True, drop_last=False):
    """Batches of examples for `fit`, shuffled anew each epoch, equal on all backends and machines.

    x, y: arrays of n examples each, or dicts or tuples of such arrays; y may be missing. They are
    kept as they are, once, so uint8 pictures stay uint8 until `augment` makes floats of a batch.
    batch: examples a batch; the last of an epoch holds the rest, or is left out with `drop_last`.
    augment: function (examples of a batch, generator) -> examples, in NumPy, with a
    `numpy.random.Generator` that depends on seed, epoch and batch alone; it must keep their number,
    sees the structure of x, and may write into what it gets. TensorFlow runs it in the background.

    Returns a `keras.utils.PyDataset`. Its length is the batches of an epoch, `epoch` the number of
    the next one, from 0. Every `fit`, `evaluate` and `for` loop over it goes on with that epoch,
    so two fits of one epoch see what one fit of two epochs does; set `epoch = 0` to start over. An
    epoch that breaks off counts. A loop gives NumPy arrays, (x, y) or x alone. Use one at a time.
    The order is a stable sort by raw PCG64 numbers of (seed, epoch), whatever `fit(shuffle=…)`
    says. Raises TypeError or ValueError for lengths that differ, no examples, or bad options.

    >>> from dlutils import datasets
    >>> x, y = np.arange(5), np.arange(5) ** 2
    >>> for xb, yb in datasets.batches(x, y, batch=2, seed=1):
    ...     print(xb, yb)
    [2 4] [ 4 16]
    [0 3] [0 9]
    [1] [1]
    """
    n = _count(x, y)
    for option, value in {"batch": batch, "seed": seed}.items():
        _require_int(option, value)
    for option, flag in {"shuffle": shuffle, "drop_last": drop_last}.items():
        if not isinstance(flag, bool | np.bool_):
            raise TypeError(
                f"batches: {option} is {flag!r}, but it is a yes-or-no question; give True or "
                "False."
            )
    if drop_last and batch > n:
        raise ValueError(
            f"batches: batch is {batch}, but there are {n} examples, so with drop_last no batch "
            "would be left; choose a smaller batch."
        )
    if augment is not None and not callable(augment):
        raise TypeError(
            f"batches: augment is {augment!r}, which cannot be called; give a function of the "
            "examples of a batch and a generator."
        )
    data = tuple(None if part is None else _mapped(np.asarray, part) for part in (x, y))
    return _class()(data, n, int(batch), int(seed), augment, bool(shuffle), bool(drop_last))


class _Batches:
    """The batches of one epoch after another; see `batches`.

    x, y: the data. epoch: number of the next epoch, from 0, to be set as you like.
    """

    def __init__(self, data, n, batch, seed, augment, shuffle, drop_last):
        super().__init__()
        self.x, self.y = data
        self.epoch = 0
        self._n, self._batch, self._seed = n, batch, seed
        self._augment, self._shuffle = augment, shuffle
        self._length = n // batch if drop_last else math.ceil(n / batch)
        self._order = None, None  # epoch, indices
        self._looking, self._position, self._now = True, 0, 0
        self.batch_of(0, 0)  # what `augment` cannot do, it shall say here

    def __len__(self):
        return self._length

    def __iter__(self):
        epoch, self.epoch = self.epoch, self.epoch + 1
        for index in range(len(self)):
            found = self.batch_of(epoch, index)
            yield found if len(found) == 2 else found[0]

    def batch_of(self, epoch, index):
        """A batch of any epoch, (x, y) or (x,), which changes nothing and counts as none."""
        rows = self._rows(epoch)[index * self._batch : (index + 1) * self._batch]
        x = _taken(self.x, rows)
        if self._augment:
            rng = np.random.Generator(np.random.PCG64([self._seed, epoch, 1 + index]))
            x = self._augment(x, rng)
            _require_kept(x, len(rows))
        return (x,) if self.y is None else (x, _taken(self.y, rows))

    def _rows(self, epoch):
        """The order of an epoch's examples."""
        if not self._shuffle:
            return np.arange(self._n)
        known, order = self._order
        if known != epoch:
            bits = np.random.PCG64([self._seed, epoch]).random_raw(self._n)
            order = np.argsort(bits, kind="stable")
            self._order = epoch, order
        return order

    def dataset(self):
        """The same batches as a `tf.data.Dataset`, which is faster for large sets on TensorFlow.

        The arrays are copied into TensorFlow once, batches are cut and fetched ahead by its own
        threads (`augment` runs there too), and every pass over it counts as an epoch, as above.
        Give it to `fit(..., shuffle=False)`: Keras warns otherwise that it shuffles nothing.
        Raises ModuleNotFoundError without TensorFlow.

        >>> ordered = batches(np.arange(5), batch=2, shuffle=False)
        >>> [x.tolist() for x in ordered.dataset().as_numpy_iterator()]
        [[0, 1], [2, 3], [4]]
        """
        try:
            import tensorflow as tf
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "batches.dataset needs TensorFlow, which is not installed here: give the batches "
                "themselves to fit, which takes them on every backend.",
                name="tensorflow",
            ) from None
        with tf.device("CPU"):
            made = self._augmented(tf) if self._augment else self._gathered(tf)
        made = made.apply(tf.data.experimental.assert_cardinality(len(self)))
        return made.prefetch(tf.data.AUTOTUNE)

    def _gathered(self, tf):
        """Batches that TensorFlow cuts by itself from an order that we give once an epoch."""
        data = tf.nest.map_structure(tf.constant, self._example())

        def order():
            epoch, self.epoch = self.epoch, self.epoch + 1
            yield self._rows(epoch)[: len(self) * self._batch]

        orders = tf.data.Dataset.from_generator(
            order, output_signature=tf.TensorSpec([None], "int64")
        )
        rows = orders.flat_map(lambda o: tf.data.Dataset.from_tensor_slices(o).batch(self._batch))
        take = functools.partial(tf.nest.map_structure, tf.gather)
        return rows.map(lambda r: take(data, tf.nest.map_structure(lambda _: r, data)))

    def _augmented(self, tf):
        first = self.batch_of(0, 0)
        first = first if len(first) == 2 else first[0]
        spec = tf.nest.map_structure(lambda a: tf.TensorSpec([None, *a.shape[1:]], a.dtype), first)
        return tf.data.Dataset.from_generator(self.__iter__, output_signature=spec)

    def _example(self):
        return self.x if self.y is None else (self.x, self.y)

    # What Keras calls. Before a training it looks at some batches for their shapes, more or fewer
    # on each backend; then it asks for one after another, by indices that it shuffles itself.

    @property
    def workers(self):
        """One thread. Keras asks for it at the start of each `fit`, and then looks at shapes."""
        self._looking, self._position = True, 0
        return 1

    def on_epoch_end(self):
        """Count from here on: Keras calls this, too, when it has seen the shapes."""
        self._looking = False

    def __getitem__(self, index):
        """The next batch in order, whatever the index; see `batch_of` for any."""
        if self._looking:
            return self.batch_of(self.epoch, index)
        if self._position == 0:
            self._now, self.epoch = self.epoch, self.epoch + 1
        found = self.batch_of(self._now, self._position)
        self._position = (self._position + 1) % len(self)
        return found


@functools.cache
def _class():
    """`Batches`, made when it is needed: its base is Keras's, whose backend a lesson chooses."""
    import keras

    body = {"__doc__": _Batches.__doc__, "__module__": __name__}
    return type("Batches", (_Batches, keras.utils.PyDataset), body)


def _leaves(name, data):
    """(name, array) of each array in dicts and tuples."""
    if isinstance(data, Mapping | tuple):
        items = data.items() if isinstance(data, Mapping) else enumerate(data)
        for key, part in items:
            yield from _leaves(f"{name}[{key!r}]", part)
    elif data is not None:
        yield name, data


def _mapped(function, data):
    if isinstance(data, Mapping):
        return {key: _mapped(function, part) for key, part in data.items()}
    if isinstance(data, tuple):
        return tuple(_mapped(function, part) for part in data)
    return function(data)


def _taken(data, rows):
    return _mapped(lambda a: a[rows], data)


def _count(x, y):
    """The number of examples. Raises TypeError and ValueError."""
    counts = {}
    for name, part in [*_leaves("x", x), *_leaves("y", y)]:
        shape = getattr(part, "shape", None)
        if shape is None or len(shape) == 0:
            raise TypeError(
                f"batches: {name} is a {type(part).__name__}, but an array with one row for each "
                f"example is expected; convert it, as in np.asarray({name})."
            )
        counts[name] = int(shape[0])
    if not any(name.startswith("x") for name in counts):
        raise TypeError(f"batches: x is {x!r} and holds no array; give the examples as one.")
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise ValueError(
            f"batches: the numbers of examples differ ({found}), so they do not belong together; "
            "give one row of each for every example."
        )
    count = next(iter(counts.values()))
    if count == 0:
        raise ValueError("batches: x holds no examples, so there is no batch; give at least one.")
    return count


def _require_int(option, value):
    low, high = LIMITS[option]
    is_int = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_int or not low <= value <= high:
        raise ValueError(
            f"batches: {option} is {value!r}, but an integer from {low} to {high} is expected."
        )


def _require_kept(x, count):
    """Refuse what `augment` returned unless it holds `count` examples."""
    for name, part in list(_leaves("x", x)) or [("x", x)]:
        shape = getattr(part, "shape", ())
        if not isinstance(part, np.ndarray) or shape[:1] != (count,):
            found = f"shape {shape}" if isinstance(part, np.ndarray) else type(part).__name__
            raise ValueError(
                f"batches: augment returned {found} for {name}, but a batch of {count} examples "
                "went in; return one changed example for each, as a NumPy array."
            )
