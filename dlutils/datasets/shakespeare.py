"""Tiny Shakespeare: the running text that character-level models are compared on."""

from dlutils.datasets import prepared, tfds
from dlutils.datasets.text import Text, alphabet_of

FAMILY = {
    "tiny_shakespeare": tfds.Member(
        "lines from Shakespeare's plays, 1.1 million characters",
        "Karpathy, char-rnn (2015), from plays of William Shakespeare",
        "public domain; the repository it comes from is MIT",
        {"validation": 1, "test": 1, "train": 1},
        1.1,
    ),
}
CHARACTERS = {"train": 1_003_854, "validation": 55_770, "test": 55_770}


def load(data_dir=None, download=True):
    """Tiny Shakespeare as a Text: its first 1,003,854 characters to train, 111,540 to test.

    data_dir, download: see `dlutils.datasets.load`. The test part is TFDS's validation and test
    parts, in the order of the file. Source: Karpathy, The Unreasonable Effectiveness of Recurrent
    Neural Networks (2015). Raises ValueError, DatasetUnavailable and DatasetDamaged.
    """
    (member,) = FAMILY.values()
    builder = tfds.ready("tiny_shakespeare", data_dir, download)
    parts = prepared.read(builder, member.counts, _collect)
    prepared.require_lengths(builder, parts, CHARACTERS)
    train, test = parts["train"], parts["validation"] + parts["test"]
    return Text(
        train,
        test,
        alphabet_of(train, test),
        tfds.provenance(
            builder,
            member,
            {"train": len(train), "test": len(test)},
            "Counted in characters: the first nine tenths of the file to train, the rest to test.",
        ),
    )


def _collect(examples, count):
    return "".join(example["text"].decode() for example in examples)
