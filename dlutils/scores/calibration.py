"""Whether a classifier is right as often as it says: reliability and calibration error."""

from typing import NamedTuple

import numpy as np

from .valid import count, indices, probabilities


class Reliability(NamedTuple):
    """What each bin of confidence holds: mean confidence, accuracy, number of predictions.

    >>> Reliability(np.array([0.25]), np.array([0.5]), np.array([4])).accuracy
    array([0.5])
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray


def reliability(probabilities_, labels, bins=15):
    """Mean confidence, accuracy and number of predictions in bins of equal width from 0 to 1.

    probabilities_: (n, classes), rows with the sum 1. labels: (n,) the true classes' numbers.
    Confidence is the largest probability of a row; bin i of B holds those above i / B up to and
    with (i + 1) / B. Returns Reliability of three arrays (bins,), NaN where a bin is empty. Raises
    ValueError for logits, labels outside the classes and fewer than one bin. Source: Guo et al.
    2017 (arXiv 1706.04599), equations 1 and 2.

    >>> reliability([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], [0, 1, 0], bins=2).accuracy.round(2)
    array([ nan, 0.67])
    """
    p = probabilities("probabilities", probabilities_)
    if p.ndim != 2:
        raise ValueError(f"probabilities has shape {p.shape}, but (n, classes) is expected.")
    labels = indices("labels", labels, p.shape[1], p.shape[:1])
    bins = count("bins", bins)
    confidence, right = np.minimum(p.max(1), 1.0), p.argmax(1) == labels
    place = np.digitize(confidence, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    number = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, v, minlength=bins) / number for v in (confidence, right)]
    return Reliability(*means, number)


def calibration_error(probabilities_, labels, bins=15):
    """Expected calibration error: |accuracy - confidence| averaged over predictions, in bins.

    probabilities_, labels, bins: as in `reliability`, which is also what it raises. Returns a float
    from 0 (as often right as it says) to 1. It is biased upwards where bins hold few predictions:
    compare at equal n and bins only. Source: Guo et al. 2017, equation 3.

    >>> round(calibration_error([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], [0, 1, 0], bins=2), 2)
    0.1
    """
    found = reliability(probabilities_, labels, bins)
    gaps = np.abs(found.accuracy - found.confidence)[found.count > 0]
    return float(gaps @ found.count[found.count > 0] / found.count.sum())
