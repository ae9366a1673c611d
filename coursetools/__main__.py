"""`python -m coursetools` is the command `coursetools`."""

import os
import sys

# Python has put the working folder first, where a learner's numpy.py may lie. It stays only where
# it is the course's own; `python -P` and the command `coursetools` never put it there.
_OWN = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if not sys.flags.safe_path and os.path.realpath(sys.path[0]) != _OWN:
    del sys.path[0]
    os.environ["PYTHONSAFEPATH"] = "1"  # for the processes that are started from here

from coursetools.cli import app  # noqa: E402 (only now is it safe to import)

if __name__ == "__main__":
    app(prog_name="coursetools")
