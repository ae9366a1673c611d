"""The folder of a run: its lock, its secret, and every result as soon as it is known.

Only the controller of a run writes here, so that workers need not see the folder, nor learners'
code on them the secret.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from coursetools.course import Course
from coursetools.errors import CourseError
from coursetools.grading.bench import Job, Plan
from coursetools.grading.fence import find_fence
from coursetools.grading.graded import Graded
from coursetools.grading.judge import Verdict
from coursetools.grading.reading import LIMIT
from coursetools.grading.submissions import Submission

FORMAT = 2  # of what is stored: another one is graded anew
PATIENCE = 2.0  # seconds for which a run that was just killed may still hold the lock
_UNREADABLE = "cannot be opened"


class Results:
    """What is known of a run; `secret` is what all its draws follow from."""

    def __init__(self, out: Path):
        self._folder = out / "results"
        with _writable(out):
            self._folder.mkdir(parents=True, exist_ok=True)
            self.secret = _secret(out / "secret")

    def stored(self, job: Job) -> Graded | None:
        """The result of an earlier run, if it was of the same hand-in, course and limits."""
        try:
            found = json.loads(self._path(job.submission).read_text("utf-8"))
            if found.pop("stamp") != job.stamp:
                return None
            found["verdicts"] = tuple(Verdict(**verdict) for verdict in found["verdicts"])
            graded = Graded(**{**found, "remarks": tuple(found["remarks"])})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return None if graded.unfenced and find_fence().bwrap else graded

    def keep(self, job: Job, graded: Graded) -> None:
        """Write a result, whole or not at all. Raises CourseError where that cannot be done."""
        path = self._path(job.submission)
        text = json.dumps({"stamp": job.stamp, **dataclasses.asdict(graded)}, ensure_ascii=True)
        with _writable(self._folder.parent):
            _write(path, text)

    def _path(self, submission: Submission) -> Path:
        """A file name that no student's name can lead elsewhere."""
        text = "\0".join((submission.student, submission.lesson or "", str(submission.path)))
        name = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return self._folder / f"{name}.json"


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keep other runs out of a folder; may be nested. Raises CourseError where one is there."""
    from filelock import Timeout

    with _writable(out):
        out.mkdir(parents=True, exist_ok=True)
        lock = _lock(str(out.resolve() / ".lock"))
        try:
            lock.acquire(timeout=PATIENCE)
        except Timeout:
            raise CourseError(
                f"another run is grading into {out}; wait until it has ended, or name another "
                "folder with --out."
            ) from None
    try:
        yield
    finally:
        lock.release()


@functools.cache
def _lock(path: str):
    from filelock import FileLock

    return FileLock(path)


def stamps(course: Course, plan: Plan):
    """A function from a hand-in to (what a result of it depends on, whether it can be opened)."""
    backend = os.environ.get("KERAS_BACKEND", "")
    shared = (str(FORMAT), repr(plan.limits), backend, plan.secret.hex(), _code(course))

    def stamp(submission: Submission) -> tuple[str, bool]:
        handed = _digest(submission.path)
        # A hand-in whose file name tells no lesson says it inside: it depends on any master.
        lessons = [submission.lesson] if submission.lesson else sorted(plan.masters)
        own = [(plan.masters.get(lesson) or ("",))[0] for lesson in lessons]
        text = "\0".join((*shared, handed, *own))
        whole = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        return whole, not handed.startswith(_UNREADABLE)

    return stamp


def _code(course: Course) -> str:
    """Of the checks' library and of the grader: another version of either grades anew."""
    whole = hashlib.sha256()
    for folder in (course.root / "dlutils", Path(__file__).parent):
        for path in sorted(folder.rglob("*.py")):
            whole.update(f"{path.relative_to(folder)}\0".encode())
            whole.update(path.read_bytes())
    return whole.hexdigest()


def _digest(path: Path) -> str:
    """Of a hand-in's bytes, unparsed; of what is no plain file or cannot be read, what it is."""
    names = ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LIMIT:
            return f"{stat.S_IFMT(status.st_mode)} of {status.st_size}"
        flags = sum(getattr(os, name, 0) for name in names)
        with os.fdopen(os.open(path, os.O_RDONLY | flags), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        return f"{_UNREADABLE}: {problem.strerror}"


def _secret(path: Path) -> bytes:
    """The secret that a folder's first run has put there."""
    if not path.exists():
        _write(path, secrets.token_hex(32), mode=0o600)
    try:
        secret = bytes.fromhex(path.read_text().strip())
    except ValueError:
        secret = b""
    if len(secret) < 16:
        raise CourseError(f"{path} is damaged; delete it, and all will be graded anew.")
    return secret


def _write(path: Path, text: str, mode: int = 0o666) -> None:
    """Put a file there whole: a run killed meanwhile leaves the old one, or none."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)  # of a run that was killed; it may have other rights
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(fresh, path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _writable(out: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, NotImplementedError) as problem:  # the latter: no locks on that file system
        reason = getattr(problem, "strerror", None) or problem
        raise CourseError(
            f"results cannot be kept in {out} ({reason}), so grading stopped; what is there "
            "already is good. Make room there, or name another folder with --out."
        ) from None
