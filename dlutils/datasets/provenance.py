"""Where data come from: what every loaded set carries beside its arrays."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Provenance:
    """Origin of a data set.

    name: as given to `load`. source: who made it and where it is kept. licence: as its source
    states it. kind: "real" or "generated". counts: examples of each part, such as
    {"train": 1197, "test": 600}. split: one sentence on how the parts were made.
    """

    name: str
    source: str
    licence: str
    kind: str
    counts: dict[str, int]
    split: str

    def __str__(self):
        counts = ", ".join(f"{number:,} {part}" for part, number in self.counts.items())
        return (
            f"{self.name} ({self.kind}): {counts}. {self.split} "
            f"Source: {self.source}. Licence: {self.licence}."
        )


class Summary:
    """Base of the data set classes: a repr of shapes and dtypes, never of a million pixels."""

    def __repr__(self):
        lines = [f"{type(self).__name__} {self.provenance.name!r}"]
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                lines.append(f"  {name}: {value.dtype} {value.shape}")
            elif isinstance(value, tuple):
                few = value if len(value) <= 10 else value[:2]
                shown = ", ".join(map(repr, few)) + (", …" if len(few) < len(value) else "")
                lines.append(f"  {name}: {len(value)} str: {shown}")
        return "\n".join([*lines, f"  {self.provenance}"])


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Summary):
    """Labelled images in a training and a test part.

    x_train, x_test: float32 (n, height, width, channels) in [0, 1].
    y_train, y_test: int32 (n,), indices into class_names.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]
    provenance: Provenance
