"""Named results in rows: a dot for each seed, or a bar."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from .charts import chart, key_above, mark_bar, plain
from .layout import heading_height, wrap
from .style import INK, PALETTE, QUIET, SMALL, WIDTH, public
from .valid import InputError, array, mark, named, number

NAMES = 1.9  # inches for names, which are wrapped
DOT = {"color": PALETTE[0], "mfc": "white", "mew": 1.5, "ms": 6, "marker": "o", "ls": ""}
MEAN = {"color": PALETTE[1], "lw": 2.5}


@public
def spread(values, metric="accuracy", bar=None, title=None, percent=True):
    """Draw one dot for each seed and a tick at the mean, in a row for each name.

    values: dict name -> a number for each seed. percent: values and bar are fractions, shown in %.
    bar: a value to mark, or {its name: value}. Raises ValueError for values that are not finite,
    or no fractions.

    >>> figure = plotting.spread({"MLP": [0.95, 0.97], "CNN": [0.98, 1.0]})
    >>> figure.alt
    'Spread of accuracy, means: MLP 96.0 %; CNN 99.0 %.'
    """
    found = {}
    for name, v in named("values", values, "a number for each seed").items():
        v = array(f"values[{name!r}]", v, "a number for each seed", (0, 1)).reshape(-1)
        found[name] = _percent(f"values[{name!r}]", v, percent)
    bar = mark(bar)
    figure, ax = _rows(found, metric, title, percent, keyed=True)
    for row, v in enumerate(found.values()):
        # Dots are moved apart a little, so that equal values stay countable.
        offsets = np.linspace(-0.17, 0.17, len(v)) if len(v) > 1 else np.zeros(1)
        ax.plot(v, row + offsets, zorder=3, **DOT)
        ax.plot([v.mean()] * 2, [row - 0.32, row + 0.32], zorder=4, **MEAN)
    seeds = {len(v) for v in found.values()}
    run = Line2D([], [], **DOT), f"one of {max(seeds)} runs" if len(seeds) == 1 else "one run"
    mean = Line2D([], [], marker="|", ls="", ms=11, mew=2.5, color=PALETTE[1]), "mean"
    key_above(figure, [run, mean, *_mark(ax, bar, percent)])
    means = {name: _text(v.mean(), percent) for name, v in found.items()}
    _column(ax, "mean", means.values())
    figure.alt = f"{title or f'Spread of {metric}'}, means: {_listed(means)}"
    return figure


@public
def bars(values, metric, errors=None, bar=None, title=None, percent=False):
    """Draw a horizontal bar for each name, its value written beside it.

    values: dict name -> number, zero or more. errors: dict name -> half the length of a whisker
    (say in `metric` what it is). percent: values, errors and bar are fractions, shown in %.
    bar: a value to mark, or {its name: value}. Raises ValueError for values that are negative or
    not finite.

    >>> figure = plotting.bars({"dense": 78500, "convolution": 832}, "parameters")
    >>> figure.alt
    'Bars of parameters: dense 78,500; convolution 832.'
    """
    found = {}
    for name, v in named("values", values, "number").items():
        v = array(f"values[{name!r}]", v, "one number", (0,)).reshape(1)
        if v < 0:
            raise InputError(f"values[{name!r}] is {v[0]:g}, but a bar needs zero or more.")
        found[name] = _percent(f"values[{name!r}]", v, percent)[0]
    whiskers = _whiskers(errors, found, percent)
    bar = mark(bar)
    figure, ax = _rows(found, metric, title, percent, keyed=bar is not None)
    whisker_look = {"ecolor": INK, "capsize": 4, "lw": 1.4}
    lengths = list(found.values())
    xerr = list(whiskers.values()) or None
    ax.barh(range(len(found)), lengths, 0.6, color=PALETTE[0], xerr=xerr, error_kw=whisker_look)
    ax.set_xlim(left=0)
    key_above(figure, _mark(ax, bar, percent))
    texts = {name: _text(v, percent, whiskers.get(name)) for name, v in found.items()}
    _column(ax, "", texts.values())
    figure.alt = f"{title or f'Bars of {metric}'}: {_listed(texts)}"
    return figure


def _percent(name, v, percent):
    """Return fractions as percentages; refuse what is no fraction."""
    if not percent:
        return v
    if v.min() < 0 or v.max() > 1:
        raise InputError(
            f"{name} holds {v[(v < 0) | (v > 1)][0]:g}, but fractions from 0 to 1 are expected: "
            "pass percent=False for other quantities."
        )
    return v * 100


def _whiskers(errors, found, percent):
    """Return a dict name -> half length of a whisker, empty without errors."""
    if errors is None:
        return {}
    errors = named("errors", errors, "number")
    if set(errors) != set(found):
        raise InputError(f"errors has the names {list(errors)}, but values has {list(found)}.")
    lengths = {name: number(f"errors[{name!r}]", errors[name], low=0) for name in found}
    if None in lengths.values():
        raise InputError(f"errors holds None, but a number for each of {list(found)} is expected.")
    return {name: length * (100 if percent else 1) for name, length in lengths.items()}


def _rows(found, metric, title, percent, keyed):
    """Return (figure, axes) with a named row for each entry, the first on top."""
    names = [wrap(name, NAMES, SMALL) for name in found]
    lines = sum(max(1.9, n.count("\n") + 1.4) for n in names)
    above = heading_height(title, WIDTH) + (0.25 if keyed else 0)
    figure, ax = chart(0.85 + 0.19 * lines + above, title)
    ax.set_yticks(range(len(found)), names)
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    ax.set_xlabel(f"{metric}{' (%)' if percent else ''}")
    ax.locator_params(axis="x", nbins=7)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: plain(v)))
    return figure, ax


def _mark(ax, bar, percent):
    """Mark the bar, given as a fraction where percent; return its legend entries."""
    scaled = (bar[0], bar[1] * 100) if percent and bar else bar
    return mark_bar(ax, scaled, " %" if percent else "", upright=True)


def _column(ax, head, texts):
    """Write a text for each row to the right of the data, under a head."""
    place = {"textcoords": "offset points", "annotation_clip": False, "size": SMALL, "ha": "left"}
    for row, text in enumerate(texts):
        ax.annotate(text, (1, row), (8, 0), ("axes fraction", "data"), va="center", **place)
    if head:
        ax.annotate(head, (1, 1), (8, 2), "axes fraction", va="bottom", color=QUIET, **place)


def _text(value, percent, error=None):
    """Return a value as text, with its error where there is one."""
    parts = [f"{v:.1f}" if percent else plain(v) for v in (value, error) if v is not None]
    return " ± ".join(parts) + (" %" if percent else "")


def _listed(texts):
    return "; ".join(f"{name} {text}" for name, text in texts.items()) + "."
