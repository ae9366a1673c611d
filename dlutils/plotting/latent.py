"""Pictures that a latent space decodes to, laid out over it."""

import math

import numpy as np

from .charts import plain
from .layout import heading, heading_height, shorten, text_height, text_width
from .pictures import show
from .style import DPI, MARGIN, SMALL, TEXT, WIDTH, new_figure, public
from .valid import InputError, array, pair, pictures

LARGEST = 0.75  # inches; one picture


@public
def latent_map(images, x, y, names=("latent 1", "latent 2"), title=None):
    """Draw what each place of a two-dimensional latent space decodes to.

    images: (rows, columns, height, width) or (rows, columns, height, width, 1 or 3), floats in
    [0, 1] or integers in 0..255; images[i, j] belongs to y[i], x[j]. x: (columns,), y: (rows,),
    each rising or falling, evenly spaced or not; larger values of y stand higher. names: of the
    axes. Raises ValueError for other shapes.

    >>> figure = plotting.latent_map(np.zeros((2, 3, 8, 8)), [-1, 0, 1], [-1, 1])
    >>> figure.alt
    'Latent map: 2 × 3 pictures over latent 1 (-1 to 1) and latent 2 (-1 to 1).'
    """
    images = _lattice(images)
    rows, columns, height, width = images.shape[:4]
    x, images = _places("x", x, images, 1)
    y, images = _places("y", y, images, 0)
    images = images[::-1]  # larger values of y on top
    across, up = pair("names", names)
    ticks = [plain(round(float(v), 2)) for v in y[::-1]]
    left = text_height(1, TEXT) + 0.2 + max(text_width(t, SMALL) for t in ticks)
    size = _size(columns, width, WIDTH - 2 * MARGIN - left)
    grid = size * columns, size * height / width * rows
    below = text_height(1, SMALL) + text_height(1, TEXT) + 0.15
    total = max(2 * MARGIN + left + grid[0], 3.2)
    top = MARGIN + heading_height(title, total)
    figure = new_figure(total, top + grid[1] + below + MARGIN)
    heading(figure, title)
    down = figure.get_figheight()
    place = [left + MARGIN, down - top - grid[1], *grid]
    ax = figure.add_axes([p / d for p, d in zip(place, (total, down) * 2, strict=True)])
    montage = np.concatenate([np.concatenate(list(row), axis=1) for row in images])
    show(ax, montage)
    _ticks(ax.xaxis, [plain(round(float(v), 2)) for v in x], width, size, flat=True)
    _ticks(ax.yaxis, ticks, height, size * height / width)
    ax.set(xlabel=shorten(across, max(grid[0], 2.0), TEXT), ylabel=shorten(up, grid[1], TEXT))
    ranges = [f"{n} ({v[0]:g} to {v[-1]:g})" for n, v in ((across, x), (up, y))]
    size = f"{rows} × {columns} pictures"
    figure.alt = f"{title or 'Latent map'}: {size} over {' and '.join(ranges)}."
    return figure


def _lattice(images):
    """Return pictures in [0, 1], (rows, columns, height, width) or (…, 3)."""
    what = "pictures of shape (rows, columns, height, width[, 1 or 3])"
    rows, columns, *shape = array("images", images, what, (4, 5)).shape
    flat = np.asarray(images).reshape(rows * columns, *shape[:2], *(shape[2:] or [1]))
    flat = pictures("images", flat, what)
    return flat.reshape(rows, columns, *flat.shape[1:])


def _places(name, value, images, axis):
    """Return (places, rising; images in their order)."""
    a = array(name, value, "one place for each row or column of pictures", (1,))
    if len(a) != images.shape[axis]:
        raise InputError(
            f"{name} has {len(a)} places, but images has {images.shape[axis]} of them "
            f"{'down' if axis == 0 else 'across'} (shape {images.shape})."
        )
    steps = np.diff(a)
    if not ((steps > 0).all() or (steps < 0).all()):
        raise InputError(f"{name} neither rises nor falls, but one of these is expected.")
    return (a[::-1], np.flip(images, axis)) if len(a) > 1 and steps[0] < 0 else (a, images)


def _size(columns, width, room):
    """Return the width of one picture in inches; its pixels are enlarged by a whole factor."""
    pixels = min(room / columns, max(LARGEST, width / DPI)) * DPI
    return (width * math.floor(pixels / width) if pixels >= width else pixels) / DPI


def _ticks(axis, texts, pixels, size, flat=False):
    """Label the middle of each picture, of every second or third where there is no room."""
    need = max(text_width(t, SMALL) for t in texts) + 0.12 if flat else text_height(1, SMALL)
    step = math.ceil(need / size)
    kept = range((len(texts) - 1) % step // 2, len(texts), step)
    axis.set_ticks([(i + 0.5) * pixels - 0.5 for i in kept], [texts[i] for i in kept])
