"""Witten-Bell and Kneser-Ney: two ways to mix long contexts with short ones."""

import numbers

import numpy as np

from dlutils.ngrams.counts import UNSEEN, count

MOST = 2**62  # keys are int64


class NGrams:
    """A model that counted; `witten_bell` and `kneser_ney` make it.

    order: length of the longest run of symbols that was counted. symbols: size of the alphabet.

    >>> from dlutils import ngrams
    >>> model = ngrams.witten_bell([0, 1, 0, 1, 0, 1, 0, 2], order=2, symbols=3)
    >>> model.order, model.symbols
    (2, 3)
    """

    def __init__(self, levels, symbols, discounts):
        self.order, self.symbols = len(levels), symbols
        self._levels, self._discounts = levels, discounts

    def probabilities(self, context):
        """How likely each symbol is after a context: float64 (symbols,), sum 1.

        context: (n,) integers; its last order - 1 count, and it may be shorter or empty. Raises
        ValueError.

        >>> from dlutils import ngrams
        >>> model = ngrams.witten_bell([0, 1, 0, 1, 0, 1, 0, 2], order=2, symbols=3)
        >>> model.probabilities([0]).round(3).tolist()
        [0.152, 0.621, 0.227]
        """
        context = _ids("context", context, self.symbols)[-self.order + 1 or len(context) :]
        every = np.arange(self.symbols)
        contexts = [np.full(self.symbols, found[-1]) for found in self._contexts(context)]
        return self._mix(contexts, every)

    def predict(self, ids):
        """The probability that the model gave to each symbol of a text, from those before it.

        ids: (n,) integers, n >= 1. Returns float64 (n,), each above 0. Raises ValueError.

        >>> from dlutils import ngrams
        >>> model = ngrams.witten_bell([0, 1, 0, 1, 0, 1, 0, 2], order=2, symbols=3)
        >>> model.predict([0, 1]).round(3).tolist()
        [0.455, 0.621]
        """
        ids = _ids("ids", ids, self.symbols)
        return self._mix([found[:-1] for found in self._contexts(ids)], ids)

    def bits(self, ids):
        """Mean number of bits for each symbol of a text: -log₂ of `predict`, a float.

        Raises ValueError.

        >>> from dlutils import ngrams
        >>> model = ngrams.kneser_ney([0, 1] * 50, order=3, symbols=2)
        >>> model.bits([0, 1] * 10) < 0.2
        True
        """
        ids = _ids("ids", ids, self.symbols)
        if not len(ids):
            raise ValueError(
                "ids is empty, and a text without symbols has no mean; give at least one."
            )
        return float(-np.log2(self.predict(ids)).mean())

    def _contexts(self, ids):
        """For each level, the context before each of n symbols and after the last: (n + 1,)."""
        contexts = [np.zeros(len(ids) + 1, "int64")]  # the empty one
        for level in self._levels[:-1]:
            runs = level.find(contexts[-1][:-1], self.symbols, ids)
            contexts.append(np.concatenate([[UNSEEN], runs]))
        return contexts

    def _mix(self, contexts, last):
        """Probabilities of `last` after contexts, from the shortest context to the longest."""
        p = np.full(len(last), 1 / self.symbols)
        for level, found, discount in zip(self._levels, contexts, self._discounts, strict=True):
            places = level.find(found, self.symbols, last)
            counts = np.where(places == UNSEEN, 0, level.counts[places])
            totals = level.totals[found]
            known = (found != UNSEEN) & (totals > 0)
            if discount is None:  # Witten-Bell: a new kind is as likely as it has been so far
                kinds = level.kinds[found].sum(-1)
                mixed = (counts + kinds * p) / np.where(known, totals + kinds, 1)
            else:
                kept = counts - discount[counts.clip(max=3).astype("int64")]
                mixed = (kept + level.kinds[found] @ discount[1:] * p) / np.where(known, totals, 1)
            p = np.where(known, mixed, p)
        return p


def witten_bell(ids, order, symbols):
    """Count a text; mix in shorter contexts as often as a context showed something new.

    p(w | c) = (n(cw) + k(c) p(w | c')) / (n(c) + k(c)), with n(c) the times that context c came,
    k(c) the number of different symbols after it, c' the context without its first symbol; the
    empty context falls back on 1 / symbols. ids: (n,) integers below `symbols`, n >= order.
    Returns NGrams. Raises ValueError. Source: Witten & Bell 1991 (IEEE Trans. Inf. Theory 37),
    interpolated as in Chen & Goodman 1999 (Computer Speech & Language 13).

    >>> from dlutils import datasets, ngrams
    >>> text = datasets.load("english")
    >>> model = ngrams.witten_bell(text.train_ids, order=5, symbols=len(text.alphabet))
    >>> 1.7 < model.bits(text.test_ids) < 2.1
    True
    """
    ids = _text(ids, order, symbols)
    return NGrams(count(ids, order, symbols, continuations=False), symbols, [None] * order)


def kneser_ney(ids, order, symbols):
    """Count a text, take a discount off every count and hand it to the shorter contexts.

    p(w | c) = (n(cw) - d(n(cw)) + D(c) p(w | c')) / n(c), c' as in `witten_bell`, D(c) the sum of
    the discounts d after c. For all runs but the longest, n is the number of different symbols
    seen before: what follows one symbol alone ("Francisco") is not expected elsewhere. Counts of
    1, 2, and 3 or more have discounts of their own, estimated for each length. ids: (n,) integers
    below `symbols`, n >= order. Returns NGrams. Raises ValueError. Source: Kneser & Ney 1995
    (ICASSP 1), modified as in Chen & Goodman 1999 (Computer Speech & Language 13).

    >>> from dlutils import datasets, ngrams
    >>> text = datasets.load("english")
    >>> model = ngrams.kneser_ney(text.train_ids, order=5, symbols=len(text.alphabet))
    >>> 1.5 < model.bits(text.test_ids) < 1.9
    True
    """
    ids = _text(ids, order, symbols)
    levels = count(ids, order, symbols, continuations=True)
    return NGrams(levels, symbols, [_discounts(level.counts) for level in levels])


def _discounts(counts):
    """What comes off a count of 0, 1, 2, and 3 or more: (4,), Chen & Goodman's equation 17."""
    n = [np.sum(counts == times) for times in (1, 2, 3, 4)]
    if not all(n):
        return np.array([0, 0.5, 0.5, 0.5])  # too few runs to estimate it
    y = n[0] / (n[0] + 2 * n[1])
    estimates = [times - (times + 1) * y * n[times] / n[times - 1] for times in (1, 2, 3)]
    return np.array([0, *np.clip(estimates, 0, (1, 2, 3))])


def _text(ids, order, symbols):
    """The text as int64, or a ValueError that says what is wrong with the arguments."""
    for name, value in (("order", order), ("symbols", symbols)):
        if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} is {value!r}, but it counts symbols; give an integer from 1.")
    ids = _ids("ids", ids, symbols)
    if len(ids) < order:
        raise ValueError(
            f"ids has {len(ids)} symbols, but order {order} counts runs of {order}; give a longer "
            "text or a lower order."
        )
    if len(ids) * int(symbols) > MOST:
        raise ValueError(f"{len(ids):,} symbols out of {symbols:,} are too many to number.")
    return ids


def _ids(name, values, symbols):
    """(n,) integers from 0 to symbols - 1 as int64, or a ValueError."""
    try:
        found = np.asarray(values)
    except (TypeError, ValueError):
        found = np.asarray(None)
    if found.ndim == 1 and not found.size:
        return found.astype("int64")
    if found.dtype.kind not in "iu" or found.ndim != 1:
        raise ValueError(
            f"{name} has dtype {found.dtype} and shape {found.shape}, but the numbers of symbols, "
            "integers of shape (n,), are expected; encode the text first."
        )
    if found.min() < 0 or found.max() >= symbols:
        wrong = found[(found < 0) | (found >= symbols)][0]
        raise ValueError(
            f"{name} holds {wrong}, but the {symbols} symbols have the numbers 0 to {symbols - 1}; "
            "give symbols as the size of the whole alphabet."
        )
    return found.astype("int64")
