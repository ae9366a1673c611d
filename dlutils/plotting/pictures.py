"""Pictures: in a grid, or side by side under their names."""

import math

import numpy as np

from .layout import cell, columns_for, text_height, tiles, wrap
from .style import DIVERGING, QUIET, SMALL, public
from .valid import InputError, array, count, named, pictures, words

LARGE = 200  # pixels across, from which a picture wants more room than a quarter of the page
FEW = 4096  # pixels; of larger pictures
SHARE = 0.98  # of the values lie within the colour scale: a few extremes would make the rest pale


def show(ax, picture, cmap="gray", low=0.0, high=1.0, aspect="auto"):
    """Draw a picture with sharp pixels; one with more pixels than its place has is smoothed."""
    smooth = picture.shape[1] > ax.get_window_extent().width + 1
    way = "antialiased" if smooth else "nearest"
    # Colours are averaged, not values: positive and negative edges side by side would cancel out.
    look = {"interpolation": way, "interpolation_stage": "rgba", "aspect": aspect}
    ax.imshow(picture, cmap=cmap, vmin=low, vmax=high, **look)


@public
def images(x, titles=None, columns=10, title=None):
    """Draw pictures in rows of at most `columns`; fewer where the titles need more room.

    x: (n, height, width) or (n, height, width, 1 or 3), floats in [0, 1] or integers in 0..255.
    titles: n values (labels, names), one over each picture. Raises ValueError for anything else.

    >>> figure = plotting.images(np.zeros((2, 8, 8)), ["three", "eight"])
    >>> figure.alt
    'Pictures: 2 of 8 × 8 pixels. Their titles: three, eight.'
    """
    x = pictures("x", x)
    titles = words("titles", titles, len(x), "picture")
    columns = count("columns", columns)
    columns, size = columns_for(titles, columns, len(x), lambda c: cell(*x.shape[1:3], c))
    figure, axes = tiles(len(x), columns, size, titles, title)
    for ax, picture in zip(axes, x, strict=True):
        show(ax, picture)
    listed = f" Their titles: {', '.join(titles)}." if titles else ""
    figure.alt = f"{title or 'Pictures'}: {len(x)} of {x.shape[2]} × {x.shape[1]} pixels.{listed}"
    return figure


@public
def beside(images, columns=None, title=None):
    """Draw named pictures side by side, equally wide whatever their number of pixels.

    images: dict name -> (height, width) or (height, width, 1 or 3). columns: pictures in a row; by
    default four, or fewer where pictures are large. Colours must lie in [0, 1] (uint8: 0..255). One
    channel may have any range: black is 0 and white the largest value, or, where there are negative
    values, white is 0, orange negative and blue positive; the scale is written below. In large
    pictures it covers 98 % of the values. Raises ValueError for anything else.

    >>> figure = plotting.beside({"photo": np.zeros((8, 8, 3)), "edges": np.ones((6, 6))})
    >>> figure.alt
    'Pictures side by side: photo, edges.'
    """
    panes = [_pane(name, value) for name, value in named("images", images, "picture").items()]
    heads = [str(name) for name in images]
    columns = _columns(panes) if columns is None else count("columns", columns)
    columns, size = columns_for(heads, columns, len(panes), lambda c: _common_cell(panes, c))
    sized = len({picture.shape[:2] for picture, _ in panes}) > 1
    notes = [wrap(_note(*pane, sized), size[0], SMALL) for pane in panes]
    below = max(text_height(n.count("\n") + 1, SMALL) + 0.04 if n else 0 for n in notes)
    figure, axes = tiles(len(panes), columns, size, heads, title, below=below)
    for ax, (picture, limits), note in zip(axes, panes, notes, strict=True):
        cmap = DIVERGING if limits[0] < 0 else "gray"
        show(ax, picture, cmap, *limits, aspect="equal")
        ax.set_anchor("N")
        ax.set_xlabel(note, size=SMALL, color=QUIET, labelpad=3)
    figure.alt = f"{title or 'Pictures side by side'}: {', '.join(heads)}."
    return figure


def _pane(name, value):
    """Return (picture, (lowest, highest value of its scale))."""
    name = f"images[{name!r}]"
    what = "one picture of shape (height, width) or (height, width, 1 or 3)"
    a = array(name, value, what, (2, 3))
    if a.ndim == 3 and a.shape[-1] not in (1, 3):
        raise InputError(f"{name} has {a.shape[-1]} channels (shape {a.shape}); expected: {what}.")
    if a.ndim == 3 and a.shape[-1] == 3:
        return pictures(name, np.asarray(value)[None])[0], (0.0, 1.0)
    a = a[..., 0] if a.ndim == 3 else a
    if np.asarray(value).dtype == np.uint8:
        a = a / 255
    if a.min() >= 0 and a.max() <= 1:
        return a, (0.0, 1.0)
    top = np.abs(a).max() if a.size <= FEW else np.quantile(np.abs(a), SHARE)
    top = max(float(top), 1e-12)
    return a, (-top if a.min() < 0 else 0.0, top)


def _columns(panes):
    """Return how many pictures stand in a row: four, of photographs two or three."""
    if max(picture.shape[1] for picture, _ in panes) < LARGE:
        return 4
    return 2 if len(panes) in (2, 4) else 3


def _common_cell(panes, columns):
    """Return the size of a tile into which every picture fits at full width."""
    sizes = [cell(*picture.shape[:2], columns, cap=2.2) for picture, _ in panes]
    width = max(w for w, _ in sizes)
    return width, max(h * width / w for w, h in sizes)


def _note(picture, limits, sized):
    """Return what stands below: the size, where sizes differ, and a scale other than 0 to 1."""
    low, high = limits
    lines = [f"{picture.shape[0]} × {picture.shape[1]}"] if sized else []
    if limits != (0.0, 1.0):
        top = f"{high:.{max(0, 1 - math.floor(math.log10(high)))}f}"
        signs = ("≤ ", "≥ ") if np.abs(picture).max() > high * 1.001 else ("", "")
        dark = f"orange {signs[0]}−{top}, blue" if low < 0 else "black 0, white"
        # Spaces that do not break keep each colour with its number; the comma's may.
        text = f"{dark} {signs[1]}{top}".replace(" ", "\N{NO-BREAK SPACE}")
        lines.append(text.replace(",\N{NO-BREAK SPACE}", ", "))
    return "\n".join(lines)
