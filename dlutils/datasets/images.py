"""Image classification sets read through TensorFlow Datasets: MNIST and its kin."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dlutils.datasets import pngs, records, tfds
from dlutils.datasets.provenance import Dataset

# A set with the features "image" and "label" and the splits "train" and "test" needs a line here.
FAMILY = {
    "mnist": tfds.Member(
        "handwritten digits, 28x28 pixels, 10 classes",
        "LeCun, Cortes and Burges, The MNIST database of handwritten digits (1998)",
        "CC BY-SA 3.0, as usually stated for its authors",
        {"test": 10_000, "train": 60_000},
        11.6,
    ),
    "fashion_mnist": tfds.Member(
        "photographs of clothes, 28x28 pixels, 10 classes",
        "Xiao, Rasul and Vollgraf, Fashion-MNIST (Zalando, 2017, arXiv 1708.07747)",
        "MIT",
        {"test": 10_000, "train": 60_000},
        30.9,
    ),
    "cifar10": tfds.Member(
        "colour photographs of animals and vehicles, 32x32 pixels, 10 classes",
        "Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009)",
        "none stated by its author",
        {"test": 10_000, "train": 50_000},
        170.1,
    ),
}


def load(name, data_dir=None, download=True):
    """A set of FAMILY as arrays: images float32 (n, height, width, channels) in [0, 1].

    data_dir, download: see `dlutils.datasets.load`. Labels are int32 (n,). Raises ValueError,
    DatasetUnavailable and DatasetDamaged.
    """
    builder = tfds.ready(name, data_dir, download)
    member = FAMILY[name]
    shape = builder.info.features["image"].shape
    parts = records.read(
        builder, member.counts, lambda batches, count: _fill(batches, count, shape)
    )
    return Dataset(
        *parts["train"],
        *parts["test"],
        tuple(builder.info.features["label"].names),
        tfds.provenance(
            builder,
            member,
            {part: member.counts[part] for part in ("train", "test")},
            "The split of its authors.",
        ),
    )


def _fill(batches, count, shape):
    """Arrays of count examples, filled batch by batch: the images are never held twice."""
    images, labels, done = np.empty((count, *shape), "float32"), np.empty(count, "int32"), 0

    def fill(here, batch):
        np.divide(pngs.decode(batch["image"], shape), np.float32(255), out=images[here])
        labels[here] = batch["label"]

    # One thread reads while another unpacks: both wait in C code for the better part.
    with ThreadPoolExecutor(1) as unpacking:
        pending = None
        for batch in batches:
            here = slice(done, done := done + len(batch["label"]))
            if pending:
                pending.result()
            pending = unpacking.submit(fill, here, batch)
        if pending:
            pending.result()
    return images, labels
