"""Figures for the lessons: titled, with units, legible to the colour-blind and on dark pages.

Every function returns a Figure that is shown where it is a cell's last value (or is given to
`display`), and that carries alternative text in `.alt`. Wrong input raises a ValueError that says
what was given and what is expected.
"""

from .animation import Animation, animate
from .confusions import confusion
from .convolution import convolution_step
from .distributions import distribution
from .embeddings import embedding
from .filters import feature_maps, kernels
from .graphs import graph
from .grids import grid
from .landmarks import landmarks
from .latent import latent_map
from .lines import curves
from .matrices import attention, heat
from .overlays import saliency
from .page import gallery
from .pictures import beside, images
from .regions import decision_regions
from .scores import bars, spread
from .style import PALETTE, Figure
from .surfaces import surface
from .tables import table
from .targets import boxes, masks
from .timelines import timeline
from .timeseries import series
from .training import history

__all__ = [
    "PALETTE",
    "Animation",
    "Figure",
    "animate",
    "attention",
    "bars",
    "beside",
    "boxes",
    "confusion",
    "convolution_step",
    "curves",
    "decision_regions",
    "distribution",
    "embedding",
    "feature_maps",
    "gallery",
    "graph",
    "grid",
    "heat",
    "history",
    "images",
    "kernels",
    "landmarks",
    "latent_map",
    "masks",
    "saliency",
    "series",
    "spread",
    "surface",
    "table",
    "timeline",
]
