"""Film reviews with a verdict, read through TensorFlow Datasets."""

from dataclasses import dataclass

import numpy as np

from dlutils.datasets import prepared, tfds
from dlutils.datasets.provenance import Provenance, Summary

CLASS_NAMES = ("negative", "positive")
PARTS = ("train", "validation", "test")

FAMILY = {
    "imdb_reviews": tfds.Member(
        "50,000 film reviews, negative or positive",
        "Maas et al., Learning Word Vectors for Sentiment Analysis (ACL 2011)",
        "none stated by its authors",
        {"test": 25_000, "train": 25_000},
        84.1,
    ),
    "movie_rationales": tfds.Member(
        "1,999 long film reviews, negative or positive",
        "Pang and Lee (2004), with the passages of Zaidan, Eisner and Piatko (2007), as kept by "
        "DeYoung et al., ERASER (ACL 2020)",
        "reviews CC BY 4.0, as NLTK states it; none stated for the passages",
        {"test": 199, "validation": 200, "train": 1_600},
        3.9,
    ),
}
TEXT = {"imdb_reviews": "text", "movie_rationales": "review"}  # what TFDS calls it


@dataclass(frozen=True, eq=False, repr=False)
class Reviews(Summary):
    """Reviews and their verdicts in a training, a validation and a test part.

    texts_train, texts_validation, texts_test: tuples of str. y_train, y_validation, y_test: int32
    (n,), indices into class_names. The validation part is empty where its authors made none.

    >>> from dlutils.datasets import Provenance, Reviews
    >>> origin = Provenance("demo", "this page", "none needed", "generated", {"train": 2}, "")
    >>> none, verdicts = np.zeros(0, "int32"), np.array([1, 0], "int32")
    >>> films = Reviews(("Good.", "Bad."), verdicts, (), none, (), none, CLASS_NAMES, origin)
    >>> [films.class_names[y] for y in films.y_train]
    ['positive', 'negative']
    """

    texts_train: tuple[str, ...]
    y_train: np.ndarray
    texts_validation: tuple[str, ...]
    y_validation: np.ndarray
    texts_test: tuple[str, ...]
    y_test: np.ndarray
    class_names: tuple[str, ...]
    provenance: Provenance


def load(name, data_dir=None, download=True):
    """A set of FAMILY as Reviews: texts as tuples of str, labels int32, 0 negative, 1 positive.

    data_dir, download: see `dlutils.datasets.load`. Raises ValueError, DatasetUnavailable and
    DatasetDamaged.
    """
    builder = tfds.ready(name, data_dir, download)
    member = FAMILY[name]

    def collect(examples, count):
        pairs = [(example[TEXT[name]].decode(), example["label"]) for example in examples]
        return tuple(text for text, _ in pairs), np.array([y for _, y in pairs], "int32")

    nothing = (), np.empty(0, "int32")
    parts = prepared.read(builder, member.counts, collect)
    texts_and_labels = [each for part in PARTS for each in parts.get(part, nothing)]
    counts = {part: member.counts[part] for part in PARTS if part in member.counts}
    split = "The split of its authors."
    return Reviews(*texts_and_labels, CLASS_NAMES, tfds.provenance(builder, member, counts, split))
