"""Data that TensorFlow Datasets has prepared: found, read into arrays, and checked."""

import contextlib
import importlib.util
import os
import re
import sys

import numpy as np

from dlutils.datasets.errors import DatasetDamaged, DatasetUnavailable
from dlutils.datasets.quiet import quietly

BATCH = 1000


def has_tensorflow():
    """Whether TensorFlow is installed (it is not imported for that)."""
    return importlib.util.find_spec("tensorflow") is not None


@contextlib.contextmanager
def installed(name):
    """Turn a missing package into DatasetUnavailable with the command that installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "tensorflow_datasets").split(".")[0].replace("_", "-")
        raise DatasetUnavailable(
            f"{name} needs the Python package {package}, which is not installed here; run "
            f"pip install {package} and call again."
        ) from error


def open_builder(name, folder):
    """TFDS's builder of this set in this folder, without touching the network."""
    with quietly(), installed(name):
        import tensorflow_datasets as tfds

        try:
            return tfds.builder(name, data_dir=folder)
        except (ImportError, MemoryError):
            raise
        except Exception as error:  # whatever its reader of dataset_info.json stumbles on
            raise _damaged(name, folder / name, error) from error


def is_prepared(builder):
    """Whether the set lies in its folder; raises DatasetDamaged for a folder without metadata."""
    with quietly():
        if builder.is_prepared():
            return True
    if builder.data_path.exists():
        raise _damaged(builder.name, builder.data_path, "dataset_info.json is missing")
    return False


def read(builder, counts):
    """For each part in counts, images float32 (n, height, width, channels) in [0, 1] and labels.

    counts: examples of each part. Labels are int32 (n,). Raises DatasetDamaged unless exactly
    so many can be read, and DatasetUnavailable where the format needs a TensorFlow that is not
    installed.
    """
    batches = _batches_of_source if _reads_as_source(builder) else _batches_of_tensorflow
    with quietly(), installed(builder.name):
        try:
            for part, count in counts.items():
                _check_files(builder.info.splits[part], count)
            shape = builder.info.features["image"].shape
            return {p: _fill(batches(builder, p), shape, n) for p, n in counts.items()}
        except (ImportError, MemoryError):
            raise
        except Exception as error:  # TensorFlow, Riegeli and PIL each have their own
            raise _damaged(builder.name, builder.data_path, error) from error


def _reads_as_source(builder):
    """True for formats with random access, which need no TensorFlow."""
    random_access = {"array_record", "parquet"}
    if builder.info.file_format.value in random_access:
        return True
    if has_tensorflow():
        return False
    if random_access & {each.value for each in builder.info.available_file_formats()}:
        return True
    raise DatasetUnavailable(
        f"{builder.name} in {builder.data_path} is prepared in the "
        f"{builder.info.file_format.value} format, which cannot be read without TensorFlow; "
        "install tensorflow, or prepare it on a machine that has it with "
        f"tfds.builder({builder.name!r}, data_dir=NEW).download_and_prepare("
        'file_format="array_record") and give that folder as data_dir.'
    )


def _check_files(split, count):
    if split.num_examples != count:
        raise ValueError(f"{split.name} has {split.num_examples} examples instead of {count}")
    for path in split.filepaths:
        if not path.exists():
            raise FileNotFoundError(f"{path.name} is missing")


def _batches_of_tensorflow(builder, part):
    import tensorflow_datasets as tfds

    _leave_gpu_to_keras()
    # One shard after the other: the order of examples in which a data source has them too.
    config = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1)
    dataset = builder.as_dataset(split=part, batch_size=BATCH, read_config=config)
    for batch in dataset.as_numpy_iterator():
        yield batch["image"], batch["label"]


def _batches_of_source(builder, part):
    source = builder.as_data_source(part)
    for start in range(0, len(source), BATCH):
        examples = source.__getitems__(list(range(start, min(start + BATCH, len(source)))))
        yield np.stack([e["image"] for e in examples]), np.stack([e["label"] for e in examples])


def _fill(batches, shape, count):
    """Arrays of count examples, filled batch by batch: the images are never held twice."""
    images = np.empty((count, *shape), "float32")
    labels = np.empty(count, "int32")
    done = 0
    for x, y in batches:
        if done + len(y) > count:
            raise ValueError(f"there are more than {count} examples")
        np.divide(x, np.float32(255), out=images[done : done + len(y)])
        labels[done : done + len(y)] = y
        done += len(y)
    if done < count:
        raise ValueError(f"there are {done} examples instead of {count}")
    return images, labels


def _leave_gpu_to_keras():
    """Keep TensorFlow, here only a reader, from taking all GPU memory from another backend."""
    keras = sys.modules.get("keras")
    backend = keras.config.backend() if keras else os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        import tensorflow as tf

        with contextlib.suppress(RuntimeError):  # too late: its devices are in use already
            tf.config.set_visible_devices([], "GPU")


def _damaged(name, folder, cause):
    """DatasetDamaged with the first words of what its reader said, less TensorFlow's node names."""
    cause = getattr(cause, "__cause__", None) or cause  # TFDS wraps what it met
    text = " ".join(re.sub(r"\{\{.*?\}\}\S*", "", str(cause)).split())
    text = text if len(text) <= 120 else f"{text[:120]}…"
    return DatasetDamaged(f"{name} is damaged ({text}): delete {folder} and call again.")
