"""How long a `fit` took."""

import math
import time


class Timer:
    """How long a `fit` took: `seconds`, `seconds_per_epoch`, `steps_per_second`.

    `seconds` is the whole of the last `fit`. The other two leave out its first epoch, which also
    compiles, where there are more: `seconds_per_epoch` with validation, `steps_per_second` the
    training batches alone. Reading one before a batch has run raises RuntimeError.

    Example:
        timer = callbacks.Timer()
        model.fit(x, y, epochs=3, verbose=0, callbacks=[timer])
        timer.seconds_per_epoch

    >>> from dlutils import callbacks
    >>> callbacks.Timer().seconds
    Traceback (most recent call last):
    RuntimeError: This Timer has seen no whole epoch, so it has nothing to tell: pass it to \
fit(..., callbacks=[timer]) first.
    """

    def __init__(self):
        super().__init__()
        self._epochs = []

    def on_train_begin(self, logs=None):
        self._epochs = []  # (seconds, seconds of training, training batches)
        self._begin = self._end = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_begin = self._trained = time.perf_counter()
        self._steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self._trained = self._end = time.perf_counter()
        self._steps = batch + 1

    def on_epoch_end(self, epoch, logs=None):
        self._end = time.perf_counter()
        begin = self._epoch_begin
        self._epochs.append((self._end - begin, self._trained - begin, self._steps))

    def on_train_end(self, logs=None):
        self._end = time.perf_counter()

    @property
    def seconds(self):
        """Seconds from the start of the last `fit` to its end, or to where it broke off."""
        self._timed()
        return self._end - self._begin

    @property
    def seconds_per_epoch(self):
        """Mean seconds of an epoch, validation included."""
        epochs = self._timed()
        return math.fsum(epoch[0] for epoch in epochs) / len(epochs)

    @property
    def steps_per_second(self):
        """Training batches per second, validation left out."""
        epochs = self._timed()
        return sum(epoch[2] for epoch in epochs) / math.fsum(epoch[1] for epoch in epochs)

    def _timed(self):
        if not self._epochs:
            raise RuntimeError(
                "This Timer has seen no whole epoch, so it has nothing to tell: pass it to "
                "fit(..., callbacks=[timer]) first."
            )
        return self._epochs[1:] or self._epochs
