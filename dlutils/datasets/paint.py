"""Colour for scenes: backgrounds, named colours, shapes painted over one another, noise."""

import numpy as np

from dlutils.datasets import shapes

PALETTE = {
    "red": (0.84, 0.12, 0.14),
    "orange": (0.96, 0.55, 0.08),
    "yellow": (0.95, 0.90, 0.20),
    "green": (0.13, 0.62, 0.22),
    "blue": (0.14, 0.30, 0.84),
    "purple": (0.56, 0.20, 0.70),
    "white": (0.94, 0.94, 0.94),
    "black": (0.07, 0.07, 0.07),
}
COLOUR_NAMES = tuple(PALETTE)
JITTER = 0.06  # largest change of a named colour's channels
CONTRAST = 0.35  # least RGB distance of a shape's colour from the background around its place
CHUNK = 250  # scenes painted at once: bounds the memory of what lies between


def paint(layout, size, noise, rng):
    """Images float32 (n, size, size, 3), masks int32 (n, size, size), and colours int (n, k).

    noise: standard deviation of the pixel noise. A mask holds 1 + class of the topmost shape,
    0 for the background. Colours index COLOUR_NAMES.
    """
    count = len(layout.classes)
    images = np.empty((count, size, size, 3), "float32")
    masks = np.zeros((count, size, size), "int32")
    colours = np.empty(layout.classes.shape, int)
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        scenes = layout.part(part)
        images[part] = _backgrounds(len(scenes.classes), size, rng)
        colours[part], rgb = _choose_colours(images[part], scenes, rng)
        _add_shapes(images[part], masks[part], scenes, rgb, rng)
        images[part] += noise * _triangular(images[part].shape, rng)
    return np.clip(images, 0, 1, out=images), masks, colours


def _backgrounds(n, size, rng):
    """A gradient between four colours with soft blotches: float32 (n, size, size, 3)."""
    middle = 0.1 + 0.8 * rng.random((n, 1, 1, 3))
    grey = middle.mean(-1, keepdims=True)
    middle = grey + (0.3 + 0.7 * rng.random((n, 1, 1, 1))) * (middle - grey)  # few are vivid
    corners = middle + 0.7 * (2 * rng.random((n, 2, 2, 3)) - 1)
    blotches = 0.3 * (rng.random((n, 5, 5, 1)) - 0.5) + 0.2 * (rng.random((n, 5, 5, 3)) - 0.5)
    return np.clip(
        _stretch(np.clip(corners, 0.02, 0.98), size) + _stretch(blotches, size), 0.02, 0.98
    )


def _choose_colours(backgrounds, scenes, rng):
    """Colours of a scene's shapes, all different: indices (n, k) and RGB (n, k, 3).

    Drawn among the named colours that stand out from the background all around the shape's
    place; where none does, the one that stands out most.
    """
    n, objects = scenes.classes.shape
    rgb = np.array(list(PALETTE.values())) + JITTER * (2 * rng.random((n, len(PALETTE), 3)) - 1)
    chosen = np.empty((n, objects), int)
    every = np.arange(n)
    free = np.ones((n, len(PALETTE)), bool)
    for k in range(objects):
        around = _around(backgrounds, scenes.centres[:, k], scenes.radii[:, k])
        contrast = np.linalg.norm(rgb[:, :, None] - around[:, None], axis=-1).min(-1)
        score = np.where(contrast >= CONTRAST, 2 + rng.random(contrast.shape), contrast)
        chosen[:, k] = np.where(free, score, -1).argmax(-1)
        free[every, chosen[:, k]] = False
    return chosen, rgb[every[:, None], chosen]


def _around(backgrounds, centres, radii):
    """Background colours at nine points of a shape's place: (n, 9, 3)."""
    steps = np.array([(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)])
    points = centres[:, None] + radii[:, None, None] * steps
    x, y = np.clip(points, 0, backgrounds.shape[1] - 1).astype(int).transpose(2, 0, 1)
    return backgrounds[np.arange(len(centres))[:, None], y, x]


def _stretch(grid, size):
    """Bilinear enlargement of (n, g, g, 3) to float32 (n, size, size, 3)."""
    points = grid.shape[1]
    at = np.linspace(0, points - 1, size)[:, None]
    weights = np.maximum(0, 1 - np.abs(at - np.arange(points))).astype("float32")
    rows = np.einsum("ai,nijc->najc", weights, grid.astype("float32"))
    return np.einsum("bj,najc->nabc", weights, rows)


def _add_shapes(images, masks, scenes, rgb, rng):
    """Paint the objects of each scene in order, in place; light falls from a random side."""
    size = images.shape[1]
    ramp = np.linspace(-1, 1, size, dtype="float32")
    slope = (0.3 * (rng.random((2, len(images), 1, 1)) - 0.5)).astype("float32")
    light = (1 + slope[0] * ramp[None, :] + slope[1] * ramp[:, None])[..., None]
    for k in range(scenes.classes.shape[1]):
        cover = shapes.coverage(
            scenes.classes[:, k],
            scenes.centres[:, k],
            scenes.radii[:, k],
            scenes.angles[:, k],
            size,
        )
        images += cover[..., None] * (rgb[:, k, None, None].astype("float32") * light - images)
        labels = (1 + scenes.classes[:, k, None, None]).astype("int32")
        np.copyto(masks, labels, where=cover >= 0.5)


def _triangular(shape, rng):
    """Noise of mean 0 and variance 1 from sums of uniforms: the same bits on every platform."""
    total = rng.random(shape, dtype="float32")
    total += rng.random(shape, dtype="float32")
    return (total - 1) * np.float32(np.sqrt(6))
