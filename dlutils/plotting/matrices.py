"""Numbers by row and column: what attends to what, and sweeps of two settings."""

import math

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import AutoLocator

from .charts import colour_scale, plain
from .layout import heading, heading_height, shorten, text_height, text_width
from .style import DIVERGING, EDGE, MARGIN, SMALL, TEXT, WIDTH, ink_on, new_figure, public
from .valid import InputError, array, partly, words

BLUES = LinearSegmentedColormap.from_list("blues", ["#ffffff", "#7fb8d8", "#00568a"])
LEAST = 0.8  # inches; shorter matrices leave no room for the numbers at the scale
NAME = 1.5  # inches; longer names are cut off
BLANK = "␣"  # a token of nothing but spaces
LINE = 0.12  # inches that a name needs at least; below, every second one is left out
EASY = 0.17  # inches that it had better have
GAP = 0.25


@public
def attention(weights, rows, columns, title=None):
    """Draw how much each query attends to each key, white none and dark blue the most.

    weights: (queries, keys), or (heads, queries, keys) with a matrix for each head, from 0 to 1.
    rows, columns: the tokens of queries and keys. Weights are written where they fit. Raises
    ValueError for scores before softmax, and for other shapes.

    >>> figure = plotting.attention([[1.0, 0.0], [0.5, 0.5]], ["the", "cat"], ["the", "cat"])
    >>> figure.alt
    'Attention: 2 queries over 2 keys. Strongest: the to the with 1.00.'
    """
    a = array("weights", weights, "(queries, keys) or (heads, queries, keys)", (2, 3))
    if a.min() < -1e-5 or a.max() > 1 + 1e-5:
        bad = a[(a < -1e-5) | (a > 1 + 1e-5)][0]
        raise InputError(
            f"weights holds {bad:.3g}, but values from 0 to 1 are expected: apply softmax first."
        )
    rows = words("rows", rows, a.shape[-2], "query")
    columns = words("columns", columns, a.shape[-1], "key")
    _both(rows, columns)
    rows, columns = ([n if n.strip() else BLANK for n in found] for found in (rows, columns))
    heads = a.reshape(-1, *a.shape[-2:])
    names = [f"head {i}" for i in range(len(heads))] if a.ndim == 3 else [""]
    texts = np.vectorize(lambda v: f"{v:.2f}" if v >= 0.005 else "", otypes=[object])(heads)
    scale = (BLUES, 0.0, max(float(a.max()), 1e-12), "attention weight")
    figure = _matrices(heads, texts, names, (rows, columns), ("query", "key"), scale, title, True)
    head, row, column = np.unravel_index(np.argmax(heads), heads.shape)
    most = f"{rows[row]} to {columns[column]} with {heads.max():.2f}"
    most += f" in head {head}" if len(heads) > 1 else ""
    of = f" in {len(heads)} heads" if len(heads) > 1 else ""
    size = f"{len(rows)} queries over {len(columns)} keys{of}"
    figure.alt = f"{title or 'Attention'}: {size}. Strongest: {most}."
    return figure


@public
def heat(values, rows, columns, xlabel, ylabel, label, fmt=".3g", title=None, limits=None):
    """Draw a number for each pair of two settings, dark blue the largest; NaN is an empty cell.

    values: (len(rows), len(columns)). rows, columns: the settings. xlabel names the columns',
    ylabel the rows' setting, label the number. fmt: how it is written, where it fits. Where values
    have both signs, zero is white and negative values orange. limits: where the colours begin and
    end, (low, high); without them at the smallest and the largest value. Raises ValueError for
    other shapes, and for limits that do not hold the values.

    >>> values = [[0.91, 0.95], [0.93, 0.97]]
    >>> figure = plotting.heat(values, [32, 64], [0.01, 0.1], "rate", "units", "accuracy")
    >>> figure.alt
    'Accuracy over rate and units: from 0.91 to 0.97, which is at rate 0.1, units 64.'
    """
    a = partly("values", values, "(rows, columns)", (2,))
    rows = words("rows", rows, a.shape[0], "row of values")
    columns = words("columns", columns, a.shape[1], "column of values")
    _both(rows, columns)
    low, high = float(np.nanmin(a)), float(np.nanmax(a))
    span = _span(low, high, limits)
    labels, scale = (str(ylabel), str(xlabel)), (*span, shorten(label, 2.4, TEXT))
    texts = _written(a, fmt)[None]
    figure = _matrices(a[None], texts, [""], (rows, columns), labels, scale, title, False)
    row, column = np.unravel_index(np.nanargmax(a), a.shape)
    best = f"{xlabel} {columns[column]}, {ylabel} {rows[row]}"
    head = title or f"{str(label)[:1].upper()}{str(label)[1:]} over {xlabel} and {ylabel}"
    figure.alt = f"{head}: from {low:.4g} to {high:.4g}, which is at {best}."
    return figure


def _span(low, high, limits):
    """The colour map and its ends for values from low to high."""
    if limits is not None:
        ends = array("limits", limits, "two numbers, (low, high)", (1,)).tolist()
        if len(ends) != 2 or not ends[0] <= low <= high <= ends[1] or ends[0] == ends[1]:
            what = f"limits are {limits!r}, but values go from {low:g} to {high:g}"
            raise InputError(f"{what}: give a low and a high limit that hold them.")
        low, high = ends
    largest = max(-low, high)
    if low < 0 < high:
        return DIVERGING, -largest, largest
    return (BLUES, low, high) if low < high else (BLUES, low - 0.5, low + 0.5)


def _both(rows, columns):
    """Refuse names that are missing: without them nobody knows what a cell means."""
    for name, value in (("rows", rows), ("columns", columns)):
        if value is None:
            raise InputError(f"{name} is None, but a list of names is expected.")


def _written(a, fmt):
    try:
        texts = ["" if np.isnan(v) else format(v, fmt).replace("-", "−") for v in a.flat]
    except (TypeError, ValueError):
        raise InputError(
            f"fmt is {fmt!r}, but a number format such as '.3g' is expected."
        ) from None
    return np.array(texts, dtype=object).reshape(a.shape)


def _matrices(stack, texts, heads, names, labels, scale, title, square):
    """Return a figure of matrices with one scale; names and labels: of rows, of columns."""
    rows, columns = ([shorten(n, NAME) for n in found] for found in names)
    widest = [max(text_width(n, SMALL) for n in found) for found in (rows, columns)]
    wide = max(text_width(t, SMALL) for t in texts.flat) + 0.14
    left = widest[0] + text_height(1, TEXT) + 0.15
    right = _right(*scale[1:3])
    room = WIDTH - 2 * MARGIN - left - right
    across, entry = _columns(len(stack), stack.shape[1:], room, wide, square)
    lines = math.ceil(len(stack) / across)
    least = max(text_width(scale[-1], TEXT), LEAST) / (lines * len(rows))
    entry = entry[0], max(entry[1], least)
    upright = widest[1] > entry[0] - 0.06
    below = (widest[1] if upright else text_height(1, SMALL)) + text_height(1, TEXT) + 0.12
    size = entry[0] * len(columns), entry[1] * len(rows)
    above = text_height(1, SMALL) + 0.03 if heads[0] else 0
    width = max(2 * MARGIN + left + across * size[0] + (across - 1) * GAP + right, 4.0)
    top = MARGIN + heading_height(title, width)
    figure = new_figure(width, top + lines * (above + size[1] + 0.08) + below + MARGIN)
    heading(figure, title)
    down, axes = figure.get_figheight(), []
    for i, values in enumerate(stack):
        row, column = divmod(i, across)
        x = MARGIN + left + column * (size[0] + GAP)
        y = down - top - (row + 1) * (above + size[1] + 0.08) + 0.08
        ax = figure.add_axes([x / width, y / down, size[0] / width, size[1] / down])
        _cells(ax, values, texts[i], scale, wide <= entry[0] and entry[1] >= 0.2)
        ax.set_title(heads[i], size=SMALL, weight="normal", loc="center", pad=3)
        last = i + across >= len(stack)
        _names(ax.yaxis, rows if column == 0 else None, entry[1], labels[0])
        _names(ax.xaxis, columns if last else None, entry[0], labels[1], 90 if upright else 0)
        axes.append(ax)
    colour_scale(figure, axes, *scale)
    return figure


def _right(low, high):
    """Return the room that a colour scale takes with its numbers and its label, in inches."""
    ticks = [plain(v) for v in AutoLocator().tick_values(low, high)]
    return 0.4 + max(text_width(t, SMALL) for t in ticks) + text_height(1, TEXT)


def _columns(count, shape, room, wide, square):
    """Return (matrices in a row, (width, height) of a cell): as few rows as leave names legible."""
    for across in range(min(count, 4), 0, -1):
        share = (room - GAP * (across - 1)) / (across * shape[1])
        if share >= EASY:
            break
    across = math.ceil(count / math.ceil(count / across))  # 2 + 2 matrices, not 3 + 1
    share = (room - GAP * (across - 1)) / (across * shape[1])
    side = min(share, max(0.42, wide) if count == 1 else 0.42)
    if square:
        return across, (side, min(side, 0.42))
    return across, (side, 0.36 if shape[0] <= 20 else 0.2)


def _cells(ax, values, texts, scale, written):
    cmap, low, high, _ = scale
    shades = cmap((values - low) / (high - low))
    shades[np.isnan(values)] = (1, 1, 1, 1)
    ax.imshow(shades, interpolation="nearest", aspect="auto")
    ax.tick_params(length=0)
    ax.spines[:].set(visible=True, color=EDGE, linewidth=0.6)
    for (row, column), text in np.ndenumerate(texts) if written else ():
        style = {"ha": "center", "va": "center", "size": SMALL}
        ax.text(column, row, text, color=ink_on(shades[row, column]), **style)


def _names(axis, names, entry, label, rotation=0):
    """Name the cells along an axis, every second or third where there is no room for all."""
    if names is None:
        axis.set_ticks([])
        return
    step = math.ceil(LINE / entry - 1e-9)
    axis.set_ticks(range(0, len(names), step), names[::step], rotation=rotation)
    axis.set_label_text(label)
