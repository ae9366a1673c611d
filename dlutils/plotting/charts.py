"""Charts: the frame, the legend above the data, the names at the lines' ends."""

import math

from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from .layout import KEY, heading, key_size, text_height, wrap
from .spacing import apart
from .style import DPI, INK, MARGIN, SMALL, TEXT, WIDTH, new_figure


def chart(height=3.6, title=None, width=WIDTH):
    """Return (figure, axes) for a chart, the title at the upper left corner."""
    figure = new_figure(width, height, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    _keep_top(figure, MARGIN + heading(figure, title) if title else 0)
    ax = figure.add_subplot()
    ax.margins(x=0.03)
    ax.grid(True)
    return figure, ax


def key_above(figure, entries):
    """Put a legend between the title and the data; entries: list of (handle, label)."""
    if not entries:
        return
    handles, labels = zip(*entries, strict=True)
    across, down = figure.get_size_inches()
    ncols, height = key_size(labels, across - 2 * MARGIN)
    top = max(MARGIN, (1 - figure.get_layout_engine().get()["rect"][3]) * down)
    spot = (MARGIN / across, 1 - top / down)
    figure.legend(handles, labels, **KEY, ncols=ncols, loc="upper left", bbox_to_anchor=spot)
    _keep_top(figure, top + height - 0.08)


def key_room(labels):
    """Return the height that a legend with these labels takes beyond its first row, in inches."""
    return key_size(labels, WIDTH - 2 * MARGIN)[1] - key_size([""], WIDTH)[1] if labels else 0.0


def name_axes(ax, xlabel, ylabel):
    """Name both axes, in several lines where a name is long."""
    ax.set(xlabel=wrap(xlabel, 5.5, TEXT), ylabel=wrap(ylabel, 2.4, TEXT))


def _keep_top(figure, inches):
    """Keep the layout engine out of the uppermost inches, where title and legend stand."""
    share = 1 - inches / figure.get_figheight()
    figure.get_layout_engine().set(rect=(0, 0, 1, share))


def mark_bar(ax, bar, unit="", upright=False):
    """Draw a dotted line at a bar, (name, number); return its entries for the legend, if any."""
    if bar is None:
        return []
    name, value = bar
    style = {"color": INK, "lw": 1.4, "ls": (0, (1, 1.5))}
    (ax.axvline if upright else ax.axhline)(value, zorder=1.5, **style)
    text = f"{value:g}{unit}"
    return [(Line2D([], [], **style), f"bar {text}" if name == "bar" else f"{name} ({text})")]


def log_ticks(axis, low, high):
    """Label a logarithmic axis with plain numbers; within one decade also at 2 and 5."""
    narrow = math.log10(high / low) < 1.5
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))
    axis.set_minor_formatter(NullFormatter())


def colour_scale(figure, axes, cmap, low, high, label):
    """Draw one scale for all axes to their right, at most 2.5 inches long."""
    across, down = figure.get_size_inches()
    boxes = [ax.get_position() for ax in axes]
    right, top = max(b.x1 for b in boxes), max(b.y1 for b in boxes)
    bottom = max(min(b.y0 for b in boxes), top - 2.5 / down)
    bar = figure.add_axes([right + 0.14 / across, bottom, 0.13 / across, top - bottom])
    ticks = FuncFormatter(lambda v, _: plain(v))
    figure.colorbar(ScalarMappable(Normalize(low, high), cmap), cax=bar, label=label, format=ticks)


def plain(value):
    """Return a number as text: 0.001, 25,000, and powers of ten beyond a million."""
    power = math.log10(value) if value > 0 else 0.5
    if (power >= 6 or power <= -4) and math.isclose(power, round(power), abs_tol=1e-9):
        raised = str(round(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"10{raised}"
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}"
    return text.replace("-", "−")


def label_ends(ax, ends):
    """Write names beside the right ends of lines, moved apart where they would overlap.

    ends: list of (name, x, y, colour).
    """
    ax.figure.draw_without_rendering()
    low, high = ax.get_window_extent().intervaly
    wanted = [ax.transData.transform((x, y))[1] for _, x, y, _ in ends]
    texts = [wrap(name, 1.7, SMALL) for name, *_ in ends]
    heights = [text_height(t.count("\n") + 1, SMALL) * DPI + 3 for t in texts]
    order = sorted(range(len(ends)), key=wanted.__getitem__)
    sizes = [heights[i] for i in order]
    low_end, high_end = (low - sizes[0] / 2, high + sizes[-1] / 2) if ends else (low, high)
    placed = apart([wanted[i] for i in order], sizes, low_end, high_end)
    for i, y in zip(order, placed, strict=True):
        _, x_end, y_end, colour = ends[i]
        ax.annotate(
            texts[i], (x_end, y_end), xytext=(1.035, (y - low) / (high - low)), color=INK,
            textcoords="axes fraction", size=SMALL, va="center", ha="left", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 1.2, "shrinkA": 1, "shrinkB": 2,
                        "relpos": (0, 0.5)},
        )  # fmt: skip
