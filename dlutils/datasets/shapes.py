"""Geometry of the shapes in a scene: how far they reach and which pixels they cover.

Lengths are in pixels, x to the right and y down; pixel i covers [i, i + 1]. The radius of a shape
is that of the circle with its area, so that no class is larger than another. Angles in radians.
"""

import numpy as np

CLASS_NAMES = ("circle", "square", "triangle")
SIDES = (0, 4, 3)
UPRIGHT = np.array([0.0, 0.0, np.pi / 2])  # of each class: the angle at which it stands on a side


def draw_angles(classes, rng):
    """A random rotation for each shape, within the turn after which the shape repeats."""
    turn = np.array([0.0] + [2 * np.pi / sides for sides in SIDES[1:]])
    return rng.random(classes.shape) * turn[classes]


def extents(classes, angles):
    """How far shapes of radius 1 reach from their centre: (…, 4), x_min, y_min, x_max, y_max."""
    reach = np.empty((*classes.shape, 4))
    reach[classes == 0] = -1, -1, 1, 1
    for index, sides in enumerate(SIDES[1:], start=1):
        chosen = classes == index
        x, y = _corners(angles[chosen], sides)
        reach[chosen] = np.stack([x.min(-1), y.min(-1), x.max(-1), y.max(-1)], -1)
    return reach


def coverage(classes, centres, radii, angles, size):
    """The share of each pixel that one shape a scene covers, with soft edges one pixel wide.

    classes, radii, angles: (n,). centres: (n, 2), x and y. Returns float32 (n, size, size). At
    least 0.5 where the pixel's centre lies within the shape.
    """
    pixel = (np.arange(size) + 0.5).astype("float32")
    x = pixel[None, None, :] - centres[:, 0].astype("float32")[:, None, None]
    y = pixel[None, :, None] - centres[:, 1].astype("float32")[:, None, None]
    distance = np.empty((len(classes), size, size), "float32")
    for index, sides in enumerate(SIDES):
        chosen = classes == index
        distance[chosen] = _distance(x[chosen], y[chosen], radii[chosen], angles[chosen], sides)
    return np.clip(0.5 - distance, 0, 1)


def _distance(x, y, radii, angles, sides):
    """Distance from the outline, negative within: (n, size, size); sides 0 is a circle.

    Of a polygon, the distance from the farthest of its sides' lines: exact but near the corners,
    where it is too small, which is what keeps them sharp.
    """
    if sides == 0:
        return np.sqrt(x**2 + y**2) - radii[:, None, None].astype("float32")
    farthest = np.full(np.broadcast_shapes(x.shape, y.shape), -np.inf, "float32")
    for side in range(sides):
        normal = angles + 2 * np.pi * side / sides
        along = np.cos(normal).astype("float32")[:, None, None] * x
        across = np.sin(normal).astype("float32")[:, None, None] * y
        np.maximum(farthest, along + across, out=farthest)
    return farthest - (radii * _apothem(sides))[:, None, None].astype("float32")


def _corners(angles, sides):
    """Corners of polygons of radius 1 around the origin: x and y, each (n, sides)."""
    towards = angles[:, None] + 2 * np.pi * (np.arange(sides) + 0.5) / sides
    reach = _apothem(sides) / np.cos(np.pi / sides)
    return reach * np.cos(towards), reach * np.sin(towards)


def _apothem(sides):
    """Centre to side of the regular polygon whose area is that of the circle of radius 1."""
    return np.sqrt(np.pi / (sides * np.tan(np.pi / sides)))
