"""Where the nodes of a directed graph without cycles stand: in layers, with few crossings.

Layers by longest path, places in a layer by barycentres (Sugiyama, Tagawa & Toda 1981).
"""

from itertools import pairwise

from .spacing import apart

SWEEPS = 12
APART = 0.24  # inches between the nodes of a layer
BEND = 0.12  # inches that an edge takes where it passes a layer


def layers(names, edges):
    """Return a dict name -> layer, as late as can be, or None where the edges form a cycle.

    Sources stand just before what they go into, so that weights are near where they are used.
    """
    after = {name: [b for a, b in edges if a == name] for name in names}
    steps, open_ = {}, list(names)
    while open_:
        ready = [n for n in open_ if all(b in steps for b in after[n])]
        if not ready:
            return None
        steps |= {n: 1 + max((steps[b] for b in after[n]), default=-1) for n in ready}
        open_ = [n for n in open_ if n not in steps]
    last = max(steps.values())
    return {name: last - step for name, step in steps.items()}


def split(layer, edges):
    """Return (rows of nodes, links between neighbouring layers, chain of each edge).

    Where an edge passes a layer it gets a node of its own there, named (edge, layer).
    """
    rows = [[n for n in layer if layer[n] == i] for i in range(max(layer.values()) + 1)]
    chains = {}
    for edge in edges:
        a, b = edge
        passing = [(edge, i) for i in range(layer[a] + 1, layer[b])]
        for node in passing:
            rows[node[1]].append(node)
        chains[edge] = [a, *passing, b]
    links = {link for chain in chains.values() for link in pairwise(chain)}
    return rows, sorted(links, key=str), chains


def place(rows, links, room):
    """Return a dict node -> centre across the layers; room: dict node -> its size there."""
    near = {n: [] for row in rows for n in row}
    for a, b in links:
        near[a].append(b)
        near[b].append(a)
    at = {n: float(i - (len(row) - 1) / 2) for row in rows for i, n in enumerate(row)}
    level = {n: i for i, row in enumerate(rows) for n in row}
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for i in range(len(rows)) if forward else reversed(range(len(rows))):
            beside = i - 1 if forward else i + 1
            known = {n: [m for m in near[n] if level[m] == beside] for n in rows[i]}
            _settle(rows[i], at, known, room)
    for row in rows:  # the order stays; now near to the neighbours on both sides
        _settle(row, at, near, room, sort=False)
    least = min(at[n] - room[n] / 2 for n in at)
    return {n: centre - least for n, centre in at.items()}


def _settle(row, at, neighbours, room, sort=True):
    """Put the nodes of a layer at the mean of their neighbours, moved apart."""
    places = {n: [at[m] for m in neighbours[n]] or [at[n]] for n in row}
    wanted = {n: sum(near) / len(near) for n, near in places.items()}
    if sort:
        row.sort(key=lambda n: wanted[n])
    sizes = [room[n] + APART for n in row]
    at.update(zip(row, apart([wanted[n] for n in row], sizes), strict=True))
