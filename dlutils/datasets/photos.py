"""Two real colour photographs that scikit-learn ships."""

from dataclasses import dataclass

import numpy as np

from dlutils.datasets.provenance import Provenance, Summary


@dataclass(frozen=True, eq=False, repr=False)
class Photos(Summary):
    """Colour photographs: images float32 (2, 427, 640, 3), RGB in [0, 1], and their names.

    >>> from dlutils import datasets
    >>> photos = datasets.load("photos")
    >>> photos.names, photos.images.shape
    (('china', 'flower'), (2, 427, 640, 3))
    """

    images: np.ndarray
    names: tuple[str, ...]
    provenance: Provenance


def load():
    """The photographs "china" and "flower" of scikit-learn."""
    from sklearn.datasets import load_sample_image

    names = ("china", "flower")
    images = np.stack([load_sample_image(f"{name}.jpg") for name in names])
    return Photos(
        images.astype("float32") / 255,
        names,
        Provenance(
            name="photos",
            source="Flickr users danielbuechele (china, 6061409035) and vultilion (flower, "
            "6056698931), as shipped with scikit-learn",
            licence="CC BY 2.0",
            kind="real",
            counts={"photos": len(names)},
            split="Not split.",
        ),
    )
