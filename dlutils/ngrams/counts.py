"""Every run of symbols of a text, of each length up to a longest, numbered and counted."""

from dataclasses import dataclass

import numpy as np

UNSEEN = -1


@dataclass(frozen=True)
class Level:
    """The runs of one length: sorted keys, context * symbols + last symbol, and their counts.

    A context is the run without its last symbol, by its place among the keys of the level below.
    counts: float64 (runs,). totals: (contexts,), the sum of a context's counts. kinds: (contexts,
    3), how many of them are 1, 2, and 3 or more.
    """

    keys: np.ndarray
    counts: np.ndarray
    totals: np.ndarray
    kinds: np.ndarray

    def find(self, contexts, symbols, last):
        """Place among the keys of each run, a context and its last symbol; UNSEEN where none."""
        wanted = contexts * symbols + last
        places = np.searchsorted(self.keys, wanted).clip(max=len(self.keys) - 1)
        return np.where((contexts != UNSEEN) & (self.keys[places] == wanted), places, UNSEEN)


def count(ids, order, symbols, continuations):
    """Levels of run length 1 to `order` of a text, int64 (n,) with n >= order.

    continuations: whether all but the longest count the different symbols that a run follows,
    in place of how often it came.
    """
    contexts, runs = np.zeros(len(ids), "int64"), []
    for _ in range(order):
        keys, places, counts = np.unique(
            contexts * symbols + ids, return_inverse=True, return_counts=True
        )
        runs.append((keys, places, counts))
        contexts, ids = places[:-1], ids[1:]  # the first symbol has no longer run before it
    levels = []
    for length, (keys, places, counts) in enumerate(runs):
        contexts = len(runs[length - 1][0]) if length else 1
        if continuations and length + 1 < order:
            counts = _continuations(places[1:], runs[length + 1], len(keys))
        levels.append(_level(keys, counts, contexts, symbols))
    return levels


def _continuations(places, longer, size):
    """How many of the runs that are longer by one symbol in front end in each run."""
    suffix = np.empty(len(longer[0]), "int64")
    suffix[longer[1]] = places
    return np.bincount(suffix, minlength=size)


def _level(keys, counts, contexts, symbols):
    owners = keys // symbols
    totals = np.bincount(owners, counts, contexts)
    kinds = [counts == 1, counts == 2, counts >= 3]
    kinds = np.stack([np.bincount(owners, kind, contexts) for kind in kinds], axis=-1)
    return Level(keys, counts.astype("float64"), totals, kinds)
