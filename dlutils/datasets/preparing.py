"""Fetching a set and preparing it with TensorFlow Datasets: whole or not at all, by one process."""

import contextlib
import io
import os
import shutil
import sys
from pathlib import Path

from dlutils.datasets import fetching, network, prepared
from dlutils.datasets.errors import DatasetUnavailable
from dlutils.datasets.quiet import quietly


def prepare(name, folder, download=True, file_format=None):
    """Download and prepare a set in folder, or raise DatasetUnavailable at once, with the cure.

    file_format: "tfrecord", "array_record" or None for TFDS's choice. Files that are in the
    download cache, whole, are not fetched again; without a network they suffice. Where another
    process prepares the same set there, wait for it.
    """
    if not download:
        _refuse(name, folder, "download=False forbids fetching it", "Call with download=True")
    if not prepared.has_tensorflow():
        _refuse(name, folder, "preparing it needs TensorFlow", "Install tensorflow")
    files = cached_files(name, folder)
    _require_network(name, folder, files)
    with _alone(name, folder), prepared.installed(name):
        if prepared.is_prepared(prepared.open_builder(name, folder)):
            return  # by whom we waited for
        _say(f"{name}: downloading and preparing it in {folder}, once")
        _fetch_and_prepare(name, folder, files, file_format)


def cached_files(name, folder):
    """The files that TFDS has registered for a set, with their places in its download cache."""
    builder = prepared.open_builder(name, folder)
    with quietly(), prepared.installed(name):
        from tensorflow_datasets.core.download import resource

        place = folder / "downloads" / builder.name
        return {
            fetching.File(
                url, place / resource.get_dl_fname(url, info.checksum), info.size, info.checksum
            ): info
            for url, info in builder.url_infos.items()
        }


def _say(line):
    print(line, file=sys.stderr, flush=True)


def _refuse(name, folder, reason, cure):
    raise DatasetUnavailable(
        f"{name} is not prepared in {folder}, and {reason}. {cure}, or prepare it where there are "
        f"a network and TensorFlow with {prepared.command(name)} and give a copy of DIR as "
        "data_dir, or as TFDS_DATA_DIR in the environment."
    )


def _require_network(name, folder, files):
    """Refuse at once where files are needed that cannot come."""
    lacking = fetching.missing(files)
    if files and not lacking:
        return
    # Without registered files TFDS's own downloader fetches what it needs, from where it knows.
    url = lacking[0].url if lacking else network.USUAL
    if not network.network_reachable(url):
        place = f"{url.split('/')[2]} cannot be reached from here"
        _refuse(name, folder, place, "Connect to the network and call again")


@contextlib.contextmanager
def _alone(name, folder):
    """Hold the lock of this set in this folder; it ends with the process, however that ends."""
    with prepared.installed(name):
        from filelock import FileLock, Timeout
    place = folder / "downloads"
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place / f"{name}.lock")
        try:
            held = lock.acquire(timeout=0)
        except Timeout:
            _say(f"{name}: another process is preparing it in {folder}; waiting for it")
            held = lock.acquire()
    except (OSError, NotImplementedError) as error:
        raise DatasetUnavailable(
            f"{name} is to be prepared in {folder}, but that folder cannot be written to "
            f"({getattr(error, 'strerror', None) or error}); give another one as data_dir or as "
            "TFDS_DATA_DIR in the environment."
        ) from error
    with held:
        yield


def _fetch_and_prepare(name, folder, files, file_format):
    """Work in a scratch folder on the same file system, from which a move is a rename."""
    scratch = folder / f".{name}.preparing"
    try:
        _sweep(scratch)  # of a process that was killed: whoever lives would hold the lock
        fetching.fetch(name, files)
        _describe(name, files)
        done = _prepare(name, folder, scratch, file_format)
        _move(done, folder / done.relative_to(scratch))
    except (DatasetUnavailable, ImportError, MemoryError):
        raise
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise DatasetUnavailable(
            f"{name} could not be downloaded and prepared in {folder} ({text}); nothing of it "
            "was kept but the files that were downloaded. Look at the network and the disk, and "
            "call again."
        ) from error
    finally:
        _sweep(scratch, ignore_errors=True)


def _sweep(scratch, ignore_errors=False):
    if scratch.exists():
        shutil.rmtree(scratch, ignore_errors=ignore_errors)


def _describe(name, files):
    """Write the note beside each file by which TFDS takes it for its own download."""
    with quietly():
        from tensorflow_datasets.core.download import resource

        for file, info in files.items():
            note = resource.get_info_path(file.path)
            note.unlink(missing_ok=True)
            resource.write_info_file(file.url, file.path, name, info.filename, info)


def _prepare(name, folder, scratch, file_format):
    """The folder below scratch that holds the prepared set."""
    builder = prepared.open_builder(name, scratch)
    with quietly(), contextlib.redirect_stdout(io.StringIO()):  # TFDS prints what it is doing
        import tensorflow_datasets as tfds

        tfds.disable_progress_bar()
        try:
            builder.download_and_prepare(
                download_dir=folder / "downloads",
                download_config=tfds.download.DownloadConfig(
                    extract_dir=scratch / "extracted",
                    try_download_gcs=False,
                    # TFDS compares what it has registered; other files it may fetch unchecked.
                    force_checksums_validation=False,
                ),
                file_format=file_format,
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
