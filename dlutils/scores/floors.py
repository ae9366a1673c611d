"""What a score gives between real and real: the best that generated samples can reach."""

from typing import NamedTuple

import numpy as np

from .valid import count, rows


class Floor(NamedTuple):
    """Mean and standard deviation of a score between parts of the real samples.

    >>> Floor(0.5, 0.1).mean
    0.5
    """

    mean: float
    spread: float


def floor(score, real, seed=0, splits=5, size=None):
    """Score disjoint random parts of the real samples against each other: the floor of a score.

    score: a function of (real, generated), such as `frechet`; of `kernel_distance` the value
    counts. real: (n, ...) features or pictures. seed: of the random parts. splits: how often to
    split, at least 2. size: samples in each part, n // 2 unless given. Returns Floor(mean, spread),
    spread the standard deviation over the splits, which share samples and so understate it. Scores
    depend on the number of samples (`frechet` falls with it), so a generator is held against the
    floor at the same numbers: frechet(real[:size], generated[:size]). Raises ValueError where
    twice `size` exceeds n or the score returns no finite number, TypeError where score is no
    function.

    >>> from dlutils import scores
    >>> real = np.random.default_rng(0).normal(size=(400, 3))
    >>> found = floor(scores.frechet, real, size=200)
    >>> 0 < found.mean < 0.2
    True
    """
    if not callable(score):
        raise TypeError(
            f"score is {score!r}, but a function of (real, generated) such as scores.frechet is "
            "expected."
        )
    rows("real", real)
    real = np.asarray(real)
    half = len(real) // 2
    size = half if size is None else count(f"size (two parts of {len(real)})", size, 1, half)
    splits = count("splits", splits, 2)
    rng = np.random.default_rng(count("seed", seed, 0))
    values = []
    for _ in range(splits):
        order = rng.permutation(len(real))
        values.append(_value(score(real[order[:size]], real[order[size : 2 * size]])))
    return Floor(float(np.mean(values)), float(np.std(values, ddof=1)))


def _value(result):
    value = getattr(result, "value", result)
    try:
        value = float(value)
    except (TypeError, ValueError):
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"score returned {result!r}, but one finite number is expected.")
    return value
