"""Features of pictures: what a classifier's hidden layer answers."""

import contextlib
import difflib

import numpy as np

from .valid import array, count


def features(model, x, layer=-2, batch=500):
    """Activations of one layer of a classifier for examples x, as float64 (n, d).

    model: a Keras model with a graph of layers (Sequential or functional). x: (n, ...) as the model
    takes it. layer: index or name; -2 is the last one before the scores; of a layer used more than
    once, its first use. batch: examples at a time. Activations (n, height, width, channels) are
    averaged over the picture, as Inception's are for FID; all others are flattened. Raises
    ValueError for a layer that is not there, x of another shape, and activations that are NaN.
    Source: Heusel et al. 2017 (arXiv 1706.08500).

    >>> import keras
    >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    >>> features(model, np.ones((3, 8))).shape
    (3, 4)
    """
    import keras

    batch = count("batch", batch)
    net = _up_to(model, layer)
    x = _examples(x, model.inputs[0].shape[1:])
    parts = [net(x[i : i + batch], training=False) for i in range(0, len(x), batch)]
    found = np.concatenate([np.asarray(keras.ops.convert_to_numpy(part)) for part in parts])
    found = array(f"the output of layer {layer!r}", found, "activations")
    if found.ndim == 4:
        last = keras.config.image_data_format() == "channels_last"
        found = found.mean((1, 2) if last else (2, 3))
    return found.reshape(len(x), -1)


def _up_to(model, layer):
    """The part of the model that ends with a layer."""
    import keras

    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise ValueError(
            f"model is a {type(model).__name__} without a graph of layers, so no layer can be "
            "read: give a Sequential or functional model that starts with keras.Input."
        )
    if len(inputs) > 1:
        raise ValueError(f"model has {len(inputs)} inputs, but a model of one input is expected.")
    # `layer.output` is the first use of a layer anywhere: a network that several models share has
    # one for each, and only one is connected to this model's input.
    for node in _layer(model, layer)._inbound_nodes:
        if len(node.output_tensors) == 1:
            with contextlib.suppress(ValueError):
                return keras.Model(inputs[0], node.output_tensors[0])
    raise ValueError(
        f"layer {layer!r} has no single output that depends on the model's input, so there are no "
        "features to take: name another layer."
    )


def _layer(model, layer):
    layers = list(model.layers)
    names = [each.name for each in layers]
    if isinstance(layer, str):
        if layer in names:
            return layers[names.index(layer)]
        near = difflib.get_close_matches(layer, names, 1) or names[-2:-1]
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"layer is {layer!r}, but the model has none of that name.{hint}")
    return layers[
        count("layer (of the model's, from the end)", layer, -len(layers), len(layers) - 1)
    ]


def _examples(x, shape):
    """Return x as the model takes it; refuse examples of another shape."""
    a = array("x", x, "examples")
    fits = a.ndim == len(shape) + 1 and all(
        wanted in (None, given) for wanted, given in zip(shape, a.shape[1:], strict=True)
    )
    if not fits:
        wanted = ", ".join(["n", *("any" if size is None else str(size) for size in shape)])
        raise ValueError(f"x has shape {a.shape}, but the model takes ({wanted}).")
    kind = np.asarray(x).dtype.kind
    return a.astype("int32" if kind in "iu" else "float32")
