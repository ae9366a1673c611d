"""The end of a notebook cell: the first moment at which what a failed `fit` left open can go."""

import sys


def at_cell_end(function):
    """Call `function` when the running notebook cell ends; elsewhere, do nothing.

    Keras tells callbacks nothing when `fit` raises or is interrupted.
    """
    if events := _events():
        events.register("post_execute", function)


def forget_cell_end(function):
    """Take back what `at_cell_end` was told; where it was told nothing, do nothing."""
    events = _events()
    if events and function in events.callbacks["post_execute"]:
        events.unregister("post_execute", function)


def _events():
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None
    return getattr(shell, "events", None)
