"""What a solution was executed from, as one hash."""

import hashlib

from coursetools.course import Course
from coursetools.source import Lesson

# Raise this whenever the built notebooks change although no lesson did.
BUILD_FORMAT = 2


def fingerprint(course: Course, lesson: Lesson) -> str:
    """SHA-256 (hex) of the lesson, every dlutils/**/*.py and the build format.

    Line ends are read alike, so a checkout on Windows has the same hash.
    """
    digest = hashlib.sha256(f"format {BUILD_FORMAT}\n".encode())
    _add(digest, f"lessons/{lesson.name}.py", lesson.text)
    for path in sorted((course.root / "dlutils").rglob("*.py"), key=lambda p: p.as_posix()):
        _add(digest, course.shown(path), path.read_text("utf-8"))
    if "{{repository}}" in lesson.text:
        _add(digest, "repository", course.repository or "")
    return digest.hexdigest()


def _add(digest, name: str, text: str) -> None:
    data = text.encode()
    digest.update(f"{name} {len(data)}\n".encode() + data)
