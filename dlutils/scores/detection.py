"""How well a score tells the unusual from the normal: area under the ROC curve, threshold."""

import numpy as np

from .valid import number, vector


def roc_auc(scores, positive):
    """Area under the ROC curve: how likely a positive scores higher than a negative.

    scores: (n,) higher for what looks positive. positive: (n,) booleans or 0 and 1. Returns a
    float: 1 separates perfectly, 0.5 is chance, ties count a half. Raises ValueError for lengths
    that differ and where only one class is there. Computed by scikit-learn; source: Hanley &
    McNeil 1982 (Radiology 143).

    >>> roc_auc([0.1, 0.4, 0.4, 0.9], [False, False, True, True])
    0.875
    """
    scores = vector("scores", scores, "scores")
    labels = vector("positive", positive, "booleans")
    if len(scores) != len(labels):
        raise ValueError(
            f"scores has {len(scores)} values and positive {len(labels)}, but one for each is "
            "expected."
        )
    other = labels[(labels != 0) & (labels != 1)]
    if other.size:
        raise ValueError(f"positive holds {other[0]:g}, but booleans or 0 and 1 are expected.")
    if labels.min() == labels.max():
        raise ValueError(
            f"positive is {bool(labels[0])} for all {len(labels)} scores, but the curve needs "
            "positives and negatives."
        )
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))


def threshold_at(normal, rate):
    """Return the lowest threshold that at most the share `rate` of normal scores exceed.

    normal: (n,) scores of normal examples that chose nothing else. rate: the false-alarm rate, from
    0 to below 1. Returns one of the scores; what lies strictly above it is an alarm. With few
    scores the rate on new ones scatters by about √(rate / n). Raises ValueError for a rate outside
    0..1 and for NaN.

    >>> threshold_at([0.1, 0.2, 0.3, 0.4, 0.5], rate=0.2)
    0.4
    """
    normal = np.sort(vector("normal", normal, "scores of normal examples"))
    what = "a false-alarm rate from 0 to below 1"
    rate = number("rate", rate, -1e-12, 1, what)
    # 0.29 * 100 is 28.999…: without the margin one allowed alarm would be lost.
    alarms = int(rate * len(normal) + 1e-9)
    return float(normal[len(normal) - 1 - alarms])
