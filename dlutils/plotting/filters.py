"""What convolutions hold and what comes out of them: kernels and feature maps."""

from collections.abc import Mapping

import numpy as np

from .charts import colour_scale, plain
from .layout import cell, columns_for, text_width, tiles
from .style import DIVERGING, MARGIN, SMALL, WIDTH, ink_on, public
from .valid import InputError, array, count, named, words

KEY = 0.95  # inches kept for the colour scale
ROWS = 8  # channels shown at most
NUMBERED = 12  # kernels, beyond which their numbers are left out


@public
def kernels(weights, names=None, columns=8, title=None):
    """Draw kernels with one colour scale for all: orange negative, white zero, blue positive.

    weights: (n, height, width); or Keras's (height, width, channels, filters), then a column for
    each of the first `columns` filters and a row for each channel (of one channel: all filters, in
    rows of `columns`); or a dict name -> (height, width). names: one over each kernel or filter.
    The numbers are written where they fit. Raises ValueError for other shapes.

    >>> figure = plotting.kernels({"edges": [[-1, 1], [-1, 1]], "blur": np.full((2, 2), 0.25)})
    >>> figure.alt
    'Kernels: 2 of 2 × 2 weights.'
    """
    columns = count("columns", columns)
    stack, names, sides, columns, note = _stack(weights, names, columns)
    largest = max(np.abs(stack).max(), 1e-12)
    title = f"{title or 'Kernels'} {note}" if note else title
    scale = (DIVERGING, -largest, largest, "weight")
    figure, axes = _scaled(stack, names, columns, title, scale, sides)
    texts = np.vectorize(_short)(stack)
    width = axes[0].get_position().width * figure.get_figwidth() / stack.shape[2]
    if len(stack) <= NUMBERED and max(text_width(t, SMALL) for t in texts.flat) < width - 0.04:
        for ax, kernel, numbers in zip(axes, stack, texts, strict=True):
            for (row, column), text in np.ndenumerate(numbers):
                ink = ink_on(DIVERGING(0.5 + kernel[row, column] / (2 * largest)))
                ax.text(column, row, text, ha="center", va="center", size=SMALL, color=ink)
    shape = f"{stack.shape[1]} × {stack.shape[2]}"
    figure.alt = f"{title or 'Kernels'}: {len(stack)} of {shape} weights."
    return figure


@public
def feature_maps(activations, names=None, columns=8, title=None):
    """Draw the channels of one example with one scale for all.

    The scale goes from black (0) to white (the largest), or, with negative values, from orange over
    white (0) to blue. activations: (height, width, channels), one example without its batch axis.
    names: one over each channel; its number by default. Raises ValueError for other shapes.

    >>> figure = plotting.feature_maps(np.zeros((8, 8, 4)))
    >>> figure.alt
    'Feature maps: 4 channels of 8 × 8.'
    """
    what = "one example of shape (height, width, channels), such as activations[0] of a batch,"
    a = array("activations", activations, what, (3,))
    names = words("names", names, a.shape[-1], "channel") or [str(i) for i in range(a.shape[-1])]
    largest = max(np.abs(a).max(), 1e-12)
    cmap, low = (DIVERGING, -largest) if a.min() < 0 else ("gray", 0.0)
    maps = np.moveaxis(a, -1, 0)
    scale = (cmap, low, largest, "activation")
    figure, _ = _scaled(maps, names, count("columns", columns), title, scale)
    figure.alt = f"{title or 'Feature maps'}: {len(maps)} channels of {a.shape[1]} × {a.shape[0]}."
    return figure


def _stack(weights, names, columns):
    """Return (kernels (n, height, width), names, names of rows, columns, what was left out)."""
    if isinstance(weights, Mapping):
        stack, found = _from_dict(weights)
        return stack, words("names", names, len(stack), "kernel") or found, None, columns, ""
    what = "(n, height, width) or Keras's (height, width, channels, filters)"
    a = array("weights", weights, what, (3, 4))
    if a.ndim == 3:
        return a, words("names", names, len(a), "kernel"), None, columns, ""
    channels, filters = a.shape[2:]
    names = words("names", names, filters, "filter")
    if channels == 1:
        return np.moveaxis(a[:, :, 0], -1, 0), names, None, columns, ""
    across, down = min(columns, filters), min(channels, ROWS)
    parts = ((across, filters, "filters"), (down, channels, "channels"))
    left_out = [f"{n} of {most} {what}" for n, most, what in parts if n < most]
    names = names or [f"filter {i}" for i in range(filters)]
    heads = names[:across] + [""] * across * (down - 1)
    a = a[:, :, :down, :across].transpose(2, 3, 0, 1).reshape(down * across, *a.shape[:2])
    sides = [f"channel {i}" for i in range(down)]
    return a, heads, sides, across, f"({', '.join(left_out)})" if left_out else ""


def _from_dict(weights):
    """Return (kernels (n, height, width), names) of kernels that must be of one shape."""
    found = named("weights", weights, "(height, width)")
    each = [array(f"weights[{k!r}]", v, "shape (height, width)", (2,)) for k, v in found.items()]
    shapes = sorted({str(kernel.shape) for kernel in each})
    if len(shapes) > 1:
        raise InputError(
            f"weights holds kernels of shapes {', '.join(shapes)}; expected: one shape."
        )
    return np.stack(each), list(found)


def _scaled(stack, names, columns, title, scale, sides=None):
    """Return (figure, axes) of tiles that share one scale (colours, low, high, label)."""
    cmap, low, high, label = scale
    room = WIDTH - 2 * MARGIN - KEY - (0.9 if sides else 0)
    size_of = lambda c: cell(*stack.shape[1:], c, room=room)  # noqa: E731
    if sides:
        size = size_of(columns)
    else:
        columns, size = columns_for(names, columns, len(stack), size_of)
    figure, axes = tiles(len(stack), columns, size, names, title, sides=sides, right=KEY)
    for ax, picture in zip(axes, stack, strict=True):
        ax.imshow(picture, cmap=cmap, vmin=low, vmax=high, interpolation="nearest", aspect="auto")
    colour_scale(figure, axes, cmap, low, high, label)
    return figure, axes


def _short(value):
    """Return a weight as text: whole numbers as such, others with two decimals."""
    return plain(value) if float(value).is_integer() else f"{value:.2f}".replace("-", "−")
