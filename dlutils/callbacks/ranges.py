"""Learning-rate range test: which rates a model learns at, found in one short training."""

import math

import numpy as np

from dlutils.callbacks.cells import at_cell_end, forget_cell_end

SMOOTHING = 0.9  # share of the past in the smoothed loss
BLOWN = 4  # times the lowest smoothed loss, at which the test ends


class RangeTest:
    """Raise the learning rate from batch to batch, and watch the loss (Smith 2017, 1506.01186).

    lowest, highest: first and last rate; each batch's is a constant factor above the one before.
    steps: number of batches, or None for all those of the `fit`. The test stops early when the
    smoothed loss exceeds four times its lowest value or is no number, and afterwards gives model
    and optimizer the state they had before. The loss must be one that is never negative.

    `rates`, `losses`: float64 (batches,), the rate and the smoothed loss (exponential mean of
    decay 0.9, corrected for its start as Adam's) of each. `suggestion`: a tenth of the rate with
    the lowest smoothed loss, a safety margin, since at that rate the loss stops falling; raises
    RuntimeError where there is none. Raises ValueError for rates or steps that cannot be, and at
    the start of the `fit` for an optimizer with a schedule or a model without weights yet.

    Example:
        test = callbacks.RangeTest(1e-5, 1)
        model.fit(x, y, epochs=3, verbose=0, callbacks=[test])
        test.suggestion

    >>> import keras, numpy as np
    >>> from dlutils import callbacks
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> test = callbacks.RangeTest(0.001, 100, steps=40)
    >>> _ = model.fit(np.ones(40), np.full(40, 3.0), batch_size=1, verbose=0, callbacks=[test])
    >>> 0.001 < test.suggestion < 1, len(test.rates) < 40, float(model.optimizer.iterations) == 0
    (True, True, True)
    """

    def __init__(self, lowest=1e-6, highest=1.0, steps=None):
        super().__init__()
        from dlutils.plotting import valid

        self.lowest = valid.number("lowest", lowest, 0)
        self.highest = valid.number("highest", highest, 0)
        if not (self.lowest and self.highest and self.lowest < self.highest):
            raise ValueError(
                f"lowest is {lowest!r} and highest {highest!r}, but the rate rises from one to "
                "the other: give 0 < lowest < highest."
            )
        self.steps = None if steps is None else valid.count("steps", steps, 2)
        self._saved = ()
        self._clear()

    def _clear(self):
        self._rates, self._losses, self._mean = [], [], 0.0

    @property
    def rates(self):
        """The learning rate of each batch, float64 (batches,)."""
        return np.array(self._rates)

    @property
    def losses(self):
        """The smoothed loss at each batch, float64 (batches,)."""
        return np.array(self._losses)

    @property
    def suggestion(self):
        """A tenth of the rate at which the smoothed loss was lowest."""
        if len(self._losses) < 2 or np.argmin(self._losses) == 0:
            raise RuntimeError(
                "This RangeTest has seen no falling loss, so it can suggest no rate: pass it to "
                f"fit(..., callbacks=[test]) first, or start lower than lowest={self.lowest:g}."
            )
        return self._rates[int(np.argmin(self._losses))] / 10

    def on_train_begin(self, logs=None):
        self.restore()  # in case the fit before was interrupted
        self._clear()
        self._check()
        optimizer = self.model.optimizer
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        state = [*self.model.variables, *optimizer.variables]
        self._saved = [(variable, _copy(variable)) for variable in state]
        at_cell_end(self.restore)

    def on_train_batch_begin(self, batch, logs=None):
        sync(self.model)
        self.model.reset_metrics()  # so that the loss is this batch's, not the epoch's mean
        share = len(self._rates) / (self._count - 1)
        self._now = self.lowest * (self.highest / self.lowest) ** share
        self.model.optimizer.learning_rate = self._now

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        self._mean = SMOOTHING * self._mean + (1 - SMOOTHING) * loss
        smoothed = self._mean / (1 - SMOOTHING ** (len(self._rates) + 1))
        if math.isfinite(loss):
            self._rates.append(self._now)
            self._losses.append(smoothed)
        blown = not math.isfinite(loss) or smoothed > BLOWN * min(self._losses)
        self.model.stop_training |= blown or len(self._rates) >= self._count

    def on_train_end(self, logs=None):
        self.restore()

    def restore(self):
        """Undo the test, which its end does by itself; call it after an interrupted one."""
        for variable, value in self._saved:
            variable.assign(value)
        self._saved = ()
        forget_cell_end(self.restore)

    def _check(self):
        import keras

        if not isinstance(self.model.optimizer.learning_rate, keras.Variable):
            raise ValueError(
                "RangeTest sets the learning rate itself, but this model's optimizer follows a "
                "schedule: compile the model with a number as learning_rate for the test."
            )
        if not self.model.built:
            raise ValueError(
                "RangeTest gives the model its weights back afterwards, but this model has none "
                "yet: begin it with keras.Input, or call it once, before fit."
            )
        all_steps = (self.params.get("steps") or 0) * self.params["epochs"]
        self._count = self.steps or all_steps
        if self._count < 2:
            raise ValueError(
                f"RangeTest can see {all_steps or 'no number of'} batches in this fit, but it "
                "needs at least 2: say how many with steps=, or train for longer."
            )


def sync(model):
    """Bring a model's variables up to date within an epoch, which JAX's trainer keeps outside."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def _copy(variable):
    from keras import ops

    return np.array(ops.convert_to_numpy(variable))
