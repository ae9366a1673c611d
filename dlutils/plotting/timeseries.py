"""What was measured over time, and what was forecast."""

from datetime import date

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .charts import chart, key_above, key_room, name_axes
from .layout import heading_height, shorten
from .lines import few
from .style import INK, PALETTE, QUIET, SMALL, WIDTH, public
from .valid import InputError, array, named, partly, words

MOST = 12  # panels
FORECASTS = PALETTE[1:]
DASHED = [(0, (4, 1.5)), (0, (2, 1)), (0, (6, 1.5, 1, 1.5)), (0, (1, 1)), (0, (8, 2)), (0, (3, 3))]
SEEN = "training before, test after"
SPLIT = {"color": INK, "lw": 1.4, "ls": (0, (1, 1.5))}


@public
def series(
    times, values, names=None, unit="value", forecasts=None, split=None, panels=False,
    xlabel=None, title=None,
):  # fmt: skip
    """Draw values over time in one axis or in panels, forecasts dashed, with their bands.

    times: (n,) rising numbers or datetime64. values: (n,), or (n, series); NaN is a gap. names: one
    for each series. unit: of the values, or with panels a list with one for each. forecasts: dict
    name -> (times, values) or (times, values, lower, upper), in one axis only. split: the time from
    which nothing was seen in training. Raises ValueError for times that do not rise, other
    shapes, and more lines than there are colours.

    >>> days = np.arange("2020-01-01", "2020-01-05", dtype="datetime64[D]")
    >>> naive = {"naive": (days[2:], [2.0, 2.0])}
    >>> figure = plotting.series(days, [1.0, 2, 4, 3], ["price"], "USD", naive, split=days[2])
    >>> figure.alt
    'Time series of price, 2020-01-01 to 2020-01-04: 4 times, forecast by naive.'
    """
    kind = _dated(times)
    t = _times("times", times, kind)
    table = _values(values, len(t))
    names = words("names", names, table.shape[1], "series")
    names = names or [f"series {i}" for i in range(table.shape[1])]
    found = _forecasts(forecasts, kind, panels)
    split = None if split is None else _times("split", np.asarray(split)[None], kind)[0]
    axis = "date" if kind else "time"
    axis = axis if xlabel is None else str(xlabel)
    if panels:
        figure = _panels(t, table, names, unit, axis, split, title)
    else:
        few([*names, *found])
        figure = _together(t, table, names, unit, axis, split, title, found)
    if kind:
        _dates(figure.axes[-1].xaxis)
    ends = [str(np.asarray(times)[i]) if kind else f"{t[i]:g}" for i in (0, -1)]
    by = f", forecast by {' and '.join(found)}" if found else ""
    span = f"{ends[0]} to {ends[1]}: {len(t)} times{by}"
    figure.alt = f"{title or 'Time series'} of {', '.join(names)}, {span}."
    return figure


def _dated(times):
    """Return whether times are dates."""
    try:
        a = np.asarray(times)
    except (TypeError, ValueError):
        return False
    return a.dtype.kind == "M" or (a.dtype.kind == "O" and all(isinstance(v, date) for v in a.flat))


def _times(name, value, dated):
    """Return times as floats (days, where they are dates), which must rise."""
    if dated != _dated(value):
        kind = "datetime64, as times has" if dated else "numbers, as times has"
        raise InputError(f"{name} holds {np.asarray(value).dtype} values, but {kind}, is expected.")
    if dated:
        value = date2num(np.asarray(value, "datetime64[us]").reshape(np.shape(value)))
    a = array(name, value, "rising numbers or datetime64 of shape (n,)", (1,))
    if (np.diff(a) <= 0).any():
        at = int(np.argmax(np.diff(a) <= 0)) + 1
        raise InputError(f"{name} does not rise at place {at}, but each later time must be larger.")
    return a


def _values(value, count):
    a = partly("values", value, f"({count},) or ({count}, series)", (1, 2))
    if len(a) != count:
        raise InputError(f"values has shape {a.shape}, but there are {count} times.")
    return a[:, None] if a.ndim == 1 else a


def _forecasts(forecasts, dated, panels):
    """Return a dict name -> (times, values) or (times, values, lower, upper)."""
    if forecasts is None:
        return {}
    if panels:
        raise InputError("forecasts were given with panels=True, but they need panels=False.")
    found = {}
    what = "(times, values) or (times, values, lower, upper)"
    for name, parts in named("forecasts", forecasts, what).items():
        where = f"forecasts[{name!r}]"
        if not isinstance(parts, list | tuple) or len(parts) not in (2, 4):
            raise InputError(f"{where} is a {type(parts).__name__}, but {what} is expected.")
        t = _times(f"{where} times", parts[0], dated)
        found[name] = (t, *(array(where, part, f"({len(t)},) numbers", (1,)) for part in parts[1:]))
        sizes = {len(part) for part in found[name]}
        if len(sizes) > 1:
            raise InputError(f"{where} has parts of {sorted(sizes)} entries; expected: one length.")
    return found


def _together(t, table, names, unit, xlabel, split, title, forecasts):
    """Return a figure with all series in one axis."""
    figure, ax = chart(3.6 + key_room([*names, *forecasts, "interval", SEEN]), title)
    colours = [PALETTE[0], *PALETTE[:0:-1]]  # forecasts take theirs from the other end
    key = []
    for column, name, colour in zip(table.T, names, colours, strict=False):
        key.append((_line(ax, t, column, colour), name))
    for (name, (when, guess, *band)), colour, dashes in zip(
        forecasts.items(), FORECASTS, DASHED, strict=False
    ):
        (drawn,) = ax.plot(when, guess, color=colour, ls=dashes, lw=2, zorder=3)
        if len(when) == 1:
            drawn.set_marker("o")
        if band:
            ax.fill_between(when, *band, color=colour, alpha=0.18, lw=0)
        entry = (drawn, Patch(facecolor=colour, alpha=0.3)) if band else drawn
        key.append((entry, name))
    if any(len(parts) == 4 for parts in forecasts.values()):
        key.append((Patch(facecolor=QUIET, alpha=0.3), "interval"))
    name_axes(ax, xlabel, unit)
    key_above(figure, [*key, *_split([ax], split)])
    return figure


def _panels(t, table, names, unit, xlabel, split, title):
    """Return a figure with a panel for each series, one time axis for all."""
    if len(names) > MOST:
        raise InputError(f"{len(names)} panels were asked for, but at most {MOST} can be read.")
    units = [str(unit)] * len(names) if isinstance(unit, str) else unit
    units = words("unit", units, len(names), "panel")
    above = heading_height(title, WIDTH) + (0.25 if split is not None else 0)
    figure, first = chart(0.6 + above + 1.2 * len(names), title)
    first.remove()
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for ax, column, name, text in zip(axes, table.T, names, units, strict=True):
        _line(ax, t, column, PALETTE[0])
        ax.grid(True)
        ax.margins(x=0.03)
        ax.locator_params(axis="y", nbins=4)
        ax.set_title(shorten(name, 5.5), size=SMALL, weight="normal", pad=3)
        ax.set_ylabel(shorten(text, 0.9), size=SMALL)
    figure.align_ylabels(axes)
    axes[-1].set_xlabel(xlabel)
    key_above(figure, _split(axes, split))
    return figure


def _line(ax, t, column, colour):
    """Draw one series; a single value between gaps gets a dot, since no line reaches it."""
    (drawn,) = ax.plot(t, column, color=colour, lw=1.6 if len(t) < 400 else 1.1)
    known = np.pad(~np.isnan(column), 1)
    alone = known[1:-1] & ~known[:-2] & ~known[2:]
    ax.plot(t[alone], column[alone], ".", color=colour, ms=6)
    return drawn


def _split(axes, split):
    """Mark where training ends; return the entry for the legend."""
    if split is None:
        return []
    for ax in axes:
        ax.axvline(split, zorder=1.5, **SPLIT)
    return [(Line2D([], [], **SPLIT), SEEN)]


def _dates(axis):
    locator = AutoDateLocator(minticks=3, maxticks=8)
    axis.set_major_locator(locator)
    axis.set_major_formatter(ConciseDateFormatter(locator))
