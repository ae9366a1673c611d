"""How values are spread: histograms over each other."""

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from .charts import chart, key_above, key_room, mark_bar, name_axes, plain
from .lines import few
from .style import DASHES, PALETTE, public
from .valid import InputError, array, count, mark, named

MOST = 500  # bins


@public
def distribution(values, bins=30, xlabel="value", bar=None, title=None):
    """Draw histograms of named samples over each other, each as shares of its own values.

    values: dict name -> (n,), of any lengths. bins: how many equally wide bins all share, or their
    rising edges; values outside the edges are counted in the shares and not drawn. xlabel: what is
    measured, with its unit. bar: a value to mark, or {its name: value}.
    Raises ValueError for values that are not finite, bins that do not rise, and more names than
    there are colours.

    >>> figure = plotting.distribution({"train": [1, 2, 2, 3], "test": [2, 4]}, 3, "loss")
    >>> figure.alt
    'Distribution of loss: train mean 2, std 0.707 (4 values); test mean 3, std 1 (2 values).'
    """
    found = {
        name: array(f"values[{name!r}]", v, "numbers of shape (n,)", (1,))
        for name, v in named("values", values, "numbers").items()
    }
    few(found)
    bar = mark(bar)
    edges = _edges(bins, np.concatenate(list(found.values())))
    figure, ax = chart(3.6 + key_room([*found, bar[0] if bar else "bar"]), title)
    key = []
    for i, (name, v) in enumerate(found.items()):
        share = 100 * np.histogram(v, edges)[0] / len(v)
        look = {"ec": PALETTE[i], "fc": (PALETTE[i], 0.16), "lw": 1.8, "ls": DASHES[i]}
        ax.stairs(share, edges, fill=True, **look)
        key.append((Patch(**look), name))
    name_axes(ax, xlabel, "share of values per bin (%)")
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(8))
    key_above(figure, key + mark_bar(ax, bar, upright=True))
    each = [
        f"{name} mean {plain(v.mean())}, std {plain(v.std())} ({len(v)} values)"
        for name, v in found.items()
    ]
    figure.alt = f"{title or f'Distribution of {xlabel}'}: {'; '.join(each)}."
    return figure


def _edges(bins, values):
    """Return the edges of equal bins over all values, or the edges given."""
    if not isinstance(bins, list | tuple | np.ndarray):
        bins = count("bins", bins)
        if bins > MOST:
            raise InputError(f"bins is {bins}, but at most {MOST} can be seen.")
        return np.histogram_bin_edges(values, bins)
    edges = array("bins", bins, "a number of bins or their rising edges", (1,))
    if len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise InputError(
            f"bins has {len(edges)} edges that do not all rise, but at least two rising ones are "
            "expected."
        )
    return edges
