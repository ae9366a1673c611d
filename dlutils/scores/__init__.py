"""What a model is worth, in numbers: generated samples, language models, pictures, classifiers.

Distances and coverages compare arrays of features, one row for each sample; `features` takes them
from a classifier, and pictures given as they are count as their raw pixels. A figure says little
without the one of real against real: `floor` gives it. Wrong input raises a ValueError that says
what was given and what is expected.
"""

from .calibration import Reliability, calibration_error, reliability
from .coverages import class_coverage, coverage, density
from .detection import roc_auc, threshold_at
from .distances import KernelDistance, frechet, kernel_distance
from .floors import Floor, floor
from .likelihood import bits, bits_per_character, perplexity
from .network import features
from .pictures import Psnr, psnr

__all__ = [
    "Floor",
    "KernelDistance",
    "Psnr",
    "Reliability",
    "bits",
    "bits_per_character",
    "calibration_error",
    "class_coverage",
    "coverage",
    "density",
    "features",
    "floor",
    "frechet",
    "kernel_distance",
    "perplexity",
    "psnr",
    "reliability",
    "roc_auc",
    "threshold_at",
]
