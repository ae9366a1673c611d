"""Lines: any quantity over another, its mean and spread over seeds."""

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from .charts import chart, key_above, label_ends, log_ticks, mark_bar
from .style import DASHES, MARKERS, PALETTE, QUIET, public
from .valid import InputError, array, mark, named


@public
def curves(x, series, xlabel, ylabel, title=None, bar=None, xscale="linear", yscale="linear"):
    """Draw quantities over `x`; of several seeds the mean and a band of one standard deviation.

    x: (points,). series: dict name -> (points,) or (seeds, points). xscale, yscale: "linear" or
    "log". bar: a value of y to mark, or {its name: value}. Raises ValueError where
    lengths differ or values are NaN.

    >>> losses = {"plain": [3, 2, 1.5], "deep": [[3, 1, 0.5], [3, 2, 0.7]]}
    >>> figure = plotting.curves([1, 2, 3], losses, "epoch", "loss")
    >>> figure.alt
    'Line chart: loss over epoch; plain ends at 1.5; deep ends at 0.6.'
    """
    x = array("x", x, "a one-dimensional array of positions", (1,))
    found = named("series", series, "values")
    found = {name: _seeds(name, y, len(x)) for name, y in found.items()}
    few(found)
    bar = mark(bar)
    figure, ax = chart(title=title)
    ax.set(xlabel=str(xlabel), ylabel=str(ylabel))
    _scale(ax, "x", xscale, {"x": x})
    _scale(ax, "y", yscale, {f"series[{name!r}]": y for name, y in found.items()})
    if xscale == "linear" and np.array_equal(x, np.round(x)):  # epochs, layers, counts
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ends = []
    for i, (name, y) in enumerate(found.items()):
        ends.append((name, *line(ax, x, y, PALETTE[i], MARKERS[i], DASHES[i]), PALETTE[i]))
    key_above(figure, band_key(found.values()) + mark_bar(ax, bar))
    label_ends(ax, ends)
    last = "; ".join(f"{name} ends at {y:.3g}" for name, _, y, _ in ends)
    figure.alt = f"{title or 'Line chart'}: {ylabel} over {xlabel}; {last}."
    return figure


def line(ax, x, y, colour, marker="", dashes="-", hollow=False):
    """Draw the mean of y (seeds, points) and, of several seeds, its band; return the last point."""
    mean = y.mean(axis=0)
    every = max(1, len(x) // 8)
    marker = marker or ("o" if len(x) == 1 else "")  # a line through one point shows nothing
    look = {"marker": marker, "markevery": ((len(x) - 1) % every, every)}
    look["markerfacecolor"] = "white" if hollow else colour
    ax.plot(x, mean, color=colour, ls=dashes, **look)
    if len(y) > 1:
        spread = y.std(axis=0, ddof=1)
        ax.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.16, lw=0)
    return float(x[-1]), float(mean[-1])


def band_key(stacks):
    """Return the legend's entry for bands, none where no (seeds, points) has several seeds."""
    seeds = sorted({len(y) for y in stacks if len(y) > 1})
    if not seeds:
        return []
    runs = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return [(Patch(facecolor=QUIET, alpha=0.3), f"mean ± std of {runs} runs")]


def few(found):
    """Refuse more names than there are colours that can be told apart."""
    if len(found) > len(PALETTE):
        raise InputError(
            f"{len(found)} names were given, but only {len(PALETTE)} colours can be told apart: "
            "draw fewer in one figure."
        )


def _seeds(name, y, points):
    y = array(f"series[{name!r}]", y, "values of shape (points,) or (seeds, points)", (1, 2))
    if y.shape[-1] != points:
        raise InputError(f"series[{name!r}] has shape {y.shape}, but x has {points} points.")
    return y[None] if y.ndim == 1 else y


def _scale(ax, axis, scale, values):
    """Set the scale of one axis; logarithmic ones need values above zero."""
    if scale not in ("linear", "log"):
        raise InputError(f"{axis}scale is {scale!r}, but 'linear' or 'log' is expected.")
    if scale == "linear":
        return
    for name, v in values.items():
        if v.min() <= 0:
            raise InputError(
                f"{name} holds {v.min():g}, but {axis}scale='log' needs values above 0."
            )
    ax.set(**{f"{axis}scale": "log"})
    ends = min(v.min() for v in values.values()), max(v.max() for v in values.values())
    log_ticks(getattr(ax, f"{axis}axis"), *ends)
