"""What mattered in a picture: a map laid over it."""

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from .layout import cell, tiles
from .pictures import show
from .style import EDGE, MARGIN, PALETTE, WIDTH, public
from .valid import InputError, array, pictures

MOST = 12  # pictures in one row
LIFT = 0.45  # how far black is lifted towards white, so that colours show on it
STRONG = 0.9  # opacity of the largest value


@public
def saliency(images, maps, title=None, signed=False):
    """Draw pictures over the same pictures in gray, with what mattered laid on in colour.

    images: (n, height, width) or (n, height, width, 1 or 3). maps: (n, rows, columns) of any range,
    coarser than the pictures or not. Each map is scaled by itself: the lowest value is clear, the
    highest orange; signed: zero is clear, negative values orange and positive ones blue. Raises
    ValueError for other shapes.

    >>> figure = plotting.saliency(np.zeros((2, 8, 8)), np.ones((2, 4, 4)), signed=True)
    >>> figure.alt
    'Saliency: 2 pictures over the same with signed maps of 4 × 4 values.'
    """
    images = pictures("images", images)
    what = "(n, rows, columns), one map for each picture"
    a = array("maps", maps, what, (3, 4))
    a = a[..., 0] if a.ndim == 4 and a.shape[-1] == 1 else a
    if a.ndim == 4 or len(a) != len(images):
        raise InputError(f"maps has shape {a.shape} for {len(images)} pictures, expected: {what}.")
    n, (height, width) = len(images), images.shape[1:3]
    if n > MOST:
        raise InputError(f"{n} pictures were given, but at most {MOST} stand in one row.")
    key = _key(signed)
    size = cell(height, width, n, cap=1.8, room=WIDTH - 2 * MARGIN - 0.85)
    figure, axes = tiles(2 * n, n, size, None, title, key, ["picture", "with its map"])
    for i, (picture, values) in enumerate(zip(images, a, strict=True)):
        show(axes[i], picture)
        gray = picture if picture.ndim == 2 else picture @ (0.2126, 0.7152, 0.0722)
        show(axes[n + i], LIFT + (1 - LIFT) * gray)
        place = (-0.5, width - 0.5, height - 0.5, -0.5)
        axes[n + i].imshow(_coloured(values, signed), extent=place, aspect="auto")
    kind = "signed maps" if signed else "maps"
    size = f"{a.shape[1]} × {a.shape[2]} values"
    figure.alt = f"{title or 'Saliency'}: {n} pictures over the same with {kind} of {size}."
    return figure


def _coloured(values, signed):
    """Return RGBA of a map: opacity grows with the value."""
    if signed:
        share = values / max(np.abs(values).max(), 1e-12)
    else:
        share = (values - values.min()) / max(np.ptp(values), 1e-12)
    hue = np.where((share > 0)[..., None] & signed, to_rgb(PALETTE[0]), to_rgb(PALETTE[1]))
    return np.concatenate([hue, STRONG * np.abs(share)[..., None]], axis=-1)


def _key(signed):
    names = ["negative", "positive"] if signed else ["largest of each map"]
    patches = [Patch(facecolor=c, edgecolor=EDGE) for c in (PALETTE[1], PALETTE[0])]
    return patches[: len(names)], names
