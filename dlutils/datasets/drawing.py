"""Random generators from seeds, for the data sets that are drawn: one int, one data set."""

import numbers

import numpy as np


def is_int(value):
    """Whether a value is a whole number: True and False are not."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def generator(seed, caller, drawn):
    """A Generator from an int, or the Generator given; PCG64 by name, lest defaults change.

    caller: the public function's name and drawn: what it draws ("the moves"), for the message.
    Raises ValueError for another seed.
    """
    if isinstance(seed, np.random.Generator):
        return seed
    if not is_int(seed) or seed < 0:
        raise ValueError(
            f"{caller}: seed is {seed!r}, but {drawn} are drawn from it; give an integer from 0 "
            "on or a numpy.random.Generator."
        )
    return np.random.Generator(np.random.PCG64(int(seed)))
