"""Data sets by name: `load("digits")` gives arrays, class names and provenance."""

from dlutils.datasets.batches import batches
from dlutils.datasets.bccd import BloodCells
from dlutils.datasets.catalogue import load, names, options
from dlutils.datasets.dates import Dates
from dlutils.datasets.errors import DatasetDamaged, DatasetUnavailable
from dlutils.datasets.moving import place, shift
from dlutils.datasets.network import network_reachable
from dlutils.datasets.photos import Photos
from dlutils.datasets.provenance import Dataset, Provenance
from dlutils.datasets.recall import memory
from dlutils.datasets.reviews import Reviews
from dlutils.datasets.scenes import Scenes
from dlutils.datasets.series import Series
from dlutils.datasets.text import Text

__all__ = [
    "BloodCells",
    "Dataset",
    "DatasetDamaged",
    "DatasetUnavailable",
    "Dates",
    "Photos",
    "Provenance",
    "Reviews",
    "Scenes",
    "Series",
    "Text",
    "batches",
    "load",
    "memory",
    "names",
    "network_reachable",
    "options",
    "place",
    "shift",
]
