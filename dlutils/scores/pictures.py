"""How well pictures are restored: the peak signal-to-noise ratio."""

from typing import NamedTuple

import numpy as np

from .valid import array, number


class Psnr(NamedTuple):
    """Peak signal-to-noise ratio in decibels: the mean over pictures, and each one's.

    >>> Psnr(20.5, np.array([20.0, 21.0])).mean
    20.5
    """

    mean: float
    each: np.ndarray


def psnr(clean, restored, peak=1.0):
    """Peak signal-to-noise ratio of restored pictures, in decibels: 10 log₁₀(peak² / MSE).

    clean, restored: (n, height, width) or (n, height, width, channels), both in units in which
    white is `peak` (1, or 255 for integers). Returns Psnr(mean, each), each of shape (n,); higher
    is better, infinite for a picture restored exactly, and then the mean is too. Raises ValueError
    for different shapes, a single picture without the first axis, and clean pictures that leave
    0..peak. Source: ITU-T J.340 (2010).

    >>> clean = np.zeros((2, 8, 8))
    >>> found = psnr(clean, clean + 0.1)
    >>> round(found.mean, 6), found.each.shape
    (20.0, (2,))
    """
    peak = number("peak", peak, 0, 1e100, "the value of white, 1 or 255,")
    a, b = (array(name, x, "pictures") for name, x in (("clean", clean), ("restored", restored)))
    if a.shape != b.shape:
        raise ValueError(
            f"clean has shape {a.shape} and restored {b.shape}, but the same shape is expected."
        )
    single = a.ndim == 3 and a.shape[-1] in (1, 3) and a.shape[1] != a.shape[2]
    if a.ndim not in (3, 4) or single:
        raise ValueError(
            f"clean has shape {a.shape}, but (n, height, width) or (n, height, width, channels) is "
            "expected: give clean[None] and restored[None] for a single picture."
        )
    if a.min() < -1e-3 * peak or a.max() > 1.001 * peak:
        raise ValueError(
            f"clean holds values from {a.min():.3g} to {a.max():.3g}, but 0 to {peak:g} are "
            "expected: give the value of white as peak (255 for integers)."
        )
    error = ((a - b) ** 2).reshape(len(a), -1).mean(1)
    with np.errstate(divide="ignore"):
        each = 20 * np.log10(peak) - 10 * np.log10(error)
    return Psnr(float(each.mean()), each)
