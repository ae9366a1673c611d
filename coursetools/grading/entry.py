"""Whether a run of `pytest --nbval` grades, what it grades, and what must not be read on the way.

A run grades when `--grades` or `--roster` asks for it, or when a notebook below its arguments is a
hand-in of this course: it is none of the course's own files in solutions/ and notebooks/, and its
metadata name one of the course's lessons, or its file is called STUDENT_LESSON.ipynb with the
lesson's whole name, or it cannot be read and its file or folder is called like a lesson. In such a
run everything called .ipynb below the arguments is a hand-in, the masters aside. Any other run is
somebody else's, and nothing is done to it.
"""

import fnmatch
import os
import sys
from pathlib import Path

import pytest

from coursetools.course import Course, trusted_course
from coursetools.errors import CourseError
from coursetools.grading.reading import UnreadableError, read_hand_in
from coursetools.grading.submissions import Submission, find_submissions
from coursetools.plugin import course_metadata

COURSE = pytest.StashKey[Course | None]()


def prepare(config) -> None:
    """Look at the arguments before any conftest.py is loaded; where they are hand-ins, grade."""
    option = config.known_args_namespace
    try:
        course = config.stash[COURSE] = _course(option)
        paths = _arguments(config)
        found = _submissions(course, paths, option) if course else []
        asked = option.grades or option.roster
        if asked and not found:
            raise CourseError("--grades and --roster are for hand-ins, and there is none to grade.")
        if found and (asked or any(_is_hand_in(course, one) for one in found)):
            _keep_out(config, course, paths)
            from coursetools.grading.under_pytest import Grading

            config.pluginmanager.register(Grading(config, course, found), "coursetools-grading")
    except CourseError as problem:
        raise pytest.UsageError(str(problem)) from None


def is_master(path: Path, course: Course | None) -> bool:
    """Whether a notebook is the course's own; a link from elsewhere to one of those is not."""
    if course is None:
        return False
    own = [os.path.realpath(folder) for folder in (course.solutions, course.notebooks)]
    places = (os.path.realpath(path), os.path.realpath(path.parent))
    return all(any(within(place, folder) for folder in own) for place in places)


def within(path, folder) -> bool:
    """Whether one path is another, or lies below it, as they are spelt."""
    return Path(path).is_relative_to(folder)


def _course(option) -> Course | None:
    """The course at --course, else the one that this module is part of: never one found around."""
    try:
        return trusted_course(Path(option.course) if option.course else None)
    except CourseError:
        if option.course or option.grades or option.roster:
            raise
        return None  # installed without the lessons: there is nothing to grade by


def _arguments(config) -> list[Path]:
    """The files and folders that were named, the parts of node ids aside."""
    here = config.invocation_params.dir
    named = config.known_args_namespace.file_or_dir or ["."]
    paths = [Path(os.path.abspath(here / str(name).split("::")[0])) for name in named]
    return [path for path in dict.fromkeys(paths) if os.path.lexists(path)]


def _submissions(course: Course, paths: list[Path], option) -> list[Submission]:
    lessons = [path.stem for path in course.lesson_paths()]
    found = {}
    for path in paths:
        if path.suffix != ".ipynb" and not path.is_dir():
            continue
        try:
            found |= {one.path: one for one in find_submissions([path], lessons)}
        except (CourseError, OSError):  # none is there; what cannot be listed pytest will name
            continue
    kept = (one for one in found.values() if not _left_out(one.path, option))
    return [one for one in kept if not is_master(one.path, course)]


def _left_out(path: Path, option) -> bool:
    """Whether pytest's --ignore or --ignore-glob names a path or a folder above it."""
    names = [os.path.abspath(name) for name in option.ignore or ()]
    globs = [os.path.abspath(name) for name in option.ignore_glob or ()]
    places = [str(place) for place in (path, *path.parents)]
    return any(p in names or any(fnmatch.fnmatch(p, g) for g in globs) for p in places)


def _is_hand_in(course: Course, submission: Submission) -> bool:
    """Whether a notebook shows by itself that it is of this course."""
    path, lesson, stem = submission.path, submission.lesson, submission.path.stem
    told = (course_metadata(path) or {}).get("lesson")
    if told in [one.stem for one in course.lesson_paths()]:
        return True
    if lesson is None:
        return False
    if stem.endswith((f"_{lesson}", f"-{lesson}")):
        return True
    try:
        read_hand_in(path)
    except (UnreadableError, OSError):
        return lesson in (stem, path.parent.name)
    return False


def _keep_out(config, course: Course, paths: list[Path]) -> None:
    """Let nothing that lies among hand-ins be run or imported, as far as a plugin can."""
    folders = [path if path.is_dir() else path.parent for path in paths]
    folders = [folder for folder in folders if not within(course.root, folder)]
    if config.inipath and any(within(config.inipath, folder) for folder in folders):
        raise CourseError(
            f"pytest was given settings by {config.inipath}, which lies among the hand-ins, so its "
            "grades could be anybody's; use `coursetools grade`, or name settings of your own "
            "with -c FILE"
        )
    config.known_args_namespace.noconftest = True
    sys.path[:] = [entry for entry in sys.path if _is_trusted(entry, course, folders)]
    os.environ["PYTHONSAFEPATH"] = "1"  # for the processes that are started from here


def _is_trusted(entry: str, course: Course, folders: list[Path]) -> bool:
    """Whether an entry of sys.path may stay: it is no folder of hand-ins, nor the one around us."""
    place = os.path.realpath(entry or ".")
    own = map(os.path.realpath, (sys.prefix, sys.base_prefix))
    if place == os.path.realpath(course.root) or any(within(place, folder) for folder in own):
        return True
    here = place == os.path.realpath(".")
    return not here and not any(within(place, os.path.realpath(folder)) for folder in folders)
