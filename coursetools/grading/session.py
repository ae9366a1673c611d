"""What `coursetools grade` does: find, grade, print, write."""

import contextlib
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import track

from coursetools.course import find_course
from coursetools.errors import CourseError
from coursetools.grading.executors import cluster
from coursetools.grading.grade import Graded, grade
from coursetools.grading.learner import Limits
from coursetools.grading.reports import read_roster, write_reports
from coursetools.grading.results import locked
from coursetools.grading.submissions import find_submissions
from coursetools.grading.summary import counts, details, table

INTERRUPTED = 130  # the exit code that shells give to what Ctrl-C has ended


def grade_all(
    paths: list[Path],
    out: Path | None,
    roster: Path | None,
    workers: int,
    course: Path | None,
    scheduler: str | None = None,
    seconds: float | None = None,
) -> bool:
    """Grade what was handed in, print it; whether grading itself worked for every hand-in.

    Ctrl-C ends the program, after what is known has been printed.
    """
    found = find_course(course)
    students = read_roster(roster) if roster else None
    lessons = [path.stem for path in found.lesson_paths()]
    submissions = find_submissions(paths, lessons)
    limits = Limits(cell=seconds, answer=seconds) if seconds else Limits()
    begin = time.monotonic()
    with contextlib.ExitStack() as stack:
        executor = stack.enter_context(cluster(scheduler)) if scheduler else None
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(locked(folder))
        running = grade(found, submissions, folder, workers, limits, executor)
        grades, whole = _graded(running, len(submissions))
        if out and whole:
            _write(grades, out, students)
    _show(grades, len(submissions), out, time.monotonic() - begin)
    if not whole:
        raise SystemExit(INTERRUPTED)
    return not any(graded.undecided for graded in grades)


def _graded(running, count: int) -> tuple[list[Graded], bool]:
    """The results as they came, and whether these are all."""
    grades: list[Graded] = []
    err = Console(stderr=True)
    bar = track(running, "grading", count, console=err, disable=not err.is_terminal)
    try:
        with contextlib.closing(running):
            for graded in bar:
                grades.append(graded)
    except KeyboardInterrupt:
        return grades, False
    return grades, True


def _write(grades: list[Graded], out: Path, students: list[str] | None) -> None:
    try:
        write_reports(grades, out, students)
    except OSError as problem:
        raise CourseError(
            f"the gradebook cannot be written in {out} ({problem.strerror}); the results are kept "
            "there: mend that, and give the same command again."
        ) from None


def _show(grades: list[Graded], count: int, out: Path | None, seconds: float) -> None:
    console = Console()
    console = console if console.is_terminal else Console(width=120)
    if len(grades) == count == 1:
        console.print(details(grades[0]))
    else:
        console.print(table(sorted(grades, key=lambda g: (g.student, g.lesson or "", g.file))))
    console.print()
    for line in _last_lines(grades, count, out, seconds):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _last_lines(grades: list[Graded], count: int, out: Path | None, seconds: float):
    yield counts(grades, seconds)
    if any(graded.undecided for graded in grades):
        yield "Undecided: grading itself failed there, so a person must look."
    if len(grades) < count:
        kept = f"kept in {out}: the same command goes on there" if out else "not kept without --out"
        yield f"Interrupted after {len(grades)} of {count}; what is known is {kept}."
    elif out:
        yield f"Gradebook and feedback are in {out}; notes.txt there says what to know of them."
    for reason in sorted({graded.unfenced for graded in grades} - {""}):
        yield f"Not fenced: {reason}. Grade only notebooks that you trust."
