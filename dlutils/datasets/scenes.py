"""Generated pictures of coloured shapes, with classes, boxes, masks and captions."""

import numbers
from dataclasses import dataclass

import numpy as np

from dlutils.datasets import layouts, paint, shapes
from dlutils.datasets.captions import captions
from dlutils.datasets.provenance import Provenance, Summary

LIMITS = {
    "count": (1, 100_000),
    "test": (1, 100_000),
    "size": (16, 64),
    "objects": (1, 4),
    "seed": (0, 2**63 - 1),
}
MOST_NOISE = 0.3


@dataclass(frozen=True, eq=False, repr=False)
class Scenes(Summary):
    """Scenes of k objects each, in a training and a test part.

    x: float32 (n, size, size, 3), RGB in [0, 1]. classes: int32 (n, k), indices into class_names;
    later objects lie on top. colours: int32 (n, k), indices into colour_names. boxes: float32
    (n, k, 4), x_min, y_min, x_max, y_max around the whole shape as fractions of the image's side.
    masks: int32 (n, size, size), 0 background, else 1 + class of the topmost shape. captions:
    tuple of n str.

    >>> from dlutils import datasets
    >>> scenes = datasets.load("scenes", count=3, test=2, objects=2, size=48)
    >>> scenes.x_train.shape, scenes.boxes_test.shape, scenes.class_names
    ((3, 48, 48, 3), (2, 2, 4), ('circle', 'square', 'triangle'))
    """

    x_train: np.ndarray
    classes_train: np.ndarray
    colours_train: np.ndarray
    boxes_train: np.ndarray
    masks_train: np.ndarray
    captions_train: tuple[str, ...]
    x_test: np.ndarray
    classes_test: np.ndarray
    colours_test: np.ndarray
    boxes_test: np.ndarray
    masks_test: np.ndarray
    captions_test: tuple[str, ...]
    class_names: tuple[str, ...]
    colour_names: tuple[str, ...]
    provenance: Provenance


def load(count=1200, test=400, size=32, objects=1, overlap=False, turned=True, seed=0, noise=0.06):
    """Draw `count` training and `test` test scenes of shapes on noisy, shaded backgrounds.

    size: side in pixels, 16 to 64. objects: shapes a scene, 1 to 4. overlap: whether shapes may
    cover one another; otherwise no boxes of a scene intersect. turned: whether squares and
    triangles stand at any angle, or all upright. seed: fixes everything; the test
    scenes do not depend on count. noise: standard deviation of the pixel noise, 0 to 0.3, in
    units of the full range. Raises ValueError.
    """
    given = {"count": count, "test": test, "size": size, "objects": objects, "seed": seed}
    for option, value in given.items():
        _require_int(option, value)
    _require_flags_and_noise(overlap, turned, noise)
    parts = {}
    for stream, (part, number) in enumerate({"train": count, "test": test}.items()):
        rng = np.random.Generator(np.random.PCG64([int(seed), stream]))
        layout = layouts.draw(int(number), int(objects), overlap, turned, int(size), rng)
        drawn = _draw(layout, int(size), float(noise), rng)
        parts |= {f"{field}_{part}": value for field, value in drawn.items()}
    return Scenes(
        **parts,
        class_names=shapes.CLASS_NAMES,
        colour_names=paint.COLOUR_NAMES,
        provenance=_provenance(count, test, objects, seed),
    )


def _draw(layout, size, noise, rng):
    """The fields of one part of Scenes."""
    images, masks, colours = paint.paint(layout, size, noise, rng)
    return {
        "x": images,
        "classes": layout.classes.astype("int32"),
        "colours": colours.astype("int32"),
        "boxes": (layout.boxes / size).astype("float32"),
        "masks": masks,
        "captions": captions(layout, shapes.CLASS_NAMES, colours, paint.COLOUR_NAMES),
    }


def _provenance(count, test, objects, seed):
    each = "one object" if objects == 1 else f"{objects} objects"
    return Provenance(
        name="scenes",
        source=f"drawn by dlutils.datasets from seed {seed}, {each} a scene",
        licence="none needed",
        kind="generated",
        counts={"train": int(count), "test": int(test)},
        split="Training and test scenes come from separate random streams.",
    )


def _require_int(option, value):
    low, high = LIMITS[option]
    is_int = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_int or not low <= value <= high:
        raise ValueError(
            f"load('scenes'): {option} is {value!r}, but scenes are drawn for integers from {low} "
            f"to {high} only; choose {option} within these."
        )


def _require_flags_and_noise(overlap, turned, noise):
    for option, flag in {"overlap": overlap, "turned": turned}.items():
        if not isinstance(flag, bool | np.bool_):
            raise ValueError(
                f"load('scenes'): {option} is {flag!r}, but it is a yes-or-no question; give True "
                "or False."
            )
    is_number = isinstance(noise, numbers.Real) and not isinstance(noise, bool)
    if not is_number or not 0 <= noise <= MOST_NOISE:  # NaN fails the comparison too
        raise ValueError(
            f"load('scenes'): noise is {noise!r}, but the standard deviation of the pixel noise "
            f"must lie between 0 and {MOST_NOISE}; choose it within these."
        )
