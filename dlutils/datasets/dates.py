"""Generated dates as people write them, each with its ISO form: pairs for a translator."""

import datetime
from dataclasses import dataclass

import numpy as np

from dlutils.datasets import drawing
from dlutils.datasets.provenance import Provenance, Summary
from dlutils.datasets.text import checked_ids, to_ids, to_text
from dlutils.datasets.writing import (
    CHARACTERS,
    FIRST_YEAR,
    LAST_YEAR,
    TEMPLATES,
    WIDTH,
    write,
)

PADDING, START = "_", ">"  # numbers 0 and 1; no date holds them
ALPHABET = PADDING + START + "".join(sorted(CHARACTERS))
ISO_WIDTH = len("1987-03-03")
FORMATS = tuple(write(datetime.date(1987, 3, 3), template) for template in TEMPLATES)
FIRST = datetime.date(FIRST_YEAR, 1, 1).toordinal()
DAYS = datetime.date(LAST_YEAR, 12, 31).toordinal() - FIRST + 1
TEST_DAYS = DAYS // 10
SPLIT_SEED = 1987
LIMITS = {"count": (1, DAYS - TEST_DAYS), "test": (1, TEST_DAYS), "seed": (0, 2**63 - 1)}


@dataclass(frozen=True, eq=False, repr=False)
class Dates(Summary):
    """Written dates and their ISO forms in a training and a test part that share no day.

    inputs: tuple of n str such as "the 3rd of March 1987". targets: tuple of n str, "1987-03-03".
    x: int32 (n, width), the inputs as integers, filled up with 0. y: int32 (n, 10), the targets.
    format: int32 (n,), which of `formats` an input has; formats: 3 March 1987 in each of them.
    alphabet: str; the integer i stands for alphabet[i]. alphabet[0], "_", is padding and
    alphabet[1], ">", the start symbol that a decoder reads first; neither occurs in a date.

    >>> from dlutils import datasets
    >>> dates = datasets.load("dates", count=100, test=10)
    >>> dates.decode(dates.x_train[0]) == dates.inputs_train[0]
    True
    >>> dates.encode(">1987").tolist() == [1, *dates.encode("1987")]
    True
    """

    inputs_train: tuple[str, ...]
    targets_train: tuple[str, ...]
    x_train: np.ndarray
    y_train: np.ndarray
    format_train: np.ndarray
    inputs_test: tuple[str, ...]
    targets_test: tuple[str, ...]
    x_test: np.ndarray
    y_test: np.ndarray
    format_test: np.ndarray
    formats: tuple[str, ...]
    alphabet: str
    provenance: Provenance

    def encode(self, text, width=None):
        """The integers of a str, or of several, filled up with 0 to `width` characters.

        Returns int32 (width,) for one str, (n, width) for a list, tuple or array of n; the width
        is that of the longest text where it is None. Raises TypeError where something is no str,
        ValueError for a character beyond the alphabet and for a text longer than `width`.
        """
        if isinstance(text, str) or not np.iterable(text):
            return _encode([text], width)[0]
        return _encode(list(text), width)

    def decode(self, ids):
        """The str of integers (width,), or the tuple of n str of (n, width), padding cut off.

        Padding goes at the end alone: within a text it shows as "_". Takes lists and arrays of
        any integer type; raises ValueError for what is none, and for integers beyond the alphabet.
        """
        ids = checked_ids(ids, len(self.alphabet), rows=True)
        texts = tuple(to_text(row, self.alphabet).rstrip(PADDING) for row in np.atleast_2d(ids))
        return texts if ids.ndim == 2 else texts[0]


def load(count=10_000, test=1_000, seed=0):
    """Write `count` training and `test` test days between 1900 and 2099, in 16 formats.

    No day is written twice. Which tenth of the days is for testing never changes; seed: fixes
    which of the days are drawn, in what order, and how each is written. The test part does not
    depend on count. Raises ValueError.

    >>> from dlutils import datasets
    >>> dates = datasets.load("dates", count=100, test=10)
    >>> dates.x_train.shape, dates.y_test.shape, dates.formats[3]
    ((100, 37), (10, 10), 'March 3rd, 1987')
    """
    given = {"count": count, "test": test, "seed": seed}
    for option, value in given.items():
        _require_int(option, value)
    days = np.argsort(np.random.PCG64(SPLIT_SEED).random_raw(DAYS), kind="stable")
    pools = {"train": (days[TEST_DAYS:], count), "test": (days[:TEST_DAYS], test)}
    parts = {}
    for stream, (part, (pool, number)) in enumerate(pools.items()):
        drawn = _draw(pool, int(number), np.random.PCG64([int(seed), stream]))
        parts |= {f"{field}_{part}": value for field, value in drawn.items()}
    return Dates(
        **parts, formats=FORMATS, alphabet=ALPHABET, provenance=_provenance(count, test, seed)
    )


def _draw(pool, number, bits):
    """The fields of one part of Dates.

    From raw bits, which NumPy keeps the same in every version, unlike `permutation` or `choice`.
    """
    days = pool[np.argsort(bits.random_raw(len(pool)), kind="stable")[:number]]
    chosen = bits.random_raw(len(pool))[:number] % len(TEMPLATES)
    days = [datetime.date.fromordinal(FIRST + day) for day in days.tolist()]
    inputs = [write(day, TEMPLATES[k]) for day, k in zip(days, chosen.tolist(), strict=True)]
    targets = [day.isoformat() for day in days]
    return {
        "inputs": tuple(inputs),
        "targets": tuple(targets),
        "x": _encode(inputs, WIDTH),
        "y": _encode(targets, ISO_WIDTH),
        "format": chosen.astype("int32"),
    }


def _encode(texts, width):
    """Texts as int32 (n, width), filled up with the number of PADDING."""
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(
                f"encode: {text!r} is of type {type(text).__name__}, but texts are expected; give "
                "a str or a list of str."
            )
    longest = max(texts, key=len, default="")
    width = len(longest) if width is None else width
    if not drawing.is_int(width) or width < len(longest):
        raise ValueError(
            f"encode: width is {width!r}, but the text that begins {longest[:40]!r} has "
            f"{len(longest)} characters; give an integer that is no smaller."
        )
    joined = "".join(text.ljust(width, PADDING) for text in texts)
    if not set(joined) <= set(ALPHABET):
        for text in texts:
            to_ids(text, ALPHABET)  # raises with the place in this text, not in the joined one
    return to_ids(joined, ALPHABET).reshape(len(texts), width)


def _provenance(count, test, seed):
    return Provenance(
        name="dates",
        source=f"written by dlutils.datasets from seed {seed}, in {len(TEMPLATES)} formats",
        licence="none needed",
        kind="generated",
        counts={"train": int(count), "test": int(test)},
        split="A fixed tenth of the days from 1900 to 2099 is held out; no day is in both parts.",
    )


def _require_int(option, value):
    low, high = LIMITS[option]
    if not drawing.is_int(value) or not low <= value <= high:
        raise ValueError(
            f"load('dates'): {option} is {value!r}, but only integers from {low:,} to {high:,} "
            f"will do; choose {option} within these."
        )
