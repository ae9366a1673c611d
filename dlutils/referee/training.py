"""`train`: the referee's classifier, a small convolutional network for real images."""

import numpy as np

from dlutils.referee.judges import Judge
from dlutils.scores.valid import count

BATCH = 32


def train(data, seed=0, examples=None, filters=16, width=32):
    """A `Judge` trained by `fit` on the training part of real images; prints nothing.

    data: as `dlutils.datasets.load` returns it (x_train, y_train, x_test, y_test, class_names),
    images in [0, 1]. seed: decides the start, the order and the shifts, repeatably on one backend.
    examples: images shown in all, each shifted by up to a pixel; unless given 30,000, or two
    rounds of the data where these are more, and with DLUTILS_WORK less. filters: of the first
    convolution. width: number of features, few beside the images that are compared. About 5 s for
    the digits. The network is lesson 05's, narrower: three convolutions, each with batch
    normalisation and ReLU, then the features and the logits.

    >>> from types import SimpleNamespace
    >>> x = np.random.default_rng(0).random((64, 8, 8, 1))
    >>> y = np.arange(64) % 2
    >>> tiny = SimpleNamespace(x_train=x, y_train=y, x_test=x, y_test=y, class_names=("a", "b"))
    >>> train(tiny, examples=64, filters=4, width=8)
    Judge of images (8, 8, 1), 2 classes
    """
    from dlutils import datasets, runtime

    lab = runtime.current()
    n = len(data.x_train)
    examples = max(30_000, 2 * n) if examples is None else count("examples", examples)
    epochs = max(1, round((lab.work if lab else 1) * examples / n))
    shown = datasets.batches(
        data.x_train, data.y_train, BATCH, seed, augment=lambda x, rng: datasets.shift(x, 1, rng)
    )
    model = _network(data.x_train.shape[1:], len(data.class_names), seed, filters, width)
    _fit(model, shown, epochs)
    found = Judge(model, 1.0, 0.0)
    some = found.features(data.x_train[:5000])
    scale = np.sqrt(some.var(0).mean())
    return Judge(model, scale, np.mean(found.labels(data.x_test) == data.y_test))


def _network(shape, classes, seed, filters, width):
    import keras
    from keras import layers

    starts = iter(range(10 * seed, 10 * seed + 10))  # its own: the lesson's draws stay as they are

    def start():
        return keras.initializers.GlorotUniform(next(starts))

    def convolution(x, filters):
        x = layers.Conv2D(filters, 3, 1, "same", use_bias=False, kernel_initializer=start())(x)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    inputs = keras.Input(shape)
    x = layers.MaxPooling2D(2)(convolution(inputs, filters))
    x = layers.MaxPooling2D(2)(convolution(x, 2 * filters))
    x = layers.Flatten()(convolution(x, 2 * filters))
    x = layers.Dense(width, activation="relu", kernel_initializer=start())(x)
    return keras.Model(inputs, [x, layers.Dense(classes, kernel_initializer=start())(x)])


def _fit(model, shown, epochs):
    import keras

    from dlutils import runtime

    backend = keras.config.backend()
    jit = (backend, runtime.device_kind(backend)) != ("tensorflow", "cpu")
    rate = keras.optimizers.schedules.CosineDecay(4e-3, epochs * len(shown))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    reader = keras.Model(model.inputs[0], model.outputs[1])  # the same layers, logits alone
    reader.compile(keras.optimizers.Adam(rate), loss, jit_compile=jit)
    reader.fit(shown, epochs=epochs, shuffle=False, verbose=0)
    model.compile(jit_compile=jit)  # for predict, which is what the judge uses
