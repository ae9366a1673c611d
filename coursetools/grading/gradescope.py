"""The zip that Gradescope takes as an autograder, the same bytes on every machine."""

import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from coursetools.course import Course
from coursetools.errors import CourseError
from coursetools.grading.master import read_master

_HERE = Path(__file__).parent
_SCRIPTS = {"setup.sh": "gradescope_setup.sh", "run_autograder": "gradescope_run.sh"}
_PACKAGES = ("coursetools", "dlutils")
_LEFT_OUT = ("__pycache__", ".ipynb_checkpoints")
_NAME_ALONE = b"# Left out, solutions and all: grading needs the lesson's name alone.\n"
_DATE = (1980, 1, 1, 0, 0, 0)  # the oldest that a zip can say


def build_autograder(course: Course, out: Path, names: list[str] | None = None) -> list[str]:
    """Write the autograder for these lessons (default: all) to `out`; the lessons' names.

    It holds what grading needs and learners may see: coursetools, dlutils, the student notebooks.
    Neither solutions nor lesson sources are in it, because code that runs unfenced could read them.
    Raises CourseError where a notebook is missing or `out` cannot be written.
    """
    lessons = [path.stem for path in course.select(names or [])]
    for lesson in lessons:
        _proved(course, lesson)
    entries = dict(_entries(course, lessons))
    fresh = out.with_name(f".{out.name}.new")
    try:
        # Stored, not deflated: compressed bytes differ between versions of zlib.
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(entries):
                archive.writestr(_entry(name), entries[name])
        os.replace(fresh, out)
    except OSError as problem:
        raise CourseError(
            f"{out} cannot be written ({problem.strerror}); name another file with --out."
        ) from None
    return lessons


def _proved(course: Course, lesson: str) -> None:
    path = course.notebooks / f"{lesson}.ipynb"
    if not path.is_file():
        raise CourseError(
            f"{course.shown(path)} is missing, so there is nothing to grade with; run "
            f"`coursetools build {lesson}`."
        )
    read_master(path)


def _entries(course: Course, lessons: list[str]) -> Iterator[tuple[str, bytes]]:
    for name, script in _SCRIPTS.items():
        yield name, _bytes(_HERE / script)
    yield "constraints.txt", _bytes(course.root / "constraints.txt")
    yield "requirements.txt", _requirements(course)
    for package in _PACKAGES:
        for path in (course.root / package).rglob("*"):
            inside = path.relative_to(course.root)
            hidden = any(part in _LEFT_OUT or part.startswith(".") for part in inside.parts)
            if path.is_file() and not hidden and path.suffix != ".pyc":
                yield inside.as_posix(), _bytes(path)
    for lesson in lessons:
        yield f"notebooks/{lesson}.ipynb", _bytes(course.notebooks / f"{lesson}.ipynb")
        yield f"lessons/{lesson}.py", _NAME_ALONE


def _requirements(course: Course) -> bytes:
    """The course's own, without the course: it is imported from where the zip is unpacked."""
    text = _bytes(course.root / "requirements.txt").decode()
    lines = [line for line in text.splitlines() if not line.startswith(("-e", "#"))]
    return "".join(f"{line}\n" for line in lines).encode()


def _bytes(path: Path) -> bytes:
    """A file with the line ends that Linux needs, on whatever it was checked out."""
    try:
        return path.read_bytes().replace(b"\r\n", b"\n")
    except OSError as problem:
        raise CourseError(
            f"{path} cannot be read ({problem.strerror}), so no autograder can be built; name "
            "another course with --course."
        ) from None


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = 3  # Unix, whose modes the next line gives
    entry.external_attr = (stat.S_IFREG | (0o755 if name in _SCRIPTS else 0o644)) << 16
    return entry
