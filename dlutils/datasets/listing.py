"""The table of all data sets: what each is, and whether it is here."""

import inspect
import json

from dlutils.datasets import catalogue, tfds


def table(data_dir=None):
    """One line for each name: where it is, and what. Neither network nor TensorFlow is asked.

    data_dir: the folder of TensorFlow Datasets, see `load`. Returns a str.

    >>> print(table().splitlines()[1])  # doctest: +ELLIPSIS
    digits            embedded ...
    """
    rows = [("name", "where", "what")]
    for name, loader in catalogue.EMBEDDED.items():
        first = inspect.getdoc(loader).partition("\n")[0].removesuffix(".")
        rows.append((name, "embedded", first))
    for name, member in catalogue.MEMBERS.items():
        rows.append((name, where(name, data_dir), member.what))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{n:{widths[0]}}  {w:{widths[1]}}  {what}" for n, w, what in rows)


def where(name, data_dir=None):
    """Whether a set of TensorFlow Datasets is prepared, and in which format, or its size.

    >>> where("mnist", "/no/such/folder")
    'download, 11.6 MB'
    """
    folder = tfds.folder_of(name, data_dir)
    for info in sorted(folder.glob(f"{name}/**/dataset_info.json")):
        return f"prepared ({_format(info)})"
    return f"download, {catalogue.MEMBERS[name].megabytes:g} MB"


def _format(info):
    try:
        return json.loads(info.read_text("utf-8")).get("fileFormat", "tfrecord")
    except (OSError, ValueError, AttributeError):  # no JSON, or no object
        return "damaged"
