"""Grading many hand-ins: side by side, each result on disk as soon as it is known."""

import ast
import contextlib
import dataclasses
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from pathlib import Path

from coursetools.course import Course
from coursetools.errors import CourseError
from coursetools.grading.judge import Judge, Verdict
from coursetools.grading.learner import EndedError, Limits, Server
from coursetools.grading.master import Master, read_master
from coursetools.grading.matching import match
from coursetools.grading.reading import UnreadableError, read_hand_in
from coursetools.grading.submissions import Submission

FORMAT = 1  # of what is stored: another one is graded anew


@dataclasses.dataclass(frozen=True)
class Graded:
    """What became of one hand-in. problem: why it could not be read, else None.

    remarks: what the learner had changed of what is the master's. unfenced: why the learner's code
    ran without a fence, "" where it had one.
    """

    student: str
    lesson: str | None
    file: str
    points: int
    possible: int
    verdicts: tuple[Verdict, ...] = ()
    remarks: tuple[str, ...] = ()
    problem: str | None = None
    unfenced: str = ""

    @property
    def undecided(self) -> bool:
        """Whether a check itself failed, so that a person must look."""
        return any(verdict.outcome == "undecided" for verdict in self.verdicts)


def grade(
    course: Course,
    submissions: list[Submission],
    out: Path,
    workers: int = 2,
    limits: Limits | None = None,
    executor: Executor | None = None,
) -> Iterator[Graded]:
    """Grade hand-ins as they come, and keep each result in `out`/results.

    What is there from an earlier run of the same hand-in, master and secret is not graded again.
    executor: where to run (default: that many processes here). Raises CourseError where `out`
    cannot be written.
    """
    folder, secret = _prepared(out)
    jobs = []
    for submission in submissions:
        path = folder / f"{_key(submission)}.json"
        stored = _stored(path, _stamp(course, submission, secret))
        if stored:
            yield stored
        else:
            jobs.append((submission, path))
    own = executor is None and bool(jobs)
    running = executor or (ProcessPoolExecutor(min(workers, len(jobs))) if jobs else None)
    with running if own else contextlib.nullcontext():
        waiting = {
            running.submit(_grade_one, course.root, submission, secret, path, limits or Limits())
            for submission, path in jobs
        }
        for done in as_completed(waiting):
            yield done.result()


_benches: dict = {}  # of this process: lesson -> its judge and its server


def _grade_one(root: Path, submission: Submission, secret: bytes, path: Path, limits) -> Graded:
    course = Course(root)
    stamp = _stamp(course, submission, secret)  # before reading: a change meanwhile shows
    graded = _judged(course, submission, secret, limits)
    if not graded.undecided:
        text = json.dumps({"stamp": stamp, **dataclasses.asdict(graded)}, ensure_ascii=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        fresh.write_text(text, "utf-8")
        os.replace(fresh, path)
    return graded


def _judged(course: Course, submission: Submission, secret: bytes, limits) -> Graded:
    who = (submission.student, submission.lesson, str(submission.path))
    try:
        hand_in = read_hand_in(submission.path)
    except UnreadableError as problem:
        possible = 10 if submission.lesson else 0
        return Graded(*who, 0, possible, problem=f"{submission.path.name} was not read: {problem}")
    except OSError as problem:
        reason = f"{submission.path.name} cannot be opened ({problem.strerror})"
        return Graded(*who, 0, 10 if submission.lesson else 0, problem=reason)
    lesson = submission.lesson or hand_in.lesson
    who = (submission.student, lesson, str(submission.path))
    if lesson not in _lessons(course):
        return Graded(*who, 0, 0, problem=f"no lesson of this course is called {lesson}")
    judge, server = _bench(course, lesson, secret, limits)
    answers, remarks = match(judge.master, hand_in)
    verdicts = tuple(judge.grade(submission.student, answers, server))
    points, possible = sum(v.points for v in verdicts), sum(v.possible for v in verdicts)
    remarks = (*hand_in.remarks, *remarks)
    return Graded(*who, points, possible, verdicts, remarks, unfenced=server.fence.reason)


def _bench(course: Course, lesson: str, secret: bytes, limits: Limits) -> tuple[Judge, Server]:
    """Judge and server of a lesson, made once in each process and closed when it ends."""
    key = (course.root, lesson, secret, limits)
    if key not in _benches:
        master = read_master(course.notebooks / f"{lesson}.ipynb")
        judge = Judge(master, secret)
        environment = {"KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "")}
        server = Server(
            imports(master),
            course.root / "dlutils",
            limits,
            environment={name: value for name, value in environment.items() if value},
        )
        try:
            _benches[key] = judge, server.__enter__()
        except EndedError as problem:
            raise CourseError(f"{lesson} cannot be graded: {problem}.") from None
    return _benches[key]


def imports(master: Master) -> tuple[str, ...]:
    """The modules that a lesson's setup cell imports: what a fork server loads beforehand."""
    found = []
    for node in ast.walk(ast.parse(master.setup)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(found)


def _lessons(course: Course) -> list[str]:
    return [path.stem for path in course.lesson_paths()]


def _prepared(out: Path) -> tuple[Path, bytes]:
    """The folder of results, and the secret that a first run has put there."""
    folder, path = out / "results", out / "secret"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
        return folder, bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as problem:
        raise CourseError(
            f"results cannot be kept in {out} ({problem}); name another folder with --out."
        ) from None


def _key(submission: Submission) -> str:
    """A file name that no student's name can lead elsewhere."""
    text = "\0".join((submission.student, submission.lesson or "", str(submission.path)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _stamp(course: Course, submission: Submission, secret: bytes) -> str:
    """What a stored result depends on; "" where the hand-in cannot be read at all."""
    try:
        handed = read_hand_in(submission.path).sha256
    except (UnreadableError, OSError) as problem:
        handed = str(problem)
    # A hand-in whose file name tells no lesson says it inside: it depends on any master.
    masters = sorted(course.notebooks.glob(f"{submission.lesson or '*'}.ipynb"))
    own = [hashlib.sha256(master.read_bytes()).hexdigest() for master in masters]
    parts = (str(FORMAT), handed, *own, secret.hex())
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _stored(path: Path, stamp: str) -> Graded | None:
    try:
        found = json.loads(path.read_text("utf-8"))
        if found.pop("stamp") != stamp:
            return None
        found["verdicts"] = tuple(Verdict(**verdict) for verdict in found["verdicts"])
        return Graded(**{**found, "remarks": tuple(found["remarks"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
