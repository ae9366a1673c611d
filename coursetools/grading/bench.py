"""The worker's side of a run: one hand-in at a time, with judge and server of its lesson kept.

Whatever goes wrong here becomes a row, so that no hand-in can stop a class. Runs in a process of
our own or in a Dask worker, which may be on another machine: all that is needed comes as a Job, and
the result goes back as a value.
"""

import ast
import atexit
import dataclasses
import hashlib
import os
import platform
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from coursetools.errors import CourseError
from coursetools.grading.graded import Graded
from coursetools.grading.judge import Judge
from coursetools.grading.learner import EndedError, Limits, Server
from coursetools.grading.master import Master, read_master
from coursetools.grading.matching import match
from coursetools.grading.reading import UnreadableError, read_hand_in
from coursetools.grading.submissions import Submission

KEPT = 2  # lessons whose server a worker keeps: each takes as much memory as the lesson's libraries
STARTS = 2  # failed starts of a lesson after which a worker does not try again in this run


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the jobs of a run share.

    masters: for each lesson the SHA-256 of its notebook and the points that can be had, None for a
    lesson without a notebook. run: another one for each run. The secret is not shown, so that no
    log of a worker can hold it.
    """

    root: Path
    masters: Mapping[str, tuple[str, int] | None]
    limits: Limits
    run: str
    secret: bytes = dataclasses.field(repr=False)

    def possible(self, lesson: str | None) -> int:
        """The points that can be had; 0 where no lesson is known."""
        return (self.masters.get(lesson) or ("", 0))[1]


@dataclasses.dataclass(frozen=True)
class Job:
    """One hand-in to be graded.

    stamp: what its result depends on. readable: whether who gave the job could open the file.
    absolute: where that lies, for a worker with another working folder.
    """

    plan: Plan
    submission: Submission
    stamp: str
    readable: bool
    absolute: Path | None = None

    @property
    def path(self) -> Path:
        """Where the worker finds the file."""
        return self.absolute or self.submission.path

    def failed(self, reason: str) -> Graded:
        """The row of a hand-in at which grading itself failed; it will be tried again."""
        remark = f"grading itself failed: {reason}"
        return dataclasses.replace(self.row(self.submission.lesson), failed=True, remarks=(remark,))

    def row(self, lesson: str | None, problem: str | None = None) -> Graded:
        """A row without points."""
        who = (self.submission.student, lesson, str(self.submission.path))
        return Graded(*who, 0, self.plan.possible(lesson), problem=problem)


_alone = threading.Lock()  # a judge answers for its whole process: a Dask worker has many threads
_benches: dict = {}  # of this process: run and lesson -> judge and server, the last used at the end
_faults: dict = {}  # run and lesson -> why they did not start, each time


def grade_one(job: Job) -> Graded:
    """Grade one hand-in; what goes wrong, twice where that may help, is told in its row."""
    with _alone:
        for last in (False, True):
            try:
                return _judged(job)
            except KeyboardInterrupt:
                raise
            except CourseError as problem:
                return job.failed(str(problem))
            except BaseException as problem:  # SystemExit from a check, a server that was killed
                close_benches()
                if last:
                    return job.failed(f"{type(problem).__name__}: {problem}"[:500])
    raise AssertionError("unreachable")


def close_benches(kept: int = 0) -> None:
    """End the servers of this process, but for those of the lessons used last."""
    while len(_benches) > kept:
        _, server = _benches.pop(next(iter(_benches)))
        server.__exit__()


atexit.register(close_benches)


def _judged(job: Job) -> Graded:
    try:
        hand_in = read_hand_in(job.path)
    except UnreadableError as problem:
        return job.row(job.submission.lesson, f"{job.path.name} was not read: {problem}")
    except OSError as problem:
        if job.readable:
            raise CourseError(_unseen(job.path)) from None
        reason = f"{job.path.name} cannot be opened ({problem.strerror})"
        return job.row(job.submission.lesson, reason)
    lesson = job.submission.lesson or hand_in.lesson
    if lesson not in job.plan.masters:
        return job.row(lesson, f"no lesson of this course is called {lesson}")
    judge, server = _bench(job.plan, lesson)
    answers, remarks = match(judge.master, hand_in)
    verdicts = tuple(judge.grade(job.submission.student, answers, server))
    if not server.alive:
        raise RuntimeError(f"the fork server of {lesson} was killed")
    return dataclasses.replace(
        job.row(lesson),
        points=sum(v.points for v in verdicts),
        possible=sum(v.possible for v in verdicts),
        verdicts=verdicts,
        remarks=(*hand_in.remarks, *remarks),
        unfenced=server.fence.reason,
    )


def _bench(plan: Plan, lesson: str) -> tuple[Judge, Server]:
    """Judge and server of a lesson, started once in each process and run."""
    key = (plan.run, lesson)
    if key not in _benches:
        faults = _faults.setdefault(key, [])
        if len(faults) >= STARTS:
            raise CourseError(f"{faults[-1]} (tried {STARTS} times)")
        close_benches(kept=KEPT - 1)
        try:
            _benches[key] = _opened(plan, lesson)
        except CourseError as problem:
            faults.append(str(problem))
            raise
    _benches[key] = _benches.pop(key)
    return _benches[key]


def _opened(plan: Plan, lesson: str) -> tuple[Judge, Server]:
    master = _master(plan, lesson)
    try:
        judge = Judge(master, plan.secret)
        backend = os.environ.get("KERAS_BACKEND")
        environment = {"KERAS_BACKEND": backend} if backend else {}
        library = plan.root / "dlutils"
        # Where it is installed, Keras imports it on any backend: once is better than each time.
        loaded = ("tensorflow",) if "tensorflow" in sys.modules else ()
        modules = (*loaded, *imports(master))
        server = Server(modules, library, plan.limits, environment=environment)
        return judge, server.__enter__()
    except (Exception, SystemExit) as problem:
        kind = "" if isinstance(problem, EndedError) else f"{type(problem).__name__}: "
        raise CourseError(f"{lesson} does not start here: {kind}{problem}"[:500]) from None


def _master(plan: Plan, lesson: str) -> Master:
    """The lesson's master, if it is the one that the results will be kept for."""
    path = plan.root / "notebooks" / f"{lesson}.ipynb"
    known = plan.masters[lesson]
    if known is None:
        raise CourseError(f"{path} cannot be read as a lesson: run coursetools build")
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise CourseError(_unseen(path)) from None
    if found != known[0]:
        raise CourseError(f"{path} is another one on {platform.node()} than when the run began")
    return read_master(path)


def _unseen(path: Path) -> str:
    return (
        f"{path} is not to be read on {platform.node()}: the course and what was handed in must "
        "lie where every worker sees them, under the same path"
    )


def imports(master: Master) -> tuple[str, ...]:
    """The modules that a lesson's setup cell imports: what a fork server loads beforehand."""
    found = []
    for node in ast.walk(ast.parse(master.setup)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(found)
