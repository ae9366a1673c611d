"""Figures for the lessons: titled, with units, legible to the colour-blind and on dark pages.

Every function returns a Figure that is shown where it is a cell's last value (or is given to
`display`), and that carries alternative text in `.alt`. Wrong input raises a ValueError that says
what was given and what is expected.
"""

from .animation import Animation, animate
from .confusions import confusion
from .convolution import convolution_step
from .filters import feature_maps, kernels
from .grids import grid
from .lines import curves
from .page import gallery
from .pictures import beside, images
from .scores import bars, spread
from .style import PALETTE, Figure
from .targets import boxes, masks
from .training import history

__all__ = [
    "PALETTE",
    "Animation",
    "Figure",
    "animate",
    "bars",
    "beside",
    "boxes",
    "confusion",
    "convolution_step",
    "curves",
    "feature_maps",
    "gallery",
    "grid",
    "history",
    "images",
    "kernels",
    "masks",
    "spread",
]
