"""What is kept of a fit: every member's curves, and its best weights under early stopping."""

import functools

import numpy as np


class Stopping:
    """Early stopping, for every member on its own, as keras.callbacks.EarlyStopping does it.

    A member whose validation loss has not fallen for `patience` epochs keeps the weights of its
    best epoch, whatever it reaches while others go on.
    """

    def __init__(self, members, patience):
        self.patience = patience
        self.lowest = np.full(members, np.inf)
        self.best = np.zeros(members, "int64")  # a member that never gets below infinity: epoch 0
        self.stopped = np.full(members, -1)
        self.saved = None

    def see(self, epoch, losses, owners):
        """Take an epoch's validation losses (members,); return whether all have stopped."""
        running = self.stopped < 0
        better = running & (losses < self.lowest)
        self.lowest[better], self.best[better] = losses[better], epoch
        self._save(owners, better if self.saved else np.full(len(losses), True))
        self.stopped[running & (epoch - self.best >= self.patience)] = epoch
        return bool((self.stopped >= 0).all())

    def restore(self, owners):
        """Give every member the weights of its best epoch."""
        for (variable, _), saved in zip(owners, self.saved or (), strict=False):
            variable.assign(saved)

    def _save(self, owners, better):
        from keras import ops

        now = [np.array(ops.convert_to_numpy(variable)) for variable, _ in owners]
        self.saved = self.saved or now
        for saved, array, (_, members) in zip(self.saved, now, owners, strict=True):
            saved[better[members]] = array[better[members]]


@functools.cache
def callback_class():
    """The callback class that records every member's curves and feeds the batches."""
    import keras

    class Recorder(keras.callbacks.Callback):
        def __init__(self, batches, first, stopping):
            super().__init__()
            self.batches, self.first, self.stopping = batches, first, stopping
            self.epochs = []

        def on_epoch_begin(self, epoch, logs=None):
            self.batches.begin(self.first + epoch)

        def on_epoch_end(self, epoch, logs=None):
            curves = {name: np.atleast_1d(np.asarray(v)) for name, v in logs.items()}
            self.epochs.append(curves)
            finite = curves["losses"][np.isfinite(curves["losses"])]
            # What a progress bar shows is the mean over members, not Keras's sum.
            logs["loss"] = float(finite.mean()) if finite.size else float("nan")
            if self.stopping:
                losses = curves["val_losses"]
                self.model.stop_training = self.stopping.see(epoch, losses, self.model.owners)

        def history(self, names):
            """The curves as a dict name -> float64 (members, epochs)."""
            return {
                name: np.stack([epoch[logged] for epoch in self.epochs], axis=1).astype("float64")
                for name, logged in names.items()
                if logged in self.epochs[0]
            }

    return Recorder
