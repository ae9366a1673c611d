"""Figures that stand still: one as PNG, several as one picture."""

import base64
import io
import sys
from typing import NamedTuple

from .settings import label

DPI = 100
WIDTH = 700  # pixels that a notebook is sure to have


class Drawn(NamedTuple):
    """A figure as it is shown: PNG bytes and alternative text."""

    png: bytes
    alt: str


def drawn(figure):
    """What f returned as PNG and alternative text."""
    import matplotlib.figure

    if not isinstance(figure, matplotlib.figure.Figure):
        raise TypeError(
            f"f returned {label(figure)}, but a figure is expected: end it with `return` and a "
            "figure of plotting."
        )
    if "matplotlib.pyplot" in sys.modules:  # else pyplot would show it once more
        sys.modules["matplotlib.pyplot"].close(figure)
    if hasattr(figure, "png"):
        return Drawn(figure.png(), figure.alt)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return Drawn(buffer.getvalue(), getattr(figure, "alt", ""))


def grid(figures, captions, columns):
    """One Figure of several, each at its own size under its caption, in so many columns."""
    from matplotlib.image import pil_to_array
    from PIL import Image

    from dlutils.plotting.layout import text_width
    from dlutils.plotting.style import TEXT, look, new_figure

    pixels = [pil_to_array(Image.open(io.BytesIO(each.png)).convert("RGB")) for each in figures]
    width, height = max(p.shape[1] for p in pixels), max(p.shape[0] for p in pixels)
    columns = columns or min(len(pixels), max(2, WIDTH // width))
    rows = -(-len(pixels) // columns)
    # The picture is shown WIDTH pixels wide, so captions grow by as much as it shrinks.
    size = TEXT * max(1, columns * width / WIDTH)
    size *= min(1, (width / DPI - 0.2) / max(text_width(each, size, True) for each in captions))
    head = round(2.4 * size * DPI / 72)
    figure = new_figure(columns * width / DPI, rows * (height + head) / DPI)
    for i, (picture, caption) in enumerate(zip(pixels, captions, strict=True)):
        x, top = i % columns * width, (rows - i // columns) * (height + head)
        figure.figimage(picture, x, top - head - picture.shape[0])
        at = (x + 10) / (columns * width), (top - head / 2) / (rows * (height + head))
        with look():
            figure.text(*at, caption, size=size, va="center", weight="bold")
    said = [f"{caption}: {each.alt}" for caption, each in zip(captions, figures, strict=True)]
    figure.alt = f"{len(figures)} pictures. {' '.join(said)}"
    return figure


def encoded(png):
    return base64.b64encode(png).decode()
