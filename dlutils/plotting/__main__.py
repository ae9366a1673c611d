"""`python -m dlutils.plotting FOLDER` draws every kind of figure into FOLDER."""

import sys

from .page import gallery

if len(sys.argv) != 2:
    sys.exit("usage: python -m dlutils.plotting FOLDER")
print(gallery(sys.argv[1]))
