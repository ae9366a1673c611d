"""Points of a plane that stand for examples: what is similar should be near."""

import numpy as np
from matplotlib.lines import Line2D

from .charts import chart, key_above, key_room, name_axes
from .labels import beside_points, in_clouds
from .style import MARKERS, PALETTE, public
from .valid import InputError, classes, pair, plane, whole, words

HOLLOW = ("v", "P", "X", "o", "s", "^", "D")  # marks of the second round: each colour gets another
LOOKS = len(PALETTE) + len(HOLLOW)
MOST = 50  # texts that find a place beside their points
PLANE = ("dimension 1", "dimension 2")


@public
def embedding(points, labels=None, class_names=None, title=None, texts=None, names=PLANE):
    """Draw points of a plane, coloured and marked by class, the class names beside their clouds.

    points: (n, 2). labels: (n,) class numbers from 0, of 14 classes at most. texts: n words, one
    beside each point (50 at most), instead of the class names; False for neither, where they would
    hide points: the key has the names. names: of the two axes. Raises ValueError for other shapes,
    and for more classes or texts than can be told apart.

    >>> figure = plotting.embedding([[0, 0], [1, 1], [1, 2]], [0, 1, 1], ["cat", "dog"])
    >>> figure.alt
    'Embedding: 3 points in dimension 1 and dimension 2; 1 cat, 2 dog.'
    """
    points = plane("points", points)
    labels, found = _labels(labels, class_names, len(points))
    bare = texts is False
    texts = None if bare else words("texts", texts, len(points), "point")
    if texts and len(texts) > MOST:
        raise InputError(
            f"there are {len(texts)} texts, but only {MOST} can be read: give fewer points."
        )
    figure, ax = chart((6.0 if texts and len(texts) > 20 else 4.8) + key_room(found), title)
    size = 7 if len(points) <= 150 else 5 if len(points) <= 1500 else 3.5
    for i in range(max(len(found), 1)):
        ax.plot(*points[labels == i].T, **_look(i, size))
    across, up = pair("names", names)
    name_axes(ax, across, up)
    ax.margins(0.06)
    key_above(figure, [(Line2D([], [], **_look(i, 7)), name) for i, name in enumerate(found)])
    if texts:
        beside_points(ax, points, texts)
    elif not bare:
        in_clouds(ax, [points[labels == i] for i in range(len(found))], found)
    counts = ", ".join(f"{np.sum(labels == i)} {name}" for i, name in enumerate(found))
    counts = f"; {counts}" if counts else ""
    figure.alt = f"{title or 'Embedding'}: {len(points)} points in {across} and {up}{counts}."
    return figure


def _labels(labels, class_names, count):
    """Return (labels, names of the classes, none without labels)."""
    if labels is None:
        if class_names is not None:
            raise InputError("class_names were given, but labels is None: give both.")
        return np.zeros(count, int), []
    labels = whole("labels", labels, "class numbers of shape (n,)", (1,), 0)
    if len(labels) != count:
        raise InputError(f"labels has {len(labels)} entries, but there are {count} points.")
    return labels, classes("class_names", class_names, int(labels.max()) + 1, LOOKS)


def _look(i, size):
    """Return how the points of class i look: a colour and a mark, in the second round hollow."""
    again, i = divmod(i, len(PALETTE))
    mark = {"ls": "", "ms": size}
    if again:
        return {**mark, "marker": HOLLOW[i], "mec": PALETTE[i], "mfc": "white", "mew": 1.3}
    return {**mark, "marker": MARKERS[i], "color": PALETTE[i], "mec": "white", "mew": 0.5}
