"""Scenes in words."""

import numpy as np

SMALL, LARGE = 1 / 3, 2 / 3  # of the range of radii; a shape in between gets no word for its size


def captions(layout, class_names, colours, colour_names):
    """One caption a scene, as a tuple of str.

    One object: "a large red circle", "a small blue square" or "a green triangle". Two: "a red
    circle above a blue square" (below, left of, right of: along the axis on which their centres
    lie farther apart). More: "a red circle, a blue square and a green triangle", left to right.
    """
    words = np.array(colour_names)[colours], np.array(class_names)[layout.classes]
    things = [
        [f"{colour} {kind}" for colour, kind in zip(*scene, strict=True)]
        for scene in zip(*words, strict=True)
    ]
    if colours.shape[1] == 1:
        return tuple(
            _with_article(_size_word(largeness) + thing)
            for (thing,), (largeness,) in zip(things, layout.largeness, strict=True)
        )
    things = [[_with_article(thing) for thing in scene] for scene in things]
    describe = _pair if colours.shape[1] == 2 else _row
    return tuple(map(describe, things, layout.centres))


def _size_word(largeness):
    return "small " if largeness < SMALL else "large " if largeness > LARGE else ""


def _with_article(thing):
    return f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}"


def _pair(things, centres):
    dx, dy = centres[0] - centres[1]
    if abs(dx) > abs(dy):
        relation = "left of" if dx < 0 else "right of"
    else:
        relation = "above" if dy < 0 else "below"
    return f"{things[0]} {relation} {things[1]}"


def _row(things, centres):
    ordered = [things[k] for k in np.argsort(centres[:, 0], kind="stable")]
    return f"{', '.join(ordered[:-1])} and {ordered[-1]}"
