"""Progress bars on stderr that leave one line behind, for `fit` and for any loop."""

import contextlib
import sys
import time

from dlutils.callbacks.cells import at_cell_end, forget_cell_end


class Progress:
    """One tqdm bar for a whole `fit`, or for `fits` of them, on stderr; one line stays.

    label: what stands before the bar. fits: how many `fit` calls the bar is for. It counts
    batches, shows epoch and loss, and prints nothing on stdout. What stays says how long training
    took and the last loss, "CNN: 8 epochs, 12 s, loss 0.03", or where it broke off. The bar goes
    when the last fit ends, when the notebook cell ends (however it ends), at the end of a `with`
    block, or by `close()`. Raises ValueError where fits is no whole number of at least 1.

    Example:
        model.fit(x, y, epochs=8, verbose=0, callbacks=[callbacks.Progress("CNN")])

    >>> from dlutils import callbacks
    >>> callbacks.Progress("five seeds", fits=5).label
    'five seeds'
    """

    def __init__(self, label="training", fits=1):
        super().__init__()
        if isinstance(fits, bool) or not isinstance(fits, int) or fits < 1:
            raise ValueError(
                f"fits is {fits!r}, but a whole number of at least 1 is expected: how many calls "
                "of fit this one bar is for."
            )
        self.label, self.fits = label, fits
        self.bar = None

    def on_train_begin(self, logs=None):
        if self.bar is not None and self._fit == self.fits:
            self.close()  # the fit before was interrupted
        if self.bar is None:
            self._fit = self._epochs = self._before = 0
            self._begin, self._loss = time.perf_counter(), None
        else:
            self._before = self.bar.n
        self._fit, self._first, self._seen, self._running = self._fit + 1, None, 0, True
        forget_cell_end(self.close)
        at_cell_end(self.close)

    def on_epoch_begin(self, epoch, logs=None):
        self._seen = 0
        self._first = epoch if self._first is None else self._first
        self._epoch = epoch + 1
        steps = self.params.get("steps")
        if self.bar is None:
            self.bar = _bar(self.label, "batch", self._total(steps))
        self._resize(steps)
        self._say()

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update(batch + 1 - self._seen)  # one call may stand for several steps
        self._seen = batch + 1

    def on_epoch_end(self, epoch, logs=None):
        self._epochs += 1
        self._loss = (logs or {}).get("loss")
        self._resize(self._seen)  # the truth, where Keras could not tell beforehand
        self._say(self._loss)

    def on_train_end(self, logs=None):
        self._running = False
        if self._fit == self.fits:
            self.close()

    def close(self):
        """Put one line in the bar's place; without a bar, do nothing."""
        bar, self.bar = self.bar, None
        if bar is not None:
            _finish(bar, self._line())
        forget_cell_end(self.close)

    def _line(self):
        took = duration(time.perf_counter() - self._begin)
        several = self.fits > 1
        if self._running:
            fit = f"fit {self._fit} of {self.fits}, " if several else ""
            epochs = self.params["epochs"]
            return f"{self.label}: stopped in {fit}epoch {self._epoch} of {epochs} after {took}"
        done = f"{self._fit} of {self.fits}" if self._fit < self.fits else f"{self.fits}"
        fits = f"{done} fits, " if several else ""
        epochs = f"{self._epochs} epoch{'s' if self._epochs != 1 else ''}"
        return f"{self.label}: {fits}{epochs}, {took}{_shown(self._loss, several)}"

    def _total(self, steps):
        epochs = self.params["epochs"] - self._first
        return self._before + steps * epochs * (self.fits - self._fit + 1) if steps else None

    def _resize(self, steps):
        self.bar.total = self._total(steps) or self.bar.total

    def _say(self, loss=None):
        fit = f"fit {self._fit}/{self.fits}, " if self.fits > 1 else ""
        epoch = f"{fit}epoch {self._epoch}/{self.params['epochs']}"
        self.bar.set_postfix_str(epoch + _shown(loss), refresh=False)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __del__(self):
        if getattr(self, "bar", None) is not None:
            with contextlib.suppress(Exception):  # Python itself may be ending
                self.close()


def progress(iterable, label="work", total=None):
    """Go through `iterable` with a bar on stderr, of which one line stays.

    label: what stands before the bar. total: number of steps, where `len(iterable)` cannot tell.
    A loop that is left early, by `break` or an error, leaves a line that says after how many
    steps. Raises TypeError for what cannot be gone through.

    >>> from dlutils import callbacks
    >>> [width * width for width in callbacks.progress((4, 8, 16), "widths")]
    [16, 64, 256]
    """
    if not hasattr(iterable, "__iter__"):
        raise TypeError(f"progress was given {iterable!r}, but something to loop over is expected.")
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    return _steps(iterable, label, total)


def _steps(iterable, label, total):
    bar, begin = _bar(label, "step", total), time.perf_counter()

    def close(finished=False):
        took = duration(time.perf_counter() - begin)
        of = f" of {total}" if total is not None else ""
        steps = f"{bar.n} step{'s' if bar.n != 1 else ''}"
        line = f"{steps}, {took}" if finished else f"stopped after {bar.n}{of} steps, {took}"
        _finish(bar, f"{label}: {line}")
        forget_cell_end(close)

    at_cell_end(close)
    finished = False
    try:
        for item in iterable:
            yield item
            bar.update()
        finished = True
    finally:
        close(finished)


def duration(seconds):
    """Seconds in words: "3.2 s", "48 s", "3 min 20 s".

    >>> duration(3.21), duration(48.2), duration(200)
    ('3.2 s', '48 s', '3 min 20 s')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes > 1 else f"{round(seconds)} s"


def _bar(label, unit, total=None):
    from tqdm import tqdm  # plain text: it needs no widgets, in Jupyter and Colab neither

    options = {"file": sys.stderr, "leave": False, "mininterval": 0.5, "unit": unit}
    return tqdm(desc=label, total=total, **options)


def _finish(bar, line):
    """Take a bar away and write a line in its place; if it is gone already, do nothing."""
    if not bar.disable:  # which tqdm sets on closing
        bar.close()
        bar.write(line, file=bar.fp)


def _shown(loss, several=False):
    return "" if loss is None else f", {'last ' if several else ''}loss {float(loss):.3g}"
