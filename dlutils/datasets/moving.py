"""Images moved about: what tests whether a network minds where things are."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dlutils.datasets import drawing


def place(images, size, seed):
    """Each image at a uniformly random place on a black square canvas.

    images: (n, height, width, channels). size: side of the canvas in pixels. seed: int or NumPy
    Generator; one int gives the same places on every platform. Returns (n, size, size, channels)
    of the same dtype. Raises ValueError.

    >>> place(np.ones((5, 8, 8, 1)), size=14, seed=0).shape
    (5, 14, 14, 1)
    """
    images = _checked(images, "place")
    n, height, width, channels = images.shape
    if not drawing.is_int(size) or size < max(height, width):
        raise ValueError(
            f"place: size is {size!r}, but images of {height}x{width} pixels need a canvas of at "
            f"least {max(height, width)}; give a larger integer."
        )
    rng = drawing.generator(seed, "place", "the moves")
    rows = rng.integers(0, size - height + 1, n)[:, None] + np.arange(height)
    columns = rng.integers(0, size - width + 1, n)[:, None] + np.arange(width)
    canvas = np.zeros((n, size, size, channels), images.dtype)
    canvas[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]] = images
    return canvas


def shift(images, pixels, seed):
    """Each image moved by a uniformly random whole number of pixels down and right.

    images: (n, height, width, channels). pixels: both moves lie in [-pixels, pixels]. What
    enters at an edge is 0. seed: int or NumPy Generator; one int gives the same moves on every
    platform. Returns the shape and dtype of images. Raises ValueError.

    >>> moved = shift(np.ones((5, 8, 8, 1)), pixels=2, seed=0)
    >>> moved.shape, bool(moved.sum() < 5 * 8 * 8)
    ((5, 8, 8, 1), True)
    """
    images = _checked(images, "shift")
    n, height, width, _ = images.shape
    if not drawing.is_int(pixels) or not 0 <= pixels < min(height, width):
        raise ValueError(
            f"shift: pixels is {pixels!r}, but images of {height}x{width} pixels can move by 0 to "
            f"{min(height, width) - 1} before nothing of them is left; give such an integer."
        )
    rng = drawing.generator(seed, "shift", "the moves")
    down, right = rng.integers(-pixels, pixels + 1, n), rng.integers(-pixels, pixels + 1, n)
    padded = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)))
    windows = sliding_window_view(padded, (height, width), axis=(1, 2))
    moved = windows[np.arange(n), pixels - down, pixels - right]  # (n, channels, height, width)
    return np.ascontiguousarray(np.moveaxis(moved, 1, -1))


def _checked(images, caller):
    """The images as an array, or a ValueError that says what is wrong with them."""
    images = np.asarray(images)
    if images.ndim != 4 or 0 in images.shape[1:]:
        raise ValueError(
            f"{caller}: images have shape {images.shape}, but (n, height, width, channels) is "
            "needed; add missing axes, such as images[..., None] for the channel."
        )
    if images.dtype.kind not in "biuf":
        raise ValueError(
            f"{caller}: images have dtype {images.dtype}, but numbers are needed; convert them."
        )
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        bad = np.argwhere(~np.isfinite(images))[0]
        raise ValueError(
            f"{caller}: images hold {images[tuple(bad)]} at {bad.tolist()}, and a moved copy would "
            "too; look at what made them."
        )
    return images
