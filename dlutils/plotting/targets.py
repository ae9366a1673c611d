"""Where things are: boxes around them and masks over them."""

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import Normal, Stroke

from .layout import cell, columns_for, tiles
from .pictures import show
from .style import EDGE, MARGIN, PALETTE, WIDTH, public
from .valid import InputError, array, count, pictures, whole, words

NOTHING = "#f2f2f2"  # colour of the background in a mask
TRUE, PREDICTED = PALETTE[0], PALETTE[1]


@public
def boxes(images, true=None, predicted=None, titles=None, columns=5, title=None):
    """Draw boxes on pictures: the true ones blue and solid, the predicted ones orange and dashed.

    images: (n, height, width) or (n, height, width, 1 or 3). true, predicted: (n, 4) or
    (n, boxes, 4) with (x_min, y_min, x_max, y_max) as fractions of width and height; true ones
    within 0..1, predicted ones may leave the picture and are cut off there. Raises ValueError for
    other shapes, for pixels instead of fractions and for a true box without area.

    >>> figure = plotting.boxes(np.zeros((2, 8, 8)), true=[[0.1, 0.1, 0.5, 0.5]] * 2)
    >>> figure.alt
    'Boxes: 2 pictures with true box.'
    """
    images = pictures("images", images)
    true = _boxes("true", true, len(images), strict=True)
    predicted = _boxes("predicted", predicted, len(images), strict=False)
    if true is None and predicted is None:
        raise InputError(
            "neither true nor predicted boxes were given, but at least one is expected."
        )
    titles = words("titles", titles, len(images), "picture")
    columns = count("columns", columns)
    shape, n = images.shape[1:3], len(images)
    columns, size = columns_for(titles, columns, n, lambda c: cell(*shape, c, cap=2.0))
    kinds = [("true", true, TRUE, "-"), ("predicted", predicted, PREDICTED, (0, (3, 1.5)))]
    kinds = [kind for kind in kinds if kind[1] is not None]
    key = [Rectangle((0, 0), 1, 1, fill=False, ec=c, ls=ls, lw=2) for _, _, c, ls in kinds]
    key = (key, [f"{name} box" for name, *_ in kinds])
    figure, axes = tiles(len(images), columns, size, titles, title, key)
    for i, (ax, picture) in enumerate(zip(axes, images, strict=True)):
        show(ax, picture)
        for _, found, colour, dashes in kinds:
            for box in found[i]:
                _draw_box(ax, box * np.tile(images.shape[2:0:-1], 2) - 0.5, colour, dashes)
    figure.alt = f"{title or 'Boxes'}: {len(images)} pictures with {' and '.join(key[1])}."
    return figure


@public
def masks(images, true, predicted=None, class_names=None, title=None):
    """Draw pictures over their masks: a row of pictures, one of true masks, one of predicted ones.

    images: (n, height, width) or (n, height, width, 1 or 3). true, predicted: (n, height, width)
    whole numbers, 0 for background and 1 + c for class c. class_names: without the background.
    Raises ValueError for other shapes, and for more classes than there are colours.

    >>> figure = plotting.masks(np.zeros((2, 8, 8)), np.ones((2, 8, 8), int))
    >>> figure.alt
    'Masks: 2 pictures, each over its true mask.'
    """
    images = pictures("images", images)
    found = {"picture": images, "true mask": _mask("true", true, images.shape[:3])}
    if predicted is not None:
        found["predicted mask"] = _mask("predicted", predicted, images.shape[:3])
    highest = int(max(m.max() for name, m in found.items() if name != "picture"))
    names = _mask_names(class_names, highest)
    n = len(images)
    size = cell(*images.shape[1:3], n, room=WIDTH - 2 * MARGIN - 0.85)
    colours = np.array([to_rgb(NOTHING), *map(to_rgb, PALETTE)])
    key = [Patch(facecolor=c, edgecolor=EDGE) for c in colours[: len(names) + 1]]
    key = (key, ["background", *names])
    figure, axes = tiles(n * len(found), n, size, None, title, key, list(found))
    for row, stack in enumerate(found.values()):
        for column, picture in enumerate(stack):
            show(axes[row * n + column], colours[picture] if row else picture)
    figure.alt = f"{title or 'Masks'}: {n} pictures, each over its {' and '.join(list(found)[1:])}."
    return figure


def _boxes(name, value, pictures, strict):
    """Return boxes as (n, boxes, 4); strict: within the picture and of some area."""
    if value is None:
        return None
    what = f"({pictures}, 4) or ({pictures}, boxes, 4) with x_min, y_min, x_max, y_max as fractions"
    a = array(name, value, what, (2, 3))
    if a.shape[0] != pictures or a.shape[-1] != 4:
        raise InputError(f"{name} has shape {a.shape}, but {what} is expected.")
    a = a.reshape(pictures, -1, 4)
    flat = (a[..., 2:] <= a[..., :2]).any(-1) | (a < -1e-3).any(-1) | (a > 1 + 1e-3).any(-1)
    if (strict and flat.any()) or np.abs(a).max() > 10:
        bad = a[flat][0] if flat.any() else a[0, 0]
        box = ", ".join(f"{v:.3g}" for v in bad)
        raise InputError(
            f"{name} holds the box ({box}), but x_min < x_max and y_min < y_max are expected as "
            "fractions from 0 to 1: divide pixels by the picture's width and height."
        )
    return a


def _draw_box(ax, box, colour, dashes):
    """Draw one box in pixel coordinates, on a white line so that it shows on any picture."""
    halo = [Stroke(linewidth=3.6, foreground="white"), Normal()]
    ax.add_patch(
        Rectangle(
            box[:2], *(box[2:] - box[:2]), fill=False, ec=colour, ls=dashes, lw=2, path_effects=halo
        )
    )


def _mask(name, value, shape):
    a = whole(name, value, f"whole numbers of the pictures' shape {shape}", (3,), 0)
    if a.shape != shape:
        raise InputError(f"{name} has shape {a.shape}, but the pictures' {shape} is expected.")
    return a


def _mask_names(class_names, highest):
    """Return a name for each class of a mask."""
    if class_names is None:
        names = [f"class {i}" for i in range(highest)]
    else:
        names = words("class_names", class_names, np.size(class_names), "class")
    if len(names) < highest:
        raise InputError(
            f"class_names has length {len(names)}, but the masks hold class {highest - 1}, so at "
            f"least {highest} names, without the background, are expected."
        )
    if len(names) > len(PALETTE):
        raise InputError(
            f"the masks have {len(names)} classes, but there are {len(PALETTE)} colours."
        )
    return names
