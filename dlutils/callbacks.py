"""Keras callbacks: one quiet progress bar for a whole `fit`, and how long it took.

The classes are made when they are first asked for, since their base class is Keras's and this
module must not import Keras before a lesson has chosen its backend.
"""

import math
import sys
import time


class _Progress:
    """One tqdm bar for a whole `fit`, on stderr, gone when training ends.

    label: what stands before the bar. It counts batches, shows epoch and loss, and prints nothing
    on stdout. It closes when training ends, when the notebook cell ends (however it ends), at the
    end of a `with` block, or by `close()`.

    Example:
        model.fit(x, y, epochs=8, verbose=0, callbacks=[callbacks.Progress("CNN")])
    """

    def __init__(self, label="training"):
        super().__init__()
        self.label = label
        self.bar = None

    def on_train_begin(self, logs=None):
        self.close()
        self._first, self._per_epoch = None, None
        _at_cell_end(self.close)

    def on_epoch_begin(self, epoch, logs=None):
        from tqdm import tqdm

        self._seen = 0
        if self.bar is None:
            self._first = epoch
            self.bar = tqdm(
                desc=self.label, file=sys.stderr, leave=False, mininterval=0.5, unit="batch"
            )
            self._resize(self.params.get("steps"))
        self._say(epoch)

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update(batch + 1 - self._seen)  # one call may stand for several steps
        self._seen = batch + 1

    def on_epoch_end(self, epoch, logs=None):
        self._resize(self._seen)  # the truth, where Keras could not tell beforehand
        self._say(epoch, (logs or {}).get("loss"))

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Take the bar away; without a bar, do nothing."""
        bar, self.bar = self.bar, None
        if bar is not None:
            bar.close()
        _forget_cell_end(self.close)

    def _resize(self, steps):
        if steps:
            self.bar.total = steps * (self.params["epochs"] - self._first)

    def _say(self, epoch, loss=None):
        loss = "" if loss is None else f", loss {float(loss):.3g}"
        self.bar.set_postfix_str(f"epoch {epoch + 1}/{self.params['epochs']}{loss}", refresh=False)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __del__(self):
        if getattr(self, "bar", None) is not None:
            self.close()


class _Timer:
    """How long a `fit` took: `seconds`, `seconds_per_epoch`, `steps_per_second`.

    `seconds` is the whole of the last `fit`. The other two leave out its first epoch, which also
    compiles, where there are more: `seconds_per_epoch` with validation, `steps_per_second` the
    training batches alone. Reading one before a batch has run raises RuntimeError.

    Example:
        timer = callbacks.Timer()
        model.fit(x, y, epochs=3, verbose=0, callbacks=[timer])
        timer.seconds_per_epoch
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


_KINDS = {"Progress": _Progress, "Timer": _Timer}
__all__ = ["Progress", "Timer"]  # noqa: F822 (made by __getattr__)


def __getattr__(name):
    if name not in _KINDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import keras

    kind = _KINDS[name]
    body = {"__doc__": kind.__doc__, "__module__": __name__}
    made = globals()[name] = type(name, (kind, keras.callbacks.Callback), body)
    return made


def _cell_events():
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None
    return getattr(shell, "events", None)


def _at_cell_end(function):
    # Keras tells callbacks nothing when `fit` raises or is interrupted; the end of the cell is the
    # first moment at which the bar can go.
    if events := _cell_events():
        events.register("post_execute", function)


def _forget_cell_end(function):
    events = _cell_events()
    if events and function in events.callbacks["post_execute"]:
        events.unregister("post_execute", function)
