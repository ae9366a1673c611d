"""Numbers in cells, windows framed."""

import numpy as np
from matplotlib.patches import Rectangle

from .layout import heading, heading_height, text_width
from .style import DIVERGING, EDGE, INK, LARGE, MARGIN, PALETTE, SMALL, WIDTH, new_figure, public
from .valid import InputError, array

MOST = 64  # rows and columns


@public
def grid(values, highlight=None, title=None):
    """Draw numbers in cells, some windows framed; NaN is an empty cell.

    values: (height, width). highlight: a window (row, column, height, width) or a list of these;
    each gets its own colour. Tints: blue positive, orange negative. Numbers too long for their
    cell are left out. Raises ValueError for a window that leaves the grid.

    >>> figure = plotting.grid([[1, 2, 3], [4, 5, 6]], highlight=(0, 1, 2, 2))
    >>> figure.alt
    'Grid of numbers: 2 rows of 3, 1 windows framed.'
    """
    values = grid_values("values", values)
    windows = _windows(highlight, values.shape)
    entry = entry_size([values], WIDTH - 2 * MARGIN)
    titled = text_width(title, LARGE, True) + 0.05 if title else 0
    width = 2 * MARGIN + max(entry * values.shape[1], min(titled, WIDTH - 2 * MARGIN))
    top = MARGIN + heading_height(title, width)
    figure = new_figure(width, top + entry * len(values) + MARGIN)
    heading(figure, title)
    draw(figure, values, (MARGIN, top), entry, windows)
    size = f"{values.shape[0]} rows of {values.shape[1]}"
    figure.alt = f"{title or 'Grid of numbers'}: {size}, {len(windows)} windows framed."
    return figure


def grid_values(name, value, finite=False):
    """Return a small grid of numbers, NaN allowed unless `finite`."""
    a = array(name, value, "a grid of numbers of shape (height, width)", (2,), finite)
    if np.isinf(a).any():
        raise InputError(f"{name} holds infinite values, but numbers (or NaN) are expected.")
    if max(a.shape) > MOST:
        raise InputError(
            f"{name} has shape {a.shape}, but at most {MOST} rows and columns are expected."
        )
    return a


def _windows(highlight, shape):
    """Return windows as a list of (row, column, height, width) within `shape`."""
    if highlight is None:
        return []
    a = array("highlight", highlight, "(row, column, height, width) or a list of these", (1, 2))
    if a.shape[-1] != 4:
        raise InputError(f"highlight has shape {a.shape}, but 4 numbers a window are expected.")
    windows = [tuple(int(v) for v in w) for w in a.reshape(-1, 4)]
    for r, c, h, w in windows:
        if min(r, c) < 0 or min(h, w) < 1 or r + h > shape[0] or c + w > shape[1]:
            raise InputError(f"highlight {(r, c, h, w)} leaves the grid of shape {shape}.")
    if len(windows) > len(PALETTE):
        raise InputError(f"highlight holds {len(windows)} windows for {len(PALETTE)} colours.")
    return windows


def entry_size(grids, room):
    """Return the side of a cell in inches: numbers fit, and all grids side by side in `room`."""
    widest = max(text_width(text, SMALL) for values in grids for text in texts_of(values).flat)
    return min(max(0.5, widest + 0.14), room / sum(values.shape[1] for values in grids))


def texts_of(values, whole=None):
    """Return numbers as texts, NaN as ''.

    They have as few decimals as serve all numbers of `whole` (default: of `values`), two at most.
    """
    whole = values if whole is None else whole
    known = whole[~np.isnan(whole)]
    digits = next((d for d in (0, 1) if np.allclose(known, np.round(known, d), atol=1e-9)), 2)
    texts = ["" if np.isnan(v) else _decimal(v, digits) for v in values.flat]
    return np.array(texts, dtype=object).reshape(values.shape)


def _decimal(value, digits):
    """Return a number with so many decimals; adding 0.0 turns a rounded -0.0 into 0.0."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def draw(figure, values, corner, entry, windows, whole=None, colour=None):
    """Draw a grid whose upper left corner is `corner` inches from the figure's.

    whole: the grid that decimals and tints are chosen for, so that frames that fill up look alike.
    """
    whole = values if whole is None else whole
    left, top = corner
    across, down = figure.get_size_inches()
    rows, columns = values.shape
    place = [left, down - top - entry * rows, entry * columns, entry * rows]
    ax = figure.add_axes([p / d for p, d in zip(place, (across, down) * 2, strict=True)])
    ax.axis("off")
    largest = max(np.abs(np.nan_to_num(whole)).max(), 1e-12)
    tints = DIVERGING(0.5 + 0.22 * np.nan_to_num(values) / largest)
    ax.imshow(tints, extent=(0, columns, rows, 0), interpolation="nearest", aspect="auto")
    lines = {"color": EDGE, "lw": 0.7, "clip_on": False}
    ax.hlines(range(rows + 1), 0, columns, **lines)
    ax.vlines(range(columns + 1), 0, rows, **lines)
    texts = texts_of(values, whole)
    if max(text_width(t, SMALL) for t in texts_of(whole).flat) < entry * 0.94:
        style = {"ha": "center", "va": "center", "size": SMALL, "color": INK}
        for row, column in np.ndindex(rows, columns):
            ax.text(column + 0.5, row + 0.53, texts[row, column], **style)
    frame = {"fill": False, "lw": 2.8, "clip_on": False, "zorder": 5}
    for i, (row, column, height, width) in enumerate(windows):
        ax.add_patch(Rectangle((column, row), width, height, ec=colour or PALETTE[i], **frame))
    ax.set(xlim=(0, columns), ylim=(rows, 0))
