"""How training went: a metric over the epochs."""

from collections.abc import Mapping
from numbers import Real

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from .charts import chart, key_above, label_ends, mark_bar
from .lines import band_key, few, line
from .style import MARKERS, PALETTE, QUIET, public
from .valid import InputError, array, mark, named

TRAINING = (0, (4, 1.6))  # dashes of every training line


@public
def history(runs, metric="accuracy", bar=None, title=None):
    """Draw a metric over the epochs: training dashed, validation solid, a colour for each name.

    runs: what `fit` returned (or its `.history`), or a dict name -> that, or -> a list of these,
    one for each seed: then the mean and a band of one sample standard deviation, up to the last
    epoch that all reached. bar: a value to mark, or {its name: value}. Raises ValueError
    where the metric is missing.

    >>> figure = plotting.history({"accuracy": [0.5, 0.7], "val_accuracy": [0.4, 0.6]})
    >>> figure.alt
    'Line chart: accuracy over the epochs; accuracy ends at 0.6.'
    """
    found = {name: _stack(name, runs, metric) for name, runs in _by_name(runs).items()}
    few(found)
    bar = mark(bar)
    figure, ax = chart(title=title)
    ends = []
    for i, (name, (train, val)) in enumerate(found.items()):
        epochs = np.arange(1, train.shape[1] + 1)
        marker = MARKERS[i] if len(found) > 1 else ""
        if val is None:
            end = line(ax, epochs, train, PALETTE[i], marker, TRAINING, hollow=True)
        else:
            line(ax, epochs, train, PALETTE[i], dashes=TRAINING, hollow=True)
            end = line(ax, epochs, val, PALETTE[i], marker)
        ends.append((name, *end, PALETTE[i]))
    ax.set(xlabel="epoch", ylabel=str(metric))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    key_above(figure, _key(found) + mark_bar(ax, bar))
    if any(found):
        label_ends(ax, ends)
    last = "; ".join(f"{name or metric} ends at {y:.3g}" for name, _, y, _ in ends)
    figure.alt = f"{title or 'Line chart'}: {metric} over the epochs; {last}."
    return figure


def _key(found):
    """Return the legend's entries that explain dashes and bands."""
    entries = [(Line2D([], [], color=QUIET, ls=TRAINING), "training")]
    if any(val is not None for _, val in found.values()):
        entries.append((Line2D([], [], color=QUIET), "validation"))
    return entries + band_key(train for train, _ in found.values())


def _by_name(runs):
    """Return dict name -> list of `.history` dicts; what has no name gets the empty one."""
    nameless = hasattr(runs, "history") or isinstance(runs, list | tuple) or _recorded(runs)
    entries = (
        {"": runs} if nameless else named("runs", runs, "History, .history or a list of these")
    )
    return {name: e if isinstance(e, list | tuple) else [e] for name, e in entries.items()}


def _recorded(run):
    """Return whether this is a `.history`: a dict name of a metric -> one number for each epoch."""
    return isinstance(run, Mapping) and all(
        isinstance(v, list | tuple | np.ndarray) and len(v) and all(isinstance(e, Real) for e in v)
        for v in run.values()
    )


def _stack(name, runs, metric):
    """Return (training, validation or None) of the runs of one name, each (seeds, epochs)."""
    where = f"runs[{name!r}]" if name else "runs"
    if not runs:
        raise InputError(f"{where} holds no run, but at least one History is expected.")
    train = _seeds(where, runs, metric)
    validated = all(f"val_{metric}" in _history(where, run) for run in runs)
    return train, _seeds(where, runs, f"val_{metric}") if validated else None


def _seeds(where, runs, metric):
    values = []
    for run in runs:
        recorded = _history(where, run)
        if metric not in recorded:
            known = ", ".join(map(str, recorded)) or "nothing"
            raise InputError(f"{where} has no metric {metric!r}, but recorded {known}.")
        what = "one number for each epoch"
        values.append(array(f"{metric} of {where}", recorded[metric], what, (1,)))
    shortest = min(map(len, values))
    return np.stack([v[:shortest] for v in values])


def _history(where, run):
    recorded = getattr(run, "history", run)
    if not isinstance(recorded, Mapping):
        raise InputError(
            f"{where} holds a {type(run).__name__}, but what fit returned, or its .history, is "
            "expected."
        )
    return recorded
