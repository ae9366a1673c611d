"""Running text in two parts, and the way between characters and integers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dlutils.datasets.provenance import Provenance, Summary

BEYOND = 0x110000  # one more than the last code point of Unicode


@dataclass(frozen=True, eq=False, repr=False)
class Text(Summary):
    """A text in a training and a test part, as characters and as integers.

    train, test: str. alphabet: str, the sorted distinct characters of both parts (see
    `alphabet_of`); the integer i stands for alphabet[i].

    >>> from dlutils.datasets import Provenance, Text
    >>> origin = Provenance("demo", "this page", "none needed", "generated", {"train": 4}, "")
    >>> text = Text(train="abba", test="cab", alphabet="abc", provenance=origin)
    >>> text.test_ids
    array([2, 0, 1], dtype=int32)
    >>> text.decode([1, 0, 1, 0])
    'baba'
    """

    train: str
    test: str
    alphabet: str
    provenance: Provenance

    def encode(self, text):
        """The integers of the characters of a str: int32 (characters,).

        Raises TypeError where text is no str, ValueError for a character beyond the alphabet.
        """
        return to_ids(text, self.alphabet)

    def decode(self, ids):
        """The characters of integers (n,), a list or an array of any integer type, as one str.

        Raises ValueError for other shapes and types, and for integers beyond the alphabet.
        """
        return to_text(checked_ids(ids, len(self.alphabet)), self.alphabet)

    # Computed once: `cached_property` writes to __dict__, which a frozen dataclass leaves open.
    # Everyone gets the same array, so nobody may write to it.

    @cached_property
    def train_ids(self):
        """The training part encoded: int32 (characters,), read-only."""
        return _read_only(self.encode(self.train))

    @cached_property
    def test_ids(self):
        """The test part encoded: int32 (characters,), read-only."""
        return _read_only(self.encode(self.test))


def alphabet_of(*texts):
    """The distinct characters of some texts in the order of their code points, as one str.

    >>> alphabet_of("banana", "cab")
    'abcn'
    """
    return "".join(sorted(set().union(*texts)))


def to_ids(text, alphabet):
    """The place in `alphabet` of each character of `text`: int32 (characters,).

    Raises TypeError where text is no str, ValueError for a character beyond the alphabet.

    >>> to_ids("cab", "abc")
    array([2, 0, 1], dtype=int32)
    """
    if not isinstance(text, str):
        raise TypeError(
            f"encode: text is of type {type(text).__name__}, but characters are looked up one by "
            "one; give a str."
        )
    points = _code_points(text)
    known = np.append(_code_points(alphabet), BEYOND)  # so that every search ends at an entry
    order = np.argsort(known, kind="stable")
    ids = order[np.searchsorted(known, points, sorter=order)]
    missing = np.flatnonzero(known[ids] != points)
    if len(missing):
        raise ValueError(
            f"encode: the character {text[missing[0]]!r} at position {missing[0]} is not among the "
            f"{len(alphabet)} of the alphabet, so no number stands for it; replace it."
        )
    return ids.astype("int32")


def to_text(ids, alphabet):
    """The characters of an integer array (n,) that `checked_ids` has let through, as one str.

    >>> to_text(np.array([2, 0, 1]), "abc")
    'cab'
    """
    return _code_points(alphabet)[ids].tobytes().decode("utf-32-le", "surrogatepass")


def checked_ids(ids, size, rows=False):
    """`ids` as an array (n,) of integers with 0 <= ids < size, or a ValueError.

    rows: whether an array (texts, n) will do too.

    >>> checked_ids([0, 2], size=3)
    array([0, 2])
    """
    try:
        found = np.asarray(ids)
    except (TypeError, ValueError):  # such as rows of different lengths
        found = np.asarray(None)
    if found.ndim and not found.size:
        found = found.astype("int64")  # NumPy takes an empty list for floats
    if found.dtype.kind not in "iu":
        kind = f"{found.dtype} values"
        if found.dtype.kind == "O":
            kind = f"of type {type(ids).__name__} without an integer in every place"
        raise ValueError(
            f"decode: ids are {kind}, but whole numbers stand for characters; give an array of "
            "integers, such as an argmax over the last axis."
        )
    if found.ndim not in ((1, 2) if rows else (1,)):
        shapes = "(n,), or (texts, n) for several" if rows else "(n,)"
        raise ValueError(
            f"decode: ids have shape {found.shape}, but a text is a row of integers {shapes}; "
            "index or reshape them."
        )
    outside = np.argwhere((found < 0) | (found >= size))
    if len(outside):
        at = outside[0].tolist()
        raise ValueError(
            f"decode: ids hold {found[tuple(at)]} at {at}, but the {size} characters of the "
            f"alphabet have the numbers 0 to {size - 1}; look at what made them."
        )
    return found


def _code_points(text):
    # surrogatepass: half a surrogate pair has a code point, though no encoding of its own
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _read_only(array):
    array.flags.writeable = False
    return array
