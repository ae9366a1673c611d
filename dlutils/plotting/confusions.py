"""What was taken for what: the confusion matrix."""

import numpy as np
from matplotlib.colors import to_rgb

from .charts import chart
from .layout import heading_height, text_width, wrap
from .style import PALETTE, SMALL, WIDTH, ink_on, public
from .valid import InputError, whole, words

NUMBERED = 15  # with more classes the counts would be too small to read


RIGHT, WRONG = "#00568a", PALETTE[1]  # a darker blue, so that white numbers read well


@public
def confusion(y_true, y_pred, class_names=None, title=None):
    """Draw how often each class was taken for each: right answers blue, mistakes orange.

    y_true, y_pred: (n,) class numbers from 0. class_names: one for each class. Numbers are counts;
    colour is the share of the true class, for mistakes relative to the most frequent one. Raises
    ValueError for scores instead of class numbers, different lengths, or classes without a name.

    >>> figure = plotting.confusion([0, 1, 1], [0, 1, 0], ("cat", "dog"))
    >>> figure.alt
    'Confusion matrix: 2 of 3 right. The most frequent mistake is dog taken for cat.'
    """
    y_true, y_pred, names = _classes(y_true, y_pred, class_names)
    counts = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(counts, (y_true, y_pred), 1)
    title = f"{title or 'Confusion matrix'}: {np.trace(counts)} of {len(y_true)} right"
    names = [wrap(name, 1.3, SMALL) for name in names]
    widest = max(text_width(line, SMALL) for name in names for line in name.split("\n"))
    entry = min(max(0.46, min(widest + 0.1, 0.9)), 5.4 / len(names))
    side = entry * len(names)
    upright = widest > entry - 0.06
    across = min(WIDTH, max(side + widest + 0.9, 4.5))
    height = side + 0.75 + heading_height(title, across) + (widest if upright else 0)
    figure, ax = chart(height, title, across)
    colours = _colours(counts)
    ax.imshow(colours, interpolation="nearest")
    ax.set_anchor("W")
    if len(names) <= NUMBERED:
        for (row, column), n in np.ndenumerate(counts):
            if n:
                ink = ink_on(colours[row, column])
                ax.text(column, row, n, ha="center", va="center", size=SMALL, color=ink)
    _label(ax, names, upright)
    figure.alt = f"{title}.{_worst(counts, names)}"
    return figure


def _worst(counts, names):
    """Return a sentence on the most frequent mistake, none where all is right."""
    mistakes = counts - np.diag(np.diag(counts))
    if not mistakes.any():
        return ""
    named = [name.replace("\n", " ") for name in names]
    true, taken = np.unravel_index(np.argmax(mistakes), counts.shape)
    return f" The most frequent mistake is {named[true]} taken for {named[taken]}."


def _classes(y_true, y_pred, class_names):
    what = "class numbers of shape (n,); take argmax(-1) of scores"
    y_true = whole("y_true", y_true, what, (1,), 0)
    y_pred = whole("y_pred", y_pred, what, (1,), 0)
    if len(y_true) != len(y_pred):
        raise InputError(f"y_true has {len(y_true)} entries, but y_pred has {len(y_pred)}.")
    classes = int(max(y_true.max(), y_pred.max())) + 1
    if class_names is None:
        return y_true, y_pred, [str(i) for i in range(classes)]
    names = words("class_names", class_names, np.size(class_names), "class")
    if len(names) < classes:
        raise InputError(
            f"class_names has length {len(names)}, but class {classes - 1} occurs, so at least "
            f"{classes} names are expected."
        )
    return y_true, y_pred, names


def _colours(counts):
    """Return RGB (classes, classes, 3): white to blue on the diagonal, white to orange off it."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    mistakes = share * (1 - np.eye(len(counts)))
    depth = np.where(np.eye(len(counts)), share, 0.85 * mistakes / max(mistakes.max(), 1e-12))
    depth = np.where(counts > 0, 0.12 + 0.88 * depth, 0)[..., None]
    hue = np.where(np.eye(len(counts))[..., None], to_rgb(RIGHT), to_rgb(WRONG))
    return 1 - depth * (1 - hue)


def _label(ax, names, upright):
    """Write the class names and draw lines between the classes."""
    n = len(names)
    ax.set_xticks(range(n), names, rotation=90 if upright else 0)
    ax.set_yticks(range(n), names)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    ax.grid(False)
    ax.grid(which="minor", color="#d5d5d5", lw=0.6)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
