"""Texts among points: each is put where nothing else stands."""

import math

import numpy as np
from matplotlib.patheffects import Normal, Stroke

from .layout import shorten, text_height, text_width
from .style import DPI, INK, QUIET, SMALL

HALO = [Stroke(linewidth=3, foreground="white"), Normal()]
TRIES = 40  # rings around the point wanted
WIDEST = 1.8  # inches of a text
FEW = 4  # points, beside which a name stands and not on them
POINT = 4  # pixels from a point's middle to its edge


def beside_points(ax, points, texts):
    """Write a text beside each point, clear of all points and texts, with a line where far."""
    ax.figure.draw_without_rendering()
    spots = ax.transData.transform(points)
    taken = [(x - POINT, y - POINT, x + POINT, y + POINT) for x, y in spots]
    for spot, text in zip(spots, texts, strict=True):
        text = shorten(text, WIDEST)
        start = np.array([text_width(text, SMALL) * DPI / 2 + 8, 0])
        centre = _place(ax, text, spot, start, taken, bold=False)
        _write(ax, text, centre, spot, "normal")


def in_clouds(ax, clouds, names):
    """Write each name at the middle of its cloud of points, names clear of each other."""
    ax.figure.draw_without_rendering()
    taken = []
    for cloud, name in zip(clouds, names, strict=True):
        if len(cloud) and text_width(name, SMALL, True) <= WIDEST:  # others stand in the key alone
            spot = ax.transData.transform(np.median(cloud, axis=0))
            start = np.array([0, 14 if len(cloud) < FEW else 0])
            centre = _place(ax, name, spot, start, taken, bold=True)
            _write(ax, name, centre, centre, "bold")


def _place(ax, text, spot, start, taken, bold):
    """Return a centre for the text near `spot`, in pixels, and note the room it takes."""
    half = np.array([text_width(text, SMALL, bold) * DPI / 2 + 3, text_height(1, SMALL) * DPI / 2])
    frame = ax.get_window_extent()
    low, high = np.array([frame.x0, frame.y0]) + half, np.array([frame.x1, frame.y1]) - half
    for centre in _rings(spot, start, half):
        centre = np.clip(centre, low, np.maximum(high, low))
        box = (*(centre - half), *(centre + half))
        if not any(_overlap(box, other) for other in taken):
            break
    taken.append(box)
    return centre


def _rings(spot, start, half):
    """Yield places around `spot`, near ones first: at `start`, then on ellipses that grow."""
    yield spot + start
    step = np.array([half[0] + 8, half[1] + 6])
    for i in range(TRIES):
        for k in range(12):
            angle = math.pi * (k // 2 * (-1) ** k) / 6
            yield spot + step * (1 + 0.4 * i) * (math.cos(angle), math.sin(angle))


def _overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _write(ax, text, centre, spot, weight):
    """Write at a place in pixels, kept as a share of the axes, whatever size is drawn."""
    place = ax.transAxes.inverted().transform(centre)
    half = text_width(text, SMALL) * DPI / 2
    gap = max(abs(centre[0] - spot[0]) - half, 0), max(abs(centre[1] - spot[1]) - 8, 0)
    line = {"arrowstyle": "-", "color": QUIET, "lw": 0.8, "shrinkA": 0, "shrinkB": 3}
    ax.annotate(
        text, ax.transAxes.inverted().transform(spot), place, "axes fraction", "axes fraction",
        size=SMALL, weight=weight, color=INK, ha="center", va="center", path_effects=HALO, zorder=6,
        arrowprops=line if math.hypot(*gap) > 12 else None,
    )  # fmt: skip
