"""The weights a member starts from, drawn by NumPy, so that they are the same on every backend."""

import itertools

import numpy as np


def weights(setting, widths):
    """A member's start weights, in the order of its Keras layers.

    widths: number of inputs, of each hidden layer's units, and of outputs. Returns a list of
    float32 arrays: kernel (inputs, units) and bias (units,) of each layer and, of hidden layers,
    what their normalisation holds. Raises ValueError where given start weights do not fit.
    """
    shapes = _shapes(setting.norm, widths)
    if isinstance(setting.init, list | tuple):
        return _given(setting, shapes)
    rng = np.random.default_rng((setting.seed, 0, 2))  # epoch 0 draws from (seed, 0)
    return [_drawn(kind, shape, setting.init, rng) for kind, shape in shapes]


def _shapes(norm, widths):
    after = {None: (), "layer": ("scale", "offset"), "batch": ("scale", "offset", "mean", "var")}
    shapes = []
    for i, shape in enumerate(itertools.pairwise(widths)):
        shapes += [("kernel", shape), ("bias", shape[1:])]
        if i < len(widths) - 2:
            shapes += [(kind, shape[1:]) for kind in after[norm]]
    return shapes


def _drawn(kind, shape, init, rng):
    if kind != "kernel":
        return np.full(shape, 1 if kind in ("scale", "var") else 0, "float32")
    if init == "glorot":
        limit = np.sqrt(6 / sum(shape))
        return rng.uniform(-limit, limit, shape).astype("float32")
    deviation = {"he": np.sqrt(2 / shape[0]), "small": 0.01, "zeros": 0}.get(init, init)
    return (deviation * rng.standard_normal(shape)).astype("float32")


def _given(setting, shapes):
    found = [np.asarray(array, "float32") for array in setting.init]
    if [array.shape for array in found] != [shape for _, shape in shapes]:
        raise ValueError(
            f"The start weights given as init (seed {setting.seed}) have the shapes "
            f"{[array.shape for array in found]}, but this member's layers need "
            f"{[shape for _, shape in shapes]}: give what MLPs.weights returned for such a member."
        )
    return found
