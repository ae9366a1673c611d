"""What `coursetools grade` does: find, grade, print, write."""

import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track

from coursetools.course import find_course
from coursetools.grading.fence import find_fence
from coursetools.grading.grade import Graded, grade
from coursetools.grading.reports import read_roster, table, write_reports
from coursetools.grading.submissions import find_submissions


def grade_all(
    paths: list[Path],
    out: Path | None,
    roster: Path | None,
    workers: int,
    course: Path | None,
) -> bool:
    """Grade what was handed in, print a table; whether every check decided."""
    found = find_course(course)
    students = read_roster(roster) if roster else None
    lessons = [path.stem for path in found.lesson_paths()]
    submissions = find_submissions(paths, lessons)
    console = Console()
    console = console if console.is_terminal else Console(width=120)
    with tempfile.TemporaryDirectory() as scratch:
        grades = _graded(found, submissions, out or Path(scratch), workers)
        console.print(table(sorted(grades, key=lambda g: (g.student, g.lesson or "", g.file))))
        if out:
            write_reports(grades, out, students)
            console.print(
                f"{len(grades)} graded; gradebook and feedback are in {out}", markup=False
            )
    if reason := find_fence().reason:
        console.print(f"Not fenced: {reason}. Grade only notebooks that you trust.", markup=False)
    return not any(graded.undecided for graded in grades)


def _graded(course, submissions, out: Path, workers: int) -> list[Graded]:
    err = Console(stderr=True)
    results = grade(course, submissions, out, workers)
    bar = track(results, "grading", len(submissions), console=err, disable=not err.is_terminal)
    return list(bar)
