"""Where things go: measured text, and tiles for pictures."""

import math
from functools import lru_cache

from matplotlib import font_manager

from .style import DPI, EDGE, LARGE, LINE, MARGIN, SMALL, WIDTH, new_figure

GAP = 0.12  # inches between tiles
KEY = {"borderaxespad": 0, "borderpad": 0, "columnspacing": 1.3, "handlelength": 2.2}  # legends


@lru_cache(maxsize=8)
def _font(bold):
    properties = font_manager.FontProperties(
        family="DejaVu Sans", weight="bold" if bold else "normal"
    )
    return font_manager.get_font(font_manager.findfont(properties))


def text_width(text, size, bold=False):
    """Return the width of one line of text in inches."""
    font = _font(bold)
    font.set_size(size, 72)
    font.set_text(text, 0.0)
    return font.get_width_height()[0] / 64 / 72


def text_height(lines, size):
    """Return the height of so many lines of text in inches."""
    return lines * size * LINE / 72


def wrap(text, width, size, bold=False):
    """Return `text` with line breaks so that no line is wider than `width` inches.

    A word that is too wide by itself is broken.
    """
    lines = []
    for paragraph in str(text).split("\n"):
        line = ""
        for word in paragraph.split(" "):
            joined = f"{line} {word}" if line else word
            if text_width(joined, size, bold) <= width:
                line = joined
                continue
            if line:
                lines.append(line)
            *broken, line = _break(word, width, size, bold)
            lines += broken
        lines.append(line)
    return "\n".join(lines)


def _break(word, width, size, bold):
    pieces, piece = [], ""
    for letter in word:
        if piece and text_width(piece + letter, size, bold) > width:
            pieces.append(piece)
            piece = ""
        piece += letter
    return [*pieces, piece]


def fits(texts, width, size=SMALL, most=3):
    """Return whether each text fits `width` inches in at most `most` lines, no word broken."""
    longest = max((text_width(w, size) for t in texts for w in str(t).split()), default=0)
    return longest <= width and all(wrap(t, width, size).count("\n") < most for t in texts)


def cell(height, width, columns, cap=1.4, room=WIDTH - 2 * MARGIN, tallest=5.0):
    """Return (width, height) in inches for pictures of `height` × `width` pixels in `columns`.

    Small pictures are enlarged by a whole factor, so that all their pixels are drawn alike.
    """
    target = min((room - GAP * (columns - 1)) / columns, max(cap, width / DPI))
    pixels = min(target * DPI, tallest * DPI * width / height)
    if pixels >= width:
        pixels = width * math.floor(pixels / width)
    return pixels / DPI, pixels * height / width / DPI


def columns_for(heads, columns, count, size_of):
    """Return (columns, size of a tile): as many columns as wanted, fewer where heads need room.

    size_of: function of the number of columns. Rows are then balanced: 5 + 5 tiles, not 7 + 3.
    """
    wanted = min(columns, count)
    columns = wanted
    while heads and columns > 1 and not fits(heads, size_of(columns)[0] + GAP * 0.6):
        columns -= 1
    if columns < wanted:
        columns = math.ceil(count / math.ceil(count / columns))
    return columns, size_of(columns)


def key_size(labels, width):
    """Return (columns, height in inches) of a legend with these labels in `width` inches."""
    widths = [text_width(label, SMALL) + 0.6 for label in labels]
    for columns in range(len(labels), 0, -1):
        rows = math.ceil(len(labels) / columns)  # Matplotlib fills one column after the other
        if sum(max(widths[i : i + rows]) for i in range(0, len(widths), rows)) <= width:
            break
    columns = math.ceil(len(labels) / rows)  # no more than are filled: 4 + 3 entries, not 6 + 1
    return columns, text_height(rows, SMALL) + 0.12


def tiles(count, columns, size, heads=None, title=None, key=None, sides=None, right=0.0, below=0.0):
    """Return (figure, axes): `count` empty axes of `size` inches in rows of `columns`.

    heads: a title for each tile. sides: a name for each row. key: (handles, labels) of a legend
    under the title. right: inches kept free beside all tiles, below: under each row. Places are
    computed and not left to a layout engine, so that the frames of an animation do not move.
    """
    width, height = size
    heads = [wrap(h, width + GAP * 0.6, SMALL) for h in heads] if heads else [""] * count
    sides = [wrap(s, 0.9, SMALL) for s in sides] if sides else []
    left = max((text_width(t, SMALL) + 0.1 for s in sides for t in s.split("\n")), default=0)
    across = 2 * MARGIN + left + right + columns * width + (columns - 1) * GAP
    across = max(across, 3.2 if title or key else 1.0)
    top = MARGIN + heading_height(title, across)
    ncols, keyed = key_size(key[1], across - 2 * MARGIN) if key else (1, 0)
    tops, down = _rows(heads, columns, height + below, top + keyed)
    figure = new_figure(across, down)
    heading(figure, title)
    if key:
        figure.legend(*key, **KEY, ncols=ncols, loc="upper left",
                      bbox_to_anchor=(MARGIN / across, 1 - top / down))  # fmt: skip
    axes = []
    for i, head in enumerate(heads):
        row, column = divmod(i, columns)
        x, y = MARGIN + left + column * (width + GAP), down - tops[row] - height
        ax = figure.add_axes([x / across, y / down, width / across, height / down])
        bare(ax)
        ax.set_title(head, size=SMALL, weight="normal", loc="center", pad=3)
        if sides and column == 0:
            ax.set_ylabel(sides[row], rotation=0, ha="right", va="center", size=SMALL, labelpad=6)
        axes.append(ax)
    return figure, axes


def _rows(heads, columns, height, top):
    """Return (distance of each row's pictures from the upper edge, height of the figure)."""
    tops = []
    for start in range(0, len(heads), columns):
        lines = max(h.count("\n") + bool(h) for h in heads[start : start + columns])
        top += text_height(lines, SMALL) + 0.05 if lines else 0
        tops.append(top)
        top += height + GAP
    return tops, top - GAP + MARGIN


def shorten(text, width, size=SMALL):
    """Return one line of text at most `width` inches wide, cut off with … where it is longer."""
    text = " ".join(str(text).split())
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def heading(figure, title):
    """Write the title at the figure's upper left corner; return the height it takes, in inches."""
    across, down = figure.get_size_inches()
    text = wrap(title, across - 2 * MARGIN, LARGE, bold=True) if title else ""
    if text:
        figure.suptitle(text, x=MARGIN / across, y=1 - MARGIN / down, ha="left", va="top",
                        size=LARGE, weight="bold")  # fmt: skip
    return heading_height(title, across)


def heading_height(title, across):
    """Return the height of a title in a figure `across` inches wide, 0 without a title."""
    if not title:
        return 0.0
    lines = wrap(title, across - 2 * MARGIN, LARGE, bold=True).count("\n") + 1
    return text_height(lines, LARGE) + 0.06


def bare(ax):
    """Take ticks and grid off an axes and put a thin frame around it."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color=EDGE, linewidth=0.6)
