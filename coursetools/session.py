"""What `coursetools run` does: several runs of a lesson, printed as they end."""

import functools
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from coursetools.course import Course
from coursetools.run import (
    append_report,
    parse_backends,
    parse_seeds,
    run_checks,
    run_solution,
    run_student,
)
from coursetools.source import Lesson, read_lesson
from coursetools.tables import claims_table, run_line


def measure(
    course: Course,
    name: str,
    seeds: str | None,
    backend: str,
    profile: str | None,
    report: Path | None,
    on_cell: Callable[[str, int, int], None],
) -> bool:
    """Run the solved lesson on every backend and seed; whether every claim held everywhere."""
    backends, numbers, lesson = parse_backends(backend), parse_seeds(seeds), _lesson(course, name)
    step = functools.partial(_step, on_cell, lesson)
    console, runs = _console(), []
    for one in backends:
        for seed in numbers:
            run = run_solution(course, lesson, one, seed, profile, step)
            runs.append(run)
            _print(console, run)
            if report:
                append_report(report, run)
    if any(run.claims for run in runs):
        console.print(claims_table(runs))
    return all(run.holds for run in runs)


def prove(course: Course, name: str, backend: str, profile: str | None, kinds: list[str]) -> bool:
    """Run the lesson unsolved ("student") or its checks alone ("checks"); whether all is well."""
    backends, lesson = parse_backends(backend), _lesson(course, name)
    good, console = True, _console()
    said = {"student": "all checks, and only they, fail", "checks": "all checks pass"}
    for one in backends:
        for kind in kinds:
            run = {"student": run_student, "checks": run_checks}[kind](course, lesson, one, profile)
            _print(console, run)
            if not run.errors:
                console.print(f"{kind}: {said[kind]}", markup=False, highlight=False)
            good = good and run.holds
    return good


def _lesson(course: Course, name: str) -> Lesson:
    (path,) = course.select([name])
    return read_lesson(path, course.shown(path))


def _step(on_cell, lesson: Lesson, index: int) -> None:
    on_cell(lesson.name, index, len(lesson.cells))


def _console() -> Console:
    """As wide as the terminal; wide enough for a table where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=120)


def _print(console: Console, run) -> None:
    for text in (run_line(run), *run.errors):
        console.print(text, markup=False, highlight=False, soft_wrap=True)
