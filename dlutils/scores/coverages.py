"""How much of the real variety the generated samples show, and how typical they are."""

import numpy as np

from .valid import count, indices, number, pair

CHUNK = 500  # rows of a distance matrix held at a time


def coverage(real, generated, k=5):
    """Share of real samples with a generated one no farther away than their k-th real neighbour.

    real, generated: features (n, d) and (m, d). k: neighbours, below n. Returns a float from 0
    (collapsed) to 1; between equal distributions with n = m about 1 - 2^-k. It rises with m:
    compare at equal m. Raises ValueError for k outside 1..n - 1 and for what is no pair of
    features. Source: Naeem et al. 2020 (arXiv 2002.09797).

    >>> real = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    >>> coverage(real, real[:3], k=2)
    0.5
    """
    real, generated, k = _input(real, generated, k)
    return float(np.mean([(far <= radius).any() for radius, far in _balls(real, generated, k)]))


def density(real, generated, k=5):
    """How many real neighbourhoods hold a generated sample on average, over their size k.

    real, generated, k: as in `coverage`. Returns a float from 0, about 1 between equal
    distributions, above 1 where samples crowd where real ones are dense: it rewards the typical,
    `coverage` the varied. Raises ValueError as `coverage` does. Source: Naeem et al. 2020.

    >>> real = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    >>> density(real, real[1:2] + 0.5, k=2)
    1.5
    """
    real, generated, k = _input(real, generated, k)
    inside = sum((far <= radius).sum() for radius, far in _balls(real, generated, k))
    return float(inside / (k * len(generated)))


def _input(real, generated, k):
    real, generated = pair(real, generated, least=2, least_generated=1)
    return real, generated, count("k (neighbours of a real sample)", k, 1, len(real) - 1)


def _balls(real, generated, k):
    """For each real sample: the distance of its k-th neighbour, those of the generated ones."""
    from scipy.spatial.distance import cdist

    for i in range(0, len(real), CHUNK):
        part = real[i : i + CHUNK]
        # The sample itself is among the distances, at 0, so its k-th neighbour has the index k.
        radii = np.partition(cdist(part, real), k, axis=1)[:, k]
        yield from zip(radii, cdist(part, generated), strict=True)


def class_coverage(labels, classes, least=None):
    """Share of the classes that generated samples show at all often.

    labels: (m,) class numbers of the samples, as a classifier gives them. classes: their number.
    least: the share of the samples that a class must reach to count; a tenth of the fair share
    1 / classes unless given. Returns a float, 1 where every class is there. Raises ValueError for
    labels outside 0..classes - 1 and for a `least` that all classes cannot reach at once.

    >>> class_coverage([0, 0, 0, 1, 1, 2], classes=4)
    0.75
    """
    classes = count("classes", classes)
    labels = indices("labels", labels, classes, None)
    fair = f"a share above 0 and at most 1/{classes}, the fair one,"
    least = 0.1 / classes if least is None else number("least", least, 0, np.inf, fair)
    if least > 1 / classes + 1e-9:
        raise ValueError(f"least is {least:g}, but {fair} is expected.")
    shares = np.bincount(labels, minlength=classes) / len(labels)
    return float(np.mean(shares >= least - 1e-9))
