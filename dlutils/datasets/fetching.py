"""Files from the network: resumed where they broke off, and checked before they count."""

import contextlib
import hashlib
import http.client
import os
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from dlutils.datasets import network
from dlutils.datasets.errors import DatasetUnavailable

BLOCK = 2**16  # bytes
TIMEOUT = 30.0  # seconds without a byte
WAITS = (1, 2, 4, 8)  # seconds before another try; counted anew whenever more has arrived
BUSY = (408, 425, 429)  # answers that ask for another try, as those from 500 on do


@dataclass(frozen=True)
class File:
    """A file on the network: its address, its place here, and what it must be.

    size: in bytes. sha256: as 64 hexadecimal digits.
    """

    url: str
    path: Path
    size: int
    sha256: str

    @property
    def part(self):
        """Where it grows until it is whole."""
        return self.path.with_name(f"{self.path.name}.part")


class _Wrong(Exception):  # noqa: N818 (a verdict on a file)
    """What came is another file than the one asked for."""


class _Broken(Exception):  # noqa: N818
    """The connection failed, or ended early; another try may go on from there."""


def missing(files):
    """Those of the files that are not in their place, whole: each is read and hashed."""
    return [file for file in files if _fault(file.path, file)]


def fetch(name, files):
    """Bring every missing file to its place; `name` of the data set stands before the bar.

    A file grows beside its place as NAME.part and moves there when its sha256 is right, so that
    whoever is cut off or killed goes on from there at the next call. A wrong file is fetched anew,
    once. Raises DatasetUnavailable with the cause and the cure.
    """
    from tqdm import tqdm

    wanted = missing(files)
    if not wanted:
        return
    look = {"unit": "B", "unit_scale": True, "leave": False, "mininterval": 0.5}
    total = sum(file.size for file in wanted)
    with tqdm(desc=name, total=total, file=sys.stderr, **look) as bar:
        before = 0
        for file in wanted:
            _fetch(name, file, lambda done, before=before: bar.update(before + done - bar.n))
            before += file.size


def _fetch(name, file, say):
    for _ in range(2):
        try:
            with _on_disk(name, file):
                file.path.parent.mkdir(parents=True, exist_ok=True)
            _complete(name, file, say)
            if fault := _fault(file.part, file):
                raise _Wrong(fault)
        except _Wrong as error:
            fault = error
            file.part.unlink(missing_ok=True)
        else:
            os.replace(file.part, file.path)
            return
    raise DatasetUnavailable(
        f"{name} could not be downloaded: {file.url} gave another file than the registered one, "
        f"twice ({fault}). Look whether a login page or a proxy answers in its place, or update "
        "tensorflow-datasets, and call again."
    ) from None


def _complete(name, file, say):
    """Let the part grow to its full size, over as many connections as that takes."""
    waits = iter(WAITS)
    while (before := _size(file.part)) < file.size:
        try:
            _transfer(name, file, before, say)
        except _Broken as error:
            done = _size(file.part)
            if done > before:
                waits = iter(WAITS)
            wait = next(waits, None)
            if wait is None:
                raise DatasetUnavailable(
                    f"{name} could not be downloaded: {file.url} broke off at {done:,} of "
                    f"{file.size:,} bytes, {len(WAITS) + 1} times in a row ({error}). What arrived "
                    "is kept; look at the network, and call again to go on from there."
                ) from None
            time.sleep(wait)


def _transfer(name, file, before, say):
    """Append to the part what one answer brings; start over where the server does not resume."""
    with _answer(name, file, before) as answer:
        resumed = answer.status == 206
        _check_announced(answer, file, before)
        with _on_disk(name, file), open(file.part, "ab" if resumed else "wb") as part:
            done = before if resumed else 0
            while done <= file.size and (block := _read(answer)):
                part.write(block)
                part.flush()
                done += len(block)
                say(done)
    if done < file.size:
        raise _Broken("the connection was closed")


def _answer(name, file, before):
    headers = {"User-Agent": "dlutils", "Accept-Encoding": "identity"}
    if before:
        headers["Range"] = f"bytes={before}-"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(network.proxies()))
    try:
        return opener.open(urllib.request.Request(file.url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        answer = f"{error.code} {error.reason}"
        if error.code == 416:  # the part is longer than what the server has
            raise _Wrong(f"it answers {answer}") from None
        if error.code in BUSY or error.code >= 500:
            raise _Broken(f"it answers {answer}") from None
        raise DatasetUnavailable(
            f"{name} could not be downloaded: {file.url} answers {answer}. The file may have "
            "moved; update tensorflow-datasets, and call again."
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(_words(error)) from None


def _check_announced(answer, file, before):
    """Refuse an answer that says beforehand that it is not the rest of this file."""
    if answer.status == 206:
        span, _, size = (answer.headers["Content-Range"] or "").partition("/")
        if not span.startswith(f"bytes {before}-"):
            raise _Wrong(f"asked for bytes from {before} on, it sent {span or 'others'}")
    else:
        size = answer.headers["Content-Length"] or ""
    if size.isdigit() and int(size) != file.size:
        raise _Wrong(f"{int(size):,} bytes instead of {file.size:,}")


def _read(answer):
    try:
        return answer.read1(BLOCK)  # what is there by now, so that nothing is lost with a cut
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(_words(error)) from None


@contextlib.contextmanager
def _on_disk(name, file):
    """Say in one sentence what a full or forbidden disk means; what arrived stays there."""
    try:
        yield
    except OSError as error:
        raise DatasetUnavailable(
            f"{name} could not be downloaded: {file.path.parent} took {_size(file.part):,} of "
            f"{file.size:,} bytes ({error.strerror}). Make room there and call again to go on, or "
            "give another folder as data_dir or as TFDS_DATA_DIR in the environment."
        ) from None


def _fault(path, file):
    """What is wrong with a file in one phrase, "" where it is the registered one."""
    try:
        if (size := path.stat().st_size) != file.size:
            return f"{size:,} bytes instead of {file.size:,}"
        with open(path, "rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return "" if found == file.sha256 else f"sha256 {found[:12]}… instead of {file.sha256[:12]}…"


def _size(path):
    return path.stat().st_size if path.exists() else 0


def _words(error):
    reason = getattr(error, "reason", error)
    return " ".join(str(reason).split())[:120] or type(reason).__name__
