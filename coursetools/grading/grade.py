"""Grading many hand-ins: side by side, each result on disk as soon as it is known."""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, wait
from pathlib import Path

from coursetools.course import Course
from coursetools.errors import CourseError
from coursetools.grading.bench import Job, Plan, grade_one, imports
from coursetools.grading.executors import Processes
from coursetools.grading.graded import Graded
from coursetools.grading.learner import Limits
from coursetools.grading.master import read_master
from coursetools.grading.results import Results, locked, stamps
from coursetools.grading.submissions import Submission

__all__ = ["Graded", "grade", "imports"]

PULSE = 15.0  # seconds after which a silent executor is asked how it is


def grade(
    course: Course,
    submissions: list[Submission],
    out: Path,
    workers: int = 2,
    limits: Limits | None = None,
    executor: Executor | None = None,
) -> Iterator[Graded]:
    """Grade hand-ins as they come, and keep each result in `out`/results.

    What is there from an earlier run of the same hand-in, course, limits and secret is not graded
    again, and what is undecided is not kept, so that a later run tries it again. executor: where to
    run (default: that many processes here). Raises CourseError where `out` cannot be written, or
    another run is writing there.
    """
    with locked(out), contextlib.ExitStack() as stack:
        results = Results(out)
        plan = make_plan(course, submissions, limits or Limits(), results.secret)
        running = executor or stack.enter_context(Processes(workers))
        crew = stack.enter_context(_Crew(running, 2 * workers))
        stamp = stamps(course, plan)
        # One lesson after the other, because a worker starts a server for each.
        for submission in sorted(submissions, key=lambda s: (s.lesson is None, s.lesson)):
            job = Job(plan, submission, *stamp(submission), Path(os.path.abspath(submission.path)))
            if stored := results.stored(job):
                yield stored
                continue
            while crew.full():
                yield from _kept(crew.finished(), results)
            crew.start(job)
        while crew.pending:
            yield from _kept(crew.finished(), results)


def _kept(finished: Iterator[tuple[Job, Graded]], results: Results) -> Iterator[Graded]:
    for job, graded in finished:
        if not graded.undecided:
            results.keep(job, graded)
        yield graded


class _Crew:
    """Jobs under way in an executor, no more than it has room for.

    However many there are in all, memory holds these. room: for an executor that does not say.
    """

    def __init__(self, executor: Executor, room: int):
        self._executor = executor
        self._room = getattr(executor, "room", lambda: room)
        self._deaths = getattr(executor, "deaths", (BrokenExecutor,))
        self._tries = getattr(executor, "tries", 1)
        self.pending: dict = {}  # future -> its job, and how many workers that has taken along

    def full(self) -> bool:
        return len(self.pending) >= self._room()

    def start(self, job: Job, deaths: int = 0) -> None:
        self.pending[self._executor.submit(grade_one, job)] = job, deaths

    def finished(self) -> Iterator[tuple[Job, Graded]]:
        """The jobs that have ended, waited for until there is one; those to be tried again not."""
        while not (done := wait(self.pending, PULSE, FIRST_COMPLETED).done):
            self._room()
        for future in done:
            job, deaths = self.pending.pop(future)
            graded = self._outcome(future, job, deaths)
            if graded:
                yield job, graded

    def _outcome(self, future, job: Job, deaths: int) -> Graded | None:
        """What a job came to; None where its worker died and another one tries."""
        try:
            return future.result()
        except self._deaths as problem:
            if deaths + 1 < self._tries:
                self.start(job, deaths + 1)
                return None
            return job.failed(f"the worker that graded it died each time: {problem}"[:500])
        except CancelledError:
            raise CourseError(
                "the Dask scheduler is gone, so grading stopped; what is known is kept with "
                "--out: give the same command again."
            ) from None
        except Exception as problem:  # what a worker without coursetools says, for instance
            return job.failed(f"{type(problem).__name__}: {problem}"[:500])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for future in self.pending:
            future.cancel()


def make_plan(course: Course, submissions, limits: Limits, secret: bytes) -> Plan:
    """What the jobs of a run share; lessons that no hand-in can be of are left out."""
    given = {submission.lesson for submission in submissions}
    masters = {
        path.stem: _known(course.notebooks / f"{path.stem}.ipynb")
        for path in course.lesson_paths()
        if None in given or path.stem in given
    }
    root = Path(os.path.abspath(course.root))
    return Plan(root, masters, limits, secrets.token_hex(8), secret)


def _known(path: Path) -> tuple[str, int] | None:
    """Hash and points of a lesson's master; None where it cannot be read."""
    try:
        master = read_master(path)
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        return found, sum(exercise.points for exercise in master.exercises)
    except Exception:  # the worker that needs it will say what is wrong
        return None
