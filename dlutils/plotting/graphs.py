"""A computation as a graph: what goes into what."""

from itertools import pairwise

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from .layers import BEND, layers, place, split
from .layout import heading, heading_height, text_height, text_width, wrap
from .style import MARGIN, PALETTE, QUIET, SMALL, WIDTH, new_figure, public
from .valid import InputError, named

MOST = 40
PAD = 0.08  # inches around the text of a node
BETWEEN = 0.42  # inches between layers, where the arrows are
ROOMY = 0.75  # the same, where the page is wide enough
TALLEST = 14.0  # inches
WIDEST = 1.7  # inches of text
FILL = "#eaf3f8"


@public
def graph(nodes, edges, title=None):
    """Draw a directed graph without cycles in layers, from left to right or, if wide, downwards.

    nodes: dict name -> text, or a list with a text for each line (None: the name itself), 40 at
    most. edges: list of (from, to); one given twice is drawn once. A node stands just before what
    it goes into. Raises ValueError for unknown names, cycles, and what does not fit the page.

    >>> nodes = {"x": "x = 2", "w": "w = 3", "xw": ["x·w", "6"]}
    >>> figure = plotting.graph(nodes, [("x", "xw"), ("w", "xw")])
    >>> figure.alt
    'Graph of 3 nodes: x to xw; w to xw.'
    """
    texts = _texts(nodes)
    edges = _edges(edges, texts)
    layer = layers(list(texts), edges)
    if layer is None:
        raise InputError("edges form a cycle, but a graph without cycles is expected.")
    boxes = {n: _box(text) for n, text in texts.items()}
    spots, size, flat, chains = _arrange(boxes, edges, layer)
    width = max(size[0] + 2 * MARGIN, 3.2)
    top = MARGIN + heading_height(title, width)
    figure = new_figure(width, top + size[1] + MARGIN)
    heading(figure, title)
    down = figure.get_figheight()
    frame = [MARGIN / width, MARGIN / down, size[0] / width, size[1] / down]
    ax = figure.add_axes(frame, xlim=(0, size[0]), ylim=(size[1], 0))
    ax.axis("off")
    for chain in chains.values():
        _arrow(ax, chain, spots, boxes, flat)
    for name, text in texts.items():
        _node(ax, spots[name], boxes[name], text)
    listed = "; ".join(f"{a} to {b}" for a, b in edges) or "no edges"
    figure.alt = f"{title or 'Graph'} of {len(texts)} nodes: {listed}."
    return figure


def _texts(nodes):
    """Return a dict name -> text of its box."""
    found = named("nodes", nodes, "text")
    if len(found) > MOST:
        raise InputError(f"nodes has {len(found)} entries, but at most {MOST} can be read.")
    texts = {}
    for name, text in found.items():
        lines = [name] if text is None else text if isinstance(text, list | tuple) else [text]
        texts[name] = "\n".join(wrap(line, WIDEST, SMALL) for line in lines)
    return texts


def _edges(edges, texts):
    """Return the edges, each once, in their order."""
    what = "a list of (from, to)"
    if not isinstance(edges, list | tuple | set):
        raise InputError(f"edges is a {type(edges).__name__}, but {what} is expected.")
    found = {}
    for edge in edges:
        if not isinstance(edge, list | tuple) or len(edge) != 2:
            given = " ".join(repr(edge).split())[:60]
            raise InputError(f"edges holds {given}, but {what} is expected.")
        pair = tuple(str(end) for end in edge)
        unknown = [end for end in pair if end not in texts]
        if unknown:
            known = ", ".join(list(texts)[:12])
            raise InputError(f"edges names {unknown[0][:60]!r}, but the nodes are {known}.")
        found[pair] = None
    return list(found)


def _box(text):
    lines = text.split("\n")
    wide = max(text_width(line, SMALL) for line in lines) + 2 * PAD
    return max(wide, 0.35), text_height(len(lines), SMALL) + PAD


def _arrange(boxes, edges, layer):
    """Return (centre of each node, size, whether layers go from left to right, chains of edges)."""
    for flat in (True, False):
        rows, links, chains = split(layer, edges)
        along, side = (0, 1) if flat else (1, 0)
        room = {n: boxes[n][side] if n in boxes else BEND for row in rows for n in row}
        deep = [max(boxes[n][along] for n in row if n in boxes) for row in rows]
        across = place(rows, links, room)
        gaps = max(len(deep) - 1, 1)
        between = (WIDTH - 2 * MARGIN - sum(deep)) / gaps if flat else BETWEEN
        between = min(max(between, BETWEEN), ROOMY)
        starts = [sum(deep[:i]) + between * i for i in range(len(deep))]
        total = starts[-1] + deep[-1], max(across[n] + room[n] / 2 for n in across)
        size = total if flat else total[::-1]
        if size[0] <= WIDTH - 2 * MARGIN and size[1] <= TALLEST:
            middle = {n: starts[i] + deep[i] / 2 for i, row in enumerate(rows) for n in row}
            spots = {n: (middle[n], across[n]) if flat else (across[n], middle[n]) for n in across}
            return spots, size, flat, chains
    raise InputError(
        f"the graph of {len(boxes)} nodes in {len(rows)} layers needs {size[0]:.1f} × "
        f"{size[1]:.1f} inches, but {WIDTH:g} × {TALLEST:g} are there: shorten the texts or draw "
        "a part of it."
    )


def _node(ax, spot, box, text):
    corner = spot[0] - box[0] / 2, spot[1] - box[1] / 2
    look = {"boxstyle": "round,pad=0,rounding_size=0.06", "fc": FILL, "ec": PALETTE[0], "lw": 1.1}
    ax.add_patch(FancyBboxPatch(corner, *box, **look, zorder=3, clip_on=False))
    ax.text(*spot, text, size=SMALL, ha="center", va="center", zorder=4)


def _arrow(ax, chain, spots, boxes, flat):
    """Draw an edge as a curve through the places where it passes layers."""
    along = 0 if flat else 1
    stops = [list(spots[n]) for n in chain]
    stops[0][along] += boxes[chain[0]][along] / 2
    stops[-1][along] -= boxes[chain[-1]][along] / 2 + 0.02
    vertices, codes = [stops[0]], [Path.MOVETO]
    for a, b in pairwise(stops):
        bend = (b[along] - a[along]) / 2
        first, second = list(a), list(b)
        first[along] += bend
        second[along] -= bend
        vertices += [first, second, b]
        codes += [Path.CURVE4] * 3
    look = {"arrowstyle": "-|>", "mutation_scale": 9, "color": QUIET, "lw": 1.1}
    ax.add_patch(FancyArrowPatch(path=Path(vertices, codes), **look, zorder=2, clip_on=False))
