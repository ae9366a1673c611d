"""Data that TensorFlow Datasets has prepared: found, read into arrays, and checked."""

import contextlib
import importlib.util
import os
import re
import sys

from dlutils.datasets.errors import DatasetDamaged, DatasetUnavailable
from dlutils.datasets.quiet import quietly

AT_ONCE = 100  # examples of any size that a data source hands over in one go


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


def read(builder, counts, collect, raw=None):
    """For each part in counts, what `collect(examples, count)` makes of its examples.

    counts: examples of each part. examples: an iterator over exactly so many, as dicts with the
    names that TFDS gives its features. raw: a feature to leave encoded, as bytes. Raises
    DatasetDamaged where that fails or there are more or fewer, and DatasetUnavailable where the
    format needs a TensorFlow that is not installed.
    """
    examples = _examples_of_source if reads_as_source(builder) else _examples_of_tensorflow
    with reading(builder, counts):
        import tensorflow_datasets as tfds

        decoders = {raw: tfds.decode.SkipDecoding()} if raw else None
        return {
            part: collect(_exactly(examples(builder, part, decoders), count), count)
            for part, count in counts.items()
        }


@contextlib.contextmanager
def reading(builder, counts):
    """Read in silence; whatever fails is DatasetDamaged, as are splits of other counts."""
    with quietly(), installed(builder.name):
        try:
            for part, count in counts.items():
                _check_files(builder.info.splits[part], count)
            yield
        except (ImportError, MemoryError):
            raise
        except Exception as error:  # TensorFlow, Riegeli and PIL each have their own
            raise _damaged(builder.name, builder.data_path, error) from error


def require_lengths(builder, parts, lengths):
    """Raise DatasetDamaged unless every part has its length."""
    for part, length in lengths.items():
        if len(parts[part]) != length:
            cause = f"{part} has {len(parts[part]):,} characters instead of {length:,}"
            raise _damaged(builder.name, builder.data_path, cause)


def command(name):
    """The command that prepares a set for machines with and without TensorFlow.

    >>> command("mnist")
    'python -m dlutils.datasets prepare mnist --data-dir DIR --file-format array_record'
    """
    return f"python -m dlutils.datasets prepare {name} --data-dir DIR --file-format array_record"


def reads_as_source(builder):
    """True for formats with random access, which need no TensorFlow."""
    random_access = {"array_record", "parquet"}
    if builder.info.file_format.value in random_access:
        return True
    if has_tensorflow():
        return False
    beside = [f for f in builder.info.available_file_formats() if f.value in random_access]
    if beside:
        builder.info.set_file_format(beside[0], override=True, override_if_initialized=True)
        return True
    raise DatasetUnavailable(
        f"{builder.name} in {builder.data_path} is prepared in the "
        f"{builder.info.file_format.value} format, which cannot be read without TensorFlow; "
        f"install tensorflow, or prepare it on a machine that has it with {command(builder.name)} "
        "and give a copy of DIR as data_dir."
    )


def _check_files(split, count):
    if split.num_examples != count:
        raise ValueError(f"{split.name} has {split.num_examples} examples instead of {count}")
    for path in split.filepaths:
        if not path.exists():
            raise FileNotFoundError(f"{path.name} is missing")


def _examples_of_tensorflow(builder, part, decoders):
    """The examples one by one, in the order in which a data source has them."""
    import tensorflow_datasets as tfds

    leave_gpu_to_keras()
    # One shard after the other: the order of a data source.
    config = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1)
    dataset = builder.as_dataset(split=part, read_config=config, decoders=decoders)
    yield from dataset.as_numpy_iterator()


def _examples_of_source(builder, part, decoders):
    source = builder.as_data_source(part, decoders=decoders)
    for start in range(0, len(source), AT_ONCE):
        yield from source.__getitems__(list(range(start, min(start + AT_ONCE, len(source)))))


def _exactly(examples, count):
    """The examples, as long as there are neither more nor fewer than count."""
    done = 0
    for done, example in enumerate(examples, start=1):
        if done > count:
            raise ValueError(f"there are more than {count} examples")
        yield example
    if done < count:
        raise ValueError(f"there are {done} examples instead of {count}")


def leave_gpu_to_keras():
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
