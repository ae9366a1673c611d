"""Tables: what was measured of several things, a row each."""

from matplotlib.lines import Line2D

from .layout import heading, heading_height, text_height, text_width, wrap
from .style import EDGE, MARGIN, SMALL, WIDTH, new_figure, public
from .valid import InputError, named, words

LINE = 0.14  # inches above and below the text of a row
GAP = 0.12  # inches between columns, at least


@public
def table(rows, columns, title=None):
    """Draw a table: a named row for each entry, a head over each column, all texts as given.

    rows: dict name -> list of texts, one for each column. columns: their heads, which are broken
    into lines where they are long. A figure, not text: measured numbers differ from run to run, and
    nbval compares text. Raises ValueError for rows of another length.

    >>> rows = {"VAE": ["5.1", "0.1"], "GAN": ["1.2", "0.2"]}
    >>> figure = plotting.table(rows, ["Fréchet distance", "ms a picture"])
    >>> figure.alt
    'Table: VAE: Fréchet distance 5.1, ms a picture 0.1. GAN: Fréchet distance 1.2, ms a picture \
0.2.'
    """
    found = named("rows", rows, "list of texts")
    heads = _texts("columns", columns)
    found = {
        n: words(f"rows[{n!r}]", _texts(f"rows[{n!r}]", each), len(heads), "column")
        for n, each in found.items()
    }
    words_of = [head.split() for head in heads]
    texts_of = list(zip(*found.values(), strict=True))
    need = [
        GAP + max(text_width(text, SMALL) for text in (*texts, *(parts or [""])))
        for texts, parts in zip(texts_of, words_of, strict=True)
    ]
    room = WIDTH - 2 * MARGIN - max(text_width(name, SMALL) for name in found)
    if sum(need) > room:
        raise InputError(
            f"names and columns need {WIDTH - room + sum(need):.1f} inches, but a figure has "
            f"{WIDTH:.1f}: give fewer columns or shorter texts."
        )
    widths = [each + (room - sum(need)) / len(need) for each in need]
    heads_shown = [wrap(h, width - GAP, SMALL) for h, width in zip(heads, widths, strict=True)]
    deepest = max(head.count("\n") + 1 for head in heads_shown)
    line = text_height(1, SMALL) + LINE
    top, above = heading_height(title, WIDTH) + MARGIN, text_height(deepest, SMALL) + LINE
    height = top + above + line * len(found) + MARGIN
    figure = new_figure(WIDTH, height)
    if title:
        heading(figure, title)
    right = [(WIDTH - MARGIN - sum(widths[i + 1 :])) / WIDTH for i in range(len(heads))]
    look = {"size": SMALL, "ha": "right"}
    y = height - top - above
    for x, head in zip(right, heads_shown, strict=True):
        figure.text(x, (y + LINE / 2) / height, head, va="bottom", **look)
    for name, texts in found.items():
        figure.add_artist(_rule(y / height))
        y -= line
        middle = (y + line / 2) / height
        figure.text(MARGIN / WIDTH, middle, name, size=SMALL, va="center")
        for x, text in zip(right, texts, strict=True):
            figure.text(x, middle, text, va="center", **look)
    listed = [
        f"{name}: " + ", ".join(f"{h} {t}" for h, t in zip(heads, texts, strict=True)) + "."
        for name, texts in found.items()
    ]
    figure.alt = f"{title or 'Table'}: {' '.join(listed)}"
    return figure


def _texts(name, value):
    if not isinstance(value, list | tuple) or not value:
        raise InputError(f"{name} is a {type(value).__name__}, but a list of texts is expected.")
    for text in value:
        if not isinstance(text, str):
            raise InputError(f"{name} holds {text!r}, but every entry is a text: format it first.")
    return value


def _rule(y):
    edge = MARGIN / WIDTH
    return Line2D([edge, 1 - edge], [y, y], color=EDGE, lw=0.8)
