"""The command `coursetools`."""

import functools
from pathlib import Path
from typing import Annotated

import typer

from coursetools.errors import CourseError

app = typer.Typer(
    help="Build, check, run and measure the lessons of this course.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
CourseOption = Annotated[
    Path | None,
    typer.Option("--course", help="The course's folder (default: the one around you, else ours)."),
]
Lessons = Annotated[
    list[str] | None, typer.Argument(help="Lessons: 05, 05_cnns or a path (default: all).")
]

Seeds = Annotated[str | None, typer.Option(help="How many (5: seeds 1 to 5) or which (3,8,21).")]
Report = Annotated[
    Path | None, typer.Option(help="Append the measurements to this file, as JSON lines.")
]


def _clear(command):
    """Turn a CourseError into one message and exit code 1."""

    @functools.wraps(command)
    def run(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except CourseError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None

    return run


@app.command()
@_clear
def build(
    lessons: Lessons = None,
    force: Annotated[
        bool, typer.Option("--force", help="Execute even where nothing has changed.")
    ] = False,
    course: CourseOption = None,
) -> None:
    """Write notebooks/ and solutions/ from lessons/, executing the solutions that changed.

    Stored outputs stay as they are where a new execution finds them equal. To replace even what
    nbval ignores, delete the solution notebook first.
    """
    from coursetools.build import build as build_lessons
    from coursetools.course import find_course

    with _Status() as status:
        for built in build_lessons(find_course(course), lessons or [], force, status):
            how = f"executed in {built.seconds:.1f} s" if built.executed else "not executed"
            what = f"wrote {', '.join(built.written)}" if built.written else "nothing changed"
            typer.echo(f"{built.lesson}: {how}, {what}")


@app.command()
@_clear
def check(
    static: Annotated[
        bool, typer.Option("--static", help="Execute nothing: leave out the proof by grading.")
    ] = False,
    course: CourseOption = None,
) -> None:
    """Prove that notebooks/ and solutions/ are what lessons/ builds, leak nothing, can be graded.

    Each lesson is graded as hand-ins are: solved, blank, and each exercise alone. What was proved
    is not proved again before something it rests on has changed. One line for each problem; exit
    code 1 if there is any.
    """
    from coursetools.check import check as check_course
    from coursetools.course import find_course

    found = find_course(course)
    with _Status() as status:
        problems = check_course(found, not static, status.grading)
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise typer.Exit(1)
    graded = "" if static else ", and graded rightly"
    typer.echo(f"lessons in step with their notebooks{graded}: {len(found.lesson_paths())}")


@app.command()
@_clear
def run(
    lesson: Annotated[str, typer.Argument(help="The lesson: 05, 05_cnns or a path.")],
    seeds: Seeds = None,
    backend: Annotated[
        str, typer.Option(help="tensorflow, jax, torch, or both (tensorflow and jax).")
    ] = "tensorflow",
    profile: Annotated[
        str | None, typer.Option(help="quick or full (default: DLUTILS_PROFILE, else quick).")
    ] = None,
    report: Report = None,
    student: Annotated[
        bool,
        typer.Option("--student", help="Run it unsolved: all checks, and only they, must fail."),
    ] = False,
    checks: Annotated[
        bool, typer.Option("--checks", help="Run the solved exercises without teaching cells.")
    ] = False,
    course: CourseOption = None,
) -> None:
    """Run a lesson from its source, writing nothing, and print its claims, time and memory.

    Exit code 1 if a claim is broken or a cell fails.
    """
    from coursetools import session
    from coursetools.course import find_course

    if profile not in (None, "quick", "full"):
        raise CourseError(f"--profile {profile} is neither quick nor full.")
    if (student or checks) and (seeds or report):
        raise CourseError("--seeds and --report measure a solved lesson; leave out --student.")
    found = find_course(course)
    with _Status() as status:
        if student or checks:
            kinds = [kind for kind, asked in (("student", student), ("checks", checks)) if asked]
            good = session.prove(found, lesson, backend, profile, kinds)
        else:
            good = session.measure(found, lesson, seeds, backend, profile, report, status)
    if not good:
        raise typer.Exit(1)


@app.command()
@_clear
def results(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if they disagree.")
    ] = False,
    course: CourseOption = None,
) -> None:
    """Write the results in README.md and docs/results.md from benchmarks/results/*.jsonl."""
    from coursetools.course import find_course
    from coursetools.results import update_results

    differed = update_results(find_course(course), check_only=check)
    if check and differed:
        raise CourseError(
            f"{' and '.join(differed)}: not what benchmarks/results/ says; run `coursetools "
            "results` and commit."
        )
    said = f"updated: {', '.join(differed)}" if differed else "agrees with benchmarks/results/"
    typer.echo(said)


@app.command()
@_clear
def grade(
    submissions: Annotated[
        list[Path],
        typer.Argument(help="Notebooks, or folders of them (STUDENT_LESSON.ipynb, or nbgrader's)."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Keep results, gradebook and feedback here; a later run goes on there."),
    ] = None,
    roster: Annotated[
        Path | None, typer.Option(help="A CSV of all students: who handed in nothing gets a row.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes side by side.")] = 2,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Grade on the workers of this Dask scheduler (tcp://host:8786). They need the "
            "course and the hand-ins under the same paths, so a shared file system.",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=1, help="Longest time for an exercise's cells and for its answers (30, 20)."
        ),
    ] = None,
    course: Annotated[
        Path | None,
        typer.Option("--course", help="The course's folder (default: coursetools' own checkout)."),
    ] = None,
) -> None:
    """Grade hand-ins: only their exercise cells are run, fenced in, and judged elsewhere.

    A learner may grade a notebook of one's own: points and all hints are printed. The exit code
    says whether grading itself worked, never how the learners did: 1 where it failed for a hand-in.
    """
    from coursetools.course import trusted_course
    from coursetools.grading import session

    root = trusted_course(course).root
    if not session.grade_all(submissions, out, roster, workers, root, scheduler, seconds):
        raise typer.Exit(1)


@app.command()
@_clear
def gradescope(
    out: Annotated[Path, typer.Option(help="The zip to write.")] = Path("autograder.zip"),
    lesson: Annotated[
        str | None, typer.Option(help="Grade this lesson alone: 05 or 05_cnns (default: all).")
    ] = None,
    course: CourseOption = None,
) -> None:
    """Write the autograder that Gradescope takes, the same bytes for the same course.

    It holds neither solutions nor lesson sources.
    """
    from coursetools.course import find_course
    from coursetools.grading.gradescope import build_autograder

    lessons = build_autograder(find_course(course), out, [lesson] if lesson else None)
    typer.echo(f"{out}: grades {', '.join(lessons)}; upload it as the assignment's autograder")


class _Status:
    """What is running, on one line of a terminal; silent elsewhere."""

    def __enter__(self):
        from rich.console import Console

        self.status = Console(stderr=True).status("")
        if self.status.console.is_terminal:
            self.status.start()
        return self

    def __call__(self, lesson: str, cell: int, cells: int) -> None:
        self.status.update(f"{lesson}: cell {cell + 1} of {cells}")

    def grading(self, lesson: str) -> None:
        self.status.update(f"{lesson}: grading its solution, its blank notebook, each exercise")

    def __exit__(self, *exc) -> None:
        self.status.stop()


if __name__ == "__main__":
    app()
