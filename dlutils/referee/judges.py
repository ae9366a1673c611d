"""`Judge`: what a trained classifier says of images, and of one set of images against another."""

from typing import NamedTuple

import numpy as np

from dlutils import scores as measures
from dlutils.scores.valid import array, count, indices

BATCH = 500  # images at a time
LEAST = 6  # images on a side: coverage looks for a fifth neighbour


class Scores(NamedTuple):
    """What generated images are worth; see `Judge.scores` for how each is taken.

    frechet: Fréchet distance of the features, 0 or more, low is good. kernel: kernel distance,
    around 0 where nothing differs, low is good; kernel_error: its standard error. coverage: share
    of real images with a generated one nearby, high is good (variety). density: how crowded the
    neighbourhoods of real images are with generated ones, about 1 for real ones (fidelity). size:
    images on each side of a comparison.

    >>> Scores(0.5, 0.01, 0.002, 0.9, 1.0, 300).coverage
    0.9
    """

    frechet: float
    kernel: float
    kernel_error: float
    coverage: float
    density: float
    size: int


class Judge:
    """A classifier of real images that judges generated ones; `train` makes it.

    model: Keras model that answers images with [features, logits]. scale: what features are divided
    by. accuracy: the share of real test images it reads right.

    >>> import keras
    >>> inputs = keras.Input((2, 2, 1))
    >>> flat = keras.layers.Flatten()(inputs)
    >>> judge = Judge(keras.Model(inputs, [flat, flat]), scale=2.0, accuracy=0.5)
    >>> judge.features(np.ones((3, 2, 2))).shape, judge.labels(np.eye(4)[:2].reshape(2, 2, 2))
    ((3, 4), array([0, 1]))
    """

    def __init__(self, model, scale, accuracy):
        self.model, self.scale, self.accuracy = model, float(scale), float(accuracy)

    def __repr__(self):
        shape, classes = self.model.inputs[0].shape[1:], self.model.outputs[1].shape[-1]
        return f"Judge of images {tuple(shape)}, {classes} classes"

    def features(self, x):
        """Activations of the layer before the last, float64 (n, width).

        x: images (n, height, width) or (n, height, width, channels), white 1. All features are
        divided by one number, so that their variance over the real training images averages 1:
        distances then mean much the same whatever judge was trained. Raises ValueError for images
        of another size and for NaN.
        """
        return self._answers(x)[0] / self.scale

    def probabilities(self, x):
        """Softmax over the classes, float64 (n, classes); x as `features` takes it."""
        logits = self._answers(x)[1]
        shifted = np.exp(logits - logits.max(-1, keepdims=True))
        return shifted / shifted.sum(-1, keepdims=True)

    def labels(self, x):
        """The class that each image is read as, int64 (n,); x as `features` takes it."""
        return self._answers(x)[1].argmax(-1)

    def recognised(self, x, wanted):
        """Share of the images that are read as the class asked for.

        x: as `features` takes it. wanted: (n,) class numbers, or one for all. It rewards the
        typical: a generator of one perfect digit a class reaches 1.
        """
        found = self.labels(x)
        wanted = np.broadcast_to(wanted, found.shape) if np.ndim(wanted) == 0 else wanted
        classes = self.model.outputs[1].shape[-1]
        return float(np.mean(found == indices("wanted", wanted, classes, found.shape)))

    def scores(self, real, generated, size=None, splits=5, seed=0):
        """How far generated images are from real ones, as `Scores`.

        real: images that the judge was not trained on, such as the test images. generated: images
        as the judge takes them. Fréchet distance, coverage and density depend on the number of
        images, so both sides are cut to `size` in this one place: len(real) // 2, and never more
        than either side has. That is also what `floor(real)` compares, so the two can be put side
        by side (with fewer than len(real) // 2 generated images, give their number to `floor` as
        size). In each of `splits` rounds, `size` random real images meet `size` random generated
        ones, drawn so that each class keeps its share of its own side; the means over the rounds
        are returned, so all images count. The kernel distance depends on no size: all images of
        both sides meet once. Distances: `dlutils.scores`, of `features`. Raises ValueError for
        too few images.
        """
        real, generated = self._sorted(real), self._sorted(generated)
        size = _size(size, len(real) // 2, min(len(real), len(generated)))
        rng = np.random.default_rng(count("seed", seed, 0))
        rounds = [
            _round(_drawn(real, size, rng)[0], _drawn(generated, size, rng)[0])
            for _ in range(count("splits", splits))
        ]
        return _mean(rounds, [measures.kernel_distance(real, generated)], size)

    def floor(self, real, size=None, splits=5, seed=0):
        """Real against real, as `Scores`: what no generator can beat but by luck.

        In each of `splits` rounds two random disjoint parts of the real images, of `size` each
        (len(real) // 2 unless given), meet as the two sides of `scores` do; for the kernel
        distance, two random halves. Raises ValueError for too few images.
        """
        real = self._sorted(real)
        size = _size(size, len(real) // 2, len(real) // 2)
        rng = np.random.default_rng(count("seed", seed, 0))
        rounds, kernels = [], []
        for _ in range(count("splits", splits)):
            one, rest = _drawn(real, size, rng)
            rounds.append(_round(one, _drawn(rest, size, rng)[0]))
            kernels.append(measures.kernel_distance(*np.array_split(rng.permutation(real), 2)))
        return _mean(rounds, kernels, size)

    def _sorted(self, x):
        """The features of each image, those of one class beside each other."""
        features, logits = self._answers(x)
        return features[np.argsort(logits.argmax(-1), kind="stable")] / self.scale

    def _answers(self, x):
        found = self.model.predict(self._images(x), BATCH, verbose=0)
        return [np.asarray(each, "float64") for each in found]

    def _images(self, x):
        shape = tuple(self.model.inputs[0].shape[1:])
        a = array("images", x, f"images of shape (n, *{shape}), white 1,")
        a = a[..., None] if a.ndim == 3 and shape[-1] == 1 else a
        if a.ndim != 4 or a.shape[1:] != shape:
            raise ValueError(
                f"images have shape {np.shape(x)}, but this judge reads (n, {shape[0]}, "
                f"{shape[1]}, {shape[2]})."
            )
        return a.astype("float32")


def _size(size, usual, most):
    """How many images meet on each side."""
    if most < LEAST:
        raise ValueError(f"{most} images meet as many, but at least {LEAST} are needed.")
    size = min(usual, most) if size is None else size
    return count(f"size (images on each side, {most} at hand)", size, LEAST, most)


def _round(real, generated):
    return tuple(
        f(real, generated) for f in (measures.frechet, measures.coverage, measures.density)
    )


def _mean(rounds, kernels, size):
    frechet, coverage, density = np.mean(rounds, axis=0).tolist()
    return Scores(frechet, *np.mean(kernels, axis=0).tolist(), coverage, density, size)


def _drawn(rows, size, rng):
    """(random `size` of the rows, the rest), one from each of `size` equal stretches.

    Rows are sorted by class, so each class keeps its share.
    """
    edges = np.linspace(0, len(rows), size + 1).round().astype(int)
    at = rng.integers(edges[:-1], edges[1:])
    return rows[at], np.delete(rows, at, axis=0)
