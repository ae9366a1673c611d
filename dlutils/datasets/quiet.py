"""Silence for libraries that print as they are imported or used."""

import contextlib
import logging
import os
import warnings


@contextlib.contextmanager
def quietly():
    """Hide log records, warnings and whatever native code writes to file descriptor 2.

    TensorFlow prints `I0000` lines there, whatever its log level says. Exceptions pass.
    """
    disabled = logging.root.manager.disable
    logging.disable(max(disabled, logging.WARNING))
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
        logging.disable(disabled)
