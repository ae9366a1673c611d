"""One judge for all that generates: a classifier of real images that no generator ever sees.

`train` makes it from real training images. Generated images are then held against real ones that
neither side has learned from: `scores` says how far apart they are, `floor` what real against real
gives at the same size, `recognised` whether a sample is read as what was asked for.
"""

from dlutils.referee.judges import Judge, Scores
from dlutils.referee.training import train

__all__ = ["Judge", "Scores", "train"]
