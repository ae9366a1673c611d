"""Data sets by name: `load("digits")` gives arrays, class names and provenance."""

from dlutils.datasets.catalogue import load, names, options
from dlutils.datasets.errors import DatasetDamaged, DatasetUnavailable
from dlutils.datasets.moving import place, shift
from dlutils.datasets.photos import Photos
from dlutils.datasets.provenance import Dataset, Provenance
from dlutils.datasets.scenes import Scenes

__all__ = [
    "Dataset",
    "DatasetDamaged",
    "DatasetUnavailable",
    "Photos",
    "Provenance",
    "Scenes",
    "load",
    "names",
    "options",
    "place",
    "shift",
]
