"""What all sets that come through TensorFlow Datasets have in common."""

import os
from dataclasses import dataclass
from pathlib import Path

from dlutils.datasets import prepared, preparing
from dlutils.datasets.provenance import Provenance


@dataclass(frozen=True)
class Member:
    """What is known of a set without looking into a prepared folder, where it may be wrong.

    what: the set in a few words. counts: examples of each part, the small part first, so that
    damage shows sooner. megabytes: size of its download, in 10^6 bytes.
    """

    what: str
    source: str
    licence: str
    counts: dict[str, int]
    megabytes: float


def ready(name, data_dir, download):
    """TFDS's builder of a set that is prepared, now if it was not yet.

    data_dir: the folder of TensorFlow Datasets, by default TFDS_DATA_DIR from the environment,
    else ~/tensorflow_datasets. download: whether to fetch what is not prepared there. Raises
    ValueError for other values, DatasetUnavailable and DatasetDamaged.
    """
    folder = folder_of(name, data_dir)
    if not isinstance(download, bool):
        raise ValueError(
            f"load({name!r}): download is {download!r}, but it is a yes-or-no question; give True "
            "or False."
        )
    builder = prepared.open_builder(name, folder)
    if not prepared.is_prepared(builder):
        preparing.prepare(name, folder, download)
        builder = prepared.open_builder(name, folder)
    return builder


def provenance(builder, member, counts, split):
    """The Provenance of a set that was read through this builder."""
    return Provenance(
        name=builder.name,
        source=f"{member.source}, through TensorFlow Datasets {builder.info.full_name}",
        licence=member.licence,
        kind="real",
        counts=counts,
        split=split,
    )


def folder_of(name, data_dir=None):
    """The folder that data_dir stands for, as an absolute path; ValueError where it is none.

    >>> folder_of("mnist", "/data").as_posix().endswith("/data")
    True
    """
    if data_dir is None:
        data_dir = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    if not isinstance(data_dir, str | os.PathLike) or not os.fspath(data_dir):
        raise ValueError(
            f"load({name!r}): data_dir is {data_dir!r}, but a folder is needed; give its path, or "
            "None for the usual one."
        )
    return Path(data_dir).expanduser().absolute()
