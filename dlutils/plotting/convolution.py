"""A convolution, one step at a time."""

import numpy as np

from .grids import draw, entry_size, grid_values, texts_of
from .layout import heading, heading_height, text_height, text_width, wrap
from .style import LARGE, MARGIN, PALETTE, SMALL, TEXT, WIDTH, new_figure, public
from .valid import InputError, count

APART = 0.4  # inches between grids
SUM_LINES = 2


@public
def convolution_step(image, kernel, output, row, col, stride=1, title=None):
    """Draw one step of a convolution: the window, the kernel, and the output filled so far.

    image: (height, width). kernel: (kh, kw). output: (rows, columns), whole; what comes after
    (row, col) in reading order stays empty. Below stand the products that are summed. Raises
    ValueError where the window leaves the image or the output is not the sum of products.

    >>> image, kernel, output = np.ones((3, 3)), np.ones((2, 2)), np.full((2, 2), 4)
    >>> figure = plotting.convolution_step(image, kernel, output, 0, 1)
    >>> figure.alt
    'Convolution, output row 0, column 1: 1·1 + 1·1 + 1·1 + 1·1 = 4'
    """
    image, kernel = grid_values("image", image, True), grid_values("kernel", kernel, True)
    output = grid_values("output", output, True)
    window = _window(image, kernel, output, (row, col), count("stride", stride))
    filled = output.copy()
    filled.flat[row * output.shape[1] + col + 1 :] = np.nan
    panes = [
        ("input", image, image, window),
        ("kernel", kernel, kernel, (0, 0, *kernel.shape)),
        ("output", filled, output, (row, col, 1, 1)),
    ]
    grids = [image, kernel, output]
    entry = entry_size(grids, WIDTH - 2 * MARGIN - 2 * APART)
    width = 2 * MARGIN + 2 * APART + entry * sum(values.shape[1] for values in grids)
    width = max(width, 5.2)
    lines, products = _products(window, image, kernel, output[row, col], width - 2 * MARGIN)
    top = MARGIN + heading_height(title, width) + text_height(1, SMALL) + 0.05
    end = top + entry * max(map(len, grids))
    figure = new_figure(width, end + 0.1 + text_height(lines, TEXT) + MARGIN)
    heading(figure, title)
    _equation(figure, panes, entry, top, end)
    _write(figure, MARGIN, end + 0.1, products, size=TEXT, ha="left", va="top")
    figure.alt = f"Convolution, output row {row}, column {col}: {products}".replace("\n", " ")
    return figure


def _equation(figure, panes, entry, top, end):
    """Draw input ∗ kernel = output, each centred between `top` and `end`."""
    left, middle = MARGIN, (top + end) / 2
    for sign, (name, values, whole, window) in zip("∗= ", panes, strict=True):
        height, width = values.shape
        y, centre = middle - entry * height / 2, left + entry * width / 2
        head = f"{name} {height} × {width}"
        _write(figure, centre, y - 0.05, head, size=SMALL, ha="center", va="bottom")
        draw(figure, values, (left, y), entry, [window], whole, PALETTE[1])
        left += entry * width + APART
        if sign != " ":
            _write(figure, left - APART / 2, middle, sign, size=LARGE, ha="center", va="center")


def _window(image, kernel, output, at, stride):
    """Return the window of this step; refuse one outside the image, and a wrong output."""
    row, col = (count(name, i, 0) for name, i in zip(("row", "col"), at, strict=True))
    if row >= output.shape[0] or col >= output.shape[1]:
        raise InputError(f"row {row}, col {col} lies outside the output of shape {output.shape}.")
    window = (row * stride, col * stride, *kernel.shape)
    part = image[window[0] : window[0] + window[2], window[1] : window[1] + window[3]]
    if part.shape != kernel.shape:
        raise InputError(
            f"the window at row {window[0]}, column {window[1]} leaves the image of shape "
            f"{image.shape}, but one inside is expected: pad the image first."
        )
    total = float((part * kernel).sum())
    if not np.isclose(total, output[row, col], rtol=1e-3, atol=1e-4):
        raise InputError(
            f"output[{row}, {col}] is {output[row, col]:g}, but the products of window and kernel "
            f"sum to {total:g}."
        )
    return window


def _products(window, image, kernel, total, room):
    """Return (lines to reserve, the sum as text), or only its value where it needs more lines.

    The lines are those of the longest sum that this image can give, so that all frames of an
    animation are of one size.
    """
    row, col, height, width = window
    part = image[row : row + height, col : col + width]
    (result,) = texts_of(np.array([total]))
    weights = [f"({t})" if t.startswith("−") else t for t in texts_of(kernel).flat]
    longest = max(texts_of(image).flat, key=lambda t: text_width(t, TEXT))
    worst = " + ".join(f"{longest}·{w}" for w in weights) + " = −0000.00"
    lines = wrap(worst, room, TEXT).count("\n") + 1
    if lines > SUM_LINES:
        return 1, f"sum of {part.size} products = {result}"
    terms = [f"{x}·{w}" for x, w in zip(texts_of(part, image).flat, weights, strict=True)]
    return lines, wrap(" + ".join(terms) + f" = {result}", room, TEXT)


def _write(figure, x, y, text, **style):
    """Write at `x`, `y` inches from the figure's upper left corner."""
    across, down = figure.get_size_inches()
    figure.text(x / across, 1 - y / down, text, **style)
