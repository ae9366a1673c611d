"""Real handwritten digits that scikit-learn ships: 8x8 pixels, no download."""

import numpy as np

from dlutils.datasets.provenance import Dataset, Provenance

TEST_PER_CLASS = 60
SPLIT_SEED = 1797


def load():
    """The 1,797 handwritten digits of scikit-learn as 1,197 training and 600 test images.

    Images are float32 (n, 8, 8, 1) in [0, 1], labels int32 (n,). The split never changes.
    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI (1998).
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images / 16).astype("float32")[..., None]
    labels = bunch.target.astype("int32")
    train, test = _split(labels)
    return Dataset(
        images[train],
        labels[train],
        images[test],
        labels[test],
        tuple(str(digit) for digit in range(10)),
        Provenance(
            name="digits",
            source="Optical Recognition of Handwritten Digits, test part (Alpaydin and Kaynak, "
            "UCI 1998, doi 10.24432/C50P49), as shipped with scikit-learn",
            licence="CC BY 4.0",
            kind="real",
            counts={"train": len(train), "test": len(test)},
            split=f"Fixed split of our own: {TEST_PER_CLASS} random test digits a class, so the "
            "same 13 writers are in both parts.",
        ),
    )


def _split(labels):
    """Indices of the training and test digits, both in a fixed shuffled order.

    Shuffled, because the file is sorted by writer and a `validation_split` would otherwise hold
    out whole writers.
    """
    bits = np.random.PCG64(SPLIT_SEED)
    lot, order = _permutation(bits, len(labels)), _permutation(bits, len(labels))
    test = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        test[lot[labels[lot] == digit][:TEST_PER_CLASS]] = True
    return order[~test[order]], order[test[order]]


def _permutation(bits, n):
    """Ranks of raw bits, which NumPy keeps the same in every version, unlike `permutation`."""
    return np.argsort(bits.random_raw(n), kind="stable")
