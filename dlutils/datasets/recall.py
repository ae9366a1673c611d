"""A task for the memory alone: say what the first symbol was, after much that does not matter."""

import numpy as np

from dlutils.datasets import drawing

KINDS = 10  # symbols to remember, and as many that are noise


def memory(count, delay, seed):
    """Sequences whose first symbol must still be known at their end, after `delay` steps of noise.

    The first symbol is one of 0 to 9, those after it of 10 to 19, all uniformly random. seed: int
    or NumPy Generator; one int gives the same sequences on every platform. Returns x, int32
    (count, 1 + delay), and y, int32 (count,), equal to x[:, 0]: who guesses is right in a tenth of
    all cases. Raises ValueError. In the manner of Hochreiter & Schmidhuber 1997 (Neural
    Computation 9, experiment 2).

    >>> x, y = memory(count=32, delay=120, seed=0)
    >>> x.shape, y.shape, bool((x[:, 0] == y).all()), int(x[:, 1:].min())
    ((32, 121), (32,), True, 10)
    """
    for name, value, low in (("count", count, 1), ("delay", delay, 0)):
        if not drawing.is_int(value) or value < low:
            raise ValueError(
                f"memory: {name} is {value!r}, but sequences are counted in whole numbers; give an "
                f"integer from {low} on."
            )
    rng = drawing.generator(seed, "memory", "the symbols")
    y = rng.integers(0, KINDS, count)
    noise = rng.integers(KINDS, 2 * KINDS, (count, delay))
    return np.concatenate([y[:, None], noise], axis=1).astype("int32"), y.astype("int32")
