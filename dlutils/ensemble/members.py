"""`MLPs`: build, fit, ask and take apart an ensemble of multilayer perceptrons."""

import numpy as np

from dlutils import runtime
from dlutils.ensemble import data, network, optimizers, recorder, start
from dlutils.ensemble import settings as setting
from dlutils.ensemble.orders import Batches, dataset_class
from dlutils.plotting import valid

LOGGED = {
    "loss": "losses",
    "accuracy": "accuracies",
    "val_loss": "val_losses",
    "val_accuracy": "val_accuracies",
}
CHUNK = 4096  # most examples that are predicted at once


class MLPs:
    """Multilayer perceptrons trained side by side as one Keras model, each as it would alone.

    settings: list with a dict (or `Setting`) for each member, see `Setting` for its keys. inputs:
    numbers in an example. classes: number of classes, trained on cross-entropy; or None for
    `outputs` numbers, trained on the mean squared error. hidden: units of each hidden layer, the
    same for all members. Raises ValueError or TypeError for a setting that cannot be.

    A member's start weights and the order of its examples come from its own seed, so what it learns
    does not depend on the others, even if one of them diverges; dropout alone draws its noise for
    all at once. `best` is each member's epoch (from 0) of lowest validation loss in the last fit,
    and `stopped` the epoch after which it would have stopped alone (-1: none), both None before.

    >>> members = MLPs(
    ...     [dict(seed=s, rate=0.01) for s in range(3)], inputs=2, classes=2, hidden=(8,)
    ... )
    >>> x = np.random.default_rng(0).normal(size=(64, 2))
    >>> history = members.fit(x, x[:, 0] > 0, epochs=5)
    >>> history["loss"].shape, bool((history["loss"][:, -1] < history["loss"][:, 0]).all())
    ((3, 5), True)
    >>> members.predict(x).shape
    (3, 64, 2)
    """

    def __init__(self, settings, inputs, classes=None, hidden=(64, 64), outputs=1):
        self.settings = setting.read(settings)
        self.inputs = valid.count("inputs", inputs)
        self.classes = None if classes is None else valid.count("classes", classes, 2)
        self.outputs = self.classes or valid.count("outputs", outputs)
        self.hidden = tuple(valid.count("hidden", units) for units in hidden)
        self.best = self.stopped = None
        self._epochs = 0
        widths = (self.inputs, *self.hidden, self.outputs)
        starts = [start.weights(member, widths) for member in self.settings]
        self._model = network.model_class()(self.settings, starts, self.classes)

    def __len__(self):
        return len(self.settings)

    def fit(
        self,
        x,
        y,
        epochs,
        batch_size=32,
        validation_data=None,
        optimizer="adam",
        indices=None,
        augment=None,
        patience=None,
        callbacks=(),
    ):
        """Train all members, and return their curves: dict name -> float64 (members, epochs).

        x: (n, …) for all members, or (members, n, …). y: labels (n,) or (members, n); numbers
        (n, outputs) or (members, n, outputs) where there are no classes. indices: whole numbers
        (members, k), which examples each member learns from (repeat a smaller set to fill its
        row). validation_data: (x, y) in these shapes. optimizer: "adam", "sgd" or "momentum" (SGD
        with momentum 0.9), started anew at each fit, while weights go on from where they are.
        augment: function (examples (k, …), NumPy generator) -> as many changed examples, called
        for every member and epoch. patience: early stopping for each member after that many
        epochs without a lower validation loss, with the weights of its best epoch; its curves go
        on as long as any member trains. callbacks: Keras callbacks.

        Curves: "loss" (without penalties, mean over the epoch's batches) and, with classes,
        "accuracy"; with validation data also "val_loss" and "val_accuracy". Raises ValueError.
        """
        epochs, batch_size = valid.count("epochs", epochs), valid.count("batch_size", batch_size)
        batches = self._batches(x, y, indices, batch_size, augment)
        optimizer = self._optimizer(optimizer, epochs * len(batches))
        stopping = self._stopping(patience, validation_data)
        record = recorder.callback_class()(batches, self._epochs, stopping)
        self._model.compile(optimizer=optimizer, jit_compile=_jit())
        self._model.fit(
            dataset_class()(batches),
            epochs=epochs,
            validation_data=self._validation(validation_data),
            validation_batch_size=CHUNK,
            callbacks=[record, *callbacks],
            shuffle=False,
            verbose=0,
        )
        self._epochs += len(record.epochs)
        return self._finish(record, stopping)

    def predict(self, x):
        """Class probabilities (members, n, classes), or numbers (members, n, outputs).

        x: (n, …) for all members, or (members, n, …). Raises ValueError.
        """
        from keras import ops

        x = _columns(*data.examples("x", x, len(self), self.inputs))
        parts = []
        for first in range(0, len(x), CHUNK):
            y = self._model(x[first : first + CHUNK], training=False)
            y = ops.softmax(y, axis=-1) if self.classes else y
            parts.append(ops.convert_to_numpy(ops.transpose(y, (1, 0, 2))))
        return np.concatenate(parts, axis=1)

    def weights(self, member):
        """A member's weights, a list of NumPy arrays in the order of `keras(member)`'s layers."""
        from keras import ops

        found = []
        for place, i in self._model.places[self._index(member)]:
            variable, _ = self._model.owners[place]
            found.append(np.array(ops.convert_to_numpy(variable)[i]))
        return found

    def keras(self, member):
        """A member as an ordinary keras.Sequential with its weights, for whatever comes next.

        It ends in softmax where there are classes, and is not compiled.
        """
        import keras

        chosen = self.settings[self._index(member)]
        norms = {"batch": keras.layers.BatchNormalization, "layer": keras.layers.LayerNormalization}
        layers = [keras.Input((self.inputs,))]
        for units in self.hidden:
            layers.append(keras.layers.Dense(units))
            layers += [norms[chosen.norm]()] if chosen.norm else []
            layers.append(keras.layers.Activation(chosen.activation))
            layers += [keras.layers.Dropout(chosen.dropout)] if chosen.dropout else []
        layers.append(keras.layers.Dense(self.outputs, "softmax" if self.classes else None))
        model = keras.Sequential(layers)
        model.set_weights(self.weights(member))
        return model

    def _batches(self, x, y, indices, batch_size, augment):
        if augment is not None and not callable(augment):
            raise TypeError(
                f"augment is {augment!r}, but a function of (examples, NumPy generator) that "
                "returns the changed examples is expected."
            )
        (x, own_x), (y, own_y) = self._pair("x", x, "y", y)
        rows = data.rows(indices, x.shape[1 if own_x else 0], len(self))
        seeds = [member.seed for member in self.settings]
        return Batches(seeds, x, y, (own_x, own_y), rows, batch_size, augment)

    def _pair(self, name, x, second, y):
        x, own = data.examples(name, x, len(self), self.inputs)
        classes, outputs = self.classes, self.outputs
        return (x, own), data.targets(second, y, x, own, len(self), classes, outputs)

    def _optimizer(self, kind, steps):
        trainable = [members for variable, members in self._model.owners if variable.trainable]
        return optimizers.make(kind, self.settings, trainable, steps)

    def _stopping(self, patience, validation_data):
        if patience is None:
            return None
        if validation_data is None:
            raise ValueError(
                f"patience is {patience!r}, but early stopping watches the validation loss and "
                "there is no validation_data: give it, or leave patience out."
            )
        return recorder.Stopping(len(self), valid.count("patience", patience))

    def _validation(self, pair):
        if pair is None:
            return None
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ValueError(
                f"validation_data is a {type(pair).__name__}, but a pair (x, y) is expected."
            )
        name = "validation_data"
        (x, own), (y, own_y) = self._pair(f"{name}[0]", pair[0], f"{name}[1]", pair[1])
        y = y.swapaxes(0, 1) if own_y else np.repeat(y[:, None], len(self), axis=1)
        return _columns(x, own), y

    def _finish(self, record, stopping):
        self.best = self.stopped = None
        history = record.history(
            {k: v for k, v in LOGGED.items() if self.classes or "acc" not in k}
        )
        if stopping:
            stopping.restore(self._model.owners)
            self.best, self.stopped = stopping.best, stopping.stopped
        elif "val_loss" in history:
            losses = history["val_loss"]
            self.best = np.where(np.isnan(losses), np.inf, losses).argmin(axis=1)
        return history

    def _index(self, member):
        if isinstance(member, np.integer):
            member = int(member)
        if isinstance(member, bool) or not isinstance(member, int) or not 0 <= member < len(self):
            raise ValueError(
                f"member is {member!r}, but a whole number from 0 to {len(self) - 1} is expected: "
                "members stand in the order of their settings."
            )
        return member


def _columns(x, own):
    """The form the network takes: (n, members, inputs), or (n, 1, inputs) for all members."""
    n = x.shape[1 if own else 0]
    return x.reshape(len(x), n, -1).swapaxes(0, 1) if own else x.reshape(n, 1, -1)


def _jit():
    # As runtime.Lab.jit says: on CPUs TensorFlow takes seconds to compile, for nothing.
    import keras

    backend = keras.config.backend()
    return backend != "tensorflow" or runtime.device_kind(backend) != "cpu"
