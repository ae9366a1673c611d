"""Run a lesson headless from its source, and measure what it claims; nothing is written."""

import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from nbformat import NotebookNode

from coursetools.course import Course
from coursetools.errors import CourseError
from coursetools.execute import Failure, Kernel, KernelDiedError, environment, execute
from coursetools.measures import is_trial
from coursetools.notebooks import solution_notebook, student_notebook
from coursetools.source import Lesson

BACKENDS = ("tensorflow", "jax")
_PACKAGES = ("keras", "tensorflow", "jax", "numpy")
_BROKEN = "Broken"
_NOT_YET = "NotYet"


@dataclass
class Run:
    """One execution of a lesson: `claims` are dlutils's JSON lines, `errors` what went wrong."""

    run: str
    lesson: str
    backend: str
    seed: int | None
    profile: str
    seconds: float
    peak_mb: float | None
    claims: list[dict] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.errors and all(claim["holds"] or is_trial(claim) for claim in self.claims)

    def lines(self) -> list[dict]:
        """What `--report` appends: the claims, each with this run's name, then the run itself."""
        own = ("run", "lesson", "backend", "seconds", "peak_mb", "seed", "profile")
        row = {key: getattr(self, key) for key in own}
        device = next((claim["device"] for claim in self.claims if claim.get("device")), None)
        work = min((claim.get("work") or 1 for claim in self.claims), default=1)
        row.update(device=device, holds=self.holds, work=work, versions=versions())
        # A claim made before runtime.start knows nothing of these.
        known = {key: row[key] for key in ("run", "lesson", "backend", "profile")}
        return [{**claim, **known} for claim in self.claims] + [row]


def versions() -> dict[str, str]:
    """Installed versions of what a measurement depends on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def parse_seeds(text: str | None) -> list[int | None]:
    """Seeds for `5` (that many: 1 to 5) or `3,8,21` (these); [None] keeps the lesson's own."""
    if text is None:
        return [None]
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0 or ("," not in text and numbers[0] < 1):
        raise CourseError(
            f"--seeds {text} names no seeds; give a number of them (5) or a list (3,8,21)."
        )
    return numbers if "," in text else list(range(1, numbers[0] + 1))


def parse_backends(text: str) -> tuple[str, ...]:
    """The backends that `tensorflow`, `jax`, `torch` or `both` stands for."""
    if text == "both":
        return BACKENDS
    if text not in (*BACKENDS, "torch"):
        raise CourseError(f"--backend {text} is none of tensorflow, jax, torch and both.")
    return (text,)


def run_solution(
    course: Course,
    lesson: Lesson,
    backend: str = "tensorflow",
    seed: int | None = None,
    profile: str | None = None,
    on_cell: Callable[[int], None] = lambda index: None,
) -> Run:
    """The solved lesson. A broken claim is noted and the rest still runs; an error ends the run."""
    notebook = solution_notebook(course, lesson, "")
    run = _Request(course, lesson, backend, seed, profile, on_cell)
    return run.carry_out(notebook, lambda failure: failure.name == _BROKEN, _errors)


def run_student(
    course: Course, lesson: Lesson, backend: str = "tensorflow", profile: str | None = None
) -> Run:
    """The untouched lesson: every check cell must say "not yet", and nothing else may fail."""
    notebook = student_notebook(course, lesson)
    run = _Request(course, lesson, backend, None, profile)
    return run.carry_out(notebook, lambda failure: True, _student_errors)


def run_checks(
    course: Course, lesson: Lesson, backend: str = "tensorflow", profile: str | None = None
) -> Run:
    """Only setup, solved exercises, harnesses and checks: no teaching cell may be needed."""
    notebook = solution_notebook(course, lesson, "")
    for cell, node in zip(lesson.cells, notebook.cells, strict=True):
        if cell.role is None:
            node.cell_type = "markdown"  # Kept in its place, but not run.
    run = _Request(course, lesson, backend, None, profile)
    return run.carry_out(notebook, lambda failure: True, _errors)


@dataclass
class _Request:
    course: Course
    lesson: Lesson
    backend: str
    seed: int | None
    profile: str | None
    on_cell: Callable[[int], None] = lambda index: None

    def carry_out(self, notebook: NotebookNode, go_on, judge) -> Run:
        """Execute in an empty folder, so that nothing a lesson writes stays."""
        profile = self.profile or os.environ.get("DLUTILS_PROFILE") or "quick"
        seed = os.environ.get("DLUTILS_SEED") if self.seed is None else str(self.seed)
        began = datetime.now(UTC).isoformat()
        with tempfile.TemporaryDirectory(prefix="coursetools-run-") as folder:
            report = Path(folder, "claims.jsonl")
            env = environment(
                self.course,
                KERAS_BACKEND=self.backend,
                DLUTILS_PROFILE=profile,
                DLUTILS_SEED=seed,
                DLUTILS_REPORT=str(report),
            )
            started = time.perf_counter()
            work = Path(folder, "work")
            work.mkdir()
            kernel, errors = self._execute(notebook, env, work, go_on, judge)
            seconds = round(time.perf_counter() - started, 2)
            claims = _read_claims(report)
        if seed is None and claims:
            seed = claims[0].get("seed")
        seed = None if seed is None else int(seed)
        name = self.lesson.name
        return Run(
            began, name, self.backend, seed, profile, seconds, kernel.peak_mb, claims, errors
        )

    def _execute(self, notebook, env, folder, go_on, judge) -> tuple[Kernel, list[str]]:
        try:
            kernel = execute(notebook, env, folder, go_on, self.on_cell)
        except KernelDiedError as error:
            line = self.lesson.cells[error.index].line
            return Kernel([]), [str(self.lesson.error(line, str(error)))]
        return kernel, judge(self.lesson, kernel.failures)


def _read_claims(report: Path) -> list[dict]:
    if not report.is_file():
        return []
    return [json.loads(line) for line in report.read_text("utf-8").splitlines() if line.strip()]


def _errors(lesson: Lesson, failures: list[Failure]) -> list[str]:
    errors = []
    for failure in failures:
        line = lesson.cells[failure.index].line
        if failure.name == _BROKEN:
            errors.append(str(lesson.error(line, failure.value)))
        else:
            text = f"this cell raised {failure.name}:\n{failure.tail}"
            errors.append(str(lesson.error(line, text)))
    return errors


def _student_errors(lesson: Lesson, failures: list[Failure]) -> list[str]:
    errors, silent = [], dict(enumerate(lesson.cells))
    for failure in failures:
        cell = silent.pop(failure.index)
        if (cell.role, failure.name) != ("check", _NOT_YET):
            what = f'the check of "{cell.exercise}"' if cell.role == "check" else "this cell"
            text = f"in the untouched student notebook {what} raised {failure.name}:"
            errors.append(str(lesson.error(cell.line, f"{text}\n{failure.tail}")))
    for cell in silent.values():
        if cell.role == "check":
            text = f'the check of "{cell.exercise}" passes although nothing was written for it.'
            errors.append(str(lesson.error(cell.line, text)))
    return errors


def append_report(path: Path, run: Run) -> None:
    """Append a run's JSON lines to a report file, in one write."""
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in run.lines())
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)
