"""Fetching a set with TensorFlow Datasets so that it is there whole or not at all."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from dlutils.datasets import network, prepared
from dlutils.datasets.errors import DatasetUnavailable
from dlutils.datasets.quiet import quietly


def prepare(name, folder, download):
    """Download and prepare a set in folder, or raise DatasetUnavailable at once, with the cure."""
    if not download:
        _refuse(name, folder, "download=False forbids fetching it", "Call with download=True")
    if not prepared.has_tensorflow():
        _refuse(name, folder, "preparing it needs TensorFlow", "Install tensorflow")
    if not network.network_reachable():
        place = f"{network.HOST} cannot be reached from here"
        _refuse(name, folder, place, "Connect to the network and call again")
    print(f"{name}: downloading and preparing it in {folder}, once", file=sys.stderr, flush=True)
    with _scratch(name, folder) as scratch, prepared.installed(name):
        try:
            done = _download(name, Path(scratch))
            _move(done, folder / done.relative_to(scratch))
        except (DatasetUnavailable, ImportError, MemoryError):
            raise
        except Exception as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise DatasetUnavailable(
                f"{name} could not be downloaded and prepared in {folder} ({text}); nothing of it "
                "was kept. Look at the network and the disk, and call again."
            ) from error


def _refuse(name, folder, reason, cure):
    raise DatasetUnavailable(
        f"{name} is not prepared in {folder}, and {reason}. {cure}, or prepare it where there are "
        'a network and TensorFlow with python -c "import tensorflow_datasets as tfds; '
        f"tfds.builder('{name}', data_dir='DIR').download_and_prepare(file_format='array_record')\""
        " and give a copy of DIR as data_dir, or as TFDS_DATA_DIR in the environment."
    )


def _scratch(name, folder):
    """A fresh folder on the same file system, from which a move is a rename."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder)
    except OSError as error:
        raise DatasetUnavailable(
            f"{name} is to be prepared in {folder}, but that folder cannot be written to "
            f"({error.strerror}); give another one as data_dir or as TFDS_DATA_DIR in the "
            "environment."
        ) from error


def _download(name, scratch):
    """The folder below scratch that holds the prepared set."""
    builder = prepared.open_builder(name, scratch)
    with quietly():
        import tensorflow_datasets as tfds

        tfds.disable_progress_bar()
        try:
            builder.download_and_prepare(
                download_dir=scratch / "downloads",
                download_config=tfds.download.DownloadConfig(
                    try_download_gcs=False, force_checksums_validation=True
                ),
            )
        finally:
            tfds.enable_progress_bar()
    if not prepared.is_prepared(builder):
        raise RuntimeError("it ended without a prepared set")
    return Path(builder.data_path)


def _move(done, target):
    """Put the prepared folder in its place; whoever else got there first may stay."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.replace(done, target)
    except OSError:
        if not (target / "dataset_info.json").exists():
            raise
        shutil.rmtree(done)
