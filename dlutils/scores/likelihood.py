"""What a model of symbols is worth: bits per character and perplexity."""

import numpy as np

from .valid import array, indices, probabilities


def bits(nats):
    """Nats as bits: a cross-entropy loss with natural logarithms divided by ln 2.

    nats: a number or an array. Returns a float, or a float64 array of the same shape. Raises
    ValueError for NaN, infinity and what is no number.

    >>> round(bits(1.0), 4)
    1.4427
    """
    found = array("nats", nats, "a loss or losses in nats") / np.log(2)
    return float(found) if found.ndim == 0 else found


def bits_per_character(probabilities_, targets):
    """Mean number of bits that a model needs to code the symbols which came: -log₂ p(target).

    probabilities_: (..., symbols), each row the model's distribution of the next symbol, sum 1.
    targets: (...) the symbols' numbers. Returns a float, log₂ of `symbols` for a model that knows
    nothing, infinity where a symbol came that had probability 0. Raises ValueError for logits,
    other shapes and symbols outside the row. Source: Shannon 1948 (Bell Syst. Tech. J. 27).

    >>> bits_per_character([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]], [0, 2])
    1.5
    """
    p = probabilities("probabilities", probabilities_, "symbols")
    targets = indices("targets", targets, p.shape[-1], p.shape[:-1])
    with np.errstate(divide="ignore"):
        return float(-np.log2(np.take_along_axis(p, targets[..., None], -1)).mean())


def perplexity(nats):
    """How many equally likely symbols would be as hard to guess: e to the mean loss in nats.

    nats: a mean loss, or losses of the same weight. Returns a float of at least 1. Raises
    ValueError for a negative loss, NaN and what is no number. Source: Jelinek et al. 1977
    (J. Acoust. Soc. Am. 62).

    >>> round(perplexity(np.log(27)), 6)
    27.0
    """
    losses = array("nats", nats, "a loss or losses in nats")
    if losses.min() < 0:
        raise ValueError(
            f"nats holds {losses.min():g}, but losses of at least 0 are expected: -log p of the "
            "symbols, not log p."
        )
    with np.errstate(over="ignore"):
        return float(np.exp(losses.mean()))
