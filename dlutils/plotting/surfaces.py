"""A quantity over a plane, and the ways that optimizers take on it."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .charts import chart, key_above, key_room, log_ticks, name_axes, plain
from .layout import wrap
from .lines import few
from .style import DASHES, MARKERS, PALETTE, QUIET, TEXT, public
from .valid import InputError, array, named, pair, plane

FINE = 120  # places along each axis at which a function is evaluated
LEVELS = 14
GRAYS = LinearSegmentedColormap.from_list("grays", ["#ffffff", "#9a9a9a"])  # paths stand out
START = {"marker": "o", "mfc": "white", "mew": 1.6, "ms": 8, "ls": ""}
END = {"mec": "white", "mew": 0.8, "ms": 10, "ls": ""}
DOTTED = 60  # steps, up to which each gets a dot


@public
def surface(
    f, x, y, paths=None, log=False, label="loss", names=("w1", "w2"), title=None
):  # fmt: skip
    """Draw the contours of a quantity over a plane, with named paths on it.

    f: a function of (m, 2) that returns (m,), or its values of shape (len(y), len(x)). x, y: places
    along the axes, rising (for a function the ends are enough). paths: dict name -> (steps, 2); the
    start is a ring, the end a filled mark; what leaves the map is cut off. log: contours at equal
    factors, for values above zero. label: what f is. names: of the axes. Raises ValueError for
    other shapes, and for more paths than there are colours.

    >>> path = [[2, 1], [1, 0.5], [0.5, 0.2]]
    >>> bowl = lambda w: (w**2).sum(axis=1)
    >>> figure = plotting.surface(bowl, [-3, 3], [-2, 2], {"descent": path})
    >>> figure.alt
    'Contour map of loss over w1 and w2. descent goes from (2, 1) to (0.5, 0.2) in 2 steps.'
    """
    x, y = _axis("x", x), _axis("y", y)
    x, y, values = _values(f, x, y)
    if log and values.min() <= 0:
        raise InputError(f"f reaches {values.min():g}, but log=True needs values above 0.")
    found = {} if paths is None else named("paths", paths, "(steps, 2)")
    found = {name: plane(f"paths[{name!r}]", path) for name, path in found.items()}
    few(found)
    figure, ax = chart(4.6 + key_room([*found, "start"]), title)
    ax.grid(False)
    _contours(figure, ax, x, y, values, log, str(label))
    for i, path in enumerate(found.values()):
        _path(ax, path, i, np.array([x[[0, -1]], y[[0, -1]]]).T)
    across, up = pair("names", names)
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    name_axes(ax, across, up)
    key_above(figure, _key(found))
    walks = [_walk(name, path) for name, path in found.items()]
    figure.alt = " ".join([f"{title or 'Contour map'} of {label} over {across} and {up}.", *walks])
    return figure


def _axis(name, value):
    a = array(name, value, "places of shape (n,), at least two", (1,))
    if len(a) < 2 or (np.diff(a) <= 0).any():
        raise InputError(f"{name} has {len(a)} places, but at least two that rise are expected.")
    return a


def _values(f, x, y):
    """Return (x, y, values (len(y), len(x))); a function is evaluated on a fine lattice."""
    if not callable(f):
        what = f"a function or values of shape (len(y), len(x)) = {(len(y), len(x))}"
        values = array("f", f, what, (2,))
        if values.shape != (len(y), len(x)):
            raise InputError(f"f has shape {values.shape}, but {what} is expected.")
        return x, y, values
    x, y = (np.linspace(a[0], a[-1], FINE) for a in (x, y))
    places = np.stack([a.ravel() for a in np.meshgrid(x, y)], axis=1)
    what = f"one number for each of {len(places)} points"
    values = array("what f returns", f(places), what, (1, 2))
    if values.size != len(places):
        raise InputError(f"what f returns has shape {values.shape}, but {what} is expected.")
    return x, y, values.reshape(FINE, FINE)


def _contours(figure, ax, x, y, values, log, label):
    """Draw filled contours, white the lowest, with a scale beside them."""
    low, high = float(values.min()), float(values.max())
    if high <= low:  # a plain: contours need a range
        high = low + abs(low) + 1
    if log:
        options = {"levels": np.geomspace(low, high, LEVELS), "norm": LogNorm(low, high)}
    else:
        options = {"levels": MaxNLocator(LEVELS).tick_values(low, high)}
    filled = ax.contourf(x, y, values, cmap=GRAYS, **options)
    ax.contour(x, y, values, levels=options["levels"], colors=[QUIET], linewidths=0.5, alpha=0.6)
    bar = figure.colorbar(filled, ax=ax, label=wrap(label, 3.0, TEXT), pad=0.02, aspect=28)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: plain(v)))
    if log:
        log_ticks(bar.ax.yaxis, low, high)
    else:
        bar.locator = MaxNLocator(7)
        bar.update_ticks()


def _path(ax, path, i, frame):
    """Draw a path with its start and its end, where these lie within the frame."""
    halo = [Stroke(linewidth=3.4, foreground="white"), Normal()]
    colour, every = PALETTE[i], max(1, len(path) // DOTTED)
    ax.plot(*path.T, color=colour, ls=DASHES[i], path_effects=halo, zorder=3)
    ax.plot(*path[::every].T, color=colour, ls="", marker=".", ms=4, zorder=3)
    looks = [{"mec": colour, **START}, {"color": colour, "marker": MARKERS[i], **END}]
    for place, look in zip((path[0], path[-1]), looks, strict=True):
        if (frame[0] <= place).all() and (place <= frame[1]).all():
            ax.plot(*place, **look, zorder=4, clip_on=False)


def _key(found):
    if not found:
        return []
    looks = [
        {"color": PALETTE[i], "ls": DASHES[i], "marker": MARKERS[i], "mec": "white", "ms": 8}
        for i in range(len(found))
    ]
    entries = [(Line2D([], [], **look), name) for look, name in zip(looks, found, strict=True)]
    return [*entries, (Line2D([], [], mec=QUIET, **START), "start")]


def _walk(name, path):
    ends = [f"({a:.3g}, {b:.3g})" for a, b in (path[0], path[-1])]
    return f"{name} goes from {ends[0]} to {ends[1]} in {len(path) - 1} steps."
