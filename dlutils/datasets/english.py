"""English prose that comes with Python: the language reference, as `help()` shows it."""

import platform

from dlutils.datasets.errors import DatasetUnavailable
from dlutils.datasets.provenance import Provenance
from dlutils.datasets.text import Text, alphabet_of

HELD_OUT = 10  # one in so many characters


def load():
    """Python's own documentation topics as one text of some 465,000 characters.

    The topics follow one another by name, with an empty line between them; the last tenth of the
    characters is the test part. Another version of Python has another text. Raises
    DatasetUnavailable where this Python came without the module `pydoc_data`.

    >>> from dlutils import datasets
    >>> text = datasets.load("english")
    >>> text.train[:22], len(text.train) > 8 * len(text.test)
    ('The "assert" statement', True)
    """
    whole = "\n\n".join(topic.strip("\n") for _, topic in sorted(_topics().items()))
    cut = len(whole) - len(whole) // HELD_OUT
    train, test = whole[:cut], whole[cut:]
    return Text(
        train,
        test,
        alphabet_of(whole),
        Provenance(
            name="english",
            source="The Python Language Reference (Python Software Foundation) in "
            f"pydoc_data.topics of Python {platform.python_version()}",
            licence="PSF License Agreement (Python-2.0)",
            kind="real",
            counts={"train": len(train), "test": len(test)},
            split="Counted in characters; the last tenth is held out.",
        ),
    )


def _topics():
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise DatasetUnavailable(
            "load('english'): the text is Python's module pydoc_data.topics, which Python "
            f"{platform.python_version()} came without here; use a Python from python.org, conda "
            "or uv, which have it."
        ) from None
    return topics
