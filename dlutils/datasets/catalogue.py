"""Which data sets there are, and the one door to them."""

import difflib
import inspect
from functools import partial

from dlutils.datasets import (
    bccd,
    dates,
    digits,
    english,
    images,
    photos,
    reviews,
    scenes,
    series,
    shakespeare,
)

EMBEDDED = {
    "digits": digits.load,
    "photos": photos.load,
    "english": english.load,
    "dates": dates.load,
    "scenes": scenes.load,
    "eeg": series.load_eeg,
    "stocks": series.load_stocks,
}
# Through TensorFlow Datasets, in the order in which they are listed.
MEMBERS = images.FAMILY | shakespeare.FAMILY | reviews.FAMILY | bccd.FAMILY
LOADERS = (
    EMBEDDED
    | {name: partial(images.load, name) for name in images.FAMILY}
    | {"tiny_shakespeare": shakespeare.load}
    | {name: partial(reviews.load, name) for name in reviews.FAMILY}
    | {"bccd": bccd.load}
)


def names():
    """The names that `load` knows, as a tuple of str.

    >>> "mnist" in names()
    True
    """
    return tuple(LOADERS)


def options(name):
    """The options that `load(name, …)` takes, as a dict of option name to default.

    Raises ValueError for an unknown name.

    >>> options("bccd")
    {'scale': 0.25, 'data_dir': None, 'download': True}
    """
    parameters = inspect.signature(LOADERS[_known(name)]).parameters.values()
    return {option.name: option.default for option in parameters}


def load(name, **options):
    """The data set of this name: arrays, class names and provenance.

    name: one of `names()`. options: see `options(name)`. Sets that come through TensorFlow Datasets
    take data_dir, its folder (by default TFDS_DATA_DIR from the environment, else
    ~/tensorflow_datasets), and download, whether to fetch and prepare what is not there, once.
    Raises ValueError for an unknown name or a bad value, TypeError for an unknown option,
    DatasetUnavailable where the data are neither here nor within reach, and DatasetDamaged
    where they are here in part.

    >>> load("digits").x_train.shape
    (1197, 8, 8, 1)
    """
    _refuse_unknown_options(_known(name), options)
    return LOADERS[name](**options)


def _known(name):
    if isinstance(name, str) and name in LOADERS:
        return name
    raise ValueError(
        f"load: there is no data set {name!r}{_guess(name, LOADERS)}; choose one of "
        f"{', '.join(LOADERS)}."
    )


def _refuse_unknown_options(name, given):
    known = options(name)
    for option in given:
        if option not in known:
            raise TypeError(
                f"load({name!r}): there is no option {option!r}{_guess(option, known)}; "
                f"{name} takes {', '.join(known) or 'no options'}."
            )


def _guess(word, known):
    close = difflib.get_close_matches(str(word).lower(), known, 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
