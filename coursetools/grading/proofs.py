"""Which lessons are proved gradable; a proof is kept until something it rests on has changed."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from coursetools.course import Course
from coursetools.execute import environment
from coursetools.grading.fence import find_fence
from coursetools.run import versions
from coursetools.source import Lesson

FORMAT = 1
KEPT = Path(".coursetools", "proofs.json")  # below the course, in a folder that git ignores
WORKERS = 2  # each has a judge and a fork server: a gigabyte or so
SECONDS = 1800  # beyond what all time limits of a lesson come to


def grading_problems(
    course: Course, lessons: Iterable[Lesson], on_lesson: Callable[[str], None] = lambda name: None
) -> list[str]:
    """One line for each way in which a lesson cannot be graded; an empty list proves them all.

    lessons: those whose notebooks are in step. A proof takes some 10 s, and is kept: only what has
    changed since is proved again.
    """
    kept = _kept(course)
    stamps = {lesson: _stamp(course, lesson) for lesson in lessons}
    wanted = [lesson for lesson, stamp in stamps.items() if kept.get(lesson.name) != stamp]

    def prove(lesson: Lesson) -> list[str]:
        on_lesson(lesson.name)
        return _proved(course, lesson)

    with ThreadPoolExecutor(WORKERS) as pool:
        found = dict(zip(wanted, pool.map(prove, wanted), strict=True))
    sound = {lesson.name: stamps[lesson] for lesson in wanted if not found[lesson]}
    if sound:
        _keep(course, kept | sound)
    return [f"{lesson.shown}: {line}" for lesson in wanted for line in found[lesson]]


def _proved(course: Course, lesson: Lesson) -> list[str]:
    """What the script `proof` says of a lesson, or why it said nothing."""
    env = environment(course, DLUTILS_PROFILE="quick", MPLBACKEND="agg")
    env["PYTHONPATH"] += os.pathsep + str(Path(__file__).resolve().parents[2])  # coursetools
    with tempfile.TemporaryDirectory(prefix="coursetools-proof-") as folder:
        out = Path(folder, "problems.json")
        words = [sys.executable, "-m", "coursetools.grading.proof", course.root, lesson.name, out]
        settings = {"capture_output": True, "text": True, "errors": "replace", "timeout": SECONDS}
        try:
            ended = subprocess.run(words, env=env, cwd=folder, **settings)
        except subprocess.TimeoutExpired:
            return [f"grading it took more than {SECONDS / 60:g} minutes, so nothing is proved"]
        if ended.returncode == 0:
            return json.loads(out.read_text("utf-8"))
    said = (ended.stderr.strip().splitlines() or ["no word"])[-1][:300]
    return [f"grading it broke off, exit code {ended.returncode} ({said}), so nothing is proved"]


def _stamp(course: Course, lesson: Lesson) -> str:
    """A hash of all that a proof rests on: code cells, dlutils, grading itself, what is installed.

    The environment is this one: another backend or version, or the fence, makes another proof.
    """
    digest = hashlib.sha256()
    cells = [
        (cell.role, cell.exercise, cell.points, cell.solved, cell.stub)
        for cell in lesson.cells
        if cell.kind == "code"
    ]
    backend, fenced = os.environ.get("KERAS_BACKEND"), find_fence().bwrap is not None
    around = (FORMAT, course.repository, versions(), backend, fenced)
    digest.update(repr((around, cells)).encode())
    for folder in (course.root / "dlutils", Path(__file__).parent):
        for path in sorted(folder.rglob("*.py")):
            text = path.read_bytes()
            digest.update(f"{path.relative_to(folder)} {len(text)}\n".encode() + text)
    return digest.hexdigest()


def _kept(course: Course) -> dict[str, str]:
    try:
        kept = json.loads((course.root / KEPT).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _keep(course: Course, proofs: dict[str, str]) -> None:
    """Write the stamps of what is proved; where that cannot be, they are proved again next time."""
    path = course.root / KEPT
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        (path.parent / ".gitignore").write_text("*\n")
        path.with_suffix(".new").write_text(json.dumps(proofs, indent=1, sort_keys=True) + "\n")
        os.replace(path.with_suffix(".new"), path)
