"""Where data come from: what every loaded set carries beside its arrays."""

from dataclasses import dataclass, fields

import numpy as np

SHOWN = 40  # characters of a long str in a repr


@dataclass(frozen=True)
class Provenance:
    """Origin of a data set.

    name: as given to `load`. source: who made it and where it is kept. licence: as its source
    states it. kind: "real" or "generated". counts: examples of each part, such as
    {"train": 1197, "test": 600}. split: one sentence on how the parts were made.

    >>> from dlutils import datasets
    >>> origin = datasets.load("digits").provenance
    >>> origin.kind, origin.licence, origin.counts
    ('real', 'CC BY 4.0', {'train': 1197, 'test': 600})
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
    """Base of the data set classes: a repr of shapes and counts, never of a million values."""

    def __repr__(self):
        lines = [f"{type(self).__name__} {self.provenance.name!r}"]
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if isinstance(value, tuple):
                few = value if len(value) <= 10 else value[:2]
                kind = type(value[0]).__name__ if value else "values"
                shown = ", ".join(map(_short, few)) + (", …" if len(few) < len(value) else "")
                lines.append(f"  {name}: {len(value)} {kind}: {shown}")
            elif isinstance(value, np.ndarray | str):
                lines.append(f"  {name}: {_short(value)}")
        return "\n".join([*lines, f"  {self.provenance}"])


def _short(value):
    """An array by dtype and shape, a long str by its length and beginning, the rest in full."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, str) and len(value) > SHOWN:
        return f"{len(value):,} characters: {value[:SHOWN]!r}…"
    return repr(value)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Summary):
    """Labelled images in a training and a test part.

    x_train, x_test: float32 (n, height, width, channels) in [0, 1].
    y_train, y_test: int32 (n,), indices into class_names.

    >>> from dlutils import datasets
    >>> digits = datasets.load("digits")
    >>> digits.x_train.shape, digits.y_test.shape, digits.class_names[:3]
    ((1197, 8, 8, 1), (600,), ('0', '1', '2'))
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]
    provenance: Provenance
