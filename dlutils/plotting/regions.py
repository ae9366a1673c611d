"""What a classifier answers everywhere in a plane."""

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from .charts import chart, key_above, key_room, name_axes
from .style import INK, MARKERS, PALETTE, public
from .valid import InputError, array, classes, pair, plane, whole

FINE = 200  # cells along each axis
TINT = 0.28  # how much of a class's colour its region has
ROOM = 0.08  # of the range, kept free around the points


@public
def decision_regions(predict, x, y, class_names=None, title=None, names=("x1", "x2")):
    """Draw the class that `predict` answers all over the plane, and the points with their classes.

    predict: function of (m, 2) float32 that returns (m,) class numbers from 0, or (m, classes)
    scores, whose largest decides. x: (n, 2). y: (n,) class numbers. names: of the two axes, with
    their units. Regions are sampled on 200 × 200 places. Raises ValueError for other shapes, for
    probabilities instead of classes, and for more classes than there are colours.

    >>> x = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    >>> figure = plotting.decision_regions(lambda p: p[:, 0] > 0.5, x, [0, 1, 1, 1])
    >>> figure.alt
    'Decision regions: 4 points of 2 classes, 75 % of them in the region of their own class.'
    """
    x = plane("x", x)
    y = whole("y", y, "class numbers of shape (n,)", (1,), 0)
    if len(y) != len(x):
        raise InputError(f"x has {len(x)} points, but y has {len(y)} entries.")
    extent = _extent(x)
    field, answers, known = _ask(predict, extent, x)
    found = classes("class_names", class_names, max(known, int(y.max()) + 1), len(PALETTE))
    figure, ax = chart(4.4 + key_room(found), title)
    tints = 1 - TINT * (1 - np.array([to_rgb(c) for c in PALETTE]))
    ax.imshow(tints[field], extent=extent, origin="lower", interpolation="nearest", aspect="auto")
    _borders(ax, field, extent)
    for i in range(len(found)):
        look = {"ls": "", "color": PALETTE[i], "marker": MARKERS[i], "mec": "white", "mew": 0.7}
        ax.plot(*x[y == i].T, ms=7 if len(x) <= 500 else 5, **look)
    across, up = pair("names", names)
    ax.set(xlim=extent[:2], ylim=extent[2:])
    name_axes(ax, across, up)
    ax.grid(False)
    key = [
        Line2D([], [], ls="", marker=MARKERS[i], color=PALETTE[i], ms=7) for i in range(len(found))
    ]
    key_above(figure, list(zip(key, found, strict=True)))
    own = f"{100 * np.mean(answers == y):.0f} % of them in the region of their own class"
    figure.alt = f"{title or 'Decision regions'}: {len(x)} points of {len(found)} classes, {own}."
    return figure


def _extent(x):
    """Return (left, right, bottom, top) around the points, never empty."""
    low, high = x.min(axis=0), x.max(axis=0)
    room = np.where(high > low, ROOM * (high - low), np.maximum(0.5 * np.abs(low), 1))
    return [float(v) for v in np.stack([low - room, high + room], axis=1).ravel()]


def _ask(predict, extent, x):
    """Return (classes on the lattice, classes of the points x, how many classes there are)."""
    if not callable(predict):
        raise InputError(
            f"predict is a {type(predict).__name__}, but a function of points (m, 2) is expected."
        )
    columns, rows = (np.linspace(*extent[i : i + 2], 2 * FINE + 1)[1::2] for i in (0, 2))
    places = np.stack([a.ravel() for a in np.meshgrid(columns, rows)], axis=1)
    asked = np.concatenate([places, x]).astype("float32")
    answers, known = _classes(predict(asked), len(asked))
    return answers[: FINE**2].reshape(FINE, FINE), answers[FINE**2 :], known


def _classes(answers, count):
    """Return (class numbers, how many classes there are) of what `predict` answered."""
    what = "class numbers of shape (m,) or scores of shape (m, classes) for m points"
    a = array("what predict returns", answers, what, (1, 2))
    if len(a) != count:
        raise InputError(
            f"what predict returns has shape {a.shape} for {count} points, but {what} is expected."
        )
    if a.ndim == 2 and a.shape[1] > 1:
        return a.argmax(axis=1), a.shape[1]
    a = a.reshape(-1)
    if (a != np.round(a)).any():
        raise InputError(
            f"what predict returns holds {a[a != np.round(a)][0]:g}, but {what} is expected: turn "
            "the probability of one output into a class by > 0.5."
        )
    a = whole("what predict returns", a, what, (1,), 0)
    return a, int(a.max()) + 1


def _borders(ax, field, extent):
    """Draw a line between regions, so that they are told apart without their tints."""
    columns, rows = (np.linspace(*extent[i : i + 2], FINE + 1) for i in (0, 2))
    at, cell = np.nonzero(field[:, 1:] != field[:, :-1])[::-1]
    upright = _pieces(columns[at + 1], rows[cell], columns[at + 1], rows[cell + 1])
    at, cell = np.nonzero(field[1:] != field[:-1])
    level = _pieces(columns[cell], rows[at + 1], columns[cell + 1], rows[at + 1])
    ax.add_collection(LineCollection([*upright, *level], colors=INK, linewidths=0.9))


def _pieces(x1, y1, x2, y2):
    """Return pieces of lines, (n, 2, 2)."""
    return np.stack([x1, y1, x2, y2], axis=1).reshape(-1, 2, 2)
