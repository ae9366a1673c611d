"""Image classification sets read through TensorFlow Datasets: MNIST and its kin."""

import os
from dataclasses import dataclass
from pathlib import Path

from dlutils.datasets import prepared, preparing
from dlutils.datasets.provenance import Dataset, Provenance


@dataclass(frozen=True)
class Member:
    """What is not read from a prepared folder, because it may be missing or wrong there.

    counts: examples of each part, the small part first, so that damage shows sooner.
    """

    source: str
    licence: str
    counts: dict[str, int]


# A set with the features "image" and "label" and the splits "train" and "test" needs a line here.
FAMILY = {
    "mnist": Member(
        "LeCun, Cortes and Burges, The MNIST database of handwritten digits (1998)",
        "CC BY-SA 3.0, as usually stated for its authors",
        {"test": 10_000, "train": 60_000},
    ),
    "fashion_mnist": Member(
        "Xiao, Rasul and Vollgraf, Fashion-MNIST (Zalando, 2017, arXiv 1708.07747)",
        "MIT",
        {"test": 10_000, "train": 60_000},
    ),
    "cifar10": Member(
        "Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009)",
        "none stated by its author",
        {"test": 10_000, "train": 50_000},
    ),
}


def load(name, data_dir=None, download=True):
    """A set of FAMILY as arrays: images float32 (n, height, width, channels) in [0, 1].

    data_dir: the folder of TensorFlow Datasets, by default TFDS_DATA_DIR from the environment,
    else ~/tensorflow_datasets. download: whether to fetch what is not prepared there. Raises
    ValueError for other values, DatasetUnavailable and DatasetDamaged.
    """
    folder = _folder(name, data_dir)
    if not isinstance(download, bool):
        raise ValueError(
            f"load({name!r}): download is {download!r}, but it is a yes-or-no question; give True "
            "or False."
        )
    builder = prepared.open_builder(name, folder)
    if not prepared.is_prepared(builder):
        preparing.prepare(name, folder, download)
        builder = prepared.open_builder(name, folder)
    member = FAMILY[name]
    parts = prepared.read(builder, member.counts)
    return Dataset(
        *parts["train"],
        *parts["test"],
        tuple(builder.info.features["label"].names),
        Provenance(
            name=name,
            source=f"{member.source}, through TensorFlow Datasets {builder.info.full_name}",
            licence=member.licence,
            kind="real",
            counts={part: member.counts[part] for part in ("train", "test")},
            split="The split of its authors.",
        ),
    )


def _folder(name, data_dir):
    if data_dir is None:
        data_dir = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    if not isinstance(data_dir, str | os.PathLike) or not os.fspath(data_dir):
        raise ValueError(
            f"load({name!r}): data_dir is {data_dir!r}, but a folder is needed; give its path, or "
            "None for the usual one."
        )
    return Path(data_dir).expanduser().absolute()
