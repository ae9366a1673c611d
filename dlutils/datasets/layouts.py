"""Where the shapes of a scene stand, how large and how turned."""

from dataclasses import dataclass, fields

import numpy as np

from dlutils.datasets import shapes

MARGIN = 0.5  # pixels between a shape and the edge of the image
TRIES = 200
SHRINK = 0.98  # of all radii of a scene, from one try to the next


@dataclass(frozen=True, eq=False)
class Layout:
    """Shapes of n scenes with k objects each; later objects are painted on top.

    classes int (n, k); centres (n, k, 2); radii, angles (n, k); boxes (n, k, 4), all in pixels,
    a box being x_min, y_min, x_max, y_max of the whole shape. largeness (n, k) is 0 for the
    smallest radius there is and 1 for the largest.
    """

    classes: np.ndarray
    centres: np.ndarray
    radii: np.ndarray
    angles: np.ndarray
    boxes: np.ndarray
    largeness: np.ndarray

    def part(self, chosen):
        """The Layout of some of the scenes, by slice or indices."""
        return Layout(*(getattr(self, field.name)[chosen] for field in fields(self)))


def draw(count, objects, overlap, turned, size, rng):
    """A Layout of `count` scenes; with overlap=False no two boxes of a scene intersect.

    turned: whether squares and triangles stand at any angle, or all of them upright.
    """
    classes = rng.integers(0, len(shapes.CLASS_NAMES), (count, objects))
    angles = shapes.draw_angles(classes, rng)
    if not turned:
        angles = shapes.UPRIGHT[classes]
    largeness = rng.random((count, objects))
    low, high = 0.13 * size / objects**0.25, 0.27 * size / objects**0.5
    radii = low + (high - low) * largeness
    reach = shapes.extents(classes, angles)
    centres = _places(radii[..., None] * reach, size, rng)
    if not overlap:
        _separate(centres, radii, reach, size, rng)
    boxes = _boxes(centres, radii, reach)
    return Layout(classes, centres, radii, angles, boxes, largeness)


def _places(reach, size, rng):
    """Uniformly random centres of shapes that reach so far, all of them within the image."""
    free = size - 2 * MARGIN - (reach[..., 2:] - reach[..., :2])
    return MARGIN - reach[..., :2] + rng.random(free.shape) * free


def _separate(centres, radii, reach, size, rng):
    """Move the shapes of crowded scenes, in place, until no boxes intersect.

    Shapes shrink a little with every try, so that a crowd always comes apart.
    """
    crowded = np.arange(len(centres))
    for _ in range(TRIES):
        boxes = _boxes(centres[crowded], radii[crowded], reach[crowded])
        crowded = crowded[_touching(boxes).any(axis=(1, 2))]
        if not len(crowded):
            return
        radii[crowded] *= SHRINK
        centres[crowded] = _places(radii[crowded][..., None] * reach[crowded], size, rng)
    raise RuntimeError(f"{len(crowded)} scenes still have overlapping boxes after {TRIES} tries")


def _boxes(centres, radii, reach):
    return np.concatenate([centres, centres], -1) + radii[..., None] * reach


def _touching(boxes):
    """Which pairs of boxes of a scene intersect: bool (n, k, k), true above the diagonal only."""
    first, second = boxes[:, :, None], boxes[:, None]
    meet = (first[..., :2] < second[..., 2:]) & (second[..., :2] < first[..., 2:])
    return np.triu(meet.all(-1), k=1)
