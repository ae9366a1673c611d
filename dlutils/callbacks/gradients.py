"""How large the gradient is in each layer, as training goes on."""

import numpy as np

from dlutils.callbacks.ranges import sync


class GradientNorm:
    """Euclidean norm of the loss's gradient in each layer, on one batch, at the ends of epochs.

    x, y: the batch, arrays as `fit` takes them; dropout and batch normalisation act as in training.
    every: epochs from one record to the next. The loss is the one the model is compiled with.

    `norms`: dict layer name -> float64 (records,), in the order of the layers; a nested layer's
    name is its path, "encoder/dense". `total`: float64 (records,), the norm over all layers.
    `epochs`: int64 (records,), counted from 1. All are of the last `fit`. Raises ValueError where
    x and y differ in length.

    Example:
        watch = callbacks.GradientNorm(x_train[:256], y_train[:256])
        model.fit(x_train, y_train, epochs=8, verbose=0, callbacks=[watch])
        watch.norms["dense"]

    >>> import keras, numpy as np
    >>> from dlutils import callbacks
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="only")])
    >>> model.compile("sgd", "mse")
    >>> x, y = np.ones((8, 2)), np.zeros((8, 1))
    >>> watch = callbacks.GradientNorm(x, y)
    >>> _ = model.fit(x, y, epochs=3, verbose=0, callbacks=[watch])
    >>> list(watch.norms), watch.total.shape, bool(watch.total[2] < watch.total[0])
    (['only'], (3,), True)
    """

    def __init__(self, x, y, every=1):
        super().__init__()
        from dlutils.plotting import valid

        if np.shape(x)[:1] != np.shape(y)[:1] or not np.shape(x)[:1]:
            raise ValueError(
                f"x has shape {np.shape(x)} and y {np.shape(y)}, but GradientNorm needs one batch "
                "of examples and as many targets."
            )
        self.x, self.y, self.every = x, y, valid.count("every", every)
        self._clear()

    def _clear(self):
        self._epochs, self._squares = [], {}

    @property
    def epochs(self):
        """The epochs after which the norms were taken, int64 (records,), counted from 1."""
        return np.array(self._epochs, "int64")

    @property
    def norms(self):
        """The norm of each layer's gradient: dict layer name -> float64 (records,)."""
        return {name: np.sqrt(squares) for name, squares in self._squares.items()}

    @property
    def total(self):
        """The norm of the whole gradient, float64 (records,)."""
        return np.sqrt(np.sum([*self._squares.values()], axis=0) if self._squares else [])

    def on_train_begin(self, logs=None):
        self._clear()

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        from dlutils import autodiff

        sync(self.model)
        _, gradients = autodiff.model_gradients(self.model, self.x, self.y, training=True)
        found = {}
        for variable, gradient in zip(self.model.trainable_variables, gradients, strict=True):
            layer = self._layer(variable)
            square = np.sum(np.square(gradient, dtype="float64"))
            found[layer] = found.get(layer, 0.0) + square
        self._epochs.append(epoch + 1)
        for layer, square in found.items():
            self._squares.setdefault(layer, []).append(square)

    def _layer(self, variable):
        path = variable.path.removeprefix(f"{self.model.name}/")
        return path.rpartition("/")[0] or self.model.name
