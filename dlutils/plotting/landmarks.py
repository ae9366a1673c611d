"""Named points in a plane, such as systems by year and cost, and the trends among them."""

from matplotlib.lines import Line2D

from .charts import chart, key_above, key_room, log_ticks, name_axes
from .labels import beside_points
from .style import DASHES, INK, MARKERS, PALETTE, public
from .valid import InputError, array, named, plane

MOST = 50  # names that find a place beside their points
HEIGHT = 5.2  # inches


@public
def landmarks(groups, xlabel, ylabel, trends=None, xscale="linear", yscale="linear", title=None):
    """Draw named points, each group with its own look, the names beside them.

    groups: dict group -> dict name -> (x, y), of 7 groups and 50 points at most. trends: dict name
    -> (points, 2), drawn as lines. xscale, yscale: "linear" or "log". Raises ValueError for other
    shapes, and for values that a logarithmic axis cannot show.

    >>> systems = {"published": {"AlexNet": (2012, 4.7e17), "GPT-3": (2020, 3.14e23)}}
    >>> figure = plotting.landmarks(systems, "year", "operations", yscale="log")
    >>> figure.alt
    'Landmarks: year and operations of 2 points. published: AlexNet (2012, 4.7e+17), GPT-3 \
(2020, 3.14e+23).'
    """
    found = named("groups", groups, "dict of points")
    found = {group: _points(group, members) for group, members in found.items()}
    lines = {} if trends is None else named("trends", trends, "(points, 2)")
    lines = {name: plane(f"trends[{name!r}]", line) for name, line in lines.items()}
    _few(found, lines)
    figure, ax = chart(HEIGHT + key_room([*found, *lines]), title)
    name_axes(ax, str(xlabel), str(ylabel))
    points = [spot for members in found.values() for spot in members.values()]
    for i, (axis, scale) in enumerate((("x", xscale), ("y", yscale))):
        _scale(ax, axis, scale, [p[i] for p in [*points, *(p for v in lines.values() for p in v)]])
    key = []
    for i, members in enumerate(found.values()):
        look = {"ls": "", "color": PALETTE[i], "marker": MARKERS[i], "mec": "white", "mew": 0.5}
        key += ax.plot(*zip(*members.values(), strict=True), ms=7, **look)
    for i, line in enumerate(lines.values()):
        look = {"color": INK, "lw": 1.2, "ls": DASHES[(i + 1) % len(DASHES)], "zorder": 1.5}
        ax.plot(*line.T, **look)
        key.append(Line2D([], [], **look))
    ax.margins(0.08)
    key_above(figure, list(zip(key, [*found, *lines], strict=True)))
    beside_points(ax, points, [name for members in found.values() for name in members])
    figure.alt = f"{title or 'Landmarks'}: {xlabel} and {ylabel} of {len(points)} points. "
    figure.alt += "; ".join(f"{group}: {_listed(members)}" for group, members in found.items())
    figure.alt += "."
    return figure


def _points(group, members):
    """Return a dict name -> (x, y) of one group."""
    where = f"groups[{group!r}]"
    found = {}
    for name, spot in named(where, members, "(x, y)").items():
        a = array(f"{where}[{name!r}]", spot, "(x, y), two numbers", (1,))
        if len(a) != 2:
            raise InputError(f"{where}[{name!r}] has {len(a)} numbers, but (x, y) is expected.")
        found[name] = (float(a[0]), float(a[1]))
    return found


def _few(found, lines):
    """Refuse more groups than looks, and more names than can be read."""
    if len(found) > len(PALETTE):
        raise InputError(
            f"groups has {len(found)} entries, but only {len(PALETTE)} can be told apart: draw "
            "fewer in one figure."
        )
    if (count := sum(len(members) for members in found.values())) > MOST:
        raise InputError(
            f"there are {count} points, but only {MOST} names can be read: give fewer."
        )
    if len(lines) > len(DASHES) - 1:
        raise InputError(
            f"trends has {len(lines)} lines, but only {len(DASHES) - 1} are told apart."
        )


def _scale(ax, axis, scale, values):
    """Set the scale of one axis; a logarithmic one needs values above zero."""
    if scale not in ("linear", "log"):
        raise InputError(f"{axis}scale is {scale!r}, but 'linear' or 'log' is expected.")
    if scale == "log":
        if min(values) <= 0:
            raise InputError(
                f"{axis} reaches {min(values):g}, but {axis}scale='log' needs values above 0."
            )
        ax.set(**{f"{axis}scale": "log"})
        log_ticks(getattr(ax, f"{axis}axis"), min(values), max(values))


def _listed(members):
    return ", ".join(f"{name} ({x:.4g}, {y:.3g})" for name, (x, y) in members.items())
