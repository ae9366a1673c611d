"""Which files were handed in, by whom, for which lesson; nothing is opened here."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from coursetools.errors import CourseError

_IGNORED = {".ipynb_checkpoints", "__pycache__", ".git"}
# What browsers and course platforms append to a name: `.ipynb.txt`, `05_cnns (1)`, `05_cnns-2`.
_NOTEBOOK = re.compile(r"\.ipynb(?:\.(?:txt|json))?$", re.IGNORECASE)
_COPY = re.compile(r"(?: ?\(\d{1,3}\)|-\d{1,3}|[ _-]copy\d{0,3})$", re.IGNORECASE)
DEEPEST = 8  # folders below the one that was named; STUDENT/ASSIGNMENT/NOTEBOOK has three


@dataclass(frozen=True)
class Submission:
    """One file of one student; `lesson` is None where neither its name nor its folder tells."""

    student: str
    lesson: str | None
    path: Path


def find_submissions(paths: Iterable[Path], lessons: Iterable[str]) -> list[Submission]:
    """The hand-ins among files and folders, in the order of students and lessons.

    lessons: the names of the course's lessons. A folder may hold STUDENT_LESSON.ipynb, or
    STUDENT/ASSIGNMENT/NOTEBOOK.ipynb as nbgrader's `submitted/` does. Whatever is called .ipynb
    counts, a link or a folder too: reading it will refuse it. Raises CourseError for a path that
    does not exist, and where nothing was handed in.
    """
    lessons = tuple(lessons)
    found: dict[Path, Submission] = {}
    for path in map(Path, paths):
        if not os.path.lexists(path):
            raise CourseError(
                f"{path} does not exist, so there is nothing to grade; name a notebook or a folder "
                "of hand-ins."
            )
        inside = path.is_dir() and path.suffix != ".ipynb"
        for file, folders in _notebooks(path, ()) if inside else [(path, ())]:
            found.setdefault(file, _submission(file, folders, lessons))
    if not found:
        raise CourseError(
            "no notebook (.ipynb) was handed in there; folders may hold STUDENT_LESSON.ipynb or "
            "STUDENT/ASSIGNMENT/NOTEBOOK.ipynb."
        )
    return sorted(found.values(), key=lambda s: (s.student, s.lesson or "", str(s.path)))


def _notebooks(folder: Path, above: tuple[str, ...]):
    """(path, names of the folders above it) of everything called .ipynb; follows no link."""
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError:  # it gets a row, which says that it is a folder
        yield folder, above[:-1]
        return
    for entry in entries:
        if entry.name in _IGNORED:
            continue
        if _NOTEBOOK.search(entry.name):
            yield Path(entry.path), above
        elif entry.is_dir(follow_symlinks=False) and len(above) < DEEPEST - 1:
            yield from _notebooks(Path(entry.path), (*above, entry.name))


def _submission(path: Path, folders: tuple[str, ...], lessons: tuple[str, ...]) -> Submission:
    stem = _NOTEBOOK.sub("", path.name)
    student, lesson = _split(stem, lessons)
    if folders:
        student = folders[0]
        assigned = [_split(name, lessons)[1] for name in (stem, *reversed(folders[1:]))]
        lesson = next((name for name in assigned if name), None)
    return Submission(student or stem, lesson, path)


def _split(text: str, lessons: tuple[str, ...]) -> tuple[str, str | None]:
    """Student and lesson of `STUDENT_LESSON`; the lesson may be its number alone (`ann_05`)."""
    for lesson in sorted(lessons, key=len, reverse=True):
        for name, whole in ((lesson, _COPY.sub("", text)), (lesson, text), (lesson[:2], text)):
            if found := re.fullmatch(rf"(?:(.*)[_-])?{re.escape(name)}", whole, re.DOTALL):
                return found[1] or "", lesson
    return text, None
