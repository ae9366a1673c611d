"""Events along a line of years."""

from matplotlib.lines import Line2D

from .layout import heading, heading_height, text_height, text_width, wrap
from .spacing import apart
from .style import INK, MARGIN, PALETTE, QUIET, SMALL, WIDTH, new_figure, public
from .valid import InputError, whole

MOST = 60
ARM = 0.55  # inches from the line of years to the texts
GAP = 0.13  # inches between texts


@public
def timeline(events, title=None):
    """Draw events along a vertical line of years, the oldest on top, texts on both sides.

    events: list of (year, label) or (year, label, source), 60 at most, in any order. Dots stand at
    their years, texts as near to them as they can without touching. Raises ValueError for anything
    else.

    >>> figure = plotting.timeline([(1986, "Backpropagation", "Nature 323"), (1958, "Perceptron")])
    >>> figure.alt
    'Time line, 1958 to 1986: 1958 Perceptron; 1986 Backpropagation.'
    """
    events = sorted((_event(i, e) for i, e in enumerate(_listed(events))), key=lambda e: e[0])
    year = max(text_width(str(e[0]), SMALL, True) for e in events) + 0.08
    room = WIDTH / 2 - MARGIN - ARM - year
    texts = [tuple(wrap(part, room, SMALL) if part else "" for part in e[1:]) for e in events]
    heights = [sum(text_height(t.count("\n") + 1, SMALL) for t in pair if t) for pair in texts]
    sides = [_side(i, heights) for i in (0, 1)]
    length = max(0.6, 1.15 * max(sum(sides[0]), sum(sides[1])))
    first, last = events[0][0], events[-1][0]
    tops = [length * (e[0] - first) / max(last - first, 1) for e in events]
    margin = MARGIN + max(heights) / 2
    above = heading_height(title, WIDTH) + margin
    figure = new_figure(WIDTH, above + length + margin)
    heading(figure, title)
    _draw_line(figure, above, above + length, [above + t for t in tops])
    for side in (0, 1):
        centres = apart(tops[side::2], sides[side], -margin + MARGIN, length + margin - MARGIN)
        for k, centre in enumerate(centres):
            i = 2 * k + side
            _write(figure, side, above + tops[i], above + centre, (events[i][0], *texts[i]), year)
    listed = "; ".join(f"{e[0]} {e[1]}" for e in events)
    figure.alt = f"{title or 'Time line'}, {first} to {last}: {listed}."
    return figure


def _side(side, heights):
    return [h + GAP for h in heights[side::2]]


def _listed(events):
    if not isinstance(events, list | tuple) or not events:
        given = "empty" if isinstance(events, list | tuple) else f"a {type(events).__name__}"
        raise InputError(f"events is {given}, but a list of (year, label) is expected.")
    if len(events) > MOST:
        raise InputError(f"events has {len(events)} entries, but at most {MOST} can be read.")
    return events


def _event(i, event):
    """Return (year, label, source), the source empty where there is none."""
    what = "(year, label) or (year, label, source)"
    if not isinstance(event, list | tuple) or len(event) not in (2, 3):
        given = " ".join(repr(event).split())[:60]
        raise InputError(f"events[{i}] is {given}, but {what} is expected.")
    (year,) = whole(f"events[{i}]", [event[0]], "a year as a whole number", (1,), -9999, 9999)
    texts = [" ".join(str(part or "").split()) for part in event[1:]]
    if not isinstance(event[1], str) or not texts[0]:
        raise InputError(f"events[{i}] has no label, but {what} is expected.")
    return int(year), texts[0], texts[1] if len(texts) > 1 else ""


def _draw_line(figure, top, bottom, tops):
    down = figure.get_figheight()
    line = Line2D([0.5, 0.5], [1 - top / down, 1 - bottom / down], color=QUIET, lw=1.6)
    dots = Line2D([0.5] * len(tops), [1 - t / down for t in tops], ls="", marker="o", ms=6)
    dots.set(color=PALETTE[0], mec="white", mew=0.8, zorder=3)
    figure.add_artist(line)
    figure.add_artist(dots)


def _write(figure, side, at, centre, parts, wide):
    """Write year, label and source of one event, with a line to its dot."""
    across, down = figure.get_size_inches()
    sign, align = (-1, "right") if side == 0 else (1, "left")
    number, label, source = parts
    x = across / 2 + sign * ARM
    elbow = [across / 2, across / 2 + sign * 0.85 * ARM, x - sign * 0.05]
    line = {"color": QUIET, "lw": 0.8, "zorder": 1}
    heights = [1 - d / down for d in (at, centre, centre)]
    figure.add_artist(Line2D([e / across for e in elbow], heights, **line))
    style = {"size": SMALL, "ha": align}
    figure.text(x / across, 1 - centre / down, number, weight="bold", va="center", **style)
    rows = [part.count("\n") + 1 if part else 0 for part in (label, source)]
    y = centre - text_height(sum(rows), SMALL) / 2
    for part, lines, colour in zip((label, source), rows, (INK, QUIET), strict=True):
        place = (x + sign * wide) / across, 1 - (y + text_height(lines, SMALL) / 2) / down
        figure.text(*place, part, color=colour, va="center", **style)
        y += text_height(lines, SMALL)
