"""Every kind of figure with small made-up data."""

import numpy as np

from .animation import animate
from .convolution import convolution_step
from .example_charts import CLOTHES, charts
from .example_fields import fields
from .example_stories import stories
from .filters import feature_maps, kernels
from .grids import grid
from .pictures import beside, images
from .targets import boxes, masks

SOBEL = {
    "vertical edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "horizontal edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "box blur": np.full((3, 3), 1 / 9),
}


def examples():
    """Return a dict name -> figure, one or more for each function of this package."""
    rng = np.random.default_rng(0)
    made = {}
    for family in (_pictures, charts, _filters, _targets, _grids, fields, stories):
        made.update(family(rng))
    return made


def animation():
    """Return a convolution, step by step."""
    image = np.arange(25).reshape(5, 5) % 4
    kernel = np.array(SOBEL["vertical edges"])
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
    output = (windows * kernel).sum((2, 3))
    frames = [
        convolution_step(image, kernel, output, *at, title="A kernel slides over the input")
        for at in np.ndindex(3, 3)
    ]
    return animate(
        frames, alt="A 3 × 3 kernel slides over a 5 × 5 input and fills the 3 × 3 output."
    )


def _blobs(rng, n, size, channels=1):
    """Return soft spots on black, (n, size, size, channels)."""
    y, x = np.mgrid[:size, :size] / size
    centre = rng.uniform(0.3, 0.7, (2, n, 1, 1, channels))
    return np.exp(-((y[..., None] - centre[0]) ** 2 + (x[..., None] - centre[1]) ** 2) / 0.03)


def _photo():
    y, x = np.mgrid[:160, :240] / 160
    return np.stack([x / 1.5, 0.5 + 0.5 * np.sin(12 * x) * np.sin(9 * y), y], axis=-1).clip(0, 1)


def _pictures(rng):
    digits, photo = _blobs(rng, 20, 8), _photo()
    gray = photo.mean(-1)
    edges = gray[:, 2:] - gray[:, :-2]
    return {
        "images_digits": images(digits, rng.integers(0, 10, 20), title="Twenty training digits"),
        "images_clothes": images(_blobs(rng, 10, 28), CLOTHES, title="One example of each class"),
        "images_untitled": images(_blobs(rng, 7, 32, 3), columns=4),
        "images_photos": images(np.stack([photo, photo[:, ::-1]]), ["china", "flower"]),
        "images_one": images(digits[:1], ["8"], title="A digit of 8 × 8 pixels, enlarged"),
        "beside_photo": beside(
            {"photograph": photo, "vertical edges": edges, "gray": gray},
            title="A kernel finds vertical edges",
        ),
        "beside_sizes": beside(
            {
                "input": digits[0],
                "after pooling": digits[0, ::2, ::2, 0],
                "shifted by one pixel": digits[1],
                "after convolution": 3 * digits[2, 1:7, 1:7],
            }
        ),
    }


def _filters(rng):
    return {
        "kernels_named": kernels(SOBEL, title="Three kernels made by hand"),
        "kernels_first_layer": kernels(
            rng.normal(0, 0.3, (5, 5, 1, 16)), title="What the first layer learned"
        ),
        "kernels_channels": kernels(rng.normal(0, 0.3, (3, 3, 3, 12)), title="Second layer"),
        "feature_maps": feature_maps(_blobs(rng, 1, 14, 16)[0], title="After ReLU, for one digit"),
        "feature_maps_signed": feature_maps(_blobs(rng, 1, 14, 6)[0] - 0.4, columns=3),
    }


def _targets(rng):
    pictures = np.clip(_blobs(rng, 4, 32, 3) + rng.uniform(0, 0.3, (4, 32, 32, 3)), 0, 1)
    true = np.array([[0.2, 0.25, 0.6, 0.7]] * 4) + rng.uniform(0, 0.2, (4, 1))
    marks = (_blobs(rng, 4, 32)[..., 0] > 0.4) * rng.integers(1, 4, (4, 1, 1))
    return {
        "boxes": boxes(
            pictures,
            true,
            true + rng.normal(0, 0.04, (4, 4)),
            ["overlap 0.81", "overlap 0.75", "overlap 0.90", "overlap 0.66"],
            title="Where is the shape?",
        ),
        "boxes_true": boxes(pictures, np.stack([true, 1 - true[:, [2, 3, 0, 1]]], axis=1)),
        "masks": masks(
            pictures,
            marks,
            np.roll(marks, 1, axis=2),
            ("circle", "square", "triangle"),
            title="A small U-Net colours every pixel",
        ),
    }


def _grids(rng):
    field = rng.integers(0, 10, (7, 7))
    partly = np.where(np.arange(16).reshape(4, 4) < 9, rng.normal(0, 1, (4, 4)), np.nan)
    image, kernel = np.arange(25).reshape(5, 5) % 4, np.array(SOBEL["vertical edges"])
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
    output = (windows * kernel).sum((2, 3))
    return {
        "grid": grid(
            field,
            [(1, 1, 5, 5), (2, 2, 3, 3)],
            "Receptive field: 3 × 3 after one layer, 5 × 5 after two",
        ),
        "grid_partly": grid(partly, (2, 0, 1, 1)),
        "grid_wide": grid(
            rng.integers(0, 2, (10, 28)), (3, 3, 5, 5), "A digit as the computer sees it"
        ),
        "convolution_step": convolution_step(image, kernel, output, 1, 1),
        "convolution_decimals": convolution_step(
            image / 8,
            np.full((2, 2), 0.25),
            _mean(image / 8),
            2,
            3,
            title="A blur is a convolution",
        ),
        "convolution_stride": convolution_step(image, kernel, output[::2, ::2], 1, 0, stride=2),
    }


def _mean(image):
    return np.lib.stride_tricks.sliding_window_view(image, (2, 2)).mean((2, 3))
