"""Build the notebooks of a lesson: all of them are written, or none is touched."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from coursetools.check import solution_problems
from coursetools.course import Course
from coursetools.errors import LessonError
from coursetools.execute import Failure, KernelDiedError, environment, execute
from coursetools.fingerprint import fingerprint
from coursetools.keep import ignored, keep_outputs
from coursetools.notebooks import render, solution_notebook, student_notebook
from coursetools.outputs import address, number, scrub
from coursetools.source import Lesson, read_lesson


@dataclass
class Built:
    """What became of one lesson: `written` names the notebooks that changed."""

    lesson: str
    executed: bool
    written: list[str]
    seconds: float


def build(
    course: Course,
    names: list[str] | tuple[str, ...] = (),
    force: bool = False,
    on_cell: Callable[[str, int, int], None] = lambda lesson, cell, cells: None,
) -> Iterator[Built]:
    """Build the named lessons (default: all), one after the other.

    A solution is executed only where its fingerprint differs, where it is not in step with its
    lesson, or when forced. `on_cell(lesson, cell, cells)` reports progress. Raises LessonError
    before anything is executed if a source breaks a rule, and at a cell that fails.
    """
    lessons = [read_lesson(path, course.shown(path)) for path in course.select(names)]
    for lesson in lessons:
        started = time.perf_counter()
        texts = {
            course.notebooks / f"{lesson.name}.ipynb": render(student_notebook(course, lesson))
        }
        executed = force or bool(solution_problems(course, lesson))
        if executed:
            solution = _executed(course, lesson, on_cell)
            texts[course.solutions / f"{lesson.name}.ipynb"] = render(solution)
        written = [course.shown(path) for path in write_all(texts)]
        yield Built(lesson.name, executed, written, time.perf_counter() - started)


def _executed(course: Course, lesson: Lesson, on_cell) -> NotebookNode:
    """The solution with fresh outputs, or stored ones where they are as good."""
    notebook = solution_notebook(course, lesson, fingerprint(course, lesson))
    course.solutions.mkdir(parents=True, exist_ok=True)
    unset = dict.fromkeys(("DLUTILS_SEED", "DLUTILS_REPORT"))
    env = environment(course, DLUTILS_PROFILE="quick", KERAS_BACKEND="tensorflow", **unset)
    cells = len(notebook.cells)
    try:
        kernel = execute(
            notebook, env, course.solutions, on_cell=lambda cell: on_cell(lesson.name, cell, cells)
        )
    except KernelDiedError as error:
        raise lesson.error(lesson.cells[error.index].line, str(error)) from None
    if kernel.failures:
        raise _cell_error(lesson, kernel.failures[0])
    _clean(lesson, notebook)
    _keep(notebook, course.solutions / f"{lesson.name}.ipynb")
    number(notebook)
    return notebook


def _clean(lesson: Lesson, notebook: NotebookNode) -> None:
    for cell, node in zip(lesson.cells, notebook.cells, strict=True):
        if node.cell_type != "code":
            continue
        node.outputs = scrub(node.outputs)
        if not ignored(node) and (shown := address(node.outputs)):
            raise lesson.error(
                cell.line,
                f"this cell shows a memory address (`{shown}`), so nbval would fail on every run; "
                "assign the result to a name (a trailing `;` does not hide it from nbval).",
            )


def _keep(notebook: NotebookNode, path: Path) -> None:
    if not path.is_file():
        return
    try:
        stored = nbformat.reads(path.read_text("utf-8"), as_version=nbformat.NO_CONVERT)
        nbformat.validate(stored)
    except Exception:  # Whatever is wrong with the old notebook, the new one replaces it.
        return
    keep_outputs(notebook, stored)


def _cell_error(lesson: Lesson, failure: Failure) -> LessonError:
    line = lesson.cells[failure.index].line
    return lesson.error(
        line, f"this cell raised {failure.name}, so nothing was written:\n{failure.tail}"
    )


def write_all(texts: dict[Path, str]) -> list[Path]:
    """Write the texts that differ from their files; no file is ever seen half written.

    Returns the paths written. Everything is on disk under another name before the first file
    is replaced.
    """
    changed = {path: text.encode() for path, text in texts.items() if not _holds(path, text)}
    fresh = {path: path.with_name(f".{path.name}.{os.getpid()}.new") for path in changed}
    try:
        for path, data in changed.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh[path].write_bytes(data)
        for path in changed:
            os.replace(fresh[path], path)
    finally:
        for path in fresh.values():
            path.unlink(missing_ok=True)
    return list(changed)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()
