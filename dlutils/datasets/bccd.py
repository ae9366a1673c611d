"""Blood cells under the microscope, with a box around each, read through TensorFlow Datasets."""

import io
import numbers
from dataclasses import dataclass

import numpy as np

from dlutils.datasets import prepared, tfds
from dlutils.datasets.provenance import Provenance, Summary

FAMILY = {
    "bccd": tfds.Member(
        "364 photographs of blood cells, with a box and class for each cell",
        "Shenggan, BCCD Dataset (GitHub Shenggan/BCCD_Dataset v1.0, 2017)",
        "MIT",
        {"test": 72, "validation": 87, "train": 205},
        7.9,
    ),
}
HEIGHT, WIDTH = 480, 640


@dataclass(frozen=True, eq=False, repr=False)
class BloodCells(Summary):
    """Photographs in a training, a validation and a test part, with boxes around what they show.

    x: float32 (n, height, width, 3), RGB in [0, 1]. boxes: tuple of n float32 (k, 4) arrays, k
    differing from picture to picture: x_min, y_min, x_max, y_max as fractions of width and height.
    classes: tuple of n int32 (k,) arrays, indices into class_names.

    >>> from dlutils.datasets import BloodCells, Provenance
    >>> origin = Provenance("demo", "this page", "none needed", "generated", {"train": 1}, "")
    >>> box, cell = (np.array([[0, 0, 0.5, 1]], "float32"),), (np.array([1], "int32"),)
    >>> part = np.zeros((1, 120, 160, 3), "float32"), box, cell
    >>> cells = BloodCells(*part, *part, *part, ("RBC", "WBC", "Platelets"), origin)
    >>> cells.boxes_train[0].shape, cells.class_names[cells.classes_train[0][0]]
    ((1, 4), 'WBC')
    """

    x_train: np.ndarray
    boxes_train: tuple[np.ndarray, ...]
    classes_train: tuple[np.ndarray, ...]
    x_validation: np.ndarray
    boxes_validation: tuple[np.ndarray, ...]
    classes_validation: tuple[np.ndarray, ...]
    x_test: np.ndarray
    boxes_test: tuple[np.ndarray, ...]
    classes_test: tuple[np.ndarray, ...]
    class_names: tuple[str, ...]
    provenance: Provenance


def load(scale=0.25, data_dir=None, download=True):
    """The BCCD photographs of 480x640 pixels, each side times `scale`, and their boxes.

    scale: in (0, 1]; pixels are averaged over the area that they replace (Pillow's box filter), 1
    leaves them (1.3 GB of floats). data_dir, download: see `dlutils.datasets.load`. Boxes are cut
    off at the picture's edge, and those without area left out. Raises ValueError,
    DatasetUnavailable and DatasetDamaged.
    """
    size = _size(scale)
    (member,) = FAMILY.values()
    builder = tfds.ready("bccd", data_dir, download)
    parts = prepared.read(
        builder, member.counts, lambda examples, count: _collect(examples, count, size), raw="image"
    )
    order = ("train", "validation", "test")
    boxes = sum(len(found) for part in order for found in parts[part][1])
    dropped = sum(parts[part][3] for part in order)
    return BloodCells(
        *[field for part in order for field in parts[part][:3]],
        tuple(builder.info.features["objects"]["label"].names),
        tfds.provenance(
            builder,
            member,
            {part: member.counts[part] for part in order},
            f"The split of its authors; {boxes:,} boxes, {dropped} more without area left out.",
        ),
    )


def _size(scale):
    """Height and width of the scaled pictures."""
    is_number = isinstance(scale, numbers.Real) and not isinstance(scale, bool)
    if not is_number or not 0 < scale <= 1:  # NaN fails the comparison too
        raise ValueError(
            f"load('bccd'): scale is {scale!r}, but pictures are made smaller by a factor above 0 "
            "and up to 1; choose it within these."
        )
    size = round(HEIGHT * float(scale)), round(WIDTH * float(scale))
    if not all(size):
        raise ValueError(
            f"load('bccd'): scale is {scale!r}, which leaves {size[0]}x{size[1]} pixels; choose a "
            f"scale of at least {1 / HEIGHT:.3g}."
        )
    return size


def _collect(examples, count, size):
    """Images, boxes and classes of one part, and how many boxes were left out."""
    images, boxes, classes, dropped = np.empty((count, *size, 3), "float32"), [], [], 0
    for image, example in zip(images, examples, strict=True):
        image[:] = _picture(example["image"], size)
        found = np.asarray(example["objects"]["bbox"], "float32").reshape(-1, 4)[:, [1, 0, 3, 2]]
        found = np.clip(found, 0, 1)
        good = (found[:, 2:] > found[:, :2]).all(axis=1)
        boxes.append(found[good])
        classes.append(np.asarray(example["objects"]["label"], "int32")[good])
        dropped += int((~good).sum())
    return images, tuple(boxes), tuple(classes), dropped


def _picture(jpeg, size):
    """A photograph as floats, decoded by Pillow for every format: decoders differ in last bits."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        smaller = image.convert("RGB").resize(size[::-1], Image.Resampling.BOX)
    return np.asarray(smaller, "float32") / np.float32(255)
